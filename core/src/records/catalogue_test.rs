use std::cell::Cell;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::records::ListQuery;
use crate::records::bench::Bench;
use crate::records::item_links::{NUMBERS_MAX, change, families, links};
use crate::store::{Entries, Read};

fn bench() -> Bench {
    Bench::new("2018-04-01T00:00:00Z")
}

fn item(sku: &str, title: &str) -> Item {
    Item {
        sku: sku.to_owned(),
        date: Some(17_600),
        parent_sku: None,
        title: Some(title.to_owned()),
        item_name: None,
        item_type: None,
        store_id: None,
    }
}

fn child(sku: &str, title: &str, parent: &str) -> Item {
    Item { parent_sku: Some(parent.to_owned()), ..item(sku, title) }
}

/// Registers items for an account that may be there or not.
fn sell(bench: &Bench, account: u64, store: StoreKind, items: &[Item]) {
    let store_of_all = &bench.of::<Product>().shared.store;
    let register = |write: &mut dyn Write| bench.records.register(write, (account, store), items, &|_| None);
    store_of_all.write(|transaction| register(transaction)).unwrap()();
    bench.check();
}

fn product(bench: &Bench, store: &str, sku: &str) -> Product {
    bench.of::<Product>().get_by_store(store, sku).unwrap()
}

type Link = (StoreKind, String, u64);

/// All links, and all (parent, child).
fn sold(bench: &Bench) -> (Vec<Link>, Vec<(u64, u64)>) {
    let (mut all, mut pairs) = (Vec::new(), Vec::new());
    let mut read = |read: &dyn Read| {
        links(read, &mut |store, key, product| {
            all.extend(product.map(|product| (store, key.to_string(), product)));
        })?;
        families(read, &mut |parent, child| pairs.push((parent, child)))
    };
    bench.of::<Product>().shared.store.read(|snapshot| read(snapshot)).unwrap();
    (all, pairs)
}

fn changes(bench: &Bench) -> u64 {
    bench.of::<Product>().shared.store.read(|snapshot| change(snapshot)).unwrap()
}

#[test]
fn an_apple_item_belongs_to_the_product_of_its_parents_sku() {
    let bench = bench();
    let app = Item {
        store_id: Some("300101010".to_owned()),
        item_type: Some("1F".to_owned()),
        ..item("fob", "Fob Finder")
    };
    let gold = Item { item_type: Some("IA1".to_owned()), ..child("fob.gold", "Gold", "fob") };
    let early = child("late.gold", "Late gold", "late");
    sell(&bench, 7, StoreKind::Apple, &[gold, app, early]);
    let (app, gold) = (product(&bench, "apple", "fob"), product(&bench, "apple", "fob.gold"));
    assert_eq!(
        (app.vendor_identifier.as_str(), app.ref_no, app.parent_id),
        ("300101010", Some(300_101_010), None)
    );
    assert_eq!((gold.parent_id, gold.kind.as_deref(), gold.ref_no), (Some(app.id), Some("inapp"), None));
    assert_eq!(
        app.source.as_ref().map(|source| source.external_account_id),
        Some(None),
        "the account is gone"
    );
    assert_eq!(product(&bench, "apple", "late.gold").parent_id, None);
    // Another store's SKU is another SKU.
    sell(&bench, 7, StoreKind::GooglePlay, &[item("late", "Late")]);
    assert_eq!(product(&bench, "apple", "late.gold").parent_id, None);
    sell(&bench, 8, StoreKind::Apple, &[item("late", "Late")]);
    let late = product(&bench, "apple", "late").id;
    assert_eq!(product(&bench, "apple", "late.gold").parent_id, Some(late));
    let (all, pairs) = sold(&bench);
    // The app is linked by its SKU alone, and with its number.
    assert_eq!((all.len(), pairs.len()), (6, 2));
    assert!(
        pairs.contains(&(app.id, gold.id))
            && all.contains(&(StoreKind::Apple, "fob.gold".to_owned(), gold.id))
    );
}

