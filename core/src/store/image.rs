//! A store in memory: what a repair works on, and what tests stand on.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{Entries, Read, Write};
use crate::Result;

/// All keys with their values, changed in place.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Image(pub BTreeMap<Vec<u8>, Arc<[u8]>>);

impl Read for Image {
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        Ok(self.0.get(key).cloned())
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.0.range::<[u8], _>((Bound::Included(start), end));
        let entries = entries.map(|(key, value)| Ok((key.as_slice().into(), Arc::clone(value))));
        if reverse { Box::new(entries.rev()) } else { Box::new(entries) }
    }
}

impl Write for Image {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, value.into());
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}
