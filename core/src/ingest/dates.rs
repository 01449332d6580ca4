//! Which dates the rows of a report have: what its period is told by.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::day::{Day, Period, PeriodUnit};

/// Rows by year and month of their `date`.
pub type Months = BTreeMap<(i16, u8), u64>;

/// The dates of some rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dates {
    /// Rows by the month of their date.
    pub months: Months,
    /// Rows by the first and the last day that they stand for, in reports whose rows name both (Apple's).
    pub spans: BTreeMap<(Day, Day), u64>,
}

impl Dates {
    /// Takes in the dates of further rows.
    pub(super) fn merge(&mut self, other: Self) {
        for (month, rows) in other.months {
            *self.months.entry(month).or_default() += rows;
        }
        for (span, rows) in other.spans {
            *self.spans.entry(span).or_default() += rows;
        }
    }
}

/// Distinct spans of a chunk that are told; a report has one.
const SPANS_MAX: usize = 100;

/// Counts rows by their first and last day, remembering those of the last.
#[derive(Debug, Default)]
pub(super) struct SpanCounter {
    spans: BTreeMap<(Day, Day), u64>,
    last: Option<(Day, Day)>,
    count: u64,
}

impl SpanCounter {
    pub(super) fn add(&mut self, span: (Day, Day)) {
        if self.last != Some(span) {
            self.flush();
            self.last = Some(span);
        }
        self.count += 1;
    }

    fn flush(&mut self) {
        let Some(last) = self.last else { return };
        if self.spans.len() < SPANS_MAX || self.spans.contains_key(&last) {
            *self.spans.entry(last).or_default() += self.count;
        }
        self.count = 0;
    }

    pub(super) fn finish(mut self) -> BTreeMap<(Day, Day), u64> {
        self.flush();
        self.spans
    }
}

/// Adds a row to the month of its day, remembering the month of the last.
#[derive(Debug, Default)]
pub(super) struct MonthCounter {
    months: Months,
    days: Range<i32>,
    month: (i16, u8),
    count: u64,
}

impl MonthCounter {
    pub(super) fn add(&mut self, day: Day) {
        if !self.days.contains(&day.0) {
            self.flush();
            self.days = Period::containing(day, PeriodUnit::Month).days();
            let (year, month, _) = day.civil();
            self.month = (i16::try_from(year).unwrap_or(i16::MAX), month);
        }
        self.count += 1;
    }

    fn flush(&mut self) {
        if self.count > 0 {
            *self.months.entry(self.month).or_default() += self.count;
        }
        self.count = 0;
    }

    pub(super) fn finish(mut self) -> Months {
        self.flush();
        self.months
    }
}