#[test]
fn a_google_item_belongs_to_its_product_id() {
    let bench = bench();
    let account = bench.create("external_accounts", json!({"nickname": "Play", "store": "google_play"}));
    let account = account["id"].as_u64().unwrap();
    let paid = Item { item_type: Some("paidapp".to_owned()), ..item("com.rdio", "Rdio") };
    let monthly = Item { item_type: Some("subscription".to_owned()), ..child("monthly", "Rdio", "com.rdio") };
    sell(&bench, account, StoreKind::GooglePlay, &[monthly, paid]);
    let (app, monthly) =
        (product(&bench, "google_play", "com.rdio"), product(&bench, "google_play", "monthly"));
    assert_eq!((app.kind.as_deref(), app.vendor_identifier.as_str()), (Some("app"), "com.rdio"));
    assert_eq!((monthly.kind.as_deref(), monthly.parent_id), (Some("inapp"), Some(app.id)));
    assert_eq!(app.source.and_then(|source| source.external_account_id), Some(account));
}

#[test]
fn what_cannot_be_a_parent_is_none() {
    let bench = bench();
    // Its own parent; a parent that is itself an item; a blank one.
    let items = [child("a", "A", "a"), child("b", "B", "a"), child("c", "C", "b"), child("d", "D", " ")];
    sell(&bench, 7, StoreKind::Apple, &items);
    let parents = ["a", "b", "c", "d"].map(|sku| product(&bench, "apple", sku).parent_id);
    assert_eq!(parents, [None, Some(product(&bench, "apple", "a").id), None, None]);
}

#[test]
fn only_what_moves_a_row_or_a_child_is_a_change() {
    let bench = bench();
    let before = changes(&bench);
    sell(&bench, 7, StoreKind::Apple, &[item("a", "A")]);
    let made = changes(&bench);
    assert_ne!(made, before);
    sell(&bench, 7, StoreKind::Apple, &[Item { date: Some(17_700), ..item("a", "A") }]);
    sell(&bench, 7, StoreKind::Apple, &[Item { date: Some(17_800), ..item("a", "Another title") }]);
    assert_eq!((changes(&bench), product(&bench, "apple", "a").name.as_str()), (made, "Another title"));
    bench.of::<Product>().delete(product(&bench, "apple", "a").id).unwrap();
    assert_ne!(changes(&bench), made);
    assert_eq!(sold(&bench).0, []);
    // A product that is made by hand for the SKU takes its rows.
    let own =
        bench.create("products", json!({"store": "apple", "sku": "a", "name": "A"}))["id"].as_u64().unwrap();
    assert_eq!(sold(&bench).0, [(StoreKind::Apple, "a".to_owned(), own)]);
}

#[test]
fn many_products_keep_their_days_apart() {
    let bench = bench();
    let items: Vec<Item> = (0..300).map(|number| item(&format!("sku{number:03}"), "First")).collect();
    sell(&bench, 7, StoreKind::Amazon, &items);
    let older = |(number, item): (usize, &Item)| {
        let (date, title) = (Some(17_600 - i64::from(number % 2 == 0)), Some("Second".to_owned()));
        Item { date, title, ..item.clone() }
    };
    let bench = bench.reopen();
    sell(&bench, 7, StoreKind::Amazon, &items.iter().enumerate().map(older).collect::<Vec<_>>());
    let names: Vec<_> = bench.of::<Product>().iter().map(|product| product.unwrap().name).collect();
    assert_eq!(names.len(), 300);
    assert!(names.chunks(2).all(|pair| pair == ["First", "Second"]), "{names:?}");
}

fn apple(sku: &str, number: &str) -> Item {
    Item { store_id: Some(number.to_owned()), item_type: Some("1F".to_owned()), ..item(sku, "Fob Finder") }
}

