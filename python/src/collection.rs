//! A collection of records, whatever the resource: the engine's own machine, by JSON.

use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Map, Value};
use tillroll_core::{AnyCollection, ErrorKind, Result};

use crate::json;
use crate::local::Local;
use crate::page::Page;
use crate::record::Record;
use crate::wait::short;

/// How many ids an iteration reads at once.
const CHUNK: usize = 256;

/// The records of one resource, in id order.
///
/// `id in c`, `len(c)` and `iter(c)` work as they do for a dict's values. Changes are on disk when the call returns.
///
/// Examples
/// --------
/// >>> acme = db.brands.create(name="Acme")
/// >>> acme.id in db.brands, len(db.brands), [brand.name for brand in db.brands]
/// (True, 1, ['Acme'])
#[pyclass(module = "tillroll", frozen, subclass)]
pub struct Collection {
    name: &'static str,
    inner: Local<Arc<dyn AnyCollection>>,
}

impl Collection {
    /// Wraps the engine's collection of this name.
    pub fn new(name: &'static str, inner: Arc<dyn AnyCollection>) -> Self {
        Self { name, inner: Local::new(inner) }
    }

    fn inner(&self, py: Python<'_>) -> PyResult<&Arc<dyn AnyCollection>> {
        self.inner.get(py)
    }

    /// Runs one of its verbs with arguments by name.
    pub fn call<const N: usize>(
        &self,
        py: Python<'_>,
        verb: &str,
        arguments: [(&str, Value); N],
    ) -> PyResult<Value> {
        let named = arguments.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.call_with(py, verb, named.collect())
    }

    /// Runs one of its verbs with these arguments.
    pub fn call_with(&self, py: Python<'_>, verb: &str, arguments: Map<String, Value>) -> PyResult<Value> {
        let arguments = Value::Object(arguments);
        let inner = self.inner(py)?;
        short(py, || inner.call(verb, &arguments))
    }
}

#[pymethods]
impl Collection {
    /// Creates a record.
    ///
    /// Parameters
    /// ----------
    /// **fields
    ///     The record's fields; those that only the engine sets are ignored, so that a record's `to_dict()` is taken.
    ///
    /// Returns
    /// -------
    /// Record
    ///     As it is stored, with its id.
    ///
    /// Raises
    /// ------
    /// ValidationError
    ///     A field is missing or wrong; `errors` has all faults.
    /// ConflictError
    ///     A field that must be unique is taken.
    ///
    /// Examples
    /// --------
    /// >>> db.brands.create(name="Acme").name
    /// 'Acme'
    /// >>> db.external_accounts.create(nickname="x", store="nowhere")
    /// Traceback (most recent call last):
    ///     ...
    /// tillroll.ValidationError: ...
    #[pyo3(signature = (**fields))]
    fn create(&self, py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Record> {
        let fields = Value::Object(json::object(fields)?);
        let inner = self.inner(py)?;
        short(py, || inner.create(&fields)).map(Record::new)
    }

    /// Creates many records in one step: all of them or none.
    ///
    /// Parameters
    /// ----------
    /// records : iterable of dict
    ///     What `create()` would be called with, each.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     In the order given.
    ///
    /// Raises
    /// ------
    /// ValidationError, ConflictError
    ///     As of `create()`; nothing is stored.
    ///
    /// Examples
    /// --------
    /// >>> made = db.brands.create_many([{"name": "Acme"}, {"name": "Umbrella"}])
    /// >>> [brand.id for brand in made]
    /// [1, 2]
    fn create_many(&self, py: Python<'_>, records: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let fields = |(place, item): (usize, PyResult<Bound<'_, PyAny>>)| {
            let item = item?;
            // A record is taken for what it holds, not for its id.
            match item.cast::<Record>() {
                Ok(record) => Ok(Value::Object(record.get().fields().clone())),
                Err(_) => json::object_at(&format!("[{place}]."), item.cast::<PyDict>()?).map(Value::Object),
            }
        };
        let records = records.try_iter()?.enumerate().map(fields).collect::<PyResult<Vec<_>>>()?;
        let inner = self.inner(py)?;
        let created = short(py, || inner.create_many(records))?;
        Ok(created.into_iter().map(Record::new).collect())
    }

