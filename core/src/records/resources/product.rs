//! Products: apps, in-app items and books in the stores, one's own and others'.
//!
//! Decided where the store's own API is silent:
//! * Every product shows every field, not only one's own: what it has not is null or empty, and `active` stands among them.
//! * `name` and `store` are required, and what identifies it in its store: without a `vendor_identifier` that is its
//!   `ref_no`, else its SKU, else its package name. (store, vendor_identifier) is unique; an empty SKU is shown as it is
//!   and found by nobody.
//! * `store` reads back in the stores' spelling for products (`amazon_appstore`), whatever it was given in; see `stores.rs`.
//! * `added_date`, `updated_date` and `source.added_timestamp` are now where they are not given. `updated_date` is about
//!   what is known of the product in its store: hiding it does not change it, [`Collection::revise`] does.
//! * A product created with a `source` is one's own or shared; its external account must exist then, and may be deleted later.
//! * A parent is sold in the same store and has no parent itself; `children` follow from the parents and are not stored.
//!   A product that has children cannot be deleted before them.
//! * Products of several stores that are one app can be linked to a group: see `product_link.rs`. None of their fields says so.
//! * An update of a product that is not owned is refused, even one that changes nothing. Of an own one everything may be
//!   named, and only `source.active` and `source.hidden` may differ from what is stored.
//! * A price is a three letter currency and an amount that is not negative. `icon` and texts under `meta` may be long; the
//!   whole product is at most 1 MiB. A category's `store` is the product's unless said.
//! * `meta` and `categories` are shown where `meta=true` asks for both, or `expand` for either.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::index::{self, Field, Index};
use crate::records::input::{Fields, Input};
use crate::records::machine::{self, Env};
use crate::records::verb::{Verb, to_json_list};
use crate::records::{
    Collection, Context, Datum, DatumKind, Expansion, ExternalAccount, Meta, Moment, Others, Ownership,
    Price, Record, Source, StoreCategory, Times, expansion, stored,
};
use crate::scope::Scope;
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::product_link;
use super::product_lookup::{by_store, known_store, missing};
use super::product_parts::{apply_meta, meta_to_json, take_store};
use super::product_search::ProductSearch;
use super::stores::{AppStore, canonical};

/// A product in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Product {
    /// Given by the engine.
    pub id: u64,
    /// Its full name.
    pub name: String,
    /// Who made it.
    pub developer: Option<String>,
    /// Where its icon is.
    pub icon: Option<String>,
    /// What identifies it in its store.
    pub vendor_identifier: String,
    /// Its number in the store; Apple only so far.
    pub ref_no: Option<u64>,
    /// The developer's own name of it.
    pub sku: Option<String>,
    /// The name of its package.
    pub package_name: Option<String>,
    /// The store; it never changes.
    pub store: AppStore,
    /// When it was released.
    pub release_date: Option<Moment>,
    /// When it became known here.
    pub added_date: Option<Moment>,
    /// When what is known of it last changed.
    pub updated_date: Option<Moment>,
    /// Its version.
    pub version: Option<String>,
    /// `app`, `inapp`, `book`, `unknown` or what else its store says; `type` in JSON.
    pub kind: Option<String>,
    /// `Handheld`, `Tablet`, `Desktop` or what else its store says.
    pub devices: Vec<String>,
    /// Whether the store sells it.
    pub active: bool,
    /// The product it is an in-app item of.
    pub parent_id: Option<u64>,
    /// `iads`, `admob` or what else it supports.
    pub features: Vec<String>,
    /// How it lies within one's own account; none for a product that is neither owned nor shared.
    pub source: Option<Source>,
    /// What it costs.
    pub price: Option<Price>,
    /// Texts about it by language.
    pub meta: BTreeMap<String, Vec<Meta>>,
    /// The categories of its store that it is or was in.
    pub categories: Vec<StoreCategory>,
    /// When the record was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When the record was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const PARENT: &str = "parent_id";
const SOURCE: &str = "source";
const META: &str = "meta";
const CATEGORIES: &str = "categories";
/// The field that says whose a product is; products that are nobody's here have none.
const SOURCE_TYPE: &str = "source_type";

impl Record for Product {
    type Id = u64;

