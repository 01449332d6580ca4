//! Finds out what can be kept of the sales where rolls or commits are damaged or lost, and makes it so.
//!
//! | file | what stands there |
//! |---|---|
//! | `survey.rs` | every roll, read to its last byte: which runs of rows it has, whose, and which of them can be read |
//! | `groups.rs` | the runs that together are one version of a report |
//! | `graves.rs` | which reports the journal has seen deleted |
//! | `plan.rs` | which version of each report stands, and what is lost |
//!
//! Where the journal is whole it alone says which reports there are, and the rolls only whether they can be read. Where
//! commits are missing, a version in the rolls counts that is newer than all that the journal still tells of its report.

mod graves;
mod groups;
mod plan;
mod survey;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use self::graves::Graves;
use self::plan::Plan;
use self::survey::Survey;
use super::compact::{copy_rejects, copy_rows, read_columns};
use super::import::{Run, Stage};
use super::listing::hex;
use super::manifest::{Manifest, Report, ReportKey, RowRange};
use super::rolls::Rolls;
use super::schema::{REJECTS, ROWS};
use super::select::split_at_blocks;
use crate::column::Batch;
use crate::error::{Error, Result};
use crate::file::Disk;
use crate::ingest::{Item, Items, Kind, StoreKind};
use crate::kv::{Op, value};
use crate::roll::{Cache, Roll};
use crate::store::{Image, View, Write};

/// What of the rolls a repair keeps in memory.
const CACHE_BYTES: u64 = 64 << 20;

/// A file that a store gave out, and the report it was imported as: what is needed to import it again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportFile {
    /// The file as it was named when it was imported; empty for a period marked empty by hand.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The external account.
    pub account: u64,
    /// The kind of report.
    pub kind: Kind,
    /// The period, e.g. `2018-03`.
    pub period: String,
    /// Which part of the period; `0` where there is only one.
    pub part: String,
    /// The rows that were read.
    pub rows: u64,
}

impl ReportFile {
    fn new(key: &ReportKey, (path, sha256): (&str, Option<&[u8; 32]>), rows: u64) -> Self {
        Self {
            path: path.to_owned(),
            sha256: sha256.map(|bytes| hex(bytes)).unwrap_or_default(),
            account: key.account,
            kind: key.kind,
            period: key.period.to_string(),
            part: key.part.clone(),
            rows,
        }
    }

    /// Whether it is a version of this report.
    fn is_of(&self, key: &ReportKey) -> bool {
        (self.account, self.kind, &self.part) == (key.account, key.kind, &key.part)
            && self.period == key.period.to_string()
    }

    fn of(report: &Report) -> Self {
        Self::new(&report.key, (&report.path, Some(&report.sha256)), report.rows)
    }
}

/// An account with its store, and what a report of it sells.
pub(crate) type Sold = ((u64, StoreKind), Vec<Item>);

/// What is to be done about the sales.
pub(crate) struct SalesRepair {
    rolls: Arc<Rolls>,
    survey: Survey,
    plan: Plan,
    /// Rolls that were written; removed again where they are not needed after all.
    stage: Stage,
}

impl SalesRepair {
    /// Reads all rolls and decides. Writes nothing.
    ///
    /// # Errors
    /// [`Error::Format`] for a roll of a newer version, [`Error::Io`]. Damage is none.
    pub(crate) fn plan(
        dir: &Path,
        disk: &Arc<dyn Disk>,
        image: &Image,
        graves: &Graves,
        has_gaps: bool,
    ) -> Result<Self> {
        let rolls = Rolls::new(dir.join(super::ROLLS), Arc::clone(disk), Arc::new(Cache::new(CACHE_BYTES)));
        let survey = Survey::read(&rolls)?;
        let plan = Plan::make(image, &survey, graves, has_gaps)?;
        plan.reports().flat_map(Report::rolls).for_each(|number| rolls.reserve(number));
        let stage = Stage::new(&rolls);
        Ok(Self { rolls, survey, plan, stage })
    }

    /// The reports to import again.
    pub(crate) fn lost(&self) -> &[ReportFile] {
        &self.plan.lost
    }

    /// Reports that stand because their rows do, and that may have been deleted or never committed.
    pub(crate) fn uncertain(&self) -> Vec<ReportFile> {
        self.plan.restored().map(ReportFile::of).collect()
    }

