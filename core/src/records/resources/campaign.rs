//! Campaigns: conditions under which the store sells for less.
//!
//! Decided where the store's own API is silent: a campaign is not published unless said; no field is required; its name
//! stands in translations alone; conditions, discounts and page are always shown whole, with null, false or an empty
//! list for what is not set, an update changes what it names within them, and null empties the part that it stands for;
//! a condition's code need not be one campaign's alone, and an empty one is none; the time goes from a moment to a later
//! one or the same. A customer group that is deleted stays in the campaign: without it a campaign for that group alone
//! would be for everybody.
//!
//! Prices are rows of their own: shown where `expand` asks for them, set and removed by `set_prices` and `remove_price`,
//! passed over in what is written to the campaign itself, whose `updated_at` they leave alone; they go with it. A row
//! that is set replaces the one that stood there as a whole, its order limit included. `set_prices` gives all rows of
//! the campaign, in the order that `campaign_price.rs` tells.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::translation::{self, Translatable, Translations};
use crate::records::verb::Verb;
use crate::records::visibility::{self, Visibilities};
use crate::records::{
    Collection, Context, CustomerGroup, Datum, DatumKind, Expansion, Record, Times, shown, stored,
};
use crate::store::Write;
use crate::{Error, Result};

use super::campaign_part::{CampaignConditions, CampaignDiscounts, CampaignPage, Part, part};
use super::campaign_price::{self, PriceKey, PriceRow};

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Campaign {
    /// Given by the engine.
    pub id: u64,
    /// Whether it is on.
    pub published: bool,
    /// When it applies, and for whom.
    pub conditions: CampaignConditions,
    /// What it gives.
    pub discounts: CampaignDiscounts,
    /// The page that shows it.
    pub page: CampaignPage,
    /// Its name and descriptions, by language.
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

const PRICES: &str = "prices";
const TRANSLATED: &[Translatable] = &[
    Translatable::short("name"),
    Translatable::long("description"),
    Translatable::short("seo_title"),
    Translatable::short("seo_page_title"),
    Translatable::long("seo_meta_description"),
];

impl Record for Campaign {
    type Id = u64;

    const COLLECTION: &'static str = "campaigns";
    const NOUN: &'static str = "campaign";
    const TAG: u8 = 10;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "published", kind: DatumKind::Bool, value: |campaign| Datum::Bool(campaign.published) },
        Field {
            name: "code",
            kind: DatumKind::Text,
            value: |campaign| Datum::text(campaign.conditions.code.as_deref()),
        },
    ];
    const INDEXES: &'static [Index] = &[Index::plain(2, &["published"]), Index::plain(3, &["code"])];
    const EXPANSIONS: &'static [Expansion] =
        &[Expansion::asked(PRICES), translation::EXPANSION, visibility::EXPANSION];
    const VERBS: &'static [Verb<Self>] = &[
        Verb { name: PRICES, changes: false, run: prices },
        Verb { name: "set_prices", changes: true, run: set_prices },
        Verb { name: "remove_price", changes: true, run: remove_price },
    ];

    fn blank() -> Self {
        Self {
            id: 0,
            published: false,
            conditions: CampaignConditions::default(),
            discounts: CampaignDiscounts::default(),
            page: CampaignPage::default(),
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
        campaign_price::remove_all(write, env, self.id)
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        let groups_before = self.conditions.customers.group_ids.iter().copied().collect();
        input.ignore(&[PRICES]);
        input.boolean("published", &mut self.published);
        part(input, "conditions", &mut self.conditions);
        part(input, "discounts", &mut self.discounts);
        part(input, "page", &mut self.page);
        self.translations.apply(input, TRANSLATED);
        self.visibilities.apply(input);
        self.check_groups(&groups_before, input, context)
    }

    fn keep_numbers(&self, write: &mut dyn Write) -> Result<()> {
        // Groups are deleted without the campaigns for them: a new one must not come by them.
        let mut groups = self.conditions.customers.group_ids.iter();
        groups.try_for_each(|group| stored::skip_number::<CustomerGroup>(write, group))
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut record = shown(
            self,
            [
                ("published", self.published.into()),
                ("conditions", self.conditions.to_json()),
                ("discounts", self.discounts.to_json()),
                ("page", self.page.to_json()),
            ],
        );
        if context.expands(PRICES) {
            record.insert(PRICES.to_owned(), to_json(&campaign_price::of_campaign(context.read, self.id)?));
        }
        self.translations.show(&mut record, context);
        self.visibilities.show(&mut record, context);
        Ok(record)
    }
}

