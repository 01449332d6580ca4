//! An ordered byte map with atomic batches: what the index is made of.
//!
//! A [`Kv`] is *derived*: everything in it can be made again from the journal, so an implementation may fail at any
//! time without loss. It knows no records and no sales.
//!
//! | file | what stands there |
//! |---|---|
//! | `key.rs` | composite keys whose bytes sort like the tuples they are made of |
//! | `value.rs` | the checked frame around serialised values; the only place that names bincode |
//! | `sled.rs` | the map on disk; the only place that names sled |
//! | `memory.rs` | its twin in memory, for read-only handles and as the oracle of the tests |

pub(crate) mod key;
pub(crate) mod memory;
pub(crate) mod sled;
pub(crate) mod value;

pub(crate) use self::sled::SledKv;
pub(crate) use key::{Key, KeyReader, prefix_end};
pub(crate) use memory::MemoryKv;

use std::fmt::Debug;

use crate::Result;

/// One change with an absolute value, so that applying it twice is applying it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// The key; its first byte is the namespace.
    pub key: Vec<u8>,
    /// The value to put, `None` to delete.
    pub value: Option<Vec<u8>>,
}

impl Op {
    /// Puts `value` under `key`, replacing what stood there.
    pub fn put(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    /// Deletes `key`; a key that is not there is fine.
    #[cfg(test)]
    pub fn delete(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: None }
    }
}

/// Entries of a range, each of which may fail on its own.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>)>> + 'a>;

/// An ordered byte map.
pub trait Kv: Send + Sync + Debug {
    /// The value under `key`.
    ///
    /// # Errors
    /// Any error, and any panic inside that was turned into one, means that the whole map is to be made again.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Entries with `start <= key < end` in key order, or in reverse. `end` of `None` is no bound. Streams, and is
    /// not a snapshot: what is applied meanwhile may or may not be seen.
    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a>;

    /// The number of entries with `start <= key < end`, seen as [`Kv::range`] sees them.
    ///
    /// # Errors
    /// As of [`Kv::get`].
    fn count(&self, start: &[u8], end: Option<&[u8]>) -> Result<u64> {
        self.range(start, end, false).map(|entry| entry.map(|_| 1)).sum()
    }

    /// Applies a batch wholly or not at all, also across a crash; of two operations on one key the later wins. Give at most 100 operations: an implementation may
    /// need memory far out of proportion for more.
    fn apply(&self, ops: &[Op]) -> Result<()>;

    /// Makes everything applied so far durable.
    fn flush(&self) -> Result<()>;
}
