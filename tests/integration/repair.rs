//! Databases that are damaged in every way there is: afterwards they open, what was whole is as it was, and what is lost
//! has a name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tillroll_core::{
    Db, ErrorKind, ImportOptions, Kind, OpenOptions, Query, RepairReport, check, repair, repair_with,
};
use tillroll_tests::rng::Rng;
use tillroll_tests::{Packing, Report, Spec};

use crate::damage::{copy, file_in};
use crate::dsl::{everything_of, read_only, rows_of};
use crate::failing::{Countdown, FailingDisk};

const MONTHS: i8 = 6;
/// The nickname of an account that was deleted.
const DELETED: &str = "deleted";

/// A closed database with six months in two rolls, restated and deleted ones among them, and records of several kinds.
pub struct Patient {
    dir: TempDir,
    reports: Vec<Report>,
    account: u64,
}

/// What a database shows: the sums of each report, and every record.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub sums: Vec<Vec<String>>,
    pub records: Vec<String>,
}

fn open(path: &Path) -> Db {
    Db::open_with(path, &OpenOptions::new().create(false)).unwrap()
}

impl Patient {
    pub fn new() -> Self {
        Self::of(300)
    }

    /// With so many rows a month.
    fn of(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("reports")).unwrap();
        let db = Db::open(dir.path().join("shop.till")).unwrap();
        let account = crate::dsl::new_account(&db, "Our apps");
        let accounts = db.records("external_accounts").unwrap();
        accounts.update(&account.to_string(), &json!({"password": "sesame 17"})).unwrap();
        let reports: Vec<_> =
            (1..=MONTHS).map(|month| Spec::new(7, (2018, month), rows).generate()).collect();
        let patient = Self { dir, reports, account };
        patient.import(&db, &[1, 2, 3]);
        for n in 0..8 {
            crate::dsl::new_account(&db, &format!("account {n}"));
            db.records("subscribers").unwrap().create(&json!({"email": format!("{n}@example.com")})).unwrap();
        }
        patient.import(&db, &[4, 5, 6]);
        patient.file(5, Packing::Plain);
        db.sales().delete(account, Kind::AmazonSales, "2018-05").unwrap();
        accounts.delete(&crate::dsl::new_account(&db, DELETED).to_string()).unwrap();
        db.close().unwrap();
        patient
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("shop.till")
    }

    fn file(&self, month: usize, packing: Packing) -> PathBuf {
        self.reports[month - 1].write(&self.dir.path().join("reports"), packing)
    }

    fn import(&self, db: &Db, months: &[usize]) {
        let paths: Vec<_> = months.iter().map(|month| self.file(*month, Packing::Gzip)).collect();
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        db.sales().import(&paths, self.account, &ImportOptions::default().threads(1)).unwrap();
    }

    /// A copy of the database, to be damaged.
    pub fn copied(&self) -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.till");
        copy(&self.database(), &path);
        (dir, path)
    }

    pub fn shown(&self) -> Shown {
        shown(&read_only(&self.database()))
    }

    /// The sums of these months alone.
    pub fn sums(&self, months: &[usize]) -> Vec<Vec<String>> {
        everything_of(months.iter().flat_map(|month| &self.reports[month - 1].rows))
    }

    /// Repairs; afterwards all is well, and a second repair finds nothing to do.
    fn repaired(&self, path: &Path) -> RepairReport {
        let report = repair(path).unwrap();
        assert_eq!(check(path).unwrap().problems, Vec::<String>::new(), "{report:?}");
        let again = repair(path).unwrap();
        let is_locked = again.notes.iter().any(|note| note.contains("secrets"));
        assert!(!again.changed && again.ok() != is_locked, "{again:?} after {report:?}");
        let db = open(path);
        assert_eq!(db.check().unwrap().problems, Vec::<String>::new(), "{report:?}");
        db.close().unwrap();
        for name in &report.moved {
            assert!(path.join(name).exists(), "{name}");
        }
        report
    }

    /// Imports the files that were lost; then the months must be whole.
    pub fn mended(&self, path: &Path, report: &RepairReport, months: &[usize]) {
        let db = open(path);
        for lost in &report.lost {
            assert!(Path::new(&lost.path).is_file(), "{lost:?}");
            let done = db.sales().import(&[&lost.path], lost.account, &ImportOptions::default()).unwrap();
            assert_eq!((done.files, done.rows), (1, 300), "{lost:?}");
        }
        assert_eq!(shown(&db).sums, self.sums(months), "{report:?}");
        assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
        db.close().unwrap();
    }
}

