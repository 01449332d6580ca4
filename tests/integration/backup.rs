//! Copies of a database: taken in the middle of things, put back, refused, interrupted.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use serde_json::json;
use tillroll_core::{Db, ErrorKind, OpenOptions, check, restore};
use tillroll_tests::Spec;

use crate::damage::{file_in, quarter};
use crate::dsl::{Shop, everything_of, new_account, read_only, rows_of};
use crate::failing::{Countdown, FailingDisk};

fn everything(db: &Db) -> Vec<Vec<String>> {
    let by = json!({"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]});
    rows_of(&db.sales().report(&tillroll_core::Query::from_json(&by).unwrap()).unwrap())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_the_database() {
    let reports = quarter();
    let mut shop = Shop::with(&reports);
    let expected = everything_of(reports.iter().flat_map(|report| &report.rows));
    let (backup, restored) = (shop.dir.path().join("copy"), shop.dir.path().join("restored"));
    shop.db.backup(&backup).unwrap();
    // What happens afterwards is none of the backup's business.
    new_account(&shop.db, "later");
    shop.db.sales().delete(shop.account, tillroll_core::Kind::AmazonSales, "2018-02").unwrap();
    shop.db.compact().unwrap();
    assert!(check(&backup).unwrap().ok());
    restore(&backup, &restored).unwrap();
    for path in [&backup, &restored] {
        let db = Db::open(path).unwrap();
        assert_eq!(everything(&db), expected);
        assert_eq!(db.records("external_accounts").unwrap().len().unwrap(), 1);
        assert!(db.check().unwrap().ok());
        assert_eq!(db.sales().get(&reports[1].rows[5].transaction.to_string()).unwrap().len(), 1);
        new_account(&db, "it can be written to");
        db.close().unwrap();
    }
    shop.reopen();
    assert_eq!(shop.db.records("external_accounts").unwrap().len().unwrap(), 2);
}

#[test]
fn a_backup_in_the_middle_of_imports_is_one_commit() {
    let reports: Vec<_> = (1..=12).map(|month| Spec::new(3, (2018, month), 300).generate()).collect();
    let shop = Shop::new();
    let paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    let done = AtomicBool::new(false);
    let backups: Vec<PathBuf> = std::thread::scope(|scope| {
        scope.spawn(|| {
            // One report a call, so that every moment in between has whole reports.
            for path in &paths {
                shop.import(std::slice::from_ref(path));
            }
            shop.import_with(&paths, &tillroll_core::ImportOptions::default().force(true)).unwrap();
            done.store(true, Ordering::Release);
        });
        let mut backups = Vec::new();
        while !done.load(Ordering::Acquire) {
            backups.push(shop.dir.path().join(format!("copy {}", backups.len())));
            shop.db.backup(backups.last().unwrap()).unwrap();
        }
        backups
    });
    for path in &backups {
        assert_eq!(check(path).unwrap().problems, Vec::<String>::new());
        let db = read_only(path);
        let months = db.sales().imports(None).unwrap().len();
        assert_eq!(
            everything(&db),
            everything_of(reports.iter().take(months).flat_map(|report| &report.rows)),
            "{months} months"
        );
    }
    assert!(!backups.is_empty());
}

#[test]
fn a_backup_has_the_keys_of_its_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let (database, backup) = (dir.path().join("shop.till"), dir.path().join("copy"));
    let db = Db::open(&database).unwrap();
    let accounts = db.records("external_accounts").unwrap();
    let account = json!({"nickname": "Apple", "store": "apple", "password": "sesame 17"});
    accounts.create(&account).unwrap();
    db.backup(&backup).unwrap();
    assert_eq!(fs::read(database.join("vault.key")).unwrap(), fs::read(backup.join("vault.key")).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(backup.join("vault.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Its vault opens: another secret can be sealed with the same key.
    let copy = Db::open(&backup).unwrap();
    copy.records("external_accounts").unwrap().update("1", &json!({"password": "another"})).unwrap();
    db.set_passphrase(Some("open")).unwrap();
    let locked = dir.path().join("locked");
    db.backup(&locked).unwrap();
    assert!(!names(&locked).contains(&"vault.key".to_owned()));
    let wrong = Db::open_with(&locked, &OpenOptions::new().passphrase("wrong")).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Vault);
    Db::open_with(&locked, &OpenOptions::new().passphrase("open")).unwrap();
}

#[test]
fn a_backup_writes_over_nothing() {
    let shop = Shop::with(&quarter());
    let taken = shop.dir.path().join("taken");
    Db::open(&taken).unwrap().close().unwrap();
    assert_eq!(shop.db.backup(&taken).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(shop.db.backup(shop.folder()).unwrap_err().kind(), ErrorKind::Format);
    let inside = shop.db.backup(shop.database().join("copy")).unwrap_err();
    assert!(inside.to_string().contains("lies in the database"), "{inside}");
    assert_eq!(shop.db.backup(shop.dir.path().join("no/such")).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(restore(shop.folder(), shop.dir.path().join("new")).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!shop.dir.path().join("new").exists());
    assert_eq!(names(&taken), ["LOCK", "TILLROLL", "index", "journal", "rolls"]);
}

#[test]
fn damage_is_not_copied() {
    for folder in ["rolls", "journal"] {
        let shop = Shop::with(&quarter());
        let backup = shop.dir.path().join("copy");
        let path = file_in(&shop.database().join(folder));
        let bytes = fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&path, damaged).unwrap();
        let error = shop.db.backup(&backup).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corruption, "{error}");
        if folder == "rolls" {
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        assert!(Db::open_with(&backup, &OpenOptions::new().create(false)).is_err());
        // Once it is mended, the same place takes the backup.
        fs::write(&path, bytes).unwrap();
        shop.db.backup(&backup).unwrap();
        assert!(check(&backup).unwrap().ok());
    }
}

#[test]
fn a_database_that_does_not_open_is_checked() {
    let shop = Shop::with(&quarter());
    assert_eq!(check(shop.database()).unwrap_err().kind(), ErrorKind::Locked);
    shop.db.close().unwrap();
    assert!(check(shop.database()).unwrap().ok());
    assert_eq!(check(shop.dir.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    for folder in ["rolls", "journal"] {
        let path = file_in(&shop.database().join(folder));
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let problems = check(shop.database()).unwrap().problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("000001.log") && problems[1].contains(".roll"), "{problems:?}");
}

/// A shop, closed, and its database on a disk that fails.
fn on_failing_disk() -> (Shop, Db, Countdown) {
    let shop = Shop::with(&quarter());
    shop.db.close().unwrap();
    let countdown = Countdown::never();
    let disk = Arc::new(FailingDisk(countdown.clone()));
    let db = Db::open_with(shop.database(), &OpenOptions::new().disk(disk)).unwrap();
    (shop, db, countdown)
}

/// Every write of a backup fails once: the database does not mind, and the place takes the backup afterwards.
#[test]
fn a_backup_that_fails_leaves_everything_as_it_was() {
    let (shop, db, countdown) = on_failing_disk();
    let expected = everything(&db);
    for n in 0.. {
        let backup = shop.dir.path().join(format!("copy {n}"));
        countdown.start(n);
        let tried = db.backup(&backup);
        let failed = countdown.has_failed();
        countdown.start(i64::MAX);
        assert_eq!(tried.is_err(), failed, "write {n}");
        if !failed {
            assert!(n > 6, "only {n} writes");
            break;
        }
        assert!(Db::open_with(&backup, &OpenOptions::new().create(false)).is_err(), "write {n}");
        assert_eq!(everything(&db), expected);
        db.backup(&backup).unwrap();
        assert!(check(&backup).unwrap().ok(), "write {n}");
        assert_eq!(everything(&read_only(&backup)), expected);
    }
}

/// Killed at every write in turn: where it had begun, the place says so, is no database, and takes the next backup.
#[test]
fn a_backup_that_was_killed_is_begun_anew() {
    let (shop, db, countdown) = on_failing_disk();
    let expected = everything(&db);
    let (mut unfinished, mut finished) = (0, 0);
    for n in 0.. {
        let backup = shop.dir.path().join(format!("copy {n}"));
        countdown.kill(n);
        let tried = db.backup(&backup);
        let killed = countdown.has_failed();
        countdown.start(i64::MAX);
        assert_eq!(tried.is_err(), killed, "write {n}");
        if !killed {
            break;
        }
        let left = names(&backup);
        let has = |name: &str| left.iter().any(|found| found == name);
        if has("TILLROLL") {
            finished += 1;
            Db::open(&backup).unwrap().close().unwrap();
        } else {
            if has("BACKUP") {
                unfinished += 1;
                refuses_unfinished(&backup);
            }
            db.backup(&backup).unwrap();
        }
        assert!(check(&backup).unwrap().ok(), "write {n}");
        assert!(!names(&backup).contains(&"BACKUP".to_owned()), "write {n}");
        assert_eq!(everything(&read_only(&backup)), expected);
    }
    assert!(unfinished > 6 && finished == 1, "{unfinished} unfinished, {finished} finished");
}

fn refuses_unfinished(backup: &Path) {
    let before = names(backup);
    for options in [OpenOptions::new(), OpenOptions::new().create(false), OpenOptions::new().read_only(true)]
    {
        let error = Db::open_with(backup, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
        let text = error.to_string();
        assert!(text.contains("not finished") && text.contains(backup.to_str().unwrap()), "{text}");
    }
    assert!(!check(backup).unwrap().ok());
    assert_eq!(names(backup), before);
}

/// Rows without a word of a backup are a database that has lost `TILLROLL`.
#[test]
fn a_backup_empties_only_what_a_backup_has_begun() {
    let shop = Shop::with(&quarter());
    let lost = shop.dir.path().join("lost");
    fs::create_dir_all(lost.join("rolls")).unwrap();
    fs::write(lost.join("rolls/000001.roll"), "rows").unwrap();
    fs::write(lost.join("LOCK"), "whole").unwrap();
    for _ in 0..2 {
        assert_eq!(shop.db.backup(&lost).unwrap_err().kind(), ErrorKind::Corruption);
        assert_eq!(fs::read(lost.join("rolls/000001.roll")).unwrap(), b"rows");
        assert_eq!(fs::read(lost.join("LOCK")).unwrap(), b"whole");
        assert!(!lost.join("BACKUP").exists());
    }
    // Neither is a file that only has the name, nor a key without what it opens.
    fs::write(lost.join("BACKUP"), "mine").unwrap();
    assert_eq!(shop.db.backup(&lost).unwrap_err().kind(), ErrorKind::Corruption);
    fs::remove_file(lost.join("rolls/000001.roll")).unwrap();
    assert_eq!(shop.db.backup(&lost).unwrap_err().kind(), ErrorKind::Format);
    fs::rename(lost.join("BACKUP"), lost.join("vault.key")).unwrap();
    assert_eq!(shop.db.backup(&lost).unwrap_err().kind(), ErrorKind::Corruption);
    assert_eq!(fs::read(lost.join("vault.key")).unwrap(), b"mine");
}

#[test]
fn of_several_backups_to_one_place_one_is_made() {
    let shop = Shop::with(&quarter());
    for round in 0..5 {
        let to = shop.dir.path().join(format!("at once {round}"));
        let start = Barrier::new(3);
        let done: Vec<_> = std::thread::scope(|scope| {
            let backup = || {
                start.wait();
                shop.db.backup(&to)
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(backup)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let refused: Vec<_> = done.iter().filter_map(|done| done.as_ref().err()).collect();
        assert_eq!(refused.len(), 2, "{refused:?}");
        let known = |kind| matches!(kind, ErrorKind::Locked | ErrorKind::Conflict);
        assert!(refused.iter().all(|error| known(error.kind())), "{refused:?}");
        assert_eq!(check(&to).unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn a_place_that_somebody_fills_is_left_alone() {
    let shop = Shop::with(&quarter());
    let to = shop.dir.path().join("taken");
    fs::create_dir_all(to.join("rolls")).unwrap();
    fs::write(to.join("BACKUP"), "A Tillroll backup that is not finished.\n").unwrap();
    for name in ["LOCK", "rolls/000001.roll"] {
        fs::write(to.join(name), "somebody's").unwrap();
    }
    let held = fs::File::open(to.join("LOCK")).unwrap();
    held.lock().unwrap();
    let error = shop.db.backup(&to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.to_string().contains(to.to_str().unwrap()), "{error}");
    assert_eq!(names(&to), ["BACKUP", "LOCK", "rolls"]);
    assert_eq!(fs::read(to.join("rolls/000001.roll")).unwrap(), b"somebody's");
    held.unlock().unwrap();
    shop.db.backup(&to).unwrap();
    assert!(check(&to).unwrap().ok());
}

#[cfg(unix)]
#[test]
fn a_link_leads_nothing_into_the_database() {
    let shop = Shop::with(&quarter());
    let before = (fs::read(shop.database().join("TILLROLL")).unwrap(), names(&shop.database().join("rolls")));
    for name in ["TILLROLL", "rolls", "damaged"] {
        // One of them leads to a folder that stands empty.
        fs::create_dir_all(shop.database().join("damaged")).unwrap();
        let link = shop.dir.path().join(format!("link to {name}"));
        std::os::unix::fs::symlink(shop.database().join(name), &link).unwrap();
        for error in [shop.db.export_records(&link).unwrap_err(), shop.db.backup(&link).unwrap_err()] {
            assert!(error.to_string().contains("lies in the database"), "{name}: {error}");
        }
    }
    let after = (fs::read(shop.database().join("TILLROLL")).unwrap(), names(&shop.database().join("rolls")));
    assert_eq!(after, before);
    assert!(names(&shop.database().join("damaged")).is_empty());
    // A link that leads elsewhere is as good as the place.
    fs::create_dir(shop.dir.path().join("elsewhere")).unwrap();
    let link = shop.dir.path().join("link");
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    shop.db.backup(&link).unwrap();
    assert!(check(&link).unwrap().ok());
}

#[test]
fn compacting_keeps_every_row_and_gives_room_back() {
    let reports = quarter();
    let mut shop = Shop::with(&reports);
    let paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    for _ in 0..3 {
        shop.import_with(&paths[1..2], &tillroll_core::ImportOptions::default().force(true)).unwrap();
    }
    let expected = everything_of(reports.iter().flat_map(|report| &report.rows));
    let rolls = |shop: &Shop| names(&shop.database().join("rolls")).len();
    assert!(rolls(&shop) > 1);
    shop.db.compact().unwrap();
    assert_eq!((rolls(&shop), shop.everything()), (1, expected.clone()));
    shop.db.compact().unwrap();
    shop.reopen();
    assert_eq!((rolls(&shop), shop.everything()), (1, expected));
    assert!(shop.db.check().unwrap().ok());
    shop.db.close().unwrap();
    assert_eq!(read_only(&shop.database()).compact().unwrap_err().kind(), ErrorKind::Access);
}
