//! What a resource can be filtered and sorted by: named fields, and indexes over them.

use crate::kv::{Key, prefix_end, value};
use crate::store::{Entry, Read, Write};
use crate::{Error, Result};

use super::datum::{Datum, DatumKind};
use super::{COUNTER, INDEX, Record, RecordId};

/// A value of a record that filters may name.
#[derive(Debug)]
pub struct Field<R> {
    /// As users name it.
    pub name: &'static str,
    /// How users write its values.
    pub kind: DatumKind,
    /// Its value in a record.
    pub value: fn(&R) -> Datum,
}

/// An ordered secondary index: over one field, which can then be sorted by, or over several together.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// Its number in keys, from 2 on: never changed, never given to another index of the collection.
    pub number: u8,
    /// The fields, in the order of the key. Text among them is short (255 characters): it stands whole in the key.
    pub fields: &'static [&'static str],
    /// Whether two records may not have the same values. Records with a null among them never collide.
    pub unique: bool,
    /// Whether records with a null among the values have no entry: it costs them nothing, and finds values but cannot be
    /// sorted by.
    pub sparse: bool,
    /// Whether the records of each value are counted as they come and go: for a field of few values by which large
    /// collections are listed.
    pub counted: bool,
}

impl Index {
    /// An index that any number of records may share a value in.
    pub const fn plain(number: u8, fields: &'static [&'static str]) -> Self {
        Self { number, fields, unique: false, sparse: false, counted: false }
    }

    /// An index that keeps values apart.
    pub const fn unique(number: u8, fields: &'static [&'static str]) -> Self {
        Self { unique: true, ..Self::plain(number, fields) }
    }

    /// An index of fields that few records have.
    pub const fn sparse(number: u8, fields: &'static [&'static str]) -> Self {
        Self { sparse: true, ..Self::plain(number, fields) }
    }

    /// An index of which it is known how many records share a value.
    pub const fn counted(number: u8, fields: &'static [&'static str]) -> Self {
        Self { counted: true, ..Self::plain(number, fields) }
    }

    /// Whether a record with these values has an entry.
    fn holds(&self, values: &[Datum]) -> bool {
        !self.sparse || !values.contains(&Datum::Null)
    }
}

/// Which counter of a collection the numbers of records with a value are.
const TALLY: u8 = 3;

/// Every record's times are indexed.
const COMMON: &[Index] = &[Index::plain(0, &["created_at"]), Index::plain(1, &["updated_at"])];

pub(super) fn indexes<R: Record>() -> impl Iterator<Item = &'static Index> {
    COMMON.iter().chain(R::INDEXES)
}

/// The index over this field alone in which every record stands.
pub(super) fn index_of<R: Record>(field: &str) -> Option<&'static Index> {
    over::<R>(&[field]).filter(|index| !index.sparse)
}

/// The index over exactly these fields; a resource asks only for what it declares.
pub(super) fn over<R: Record>(fields: &[&str]) -> Option<&'static Index> {
    indexes::<R>().find(|index| index.fields == fields)
}

/// A field of any record, by its place among the common ones or the resource's own.
pub(super) fn field<R: Record>(name: &str) -> Option<Field<R>> {
    type Value<R> = fn(&R) -> Datum;
    let common = |kind, value: Value<R>| Some(Field { name: "", kind, value });
    match name {
        "id" => common(R::ID_KIND, |record| R::id_datum(&record.id())),
        "created_at" => common(DatumKind::Time, |record| Datum::time(record.times().created_at)),
        "updated_at" => common(DatumKind::Time, |record| Datum::time(record.times().updated_at)),
        _ => R::FIELDS.iter().find(|field| field.name == name).map(|field| Field { ..*field }),
    }
}

pub(super) fn prefix<R: Record>(index: &Index) -> Key {
    Key::new(INDEX).raw(&[R::TAG, index.number])
}

/// The values of a record in an index. A field that is not declared is null in every record; a test sees that none is.
fn values<R: Record>(index: &Index, record: &R) -> Vec<Datum> {
    index
        .fields
        .iter()
        .map(|name| field::<R>(name).map_or(Datum::Null, |field| (field.value)(record)))
        .collect()
}

fn entry<R: Record>(index: &Index, values: &[Datum], id: &R::Id) -> Vec<u8> {
    let key = values.iter().fold(prefix::<R>(index), |key, value| value.write(key));
    id.to_datum().write(key).build()
}

