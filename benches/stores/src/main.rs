//! The job of Tillroll's index store, done by sled, redb and LMDB: `cargo run --release [-- RECORDS]`. Each store has a
//! process of its own, so that its memory is its own.
//!
//! A record is 600 bytes under its id, and six index entries without a value. Records come as the drain brings them:
//! the changes of 10,000 records, sorted by key, in atomic batches of 100 operations; behind every 4 MiB all of it is
//! made durable. Then they are read: by id, through the index of (store, identifier), and in ranges.

mod lmdb;
mod redb_store;
mod sled_store;

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// What a store may cache; LMDB has none and leaves it to the system.
const CACHE_BYTES: u64 = 128 << 20;
const CHUNK: u64 = 10_000;
const BATCH_OPS: usize = 100;
const SYNC_BYTES: usize = 4 << 20;
const READS: u64 = 100_000;
const RECORD_BYTES: usize = 600;

type Outcome<T> = Result<T, Box<dyn Error>>;
type Op = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes.
trait Store {
    /// Puts all of a batch or nothing of it.
    fn apply(&self, batch: &[Op]) -> Outcome<()>;
    /// Makes everything applied so far durable.
    fn sync(&self) -> Outcome<()>;
    /// The length of a key's value.
    fn get(&self, key: &[u8]) -> Outcome<Option<usize>>;
    /// The first key of a range.
    fn first(&self, start: &[u8], end: &[u8]) -> Outcome<Option<Vec<u8>>>;
    /// The number of entries of a range, and of the bytes in it.
    fn scan(&self, start: &[u8], end: &[u8]) -> Outcome<(u64, usize)>;
}

const STORES: [&str; 3] = ["sled", "redb", "lmdb"];

