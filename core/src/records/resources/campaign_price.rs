//! The price rows of campaigns, reached through their campaign alone.
//!
//! A row is one product, or one of its variations or downloads, from a quantity on. Decided where the store's own API is
//! silent: a quantity that is not given is 1, and a row with it and one without are the same row; a price is 0 or more;
//! an order limit that is not given is none; rows stand by product, then the product itself before its variations and
//! these before its downloads, each by number, then by quantity. A campaign has at most 100,000 rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::money::Money;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::{Input, exact_number};
use crate::records::machine::{self, Env};
use crate::records::{Campaign, Context, Datum, DatumKind, Others, Record, RecordId, Times, shown};
use crate::store::{Read, Write};
use crate::{Error, FieldErrors, Result};

/// The most rows of one campaign: deleting it with all of them is one commit.
const ROWS_MAX: usize = 100_000;

/// Which row of a campaign it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriceKey {
    /// The product.
    pub product_id: u64,
    /// One of its downloads, instead of a variation.
    pub download_id: Option<u64>,
    /// One of its variations, instead of a download.
    pub variation_id: Option<u64>,
    /// From how many on, 1 or more.
    pub quantity: u64,
}

impl PriceKey {
    /// The row of a product from one on.
    pub fn new(product_id: u64) -> Self {
        Self { product_id, download_id: None, variation_id: None, quantity: 1 }
    }

    /// The row of one of its variations.
    #[must_use]
    pub fn variation(self, variation_id: u64) -> Self {
        Self { variation_id: Some(variation_id), download_id: None, ..self }
    }

    /// The row of one of its downloads.
    #[must_use]
    pub fn download(self, download_id: u64) -> Self {
        Self { download_id: Some(download_id), variation_id: None, ..self }
    }

    /// The row from so many on.
    #[must_use]
    pub fn quantity(self, quantity: u64) -> Self {
        Self { quantity, ..self }
    }

    /// Takes from the input what names a row.
    pub(in crate::records) fn apply(&mut self, input: &mut Input<'_>) {
        input.required_id(PRODUCT, &mut self.product_id);
        input.optional_id(VARIATION, &mut self.variation_id);
        input.optional_id(DOWNLOAD, &mut self.download_id);
        if self.variation_id.is_some() && self.download_id.is_some() {
            input.fault(DOWNLOAD, "stands beside a variation_id: a row is for one of the two");
        }
        let mut quantity = Some(self.quantity);
        input.optional_number(QUANTITY, &mut quantity);
        self.quantity = quantity.unwrap_or(1);
        if self.quantity == 0 {
            input.fault(QUANTITY, "must be a whole number from 1 on");
        }
    }

    /// The values of its index, behind that of the campaign. None is 0, which is no id, so that it sorts first and
    /// collides.
    fn data(&self) -> [Datum; 4] {
        let some = |id: Option<u64>| id.unwrap_or(0).to_datum();
        let Self { product_id, download_id, variation_id, quantity } = self;
        [product_id.to_datum(), some(*download_id), some(*variation_id), quantity.to_datum()]
    }
}

/// A price within a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriceRow {
    /// Which row it is.
    pub key: PriceKey,
    /// The price, 0 or more, in the store's own currency.
    pub price: Money,
    /// How many of it one order may have.
    pub order_limit: Option<u64>,
}

impl PriceRow {
    /// A price without an order limit.
    pub fn new(key: PriceKey, price: Money) -> Self {
        Self { key, price, order_limit: None }
    }

    /// How many of it one order may have.
    #[must_use]
    pub fn order_limit(self, order_limit: u64) -> Self {
        Self { order_limit: Some(order_limit), ..self }
    }

    /// Reads a row of its own.
    pub(in crate::records) fn read(input: &mut Input<'_>) -> Self {
        let mut row = Self::new(PriceKey::new(0), Money::ZERO);
        row.apply(input);
        row
    }

    fn apply(&mut self, input: &mut Input<'_>) {
        self.key.apply(input);
        let mut price = (!input.creating()).then_some(self.price);
        input.money(PRICE, &mut price);
        match price {
            Some(price) if price < Money::ZERO => input.fault(PRICE, "must not be negative"),
            Some(price) => self.price = price,
            None if input.is_faulty(PRICE) => {}
            None => input.fault(PRICE, "is required"),
        }
        input.optional_number(ORDER_LIMIT, &mut self.order_limit);
    }

