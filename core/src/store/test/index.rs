//! The index fails, is lost, or says something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::doubles::{Flaky, Opened, Probe};
use super::*;
use crate::kv::{MemoryKv, SledKv};
use crate::store::transaction::VALUE_MAX;
use crate::{Error, ErrorKind};

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
