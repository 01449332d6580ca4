//! The store as a whole: what a caller may rely on, with faults on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::commit::PENDING_BYTES_MAX;
use super::transaction::{KEY_MAX, OPS_MAX, VALUE_MAX};
use super::*;
use crate::journal::fault::{Fault, FaultDisk};
use crate::kv::{Entries as KvEntries, Kv, MemoryKv, SledKv};
use crate::{Error, ErrorKind};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const VIEW: u8 = 200;

/// A view that counts the entries it is made of and adds their values up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sum(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for Sum {
    fn apply(&self, ops: &[Op]) -> Result<Arc<dyn View>> {
        let mut entries = self.0.clone();
        for op in ops {
            assert_eq!(op.key[0], VIEW);
            match &op.value {
                Some(value) if value == b"refused" => return Err(Error::invalid("view", "refused")),
                Some(value) => entries.insert(op.key.clone(), value.clone()),
                None => entries.remove(&op.key),
            };
        }
        Ok(Arc::new(Self(entries)))
    }
}

fn sum(view: &Arc<dyn View>) -> Sum {
    (&**view as &dyn Any).downcast_ref::<Sum>().unwrap().clone()
}

struct Place {
    _temp: TempDir,
    dir: PathBuf,
    options: StoreOptions,
}

impl Place {
    fn new() -> Self {
        let temp = TempDir::new().unwrap();
        let mut options = StoreOptions::new(VIEW, Arc::new(Sum::default()));
        options.index_cache_bytes = 1 << 20;
        Self { dir: temp.path().join("shop.till"), _temp: temp, options }
    }

    fn faulty() -> (Self, FaultDisk) {
        let (mut place, disk) = (Self::new(), FaultDisk::default());
        place.options.disk = Arc::new(disk.clone());
        (place, disk)
    }

