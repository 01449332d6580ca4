//! Categories: the tree in which the store shows its products.
//!
//! Decided where the store's own API is silent: a category without a parent stands at the top; the name stands in the
//! category or in a translation, need not be unique, and the one of the category itself is that of the store's own
//! language; a place may be negative, and who has none comes last; an external id is a whole number, given also as
//! digits, and one category's alone; a category that others stand under cannot be deleted before they are moved or
//! deleted themselves; the links to its products go with it.
//!
//! `update_by_external_id(external_id, fields)` takes what changes in the object `fields`, so that a new external id can
//! stand there. `set_visibilities` changes the versions that its rows name and leaves the others; `visibilities` written
//! as a field replaces all of them. Linking a product again changes its places, but keeps those that are not given.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::{Fields, Input, integer};
use crate::records::machine::{self, Env};
use crate::records::translation::{self, Translatable, Translations};
use crate::records::tree::{self, Tree};
use crate::records::verb::{Verb, expanded, to_json_list, update_found};
use crate::records::visibility::{self, VISIBILITIES, Visibilities, Visibility};
use crate::records::{
    Collection, Context, Datum, DatumKind, Expansion, Others, Record, RecordId, Times, shown,
};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::category_product::{self, CATEGORY_SORT, CategoryProduct, PRODUCT, PRODUCT_SORT};

/// A category of products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Category {
    /// Given by the engine.
    pub id: u64,
    /// The category it stands under; none for one at the top.
    pub parent_id: Option<u64>,
    /// Its place among those under the same one.
    pub parent_sort: Option<i64>,
    /// Its name; where there is none, a translation has one.
    pub name: Option<String>,
    /// What is told of it, as HTML.
    pub description: Option<String>,
    /// How it is shown: `category-front`, `product-list` or `homepage`.
    pub default_template: Option<String>,
    /// Its number in another system.
    pub external_id: Option<i64>,
    /// Name and description in other languages.
    pub translations: Translations,
    /// In which versions of the store it is seen.
    pub visibilities: Visibilities,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const PARENT: &str = "parent_id";
const PARENT_SORT: &str = "parent_sort";
const NAME: &str = "name";
const TEMPLATE: &str = "default_template";
const TEMPLATES: &[&str] = &["category-front", "product-list", "homepage"];
const EXTERNAL_ID: &str = "external_id";
const IN_ORDER: &[&str] = &[PARENT, PARENT_SORT];

const TRANSLATED: &[Translatable] = &[Translatable::short(NAME), Translatable::long("description")];

impl Record for Category {
    type Id = u64;

