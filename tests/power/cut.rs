//! Cutting a recorded run: images of what may be left are opened and must show what was acknowledged.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tempfile::TempDir;
use tillroll_core::{Db, Error, ErrorKind, OpenOptions};
use tillroll_tests::rng::Rng;

use crate::events::{Event, Recorder};
use crate::platter::{Image, Leaves, Platter};
use crate::state::{difference, state};
use crate::work::{Copied, DATABASE, Marks, PASSPHRASE};

/// A run that was recorded.
pub struct Run {
    pub events: Vec<Event>,
    /// What the database showed after each step; empty where it was closed.
    pub states: Vec<String>,
    pub copies: Vec<Copied>,
    /// The index at some moments of the run, each with the number of events before it. Empty where the index is
    /// recorded like everything else.
    pub indexes: Vec<(usize, Image)>,
}

/// Keeps a run's marks among its events.
pub struct Marked {
    pub recorder: Recorder,
    pub root: PathBuf,
    pub states: Mutex<Vec<String>>,
    pub indexes: Mutex<Vec<(usize, Image)>>,
    pub index_every: usize,
}

impl Marks for Marked {
    fn began(&self, step: usize) {
        self.recorder.note(Event::Began(step));
    }

    fn ended(&self, step: usize, state: &str) {
        self.recorder.note(Event::Ended(step));
        self.states.lock().unwrap().push(state.to_owned());
        if step.is_multiple_of(self.index_every) {
            let image = Image::read(&self.root.join(DATABASE).join("index"));
            // What is in it now was committed before now.
            self.indexes.lock().unwrap().push((self.recorder.len(), image));
        }
    }
}

/// An image and what it may show.
struct Case {
    cut: usize,
    image: Image,
    /// Steps of which it may show the end; none where the database was not begun for certain.
    steps: RangeInclusive<usize>,
    /// Steps that had returned.
    ended: usize,
    seed: u64,
}

/// What was tried.
#[derive(Debug, Default)]
pub struct Counts {
    pub images: AtomicUsize,
    pub again: AtomicUsize,
}

/// How a run is cut.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Random images of each cut, beside that without and that with everything unsynced.
    pub random: usize,
    /// Of so many images one is opened on a recording disk, and that recovery is cut as well.
    pub again_every: usize,
    /// So many images in all, at random cuts; of each cut where there is none.
    pub images: Option<usize>,
}

