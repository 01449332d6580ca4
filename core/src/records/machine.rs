//! The verbs, over any store: what [`super::Collection`] runs in its transactions and snapshots.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::store::{Read, Write};
use crate::vault::{Label, Vault};
use crate::{Error, FieldErrors, Result};

use super::datum::Datum;
use super::index::{self, damaged, indexes};
use super::input::{Fields, Input, Purpose, SecretChange, Taken};
use super::stored::{self, id_bytes};
use super::{Context, Record, Times};

/// What the verbs need beside the store.
pub struct Env<'a> {
    pub(super) vault: &'a Vault,
    pub(super) now: Timestamp,
}

/// An argument of update that is no field: the record must still be the one that was read.
const IF_UPDATED_AT: &str = "if_updated_at";

/// The record of an id.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) fn get<R: Record>(read: &dyn Read, id: &R::Id) -> Result<R> {
    stored::get(read, id)?.ok_or_else(|| not_found::<R>(&id.to_string()))
}

/// The record with these values of an index over these fields; none for values with a null among them.
pub(super) fn find<R: Record>(read: &dyn Read, fields: &[&str], values: &[Datum]) -> Result<Option<R>> {
    let Some(index) = index::over::<R>(fields) else { return Ok(None) };
    index::find::<R>(read, index, values)?.map(|id| get(read, &id)).transpose()
}

/// All records with these values of an index over these fields, or of its first ones, in the order of the index.
pub(super) fn find_all<R: Record>(read: &dyn Read, fields: &[&str], values: &[Datum]) -> Result<Vec<R>> {
    ids_of::<R>(read, fields, values)?.iter().map(|id| get(read, id)).collect()
}

/// The ids of what [`find_all`] finds.
pub(super) fn ids_of<R: Record>(read: &dyn Read, fields: &[&str], values: &[Datum]) -> Result<Vec<R::Id>> {
    index::over::<R>(fields).map_or(Ok(Vec::new()), |index| index::ids_with::<R>(read, index, values))
}

pub(super) fn not_found<R: Record>(id: &str) -> Error {
    let id: String = id.chars().take(64).collect();
    Error::NotFound { what: format!("{} {id}", R::NOUN) }
}

/// Creates one record.
///
/// # Errors
/// [`Error::Validation`] with all faults, [`Error::Conflict`] for a unique value that is taken.
pub(super) fn create<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    fields: &Map<String, Value>,
) -> Result<R> {
    let mut faults = FieldErrors::new();
    let (record, secrets) = read_new(write, env, fields, "", &mut faults)?;
    refuse(faults)?;
    let record = insert::<R>(write, env, record, &secrets)?;
    stored::change_count::<R>(write, 1)?;
    Ok(record)
}

