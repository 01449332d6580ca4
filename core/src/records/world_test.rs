//! All collections at once, at random, against plain maps: whatever is done to them in whichever order, refused or not,
//! and however often the database is closed between, with its index or without. `TILLROLL_MODEL_STEPS` and
//! `TILLROLL_MODEL_SEED` say how much and which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::ErrorKind;

use super::bench::Bench;
use super::keys_test::{assert_keys, assert_tallies};
use super::standing_test::Question;
use super::*;

const STEPS: u64 = 250;
/// Records of a collection, so that steps meet.
const MANY: usize = 8;

const LINKS: &str = "customer_links";
const ADDRESSES: &str = "customer_addresses";
const PLACED: &str = "category_products";
const PRICES: &str = "campaign_prices";
const GROUPED: &str = "product_links";

/// The collections with names in the faces, and their fields that listings filter by.
pub(super) const COLLECTIONS: [(&str, &[&str]); 12] = [
    ("external_accounts", &["nickname", "username", "auto_import", "store", "account_id"]),
    ("accounts", &["name", "legal_name"]),
    ("customers", &["external_id", "last_name", "company", "country"]),
    ("customer_groups", &["name"]),
    ("subscribers", &["email", "language", "country"]),
    ("gift_cards", &["code"]),
    ("products", &["name", "developer", "store", "sku", "parent_id"]),
    ("brands", &["name"]),
    ("categories", &["parent_id", "parent_sort", "name", "external_id"]),
    ("campaigns", &["published"]),
    ("banner_groups", &["code", "title"]),
    ("banners", &["group_id", "sort", "code", "title"]),
];

/// What no two records of a collection may share.
const UNIQUE: [(&str, &[&str]); 6] = [
    ("customers", &["external_id"]),
    ("gift_cards", &["code"]),
    ("products", &["store", "vendor_identifier"]),
    ("categories", &["external_id"]),
    ("banner_groups", &["code"]),
    ("banners", &["code"]),
];

/// SplitMix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % bound
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn text(&mut self) -> Value {
        json!(self.pick(&["a", "b", "\u{e9}\u{4e2d}", "long enough to be no prefix"]))
    }

    /// Null now and then.
    fn some(&mut self, value: Value) -> Value {
        if self.one_in(3) { Value::Null } else { value }
    }
}

/// Numbers stand before texts, each in its order.
type Id = (u64, String);

fn id(value: &Value) -> Id {
    (value.as_u64().unwrap_or(0), value.as_str().unwrap_or_default().to_owned())
}

pub(super) fn id_of(collection: &str, record: &Value) -> Value {
    record[if collection == "gift_cards" { "code" } else { "id" }].clone()
}

#[derive(Default, Clone)]
pub(super) struct Twin {
    records: BTreeMap<&'static str, BTreeMap<Id, Value>>,
    /// Group and customer.
    links: BTreeSet<(u64, u64)>,
    /// Category and product: the two places.
    placed: BTreeMap<(u64, u64), (Value, Value)>,
    /// Campaign and product: the price.
    prices: BTreeMap<(u64, u64), u64>,
    /// The groups of linked products.
    groups: Vec<BTreeSet<u64>>,
}

impl Twin {
    pub(super) fn of(&self, collection: &str) -> impl Iterator<Item = &Value> {
        self.records.get(collection).into_iter().flat_map(BTreeMap::values)
    }

    fn ids(&self, collection: &str) -> Vec<Value> {
        self.of(collection).map(|record| id_of(collection, record)).collect()
    }

    fn get(&self, collection: &str, wanted: &Value) -> Option<&Value> {
        self.records.get(collection)?.get(&id(wanted))
    }

    fn put(&mut self, collection: &'static str, record: &Value) {
        let key = id(&id_of(collection, record));
        self.records.entry(collection).or_default().insert(key, own(collection, record));
    }

