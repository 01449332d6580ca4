//! Readers, importers, writers of records, backups and compaction beside each other, and a checker that knows what each
//! of them saw and when: every read is some commit's state, and no thread ever goes back in time. See
//! `tillroll_tests::register`. `TILLROLL_HISTORY_VERSIONS` makes it longer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use jiff::civil::date;
use serde_json::{Value as Json, json};
use tillroll_core::{Db, ImportOptions, OnReject, Query};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::register::{self, Clock, Event};
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Packing, Report, Row};

use crate::dsl::{new_account, read_only, rows_of};

const VERSIONS: u64 = 40;
/// Rows of each of two months; version `n` has `n` units a row, so that units tell which version it is, wholly.
const ROWS: u64 = 30;
/// Records that one thread raises in turn, so that all of them at one instant tell how often.
const STEPS: u64 = 5;
/// Records that several threads write.
const KEYS: usize = 3;

/// What is written by one operation or read by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Register {
    /// The version of both months, which are replaced in one step.
    Sales,
    /// The last version that the importer was told is stored, in a record.
    Acknowledged,
    /// How often the ladder was climbed, of all its records at one instant.
    Ladder,
    /// A record of the ladder.
    Step(u64),
    /// A record with several writers.
    Key(usize),
}

/// The events that one thread saw.
type Seen = Vec<(Register, Event)>;

struct World {
    db: Db,
    folder: PathBuf,
    account: u64,
    acknowledged: u64,
    ladder: Vec<u64>,
    keys: Vec<u64>,
    clock: Clock,
    /// The last value written to any key: each is written once.
    last: AtomicU64,
    done: AtomicBool,
}

impl World {
    fn new(folder: &Path) -> Self {
        let db = Db::open(folder.join("shop.till")).unwrap();
        let account = new_account(&db, "sales");
        let numbered = |what: &str| {
            let id = new_account(&db, what);
            set(&db, id, 0);
            id
        };
        let acknowledged = numbered("acknowledged");
        let ladder = (0..STEPS).map(|_| numbered("step")).collect();
        let keys = (0..KEYS).map(|_| numbered("key")).collect();
        let (clock, last, done) = (Clock::default(), AtomicU64::new(0), AtomicBool::new(false));
        let world =
            Self { folder: folder.to_owned(), account, acknowledged, ladder, keys, clock, last, done, db };
        world.import(0);
        world
    }

    fn goes_on(&self) -> bool {
        !self.done.load(Ordering::SeqCst)
    }

