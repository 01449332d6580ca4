//! The map on disk. Nothing else names sled.
//!
//! What was measured of sled 0.34.7, and what is done about it here:
//!
//! * It may panic on damaged files, at open and later. Every call runs behind `catch_unwind` and a panic becomes
//!   [`Error::Corruption`]. The process's panic hook is not ours to replace, so such a panic still prints one message to
//!   standard error (or wherever the host's hook sends it). Never build with `panic = "abort"`.
//! * `flush()` on Linux is `sync_file_range`, which a power cut does not respect: [`Kv::flush`] adds an fsync of every
//!   file that matters.
//! * A kill during open leaves `snap.*.generating`, after which every open fails: such files are removed first.
//! * Garbage is collected by its background flusher only: `flush_every_ms` stays set.
//! * A batch of thousands of operations takes gigabytes: callers give at most 100.
//! * Its iterators are no snapshots: the store keeps it still while somebody reads.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Entries, Kv, Op};
use crate::{Error, Result};

/// sled flushes and collects garbage this often; between 200 and 500 ms is what was tested.
const FLUSH_EVERY_MS: u64 = 400;

/// A sled database of one tree.
#[derive(Debug)]
pub struct SledKv {
    /// Only `drop` takes it out.
    db: Option<sled::Db>,
    path: PathBuf,
    synced: Mutex<Synced>,
}

/// Files that are written once and stay: synced once.
#[derive(Debug, Default)]
struct Synced {
    layout: bool,
    blobs: BTreeSet<OsString>,
}

impl SledKv {
    /// Opens the database in `path`, making it where there is none. `cache_bytes` bounds sled's page cache.
    ///
    /// # Errors
    /// [`Error::Io`] from the operating system, [`Error::Corruption`] for everything else, a panic in sled included.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self> {
        remove_unfinished(path).map_err(Error::io("clean up", path))?;
        let config =
            sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = guard(path, || config.open())?;
        Ok(Self { db: Some(db), path: path.to_owned(), synced: Mutex::default() })
    }

    fn call<T>(&self, f: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T> {
        let Some(db) = &self.db else { return Err(Error::corrupt(&self.path, "is being closed")) };
        guard(&self.path, || f(db))
    }

    fn sync_files(&self) -> std::io::Result<()> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        File::open(self.path.join("db"))?.sync_all()?;
        self.sync_blobs(&mut synced)?;
        if !synced.layout {
            File::open(self.path.join("conf"))?.sync_all()?;
            sync_dir(&self.path)?;
            sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            synced.layout = true;
        }
        Ok(())
    }

    fn sync_blobs(&self, synced: &mut Synced) -> std::io::Result<()> {
        let folder = self.path.join("blobs");
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&folder)? {
            names.insert(entry?.file_name());
        }
        let fresh: Vec<_> = names.difference(&synced.blobs).collect();
        for name in &fresh {
            match File::open(folder.join(name)) {
                // Collected as garbage between the listing and here.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                file => file?.sync_all()?,
            }
        }
        if !fresh.is_empty() || !synced.layout {
            sync_dir(&folder)?;
        }
        synced.blobs = names;
        Ok(())
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.call(|db| db.get(key))?.map(|value| value.to_vec()))
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        if end.is_some_and(|end| end <= start) {
            return Box::new(std::iter::empty());
        }
        let iter = self.call(|db| {
            Ok(match end {
                Some(end) => db.range(start..end),
                None => db.range(start..),
            })
        });
        match iter {
            Ok(iter) => Box::new(Range { iter, reverse, path: &self.path, failed: false }),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    /// In one call and without a copy of the entries, which is most of what a range costs.
    fn count(&self, start: &[u8], end: Option<&[u8]>) -> Result<u64> {
        if end.is_some_and(|end| end <= start) {
            return Ok(0);
        }
        let count = |mut entries: sled::Iter| entries.try_fold(0, |count, entry| entry.map(|_| count + 1));
        self.call(|db| match end {
            Some(end) => count(db.range(start..end)),
            None => count(db.range(start..)),
        })
    }

    fn apply(&self, ops: &[Op]) -> Result<()> {
        let mut batch = sled::Batch::default();
        for Op { key, value } in ops {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        self.call(|db| db.apply_batch(batch))
    }

    fn flush(&self) -> Result<()> {
        self.call(|db| db.flush())?;
        self.sync_files().map_err(Error::io("sync", &self.path))
    }
}

impl Drop for SledKv {
    fn drop(&mut self) {
        let db = self.db.take();
        // A database that has panicked may do so again while it shuts down.
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::warn!(path = %self.path.display(), "the index panicked while it was closed");
        }
    }
}