impl Run {
    /// Cuts the run and checks every image; the message of the first that is wrong.
    pub fn cut(&self, plan: &Plan, counts: &Counts) -> Result<(), String> {
        let cases = self.cases(plan);
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if failure.lock().unwrap().is_some() {
                            break;
                        }
                        if let Err(message) = self.check(case, plan, counts) {
                            *failure.lock().unwrap() = Some(message);
                        }
                    }
                });
            }
        });
        failure.into_inner().unwrap().map_or(Ok(()), Err)
    }

    /// The number of steps that had returned, and of those that had begun, before each cut.
    fn cases(&self, plan: &Plan) -> Vec<Case> {
        let mut rng = Rng::new(plan.seed);
        let mut chosen: Vec<usize> = match plan.images {
            None => (0..=self.events.len()).collect(),
            Some(images) => (0..images).map(|_| rng.below(self.events.len() as u64 + 1) as usize).collect(),
        };
        chosen.sort_unstable();
        let (mut platter, mut at, mut ended, mut begun) = (Platter::default(), 0, 0, 0);
        let (mut cases, mut seen) = (Vec::new(), HashSet::new());
        for cut in chosen {
            for event in &self.events[at..cut] {
                platter.apply(event);
                match event {
                    Event::Began(step) => begun = step + 1,
                    Event::Ended(step) => ended = step + 1,
                    _ => {}
                }
            }
            at = cut;
            let steps = ended.saturating_sub(1)..=begun.saturating_sub(1);
            for leaves in kinds(&platter, plan, &mut rng) {
                let image = platter.image(leaves, &mut rng);
                if seen.insert((image.digest(), steps.clone())) || plan.images.is_some() {
                    let image = self.with_index(image, cut, &mut rng);
                    cases.push(Case { cut, image, steps: steps.clone(), ended, seed: rng.bits() });
                }
            }
        }
        cases
    }

    /// The index may be lost, or any that there was before.
    fn with_index(&self, image: Image, cut: usize, rng: &mut Rng) -> Image {
        let dir = Path::new(DATABASE).join("index");
        let earlier = self.indexes.iter().take_while(|(at, _)| *at <= cut).count() as u64;
        // Mostly the newest, which the open relies on most.
        let chosen = if rng.chance(50) { earlier } else { rng.below(earlier + 1) };
        match chosen {
            0 => image,
            chosen if image.has_dir(&dir) => image.with(&dir, &self.indexes[chosen as usize - 1].1),
            _ => image,
        }
    }

    fn check(&self, case: &Case, plan: &Plan, counts: &Counts) -> Result<(), String> {
        let number = counts.images.fetch_add(1, Ordering::Relaxed);
        let again = number.is_multiple_of(plan.again_every);
        let folder = scratch();
        case.image.write(folder.path());
        let mut rng = Rng::new(case.seed);
        let told = |message: String| {
            let kept = scratch().keep();
            case.image.write(&kept);
            let around = self.events[case.cut.saturating_sub(6)..].iter().take(8);
            let events: Vec<_> = around.map(brief).collect();
            format!(
                "seed {}, cut at {} of {}: {message}\nbefore and behind the cut: {events:#?}\nthe image is kept in {}",
                plan.seed,
                case.cut,
                self.events.len(),
                kept.display()
            )
        };
        if again {
            let events = record(folder.path(), &case.image).map_err(told)?;
            self.cut_again(case, &events, &mut rng, counts).map_err(told)?;
        }
        self.verify(folder.path(), case, &mut rng).map_err(told)
    }

    /// Cuts an opening, at a few places.
    fn cut_again(&self, case: &Case, events: &[Event], rng: &mut Rng, counts: &Counts) -> Result<(), String> {
        for _ in 0..3 {
            let cut = rng.below(events.len() as u64 + 1) as usize;
            let mut platter = Platter::of(&case.image);
            events[..cut].iter().for_each(|event| platter.apply(event));
            let image = platter.image(Leaves::Something, rng);
            let folder = scratch();
            image.write(folder.path());
            counts.again.fetch_add(1, Ordering::Relaxed);
            self.verify(folder.path(), case, rng).map_err(|message| {
                let events: Vec<_> = events[..cut].iter().map(brief).collect();
                format!("cut again behind {events:#?} of the recovery: {message}")
            })?;
        }
        Ok(())
    }

    fn verify(&self, folder: &Path, case: &Case, rng: &mut Rng) -> Result<(), String> {
        let path = folder.join(DATABASE);
        let db = Db::open_with(&path, &OpenOptions::new().threads(1)).map_err(at("open"))?;
        self.verify_state(&db, case.steps.clone())?;
        for copy in &self.copies {
            self.verify_copy(&db, &folder.join(&copy.name), copy.step, case)?;
        }
        let in_a_step = case.steps.start() < case.steps.end();
        if rng.chance(if in_a_step { 60 } else { 30 }) {
            let db = go_on(db, &path)?;
            let before = state(&db).map_err(at("read"))?;
            db.close().map_err(at("close"))?;
            let db = Db::open_with(&path, &OpenOptions::new().threads(1)).map_err(at("open again"))?;
            let after = state(&db).map_err(at("read again"))?;
            if before != after {
                return Err(format!("another state after going on: {}", difference(&after, &before)));
            }
            problems(&db)?;
            return db.close().map_err(at("close"));
        }
        db.close().map_err(at("close"))
    }

    fn verify_state(&self, db: &Db, steps: RangeInclusive<usize>) -> Result<(), String> {
        let found = state(db).map_err(at("read"))?;
        // What a closed database shows is what it showed before.
        let state_of = |step: usize| self.states[..=step].iter().rev().find(|state| !state.is_empty());
        let mut may_be = steps.clone().filter(|step| *step < self.states.len()).filter_map(state_of);
        if !may_be.any(|state| *state == found) {
            let known = self.states.iter().position(|state| *state == found);
            let expected = state_of((*steps.start()).min(self.states.len() - 1)).unwrap();
            let difference = difference(&found, expected);
            return Err(format!("shows step {known:?}, may show {steps:?}; {difference}"));
        }
        problems(db)
    }

    /// A backup is the database at its moment, or not there yet; then another can be made in its place.
    fn verify_copy(&self, db: &Db, path: &Path, step: usize, case: &Case) -> Result<(), String> {
        if *case.steps.end() < step {
            return Ok(());
        }
        match Db::open_with(path, &OpenOptions::new().create(false).threads(1)) {
            Ok(copy) => {
                self.verify_state(&copy, step..=step).map_err(|message| format!("the backup {message}"))
            }
            Err(error) if case.ended > step => Err(format!("the backup was finished: {error}")),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Format) => {
                db.backup(path).map_err(at("make the backup again"))?;
                let copy = Db::open_with(path, &OpenOptions::new().read_only(true))
                    .map_err(at("open the new backup"))?;
                problems(&copy)
            }
            Err(error) => Err(format!("the backup: {error}")),
        }
    }
}

