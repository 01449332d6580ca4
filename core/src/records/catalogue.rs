//! Products made of what reports sell, and which SKUs are whose.
//!
//! An item of a report is the product that its SKU was linked to before; else the one that has the SKU, or the store's
//! own identifier of the item; else a new one, owned through the report's account. At Google Play a SKU is unique only
//! within its app: there what is linked is the SKU together with the app's package. At Apple it is unique only within an
//! account: there it is linked together with the Apple Identifier, which is asked for first, and the SKU counts for a
//! product of which no such number is known. A product that was there without being owned becomes owned. A link to a
//! product that was deleted counts for nothing: the next report that sells the SKU makes a product again.
//!
//! What is kept beside the products, in a namespace of its own:
//!
//! ```text
//! SKU    │ store id │ sku │ mark              → the product; the mark is the app of Google's in-app items, and
//!                                              Apple's number
//! APP    │ account │ title                    → the app of this title
//! ORPHAN │ what its parent is called │ product → nothing: it waits for that parent
//! FOLDED │ store id │ sku without its case → the first app; Apple's only
//!        │ account │ product               → nothing: the account has sold this app under this SKU
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
//! * Apple's SKU without a number, and one whose number no report has told since SKUs are linked with it, is that of the
//!   first product that was sold under the SKU.
//! * Apple's SKU alone that has lost its product goes to what has the lost one's number, or no number; to no other
//!   publisher's product.
//! * The parent of an item of Apple's is its own account's product where that has one of this SKU, also where another
//!   account's was there before.
//! * A SKU of Apple's under which [`NUMBERS_MAX`] numbers stand tells nothing of further ones: only a number that some
//!   product has is linked with it then, and the others' rows are of the product of the SKU alone.
//! * An app is an account's own where the account has sold it, also where another account had it before.
//! * A product that was named by its SKU takes the store's own identifier when a report tells it; one of Apple's that is
//!   called otherwise takes it for its number.
//! * A Google item's `vendor_identifier` is its bare SKU as long as no product of the store has that, else `package:sku`,
//!   by which every Google item is found. An app is called by its package: an item that has that text gives it up.
//! * A product that has a Google item's SKU is that item where it is called `package:sku` or is under the app; without
//!   a parent, where no other app's item is it or has lost its own product. An app has no parent and is no item.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::ingest::{Item, ItemKey, StoreKind};
use crate::kv::{prefix_end, value};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::index;
use super::input::TEXT_MAX;
use super::item_links::{
    APP, NUMBERS_MAX, ORPHAN, SEEN, SKU, app_key, app_of_sku, by_key, by_vendor_identifier, called_by,
    first_sellers, folded, folded_key, get, has_no_number, is_app, is_there, item_key, key, note_change,
    noted, of_number, sellers,
};
use super::machine::{self, Env};
use super::resources::stores::AppStore;
use super::{ExternalAccount, Product, RecordId, stored};

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
    let mut register = Register::new(write, env, (account, owner, store));
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
    /// How many numbers there are under a SKU of Apple's.
    numbers: BTreeMap<String, usize>,
    /// What [`Register::apps_called`] has found, until an app comes or differs.
    apps: BTreeMap<String, Rc<[App]>>,
    changed: bool,
}

/// An app of Apple's that a SKU can mean.
#[derive(Debug, Clone, Copy)]
struct App {
    id: u64,
    /// Whether it is the account's.
    is_own: bool,
}

impl<'a, 'e> Register<'a, 'e> {
    fn new(
        write: &'a mut dyn Write,
        env: &'a Env<'e>,
        (account, owner, store): (u64, Option<u64>, StoreKind),
    ) -> Self {
        let (seen, wishes, numbers, apps) = Default::default();
        Self { write, env, account, owner, store, seen, wishes, numbers, apps, changed: false }
    }

