//! The one commit point: journal, overlay and index as one ordered map with transactions and snapshots. Knows nothing
//! of records or sales.

use std::any::Any;
use std::sync::Arc;

use crate::Result;
use crate::kv::Op;

/// Entries of a range in a [`Read`].
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Arc<[u8]>, Arc<[u8]>)>> + 'a>;

/// Something that can be read like one ordered map: a snapshot, or a transaction with its own changes.
pub trait Read {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`crate::Error::Corruption`] or [`crate::Error::Io`] where index and journal both cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>>;

    /// Entries with `start <= key < end` in key order, or in reverse. `end` of `None` is no bound.
    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a>;
}

/// Something that collects changes.
pub trait Write: Read {
    /// Puts `value` under `key`, replacing what stood there.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Deletes `key`; a key that is not there is fine.
    fn delete(&mut self, key: &[u8]);
}

/// State kept in memory, made from the keys with one prefix, and swapped in the same instant in which a commit becomes
/// visible. Callers downcast it (`&*view as &dyn Any`) to what they gave.
pub trait View: Any + Send + Sync {
    /// The state after `ops`, all of which have the view's prefix.
    ///
    /// # Errors
    /// An error refuses the transaction that made the changes; at open it fails the open.
    fn apply(&self, ops: &[Op]) -> Result<Arc<dyn View>>;
}
