use std::fs;

use serde_json::{Value, json};

use crate::records::bench::Bench;
use crate::{Error, ErrorKind};

const NOW: &str = "2021-04-16T15:39:06.884Z";

fn line(collection: &str, id: impl Into<Value>, fields: Value) -> Value {
    json!({"collection": collection, "id": id.into(), "created_at": NOW, "updated_at": NOW, "fields": fields})
}

fn import(bench: &Bench, lines: &[Value]) -> Result<u64, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.jsonl");
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    bench.records.import(&path)
}

/// What is told of lines that are refused, without the file's name; nothing of them is stored.
fn refused(bench: &Bench, lines: &[Value]) -> (ErrorKind, String) {
    let counts = || {
        let names = ["accounts", "products", "customers", "categories", "banners", "external_accounts"];
        names.map(|name| bench.call(name, "count", json!({})).unwrap())
    };
    let before = counts();
    let error = import(bench, lines).unwrap_err();
    assert_eq!(counts(), before, "something is stored");
    let text = error.to_string();
    let (_, told) = text.split_once("records.jsonl, ").unwrap();
    (error.kind(), told.to_owned())
}

fn customer(id: u64) -> Value {
    let fields = json!({
        "first_name": "x", "last_name": "x", "login_allowed": false, "street_address": "x", "postal_code": "x",
        "city": "x", "country": "FI", "email": "a@x"
    });
    line("customers", id, fields)
}

fn account(id: &str, parent: Option<&str>) -> Value {
    line("accounts", id, json!({"name": id, "parent": parent}))
}

#[test]
fn references_lead_forward_back_and_to_what_is_stored() {
    let bench = Bench::new(NOW);
    assert_eq!(import(&bench, &[account("stored", None)]).unwrap(), 1);
    let lines = [
        account("low", Some("middle")),
        account("middle", Some("stored")),
        line("customer_links", 1, json!({"customer_id": 7, "customer_group_id": 2})),
        customer(7),
        line("customer_groups", 2, json!({"name": "g"})),
        line("customer_addresses", 1, json!({"customer_id": 7})),
    ];
    assert_eq!(import(&bench, &lines).unwrap(), 6);
    let above = bench.call("accounts", "ancestors", json!({"id": "low"})).unwrap();
    assert_eq!((&above[0]["id"], &above[1]["id"]), (&json!("stored"), &json!("middle")));
    assert_eq!(import(&bench, &lines).unwrap(), 0);
    bench.check();
}

#[test]
fn every_reference_to_nothing_is_told_with_its_line() {
    let bench = Bench::new(NOW);
    let product = |id: u64, parent: u64| {
        let fields =
            json!({"name": "a", "vendor_identifier": id.to_string(), "store": "apple", "parent_id": parent});
        line("products", id, fields)
    };
    let lines = [
        line("customer_links", 1, json!({"customer_id": 7, "customer_group_id": 2})),
        line("customer_addresses", 1, json!({"customer_id": 7})),
        account("low", Some("none")),
        line("categories", 1, json!({"name": "a", "parent_id": 9})),
        line("category_products", 1, json!({"category_id": 8, "product_id": 1})),
        line("campaign_prices", 1, json!({"campaign_id": 3, "product_id": 1, "price": 1})),
        line("banners", 1, json!({"group_id": 5})),
        product(1, 77),
    ];
    let (kind, told) = refused(&bench, &lines);
    assert_eq!(kind, ErrorKind::Format);
    let wanted = [
        "line 1: customer_group_id: customer group 2 not found; customer_id: customer 7 not found",
        "line 2: customer_id: customer 7 not found",
        "line 3: parent: account none not found",
        "line 4: parent_id: category 9 not found",
        "line 5: category_id: category 8 not found",
        "line 6: campaign_id: campaign 3 not found",
        "line 7: group_id: banner group 5 not found",
        "line 8: parent_id: product 77 not found",
    ];
    assert_eq!(told, wanted.join("; "));
}

