//! What listings have found out, until the collection changes: how many records match, and where they were few enough,
//! which ones in which order. With it a page is walked to and no further, however many match behind it.
//!
//! It is exact because nothing is ever brought up to date: each answer stands beside the number of the change that the
//! snapshot it was found in had last seen ([`stored::change`], which is stored with the records and grows in their
//! commit), and it is only given to a snapshot with that same number. A reader of an older commit finds nothing newer,
//! and a commit that fails has shown its number to nobody. What is behind a change counted anew would take long for a
//! value that very many records share, so indexes of few values have stored counts of their own ([`super::Index::counted`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::store::Read;

use super::page::Plan;
use super::{Datum, Record, stored};

/// The most ids of one order that are kept.
pub(super) const ORDER_MAX: usize = 1 << 16;
/// The most that is kept, in bytes: beyond it all is forgotten, which only costs time.
const BYTES_MAX: usize = 8 << 20;

/// Shared by all handles on one database.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    counts: HashMap<Question, (u64, u64)>,
    orders: HashMap<Question, (u64, Arc<[Datum]>)>,
    bytes: usize,
}

/// A collection's tag, and what is asked of it.
type Question = (u8, String);

/// A listing, as of the change that its snapshot has last seen.
pub(super) struct Asked<'a> {
    known: &'a Known,
    change: u64,
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
}

impl Asked<'_> {
    /// How many records match.
    pub(super) fn count(&self) -> Option<u64> {
        let answers = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.counts.get(&self.which).filter(|(change, _)| *change == self.change).map(|(_, count)| *count)
    }

    /// The ids of all that match, in the order that is asked for.
    pub(super) fn order(&self) -> Option<Arc<[Datum]>> {
        let answers = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let order = answers.orders.get(&self.order).filter(|(change, _)| *change == self.change);
        order.map(|(_, ids)| Arc::clone(ids))
    }

    /// Keeps how many match, and which ones in order where that is no long list.
    pub(super) fn note(&self, count: u64, order: Option<Vec<Datum>>) {
        /// What an answer takes beside text and ids: its place in the map.
        const ANSWER: usize = 128;
        let order = order.filter(|ids| ids.len() <= ORDER_MAX);
        let ids = order.iter().flatten().map(size).sum::<usize>();
        let bytes = 2 * (self.order.1.len() + ANSWER) + ids;
        let mut answers = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.bytes + bytes > BYTES_MAX {
            *answers = Answers::default();
        }
        if bytes > BYTES_MAX {
            return;
        }
        // An answer that takes another's place is counted beside it: that can only be too much.
        answers.bytes += bytes;
        answers.counts.insert(self.which.clone(), (self.change, count));
        if let Some(ids) = order {
            answers.orders.insert(self.order.clone(), (self.change, ids.into()));
        }
    }
}

fn size(id: &Datum) -> usize {
    let text = if let Datum::Text(text) = id { text.len() } else { 0 };
    size_of::<Datum>() + text
}
