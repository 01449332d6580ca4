//! Several threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::doubles::Flaky;
use super::*;
use crate::ErrorKind;
use crate::journal::fault::Fault;
use crate::kv::MemoryKv;

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
