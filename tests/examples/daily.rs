//! Measures many small reports beside few large ones: `daily --files 10000 --rows 50 DIR`. Three databases are made and
//! then asked in turn, time after time, so that what else the machine does meets all of them alike:
//!
//! * `small`: Amazon's sales, a file a day, given out as a part of its month;
//! * `large`: the same rows in twelve files;
//! * `apple`: Apple's sales, a file a day. Their rows cannot stand together in a longer file: a row has its report's days.
//!
//! With `--calls N` so many of the small files are imported by calls of their own. With `--keep` the databases that stand
//! in the directory are measured again.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use tillroll_core::{Db, ImportOptions, NewExternalAccount, Query, StoreKind};
use tillroll_tests::{Layout, Packing, Report, Spec, apple};

/// Days that every month has.
const DAYS: usize = 28;
const LARGE_FILES: usize = 12;
const DATABASES: [(&str, StoreKind); 3] =
    [("small", StoreKind::Amazon), ("large", StoreKind::Amazon), ("apple", StoreKind::Apple)];
const APPLE_FROM: Date = date(2000, 1, 1);
/// By period the answers differ: the small files are of thirty times as many months as the large ones.
const QUERIES: [&str; 5] = [
    r#"{"by": ["month", "currency"], "measures": ["units", "sales"]}"#,
    r#"{"by": ["period"], "measures": ["rows"]}"#,
    r#"{"by": ["earnings_currency", "type"], "measures": ["units", "earnings"]}"#,
    r#"{"by": ["country", "currency"], "measures": ["units", "sales"]}"#,
    r#"{"by": ["sku", "month", "account"], "measures": ["units"]}"#,
];

struct Arguments {
    files: usize,
    rows: usize,
    calls: usize,
    keep: bool,
    rounds: usize,
    dir: PathBuf,
}

impl Arguments {
    fn read() -> Self {
        let dir = PathBuf::from("target/bench/daily");
        let mut read = Self { files: 10_000, rows: 50, calls: 0, keep: false, rounds: 9, dir };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().unwrap().parse().unwrap();
            match argument.as_str() {
                "--files" => read.files = number(),
                "--rows" => read.rows = number(),
                "--calls" => read.calls = number(),
                "--rounds" => read.rounds = number(),
                "--keep" => read.keep = true,
                _ => read.dir = PathBuf::from(argument),
            }
        }
        read
    }

    fn database(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.till"))
    }
}

fn main() {
    let arguments = Arguments::read();
    if !arguments.keep {
        make(&arguments);
    }
    measure(&arguments);
}

fn make(arguments: &Arguments) {
    let dir = &arguments.dir;
    let _ = std::fs::remove_dir_all(dir);
    for (name, _) in DATABASES {
        std::fs::create_dir_all(dir.join(name)).unwrap();
    }
    let (small, large) = write_amazon(dir, arguments.files, arguments.rows);
    let daily = write_apple(&dir.join("apple"), arguments.files, arguments.rows);
    for ((name, store), files) in DATABASES.into_iter().zip([small, large, daily]) {
        let calls = if name == "small" { arguments.calls } else { 0 };
        let (many, rest) = files.split_at(files.len() - calls.min(files.len()));
        import(&arguments.database(name), (name, store), many, rest);
    }
}

/// Writes the small files and the large ones, months after each other.
fn write_amazon(dir: &Path, files: usize, rows: usize) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let months = files.div_ceil(DAYS);
    let (mut small, mut large) = (Vec::new(), Vec::<Report>::new());
    for (index, (year, month)) in
        (2001..).flat_map(|year| (1..=12).map(move |m| (year, m))).take(months).enumerate()
    {
        let days = DAYS.min(files - index * DAYS);
        let mut report = Spec::new(1, (year, month), days * rows).layout(Layout::of_2018()).generate();
        report.rows.sort_by_key(|row| row.time);
        for (day, part) in report.rows.chunks(rows).enumerate() {
            let path = dir.join(format!("small/sales-{year}-{month:02}-{:05}.csv", day + 1));
            std::fs::write(&path, Report { rows: part.to_vec(), ..report.clone() }.csv()).unwrap();
            small.push(path);
        }
        match large.last_mut().filter(|_| index % months.div_ceil(LARGE_FILES) != 0) {
            Some(last) => last.rows.extend(report.rows),
            None => large.push(report),
        }
    }
    let large = large.iter().map(|report| report.write(&dir.join("large"), Packing::Plain)).collect();
    (small, large)
}

