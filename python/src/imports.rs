//! What an import tells while it runs, when it is over, and afterwards.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyList;
use tillroll_core as core;

use crate::argument::Given;
use crate::pickle::{Reduced, by_fields};
use crate::table::Table;
use crate::value;
use crate::wait::long;

/// Tells from its content what kind of report a file holds.
///
/// Parameters
/// ----------
/// path : str or Path
///     A report as the store gave it out: gzip, zip or plain.
///
/// Returns
/// -------
/// str
///     `amazon-sales`, `apple-sales`, `google-sales` or `google-earnings`.
///
/// Raises
/// ------
/// FormatError
///     It is no report that is known; the message says what it looks like.
/// OSError
///     It is missing or cannot be read.
///
/// Examples
/// --------
/// >>> tillroll.sniff(report)
/// 'amazon-sales'
#[pyfunction]
pub fn sniff(py: Python<'_>, path: Given<PathBuf>) -> PyResult<String> {
    let path = path.named(py, "path")?;
    long(py, move || core::sniff(path)).map(|kind| kind.to_string())
}

/// How far an import is.
///
/// Examples
/// --------
/// >>> told: list[tillroll.ImportProgress] = []
/// >>> done = db.sales.import_reports(report, account=account, force=True, progress=told.append)
/// >>> told[-1].files_done, told[-1].files_total, told[-1].bytes_done == told[-1].bytes_total
/// (1, 1, True)
#[pyclass(module = "tillroll", frozen, eq, get_all)]
#[derive(PartialEq, Eq)]
pub struct ImportProgress {
    /// Bytes of the files read so far, as they lie on disk.
    bytes_done: u64,
    /// Bytes of all files.
    bytes_total: u64,
    /// Rows read so far.
    rows: u64,
    /// Files finished.
    files_done: u64,
    /// Files in all.
    files_total: u64,
}

impl From<&core::ImportProgress> for ImportProgress {
    fn from(progress: &core::ImportProgress) -> Self {
        Self {
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
            rows: progress.rows,
            files_done: progress.files_done,
            files_total: progress.files_total,
        }
    }
}

by_fields!(ImportProgress { bytes_done, bytes_total, rows, files_done, files_total });

#[pymethods]
impl ImportProgress {
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        let Self { bytes_done, bytes_total, rows, files_done, files_total } = self;
        format!(
            "ImportProgress(bytes_done={bytes_done}, bytes_total={bytes_total}, rows={rows}, \
             files_done={files_done}, files_total={files_total})"
        )
    }
}

/// What an import did.
///
/// Examples
/// --------
/// >>> done = db.sales.import_reports(report, account=account, force=True)
/// >>> done.rows, done.rejected, done.replaced
/// (3, 1, 1)
#[pyclass(module = "tillroll", frozen, eq, get_all)]
#[derive(PartialEq)]
pub struct ImportSummary {
    /// Files read.
    files: u64,
    /// Rows written by this call.
    rows: u64,
    /// Rows that could not be read and were kept as rejects.
    rejected: u64,
    /// Files whose bytes are stored already: nothing was written for them.
    unchanged: u64,
    /// Files that replaced what was stored for the same report.
    replaced: u64,
    /// How long it took.
    seconds: f64,
}

impl From<core::ImportSummary> for ImportSummary {
    fn from(summary: core::ImportSummary) -> Self {
        Self {
            files: summary.files,
            rows: summary.rows,
            rejected: summary.rejected,
            unchanged: summary.unchanged,
            replaced: summary.replaced,
            seconds: summary.seconds,
        }
    }
}

by_fields!(ImportSummary { files, rows, rejected, unchanged, replaced, seconds });

#[pymethods]
impl ImportSummary {
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        let Self { files, rows, rejected, unchanged, replaced, seconds } = self;
        format!(
            "ImportSummary(files={files}, rows={rows}, rejected={rejected}, unchanged={unchanged}, \
             replaced={replaced}, seconds={seconds:.3})"
        )
    }
}

