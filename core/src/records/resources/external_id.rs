//! Ids that another system gives, as text or as a number.
//!
//! Decided: such an id is shown as it was given, number or text; the two spellings of one number are one id.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::records::Datum;
use crate::records::input::{Input, WHOLE_NUMBER, whole_number};

/// An id in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExternalId {
    /// Given as a number.
    Number(u64),
    /// Given as text.
    Text(String),
}

impl ExternalId {
    /// Takes one that may be missing from an input; null removes it.
    pub(in crate::records) fn apply(input: &mut Input<'_>, name: &'static str, target: &mut Option<Self>) {
        match input.value(name) {
            Some(value @ Value::Number(_)) => match whole_number(value) {
                Some(number) => *target = Some(Self::Number(number)),
                None => input.fault(name, WHOLE_NUMBER),
            },
            Some(Value::String(text)) if text.trim().is_empty() => {
                input.fault(name, "must not be blank (null removes it)");
            }
            Some(Value::Null | Value::String(_)) => {
                let mut text = None;
                input.optional_text(name, &mut text);
                *target = text.map(Self::Text);
            }
            Some(_) => input.fault(name, "must be text or a number"),
            None => {}
        }
    }

    pub(in crate::records) fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// What filters and indexes compare; null for none.
    pub(in crate::records) fn datum(id: Option<&Self>) -> Datum {
        id.map_or(Datum::Null, |id| Datum::Text(id.to_string()))
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}
