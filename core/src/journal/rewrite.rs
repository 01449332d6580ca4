//! A shorter journal from the old one.
//!
//! Steps, each of which may be the last one before a crash:
//!
//! 1. `Live::find` reads the old journal up to the covered sequence and notes where each key was put last.
//! 2. `Draft::begin` writes those operations as base frames under a temporary name.
//! 3. `Draft::copy` appends the commits behind the covered sequence, again and again while writers go on.
//! 4. `Draft::install`, with writers held off: the last commits, the header, fsync, rename, fsync of the folder.
//! 5. The old file is removed.
//!
//! Until the rename the old journal is the journal; from then on the new one is, complete. Open takes the highest number
//! and removes what is left of the others. BE ADVISED: after the rename a failed fsync of the folder leaves it open which
//! of the two a power cut would show, so then neither may be appended to: the journal is poisoned.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use super::frame::{FILE_HEADER_LEN, FileHeader, FrameHeader, Kind, OP_LEN, push_op};
use super::replay::{Frame, Reader};
use super::writer::{Journal, checkpoint_body, file_name};
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

/// Base frames are about this long.
const BASE_FRAME_LEN: usize = 1 << 20;

/// Where the value of each key stands that is there at `covered`: 128-bit hash of the key → (offset of the frame, number
/// of the operation in it). Collisions among 10^9 keys have a chance of 10^-21.
#[derive(Debug)]
pub struct Live {
    places: HashMap<u128, (u64, u32, u32)>,
    covered: u64,
    bytes: u64,
}

impl Live {
    /// Reads all frames up to `covered`, which must be the last sequence of one.
    pub fn find(reader: &mut Reader, covered: u64) -> Result<Self> {
        let mut live = Self { places: HashMap::new(), covered, bytes: 0 };
        while let Some(frame) = reader.next()? {
            if frame.header.last > covered {
                break;
            }
            for (number, op) in (0_u32..).zip(reader.ops(&frame)) {
                let (key, value) = op?;
                live.note(key, value, (frame.offset, number));
            }
        }
        Ok(live)
    }

    fn note(&mut self, key: &[u8], value: Option<&[u8]>, (offset, number): (u64, u32)) {
        let hash = xxh3_128(key);
        let size = u32::try_from(OP_LEN + key.len() + value.map_or(0, <[u8]>::len)).unwrap_or(u32::MAX);
        let old = match value {
            Some(_) => self.places.insert(hash, (offset, number, size)),
            None => self.places.remove(&hash),
        };
        self.bytes -= old.map_or(0, |(_, _, size)| u64::from(size));
        self.bytes += if value.is_some() { u64::from(size) } else { 0 };
    }

    /// Bytes a rewritten journal would take for what is live.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn holds(&self, key: &[u8], frame: &Frame, number: u32) -> bool {
        self.places
            .get(&xxh3_128(key))
            .is_some_and(|(offset, op, _)| (*offset, *op) == (frame.offset, number))
    }
}

/// A journal that is being rewritten. Dropping it without [`Draft::install`] removes the temporary file.
#[derive(Debug)]
pub struct Draft<'a> {
    disk: &'a dyn Disk,
    temporary: PathBuf,
    target: PathBuf,
    file: Arc<dyn DiskFile>,
    header: FileHeader,
    len: u64,
    last: u64,
    installed: bool,
}

impl<'a> Draft<'a> {
    /// Writes the live operations of `old` as the base of the next journal.
    pub fn begin(disk: &'a dyn Disk, old: &mut Reader, live: &Live) -> Result<Self> {
        let mut draft = Self::create(disk, old, live.covered)?;
        let mut body = Vec::new();
        while let Some(frame) = old.next()? {
            if frame.header.last > live.covered {
                break;
            }
            for (number, op) in (0_u32..).zip(old.ops(&frame)) {
                let (key, value) = op?;
                if value.is_some() && live.holds(key, &frame, number) {
                    push_op(&mut body, key, value);
                }
                if body.len() >= BASE_FRAME_LEN {
                    draft.append(Kind::Base, live.covered, live.covered, &body)?;
                    body.clear();
                }
            }
        }
        if !body.is_empty() {
            draft.append(Kind::Base, live.covered, live.covered, &body)?;
        }
        draft.header.base_end = draft.len;
        Ok(draft)
    }

    fn create(disk: &'a dyn Disk, old: &Reader, covered: u64) -> Result<Self> {
        let number = old.header().number + 1;
        let target = old.path().with_file_name(file_name(number));
        Self::create_at(
            disk,
            target,
            FileHeader { number, ..FileHeader::first(old.header().database) },
            covered,
        )
    }

