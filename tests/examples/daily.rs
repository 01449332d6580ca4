//! Measures many small reports beside few large ones with the same rows: `daily --files 10000 --rows 50 DIR`. Each small
//! file is one day, given out as a part of its month. With `--calls N` that many of them are imported by calls of their own.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tillroll_core::{Db, ImportOptions, NewExternalAccount, Query, StoreKind};
use tillroll_tests::{Layout, Packing, Report, Spec};

/// Days that every month has.
const DAYS: usize = 28;
const LARGE_FILES: usize = 12;
const QUERIES: [&str; 4] = [
    r#"{"by": ["month", "currency"], "measures": ["units", "sales"]}"#,
    r#"{"by": ["period"], "measures": ["rows"]}"#,
    r#"{"by": ["country", "currency"], "measures": ["units", "sales"]}"#,
    r#"{"by": ["sku", "month", "account"], "measures": ["units"]}"#,
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut files, mut rows, mut calls, mut dir) = (10_000, 50, 0, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--files" => files = arguments.next().unwrap().parse().unwrap(),
            "--rows" => rows = arguments.next().unwrap().parse().unwrap(),
            "--calls" => calls = arguments.next().unwrap().parse().unwrap(),
            _ => dir = Some(PathBuf::from(argument)),
        }
    }
    let dir = dir.unwrap_or_else(|| "target/bench/daily".into());
    let (small, large) = write(&dir, files, rows);
    let (many, rest) = small.split_at(small.len() - calls.min(small.len()));
    measure("small", &dir.join("small.till"), many, rest);
    measure("large", &dir.join("large.till"), &large, &[]);
}

/// Writes the small files and the large ones, months after each other.
fn write(dir: &Path, files: usize, rows: usize) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir.join("small")).unwrap();
    std::fs::create_dir_all(dir.join("large")).unwrap();
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

fn measure(name: &str, path: &Path, files: &[PathBuf], singly: &[PathBuf]) {
    let started = Instant::now();
    let db = Db::open(path).unwrap();
    let account =
        db.external_accounts().create(NewExternalAccount::new("Amazon", StoreKind::Amazon)).unwrap().id;
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
    println!(
        "{name}: {} files, {} rows imported in {:.2?}",
        paths.len(),
        db.sales().len().unwrap(),
        started.elapsed()
    );
    let mut slowest = Duration::ZERO;
    let started = Instant::now();
    for file in singly {
        let started = Instant::now();
        db.sales().import(&[text(file)], account, &ImportOptions::new()).unwrap();
        slowest = slowest.max(started.elapsed());
    }
    println!("{name}: {} calls in {:.2?}, the slowest {slowest:.2?}", singly.len(), started.elapsed());
    let started = Instant::now();
    if name == "small" {
        let again = db.sales().import(&paths, account, &ImportOptions::new()).unwrap();
        println!("{name}: {} unchanged in {:.2?}", again.unchanged, started.elapsed());
    }
    db.close().unwrap();
    drop(db);
    let started = Instant::now();
    let db = Db::open(path).unwrap();
    println!("{name}: opened in {:.2?}, {}", started.elapsed(), db.stats().unwrap());
    for query in QUERIES {
        let query_json: serde_json::Value = serde_json::from_str(query).unwrap();
        let query_ready = Query::from_json(&query_json).unwrap();
        let mut times: Vec<Duration> =
            (0..9).map(|_| timed(|| drop(db.sales().report(&query_ready).unwrap()))).collect();
        let first = times[0];
        times.sort();
        println!("{name}: {:.2?} (first {first:.2?}) for {query}", times[4]);
    }
    let scan = timed(|| {
        let rows: usize =
            db.sales().scan(&Query::new()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows as u64, db.sales().len().unwrap());
    });
    println!("{name}: all rows scanned in {scan:.2?}");
    println!("{name}: imports() in {:.2?}", timed(|| drop(db.sales().imports(None).unwrap())));
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}
