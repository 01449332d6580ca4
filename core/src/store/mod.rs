//! The one commit point: journal, overlay and index as one ordered map with transactions and snapshots. Knows nothing
//! of records or sales.
//!
//! ```text
//!   write ─► Transaction ─► queue ─► journal frame ─► fsync ─► overlay + view ─► acknowledged
//!                                                                 │
//!                                                   worker: batches ≤ 100 operations
//!                                                                 ▼
//!   read ──► overlay, then index                                index ─► flush, fsync ─► checkpoint frame
//! ```
//!
//! | file | what stands there |
//! |---|---|
//! | `commit.rs` | group commit |
//! | `overlay.rs`, `merge.rs` | committed and not in the index; ranges over both |
//! | `snapshot.rs`, `transaction.rs` | what readers and writers see |
//! | `moment.rs`, `target.rs` | one commit, and its copy on disk |
//! | `drain.rs` | from the overlay into the index; checkpoints |
//! | `index.rs` | the index, and making it again when it fails |
//! | `compact.rs` | when the journal is rewritten |
//! | `open.rs`, `directory.rs`, `lock.rs` | opening, beginning, locking, recovery |
//! | `check.rs` | journal and index verified |
//! | `salvage.rs`, `image.rs`, `mend.rs` | what is left of a damaged store, in memory, and put in its place |
//! | `lenient.rs` | files that the disk fails to read in part |
//! | `shared.rs` | what all of them share, and the order of locks |

mod check;
mod commit;
mod compact;
mod directory;
mod drain;
mod image;
mod index;
mod lenient;
mod lock;
mod mend;
mod merge;
mod moment;
mod open;
mod overlay;
mod salvage;
mod shared;
mod snapshot;
mod target;
mod transaction;

#[cfg(test)]
mod test;

pub(crate) use check::Problem;
pub(crate) use image::Image;
pub(crate) use moment::Moment;
pub(crate) use salvage::{Observe, Salvage};
pub(crate) use snapshot::Snapshot;
pub(crate) use target::Target;
pub(crate) use transaction::Transaction;

use std::any::Any;
use std::fmt::{self, Debug};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use self::index::{OpenIndex, open_sled};
use self::shared::Shared;
use crate::Result;
use crate::file::{Disk, OsDisk};
use crate::kv::Op;

/// A key and its value.
pub type Entry = (Arc<[u8]>, Arc<[u8]>);

/// Entries of a range in a [`Read`].
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry>> + 'a>;

/// Something that can be read like one ordered map: a snapshot, or a transaction with its own changes.
pub trait Read {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`crate::Error::Corruption`] or [`crate::Error::Io`] where index and journal both cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>>;

    /// Entries with `start <= key < end` in key order, or in reverse. `end` of `None` is no bound.
    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a>;

    /// The number of entries with `start <= key < end`.
    ///
    /// # Errors
    /// As of [`Read::get`].
    fn count(&self, start: &[u8], end: Option<&[u8]>) -> Result<u64> {
        self.range(start, end, false).map(|entry| entry.map(|_| 1)).sum()
    }
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

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// Writes nothing at all: the journal is replayed into memory, and `index/` is not touched.
    pub read_only: bool,
    /// Begins a database where there is none.
    pub create: bool,
    /// What the index may cache, in bytes.
    pub index_cache_bytes: u64,
    /// The first byte of the keys the view is made from.
    pub view_prefix: u8,
    /// The view of an empty store.
    pub view: Arc<dyn View>,
    /// Where journal, `TILLROLL` and the text of `LOCK` are.
    pub disk: Arc<dyn Disk>,
    /// What the index is made of.
    index: OpenIndex,
}

impl StoreOptions {
    /// Options of a writable store that is begun where there is none, with a view made from the keys that start with
    /// `view_prefix`.
    pub fn new(view_prefix: u8, view: Arc<dyn View>) -> Self {
        Self {
            read_only: false,
            create: true,
            index_cache_bytes: 32 << 20,
            view_prefix,
            view,
            disk: Arc::new(OsDisk),
            index: Arc::new(open_sled),
        }
    }
}

/// Figures of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreStats {
    /// The last commit's sequence.
    pub sequence: u64,
    /// The index has everything up to here on disk.
    pub checkpoint: u64,
    /// The journal's number; it grows by one with each rewrite.
    pub journal_number: u64,
    /// The journal's length.
    pub journal_bytes: u64,
    /// Bytes of a write that never was acknowledged, found behind the journal at open.
    pub recovered_bytes: u64,
    /// How often the index was made again from the journal, at open and since.
    pub index_rebuilt: u64,
    /// The index could not be made on disk and is kept in memory.
    pub index_degraded: bool,
    /// Memory of commits that are not in the index yet.
    pub overlay_bytes: u64,
    /// Keys of commits that are not in the index yet.
    pub overlay_keys: u64,
    /// A failed write has made the handle refuse further ones.
    pub poisoned: bool,
}

/// An ordered map of bytes in a directory. Every commit is on disk when it is acknowledged, and readers see commits
/// whole.
pub struct Store {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// Holds the lock on the directory as long as it is open.
    held: Mutex<Option<File>>,
}