    const COLLECTION: &'static str = "products";
    const NOUN: &'static str = "product";
    const TAG: u8 = 7;
    const READ: Scope = Scope::ProductsRead;
    const WRITE: Scope = Scope::ProductsWrite;
    const FIELDS: &'static [Field<Self>] = FIELDS;
    const INDEXES: &'static [Index] = &[
        Index::unique(2, &["store", "vendor_identifier"]),
        Index::sparse(3, &["sku"]),
        Index::sparse(4, &["ref_no"]),
        Index::sparse(5, &["package_name"]),
        Index::plain(6, &["name"]),
        Index::plain(7, &["developer"]),
        Index::sparse(8, &[PARENT]),
        Index::sparse(9, &[SOURCE_TYPE]),
        Index::counted(10, &["store"]),
    ];
    const EXPANSIONS: &'static [Expansion] =
        &[Expansion::flagged(META, META), Expansion::flagged(CATEGORIES, META)];
    const VERBS: &'static [Verb<Self>] = VERBS;

    fn blank() -> Self {
        Self {
            id: 0,
            name: String::new(),
            developer: None,
            icon: None,
            vendor_identifier: String::new(),
            ref_no: None,
            sku: None,
            package_name: None,
            store: AppStore::Apple,
            release_date: None,
            added_date: None,
            updated_date: None,
            version: None,
            kind: None,
            devices: Vec::new(),
            active: true,
            parent_id: None,
            features: Vec::new(),
            source: None,
            price: None,
            meta: BTreeMap::new(),
            categories: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn times(&self) -> Times {
        Times { created_at: self.created_at, updated_at: self.updated_at }
    }

    fn stamp(&mut self, id: u64, Times { created_at, updated_at }: Times) {
        (self.id, self.created_at, self.updated_at) = (id, created_at, updated_at);
    }

    fn before_delete(&self, write: &mut dyn Write, env: &Env<'_>) -> Result<()> {
        let children = children_of(write, self.id)?.len();
        if children == 0 {
            return product_link::take_out(write, env, self.id);
        }
        let detail = format!("{children} products are items of product {}: delete them first", self.id);
        Err(Error::Conflict { field: PARENT.to_owned(), detail })
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        let before = self.clone();
        self.take(input, context)?;
        if !input.creating() && !input.revising() {
            self.refuse_changes(&before, input);
        }
        Ok(())
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        let Some(id) = self.parent_id else { return Ok(()) };
        let parent = others.get::<Self>(&id)?;
        if let Some(fault) = self.parent_fault(id, parent.as_ref()) {
            others.fault(PARENT, fault);
        }
        Ok(())
    }

    fn keep_numbers(&self, write: &mut dyn Write) -> Result<()> {
        // Accounts are deleted without their products: a new one must not come by them.
        match self.source.as_ref().and_then(|source| source.external_account_id) {
            Some(account) => stored::skip_number::<ExternalAccount>(write, &account),
            None => Ok(()),
        }
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut fields = self.shown();
        if !context.expands(META) {
            fields.shift_remove(META);
        }
        if !context.expands(CATEGORIES) {
            fields.shift_remove(CATEGORIES);
        }
        fields.insert("children".to_owned(), children_of(context.read, self.id)?.into());
        Ok(fields)
    }
}

const FIELDS: &[Field<Product>] = &[
    Field { name: "name", kind: DatumKind::Text, value: |product| Datum::text(Some(&product.name)) },
    Field {
        name: "developer",
        kind: DatumKind::Text,
        value: |product| Datum::text(product.developer.as_deref()),
    },
    Field {
        name: "vendor_identifier",
        kind: DatumKind::Text,
        value: |product| Datum::text(Some(&product.vendor_identifier)),
    },
    Field { name: "ref_no", kind: DatumKind::Int, value: |product| number(product.ref_no) },
    Field { name: "sku", kind: DatumKind::Text, value: |product| identifier(product.sku.as_deref()) },
    Field {
        name: "package_name",
        kind: DatumKind::Text,
        value: |product| identifier(product.package_name.as_deref()),
    },
    Field { name: "store_id", kind: DatumKind::Int, value: |product| Datum::Int(product.store.id().into()) },
    Field {
        name: "store",
        kind: DatumKind::Name(canonical),
        value: |product| Datum::text(Some(product.store.as_str())),
    },
    Field {
        name: "release_date",
        kind: DatumKind::Time,
        value: |product| Moment::datum(product.release_date.as_ref()),
    },
    Field {
        name: "added_date",
        kind: DatumKind::Time,
        value: |product| Moment::datum(product.added_date.as_ref()),
    },
    Field {
        name: "updated_date",
        kind: DatumKind::Time,
        value: |product| Moment::datum(product.updated_date.as_ref()),
    },
    Field {
        name: "version",
        kind: DatumKind::Text,
        value: |product| Datum::text(product.version.as_deref()),
    },
    Field { name: "type", kind: DatumKind::Text, value: |product| Datum::text(product.kind.as_deref()) },
    Field { name: "active", kind: DatumKind::Bool, value: |product| Datum::Bool(product.active) },
    Field { name: PARENT, kind: DatumKind::Int, value: |product| number(product.parent_id) },
    Field {
        name: SOURCE_TYPE,
        kind: DatumKind::Text,
        value: |product| Datum::text(product.source.as_ref().map(|source| source.ownership.as_str())),
    },
    Field {
        name: "external_account_id",
        kind: DatumKind::Int,
        value: |product| number(product.source.as_ref().and_then(|source| source.external_account_id)),
    },
];

const VERBS: &[Verb<Product>] = &[
    Verb {
        name: "get_by_store",
        changes: false,
        run: |products, arguments| {
            let store = arguments.id_text("store")?;
            let id = arguments.id_text("id_in_store")?;
            let expand = products.expanded(arguments)?;
            let store = known_store(&store)?;
            products.read_with(&expand, |context| {
                let found = by_store(context.read, store, &id)?.ok_or_else(|| missing(store, &id))?;
                found.to_json(context).map(Value::Object)
            })
        },
    },
    Verb {
        name: "group",
        changes: false,
        run: |products, arguments| {
            let id = arguments.id_of::<Product>("id")?;
            let expand = products.expanded(arguments)?;
            products
                .read_with(&expand, |context| to_json_list(&product_link::group(context.read, id)?, context))
        },
    },
    Verb {
        name: "link",
        changes: true,
        run: |products, arguments| {
            let ids = arguments.several_ids("ids");
            arguments.done()?;
            products.write_json(|write, env| product_link::link(write, env, &ids)).map(Value::Array)
        },
    },
    Verb {
        name: "mine",
        changes: false,
        run: |products, arguments| {
            let (mut store, mut include_inactive) = (None, Some(false));
            arguments.optional_text("store", &mut store);
            arguments.optional_boolean("include_inactive", &mut include_inactive);
            let expand = products.expanded(arguments)?;
            let store = store.as_deref().map(known_store).transpose()?;
            products.read_with(&expand, |context| {
                to_json_list(&mine(context.read, store, include_inactive == Some(true))?, context)
            })
        },
    },
    Verb {
        name: "search",
        changes: false,
        run: |products, arguments| {
            let search = ProductSearch::read(arguments);
            let expand = products.expanded(arguments)?;
            products.search_json(&search, &expand).map(Value::from)
        },
    },
    Verb {
        name: "unlink",
        changes: true,
        run: |products, arguments| {
            let id = arguments.id_of::<Product>("id")?;
            arguments.done()?;
            products.unlink(id).map(|()| Value::Null)
        },
    },
];

impl Product {
    fn take(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        input.ignore(&["children"]);
        input.required_text("name", &mut self.name);
        input.optional_text("developer", &mut self.developer);
        input.long_text("icon", &mut self.icon);
        input.optional_number("ref_no", &mut self.ref_no);
        input.optional_text("sku", &mut self.sku);
        input.optional_text("package_name", &mut self.package_name);
        self.take_vendor_identifier(input);
        let creating = input.creating();
        take_store(input, &mut self.store, creating);
        self.take_dates(input, context);
        input.optional_text("version", &mut self.version);
        input.optional_text("type", &mut self.kind);
        input.texts("devices", &mut self.devices);
        input.boolean("active", &mut self.active);
        input.texts("features", &mut self.features);
        self.take_price(input);
        apply_meta(input, &mut self.meta);
        let store = self.store;
        if let Some(categories) = input.rows(CATEGORIES, |row| StoreCategory::read(row, store)) {
            self.categories = categories;
        }
        self.take_source(input, context)?;
        self.take_parent(input, context)
    }

    fn take_vendor_identifier(&mut self, input: &mut Input<'_>) {
        const NAME: &str = "vendor_identifier";
        let creating = input.creating();
        let mut given = None;
        let named = input.value(NAME).is_some();
        input.optional_text(NAME, &mut given);
        let given = given.filter(|given: &String| !given.trim().is_empty());
        match given {
            Some(given) => self.vendor_identifier = given,
            None if creating => {
                let ref_no = self.ref_no.map(|number| number.to_string());
                let own = [self.sku.clone(), self.package_name.clone()].into_iter().flatten();
                let mut own = ref_no.into_iter().chain(own.filter(|text| !text.trim().is_empty()));
                match own.next() {
                    Some(own) => self.vendor_identifier = own,
                    None => input.fault(NAME, "is required"),
                }
            }
            None if named => input.fault(NAME, "is required"),
            None => {}
        }
    }

    fn take_dates(&mut self, input: &mut Input<'_>, context: &Context<'_>) {
        input.moment("release_date", &mut self.release_date);
        if input.revising() {
            self.updated_date = Some(Moment::at(context.now()));
        }
        for (name, date) in [("added_date", &mut self.added_date), ("updated_date", &mut self.updated_date)] {
            input.moment(name, date);
            if input.creating() && !input.restoring() && date.is_none() {
                *date = Some(Moment::at(context.now()));
            }
        }
    }

    fn take_price(&mut self, input: &mut Input<'_>) {
        const PRICE: &str = "price";
        match input.value(PRICE) {
            None => {}
            Some(Value::Null) => self.price = None,
            Some(_) => {
                let mut price = self.price.clone().unwrap_or_else(Price::blank);
                input.nested(PRICE, |part| price.apply(part));
                self.price = Some(price);
            }
        }
    }

    fn take_source(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        match input.value(SOURCE) {
            None => return Ok(()),
            Some(Value::Null) => {
                self.source = None;
                return Ok(());
            }
            Some(_) => {}
        }
        let account = |source: &Option<Source>| source.as_ref().and_then(|source| source.external_account_id);
        let before = account(&self.source);
        let mut source = self.source.clone().unwrap_or_else(|| Source::new(context.now()));
        input.nested(SOURCE, |part| source.apply(part));
        self.source = Some(source);
        if let Some(id) = account(&self.source).filter(|id| Some(*id) != before && !input.restoring())
            && stored::get::<ExternalAccount>(context.read, &id)?.is_none()
        {
            input.fault("source.external_account_id", format!("external account {id} not found"));
        }
        Ok(())
    }

    fn take_parent(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        let before = self.parent_id;
        input.optional_number(PARENT, &mut self.parent_id);
        match self.parent_id {
            Some(parent) if self.parent_id != before && !input.restoring() => {
                let above = stored::get::<Self>(context.read, &parent)?;
                if let Some(fault) = self.parent_fault(parent, above.as_ref()) {
                    input.fault(PARENT, fault);
                } else if self.id != 0 && !children_of(context.read, self.id)?.is_empty() {
                    input.fault(PARENT, "this product has items of its own");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn parent_fault(&self, id: u64, parent: Option<&Self>) -> Option<String> {
        let Some(parent) = parent else { return Some(format!("product {id} not found")) };
        match parent.parent_id {
            _ if parent.id == self.id => Some("is the product itself".to_owned()),
            _ if parent.store != self.store => Some(format!("product {id} is sold in {}", parent.store)),
            Some(above) => Some(format!("product {id} is itself an item of product {above}")),
            None => None,
        }
    }

    /// What users may change of a stored product: two flags, if it is their own.
    fn refuse_changes(&self, before: &Self, input: &mut Input<'_>) {
        const RULE: &str = "cannot be changed: only source.active and source.hidden can";
        if before.source.as_ref().is_none_or(|source| source.ownership != Ownership::Own) {
            return input.fault(SOURCE, "is not your own: only products that you own can be updated");
        }
        let (old, new) = (before.shown(), self.shown());
        for (name, value) in new.iter().filter(|(name, value)| old.get(*name) != Some(value)) {
            match (value, old.get(name)) {
                (Value::Object(value), Some(Value::Object(old))) if name == SOURCE => {
                    let fixed = |name: &&String| !matches!(name.as_str(), "active" | "hidden");
                    for name in value.keys().filter(fixed).filter(|name| value.get(*name) != old.get(*name)) {
                        input.fault(&format!("{SOURCE}.{name}"), RULE);
                    }
                }
                _ => input.fault(name, RULE),
            }
        }
    }

    /// All fields but the children, which other records say.
    fn shown(&self) -> Map<String, Value> {
        let moment = |moment: &Option<Moment>| moment.as_ref().map(Moment::as_str).into();
        let categories = self.categories.iter().map(StoreCategory::to_json).collect();
        let fields = [
            ("id", self.id.into()),
            ("name", self.name.as_str().into()),
            ("developer", self.developer.as_deref().into()),
            ("icon", self.icon.as_deref().into()),
            ("vendor_identifier", self.vendor_identifier.as_str().into()),
            ("ref_no", self.ref_no.into()),
            ("sku", self.sku.as_deref().into()),
            ("package_name", self.package_name.as_deref().into()),
            ("store_id", self.store.id().into()),
            ("store", self.store.as_str().into()),
            ("release_date", moment(&self.release_date)),
            ("added_date", moment(&self.added_date)),
            ("updated_date", moment(&self.updated_date)),
            ("version", self.version.as_deref().into()),
            ("active", self.active.into()),
            (SOURCE, self.source.as_ref().map(Source::to_json).into()),
            ("type", self.kind.as_deref().into()),
            ("devices", self.devices.as_slice().into()),
            ("children", Value::Null),
            ("features", self.features.as_slice().into()),
            (PARENT, self.parent_id.into()),
            ("price", self.price.as_ref().map(Price::to_json).into()),
            (META, meta_to_json(&self.meta)),
            (CATEGORIES, categories),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whether this is what its store knows under an id.
    pub(in crate::records) fn answers_to(&self, id: &str) -> bool {
        let number = self.ref_no.map(|number| number.to_string());
        let texts = [self.sku.as_deref(), number.as_deref(), self.package_name.as_deref()];
        self.vendor_identifier == id || texts.contains(&Some(id))
    }
}

fn number(value: Option<u64>) -> Datum {
    Datum::int(value.and_then(|value| i64::try_from(value).ok()))
}

/// An empty identifier is none.
fn identifier(text: Option<&str>) -> Datum {
    text.map_or(Datum::Null, filled)
}

/// Never inlined: the compiler would look at the length of a text before it looks whether there is a text, which is
/// sound and looks to Valgrind like a decision by chance.
#[inline(never)]
fn filled(text: &str) -> Datum {
    if text.is_empty() { Datum::Null } else { Datum::Text(text.to_owned()) }
}

/// The ids of the products that are items of one, in order.
fn children_of(read: &dyn Read, id: u64) -> Result<Vec<u64>> {
    let Some(index) = index::over::<Product>(&[PARENT]) else { return Ok(Vec::new()) };
    index::ids_with::<Product>(read, index, &[number(Some(id))])
}

/// The products that are owned or shared, by id.
fn mine(read: &dyn Read, store: Option<AppStore>, include_inactive: bool) -> Result<Vec<Product>> {
    let Some(index) = index::over::<Product>(&[SOURCE_TYPE]) else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    for ownership in [Ownership::Own, Ownership::Shared] {
        ids.extend(index::ids_with::<Product>(read, index, &[Datum::text(Some(ownership.as_str()))])?);
    }
    ids.sort_unstable();
    let shown = |product: &Product| {
        let active = product.source.as_ref().is_some_and(|source| source.active);
        (include_inactive || active) && store.is_none_or(|store| product.store == store)
    };
    let mut products = Vec::new();
    for id in ids {
        products.extend(stored::get::<Product>(read, &id)?.filter(shown));
    }
    Ok(products)
}

impl Collection<Product> {
    /// The products that are owned or shared, by id: those of one store, in any spelling, or of all; inactive ones only
    /// where they are asked for.
    ///
    /// # Errors
    /// [`Error::Validation`] for a store that is none.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// // The import has made products of what was sold.
    /// let mine = db.products().mine(Some("amazon"), false)?;
    /// assert_eq!(mine.iter().map(|product| product.name.as_str()).collect::<Vec<_>>(), ["Chess", "Coins"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn mine(&self, store: Option<&str>, include_inactive: bool) -> Result<Vec<Product>> {
        let store = store.map(known_store).transpose()?;
        self.read(|context| mine(context.read, store, include_inactive))
    }

    /// Changes what the engine itself learns of a product, such as a title that a new report brings: all that
    /// [`Collection::update`] keeps users from.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "products that fill themselves from sales will change by it")
    )]
    pub(crate) fn revise(&self, id: u64, fields: impl Into<Fields>) -> Result<Product> {
        let fields = fields.into();
        self.write(|write, env| machine::revise(write, env, &id, fields.as_map()))
    }

    /// Takes from the arguments of a verb which sub-resources to show, and ends the taking.
    fn expanded(&self, arguments: &mut Input<'_>) -> Result<Vec<&'static str>> {
        let names = expansion::asked::<Product>(arguments)?;
        arguments.done()?;
        expansion::named::<Product>(&names.unwrap_or_default())
    }
}

#[cfg(test)]
#[path = "product_test.rs"]
mod test;
