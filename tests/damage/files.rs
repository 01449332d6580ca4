//! Files changed in large pieces, lost, swapped, and replaced by something else.

use std::path::Path;

use tillroll_tests::rng::Rng;

use crate::bytes::{each_in_turn, meets};
use crate::image::{Files, Image, scratch, write};
use crate::{long, watch};

/// Random changes that `cargo test` tries.
const CHANGES: usize = 20;
/// And the long form: each takes about a second.
const CHANGES_LONG: usize = 2_000;

/// Random pieces of random files cut, zeroed, overwritten, repeated, appended.
pub fn change_at_random(image: &Image) -> String {
    let names: Vec<&String> = image.files.keys().collect();
    let changes = long().map_or(CHANGES, |share| CHANGES_LONG.div_ceil(share));
    let told = each_in_turn(changes, |number, folder| {
        let mut rng = Rng::new(11 + number as u64);
        let name = *rng.pick(&names);
        let mut files = image.files.clone();
        let what = change(files.get_mut(name).unwrap(), &mut rng);
        let case = format!("change {number}, {what} of {name}");
        watch::case(&case, || meet_both(image, &folder.join("shop.till"), &files, &case, name))
    });
    let told = told.into_iter().filter(|told| *told).count();
    format!("{changes} random changes: {told} told")
}

fn meet_both(image: &Image, path: &Path, files: &Files, case: &str, name: &str) -> bool {
    let mut told = false;
    for read_only in [true, false] {
        write(path, files);
        told |= meets(image, path, read_only, case, name);
    }
    told
}

fn change(bytes: &mut Vec<u8>, rng: &mut Rng) -> String {
    let len = bytes.len() as u64;
    let at = rng.below(len.max(1)) as usize;
    let span = (1 + rng.below(rng.clone().below(5_000) + 1)) as usize;
    let end = (at + span).min(bytes.len());
    match rng.below(6) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            bytes[at..end].fill(0);
            format!("zeros at {at}..{end}")
        }
        2 => {
            bytes[at..end].iter_mut().for_each(|byte| *byte = rng.bits() as u8);
            format!("noise at {at}..{end}")
        }
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
            format!("{at}..{end} twice")
        }
        4 => {
            bytes.drain(at..end);
            format!("{at}..{end} missing")
        }
        _ => {
            bytes.extend((0..span).map(|_| rng.bits() as u8));
            format!("{span} bytes of noise behind the end")
        }
    }
}

/// Each file and folder lost, emptied, replaced by a folder or by another database's; each two rolls swapped.
pub fn lose_and_swap(image: &Image, other: &Image) -> String {
    let dir = scratch();
    let path = dir.path().join("shop.till");
    let (mut cases, mut told) = (0, 0);
    for (case, name, files) in changed(image, other) {
        cases += 1;
        told += usize::from(watch::case(&case, || meet_both(image, &path, &files, &case, &name)));
    }
    format!("{cases} files lost, emptied, swapped or replaced: {told} told")
}

fn changed(image: &Image, other: &Image) -> Vec<(String, String, Files)> {
    let mut found = Vec::new();
    for name in image.files.keys() {
        let mut add = |case: &str, change: &dyn Fn(&mut Files)| {
            let mut files = image.files.clone();
            change(&mut files);
            found.push((format!("{name} {case}"), name.clone(), files));
        };
        add("is missing", &|files| drop(files.remove(name)));
        add("is empty", &|files| drop(files.insert(name.clone(), Vec::new())));
        add("is a folder", &|files| {
            files.remove(name);
            files.insert(format!("{name}/"), Vec::new());
        });
    }
    for (name, bytes) in &other.files {
        let mut files = image.files.clone();
        if files.insert(name.clone(), bytes.clone()).is_some() {
            // Which of the two is the stranger nobody can tell, and the journal is what is read.
            let named = if name == "TILLROLL" { "journal/000001.log" } else { name };
            found.push((format!("{name} is another database's"), named.to_owned(), files));
        }
    }
    found.extend(folders(image, other));
    found.extend(swapped_rolls(image));
    found
}

/// Each folder lost, and the file of a folder's name.
fn folders(image: &Image, other: &Image) -> Vec<(String, String, Files)> {
    let mut found = Vec::new();
    for folder in ["journal", "rolls", "index"] {
        let inside = |name: &String| name.starts_with(&format!("{folder}/"));
        let mut files = image.files.clone();
        files.retain(|name, _| !inside(name));
        found.push((format!("{folder} is missing"), folder.to_owned(), files.clone()));
        let mut file = files.clone();
        file.insert(folder.to_owned(), b"not a folder".to_vec());
        found.push((format!("{folder} is a file"), folder.to_owned(), file));
        let theirs = other.files.iter().filter(|(name, _)| inside(name));
        files.extend(theirs.map(|(name, bytes)| (name.clone(), bytes.clone())));
        found.push((format!("{folder} is another database's"), folder.to_owned(), files));
    }
    found
}

fn swapped_rolls(image: &Image) -> Vec<(String, String, Files)> {
    let rolls: Vec<&String> = image.files.keys().filter(|name| name.starts_with("rolls/")).collect();
    assert!(rolls.len() > 1, "no two rolls to swap");
    let swap = |pair: &[&String]| {
        let mut files = image.files.clone();
        let (left, right) = (files[pair[0]].clone(), files[pair[1]].clone());
        files.insert(pair[0].clone(), right);
        files.insert(pair[1].clone(), left);
        (format!("{} and {} are swapped", pair[0], pair[1]), "rolls/".to_owned(), files)
    };
    rolls.windows(2).map(swap).collect()
}
