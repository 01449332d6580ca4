//! A million rows import in bounded memory. A process of its own, so that the peak is the import's alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a panic is how it fails")]
#![allow(clippy::print_stdout, reason = "the child speaks to its parent; the parent reports")]

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tillroll_core::{Db, ImportOptions};
use tillroll_tests::{Layout, Packing, Spec};

const ROWS: usize = 1_000_000;
const FILES: usize = 12;
const PEAK_KB_MAX: u64 = 400_000;
const CHILD: &str = "TILLROLL_TEST_CHILD";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        return import(Path::new(&std::env::args().nth(1).unwrap()));
    }
    if !Path::new("/proc/self/status").exists() {
        return println!("not measured: this system does not tell a process's peak memory");
    }
    let folder = tempfile::tempdir().unwrap();
    write_reports(folder.path());
    let child =
        Command::new(std::env::current_exe().unwrap()).arg(folder.path()).env(CHILD, "1").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let said = String::from_utf8(child.stdout).unwrap();
    let (rows, peak) = said.trim().split_once(' ').unwrap();
    let peak_kb: u64 = peak.parse().unwrap();
    assert_eq!(rows, ROWS.to_string());
    assert!(peak_kb <= PEAK_KB_MAX, "the import of {ROWS} rows took {peak_kb} kB");
    println!("{ROWS} rows in {FILES} files: peak {} MB", peak_kb / 1000);
}

fn write_reports(folder: &Path) {
    for month in 1..=12 {
        let share = ROWS / FILES + if month == 12 { ROWS % FILES } else { 0 };
        Spec::new(1, (2018, month), share).layout(Layout::of_2018()).generate().write(folder, Packing::Gzip);
    }
}

fn import(folder: &Path) {
    let db = Db::open(folder.join("memory.till")).unwrap();
    let account = json!({"nickname": "memory", "store": "amazon"});
    let id = db.records("external_accounts").unwrap().create(&account).unwrap()["id"].as_u64().unwrap();
    let pattern = folder.join("*.gz");
    let done = db.sales().import(&[pattern.to_str().unwrap()], id, &ImportOptions::default()).unwrap();
    db.close().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{} {}", done.rows, peak.split_whitespace().next().unwrap());
}
