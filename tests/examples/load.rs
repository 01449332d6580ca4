//! Mixed work on one database for a long time: `load --minutes 60 DIR`. Reports are imported, restated, asked and deleted,
//! records come, change and go, and now and then the database is compacted, backed up and checked. What is stored stays
//! about as much all the time, so that memory and the directory must as well: both are printed every minute, and the
//! program fails where the last third of them is above the middle third, or where an answer is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a tool for developers"
)]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tillroll_core::{
    Db, ErrorKind, ImportOptions, Kind, NewExternalAccount, OpenOptions, Query, StoreKind, Value,
};
use tillroll_tests::rng::Rng;
use tillroll_tests::{Layout, Packing, Report, Spec, decimal};

/// Months whose reports are restated over and over.
const MONTHS: i8 = 12;
const ROWS: usize = 2_000;
/// Different texts of each month; a restatement is one of them.
const VERSIONS: u64 = 3;
/// Records that there are at any time, about.
const RECORDS: u64 = 500;
/// What the last third may be above the middle third: allocators and the index store breathe.
const GROWTH_PERCENT: u64 = 15;
/// And so much more, so that small databases are not judged by a file that the index store grows in steps.
const GROWTH_BYTES: u64 = 32 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut minutes, mut every, mut dir) = (60.0, 60.0, PathBuf::from("target/load"));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--minutes" => minutes = arguments.next().unwrap().parse().unwrap(),
            "--every" => every = arguments.next().unwrap().parse().unwrap(),
            _ => dir = PathBuf::from(argument),
        }
    }
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let world = World::new(dir);
    let samples = thread::scope(|scope| {
        let work: [fn(&World); 4] = [restate, churn, ask, tend];
        let workers = work.map(|work| {
            let world = &world;
            scope.spawn(move || {
                // Whoever fails ends it for all.
                let _stop = Stop(&world.done);
                work(world);
            })
        });
        let samples = world.watch(Duration::from_secs_f64(minutes * 60.0), Duration::from_secs_f64(every));
        world.done.store(true, Ordering::SeqCst);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        samples
    });
    world.end();
    judge(&samples);
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A report's file and what it adds up to.
struct Version {
    path: PathBuf,
    earnings: i64,
}

#[derive(Default)]
struct Counts {
    imports: AtomicU64,
    records: AtomicU64,
    answers: AtomicU64,
    rounds: AtomicU64,
}

struct World {
    db: Db,
    dir: PathBuf,
    account: u64,
    /// Of each month in turn.
    versions: Vec<Vec<Version>>,
    done: AtomicBool,
    counts: Counts,
}

impl World {
    fn new(dir: PathBuf) -> Self {
        let options = OpenOptions::new().threads(2).cache_bytes(32 << 20);
        let db = Db::open_with(dir.join("load.till"), &options).unwrap();
        let account =
            db.external_accounts().create(NewExternalAccount::new("load", StoreKind::Amazon)).unwrap().id;
        let versions =
            (1..=MONTHS).map(|month| (0..VERSIONS).map(|n| version(&dir, month, n)).collect()).collect();
        Self { db, dir, account, versions, done: AtomicBool::new(false), counts: Counts::default() }
    }

    fn goes_on(&self) -> bool {
        !self.done.load(Ordering::SeqCst)
    }

    fn import(&self, paths: &[&str]) {
        self.db.sales().import(paths, self.account, &ImportOptions::new()).unwrap();
        self.counts.imports.fetch_add(paths.len() as u64, Ordering::Relaxed);
    }

    /// Memory and size now and then, until the time is over or somebody has failed.
    fn watch(&self, whole: Duration, every: Duration) -> Vec<[u64; 2]> {
        let (started, mut samples) = (Instant::now(), Vec::new());
        while started.elapsed() < whole && self.goes_on() {
            let next = every.saturating_mul(samples.len() as u32 + 1);
            while started.elapsed() < next.min(whole) && self.goes_on() {
                thread::sleep(Duration::from_millis(100));
            }
            let sample = [resident(), size(self.db.path())];
            samples.push(sample);
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            println!(
                "{:>5.0?}  memory {:>5} MB  directory {:>5} MB  {} imports, {} records written, {} answers, {} rounds",
                started.elapsed(),
                sample[0] >> 20,
                sample[1] >> 20,
                count(&self.counts.imports),
                count(&self.counts.records),
                count(&self.counts.answers),
                count(&self.counts.rounds),
            );
        }
        samples
    }

    fn end(&self) {
        assert_eq!(self.db.check().unwrap().problems, Vec::<String>::new());
        let rows = self.db.sales().len().unwrap();
        self.db.close().unwrap();
        let again = Db::open(self.db.path()).unwrap();
        assert_eq!(again.sales().len().unwrap(), rows);
        assert_eq!(again.check().unwrap().problems, Vec::<String>::new());
        println!("closed, opened again and checked: {rows} rows");
    }
}

fn version(dir: &Path, month: i8, number: u64) -> Version {
    let folder = dir.join("reports").join(number.to_string());
    fs::create_dir_all(&folder).unwrap();
    let seed = number * 100 + u64::from(month.unsigned_abs());
    let report: Report =
        Spec::new(seed, (2018, month), ROWS + 100 * number as usize).layout(Layout::of_2018()).generate();
    let euros = report.rows.iter().filter(|row| row.market.currency == "EUR");
    let earnings = euros.map(|row| tillroll_tests::oracle::fact(row).earnings).sum();
    Version { path: report.write(&folder, Packing::Gzip), earnings }
}

