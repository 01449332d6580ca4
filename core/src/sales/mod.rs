//! Every row the stores' reports contain: imported, looked up, scanned, counted and summed.

mod ahead;
mod arrow;
mod axis;
mod catalogue;
mod check;
mod compact;
mod distinct;
mod due;
mod fetched;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod group;
mod history;
mod import;
mod line_table;
mod listing;
mod lookup;
#[cfg(test)]
mod lookup_test;
mod manifest;
#[cfg(test)]
mod manifest_test;
mod numbering;
#[cfg(test)]
mod overlap_test;
mod period;
mod query;
mod repair;
mod report;
#[cfg(test)]
mod report_test;
mod roll_totals;
mod rolls;
mod scan;
#[cfg(test)]
mod scan_test;
mod schema;
mod segment;
mod select;
mod series_totals;
mod shadow;
mod summary;
mod table;
mod tally;
#[cfg(test)]
mod test;
mod totals;
#[cfg(test)]
mod totals_test;
mod value;
mod whole;
#[cfg(test)]
mod whole_test;
mod window;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::time::{Duration, Instant};

pub(crate) use catalogue::{Catalogue, Products, Tell};
pub use due::SyncReason;
pub use import::{ImportError, ImportOptions, ImportProgress, ImportSummary, OnReject, ProgressFn};
pub use listing::{Import, ImportVersion};
pub use period::PeriodState;
pub(crate) use period::{edge, instant};
pub use query::{By, Dimension, Measure, Order, Query};
pub use repair::ReportFile;
pub(crate) use repair::{Graves, SalesRepair};
pub use scan::Scan;
pub use schema::MONEY_SCALE;
pub use table::Table;
pub use value::{Sale, Value};

use self::manifest::Manifest;
pub(crate) use self::manifest::REPORTS;
use self::query::Where;
use self::rolls::Rolls;
pub(crate) use self::rolls::is_roll;
use crate::day::{Day, Period};
use crate::error::{Error, Result};
use crate::file::Disk;
use crate::ingest::{Kind, StoreKind};
use crate::kv::value as stored;
use crate::roll::{Cache, Roll};
use crate::scope::{Grant, Scope};
use crate::store::{Store, Transaction, View};

/// Where the next import's number is kept.
const COUNTER_KEY: &[u8] = b"s/next_import";

/// The folder of the rolls in a database directory.
pub(crate) const ROLLS: &str = "rolls";

/// How long a close waits for an import to end.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(30);

/// The time now, in microseconds since 1970, UTC.
pub(crate) type NowFn = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the sales need of a database, shared by all handles on it.
pub(crate) struct Engine {
    store: Arc<Store>,
    rolls: Arc<Rolls>,
    catalogue: Arc<dyn Catalogue>,
    /// Held by the one import that runs.
    importing: Mutex<()>,
    /// The database is being closed: the import that runs ends as if it were cancelled.
    closing: Arc<AtomicBool>,
    next_import: AtomicU64,
    threads: usize,
    /// Queries have their own threads, so that an import cannot starve them.
    query_pool: OnceLock<Arc<rayon::ThreadPool>>,
    now: NowFn,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// The rolls of a database about to be opened, and the empty view that the store fills from its reports.
pub(crate) fn prepare(dir: &Path, disk: Arc<dyn Disk>, cache_bytes: u64) -> (Arc<Rolls>, Arc<dyn View>) {
    let rolls = Rolls::new(dir.join(ROLLS), disk, Arc::new(Cache::new(cache_bytes)));
    let view = Arc::new(Manifest::empty(Arc::clone(&rolls)));
    (rolls, view)
}

/// The files of the rolls that one commit names; they stay in place as long as this does.
pub(crate) struct RollPaths {
    /// Their paths.
    pub(crate) paths: Vec<PathBuf>,
    _manifest: Arc<Manifest>,
}

/// Verifies every byte of a roll file.
///
/// # Errors
/// [`Error::Corruption`] naming the file, [`Error::Io`].
pub(crate) fn verify_roll(disk: &Arc<dyn Disk>, path: &Path) -> Result<()> {
    Roll::open(disk, path, Arc::new(Cache::new(VERIFY_CACHE_BYTES)))?.verify()
}

/// Verifying reads each page once.
const VERIFY_CACHE_BYTES: u64 = 4 << 20;

impl Engine {
    /// Takes up the sales of an opened store.
    pub(crate) fn open(
        store: Arc<Store>,
        rolls: Arc<Rolls>,
        catalogue: Arc<dyn Catalogue>,
        threads: usize,
        now: NowFn,
    ) -> Result<Self> {
        let manifest = Manifest::of(store.view())?;
        manifest.rolls().for_each(|live| rolls.reserve(live.file.number()));
        if !store.is_read_only() {
            rolls.tidy(|number| manifest.names(number))?;
        }
        let next = store.get(COUNTER_KEY)?.map(|bytes| stored::decode(&bytes)).transpose()?.unwrap_or(1);
        let (importing, query_pool, closing) = (Mutex::new(()), OnceLock::new(), Arc::default());
        Ok(Self {
            store,
            rolls,
            catalogue,
            importing,
            closing,
            next_import: AtomicU64::new(next),
            threads,
            query_pool,
            now,
        })
    }

