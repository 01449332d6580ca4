//! Group commit: while one frame is being synced, the transactions that come after it queue up, and go together in the
//! next frame.
//!
//! 1. A transaction's closure runs, one at a time, on the tip: everything committed and everything queued.
//! 2. Its changes join the queue and the tip.
//! 3. Whoever finds nobody writing writes: the whole queue as one frame, then fsync.
//! 4. The frame's changes become visible in one step, and everybody in it is told.
//!
//! Where a frame fails, everything queued behind it was validated against something that never came to be. So all of
//! it is refused, and the tip falls back to what is committed. A transaction that changes nothing has seen the queue as
//! well: it waits for the newest commit it saw, and fails where that one does.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::View;
use super::drain::Commit;
use super::overlay::{Change, State, weight};
use super::shared::{Shared, lock};
use super::transaction::{COMMIT_BYTES_MAX, Transaction};
use crate::journal::{OP_LEN, push_op};
use crate::{Error, Result};

/// Commits that are not in the index hold at most this many bytes; writers wait for the drain beyond it.
pub const PENDING_BYTES_MAX: u64 = 64 << 20;
/// Bodies that go together in one frame are at most about this long.
const GROUP_BYTES_MAX: usize = 64 << 20;

/// The state behind everything queued, and the queue.
pub struct Tip {
    pub state: State,
    queue: Vec<Queued>,
    /// How the newest commit that `state` is made of ended; none where that is known.
    newest: Option<Outcome>,
    /// Memory of all commits that are queued or not in the index yet. Never less than the overlay, which holds what was
    /// put under one key many times only once.
    unmoved: u64,
    writing: bool,
    /// Counts refusals, so that a closure that ran on a tip that fell is refused as well.
    falls: u64,
    fell: Option<Failure>,
    /// Why the drain does not get on; writers do not wait for it then.
    pub stuck: Option<Failure>,
}

/// How a transaction ended, once it has.
type Outcome = Arc<OnceLock<Result<(), Failure>>>;

/// A transaction that waits for its frame.
struct Queued {
    sequence: u64,
    changes: Vec<Change>,
    body: Vec<u8>,
    /// What readers will see: the tip as it was with these changes.
    state: State,
    outcome: Outcome,
}

/// An error that several callers get.
#[derive(Debug, Clone)]
pub struct Failure(Arc<Error>);

impl Failure {
    pub fn new(error: Error) -> Self {
        Self(Arc::new(error))
    }

    /// The same error again. What the operating system said keeps its kind, so that callers can tell a full disk.
    pub fn error(&self) -> Error {
        match &*self.0 {
            Error::Io { action, path, source } => {
                let source = match source.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(source.kind(), source.to_string()),
                };
                Error::Io { action, path: path.clone(), source }
            }
            Error::Closed { detail } => Error::Closed { detail: detail.clone() },
            Error::Corruption { path, detail } => {
                Error::Corruption { path: path.clone(), detail: detail.clone() }
            }
            other => Error::Closed { detail: other.to_string() },
        }
    }
}

impl Tip {
    /// The tip of a store whose commits that are not in the index take `unmoved` bytes.
    pub fn new(state: State, unmoved: u64) -> Self {
        let queue = Vec::new();
        Self { state, queue, newest: None, unmoved, writing: false, falls: 0, fell: None, stuck: None }
    }

    /// Memory of all commits that are queued or not in the index yet.
    #[cfg(test)]
    pub fn unmoved(&self) -> u64 {
        self.unmoved
    }

    /// Commits of so many bytes went into the index.
    pub fn moved(&mut self, bytes: u64) {
        self.unmoved = self.unmoved.saturating_sub(bytes);
    }

    /// Falls back to what is committed and refuses everything queued.
    fn fall(&mut self, committed: State, failure: &Failure) {
        self.state = committed;
        self.newest = None;
        self.falls += 1;
        self.fell = Some(failure.clone());
        for refused in std::mem::take(&mut self.queue) {
            self.moved(weigh(&refused.changes));
            let _ = refused.outcome.set(Err(failure.clone()));
        }
    }

    /// Nothing is queued and nothing is being written.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.writing
    }

    /// The front of the queue that goes in one frame.
    fn take_group(&mut self) -> Vec<Queued> {
        let mut bytes = 0;
        let fits = |queued: &&Queued| {
            bytes += queued.body.len();
            bytes <= GROUP_BYTES_MAX
        };
        let count = self.queue.iter().take_while(fits).count().max(1).min(self.queue.len());
        self.queue.drain(..count).collect()
    }
}

