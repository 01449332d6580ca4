//! Which product is what reports sold: the keys of links, and the ways to a product that calls itself by what is sold.
//! [`super::catalogue`] says what they mean, and writes them.

use std::collections::BTreeSet;

use crate::ingest::{ItemKey, StoreKind};
use crate::kv::{Key, KeyReader, prefix_end, value};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::catalogue::INAPP_TYPE;
use super::index;
use super::machine;
use super::resources::stores::AppStore;
use super::{CATALOGUE, Datum, Product, RecordId, stored};

pub(super) const SKU: u8 = 1;
pub(super) const APP: u8 = 2;
pub(super) const ORPHAN: u8 = 3;
pub(super) const SEEN: u8 = 4;
pub(super) const CHANGE: u8 = 5;
pub(super) const FOLDED: u8 = 6;

/// The most numbers of one SKU of Apple's that have products for the SKU's sake. No SKU is that many publishers' own: it
/// is a filler, and looking at all of its products for each of them would take as long as there are pairs of them.
pub(super) const NUMBERS_MAX: usize = 256;

pub(super) fn key(what: u8) -> Key {
    Key::new(CATALOGUE).raw(&[what])
}

/// The prefix of the keys of a SKU with all its marks, and its key with none.
pub(super) fn sku_key(store: StoreKind, sku: &str) -> Key {
    key(SKU).raw(&[store.id()]).text(sku)
}

pub(super) fn item_key(store: StoreKind, item: ItemKey<'_>) -> Vec<u8> {
    let key = sku_key(store, item.sku);
    item.mark.map_or(key.clone(), |mark| key.text(mark)).build()
}