fn write_apple(dir: &Path, files: usize, rows: usize) -> Vec<PathBuf> {
    let days = APPLE_FROM.series(jiff::ToSpan::day(1)).take(files);
    days.map(|day| apple::Spec::new(1, apple::Span::Day(day), rows).generate().write(dir, Packing::Plain))
        .collect()
}

fn import(path: &Path, (name, store): (&str, StoreKind), files: &[PathBuf], singly: &[PathBuf]) {
    let started = Instant::now();
    let db = Db::open(path).unwrap();
    let account = db.external_accounts().create(NewExternalAccount::new(name, store)).unwrap().id;
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let paths: Vec<String> = files.iter().map(text).collect();
    if name == "large" {
        for (month, path) in (1..).zip(&paths) {
            let options = ImportOptions::new().period(format!("2018-{month:02}"));
            db.sales().import(&[path], account, &options).unwrap();
        }
    } else {
        db.sales().import(&paths, account, &ImportOptions::new()).unwrap();
    }
    let (elapsed, rows) = (started.elapsed(), db.sales().len().unwrap());
    println!("{name}: {} files, {rows} rows imported in {elapsed:.2?}", paths.len());
    let mut slowest = Duration::ZERO;
    let started = Instant::now();
    for file in singly {
        let started = Instant::now();
        db.sales().import(&[text(file)], account, &ImportOptions::new()).unwrap();
        slowest = slowest.max(started.elapsed());
    }
    if !singly.is_empty() {
        println!("{name}: {} calls in {:.2?}, the slowest {slowest:.2?}", singly.len(), started.elapsed());
    }
    if name != "large" {
        let started = Instant::now();
        let again = db.sales().import(&paths, account, &ImportOptions::new()).unwrap();
        println!("{name}: {} unchanged in {:.2?}", again.unchanged, started.elapsed());
    }
    db.close().unwrap();
}

/// Prints the median times of each database, and what `small` takes of `large`.
fn measure(arguments: &Arguments) {
    let open = |name: &str| Db::open(arguments.database(name)).unwrap();
    print("open", arguments.rounds, |name| {
        let started = Instant::now();
        let db = open(name);
        let elapsed = started.elapsed();
        db.close().unwrap();
        elapsed
    });
    print("open, and the first report", arguments.rounds, |name| {
        let query = query(QUERIES[0]);
        let started = Instant::now();
        let db = open(name);
        db.sales().report(&query).unwrap();
        let elapsed = started.elapsed();
        db.close().unwrap();
        elapsed
    });
    let open = DATABASES.map(|(name, _)| (name, open(name)));
    for text in QUERIES {
        let query = query(text);
        print(text, arguments.rounds, |name| timed(|| drop(of(&open, name).sales().report(&query).unwrap())));
    }
    print("all rows scanned", arguments.rounds, |name| {
        timed(|| {
            let batches = of(&open, name).sales().scan(&Query::new()).unwrap();
            let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
            assert_eq!(rows as u64, of(&open, name).sales().len().unwrap());
        })
    });
    print("imports()", arguments.rounds, |name| {
        timed(|| drop(of(&open, name).sales().imports(None).unwrap()))
    });
    for (name, db) in &open {
        println!("{name}: {}", db.stats().unwrap());
    }
}

fn of<'a>(open: &'a [(&str, Db)], name: &str) -> &'a Db {
    &open.iter().find(|(each, _)| *each == name).unwrap().1
}

fn query(text: &str) -> Query {
    Query::from_json(&serde_json::from_str(text).unwrap()).unwrap()
}

/// Times each database in turn, after a round that does not count.
fn print(what: &str, rounds: usize, time: impl Fn(&str) -> Duration) {
    let mut times = DATABASES.map(|_| Vec::new());
    for _ in 0..=rounds {
        times.iter_mut().zip(DATABASES).for_each(|(times, (name, _))| times.push(time(name)));
    }
    let [small, large, apple] = times.map(|mut times| {
        times.remove(0);
        times.sort();
        times[times.len() / 2]
    });
    let ratio = small.as_secs_f64() / large.as_secs_f64();
    println!("small {small:.2?}, large {large:.2?}: {ratio:.2} of it; apple {apple:.2?}: {what}");
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}
