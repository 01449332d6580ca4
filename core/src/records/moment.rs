//! Points in time that users give: kept as they were written, compared by the instant they name.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::Datum;
use super::datum::parse_instant;
use super::input::Input;

/// A point in time as it was given: `2013-06-19T20:41:47+03:00`, or without an offset, which then is UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    text: String,
    instant: Timestamp,
}

impl Moment {
    /// Reads a date with a time of day; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        parse_instant(text).map(|instant| Self { text: text.to_owned(), instant })
    }

    /// An instant that the engine gives, in UTC.
    pub(super) fn at(instant: Timestamp) -> Self {
        Self { text: instant.to_string(), instant }
    }

    /// The instant it names.
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As JSON shows it; null for none.
    pub(super) fn to_json(moment: Option<&Self>) -> Value {
        moment.map_or(Value::Null, |moment| moment.text.as_str().into())
    }

    /// Faults the field of the end where it lies before the start. Either may be open.
    pub(super) fn fault_order(from: Option<&Self>, to: Option<&Self>, input: &mut Input<'_>, field: &str) {
        if let (Some(from), Some(to)) = (from, to)
            && to.instant < from.instant
        {
            input.fault(field, format!("lies before {from}, where it begins"));
        }
    }

    /// What filters and indexes compare; null for none.
    pub(super) fn datum(moment: Option<&Self>) -> Datum {
        moment.map_or(Datum::Null, |moment| Datum::time(moment.instant))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a point in time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_stays_and_compares_by_the_instant() {
        let helsinki = Moment::parse("2013-06-19T20:41:47+03:00").unwrap();
        let utc = Moment::parse("2013-06-19 17:41:47").unwrap();
        assert_eq!(helsinki.to_string(), "2013-06-19T20:41:47+03:00");
        assert_eq!(helsinki.instant(), utc.instant());
        assert_ne!(helsinki, utc);
        assert_eq!(Moment::datum(Some(&helsinki)), Moment::datum(Some(&utc)));
        for text in ["", "2013-06-19", "20:41", "2013-06-19T20:41:47[Europe/Helsinki]", "soon"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
