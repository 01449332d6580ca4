//! One collection of a database: the verbs of `machine.rs` and `list.rs`, each in a commit or a snapshot of its own.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::scope::{Grant, Scope};
use crate::store::{Read, Store, Write};
use crate::vault::{Label, Vault};
use crate::{Error, Result};

use super::input::Fields;
use super::known::Known;
use super::machine::{self, Env};
use super::resources::product_memory::{ProductMemory, Touched, Watched};
use super::{Clock, Context, ListQuery, Page, Record, expansion, item_links, list, stored};

/// What all collections of a database share.
#[derive(Debug)]
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub vault: Arc<Vault>,
    pub clock: Clock,
    /// What the handle may do that the collection was taken from.
    pub grant: Grant,
    /// What is kept in memory for products, by all handles on the database together.
    pub products: Arc<ProductMemory>,
    /// What listings have found out, of all collections.
    pub known: Arc<Known>,
}

impl Shared {
    /// Commits what `f` changes, and brings what is kept in memory in step with it.
    pub(super) fn write<T>(&self, f: impl FnOnce(&mut dyn Write, &Env<'_>) -> Result<T>) -> Result<T> {
        let (value, touched) = self.store.write(|transaction| {
            // Within the transaction, so that times grow in commit order.
            let env = Env { vault: &self.vault, now: self.clock.now() };
            let mut watched = Watched::new(transaction);
            let value = f(&mut watched, &env)?;
            let touched = watched.touched()?;
            if touched.moves_sales() {
                item_links::note_change(transaction)?;
            }
            Ok((value, touched))
        })?;
        self.tell(&touched);
        Ok(value)
    }

    /// Brings what is kept in memory in step with a commit, which must be one by now.
    pub(super) fn tell(&self, touched: &Touched) {
        self.known.hear(touched);
        self.products.search.refresh(&self.store, &touched.products());
    }
}

/// The records of one kind. Cheap to clone; any number of threads may use it at once.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{ListQuery, NewExternalAccount, StoreKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let accounts = db.external_accounts();
/// let made = accounts.create(NewExternalAccount::new("Games", StoreKind::Apple))?;
/// assert_eq!(accounts.get(made.id)?.nickname, "Games");
/// assert_eq!(accounts.list(&ListQuery::new().field("store", "apple"))?.item_count, 1);
/// accounts.delete(made.id)?;
/// assert_eq!(accounts.len()?, 1);
/// # Ok(())
/// # }
/// ```
pub struct Collection<R> {
    pub(super) shared: Arc<Shared>,
    kind: PhantomData<fn() -> R>,
}

impl<R> Clone for Collection<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), kind: PhantomData }
    }
}

impl<R: Record> fmt::Debug for Collection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collection").field(&R::COLLECTION).finish()
    }
}

