use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::Account;
use crate::records::bench::{Bench, assert_shows};

const ACCOUNTS: &str = "accounts";

fn bench() -> Bench {
    Bench::new("2021-04-16T15:39:06.884Z")
}

/// A chain of accounts, top first; gives their ids.
fn chain(bench: &Bench, names: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for name in names {
        let account = bench.create(ACCOUNTS, json!({"name": name, "parent": ids.last()}));
        ids.push(account["id"].as_str().unwrap().to_owned());
    }
    ids
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|account| account["id"].as_str().unwrap()).collect()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let above = chain(&bench, &["Account Level 1", "Account Level 2", "Account Level 3"]);
    let reference = |id: &str| json!({"data": {"id": id, "type": "account"}});
    let example = json!({
        "id": "6e46b042-cb5a-45bf-a6c2-9991bcd7260e",
        "type": "account",
        "name": "Account Level 4",
        "legal_name": "acc-legal-name",
        "registration_id": "0addf4f1-0347-4336-ae41-e44a39e762e8",
        "relationships": {
            "parent": reference(&above[2]),
            "ancestors": above.iter().map(|id| reference(id)).collect::<Vec<_>>(),
        },
        "meta": {"timestamps": {"created_at": "2021-04-16T15:39:06.884Z", "updated_at": "2021-04-16T15:39:06.884Z"}},
    });
    let made = bench.create(ACCOUNTS, example.clone());
    assert_shows(&made, &example, &["id"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["links"], json!({"self": format!("/accounts/{id}")}));
    assert_eq!(bench.get(ACCOUNTS, &made["id"]), made);
    assert_eq!(bench.create(ACCOUNTS, json!({"name": "top"}))["relationships"], json!({}));
    bench.check();
}

#[test]
fn moving_an_account_moves_all_below_it() {
    let bench = bench();
    let [top, middle, low] = &chain(&bench, &["top", "middle", "low"])[..] else { panic!() };
    let other = &chain(&bench, &["other"])[0];
    let above = |id: &str| bench.of::<Account>().ancestors(id).unwrap();
    let names = |id: &str| above(id).into_iter().map(|account| account.name).collect::<Vec<_>>();
    assert_eq!(names(low), ["top", "middle"]);
    bench.call(ACCOUNTS, "update", json!({"id": middle, "parent": other})).unwrap();
    assert_eq!(names(low), ["other", "middle"]);
    let called = bench.call(ACCOUNTS, "ancestors", json!({"id": low})).unwrap();
    assert_eq!(ids(&called), [other, middle]);
    assert_eq!(ids(&bench.call(ACCOUNTS, "children", json!({"id": other})).unwrap()), [middle]);
    assert_eq!(bench.of::<Account>().children(top).unwrap(), []);
    bench.call(ACCOUNTS, "update", json!({"id": middle, "parent": null})).unwrap();
    assert_eq!(names(low), ["middle"]);
    // What was read can be written back, and the parent that is named beside it counts.
    let mut again = bench.get(ACCOUNTS, &json!(low));
    assert_eq!(bench.call(ACCOUNTS, "update", again.clone()).unwrap(), again);
    again["parent"] = json!(top);
    assert_eq!(
        bench.call(ACCOUNTS, "update", again).unwrap()["relationships"]["parent"]["data"]["id"],
        json!(top)
    );
    bench.check();
    let bench = bench.reopen();
    assert_eq!(bench.of::<Account>().ancestors(low).unwrap()[0].name, "top");
}

