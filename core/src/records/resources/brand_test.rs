use serde_json::{Value, json};

use crate::records::bench::{Bench, assert_shows};

const BRANDS: &str = "brands";

fn bench() -> Bench {
    Bench::new("2013-06-19T17:41:47Z")
}

/// The example of the API.
fn example() -> Value {
    json!({
        "id": 1,
        "created_at": "2013-06-19T20:41:47+03:00",
        "updated_at": "2013-06-19T20:41:47+03:00",
        "name": "Bernard's",
        "description": "Quality clothes from Bernard's",
        "seo_title": "Document title",
        "seo_page_title": "Page title",
        "seo_meta_description": "Meta description",
        "translations": [
            {
                "language": "en",
                "description": "<p>We publish new discounts every week.</p>",
                "seo_title": "Bernard's products",
                "seo_page_title": "Bernard's",
                "seo_meta_description": "Finest Bernard's products"
            },
            {
                "language": "fi",
                "description": "<p>Julkaisemme uusia tarjouksia joka viikko.</p>",
                "seo_title": "Bernard's-tuotteet",
                "seo_page_title": "Bernard's",
                "seo_meta_description": "Hienoimmat Bernard's-tuotteet"
            }
        ],
        "visibilities": [
            {"version_id": 4, "is_visible": false},
            {"version_id": 3, "is_visible": true}
        ]
    })
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let made = bench.create(BRANDS, example());
    assert_shows(&made, &example(), &["created_at", "updated_at"]);
    assert_eq!(made["created_at"], json!("2013-06-19T17:41:47Z"));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&made), keys(&example()));
    assert_eq!(bench.get(BRANDS, &json!(1)), made);
    // What was read can be written back, and changes nothing.
    bench.set_clock("2013-06-20T00:00:00Z");
    assert_eq!(bench.call(BRANDS, "update", made.clone()).unwrap(), made);
    let changed = bench.call(BRANDS, "update", json!({"id": 1, "seo_title": null})).unwrap();
    assert_eq!((&changed["seo_title"], &changed["name"]), (&Value::Null, &json!("Bernard's")));
    assert_eq!(changed["updated_at"], json!("2013-06-20T00:00:00Z"));
    let bench = bench.reopen();
    assert_eq!(bench.get(BRANDS, &json!(1)), changed);
    bench.check();
}

#[test]
fn sub_resources_show_alone_and_in_lists_where_asked() {
    let bench = bench();
    let made = bench.create(BRANDS, json!({"name": "a"}));
    assert_eq!((&made["translations"], &made["visibilities"]), (&json!([]), &json!([])));
    bench.create(BRANDS, example());
    let first = |arguments: Value| bench.call(BRANDS, "list", arguments).unwrap()["data"][1].clone();
    let plain = first(json!({}));
    assert!(plain.get("translations").is_none() && plain.get("visibilities").is_none(), "{plain}");
    let expanded = first(json!({"expand": "translations,visibilities"}));
    assert_eq!(expanded, bench.get(BRANDS, &json!(2)));
    let faults = bench.faults(BRANDS, "list", json!({"expand": ["prices"]}));
    assert_eq!(faults["expand"], [r#""prices" is not a sub-resource"#]);
    // A list that is named is replaced as a whole; one that is not stays.
    let rows = json!([{"version_id": 9, "is_visible": true}]);
    let changed = bench.call(BRANDS, "update", json!({"id": 2, "visibilities": rows})).unwrap();
    assert_eq!(changed["visibilities"], rows);
    assert_eq!(changed["translations"], example()["translations"]);
}

#[test]
fn all_faults_at_once() {
    let bench = bench();
    let fields = json!({
        "description": "a\0b",
        "seo_title": "t".repeat(256),
        "seo_page_title": 7,
        "seo_meta_description": "d".repeat(10_000_000),
        "translations": [{"language": "fi", "name": "Bernard"}],
        "visibilities": {"version_id": 1},
        "colour": "red",
    });
    let faults = bench.faults(BRANDS, "create", fields);
    let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
    let expected = [
        "colour is not a field of this record",
        "description must not contain control characters",
        "name is required",
        "seo_meta_description is longer than 100000 characters",
        "seo_page_title must be text",
        "seo_title is longer than 255 characters",
        "translations[0].name is not a field of this record",
        "visibilities must be a list",
    ];
    assert_eq!(faults, expected);
    assert_eq!(bench.call(BRANDS, "count", json!({})).unwrap(), json!(0));
    let whole = json!({"name": "a", "translations": (0..20)
        .map(|n| json!({"language": n.to_string(), "description": "d".repeat(100_000)}))
        .collect::<Vec<_>>()});
    assert!(bench.faults(BRANDS, "create", whole)["brands"][0].starts_with("a record is at most 1048576"));
    bench.check();
}

#[test]
fn brands_are_sorted_and_found_by_name() {
    let bench = bench();
    for name in ["c", "a", "b", "a"] {
        bench.create(BRANDS, json!({"name": name}));
    }
    let ids = |arguments: Value| {
        let page = bench.call(BRANDS, "list", arguments).unwrap();
        page["data"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(json!({"sort": "name-asc"})), [2, 4, 3, 1]);
    assert_eq!(ids(json!({"name": "a", "sort": "id-desc"})), [4, 2]);
    bench.call(BRANDS, "delete", json!({"id": 2})).unwrap();
    assert_eq!(ids(json!({"filter": "in(name,a,b)"})), [3, 4]);
    bench.check();
}