#[test]
fn apples_number_makes_one_product_of_its_skus() {
    let bench = bench();
    sell(&bench, 7, StoreKind::Apple, &[apple("FOB", "300"), apple("fob", "300"), apple("fob ", "300")]);
    sell(&bench, 7, StoreKind::Apple, &[apple("fob.2026", "300"), apple("other", "301")]);
    let all: Vec<u64> = bench.of::<Product>().iter().map(|product| product.unwrap().id).collect();
    let fob = product(&bench, "apple", "300");
    assert_eq!(all, [fob.id, product(&bench, "apple", "other").id]);
    for sku in ["FOB", "fob", "fob ", "fob.2026"] {
        assert_eq!(product(&bench, "apple", sku), fob, "{sku:?}");
    }
    let of_fob = sold(&bench).0.into_iter().filter(|(_, _, product)| *product == fob.id).count();
    assert_eq!(of_fob, 8, "each SKU alone, and with the number");
    bench.of::<Product>().delete(fob.id).unwrap();
    assert!(bench.of::<Product>().get_by_store("apple", "fob.2026").is_err());
}

#[test]
fn a_product_with_apples_number_is_there_already() {
    let bench = bench();
    let by_hand = json!({"store": "apple", "vendor_identifier": "com.fob", "ref_no": 300, "name": "Fob"});
    let by_hand = bench.create("products", by_hand)["id"].as_u64().unwrap();
    sell(&bench, 7, StoreKind::Apple, &[apple("fob", "300")]);
    assert_eq!(product(&bench, "apple", "fob").id, by_hand);
}

#[test]
fn an_apple_parent_is_found_in_another_case() {
    let bench = bench();
    let gold = |sku: &str| Item { item_type: Some("IAY".to_owned()), ..child(sku, "Gold", " FOB ") };
    sell(&bench, 7, StoreKind::Apple, &[gold("before")]);
    assert_eq!(product(&bench, "apple", "before").parent_id, None);
    sell(&bench, 7, StoreKind::Apple, &[apple("Fob", "300")]);
    sell(&bench, 7, StoreKind::Apple, &[gold("after")]);
    let fob = product(&bench, "apple", "Fob").id;
    assert_eq!(["before", "after"].map(|sku| product(&bench, "apple", sku).parent_id), [Some(fob); 2]);
    // To the letter comes first.
    sell(&bench, 7, StoreKind::Apple, &[apple("FOB", "301")]);
    sell(&bench, 7, StoreKind::Apple, &[gold("last")]);
    assert_eq!(product(&bench, "apple", "last").parent_id, Some(product(&bench, "apple", "301").id));
    // Google's are told apart by case.
    let item = |sku: &str| child(sku, "Gold", "COM.FOB");
    sell(&bench, 8, StoreKind::GooglePlay, &[Item { parent_sku: None, ..item("com.fob") }, item("gold")]);
    assert_eq!(product(&bench, "google_play", "gold").parent_id, None);
}

/// An item within an app of Apple's.
fn bought(sku: &str, number: &str, app: &str) -> Item {
    Item { item_type: Some("IA1".to_owned()), parent_sku: Some(app.to_owned()), ..apple(sku, number) }
}