fn open(name: &str, dir: &Path) -> Outcome<Box<dyn Store>> {
    Ok(match name {
        "sled" => Box::new(sled_store::Sled::open(dir)?),
        "redb" => Box::new(redb_store::Redb::open(dir)?),
        _ => Box::new(lmdb::Lmdb::open(dir)?),
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = |text: Option<&String>| text.map_or(Ok(300_000), |text| text.parse());
    let done = match arguments.first().map(String::as_str) {
        Some(name) if STORES.contains(&name) => match (arguments.get(1), count(arguments.get(2))) {
            (Some(dir), Ok(count)) => measure(name, Path::new(dir), count),
            _ => Err("give a directory and a number of records".into()),
        },
        first => match count(first.map(|_| &arguments[0])) {
            Ok(count) => all(count),
            Err(_) => Err("give a number of records".into()),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One store after the other.
fn all(count: u64) -> Outcome<()> {
    println!("{count} records; load {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    for name in STORES {
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target").join(format!("{name}.bench"));
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        let status =
            Command::new(std::env::current_exe()?).arg(name).arg(&dir).arg(count.to_string()).status()?;
        std::fs::remove_dir_all(&dir)?;
        if !status.success() {
            return Err(format!("{name} failed").into());
        }
    }
    Ok(())
}

fn measure(name: &str, dir: &Path, count: u64) -> Outcome<()> {
    let store = open(name, dir)?;
    let mut spent = Duration::ZERO;
    let mut unsynced = 0;
    for from in (0..count).step_by(usize::try_from(CHUNK)?) {
        let mut ops: Vec<Op> = (from..(from + CHUNK).min(count)).flat_map(changes).collect();
        ops.sort_unstable();
        let start = Instant::now();
        for batch in ops.chunks(BATCH_OPS) {
            store.apply(batch)?;
            unsynced += batch.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
            if unsynced >= SYNC_BYTES {
                store.sync()?;
                unsynced = 0;
            }
        }
        spent += start.elapsed();
    }
    let start = Instant::now();
    store.sync()?;
    spent += start.elapsed();
    println!(
        "{name}: filled in {:.1} s, {:.0} records a second; {}",
        spent.as_secs_f64(),
        count as f64 / spent.as_secs_f64(),
        memory()
    );
    drop(store);
    println!("{name}: {:.1} MB on disk", size(dir)? as f64 / 1e6);
    let start = Instant::now();
    let store = open(name, dir)?;
    println!("{name}: opened in {:?}", start.elapsed());
    read(name, store.as_ref(), count)?;
    println!("{name}: {}", memory());
    Ok(())
}

fn read(name: &str, store: &dyn Store, count: u64) -> Outcome<()> {
    let spread = |n: u64| n.wrapping_mul(0x9E37_79B9) % count;
    let each = |what: &str, times: u64, taken: Duration| {
        println!("{name}: {what} {:.2} us", taken.as_secs_f64() * 1e6 / times as f64);
    };
    for round in ["cold", "warm"] {
        let start = Instant::now();
        for n in 0..READS {
            assert_eq!(store.get(&record_key(spread(n)))?, Some(RECORD_BYTES));
        }
        each(&format!("get by id, {round},"), READS, start.elapsed());
    }
    let keys: Vec<_> = (0..READS).map(|n| vendor_key(spread(n))).collect();
    let start = Instant::now();
    for key in &keys {
        let end = [key.as_slice(), &[0xFF]].concat();
        assert!(black_box(store.first(key, &end)?).is_some());
    }
    each("first of a range", READS, start.elapsed());
    let stores = index_key(5, &[2]);
    let start = Instant::now();
    let (entries, _) = store.scan(&stores, &[stores.as_slice(), &[0xFF]].concat())?;
    assert_eq!(entries, (0..count).filter(|number| number % 3 == 2).count() as u64);
    each(&format!("an entry of {entries} in an index"), entries, start.elapsed());
    let start = Instant::now();
    let (records, bytes) = store.scan(&record_key(0), &record_key(count))?;
    assert_eq!(records, count);
    assert!(bytes > RECORD_BYTES);
    each(&format!("a record of {records} in order"), records, start.elapsed());
    Ok(())
}

/// What the drain writes for a record.
fn changes(number: u64) -> Vec<Op> {
    let mixed = mix(number);
    let text = |salt: u64| {
        format!("{:x} Studios {}", mix(number ^ salt) % 5_000, mix(number ^ salt) % 97).into_bytes()
    };
    let id = number.to_be_bytes();
    let entry =
        |index: u8, value: &[u8]| ([index_key(index, value).as_slice(), &[0, 1], &id].concat(), Vec::new());
    let mut record: Vec<u8> = mixed.to_le_bytes().repeat(RECORD_BYTES / 8);
    record.truncate(RECORD_BYTES);
    vec![
        (record_key(number), record),
        entry(0, &(1_500_000_000_000_000 + number * 1000).to_be_bytes()),
        entry(1, &(1_600_000_000_000_000 + number * 1000).to_be_bytes()),
        ([vendor_key(number).as_slice(), &id].concat(), Vec::new()),
        entry(3, &text(3)),
        entry(4, &text(4)),
        entry(5, &[u8::try_from(number % 3).unwrap_or(0)]),
    ]
}

/// The same number gives the same one, and neighbours nothing alike.
fn mix(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 7
}

fn record_key(number: u64) -> Vec<u8> {
    [&[0x20, 7, 3], number.to_be_bytes().as_slice()].concat()
}

fn index_key(index: u8, value: &[u8]) -> Vec<u8> {
    [&[0x22, 7, index, 4], value].concat()
}

fn vendor_key(number: u64) -> Vec<u8> {
    let vendor = format!("com.example.{:05}.app{number}", mix(number) % 100_000);
    [index_key(2, &[u8::try_from(number % 3).unwrap_or(0)]).as_slice(), vendor.as_bytes(), &[0, 1]].concat()
}

fn size(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { size(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}

/// What the process holds: all, and what of it is no mapped file.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
    format!("memory {} (at most {}), of its own {}", line("VmRSS:"), line("VmHWM:"), line("RssAnon:"))
}
