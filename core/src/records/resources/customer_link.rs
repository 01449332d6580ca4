//! The links between customers and their groups: no collection of their own, since both ends show them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::{Context, Customer, CustomerGroup, DatumKind, Others, Record, RecordId, Times, shown};
use crate::store::{Read, Write};

/// A customer's membership in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CustomerLink {
    /// Given by the engine.
    pub id: u64,
    /// The customer.
    pub customer_id: u64,
    /// The group; a customer is in it once.
    pub customer_group_id: u64,
    /// Since when.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// The same, since a link does not change.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const CUSTOMER: &str = "customer_id";
const GROUP: &str = "customer_group_id";

impl Record for CustomerLink {
    type Id = u64;

    const COLLECTION: &'static str = "customer_links";
    const NOUN: &'static str = "customer link";
    const TAG: u8 = 20;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: CUSTOMER, kind: DatumKind::Int, value: |link| link.customer_id.to_datum() },
        Field { name: GROUP, kind: DatumKind::Int, value: |link| link.customer_group_id.to_datum() },
    ];
    const INDEXES: &'static [Index] =
        &[Index::unique(2, &[GROUP, CUSTOMER]), Index::unique(3, &[CUSTOMER, GROUP])];

    fn blank() -> Self {
        let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        Self { id: 0, customer_id: 0, customer_group_id: 0, created_at, updated_at }
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
        input.required_number(CUSTOMER, &mut self.customer_id);
        input.required_number(GROUP, &mut self.customer_group_id);
        Ok(())
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_exist::<Customer>(CUSTOMER, &self.customer_id)?;
        others.must_exist::<CustomerGroup>(GROUP, &self.customer_group_id)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(self.shown())
    }
}

impl CustomerLink {
    pub(in crate::records) fn shown(&self) -> Map<String, Value> {
        shown(self, [(CUSTOMER, self.customer_id.into()), (GROUP, self.customer_group_id.into())])
    }

    /// What membership is without a link's own id and times.
    pub(in crate::records) fn ends(&self) -> Map<String, Value> {
        object([(CUSTOMER, self.customer_id.into()), (GROUP, self.customer_group_id.into())])
    }
}

/// The link of a customer to a group.
pub(in crate::records) fn between(
    read: &dyn Read,
    group_id: u64,
    customer_id: u64,
) -> Result<Option<CustomerLink>> {
    machine::find(read, &[GROUP, CUSTOMER], &[group_id.to_datum(), customer_id.to_datum()])
}

/// The links of a group, by customer.
pub(in crate::records) fn of_group(read: &dyn Read, group_id: u64) -> Result<Vec<CustomerLink>> {
    machine::find_all(read, &[GROUP, CUSTOMER], &[group_id.to_datum()])
}

/// The links of a customer, by group.
pub(in crate::records) fn of_customer(read: &dyn Read, customer_id: u64) -> Result<Vec<CustomerLink>> {
    machine::find_all(read, &[CUSTOMER, GROUP], &[customer_id.to_datum()])
}

/// Links a customer to a group; one that is linked stays so.
pub(in crate::records) fn add(
    write: &mut dyn Write,
    env: &Env<'_>,
    group_id: u64,
    customer_id: u64,
) -> Result<CustomerLink> {
    if let Some(link) = between(write, group_id, customer_id)? {
        return Ok(link);
    }
    let fields = object([(CUSTOMER, customer_id.into()), (GROUP, group_id.into())]);
    machine::create(write, env, &fields)
}

/// Removes links, for an end of theirs that goes.
pub(in crate::records) fn remove_all(
    write: &mut dyn Write,
    env: &Env<'_>,
    links: &[CustomerLink],
) -> Result<()> {
    links.iter().try_for_each(|link| machine::delete::<CustomerLink>(write, env, &link.id))
}
