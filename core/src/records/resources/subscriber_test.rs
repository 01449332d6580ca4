use serde_json::{Value, json};

use crate::records::Subscriber;
use crate::records::bench::{Bench, assert_shows};

const SUBSCRIBERS: &str = "subscribers";

fn bench() -> Bench {
    Bench::new("2016-02-25T09:31:39Z")
}

fn ids(bench: &Bench, query: Value) -> Vec<u64> {
    let page = bench.call(SUBSCRIBERS, "list", query).unwrap();
    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let example = json!({
        "id": 7,
        "created_at": "2013-06-19T20:41:47+03:00",
        "updated_at": "2013-06-19T20:41:47+03:00",
        "email": "mail@example.com",
        "version_id": 5,
        "language": "fi",
        "country": "fi",
        "subscribed_at": "2016-02-25T11:31:39+02:00",
        "unsubscribed_at": "2016-02-25T11:31:39+02:00"
    });
    let made = bench.create(SUBSCRIBERS, example.clone());
    assert_shows(&made, &example, &["id", "created_at", "updated_at"]);
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&example), "also in this order");
    assert_eq!((made["id"].clone(), made["created_at"].clone()), (json!(1), json!("2016-02-25T09:31:39Z")));
    assert_eq!(bench.get(SUBSCRIBERS, &json!(1)), made);
    assert_eq!(bench.call(SUBSCRIBERS, "update", made.clone()).unwrap(), made);
    bench.check();
}

#[test]
fn a_subscription_begins_now_unless_said() {
    let bench = bench();
    let made = bench.create(SUBSCRIBERS, json!({"email": "mail@example.com"}));
    assert_eq!(
        made,
        json!({
            "id": 1, "created_at": "2016-02-25T09:31:39Z", "updated_at": "2016-02-25T09:31:39Z",
            "email": "mail@example.com", "version_id": null, "language": null, "country": null,
            "subscribed_at": "2016-02-25T09:31:39Z", "unsubscribed_at": null
        })
    );
    bench.set_clock("2017-01-01T00:00:00.25Z");
    let stopped = bench
        .call(
            SUBSCRIBERS,
            "update",
            json!({"id": 1, "unsubscribed_at": "2017-01-01 00:00", "language": "sv"}),
        )
        .unwrap();
    assert_eq!(stopped["subscribed_at"], json!("2016-02-25T09:31:39Z"));
    assert_eq!(stopped["unsubscribed_at"], json!("2017-01-01 00:00"));
    assert_eq!(stopped["updated_at"], json!("2017-01-01T00:00:00.25Z"));
    let again =
        bench.call(SUBSCRIBERS, "update", json!({"id": 1, "unsubscribed_at": null, "subscribed_at": null}));
    assert_eq!(again.unwrap()["subscribed_at"], Value::Null, "an update says what it says");
    assert_eq!(bench.create(SUBSCRIBERS, json!({"email": "mail@example.com"}))["id"], json!(2));
}

#[test]
fn changes_are_found_by_time() {
    let bench = bench();
    for time in [
        "2017-06-13T23:59:59.999999Z",
        "2017-06-14T00:00:00Z",
        "2017-06-14T20:45:52Z",
        "2017-06-15T00:00:00Z",
    ] {
        bench.set_clock(time);
        bench.create(SUBSCRIBERS, json!({"email": "mail@example.com"}));
    }
    for (query, found) in [
        (json!({"updated_at_from": "2017-06-14"}), vec![2, 3, 4]),
        (json!({"updated_at-from": "2017-06-14T20:45:52"}), vec![3, 4]),
        (json!({"updated_at-from": "2017-06-14T23:45:52+03:00"}), vec![3, 4]),
        (json!({"updated_at_to": "2017-06-14"}), vec![1, 2, 3]),
        (json!({"updated_at-to": "2017-06-14T23:45:51+03:00"}), vec![1, 2]),
        (
            json!({"updated_at-from": "2017-06-14", "updated_at-to": "2017-06-14", "sort": "id-desc"}),
            vec![3, 2],
        ),
        (json!({"subscribed_at_from": "2017-06-15"}), vec![4]),
        (json!({"created_at_to": "2017-06-13"}), vec![1]),
    ] {
        assert_eq!(ids(&bench, query.clone()), found, "{query}");
    }
    for name in
        ["updated_at-since", "updated_at+from", "updated_atfrom", "-from", "from", "updated_at-from-to"]
    {
        assert_eq!(bench.faults(SUBSCRIBERS, "list", json!({name: "2017"}))[name], ["cannot be filtered by"]);
    }
    let faults = bench.faults(SUBSCRIBERS, "list", json!({"updated_at-from": "soon", "updated_at-to": null}));
    assert_eq!(faults["updated_at-from"], ["\"soon\" is not a date or a time"]);
    assert_eq!(faults["updated_at-to"], ["takes a value"]);
}

