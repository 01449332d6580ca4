//! The objects within a product: source, price, texts by language, categories of its store.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::money::Money;
use crate::records::Moment;
use crate::records::input::{Input, WHOLE_NUMBER, unknown_name, whole_number};

use super::stores::{AppStore, names};

/// How a product lies within the account of this database's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Source {
    /// The id of the external account it came through; that account may have been deleted since.
    pub external_account_id: Option<u64>,
    /// When it was added to the account.
    pub added_timestamp: Moment,
    /// Whether it is being tracked.
    pub active: bool,
    /// Whether it is hidden in lists for people.
    pub hidden: bool,
    /// Whether it is owned or shared; `type` in JSON.
    pub ownership: Ownership,
}

/// Whose a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// One's own; text `own`.
    Own,
    /// Shared with one by somebody else; text `shared`.
    Shared,
}

impl Ownership {
    /// As JSON shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared",
        }
    }
}

impl Source {
    pub(in crate::records) fn new(now: Timestamp) -> Self {
        let (external_account_id, added_timestamp) = (None, Moment::at(now));
        Self { external_account_id, added_timestamp, active: true, hidden: false, ownership: Ownership::Own }
    }

    pub(in crate::records) fn apply(&mut self, input: &mut Input<'_>) {
        input.optional_number("external_account_id", &mut self.external_account_id);
        let mut added = Some(self.added_timestamp.clone());
        input.moment("added_timestamp", &mut added);
        if let Some(added) = added {
            self.added_timestamp = added;
        }
        input.boolean("active", &mut self.active);
        input.boolean("hidden", &mut self.hidden);
        let mut ownership = None;
        input.name_of("type", &["own", "shared"], &mut ownership);
        match ownership.as_deref() {
            Some("own") => self.ownership = Ownership::Own,
            Some(_) => self.ownership = Ownership::Shared,
            None => {}
        }
    }

    pub(in crate::records) fn to_json(&self) -> Value {
        json!({
            "external_account_id": self.external_account_id,
            "added_timestamp": self.added_timestamp.as_str(),
            "active": self.active,
            "hidden": self.hidden,
            "type": self.ownership.as_str(),
        })
    }
}

/// What a product costs in its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// Three letters, as `USD`.
    pub currency: String,
    /// The exact amount; never negative.
    pub price: Money,
}

impl Price {
    /// A price without content, to be completed by [`Price::apply`].
    pub(in crate::records) fn blank() -> Self {
        Self { currency: String::new(), price: Money::ZERO }
    }

    pub(in crate::records) fn apply(&mut self, input: &mut Input<'_>) {
        input.required_text("currency", &mut self.currency);
        let is_code = self.currency.len() == 3 && self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !self.currency.is_empty() && !is_code {
            input.fault("currency", "must be three capital letters, as USD");
        }
        let creating = input.creating();
        let given = input.value("price");
        if given.is_some_and(Value::is_null) || (given.is_none() && creating) {
            return input.fault("price", "is required");
        }
        let mut price = Some(self.price);
        input.money("price", &mut price);
        self.price = price.unwrap_or(self.price);
        if self.price < Money::ZERO {
            input.fault("price", "must not be negative");
        }
    }

    pub(in crate::records) fn to_json(&self) -> Value {
        json!({"currency": self.currency, "price": self.price.to_string()})
    }
}

/// One text about a product in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Meta {
    /// What it is, as `description`, `release_notes`, `view_url`: any name, also one that is not known yet.
    pub key: String,
    /// The text, at most 100,000 characters.
    pub value: Option<String>,
}

/// Reads `meta`: texts by language.
pub(in crate::records) fn apply_meta(input: &mut Input<'_>, target: &mut BTreeMap<String, Vec<Meta>>) {
    const META: &str = "meta";
    let Some(languages) = input.object(META) else { return };
    let mut meta = BTreeMap::new();
    for (language, entries) in languages {
        let path = format!("{META}.{}", language.chars().take(64).collect::<String>());
        let usual = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if language.is_empty() || language.len() > 64 || !language.chars().all(usual) {
            input.fault(&path, "is not a language, as en or pt-BR");
            continue;
        }
        // A list within an object whose names are the caller's: read as the one field of an input of its own.
        let field = Map::from_iter([(TEXTS.to_owned(), entries.clone())]);
        let mut part = Input::new(&field, crate::records::input::Purpose::Create);
        let texts = part.rows(TEXTS, |row| apply_text(row, language)).unwrap_or_default();
        for (name, messages) in part.finish().faults {
            let place = name.strip_prefix(TEXTS).unwrap_or(&name);
            messages.into_iter().for_each(|message| input.fault(&format!("{path}{place}"), message));
        }
        meta.insert(language.clone(), texts);
    }
    *target = meta;
}