/// A name for each image of a cut; one is enough where there is nothing unsynced.
pub fn kinds(platter: &Platter, plan: &Plan, rng: &mut Rng) -> Vec<Leaves> {
    if !platter.is_unsettled() {
        return vec![Leaves::Nothing];
    }
    if plan.images.is_some() {
        return vec![*rng.pick(&[Leaves::Nothing, Leaves::Everything, Leaves::Something, Leaves::Something])];
    }
    let mut kinds = vec![Leaves::Nothing, Leaves::Everything];
    kinds.resize(2 + plan.random, Leaves::Something);
    kinds
}

/// Opens and closes what stands in a folder, in the eyes of a recording disk.
fn record(folder: &Path, image: &Image) -> Result<Vec<Event>, String> {
    let own = scratch();
    image.write(own.path());
    let recorder = Recorder::new(own.path(), &Platter::of(image));
    let options = OpenOptions::new().threads(1).disk(Arc::new(recorder.clone()));
    let db = Db::open_with(own.path().join(DATABASE), &options).map_err(at("open"))?;
    db.close().map_err(at("close"))?;
    assert!(folder != own.path());
    Ok(recorder.take())
}

/// What is recovered can be worked with, and its secrets are sealed by the key file or by the passphrase.
fn go_on(db: Db, path: &Path) -> Result<Db, String> {
    let create = |db: &Db| {
        let accounts = db.records("external_accounts")?;
        // Seals under the key that the other secrets are sealed with.
        accounts.create(&json!({"nickname": "afterwards", "store": "apple", "password": "another"}))?;
        db.records("brands")?.create(&json!({"name": "afterwards"}))
    };
    match create(&db) {
        Ok(_) => Ok(db),
        Err(error) if error.kind() == ErrorKind::Vault => {
            db.close().map_err(at("close"))?;
            let options = OpenOptions::new().threads(1).passphrase(PASSPHRASE);
            let db = Db::open_with(path, &options).map_err(at("open with the passphrase"))?;
            create(&db).map(|_| db.clone()).map_err(at("go on with the passphrase"))
        }
        Err(error) => Err(at("go on")(error)),
    }
}

pub fn problems(db: &Db) -> Result<(), String> {
    let problems = db.check().map_err(at("check"))?.problems;
    if problems.is_empty() { Ok(()) } else { Err(format!("check found {problems:?}")) }
}

pub fn at(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("cannot {what}: {error}")
}

fn brief(event: &Event) -> String {
    match event {
        Event::Write(file, at, bytes) => format!("Write({file}, {at}, {} bytes)", bytes.len()),
        other => format!("{other:?}"),
    }
}

/// A folder for an image: in memory where that can be had, since nobody cuts the power of the test itself.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new().prefix("tillroll-").tempdir_in(memory);
    made.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}
