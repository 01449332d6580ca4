//! Timestamps as reports write them, without their meaning: `YYYY-MM-DD HH:MM:SS`, with `T` for the blank, a fraction
//! of a second, and something behind that names a zone.

use crate::day::{Day, parse_day, two_digits};

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// A written timestamp, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp<'a> {
    /// The date as written.
    pub day: Day,
    /// The time of day as written, in seconds.
    pub second: i64,
    /// The fraction of the second, in microseconds.
    pub micros: i64,
    /// The zone as written, without surrounding blanks; empty where there is none.
    pub zone: &'a [u8],
    /// Whether the first 19 bytes of the text have the form that Tillroll writes and nothing but blanks and a zone
    /// follows.
    pub plain: bool,
}

impl Stamp<'_> {
    /// The written date and time as seconds since 1970-01-01 00:00:00 of the clock that showed it.
    pub(super) fn local(&self) -> i64 {
        i64::from(self.day.0) * DAY + self.second
    }
}

/// Reads timestamps, remembering the last date: rows of a report come in the order of time.
#[derive(Debug, Default)]
pub(super) struct StampReader {
    last: Option<([u8; 10], Day)>,
}

impl StampReader {
    /// Takes a text apart; `None` where it is no timestamp.
    pub(super) fn read<'a>(&mut self, text: &'a [u8]) -> Option<Stamp<'a>> {
        let (date, rest) = text.split_first_chunk::<10>()?;
        let day = self.day(*date)?;
        let (time, rest) = rest.split_first_chunk::<9>()?;
        let [separator, h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
        let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
        if !matches!(separator, b' ' | b'T' | b't') || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let second = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let (micros, zone) = if rest.is_empty() { (0, rest) } else { fraction(rest)? };
        let plain = separator == b' ' && rest.first().is_none_or(|&byte| byte != b'.');
        Some(Stamp { day, second, micros, zone: zone.trim_ascii(), plain })
    }

    fn day(&mut self, text: [u8; 10]) -> Option<Day> {
        if let Some((last, day)) = self.last
            && last == text
        {
            return Some(day);
        }
        let day = parse_day(&text)?;
        self.last = Some((text, day));
        Some(day)
    }
}

/// Microseconds of a `.123` at the start, and what stands behind. More than six digits must end in zeros.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(len)?;
    if digits.is_empty() || digits.iter().skip(6).any(|&digit| digit != b'0') {
        return None;
    }
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    Some((padded.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Stamp<'_>> {
        StampReader::default().read(text.as_bytes())
    }

    #[test]
    fn reads_the_forms() {
        let plain = read("2018-03-05 23:30:01").unwrap();
        assert_eq!((plain.day, plain.second, plain.micros), (Day(17_595), 84_601, 0));
        assert_eq!((plain.zone, plain.plain), (&b""[..], true));
        let token = read("2018-03-05 23:30:01 CEST").unwrap();
        assert_eq!((token.zone, token.plain), (&b"CEST"[..], true));
        let iso = read("2018-03-05T23:30:01.25Z").unwrap();
        assert_eq!((iso.zone, iso.plain, iso.micros), (&b"Z"[..], false, 250_000));
        let offset = read("2018-03-05T23:30:01+05:30").unwrap();
        assert_eq!(offset.zone, b"+05:30");
        assert!(!read("2018-03-05 23:30:01.5").unwrap().plain);
        assert_eq!(read("2018-03-05 23:30:01.123456000").unwrap().micros, 123_456);
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "2018-03-05",
            "2018-03-05 23:30",
            "2018-03-05 24:00:00",
            "2018-03-05 23:60:00",
            "2018-03-05 23:30:60",
            "2018-02-30 10:00:00",
            "05/03/2018 10:00:00",
            "2018-03-05_10:00:00",
            "2018-03-05 10:00:00.",
            "2018-03-05 10:00:00.1234567",
            " 2018-03-05 10:00:00",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        // One reader over many texts: the remembered date must never stand in for another.
        #[test]
        fn memory_changes_nothing(days in proptest::collection::vec(0i32..40_000, 1..20)) {
            let mut reader = StampReader::default();
            for day in days {
                let text = format!("{} 12:34:56", Day(day));
                prop_assert_eq!(reader.read(text.as_bytes()).map(|stamp| stamp.day), Some(Day(day)));
            }
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = StampReader::default().read(&bytes);
        }
    }
}
