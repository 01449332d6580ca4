//! Keeps rolls few and full: a roll of which more than half is dead is written anew, and small ones are put together
//! when there are too many. Rows keep their report, their order and their totals; only where they lie changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Engine;
use super::import::{Run, Stage};
use super::manifest::{LiveRoll, Manifest, Report, RowRange};
use super::schema::{REJECTS, ROWS};
use super::segment::SegmentIdentity;
use super::select::split_at_blocks;
use super::totals::TotalsBuilder;
use crate::column::Batch;
use crate::day::Period;
use crate::error::{Error, Result};
use crate::kv::value;
use crate::roll::{ROWS_MAX, Roll};
use crate::store::{Transaction, Write};

/// More live rolls than this are put together, as long as [`MERGED_ROWS_MAX`] allows.
const ROLLS_MAX: usize = 64;
/// How many are left then.
const ROLLS_AFTER: usize = 32;
/// Merging stops where this many rows are stored: from there on rolls are full anyway.
const MERGED_ROWS_MAX: u64 = 100_000_000;
/// The newest periods are restated soon: putting them away would be work for nothing.
const YOUNG_PERIODS: usize = 2;

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

/// The rolls to write anew.
fn choose(manifest: &Manifest) -> Result<BTreeSet<u32>> {
    let (mut chosen, mut others) = (BTreeSet::new(), Vec::new());
    let young = young_periods(manifest);
    for live in manifest.rolls() {
        let rows = live_rows(live);
        if rows * 2 < u64::from(all_rows(live)?) {
            chosen.insert(live.file.number());
        } else if !live.slices.iter().any(|slice| young.contains(&slice.report.key.period)) {
            others.push((rows, live.file.number()));
        }
    }
    let left = manifest.rolls().count() - chosen.len();
    if left > ROLLS_MAX && manifest.rows() < MERGED_ROWS_MAX {
        others.sort_unstable();
        chosen.extend(others.into_iter().take(left - ROLLS_AFTER).map(|(_, number)| number));
    }
    Ok(chosen)
}

fn young_periods(manifest: &Manifest) -> BTreeSet<Period> {
    let periods: BTreeSet<Period> = manifest.reports().map(|report| report.key.period).collect();
    periods.into_iter().rev().take(YOUNG_PERIODS).collect()
}

fn all_rows(live: &LiveRoll) -> Result<u32> {
    let roll = live.file.open()?;
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
    for report in &reports {
        let mut members = 0..;
        let mut run = || Run::new(report.id, members.next().unwrap_or_default());
        for range in report.ranges.iter().filter(is_chosen) {
            let run = copy_rows(manifest, &mut stage, run(), report, range)?;
            moved.rows.insert(*range, run.ranges);
        }
        for range in report.reject_ranges.iter().filter(is_chosen) {
            let run = copy_rejects(manifest, &mut stage, run(), report, range)?;
            moved.rejects.insert(*range, run.reject_ranges);
        }
    }
    stage.close()?;
    stage.commit(engine, |transaction, manifest| point(transaction, manifest, &reports, &moved))
}

fn copy_rows(
    manifest: &Manifest,
    stage: &mut Stage,
    mut run: Run,
    report: &Report,
    range: &RowRange,
) -> Result<Run> {
    let (roll, table) = table_of(manifest, range, ROWS)?;
    for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
        let columns = (0..roll.fields(table).len()).map(|column| roll.read(table, column, rows.clone()));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let batch = Batch { rows: rows.len(), fields: roll.fields(table).into(), columns };
        stage.append(&mut run, &batch, &TotalsBuilder::of(&batch)?, &[])?;
    }
    stage.end(&mut run, SegmentIdentity::of(report))?;
    Ok(run)
}

fn copy_rejects(
    manifest: &Manifest,
    stage: &mut Stage,
    mut run: Run,
    report: &Report,
    range: &RowRange,
) -> Result<Run> {
    let (roll, table) = table_of(manifest, range, REJECTS)?;
    for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
        let batch = TotalsBuilder::default().take();
        stage.append(
            &mut run,
            &Batch::default(),
            &batch,
            &super::listing::read_rejects(&roll, table, rows)?,
        )?;
    }
    stage.end(&mut run, SegmentIdentity::of(report))?;
    Ok(run)
}

fn table_of(manifest: &Manifest, range: &RowRange, name: &str) -> Result<(Arc<Roll>, usize)> {
    let live =
        manifest.roll(range.roll).ok_or_else(|| Error::NotFound { what: format!("roll {}", range.roll) })?;
    let roll = live.file.open()?;
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