    fn with_index(mut self, open: impl Fn(&Path) -> Result<Box<dyn Kv>> + Send + Sync + 'static) -> Self {
        self.options.index = Arc::new(move |path, _| open(path));
        self
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store> {
        Store::open(&self.dir, self.options.clone())
    }

    fn read_only(&self) -> Result<Store> {
        Store::open(&self.dir, StoreOptions { read_only: true, ..self.options.clone() })
    }

    fn journal(&self) -> PathBuf {
        let mut all: Vec<_> =
            fs::read_dir(self.dir.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn index(&self) -> PathBuf {
        self.dir.join("index")
    }
}

fn put(store: &Store, key: &str, value: &str) -> Result<()> {
    store.write(|t| {
        t.put(key.into(), value.into());
        Ok(())
    })
}

fn value(store: &Store, key: &str) -> Option<String> {
    store.get(key.as_bytes()).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn all(read: &dyn Read) -> Model {
    let forward: Vec<_> = read.range(&[], None, false).map(|entry| entry.unwrap()).collect();
    let mut backward: Vec<_> = read.range(&[], None, true).map(|entry| entry.unwrap()).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let (low, high) =
        (forward.first().map_or([].as_slice(), |(key, _)| key), forward.last().map(|(key, _)| &**key));
    assert_eq!(read.count(&[], None).unwrap(), forward.len() as u64);
    assert_eq!(read.count(low, high).unwrap(), forward.len().saturating_sub(1) as u64);
    forward.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn content(store: &Store) -> Model {
    store.read(|snapshot| Ok(all(snapshot))).unwrap()
}

fn assert_sound(store: &Store, model: &Model) {
    assert_eq!(content(store), *model);
    let view: Model = model.range(vec![VIEW]..vec![VIEW + 1]).map(|(k, v)| (k.clone(), v.clone())).collect();
    assert_eq!(sum(&store.view()).0, view);
}

fn copy_dir(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

// ---- beginning, opening, closing -------------------------------------------------------------------------------

#[test]
fn what_is_committed_is_there_after_reopening() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", "1").unwrap();
    put(&store, "b", "2").unwrap();
    store
        .write(|t| {
            t.delete(b"a");
            Ok(())
        })
        .unwrap();
    assert_eq!((value(&store, "a"), value(&store, "b")), (None, Some("2".into())));
    store.close().unwrap();
    let store = place.open();
    assert_eq!((value(&store, "a"), value(&store, "b")), (None, Some("2".into())));
    assert_eq!(store.stats().sequence, 3);
    assert_eq!(store.stats().index_rebuilt, 0);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn closing_is_final_and_can_be_repeated() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", "1").unwrap();
    store.close().unwrap();
    store.close().unwrap();
    assert_eq!(put(&store, "a", "2").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.get(b"a").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.read(|_| Ok(())).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.checkpoint().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn an_untouched_journal_does_not_grow() {
    let place = Place::new();
    put(&place.open(), "a", "1").unwrap();
    let len = fs::metadata(place.journal()).unwrap().len();
    place.open().close().unwrap();
    assert_eq!(fs::metadata(place.journal()).unwrap().len(), len);
}

#[test]
fn one_writer_or_many_readers() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", "1").unwrap();
    let Err(Error::Locked { pid, .. }) = place.try_open() else { panic!("two writers") };
    assert_eq!(pid, Some(std::process::id()));
    assert_eq!(place.read_only().unwrap_err().kind(), ErrorKind::Locked);
    store.close().unwrap();
    let (one, two) = (place.read_only().unwrap(), place.read_only().unwrap());
    assert_eq!((value(&one, "a"), value(&two, "a")), (Some("1".into()), Some("1".into())));
    assert_eq!(place.try_open().unwrap_err().kind(), ErrorKind::Locked);
}

#[test]
fn read_only_writes_nothing() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", "1").unwrap();
    store.kill();
    let journal = fs::read(place.journal()).unwrap();
    // A torn tail is seen and left as it is.
    fs::write(place.journal(), [journal.as_slice(), b"half a frame"].concat()).unwrap();
    fs::remove_dir_all(place.index()).unwrap();
    let list = || {
        let mut names: Vec<_> = fs::read_dir(&place.dir)
            .unwrap()
            .map(|e| e.unwrap())
            .map(|e| (e.file_name(), e.metadata().unwrap().modified().unwrap()))
            .collect();
        names.sort();
        names
    };
    let before = list();
    let store = place.read_only().unwrap();
    assert_eq!(value(&store, "a"), Some("1".into()));
    assert_eq!(store.stats().recovered_bytes, 12);
    assert_eq!(put(&store, "a", "2").unwrap_err().kind(), ErrorKind::Access);
    assert_eq!(store.check().unwrap(), []);
    store.checkpoint().unwrap();
    store.close().unwrap();
    assert_eq!(list(), before);
    assert_eq!(fs::read(place.journal()).unwrap().len(), journal.len() + 12);
}

#[test]
fn only_what_is_ours_is_begun_anew() {
    let place = Place::new();
    assert_eq!(place.read_only().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!place.dir.exists());
    let closed = StoreOptions { create: false, ..place.options.clone() };
    assert_eq!(Store::open(&place.dir, closed).unwrap_err().kind(), ErrorKind::NotFound);
    fs::create_dir_all(place.dir.join("journal")).unwrap();
    fs::write(place.dir.join("journal/000001.log.tmp"), b"half").unwrap();
    fs::write(place.dir.join("vault.key"), b"key").unwrap();
    put(&place.open(), "a", "1").unwrap();
    assert_eq!(fs::read(place.dir.join("vault.key")).unwrap(), b"key");

    let other = Place::new();
    fs::create_dir(&other.dir).unwrap();
    fs::write(other.dir.join("thesis.odt"), b"years").unwrap();
    let error = other.try_open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("thesis.odt"), "{error}");
    assert_eq!(fs::read_dir(&other.dir).unwrap().count(), 1);
}

#[test]
fn a_lost_mark_does_not_begin_a_database_anew() {
    let place = Place::new();
    put(&place.open(), "a", "1").unwrap();
    let mark = fs::read(place.dir.join("TILLROLL")).unwrap();
    fs::remove_file(place.dir.join("TILLROLL")).unwrap();
    for opened in [place.try_open(), place.read_only()] {
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Corruption);
    }
    fs::write(place.dir.join("TILLROLL"), mark).unwrap();
    assert_eq!(value(&place.open(), "a"), Some("1".into()));
}

#[test]
fn a_kill_at_any_step_of_beginning_leaves_something_to_begin_with() {
    let steps = {
        let (place, disk) = Place::faulty();
        drop(place.open());
        disk.done()
    };
    for step in 0..steps {
        for cut in [false, true] {
            let (place, disk) = Place::faulty();
            disk.fail(step, Fault::Dead);
            if let Ok(store) = place.try_open() {
                store.kill();
            }
            disk.heal();
            if cut {
                disk.cut_power();
            }
            let store = place.try_open().unwrap_or_else(|error| panic!("step {step} {cut}: {error}"));
            put(&store, "a", "1").unwrap();
            // What the killed process left unsynced must not take with it what was built on it.
            store.kill();
            disk.cut_power();
            let store = place.try_open().unwrap_or_else(|error| panic!("step {step} {cut}, cut: {error}"));
            assert_eq!(value(&store, "a"), Some("1".into()), "step {step} {cut}");
        }
    }
}

// ---- damage ----------------------------------------------------------------------------------------------------

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    put(&store, "a", "1").unwrap();
    let kept = fs::read(place.journal()).unwrap().len();
    put(&store, "b", "2").unwrap();
    store.kill();
    let (journal, lock) = (fs::read(place.journal()).unwrap(), fs::read(place.dir.join("LOCK")).unwrap());
    for end in kept..=journal.len() {
        for tail in [&[][..], &[0; 100][..]] {
            fs::write(place.dir.join("LOCK"), &lock).unwrap();
            fs::write(place.journal(), [&journal[..end], tail].concat()).unwrap();
            let store = place.open();
            let whole = end == journal.len();
            assert_eq!(value(&store, "a"), Some("1".into()));
            assert_eq!(value(&store, "b"), whole.then(|| "2".into()), "{end}");
            let torn = if whole { tail.len() } else { end - kept + tail.len() };
            assert_eq!(store.stats().recovered_bytes, torn as u64);
            assert_eq!(fs::read(place.journal()).unwrap().len(), if whole { end } else { kept });
            put(&store, "c", "3").unwrap();
            store.kill();
            let store = place.open();
            assert_eq!(value(&store, "c"), Some("3".into()));
            store.kill();
        }
    }
}

#[test]
fn a_flipped_byte_in_a_closed_journal_is_corruption() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    put(&store, "a", "1").unwrap();
    store.checkpoint().unwrap();
    put(&store, "b", "2").unwrap();
    store.close().unwrap();
    let path = place.journal();
    let journal = fs::read(&path).unwrap();
    for read_only in [true, false] {
        for (byte, flip) in (0..journal.len()).flat_map(|byte| [(byte, 1), (byte, 0x80), (byte, 0xFF)]) {
            let mut bad = journal.clone();
            bad[byte] ^= flip;
            fs::write(&path, &bad).unwrap();
            let error = if read_only { place.read_only() } else { place.try_open() }.unwrap_err();
            let Error::Corruption { path: named, .. } = &error else { panic!("byte {byte}: {error}") };
            assert_eq!(*named, path);
            assert_eq!(fs::read(&path).unwrap(), bad, "damage must be left as it is");
        }
        for end in 0..journal.len() {
            fs::write(&path, &journal[..end]).unwrap();
            let error = if read_only { place.read_only() } else { place.try_open() }.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corruption, "cut at {end}");
        }
    }
    fs::write(&path, &journal).unwrap();
    assert_eq!(value(&place.open(), "b"), Some("2".into()));
}

#[test]
fn damage_before_a_good_frame_is_never_a_tail() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    let start = fs::read(place.journal()).unwrap().len();
    put(&store, "a", "1").unwrap();
    let end = fs::read(place.journal()).unwrap().len();
    put(&store, "b", "2").unwrap();
    store.kill();
    // Without what LOCK knows, and without a closing frame.
    fs::write(place.dir.join("LOCK"), b"").unwrap();
    let journal = fs::read(place.journal()).unwrap();
    for byte in start..end {
        let mut bad = journal.clone();
        bad[byte] ^= 0x10;
        fs::write(place.journal(), &bad).unwrap();
        assert_eq!(place.try_open().unwrap_err().kind(), ErrorKind::Corruption, "byte {byte}");
    }
    // A frame taken out whole is missed as well.
    fs::write(place.journal(), [&journal[..start], &journal[end..]].concat()).unwrap();
    assert!(
        place.try_open().is_ok_and(|store| store.stats().sequence == 0 && store.stats().recovered_bytes > 0)
    );
}

