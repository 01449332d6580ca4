//! Sales rows as a stream of batches.

use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tillroll_core as core;

use crate::arrow;
use crate::error::raise;
use crate::html;
use crate::local::Local;
use crate::pickle::{self, Reduced};
use crate::table::{RowIterator, names};
use crate::wait::short;

/// Sales rows that are read when they are asked for.
///
/// Polars, pandas, pyarrow and DuckDB take it as it is, through the Arrow PyCapsule protocol; iterating gives
/// batches. Each use starts a scan of its own, which sees the database as it stands then, wholly: an import that
/// commits meanwhile does not show.
///
/// Examples
/// --------
/// >>> scan = db.sales.scan(columns=["sku", "units"])
/// >>> scan
/// <Scan of 2 columns>
/// >>> scan.to_polars()["units"].sum()
/// 2
#[pyclass(module = "tillroll", frozen)]
pub struct Scan {
    sales: Local<core::Sales>,
    query: core::Query,
    schema: SchemaRef,
}

impl Scan {
    /// Prepares a scan. It is begun once, and dropped, so that a wrong argument is told here and not at first use.
    pub fn new(py: Python<'_>, sales: core::Sales, query: core::Query) -> PyResult<Self> {
        let schema = short(py, || sales.scan(&query).map(|scan| scan.schema()))?;
        Ok(Self { sales: Local::new(sales), query, schema })
    }

    fn start(&self, py: Python<'_>) -> PyResult<core::Scan> {
        let sales = self.sales.get(py)?;
        short(py, || sales.scan(&self.query))
    }
}

#[pymethods]
impl Scan {
    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<BatchIterator> {
        Ok(BatchIterator { scan: Local::new(Mutex::new(self.start(py)?)) })
    }

    /// The rows as a `pandas.DataFrame`; needs pandas and pyarrow.
    ///
    /// Returns
    /// -------
    /// pandas.DataFrame
    ///
    /// Raises
    /// ------
    /// ModuleNotFoundError
    ///     It is not installed.
    ///
    /// Examples
    /// --------
    /// >>> frame = db.sales.scan(columns=["sku", "units"]).to_pandas()
    /// >>> frame.shape
    /// (3, 2)
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "pandas", &["DataFrame", "from_arrow"])
    }

    /// The rows as a `polars.DataFrame`; needs polars.
    ///
    /// Returns
    /// -------
    /// polars.DataFrame
    ///
    /// Raises
    /// ------
    /// ModuleNotFoundError
    ///     It is not installed.
    ///
    /// Examples
    /// --------
    /// >>> frame = db.sales.scan(columns=["sku", "units"]).to_polars()
    /// >>> frame.shape
    /// (3, 2)
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "polars", &["DataFrame"])
    }

    /// The rows as a `pyarrow.Table`; needs pyarrow.
    ///
    /// Returns
    /// -------
    /// pyarrow.Table
    ///
    /// Raises
    /// ------
    /// ModuleNotFoundError
    ///     It is not installed.
    ///
    /// Examples
    /// --------
    /// >>> table = db.sales.scan(columns=["sku", "units"]).to_arrow()
    /// >>> table.num_rows, table.column_names
    /// (3, ['sku', 'units'])
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "pyarrow", &["table"])
    }

    /// The rows as an Arrow stream. A schema that is asked for is not converted to: the consumer does that.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        arrow::stream(py, self.start(py)?.into_reader())
    }

    /// The types of the columns, for Arrow.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema(py, &self.schema)
    }

    fn __repr__(&self) -> String {
        format!("<Scan of {} columns>", self.schema.fields().len())
    }
}

/// The batches of one scan.
///
/// Examples
/// --------
/// >>> batches = iter(db.sales.scan(columns=["sku"]))
/// >>> next(batches)
/// <Batch of 3 rows, 1 columns>
#[pyclass(module = "tillroll", frozen)]
pub struct BatchIterator {
    scan: Local<Mutex<core::Scan>>,
}

/// Batches that are read ahead are waited for.
impl Drop for BatchIterator {
    fn drop(&mut self) {
        self.scan.release();
    }
}

#[pymethods]
impl BatchIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let scan = self.scan.get(py)?;
        let next = py.detach(|| scan.lock().unwrap_or_else(PoisonError::into_inner).next());
        py.check_signals()?;
        next.transpose().map(|batch| batch.map(|inner| Batch { inner })).map_err(|error| raise(py, error))
    }
}

/// Some of a scan's rows, in memory.
///
/// Examples
/// --------
/// >>> (batch,) = db.sales.scan(columns=["sku", "units"])
/// >>> len(batch), batch.columns
/// (3, ['sku', 'units'])
/// >>> next(iter(batch))
/// {'sku': 'chess', 'units': 1}
#[pyclass(module = "tillroll", frozen)]
pub struct Batch {
    inner: RecordBatch,
}

impl From<RecordBatch> for Batch {
    fn from(inner: RecordBatch) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl Batch {
    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        names(&self.inner)
    }

    fn __len__(&self) -> usize {
        self.inner.num_rows()
    }

    fn __iter__(&self) -> RowIterator {
        RowIterator::new(self.inner.clone())
    }

    /// The rows as an Arrow struct array. A schema that is asked for is not converted to: the consumer does that.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        arrow::array(py, &self.inner)
    }

    /// The types of the columns, for Arrow.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema(py, self.inner.schema_ref())
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        html::rows(py, &self.inner)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduced(py, "Batch", pickle::packed(py, &self.inner)?)
    }

    fn __repr__(&self) -> String {
        format!("<Batch of {} rows, {} columns>", self.inner.num_rows(), self.inner.num_columns())
    }
}
