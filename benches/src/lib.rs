//! What the benchmarks share: the report they all measure on, and what a process has used.

#![allow(clippy::print_stdout, reason = "a tool for developers")]

pub mod process;

use std::hint::black_box;
use std::time::{Duration, Instant};

use tillroll_tests::{Layout, Spec};

/// One month of a mid-sized publisher: 100,000 rows with the 16 columns of 2018, about 20 MB of text. All transaction ids
/// are UUIDs.
pub fn report() -> Vec<u8> {
    Spec { uuids: 100, ..Spec::new(1, (2018, 3), 100_000).layout(Layout::of_2018()) }.generate().csv()
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
