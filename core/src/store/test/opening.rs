//! Beginning, opening, closing.

use std::fs;

use super::*;
use crate::journal::fault::Fault;
use crate::{Error, ErrorKind};

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
