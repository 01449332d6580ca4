//! What a caller gives for a record: fields by name. Resources take from it what they know; what is wrong is gathered
//! and told at once.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Number, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::day::Day;
use crate::error::quoted;
use crate::money::Money;
use crate::{Error, FieldErrors, Result};

use super::datum::parse_bool;
use super::{Context, Moment, Record, RecordId, expansion, machine, stored};

/// The most characters of a text that has no limit of its own; indexes carry such texts whole.
pub(super) const TEXT_MAX: usize = 255;

/// The most characters of a long text.
pub(super) const LONG_TEXT_MAX: usize = 100_000;

/// The most entries of a list within a record or an argument.
const LIST_MAX: usize = 100_000;

/// The fields of a record to create or change, owned, for the typed faces. They may hold a secret: the text is
/// overwritten when they go, and `Debug` shows names only.
///
/// ```
/// use tillroll_core::Fields;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fields = Fields::default().with("name", "Acme").with("external_id", "a-7");
/// assert_eq!(fields, Fields::from_json(serde_json::json!({"name": "Acme", "external_id": "a-7"}))?);
/// # Ok(())
/// # }
/// ```
#[derive(Default, Clone, PartialEq)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Sets one field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(mut old) = self.0.insert(name.to_owned(), value.into()) {
            wipe(&mut old);
        }
        self
    }

    /// The fields of an object.
    ///
    /// # Errors
    /// [`Error::Validation`] for what is no object.
    pub fn from_json(value: Value) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            mut other => {
                let refused = as_object(&other).map(|_| Self::default());
                wipe(&mut other);
                refused
            }
        }
    }

    /// All fields.
    pub(super) fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        _ => {}
    }
}

/// A field whose value goes to the vault: `None` removes what stands there.
pub(super) struct SecretChange {
    pub field: &'static str,
    pub secret: Option<Zeroizing<String>>,
}

/// What an input is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A record that is new.
    Create,
    /// A stored record that changes.
    Update,
    /// A stored record that the engine itself changes: rules about what users may change do not apply.
    Revise,
    /// A record that comes back from an export: rules about "now" held when it was made and are not applied again.
    Restore,
    /// The arguments of a verb.
    Call,
}

/// The input while a resource takes from it. A field that is absent leaves what the record has.
pub struct Input<'a> {
    fields: &'a Map<String, Value>,
    purpose: Purpose,
    known: Vec<&'static str>,
    faults: FieldErrors,
    secrets: Vec<SecretChange>,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("known", &self.known)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What was taken from an input.
pub(super) struct Taken {
    pub secrets: Vec<SecretChange>,
    pub faults: FieldErrors,
}

