//! The same app in several stores as one thing: which products are linked to a group. No collection of its own, since
//! the verbs of products make, show and undo it.
//!
//! A group is a set of two or more products, called by the lowest id among them. Every member has a link that names the
//! group, so that links of different databases mean the same; where the lowest member goes, those that stay are named
//! anew. A product is in one group at most: linking two groups makes one of both.
//!
//! A link may outlive its product, where parts of a damaged database were lost, and may come in before it, from a file:
//! then it links nothing that can be seen, the product's number is given to no other one, and exports have it as it is.
//! Whether it stays is the user's to say: unlinking the number removes it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{self, Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::{
    Collection, Context, DatumKind, Others, Product, Record, RecordId, Times, item_links, stored,
};
use crate::scope::Scope;
use crate::store::{Read, Write};
use crate::{Error, Result};

/// A product's place in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProductLink {
    /// The product, which is in one group at most: its id is the link's.
    pub id: u64,
    /// The lowest id in the group.
    pub group_id: u64,
    /// Since when it is in a group.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// Since when the group is called so.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const GROUP: &str = "group_id";
/// What the link of a product is made of; an export has it as the link's id.
const PRODUCT: &str = "product_id";

impl Record for ProductLink {
    type Id = u64;

    const COLLECTION: &'static str = "product_links";
    const NOUN: &'static str = "link of product";
    const TAG: u8 = 24;
    const READ: Scope = Scope::ProductsRead;
    const WRITE: Scope = Scope::ProductsWrite;
    const FIELDS: &'static [Field<Self>] =
        &[Field { name: GROUP, kind: DatumKind::Int, value: |link| link.group_id.to_datum() }];
    const INDEXES: &'static [Index] = &[Index::plain(2, &[GROUP])];

