use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::records::bench::Bench;
use crate::records::{Collection, Fields, Product};
use crate::{Error, ErrorKind, Result};

const LONG: Duration = Duration::from_secs(90);

fn bench() -> Bench {
    Bench::new("2013-07-02T21:00:00Z")
}

fn fields(value: Value) -> Fields {
    Fields::from_json(value).unwrap()
}

/// A lookup that gives this at once.
fn gives(value: Value) -> impl FnOnce(&str, &str) -> Result<Option<Fields>> + Send + 'static {
    move |_, _| Ok(Some(fields(value)))
}

/// A lookup that waits until it is told what to give.
fn waits(told: Receiver<Value>) -> impl FnOnce(&str, &str) -> Result<Option<Fields>> + Send + 'static {
    move |_, _| Ok(told.recv().ok().map(fields))
}

fn never(_: &str, _: &str) -> Result<Option<Fields>> {
    panic!("is not to be asked")
}

/// Waits until a lookup that nobody waits for has ended.
fn settle(products: &Collection<Product>) {
    while !super::lock(&products.shared.products.lookups.0).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_a_lookup_finds_is_stored() {
    let bench = bench();
    let products = bench.of::<Product>();
    let asked = |store: &str, id: &str| {
        assert_eq!((store, id), ("amazon_appstore", "B004T76OR8"));
        Ok(Some(Fields::default().with("name", "Rdio")))
    };
    let made = products.get_by_store_with("amazon", "B004T76OR8", asked, LONG).unwrap();
    assert_eq!((made.id, made.vendor_identifier.as_str()), (1, "B004T76OR8"));
    assert_eq!(products.get_by_store("amazon", "B004T76OR8").unwrap(), made);
    assert_eq!(products.get_by_store_with("amazon", "B004T76OR8", never, LONG).unwrap(), made);
    // Any identifier that answers is fine, and a store in another spelling.
    let given = json!({"name": "a", "store": "Apple", "sku": "s", "ref_no": 7});
    let made = products.get_by_store_with("apple", "s", gives(given), LONG).unwrap();
    assert_eq!(made.vendor_identifier, "7");
    let nothing = products.get_by_store_with("apple", "none", |_, _| Ok(None), LONG).unwrap_err();
    assert_eq!(nothing.to_string(), "product none of apple not found");
    bench.check();
}

#[test]
fn what_a_lookup_gives_must_be_what_was_asked_for() {
    let bench = bench();
    let products = bench.of::<Product>();
    let fault =
        |given: Value| products.get_by_store_with("apple", "1", gives(given), LONG).unwrap_err().to_string();
    assert_eq!(
        fault(json!({"name": "a", "ref_no": 2})),
        "lookup: gave product 2 of apple, not product 1 of apple"
    );
    assert_eq!(
        fault(json!({"name": "a", "store": "amazon", "sku": "1"})),
        "lookup: gave product 1 of amazon_appstore, not product 1 of apple"
    );
    assert_eq!(fault(json!({"store": "apple"})), "name: is required");
    assert_eq!(fault(json!({"name": "a", "colour": 1})), "colour: is not a field of this record");
    assert!(products.is_empty().unwrap());
    let refused = products.get_by_store_with("apple", " ", never, LONG).unwrap_err();
    assert_eq!(refused.to_string(), "id_in_store: is required");
    let refused = products.get_by_store_with("steam", "1", never, LONG).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Validation);
    // Known already, only not under the id that was asked for.
    let known =
        products.create(fields(json!({"name": "a", "store": "apple", "vendor_identifier": "9"}))).unwrap();
    let given = json!({"name": "b", "vendor_identifier": "9", "sku": "1"});
    assert_eq!(products.get_by_store_with("apple", "1", gives(given), LONG).unwrap(), known);
}

#[test]
fn a_lookup_that_fails_or_panics_is_an_error_and_may_be_tried_again() {
    let bench = bench();
    let products = bench.of::<Product>();
    let fails = |_: &str, _: &str| Err(Error::Access { detail: "the store is down".to_owned() });
    let failed = products.get_by_store_with("apple", "1", fails, LONG).unwrap_err();
    assert_eq!((failed.kind(), failed.to_string().as_str()), (ErrorKind::Access, "the store is down"));
    let panicked = products.get_by_store_with("apple", "1", never, LONG).unwrap_err();
    assert_eq!(panicked.to_string(), "cannot look up apple/1: the lookup panicked");
    let made = products.get_by_store_with("apple", "1", gives(json!({"name": "a"})), LONG).unwrap();
    assert_eq!(made.vendor_identifier, "1");
}

