//! The map in memory: what read-only handles replay into, and the oracle of the tests.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Entries, Kv, Op};
use crate::Result;

/// Entries fetched at a time while a range streams, so that no lock is held between two of them.
const PAGE: usize = 256;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// An ordered map in memory. It is never durable, and [`Kv::flush`] does nothing.
#[derive(Debug, Default)]
pub struct MemoryKv {
    map: RwLock<Map>,
}

impl MemoryKv {
    fn shared(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kv for MemoryKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.shared().get(key).cloned())
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        let low = Bound::Included(start.to_vec());
        let high = end.map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec()));
        Box::new(Pages { kv: self, low, high, reverse, page: VecDeque::new() })
    }

    fn apply(&self, ops: &[Op]) -> Result<()> {
        let mut map = self.exclusive();
        for Op { key, value } in ops {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

struct Pages<'a> {
    kv: &'a MemoryKv,
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
    reverse: bool,
    page: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl Pages<'_> {
    fn fill(&mut self) {
        if is_empty(&self.low, &self.high) {
            return;
        }
        let map = self.kv.shared();
        let range = map.range((self.low.clone(), self.high.clone()));
        let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        if self.reverse {
            self.page.extend(range.rev().take(PAGE).map(owned));
        } else {
            self.page.extend(range.take(PAGE).map(owned));
        }
        if let Some((key, _)) = self.page.back() {
            let behind = Bound::Excluded(key.clone());
            *(if self.reverse { &mut self.high } else { &mut self.low }) = behind;
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() {
            self.fill();
        }
        self.page.pop_front().map(Ok)
    }
}

// BTreeMap::range panics on these.
fn is_empty(low: &Bound<Vec<u8>>, high: &Bound<Vec<u8>>) -> bool {
    match (low, high) {
        (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high)) => low >= high,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(kv: &MemoryKv, start: u16, end: Option<u16>, reverse: bool) -> Vec<u16> {
        let end = end.map(u16::to_be_bytes);
        let range = kv.range(&start.to_be_bytes(), end.as_ref().map(|end| &end[..]), reverse);
        range.map(|entry| u16::from_be_bytes(entry.unwrap().0.try_into().unwrap())).collect()
    }

    #[test]
    fn ranges_page_both_ways() {
        let kv = MemoryKv::default();
        let ops: Vec<Op> = (0..1000_u16).map(|n| Op::put(n.to_be_bytes(), [1])).collect();
        kv.apply(&ops).unwrap();
        assert_eq!(keys(&kv, 3, Some(700), false), (3..700).collect::<Vec<_>>());
        assert_eq!(keys(&kv, 3, Some(700), true), (3..700).rev().collect::<Vec<_>>());
        assert_eq!(keys(&kv, 256, None, true), (256..1000).rev().collect::<Vec<_>>());
        assert_eq!(keys(&kv, 9, Some(9), false), Vec::<u16>::new());
        assert_eq!(keys(&kv, 9, Some(3), true), Vec::<u16>::new());
    }
}
