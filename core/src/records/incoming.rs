//! What a file of records brings, before any of it is stored: which records it has, and whether they fit one another and
//! what is stored already.
//!
//! A record that another refers to may stand anywhere in the file, or be stored. References that the engine keeps
//! whole, such as a parent or the group of a banner, must lead somewhere; those that outlive what they name in a
//! database too (the external account of a product, the groups of a campaign) may dangle, and the number that they name
//! is given to no other record. Only places in the file are kept in memory: records that are needed again are read again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::store::Read;
use crate::{Error, FieldErrors, Result};

use super::machine::{self, refuse};
use super::transfer::{Line, Lines, Place};
use super::tree::{DEPTH_MAX, Tree};
use super::{Record, index, stored};

/// The records of a file.
pub(super) struct Incoming {
    lines: Lines,
    /// By the key of the record.
    places: BTreeMap<Vec<u8>, Place>,
    /// The lines that have a unique value, by its index and the value.
    unique: BTreeMap<Vec<u8>, u64>,
    /// How many stand above a record, by its key; of trees that were found sound.
    depths: BTreeMap<Vec<u8>, usize>,
}

impl Incoming {
    /// Of a file, opened once more: records are read from any place of it.
    pub(super) fn new(lines: Lines) -> Self {
        let (places, unique, depths) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { lines, places, unique, depths }
    }

    /// The record of an id, from the file.
    fn get<R: Record>(&mut self, id: &R::Id, read: &dyn Read, now: Timestamp) -> Result<Option<R>> {
        let Some(place) = self.places.get(&stored::record_key::<R>(id)) else { return Ok(None) };
        self.lines.at(place)?.record(read, now).map(Some)
    }
}

/// Takes in where the record of a line stands.
///
/// # Errors
/// What is wrong with the line in itself; [`Error::Conflict`] where another line has another record of this id.
pub(super) fn register<R: Record>(
    read: &dyn Read,
    now: Timestamp,
    (line, place): (&Line, Place),
    incoming: &mut Incoming,
) -> Result<()> {
    let record: R = line.record(read, now)?;
    let id = record.id();
    let Some(first) = incoming.places.get(&stored::record_key::<R>(&id)).map(|place| place.number) else {
        incoming.places.insert(stored::record_key::<R>(&id), place);
        return Ok(());
    };
    if incoming.get::<R>(&id, read, now)?.is_some_and(|same| same == record) {
        return Ok(());
    }
    let detail = format!("line {first} has another {} {id}", R::NOUN);
    Err(Error::Conflict { field: R::ID_FIELD.to_owned(), detail })
}

/// Finds what keeps the record of a line from being stored beside all others of the file and what is stored.
///
/// # Errors
/// [`Error::Validation`] for what it refers to and is nowhere, [`Error::Conflict`] for an id or a unique value of another.
pub(super) fn check<R: Record>(
    read: &dyn Read,
    now: Timestamp,
    (line, place): (&Line, Place),
    incoming: &mut Incoming,
) -> Result<()> {
    let record: R = line.record(read, now)?;
    check_references(read, now, &record, incoming)?;
    match stored::get::<R>(read, &record.id())? {
        Some(old) if old == record => return Ok(()),
        _ => machine::refuse_taken_id::<R>(read, &record.id())?,
    }
    for (fields, key) in index::unique_values(read, &record)? {
        let first = *incoming.unique.entry(key).or_insert(place.number);
        let own = incoming.places.get(&stored::record_key::<R>(&record.id())).map(|own| own.number);
        if first != place.number && Some(first) != own {
            let detail = format!("line {first} has the same {}", fields.join(" and "));
            return Err(Error::Conflict { field: fields.join(", "), detail });
        }
    }
    Ok(())
}

/// # Errors
/// [`Error::Validation`] for what a record refers to and is nowhere.
pub(super) fn check_references<R: Record>(
    read: &dyn Read,
    now: Timestamp,
    record: &R,
    incoming: &mut Incoming,
) -> Result<()> {
    let mut others = Others { read, now, incoming, faults: FieldErrors::new() };
    record.check_references(&mut others)?;
    refuse(others.faults)
}

/// What a record that comes in may refer to: what comes in with it, and what is stored.
pub struct Others<'a> {
    read: &'a dyn Read,
    now: Timestamp,
    incoming: &'a mut Incoming,
    faults: FieldErrors,
}

