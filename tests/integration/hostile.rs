//! What nobody should give: each is a fault with its field, and nothing of it is stored. The tests of Python and C give
//! more of it, in their own ways.

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tillroll_core::{Db, Error, FieldErrors};

const EXAMPLES: &str = include_str!("../data/examples.json");

/// A record of each collection, by its first example.
fn examples() -> Map<String, Value> {
    let file: Value = serde_json::from_str(EXAMPLES).unwrap();
    let mut found = Map::new();
    for example in file["examples"].as_array().unwrap().iter().filter(|one| one["verb"] == json!("create")) {
        let mut fields = example["arguments"].clone();
        if fields.get("expires_at").is_some() {
            fields["expires_at"] = json!("9999-10-20");
        }
        found.entry(example["collection"].as_str().unwrap()).or_insert(fields);
    }
    assert_eq!(found.len(), 12);
    found
}

fn shop() -> (TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path().join("shop.till")).unwrap();
    (dir, db)
}

#[track_caller]
fn faults(db: &Db, collection: &str, verb: &str, arguments: &Value) -> FieldErrors {
    match db.records(collection).unwrap().call(verb, arguments) {
        Err(Error::Validation { fields }) => fields,
        other => {
            let given: String = arguments.to_string().chars().take(300).collect();
            panic!("{collection}.{verb}({given}): {other:?}")
        }
    }
}

fn assert_empty(db: &Db) {
    for collection in examples().keys() {
        assert_eq!(db.records(collection).unwrap().len().unwrap(), 0, "{collection}");
    }
    assert!(db.check().unwrap().ok());
}

/// Where a text stands, as JSON pointers.
fn texts(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| texts(item, &format!("{path}/{place}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, part)| texts(part, &format!("{path}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn every_text_of_every_collection() {
    let (_dir, db) = shop();
    // Longer than any field takes; ten megabytes go to one field of each, which tests without optimisation bear.
    let (long, longest) = (json!("x".repeat(200_000)), json!("x".repeat(10_000_000)));
    for (collection, example) in examples() {
        let mut places = Vec::new();
        texts(&example, "", &mut places);
        let mut first = Some(&longest);
        for place in
            places.iter().filter(|place| (collection.as_str(), place.as_str()) != ("accounts", "/type"))
        {
            let field = place.split('/').nth(1).unwrap();
            for hostile in [first.take().unwrap_or(&long), &json!("a\0b"), &json!("\0")] {
                let mut given = example.clone();
                *given.pointer_mut(place).unwrap() = hostile.clone();
                let told = faults(&db, &collection, "create", &given);
                assert!(told.keys().any(|name| name.starts_with(field)), "{collection}{place}: {told:?}");
                let told = faults(&db, &collection, "create_many", &json!({"records": [given]}));
                let field = format!("[0].{field}");
                assert!(told.keys().any(|name| name.starts_with(&field)), "{collection}{place}: {told:?}");
            }
        }
    }
    assert_empty(&db);
}

#[test]
fn values_of_no_field() {
    let (_dir, db) = shop();
    let mut deep = json!([]);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let huge: Value = serde_json::from_str(&"9".repeat(5000)).unwrap();
    let tiny: Value = serde_json::from_str("-1e-999999").unwrap();
    for (collection, example) in examples() {
        for name in example.as_object().unwrap().keys().filter(|name| *name != "store_id") {
            if (collection.as_str(), name.as_str()) == ("accounts", "type") {
                continue;
            }
            for value in [&deep, &huge, &tiny] {
                let mut given = example.clone();
                given[name] = value.clone();
                let told = faults(&db, &collection, "create", &given);
                assert!(told.keys().any(|field| field.starts_with(name)), "{collection}.{name}: {told:?}");
            }
        }
        for given in [json!([]), json!(7), json!("x"), json!(true)] {
            faults(&db, &collection, "create", &given);
        }
    }
    assert_empty(&db);
}

#[test]
fn pages_sizes_sorts_and_filters_of_every_collection() {
    let (_dir, db) = shop();
    for collection in examples().keys() {
        let told = |argument: &str, value: Value| {
            let told = faults(&db, collection, "list", &json!({argument: value}));
            assert_eq!(told.into_keys().collect::<Vec<_>>(), [argument], "{collection}");
        };
        for page in [json!(0), json!(-1), json!(1.5), json!("x"), json!(true), json!([]), json!({})] {
            told("page", page.clone());
            told("page_size", page);
        }
        told("page_size", json!(u64::MAX));
        for sort in ["", "id", "id-", "-asc", "id-up", "colour-asc", "\0"] {
            told("sort", json!(sort));
        }
        let long = "eq(id,1):".repeat(200_000);
        for filter in
            ["", "eq", "eq(", "eq()", "eq(id)", "eq(id,1", "eq(id,1):", ":", "no(id,1)", "in(id)", &long]
        {
            told("filter", json!(filter));
        }
        let all = json!({"page": -1, "page_size": 0, "sort": "x", "filter": "x"});
        assert_eq!(faults(&db, collection, "list", &all).len(), 4, "all faults at once");
        let page = db.records(collection).unwrap().list(&json!({"page": u64::MAX})).unwrap();
        assert!(page.data.is_empty());
    }
    assert_empty(&db);
}
