use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::bench::{Bench, assert_shows};
use crate::records::{AppStore, Fields, ListQuery, Product};
use crate::store::Write;

const PRODUCTS: &str = "products";
const RULE: &str = "cannot be changed: only source.active and source.hidden can";

fn bench() -> Bench {
    Bench::new("2013-07-02T21:00:00Z")
}

/// An external account; gives its id.
fn account(bench: &Bench) -> Value {
    bench.create("external_accounts", json!({"nickname": "Main", "store": "apple"}))["id"].clone()
}

fn app(bench: &Bench, store: &str, id: &str) -> Value {
    bench.create(PRODUCTS, json!({"name": format!("App {id}"), "store": store, "vendor_identifier": id}))
}

fn ids(list: &Value) -> Vec<u64> {
    let list = list.get("data").unwrap_or(list);
    list.as_array().unwrap().iter().map(|product| product["id"].as_u64().unwrap()).collect()
}

/// The examples of products of others.
fn examples_of_others() -> Vec<Value> {
    let rdio_amazon = json!({
        "id": 212135374, "name": "Rdio", "developer": "Rdio",
        "icon": "http://ecx.images-amazon.com/images/I/51IPlKhP19L._SL160_SL150_.png",
        "vendor_identifier": "B004T76OR8", "package_name": "B004T76OR8", "store_id": 3, "store": "amazon_appstore",
        "release_date": "2000-01-01T00:00:00", "added_date": "2012-05-30T19:16:43",
        "updated_date": "2013-07-02T21:00:00", "version": "2.6.3", "source": null, "type": "unknown",
        "devices": ["Handheld"], "price": {"currency": "USD", "price": "0.00"}
    });
    let finder = json!({
        "id": 6528381, "name": "FOB Finder", "developer": "Soul Doubt Productions",
        "icon": "http://a715.phobos.apple.com/us/r1000/028/Purple/26/31/e1/mzi.hldsckxh.png",
        "vendor_identifier": "420200383", "ref_no": 420200383, "sku": "", "store_id": 1, "store": "apple",
        "release_date": "2011-01-22T00:02:00", "added_date": "2011-11-22T23:53:45",
        "updated_date": "2011-11-02T13:00:02", "version": "1.76", "source": null, "type": "app",
        "devices": ["Handheld", "Tablet"], "price": {"currency": "USD", "price": "0.00"}
    });
    let notification = json!({
        "id": 212138192, "name": "GPS Notification", "developer": "Angry Face Software",
        "icon": "http://ecx.images-amazon.com/images/I/51amiNe%2BwFL._SL190_CR0,0,190,246_.png",
        "vendor_identifier": "B004QP96SM", "ref_no": null, "sku": "B004QP96SM", "package_name": "B004QP96SM",
        "store_id": 3, "store": "amazon_appstore", "release_date": "2000-01-01T00:00:00",
        "added_date": "2012-05-30T19:16:49", "updated_date": "2013-11-08T02:56:19", "version": "1.3",
        "source": null, "type": "unknown", "devices": ["Handheld"], "price": {"currency": "USD", "price": "0.99"}
    });
    let rdio_apple = json!({
        "id": 5985606, "name": "Rdio", "developer": "Rdio",
        "icon": "http://a1857.phobos.apple.com/us/r1000/081/Purple/v4/f5/6b/0d/f56b0d3b-5a5c-013d-bc08-1c7cc9aed3a3/mzl.mlvhudjt.75x75-65.png",
        "vendor_identifier": "335060889", "ref_no": 335060889, "sku": "", "store_id": 1, "store": "apple",
        "release_date": "2009-12-17T00:00:00", "added_date": "2011-11-29T16:04:22",
        "updated_date": "2013-05-22T14:00:00", "version": "2.2.3", "source": null, "type": "unknown",
        "devices": ["Handheld", "Tablet"], "price": {"currency": "USD", "price": "0.00"}
    });
    let rdio_google = json!({
        "id": 5555936, "name": "Rdio", "developer": "Rdio",
        "icon": "https://lh3.ggpht.com/L3w6B50SgmFOt8q_poF25XArA6EOJJSf7SOjBe9kPftnPVq8uS9JgtmJAwLVp_pN7ig",
        "vendor_identifier": "com.rdio.android.ui", "package_name": "com.rdio.android.ui", "store_id": 2,
        "store": "google_play", "release_date": "2000-01-02T00:00:00", "added_date": "2011-12-02T23:21:16",
        "updated_date": "2013-06-04T19:00:00", "version": "Varies with device", "source": null, "type": "unknown",
        "devices": ["Handheld"], "price": {"currency": "USD", "price": "0.00"}
    });
    vec![rdio_amazon, finder, notification, rdio_apple, rdio_google]
}