#[test]
fn circles_and_towers_of_parents_are_told() {
    let bench = Bench::new(NOW);
    let circle = [
        account("a", Some("b")),
        account("b", Some("c")),
        account("under", Some("a")),
        account("c", Some("a")),
        account("own", Some("own")),
    ];
    let told = refused(&bench, &circle).1;
    let wanted = [1, 2, 4, 5].map(|line| format!("line {line}: parent: would stand under itself"));
    assert_eq!(told, wanted.join("; "));

    let tower = |count: u64| -> Vec<Value> {
        let level = |level: u64| {
            line(
                "categories",
                level,
                json!({"name": "a", "parent_id": Some(level - 1).filter(|&parent| parent > 0)}),
            )
        };
        (1..=count).map(level).collect()
    };
    let mut too_high = tower(1002);
    let wanted = "line 1002: parent_id: stands under 1000 categories already";
    assert_eq!(refused(&bench, &too_high).1, wanted);
    // Whichever way round they stand.
    too_high.reverse();
    assert_eq!(refused(&bench, &too_high).1, wanted.replace("1002", "1"));
    assert_eq!(import(&bench, &tower(1001)).unwrap(), 1001);
}

#[test]
fn items_of_products_stand_as_they_may() {
    let bench = Bench::new(NOW);
    let product = |id: u64, store: &str, parent: Option<u64>| {
        let fields =
            json!({"name": "a", "vendor_identifier": id.to_string(), "store": store, "parent_id": parent});
        line("products", id, fields)
    };
    let lines = [
        product(1, "apple", Some(1)),
        product(2, "apple", Some(4)),
        product(3, "apple", Some(2)),
        product(4, "amazon", None),
    ];
    let wanted = [
        "line 1: parent_id: is the product itself",
        "line 2: parent_id: product 4 is sold in amazon_appstore",
        "line 3: parent_id: product 2 is itself an item of product 4",
    ];
    assert_eq!(refused(&bench, &lines).1, wanted.join("; "));
    assert_eq!(import(&bench, &[product(2, "apple", Some(1)), product(1, "apple", None)]).unwrap(), 2);
}

#[test]
fn what_collides_is_told_with_both_lines() {
    let bench = Bench::new(NOW);
    let banner = |id: u64, code: &str| line("banners", id, json!({"code": code}));
    let lines = [banner(1, "a"), banner(2, "a"), banner(1, "b"), banner(1, "a")];
    let (kind, told) = refused(&bench, &lines);
    assert_eq!((kind, told.as_str()), (ErrorKind::Conflict, "line 3: line 1 has another banner 1"));
    let lines = [banner(1, "a"), banner(2, "a"), banner(1, "a"), banner(3, "a")];
    let (kind, told) = refused(&bench, &lines);
    let wanted = "line 2: line 1 has the same code; line 4: line 1 has the same code";
    assert_eq!((kind, told.as_str()), (ErrorKind::Conflict, wanted));

    import(&bench, &[banner(5, "a")]).unwrap();
    let lines = [banner(1, "a"), banner(5, "c"), banner(2, "b")];
    let wanted = "line 1: code is taken by banner 5; line 2: there is banner 5 already";
    assert_eq!(refused(&bench, &lines), (ErrorKind::Conflict, wanted.to_owned()));
    assert_eq!(import(&bench, &[banner(1, "b"), banner(5, "a")]).unwrap(), 1);
}

#[test]
fn all_that_cannot_be_read_is_told_at_once() {
    let bench = Bench::new(NOW);
    let lines =
        [customer(1), json!([1]), line("banners", 1, json!({"sort": "x"})), line("colours", 1, json!({}))];
    let (kind, told) = refused(&bench, &lines);
    assert_eq!(kind, ErrorKind::Format);
    let parts: Vec<_> = told.split("; ").collect();
    assert!(parts[0].starts_with("line 2: invalid"), "{told}");
    assert_eq!(
        parts[1..],
        ["line 3: sort: must be a whole number of 64 bits", "line 4: collection \"colours\" not found"]
    );
    // A file without a sound line is told in part.
    let lines: Vec<Value> = (1..30_000).map(|id| line("banners", id, json!({"sort": "x"}))).collect();
    assert_eq!(refused(&bench, &lines).1.split("; ").count(), 100);
}

#[test]
fn what_outlives_its_name_may_dangle_and_is_given_to_nobody_else() {
    let bench = Bench::new(NOW);
    let source = json!({"external_account_id": 3, "added_timestamp": NOW, "type": "own"});
    let fields = json!({"name": "a", "vendor_identifier": "1", "store": "apple", "source": source});
    let campaign = json!({"conditions": {"customers": {"group_ids": [4]}}});
    assert_eq!(import(&bench, &[line("products", 1, fields), line("campaigns", 1, campaign)]).unwrap(), 2);
    let account = bench.create("external_accounts", json!({"nickname": "new", "store": "apple"}));
    assert_eq!(account["id"], json!(4));
    assert_eq!(bench.create("customer_groups", json!({"name": "new"}))["id"], json!(5));
}
