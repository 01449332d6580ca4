//! What all rolls of a database share: a bounded store of verified pages and dictionaries, and a bounded set of open
//! files.
//!
//! Pages are kept as they are on disk, which is several times smaller than decoded. Eviction is by clock: an entry that
//! was used since the hand last passed is spared once, so one large scan does not push out what is asked for often.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::row::Slice;
use crate::column::Strings;
use crate::file::DiskFile;

/// Descriptors that may be open at once.
const FILES_MAX: usize = 256;

/// Locks the entries are spread over.
const SHARDS: usize = 16;

/// What an entry costs beside its content: key, slot and allocation.
const OVERHEAD: u64 = 96;

/// Something verified.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// The bytes of a page, without their checksum.
    Page(Arc<[u8]>),
    /// A decoded dictionary.
    Dictionary(Arc<Strings>),
    /// The pages of the same rows of all columns.
    Slice(Arc<Slice>),
}

impl Entry {
    fn bytes(&self) -> u64 {
        let content = match self {
            Self::Page(page) => page.len(),
            Self::Slice(slice) => slice.bytes(),
            Self::Dictionary(strings) => strings.text_len() + strings.len() * size_of::<u32>(),
        };
        content as u64 + OVERHEAD
    }
}

/// A bounded cache of verified bytes, and of open files, shared by any number of rolls and threads.
#[derive(Debug)]
pub struct Cache {
    bytes_max: u64,
    bytes: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
    /// The shard that gives something up next.
    hand: AtomicUsize,
    files_max: usize,
    files: Mutex<Files>,
    next_roll: AtomicU32,
}

#[derive(Debug, Default)]
struct Shard {
    places: HashMap<u64, usize>,
    slots: Vec<Slot>,
    hand: usize,
}

#[derive(Debug)]
struct Slot {
    key: u64,
    entry: Entry,
    used: bool,
}

#[derive(Debug, Default)]
struct Files {
    open: HashMap<u32, (Arc<dyn DiskFile>, u64)>,
    tick: u64,
}

impl Cache {
    /// A cache of at most this many bytes. With 0 nothing is kept and everything is read and verified each time.
    pub fn new(bytes_max: u64) -> Self {
        Self::with_files(bytes_max, FILES_MAX)
    }

    /// As [`Cache::new`], with another bound on open files (at least one).
    pub(crate) fn with_files(bytes_max: u64, files_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
            hand: AtomicUsize::new(0),
            files_max: files_max.max(1),
            files: Mutex::default(),
            next_roll: AtomicU32::new(0),
        }
    }

    /// The bytes held now.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The files open now.
    #[cfg(test)]
    pub fn files(&self) -> usize {
        lock(&self.files).open.len()
    }

    /// A name for a roll among the cache's keys.
    pub(crate) fn register(&self) -> u32 {
        self.next_roll.fetch_add(1, Ordering::Relaxed)
    }

    /// What is held of a roll at an offset.
    pub(crate) fn get(&self, roll: u32, offset: u32) -> Option<Entry> {
        let key = key(roll, offset);
        let shard = &mut *lock(self.shard(key)?);
        let slot = shard.slots.get_mut(*shard.places.get(&key)?)?;
        slot.used = true;
        Some(slot.entry.clone())
    }

    /// Holds something, giving up others where there is no room. What is larger than the whole cache is not held.
    pub(crate) fn put(&self, roll: u32, offset: u32, entry: Entry) {
        let (key, bytes) = (key(roll, offset), entry.bytes());
        let Some(shard) = self.shard(key).filter(|_| bytes <= self.bytes_max) else { return };
        if lock(shard).insert(key, entry) {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            while self.bytes() > self.bytes_max && self.evict() {}
        }
    }

    /// Gives up one entry; false where there is none.
    fn evict(&self) -> bool {
        (0..SHARDS).any(|_| {
            let shard = self.shards.get(self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS);
            let freed = shard.and_then(|shard| lock(shard).evict());
            self.bytes.fetch_sub(freed.unwrap_or(0), Ordering::Relaxed);
            freed.is_some()
        })
    }

    /// The open file of a roll, opened by `open` if need be. The least recently used file is closed for it once
    /// there are too many.
    pub(crate) fn file(
        &self,
        roll: u32,
        open: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Arc<dyn DiskFile>> {
        let files = &mut *lock(&self.files);
        files.tick += 1;
        if let Some((file, tick)) = files.open.get_mut(&roll) {
            *tick = files.tick;
            return Ok(file.clone());
        }
        while files.open.len() >= self.files_max {
            let oldest = files.open.iter().min_by_key(|(_, (_, tick))| *tick).map(|(&roll, _)| roll);
            oldest.and_then(|roll| files.open.remove(&roll));
        }
        let file = open()?;
        files.open.insert(roll, (file.clone(), files.tick));
        Ok(file)
    }

    /// Gives up everything of a roll.
    pub(crate) fn forget(&self, roll: u32) {
        lock(&self.files).open.remove(&roll);
        for shard in &self.shards {
            let freed = lock(shard).remove_all(roll);
            self.bytes.fetch_sub(freed, Ordering::Relaxed);
        }
    }

    fn shard(&self, key: u64) -> Option<&Mutex<Shard>> {
        let hash = super::bits::low_half(key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60);
        self.shards.get(hash as usize % SHARDS)
    }
}