    fn remove(&mut self, collection: &str, gone: &Value) {
        self.records.get_mut(collection).unwrap().remove(&id(gone)).unwrap();
        let number = gone.as_u64().unwrap_or(0);
        match collection {
            "customers" => {
                self.links.retain(|(_, customer)| *customer != number);
                let addresses = self.records.entry(ADDRESSES).or_default();
                addresses.retain(|_, address| address["customer_id"] != *gone);
            }
            "customer_groups" => self.links.retain(|(group, _)| *group != number),
            "categories" => self.placed.retain(|(category, _), _| *category != number),
            "campaigns" => self.prices.retain(|(campaign, _), _| *campaign != number),
            "products" => self.ungroup(number),
            _ => {}
        }
    }

    /// The group of a product, itself among them.
    fn group(&self, product: u64) -> BTreeSet<u64> {
        let group = self.groups.iter().find(|group| group.contains(&product));
        group.cloned().unwrap_or_else(|| BTreeSet::from([product]))
    }

    fn regroup(&mut self, products: &BTreeSet<u64>) {
        let all = products.iter().flat_map(|product| self.group(*product)).collect();
        self.groups.retain(|group| group.is_disjoint(&all));
        self.groups.push(all);
    }

    fn ungroup(&mut self, product: u64) {
        for group in &mut self.groups {
            group.remove(&product);
        }
        self.groups.retain(|group| group.len() > 1);
    }

    /// What stands in the way of a record that goes.
    fn is_held(&self, collection: &str, wanted: &Value) -> bool {
        let (of, field) = match collection {
            "accounts" => ("accounts", "parent"),
            "categories" => ("categories", "parent_id"),
            "products" => ("products", "parent_id"),
            "banner_groups" => ("banners", "group_id"),
            _ => return false,
        };
        self.of(of).any(|record| record[field] == *wanted)
    }

    fn is_under(&self, collection: &str, field: &str, start: &Value, wanted: &Value) -> bool {
        let mut at = start.clone();
        while !at.is_null() {
            if at == *wanted {
                return true;
            }
            at = self.get(collection, &at).map_or(Value::Null, |record| record[field].clone());
        }
        false
    }

    /// Why a record cannot stand as it would be, if it cannot.
    fn refusal(&self, collection: &str, old: Option<&Value>, new: &Value) -> Option<ErrorKind> {
        let changed = |field: &str| !new[field].is_null() && old.is_none_or(|old| old[field] != new[field]);
        let missing = |of: &str, field: &str| changed(field) && self.get(of, &new[field]).is_none();
        let own = old.map_or(Value::Null, |old| id_of(collection, old));
        let circle = |field: &str| changed(field) && self.is_under(collection, field, &new[field], &own);
        let unsound = match collection {
            "accounts" => missing("accounts", "parent") || circle("parent"),
            "categories" => missing("categories", "parent_id") || circle("parent_id"),
            "banners" => missing("banner_groups", "group_id"),
            "products" => old.is_none() && !self.is_sound_item(new),
            _ => false,
        };
        if unsound {
            return Some(ErrorKind::Validation);
        }
        let (_, fields) = UNIQUE.iter().find(|(name, _)| *name == collection)?;
        let collides = |other: &Value| {
            old.is_none_or(|old| id_of(collection, old) != id_of(collection, other))
                && fields.iter().all(|field| !new[*field].is_null() && other[*field] == new[*field])
        };
        self.of(collection).any(collides).then_some(ErrorKind::Conflict)
    }

    fn is_sound_item(&self, new: &Value) -> bool {
        let account = &new["source"]["external_account_id"];
        let parent = self.get("products", &new["parent_id"]);
        let fits = |parent: &Value| parent["store"] == new["store"] && parent["parent_id"].is_null();
        (account.is_null() || self.get("external_accounts", account).is_some())
            && (new["parent_id"].is_null() || parent.is_some_and(fits))
    }
}

