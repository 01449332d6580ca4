use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::bench::{Bench, assert_shows};
use crate::records::{Collection, Customer, CustomerGroup, CustomerLink};

const CUSTOMERS: &str = "customers";
const GROUPS: &str = "customer_groups";
const NOW: &str = "2013-06-19T17:41:47Z";

/// Groups "one" and "two", customers 1 to 4.
fn bench() -> Bench {
    let bench = Bench::new(NOW);
    for name in ["one", "two"] {
        bench.create(GROUPS, json!({"name": name}));
    }
    for name in ["a", "b", "c", "d"] {
        bench.create(
            CUSTOMERS,
            json!({
                "first_name": name, "last_name": "x", "login_allowed": true, "street_address": "x",
                "postal_code": "x", "city": "x", "country": "FI", "email": format!("{name}@b")
            }),
        );
    }
    bench
}

fn groups(bench: &Bench) -> Collection<CustomerGroup> {
    bench.of()
}

fn members(bench: &Bench, group_id: u64) -> Vec<u64> {
    groups(bench).members(group_id).unwrap().iter().map(|customer| customer.id).collect()
}

fn group_names(bench: &Bench, customer_id: u64) -> Vec<String> {
    let customer = bench.get(CUSTOMERS, &json!(customer_id));
    let groups = customer["customer_groups"].as_array().unwrap();
    groups.iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let made = bench.create(GROUPS, json!({"name": "Jälleenmyyjät"}));
    assert_eq!(
        made,
        json!({"id": 3, "created_at": NOW, "updated_at": NOW, "name": "Jälleenmyyjät", "translations": []})
    );
    // Links keep the order in which they were made.
    for customer_id in [4, 2] {
        let link = bench.call(GROUPS, "add", json!({"group_id": 3, "customer_id": customer_id})).unwrap();
        assert_eq!(link, json!({"customer_id": customer_id, "customer_group_id": 3}));
    }
    let query = json!({"expand": "customer_links", "filter": "eq(name,Jälleenmyyjät)"});
    let listed = bench.call(GROUPS, "list", query).unwrap();
    let example = json!({
        "id": 3, "created_at": NOW, "updated_at": NOW, "name": "Jälleenmyyjät",
        "customer_links": [
            {"id": 1, "created_at": NOW, "updated_at": NOW, "customer_id": 4, "customer_group_id": 3},
            {"id": 2, "created_at": NOW, "updated_at": NOW, "customer_id": 2, "customer_group_id": 3}
        ]
    });
    assert_eq!(listed["data"], json!([example]));
    let asked =
        bench.call(GROUPS, "get", json!({"id": 3, "expand": ["translations", "customer_links"]})).unwrap();
    assert_shows(&asked, &example, &[]);
    assert_eq!(asked["translations"], json!([]));
    assert_eq!(bench.get(GROUPS, &json!(3)), made, "links only where they are asked for");
    // What was read can be written back; the links are not written so.
    let mut back = asked.clone();
    back["customer_links"] = json!([]);
    assert_eq!(bench.call(GROUPS, "update", back).unwrap(), made);
    assert_eq!(members(&bench, 3), [2, 4]);
    bench.check();
}

#[test]
fn members_come_and_go() {
    let bench = bench();
    let before = bench.get(GROUPS, &json!(1));
    let first = groups(&bench).add(1, 3).unwrap();
    bench.set_clock("2014-01-01T00:00:00Z");
    assert_eq!(groups(&bench).add(1, 3).unwrap(), first, "who is in it stays");
    groups(&bench).add(1, 1).unwrap();
    groups(&bench).add(2, 3).unwrap();
    assert_eq!((members(&bench, 1), members(&bench, 2)), (vec![1, 3], vec![3]));
    assert_eq!(group_names(&bench, 3), ["one", "two"]);
    assert_eq!(bench.of::<CustomerLink>().len().unwrap(), 3);
    assert_eq!(bench.get(GROUPS, &json!(1)), before, "members are no change of the group");

    let told = bench.call(GROUPS, "members", json!({"group_id": 2})).unwrap();
    assert_shows(
        &told[0],
        &json!({"id": 3, "first_name": "c", "customer_id": 3, "customer_group_id": 2}),
        &[],
    );
    // A member can be written back as the customer it is.
    let back = bench.call(CUSTOMERS, "update", told[0].clone()).unwrap();
    assert_eq!((back["customer_id"].clone(), back["updated_at"].clone()), (Value::Null, json!(NOW)));

    assert_eq!(
        bench.call(GROUPS, "remove", json!({"group_id": "1", "customer_id": "3"})).unwrap(),
        Value::Null
    );
    assert_eq!(members(&bench, 1), [1]);
    for (verb, group_id, customer_id, message) in [
        ("remove", 1, 3, "customer 3 in customer group 1 not found"),
        ("remove", 9, 3, "customer group 9 not found"),
        ("remove", 1, 9, "customer 9 not found"),
        ("add", 9, 3, "customer group 9 not found"),
        ("add", 1, 9, "customer 9 not found"),
    ] {
        let refused = bench.call(GROUPS, verb, json!({"group_id": group_id, "customer_id": customer_id}));
        assert_eq!(refused.unwrap_err().to_string(), message);
    }
    for (verb, arguments, message) in [
        ("members", json!({"group_id": 9}), "customer group 9 not found"),
        ("members", json!({"id": 1}), "group_id: is required"),
        ("members", json!({"group_id": 1, "page": 1}), "page: is not an argument"),
        ("add", json!({"group_id": 1}), "customer_id: is required"),
        ("add", json!({"group_id": 1, "customer_id": 1, "since": 1}), "since: is not an argument"),
    ] {
        assert_eq!(bench.call(GROUPS, verb, arguments).unwrap_err().to_string(), message);
    }
    bench.check();
    let bench = bench.reopen();
    assert_eq!((members(&bench, 1), members(&bench, 2)), (vec![1], vec![3]));
}

