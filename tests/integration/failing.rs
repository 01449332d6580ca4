//! Disks on which operations fail.

use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tillroll_core::{Disk, DiskFile, OsDisk};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Opening to read, reading, listing, asking for a length.
    Reads,
    /// Writing bytes, renaming, syncing.
    Writes,
    /// Making files and folders, removing, cutting.
    Changes,
}

/// How an operation fails, and which may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full for writes, renames and syncs below `rolls/`, `journal/` and `copy…`, once.
    Full,
    /// The same, and nothing succeeds any more behind the first failure, removals included: what stands on the disk then
    /// is what a killed process leaves.
    Killed,
    /// Any operation on any file fails as on a bad disk, once.
    BadOnce,
    /// And all after it do.
    BadForEver,
    /// Any operation that changes something finds the disk full, once.
    FullOnce,
    /// And all after it do, but for removals.
    FullForEver,
    /// Any write puts half of its bytes, and the rest finds the disk full.
    Short,
}

impl Fault {
    fn counts(self, kind: Kind, path: &Path) -> bool {
        match self {
            Self::Full | Self::Killed => kind == Kind::Writes && holds_rows_or_commits(path),
            Self::BadOnce | Self::BadForEver => true,
            Self::FullOnce | Self::FullForEver | Self::Short => kind != Kind::Reads,
        }
    }

    fn lasts(self) -> bool {
        matches!(self, Self::Killed | Self::BadForEver | Self::FullForEver)
    }

    fn error(self) -> io::Error {
        match self {
            Self::BadOnce | Self::BadForEver if cfg!(unix) => io::Error::from_raw_os_error(5),
            Self::BadOnce | Self::BadForEver => io::Error::other("the disk is bad"),
            _ if cfg!(unix) => io::Error::from_raw_os_error(28),
            _ => io::ErrorKind::StorageFull.into(),
        }
    }
}

fn holds_rows_or_commits(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name == "rolls" || name == "journal" || name.starts_with("copy")
    })
}

#[derive(Debug)]
struct Plan {
    left: i64,
    fault: Fault,
    /// The rest of a short write fails.
    is_short: bool,
}

/// How many more operations succeed before one fails. Those after it succeed again, unless the fault lasts.
#[derive(Debug, Clone)]
pub struct Countdown(Arc<Mutex<Plan>>);

impl Countdown {
    pub fn never() -> Self {
        Self(Arc::new(Mutex::new(Plan { left: i64::MAX, fault: Fault::Full, is_short: false })))
    }

    pub fn start(&self, succeed: i64) {
        self.fail(succeed, Fault::Full);
    }

    /// What stands on the disk behind the failure is what a killed process leaves.
    pub fn kill(&self, succeed: i64) {
        self.fail(succeed, Fault::Killed);
    }

    pub fn fail(&self, succeed: i64, fault: Fault) {
        *self.0.lock().unwrap() = Plan { left: succeed, fault, is_short: false };
    }

    /// The disk is good again.
    pub fn mend(&self) {
        self.start(i64::MAX);
    }

    pub fn has_failed(&self) -> bool {
        self.0.lock().unwrap().left < 0
    }

    fn has_killed(&self) -> bool {
        self.has_failed() && self.0.lock().unwrap().fault == Fault::Killed
    }

    fn tick(&self, path: &Path, kind: Kind) -> io::Result<()> {
        let mut plan = self.0.lock().unwrap();
        if !plan.fault.counts(kind, path) || plan.fault == Fault::Short {
            return Ok(());
        }
        plan.left = plan.left.saturating_sub(1);
        let failed = plan.left == -1 || (plan.left < -1 && plan.fault.lasts());
        if failed { Err(plan.fault.error()) } else { Ok(()) }
    }

    /// How many bytes of a write are written.
    fn tick_write(&self, path: &Path, len: usize) -> io::Result<usize> {
        let mut plan = self.0.lock().unwrap();
        if plan.fault != Fault::Short {
            drop(plan);
            return self.tick(path, Kind::Writes).map(|()| len);
        }
        if std::mem::take(&mut plan.is_short) {
            return Err(plan.fault.error());
        }
        plan.left = plan.left.saturating_sub(1);
        plan.is_short = plan.left == -1;
        Ok(if plan.is_short { len.div_ceil(2) } else { len })
    }
}

#[derive(Debug)]
pub struct FailingDisk(pub Countdown);

impl FailingDisk {
    fn wrap(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FailingFile { path: path.to_owned(), file, countdown: self.0.clone() })
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.tick(path, Kind::Changes)?;
        Ok(self.wrap(path, OsDisk.create(path)?))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        self.0.tick(path, Kind::Reads)?;
        Ok(self.wrap(path, OsDisk.open(path, write)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.tick(to, Kind::Writes)?;
        OsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.0.has_killed() {
            return Err(Fault::Killed.error());
        }
        // A full disk removes what one likes.
        if !matches!(self.0.0.lock().unwrap().fault, Fault::FullOnce | Fault::FullForEver) {
            self.0.tick(path, Kind::Changes)?;
        }
        OsDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.tick(path, Kind::Changes)?;
        OsDisk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.0.tick(path, Kind::Reads)?;
        OsDisk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.tick(path, Kind::Writes)?;
        OsDisk.sync_dir(path)
    }
}

#[derive(Debug)]
struct FailingFile {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    countdown: Countdown,
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.countdown.tick(&self.path, Kind::Reads)?;
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let len = self.countdown.tick_write(&self.path, bytes.len())?;
        self.file.write_at(&bytes[..len], offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.countdown.tick(&self.path, Kind::Reads)?;
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.countdown.tick(&self.path, Kind::Changes)?;
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.countdown.tick(&self.path, Kind::Writes)?;
        self.file.sync()
    }
}

/// A disk that fails to read some places for ever. Of a file without a range it cannot even read where that lies.
#[derive(Debug, Clone)]
pub struct Scratched {
    pub places: Vec<(PathBuf, Option<Range<u64>>)>,
    /// A file can have a second name.
    pub has_links: bool,
    /// Of files made, renamed and removed.
    pub changes: Countdown,
}

impl Scratched {
    /// One whose file system can do all that the real one can.
    pub fn new(places: &[(PathBuf, Option<Range<u64>>)]) -> Self {
        Self { places: places.to_vec(), has_links: true, changes: Countdown::never() }
    }
}

/// What the system says of such places.
const UNREADABLE: i32 = if cfg!(windows) { 1117 } else { 5 };

impl Disk for Scratched {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.changes.tick(path, Kind::Changes)?;
        OsDisk.create(path)
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let own = || self.places.iter().filter(|(scratched, _)| scratched == path);
        if own().any(|(_, range)| range.is_none()) {
            return Err(io::Error::from_raw_os_error(UNREADABLE));
        }
        let file = OsDisk.open(path, write)?;
        Ok(Arc::new(ScratchedFile { file, ranges: own().filter_map(|(_, range)| range.clone()).collect() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.changes.tick(to, Kind::Changes)?;
        OsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.changes.tick(path, Kind::Changes)?;
        OsDisk.remove(path)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.has_links { OsDisk.link(from, to) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
}

#[derive(Debug)]
struct ScratchedFile {
    file: Arc<dyn DiskFile>,
    ranges: Vec<Range<u64>>,
}

impl DiskFile for ScratchedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let end = offset + buffer.len() as u64;
        if self.ranges.iter().any(|range| range.start < end && offset < range.end) {
            return Err(io::Error::from_raw_os_error(UNREADABLE));
        }
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
