//! Verifies what the sales store: every byte of every roll, and the manifest and the totals against the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::manifest::{LiveRoll, Manifest, RowRange};
use super::schema::ROWS;
use super::select::split_at_blocks;
use super::totals::{Sums, Totals, TotalsBuilder, TotalsLine};
use crate::column::Batch;
use crate::error::{Error, Result};
use crate::roll::Roll;

/// The columns that totals are made from.
const SUMMED: [&str; 7] = ["date", "currency", "earnings_currency", "type", "units", "sales", "earnings"];

/// What is wrong with the sales; nothing, mostly.
pub(crate) fn problems(manifest: &Manifest) -> Vec<String> {
    let rolls = manifest.rolls().filter_map(|live| check_roll(manifest, live).err());
    let counts = manifest.reports().filter_map(|report| {
        let rows: u64 = report.ranges.iter().map(|range| u64::from(range.count)).sum();
        let (account, kind, period) = (report.key.account, report.key.kind, report.key.period);
        (rows != report.rows).then(|| {
            format!("{kind} of {period} of account {account} names {rows} rows and counts {}", report.rows)
        })
    });
    rolls.map(|error| error.to_string()).chain(counts).collect()
}

fn check_roll(manifest: &Manifest, live: &LiveRoll) -> Result<()> {
    let (roll, path) = (live.open()?, live.file.path());
    roll.verify()?;
    let table = roll.table(ROWS).ok_or_else(|| Error::corrupt(&path, "the roll has no table of rows"))?;
    for slice in &live.slices {
        let range = RowRange { roll: live.file.number(), first: slice.first, count: slice.count };
        if range.first.saturating_add(range.count) > roll.rows(table) {
            return Err(Error::corrupt(
                &path,
                format!("a report names rows from {} that are not there", range.first),
            ));
        }
        let stored = manifest.totals(&range)?;
        let counted = count(&roll, table, &range)?;
        if by_key(stored.lines(&range)?) != by_key(counted.lines()) {
            return Err(Error::corrupt(
                &path,
                format!("the totals of the rows from {} do not fit", range.first),
            ));
        }
    }
    Ok(())
}

/// The totals of some rows, from the rows themselves.
pub(super) fn count(roll: &Roll, table: usize, range: &RowRange) -> Result<Totals> {
    let present: Vec<usize> = SUMMED.iter().filter_map(|name| roll.field(table, name)).collect();
    let fields: Arc<[_]> =
        present.iter().filter_map(|&column| roll.fields(table).get(column).cloned()).collect();
    let mut builder = TotalsBuilder::default();
    for rows in split_at_blocks(range.first..range.first + range.count) {
        let columns = present.iter().map(|&column| roll.read(table, column, rows.clone()));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        builder.add(&Batch { rows: rows.len(), fields: Arc::clone(&fields), columns })?;
    }
    Ok(builder.take())
}

type Key<'a> = (Option<i64>, Option<&'a str>, Option<&'a str>, Option<&'a str>);

pub(super) fn by_key<'a>(lines: impl IntoIterator<Item = TotalsLine<'a>>) -> BTreeMap<Key<'a>, Sums> {
    let key = |line: &TotalsLine<'a>| (line.date, line.currency, line.earnings_currency, line.ty);
    lines.into_iter().map(|line| (key(&line), line.sums)).collect()
}
