//! Products: finding them in their stores and by their words.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde_json::{Map, Value};
use tillroll_core as core;

use crate::argument::{Given, fault, optional};
use crate::collection::{Collection, id_text, records};
use crate::json;
use crate::local::Local;
use crate::page::Page;
use crate::record::Record;
use crate::wait::long;

/// The products in the stores.
///
/// Examples
/// --------
/// >>> [product.name for product in db.products]
/// ['Chess', 'Coins']
/// >>> db.products.get_by_store("amazon", "coins").id
/// 2
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Products {
    /// The same products by their type, for a lookup that the engine calls back.
    pub products: Local<core::Collection<core::Product>>,
}

#[pymethods]
impl Products {
    /// Gets a product by its id.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    /// expand : iterable of str, optional
    ///     Which sub-resources to put in: `meta`, `categories`.
    /// meta : bool
    ///     Put in both.
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
    /// >>> db.products.get(1).name
    /// 'Chess'
    #[pyo3(signature = (id, *, expand=None, meta=false))]
    fn get(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        expand: Option<&Bound<'_, PyAny>>,
        meta: bool,
    ) -> PyResult<Record> {
        let expand = expand.map(|names| json::argument("expand", names)).transpose()?.unwrap_or(Value::Null);
        let arguments = [("id", id_text("id", id)?.into()), ("expand", expand), ("meta", meta.into())];
        slf.as_super().get().call(slf.py(), "get", arguments).map(Record::new)
    }

    /// Gets a product by what its store calls it.
    ///
    /// Parameters
    /// ----------
    /// store : str
    ///     In any spelling: `apple`, `apple:mac`, `google_play`, `amazon`, `amazon_appstore`, `windows10` ...
    /// id_in_store : str or int
    ///     Its `vendor_identifier`, SKU, `ref_no` or package name, or a SKU it was sold under. SKUs of Google Play are
    ///     unique only within an app: `package:sku` names one of its in-app items.
    /// lookup : callable, optional
    ///     Called as `lookup(store, id_in_store)` on a thread of its own where there is none; the dict it gives is stored.
    ///     While one runs, other callers who ask for the same product wait for it.
    /// timeout : float
    ///     How many seconds to wait for it.
    /// meta : bool
    ///     Put in `meta` and `categories`.
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is none, and `lookup` gave `None`.
    /// PendingError
    ///     The lookup has not ended; what it gives is stored when it comes.
    ///
    /// Examples
    /// --------
    /// >>> db.products.get_by_store("amazon", "chess").name
    /// 'Chess'
    /// >>> def lookup(store: str, id_in_store: str) -> dict[str, str] | None:
    /// ...     return {"name": "Go"} if id_in_store == "go" else None
    /// >>> db.products.get_by_store("apple", "go", lookup=lookup).name
    /// 'Go'
    #[pyo3(signature = (store, id_in_store, *, lookup=None, timeout=90.0.into(), meta=false),
           text_signature = "($self, store, id_in_store, *, lookup=None, timeout=90.0, meta=False)")]
    fn get_by_store(
        slf: &Bound<'_, Self>,
        store: Given<String>,
        id_in_store: &Bound<'_, PyAny>,
        lookup: Option<Py<PyAny>>,
        timeout: Given<f64>,
        meta: bool,
    ) -> PyResult<Record> {
        let py = slf.py();
        let (store, id) = (store.named(py, "store")?, id_text("id_in_store", id_in_store)?);
        let timeout = Duration::try_from_secs_f64(timeout.named(py, "timeout")?)
            .map_err(|_| fault(py, "timeout", "must be a number of seconds, 0 or more"))?;
        let collection = slf.as_super().get();
        let Some(lookup) = lookup else {
            let arguments = [("store", store.into()), ("id_in_store", id.into()), ("meta", meta.into())];
            return collection.call(py, "get_by_store", arguments).map(Record::new);
        };
        let found = slf.get().look_up(py, (store, id), lookup, timeout)?;
        collection.call(py, "get", [("id", found.into()), ("meta", meta.into())]).map(Record::new)
    }

    /// Searches products by the words in their name and developer, or the beginnings of words.
    ///
    /// Case and accents do not count. The best match comes first.
    ///
    /// Parameters
    /// ----------
    /// term : str
    ///     All of its words must be found. Begun with `@name=` or `@developer=` it looks there alone.
    /// storefronts : str or iterable of str, optional
    ///     Where the products must be sold: `apple`, `apple:mac`, `google_play` ..., several joined by `;`.
    /// filter : str, optional
    ///     `ios`, `mac`, `google` or `amazon`. Deprecated: `storefronts` says more.
    /// page, count : int
    ///     Which page, from 1, and how long pages are.
    /// meta : bool
    ///     Put in `meta` and `categories`.
    ///
    /// Returns
    /// -------
    /// Page
    ///
    /// Examples
    /// --------
    /// >>> [product.name for product in db.products.search("che")]
    /// ['Chess']
    #[pyo3(signature = (term, storefronts=None, filter=None, page=None, count=None, *, meta=false),
           text_signature = "($self, term, storefronts=None, filter=None, page=1, count=25, *, meta=False)")]
    fn search(
        slf: &Bound<'_, Self>,
        term: &Bound<'_, PyAny>,
        storefronts: Option<&Bound<'_, PyAny>>,
        filter: Option<&Bound<'_, PyAny>>,
        page: Option<&Bound<'_, PyAny>>,
        count: Option<&Bound<'_, PyAny>>,
        meta: bool,
    ) -> PyResult<Page> {
        let mut arguments = Map::from_iter([("meta".to_owned(), meta.into())]);
        let named = [
            ("term", Some(term)),
            ("storefronts", storefronts),
            ("filter", filter),
            ("page", page),
            ("count", count),
        ];
        for (name, given) in named {
            if let Some(given) = given {
                arguments.insert(name.to_owned(), json::argument(name, given)?);
            }
        }
        let found = slf.as_super().get().call_with(slf.py(), "search", arguments)?;
        Page::from_envelope(slf.py(), found)
    }

    /// The products that are one's own or shared with one: those that have a `source`.
    ///
    /// Parameters
    /// ----------
    /// store : str, optional
    ///     Only those of a store.
    /// include_inactive : bool
    ///     Also those whose `source` is not active.
    /// meta : bool
    ///     Put in `meta` and `categories`.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     In id order.
    ///
    /// Examples
    /// --------
    /// >>> [product.name for product in db.products.mine(store="amazon")]
    /// ['Chess', 'Coins']
    #[pyo3(signature = (store=None, include_inactive=false, *, meta=false))]
    fn mine(
        slf: &Bound<'_, Self>,
        store: Option<Given<String>>,
        include_inactive: bool,
        meta: bool,
    ) -> PyResult<Vec<Record>> {
        let store = optional(slf.py(), "store", store)?;
        let arguments =
            [("store", store.into()), ("include_inactive", include_inactive.into()), ("meta", meta.into())];
        slf.as_super().get().call(slf.py(), "mine", arguments).map(records)
    }

    /// Makes products one group, as the same app in several stores is.
    ///
    /// Products that are in a group already bring it along. The group's id, in reports `by="product_group"`, is the
    /// lowest id of its products.
    ///
    /// Parameters
    /// ----------
    /// ids : iterable of int, str or Record
    ///     Two or more products.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     The products of the group, in id order.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no product of an id.
    /// ValidationError
    ///     There are fewer than two different ids.
    ///
    /// Examples
    /// --------
    /// >>> [product.id for product in db.products.link([1, 2])]
    /// [1, 2]
    fn link(slf: &Bound<'_, Self>, ids: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        if ids.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("ids must be an iterable of ids, not a str"));
        }
        let ids =
            ids.try_iter()?.map(|id| id_text("ids", &id?).map(Value::from)).collect::<PyResult<Vec<_>>>()?;
        slf.as_super().get().call(slf.py(), "link", [("ids", ids.into())]).map(records)
    }

    /// Takes a product out of its group. A group of one is none; a product that is in none stays so.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    ///     The product.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is neither such a product nor a link that one which is gone has left behind.
    ///
    /// Examples
    /// --------
    /// >>> group = db.products.link([1, 2])
    /// >>> db.products.unlink(2)
    /// >>> [product.id for product in db.products.group(1)]
    /// [1]
    fn unlink(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.as_super().get().call(slf.py(), "unlink", [("id", id_text("id", id)?.into())]).map(drop)
    }

    /// The products of a product's group: the same app in other stores.
    ///
    /// Parameters
    /// ----------
    /// id : int, str or Record
    ///     Any product of the group.
    /// meta : bool
    ///     Put in `meta` and `categories`.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     In id order; the product alone where it is in no group.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such product.
    ///
    /// Examples
    /// --------
    /// >>> linked = db.products.link([1, 2])
    /// >>> [product.id for product in db.products.group(2)]
    /// [1, 2]
    #[pyo3(signature = (id, *, meta=false))]
    fn group(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>, meta: bool) -> PyResult<Vec<Record>> {
        let arguments = [("id", id_text("id", id)?.into()), ("meta", meta.into())];
        slf.as_super().get().call(slf.py(), "group", arguments).map(records)
    }
}

