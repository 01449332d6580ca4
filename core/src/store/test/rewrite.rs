//! Rewriting the journal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::*;
use crate::ErrorKind;
use crate::kv::MemoryKv;
use crate::store::transaction::VALUE_MAX;

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
