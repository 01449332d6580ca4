//! When and how the journal is rewritten; the steps on disk stand in `journal/rewrite.rs`.

use super::drain::Drain;
use super::shared::{Shared, lock};
use crate::Result;
use crate::journal::{Draft, Live};

/// A journal shorter than this is left alone.
pub const REWRITE_BYTES_MIN: u64 = 16 << 20;
/// Rounds of copying what was committed meanwhile before writers are held off for the rest.
const ROUNDS: usize = 3;

impl Shared {
    /// Rewrites the journal where it has grown enough to be looked at and more than half of it is dead.
    pub fn rewrite_if_due(&self, drain: &mut Drain) -> Result<()> {
        let len = lock(&self.journal).len();
        if len < drain.rewrite_at || self.index.is_degraded() {
            return Ok(());
        }
        // Looked at again only when it has grown by half, whatever comes of it now.
        drain.rewrite_at = len + len / 2;
        self.rewrite(drain, false).map(|_| ())
    }

    /// Rewrites the journal where more than half of it is dead, or in any case. True where it did.
    pub fn rewrite(&self, drain: &mut Drain, always: bool) -> Result<bool> {
        lock(&self.journal).refuse_poisoned()?;
        // Only what the index has on disk may lose its history.
        self.make_durable(drain)?;
        let covered = drain.durable;
        let mut old = lock(&self.journal).reader()?;
        let live = Live::find(&mut old, covered)?;
        let len = lock(&self.journal).len();
        if !always && live.bytes() > len / 2 {
            return Ok(false);
        }
        let mut old = lock(&self.journal).reader()?;
        let mut draft = Draft::begin(self.disk.as_ref(), &mut old, &live)?;
        let mut old = lock(&self.journal).reader()?;
        for _ in 0..ROUNDS {
            draft.copy(&mut old)?;
            old.extend(lock(&self.journal).len());
        }
        let mut journal = lock(&self.journal);
        old.extend(journal.len());
        draft.copy(&mut old)?;
        draft.install(&mut journal, covered)?;
        drain.rewrite_at = (journal.len() * 2).max(REWRITE_BYTES_MIN);
        drain.checkpoint_at.0 = journal.len();
        Ok(true)
    }
}