/// One report that is stored: where it came from and what it holds.
///
/// Examples
/// --------
/// >>> (one,) = db.sales.imports(account)
/// >>> one.kind, one.period, one.rows, one.rejected
/// ('amazon-sales', '2018-03', 3, 1)
/// >>> one.totals[1]["earnings"]
/// Decimal('6.98')
#[pyclass(module = "tillroll", frozen, get_all)]
pub struct Import {
    /// The import's number, to ask `rejects()` with.
    id: u64,
    /// The id of the external account.
    account: u64,
    /// The file, as it was named to `import_reports()`.
    path: String,
    /// The SHA-256 of the file's bytes, in hexadecimal.
    sha256: String,
    /// The kind of report: `amazon-sales` ...
    kind: String,
    /// The period: `2018-03`, `2018-03-05`, `2018-W10` or `2018`.
    period: String,
    /// The part, where a period comes in several files.
    part: String,
    /// Rows stored.
    rows: u64,
    /// Rows that could not be read.
    rejected: u64,
    /// When it was imported, in UTC.
    imported_at: Py<PyAny>,
    /// What the report adds up to, by currency and earnings currency.
    totals: Py<Table>,
    /// The totals less those of the version it replaced; `None` where it replaced none.
    change: Option<Py<Table>>,
    /// The id of the import that counts in its place, the earliest that has a day in common with it; `None` while it
    /// counts. Only rows of reports that count are seen by reports, scans and lookups.
    shadowed_by: Option<u64>,
    /// Every version of the report, oldest first; this one is the last. Of those before it the newest 64 are kept.
    versions: Py<PyList>,
}

/// A report as it was read at one time: the one that stands, or one that it replaced.
///
/// Examples
/// --------
/// >>> (version,) = db.sales.imports()[0].versions
/// >>> version.rows, version.change
/// (3, None)
#[pyclass(module = "tillroll", frozen, get_all)]
pub struct ImportVersion {
    /// The number its import had.
    id: u64,
    /// The file, as it was named to `import_reports()`.
    path: String,
    /// The SHA-256 of the file's bytes, in hexadecimal.
    sha256: String,
    /// When it was imported, in UTC.
    imported_at: Py<PyAny>,
    /// Rows stored.
    rows: u64,
    /// Rows that could not be read.
    rejected: u64,
    /// What it added up to, by currency and earnings currency.
    totals: Py<Table>,
    /// The totals less those of the version it replaced; `None` where it replaced none.
    change: Option<Py<Table>>,
}

impl ImportVersion {
    fn new(py: Python<'_>, version: core::ImportVersion) -> PyResult<Self> {
        Ok(Self {
            id: version.id,
            path: version.path,
            sha256: version.sha256,
            imported_at: value::time(py, version.imported_at.as_microsecond())?.unbind(),
            rows: version.rows,
            rejected: version.rejected,
            totals: Py::new(py, Table::from(version.totals))?,
            change: version.change.map(|change| Py::new(py, Table::from(change))).transpose()?,
        })
    }
}

by_fields!(ImportVersion { id, path, sha256, imported_at, rows, rejected, totals, change });

#[pymethods]
impl ImportVersion {
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        let Self { id, rows, .. } = self;
        format!("<ImportVersion {id}: {rows} rows>")
    }
}

impl Import {
    /// Wraps an import; its tables become Python objects at once, so that asking twice gives the same ones.
    pub fn new(py: Python<'_>, import: core::Import) -> PyResult<Self> {
        let versions = import.versions.into_iter().map(|version| ImportVersion::new(py, version));
        let versions = PyList::new(py, versions.collect::<PyResult<Vec<_>>>()?)?.unbind();
        Ok(Self {
            id: import.id,
            account: import.account,
            path: import.path,
            sha256: import.sha256,
            kind: import.kind.to_string(),
            period: import.period,
            part: import.part,
            rows: import.rows,
            rejected: import.rejected,
            imported_at: value::time(py, import.imported_at.as_microsecond())?.unbind(),
            totals: Py::new(py, Table::from(import.totals))?,
            change: import.change.map(|change| Py::new(py, Table::from(change))).transpose()?,
            shadowed_by: import.shadowed_by,
            versions,
        })
    }
}

by_fields!(Import {
    id,
    account,
    path,
    sha256,
    kind,
    period,
    part,
    rows,
    rejected,
    imported_at,
    totals,
    change,
    shadowed_by,
    versions
});

#[pymethods]
impl Import {
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        let Self { id, account, kind, period, rows, .. } = self;
        format!("<Import {id}: {kind} {period} of account {account}, {rows} rows>")
    }
}
