//! The clocks of Amazon's marketplaces, of which the American one shows Google's earnings too: which zone a marketplace's
//! local time is in, what zone tokens mean, and offsets fast enough for a lookup a row.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::stamp::DAY;
use crate::day::{Day, two_digits};

/// A marketplace's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Market {
    UnitedStates,
    Europe,
    Britain,
    India,
    Japan,
    Australia,
    Brazil,
}

impl Market {
    /// The number of clocks.
    pub(super) const COUNT: usize = 7;

    const ALL: [(Self, &'static str); Self::COUNT] = [
        (Self::UnitedStates, "America/Los_Angeles"),
        (Self::Europe, "Europe/Paris"),
        (Self::Britain, "Europe/London"),
        (Self::India, "Asia/Kolkata"),
        (Self::Japan, "Asia/Tokyo"),
        (Self::Australia, "Australia/Sydney"),
        (Self::Brazil, "America/Sao_Paulo"),
    ];

    /// The clock of a marketplace by its name, whatever its case; `None` where none is known.
    pub(super) fn of(marketplace: &str) -> Option<Self> {
        Some(match marketplace.trim().to_ascii_lowercase().as_str() {
            "amazon.com" => Self::UnitedStates,
            "amazon.de" | "amazon.es" | "amazon.fr" | "amazon.it" => Self::Europe,
            "amazon.co.uk" | "amazon.uk" => Self::Britain,
            "amazon.in" => Self::India,
            "amazon.co.jp" | "amazon.jp" => Self::Japan,
            "amazon.com.au" => Self::Australia,
            "amazon.com.br" => Self::Brazil,
            _ => return None,
        })
    }

    fn time_zone(self) -> Option<TimeZone> {
        static ZONES: LazyLock<Vec<Option<TimeZone>>> =
            LazyLock::new(|| Market::ALL.iter().map(|(_, name)| TimeZone::get(name).ok()).collect());
        ZONES.get(self as usize)?.clone()
    }
}

/// What a written zone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// So many seconds east of UTC.
    Offset(i32),
    /// The marketplace's own clock, whatever it shows then: `IST`, `BST` and other names with several meanings.
    Local,
}

/// Reads a zone token or a numeric offset; `None` where it is not known.
pub(super) fn token(text: &[u8], market: Option<Market>) -> Option<Token> {
    let upper = text.to_ascii_uppercase();
    let hours = |hours: i32| Some(Token::Offset(hours * 3600));
    match (upper.as_slice(), market) {
        (b"Z" | b"UTC" | b"UT" | b"GMT" | b"WET", _) => hours(0),
        (b"IST", Some(Market::India)) => Some(Token::Offset(19_800)),
        (b"BST", Some(Market::Britain)) => hours(1),
        (b"IST" | b"BST", _) | (b"EST" | b"EDT", Some(Market::Australia)) => Some(Token::Local),
        (b"CET" | b"WEST" | b"MET", _) => hours(1),
        (b"CEST" | b"MEST", _) => hours(2),
        (b"JST", _) => hours(9),
        (b"AEST", _) => hours(10),
        (b"AEDT", _) => hours(11),
        (b"BRT", _) | (b"ADT", _) => hours(-3),
        (b"BRST", _) => hours(-2),
        (b"EDT" | b"AST", _) => hours(-4),
        (b"EST" | b"CDT", _) => hours(-5),
        (b"CST" | b"MDT", _) => hours(-6),
        (b"MST" | b"PDT", _) => hours(-7),
        (b"PST", _) => hours(-8),
        _ => {
            let digits = upper.strip_prefix(b"UTC").or_else(|| upper.strip_prefix(b"GMT")).unwrap_or(&upper);
            numeric(digits).map(Token::Offset)
        }
    }
}