    const COLLECTION: &'static str = "categories";
    const NOUN: &'static str = "category";
    const TAG: u8 = 9;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: PARENT, kind: DatumKind::Int, value: |category| Datum::number(category.parent_id) },
        Field { name: PARENT_SORT, kind: DatumKind::Int, value: |category| Datum::int(category.parent_sort) },
        Field { name: NAME, kind: DatumKind::Text, value: |category| Datum::text(category.name.as_deref()) },
        Field {
            name: TEMPLATE,
            kind: DatumKind::Text,
            value: |category| Datum::text(category.default_template.as_deref()),
        },
        Field { name: EXTERNAL_ID, kind: DatumKind::Int, value: |category| Datum::int(category.external_id) },
    ];
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &[PARENT]),
        Index::plain(3, IN_ORDER),
        Index::plain(4, &[PARENT_SORT]),
        Index::plain(5, &[NAME]),
        Index::plain(6, &[TEMPLATE]),
        Index::unique(7, &[EXTERNAL_ID]),
    ];
    const EXPANSIONS: &'static [Expansion] = &[translation::EXPANSION, visibility::EXPANSION];
    const VERBS: &'static [Verb<Self>] = &[
        Verb { name: "get_by_external_id", changes: false, run: get_by_external_id },
        Verb { name: "update_by_external_id", changes: true, run: update_by_external_id },
        Verb { name: "children", changes: false, run: children },
        Verb { name: VISIBILITIES, changes: false, run: visibilities },
        Verb { name: "set_visibilities", changes: true, run: set_visibilities },
        Verb { name: "products", changes: false, run: products },
        Verb { name: "link_product", changes: true, run: link_product },
        Verb { name: "unlink_product", changes: true, run: unlink_product },
    ];

    fn blank() -> Self {
        Self {
            id: 0,
            parent_id: None,
            parent_sort: None,
            name: None,
            description: None,
            default_template: None,
            external_id: None,
            translations: Translations::default(),
            visibilities: Visibilities::default(),
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
        *self = Self { id, created_at, updated_at, ..self.clone() };
    }

    fn before_delete(&self, write: &mut dyn Write, env: &Env<'_>) -> Result<()> {
        tree::refuse_with_children(self, write)?;
        category_product::unlink_all(write, env, self.id)
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        let parent_before = self.parent_id;
        input.optional_id(PARENT, &mut self.parent_id);
        input.optional_integer(PARENT_SORT, &mut self.parent_sort);
        input.optional_text(NAME, &mut self.name);
        input.long_text("description", &mut self.description);
        input.name_of(TEMPLATE, TEMPLATES, &mut self.default_template);
        input.optional_integer(EXTERNAL_ID, &mut self.external_id);
        self.translations.apply(input, TRANSLATED);
        self.visibilities.apply(input);
        self.translations.require(NAME, self.name.as_deref(), input);
        if self.parent_id == parent_before || input.restoring() {
            return Ok(());
        }
        tree::check_parent(self, input, context)
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_stand(self)
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut record = shown(
            self,
            [
                (PARENT, self.parent_id.into()),
                (PARENT_SORT, self.parent_sort.into()),
                (NAME, self.name.as_deref().into()),
                ("description", self.description.as_deref().into()),
                (TEMPLATE, self.default_template.as_deref().into()),
                (EXTERNAL_ID, self.external_id.into()),
            ],
        );
        self.translations.show(&mut record, context);
        self.visibilities.show(&mut record, context);
        Ok(record)
    }
}

impl Tree for Category {
    const PARENT: &'static str = PARENT;

    fn parent(&self) -> Option<u64> {
        self.parent_id
    }
}

type Arguments<'a, 'b> = &'a mut Input<'b>;

fn get_by_external_id(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let external_id = arguments.id_text(EXTERNAL_ID)?;
    let expand = expanded::<Category>(arguments)?;
    arguments.done()?;
    categories.read_with(&expand, |context| {
        by_external_text(context.read, &external_id)?.to_json(context).map(Value::Object)
    })
}

fn update_by_external_id(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let external_id = arguments.id_text(EXTERNAL_ID)?;
    let fields = arguments.required_object("fields")?;
    arguments.done()?;
    update_found(categories, fields, |read| by_external_text(read, &external_id))
}

fn children(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    let expand = expanded::<Category>(arguments)?;
    arguments.done()?;
    categories.read_with(&expand, |context| to_json_list(&children_of(context.read, id)?, context))
}

fn visibilities(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    arguments.done()?;
    Ok(categories.visibilities(id)?.to_json())
}

fn set_visibilities(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    let rows = Visibilities::read(arguments, "rows");
    arguments.done()?;
    let rows = rows.ok_or_else(|| Error::invalid("rows", "is required"))?;
    let rows: Vec<Visibility> = rows.iter().copied().collect();
    Ok(categories.set_visibilities(id, &rows)?.to_json())
}

fn products(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    arguments.done()?;
    Ok(categories.products(id)?.iter().map(CategoryProduct::to_row).collect())
}

fn link_product(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    let (mut product, mut category_sort, mut product_sort) = (0, None, None);
    arguments.required_id(PRODUCT, &mut product);
    arguments.optional_integer(CATEGORY_SORT, &mut category_sort);
    arguments.optional_integer(PRODUCT_SORT, &mut product_sort);
    arguments.done()?;
    Ok(categories.link_product(id, product, category_sort, product_sort)?.to_row())
}

fn unlink_product(categories: &Collection<Category>, arguments: Arguments<'_, '_>) -> Result<Value> {
    let id = arguments.id_of::<Category>("id")?;
    let mut product = 0;
    arguments.required_id(PRODUCT, &mut product);
    arguments.done()?;
    categories.unlink_product(id, product).map(|()| Value::Null)
}

/// What is no number is no category's external id, and so finds none.
fn by_external_text(read: &dyn Read, text: &str) -> Result<Category> {
    let missing = || machine::not_found::<Category>(text);
    by_external_id(read, integer(&text.into()).ok_or_else(missing)?)
}