#[test]
fn addresses_are_checked_and_their_case_does_not_count() {
    let bench = bench();
    for text in ["@", "a@", "@b", "a b@c", "a@b@c", "a@ b", "mail", "a@b\u{a0}c", "Ünï @x"] {
        let faults = bench.faults(SUBSCRIBERS, "create", json!({"email": text}));
        assert_eq!(faults["email"], ["must be an e-mail address, as mail@example.com"], "{text}");
    }
    for (value, message) in [
        (json!(null), "is required"),
        (json!(""), "is required"),
        (json!(" "), "is required"),
        (json!(7), "must be text"),
        (json!("a\0@b"), "must not contain control characters"),
        (json!(format!("{}@b", "a".repeat(10 << 20))), "is longer than 255 characters"),
    ] {
        assert_eq!(bench.faults(SUBSCRIBERS, "create", json!({"email": value}))["email"], [message]);
    }
    assert_eq!(bench.faults(SUBSCRIBERS, "create", json!({}))["email"], ["is required"]);
    let longest = format!("{}@b", "é".repeat(253));
    for text in ["Mail@Example.COM", "a@b", &longest, "mail@example.com"] {
        assert_eq!(bench.create(SUBSCRIBERS, json!({"email": text}))["email"], json!(text));
    }
    for (query, found) in [
        (json!({"email": "MAIL@example.com"}), vec![1, 4]),
        (json!({"filter": "eq(email,mail@EXAMPLE.com)"}), vec![1, 4]),
        (json!({"filter": "like(email,*@Example.*)"}), vec![1, 4]),
        (json!({"filter": "in(email,A@B,mail@x)"}), vec![2]),
        (json!({"sort": "email-asc"}), vec![2, 1, 4, 3]),
    ] {
        assert_eq!(ids(&bench, query.clone()), found, "{query}");
    }
    bench.call(SUBSCRIBERS, "update", json!({"id": 1, "email": "mail@Example.com"})).unwrap();
    assert_eq!(bench.faults(SUBSCRIBERS, "update", json!({"id": 1, "email": "x"})).len(), 1);
    assert_eq!(bench.of::<Subscriber>().get(1).unwrap().email, "mail@Example.com");
    bench.check();
    bench.reopen().check();
}

#[test]
fn wrong_input_is_told_at_once() {
    let bench = bench();
    let faults = bench.faults(
        SUBSCRIBERS,
        "create",
        json!({"version_id": -1, "language": ["fi"], "country": 3, "subscribed_at": "2016-02-25", "unsubscribed_at": 7, "vip": 1}),
    );
    let names: Vec<_> = faults.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["country", "email", "language", "subscribed_at", "unsubscribed_at", "version_id", "vip"]
    );
    let many = bench.call(SUBSCRIBERS, "create_many", json!({"records": [{"email": "a@b"}, {"email": "c"}]}));
    assert!(many.is_err());
    assert!(bench.of::<Subscriber>().is_empty().unwrap());
}
