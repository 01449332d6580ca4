//! What listings have found out, until the collection changes: how many records match, and where they were few enough,
//! which ones in which order. With it a page is walked to and no further, however many match behind it.
//!
//! Each answer stands beside the number of the change that the snapshot it was found in had last seen
//! ([`stored::change`], which is stored with the records and grows in their commit by one a record), and it is only
//! given to a snapshot with that same number. A reader of an older commit finds nothing newer, and a commit that fails
//! has shown its number to nobody. Commits tell which record each of their numbers stands for, so that an order a few
//! changes old is brought up to date by looking at these records alone; where one number has not been told, all is found
//! anew. A count without an order cannot be brought up to date. It would take long for a value that very many records
//! share, so indexes of few values have stored counts of their own ([`super::Index::counted`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Result;
use crate::store::Read;

use super::page::Plan;
use super::resources::product_memory::{Changes, Touched};
use super::table::{Found, Tables};
use super::{Datum, Record, stored};

/// The most ids of one order that are kept.
pub(super) const ORDER_MAX: usize = 1 << 17;
/// The most that is kept, in bytes: beyond it all is forgotten, which only costs time.
const BYTES_MAX: usize = 16 << 20;
/// The most changes by which an order is brought up to date. Each costs some 20 records, so more are no gain.
const ORDER_CHANGES_MAX: u64 = 64;
/// The most changes of a collection that are remembered. A table is brought up to date by so many, at a record each.
const CHANGES_MAX: usize = 4096;

/// Shared by all handles on one database.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: Mutex<Answers>,
    /// What listings that would have to look at all records find instead.
    pub(super) tables: Tables,
}

#[derive(Debug, Default)]
struct Answers {
    counts: HashMap<Question, (u64, u64)>,
    orders: HashMap<Question, Order>,
    bytes: usize,
    /// The latest changes of each collection: what each put or deleted.
    changes: HashMap<u8, BTreeMap<u64, Datum>>,
}

/// The ids of all that matched, in order, as of a change.
#[derive(Debug)]
struct Order {
    change: u64,
    ids: Arc<[Datum]>,
    bytes: usize,
}

/// A collection's tag, and what is asked of it.
type Question = (u8, String);

/// A listing, as of the change that its snapshot has last seen.
pub(super) struct Asked<'a> {
    known: &'a Known,
    pub change: u64,
    which: Question,
    order: Question,
}

impl Known {
    /// What is known of a listing. `read` must be a snapshot: what a transaction has changed may never come to be.
    pub(super) fn of<'a, R: Record>(&'a self, read: &dyn Read, plan: &Plan<R>) -> Result<Asked<'a>> {
        // The tests as Rust writes them: two that differ are written differently.
        let tests: Vec<_> =
            plan.conditions.iter().map(|condition| (&condition.field, &condition.test)).collect();
        let which = format!("{tests:?}");
        let order = format!("{} {} {which}", plan.field, plan.reverse);
        let change = stored::change::<R>(read)?;
        Ok(Asked { known: self, change, which: (R::TAG, which), order: (R::TAG, order) })
    }

    /// Hears of a commit, once it is one.
    pub(super) fn hear(&self, touched: &Touched) {
        let mut answers = self.answers();
        for (tag, Changes { ids, last }) in touched.collections() {
            let changes = answers.changes.entry(tag).or_default();
            let newest = ids.iter().rev().take(CHANGES_MAX).cloned();
            changes.extend((0..=*last).rev().zip(newest));
            while changes.len() > CHANGES_MAX {
                changes.pop_first();
            }
        }
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked<'_> {
    /// How many records match.
    pub(super) fn count(&self) -> Option<u64> {
        let answers = self.known.answers();
        answers.counts.get(&self.which).filter(|(change, _)| *change == self.change).map(|(_, count)| *count)
    }

    /// The ids of all that match, in the order that is asked for.
    pub(super) fn order(&self) -> Option<Arc<[Datum]>> {
        let answers = self.known.answers();
        let order = answers.orders.get(&self.order).filter(|order| order.change == self.change);
        order.map(|order| Arc::clone(&order.ids))
    }

    /// The order as it was a few changes ago, and the records that were put or deleted since.
    pub(super) fn earlier_order(&self) -> Option<(Arc<[Datum]>, Vec<Datum>)> {
        let answers = self.known.answers();
        let order = answers.orders.get(&self.order)?;
        let is_near = self.change.checked_sub(order.change).is_some_and(|by| by <= ORDER_CHANGES_MAX);
        let changed = answers.changed(self.which.0, order.change, self.change).filter(|_| is_near)?;
        Some((Arc::clone(&order.ids), changed))
    }

    /// The records that were put or deleted between two changes, where all of them have been told.
    pub(super) fn changed(&self, before: u64, until: u64) -> Option<Vec<Datum>> {
        self.known.answers().changed(self.which.0, before, until)
    }

    /// What the tables tell, where it would have to look at all records.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn find<R: Record>(&self, read: &dyn Read, plan: &Plan<R>) -> Result<Option<Found>> {
        self.known.tables.find(read, plan, self)
    }

    /// Keeps how many match, and which ones in order where that is no long list.
    pub(super) fn note(&self, count: u64, order: Option<Vec<Datum>>) {
        /// What an answer takes beside text and ids: its place in the map.
        const ANSWER: usize = 128;
        let order = order.filter(|ids| ids.len() <= ORDER_MAX);
        let [for_count, for_order] = [&self.which, &self.order].map(|question| question.1.len() + ANSWER);
        let bytes = for_order + order.iter().flatten().map(size).sum::<usize>();
        let mut answers = self.known.answers();
        if let Some(old) = answers.orders.remove(&self.order) {
            answers.bytes -= old.bytes;
        }
        if answers.bytes + for_count + bytes > BYTES_MAX {
            answers.forget();
        }
        if for_count + bytes > BYTES_MAX {
            return;
        }
        if answers.counts.insert(self.which.clone(), (self.change, count)).is_none() {
            answers.bytes += for_count;
        }
        if let Some(ids) = order {
            answers.bytes += bytes;
            answers.orders.insert(self.order.clone(), Order { change: self.change, ids: ids.into(), bytes });
        }
    }
}

impl Answers {
    fn changed(&self, tag: u8, before: u64, until: u64) -> Option<Vec<Datum>> {
        let count = until.checked_sub(before)?;
        if count == 0 {
            return Some(Vec::new());
        }
        let changes = self.changes.get(&tag)?.range(before + 1..=until);
        let mut ids: Vec<Datum> = changes.map(|(_, id)| id.clone()).collect();
        let is_complete = ids.len() as u64 == count;
        ids.sort_unstable();
        ids.dedup();
        is_complete.then_some(ids)
    }

    fn forget(&mut self) {
        self.counts.clear();
        self.orders.clear();
        self.bytes = 0;
    }
}

fn size(id: &Datum) -> usize {
    let text = if let Datum::Text(text) = id { text.len() } else { 0 };
    size_of::<Datum>() + text
}
