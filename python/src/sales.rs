//! `db.sales`: importing reports and answering from them.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use serde_json::{Map, Value};
use tillroll_core as core;

use crate::argument::{Given, fault, optional};
use crate::collection::id_text;
use crate::db::thread_count;
use crate::error::raise;
use crate::imports::{Import, ImportSummary};
use crate::json;
use crate::local::Local;
use crate::progress::{self, Watcher};
use crate::sale::Sale;
use crate::scan::Scan;
use crate::table::Table;
use crate::wait::{long, short};

/// The rows of all sales reports.
///
/// Examples
/// --------
/// >>> len(db.sales)
/// 3
/// >>> db.sales.columns[:4]
/// ['account', 'store', 'kind', 'period']
#[pyclass(module = "tillroll", frozen)]
pub struct Sales {
    inner: Local<core::Sales>,
    /// The database's directory, where nothing is exported to.
    path: PathBuf,
}

impl Sales {
    /// The sales of a database.
    pub fn new(db: &core::Db) -> Self {
        Self { inner: Local::new(db.sales()), path: db.path().to_owned() }
    }

    fn inner(&self, py: Python<'_>) -> PyResult<&core::Sales> {
        self.inner.get(py)
    }

    /// Reads one query; its arguments are checked by the engine.
    fn query(
        py: Python<'_>,
        named: &[(&str, Option<&Bound<'_, PyAny>>)],
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<core::Query> {
        let mut query: Map<String, Value> = json::object(filters)?;
        // None is the same as not asking.
        query.retain(|_, value| !value.is_null());
        for (name, value) in named {
            if let Some(value) = value.filter(|value| !value.is_none()) {
                query.insert((*name).to_owned(), json::argument(name, value)?);
            }
        }
        core::Query::from_json(&Value::Object(query)).map_err(|error| raise(py, error))
    }
}

#[pymethods]
impl Sales {
    /// Imports report files, each of them wholly or not at all. What is on disk when the call returns stays there.
    ///
    /// Parameters
    /// ----------
    /// paths : str, Path or iterable of them
    ///     Files or globs.
    /// account : int or Record
    ///     The external account they belong to.
    /// kind : str, optional
    ///     `amazon-sales` ...; by default it is told from the content.
    /// period : str, optional
    ///     The period, such as `2018-03`, where name and rows do not tell.
    /// on_reject : {"keep", "fail"}
    ///     Keep rows that cannot be read as rejects, or import nothing at all when there is one.
    /// force : bool
    ///     Read files whose bytes are stored already.
    /// keep_personal : bool
    ///     Keep the buyers' city, state, postal code and user id.
    /// progress : bool or callable, optional
    ///     `True` shows a bar on a terminal. A callable is given `ImportProgress` now and then, on the calling
    ///     thread; an exception in it stops the import and is raised here.
    /// threads : int, optional
    ///     How many threads to use.
    ///
    /// Returns
    /// -------
    /// ImportSummary
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     A file is not a report that can be read exactly. The others were imported: the exception's `summary` and
    ///     `failures` tell.
    /// NotFoundError
    ///     There is no such account.
    /// OSError
    ///     A file is missing or cannot be read.
    /// KeyboardInterrupt
    ///     On Ctrl-C, within a second; every report is then either wholly in or wholly out.
    ///
    /// Examples
    /// --------
    /// >>> done = db.sales.import_reports(folder / "*.csv", account=account)
    /// >>> done.files, done.unchanged, done.rows
    /// (1, 1, 0)
    /// >>> db.sales.import_reports(report, account=account, force=True)
    /// ImportSummary(files=1, rows=3, rejected=1, unchanged=0, replaced=1, seconds=...)
    #[pyo3(signature = (paths, *, account, kind=None, period=None, on_reject="keep".to_owned().into(), force=false,
                        keep_personal=false, progress=None, threads=None),
           text_signature = "($self, paths, *, account, kind=None, period=None, on_reject='keep', force=False, \
                             keep_personal=False, progress=None, threads=None)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the Python method")]
    fn import_reports(
        &self,
        py: Python<'_>,
        paths: &Bound<'_, PyAny>,
        account: &Bound<'_, PyAny>,
        kind: Option<Given<String>>,
        period: Option<Given<String>>,
        on_reject: Given<String>,
        force: bool,
        keep_personal: bool,
        progress: Option<&Bound<'_, PyAny>>,
        threads: Option<Given<usize>>,
    ) -> PyResult<ImportSummary> {
        let paths = path_list(paths)?;
        let account = account_id(account)?;
        let watcher = Watcher::new(progress)?;
        let mut options = core::ImportOptions::new().force(force).keep_personal(keep_personal);
        options = match on_reject.named(py, "on_reject")?.as_str() {
            "keep" => options.on_reject(core::OnReject::Keep),
            "fail" => options.on_reject(core::OnReject::Fail),
            _ => return Err(fault(py, "on_reject", "must be 'keep' or 'fail'")),
        };
        if let Some(kind) = kind {
            options = options.kind(parse_kind(py, kind)?);
        }
        if let Some(period) = optional(py, "period", period)? {
            options = options.period(period);
        }
        if let Some(threads) = thread_count(py, threads)? {
            options = options.threads(threads);
        }
        let sales = self.inner(py)?.clone();
        let work = move |report: Box<progress::Report>| {
            let options = options.progress(report);
            sales.import(&paths, account, &options).map_err(Box::new)
        };
        progress::import(py, watcher, work).map(ImportSummary::from)
    }

