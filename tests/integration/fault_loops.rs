//! Every operation of everything that touches the disk fails, in turn: once and for ever, on a bad disk and on a full one,
//! and in the middle of a write. There is an error then that names the file, never a panic; what was stored can be read;
//! and once the disk is good the database is as it was before or as it is after, wholly.
//!
//! `TILLROLL_TORTURE_FAULTS=1` has every act meet every fault; without it each meets those that say most.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::json;
use tempfile::TempDir;
use tillroll_core::{Clock, Db, Error, ErrorKind, ImportOptions, OnReject, OpenOptions, Result, restore};
use tillroll_tests::{Packing, Spec};

use crate::damage::copy;
use crate::dsl::read_only;
use crate::failing::{Countdown, FailingDisk, Fault};
use crate::state::{difference, state};

/// What is done while the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Begin,
    Open,
    Recover,
    Import,
    Create,
    Update,
    Delete,
    Seal,
    Close,
    Compact,
    Backup,
    Restore,
}

impl Act {
    /// Whether the database is opened by the act, not before it.
    fn opens(self) -> bool {
        matches!(self, Self::Begin | Self::Open | Self::Recover | Self::Restore)
    }

    /// Whether the database shows something else afterwards.
    fn changes(self) -> bool {
        matches!(self, Self::Import | Self::Create | Self::Update | Self::Delete | Self::Seal)
    }
}

/// Databases that all trials begin with.
struct Seeds {
    dir: TempDir,
    /// One replaces what is stored, the other is new.
    reports: [PathBuf; 2],
}

static SEEDS: LazyLock<Seeds> = LazyLock::new(Seeds::new);

impl Seeds {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_with(dir.path().join("closed"), &options()).unwrap();
        let create = |collection, fields| drop(db.records(collection).unwrap().create(&fields).unwrap());
        create("external_accounts", json!({"nickname": "Our apps", "store": "amazon"}));
        create("external_accounts", json!({"nickname": "Apple", "store": "apple", "password": "sesame"}));
        create("brands", json!({"name": "One"}));
        let old = [report(dir.path(), 1, 1), report(dir.path(), 2, 1)];
        import(&db, &old).unwrap();
        import(&db, &[report(dir.path(), 2, 2)]).unwrap();
        // As a kill leaves it, with a write that was not finished behind the journal and files of a merging.
        copy(db.path(), &dir.path().join("killed"));
        db.close().unwrap();
        let killed = dir.path().join("killed");
        let journal = killed.join("journal/000001.log");
        let mut bytes = fs::read(&journal).unwrap();
        bytes.extend_from_slice(b"TFRM, torn");
        fs::write(&journal, bytes).unwrap();
        fs::write(killed.join("journal/000002.log.tmp"), "half").unwrap();
        fs::write(killed.join("rolls/000008.roll.tmp"), "half").unwrap();
        fs::copy(killed.join("rolls/000001.roll"), killed.join("rolls/000009.roll")).unwrap();
        let reports = [report(dir.path(), 1, 3), report(dir.path(), 3, 3)];
        Self { dir, reports }
    }
}

fn report(folder: &Path, month: i8, seed: u64) -> PathBuf {
    let folder = folder.join(seed.to_string());
    fs::create_dir_all(&folder).unwrap();
    Spec::new(seed, (2018, month), 30).generate().write(&folder, Packing::Gzip)
}

fn import(db: &Db, paths: &[PathBuf]) -> Result<()> {
    let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let options = ImportOptions::default().threads(1).on_reject(OnReject::Fail);
    db.sales().import(&paths, 1, &options).map(drop).map_err(Error::from)
}

/// A database on a disk that may fail.
struct Trial {
    act: Act,
    dir: TempDir,
    countdown: Countdown,
    db: Option<Db>,
}

impl Trial {
    fn new(act: Act) -> Self {
        let dir = scratch();
        match act {
            Act::Begin => {}
            Act::Recover => copy(&SEEDS.dir.path().join("killed"), &dir.path().join("shop.till")),
            _ => copy(&SEEDS.dir.path().join("closed"), &dir.path().join("shop.till")),
        }
        let mut trial = Self { act, dir, countdown: Countdown::never(), db: None };
        if !act.opens() {
            trial.db = Some(trial.open().unwrap());
        }
        trial
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("shop.till")
    }