struct Range<'a> {
    iter: sled::Iter,
    reverse: bool,
    path: &'a Path,
    failed: bool,
}

impl Iterator for Range<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let (iter, reverse) = (&mut self.iter, self.reverse);
        let mut step = || if reverse { iter.next_back() } else { iter.next() };
        let entry = guard(self.path, || step().transpose()).transpose()?;
        self.failed = entry.is_err();
        Some(entry.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }
}

/// Runs a call into sled and turns what can come out of it into our errors.
fn guard<T>(path: &Path, f: impl FnOnce() -> sled::Result<T>) -> Result<T> {
    // Whatever state a panic leaves behind is never used again: the store sets the index aside.
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => Err(Error::io("use the index in", path)(error)),
        Ok(Err(error)) => Err(Error::corrupt(path, error.to_string())),
        Err(_) => Err(Error::corrupt(path, "the index panicked")),
    }
}

/// Removes what a kill during an earlier open has left.
fn remove_unfinished(path: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

// Windows has no handle to sync a directory through; NTFS journals its metadata.
#[cfg(not(unix))]
fn sync_dir(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;
    use crate::kv::MemoryKv;

    const CACHE: u64 = 1 << 20;

    #[test]
    fn what_is_applied_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        let kv = SledKv::open(&path, CACHE).unwrap();
        kv.apply(&[Op::put("a", "1"), Op::put("b", "2"), Op::delete("a")]).unwrap();
        kv.flush().unwrap();
        drop(kv);
        // What a kill in the middle of an open leaves.
        fs::write(path.join("snap.0000000000000000.generating"), b"half").unwrap();
        let kv = SledKv::open(&path, CACHE).unwrap();
        assert_eq!(kv.get(b"a").unwrap(), None);
        assert_eq!(kv.get(b"b").unwrap(), Some(b"2".to_vec()));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        let kv = SledKv::open(&path, CACHE).unwrap();
        for n in 0..50_u8 {
            kv.apply(&[Op::put([n], vec![n; 3000])]).unwrap();
        }
        kv.flush().unwrap();
        drop(kv);
        fs::write(path.join("conf"), b"nothing sled has written").unwrap();
        assert_eq!(SledKv::open(&path, CACHE).unwrap_err().kind(), ErrorKind::Corruption);
        assert!(guard::<()>(&path, || panic!("as sled may")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn sled_and_its_twin_agree(
            batches in prop::collection::vec(prop::collection::vec(("[ab]{1,3}", prop::option::of("[x-z]{0,3}")), 1..8), 1..8),
            start in "[ab]{0,2}", end in prop::option::of("[ab]{0,2}"),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let (twin, kv) = (MemoryKv::default(), SledKv::open(&dir.path().join("index"), CACHE).unwrap());
            for batch in batches {
                let ops: Vec<Op> = batch.into_iter().map(|(key, value)| Op { key: key.into(), value: value.map(Into::into) }).collect();
                twin.apply(&ops).unwrap();
                kv.apply(&ops).unwrap();
            }
            let end = end.as_ref().map(String::as_bytes);
            for reverse in [false, true] {
                let all = |kv: &dyn Kv| kv.range(start.as_bytes(), end, reverse).collect::<Result<Vec<_>>>().unwrap();
                prop_assert_eq!(all(&kv), all(&twin));
            }
            prop_assert_eq!(kv.count(start.as_bytes(), end).unwrap(), twin.count(start.as_bytes(), end).unwrap());
        }
    }
}
