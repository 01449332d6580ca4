//! A directory that takes the copy of a database: locked, and marked as unfinished, from its first step to its last.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::directory;
use super::lock::{self, Content};
use crate::file::Disk;
use crate::{Error, Result};

/// A place that only this call fills. Dropping it gives the lock back.
pub struct Target {
    disk: Arc<dyn Disk>,
    dir: Box<Path>,
    _held: Option<File>,
}

impl Target {
    /// Takes a directory that is not there, is empty, or holds what an unfinished copy has left, which is removed.
    ///
    /// # Errors
    /// [`Error::Locked`] while another call fills it, [`Error::Conflict`] where a database stands already;
    /// [`Error::Format`] for any other directory, [`Error::Corruption`] where there is data but neither `TILLROLL` nor
    /// `BACKUP`, [`Error::Io`].
    pub fn take(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self> {
        refuse_database(&**disk, dir)?;
        directory::make(&**disk, dir)?;
        let held = lock::acquire(&**disk, dir, false)?;
        // Another copy may have been finished between the two.
        refuse_database(&**disk, dir)?;
        let target = Self { disk: Arc::clone(disk), dir: dir.into(), _held: held };
        if directory::is_unfinished(&**disk, dir)? {
            target.empty()?;
            directory::make_folders(&**disk, dir)?;
        } else {
            directory::make_folders(&**disk, dir)?;
            directory::set_unfinished(&**disk, dir)?;
        }
        lock::write(&**disk, dir, &Content { pid: Some(std::process::id()), whole: None })?;
        Ok(target)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The copy is a database: takes the word back that it is not finished. Where that fails, the next open does it.
    pub fn finish(self) {
        if let Err(error) = directory::set_finished(&*self.disk, &self.dir) {
            tracing::warn!(%error, path = %self.dir.display(), "a finished backup keeps the file that says it is not");
        }
    }

    /// Gives back the room of a copy that failed. What cannot be removed stays: the directory is no database, and says
    /// that it is an unfinished copy. `LOCK` stays in any case, or two could hold it.
    pub fn clear(self) {
        if let Err(error) = self.empty() {
            tracing::warn!(%error, path = %self.dir.display(), "what a failed backup has left could not be removed");
        }
    }

    fn empty(&self) -> Result<()> {
        directory::unmark(&*self.disk, &self.dir)?;
        directory::empty(&*self.disk, &self.dir)
    }
}

fn refuse_database(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if directory::read(disk, dir)?.is_some() {
        let detail = format!("{} is a database already: name a new directory", dir.display());
        return Err(Error::Conflict { field: "path".to_owned(), detail });
    }
    Ok(())
}