    fn options(&self) -> OpenOptions {
        options().disk(Arc::new(FailingDisk(self.countdown.clone())))
    }

    fn open(&self) -> Result<Db> {
        Db::open_with(self.database(), &self.options())
    }

    fn run(&mut self) -> Result<()> {
        let copy = self.dir.path().join("copy");
        if self.act.opens() {
            let options = self.options().read_only(self.act == Act::Restore);
            let db = Db::open_with(self.database(), &options)?;
            if self.act == Act::Restore {
                return db.backup(copy);
            }
            self.db = Some(db);
            return Ok(());
        }
        let db = self.db.as_ref().unwrap();
        let accounts = db.records("external_accounts")?;
        let brands = db.records("brands")?;
        match self.act {
            Act::Import => import(db, &SEEDS.reports),
            Act::Create => brands.create(&json!({"name": "Two"})).map(drop),
            Act::Update => brands.update("1", &json!({"name": "Three"})).map(drop),
            Act::Delete => brands.delete("1"),
            Act::Seal => {
                accounts.update("2", &json!({"nickname": "Sealed", "password": "another"})).map(drop)
            }
            Act::Close => db.close(),
            Act::Compact => db.compact(),
            Act::Backup => db.backup(copy),
            Act::Begin | Act::Open | Act::Recover | Act::Restore => unreachable!("opened above"),
        }
    }
}

fn scratch() -> TempDir {
    let made = tempfile::Builder::new().prefix("tillroll-").tempdir_in("/dev/shm");
    made.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// What a database shows before and after an act on a good disk.
fn before_and_after(act: Act) -> [String; 2] {
    let mut trial = Trial::new(act);
    let before = match act {
        Act::Begin => shown(&trial.open().unwrap()),
        _ if act.opens() => shown(&read_only(&trial.database())),
        _ => shown(trial.db.as_ref().unwrap()),
    };
    trial.run().unwrap();
    let after = if act.changes() { shown(trial.db.as_ref().unwrap()) } else { before.clone() };
    assert_eq!(act.changes(), before != after, "{act:?}");
    [before, after]
}

fn shown(db: &Db) -> String {
    state(db).unwrap()
}

/// All times are the same, so that states can be compared.
fn options() -> OpenOptions {
    OpenOptions::new().threads(1).clock(Clock::fixed("2020-05-17T12:00:00Z".parse().unwrap()))
}

/// Fails the operations of an act one by one; gives how many there were.
fn each_operation_fails(act: Act, fault: Fault) -> i64 {
    let may_be = before_and_after(act);
    // Most of what a copy does is reading it again: there one of a few says as much as its neighbours.
    let many = matches!(act, Act::Backup | Act::Restore | Act::Compact) && fault == Fault::BadOnce;
    let step = if many && !in_full() { 11 } else { 1 };
    for n in (0..).step_by(step) {
        let mut trial = Trial::new(act);
        trial.countdown.fail(n, fault);
        let done = catch_unwind(AssertUnwindSafe(|| trial.run()));
        let done = done.unwrap_or_else(|_| panic!("{act:?} panicked: {fault:?} at operation {n}"));
        let failed = trial.countdown.has_failed();
        is_told(&trial, &done, &format!("{act:?}, {fault:?} at operation {n}"));
        if failed && let Some(db) = trial.db.as_ref().filter(|db| !db.is_closed()) {
            if fault == Fault::BadForEver {
                trial.countdown.mend();
            }
            let found = shown(db);
            assert!(
                may_be.contains(&found),
                "{act:?}, {fault:?} at operation {n}: {}",
                difference(&found, &may_be[0])
            );
        }
        trial.countdown.mend();
        comes_back(&mut trial, &done, &may_be, &format!("{act:?}, {fault:?} at operation {n}"));
        if !failed {
            done.unwrap();
            return n;
        }
    }
    0
}

/// An error names a file of the database or of the copy, and says whose fault it is.
fn is_told(trial: &Trial, done: &Result<()>, at: &str) {
    let Err(error) = done else { return };
    let text = error.to_string();
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Closed), "{at}: {:?}, {text}", error.kind());
    assert!(text.contains(trial.dir.path().to_str().unwrap()), "{at}: {text}");
}

