use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::ProductSearch;
use crate::ErrorKind;
use crate::records::bench::Bench;
use crate::records::search::Term;
use crate::records::{Fields, Product};

const PRODUCTS: &str = "products";

fn bench() -> Bench {
    Bench::new("2013-07-02T21:00:00Z")
}

fn product(name: &str, developer: &str, store: &str, id: &str) -> Value {
    json!({"name": name, "developer": developer, "store": store, "vendor_identifier": id, "source": {}})
}

fn shop() -> Bench {
    let bench = bench();
    let mut desktop = product("Finder for Mac", "Apple", "apple", "5");
    desktop["devices"] = json!(["Desktop"]);
    let records = [
        product("FOB Finder", "Soul Doubt Productions", "apple", "1"),
        product("GPS Notification", "Angry Face Software", "amazon", "2"),
        product("Angry Birds", "Rovio", "google", "3"),
        product("東京メトロ", "Ünïcode Café", "google", "4"),
        desktop,
        product("Finder", "Other", "windows10", "6"),
    ];
    bench.call(PRODUCTS, "create_many", json!({"records": records})).unwrap();
    bench
}

fn found(bench: &Bench, arguments: Value) -> Vec<u64> {
    let page = bench.call(PRODUCTS, "search", arguments).unwrap();
    page["data"].as_array().unwrap().iter().map(|product| product["id"].as_u64().unwrap()).collect()
}

#[test]
fn words_of_name_and_developer() {
    let bench = shop();
    for (term, expected) in [
        ("fob finder", vec![1]),
        ("FINDER FOB", vec![1]),
        ("fin", vec![5, 6, 1]),
        ("finder", vec![6, 5, 1]),
        ("angry", vec![3, 2]),
        ("@developer=angry", vec![2]),
        ("@name=angry", vec![3]),
        ("@name= apple", vec![]),
        ("angry gps", vec![2]),
        ("メトロ", vec![4]),
        ("unicode cafe", vec![4]),
        ("bird face", vec![]),
        ("birdsong", vec![]),
    ] {
        assert_eq!(found(&bench, json!({"term": term})), expected, "{term}");
    }
    let typed =
        bench.of::<Product>().search(&ProductSearch::new("finder").storefronts(["apple"]).count(1)).unwrap();
    assert_eq!((typed.data[0].id, typed.item_count, typed.page_count, typed.page_size), (5, 2, 2, 1));
}

#[test]
fn storefronts_narrow() {
    let bench = shop();
    for (arguments, expected) in [
        (json!({"storefronts": "apple"}), vec![5, 1]),
        (json!({"storefronts": "apple:mac"}), vec![5]),
        (json!({"storefronts": "apple:ios; windows10"}), vec![6, 1]),
        (json!({"storefronts": ["windows10", "apple:mac"]}), vec![6, 5]),
        (json!({"storefronts": "google_play"}), vec![]),
        (json!({"storefronts": null, "filter": "mac"}), vec![5]),
        (json!({"filter": "ios"}), vec![1]),
        (json!({"filter": "google"}), vec![]),
        (json!({"filter": "mac", "storefronts": "windows10"}), vec![]),
        (json!({"page": 2, "count": 2}), vec![1]),
        (json!({"page": 3, "count": 2}), vec![]),
        (json!({"page": i64::MAX, "count": 1000}), vec![]),
    ] {
        let mut arguments = arguments;
        arguments["term"] = json!("finder");
        assert_eq!(found(&bench, arguments.clone()), expected, "{arguments}");
    }
    let page = bench.call(PRODUCTS, "search", json!({"term": "finder", "count": 2})).unwrap();
    assert_eq!(page["meta"], json!({"page": 1, "page_size": 2, "page_count": 2, "item_count": 3}));
}

#[test]
fn what_is_wrong_with_a_search_is_told_at_once() {
    let bench = shop();
    let faults = bench.faults(
        PRODUCTS,
        "search",
        json!({"term": "!!!", "storefronts": "apple;steam", "filter": "apple", "page": 0, "count": 1001}),
    );
    assert_eq!(faults["term"], ["has no letter or digit to search for"]);
    assert_eq!(
        faults["storefronts"],
        ["\"steam\" is no store and none of apple:ios, apple:mac, google_play, amazon_appstore, windows10"]
    );
    assert_eq!(faults["filter"], ["\"apple\" is none of ios, mac, google, amazon"]);
    assert_eq!(faults["page"], ["must be a whole number from 1 on"]);
    assert_eq!(faults["count"], ["must be a whole number, 1 to 1000"]);
    for (arguments, name) in [
        (json!({}), "term"),
        (json!({"term": ""}), "term"),
        (json!({"term": 7}), "term"),
        (json!({"term": "@name="}), "term"),
        (json!({"term": "x".repeat(10 << 20)}), "term"),
        (json!({"term": "a", "storefronts": []}), "storefronts"),
        (json!({"term": "a", "storefronts": [7]}), "storefronts"),
        (json!({"term": "a", "storefronts": vec!["apple"; 1000]}), "storefronts"),
        (json!({"term": "a", "count": 0}), "count"),
        (json!({"term": "a", "sort": "id"}), "sort"),
    ] {
        assert!(bench.faults(PRODUCTS, "search", arguments).contains_key(name), "{name}");
    }
    let long = ProductSearch::new("x ".repeat(1000));
    assert_eq!(bench.of::<Product>().search(&long).unwrap_err().kind(), ErrorKind::Validation);
}

