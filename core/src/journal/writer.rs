//! Appending to the journal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{FileHeader, FrameHeader, Kind};
use super::replay::{Reader, Scan};
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

/// The journal that is being written.
///
/// After a failed append the file is cut back to its last good length and goes on being used. Where cutting back or a
/// sync fails, nothing may be assumed of the file any more: the journal is *poisoned*, and every later append is
/// refused until the database is opened again, which reads what really is there.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    header: FileHeader,
    len: u64,
    last: u64,
    closed: bool,
    poison: Option<String>,
}

impl Journal {
    /// Makes the first journal of a database, durably.
    pub fn create(disk: &dyn Disk, folder: &Path, database: u128) -> Result<()> {
        let path = folder.join(file_name(1));
        crate::file::write_atomically(disk, &path, &FileHeader::first(database).encode())
            .map_err(Error::io("write", &path))
    }

    /// Numbers and paths of the journals in a folder, the highest first.
    pub fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
        let names = disk.list(folder).map_err(Error::io("list", folder))?;
        let mut found: Vec<_> =
            names.iter().filter_map(|name| Some((file_number(name)?, folder.join(name)))).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// Goes on with a journal that has been read. A writer cuts a torn tail off, and syncs what it is about to show to
    /// readers; `write` of false does neither.
    pub fn resume(disk: &dyn Disk, path: &Path, scan: &Scan, write: bool) -> Result<Self> {
        let file = disk.open(path, write).map_err(Error::io("open", path))?;
        if write && scan.torn > 0 {
            file.set_len(scan.end).map_err(Error::io("cut", path))?;
        }
        // What the last process wrote may have been read back from memory only.
        if write {
            file.sync().map_err(Error::io("sync", path))?;
            let folder = path.parent().unwrap_or(Path::new("."));
            disk.sync_dir(folder).map_err(Error::io("sync", folder))?;
        }
        let (len, last, closed) = (scan.end, scan.last, scan.closed);
        Ok(Self { path: path.to_owned(), file, header: scan.header, len, last, closed, poison: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Bytes that are written and synced.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The last frame says that the database was closed behind it.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Why nothing more is accepted.
    pub fn poison(&self) -> Option<&str> {
        self.poison.as_deref()
    }

    /// A reader of everything synced so far. It goes on reading the old file where a rewrite replaces it meanwhile.
    pub fn reader(&self) -> Result<Reader> {
        Reader::of(Arc::clone(&self.file), &self.path, self.len)
    }

    /// Appends the changes of commits `first..=last` and syncs them.
    pub fn commit<B: AsRef<[u8]>>(&mut self, first: u64, last: u64, bodies: &[B]) -> Result<()> {
        self.append(Kind::Commit, first, last, bodies)
    }

    /// Appends a checkpoint: the index on disk has everything up to `applied`.
    pub fn checkpoint(&mut self, applied: u64, closed: bool) -> Result<()> {
        self.append(Kind::Checkpoint, self.last, self.last, &[checkpoint_body(applied, closed)])?;
        self.closed = closed;
        Ok(())
    }

    fn append<B: AsRef<[u8]>>(&mut self, kind: Kind, first: u64, last: u64, bodies: &[B]) -> Result<()> {
        self.refuse_poisoned()?;
        let frame = FrameHeader::frame(kind, first, last, self.header.seed(self.len), bodies);
        if let Err(error) = self.file.write_all_at(&frame, self.len) {
            self.cut_back();
            return Err(Error::io("write", &self.path)(error));
        }
        if let Err(error) = self.file.sync() {
            self.poison_with(format!("could not be synced: {error}"));
            return Err(Error::io("sync", &self.path)(error));
        }
        self.len += frame.len() as u64;
        self.last = last;
        self.closed = false;
        Ok(())
    }

    fn cut_back(&mut self) {
        if let Err(error) = self.file.set_len(self.len) {
            self.poison_with(format!("could not be cut back after a failed write: {error}"));
        }
    }

    fn poison_with(&mut self, reason: String) {
        tracing::error!(path = %self.path.display(), reason, "the journal takes no more writes");
        self.poison = Some(reason);
    }

    pub fn refuse_poisoned(&self) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(Error::Closed {
                detail: format!(
                    "{} {reason}; nothing more is written on this handle: close and open the database again",
                    self.path.display()
                ),
            }),
        }
    }

    /// Goes on in a file that has replaced this one and holds the same commits.
    pub(super) fn replace(&mut self, path: PathBuf, file: Arc<dyn DiskFile>, header: FileHeader, len: u64) {
        (self.path, self.file, self.header, self.len) = (path, file, header, len);
        self.closed = false;
    }

    pub(super) fn poison_by_rewrite(&mut self, error: &std::io::Error) {
        self.poison_with(format!("was replaced, but that could not be made durable: {error}"));
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }
}

pub fn checkpoint_body(applied: u64, closed: bool) -> Vec<u8> {
    let mut body = applied.to_le_bytes().to_vec();
    body.push(u8::from(closed));
    body
}

pub fn file_name(number: u64) -> String {
    format!("{number:06}.log")
}

fn file_number(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(".log")?;
    (digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
