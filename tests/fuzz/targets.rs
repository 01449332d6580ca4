//! What is fed with hostile bytes. libFuzzer feeds it (`tests/fuzz/fuzz_targets`), and `cargo test` feeds it the corpus
//! (`tests/integration/corpus.rs`). Nothing may panic, whatever the bytes; the answers do not matter.

use std::cell::Cell;
use std::ffi::CString;
use std::fs;
use std::path::Path;
use std::ptr;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tillroll_core::{Db, ImportOptions, Kind, OpenOptions, Query, fuzzing};
use tillroll_tests::{Layout, Packing, Spec};

/// A way in.
pub type Target = fn(&[u8]);

/// Every way in, by the name of its corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("report", report),
    ("journal", journal),
    ("roll", roll),
    ("value", value),
    ("database", database),
    ("filter", filter),
    ("search", search),
    ("lines", lines),
    ("query", query),
    ("call", call),
];

/// Report files: containers, encodings, records, headers, and the readers of all stores. The first byte says how they are
/// read.
pub fn report(bytes: &[u8]) {
    static POOL: LazyLock<rayon::ThreadPool> =
        LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    const KINDS: [Option<Kind>; 5] = [
        None,
        Some(Kind::AmazonSales),
        Some(Kind::AppleSales),
        Some(Kind::GoogleSales),
        Some(Kind::GoogleEarnings),
    ];
    let Some((how, bytes)) = bytes.split_first() else { return };
    let kind = KINDS[usize::from(how % 8).min(4) % KINDS.len()];
    let chunk = if how & 16 == 0 { 64 << 10 } else { 2 << 10 };
    let _ = fuzzing::report(bytes, kind, how & 8 != 0, chunk, &POOL);
}

/// Journals: as they are, and with their checksums mended.
pub fn journal(bytes: &[u8]) {
    let _ = fuzzing::journal(bytes, 0);
    let _ = fuzzing::journal(&mended(bytes), bytes.len() as u64 / 2);
}

/// Rolls: as they are, and with their checksums mended.
pub fn roll(bytes: &[u8]) {
    let _ = fuzzing::roll(bytes);
    let _ = fuzzing::roll(&fuzzing::reseal_roll(bytes.to_vec()));
}

/// Values of the journal; the first byte says which.
pub fn value(bytes: &[u8]) {
    if let Some((which, bytes)) = bytes.split_first() {
        let _ = fuzzing::value(usize::from(*which), bytes);
    }
}

/// Whole databases whose journal holds anything, checksums mended: everything is asked of them, then they are checked.
pub fn database(bytes: &[u8]) {
    const ID: [u8; 32] = *include_bytes!("fixture/identity");
    static PLACE: LazyLock<Mutex<TempDir>> = LazyLock::new(|| {
        let dir = scratch();
        fs::create_dir_all(dir.path().join("journal")).unwrap();
        fs::create_dir_all(dir.path().join("rolls")).unwrap();
        fs::write(dir.path().join("TILLROLL"), include_bytes!("fixture/TILLROLL")).unwrap();
        fs::write(dir.path().join("vault.key"), include_bytes!("fixture/vault.key")).unwrap();
        fs::write(dir.path().join("rolls/000001.roll"), include_bytes!("fixture/000001.roll")).unwrap();
        Mutex::new(dir)
    });
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut bytes = bytes.to_vec();
    // Another database's journal, or one of another number, is not looked at.
    if let Some(identity) = bytes.get_mut(..40) {
        identity[..8].copy_from_slice(b"TILLJRNL");
        identity[8..].copy_from_slice(&ID);
    }
    fs::write(place.path().join("journal/000001.log"), mended(&bytes)).unwrap();
    let options = OpenOptions::new().read_only(true).threads(1);
    let Ok(db) = Db::open_with(place.path(), &options) else { return };
    let knows = super::answers::Knows { account: 1, ids: vec!["1".to_owned(), "a".to_owned()] };
    let _ = knows.ask_all(&db);
    let _ = db.check();
    let _ = db.stats();
}

/// A journal with its checksums mended, those of its values too.
fn mended(bytes: &[u8]) -> Vec<u8> {
    fuzzing::reseal_journal(bytes.to_vec(), &|_, value| match value {
        // A record has the number of its pieces and its version before it.
        [0, 1, 1, ..] => fuzzing::reseal_value(value.to_vec(), 2),
        [1, ..] if value.len() > 9 => fuzzing::reseal_value(value.to_vec(), 0),
        _ => value.to_vec(),
    })
}

/// The text form of filters, of each collection in turn.
pub fn filter(bytes: &[u8]) {
    let Some((which, text)) = text_behind(bytes) else { return };
    with_shop(|db| {
        let collection = super::answers::COLLECTIONS[which % super::answers::COLLECTIONS.len()];
        let (filter, sort) = text.split_once('\n').unwrap_or((text, "id-asc"));
        let records = db.records(collection).unwrap();
        let _ = records.list(&json!({"filter": filter}));
        let _ = records.list(&json!({"filter": filter, "sort": sort}));
    });
}