#[test]
fn two_publishers_with_one_apple_sku_have_two_products() {
    let bench = bench();
    let account = |name: &str| {
        let account = bench.create("external_accounts", json!({"nickname": name, "store": "apple"}));
        account["id"].as_u64().unwrap()
    };
    let [we, they] = ["we", "they"].map(account);
    sell(&bench, we, StoreKind::Apple, &[apple("fob", "300"), bought("gold", "310", "fob")]);
    // Theirs sells before its app does, and is ours until then.
    sell(&bench, they, StoreKind::Apple, &[bought("gold", "410", "FOB"), bought("pass", "411", "fob")]);
    let id = |number: &str| product(&bench, "apple", number).id;
    let parent = |number: &str| product(&bench, "apple", number).parent_id;
    let numbers = ["310", "410", "411"];
    assert_eq!(numbers.map(parent), [Some(id("300")); 3]);
    let before = changes(&bench);
    sell(&bench, they, StoreKind::Apple, &[apple("fob", "400"), bought("new", "412", "FOB")]);
    assert_ne!(changes(&bench), before);
    assert_eq!(numbers.map(parent), [Some(id("300")), Some(id("400")), Some(id("400"))]);
    assert_eq!(parent("412"), Some(id("400")));
    assert_eq!(product(&bench, "apple", "400").sku.as_deref(), Some("fob"));
    assert_eq!(product(&bench, "apple", "fob").id, id("300"), "the first that was sold under the SKU");
    let keys: Vec<_> = sold(&bench).0.into_iter().filter(|(_, key, _)| key.ends_with("fob")).collect();
    let link = |key: &str, number: &str| (StoreKind::Apple, key.to_owned(), id(number));
    assert_eq!(keys, [link("fob", "300"), link("300:fob", "300"), link("400:fob", "400")]);
    // What one of them has lost is not the other's, and comes again.
    for number in ["310", "300"] {
        bench.of::<Product>().delete(id(number)).unwrap();
    }
    assert!(sold(&bench).0.iter().all(|(_, key, _)| key != "300:fob"));
    sell(&bench, we, StoreKind::Apple, &[Item { date: Some(17_700), ..apple("fob", "300") }]);
    assert_ne!(id("300"), id("400"));
}

#[test]
fn an_apple_sku_counts_for_a_product_without_a_number() {
    let bench = bench();
    // As a report without numbers left it, and as all reports did that were imported when links had none.
    sell(&bench, 7, StoreKind::Apple, &[item("fob", "Fob Finder")]);
    let fob = product(&bench, "apple", "fob");
    assert_eq!((fob.vendor_identifier.as_str(), fob.ref_no), ("fob", None));
    sell(&bench, 7, StoreKind::Apple, &[apple("fob", "300"), apple("fob", "301")]);
    let [first, second] = ["300", "301"].map(|number| product(&bench, "apple", number));
    assert_eq!((first.id, first.ref_no), (fob.id, Some(300)));
    assert_ne!(second.id, fob.id);
    // By hand: one that is called by another number is another's, one that is called otherwise is free.
    let make = |sku: &str, id: &str| {
        let made = json!({"store": "apple", "name": "By hand", "sku": sku, "vendor_identifier": id});
        bench.create("products", made)["id"].as_u64().unwrap()
    };
    let [other, free] = [make("go", "500"), make("chess", "com.chess")];
    sell(&bench, 7, StoreKind::Apple, &[apple("go", "501"), apple("chess", "502"), apple("chess", "503")]);
    assert_ne!(product(&bench, "apple", "501").id, other);
    let linked = |key: &str| sold(&bench).0.into_iter().find(|(_, link, _)| link == key).unwrap().2;
    assert_eq!(linked("502:chess"), free);
    assert_ne!(linked("503:chess"), free);
    sell(&bench, 7, StoreKind::Apple, &[apple("later", "500")]);
    assert_eq!(linked("500:later"), other);
}

#[test]
fn an_apple_item_may_have_the_sku_of_its_app() {
    let bench = bench();
    sell(&bench, 7, StoreKind::Apple, &[bought("fob", "301", "fob"), bought("fob", "302", "fob")]);
    assert_eq!(["301", "302"].map(|number| product(&bench, "apple", number).parent_id), [None; 2]);
    sell(&bench, 7, StoreKind::Apple, &[apple("fob", "300")]);
    let app = product(&bench, "apple", "300").id;
    assert_eq!(["301", "302"].map(|number| product(&bench, "apple", number).parent_id), [Some(app); 2]);
}

/// A transaction that counts what is read of it.
struct Counted<'a> {
    write: &'a mut dyn Write,
    reads: Cell<usize>,
}

impl Read for Counted<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Arc<[u8]>>> {
        self.reads.set(self.reads.get() + 1);
        self.write.get(key)
    }

    fn range<'a>(&'a self, start: &[u8], end: Option<&[u8]>, reverse: bool) -> Entries<'a> {
        let count = |_: &_| self.reads.set(self.reads.get() + 1);
        Box::new(self.write.range(start, end, reverse).inspect(count))
    }
}

