//! The database handle.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::{Map, Value};
use tillroll_core as core;

use crate::argument::{Given, fault, optional};
use crate::collections;
use crate::error::raise;
use crate::json;
use crate::local::Local;
use crate::pickle::{Reduced, by_fields};
use crate::plan::PlannedFetch;
use crate::sales::Sales;
use crate::wait::{long, short, stoppable};

/// Verifies a database that nobody has open, writing nothing.
///
/// As `Db.check`, but what keeps it from opening is a problem among the others.
///
/// Parameters
/// ----------
/// path : str or Path
///     The directory.
///
/// Returns
/// -------
/// CheckReport
///
/// Raises
/// ------
/// NotFoundError
///     There is no database.
/// LockedError
///     Somebody has it open for writing.
///
/// Examples
/// --------
/// >>> db.close()
/// >>> tillroll.check(db.path)
/// <CheckReport: ok>
#[pyfunction]
pub fn check(py: Python<'_>, path: Given<PathBuf>) -> PyResult<CheckReport> {
    let path = path.named(py, "path")?;
    long(py, move || core::check(path)).map(|report| CheckReport { problems: report.problems })
}

/// Makes a new database from a backup, which stays as it is and is checked on the way.
///
/// Parameters
/// ----------
/// backup : str or Path
///     The directory that `Db.backup` made.
/// path : str or Path
///     The new directory.
///
/// Raises
/// ------
/// NotFoundError
///     `backup` is no database.
/// ConflictError
///     A database stands at `path` already.
/// CorruptionError
///     A file of the backup is damaged; the error names it.
///
/// Examples
/// --------
/// >>> db.backup(folder / "copy")
/// >>> tillroll.restore(folder / "copy", folder / "again.till")
/// >>> with tillroll.open(folder / "again.till") as again:
/// ...     len(again.sales)
/// 3
#[pyfunction]
pub fn restore(py: Python<'_>, backup: Given<PathBuf>, path: Given<PathBuf>) -> PyResult<()> {
    let (backup, path) = (backup.named(py, "backup")?, path.named(py, "path")?);
    long(py, move || core::restore(backup, path))
}

/// Opens a database: one directory, which one process writes and any number of threads use.
///
/// Parameters
/// ----------
/// path : str or Path
///     The directory.
/// create : bool
///     Make it where there is none.
/// read_only : bool
///     Write nothing at all, not even what an open would mend.
/// passphrase : str, optional
///     What the stored secrets are sealed with. Without it everything but them works.
/// cache_bytes : int, optional
///     How much of the rolls is kept in memory; by default a quarter of it, at most 1 GiB.
/// threads : int, optional
///     How many threads imports use, and how many reports, scans and lookups of many ids use; by default one a
///     processor. With 1, scans read nothing ahead.
///
/// Returns
/// -------
/// Db
///     To be used in a `with` statement, or closed by `close()`.
///
/// Raises
/// ------
/// LockedError
///     Another process has it open for writing.
/// VaultError
///     The passphrase is wrong.
/// CorruptionError
///     What is on disk is not what was written.
/// OSError
///     The operating system refuses, or there is none and `create` is false.
///
/// Examples
/// --------
/// >>> with tillroll.open(folder / "new.till") as new:
/// ...     len(new.sales)
/// 0
#[pyfunction]
#[pyo3(signature = (path, *, create=true, read_only=false, passphrase=None, cache_bytes=None, threads=None))]
pub fn open(
    py: Python<'_>,
    path: Given<PathBuf>,
    create: bool,
    read_only: bool,
    passphrase: Option<Given<String>>,
    cache_bytes: Option<Given<u64>>,
    threads: Option<Given<usize>>,
) -> PyResult<Db> {
    let path = path.named(py, "path")?;
    let mut options = core::OpenOptions::new().create(create).read_only(read_only);
    if let Some(passphrase) = optional(py, "passphrase", passphrase)? {
        options = options.passphrase(passphrase);
    }
    if let Some(bytes) = optional(py, "cache_bytes", cache_bytes)? {
        options = options.cache_bytes(bytes);
    }
    if let Some(threads) = thread_count(py, threads)? {
        options = options.threads(threads);
    }
    long(py, move || core::Db::open_with(path, &options)).map(Db::new)
}