#[test]
fn a_frame_inside_a_value_is_no_frame() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    put(&store, "a", "1").unwrap();
    let copy = fs::read(place.journal()).unwrap();
    let kept = copy.len();
    store
        .write(|t| {
            t.put(b"b".to_vec(), copy.clone());
            Ok(())
        })
        .unwrap();
    store.kill();
    let journal = fs::read(place.journal()).unwrap();
    // The last frame is torn behind the copy it holds: a tail, whatever the copy looks like.
    fs::write(place.journal(), &journal[..journal.len() - 1]).unwrap();
    let store = place.open();
    assert_eq!(value(&store, "b"), None);
    assert_eq!(store.stats().recovered_bytes, (journal.len() - 1 - kept) as u64);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let place = Place::new();
    drop(place.open());
    let lines = "tillroll 9\nwhatever\n";
    let check = xxhash_rust::xxh3::xxh3_64(lines.as_bytes());
    fs::write(place.dir.join("TILLROLL"), format!("{lines}{check:016x}\n")).unwrap();
    let error = place.try_open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("format 9"), "{error}");
}

// ---- the index -------------------------------------------------------------------------------------------------

#[test]
fn an_index_that_was_deleted_or_rolled_back_changes_no_answer() {
    let place = Place::new();
    let aside = place.dir.with_extension("old-index");
    let store = place.open();
    for n in 0..300 {
        put(&store, &format!("k{n}"), "old").unwrap();
    }
    store.close().unwrap();
    copy_dir(&place.index(), &aside);
    let store = place.open();
    store
        .write(|t| {
            t.delete(b"k7");
            t.put(b"k8".to_vec(), b"new".to_vec());
            Ok(())
        })
        .unwrap();
    let expected = content(&store);
    store.close().unwrap();
    for how in ["rolled back", "deleted", "emptied", "spoiled"] {
        fs::remove_dir_all(place.index()).unwrap();
        match how {
            "rolled back" => copy_dir(&aside, &place.index()),
            "emptied" => fs::create_dir(place.index()).unwrap(),
            "spoiled" => {
                copy_dir(&aside, &place.index());
                fs::write(place.index().join("db"), vec![0x5A; 200_000]).unwrap();
            }
            _ => {}
        }
        let store = place.open();
        assert_eq!(content(&store), expected, "{how}");
        assert_eq!(store.stats().index_rebuilt, 1, "{how}");
        assert_eq!(store.check().unwrap(), []);
        store.close().unwrap();
        assert!(!place.dir.join("index.aside").exists());
        assert_eq!(place.open().stats().index_rebuilt, 0);
    }
}

#[test]
fn a_journal_that_was_cut_is_told_by_the_index() {
    let place = Place::new();
    let store = place.open();
    put(&store, "a", "1").unwrap();
    let len = fs::read(place.journal()).unwrap().len();
    put(&store, "b", "2").unwrap();
    store.close().unwrap();
    let journal = fs::read(place.journal()).unwrap();
    fs::remove_file(place.dir.join("LOCK")).unwrap();
    fs::write(place.journal(), &journal[..len]).unwrap();
    let error = place.try_open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corruption);
    assert!(error.to_string().contains("was cut"), "{error}");
    // As the message says.
    fs::remove_dir_all(place.index()).unwrap();
    assert_eq!(value(&place.open(), "b"), None);
}

#[test]
fn the_index_of_another_database_is_made_again() {
    let (place, other) = (Place::new(), Place::new());
    let store = other.open();
    (0..5).for_each(|_| put(&store, "a", "other").unwrap());
    drop(store);
    put(&place.open(), "b", "2").unwrap();
    copy_dir(&other.index(), &place.index());
    let store = place.open();
    assert_eq!((value(&store, "a"), value(&store, "b")), (None, Some("2".into())));
    assert_eq!(store.stats().index_rebuilt, 1);
}

