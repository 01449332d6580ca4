//! Ranges over layers: changes on top of entries.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::Peekable;

use super::overlay::{Change, Span};
use super::shared::Shared;
use super::{Entries, Entry};
use crate::Result;

/// Entries fetched from the index at once: first a few, for lookups of one, then more.
const PAGE_FIRST: usize = 16;
const PAGE_MAX: usize = 512;
/// A page ends with the entry that takes it over so many bytes.
const PAGE_BYTES: usize = 256 << 10;

/// Lays changes over entries; both come in the same order.
pub struct Merge<'a> {
    changes: Peekable<Box<dyn Iterator<Item = Change> + 'a>>,
    entries: Peekable<Entries<'a>>,
    reverse: bool,
}

impl<'a> Merge<'a> {
    pub fn over(
        changes: Box<dyn Iterator<Item = Change> + 'a>,
        entries: Entries<'a>,
        reverse: bool,
    ) -> Entries<'a> {
        Box::new(Self { changes: changes.peekable(), entries: entries.peekable(), reverse })
    }

    /// Which side comes next: `Less` the change, `Greater` the entry, `Equal` both under one key.
    fn order(&mut self) -> Option<Ordering> {
        match (self.changes.peek(), self.entries.peek()) {
            (None, None) => None,
            (Some(_), None) => Some(Ordering::Less),
            (None, Some(_)) | (_, Some(Err(_))) => Some(Ordering::Greater),
            (Some((change, _)), Some(Ok((entry, _)))) => {
                let order = change.cmp(entry);
                Some(if self.reverse { order.reverse() } else { order })
            }
        }
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let order = self.order()?;
            if order == Ordering::Greater {
                return self.entries.next();
            }
            if order == Ordering::Equal {
                self.entries.next();
            }
            if let (key, Some(value)) = self.changes.next()? {
                return Some(Ok((key, value)));
            }
        }
    }
}

/// Entries of the index, fetched page by page, so that an index that fails in the middle can be made again and the
/// range go on behind the last key it gave. The caller keeps the index still (see `Shared::pin`).
pub struct IndexRange<'a> {
    shared: &'a Shared,
    span: Span,
    reverse: bool,
    page: VecDeque<Entry>,
    page_size: usize,
    done: bool,
}

impl<'a> IndexRange<'a> {
    pub fn entries(shared: &'a Shared, span: Span, reverse: bool) -> Entries<'a> {
        let done = span.is_empty();
        Box::new(Self { shared, span, reverse, page: VecDeque::new(), page_size: PAGE_FIRST, done })
    }

    fn fill(&mut self) -> Result<()> {
        let Self { span, reverse, page_size, .. } = self;
        let (page, done) = self.shared.read_index(|kv| {
            let mut entries = kv.range(&span.start, span.end.as_deref(), *reverse);
            let (mut page, mut bytes) = (Vec::new(), 0);
            while page.len() < *page_size && bytes < PAGE_BYTES {
                let Some(entry) = entries.next() else { return Ok((page, true)) };
                let (key, value) = entry?;
                bytes += key.len() + value.len();
                page.push((key, value));
            }
            Ok((page, false))
        })?;
        self.done = done;
        self.page_size = (*page_size * 4).min(PAGE_MAX);
        if let Some((last, _)) = page.last() {
            if *reverse {
                span.end = Some(last.clone());
            } else {
                span.start = [last.as_slice(), &[0]].concat();
            }
        }
        self.page = page.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Ok(())
    }
}

impl Iterator for IndexRange<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.done
            && let Err(error) = self.fill()
        {
            self.done = true;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}
