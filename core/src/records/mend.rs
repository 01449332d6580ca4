//! Makes collections agree with their records again, after parts of what was committed were lost: every index entry,
//! count and piece follows from the records, so what does not is put right, and a record that cannot be read goes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ingest::StoreKind;
use crate::kv::{Key, KeyReader, prefix_end, value};
use crate::store::{Entry, Read, Write};
use crate::{Error, Result};

use super::datum::Datum;
use super::index::{self, damaged, indexes};
use super::stored::{self, records};
use super::{ExternalAccount, INDEX, REST, Record, RecordId, Times, machine};

/// Records that are told one by one; the rest is only counted.
const TOLD_MAX: usize = 20;

/// The keys of a range.
fn keys(read: &dyn Read, start: &[u8]) -> Result<BTreeSet<Vec<u8>>> {
    let key = |entry: Result<Entry>| entry.map(|(key, _)| key.to_vec());
    read.range(start, prefix_end(start).as_deref(), false).map(key).collect()
}

/// Makes one collection agree with its records. Tells what was lost; nothing is written where all is well. `has_gaps`
/// says that numbers which were given may be forgotten.
///
/// # Errors
/// [`Error::Format`] where a record was written by a newer version.
pub(super) fn mend<R: Record>(write: &mut dyn Write, has_gaps: bool) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut found = Found::default();
    for key in keys(write, records::<R>().build().as_slice())? {
        match readable::<R>(write, &key) {
            Ok(record) => {
                found.take(write, &record)?;
                if has_gaps {
                    stored::skip_number::<R>(write, &record.id())?;
                    record.keep_numbers(write)?;
                }
            }
            Err(Error::Corruption { detail, .. }) => {
                notes.push(format!("{} {} is lost: {detail}", R::NOUN, name_of::<R>(&key)));
                write.delete(&key);
            }
            Err(error) => return Err(error),
        }
    }
    let has_losses = !notes.is_empty();
    let changed = found.settle::<R>(write)?;
    if has_losses || changed {
        stored::note_change::<R>(write)?;
    }
    notes.extend(found.twins::<R>());
    let more = notes.len().saturating_sub(TOLD_MAX);
    notes.truncate(TOLD_MAX);
    if more > 0 {
        notes.push(format!("and {more} more of the {}", R::COLLECTION));
    }
    Ok(notes)
}

/// The record under a key, which must be its own.
fn readable<R: Record>(read: &dyn Read, key: &[u8]) -> Result<R> {
    let id = key.get(records::<R>().build().len()..).unwrap_or_default();
    let id = R::Id::from_datum(&Datum::read(id)?.0).ok_or_else(|| damaged::<R>("a key has no id"))?;
    let first = read.get(key)?.unwrap_or_default();
    if first.get(1).is_some_and(|&version| version > R::VERSION) {
        let detail = format!("{} {id} was written by a newer Tillroll: use that", R::NOUN);
        return Err(Error::format("journal".as_ref(), None, detail));
    }
    let record: R = stored::assemble(read, &id, &first)?;
    if record.id() == id { Ok(record) } else { Err(damaged::<R>("it calls itself otherwise")) }
}

fn name_of<R: Record>(key: &[u8]) -> String {
    let id = Datum::read(key.get(records::<R>().build().len()..).unwrap_or_default());
    id.ok().and_then(|(id, _)| R::Id::from_datum(&id)).map_or_else(|| "?".to_owned(), |id| id.to_string())
}

/// What follows from the records of a collection.
#[derive(Default)]
struct Found {
    count: u64,
    entries: BTreeSet<Vec<u8>>,
    rest: BTreeSet<Vec<u8>>,
    tallies: BTreeMap<Vec<u8>, u64>,
    /// The records with each unique value.
    unique: BTreeMap<Vec<u8>, Vec<String>>,
}

impl Found {
    fn take<R: Record>(&mut self, read: &dyn Read, record: &R) -> Result<()> {
        self.count += 1;
        self.entries.extend(index::entries(record).into_iter().flatten());
        for key in index::tallied(record) {
            *self.tallies.entry(key).or_default() += 1;
        }
        for key in index::unique_keys(record) {
            self.unique.entry(key).or_default().push(record.id().to_string());
        }
        self.rest.extend(stored::rest_keys::<R>(read, &record.id())?);
        Ok(())
    }

    /// Records that may not stand beside each other: a change of one that made room for the other was lost.
    fn twins<R: Record>(&self) -> Vec<String> {
        let shared = self.unique.values().filter(|ids| ids.len() > 1);
        shared
            .map(|ids| format!("{} {} share a value that must be unique", R::COLLECTION, ids.join(", ")))
            .collect()
    }

    /// Brings the store in line; true where it was not.
    fn settle<R: Record>(&self, write: &mut dyn Write) -> Result<bool> {
        let mut changed = settle(write, &Key::new(INDEX).raw(&[R::TAG]).build(), &self.entries)?;
        let stray = Key::new(REST).raw(&[R::TAG]).build();
        for key in keys(write, &stray)?.difference(&self.rest) {
            write.delete(key);
            changed = true;
        }
        for index in indexes::<R>() {
            for key in keys(write, &index::tallies::<R>(index).build())? {
                changed |= put_number(write, &key, self.tallies.get(&key).copied())?;
            }
        }
        let key = stored::count_key::<R>();
        let is_counted = self.count > 0 || write.get(&key)?.is_some();
        Ok(changed | put_number(write, &key, is_counted.then_some(self.count))?)
    }
}

/// Lets exactly these keys stand below a prefix.
fn settle(write: &mut dyn Write, prefix: &[u8], expected: &BTreeSet<Vec<u8>>) -> Result<bool> {
    let found = keys(write, prefix)?;
    found.difference(expected).for_each(|key| write.delete(key));
    expected.difference(&found).for_each(|key| write.put(key.clone(), Vec::new()));
    Ok(found != *expected)
}

/// Lets a number stand under a key, or nothing; true where it did not.
fn put_number(write: &mut dyn Write, key: &[u8], number: Option<u64>) -> Result<bool> {
    let old = write.get(key)?;
    let told = old.as_deref().and_then(|bytes| value::decode::<u64>(bytes).ok());
    if told == number && old.is_some() == number.is_some() {
        return Ok(false);
    }
    match number {
        Some(number) => write.put(key.to_vec(), value::encode(&number)?),
        None => write.delete(key),
    }
    Ok(true)
}

/// Makes an external account that a stored report is of, where it is gone. True where it did.
///
/// # Errors
/// Those of storing.
pub(crate) fn stand_in(write: &mut dyn Write, (id, store): (u64, StoreKind), now: Timestamp) -> Result<bool> {
    if write.get(&account_key(id))?.is_some() {
        return Ok(false);
    }
    let mut account =
        ExternalAccount { nickname: format!("Recovered account {id}"), store, ..Record::blank() };
    account.stamp(id, Times { created_at: now, updated_at: now });
    machine::restore(write, account)
}

/// The key under which an external account stands.
pub(crate) fn account_key(id: u64) -> Vec<u8> {
    stored::record_key::<ExternalAccount>(&id)
}

/// Whether a key is that of an external account.
pub(crate) fn is_account_key(key: &[u8]) -> bool {
    KeyReader::new(key, super::RECORD)
        .is_ok_and(|reader| reader.rest().first() == Some(&ExternalAccount::TAG))
}

#[cfg(test)]
#[path = "mend_test.rs"]
mod test;
