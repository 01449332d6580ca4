//! Which product a row is of: what the sales need of a catalogue, and nothing of how it keeps its products.
//!
//! Rows hold no product. A row is of the product that has its [`ItemKey`] at its store *now*: products that come, go or
//! take over a SKU change the answers of all rows at once, and no roll.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::ingest::{Item, ItemKey, StoreKind};
use crate::store::Write;

/// What is to be called once a commit stands: what is kept in memory beside the store is brought in step with it then.
pub(crate) type Tell = Box<dyn FnOnce()>;

/// Where products are kept.
pub(crate) trait Catalogue: Debug + Send + Sync {
    /// Sees to it that what an account's reports sell has products, within the commit that stores the reports.
    /// No two items have one key. Gives what tells of that commit.
    ///
    /// # Errors
    /// Only those of reading and storing: an item that can have no product gets none.
    fn register(&self, write: &mut dyn Write, account: u64, store: StoreKind, items: &[Item])
    -> Result<Tell>;

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
    by_sku: HashMap<StoreKind, Skus>,
    children: HashMap<u64, Vec<u64>>,
    parents: HashMap<u64, u64>,
    /// The group of each product that is in one, and the products of each group.
    groups: HashMap<u64, u64>,
    members: HashMap<u64, Vec<u64>>,
}

/// The products of a store's SKUs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Skus {
    /// Of the SKUs with nothing beside them.
    alone: HashMap<Box<str>, u64>,
    /// Of the others, by what marks them; none where a product has gone.
    marked: HashMap<Box<str>, BTreeMap<Box<str>, Option<u64>>>,
}

impl Skus {
    /// What is said of a key; `None` where nothing is.
    fn get(&self, key: ItemKey<'_>) -> Option<Option<u64>> {
        match key.mark {
            None => self.alone(key.sku).map(Some),
            Some(mark) => self.marked.get(key.sku)?.get(mark).copied(),
        }
    }

    fn alone(&self, sku: &str) -> Option<u64> {
        self.alone.get(sku).copied()
    }

    fn insert(&mut self, key: ItemKey<'_>, product: Option<u64>) {
        match (key.mark, product) {
            (None, None) => {}
            (None, Some(product)) => drop(self.alone.insert(key.sku.into(), product)),
            (Some(mark), product) => {
                self.marked.entry(key.sku.into()).or_default().insert(mark.into(), product);
            }
        }
    }
}

/// Which product's figures a row counts among.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    /// Those of the app that an item belongs to.
    pub(crate) to_parent: bool,
    /// Those of the group, which is called by its lowest product.
    pub(crate) to_group: bool,
}

/// More apps above an item than any store has. A product above itself is refused where it is made; should there be one
/// all the same, its items stay what they are.
const PARENTS_MAX: usize = 64;

impl Products {
    /// Notes which product rows with this key at this store are of; none where it has gone.
    pub(crate) fn insert(&mut self, store: StoreKind, key: ItemKey<'_>, product: Option<u64>) {
        self.by_sku.entry(store).or_default().insert(key, product);
    }

    /// Notes whose child a product is.
    pub(crate) fn insert_child(&mut self, parent: u64, child: u64) {
        self.children.entry(parent).or_default().push(child);
        self.parents.insert(child, parent);
    }

    /// Notes the products of a group, in order.
    pub(crate) fn insert_group(&mut self, members: impl IntoIterator<Item = u64>) {
        let members: Vec<u64> = members.into_iter().collect();
        let Some(&group) = members.first() else { return };
        self.groups.extend(members.iter().map(|&member| (member, group)));
        self.members.insert(group, members);
    }

