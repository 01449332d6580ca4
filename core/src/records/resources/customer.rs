//! Customers, and the verbs for their addresses.
//!
//! Decided where the store's own API is silent or cut off: `vat_code` is never required (on what it would depend is not
//! told); two customers may share an e-mail address, and looking for it finds the one with the lowest id, while a list
//! by it tells them all; an id in an external system is one customer's. The two subscriptions are false unless said.
//! Languages and countries are any text that the caller gives, in its spelling. Of `einvoice_address`, what an update
//! does not name stays, and null removes both. `customer_groups` shows the groups a customer is in, by id; it is written
//! by the groups' own verbs and passed over here, as are the two ids that stand beside a member of a group. A customer
//! who is deleted leaves the groups, and the addresses go along.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{Field, Index};
use crate::records::input::{Fields, Input};
use crate::records::machine::{self, Env};
use crate::records::verb::Verb;
use crate::records::{
    Collection, Context, CustomerGroup, Datum, DatumKind, Expansion, Moment, Record, RecordId, Times,
};
use crate::store::{Read, Write};

use super::customer_address::{self, CustomerAddress};
use super::customer_link;
use super::email;
use super::external_id::ExternalId;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// Given by the engine.
    pub id: u64,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// Whether the customer may log in.
    pub login_allowed: bool,
    /// The company.
    pub company: Option<String>,
    /// The company's VAT code.
    pub vat_code: Option<String>,
    /// Street and number.
    pub street_address: String,
    /// The postal code.
    pub postal_code: String,
    /// The city.
    pub city: String,
    /// The country code.
    pub country: String,
    /// The phone number.
    pub phone: Option<String>,
    /// The e-mail address.
    pub email: String,
    /// The version of the shop.
    pub version_id: Option<u64>,
    /// The language code.
    pub language: Option<String>,
    /// Whether letters may be sent by e-mail.
    pub email_subscription: bool,
    /// Where electronic invoices go.
    pub einvoice_address: EinvoiceAddress,
    /// Whether messages may be sent to the phone.
    pub sms_subscription: bool,
    /// The customer's id in another system; no two customers have the same.
    pub external_id: Option<ExternalId>,
    /// When the customer last logged in, as the caller tells it.
    pub last_login_at: Option<Moment>,
    /// When the record was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed; its addresses and groups are none of it.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

/// Where electronic invoices go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EinvoiceAddress {
    /// The receiver.
    pub edi_code: Option<String>,
    /// Who carries invoices there.
    pub operator_code: Option<String>,
}

const EMAIL: &str = "email";
const EXTERNAL_ID: &str = "external_id";
const LAST_LOGIN_AT: &str = "last_login_at";
const EINVOICE_ADDRESS: &str = "einvoice_address";
const CUSTOMER_GROUPS: &str = "customer_groups";

impl Record for Customer {
    type Id = u64;

