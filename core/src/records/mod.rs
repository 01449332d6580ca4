//! Typed records: accounts, products, customers … One generic machine gives every resource create, get, update,
//! delete, list, its indexes, filters, sorting and paging, and its JSON face; a resource is one file that declares what
//! it is ([`Record`]), and one line in `registry.rs`.
//!
//! The key space (a tag names a collection, a datum is a typed value that sorts as bytes):
//!
//! ```text
//! RECORD  tag │ id datum                            → rest count (1 byte) │ version (1) │ first 6,000 bytes of the record
//! REST    tag │ id datum │ number (1 byte)          → the following 6,000 bytes each
//! INDEX   tag │ index number │ value datum(s) │ id  → nothing: the key is the entry
//! COUNTER tag │ 0, 1 or 2                           → the last id given, the number of records, of changes to them
//! COUNTER tag │ 3 │ index number │ value datum      → how many records have the value, for few indexes
//! CATALOGUE                                          → see `catalogue.rs`
//! ```
//!
//! A sparse index has no entry of a record where one of the values is null. Index entries and counters change in the same commit as the record. A record is its serde form under the value frame
//! of `kv/value.rs`; it is cut because the index store likes small values.
//!
//! What holds for every resource:
//! * All faults of an input are told at once, as `{field: [message, …]}`; nothing is half-written.
//! * A field that is not the resource's is a fault, but what the engine itself gives out (`id`, times …) is passed over,
//!   so that what was read can be written back.
//! * Text is at most 255 characters where its resource says nothing else, and carries no control characters.
//! * `created_at` and `updated_at` are set by the engine, at microseconds; `updated_at` grows with every change of a
//!   record and stays where an update changes nothing.

#[cfg(test)]
mod bench;
mod builders;
mod catalogue;
mod clock;
mod collection;
mod datum;
mod dynamic;
mod expansion;
mod filter;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod incoming;
mod index;
mod input;
mod item_links;
#[cfg(test)]
mod keys_test;
mod known;
mod list;
mod machine;
mod mend;
mod moment;
mod page;
mod path;
mod registry;
mod resources;
mod search;
#[cfg(test)]
mod standing_test;
mod stored;
mod table;
#[cfg(test)]
mod test;
mod transfer;
mod translation;
mod tree;
mod uuid;
mod values;
mod verb;
mod visibility;
mod words;
#[cfg(test)]
mod world_test;

use std::fmt::{Debug, Display};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::scope::Scope;
use crate::store::{Read, Write};
use crate::{Error, Result};

pub use builders::{
    AccountFields, BannerFields, BannerGroupFields, BrandFields, CampaignFields, CategoryFields,
    CustomerAddressFields, CustomerFields, CustomerGroupFields, GiftCardFields, ProductFields,
    SubscriberFields,
};
pub use clock::Clock;
pub use collection::Collection;
pub use datum::{Datum, DatumKind};
pub use dynamic::AnyCollection;
pub use expansion::Expansion;
pub use incoming::Others;
pub use index::{Field, Index};
pub use input::{Fields, Input};
pub(crate) use item_links::{change as product_change, families, links};
pub use machine::Env;
pub(crate) use mend::{account_key, is_account_key, stand_in};
pub use moment::Moment;
pub use page::{ListQuery, PAGE_SIZE_MAX, Page};
pub use registry::Records;
pub(crate) use registry::{mend, register_items};
pub use resources::account::Account;
pub use resources::banner::Banner;
pub use resources::banner_group::BannerGroup;
pub use resources::brand::Brand;
pub use resources::campaign::Campaign;
pub use resources::campaign_part::{
    CampaignConditions, CampaignCustomers, CampaignDiscounts, CampaignPage, CampaignTime, Discount,
    ProductDiscounts,
};
pub use resources::campaign_price::{CampaignPrice, PriceKey, PriceRow};
pub use resources::category::Category;
pub use resources::category_product::CategoryProduct;
pub use resources::credentials::Credentials;
pub use resources::customer::{Customer, EinvoiceAddress};
pub use resources::customer_address::CustomerAddress;
pub use resources::customer_group::CustomerGroup;
pub use resources::customer_link::CustomerLink;
pub use resources::external_account::{ExternalAccount, ExternalAccountUpdate, NewExternalAccount};
pub use resources::external_id::ExternalId;
pub use resources::gift_card::GiftCard;
pub use resources::product::Product;
pub use resources::product_link::ProductLink;
pub(crate) use resources::product_link::groups;
pub use resources::product_parts::{Meta, Ownership, Price, Source, StoreCategory};
pub use resources::product_search::ProductSearch;
pub(crate) use resources::stores::stores;
pub use resources::stores::{AppStore, StoreInfo};
pub use resources::subscriber::Subscriber;
pub use translation::{Translation, Translations};
pub use verb::Verb;
pub use visibility::{Visibilities, Visibility};

