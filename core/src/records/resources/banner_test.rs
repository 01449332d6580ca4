use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::Banner;
use crate::records::bench::{Bench, assert_shows};
use crate::records::input::Fields;

const BANNERS: &str = "banners";

/// A database with four banner groups.
fn bench() -> Bench {
    let bench = Bench::new("2013-06-19T17:41:47Z");
    for _ in 0..4 {
        bench.create("banner_groups", json!({}));
    }
    bench
}

/// The example of the API.
fn example() -> Value {
    json!({
        "group_id": 4,
        "sort": 1,
        "code": "new-discounts",
        "title": "New discounts for the summer",
        "content": "<p>We have some exciting stuff for you this summer!</p>",
        "visible_from": "2013-06-19T20:41:47+03:00",
        "visible_to": "2014-06-19T20:41:47+03:00",
        "file": "discounts.jpg",
        "link": "/campaigns/43",
        "translations": [
            {
                "language": "en",
                "title": "Fresh discounts just for this week",
                "content": "<p>We publish new discounts every week.</p>",
                "link": "/campaign/42"
            },
            {
                "language": "fi",
                "title": "Uusia tarjouksia vain tälle viikolle.",
                "content": "<p>Julkaisemme uusia tarjouksia joka viikko.</p>",
                "link": "/campaign/43"
            }
        ]
    })
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let made = bench.create(BANNERS, example());
    assert_shows(&made, &example(), &[]);
    assert_eq!(made["visibilities"], json!([]));
    assert_eq!(bench.call(BANNERS, "update", made.clone()).unwrap(), made);
    let empty = bench.create(BANNERS, json!({}));
    assert!(empty.as_object().unwrap().values().filter(|value| value.is_null()).count() == 9, "{empty}");
    let bench = bench.reopen();
    assert_eq!(bench.get(BANNERS, &json!(1)), made);
    bench.check();
}

#[test]
fn a_banner_is_found_and_changed_by_its_code() {
    let bench = bench();
    let made = bench.create(BANNERS, example());
    let by_code = |code: &str| bench.call(BANNERS, "get_by_code", json!({"code": code}));
    assert_eq!(by_code("new-discounts").unwrap(), made);
    let bare = bench.call(BANNERS, "get_by_code", json!({"code": "new-discounts", "expand": "translations"}));
    assert!(bare.unwrap().get("visibilities").is_none());
    assert_eq!(by_code("old").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(by_code("").unwrap_err().kind(), ErrorKind::NotFound);

    let update = |code: &str, fields: Value| {
        bench.call(BANNERS, "update_by_code", json!({"code": code, "fields": fields}))
    };
    let changed = update("new-discounts", json!({"code": "old-discounts", "sort": 2})).unwrap();
    assert_eq!(
        (&changed["code"], &changed["sort"], &changed["id"]),
        (&json!("old-discounts"), &json!(2), &json!(1))
    );
    assert_eq!(by_code("old-discounts").unwrap(), changed);
    assert_eq!(by_code("new-discounts").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(update("new-discounts", json!({})).unwrap_err().kind(), ErrorKind::NotFound);
    bench.create(BANNERS, json!({"code": "other"}));
    assert_eq!(update("other", json!({"code": "old-discounts"})).unwrap_err().kind(), ErrorKind::Conflict);
    let faults = bench.faults(BANNERS, "update_by_code", json!({"code": "other"}));
    assert_eq!(faults["fields"], ["is required"]);
    let faults = bench.faults(BANNERS, "update_by_code", json!({"code": "other", "fields": {"sort": "a"}}));
    assert_eq!(faults["sort"], ["must be a whole number of 64 bits"]);
    let faults = bench.faults(BANNERS, "update_by_code", json!({"code": "other", "fields": {}, "sort": 1}));
    assert_eq!(faults["sort"], ["is not an argument"]);

    let banners = bench.of::<Banner>();
    let changed = banners.update_by_code("other", Fields::default().with("code", "third")).unwrap();
    assert_eq!(banners.get_by_code("third").unwrap(), changed);
    bench.check();
}

#[test]
fn the_banners_of_a_group_in_their_order() {
    let bench = bench();
    for (group, sort) in
        [(4, json!(2)), (3, json!(1)), (4, json!(-1)), (4, json!(null)), (4, json!("1")), (4, json!(2))]
    {
        bench.create(BANNERS, json!({"group_id": group, "sort": sort}));
    }
    let ids = |query: Value| {
        let page = bench.call(BANNERS, "list", query).unwrap();
        page["data"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!({"group_id": 4, "sort": "sort-asc"})), [3, 5, 1, 6, 4]);
    assert_eq!(ids(json!({"group_id": 4, "sort": "sort-desc", "page_size": 2, "page": 2})), [1, 5]);
    bench.call(BANNERS, "update", json!({"id": 4, "sort": 0, "group_id": "4"})).unwrap();
    assert_eq!(ids(json!({"group_id": 4, "sort": "sort-asc"})), [3, 4, 5, 1, 6]);
    bench.check();
}

#[test]
fn rules() {
    let bench = bench();
    let faults = bench.faults(
        BANNERS,
        "create",
        json!({
            "group_id": 9,
            "sort": 1.5,
            "visible_from": "2014-06-19T20:41:47+03:00",
            "visible_to": "2014-06-19T17:41:46",
            "file": "files/discounts.jpg",
            "translations": [{"language": "fi", "file": "a.jpg"}],
            "visibilities": [{"version_id": 0, "is_visible": true}],
        }),
    );
    let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
    let expected = [
        "file must be the name of a file, without a path",
        "group_id banner group 9 not found",
        "sort must be a whole number of 64 bits",
        "translations[0].file is not a field of this record",
        "visibilities[0].version_id must be an id: a whole number from 1 on",
        "visible_to lies before 2014-06-19T20:41:47+03:00, where it begins",
    ];
    assert_eq!(faults, expected);
    // The same instant in two zones is no fault, and an update is judged with what stands already.
    let same = json!({"visible_from": "2014-06-19T20:41:47+03:00", "visible_to": "2014-06-19T17:41:47Z"});
    let made = bench.create(BANNERS, same);
    let faults =
        bench.faults(BANNERS, "update", json!({"id": made["id"], "visible_from": "2014-06-20 00:00"}));
    assert!(faults.contains_key("visible_to"), "{faults:?}");
    bench
        .call(BANNERS, "update", json!({"id": 1, "visible_to": null, "visible_from": "2014-06-20 00:00"}))
        .unwrap();
    let found =
        bench.call(BANNERS, "list", json!({"visible_from_from": "2014-06-20", "visible_to": null})).unwrap();
    assert_eq!(found["meta"]["item_count"], json!(1));
    bench.check();
}
