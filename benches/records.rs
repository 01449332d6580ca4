//! Products by the hundred thousand: how long they take to be stored, read, listed and searched, and what memory they
//! take. `cargo run --release -p tillroll-benches --example records [-- COUNT]`; the best of several runs counts.

#![allow(clippy::unwrap_used, reason = "a benchmark stops where it fails")]
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tillroll_core::{Collection, Db, Fields, ListQuery, Product, ProductSearch};

/// Products of one commit.
const CHUNK: u64 = 10_000;

fn main() {
    let count = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    let db = Db::open(&path).unwrap();
    let products = db.products();
    create(&products, count);
    println!("memory after creating: {}", memory());
    db.close().unwrap();
    drop((products, db));

    let start = Instant::now();
    let db = Db::open(&path).unwrap();
    println!("open: {:?}, memory {}", start.elapsed(), memory());
    let products = db.products();
    read(&products, count);
    pages(&products, count);
    patterns(&products);
    let any = db.records("products").unwrap();
    best("first page as JSON", 1, || drop(black_box(any.list(&json!({})).unwrap())));
    search(&products);
    println!("memory at the end: {}", memory());
    db.close().unwrap();
    drop((products, db));

    std::fs::remove_dir_all(path.join("index")).unwrap();
    let start = Instant::now();
    let db = Db::open(&path).unwrap();
    println!("open with the index made again: {:?}", start.elapsed());
    assert_eq!(db.products().len().unwrap(), count);
}

