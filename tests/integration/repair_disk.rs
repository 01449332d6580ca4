//! Repairs on disks that fail: what cannot be read is lost like what is damaged, and nothing else is.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillroll_core::{Error, ErrorKind, OpenOptions, RepairReport, check, repair, repair_with};

use crate::damage::file_in;
use crate::dsl::read_only;
use crate::failing::{Countdown, FailingDisk, Fault, Scratched};
use crate::repair::{ALL, Patient, periods, rolls, shown};

fn journal(path: &Path) -> PathBuf {
    file_in(&path.join("journal"))
}

fn repair_on(path: &Path, scratched: &[(PathBuf, Option<Range<u64>>)]) -> Result<RepairReport, Error> {
    repair_with(path, &OpenOptions::new().disk(Arc::new(Scratched::new(scratched))))
}

/// Repairs, and asks that all is well afterwards, on the same disk too.
fn repaired_on(path: &Path, scratched: &[(PathBuf, Option<Range<u64>>)]) -> RepairReport {
    let report = repair_on(path, scratched).unwrap();
    assert!(report.changed, "{report:?}");
    for (file, _) in scratched {
        let name = file.strip_prefix(path).unwrap().display().to_string();
        assert!(
            report.notes.iter().any(|note| note.contains(&name) && note.contains("the disk fails to")),
            "{report:?}"
        );
    }
    assert_eq!(check(path).unwrap().problems, Vec::<String>::new(), "{report:?}");
    let again = repair_on(path, scratched).unwrap();
    assert!(!again.changed && again.notes.is_empty(), "{again:?} after {report:?}");
    report
}

fn months_of(report: &RepairReport) -> Vec<usize> {
    periods(&report.lost).iter().map(|period| period[5..].parse().unwrap()).collect()
}

/// Blocks of a roll: the reports in them are lost, those beside them are not, and the file itself is kept.
#[test]
fn a_block_that_cannot_be_read_loses_what_lies_in_it() {
    let patient = Patient::new();
    let expected = patient.shown();
    let len = fs::metadata(&rolls(&patient.database())[0]).unwrap().len();
    for at in (0..len).step_by(4096) {
        let (_dir, path) = patient.copied();
        let roll = rolls(&path)[0].clone();
        let before = fs::read(&roll).unwrap();
        let report = repaired_on(&path, &[(roll, Some(at..at + 1))]);
        let lost = months_of(&report);
        assert!(!report.incomplete && report.uncertain.is_empty() && !lost.is_empty(), "{at}: {report:?}");
        assert!(lost.iter().all(|month| *month <= 3), "{at}: {report:?}");
        let left: Vec<usize> = ALL.into_iter().filter(|month| !lost.contains(month)).collect();
        let now = shown(&read_only(&path));
        assert_eq!((now.sums, &now.records), (patient.sums(&left), &expected.records), "{at}: {report:?}");
        assert_eq!(
            fs::read(path.join("damaged/000001.roll")).unwrap(),
            before,
            "{at}: its bytes may be read elsewhere"
        );
        patient.mended(&path, &report, &ALL);
    }
}

#[test]
fn a_roll_that_cannot_be_opened_is_lost_whole() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    let report = repaired_on(&path, &[(rolls(&path)[0].clone(), None)]);
    assert_eq!(months_of(&report), [1, 2, 3], "{report:?}");
    patient.mended(&path, &report, &ALL);
}

/// Wherever a journal cannot be read: the end of it looks as if it had never been written, but is not taken for that.
#[test]
fn a_journal_that_cannot_be_read_gives_what_can() {
    let patient = Patient::new();
    let whole = journal(&patient.database());
    let len = fs::metadata(&whole).unwrap().len();
    let places = (0..len).step_by(4096).chain([len - 1]).map(|at| Some(at..at + 1)).chain([None]);
    for place in places {
        let (_dir, path) = patient.copied();
        let report = repaired_on(&path, &[(journal(&path), place.clone())]);
        assert!(report.incomplete && report.lost.is_empty(), "{place:?}: {report:?}");
        let restored = periods(&report.uncertain).contains(&"2018-05");
        let months: &[usize] = if restored { &[1, 2, 3, 4, 5, 6] } else { &ALL };
        assert_eq!(shown(&read_only(&path)).sums, patient.sums(months), "{place:?}: {report:?}");
    }
}

/// What cannot be read at the end of a journal may be commits, also where neither lock nor index tell how long it was.
#[test]
fn the_end_of_a_journal_is_missed_whatever_else_is_lost() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    fs::write(path.join("LOCK"), "").unwrap();
    fs::remove_dir_all(path.join("index")).unwrap();
    let len = fs::metadata(journal(&path)).unwrap().len();
    let report = repaired_on(&path, &[(journal(&path), Some(len - 1..len))]);
    assert!(report.incomplete && report.notes.iter().any(|note| note.contains("commits")), "{report:?}");
}

/// What is in a folder, whatever it is called.
fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let paths: Vec<PathBuf> = entries.unwrap_or_default();
    paths.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

