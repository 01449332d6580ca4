//! What the tests of the resources stand on: all collections of a database in a temporary directory, by name and JSON,
//! under a clock that they set.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Clock, Collection, Record, Records};
use crate::kv::Op;
use crate::store::{Store, StoreOptions, View};
use crate::vault::Vault;
use crate::{Error, FieldErrors, Result};

/// The records keep no state in memory.
struct Nothing;

impl View for Nothing {
    fn apply(&self, _ops: &[Op]) -> Result<Arc<dyn View>> {
        Ok(Arc::new(Self))
    }
}

pub(super) struct Bench {
    // Closed before the directory goes.
    pub(super) records: Records,
    now: Arc<Mutex<Timestamp>>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// An empty database; its clock stands at `now`.
    pub(super) fn new(now: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.till");
        let now = Arc::new(Mutex::new(now.parse().unwrap()));
        let records = open(&path, &now);
        Self { records, now, path, _dir: dir }
    }

    /// Closes the database and opens it again.
    pub(super) fn reopen(self) -> Self {
        self.reopen_after(|_| {})
    }

    /// The same, with the index made anew from the journal.
    pub(super) fn reopen_without_index(self) -> Self {
        self.reopen_after(|path| std::fs::remove_dir_all(path.join("index")).unwrap())
    }

    fn reopen_after(self, change: impl Fn(&std::path::Path)) -> Self {
        let Self { records, now, path, _dir } = self;
        drop(records);
        change(&path);
        let records = open(&path, &now);
        Self { records, now, path, _dir }
    }

    pub(super) fn set_clock(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    pub(super) fn of<R: Record>(&self) -> Collection<R> {
        self.records.collection()
    }

    /// Runs a verb of a collection.
    pub(super) fn call(&self, collection: &str, verb: &str, arguments: Value) -> Result<Value> {
        self.records.by_name(collection)?.call(verb, &arguments)
    }

    pub(super) fn create(&self, collection: &str, fields: Value) -> Value {
        self.call(collection, "create", fields).unwrap()
    }

    pub(super) fn get(&self, collection: &str, id: &Value) -> Value {
        self.call(collection, "get", json!({"id": id})).unwrap()
    }

    /// The faults of a call that is refused for them.
    pub(super) fn faults(&self, collection: &str, verb: &str, arguments: Value) -> FieldErrors {
        match self.call(collection, verb, arguments) {
            Err(Error::Validation { fields }) => fields,
            other => panic!("{other:?}"),
        }
    }

    /// Every index against the records.
    pub(super) fn check(&self) {
        assert_eq!(self.records.check().unwrap(), Vec::<String>::new());
    }
}

fn open(path: &std::path::Path, now: &Arc<Mutex<Timestamp>>) -> Records {
    let store = Arc::new(Store::open(path, StoreOptions::new(1, Arc::new(Nothing))).unwrap());
    let vault = Arc::new(Vault::open(&store, None).unwrap());
    let now = Arc::clone(now);
    Records::new(store, vault, Clock::new(move || *now.lock().unwrap()))
}

/// Asserts that a record shows all of an example but the named keys, which the engine gives.
#[track_caller]
pub(super) fn assert_shows(record: &Value, example: &Value, but: &[&str]) {
    for (name, value) in example.as_object().unwrap().iter().filter(|(name, _)| !but.contains(&name.as_str()))
    {
        assert_eq!(record.get(name), Some(value), "{name} of {record:#}");
    }
}