pub fn shown(db: &Db) -> Shown {
    let by = json!({"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]});
    let sums = rows_of(&db.sales().report(&Query::from_json(&by).unwrap()).unwrap());
    let all = |name: &str| -> Vec<String> {
        let page = db.records(name).unwrap().list(&json!({"page_size": 1000})).unwrap();
        page.data.iter().map(Json::to_string).collect()
    };
    let records = ["external_accounts", "subscribers", "products"].into_iter().flat_map(all).collect();
    Shown { sums, records }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn len(path: &Path) -> usize {
    fs::metadata(path).unwrap().len() as usize
}

pub fn rolls(path: &Path) -> Vec<PathBuf> {
    let mut rolls: Vec<_> =
        fs::read_dir(path.join("rolls")).unwrap().map(|entry| entry.unwrap().path()).collect();
    rolls.sort();
    rolls
}

pub fn periods(files: &[tillroll_core::ReportFile]) -> Vec<&str> {
    files.iter().map(|file| file.period.as_str()).collect()
}

pub const ALL: [usize; 5] = [1, 2, 3, 4, 6];

#[test]
fn a_healthy_database_is_left_alone() {
    let patient = Patient::new();
    let path = patient.database();
    let db = open(&path);
    let locked = repair(&path).unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Locked);
    assert!(locked.to_string().contains(&format!("process {}", std::process::id())), "{locked}");
    db.close().unwrap();
    let state = || {
        let files = ["TILLROLL", "LOCK", "vault.key"].map(|name| path.join(name)).into_iter();
        let files = files.chain([file_in(&path.join("journal"))]).chain(rolls(&path));
        files.map(|file| (fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = state();
    let report = repair(&path).unwrap();
    assert!(
        !report.changed && report.ok() && report.moved.is_empty() && report.notes.is_empty(),
        "{report:?}"
    );
    assert_eq!(state(), before);
    assert!(!path.join("damaged").exists());
    assert_eq!(repair(patient.dir.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(repair(patient.dir.path().join("reports")).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!patient.dir.path().join("reports/LOCK").exists());
}

/// A backup has an empty index, which says nothing of what was applied.
#[test]
fn a_backup_needs_no_repair() {
    let patient = Patient::of(40);
    let db = open(&patient.database());
    db.compact().unwrap();
    let backup = patient.dir.path().join("backup");
    db.backup(&backup).unwrap();
    for _ in 0..2 {
        let report = repair(&backup).unwrap();
        assert!(!report.changed && report.notes.is_empty(), "{report:?}");
    }
    assert_eq!(shown(&open(&backup)), shown(&db));
}

/// Whatever byte of whatever file flips: what is shown afterwards is what was there, less what is named.
#[test]
fn a_flipped_byte_anywhere_is_repaired() {
    let patient = Patient::new();
    let expected = patient.shown();
    let mut rng = Rng::new(3);
    let files = |path: &Path| {
        let names = ["TILLROLL", "LOCK", "vault.key"].map(|name| path.join(name));
        let folders = [file_in(&path.join("journal"))].into_iter().chain(rolls(path));
        names.into_iter().chain(folders).collect::<Vec<_>>()
    };
    for place in 0..files(&patient.database()).len() {
        for _ in 0..4 {
            let (_dir, path) = patient.copied();
            let file = files(&path).swap_remove(place);
            let at = rng.below(len(&file) as u64) as usize;
            flip(&file, at);
            let what = format!("byte {at} of {}", file.display());
            let report = patient.repaired(&path);
            let now = shown(&read_only(&path));
            if file.parent().unwrap().ends_with("journal") {
                assert!(
                    now.records.iter().all(|record| is_as_it_was(record, &expected)),
                    "{what}: {report:?}"
                );
            } else {
                assert_eq!(now.records, expected.records, "{what}: {report:?}");
                assert!(report.uncertain.is_empty(), "{what}: {report:?}");
            }
            let lost: Vec<usize> =
                periods(&report.lost).iter().map(|period| period[5..].parse().unwrap()).collect();
            let left: Vec<usize> = ALL.into_iter().filter(|month| !lost.contains(month)).collect();
            // A month that was deleted may come back where the commit that did it is lost, and is told then.
            let mut left = left;
            left.extend(report.uncertain.iter().filter(|file| file.period == "2018-05").map(|_| 5));
            left.sort_unstable();
            assert_eq!(now.sums, patient.sums(&left), "{what}: {report:?}");
            left.extend(lost);
            left.sort_unstable();
            patient.mended(&path, &report, &left);
        }
    }
}

/// Whether a record is what was there. Where frames are lost, an account may lack its last change, stand in for another or
/// come back, and products are made again of what is sold.
fn is_as_it_was(record: &str, expected: &Shown) -> bool {
    let read = |text: &String| serde_json::from_str::<Json>(text).unwrap();
    let record = read(&record.to_owned());
    if record.get("email").is_some() {
        return expected.records.iter().any(|old| read(old) == record);
    }
    let Some(nickname) = record["nickname"].as_str() else { return true };
    let has_name = |old: &Json| old["id"] == record["id"] && old["nickname"] == nickname;
    nickname.starts_with("Recovered")
        || nickname == DELETED
        || expected.records.iter().map(read).any(|old| has_name(&old))
}

#[test]
fn frames_behind_a_damaged_one_count() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    let db = open(&path);
    let group =
        |n: u32| db.records("customer_groups").unwrap().create(&json!({"name": format!("group {n}")}));
    (0..3).for_each(|n| drop(group(n).unwrap()));
    db.close().unwrap();
    let journal = file_in(&path.join("journal"));
    let bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(7).rposition(|window| window == b"group 1").unwrap();
    flip(&journal, at);
    assert_eq!(Db::open(&path).unwrap_err().kind(), ErrorKind::Corruption);
    let report = patient.repaired(&path);
    assert!(report.changed && report.lost.is_empty(), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("frames between sequence")), "{report:?}");
    assert!(report.incomplete && !report.ok(), "a group is lost: {report:?}");
    // The index had seen it.
    assert!(report.moved.contains(&"damaged/index".to_owned()), "{report:?}");
    assert!(fs::read_dir(path.join("damaged/index")).unwrap().count() > 0);
    let db = open(&path);
    let names: Vec<_> = db.records("customer_groups").unwrap().list(&json!({})).unwrap().data;
    let names: Vec<_> = names.iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["group 0", "group 2"]);
    assert_eq!(shown(&db), patient.shown());
    // What was seen deleted behind or before the damage stays deleted.
    assert!(report.uncertain.is_empty(), "{report:?}");
    let next = db.records("customer_groups").unwrap().create(&json!({"name": "group 3"})).unwrap();
    assert_eq!(next["id"], 4);
}

#[test]
fn without_a_journal_the_rolls_tell_the_reports() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    fs::remove_dir_all(path.join("journal")).unwrap();
    let report = patient.repaired(&path);
    // May's rows lie beside April's and June's; nothing tells that they were deleted.
    assert_eq!(
        periods(&report.uncertain),
        ["2018-01", "2018-02", "2018-03", "2018-04", "2018-05", "2018-06"]
    );
    assert!(report.lost.is_empty() && !report.ok());
    let db = open(&path);
    assert_eq!(shown(&db).sums, patient.sums(&[1, 2, 3, 4, 5, 6]));
    let account = db.records("external_accounts").unwrap().get(&patient.account.to_string()).unwrap();
    assert_eq!(account["nickname"], format!("Recovered account {}", patient.account));
    assert!(!db.products().is_empty().unwrap(), "products follow from what is sold");
    let by = json!({"by": ["product"], "measures": ["rows"]});
    let products = rows_of(&db.sales().report(&Query::from_json(&by).unwrap()).unwrap());
    assert!(products.iter().all(|row| row[0] != "-"), "{products:?}");
    // The same bytes are known, others get numbers of their own.
    let file = patient.file(1, Packing::Gzip);
    let done =
        db.sales().import(&[file.to_str().unwrap()], patient.account, &ImportOptions::default()).unwrap();
    assert_eq!(done.unchanged, 1);
    db.sales().delete(patient.account, Kind::AmazonSales, "2018-05").unwrap();
    patient.import(&db, &[5]);
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
}

#[test]
fn of_two_versions_in_the_rolls_the_newer_counts() {
    let patient = Patient::new();
    let restated = Spec::new(99, (2018, 2), 300).generate();
    let file = restated.write(&patient.dir.path().join("reports"), Packing::Plain);
    let db = open(&patient.database());
    db.sales().import(&[file.to_str().unwrap()], patient.account, &ImportOptions::default()).unwrap();
    db.close().unwrap();
    let (_dir, path) = patient.copied();
    fs::remove_dir_all(path.join("journal")).unwrap();
    patient.repaired(&path);
    let rows = patient.reports.iter().enumerate().filter(|(place, _)| *place != 1);
    let rows = rows.flat_map(|(_, report)| &report.rows).chain(&restated.rows);
    assert_eq!(shown(&open(&path)).sums, everything_of(rows));
}

#[test]
fn the_reports_of_a_lost_roll_are_named() {
    let patient = Patient::new();
    for cut in [false, true] {
        let (_dir, path) = patient.copied();
        let roll = rolls(&path).swap_remove(1);
        if cut {
            fs::File::options().write(true).open(&roll).unwrap().set_len(len(&roll) as u64 / 2).unwrap();
        } else {
            fs::remove_file(&roll).unwrap();
        }
        let report = patient.repaired(&path);
        assert_eq!(periods(&report.lost), ["2018-04", "2018-06"], "{report:?}");
        assert!(report.changed && !report.incomplete, "{report:?}");
        assert_eq!(report.lost[0].path, patient.file(4, Packing::Gzip).to_str().unwrap());
        assert_eq!((report.lost[0].rows, report.lost[0].sha256.len()), (300, 64));
        assert_eq!(report.moved.iter().any(|name| name == "damaged/000002.roll"), cut, "{report:?}");
        assert_eq!(shown(&read_only(&path)).sums, patient.sums(&[1, 2, 3]));
        assert_eq!(shown(&read_only(&path)).records, patient.shown().records);
        patient.mended(&path, &report, &ALL);
    }
}

/// Damage in the index of a roll, which follows from its rows, costs nothing; damage in rows costs their reports alone.
#[test]
fn of_a_damaged_roll_what_can_be_read_is_kept() {
    let patient = Patient::new();
    let mut losses = Vec::new();
    for part in (1..40).step_by(4) {
        let (_dir, path) = patient.copied();
        let roll = rolls(&path).swap_remove(0);
        let at = len(&roll) * part / 40;
        flip(&roll, at);
        let report = patient.repaired(&path);
        assert!(report.moved.contains(&"damaged/000001.roll".to_owned()), "{report:?}");
        losses.push(report.lost.len());
        patient.mended(&path, &report, &ALL);
    }
    let (_dir, path) = patient.copied();
    flip_index(&path, &patient);
    let report = patient.repaired(&path);
    assert!(report.ok() && report.moved.contains(&"damaged/000001.roll".to_owned()), "{report:?}");
    assert_eq!(rolls(&path).len(), 2);
    assert_eq!(shown(&open(&path)), patient.shown());
    assert!(losses.contains(&3), "{losses:?}");
}

/// Flips a byte in the index of the first roll, which a lookup of one of its rows meets first.
fn flip_index(path: &Path, patient: &Patient) {
    let roll = rolls(path).swap_remove(0);
    let bytes = fs::read(&roll).unwrap();
    let id = patient.reports[0].rows[5].transaction.to_string();
    for part in 1..200 {
        flip(&roll, bytes.len() * part / 200);
        let looked_up =
            Db::open_with(path, &OpenOptions::new().read_only(true)).and_then(|db| db.sales().get(&id));
        if looked_up.is_err_and(|error| error.to_string().contains("index page")) {
            return;
        }
        fs::write(&roll, &bytes).unwrap();
    }
    panic!("no index found in {}", roll.display());
}

#[test]
fn the_mark_the_lock_and_the_index_follow_from_the_rest() {
    let patient = Patient::new();
    let expected = patient.shown();
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 8] = [
        ("no TILLROLL", |path| fs::remove_file(path.join("TILLROLL")).unwrap()),
        ("a TILLROLL of noise", |path| fs::write(path.join("TILLROLL"), [0, 159, 146, 150]).unwrap()),
        ("an empty TILLROLL", |path| fs::write(path.join("TILLROLL"), "").unwrap()),
        ("no LOCK", |path| fs::remove_file(path.join("LOCK")).unwrap()),
        ("a LOCK of a dead process", |path| fs::write(path.join("LOCK"), "pid 4000000\n").unwrap()),
        ("no index", |path| fs::remove_dir_all(path.join("index")).unwrap()),
        ("an index of noise", |path| {
            for entry in fs::read_dir(path.join("index")).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_file() {
                    let noise: Vec<u8> = (0..=255).cycle().take(len(&entry)).collect();
                    fs::write(entry, noise).unwrap();
                }
            }
        }),
        ("a new journal that was not finished", |path| {
            fs::write(path.join("journal/000002.log.tmp"), "half").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let (_dir, path) = patient.copied();
        damage(&path);
        let report = patient.repaired(&path);
        assert!(report.ok(), "{what}: {report:?}");
        assert_eq!(shown(&read_only(&path)), expected, "{what}: {report:?}");
    }
}

/// An index that holds other values than the journal is what `check` tells of, and a repair mends.
#[test]
fn an_index_of_another_state_is_made_again() {
    let patient = Patient::new();
    let (_other, other) = patient.copied();
    let db = open(&other);
    db.records("external_accounts").unwrap().update("1", &json!({"nickname": "Other"})).unwrap();
    db.close().unwrap();
    let (_dir, path) = patient.copied();
    fs::remove_dir_all(path.join("index")).unwrap();
    copy(&other.join("index"), &path.join("index"));
    // It has seen a commit that the journal has not.
    assert_eq!(Db::open(&path).unwrap_err().kind(), ErrorKind::Corruption);
    let report = patient.repaired(&path);
    assert!(report.notes.iter().any(|note| note.contains("was cut")), "{report:?}");
    assert!(report.incomplete && report.moved.contains(&"damaged/index".to_owned()), "{report:?}");
    assert_eq!(shown(&open(&path)), patient.shown());
}

#[test]
fn a_journal_that_was_cut_gives_what_it_has() {
    let patient = Patient::new();
    let whole = len(&file_in(&patient.database().join("journal")));
    for part in [0, 40, 64, 200, whole / 2, whole - 60, whole - 1] {
        let (_dir, path) = patient.copied();
        let journal = file_in(&path.join("journal"));
        fs::File::options().write(true).open(&journal).unwrap().set_len(part as u64).unwrap();
        let report = patient.repaired(&path);
        assert!(report.changed && report.lost.is_empty(), "{part} of {whole}: {report:?}");
        let mut months = vec![1, 2, 3, 4, 6];
        months.extend(report.uncertain.iter().filter(|file| file.period == "2018-05").map(|_| 5));
        months.sort_unstable();
        assert_eq!(shown(&open(&path)).sums, patient.sums(&months), "{part} of {whole}: {report:?}");
        assert_eq!(part > whole - 57, report.ok(), "{part} of {whole}: {report:?}");
    }
}

#[test]
fn several_damages_at_once() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    fs::write(path.join("TILLROLL"), "nothing").unwrap();
    let journal = file_in(&path.join("journal"));
    flip(&journal, 70);
    // Of its header the number; what is left of the database's id is all that tells it.
    flip(&journal, 34);
    fs::remove_file(rolls(&path).swap_remove(1)).unwrap();
    fs::remove_dir_all(path.join("index")).unwrap();
    flip(&path.join("vault.key"), 10);
    let report = patient.repaired(&path);
    assert_eq!(periods(&report.lost), ["2018-04", "2018-06"], "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("secrets")), "{report:?}");
    assert_eq!(fs::read(path.join("vault.key")).unwrap(), {
        let mut key = fs::read(patient.database().join("vault.key")).unwrap();
        key[10] ^= 0x10;
        key
    });
    assert_eq!(shown(&read_only(&path)).sums, patient.sums(&[1, 2, 3]));
    patient.mended(&path, &report, &ALL);
}

#[test]
fn what_is_no_database_is_refused_untouched() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    fs::remove_file(path.join("TILLROLL")).unwrap();
    fs::write(path.join("BACKUP"), "A Tillroll backup that is not finished.\n").unwrap();
    assert_eq!(repair(&path).unwrap_err().kind(), ErrorKind::Format);
    assert!(!path.join("TILLROLL").exists() && !path.join("damaged").exists());
    let notes = patient.dir.path().join("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("mine.txt"), "mine").unwrap();
    assert_eq!(repair(&notes).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 1);
    // Somebody's rolls of film, or bread.
    fs::create_dir(notes.join("rolls")).unwrap();
    for name in ["mine.txt", "000001.roll"] {
        fs::write(notes.join("rolls").join(name), "mine").unwrap();
        assert_eq!(repair(&notes).unwrap_err().kind(), ErrorKind::NotFound, "{name}");
    }
    assert_eq!(fs::read_dir(&notes).unwrap().count(), 2);
    fs::copy(&rolls(&path)[0], notes.join("rolls/000001.roll")).unwrap();
    assert_eq!(repair(&notes).unwrap().uncertain.len(), 3);
}

#[test]
fn secrets_that_nothing_opens_are_told_each_time() {
    let patient = Patient::of(40);
    fs::remove_file(patient.database().join("vault.key")).unwrap();
    let report = patient.repaired(&patient.database());
    assert!(!report.changed && !report.ok() && report.incomplete, "{report:?}");
    assert!(report.lost.is_empty() && report.moved.is_empty(), "{report:?}");
    assert_eq!(report.to_json()["incomplete"], true);
}

/// The journal of another database, whole as it is, says nothing of the rolls beside it.
#[test]
fn another_database_has_another_journal() {
    let patient = Patient::new();
    let other = Patient::of(40);
    let other = file_in(&other.database().join("journal"));
    let (_dir, path) = patient.copied();
    fs::copy(&other, path.join("journal/000002.log")).unwrap();
    let report = patient.repaired(&path);
    assert!(report.notes.iter().any(|note| note.contains("000002.log is another database's")), "{report:?}");
    assert!(report.ok() && report.changed, "{report:?}");
    assert_eq!(shown(&open(&path)), patient.shown());
    let (_dir, path) = patient.copied();
    fs::copy(&other, path.join("journal/000001.log")).unwrap();
    let report = patient.repaired(&path);
    assert!(report.moved.contains(&"damaged/000001.log".to_owned()), "{report:?}");
    assert_eq!((report.uncertain.len(), report.lost.len(), report.incomplete), (6, 0, true), "{report:?}");
    assert_eq!(shown(&open(&path)).sums, patient.sums(&[1, 2, 3, 4, 5, 6]));
}

/// Names that are taken in `damaged/` are left alone.
#[test]
fn what_was_set_aside_before_stays() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    fs::create_dir(path.join("damaged")).unwrap();
    fs::write(path.join("damaged/000001.log"), "of an earlier repair").unwrap();
    let journal = file_in(&path.join("journal"));
    flip(&journal, 70);
    let bytes = fs::read(&journal).unwrap();
    let report = patient.repaired(&path);
    assert_eq!(fs::read(path.join("damaged/000001.log")).unwrap(), b"of an earlier repair");
    assert_eq!(fs::read(path.join("damaged/000001.log.2")).unwrap(), bytes);
    let told: Json = serde_json::from_slice(&fs::read(path.join("damaged/repair.json")).unwrap()).unwrap();
    assert_eq!(told["notes"], report.to_json()["notes"]);
}

/// Rolls that were put together are found beside those that they were made of: no row counts twice.
#[test]
fn what_was_put_together_counts_once() {
    let patient = Patient::new();
    let before = patient.dir.path().join("rolls before");
    copy(&patient.database().join("rolls"), &before);
    let db = open(&patient.database());
    db.compact().unwrap();
    db.close().unwrap();
    let (_dir, path) = patient.copied();
    assert_eq!(rolls(&path).len(), 1);
    copy(&before, &path.join("rolls"));
    fs::remove_dir_all(path.join("journal")).unwrap();
    let report = patient.repaired(&path);
    assert_eq!(shown(&open(&path)).sums, patient.sums(&[1, 2, 3, 4, 5, 6]), "{report:?}");
    assert_eq!((report.uncertain.len(), report.lost.len()), (6, 0), "{report:?}");
    assert!(report.moved.contains(&"damaged/000001.roll".to_owned()), "{report:?}");
}

/// Damages the last commit of a journal, and no checkpoint.
fn flip_last_commit(path: &Path) {
    let journal = file_in(&path.join("journal"));
    let bytes = fs::read(&journal).unwrap();
    let is_commit = |frame: &[u8]| frame.starts_with(b"TFRM\x01");
    let at = bytes.windows(5).rposition(is_commit).unwrap();
    flip(&journal, at + 60);
}

/// Damages every frame of a journal that holds the name of one of these files.
fn flip_frames_of(path: &Path, files: &[PathBuf]) {
    let journal = file_in(&path.join("journal"));
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().as_bytes();
        let bytes = fs::read(&journal).unwrap();
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        flip(&journal, at);
    }
}

/// The commit that deletes a report is enough, also where the one that imported it is lost.
#[test]
fn what_was_deleted_stays_so_where_its_import_is_lost() {
    let patient = Patient::new();
    let files = [4, 5, 6].map(|month| patient.file(month, Packing::Gzip));
    flip_frames_of(&patient.database(), &files);
    let report = patient.repaired(&patient.database());
    assert_eq!(periods(&report.uncertain), ["2018-04", "2018-06"], "{report:?}");
    assert_eq!(shown(&open(&patient.database())).sums, patient.sums(&ALL));
}

/// A journal that begins with a whole state has forgotten what was deleted before, and the state says that it was.
#[test]
fn what_a_whole_state_lacks_was_deleted() {
    let patient = Patient::new();
    let path = patient.database();
    let db = open(&path);
    db.records("external_accounts").unwrap().delete(&patient.account.to_string()).unwrap();
    db.close().unwrap();
    // What is repaired first leaves a new journal, and the rolls as they are.
    let other = Patient::of(40);
    fs::copy(file_in(&other.database().join("journal")), path.join("journal/000002.log")).unwrap();
    assert!(patient.repaired(&path).ok());
    let db = open(&path);
    db.records("customer_groups").unwrap().create(&json!({"name": "lost"})).unwrap();
    db.close().unwrap();
    flip_last_commit(&path);
    let report = patient.repaired(&path);
    assert_eq!((periods(&report.lost), report.uncertain.len()), (vec!["2018-05"], 0), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("deleted long ago")), "{report:?}");
    assert_eq!(shown(&open(&path)).sums, patient.sums(&ALL));
    let accounts = db_accounts(&path);
    assert!(!accounts.iter().any(|name| name.starts_with("Recovered")), "{accounts:?}");
}