/// A copy of what could be read of it is none: where a file can have no second name it is moved, once the new journal
/// stands, wherever the repair before was cut.
#[test]
fn what_cannot_be_read_is_kept_where_files_have_one_name() {
    let patient = Patient::new();
    let places = |path: &Path| [rolls(path)[0].clone(), journal(path), path.join("TILLROLL")];
    for (file, range) in [(0, Some(0..1)), (1, None), (2, None)] {
        for n in 0.. {
            let (_dir, path) = patient.copied();
            let hurt = places(&path)[file].clone();
            let before = fs::read(&hurt).unwrap();
            let disk = Scratched { has_links: false, ..Scratched::new(&[(hurt.clone(), range.clone())]) };
            disk.changes.fail(n, Fault::BadForEver);
            let options = OpenOptions::new().disk(Arc::new(disk.clone()));
            let tried = repair_with(&path, &options);
            let left = fs::read(&hurt).is_ok_and(|bytes| bytes == before);
            assert!(left || contents(&path.join("damaged")).contains(&before), "{hurt:?} {n}: {tried:?}");
            disk.changes.mend();
            let again = if tried.is_err() { repair_with(&path, &options).map(drop) } else { Ok(()) };
            assert!(again.is_ok(), "{hurt:?} {n}: {again:?}");
            assert!(contents(&path.join("damaged")).contains(&before), "{hurt:?} {range:?} {n}");
            assert_eq!(check(&path).unwrap().problems, Vec::<String>::new(), "{hurt:?} {range:?} {n}");
            if tried.is_ok() {
                assert!(n > 3, "only {n} operations");
                break;
            }
        }
    }
}

/// A disk that fails once and then never again has lost nothing.
#[test]
fn a_single_failure_loses_nothing() {
    let patient = Patient::new();
    let countdown = Countdown::never();
    let options = OpenOptions::new().disk(Arc::new(FailingDisk(countdown.clone())));
    for n in 0.. {
        countdown.fail(n, Fault::BadOnce);
        let tried = repair_with(patient.database(), &options);
        if let Ok(report) = &tried {
            // A key of secrets that could not be read stays, and is told.
            let told = report.ok() || report.notes.iter().any(|note| note.contains("vault.key"));
            assert!(!report.changed && report.lost.is_empty() && told, "operation {n}: {report:?}");
        }
        if !countdown.has_failed() {
            assert!(tried.is_ok() && n > 8, "only {n} operations: {tried:?}");
            break;
        }
    }
}

#[test]
fn a_mark_that_cannot_be_read_is_written_anew() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    let report = repair_on(&path, &[(path.join("TILLROLL"), None)]).unwrap();
    assert!(report.changed && report.ok(), "{report:?}");
    assert_eq!(shown(&read_only(&path)), patient.shown());
}

/// A disk that reads nothing of rows and commits says nothing of what is lost: another machine may read it.
#[test]
fn a_disk_that_reads_nothing_is_refused_and_nothing_is_changed() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    let mut all = rolls(&path);
    all.push(journal(&path));
    for range in [None, Some(0..u64::MAX)] {
        let scratched: Vec<_> = all.iter().map(|file| (file.clone(), range.clone())).collect();
        let error = repair_on(&path, &scratched).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(all.iter().any(|file| error.to_string().contains(&file.display().to_string())), "{error}");
        assert!(!path.join("damaged").exists());
        assert_eq!(shown(&read_only(&path)), patient.shown());
        // One that reads anything of them goes on.
        let (_other, copied) = patient.copied();
        let most: Vec<_> = rolls(&copied).into_iter().map(|file| (file, range.clone())).collect();
        assert_eq!(months_of(&repaired_on(&copied, &most)), ALL);
    }
}

/// However often a repair finds the disk full: what it copied serves the next one.
#[test]
fn a_repair_on_a_full_disk_leaves_no_second_copy() {
    let patient = Patient::new();
    let mut damaged_once = None;
    for n in 0.. {
        let (_dir, path) = patient.copied();
        let roll = rolls(&path)[0].clone();
        let mut bytes = fs::read(&roll).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&roll, bytes).unwrap();
        fs::remove_file(path.join("TILLROLL")).unwrap();
        let countdown = Countdown::never();
        countdown.fail(n, Fault::FullForEver);
        let options = OpenOptions::new().disk(Arc::new(FailingDisk(countdown.clone())));
        let tried = repair_with(&path, &options);
        if tried.is_err() {
            assert!(repair_with(&path, &options).is_err(), "operation {n}");
        }
        countdown.mend();
        let report = repair(&path).unwrap();
        let names = fs::read_dir(path.join("damaged")).unwrap().map(|entry| entry.unwrap().file_name());
        // One that fails behind its new journal has answered, and the next one says something else.
        let mut names: Vec<_> = names.filter(|name| name != "repair.json.2").collect();
        names.sort();
        assert_eq!(&names, damaged_once.get_or_insert_with(|| names.clone()), "operation {n}: {report:?}");
        if tried.is_ok() {
            assert!(n > 8, "only {n} operations");
            break;
        }
    }
}