/// A record without what others say of it, and with its parent under one name.
fn own(collection: &str, record: &Value) -> Value {
    let mut record = record.as_object().unwrap().clone();
    let parent = record.get("relationships").and_then(|all| all.pointer("/parent/data/id")).cloned();
    for other in ["children", "relationships", "customer_groups"] {
        record.shift_remove(other);
    }
    if collection == "accounts" {
        record.insert("parent".to_owned(), parent.unwrap_or(Value::Null));
    }
    Value::Object(record)
}

struct World {
    bench: Bench,
    twin: Twin,
    dice: Dice,
    /// How many steps did what was asked, and how many were refused.
    done: [usize; 2],
    standing: Vec<Question>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (bench, twin) = (Bench::new("2018-03-01T00:00:00Z"), Twin::default());
        Self { bench, twin, dice: Dice(seed), done: [0, 0], standing: Vec::new() }
    }

    fn id_in(&mut self, collection: &str) -> Value {
        let ids = self.twin.ids(collection);
        if ids.is_empty() || self.dice.one_in(12) { json!(77) } else { self.dice.pick(&ids).clone() }
    }

    fn fields(&mut self, collection: &str) -> Map<String, Value> {
        let fields = match collection {
            "products" => self.product(),
            "customers" => self.customer(),
            "categories" => json!({
                "name": self.dice.text(), "parent_id": self.maybe_in("categories"),
                "parent_sort": self.number(), "external_id": self.number(),
                "visibilities": [{"version_id": 1, "is_visible": true}],
            }),
            "banners" => json!({
                "group_id": self.maybe_in("banner_groups"), "sort": self.number(), "code": self.code(),
                "title": self.text(), "translations": [{"language": "fi", "title": self.dice.text()}],
            }),
            "accounts" => json!({
                "name": self.dice.text(), "legal_name": self.text(), "parent": self.maybe_in("accounts"),
            }),
            _ => self.plain(collection),
        };
        fields.as_object().unwrap().clone()
    }

    fn text(&mut self) -> Value {
        let text = self.dice.text();
        self.dice.some(text)
    }

    fn number(&mut self) -> Value {
        let number = json!(self.dice.below(5));
        self.dice.some(number)
    }

    fn code(&mut self) -> Value {
        let code = json!(format!("c{}", self.dice.below(9)));
        self.dice.some(code)
    }

    fn maybe_in(&mut self, collection: &str) -> Value {
        let found = self.id_in(collection);
        let found = if collection == "accounts" && found.is_number() { json!("gone") } else { found };
        self.dice.some(found)
    }

    fn plain(&mut self, collection: &str) -> Value {
        let flag = self.dice.one_in(2);
        match collection {
            "external_accounts" => json!({
                "nickname": self.dice.text(), "username": self.text(), "auto_import": flag,
                "account_id": self.number(), "store": "apple", "password": self.text(),
            }),
            "subscribers" => json!({
                "email": self.dice.pick(&["a@x", "b@x", "c@y"]), "language": self.text(), "country": self.text(),
            }),
            "gift_cards" => json!({
                "code": format!("C{}", self.dice.below(12)), "expires_at": "2019-01-01",
                "notes": "n".repeat(*self.dice.pick(&[0, 10, 5_900, 6_100, 13_000])), "balance": self.number(),
            }),
            "campaigns" => json!({"published": flag, "conditions": {"code": self.code()}}),
            "banner_groups" => json!({"code": self.code(), "title": self.text()}),
            "brands" => json!({
                "name": self.dice.text(), "description": self.text(),
                "translations": [{"language": "en", "description": self.dice.text()}],
            }),
            _ => json!({"name": self.dice.text()}),
        }
    }

    fn customer(&mut self) -> Value {
        json!({
            "first_name": "x", "last_name": self.dice.text(), "login_allowed": false, "street_address": "x",
            "postal_code": "x", "city": "x", "country": self.dice.pick(&["FI", "DE"]), "email": "a@x",
            "company": self.text(), "external_id": self.number(),
        })
    }

    fn product(&mut self) -> Value {
        let account = self.id_in("external_accounts");
        let source = json!({"external_account_id": account, "active": true, "hidden": false, "type": "own"});
        json!({
            "name": self.dice.text(), "developer": self.text(), "sku": self.text(),
            "vendor_identifier": format!("v{}", self.dice.below(12)),
            "store": self.dice.pick(&["apple", "google_play"]), "parent_id": self.maybe_in("products"),
            "source": self.dice.some(source),
        })
    }

    /// What a change of a record names: a few of its fields.
    fn change(&mut self, collection: &str) -> Map<String, Value> {
        if collection == "products" {
            let (active, hidden) = (self.dice.one_in(2), self.dice.one_in(2));
            return json!({"source": {"active": active, "hidden": hidden}}).as_object().unwrap().clone();
        }
        let mut fields = self.fields(collection);
        fields.retain(|_, _| self.dice.one_in(2));
        fields
    }

    /// Runs a verb that must end as expected; gives what it gave.
    #[track_caller]
    fn run(
        &mut self,
        collection: &str,
        verb: &str,
        given: Value,
        refusal: Option<ErrorKind>,
    ) -> Option<Value> {
        let outcome = self.bench.call(collection, verb, given.clone());
        self.done[usize::from(refusal.is_some())] += 1;
        match (outcome, refusal) {
            (Ok(value), None) => Some(value),
            (Err(error), Some(kind)) if error.kind() == kind => None,
            (outcome, refusal) => panic!("{collection}.{verb}({given}): {outcome:?} for {refusal:?}"),
        }
    }

    fn step(&mut self) {
        let (mut collection, _) = *self.dice.pick(&COLLECTIONS);
        // What a listing remembers is wrong only where that collection has changed since.
        if !self.standing.is_empty() && self.dice.one_in(2) {
            collection = self.dice.pick(&self.standing).collection;
        }
        let crowded = self.twin.of(collection).count() > MANY;
        match self.dice.below(12) {
            0..=2 if !crowded => self.create(collection),
            3 if !crowded => self.create_many(collection),
            4..=6 => self.update(collection),
            7..=8 => self.delete(collection),
            _ => self.link(),
        }
    }

    fn create(&mut self, collection: &'static str) {
        let mut fields = self.fields(collection);
        let mut refusal = self.twin.refusal(collection, None, &json!(fields));
        if self.dice.one_in(6) {
            fields.insert("colour".to_owned(), json!(1));
            refusal = Some(ErrorKind::Validation);
        }
        if let Some(record) = self.run(collection, "create", json!(fields), refusal) {
            self.twin.put(collection, &record);
        }
    }

    /// Two records at once, the second of which may contradict the first or be wrong.
    fn create_many(&mut self, collection: &'static str) {
        let mut all = [self.fields(collection), self.fields(collection)];
        if self.dice.one_in(4) {
            all[1] = all[0].clone();
        }
        let wrong = self.dice.one_in(5);
        if wrong {
            all[1].insert("colour".to_owned(), json!(1));
        }
        let all = all.map(Value::Object);
        let alone: Vec<_> = all.iter().map(|fields| self.twin.refusal(collection, None, fields)).collect();
        let mut both = self.twin.clone();
        let mut first = all[0].clone();
        if collection != "gift_cards" {
            first["id"] = json!(u64::MAX);
        }
        both.put(collection, &first);
        let beside = both.refusal(collection, None, &all[1]);
        // What is wrong with a record alone is told before what they are to each other.
        let invalid = wrong || alone.contains(&Some(ErrorKind::Validation));
        let refusal = if invalid { Some(ErrorKind::Validation) } else { alone[0].or(beside) };
        if let Some(made) = self.run(collection, "create_many", json!({"records": all}), refusal) {
            made.as_array().unwrap().iter().for_each(|record| self.twin.put(collection, record));
        }
    }

    fn update(&mut self, collection: &'static str) {
        let wanted = self.id_in(collection);
        let fields = self.change(collection);
        let mut given = fields.clone();
        given.insert("id".to_owned(), wanted.clone());
        let Some(old) = self.twin.get(collection, &wanted).cloned() else {
            self.run(collection, "update", json!(given), Some(ErrorKind::NotFound));
            return;
        };
        let mut new = old.clone();
        new.as_object_mut().unwrap().extend(fields);
        let mut refusal = self.twin.refusal(collection, Some(&old), &new);
        if collection == "products" && old["source"]["type"] != "own" {
            refusal = Some(ErrorKind::Validation);
        }
        let updated_at = old.get("updated_at").or_else(|| old.pointer("/meta/timestamps/updated_at"));
        match (self.dice.below(6), updated_at) {
            (0, Some(time)) => drop(given.insert("if_updated_at".to_owned(), time.clone())),
            (1, Some(_)) => {
                given.insert("if_updated_at".to_owned(), json!("2001-01-01T00:00:00Z"));
                refusal = Some(
                    refusal.filter(|kind| *kind == ErrorKind::Validation).unwrap_or(ErrorKind::Conflict),
                );
            }
            _ => {}
        }
        if let Some(record) = self.run(collection, "update", json!(given), refusal) {
            // A card takes its code along.
            if wanted != id_of(collection, &record) {
                self.twin.remove(collection, &wanted);
            }
            self.twin.put(collection, &record);
        }
    }

    fn delete(&mut self, collection: &'static str) {
        let wanted = self.id_in(collection);
        let refusal = match self.twin.get(collection, &wanted) {
            None => Some(ErrorKind::NotFound),
            Some(_) => self.twin.is_held(collection, &wanted).then_some(ErrorKind::Conflict),
        };
        if self.run(collection, "delete", json!({"id": wanted}), refusal).is_some() {
            self.twin.remove(collection, &wanted);
        }
    }

    /// The verbs that only some collections have.
    fn link(&mut self) {
        match self.dice.below(9) {
            0 | 1 => self.membership(),
            2 | 3 => self.place(),
            4 => self.address(),
            5 | 6 => self.grouping(),
            _ => self.price(),
        }
    }

    fn membership(&mut self) {
        let (group, customer) = (self.id_in("customer_groups"), self.id_in("customers"));
        let link = (group.as_u64().unwrap(), customer.as_u64().unwrap());
        let there =
            self.twin.get("customer_groups", &group).and(self.twin.get("customers", &customer)).is_some();
        let arguments = json!({"group_id": group, "customer_id": customer});
        if self.dice.one_in(3) {
            let refusal = (!self.twin.links.remove(&link)).then_some(ErrorKind::NotFound);
            self.run("customer_groups", "remove", arguments, refusal);
        } else {
            let refusal = (!there).then_some(ErrorKind::NotFound);
            if self.run("customer_groups", "add", arguments, refusal).is_some() {
                self.twin.links.insert(link);
            }
        }
    }

    fn place(&mut self) {
        let category = self.id_in("categories");
        let key = (category.as_u64().unwrap(), 1 + self.dice.below(4) as u64);
        let there = self.twin.get("categories", &category).is_some();
        let mut arguments = json!({"id": category, "product_id": key.1});
        if self.dice.one_in(3) {
            let refusal = self.twin.placed.remove(&key).is_none().then_some(ErrorKind::NotFound);
            self.run("categories", "unlink_product", arguments, refusal);
            return;
        }
        let (first, second) = (self.number(), self.number());
        arguments["category_sort"] = first.clone();
        arguments["product_sort"] = second.clone();
        let refusal = (!there).then_some(ErrorKind::NotFound);
        if self.run("categories", "link_product", arguments, refusal).is_some() {
            let old = self.twin.placed.remove(&key).unwrap_or_default();
            // A place that is not given stays.
            let kept = |new: Value, old| if new.is_null() { old } else { new };
            self.twin.placed.insert(key, (kept(first, old.0), kept(second, old.1)));
        }
    }

    fn address(&mut self) {
        let (customer, address) = (self.id_in("customers"), self.id_in(ADDRESSES));
        let primary = self.dice.one_in(2);
        let held = self.twin.get(ADDRESSES, &address).is_some_and(|one| one["customer_id"] == customer);
        let there = self.twin.get("customers", &customer).is_some();
        let mut arguments = json!({"id": customer, "address_id": address, "primary": primary});
        let (verb, refused) = match self.dice.below(4) {
            0 => ("remove_address", !held),
            1 => ("update_address", !held),
            _ => ("add_address", !there),
        };
        if verb == "add_address" {
            arguments.as_object_mut().unwrap().shift_remove("address_id");
        } else if verb == "remove_address" {
            arguments.as_object_mut().unwrap().shift_remove("primary");
        }
        let Some(shown) = self.run("customers", verb, arguments, refused.then_some(ErrorKind::NotFound))
        else {
            return;
        };
        if verb == "remove_address" {
            return self.twin.remove(ADDRESSES, &address);
        }
        self.twin.put(ADDRESSES, &shown);
        // One that becomes primary takes that from the other, which changes then.
        let addresses = self.twin.records.get_mut(ADDRESSES).unwrap().values_mut();
        for other in addresses.filter(|other| other["customer_id"] == customer && other["id"] != shown["id"])
        {
            if primary && other["primary"] == json!(true) {
                other["primary"] = json!(false);
                other["updated_at"] = Value::Null;
            }
        }
    }

    fn grouping(&mut self) {
        let ids = [self.id_in("products"), self.id_in("products")];
        let products: BTreeSet<u64> = ids.iter().map(|id| id.as_u64().unwrap()).collect();
        let missing = |id: &Value| self.twin.get("products", id).is_none().then_some(ErrorKind::NotFound);
        let [first, second] = ids.each_ref().map(missing);
        let [id, _] = &ids;
        let number = id.as_u64().unwrap();
        match self.dice.below(4) {
            0 => {
                if self.run("products", "unlink", json!({"id": id}), first).is_some() {
                    self.twin.ungroup(number);
                }
            }
            1 => {
                let Some(found) = self.run("products", "group", json!({"id": id}), first) else { return };
                let found = found.as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap());
                assert_eq!(found.collect::<Vec<_>>(), Vec::from_iter(self.twin.group(number)));
            }
            _ => {
                let few = (products.len() < 2).then_some(ErrorKind::Validation);
                let refusal = few.or(first).or(second);
                if self.run("products", "link", json!({"ids": ids}), refusal).is_some() {
                    self.twin.regroup(&products);
                }
            }
        }
    }

    fn price(&mut self) {
        let campaign = self.id_in("campaigns");
        let product = 1 + self.dice.below(4) as u64;
        let key = (campaign.as_u64().unwrap(), product);
        if self.dice.one_in(3) {
            let refusal = self.twin.prices.remove(&key).is_none().then_some(ErrorKind::NotFound);
            self.run(
                "campaigns",
                "remove_price",
                json!({"id": campaign, "row": {"product_id": product}}),
                refusal,
            );
            return;
        }
        let price = self.dice.below(100) as u64;
        let row = json!({"product_id": product, "price": price});
        let twice = self.dice.one_in(6);
        let rows = if twice { json!([row, row]) } else { json!([row]) };
        let refusal = match self.twin.get("campaigns", &campaign) {
            None => Some(ErrorKind::NotFound),
            Some(_) => twice.then_some(ErrorKind::Validation),
        };
        if self.run("campaigns", "set_prices", json!({"id": campaign, "rows": rows}), refusal).is_some() {
            self.twin.prices.insert(key, price);
        }
    }
}

