//! Several writers at once, whose commits share frames and syncs: of each writer's records all that were acknowledged
//! are there, at most the one behind them, and never one without those before it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tillroll_core::{Db, OpenOptions};
use tillroll_tests::rng::Rng;

use crate::cut::{Counts, Plan, at, kinds, problems, scratch};
use crate::events::{Event, Recorder};
use crate::platter::{Image, Platter};
use crate::work::DATABASE;

const WRITERS: usize = 4;
const RECORDS: usize = 6;

/// A step is a record; its writer is known by the number.
fn step(writer: usize, record: usize) -> usize {
    writer * RECORDS + record
}

fn name(step: usize) -> String {
    format!("brand {step}")
}

pub fn record() -> Vec<Event> {
    let root = scratch();
    // While a sync takes its time the others gather for the next frame.
    let recorder = Recorder::new(root.path(), &Platter::default()).with_slow_syncs(Duration::from_millis(3));
    let options = OpenOptions::new().disk(Arc::new(recorder.clone()));
    let db = Db::open_with(root.path().join(DATABASE), &options).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (db, recorder) = (&db, &recorder);
            scope.spawn(move || {
                let brands = db.records("brands").unwrap();
                for step in (0..RECORDS).map(|record| step(writer, record)) {
                    recorder.note(Event::Began(step));
                    brands.create(&json!({"name": name(step)})).unwrap();
                    recorder.note(Event::Ended(step));
                }
            });
        }
    });
    db.close().unwrap();
    recorder.take()
}

/// How many records each writer had begun and had acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Progress {
    begun: [usize; WRITERS],
    ended: [usize; WRITERS],
}

impl Progress {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Began(step) => self.begun[step / RECORDS] += 1,
            Event::Ended(step) => self.ended[step / RECORDS] += 1,
            _ => {}
        }
    }
}

pub fn cut(events: &[Event], plan: &Plan, counts: &Counts) -> Result<(), String> {
    let mut rng = Rng::new(plan.seed);
    let (mut platter, mut progress, mut seen) = (Platter::default(), Progress::default(), HashMap::new());
    for cut in 0..=events.len() {
        for leaves in kinds(&platter, plan, &mut rng) {
            let image = platter.image(leaves, &mut rng);
            if seen.insert((image.digest(), progress.clone()), cut).is_none() {
                counts.images.fetch_add(1, Ordering::Relaxed);
                verify(&image, &progress)
                    .map_err(|message| format!("seed {}, crowd cut at {cut}: {message}", plan.seed))?;
            }
        }
        if let Some(event) = events.get(cut) {
            platter.apply(event);
            progress.apply(event);
        }
    }
    Ok(())
}

fn verify(image: &Image, progress: &Progress) -> Result<(), String> {
    let folder = scratch();
    image.write(folder.path());
    let db =
        Db::open_with(folder.path().join(DATABASE), &OpenOptions::new().threads(1)).map_err(at("open"))?;
    let names = names(&db);
    for writer in 0..WRITERS {
        let is_there = |record: &usize| names.contains(&name(step(writer, *record)));
        let (whole, all) = ((0..RECORDS).take_while(is_there).count(), (0..RECORDS).filter(is_there).count());
        let may_be = progress.ended[writer]..=progress.begun[writer];
        if whole != all || !may_be.contains(&all) {
            return Err(format!(
                "writer {writer} may have {may_be:?} records, has {all}, {whole} without a gap"
            ));
        }
    }
    problems(&db)?;
    db.close().map_err(at("close"))
}

fn names(db: &Db) -> BTreeSet<String> {
    let brands = db.records("brands").unwrap();
    let ids = brands.ids_after(None, WRITERS * RECORDS + 1).unwrap();
    let name = |id: &Json| brands.get(&id.to_string()).unwrap()["name"].as_str().unwrap().to_owned();
    ids.iter().map(name).collect()
}

/// Frames that hold more than one commit, as far as their lengths tell.
pub fn has_shared_frames(events: &[Event]) -> bool {
    let in_journal = |event: &&Event| matches!(event, Event::Create(path, _) if path.starts_with(Path::new(DATABASE).join("journal")));
    let Some(Event::Create(_, journal)) = events.iter().find(in_journal) else { return false };
    let frames = events
        .iter()
        .filter(|event| matches!(event, Event::Write(file, at, _) if file == journal && *at > 0));
    // One for each record would be the most, and the closing checkpoint.
    frames.count() < WRITERS * RECORDS
}