    /// Whether rolls were found that no report names.
    pub(crate) fn has_set_aside(&self) -> bool {
        self.rolls.has_set_aside()
    }

    /// Ends the import that runs, keeping what it has read as a whole, and waits for that. One that calls this from its
    /// own progress callback cannot end before the call does, so that the wait has an end.
    pub(crate) fn stop_import(&self) {
        self.closing.store(true, Ordering::Relaxed);
        let until = Instant::now() + CLOSE_WAIT_MAX;
        while matches!(self.importing.try_lock(), Err(TryLockError::WouldBlock)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// From now on no file of a roll is removed: after a close it may be another handle's.
    pub(crate) fn retire(&self) {
        self.rolls.retire();
    }

    /// Throws them away, once a checkpoint is durable.
    pub(crate) fn remove_set_aside(&self) -> Result<()> {
        self.rolls.remove_set_aside()
    }

    /// Sizes and counts, as a JSON object.
    pub(crate) fn stats(&self) -> Result<serde_json::Value> {
        let manifest = self.manifest()?;
        let mut roll_bytes = 0;
        for live in manifest.rolls() {
            roll_bytes += live.open()?.bytes();
        }
        Ok(serde_json::json!({
            "rows": manifest.rows(),
            "reports": manifest.reports().count(),
            "rolls": manifest.rolls().count(),
            "roll_bytes": roll_bytes,
            "cache_bytes": self.rolls.cache_bytes(),
        }))
    }

    /// Writes the rolls anew where anything in them is dead or they are not full. Waits for an import that runs.
    pub(crate) fn compact(&self) -> Result<()> {
        let _importing = self.importing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        compact::run_fully(self)
    }

    /// The rolls of a moment, for as long as whoever holds them needs their files.
    pub(crate) fn roll_paths(view: Arc<dyn View>) -> Result<RollPaths> {
        let manifest = Manifest::of(view)?;
        let paths = manifest.rolls().map(|live| live.file.path()).collect();
        Ok(RollPaths { paths, _manifest: manifest })
    }

    /// What is wrong with the stored sales.
    pub(crate) fn problems(&self) -> Result<Vec<String>> {
        Ok(check::problems(&*self.manifest()?))
    }

    /// The reports of the newest commit. Whoever holds it reads that commit.
    fn manifest(&self) -> Result<Arc<Manifest>> {
        if self.store.is_closed() {
            return Err(Error::Closed { detail: "the database is closed".to_owned() });
        }
        Manifest::of(self.store.view())
    }

    /// Commits changes to the stored reports, made in view of the manifest they change. Rolls that no report names any
    /// more go with their last reader. Gives the manifest that the commit made.
    fn commit<T>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>, &Manifest) -> Result<T>,
    ) -> Result<(T, Arc<Manifest>)> {
        let (value, before, after) = self.store.write(|transaction| {
            let before = Manifest::of(transaction.view()?)?;
            let value = change(transaction, &before)?;
            Ok((value, before, Manifest::of(transaction.view()?)?))
        })?;
        self.rolls.drop_replaced(&before, &after);
        Ok((value, after))
    }

    /// The products that a query with these ids in its `where` is answered with. Taken after the manifest, so that the
    /// products of its rows are among them.
    fn products(&self, filter: &Where) -> Result<Arc<Products>> {
        for id in filter.products.iter().chain(&filter.product_groups).flatten().flatten() {
            if !self.catalogue.contains(*id)? {
                return Err(Error::NotFound { what: format!("product {id}") });
            }
        }
        self.catalogue.products()
    }

    fn now(&self) -> i64 {
        (self.now)()
    }

    fn take_import_id(&self) -> u64 {
        self.next_import.fetch_add(1, Ordering::Relaxed)
    }

    fn next_import_id(&self) -> u64 {
        self.next_import.load(Ordering::Relaxed)
    }

