//! Transactions and their limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::doubles::Probe;
use super::*;
use crate::kv::MemoryKv;
use crate::store::commit::PENDING_BYTES_MAX;
use crate::store::transaction::{KEY_MAX, OPS_MAX, VALUE_MAX};
use crate::{Error, ErrorKind};

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
