//! Disks that take no writes, and full ones: what is stored can be read, and an error says what to do.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tillroll_core::{Db, ErrorKind, OpenOptions};

use crate::damage::{copy, quarter};
use crate::dsl::{Shop, read_only};
use crate::failing::{Countdown, FailingDisk, Fault};
use crate::state::state;

/// A closed database, and what it shows.
fn closed() -> (Shop, String) {
    let shop = Shop::with(&quarter()[..1]);
    let shows = state(&shop.db).unwrap();
    shop.db.close().unwrap();
    (shop, shows)
}

fn reads_everything(path: &Path, shows: &str) {
    let db = read_only(path);
    assert_eq!(state(&db).unwrap(), shows);
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
    db.close().unwrap();
}

#[test]
fn reading_asks_no_write_of_the_disk() {
    let (shop, shows) = closed();
    let countdown = Countdown::never();
    let options = OpenOptions::new().read_only(true).disk(Arc::new(FailingDisk(countdown.clone())));
    countdown.fail(0, Fault::FullForEver);
    let db = Db::open_with(shop.database(), &options).unwrap();
    assert_eq!(state(&db).unwrap(), shows);
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
    db.close().unwrap();
    assert!(!countdown.has_failed(), "something was written");
}

/// A file system of its own, in memory, until it is dropped.
struct Mounted {
    dir: TempDir,
}

impl Mounted {
    /// None where this process may not mount, or the system has no such file system.
    fn new(kib: u64) -> Option<Self> {
        let mounted = Self { dir: tempfile::tempdir().unwrap() };
        let size = format!("size={kib}k");
        if mounted.mount(&["-t", "tmpfs", "-o", &size, "tmpfs"]) {
            return Some(mounted);
        }
        println!("not tried on a real file system: this process may not mount one");
        None
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        let mount = Command::new("mount").args(arguments).arg(self.dir.path()).output();
        mount.is_ok_and(|done| done.status.success())
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("shop.till")
    }

    /// Leaves no byte of room; removing the file gives it back.
    fn fill(&self) -> PathBuf {
        let path = self.dir.path().join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.dir.path()).output();
    }
}

#[test]
fn a_file_system_that_is_read_only_is_read() {
    let (shop, shows) = closed();
    let Some(mounted) = Mounted::new(8192) else { return };
    copy(&shop.database(), &mounted.database());
    assert!(mounted.mount(&["-o", "remount,ro"]));
    reads_everything(&mounted.database(), &shows);
    let error = Db::open(mounted.database()).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Io, "{text}");
    assert!(text.contains("shop.till") && text.contains("opened read-only"), "{text}");
}

#[test]
fn a_full_file_system_loses_nothing() {
    let (shop, shows) = closed();
    let Some(mounted) = Mounted::new(8192) else { return };
    copy(&shop.database(), &mounted.database());
    let filler = mounted.fill();
    reads_everything(&mounted.database(), &shows);
    // A writer may find no room to begin; where it does, it cannot commit.
    match Db::open(mounted.database()) {
        Err(error) => {
            assert!(error.to_string().contains("make room"), "{error}")
        }
        Ok(db) => {
            let report = shop.write(&quarter()[1]);
            let import = db.sales().import(&[report.to_str().unwrap()], 1, &Default::default());
            let text = import.unwrap_err().to_string();
            assert!(text.contains("make room"), "{text}");
            assert_eq!(state(&db).unwrap(), shows);
            let _ = db.close();
        }
    }
    reads_everything(&mounted.database(), &shows);
    fs::remove_file(filler).unwrap();
    let db = Db::open(mounted.database()).unwrap();
    db.records("brands").unwrap().create(&json!({"name": "afterwards"})).unwrap();
    assert_eq!(db.check().unwrap().problems, Vec::<String>::new());
    db.close().unwrap();
}
