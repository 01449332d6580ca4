//! Typed values of fields, as filters compare them and as they stand in keys.
//!
//! ```text
//! 1 false   2 true   3 │ integer (8 bytes, order-preserving)   4 │ text (escaped, terminated)   9 null
//! ```
//!
//! The bytes sort as [`Datum`]s do, nulls last, and none is the beginning of another.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::error::quoted;
use crate::kv::{Key, KeyReader};
use crate::{Error, Result};

use super::uuid::canonical;

/// One value. Times are integers: microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// A truth value; false sorts first.
    Bool(bool),
    /// A whole number or a time.
    Int(i64),
    /// Text, sorted by bytes.
    Text(String),
    /// No value; sorts last.
    Null,
}

/// What a field's values are, and so how users may write them.
#[derive(Debug, Clone, Copy)]
pub enum DatumKind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// Text in which case does not count, such as an e-mail address: the values are in folded form.
    Folded,
    /// Text that is a UUID, whose letters may be small or large: the values have small ones.
    Uuid,
    /// Text that may be given as a whole number too, such as an id of another system: the values are its digits then.
    Code,
    /// A time: with offset, without (then UTC), or a date alone (then the whole day in UTC).
    Time,
    /// A name with one canonical spelling, which the function finds.
    Name(fn(&str) -> Option<&'static str>),
}

/// The values that one operand stands for: both ends are the same but for a date alone, which is a whole day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub low: Datum,
    pub high: Datum,
}

impl Span {
    pub(super) fn point(datum: Datum) -> Self {
        Self { low: datum.clone(), high: datum }
    }
}

const BOOL_FALSE: u8 = 1;
const BOOL_TRUE: u8 = 2;
const INT: u8 = 3;
const TEXT: u8 = 4;
const NULL: u8 = 9;

impl Datum {
    /// A text, or null for none.
    pub fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |text| Self::Text(text.to_owned()))
    }

    /// A number, or null for none.
    pub fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }

    /// A number from 0 on, such as an id, or null for none. One over 63 bits is none: inputs take no such number.
    pub(super) fn number(value: Option<u64>) -> Self {
        Self::int(value.and_then(|value| i64::try_from(value).ok()))
    }

    pub(super) fn time(value: Timestamp) -> Self {
        Self::Int(value.as_microsecond())
    }

    /// Appends the datum to a key.
    pub(super) fn write(&self, key: Key) -> Key {
        match self {
            Self::Bool(false) => key.raw(&[BOOL_FALSE]),
            Self::Bool(true) => key.raw(&[BOOL_TRUE]),
            Self::Int(value) => key.raw(&[INT]).i64(*value),
            Self::Text(text) => key.raw(&[TEXT]).text(text),
            Self::Null => key.raw(&[NULL]),
        }
    }

    /// Appends the datum as it lies in memory (`values.rs`): its kind and its bytes, which sort as data do but do not tell
    /// where they end.
    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Bool(false) => bytes.push(BOOL_FALSE),
            Self::Bool(true) => bytes.push(BOOL_TRUE),
            Self::Int(value) => {
                bytes.push(INT);
                // With the sign turned, negative numbers sort first.
                bytes.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
            }
            Self::Text(text) => {
                bytes.push(TEXT);
                bytes.extend_from_slice(text.as_bytes());
            }
            Self::Null => bytes.push(NULL),
        }
    }

    pub(super) fn packed(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.pack(&mut bytes);
        bytes
    }

    /// What [`Datum::pack`] made these bytes of; `None` for others.
    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        Some(match bytes.split_first()? {
            (&BOOL_FALSE, _) => Self::Bool(false),
            (&BOOL_TRUE, _) => Self::Bool(true),
            (&INT, number) => Self::Int(i64::from_be_bytes(number.try_into().ok()?) ^ i64::MIN),
            (&TEXT, text) => Self::Text(String::from_utf8(text.to_vec()).ok()?),
            (&NULL, _) => Self::Null,
            _ => return None,
        })
    }

    /// The text of packed bytes; `None` where they are none.
    pub(super) fn packed_text(bytes: &[u8]) -> Option<&[u8]> {
        bytes.split_first().filter(|(kind, _)| **kind == TEXT).map(|(_, text)| text)
    }

    /// Takes the first datum off the rest of a key; also gives what follows.
    pub(super) fn read(rest: &[u8]) -> Result<(Self, &[u8])> {
        let damaged = |detail: String| Error::corrupt("index".as_ref(), detail);
        let kind = *rest.first().ok_or_else(|| damaged("a key ends before a value".to_owned()))?;
        // The kind stands where a key has its namespace, so the rest reads like a key of its own.
        let mut reader = KeyReader::new(rest, kind)?;
        let datum = match kind {
            BOOL_FALSE => Self::Bool(false),
            BOOL_TRUE => Self::Bool(true),
            INT => Self::Int(reader.i64()?),
            TEXT => Self::Text(reader.text()?),
            NULL => Self::Null,
            other => return Err(damaged(format!("a key has a value of the unknown kind {other}"))),
        };
        Ok((datum, reader.rest()))
    }
}

impl DatumKind {
    /// Reads an operand of a filter.
    pub(super) fn parse(self, text: &str) -> Result<Span, String> {
        let point = match self {
            Self::Text | Self::Code => Datum::Text(text.to_owned()),
            Self::Folded => Datum::Text(folded(text)),
            Self::Uuid => Datum::Text(canonical(text)),
            Self::Bool => Datum::Bool(parse_bool(text).ok_or("takes true or false")?),
            Self::Int => {
                Datum::Int(text.parse().map_err(|_| format!("{} is not a whole number", quoted(text)))?)
            }
            Self::Time => {
                return parse_time(text).ok_or_else(|| format!("{} is not a date or a time", quoted(text)));
            }
            Self::Name(find) => {
                Datum::Text(find(text).ok_or_else(|| format!("{} is not known", quoted(text)))?.into())
            }
        };
        Ok(Span::point(point))
    }