fn db_accounts(path: &Path) -> Vec<String> {
    let page = open(path).records("external_accounts").unwrap().list(&json!({"page_size": 1000})).unwrap();
    page.data.iter().map(|account| account["nickname"].as_str().unwrap().to_owned()).collect()
}

/// An older journal that a crash has left may lack what the state of the newer one knows.
#[test]
fn a_whole_state_counts_more_than_an_older_journal() {
    let patient = Patient::of(40);
    let path = patient.database();
    let db = open(&path);
    let groups = db.records("customer_groups").unwrap();
    let create = |name: &str| groups.create(&json!({"name": name})).unwrap();
    create("kept");
    let id = create("deleted")["id"].to_string();
    groups.delete(&id).unwrap();
    db.close().unwrap();
    flip_last_commit(&path);
    let older = file_in(&path.join("journal"));
    let bytes = fs::read(&older).unwrap();
    flip_last_commit(&path);
    let db = open(&path);
    db.compact().unwrap();
    db.records("customer_groups").unwrap().create(&json!({"name": "lost"})).unwrap();
    db.close().unwrap();
    assert!(!older.exists(), "it was rewritten");
    flip_last_commit(&path);
    fs::write(&older, bytes).unwrap();
    let report = patient.repaired(&path);
    assert!(report.incomplete && report.lost.is_empty() && report.uncertain.is_empty(), "{report:?}");
    let page = open(&path).records("customer_groups").unwrap().list(&json!({})).unwrap();
    let names: Vec<_> = page.data.iter().map(|group| group["name"].clone()).collect();
    assert_eq!(names, ["kept"], "{report:?}");
}

