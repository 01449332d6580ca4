//! Records as they lie in the store: cut into pieces that the index store likes, with the version of their form.

use crate::kv::{Key, prefix_end, value};
use crate::store::{Read, Write};
use crate::{Error, Result};

use super::index::damaged;
use super::{COUNTER, Datum, RECORD, REST, Record, RecordId};

/// Bytes of a record under one key.
const PIECE: usize = 6000;
/// The most bytes of a record; more is refused.
const RECORD_MAX: usize = 1 << 20;
// The count of further pieces is one byte.
const _: () = assert!(RECORD_MAX / PIECE < 255);

const LAST_ID: u8 = 0;
const COUNT: u8 = 1;
const CHANGE: u8 = 2;

/// The key of a record's first piece; all of them in order are the collection in id order.
pub(super) fn record_key<R: Record>(id: &R::Id) -> Vec<u8> {
    R::id_datum(id).write(records::<R>()).build()
}

/// The prefix of all first pieces of a collection.
pub(super) fn records<R: Record>() -> Key {
    Key::new(RECORD).raw(&[R::TAG])
}

/// The collection's tag and the id of a record whose first piece stands under this key.
pub(super) fn tag_and_id(key: &[u8]) -> Option<(u8, Datum)> {
    let &[namespace, tag, ref id @ ..] = key else { return None };
    let id = (namespace == RECORD).then(|| Datum::read(id)).and_then(Result::ok);
    id.map(|(id, _)| (tag, id))
}

/// The bytes of an id, as keys of other parts carry them.
pub(super) fn id_bytes<R: Record>(id: &R::Id) -> Vec<u8> {
    // Without the namespace byte that every key begins with.
    R::id_datum(id).write(Key::new(0)).build().split_off(1)
}

fn rest_prefix<R: Record>(id: &R::Id) -> Vec<u8> {
    R::id_datum(id).write(Key::new(REST).raw(&[R::TAG])).build()
}

/// The keys of a record's further pieces.
pub(super) fn rest_keys<R: Record>(read: &dyn Read, id: &R::Id) -> Result<Vec<Vec<u8>>> {
    let rest = read.get(&record_key::<R>(id))?.and_then(|first| first.first().copied()).unwrap_or(0);
    let prefix = rest_prefix::<R>(id);
    Ok((0..rest).map(|number| [prefix.as_slice(), &[number]].concat()).collect())
}

/// Puts a record, replacing what stood under its id.
///
/// # Errors
/// [`Error::Validation`] for a record over 1 MiB.
pub(super) fn put<R: Record>(write: &mut dyn Write, record: &R) -> Result<()> {
    let bytes = value::encode(record)?;
    if bytes.len() > RECORD_MAX {
        return Err(Error::invalid(
            R::COLLECTION,
            format!("a record is at most {RECORD_MAX} bytes, not {}", bytes.len()),
        ));
    }
    delete_rest::<R>(write, &record.id())?;
    let (first, rest) = bytes.split_at(bytes.len().min(PIECE));
    let mut prefix = rest_prefix::<R>(&record.id());
    let mut count = 0;
    for piece in rest.chunks(PIECE) {
        prefix.push(count);
        write.put(prefix.clone(), piece.to_vec());
        prefix.pop();
        count += 1;
    }
    write.put(record_key::<R>(&record.id()), [&[count, R::VERSION], first].concat());
    note_change::<R>(write)
}

/// A record by id.
pub(super) fn get<R: Record>(read: &dyn Read, id: &R::Id) -> Result<Option<R>> {
    read.get(&record_key::<R>(id))?.map(|first| assemble(read, id, &first)).transpose()
}

/// A record from its first piece, which the caller came across.
pub(super) fn assemble<R: Record>(read: &dyn Read, id: &R::Id, first: &[u8]) -> Result<R> {
    let (&[count, version], piece) =
        first.split_first_chunk().ok_or_else(|| damaged::<R>("a record is cut short"))?;
    if count == 0 {
        return decode(version, piece);
    }
    let mut bytes = piece.to_vec();
    let mut prefix = rest_prefix::<R>(id);
    for number in 0..count {
        prefix.push(number);
        let piece = read.get(&prefix)?.ok_or_else(|| damaged::<R>("a piece of a record is missing"))?;
        bytes.extend_from_slice(&piece);
        prefix.pop();
    }
    decode(version, &bytes)
}