/// The examples of the API, in its order; the account of the owned one is this.
fn examples(account: &Value) -> Vec<Value> {
    let own = json!({
        "id": 42, "name": "Fob Finder Pro", "developer": "Consolidated Fob",
        "icon": "http://a4.mzstatic.com/us/r1000/030/Purple/75/f4/1a/mzl.fjpeofny.100x100-75.jpg",
        "vendor_identifier": "300101010", "ref_no": 300101010, "sku": null, "store_id": 1, "store": "apple",
        "release_date": "2008-11-15T05:00:00", "added_date": "2011-11-28T19:06:11",
        "updated_date": "2013-06-26T09:02:44", "version": "1.2",
        "source": {
            "external_account_id": account, "added_timestamp": "2009-01-02T17:50:00",
            "active": true, "hidden": false, "type": "own"
        },
        "type": "unknown", "devices": ["Handheld", "Tablet"], "children": [], "features": [], "parent_id": null,
        "price": {"currency": "USD", "price": "1.00"}
    });
    let embark = json!({
        "id": 6725579, "name": "Embark NYC Subway – New York City", "developer": "Embark, Inc.",
        "icon": "http://a1.mzstatic.com/us/r1000/101/Purple2/v4/75/17/1f/75171fa5-6f04-dca8-a439-f8b01bbec3e5/mzl.xxcfhuch.100x100-75.jpg",
        "vendor_identifier": "450991137", "ref_no": 450991137, "sku": "", "store_id": 1, "store": "apple",
        "release_date": "2011-07-31T00:00:00", "added_date": "2011-12-18T16:03:40",
        "updated_date": "2013-08-07T09:04:29", "version": "1.5.3", "source": null, "type": "unknown",
        "devices": ["Handheld", "Tablet"], "price": {"currency": "USD", "price": "0.00"},
        "meta": {
            "en": [
                {"key": "description", "language": "en",
                 "value": "Embark NYC Subway makes it easy to get around New York. *snip*"},
                {"key": "view_url", "language": "en",
                 "value": "http://itunes.apple.com/app/embark-nyc-subway-new-york/id450991137?uo=5"}
            ],
            "fr": []
        },
        "categories": [{
            "store": "apple", "store_id": 1, "device": "handheld", "device_id": 1, "name": "Travel", "id": 6003,
            "parent_id": null, "parent": null, "main": false
        }]
    });
    [examples_of_others(), vec![own, embark]].concat()
}

#[test]
fn the_examples_of_the_api_read_back() {
    let bench = bench();
    let examples = examples(&account(&bench));
    for example in &examples {
        let made = bench.create(PRODUCTS, example.clone());
        let extra = &["id", "meta", "categories"];
        assert_shows(&made, example, extra);
        assert_eq!(bench.get(PRODUCTS, &made["id"]), made);
        for name in ["meta", "categories"] {
            assert!(made.get(name).is_none());
        }
        let whole = bench.call(PRODUCTS, "get", json!({"id": made["id"], "meta": true})).unwrap();
        assert_shows(&whole, example, &["id"]);
    }
    let list = bench.call(PRODUCTS, "list", json!({"meta": true})).unwrap();
    assert_eq!(ids(&list), [1, 2, 3, 4, 5, 6, 7]);
    for (shown, example) in list["data"].as_array().unwrap().iter().zip(&examples) {
        assert_shows(shown, example, &["id"]);
    }
    for (store, id, expected) in [
        ("apple", "335060889", 4),
        ("google_play", "com.rdio.android.ui", 5),
        ("amazon", "B004T76OR8", 1),
        ("amazon_appstore", "B004QP96SM", 3),
    ] {
        let found = bench.call(PRODUCTS, "get_by_store", json!({"store": store, "id_in_store": id})).unwrap();
        assert_eq!(found["id"], json!(expected));
    }
    bench.check();
    let bench = bench.reopen();
    assert_eq!(bench.call(PRODUCTS, "list", json!({"meta": true})).unwrap(), list);
}

#[test]
fn fields_stand_in_the_order_of_the_api_and_none_is_missing() {
    let bench = bench();
    let made = app(&bench, "apple", "1");
    let names: Vec<&str> = made.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "id",
        "name",
        "developer",
        "icon",
        "vendor_identifier",
        "ref_no",
        "sku",
        "package_name",
        "store_id",
        "store",
        "release_date",
        "added_date",
        "updated_date",
        "version",
        "active",
        "source",
        "type",
        "devices",
        "children",
        "features",
        "parent_id",
        "price",
    ];
    assert_eq!(names, expected);
    assert_eq!(made["added_date"], "2013-07-02T21:00:00Z");
    assert_eq!(made["updated_date"], "2013-07-02T21:00:00Z");
    for name in
        ["developer", "icon", "ref_no", "sku", "package_name", "release_date", "version", "source", "type"]
    {
        assert_eq!(made[name], Value::Null, "{name}");
    }
    assert_eq!((&made["active"], &made["devices"]), (&json!(true), &json!([])));
}

