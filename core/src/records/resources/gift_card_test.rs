use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::records::GiftCard;
use crate::records::bench::{Bench, assert_shows};

use super::{draw, unused};
use crate::{Error, ErrorKind};

const GIFT_CARDS: &str = "gift_cards";

fn bench() -> Bench {
    Bench::new("2021-10-19T23:59:59.999999Z")
}

fn example() -> Value {
    json!({
        "created_at": "2013-06-19T20:41:47+03:00",
        "updated_at": "2013-06-19T20:41:47+03:00",
        "expires_at": "2021-10-20",
        "code": "DTGZRVGGYPS2YMNC",
        "notes": "Example content",
        "balance": 50
    })
}

fn codes(bench: &Bench, query: Value) -> Vec<String> {
    let page = bench.call(GIFT_CARDS, "list", query).unwrap();
    page["data"].as_array().unwrap().iter().map(|card| card["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let made = bench.create(GIFT_CARDS, example());
    assert_shows(&made, &example(), &["created_at", "updated_at"]);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&example()), "also in this order, and without an id");
    assert_eq!(bench.get(GIFT_CARDS, &made["code"]), made);
    let mut back = made.clone();
    back["id"] = made["code"].clone();
    assert_eq!(bench.call(GIFT_CARDS, "update", back).unwrap(), made);
    let bench = bench.reopen();
    assert_eq!(bench.get(GIFT_CARDS, &made["code"]), made);
    let bare = bench.create(GIFT_CARDS, json!({"code": "x"}));
    assert_shows(&bare, &json!({"expires_at": null, "notes": null, "balance": null}), &[]);
    bench.check();
}

