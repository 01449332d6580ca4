//! The index on disk and what to do when it fails: it is set aside and made again from the journal.

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::Image;
use crate::journal::Reader;
use crate::kv::{Kv, MemoryKv, Op, SledKv};
use crate::{Error, Result};

/// Operations a batch holds at most; more take memory out of all proportion in sled.
pub const BATCH_OPS: usize = 100;
/// Bytes a batch holds, unless one operation alone has more.
pub const BATCH_BYTES: usize = 256 << 10;
/// The store's own key; every other key starts above it.
const APPLIED: &[u8] = b"\0applied";

/// Opens an index in a directory with a cache of so many bytes. Tests put faulty ones in.
pub type OpenIndex = Arc<dyn Fn(&Path, u64) -> Result<Box<dyn Kv>> + Send + Sync>;

/// The index every writable store has unless told otherwise.
pub fn open_sled(path: &Path, cache_bytes: u64) -> Result<Box<dyn Kv>> {
    Ok(Box::new(SledKv::open(path, cache_bytes)?))
}

/// What the index says of itself, under its own key:
///
/// ```text
///  0 16  database id, little endian
/// 16  8  applied: it has every change up to this sequence
/// 24  8  target: it may have changes up to this sequence
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub database: u128,
    pub sequence: u64,
    pub target: u64,
}

impl Applied {
    pub fn op(self) -> Op {
        let mut value = self.database.to_le_bytes().to_vec();
        value.extend_from_slice(&self.sequence.to_le_bytes());
        value.extend_from_slice(&self.target.to_le_bytes());
        Op::put(APPLIED, value)
    }

    /// `None` where the index says nothing.
    pub fn read(kv: &dyn Kv) -> Result<Option<Self>> {
        let Some(value) = kv.get(APPLIED)? else { return Ok(None) };
        let field = |from: usize| value.get(from..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let read = || {
            let database = u128::from_le_bytes(*value.first_chunk()?);
            let applied = Self { database, sequence: field(16)?, target: field(24)? };
            (value.len() == 32).then_some(applied)
        };
        read().map(Some).ok_or_else(|| Error::corrupt(Path::new("index"), "it does not say what was applied"))
    }
}

/// Applies any number of operations in order, in batches of the right size. The first says what is being applied, the
/// last that it is.
pub struct Batches<'a> {
    kv: &'a dyn Kv,
    applied: Applied,
    ops: Vec<Op>,
    bytes: usize,
}

impl<'a> Batches<'a> {
    pub fn new(kv: &'a dyn Kv, applied: Applied) -> Self {
        Self { kv, applied, ops: vec![applied.op()], bytes: 0 }
    }

    pub fn push(&mut self, op: Op) -> Result<()> {
        let len = op.key.len() + op.value.as_ref().map_or(0, Vec::len);
        if self.ops.len() + 1 >= BATCH_OPS || self.bytes + len > BATCH_BYTES {
            self.kv.apply(&self.ops)?;
            self.ops.clear();
            self.bytes = 0;
        }
        self.bytes += len;
        self.ops.push(op);
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        self.ops.push(Applied { sequence: self.applied.target, ..self.applied }.op());
        self.kv.apply(&self.ops)
    }
}

/// Applies the frames of a journal from where the reader stands up to a sequence. `from` is what the index has.
pub fn replay(kv: &dyn Kv, reader: &mut Reader, from: u64, to: u64) -> Result<()> {
    let applied = Applied { database: reader.header().database, sequence: from, target: to };
    let mut batches = Batches::new(kv, applied);
    while let Some(frame) = reader.next()? {
        if frame.header.last > to {
            break;
        }
        for op in reader.ops(&frame) {
            let (key, value) = op?;
            batches.push(Op { key: key.to_vec(), value: value.map(<[u8]>::to_vec) })?;
        }
    }
    batches.finish()
}

/// What an index that nobody uses is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds what the journal says, as far as it goes, or is not there.
    Good,
    /// It has commits up to here, which the journal has not.
    Ahead(u64),
    /// It must be made again; why.
    Bad(String),
}

/// Compares an index with what a journal says that is whole: `image` is the journal's state, `last` its last sequence,
/// `applied` what it says the index has. `touched` gives the keys that were changed behind a sequence.
///
/// # Errors
/// Those of `touched`.
pub fn inspect(
    open: &dyn Fn() -> Result<Box<dyn Kv>>,
    image: &Image,
    (database, applied, last): (u128, u64, u64),
    touched: impl FnOnce(u64) -> Result<BTreeSet<Vec<u8>>>,
) -> Result<Verdict> {
    let opened = open().and_then(|kv| Ok((Applied::read(kv.as_ref())?, kv)));
    let (found, kv) = match opened {
        Err(error) => return Ok(Verdict::Bad(error.to_string())),
        // One that was never filled, as in a backup, is as good as none.
        Ok((None, kv)) if applied == 0 || kv.range(&[1], None, false).next().is_none() => {
            return Ok(Verdict::Good);
        }
        Ok((None, _)) => return Ok(Verdict::Bad("it does not say what was applied".to_owned())),
        Ok((Some(found), kv)) => (found, kv),
    };
    if found.database != database {
        return Ok(Verdict::Bad("it is another database's".to_owned()));
    }
    if found.sequence.max(found.target) > last {
        return Ok(Verdict::Ahead(found.sequence.max(found.target)));
    }
    if found.sequence < applied {
        return Ok(Verdict::Bad("it lacks commits".to_owned()));
    }
    let later = touched(found.sequence)?;
    Ok(match is_same(kv.as_ref(), image, &later) {
        Ok(true) => Verdict::Good,
        Ok(false) => Verdict::Bad("it is not what the journal says".to_owned()),
        Err(error) => Verdict::Bad(error.to_string()),
    })
}

