//! Which product a row is of: what the sales need of a catalogue, and nothing of how it keeps its products.
//!
//! Rows hold no product. A row is of the product that has its SKU at its store *now*: products that come, go or take
//! over a SKU change the answers of all rows at once, and no roll.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::ingest::{Item, StoreKind};
use crate::store::Write;

/// Where products are kept.
pub(crate) trait Catalogue: Debug + Send + Sync {
    /// Sees to it that what an account's reports sell has products, within the commit that stores the reports.
    /// No two items have one SKU.
    ///
    /// # Errors
    /// Only those of reading and storing: an item that can have no product gets none.
    fn register(&self, write: &mut dyn Write, account: u64, store: StoreKind, items: &[Item]) -> Result<()>;

    /// What was registered may be committed by now: whatever is kept in memory beside the store can be brought in step.
    fn committed(&self) {}

    /// The products that rows can be of, as of the newest commit or of one that this thread has seen before.
    ///
    /// # Errors
    /// Those of reading.
    fn products(&self) -> Result<Arc<Products>>;

    /// Whether there is a product of this id, sold or not.
    ///
    /// # Errors
    /// Those of reading.
    fn contains(&self, product: u64) -> Result<bool>;
}

/// From SKUs to products, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Products {
    by_sku: HashMap<StoreKind, HashMap<Box<str>, u64>>,
    children: HashMap<u64, Vec<u64>>,
}

impl Products {
    /// Notes that rows with this SKU at this store are of a product.
    pub(crate) fn insert(&mut self, store: StoreKind, sku: &str, product: u64) {
        self.by_sku.entry(store).or_default().insert(sku.into(), product);
    }

    /// Notes whose child a product is.
    pub(crate) fn insert_child(&mut self, parent: u64, child: u64) {
        self.children.entry(parent).or_default().push(child);
    }

    /// The products of a store's SKUs.
    pub(crate) fn of_store(&self, store: StoreKind) -> StoreProducts<'_> {
        StoreProducts(self.by_sku.get(&store))
    }

    /// The children of a product.
    pub(crate) fn children(&self, product: u64) -> &[u64] {
        self.children.get(&product).map_or(&[], Vec::as_slice)
    }
}

/// The products of one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreProducts<'a>(Option<&'a HashMap<Box<str>, u64>>);

impl StoreProducts<'_> {
    /// The product of a row with this SKU; none for a row without one.
    pub(crate) fn of(&self, sku: Option<&str>) -> Option<i64> {
        let product = self.0?.get(sku?)?;
        i64::try_from(*product).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_of_its_own_store() {
        let mut products = Products::default();
        products.insert(StoreKind::Amazon, "a", 3);
        products.insert(StoreKind::Apple, "a", 4);
        products.insert_child(4, 9);
        assert_eq!(products.of_store(StoreKind::Amazon).of(Some("a")), Some(3));
        assert_eq!(products.of_store(StoreKind::Apple).of(Some("a")), Some(4));
        assert_eq!(products.of_store(StoreKind::GooglePlay).of(Some("a")), None);
        assert_eq!(products.of_store(StoreKind::Amazon).of(None), None);
        assert_eq!((products.children(4), products.children(3)), (&[9][..], &[][..]));
    }
}