/// The records of a collection, as they are listed with all that they have of their own.
fn listed(bench: &Bench, collection: &str, query: Value) -> Vec<Value> {
    let mut query = query;
    query["page_size"] = json!(1000);
    let page = bench.call(collection, "list", query).unwrap();
    let data = page["data"].as_array().unwrap().clone();
    assert_eq!(page["meta"]["item_count"], json!(data.len()), "{collection}");
    data
}

fn all<R: Record>(bench: &Bench) -> Vec<Value> {
    let query = json!({"page_size": 1000});
    let page = AnyCollection::list(&bench.of::<R>(), &query).unwrap();
    assert_eq!(page.item_count, bench.of::<R>().len().unwrap());
    page.data
}

impl World {
    fn assert_same(&mut self) {
        for (collection, _) in COLLECTIONS {
            let expand = match collection {
                "brands" | "banners" | "categories" | "campaigns" => json!(["translations", "visibilities"]),
                "banner_groups" | "customer_groups" => json!(["translations"]),
                _ => json!([]),
            };
            let found = listed(&self.bench, collection, json!({"expand": expand}));
            let count = self.bench.call(collection, "count", json!({})).unwrap();
            assert_eq!(count, json!(found.len()), "{collection}");
            self.assert_others(collection, &found);
            let found: Vec<Value> = found.iter().map(|record| own(collection, record)).collect();
            let twin: Vec<Value> = self.twin.of(collection).cloned().collect();
            assert_eq!(found, twin, "{collection}");
        }
        self.assert_hidden();
        self.assert_filters();
        self.assert_standing();
        self.bench.check();
        assert_keys(&self.bench);
    }