/// How many threads `threads=` asks for.
pub fn thread_count(py: Python<'_>, given: Option<Given<usize>>) -> PyResult<Option<usize>> {
    match optional(py, "threads", given)? {
        Some(0) => Err(fault(py, "threads", "must be at least 1")),
        count => Ok(count),
    }
}

/// An open database.
///
/// Any number of threads may use one. Leaving the `with` statement closes it.
///
/// Examples
/// --------
/// >>> db.external_accounts.get(1).nickname
/// 'Amazon apps'
/// >>> db.sales.report(by=["currency"], measures=["units", "earnings"])[1]
/// {'currency': 'USD', 'units': 2, 'earnings': Decimal('6.98')}
#[pyclass(module = "tillroll", frozen)]
pub struct Db {
    inner: Local<core::Db>,
    path: PathBuf,
}

impl Db {
    fn new(inner: core::Db) -> Self {
        Self { path: inner.path().to_owned(), inner: Local::new(inner) }
    }

    fn inner(&self, py: Python<'_>) -> PyResult<&core::Db> {
        self.inner.get(py)
    }

    fn collection(&self, py: Python<'_>, name: &'static str) -> PyResult<Py<PyAny>> {
        collections::open(py, self.inner(py)?, name)
    }
}

/// The last handle closes the database, which writes and waits.
impl Drop for Db {
    fn drop(&mut self) {
        self.inner.release();
    }
}

