//! Which periods are stored, empty or missing.

use std::fmt;

use super::Engine;
use super::fetched::note_key;
use super::manifest::{Manifest, ReadFlags, Report, ReportKey, Version};
use crate::day::{Day, Period, PeriodUnit};
use crate::error::{Error, Result, quoted};
use crate::ingest::{Kind, READER_VERSION, StoreKind};
use crate::kv::value;
use crate::store::{Read, Write};

/// The part of reports that have only one.
pub(super) const ONLY_PART: &str = "0";

/// The most periods [`gaps`] looks at: a hundred years of days.
const GAPS_MAX: usize = 36_600;

/// What is known of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodState {
    /// Nothing: it was not imported, or has been deleted.
    Absent,
    /// A report without rows, or marked empty by hand: nothing was sold.
    Empty,
    /// A report with rows, readable or not.
    Rows,
}

impl fmt::Display for PeriodState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Absent => "absent",
            Self::Empty => "empty",
            Self::Rows => "rows",
        })
    }
}

pub(crate) fn state(manifest: &Manifest, account: u64, kind: Kind, period: Period) -> PeriodState {
    let mut state = PeriodState::Absent;
    for report in manifest.parts(account, kind, period) {
        if report.rows + report.rejected > 0 {
            return PeriodState::Rows;
        }
        state = PeriodState::Empty;
    }
    state
}

pub(crate) fn delete(engine: &Engine, account: u64, kind: Kind, period: Period) -> Result<()> {
    let deleted = engine.commit(|transaction, manifest| {
        let keys: Vec<_> = manifest.parts(account, kind, period).map(|report| report.key.bytes()).collect();
        if keys.is_empty() {
            return Err(Error::NotFound {
                what: format!("a {kind} report of account {account} for {period}"),
            });
        }
        keys.iter().for_each(|key| transaction.delete(key));
        let note = note_key(account, kind, period);
        if transaction.get(&note)?.is_some() {
            transaction.delete(&note);
        }
        // A repair can tell by it which imports were before, even where their own commits are lost.
        transaction.put(super::COUNTER_KEY.to_vec(), value::encode(&engine.next_import_id())?);
        Ok(())
    });
    deleted.map(|_| ())
}

pub(crate) fn mark_empty(
    engine: &Engine,
    (account, store): (u64, StoreKind),
    kind: Kind,
    period: Period,
) -> Result<()> {
    refuse_other_store(kind, store)?;
    let key = ReportKey { account, kind, period, part: ONLY_PART.to_owned() };
    let id = engine.take_import_id();
    engine.store.write(|transaction| {
        let manifest = Manifest::of(transaction.view()?)?;
        match state(&manifest, account, kind, period) {
            PeriodState::Rows => {
                let detail = format!("rows are stored for {period}; delete them first");
                return Err(Error::Conflict { field: "period".to_owned(), detail });
            }
            PeriodState::Empty => return Ok(()),
            PeriodState::Absent => {}
        }
        transaction.put(key.bytes(), value::encode(&empty_report(engine, id, key))?);
        transaction.put(super::COUNTER_KEY.to_vec(), value::encode(&engine.next_import_id())?);
        Ok(())
    })
}

/// Refuses a kind of report that an account's store does not give out.
pub(super) fn refuse_other_store(kind: Kind, store: StoreKind) -> Result<()> {
    if kind.store() == store {
        return Ok(());
    }
    let message = format!("{kind} reports are {}'s, the account is {store}'s", kind.store());
    Err(Error::invalid("kind", message))
}

fn empty_report(engine: &Engine, id: u64, key: ReportKey) -> Report {
    let version = Version {
        id,
        path: String::new(),
        sha256: [0; 32],
        imported_at: engine.now(),
        rows: 0,
        rejected: 0,
        totals: Vec::new(),
        change: None,
    };
    Report {
        key,
        whole: true,
        siblings: 1,
        flags: ReadFlags { reader: READER_VERSION, personal: false },
        ranges: Vec::new(),
        reject_ranges: Vec::new(),
        version,
        earlier: Vec::new(),
    }
}

/// The periods between two edges that what counts does not cover, in the length that the kind's reports have.
pub(crate) fn gaps(
    manifest: &Manifest,
    account: u64,
    kind: Kind,
    (start, end): (&str, &str),
) -> Result<Vec<String>> {
    let gaps = uncovered(manifest, account, kind, edge("start", start)?, edge("end", end)?)?;
    Ok(gaps.into_iter().map(|period| period.to_string()).collect())
}

/// What [`gaps`] gives, as periods.
pub(super) fn uncovered(
    manifest: &Manifest,
    account: u64,
    kind: Kind,
    start: Day,
    end: Day,
) -> Result<Vec<Period>> {
    let unit = if kind == Kind::AppleSales { PeriodUnit::Day } else { PeriodUnit::Month };
    let periods = std::iter::successors(Some(Period::containing(start, unit)), |period| Some(period.next()));
    let periods: Vec<_> = periods.take_while(|period| period.first() < end).take(GAPS_MAX + 1).collect();
    if periods.len() > GAPS_MAX {
        return Err(Error::invalid("end", format!("more than {GAPS_MAX} periods after the start")));
    }
    let mut counting = manifest.counting_periods(account, kind).map(Period::days).peekable();
    let mut is_covered = |period: &Period| {
        let mut day = period.days().start;
        // Periods that count never overlap: what ends before this period is of no use to a later one.
        while day < period.days().end {
            match counting.peek() {
                Some(days) if days.end <= day => drop(counting.next()),
                Some(days) if days.start <= day => day = days.end,
                _ => return false,
            }
        }
        true
    };
    Ok(periods.into_iter().filter(|period| !is_covered(period)).collect())
}

/// A time with its offset.
pub(crate) fn instant(field: &str, text: &str) -> Result<jiff::Timestamp> {
    text.trim().parse().map_err(|_| {
        Error::invalid(field, format!("{} is no time with its offset (2018-04-02T03:00:00Z)", quoted(text)))
    })
}

/// A day, or the first day of a period.
pub(crate) fn edge(field: &str, text: &str) -> Result<Day> {
    let text = text.trim();
    let period = || text.parse::<Period>().map(Period::first);
    text.parse::<Day>().or_else(|_| period()).map_err(|_| {
        Error::invalid(
            field,
            format!("{} is neither a day (2018-03-05) nor a period (2018-03)", quoted(text)),
        )
    })
}
