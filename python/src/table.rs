//! The table that a report gives.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use tillroll_core as core;

use crate::argument::Given;
use crate::pickle::{self, Reduced};
use crate::{arrow, html, value};

/// The answer of a report: rows and named columns, in memory.
///
/// Polars, pandas, pyarrow and DuckDB take it as it is, through the Arrow PyCapsule protocol. Iterating gives a dict
/// a row.
///
/// Examples
/// --------
/// >>> table = db.sales.report(by="sku", measures=["units", "rows"])
/// >>> len(table), table.columns
/// (2, ['sku', 'units', 'rows'])
/// >>> table[0]
/// {'sku': 'chess', 'units': 0, 'rows': 2}
#[pyclass(module = "tillroll", frozen)]
pub struct Table {
    inner: core::Table,
}

impl From<core::Table> for Table {
    fn from(inner: core::Table) -> Self {
        Self { inner }
    }
}

impl Table {
    fn batch(&self) -> &RecordBatch {
        self.inner.batch()
    }
}

#[pymethods]
impl Table {
    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        names(self.batch())
    }

    fn __len__(&self) -> usize {
        self.batch().num_rows()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, row: Given<isize>) -> PyResult<Bound<'py, PyDict>> {
        let rows = self.batch().num_rows();
        // No table has as many rows as a number beyond a word says.
        let row = row.fits().unwrap_or(isize::MAX);
        let from_start = if row < 0 { rows.checked_add_signed(row) } else { usize::try_from(row).ok() };
        match from_start.filter(|&row| row < rows) {
            Some(row) => value::row(py, self.batch(), row),
            None => Err(PyIndexError::new_err(format!("row {row} of {rows}"))),
        }
    }

    fn __iter__(&self) -> RowIterator {
        RowIterator::new(self.batch().clone())
    }

    /// The table as a `pandas.DataFrame`; needs pandas and pyarrow.
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
    /// >>> frame = db.sales.report(by="sku").to_pandas()
    /// >>> frame.shape
    /// (2, 2)
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "pandas", &["DataFrame", "from_arrow"])
    }

    /// The table as a `polars.DataFrame`; needs polars.
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
    /// >>> frame = db.sales.report(by="sku").to_polars()
    /// >>> frame.shape
    /// (2, 2)
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "polars", &["DataFrame"])
    }

    /// The table as a `pyarrow.Table`; needs pyarrow.
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
    /// >>> table = db.sales.report(by="sku").to_arrow()
    /// >>> table.num_rows, table.column_names
    /// (2, ['sku', 'units'])
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        arrow::convert(slf.as_any(), "pyarrow", &["table"])
    }

    /// The table as an Arrow stream. A schema that is asked for is not converted to: the consumer does that.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        arrow::stream_of(py, self.batch())
    }

    /// The types of the columns, for Arrow.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema(py, self.batch().schema_ref())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        pickle::reduced(py, "Table", pickle::packed(py, self.batch())?)
    }

    fn __repr__(&self) -> String {
        self.inner.to_string()
    }

    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        html::rows(py, self.batch())
    }
}

/// The names of a batch's columns.
pub fn names(batch: &RecordBatch) -> Vec<String> {
    batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect()
}

/// The rows of a table as dicts.
///
/// Examples
/// --------
/// >>> rows = iter(db.sales.report(by="sku"))
/// >>> next(rows)
/// {'sku': 'chess', 'units': 0}
#[pyclass(module = "tillroll", frozen)]
pub struct RowIterator {
    batch: RecordBatch,
    next: AtomicUsize,
}

impl RowIterator {
    /// Starts at the first row.
    pub fn new(batch: RecordBatch) -> Self {
        Self { batch, next: AtomicUsize::new(0) }
    }
}

#[pymethods]
impl RowIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let row = self.next.fetch_add(1, Ordering::Relaxed);
        if row >= self.batch.num_rows() {
            // Stays at the end however often it is asked again.
            self.next.store(self.batch.num_rows(), Ordering::Relaxed);
            return Ok(None);
        }
        value::row(py, &self.batch, row).map(Some)
    }
}
