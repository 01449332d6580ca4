//! Every example of the stores' own APIs: what is created from it reads back equal to it, and so does what comes in from
//! an export under the id that it has there. The tests of Python and C go over the same file.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tillroll_core::{Clock, Db, OpenOptions};

const EXAMPLES: &str = include_str!("../data/examples.json");
/// The time of the examples that do not say one.
const THEN: &str = "2013-06-19T17:41:47Z";

/// A database with what the examples refer to, under a clock of their time.
fn shop(lines: &[Value], time: &str) -> (TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.jsonl");
    let text = lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    });
    fs::write(&file, text).unwrap();
    let options = OpenOptions::new().clock(Clock::fixed(time.parse().unwrap()));
    let db = Db::open_with(dir.path().join("shop.till"), &options).unwrap();
    assert_eq!(db.import_records(&file).unwrap(), lines.len() as u64);
    (dir, db)
}

fn call(db: &Db, collection: &str, verb: &str, arguments: &Value) -> Value {
    let answer = db.records(collection).unwrap().call(verb, arguments);
    answer.unwrap_or_else(|error| panic!("{collection}.{verb}({arguments}): {error}"))
}

/// Whether a value shows all of an example: objects may have more, but for empty ones.
fn shows(value: &Value, example: &Value) -> bool {
    match (value, example) {
        (Value::Object(value), Value::Object(example)) if !example.is_empty() => {
            example.iter().all(|(name, part)| value.get(name).is_some_and(|value| shows(value, part)))
        }
        (Value::Array(value), Value::Array(example)) => {
            value.len() == example.len() && value.iter().zip(example).all(|(value, part)| shows(value, part))
        }
        _ => value == example,
    }
}

#[track_caller]
fn assert_shows(value: &Value, example: &Value) {
    assert!(shows(value, example), "{value:#} does not show {example:#}");
}

/// The record of an id with all that the example has.
fn read_back(db: &Db, collection: &str, id: &Value, example: &Value) -> Value {
    let mut arguments = json!({"id": id});
    if example.get("meta").is_some() && collection == "products" {
        arguments["expand"] = json!(["meta", "categories"]);
    }
    call(db, collection, "get", &arguments)
}

fn id_of(record: &Value) -> &Value {
    record.get("id").unwrap_or_else(|| &record["code"])
}

struct Example {
    fields: Value,
}

impl Example {
    fn text(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap()
    }

    /// What the answer must show: what was given, where the example says nothing else.
    fn shown(&self) -> &Value {
        self.fields.get("shows").unwrap_or(&self.fields["arguments"])
    }

    fn time(&self) -> &str {
        self.fields.get("clock").map_or(THEN, |time| time.as_str().unwrap())
    }

    fn is_called(&self, records: &[Value]) {
        let (_dir, db) = shop(records, self.time());
        for step in self.fields.get("before").and_then(Value::as_array).into_iter().flatten() {
            call(&db, step[0].as_str().unwrap(), step[1].as_str().unwrap(), &step[2]);
        }
        let (collection, verb) = (self.text("collection"), self.text("verb"));
        let mut answer = call(&db, collection, verb, &self.fields["arguments"]);
        if verb == "create" {
            answer = read_back(&db, collection, id_of(&answer), self.shown());
        }
        assert_shows(&answer, self.shown());
        assert!(db.check().unwrap().ok());
    }

    /// As a line of an export, with the id that the example has.
    fn comes_back(&self, records: &[Value]) {
        let Some(id) = self.fields.get("id") else { return };
        let (collection, fields, time) = (self.text("collection"), &self.fields["arguments"], self.time());
        let line = json!({
            "collection": collection, "id": id, "created_at": time, "updated_at": time, "fields": fields
        });
        let lines: Vec<Value> = records.iter().cloned().chain([line]).collect();
        let (_dir, db) = shop(&lines, "2030-01-01T00:00:00Z");
        let shown = read_back(&db, collection, id, fields);
        assert_eq!(id_of(&shown), id);
        assert_shows(&shown, fields);
        assert_shows(&shown, self.fields.get("restored").unwrap_or(fields));
        assert!(db.check().unwrap().ok());
    }
}

#[test]
fn every_example_reads_back_as_it_was() {
    let file: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap();
    let records = file["records"].as_array().unwrap();
    for fields in file["examples"].as_array().unwrap() {
        let example = Example { fields: fields.clone() };
        example.is_called(records);
        example.comes_back(records);
    }
}
