//! Reading one report file: its members one after the other, their rows into the open roll, its reports into the
//! ledger.

use std::path::Path;
use std::sync::{Arc, MutexGuard};

use super::commit::{Pending, stands_for_period};
use super::options::OnReject;
use super::paths::claimed_month;
use super::stage::Run;
use super::{Import, Outcome, State};
use crate::column::Batch;
use crate::day::Period;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{self, Items, Kind, MemberSummary, READER_VERSION, ReadOptions, Reject, Sink, StoreKind};
use crate::sales::manifest::{ReadFlags, Report, ReportKey, Version};
use crate::sales::segment::SegmentIdentity;
use crate::sales::totals::{Totals, TotalsBuilder};

/// Rows that wait for the open roll: a report up to this size is appended in one go, a larger one keeps the roll
/// for itself from here on.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// Pairs of currencies that one report may have; its totals stand in the journal.
const CURRENCIES_MAX: usize = 1_000;

/// One file of an import.
pub(super) struct FileReader<'a> {
    import: &'a Import<'a>,
    path: &'a Path,
}

/// A member that was read and staged.
struct Member {
    key: ReportKey,
    run: Run,
    items: Items,
    rows: u64,
    rejected: u64,
}

impl<'a> FileReader<'a> {
    pub(super) fn new(import: &'a Import<'a>, path: &'a Path) -> Self {
        Self { import, path }
    }

    pub(super) fn read(&self) -> Result<Outcome> {
        let file = ingest::File::open(self.path)?;
        if !self.import.options.force && self.is_unchanged(&file)? {
            self.import.progress.read(file.len(), 0)?;
            return Ok(Outcome::Unchanged);
        }
        let sequence = self.import.engine.take_import_id();
        let count = u32::try_from(file.members().len()).unwrap_or(u32::MAX);
        let members = (0..count).map(|member| self.member(&file, sequence, member));
        let members = members.collect::<Result<Vec<_>>>()?;
        self.refuse_twins(&file, &members)?;
        let reports = self.reports(&file, sequence, members);
        if reports.iter().any(|pending| pending.report.totals.len() > CURRENCIES_MAX) {
            let detail = format!("names more than {CURRENCIES_MAX} currencies: this is another kind of file");
            return Err(Error::format(self.path, None, detail));
        }
        let manifest = self.import.engine.manifest()?;
        self.import.state().ledger.add(&manifest, reports)
    }

    /// Apple gives a period in one file: two of one archive are two versions of it.
    fn refuse_twins(&self, file: &ingest::File, members: &[Member]) -> Result<()> {
        for (place, member) in members.iter().enumerate() {
            let twin = members.iter().take(place).position(|other| other.key == member.key);
            let Some(twin) = twin.filter(|_| member.key.kind == Kind::AppleSales) else { continue };
            let name = |place: usize| file.members().get(place).map_or("", |member| member.name.as_str());
            let detail = format!("{} and {} are both of {}", name(twin), name(place), member.key.period);
            return Err(Error::format(self.path, None, detail));
        }
        Ok(())
    }

    fn flags(&self) -> ReadFlags {
        ReadFlags { reader: READER_VERSION, personal: self.import.options.keep_personal }
    }

    /// Whether all reports that these bytes gave still stand, read in the same way, for the period that is meant now.
    fn is_unchanged(&self, file: &ingest::File) -> Result<bool> {
        let options = self.import.options;
        let manifest = self.import.engine.manifest()?;
        let same_reading = |report: &&Arc<Report>| {
            report.key.account == self.import.account
                && report.flags == self.flags()
                && options.kind.is_none_or(|kind| kind == report.key.kind)
                && (options.on_reject == OnReject::Keep || report.rejected == 0)
        };
        let stored: Vec<_> = manifest.of_bytes(&file.sha256()).iter().filter(same_reading).collect();
        Ok(match self.meant_period(file, &stored) {
            // All months without a sale are the same bytes: only the one that is meant counts.
            Some(period) => stored.iter().any(|report| report.siblings == 1 && report.key.period == period),
            None => stored.first().is_some_and(|first| stored.len() == first.siblings as usize),
        })
    }