    fn blank() -> Self {
        let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        Self { id: 0, group_id: 0, created_at, updated_at }
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

    fn assign_id(&self, _next: &mut dyn FnMut() -> Result<u64>) -> Result<u64> {
        Ok(self.id)
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        if input.creating() && !input.restoring() {
            input.required_id(PRODUCT, &mut self.id);
        }
        input.required_id(GROUP, &mut self.group_id);
        Ok(())
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        if self.group_id > self.id {
            others.fault(
                GROUP,
                format!("is above {}: a group is called by the lowest of its products", self.id),
            );
        } else if others.get::<Self>(&self.group_id)?.is_some_and(|head| head.group_id != self.group_id) {
            others.fault(GROUP, format!("no group is called by product {}", self.group_id));
        }
        Ok(())
    }

    fn keep_numbers(&self, write: &mut dyn Write) -> Result<()> {
        // That of the group is none above it.
        stored::skip_number::<Product>(write, &self.id)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(object([
            ("id", self.id.into()),
            ("created_at", self.created_at.to_string().into()),
            ("updated_at", self.updated_at.to_string().into()),
            (GROUP, self.group_id.into()),
        ]))
    }
}

/// The numbers in a product's group, itself among them; itself alone where it is in none. Some may be no product's.
///
/// What a group is called by is in it, also where its own link was lost or is still to come.
fn linked(read: &dyn Read, product: u64) -> Result<BTreeSet<u64>> {
    let group = stored::get::<ProductLink>(read, &product)?.map_or(product, |link| link.group_id);
    let mut linked: BTreeSet<u64> =
        machine::ids_of::<ProductLink>(read, &[GROUP], &[group.to_datum()])?.into_iter().collect();
    if !linked.is_empty() && stored::get::<ProductLink>(read, &group)?.is_none() {
        linked.insert(group);
    }
    linked.insert(product);
    Ok(linked)
}

/// The products among these numbers.
fn products(read: &dyn Read, numbers: &BTreeSet<u64>) -> Result<Vec<Product>> {
    numbers.iter().filter_map(|number| stored::get(read, number).transpose()).collect()
}

/// Every group there is: its products by id.
///
/// # Errors
/// Those of reading.
pub(crate) fn groups(read: &dyn Read, each: &mut dyn FnMut(&BTreeSet<u64>)) -> Result<()> {
    let mut groups: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    index::numbers::<ProductLink>(read, &[GROUP], &mut |group, product| {
        groups.entry(group).or_default().insert(product);
        Ok(())
    })?;
    let own: BTreeSet<u64> = groups.values().flatten().copied().collect();
    for (group, members) in &mut groups {
        if !own.contains(group) {
            members.insert(*group);
        }
        let mut there = BTreeSet::new();
        for member in std::mem::take(members) {
            if item_links::is_there(read, member)? {
                there.insert(member);
            }
        }
        *members = there;
    }
    groups.values().filter(|members| members.len() > 1).for_each(each);
    Ok(())
}

/// Calls these products one group; one that is left alone is in none.
fn regroup(write: &mut dyn Write, env: &Env<'_>, members: &BTreeSet<u64>) -> Result<()> {
    let Some(head) = members.first() else { return Ok(()) };
    let group = (GROUP, Value::from(*head));
    for member in members {
        match stored::get::<ProductLink>(write, member)? {
            Some(_) if members.len() == 1 => machine::delete::<ProductLink>(write, env, member)?,
            None if members.len() == 1 => {}
            Some(link) if link.group_id == *head => {}
            Some(_) => {
                machine::revise::<ProductLink>(write, env, member, &object([group.clone()]))?;
            }
            None => {
                let fields = object([(PRODUCT, (*member).into()), group.clone()]);
                machine::create::<ProductLink>(write, env, &fields)?;
            }
        }
    }
    Ok(())
}

/// Takes a product out of its group, if it is in one.
///
/// # Errors
/// Those of the store.
pub(in crate::records) fn take_out(write: &mut dyn Write, env: &Env<'_>, product: u64) -> Result<()> {
    let mut others = linked(write, product)?;
    others.remove(&product);
    if stored::get::<ProductLink>(write, &product)?.is_some() {
        machine::delete::<ProductLink>(write, env, &product)?;
    }
    regroup(write, env, &others)
}

/// Makes these products one group, with all that are in one with them already. Gives its products, by id.
///
/// # Errors
/// [`Error::Validation`] for fewer than two, [`Error::NotFound`] for one that is not there.
pub(in crate::records) fn link(
    write: &mut dyn Write,
    env: &Env<'_>,
    products: &BTreeSet<u64>,
) -> Result<Vec<Product>> {
    if products.len() < 2 {
        return Err(Error::invalid("ids", "must name two products or more"));
    }
    let mut all = BTreeSet::new();
    for product in products {
        machine::get::<Product>(write, product)?;
        all.extend(linked(write, *product)?);
    }
    regroup(write, env, &all)?;
    self::products(write, &all)
}

/// The products of a product's group, by id.
///
/// # Errors
/// [`Error::NotFound`] where there is no such product.
pub(in crate::records) fn group(read: &dyn Read, product: u64) -> Result<Vec<Product>> {
    machine::get::<Product>(read, &product)?;
    products(read, &linked(read, product)?)
}

impl Collection<Product> {
    /// Makes these products one group, as the same app in several stores is: with all that are in a group with one of
    /// them already. Gives the products of the group, by id; its own id is the lowest of theirs.
    ///
    /// # Errors
    /// [`Error::Validation`] for fewer than two different ids, [`Error::NotFound`] for one that is no product's,
    /// [`Error::Access`] on a read-only database.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let fields = Fields::default().with("name", "Chess").with("store", "apple").with("vendor_identifier", "123456789");
    /// let at_apple = db.products().create(fields)?;
    /// let at_amazon = db.products().get_by_store("amazon", "chess")?;
    ///
    /// assert_eq!(db.products().link([at_amazon.id, at_apple.id])?.len(), 2);
    /// assert_eq!(db.products().group(at_apple.id)?.len(), 2);
    /// db.products().unlink(at_apple.id)?;
    /// assert_eq!(db.products().group(at_apple.id)?, [db.products().get(at_apple.id)?]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn link(&self, ids: impl IntoIterator<Item = u64>) -> Result<Vec<Product>> {
        let ids = ids.into_iter().collect();
        self.write(|write, env| link(write, env, &ids))
    }

    /// Takes a product out of its group. One that is in none stays so; a group of one is none. A product that is gone,
    /// or has not come yet, can be taken out of the group that its number is in.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is neither a product nor a link of this id, [`Error::Access`] on a read-only
    /// database.
    pub fn unlink(&self, id: u64) -> Result<()> {
        self.write(|write, env| {
            if stored::get::<ProductLink>(write, &id)?.is_none() {
                machine::get::<Product>(write, &id)?;
            }
            take_out(write, env, id)
        })
    }

    /// The products of a product's group, by id: itself alone where it is in none.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn group(&self, id: u64) -> Result<Vec<Product>> {
        self.read(|context| group(context.read, id))
    }
}

#[cfg(test)]
#[path = "product_link_test.rs"]
mod test;