    /// The products of a store's SKUs.
    pub(crate) fn of_store(&self, store: StoreKind) -> StoreProducts<'_> {
        self.folded(store, Fold::default())
    }

    /// The products that the rows of a store's SKUs count among.
    pub(crate) fn folded(&self, store: StoreKind, fold: Fold) -> StoreProducts<'_> {
        StoreProducts { products: self, store, by_sku: self.by_sku.get(&store), fold }
    }

    /// The product that is noted for just this key.
    pub(crate) fn noted(&self, store: StoreKind, key: ItemKey<'_>) -> Option<u64> {
        self.by_sku.get(&store)?.get(key)?
    }

    /// The product at the top of a product's parents, itself where it has none.
    fn app(&self, product: u64) -> u64 {
        let mut top = product;
        for _ in 0..PARENTS_MAX {
            match self.parents.get(&top) {
                Some(&parent) => top = parent,
                None => return top,
            }
        }
        product
    }

    /// The group of a product, itself where it is in none.
    fn group(&self, product: u64) -> u64 {
        self.groups.get(&product).copied().unwrap_or(product)
    }

    /// The children of a product.
    pub(crate) fn children(&self, product: u64) -> &[u64] {
        self.children.get(&product).map_or(&[], Vec::as_slice)
    }

    /// The products of a product's group; none where it is in none.
    pub(crate) fn members(&self, product: u64) -> &[u64] {
        self.members.get(&self.group(product)).map_or(&[], Vec::as_slice)
    }
}

/// The products of one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreProducts<'a> {
    products: &'a Products,
    store: StoreKind,
    by_sku: Option<&'a Skus>,
    fold: Fold,
}

impl<'a> StoreProducts<'a> {
    /// The product of a row with this key; none for a row without one. At Apple a row with a number that nothing is
    /// known of is of the product that its SKU alone stands for, so that rows count which were imported when SKUs alone
    /// told products.
    pub(crate) fn of(&self, key: Option<ItemKey<'_>>) -> Option<i64> {
        let (key, skus) = (key?, self.by_sku?);
        let product = match skus.get(key) {
            Some(known) => known,
            None if self.store == StoreKind::Apple => skus.alone(key.sku),
            None => None,
        };
        self.fold(product?)
    }

    /// Whether rows with this SKU are all of the product that [`Self::of_sku`] gives.
    pub(crate) fn sku_tells(&self, sku: &str) -> bool {
        let Some(skus) = self.by_sku else { return true };
        match self.store {
            StoreKind::Amazon => true,
            StoreKind::GooglePlay => false,
            StoreKind::Apple => {
                let alone = skus.alone(sku);
                skus.marked.get(sku).is_none_or(|marked| marked.values().all(|&product| product == alone))
            }
        }
    }

    /// The product of a row with this SKU and nothing beside it.
    pub(crate) fn of_sku(&self, sku: Option<&str>) -> Option<i64> {
        self.of(sku.map(ItemKey::alone))
    }