/// Creates records together or not at all. Faults are told as `[place].field`, places from 0 on.
///
/// # Errors
/// As of [`create`].
pub(super) fn create_many<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    all: Vec<Fields>,
) -> Result<Vec<R>> {
    /// Enough to see what is wrong with a list; a list of a million faults helps nobody.
    const FAULTS_MAX: usize = 100;
    /// The most records of one commit.
    const RECORDS_MAX: usize = 100_000;
    if all.len() > RECORDS_MAX {
        let fault = format!("one call creates at most {RECORDS_MAX}, not {}: use several", all.len());
        return Err(Error::invalid("records", fault));
    }
    let mut faults = FieldErrors::new();
    let mut new = Vec::with_capacity(all.len());
    // Each input goes as soon as it is read: very many are much memory.
    for (place, fields) in all.into_iter().enumerate() {
        new.push(read_new::<R>(write, env, fields.as_map(), &format!("[{place}]."), &mut faults)?);
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    refuse(faults)?;
    let insert = |(record, secrets): (R, Vec<_>)| insert(write, env, record, &secrets);
    let records = new.into_iter().map(insert).collect::<Result<Vec<R>>>()?;
    if let Some(count) = i64::try_from(records.len()).ok().filter(|&count| count > 0) {
        stored::change_count::<R>(write, count)?;
    }
    Ok(records)
}

fn read_new<R: Record>(
    write: &dyn Write,
    env: &Env<'_>,
    fields: &Map<String, Value>,
    prefix: &str,
    faults: &mut FieldErrors,
) -> Result<(R, Vec<SecretChange>)> {
    let mut record = R::blank();
    let mut input = Input::new(fields, Purpose::Create);
    record.apply(&mut input, &Context { read: write, now: env.now, expand: &[] })?;
    let taken = input.finish();
    faults.extend(taken.faults.into_iter().map(|(name, messages)| (format!("{prefix}{name}"), messages)));
    Ok((record, taken.secrets))
}

/// A record as an export told it, without its id and times.
///
/// # Errors
/// [`Error::Validation`] with all faults.
pub(super) fn restored<R: Record>(fields: &Map<String, Value>, context: &Context<'_>) -> Result<R> {
    let mut record = R::blank();
    let mut input = Input::new(fields, Purpose::Restore);
    record.apply(&mut input, context)?;
    refuse(input.finish().faults)?;
    Ok(record)
}

/// Stores a record with the id and times it has. False where the very same is stored already.
///
/// # Errors
/// [`Error::Conflict`] where its id is another record's, or a unique value.
pub(super) fn restore<R: Record>(write: &mut dyn Write, record: R) -> Result<bool> {
    let id = record.id();
    match stored::get::<R>(write, &id)? {
        Some(old) if old == record => return Ok(false),
        Some(_) => refuse_taken_id::<R>(write, &id)?,
        None => {}
    }
    index::update(write, None, Some(&record))?;
    stored::put(write, &record)?;
    stored::change_count::<R>(write, 1)?;
    stored::skip_number::<R>(write, &id)?;
    record.keep_numbers(write)?;
    Ok(true)
}

fn insert<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    mut record: R,
    secrets: &[SecretChange],
) -> Result<R> {
    let id = record.assign_id(&mut || stored::next_number::<R>(write))?;
    refuse_taken_id::<R>(write, &id)?;
    record.stamp(id.clone(), Times { created_at: env.now, updated_at: env.now });
    index::update(write, None, Some(&record))?;
    stored::put(write, &record)?;
    change_secrets::<R>(write, env, &id, secrets)?;
    Ok(record)
}

/// Changes what the fields name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] for a unique value that is taken, or where `if_updated_at` is not the time
/// of the last change; [`Error::Validation`] with all faults.
pub(super) fn update<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    id: &R::Id,
    fields: &Map<String, Value>,
) -> Result<R> {
    change(write, env, id, fields, Purpose::Update)
}

/// Changes what the fields name as the engine itself may: also what the resource keeps users from changing.
///
/// # Errors
/// As of [`update`].
pub(super) fn revise<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    id: &R::Id,
    fields: &Map<String, Value>,
) -> Result<R> {
    change(write, env, id, fields, Purpose::Revise)
}

fn change<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    id: &R::Id,
    fields: &Map<String, Value>,
    purpose: Purpose,
) -> Result<R> {
    let old: R = get(write, id)?;
    let mut record = old.clone();
    let mut input = Input::new(fields, purpose);
    let expected = if_updated_at(&mut input);
    record.apply(&mut input, &Context { read: write, now: env.now, expand: &[] })?;
    let Taken { secrets, faults } = input.finish();
    refuse(faults)?;
    if expected.is_some_and(|expected| expected != old.times().updated_at) {
        let detail = format!("{} {id} was changed at {}", R::NOUN, old.times().updated_at);
        return Err(Error::Conflict { field: "updated_at".to_owned(), detail });
    }
    if record == old && secrets.is_empty() {
        return Ok(old);
    }
    let new_id = record.id();
    if new_id != old.id() {
        refuse_taken_id::<R>(write, &new_id)?;
        stored::delete::<R>(write, id)?;
    }
    record.stamp(new_id.clone(), Times { updated_at: later(&old, env.now), ..old.times() });
    index::update(write, Some(&old), Some(&record))?;
    stored::put(write, &record)?;
    change_secrets::<R>(write, env, &new_id, &secrets)?;
    Ok(record)
}

/// Changes a secret of a record, and of the record itself only the time of its last change.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Vault`].
pub(super) fn change_secret<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    id: &R::Id,
    change: SecretChange,
) -> Result<()> {
    let old: R = get(write, id)?;
    let mut record = old.clone();
    record.stamp(id.clone(), Times { updated_at: later(&old, env.now), ..old.times() });
    index::update(write, Some(&old), Some(&record))?;
    stored::put(write, &record)?;
    change_secrets::<R>(write, env, id, &[change])
}

/// Now, but after the last change: a clock that stands still or runs back must not hide one from `if_updated_at`.
fn later<R: Record>(old: &R, now: Timestamp) -> Timestamp {
    let last = old.times().updated_at;
    last.checked_add(SignedDuration::from_micros(1)).map_or(now, |next| now.max(next))
}

