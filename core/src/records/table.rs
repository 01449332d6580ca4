//! Fields of many records in memory, for listings by conditions that no index tells: patterns, and values of fields
//! without an index. What one listing would have to read of every record, the next ones find here, whatever they ask.
//!
//! A collection has a table once such a listing was asked of it, with the fields that this one tested and sorted by;
//! others join when they are asked for. A table holds what is true as of one change of its collection
//! ([`super::stored::change`]). A listing of a later snapshot first reads the records again that have changed since,
//! where commits have told which (`known.rs`); else the table is made anew. A listing of an earlier snapshot gets what is
//! found beside those that have changed since, to look at in its own. Nothing is kept on disk.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockWriteGuard};

use crate::Result;
use crate::store::Read;

use super::index::{damaged, field};
use super::known::Asked;
use super::page::Plan;
use super::values::Values;
use super::{Datum, Record, RecordId, stored};

/// The most that all tables take, in bytes. Names and ids of a hundred thousand products take about seven million.
const BYTES_MAX: usize = if cfg!(test) { 1 << 16 } else { 64 << 20 };
/// The most ids that are given for a listing to remember; the page of a longer one is found as quickly again.
const ORDER_MAX: usize = if cfg!(test) { 8 } else { 1 << 13 };

/// What a table tells of a listing.
pub(super) enum Found {
    /// The ids of all that match, in order.
    Order(Vec<Datum>),
    /// The ids on the page, and how many match.
    Page(Vec<Datum>, u64),
    /// The ids of all that match, in order, but for these records, which the table has in a later form.
    Near(Vec<Datum>, Vec<Datum>),
}

/// The tables of all collections, by their tags.
#[derive(Debug, Default)]
pub(super) struct Tables(RwLock<Held>);

#[derive(Debug, Default)]
struct Held {
    tables: BTreeMap<u8, Table>,
    /// Fields that took too much, and how many records there were then: with an eighth fewer they are tried again.
    refused: BTreeMap<(u8, Vec<String>), u64>,
}

impl Tables {
    /// What a snapshot's listing finds; `None` where it has to look at the records itself.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn find<R: Record>(
        &self,
        read: &dyn Read,
        plan: &Plan<R>,
        asked: &Asked<'_>,
    ) -> Result<Option<Found>> {
        if let Ok(held) = self.0.read()
            && let Some(found) = held.tables.get(&R::TAG).and_then(|table| table.find(plan, asked))
        {
            return Ok(Some(found));
        }
        let mut held = self.write();
        // Another listing may have brought the table along meanwhile.
        if let Some(found) = held.tables.get(&R::TAG).and_then(|table| table.find(plan, asked)) {
            return Ok(Some(found));
        }
        held.follow::<R>(read, plan, asked)?;
        Ok(held.tables.get(&R::TAG).and_then(|table| table.find(plan, asked)))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.0.write().unwrap_or_else(|poisoned| {
            // Somebody panicked in the middle of a change: what is half done is made anew.
            self.0.clear_poison();
            let mut held = poisoned.into_inner();
            *held = Held::default();
            held
        })
    }
}

