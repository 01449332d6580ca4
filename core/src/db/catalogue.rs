//! Joins sales and products: the products of SKUs, kept in memory from question to question.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Result;
use crate::ingest::{Item, ItemKey, StoreKind};
use crate::records::{Records, families, groups, links, product_change};
use crate::sales::{Catalogue, Products, Tell};
use crate::store::{Read, Store, Write};

/// The products of a database as its sales see them.
#[derive(Debug)]
pub(super) struct OwnProducts {
    store: Arc<Store>,
    records: Records,
    kept: Mutex<Option<Kept>>,
}

/// The products of one moment.
#[derive(Debug, Clone)]
struct Kept {
    /// They are those of this commit.
    sequence: u64,
    /// As long as this number stays, so do they.
    change: u64,
    products: Arc<Products>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OwnProducts {
    pub(super) fn new(store: &Arc<Store>, records: &Records) -> Self {
        Self { store: Arc::clone(store), records: records.clone(), kept: Mutex::default() }
    }

    fn collect(&self, read: &dyn Read, sequence: u64) -> Result<Kept> {
        let mut products = Products::default();
        links(read, &mut |store, key, product| products.insert(store, key, product))?;
        families(read, &mut |parent, child| products.insert_child(parent, child))?;
        groups(read, &mut |members| products.insert_group(members.iter().copied()))?;
        Ok(Kept { sequence, change: product_change(read)?, products: Arc::new(products) })
    }
}

impl Catalogue for OwnProducts {
    fn register(
        &self,
        write: &mut dyn Write,
        account: u64,
        store: StoreKind,
        items: &[Item],
    ) -> Result<Tell> {
        // What is kept is what is committed: it counts only where the transaction sees the same.
        let kept = lock(&self.kept).clone();
        let change = product_change(write)?;
        let products =
            kept.filter(|kept| kept.change == change).map(|kept| kept.products).unwrap_or_default();
        let known = |key: ItemKey<'_>| products.noted(store, key);
        self.records.register(write, (account, store), items, &known)
    }

    fn products(&self) -> Result<Arc<Products>> {
        // The sequence is read first: what is found after it is of that commit or a later one.
        let sequence = self.store.sequence();
        if let Some(kept) = &mut *lock(&self.kept) {
            if kept.sequence == sequence {
                return Ok(Arc::clone(&kept.products));
            }
            if self.store.read(|snapshot| product_change(snapshot))? == kept.change {
                kept.sequence = sequence;
                return Ok(Arc::clone(&kept.products));
            }
        }
        let new = self.store.read(|snapshot| self.collect(snapshot, sequence))?;
        let products = Arc::clone(&new.products);
        *lock(&self.kept) = Some(new);
        Ok(products)
    }

    fn contains(&self, product: u64) -> Result<bool> {
        self.records.has_product(product)
    }
}
