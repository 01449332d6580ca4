//! Products by their id in the store, and asking the store itself for those that are missing.
//!
//! A lookup is the caller's: it runs on a thread of its own, once for however many ask for the same product meanwhile,
//! and goes on where its callers have stopped waiting. What it gives is stored like any product. Where it gives no
//! store or none of the identifiers, those that were asked for are meant.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;
use std::{io, thread};

use serde_json::{Map, Value};

use crate::records::collection::Shared;
use crate::records::index;
use crate::records::input::{Fields, unknown_name};
use crate::records::machine::{self, Env};
use crate::records::{Collection, Datum, Product, RecordId, item_links, stored};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::stores::{AppStore, names};

/// The lookups that run.
#[derive(Debug, Default)]
pub(in crate::records) struct Lookups(Mutex<HashMap<Asked, Arc<Flight>>>);

/// Which product is looked up.
type Asked = (AppStore, String);

/// The id of the product that was stored, if there was one.
type Outcome = Result<Option<u64>>;

/// A lookup that runs.
#[derive(Debug, Default)]
struct Flight {
    /// The thread that it runs on.
    pilot: OnceLock<ThreadId>,
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    /// How it ended; `None` where it has not within this time.
    fn wait(&self, timeout: Duration) -> Option<Outcome> {
        let waited =
            self.landed.wait_timeout_while(lock(&self.outcome), timeout, |outcome| outcome.is_none());
        let (outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &*outcome {
            Some(Ok(id)) => Some(Ok(*id)),
            Some(Err(error)) => Some(Err(error.told_again())),
            None => None,
        }
    }

    fn land(&self, outcome: Outcome) {
        *lock(&self.outcome) = Some(outcome);
        self.landed.notify_all();
    }
}

impl Collection<Product> {
    /// The product of an id in a store: its `vendor_identifier`, else its SKU, `ref_no` or package name, else a SKU that
    /// a report sold it under. Google's SKUs are unique only within an app, so that its in-app items are found by
    /// `package:sku` as well. The store in any spelling.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Validation`] for a store that is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ErrorKind;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// // The import has made products of what was sold.
    /// assert_eq!(db.products().get_by_store("amazon", "chess")?.name, "Chess");
    /// let missing = db.products().get_by_store("amazon", "go");
    /// assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_by_store(&self, store: &str, id: &str) -> Result<Product> {
        let store = known_store(store)?;
        self.read(|context| by_store(context.read, store, id))?.ok_or_else(|| missing(store, id))
    }

    /// The product of an id in a store, and where there is none, the one that `lookup` finds: it is given the store's
    /// name as products show it and the id, and what it gives is stored. It runs on a thread of its own; while one
    /// runs, others who ask for the same product wait for it and their `lookup` is not called.
    ///
    /// # Errors
    /// Those of [`Collection::get_by_store`], also where the lookup gives nothing; [`Error::Pending`] where it has not
    /// ended after `timeout`: it goes on, and what it gives is stored when it comes; its own error, or
    /// [`Error::Io`] where it panics; those of [`Collection::create`] for what it gives; [`Error::Validation`] at once
    /// where a lookup asks for the product that it looks up, by a lookup again: it would wait for itself.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let ask = |_store: &str, id: &str| {
    ///     assert_eq!(id, "go");
    ///     Ok(Some(Fields::default().with("name", "Go")))
    /// };
    /// let found = db.products().get_by_store_with("amazon", "go", ask, std::time::Duration::from_secs(90))?;
    /// assert_eq!(found.name, "Go");
    /// assert_eq!(db.products().get_by_store("amazon", "go")?, found);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_by_store_with<L>(&self, store: &str, id: &str, lookup: L, timeout: Duration) -> Result<Product>
    where
        L: FnOnce(&str, &str) -> Result<Option<Fields>> + Send + 'static,
    {
        let store = known_store(store)?;
        if let Some(found) = self.read(|context| by_store(context.read, store, id))? {
            return Ok(found);
        }
        if id.trim().is_empty() {
            return Err(Error::invalid("id_in_store", "is required"));
        }
        self.refuse_unwritable()?;
        let flight = match self.board((store, id.to_owned()), lookup)? {
            Boarded::Found(product) => return Ok(*product),
            Boarded::Flight(flight) => flight,
        };
        // It would wait for itself.
        if flight.pilot.get() == Some(&thread::current().id()) {
            let wrong = format!("is being looked up by this thread: {}", told(store, id));
            return Err(Error::invalid("lookup", wrong));
        }
        match flight.wait(timeout) {
            None => {
                let detail = format!("{} is still being looked up: ask again later", told(store, id));
                Err(Error::Pending { detail })
            }
            Some(Ok(Some(found))) => self.get(found),
            Some(Ok(None)) => Err(missing(store, id)),
            Some(Err(error)) => Err(error),
        }
    }

    /// Joins the lookup that runs, or starts one.
    fn board<L>(&self, asked: Asked, lookup: L) -> Result<Boarded>
    where
        L: FnOnce(&str, &str) -> Result<Option<Fields>> + Send + 'static,
    {
        let mut flights = lock(&self.shared.products.lookups.0);
        if let Some(flight) = flights.get(&asked) {
            return Ok(Boarded::Flight(Arc::clone(flight)));
        }
        // One that ended since the caller looked has stored its product before it left the list.
        if let Some(found) = self.read(|context| by_store(context.read, asked.0, &asked.1))? {
            return Ok(Boarded::Found(Box::new(found)));
        }
        let flight = Arc::new(Flight::default());
        flights.insert(asked.clone(), Arc::clone(&flight));
        drop(flights);
        self.start(asked, lookup, &flight)?;
        Ok(Boarded::Flight(flight))
    }