/// An index that starts to fail when told to.
#[derive(Debug)]
struct Flaky {
    kv: MemoryKv,
    /// Calls until it fails, and from then on always does.
    left: Arc<AtomicU64>,
    failed: AtomicBool,
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

#[test]
fn an_index_that_fails_at_any_call_is_made_again_and_nobody_notices() {
    for calls in 0..60 {
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let own = Arc::clone(&left);
        // Seven thousand real syncs would take their time.
        let place = Place::faulty().0.with_index(move |_| {
            Ok(Box::new(Flaky {
                kv: MemoryKv::default(),
                left: Arc::clone(&own),
                failed: AtomicBool::new(false),
            }))
        });
        let store = place.open();
        let mut model = Model::new();
        for round in 0..3_u32 {
            left.store(if round == 1 { calls } else { u64::MAX }, Ordering::SeqCst);
            for n in 0..40_u32 {
                let (key, value) = (format!("k{}", (n * 7 + round) % 60), format!("{round}.{n}"));
                put(&store, &key, &value).unwrap();
                model.insert(key.into(), value.into());
            }
            store.checkpoint().unwrap();
            assert_sound(&store, &model);
        }
        left.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(store.check().unwrap(), []);
        store.close().unwrap();
    }
}

/// An index that counts how many of it are open and what is fetched from it, and fails where it is told to.
#[derive(Debug, Default)]
struct Probe {
    kv: MemoryKv,
    fetched: Arc<AtomicU64>,
    _open: Opened,
    /// Takes nothing.
    refuses: bool,
    /// Fails every third read.
    fails: bool,
}

/// Counts one less when it is dropped.
#[derive(Debug, Default)]
struct Opened(Arc<AtomicU64>);

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

#[test]
fn an_index_that_fails_while_the_journal_is_replayed_is_made_again() {
    let (open, made) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
    let own = Arc::clone(&open);
    let place = Place::new().with_index(move |_| {
        own.fetch_add(1, Ordering::SeqCst);
        let refuses = made.fetch_add(1, Ordering::SeqCst) == 1;
        Ok(Box::new(Probe { _open: Opened(Arc::clone(&own)), refuses, ..Probe::default() }))
    });
    let store = place.open();
    // Nothing moves into the index any more.
    std::mem::forget(store.shared.pin().unwrap());
    for n in 0..20_u8 {
        store
            .write(|t| {
                t.put(vec![b'k', n], vec![n; VALUE_MAX]);
                Ok(())
            })
            .unwrap();
    }
    store.kill();
    let store = place.open();
    assert_eq!(content(&store).len(), 20);
    assert_eq!(store.stats().index_rebuilt, 1);
    assert_eq!(store.check().unwrap(), []);
    assert_eq!(open.load(Ordering::SeqCst), 1);
}

#[test]
fn the_old_index_is_let_go_before_another_is_made() {
    let (open, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (own, own_most) = (Arc::clone(&open), Arc::clone(&most));
    let place = Place::new().with_index(move |_| {
        own_most.fetch_max(own.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Ok(Box::new(Probe { _open: Opened(Arc::clone(&own)), ..Probe::default() }))
    });
    put(&place.open(), "a", "1").unwrap();
    // It says that it lacks what the journal says it has.
    let store = place.open();
    assert_eq!((value(&store, "a"), store.stats().index_rebuilt), (Some("1".into()), 1));
    assert_eq!(most.load(Ordering::SeqCst), 1, "indexes open at once");
}

#[test]
fn figures_are_told_while_the_index_is_made_again() {
    const RENEWALS: u64 = 3_000;
    let place = Place::new().with_index(|_| Ok(Box::new(Probe { fails: true, ..Probe::default() })));
    let store = Arc::new(place.open());
    put(&store, "a", "1").unwrap();
    store.checkpoint().unwrap();
    for stats in [true, true, false, false] {
        // Not scoped: threads that stand still can only be left behind.
        let store = Arc::clone(&store);
        thread::spawn(move || {
            while store.shared.index.generation() < RENEWALS {
                if stats {
                    store.stats();
                } else {
                    let _ = store.get(b"a");
                }
            }
        });
    }
    let end = Instant::now() + Duration::from_secs(60);
    while Arc::strong_count(&store) > 1 {
        if Instant::now() > end {
            std::mem::forget(store);
            panic!("threads wait for each other");
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(store.stats().index_rebuilt >= RENEWALS);
}

#[test]
fn without_any_index_the_store_can_still_be_read() {
    let broken = Arc::new(AtomicBool::new(false));
    let left = Arc::new(AtomicU64::new(u64::MAX));
    let (own, own_left) = (Arc::clone(&broken), Arc::clone(&left));
    let place = Place::new().with_index(move |path| {
        if own.load(Ordering::SeqCst) {
            return Err(Error::io("write", path)(std::io::ErrorKind::StorageFull.into()));
        }
        Ok(Box::new(Flaky {
            kv: MemoryKv::default(),
            left: Arc::clone(&own_left),
            failed: AtomicBool::new(false),
        }))
    });
    let store = place.open();
    put(&store, "a", "1").unwrap();
    store.checkpoint().unwrap();
    broken.store(true, Ordering::SeqCst);
    left.store(0, Ordering::SeqCst);
    assert_eq!(value(&store, "a"), Some("1".into()));
    assert!(store.stats().index_degraded);
    put(&store, "b", "2").unwrap();
    store.checkpoint().unwrap();
    assert_eq!(value(&store, "b"), Some("2".into()));
    store.close().unwrap();
    assert_eq!(place.try_open().unwrap_err().kind(), ErrorKind::Io);
    broken.store(false, Ordering::SeqCst);
    assert_eq!(value(&place.open(), "b"), Some("2".into()));
}

#[test]
fn check_tells_where_index_and_journal_differ() {
    let place = Place::new();
    put(&place.open(), "a", "1").unwrap();
    let kv = SledKv::open(&place.index(), 1 << 20).unwrap();
    kv.apply(&[Op::put("a", "2"), Op::put("z", "9")]).unwrap();
    drop(kv);
    let store = place.open();
    let problems = store.check().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    let journal = place.journal();
    let mut bytes = fs::read(&journal).unwrap();
    bytes[100] ^= 1;
    fs::write(&journal, bytes).unwrap();
    assert_eq!(store.check().unwrap()[0].path, journal);
}

// ---- transactions ----------------------------------------------------------------------------------------------

#[test]
fn a_transaction_sees_itself_and_what_is_before_it() {
    let place = Place::new();
    let store = place.open();
    put(&store, "b", "1").unwrap();
    store.checkpoint().unwrap();
    put(&store, "d", "1").unwrap();
    store
        .write(|t| {
            t.put(b"a".to_vec(), b"2".to_vec());
            t.put(b"c".to_vec(), b"2".to_vec());
            t.delete(b"d");
            t.put(vec![VIEW, 1], b"v".to_vec());
            assert_eq!(t.get(b"d")?, None);
            let keys: Vec<_> = all(t).into_keys().collect();
            assert_eq!(keys, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), vec![VIEW, 1]]);
            let mut range = t.range(b"b", Some(b"d"), true);
            assert_eq!(&*range.next().unwrap()?.0, b"c");
            assert_eq!(&*range.next().unwrap()?.0, b"b");
            assert!(range.next().is_none());
            drop(range);
            assert_eq!(sum(&t.view()?).0.len(), 1);
            t.put(vec![VIEW, 2], b"w".to_vec());
            assert_eq!(sum(&t.view()?).0.len(), 2);
            Ok(())
        })
        .unwrap();
    assert_eq!(sum(&store.view()).0.len(), 2);
    assert_eq!(content(&store).len(), 5);
}

#[test]
fn a_transaction_that_fails_or_changes_nothing_writes_nothing() {
    let (place, disk) = Place::faulty();
    let store = place.open();
    let done = disk.done();
    let failed = store.write(|t| {
        t.put(b"a".to_vec(), b"1".to_vec());
        Err::<(), _>(Error::Cancelled)
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(store.write(|t| t.get(b"a")).unwrap(), None);
    let refused = store.write(|t| {
        t.put(vec![VIEW], b"refused".to_vec());
        Ok(())
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!((disk.done(), store.stats().sequence), (done, 0));
    assert_eq!(content(&store), Model::new());
}

#[test]
fn a_small_commit_is_one_write_and_one_sync() {
    let (place, disk) = Place::faulty();
    let store = place.open();
    let before = disk.log().len();
    put(&store, "a", "1").unwrap();
    assert_eq!(disk.log()[before..], ["write 000001.log", "sync 000001.log"]);
}

#[test]
fn limits_are_validation_errors_and_leave_the_store_as_it_was() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    let kind = |f: &dyn Fn(&mut Transaction<'_>)| {
        let refused = store.write(|t| {
            t.put(b"x".to_vec(), vec![]);
            f(t);
            Ok(())
        });
        refused.unwrap_err().kind()
    };
    assert_eq!(kind(&|t| t.put(vec![], vec![])), ErrorKind::Validation);
    assert_eq!(kind(&|t| t.put(b"\0applied".to_vec(), vec![])), ErrorKind::Validation);
    assert_eq!(kind(&|t| t.put(vec![1; KEY_MAX + 1], vec![])), ErrorKind::Validation);
    assert_eq!(kind(&|t| t.put(vec![1], vec![0; VALUE_MAX + 1])), ErrorKind::Validation);
    assert_eq!(
        kind(&|t| (0..OPS_MAX as u64).for_each(|n| t.put(format!("k{n}").into(), vec![]))),
        ErrorKind::Validation
    );
    assert_eq!(
        kind(&|t| (0..65_u8).for_each(|n| t.put(vec![b'k', n], vec![0; VALUE_MAX]))),
        ErrorKind::Validation
    );
    assert_eq!(content(&store), Model::new());
    store
        .write(|t| {
            (0..OPS_MAX as u64).for_each(|n| t.put(format!("k{n}").into(), vec![]));
            Ok(())
        })
        .unwrap();
    store
        .write(|t| {
            t.put(vec![1; KEY_MAX], vec![0; VALUE_MAX]);
            Ok(())
        })
        .unwrap();
    assert_eq!(content(&store).len(), OPS_MAX + 1);
    assert_eq!(store.get(b"\0applied").unwrap(), None);
}

#[test]
fn writers_wait_when_the_overlay_is_full() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    for n in 0..40_u8 {
        store
            .write(|t| {
                (0..8).for_each(|m| t.put(vec![1, n, m], vec![n; VALUE_MAX / 2]));
                Ok(())
            })
            .unwrap();
        assert!(store.stats().overlay_bytes <= PENDING_BYTES_MAX);
    }
    assert_eq!(content(&store).len(), 320);
}

#[test]
fn writers_wait_for_what_was_put_under_one_key_over_and_over() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    let pending = || shared::lock(&store.shared.pending).iter().map(|commit| commit.weight()).sum::<u64>();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let pin = store.shared.pin().unwrap();
        let writer = scope.spawn(|| {
            let sender = sender;
            for n in 0..80_u8 {
                let write = |t: &mut Transaction<'_>| {
                    t.put(b"big".to_vec(), vec![n; VALUE_MAX]);
                    Ok(())
                };
                store.write(write).unwrap();
                sender.send(n).unwrap();
            }
        });
        while receiver.recv_timeout(Duration::from_secs(1)).is_ok() {}
        let held = pending();
        drop(pin);
        assert!(held <= PENDING_BYTES_MAX, "{held} bytes are pending");
        writer.join().unwrap();
    });
    store.checkpoint().unwrap();
    assert_eq!((pending(), shared::lock(&store.shared.tip).unmoved()), (0, 0));
    assert_eq!(store.get(b"big").unwrap().unwrap()[0], 79);
}

#[test]
fn a_range_fetches_no_more_of_the_index_than_a_page_of_bytes() {
    let fetched = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&fetched);
    let place = Place::new()
        .with_index(move |_| Ok(Box::new(Probe { fetched: Arc::clone(&own), ..Probe::default() })));
    let store = place.open();
    for n in 0..20_u8 {
        store
            .write(|t| {
                t.put(vec![b'k', n], vec![n; VALUE_MAX]);
                Ok(())
            })
            .unwrap();
    }
    store.checkpoint().unwrap();
    for reverse in [false, true] {
        fetched.store(0, Ordering::SeqCst);
        store.read(|snapshot| Ok(snapshot.range(b"k", None, reverse).next().is_some())).unwrap();
        assert!(fetched.load(Ordering::SeqCst) <= 2, "{fetched:?}");
    }
    assert_eq!(content(&store).len(), 20);
}

