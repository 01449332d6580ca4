//! The totals of all reports in one roll, as reports over many of them read them: each day and text once a roll, and a
//! line of 64 bytes with their codes. Code 0 is null.

use std::ops::Range;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;

use super::manifest::RowRange;
use super::segment::SegmentMeta;
use super::totals::{Sums, Totals, TotalsLine};
use crate::error::{Error, Result};
use crate::roll::Roll;

/// What the rows of a line have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Day,
    Currency,
    EarningsCurrency,
    Type,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Day, Self::Currency, Self::EarningsCurrency, Self::Type];
}

/// The codes of a line, a part each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineCodes([u32; Part::ALL.len()]);

impl LineCodes {
    pub(crate) fn of(&self, part: Part) -> usize {
        self.0.get(part as usize).map_or(0, |&code| code as usize)
    }
}

/// A line's codes and sums. A run has at most as many rows as 32 bits count.
#[derive(Debug, Clone, Copy)]
struct Line<T> {
    codes: LineCodes,
    rows: u32,
    sales_values: u32,
    earnings_values: u32,
    earnings_nonzero: u32,
    units_in: T,
    units_out: T,
    sales: T,
    earnings: T,
}

impl<T: Copy + Into<i128>> Line<T> {
    #[inline]
    fn sums(&self) -> Sums {
        Sums {
            rows: self.rows.into(),
            units_in: self.units_in.into(),
            units_out: self.units_out.into(),
            sales: self.sales.into(),
            sales_values: self.sales_values.into(),
            earnings: self.earnings.into(),
            earnings_values: self.earnings_values.into(),
            earnings_nonzero: self.earnings_nonzero.into(),
        }
    }
}

impl<T: TryFrom<i128>> Line<T> {
    /// `None` where a number is too large for such a line.
    fn new(codes: LineCodes, sums: &Sums) -> Option<Self> {
        let sum = |sum: i128| T::try_from(sum).ok();
        let count = |count: u64| u32::try_from(count).ok();
        Some(Self {
            codes,
            rows: count(sums.rows)?,
            sales_values: count(sums.sales_values)?,
            earnings_values: count(sums.earnings_values)?,
            earnings_nonzero: count(sums.earnings_nonzero)?,
            units_in: sum(sums.units_in)?,
            units_out: sum(sums.units_out)?,
            sales: sum(sums.sales)?,
            earnings: sum(sums.earnings)?,
        })
    }
}

/// The lines of a roll. Sums that need more than 64 bits are possible and so rare that they may cost their whole roll.
#[derive(Debug)]
enum Lines {
    Narrow(Vec<Line<i64>>),
    Wide(Vec<Line<i128>>),
}

impl Lines {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(lines) => lines.len(),
            Self::Wide(lines) => lines.len(),
        }
    }

    /// `None` where a line counts more rows than a run can have.
    fn push(&mut self, codes: LineCodes, sums: &Sums) -> Option<()> {
        if let Self::Narrow(lines) = self {
            if let Some(line) = Line::new(codes, sums) {
                lines.push(line);
                return Some(());
            }
            let wide = lines.iter().map(|line| Line::new(line.codes, &line.sums()));
            *self = Self::Wide(wide.collect::<Option<_>>()?);
        }
        if let Self::Wide(lines) = self {
            lines.push(Line::new(codes, sums)?);
        }
        Some(())
    }
}

/// Where the lines of a run of rows stand.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    count: u32,
    lines: Range<usize>,
}

/// The totals of all runs of rows in one roll.
#[derive(Debug)]
pub(crate) struct RollTotals {
    path: PathBuf,
    /// What a code means is at the place before it.
    days: Vec<i64>,
    texts: Vec<Box<str>>,
    lines: Lines,
    /// By the first row of the run.
    runs: HashMap<u32, Run>,
}

