//! Repairing a database that may not open, and what came of it.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use tillroll_core as core;

use crate::argument::Given;
use crate::json;
use crate::pickle::{Reduced, by_fields};
use crate::wait::stoppable;

/// Repairs a database that nobody has open, also one that will not open.
///
/// What can be rebuilt is rebuilt, and what cannot is named. Afterwards the database opens and `check()` finds nothing.
/// Files that are damaged or replaced are copied to its folder `damaged/` first, with the answer in `repair.json`. A
/// healthy database is left as it is.
///
/// Parameters
/// ----------
/// path : str or Path
///     The directory.
///
/// Returns
/// -------
/// RepairReport
///     Import the files of `lost` again, and look through `uncertain` and `notes`.
///
/// Raises
/// ------
/// NotFoundError
///     There is no database.
/// LockedError
///     Somebody has it open.
/// FormatError
///     It was written by a newer version, or is a backup that is not finished.
/// OSError
///     The operating system refuses; the database can be repaired again.
///
/// Examples
/// --------
/// >>> db.close()
/// >>> tillroll.repair(db.path)
/// <RepairReport: nothing to repair>
#[pyfunction]
pub fn repair(py: Python<'_>, path: Given<PathBuf>) -> PyResult<RepairReport> {
    let path = path.named(py, "path")?;
    // It cannot stop on the way. Ctrl-C is raised when it is done, so that nothing goes on unseen behind it.
    stoppable(py, move |_| core::repair(path)).map(|report| RepairReport { report })
}

/// What `repair()` found and did.
///
/// Examples
/// --------
/// >>> db.close()
/// >>> found = tillroll.repair(db.path)
/// >>> found.ok, found.changed, found.lost
/// (True, False, [])
#[pyclass(module = "tillroll", frozen, eq)]
#[derive(PartialEq)]
pub struct RepairReport {
    report: core::RepairReport,
}

#[pymethods]
impl RepairReport {
    /// Whether everything is there: nothing is to be imported again or looked through, and nothing else is lost.
    #[getter]
    fn ok(&self) -> bool {
        self.report.ok()
    }

    /// Whether commits, records or secrets are lost, or may be: `notes` tell which.
    #[getter]
    fn incomplete(&self) -> bool {
        self.report.incomplete
    }

    /// Whether anything was changed.
    #[getter]
    fn changed(&self) -> bool {
        self.report.changed
    }

    /// The files of the reports whose rows are lost, to be imported again.
    #[getter]
    fn lost(&self) -> Vec<ReportFile> {
        self.report.lost.iter().map(ReportFile::new).collect()
    }

    /// Reports that stand because their rows do, though no commit tells of them any more: they may have been deleted.
    #[getter]
    fn uncertain(&self) -> Vec<ReportFile> {
        self.report.uncertain.iter().map(ReportFile::new).collect()
    }

    /// What stands in `damaged/` now, from the database directory on: copies of the files that were damaged or replaced, and
    /// the index where commits are missing.
    #[getter]
    fn moved(&self) -> Vec<String> {
        self.report.moved.clone()
    }

    /// What was found wrong and what became of it, one text each.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.report.notes.clone()
    }

    /// The same as a dict of lists, texts and numbers.
    ///
    /// Returns
    /// -------
    /// dict
    ///
    /// Examples
    /// --------
    /// >>> db.close()
    /// >>> tillroll.repair(db.path).to_dict()["changed"]
    /// False
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match self.report.to_json() {
            Value::Object(members) => json::dict(py, &members),
            _ => Ok(PyDict::new(py)),
        }
    }

    fn __bool__(&self) -> bool {
        self.ok()
    }

    fn __repr__(&self) -> String {
        let core::RepairReport { changed, lost, uncertain, moved, incomplete, .. } = &self.report;
        if !changed && self.ok() {
            return "<RepairReport: nothing to repair>".to_owned();
        }
        let (lost, uncertain, moved) = (lost.len(), uncertain.len(), moved.len());
        let what = if *changed { "repaired" } else { "nothing to repair" };
        let incomplete = if *incomplete { "incomplete, " } else { "" };
        format!(
            "<RepairReport: {what}, {incomplete}{lost} lost, {uncertain} uncertain, {moved} moved to damaged/>"
        )
    }
}

/// A file that a store gave out, and the report it was imported as.
///
/// Examples
/// --------
/// >>> db.close()
/// >>> for file in tillroll.repair(db.path).lost:
/// ...     print(file.path, file.period)
#[pyclass(module = "tillroll", frozen, eq, get_all)]
#[derive(PartialEq, Eq)]
pub struct ReportFile {
    /// The file as it was named when it was imported; empty for a period marked empty by hand.
    path: String,
    /// SHA-256 of the file, in hex.
    sha256: String,
    /// The external account.
    account: u64,
    /// The kind of report.
    kind: String,
    /// The period, e.g. `2018-03`.
    period: String,
    /// Which part of the period; `0` where there is only one.
    part: String,
    /// The rows that were read.
    rows: u64,
}

impl ReportFile {
    fn new(file: &core::ReportFile) -> Self {
        Self {
            path: file.path.clone(),
            sha256: file.sha256.clone(),
            account: file.account,
            kind: file.kind.to_string(),
            period: file.period.clone(),
            part: file.part.clone(),
            rows: file.rows,
        }
    }
}

by_fields!(ReportFile { path, sha256, account, kind, period, part, rows });

#[pymethods]
impl ReportFile {
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        let Self { path, account, kind, period, rows, .. } = self;
        format!("<ReportFile {path}: {kind} {period} of account {account}, {rows} rows>")
    }
}
