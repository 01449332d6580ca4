use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::bench::{Bench, assert_shows};
use crate::records::{Category, CategoryProduct, Fields, Record, Visibility};

const CATEGORIES: &str = "categories";

fn bench() -> Bench {
    Bench::new("2013-06-19T17:41:47Z")
}

/// The example of the API.
fn example() -> Value {
    json!({
        "parent_id": 1,
        "parent_sort": 4,
        "name": "Pants",
        "description": "<p>Category description content</p>",
        "default_template": "category-front",
        "external_id": 56,
        "translations": [
            {"language": "fi", "name": "Kengät", "description": "Hyviä kenkiä"},
            {"language": "en", "name": "Shoes", "description": "Nice shoes"}
        ]
    })
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let top = bench.create(CATEGORIES, json!({"name": "Clothes"}));
    assert_shows(&top, &json!({"parent_id": null, "parent_sort": null, "external_id": null}), &[]);
    let made = bench.create(CATEGORIES, example());
    assert_shows(&made, &example(), &[]);
    assert_eq!(made["visibilities"], json!([]));
    assert_eq!(bench.call(CATEGORIES, "update", made.clone()).unwrap(), made);
    let bench = bench.reopen();
    assert_eq!(bench.get(CATEGORIES, &json!(2)), made);
    bench.check();
}