/// Namespaces of the key space.
pub(crate) const RECORD: u8 = 0x20;
pub(crate) const REST: u8 = 0x21;
pub(crate) const INDEX: u8 = 0x22;
pub(crate) const COUNTER: u8 = 0x23;
pub(crate) const CATALOGUE: u8 = 0x24;

/// A resource: what the machine has to know to store, index, filter, sort and show it.
pub trait Record: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What names a record within its collection.
    type Id: RecordId;

    /// The collection's name, as in the Python and C faces.
    const COLLECTION: &'static str;
    /// One of it, for messages.
    const NOUN: &'static str;
    /// The field that shows what names it.
    const ID_FIELD: &'static str = "id";
    /// What its ids are in filters.
    const ID_KIND: DatumKind = <Self::Id as RecordId>::KIND;
    /// Its number in keys: never changed, never given to another collection.
    const TAG: u8;
    /// The version of the serde form. One that grows comes with an [`Record::upgrade`].
    const VERSION: u8 = 1;
    /// What a handle needs for reading it.
    const READ: Scope = Scope::RecordsRead;
    /// What a handle needs for changing it.
    const WRITE: Scope = Scope::RecordsWrite;
    /// What can be filtered by, apart from `id`, `created_at` and `updated_at`, which every record has.
    const FIELDS: &'static [Field<Self>];
    /// Which of these are indexed, alone (and so sortable) or together.
    const INDEXES: &'static [Index];
    /// Fields whose value lives sealed in the vault and in no record.
    const SECRETS: &'static [&'static str] = &[];
    /// What `expand` may name.
    const EXPANSIONS: &'static [Expansion] = &[];
    /// What the collection does beyond create, get, update, delete and list.
    const VERBS: &'static [Verb<Self>] = &[];

    /// A record without content, for [`Record::apply`] to complete; it is not stored unless that finds no fault.
    fn blank() -> Self;
    /// What names it.
    fn id(&self) -> Self::Id;
    /// When it was made and last changed.
    fn times(&self) -> Times;
    /// Takes on its id and times.
    fn stamp(&mut self, id: Self::Id, times: Times);

    /// The id of a new record whose content stands. `next` numbers the collection's records: 1, 2, 3 …
    ///
    /// # Errors
    /// Those of `next`.
    fn assign_id(&self, next: &mut dyn FnMut() -> Result<u64>) -> Result<Self::Id> {
        Self::Id::assign(next)
    }

    /// Changes what refers to a record that is about to go, in the same commit.
    ///
    /// # Errors
    /// What keeps the record from going.
    fn before_delete(&self, _write: &mut dyn Write, _env: &Env<'_>) -> Result<()> {
        Ok(())
    }

    /// Takes from the input what it names, and tells the input all that is wrong, also with the whole that results.
    ///
    /// # Errors
    /// Only what is not the input's fault, such as a failed read of another record.
    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()>;

    /// An id as it stands in keys: the same for all spellings of one.
    fn id_datum(id: &Self::Id) -> Datum {
        id.to_datum()
    }

    /// The resource as the store's own API shows it, without an envelope.
    ///
    /// # Errors
    /// A failed read of another record.
    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>>;

    /// Tells what is wrong with what it refers to, of a record that comes in from an export: [`Record::apply`] does not
    /// ask for that then, since what it refers to may come in after it.
    ///
    /// # Errors
    /// Those of reading other records.
    fn check_references(&self, _others: &mut Others<'_>) -> Result<()> {
        Ok(())
    }

    /// Sees to it that numbers which it names are given to no new record, where these may be gone.
    ///
    /// # Errors
    /// Those of the store.
    fn keep_numbers(&self, _write: &mut dyn Write) -> Result<()> {
        Ok(())
    }

    /// Reads the serde form of an older version.
    ///
    /// # Errors
    /// [`crate::Error::Corruption`] or the like; `None` for a version that never was.
    fn upgrade(_version: u8, _bytes: &[u8]) -> Result<Option<Self>> {
        Ok(None)
    }
}