    /// The period that the caller gives or the names say; none for an archive of several files, and none where the rows
    /// say it themselves.
    fn meant_period(&self, file: &ingest::File, stored: &[&Arc<Report>]) -> Option<Period> {
        let claimed = match self.import.store {
            StoreKind::Apple if stored.iter().any(|report| report.rows > 0) => return self.import.period,
            StoreKind::Apple => ingest::named_period,
            StoreKind::Amazon | StoreKind::GooglePlay => claimed_month,
        };
        let named = || match file.members() {
            [one] => claimed(&one.name).or_else(|| claimed(&file_name(self.path))),
            _ => None,
        };
        self.import.period.or_else(named)
    }

    fn member(&self, file: &ingest::File, sequence: u64, member: u32) -> Result<Member> {
        let index = member as usize;
        let kind = self.kind(file, index)?;
        let options = ReadOptions { kind: Some(kind), keep_personal: self.import.options.keep_personal };
        let run = Run::new(sequence, member);
        let mut staging = Staging::new(self.import, self.path, run);
        let summary = ingest::read(file, index, &options, self.import.pool, &mut staging)?;
        let key = self.key(file, index, kind, &summary)?;
        let identity = SegmentIdentity {
            key: key.clone(),
            path: self.path.display().to_string(),
            sha256: file.sha256(),
            flags: self.flags(),
            imported_at: self.import.now,
        };
        let (run, items) = staging.end(identity)?;
        Ok(Member { key, run, items, rows: summary.rows, rejected: summary.rejects })
    }

    fn kind(&self, file: &ingest::File, member: usize) -> Result<Kind> {
        let kind = match self.import.options.kind {
            Some(kind) => kind,
            None => ingest::sniff_member(file, member)?,
        };
        if kind.store() != self.import.store {
            let detail = format!("is a report of {kind}; the account is {}'s", self.import.store);
            return Err(Error::format(self.path, None, detail));
        }
        Ok(kind)
    }

    fn key(
        &self,
        file: &ingest::File,
        member: usize,
        kind: Kind,
        summary: &MemberSummary,
    ) -> Result<ReportKey> {
        let name = file_name(self.path);
        let inner = file.members().get(member).map_or("", |member| &member.name);
        let period = ingest::period(kind, self.path, &[inner, &name], &summary.dates, self.import.period);
        let period = period.map_err(|error| all_rejected(self.path, summary).unwrap_or(error))?;
        let part = ingest::part(kind, &name, file.is_container());
        Ok(ReportKey { account: self.import.account, kind, period, part })
    }

    /// Members of one period are one report.
    fn reports(&self, file: &ingest::File, sequence: u64, members: Vec<Member>) -> Vec<Pending> {
        let mut reports: Vec<(Pending, Vec<Totals>)> = Vec::new();
        for member in members {
            match reports.iter_mut().find(|(pending, _)| pending.report.key == member.key) {
                Some((pending, totals)) => extend(pending, totals, member),
                None => {
                    let first = reports.is_empty();
                    let id = if first { sequence } else { self.import.engine.take_import_id() };
                    let mut new = (self.pending(file, id, member.key.clone()), Vec::new());
                    extend(&mut new.0, &mut new.1, member);
                    reports.push(new);
                }
            }
        }
        let siblings = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let finish = |(mut pending, totals): (Pending, Vec<Totals>)| {
            pending.report.siblings = siblings;
            pending.report.version.totals = Totals::by_currency(&totals);
            pending
        };
        reports.into_iter().map(finish).collect()
    }

