//! Dates and times as Google's earnings reports write them, `Jun 1, 2021` and `12:15:21 PM PDT`, on the clock that shows
//! them.

use super::stamp::DAY;
use super::zone::{Clock, Market, Token, token};
use crate::day::{Day, parse_day};

/// The months, in lower case and in their order.
const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

/// Reads dates, and times by the clock of California.
#[derive(Debug)]
pub(super) struct PacificReader {
    clock: Option<Clock>,
    /// The last date as written: rows come by date.
    last: Vec<u8>,
    day: Option<Day>,
}

impl Default for PacificReader {
    fn default() -> Self {
        Self { clock: Clock::new(Market::UnitedStates), last: Vec::new(), day: None }
    }
}

impl PacificReader {
    /// The day of `Jun 1, 2021`, `June 1, 2021` or `2021-06-01`; `None` where the text is no date.
    pub(super) fn day(&mut self, text: &[u8]) -> Option<Day> {
        if self.day.is_none() || self.last != text {
            let trimmed = text.trim_ascii();
            self.day = parse_day(trimmed).or_else(|| named_day(trimmed));
            self.last.clear();
            self.last.extend_from_slice(text);
        }
        self.day
    }

    /// The instant in seconds since 1970 at which the clock showed this; `None` where the zone is not known.
    pub(super) fn instant(&mut self, day: Day, time: WrittenTime<'_>) -> Option<i64> {
        let local = i64::from(day.0) * DAY + time.second;
        let is_local = time.zone.is_empty() || time.zone.eq_ignore_ascii_case(b"PT");
        let said = if is_local { Token::Local } else { token(time.zone, Some(Market::UnitedStates))? };
        let offset = match said {
            Token::Offset(offset) => offset,
            Token::Local => self.clock.as_mut()?.offset_of_local(local)?,
        };
        Some(local - i64::from(offset))
    }
}

/// The day of `Jun 1, 2021`.
fn named_day(text: &[u8]) -> Option<Day> {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = text.split_at_checked(letters)?;
    let is_month = |month: &&[u8]| month.get(..letters).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let month = MONTHS.iter().position(|month| letters >= 3 && is_month(month))?;
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    let (day, rest) = number(without_blanks(rest)?)?;
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    let (year, rest) = number(without_blanks(rest)?)?;
    let is_date = rest.is_empty() && (1000..=9999).contains(&year);
    if !is_date {
        return None;
    }
    Day::new(i32::try_from(year).ok()?, u8::try_from(month + 1).ok()?, u8::try_from(day).ok()?)
}

/// The text behind at least one blank.
fn without_blanks(text: &[u8]) -> Option<&[u8]> {
    let rest = skip_blanks(text);
    (rest.len() < text.len()).then_some(rest)
}

/// A time of day as written, and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenTime<'a> {
    /// Seconds since midnight.
    second: i64,
    zone: &'a [u8],
}

impl<'a> WrittenTime<'a> {
    /// Reads `12:15:21 PM PDT` or `12:15:21`; `None` where the text is no time.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let (hour, rest) = number(skip_blanks(text))?;
        let (minute, rest) = number(rest.strip_prefix(b":")?)?;
        let (second, rest) = number(rest.strip_prefix(b":")?)?;
        let rest = skip_blanks(rest);
        let half = |name: &str| rest.get(..2).is_some_and(|half| half.eq_ignore_ascii_case(name.as_bytes()));
        let (hour, zone) = match (half("AM"), half("PM"), hour) {
            (true, _, 1..=12) => (hour % 12, rest.get(2..)?),
            (_, true, 1..=12) => (hour % 12 + 12, rest.get(2..)?),
            (false, false, 0..=23) => (hour, rest),
            _ => return None,
        };
        let second = (minute <= 59 && second <= 59).then_some(hour * 3600 + minute * 60 + second)?;
        Some(Self { second, zone: skip_blanks(zone).trim_ascii_end() })
    }
}

/// A number of up to four digits at the start, and what follows.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len)?;
    let value = digits.iter().take(4).fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (1..=4).contains(&len).then_some((value, rest))
}

