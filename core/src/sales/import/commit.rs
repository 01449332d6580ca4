//! Whole reports on their way into the manifest: what may be committed when, and what contradicts what.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{ImportSummary, OnReject};
use super::stage::Stage;
use super::waiting::Waiting;
use super::{Outcome, Result};
use crate::day::Period;
use crate::error::Error;
use crate::ingest::{Item, Items, Kind, StoreKind};
use crate::kv::value;
use crate::sales::manifest::{Manifest, Report, ReportKey};
use crate::sales::period::ONLY_PART;
use crate::sales::{COUNTER_KEY, Engine, history};
use crate::store::{Transaction, Write};

/// A report that is read and staged as a whole.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) report: Report,
    /// What it sells.
    pub(super) items: Items,
    pub(super) file: PathBuf,
}

impl Pending {
    /// Whether both claim the same report, or one claims the whole period of the other.
    fn collides(&self, other: &Self) -> bool {
        let (a, b) = (&self.report, &other.report);
        let same_content = a.whole || b.whole || a.sha256 == b.sha256 || mixes_parts(&a.key, &b.key);
        a.key == b.key || (a.key.same_period(&b.key) && same_content)
    }

    /// The stored reports that committing this one removes.
    fn replaced(&self, manifest: &Manifest) -> Vec<Arc<Report>> {
        let key = &self.report.key;
        let stored = manifest.parts(key.account, key.kind, key.period);
        stored
            .filter(|stored| stored.key == *key || self.report.whole || stored.is_marker())
            .cloned()
            .collect()
    }
}

/// Whether a container of this kind stands for all parts of its period. Of Google's earnings each archive is a part.
pub(in crate::sales) fn stands_for_period(kind: Kind, is_container: bool) -> bool {
    is_container && kind != Kind::GoogleEarnings
}

/// New items that one commit takes beside its reports; what is more gets its products in commits just before. A commit
/// has a largest size, and a product is a dozen changes.
const ITEMS_PER_COMMIT: usize = 10_000;

/// What the reports of one commit take; a commit has a largest size, and products come beside them.
const BATCH_BYTES: usize = 16 << 20;

/// The books of one import call.
#[derive(Debug)]
pub(super) struct Ledger {
    account: u64,
    store: StoreKind,
    /// Files that are not done, with the period their name claims.
    outstanding: HashMap<PathBuf, Option<Period>>,
    on_reject: OnReject,
    pending: Waiting,
    /// Reports that several files of this call claim: none of them is stored.
    disputed: Vec<Pending>,
    failures: Vec<(PathBuf, Error)>,
    /// A file was not read to its end because the caller cancelled.
    cut_short: bool,
    /// The journal refused a commit: nothing more can be stored.
    fatal: Option<Error>,
    summary: ImportSummary,
}