#[test]
fn an_update_may_change_the_code() {
    let bench = bench();
    let made = bench.create(GIFT_CARDS, example());
    bench.create(GIFT_CARDS, json!({"code": "OTHER"}));
    let id = &made["code"];
    let taken =
        bench.call(GIFT_CARDS, "update", json!({"id": id, "code": "OTHER", "balance": 1})).unwrap_err();
    assert!(matches!(&taken, Error::Conflict { field, .. } if field == "code"), "{taken:?}");
    assert_eq!(bench.get(GIFT_CARDS, id), made);
    bench.set_clock("2021-10-30T00:00:00Z");
    let renamed = bench.call(GIFT_CARDS, "update", json!({"id": id, "code": "new"})).unwrap();
    assert_shows(&renamed, &made, &["code", "updated_at"]);
    assert_eq!(
        (renamed["code"].clone(), renamed["updated_at"].clone()),
        (json!("new"), json!("2021-10-30T00:00:00Z"))
    );
    assert_eq!(bench.call(GIFT_CARDS, "get", json!({"id": id})).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(bench.call(GIFT_CARDS, "contains", json!({"id": "new"})).unwrap(), json!(true));
    assert_eq!(bench.call(GIFT_CARDS, "count", json!({})).unwrap(), json!(2));
    assert_eq!(codes(&bench, json!({})), ["OTHER", "new"]);
    assert_eq!(codes(&bench, json!({"code": ["new", "NEW"]})), ["new"], "case counts");
    assert_eq!(codes(&bench, json!({"sort": "code-desc", "page_size": 1})), ["new"]);
    // The old code is free again.
    bench.create(GIFT_CARDS, json!({"code": id}));
    for code in [json!(null), json!(" "), json!("a\nb"), json!("x".repeat(256)), json!(7)] {
        assert_eq!(bench.faults(GIFT_CARDS, "update", json!({"id": "new", "code": code})).len(), 1, "{code}");
    }
    bench.check();
    let bench = bench.reopen();
    bench.call(GIFT_CARDS, "delete", json!({"id": "new"})).unwrap();
    assert_eq!(bench.of::<GiftCard>().len().unwrap(), 2);
    bench.check();
}

#[test]
fn a_missing_code_is_drawn() {
    let bench = bench();
    let many =
        bench.call(GIFT_CARDS, "create_many", json!({"records": vec![json!({"balance": 1}); 500]})).unwrap();
    for card in many.as_array().unwrap() {
        let code = card["code"].as_str().unwrap();
        assert_eq!(code.len(), 16);
        assert!(code.bytes().all(|sign| matches!(sign, b'A'..=b'Z' | b'2'..=b'9')), "{code}");
    }
    assert_eq!(bench.call(GIFT_CARDS, "count", json!({})).unwrap(), json!(500));
    assert_eq!(bench.create(GIFT_CARDS, json!({"code": null}))["code"].as_str().unwrap().len(), 16);
    assert_eq!(bench.faults(GIFT_CARDS, "create", json!({"code": ""}))["code"], ["is required"]);
    let twice = json!({"records": [{"code": "TWICE"}, {"code": "TWICE"}]});
    assert_eq!(bench.call(GIFT_CARDS, "create_many", twice).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(bench.call(GIFT_CARDS, "count", json!({})).unwrap(), json!(501));
    bench.check();
}

#[test]
fn a_drawn_code_is_fair_and_nobody_elses() {
    // Every byte once: of the 256, the last 18 are passed over, and each sign comes of 7 others.
    let mut next = 0_u8;
    let mut count = |bytes: &mut [u8]| {
        for byte in bytes {
            *byte = next;
            next = next.wrapping_add(1);
        }
        Ok(())
    };
    let mut signs = BTreeMap::new();
    let drawn: String = (0..14).map(|_| draw(&mut count).unwrap()).collect();
    drawn.bytes().for_each(|sign| *signs.entry(sign).or_insert(0) += 1);
    assert_eq!(drawn.len(), 14 * 16);
    assert!(signs.values().all(|count| (6..=7).contains(count)), "{signs:?}");
    assert_eq!(
        draw(&mut |bytes| {
            bytes.fill(237);
            Ok(())
        })
        .unwrap(),
        "9".repeat(16)
    );
    let mut fills = [255, 238, 0].into_iter();
    assert_eq!(
        draw(&mut |bytes| {
            bytes.fill(fills.next().unwrap());
            Ok(())
        })
        .unwrap(),
        "A".repeat(16)
    );
    let failed = draw(&mut |_| Err(Error::invalid("id", "no randomness"))).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Validation);

    let mut codes = ["TAKEN", "TAKEN", "FREE"].into_iter();
    let mut scripted = || Ok(codes.next().unwrap().to_owned());
    assert_eq!(unused(&mut scripted, |code| Ok(code == "TAKEN")).unwrap(), "FREE");
}

#[test]
fn a_card_expires_in_the_future() {
    let bench = bench();
    let future = "must be in the future; a day begins at 0:00 UTC";
    let create = |day: &str| bench.call(GIFT_CARDS, "create", json!({"code": day, "expires_at": day}));
    assert!(create("2021-10-20").is_ok(), "which begins in a microsecond");
    for day in ["2021-10-19", "0001-01-01"] {
        assert_eq!(bench.faults(GIFT_CARDS, "create", json!({"expires_at": day}))["expires_at"], [future]);
    }
    bench.set_clock("2021-10-20T00:00:00Z");
    assert!(create("2021-10-20").is_err(), "which begins now");
    assert!(create("9999-12-31").is_ok());
    // What has expired can be changed and written back, but not be set anew.
    let expired = json!({"id": "2021-10-20", "expires_at": "2021-10-20", "balance": 0});
    assert_eq!(bench.call(GIFT_CARDS, "update", expired).unwrap()["balance"], json!(0));
    let faults = bench.faults(GIFT_CARDS, "update", json!({"id": "9999-12-31", "expires_at": "2021-10-20"}));
    assert_eq!(faults["expires_at"], [future]);
    for value in [json!("2021-13-01"), json!("20.10.2021"), json!("2021-10-20T00:00:00Z"), json!(20211020)] {
        let faults = bench.faults(GIFT_CARDS, "create", json!({"expires_at": value}));
        assert_eq!(faults["expires_at"], ["must be a date, as 2021-10-20"]);
    }
    assert_eq!(codes(&bench, json!({"expires_at_to": "2021-10-20"})), ["2021-10-20"]);
    assert_eq!(codes(&bench, json!({"expires_at_from": "2021-10-21"})), ["9999-12-31"]);
    assert_eq!(codes(&bench, json!({"filter": "eq(expires_at,2021-10-20)"})), ["2021-10-20"]);
    bench.check();
}

#[test]
fn balances_are_exact() {
    let bench = bench();
    for (given, shown) in [
        ("50", "50"),
        ("39.99", "39.99"),
        ("\"39.990\"", "39.99"),
        ("0.1", "0.1"),
        ("0", "0"),
        ("9223372036854.775807", "9223372036854.775807"),
    ] {
        let balance: Value = serde_json::from_str(given).unwrap();
        let made = bench.create(GIFT_CARDS, json!({"balance": balance}));
        assert_eq!(made["balance"].to_string(), shown);
        assert!(made["balance"].is_number());
        assert_eq!(bench.get(GIFT_CARDS, &made["code"])["balance"].to_string(), shown);
    }
    for (balance, message) in [
        ("-0.01", "must not be below zero"),
        ("0.0000001", "has more than 6 fraction digits"),
        ("1e3", "is not a plain decimal number"),
        ("true", "must be an amount"),
        ("9223372036854.775808", "is too large"),
    ] {
        let balance: Value = serde_json::from_str(balance).unwrap();
        assert_eq!(bench.faults(GIFT_CARDS, "create", json!({"balance": balance}))["balance"], [message]);
    }
    bench.create(GIFT_CARDS, json!({"notes": "two\nlines", "code": "\u{1F381}"}));
    let faults =
        bench.faults(GIFT_CARDS, "create", json!({"notes": "n".repeat(10 << 20), "code": "a\0", "pin": 1}));
    assert_eq!(faults.len(), 3, "{faults:?}");
    bench.check();
}