/// What names a record: a number given by the engine, or a text.
pub trait RecordId: Clone + Debug + Display + Ord + Send + Sync + 'static {
    /// As it stands in keys and filters.
    fn to_datum(&self) -> Datum;
    /// From a key or a filter; `None` for a datum of another kind.
    fn from_datum(datum: &Datum) -> Option<Self>;
    /// From text as users give it; `None` for what cannot be an id.
    fn parse(text: &str) -> Option<Self>;
    /// As it stands in JSON.
    fn to_json(&self) -> Value;
    /// The id of a new record. `next` gives 1, 2, 3 … and never the same number twice in one database.
    ///
    /// # Errors
    /// Those of `next`.
    fn assign(next: &mut dyn FnMut() -> Result<u64>) -> Result<Self>;
    /// What filters compare ids as.
    const KIND: DatumKind;
}

impl RecordId for String {
    const KIND: DatumKind = DatumKind::Text;

    fn to_datum(&self) -> Datum {
        Datum::Text(self.clone())
    }

    fn from_datum(datum: &Datum) -> Option<Self> {
        match datum {
            Datum::Text(id) => Some(id.clone()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.chars().nth(input::TEXT_MAX).is_none();
        (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
    }

    fn to_json(&self) -> Value {
        self.as_str().into()
    }

    fn assign(_next: &mut dyn FnMut() -> Result<u64>) -> Result<Self> {
        // A resource with text ids makes them itself, in `assign_id`.
        Err(Error::invalid("id", "is required"))
    }
}

impl RecordId for u64 {
    const KIND: DatumKind = DatumKind::Int;

    fn to_datum(&self) -> Datum {
        // Ids come from a counter that stops at i64::MAX; a larger number names nothing.
        i64::try_from(*self).map_or(Datum::Null, Datum::Int)
    }

    fn from_datum(datum: &Datum) -> Option<Self> {
        match datum {
            Datum::Int(id) => Self::try_from(*id).ok(),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // The counter begins behind 0 and ends before the last number.
        digits.then(|| text.parse().ok()).flatten().filter(|id| (1..i64::MAX as Self).contains(id))
    }

    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn assign(next: &mut dyn FnMut() -> Result<u64>) -> Result<Self> {
        next()
    }
}

/// How a record stands in JSON: its id and times, and after them its fields in the API's order.
fn shown<R: Record, const N: usize>(record: &R, fields: [(&str, Value); N]) -> Map<String, Value> {
    let Times { created_at, updated_at } = record.times();
    let given = [
        ("id", record.id().to_json()),
        ("created_at", created_at.to_string().into()),
        ("updated_at", updated_at.to_string().into()),
    ];
    given.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// When a record was made and last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Set once.
    pub created_at: Timestamp,
    /// Later with every change.
    pub updated_at: Timestamp,
}

/// What a resource may look at beside its input: the rest of the database as of this commit, and the time.
pub struct Context<'a> {
    pub(crate) read: &'a dyn Read,
    pub(crate) now: Timestamp,
    /// The sub-resources to show.
    pub(crate) expand: &'a [&'a str],
}

impl Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .field("expand", &self.expand)
            .finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// Now, by the database's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether the caller wants this sub-resource shown.
    pub fn expands(&self, name: &str) -> bool {
        self.expand.contains(&name)
    }
}