    fn take(&mut self, item: &Item, known: Option<u64>) -> Result<()> {
        if known.is_none() && self.is_crowded(item)? {
            return self.link_number(item);
        }
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
            if self.store == StoreKind::Apple && !is_inapp(self.store, item) {
                self.note_own(&item.sku, product)?;
            }
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

    /// Whether an item of Apple's is new, and its SKU has too many numbers already.
    fn is_crowded(&mut self, item: &Item) -> Result<bool> {
        let key = item.key(self.store);
        let is_told = self.store != StoreKind::Apple || key.mark.is_none();
        if is_told || self.write.get(&item_key(self.store, key))?.is_some() {
            return Ok(false);
        }
        let count = match self.numbers.entry(item.sku.clone()) {
            Entry::Occupied(count) => count.into_mut(),
            Entry::Vacant(room) => {
                let sellers = first_sellers(self.write, self.store, &item.sku, NUMBERS_MAX + 1)?;
                room.insert(sellers.iter().filter(|(mark, _)| mark.is_some()).count())
            }
        };
        // It is linked next, if it is not one too many.
        *count += 1;
        if *count == NUMBERS_MAX + 1 {
            tracing::warn!(sku = %item.sku, "a SKU of Apple's has so many numbers that it tells nothing of further ones");
        }
        Ok(*count > NUMBERS_MAX)
    }

    /// Links an item whose SKU tells nothing to the product that has its number, if there is one.
    fn link_number(&mut self, item: &Item) -> Result<()> {
        let key = item.key(self.store);
        if let Some(number) = key.mark
            && let Some(product) = of_number(self.write, number)?
        {
            self.changed = true;
            self.write.put(item_key(self.store, key), value::encode(&product)?);
        }
        Ok(())
    }

    /// The product of an item, which is linked to its SKU from now on.
    fn find(&mut self, item: &Item) -> Result<Option<u64>> {
        let key = item.key(self.store);
        if let Some(linked) = noted(self.write, &item_key(self.store, key))? {
            return Ok(Some(linked));
        }
        let mut found = by_key(self.write, self.store, key)?;
        if let (None, StoreKind::Amazon, Some(id)) = (found, self.store, store_id(item)) {
            found = by_vendor_identifier(self.write, self.store.into(), id)?;
        }
        if let Some(product) = found {
            self.link(item, product)?;
        }
        Ok(found)
    }

    fn link(&mut self, item: &Item, product: u64) -> Result<()> {
        self.changed = true;
        let key = item.key(self.store);
        if self.store == StoreKind::Apple {
            self.link_alone(item, product)?;
        }
        self.write.put(item_key(self.store, key), value::encode(&product)?);
        match self.store {
            StoreKind::Amazon => {}
            StoreKind::Apple => {
                // An item may have the SKU of an app, but is nothing's parent.
                if is_inapp(self.store, item) {
                    return Ok(());
                }
                self.apps.clear();
                self.note_own(&item.sku, product)?;
            }
            // What is sold within an app is not what items wish for.
            StoreKind::GooglePlay if key.mark.is_some() => return Ok(()),
            StoreKind::GooglePlay => {}
        }
        let wish = Wish::Sku(self.store, item.sku.clone());
        self.take_in_orphans(&wish, product)
    }

    /// Links a SKU of Apple's alone to the first product that is sold under it. Where that has gone, only what has its
    /// number takes its place: rows of another number are none of another publisher's.
    fn link_alone(&mut self, item: &Item, product: u64) -> Result<()> {
        let alone = item_key(self.store, ItemKey::alone(&item.sku));
        let is_free = match get::<u64>(self.write, &alone)? {
            None => true,
            Some(first) if is_there(self.write, first)? => false,
            Some(gone) => {
                let before = get::<u64>(self.write, &item_key(self.store, item.key(self.store)))?;
                before == Some(gone)
            }
        };
        if is_free {
            self.write.put(alone, value::encode(&product)?);
        }
        Ok(())
    }

    /// Notes an app of Apple's for its SKU, however that is spelt, and that it is the account's, whose items it takes
    /// where it is the first.
    fn note_own(&mut self, sku: &str, app: u64) -> Result<()> {
        let of_all = folded_key(sku).build();
        if noted_app(self.write, &of_all)?.is_none() {
            self.write.put(of_all, value::encode(&app)?);
        }
        let own = self.own_key(sku, app);
        if self.write.get(&own)?.is_some() {
            return Ok(());
        }
        let is_first = self.own_app(sku)?.is_none();
        self.write.put(own, Vec::new());
        self.apps.clear();
        if is_first { self.take_back_items(sku, app) } else { Ok(()) }
    }

    fn own_key(&self, sku: &str, app: u64) -> Vec<u8> {
        folded_key(sku).u64(self.account).u64(app).build()
    }

    /// The oldest app that the account has sold under a SKU, however that is spelt.
    fn own_app(&self, sku: &str) -> Result<Option<u64>> {
        let start = folded_key(sku).u64(self.account).build();
        for entry in self.write.range(&start, prefix_end(&start).as_deref(), false) {
            let (key, _) = entry?;
            let id = key.get(start.len()..).and_then(|id| id.try_into().ok()).map(u64::from_be_bytes);
            if let Some(id) = id
                && stored::get::<Product>(self.write, &id)?.is_some_and(|app| is_app(&app))
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Takes an account's items from another's app of Apple's, which had the SKU of their own app before that came.
    fn take_back_items(&mut self, sku: &str, app: u64) -> Result<()> {
        let Some(index) = index::over::<Product>(&["parent_id"]) else { return Ok(()) };
        let apps = self.apps_called(sku)?;
        for other in apps.iter().filter(|other| other.id != app && !other.is_own) {
            for id in index::ids_with::<Product>(self.write, index, &[other.id.to_datum()])? {
                let child = stored::get::<Product>(self.write, &id)?;
                if child.is_some_and(|child| self.is_own(&child)) {
                    self.put_under(id, app)?;
                }
            }
        }
        Ok(())
    }

    fn is_own(&self, product: &Product) -> bool {
        let of = product.source.as_ref().and_then(|source| source.external_account_id);
        of.is_some() && of == self.owner
    }

    /// The apps of Apple's that a SKU can mean, the likelier ones first.
    fn apps_called(&mut self, sku: &str) -> Result<Rc<[App]>> {
        if let Some(apps) = self.apps.get(sku) {
            return Ok(Rc::clone(apps));
        }
        let store = AppStore::from(StoreKind::Apple);
        let mut apps = Vec::new();
        for id in self.ids_called(sku)? {
            if let Some(product) = stored::get::<Product>(self.write, &id)?
                && product.store == store
                && is_app(&product)
            {
                let has_sold = self.write.get(&self.own_key(sku, id))?.is_some();
                apps.push(App { id, is_own: has_sold || self.is_own(&product) });
            }
        }
        let apps = Rc::from(apps);
        self.apps.insert(sku.to_owned(), Rc::clone(&apps));
        Ok(apps)
    }

    /// All that a SKU can mean, each once.
    fn ids_called(&self, sku: &str) -> Result<Vec<u64>> {
        let sellers = first_sellers(self.write, StoreKind::Apple, sku, NUMBERS_MAX + 1)?;
        let mut ids: Vec<u64> = sellers.into_iter().map(|(_, product)| product).collect();
        ids.extend(called_by(self.write, StoreKind::Apple.into(), sku)?);
        ids.extend(self.own_app(sku)?);
        ids.extend(noted(self.write, &folded_key(sku).build())?);
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        Ok(ids)
    }

    /// What a new product is called by in its store; none where all that it could be called by is taken.
    fn identifier(&mut self, item: &Item) -> Result<Option<String>> {
        let own = store_id(item).unwrap_or(&item.sku);
        if !self.store.has_skus_by_app() {
            return Ok(Some(own.to_owned()));
        }
        let key = item.key(self.store);
        if key.mark.is_none() {
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
                let key = ItemKey { sku: package, mark: app.as_deref() };
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
        } else if let Some(number) = self.unknown_number(&product, item)? {
            set("ref_no", number.into());
        }
        if !fields.is_empty() {
            // A name alone makes no other app of it.
            if fields.keys().any(|field| field != "name") {
                self.apps.clear();
            }
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
            Some(Wish::Sku(StoreKind::Apple, sku)) if is_newest => self.take_home(&product, &sku),
            _ => Ok(()),
        }
    }

    /// The number of an item of Apple's, where its product does not know it and no other one has it.
    fn unknown_number(&self, product: &Product, item: &Item) -> Result<Option<u64>> {
        let key = item.key(self.store);
        let (Some(text), Some(number)) = (key.mark, ref_no(self.store, item)) else { return Ok(None) };
        let is_its = product.vendor_identifier == text || has_no_number(product, key.sku);
        if product.ref_no.is_some() || !is_its {
            return Ok(None);
        }
        let holder = of_number(self.write, text)?;
        Ok(Some(number).filter(|_| holder.is_none_or(|holder| holder == product.id)))
    }

    /// Puts an item that the account sells under the account's own app, where it is under another's with that SKU.
    fn take_home(&mut self, child: &Product, sku: &str) -> Result<()> {
        let apps = self.apps_called(sku)?;
        let is_foreign = apps.iter().any(|app| !app.is_own && child.parent_id == Some(app.id));
        match apps.iter().find(|app| app.is_own) {
            Some(own) if is_foreign => self.put_under(child.id, own.id),
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
        if child.is_some_and(|child| child.parent_id.is_none()) { self.put_under(id, parent) } else { Ok(()) }
    }

    fn put_under(&mut self, id: u64, parent: u64) -> Result<()> {
        let fields = Map::from_iter([("parent_id".to_owned(), parent.into())]);
        let revised = unless_refused(machine::revise::<Product>(self.write, self.env, &id, &fields))?;
        self.changed |= revised.is_some();
        self.apps.clear();
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

    fn parent(&mut self, wish: &Wish) -> Result<Option<u64>> {
        match wish {
            Wish::Sku(StoreKind::Apple, sku) => {
                let apps = self.apps_called(sku)?;
                let own = apps.iter().find(|app| app.is_own);
                Ok(own.or(apps.first()).map(|app| app.id))
            }
            Wish::Sku(store, sku) => app_of_sku(self.write, *store, sku),
            Wish::Title(account, title) => noted(self.write, &app_key(*account, title)),
        }
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

/// The app that stands under a key, as long as it is one.
fn noted_app(read: &dyn Read, key: &[u8]) -> Result<Option<u64>> {
    let Some(id) = noted(read, key)? else { return Ok(None) };
    let product = stored::get::<Product>(read, &id)?;
    Ok(product.filter(is_app).map(|app| app.id))
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
    let may_share = store.has_skus_by_app() || item.key(store).mark.is_some();
    let is_other = |parent: &str| may_share || parent != item.sku.trim();
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
pub(super) const INAPP_TYPE: &str = "inapp";

fn type_of(store: StoreKind, item: &Item) -> &'static str {
    if is_inapp(store, item) { INAPP_TYPE } else { APP_TYPE }
}

#[cfg(test)]
#[path = "catalogue_test.rs"]
mod test;