    fn create_at(disk: &'a dyn Disk, target: PathBuf, header: FileHeader, covered: u64) -> Result<Self> {
        let temporary = target.with_added_extension("tmp");
        match disk.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &temporary)(error));
            }
            _ => {}
        }
        let file = disk.create(&temporary).map_err(Error::io("create", &temporary))?;
        let header = FileHeader { covered, ..header };
        let (len, last) = (FILE_HEADER_LEN, covered);
        Ok(Self { disk, temporary, target, file, header, len, last, installed: false })
    }

    /// Appends the commits of `old` behind what the draft has, up to the reader's end.
    pub fn copy(&mut self, old: &mut Reader) -> Result<()> {
        while let Some(frame) = old.next()? {
            if frame.header.kind == Kind::Commit && frame.header.first > self.last {
                self.append(Kind::Commit, frame.header.first, frame.header.last, &frame.body)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, kind: Kind, first: u64, last: u64, body: &[u8]) -> Result<()> {
        let frame = FrameHeader::frame(kind, first, last, self.header.seed(self.len), &[body]);
        self.file.write_all_at(&frame, self.len).map_err(Error::io("write", &self.temporary))?;
        self.len += frame.len() as u64;
        self.last = last;
        Ok(())
    }

    /// Puts the draft in the journal's place. `journal` must have nothing the draft has not. `applied` is what the index
    /// on disk has.
    pub fn install(mut self, journal: &mut Journal, applied: u64) -> Result<()> {
        let behind = self.last != journal.last() || journal.poison().is_some();
        if behind {
            return Err(Error::corrupt(&self.temporary, "the rewritten journal lacks commits"));
        }
        self.seal(applied, false)?;
        self.rename(journal)?;
        let old = journal.path().to_owned();
        journal.replace(self.target.clone(), Arc::clone(&self.file), self.header, self.len);
        // Left behind, it is removed at the next open.
        if let Err(error) = self.disk.remove(&old) {
            tracing::warn!(path = %old.display(), %error, "cannot remove the journal before this one");
        }
        Ok(())
    }

    /// Ends the file with a checkpoint and makes it durable under its temporary name.
    fn seal(&mut self, applied: u64, closed: bool) -> Result<()> {
        self.append(Kind::Checkpoint, self.last, self.last, &checkpoint_body(applied, closed))?;
        self.file.write_all_at(&self.header.encode(), 0).map_err(Error::io("write", &self.temporary))?;
        self.file.sync().map_err(Error::io("sync", &self.temporary))
    }

    fn rename(&mut self, journal: &mut Journal) -> Result<()> {
        let folder = self.target.parent().unwrap_or(Path::new("."));
        if let Err(error) = self.disk.rename(&self.temporary, &self.target) {
            // A rename that failed and yet took place must not leave two journals that grow apart.
            if Journal::list(self.disk, folder)
                .map_or(true, |all| all.iter().any(|(_, path)| *path == self.target))
            {
                self.installed = true;
                journal.poison_by_rewrite(&error);
            }
            return Err(Error::io("rename", &self.temporary)(error));
        }
        self.installed = true;
        self.disk.sync_dir(folder).map_err(|error| {
            journal.poison_by_rewrite(&error);
            Error::io("sync", folder)(error)
        })
    }
}

/// Makes a journal, durably, of a state and nothing else: the one at the sequence `covered`, after which the database
/// counts as closed. Gives the journal's length.
///
/// # Errors
/// [`Error::Io`]; after a failure the journal stands whole or not at all.
pub fn write_state<'e>(
    disk: &dyn Disk,
    folder: &Path,
    (database, number): (u128, u64),
    covered: u64,
    entries: impl Iterator<Item = (&'e [u8], &'e [u8])>,
) -> Result<u64> {
    let header = FileHeader { number, ..FileHeader::first(database) };
    let mut draft = Draft::create_at(disk, folder.join(file_name(number)), header, covered)?;
    let mut body = Vec::new();
    for (key, value) in entries {
        push_op(&mut body, key, Some(value));
        if body.len() >= BASE_FRAME_LEN {
            draft.append(Kind::Base, covered, covered, &body)?;
            body.clear();
        }
    }
    if !body.is_empty() {
        draft.append(Kind::Base, covered, covered, &body)?;
    }
    draft.header.base_end = draft.len;
    draft.seal(covered, true)?;
    disk.rename(&draft.temporary, &draft.target).map_err(Error::io("rename", &draft.temporary))?;
    draft.installed = true;
    disk.sync_dir(folder).map_err(Error::io("sync", folder))?;
    Ok(draft.len)
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.installed {
            let _ = self.disk.remove(&self.temporary);
        }
    }
}
