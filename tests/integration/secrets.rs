//! A password and a passphrase that were given are found nowhere again: in no file, no log line, no error, no answer.

use std::ffi::{CStr, CString};
use std::fmt::{Debug, Write as _};
use std::fs;
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, Once, PoisonError};

use serde_json::{Value as Json, json};
use tillroll_core::{
    Credentials, Db, Error, ErrorKind, ExternalAccountUpdate, ImportOptions, NewExternalAccount, OpenOptions,
    StoreKind, SyncOptions, restore,
};
use tillroll_tests::traces::Traces;
use tillroll_tests::{Layout, Packing, Spec};

const PASSWORD: &str = "pl4nted-Passw0rd-7f3a91";
const SECOND: &str = "an0ther-Passw0rd-c2e84b";
const PASSPHRASE: &str = "pl4nted-Passphr4se-5d0e6c";

/// Every log line of the process, of all levels; tests beside this one may add theirs.
static LINES: Mutex<String> = Mutex::new(String::new());

struct Lines;

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        write(format_args!("{field}={value:?}\n"));
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut Self);
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _span: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut Self);
    }
    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Self);
    }
    fn enter(&self, _span: &tracing::span::Id) {}
    fn exit(&self, _span: &tracing::span::Id) {}
}

// The index store logs in its own way.
impl log::Log for Lines {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        // Tests beside this one let the index store write a lot at the finest level.
        if record.level() <= log::Level::Debug {
            write(format_args!("{}\n", record.args()));
        }
    }
    fn flush(&self) {}
}

fn write(text: std::fmt::Arguments<'_>) {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).write_fmt(text).unwrap();
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Lines).unwrap();
        log::set_logger(&Lines).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    });
}

/// What may not be found, and all that was looked through.
struct Search {
    traces: Vec<Traces>,
    searched: usize,
}

impl Search {
    fn new() -> Self {
        listen();
        Self { traces: [PASSWORD, SECOND, PASSPHRASE].map(Traces::of).into(), searched: 0 }
    }

    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.searched += 1;
        for traces in &self.traces {
            if let Some(form) = traces.find(bytes) {
                panic!("a secret stands {form} in {what}: {}", String::from_utf8_lossy(bytes));
            }
        }
    }

    fn shown(&mut self, what: &str, value: &dyn Debug) {
        self.bytes(what, format!("{value:?}").as_bytes());
        self.bytes(what, format!("{value:#?}").as_bytes());
    }

    fn error(&mut self, what: &str, error: &Error) {
        self.shown(what, error);
        self.bytes(what, error.to_string().as_bytes());
    }

    fn files(&mut self, folder: &Path) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                self.files(&path);
            } else {
                self.bytes(&path.display().to_string(), &fs::read(&path).unwrap());
            }
        }
    }

    fn lines(&mut self) {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.bytes("the log", lines.as_bytes());
    }
}

fn plant(db: &Db, search: &mut Search) -> u64 {
    let accounts = db.external_accounts();
    let new = NewExternalAccount::new("typed", StoreKind::Amazon).username("me").password(PASSWORD);
    search.shown("what is to be created", &new);
    let made = accounts.create(new).unwrap();
    search.shown("a record", &made);
    let update = ExternalAccountUpdate::new().password(Some(SECOND)).nickname("changed");
    search.shown("a change", &update);
    search.shown("a changed record", &accounts.update(made.id, update).unwrap());
    search.shown("a collection", &accounts);
    let records = db.records("external_accounts").unwrap();
    let fields = json!({"nickname": "json", "store": "apple", "password": PASSWORD});
    search.shown("created", &records.create(&fields).unwrap());
    search.shown("created at once", &records.create_many(vec![fields.clone(), fields.clone()]).unwrap());
    search.shown("called", &records.call("create_many", &json!({"records": [fields]})).unwrap());
    search.shown("updated", &records.update(&made.id.to_string(), &json!({"password": PASSWORD})).unwrap());
    search.shown("listed", &records.list(&json!({"expand": []})).unwrap().data);
    search.shown("got", &records.get(&made.id.to_string()).unwrap());
    let credentials = Credentials::amazon(PASSWORD, SECOND);
    search.shown("credentials", &credentials);
    accounts.set_credentials(made.id, Some(&credentials)).unwrap();
    search.shown("credentials that were sealed", &accounts.reveal_credentials(made.id).unwrap());
    search.shown("an account with credentials", &accounts.get(made.id).unwrap());
    search.shown("a plan", &db.sync_plan(&SyncOptions::new()).unwrap());
    made.id
}

