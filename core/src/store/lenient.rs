//! A disk that gives zeros where another cannot be read. What is lost there is told by checksums then, as any other
//! damage is, and all around it can be read.
//!
//! What fails is tried once more at once. A place, or a file, that fails again is not tried later: every pass over a file
//! sees the same bytes, and a disk that takes seconds for a failure does not take them for each pass.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::shared::lock;
use crate::error::is_bad_medium;
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

/// What is given up at once: most disks and file systems keep blocks of this size.
const BLOCK: u64 = 4096;

/// What was seen of a file.
#[derive(Debug, Default)]
struct Seen {
    /// Numbers of blocks that cannot be read.
    lost: BTreeSet<u64>,
    /// It cannot even be opened, or asked how long it is.
    is_closed: bool,
    /// Some of it was read.
    was_read: bool,
    /// What the system said first.
    said: Option<i32>,
}

impl Seen {
    fn is_hurt(&self) -> bool {
        self.is_closed || !self.lost.is_empty()
    }

    fn has_lost(&self, from: u64, len: usize) -> bool {
        let end = from.saturating_add(len as u64).div_ceil(BLOCK);
        self.lost.range(from / BLOCK..end.max(from / BLOCK)).next().is_some()
    }
}

/// By path, shared by a disk and its open files.
type Files = Arc<Mutex<BTreeMap<PathBuf, Seen>>>;

/// A disk that reads on where another fails, and remembers where that was.
#[derive(Debug)]
pub struct Lenient {
    disk: Arc<dyn Disk>,
    files: Files,
}

impl Lenient {
    pub fn new(disk: &Arc<dyn Disk>) -> Self {
        Self { disk: Arc::clone(disk), files: Files::default() }
    }

    /// Whether a part of a file could not be read.
    pub fn is_hurt(&self, path: &Path) -> bool {
        lock(&self.files).get(path).is_some_and(Seen::is_hurt)
    }

    /// The files of which a part could not be read, and how much that is.
    pub fn hurt(&self) -> Vec<(PathBuf, String)> {
        let what = |seen: &Seen| match seen.lost.first() {
            Some(first) if !seen.is_closed => {
                let (count, at) = (seen.lost.len(), first * BLOCK);
                format!("the disk fails to read {count} of its blocks of {BLOCK} bytes, the first at {at}")
            }
            _ => "the disk fails to open it".to_owned(),
        };
        let files = lock(&self.files);
        files
            .iter()
            .filter(|(_, seen)| seen.is_hurt())
            .map(|(path, seen)| (path.clone(), what(seen)))
            .collect()
    }

    /// Refuses a disk that reads nothing of any file below these folders: that is no damage of files, and on another
    /// machine all of them may be well.
    ///
    /// # Errors
    /// [`Error::Io`], with what the system said.
    pub fn refuse_blind(&self, folders: &[PathBuf]) -> Result<()> {
        let files = lock(&self.files);
        let mut within = files
            .iter()
            .filter(|(path, _)| path.parent().is_some_and(|parent| folders.iter().any(|one| one == parent)));
        let (mut first, mut is_blind) = (None, true);
        for (path, seen) in &mut within {
            first = first.or(seen.said.map(|code| (path, code)));
            is_blind &= !seen.was_read;
        }
        match first {
            Some((path, code)) if is_blind => {
                Err(Error::io("read", path)(io::Error::from_raw_os_error(code)))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a file has failed as a whole.
fn is_closed(files: &Files, path: &Path) -> bool {
    lock(files).get(path).is_some_and(|seen| seen.is_closed)
}

/// Does something, and where the disk fails once more.
fn tried_twice<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if is_bad_medium(&error) => act(),
        done => done,
    }
}

/// Takes in what came of reading at a place: `None` where the disk fails there.
fn judged<T>(files: &Files, path: &Path, block: Option<u64>, done: io::Result<T>) -> io::Result<Option<T>> {
    let error = match done {
        Err(error) if is_bad_medium(&error) => error,
        done => return done.map(Some),
    };
    let mut files = lock(files);
    let seen = files.entry(path.to_owned()).or_default();
    seen.said = seen.said.or(error.raw_os_error());
    match block {
        Some(block) => drop(seen.lost.insert(block)),
        None => seen.is_closed = true,
    }
    Ok(None)
}

impl Disk for Lenient {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(path)
    }

    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create_private(path)
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        if write {
            return self.disk.open(path, write);
        }
        let file = match is_closed(&self.files, path) {
            true => None,
            false => judged(&self.files, path, None, tried_twice(|| self.disk.open(path, false)))?,
        };
        Ok(Arc::new(LenientFile { file, path: path.to_owned(), files: Arc::clone(&self.files) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    /// A file that cannot be read whole gets a second name instead, so that whoever knows how to read it still can.
    /// Where the file system has no such names, what could be read of it is copied: then it must not be removed.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.is_hurt(from) {
            match self.disk.copy(from, to) {
                Err(error) if is_bad_medium(&error) => {}
                copied => return copied,
            }
            match self.disk.remove(to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.link(from, to).or_else(|_| crate::file::copy_bytes(self, from, to))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        tried_twice(|| self.disk.list(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
}

/// A file that is only read.
#[derive(Debug)]
struct LenientFile {
    /// None where it could not be opened, then or before.
    file: Option<Arc<dyn DiskFile>>,
    path: PathBuf,
    files: Files,
}

impl LenientFile {
    fn has_lost(&self, from: u64, len: usize) -> bool {
        lock(&self.files).get(&self.path).is_some_and(|seen| seen.has_lost(from, len))
    }

    /// The file, as long as it has not failed as a whole.
    fn readable(&self) -> Option<&dyn DiskFile> {
        self.file.as_deref().filter(|_| !is_closed(&self.files, &self.path))
    }

    fn note_read(&self) {
        let mut files = lock(&self.files);
        match files.get_mut(&self.path) {
            Some(seen) => seen.was_read = true,
            None => drop(files.insert(self.path.clone(), Seen { was_read: true, ..Seen::default() })),
        }
    }

    /// Reads what of a buffer lies in one block; zeros where that fails.
    fn read_block(&self, file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(BLOCK - offset % BLOCK).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        if !self.has_lost(offset, room) {
            let read = tried_twice(|| file.read_at(buffer, offset));
            if let Some(read) = judged(&self.files, &self.path, Some(offset / BLOCK), read)? {
                if read > 0 {
                    self.note_read();
                }
                return Ok(read);
            }
        }
        let end = usize::try_from(self.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let read = end.min(room);
        buffer.get_mut(..read).unwrap_or_default().fill(0);
        Ok(read)
    }

    fn read_blocks(&self, file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read_block(file, rest, offset + done as u64)? {
                0 => break,
                read => done += read,
            }
        }
        Ok(done)
    }
}

impl DiskFile for LenientFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(file) = self.readable() else { return Ok(0) };
        if self.has_lost(offset, buffer.len()) {
            return self.read_blocks(file, buffer, offset);
        }
        match file.read_at(buffer, offset) {
            Err(error) if is_bad_medium(&error) => self.read_blocks(file, buffer, offset),
            Ok(read) if read > 0 => {
                self.note_read();
                Ok(read)
            }
            read => read,
        }
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn len(&self) -> io::Result<u64> {
        let Some(file) = self.readable() else { return Ok(0) };
        Ok(judged(&self.files, &self.path, None, tried_twice(|| file.len()))?.unwrap_or(0))
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.sync())
    }
}

#[cfg(test)]
#[path = "lenient_test.rs"]
mod test;