#[test]
fn links_go_with_either_end() {
    let bench = bench();
    for (group_id, customer_id) in [(1, 1), (1, 2), (2, 2), (2, 3)] {
        groups(&bench).add(group_id, customer_id).unwrap();
    }
    bench.call(CUSTOMERS, "delete", json!({"id": 2})).unwrap();
    assert_eq!((members(&bench, 1), members(&bench, 2)), (vec![1], vec![3]));
    bench.call(GROUPS, "delete", json!({"id": 2})).unwrap();
    assert_eq!(group_names(&bench, 3), Vec::<String>::new());
    assert_eq!(group_names(&bench, 1), ["one"]);
    assert_eq!(bench.of::<CustomerLink>().len().unwrap(), 1);
    assert_eq!(bench.of::<Customer>().len().unwrap(), 3);
    assert_eq!(
        bench.call(GROUPS, "members", json!({"group_id": 2})).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    bench.check();
    let hidden = bench.call("customer_links", "list", json!({})).unwrap_err();
    assert_eq!(hidden.to_string(), "collection \"customer_links\" not found");
}

#[test]
fn names_in_other_languages() {
    let bench = bench();
    let both = json!([{"language": "fi", "name": "Jälleenmyyjät"}, {"language": "en", "name": null}]);
    let made = bench.create(GROUPS, json!({"translations": both}));
    let shown = json!([both[0], {"language": "en"}]);
    assert_eq!((made["name"].clone(), made["translations"].clone()), (Value::Null, shown));
    assert_eq!(bench.get(GROUPS, &made["id"]), made);
    let typed = bench.of::<CustomerGroup>().get(3).unwrap();
    assert_eq!(typed.translations.text("fi", "name"), Some("Jälleenmyyjät"));
    assert_eq!((typed.translations.text("en", "name"), typed.translations.text("sv", "name")), (None, None));
    // What an update gives takes the place of all there was.
    let faults = bench.faults(GROUPS, "update", json!({"id": 3, "translations": [{"language": "fi"}]}));
    assert_eq!(faults["name"], ["is required, here or in a translation"]);
    let update =
        json!({"id": 3, "name": "Resellers", "translations": [{"language": "sv", "name": "Återförsäljare"}]});
    let updated = bench.call(GROUPS, "update", update).unwrap();
    assert_eq!(updated["translations"], json!([{"language": "sv", "name": "Återförsäljare"}]));
    assert_eq!(
        bench.call(GROUPS, "update", json!({"id": 3, "name": "R"})).unwrap()["translations"],
        updated["translations"]
    );
    let cleared = bench.call(GROUPS, "update", json!({"id": 3, "translations": null})).unwrap();
    assert_eq!(cleared["translations"], json!([]));
    let listed = bench.call(GROUPS, "list", json!({"expand": ["translations"], "name": "R"})).unwrap();
    assert_eq!(listed["data"], json!([cleared]));
    bench.check();
    bench.reopen().check();
}

#[test]
fn wrong_input_is_told_at_once() {
    let bench = bench();
    for (fields, name, message) in [
        (json!({}), "name", "is required, here or in a translation"),
        (json!({"name": null}), "name", "is required, here or in a translation"),
        (json!({"name": " "}), "name", "is required, here or in a translation"),
        (
            json!({"translations": [{"language": "fi", "name": " "}]}),
            "name",
            "is required, here or in a translation",
        ),
        (json!({"name": 7}), "name", "must be text"),
        (json!({"name": "a\0"}), "name", "must not contain control characters"),
        (json!({"name": "n".repeat(10 << 20)}), "name", "is longer than 255 characters"),
        (json!({"name": "a", "translations": {}}), "translations", "must be a list"),
        (json!({"name": "a", "translations": ["fi"]}), "translations[0]", "must be an object"),
        (json!({"name": "a", "translations": [{"name": "x"}]}), "translations[0].language", "is required"),
        (
            json!({"name": "a", "translations": [{"language": "fi", "name": 1}]}),
            "translations[0].name",
            "must be text",
        ),
        (
            json!({"name": "a", "translations": [{"language": "fi", "title": "x"}]}),
            "translations[0].title",
            "is not a field of this record",
        ),
        (
            json!({"name": "a", "translations": [{"language": "fi"}, {"language": "en"}, {"language": "fi"}]}),
            "translations[2].language",
            "stands twice",
        ),
    ] {
        let faults = bench.faults(GROUPS, "create", fields.clone());
        assert_eq!(
            faults.into_iter().collect::<Vec<_>>(),
            [(name.to_owned(), vec![message.to_owned()])],
            "{fields}"
        );
    }
    let many =
        |count| (0..count).map(|n| json!({"language": format!("x-{n}"), "name": "x"})).collect::<Vec<_>>();
    let made = bench.create(GROUPS, json!({"translations": many(1000)}));
    assert_eq!(made["translations"].as_array().unwrap().len(), 1000);
    assert!(
        bench.faults(GROUPS, "create", json!({"translations": many(10_000)})).contains_key("translations")
    );
    bench.check();
}
