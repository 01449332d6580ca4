//! Products by the words of their names and developers.
//!
//! The words lie in memory: they are made when the first search asks for them, which reads all products once, and
//! follow every commit before its caller is told of it. Nothing is kept on disk, so nothing can disagree after a crash.
//! A commit only tells which products it touched, and these are read anew under the lock on the words: whatever the
//! order in which commits tell, the last one to do so leaves what is stored. What a search finds is read from the store
//! and matched once more, so that it never shows what is not committed or no longer there; a product that changes in
//! the very instant of the search may be missing from its page.
//!
//! Best first: the name is the term; the name begins with it; its words are words of the name, then of the developer,
//! then of both together; they begin words of the name, of the developer, of both; equals by id. With `@name=` or
//! `@developer=` only that one is looked at, and ranks as the name does.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use serde_json::Value;

use crate::error::quoted;
use crate::records::input::{Input, unknown_name};
use crate::records::search::{Found, SearchIndex, Term};
use crate::records::{Collection, Context, PAGE_SIZE_MAX, Page, Product, Record, stored};
use crate::scope::Scope;
use crate::store::{Read, Store};
use crate::{Error, FieldErrors, Result};

use super::stores::{AppStore, storefront_bits};

/// The words of all products, once somebody has searched.
#[derive(Debug, Default)]
pub(in crate::records) struct Search(RwLock<Option<SearchIndex>>);

impl Search {
    /// Brings the words in step with a commit that touched these products.
    pub(in crate::records) fn refresh(&self, store: &Store, touched: &[u64]) {
        if touched.is_empty() {
            return;
        }
        let mut words = self.write();
        let Some(index) = &mut *words else { return };
        let read = store.read(|snapshot| touched.iter().try_for_each(|id| reread(index, snapshot, *id)));
        if let Err(error) = read {
            // The commit stands. The next search makes the words anew, or says why it cannot.
            tracing::warn!(%error, "the words of products are forgotten");
            *words = None;
        }
    }

    fn find(&self, store: &Store, plan: &Plan) -> Result<Found> {
        let find = |index: &SearchIndex| {
            let start = (plan.page - 1).saturating_mul(plan.count);
            index.find(&plan.term, plan.storefronts, start..start.saturating_add(plan.count))
        };
        if let Some(index) = &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(find(index));
        }
        let mut words = self.write();
        match &*words {
            Some(index) => Ok(find(index)),
            None => Ok(find(words.insert(store.read(|snapshot| all(snapshot))?))),
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<SearchIndex>> {
        self.0.write().unwrap_or_else(|poisoned| {
            // Somebody panicked in the middle of a change: what is half done is made anew.
            self.0.clear_poison();
            let mut words = poisoned.into_inner();
            *words = None;
            words
        })
    }
}

fn put(index: &mut SearchIndex, product: &Product) {
    let marks = product.store.bits_for(&product.devices);
    index.put(product.id, texts(product), marks);
}

fn texts(product: &Product) -> [&str; 2] {
    [&product.name, product.developer.as_deref().unwrap_or_default()]
}

fn reread(index: &mut SearchIndex, read: &dyn Read, id: u64) -> Result<()> {
    match stored::get::<Product>(read, &id)? {
        Some(product) => put(index, &product),
        None => index.remove(id),
    }
    Ok(())
}

fn all(read: &dyn Read) -> Result<SearchIndex> {
    let mut index = SearchIndex::default();
    for entry in stored::all::<Product>(read) {
        put(&mut index, &entry?.1);
    }
    Ok(index)
}

/// What to search for among products. What is wrong with it is told by the search, all at once, under the names of the
/// Python arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductSearch {
    term: String,
    storefronts: Option<Vec<String>>,
    filter: Option<String>,
    page: u64,
    count: u64,
}

/// The most storefronts that a search names.
const STOREFRONTS_MAX: usize = 100;

impl ProductSearch {
    /// The first page of 25 products that have these words in their name or developer; `@name=` or `@developer=` before
    /// them asks for one alone.
    pub fn new(term: impl Into<String>) -> Self {
        Self { term: term.into(), storefronts: None, filter: None, page: 1, count: 25 }
    }

    /// Only products in these storefronts, or stores, in any spelling.
    #[must_use]
    pub fn storefronts<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.storefronts = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The old way to name one storefront: `ios`, `mac`, `google` or `amazon`.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Which page, from 1 on.
    #[must_use]
    pub fn page(mut self, page: u64) -> Self {
        self.page = page;
        self
    }

