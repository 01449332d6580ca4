//! What this process has used so far.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

use std::time::Duration;

/// Processor time of all threads, in steps of ten milliseconds.
pub fn time() -> Duration {
    times().into_iter().sum()
}

/// The same as a user, and in the system's calls.
pub fn times() -> [Duration; 2] {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind_name = text.rsplit(") ").next().unwrap();
    let mut ticks = behind_name.split(' ').skip(11).map(|ticks| ticks.parse::<u64>().unwrap());
    // The kernel's clock for these ticks a hundred times a second, wherever Linux runs.
    [(); 2].map(|()| Duration::from_millis(ticks.next().unwrap() * 10))
}

/// The most memory at once, in kilobytes.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