/// The entry of a record in each index; none in a sparse one that it does not stand in.
pub(super) fn entries<R: Record>(record: &R) -> Vec<Option<Vec<u8>>> {
    let id = record.id();
    let entry = |index: &'static Index| {
        let values = values(index, record);
        index.holds(&values).then(|| entry::<R>(index, &values, &id))
    };
    indexes::<R>().map(entry).collect()
}

/// The keys under which a record is counted, where the numbers of records with a value are kept.
pub(super) fn tallied<R: Record>(record: &R) -> Vec<Vec<u8>> {
    let counted = indexes::<R>().filter(|index| index.counted).map(|index| (index, values(index, record)));
    counted
        .filter(|(index, values)| index.holds(values))
        .map(|(index, values)| tally_key::<R>(index, &values))
        .collect()
}

/// What no other record may have: the unique values of a record, as prefixes of entries.
pub(super) fn unique_keys<R: Record>(record: &R) -> Vec<Vec<u8>> {
    let unique = indexes::<R>().filter(|index| index.unique).map(|index| (index, values(index, record)));
    let whole = unique.filter(|(_, values)| !values.contains(&Datum::Null));
    whole
        .map(|(index, values)| values.iter().fold(prefix::<R>(index), |key, value| value.write(key)).build())
        .collect()
}

/// Moves the entries of a record from its old form to its new one, either of which may be missing.
///
/// # Errors
/// [`Error::Conflict`] where a unique value is another record's.
pub(super) fn update<R: Record>(write: &mut dyn Write, old: Option<&R>, new: Option<&R>) -> Result<()> {
    for index in indexes::<R>() {
        let stands = |record: &R| {
            let values = values(index, record);
            index.holds(&values).then(|| (values, record.id()))
        };
        let (before, after) = (old.and_then(stands), new.and_then(stands));
        if before == after {
            continue;
        }
        if let Some((values, id)) = before {
            tally::<R>(write, index, &values, -1)?;
            write.delete(&entry::<R>(index, &values, &id));
        }
        if let Some((values, id)) = after {
            if index.unique {
                refuse_taken::<R>(write, index, &values, &id)?;
            }
            tally::<R>(write, index, &values, 1)?;
            write.put(entry::<R>(index, &values, &id), Vec::new());
        }
    }
    Ok(())
}

/// The unique values of a record: the fields of the index, and what no other record has in it.
///
/// # Errors
/// [`Error::Conflict`] where one of them is another record's already.
pub(super) fn unique_values<R: Record>(
    read: &dyn Read,
    record: &R,
) -> Result<Vec<(&'static [&'static str], Vec<u8>)>> {
    let mut found = Vec::new();
    for index in indexes::<R>().filter(|index| index.unique) {
        let values = values(index, record);
        refuse_taken::<R>(read, index, &values, &record.id())?;
        if !values.contains(&Datum::Null) {
            let key = values.iter().fold(prefix::<R>(index), |key, value| value.write(key));
            found.push((index.fields, key.build()));
        }
    }
    Ok(found)
}

/// Counts one more of a value, or one less, before its entry comes or goes.
fn tally<R: Record>(write: &mut dyn Write, index: &Index, values: &[Datum], by: i64) -> Result<()> {
    if !index.counted {
        return Ok(());
    }
    let count = count_of::<R>(write, index, values)?.checked_add_signed(by);
    match count.ok_or_else(|| damaged::<R>("the count of a value is wrong"))? {
        0 => write.delete(&tally_key::<R>(index, values)),
        count => write.put(tally_key::<R>(index, values), value::encode(&count)?),
    }
    Ok(())
}

/// The number of entries with these values of an index. Where it stands nowhere they are counted: there are none, or
/// they are older than the counts.
pub(super) fn count_of<R: Record>(read: &dyn Read, index: &Index, values: &[Datum]) -> Result<u64> {
    if index.counted
        && let Some(count) = read.get(&tally_key::<R>(index, values))?
    {
        return value::decode(&count);
    }
    let start = values.iter().fold(prefix::<R>(index), |key, value| value.write(key)).build();
    read.count(&start, prefix_end(&start).as_deref())
}

fn tally_key<R: Record>(index: &Index, values: &[Datum]) -> Vec<u8> {
    values.iter().fold(tallies::<R>(index), |key, value| value.write(key)).build()
}

