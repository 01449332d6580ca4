//! Writes generated reports into a directory, for benchmarks: `reports --rows 1000000 --files 12 DIR`. Transactions
//! have UUIDs, which nothing can compress, and invoices are numbered: about 24 incompressible bytes a row.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a tool for developers")]

use std::path::PathBuf;
use std::time::Instant;

use tillroll_tests::{Layout, Packing, Spec};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rows, mut files, mut dir) = (1_000_000, 12_usize, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rows" => rows = arguments.next().unwrap().parse().unwrap(),
            "--files" => files = arguments.next().unwrap().parse().unwrap(),
            _ => dir = Some(PathBuf::from(argument)),
        }
    }
    let dir = dir.unwrap_or_else(|| "target/bench/reports".into());
    std::fs::create_dir_all(&dir).unwrap();
    let started = Instant::now();
    let months = (2018..).flat_map(|year| (1..=12).map(move |month| (year, month)));
    for (file, month) in (0..files).zip(months) {
        let share = rows / files + usize::from(file < rows % files);
        let spec = Spec { hex_invoices: 0, uuids: 100, ..Spec::new(1, month, share) };
        spec.layout(Layout::of_2018()).generate().write(&dir, Packing::Gzip);
    }
    eprintln!("{rows} rows in {files} files, {:.1} s", started.elapsed().as_secs_f64());
}
