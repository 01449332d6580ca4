//! Each byte of every file flipped, one at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tillroll_core::{Db, Error, ErrorKind, OpenOptions};

use crate::image::{Image, scratch, write};
use crate::{long, watch};

/// Flips of each file that `cargo test` tries, spread evenly.
const SAMPLE: usize = 12;
/// Flips of each file of the index in the long form: its half a megabyte is mostly zeros.
const SAMPLE_OF_INDEX: usize = 20_000;
/// Threads that try them, each in a directory of its own.
const THREADS: usize = 2;

/// What came of a flip.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    told: bool,
}

/// Flips bytes and counts what was told.
pub fn flip_each(image: &Image) -> String {
    let cases: Vec<(&str, usize)> =
        image.files.iter().flat_map(|(name, bytes)| places(name, bytes)).collect();
    let seen = each_in_turn(cases.len(), |number, folder| {
        let (name, at) = cases[number];
        (name, watch::case(&format!("byte {at} of {name}"), || flip(image, folder, name, at)))
    });
    summary(&seen)
}

/// Runs so many cases on a few threads, each of which has a directory of its own, and gives what came of them, in no
/// order.
pub fn each_in_turn<T: Send>(cases: usize, case: impl Fn(usize, &Path) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let dir = scratch();
        let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
        numbers
            .take_while(|number| *number < cases)
            .map(|number| case(number, dir.path()))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn places<'a>(name: &'a str, bytes: &[u8]) -> Vec<(&'a str, usize)> {
    let tried = match (long(), name.starts_with("index/")) {
        (None, _) => bytes.len().min(SAMPLE),
        (Some(share), true) => bytes.len().min(SAMPLE_OF_INDEX).div_ceil(share),
        (Some(share), false) => bytes.len().div_ceil(share),
    };
    (0..tried).map(|number| (name, number * bytes.len() / tried)).collect()
}

fn summary(seen: &[(&str, Seen)]) -> String {
    let mut files = BTreeMap::<&str, (usize, usize)>::new();
    for (name, seen) in seen {
        let (flips, told) = files.entry(name).or_default();
        *flips += 1;
        *told += usize::from(seen.told);
    }
    let lines = files.iter().map(|(name, (flips, told))| format!("{name}: {told} of {flips} told"));
    format!("{} bytes flipped; {}", seen.len(), lines.collect::<Vec<_>>().join(", "))
}

/// One flip, met by a reader, a writer, and by who seals a secret.
fn flip(image: &Image, dir: &Path, name: &str, at: usize) -> Seen {
    let mut files = image.files.clone();
    // Another bit at each place, so that all of them have their turn.
    files.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
    let path = dir.join("shop.till");
    let case = &format!("byte {at} of {name}");
    let mut told = false;
    // A reader never opens the index.
    for read_only in [true, false].into_iter().filter(|read_only| !(*read_only && name.starts_with("index/")))
    {
        write(&path, &files);
        told |= meets(image, &path, read_only, case, name);
    }
    must_be_told(name, told, case);
    Seen { told }
}

/// Opens, reads and checks. Gives whether anything was told; fails where what was told is not the file, or what was
/// read is not what was stored.
pub fn meets(image: &Image, path: &Path, read_only: bool, case: &str, name: &str) -> bool {
    let names = |error: &Error| is_named(&error.to_string(), name);
    let db = match Db::open_with(path, &OpenOptions::new().read_only(read_only).threads(1)) {
        Ok(db) => db,
        Err(error) => {
            assert!(names(&error) && is_of_damage(&error), "{case}: {error:?}");
            return true;
        }
    };
    let mut told = false;
    let answers = image.knows.ask_all(&db);
    assert_eq!(answers.len(), image.expected.len(), "{case}");
    for ((question, answer), (_, expected)) in answers.iter().zip(&image.expected) {
        match answer {
            Ok(answer) => assert!(answer == expected, "{case}: {question}\n{answer}\nand not\n{expected}"),
            Err(error) => {
                assert!(names(error) && is_of_damage(error), "{case}: {question}: {error:?}");
                told = true;
            }
        }
    }
    let problems = db.check().unwrap().problems;
    assert!(problems.iter().all(|problem| is_named(problem, name)), "{case}: {problems:?}");
    told |= !problems.is_empty();
    if !read_only && let Err(error) = image.seal(&db) {
        assert!(names(&error) && is_of_damage(&error), "{case}: {error:?}");
        told = true;
    }
    if let Err(error) = db.close() {
        assert!(names(&error), "{case}: {error:?}");
    }
    told
}

/// The file, or the folder where it is one of the index's or is not there.
fn is_named(text: &str, name: &str) -> bool {
    let folder = name.split('/').next().unwrap();
    let file = name.rsplit('/').next().unwrap();
    (!file.is_empty() && text.contains(file)) || (text.contains(folder) && folder != name)
}

fn is_of_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corruption | ErrorKind::Vault | ErrorKind::Io | ErrorKind::Format)
}

/// The index is derived and the text in `LOCK` only helps; of everything else each byte counts.
fn must_be_told(name: &str, told: bool, case: &str) {
    let may_be_silent = name.starts_with("index/") || name == "LOCK";
    assert!(told != may_be_silent, "{case}: told is {told}");
}
