//! Sub-resources: what belongs to a record and is shown beside its own fields where a caller asks for it.

use serde_json::Value;

use crate::{Error, Result};

use super::Record;
use super::datum::quoted;

/// A sub-resource that a caller may ask to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// Its name, as `expand` gives it and as the key in JSON.
    pub name: &'static str,
    /// Whether a record that is read alone shows it without being asked. Listings never do.
    pub inline: bool,
}

impl Expansion {
    /// Shown where asked for, and wherever a record is read alone.
    pub const fn inline(name: &'static str) -> Self {
        Self { name, inline: true }
    }

    /// Shown only where asked for: it may be long.
    pub const fn asked(name: &'static str) -> Self {
        Self { name, inline: false }
    }
}

/// What a record that is read alone shows.
pub(super) fn inline<R: Record>() -> Vec<&'static str> {
    R::EXPANSIONS.iter().filter(|expansion| expansion.inline).map(|expansion| expansion.name).collect()
}

/// The sub-resources of these names.
///
/// # Errors
/// [`Error::Validation`] for a name that is none.
pub(super) fn named<R: Record>(names: &[String]) -> Result<Vec<&'static str>> {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for name in names {
        match find::<R>(name) {
            Ok(name) => found.push(name),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(found)
    } else {
        Err(Error::Validation { fields: [("expand".to_owned(), faults)].into() })
    }
}

/// The sub-resource of a name, or what is wrong with it.
pub(super) fn find<R: Record>(name: &str) -> Result<&'static str, String> {
    let found = R::EXPANSIONS.iter().find(|expansion| expansion.name == name);
    found.map(|expansion| expansion.name).ok_or_else(|| format!("{} is not a sub-resource", quoted(name)))
}

/// Names in JSON: a list, or one text with commas. `None` for anything else.
pub(super) fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => {
            Some(text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
        }
        Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
