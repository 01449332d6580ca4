//! A transaction: what is committed and queued, with its own changes on top.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::Arc;

use super::merge::{IndexRange, Merge};
use super::overlay::{Change, Span, State};
use super::shared::Shared;
use super::snapshot::get;
use super::{Entries, Read, View, Write};
use crate::kv::Op;
use crate::{Error, Result};

/// Operations one commit holds at most.
pub const OPS_MAX: usize = 1_000_000;
/// Bytes of keys and values one commit holds at most.
pub const COMMIT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a key at most.
pub const KEY_MAX: usize = 16 << 10;
/// Bytes of a value at most.
pub const VALUE_MAX: usize = 1 << 20;

type Changes = BTreeMap<Arc<[u8]>, Option<Arc<[u8]>>>;

/// Collects changes and sees them, on top of everything committed and queued before it. Transactions run one at a time,
/// so what one has read is still true when it commits.
pub struct Transaction<'a> {
    shared: &'a Shared,
    base: State,
    changes: Changes,
    bytes: u64,
    /// The first rule that was broken. Nothing is collected after it, and the commit is refused.
    fault: Option<Error>,
    view: RefCell<Option<Arc<dyn View>>>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(shared: &'a Shared, base: State) -> Self {
        let (changes, view) = (Changes::new(), RefCell::default());
        Self { shared, base, changes, bytes: 0, fault: None, view }
    }

    /// The view with everything committed and queued, and this transaction's changes.
    ///
    /// # Errors
    /// What [`View::apply`] says of the changes.
    pub fn view(&self) -> Result<Arc<dyn View>> {
        let mut view = self.view.borrow_mut();
        if let Some(view) = &*view {
            return Ok(Arc::clone(view));
        }
        let made = self.make_view()?;
        *view = Some(Arc::clone(&made));
        Ok(made)
    }

    fn make_view(&self) -> Result<Arc<dyn View>> {
        let prefix = [self.shared.view_prefix];
        let ops: Vec<Op> = self
            .changes
            .range::<[u8], _>((Bound::Included(prefix.as_slice()), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(key, value)| Op { key: key.to_vec(), value: value.as_ref().map(|value| value.to_vec()) })
            .collect();
        if ops.is_empty() { Ok(Arc::clone(&self.base.view)) } else { self.base.view.apply(&ops) }
    }

    /// The changes in key order, and the view behind them.
    pub(super) fn finish(self) -> Result<(Vec<Change>, Arc<dyn View>)> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let view = self.view()?;
        Ok((self.changes.into_iter().collect(), view))
    }

    fn note(&mut self, key: Arc<[u8]>, value: Option<Arc<[u8]>>) {
        if self.fault.is_none() {
            self.fault = self.refuse(&key, value.as_deref()).err();
        }
        if self.fault.is_some() {
            return;
        }
        if key.first() == Some(&self.shared.view_prefix) {
            self.view.take();
        }
        self.bytes += size(&key, value.as_deref());
        match self.changes.entry(key) {
            Entry::Occupied(mut old) => {
                self.bytes -= size(old.key(), old.get().as_deref());
                old.insert(value);
            }
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
    }

    fn refuse(&self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let len = value.map_or(0, <[u8]>::len);
        let fault = if key.first().is_none_or(|namespace| *namespace == 0) {
            "a key must start with a namespace other than 0".to_owned()
        } else if key.len() > KEY_MAX {
            format!("a key of {} bytes is over the limit of {KEY_MAX}", key.len())
        } else if len > VALUE_MAX {
            format!("a value of {len} bytes is over the limit of {VALUE_MAX}")
        } else if self.changes.len() >= OPS_MAX && !self.changes.contains_key(key) {
            format!("one commit holds at most {OPS_MAX} changes: use several")
        } else if self.bytes + size(key, value) > COMMIT_BYTES_MAX {
            format!("one commit holds at most {} MiB: use several", COMMIT_BYTES_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(Error::invalid("commit", fault))
    }
}

fn size(key: &[u8], value: Option<&[u8]>) -> u64 {
    (key.len() + value.map_or(0, <[u8]>::len)) as u64
}

impl Read for Transaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => get(self.shared, &self.base, key),
        }
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        let span = Span::new(start, end);
        let entries = IndexRange::entries(self.shared, span.clone(), reverse);
        let below = Merge::over(self.base.overlay.range(span.clone(), reverse), entries, reverse);
        Merge::over(own(&self.changes, span, reverse), below, reverse)
    }
}

fn own(changes: &Changes, span: Span, reverse: bool) -> Box<dyn Iterator<Item = Change> + '_> {
    if span.is_empty() {
        return Box::new(std::iter::empty());
    }
    let change = |(key, value): (&Arc<[u8]>, &Option<Arc<[u8]>>)| (Arc::clone(key), value.clone());
    let range = changes.range::<[u8], _>(span);
    if reverse { Box::new(range.rev().map(change)) } else { Box::new(range.map(change)) }
}

impl Write for Transaction<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.note(key.into(), Some(value.into()));
    }

    fn delete(&mut self, key: &[u8]) {
        self.note(key.into(), None);
    }
}