#[test]
fn there_are_no_cycles_and_no_orphans() {
    let bench = bench();
    let chain = chain(&bench, &["top", "middle", "low"]);
    for (id, parent) in [(&chain[0], &chain[0]), (&chain[0], &chain[2]), (&chain[1], &chain[2])] {
        let faults = bench.faults(ACCOUNTS, "update", json!({"id": id, "parent": parent, "name": ""}));
        assert_eq!(faults["parent"], ["would stand under itself"]);
        assert_eq!(faults["name"], ["is required"]);
    }
    let stranger = bench.faults(ACCOUNTS, "create", json!({"name": "a", "parent": "nobody"}));
    assert_eq!(stranger["parent"], ["account nobody not found"]);
    assert_eq!(
        bench.faults(ACCOUNTS, "create", json!({"name": "a", "parent": 7}))["parent"],
        ["must be the id of an account, or null"]
    );
    let refused = bench.call(ACCOUNTS, "delete", json!({"id": chain[1]})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    for id in chain.iter().rev() {
        bench.call(ACCOUNTS, "delete", json!({"id": id})).unwrap();
    }
    assert_eq!(
        bench.call(ACCOUNTS, "ancestors", json!({"id": chain[2]})).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    bench.check();
}

#[test]
fn a_uuid_is_one_account_whatever_case_it_is_written_in() {
    let bench = bench();
    let top = bench.create(ACCOUNTS, json!({"name": "top"}))["id"].clone();
    let large = top.as_str().unwrap().to_uppercase();
    let low = bench.create(ACCOUNTS, json!({"name": "low", "parent": large}))["id"].clone();
    let accounts = bench.of::<Account>();
    assert_eq!(accounts.get(large.clone()).unwrap().id, top);
    assert_eq!(accounts.get(low.as_str().unwrap().to_owned()).unwrap().parent.as_deref(), top.as_str());
    assert!(accounts.contains(large.clone()).unwrap());
    assert_eq!(accounts.children(&large).unwrap()[0].id, low);
    assert_eq!(accounts.ancestors(&low.as_str().unwrap().to_uppercase()).unwrap()[0].id, top);
    let changed = bench.call(ACCOUNTS, "update", json!({"id": large, "name": "over"})).unwrap();
    assert_eq!((&changed["id"], bench.call(ACCOUNTS, "count", json!({})).unwrap()), (&top, json!(2)));
    let faults = bench.faults(ACCOUNTS, "update", json!({"id": top, "parent": large}));
    assert_eq!(faults["parent"], ["would stand under itself"]);
    let found = |query: Value| {
        let page = bench.call(ACCOUNTS, "list", query).unwrap();
        page["data"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    for query in [
        json!({"filter": format!("eq(id,{large})")}),
        json!({"filter": format!("in(id,x,{large})")}),
        json!({"id": large}),
        json!({"filter": format!("like(id,{large})")}),
        json!({"filter": format!("like(id,*{}*)", &large[3..30]), "sort": "created_at-asc"}),
    ] {
        assert_eq!(found(query), std::slice::from_ref(&top));
    }
    let parents = json!({"filter": format!("like(parent,{}*)", &large[..30])});
    assert_eq!(found(parents), std::slice::from_ref(&low));
    for query in [json!({"parent": large}), json!({"filter": format!("eq(parent,{large})")})] {
        assert_eq!(found(query), std::slice::from_ref(&low));
    }
    bench.check();
    let refused = bench.call(ACCOUNTS, "delete", json!({"id": large})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    bench.call(ACCOUNTS, "delete", json!({"id": low.as_str().unwrap().to_uppercase()})).unwrap();
    bench.call(ACCOUNTS, "delete", json!({"id": large})).unwrap();
    bench.check();
}

#[test]
fn a_uuid_comes_in_once_whatever_case_it_is_written_in() {
    let (bench, id) = (bench(), "6E46B042-CB5A-45BF-A6C2-9991BCD7260E");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.jsonl");
    let line = |id: &str, fields: Value| {
        let time = "2021-04-16T15:39:06Z";
        json!({"collection": ACCOUNTS, "id": id, "created_at": time, "updated_at": time, "fields": fields})
    };
    let import = |lines: &[Value]| {
        std::fs::write(&file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        bench.records.import(&file)
    };
    let (top, low) = (json!({"name": "top"}), json!({"name": "low", "parent": id.to_lowercase()}));
    let two = import(&[line(id, top.clone()), line(&id.to_lowercase(), json!({"name": "another"}))]);
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(import(&[line("low", low), line(id, top.clone())]).unwrap(), 2);
    assert_eq!(import(&[line(&id.to_lowercase(), top)]).unwrap(), 0);
    let above = bench.of::<Account>().ancestors("low").unwrap();
    assert_eq!(above[0].id, id.to_lowercase());
    bench.check();
}

#[test]
fn names_are_filtered_by_case() {
    let bench = bench();
    for (name, registration_id) in
        [("Games", "00000000-0000-1000-8000-0000000"), ("games", "x"), ("Apps", "y")]
    {
        let fields =
            json!({"name": name, "legal_name": format!("{name} Ltd"), "registration_id": registration_id});
        bench.create(ACCOUNTS, fields);
    }
    let found = |filter: &str| {
        let page = bench.call(ACCOUNTS, "list", json!({"filter": filter, "sort": "name-asc"})).unwrap();
        let names = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| account["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(found("eq(name,Games)"), ["Games"]);
    assert_eq!(found("like(name,*ames)"), ["Games", "games"]);
    assert_eq!(found("like(legal_name,*legal_name)"), Vec::<String>::new());
    assert_eq!(found("like(legal_name,G*Ltd)"), ["Games"]);
    assert_eq!(found("eq(registration_id,00000000-0000-1000-8000-0000000)"), ["Games"]);
    let faults = bench.faults(ACCOUNTS, "create", json!({"name": "a", "registration_id": "r".repeat(64)}));
    assert_eq!(faults["registration_id"], ["is longer than 63 characters"]);
    bench.create(ACCOUNTS, json!({"name": "a", "registration_id": "é".repeat(63)}));
}
