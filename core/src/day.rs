//! Calendar days and the periods that reports cover. A day is a number of days since 1970-01-01 in the proleptic
//! Gregorian calendar; its years go from 1 to 9999.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::quoted;
use crate::{Error, Result};

/// Days from 0000-03-01, where the arithmetic below begins its years, to 1970-01-01.
const EPOCH: i64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;
const DAYS_IN_MONTH: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A calendar day, as days since 1970-01-01.
///
/// ```
/// use tillroll_core::Day;
///
/// let day = Day::new(2018, 3, 5).unwrap();
/// assert_eq!(day.to_string(), "2018-03-05");
/// assert_eq!(day.month_start().to_string(), "2018-03-01");
/// assert_eq!(day.iso_week(), (2018, 10));
/// assert_eq!(Day::new(2018, 2, 29), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of a year (1 to 9999), month (1 to 12) and day of the month; `None` where there is no such day.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year) && day >= 1 && day <= days_in_month(year, month)?;
        fits.then(|| Self(days_from_civil(i64::from(year), i64::from(month), i64::from(day))))
    }

    /// Year, month (1 to 12) and day of the month (1 to 31).
    pub fn civil(self) -> (i32, u8, u8) {
        let since = i64::from(self.0) + EPOCH;
        let (era, of_era) = (since.div_euclid(ERA), since.rem_euclid(ERA));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        (narrow(year), small(month), small(day))
    }

    /// The first day of this day's month.
    pub fn month_start(self) -> Self {
        let (year, month, _) = self.civil();
        Self(days_from_civil(i64::from(year), i64::from(month), 1))
    }

    /// The first day of this day's quarter.
    pub fn quarter_start(self) -> Self {
        let (year, month, _) = self.civil();
        Self(days_from_civil(i64::from(year), i64::from((month - 1) / 3 * 3 + 1), 1))
    }

    /// The first of January of this day's year.
    pub fn year_start(self) -> Self {
        Self(days_from_civil(i64::from(self.civil().0), 1, 1))
    }

    /// The Monday of this day's ISO week.
    pub fn week_start(self) -> Self {
        // 1970-01-01 was a Thursday, three days after a Monday.
        let weekday = (i64::from(self.0) + 3).rem_euclid(7);
        Self(narrow(i64::from(self.0) - weekday))
    }

    /// The ISO year and week (1 to 53): the year is that of the week's Thursday.
    pub fn iso_week(self) -> (i32, u8) {
        let thursday = Self(self.week_start().0.saturating_add(3));
        let first = thursday.year_start();
        (thursday.civil().0, small(i64::from(thursday.0 - first.0) / 7 + 1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl FromStr for Day {
    type Err = Error;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self> {
        parse_day(text.as_bytes())
            .ok_or_else(|| Error::invalid("date", format!("{} is not a day YYYY-MM-DD", quoted(text))))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Reads exactly `YYYY-MM-DD`.
pub(crate) fn parse_day(text: &[u8]) -> Option<Day> {
    match text {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
            Day::new(i32::try_from(digits(year)?).ok()?, two_digits(*m1, *m2)?, two_digits(*d1, *d2)?)
        }
        _ => None,
    }
}

/// The number that two ASCII digits write.
pub(crate) fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// The number that some ASCII digits write; 0 for none.
pub(crate) fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn days_in_month(year: i32, month: u8) -> Option<u8> {
    let days = DAYS_IN_MONTH.get(usize::from(month).checked_sub(1)?)?;
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    Some(if month == 2 && leap { 29 } else { *days })
}

/// Years are counted from March, so that the leap day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    narrow(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH)
}

/// Days and years of any `i32` day fit again, except at the very ends, where the nearest is as good as any.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

/// How long a [`Period`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodUnit {
    /// One day: `2018-03-05`.
    Day,
    /// An ISO week, Monday to Sunday: `2018-W10`.
    Week,
    /// A calendar month: `2018-03`.
    Month,
    /// A calendar year: `2018`.
    Year,
}

/// What a report covers: a day, an ISO week, a month or a year. Ordered by first day, then the shorter first. Its text
/// (also in JSON) is `2018-03-05`, `2018-W10`, `2018-03` or `2018`.
///
/// ```
/// use tillroll_core::{Period, PeriodUnit};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let week: Period = "2018-W10".parse()?;
/// assert_eq!(week.unit(), PeriodUnit::Week);
/// assert_eq!(week.first().to_string(), "2018-03-05");
/// assert_eq!(Period::month(2018, 12).unwrap().next().to_string(), "2019-01");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: Day,
    unit: PeriodUnit,
}

impl Period {
    /// The period of this length that a day lies in.
    pub fn containing(day: Day, unit: PeriodUnit) -> Self {
        let start = match unit {
            PeriodUnit::Day => day,
            PeriodUnit::Week => day.week_start(),
            PeriodUnit::Month => day.month_start(),
            PeriodUnit::Year => day.year_start(),
        };
        Self { start, unit }
    }

    /// A calendar month; `None` where there is no such month.
    pub fn month(year: i32, month: u8) -> Option<Self> {
        Some(Self { start: Day::new(year, month, 1)?, unit: PeriodUnit::Month })
    }

    /// How long it is.
    pub fn unit(self) -> PeriodUnit {
        self.unit
    }

    /// Its first day.
    pub fn first(self) -> Day {
        self.start
    }

    /// Its days, as days since 1970-01-01; the end is excluded.
    pub fn days(self) -> Range<i32> {
        self.start.0..self.next().start.0
    }

    /// The period of the same length that follows.
    #[must_use]
    pub fn next(self) -> Self {
        // From any first day, so many days on lies within the next period and never past it.
        let on = match self.unit {
            PeriodUnit::Day => 1,
            PeriodUnit::Week => 7,
            PeriodUnit::Month => 31,
            PeriodUnit::Year => 366,
        };
        Self::containing(Day(self.start.0.saturating_add(on)), self.unit)
    }

    /// The period of the same length before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::containing(Day(self.start.0.saturating_sub(1)), self.unit)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, _) = self.start.civil();
        match self.unit {
            PeriodUnit::Day => self.start.fmt(f),
            PeriodUnit::Week => {
                let (year, week) = self.start.iso_week();
                f.pad(&format!("{year:04}-W{week:02}"))
            }
            PeriodUnit::Month => f.pad(&format!("{year:04}-{month:02}")),
            PeriodUnit::Year => f.pad(&format!("{year:04}")),
        }
    }
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_period(text.as_bytes()).ok_or_else(|| {
            let forms = "2018-03, 2018-03-05, 2018-W10 or 2018";
            Error::invalid("period", format!("{} is not a period: write it like {forms}", quoted(text)))
        })
    }
}