#[test]
fn a_store_has_one_name_whatever_it_was_called() {
    let bench = bench();
    for (given, shown, id) in [
        ("amazon", "amazon_appstore", 3),
        ("Amazon Appstore", "amazon_appstore", 3),
        ("google", "google_play", 2),
        ("apple:mac", "apple", 1),
        ("windows10", "windows10", 4),
    ] {
        let made = app(&bench, given, given);
        assert_eq!((&made["store"], &made["store_id"]), (&json!(shown), &json!(id)));
        let listed = bench.call(PRODUCTS, "list", json!({"store": given, "sort": "id-desc"})).unwrap();
        assert_eq!(ids(&listed)[0], made["id"].as_u64().unwrap());
    }
    let by_number = bench.create(PRODUCTS, json!({"name": "a", "store_id": 3, "sku": "s"}));
    assert_eq!(by_number["store"], "amazon_appstore");
    let fault = |fields: Value| bench.faults(PRODUCTS, "create", fields);
    let steam = fault(json!({"name": "a", "sku": "s", "store": "steam"}));
    assert_eq!(steam["store"], ["\"steam\" is none of apple, google_play, amazon_appstore, windows10"]);
    let two = fault(json!({"name": "a", "sku": "s", "store": "apple", "store_id": 3}));
    assert_eq!(two["store_id"], ["is 1 for apple"]);
    assert_eq!(fault(json!({"name": "a", "sku": "s"}))["store"], ["is required"]);
    assert_eq!(
        fault(json!({"name": "a", "sku": "s", "store_id": 9}))["store_id"],
        ["is not the id of a store"]
    );
}

