//! A disk on which one write fails.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tillroll_core::{Disk, DiskFile, OsDisk};

/// How many more writes, renames and syncs below `rolls/`, `journal/` and `copy…` succeed before one fails. Those after it
/// succeed again, unless it was the last thing the process did.
#[derive(Debug, Clone)]
pub struct Countdown {
    left: Arc<AtomicI64>,
    kills: Arc<AtomicBool>,
}

impl Countdown {
    pub fn never() -> Self {
        Self { left: Arc::new(AtomicI64::new(i64::MAX)), kills: Arc::default() }
    }

    pub fn start(&self, succeed: i64) {
        self.kills.store(false, Ordering::SeqCst);
        self.left.store(succeed, Ordering::SeqCst);
    }

    /// As [`Countdown::start`], but nothing succeeds any more behind the write that fails, removals included: what stands
    /// on the disk then is what a killed process leaves.
    pub fn kill(&self, succeed: i64) {
        self.start(succeed);
        self.kills.store(true, Ordering::SeqCst);
    }

    pub fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    fn has_killed(&self) -> bool {
        self.kills.load(Ordering::SeqCst) && self.has_failed()
    }

    fn tick(&self) -> io::Result<()> {
        let killed = self.has_killed();
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ if killed => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
pub struct FailingDisk(pub Countdown);

impl FailingDisk {
    /// The countdown, for a path that it counts.
    fn countdown(&self, path: &Path) -> Option<Countdown> {
        let counts = path.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            name == "rolls" || name == "journal" || name.starts_with("copy")
        });
        counts.then(|| self.0.clone())
    }

    fn wrap(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        match self.countdown(path) {
            Some(countdown) => Arc::new(FailingFile { file, countdown }),
            None => file,
        }
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(path, OsDisk.create(path)?))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(path, OsDisk.open(path, write)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.countdown(to).map_or(Ok(()), |countdown| countdown.tick())?;
        OsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.0.has_killed() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        OsDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.countdown(path).map_or(Ok(()), |countdown| countdown.tick())?;
        OsDisk.sync_dir(path)
    }
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn DiskFile>,
    countdown: Countdown,
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.countdown.tick()?;
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.countdown.tick()?;
        self.file.sync()
    }
}
