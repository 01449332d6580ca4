//! Groups of customers.
//!
//! Decided where the store's own API is silent: names need not be unique, and one may stand in a translation instead; a
//! customer who is in a group already stays in it when added again, with the link there is; one who is not in it cannot
//! be removed; members are told as customers, in the order of their ids, each with the two ids of the link beside its
//! own fields. Members who come and go are no change of the group. A group that is deleted leaves its members as they
//! are, but for being in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::translation::{self, Translatable, Translations};
use crate::records::verb::Verb;
use crate::records::{Collection, Context, Customer, Datum, DatumKind, Expansion, Record, Times, shown};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::customer_link::{self, CustomerLink};

/// A group of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CustomerGroup {
    /// Given by the engine.
    pub id: u64,
    /// Its name; none only where a translation has it.
    pub name: Option<String>,
    /// Its name in other languages.
    pub translations: Translations,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const NAME: &str = "name";
const CUSTOMER_LINKS: &str = "customer_links";
const TRANSLATED: &[Translatable] = &[Translatable::short(NAME)];

impl Record for CustomerGroup {
    type Id = u64;

    const COLLECTION: &'static str = "customer_groups";
    const NOUN: &'static str = "customer group";
    const TAG: u8 = 4;
    const FIELDS: &'static [Field<Self>] =
        &[Field { name: NAME, kind: DatumKind::Text, value: |group| Datum::text(group.name.as_deref()) }];
    const INDEXES: &'static [Index] = &[Index::plain(2, &[NAME])];
    const EXPANSIONS: &'static [Expansion] = &[translation::EXPANSION, Expansion::asked(CUSTOMER_LINKS)];
    const VERBS: &'static [Verb<Self>] = &[
        Verb {
            name: "add",
            changes: true,
            run: |groups, arguments| {
                let (group_id, customer_id) = ends(arguments)?;
                groups.add(group_id, customer_id).map(|link| Value::Object(link.ends()))
            },
        },
        Verb {
            name: "remove",
            changes: true,
            run: |groups, arguments| {
                let (group_id, customer_id) = ends(arguments)?;
                groups.remove(group_id, customer_id).map(|()| Value::Null)
            },
        },
        Verb {
            name: "members",
            changes: false,
            run: |groups, arguments| {
                let group_id = arguments.id_of::<Self>("group_id")?;
                arguments.done()?;
                groups.read(|context| members_json(context, group_id))
            },
        },
    ];

    fn blank() -> Self {
        Self {
            id: 0,
            name: None,
            translations: Translations::default(),
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

    fn stamp(&mut self, id: u64, times: Times) {
        (self.id, self.created_at, self.updated_at) = (id, times.created_at, times.updated_at);
    }

    fn before_delete(&self, write: &mut dyn Write, env: &Env<'_>) -> Result<()> {
        let links = customer_link::of_group(write, self.id)?;
        customer_link::remove_all(write, env, &links)
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        input.ignore(&[CUSTOMER_LINKS]);
        input.optional_text(NAME, &mut self.name);
        self.translations.apply(input, TRANSLATED);
        self.translations.require(NAME, self.name.as_deref(), input);
        Ok(())
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut fields = self.shown();
        self.translations.show(&mut fields, context);
        if context.expands(CUSTOMER_LINKS) {
            let mut links = customer_link::of_group(context.read, self.id)?;
            links.sort_by_key(|link| link.id);
            let links = links.iter().map(|link| Value::Object(link.shown())).collect();
            fields.insert(CUSTOMER_LINKS.to_owned(), links);
        }
        Ok(fields)
    }
}

impl CustomerGroup {
    /// The group without its sub-resources, as its members show it too.
    pub(in crate::records) fn shown(&self) -> Map<String, Value> {
        shown(self, [(NAME, self.name.as_deref().into())])
    }
}

fn ends(arguments: &mut Input<'_>) -> Result<(u64, u64)> {
    let group_id = arguments.id_of::<CustomerGroup>("group_id")?;
    let customer_id = arguments.id_of::<Customer>("customer_id")?;
    arguments.done()?;
    Ok((group_id, customer_id))
}

fn members_of(read: &dyn Read, group_id: u64) -> Result<Vec<(CustomerLink, Customer)>> {
    machine::get::<CustomerGroup>(read, &group_id)?;
    let links = customer_link::of_group(read, group_id)?;
    let with_customer = |link: CustomerLink| {
        let customer = machine::get(read, &link.customer_id)?;
        Ok((link, customer))
    };
    links.into_iter().map(with_customer).collect()
}

fn members_json(context: &Context<'_>, group_id: u64) -> Result<Value> {
    let show = |(link, customer): &(CustomerLink, Customer)| {
        let mut fields = customer.to_json(context)?;
        fields.extend(link.ends());
        Ok(Value::Object(fields))
    };
    members_of(context.read, group_id)?.iter().map(show).collect()
}

impl Collection<CustomerGroup> {
    /// Takes a customer into a group; one who is in it stays.
    ///
    /// # Errors
    /// [`Error::NotFound`] for either, [`Error::Access`] on a read-only database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// # let fields = serde_json::json!({
    /// #   "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "external_id": "a-7",
    /// #   "street_address": "Rue 5", "postal_code": "75001", "city": "Paris", "country": "FR", "login_allowed": true,
    /// # });
    /// # let customer = db.customers().create(Fields::from_json(fields)?)?;
    /// let group = db.customer_groups().create(Fields::default().with("name", "Friends"))?;
    /// db.customer_groups().add(group.id, customer.id)?;
    /// assert_eq!(db.customer_groups().members(group.id)?, [customer.clone()]);
    ///
    /// db.customer_groups().remove(group.id, customer.id)?;
    /// assert!(db.customer_groups().members(group.id)?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn add(&self, group_id: u64, customer_id: u64) -> Result<CustomerLink> {
        self.write(|write, env| {
            machine::get::<CustomerGroup>(write, &group_id)?;
            machine::get::<Customer>(write, &customer_id)?;
            customer_link::add(write, env, group_id, customer_id)
        })
    }

    /// Takes a customer out of a group.
    ///
    /// # Errors
    /// [`Error::NotFound`] for either, and for a customer who is not in the group; [`Error::Access`] on a read-only
    /// database.
    pub fn remove(&self, group_id: u64, customer_id: u64) -> Result<()> {
        self.write(|write, env| {
            machine::get::<CustomerGroup>(write, &group_id)?;
            machine::get::<Customer>(write, &customer_id)?;
            let link = customer_link::between(write, group_id, customer_id)?;
            let missing =
                || Error::NotFound { what: format!("customer {customer_id} in customer group {group_id}") };
            machine::delete::<CustomerLink>(write, env, &link.ok_or_else(missing)?.id)
        })
    }

    /// The customers in a group, by id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn members(&self, group_id: u64) -> Result<Vec<Customer>> {
        self.read(|context| {
            let members = members_of(context.read, group_id)?;
            Ok(members.into_iter().map(|(_, customer)| customer).collect())
        })
    }
}

#[cfg(test)]
#[path = "customer_group_test.rs"]
mod test;