/// The text from the first that is no blank. Newer formatters put a narrow no-break space before `PM`.
fn skip_blanks(mut text: &[u8]) -> &[u8] {
    loop {
        let rest = text.trim_ascii_start();
        let wide =
            rest.strip_prefix("\u{202f}".as_bytes()).or_else(|| rest.strip_prefix("\u{a0}".as_bytes()));
        match wide {
            Some(rest) => text = rest,
            None => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(date: &str, time: &str) -> Option<String> {
        let mut reader = PacificReader::default();
        let day = reader.day(date.as_bytes())?;
        let second = reader.instant(day, WrittenTime::read(time.as_bytes())?)?;
        Some(jiff::Timestamp::from_second(second).unwrap().to_string())
    }

    fn day(text: &str) -> Option<String> {
        PacificReader::default().day(text.as_bytes()).map(|day| day.to_string())
    }

    #[test]
    fn dates() {
        for text in
            ["Jun 1, 2021", "June 1, 2021", "JUN 01, 2021", "Jun. 1 2021", " jun  1,  2021 ", "2021-06-01"]
        {
            assert_eq!(day(text).as_deref(), Some("2021-06-01"), "{text}");
        }
        assert_eq!(day("Feb 29, 2020").as_deref(), Some("2020-02-29"));
        assert_eq!(day("Sept 30, 2021").as_deref(), Some("2021-09-30"));
        assert_eq!(day("Dec 31, 1999").as_deref(), Some("1999-12-31"));
        for text in [
            "",
            "Ju 1, 2021",
            "Juno 1, 2021",
            "Jun 31, 2021",
            "Feb 29, 2021",
            "Jun 0, 2021",
            "Jun 1, 21",
            "Jun 1",
            "Jun1, 2021",
            "Jun 1,2021",
            "1 Jun 2021",
            "06/01/2021",
            "Jun 1, 2021x",
            "Jun 1, 20210",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_reader_remembers_only_the_last_date() {
        let mut reader = PacificReader::default();
        let mut day = |text: &str| reader.day(text.as_bytes()).map(|day| day.to_string());
        assert_eq!(day("Jun 1, 2021").as_deref(), Some("2021-06-01"));
        assert_eq!(day("no date"), None);
        assert_eq!(day("no date"), None);
        assert_eq!(day("Jun 2, 2021").as_deref(), Some("2021-06-02"));
        assert_eq!(day("Jun 1, 2021").as_deref(), Some("2021-06-01"));
    }

    #[test]
    fn times_of_day() {
        let second = |text: &str| WrittenTime::read(text.as_bytes()).map(|time| time.second);
        for (text, expected) in [
            ("12:00:00 AM PDT", 0),
            ("12:59:59 am", 3_599),
            ("1:00:00 AM PDT", 3_600),
            ("12:15:21 PM PDT", 44_121),
            ("11:59:59 PM PST", 86_399),
            ("11:59:59\u{202f}PM PST", 86_399),
            ("11:59:59\u{a0}PM\u{202f}PST", 86_399),
            ("23:59:59 PST", 86_399),
            ("00:00:00", 0),
            (" 0:05:00 ", 300),
        ] {
            assert_eq!(second(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "PM",
            "13:00:00 PM",
            "0:00:00 AM",
            "24:00:00",
            "1:60:00 AM",
            "1:00:60 AM",
            "1:00 AM",
            "a:00:00",
            "1-00-00",
        ] {
            assert_eq!(second(text), None, "{text}");
        }
    }

    #[test]
    fn instants() {
        let utc = |text: &str| Some(text.to_owned());
        assert_eq!(instant("Jun 1, 2021", "12:15:21 PM PDT"), utc("2021-06-01T19:15:21Z"));
        assert_eq!(instant("Jun 30, 2021", "11:59:59 PM PDT"), utc("2021-07-01T06:59:59Z"));
        assert_eq!(instant("Jan 1, 2022", "12:00:00 AM PST"), utc("2022-01-01T08:00:00Z"));
        // The token decides, even against the season; without one the clock does.
        assert_eq!(instant("Jun 1, 2021", "12:00:00 PM PST"), utc("2021-06-01T20:00:00Z"));
        assert_eq!(instant("Jun 1, 2021", "12:00:00 PM"), utc("2021-06-01T19:00:00Z"));
        assert_eq!(instant("Jan 1, 2021", "12:00:00 PM PT"), utc("2021-01-01T20:00:00Z"));
        assert_eq!(instant("Jan 1, 2021", "12:00:00 PM UTC"), utc("2021-01-01T12:00:00Z"));
        assert_eq!(instant("Jan 1, 2021", "12:00:00 PM GMT-08:00"), utc("2021-01-01T20:00:00Z"));
        assert_eq!(instant("Jan 1, 2021", "12:00:00 PM XYZ"), None);
        // 14 March 2021 skips 02:00 to 03:00, 7 November repeats 01:00 to 02:00.
        assert_eq!(instant("Mar 14, 2021", "1:59:59 AM PST"), utc("2021-03-14T09:59:59Z"));
        assert_eq!(instant("Mar 14, 2021", "2:30:00 AM"), utc("2021-03-14T10:30:00Z"));
        assert_eq!(instant("Mar 14, 2021", "3:00:00 AM PDT"), utc("2021-03-14T10:00:00Z"));
        assert_eq!(instant("Nov 7, 2021", "1:30:00 AM PDT"), utc("2021-11-07T08:30:00Z"));
        assert_eq!(instant("Nov 7, 2021", "1:30:00 AM PST"), utc("2021-11-07T09:30:00Z"));
        assert_eq!(instant("Nov 7, 2021", "1:30:00 AM"), utc("2021-11-07T08:30:00Z"));
    }
}