impl Shard {
    fn insert(&mut self, key: u64, entry: Entry) -> bool {
        if self.places.contains_key(&key) {
            return false;
        }
        self.places.insert(key, self.slots.len());
        self.slots.push(Slot { key, entry, used: false });
        true
    }

    /// Removes the next entry that was not used since the hand last passed, and tells its size.
    fn evict(&mut self) -> Option<u64> {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let slot = self.slots.get_mut(self.hand)?;
            if !std::mem::take(&mut slot.used) {
                return self.remove(self.hand);
            }
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) -> Option<u64> {
        if place >= self.slots.len() {
            return None;
        }
        let gone = self.slots.swap_remove(place);
        self.places.remove(&gone.key);
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.key, place);
        }
        Some(gone.entry.bytes())
    }

    fn remove_all(&mut self, roll: u32) -> u64 {
        let of_roll = |slot: &Slot| slot.key >> 32 == u64::from(roll);
        let mut freed = 0;
        while let Some(place) = self.slots.iter().position(of_roll) {
            // Removal fills the place from the end, so what stands before it is settled.
            let mut at = place;
            while at < self.slots.len() {
                match self.slots.get(at) {
                    Some(slot) if of_roll(slot) => freed += self.remove(at).unwrap_or(0),
                    _ => at += 1,
                }
            }
        }
        freed
    }
}

fn key(roll: u32, offset: u32) -> u64 {
    u64::from(roll) << 32 | u64::from(offset)
}

/// A panic elsewhere leaves counters and maps whole: every change here is complete when the lock is released.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Disk, OsDisk};

    fn page(len: usize) -> Entry {
        Entry::Page(vec![7; len].into())
    }

    #[test]
    fn the_bound_holds_and_the_used_survive() {
        let cache = Cache::new(100_000);
        cache.put(1, 0, page(1000));
        for offset in 1..10_000 {
            cache.put(1, offset, page(900));
            assert!(cache.get(1, 0).is_some(), "lost at {offset}");
            assert!(cache.bytes() <= 100_000);
        }
        assert!(cache.bytes() > 80_000);
        cache.put(1, 20_000, page(100_000));
        assert!(cache.get(1, 20_000).is_none());
    }

    #[test]
    fn a_roll_is_forgotten_whole() {
        let cache = Cache::new(1 << 20);
        for offset in 0..200 {
            cache.put(offset % 3, offset, page(10));
        }
        cache.put(1, 1, page(99));
        cache.forget(1);
        cache.forget(0);
        assert!((0..200).all(|offset| cache.get(offset % 3, offset).is_some() == (offset % 3 == 2)));
        cache.forget(2);
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn few_files_are_open_and_the_recent_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        OsDisk.create(&path).unwrap();
        let cache = Cache::with_files(0, 3);
        let opened = std::cell::Cell::new(0);
        let open = |roll| {
            cache
                .file(roll, || {
                    opened.set(opened.get() + 1);
                    OsDisk.open(&path, false)
                })
                .unwrap()
        };
        for roll in [1, 2, 3, 1, 4, 1] {
            open(roll);
            assert!(cache.files() <= 3);
        }
        assert_eq!(opened.get(), 4);
        open(2);
        assert_eq!(opened.get(), 5);
    }
}
