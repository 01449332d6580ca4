//! What collections do by name: the common verbs, and what a resource adds to them.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::error::quoted;
use crate::store::Read;
use crate::{Error, Result};

use super::dynamic::one;
use super::input::{Input, as_object};
use super::{AnyCollection, Collection, Context, Record, RecordId, expansion, machine};

/// What a collection does beyond create, get, update, delete and list, as Python and C call it.
///
/// ```text
/// Verb { name: "children", changes: false, run: |accounts, arguments| … }
/// ```
pub struct Verb<R: 'static> {
    /// As the Python method is called.
    pub name: &'static str,
    /// Whether it writes.
    pub changes: bool,
    /// Takes its arguments, ends the taking with [`Input::done`], and runs in a transaction or snapshot of its own.
    pub run: fn(&Collection<R>, &mut Input<'_>) -> Result<Value>,
}

impl<R> std::fmt::Debug for Verb<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verb")
            .field("name", &self.name)
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// Records as a list of JSON objects, as verbs give them.
pub(super) fn to_json_list<R: Record>(records: &[R], context: &Context<'_>) -> Result<Value> {
    records.iter().map(|record| record.to_json(context).map(Value::Object)).collect()
}

/// What a verb that reads one record shows of it: what its argument `expand` names, else what a record that is read alone
/// shows.
///
/// # Errors
/// [`Error::Validation`] for what is no list of names, and for a name that is no sub-resource.
pub(super) fn expanded<R: Record>(arguments: &mut Input<'_>) -> Result<Vec<&'static str>> {
    match arguments.expansions()? {
        Some(names) => expansion::named::<R>(&names),
        None => Ok(expansion::inline::<R>()),
    }
}

/// Changes what the fields name in the record that is found, in the commit in which it is found, and shows it.
///
/// # Errors
/// Those of the finder, and of [`Collection::update`].
pub(super) fn update_found<R: Record>(
    collection: &Collection<R>,
    fields: &Map<String, Value>,
    find: impl FnOnce(&dyn Read) -> Result<R>,
) -> Result<Value> {
    one(collection.write_json(|write, env| {
        let found = find(write)?;
        Ok(vec![machine::update(write, env, &found.id(), fields)?])
    })?)
}

/// The verbs of every collection, in the order in which messages name them.
const COMMON: [&str; 9] =
    ["create", "create_many", "get", "contains", "update", "delete", "list", "count", "len"];

/// Runs a verb by its Python name with its arguments by name.
///
/// # Errors
/// [`Error::Validation`] for a verb that the collection has not and for wrong arguments, and those of the verb.
pub(super) fn call<R: Record>(collection: &Collection<R>, verb: &str, arguments: &Value) -> Result<Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    let mut input = Input::arguments(if arguments.is_null() { &NONE } else { as_object(arguments)? });
    match R::VERBS.iter().find(|own| own.name == verb) {
        Some(own) => (own.run)(collection, &mut input),
        None => common(collection, verb, arguments, &mut input),
    }
}

fn common<R: Record>(
    collection: &Collection<R>,
    verb: &str,
    given: &Value,
    arguments: &mut Input<'_>,
) -> Result<Value> {
    match verb {
        "create" => AnyCollection::create(collection, given),
        "create_many" => {
            let records = arguments.required_list("records").unwrap_or_default().to_vec();
            arguments.done()?;
            AnyCollection::create_many(collection, records).map(Value::Array)
        }
        "get" => {
            let id = arguments.id_text("id")?;
            let expand = expansion::asked::<R>(arguments)?;
            arguments.done()?;
            match expand {
                Some(names) => collection.get_expanded(&id, &names),
                None => AnyCollection::get(collection, &id),
            }
        }
        "contains" => {
            let id = arguments.id_text("id")?;
            arguments.done()?;
            R::Id::parse(&id).map_or(Ok(false), |id| collection.contains(id)).map(Value::Bool)
        }
        "update" => {
            let id = arguments.id_text("id")?;
            AnyCollection::update(collection, &id, given)
        }
        "delete" => {
            let id = arguments.id_text("id")?;
            arguments.done()?;
            AnyCollection::delete(collection, &id).map(|()| Value::Null)
        }
        "list" => AnyCollection::list(collection, given).map(Value::from),
        "count" | "len" => {
            arguments.done()?;
            AnyCollection::len(collection).map(Value::from)
        }
        _ => Err(unknown::<R>(verb)),
    }
}

fn unknown<R: Record>(verb: &str) -> Error {
    let known: Vec<_> = COMMON.into_iter().chain(R::VERBS.iter().map(|own| own.name)).collect();
    let message = format!("{} is none of {}", quoted(verb), known.join(", "));
    Error::invalid("verb", message)
}