impl<R: Record> Collection<R> {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, kind: PhantomData }
    }

    /// Creates a record and gives it its id and times.
    ///
    /// # Errors
    /// [`Error::Validation`] with all faults at once, [`Error::Conflict`] for a unique value that is taken,
    /// [`Error::Access`] on a read-only database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Error, Fields};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let brand = db.brands().create(Fields::default().with("name", "Acme"))?;
    /// assert_eq!(brand.name, "Acme");
    ///
    /// // All faults are told at once, by field.
    /// let Err(Error::Validation { fields }) = db.external_accounts().create(Fields::default()) else { panic!() };
    /// assert_eq!(fields.keys().collect::<Vec<_>>(), ["nickname", "store"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, fields: impl Into<Fields>) -> Result<R> {
        let fields = fields.into();
        self.write(|write, env| machine::create(write, env, fields.as_map()))
    }

    /// Creates records in one commit: all of them, or none where one has a fault.
    ///
    /// # Errors
    /// As of [`Collection::create`]; faults are told as `[place].field`, places from 0 on.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let names = ["Acme", "Umbrella"];
    /// let made = db.brands().create_many(names.map(|name| Fields::default().with("name", name)))?;
    /// assert_eq!(made.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_many<F: Into<Fields>>(&self, all: impl IntoIterator<Item = F>) -> Result<Vec<R>> {
        let all: Vec<Fields> = all.into_iter().map(Into::into).collect();
        self.write(|write, env| machine::create_many(write, env, all))
    }

    /// The record of an id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ErrorKind;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// assert_eq!(db.external_accounts().get(account)?.nickname, "Amazon apps");
    /// assert_eq!(db.external_accounts().get(77).unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, id: impl Borrow<R::Id>) -> Result<R> {
        self.read(|context| machine::get(context.read, id.borrow()))
    }

    /// Whether there is a record of this id.
    ///
    /// # Errors
    /// Those of reading.
    pub fn contains(&self, id: impl Borrow<R::Id>) -> Result<bool> {
        self.read(|context| Ok(context.read.get(&stored::record_key::<R>(id.borrow()))?.is_some()))
    }

    /// Changes what the fields name, and nothing else. One that changes nothing is no commit and leaves `updated_at`.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of [`Collection::create`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ExternalAccountUpdate;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let renamed = db.external_accounts().update(account, ExternalAccountUpdate::new().nickname("Games"))?;
    /// assert_eq!(renamed.nickname, "Games");
    /// # Ok(())
    /// # }
    /// ```
    pub fn update(&self, id: impl Borrow<R::Id>, fields: impl Into<Fields>) -> Result<R> {
        let fields = fields.into();
        self.write(|write, env| machine::update(write, env, id.borrow(), fields.as_map()))
    }

    /// Removes a record, with its secrets.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Access`] on a read-only database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let brand = db.brands().create(Fields::default().with("name", "Acme"))?;
    /// db.brands().delete(brand.id)?;
    /// assert!(!db.brands().contains(brand.id)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: impl Borrow<R::Id>) -> Result<()> {
        self.write(|write, env| machine::delete::<R>(write, env, id.borrow()))
    }

    /// One page of the records that match, from one moment's state.
    ///
    /// # Errors
    /// [`Error::Validation`] with all faults of the query at once.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Fields, ListQuery};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let names = ["Acme", "Umbrella", "Apex"];
    /// db.brands().create_many(names.map(|name| Fields::default().with("name", name)))?;
    ///
    /// let page = db.brands().list(&ListQuery::new().filter("like(name,A*)").sort("name-desc").page_size(1))?;
    /// assert_eq!((page.item_count, page.page_count), (2, 2));
    /// assert_eq!(page.data[0].name, "Apex");
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self, query: &ListQuery) -> Result<Page<R>> {
        self.read(|context| list::list(context.read, &self.shared.known, query))
    }

    /// The number of records.
    ///
    /// # Errors
    /// Those of reading.
    pub fn len(&self) -> Result<u64> {
        self.read(|context| stored::count::<R>(context.read))
    }

    /// Whether there is none.
    ///
    /// # Errors
    /// Those of reading.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// All records in id order, read in steps: what is created, changed or deleted meanwhile may or may not show.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// for account in db.external_accounts().iter() {
    ///     println!("{}", account?.nickname);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Result<R>> + use<R> {
        const STEP: usize = 256;
        let collection = self.clone();
        let mut last: Option<R::Id> = None;
        let mut done = false;
        let steps = std::iter::from_fn(move || {
            if done {
                return None;
            }
            let step = collection.after(last.as_ref(), STEP);
            last = step.as_ref().ok().and_then(|step| step.last()).map(Record::id);
            done = step.as_ref().map_or(true, |step| step.len() < STEP);
            Some(step)
        });
        steps.flat_map(|step| match step {
            Ok(records) => records.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    }

    fn after(&self, last: Option<&R::Id>, limit: usize) -> Result<Vec<R>> {
        self.read(|context| {
            let ids = list::ids_after::<R>(context.read, last, limit)?;
            ids.iter().map(|id| machine::get(context.read, id)).collect()
        })
    }

    /// A secret of a record in the clear, `None` where it has none.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Vault`].
    pub(super) fn secret(&self, id: &R::Id, field: &str) -> Result<Option<Zeroizing<String>>> {
        self.read(|context| {
            machine::get::<R>(context.read, id)?;
            let text = id.to_string();
            let label = Label { collection: R::COLLECTION, id: &text, field };
            self.shared.vault.reveal(context.read, R::TAG, &stored::id_bytes::<R>(id), label)
        })
    }

    /// Whether a record has a secret; needs no key.
    pub(super) fn holds_secret(&self, read: &dyn Read, id: &R::Id, field: &str) -> Result<bool> {
        self.shared.vault.holds(read, R::TAG, &stored::id_bytes::<R>(id), field)
    }

    pub(super) fn read<T>(&self, f: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        self.read_with(&[], f)
    }

    /// A read whose records leave as JSON, as those that are read alone.
    pub(super) fn read_inline<T>(&self, f: impl FnOnce(&Context<'_>) -> Result<T>) -> Result<T> {
        self.read_with(&expansion::inline::<R>(), f)
    }

    pub(super) fn read_with<T>(
        &self,
        expand: &[&str],
        f: impl FnOnce(&Context<'_>) -> Result<T>,
    ) -> Result<T> {
        self.read_as(R::READ, expand, f)
    }

    /// A read that needs another scope than the resource's own.
    pub(super) fn read_as<T>(
        &self,
        scope: Scope,
        expand: &[&str],
        f: impl FnOnce(&Context<'_>) -> Result<T>,
    ) -> Result<T> {
        self.shared.grant.allow(scope)?;
        let now = self.shared.clock.now();
        self.shared.store.read(|snapshot| f(&Context { read: snapshot, now, expand }))
    }

    pub(super) fn write<T>(&self, f: impl FnOnce(&mut dyn Write, &Env<'_>) -> Result<T>) -> Result<T> {
        self.refuse_unwritable()?;
        self.shared.write(f)
    }

    /// Refuses where nothing can be changed.
    pub(super) fn refuse_unwritable(&self) -> Result<()> {
        self.shared.grant.allow(R::WRITE)?;
        if self.shared.store.is_read_only() {
            return Err(Error::Access { detail: "the database is open read-only".to_owned() });
        }
        Ok(())
    }

    /// A write whose records leave as JSON, seen as the commit leaves them.
    pub(super) fn write_json(
        &self,
        f: impl FnOnce(&mut dyn Write, &Env<'_>) -> Result<Vec<R>>,
    ) -> Result<Vec<Value>> {
        self.write(|write, env| {
            let records = f(write, env)?;
            let read: &dyn Read = write;
            let context = Context { read, now: env.now, expand: &expansion::inline::<R>() };
            records.iter().map(|record| record.to_json(&context).map(Value::Object)).collect()
        })
    }
}

#[cfg(test)]
#[path = "collection_test.rs"]
mod test;