fn decode<R: Record>(version: u8, bytes: &[u8]) -> Result<R> {
    if version == R::VERSION {
        return value::decode(bytes);
    }
    R::upgrade(version, bytes)?.ok_or_else(|| {
        damaged::<R>(&format!("a record has version {version}, this program knows up to {}", R::VERSION))
    })
}

/// All records of a collection with their ids as keys have them, in that order.
pub(super) fn all<'a, R: Record>(
    read: &'a dyn Read,
) -> impl Iterator<Item = Result<(Datum, R)>> + use<'a, R> {
    let start = records::<R>().build();
    read.range(&start, prefix_end(&start).as_deref(), false).map(move |entry| {
        let (key, first) = entry?;
        let (id, _) = Datum::read(key.get(start.len()..).unwrap_or_default())?;
        let own = R::Id::from_datum(&id).ok_or_else(|| damaged::<R>("a record has no id"))?;
        Ok((id, assemble(read, &own, &first)?))
    })
}

/// Removes a record; one that is not there is fine.
pub(super) fn delete<R: Record>(write: &mut dyn Write, id: &R::Id) -> Result<()> {
    delete_rest::<R>(write, id)?;
    write.delete(&record_key::<R>(id));
    note_change::<R>(write)
}

fn delete_rest<R: Record>(write: &mut dyn Write, id: &R::Id) -> Result<()> {
    rest_keys::<R>(write, id)?.iter().for_each(|key| write.delete(key));
    Ok(())
}

fn counter_key<R: Record>(which: u8) -> Vec<u8> {
    counter_key_of(R::TAG, which)
}

fn counter_key_of(tag: u8, which: u8) -> Vec<u8> {
    Key::new(COUNTER).raw(&[tag, which]).build()
}

/// The key of the number of records.
pub(super) fn count_key<R: Record>() -> Vec<u8> {
    counter_key::<R>(COUNT)
}

fn counter<R: Record>(read: &dyn Read, which: u8) -> Result<u64> {
    counter_of(read, R::TAG, which)
}

fn counter_of(read: &dyn Read, tag: u8, which: u8) -> Result<u64> {
    read.get(&counter_key_of(tag, which))?.map_or(Ok(0), |bytes| value::decode(&bytes))
}

/// The number of records.
pub(super) fn count<R: Record>(read: &dyn Read) -> Result<u64> {
    counter::<R>(read, COUNT)
}

/// Adds to the number of records, or takes from it.
pub(super) fn change_count<R: Record>(write: &mut dyn Write, by: i64) -> Result<()> {
    let count =
        count::<R>(write)?.checked_add_signed(by).ok_or_else(|| damaged::<R>("its count is wrong"))?;
    write.put(counter_key::<R>(COUNT), value::encode(&count)?);
    Ok(())
}

/// A number that grows by one wherever a record is put or deleted.
pub(super) fn change<R: Record>(read: &dyn Read) -> Result<u64> {
    counter::<R>(read, CHANGE)
}

/// [`change`] of the collection with this tag.
pub(super) fn change_of(read: &dyn Read, tag: u8) -> Result<u64> {
    counter_of(read, tag, CHANGE)
}

pub(super) fn note_change<R: Record>(write: &mut dyn Write) -> Result<()> {
    let next = change::<R>(write)?.wrapping_add(1);
    write.put(counter_key::<R>(CHANGE), value::encode(&next)?);
    Ok(())
}

/// A number that no record of the collection has had.
pub(super) fn next_number<R: Record>(write: &mut dyn Write) -> Result<u64> {
    let last = counter::<R>(write, LAST_ID)?;
    let next = last.checked_add(1).filter(|&next| i64::try_from(next).is_ok());
    let next = next.ok_or_else(|| Error::invalid("id", "the collection has given out all its ids"))?;
    write.put(counter_key::<R>(LAST_ID), value::encode(&next)?);
    Ok(next)
}

/// Sees to it that [`next_number`] never gives a number that a record brought along.
pub(super) fn skip_number<R: Record>(write: &mut dyn Write, id: &R::Id) -> Result<()> {
    let Datum::Int(number) = id.to_datum() else { return Ok(()) };
    let number = u64::try_from(number).unwrap_or(0);
    if number > counter::<R>(write, LAST_ID)? {
        write.put(counter_key::<R>(LAST_ID), value::encode(&number)?);
    }
    Ok(())
}
