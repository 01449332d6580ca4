//! Whole reports on their way into the manifest: what may be committed when, and what contradicts what.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::options::{ImportSummary, OnReject};
use super::stage::Stage;
use super::{Outcome, Result};
use crate::day::Period;
use crate::error::Error;
use crate::ingest::Kind;
use crate::kv::value;
use crate::sales::manifest::{Manifest, Report, ReportKey};
use crate::sales::totals::MoneyTotal;
use crate::sales::{COUNTER_KEY, Engine};
use crate::store::{Transaction, Write};

/// A report that is read and staged as a whole.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) report: Report,
    pub(super) file: PathBuf,
    /// Whether its file stands for every part of its period.
    pub(super) whole_period: bool,
}

impl Pending {
    /// Whether the other holds rows of the same report.
    fn collides(&self, other: &Self) -> bool {
        let (a, b) = (&self.report.key, &other.report.key);
        a == b || (a.same_period(b) && (self.whole_period || other.whole_period))
    }

    /// Whether committing this one removes a stored report.
    fn replaces(&self, stored: &Report) -> bool {
        let same_period = self.report.key.same_period(&stored.key);
        stored.key == self.report.key || (self.whole_period && same_period)
    }
}

/// Whether a container of this kind stands for all parts of its period. Of Google's earnings each archive is a part.
pub(super) fn stands_for_period(kind: Kind, is_container: bool) -> bool {
    is_container && kind != Kind::GoogleEarnings
}

/// The books of one import call.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Files that are not done, with the period their name claims.
    outstanding: HashMap<PathBuf, Option<Period>>,
    on_reject: OnReject,
    pending: Vec<Pending>,
    /// Reports that two files of this call claim.
    disputed: HashMap<ReportKey, PathBuf>,
    failures: Vec<(PathBuf, Error)>,
    /// The journal refused a commit: nothing more can be stored.
    fatal: Option<Error>,
    summary: ImportSummary,
}

impl Ledger {
    pub(super) fn new(claims: Vec<(PathBuf, Option<Period>)>, on_reject: OnReject) -> Self {
        Self {
            outstanding: claims.into_iter().collect(),
            on_reject,
            pending: Vec::new(),
            disputed: HashMap::new(),
            failures: Vec::new(),
            fatal: None,
            summary: ImportSummary::default(),
        }
    }

    pub(super) fn summary(&self) -> ImportSummary {
        self.summary
    }

    /// The failures, in the order in which they happened.
    pub(super) fn take_failures(&mut self) -> Vec<(PathBuf, Error)> {
        std::mem::take(&mut self.failures)
    }

    /// Why the journal refused a commit, if it did.
    pub(super) fn take_fatal(&mut self) -> Option<Error> {
        self.fatal.take()
    }

    /// Whether nothing of this call can be stored any more.
    pub(super) fn gave_up(&self) -> bool {
        self.fatal.is_some() || (self.on_reject == OnReject::Fail && !self.failures.is_empty())
    }

    /// Notes what became of a file.
    pub(super) fn note(&mut self, path: &Path, result: Result<Outcome>) {
        self.outstanding.remove(path);
        match result {
            Ok(Outcome::Unchanged) => {
                self.summary.files += 1;
                self.summary.unchanged += 1;
            }
            Ok(Outcome::Read) | Err(Error::Cancelled) => {}
            Err(error) => self.failures.push((path.to_owned(), error)),
        }
    }

    /// Takes in the reports of one file. A copy of a file of this call counts as unchanged.
    ///
    /// # Errors
    /// [`Error::Format`] naming both files where another one of this call holds the same report; neither is stored.
    /// [`Error::Conflict`] where the same bytes are stored under another period.
    pub(super) fn add(&mut self, manifest: &Manifest, reports: Vec<Pending>) -> Result<Outcome> {
        for new in &reports {
            check_period(manifest, new, &reports)?;
            if let Some(other) = self.disputed.get(&new.report.key) {
                return Err(dispute(new, other));
            }
        }
        let other = self.pending.iter().find(|other| reports.iter().any(|new| new.collides(other)));
        match other {
            None => {
                self.pending.extend(reports);
                Ok(Outcome::Read)
            }
            Some(other) if reports.iter().all(|new| new.report.sha256 == other.report.sha256) => {
                Ok(Outcome::Unchanged)
            }
            Some(other) => {
                let other = other.file.clone();
                Err(self.dispute(&other, &reports))
            }
        }
    }

    /// Drops what two files both claim, and everything else of both files.
    fn dispute(&mut self, other: &Path, reports: &[Pending]) -> Error {
        let Some(new) = reports.first() else { return Error::Cancelled };
        let dropped = self.pending.extract_if(.., |pending| pending.file == other);
        for pending in dropped.collect::<Vec<_>>() {
            self.disputed.insert(pending.report.key, other.to_owned());
        }
        for report in reports {
            self.disputed.insert(report.report.key.clone(), new.file.clone());
        }
        let period = new.report.key.period;
        self.failures.push((other.to_owned(), dispute_error(other, &new.file, period)));
        dispute_error(&new.file, other, period)
    }