/// Whether an index holds just the entries of an image, apart from some keys.
fn is_same(kv: &dyn Kv, image: &Image, apart: &BTreeSet<Vec<u8>>) -> Result<bool> {
    let mut expected = image.0.iter().filter(|(key, _)| !apart.contains(*key));
    for entry in kv.range(&[1], None, false) {
        let (key, value) = entry?;
        if apart.contains(&key) {
            continue;
        }
        if expected.next().is_none_or(|(own, told)| *own != key || **told != *value) {
            return Ok(false);
        }
    }
    Ok(expected.next().is_none())
}

/// The index in use, and how to open another.
pub struct Index {
    dir: PathBuf,
    cache_bytes: u64,
    opener: OpenIndex,
    slot: RwLock<Slot>,
}

struct Slot {
    kv: Option<Box<dyn Kv>>,
    /// Counts the indexes there have been, so that one failure seen by many readers is mended once.
    generation: u64,
    /// In memory, because none could be made on disk: good for reading, never durable.
    degraded: bool,
    closed: bool,
}

impl Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// A failure of the index and the generation in which it was seen.
pub struct Failed {
    pub generation: u64,
    pub error: Error,
}

impl Index {
    pub fn new(dir: PathBuf, cache_bytes: u64, opener: OpenIndex, kv: Box<dyn Kv>) -> Self {
        let slot = RwLock::new(Slot { kv: Some(kv), generation: 0, degraded: false, closed: false });
        Self { dir, cache_bytes, opener, slot }
    }

    /// Runs `f` on the index; fails with [`Error::Closed`] when it has been given up.
    pub fn with<T>(&self, f: impl FnOnce(&dyn Kv) -> Result<T>) -> Result<T, Failed> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let generation = slot.generation;
        let failed = |error| Failed { generation, error };
        match &slot.kv {
            Some(kv) => f(kv.as_ref()).map_err(failed),
            None if slot.closed => Err(failed(closed())),
            None => Err(failed(Error::corrupt(&self.dir, "the index cannot be made again"))),
        }
    }

    /// The index on disk could not be made, and one in memory stands in.
    pub fn is_degraded(&self) -> bool {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).degraded
    }

    /// How often the index was made again since it was opened.
    pub fn generation(&self) -> u64 {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Sets the index aside and makes another with everything up to `applied`, in memory where the disk refuses. Does
    /// nothing where that has already happened since `generation`.
    pub fn renew(&self, generation: u64, reader: &dyn Fn() -> Result<Reader>, applied: u64) -> Result<()> {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.generation != generation || slot.closed {
            return Ok(());
        }
        // The old one must have let go of its files before they move.
        slot.kv = None;
        let (kv, degraded) = match self.build(&mut reader()?, applied) {
            Ok(kv) => (kv, false),
            Err(error) => {
                tracing::error!(%error, "the index cannot be made on disk and is kept in memory");
                let kv = MemoryKv::default();
                replay(&kv, &mut reader()?, 0, applied)?;
                (Box::new(kv) as Box<dyn Kv>, true)
            }
        };
        *slot = Slot { kv: Some(kv), generation: generation + 1, degraded, closed: false };
        Ok(())
    }

    fn build(&self, reader: &mut Reader, applied: u64) -> Result<Box<dyn Kv>> {
        rebuild(&self.dir, &|| (self.opener)(&self.dir, self.cache_bytes), reader, applied)
    }

    /// Waits for readers to leave the index; those that come later still find it.
    pub fn wait_for_readers(&self) {
        drop(self.slot.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives the index up.
    pub fn close(&self) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        (slot.kv, slot.closed) = (None, true);
    }
}

/// Sets aside what stands in `dir` and makes a new index there.
pub fn rebuild(
    dir: &Path,
    open: &dyn Fn() -> Result<Box<dyn Kv>>,
    reader: &mut Reader,
    applied: u64,
) -> Result<Box<dyn Kv>> {
    let aside = dir.with_extension("aside");
    remove_dir(&aside).map_err(Error::io("remove", &aside))?;
    match fs::rename(dir, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("set aside", dir)(error));
        }
        _ => {}
    }
    let kv = open()?;
    replay(kv.as_ref(), reader, 0, applied)?;
    // Derived data: nothing is lost with it, and it would only take space.
    if let Err(error) = remove_dir(&aside) {
        tracing::warn!(path = %aside.display(), %error, "cannot remove the index that was set aside");
    }
    Ok(kv)
}

/// Removes a directory with all that is in it; one that is not there is fine.
pub fn remove_dir(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The error of a handle that was closed.
pub fn closed() -> Error {
    Error::Closed { detail: "the database is closed".to_owned() }
}
