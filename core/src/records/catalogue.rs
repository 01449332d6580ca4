//! Products made of what reports sell, and which SKUs are whose.
//!
//! An item of a report is the product that its SKU was linked to before; else the one that has the SKU, or the store's
//! own identifier of the item; else a new one, owned through the report's account. At Google Play a SKU is unique only
//! within its app: there what is linked is the SKU together with the app's package. A product that was there without
//! being owned becomes owned. A link to a product that was deleted counts for nothing: the next report that sells the
//! SKU makes a product again.
//!
//! What is kept beside the products, in a namespace of its own:
//!
//! ```text
//! SKU    │ store id │ sku │ app               → the product; the app only of Google's in-app items
//! APP    │ account │ title                    → the app of this title
//! ORPHAN │ what its parent is called │ product → nothing: it waits for that parent
//! FOLDED │ store id │ sku without its case    → the product; Apple's only
//! SEEN   │ product / 128                      → of each product: the day and a hash of what was last seen of it
//! CHANGE                                      → grows with every commit that touches a product, a SKU or a group
//! ```
//!
//! Decided where nothing says so:
//! * The day of an item's newest row is the day of its title, so that importing an older report later changes no name.
//!   Of equal days the later import counts: that is a restatement.
//! * An in-app item is called by its own name, and its app's title is only what its parent is found by. Names are cut
//!   at 255 characters; a SKU that is longer, or has control characters, can be no product's.
//! * A product keeps a title and a parent that it has once, also where the report that gave them is deleted.
//! * Apple's SKUs are written in more than one case: a parent is looked for to the letter, then without regard to it.
//! * A product that was named by its SKU takes the store's own identifier when a report tells it.
//! * A Google item's `vendor_identifier` is its bare SKU as long as no product of the store has that, else `package:sku`,
//!   by which every Google item is found. An app is called by its package: an item that has that text gives it up.
//! * A product that has a Google item's SKU is that item where it is called `package:sku` or is under the app; without
//!   a parent, where no other app's item is it or has lost its own product. An app has no parent and is no item.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::ingest::{Item, ItemKey, StoreKind};
use crate::kv::{Key, KeyReader, prefix_end, value};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::index;
use super::input::TEXT_MAX;
use super::machine::{self, Env};
use super::resources::stores::AppStore;
use super::{CATALOGUE, Datum, ExternalAccount, Product, RecordId, stored};

const SKU: u8 = 1;
const APP: u8 = 2;
const ORPHAN: u8 = 3;
const SEEN: u8 = 4;
const CHANGE: u8 = 5;
const FOLDED: u8 = 6;

fn key(what: u8) -> Key {
    Key::new(CATALOGUE).raw(&[what])
}

/// The prefix of the keys of a SKU in all apps, and its key where it is unique within the store.
fn sku_key(store: StoreKind, sku: &str) -> Key {
    key(SKU).raw(&[store.id()]).text(sku)
}

fn item_key(store: StoreKind, item: ItemKey<'_>) -> Vec<u8> {
    let key = sku_key(store, item.sku);
    item.app.map_or(key.clone(), |app| key.text(app)).build()
}

fn get<T: serde::de::DeserializeOwned>(read: &dyn Read, key: &[u8]) -> Result<Option<T>> {
    read.get(key)?.map(|bytes| value::decode(&bytes)).transpose()
}

/// A number that differs from what it was wherever [`links`], [`families`] or [`super::groups`] may.
pub(crate) fn change(read: &dyn Read) -> Result<u64> {
    Ok(get(read, &key(CHANGE).build())?.unwrap_or_default())
}

/// Notes that products, their SKUs or their groups differ from what they were.
pub(super) fn note_change(write: &mut dyn Write) -> Result<()> {
    let next = change(write)?.wrapping_add(1);
    write.put(key(CHANGE).build(), value::encode(&next)?);
    Ok(())
}

/// Whether there is a product of this id.
pub(super) fn is_there(read: &dyn Read, product: u64) -> Result<bool> {
    Ok(read.get(&stored::record_key::<Product>(&product))?.is_some())
}