const TEXTS: &str = "texts";

fn apply_text(row: &mut Input<'_>, of: &str) -> Meta {
    let mut text = Meta { key: String::new(), value: None };
    row.required_text("key", &mut text.key);
    let mut language = None;
    row.optional_text("language", &mut language);
    if language.is_some_and(|language| language != of) {
        row.fault("language", format!("is not {of}, under which it stands"));
    }
    row.long_text("value", &mut text.value);
    text
}

pub(in crate::records) fn meta_to_json(meta: &BTreeMap<String, Vec<Meta>>) -> Value {
    let texts = |(language, texts): (&String, &Vec<Meta>)| {
        let texts = texts.iter().map(
            |text| json!({"key": text.key.as_str(), "language": language.as_str(), "value": text.value.as_deref()}),
        );
        (language.clone(), texts.collect())
    };
    Value::Object(meta.iter().map(texts).collect())
}

/// A category of its store that a product is or was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoreCategory {
    /// The store; the product's own unless said.
    pub store: AppStore,
    /// The kind of device, as `handheld`.
    pub device: Option<String>,
    /// The store's number of it.
    pub device_id: Option<u64>,
    /// The category's name.
    pub name: Option<String>,
    /// The store's number of the category.
    pub id: Option<u64>,
    /// The number of the category it stands under.
    pub parent_id: Option<u64>,
    /// The category it stands under.
    pub parent: Option<Box<StoreCategory>>,
    /// Whether it is the product's main one; Apple only.
    pub main: Option<bool>,
}

/// The most categories above one.
const CATEGORY_DEPTH_MAX: usize = 8;

impl StoreCategory {
    pub(in crate::records) fn read(input: &mut Input<'_>, store: AppStore) -> Self {
        Self::read_below(input, store, 0)
    }

    fn read_below(input: &mut Input<'_>, store: AppStore, depth: usize) -> Self {
        let mut category = Self {
            store,
            device: None,
            device_id: None,
            name: None,
            id: None,
            parent_id: None,
            parent: None,
            main: None,
        };
        take_store(input, &mut category.store, false);
        input.optional_text("device", &mut category.device);
        input.optional_number("device_id", &mut category.device_id);
        input.optional_text("name", &mut category.name);
        // An input passes over the ids of records, which this is none of.
        match input.value("id").filter(|id| !id.is_null()).map(whole_number) {
            Some(None) => input.fault("id", WHOLE_NUMBER),
            Some(id) => category.id = id,
            None => {}
        }
        input.optional_number("parent_id", &mut category.parent_id);
        input.optional_boolean("main", &mut category.main);
        match input.value("parent") {
            None | Some(Value::Null) => {}
            Some(_) if depth == CATEGORY_DEPTH_MAX => {
                input.fault("parent", format!("stands under {CATEGORY_DEPTH_MAX} categories already"));
            }
            Some(_) => input.nested("parent", |parent| {
                category.parent = Some(Box::new(Self::read_below(parent, store, depth + 1)));
            }),
        }
        category
    }

    pub(in crate::records) fn to_json(&self) -> Value {
        json!({
            "store": self.store.as_str(),
            "store_id": self.store.id(),
            "device": self.device,
            "device_id": self.device_id,
            "name": self.name,
            "id": self.id,
            "parent_id": self.parent_id,
            "parent": self.parent.as_ref().map(|parent| parent.to_json()),
            "main": self.main,
        })
    }
}

/// Reads `store`, in any spelling, or `store_id`; both must mean the same where both are given.
pub(in crate::records) fn take_store(input: &mut Input<'_>, target: &mut AppStore, required: bool) {
    let named = match input.value("store") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => match AppStore::parse(text) {
            Some(store) => Some(store),
            None => return input.fault("store", unknown_name(text, &names())),
        },
        Some(_) => return input.fault("store", "must be text"),
    };
    let numbered = match input.value("store_id") {
        None | Some(Value::Null) => None,
        Some(id) => match whole_number(id).and_then(AppStore::from_id) {
            Some(store) => Some(store),
            None => return input.fault("store_id", "is not the id of a store"),
        },
    };
    match (named, numbered) {
        (Some(named), Some(numbered)) if named != numbered => {
            input.fault("store_id", format!("is {} for {named}", named.id()));
        }
        (Some(store), _) | (None, Some(store)) => *target = store,
        (None, None) if required => input.fault("store", "is required"),
        (None, None) => {}
    }
}
