//! The roll files of a database: opened when first asked for, removed when the last reader of a dropped one is gone.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::manifest::{LiveRoll, Manifest};
use super::roll_totals::RollTotals;
use crate::error::{Error, Result};
use crate::file::Disk;
use crate::roll::{Cache, Roll};

const EXTENSION: &str = "roll";
/// What a roll is called while it is written.
const UNFINISHED: &str = "tmp";
/// What a roll is called that no report names: it goes after the next checkpoint.
const SET_ASIDE: &str = "orphan";

/// All rolls of one database directory.
#[derive(Debug)]
pub(crate) struct Rolls {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    cache: Arc<Cache>,
    files: Mutex<HashMap<u32, Weak<RollFile>>>,
    /// The number of the next new roll; numbers are never used twice while a file of that number stands.
    next: AtomicU32,
    /// Whether [`Self::tidy`] has set anything aside, now or in an earlier open.
    set_aside: AtomicBool,
    /// Rolls of the import that runs: a report that is not committed yet may name them.
    staged: Mutex<HashSet<u32>>,
    /// The database is closed: its files may be another handle's by now.
    retired: AtomicBool,
}

impl Rolls {
    pub(crate) fn new(dir: PathBuf, disk: Arc<dyn Disk>, cache: Arc<Cache>) -> Arc<Self> {
        Arc::new(Self {
            dir,
            disk,
            cache,
            files: Mutex::default(),
            next: AtomicU32::new(1),
            set_aside: AtomicBool::new(false),
            staged: Mutex::default(),
            retired: AtomicBool::new(false),
        })
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What all of them share.
    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// How much of the rolls is in memory.
    pub(crate) fn cache_bytes(&self) -> u64 {
        self.cache.bytes()
    }

    /// A number for a new roll.
    pub(crate) fn allocate(&self) -> u32 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.staged).insert(number);
        number
    }

    /// The import of this roll has ended.
    pub(crate) fn release(&self, number: u32) {
        lock(&self.staged).remove(&number);
    }

    /// Nothing is removed from now on.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Where the roll of this number stands.
    pub(crate) fn path(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number:06}.{EXTENSION}"))
    }

    /// Where the roll of this number is written.
    pub(crate) fn unfinished_path(&self, number: u32) -> PathBuf {
        self.path(number).with_added_extension(UNFINISHED)
    }

    /// The file of this number: the same object for all who hold it.
    pub(crate) fn file(self: &Arc<Self>, number: u32) -> Arc<RollFile> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(&number).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(RollFile {
            number,
            rolls: Arc::clone(self),
            roll: OnceLock::new(),
            totals: OnceLock::new(),
            dropped: AtomicBool::new(false),
        });
        files.insert(number, Arc::downgrade(&file));
        file
    }

    /// Marks the rolls that a commit left without a report: each goes with its last reader. Rolls of the import that
    /// runs stay, since a report it has still to commit may lie in them.
    pub(crate) fn drop_replaced(&self, before: &Manifest, after: &Manifest) {
        lock(&self.files).retain(|_, file| file.strong_count() > 0);
        let staged = lock(&self.staged);
        let number = |live: &LiveRoll| live.file.number();
        for live in
            before.rolls().filter(|live| !after.names(number(live)) && !staged.contains(&number(live)))
        {
            live.file.dropped.store(true, Ordering::Release);
        }
    }

    /// Looks through the directory at open: half-written rolls are removed, rolls that no report names set aside
    /// (they go with [`Self::remove_set_aside`]), and numbers go on above every file seen.
    pub(crate) fn tidy(&self, named: impl Fn(u32) -> bool) -> Result<()> {
        for name in self.disk.list(&self.dir).map_err(Error::io("list", &self.dir))? {
            let path = self.dir.join(&name);
            let Some(number) = number_of(&path) else { continue };
            self.next.fetch_max(number.saturating_add(1), Ordering::Relaxed);
            match path.extension().and_then(OsStr::to_str) {
                Some(UNFINISHED) => self.disk.remove(&path).map_err(Error::io("remove", &path))?,
                Some(EXTENSION) if !named(number) => {
                    tracing::warn!(roll = number, "set aside a roll that no report names");
                    let aside = path.with_added_extension(SET_ASIDE);
                    self.disk.rename(&path, &aside).map_err(Error::io("rename", &path))?;
                    self.set_aside.store(true, Ordering::Relaxed);
                }
                Some(SET_ASIDE) => self.set_aside.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        Ok(())
    }

    /// The numbers of all finished rolls; numbers go on above every file seen.
    pub(crate) fn numbers(&self) -> Result<Vec<u32>> {
        let names = match self.disk.list(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            names => names.map_err(Error::io("list", &self.dir))?,
        };
        let paths: Vec<PathBuf> = names.iter().map(|name| self.dir.join(name)).collect();
        paths.iter().filter_map(|path| number_of(path)).for_each(|number| self.reserve(number));
        let mut numbers: Vec<u32> =
            paths.iter().filter(|path| is_roll(path)).filter_map(|path| number_of(path)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes sure that numbers of rolls the manifest names are not given out again, even where their file is lost.
    pub(crate) fn reserve(&self, number: u32) {
        self.next.fetch_max(number.saturating_add(1), Ordering::Relaxed);
    }

    /// Whether there is anything for [`Self::remove_set_aside`].
    pub(crate) fn has_set_aside(&self) -> bool {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// Removes what was set aside. Called only after a checkpoint: until then the journal might still bring back a
    /// report that names such a roll.
    pub(crate) fn remove_set_aside(&self) -> Result<()> {
        for name in self.disk.list(&self.dir).map_err(Error::io("list", &self.dir))? {
            let path = self.dir.join(&name);
            if path.extension().and_then(OsStr::to_str) == Some(SET_ASIDE) {
                self.disk.remove(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Locks a mutex; what it guards is whole after each single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a path is that of a finished roll.
pub(crate) fn is_roll(path: &Path) -> bool {
    number_of(path).is_some() && path.extension().and_then(OsStr::to_str) == Some(EXTENSION)
}

/// The number in front of a roll's name, finished or not.
fn number_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.split_once('.')?.0.parse().ok()
}

/// One roll that the manifest names, or named when a reader began.
pub(crate) struct RollFile {
    number: u32,
    rolls: Arc<Rolls>,
    roll: OnceLock<Arc<Roll>>,
    totals: OnceLock<Arc<RollTotals>>,
    dropped: AtomicBool,
}

impl fmt::Debug for RollFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RollFile").field("number", &self.number).finish_non_exhaustive()
    }
}

impl RollFile {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.rolls.path(self.number)
    }

    /// The opened roll, which `recognise` looks at when it is opened first. A file that is not there is damage: the
    /// manifest names it.
    pub(super) fn open(&self, recognise: impl FnOnce(&Roll, &Path) -> Result<()>) -> Result<Arc<Roll>> {
        if let Some(roll) = self.roll.get() {
            return Ok(Arc::clone(roll));
        }
        let path = self.path();
        let roll = Roll::open(&self.rolls.disk, &path, Arc::clone(&self.rolls.cache))
            .map_err(|error| missing_is_damage(error, &path))?;
        recognise(&roll, &path)?;
        Ok(Arc::clone(self.roll.get_or_init(|| roll)))
    }

    /// Whether the totals were read before.
    pub(super) fn has_totals(&self) -> bool {
        self.totals.get().is_some()
    }

    /// The totals of the roll's reports, by report and part.
    pub(super) fn totals(&self, roll: &Roll) -> Result<Arc<RollTotals>> {
        if let Some(totals) = self.totals.get() {
            return Ok(Arc::clone(totals));
        }
        let totals = Arc::new(RollTotals::read(roll, &self.path())?);
        Ok(Arc::clone(self.totals.get_or_init(|| totals)))
    }
}

fn missing_is_damage(error: Error, path: &Path) -> Error {
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Error::corrupt(path, "the file is missing")
        }
        other => other,
    }
}

impl Drop for RollFile {
    fn drop(&mut self) {
        if !self.dropped.load(Ordering::Acquire) || self.rolls.is_retired() {
            return;
        }
        let path = self.path();
        if let Err(error) = self.rolls.disk.remove(&path) {
            tracing::warn!(%error, path = %path.display(), "a dropped roll could not be removed");
        }
    }
}