impl Ledger {
    pub(super) fn new(
        (account, store): (u64, StoreKind),
        claims: Vec<(PathBuf, Option<Period>)>,
        on_reject: OnReject,
    ) -> Self {
        Self {
            account,
            store,
            outstanding: claims.into_iter().collect(),
            on_reject,
            pending: Waiting::default(),
            disputed: Vec::new(),
            failures: Vec::new(),
            cut_short: false,
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

    /// Whether cancelling has left files unread.
    pub(super) fn is_cut_short(&self) -> bool {
        self.cut_short || !self.outstanding.is_empty()
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
        // A file that was not read to its end may still be of a report that another one holds.
        if !matches!(result, Err(Error::Cancelled)) {
            self.outstanding.remove(path);
        }
        match result {
            Ok(Outcome::Unchanged) => {
                self.summary.files += 1;
                self.summary.unchanged += 1;
            }
            Ok(Outcome::Read) => {}
            Err(Error::Cancelled) => self.cut_short = true,
            Err(error) => self.failures.push((path.to_owned(), error)),
        }
    }

    /// Takes in the reports of one file. A copy of a file of this call counts as unchanged.
    ///
    /// # Errors
    /// [`Error::Format`] naming both files where another one of this call holds the same report; neither is stored.
    /// [`Error::Conflict`] where the same bytes are stored under another period, or only a part is given of a period
    /// that is stored as a whole.
    pub(super) fn add(&mut self, manifest: &Manifest, reports: Vec<Pending>) -> Result<Outcome> {
        for new in &reports {
            check_period(manifest.of_bytes(&new.report.sha256).iter().map(AsRef::as_ref), new, &reports)?;
            check_period(self.pending.of_bytes_of(new).map(|pending| &pending.report), new, &reports)?;
            check_part(manifest, new)?;
        }
        let rival = |other: &&Pending| reports.iter().any(|new| new.collides(other));
        if let Some(other) = self.disputed.iter().find(rival) {
            let error = dispute(&reports, &other.file);
            self.disputed.extend(reports);
            return Err(error);
        }
        let beside = reports.iter().flat_map(|new| self.pending.beside(new));
        let rivals: Vec<&Pending> = beside.filter(rival).collect();
        let is_copy = |other: &&Pending| reports.iter().all(|new| new.report.sha256 == other.report.sha256);
        match rivals.first() {
            None => {
                self.pending.extend(reports);
                Ok(Outcome::Read)
            }
            Some(_) if rivals.iter().all(is_copy) => Ok(Outcome::Unchanged),
            Some(other) => {
                let error = dispute(&reports, &other.file);
                let files: Vec<PathBuf> = rivals.iter().map(|other| other.file.clone()).collect();
                self.withdraw(&files, &reports);
                self.disputed.extend(reports);
                Err(error)
            }
        }
    }

    /// Drops everything of files whose reports others claim, too.
    fn withdraw(&mut self, files: &[PathBuf], claimed_by: &[Pending]) {
        let withdrawn: Vec<Pending> = self.pending.take(|pending| files.contains(&pending.file));
        let mut told: Vec<&Path> = Vec::new();
        for pending in &withdrawn {
            if !told.contains(&pending.file.as_path()) {
                told.push(&pending.file);
                let rival = claimed_by.first().map_or(Path::new(""), |new| &new.file);
                let error = dispute(std::slice::from_ref(pending), rival);
                self.failures.push((pending.file.clone(), error));
            }
        }
        self.disputed.extend(withdrawn);
    }

    /// Fails the files of which rows lie in a roll that could not be written.
    pub(super) fn drop_lost(&mut self, stage: &Stage) {
        let is_lost = |pending: &Pending| {
            let report = &pending.report;
            report.ranges.iter().chain(&report.reject_ranges).any(|range| stage.is_lost(range.roll))
        };
        let files: Vec<PathBuf> = self.pending.all().filter(|p| is_lost(p)).map(|p| p.file.clone()).collect();
        drop(self.pending.take(|pending| files.contains(&pending.file)));
        for file in files {
            let detail = "its rows could not be written; nothing of it is stored";
            self.failures.push((file.clone(), Error::format(&file, None, detail)));
        }
    }

    /// Commits the reports that lie in finished rolls, unless a file that is not read yet may still dispute one.
    pub(super) fn commit_finished(&mut self, engine: &Engine, stage: &mut Stage) -> Result<()> {
        self.drop_lost(stage);
        if self.on_reject == OnReject::Fail
            || !self.pending.all().all(|pending| is_undisputed(&self.outstanding, pending))
        {
            return Ok(());
        }
        self.commit_where(engine, stage, |stage, pending| stage.has_finished(&pending.report))
    }

    /// Commits all reports; after a cancelling those that no unread file may still dispute, and so wholly or not.
    pub(super) fn commit(&mut self, engine: &Engine, stage: &mut Stage) -> Result<()> {
        let outstanding = self.outstanding.clone();
        self.commit_where(engine, stage, |_, pending| is_undisputed(&outstanding, pending))
    }

    fn commit_where(
        &mut self,
        engine: &Engine,
        stage: &mut Stage,
        ready: impl Fn(&Stage, &Pending) -> bool,
    ) -> Result<()> {
        let ready: Vec<Pending> = self.pending.take(|pending| ready(stage, pending));
        let batches = match self.on_reject {
            OnReject::Keep => in_batches(&*engine.manifest()?, ready),
            OnReject::Fail => vec![ready],
        };
        for mut batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
            let replaced = self.commit_all(engine, stage, &mut batch);
            let replaced = replaced.inspect_err(|error| self.fatal = Some(error.told_again()))?;
            self.count(&batch, &replaced);
        }
        Ok(())
    }

    /// Commits reports and the products of what they sell; tells which of them replaced stored ones.
    fn commit_all(&self, engine: &Engine, stage: &mut Stage, ready: &mut [Pending]) -> Result<Vec<bool>> {
        let items = all_items(ready);
        let (last, before) = match items.rchunks(ITEMS_PER_COMMIT).collect::<Vec<_>>().as_slice() {
            [last, before @ ..] => (*last, before.to_vec()),
            [] => (&[][..], Vec::new()),
        };
        let register = |transaction: &mut Transaction<'_>, items: &[Item]| {
            engine.catalogue.register(transaction, self.account, self.store, items)
        };
        for items in before {
            engine.store.write(|transaction| register(transaction, items))?();
        }
        let (replaced, tell) = stage.commit(engine, |transaction, manifest| {
            let tell = register(transaction, last)?;
            Ok((put(engine, transaction, manifest, ready)?, tell))
        })?;
        tell();
        Ok(replaced)
    }