/// The prefix of the counts of an index's values.
pub(super) fn tallies<R: Record>(index: &Index) -> Key {
    Key::new(COUNTER).raw(&[R::TAG, TALLY, index.number])
}

/// What the counts of an index's values say that its entries do not; none where it has no counts.
pub(super) fn miscounted<R: Record>(read: &dyn Read, index: &Index) -> Result<Vec<String>> {
    let (start, entries) = (tallies::<R>(index).build(), prefix::<R>(index).build());
    let mut faults = Vec::new();
    for tally in read.range(&start, prefix_end(&start).as_deref(), false) {
        let (key, count) = tally?;
        let values = [entries.as_slice(), key.get(start.len()..).unwrap_or_default()].concat();
        let (told, found) =
            (value::decode::<u64>(&count)?, read.count(&values, prefix_end(&values).as_deref())?);
        if told != found {
            faults.push(format!(
                "counts {told} records of one value of {}, has {found}",
                index.fields.join(", ")
            ));
        }
    }
    Ok(faults)
}

fn refuse_taken<R: Record>(read: &dyn Read, index: &Index, values: &[Datum], id: &R::Id) -> Result<()> {
    match find::<R>(read, index, values)? {
        Some(holder) if holder != *id => Err(Error::Conflict {
            field: index.fields.join(", "),
            detail: format!("{} is taken by {} {holder}", index.fields.join(" and "), R::NOUN),
        }),
        _ => Ok(()),
    }
}

/// The first record with these values of an index; none for values with a null among them.
pub(super) fn find<R: Record>(read: &dyn Read, index: &Index, values: &[Datum]) -> Result<Option<R::Id>> {
    if values.contains(&Datum::Null) {
        return Ok(None);
    }
    let start = values.iter().fold(prefix::<R>(index), |key, value| value.write(key)).build();
    let end = prefix_end(&start);
    let Some(found) = read.range(&start, end.as_deref(), false).next() else { return Ok(None) };
    let (key, _) = found?;
    let id = key.get(start.len()..).unwrap_or_default();
    R::Id::from_datum(&Datum::read(id)?.0).map(Some).ok_or_else(|| damaged::<R>("an entry has no id"))
}

/// The ids of all records whose first values in an index are these, in the order of the index.
pub(super) fn ids_with<R: Record>(read: &dyn Read, index: &Index, values: &[Datum]) -> Result<Vec<R::Id>> {
    let start = values.iter().fold(prefix::<R>(index), |key, value| value.write(key)).build();
    let rest = index.fields.len().saturating_sub(values.len());
    let id_of = |entry: Result<Entry>| {
        let (key, _) = entry?;
        let mut tail = key.get(start.len()..).unwrap_or_default();
        for _ in 0..rest {
            tail = Datum::read(tail)?.1;
        }
        R::Id::from_datum(&Datum::read(tail)?.0).ok_or_else(|| damaged::<R>("an entry has no id"))
    };
    read.range(&start, prefix_end(&start).as_deref(), false).map(id_of).collect()
}

/// Every entry of an index over one number, as (number, id), in order; records without a number are left out.
pub(super) fn numbers<R: Record<Id = u64>>(
    read: &dyn Read,
    fields: &[&str],
    each: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<()> {
    let Some(index) = over::<R>(fields) else { return Ok(()) };
    let start = prefix::<R>(index).build();
    for entry in read.range(&start, prefix_end(&start).as_deref(), false) {
        let (key, _) = entry?;
        let (number, rest) = Datum::read(key.get(start.len()..).unwrap_or_default())?;
        // Nulls come last: from here on nobody has a number.
        let Some(number) = u64::from_datum(&number) else { break };
        let id = u64::from_datum(&Datum::read(rest)?.0).ok_or_else(|| damaged::<R>("an entry has no id"))?;
        each(number, id)?;
    }
    Ok(())
}

pub(super) fn damaged<R: Record>(detail: &str) -> Error {
    Error::corrupt("index".as_ref(), format!("{}: {detail}", R::COLLECTION))
}

/// The number of entries of an index.
pub(super) fn count<R: Record>(read: &dyn Read, index: &Index) -> Result<u64> {
    let start = prefix::<R>(index).build();
    read.count(&start, prefix_end(&start).as_deref())
}