    /// Whether what is stored of the reports must change.
    pub(crate) fn has_work(&self) -> bool {
        let plan = &self.plan;
        !plan.dropped.is_empty() || plan.next_import.is_some() || plan.changed().next().is_some()
    }

    /// What else is to be told.
    pub(crate) fn notes(&self) -> &[String] {
        &self.plan.notes
    }

    /// The accounts that reports are of, with their stores.
    pub(crate) fn accounts(&self) -> BTreeSet<(u64, StoreKind)> {
        self.plan.reports().map(|report| (report.key.account, report.store())).collect()
    }

    /// The roll files that go.
    pub(crate) fn gone(&self) -> Vec<PathBuf> {
        self.plan.gone.iter().map(|&number| self.rolls.path(number)).collect()
    }

    /// What the reports sell that the journal does not tell of, by account.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn items(&self) -> Result<Vec<Sold>> {
        let of_report = |report: &Report| {
            let mut items = Items::default();
            for range in &report.ranges {
                let Some((roll, table)) = self.survey.table(range, ROWS) else { continue };
                for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
                    let columns = read_columns(&roll, table, &rows)?;
                    let fields = roll.fields(table).into();
                    items.add(&Batch { rows: rows.len(), fields, columns }, report.store());
                }
            }
            Ok(((report.key.account, report.store()), items.take()))
        };
        self.plan.restored().map(of_report).collect()
    }

    /// Writes what can be read of damaged rolls into new ones, and brings the image in line with all that was decided.
    ///
    /// # Errors
    /// [`Error::Io`]; the new rolls are removed again then.
    pub(crate) fn carry_out(&mut self, image: &mut Image) -> Result<()> {
        for key in &self.plan.dropped {
            image.delete(key);
        }
        let survey = &self.survey;
        for report in self.plan.moving(|number| survey.is_hurt(number)) {
            rescue(survey, &mut self.stage, report)?;
        }
        self.stage.close()?;
        for report in self.plan.changed() {
            image.put(report.key.bytes(), value::encode(report)?);
        }
        if let Some(next) = self.plan.next_import {
            image.put(super::COUNTER_KEY.to_vec(), value::encode(&next)?);
        }
        self.try_out(image)
    }

    /// The reports of the image as an opening would take them up.
    fn try_out(&self, image: &Image) -> Result<()> {
        let ops: Vec<Op> = image
            .0
            .range(vec![super::REPORTS]..vec![super::REPORTS + 1])
            .map(|(key, value)| Op::put(key.as_slice(), &**value))
            .collect();
        Manifest::empty(Arc::clone(&self.rolls)).apply(&ops).map(drop)
    }

    /// The new rolls are the database's.
    pub(crate) fn keep(&mut self) {
        self.stage.keep();
    }
}

/// Moves those rows of a report that lie in damaged rolls into new ones.
fn rescue(survey: &Survey, stage: &mut Stage, report: &mut Report) -> Result<()> {
    let (mut ranges, mut reject_ranges) = (Vec::new(), Vec::new());
    let mut members = 0..;
    let mut run = || Run::new(report.id, members.next().unwrap_or_default());
    for range in &report.ranges {
        if !survey.is_hurt(range.roll) {
            ranges.push(*range);
            continue;
        }
        let (roll, table) = table_of(survey, range, ROWS)?;
        let mut read = |rows: &std::ops::Range<u32>| read_columns(&roll, table, rows);
        ranges.extend(copy_rows((stage, run()), (&roll, table), report, range, &mut read)?.ranges);
    }
    for range in &report.reject_ranges {
        if !survey.is_hurt(range.roll) {
            reject_ranges.push(*range);
            continue;
        }
        let (roll, table) = table_of(survey, range, REJECTS)?;
        reject_ranges.extend(copy_rejects((stage, run()), (&roll, table), report, range)?.reject_ranges);
    }
    (report.ranges, report.reject_ranges) = (ranges, reject_ranges);
    Ok(())
}

fn table_of(survey: &Survey, range: &RowRange, name: &str) -> Result<(Arc<Roll>, usize)> {
    survey.table(range, name).ok_or_else(|| Error::NotFound { what: format!("roll {}", range.roll) })
}