impl RollTotals {
    pub(crate) fn read(roll: &Roll, path: &Path) -> Result<Self> {
        let mut builder = Builder::new(path);
        for segment in roll.segments() {
            let meta = SegmentMeta::decode(&segment.meta, path)?;
            if let Some(rows) = segment.ranges.first().filter(|rows| !rows.is_empty()) {
                builder.add(rows.clone(), &meta.totals).ok_or_else(|| {
                    let detail =
                        format!("the totals of the rows from {} count more than there are", rows.start);
                    Error::corrupt(path, detail)
                })?;
            }
        }
        Ok(builder.totals)
    }

    /// The run of a report's rows.
    ///
    /// # Errors
    /// [`Error::Corruption`] where the roll has no totals of just these rows.
    pub(crate) fn run(&self, rows: &RowRange) -> Result<&Run> {
        let run = self.runs.get(&rows.first).filter(|run| run.count == rows.count);
        run.ok_or_else(|| Error::corrupt(&self.path, format!("no totals for the rows from {}", rows.first)))
    }

    /// The lines of a report's rows.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn lines(&self, rows: &RowRange) -> Result<Vec<TotalsLine<'_>>> {
        let run = self.run(rows)?;
        let mut lines = Vec::with_capacity(run.lines.len());
        self.for_each(run, |codes, sums| {
            let text = |part| self.text(codes.of(part));
            lines.push(TotalsLine {
                date: self.day(codes.of(Part::Day)),
                currency: text(Part::Currency),
                earnings_currency: text(Part::EarningsCurrency),
                ty: text(Part::Type),
                sums: *sums,
            });
        });
        Ok(lines)
    }

    /// Calls `f` with every line of a run.
    #[inline]
    pub(crate) fn for_each(&self, run: &Run, f: impl FnMut(&LineCodes, &Sums)) {
        fn each<T: Copy + Into<i128>>(lines: &[Line<T>], mut f: impl FnMut(&LineCodes, &Sums)) {
            lines.iter().for_each(|line| f(&line.codes, &line.sums()));
        }
        match &self.lines {
            Lines::Narrow(lines) => each(lines.get(run.lines.clone()).unwrap_or_default(), f),
            Lines::Wide(lines) => each(lines.get(run.lines.clone()).unwrap_or_default(), f),
        }
    }

    /// Something for each day, null first.
    pub(crate) fn by_day<T>(&self, f: impl FnMut(Option<i64>) -> T) -> Vec<T> {
        std::iter::once(None).chain(self.days.iter().copied().map(Some)).map(f).collect()
    }

    /// Something for each text, null first.
    pub(crate) fn by_text<T>(&self, f: impl FnMut(Option<&str>) -> T) -> Vec<T> {
        std::iter::once(None).chain(self.texts.iter().map(|text| Some(&**text))).map(f).collect()
    }

    fn day(&self, code: usize) -> Option<i64> {
        self.days.get(code.checked_sub(1)?).copied()
    }

    fn text(&self, code: usize) -> Option<&str> {
        self.texts.get(code.checked_sub(1)?).map(AsRef::as_ref)
    }
}

struct Builder {
    totals: RollTotals,
    days: HashMap<i64, u32>,
    texts: HashMap<String, u32>,
}

impl Builder {
    fn new(path: &Path) -> Self {
        let (days, texts, runs) = (Vec::new(), Vec::new(), HashMap::new());
        let totals =
            RollTotals { path: path.to_owned(), days, texts, lines: Lines::Narrow(Vec::new()), runs };
        Self { totals, days: HashMap::new(), texts: HashMap::new() }
    }

    /// `None` where the totals count more rows than a run can have.
    fn add(&mut self, rows: Range<u32>, totals: &Totals) -> Option<()> {
        let first = self.totals.lines.len();
        for line in totals.lines() {
            let codes = LineCodes([
                self.day(line.date),
                self.text(line.currency),
                self.text(line.earnings_currency),
                self.text(line.ty),
            ]);
            self.totals.lines.push(codes, &line.sums)?;
        }
        let run = Run { count: rows.end - rows.start, lines: first..self.totals.lines.len() };
        self.totals.runs.insert(rows.start, run);
        Some(())
    }

