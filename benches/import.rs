//! Measures an import: `import [--inflate] [--threads N] DIR FILES…` reads Amazon's report files into a fresh database in
//! `DIR` and prints rows, time, processor time, peak memory and bytes a row. With `--inflate` gzip files are only
//! unpacked, by the inflater that streams, to know what of the processor time is theirs.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::bufread::GzDecoder;
use tillroll_benches::process;
use tillroll_core::{Db, ImportOptions, NewExternalAccount, StoreKind};

/// Bytes unpacked at a time.
const STEP: usize = 256 << 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut inflate, mut options, mut paths) = (false, ImportOptions::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--inflate" => inflate = true,
            "--threads" => options = options.threads(arguments.next().unwrap().parse().unwrap()),
            _ => paths.push(argument),
        }
    }
    let dir = PathBuf::from(paths.remove(0));
    let started = Instant::now();
    let what = if inflate { unpack(&paths) } else { import(&dir, &paths, &options) };
    let (wall, [user, system]) = (started.elapsed(), process::times());
    let all = user + system;
    println!("{what}");
    println!("wall {wall:.2?}, processor {all:.2?} (user {user:.2?}, system {system:.2?})");
    println!("peak {} MB", process::peak_memory() / 1000);
}

fn import(dir: &Path, paths: &[String], options: &ImportOptions) -> String {
    let path = dir.join("measured.till");
    let _ = std::fs::remove_dir_all(&path);
    let db = Db::open(&path).unwrap();
    let account =
        db.external_accounts().create(NewExternalAccount::new("measured", StoreKind::Amazon)).unwrap().id;
    let done = db.sales().import(paths, account, options).unwrap();
    db.close().unwrap();
    let rolls = std::fs::read_dir(path.join("rolls")).unwrap();
    let bytes: u64 = rolls.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let milli = bytes * 1000 / done.rows.max(1);
    format!("{} rows, {}.{:03} bytes a row", done.rows, milli / 1000, milli % 1000)
}

fn unpack(paths: &[String]) -> String {
    let (mut buffer, mut bytes) = (vec![0; STEP], 0);
    for path in paths {
        let mut text = GzDecoder::new(BufReader::with_capacity(1 << 20, File::open(path).unwrap()));
        loop {
            match text.read(&mut buffer).unwrap() {
                0 => break,
                len => bytes += len,
            }
        }
    }
    format!("{bytes} bytes unpacked")
}
