//! Keeps rolls few and full: a roll of which more than half is dead is written anew, and small ones are put together
//! when there are too many. Rows keep their report, their order and their totals; only where they lie changes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::Engine;
use super::import::{Run, Stage};
use super::manifest::{LiveRoll, Manifest, Report, RowRange};
use super::schema::{REJECTS, ROWS};
use super::segment::SegmentIdentity;
use super::select::split_at_blocks;
use super::totals::TotalsBuilder;
use crate::column::{Batch, Column};
use crate::day::Period;
use crate::error::{Error, Result};
use crate::kv::value;
use crate::roll::{BLOCK_ROWS, ROWS_MAX, Roll};
use crate::store::{Transaction, Write};

/// More live rolls than this are put together, as long as [`MERGED_ROWS_MAX`] allows.
const ROLLS_MAX: usize = 64;
/// How many are left then.
const ROLLS_AFTER: usize = 32;
/// A roll is not added to smaller ones that have less than this part of its rows together.
const LARGER_MAX: u64 = 8;
/// Merging stops where this many rows are stored: from there on rolls are full anyway.
const MERGED_ROWS_MAX: u64 = 100_000_000;
/// The newest periods are restated soon: putting them away would be work for nothing.
const YOUNG_PERIODS: usize = 2;

/// What the reports of one commit take, which has a largest size: until all are committed, both rolls stand.
const COMMIT_BYTES: usize = 16 << 20;

/// Writes rolls anew where that is worth it.
pub(crate) fn run(engine: &Engine) -> Result<()> {
    let manifest = engine.manifest()?;
    let chosen = choose(&manifest)?;
    if chosen.is_empty() { Ok(()) } else { rewrite(engine, &manifest, &chosen) }
}

/// Writes every roll anew that has dead rows, and puts together all that are not full.
pub(crate) fn run_fully(engine: &Engine) -> Result<()> {
    let manifest = engine.manifest()?;
    let (mut chosen, mut partial) = (BTreeSet::new(), BTreeSet::new());
    for live in manifest.rolls() {
        let (rows, all) = (live_rows(live), u64::from(all_rows(live)?));
        if rows < all {
            chosen.insert(live.file.number());
        } else if rows * 2 < u64::from(ROWS_MAX) {
            partial.insert(live.file.number());
        }
    }
    if chosen.len() + partial.len() > 1 {
        chosen.append(&mut partial);
    }
    if chosen.is_empty() { Ok(()) } else { rewrite(engine, &manifest, &chosen) }
}

fn live_rows(live: &LiveRoll) -> u64 {
    live.slices.iter().map(|slice| u64::from(slice.count)).sum()
}

/// A roll that may be put together with others. Sorted so that old and small ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    is_young: bool,
    rows: u64,
    number: u32,
}

/// The rolls to write anew.
fn choose(manifest: &Manifest) -> Result<BTreeSet<u32>> {
    let (mut chosen, mut others) = (BTreeSet::new(), Vec::new());
    let young = young_periods(manifest);
    for live in manifest.rolls() {
        let (rows, number) = (live_rows(live), live.file.number());
        if rows * 2 < u64::from(all_rows(live)?) {
            chosen.insert(number);
        } else {
            let is_young = live.slices.iter().any(|slice| young.contains(&slice.report.key.period));
            others.push(Candidate { is_young, rows, number });
        }
    }
    if others.len() > ROLLS_MAX && manifest.rows() < MERGED_ROWS_MAX {
        chosen.extend(smallest(others));
    }
    Ok(chosen)
}

/// The smallest of too many rolls. A large one is not copied for the sake of a few small ones, and young ones are left
/// alone as long as others are enough.
fn smallest(mut rolls: Vec<Candidate>) -> Vec<u32> {
    let count = rolls.len();
    rolls.sort_unstable();
    let (mut chosen, mut rows) = (Vec::new(), 0_u64);
    for roll in &rolls {
        let left = count - chosen.len();
        let is_enough = if roll.is_young { left < ROLLS_MAX } else { left <= ROLLS_AFTER };
        let is_large = left < ROLLS_MAX && roll.rows > rows.saturating_mul(LARGER_MAX);
        if is_enough || (is_large && !roll.is_young) {
            continue;
        }
        rows += roll.rows;
        chosen.push(roll.number);
    }
    chosen
}