impl std::fmt::Debug for Others<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Others").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl Others<'_> {
    /// The record of an id, wherever it is.
    pub(super) fn get<R: Record>(&mut self, id: &R::Id) -> Result<Option<R>> {
        match self.incoming.get(id, self.read, self.now)? {
            Some(record) => Ok(Some(record)),
            None => stored::get(self.read, id),
        }
    }

    fn is_there<R: Record>(&self, id: &R::Id) -> Result<bool> {
        let key = stored::record_key::<R>(id);
        Ok(self.incoming.places.contains_key(&key) || self.read.get(&key)?.is_some())
    }

    /// Notes what is wrong with a reference.
    pub(super) fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.entry(field.to_owned()).or_default().push(message.into());
    }

    /// What a field refers to must be somewhere.
    pub(super) fn must_exist<R: Record>(&mut self, field: &str, id: &R::Id) -> Result<()> {
        if !self.is_there::<R>(id)? {
            self.fault(field, format!("{} {id} not found", R::NOUN));
        }
        Ok(())
    }

    /// The parent of a record must be somewhere, and must not stand under the record; nor may too many stand above it.
    pub(super) fn must_stand<R: Tree>(&mut self, record: &R) -> Result<()> {
        let Some(parent) = record.parent() else { return Ok(()) };
        if !self.is_there::<R>(&parent)? {
            self.fault(R::PARENT, format!("{} {parent} not found", R::NOUN));
            return Ok(());
        }
        match self.above(record)? {
            Above::Itself => self.fault(R::PARENT, "would stand under itself"),
            Above::TooMany => {
                self.fault(R::PARENT, format!("stands under {DEPTH_MAX} {} already", R::COLLECTION));
            }
            // A circle above, or a parent that is missing there, is told of those that it concerns.
            Above::Unsound => {}
            Above::Sound { keys, top } => self.incoming.depths.extend(keys.into_iter().rev().zip(top..)),
        }
        Ok(())
    }

    /// Climbs from a record until one whose depth is known, or the top.
    fn above<R: Tree>(&mut self, record: &R) -> Result<Above> {
        let (mut keys, mut seen, mut next, mut top) = (Vec::new(), BTreeSet::new(), record.parent(), 0);
        while let Some(id) = next {
            let key = stored::record_key::<R>(&id);
            if id == record.id() {
                return Ok(Above::Itself);
            }
            if let Some(depth) = self.incoming.depths.get(&key) {
                top = depth + 1;
                break;
            }
            if keys.len() > DEPTH_MAX {
                return Ok(Above::TooMany);
            }
            let one = if seen.insert(id.clone()) { self.get::<R>(&id)? } else { None };
            let Some(one) = one else { return Ok(Above::Unsound) };
            keys.push(key);
            next = one.parent();
        }
        Ok(if top + keys.len() > DEPTH_MAX { Above::TooMany } else { Above::Sound { keys, top } })
    }
}

/// What stands above a record.
enum Above {
    /// The record.
    Itself,
    /// More than may.
    TooMany,
    /// Another circle, or one whose parent is missing.
    Unsound,
    /// The keys of the nearest first; `top` stand above the last of them.
    Sound { keys: Vec<Vec<u8>>, top: usize },
}

/// All that is wrong with a file, by line.
#[derive(Default)]
pub(super) struct Faults(Vec<(u64, Error)>);

impl Faults {
    /// Enough to see what is wrong with a file.
    const MAX: usize = 100;

    /// Notes what is wrong with a line, and gives what is wrong with reading itself.
    pub(super) fn note(&mut self, number: u64, outcome: Result<()>) -> Result<()> {
        match outcome {
            Ok(()) => Ok(()),
            Err(
                error @ (Error::Validation { .. }
                | Error::Conflict { .. }
                | Error::NotFound { .. }
                | Error::Format { .. }),
            ) => {
                if !self.is_full() {
                    self.0.push((number, error));
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there are as many as one error tells.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    /// # Errors
    /// All of them in one, with the line of the first: [`Error::Conflict`] where there are no others, else
    /// [`Error::Format`].
    pub(super) fn refuse(self, lines: &Lines) -> Result<()> {
        let mut faults = self.0.into_iter();
        let Some((number, first)) = faults.next() else { return Ok(()) };
        let rest: Vec<(u64, Error)> = faults.collect();
        let others = rest.iter().fold(String::new(), |told, (number, error)| {
            let detail = match error {
                Error::Format { detail, .. } => detail.clone(),
                other => other.to_string(),
            };
            format!("{told}; line {number}: {detail}")
        });
        let all_collide = rest.iter().all(|(_, error)| matches!(error, Error::Conflict { .. }));
        Err(match lines.place(number, first) {
            Error::Conflict { field, detail } if all_collide => {
                Error::Conflict { field, detail: detail + &others }
            }
            Error::Conflict { detail, .. } => lines.fault(number, detail + &others),
            Error::Format { path, line, detail } => Error::Format { path, line, detail: detail + &others },
            other => other,
        })
    }
}

#[cfg(test)]
#[path = "incoming_test.rs"]
mod test;
