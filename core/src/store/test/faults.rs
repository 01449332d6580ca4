//! Faulty disks and power cuts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use super::*;
use crate::journal::fault::Fault;
use crate::kv::MemoryKv;
use crate::{Error, ErrorKind};

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