    /// Fails the files of which rows lie in a roll that could not be written.
    pub(super) fn drop_lost(&mut self, stage: &Stage) {
        let is_lost = |pending: &Pending| {
            let report = &pending.report;
            report.ranges.iter().chain(&report.reject_ranges).any(|range| stage.is_lost(range.roll))
        };
        let files: Vec<PathBuf> =
            self.pending.iter().filter(|p| is_lost(p)).map(|p| p.file.clone()).collect();
        self.pending.retain(|pending| !files.contains(&pending.file));
        for file in files {
            let detail = "its rows could not be written; nothing of it is stored";
            self.failures.push((file.clone(), Error::format(&file, None, detail)));
        }
    }

    /// Commits the reports that lie in finished rolls, unless a file that is not read yet may still dispute one.
    pub(super) fn commit_finished(&mut self, engine: &Engine, stage: &mut Stage) -> Result<()> {
        let undisputed = |pending: &Pending| {
            self.outstanding
                .values()
                .all(|claim| claim.is_some_and(|claim| claim != pending.report.key.period))
        };
        if self.on_reject == OnReject::Fail || !self.pending.iter().all(undisputed) {
            return Ok(());
        }
        self.commit_where(engine, stage, |stage, pending| stage.has_finished(&pending.report))
    }

    /// Commits all reports.
    pub(super) fn commit(&mut self, engine: &Engine, stage: &mut Stage) -> Result<()> {
        self.commit_where(engine, stage, |_, _| true)
    }

    fn commit_where(
        &mut self,
        engine: &Engine,
        stage: &mut Stage,
        ready: impl Fn(&Stage, &Pending) -> bool,
    ) -> Result<()> {
        let mut ready: Vec<Pending> = self.pending.extract_if(.., |pending| ready(stage, pending)).collect();
        if ready.is_empty() {
            return Ok(());
        }
        let replaced = engine.store.write(|transaction| put(engine, transaction, &mut ready));
        let replaced = replaced.inspect_err(|error| {
            self.fatal = Some(error.told_again());
            if engine.store.is_poisoned() {
                stage.abandon();
            }
        })?;
        // Also of a store that was closed meanwhile: the commit stands.
        let manifest = Manifest::of(engine.store.view())?;
        engine.rolls.keep_only(|roll| manifest.names(roll));
        stage.committed(|roll| manifest.names(roll));
        self.count(&ready, &replaced);
        Ok(())
    }

    fn count(&mut self, reports: &[Pending], replaced: &[bool]) {
        let mut files = HashMap::<&Path, bool>::new();
        for (pending, &replaced) in reports.iter().zip(replaced) {
            *files.entry(&pending.file).or_default() |= replaced;
            self.summary.rows += pending.report.rows;
            self.summary.rejected += pending.report.rejected;
        }
        self.summary.files += files.len() as u64;
        self.summary.replaced += files.values().filter(|&&replaced| replaced).count() as u64;
    }
}

/// The same bytes are not two periods' reports.
fn check_period(manifest: &Manifest, new: &Pending, file: &[Pending]) -> Result<()> {
    let is_of_file = |period: Period| file.iter().any(|report| report.report.key.period == period);
    let stored = manifest.reports().find(|stored| {
        stored.sha256 == new.report.sha256
            && stored.key.account == new.report.key.account
            && stored.key.kind == new.report.key.kind
            && !stored.path.is_empty()
            && !is_of_file(stored.key.period)
    });
    let Some(stored) = stored else { return Ok(()) };
    let detail = format!(
        "{}: the same bytes are stored as the report of {}; delete that one first",
        new.file.display(),
        stored.key.period
    );
    Err(Error::Conflict { field: "period".to_owned(), detail })
}

fn dispute(new: &Pending, other: &Path) -> Error {
    dispute_error(&new.file, other, new.report.key.period)
}

fn dispute_error(file: &Path, other: &Path, period: Period) -> Error {
    let detail =
        format!("{} is a report of {period}, too, with other content; neither is stored", other.display());
    Error::format(file, None, detail)
}

/// Writes reports into the store; tells which of them replaced stored ones.
fn put(engine: &Engine, transaction: &mut Transaction<'_>, reports: &mut [Pending]) -> Result<Vec<bool>> {
    let manifest = Manifest::of(transaction.view()?)?;
    let mut replaced = Vec::with_capacity(reports.len());
    for pending in reports {
        let old: Vec<_> = manifest.reports().filter(|stored| pending.replaces(stored)).collect();
        let before: Vec<MoneyTotal> = MoneyTotal::sum(old.iter().flat_map(|report| &report.totals));
        pending.report.replaced = (!old.is_empty()).then_some(before);
        for stored in &old {
            transaction.delete(&stored.key.bytes());
        }
        transaction.put(pending.report.key.bytes(), value::encode(&pending.report)?);
        replaced.push(!old.is_empty());
    }
    transaction.put(COUNTER_KEY.to_vec(), value::encode(&engine.next_import_id())?);
    Ok(replaced)
}
