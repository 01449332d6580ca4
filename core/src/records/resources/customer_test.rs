use serde_json::{Value, json};

use crate::records::bench::{Bench, assert_shows};
use crate::records::{Customer, CustomerAddress, ExternalId, Fields};
use crate::{Error, ErrorKind};

const CUSTOMERS: &str = "customers";
const GROUPS: &str = "customer_groups";
const NOW: &str = "2013-06-19T17:41:47Z";

fn bench() -> Bench {
    Bench::new(NOW)
}

/// What the API's example creates.
fn example() -> Value {
    json!({
        "first_name": "Example", "last_name": "Customer", "login_allowed": true,
        "company": "Example Company Inc.", "vat_code": "1234567-6", "street_address": "Example street 2",
        "postal_code": "00100", "city": "Helsinki", "country": "FI", "phone": "05012312312",
        "email": "mail@domain.fi", "language": "fi"
    })
}

fn with(mut fields: Value, more: Value) -> Value {
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

fn ids(bench: &Bench, query: Value) -> Vec<u64> {
    let page = bench.call(CUSTOMERS, "list", query).unwrap();
    page["data"].as_array().unwrap().iter().map(|customer| customer["id"].as_u64().unwrap()).collect()
}

/// Calls a verb that changes a customer's addresses.
fn address(bench: &Bench, verb: &str, id: u64, fields: Value) -> Value {
    bench.call(CUSTOMERS, verb, with(fields, json!({"id": id}))).unwrap()
}

fn addresses(bench: &Bench, id: u64) -> Vec<Value> {
    bench.call(CUSTOMERS, "addresses", json!({"id": id})).unwrap().as_array().unwrap().clone()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    for name in ["a", "b", "Resellers", "c", "Gift card recipients"] {
        bench.create(GROUPS, json!({"name": name}));
    }
    bench.create(CUSTOMERS, example());
    for group_id in [5, 3] {
        bench.call(GROUPS, "add", json!({"group_id": group_id, "customer_id": 1})).unwrap();
    }
    let more = json!({
        "version_id": 4, "email_subscription": true, "sms_subscription": false,
        "einvoice_address": {"edi_code": "003721315706", "operator_code": "E204503"}
    });
    bench.call(CUSTOMERS, "update", with(more.clone(), json!({"id": 1}))).unwrap();
    let shown = bench.get(CUSTOMERS, &json!(1));
    let expected = json!({
        "id": 1, "created_at": NOW, "updated_at": "2013-06-19T17:41:47.000001Z",
        "first_name": "Example", "last_name": "Customer", "login_allowed": true,
        "company": "Example Company Inc.", "vat_code": "1234567-6", "street_address": "Example street 2",
        "postal_code": "00100", "city": "Helsinki", "country": "FI", "phone": "05012312312",
        "email": "mail@domain.fi", "version_id": 4, "language": "fi", "email_subscription": true,
        "einvoice_address": {"edi_code": "003721315706", "operator_code": "E204503"},
        "sms_subscription": false, "external_id": null, "last_login_at": null,
        "customer_groups": [
            {"id": 3, "created_at": NOW, "updated_at": NOW, "name": "Resellers"},
            {"id": 5, "created_at": NOW, "updated_at": NOW, "name": "Gift card recipients"}
        ]
    });
    assert_eq!(shown.to_string(), expected.to_string(), "also in this order");
    assert_eq!(
        bench.call(CUSTOMERS, "update", shown.clone()).unwrap(),
        shown,
        "what was read can be written back"
    );
    let mut listed = bench.call(CUSTOMERS, "list", json!({"expand": "customer_groups"})).unwrap();
    assert_eq!(listed["data"].take(), json!([shown]));
    let bare = bench.call(CUSTOMERS, "list", json!({})).unwrap();
    assert_eq!(bare["data"][0].get("customer_groups"), None);
    let found = bench.call(CUSTOMERS, "get_by_email", json!({"email": "Mail@Domain.fi"})).unwrap();
    assert_eq!(found, shown);
    let bench = bench.reopen();
    assert_eq!(bench.get(CUSTOMERS, &json!(1)), shown);
    assert_eq!(
        bench.create(CUSTOMERS, shown.clone())["customer_groups"],
        json!([]),
        "groups are passed over"
    );
    bench.check();
}

#[test]
fn what_is_required() {
    let bench = bench();
    let required = [
        "city",
        "country",
        "email",
        "first_name",
        "last_name",
        "login_allowed",
        "postal_code",
        "street_address",
    ];
    for missing in [json!({}), Value::from_iter(required.map(|name| (name, Value::Null)))] {
        let faults = bench.faults(CUSTOMERS, "create", missing);
        assert_eq!(faults.keys().map(String::as_str).collect::<Vec<_>>(), required);
        assert!(faults.values().all(|messages| messages == &["is required"]), "{faults:?}");
    }
    bench.create(CUSTOMERS, example());
    for name in required {
        let faults = bench.faults(CUSTOMERS, "update", json!({"id": 1, name: null}));
        assert_eq!(faults[name], ["is required"]);
    }
    let wrong = json!({
        "id": 1, "first_name": "f".repeat(10 << 20), "last_name": "a\0", "login_allowed": 1, "company": [],
        "vat_code": 7, "email": "nobody", "version_id": "x", "email_subscription": null, "sms_subscription": "y",
        "einvoice_address": {"edi_code": 1, "iban": "x"}, "external_id": " ", "last_login_at": "yesterday", "age": 7
    });
    let faults = bench.faults(CUSTOMERS, "update", wrong);
    for (name, message) in [
        ("first_name", "is longer than 255 characters"),
        ("last_name", "must not contain control characters"),
        ("login_allowed", "must be true or false"),
        ("company", "must be text"),
        ("vat_code", "must be text"),
        ("email", "must be an e-mail address, as mail@example.com"),
        ("version_id", "must be a whole number, 0 to 9223372036854775807"),
        ("email_subscription", "must be true or false"),
        ("sms_subscription", "must be true or false"),
        ("einvoice_address.edi_code", "must be text"),
        ("einvoice_address.iban", "is not a field of this record"),
        ("external_id", "must not be blank (null removes it)"),
        ("last_login_at", "must be a date with a time of day, as 2013-06-19T20:41:47+03:00"),
        ("age", "is not a field of this record"),
    ] {
        assert_eq!(faults[name], [message], "{name}");
    }
    assert_eq!(faults.len(), 14, "{faults:?}");
    assert_eq!(bench.get(CUSTOMERS, &json!(1))["first_name"], json!("Example"));
}

#[test]
fn an_einvoice_address_keeps_what_is_not_named() {
    let bench = bench();
    bench.create(CUSTOMERS, with(example(), json!({"einvoice_address": {"edi_code": "1"}})));
    let update = |value: Value| {
        bench.call(CUSTOMERS, "update", json!({"id": 1, "einvoice_address": value})).unwrap()["einvoice_address"]
            .clone()
    };
    assert_eq!(update(json!({"operator_code": "E"})), json!({"edi_code": "1", "operator_code": "E"}));
    assert_eq!(update(json!({"edi_code": null})), json!({"edi_code": null, "operator_code": "E"}));
    assert_eq!(update(json!({})), json!({"edi_code": null, "operator_code": "E"}));
    assert_eq!(update(Value::Null), Value::Null);
    assert_eq!(update(json!({"edi_code": "2"})), json!({"edi_code": "2", "operator_code": null}));
}

#[test]
fn finders() {
    let bench = bench();
    for (email, external_id) in
        [("One@domain.fi", json!(56)), ("one@DOMAIN.fi", json!("ext-7")), ("three@domain.fi", json!(null))]
    {
        bench.create(CUSTOMERS, with(example(), json!({"email": email, "external_id": external_id})));
    }
    let by_email = |email: &str| bench.of::<Customer>().get_by_email(email).map(|customer| customer.id);
    assert_eq!(by_email("ONE@domain.fi").unwrap(), 1, "the lowest id of those who share it");
    assert_eq!(by_email("three@domain.fi").unwrap(), 3);
    assert_eq!(
        by_email("one@domain.f").unwrap_err().to_string(),
        "customer with e-mail one@domain.f not found"
    );
    assert_eq!(ids(&bench, json!({"email": "one@domain.fi"})), [1, 2]);

    let find = |id: Value| bench.call(CUSTOMERS, "get_by_external_id", json!({"external_id": id}));
    assert_eq!(find(json!(56)).unwrap()["external_id"], json!(56));
    assert_eq!(find(json!("56")).unwrap()["external_id"], json!(56));
    assert_eq!(find(json!("ext-7")).unwrap()["id"], json!(2));
    for id in [json!("57"), json!("056"), json!(""), json!("EXT-7")] {
        assert_eq!(find(id).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(find(json!(null)).unwrap_err().to_string(), "external_id: is required");
    assert_eq!(
        bench.of::<Customer>().get_by_external_id("56").unwrap().external_id,
        Some(ExternalId::Number(56))
    );
    for query in [
        json!({"external_id": 56}),
        json!({"external_id": ["56", "x"]}),
        json!({"filter": "eq(external_id,56)"}),
    ] {
        assert_eq!(ids(&bench, query.clone()), [1], "{query}");
    }
    assert_eq!(ids(&bench, json!({"external_id": null})), [3]);
    assert_eq!(ids(&bench, json!({"filter": "like(external_id,ext*)"})), [2]);

    let taken = bench.call(CUSTOMERS, "update", json!({"id": 3, "external_id": "56"})).unwrap_err();
    assert!(matches!(&taken, Error::Conflict { field, .. } if field == "external_id"), "{taken:?}");
    for (value, message) in [
        (json!(-1), "must be a whole number, 0 to 9223372036854775807"),
        (json!(1.5), "must be a whole number, 0 to 9223372036854775807"),
        (json!(true), "must be text or a number"),
        (json!("x".repeat(256)), "is longer than 255 characters"),
    ] {
        let faults = bench.faults(CUSTOMERS, "update", json!({"id": 1, "external_id": value}));
        assert_eq!(faults["external_id"], [message]);
    }
    // The same id in its other spelling is a change of how it is shown, and of nothing else.
    let spelled = bench.call(CUSTOMERS, "update", json!({"id": 1, "external_id": "56"})).unwrap();
    assert_eq!(spelled["external_id"], json!("56"));
    bench.call(CUSTOMERS, "update", json!({"id": 1, "external_id": null, "email": "new@domain.fi"})).unwrap();
    assert_eq!(find(json!(56)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(by_email("one@domain.fi").unwrap(), 2);
    bench.check();
}

#[test]
fn times_are_bounds_in_three_forms() {
    let bench = bench();
    for login in ["2017-06-14T01:30:00+03:00", "2017-06-14T20:45:52+03:00", "2017-06-14 20:45:52"] {
        bench.create(CUSTOMERS, with(example(), json!({"last_login_at": login})));
    }
    bench.create(CUSTOMERS, example());
    bench.set_clock("2017-06-15T00:00:00Z");
    bench.call(CUSTOMERS, "update", json!({"id": 2, "city": "Turku"})).unwrap();
    for (query, found) in [
        (json!({"last_login_at-from": "2017-06-14"}), vec![2, 3]),
        (json!({"last_login_at_to": "2017-06-13"}), vec![1]),
        (json!({"last_login_at-to": "2017-06-14T17:45:52"}), vec![1, 2]),
        (
            json!({"last_login_at_from": "2017-06-14T20:45:52+03:00", "sort": "last_login_at-desc"}),
            vec![3, 2],
        ),
        (json!({"last_login_at": null}), vec![4]),
        (json!({"created_at-to": "2013-06-19"}), vec![1, 2, 3, 4]),
        (json!({"created_at-from": "2013-06-19T20:41:48+03:00"}), vec![]),
        (json!({"updated_at-from": "2017-06-15"}), vec![2]),
        (json!({"updated_at-to": "2017-06-14"}), vec![1, 3, 4]),
        (json!({"filter": "eq(city,Turku):eq(login_allowed,true)"}), vec![2]),
        (
            json!({"country": "FI", "company": "Example Company Inc.", "last_name": "Customer", "page_size": 2, "page": 2}),
            vec![3, 4],
        ),
    ] {
        assert_eq!(ids(&bench, query.clone()), found, "{query}");
    }
    assert_eq!(bench.get(CUSTOMERS, &json!(1))["last_login_at"], json!("2017-06-14T01:30:00+03:00"));
}

#[test]
fn the_example_of_an_address() {
    let bench = bench();
    bench.create_customers(2);
    let example = json!({
        "id": 1, "created_at": NOW, "updated_at": NOW, "customer_id": 2, "primary": false,
        "email": "mail@example.com", "company": "Pulse247 Oy", "first_name": "Example", "last_name": "Customer",
        "street_address": "Kaivokatu 12", "street_name": "Moussaouistraat", "street_number": "22",
        "house_extension": "b", "postal_code": "00100", "city": "Helsinki", "country": "fi",
        "phone": "+3585012312312"
    });
    let mut fields = example.clone();
    for name in ["id", "customer_id"] {
        fields.as_object_mut().unwrap().shift_remove(name);
    }
    let made = address(&bench, "add_address", 2, fields);
    assert_eq!(made.to_string(), example.to_string(), "also in this order");
    assert_eq!(addresses(&bench, 2), std::slice::from_ref(&made));
    assert_eq!(addresses(&bench, 1), Vec::<Value>::new());
    assert_eq!(bench.get(CUSTOMERS, &json!(2))["updated_at"], json!(NOW), "no change of the customer");
    bench.set_clock("2014-01-01T00:00:00Z");
    // What was read, with the customer's id where the address had its own.
    let back = with(made.clone(), json!({"address_id": 1, "city": "Turku"}));
    let updated = address(&bench, "update_address", 2, back.clone());
    assert_shows(&updated, &made, &["city", "updated_at"]);
    assert_eq!(
        (updated["city"].clone(), updated["updated_at"].clone()),
        (json!("Turku"), json!("2014-01-01T00:00:00Z"))
    );
    assert_eq!(
        address(&bench, "update_address", 2, with(back, json!({"customer_id": 1}))),
        updated,
        "it stays whose it is"
    );
    let second = address(&bench, "add_address", 1, json!({}));
    assert_eq!((second["id"].clone(), second["city"].clone()), (json!(2), Value::Null), "no two share an id");
    let typed = bench.of::<Customer>().add_address(1, Fields::default().with("city", "Oulu")).unwrap();
    assert_eq!((typed.id, typed.customer_id, typed.city.as_deref()), (3, 1, Some("Oulu")));
    bench
        .of::<Customer>()
        .update_address(1, 3, Fields::default().with("id", 9).with("city", "Espoo"))
        .unwrap();
    assert_eq!(bench.of::<Customer>().addresses(1).unwrap()[1].city.as_deref(), Some("Espoo"));
    bench.check();
    let bench = bench.reopen();
    assert_eq!(address(&bench, "remove_address", 1, json!({"address_id": 2})), Value::Null);
    assert_eq!(addresses(&bench, 1).len(), 1);
    bench.call(CUSTOMERS, "delete", json!({"id": 1})).unwrap();
    assert_eq!(bench.of::<CustomerAddress>().len().unwrap(), 1);
    bench.check();
}

#[test]
fn one_address_is_primary() {
    let bench = bench();
    bench.create_customers(2);
    let primary = |id: u64| {
        addresses(&bench, id)
            .iter()
            .filter(|one| one["primary"] == json!(true))
            .map(|one| one["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    for (customer, is_primary) in [(1, false), (1, true), (2, true), (1, true)] {
        address(&bench, "add_address", customer, json!({"primary": is_primary}));
    }
    assert_eq!((primary(1), primary(2)), (vec![4], vec![3]));
    bench.set_clock("2014-01-01T00:00:00Z");
    address(&bench, "update_address", 1, json!({"address_id": 1, "primary": true}));
    assert_eq!((primary(1), primary(2)), (vec![1], vec![3]));
    let times = addresses(&bench, 1).iter().map(|one| one["updated_at"].clone()).collect::<Vec<_>>();
    assert_eq!(times[2], json!("2014-01-01T00:00:00Z"), "the one that was primary changed");
    assert_eq!(times[1], json!("2013-06-19T17:41:47.000001Z"), "the one that was not did not");
    address(&bench, "update_address", 1, json!({"address_id": 1, "primary": false}));
    assert_eq!(primary(1), Vec::<u64>::new());
    address(&bench, "remove_address", 2, json!({"address_id": 3}));
    assert_eq!(primary(2), Vec::<u64>::new());
    bench.check();
}

#[test]
fn whose_address_it_is() {
    let bench = bench();
    bench.create_customers(2);
    let of_second = address(&bench, "add_address", 2, json!({"city": "Oulu"}));
    assert_eq!(of_second["id"], json!(1));
    // Passed on as it was read, its own id would stand for the customer's.
    let faults = bench.faults(CUSTOMERS, "add_address", of_second.clone());
    assert_eq!(faults["customer_id"], ["is not the customer 1 that the address is for: leave it out"]);
    assert_eq!(
        bench.call(CUSTOMERS, "update_address", of_second.clone()).unwrap_err().to_string(),
        "address_id: is required"
    );
    for (verb, arguments, message) in [
        ("addresses", json!({"id": 9}), "customer 9 not found"),
        ("add_address", json!({"id": 9}), "customer 9 not found"),
        ("add_address", json!({"city": "x"}), "id: is required"),
        (
            "add_address",
            json!({"id": 1, "email": "x"}),
            "email: must be an e-mail address, as mail@example.com",
        ),
        ("add_address", json!({"id": 1, "primary": null}), "primary: must be true or false"),
        ("add_address", json!({"id": 1, "floor": 3}), "floor: is not a field of this record"),
        ("add_address", json!({"id": 1, "address_id": 3}), "address_id: is not a field of this record"),
        ("update_address", json!({"id": 1, "address_id": 1}), "customer address 1 of customer 1 not found"),
        ("update_address", json!({"id": 2, "address_id": 9}), "customer address 9 not found"),
        ("update_address", json!({"id": 9, "address_id": 1}), "customer 9 not found"),
        (
            "update_address",
            json!({"id": 2, "address_id": 1, "city": "c".repeat(10 << 20)}),
            "city: is longer than 255 characters",
        ),
        ("remove_address", json!({"id": 1, "address_id": 1}), "customer address 1 of customer 1 not found"),
        ("remove_address", json!({"id": 2, "address_id": 1, "force": true}), "force: is not an argument"),
    ] {
        assert_eq!(bench.call(CUSTOMERS, verb, arguments).unwrap_err().to_string(), message);
    }
    assert_eq!(addresses(&bench, 2), [of_second]);
    bench.check();
}

#[test]
fn create_many_is_all_or_none() {
    let bench = bench();
    let twice = |id: &str| with(example(), json!({"external_id": id}));
    let refused =
        bench.call(CUSTOMERS, "create_many", json!({"records": [twice("1"), twice("1")]})).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let faults = bench.faults(CUSTOMERS, "create_many", json!({"records": [example(), {"email": "x"}]}));
    assert!(faults.keys().all(|name| name.starts_with("[1].")), "{faults:?}");
    assert!(bench.of::<Customer>().is_empty().unwrap());
    bench.create_customers(3);
    assert_eq!(ids(&bench, json!({"sort": "id-desc"})), [3, 2, 1]);
    bench.check();
}

impl Bench {
    fn create_customers(&self, count: usize) {
        self.call(CUSTOMERS, "create_many", json!({"records": vec![example(); count]})).unwrap();
    }
}