    fn import(&self, version: u64) {
        let folder = self.folder.join(version.to_string());
        std::fs::create_dir(&folder).unwrap();
        let paths = [1, 2].map(|month| report(month, version).write(&folder, Packing::Plain));
        let names = paths.each_ref().map(|path| path.to_str().unwrap());
        let options = ImportOptions::new().on_reject(OnReject::Fail).threads(1);
        self.db.sales().import(&names, self.account, &options).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Does and notes something.
    fn event(&self, seen: &mut Seen, register: Register, wrote: bool, work: impl FnOnce() -> u64) {
        let (value, begin, end) = self.clock.time(work);
        seen.push((register, Event { wrote, value, begin, end }));
    }
}

fn report(month: i8, version: u64) -> Report {
    let charge = plain_charge(market_of("Amazon.de"), date(2018, month, 5).at(12, 0, 0, 0), 77);
    let rows = vec![Row { units: version as i64, ..charge }; ROWS as usize];
    Report { month: date(2018, month, 1), layout: Layout::of_2018(), rows }
}

fn set(db: &Db, id: u64, value: u64) {
    let accounts = db.records("external_accounts").unwrap();
    accounts.update(&id.to_string(), &json!({"account_id": value})).unwrap();
}

fn get(db: &Db, id: u64) -> u64 {
    let found = db.records("external_accounts").unwrap().get(&id.to_string()).unwrap();
    found["account_id"].as_u64().unwrap()
}

// What threads do.

/// Replaces both months, and says so in a record when it is told.
fn import(world: &World, versions: u64) -> Seen {
    let mut seen = Seen::new();
    for version in 1..=versions {
        world.event(&mut seen, Register::Sales, true, || {
            world.import(version);
            version
        });
        world.event(&mut seen, Register::Acknowledged, true, || {
            set(&world.db, world.acknowledged, version);
            version
        });
    }
    world.done.store(true, Ordering::SeqCst);
    seen
}

fn climb(world: &World) -> Seen {
    let mut seen = Seen::new();
    for step in (0..).take_while(|_| world.goes_on()) {
        let (place, height) = (step % STEPS, step / STEPS + 1);
        let ((), begin, end) = world.clock.time(|| set(&world.db, world.ladder[place as usize], height));
        seen.push((Register::Ladder, Event { wrote: true, value: step + 1, begin, end }));
        seen.push((Register::Step(place), Event { wrote: true, value: height, begin, end }));
    }
    seen
}

fn write_keys(world: &World) -> Seen {
    let mut seen = Seen::new();
    for place in (0..KEYS).cycle().take_while(|_| world.goes_on()) {
        let value = world.last.fetch_add(1, Ordering::SeqCst) + 1;
        world.event(&mut seen, Register::Key(place), true, || {
            set(&world.db, world.keys[place], value);
            value
        });
    }
    seen
}

fn read_records(world: &World) -> Seen {
    let mut seen = Seen::new();
    while world.goes_on() {
        for (place, id) in world.keys.iter().enumerate() {
            world.event(&mut seen, Register::Key(place), false, || get(&world.db, *id));
        }
        for (place, id) in (0..).zip(&world.ladder) {
            world.event(&mut seen, Register::Step(place), false, || get(&world.db, *id));
        }
        for query in [
            json!({"filter": "eq(nickname,step)"}),
            json!({"nickname": "step", "sort": "account_id-desc"}),
            json!({"filter": "like(nickname,st*)", "sort": "id-desc"}),
        ] {
            world.event(&mut seen, Register::Ladder, false, || steps_of(world, &world.db, &query));
        }
        world.event(&mut seen, Register::Acknowledged, false, || get(&world.db, world.acknowledged));
    }
    seen
}

/// How often the ladder was climbed, by all its records: the first ones are one above the others.
fn steps_of(world: &World, db: &Db, query: &Json) -> u64 {
    let page = db.records("external_accounts").unwrap().list(query).unwrap();
    let found: BTreeMap<u64, u64> = page
        .data
        .iter()
        .map(|record| (record["id"].as_u64().unwrap(), record["account_id"].as_u64().unwrap()))
        .collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), world.ladder.iter().collect::<Vec<_>>());
    let heights: Vec<u64> = found.into_values().collect();
    let low = heights[STEPS as usize - 1];
    let is_ladder = heights.is_sorted_by(|a, b| a >= b) && heights[0] <= low + 1;
    assert!(is_ladder, "{heights:?} is no commit's state");
    heights.iter().sum()
}

fn read_sales(world: &World) -> Seen {
    let ways = [version_of_totals, version_of_rows, version_of_scan, version_of_lookup, version_of_months];
    let mut seen = Seen::new();
    for read in ways.into_iter().cycle().take_while(|_| world.goes_on()) {
        world.event(&mut seen, Register::Sales, false, || read(&world.db));
    }
    seen
}

/// Of `rows` rows with so many units.
fn version_of(rows: u64, units: u64, months: u64) -> u64 {
    assert_eq!(rows, ROWS * months, "{units} units");
    assert_eq!(units % rows, 0, "{units} units of {rows} rows are of two versions");
    units / rows
}

fn ask(db: &Db, query: Json) -> Vec<Vec<String>> {
    rows_of(&db.sales().report(&Query::from_json(&query).unwrap()).unwrap())
}

fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

fn version_of_totals(db: &Db) -> u64 {
    let found = ask(db, json!({"measures": ["rows", "units"]}));
    version_of(number(&found[0][0]), number(&found[0][1]), 2)
}

/// No sum by SKU is kept, so that rows are read.
fn version_of_rows(db: &Db) -> u64 {
    let found = ask(db, json!({"by": ["sku"], "measures": ["rows", "units"]}));
    version_of(number(&found[0][1]), number(&found[0][2]), 2)
}

fn version_of_months(db: &Db) -> u64 {
    let found = ask(db, json!({"by": ["month"], "measures": ["rows", "units"]}));
    let versions =
        [0, 1].map(|month: usize| version_of(number(&found[month][1]), number(&found[month][2]), 1));
    assert_eq!(versions[0], versions[1], "two months of one commit");
    versions[0]
}