impl<'a> Input<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>, purpose: Purpose) -> Self {
        let known = if purpose == Purpose::Call { vec![] } else { vec!["id", "created_at", "updated_at"] };
        Self { fields, purpose, known, faults: FieldErrors::new(), secrets: Vec::new() }
    }

    /// The arguments of a verb.
    pub(super) fn arguments(fields: &'a Map<String, Value>) -> Self {
        Self::new(fields, Purpose::Call)
    }

    /// Whether what is required must be there: always but for a stored record that changes.
    pub fn creating(&self) -> bool {
        !matches!(self.purpose, Purpose::Update | Purpose::Revise)
    }

    /// Whether the engine itself changes a stored record, which may change what users may not.
    pub(super) fn revising(&self) -> bool {
        self.purpose == Purpose::Revise
    }

    /// Whether a record comes back from an export, to which rules about "now" are not applied again.
    pub fn restoring(&self) -> bool {
        self.purpose == Purpose::Restore
    }

    /// A field as it was given, `None` where it was not.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.fields.get(name)
    }

    /// Passes over fields that the engine gives out and does not take.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Notes what is wrong with a field.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.entry(name.to_owned()).or_default().push(message.into());
    }

    /// Whether something is wrong with a field already.
    pub(super) fn is_faulty(&self, name: &str) -> bool {
        self.faults.contains_key(name)
    }

    /// A text that must be there and not blank.
    pub fn required_text(&mut self, name: &'static str, target: &mut String) {
        let given = self.value(name);
        let blank = match given {
            None => self.creating(),
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(value) => value.is_null(),
        };
        match given {
            _ if blank => self.fault(name, "is required"),
            Some(value) => {
                if let Some(text) = self.checked_text(name, value) {
                    text.clone_into(target);
                }
            }
            None => {}
        }
    }

    /// A long text that may be missing, such as a description; lines and tabs are fine, null removes it.
    pub fn long_text(&mut self, name: &'static str, target: &mut Option<String>) {
        let fault = match self.value(name) {
            None => return,
            Some(Value::Null) => return *target = None,
            Some(Value::String(text)) if text.chars().nth(LONG_TEXT_MAX).is_some() => {
                format!("is longer than {LONG_TEXT_MAX} characters")
            }
            Some(Value::String(text)) if text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c)) => {
                "must not contain control characters".to_owned()
            }
            Some(Value::String(text)) => return *target = Some(text.clone()),
            Some(_) => "must be text".to_owned(),
        };
        self.fault(name, fault);
    }

    /// A text that may be missing; null removes it.
    pub fn optional_text(&mut self, name: &'static str, target: &mut Option<String>) {
        match self.value(name) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(value) => {
                if let Some(text) = self.checked_text(name, value) {
                    *target = Some(text.to_owned());
                }
            }
        }
    }

    /// A short text that names the record beside its id; null removes it, and so does an empty one.
    pub fn code(&mut self, name: &'static str, target: &mut Option<String>) {
        self.optional_text(name, target);
        if target.as_ref().is_some_and(|code| code.trim().is_empty()) {
            *target = None;
        }
    }

    /// A list of short texts; null is the empty one. Faults are told as `name[place]`, places from 0 on.
    pub fn texts(&mut self, name: &'static str, target: &mut Vec<String>) {
        let Some(values) = self.list(name) else { return };
        let mut texts = Vec::with_capacity(values.len());
        for (place, value) in values.iter().enumerate() {
            match text_fault(value) {
                Ok(text) => texts.push(text.to_owned()),
                Err(fault) => self.fault(&format!("{name}[{place}]"), fault),
            }
        }
        *target = texts;
    }

    /// A truth value; the words `true` and `false` are taken as well.
    pub fn boolean(&mut self, name: &'static str, target: &mut bool) {
        let value = match self.value(name) {
            None => return,
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::String(text)) => parse_bool(text),
            Some(_) => None,
        };
        match value {
            Some(value) => *target = value,
            None => self.fault(name, "must be true or false"),
        }
    }

    /// A truth value that must be there.
    pub fn required_boolean(&mut self, name: &'static str, target: &mut bool) {
        match self.value(name) {
            None if !self.creating() => {}
            None | Some(Value::Null) => self.fault(name, "is required"),
            Some(_) => self.boolean(name, target),
        }
    }

    /// A truth value that may be missing; null removes it.
    pub fn optional_boolean(&mut self, name: &'static str, target: &mut Option<bool>) {
        match self.value(name) {
            Some(Value::Null) => *target = None,
            None => {}
            Some(_) => {
                let mut value = false;
                self.boolean(name, &mut value);
                *target = Some(value);
            }
        }
    }

    /// A point in time that may be missing, with its offset or without, and then UTC; null removes it.
    pub fn moment(&mut self, name: &'static str, target: &mut Option<Moment>) {
        self.optional(
            name,
            target,
            "must be a date with a time of day, as 2013-06-19T20:41:47+03:00",
            |value| value.as_str().and_then(Moment::parse),
        );
    }

    /// A date that may be missing; null removes it.
    pub fn day(&mut self, name: &'static str, target: &mut Option<Day>) {
        self.optional(name, target, "must be a date, as 2021-10-20", |value| value.as_str()?.parse().ok());
    }

    /// An exact amount that may be missing, as a number or as text; null removes it.
    pub fn money(&mut self, name: &'static str, target: &mut Option<Money>) {
        match self.value(name) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(value) => match amount(value) {
                Ok(amount) => *target = Some(amount),
                Err(fault) => self.fault(name, fault),
            },
        }
    }

    /// One of some names that may be missing; null removes it.
    pub fn name_of(&mut self, name: &'static str, known: &[&'static str], target: &mut Option<String>) {
        let fault = match self.value(name) {
            None => return,
            Some(Value::Null) => return *target = None,
            Some(Value::String(text)) if known.contains(&text.as_str()) => {
                return *target = Some(text.clone());
            }
            Some(Value::String(text)) => unknown_name(text, known),
            Some(_) => "must be text".to_owned(),
        };
        self.fault(name, fault);
    }

    /// A whole number that may be missing and may be negative, such as a place in an order; null removes it, digits as
    /// text are taken as well.
    pub fn optional_integer(&mut self, name: &'static str, target: &mut Option<i64>) {
        self.optional(name, target, "must be a whole number of 64 bits", integer);
    }

    /// The id of something that may be missing, a number; null removes it, digits as text are taken as well.
    pub fn optional_id(&mut self, name: &'static str, target: &mut Option<u64>) {
        self.optional(name, target, ID_NUMBER, id_number);
    }

    /// The id of something that must be there.
    pub fn required_id(&mut self, name: &'static str, target: &mut u64) {
        match self.value(name) {
            None if !self.creating() => {}
            None | Some(Value::Null) => self.fault(name, "is required"),
            Some(value) => match id_number(value) {
                Some(id) => *target = id,
                None => self.fault(name, ID_NUMBER),
            },
        }
    }

    /// A list of ids, each once; null is the empty one.
    pub fn ids(&mut self, name: &'static str, target: &mut Vec<u64>) {
        let Some(values) = self.list(name) else { return };
        let (mut ids, mut seen) = (Vec::with_capacity(values.len()), BTreeSet::new());
        for (place, value) in values.iter().enumerate() {
            match id_number(value) {
                None => self.fault(&format!("{name}[{place}]"), ID_NUMBER),
                Some(id) if !seen.insert(id) => self.fault(&format!("{name}[{place}]"), "stands twice"),
                Some(id) => ids.push(id),
            }
        }
        *target = ids;
    }

    /// The ids of several records that a verb needs; one that stands twice counts once.
    pub(super) fn several_ids(&mut self, name: &'static str) -> BTreeSet<u64> {
        let mut ids = BTreeSet::new();
        for (place, value) in self.required_list(name).unwrap_or_default().iter().enumerate() {
            match id_number(value) {
                Some(id) => drop(ids.insert(id)),
                None => self.fault(&format!("{name}[{place}]"), ID_NUMBER),
            }
        }
        ids
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        target: &mut Option<T>,
        fault: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) {
        match self.value(name) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(value) => match read(value) {
                Some(value) => *target = Some(value),
                None => self.fault(name, fault),
            },
        }
    }

    /// A list; null is the empty one. `None` where it was not given or is something else, which is a fault.
    pub fn list(&mut self, name: &'static str) -> Option<&'a [Value]> {
        match self.value(name)? {
            Value::Array(values) if values.len() > LIST_MAX => {
                self.fault(name, format!("has more than {LIST_MAX} entries"));
                None
            }
            Value::Array(values) => Some(values),
            Value::Null => Some(&[]),
            _ => {
                self.fault(name, "must be a list");
                None
            }
        }
    }

    /// A list that must be there.
    pub fn required_list(&mut self, name: &'static str) -> Option<&'a [Value]> {
        if self.value(name).is_none_or(Value::is_null) {
            self.fault(name, "is required");
            return None;
        }
        self.list(name)
    }

    /// A list of objects, each read by `read` as an input of its own; their faults are told as `name[place].field`,
    /// places from 0 on. `None` where the list was not given or is none.
    pub fn rows<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&mut Input<'a>) -> T,
    ) -> Option<Vec<T>> {
        let values = self.list(name)?;
        let mut rows = Vec::with_capacity(values.len());
        for (place, value) in values.iter().enumerate() {
            let path = format!("{name}[{place}]");
            match value {
                Value::Object(fields) => rows.push(self.part(&path, fields, Purpose::Create, &mut read)),
                _ => self.fault(&path, "must be an object"),
            }
        }
        Some(rows)
    }

    /// Rows as of [`Input::rows`], but only so many: a longer list is a fault as a whole, and none of it is read.
    pub fn few_rows<T>(
        &mut self,
        name: &'static str,
        most: usize,
        read: impl FnMut(&mut Input<'a>) -> T,
    ) -> Option<Vec<T>> {
        match self.value(name) {
            Some(Value::Array(values)) if values.len() > most => {
                self.fault(name, format!("has more than {most} entries"));
                None
            }
            _ => self.rows(name, read),
        }
    }

    /// An object within the record, read by `read` as an input of its own; its faults are told as `name.field`. Null is
    /// the empty one. What it does not name stays as it is, as in the record itself.
    pub fn nested(&mut self, name: &'static str, read: impl FnOnce(&mut Input<'a>)) {
        if let Some(fields) = self.object(name) {
            self.part(name, fields, self.purpose, read);
        }
    }

    fn part<T>(
        &mut self,
        path: &str,
        fields: &'a Map<String, Value>,
        purpose: Purpose,
        read: impl FnOnce(&mut Input<'a>) -> T,
    ) -> T {
        let mut part = Input::new(fields, purpose);
        let value = read(&mut part);
        for (name, messages) in part.finish().faults {
            self.faults.entry(format!("{path}.{name}")).or_default().extend(messages);
        }
        value
    }

    /// The id that an argument gives, as text.
    ///
    /// # Errors
    /// [`Error::Validation`] where it is missing or can be none.
    pub(super) fn id_text(&mut self, name: &'static str) -> Result<String> {
        match self.value(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
            None | Some(Value::Null) => Err(Error::invalid(name, "is required")),
            Some(_) => Err(Error::invalid(name, "must be an id: a whole number or text")),
        }
    }

    /// The id of a record that an argument gives.
    ///
    /// # Errors
    /// As [`Input::id_text`]; [`Error::NotFound`] for what cannot be an id of the resource.
    pub(super) fn id_of<R: Record>(&mut self, name: &'static str) -> Result<R::Id> {
        let text = self.id_text(name)?;
        R::Id::parse(&text).ok_or_else(|| machine::not_found::<R>(&text))
    }

    /// The object that an argument must give, such as the fields of an update beside what finds the record.
    ///
    /// # Errors
    /// [`Error::Validation`] where it is missing or something else.
    pub(super) fn required_object(&mut self, name: &'static str) -> Result<&'a Map<String, Value>> {
        match self.value(name) {
            Some(Value::Object(fields)) => Ok(fields),
            None | Some(Value::Null) => Err(Error::invalid(name, "is required")),
            Some(_) => Err(Error::invalid(name, "must be an object")),
        }
    }

    /// A record that a field refers to must be there; one that comes back from an export may come before it.
    ///
    /// # Errors
    /// Those of reading; that it is not there is a fault of the input.
    pub(super) fn must_exist<R: Record>(
        &mut self,
        name: &str,
        id: &R::Id,
        context: &Context<'_>,
    ) -> Result<()> {
        if !self.restoring() && context.read.get(&stored::record_key::<R>(id))?.is_none() {
            self.fault(name, format!("{} {id} not found", R::NOUN));
        }
        Ok(())
    }

    /// The sub-resources that the argument `expand` names; `None` where it is not given.
    ///
    /// # Errors
    /// [`Error::Validation`] for what is no list of names.
    pub(super) fn expansions(&mut self) -> Result<Option<Vec<String>>> {
        let given = self.value("expand").filter(|value| !value.is_null());
        given
            .map(|value| expansion::names(value).ok_or_else(|| Error::invalid("expand", "must be names")))
            .transpose()
    }

    /// Ends the taking of a verb's arguments.
    ///
    /// # Errors
    /// [`Error::Validation`] with all that is wrong, arguments that nobody took among it.
    pub fn done(&mut self) -> Result<()> {
        self.fault_strangers();
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() { Ok(()) } else { Err(Error::Validation { fields: faults }) }
    }

    /// A whole number from 0 on that must be there.
    pub fn required_number(&mut self, name: &'static str, target: &mut u64) {
        match self.value(name) {
            None if !self.creating() => {}
            None | Some(Value::Null) => self.fault(name, "is required"),
            Some(value) => match whole_number(value) {
                Some(number) => *target = number,
                None => self.fault(name, WHOLE_NUMBER),
            },
        }
    }

    /// Ends the taking of a verb's arguments where those that nobody took are the fields of a record.
    ///
    /// # Errors
    /// [`Error::Validation`] with all that is wrong with those that were taken.
    pub(super) fn rest(&mut self) -> Result<Map<String, Value>> {
        let taken = std::mem::take(&mut self.known);
        let rest = self.fields.iter().filter(|(name, _)| !taken.contains(&name.as_str()));
        let rest = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() { Ok(rest) } else { Err(Error::Validation { fields: faults }) }
    }

    /// A whole number from 0 on that may be missing; null removes it, digits as text are taken as well.
    pub fn optional_number(&mut self, name: &'static str, target: &mut Option<u64>) {
        match self.value(name) {
            None => {}
            Some(Value::Null) => *target = None,
            Some(value) => match whole_number(value) {
                Some(number) => *target = Some(number),
                None => self.fault(name, WHOLE_NUMBER),
            },
        }
    }

    /// An object; null is the empty one. `None` where it was not given or is something else, which is a fault.
    pub fn object(&mut self, name: &'static str) -> Option<&'a Map<String, Value>> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self.value(name)? {
            Value::Object(fields) => Some(fields),
            Value::Null => Some(&EMPTY),
            _ => {
                self.fault(name, "must be an object");
                None
            }
        }
    }

    /// A text for the vault; null removes it. Its faults never show it.
    pub fn secret(&mut self, field: &'static str) {
        const SECRET_MAX: usize = 4096;
        let fault = match self.value(field) {
            None => return,
            Some(Value::Null) => return self.secrets.push(SecretChange { field, secret: None }),
            Some(Value::String(text)) if text.is_empty() => "must not be empty (null removes it)".to_owned(),
            Some(Value::String(text)) if text.contains('\0') => "must not contain NUL".to_owned(),
            Some(Value::String(text)) if text.len() > SECRET_MAX => {
                format!("is longer than {SECRET_MAX} bytes")
            }
            Some(Value::String(text)) => {
                let secret = Some(Zeroizing::new(text.clone()));
                return self.secrets.push(SecretChange { field, secret });
            }
            Some(_) => "must be text".to_owned(),
        };
        self.fault(field, fault);
    }

    fn checked_text(&mut self, name: &'static str, value: &'a Value) -> Option<&'a str> {
        text_fault(value).map_err(|fault| self.fault(name, fault)).ok()
    }

    /// Ends the taking: what nobody knew is a fault.
    pub(super) fn finish(mut self) -> Taken {
        self.fault_strangers();
        Taken { secrets: self.secrets, faults: self.faults }
    }

    fn fault_strangers(&mut self) {
        let message = match self.purpose {
            Purpose::Call => "is not an argument",
            _ => "is not a field of this record",
        };
        for name in self.fields.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let shown: String = name.chars().take(64).collect();
            self.faults.entry(shown).or_default().push(message.to_owned());
        }
    }
}

