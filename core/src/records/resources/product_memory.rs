//! What is kept in memory for products beside the store, and how it learns of commits.

use std::sync::Arc;

use crate::Result;
use crate::records::{Datum, Product, ProductLink, RecordId, stored};
use crate::store::{Entries, Read, Write};

use super::product_lookup::Lookups;
use super::product_search::Search;

/// Shared by all handles on one database.
#[derive(Debug, Default)]
pub(in crate::records) struct ProductMemory {
    pub search: Search,
    pub lookups: Lookups,
}

/// A write that notes which products it touches, and whether it touches a group, by the keys of their records. So whatever a commit is made of, what
/// is kept in memory hears of it.
pub(in crate::records) struct Watched<'a> {
    write: &'a mut dyn Write,
    products: Vec<u8>,
    links: Vec<u8>,
    touched: Vec<u64>,
    regrouped: bool,
}

impl<'a> Watched<'a> {
    pub(in crate::records) fn new(write: &'a mut dyn Write) -> Self {
        let (products, links) =
            (stored::records::<Product>().build(), stored::records::<ProductLink>().build());
        Self { write, products, links, touched: Vec::new(), regrouped: false }
    }

    /// Whether a product or a group is not what it was.
    pub(in crate::records) fn moves_sales(&self) -> bool {
        self.regrouped || !self.touched.is_empty()
    }

    /// The ids of products that were put or deleted, maybe more than once.
    pub(in crate::records) fn touched(self) -> Vec<u64> {
        self.touched
    }

    fn note(&mut self, key: &[u8]) {
        let id = key.strip_prefix(self.products.as_slice()).and_then(|id| Datum::read(id).ok());
        self.touched.extend(id.and_then(|(id, _)| u64::from_datum(&id)));
        self.regrouped |= key.starts_with(&self.links);
    }
}

impl Read for Watched<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        self.write.get(key)
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        self.write.range(start, end, reverse)
    }
}

impl Write for Watched<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.note(&key);
        self.write.put(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        self.note(key);
        self.write.delete(key);
    }
}
