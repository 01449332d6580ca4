//! The database handle: the only module that sees all others.

mod backup;
mod catalogue;
mod options;
mod repair;
mod sync;

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

pub use backup::{check, restore};
pub use options::OpenOptions;
pub use repair::{RepairReport, repair, repair_with};
use serde_json::{Value as Json, json};
pub use sync::{PlannedFetch, SyncOptions};

use self::catalogue::OwnProducts;

use crate::error::{Error, Result};
use crate::ingest::StoreKind;
use crate::records::{
    self, Account, AnyCollection, Banner, BannerGroup, Brand, Campaign, Category, Collection, Customer,
    CustomerGroup, ExternalAccount, GiftCard, Product, Records, StoreInfo, Subscriber,
};
use crate::sales::{self, Engine, Sales, StoreOf};
use crate::scope::{Grant, Scope};
use crate::store::Store;
use crate::vault::Vault;

/// An open database. Clones are handles on the same one; any number of threads may use them.
///
/// The last handle to go closes the database, as [`Db::close`] does, but can only log what fails then. A process that
/// is forked from this one may neither use nor drop its copy of a handle: [`crate::Process`] tells them apart.
///
/// ```
/// use tillroll_core::{Db, NewExternalAccount, StoreKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let db = Db::open(folder.path().join("shop.till"))?;
/// let account = db.external_accounts().create(NewExternalAccount::new("Apple apps", StoreKind::Apple))?;
///
/// // A clone is a handle for another thread.
/// let other = db.clone();
/// let thread = std::thread::spawn(move || other.external_accounts().get(account.id));
/// assert_eq!(thread.join().unwrap()?.nickname, "Apple apps");
/// db.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// The collections as this handle may use them.
    records: Records,
    grant: Grant,
}

struct Inner {
    store: Arc<Store>,
    vault: Arc<Vault>,
    records: Records,
    engine: Arc<Engine>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// What [`Db::check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Each fault, naming its file; none where all is well.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether all is well.
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Db {
    /// Opens a database for reading and writing, and makes it where there is none.
    ///
    /// # Errors
    /// As [`Db::open_with`].
    ///
    /// ```
    /// use tillroll_core::Db;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let db = Db::open(folder.path().join("shop.till"))?;
    /// assert!(db.sales().is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &OpenOptions::new())
    }