    /// What records show of others.
    fn assert_others(&self, collection: &str, found: &[Value]) {
        for record in found {
            if collection == "products" {
                let children = self.twin.of(collection).filter(|other| other["parent_id"] == record["id"]);
                let children: Vec<Value> = children.map(|child| child["id"].clone()).collect();
                assert_eq!(record["children"], json!(children));
            }
            let Some(above) = record.pointer("/relationships/ancestors") else { continue };
            let mut at = own(collection, record)["parent"].clone();
            for ancestor in above.as_array().unwrap().iter().rev() {
                assert_eq!(ancestor["data"]["id"], at);
                at = self.twin.get(collection, &at).unwrap()["parent"].clone();
            }
            assert_eq!(at, Value::Null);
        }
    }

    fn assert_hidden(&mut self) {
        let number = |record: &Value, name: &str| record[name].as_u64().unwrap();
        let links = all::<CustomerLink>(&self.bench);
        let links = links.iter().map(|one| (number(one, "customer_group_id"), number(one, "customer_id")));
        assert_eq!(links.collect::<BTreeSet<_>>(), self.twin.links, "{LINKS}");
        let placed = all::<CategoryProduct>(&self.bench);
        let placed = placed.iter().map(|one| {
            let places = (one["category_sort"].clone(), one["product_sort"].clone());
            ((number(one, "category_id"), number(one, "product_id")), places)
        });
        assert_eq!(placed.collect::<BTreeMap<_, _>>(), self.twin.placed, "{PLACED}");
        let prices = all::<CampaignPrice>(&self.bench);
        let prices = prices
            .iter()
            .map(|one| ((number(one, "campaign_id"), number(one, "product_id")), number(one, "price")));
        assert_eq!(prices.collect::<BTreeMap<_, _>>(), self.twin.prices, "{PRICES}");
        let grouped = all::<ProductLink>(&self.bench);
        let grouped = grouped.iter().map(|one| (number(one, "id"), number(one, "group_id")));
        let groups = self.twin.groups.iter();
        let called = groups.flat_map(|group| group.iter().map(|one| (*one, *group.first().unwrap())));
        assert_eq!(grouped.collect::<BTreeMap<_, _>>(), called.collect(), "{GROUPED}");
        let addresses = all::<CustomerAddress>(&self.bench);
        for (address, twin) in
            addresses.iter().zip(self.twin.records.entry(ADDRESSES).or_default().values_mut())
        {
            if twin["updated_at"].is_null() {
                twin["updated_at"] = address["updated_at"].clone();
            }
        }
        assert_eq!(addresses, self.twin.of(ADDRESSES).cloned().collect::<Vec<_>>(), "{ADDRESSES}");
    }

