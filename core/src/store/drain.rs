//! Moving commits from the overlay into the index, and checkpoints.
//!
//! Nothing here is needed for a commit to stay: it keeps memory and the time to open small. A commit that a snapshot is
//! older than stays in the overlay, so that the index never shows a reader more than its own commit.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::commit::{Failure, weigh};
use super::index::{Applied, Batches, Failed};
use super::overlay::{Change, State};
use super::shared::{Shared, lock};
use crate::kv::{Kv, Op};
use crate::{Error, Result};

/// Commits are left to gather for so long before they are moved; keys that change often are then moved once.
const GATHER: Duration = Duration::from_millis(200);
/// A checkpoint is due after so many bytes of journal, or after so long.
const CHECKPOINT_BYTES: u64 = 4 << 20;
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// The drain does not wait to gather beyond so many bytes in the overlay.
const OVERLAY_BYTES_SOON: u64 = 8 << 20;

/// A commit on its way into the index.
pub struct Commit {
    pub sequence: u64,
    pub changes: Vec<Change>,
}

impl Commit {
    /// Memory it takes.
    pub fn weight(&self) -> u64 {
        weigh(&self.changes)
    }
}

/// How far the index is.
pub struct Drain {
    /// The index has everything up to here.
    pub drained: u64,
    /// And has it on disk up to here, and the journal says so.
    pub durable: u64,
    /// The journal's length at the last checkpoint, and when that was.
    pub checkpoint_at: (u64, Instant),
    /// The journal's length at which it is looked through for dead bytes.
    pub rewrite_at: u64,
    /// The store is closing and no reader can see the index any more.
    pub unwatched: bool,
}

/// What the worker is told.
#[derive(Default)]
pub struct Signal {
    /// Something was committed.
    work: bool,
    /// Somebody waits for room.
    hurry: bool,
    stop: bool,
}

impl Shared {
    /// Tells the worker that there is something to do.
    pub fn work(&self) {
        let mut signal = lock(&self.signal);
        if !signal.work {
            signal.work = true;
            self.wake.notify_all();
        }
    }

    /// Tells the worker that somebody waits.
    pub fn hurry(&self) {
        let mut signal = lock(&self.signal);
        (signal.work, signal.hurry) = (true, true);
        self.wake.notify_all();
    }

    /// Tells the worker to end.
    pub fn stop(&self) {
        lock(&self.signal).stop = true;
        self.wake.notify_all();
    }

    /// The worker's life.
    pub fn run_worker(&self) {
        while self.await_work() {
            let failed = self.work_once().err().map(|error| {
                tracing::error!(%error, "commits cannot be moved to the index; they stay in the journal");
                Failure::new(error)
            });
            let stuck = failed.is_some();
            lock(&self.tip).stuck = failed;
            self.progress.notify_all();
            if stuck {
                self.pause(CHECKPOINT_EVERY);
            }
        }
    }