#[test]
fn a_search_follows_every_commit() {
    let bench = shop();
    let products = bench.of::<Product>();
    let ids = |term: &str| found(&bench, json!({"term": term}));
    assert_eq!(ids("angry"), [3, 2]);
    products.revise(3, Fields::default().with("name", "Happy Birds")).unwrap();
    assert_eq!((ids("angry"), ids("happy")), (vec![2], vec![3]));
    products.delete(2).unwrap();
    assert_eq!(ids("angry"), Vec::<u64>::new());
    products.create(Fields::from_json(product("Angry", "x", "apple", "9")).unwrap()).unwrap();
    assert_eq!(ids("angry"), [7]);
    // A commit that is refused leaves nothing.
    let refused = json!({"records": [product("Angry Two", "x", "apple", "10"), product("Angry Three", "x", "apple", "9")]});
    assert!(bench.call(PRODUCTS, "create_many", refused).is_err());
    assert_eq!(ids("angry"), [7]);
    products.revise(5, Fields::default().with("devices", json!(["Handheld"]))).unwrap();
    assert_eq!(found(&bench, json!({"term": "finder", "filter": "mac"})), Vec::<u64>::new());
    drop(products);
    let bench = bench.reopen();
    assert_eq!(found(&bench, json!({"term": "angry"})), [7]);
}

#[test]
fn a_closed_database_finds_nothing() {
    let bench = shop();
    let products = bench.of::<Product>();
    products.search(&ProductSearch::new("angry")).unwrap();
    products.shared.store.close().unwrap();
    assert_eq!(products.search(&ProductSearch::new("angry")).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn searches_and_commits_at_once() {
    let bench = shop();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2_u64 {
            let (products, done) = (bench.of::<Product>(), &done);
            scope.spawn(move || {
                for round in 0..40 {
                    let name = format!("Storm {writer} {round}");
                    let fields = product(&name, "x", "apple", &format!("w{writer}-{round}"));
                    let made = products.create(Fields::from_json(fields).unwrap()).unwrap();
                    // Its own commit is found as soon as it is acknowledged, and what is deleted is not.
                    let search = ProductSearch::new(&name);
                    assert_eq!(products.search(&search).unwrap().data[0].id, made.id);
                    if round % 2 == 0 {
                        products.delete(made.id).unwrap();
                        assert!(
                            products.search(&search).unwrap().data.iter().all(|found| found.id != made.id)
                        );
                    }
                }
                done.store(true, Ordering::Release);
            });
        }
        let products = bench.of::<Product>();
        while !done.load(Ordering::Acquire) {
            let page = products.search(&ProductSearch::new("storm").count(1000)).unwrap();
            assert!(page.data.iter().all(|found| found.name.starts_with("Storm")));
        }
    });
    assert_eq!(found(&bench, json!({"term": "storm", "count": 100})).len(), 40);
}

#[derive(Debug, Clone)]
enum Step {
    Create(String, String),
    Rename(u64, String),
    Delete(u64),
    Reopen,
    Search(String),
}

fn step() -> impl Strategy<Value = Step> {
    let text = || "[aB東]{1,3}( [ab東京]{1,2}){0,2}";
    prop_oneof![
        3 => (text(), text()).prop_map(|(name, developer)| Step::Create(name, developer)),
        2 => (1..10_u64, text()).prop_map(|(id, name)| Step::Rename(id, name)),
        1 => (1..10_u64).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
        4 => text().prop_map(Step::Search),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn finds_what_a_scan_of_the_records_finds(steps in proptest::collection::vec(step(), 1..40)) {
        let mut bench = bench();
        let mut model = BTreeMap::<u64, [String; 2]>::new();
        for (number, step) in steps.into_iter().enumerate() {
            let products = bench.of::<Product>();
            match step {
                Step::Create(name, developer) => {
                    let fields = product(&name, &developer, "apple", &number.to_string());
                    let id = products.create(Fields::from_json(fields).unwrap()).unwrap().id;
                    model.insert(id, [name, developer]);
                }
                Step::Rename(id, name) => {
                    let renamed = products.revise(id, Fields::default().with("name", name.as_str())).is_ok();
                    prop_assert_eq!(renamed, model.contains_key(&id));
                    if let Some(texts) = model.get_mut(&id) {
                        texts[0] = name;
                    }
                }
                Step::Delete(id) => prop_assert_eq!(products.delete(id).is_ok(), model.remove(&id).is_some()),
                Step::Reopen => {
                    drop(products);
                    bench = bench.reopen();
                }
                Step::Search(term) => {
                    let term_read = Term::new(&term, None).unwrap();
                    let rank = |texts: &[String; 2]| term_read.rank([&texts[0], &texts[1]]);
                    let mut expected: Vec<_> =
                        model.iter().filter_map(|(id, texts)| Some((rank(texts)?, *id))).collect();
                    expected.sort_unstable();
                    let expected: Vec<u64> = expected.into_iter().map(|(_, id)| id).collect();
                    prop_assert_eq!(found(&bench, json!({"term": term, "count": 100})), expected);
                }
            }
        }
    }
}
