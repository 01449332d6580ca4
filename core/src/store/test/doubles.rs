//! Indexes that fail or count.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::Error;
use crate::kv::{Entries as KvEntries, Kv, MemoryKv};

/// An index that starts to fail when told to.
#[derive(Debug)]
pub struct Flaky {
    pub kv: MemoryKv,
    /// Calls until it fails, and from then on always does.
    pub left: Arc<AtomicU64>,
    pub failed: AtomicBool,
}

impl Flaky {
    fn step(&self) -> Result<()> {
        let step = |left: u64| (left < u64::MAX).then(|| left.saturating_sub(1));
        if self.failed.load(Ordering::SeqCst) {
            return Err(Error::corrupt(Path::new("index"), "flaky"));
        }
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step) == Ok(0) {
            self.failed.store(true, Ordering::SeqCst);
            self.left.store(u64::MAX, Ordering::SeqCst);
            return Err(Error::corrupt(Path::new("index"), "flaky"));
        }
        Ok(())
    }
}

impl Kv for Flaky {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.step()?;
        self.kv.get(key)
    }
    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> KvEntries<'a> {
        let entries = self.kv.range(start, end, reverse);
        Box::new(entries.map(|entry| self.step().and(entry)))
    }
    fn apply(&self, ops: &[Op]) -> Result<()> {
        assert!(ops.len() <= 100, "a batch of {}", ops.len());
        self.step()?;
        self.kv.apply(ops)
    }
    fn flush(&self) -> Result<()> {
        self.step()?;
        self.kv.flush()
    }
}

/// An index that counts how many of it are open and what is fetched from it, and fails where it is told to.
#[derive(Debug, Default)]
pub struct Probe {
    pub kv: MemoryKv,
    pub fetched: Arc<AtomicU64>,
    pub _open: Opened,
    /// Takes nothing.
    pub refuses: bool,
    /// Fails every third read.
    pub fails: bool,
}

/// Counts one less when it is dropped.
#[derive(Debug, Default)]
pub struct Opened(pub Arc<AtomicU64>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Kv for Probe {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if self.fails && key != b"\0applied" && self.fetched.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            return Err(Error::corrupt(Path::new("index"), "it fails often"));
        }
        self.kv.get(key)
    }
    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> KvEntries<'a> {
        let count = |_: &Result<_>| {
            self.fetched.fetch_add(1, Ordering::SeqCst);
        };
        Box::new(self.kv.range(start, end, reverse).inspect(count))
    }
    fn apply(&self, ops: &[Op]) -> Result<()> {
        if self.refuses { Err(Error::corrupt(Path::new("index"), "it refuses")) } else { self.kv.apply(ops) }
    }
    fn flush(&self) -> Result<()> {
        Ok(())
    }
}