/// Words that products are searched by.
pub fn search(bytes: &[u8]) {
    let Some((which, text)) = text_behind(bytes) else { return };
    with_shop(|db| {
        let (term, filter) = text.split_once('\n').unwrap_or((text, ""));
        let mut arguments = json!({"term": term, "page": 1 + which % 3});
        if !filter.is_empty() {
            arguments["filter"] = filter.into();
        }
        let _ = db.records("products").unwrap().call("search", &arguments);
    });
}

/// Files of records, a line of JSON each.
pub fn lines(bytes: &[u8]) {
    with_shop(|db| {
        let path = db.path().with_extension("jsonl");
        fs::write(&path, bytes).unwrap();
        let _ = db.import_records(&path);
    });
}

/// Queries of reports and scans, as JSON.
pub fn query(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else { return };
    with_shop(|db| {
        let Ok(query) = Query::from_json(&json) else { return };
        let _ = db.sales().report(&query).map(|table| table.to_string());
        if let Ok(scan) = db.sales().scan(&query) {
            scan.for_each(drop);
        }
    });
}

/// Any verb of any collection through the C face: collection, verb and arguments, a line each.
pub fn call(bytes: &[u8]) {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n').map(|part| CString::new(part).unwrap());
    let (Some(collection), Some(verb), Some(arguments)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    with_c_shop(|db| {
        let (mut out, mut error) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the handle is open, the texts end in NUL, and the answers are freed.
        unsafe {
            let (collection, verb) = (collection.as_ptr(), verb.as_ptr());
            let code = tillroll::records::tillroll_record_call(
                db,
                collection,
                verb,
                arguments.as_ptr(),
                &mut out,
                &mut error,
            );
            assert_ne!(code, tillroll::status::TILLROLL_PANIC);
            tillroll::error::tillroll_string_free(out);
            tillroll::error::tillroll_error_free(error);
        }
    });
}

fn text_behind(bytes: &[u8]) -> Option<(usize, &str)> {
    let (which, text) = bytes.split_first()?;
    Some((usize::from(*which), std::str::from_utf8(text).ok()?))
}

/// In memory where the system has such a directory: nothing here is meant to last.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Inputs that a database takes before another is begun, so that what they store does not pile up.
const INPUTS: u32 = 3_000;

struct Shop<H> {
    // Closed before its directory goes.
    handle: H,
    _dir: TempDir,
    left: u32,
}

thread_local! {
    static SHOP: Cell<Option<Shop<Db>>> = const { Cell::new(None) };
    static C_SHOP: Cell<Option<Shop<CHandle>>> = const { Cell::new(None) };
}

/// A database with something of everything.
fn with_shop(work: impl FnOnce(&Db)) {
    let mut shop = SHOP.take().filter(|shop| shop.left > 0).unwrap_or_else(|| {
        let dir = scratch();
        let handle = Db::open_with(dir.path().join("shop.till"), &OpenOptions::new().threads(1)).unwrap();
        fill(&handle, dir.path());
        Shop { handle, _dir: dir, left: INPUTS }
    });
    shop.left -= 1;
    work(&shop.handle);
    SHOP.set(Some(shop));
}

fn fill(db: &Db, folder: &Path) {
    let account = json!({"nickname": "Our apps", "store": "amazon", "password": "secret"});
    let id = db.records("external_accounts").unwrap().create(&account).unwrap()["id"].as_u64().unwrap();
    let report = Spec::new(1, (2018, 3), 60).layout(Layout::of_2018()).generate();
    let path = report.write(folder, Packing::Plain);
    db.sales().import(&[path.to_str().unwrap()], id, &ImportOptions::new()).unwrap();
    let examples: Json = serde_json::from_str(include_str!("../data/examples.json")).unwrap();
    for example in examples["examples"].as_array().unwrap() {
        if let (Some(collection), Some(verb)) = (example["collection"].as_str(), example["verb"].as_str()) {
            // Those that need what another test has put there fail, which is as well.
            let _ = db.records(collection).unwrap().call(verb, &example["arguments"]);
        }
    }
}

struct CHandle(*mut tillroll::db::Db);

impl Drop for CHandle {
    fn drop(&mut self) {
        // SAFETY: it was opened by `with_c_shop`, and nobody else has it.
        unsafe { tillroll::db::tillroll_close(self.0) }
    }
}

fn with_c_shop(work: impl FnOnce(*mut tillroll::db::Db)) {
    let mut shop = C_SHOP.take().filter(|shop| shop.left > 0).unwrap_or_else(|| {
        let dir = scratch();
        let path = dir.path().join("shop.till");
        let db = Db::open(&path).unwrap();
        fill(&db, dir.path());
        db.close().unwrap();
        let path = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the path ends in NUL; the options and the error may be NULL.
        let handle = unsafe { tillroll::db::tillroll_open(path.as_ptr(), ptr::null(), ptr::null_mut()) };
        assert!(!handle.is_null());
        Shop { handle: CHandle(handle), _dir: dir, left: INPUTS }
    });
    shop.left -= 1;
    work(shop.handle.0);
    C_SHOP.set(Some(shop));
}