impl Write for Counted<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.write.put(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        self.write.delete(key);
    }
}

/// What registering items reads, in entries.
fn reads(bench: &Bench, items: &[Item]) -> usize {
    let store = &bench.of::<Product>().shared.store;
    let register = |write: &mut dyn Write| {
        let mut counted = Counted { write, reads: Cell::new(0) };
        let _tell = bench.records.register(&mut counted, (7, StoreKind::Apple), items, &|_| None)?;
        Ok(counted.reads.get())
    };
    store.write(|transaction| register(transaction)).unwrap()
}

#[test]
fn an_apple_sku_of_very_many_numbers_tells_nothing() {
    const COUNT: usize = 2 * NUMBERS_MAX + 100;
    let bench = bench();
    let known = json!({"store": "apple", "vendor_identifier": "com.fob", "ref_no": 9000, "name": "Fob"});
    let known = bench.create("products", known)["id"].as_u64().unwrap();
    let mut items: Vec<Item> = (0..COUNT).map(|at| apple("***", &(1000 + at).to_string())).collect();
    items.extend((0..COUNT).map(|at| bought(&format!("gold{at}"), &(5000 + at).to_string(), "***")));
    let count = reads(&bench, &items);
    assert!(count < items.len() * NUMBERS_MAX, "{count}");
    bench.check();
    assert_eq!(bench.of::<Product>().iter().count(), 1 + NUMBERS_MAX + COUNT);
    let first = product(&bench, "apple", "1000");
    assert_eq!(product(&bench, "apple", "***"), first);
    assert_eq!(product(&bench, "apple", "gold7").parent_id, Some(first.id));
    let before = changes(&bench);
    sell(&bench, 7, StoreKind::Apple, &items);
    assert_eq!(changes(&bench), before, "the same again is nothing new");
    // A number that is known tells as ever, and so do those that came first.
    bench.of::<Product>().delete(product(&bench, "apple", "1001").id).unwrap();
    sell(&bench, 7, StoreKind::Apple, &[apple("***", "9000"), apple("***", "1001")]);
    let again = product(&bench, "apple", "1001").id;
    let links = sold(&bench).0;
    for (key, product) in [("9000:***", known), ("1001:***", again), ("***", first.id)] {
        assert!(links.contains(&(StoreKind::Apple, key.to_owned(), product)), "{key}");
    }
}

/// Accounts of Apple's, by these names.
fn publishers<const N: usize>(bench: &Bench, names: [&str; N]) -> [u64; N] {
    names.map(|name| {
        let account = bench.create("external_accounts", json!({"nickname": name, "store": "apple"}));
        account["id"].as_u64().unwrap()
    })
}

#[test]
fn an_app_that_two_accounts_sell_has_the_items_of_both() {
    let bench = bench();
    let sell = |account: u64, items: &[Item]| sell(&bench, account, StoreKind::Apple, items);
    let parent = |number: &str| product(&bench, "apple", number).parent_id;
    let id = |number: &str| Some(product(&bench, "apple", number).id);
    let [other, first, second] = publishers(&bench, ["other", "first", "second"]);
    sell(other, &[apple("fob", "400"), bought("gold", "410", "fob")]);
    sell(second, &[bought("early", "309", "fob")]);
    sell(first, &[apple("fob", "300")]);
    assert_eq!(parent("309"), id("400"), "as long as there is none of its own");
    sell(second, &[apple("fob", "300"), bought("gold", "310", "fob")]);
    assert_eq!(["309", "310", "410"].map(parent), [id("300"), id("300"), id("400")]);
    // An account that is made anew, whose item came before its app.
    sell(first, &[bought("stay", "510", "go")]);
    sell(other, &[apple("go", "600")]);
    assert_eq!(parent("510"), id("600"));
    bench.of::<ExternalAccount>().delete(first).unwrap();
    let [anew] = publishers(&bench, ["anew"]);
    sell(anew, &[apple("go", "500"), bought("stay", "510", "go")]);
    assert_eq!(parent("510"), id("500"));
}