    const COLLECTION: &'static str = "customers";
    const NOUN: &'static str = "customer";
    const TAG: u8 = 3;
    const FIELDS: &'static [Field<Self>] = FIELDS;
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &[EMAIL]),
        Index::unique(3, &[EXTERNAL_ID]),
        Index::plain(4, &[LAST_LOGIN_AT]),
        Index::plain(5, &["last_name"]),
        Index::plain(6, &["company"]),
        Index::plain(7, &["country"]),
    ];
    const EXPANSIONS: &'static [Expansion] = &[Expansion::inline(CUSTOMER_GROUPS)];
    const VERBS: &'static [Verb<Self>] = VERBS;

    fn blank() -> Self {
        Self {
            id: 0,
            first_name: String::new(),
            last_name: String::new(),
            login_allowed: false,
            company: None,
            vat_code: None,
            street_address: String::new(),
            postal_code: String::new(),
            city: String::new(),
            country: String::new(),
            phone: None,
            email: String::new(),
            version_id: None,
            language: None,
            email_subscription: false,
            einvoice_address: EinvoiceAddress::default(),
            sms_subscription: false,
            external_id: None,
            last_login_at: None,
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
        let links = customer_link::of_customer(write, self.id)?;
        customer_link::remove_all(write, env, &links)?;
        customer_address::remove_all(write, env, self.id)
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        input.ignore(&[CUSTOMER_GROUPS, "customer_id", "customer_group_id"]);
        input.required_text("first_name", &mut self.first_name);
        input.required_text("last_name", &mut self.last_name);
        input.required_boolean("login_allowed", &mut self.login_allowed);
        input.optional_text("company", &mut self.company);
        input.optional_text("vat_code", &mut self.vat_code);
        input.required_text("street_address", &mut self.street_address);
        input.required_text("postal_code", &mut self.postal_code);
        input.required_text("city", &mut self.city);
        input.required_text("country", &mut self.country);
        input.optional_text("phone", &mut self.phone);
        email::required(input, EMAIL, &mut self.email);
        input.optional_number("version_id", &mut self.version_id);
        input.optional_text("language", &mut self.language);
        input.boolean("email_subscription", &mut self.email_subscription);
        self.einvoice_address.apply(input);
        input.boolean("sms_subscription", &mut self.sms_subscription);
        ExternalId::apply(input, EXTERNAL_ID, &mut self.external_id);
        input.moment(LAST_LOGIN_AT, &mut self.last_login_at);
        Ok(())
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut fields = object([
            ("id", self.id.into()),
            ("created_at", self.created_at.to_string().into()),
            ("updated_at", self.updated_at.to_string().into()),
            ("first_name", self.first_name.as_str().into()),
            ("last_name", self.last_name.as_str().into()),
            ("login_allowed", self.login_allowed.into()),
            ("company", self.company.as_deref().into()),
            ("vat_code", self.vat_code.as_deref().into()),
            ("street_address", self.street_address.as_str().into()),
            ("postal_code", self.postal_code.as_str().into()),
            ("city", self.city.as_str().into()),
            ("country", self.country.as_str().into()),
            ("phone", self.phone.as_deref().into()),
            (EMAIL, self.email.as_str().into()),
            ("version_id", self.version_id.into()),
            ("language", self.language.as_deref().into()),
            ("email_subscription", self.email_subscription.into()),
            (EINVOICE_ADDRESS, self.einvoice_address.to_json()),
            ("sms_subscription", self.sms_subscription.into()),
            (EXTERNAL_ID, self.external_id.as_ref().map_or(Value::Null, ExternalId::to_json)),
            (LAST_LOGIN_AT, self.last_login_at.as_ref().map(Moment::as_str).into()),
        ]);
        if context.expands(CUSTOMER_GROUPS) {
            fields.insert(CUSTOMER_GROUPS.to_owned(), groups_of(context.read, self.id)?);
        }
        Ok(fields)
    }
}

const FIELDS: &[Field<Customer>] = &[
    Field { name: "first_name", kind: DatumKind::Text, value: |one| Datum::Text(one.first_name.clone()) },
    Field { name: "last_name", kind: DatumKind::Text, value: |one| Datum::Text(one.last_name.clone()) },
    Field { name: "login_allowed", kind: DatumKind::Bool, value: |one| Datum::Bool(one.login_allowed) },
    Field { name: "company", kind: DatumKind::Text, value: |one| Datum::text(one.company.as_deref()) },
    Field { name: "vat_code", kind: DatumKind::Text, value: |one| Datum::text(one.vat_code.as_deref()) },
    Field {
        name: "street_address",
        kind: DatumKind::Text,
        value: |one| Datum::Text(one.street_address.clone()),
    },
    Field { name: "postal_code", kind: DatumKind::Text, value: |one| Datum::Text(one.postal_code.clone()) },
    Field { name: "city", kind: DatumKind::Text, value: |one| Datum::Text(one.city.clone()) },
    Field { name: "country", kind: DatumKind::Text, value: |one| Datum::Text(one.country.clone()) },
    Field { name: "phone", kind: DatumKind::Text, value: |one| Datum::text(one.phone.as_deref()) },
    Field { name: EMAIL, kind: DatumKind::Folded, value: |one| email::datum(&one.email) },
    Field {
        name: "version_id",
        kind: DatumKind::Int,
        value: |one| one.version_id.map_or(Datum::Null, |id| id.to_datum()),
    },
    Field { name: "language", kind: DatumKind::Text, value: |one| Datum::text(one.language.as_deref()) },
    Field {
        name: "email_subscription",
        kind: DatumKind::Bool,
        value: |one| Datum::Bool(one.email_subscription),
    },
    Field { name: "sms_subscription", kind: DatumKind::Bool, value: |one| Datum::Bool(one.sms_subscription) },
    Field {
        name: EXTERNAL_ID,
        kind: DatumKind::Code,
        value: |one| ExternalId::datum(one.external_id.as_ref()),
    },
    Field {
        name: LAST_LOGIN_AT,
        kind: DatumKind::Time,
        value: |one| Moment::datum(one.last_login_at.as_ref()),
    },
];