/// A gzip file stands for its month as a zip does, also where only the rolls tell of it.
#[test]
fn a_packed_report_stands_for_its_parts() {
    let patient = Patient::new();
    let db = open(&patient.database());
    let bare = |month: usize| {
        let path = patient.dir.path().join(format!("reports/sales-2018-{month:02}-00001.csv"));
        fs::copy(patient.file(month, Packing::Plain), &path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (options, account) = (ImportOptions::default().threads(1), patient.account);
    let sales = db.sales();
    sales.delete(account, Kind::AmazonSales, "2018-02").unwrap();
    sales.delete(account, Kind::AmazonSales, "2018-01").unwrap();
    // January keeps the roll with February's bare part, which the archive replaces.
    sales.import(&[bare(1), bare(2)], account, &options).unwrap();
    patient.import(&db, &[2]);
    db.close().unwrap();
    assert_eq!(patient.shown().sums, patient.sums(&ALL));
    fs::remove_dir_all(patient.database().join("journal")).unwrap();
    let report = patient.repaired(&patient.database());
    let db = open(&patient.database());
    let parts = db.sales().imports(None).unwrap();
    let parts: Vec<_> = parts.iter().filter(|import| import.period == "2018-02").collect();
    assert_eq!(parts.len(), 1, "{report:?}");
    assert_eq!(shown(&db).sums, patient.sums(&[1, 2, 3, 4, 5, 6]));
}

/// What a lost commit replaced stands beside what it put in its place.
#[test]
fn a_version_whose_commit_is_lost_is_found_in_the_rolls() {
    let patient = Patient::new();
    let restated = Spec::new(99, (2018, 2), 200).generate();
    let file = restated.write(&patient.dir.path().join("reports"), Packing::Plain);
    let db = open(&patient.database());
    db.sales().import(&[file.to_str().unwrap()], patient.account, &ImportOptions::default()).unwrap();
    db.close().unwrap();
    flip_last_commit(&patient.database());
    let report = patient.repaired(&patient.database());
    assert_eq!((periods(&report.uncertain), report.lost.len()), (vec!["2018-02"], 0), "{report:?}");
    let others = [1, 3, 4, 6].into_iter().flat_map(|month: usize| &patient.reports[month - 1].rows);
    assert_eq!(shown(&open(&patient.database())).sums, everything_of(others.chain(&restated.rows)));
}

/// Rows that a lost commit moved to another roll are known by their report, which stays what it was.
#[test]
fn rows_whose_move_is_lost_are_found_again() {
    let patient = Patient::new();
    let db = open(&patient.database());
    let force = ImportOptions::default().force(true);
    let files = [1, 2].map(|month| patient.file(month, Packing::Gzip));
    let files = files.each_ref().map(|file| file.to_str().unwrap());
    // March alone is left of the first roll, and moves.
    db.sales().import(&files, patient.account, &force).unwrap();
    db.close().unwrap();
    assert!(!patient.database().join("rolls/000001.roll").exists());
    flip_last_commit(&patient.database());
    let report = patient.repaired(&patient.database());
    assert!(report.incomplete && report.lost.is_empty() && report.uncertain.is_empty(), "{report:?}");
    assert_eq!(shown(&open(&patient.database())).sums, patient.sums(&ALL));
}

/// A deletion that the journal still tells is one, whatever else of it is lost.
#[test]
fn what_was_seen_deleted_stays_deleted() {
    let patient = Patient::new();
    let (_dir, path) = patient.copied();
    // The first frame is lost, and those behind it tell the rest.
    flip(&file_in(&path.join("journal")), 70);
    let report = patient.repaired(&path);
    assert!(report.incomplete && report.lost.is_empty() && report.uncertain.is_empty(), "{report:?}");
    assert_eq!(shown(&open(&path)).sums, patient.sums(&ALL));
    assert!(open(&path).sales().imports(None).unwrap().iter().all(|import| import.period != "2018-05"));
}

/// Each write of a repair fails, or is the last one of its process: it can be repaired again, and nothing is lost by it.
#[test]
fn a_repair_that_fails_can_be_repeated() {
    let patient = Patient::of(40);
    let records = patient.shown().records;
    // All reports of the one roll move to a new one, those of the other are lost.
    flip_index(&patient.database(), &patient);
    fs::remove_file(rolls(&patient.database()).swap_remove(1)).unwrap();
    for kills in [false, true] {
        for n in 0.. {
            let (_dir, path) = patient.copied();
            let countdown = Countdown::never();
            let options = OpenOptions::new().disk(Arc::new(FailingDisk(countdown.clone())));
            if kills {
                countdown.kill(n)
            } else {
                countdown.start(n)
            }
            let tried = repair_with(&path, &options);
            let failed = countdown.has_failed();
            countdown.start(i64::MAX);
            assert_eq!(tried.is_err(), failed, "write {n}: {tried:?}");
            let report = repair(&path).unwrap();
            assert_eq!(check(&path).unwrap().problems, Vec::<String>::new(), "write {n}: {report:?}");
            let now = shown(&read_only(&path));
            assert_eq!(
                (now.sums, now.records),
                (patient.sums(&[1, 2, 3]), records.clone()),
                "write {n}: {report:?}"
            );
            if !failed {
                assert!(n > 12, "only {n} writes");
                break;
            }
        }
    }
}