/// What is wrong beside or about the password, whose text must not come back with the fault.
fn mistake(db: &Db, id: u64, search: &mut Search) {
    let records = db.records("external_accounts").unwrap();
    let with_nul = format!("{PASSWORD}\0");
    let long = PASSWORD.repeat(100_000);
    for fields in [
        json!({"nickname": "", "store": "amazon", "password": PASSWORD}),
        json!({"nickname": "x", "store": "ebay", "password": PASSWORD}),
        json!({"nickname": "x", "store": "amazon", "password": [PASSWORD]}),
        json!({"nickname": "x", "store": "amazon", "password": {"is": PASSWORD}}),
        json!({"nickname": "x", "store": "amazon", "password": with_nul}),
        json!({"nickname": "x", "store": "amazon", "password": long}),
        json!({"nickname": "x", "store": "amazon", "password": PASSWORD, "passwort": 1, "metadata": 7}),
    ] {
        for (verb, arguments) in [
            ("create", fields.clone()),
            ("create_many", json!({"records": [fields.clone()]})),
            ("update", with_id(&fields, id)),
        ] {
            match records.call(verb, &arguments) {
                Ok(answer) => search.shown(verb, &answer),
                Err(error) => search.error(verb, &error),
            }
        }
    }
    for credentials in [
        json!(PASSWORD),
        json!([PASSWORD]),
        json!({PASSWORD: SECOND}),
        json!({"client_id": [PASSWORD], "client_secret": SECOND}),
        json!({"client_id": with_nul, "client_secret": long, "key": PASSWORD}),
    ] {
        let given = json!({"id": id, "credentials": credentials});
        search.error("wrong credentials", &records.call("set_credentials", &given).unwrap_err());
    }
    search.error("an update of nothing", &records.update("999", &json!({"password": PASSWORD})).unwrap_err());
    let read_only = db.restrict(&[tillroll_core::Scope::AccountRead]).unwrap();
    let refused = read_only.records("external_accounts").unwrap();
    search.error("a refusal", &refused.update(&id.to_string(), &json!({"password": PASSWORD})).unwrap_err());
}

fn with_id(fields: &Json, id: u64) -> Json {
    let mut fields = fields.clone();
    fields["id"] = id.into();
    fields
}

fn transfer(db: &Db, folder: &Path, search: &mut Search) {
    let (exported, wrong) = (folder.join("records.jsonl"), folder.join("in").join("wrong.jsonl"));
    db.export_records(&exported).unwrap();
    fs::create_dir(folder.join("in")).unwrap();
    let line = fs::read_to_string(&exported).unwrap().lines().next().unwrap().to_owned();
    let mut line: Json = serde_json::from_str(&line).unwrap();
    for place in ["", "fields"] {
        let target = if place.is_empty() { &mut line } else { &mut line[place] };
        target["password"] = PASSWORD.into();
        fs::write(&wrong, format!("{line}\n{{\"password\": \"{PASSWORD}\"")).unwrap();
        search.error("an import of records", &db.import_records(&wrong).unwrap_err());
    }
    // The user's own file, and the only one that may have it.
    fs::remove_file(wrong).unwrap();
}