    fn pending(&self, file: &ingest::File, id: u64, key: ReportKey) -> Pending {
        let whole = stands_for_period(key.kind, file.is_container());
        let version = Version {
            id,
            path: self.path.display().to_string(),
            sha256: file.sha256(),
            imported_at: self.import.now,
            rows: 0,
            rejected: 0,
            totals: Vec::new(),
            change: None,
        };
        let report = Report {
            key,
            whole,
            siblings: 0,
            flags: self.flags(),
            ranges: Vec::new(),
            reject_ranges: Vec::new(),
            version,
            earlier: Vec::new(),
        };
        Pending { report, items: Items::default(), file: self.path.to_owned() }
    }
}

fn extend(pending: &mut Pending, totals: &mut Vec<Totals>, member: Member) {
    let report = &mut pending.report;
    report.version.rows += member.rows;
    report.version.rejected += member.rejected;
    report.ranges.extend(member.run.ranges);
    report.reject_ranges.extend(member.run.reject_ranges);
    totals.extend(member.run.totals);
    pending.items.merge(member.items);
}

/// Why a file tells no period, where it has rows and none of them could be read.
fn all_rejected(path: &Path, summary: &MemberSummary) -> Option<Error> {
    let (line, reason) = summary.first_reject.as_ref().filter(|_| summary.rows == 0)?;
    let which = match summary.rejects {
        1 => "its only row was rejected".to_owned(),
        rejects => format!("all {rejects} rows were rejected, the first"),
    };
    let detail = format!("{which} because {reason}; what the period is must be said with period=");
    Some(Error::format(path, Some(*line), detail))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What a roll refuses is a fault of the file.
fn naming(path: &Path, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Validation => Error::format(path, None, error.to_string()),
        _ => error,
    }
}

/// Where the rows of a member go.
struct Staging<'a> {
    import: &'a Import<'a>,
    path: &'a Path,
    /// Held from the first append to the end of the run: no other report's rows may come between.
    guard: Option<MutexGuard<'a, State>>,
    run: Run,
    items: Items,
    waiting: Vec<(Batch, Totals, Vec<Reject>)>,
    bytes: usize,
}

impl<'a> Staging<'a> {
    fn new(import: &'a Import<'a>, path: &'a Path, run: Run) -> Self {
        let (items, waiting) = (Items::default(), Vec::new());
        Self { import, path, guard: None, run, items, waiting, bytes: 0 }
    }

    /// Appends what waits to the open roll.
    fn flush(&mut self) -> Result<()> {
        let import = self.import;
        let state = &mut **self.guard.get_or_insert_with(|| import.state());
        for (batch, totals, rejects) in self.waiting.drain(..) {
            let appended = state.stage.append(&mut self.run, &batch, &totals, &rejects);
            if appended.map_err(|error| naming(self.path, error))? {
                state.ledger.commit_finished(import.engine, &mut state.stage)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }

    fn end(mut self, identity: SegmentIdentity) -> Result<(Run, Items)> {
        self.flush()?;
        if let Some(state) = &mut self.guard {
            state.stage.end(&mut self.run, identity)?;
        }
        Ok((self.run, self.items))
    }
}

impl Sink for Staging<'_> {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.import.progress.read(bytes, 0)
    }

    fn batch(&mut self, batch: Batch, rejects: Vec<Reject>) -> Result<()> {
        if let (OnReject::Fail, Some(reject)) = (self.import.options.on_reject, rejects.first()) {
            return Err(Error::format(self.path, Some(reject.line), reject.reason.clone()));
        }
        self.import.progress.read(0, batch.rows as u64)?;
        let totals = TotalsBuilder::of(&batch)?;
        self.items.add(&batch, self.import.store);
        self.bytes += batch.bytes() + rejects.iter().map(|reject| reject.text.len()).sum::<usize>();
        self.waiting.push((batch, totals, rejects));
        if self.guard.is_some() || self.bytes > WAITING_BYTES_MAX { self.flush() } else { Ok(()) }
    }
}