impl Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `dir`, and begins one there where `create` says so and the directory is missing, empty, or
    /// holds only what an interrupted beginning has left.
    ///
    /// # Errors
    /// [`crate::Error::Locked`], [`crate::Error::NotFound`], [`crate::Error::Format`] for a newer format or a directory
    /// of something else, [`crate::Error::Corruption`] for a damaged journal, [`crate::Error::Io`].
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self> {
        open::open(dir, options)
    }

    /// The latest committed value under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        snapshot::get(&self.shared, &self.shared.state(), key)
    }

    /// Runs `f` on one commit's state, which stays as it is for the whole of `f`.
    ///
    /// Commits go on meanwhile but stay in memory: `f` must not take long, and must not write.
    pub fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        f(&self.shared.pin()?)
    }

    /// The latest commit's view. Never waits for a write.
    pub fn view(&self) -> Arc<dyn View> {
        Arc::clone(&self.shared.state().view)
    }

    /// The latest commit's number; it grows with every commit. Never waits for a write.
    pub fn sequence(&self) -> u64 {
        self.shared.state().sequence
    }

    /// Runs `f` as a transaction and commits what it changes; returns once that is on disk and visible.
    ///
    /// Closures run one at a time and see everything committed and queued before them. Where `f` fails nothing happens;
    /// where it changes nothing, nothing is written. `f` must not call `write` or `close` on the same store.
    ///
    /// # Errors
    /// What `f` returns; [`crate::Error::Validation`] over the limits of one commit; [`crate::Error::Access`] on a
    /// read-only handle; [`crate::Error::Io`] where the commit was refused by the disk, after which the store is as before;
    /// [`crate::Error::Closed`] once the handle is closed, or poisoned by a failed sync.
    pub fn write<T>(&self, f: impl FnOnce(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        self.shared.write(f)
    }

    /// Moves what is committed into the index, makes it durable there, and notes that in the journal: the next open has
    /// less to replay. Nothing to do for a commit to stay.
    pub fn checkpoint(&self) -> Result<()> {
        self.shared.refuse_closed()?;
        if self.shared.read_only { Ok(()) } else { self.shared.checkpoint() }
    }

    /// Rewrites the journal without what is dead in it, however little that is.
    ///
    /// # Errors
    /// [`crate::Error::Access`] on a read-only handle; [`crate::Error::Io`], after which the old journal goes on.
    pub fn compact(&self) -> Result<()> {
        self.shared.refuse_closed()?;
        self.shared.refuse_read_only()?;
        let mut drain = shared::lock(&self.shared.drain);
        self.shared.drain(&mut drain)?;
        self.shared.rewrite(&mut drain, true).map(|_| ())
    }

    /// Closes the store: waits for writers, moves everything into the index, ends the journal with a checkpoint and
    /// gives the lock back. Every later call gives [`crate::Error::Closed`]; closing again does nothing.
    ///
    /// # Errors
    /// Where the index or the checkpoint cannot be written. Acknowledged commits are safe even so, and the store is
    /// closed in any case.
    pub fn close(&self) -> Result<()> {
        if !self.shared.mark_closed() {
            return Ok(());
        }
        self.shared.stop();
        self.shared.await_idle();
        if let Some(worker) = shared::lock(&self.worker).take() {
            // A worker that panicked has been logged; what it left undone is done below.
            let _ = worker.join();
        }
        let finished = if self.shared.read_only { Ok(()) } else { self.finish() };
        self.shared.index.close();
        if let Some(held) = shared::lock(&self.held).take() {
            // A process that was forked from this one has the file open as well: the lock would go only with its end.
            // Where unlocking fails, closing the file is what is left to do.
            let _ = held.unlock();
        }
        finished
    }

    fn finish(&self) -> Result<()> {
        self.shared.finish_journal()?;
        let journal = shared::lock(&self.shared.journal);
        let whole = lock::Whole::of(&journal, self.shared.state().sequence);
        lock::write(self.shared.disk.as_ref(), &self.shared.dir, &lock::Content { pid: None, whole })
    }

    /// Whether the store writes nothing.
    pub fn is_read_only(&self) -> bool {
        self.shared.read_only
    }

    /// Whether a failed write has made the store refuse further ones. What that write held may be found, whole, at the
    /// next open.
    pub fn is_poisoned(&self) -> bool {
        shared::lock(&self.shared.journal).poison().is_some()
    }

    /// Whether the store was closed.
    pub fn is_closed(&self) -> bool {
        self.shared.refuse_closed().is_err()
    }

    /// The database directory.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// What files are read and written through.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.shared.disk
    }

    /// Figures as of now.
    pub fn stats(&self) -> StoreStats {
        let shared = &self.shared;
        let checkpoint = shared::lock(&shared.drain).durable;
        // The slot comes before the journal: an index that is being made again holds it and reads the journal.
        let (generation, index_degraded) = (shared.index.generation(), shared.index.is_degraded());
        let (state, journal) = (shared.state(), shared::lock(&shared.journal));
        StoreStats {
            sequence: state.sequence,
            checkpoint,
            journal_number: journal.header().number,
            journal_bytes: journal.len(),
            recovered_bytes: shared.recovered,
            index_rebuilt: u64::from(shared.rebuilt_at_open) + generation,
            index_degraded,
            overlay_bytes: state.overlay.bytes(),
            overlay_keys: state.overlay.len() as u64,
            poisoned: journal.poison().is_some(),
        }
    }

    /// Reads the whole journal and compares the index with what it says. Commits wait meanwhile once 64 MiB of them are
    /// not in the index.
    pub fn check(&self) -> Result<Vec<Problem>> {
        self.shared.refuse_closed()?;
        Ok(self.shared.check())
    }
}

#[cfg(test)]
impl Store {
    /// Lets go of everything as a killed process would: nothing more is written by the store.
    fn kill(self) {
        self.shared.closed.store(true, std::sync::atomic::Ordering::Release);
        self.shared.stop();
        if let Some(worker) = shared::lock(&self.worker).take() {
            worker.join().unwrap();
        }
        self.shared.index.close();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, dir = %self.shared.dir.display(), "cannot close the database");
        }
    }
}