    fn day(&mut self, day: Option<i64>) -> u32 {
        let Some(day) = day else { return 0 };
        let days = &mut self.totals.days;
        *self.days.entry(day).or_insert_with(|| {
            days.push(day);
            code(days.len())
        })
    }

    fn text(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        let texts = &mut self.totals.texts;
        *self.texts.entry_ref(text).or_insert_with(|| {
            texts.push(text.into());
            code(texts.len())
        })
    }
}

/// A roll has fewer lines than rows, and of these fewer than 32 bits count.
fn code(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{Batch, Column, Field, NULL_CODE, Type};
    use crate::sales::totals::TotalsBuilder;
    use std::sync::Arc;

    /// Totals of rows with these texts in each of the three columns, of this day and this money.
    fn totals(texts: &[Option<&str>], day: Option<i64>, money: i64) -> Totals {
        let rows = texts.len();
        let ints = |value: Option<i64>| Column::Int {
            values: vec![value.unwrap_or_default(); rows],
            nulls: value.is_none().then(|| arrow_buffer::NullBuffer::new_null(rows)),
        };
        let text = || Column::Coded {
            dictionary: Arc::new(texts.iter().copied().flatten().collect()),
            codes: {
                let mut next = 0..;
                texts.iter().map(|text| text.and_then(|_| next.next()).unwrap_or(NULL_CODE)).collect()
            },
        };
        let columns = [
            ("date", Type::Int, ints(day)),
            ("currency", Type::Text, text()),
            ("earnings_currency", Type::Text, text()),
            ("type", Type::Text, text()),
            ("units", Type::Int, ints(Some(2))),
            ("sales", Type::Int, ints(Some(money))),
            ("earnings", Type::Int, ints(None)),
        ];
        let fields = columns.iter().map(|(name, ty, _)| Field::new(*name, *ty)).collect();
        let columns = columns.into_iter().map(|(_, _, column)| column).collect();
        TotalsBuilder::of(&Batch { rows, fields, columns }).unwrap()
    }

    fn shown(lines: impl IntoIterator<Item = TotalsLine<'static>>) -> Vec<String> {
        let mut shown: Vec<_> = lines.into_iter().map(|line| format!("{line:?}")).collect();
        shown.sort();
        shown
    }

    #[test]
    fn every_run_gives_back_its_own_lines() {
        let all = [
            totals(&[Some("EUR"), Some("USD")], Some(17_000), 5),
            totals(&[Some("USD"), None, Some("EUR")], Some(-4), i64::MAX),
            totals(&[None], None, -3),
        ];
        // What leaves 64 bits takes the lines before it along.
        let mut wide = all.clone();
        wide[1] = totals(&[Some("USD"), Some("USD"), Some("GBP")], Some(17_000), i64::MAX);
        for all in [all, wide] {
            let all: &'static [Totals] = Box::leak(Box::new(all));
            let mut builder = Builder::new(Path::new("a roll"));
            for (first, totals) in (0..).step_by(10).zip(all) {
                builder.add(first..first + 3, totals).unwrap();
            }
            let read: &'static RollTotals = Box::leak(Box::new(builder.totals));
            for (first, totals) in (0..).step_by(10).zip(all) {
                let lines = read.lines(&RowRange { roll: 1, first, count: 3 }).unwrap();
                assert_eq!(shown(lines), shown(totals.lines()));
            }
            assert!(read.run(&RowRange { roll: 1, first: 10, count: 2 }).is_err());
            assert!(read.run(&RowRange { roll: 1, first: 9, count: 3 }).is_err());
        }
    }

    #[test]
    fn a_line_takes_one_cache_line() {
        assert_eq!(size_of::<Line<i64>>(), 64);
    }
}
