//! What is committed and not yet in the index, as a persistent tree: a clone costs nothing, so every reader has its own.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use super::View;

/// Bytes a change is counted for beside its key and value, on a 64-bit machine: a tree node and its entry (about 140), the
/// list of its commit and the map it is drained through (about 90), and what key and value have before them (about 60).
pub const CHANGE_OVERHEAD: u64 = 288;

/// A change: its key, and its value or `None` for a delete.
pub type Change = (Arc<[u8]>, Option<Arc<[u8]>>);

/// Memory a change takes.
pub fn weight((key, value): &Change) -> u64 {
    (key.len() + value.as_ref().map_or(0, |value| value.len())) as u64 + CHANGE_OVERHEAD
}

/// The sequence a change was made in, and its value.
type Made = (u64, Option<Arc<[u8]>>);

/// Changes by key, each with the sequence it was made in.
#[derive(Debug, Clone)]
pub struct Overlay {
    tree: RedBlackTreeMapSync<Arc<[u8]>, Made>,
    bytes: u64,
    /// The index has every change up to here, and none of them is left.
    pruned: u64,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { tree: RedBlackTreeMapSync::new_sync(), bytes: 0, pruned: 0 }
    }
}

impl Overlay {
    /// `None` where the index is to be asked, `Some(None)` where the key is deleted.
    pub fn get(&self, key: &[u8]) -> Option<Option<Arc<[u8]>>> {
        self.tree.get(key).map(|(_, value)| value.clone())
    }

    /// Changes with keys in a span, in key order or in reverse.
    pub fn range(&self, span: Span, reverse: bool) -> Box<dyn Iterator<Item = Change> + '_> {
        if span.is_empty() {
            return Box::new(std::iter::empty());
        }
        let change = |(key, (_, value)): (&Arc<[u8]>, &Made)| (Arc::clone(key), value.clone());
        let range = self.tree.range::<[u8], Span>(span);
        if reverse { Box::new(range.rev().map(change)) } else { Box::new(range.map(change)) }
    }

    pub fn insert(&mut self, sequence: u64, change: &Change) {
        let (key, value) = change;
        if let Some((_, old)) = self.tree.get(&**key) {
            self.bytes -= weight(&(Arc::clone(key), old.clone()));
        }
        self.tree.insert_mut(Arc::clone(key), (sequence, value.clone()));
        self.bytes += weight(change);
    }

    /// Drops what the index has: every change up to `sequence`.
    pub fn prune(&mut self, sequence: u64, drained: &[Arc<[u8]>]) {
        for key in drained {
            let Some((made, value)) = self.tree.get(&**key) else { continue };
            if *made <= sequence {
                self.bytes -= weight(&(Arc::clone(key), value.clone()));
                self.tree.remove_mut(&**key);
            }
        }
        self.pruned = self.pruned.max(sequence);
    }

    /// Whether the same changes were dropped from both. Two such overlays of the same commits hold the same.
    pub fn is_pruned_as(&self, other: &Self) -> bool {
        self.pruned == other.pruned
    }

    /// Memory in bytes, roughly.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.tree.size()
    }
}

/// What readers see of one commit: swapped in one step.
#[derive(Clone)]
pub struct State {
    pub sequence: u64,
    pub overlay: Overlay,
    pub view: Arc<dyn View>,
}

/// A half-open range of keys that owns its bounds. The store's own keys, in namespace 0, are never in it.
#[derive(Debug, Clone)]
pub struct Span {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

impl Span {
    pub fn new(start: &[u8], end: Option<&[u8]>) -> Self {
        Self { start: start.max(&[1]).to_vec(), end: end.map(<[u8]>::to_vec) }
    }

    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

impl RangeBounds<[u8]> for Span {
    fn start_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.start)
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded)
    }
}
