//! Kill -9 in the middle of imports and account changes: what was acknowledged is there after reopening, and every report
//! is there wholly or not at all.
//!
//! The binary starts itself again as the child that writes. The child says on its standard output what was acknowledged,
//! one line a commit; the parent kills it at a random moment, opens the database, compares, and goes on with the same
//! database, so that later rounds recover from what earlier ones left. While the child lives nobody else gets in; once it
//! is dead its lock is none.
//!
//! `TILLROLL_TORTURE_KILLS` asks for so many kills instead of 20.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a panic is how it fails"
)]
#![allow(clippy::print_stdout, reason = "the child speaks to its parent; the parent reports")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use jiff::civil::date;
use serde_json::{Value as Json, json};
use tillroll_core::{Db, Error, ImportOptions, OpenOptions, Query, Value};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::rng::Rng;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Packing, Report, Row};

const ROUNDS: u64 = 20;
/// Rounds that go on with one database: later ones would only take longer.
const ROUNDS_A_DATABASE: u64 = 50;
/// Asks a child to write nothing.
const HOLD: u64 = u64::MAX;
const CHILD: &str = "TILLROLL_TEST_CHILD";
/// Reports of version `n` are of one of so many months.
const MONTHS: u64 = 3;

fn main() {
    match std::env::var(CHILD) {
        Ok(first) if first == HOLD.to_string() => hold(Path::new(&std::env::args().nth(1).unwrap())),
        Ok(first) => write_until_killed(Path::new(&std::env::args().nth(1).unwrap()), first.parse().unwrap()),
        Err(_) => {
            let asked = std::env::var("TILLROLL_TORTURE_KILLS").ok();
            let rounds = asked.map_or(ROUNDS, |text| text.parse().unwrap());
            let seed = std::process::id().into();
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            a_lock_ends_with_its_holder();
            let mut left = rounds;
            while left > 0 {
                let now = left.min(ROUNDS_A_DATABASE);
                kill_and_compare(now, &mut rng);
                left -= now;
            }
            println!("kill -9 at {rounds} moments: nothing acknowledged was lost, nothing is there in part");
        }
    }
}

/// The report of version `n`: 500 + n rows of n units each, so that rows and units tell whether it is whole.
fn version(n: u64) -> Report {
    let month = date(2018, 1 + i8::try_from(n % MONTHS).unwrap(), 1);
    let charge = plain_charge(market_of("Amazon.de"), month.at(12, 0, 0, 0), n);
    let row = Row { units: i64::try_from(n).unwrap(), ..charge };
    Report { month, layout: Layout::of_2018(), rows: vec![row; 500 + usize::try_from(n).unwrap()] }
}

fn write_until_killed(folder: &Path, first: u64) {
    let mut db = Db::open(folder.join("crash.till")).unwrap();
    let mut out = std::io::stdout();
    let mut acknowledge = |line: String| writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    for n in first.. {
        let accounts = db.records("external_accounts").unwrap();
        let account = accounts.create(&json!({"nickname": format!("n{n}"), "store": "amazon"})).unwrap();
        let id = account["id"].to_string();
        acknowledge(format!("created {id} n{n}"));
        if n % 2 == 0 {
            accounts.update(&id, &json!({"nickname": format!("renamed{n}")})).unwrap();
            acknowledge(format!("created {id} renamed{n}"));
        }
        if n % 3 == 0 {
            accounts.delete(&id).unwrap();
            acknowledge(format!("deleted {id} -"));
        }
        let report = version(n);
        let path = report.write(folder, Packing::Gzip);
        db.sales().import(&[path.to_str().unwrap()], 1, &ImportOptions::default()).unwrap();
        acknowledge(format!("imported {} {n}", report.period()));
        if n % 5 == 0 {
            db.compact().unwrap();
        }
        // The checkpoint that closing makes, and another opening.
        if n % 4 == 0 {
            db.close().unwrap();
            db = Db::open(folder.join("crash.till")).unwrap();
        }
    }
}

/// What the child has acknowledged so far.
#[derive(Default)]
struct Known {
    accounts: BTreeMap<String, String>,
    deleted: BTreeSet<String>,
    versions: BTreeMap<String, u64>,
    last: u64,
}

impl Known {
    fn learn(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (verb, key, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        match verb {
            "created" => drop(self.accounts.insert(key.to_owned(), value.to_owned())),
            "deleted" => {
                self.accounts.remove(key);
                self.deleted.insert(key.to_owned());
            }
            "imported" => {
                self.last = value.parse().unwrap();
                self.versions.insert(key.to_owned(), self.last);
            }
            other => panic!("the child said {other}"),
        }
    }
}

fn start(folder: &Path, first: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(folder).env(CHILD, first.to_string()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Kills the child after a while; every other time it is counted from the first commit, so that both opening and
/// working are hit. Gives the whole lines that it said.
fn kill_at_random(mut child: Child, round: u64, rng: &mut Rng) -> Vec<String> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let (first, told) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in output.lines() {
            lines.push(line.unwrap());
            // Nobody listens for any but the first.
            let _ = first.send(());
        }
        lines
    });
    if round.is_multiple_of(2) {
        told.recv_timeout(Duration::from_secs(60)).expect("the child commits nothing");
    }
    let longest = *rng.pick(&[10, 50, 400]);
    thread::sleep(Duration::from_micros(rng.below(longest * 1000)));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_ne!(status.code(), Some(101), "the child failed by itself");
    reader.join().unwrap()
}