pub(super) fn get<T: serde::de::DeserializeOwned>(read: &dyn Read, key: &[u8]) -> Result<Option<T>> {
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

/// Everything that a report has sold and the product it is of; none where that has gone.
pub(crate) fn links(
    read: &dyn Read,
    each: &mut dyn FnMut(StoreKind, ItemKey<'_>, Option<u64>),
) -> Result<()> {
    // Mostly the links of a SKU lead to one product.
    let mut last = None;
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
        let mark = mark_of(rest)?;
        let item = ItemKey { sku: &sku, mark: mark.as_deref() };
        let linked: u64 = value::decode(&bytes)?;
        if last == Some(linked) || is_there(read, linked)? {
            last = Some(linked);
            each(store, item, last);
        } else {
            each(store, item, by_key(read, store, item)?);
        }
    }
    Ok(())
}

/// The mark that ends a link's key, if there is one.
pub(super) fn mark_of(mut rest: KeyReader<'_>) -> Result<Option<String>> {
    if rest.clone().rest().is_empty() { Ok(None) } else { rest.text().map(Some) }
}

/// What a SKU was sold with, each with the product that it was linked to; first the SKU alone.
pub(super) fn sellers(read: &dyn Read, store: StoreKind, sku: &str) -> Result<Vec<(Option<String>, u64)>> {
    first_sellers(read, store, sku, usize::MAX)
}

/// The first of [`sellers`], no more than `count`.
pub(super) fn first_sellers(
    read: &dyn Read,
    store: StoreKind,
    sku: &str,
    count: usize,
) -> Result<Vec<(Option<String>, u64)>> {
    let start = sku_key(store, sku).build();
    let mut sellers = Vec::new();
    for entry in read.range(&start, prefix_end(&start).as_deref(), false).take(count) {
        let (key, bytes) = entry?;
        // Any namespace will do for what is left of the key.
        let rest = [&[SKU], key.get(start.len()..).unwrap_or_default()].concat();
        sellers.push((mark_of(KeyReader::new(&rest, SKU)?)?, value::decode(&bytes)?));
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
pub(super) fn by_key(read: &dyn Read, store: StoreKind, item: ItemKey<'_>) -> Result<Option<u64>> {
    match store {
        StoreKind::Amazon => return by_sku(read, store.into(), item.sku),
        StoreKind::Apple => return by_number(read, item),
        StoreKind::GooglePlay => {}
    }
    let app_store = AppStore::from(store);
    if item.mark.is_some()
        && let Some(found) = by_vendor_identifier(read, app_store, &item.to_string())?
    {
        return Ok(Some(found));
    }
    let mut others = sellers(read, store, item.sku)?;
    others.retain(|(app, _)| app.as_deref() != item.mark);
    let anothers: BTreeSet<u64> = others.iter().map(|(_, product)| *product).collect();
    for id in called_by(read, app_store, item.sku)? {
        if !anothers.contains(&id) && may_be(read, id, item, &others)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The product of an item of Apple's: the one that has its number; else the one that has its SKU, as long as nothing says
/// that it is another number's. A SKU alone that has lost its product is only that of one without a number, too: rows
/// stand under it that were of the lost one's, and tell so by their numbers.
fn by_number(read: &dyn Read, item: ItemKey<'_>) -> Result<Option<u64>> {
    let store = AppStore::from(StoreKind::Apple);
    let found = match item.mark {
        Some(number) => of_number(read, number)?,
        None if read.get(&item_key(StoreKind::Apple, item))?.is_none() => by_sku(read, store, item.sku)?,
        None => None,
    };
    if found.is_some() {
        return Ok(found);
    }
    let called = called_by(read, store, item.sku)?;
    if called.is_empty() {
        return Ok(None);
    }
    // One more is the SKU alone, and another one too many.
    let others = first_sellers(read, StoreKind::Apple, item.sku, NUMBERS_MAX + 2)?;
    if others.len() > NUMBERS_MAX + 1 {
        return Ok(None);
    }
    let is_other = |mark: &Option<String>| mark.is_some() && mark.as_deref() != item.mark;
    let anothers: BTreeSet<u64> =
        others.iter().filter(|(mark, _)| is_other(mark)).map(|(_, product)| *product).collect();
    for id in called {
        if !anothers.contains(&id)
            && let Some(product) = stored::get::<Product>(read, &id)?
            && product.store == store
            && has_no_number(&product, item.sku)
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The product that calls itself by a number of Apple's.
pub(super) fn of_number(read: &dyn Read, number: &str) -> Result<Option<u64>> {
    let store = AppStore::from(StoreKind::Apple);
    match (by_vendor_identifier(read, store, number)?, number.parse()) {
        (None, Ok(number)) => by_ref_no(read, store, number),
        (found, _) => Ok(found),
    }
}

/// Whether a product can be what an item of Apple's belongs to.
pub(super) fn is_app(product: &Product) -> bool {
    product.parent_id.is_none() && product.kind.as_deref() != Some(INAPP_TYPE)
}

/// Whether nothing tells of an Apple Identifier of a product with this SKU.
pub(super) fn has_no_number(product: &Product, sku: &str) -> bool {
    let id = product.vendor_identifier.as_str();
    product.ref_no.is_none() && (id == sku || !id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The products that have a text for their SKU or are called by it.
pub(super) fn called_by(read: &dyn Read, store: AppStore, sku: &str) -> Result<Vec<u64>> {
    let Some(index) = index::over::<Product>(&["sku"]) else { return Ok(Vec::new()) };
    let mut ids = index::ids_with::<Product>(read, index, &[Datum::text(Some(sku))])?;
    ids.extend(by_vendor_identifier(read, store, sku)?);
    Ok(ids)
}

/// The product that calls itself by a SKU.
pub(super) fn by_sku(read: &dyn Read, store: AppStore, sku: &str) -> Result<Option<u64>> {
    let found = machine::find_all::<Product>(read, &["sku"], &[Datum::text(Some(sku))])?;
    match found.iter().find(|product| product.store == store) {
        Some(product) => Ok(Some(product.id)),
        None => by_vendor_identifier(read, store, sku),
    }
}

pub(super) fn by_vendor_identifier(read: &dyn Read, store: AppStore, id: &str) -> Result<Option<u64>> {
    Ok(called(read, store, id)?.map(|product| product.id))
}

/// The product that a store calls by this identifier.
pub(super) fn called(read: &dyn Read, store: AppStore, id: &str) -> Result<Option<Product>> {
    let values = [store.as_str(), id].map(|text| Datum::text(Some(text)));
    machine::find::<Product>(read, &["store", "vendor_identifier"], &values)
}

pub(super) fn by_ref_no(read: &dyn Read, store: AppStore, ref_no: u64) -> Result<Option<u64>> {
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
pub(super) fn noted(read: &dyn Read, key: &[u8]) -> Result<Option<u64>> {
    match get(read, key)? {
        Some(product) if is_there(read, product)? => Ok(Some(product)),
        _ => Ok(None),
    }
}

/// A SKU as its store's reports agree on it.
pub(super) fn folded(store: StoreKind, sku: &str) -> String {
    match store {
        StoreKind::Apple => sku.trim().to_lowercase(),
        StoreKind::GooglePlay | StoreKind::Amazon => sku.to_owned(),
    }
}

/// The product of an app's SKU.
pub(super) fn app_of_sku(read: &dyn Read, store: StoreKind, sku: &str) -> Result<Option<u64>> {
    let app = ItemKey::alone(sku);
    match noted(read, &item_key(store, app))? {
        Some(product) => Ok(Some(product)),
        None => by_key(read, store, app),
    }
}

/// Whether a product that has a Google item's SKU, and is linked to none of the others, can be that item.
pub(super) fn may_be(
    read: &dyn Read,
    id: u64,
    item: ItemKey<'_>,
    others: &[(Option<String>, u64)],
) -> Result<bool> {
    let store = StoreKind::GooglePlay;
    let Some(product) = stored::get::<Product>(read, &id)? else { return Ok(false) };
    let named = ItemKey::parse(store, &product.vendor_identifier);
    if product.store != AppStore::from(store) || named.is_some_and(|named| named != item) {
        return Ok(false);
    }
    match (item.mark, product.parent_id) {
        (None, parent) => Ok(parent.is_none()),
        (Some(app), Some(parent)) => Ok(app_of_sku(read, store, app)? == Some(parent)),
        (Some(_), None) => {
            let is_alive = |(_, other): &(_, u64)| is_there(read, *other);
            others.iter().map(is_alive).try_fold(true, |all, one| Ok(all && one?))
        }
    }
}

/// The key of a SKU of Apple's however it is spelt.
pub(super) fn folded_key(sku: &str) -> Key {
    let store = StoreKind::Apple;
    key(FOLDED).raw(&[store.id()]).text(&folded(store, sku))
}

pub(super) fn app_key(account: u64, title: &str) -> Vec<u8> {
    key(APP).u64(account).text(title).build()
}
