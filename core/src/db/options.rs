//! How a database is opened.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::thread;

use zeroize::Zeroizing;

use crate::file::{Disk, OsDisk};
use crate::records::Clock;
use crate::sales::REPORTS;
use crate::store::{StoreOptions, View};

/// The rolls' cache takes no more than this unless told.
const CACHE_BYTES_MAX: u64 = 1 << 30;
/// The rolls' cache where the machine's memory cannot be told.
const CACHE_BYTES_UNKNOWN: u64 = 256 << 20;

/// How a database is opened: a plain value with a method a setting.
///
/// ```
/// use tillroll_core::{Db, OpenOptions};
///
/// # fn main() -> tillroll_core::Result<()> {
/// # let dir = std::env::temp_dir().join(format!("tillroll-doc-{}", std::process::id()));
/// let db = Db::open_with(&dir, &OpenOptions::new().threads(2).cache_bytes(64 << 20))?;
/// # db.close()?;
/// # let _ = std::fs::remove_dir_all(dir);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct OpenOptions {
    create: bool,
    read_only: bool,
    pub(super) passphrase: Option<Arc<Zeroizing<String>>>,
    cache_bytes: Option<u64>,
    threads: Option<usize>,
    pub(super) clock: Clock,
    pub(super) disk: Arc<dyn Disk>,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("passphrase", &self.passphrase.as_ref().map(|_| "…"))
            .field("cache_bytes", &self.cache_bytes)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            create: true,
            read_only: false,
            passphrase: None,
            cache_bytes: None,
            threads: None,
            clock: Clock::system(),
            disk: Arc::new(OsDisk),
        }
    }
}

impl OpenOptions {
    /// Reading and writing; made where there is none; all processors; a cache of a quarter of the memory, at most
    /// 1 GiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the database is made where there is none.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether nothing at all is written, not even what an open would mend.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// What the stored secrets are sealed with. Without it everything but them works.
    #[must_use]
    pub fn passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.passphrase = Some(Arc::new(Zeroizing::new(passphrase.into())));
        self
    }

    /// How many bytes of the rolls are kept in memory.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = Some(bytes);
        self
    }

    /// How many threads imports use, and how many reports, scans and lookups of many ids use; at least one. With one,
    /// scans read nothing ahead.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The clock that times of records and imports go by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The disk that journal and rolls stand on, for tests that make it fail. The index does its own input and
    /// output.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    pub(super) fn cache_size(&self) -> u64 {
        let quarter = || memory_bytes().map_or(CACHE_BYTES_UNKNOWN, |bytes| bytes / 4);
        self.cache_bytes.unwrap_or_else(|| quarter().min(CACHE_BYTES_MAX))
    }

    pub(super) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }

    pub(super) fn store(&self, view: Arc<dyn View>) -> StoreOptions {
        let disk = Arc::clone(&self.disk);
        let (read_only, create) = (self.read_only, self.create && !self.read_only);
        let mut options = StoreOptions::new(REPORTS, view);
        (options.read_only, options.create, options.disk) = (read_only, create, disk);
        options
    }
}

/// The memory of the machine, where the system tells.
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