/// Names like those in the stores: words of which few are frequent, most are rare.
fn product(number: u64) -> Value {
    const WORDS: [&str; 16] = [
        "Angry", "Birds", "Finder", "Pro", "Free", "Game", "Saga", "City", "Photo", "Editor", "Music",
        "Puzzle", "Super", "World", "Craft", "東京",
    ];
    let mix =
        |salt: u64| (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(salt) >> 33;
    let word = |salt: u64| WORDS[usize::try_from(mix(salt) % 16).unwrap()];
    let name = format!("{} {} {}{}", word(3), word(5), word(7), mix(11) % 20_000);
    let (store, id) = match number % 3 {
        0 => ("apple", (300_000_000 + number).to_string()),
        1 => ("google_play", format!("com.example.app{number}")),
        _ => ("amazon_appstore", format!("B{number:09}")),
    };
    let mut fields = json!({
        "name": name, "developer": format!("{} Studios {}", word(13), mix(17) % 5_000), "store": store,
        "icon": format!("http://a715.phobos.apple.com/us/r1000/028/Purple/26/31/e1/{number}.png"),
        "vendor_identifier": id, "release_date": "2011-01-22T00:02:00", "added_date": "2011-11-22T23:53:45",
        "updated_date": "2011-11-02T13:00:02", "version": "1.76", "type": "app", "devices": ["Handheld", "Tablet"],
        "price": {"currency": "USD", "price": "0.99"},
    });
    match number % 3 {
        0 => fields["ref_no"] = json!(300_000_000 + number),
        1 => fields["package_name"] = fields["vendor_identifier"].clone(),
        _ => fields["sku"] = fields["vendor_identifier"].clone(),
    }
    fields
}

fn create(products: &Collection<Product>, count: u64) {
    let mut spent = Duration::ZERO;
    for from in (0..count).step_by(usize::try_from(CHUNK).unwrap()) {
        let numbers = from..(from + CHUNK).min(count);
        let fields: Vec<Fields> = numbers.map(|number| Fields::from_json(product(number)).unwrap()).collect();
        let start = Instant::now();
        products.create_many(fields).unwrap();
        spent += start.elapsed();
    }
    println!("created {count} in {spent:?}: {:.0} a second", count as f64 / spent.as_secs_f64());
}

fn read(products: &Collection<Product>, count: u64) {
    const READS: u64 = 20_000;
    let spread = |n: u64| n.wrapping_mul(0x9E37_79B9) % count;
    best("get by id", READS, || {
        (0..READS).for_each(|n| drop(black_box(products.get(spread(n) + 1).unwrap())));
    });
    let ids: Vec<String> = (0..READS)
        .map(|n| product(spread(n) / 3 * 3)["vendor_identifier"].as_str().unwrap().to_owned())
        .collect();
    best("get by store", READS, || {
        ids.iter().for_each(|id| drop(black_box(products.get_by_store("apple", id).unwrap())));
    });
}

fn pages(products: &Collection<Product>, count: u64) {
    let store = || ListQuery::new().field("store", "apple");
    let by_name = |query: ListQuery| query.sort("name-asc");
    for (what, query) in [
        ("first page by id", ListQuery::new()),
        ("first page by name", ListQuery::new().sort("name-desc")),
        ("first page by time", ListQuery::new().sort("created_at-asc")),
        ("middle page by id", ListQuery::new().page(count / 100)),
        ("middle page by name", by_name(ListQuery::new()).page(count / 100)),
        ("deepest page by id", ListQuery::new().page(count.div_ceil(50))),
        ("first page of a store", store()),
        ("middle page of a store", store().page(count / 300)),
        ("deepest page of a store", store().page(count / 150)),
        ("first page of a store by name", by_name(store())),
        ("middle page of a store by name", by_name(store()).page(count / 300)),
        ("deepest page of a store by name", by_name(store()).page(count / 150)),
        ("first page of two stores", ListQuery::new().filter("in(store,apple,google_play)")),
        ("first page by a pattern", ListQuery::new().filter("like(name,Angry*)")),
        ("first page by a rare pattern", ListQuery::new().filter("like(name,*999)")),
        ("first page of a type", ListQuery::new().filter("eq(type,app)")),
    ] {
        // What a change makes uncertain is found out by the first listing behind it.
        let changed = (0..3).map(|number| {
            let extra = products.create(Fields::from_json(product(u64::MAX / 4 + number)).unwrap()).unwrap();
            let start = Instant::now();
            drop(black_box(products.list(&query).unwrap()));
            let took = start.elapsed();
            products.delete(extra.id).unwrap();
            took
        });
        println!("{what}, behind a change: {:?}", changed.min().unwrap());
        best(what, 1, || drop(black_box(products.list(&query).unwrap())));
    }
}

/// Patterns that were not asked for before, over a field that was.
fn patterns(products: &Collection<Product>) {
    for (what, before, behind, sort) in [
        ("an end", "*", "", "id-asc"),
        ("a beginning", "", "*", "name-asc"),
        ("a middle", "*", "*", "id-desc"),
        ("a middle by time", "*", "*", "created_at-desc"),
        ("two parts", "*r*", "*", "name-desc"),
    ] {
        let mut letters = ('a'..='z').chain('A'..='Z').flat_map(|one| ['a', 'e', 'o'].map(|two| [one, two]));
        let mut ask = || {
            let part: String = letters.next().unwrap().iter().collect();
            let filter = format!("like(developer,{before}{part}{behind})");
            let start = Instant::now();
            drop(black_box(products.list(&ListQuery::new().filter(filter).sort(sort)).unwrap()));
            start.elapsed()
        };
        println!("first page by {what} of a field, the first time: {:?}", ask());
        let mut later: Vec<_> = (0..50).map(|_| ask()).collect();
        later.sort_unstable();
        let (least, middle, most) = (later[0], later[25], later[49]);
        println!("first page by {what} that is new: {least:?}, mostly {middle:?}, at most {most:?}");
    }
    println!("memory behind new patterns: {}", memory());
}

fn search(products: &Collection<Product>) {
    let start = Instant::now();
    products.search(&ProductSearch::new("angry")).unwrap();
    println!("first search: {:?}, memory {}", start.elapsed(), memory());
    for term in [
        "angry birds",
        "a",
        "s",
        "pro",
        "angry birds finder",
        "京",
        "東京",
        "@developer=game",
        "zzz",
        "a b c d e",
    ] {
        let query = ProductSearch::new(term);
        let count = products.search(&query).unwrap().item_count;
        best(&format!("search {term:?} ({count})"), 1, || drop(black_box(products.search(&query).unwrap())));
    }
    let deep = ProductSearch::new("s").page(1000);
    best("search \"s\", page 1000", 1, || drop(black_box(products.search(&deep).unwrap())));
    let start = Instant::now();
    products.create(Fields::from_json(product(u64::MAX / 2)).unwrap()).unwrap();
    println!("create one while searched: {:?}", start.elapsed());
    let last = products.len().unwrap();
    let start = Instant::now();
    products
        .delete(
            products
                .search(&ProductSearch::new(product(u64::MAX / 2)["name"].as_str().unwrap()))
                .unwrap()
                .data[0]
                .id,
        )
        .unwrap();
    println!("find and delete it: {:?}", start.elapsed());
    assert_eq!(products.len().unwrap(), last - 1);
}

/// The best of some runs of `f`, which does something so many times.
fn best(what: &str, times: u64, mut f: impl FnMut()) {
    let runs = if times == 1 { 30 } else { 5 };
    let run = |_| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    let best = (0..runs).map(run).min().unwrap();
    println!("{what}: {:?}", best / u32::try_from(times).unwrap());
}

/// What the process holds now, and the most it held.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
        line.trim().to_owned()
    };
    format!("{} (at most {})", line("VmRSS:"), line("VmHWM:"))
}