#[test]
fn what_a_deleted_apple_product_sold_is_no_other_publishers() {
    let bench = bench();
    let sell = |account: u64, items: &[Item]| sell(&bench, account, StoreKind::Apple, items);
    let of_fob = || sold(&bench).0.into_iter().find(|(_, key, _)| key == "fob").map(|(.., product)| product);
    let delete = |id: u64| bench.of::<Product>().delete(id).unwrap();
    // As all reports linked when links had no numbers.
    sell(7, &[item("fob", "Fob Finder")]);
    delete(product(&bench, "apple", "fob").id);
    sell(8, &[apple("fob", "301")]);
    assert_eq!(of_fob(), None);
    // What nothing tells of a number is the SKU's own.
    let own = json!({"store": "apple", "sku": "fob", "vendor_identifier": "com.fob", "name": "Fob"});
    let own = bench.create("products", own)["id"].as_u64().unwrap();
    assert_eq!(of_fob(), Some(own));
    delete(own);
    sell(7, &[item("fob", "Fob Finder")]);
    assert!(of_fob().is_some_and(|fob| fob != product(&bench, "apple", "301").id));
    // The same number again has the SKU again.
    sell(7, &[apple("go", "500"), apple("go", "501")]);
    let of_go = || sold(&bench).0.into_iter().find(|(_, key, _)| key == "go").map(|(.., product)| product);
    delete(product(&bench, "apple", "500").id);
    sell(7, &[apple("go", "502")]);
    assert_eq!(of_go(), None);
    sell(7, &[apple("go", "500")]);
    assert_eq!(of_go(), Some(product(&bench, "apple", "500").id));
}

#[test]
fn a_product_that_is_found_by_its_sku_learns_apples_number() {
    let bench = bench();
    let chess = json!({"store": "apple", "sku": "chess", "vendor_identifier": "com.chess", "name": "Chess"});
    let chess = bench.create("products", chess)["id"].as_u64().unwrap();
    sell(&bench, 7, StoreKind::Apple, &[apple("chess", "502")]);
    let found = product(&bench, "apple", "502");
    assert_eq!((found.id, found.vendor_identifier.as_str(), found.ref_no), (chess, "com.chess", Some(502)));
    sell(&bench, 7, StoreKind::Apple, &[apple("chess.2026", "502"), apple("chess", "503")]);
    assert_eq!(product(&bench, "apple", "chess.2026").id, chess);
    assert_ne!(product(&bench, "apple", "503").id, chess);
}

#[test]
fn the_stores_types_tell_items_from_apps() {
    use StoreKind::{Amazon, Apple, GooglePlay};
    let types = [
        (Apple, "IA1", "inapp"),
        (Apple, "IA1-M", "inapp"),
        (Apple, "FI1", "inapp"),
        (Apple, "F1-B", "app"),
        (Apple, "7T", "app"),
        (GooglePlay, "subscription", "inapp"),
        (GooglePlay, "InApp", "inapp"),
        (GooglePlay, "paidapp", "app"),
        (GooglePlay, "1", "inapp"),
        (GooglePlay, "0", "app"),
        (Amazon, "In-App", "app"),
    ];
    let bench = bench();
    for (number, (store, text, expected)) in types.into_iter().enumerate() {
        let sku = format!("sku{number}");
        sell(&bench, 7, store, &[Item { item_type: Some(text.to_owned()), ..item(&sku, "Title") }]);
        let made = product(&bench, store.as_str(), &sku);
        assert_eq!((made.kind.as_deref(), made.parent_id), (Some(expected), None), "{text}");
    }
    // What was taken for an app, since nothing else was known of it.
    sell(&bench, 7, Apple, &[item("late", "Late")]);
    assert_eq!(product(&bench, "apple", "late").kind.as_deref(), Some("app"));
    sell(&bench, 7, Apple, &[Item { item_type: Some("IA9".to_owned()), ..item("late", "Late") }]);
    assert_eq!(product(&bench, "apple", "late").kind.as_deref(), Some("inapp"));
}

