//! One row of a sales report.

use pyo3::exceptions::{PyAttributeError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use tillroll_core as core;

use crate::html;
use crate::pickle::{self, Reduced};
use crate::value;

/// One row of a sales report, with one attribute per column.
///
/// Money is `Decimal`, `time` an aware `datetime` in UTC, `date` a `date`. The columns of the file that have no
/// attribute's name are reached as `sale["Device Type"]`.
///
/// Examples
/// --------
/// >>> sale = db.sales.get("t2")[0]
/// >>> sale.sku, sale.units, sale.sales, sale["currency"]
/// ('coins', 2, Decimal('9.98'), 'USD')
#[pyclass(module = "tillroll", frozen, eq)]
#[derive(PartialEq)]
pub struct Sale {
    inner: core::Sale,
}

impl Sale {
    /// Wraps a row.
    pub fn new(inner: core::Sale) -> Self {
        Self { inner }
    }

    /// What `__reduce__` gave, column by column.
    pub fn again(state: &Bound<'_, PyAny>) -> PyResult<Self> {
        let columns: Vec<(String, (String, Bound<'_, PyAny>))> = state.extract()?;
        let columns =
            columns.into_iter().map(|(name, (tag, found))| Ok((name, value::untagged(&tag, &found)?)));
        columns.collect::<PyResult<core::Sale>>().map(Self::new)
    }
}

#[pymethods]
impl Sale {
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        // Text that is no Unicode names nothing.
        let name = name.to_string_lossy();
        match self.inner.get(&name) {
            Some(found) => value::to_python(py, found),
            None => Err(PyAttributeError::new_err(format!("a sale has no column {name:?}"))),
        }
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        // Text that is no Unicode names nothing.
        let name = name.to_string_lossy();
        match self.inner.get(&name) {
            Some(found) => value::to_python(py, found),
            None => Err(PyKeyError::new_err(name.into_owned())),
        }
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let names = py.get_type::<PyAny>().call_method1("__dir__", (slf,))?;
        let all = PyList::new(py, names.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        slf.get().inner.iter().try_for_each(|(name, _)| all.append(name))?;
        Ok(all)
    }

    /// The row as a dict of all its columns.
    ///
    /// Returns
    /// -------
    /// dict
    ///
    /// Examples
    /// --------
    /// >>> sale = db.sales.get("t2")[0].to_dict()
    /// >>> sale["date"], sale["title"]
    /// (datetime.date(2018, 3, 6), 'Coins')
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        self.inner.iter().try_for_each(|(name, found)| dict.set_item(name, value::to_python(py, found)?))?;
        Ok(dict)
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let column = |(name, found): (&str, &core::Value)| {
            let is_number = matches!(found, core::Value::Int(_) | core::Value::Money(_));
            Ok((name.to_owned(), value::to_python(py, found)?, is_number))
        };
        html::fields(self.inner.iter().map(column))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let columns = self.inner.iter().map(|(name, found)| Ok((name, value::tagged(py, found)?)));
        pickle::reduced(py, "Sale", columns.collect::<PyResult<Vec<_>>>()?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let present = self.inner.iter().filter(|(_, found)| !matches!(found, core::Value::Null));
        let column = |(name, found): (&str, &core::Value)| {
            Ok(format!("{name}={}", value::to_python(py, found)?.repr()?))
        };
        let columns = present.map(column).collect::<PyResult<Vec<_>>>()?;
        Ok(format!("Sale({})", columns.join(", ")))
    }
}