fn young_periods(manifest: &Manifest) -> BTreeSet<Period> {
    let periods: BTreeSet<Period> = manifest.reports().map(|report| report.key.period).collect();
    periods.into_iter().rev().take(YOUNG_PERIODS).collect()
}

fn all_rows(live: &LiveRoll) -> Result<u32> {
    let roll = live.open()?;
    Ok(roll.table(ROWS).map_or(0, |table| roll.rows(table)))
}

/// From ranges of rows as they were to where they lie now.
#[derive(Debug, Default)]
struct Moved {
    rows: HashMap<RowRange, Vec<RowRange>>,
    rejects: HashMap<RowRange, Vec<RowRange>>,
}

fn rewrite(engine: &Engine, manifest: &Manifest, chosen: &BTreeSet<u32>) -> Result<()> {
    let mut stage = Stage::new(&engine.rolls);
    let mut moved = Moved::default();
    let is_chosen = |range: &&RowRange| chosen.contains(&range.roll);
    let touched =
        |report: &&Arc<Report>| report.ranges.iter().chain(&report.reject_ranges).any(|r| is_chosen(&r));
    let reports: Vec<_> = manifest.reports().filter(touched).collect();
    let mut blocks = Blocks::default();
    for report in &reports {
        let mut members = 0..;
        let mut run = || Run::new(report.id, members.next().unwrap_or_default());
        for range in report.ranges.iter().filter(is_chosen) {
            let (roll, table) = table_of(manifest, range, ROWS)?;
            let mut read = |rows: &Range<u32>| blocks.read(range.roll, &roll, table, rows);
            let run = copy_rows((&mut stage, run()), (&roll, table), report, range, &mut read)?;
            moved.rows.insert(*range, run.ranges);
        }
        for range in report.reject_ranges.iter().filter(is_chosen) {
            let (roll, table) = table_of(manifest, range, REJECTS)?;
            let run = copy_rejects((&mut stage, run()), (&roll, table), report, range)?;
            moved.rejects.insert(*range, run.reject_ranges);
        }
    }
    stage.close()?;
    let mut bytes = 0;
    let fits = |_: &&Arc<Report>, next: &&Arc<Report>| {
        bytes += next.weight();
        let fits = bytes <= COMMIT_BYTES;
        bytes *= usize::from(fits);
        fits
    };
    for batch in reports.chunk_by(fits) {
        stage.commit(engine, |transaction, manifest| point(transaction, manifest, batch, &moved))?;
    }
    Ok(())
}

/// The block that was read last: many small reports lie in it.
#[derive(Debug, Default)]
struct Blocks {
    at: Option<(u32, u32)>,
    columns: Vec<Column>,
}

impl Blocks {
    /// All columns of some rows within one block of a roll.
    fn read(&mut self, number: u32, roll: &Roll, table: usize, rows: &Range<u32>) -> Result<Vec<Column>> {
        if rows.len() > BLOCK_ROWS as usize / 2 {
            return read_columns(roll, table, rows);
        }
        let block = rows.start / BLOCK_ROWS;
        let first = block * BLOCK_ROWS;
        if self.at != Some((number, block)) {
            let block_rows = first..(first + BLOCK_ROWS).min(roll.rows(table));
            self.columns = read_columns(roll, table, &block_rows)?;
            self.at = Some((number, block));
        }
        let rows = (rows.start - first) as usize..(rows.end - first) as usize;
        Ok(self.columns.iter().map(|column| column.slice(rows.clone())).collect())
    }
}

/// All columns of some rows within one block.
pub(super) fn read_columns(roll: &Roll, table: usize, rows: &Range<u32>) -> Result<Vec<Column>> {
    (0..roll.fields(table).len()).map(|column| roll.read(table, column, rows.clone())).collect()
}