    fn query_pool(&self) -> Result<Arc<rayon::ThreadPool>> {
        if let Some(pool) = self.query_pool.get() {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(thread_pool("query", self.threads)?);
        Ok(Arc::clone(self.query_pool.get_or_init(|| pool)))
    }

    /// A pool for one import, with the threads the caller asks for.
    fn import_pool(&self, threads: Option<usize>) -> Result<rayon::ThreadPool> {
        thread_pool("import", threads.unwrap_or(self.threads))
    }
}

fn thread_pool(name: &'static str, threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.clamp(1, 256))
        .thread_name(move |index| format!("tillroll-{name}-{index}"))
        .build()
        .map_err(|error| Error::invalid("threads", error.to_string()))
}

/// Tells the store of an external account.
pub(crate) type StoreOf = Arc<dyn Fn(u64) -> Result<StoreKind> + Send + Sync>;

/// The sales of a database: `db.sales()`.
///
/// Every question is answered from one commit: an import or a deletion meanwhile is seen wholly or not at all.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{By, Measure, Query};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let sales = db.sales();
/// let query = Query::new().by([By::Sku, By::Currency]).measures([Measure::Units, Measure::Earnings]);
/// println!("{}", sales.report(&query)?);
/// assert_eq!(sales.get("t1")?.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sales {
    engine: Arc<Engine>,
    store_of: StoreOf,
    grant: Grant,
}

impl std::fmt::Debug for Sales {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sales").finish_non_exhaustive()
    }
}

impl Sales {
    pub(crate) fn new(engine: Arc<Engine>, store_of: StoreOf, grant: Grant) -> Self {
        Self { engine, store_of, grant }
    }