// ---- faulty disks ----------------------------------------------------------------------------------------------

#[test]
fn a_refused_write_leaves_the_store_usable() {
    for fault in [Fault::Once, Fault::Short] {
        let (place, disk) = Place::faulty();
        let store = place.open();
        put(&store, "a", "1").unwrap();
        let len = fs::metadata(place.journal()).unwrap().len();
        disk.fail(0, fault);
        let error = put(&store, "b", "2").unwrap_err();
        let Error::Io { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(fs::metadata(place.journal()).unwrap().len(), len);
        assert_eq!((value(&store, "a"), value(&store, "b")), (Some("1".into()), None));
        put(&store, "c", "3").unwrap();
        store.kill();
        let store = place.open();
        assert_eq!((value(&store, "b"), value(&store, "c")), (None, Some("3".into())));
        assert_eq!(store.stats().sequence, 2);
    }
}

#[test]
fn a_failed_sync_or_cut_back_poisons_the_handle() {
    // The write, then its sync; or a short write, its rest, and the cut back.
    for (fault, after) in [(Fault::Once, 1), (Fault::Dead, 0), (Fault::Dead, 1)] {
        let (place, disk) = Place::faulty();
        let store = place.open();
        put(&store, "a", "1").unwrap();
        disk.fail(after, fault);
        assert_eq!(put(&store, "b", "2").unwrap_err().kind(), ErrorKind::Io);
        disk.heal();
        let error = put(&store, "c", "3").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().contains("open the database again"), "{error}");
        assert!(store.stats().poisoned);
        assert_eq!(
            (value(&store, "a"), value(&store, "b"), value(&store, "c")),
            (Some("1".into()), None, None)
        );
        store.close().unwrap();
        let store = place.open();
        // Not acknowledged: whole or absent.
        assert!([None, Some("2".into())].contains(&value(&store, "b")));
        assert_eq!((value(&store, "a"), value(&store, "c")), (Some("1".into()), None));
        put(&store, "c", "3").unwrap();
    }
}

/// When power fails after the process has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Never,
    AtOnce,
    /// Behind another process, which has committed once.
    Later,
}

/// Commits, with a checkpoint and a rewrite between them, until one is refused.
fn commit_twelve(store: &Store, acknowledged: &mut Vec<u32>) {
    for n in 0..12_u32 {
        let done = store.write(|t| {
            t.put(format!("k{}", n % 5).into(), n.to_string().into());
            t.put(format!("m{}", n % 5).into(), n.to_string().into());
            Ok(())
        });
        match done {
            Ok(()) => acknowledged.push(n),
            Err(_) => return,
        }
        if n == 4 {
            let _ = store.checkpoint();
        }
        if n == 8 {
            let _ = store.compact();
        }
    }
}