    fn fields(&self) -> [(&'static str, Value); 6] {
        let PriceKey { product_id, download_id, variation_id, quantity } = self.key;
        [
            (PRODUCT, product_id.into()),
            (VARIATION, variation_id.into()),
            (DOWNLOAD, download_id.into()),
            (QUANTITY, quantity.into()),
            (PRICE, exact_number(self.price)),
            (ORDER_LIMIT, self.order_limit.into()),
        ]
    }

    /// As its campaign shows it.
    pub(in crate::records) fn to_json(self) -> Value {
        Value::Object(self.fields().into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// A price row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignPrice {
    /// Given by the engine; the API does not show it.
    pub id: u64,
    /// The campaign.
    pub campaign_id: u64,
    /// The row.
    pub row: PriceRow,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const CAMPAIGN: &str = "campaign_id";
const PRODUCT: &str = "product_id";
const VARIATION: &str = "variation_id";
const DOWNLOAD: &str = "download_id";
const QUANTITY: &str = "quantity";
const PRICE: &str = "price";
const ORDER_LIMIT: &str = "order_limit";
const KEY: &[&str] = &[CAMPAIGN, PRODUCT, DOWNLOAD, VARIATION, QUANTITY];

const fn key_field(name: &'static str, value: fn(&CampaignPrice) -> Datum) -> Field<CampaignPrice> {
    Field { name, kind: DatumKind::Int, value }
}

impl Record for CampaignPrice {
    type Id = u64;

    const COLLECTION: &'static str = "campaign_prices";
    const NOUN: &'static str = "price of a campaign";
    const TAG: u8 = 22;
    const FIELDS: &'static [Field<Self>] = &[
        key_field(CAMPAIGN, |price| price.campaign_id.to_datum()),
        key_field(PRODUCT, |price| datum(price, 0)),
        key_field(DOWNLOAD, |price| datum(price, 1)),
        key_field(VARIATION, |price| datum(price, 2)),
        key_field(QUANTITY, |price| datum(price, 3)),
    ];
    const INDEXES: &'static [Index] = &[Index::unique(2, KEY)];

    fn blank() -> Self {
        Self {
            id: 0,
            campaign_id: 0,
            row: PriceRow::new(PriceKey::new(0), Money::ZERO),
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
        let before = self.campaign_id;
        input.required_id(CAMPAIGN, &mut self.campaign_id);
        self.row.apply(input);
        if self.campaign_id == before {
            return Ok(());
        }
        input.must_exist::<Campaign>(CAMPAIGN, &self.campaign_id, context)
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_exist::<Campaign>(CAMPAIGN, &self.campaign_id)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut record = shown(self, [(CAMPAIGN, self.campaign_id.into())]);
        record.extend(self.row.fields().into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(record)
    }
}

fn datum(price: &CampaignPrice, place: usize) -> Datum {
    price.row.key.data().get(place).cloned().unwrap_or(Datum::Null)
}

/// All rows of a campaign, in their order.
pub(in crate::records) fn of_campaign(read: &dyn Read, campaign: u64) -> Result<Vec<PriceRow>> {
    let found: Vec<CampaignPrice> = machine::find_all(read, KEY, &[campaign.to_datum()])?;
    Ok(found.into_iter().map(|price| price.row).collect())
}

/// Adds rows, or replaces those that stand already; the others stay. Gives all rows of the campaign.
///
/// # Errors
/// [`Error::NotFound`] for the campaign; [`Error::Validation`] for a row that stands twice among them, for what can be no
/// row, and where there would be too many.
pub(in crate::records) fn set(
    write: &mut dyn Write,
    env: &Env<'_>,
    campaign: u64,
    rows: &[PriceRow],
) -> Result<Vec<PriceRow>> {
    machine::get::<Campaign>(write, &campaign)?;
    refuse_twice(rows)?;
    for row in rows {
        let campaign_id = (CAMPAIGN, campaign.into());
        let fields = row.fields().into_iter().chain([campaign_id]);
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        match find(write, campaign, &row.key)? {
            Some(old) => machine::update(write, env, &old.id, &fields)?,
            None => machine::create::<CampaignPrice>(write, env, &fields)?,
        };
    }
    let all = of_campaign(write, campaign)?;
    if all.len() > ROWS_MAX {
        let fault = format!("a campaign has at most {ROWS_MAX} rows, this would be {}", all.len());
        return Err(Error::invalid("rows", fault));
    }
    Ok(all)
}

fn refuse_twice(rows: &[PriceRow]) -> Result<()> {
    let mut places = BTreeMap::new();
    let mut faults = FieldErrors::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(first) = places.insert(row.key, place) {
            let fault = format!("is the same row as rows[{first}]");
            faults.insert(format!("rows[{place}]"), vec![fault]);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Validation { fields: faults }) }
}

/// Removes a row.
///
/// # Errors
/// [`Error::NotFound`] for the campaign, and where it has no such row.
pub(in crate::records) fn remove(
    write: &mut dyn Write,
    env: &Env<'_>,
    campaign: u64,
    key: &PriceKey,
) -> Result<()> {
    machine::get::<Campaign>(write, &campaign)?;
    let missing = || machine::not_found::<CampaignPrice>(&format!("{campaign}: {}", key.named()));
    let found = find(write, campaign, key)?.ok_or_else(missing)?;
    machine::delete::<CampaignPrice>(write, env, &found.id)
}

/// Removes all rows of a campaign.
///
/// # Errors
/// Those of the store.
pub(in crate::records) fn remove_all(write: &mut dyn Write, env: &Env<'_>, campaign: u64) -> Result<()> {
    let ids = machine::ids_of::<CampaignPrice>(write, KEY, &[campaign.to_datum()])?;
    ids.iter().try_for_each(|id| machine::delete::<CampaignPrice>(write, env, id))
}

fn find(read: &dyn Read, campaign: u64, key: &PriceKey) -> Result<Option<CampaignPrice>> {
    let values: Vec<Datum> = std::iter::once(campaign.to_datum()).chain(key.data()).collect();
    machine::find(read, KEY, &values)
}

impl PriceKey {
    /// For messages.
    fn named(&self) -> String {
        let Self { product_id, download_id, variation_id, quantity } = self;
        let part = |name: &str, id: &Option<u64>| id.map_or(String::new(), |id| format!(", {name} {id}"));
        let (variation, download) = (part("variation", variation_id), part("download", download_id));
        format!("product {product_id}{variation}{download}, quantity {quantity}")
    }
}