impl Shared {
    /// Runs a transaction; see [`super::Store::write`].
    pub fn write<T>(&self, f: impl FnOnce(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        self.refuse_closed()?;
        self.refuse_read_only()?;
        let turn = lock(&self.turn);
        // Closing waits for the turn, so a transaction that has it goes through.
        self.refuse_closed()?;
        self.refuse_poisoned()?;
        let (base, falls, newest) = {
            let tip = lock(&self.tip);
            (tip.state.clone(), tip.falls, tip.newest.clone())
        };
        let mut transaction = Transaction::new(self, base);
        let value = f(&mut transaction)?;
        let (changes, view) = transaction.finish()?;
        if changes.is_empty() {
            drop(turn);
            // What it saw may still be on its way to the disk.
            newest.map_or(Ok(()), |newest| self.await_outcome(lock(&self.tip), &newest))?;
            return Ok(value);
        }
        let (tip, outcome) = self.enqueue(changes, view, falls)?;
        drop(turn);
        self.await_outcome(tip, &outcome)?;
        Ok(value)
    }

    fn refuse_poisoned(&self) -> Result<()> {
        // A journal that is being written or rewritten is not waited for: the append itself refuses as well.
        let Ok(journal) = self.journal.try_lock() else { return Ok(()) };
        journal.refuse_poisoned()
    }

    fn enqueue(
        &self,
        changes: Vec<Change>,
        view: Arc<dyn View>,
        falls: u64,
    ) -> Result<(MutexGuard<'_, Tip>, Outcome)> {
        let body = encode(&changes);
        let bytes = weigh(&changes);
        let mut tip = self.await_room(bytes)?;
        if tip.falls != falls {
            return Err(tip.fell.as_ref().map_or_else(super::index::closed, Failure::error));
        }
        let sequence = tip.state.sequence + 1;
        changes.iter().for_each(|change| tip.state.overlay.insert(sequence, change));
        tip.state.sequence = sequence;
        tip.state.view = view;
        tip.unmoved += bytes;
        let outcome = Outcome::default();
        tip.newest = Some(Arc::clone(&outcome));
        let state = tip.state.clone();
        tip.queue.push(Queued { sequence, changes, body, state, outcome: Arc::clone(&outcome) });
        Ok((tip, outcome))
    }

    /// Waits until so many bytes more may be on their way into the index, or none are. While somebody holds a snapshot
    /// nothing moves.
    fn await_room(&self, bytes: u64) -> Result<MutexGuard<'_, Tip>> {
        let mut tip = lock(&self.tip);
        while tip.unmoved + bytes > PENDING_BYTES_MAX && tip.unmoved > 0 {
            if let Some(stuck) = &tip.stuck {
                return Err(stuck.error());
            }
            self.hurry();
            let wait = self.progress.wait_timeout(tip, Duration::from_millis(100));
            tip = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(tip)
    }

    /// Waits for the frame a transaction is in, or writes it.
    fn await_outcome<'a>(
        &'a self,
        mut tip: MutexGuard<'a, Tip>,
        outcome: &OnceLock<Result<(), Failure>>,
    ) -> Result<()> {
        loop {
            if let Some(outcome) = outcome.get() {
                return outcome.clone().map_err(|failure| failure.error());
            }
            if tip.writing {
                tip = self.progress.wait(tip).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            tip.writing = true;
            let group = tip.take_group();
            drop(tip);
            let written = self.write_group(&group);
            tip = self.settle(group, written);
            self.progress.notify_all();
        }
    }

    fn write_group(&self, group: &[Queued]) -> Result<()> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let bodies: Vec<&[u8]> = group.iter().map(|queued| queued.body.as_slice()).collect();
        let mut journal = lock(&self.journal);
        journal.commit(first.sequence, last.sequence, &bodies)?;
        // Published before the journal is let go, so that nobody finds a journal ahead of what readers see.
        self.publish(group, last);
        Ok(())
    }

    /// Makes a synced group visible, in one step.
    fn publish(&self, group: &[Queued], last: &Queued) {
        let _swap = lock(&self.swap);
        let committed = self.state();
        let mut state = last.state.clone();
        // Readers and the tip share one tree, and so its memory. Where the drain has moved something since, the tree of
        // the queue still has it, and would keep it.
        if !state.overlay.is_pruned_as(&committed.overlay) {
            state.overlay = committed.overlay.clone();
            for queued in group {
                queued.changes.iter().for_each(|change| state.overlay.insert(queued.sequence, change));
            }
        }
        let commits =
            group.iter().map(|queued| Commit { sequence: queued.sequence, changes: queued.changes.clone() });
        lock(&self.pending).extend(commits);
        self.set_state(state);
        self.work();
    }

    pub fn set_state(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    /// Tells everybody in a group how it went, and everybody behind it where it failed.
    fn settle(&self, group: Vec<Queued>, written: Result<()>) -> MutexGuard<'_, Tip> {
        let mut tip = lock(&self.tip);
        tip.writing = false;
        let outcome = written.map_err(Failure::new);
        if let Err(failure) = &outcome {
            tip.fall(State::clone(&self.state()), failure);
        }
        for queued in group {
            if outcome.is_err() {
                tip.moved(weigh(&queued.changes));
            }
            let _ = queued.outcome.set(outcome.clone());
        }
        tip
    }

    /// Waits until every transaction that has been queued is written or refused.
    pub fn await_idle(&self) {
        let mut tip = lock(&self.tip);
        while !tip.is_idle() {
            tip = self.progress.wait(tip).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Marks the store closed; false where it was already.
    pub fn mark_closed(&self) -> bool {
        let _turn = lock(&self.turn);
        !self.closed.swap(true, Ordering::AcqRel)
    }
}

/// Memory that changes take.
pub fn weigh(changes: &[Change]) -> u64 {
    changes.iter().map(weight).sum()
}

fn encode(changes: &[Change]) -> Vec<u8> {
    let len = |(key, value): &Change| OP_LEN + key.len() + value.as_ref().map_or(0, |value| value.len());
    let mut body = Vec::with_capacity(changes.iter().map(len).sum());
    changes.iter().for_each(|(key, value)| push_op(&mut body, key, value.as_deref()));
    body
}

// One commit always fits where nothing is pending, and a frame.
const _: () = assert!(COMMIT_BYTES_MAX <= PENDING_BYTES_MAX && COMMIT_BYTES_MAX <= GROUP_BYTES_MAX as u64);