#[test]
fn a_power_cut_at_any_step_keeps_what_was_acknowledged() {
    let steps = {
        let (place, disk) = Place::faulty();
        let (store, from) = (place.open(), disk.done());
        commit_twelve(&store, &mut Vec::new());
        store.close().unwrap();
        disk.done() - from
    };
    assert!(steps > 30, "{steps}");
    for step in 0..steps {
        for (fault, cut) in [
            (Fault::Dead, Cut::AtOnce),
            (Fault::Dead, Cut::Later),
            (Fault::Dead, Cut::Never),
            (Fault::Once, Cut::AtOnce),
            (Fault::Once, Cut::Later),
            (Fault::Short, Cut::AtOnce),
        ] {
            let (mut place, disk) = Place::faulty();
            if !matches!((fault, cut), (Fault::Dead, Cut::AtOnce)) {
                // Opening sled so often would take its time.
                place = place.with_index(|_| Ok(Box::new(MemoryKv::default())));
            }

            let store = place.open();
            let mut acknowledged = Vec::new();
            disk.fail(step, fault);
            commit_twelve(&store, &mut acknowledged);
            if step % 2 == 0 {
                let _ = store.close();
            }
            store.kill();
            disk.heal();
            let open =
                || place.try_open().unwrap_or_else(|error| panic!("step {step} {fault:?} {cut:?}: {error}"));
            let mut late = None;
            if cut == Cut::Later {
                let store = open();
                late = Some(store.stats().sequence + 1);
                put(&store, "late", "x").unwrap();
                store.kill();
            }
            if cut != Cut::Never {
                disk.cut_power();
            }
            let store = open();
            if late.is_some() {
                assert_eq!(Some(store.stats().sequence), late, "step {step} {fault:?}");
            }
            let sequence = store.stats().sequence - u64::from(late.is_some());
            let last = acknowledged.last().map_or(0, |n| u64::from(*n) + 1);
            assert!(sequence == last || sequence == last + 1, "step {step} {fault:?}: {sequence} of {last}");
            let mut model = Model::new();
            if late.is_some() {
                model.insert(b"late".to_vec(), b"x".to_vec());
            }
            for n in 0..sequence {
                model.insert(format!("k{}", n % 5).into(), n.to_string().into());
                model.insert(format!("m{}", n % 5).into(), n.to_string().into());
            }
            assert_sound(&store, &model);
            assert_eq!(store.check().unwrap(), []);
        }
    }
}

/// How many operations `run` does on a faulty disk after `prepare` until the one behind the first that `matches`.
fn steps_behind(matches: &str, prepare: impl Fn(&Store), run: impl Fn(&Store)) -> u64 {
    let (place, disk) = Place::faulty();
    let place = place.with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    prepare(&store);
    let from = disk.log().len();
    run(&store);
    disk.log()[from..].iter().position(|step| step.starts_with(matches)).unwrap() as u64 + 1
}

#[test]
fn a_commit_behind_a_rewrite_that_was_killed_at_its_rename_stays() {
    let prepare = |store: &Store| put(store, "a", "1").unwrap();
    let step = steps_behind("rename 000002", prepare, |store| store.compact().unwrap());
    let (place, disk) = Place::faulty();
    let place = place.with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    prepare(&store);
    disk.fail(step, Fault::Dead);
    assert!(store.compact().is_err());
    store.kill();
    disk.heal();
    let store = place.open();
    assert_eq!(store.stats().journal_number, 2);
    put(&store, "b", "acknowledged").unwrap();
    store.kill();
    disk.cut_power();
    assert_eq!(value(&place.open(), "b"), Some("acknowledged".into()));
}

#[test]
fn a_close_that_was_killed_before_its_sync_is_synced_by_the_next_open() {
    let prepare = |store: &Store| {
        put(store, "a", "1").unwrap();
        store.checkpoint().unwrap();
    };
    // From the closing frame on, before its sync.
    let step = steps_behind("write 000001", prepare, |store| store.close().unwrap());
    let (place, disk) = Place::faulty();
    let place = place.with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    prepare(&store);
    disk.fail(step, Fault::Dead);
    assert!(store.close().is_err());
    store.kill();
    disk.heal();
    place.open().kill();
    // Of what was not synced the text of LOCK alone reaches the disk; it says how long the journal was.
    let lock = fs::read(place.dir.join("LOCK")).unwrap();
    disk.cut_power();
    fs::write(place.dir.join("LOCK"), lock).unwrap();
    assert_eq!(value(&place.open(), "a"), Some("1".into()));
}

#[test]
fn a_write_that_changes_nothing_ends_as_what_it_saw() {
    for fails in [true, false] {
        let (place, disk) = Place::faulty();
        let store = place.open();
        let seen = AtomicBool::new(false);
        disk.hold();
        thread::scope(|scope| {
            let first = scope.spawn(|| put(&store, "a", "1"));
            while disk.waiting() == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            let second = scope.spawn(|| {
                store.write(|t| {
                    seen.store(true, Ordering::SeqCst);
                    Ok(t.get(b"a")?.is_some())
                })
            });
            while !seen.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            if fails {
                disk.fail(0, Fault::Once);
            }
            disk.release();
            assert_eq!(first.join().unwrap().is_err(), fails);
            match second.join().unwrap() {
                Ok(saw) => assert!(saw && !fails, "acknowledged what never came to be"),
                Err(error) => assert!(fails && error.kind() == ErrorKind::Io, "{error}"),
            }
        });
        // What fell is forgotten.
        assert_eq!(store.write(|t| Ok(t.get(b"a")?.is_some())).unwrap(), !fails);
    }
}

#[test]
fn everything_behind_a_failed_frame_is_refused() {
    let (place, disk) = Place::faulty();
    let store = place.open();
    let wait = |done: &dyn Fn() -> bool| {
        while !done() {
            thread::sleep(Duration::from_millis(1));
        }
    };
    let (seen, fallen) = (AtomicBool::new(false), AtomicBool::new(false));
    disk.hold();
    thread::scope(|scope| {
        let first = scope.spawn(|| put(&store, "a", "1"));
        wait(&|| disk.waiting() == 1);
        let queued = scope.spawn(|| {
            store.write(|t| {
                assert!(t.get(b"a")?.is_some());
                t.put(b"b".to_vec(), b"2".to_vec());
                Ok(())
            })
        });
        wait(&|| shared::lock(&store.shared.tip).state.sequence == 2);
        let running = scope.spawn(|| {
            store.write(|t| {
                assert!(t.get(b"b")?.is_some());
                seen.store(true, Ordering::SeqCst);
                wait(&|| fallen.load(Ordering::SeqCst));
                t.put(b"c".to_vec(), b"3".to_vec());
                Ok(())
            })
        });
        wait(&|| seen.load(Ordering::SeqCst));
        disk.fail(0, Fault::Once);
        disk.release();
        assert_eq!(first.join().unwrap().unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(queued.join().unwrap().unwrap_err().kind(), ErrorKind::Io);
        fallen.store(true, Ordering::SeqCst);
        assert_eq!(running.join().unwrap().unwrap_err().kind(), ErrorKind::Io);
    });
    assert_eq!((content(&store), store.stats().sequence), (Model::new(), 0));
    put(&store, "d", "4").unwrap();
    store.kill();
    assert_eq!(content(&place.open()).len(), 1);
}

// ---- threads ---------------------------------------------------------------------------------------------------

#[test]
fn what_was_drained_while_a_commit_waited_is_not_kept_with_it() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    let keys = || store.shared.state().overlay.len();
    thread::scope(|scope| {
        let pin = store.shared.pin().unwrap();
        put(&store, "a", "1").unwrap();
        let journal = shared::lock(&store.shared.journal);
        let writer = scope.spawn(|| put(&store, "b", "2").unwrap());
        while shared::lock(&store.shared.tip).state.sequence < 2 {
            thread::yield_now();
        }
        assert_eq!(keys(), 1);
        drop(pin);
        store.shared.work();
        while keys() > 0 {
            thread::yield_now();
        }
        drop(journal);
        writer.join().unwrap();
    });
    store.checkpoint().unwrap();
    assert_eq!(keys(), 0);
    assert_eq!(content(&store).len(), 2);
}