#[test]
fn a_parent_made_by_hand_takes_its_items_with_the_next_report() {
    let bench = bench();
    let monthly = || Item { item_type: Some("1".to_owned()), ..child("monthly", "Rdio", "com.rdio") };
    sell(&bench, 7, StoreKind::GooglePlay, &[monthly()]);
    let rdio = json!({"store": "google_play", "vendor_identifier": "com.rdio", "name": "Rdio"});
    let rdio = bench.create("products", rdio)["id"].as_u64().unwrap();
    assert_eq!(product(&bench, "google_play", "monthly").parent_id, None);
    let before = changes(&bench);
    sell(&bench, 7, StoreKind::GooglePlay, &[monthly()]);
    assert_eq!(product(&bench, "google_play", "monthly").parent_id, Some(rdio));
    assert_ne!(changes(&bench), before);
}

#[test]
fn groups_are_a_change() {
    let bench = bench();
    sell(&bench, 7, StoreKind::Apple, &[apple("a", "1"), apple("b", "2")]);
    let products = bench.of::<Product>();
    let mut seen = vec![changes(&bench)];
    let mut differs = || {
        let now = changes(&bench);
        assert!(!seen.contains(&now), "{now} in {seen:?}");
        seen.push(now);
    };
    products.link([1, 2]).unwrap();
    differs();
    products.unlink(2).unwrap();
    differs();
    products.link([1, 2]).unwrap();
    differs();
    products.link([1, 2]).unwrap();
    assert_eq!(changes(&bench), *seen.last().unwrap(), "nothing new");
}

/// An item that Google sells in an app.
fn within(app: &str, sku: &str) -> Item {
    Item { item_type: Some("1".to_owned()), ..child(sku, &format!("{sku} ({app})"), app) }
}

fn google(bench: &Bench, id: &str) -> Product {
    product(bench, "google_play", id)
}

#[test]
fn two_apps_items_of_one_google_sku_are_two_products() {
    let bench = bench();
    let sell = |items: &[Item]| sell(&bench, 7, StoreKind::GooglePlay, items);
    sell(&[within("com.a", "premium"), within("com.b", "premium")]);
    sell(&[item("com.b", "B"), within("com.b", "premium"), within("com.b", "gold")]);
    let [a, b] = ["com.a:premium", "com.b:premium"].map(|id| google(&bench, id));
    assert_eq!((a.vendor_identifier.as_str(), b.vendor_identifier.as_str()), ("premium", "com.b:premium"));
    assert_eq!((a.sku.as_deref(), b.sku.as_deref()), (Some("premium"), Some("premium")));
    assert_eq!([a.name.as_str(), b.name.as_str()], ["premium (com.a)", "premium (com.b)"]);
    assert_eq!((a.parent_id, b.parent_id), (None, Some(google(&bench, "com.b").id)));
    assert_eq!(
        (google(&bench, "premium"), google(&bench, "com.b:gold")),
        (a.clone(), google(&bench, "gold"))
    );
    let missing = bench.of::<Product>().get_by_store("google_play", "com.c:premium").unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    let keys: Vec<String> = sold(&bench).0.into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, ["com.b", "com.b:gold", "com.a:premium", "com.b:premium"]);
    // One that is deleted leaves its rows to nobody, and comes again.
    bench.of::<Product>().delete(a.id).unwrap();
    assert!(sold(&bench).0.iter().all(|(_, key, product)| (key == "com.b:premium") == (*product == b.id)));
    assert_eq!(google(&bench, "premium"), b);
    sell(&[within("com.a", "premium")]);
    assert_ne!(google(&bench, "com.a:premium").id, b.id);
    assert_eq!(google(&bench, "com.b:premium"), b);
}