/// Everything that a report has sold and the product it is of.
pub(crate) fn links(read: &dyn Read, each: &mut dyn FnMut(StoreKind, ItemKey<'_>, u64)) -> Result<()> {
    let start = key(SKU).build();
    for entry in read.range(&start, prefix_end(&start).as_deref(), false) {
        let (key, bytes) = entry?;
        let rest = key.get(start.len()..).unwrap_or_default();
        let id = rest.first().copied().unwrap_or_default();
        let store = StoreKind::from_id(id.into());
        let store =
            store.ok_or_else(|| Error::corrupt("index".as_ref(), format!("a SKU is of store {id}")))?;
        // The store's id stands where a key has its namespace, so the rest reads like a key of its own.
        let mut rest = KeyReader::new(rest, id)?;
        let sku = rest.text()?;
        let app = app_of(rest)?;
        let item = ItemKey { sku: &sku, app: app.as_deref() };
        let linked: u64 = value::decode(&bytes)?;
        let product = if is_there(read, linked)? { Some(linked) } else { by_key(read, store, item)? };
        if let Some(product) = product {
            each(store, item, product);
        }
    }
    Ok(())
}

/// The app that ends a link's key, if there is one.
fn app_of(mut rest: KeyReader<'_>) -> Result<Option<String>> {
    if rest.clone().rest().is_empty() { Ok(None) } else { rest.text().map(Some) }
}

/// The apps that have sold a SKU, each with the product that its own was linked to; `None` where the SKU is the app's.
fn sellers(read: &dyn Read, store: StoreKind, sku: &str) -> Result<Vec<(Option<String>, u64)>> {
    let start = sku_key(store, sku).build();
    let mut sellers = Vec::new();
    for entry in read.range(&start, prefix_end(&start).as_deref(), false) {
        let (key, bytes) = entry?;
        // Any namespace will do for what is left of the key.
        let rest = [&[SKU], key.get(start.len()..).unwrap_or_default()].concat();
        sellers.push((app_of(KeyReader::new(&rest, SKU)?)?, value::decode(&bytes)?));
    }
    Ok(sellers)
}

/// Every product that has a parent, as (parent, child).
pub(crate) fn families(read: &dyn Read, each: &mut dyn FnMut(u64, u64)) -> Result<()> {
    index::numbers::<Product>(read, &["parent_id"], &mut |parent, child| {
        each(parent, child);
        Ok(())
    })
}

/// The product that calls itself by what a row is sold as.
fn by_key(read: &dyn Read, store: StoreKind, item: ItemKey<'_>) -> Result<Option<u64>> {
    if !store.has_skus_by_app() {
        return by_sku(read, store.into(), item.sku);
    }
    let app_store = AppStore::from(store);
    if item.app.is_some()
        && let Some(found) = by_vendor_identifier(read, app_store, &item.to_string())?
    {
        return Ok(Some(found));
    }
    let mut others = sellers(read, store, item.sku)?;
    others.retain(|(app, _)| app.as_deref() != item.app);
    for id in called_by(read, app_store, item.sku)? {
        if !others.iter().any(|(_, product)| *product == id) && may_be(read, id, item, &others)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The products that have a text for their SKU or are called by it.
fn called_by(read: &dyn Read, store: AppStore, sku: &str) -> Result<Vec<u64>> {
    let Some(index) = index::over::<Product>(&["sku"]) else { return Ok(Vec::new()) };
    let mut ids = index::ids_with::<Product>(read, index, &[Datum::text(Some(sku))])?;
    ids.extend(by_vendor_identifier(read, store, sku)?);
    Ok(ids)
}

/// The product that calls itself by a SKU.
fn by_sku(read: &dyn Read, store: AppStore, sku: &str) -> Result<Option<u64>> {
    let found = machine::find_all::<Product>(read, &["sku"], &[Datum::text(Some(sku))])?;
    match found.iter().find(|product| product.store == store) {
        Some(product) => Ok(Some(product.id)),
        None => by_vendor_identifier(read, store, sku),
    }
}

fn by_vendor_identifier(read: &dyn Read, store: AppStore, id: &str) -> Result<Option<u64>> {
    let values = [store.as_str(), id].map(|text| Datum::text(Some(text)));
    let found = machine::find::<Product>(read, &["store", "vendor_identifier"], &values)?;
    Ok(found.map(|product| product.id))
}

fn by_ref_no(read: &dyn Read, store: AppStore, ref_no: u64) -> Result<Option<u64>> {
    let found = machine::find_all::<Product>(read, &["ref_no"], &[ref_no.to_datum()])?;
    Ok(found.iter().find(|product| product.store == store).map(|product| product.id))
}

/// The product that reports sold under an id: a SKU, or `package:sku` of a Google item.
pub(super) fn linked(read: &dyn Read, store: AppStore, id: &str) -> Result<Option<u64>> {
    let Some(kind) = StoreKind::ALL.into_iter().find(|kind| AppStore::from(*kind) == store) else {
        return Ok(None);
    };
    if let Some(item) = ItemKey::parse(kind, id) {
        return match noted(read, &item_key(kind, item))? {
            Some(product) => Ok(Some(product)),
            None => by_key(read, kind, item),
        };
    }
    for (_, product) in sellers(read, kind, id)? {
        if is_there(read, product)? {
            return Ok(Some(product));
        }
    }
    Ok(None)
}

/// The product that stands under a key, as long as it is there.
fn noted(read: &dyn Read, key: &[u8]) -> Result<Option<u64>> {
    match get(read, key)? {
        Some(product) if is_there(read, product)? => Ok(Some(product)),
        _ => Ok(None),
    }
}

/// Makes products of items, and brings up to date those that there are. `known` gives the product of an item where the
/// caller knows it for certain.
///
/// # Errors
/// Those of reading and storing. An item that can be no product is passed over.
pub(super) fn register(
    write: &mut dyn Write,
    env: &Env<'_>,
    (account, store): (u64, StoreKind),
    items: &[Item],
    known: &dyn Fn(ItemKey<'_>) -> Option<u64>,
) -> Result<()> {
    let owner = stored::get::<ExternalAccount>(write, &account)?.map(|account| account.id);
    let (seen, wishes) = Default::default();
    let mut register = Register { write, env, account, owner, store, seen, wishes, changed: false };
    // Apps first, so that their items find them.
    for wanted in [false, true] {
        for item in items.iter().filter(|item| is_inapp(store, item) == wanted && is_name(&item.sku)) {
            register.take(item, known(item.key(store)))?;
        }
    }
    register.finish()
}

/// What was last seen of a product.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Seen {
    /// The day of the newest row, since 1970; the smallest where no row had a date.
    day: i64,
    hash: u64,
}

/// Products whose [`Seen`]s stand under one key.
const PAGE: u64 = 128;

#[derive(Debug, Default)]
struct SeenPage {
    /// By place in the page; shorter where the last ones were not seen yet.
    all: Vec<Option<Seen>>,
    changed: bool,
}

/// One call of [`register`].
struct Register<'a, 'e> {
    write: &'a mut dyn Write,
    env: &'a Env<'e>,
    account: u64,
    /// The account, where it is still there.
    owner: Option<u64>,
    store: StoreKind,
    seen: BTreeMap<u64, SeenPage>,
    /// What the parents of known items are called.
    wishes: BTreeSet<Wish>,
    changed: bool,
}

impl Register<'_, '_> {
    fn take(&mut self, item: &Item, known: Option<u64>) -> Result<()> {
        let new = Seen { day: item.date.unwrap_or(i64::MIN), hash: self.hash(item) };
        let found = match known {
            Some(product) => Some(product),
            None => self.find(item)?,
        };
        let Some(product) = found else { return self.create(item, new) };
        self.wishes.extend(self.wish(item));
        let old = self.seen(product)?;
        let is_newest = old.is_none_or(|old| new.day >= old.day);
        if old.is_none_or(|old| old.hash != new.hash) {
            self.note_app(product, item)?;
            self.follow(product, item, is_newest)?;
        }
        if is_newest { self.note_seen(product, new) } else { Ok(()) }
    }

    /// What tells one appearance of an item from another.
    fn hash(&self, item: &Item) -> u64 {
        let mut bytes = self.account.to_le_bytes().to_vec();
        let texts = [&item.parent_sku, &item.title, &item.item_name, &item.item_type, &item.store_id];
        for text in texts {
            // 255 is no byte of a text.
            bytes.extend(text.as_deref().map_or(&[255][..], str::as_bytes));
            bytes.push(255);
        }
        xxh3_64(&bytes)
    }

    /// The product of an item, which is linked to its SKU from now on.
    fn find(&mut self, item: &Item) -> Result<Option<u64>> {
        let key = item.key(self.store);
        if let Some(linked) = noted(self.write, &item_key(self.store, key))? {
            return Ok(Some(linked));
        }
        let store = AppStore::from(self.store);
        let mut found = by_key(self.write, self.store, key)?;
        if let (None, Some(id)) = (found, store_id(item)) {
            found = by_vendor_identifier(self.write, store, id)?;
        }
        if let (None, Some(number)) = (found, ref_no(self.store, item)) {
            found = by_ref_no(self.write, store, number)?;
        }
        if let Some(product) = found {
            self.link(item, product)?;
        }
        Ok(found)
    }

    fn link(&mut self, item: &Item, product: u64) -> Result<()> {
        self.changed = true;
        let key = item.key(self.store);
        self.write.put(item_key(self.store, key), value::encode(&product)?);
        if let Some(folded) = folded_key(self.store, &item.sku)
            && noted(self.write, &folded)?.is_none()
        {
            self.write.put(folded, value::encode(&product)?);
        }
        if key.app.is_some() {
            // What is sold within an app is not what items wish for.
            return Ok(());
        }
        let wish = Wish::Sku(self.store, item.sku.clone());
        self.take_in_orphans(&wish, product)
    }

    /// What a new product is called by in its store; none where all that it could be called by is taken.
    fn identifier(&mut self, item: &Item) -> Result<Option<String>> {
        let own = store_id(item).unwrap_or(&item.sku);
        if !self.store.has_skus_by_app() {
            return Ok(Some(own.to_owned()));
        }
        let key = item.key(self.store);
        if key.app.is_none() {
            self.make_way(own)?;
        }
        for identifier in [own.to_owned(), key.to_string()] {
            if by_vendor_identifier(self.write, self.store.into(), &identifier)?.is_none() {
                return Ok(Some(identifier));
            }
        }
        tracing::warn!(item = %key, "an item of a report can be no product: what it is called by is another's");
        Ok(None)
    }

    /// Gives an app its package to be called by where an item has taken that text for its SKU.
    fn make_way(&mut self, package: &str) -> Result<()> {
        let Some(holder) = by_vendor_identifier(self.write, self.store.into(), package)? else {
            return Ok(());
        };
        for (app, product) in sellers(self.write, self.store, package)? {
            if product == holder && app.is_some() {
                let key = ItemKey { sku: package, app: app.as_deref() };
                let fields = Map::from_iter([("vendor_identifier".to_owned(), key.to_string().into())]);
                unless_refused(machine::revise::<Product>(self.write, self.env, &holder, &fields))?;
            }
        }
        Ok(())
    }

    fn create(&mut self, item: &Item, seen: Seen) -> Result<()> {
        let wish = self.wish(item);
        let parent = wish.as_ref().map(|wish| self.parent(wish)).transpose()?.flatten();
        let Some(identifier) = self.identifier(item)? else { return Ok(()) };
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("name", name_of(item).into());
        set("store", AppStore::from(self.store).as_str().into());
        set("vendor_identifier", identifier.into());
        set("ref_no", ref_no(self.store, item).into());
        set("sku", item.sku.as_str().into());
        set("type", type_of(self.store, item).into());
        set("source", self.source());
        set("parent_id", parent.into());
        let Some(product) = self.create_product(fields)? else { return Ok(()) };
        self.link(item, product)?;
        self.note_app(product, item)?;
        if let (Some(wish), None) = (wish, parent) {
            self.write.put(wish.orphan(product), Vec::new());
        }
        self.note_seen(product, seen)
    }

    /// Creates a product; first without a parent that cannot be one after all.
    fn create_product(&mut self, mut fields: Map<String, Value>) -> Result<Option<u64>> {
        let mut created = machine::create::<Product>(self.write, self.env, &fields);
        if matches!(&created, Err(Error::Validation { fields }) if fields.contains_key("parent_id")) {
            fields.insert("parent_id".to_owned(), Value::Null);
            created = machine::create(self.write, self.env, &fields);
        }
        Ok(unless_refused(created)?.map(|product| product.id))
    }

    fn source(&self) -> Value {
        json!({"external_account_id": self.owner, "type": "own"})
    }

    /// Brings a product up to date with an item, whose title counts only where it is the newest.
    fn follow(&mut self, id: u64, item: &Item, is_newest: bool) -> Result<()> {
        let Some(product) = stored::get::<Product>(self.write, &id)? else { return Ok(()) };
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        let name = name_of(item);
        if is_newest && product.name != name {
            set("name", name.into());
        }
        if product.source.is_none() {
            set("source", self.source());
        }
        if product.sku.as_deref().is_none_or(str::is_empty) {
            set("sku", item.sku.as_str().into());
        }
        let kind = type_of(self.store, item);
        // Where all that was known of an item was its SKU, it was taken for an app.
        let is_guess = |old: &str| old == "unknown" || (old == APP_TYPE && kind == INAPP_TYPE);
        if product.kind.as_deref().is_none_or(is_guess) {
            set("type", kind.into());
        }
        if let Some(own) = store_id(item)
            && product.vendor_identifier == item.sku
            && by_vendor_identifier(self.write, product.store, own)?.is_none()
        {
            set("vendor_identifier", own.into());
            set("ref_no", ref_no(self.store, item).into());
        }
        if !fields.is_empty() {
            unless_refused(machine::revise::<Product>(self.write, self.env, &id, &fields))?;
        }
        match self.wish(item) {
            Some(wish) if product.parent_id.is_none() => match self.parent(&wish)? {
                Some(parent) => self.give_parent(id, parent),
                None => {
                    self.write.put(wish.orphan(id), Vec::new());
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    /// An app is found by its title from now on, also by items that came before it.
    fn note_app(&mut self, product: u64, item: &Item) -> Result<()> {
        let (false, Some(title)) = (is_inapp(self.store, item), &item.title) else { return Ok(()) };
        let key = app_key(self.account, &short(title));
        if noted(self.write, &key)?.is_some() {
            return Ok(());
        }
        self.write.put(key, value::encode(&product)?);
        self.take_in_orphans(&Wish::Title(self.account, short(title)), product)
    }

    fn take_in_orphans(&mut self, wish: &Wish, parent: u64) -> Result<()> {
        let start = wish.orphans();
        let mut orphans = Vec::new();
        for entry in self.write.range(&start, prefix_end(&start).as_deref(), false) {
            let (key, _) = entry?;
            let id = key.get(start.len()..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
            orphans.push((key, id));
        }
        for (key, id) in orphans {
            self.write.delete(&key);
            if let Some(id) = id {
                self.give_parent(id, parent)?;
            }
        }
        Ok(())
    }

    /// Puts a product under a parent, unless it has one or cannot be under this one.
    fn give_parent(&mut self, id: u64, parent: u64) -> Result<()> {
        let child = stored::get::<Product>(self.write, &id)?;
        if child.is_some_and(|child| child.parent_id.is_none()) {
            let fields = Map::from_iter([("parent_id".to_owned(), parent.into())]);
            let revised = unless_refused(machine::revise::<Product>(self.write, self.env, &id, &fields))?;
            self.changed |= revised.is_some();
        }
        Ok(())
    }

    /// What an item's parent is called; none for an app.
    fn wish(&self, item: &Item) -> Option<Wish> {
        if let Some(parent) = parent_sku(self.store, item).filter(|parent| is_name(parent)) {
            return Some(Wish::Sku(self.store, parent.to_owned()));
        }
        let by_title = self.store == StoreKind::Amazon && item.item_name.is_some();
        item.title.as_ref().filter(|_| by_title).map(|title| Wish::Title(self.account, short(title)))
    }

    fn parent(&self, wish: &Wish) -> Result<Option<u64>> {
        let (store, sku) = match wish {
            Wish::Sku(store, sku) => (*store, sku),
            Wish::Title(account, title) => return noted(self.write, &app_key(*account, title)),
        };
        let mut found = app_of_sku(self.write, store, sku)?;
        if let (None, Some(folded)) = (found, folded_key(store, sku)) {
            found = noted(self.write, &folded)?;
        }
        Ok(found)
    }

    /// Parents that have come to be known by other ways than reports, such as a product that was made by hand.
    fn grant_wishes(&mut self) -> Result<()> {
        for wish in std::mem::take(&mut self.wishes) {
            let start = wish.orphans();
            let is_wished = self.write.range(&start, prefix_end(&start).as_deref(), false).next().is_some();
            if is_wished && let Some(parent) = self.parent(&wish)? {
                self.take_in_orphans(&wish, parent)?;
            }
        }
        Ok(())
    }

    fn page(&mut self, product: u64) -> Result<(&mut SeenPage, usize)> {
        let (number, place) = (product / PAGE, usize::try_from(product % PAGE).unwrap_or_default());
        let page = match self.seen.entry(number) {
            Entry::Occupied(page) => page.into_mut(),
            Entry::Vacant(room) => {
                let all = get(self.write, &key(SEEN).u64(number).build())?.unwrap_or_default();
                room.insert(SeenPage { all, changed: false })
            }
        };
        Ok((page, place))
    }

    fn seen(&mut self, product: u64) -> Result<Option<Seen>> {
        let (page, place) = self.page(product)?;
        Ok(page.all.get(place).copied().flatten())
    }

    fn note_seen(&mut self, product: u64, seen: Seen) -> Result<()> {
        let (page, place) = self.page(product)?;
        if page.all.len() <= place {
            page.all.resize(place + 1, None);
        }
        if let Some(slot) = page.all.get_mut(place) {
            *slot = Some(seen);
            page.changed = true;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.grant_wishes()?;
        for (number, page) in self.seen.iter().filter(|(_, page)| page.changed) {
            self.write.put(key(SEEN).u64(*number).build(), value::encode(&page.all)?);
        }
        if self.changed { note_change(self.write) } else { Ok(()) }
    }
}

/// What a parent is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Sku(StoreKind, String),
    Title(u64, String),
}

impl Wish {
    /// The prefix of the keys of all that wish for this one.
    fn orphans(&self) -> Vec<u8> {
        let key = match self {
            Self::Sku(store, sku) => key(ORPHAN).raw(&[SKU, store.id()]).text(&folded(*store, sku)),
            Self::Title(account, title) => key(ORPHAN).raw(&[APP]).u64(*account).text(title),
        };
        key.build()
    }

    fn orphan(&self, product: u64) -> Vec<u8> {
        [self.orphans().as_slice(), &product.to_be_bytes()].concat()
    }
}

/// A SKU as its store's reports agree on it.
fn folded(store: StoreKind, sku: &str) -> String {
    match store {
        StoreKind::Apple => sku.trim().to_lowercase(),
        StoreKind::GooglePlay | StoreKind::Amazon => sku.to_owned(),
    }
}

/// The product of an app's SKU.
fn app_of_sku(read: &dyn Read, store: StoreKind, sku: &str) -> Result<Option<u64>> {
    let app = ItemKey::alone(sku);
    match noted(read, &item_key(store, app))? {
        Some(product) => Ok(Some(product)),
        None => by_key(read, store, app),
    }
}

/// Whether a product that has a Google item's SKU, and is linked to none of the others, can be that item.
fn may_be(read: &dyn Read, id: u64, item: ItemKey<'_>, others: &[(Option<String>, u64)]) -> Result<bool> {
    let store = StoreKind::GooglePlay;
    let Some(product) = stored::get::<Product>(read, &id)? else { return Ok(false) };
    let named = ItemKey::parse(store, &product.vendor_identifier);
    if product.store != AppStore::from(store) || named.is_some_and(|named| named != item) {
        return Ok(false);
    }
    match (item.app, product.parent_id) {
        (None, parent) => Ok(parent.is_none()),
        (Some(app), Some(parent)) => Ok(app_of_sku(read, store, app)? == Some(parent)),
        (Some(_), None) => {
            let is_alive = |(_, other): &(_, u64)| is_there(read, *other);
            others.iter().map(is_alive).try_fold(true, |all, one| Ok(all && one?))
        }
    }
}

fn folded_key(store: StoreKind, sku: &str) -> Option<Vec<u8>> {
    (store == StoreKind::Apple).then(|| key(FOLDED).raw(&[store.id()]).text(&folded(store, sku)).build())
}

fn app_key(account: u64, title: &str) -> Vec<u8> {
    key(APP).u64(account).text(title).build()
}

/// What a resource's own rules refuse leaves nothing behind, and is passed over: a report is stored whatever it sells.
fn unless_refused(result: Result<Product>) -> Result<Option<Product>> {
    match result {
        Err(error @ Error::Validation { .. }) => {
            tracing::warn!(%error, "an item of a report can be no product");
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Whether a text can name a product as it is.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().nth(TEXT_MAX).is_none() && !text.chars().any(char::is_control)
}

/// A text as it fits a name.
fn short(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(clean).take(TEXT_MAX).collect()
}

fn name_of(item: &Item) -> String {
    let names = [item.item_name.as_deref(), item.title.as_deref(), Some(&*item.sku)];
    names.into_iter().flatten().map(short).find(|name| !name.is_empty()).unwrap_or_default()
}

/// The store's own identifier, where it can be a product's.
fn store_id(item: &Item) -> Option<&str> {
    item.store_id.as_deref().map(str::trim).filter(|id| is_name(id))
}

/// Apple's own identifiers are numbers.
fn ref_no(store: StoreKind, item: &Item) -> Option<u64> {
    let number = store_id(item)?.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.filter(|_| store == StoreKind::Apple)
}

/// The SKU of the app that an item says it belongs to. An item may be called as its app where that does not name it.
fn parent_sku(store: StoreKind, item: &Item) -> Option<&str> {
    let parent = item.parent_sku.as_deref().map(str::trim);
    let is_other = |parent: &str| store.has_skus_by_app() || parent != item.sku.trim();
    parent.filter(|parent| !parent.is_empty() && is_other(parent))
}

fn is_inapp(store: StoreKind, item: &Item) -> bool {
    let kind = item.item_type.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let by_type = match store {
        StoreKind::Apple => kind.starts_with("ia") || kind.starts_with("fi"),
        // Estimated sales have words, earnings numbers.
        StoreKind::GooglePlay => matches!(kind.as_str(), "inapp" | "subscription" | "1"),
        // Its item types are an open set.
        StoreKind::Amazon => false,
    };
    by_type || item.item_name.is_some() || parent_sku(store, item).is_some()
}

const APP_TYPE: &str = "app";
const INAPP_TYPE: &str = "inapp";

fn type_of(store: StoreKind, item: &Item) -> &'static str {
    if is_inapp(store, item) { INAPP_TYPE } else { APP_TYPE }
}

#[cfg(test)]
#[path = "catalogue_test.rs"]
mod test;
