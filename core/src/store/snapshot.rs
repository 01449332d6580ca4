//! One commit's state, for as long as somebody looks at it.

use std::sync::Arc;

#[cfg(test)]
use super::View;
use super::merge::{IndexRange, Merge};
use super::overlay::{Span, State};
use super::shared::Shared;
use super::{Entries, Read};
use crate::Result;

/// One commit's state. Commits go on meanwhile, but what they change stays in memory until the snapshot is dropped, and
/// writers wait when that is 64 MiB: do not keep one for long, and never write from inside of [`super::Store::read`].
pub struct Snapshot<'a> {
    shared: &'a Shared,
    state: Arc<State>,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(shared: &'a Shared, state: Arc<State>) -> Self {
        Self { shared, state }
    }

    /// The view as of this commit.
    #[cfg(test)]
    pub fn view(&self) -> &Arc<dyn View> {
        &self.state.view
    }
}

impl Read for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        get(self.shared, &self.state, key)
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        let span = Span::new(start, end);
        let entries = IndexRange::entries(self.shared, span.clone(), reverse);
        Merge::over(self.state.overlay.range(span, reverse), entries, reverse)
    }

    /// The index counts what lies between the overlay's changes. It is not asked about their own keys, since it may
    /// have some of them already and get others meanwhile.
    fn count(&self, start: &[u8], end: Option<&[u8]>) -> Result<u64> {
        let Span { mut start, end } = Span::new(start, end);
        let between = |start: &[u8], end: Option<&[u8]>| self.shared.read_index(|kv| kv.count(start, end));
        let mut count = 0;
        for (key, value) in self.state.overlay.range(Span { start: start.clone(), end: end.clone() }, false) {
            count += between(&start, Some(&key))? + u64::from(value.is_some());
            start = [&key, [0].as_slice()].concat();
        }
        Ok(count + between(&start, end.as_deref())?)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.shared.unpin(self.state.sequence);
    }
}

/// A key's value in the overlay, else in the index.
pub fn get(shared: &Shared, state: &State, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
    shared.refuse_closed()?;
    match state.overlay.get(key) {
        Some(value) => Ok(value),
        // The store's own keys are nobody's.
        None if key.first().is_none_or(|namespace| *namespace == 0) => Ok(None),
        None => Ok(shared.read_index(|kv| kv.get(key))?.map(Into::into)),
    }
}