fn parse_period(text: &[u8]) -> Option<Period> {
    if text.len() == 10 {
        return Some(Period::containing(parse_day(text)?, PeriodUnit::Day));
    }
    let year = i32::try_from(digits(text.get(..4)?)?).ok()?;
    match text.get(4..)? {
        [] => Some(Period::containing(Day::new(year, 1, 1)?, PeriodUnit::Year)),
        [b'-', tens, ones] => Period::month(year, two_digits(*tens, *ones)?),
        [b'-', b'W', tens, ones] => week(year, two_digits(*tens, *ones)?),
        _ => None,
    }
}

/// The ISO week of that number, which the year must have.
fn week(year: i32, week: u8) -> Option<Period> {
    // The fourth of January lies in the first week by definition.
    let first = Day::new(year, 1, 4)?.week_start();
    let day = Day(first.0 + (i32::from(week) - 1) * 7);
    let period = Period::containing(day, PeriodUnit::Week);
    (day.iso_week() == (year, week)).then_some(period)
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn known_days() {
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("2018-03-05"), Day(17_595));
        assert_eq!(day("2000-02-29"), Day(11_016));
        assert_eq!(Day(-1).to_string(), "1969-12-31");
    }

    #[test]
    fn refuses_days_that_are_not() {
        for text in
            ["2019-02-29", "1900-02-29", "2018-13-01", "2018-00-01", "2018-01-00", "2018-01-32", "0000-01-01"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        for text in ["2018-1-01", "2018/01/01", "20180101", "", "2018-01-01 ", "+018-01-01"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn starts() {
        let some = day("2018-05-16");
        assert_eq!(some.month_start(), day("2018-05-01"));
        assert_eq!(some.quarter_start(), day("2018-04-01"));
        assert_eq!(some.year_start(), day("2018-01-01"));
        assert_eq!(some.week_start(), day("2018-05-14"));
        assert_eq!(day("2018-05-14").week_start(), day("2018-05-14"));
        assert_eq!(day("2018-05-20").week_start(), day("2018-05-14"));
    }

    #[test]
    fn periods_name_their_days() {
        let cases = [
            ("2018", "2018-01-01", "2018-12-31"),
            ("2018-02", "2018-02-01", "2018-02-28"),
            ("2020-02", "2020-02-01", "2020-02-29"),
            ("2018-12", "2018-12-01", "2018-12-31"),
            ("2018-W10", "2018-03-05", "2018-03-11"),
            ("2020-W53", "2020-12-28", "2021-01-03"),
            ("2021-W01", "2021-01-04", "2021-01-10"),
            ("2018-03-05", "2018-03-05", "2018-03-05"),
        ];
        for (text, first, last) in cases {
            assert_eq!(period(text).days(), day(first).0..day(last).0 + 1, "{text}");
            assert_eq!(period(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "18",
            "2018-",
            "2018-3",
            "2018-13",
            "2018-W00",
            "2018-W53",
            "2018-W1",
            "2018-02-30",
            "201803",
        ] {
            let error = text.parse::<Period>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Validation, "{text}");
        }
    }

    #[test]
    fn periods_step_and_sort() {
        assert_eq!(period("2018-12").next(), period("2019-01"));
        assert_eq!(period("2018-01").previous(), period("2017-12"));
        assert_eq!(period("2020-W53").next(), period("2021-W01"));
        assert_eq!(period("2019").previous(), period("2018"));
        assert!(period("2018-01-01") < period("2018-01"));
        assert!(period("2018-01") < period("2018"));
        assert!(period("2018") < period("2018-01-02"));
    }

    #[test]
    fn json_is_the_text() {
        assert_eq!(serde_json::to_string(&period("2018-W10")).unwrap(), "\"2018-W10\"");
        assert_eq!(serde_json::from_str::<Period>("\"2018\"").unwrap(), period("2018"));
        assert!(serde_json::from_str::<Period>("\"2018-3\"").is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_another_calendar(days in -719_162i32..=2_932_896) {
            let other = Date::new(1970, 1, 1).unwrap().checked_add(jiff::Span::new().days(days)).unwrap();
            prop_assert_eq!(Day(days).to_string(), other.to_string());
            let (year, month, of_month) = Day(days).civil();
            prop_assert_eq!(Day::new(year, month, of_month), Some(Day(days)));
            prop_assert_eq!(parse_day(other.to_string().as_bytes()), Some(Day(days)));
            let iso = other.iso_week_date();
            prop_assert_eq!(Day(days).iso_week(), (i32::from(iso.year()), u8::try_from(iso.week()).unwrap()));
        }

        #[test]
        fn periods_tile_the_calendar(days in -719_000i32..=2_930_000) {
            for unit in [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month, PeriodUnit::Year] {
                let period = Period::containing(Day(days), unit);
                prop_assert!(period.days().contains(&days));
                prop_assert_eq!(period.days().end, period.next().days().start);
                prop_assert_eq!(period.next().previous(), period);
                prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
            }
        }

        #[test]
        fn any_day_prints(days in any::<i32>()) {
            prop_assert!(!Day(days).to_string().is_empty());
        }
    }
}