/// `+HH`, `+HHMM` or `+HH:MM` in seconds.
fn numeric(text: &[u8]) -> Option<i32> {
    let (sign, h1, h2, m1, m2) = match *text {
        [sign, h1, h2] => (sign, h1, h2, b'0', b'0'),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (i32::from(two_digits(h1, h2)?), i32::from(two_digits(m1, m2)?));
    let seconds = (hours <= 18 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// A stretch of time in which a zone's offset does not change. Ends are excluded.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    offset: i32,
    /// Seconds UTC.
    start: i64,
    end: i64,
    /// Local seconds that are read with this offset: those that the change at the end repeats or skips are, those of
    /// the change at the start are not.
    local_start: i64,
    local_end: i64,
}

/// How many stretches are remembered: a report touches at most three.
const STRETCHES: usize = 8;

/// One zone with its latest stretches at hand, so that a row costs two comparisons and not a search of the zone's
/// rules.
#[derive(Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    stretches: Vec<Stretch>,
    /// The stretch that answered last.
    recent: usize,
}

impl Clock {
    /// The clock of a marketplace.
    pub(super) fn new(market: Market) -> Option<Self> {
        Some(Self { zone: market.time_zone()?, stretches: Vec::new(), recent: 0 })
    }

    /// The offset to read a local time with, in seconds: a time that a change skips takes the offset before it, one
    /// that occurs twice the earlier. `None` where no date has such a time.
    pub(super) fn offset_of_local(&mut self, local: i64) -> Option<i32> {
        if let Some(stretch) = self.find(|stretch| (stretch.local_start..stretch.local_end).contains(&local))
        {
            return Some(stretch.offset);
        }
        match self.zone.to_ambiguous_timestamp(civil(local)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                self.remember(local - i64::from(offset.seconds()));
                Some(offset.seconds())
            }
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                Some(before.seconds())
            }
        }
    }

    /// The offset in force at an instant, in seconds.
    pub(super) fn offset_at(&mut self, instant: i64) -> Option<i32> {
        if let Some(stretch) = self.find(|stretch| (stretch.start..stretch.end).contains(&instant)) {
            return Some(stretch.offset);
        }
        self.remember(instant).map(|stretch| stretch.offset)
    }

    fn find(&mut self, fits: impl Fn(&Stretch) -> bool) -> Option<Stretch> {
        if let Some(stretch) = self.stretches.get(self.recent).filter(|stretch| fits(stretch)) {
            return Some(*stretch);
        }
        self.recent = self.stretches.iter().position(fits)?;
        self.stretches.get(self.recent).copied()
    }

    fn remember(&mut self, instant: i64) -> Option<Stretch> {
        let stretch = self.stretch_around(instant)?;
        if self.stretches.len() >= STRETCHES {
            self.stretches.clear();
        }
        self.recent = self.stretches.len();
        self.stretches.push(stretch);
        Some(stretch)
    }

    fn stretch_around(&self, instant: i64) -> Option<Stretch> {
        let at = Timestamp::from_second(instant).ok()?;
        let offset = self.zone.to_offset(at).seconds();
        let offset_at =
            |second: i64| Timestamp::from_second(second).map(|at| self.zone.to_offset(at).seconds());
        // The change that began the stretch may be this very instant, and what is asked for lies strictly before.
        let after = Timestamp::from_second(instant.saturating_add(1)).ok()?;
        let start = self.zone.preceding(after).next().map(|change| change.timestamp().as_second());
        let end = self.zone.following(at).next().map(|change| change.timestamp().as_second());
        let before = start.and_then(|start| offset_at(start - 1).ok()).unwrap_or(offset);
        let next = end.and_then(|end| offset_at(end).ok()).unwrap_or(offset);
        let (start, end) = (start.unwrap_or(i64::MIN / 2), end.unwrap_or(i64::MAX / 2));
        Some(Stretch {
            offset,
            start,
            end,
            local_start: start + i64::from(offset.max(before)),
            local_end: end + i64::from(offset.max(next)),
        })
    }
}

/// The date and time that a clock shows at so many local seconds.
fn civil(local: i64) -> Option<DateTime> {
    Offset::UTC.to_datetime(Timestamp::from_second(local).ok()?).into()
}

