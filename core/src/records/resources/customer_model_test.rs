//! Customers, their addresses and groups against a model of plain values, over a database that is closed and opened
//! again in between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ErrorKind;
use crate::records::bench::Bench;

#[derive(Debug, Clone)]
enum Step {
    CreateCustomer { email: String, external_id: Option<u64> },
    UpdateCustomer { which: u64, email: Option<String>, external_id: Option<Option<u64>> },
    DeleteCustomer(u64),
    CreateGroup(String),
    DeleteGroup(u64),
    Add { group: u64, customer: u64 },
    Remove { group: u64, customer: u64 },
    AddAddress { customer: u64, primary: bool },
    SetPrimary { customer: u64, address: u64, primary: bool },
    RemoveAddress { customer: u64, address: u64 },
    Reopen,
}

/// Few different values, so that steps meet.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let email = || prop_oneof![Just("a@x"), Just("A@X"), Just("b@x"), Just("c@y")].prop_map(str::to_owned);
    let id = || 1..5_u64;
    let step = prop_oneof![
        5 => (email(), prop::option::of(0..4_u64))
            .prop_map(|(email, external_id)| Step::CreateCustomer { email, external_id }),
        2 => (id(), prop::option::of(email()), prop::option::of(prop::option::of(0..4_u64)))
            .prop_map(|(which, email, external_id)| Step::UpdateCustomer { which, email, external_id }),
        1 => id().prop_map(Step::DeleteCustomer),
        3 => "[ab]".prop_map(Step::CreateGroup),
        1 => id().prop_map(Step::DeleteGroup),
        8 => (id(), id()).prop_map(|(group, customer)| Step::Add { group, customer }),
        2 => (id(), id()).prop_map(|(group, customer)| Step::Remove { group, customer }),
        4 => (id(), any::<bool>()).prop_map(|(customer, primary)| Step::AddAddress { customer, primary }),
        2 => (id(), id(), any::<bool>())
            .prop_map(|(customer, address, primary)| Step::SetPrimary { customer, address, primary }),
        1 => (id(), id()).prop_map(|(customer, address)| Step::RemoveAddress { customer, address }),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 20..80).prop_map(|steps| beginning().into_iter().chain(steps).collect())
}

/// Something to link, so that most steps find what they name.
fn beginning() -> Vec<Step> {
    let customer = |email: &str| Step::CreateCustomer { email: email.to_owned(), external_id: None };
    let group = |name: &str| Step::CreateGroup(name.to_owned());
    vec![customer("a@x"), customer("b@x"), customer("A@X"), group("a"), group("b"), group("a")]
}

#[derive(Debug, Clone)]
struct Customer {
    email: String,
    external_id: Option<u64>,
}

#[derive(Debug, Default)]
struct Model {
    customers: BTreeMap<u64, Customer>,
    groups: BTreeMap<u64, String>,
    /// Group and customer.
    links: BTreeSet<(u64, u64)>,
    /// Whose, and whether primary.
    addresses: BTreeMap<u64, (u64, bool)>,
    /// The last ids given: customers, groups, addresses.
    last: [u64; 3],
}

