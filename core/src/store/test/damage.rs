//! Damaged journals.

use std::fs;

use super::*;
use crate::kv::MemoryKv;
use crate::{Error, ErrorKind};

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