    /// Reads an operand given as JSON: a string as [`DatumKind::parse`] does, null, or the value itself.
    pub(super) fn read_json(self, value: &Value) -> Result<Span, String> {
        match (self, value) {
            (_, Value::Null) => Ok(Span::point(Datum::Null)),
            (_, Value::String(text)) => self.parse(text),
            (Self::Bool, Value::Bool(value)) => Ok(Span::point(Datum::Bool(*value))),
            (Self::Int, Value::Number(number)) => number
                .as_i64()
                .map(|value| Span::point(Datum::Int(value)))
                .ok_or("is not a whole number".to_owned()),
            (Self::Code, Value::Number(number)) => Ok(Span::point(Datum::Text(number.to_string()))),
            _ => Err("takes another type of value".to_owned()),
        }
    }
}

/// Text without its case. Only that of A to Z goes: what else has one may change with the tables of Unicode, and keys
/// must not.
pub(super) fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Truth as users write it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The three date forms.
fn parse_time(text: &str) -> Option<Span> {
    if text.len() == "2013-06-19".len() {
        let date: Date = text.parse().ok()?;
        let start = utc(date.into())?;
        let next = date.tomorrow().ok().and_then(|date| utc(date.into())).unwrap_or(i64::MAX);
        return Some(Span { low: Datum::Int(start), high: Datum::Int(next - 1) });
    }
    parse_instant(text).map(|time| Span::point(Datum::time(time)))
}

/// A date with a time of day: with its offset, or without one and then UTC.
pub(super) fn parse_instant(text: &str) -> Option<Timestamp> {
    // A zone in brackets is another form; the civil parser would pass over it, and it would silently mean UTC.
    if text.contains('[') || !text.contains(['T', 't', ' ']) {
        return None;
    }
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

fn utc(time: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(time).ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(datum: &Datum) -> Vec<u8> {
        datum.write(Key::new(0)).build()
    }

    fn data() -> impl Strategy<Value = Datum> {
        prop_oneof![
            Just(Datum::Null),
            any::<bool>().prop_map(Datum::Bool),
            any::<i64>().prop_map(Datum::Int),
            (-3i64..3).prop_map(Datum::Int),
            "[\0\u{1}ab\u{ff}\u{10ffff}]{0,5}".prop_map(Datum::Text),
        ]
    }

    proptest! {
        #[test]
        fn keys_sort_as_values_and_come_back(a in data(), b in data()) {
            prop_assert_eq!(bytes(&a).cmp(&bytes(&b)), a.cmp(&b));
            prop_assert!(a == b || !bytes(&b).starts_with(&bytes(&a)));
            let key = b.write(a.write(Key::new(0))).build();
            let (first, rest) = Datum::read(&key[1..]).unwrap();
            prop_assert_eq!(first, a);
            prop_assert_eq!(Datum::read(rest).unwrap(), (b, &[][..]));
        }

        #[test]
        fn packed_bytes_sort_as_values_and_come_back(a in data(), b in data()) {
            let [packed_a, packed_b] = [&a, &b].map(Datum::packed);
            prop_assert_eq!(packed_a.cmp(&packed_b), a.cmp(&b));
            prop_assert_eq!(Datum::unpack(&packed_a), Some(a));
        }

        #[test]
        fn any_bytes_are_an_error_not_a_panic(bytes: Vec<u8>) {
            let _ = Datum::unpack(&bytes);
            let mut rest = bytes.as_slice();
            while let Ok((_, after)) = Datum::read(rest) {
                rest = after;
            }
        }
    }

    #[test]
    fn the_three_date_forms() {
        let span = |text: &str| {
            parse_time(text).map(|span| match (span.low, span.high) {
                (Datum::Int(low), Datum::Int(high)) => (low, high),
                other => panic!("{other:?}"),
            })
        };
        let second = 1_371_663_707_000_000;
        assert_eq!(span("2013-06-19T20:41:47+03:00"), Some((second, second)));
        assert_eq!(span("2013-06-19T17:41:47"), Some((second, second)));
        assert_eq!(span("2013-06-19 17:41:47"), Some((second, second)));
        assert_eq!(span("2013-06-19"), Some((1_371_600_000_000_000, 1_371_686_399_999_999)));
        for text in [
            "",
            "2013",
            "2013-06",
            "2013-13-01",
            "19.06.2013",
            "now",
            "2013-06-19T25:00",
            "20130619",
            "2013-06-19T20:41:47[Europe/Helsinki]",
            "2013-06-1\u{e9}",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn operands_by_kind() {
        assert_eq!(DatumKind::Int.parse("-7"), Ok(Span::point(Datum::Int(-7))));
        assert_eq!(DatumKind::Bool.parse("True"), Ok(Span::point(Datum::Bool(true))));
        assert_eq!(DatumKind::Int.read_json(&7.into()), Ok(Span::point(Datum::Int(7))));
        assert_eq!(DatumKind::Text.read_json(&Value::Null), Ok(Span::point(Datum::Null)));
        for (kind, text) in
            [(DatumKind::Int, "7.5"), (DatumKind::Int, ""), (DatumKind::Bool, "1"), (DatumKind::Time, "x")]
        {
            assert!(kind.parse(text).is_err(), "{kind:?} {text}");
        }
        assert!(DatumKind::Int.read_json(&7.5.into()).is_err());
        assert!(DatumKind::Text.read_json(&7.into()).is_err());
        assert!(DatumKind::Int.parse(&"9".repeat(1000)).unwrap_err().len() < 100);
    }
}