    /// Gets a record by its id.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    /// expand : iterable of str, optional
    ///     Which sub-resources to put in. Without it those that belong to the record itself.
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is none.
    ///
    /// Examples
    /// --------
    /// >>> db.products.get(2).name
    /// 'Coins'
    /// >>> db.brands.get(7)
    /// Traceback (most recent call last):
    ///     ...
    /// tillroll.NotFoundError: brand 7 not found
    #[pyo3(signature = (id, *, expand=None))]
    fn get(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        expand: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Record> {
        let expand = expand.map(|names| json::argument("expand", names)).transpose()?.unwrap_or(Value::Null);
        self.call(py, "get", [("id", id_text("id", id)?.into()), ("expand", expand)]).map(Record::new)
    }

    /// Changes the fields that are named, and no others.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    ///     The record, or its id.
    /// **fields
    ///     What changes.
    ///
    /// Returns
    /// -------
    /// Record
    ///     As it is stored now.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is none with this id.
    /// ValidationError
    ///     A field is wrong; nothing was changed.
    ///
    /// Examples
    /// --------
    /// >>> account = db.external_accounts.update(account, nickname="Amazon games")
    /// >>> account.nickname, account.store
    /// ('Amazon games', 'amazon')
    #[pyo3(signature = (id, /, **fields))]
    fn update(
        &self,
        py: Python<'_>,
        id: &Bound<'_, PyAny>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Record> {
        let id = id_text("id", id)?;
        let fields = Value::Object(json::object(fields)?);
        let inner = self.inner(py)?;
        short(py, || inner.update(&id, &fields)).map(Record::new)
    }

    /// Deletes a record.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    ///     The record, or its id.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is none with this id.
    ///
    /// Examples
    /// --------
    /// >>> acme = db.brands.create(name="Acme")
    /// >>> db.brands.delete(acme)
    /// >>> acme.id in db.brands
    /// False
    fn delete(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = id_text("id", id)?;
        let inner = self.inner(py)?;
        short(py, || inner.delete(&id))
    }

    /// Lists records by page.
    ///
    /// Parameters
    /// ----------
    /// page, page_size : int
    ///     Which page, from 1, and how long pages are.
    /// sort : str
    ///     A field and a direction: `id-asc`, `nickname-desc`.
    /// filter : str, optional
    ///     Conditions joined by `:`, such as `eq(store,amazon):like(nickname,*games*)`.
    /// expand : iterable of str
    ///     Related records to put in.
    /// **field_filters
    ///     `created_at_from=`, `created_at_to=` and the like, and equality on any indexed field.
    ///
    /// Returns
    /// -------
    /// Page
    ///
    /// Raises
    /// ------
    /// ValidationError
    ///     A field, a direction or a condition is unknown.
    ///
    /// Examples
    /// --------
    /// >>> page = db.products.list(sort="name-desc", filter="eq(store,amazon)")
    /// >>> page.item_count, [product.name for product in page]
    /// (2, ['Coins', 'Chess'])
    #[pyo3(signature = (*, page=None, page_size=None, sort=None, filter=None, expand=None, **field_filters),
           text_signature = "($self, *, page=1, page_size=50, sort='id-asc', filter=None, expand=(), **field_filters)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the Python method")]
    fn list(
        &self,
        py: Python<'_>,
        page: Option<&Bound<'_, PyAny>>,
        page_size: Option<&Bound<'_, PyAny>>,
        sort: Option<&Bound<'_, PyAny>>,
        filter: Option<&Bound<'_, PyAny>>,
        expand: Option<&Bound<'_, PyAny>>,
        field_filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Page> {
        let mut query = json::object(field_filters)?;
        let named = [
            ("page", page),
            ("page_size", page_size),
            ("sort", sort),
            ("filter", filter),
            ("expand", expand),
        ];
        for (name, given) in named {
            if let Some(given) = given {
                query.insert(name.to_owned(), json::argument(name, given)?);
            }
        }
        let query = Value::Object(query);
        let inner = self.inner(py)?;
        let page = short(py, || inner.list(&query))?;
        Page::new(py, page)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let inner = self.inner(py)?;
        let count = short(py, || inner.len())?;
        Ok(usize::try_from(count)?)
    }

    fn __contains__(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        // What cannot be an id is in no collection.
        let Ok(id) = id_text("id", id) else { return Ok(false) };
        let inner = self.inner(py)?;
        short(py, || inner.contains(&id))
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<RecordIterator> {
        let inner = Local::new(Arc::clone(self.inner(py)?));
        Ok(RecordIterator { inner, cursor: Mutex::default() })
    }

    fn __repr__(&self) -> String {
        format!("<Collection {}>", self.name)
    }
}

/// What a verb gave as records: a list of them.
pub fn records(list: Value) -> Vec<Record> {
    match list {
        Value::Array(items) => items.into_iter().map(Record::new).collect(),
        one => vec![Record::new(one)],
    }
}

/// The id that an argument names, as text: of an int, a str or a record.
pub fn id_text(name: &str, id: &Bound<'_, PyAny>) -> PyResult<String> {
    match json::argument(name, id)? {
        Value::String(text) => Ok(text),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        _ => Err(PyTypeError::new_err(format!("{name} must be an id: an int, a str or a Record"))),
    }
}

/// The records of a collection in id order. One that is deleted meanwhile does not come any more.
///
/// Examples
/// --------
/// >>> products = iter(db.products)
/// >>> next(products).name
/// 'Chess'
#[pyclass(module = "tillroll", frozen)]
pub struct RecordIterator {
    inner: Local<Arc<dyn AnyCollection>>,
    cursor: Mutex<Cursor>,
}

/// Where an iteration stands: ids are read in chunks, records one by one.
#[derive(Default)]
struct Cursor {
    chunk: vec::IntoIter<String>,
    /// The last id of the chunk.
    after: Option<String>,
    ended: bool,
}

impl Cursor {
    fn next_id(&mut self, collection: &dyn AnyCollection) -> Result<Option<String>> {
        if let Some(id) = self.chunk.next() {
            return Ok(Some(id));
        }
        if self.ended {
            return Ok(None);
        }
        let ids = collection.ids_after(self.after.as_deref(), CHUNK)?;
        let ids: Vec<String> = ids.iter().map(as_text).collect();
        self.ended = ids.len() < CHUNK;
        self.after = ids.last().cloned().or(self.after.take());
        self.chunk = ids.into_iter();
        Ok(self.chunk.next())
    }

    fn next_record(&mut self, collection: &dyn AnyCollection) -> Result<Option<Value>> {
        while let Some(id) = self.next_id(collection)? {
            match collection.get(&id) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                found => return found.map(Some),
            }
        }
        Ok(None)
    }
}

#[pymethods]
impl RecordIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Record>> {
        let collection = self.inner.get(py)?;
        let next = short(py, || {
            let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
            cursor.next_record(&**collection)
        })?;
        Ok(next.map(Record::new))
    }
}

fn as_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
