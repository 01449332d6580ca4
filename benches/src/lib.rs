//! What the benchmarks share: the report they all measure on, and what a process has used.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

pub mod process;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tillroll_tests::{Layout, Spec};

/// One month of a mid-sized publisher: 100,000 rows with the 16 columns of 2018, about 20 MB of text. All transaction ids
/// are UUIDs.
pub fn report() -> Vec<u8> {
    Spec { uuids: 100, ..Spec::new(1, (2018, 3), 100_000).layout(Layout::of_2018()) }.generate().csv()
}

/// What the programs that measure a database are asked: `[--rounds N] [--only WORD] DIR`.
pub struct Arguments {
    /// How often each thing is measured.
    pub rounds: u32,
    /// What alone is measured.
    pub only: Option<String>,
    /// Where the database lies.
    pub dir: PathBuf,
}

impl Arguments {
    /// Those of this program, measuring so often unless they say otherwise.
    pub fn read(rounds: u32) -> Self {
        let mut read = Self { rounds, only: None, dir: PathBuf::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => read.rounds = arguments.next().unwrap().parse().unwrap(),
                "--only" => read.only = arguments.next(),
                _ => read.dir = PathBuf::from(argument),
            }
        }
        read
    }
}

/// Prints how long `work` takes, which gives a number of rows: once to fill caches, then as often as asked.
pub fn measure(what: &str, rounds: u32, mut work: impl FnMut() -> usize) {
    let count = work();
    let before = process::time();
    let mut taken: Vec<Duration> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .collect();
    let spent = (process::time() - before) / rounds;
    taken.sort_unstable();
    let (low, high, wall) = (taken[0], taken[taken.len() - 1], taken[taken.len() / 2]);
    let peak = process::peak_memory() / 1000;
    println!(
        "{what}: {count} rows, wall {wall:.2?} ({low:.2?} to {high:.2?}), processor {spent:.2?}, peak {peak} MB"
    );
}