#[pymethods]
impl Db {
    /// The links to app stores.
    #[getter]
    fn external_accounts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "external_accounts")
    }

    /// The business accounts, which form a tree.
    #[getter]
    fn accounts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "accounts")
    }

    /// The customers, with their addresses.
    #[getter]
    fn customers(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "customers")
    }

    /// The groups of customers.
    #[getter]
    fn customer_groups(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "customer_groups")
    }

    /// Those who take a newsletter.
    #[getter]
    fn subscribers(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "subscribers")
    }

    /// The gift cards; their code is their id.
    #[getter]
    fn gift_cards(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "gift_cards")
    }

    /// The products in the stores.
    #[getter]
    fn products(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "products")
    }

    /// The brands of what is sold.
    #[getter]
    fn brands(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "brands")
    }

    /// The categories, which form a tree.
    #[getter]
    fn categories(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "categories")
    }

    /// The campaigns, with their prices.
    #[getter]
    fn campaigns(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "campaigns")
    }

    /// The groups of banners.
    #[getter]
    fn banner_groups(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "banner_groups")
    }

    /// The banners.
    #[getter]
    fn banners(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.collection(py, "banners")
    }

    /// The stores that products are sold in.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     Each with `id`, `name` and `storefronts`, what searches can be narrowed to.
    ///
    /// Examples
    /// --------
    /// >>> [store["name"] for store in db.stores()]
    /// ['apple', 'google_play', 'amazon_appstore', 'windows10']
    fn stores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stores = serde_json::to_value(self.inner(py)?.stores());
        json::to_python(py, &stores.map_err(|error| PyValueError::new_err(error.to_string()))?)
    }

    /// The rows of all sales reports.
    #[getter]
    fn sales(&self, py: Python<'_>) -> PyResult<Sales> {
        Ok(Sales::new(self.inner(py)?))
    }

    /// The directory, as a `pathlib.Path`.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Closes the database. Closing it again does nothing; anything else raises `ClosedError`.
    ///
    /// Examples
    /// --------
    /// >>> db.close()
    /// >>> len(db.sales)
    /// Traceback (most recent call last):
    ///     ...
    /// tillroll.ClosedError: the database is closed
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let db = self.inner(py)?;
        short(py, || db.close())
    }

    /// Sizes and counts of what is stored and kept in memory.
    ///
    /// Returns
    /// -------
    /// dict
    ///
    /// Examples
    /// --------
    /// >>> db.stats()["rows"]
    /// 3
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let db = self.inner(py)?;
        match short(py, || db.stats())? {
            Value::Object(members) => json::dict(py, &members),
            _ => Ok(PyDict::new(py)),
        }
    }

    /// Reads everything that is stored and verifies it.
    ///
    /// Returns
    /// -------
    /// CheckReport
    ///
    /// Examples
    /// --------
    /// >>> db.check().ok
    /// True
    fn check(&self, py: Python<'_>) -> PyResult<CheckReport> {
        let db = self.inner(py)?.clone();
        long(py, move || db.check()).map(|report| CheckReport { problems: report.problems })
    }

    /// Copies the database of this moment to a new directory, while others read and write.
    ///
    /// The copy is checked while it is made and is a database itself. It has the key file beside the data where there
    /// is one: whoever has the copy can read the secrets as well. Ctrl-C leaves the copy to finish alone.
    ///
    /// Parameters
    /// ----------
    /// path : str or Path
    ///     The new directory; one that is empty will do.
    ///
    /// Raises
    /// ------
    /// ConflictError
    ///     A database stands there already.
    /// FormatError
    ///     The directory holds something else, or lies in the database.
    /// CorruptionError
    ///     A file of this database is damaged; the error names it.
    ///
    /// Examples
    /// --------
    /// >>> db.backup(folder / "copy")
    /// >>> tillroll.check(folder / "copy").ok
    /// True
    fn backup(&self, py: Python<'_>, path: Given<PathBuf>) -> PyResult<()> {
        let (db, path) = (self.inner(py)?.clone(), path.named(py, "path")?);
        long(py, move || db.backup(path))
    }

    /// Makes the database as small as it can be.
    ///
    /// Takes about as long as writing all of it anew, and as much room meanwhile. Nobody has to call this: files that
    /// are more than half dead are written anew by themselves. Waits for an import that runs.
    ///
    /// Examples
    /// --------
    /// >>> db.compact()
    fn compact(&self, py: Python<'_>) -> PyResult<()> {
        let db = self.inner(py)?.clone();
        long(py, move || db.compact())
    }

    /// Seals the stored secrets with another passphrase, in one write.
    ///
    /// Parameters
    /// ----------
    /// passphrase : str or None
    ///     `None` keeps the key in a file beside the data instead, readable by its owner only.
    ///
    /// Examples
    /// --------
    /// >>> db.set_passphrase("open sesame")
    /// >>> db.close()
    /// >>> tillroll.open(db.path, passphrase="open barley")
    /// Traceback (most recent call last):
    ///     ...
    /// tillroll.VaultError: wrong passphrase
    #[pyo3(signature = (passphrase))]
    fn set_passphrase(&self, py: Python<'_>, passphrase: Option<Given<String>>) -> PyResult<()> {
        let passphrase = optional(py, "passphrase", passphrase)?;
        let db = self.inner(py)?;
        short(py, || db.set_passphrase(passphrase.as_deref()))
    }

    /// What to fetch from the stores: a function of the database and the clock, which asks no store anything.
    ///
    /// Of every external account with `auto_import` and credentials, each report that its store can give and that is
    /// absent, or that was fetched while the store could still change it.
    ///
    /// Parameters
    /// ----------
    /// now : datetime or str, optional
    ///     The time to plan for, with its offset; by default now.
    /// since : date or str, optional
    ///     Nothing that ends before this day or period. Of Apple, days that it no longer gives are then asked for by
    ///     months and years.
    /// accounts : iterable of int or Record, optional
    ///     Only these.
    ///
    /// Returns
    /// -------
    /// list of PlannedFetch
    ///     By account and first day.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no account of an id.
    ///
    /// Examples
    /// --------
    /// >>> app = db.external_accounts.create(nickname="Apple apps", store="apple", auto_import=True)
    /// >>> keys = {"key_id": "2X9R4HXF34", "issuer_id": "57246542-96fe", "vendor_number": "85012345"}
    /// >>> db.external_accounts.set_credentials(app, keys | {"private_key": pem})
    /// >>> plan = db.sync_plan(now="2026-03-10T12:00:00Z", since="2026-03-08")
    /// >>> plan[0]
    /// <PlannedFetch: apple-sales 2026-03-08 of account 2, absent>
    #[pyo3(signature = (*, now=None, since=None, accounts=None))]
    fn sync_plan(
        &self,
        py: Python<'_>,
        now: Option<&Bound<'_, PyAny>>,
        since: Option<&Bound<'_, PyAny>>,
        accounts: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PlannedFetch>> {
        let mut options = Map::new();
        for (name, given) in [("now", now), ("since", since), ("accounts", accounts)] {
            if let Some(given) = given {
                options.insert(name.to_owned(), json::argument(name, given)?);
            }
        }
        let db = self.inner(py)?;
        let plan = || db.sync_plan(&core::SyncOptions::from_json(&Value::Object(options))?);
        Ok(short(py, plan)?.into_iter().map(PlannedFetch::from).collect())
    }

    /// Fetches what `sync_plan()` lists, and imports it. Needs the extra: `pip install 'tillroll[sync]'`.
    ///
    /// Each report is stored wholly or not at all. What fails does not stop the others and is tried again by the next
    /// call, as is what a call that was interrupted did not come to.
    ///
    /// Parameters
    /// ----------
    /// accounts : iterable of int or Record, optional
    ///     Only these; each must have `auto_import` and credentials.
    /// since : date or str, optional
    ///     Nothing that ends before this day or period.
    /// progress : bool or callable, optional
    ///     `True` shows a bar on a terminal. A callable is given a `tillroll.sync.SyncProgress` for each report.
    /// now : datetime, optional
    ///     The time to plan for.
    /// settings : tillroll.sync.Settings, optional
    ///     Where the stores are, and how patient it is.
    ///
    /// Returns
    /// -------
    /// tillroll.sync.SyncSummary
    ///
    /// Raises
    /// ------
    /// ModuleNotFoundError
    ///     The extra is not installed.
    /// LockedError
    ///     A sync of this database runs already.
    /// ValidationError
    ///     An account that is named cannot be fetched for.
    /// VaultError
    ///     The database was opened without its passphrase.
    ///
    /// Examples
    /// --------
    /// Without an account that has credentials there is nothing to fetch.
    ///
    /// >>> len(db.sync().reports)
    /// 0
    #[pyo3(signature = (*arguments, **named),
           text_signature = "($self, accounts=None, *, since=None, progress=None, now=None, settings=None)")]
    fn sync<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let run = slf.py().import("tillroll.sync")?.getattr("sync")?;
        let all: Vec<Bound<'py, PyAny>> =
            std::iter::once(slf.as_any().clone()).chain(arguments.iter()).collect();
        run.call(PyTuple::new(slf.py(), all)?, named)
    }

    /// A handle on the same database that may do less.
    ///
    /// Parameters
    /// ----------
    /// scopes : iterable of str
    ///     What it may do, of `account:read`, `account:write` (external accounts), `products:read`, `products:write`,
    ///     `public:read` (searching products), `sales:read`, `sales:write`, `records:read`, `records:write` (all other
    ///     records). Everything else on it raises `AccessError`.
    ///
    /// Returns
    /// -------
    /// Db
    ///     Closing it ends that handle and leaves the database open.
    ///
    /// Raises
    /// ------
    /// AccessError
    ///     This handle has not one of the scopes itself.
    /// ValidationError
    ///     There is no scope of a name.
    ///
    /// Examples
    /// --------
    /// >>> reading = db.restrict(["sales:read"])
    /// >>> len(reading.sales)
    /// 3
    /// >>> reading.brands.create(name="Acme")
    /// Traceback (most recent call last):
    ///     ...
    /// tillroll.AccessError: this handle does not have the scope records:write
    fn restrict(&self, py: Python<'_>, scopes: Given<Vec<String>>) -> PyResult<Self> {
        let scopes = scopes.named(py, "scopes")?;
        let db = self.inner(py)?;
        let restrict = || {
            let scopes =
                scopes.iter().map(|name| core::Scope::parse(name)).collect::<core::Result<Vec<_>>>()?;
            db.restrict(&scopes)
        };
        short(py, restrict).map(Self::new)
    }

    /// Writes all records of this moment to a file, a line of JSON each.
    ///
    /// Secrets and sales are not in it. The file appears when it is whole.
    ///
    /// Parameters
    /// ----------
    /// path : str or Path
    ///
    /// Returns
    /// -------
    /// int
    ///     The number of records.
    ///
    /// Raises
    /// ------
    /// ValidationError
    ///     A record would be a line of more than 8 MiB, which could not be read back; `errors` names it.
    ///
    /// Examples
    /// --------
    /// >>> db.export_records(folder / "records.jsonl")
    /// 4
    fn export_records(&self, py: Python<'_>, path: Given<PathBuf>) -> PyResult<u64> {
        let (db, path) = (self.inner(py)?.clone(), path.named(py, "path")?);
        long(py, move || db.export_records(path))
    }

    /// Stores the records of a file that `export_records()` wrote, with the ids and times they had.
    ///
    /// Rules about "now", such as an expiry in the future, are not applied again.
    ///
    /// Parameters
    /// ----------
    /// path : str or Path
    ///
    /// Returns
    /// -------
    /// int
    ///     The number of records that were not stored already.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     Lines cannot be read, or refer to a record that is neither in the file nor stored. The message names them,
    ///     `line` is the first. Nothing is stored.
    /// ConflictError
    ///     An id or a unique value is another record's; the message names the lines. Nothing is stored.
    /// KeyboardInterrupt
    ///     On Ctrl-C. Of a file of more than 10,000 lines the beginning may be stored then, and all of any file where
    ///     it came too late.
    ///
    /// Examples
    /// --------
    /// >>> count = db.export_records(folder / "records.jsonl")
    /// >>> with tillroll.open(folder / "other.till") as other:
    /// ...     other.import_records(folder / "records.jsonl") == count
    /// True
    fn import_records(&self, py: Python<'_>, path: Given<PathBuf>) -> PyResult<u64> {
        let (db, path) = (self.inner(py)?.clone(), path.named(py, "path")?);
        stoppable(py, move |wanted| db.import_records_while(path, wanted))
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyResult<PyRef<'_, Self>> {
        if slf.inner(slf.py())?.is_closed() {
            let detail = "the database is closed".to_owned();
            return Err(raise(slf.py(), core::Error::Closed { detail }));
        }
        Ok(slf)
    }

    #[pyo3(signature = (exc_type=None, exc_value=None, traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exc_type: Option<&Bound<'_, PyAny>>,
        exc_value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (exc_type, exc_value, traceback);
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = match self.inner(py).map(|db| (db.is_closed(), db.is_read_only())) {
            Err(_) => ", of another process",
            Ok((true, _)) => ", closed",
            Ok((false, true)) => ", read-only",
            Ok((false, false)) => "",
        };
        format!("<tillroll.Db {}{state}>", self.path.display())
    }
}

/// What `check()` found.
///
/// Examples
/// --------
/// >>> found = db.check()
/// >>> found.ok, found.problems
/// (True, [])
#[pyclass(module = "tillroll", frozen)]
pub struct CheckReport {
    problems: Vec<String>,
}

by_fields!(CheckReport { problems });

#[pymethods]
impl CheckReport {
    /// Whether everything is as it was written.
    #[getter]
    fn ok(&self) -> bool {
        self.problems.is_empty()
    }

    /// What is wrong, one text each.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.problems.clone()
    }

    fn __bool__(&self) -> bool {
        self.ok()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        self.reduced(py)
    }

    fn __repr__(&self) -> String {
        match self.problems.len() {
            0 => "<CheckReport: ok>".to_owned(),
            count => format!("<CheckReport: {count} problems>"),
        }
    }
}