/// Appends rows of a report, which `read` gives by the block.
pub(super) fn copy_rows(
    (stage, mut run): (&mut Stage, Run),
    (roll, table): (&Roll, usize),
    report: &Report,
    range: &RowRange,
    read: &mut dyn FnMut(&Range<u32>) -> Result<Vec<Column>>,
) -> Result<Run> {
    for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
        let columns = read(&rows)?;
        let batch = Batch { rows: rows.len(), fields: roll.fields(table).into(), columns };
        stage.append(&mut run, &batch, &TotalsBuilder::of(&batch)?, &[])?;
    }
    stage.end(&mut run, SegmentIdentity::of(report))?;
    Ok(run)
}

/// Appends what of a report could not be read.
pub(super) fn copy_rejects(
    (stage, mut run): (&mut Stage, Run),
    (roll, table): (&Roll, usize),
    report: &Report,
    range: &RowRange,
) -> Result<Run> {
    for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
        let batch = TotalsBuilder::default().take();
        stage.append(
            &mut run,
            &Batch::default(),
            &batch,
            &super::listing::read_rejects(roll, table, rows)?,
        )?;
    }
    stage.end(&mut run, SegmentIdentity::of(report))?;
    Ok(run)
}

fn table_of(manifest: &Manifest, range: &RowRange, name: &str) -> Result<(Arc<Roll>, usize)> {
    let live =
        manifest.roll(range.roll).ok_or_else(|| Error::NotFound { what: format!("roll {}", range.roll) })?;
    let roll = live.open()?;
    let table = roll.table(name);
    let table =
        table.ok_or_else(|| Error::corrupt(&live.file.path(), format!("the roll has no table {name:?}")))?;
    Ok((roll, table))
}

/// Points the reports to where their rows lie now. One that was replaced or deleted meanwhile is left alone.
fn point(
    transaction: &mut Transaction<'_>,
    manifest: &Manifest,
    reports: &[&Arc<Report>],
    moved: &Moved,
) -> Result<()> {
    for report in reports {
        let Some(stored) = manifest.get(&report.key).filter(|stored| stored.id == report.id) else {
            continue;
        };
        let mut stored = Report::clone(stored);
        stored.ranges = places(&stored.ranges, &moved.rows);
        stored.reject_ranges = places(&stored.reject_ranges, &moved.rejects);
        transaction.put(stored.key.bytes(), value::encode(&stored)?);
    }
    Ok(())
}

fn places(ranges: &[RowRange], moved: &HashMap<RowRange, Vec<RowRange>>) -> Vec<RowRange> {
    ranges.iter().flat_map(|range| moved.get(range).cloned().unwrap_or_else(|| vec![*range])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rolls with so many rows each, numbered from 0, of which the last few are young.
    fn rolls(rows: &[u64], young: usize) -> Vec<Candidate> {
        let candidate =
            |(number, &rows): (u32, &u64)| Candidate { is_young: number as usize >= young, rows, number };
        (0..).zip(rows).map(candidate).collect()
    }

    #[test]
    fn the_smallest_rolls_are_put_together() {
        let mut rows = vec![1_000; 40];
        rows.extend([50; 25]);
        let chosen = smallest(rolls(&rows, rows.len()));
        assert_eq!((chosen.len(), chosen[0], chosen[32]), (33, 40, 7));
        rows[..40].fill(1_000_000);
        assert_eq!(
            smallest(rolls(&rows, rows.len())),
            (40..65).collect::<Vec<u32>>(),
            "no large one for a few small"
        );
    }

    #[test]
    fn young_rolls_are_left_alone_unless_there_are_too_many() {
        let rows = [vec![1_000; 40], vec![50; 25]].concat();
        assert_eq!(smallest(rolls(&rows, 40)), (0..33).collect::<Vec<u32>>());
        let all_young = smallest(rolls(&rows, 1));
        assert_eq!(all_young.len(), 2, "as few as must be");
        assert!(all_young.contains(&40), "a small one: {all_young:?}");
    }
}