#[test]
fn commits_that_wait_together_go_in_one_frame() {
    let (place, disk) = Place::faulty();
    let store = place.open();
    let before = disk.log().len();
    disk.hold();
    thread::scope(|scope| {
        for n in 0..8 {
            let store = &store;
            scope.spawn(move || put(store, &format!("k{n}"), "v").unwrap());
        }
        while shared::lock(&store.shared.tip).state.sequence < 8 {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(content(&store), Model::new(), "not before it is synced");
        disk.release();
    });
    // The one that came first, and all that waited for it.
    assert_eq!(disk.log()[before..], ["write 000001.log", "sync 000001.log"].repeat(2));
    assert_eq!((content(&store).len(), store.stats().sequence), (8, 8));
    store.kill();
    assert_eq!(content(&place.open()).len(), 8);
}

#[test]
fn increments_of_many_threads_are_never_lost_even_when_frames_fail() {
    let (place, disk) = Place::faulty();
    let store = place.open();
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let added = store.write(|t| {
                        let old = t
                            .get(b"n")?
                            .map_or(0, |v| std::str::from_utf8(&v).unwrap().parse::<u64>().unwrap());
                        t.put(b"n".to_vec(), (old + 1).to_string().into());
                        t.put(vec![VIEW, 1], (old + 1).to_string().into());
                        Ok(())
                    });
                    if added.is_ok() {
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        scope.spawn(|| {
            for n in 0..30 {
                disk.fail(n % 3 * 2, Fault::Short);
                thread::sleep(Duration::from_millis(2));
            }
        });
    });
    disk.heal();
    let expected = done.load(Ordering::SeqCst).to_string();
    if store.stats().poisoned {
        return;
    }
    assert_eq!(value(&store, "n"), Some(expected.clone()));
    assert_eq!(sum(&store.view()).0.values().next(), Some(&expected.clone().into_bytes()));
    store.kill();
    assert_eq!(value(&place.open(), "n"), Some(expected));
}

#[test]
fn readers_see_one_commit_or_the_next() {
    let place = Place::new();
    let store = place.open();
    let stop = AtomicBool::new(false);
    let looked = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let seen = store
                        .read(|s| {
                            let all: Vec<_> = s.range(b"a", Some(b"b"), false).collect::<Result<_>>()?;
                            let values: std::collections::BTreeSet<_> =
                                all.iter().map(|(_, v)| v.clone()).collect();
                            assert!(values.len() <= 1, "parts of commits {values:?}");
                            assert!(all.is_empty() || all.len() == 120);
                            let first = s.get(b"a000")?;
                            assert_eq!(first, values.first().cloned());
                            let view = sum(s.view());
                            assert_eq!(view.0.values().next().map(|v| v.as_slice()), first.as_deref());
                            Ok(first.map_or(0, |v| std::str::from_utf8(&v).unwrap().parse::<u64>().unwrap()))
                        })
                        .unwrap();
                    assert!(seen >= last);
                    last = seen;
                    looked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(3);
        for n in 1_u64.. {
            let write = |t: &mut Transaction<'_>| {
                (0..120).for_each(|m| t.put(format!("a{m:03}").into(), n.to_string().into()));
                t.put(vec![VIEW, 1], n.to_string().into());
                Ok(())
            };
            store.write(write).unwrap();
            if n % 7 == 0 {
                store.checkpoint().unwrap();
            }
            if Instant::now() > end {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(looked.load(Ordering::Relaxed) > 50);
    assert!(store.stats().checkpoint > 0);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn a_snapshot_stays_as_it_is_while_the_index_moves_and_fails() {
    let left = Arc::new(AtomicU64::new(u64::MAX));
    let own = Arc::clone(&left);
    let place = Place::new().with_index(move |_| {
        Ok(Box::new(Flaky {
            kv: MemoryKv::default(),
            left: Arc::clone(&own),
            failed: AtomicBool::new(false),
        }))
    });
    let store = place.open();
    for n in 0..50 {
        put(&store, &format!("k{n}"), "old").unwrap();
    }
    store.checkpoint().unwrap();
    put(&store, "k1", "newer").unwrap();
    store
        .read(|snapshot| {
            let expected = all(snapshot);
            let mut range = snapshot.range(b"k", None, false);
            let first = range.next().unwrap()?;
            thread::scope(|scope| {
                scope.spawn(|| {
                    for n in 0..50 {
                        put(&store, &format!("k{n}"), "later").unwrap();
                        store
                            .write(|t| {
                                t.delete(format!("k{}", (n + 25) % 50).as_bytes());
                                Ok(())
                            })
                            .unwrap();
                    }
                    store.checkpoint().unwrap();
                });
            });
            left.store(3, Ordering::SeqCst);
            let rest: Vec<_> = range.collect::<Result<_>>()?;
            let seen: Model =
                std::iter::once(first).chain(rest).map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
            assert_eq!(seen, expected);
            assert_eq!(all(snapshot), expected);
            assert!(store.shared.index.generation() > 0);
            Ok(())
        })
        .unwrap();
    store.checkpoint().unwrap();
    assert_eq!(value(&store, "k49"), Some("later".into()));
    assert_eq!(store.stats().overlay_keys, 0);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn closing_waits_for_writers_and_ends_readers() {
    let place = Place::new();
    let store = place.open();
    let acknowledged = AtomicU64::new(0);
    thread::scope(|scope| {
        for n in 0..3 {
            let (store, acknowledged) = (&store, &acknowledged);
            scope.spawn(move || {
                for m in 0.. {
                    match put(store, &format!("k{n}.{m}"), "v") {
                        Ok(()) => acknowledged.fetch_add(1, Ordering::SeqCst),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Closed);
                            break;
                        }
                    };
                }
            });
        }
        thread::sleep(Duration::from_millis(100));
        store.close().unwrap();
    });
    let store = place.open();
    assert_eq!(content(&store).len() as u64, acknowledged.load(Ordering::SeqCst));
    assert_eq!(store.stats().index_rebuilt, 0);
}

// ---- rewriting the journal -------------------------------------------------------------------------------------

#[test]
fn a_rewritten_journal_says_the_same_in_fewer_bytes() {
    let place = Place::new();
    let store = place.open();
    for n in 0..200 {
        put(&store, &format!("k{}", n % 10), &"v".repeat(n)).unwrap();
    }
    store
        .write(|t| {
            t.delete(b"k3");
            Ok(())
        })
        .unwrap();
    let (expected, before) = (content(&store), store.stats().journal_bytes);
    store.compact().unwrap();
    put(&store, "after", "1").unwrap();
    let stats = store.stats();
    assert!(stats.journal_bytes < before / 5, "{stats:?}");
    assert_eq!((stats.journal_number, stats.sequence), (2, 202));
    assert_eq!(place.journal().file_name().unwrap(), "000002.log");
    store.kill();
    fs::remove_dir_all(place.index()).unwrap();
    let store = place.open();
    let mut expected = expected;
    expected.insert(b"after".to_vec(), b"1".to_vec());
    assert_eq!(content(&store), expected);
    store.compact().unwrap();
    assert_eq!(content(&store), expected);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn the_journal_is_rewritten_by_itself_while_others_write() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    for n in 0..60_u8 {
        store
            .write(|t| {
                t.put(b"big".to_vec(), vec![n; VALUE_MAX]);
                t.put(vec![b'k', n], vec![n]);
                Ok(())
            })
            .unwrap();
    }
    // The last look at the journal may have come before it was long enough; another commit makes for another look.
    put(&store, "tick", "v").unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while store.stats().journal_number == 1 && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(store.stats().journal_number > 1, "{:?}", store.stats());
    store.compact().unwrap();
    let stats = store.stats();
    assert!(stats.journal_bytes < 4 << 20, "{stats:?}");
    let expected = content(&store);
    assert_eq!(expected.len(), 62);
    store.kill();
    assert_eq!(content(&place.open()), expected);
}

#[test]
fn what_is_committed_during_a_rewrite_is_in_the_new_journal() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    let stop = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (0_u64..)
                .take_while(|n| !stop.load(Ordering::SeqCst) && put(&store, &format!("k{n}"), "v").is_ok())
                .count()
        });
        let rewrite = |_| {
            thread::sleep(Duration::from_millis(2));
            store.compact()
        };
        let rewritten: Result<Vec<()>> = (0..20).map(rewrite).collect();
        stop.store(true, Ordering::SeqCst);
        rewritten.unwrap();
        writer.join().unwrap()
    });
    assert!(acknowledged > 20, "{acknowledged}");
    assert_eq!(store.stats().journal_number, 21);
    store.kill();
    let store = place.open();
    assert_eq!(content(&store).len(), acknowledged);
    assert_eq!(store.stats().sequence, acknowledged as u64);
}