/// The day in which local seconds fall.
pub(super) fn day_of(local: i64) -> Day {
    Day(i32::try_from(local.div_euclid(DAY)).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn local(text: &str) -> i64 {
        let datetime: DateTime = text.parse().unwrap();
        Offset::UTC.to_timestamp(datetime).unwrap().as_second()
    }

    fn hours(market: Market, text: &str) -> f64 {
        f64::from(Clock::new(market).unwrap().offset_of_local(local(text)).unwrap()) / 3600.0
    }

    #[test]
    fn every_marketplace_has_its_zone() {
        for (index, (market, _)) in Market::ALL.into_iter().enumerate() {
            assert_eq!(market as usize, index);
            assert!(Clock::new(market).is_some(), "{market:?}");
        }
        let winter = "2018-01-15T12:00:00";
        for (name, offset) in [
            ("Amazon.com", -8.0),
            ("amazon.DE", 1.0),
            ("Amazon.es", 1.0),
            ("Amazon.fr", 1.0),
            ("Amazon.it", 1.0),
            ("AMAZON.CO.UK", 0.0),
            ("Amazon.in", 5.5),
            ("Amazon.co.jp", 9.0),
            ("Amazon.com.au", 11.0),
            ("Amazon.com.br", -2.0),
        ] {
            assert_eq!(hours(Market::of(name).unwrap(), winter), offset, "{name}");
        }
        for other in ["Amazon.ca", "Amazon.com.mx", "Amazon.cn", "", "com"] {
            assert_eq!(Market::of(other), None, "{other}");
        }
    }

    #[test]
    fn clock_changes() {
        let us = Market::UnitedStates;
        assert_eq!(hours(us, "2018-03-11T01:59:59"), -8.0);
        assert_eq!(hours(us, "2018-03-11T02:30:00"), -8.0, "skipped: the offset before");
        assert_eq!(hours(us, "2018-03-11T03:00:00"), -7.0);
        assert_eq!(hours(us, "2018-11-04T00:59:59"), -7.0);
        assert_eq!(hours(us, "2018-11-04T01:30:00"), -7.0, "twice: the earlier");
        assert_eq!(hours(us, "2018-11-04T02:00:00"), -8.0);
        assert_eq!(hours(Market::Brazil, "2017-10-15T00:30:00"), -3.0);
        assert_eq!(hours(Market::Brazil, "2018-02-17T23:30:00"), -2.0);
        assert_eq!(hours(Market::Australia, "2018-04-01T02:30:00"), 11.0);
        assert_eq!(hours(Market::Brazil, "2024-12-25T00:00:00"), -3.0, "no summer time since 2019");
    }

    #[test]
    fn tokens() {
        let offset = |text: &str, market| token(text.as_bytes(), market);
        assert_eq!(offset("CEST", None), Some(Token::Offset(7200)));
        assert_eq!(offset("cet", Some(Market::Europe)), Some(Token::Offset(3600)));
        assert_eq!(offset("UTC", Some(Market::Japan)), Some(Token::Offset(0)));
        assert_eq!(offset("PST", None), Some(Token::Offset(-28_800)));
        assert_eq!(offset("PDT", None), Some(Token::Offset(-25_200)));
        assert_eq!(offset("IST", Some(Market::India)), Some(Token::Offset(19_800)));
        assert_eq!(offset("BST", Some(Market::Britain)), Some(Token::Offset(3600)));
        assert_eq!(offset("IST", Some(Market::Britain)), Some(Token::Local));
        assert_eq!(offset("BST", Some(Market::India)), Some(Token::Local));
        assert_eq!(offset("EST", Some(Market::Australia)), Some(Token::Local));
        assert_eq!(offset("BST", None), Some(Token::Local));
        assert_eq!(offset("+05:30", None), Some(Token::Offset(19_800)));
        assert_eq!(offset("-0800", None), Some(Token::Offset(-28_800)));
        assert_eq!(offset("GMT+01", None), Some(Token::Offset(3600)));
        for unknown in ["XYZ", "+1", "+25:00", "+05:60", "CESTT", "\u{e9}"] {
            assert_eq!(offset(unknown, Some(Market::Europe)), None, "{unknown}");
        }
    }

    proptest! {
        // The remembered stretches must answer as the zone itself does, in any order of asking.
        #[test]
        fn stretches_answer_as_the_zone(
            market in 0usize..7,
            seconds in proptest::collection::vec(0i64..2_500_000_000, 1..40),
        ) {
            let market = Market::ALL[market].0;
            let zone = market.time_zone().unwrap();
            let mut clock = Clock::new(market).unwrap();
            for second in seconds {
                let expected = match zone.to_ambiguous_timestamp(civil(second).unwrap()).offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset,
                    AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
                };
                prop_assert_eq!(clock.offset_of_local(second), Some(expected.seconds()));
                let at = Timestamp::from_second(second).unwrap();
                prop_assert_eq!(clock.offset_at(second), Some(zone.to_offset(at).seconds()));
            }
        }

        // The same around clock changes, where stretches end.
        #[test]
        fn stretches_end_where_they_should(
            market in 0usize..7,
            near in 0i64..1_600_000_000,
            steps in proptest::collection::vec(-8_000i64..8_000, 1..20),
        ) {
            let market = Market::ALL[market].0;
            let zone = market.time_zone().unwrap();
            let near = Timestamp::from_second(near).unwrap();
            let change = zone.preceding(near).next().map_or(0, |change| change.timestamp().as_second());
            let mut clock = Clock::new(market).unwrap();
            for step in steps {
                let at = Timestamp::from_second(change + step).unwrap();
                let offset = zone.to_offset(at).seconds();
                prop_assert_eq!(clock.offset_at(change + step), Some(offset));
                let local = change + step + i64::from(offset);
                let expected = match zone.to_ambiguous_timestamp(civil(local).unwrap()).offset() {
                    AmbiguousOffset::Unambiguous { offset } => offset,
                    AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
                };
                prop_assert_eq!(clock.offset_of_local(local), Some(expected.seconds()));
            }
        }
    }
}