    /// Waits until something was committed and had time to gather, or a checkpoint is due. False to end.
    fn await_work(&self) -> bool {
        let mut signal = lock(&self.signal);
        while !signal.work && !signal.stop {
            let wait = self.wake.wait_timeout(signal, CHECKPOINT_EVERY);
            let (guard, timeout) = wait.unwrap_or_else(PoisonError::into_inner);
            signal = guard;
            if timeout.timed_out() {
                return !signal.stop;
            }
        }
        let gather = Instant::now() + GATHER;
        while !signal.hurry && !signal.stop && self.state().overlay.bytes() < OVERLAY_BYTES_SOON {
            let left = gather.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            signal = self.wake.wait_timeout(signal, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        (signal.work, signal.hurry) = (false, false);
        !signal.stop
    }

    fn pause(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut signal = lock(&self.signal);
        while !signal.stop && Instant::now() < deadline {
            signal = self.wake.wait_timeout(signal, time).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work_once(&self) -> Result<()> {
        let mut drain = lock(&self.drain);
        self.drain(&mut drain)?;
        let grown = lock(&self.journal).len().saturating_sub(drain.checkpoint_at.0);
        let due = grown >= CHECKPOINT_BYTES || drain.checkpoint_at.1.elapsed() >= CHECKPOINT_EVERY;
        if due && drain.drained > drain.durable {
            self.checkpoint_with(&mut drain)?;
        }
        if let Err(error) = self.rewrite_if_due(&mut drain) {
            tracing::warn!(%error, "the journal cannot be rewritten");
        }
        Ok(())
    }

    /// Moves what may be moved: everything no snapshot is older than.
    pub fn drain(&self, drain: &mut Drain) -> Result<()> {
        let commits = self.take_pending(drain.unwatched);
        let Some(target) = commits.last().map(|commit| commit.sequence) else { return Ok(()) };
        let mut changes = BTreeMap::new();
        for commit in &commits {
            changes.extend(commit.changes.iter().cloned());
        }
        if let Err(error) = self.move_changes(drain, &changes, target) {
            let mut pending = lock(&self.pending);
            commits.into_iter().rev().for_each(|commit| pending.push_front(commit));
            return Err(error);
        }
        drain.drained = target;
        let bytes = commits.iter().map(Commit::weight).sum();
        self.prune(target, &changes.into_keys().collect::<Vec<_>>(), bytes);
        Ok(())
    }

    fn take_pending(&self, unwatched: bool) -> Vec<Commit> {
        // Chosen under the lock under which snapshots read the state: none that is older can come later.
        let target = {
            let active = lock(&self.active);
            let oldest = active.first_key_value().map(|(sequence, _)| *sequence);
            let latest = self.state().sequence;
            if unwatched { latest } else { oldest.map_or(latest, |oldest| oldest.min(latest)) }
        };
        let mut pending = lock(&self.pending);
        let count = pending.iter().take_while(|commit| commit.sequence <= target).count();
        pending.drain(..count).collect()
    }

    /// Applies changes; where the index fails it is made again, and they are applied once more.
    fn move_changes(
        &self,
        drain: &Drain,
        changes: &BTreeMap<Arc<[u8]>, Option<Arc<[u8]>>>,
        target: u64,
    ) -> Result<()> {
        let applied = Applied { database: self.database, sequence: drain.drained, target };
        let apply = |kv: &dyn Kv| {
            let mut batches = Batches::new(kv, applied);
            for (key, value) in changes {
                batches.push(Op { key: key.to_vec(), value: value.as_ref().map(|value| value.to_vec()) })?;
            }
            batches.finish()
        };
        self.index.with(apply).or_else(|failed| {
            self.renew_index(drain, failed.generation, &failed.error)?;
            self.index.with(apply).map_err(|failed| failed.error)
        })
    }

    /// Forgets commits up to `sequence`, which have taken so many bytes.
    fn prune(&self, sequence: u64, keys: &[Arc<[u8]>], bytes: u64) {
        {
            let _swap = lock(&self.swap);
            let mut state = State::clone(&self.state());
            state.overlay.prune(sequence, keys);
            self.set_state(state);
        }
        {
            let mut tip = lock(&self.tip);
            tip.state.overlay.prune(sequence, keys);
            tip.moved(bytes);
        }
        self.progress.notify_all();
    }

    /// Drains, makes the index durable, and says so in the journal.
    pub fn checkpoint(&self) -> Result<()> {
        let mut drain = lock(&self.drain);
        self.drain(&mut drain)?;
        if drain.drained > drain.durable { self.checkpoint_with(&mut drain) } else { Ok(()) }
    }

    fn checkpoint_with(&self, drain: &mut Drain) -> Result<()> {
        self.make_durable(drain)?;
        // The slot comes before the journal. The index cannot be made again meanwhile: that takes the drain.
        let degraded = self.index.is_degraded();
        let mut journal = lock(&self.journal);
        if !degraded {
            journal.checkpoint(drain.durable, false)?;
        }
        drain.checkpoint_at = (journal.len(), Instant::now());
        Ok(())
    }

    /// Flushes the index and reads back what it says was applied.
    pub fn make_durable(&self, drain: &mut Drain) -> Result<()> {
        let flush = |kv: &dyn Kv| {
            kv.flush()?;
            let expected =
                Applied { database: self.database, sequence: drain.drained, target: drain.drained };
            match Applied::read(kv)? {
                Some(applied) if applied == expected => Ok(()),
                None if drain.drained == 0 => Ok(()),
                applied => {
                    Err(Error::corrupt(&self.dir.join("index"), format!("says {applied:?} was applied")))
                }
            }
        };
        self.index.with(flush).or_else(|Failed { generation, error }| {
            self.renew_index(drain, generation, &error)?;
            self.index.with(flush).map_err(|failed| failed.error)
        })?;
        // An index in memory stands in for one that the disk refuses: nothing of it stays.
        if !self.index.is_degraded() {
            drain.durable = drain.drained;
        }
        Ok(())
    }

    /// Ends the journal with a closing checkpoint. Everything has been queued, written and refused by now.
    pub fn finish_journal(&self) -> Result<()> {
        let mut drain = lock(&self.drain);
        // No reader may see the index move: those that come now find the store closed.
        self.index.wait_for_readers();
        drain.unwatched = true;
        if lock(&self.journal).poison().is_some() {
            return Ok(());
        }
        let moved = self.drain(&mut drain).and_then(|()| {
            if drain.drained > drain.durable { self.make_durable(&mut drain) } else { Ok(()) }
        });
        let mut journal = lock(&self.journal);
        let closed = if journal.is_closed() { Ok(()) } else { journal.checkpoint(drain.durable, true) };
        moved.and(closed)
    }
}