impl Campaign {
    /// The groups that the campaign is newly for must be there; one that went since may stay.
    fn check_groups(
        &self,
        before: &BTreeSet<u64>,
        input: &mut Input<'_>,
        context: &Context<'_>,
    ) -> Result<()> {
        let groups = self.conditions.customers.group_ids.iter().enumerate();
        for (place, group) in groups.filter(|(_, group)| !before.contains(group)) {
            let field = format!("conditions.customers.group_ids[{place}]");
            input.must_exist::<CustomerGroup>(&field, group, context)?;
        }
        Ok(())
    }
}

fn to_json(rows: &[PriceRow]) -> Value {
    rows.iter().map(|row| row.to_json()).collect()
}

fn prices(campaigns: &Collection<Campaign>, arguments: &mut Input<'_>) -> Result<Value> {
    let id = arguments.id_of::<Campaign>("id")?;
    arguments.done()?;
    campaigns.prices(id).map(|rows| to_json(&rows))
}

fn set_prices(campaigns: &Collection<Campaign>, arguments: &mut Input<'_>) -> Result<Value> {
    let id = arguments.id_of::<Campaign>("id")?;
    let rows = arguments.rows("rows", PriceRow::read);
    arguments.done()?;
    let rows = rows.ok_or_else(|| Error::invalid("rows", "is required"))?;
    campaigns.set_prices(id, &rows).map(|rows| to_json(&rows))
}

fn remove_price(campaigns: &Collection<Campaign>, arguments: &mut Input<'_>) -> Result<Value> {
    let id = arguments.id_of::<Campaign>("id")?;
    let mut key = PriceKey::new(0);
    // A row as it is shown names itself.
    arguments.nested("row", |row| {
        row.ignore(&["price", "order_limit"]);
        key.apply(row);
    });
    arguments.done()?;
    if key.product_id == 0 {
        return Err(Error::invalid("row", "is required"));
    }
    campaigns.remove_price(id, &key).map(|()| Value::Null)
}

impl Collection<Campaign> {
    /// The prices of a campaign: by product, the product itself before its variations and these before its downloads,
    /// then by quantity.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn prices(&self, id: u64) -> Result<Vec<PriceRow>> {
        self.read(|context| {
            machine::get::<Campaign>(context.read, &id)?;
            campaign_price::of_campaign(context.read, id)
        })
    }

    /// Adds prices, or replaces those whose rows stand already; the others stay. Gives all prices of the campaign.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Validation`] for a row that stands twice among them and for what can be no row.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Fields, PriceKey, PriceRow};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let chess = db.products().get_by_store("amazon", "chess")?;
    /// let campaign = db.campaigns().create(Fields::default().with("published", true))?;
    ///
    /// let one = PriceRow::new(PriceKey::new(chess.id), "0.99".parse()?);
    /// let ten = PriceRow::new(PriceKey::new(chess.id).quantity(10), "7.99".parse()?).order_limit(2);
    /// assert_eq!(db.campaigns().set_prices(campaign.id, &[one, ten])?, [one, ten]);
    ///
    /// db.campaigns().remove_price(campaign.id, &ten.key)?;
    /// assert_eq!(db.campaigns().prices(campaign.id)?, [one]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_prices(&self, id: u64, rows: &[PriceRow]) -> Result<Vec<PriceRow>> {
        self.write(|write, env| campaign_price::set(write, env, id, rows))
    }

    /// Removes a price.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the campaign, and where it has no such row.
    pub fn remove_price(&self, id: u64, key: &PriceKey) -> Result<()> {
        self.write(|write, env| campaign_price::remove(write, env, id, key))
    }
}

#[cfg(test)]
#[path = "campaign_test.rs"]
mod test;