fn version_of_scan(db: &Db) -> u64 {
    use arrow_array::{cast::AsArray, types::Int64Type};
    let scan = db.sales().scan(&Query::from_json(&json!({"columns": ["units"]})).unwrap()).unwrap();
    let (mut rows, mut units) = (0, 0);
    for batch in scan.map(Result::unwrap) {
        rows += batch.num_rows() as u64;
        units += batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
    }
    version_of(rows, u64::try_from(units).unwrap(), 2)
}

fn version_of_lookup(db: &Db) -> u64 {
    let found = db.sales().get_many(&["77"]).unwrap();
    let units = found.columns().iter().position(|name| *name == "units").unwrap();
    let all = rows_of(&found).iter().map(|row| number(&row[units])).sum();
    version_of(found.len() as u64, all, 2)
}

/// A copy is one instant: of everything.
fn back_up(world: &World) -> Seen {
    let mut seen = Seen::new();
    let path = world.folder.join("copy.till");
    while world.goes_on() {
        let ((), begin, end) = world.clock.time(|| world.db.backup(&path).unwrap());
        let copy = read_only(&path);
        let mut note = |register, value| seen.push((register, Event { wrote: false, value, begin, end }));
        let (version, told) = (version_of_rows(&copy), get(&copy, world.acknowledged));
        assert!(version == told || version == told + 1, "version {version} beside {told}");
        note(Register::Sales, version);
        note(Register::Acknowledged, told);
        note(Register::Ladder, steps_of(world, &copy, &json!({"nickname": "step"})));
        world.keys.iter().enumerate().for_each(|(place, id)| note(Register::Key(place), get(&copy, *id)));
        assert_eq!(copy.check().unwrap().problems, Vec::<String>::new());
        copy.close().unwrap();
        std::fs::remove_dir_all(&path).unwrap();
    }
    seen
}

fn tidy_up(world: &World) -> Seen {
    while world.goes_on() {
        world.db.compact().unwrap();
        assert_eq!(world.db.check().unwrap().problems, Vec::<String>::new());
    }
    Seen::new()
}

#[test]
fn every_read_is_some_commits_state_and_time_never_goes_back() {
    let versions = std::env::var("TILLROLL_HISTORY_VERSIONS").map_or(VERSIONS, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let world = &World::new(dir.path());
    let work = [climb, write_keys, write_keys, read_records, read_sales, read_sales, back_up, tidy_up];
    let seen: Vec<Seen> = thread::scope(|scope| {
        let others = work.map(|work| scope.spawn(move || work(world)));
        let imported = scope.spawn(move || import(world, versions)).join();
        // Also where the importer failed, or the others would go on for ever.
        world.done.store(true, Ordering::SeqCst);
        let seen = others.into_iter().map(|other| other.join().unwrap()).collect::<Vec<_>>();
        seen.into_iter().chain([imported.unwrap()]).collect()
    });
    let mut registers = BTreeMap::<Register, Vec<Event>>::new();
    for (register, event) in seen.into_iter().flatten() {
        registers.entry(register).or_default().push(event);
    }
    let (mut reads, mut writes) = (0, 0);
    for (register, events) in &registers {
        register::check(0, events).unwrap_or_else(|told| panic!("{register:?}: {told}"));
        let wrote = events.iter().filter(|event| event.wrote).count();
        writes += wrote;
        reads += events.len() - wrote;
        assert!(wrote > 0 && events.len() > wrote, "{register:?} was not tried");
    }
    println!("{reads} reads beside {writes} writes");
    assert_eq!(registers.len(), 3 + STEPS as usize + KEYS);
    ends_as_written(world, &registers);
}

/// After reopening, each register has the last value that was written, or one of those whose writes met it.
fn ends_as_written(world: &World, registers: &BTreeMap<Register, Vec<Event>>) {
    world.db.close().unwrap();
    let db = Db::open(world.folder.join("shop.till")).unwrap();
    let (mut registers, now) = (registers.clone(), u64::MAX);
    let mut note = |register: Register, value| {
        let events = registers.get_mut(&register).unwrap();
        events.push(Event { wrote: false, value, begin: now - 1, end: now });
        register::check(0, events).unwrap_or_else(|told| panic!("{register:?} after reopening: {told}"));
    };
    note(Register::Sales, version_of_rows(&db));
    note(Register::Acknowledged, get(&db, world.acknowledged));
    note(Register::Ladder, steps_of(world, &db, &json!({"nickname": "step"})));
    world.keys.iter().enumerate().for_each(|(place, id)| note(Register::Key(place), get(&db, *id)));
}
