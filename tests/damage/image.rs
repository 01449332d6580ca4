//! The files of a closed database in memory, so that each case begins with the same ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use tillroll_core::{Db, Error, ImportOptions};
use tillroll_tests::{Layout, Packing, Report, Spec};

use crate::answers::Knows;

/// The files of a database, by their paths from its directory.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A database and what it answers.
pub struct Image {
    pub files: Files,
    pub knows: Knows,
    pub expected: Vec<(&'static str, String)>,
}

impl Image {
    /// Seals another password, which needs the key that the stored ones are sealed with.
    pub fn seal(&self, db: &Db) -> Result<(), Error> {
        let password = json!({"password": "nor is this one"});
        db.records("external_accounts")?.update(&self.knows.account.to_string(), &password).map(drop)
    }
}

/// A few kilobytes: two imports, so that there are two rolls; records of several kinds; a sealed password.
pub fn small() -> Image {
    make(1, &[12, 9])
}

/// Some ten kilobytes a file.
pub fn larger() -> Image {
    make(2, &[500, 400, 300])
}

/// Another small one of the same shape, to take files from: where a report's rows should stand, there are some.
pub fn another() -> Image {
    make(3, &[12, 9])
}

fn make(seed: u64, rows: &[usize]) -> Image {
    let dir = scratch();
    let path = dir.path().join("shop.till");
    let db = Db::open(&path).unwrap();
    let account = add_records(&db);
    let mut ids = Vec::new();
    for (month, rows) in (1..).zip(rows) {
        let report = Spec::new(seed, (2018, month), *rows).layout(Layout::of_2018()).generate();
        ids.extend(report.rows.iter().step_by(1 + rows / 6).map(|row| row.transaction.to_string()));
        import(&db, account, &with_a_reject(&report, dir.path()));
    }
    db.close().unwrap();
    let knows = Knows { account, ids };
    let answers = knows.ask_all(&Db::open(&path).unwrap()).into_iter();
    let expected = answers.map(|(question, answer)| (question, answer.unwrap())).collect();
    Image { files: read(&path), knows, expected }
}

fn add_records(db: &Db) -> u64 {
    let account =
        json!({"nickname": "Our apps", "store": "amazon", "username": "me", "password": "not for anyone"});
    let account = db.records("external_accounts").unwrap().create(&account).unwrap();
    let subscriber = json!({"email": "ada@example.com", "language": "fi", "country": "fi"});
    db.records("subscribers").unwrap().create(&subscriber).unwrap();
    let names = ["One", "Two", "Three"].map(|name| json!({"name": name}));
    db.records("brands").unwrap().create_many(names.to_vec()).unwrap();
    account["id"].as_u64().unwrap()
}

/// The report's file, with one row that cannot be read.
fn with_a_reject(report: &Report, folder: &Path) -> PathBuf {
    let path = report.write(folder, Packing::Plain);
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(b"nothing,of,this\n");
    fs::write(&path, text).unwrap();
    path
}

fn import(db: &Db, account: u64, path: &Path) {
    let done = db.sales().import(&[path.to_str().unwrap()], account, &ImportOptions::default()).unwrap();
    assert_eq!(done.rejected, 1);
}

/// A directory in memory where the system has one: nothing here asks what a power cut leaves, so that waiting for a
/// disk at each of many thousand openings proves nothing.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn read(root: &Path) -> Files {
    let (mut files, mut folders) = (Files::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Makes the directory hold exactly these files, and a folder for each name that ends in `/`.
pub fn write(root: &Path, files: &Files) {
    if root.is_dir() {
        fs::remove_dir_all(root).unwrap();
    }
    for (name, bytes) in files {
        let path = root.join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