impl Model {
    /// What the engine is to be asked for, and what it must answer: the new id or nothing, or which refusal.
    fn run(&mut self, step: &Step) -> (&'static str, &'static str, Value, Result<Option<u64>, ErrorKind>) {
        let missing = Err(ErrorKind::NotFound);
        match step {
            Step::CreateCustomer { email, external_id } => {
                let fields = json!({
                    "first_name": "x", "last_name": "x", "login_allowed": false, "street_address": "x",
                    "postal_code": "x", "city": "x", "country": "FI", "email": email, "external_id": external_id
                });
                let outcome = if self.is_taken(*external_id, 0) {
                    Err(ErrorKind::Conflict)
                } else {
                    self.last[0] += 1;
                    let customer = Customer { email: email.clone(), external_id: *external_id };
                    self.customers.insert(self.last[0], customer);
                    Ok(Some(self.last[0]))
                };
                ("customers", "create", fields, outcome)
            }
            Step::UpdateCustomer { which, email, external_id } => {
                let mut fields = json!({"id": which});
                email.iter().for_each(|email| fields["email"] = json!(email));
                // As text: the other spelling of the same id.
                external_id.iter().for_each(|id| fields["external_id"] = json!(id.map(|id| id.to_string())));
                let taken = external_id.is_some_and(|id| self.is_taken(id, *which));
                let outcome = match self.customers.get_mut(which) {
                    None => missing,
                    Some(_) if taken => Err(ErrorKind::Conflict),
                    Some(customer) => {
                        customer.email = email.clone().unwrap_or(customer.email.clone());
                        customer.external_id = external_id.unwrap_or(customer.external_id);
                        Ok(Some(*which))
                    }
                };
                ("customers", "update", fields, outcome)
            }
            Step::DeleteCustomer(id) => {
                let outcome = self.customers.remove(id).map(|_| None).ok_or(ErrorKind::NotFound);
                self.links.retain(|(_, customer)| customer != id);
                self.addresses.retain(|_, (customer, _)| customer != id);
                ("customers", "delete", json!({"id": id}), outcome)
            }
            Step::CreateGroup(name) => {
                self.last[1] += 1;
                self.groups.insert(self.last[1], name.clone());
                ("customer_groups", "create", json!({"name": name}), Ok(Some(self.last[1])))
            }
            Step::DeleteGroup(id) => {
                let outcome = self.groups.remove(id).map(|_| None).ok_or(ErrorKind::NotFound);
                self.links.retain(|(group, _)| group != id);
                ("customer_groups", "delete", json!({"id": id}), outcome)
            }
            Step::Add { group, customer } => {
                let there = self.groups.contains_key(group) && self.customers.contains_key(customer);
                if there {
                    self.links.insert((*group, *customer));
                }
                let arguments = json!({"group_id": group, "customer_id": customer});
                ("customer_groups", "add", arguments, if there { Ok(None) } else { missing })
            }
            Step::Remove { group, customer } => {
                let outcome = if self.links.remove(&(*group, *customer)) { Ok(None) } else { missing };
                ("customer_groups", "remove", json!({"group_id": group, "customer_id": customer}), outcome)
            }
            Step::AddAddress { .. } | Step::SetPrimary { .. } | Step::RemoveAddress { .. } => {
                self.address(step)
            }
            Step::Reopen => ("customers", "count", json!({}), Ok(None)),
        }
    }

    fn address(
        &mut self,
        step: &Step,
    ) -> (&'static str, &'static str, Value, Result<Option<u64>, ErrorKind>) {
        let held = |model: &Self, customer: &u64, address: &u64| {
            model.addresses.get(address).is_some_and(|(owner, _)| owner == customer)
        };
        let missing = Err(ErrorKind::NotFound);
        match step {
            Step::AddAddress { customer, primary } => {
                let outcome = if self.customers.contains_key(customer) {
                    self.last[2] += 1;
                    self.addresses.insert(self.last[2], (*customer, *primary));
                    self.only(self.last[2]);
                    Ok(Some(self.last[2]))
                } else {
                    missing
                };
                ("customers", "add_address", json!({"id": customer, "primary": primary}), outcome)
            }
            Step::SetPrimary { customer, address, primary } => {
                let is_held = held(self, customer, address);
                if is_held {
                    self.addresses.insert(*address, (*customer, *primary));
                    self.only(*address);
                }
                let arguments = json!({"id": customer, "address_id": address, "primary": primary});
                ("customers", "update_address", arguments, if is_held { Ok(Some(*address)) } else { missing })
            }
            Step::RemoveAddress { customer, address } => {
                let is_held = held(self, customer, address);
                if is_held {
                    self.addresses.remove(address);
                }
                let arguments = json!({"id": customer, "address_id": address});
                ("customers", "remove_address", arguments, if is_held { Ok(None) } else { missing })
            }
            other => panic!("{other:?} is no step of addresses"),
        }
    }

    /// A primary address is its customer's only one.
    fn only(&mut self, id: u64) {
        let (owner, primary) = self.addresses[&id];
        let others =
            self.addresses.iter_mut().filter(|(other, (customer, _))| **other != id && *customer == owner);
        others.filter(|_| primary).for_each(|(_, (_, other))| *other = false);
    }

    fn is_taken(&self, external_id: Option<u64>, but: u64) -> bool {
        let mut others = self.customers.iter().filter(|(id, _)| **id != but);
        external_id.is_some() && others.any(|(_, other)| other.external_id == external_id)
    }

