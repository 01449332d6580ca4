//! What is committed at one moment, and a copy of it on disk while the store is in use.

use std::path::Path;
use std::sync::Arc;

use super::directory::{self, JOURNAL};
use super::lock::{self, Content, Whole};
use super::shared::lock as hold;
use super::{Store, View};
use crate::Result;
use crate::file::Disk;
use crate::journal::{Journal, Reader, Scan};

/// One commit: its view, and the journal up to it. A journal that is rewritten meanwhile stays readable.
pub struct Moment {
    /// The view as of this commit.
    pub view: Arc<dyn View>,
    journal: Reader,
    database: u128,
}

impl Store {
    /// The latest commit. Waits for the one that is being written.
    ///
    /// # Errors
    /// [`Error::Closed`] once the handle is closed; [`Error::Io`] where the journal cannot be read.
    pub fn moment(&self) -> Result<Moment> {
        let shared = &self.shared;
        shared.refuse_closed()?;
        // A commit becomes visible before its journal is let go, so the two are of one moment.
        let journal = hold(&shared.journal);
        let view = Arc::clone(&shared.state().view);
        Ok(Moment { view, journal: journal.reader()?, database: shared.database })
    }
}

impl Moment {
    /// Writes journal, the text of `LOCK` and `TILLROLL` into the directory of a [`super::Target`], in this order, each
    /// durable before the next: without the last of them the directory is no database.
    ///
    /// # Errors
    /// [`Error::Corruption`] where the journal is damaged, [`Error::Io`].
    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<()> {
        let folder = dir.join(JOURNAL);
        let path = self.journal.copy(disk, &folder)?;
        // Reads back and checks every frame of the copy.
        let mut copy = Reader::open(disk, &path, self.journal.end())?;
        let scan = Scan::run(&mut copy)?;
        let mut journal = Journal::resume(disk, &path, &scan, true)?;
        journal.checkpoint(scan.applied, true)?;
        lock::write(disk, dir, &Content { pid: None, whole: Whole::of(&journal, scan.last) })?;
        directory::mark(disk, dir, self.database)
    }
}