const VERBS: &[Verb<Customer>] = &[
    Verb {
        name: "get_by_email",
        changes: false,
        run: |customers, arguments| {
            let mut address = String::new();
            arguments.required_text(EMAIL, &mut address);
            arguments.done()?;
            customers.read_inline(|context| shown(&by_email(context.read, &address)?, context))
        },
    },
    Verb {
        name: "get_by_external_id",
        changes: false,
        run: |customers, arguments| {
            let id = arguments.id_text(EXTERNAL_ID)?;
            arguments.done()?;
            customers.read_inline(|context| shown(&by_external_id(context.read, &id)?, context))
        },
    },
    Verb {
        name: "addresses",
        changes: false,
        run: |customers, arguments| {
            let id = arguments.id_of::<Customer>("id")?;
            arguments.done()?;
            Ok(customers.addresses(id)?.iter().map(CustomerAddress::shown).map(Value::Object).collect())
        },
    },
    Verb {
        name: "add_address",
        changes: true,
        run: |customers, arguments| {
            let id = arguments.id_of::<Customer>("id")?;
            let fields = arguments.rest()?;
            let add = |write: &mut dyn Write, env: &Env<'_>| customer_address::add(write, env, id, fields);
            customers.write(add).map(|address| Value::Object(address.shown()))
        },
    },
    Verb {
        name: "update_address",
        changes: true,
        run: |customers, arguments| {
            let id = arguments.id_of::<Customer>("id")?;
            let address_id = arguments.id_of::<CustomerAddress>(ADDRESS_ID)?;
            let fields = arguments.rest()?;
            customers
                .write(|write, env| customer_address::update(write, env, id, address_id, &fields))
                .map(|address| Value::Object(address.shown()))
        },
    },
    Verb {
        name: "remove_address",
        changes: true,
        run: |customers, arguments| {
            let id = arguments.id_of::<Customer>("id")?;
            let address_id = arguments.id_of::<CustomerAddress>(ADDRESS_ID)?;
            arguments.done()?;
            customers.remove_address(id, address_id).map(|()| Value::Null)
        },
    },
];

/// Beside `id`, which is the customer's.
const ADDRESS_ID: &str = "address_id";

impl EinvoiceAddress {
    fn apply(&mut self, input: &mut Input<'_>) {
        if input.value(EINVOICE_ADDRESS).is_some_and(Value::is_null) {
            *self = Self::default();
        }
        input.nested(EINVOICE_ADDRESS, |fields| {
            fields.optional_text("edi_code", &mut self.edi_code);
            fields.optional_text("operator_code", &mut self.operator_code);
        });
    }

    fn to_json(&self) -> Value {
        if *self == Self::default() {
            return Value::Null;
        }
        Value::Object(object([
            ("edi_code", self.edi_code.as_deref().into()),
            ("operator_code", self.operator_code.as_deref().into()),
        ]))
    }
}

fn shown(customer: &Customer, context: &Context<'_>) -> Result<Value> {
    customer.to_json(context).map(Value::Object)
}

