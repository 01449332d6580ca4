use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::bench::{Bench, assert_shows};

const GROUPS: &str = "banner_groups";

fn bench() -> Bench {
    Bench::new("2013-06-19T17:41:47Z")
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let example = json!({
        "code": "group-code",
        "title": "My banner group",
        "translations": [
            {"language": "en", "title": "My banner group"},
            {"language": "fi", "title": "Banneriryhmä"}
        ]
    });
    let made = bench.create(GROUPS, example.clone());
    assert_shows(&made, &example, &[]);
    let names = ["id", "created_at", "updated_at", "code", "title", "translations"];
    assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), names);
    assert_eq!(bench.call(GROUPS, "update", made.clone()).unwrap(), made);
    let empty = bench.create(GROUPS, json!({}));
    assert_shows(&empty, &json!({"code": null, "title": null, "translations": []}), &[]);
    let bench = bench.reopen();
    assert_eq!(bench.get(GROUPS, &json!(1)), made);
    bench.check();
}

#[test]
fn a_code_is_one_groups_alone() {
    let bench = bench();
    bench.create(GROUPS, json!({"code": "top"}));
    // Two that are empty are none, and do not collide.
    for empty in [json!(""), json!(" "), Value::Null] {
        assert_eq!(bench.create(GROUPS, json!({"code": empty}))["code"], Value::Null);
    }
    let taken = bench.call(GROUPS, "create", json!({"code": "top"})).unwrap_err();
    assert_eq!(
        (taken.kind(), taken.to_string().contains("code is taken by banner group 1")),
        (ErrorKind::Conflict, true),
        "{taken}"
    );
    let both = json!({"records": [{"code": "new"}, {"code": "new"}]});
    assert_eq!(bench.call(GROUPS, "create_many", both).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(bench.call(GROUPS, "count", json!({})).unwrap(), json!(4));
    let faults = bench.faults(GROUPS, "create", json!({"code": "c".repeat(10_000_000), "content": 1}));
    assert_eq!(faults["code"], ["is longer than 255 characters"]);
    assert_eq!(faults["content"], ["is not a field of this record"]);
    bench.check();
}

#[test]
fn a_group_with_banners_stays() {
    let bench = bench();
    bench.create(GROUPS, json!({"code": "top"}));
    bench.create(GROUPS, json!({"code": "bottom"}));
    for _ in 0..2 {
        bench.create("banners", json!({"group_id": 1}));
    }
    let refused = bench.call(GROUPS, "delete", json!({"id": 1})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let told = "2 banners belong to banner group 1: move or delete them first";
    assert!(refused.to_string().contains(told), "{refused}");
    bench.call("banners", "update", json!({"id": 1, "group_id": 2})).unwrap();
    bench.call("banners", "delete", json!({"id": 2})).unwrap();
    bench.call(GROUPS, "delete", json!({"id": 1})).unwrap();
    bench.check();
}
