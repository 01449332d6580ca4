//! The addresses of customers: no collection of their own; customers have verbs for them.
//!
//! Decided where the store's own API is silent: no field is required; at most one address of a customer is primary, so
//! that one which becomes primary takes that from the other; none becomes primary by itself. An address stays with its
//! customer, and a change of it is none of the customer's record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{Field, Index};
use crate::records::input::{Input, whole_number};
use crate::records::machine::{self, Env};
use crate::records::{Context, Customer, DatumKind, Others, Record, RecordId, Times};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::email;

/// One of a customer's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CustomerAddress {
    /// Given by the engine; no two addresses share one, whoever's they are.
    pub id: u64,
    /// Whose it is; it never changes.
    pub customer_id: u64,
    /// Whether it is the first to use; at most one of a customer's is.
    pub primary: bool,
    /// The e-mail address.
    pub email: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Street and number in one line.
    pub street_address: Option<String>,
    /// The street alone.
    pub street_name: Option<String>,
    /// The number in the street.
    pub street_number: Option<String>,
    /// What follows the number.
    pub house_extension: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The country code.
    pub country: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const CUSTOMER: &str = "customer_id";
const PRIMARY: &str = "primary";

impl Record for CustomerAddress {
    type Id = u64;

    const COLLECTION: &'static str = "customer_addresses";
    const NOUN: &'static str = "customer address";
    const TAG: u8 = 23;
    const FIELDS: &'static [Field<Self>] =
        &[Field { name: CUSTOMER, kind: DatumKind::Int, value: |address| address.customer_id.to_datum() }];
    const INDEXES: &'static [Index] = &[Index::plain(2, &[CUSTOMER])];

    fn blank() -> Self {
        Self {
            id: 0,
            customer_id: 0,
            primary: false,
            email: None,
            company: None,
            first_name: None,
            last_name: None,
            street_address: None,
            street_name: None,
            street_number: None,
            house_extension: None,
            postal_code: None,
            city: None,
            country: None,
            phone: None,
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

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        if input.creating() {
            input.required_number(CUSTOMER, &mut self.customer_id);
        } else {
            input.ignore(&[CUSTOMER]);
        }
        input.boolean(PRIMARY, &mut self.primary);
        email::optional(input, "email", &mut self.email);
        let texts = [
            ("company", &mut self.company),
            ("first_name", &mut self.first_name),
            ("last_name", &mut self.last_name),
            ("street_address", &mut self.street_address),
            ("street_name", &mut self.street_name),
            ("street_number", &mut self.street_number),
            ("house_extension", &mut self.house_extension),
            ("postal_code", &mut self.postal_code),
            ("city", &mut self.city),
            ("country", &mut self.country),
            ("phone", &mut self.phone),
        ];
        for (name, target) in texts {
            input.optional_text(name, target);
        }
        Ok(())
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_exist::<Customer>(CUSTOMER, &self.customer_id)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(self.shown())
    }
}

impl CustomerAddress {
    pub(in crate::records) fn shown(&self) -> Map<String, Value> {
        object([
            ("id", self.id.into()),
            ("created_at", self.created_at.to_string().into()),
            ("updated_at", self.updated_at.to_string().into()),
            (CUSTOMER, self.customer_id.into()),
            (PRIMARY, self.primary.into()),
            ("email", self.email.as_deref().into()),
            ("company", self.company.as_deref().into()),
            ("first_name", self.first_name.as_deref().into()),
            ("last_name", self.last_name.as_deref().into()),
            ("street_address", self.street_address.as_deref().into()),
            ("street_name", self.street_name.as_deref().into()),
            ("street_number", self.street_number.as_deref().into()),
            ("house_extension", self.house_extension.as_deref().into()),
            ("postal_code", self.postal_code.as_deref().into()),
            ("city", self.city.as_deref().into()),
            ("country", self.country.as_deref().into()),
            ("phone", self.phone.as_deref().into()),
        ])
    }
}

/// The addresses of a customer, by id.
pub(in crate::records) fn of_customer(read: &dyn Read, customer_id: u64) -> Result<Vec<CustomerAddress>> {
    machine::get::<Customer>(read, &customer_id)?;
    machine::find_all(read, &[CUSTOMER], &[customer_id.to_datum()])
}

/// Adds an address to a customer. An address that names another customer is refused: whoever passes one on as it was
/// read may have its own id where the customer's belongs.
pub(in crate::records) fn add(
    write: &mut dyn Write,
    env: &Env<'_>,
    customer_id: u64,
    mut fields: Map<String, Value>,
) -> Result<CustomerAddress> {
    machine::get::<Customer>(write, &customer_id)?;
    let named = fields.insert(CUSTOMER.to_owned(), customer_id.into());
    if named.is_some_and(|named| whole_number(&named) != Some(customer_id)) {
        let fault = format!("is not the customer {customer_id} that the address is for: leave it out");
        return Err(Error::invalid(CUSTOMER, fault));
    }
    let address = machine::create(write, env, &fields)?;
    keep_one_primary(write, env, &address)?;
    Ok(address)
}

/// Changes an address of a customer.
pub(in crate::records) fn update(
    write: &mut dyn Write,
    env: &Env<'_>,
    customer_id: u64,
    address_id: u64,
    fields: &Map<String, Value>,
) -> Result<CustomerAddress> {
    let held = held(write, customer_id, address_id)?;
    let address = machine::update(write, env, &held.id, fields)?;
    keep_one_primary(write, env, &address)?;
    Ok(address)
}

/// Removes an address of a customer.
pub(in crate::records) fn remove(
    write: &mut dyn Write,
    env: &Env<'_>,
    customer_id: u64,
    address_id: u64,
) -> Result<()> {
    let held = held(write, customer_id, address_id)?;
    machine::delete::<CustomerAddress>(write, env, &held.id)
}

/// Removes all addresses of a customer who goes.
pub(in crate::records) fn remove_all(write: &mut dyn Write, env: &Env<'_>, customer_id: u64) -> Result<()> {
    let addresses = of_customer(write, customer_id)?;
    addresses.iter().try_for_each(|address| machine::delete::<CustomerAddress>(write, env, &address.id))
}

/// An address, which must be the customer's.
fn held(read: &dyn Read, customer_id: u64, address_id: u64) -> Result<CustomerAddress> {
    machine::get::<Customer>(read, &customer_id)?;
    let address: CustomerAddress = machine::get(read, &address_id)?;
    if address.customer_id == customer_id {
        Ok(address)
    } else {
        Err(Error::NotFound { what: format!("customer address {address_id} of customer {customer_id}") })
    }
}

fn keep_one_primary(write: &mut dyn Write, env: &Env<'_>, address: &CustomerAddress) -> Result<()> {
    if !address.primary {
        return Ok(());
    }
    let others = of_customer(write, address.customer_id)?;
    let no_longer = object([(PRIMARY, false.into())]);
    for other in others.iter().filter(|other| other.primary && other.id != address.id) {
        machine::update::<CustomerAddress>(write, env, &other.id, &no_longer)?;
    }
    Ok(())
}
