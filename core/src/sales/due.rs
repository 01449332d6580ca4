//! Which reports of an account its store can give, and which of them are worth asking for: a function of what is stored
//! and the time, and of nothing else.
//!
//! A report is worth asking for while it is absent, and as long as what is stored of it was fetched before the report was
//! *final*. So a database that was not kept up for months asks once more for the months that it has in part.
//!
//! | report | given out from | final | no longer given |
//! |---|---|---|---|
//! | Amazon's month, none before 2018-01 | its first day | two months later: it is restated in the month after | never |
//! | Apple's day | the day after | three days later | after 365 days |
//! | Apple's week | the Monday after | three days later | after 365 days |
//! | Apple's month | the fifth day after | three days later | after 365 days |
//! | Apple's year | the sixth day after | three days later | after ten years |
//!
//! Of Apple days are asked for. A week or month only stands in for days that Apple no longer gives, and a year only where
//! somebody asks for times that long ago: its rows have no day and no month. None does where shorter reports with rows are
//! stored within it, which it would hide: the day stays a gap. Google Play has no such interface. Whole days
//! are those of UTC: a store that is asked too early says so.

use std::collections::BTreeMap;

use super::fetched::{Note, note};
use super::manifest::Manifest;
use super::period::{PeriodState, state, uncovered};
use crate::day::{Day, Period, PeriodUnit};
use crate::error::Result;
use crate::ingest::Kind;
use crate::store::Read;

const DAY_MICROS: i64 = 86_400_000_000;

/// The first month that Amazon's interface gives: January 2018.
const AMAZON_FIRST: Day = Day(17_532);

/// The month in which Apple's App Store opened: July 2008.
const APPLE_FIRST: Day = Day(14_061);

/// For how many days Apple keeps what it gave out; years it keeps for ten.
const APPLE_KEEPS_DAYS: i32 = 365;
/// For how many days a report of Apple's is asked for again. Apple promises none; some were corrected within that.
const APPLE_SETTLES_DAYS: i32 = 3;

/// Why a report is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncReason {
    /// Nothing is stored for the period.
    Absent,
    /// What is stored was fetched while the store could still change it.
    Restated,
}

impl SyncReason {
    /// The text: `absent` or `restated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Restated => "restated",
        }
    }
}

/// When a store gives out a report, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    from: i64,
    pub(super) final_at: i64,
    until: i64,
}

impl Schedule {
    fn new(from: i32, final_at: i32, until: Option<i32>) -> Self {
        let midnight = |day: i32| i64::from(day) * DAY_MICROS;
        Self { from: midnight(from), final_at: midnight(final_at), until: until.map_or(i64::MAX, midnight) }
    }

    fn gives(&self, now: i64) -> bool {
        self.from <= now && now < self.until
    }
}

/// The schedule of a kind's reports of this length; `None` for what no interface gives.
pub(super) fn schedule(kind: Kind, period: Period) -> Option<Schedule> {
    let (start, end) = (period.days().start, period.days().end);
    match (kind, period.unit()) {
        (Kind::AmazonSales, PeriodUnit::Month) if start >= AMAZON_FIRST.0 => {
            Some(Schedule::new(start, period.next().next().first().0, None))
        }
        (Kind::AppleSales, unit) => {
            let (late, keeps) = match unit {
                PeriodUnit::Day | PeriodUnit::Week => (0, APPLE_KEEPS_DAYS),
                // The first of the next month is the first day after.
                PeriodUnit::Month => (4, APPLE_KEEPS_DAYS),
                PeriodUnit::Year => (5, 10 * APPLE_KEEPS_DAYS),
            };
            let from = end.saturating_add(late);
            Some(Schedule::new(from, from + APPLE_SETTLES_DAYS, Some(from.saturating_add(keeps))))
        }
        _ => None,
    }
}

/// What the database has of one period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    state: PeriodState,
    /// When its oldest part was read, and when it was found unchanged, or lost.
    imported_at: i64,
    noted: Option<Note>,
}

impl Known {
    pub(super) fn of(manifest: &Manifest, noted: Option<Note>, of: (u64, Kind, Period)) -> Self {
        let (account, kind, period) = of;
        let parts = manifest.parts(account, kind, period);
        let imported_at = parts.map(|report| report.imported_at).min().unwrap_or(i64::MIN);
        Self { state: state(manifest, account, kind, period), imported_at, noted }
    }

    fn is_lost(&self) -> bool {
        self.state == PeriodState::Absent && self.noted.is_some_and(|note| note.is_lost)
    }

    /// Whether it was fetched when it could not change any more. A time in the future proves nothing: a clock was wrong.
    pub(super) fn is_final(&self, schedule: &Schedule, now: i64) -> bool {
        let noted = self.noted.filter(|note| !note.is_lost).map(|note| note.at);
        let times = [Some(self.imported_at), noted].into_iter().flatten();
        let fetched = times.filter(|&at| at <= now).max();
        self.state != PeriodState::Absent && fetched.is_some_and(|at| at >= schedule.final_at)
    }
}