    /// The rows of a transaction: a charge and its refund share the id.
    ///
    /// Parameters
    /// ----------
    /// transaction_id : str
    ///
    /// Returns
    /// -------
    /// list of Sale
    ///     Empty where there is none.
    ///
    /// Examples
    /// --------
    /// >>> [(sale.type, sale.units, sale.earnings) for sale in db.sales.get("t1")]
    /// [('charge', 1, Decimal('1.39')), ('refund', -1, Decimal('-1.39'))]
    fn get(&self, py: Python<'_>, transaction_id: Given<String>) -> PyResult<Vec<Sale>> {
        let id = transaction_id.named(py, "transaction_id")?;
        let sales = self.inner(py)?;
        let found = short(py, || sales.get(&id))?;
        Ok(found.into_iter().map(Sale::new).collect())
    }

    /// The rows of many transactions.
    ///
    /// Parameters
    /// ----------
    /// ids : iterable of str
    ///
    /// Returns
    /// -------
    /// Table
    ///     With all columns; ids that are not there have no row.
    ///
    /// Examples
    /// --------
    /// >>> [row["sku"] for row in db.sales.get_many(["t2", "no such"])]
    /// ['coins']
    fn get_many(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<Table> {
        if ids.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("ids must be an iterable of str; get() takes one"));
        }
        let text = |id: PyResult<Bound<'_, PyAny>>| id?.extract::<Given<String>>()?.named(py, "ids");
        let ids = ids.try_iter()?.map(text).collect::<PyResult<Vec<_>>>()?;
        let sales = self.inner(py)?.clone();
        long(py, move || sales.get_many(&ids)).map(Table::from)
    }

    /// Rows as they stand in the reports, read when they are asked for.
    ///
    /// Parameters
    /// ----------
    /// columns : str or iterable of str, optional
    ///     By default all of them.
    /// limit : int, optional
    ///     How many rows at most.
    /// binary_ids : bool
    ///     Transaction ids as their 16 bytes instead of as text, which is faster. All must be UUIDs in small letters.
    /// **where
    ///     `account, store, kind, period, start, end, product, product_group, include_inapps, sku, parent_sku, title,
    ///     item_name, country, marketplace, currency, earnings_currency, type, item_type, term`: each takes one value or
    ///     a list. `start` is in, `end` is out; both go by the store's own date, or by time where they have a time of
    ///     day. A row of Apple's has the first day of its report as its date. `product` takes ids, `product_group` the id
    ///     of any product of a group; with `include_inapps=True` their in-app items are meant as well.
    ///
    /// Returns
    /// -------
    /// Scan
    ///
    /// Raises
    /// ------
    /// ValidationError
    ///     A name is unknown, or a value is not one of what it filters.
    /// NotFoundError
    ///     There is no product of an id in `product` or `product_group`.
    ///
    /// Examples
    /// --------
    /// >>> scan = db.sales.scan(columns=["date", "sku", "units"], start="2018-03-06")
    /// >>> for batch in scan:
    /// ...     for row in batch:
    /// ...         print(row)
    /// {'date': datetime.date(2018, 3, 6), 'sku': 'chess', 'units': -1}
    /// {'date': datetime.date(2018, 3, 6), 'sku': 'coins', 'units': 2}
    #[pyo3(signature = (*, columns=None, limit=None, binary_ids=None, **r#where),
           text_signature = "($self, *, columns=None, limit=None, binary_ids=False, **where)")]
    fn scan(
        &self,
        py: Python<'_>,
        columns: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        binary_ids: Option<&Bound<'_, PyAny>>,
        r#where: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Scan> {
        let named = [("columns", columns), ("limit", limit), ("binary_ids", binary_ids)];
        let query = Self::query(py, &named, r#where)?;
        Scan::new(py, self.inner(py)?.clone(), query)
    }

    /// Writes rows as Parquet files, for whatever reads these. Needs the extra: `pip install 'tillroll[export]'`.
    ///
    /// The files lie in folders named by what their rows have in common, as Hive does it:
    /// `store=amazon/month=2026-01/part-0.parquet`. Those columns stand in the path alone; `month` and the other steps of
    /// time go by `date`. All else has the types of `scan()`. The folder appears under its name when all of it is on disk.
    /// Rows are read and written batch by batch, of one moment's database.
    ///
    /// Parameters
    /// ----------
    /// dir : str or Path
    ///     The folder to make; one that is empty will do.
    /// partition_by : str or iterable of str
    ///     Columns of the sales, and `day week month quarter year`. None at all gives one file.
    /// columns : str or iterable of str, optional
    ///     By default all of them.
    /// limit : int, optional
    ///     How many rows at most.
    /// binary_ids : bool
    ///     As for `scan()`.
    /// progress : bool or callable, optional
    ///     `True` shows a bar on a terminal. A callable is given a `tillroll.export.ExportProgress` for each batch; an
    ///     exception in it ends the export and is raised here.
    /// **where
    ///     As for `scan()`.
    ///
    /// Returns
    /// -------
    /// tillroll.export.ExportSummary
    ///
    /// Raises
    /// ------
    /// ModuleNotFoundError
    ///     The extra is not installed.
    /// FileExistsError
    ///     The folder has something in it already.
    /// FormatError
    ///     It lies in the database.
    /// ValidationError
    ///     A name is unknown, or `partition_by` leaves no column for the files or names one of amounts or instants.
    /// KeyboardInterrupt
    ///     On Ctrl-C; what was written is removed then, as it is after any error.
    ///
    /// Examples
    /// --------
    /// >>> done = db.sales.export(folder / "parquet", partition_by=["store", "month"])
    /// >>> done.files, done.rows
    /// (1, 3)
    /// >>> [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")]
    /// ['parquet/store=amazon/month=2018-03/part-0.parquet']
    #[pyo3(signature = (*arguments, **named),
           text_signature = "($self, dir, *, partition_by=('store', 'month'), columns=None, limit=None, \
                             binary_ids=False, progress=None, **where)")]
    fn export<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let path = slf.get().path.as_path().into_pyobject(py)?.into_any();
        let run = py.import("tillroll.export")?.getattr("export")?;
        let all: Vec<Bound<'py, PyAny>> =
            [slf.as_any().clone(), path].into_iter().chain(arguments.iter()).collect();
        run.call(PyTuple::new(py, all)?, named)
    }

    /// Sums by groups, exact.
    ///
    /// Parameters
    /// ----------
    /// by : str or iterable of str
    ///     `day week month quarter year account store kind period product product_group sku title country marketplace
    ///     currency earnings_currency type item_type term`.
    /// measures : str or iterable of str
    ///     `units` (refunds subtract), `gross_units`, `refund_units`, `all_units`, `sales`, `earnings`, `rows`.
    /// order_by : str or iterable of str, optional
    ///     A column, `-` before it for descending; by default the `by` columns.
    /// limit : int, optional
    ///     How many rows at most.
    /// combine_inapps : bool
    ///     Count the rows of in-app items among their app, by `product` and by `product_group`.
    /// **where
    ///     As for `scan()`.
    ///
    /// Returns
    /// -------
    /// Table
    ///     The columns are `by`, then `measures`, in the order asked.
    ///
    /// Raises
    /// ------
    /// ValidationError
    ///     A name is unknown, currencies would be added together, or `combine_inapps` meets `sku` or `title` in `by`. A
    ///     step of `by`, `start` or `end` parts the days of an Apple report of a week, month or year, whose rows have no
    ///     date of their own. google-sales and google-earnings, which tell of the same orders, would be added together.
    /// NotFoundError
    ///     There is no product of an id in `product` or `product_group`.
    ///
    /// Examples
    /// --------
    /// >>> table = db.sales.report(by=["month", "currency"], measures=["units", "earnings"])
    /// >>> print(table)
    /// month       currency  units  earnings
    /// ──────────  ────────  ─────  ────────
    /// 2018-03-01  EUR           0      0.00
    /// 2018-03-01  USD           2      6.98
    /// 2 rows
    #[pyo3(signature = (*, by=None, measures=None, order_by=None, limit=None, combine_inapps=None, **r#where),
           text_signature = "($self, *, by=(), measures='units', order_by=None, limit=None, combine_inapps=False, **where)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the Python method")]
    fn report(
        &self,
        py: Python<'_>,
        by: Option<&Bound<'_, PyAny>>,
        measures: Option<&Bound<'_, PyAny>>,
        order_by: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
        combine_inapps: Option<&Bound<'_, PyAny>>,
        r#where: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Table> {
        let named = [
            ("by", by),
            ("measures", measures),
            ("order_by", order_by),
            ("limit", limit),
            ("combine_inapps", combine_inapps),
        ];
        let query = Self::query(py, &named, r#where)?;
        let sales = self.inner(py)?.clone();
        long(py, move || sales.report(&query)).map(Table::from)
    }

    /// The reports that are stored, each with its versions. Among them are those that do not count, since others tell
    /// of their days: a month counts until days or weeks cover all of it.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record, optional
    ///     Only those of one external account.
    ///
    /// Returns
    /// -------
    /// list of Import
    ///
    /// Examples
    /// --------
    /// >>> db.sales.imports()
    /// [<Import 1: amazon-sales 2018-03 of account 1, 3 rows>]
    #[pyo3(signature = (account=None))]
    fn imports(&self, py: Python<'_>, account: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Import>> {
        let account = account.map(account_id).transpose()?;
        let sales = self.inner(py)?;
        let imports = short(py, || sales.imports(account))?;
        imports.into_iter().map(|import| Import::new(py, import)).collect()
    }

    /// The rows that could not be read.
    ///
    /// Parameters
    /// ----------
    /// import_id : int, optional
    ///     Only those of one import.
    ///
    /// Returns
    /// -------
    /// Table
    ///     Of path, line (from 1, the header's), reason and text.
    ///
    /// Examples
    /// --------
    /// >>> reject = db.sales.rejects()[0]
    /// >>> reject["line"], reject["reason"]
    /// (5, 'Units "many" is not a plain decimal number')
    #[pyo3(signature = (import_id=None))]
    fn rejects(&self, py: Python<'_>, import_id: Option<Given<u64>>) -> PyResult<Table> {
        let import_id = optional(py, "import_id", import_id)?;
        let sales = self.inner(py)?;
        short(py, || sales.rejects(import_id)).map(Table::from)
    }

    /// Deletes a report with all its parts, and forgets its bytes, so that the same file imports again.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    ///     The external account.
    /// kind : str
    ///     `amazon-sales` ...
    /// period : str
    ///     Such as `2018-03`.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account or report.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.delete(account, "amazon-sales", "2018-03")
    /// >>> len(db.sales)
    /// 0
    fn delete(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        period: Given<String>,
    ) -> PyResult<()> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let period = period.named(py, "period")?;
        let sales = self.inner(py)?;
        short(py, || sales.delete(account, kind, &period))
    }

    /// What is known of a period.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    ///     The external account.
    /// kind : str
    ///     `amazon-sales` ...
    /// period : str
    ///     Such as `2018-03`.
    ///
    /// Returns
    /// -------
    /// {"absent", "empty", "rows"}
    ///     `empty` is a period that is known to have no sales.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.period_state(account, "amazon-sales", "2018-03")
    /// 'rows'
    /// >>> db.sales.period_state(account, "amazon-sales", "2018-04")
    /// 'absent'
    fn period_state(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        period: Given<String>,
    ) -> PyResult<&'static str> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let period = period.named(py, "period")?;
        let sales = self.inner(py)?;
        let state = short(py, || sales.period_state(account, kind, &period))?;
        Ok(match state {
            core::PeriodState::Absent => "absent",
            core::PeriodState::Empty => "empty",
            core::PeriodState::Rows => "rows",
        })
    }

    /// Notes that a day, week, month or year is known to have no sales, where the store gives out no file for it.
    ///
    /// It stands like a report without rows: with others of its length it can cover a longer report, which then no
    /// longer counts; and a long period that is marked gives way to shorter reports with rows.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    ///     The external account.
    /// kind : str
    ///     `amazon-sales` ...
    /// period : str
    ///     Such as `2018-03`.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    /// ConflictError
    ///     Rows are stored for the period.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.mark_empty(account, "amazon-sales", "2018-04")
    /// >>> db.sales.period_state(account, "amazon-sales", "2018-04")
    /// 'empty'
    fn mark_empty(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        period: Given<String>,
    ) -> PyResult<()> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let period = period.named(py, "period")?;
        let sales = self.inner(py)?;
        short(py, || sales.mark_empty(account, kind, &period))
    }

    /// Notes that what is stored for a period, or that it is empty, is what its store gave at a time.
    ///
    /// `Db.sync_plan()` lists the period no more once it was fetched when its store could not change it any more. An
    /// import notes its own time by itself: this tells of a fetch whose bytes were stored already. Nothing is written
    /// where that changes nothing.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    /// kind, period : str
    /// at : datetime, optional
    ///     When it was fetched, aware; by default now.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account, or nothing is stored for the period.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.mark_fetched(account, "amazon-sales", "2018-03", at="2018-05-01T00:00:00Z")
    #[pyo3(signature = (account, kind, period, *, at=None))]
    fn mark_fetched(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        period: Given<String>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let period = period.named(py, "period")?;
        let at = at.map(|at| day_text("at", at)).transpose()?;
        let sales = self.inner(py)?;
        short(py, || sales.mark_fetched(account, kind, &period, at.as_deref()))
    }

    /// Notes that the store will never give out a period any more. It stays absent, and `Db.sync_plan()` lists it no
    /// more; it may list a longer report in its stead. Does nothing where a report is stored.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    ///     The external account.
    /// kind : str
    ///     `amazon-sales` ...
    /// period : str
    ///     Such as `2018-03`.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.mark_lost(account, "amazon-sales", "2017-01")
    /// >>> db.sales.period_state(account, "amazon-sales", "2017-01")
    /// 'absent'
    fn mark_lost(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        period: Given<String>,
    ) -> PyResult<()> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let period = period.named(py, "period")?;
        let sales = self.inner(py)?;
        short(py, || sales.mark_lost(account, kind, &period))
    }

    /// What is missing between two days or periods, the end excluded: the months, for Apple the days, that reports
    /// which count do not cover wholly. Where a month counts, it covers its days; a week across two months does not
    /// count beside one of them, and its days in the other are missing.
    ///
    /// Parameters
    /// ----------
    /// account : int or Record
    ///     The external account.
    /// kind : str
    ///     `amazon-sales` ...
    /// start, end : str, date or int
    ///     Days or periods; an int is a year.
    ///
    /// Returns
    /// -------
    /// list of str
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    ///
    /// Examples
    /// --------
    /// >>> db.sales.gaps(account, "amazon-sales", "2018-02", "2018-05")
    /// ['2018-02', '2018-04']
    fn gaps(
        &self,
        py: Python<'_>,
        account: &Bound<'_, PyAny>,
        kind: Given<String>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<String>> {
        let (account, kind) = (account_id(account)?, parse_kind(py, kind)?);
        let (start, end) = (day_text("start", start)?, day_text("end", end)?);
        let sales = self.inner(py)?;
        short(py, || sales.gaps(account, kind, &start, &end))
    }

    /// The names of the columns of `scan()`: those that every store has, then the files' own.
    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let sales = self.inner(py)?;
        short(py, || sales.columns())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let sales = self.inner(py)?;
        Ok(usize::try_from(short(py, || sales.len())?)?)
    }

    // Without this, an empty database would be false.
    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self) -> &'static str {
        "<Sales>"
    }
}

