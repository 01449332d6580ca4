//! Collections by name and records as JSON: what the Python and C faces use.

use std::fmt::Debug;

use serde_json::{Map, Value};

use crate::{Error, Result};

use super::input::{Fields, as_object};
use super::machine;
use super::{Collection, ListQuery, Page, Record, RecordId, expansion, list, verb};

/// A collection whose records are JSON objects, as `to_dict()` gives them.
pub trait AnyCollection: Debug + Send + Sync {
    /// The collection's name.
    fn name(&self) -> &'static str;
    /// Creates a record from an object.
    ///
    /// # Errors
    /// As of [`Collection::create`].
    fn create(&self, fields: &Value) -> Result<Value>;
    /// Creates records in one commit.
    ///
    /// # Errors
    /// As of [`Collection::create_many`].
    fn create_many(&self, all: Vec<Value>) -> Result<Vec<Value>>;
    /// The record of an id.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for a text that cannot be an id.
    fn get(&self, id: &str) -> Result<Value>;
    /// Whether there is a record of an id; none is for a text that cannot be one.
    ///
    /// # Errors
    /// Those of reading.
    fn contains(&self, id: &str) -> Result<bool>;
    /// The record of an id with these sub-resources, and no others.
    ///
    /// # Errors
    /// As of [`AnyCollection::get`]; [`Error::Validation`] for a name that is no sub-resource.
    fn get_expanded(&self, id: &str, expand: &[String]) -> Result<Value>;
    /// Changes what the object names.
    ///
    /// # Errors
    /// As of [`Collection::update`].
    fn update(&self, id: &str, fields: &Value) -> Result<Value>;
    /// Removes a record.
    ///
    /// # Errors
    /// As of [`Collection::delete`].
    fn delete(&self, id: &str) -> Result<()>;
    /// One page; the query has Python's argument names.
    ///
    /// # Errors
    /// As of [`Collection::list`].
    fn list(&self, query: &Value) -> Result<Page<Value>>;
    /// The number of records.
    ///
    /// # Errors
    /// Those of reading.
    fn len(&self) -> Result<u64>;
    /// Whether there is no record.
    ///
    /// # Errors
    /// Those of reading.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }
    /// At most `limit` ids after one, in id order, for iteration in steps.
    ///
    /// # Errors
    /// [`Error::Validation`] where `after` cannot be an id.
    fn ids_after(&self, after: Option<&str>, limit: usize) -> Result<Vec<Value>>;
    /// Runs any verb by its Python name, with its arguments by name in an object: the common ones, with `id` beside the
    /// fields of an update and `records` for `create_many`, and those that only this collection has.
    ///
    /// # Errors
    /// [`Error::Validation`] for a verb that it has not or wrong arguments, and those of the verb.
    fn call(&self, verb: &str, arguments: &Value) -> Result<Value>;
    /// What contradicts itself: index entries against records, and the count. Empty where all is well.
    ///
    /// # Errors
    /// Those of reading.
    fn check(&self) -> Result<Vec<String>>;
}

impl<R: Record> AnyCollection for Collection<R> {
    fn name(&self) -> &'static str {
        R::COLLECTION
    }

    fn create(&self, fields: &Value) -> Result<Value> {
        let fields = as_object(fields)?;
        one(self.write_json(|write, env| Ok(vec![machine::create(write, env, fields)?]))?)
    }

    fn create_many(&self, all: Vec<Value>) -> Result<Vec<Value>> {
        let all = all.into_iter().map(Fields::from_json).collect::<Result<Vec<_>>>()?;
        self.write_json(|write, env| machine::create_many(write, env, all))
    }

    fn get(&self, id: &str) -> Result<Value> {
        self.read_json(id, &expansion::inline::<R>())
    }

    fn contains(&self, id: &str) -> Result<bool> {
        R::Id::parse(id).map_or(Ok(false), |id| Collection::contains(self, id))
    }

    fn get_expanded(&self, id: &str, expand: &[String]) -> Result<Value> {
        self.read_json(id, &expansion::named::<R>(expand)?)
    }

    fn update(&self, id: &str, fields: &Value) -> Result<Value> {
        let (id, fields) = (parse::<R>(id)?, as_object(fields)?);
        one(self.write_json(|write, env| Ok(vec![machine::update(write, env, &id, fields)?]))?)
    }

    fn delete(&self, id: &str) -> Result<()> {
        Collection::delete(self, parse::<R>(id)?)
    }

    fn list(&self, query: &Value) -> Result<Page<Value>> {
        let query = ListQuery::from_json(query)?;
        // Names that are none are told by the listing, together with its other faults.
        let expand = query.expansions::<R>();
        self.read_with(&expand, |context| {
            let page = list::list::<R>(context.read, &self.shared.known, &query)?;
            page.try_map(|record| record.to_json(context).map(Value::Object))
        })
    }

    fn len(&self) -> Result<u64> {
        Collection::len(self)
    }

    fn ids_after(&self, after: Option<&str>, limit: usize) -> Result<Vec<Value>> {
        let parse = |text| R::Id::parse(text).ok_or_else(|| Error::invalid("after", "is not an id"));
        let after = after.map(parse).transpose()?;
        let ids = self.read(|context| list::ids_after::<R>(context.read, after.as_ref(), limit))?;
        Ok(ids.iter().map(RecordId::to_json).collect())
    }

    fn call(&self, verb: &str, arguments: &Value) -> Result<Value> {
        verb::call(self, verb, arguments)
    }

    fn check(&self) -> Result<Vec<String>> {
        self.read(|context| machine::check::<R>(context.read))
    }
}

impl<R: Record> Collection<R> {
    fn read_json(&self, id: &str, expand: &[&str]) -> Result<Value> {
        let id = parse::<R>(id)?;
        self.read_with(expand, |context| {
            machine::get::<R>(context.read, &id)?.to_json(context).map(Value::Object)
        })
    }
}

fn parse<R: Record>(id: &str) -> Result<R::Id> {
    R::Id::parse(id).ok_or_else(|| machine::not_found::<R>(id))
}

/// Fields in the order in which they are shown.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The record of a write that gives one.
pub(super) fn one(values: Vec<Value>) -> Result<Value> {
    values.into_iter().next().ok_or_else(|| Error::NotFound { what: "the record just written".to_owned() })
}