/// Keeps a database open until it is killed.
fn hold(folder: &Path) {
    let _db = Db::open(folder.join("held.till")).unwrap();
    println!("open");
    thread::sleep(Duration::from_secs(600));
}

/// While a process has the database open everybody else is told which one; once it is killed its lock is none.
fn a_lock_ends_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.till");
    let mut child = start(folder.path(), HOLD);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    for options in [OpenOptions::new(), OpenOptions::new().read_only(true)] {
        match Db::open_with(&path, &options) {
            Err(Error::Locked { pid, .. }) => assert_eq!(pid, Some(child.id()).filter(|_| cfg!(unix))),
            other => panic!("{other:?} while process {} has it open", child.id()),
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = std::fs::read_to_string(path.join("LOCK")).unwrap();
    assert!(left.contains(&format!("pid {}", child.id())), "{left}");
    Db::open_with(&path, &OpenOptions::new().read_only(true)).unwrap().close().unwrap();
    Db::open(&path).unwrap().close().unwrap();
}

fn kill_and_compare(rounds: u64, rng: &mut Rng) {
    let folder = tempfile::tempdir().unwrap();
    let (mut known, mut commits) = (Known::default(), 0);
    let db = Db::open(folder.path().join("crash.till")).unwrap();
    let account = db
        .records("external_accounts")
        .unwrap()
        .create(&json!({"nickname": "own", "store": "amazon"}))
        .unwrap();
    assert_eq!(account["id"], 1);
    db.close().unwrap();
    for round in 0..rounds {
        let child = start(folder.path(), known.last + 1);
        let said = kill_at_random(child, round, rng);
        said.iter().for_each(|line| known.learn(line));
        commits += said.len() as u64;
        let db = Db::open(folder.path().join("crash.till")).unwrap();
        compare_accounts(&db, &mut known);
        compare_reports(&db, &mut known);
        assert_eq!(db.check().unwrap().problems, Vec::<String>::new(), "round {round}");
        db.close().unwrap();
    }
    // Every other child was given the time for one at least.
    assert!(commits >= rounds / 2, "only {commits} commits in all: nothing was tested");
}

/// All acknowledged changes are there, and at most one more, whose acknowledgement was cut off.
fn compare_accounts(db: &Db, known: &mut Known) {
    let accounts = db.records("external_accounts").unwrap();
    let mut found = BTreeMap::new();
    let mut after = None;
    while let Some(last) = accounts.ids_after(after.as_deref(), 100).unwrap().last().map(id_text) {
        for id in accounts.ids_after(after.as_deref(), 100).unwrap().iter().map(id_text) {
            let nickname = accounts.get(&id).unwrap()["nickname"].as_str().unwrap().to_owned();
            found.insert(id, nickname);
        }
        after = Some(last);
    }
    assert_eq!(found.remove("1").as_deref(), Some("own"));
    let differing = |(id, name): &(&String, &String)| known.accounts.get(*id) != Some(*name);
    let unknown: Vec<_> = found.iter().filter(differing).collect();
    let lost = known.accounts.keys().filter(|id| !found.contains_key(*id)).count();
    assert!(unknown.len() + lost <= 1, "more than the one change in flight: {unknown:?}, {lost} lost");
    assert!(known.deleted.iter().all(|id| !found.contains_key(id)), "a deleted account is back");
    assert_eq!(accounts.len().unwrap(), found.len() as u64 + 1);
    known.accounts = found;
}

fn id_text(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Every month shows one whole version: the acknowledged one or the next.
fn compare_reports(db: &Db, known: &mut Known) {
    let query = Query::from_json(&json!({"by": ["period"], "measures": ["rows", "units"]})).unwrap();
    let table = db.sales().report(&query).unwrap();
    let number = |row, column| match table.value(row, column) {
        Value::Int(number) => u64::try_from(number).unwrap(),
        other => panic!("{other:?}"),
    };
    let mut found = BTreeMap::new();
    for row in 0..table.len() {
        let Value::Text(period) = table.value(row, 0) else { panic!("a period that is no text") };
        let (rows, units) = (number(row, 1), number(row, 2));
        assert_eq!(units, (rows - 500) * rows, "{period} is there in part");
        found.insert(period, rows - 500);
    }
    for (period, version) in &known.versions {
        let now = *found.get(period).unwrap_or_else(|| panic!("{period} is lost"));
        assert!(now == *version || now == version + MONTHS, "{period}: version {now} after {version}");
    }
    assert!(found.len() <= known.versions.len() + 1);
    known.last = found.values().copied().max().unwrap_or(0).max(known.last);
    known.versions = found;
}
