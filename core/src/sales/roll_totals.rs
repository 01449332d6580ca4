//! The totals of all reports in one roll, as reports over many of them read them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;

use super::line_table::{LineTable, LineTableBuilder};
use super::manifest::RowRange;
use super::segment::SegmentMeta;
use super::totals::{Totals, TotalsLine};
use crate::error::{Error, Result};
use crate::roll::Roll;

/// Where the lines of a run of rows stand.
#[derive(Debug, Clone)]
struct Run {
    count: u32,
    lines: Range<usize>,
}

/// The totals of all runs of rows in one roll.
#[derive(Debug)]
pub(crate) struct RollTotals {
    path: PathBuf,
    table: Arc<LineTable>,
    /// By the first row of the run.
    runs: HashMap<u32, Run>,
}

impl RollTotals {
    pub(crate) fn read(roll: &Roll, path: &Path) -> Result<Self> {
        let mut builder = Builder::default();
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
        Ok(builder.finish(path))
    }

    /// All lines.
    pub(crate) fn table(&self) -> &Arc<LineTable> {
        &self.table
    }

    /// Where the lines of a report's rows stand.
    ///
    /// # Errors
    /// [`Error::Corruption`] where the roll has no totals of just these rows.
    pub(crate) fn run(&self, rows: &RowRange) -> Result<Range<usize>> {
        let run = self.runs.get(&rows.first).filter(|run| run.count == rows.count);
        let run = run.ok_or_else(|| {
            Error::corrupt(&self.path, format!("no totals for the rows from {}", rows.first))
        })?;
        Ok(run.lines.clone())
    }

    /// The lines of a report's rows.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn lines(&self, rows: &RowRange) -> Result<Vec<TotalsLine<'_>>> {
        Ok(self.table.lines(self.run(rows)?))
    }
}

#[derive(Default)]
struct Builder {
    table: LineTableBuilder,
    runs: HashMap<u32, Run>,
}

impl Builder {
    /// `None` where the totals count more rows than there are.
    fn add(&mut self, rows: Range<u32>, totals: &Totals) -> Option<()> {
        let (first, count) = (self.table.len(), rows.end - rows.start);
        let mut counted = 0_u64;
        for line in totals.lines() {
            counted = counted.checked_add(line.sums.rows).filter(|&rows| rows <= u64::from(count))?;
            self.table.add(&line);
        }
        self.runs.insert(rows.start, Run { count, lines: first..self.table.len() });
        Some(())
    }

    fn finish(self, path: &Path) -> RollTotals {
        RollTotals { path: path.to_owned(), table: Arc::new(self.table.finish()), runs: self.runs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::column::{Batch, Column, Field, NULL_CODE, Type};
    use crate::file::{Disk, OsDisk};
    use crate::roll::{Cache, TableSpec, Writer};
    use crate::sales::totals::{Sums, TotalsBuilder};

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

    fn read(all: &[Totals]) -> RollTotals {
        let mut builder = Builder::default();
        for (first, totals) in (0..).step_by(10).zip(all) {
            builder.add(first..first + 3, totals).unwrap();
        }
        builder.finish(Path::new("a roll"))
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
            let read: &'static RollTotals = Box::leak(Box::new(read(all)));
            for (first, totals) in (0..).step_by(10).zip(all) {
                let lines = read.lines(&RowRange { roll: 1, first, count: 3 }).unwrap();
                assert_eq!(shown(lines), shown(totals.lines()));
            }
            assert!(read.run(&RowRange { roll: 1, first: 10, count: 2 }).is_err());
            assert!(read.run(&RowRange { roll: 1, first: 9, count: 3 }).is_err());
        }
    }

    #[test]
    fn totals_of_more_rows_than_there_are_are_refused() {
        let totals = totals(&[Some("EUR"), Some("USD"), None], Some(3), 1);
        assert!(Builder::default().add(4..7, &totals).is_some());
        assert!(Builder::default().add(4..6, &totals).is_none());
    }

    /// A roll of three rows whose totals say what they say, with all checksums in order.
    fn roll_with(totals: Totals) -> Result<RollTotals> {
        let dir = tempfile::tempdir().unwrap();
        let (path, disk) = (dir.path().join("000007.roll"), Arc::new(OsDisk) as Arc<dyn Disk>);
        let spec = TableSpec { name: "rows".to_owned(), indexed: None };
        let mut writer = Writer::create(Arc::clone(&disk), &path, vec![spec]).unwrap();
        let units = Column::Int { values: vec![1; 3], nulls: None };
        let fields = Arc::new([Field::new("units", Type::Int)]);
        writer.append(0, &Batch { rows: 3, fields, columns: vec![units] }).unwrap();
        let meta = SegmentMeta { sequence: 1, member: 0, part: 0, totals, identity: None };
        writer.segment(std::iter::once(0..3).collect(), meta.encode().unwrap());
        writer.finish().unwrap();
        let roll = Roll::open(&disk, &path, Arc::new(Cache::new(1 << 20))).unwrap();
        RollTotals::read(&roll, &path)
    }

    #[test]
    fn totals_that_no_rows_come_to_are_damage() {
        let honest = || totals(&[Some("EUR"), Some("USD"), None], Some(3), i64::MIN);
        assert_eq!(roll_with(honest()).unwrap().table().len(), 3);
        let forgeries: [fn(&mut Sums); 10] = [
            |sums| sums.sales = i128::MAX,
            |sums| sums.sales = i128::MIN,
            |sums| sums.earnings = 1,
            |sums| sums.sales -= 1,
            |sums| sums.units_in = i128::MAX,
            |sums| sums.units_out = -1,
            |sums| sums.sales_values = u64::MAX,
            |sums| sums.earnings_values = 2,
            |sums| sums.earnings_nonzero = 1,
            |sums| sums.rows = u64::MAX,
        ];
        for (number, forgery) in forgeries.into_iter().enumerate() {
            let mut forged = honest();
            forged.forge(forgery);
            let error = roll_with(forged).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corruption, "{number}: {error}");
            assert!(error.to_string().contains("000007.roll"), "{number}: {error}");
        }
    }
}