/// On a good disk the database is as before or as after, and does what it did not do.
fn comes_back(trial: &mut Trial, done: &Result<()>, may_be: &[String; 2], at: &str) {
    if let Some(db) = trial.db.take() {
        // A handle whose journal failed may have nothing more to say.
        let _ = db.close();
    }
    let db = Db::open(trial.database()).unwrap_or_else(|error| panic!("{at}: not opened again: {error}"));
    let found = shown(&db);
    let expected = if done.is_ok() { &may_be[1..] } else { &may_be[..] };
    let differences = || expected.iter().map(|expected| difference(&found, expected)).collect::<Vec<_>>();
    assert!(expected.contains(&found), "{at}, {done:?}, opened again: {:#?}", differences());
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new(), "{at}");
    if trial.act.opens() && trial.act != Act::Restore {
        return;
    }
    db.close().unwrap();
    let stands = found == may_be[1];
    let copied = trial.dir.path().join("copy");
    if matches!(trial.act, Act::Backup | Act::Restore) {
        if done.is_err() && Db::open_with(&copied, &OpenOptions::new().read_only(true)).is_err() {
            restore(trial.database(), &copied).unwrap_or_else(|error| panic!("{at}, again: {error}"));
        }
        let copy = Db::open(&copied).unwrap_or_else(|error| panic!("{at}, the copy: {error}"));
        assert_eq!(shown(&copy), may_be[1], "{at}");
        assert_eq!(copy.check().unwrap().problems, Vec::<String>::new(), "{at}");
    } else if !(trial.act.changes() && stands) {
        trial.db = Some(trial.open().unwrap());
        trial.run().unwrap_or_else(|error| panic!("{at}, again: {error}"));
    }
}

fn in_full() -> bool {
    std::env::var_os("TILLROLL_TORTURE_FAULTS").is_some()
}

fn fails(act: Act, short: &[Fault]) {
    const ALL: [Fault; 5] =
        [Fault::BadOnce, Fault::BadForEver, Fault::FullOnce, Fault::FullForEver, Fault::Short];
    let faults = if in_full() { &ALL } else { short };
    let counts: Vec<i64> = faults.iter().map(|fault| each_operation_fails(act, *fault)).collect();
    println!("{act:?}: {counts:?} operations failed by {faults:?}");
    assert!(counts.iter().all(|count| *count > 0), "{act:?}: {counts:?}");
}

#[test]
fn while_a_database_is_begun() {
    fails(Act::Begin, &[Fault::BadOnce, Fault::FullForEver]);
}

#[test]
fn while_a_database_is_opened() {
    fails(Act::Open, &[Fault::BadOnce, Fault::FullForEver]);
}

#[test]
fn while_a_killed_database_is_opened() {
    fails(Act::Recover, &[Fault::BadOnce, Fault::BadForEver]);
}

#[test]
fn while_reports_are_imported() {
    fails(Act::Import, &[Fault::BadOnce, Fault::FullForEver, Fault::Short]);
}

#[test]
fn while_a_record_is_changed() {
    fails(Act::Create, &[Fault::FullForEver]);
    fails(Act::Update, &[Fault::BadForEver, Fault::Short]);
    fails(Act::Delete, &[Fault::BadOnce]);
    fails(Act::Seal, &[Fault::BadOnce]);
}

#[test]
fn while_a_database_is_closed() {
    fails(Act::Close, &[Fault::BadOnce, Fault::FullForEver]);
}

#[test]
fn while_a_database_is_compacted() {
    fails(Act::Compact, &[Fault::BadOnce, Fault::FullForEver]);
}

#[test]
fn while_a_backup_is_made() {
    fails(Act::Backup, &[Fault::BadOnce, Fault::FullForEver, Fault::Short]);
}

#[test]
fn while_a_backup_is_put_back() {
    fails(Act::Restore, &[Fault::BadOnce, Fault::FullForEver]);
}
