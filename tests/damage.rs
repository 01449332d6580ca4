//! Whatever happens to the files of a database: it answers as before or with an error that names the file. It never
//! panics, hangs, takes memory out of proportion, or gives another answer.
//!
//! Every byte of a small database is flipped, one at a time, and its files are lost, swapped and replaced; a larger one is
//! cut and overwritten anywhere. `cargo test` takes a sample; `TILLROLL_LONG=1` takes every byte, `TILLROLL_LONG=8` every
//! eighth. A process of its own, so that panics and memory are those of the damage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "test code: a panic is how it fails, and its numbers are its own"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports what it has tried")]

#[path = "damage/answers.rs"]
mod answers;
#[path = "damage/bytes.rs"]
mod bytes;
#[path = "damage/files.rs"]
mod files;
#[path = "damage/image.rs"]
mod image;
#[path = "damage/watch.rs"]
mod watch;

/// Where more than a sample is tried: of how many bytes one.
fn long() -> Option<usize> {
    std::env::var("TILLROLL_LONG").ok().map(|text| text.parse().unwrap())
}

fn print(work: impl FnOnce() -> String) {
    let started = std::time::Instant::now();
    let said = work();
    println!("{said} ({:.0?})", started.elapsed());
}

fn main() {
    watch::start();
    let (small, larger) = (image::small(), image::larger());
    print(|| bytes::flip_each(&small));
    print(|| files::change_at_random(&larger));
    print(|| files::lose_and_swap(&small, &image::another()));
    println!("{}", watch::summary());
}