/// The reports of one account and kind that are due.
pub(super) struct Dues<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) read: &'a dyn Read,
    pub(super) account: u64,
    pub(super) kind: Kind,
    pub(super) now: i64,
    /// Nothing that ends before this day is asked for.
    pub(super) since: Option<Day>,
}

impl Dues<'_> {
    /// By first day.
    pub(super) fn find(&self) -> Result<BTreeMap<Period, SyncReason>> {
        let mut dues = self.restated()?;
        let absent = match self.kind {
            Kind::AmazonSales => self.amazon()?,
            Kind::AppleSales => self.apple()?,
            Kind::GoogleSales | Kind::GoogleEarnings => Vec::new(),
        };
        dues.extend(absent.into_iter().map(|period| (period, SyncReason::Absent)));
        Ok(dues)
    }

    fn today(&self) -> Day {
        Day(i32::try_from(self.now.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX))
    }

    fn known(&self, period: Period) -> Result<Known> {
        let noted = note(self.read, self.account, self.kind, period)?;
        Ok(Known::of(self.manifest, noted, (self.account, self.kind, period)))
    }

    /// What is stored and may have changed since.
    fn restated(&self) -> Result<BTreeMap<Period, SyncReason>> {
        let mut dues = BTreeMap::new();
        for period in self.manifest.periods(self.account, self.kind) {
            let Some(schedule) = schedule(self.kind, period) else { continue };
            let wanted = self.since.is_none_or(|since| period.days().end > since.0);
            if wanted && schedule.gives(self.now) && !self.known(period)?.is_final(&schedule, self.now) {
                dues.insert(period, SyncReason::Restated);
            }
        }
        Ok(dues)
    }

    /// Whether the store has a period that is not here.
    fn can_get(&self, period: Period) -> Result<bool> {
        let known = self.known(period)?;
        let given = schedule(self.kind, period).is_some_and(|schedule| schedule.gives(self.now));
        Ok(given && known.state == PeriodState::Absent && !known.is_lost())
    }

    fn amazon(&self) -> Result<Vec<Period>> {
        let first = self.since.map_or(AMAZON_FIRST, |since| since.max(AMAZON_FIRST));
        let months = units(first, Day(self.today().0.saturating_add(1)), PeriodUnit::Month);
        self.only_what_it_has(months)
    }

    fn apple(&self) -> Result<Vec<Period>> {
        let today = self.today();
        let oldest = Day(today.0.saturating_sub(APPLE_KEEPS_DAYS));
        let stored = self.manifest.periods(self.account, self.kind).map(Period::first).min();
        let start = self.since.unwrap_or_else(|| stored.unwrap_or(oldest).min(oldest)).max(APPLE_FIRST);
        let days = units(start.max(oldest), today, PeriodUnit::Day);
        // Also those that a longer report counts for: days tell more.
        let mut due = self.only_what_it_has(days)?;
        for day in uncovered(self.manifest, self.account, self.kind, start, today)? {
            if !self.can_get(day)? {
                due.extend(self.stand_in(day)?);
            }
        }
        due.sort();
        due.dedup();
        Ok(due)
    }

    /// What has a day that cannot be had by itself.
    fn stand_in(&self, day: Period) -> Result<Option<Period>> {
        let is_lost = self.known(day)?.is_lost();
        let mut longer = vec![PeriodUnit::Month];
        if is_lost {
            longer.insert(0, PeriodUnit::Week);
        }
        if self.since.is_some() {
            longer.push(PeriodUnit::Year);
        }
        for unit in longer {
            let period = Period::containing(day.first(), unit);
            if self.can_get(period)? && !self.would_hide_rows(period) {
                return Ok(Some(period));
            }
        }
        Ok(None)
    }

    /// Whether shorter reports with rows are stored for days of a period: one of the period would count in their place,
    /// and its rows tell less.
    fn would_hide_rows(&self, period: Period) -> bool {
        let days = period.days();
        let is_within = |own: &std::ops::Range<i32>| own.start < days.end && days.start < own.end;
        self.manifest.periods(self.account, self.kind).any(|stored| {
            let own = stored.days();
            is_within(&own)
                && own.len() < days.len()
                && state(self.manifest, self.account, self.kind, stored) == PeriodState::Rows
        })
    }

    fn only_what_it_has(&self, periods: impl IntoIterator<Item = Period>) -> Result<Vec<Period>> {
        let mut had = Vec::new();
        for period in periods {
            if self.can_get(period)? {
                had.push(period);
            }
        }
        Ok(had)
    }
}

/// The periods of a length that have a day from `start` on and begin before `end`.
fn units(start: Day, end: Day, unit: PeriodUnit) -> Vec<Period> {
    let periods = std::iter::successors(Some(Period::containing(start, unit)), |period| Some(period.next()));
    periods.take_while(|period| period.first() < end).collect()
}