    /// The products that rows with this SKU can be of, whatever marks them.
    pub(crate) fn all_of(self, sku: &str) -> impl Iterator<Item = i64> + use<'a> {
        let alone = self.by_sku.and_then(|skus| skus.alone.get(sku));
        let marked = self.by_sku.and_then(|skus| skus.marked.get(sku));
        let all = alone.into_iter().chain(marked.into_iter().flat_map(BTreeMap::values).flatten());
        all.filter_map(move |&product| self.fold(product))
    }

    fn fold(&self, mut product: u64) -> Option<i64> {
        if self.fold.to_parent {
            product = self.products.app(product);
        }
        if self.fold.to_group {
            product = self.products.group(product);
        }
        i64::try_from(product).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_of_its_own_store() {
        let mut products = Products::default();
        products.insert(StoreKind::Amazon, ItemKey::alone("a"), Some(3));
        products.insert(StoreKind::Apple, ItemKey::alone("a"), Some(4));
        products.insert_child(4, 9);
        assert_eq!(products.of_store(StoreKind::Amazon).of_sku(Some("a")), Some(3));
        assert_eq!(products.of_store(StoreKind::Apple).of_sku(Some("a")), Some(4));
        assert_eq!(products.of_store(StoreKind::GooglePlay).of_sku(Some("a")), None);
        assert_eq!(products.of_store(StoreKind::Amazon).of_sku(None), None);
        assert_eq!((products.children(4), products.children(3)), (&[9][..], &[][..]));
    }

    #[test]
    fn a_sku_of_two_apps_is_two_products() {
        let mut products = Products::default();
        let key = |mark| ItemKey { sku: "premium", mark };
        for (app, product) in [(None, 1), (Some("com.a"), 2), (Some("com.b"), 3)] {
            products.insert(StoreKind::GooglePlay, key(app), Some(product));
        }
        products.insert_child(7, 3);
        let google = products.folded(StoreKind::GooglePlay, Fold { to_parent: true, to_group: false });
        let apps = [None, Some("com.a"), Some("com.b"), Some("com.c")];
        assert_eq!(apps.map(|app| google.of(Some(key(app)))), [Some(1), Some(2), Some(7), None]);
        assert_eq!(google.all_of("premium").collect::<Vec<_>>(), [1, 2, 7]);
        assert_eq!(google.all_of("gold").count(), 0);
    }

    #[test]
    fn apples_number_tells_where_a_sku_does_not() {
        let mut products = Products::default();
        let key = |sku, mark| ItemKey { sku, mark };
        for (sku, mark, product) in [
            ("fob", None, Some(1)),
            ("fob", Some("300"), Some(1)),
            ("fob", Some("301"), Some(2)),
            ("go", None, Some(3)),
            ("go", Some("302"), Some(3)),
            ("gone", None, Some(4)),
            ("gone", Some("303"), None),
            ("old", None, Some(5)),
        ] {
            products.insert(StoreKind::Apple, key(sku, mark), product);
        }
        let apple = products.of_store(StoreKind::Apple);
        let marks = [None, Some("300"), Some("301"), Some("399")];
        assert_eq!(marks.map(|mark| apple.of(Some(key("fob", mark)))), [Some(1), Some(1), Some(2), Some(1)]);
        assert_eq!(apple.of(Some(key("gone", Some("303")))), None, "another's product is not its own");
        assert_eq!(apple.of(Some(key("old", Some("304")))), Some(5));
        assert_eq!(apple.of(Some(key("new", Some("305")))), None);
        let tells = ["fob", "go", "gone", "old", "new"].map(|sku| apple.sku_tells(sku));
        assert_eq!(tells, [false, true, false, true, true]);
        assert_eq!(products.noted(StoreKind::Apple, key("old", Some("304"))), None);
        assert_eq!(products.noted(StoreKind::Apple, key("fob", Some("301"))), Some(2));
        assert_eq!(apple.all_of("gone").collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn an_item_counts_among_its_app_and_then_among_its_group() {
        let mut products = Products::default();
        for (sku, product) in [("a", 1), ("b", 2), ("item", 3), ("own", 4), ("loop", 8)] {
            products.insert(StoreKind::Apple, ItemKey::alone(sku), Some(product));
        }
        products.insert_group([1, 2]);
        products.insert_group([3, 5]);
        products.insert_group([4, 6]);
        products.insert_child(2, 3);
        products.insert_child(7, 4);
        products.insert_child(8, 9);
        products.insert_child(9, 8);
        let all = |to_parent, to_group| {
            let fold = Fold { to_parent, to_group };
            ["a", "b", "item", "own", "loop"]
                .map(|sku| products.folded(StoreKind::Apple, fold).of_sku(Some(sku)).unwrap())
        };
        assert_eq!(all(false, false), [1, 2, 3, 4, 8]);
        assert_eq!(all(true, false), [1, 2, 2, 7, 8]);
        assert_eq!(all(false, true), [1, 1, 3, 4, 8]);
        assert_eq!(
            all(true, true),
            [1, 1, 1, 7, 8],
            "an app in no group is its own, whatever its item is in"
        );
        assert_eq!((products.members(5), products.members(7)), (&[3, 5][..], &[][..]));
    }
}