fn by_external_id(read: &dyn Read, external_id: i64) -> Result<Category> {
    let found = machine::find(read, &[EXTERNAL_ID], &[Datum::Int(external_id)])?;
    found.ok_or_else(|| machine::not_found::<Category>(&external_id.to_string()))
}

fn children_of(read: &dyn Read, id: u64) -> Result<Vec<Category>> {
    machine::get::<Category>(read, &id)?;
    machine::find_all(read, IN_ORDER, &[id.to_datum()])
}

impl Collection<Category> {
    /// The category of an external id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn get_by_external_id(&self, external_id: i64) -> Result<Category> {
        self.read(|context| by_external_id(context.read, external_id))
    }

    /// Changes what the fields name in the category of an external id; a new one may be among them.
    ///
    /// # Errors
    /// As of [`Collection::update`].
    pub fn update_by_external_id(&self, external_id: i64, fields: impl Into<Fields>) -> Result<Category> {
        let fields = fields.into();
        self.write(|write, env| {
            let found = by_external_id(write, external_id)?;
            machine::update(write, env, &found.id, fields.as_map())
        })
    }

    /// The categories directly under one, by their place and then by id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn children(&self, id: u64) -> Result<Vec<Category>> {
        self.read(|context| children_of(context.read, id))
    }

    /// In which versions of the store a category is seen.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn visibilities(&self, id: u64) -> Result<Visibilities> {
        Ok(self.get(id)?.visibilities)
    }

    /// Changes the versions that the rows name and adds those that are new; the others stay. Gives all of them.
    ///
    /// # Errors
    /// As of [`Collection::update`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Fields, Visibility};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let games = db.categories().create(Fields::default().with("name", "Games").with("external_id", 12))?;
    /// let rows = [Visibility::new(1, true), Visibility::new(2, false)];
    /// let all = db.categories().set_visibilities(games.id, &rows)?;
    /// assert_eq!(db.categories().visibilities(games.id)?, all);
    ///
    /// let renamed = db.categories().update_by_external_id(12, Fields::default().with("name", "Play"))?;
    /// assert_eq!(renamed.id, games.id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_visibilities(&self, id: u64, rows: &[Visibility]) -> Result<Visibilities> {
        self.write(|write, env| {
            let mut all = machine::get::<Category>(write, &id)?.visibilities;
            all.merge(rows);
            let fields = [(VISIBILITIES.to_owned(), all.to_json())].into_iter().collect();
            Ok(machine::update::<Category>(write, env, &id, &fields)?.visibilities)
        })
    }

    /// The products of a category, by their place and then in the order in which they were linked.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn products(&self, id: u64) -> Result<Vec<CategoryProduct>> {
        self.read(|context| {
            machine::get::<Category>(context.read, &id)?;
            category_product::of_category(context.read, id)
        })
    }

    /// Links a product to a category, or changes the places of one that is linked: `None` keeps what it has.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the category, [`Error::Validation`] for what can be no product.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let chess = db.products().get_by_store("amazon", "chess")?;
    /// let games = db.categories().create(Fields::default().with("name", "Games").with("external_id", 12))?;
    /// db.categories().link_product(games.id, chess.id, None, None)?;
    /// assert_eq!(db.categories().products(games.id)?[0].product_id, chess.id);
    ///
    /// db.categories().unlink_product(games.id, chess.id)?;
    /// assert_eq!(db.categories().get_by_external_id(12)?, games);
    /// assert!(db.categories().children(games.id)?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn link_product(
        &self,
        id: u64,
        product_id: u64,
        category_sort: Option<i64>,
        product_sort: Option<i64>,
    ) -> Result<CategoryProduct> {
        let places = [(CATEGORY_SORT, category_sort), (PRODUCT_SORT, product_sort)];
        self.write(|write, env| category_product::link(write, env, (id, product_id), places))
    }

    /// Removes a product from a category.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the category, and where the product is not linked to it.
    pub fn unlink_product(&self, id: u64, product_id: u64) -> Result<()> {
        self.write(|write, env| category_product::unlink(write, env, id, product_id))
    }
}

#[cfg(test)]
#[path = "category_test.rs"]
mod test;