fn import(db: &Db, account: u64, folder: &Path) {
    let report = Spec::new(1, (2018, 3), 50).layout(Layout::of_2018()).generate();
    let path = report.write(folder, Packing::Gzip);
    db.sales().import(&[path.to_str().unwrap()], account, &ImportOptions::new()).unwrap();
}

fn live(passphrase: Option<&str>) {
    let (dir, mut search) = (tempfile::tempdir().unwrap(), Search::new());
    let path = dir.path().join("shop.till");
    let mut options = OpenOptions::new();
    if let Some(passphrase) = passphrase {
        options = options.passphrase(passphrase);
    }
    search.shown("options", &options);
    let db = Db::open_with(&path, &options).unwrap();
    let id = plant(&db, &mut search);
    search.files(dir.path());
    mistake(&db, id, &mut search);
    transfer(&db, dir.path(), &mut search);
    import(&db, id, dir.path());
    search.shown("the handle", &db);
    search.shown("sizes", &db.stats().unwrap());
    search.shown("a check", &db.check().unwrap());
    db.backup(dir.path().join("copy.till")).unwrap();
    db.compact().unwrap();
    search.files(dir.path());
    let changed = if passphrase.is_some() { None } else { Some(PASSPHRASE) };
    db.set_passphrase(changed).unwrap();
    db.close().unwrap();
    restore(dir.path().join("copy.till"), dir.path().join("restored.till")).unwrap();
    search.files(dir.path());
    let wrong = OpenOptions::new().passphrase(format!("{PASSPHRASE}-not"));
    let error = Db::open_with(&path, &wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Vault);
    search.error("a wrong passphrase", &error);
    search.lines();
    assert!(search.searched > 100, "only {} places were searched", search.searched);
    println!("{} texts and files searched", search.searched);
}

#[test]
fn secrets_under_a_key_file_stand_nowhere() {
    live(None);
}

#[test]
fn secrets_under_a_passphrase_stand_nowhere() {
    live(Some(PASSPHRASE));
}

/// Without this the others would prove nothing.
#[test]
fn what_is_written_and_logged_is_found() {
    let mut search = Search::new();
    tracing::warn!(what = "nothing secret", "a line that is found");
    search.lines();
    assert!(LINES.lock().unwrap_or_else(PoisonError::into_inner).contains("nothing secret"));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), format!("x{SECOND}x")).unwrap();
    let found = std::panic::catch_unwind(move || search.files(dir.path()));
    assert!(found.is_err());
}

/// The C face: answers, messages and fields of errors.
#[test]
fn nothing_comes_out_of_the_c_face() {
    use tillroll::{db::*, error::*, records::*};
    let (dir, mut search) = (tempfile::tempdir().unwrap(), Search::new());
    let path = CString::new(dir.path().join("shop.till").to_str().unwrap()).unwrap();
    let good = json!({"nickname": "c", "store": "amazon", "password": PASSWORD}).to_string();
    let bad = json!({"nickname": 7, "store": "amazon", "password": [PASSWORD]}).to_string();
    let cut = format!("{{\"nickname\": \"c\", \"password\": \"{PASSWORD}\" \"store\"");
    // SAFETY: all texts end in NUL, the handle is open until it is closed, and what comes is freed.
    unsafe {
        let db = tillroll_open(path.as_ptr(), ptr::null(), ptr::null_mut());
        for json in [good, bad, cut] {
            let json = CString::new(json).unwrap();
            let (mut out, mut error) = (ptr::null_mut(), ptr::null_mut());
            tillroll_record_create(db, c"external_accounts".as_ptr(), json.as_ptr(), &mut out, &mut error);
            assert_ne!(out.is_null(), error.is_null());
            for text in [out.cast_const(), tillroll_error_message(error), tillroll_error_fields(error)] {
                if !text.is_null() {
                    search.bytes("the C face", CStr::from_ptr(text).to_bytes());
                }
            }
            tillroll_string_free(out);
            tillroll_error_free(error);
        }
        tillroll_close(db);
    }
    search.files(dir.path());
    search.lines();
}