    fn assert_same(&self, bench: &Bench) {
        self.assert_lists(bench);
        self.assert_finders(bench);
        for group in 1..=self.last[1] + 1 {
            let members = bench.call("customer_groups", "members", json!({"group_id": group}));
            match self.groups.contains_key(&group) {
                true => {
                    assert_eq!(ids(&members.unwrap()), self.linked(|link| link.0 == group, |link| link.1))
                }
                false => assert_eq!(members.unwrap_err().kind(), ErrorKind::NotFound),
            }
        }
    }

    fn linked(&self, which: impl Fn(&(u64, u64)) -> bool, end: impl Fn(&(u64, u64)) -> u64) -> Vec<u64> {
        self.links.iter().filter(|link| which(link)).map(end).collect()
    }

    fn assert_lists(&self, bench: &Bench) {
        let listed =
            bench.call("customers", "list", json!({"expand": "customer_groups", "page_size": 1000})).unwrap();
        assert_eq!(ids(&listed["data"]), self.customers.keys().copied().collect::<Vec<_>>());
        for customer in listed["data"].as_array().unwrap() {
            let id = customer["id"].as_u64().unwrap();
            assert_eq!(customer["email"], json!(self.customers[&id].email));
            let groups = customer["customer_groups"].as_array().unwrap();
            let names: Vec<_> = groups.iter().map(|group| group["name"].as_str().unwrap()).collect();
            let linked = self.linked(|link| link.1 == id, |link| link.0);
            assert_eq!(ids(&customer["customer_groups"]), linked);
            assert_eq!(names, linked.iter().map(|group| &self.groups[group]).collect::<Vec<_>>());
            let addresses = bench.call("customers", "addresses", json!({"id": id})).unwrap();
            let found = addresses.as_array().unwrap().iter();
            let found = found.map(|one| (one["id"].as_u64().unwrap(), one["primary"] == json!(true)));
            let held = self.addresses.iter().filter(|(_, (owner, _))| *owner == id);
            assert_eq!(
                found.collect::<Vec<_>>(),
                held.map(|(id, (_, primary))| (*id, *primary)).collect::<Vec<_>>()
            );
        }
        let listed = bench.call("customer_groups", "list", json!({"expand": "customer_links"})).unwrap();
        assert_eq!(ids(&listed["data"]), self.groups.keys().copied().collect::<Vec<_>>());
        let links = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|group| group["customer_links"].as_array().unwrap());
        let end = |link: &Value, name: &str| link[name].as_u64().unwrap();
        let links = links.map(|link| (end(link, "customer_group_id"), end(link, "customer_id")));
        assert_eq!(links.collect::<BTreeSet<_>>(), self.links);
    }

    fn assert_finders(&self, bench: &Bench) {
        let found = |verb: &str, arguments: Value| match bench.call("customers", verb, arguments) {
            Ok(customer) => customer["id"].as_u64(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                None
            }
        };
        for email in ["a@x", "B@x", "c@Y", "d@x"] {
            let same = |(_, customer): &(&u64, &Customer)| customer.email.eq_ignore_ascii_case(email);
            let all: Vec<_> = self.customers.iter().filter(same).map(|(id, _)| *id).collect();
            assert_eq!(found("get_by_email", json!({"email": email})), all.first().copied());
            assert_eq!(ids(&bench.call("customers", "list", json!({"email": email})).unwrap()["data"]), all);
        }
        for external_id in 0..4 {
            let same = |(_, customer): &(&u64, &Customer)| customer.external_id == Some(external_id);
            let id = self.customers.iter().find(same).map(|(id, _)| *id);
            assert_eq!(found("get_by_external_id", json!({"external_id": external_id})), id);
            assert_eq!(found("get_by_external_id", json!({"external_id": external_id.to_string()})), id);
        }
    }
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn customers_and_groups_as_in_a_model(steps in steps()) {
        let (mut bench, mut model) = (Bench::new("2018-03-01T00:00:00Z"), Model::default());
        for step in &steps {
            let (collection, verb, arguments, expected) = model.run(step);
            let answer = bench.call(collection, verb, arguments);
            let outcome = answer.map(|value| value.get("id").and_then(Value::as_u64));
            prop_assert_eq!(outcome.map_err(|error| error.kind()), expected, "{:?}", step);
            if matches!(step, Step::Reopen) {
                bench.check();
                bench = bench.reopen();
            }
            model.assert_same(&bench);
        }
        bench.check();
    }
}
