//! What is kept in memory for products beside the store, and how it learns of commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Result;
use crate::records::{Datum, Product, ProductLink, Record, RecordId, stored};
use crate::store::{Entries, Read, Write};

use super::product_lookup::Lookups;
use super::product_search::Search;

/// Shared by all handles on one database.
#[derive(Debug, Default)]
pub(in crate::records) struct ProductMemory {
    pub search: Search,
    pub lookups: Lookups,
}

/// A write that notes which records it puts and deletes, by their keys. So whatever a commit is made of, what is kept in
/// memory hears of it.
pub(in crate::records) struct Watched<'a> {
    write: &'a mut dyn Write,
    changes: BTreeMap<u8, Changes>,
}

/// The records that a commit put or deleted, of each collection by its tag.
#[derive(Debug)]
pub(in crate::records) struct Touched(BTreeMap<u8, Changes>);

/// What a commit changed in a collection.
#[derive(Debug, Default)]
pub(in crate::records) struct Changes {
    /// The ids of the records, in the order of the changes; one that was changed twice stands there twice.
    pub ids: Vec<Datum>,
    /// The number of the last of these changes.
    pub last: u64,
}

impl Touched {
    /// Whether a product or a group is not what it was.
    pub(in crate::records) fn moves_sales(&self) -> bool {
        self.0.contains_key(&Product::TAG) || self.0.contains_key(&ProductLink::TAG)
    }

    /// The ids of products, maybe some more than once.
    pub(in crate::records) fn products(&self) -> Vec<u64> {
        let changes = self.0.get(&Product::TAG);
        changes.into_iter().flat_map(|changes| &changes.ids).filter_map(u64::from_datum).collect()
    }

    /// The collections' tags, each with its changes.
    pub(in crate::records) fn collections(&self) -> impl Iterator<Item = (u8, &Changes)> {
        self.0.iter().map(|(tag, changes)| (*tag, changes))
    }
}

impl<'a> Watched<'a> {
    pub(in crate::records) fn new(write: &'a mut dyn Write) -> Self {
        Self { write, changes: BTreeMap::new() }
    }

    /// What was put or deleted.
    ///
    /// # Errors
    /// Those of reading.
    pub(in crate::records) fn touched(mut self) -> Result<Touched> {
        for (tag, changes) in &mut self.changes {
            changes.last = stored::change_of(self.write, *tag)?;
        }
        Ok(Touched(self.changes))
    }

    fn note(&mut self, key: &[u8]) {
        let Some((tag, id)) = stored::tag_and_id(key) else { return };
        self.changes.entry(tag).or_default().ids.push(id);
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
