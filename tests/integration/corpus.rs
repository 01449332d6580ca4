//! The corpus of `tests/fuzz` through the same ways in that libFuzzer feeds, a test each, so that what was found once
//! stays found. `TILLROLL_WRITE_CORPUS=1` makes the seeds anew.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use serde_json::{Value as Json, json};
use tillroll_core::{Db, ImportOptions, fuzzing};
use tillroll_tests::rng::Rng;
use tillroll_tests::{Layout, Packing, Spec, apple, google, packing};

#[path = "../damage/answers.rs"]
mod answers;
#[path = "../fuzz/targets.rs"]
mod targets;

/// Changes of each input that are tried beside it.
const CHANGES: u64 = 3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus_of(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = folder().join("corpus").join(target);
    let read =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

/// Feeds the corpus of a target, and some changes of each of its files, the same ones at each run.
fn replay(name: &str) {
    let (_, target) = targets::TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let corpus = corpus_of(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let changes = std::env::var("TILLROLL_FUZZ_CHANGES").map_or(CHANGES, |text| text.parse().unwrap());
    let mut rng = Rng::new(5);
    for (file, bytes) in &corpus {
        target(bytes);
        for number in 0..changes {
            let other = corpus.values().nth(rng.below(corpus.len() as u64) as usize).unwrap();
            let bytes = changed(bytes, other, &mut rng);
            // What was fed last is what to look at where one of them panics or hangs.
            if changes > CHANGES {
                fs::write(std::env::temp_dir().join(format!("fed-to-{name}")), &bytes).unwrap();
            }
            if catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name}/{file}, change {number}: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
    println!("{name}: {} inputs", corpus.len() as u64 * (changes + 1));
}

/// Numbers that lengths and counts are most likely wrong at.
const NUMBERS: [u64; 8] = [0, 1, 0x7F, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x1_0000_0000, i64::MAX as u64, u64::MAX];

fn changed(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        let end = (at + 1 + rng.below(16) as usize).min(bytes.len());
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => bytes[at.min(end)..end].iter_mut().for_each(|byte| *byte = rng.bits() as u8),
            2 => drop(bytes.drain(at.min(end)..end)),
            3 => bytes.extend_from_within(at.min(end)..end),
            4 => {
                let number = rng.pick(&NUMBERS).to_le_bytes();
                let end = (at + (1 << rng.below(4))).min(bytes.len());
                bytes[at.min(end)..end].iter_mut().zip(number).for_each(|(byte, new)| *byte = new);
            }
            5 => drop(bytes.splice(at.min(end)..end, rng.pick(&NUMBERS).to_string().into_bytes())),
            6 => {
                let from = rng.below(other.len() as u64 + 1) as usize;
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
        }
    }
    bytes
}

#[test]
fn report() {
    replay("report");
}

#[test]
fn journal() {
    replay("journal");
}

#[test]
fn roll() {
    replay("roll");
}

#[test]
fn value() {
    replay("value");
}

#[test]
fn database() {
    replay("database");
}

#[test]
fn filter() {
    replay("filter");
}

#[test]
fn search() {
    replay("search");
}

#[test]
fn lines() {
    replay("lines");
}

#[test]
fn query() {
    replay("query");
}

#[test]
fn call() {
    replay("call");
}

/// Without this the corpus would prove nothing: what stands in it must get through the checksums.
#[test]
fn the_seeds_are_what_their_targets_read() {
    let all = |name: &str| corpus_of(name).into_iter().filter(|(file, _)| file.starts_with("seed-"));
    for (file, bytes) in all("roll") {
        fuzzing::roll(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut other = bytes.clone();
        other[40] ^= 1;
        assert_eq!(fuzzing::reseal_roll(bytes.clone()), bytes, "{file}");
        assert_ne!(fuzzing::reseal_roll(other.clone()), other, "{file}");
    }
    for (file, bytes) in all("journal") {
        fuzzing::journal(&bytes, bytes.len() as u64).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(fuzzing::reseal_journal(bytes.clone(), &|_, value| value.to_vec()), bytes, "{file}");
    }
    let decoded = all("value").filter(|(_, bytes)| fuzzing::value(bytes[0].into(), &bytes[1..]).is_ok());
    assert_eq!(decoded.count(), all("value").count());
}

#[test]
fn the_corpus_can_be_written() {
    if std::env::var_os("TILLROLL_WRITE_CORPUS").is_none() {
        return assert!(targets::TARGETS.iter().all(|(name, _)| !corpus_of(name).is_empty()));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    make(&path, dir.path());
    write_fixture(&path);
    write_stored(&path);
    write_reports();
    write_texts(&dir.path().join("records.jsonl"));
}

fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = folder().join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("seed-{name}")), bytes).unwrap();
}

fn examples() -> Vec<Json> {
    let examples: Json = serde_json::from_str(include_str!("../data/examples.json")).unwrap();
    let is_call = |example: &&Json| example["collection"].is_string() && example["verb"].is_string();
    examples["examples"].as_array().unwrap().iter().filter(is_call).cloned().collect()
}

fn make(path: &Path, folder: &Path) {
    let db = Db::open(path).unwrap();
    let account = json!({"nickname": "Our apps", "store": "amazon", "password": "secret"});
    let id = db.records("external_accounts").unwrap().create(&account).unwrap()["id"].as_u64().unwrap();
    let file = Spec::new(1, (2018, 1), 40).layout(Layout::of_2018()).generate().write(folder, Packing::Plain);
    let text = [fs::read(&file).unwrap().as_slice(), b"a,reject\n"].concat();
    fs::write(&file, text).unwrap();
    db.sales().import(&[file.to_str().unwrap()], id, &ImportOptions::new()).unwrap();
    for example in examples() {
        let verb = example["verb"].as_str().unwrap();
        let collection = db.records(example["collection"].as_str().unwrap()).unwrap();
        // Those that need what other tests put there fail.
        let _ = collection.call(verb, &example["arguments"]);
    }
    db.export_records(folder.join("records.jsonl")).unwrap();
    db.close().unwrap();
}

fn write_fixture(path: &Path) {
    let fixture = folder().join("fixture");
    fs::create_dir_all(&fixture).unwrap();
    for name in ["TILLROLL", "vault.key", "rolls/000001.roll"] {
        fs::copy(path.join(name), fixture.join(name.rsplit('/').next().unwrap())).unwrap();
    }
    let journal = fs::read(path.join("journal/000001.log")).unwrap();
    fs::write(fixture.join("identity"), &journal[8..40]).unwrap();
}

fn write_stored(path: &Path) {
    let journal = fs::read(path.join("journal/000001.log")).unwrap();
    seed("journal", "small", &journal);
    seed("database", "small", &journal);
    seed("roll", "small", fs::read(path.join("rolls/000001.roll")).unwrap());
    seed("roll", "version-1", include_bytes!("../data/roll-v1.roll"));
    let values = RefCell::new(Vec::new());
    fuzzing::reseal_journal(journal, &|key, value| {
        values.borrow_mut().push((key.to_vec(), value.to_vec()));
        value.to_vec()
    });
    let mut known = BTreeMap::new();
    for (_, value) in values.into_inner() {
        for value in [value.get(2..).unwrap_or_default(), &value] {
            for which in (0..fuzzing::VALUES).filter(|_| value.len() > 20) {
                if fuzzing::value(which, value).is_ok() {
                    known.insert(which, [&[which as u8], value].concat());
                }
            }
        }
    }
    known.iter().for_each(|(which, value)| seed("value", &which.to_string(), value));
}

fn write_reports() {
    let amazon = Spec::new(1, (2018, 3), 30).layout(Layout::of_2018()).generate().csv();
    let with_how = |how: u8, bytes: &[u8]| [&[how], bytes].concat();
    seed("report", "amazon", with_how(16, &amazon));
    seed(
        "report",
        "amazon-today",
        with_how(9, &Spec::new(2, (2018, 3), 30).layout(Layout::today()).generate().csv()),
    );
    seed("report", "amazon-gzip", with_how(0, &packing::gzip(&amazon)));
    seed(
        "report",
        "amazon-zip",
        with_how(0, &packing::zip(&[("a.csv", &amazon), ("b.csv", &amazon[..900])])),
    );
    let utf_16: Vec<u8> =
        String::from_utf8(amazon).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    seed("report", "amazon-utf-16", with_how(0, &[b"\xFF\xFE", utf_16.as_slice()].concat()));
    for (number, columns) in apple::generations().into_iter().enumerate() {
        let span = apple::Span::Day(date(2018, 3, 5));
        let report = apple::Spec::new(3, span, 20).columns(columns).generate();
        seed("report", &format!("apple-{number}"), with_how(16, &report.tsv()));
    }
    let (sales, earnings) = (google::sales(1, (2018, 3), 20, 40), google::earnings(1, (2018, 3), 15, 40));
    seed("report", "google-sales", with_how(16, &sales.csv()));
    seed("report", "google-sales-wide", with_how(8, &sales.wide_csv()));
    seed("report", "google-earnings", with_how(16, &earnings.csv()));
    seed("report", "google-earnings-zip", with_how(0, &earnings.zip("earnings_201803.csv", 2)));
}

fn write_texts(exported: &Path) {
    seed("lines", "records", fs::read(exported).unwrap());
    let filters = [
        "eq(name,x)",
        "like(legal_name,*x*):eq(id,1)\nname-desc",
        "in(id,1,2,3)\nid-desc",
        "ge(created_at,2018-01-01):lt(updated_at,2030-01-01T00:00:00Z)",
        r"like(nickname,a\,b*)\)",
    ];
    for (number, text) in filters.iter().enumerate() {
        seed("filter", &number.to_string(), [&[number as u8 * 3], text.as_bytes()].concat());
    }
    let terms = [
        "chess game",
        "@name=\"Rdio\"",
        "@developer=rdio -free",
        "ca* fé\neq(store,amazon)",
        "日本 \u{1F600}",
    ];
    for (number, text) in terms.iter().enumerate() {
        seed("search", &number.to_string(), [&[number as u8], text.as_bytes()].concat());
    }
    let queries = [
        json!({"by": ["month", "currency"], "measures": ["units", "sales", "earnings"], "order_by": "-units"}),
        json!({"by": ["sku", "product"], "measures": ["rows"], "start": "2018-01-01", "end": "2018-02-01T10:00:00Z", "limit": 3}),
        json!({"measures": ["sales"], "currency": ["EUR"], "type": ["charge", "refund"], "account": 1, "kind": "amazon-sales"}),
        json!({"columns": ["time", "sku", "units"], "limit": 5, "country": "DE", "period": "2018-03", "include_inapps": true}),
        json!({"by": ["week", "quarter", "year", "title", "country", "term"], "measures": ["all_units"], "product": 1}),
    ];
    for (number, query) in queries.iter().enumerate() {
        seed("query", &number.to_string(), query.to_string());
    }
    for (number, example) in examples().iter().enumerate() {
        let (collection, verb) = (example["collection"].as_str().unwrap(), example["verb"].as_str().unwrap());
        seed("call", &format!("{number:03}"), format!("{collection}\n{verb}\n{}", example["arguments"]));
    }
}