    /// A value of an indexed field, or that there is none, finds what looking at all records finds.
    fn assert_filters(&mut self) {
        for _ in 0..3 {
            let (collection, fields) = *self.dice.pick(&COLLECTIONS);
            let field = *self.dice.pick(fields);
            let values: Vec<Value> = self.twin.of(collection).map(|record| record[field].clone()).collect();
            let sparse = collection == "products" && matches!(field, "sku" | "parent_id");
            let value = if values.is_empty() { json!(null) } else { self.dice.pick(&values).clone() };
            if sparse && value.is_null() {
                continue;
            }
            let query = match (field, &value) {
                ("sort", Value::Null) => continue,
                // As an argument it says by what to sort.
                ("sort", place) => json!({"filter": format!("eq(sort,{place})")}),
                _ => json!({field: value}),
            };
            let found = listed(&self.bench, collection, query);
            let found: Vec<Value> = found.iter().map(|record| id_of(collection, record)).collect();
            let scan = self.twin.of(collection).filter(|record| record[field] == value);
            let scan: Vec<Value> = scan.map(|record| id_of(collection, record)).collect();
            assert_eq!(found, scan, "{collection} where {field} is {value}");
        }
    }
}

impl World {
    /// Every page of the standing questions, twice: as it is found, and as it is remembered.
    fn assert_standing(&mut self) {
        if self.standing.len() < 6 || self.dice.one_in(8) {
            let new = Question::new(&mut self.dice, &self.twin);
            let place = self.dice.below(6).min(self.standing.len());
            self.standing.splice(place..(place + 1).min(self.standing.len()), [new]);
        }
        for question in &self.standing {
            let wanted = question.wanted(&self.twin);
            let pages = wanted.len().div_ceil(question.page_size);
            for page in (1..=pages + 1).chain((1..=pages + 1).rev()) {
                let found = question.page(&self.bench, page);
                let meta = json!({"page": page, "page_size": question.page_size, "page_count": pages,
                                  "item_count": wanted.len()});
                assert_eq!(found["meta"], meta);
                let found: Vec<Value> = found["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| id_of(question.collection, one))
                    .collect();
                let on_it = wanted.iter().skip((page - 1) * question.page_size).take(question.page_size);
                assert_eq!(
                    found,
                    on_it.cloned().collect::<Vec<_>>(),
                    "{} by {}",
                    question.collection,
                    question.by
                );
            }
        }
        assert_tallies(&self.bench, &self.twin);
    }
}

fn asked(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn all_collections_do_what_plain_maps_do() {
    let seed = asked("TILLROLL_MODEL_SEED", 1);
    let mut world = World::new(seed);
    for step in 0..asked("TILLROLL_MODEL_STEPS", STEPS) {
        world.step();
        if world.dice.one_in(40) {
            let World { bench, mut dice, .. } = world;
            let bench = if dice.one_in(3) { bench.reopen_without_index() } else { bench.reopen() };
            world = World { bench, dice, ..world };
        }
        world.assert_same();
        if step % 50 == 0 {
            let again = Bench::new("2018-03-01T00:00:00Z");
            let file = tempfile::NamedTempFile::new().unwrap();
            let count = world.bench.records.export(file.path()).unwrap();
            assert_eq!(again.records.import(file.path()).unwrap(), count);
            again.check();
        }
    }
    assert!(world.done.iter().all(|&count| count > 50), "{:?}", world.done);
}
