//! Imports, deletions, scans and closes beside each other, on a disk that is slow or fails at the journal: whatever is
//! acknowledged is there after reopening, and no roll that a report names is ever removed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tillroll_core::{Db, Disk, DiskFile, Error, ErrorKind, ImportOptions, Kind, OpenOptions, OsDisk, Query};
use tillroll_tests::{Packing, Report, Spec};

use crate::dsl::new_account;

/// The real disk, but for the syncs of the journal: they take their time, and one of them fails where that is asked.
#[derive(Debug, Clone, Default)]
struct Journal {
    delay_ms: Arc<AtomicU64>,
    fails_once: Arc<AtomicBool>,
}

#[derive(Debug)]
struct JournalFile {
    journal: Option<Journal>,
    file: Arc<dyn DiskFile>,
}

impl Journal {
    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let journal = path.components().any(|part| part.as_os_str() == "journal").then(|| self.clone());
        Arc::new(JournalFile { journal, file })
    }
}

impl Disk for Journal {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, OsDisk.create(path)?))
    }
    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.create_private(path)
    }
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, OsDisk.open(path, write)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
}

impl DiskFile for JournalFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        if let Some(journal) = &self.journal {
            thread::sleep(Duration::from_millis(journal.delay_ms.load(Ordering::SeqCst)));
            if journal.fails_once.swap(false, Ordering::SeqCst) {
                return Err(io::Error::other("the disk failed"));
            }
        }
        self.file.sync()
    }
}

/// A directory with reports of March and April, and the database in it.
struct Place {
    dir: TempDir,
    journal: Journal,
    march: PathBuf,
    april: PathBuf,
    id_of_april: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (march, april) = (Spec::new(1, (2018, 3), 20).generate(), Spec::new(2, (2018, 4), 30).generate());
        let write = |report: &Report| report.write(dir.path(), Packing::Gzip);
        let (march_path, april_path) = (write(&march), write(&april));
        let id_of_april = april.rows[7].transaction.to_string();
        Self { march: march_path, april: april_path, id_of_april, journal: Journal::default(), dir }
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("shop.till")
    }

    fn open(&self) -> Db {
        let options = OpenOptions::new().threads(2).disk(Arc::new(self.journal.clone()));
        Db::open_with(self.database(), &options).unwrap()
    }

    fn assert_april_is_whole(&self) {
        let db = self.open();
        assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
        assert!(!db.sales().get(&self.id_of_april).unwrap().is_empty());
        assert_eq!(db.sales().imports(None).unwrap().last().unwrap().rows, 30);
    }
}

fn import(db: &Db, account: u64, path: &Path) -> Result<u64, Error> {
    let paths = [path.to_str().unwrap()];
    Ok(db.sales().import(&paths, account, &ImportOptions::default())?.rows)
}

fn wait_for(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_deletion_beside_a_commit_leaves_the_new_rolls_alone() {
    let place = Place::new();
    let db = place.open();
    let account = new_account(&db, "Amazon apps");
    import(&db, account, &place.march).unwrap();
    place.journal.delay_ms.store(200, Ordering::SeqCst);
    thread::scope(|scope| {
        let deletion = scope.spawn(|| db.sales().delete(account, Kind::AmazonSales, "2018-03").unwrap());
        thread::sleep(Duration::from_millis(20));
        assert_eq!(import(&db, account, &place.april).unwrap(), 30);
        deletion.join().unwrap();
    });
    place.journal.delay_ms.store(0, Ordering::SeqCst);
    db.close().unwrap();
    place.assert_april_is_whole();
}

/// After a failed sync nobody knows whether the frame will be found. Whichever it is, its rows must be there.
#[test]
fn a_failed_sync_keeps_the_rolls_of_both_versions() {
    let place = Place::new();
    let db = place.open();
    let account = new_account(&db, "Amazon apps");
    import(&db, account, &place.april).unwrap();
    let restated = Spec::new(9, (2018, 4), 25).generate();
    restated.write(place.dir.path(), Packing::Gzip);
    place.journal.fails_once.store(true, Ordering::SeqCst);
    assert_eq!(import(&db, account, &place.april).unwrap_err().kind(), ErrorKind::Io);
    let _ = db.close();
    for _ in 0..2 {
        let db = place.open();
        assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
        let stored = db.sales().imports(None).unwrap()[0].rows;
        assert!(stored == 30 || stored == 25, "{stored} rows");
        assert_eq!(db.sales().len().unwrap(), stored);
        db.close().unwrap();
    }
}

#[test]
fn a_close_during_a_commit_waits_for_it() {
    let place = Place::new();
    let db = place.open();
    let account = new_account(&db, "Amazon apps");
    place.journal.delay_ms.store(300, Ordering::SeqCst);
    thread::scope(|scope| {
        let import = scope.spawn(|| import(&db, account, &place.april));
        wait_for(&place.database().join("rolls/000001.roll"));
        thread::sleep(Duration::from_millis(50));
        db.close().unwrap();
        assert_eq!(import.join().unwrap().unwrap(), 30);
    });
    place.journal.delay_ms.store(0, Ordering::SeqCst);
    place.assert_april_is_whole();
}

#[test]
fn a_close_ends_the_import_that_reads() {
    let place = Place::new();
    let large = Spec::new(5, (2018, 5), 150_000).generate().write(place.dir.path(), Packing::Plain);
    let db = place.open();
    let account = new_account(&db, "Amazon apps");
    thread::scope(|scope| {
        let reading = scope.spawn(|| import(&db, account, &large));
        wait_for(&place.database().join("rolls/000001.roll.tmp"));
        db.close().unwrap();
        let ended = reading.join().unwrap();
        assert!(ended.as_ref().is_ok_and(|rows| *rows == 150_000) || ended.is_err(), "{ended:?}");
        let again = place.open();
        let before = again.sales().len().unwrap();
        assert_eq!(before, ended.unwrap_or(0));
        assert_eq!(import(&again, account, &place.april).unwrap(), 30);
    });
    let db = place.open();
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
    assert!(!db.sales().get(&place.id_of_april).unwrap().is_empty());
}

#[test]
fn a_scan_that_outlives_its_database_removes_nothing() {
    let place = Place::new();
    let db = place.open();
    let account = new_account(&db, "Amazon apps");
    import(&db, account, &place.march).unwrap();
    let scan = db.sales().scan(&Query::new()).unwrap();
    db.sales().delete(account, Kind::AmazonSales, "2018-03").unwrap();
    db.close().unwrap();
    // Sets the roll aside, then removes it, so that its number is free again.
    place.open().close().unwrap();
    let db = place.open();
    import(&db, account, &place.april).unwrap();
    drop(scan);
    db.close().unwrap();
    place.assert_april_is_whole();
}

#[test]
fn a_poisoned_handle_can_be_closed_and_opened_again() {
    let place = Place::new();
    new_account(&place.open(), "Amazon apps");
    std::fs::write(place.database().join("rolls/000009.roll"), b"nobody names this").unwrap();
    let db = place.open();
    place.journal.fails_once.store(true, Ordering::SeqCst);
    let accounts = db.records("external_accounts").unwrap();
    let fields = serde_json::json!({"nickname": "Other", "store": "amazon"});
    assert_eq!(accounts.create(&fields).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(accounts.create(&fields).unwrap_err().kind(), ErrorKind::Closed);
    let _ = db.close();
    assert!(db.is_closed());
    assert!(place.open().records("external_accounts").unwrap().create(&fields).is_ok());
}