    /// Opens a database.
    ///
    /// # Errors
    /// [`crate::Error::Locked`] while another process writes to it, [`crate::Error::NotFound`] where there is none and it must not
    /// be made, [`crate::Error::Format`] for a directory that holds something else or a newer format, [`crate::Error::Vault`] for a
    /// wrong passphrase, [`crate::Error::Corruption`] for damage, [`crate::Error::Io`] for whatever the operating system refuses.
    ///
    /// ```
    /// use tillroll_core::{Db, ErrorKind, OpenOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("shop.till");
    /// let missing = Db::open_with(&path, &OpenOptions::new().create(false));
    /// assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    ///
    /// let db = Db::open_with(&path, &OpenOptions::new().passphrase("open sesame").cache_bytes(64 << 20))?;
    /// let second = Db::open(&path);
    /// assert_eq!(second.unwrap_err().kind(), ErrorKind::Locked);
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let dir = path.as_ref();
        let (rolls, view) = sales::prepare(dir, Arc::clone(&options.disk), options.cache_size());
        let store = Arc::new(Store::open(dir, options.store(view))?);
        let vault = Arc::new(Vault::open(&store, options.passphrase.as_ref().map(|text| text.as_str()))?);
        let records = Records::new(Arc::clone(&store), Arc::clone(&vault), options.clock.clone());
        let clock = options.clock.clone();
        let now = Arc::new(move || clock.now().as_microsecond());
        let catalogue = Arc::new(OwnProducts::new(&store, &records));
        let engine = Engine::open(Arc::clone(&store), rolls, catalogue, options.thread_count(), now)?;
        let engine = Arc::new(engine);
        let inner = Inner { store, vault, records: records.clone(), engine };
        Ok(Self { inner: Arc::new(inner), records, grant: Grant::default() })
    }

    /// The database directory.
    pub fn path(&self) -> &Path {
        self.inner.store.dir()
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.inner.store.is_read_only()
    }

    /// Whether [`Db::close`] was called on any of its handles, or on this one if it is narrowed.
    pub fn is_closed(&self) -> bool {
        self.grant.is_closed() || self.inner.store.is_closed()
    }

    /// A handle on the same database that may do only what these scopes say; everything else on it answers
    /// [`crate::Error::Access`]. Closing it, or a clone of it, ends that handle and leaves the database open.
    ///
    /// # Errors
    /// [`crate::Error::Access`] for a scope that this handle has not itself.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{ErrorKind, Scope};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let reading = db.restrict(&[Scope::SalesRead])?;
    /// assert_eq!(reading.sales().len()?, 3);
    /// let refused = reading.external_accounts().get(account);
    /// assert_eq!(refused.unwrap_err().kind(), ErrorKind::Access);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restrict(&self, scopes: &[Scope]) -> Result<Self> {
        let grant = self.grant.narrow(scopes)?;
        let records = self.inner.records.with_grant(grant.clone());
        Ok(Self { inner: Arc::clone(&self.inner), records, grant })
    }

    /// Closes the database: what is acknowledged already is brought into the index, and the lock is given back. All
    /// other handles on it answer [`crate::Error::Closed`] from now on. Closing again does nothing. A narrowed handle
    /// closes itself only.
    ///
    /// # Errors
    /// [`crate::Error::Io`] where the last checkpoint cannot be written: nothing acknowledged is lost then, the next open
    /// only takes longer.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ErrorKind;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let other = db.clone();
    /// db.close()?;
    /// assert_eq!(other.sales().len().unwrap_err().kind(), ErrorKind::Closed);
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) -> Result<()> {
        if self.grant.close() { Ok(()) } else { self.inner.close() }
    }

    /// The links to app stores.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ExternalAccountUpdate;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let accounts = db.external_accounts();
    /// accounts.update(account, ExternalAccountUpdate::new().username(Some("me@example.com")))?;
    /// assert_eq!(accounts.get(account)?.username.as_deref(), Some("me@example.com"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn external_accounts(&self) -> Collection<ExternalAccount> {
        self.records.collection()
    }

    /// The business accounts.
    pub fn accounts(&self) -> Collection<Account> {
        self.records.collection()
    }

    /// The brands of what is sold.
    pub fn brands(&self) -> Collection<Brand> {
        self.records.collection()
    }

    /// The tree of categories.
    pub fn categories(&self) -> Collection<Category> {
        self.records.collection()
    }

    /// The campaigns that sell for less.
    pub fn campaigns(&self) -> Collection<Campaign> {
        self.records.collection()
    }

    /// The groups that banners belong to.
    pub fn banner_groups(&self) -> Collection<BannerGroup> {
        self.records.collection()
    }

    /// The banners of the store's pages.
    pub fn banners(&self) -> Collection<Banner> {
        self.records.collection()
    }

    /// The customers.
    pub fn customers(&self) -> Collection<Customer> {
        self.records.collection()
    }

    /// The groups of customers.
    pub fn customer_groups(&self) -> Collection<CustomerGroup> {
        self.records.collection()
    }

    /// Those who take a newsletter.
    pub fn subscribers(&self) -> Collection<Subscriber> {
        self.records.collection()
    }

    /// The gift cards.
    pub fn gift_cards(&self) -> Collection<GiftCard> {
        self.records.collection()
    }

    /// The products in the stores.
    pub fn products(&self) -> Collection<Product> {
        self.records.collection()
    }

    /// The stores that products are sold in, by id, with what searches can be narrowed to.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let names: Vec<_> = db.stores().iter().map(|store| store.name).collect();
    /// assert!(names.contains(&"amazon_appstore"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stores(&self) -> Vec<StoreInfo> {
        records::stores()
    }

    /// A collection by its name, with records as JSON.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for a name that is no collection's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let made = db.records("brands")?.create(&serde_json::json!({"name": "Acme"}))?;
    /// assert_eq!(made["name"], "Acme");
    /// # Ok(())
    /// # }
    /// ```
    pub fn records(&self, collection: &str) -> Result<Arc<dyn AnyCollection>> {
        self.records.by_name(collection)
    }

    /// Writes all records of this moment to a file, a line of JSON each: the collection, the id, the times, and the
    /// fields as the faces show them with all sub-resources. Secrets and sales rows are not in it. Gives the number of
    /// records.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and [`crate::Error::Validation`] that names a record whose line would be longer than what
    /// is read back, 8 MiB; no file of that name is begun or changed then. [`crate::Error::Access`] on a narrowed handle.
    pub fn export_records(&self, path: impl AsRef<Path>) -> Result<u64> {
        self.grant.allow_all()?;
        self.refuse_inside(path.as_ref())?;
        self.records.export(path.as_ref())
    }

    /// Refuses to write anything of the user's into the database directory, or through a link that leads there.
    fn refuse_inside(&self, path: &Path) -> Result<()> {
        let absolute = std::path::absolute(path).map_err(Error::io("find", path))?;
        let own = self.path().canonicalize();
        let is_inside = |path: &Path| {
            path.canonicalize().is_ok_and(|path| own.as_ref().is_ok_and(|own| path.starts_with(own)))
        };
        if is_inside(&absolute) || absolute.parent().is_some_and(is_inside) {
            return Err(Error::format(path, None, "lies in the database, where nothing else is written"));
        }
        Ok(())
    }

    /// Stores the records of a file that [`Db::export_records`] wrote, with the ids and times they had; rules about
    /// "now", such as an expiry in the future, are not applied again. Gives the number of records that were not stored
    /// already.
    ///
    /// # Errors
    /// [`crate::Error::Format`] with the lines that cannot be read or refer to a record that is neither in the file nor
    /// stored, [`crate::Error::Conflict`] with those whose id or unique value is another record's; nothing is stored then.
    /// [`crate::Error::Access`] on a narrowed or read-only handle.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Db;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let file = folder.path().join("records.jsonl");
    /// let written = db.export_records(&file)?;
    ///
    /// let other = Db::open(folder.path().join("other.till"))?;
    /// assert_eq!(other.import_records(&file)?, written);
    /// assert_eq!(other.import_records(&file)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_records(&self, path: impl AsRef<Path>) -> Result<u64> {
        self.grant.allow_all()?;
        self.records.import(path.as_ref())
    }

    /// As [`Db::import_records`], for as long as `wanted` says so. It is asked before each line is read and before it
    /// is looked at, and all lines are several times; whatever it does takes its time.
    ///
    /// # Errors
    /// Those, and [`crate::Error::Cancelled`]: of a file of more than 10,000 lines, the beginning may be stored then. It
    /// is passed over when the file is imported again.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use std::ops::ControlFlow;
    ///
    /// use tillroll_core::Db;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// # let file = folder.path().join("records.jsonl");
    /// db.export_records(&file)?;
    /// let copy = Db::open(folder.path().join("copy.till"))?;
    /// // Asked now and then whether to go on.
    /// let stored = copy.import_records_while(&file, || ControlFlow::Continue(()))?;
    /// assert_eq!(copy.external_accounts().len()?, 1);
    /// assert!(stored > 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn import_records_while(
        &self,
        path: impl AsRef<Path>,
        wanted: impl Fn() -> ControlFlow<()>,
    ) -> Result<u64> {
        self.grant.allow_all()?;
        self.records.import_while(path.as_ref(), &wanted)
    }

    /// The rows of all sales reports.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{By, Measure, Query};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let query = Query::new().by([By::Currency]).measures([Measure::Sales]);
    /// assert_eq!(db.sales().report(&query)?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sales(&self) -> Sales {
        // Also a handle that may not read accounts may import for one.
        let accounts = self.inner.records.collection::<ExternalAccount>();
        let store_of: StoreOf = Arc::new(move |id| store_of(&accounts, id));
        Sales::new(Arc::clone(&self.inner.engine), store_of, self.grant.clone())
    }

    /// Seals the secrets with another passphrase, or with a key file beside the data for `None`, in one write.
    ///
    /// # Errors
    /// [`crate::Error::Vault`] where the present passphrase was not given at open.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Db, ErrorKind};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let path = folder.path().join("shop.till");
    /// db.set_passphrase(Some("open sesame"))?;
    /// db.close()?;
    ///
    /// // Everything works without the passphrase, but for the secrets.
    /// let db = Db::open(&path)?;
    /// assert_eq!(db.sales().len()?, 3);
    /// assert_eq!(db.set_passphrase(None).unwrap_err().kind(), ErrorKind::Vault);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_passphrase(&self, passphrase: Option<&str>) -> Result<()> {
        self.grant.allow_all()?;
        self.inner.vault.set_passphrase(&self.inner.store, passphrase)
    }

    /// Sizes and counts, as a JSON object.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] after the database was closed.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// assert_eq!(db.stats()?["rows"], 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Result<Json> {
        self.grant.allow_all()?;
        let mut stats = self.inner.engine.stats()?;
        let store = self.inner.store.stats();
        let of_store = json!({
            "journal_bytes": store.journal_bytes,
            "sequence": store.sequence,
            "checkpoint": store.checkpoint,
            "recovered": store.recovered_bytes,
            "index_rebuilt": store.index_rebuilt,
            "index_degraded": store.index_degraded,
            "overlay_bytes": store.overlay_bytes,
            "poisoned": store.poisoned,
        });
        if let (Json::Object(stats), Json::Object(of_store)) = (&mut stats, of_store) {
            stats.extend(of_store);
        }
        Ok(stats)
    }

    /// Verifies everything: every byte of journal and rolls, the index and the records' own indexes against the
    /// journal, the stored totals against the rows. Takes as long as reading all of it.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] after the database was closed. What is found wrong is no error but a line of the answer.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let found = db.check()?;
    /// assert!(found.ok(), "{}", found.problems.join("\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn check(&self) -> Result<CheckReport> {
        self.grant.allow_all()?;
        let mut problems: Vec<String> =
            self.inner.store.check()?.into_iter().map(|problem| problem.to_string()).collect();
        problems.extend(self.inner.records.check()?);
        problems.extend(self.inner.engine.problems()?);
        Ok(CheckReport { problems })
    }
}

/// The store of an account, or an error that names it.
fn store_of(accounts: &Collection<ExternalAccount>, id: u64) -> Result<StoreKind> {
    Ok(accounts.get(id)?.store)
}

impl Inner {
    fn close(&self) -> Result<()> {
        if self.store.is_closed() {
            return Ok(());
        }
        self.engine.stop_import();
        let tidied = match self.engine.has_set_aside() {
            true => self.store.checkpoint().and_then(|()| self.engine.remove_set_aside()),
            false => Ok(()),
        };
        self.engine.retire();
        let closed = self.store.close();
        tidied.and(closed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, path = %self.store.dir().display(), "the database could not be closed cleanly");
        }
    }
}