#[test]
fn a_google_app_is_called_by_its_package_whatever_an_item_took() {
    let bench = bench();
    let sell = |items: &[Item]| sell(&bench, 7, StoreKind::GooglePlay, items);
    sell(&[within("com.a", "com.b"), within("com.b", "gold"), within("com.c", "com.c")]);
    let taken = google(&bench, "com.b");
    assert_eq!((taken.kind.as_deref(), google(&bench, "gold").parent_id), (Some("inapp"), None));
    sell(&[item("com.b", "B"), item("com.c", "C")]);
    let (item, app) = (google(&bench, "com.a:com.b"), google(&bench, "com.b"));
    assert_eq!((item.id, item.vendor_identifier.as_str()), (taken.id, "com.a:com.b"));
    assert_eq!((app.kind.as_deref(), google(&bench, "gold").parent_id), (Some("app"), Some(app.id)));
    // An item that is called as its own app.
    let (item, app) = (google(&bench, "com.c:com.c"), google(&bench, "com.c"));
    assert_eq!((item.parent_id, app.parent_id, app.name.as_str()), (Some(app.id), None, "C"));
}

#[test]
fn a_google_product_made_by_hand_is_of_one_app() {
    let bench = bench();
    let make = |fields: serde_json::Value| bench.create("products", fields)["id"].as_u64().unwrap();
    let of = |id: &str| json!({"store": "google_play", "name": id, "vendor_identifier": id, "type": "inapp"});
    let app = make(json!({"store": "google_play", "name": "B", "vendor_identifier": "com.b"}));
    let mut gold = of("gold");
    gold["parent_id"] = app.into();
    let [gold, named, free] = [make(gold), make(of("com.b:pass")), make(of("premium"))];
    let items = |app| ["gold", "pass", "premium"].map(|sku| within(app, sku));
    assert_eq!(google(&bench, "com.b:gold").id, gold, "found before it is sold");
    sell(&bench, 7, StoreKind::GooglePlay, &[items("com.a"), items("com.b")].concat());
    let id = |id: &str| google(&bench, id).id;
    assert_eq!(["com.b:gold", "com.b:pass", "com.a:premium"].map(id), [gold, named, free]);
    let others = ["com.a:gold", "com.a:pass", "com.b:premium"].map(id);
    assert!(others.iter().all(|other| ![gold, named, free].contains(other)));
    let ids = |read: &dyn Fn(&str) -> bool| -> Vec<u64> {
        sold(&bench).0.into_iter().filter(|(_, key, _)| read(key)).map(|(.., product)| product).collect()
    };
    // Where two apps have lost their products, one without a parent is neither's; where one has, its own.
    for id in [free, others[2]] {
        bench.of::<Product>().delete(id).unwrap();
    }
    let again = make(of("premium"));
    assert_eq!(ids(&|key| key.ends_with("premium")), [0; 0]);
    sell(&bench, 7, StoreKind::GooglePlay, &[within("com.a", "premium")]);
    assert_ne!(google(&bench, "com.a:premium").id, again);
    assert_eq!(ids(&|key| key == "com.b:premium"), [again]);
}

#[test]
fn listings_hear_which_products_a_sale_touched() {
    let bench = bench();
    sell(&bench, 7, StoreKind::Apple, &[item("first", "First")]);
    let shared = &bench.of::<Product>().shared;
    let plan = ListQuery::new().filter("like(name,*st)").plan::<Product>().unwrap();
    let change = || shared.store.read(|snapshot| stored::change::<Product>(snapshot)).unwrap();
    let before = change();
    sell(&bench, 7, StoreKind::Apple, &[item("first", "First"), item("last", "Last"), item("next", "Next")]);
    let asked = shared.store.read(|snapshot| shared.known.of(snapshot, &plan)).unwrap();
    let ids = ["last", "next"].map(|sku| product(&bench, "apple", sku).id.to_datum());
    assert_eq!(asked.changed(before, change()), Some(ids.to_vec()));
    assert_eq!(ids.len() as u64, change() - before);
}