/// A short text, or what is wrong with it.
fn text_fault(value: &Value) -> Result<&str, String> {
    match value {
        Value::String(text) if text.chars().nth(TEXT_MAX).is_some() => {
            Err(format!("is longer than {TEXT_MAX} characters"))
        }
        Value::String(text) if text.chars().any(char::is_control) => {
            Err("must not contain control characters".to_owned())
        }
        Value::String(text) => Ok(text),
        _ => Err("must be text".to_owned()),
    }
}

/// An exact amount given as a number or as text.
fn amount(value: &Value) -> Result<Money, String> {
    let read = |text: &str| text.parse::<Money>().map_err(|fault| fault.to_string());
    match value {
        Value::String(text) => read(text),
        Value::Number(number) => read(&number.to_string()),
        _ => Err("must be an amount".to_owned()),
    }
}

/// An amount as a JSON number: whole where it is whole, else with its shortest digits.
pub(super) fn exact_number(amount: Money) -> Value {
    let text = amount.to_string();
    let digits = text.trim_end_matches('0').trim_end_matches('.');
    // Plain decimals are numbers; numbers keep their digits.
    digits.parse::<Number>().map_or(Value::Null, Value::Number)
}

/// The message for what [`whole_number`] refuses.
pub(super) const WHOLE_NUMBER: &str = "must be a whole number, 0 to 9223372036854775807";

/// A whole number that keys can carry, given as a number or as digits.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => <u64 as RecordId>::parse(text),
        _ => None,
    };
    number.filter(|&number| i64::try_from(number).is_ok())
}

/// The message for what [`id_number`] refuses.
const ID_NUMBER: &str = "must be an id: a whole number from 1 on";

/// The id of something, given as a number or as digits.
fn id_number(value: &Value) -> Option<u64> {
    whole_number(value).filter(|&id| id > 0)
}

/// A whole number, given as a number or as digits behind at most a minus.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// The fields of an input, which must be an object.
pub(super) fn as_object(value: &Value) -> Result<&Map<String, Value>> {
    value
        .as_object()
        .ok_or_else(|| Error::invalid("fields", format!("must be an object, not {}", type_name(value))))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An enumerated name as given, or a fault that shows what it is not.
pub(super) fn unknown_name(text: &str, known: &[&str]) -> String {
    format!("{} is none of {}", quoted(text), known.join(", "))
}

#[cfg(test)]
#[path = "input_test.rs"]
mod test;