    /// Imports report files for an external account. `paths` are files or globs.
    ///
    /// A report that is stored already is replaced in one step; a file whose bytes are stored already is skipped.
    /// A file that cannot be read does not stop the others.
    ///
    /// # Errors
    /// Before anything is read: [`Error::NotFound`] for an unknown account or a glob without a match, [`Error::Io`]
    /// for a missing file, [`Error::Format`] for a directory. At the end: the first file's error, with all of them
    /// beside it, and what was stored in `summary`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{ImportOptions, Kind};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let file = folder.path().join("sales_2018_03.csv");
    /// let done = db.sales().import(&[file.to_str().unwrap()], account, &ImportOptions::default())?;
    /// assert_eq!((done.files, done.unchanged, done.rows), (1, 1, 0));
    ///
    /// let anew = ImportOptions::new().kind(Kind::AmazonSales).period("2018-03").force(true);
    /// let done = db.sales().import(&[file.to_str().unwrap()], account, &anew)?;
    /// assert_eq!((done.replaced, done.rows, done.rejected), (1, 3, 1));
    ///
    /// // A file that cannot be read does not stop the others; the error has what was stored all the same.
    /// let pattern = format!("{}/none_*.csv", folder.path().display());
    /// let failed = db.sales().import(&[pattern], account, &anew).unwrap_err();
    /// assert_eq!(failed.summary.files, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn import<S: AsRef<str>>(
        &self,
        paths: &[S],
        account: u64,
        options: &ImportOptions,
    ) -> Result<ImportSummary, ImportError> {
        self.writable().map_err(ImportError::before)?;
        let store = (self.store_of)(account).map_err(ImportError::before)?;
        let paths: Vec<String> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
        import::Import::run(&self.engine, &paths, (account, store), options)
    }

    /// The sales with a transaction id: none, one, or a charge and its refund.
    ///
    /// # Errors
    /// [`Error::Corruption`] and [`Error::Io`] if a roll cannot be read.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Value;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// for sale in db.sales().get("t1")? {
    ///     println!("{:?} {:?}", sale.get("type"), sale.get("earnings"));
    /// }
    /// assert!(db.sales().get("nothing")?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, transaction_id: &str) -> Result<Vec<Sale>> {
        let manifest = self.manifest()?;
        lookup::get(&manifest, &*self.engine.catalogue.products()?, transaction_id)
    }

    /// The sales with these transaction ids, in the order of the ids.
    ///
    /// # Errors
    /// As [`Self::get`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let found = db.sales().get_many(&["t2", "nothing", "t1"])?;
    /// assert_eq!(found.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<S: AsRef<str>>(&self, transaction_ids: &[S]) -> Result<Table> {
        let manifest = self.manifest()?;
        let products = self.engine.catalogue.products()?;
        lookup::get_many(&manifest, &products, transaction_ids, || self.engine.query_pool())
    }

    /// The rows themselves, as they are asked for.
    ///
    /// # Errors
    /// [`Error::Validation`] for a column or value that does not exist, [`Error::NotFound`] for a product.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Dimension, Query};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let charges = Query::new().columns(["sku", "units"]).only(Dimension::Type, ["charge"]);
    /// let mut rows = 0;
    /// for batch in db.sales().scan(&charges)? {
    ///     rows += batch?.num_rows();
    /// }
    /// assert_eq!(rows, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scan(&self, query: &Query) -> Result<Scan> {
        let manifest = self.manifest()?;
        let query = query.checked()?;
        let products =
            if query.scans_products() { self.engine.products(&query.filter)? } else { Arc::default() };
        Scan::new(manifest, products, query, self.engine.query_pool()?)
    }

    /// Rows grouped, counted and summed.
    ///
    /// # Errors
    /// [`Error::Validation`] for a question that would add currencies or names what does not exist, [`Error::NotFound`]
    /// for a product.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{By, Error, Measure, Query};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let query = Query::new().by([By::Month, By::Currency]).measures([Measure::Units, Measure::Earnings]);
    /// let table = db.sales().report(&query)?;
    /// assert_eq!(table.columns(), ["month", "currency", "units", "earnings"]);
    /// assert_eq!(table.value(1, 3).to_string(), "6.98");
    ///
    /// // Currencies are never added.
    /// let mixed = db.sales().report(&Query::new().measures([Measure::Sales]));
    /// assert!(matches!(mixed, Err(Error::Validation { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self, query: &Query) -> Result<Table> {
        let manifest = self.manifest()?;
        let query = query.checked()?;
        let products =
            if query.reports_products() { self.engine.products(&query.filter)? } else { Arc::default() };
        report::report(&manifest, products, query, &*self.engine.query_pool()?)
    }

    /// The stored reports, of one account or all: by account, kind, period and part. Among them are those that do not
    /// count, because others tell of their days.
    ///
    /// # Errors
    /// [`Error::Closed`] after the database was closed.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// for import in db.sales().imports(Some(account))? {
    ///     println!("{} {}: {} rows, {} rejected", import.kind, import.period, import.rows, import.rejected);
    ///     println!("{}", import.totals);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn imports(&self, account: Option<u64>) -> Result<Vec<Import>> {
        listing::imports(&*self.manifest()?, account)
    }

    /// The rows that could not be read, of one import or all: `path`, `line`, `reason`, `text`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an id that is no stored import's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let rejects = db.sales().rejects(None)?;
    /// assert_eq!(rejects.columns(), ["path", "line", "reason", "text"]);
    /// assert_eq!(rejects.value(0, 1).to_string(), "5");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejects(&self, import_id: Option<u64>) -> Result<Table> {
        listing::rejects(&*self.manifest()?, import_id)
    }

    /// Removes all parts of a report, and forgets their files: the same bytes import again.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is stored for the period.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Kind;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// db.sales().delete(account, Kind::AmazonSales, "2018-03")?;
    /// assert!(db.sales().is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, account: u64, kind: Kind, period: &str) -> Result<()> {
        self.writable()?;
        period::delete(&self.engine, account, kind, period.parse()?)
    }

    /// Whether a period's report is there, and has rows; one that does not count has them, too.
    ///
    /// # Errors
    /// [`Error::Validation`] for a text that is no period; [`Error::NotFound`] for an unknown account.
    pub fn period_state(&self, account: u64, kind: Kind, period: &str) -> Result<PeriodState> {
        let manifest = self.manifest()?;
        (self.store_of)(account)?;
        Ok(period::state(&manifest, account, kind, period.parse()?))
    }

    /// Notes that nothing was sold in a period, a day, week, month or year, where the store gives out no file for it.
    ///
    /// It stands like a report without rows: with others of its length it can cover a coarser report, which then no longer
    /// counts; and where it is the coarser one it counts in the place of finer reports without rows, and gives way to those
    /// with rows.
    ///
    /// # Errors
    /// [`Error::Conflict`] where rows are stored for the period; [`Error::NotFound`] for an unknown account.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Kind, PeriodState};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let (sales, kind) = (db.sales(), Kind::AmazonSales);
    /// assert_eq!(sales.period_state(account, kind, "2018-02")?, PeriodState::Absent);
    /// sales.mark_empty(account, kind, "2018-02")?;
    /// assert_eq!(sales.period_state(account, kind, "2018-02")?, PeriodState::Empty);
    /// assert_eq!(sales.gaps(account, kind, "2018-01", "2018-05")?, ["2018-01", "2018-04"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_empty(&self, account: u64, kind: Kind, period: &str) -> Result<()> {
        self.writable()?;
        let store = (self.store_of)(account)?;
        period::mark_empty(&self.engine, (account, store), kind, period.parse()?)
    }

    /// The days, or for stores that report by month the months, between two days or texts of periods, that reports which
    /// count do not cover wholly. The end is excluded.
    ///
    /// # Errors
    /// [`Error::Validation`] for what is neither a day nor a period; [`Error::NotFound`] for an unknown account.
    pub fn gaps(&self, account: u64, kind: Kind, start: &str, end: &str) -> Result<Vec<String>> {
        let manifest = self.manifest()?;
        (self.store_of)(account)?;
        period::gaps(&manifest, account, kind, (start, end))
    }

    /// Notes that what is stored for a period, or that it is empty, is what its store gave at a time, `2018-04-02T03:00:00Z`, or now.
    /// [`crate::Db::sync_plan`] lists the period no more once it was fetched when its store could not change it any more.
    ///
    /// An import notes its own time by itself: this tells of a fetch whose bytes were stored already, and of one by
    /// another clock than the database's. Nothing is written where that changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown account and where nothing is stored for the period; [`Error::Validation`] for a
    /// text that is no period or no time, and a kind that is not the store's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Kind, PeriodState};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let sales = db.sales();
    /// sales.mark_fetched(account, Kind::AmazonSales, "2018-03", Some("2018-06-02T03:00:00Z"))?;
    /// // The store has no report of January any more, and will never have: a plan lists it no more.
    /// sales.mark_lost(account, Kind::AmazonSales, "2018-01")?;
    /// assert_eq!(sales.period_state(account, Kind::AmazonSales, "2018-01")?, PeriodState::Absent);
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_fetched(&self, account: u64, kind: Kind, period: &str, at: Option<&str>) -> Result<()> {
        let period = self.period_to_mark(account, kind, period)?;
        let at = match at {
            Some(at) => instant("at", at)?.as_microsecond(),
            None => self.engine.now(),
        };
        fetched::mark_fetched(&self.engine, account, kind, period, at)
    }

    /// Notes that the store will never give out a period any more. It stays absent; [`crate::Db::sync_plan`] lists it no
    /// more, and may list a longer report in its stead. Does nothing where a report is stored.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown account; [`Error::Validation`] for a text that is no period and a kind that is
    /// not the store's.
    pub fn mark_lost(&self, account: u64, kind: Kind, period: &str) -> Result<()> {
        let period = self.period_to_mark(account, kind, period)?;
        fetched::mark_lost(&self.engine, account, kind, period)
    }

    fn period_to_mark(&self, account: u64, kind: Kind, period: &str) -> Result<Period> {
        self.writable()?;
        period::refuse_other_store(kind, (self.store_of)(account)?)?;
        period.parse()
    }

    /// The reports of an account that are due at a time, by first day.
    pub(crate) fn dues(
        &self,
        account: u64,
        kind: Kind,
        now: jiff::Timestamp,
        since: Option<Day>,
    ) -> Result<Vec<(Period, SyncReason)>> {
        let manifest = self.manifest()?;
        self.engine.store.read(|read| {
            let now = now.as_microsecond();
            let found = due::Dues { manifest: &manifest, read, account, kind, now, since }.find()?;
            Ok(found.into_iter().collect())
        })
    }

    /// The number of stored rows that count.
    ///
    /// # Errors
    /// [`Error::Closed`] after the database was closed.
    pub fn len(&self) -> Result<u64> {
        Ok(self.manifest()?.rows())
    }

    /// Whether no row is stored.
    ///
    /// # Errors
    /// As [`Self::len`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The names of all columns: the standard ones, then whatever further ones the stored files had.
    ///
    /// # Errors
    /// [`Error::Corruption`] and [`Error::Io`] if a roll cannot be read.
    pub fn columns(&self) -> Result<Vec<String>> {
        let columns = scan::all_columns(&*self.manifest()?)?;
        Ok(columns.into_iter().map(|column| column.name).collect())
    }

    fn manifest(&self) -> Result<Arc<Manifest>> {
        self.grant.allow(Scope::SalesRead)?;
        self.engine.manifest()
    }

    fn writable(&self) -> Result<()> {
        self.grant.allow(Scope::SalesWrite)?;
        if self.engine.store.is_read_only() {
            return Err(Error::Access { detail: "the database is open for reading only".to_owned() });
        }
        Ok(())
    }
}
