//! Sub-resources: what belongs to a record and is shown beside its own fields where a caller asks for it.

use serde_json::Value;

use crate::error::quoted;
use crate::{Error, Result};

use super::Record;
use super::datum::parse_bool;
use super::input::Input;

/// A sub-resource that a caller may ask to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// Its name, as `expand` gives it and as the key in JSON.
    pub name: &'static str,
    /// Whether a record that is read alone shows it without being asked. Listings never do.
    pub inline: bool,
    /// An argument of `get`, `list` and the finders that asks for it by being true, beside `expand`.
    pub flag: Option<&'static str>,
}

impl Expansion {
    /// Shown where asked for, and wherever a record is read alone.
    pub const fn inline(name: &'static str) -> Self {
        Self { name, inline: true, flag: None }
    }

    /// Shown only where asked for: it may be long.
    pub const fn asked(name: &'static str) -> Self {
        Self { name, inline: false, flag: None }
    }

    /// Shown only where asked for, by name or by this argument.
    pub const fn flagged(name: &'static str, flag: &'static str) -> Self {
        Self { name, inline: false, flag: Some(flag) }
    }
}

/// The names of what an argument of this name asks for; none where it is no such argument of the resource.
pub(super) fn of_flag<R: Record>(flag: &str) -> Vec<&'static str> {
    let asked = R::EXPANSIONS.iter().filter(|expansion| expansion.flag == Some(flag));
    asked.map(|expansion| expansion.name).collect()
}

/// What is wrong with a flag that [`is_on`] cannot read.
pub(super) const NO_FLAG: &str = "must be true or false";

/// Whether an argument asks for what it stands for: null is false, and the words are taken as well.
pub(super) fn is_on(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(on) => Some(*on),
        Value::String(text) => parse_bool(text),
        _ => None,
    }
}

/// The sub-resources that the arguments of a verb ask for, by `expand` and by arguments of their own; `None` where they
/// ask for none, and what a record alone shows is to be shown.
///
/// # Errors
/// [`Error::Validation`] for an `expand` that is no list of names.
pub(super) fn asked<R: Record>(arguments: &mut Input<'_>) -> Result<Option<Vec<String>>> {
    let mut names = arguments.expansions()?;
    let mut flags: Vec<_> = R::EXPANSIONS.iter().filter_map(|expansion| expansion.flag).collect();
    flags.dedup();
    for flag in flags {
        let on = match arguments.value(flag).map(is_on) {
            Some(None) => {
                arguments.fault(flag, NO_FLAG);
                false
            }
            on => on.flatten() == Some(true),
        };
        if on {
            let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
            names.get_or_insert_with(|| owned(inline::<R>())).extend(owned(of_flag::<R>(flag)));
        }
    }
    Ok(names)
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