fn groups_of(read: &dyn Read, customer_id: u64) -> Result<Value> {
    let links = customer_link::of_customer(read, customer_id)?;
    let group = |id| machine::get::<CustomerGroup>(read, &id);
    links.iter().map(|link| Ok(Value::Object(group(link.customer_group_id)?.shown()))).collect()
}

fn by_email(read: &dyn Read, address: &str) -> Result<Customer> {
    let found = machine::find(read, &[EMAIL], &[email::datum(address)])?;
    found.ok_or_else(|| machine::not_found::<Customer>(&format!("with e-mail {address}")))
}

fn by_external_id(read: &dyn Read, id: &str) -> Result<Customer> {
    let found = machine::find(read, &[EXTERNAL_ID], &[Datum::text(Some(id))])?;
    found.ok_or_else(|| machine::not_found::<Customer>(&format!("with external id {id}")))
}

impl Collection<Customer> {
    /// The customer of an e-mail address, whose case does not count; of several, the one with the lowest id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::CustomerFields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let ada = CustomerFields::new().first_name("Ada").last_name("Lovelace").login_allowed(true);
    /// let ada = ada.email("ada@example.com").external_id("a-7");
    /// let ada = ada.street_address("Rue 5").postal_code("75001").city("Paris").country("FR");
    /// let ada = db.customers().create(ada)?;
    /// assert_eq!(db.customers().get_by_email("Ada@Example.com")?, ada);
    /// assert_eq!(db.customers().get_by_external_id("a-7")?, ada);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_by_email(&self, address: &str) -> Result<Customer> {
        self.read(|context| by_email(context.read, address))
    }

    /// The customer of an id in another system; one that was given as a number is found by its digits.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub fn get_by_external_id(&self, id: &str) -> Result<Customer> {
        self.read(|context| by_external_id(context.read, id))
    }

    /// The addresses of a customer, by id.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub fn addresses(&self, id: u64) -> Result<Vec<CustomerAddress>> {
        self.read(|context| customer_address::of_customer(context.read, id))
    }

    /// Adds an address to a customer. One that is primary takes that from the one that was.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]; [`crate::Error::Validation`] with all faults, a `customer_id` of someone else among
    /// them; [`crate::Error::Access`] on a read-only database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::CustomerAddressFields;
    /// # use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// # let fields = serde_json::json!({
    /// #   "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "external_id": "a-7",
    /// #   "street_address": "Rue 5", "postal_code": "75001", "city": "Paris", "country": "FR", "login_allowed": true,
    /// # });
    /// # let ada = db.customers().create(Fields::from_json(fields)?)?;
    /// let office = CustomerAddressFields::new().street_address("Quai 7").city("Lyon").country("FR");
    /// let address = db.customers().add_address(ada.id, office)?;
    /// let moved = CustomerAddressFields::new().city("Paris");
    /// assert_eq!(db.customers().update_address(ada.id, address.id, moved)?.city.as_deref(), Some("Paris"));
    ///
    /// db.customers().remove_address(ada.id, address.id)?;
    /// assert!(db.customers().addresses(ada.id)?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_address(&self, id: u64, fields: impl Into<Fields>) -> Result<CustomerAddress> {
        let fields = fields.into();
        self.write(|write, env| customer_address::add(write, env, id, fields.as_map().clone()))
    }

    /// Changes what the fields name of a customer's address, and nothing else.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], also for an address of someone else, and those of [`Collection::add_address`].
    pub fn update_address(
        &self,
        id: u64,
        address_id: u64,
        fields: impl Into<Fields>,
    ) -> Result<CustomerAddress> {
        let fields = fields.into();
        self.write(|write, env| customer_address::update(write, env, id, address_id, fields.as_map()))
    }

    /// Removes an address of a customer.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], also for an address of someone else; [`crate::Error::Access`] on a read-only database.
    pub fn remove_address(&self, id: u64, address_id: u64) -> Result<()> {
        self.write(|write, env| customer_address::remove(write, env, id, address_id))
    }
}

#[cfg(test)]
#[path = "customer_test.rs"]
mod test;