// The work.

/// Imports, restates and deletes reports; a year is imported by one call now and then. What is deleted must have been
/// there, and what was deleted must be gone.
fn restate(world: &World) {
    let (mut rng, mut stored) = (Rng::new(1), [false; MONTHS as usize]);
    while world.goes_on() {
        if rng.chance(5) {
            let paths = world.versions.iter().map(|versions| rng.pick(versions).path.to_str().unwrap());
            world.import(&paths.collect::<Vec<_>>());
            stored.fill(true);
            continue;
        }
        let month = rng.below(MONTHS as u64) as usize;
        world.import(&[rng.pick(&world.versions[month]).path.to_str().unwrap()]);
        stored[month] = true;
        if rng.chance(5) {
            let month = rng.below(MONTHS as u64) as usize;
            let period = format!("2018-{:02}", month + 1);
            let deleted = world.db.sales().delete(world.account, Kind::AmazonSales, &period);
            let was_there = deleted.is_ok();
            assert!(
                was_there || deleted.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound),
                "{deleted:?}"
            );
            assert_eq!(was_there, std::mem::take(&mut stored[month]), "{period}");
        }
    }
}

/// Makes, changes and deletes records, as many of one as of the other.
fn churn(world: &World) {
    let (brands, mut rng) = (world.db.records("brands").unwrap(), Rng::new(2));
    let mut ids = Vec::<String>::new();
    while world.goes_on() {
        let text = format!("{:016x}", rng.bits()).repeat(1 + rng.below(40) as usize);
        let place = rng.below(ids.len().max(1) as u64) as usize;
        match rng.below(3) {
            0 if (ids.len() as u64) < RECORDS => {
                let made = brands.create(&json!({"name": &text[..16], "description": text})).unwrap();
                ids.push(made["id"].to_string());
            }
            1 if ids.len() as u64 > RECORDS / 2 => brands.delete(&ids.swap_remove(place)).unwrap(),
            _ => {
                let Some(id) = ids.get(place) else { continue };
                brands.update(id, &json!({"description": text})).unwrap();
            }
        }
        world.counts.records.fetch_add(1, Ordering::Relaxed);
    }
    assert_eq!(brands.len().unwrap(), ids.len() as u64);
}

/// Asks; a month's earnings are those of one of its versions, or nothing.
fn ask(world: &World) {
    let queries = [
        json!({"by": ["period"], "currency": "EUR", "measures": ["earnings"]}),
        json!({"by": ["country", "sku", "currency"], "measures": ["units", "sales"]}),
        json!({"by": ["product", "week"], "measures": ["rows"], "order_by": "-rows", "limit": 20}),
    ];
    let mut rng = Rng::new(3);
    while world.goes_on() {
        let which = rng.below(queries.len() as u64) as usize;
        let table = world.db.sales().report(&Query::from_json(&queries[which]).unwrap()).unwrap();
        if which == 0 {
            (0..table.len())
                .for_each(|row| is_some_version(world, &table.value(row, 0), &table.value(row, 1)));
        }
        if rng.chance(10) {
            let rows: usize =
                world.db.sales().scan(&Query::new()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
            assert!(rows <= MONTHS as usize * (ROWS + 100 * VERSIONS as usize));
        }
        let page = json!({"page_size": 20, "sort": "name-desc", "page": 1 + rng.below(5)});
        world.db.records("brands").unwrap().list(&page).unwrap();
        world.counts.answers.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_some_version(world: &World, period: &Value, earnings: &Value) {
    let (Value::Text(period), Value::Money(money)) = (period, earnings) else {
        panic!("{period:?} {earnings:?}")
    };
    let month: usize = period["2018-".len()..].parse().unwrap();
    let known = world.versions[month - 1].iter().map(|version| decimal::text(version.earnings));
    let (known, text) = (known.collect::<Vec<_>>(), money.to_string());
    assert!(known.contains(&text), "{period}: {text} euros are none of {known:?}");
}

/// Compacts, backs up and checks now and then.
fn tend(world: &World) {
    let copy = world.dir.join("copy.till");
    while world.goes_on() {
        (0..100).take_while(|_| world.goes_on()).for_each(|_| thread::sleep(Duration::from_millis(100)));
        match world.counts.rounds.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => world.db.compact().unwrap(),
            1 => {
                let _ = fs::remove_dir_all(&copy);
                world.db.backup(&copy).unwrap();
            }
            _ => assert_eq!(world.db.check().unwrap().problems, Vec::<String>::new()),
        }
    }
}

// What is measured.

/// Bytes of memory that the process holds; 0 where the system does not tell.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib << 10)
}

/// Bytes of all files; some may go meanwhile.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

fn judge(samples: &[[u64; 2]]) {
    let third = samples.len() / 3;
    assert!(
        third > 0,
        "three samples are the fewest: run it longer, or sample more often with --every SECONDS"
    );
    for (column, what) in ["memory", "directory"].into_iter().enumerate() {
        let mean = |range: Range<usize>| {
            let count = range.len() as u64;
            samples[range].iter().map(|sample| sample[column]).sum::<u64>() / count
        };
        let (middle, last) = (mean(third..2 * third), mean(2 * third..samples.len()));
        let most = middle + (middle * GROWTH_PERCENT / 100).max(GROWTH_BYTES);
        println!("{what}: middle third {} MB, last third {} MB", middle >> 20, last >> 20);
        assert!(last <= most, "{what} grows: {middle} bytes in the middle third, {last} in the last");
    }
}