    /// Counts files, each of which is whole in one commit.
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

/// The same bytes are not two periods' reports; but all months without a sale look alike.
fn check_period<'a>(
    mut others: impl Iterator<Item = &'a Report>,
    new: &Pending,
    file: &[Pending],
) -> Result<()> {
    let is_empty = new.report.rows + new.report.rejected == 0;
    let is_of_file = |period: Period| file.iter().any(|report| report.report.key.period == period);
    let stored = others.find(|stored| {
        stored.sha256 == new.report.sha256
            && stored.key.account == new.report.key.account
            && stored.key.kind == new.report.key.kind
            && !stored.is_marker()
            && !is_of_file(stored.key.period)
    });
    let Some(stored) = stored.filter(|_| !is_empty) else { return Ok(()) };
    let detail = format!(
        "{}: the same bytes are the report of {} ({}); delete that one first",
        new.file.display(),
        stored.key.period,
        stored.path
    );
    Err(Error::Conflict { field: "period".to_owned(), detail })
}

/// A part of a period that is stored as a whole would count its rows twice.
fn check_part(manifest: &Manifest, new: &Pending) -> Result<()> {
    let key = &new.report.key;
    let parts = || manifest.parts(key.account, key.kind, key.period).filter(|stored| !stored.is_marker());
    if let Some(stored) = parts().find(|stored| mixes_parts(key, &stored.key)) {
        let detail = format!(
            "{} and {} are of {}, one an archive and one a bare file that may have come out of it; delete the stored one first",
            new.file.display(),
            stored.path,
            key.period
        );
        return Err(Error::Conflict { field: "part".to_owned(), detail });
    }
    let whole = parts().find(|stored| stored.whole && &stored.key != key && !new.report.whole);
    let Some(stored) = whole else { return Ok(()) };
    let detail = format!(
        "{} is part {} of {}, all of which is stored from {}; delete that one first",
        new.file.display(),
        key.part,
        key.period,
        stored.path
    );
    Err(Error::Conflict { field: "part".to_owned(), detail })
}

/// Whether one of these is an archive of Google's earnings and the other a bare file, of which nothing tells whether it
/// came out of that archive.
pub(in crate::sales) fn mixes_parts(a: &ReportKey, b: &ReportKey) -> bool {
    a.kind == Kind::GoogleEarnings && (a.part == ONLY_PART) != (b.part == ONLY_PART)
}

/// Whether no file that is not read yet can be of the same report.
fn is_undisputed(outstanding: &HashMap<PathBuf, Option<Period>>, pending: &Pending) -> bool {
    let period = pending.report.key.period;
    outstanding.values().all(|claim| claim.is_some_and(|claim| claim != period))
}

fn dispute(reports: &[Pending], other: &Path) -> Error {
    let Some(new) = reports.first() else { return Error::Cancelled };
    let period = new.report.key.period;
    let detail =
        format!("{} is a report of {period}, too, with other content; neither is stored", other.display());
    Error::format(&new.file, None, detail)
}

/// Parts reports so that each part fits a commit with the versions that its reports will remember. Those of one file
/// stay together.
fn in_batches(manifest: &Manifest, mut reports: Vec<Pending>) -> Vec<Vec<Pending>> {
    let weight = |pending: &Pending| {
        let replaced = pending.replaced(manifest);
        pending.report.weight() + replaced.iter().map(|stored| stored.weight()).sum::<usize>()
    };
    reports.sort_by(|a, b| a.file.cmp(&b.file));
    let (mut batches, mut bytes) = (Vec::<Vec<Pending>>::new(), 0);
    for pending in reports {
        bytes += weight(&pending);
        let last = batches.last_mut().filter(|batch| {
            bytes <= BATCH_BYTES || batch.last().is_some_and(|last| last.file == pending.file)
        });
        match last {
            Some(batch) => batch.push(pending),
            None => {
                bytes = weight(&pending);
                batches.push(vec![pending]);
            }
        }
    }
    batches
}

/// What some reports sell, each SKU once.
fn all_items(reports: &mut [Pending]) -> Vec<Item> {
    let mut all = Items::default();
    reports.iter_mut().for_each(|pending| all.merge(std::mem::take(&mut pending.items)));
    all.take()
}

/// Writes reports into the store; tells which of them replaced stored ones.
fn put(
    engine: &Engine,
    transaction: &mut Transaction<'_>,
    manifest: &Manifest,
    reports: &mut [Pending],
) -> Result<Vec<bool>> {
    let mut replaced = Vec::with_capacity(reports.len());
    for pending in reports {
        let old = pending.replaced(manifest);
        let is_restated = old.iter().any(|stored| !stored.is_marker());
        history::follow(&mut pending.report, &old);
        for stored in &old {
            transaction.delete(&stored.key.bytes());
        }
        transaction.put(pending.report.key.bytes(), value::encode(&pending.report)?);
        replaced.push(is_restated);
    }
    transaction.put(COUNTER_KEY.to_vec(), value::encode(&engine.next_import_id())?);
    Ok(replaced)
}
