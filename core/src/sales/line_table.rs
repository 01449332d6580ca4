//! Lines of totals, as reports read them: each day and text once, and a line of 64 bytes with their codes. Code 0 is
//! null.

use std::ops::Range;

use hashbrown::HashMap;

use super::totals::{Sums, TotalsLine};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LineCodes([u32; Part::ALL.len()]);

impl LineCodes {
    pub(crate) fn of(&self, part: Part) -> usize {
        self.0.get(part as usize).map_or(0, |&code| code as usize)
    }
}

/// A line's codes and sums, as long as these fit.
#[derive(Debug, Clone, Copy)]
struct Line {
    codes: LineCodes,
    rows: u32,
    sales_values: u32,
    earnings_values: u32,
    earnings_nonzero: u32,
    units_in: i64,
    units_out: i64,
    sales: i64,
    earnings: i64,
}

impl Line {
    /// `None` where a number is too large for such a line.
    fn new(codes: LineCodes, sums: &Sums) -> Option<Self> {
        let sum = |sum: i128| i64::try_from(sum).ok();
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

/// Sums that do not fit a line are possible and so rare that they may cost all lines beside them.
#[derive(Debug)]
enum Lines {
    Narrow(Vec<Line>),
    Wide(Vec<(LineCodes, Sums)>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Lines {
    fn push(&mut self, codes: LineCodes, sums: &Sums) {
        if let Self::Narrow(lines) = self {
            if let Some(line) = Line::new(codes, sums) {
                lines.push(line);
                return;
            }
            *self = Self::Wide(lines.iter().map(|line| (line.codes, line.sums())).collect());
        }
        if let Self::Wide(lines) = self {
            lines.push((codes, *sums));
        }
    }
}

/// Lines, and what their codes mean.
#[derive(Debug, Default)]
pub(crate) struct LineTable {
    /// What a code means is at the place before it.
    days: Vec<i64>,
    texts: Vec<Box<str>>,
    lines: Lines,
}

impl LineTable {
    pub(crate) fn len(&self) -> usize {
        match &self.lines {
            Lines::Narrow(lines) => lines.len(),
            Lines::Wide(lines) => lines.len(),
        }
    }

    /// Some of the lines, in words.
    pub(crate) fn lines(&self, lines: Range<usize>) -> Vec<TotalsLine<'_>> {
        let mut told = Vec::with_capacity(lines.len());
        self.for_each(lines, |codes, sums| {
            let text = |part| self.text(codes.of(part));
            told.push(TotalsLine {
                date: self.day(codes.of(Part::Day)),
                currency: text(Part::Currency),
                earnings_currency: text(Part::EarningsCurrency),
                ty: text(Part::Type),
                sums: *sums,
            });
        });
        told
    }

    /// Calls `f` with some of the lines.
    #[inline]
    pub(crate) fn for_each(&self, range: Range<usize>, mut f: impl FnMut(&LineCodes, &Sums)) {
        match &self.lines {
            Lines::Narrow(lines) => {
                let lines = lines.get(range).unwrap_or_default();
                lines.iter().for_each(|line| f(&line.codes, &line.sums()));
            }
            Lines::Wide(lines) => {
                lines.get(range).unwrap_or_default().iter().for_each(|(codes, sums)| f(codes, sums));
            }
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

/// Writes a table line by line.
#[derive(Debug, Default)]
pub(crate) struct LineTableBuilder {
    table: LineTable,
    days: HashMap<i64, u32>,
    texts: HashMap<String, u32>,
}

impl LineTableBuilder {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn add(&mut self, line: &TotalsLine<'_>) {
        let codes = LineCodes([
            self.day(line.date),
            self.text(line.currency),
            self.text(line.earnings_currency),
            self.text(line.ty),
        ]);
        self.table.lines.push(codes, &line.sums);
    }

    pub(crate) fn finish(self) -> LineTable {
        self.table
    }

    fn day(&mut self, day: Option<i64>) -> u32 {
        let Some(day) = day else { return 0 };
        let days = &mut self.table.days;
        *self.days.entry(day).or_insert_with(|| {
            days.push(day);
            code(days.len())
        })
    }

    fn text(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        let texts = &mut self.table.texts;
        *self.texts.entry_ref(text).or_insert_with(|| {
            texts.push(text.into());
            code(texts.len())
        })
    }
}

/// There are fewer lines than rows, and of these fewer in a roll than 32 bits count.
fn code(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Adds up lines whose days come to be the same.
#[derive(Debug)]
pub(crate) struct Condenser {
    builder: LineTableBuilder,
    to: fn(Option<i64>) -> Option<i64>,
    sums: HashMap<LineCodes, Sums>,
}

/// From the codes of a table to those of a condenser.
#[derive(Debug)]
pub(crate) struct CodeMap {
    days: Vec<u32>,
    texts: Vec<u32>,
}

impl CodeMap {
    fn of(&self, codes: &LineCodes) -> LineCodes {
        let code = |part| {
            let map = if part == Part::Day { &self.days } else { &self.texts };
            map.get(codes.of(part)).copied().unwrap_or_default()
        };
        LineCodes(Part::ALL.map(code))
    }
}

impl Condenser {
    /// With what each day is brought to.
    pub(crate) fn new(to: fn(Option<i64>) -> Option<i64>) -> Self {
        Self { builder: LineTableBuilder::default(), to, sums: HashMap::new() }
    }

    /// Learns what the codes of a table mean.
    pub(crate) fn learn(&mut self, table: &LineTable) -> CodeMap {
        CodeMap {
            days: table.by_day(|day| self.builder.day((self.to)(day))),
            texts: table.by_text(|text| self.builder.text(text)),
        }
    }

    /// Adds some lines of a table that it has learnt.
    pub(crate) fn add(&mut self, table: &LineTable, map: &CodeMap, lines: Range<usize>) {
        table.for_each(lines, |codes, sums| self.sums.entry(map.of(codes)).or_default().add(sums));
    }

    /// Writes the sums of what was added since the last time, each line once, and tells where they stand.
    pub(crate) fn flush(&mut self) -> Range<usize> {
        let first = self.builder.len();
        let mut sums: Vec<_> = self.sums.drain().collect();
        sums.sort_unstable_by_key(|(codes, _)| *codes);
        sums.iter().for_each(|(codes, sums)| self.builder.table.lines.push(*codes, sums));
        first..self.builder.len()
    }

    pub(crate) fn finish(self) -> LineTable {
        self.builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_one_cache_line() {
        assert_eq!(size_of::<Line>(), 64);
    }
}
