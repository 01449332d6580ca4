//! The power fails at any moment: whatever the disk has kept of what was not synced, the database opens, and shows all
//! that was acknowledged, nothing in part, and nothing older.
//!
//! A run is recorded change by change (`power/events.rs`). At a moment of it the power is cut: `power/platter.rs` says
//! what may stand on the disk then, and `power/cut.rs` opens such images with the engine and compares.
//!
//! Without an environment variable every cut of one short run is tried. `TILLROLL_TORTURE_IMAGES` asks for so many
//! images of long runs, and `TILLROLL_TORTURE_SEED` for those of one seed again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "test code: a panic is how it fails, and its numbers are its own"
)]
#![allow(clippy::print_stdout, reason = "it says what it has tried")]

#[cfg(target_os = "linux")]
#[path = "power/calls.rs"]
mod calls;
#[path = "power/crowd.rs"]
mod crowd;
#[path = "power/cut.rs"]
mod cut;
#[path = "power/events.rs"]
mod events;
#[path = "power/platter.rs"]
mod platter;
#[path = "power/state.rs"]
mod state;
#[path = "power/work.rs"]
mod work;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tillroll_core::OpenOptions;
use tillroll_tests::rng::Rng;

use crate::cut::{Counts, Marked, Plan, Run, scratch};
use crate::events::Recorder;
use crate::platter::Platter;
use crate::work::Work;

fn main() {
    hush_sled();
    #[cfg(target_os = "linux")]
    if let Ok(folder) = std::env::var(calls::CHILD) {
        return calls::child(&folder);
    }
    match number("TILLROLL_TORTURE_IMAGES") {
        None => short(),
        Some(images) => long(images as usize),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// sled panics on torn files; the engine makes the index again then, and the test is no place for its messages.
fn hush_sled() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("sled")) {
            tell(panic);
        }
    }));
}

fn record(index_every: usize, work: impl FnOnce(&mut Work<'_>)) -> Run {
    let (root, reports) = (scratch(), scratch());
    let recorder = Recorder::new(root.path(), &Platter::default());
    let marks = Marked {
        recorder: recorder.clone(),
        root: root.path().to_owned(),
        states: Mutex::default(),
        indexes: Mutex::default(),
        index_every,
    };
    let options = OpenOptions::new().disk(Arc::new(recorder.clone()));
    let mut run = Work::new(root.path(), reports.path(), options, &marks);
    work(&mut run);
    let copies = run.copies;
    let events = recorder.take();
    Run {
        events,
        states: marks.states.into_inner().unwrap(),
        copies,
        indexes: marks.indexes.into_inner().unwrap(),
    }
}

fn short() {
    let begun = Instant::now();
    let run = record(1, |work| work.short());
    let plan =
        Plan { seed: number("TILLROLL_TORTURE_SEED").unwrap_or(1), random: 2, again_every: 10, images: None };
    let counts = Counts::default();
    run.cut(&plan, &counts).unwrap_or_else(|message| panic!("{message}"));
    tell("the disk", &counts, &run, begun);
    calls(&Plan { images: Some(100), ..plan });
    crowd(&plan);
}

/// Writers beside each other.
fn crowd(plan: &Plan) {
    let events = crowd::record();
    assert!(crowd::has_shared_frames(&events), "every commit had a frame of its own");
    let counts = Counts::default();
    crowd::cut(&events, plan, &counts).unwrap_or_else(|message| panic!("{message}"));
    let images = counts.images.load(Ordering::Relaxed);
    println!("power cut while several write: {images} images, none wrong");
}

/// The short run again, recorded at the calls of the operating system.
#[cfg(target_os = "linux")]
fn calls(plan: &Plan) {
    let begun = Instant::now();
    match calls::record() {
        Err(reason) => println!("not recorded at the system's calls: {reason}"),
        Ok(run) => {
            let counts = Counts::default();
            run.cut(plan, &counts).unwrap_or_else(|message| panic!("{message}"));
            tell("the system's calls", &counts, &run, begun);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn calls(_: &Plan) {
    println!("not recorded at the system's calls: that takes Linux");
}

/// Long runs of random steps, cut at random, until so many images are tried.
fn long(images: usize) {
    const IMAGES_A_RUN: usize = 1_000;
    let first = number("TILLROLL_TORTURE_SEED");
    let seed = first.unwrap_or_else(|| std::process::id().into());
    println!("seed {seed}");
    for (seed, done) in (seed..).zip((0..images).step_by(IMAGES_A_RUN)) {
        let begun = Instant::now();
        let run = record(7, |work| work.long(60, &mut Rng::new(seed)));
        let wanted = IMAGES_A_RUN.min(images - done);
        let plan = Plan { seed, random: 1, again_every: 8, images: Some(wanted) };
        let counts = Counts::default();
        run.cut(&plan, &counts).unwrap_or_else(|message| panic!("{message}"));
        tell("the disk", &counts, &run, begun);
        calls(&Plan { images: Some(wanted), ..plan });
        crowd(&Plan { images: None, random: 4, ..plan });
    }
}

fn tell(recorded: &str, counts: &Counts, run: &Run, begun: Instant) {
    let (images, again) = (counts.images.load(Ordering::Relaxed), counts.again.load(Ordering::Relaxed));
    println!(
        "power cut in a run of {} steps and {} changes, recorded at {recorded}: {images} images and {again} of cut recoveries, none wrong ({} s)",
        run.states.len(),
        run.events.len(),
        begun.elapsed().as_secs()
    );
}