#[test]
fn damage_in_the_base_of_a_rewritten_journal_is_corruption() {
    let place = Place::new().with_index(|_| Ok(Box::new(MemoryKv::default())));
    let store = place.open();
    put(&store, "a", "1").unwrap();
    store.compact().unwrap();
    store.kill();
    fs::remove_file(place.dir.join("LOCK")).unwrap();
    let journal = fs::read(place.journal()).unwrap();
    let base_end = usize::try_from(u64::from_le_bytes(journal[48..56].try_into().unwrap())).unwrap();
    assert!(base_end > 64);
    for byte in 0..base_end {
        let mut bad = journal.clone();
        bad[byte] ^= 4;
        // Even without a good frame behind it.
        bad.truncate(base_end);
        fs::write(place.journal(), &bad).unwrap();
        assert_eq!(place.try_open().unwrap_err().kind(), ErrorKind::Corruption, "byte {byte}");
    }
}

// ---- model -----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, Option<u16>)>),
    Checkpoint,
    Compact,
    Reopen,
    Kill,
    DeleteIndex,
    SaveIndex,
    RollBackIndex,
    ReadOnly,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..40_u8, prop::option::weighted(0.7, any::<u16>()));
    let step = prop_oneof![
        12 => prop::collection::vec(change, 1..150).prop_map(Step::Commit),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        1 => Just(Step::DeleteIndex),
        1 => Just(Step::SaveIndex),
        1 => Just(Step::RollBackIndex),
        1 => Just(Step::ReadOnly),
    ];
    prop::collection::vec(step, 1..30)
}

fn model_key(n: u8) -> Vec<u8> {
    if n < 4 { vec![VIEW, n] } else { vec![b'k', n] }
}

fn take_step(place: &Place, mut store: Store, model: &mut Model, step: &Step) -> Store {
    let saved = place.dir.with_extension("saved-index");
    match step {
        Step::Commit(changes) => {
            let write = |t: &mut Transaction<'_>| {
                for (key, value) in changes {
                    match value {
                        Some(value) => t.put(model_key(*key), value.to_string().into()),
                        None => t.delete(&model_key(*key)),
                    }
                }
                Ok(())
            };
            store.write(write).unwrap();
            for (key, value) in changes {
                match value {
                    Some(value) => model.insert(model_key(*key), value.to_string().into()),
                    None => model.remove(&model_key(*key)),
                };
            }
        }
        Step::Checkpoint => store.checkpoint().unwrap(),
        Step::Compact => store.compact().unwrap(),
        Step::SaveIndex | Step::Reopen | Step::ReadOnly | Step::DeleteIndex | Step::RollBackIndex => {
            store.close().unwrap();
            match step {
                Step::SaveIndex => copy_dir(&place.index(), &saved),
                Step::DeleteIndex => fs::remove_dir_all(place.index()).unwrap(),
                Step::RollBackIndex if saved.exists() => copy_dir(&saved, &place.index()),
                Step::ReadOnly => assert_sound(&place.read_only().unwrap(), model),
                _ => {}
            }
            store = place.open();
        }
        Step::Kill => {
            store.kill();
            store = place.open();
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_map(steps in steps()) {
        let place = Place::new();
        let (mut store, mut model) = (place.open(), Model::new());
        for step in &steps {
            store = take_step(&place, store, &mut model, step);
            assert_sound(&store, &model);
        }
        assert_eq!(store.check().unwrap(), []);
        assert_eq!(store.stats().recovered_bytes, 0);
    }
}