/// The id of an external account, given as such or as its record.
fn account_id(account: &Bound<'_, PyAny>) -> PyResult<u64> {
    let id = id_text("account", account)?;
    id.parse().map_err(|_| fault(account.py(), "account", "must be the id of an external account"))
}

/// A day or a period, given as text, as a date or as the number of a year.
fn day_text(name: &str, day: &Bound<'_, PyAny>) -> PyResult<String> {
    match json::argument(name, day)? {
        Value::String(text) => Ok(text),
        Value::Number(year) => Ok(year.to_string()),
        _ => Err(PyTypeError::new_err(format!("{name} must be a day or a period"))),
    }
}

fn parse_kind(py: Python<'_>, kind: Given<String>) -> PyResult<core::Kind> {
    kind.named(py, "kind")?.parse().map_err(|error| raise(py, error))
}

/// One path or an iterable of paths, as text.
fn path_list(paths: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let single = paths.is_instance_of::<PyString>() || paths.is_instance_of::<PyBytes>();
    if single || paths.hasattr("__fspath__")? {
        return Ok(vec![path_text(paths)?]);
    }
    paths.try_iter()?.map(|path| path_text(&path?)).collect()
}

fn path_text(path: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = path.py().import("os")?.call_method1("fsdecode", (path,))?;
    text.extract::<Given<String>>()?.named(path.py(), "paths")
}