#[test]
fn a_late_answer_is_stored_when_it_comes() {
    let bench = bench();
    let products = bench.of::<Product>();
    let (tell, told): (Sender<Value>, _) = channel();
    let late = products.get_by_store_with("apple", "1", waits(told), Duration::ZERO).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Pending);
    assert_eq!(late.to_string(), "product 1 of apple is still being looked up: ask again later");
    // Who asks meanwhile waits for the same answer.
    let again = products.get_by_store_with("apple:ios", "1", never, Duration::from_millis(5)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Pending);
    tell.send(json!({"name": "late"})).unwrap();
    let found = products.get_by_store_with("apple", "1", never, LONG).unwrap();
    assert_eq!(found.name, "late");
    settle(&products);
    assert_eq!(products.len().unwrap(), 1);
}

#[test]
fn callers_at_once_share_one_lookup() {
    let bench = bench();
    let (asked, at_once) = (Arc::new(AtomicUsize::new(0)), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            let (products, asked, at_once) = (bench.of::<Product>(), Arc::clone(&asked), &at_once);
            scope.spawn(move || {
                let lookup = move |_: &str, _: &str| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(20));
                    Ok(Some(Fields::default().with("name", "shared")))
                };
                at_once.wait();
                assert_eq!(products.get_by_store_with("google", "g", lookup, LONG).unwrap().id, 1);
            });
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_lookup_that_asks_for_its_own_product_does_not_wait_for_itself() {
    let bench = bench();
    let products = bench.of::<Product>();
    let (within, (said, told)) = (products.clone(), channel());
    let asks = move |store: &str, id: &str| {
        // Other products may be asked for, with a lookup and without.
        let other = within.get_by_store_with(store, "2", gives(json!({"name": "other"})), LONG).unwrap();
        assert_eq!(other.name, "other");
        assert_eq!(within.get_by_store(store, id).unwrap_err().kind(), ErrorKind::NotFound);
        said.send(within.get_by_store_with(store, id, never, Duration::from_secs(9)).unwrap_err()).unwrap();
        Ok(Some(Fields::default().with("name", "mine")))
    };
    assert_eq!(products.get_by_store_with("apple", "1", asks, LONG).unwrap().name, "mine");
    let refused: Error = told.recv().unwrap();
    assert_eq!(refused.to_string(), "lookup: is being looked up by this thread: product 1 of apple");
    assert_eq!(refused.kind(), ErrorKind::Validation);
}

/// A caller in a thread of its own who waits for a lookup that runs.
fn waiter(products: &Collection<Product>, id: &'static str) -> thread::JoinHandle<Result<Product>> {
    let products = products.clone();
    thread::spawn(move || products.get_by_store_with("apple", id, never, LONG))
}

#[test]
fn what_somebody_else_stored_meanwhile_is_given() {
    let bench = bench();
    let products = bench.of::<Product>();
    let (tell, told): (Sender<Value>, _) = channel();
    assert!(products.get_by_store_with("apple", "1", waits(told), Duration::ZERO).is_err());
    let waiting = waiter(&products, "1");
    products.create(fields(json!({"name": "first", "store": "apple", "vendor_identifier": "1"}))).unwrap();
    tell.send(json!({"name": "second"})).unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().name, "first");
    settle(&products);
    assert_eq!(products.len().unwrap(), 1);
}

#[test]
fn closing_meanwhile_is_an_error_and_no_panic() {
    let bench = bench();
    let products = bench.of::<Product>();
    let (tell, told): (Sender<Value>, _) = channel();
    assert!(products.get_by_store_with("apple", "1", waits(told), Duration::ZERO).is_err());
    let made = products.get_by_store_with("apple", "2", gives(json!({"name": "b"})), LONG).unwrap();
    assert_eq!(made.id, 1);
    let flight = {
        let flights = super::lock(&products.shared.products.lookups.0);
        Arc::clone(flights.values().next().unwrap())
    };
    products.shared.store.close().unwrap();
    tell.send(json!({"name": "a"})).unwrap();
    let refused = flight.wait(LONG).unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    settle(&products);
    let closed = products.get_by_store_with("apple", "1", never, LONG).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    let bench = bench.reopen();
    assert_eq!(bench.of::<Product>().len().unwrap(), 1);
}