fn if_updated_at(input: &mut Input<'_>) -> Option<Timestamp> {
    let value = input.value(IF_UPDATED_AT).filter(|value| !value.is_null())?;
    let time = value.as_str().and_then(|text| text.parse().ok());
    if time.is_none() {
        input.fault(IF_UPDATED_AT, "must be a time with its offset");
    }
    time
}

/// Removes a record, its index entries and its secrets; nothing else.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) fn delete<R: Record>(write: &mut dyn Write, env: &Env<'_>, id: &R::Id) -> Result<()> {
    let old: R = get(write, id)?;
    old.before_delete(write, env)?;
    index::update(write, Some(&old), None)?;
    stored::delete::<R>(write, id)?;
    stored::change_count::<R>(write, -1)?;
    R::SECRETS.iter().try_for_each(|field| env.vault.forget(write, R::TAG, &id_bytes::<R>(id), field))
}

fn change_secrets<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    id: &R::Id,
    secrets: &[SecretChange],
) -> Result<()> {
    let (bytes, text) = (id_bytes::<R>(id), id.to_string());
    for SecretChange { field, secret } in secrets {
        match secret {
            Some(secret) => {
                let label = Label { collection: R::COLLECTION, id: &text, field };
                env.vault.seal(write, R::TAG, &bytes, label, secret)?;
            }
            None => env.vault.forget(write, R::TAG, &bytes, field)?,
        }
    }
    Ok(())
}

/// # Errors
/// [`Error::Conflict`] where there is a record of this id.
pub(super) fn refuse_taken_id<R: Record>(read: &dyn Read, id: &R::Id) -> Result<()> {
    match read.get(&stored::record_key::<R>(id))? {
        Some(_) => {
            let detail = format!("there is {} {id} already", R::NOUN);
            Err(Error::Conflict { field: R::ID_FIELD.to_owned(), detail })
        }
        None => Ok(()),
    }
}

/// # Errors
/// [`Error::Validation`] with the faults, if there are any.
pub(super) fn refuse(faults: FieldErrors) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::Validation { fields: faults }) }
}

/// What contradicts itself in a collection: every index against the records, and the count. Needs little memory.
pub(super) fn check<R: Record>(read: &dyn Read) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut note = |detail: String| problems.push(format!("{}: {detail}", R::COLLECTION));
    let (mut count, mut last) = (0_u64, None);
    let mut expected = vec![0_u64; indexes::<R>().count()];
    loop {
        let ids = super::list::ids_after::<R>(read, last.as_ref(), 1000)?;
        let Some(newest) = ids.last().cloned() else { break };
        last = Some(newest);
        for id in ids {
            count += 1;
            match check_record::<R>(read, &id, &mut expected) {
                Ok(faults) => faults.into_iter().for_each(&mut note),
                Err(error @ Error::Corruption { .. }) => note(format!("{} {id}: {error}", R::NOUN)),
                Err(error) => return Err(error),
            }
        }
    }
    if stored::count::<R>(read)? != count {
        note(format!("counts {} records, has {count}", stored::count::<R>(read)?));
    }
    for (index, expected) in indexes::<R>().zip(expected) {
        index::miscounted::<R>(read, index)?.into_iter().for_each(&mut note);
        let entries = index::count::<R>(read, index)?;
        // Records that cannot be read are told already; how many entries they have in a sparse index is not known.
        let expected = if index.sparse { expected } else { count };
        if entries != expected {
            note(format!(
                "the index of {} has {entries} entries for {expected} records",
                index.fields.join(", ")
            ));
        }
    }
    Ok(problems)
}

/// What is wrong with a record; adds to `expected` the indexes it stands in.
fn check_record<R: Record>(read: &dyn Read, id: &R::Id, expected: &mut [u64]) -> Result<Vec<String>> {
    let record: R = stored::get(read, id)?.ok_or_else(|| damaged::<R>("a record is gone"))?;
    let mut faults = Vec::new();
    if record.id() != *id {
        faults.push(format!("{} {id} calls itself {}", R::NOUN, record.id()));
    }
    for ((index, entry), expected) in indexes::<R>().zip(index::entries(&record)).zip(expected) {
        let Some(entry) = entry else { continue };
        *expected += 1;
        if read.get(&entry)?.is_none() {
            faults.push(format!("{} {id} is missing in the index of {}", R::NOUN, index.fields.join(", ")));
        }
    }
    Ok(faults)
}
