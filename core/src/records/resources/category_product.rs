//! The products of categories: links that have times of their own, reached through their category alone.
//!
//! Decided where the store's own API is silent: a product is linked to a category once; the product itself is not looked
//! for, since its numbers are those of another system; a link is no part of its category, whose `updated_at` it leaves
//! alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::{Category, Context, Datum, DatumKind, Others, Record, RecordId, Times, shown};
use crate::store::{Read, Write};

/// A product's place in a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CategoryProduct {
    /// Given by the engine; the API does not show it.
    pub id: u64,
    /// The category.
    pub category_id: u64,
    /// The category's place among those of the product.
    pub category_sort: Option<i64>,
    /// The product.
    pub product_id: u64,
    /// The product's place among those of the category.
    pub product_sort: Option<i64>,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const CATEGORY: &str = "category_id";
pub(in crate::records) const PRODUCT: &str = "product_id";
pub(in crate::records) const CATEGORY_SORT: &str = "category_sort";
pub(in crate::records) const PRODUCT_SORT: &str = "product_sort";
const IN_ORDER: &[&str] = &[CATEGORY, PRODUCT_SORT];
const LINK: &[&str] = &[CATEGORY, PRODUCT];

impl Record for CategoryProduct {
    type Id = u64;

    const COLLECTION: &'static str = "category_products";
    const NOUN: &'static str = "product of a category";
    const TAG: u8 = 21;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: CATEGORY, kind: DatumKind::Int, value: |link| Datum::number(Some(link.category_id)) },
        Field { name: PRODUCT, kind: DatumKind::Int, value: |link| Datum::number(Some(link.product_id)) },
        Field { name: PRODUCT_SORT, kind: DatumKind::Int, value: |link| Datum::int(link.product_sort) },
    ];
    const INDEXES: &'static [Index] = &[Index::unique(2, LINK), Index::plain(3, IN_ORDER)];

    fn blank() -> Self {
        Self {
            id: 0,
            category_id: 0,
            category_sort: None,
            product_id: 0,
            product_sort: None,
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

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        input.required_id(CATEGORY, &mut self.category_id);
        input.optional_integer(CATEGORY_SORT, &mut self.category_sort);
        input.required_id(PRODUCT, &mut self.product_id);
        input.optional_integer(PRODUCT_SORT, &mut self.product_sort);
        if self.category_id == 0 {
            return Ok(());
        }
        input.must_exist::<Category>(CATEGORY, &self.category_id, context)
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_exist::<Category>(CATEGORY, &self.category_id)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(self.fields())
    }
}

impl CategoryProduct {
    fn fields(&self) -> Map<String, Value> {
        shown(
            self,
            [
                (CATEGORY, self.category_id.into()),
                (CATEGORY_SORT, self.category_sort.into()),
                (PRODUCT, self.product_id.into()),
                (PRODUCT_SORT, self.product_sort.into()),
            ],
        )
    }

    /// As its category shows it: without the id.
    pub(in crate::records) fn to_row(&self) -> Value {
        Value::Object(self.fields().into_iter().filter(|(name, _)| name != "id").collect())
    }
}

/// All links of a category, by the place of the product and then in the order in which they were made.
pub(in crate::records) fn of_category(read: &dyn Read, category: u64) -> Result<Vec<CategoryProduct>> {
    machine::find_all(read, IN_ORDER, &[category.to_datum()])
}

/// Links a product, or changes the places of one that is linked; a place that is not given stays.
///
/// # Errors
/// [`crate::Error::NotFound`] for the category, [`crate::Error::Validation`] for what can be no product.
pub(in crate::records) fn link(
    write: &mut dyn Write,
    env: &Env<'_>,
    (category, product): (u64, u64),
    places: [(&str, Option<i64>); 2],
) -> Result<CategoryProduct> {
    machine::get::<Category>(write, &category)?;
    let ids = [(CATEGORY, Some(category.into())), (PRODUCT, Some(product.into()))];
    let places = places.map(|(name, place)| (name, place.map(Value::from)));
    let given = ids.into_iter().chain(places);
    let fields = given.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    match find(write, category, product)? {
        Some(link) => machine::update(write, env, &link.id, &fields),
        None => machine::create(write, env, &fields),
    }
}

/// Removes a link.
///
/// # Errors
/// [`crate::Error::NotFound`] for the category, and where the product is not linked to it.
pub(in crate::records) fn unlink(
    write: &mut dyn Write,
    env: &Env<'_>,
    category: u64,
    product: u64,
) -> Result<()> {
    machine::get::<Category>(write, &category)?;
    let found = find(write, category, product)?;
    let missing = || machine::not_found::<CategoryProduct>(&format!("{category}: product {product}"));
    machine::delete::<CategoryProduct>(write, env, &found.ok_or_else(missing)?.id)
}

/// Removes all links of a category.
///
/// # Errors
/// Those of the store.
pub(in crate::records) fn unlink_all(write: &mut dyn Write, env: &Env<'_>, category: u64) -> Result<()> {
    let ids = machine::ids_of::<CategoryProduct>(write, IN_ORDER, &[category.to_datum()])?;
    ids.iter().try_for_each(|id| machine::delete::<CategoryProduct>(write, env, id))
}

fn find(read: &dyn Read, category: u64, product: u64) -> Result<Option<CategoryProduct>> {
    machine::find(read, LINK, &[category.to_datum(), product.to_datum()])
}
