//! One record of a collection, as it stood when it was read.

use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use serde_json::{Map, Value};

use crate::html;
use crate::json;
use crate::pickle::{self, Reduced};

/// One account, product, customer ... of a collection, as it stood when it was read.
///
/// Its attributes are named as in the store's own API. A record does not change: `update()` of the collection gives
/// a new one.
///
/// Examples
/// --------
/// >>> product = db.products.get_by_store("amazon", "chess")
/// >>> product.id, product.name
/// (1, 'Chess')
/// >>> product == db.products.get(1)
/// True
#[pyclass(module = "tillroll", frozen, eq)]
#[derive(PartialEq)]
pub struct Record {
    fields: Map<String, Value>,
}

impl Record {
    /// Wraps what a collection gave.
    pub fn new(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self { fields },
            // A collection gives objects only; anything else still shows what it is.
            other => Self { fields: Map::from_iter([("id".to_owned(), other)]) },
        }
    }

    /// What `__reduce__` wrote as JSON.
    pub fn again(state: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fields = serde_json::from_str(&state.extract::<String>()?);
        fields.map(Self::new).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// What names the record: its id, or its code where that is the id.
    pub fn id(&self) -> Value {
        self.fields.get("id").or_else(|| self.fields.get("code")).cloned().unwrap_or_default()
    }

    /// All fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }
}

#[pymethods]
impl Record {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        // Text that is no Unicode names nothing.
        let name = name.to_string_lossy();
        match self.fields.get(&*name) {
            Some(value) => json::attribute(py, &name, value),
            None => Err(PyAttributeError::new_err(format!("this record has no attribute {name:?}"))),
        }
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let names = py.get_type::<PyAny>().call_method1("__dir__", (slf,))?;
        let all = PyList::new(py, names.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        slf.get().fields.keys().try_for_each(|name| all.append(name))?;
        Ok(all)
    }

    /// The record as plain data: the resource itself, never an envelope.
    ///
    /// Returns
    /// -------
    /// dict
    ///     Of the kind that `create()` and `update()` take.
    ///
    /// Examples
    /// --------
    /// >>> brand = db.brands.create(name="Acme")
    /// >>> brand.to_dict()["name"]
    /// 'Acme'
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        json::dict(py, &self.fields)
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        html::record(py, self)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduced(py, "Record", Value::Object(self.fields.clone()).to_string())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let field = |(name, value): (&String, &Value)| {
            Ok(format!("{name}={}", json::attribute(py, name, value)?.repr()?))
        };
        let fields = self.fields.iter().map(field).collect::<PyResult<Vec<_>>>()?;
        Ok(format!("Record({})", fields.join(", ")))
    }
}