#[test]
fn a_category_is_found_and_changed_by_its_external_id() {
    let bench = bench();
    bench.create(CATEGORIES, json!({"name": "a", "external_id": "56"}));
    let find = |id: Value| bench.call(CATEGORIES, "get_by_external_id", json!({"external_id": id}));
    for id in [json!(56), json!("56")] {
        assert_eq!(find(id).unwrap(), bench.get(CATEGORIES, &json!(1)));
    }
    for id in [json!(57), json!("shoes"), json!("56.0"), json!(""), json!("9".repeat(50))] {
        assert_eq!(find(id).unwrap_err().kind(), ErrorKind::NotFound);
    }
    let update = |id: Value, fields: Value| {
        bench.call(CATEGORIES, "update_by_external_id", json!({"external_id": id, "fields": fields}))
    };
    let changed = update(json!("56"), json!({"external_id": -7, "name": "b"})).unwrap();
    assert_eq!(
        (&changed["external_id"], &changed["name"], &changed["id"]),
        (&json!(-7), &json!("b"), &json!(1))
    );
    assert_eq!(find(json!(56)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(find(json!(-7)).unwrap(), changed);
    bench.create(CATEGORIES, json!({"name": "c", "external_id": 8}));
    let taken = update(json!(8), json!({"external_id": "-7"})).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    assert!(taken.to_string().contains("external_id is taken by category 1"), "{taken}");
    let both = json!({"records": [{"name": "x", "external_id": 9}, {"name": "y", "external_id": 9}]});
    assert_eq!(bench.call(CATEGORIES, "create_many", both).unwrap_err().kind(), ErrorKind::Conflict);
    let categories = bench.of::<Category>();
    let changed =
        categories.update_by_external_id(8, Fields::default().with("external_id", Value::Null)).unwrap();
    assert_eq!((changed.id, changed.external_id), (2, None));
    assert_eq!(categories.get_by_external_id(-7).unwrap().id, 1);
    bench.check();
}

#[test]
fn the_name_stands_here_or_in_a_translation() {
    let bench = bench();
    let required = "is required, here or in a translation";
    for fields in [
        json!({}),
        json!({"name": " "}),
        json!({"translations": [{"language": "fi", "description": "a"}, {"language": "en", "name": ""}]}),
    ] {
        assert_eq!(bench.faults(CATEGORIES, "create", fields)["name"], [required]);
    }
    assert_eq!(bench.faults(CATEGORIES, "create", json!({"name": 7}))["name"], ["must be text"]);
    let made = bench.create(CATEGORIES, json!({"translations": [{"language": "fi", "name": "Kengät"}]}));
    assert_eq!(made["name"], Value::Null);
    let last = json!({"id": 1, "translations": []});
    assert_eq!(bench.faults(CATEGORIES, "update", last)["name"], [required]);
    bench.call(CATEGORIES, "update", json!({"id": 1, "translations": null, "name": "Shoes"})).unwrap();
}

#[test]
fn all_faults_at_once() {
    let bench = bench();
    let fields = json!({
        "parent_id": 7,
        "parent_sort": "first",
        "name": "n".repeat(256),
        "description": ["a"],
        "default_template": "front",
        "external_id": "shoes",
        "translations": [{"language": "fi", "seo_title": "a"}],
    });
    let faults = bench.faults(CATEGORIES, "create", fields);
    let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
    let expected = [
        r#"default_template "front" is none of category-front, product-list, homepage"#,
        "description must be text",
        "external_id must be a whole number of 64 bits",
        "name is longer than 255 characters",
        "parent_id category 7 not found",
        "parent_sort must be a whole number of 64 bits",
        "translations[0].seo_title is not a field of this record",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn subcategories_stand_in_their_order() {
    let bench = bench();
    bench.create(CATEGORIES, json!({"name": "top"}));
    for place in [json!(null), json!(2), json!(-1), json!(2), json!(0)] {
        bench.create(CATEGORIES, json!({"name": "a", "parent_id": 1, "parent_sort": place}));
    }
    let children = |id: u64| bench.call(CATEGORIES, "children", json!({"id": id}));
    let found = children(1).unwrap();
    assert_eq!(ids(&found), [4, 6, 3, 5, 2]);
    assert_eq!(found[0], bench.get(CATEGORIES, &json!(4)));
    let bare = bench.call(CATEGORIES, "children", json!({"id": 1, "expand": []})).unwrap();
    assert!(bare[0].get("translations").is_none(), "{bare}");
    assert_eq!(children(2).unwrap(), json!([]));
    assert_eq!(children(9).unwrap_err().kind(), ErrorKind::NotFound);
    let tops = bench.call(CATEGORIES, "list", json!({"parent_id": null})).unwrap();
    assert_eq!(ids(&tops["data"]), [1]);
    let page = json!({"parent_id": 1, "sort": "parent_sort-desc"});
    assert_eq!(ids(&bench.call(CATEGORIES, "list", page).unwrap()["data"]), [2, 5, 3, 6, 4]);
}

#[test]
fn there_are_no_circles_and_no_orphans() {
    let bench = bench();
    bench.create(CATEGORIES, json!({"name": "top"}));
    bench.create(CATEGORIES, json!({"name": "middle", "parent_id": 1}));
    bench.create(CATEGORIES, json!({"name": "low", "parent_id": 2}));
    for (id, parent) in [(1, 1), (1, 3), (2, 3)] {
        let faults = bench.faults(CATEGORIES, "update", json!({"id": id, "parent_id": parent}));
        assert_eq!(faults["parent_id"], ["would stand under itself"]);
    }
    let refused = bench.call(CATEGORIES, "delete", json!({"id": 1})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let told = "1 categories stand under category 1: move or delete them first";
    assert!(refused.to_string().contains(told), "{refused}");
    bench.call(CATEGORIES, "update", json!({"id": 2, "parent_id": null})).unwrap();
    bench.call(CATEGORIES, "update", json!({"id": 1, "parent_id": 3})).unwrap();
    bench.call(CATEGORIES, "delete", json!({"id": 1})).unwrap();
    bench.check();
}

#[test]
fn a_deep_tree_can_be_moved_as_a_whole() {
    let bench = bench();
    let deepest = 1200;
    let records = vec![json!({"name": "a"}); deepest];
    bench.call(CATEGORIES, "create_many", json!({"records": records})).unwrap();
    // From below, so that each is moved with all that stands under it.
    for id in (2..=deepest).rev() {
        bench.call(CATEGORIES, "update", json!({"id": id, "parent_id": id - 1})).unwrap();
    }
    // 1,200 deep: nothing more can stand under the last, but it can be moved, also to the top.
    let faults = bench.faults(CATEGORIES, "create", json!({"name": "a", "parent_id": deepest}));
    assert_eq!(faults["parent_id"], ["stands under 1000 categories already"]);
    let faults = bench.faults(CATEGORIES, "update", json!({"id": 1, "parent_id": deepest}));
    assert_eq!(faults["parent_id"][0], "would stand under itself");
    bench.call(CATEGORIES, "update", json!({"id": deepest, "parent_id": null})).unwrap();
    bench.check();
}

#[test]
fn visibilities_are_set_row_by_row() {
    let bench = bench();
    bench.create(CATEGORIES, json!({"name": "a"}));
    let row = |version: u64, visible: bool| json!({"version_id": version, "is_visible": visible});
    let set =
        |rows: Value| bench.call(CATEGORIES, "set_visibilities", json!({"id": 1, "rows": rows})).unwrap();
    assert_eq!(set(json!([row(1, false)])), json!([row(1, false)]));
    bench.set_clock("2013-06-20T00:00:00Z");
    assert_eq!(set(json!([row(3, true), row(1, true)])), json!([row(1, true), row(3, true)]));
    let read = bench.call(CATEGORIES, "visibilities", json!({"id": "1"})).unwrap();
    assert_eq!(read, json!([row(1, true), row(3, true)]));
    let shown = bench.get(CATEGORIES, &json!(1));
    assert_eq!((&shown["visibilities"], &shown["updated_at"]), (&read, &json!("2013-06-20T00:00:00Z")));
    assert_eq!(set(json!([])), read);
    bench.call(CATEGORIES, "update", json!({"id": 1, "visibilities": [row(2, false)]})).unwrap();
    let twice = json!({"id": 1, "rows": [row(1, false), row(1, true), {"version_id": 2}]});
    let faults = bench.faults(CATEGORIES, "set_visibilities", twice);
    assert_eq!(faults["rows[1].version_id"], ["stands twice"]);
    assert_eq!(faults["rows[2].is_visible"], ["is required"]);
    assert_eq!(bench.faults(CATEGORIES, "set_visibilities", json!({"id": 1}))["rows"], ["is required"]);
    let missing = bench.call(CATEGORIES, "set_visibilities", json!({"id": 7, "rows": []})).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let typed = bench.of::<Category>().set_visibilities(1, &[Visibility::new(2, true)]).unwrap();
    assert_eq!(typed.to_json(), json!([row(2, true)]));
    bench.check();
}

#[test]
fn products_are_linked_with_their_places() {
    let bench = bench();
    for _ in 0..3 {
        bench.create(CATEGORIES, json!({"name": "a"}));
    }
    let link = |arguments: Value| bench.call(CATEGORIES, "link_product", arguments).unwrap();
    let made = link(json!({"id": 3, "product_id": 2, "category_sort": 1, "product_sort": 4}));
    let example = json!({
        "created_at": "2013-06-19T17:41:47Z",
        "updated_at": "2013-06-19T17:41:47Z",
        "category_id": 3,
        "category_sort": 1,
        "product_id": 2,
        "product_sort": 4
    });
    assert_eq!(made.to_string(), example.to_string());
    bench.set_clock("2013-06-20T00:00:00Z");
    let again = link(json!({"id": 3, "product_id": "2", "product_sort": 6, "category_sort": null}));
    assert_shows(
        &again,
        &json!({"category_sort": 1, "product_sort": 6, "updated_at": "2013-06-20T00:00:00Z"}),
        &[],
    );
    for (product, place) in [(9, json!(null)), (8, json!(6)), (7, json!(-1))] {
        link(json!({"id": 3, "product_id": product, "product_sort": place}));
    }
    link(json!({"id": 1, "product_id": 2}));
    let products = |bench: &Bench, id: u64| {
        let rows = bench.call(CATEGORIES, "products", json!({"id": id})).unwrap();
        rows.as_array().unwrap().iter().map(|row| row["product_id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(products(&bench, 3), [7, 2, 8, 9]);
    let bench = bench.reopen();
    assert_eq!(bench.of::<Category>().products(3).unwrap().len(), 4);
    // A link is no part of its category.
    assert_eq!(bench.get(CATEGORIES, &json!(3))["updated_at"], json!("2013-06-19T17:41:47Z"));

    bench.call(CATEGORIES, "unlink_product", json!({"id": 3, "product_id": 2})).unwrap();
    assert_eq!((products(&bench, 3), products(&bench, 1)), (vec![7, 8, 9], vec![2]));
    for (verb, id, product) in
        [("unlink_product", 3, 2), ("unlink_product", 7, 2), ("link_product", 7, 2), ("products", 7, 0)]
    {
        let mut arguments = json!({"id": id, "product_id": product});
        if verb == "products" {
            arguments = json!({"id": id});
        }
        assert_eq!(
            bench.call(CATEGORIES, verb, arguments).unwrap_err().kind(),
            ErrorKind::NotFound,
            "{verb}"
        );
    }
    let faults =
        bench.faults(CATEGORIES, "link_product", json!({"id": 3, "product_sort": "last", "sort": 1}));
    assert_eq!(faults.keys().collect::<Vec<_>>(), ["product_id", "product_sort", "sort"]);
    assert!(bench.of::<Category>().link_product(3, 0, None, None).is_err());
    bench.check();

    bench.call(CATEGORIES, "delete", json!({"id": 3})).unwrap();
    assert_eq!(bench.of::<CategoryProduct>().len().unwrap(), 1);
    bench.check();
}

#[test]
fn links_have_no_name_to_reach_them_by() {
    let bench = bench();
    let refused = bench.records.by_name(CategoryProduct::COLLECTION).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}