impl Held {
    /// Makes the collection's table one of this snapshot, with what the listing asks for. A later one stays as it is.
    fn follow<R: Record>(&mut self, read: &dyn Read, plan: &Plan<R>, asked: &Asked<'_>) -> Result<()> {
        if self.tables.get(&R::TAG).is_some_and(|table| table.change > asked.change) {
            return Ok(());
        }
        let names = names(plan);
        let count = stored::count::<R>(read)?;
        let which = (R::TAG, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        if self.refused.get(&which).is_some_and(|refused| count > refused / 8 * 7) {
            return Ok(());
        }
        // An error leaves no table behind that was changed in part.
        let known = self.tables.remove(&R::TAG);
        let followed = known.map(|table| table.followed::<R>(read, asked)).transpose()?.flatten();
        let widened = match followed {
            Some(table) => table.with::<R>(read, &names)?,
            None => None,
        };
        let made = match widened {
            Some(table) => Some(table),
            None => Table::new(asked.change).with::<R>(read, &names)?,
        };
        let Some(mut table) = made else {
            self.refused.insert(which, count);
            return Ok(());
        };
        if plan.field != "id" {
            table.sort_by(&plan.field);
        }
        if table.size() + self.tables.values().map(Table::size).sum::<usize>() > BYTES_MAX {
            self.tables.clear();
        }
        self.tables.insert(R::TAG, table);
        Ok(())
    }
}

/// The fields that a listing tests and sorts by, but for the id.
fn names<R>(plan: &Plan<R>) -> Vec<&str> {
    let tested = plan.conditions.iter().map(|condition| condition.field.as_str());
    let mut names: Vec<&str> = tested.chain([plan.field.as_str()]).filter(|name| *name != "id").collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Some fields of all records of a collection. A record has a slot, which is its number in all of them.
#[derive(Debug, Default)]
struct Table {
    /// The last change that it has seen.
    change: u64,
    /// Whether it has the records' ids.
    is_filled: bool,
    ids: Values,
    by_id: Vec<u32>,
    /// Slots of records that are gone.
    free: Vec<u32>,
    columns: BTreeMap<String, Column>,
}

/// One field.
#[derive(Debug, Default)]
struct Column {
    values: Values,
    /// The slots in the order of their values, equals by id, where a listing was sorted so.
    order: Option<Vec<u32>>,
}

impl Table {
    fn new(change: u64) -> Self {
        Self { change, ..Self::default() }
    }

    /// What a listing finds, where its fields are here.
    fn find<R: Record>(&self, plan: &Plan<R>, asked: &Asked<'_>) -> Option<Found> {
        let changed = asked.changed(asked.change, self.change)?;
        let slots = self.matching(plan)?;
        let id = |slot: &u32| Datum::unpack(self.ids.get(*slot)).unwrap_or(Datum::Null);
        if self.change != asked.change {
            return Some(Found::Near(slots.iter().map(id).collect(), changed));
        }
        if slots.len() <= ORDER_MAX {
            return Some(Found::Order(slots.iter().map(id).collect()));
        }
        let on_page = plan.on_page(&slots).iter().map(id).collect();
        Some(Found::Page(on_page, slots.len() as u64))
    }

    /// The slots of all that match, in the order that is asked for.
    fn matching<R>(&self, plan: &Plan<R>) -> Option<Vec<u32>> {
        let order = match plan.field.as_str() {
            "id" => &self.by_id,
            name => self.columns.get(name)?.order.as_ref()?,
        };
        let mut matching = vec![true; self.ids.slots()];
        for condition in &plan.conditions {
            let values = match condition.field.as_str() {
                "id" => &self.ids,
                name => &self.columns.get(name)?.values,
            };
            values.test(&condition.test.packed(), &mut matching);
        }
        let matches = |slot: &u32| matching.get(*slot as usize).copied().unwrap_or(false);
        let mut slots: Vec<u32> = order.iter().copied().filter(matches).collect();
        if plan.reverse {
            slots.reverse();
        }
        Some(slots)
    }

    /// The table as of the snapshot, which is no earlier one; `None` where that cannot be told from it.
    fn followed<R: Record>(mut self, read: &dyn Read, asked: &Asked<'_>) -> Result<Option<Self>> {
        let Some(changed) = asked.changed(self.change, asked.change) else { return Ok(None) };
        for id in changed {
            self.remove(&id);
            let key = R::Id::from_datum(&id).ok_or_else(|| damaged::<R>("a record has no id"))?;
            let Some(record) = stored::get::<R>(read, &key)? else { continue };
            if !self.insert(&id, &record) {
                return Ok(None);
            }
        }
        self.change = asked.change;
        Ok((self.size() <= BYTES_MAX).then_some(self))
    }

    /// The table with these fields as well, from a snapshot of its change; `None` where they take too much.
    fn with<R: Record>(mut self, read: &dyn Read, names: &[&str]) -> Result<Option<Self>> {
        let missing: Vec<&str> =
            names.iter().copied().filter(|name| !self.columns.contains_key(*name)).collect();
        if missing.is_empty() && self.is_filled {
            return Ok(Some(self));
        }
        // A new table gives slots in the order of the keys, which is that of the ids.
        let is_new = !std::mem::replace(&mut self.is_filled, true);
        self.columns.extend(missing.iter().map(|name| ((*name).to_owned(), Column::default())));
        for (number, entry) in (0_u32..).zip(stored::all::<R>(read)) {
            let (id, record) = entry?;
            if is_new {
                self.by_id.push(number);
            }
            let slot = self.by_id.get(number as usize).copied();
            let fits = slot.is_some_and(|slot| {
                (!is_new || self.ids.put(slot, &id)) && self.put(slot, &record, &missing)
            });
            if !fits || self.size() > BYTES_MAX {
                return Ok(None);
            }
        }
        Ok(Some(self))
    }

    /// Puts some values of a record. False where there is no room.
    fn put<R: Record>(&mut self, slot: u32, record: &R, names: &[&str]) -> bool {
        names.iter().all(|name| {
            let column = self.columns.get_mut(*name);
            column.is_some_and(|column| column.values.put(slot, &value_of(name, record)))
        })
    }

    /// Sees to it that a field has its order.
    fn sort_by(&mut self, name: &str) {
        let Some(column) = self.columns.get_mut(name).filter(|column| column.order.is_none()) else { return };
        let key = |slot: &u32| (column.values.get(*slot), self.ids.get(*slot));
        let mut order = self.by_id.clone();
        order.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        column.order = Some(order);
    }

    /// Forgets a record; one that is not there is fine.
    fn remove(&mut self, id: &Datum) {
        let id = id.packed();
        let Ok(place) = self.by_id.binary_search_by(|slot| self.ids.get(*slot).cmp(&id)) else { return };
        let slot = self.by_id.remove(place);
        for column in self.columns.values_mut() {
            let Column { values, order } = column;
            if let Some(order) = order
                && let Ok(place) = place_in(order, values, &self.ids, slot)
            {
                order.remove(place);
            }
            values.drop(slot);
        }
        self.ids.drop(slot);
        self.free.push(slot);
    }

    /// Takes on a record that is not there. False where it cannot be.
    fn insert<R: Record>(&mut self, id: &Datum, record: &R) -> bool {
        let next = u32::try_from(self.ids.slots()).ok();
        let Some(slot) = self.free.pop().or(next) else { return false };
        let mut fits = self.ids.put(slot, id);
        for (name, Column { values, order }) in &mut self.columns {
            fits &= values.put(slot, &value_of(name, record));
            if let Some(order) = order {
                let place = place_in(order, values, &self.ids, slot).unwrap_or_else(|place| place);
                order.insert(place, slot);
            }
        }
        let id = self.ids.get(slot);
        let place = self.by_id.partition_point(|other| self.ids.get(*other) < id);
        self.by_id.insert(place, slot);
        fits
    }

    /// What it takes in memory.
    fn size(&self) -> usize {
        let columns = self.columns.values().map(|column| {
            column.values.size() + column.order.as_ref().map_or(0, Vec::capacity) * size_of::<u32>()
        });
        self.ids.size() + self.by_id.capacity() * size_of::<u32>() + columns.sum::<usize>()
    }
}

/// Where a slot stands in an order, or belongs.
fn place_in(order: &[u32], values: &Values, ids: &Values, slot: u32) -> std::result::Result<usize, usize> {
    let key = (values.get(slot), ids.get(slot));
    order.binary_search_by(|other| match values.get(*other).cmp(key.0) {
        Ordering::Equal => ids.get(*other).cmp(key.1),
        unequal => unequal,
    })
}

fn value_of<R: Record>(name: &str, record: &R) -> Datum {
    field::<R>(name).map_or(Datum::Null, |field| (field.value)(record))
}

#[cfg(test)]
#[path = "table_test.rs"]
mod test;