    /// Products on a page, 1 to [`PAGE_SIZE_MAX`].
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Reads the arguments of the verb.
    pub(in crate::records) fn read(arguments: &mut Input<'_>) -> Self {
        let mut search = Self::new(String::new());
        arguments.required_text("term", &mut search.term);
        match arguments.value("storefronts") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => {
                let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
                search.storefronts = Some(names.map(str::to_owned).collect());
            }
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                let names = names.iter().filter_map(Value::as_str).map(str::to_owned);
                search.storefronts = Some(names.take(STOREFRONTS_MAX + 1).collect());
            }
            Some(_) => arguments.fault("storefronts", "must be names, as a list or text with ; between them"),
        }
        arguments.optional_text("filter", &mut search.filter);
        let (mut page, mut count) = (None, None);
        arguments.optional_number("page", &mut page);
        arguments.optional_number("count", &mut count);
        let (page, count) = (page.unwrap_or(search.page), count.unwrap_or(search.count));
        search.page(page).count(count)
    }

    fn plan(&self) -> Result<Plan> {
        let mut faults = FieldErrors::new();
        let mut fault =
            |name: &str, message: String| faults.entry(name.to_owned()).or_default().push(message);
        let term = self.term().map_err(|message| fault("term", message)).ok();
        if self.page == 0 {
            fault("page", "must be a whole number from 1 on".to_owned());
        }
        if !(1..=PAGE_SIZE_MAX).contains(&self.count) {
            fault("count", format!("must be a whole number, 1 to {PAGE_SIZE_MAX}"));
        }
        let mut storefronts = u32::MAX;
        match self.storefront_bits() {
            Ok(bits) => storefronts &= bits,
            Err(message) => fault("storefronts", message),
        }
        match self.filter.as_deref().map_or(Ok(u32::MAX), filter_bits) {
            Ok(bits) => storefronts &= bits,
            Err(message) => fault("filter", message),
        }
        match term {
            Some(term) if faults.is_empty() => {
                Ok(Plan { term, storefronts, page: self.page, count: self.count })
            }
            _ => Err(Error::Validation { fields: faults }),
        }
    }

    fn term(&self) -> Result<Term, String> {
        /// Names and developers are no longer themselves.
        const TERM_MAX: usize = 300;
        if self.term.chars().nth(TERM_MAX).is_some() {
            return Err(format!("is longer than {TERM_MAX} characters"));
        }
        let only = |prefix, text| self.term.trim_start().strip_prefix(prefix).map(|words| (words, text));
        let (words, text) = only("@name=", Some(0))
            .or_else(|| only("@developer=", Some(1)))
            .unwrap_or((self.term.as_str(), None));
        Term::new(words, text).ok_or_else(|| "has no letter or digit to search for".to_owned())
    }

    fn storefront_bits(&self) -> Result<u32, String> {
        let Some(names) = &self.storefronts else { return Ok(u32::MAX) };
        if names.is_empty() || names.len() > STOREFRONTS_MAX {
            return Err(format!("must be 1 to {STOREFRONTS_MAX} names"));
        }
        let mut bits = 0;
        for name in names {
            bits |= storefront_bits(name.trim()).ok_or_else(|| {
                let known: Vec<_> = AppStore::ALL.into_iter().flat_map(AppStore::storefronts).collect();
                format!("{} is no store and none of {}", quoted(name), known.join(", "))
            })?;
        }
        Ok(bits)
    }
}

fn filter_bits(filter: &str) -> Result<u32, String> {
    const KNOWN: [&str; 4] = ["ios", "mac", "google", "amazon"];
    let known = KNOWN.contains(&filter).then(|| storefront_bits(filter)).flatten();
    known.ok_or_else(|| unknown_name(filter, &KNOWN))
}

/// A search that was found sound.
struct Plan {
    term: Term,
    storefronts: u32,
    page: u64,
    count: u64,
}

impl Plan {
    fn matches(&self, product: &Product) -> bool {
        product.store.bits_for(&product.devices) & self.storefronts != 0
            && self.term.rank(texts(product)).is_some()
    }

    /// The products that were found, as they are stored now.
    fn load(&self, read: &dyn Read, found: &Found) -> Result<Page<Product>> {
        let (mut products, mut count) = (Vec::with_capacity(found.ids.len()), found.count);
        for id in &found.ids {
            match stored::get::<Product>(read, id)?.filter(|product| self.matches(product)) {
                Some(product) => products.push(product),
                None => count = count.saturating_sub(1),
            }
        }
        Ok(Page::new(products, self.page, self.count, count))
    }
}

impl Collection<Product> {
    /// One page of the products that match, best first.
    ///
    /// # Errors
    /// [`Error::Validation`] with all faults of the search at once.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::ProductSearch;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let found = db.products().search(&ProductSearch::new("@name=chess"))?;
    /// assert_eq!((found.item_count, found.data[0].name.as_str()), (1, "Chess"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn search(&self, search: &ProductSearch) -> Result<Page<Product>> {
        self.searched(search, &[], |page, _| Ok(page))
    }

    pub(in crate::records) fn search_json(
        &self,
        search: &ProductSearch,
        expand: &[&str],
    ) -> Result<Page<Value>> {
        self.searched(search, expand, |page, context| {
            page.try_map(|product| product.to_json(context).map(Value::Object))
        })
    }

    fn searched<T>(
        &self,
        search: &ProductSearch,
        expand: &[&str],
        show: impl FnOnce(Page<Product>, &Context<'_>) -> Result<T>,
    ) -> Result<T> {
        self.shared.grant.allow(Scope::PublicRead)?;
        let plan = search.plan()?;
        // Before the snapshot is taken: what is found is never newer than what it is read from, but for commits of
        // this instant.
        let found = self.shared.products.search.find(&self.shared.store, &plan)?;
        self.read_as(Scope::PublicRead, expand, |context| show(plan.load(context.read, &found)?, context))
    }
}

#[cfg(test)]
#[path = "product_search_test.rs"]
mod test;