#[test]
fn what_identifies_a_product_is_its_own() {
    let bench = bench();
    let made = |fields: Value| bench.create(PRODUCTS, fields)["vendor_identifier"].clone();
    assert_eq!(made(json!({"name": "a", "store": "apple", "ref_no": "7", "sku": "s"})), "7");
    assert_eq!(made(json!({"name": "a", "store": "apple", "sku": "s", "package_name": "p"})), "s");
    assert_eq!(made(json!({"name": "a", "store": "apple", "sku": "", "package_name": "p"})), "p");
    let none = bench.faults(PRODUCTS, "create", json!({"name": "a", "store": "apple", "sku": ""}));
    assert_eq!(none["vendor_identifier"], ["is required"]);
    // The same identifier, in another store and in the same.
    app(&bench, "amazon", "7");
    let taken = json!({"name": "b", "store": "apple", "vendor_identifier": "7"});
    let error = bench.call(PRODUCTS, "create", taken.clone()).unwrap_err();
    assert_eq!(error.to_string(), "store and vendor_identifier is taken by product 1");
    let other = |id| json!({"name": "b", "store": "apple", "vendor_identifier": id});
    let many = json!({"records": [other("8"), other("9"), other("8")]});
    assert_eq!(bench.call(PRODUCTS, "create_many", many).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(bench.call(PRODUCTS, "count", json!({})).unwrap(), 4);
    // An empty SKU is no SKU: nobody is found by it, and any number may have it.
    let empty = |id| json!({"name": "b", "store": "apple", "vendor_identifier": id, "sku": ""});
    bench.call(PRODUCTS, "create_many", json!({"records": [empty("8"), empty("9")]})).unwrap();
    for arguments in
        [json!({"store": "apple", "id_in_store": ""}), json!({"store": "google", "id_in_store": "7"})]
    {
        assert_eq!(bench.call(PRODUCTS, "get_by_store", arguments).unwrap_err().kind(), ErrorKind::NotFound);
    }
    bench.check();
}

#[test]
fn found_by_any_identifier_of_its_store() {
    let bench = bench();
    let fields = |store: &str, id: &str, sku: Value, ref_no: Value, package: Value| json!({"name": "a", "store": store, "vendor_identifier": id, "sku": sku, "ref_no": ref_no, "package_name": package});
    let null = Value::Null;
    for fields in [
        fields("apple", "one", json!("amber"), json!(100), null.clone()),
        fields("apple", "two", json!("one"), null.clone(), json!("pack")),
        fields("amazon", "three", json!("amber"), json!(100), json!("pack")),
        fields("apple", "amber2", json!("amber"), null.clone(), null),
    ] {
        bench.create(PRODUCTS, fields);
    }
    let products = bench.of::<Product>();
    let found = |store, id| products.get_by_store(store, id).unwrap().id;
    // The vendor identifier counts before the SKU, and the older of two SKUs.
    assert_eq!([found("apple", "one"), found("apple", "amber"), found("amazon", "amber")], [1, 1, 3]);
    assert_eq!([found("apple", "100"), found("amazon", "100"), found("apple:ios", "pack")], [1, 3, 2]);
    assert_eq!(found("apple", "0100"), 1);
    let missing = products.get_by_store("google", "one").unwrap_err();
    assert_eq!(missing.to_string(), "product one of google_play not found");
    assert_eq!(products.get_by_store("steam", "one").unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!(
        bench.call(PRODUCTS, "get_by_store", json!({"store": "apple", "id_in_store": 100})).unwrap()["id"],
        json!(1)
    );
}

#[test]
fn only_two_flags_of_an_own_product_change() {
    let bench = bench();
    let own = bench.create(PRODUCTS, examples(&account(&bench))[5].clone());
    let update = |mut fields: Value| {
        fields["id"] = own["id"].clone();
        bench.call(PRODUCTS, "update", fields)
    };
    bench.set_clock("2013-07-03T00:00:00Z");
    let changed = update(json!({"source": {"active": false, "hidden": true}})).unwrap();
    let mut expected = own.clone();
    expected["source"]["active"] = json!(false);
    expected["source"]["hidden"] = json!(true);
    assert_eq!(changed, expected);
    assert_eq!(bench.of::<Product>().get(1).unwrap().updated_at.to_string(), "2013-07-03T00:00:00Z");
    // What was read can be written back with these two changed, also with all that meta=true shows.
    let mut whole = bench.call(PRODUCTS, "get", json!({"id": 1, "meta": true})).unwrap();
    whole["source"]["hidden"] = json!(false);
    expected["source"]["hidden"] = json!(false);
    assert_eq!(update(whole).unwrap(), expected);
    assert_eq!(update(json!({"store": "Apple", "store_id": 1, "price": {"price": 1}})).unwrap(), expected);

    let faults = bench.faults(
        PRODUCTS,
        "update",
        json!({
            "id": 1, "name": "Other", "version": null, "devices": [], "price": {"price": "2.00"}, "parent_id": null,
            "source": {"active": true, "type": "shared", "added_timestamp": "2009-01-02T17:50:01"},
            "meta": {"en": [{"key": "name", "value": "Other"}]}, "categories": [{"name": "Games"}], "colour": "red"
        }),
    );
    let names: Vec<&str> = faults.keys().map(String::as_str).collect();
    let expected_names = [
        "categories",
        "colour",
        "devices",
        "meta",
        "name",
        "price",
        "source.added_timestamp",
        "source.type",
        "version",
    ];
    assert_eq!(names, expected_names);
    assert!(faults.iter().filter(|(name, _)| *name != "colour").all(|(_, messages)| messages == &[RULE]));
    let none = bench.faults(PRODUCTS, "update", json!({"id": 1, "source": null, "store": "amazon"}));
    assert_eq!(
        (none["source"].as_slice(), none["store"].as_slice()),
        (&[RULE.to_owned()][..], &[RULE.to_owned()][..])
    );
    assert_eq!(bench.get(PRODUCTS, &json!(1)), expected);
    bench.check();
}

#[test]
fn products_of_others_do_not_change() {
    let bench = bench();
    app(&bench, "apple", "1");
    let shared = json!({"name": "a", "store": "apple", "sku": "s", "source": {"type": "shared"}});
    assert_eq!(bench.create(PRODUCTS, shared)["source"]["added_timestamp"], "2013-07-02T21:00:00Z");
    for fields in [
        json!({"id": 1}),
        json!({"id": 1, "source": {"active": true}}),
        json!({"id": 2, "source": {"hidden": true}}),
    ] {
        let faults = bench.faults(PRODUCTS, "update", fields);
        assert_eq!(faults["source"], ["is not your own: only products that you own can be updated"]);
    }
    assert_eq!(bench.call(PRODUCTS, "update", json!({"id": 9})).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_engine_itself_changes_anything() {
    let bench = bench();
    app(&bench, "apple", "1");
    bench.set_clock("2013-08-01T00:00:00Z");
    let products = bench.of::<Product>();
    let account = account(&bench);
    let source = json!({"external_account_id": account});
    let changed = products.revise(1, Fields::default().with("name", "New").with("source", source)).unwrap();
    assert_eq!((changed.name.as_str(), changed.store), ("New", AppStore::Apple));
    assert_eq!(changed.updated_date.unwrap().as_str(), "2013-08-01T00:00:00Z");
    assert_eq!(changed.added_date.unwrap().as_str(), "2013-07-02T21:00:00Z");
    assert!(changed.source.is_some_and(|source| source.active && !source.hidden));
    let fault = products.revise(1, Fields::default().with("name", "")).unwrap_err();
    assert_eq!(fault.to_string(), "name: is required");
    bench.check();
}

#[test]
fn mine_are_those_with_a_source() {
    let bench = bench();
    let account = account(&bench);
    let product = |store: &str, id: &str, source: Value| json!({"name": "a", "store": store, "vendor_identifier": id, "source": source});
    for fields in [
        product("apple", "1", json!({"external_account_id": account})),
        product("apple", "2", Value::Null),
        product("amazon", "3", json!({"type": "shared"})),
        product("apple", "4", json!({"active": false})),
        product("amazon", "5", json!({})),
    ] {
        bench.create(PRODUCTS, fields);
    }
    let mine = |arguments: Value| ids(&bench.call(PRODUCTS, "mine", arguments).unwrap());
    assert_eq!(mine(json!({})), [1, 3, 5]);
    assert_eq!(mine(json!({"include_inactive": true})), [1, 3, 4, 5]);
    assert_eq!(mine(json!({"store": "apple"})), [1]);
    assert_eq!(mine(json!({"store": "amazon", "include_inactive": null})), [3, 5]);
    assert_eq!(mine(json!({"store": null})), [1, 3, 5]);
    let whole = bench.call(PRODUCTS, "mine", json!({"meta": true})).unwrap();
    assert_eq!((&whole[0]["meta"], &whole[0]["categories"]), (&json!({}), &json!([])));
    for (arguments, name) in [
        (json!({"store": "steam"}), "store"),
        (json!({"include_inactive": "perhaps"}), "include_inactive"),
        (json!({"meta": 1}), "meta"),
        (json!({"sort": "id"}), "sort"),
    ] {
        assert!(bench.faults(PRODUCTS, "mine", arguments).contains_key(name), "{name}");
    }
    // The account may go; what came through it stays.
    bench.call("external_accounts", "delete", json!({"id": account})).unwrap();
    assert_eq!(mine(json!({"store": "apple"})), [1]);
    bench.call(PRODUCTS, "update", json!({"id": 1, "source": {"active": false}})).unwrap();
    assert_eq!(mine(json!({})), [3, 5]);
    let gone = json!({"name": "b", "store": "apple", "sku": "s", "source": {"external_account_id": account}});
    let faults = bench.faults(PRODUCTS, "create", gone);
    assert_eq!(faults["source.external_account_id"], ["external account 1 not found"]);
}

#[test]
fn items_know_their_app_and_the_app_its_items() {
    let bench = bench();
    let item = |store: &str, id: &str, parent: Value| json!({"name": id, "store": store, "vendor_identifier": id, "type": "inapp", "parent_id": parent});
    app(&bench, "apple", "app");
    bench.create(PRODUCTS, item("apple", "gems", json!(1)));
    bench.create(PRODUCTS, item("apple", "coins", json!("1")));
    assert_eq!(bench.get(PRODUCTS, &json!(1))["children"], json!([2, 3]));
    assert_eq!(bench.get(PRODUCTS, &json!(2))["parent_id"], json!(1));
    let fault =
        |store, parent| bench.faults(PRODUCTS, "create", item(store, "x", parent))["parent_id"].clone();
    assert_eq!(fault("apple", json!(9)), ["product 9 not found"]);
    assert_eq!(fault("amazon", json!(1)), ["product 1 is sold in apple"]);
    assert_eq!(fault("apple", json!(2)), ["product 2 is itself an item of product 1"]);
    assert_eq!(fault("apple", json!(-1)), ["must be a whole number, 0 to 9223372036854775807"]);
    let products = bench.of::<Product>();
    app(&bench, "apple", "other");
    let revise = |id, parent: Value| products.revise(id, Fields::default().with("parent_id", parent));
    assert_eq!(revise(1, json!(4)).unwrap_err().to_string(), "parent_id: this product has items of its own");
    assert_eq!(revise(4, json!(4)).unwrap_err().to_string(), "parent_id: is the product itself");
    revise(3, json!(4)).unwrap();
    assert_eq!(bench.get(PRODUCTS, &json!(1))["children"], json!([2]));
    assert_eq!(bench.get(PRODUCTS, &json!(4))["children"], json!([3]));
    let refused = products.delete(1).unwrap_err();
    assert_eq!(refused.to_string(), "1 products are items of product 1: delete them first");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    products.delete(2).unwrap();
    products.delete(1).unwrap();
    bench.check();
    let listed = bench.call(PRODUCTS, "list", json!({"parent_id": 4})).unwrap();
    assert_eq!(ids(&listed), [3]);
}

#[test]
fn texts_by_language_and_categories_are_shown_where_asked_for() {
    let bench = bench();
    let long = "é\n".repeat(50_000);
    let meta = json!({
        "en": [
            {"key": "description", "value": long},
            {"key": "artwork", "language": "en", "value": null},
            {"key": "artwork", "language": "en", "value": "twice"},
        ],
        "pt-BR": [{"key": "not known yet", "value": ""}],
    });
    let parent = json!({"name": "Games", "id": 6014});
    let categories = json!([{"name": "Action", "id": 7001, "parent_id": 6014, "parent": parent, "main": true}, {"store": "google"}]);
    let fields = json!({"name": "a", "store": "apple", "sku": "s", "meta": meta, "categories": categories});
    let made = bench.create(PRODUCTS, fields);
    assert!(made.get("meta").is_none());
    let bench = bench.reopen();
    let get = |arguments: Value| bench.call(PRODUCTS, "get", arguments).unwrap();
    let whole = get(json!({"id": 1, "meta": true}));
    assert_eq!(whole["meta"]["en"][0], json!({"key": "description", "language": "en", "value": long}));
    assert_eq!(whole["meta"]["en"][2]["value"], "twice");
    assert_eq!(whole["meta"]["pt-BR"][0]["key"], "not known yet");
    assert_eq!(whole["categories"][0]["store"], "apple");
    assert_eq!(whole["categories"][0]["parent"]["name"], "Games");
    assert_eq!(whole["categories"][0]["parent"]["main"], Value::Null);
    assert_eq!(
        (&whole["categories"][1]["store"], &whole["categories"][1]["store_id"]),
        (&json!("google_play"), &json!(2))
    );
    // What is shown is taken: a copy of it reads back equal.
    let mut copy = whole.clone();
    copy["vendor_identifier"] = json!("copy");
    bench.create(PRODUCTS, copy.clone());
    let copied = get(json!({"id": 2, "meta": true}));
    assert_eq!((&copied["meta"], &copied["categories"]), (&whole["meta"], &whole["categories"]));

    let shows = |record: &Value| [record.get("meta").is_some(), record.get("categories").is_some()];
    let first = |verb: &str, arguments: Value| bench.call(PRODUCTS, verb, arguments).unwrap();
    for (asked, expected) in [
        (json!({}), [false, false]),
        (json!({"meta": false}), [false, false]),
        (json!({"meta": null}), [false, false]),
        (json!({"meta": true}), [true, true]),
        (json!({"meta": "true"}), [true, true]),
        (json!({"expand": ["meta"]}), [true, false]),
        (json!({"expand": "categories", "meta": false}), [false, true]),
    ] {
        let with = |more: Value| {
            let mut arguments = asked.as_object().unwrap().clone();
            arguments.extend(more.as_object().unwrap().clone());
            Value::Object(arguments)
        };
        assert_eq!(shows(&get(with(json!({"id": 1})))), expected, "{asked}");
        assert_eq!(shows(&first("search", with(json!({"term": "a"})))["data"][0]), expected, "{asked}");
        assert_eq!(
            shows(&first("get_by_store", with(json!({"store": "apple", "id_in_store": "s"})))),
            expected
        );
        assert_eq!(shows(&first("list", with(json!({})))["data"][0]), expected, "{asked}");
    }
    assert_eq!(bench.faults(PRODUCTS, "list", json!({"meta": "yes"}))["meta"], ["must be true or false"]);
    assert_eq!(
        bench.faults(PRODUCTS, "get", json!({"id": 1, "meta": "yes"}))["meta"],
        ["must be true or false"]
    );
    assert!(bench.faults(PRODUCTS, "get", json!({"id": 1, "expand": ["prices"]})).contains_key("expand"));
}

/// A product with everything wrong.
fn wrong() -> Value {
    let huge = "x".repeat(10 << 20);
    let deep = (0..20).fold(json!({"name": "top"}), |below, _| json!({"name": "a", "parent": below}));
    json!({
        "name": " ", "developer": huge, "icon": "a\0", "vendor_identifier": "a\0b", "ref_no": -1, "sku": 7,
        "package_name": ["a"], "store": 1, "release_date": "soon", "added_date": "2013-07-02", "version": huge,
        "type": {}, "devices": ["Handheld", 7, "a\n"], "active": "perhaps", "features": "iads", "parent_id": 1.5,
        "source": {"external_account_id": "x", "added_timestamp": "x", "active": null, "type": "stolen", "x": 1},
        "price": {"currency": "dollars", "price": "1,00", "vat": 1},
        "meta": {"en": [{"value": huge}, {"key": "a", "language": "fr", "value": 7}, 7], "": [], "de": {}, "e n": []},
        "categories": [7, {"store": "steam", "device_id": "x", "id": "x", "main": 1, "colour": 1}, deep],
        "colour": "red"
    })
}

#[test]
fn all_faults_at_once() {
    let bench = bench();
    let faults = bench.faults(PRODUCTS, "create", wrong());
    let told = |name: &str| faults.get(name).map_or("-".to_owned(), |messages| messages.join("; "));
    for (name, message) in [
        ("name", "is required"),
        ("developer", "is longer than 255 characters"),
        ("icon", "must not contain control characters"),
        ("vendor_identifier", "must not contain control characters; is required"),
        ("ref_no", "must be a whole number, 0 to 9223372036854775807"),
        ("sku", "must be text"),
        ("package_name", "must be text"),
        ("store", "must be text"),
        ("release_date", "must be a date with a time of day, as 2013-06-19T20:41:47+03:00"),
        ("added_date", "must be a date with a time of day, as 2013-06-19T20:41:47+03:00"),
        ("version", "is longer than 255 characters"),
        ("type", "must be text"),
        ("devices[1]", "must be text"),
        ("devices[2]", "must not contain control characters"),
        ("active", "must be true or false"),
        ("features", "must be a list"),
        ("parent_id", "must be a whole number, 0 to 9223372036854775807"),
        ("source.external_account_id", "must be a whole number, 0 to 9223372036854775807"),
        ("source.added_timestamp", "must be a date with a time of day, as 2013-06-19T20:41:47+03:00"),
        ("source.active", "must be true or false"),
        ("source.type", "\"stolen\" is none of own, shared"),
        ("source.x", "is not a field of this record"),
        ("price.currency", "must be three capital letters, as USD"),
        ("price.price", "is not a plain decimal number"),
        ("price.vat", "is not a field of this record"),
        ("meta.", "is not a language, as en or pt-BR"),
        ("meta.e n", "is not a language, as en or pt-BR"),
        ("meta.de", "must be a list"),
        ("meta.en[0].key", "is required"),
        ("meta.en[0].value", "is longer than 100000 characters"),
        ("meta.en[1].language", "is not en, under which it stands"),
        ("meta.en[1].value", "must be text"),
        ("meta.en[2]", "must be an object"),
        ("categories[0]", "must be an object"),
        ("categories[1].store", "\"steam\" is none of apple, google_play, amazon_appstore, windows10"),
        ("categories[1].device_id", "must be a whole number, 0 to 9223372036854775807"),
        ("categories[1].id", "must be a whole number, 0 to 9223372036854775807"),
        ("categories[1].main", "must be true or false"),
        ("categories[1].colour", "is not a field of this record"),
        ("colour", "is not a field of this record"),
    ] {
        assert_eq!(told(name), message, "{name}");
    }
    assert!(
        faults.iter().any(|(name, messages)| name.ends_with("parent.parent")
            && messages == &["stands under 8 categories already"]),
        "{faults:?}"
    );
    assert_eq!(faults.len(), 41, "{faults:#?}");
    let price = |price: Value| {
        let fields = json!({"name": "a", "store": "apple", "sku": "s", "price": price});
        bench.faults(PRODUCTS, "create", fields)
    };
    assert_eq!(price(json!({"currency": "USD", "price": "-0.01"}))["price.price"], ["must not be negative"]);
    let empty = price(json!({}));
    assert_eq!(
        (&empty["price.price"], &empty["price.currency"]),
        (&vec!["is required".to_owned()], &vec!["is required".to_owned()])
    );
    assert_eq!(bench.call(PRODUCTS, "count", json!({})).unwrap(), 0);
}

#[test]
fn a_product_has_a_size() {
    let bench = bench();
    let text = "x".repeat(100_000);
    let meta = |count: usize| {
        let texts: Vec<Value> = (0..count).map(|n| json!({"key": format!("k{n}"), "value": text})).collect();
        json!({"name": "a", "store": "apple", "sku": format!("s{count}"), "meta": {"en": texts}})
    };
    let error = bench.call(PRODUCTS, "create", meta(11)).unwrap_err();
    assert!(error.to_string().starts_with("products: a record is at most 1048576 bytes"), "{error}");
    bench.create(PRODUCTS, meta(10));
    let languages: serde_json::Map<_, _> =
        (0..10_000).map(|n| (format!("x-{n}"), json!([{"key": "name", "value": "a"}]))).collect();
    bench.create(PRODUCTS, json!({"name": "a", "store": "apple", "sku": "many", "meta": languages}));
    let whole = bench.call(PRODUCTS, "get", json!({"id": 2, "meta": true})).unwrap();
    assert_eq!(whole["meta"].as_object().unwrap().len(), 10_000);
    bench.check();
}

#[test]
fn listings_filter_sort_and_page() {
    let bench = bench();
    let product = |n: usize| {
        json!({
            "name": format!("App {}", 9 - n), "developer": (["A", "B"][n % 2]), "store": (["apple", "google"][n / 4]),
            "sku": if n == 0 { json!("") } else { json!(format!("s{n}")) }, "ref_no": if n < 4 { json!(n) } else { Value::Null },
            "vendor_identifier": format!("v{n}"), "release_date": format!("2013-07-0{}T00:00:00", n + 1),
            "type": if n == 3 { "inapp" } else { "app" }, "active": n != 5,
        })
    };
    let records: Vec<Value> = (0..8).map(product).collect();
    bench.call(PRODUCTS, "create_many", json!({"records": records})).unwrap();
    let list = |query: Value| ids(&bench.call(PRODUCTS, "list", query).unwrap());
    assert_eq!(list(json!({"sort": "name-asc", "page_size": 3, "page": 2})), [5, 4, 3]);
    assert_eq!(list(json!({"store": "google_play", "developer": "A"})), [5, 7]);
    assert_eq!(list(json!({"filter": "eq(type,inapp)"})), [4]);
    assert_eq!(list(json!({"filter": "eq(active,false)"})), [6]);
    assert_eq!(list(json!({"sku": "s3"})), [4]);
    // Products without one stand in no index of it, and are found all the same.
    assert_eq!(list(json!({"sku": null})), [1]);
    assert_eq!(list(json!({"sku": ["s1", null]})), [1, 2]);
    assert_eq!(list(json!({"ref_no_from": 2})), [3, 4]);
    assert_eq!(list(json!({"ref_no": null, "sort": "id-desc", "page_size": 2})), [8, 7]);
    assert_eq!(list(json!({"sku": "s3", "ref_no": 3, "store": "apple"})), [4]);
    assert_eq!(list(json!({"ref_no": [2, 3]})), [3, 4]);
    assert_eq!(list(json!({"release_date_from": "2013-07-07"})), [7, 8]);
    assert_eq!(list(json!({"filter": "like(name,*2):eq(store,google)"})), [8]);
    assert_eq!(list(json!({"source_type": null, "page_size": 2})), [1, 2]);
    for sort in ["version-asc", "sku-asc"] {
        assert!(bench.faults(PRODUCTS, "list", json!({"sort": sort})).contains_key("sort"), "{sort}");
    }
    let listed = bench.of::<Product>().list(&ListQuery::new().field("meta", true)).unwrap();
    assert_eq!(listed.item_count, 8);
}

#[test]
fn exported_and_imported_products_are_the_same() {
    let (bench, other, dir) = (bench(), bench(), tempfile::tempdir().unwrap());
    for example in examples(&account(&bench)) {
        bench.create(PRODUCTS, example);
    }
    app(&bench, "apple", "parent");
    bench.create(PRODUCTS, json!({"name": "item", "store": "apple", "sku": "i", "parent_id": 8}));
    bench.call("external_accounts", "delete", json!({"id": 1})).unwrap();
    let file = dir.path().join("records.jsonl");
    assert_eq!(bench.records.export(&file).unwrap(), 9);
    assert_eq!(other.records.import(&file).unwrap(), 9);
    let list = |bench: &Bench| bench.call(PRODUCTS, "list", json!({"meta": true})).unwrap();
    assert_eq!(list(&other), list(&bench));
    let found = other.call(PRODUCTS, "search", json!({"term": "item"})).unwrap();
    assert_eq!(ids(&found), [9]);
    other.check();
}

/// What the model keeps of a product: store, whose it is, active, parent.
type Kept = (usize, Option<bool>, bool, Option<u64>);

#[derive(Debug, Clone)]
enum Step {
    Create(usize, Option<bool>, Option<u64>),
    Activate(u64, bool),
    Move(u64, Option<u64>),
    Delete(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1..12_u64;
    prop_oneof![
        5 => (0..2_usize, any::<Option<bool>>(), proptest::option::of(id())).prop_map(|(store, own, parent)| Step::Create(store, own, parent)),
        2 => (id(), any::<bool>()).prop_map(|(id, active)| Step::Activate(id, active)),
        3 => (id(), proptest::option::of(id())).prop_map(|(id, parent)| Step::Move(id, parent)),
        2 => id().prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ]
}

fn fits(model: &std::collections::BTreeMap<u64, Kept>, id: u64, store: usize, parent: Option<u64>) -> bool {
    let has_items = model.values().any(|(.., parent)| *parent == Some(id));
    parent.is_none_or(|parent| {
        parent != id
            && !has_items
            && model.get(&parent).is_some_and(|kept| kept.0 == store && kept.3.is_none())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn items_and_flags_follow_a_model(steps in proptest::collection::vec(step(), 1..40)) {
        let mut bench = bench();
        let mut model = std::collections::BTreeMap::<u64, Kept>::new();
        let mut last = 0;
        for step in steps {
            let products = bench.of::<Product>();
            match step {
                Step::Create(store, own, parent) => {
                    let source = own.map(|own| json!({"type": if own { "own" } else { "shared" }}));
                    let number = format!("{}-{last}", model.len());
                    let fields = json!({"name": "a", "store": (["apple", "amazon"][store]), "sku": format!("s{number}"),
                        "source": source, "parent_id": parent});
                    let made = products.create(Fields::from_json(fields).unwrap());
                    prop_assert_eq!(made.is_ok(), fits(&model, 0, store, parent));
                    if let Ok(made) = made {
                        last = made.id;
                        model.insert(last, (store, own, true, parent));
                    }
                }
                Step::Activate(id, active) => {
                    let made = products.update(id, Fields::default().with("source", json!({"active": active})));
                    match model.get_mut(&id) {
                        Some(kept) if kept.1 == Some(true) => {
                            prop_assert!(made.is_ok());
                            kept.2 = active;
                        }
                        _ => prop_assert!(made.is_err()),
                    }
                }
                Step::Move(id, parent) => {
                    let made = products.revise(id, Fields::default().with("parent_id", parent));
                    let same = model.get(&id).is_some_and(|kept| kept.3 == parent);
                    let fits = model.get(&id).is_some_and(|kept| fits(&model, id, kept.0, parent));
                    prop_assert_eq!(made.is_ok(), same || fits, "{:?}", made);
                    if let Some(kept) = model.get_mut(&id).filter(|_| fits) {
                        kept.3 = parent;
                    }
                }
                Step::Delete(id) => {
                    let items = model.values().any(|(.., parent)| *parent == Some(id));
                    let gone = products.delete(id).is_ok();
                    prop_assert_eq!(gone, model.contains_key(&id) && !items);
                    if gone {
                        model.remove(&id);
                    }
                }
                Step::Reopen => {
                    drop(products);
                    bench = bench.reopen();
                }
            }
            let list = bench.call(PRODUCTS, "list", json!({})).unwrap();
            prop_assert_eq!(ids(&list), model.keys().copied().collect::<Vec<_>>());
            for shown in list["data"].as_array().unwrap() {
                let id = shown["id"].as_u64().unwrap();
                let items: Vec<u64> =
                    model.iter().filter(|(_, (.., parent))| *parent == Some(id)).map(|(id, _)| *id).collect();
                prop_assert_eq!(&shown["children"], &json!(items));
                prop_assert_eq!(&shown["parent_id"], &json!(model[&id].3));
            }
            let mine: Vec<u64> =
                model.iter().filter(|(_, kept)| kept.1.is_some() && kept.2).map(|(id, _)| *id).collect();
            prop_assert_eq!(ids(&bench.call(PRODUCTS, "mine", json!({})).unwrap()), mine);
        }
        bench.check();
    }
}

#[test]
fn entries_that_are_missing_or_too_many_are_told() {
    let bench = bench();
    app(&bench, "apple", "1");
    bench.create(PRODUCTS, json!({"name": "a", "store": "apple", "sku": "s"}));
    let products = bench.of::<Product>();
    let entry_of_sku = |id: u64| {
        let mut product = products.get(2).unwrap();
        product.id = id;
        crate::records::index::entries(&product).remove(3).unwrap()
    };
    let problems = || bench.records.check().unwrap();
    let put = |write: &mut dyn Write| write.put(entry_of_sku(1), Vec::new());
    products
        .write(|write, _| {
            put(write);
            Ok(())
        })
        .unwrap();
    assert_eq!(problems(), ["products: the index of sku has 2 entries for 1 records"]);
    let delete = |write: &mut dyn Write| write.delete(&entry_of_sku(2));
    products
        .write(|write, _| {
            delete(write);
            Ok(())
        })
        .unwrap();
    assert_eq!(problems(), ["products: product 2 is missing in the index of sku"]);
}
