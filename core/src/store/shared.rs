//! What a store's handle, its transactions, its readers and its worker share, and the order in which they may lock it.
//!
//! BE ADVISED, locks are taken from left to right and never the other way:
//!
//! ```text
//! turn → drain → tip → (index slot) → journal → swap → pending → state | active
//! ```
//!
//! `turn` is held while a transaction's closure runs, `drain` while commits move to the index, `journal` during an
//! fsync. Readers take `state` and `active` only, for a few instructions, and the index slot shared.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use super::commit::Tip;
use super::drain::{Commit, Drain, Signal};
use super::index::{Index, closed};
use super::overlay::State;
use super::snapshot::Snapshot;
use crate::file::Disk;
use crate::journal::Journal;
use crate::kv::Kv;
use crate::{Error, Result};

/// The inside of a store.
pub struct Shared {
    pub dir: PathBuf,
    pub disk: Arc<dyn Disk>,
    pub database: u128,
    pub read_only: bool,
    pub view_prefix: u8,
    /// Bytes of a torn tail that were cut off at open.
    pub recovered: u64,
    /// The index was made anew at open.
    pub rebuilt_at_open: bool,
    pub closed: AtomicBool,

    /// Held by the one transaction whose closure runs.
    pub turn: Mutex<()>,
    /// The state behind everything queued, and the queue.
    pub tip: Mutex<Tip>,
    /// Told when a group is written or refused, and when commits have moved into the index.
    pub progress: Condvar,
    pub journal: Mutex<Journal>,
    pub index: Index,

    /// Held while `state` is being replaced, so that a commit and the drain do not undo each other.
    pub swap: Mutex<()>,
    pub state: RwLock<Arc<State>>,
    /// Sequences that snapshots hold, with how many do.
    pub active: Mutex<BTreeMap<u64, usize>>,
    /// Committed and not in the index, oldest first.
    pub pending: Mutex<VecDeque<Commit>>,
    pub drain: Mutex<Drain>,
    pub signal: Mutex<Signal>,
    pub wake: Condvar,
}

/// Locks a mutex. A panic of somebody else while holding it leaves nothing half done: what a lock guards is changed in
/// steps that each leave it whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The latest commit's state.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn refuse_closed(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    pub fn refuse_read_only(&self) -> Result<()> {
        if !self.read_only {
            return Ok(());
        }
        Err(Error::Access { detail: format!("{} was opened read-only", self.dir.display()) })
    }

    /// The latest commit as something that stays: until the snapshot is dropped, the index is not drained beyond it.
    pub fn pin(&self) -> Result<Snapshot<'_>> {
        self.refuse_closed()?;
        // The state is read under the lock, so that no drain can choose a higher target in between.
        let mut active = lock(&self.active);
        let state = self.state();
        *active.entry(state.sequence).or_insert(0) += 1;
        Ok(Snapshot::new(self, state))
    }

    pub fn unpin(&self, sequence: u64) {
        let mut active = lock(&self.active);
        if let Some(count) = active.get_mut(&sequence) {
            *count -= 1;
            if *count == 0 {
                active.remove(&sequence);
            }
        }
    }

    /// Runs a read on the index. Where it fails, the index is set aside and made again, and the read repeated once.
    pub fn read_index<T>(&self, f: impl Fn(&dyn Kv) -> Result<T>) -> Result<T> {
        // A read beyond the close must not find what the last drain has moved.
        let read = |kv: &dyn Kv| self.refuse_closed().and_then(|()| f(kv));
        match self.index.with(read) {
            Ok(value) => Ok(value),
            Err(failed) if matches!(failed.error, Error::Closed { .. }) => Err(failed.error),
            Err(failed) => {
                let drain = lock(&self.drain);
                self.renew_index(&drain, failed.generation, &failed.error)?;
                drop(drain);
                self.index.with(read).map_err(|failed| failed.error)
            }
        }
    }

    /// Makes the index again with exactly what has been drained, which every snapshot's overlay goes on top of.
    pub fn renew_index(&self, drain: &Drain, generation: u64, error: &Error) -> Result<()> {
        tracing::warn!(%error, path = %self.dir.display(), "the index failed and is made again from the journal");
        self.index.renew(generation, &|| lock(&self.journal).reader(), drain.drained)
    }
}
