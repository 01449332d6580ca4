//! One page of a listing.

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};
use serde_json::Value;
use tillroll_core as core;

use crate::collection::records;
use crate::html;
use crate::pickle::{Reduced, by_fields};
use crate::record::Record;

/// One page of a listing. Iterating it gives its records.
///
/// Examples
/// --------
/// >>> page = db.products.list(page_size=1)
/// >>> page
/// <Page 1 of 2: 1 of 2 records>
/// >>> [product.name for product in page]
/// ['Chess']
#[pyclass(module = "tillroll", frozen, get_all)]
pub struct Page {
    /// The records of this page.
    data: Py<PyList>,
    /// Which page this is, from 1.
    page: u64,
    /// How many records a page holds at most.
    page_size: u64,
    /// How many pages there are.
    page_count: u64,
    /// How many records there are on all pages.
    item_count: u64,
}

impl Page {
    /// Wraps a page of JSON records.
    pub fn new(py: Python<'_>, page: core::Page<Value>) -> PyResult<Self> {
        let records = page.data.into_iter().map(|record| Py::new(py, Record::new(record)));
        Ok(Self {
            data: PyList::new(py, records.collect::<PyResult<Vec<_>>>()?)?.unbind(),
            page: page.page,
            page_size: page.page_size,
            page_count: page.page_count,
            item_count: page.item_count,
        })
    }
}

impl Page {
    /// Wraps what a verb gave as `{"data", "meta"}`.
    pub fn from_envelope(py: Python<'_>, mut envelope: Value) -> PyResult<Self> {
        let data = envelope.get_mut("data").map(Value::take).unwrap_or_default();
        let meta =
            |name: &str| envelope.pointer(&format!("/meta/{name}")).and_then(Value::as_u64).unwrap_or(0);
        Ok(Self {
            data: PyList::new(py, records(data))?.unbind(),
            page: meta("page"),
            page_size: meta("page_size"),
            page_count: meta("page_count"),
            item_count: meta("item_count"),
        })
    }
}

by_fields!(Page { data, page, page_size, page_count, item_count });

#[pymethods]
impl Page {
    fn __len__(&self, py: Python<'_>) -> usize {
        self.data.bind(py).len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.data.bind(py).try_iter()
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let data = self.data.bind(py);
        let records = data.iter().filter_map(|record| record.extract().ok()).collect::<Vec<_>>();
        let Self { page, page_count, item_count, .. } = self;
        let foot = format!("page {page} of {page_count}: {} of {item_count} records", data.len());
        html::records(py, &records, &foot)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let Self { page, page_count, item_count, .. } = self;
        format!("<Page {page} of {page_count}: {} of {item_count} records>", self.__len__(py))
    }
}