impl Products {
    /// The id of a product that is stored, or that the caller's lookup finds. What the lookup raises is raised here.
    fn look_up(
        &self,
        py: Python<'_>,
        (store, id): (String, String),
        lookup: Py<PyAny>,
        timeout: Duration,
    ) -> PyResult<u64> {
        let raised: Arc<Mutex<Option<PyErr>>> = Arc::default();
        let (products, thrown) = (self.products.get(py)?.clone(), Arc::clone(&raised));
        let ask = move |store: &str, id: &str| {
            Python::attach(|py| fields_of(lookup.bind(py), store, id)).map_err(|error| {
                let told = error.to_string();
                *thrown.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                let source = std::io::Error::other(told);
                core::Error::Io { action: "look up", path: format!("{store}/{id}").into(), source }
            })
        };
        let found =
            long(py, move || products.get_by_store_with(&store, &id, ask, timeout).map(|found| found.id));
        let raised = raised.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.map_err(|error| raised.unwrap_or(error))
    }
}

/// What a lookup gives: the fields of a product, or nothing.
fn fields_of(lookup: &Bound<'_, PyAny>, store: &str, id: &str) -> PyResult<Option<core::Fields>> {
    let given = lookup.call1((store, id))?;
    if given.is_none() {
        return Ok(None);
    }
    let fields = Value::Object(json::object(Some(given.cast::<PyDict>()?))?);
    core::Fields::from_json(fields).map(Some).map_err(|error| PyValueError::new_err(error.to_string()))
}