    /// Starts a lookup that is on the list; where there can be no thread, those who have joined it are told.
    fn start<L>(&self, asked: Asked, lookup: L, flight: &Arc<Flight>) -> Result<()>
    where
        L: FnOnce(&str, &str) -> Result<Option<Fields>> + Send + 'static,
    {
        let (shared, on_board, of) = (Arc::clone(&self.shared), Arc::clone(flight), asked.clone());
        let run = move || fly(&shared, &of, lookup, &on_board);
        let thread = thread::Builder::new().name("tillroll-lookup".to_owned());
        let path = format!("{}/{}", asked.0, asked.1);
        // Where it fails it drops the lookup, which is the program's code and may ask for any product: no list is
        // locked here.
        thread.spawn(run).map(drop).map_err(|source| {
            let error = Error::io("start a thread for", Path::new(&path))(source);
            land(&self.shared, &asked, flight, Err(error.told_again()));
            error
        })
    }
}

enum Boarded {
    Found(Box<Product>),
    Flight(Arc<Flight>),
}

/// Runs a lookup, stores what it gives, and tells those who wait.
fn fly<L>(shared: &Arc<Shared>, asked: &Asked, lookup: L, flight: &Flight)
where
    L: FnOnce(&str, &str) -> Result<Option<Fields>>,
{
    let (store, id) = asked;
    _ = flight.pilot.set(thread::current().id());
    // What a lookup leaves half done is its own; nothing of the engine is in its hands.
    let given = catch_unwind(AssertUnwindSafe(|| lookup(store.as_str(), id)));
    let given = given.unwrap_or_else(|_| {
        let path = format!("{store}/{id}");
        Err(Error::io("look up", Path::new(&path))(io::Error::other("the lookup panicked")))
    });
    let products = Collection::<Product>::new(Arc::clone(shared));
    let outcome = given.and_then(|fields| {
        fields.map(|fields| products.write(|write, env| keep(write, env, asked, &fields))).transpose()
    });
    if let Err(error) = &outcome {
        tracing::warn!(%error, %store, id = id.as_str(), "a product could not be looked up");
    }
    land(shared, asked, flight, outcome);
}

/// Takes a lookup that has ended off the list and tells those who wait. What it gave is stored before, so that nobody
/// who finds neither starts another.
fn land(shared: &Shared, asked: &Asked, flight: &Flight, outcome: Outcome) {
    lock(&shared.products.lookups.0).remove(asked);
    flight.land(outcome);
}

/// Stores what was looked up, unless somebody has stored it meanwhile.
fn keep(write: &mut dyn Write, env: &Env<'_>, asked: &Asked, fields: &Fields) -> Result<u64> {
    let (store, id) = asked;
    if let Some(found) = by_store(write, *store, id)? {
        return Ok(found.id);
    }
    let fields = completed(fields.as_map(), *store, id);
    // It may be stored already and only not be known under the id that was asked for.
    if let Some(own) = fields.get("vendor_identifier").and_then(Value::as_str)
        && let Some(found) = item_links::called(write, *store, own)?
    {
        return Ok(found.id);
    }
    let product: Product = machine::create(write, env, &fields)?;
    if product.store != *store || !product.answers_to(id) {
        let name = told(product.store, &product.vendor_identifier);
        return Err(Error::invalid("lookup", format!("gave {name}, not {}", told(*store, id))));
    }
    Ok(product.id)
}

/// What was looked up, with the store and the identifier that were asked for where it names none.
fn completed(fields: &Map<String, Value>, store: AppStore, id: &str) -> Map<String, Value> {
    const IDENTIFIERS: [&str; 4] = ["vendor_identifier", "ref_no", "sku", "package_name"];
    let given = |name: &&str| fields.get(*name).is_some_and(|value| !value.is_null() && value != "");
    let mut completed = fields.clone();
    if !["store", "store_id"].iter().any(&given) {
        completed.insert("store".to_owned(), store.as_str().into());
    }
    if !IDENTIFIERS.iter().any(given) {
        completed.insert("vendor_identifier".to_owned(), id.into());
    }
    completed
}

/// The store of a spelling.
///
/// # Errors
/// [`Error::Validation`] that names those there are.
pub(in crate::records) fn known_store(text: &str) -> Result<AppStore> {
    AppStore::parse(text).ok_or_else(|| Error::invalid("store", unknown_name(text, &names())))
}

pub(in crate::records) fn missing(store: AppStore, id: &str) -> Error {
    Error::NotFound { what: told(store, id) }
}

fn told(store: AppStore, id: &str) -> String {
    format!("product {} of {store}", id.chars().take(64).collect::<String>())
}

/// The product of an id in a store; the oldest where several answer to it by the same field.
pub(in crate::records) fn by_store(read: &dyn Read, store: AppStore, id: &str) -> Result<Option<Product>> {
    if let Some(found) = item_links::called(read, store, id)? {
        return Ok(Some(found));
    }
    let number = u64::parse(id).map_or(Datum::Null, |number| number.to_datum());
    let others =
        [("sku", Datum::text(Some(id))), ("ref_no", number), ("package_name", Datum::text(Some(id)))];
    for (field, value) in others.into_iter().filter(|(_, value)| *value != Datum::Null) {
        let Some(index) = index::over::<Product>(&[field]) else { continue };
        for id in index::ids_with::<Product>(read, index, &[value])? {
            let product = stored::get::<Product>(read, &id)?;
            if let Some(product) = product.filter(|product| product.store == store) {
                return Ok(Some(product));
            }
        }
    }
    // A SKU that it was sold under and is no more called by, or one within an app.
    let sold = item_links::linked(read, store, id)?;
    sold.map_or(Ok(None), |product| stored::get(read, &product))
}

#[cfg(test)]
#[path = "product_lookup_test.rs"]
mod test;
