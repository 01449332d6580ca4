//! # Records
//!
//! The resources of a database by the names of their collections, as JSON: "external_accounts".

use std::ffi::c_char;
use std::sync::Arc;

use serde_json::Value;
use tillroll_core::AnyCollection;

use crate::boundary::{Result, clear, give_json, json, required, status, text, writable};
use crate::db::Db;
use crate::status::Error;

/// Creates a record of the fields in `json`, and gives it as it is stored, with its id.
///
/// Fields that only the engine sets are ignored, so that what came out goes in again. Fails with TILLROLL_NOT_FOUND for
/// an unknown collection, TILLROLL_VALIDATION for fields that are missing or wrong (tillroll_error_fields() has all of
/// them), TILLROLL_CONFLICT, TILLROLL_VAULT, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_create(
    db: *mut Db,
    collection: *const c_char,
    json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe { status(err, || answer(db, collection, out_json, |found| Ok(found.create(&fields(json)?)?))) }
}

/// Gets a record by its id.
///
/// Fails with TILLROLL_NOT_FOUND, also for an unknown collection and for a text that cannot be an id. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_get(
    db: *mut Db,
    collection: *const c_char,
    id: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe { status(err, || answer(db, collection, out_json, |found| Ok(found.get(text("id", id)?)?))) }
}

/// Changes the fields that `json` names, and no others, and gives the record as it is stored now.
///
/// Fails as tillroll_record_create() does, and with TILLROLL_NOT_FOUND; nothing is changed then. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_update(
    db: *mut Db,
    collection: *const c_char,
    id: *const c_char,
    json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let update = |found: &dyn AnyCollection| Ok(found.update(text("id", id)?, &fields(json)?)?);
            answer(db, collection, out_json, update)
        })
    }
}

/// Deletes a record.
///
/// Fails with TILLROLL_NOT_FOUND, TILLROLL_CONFLICT where other records need it, TILLROLL_ACCESS or TILLROLL_IO.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_delete(
    db: *mut Db,
    collection: *const c_char,
    id: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe { status(err, || Ok(named(db, collection)?.delete(text("id", id)?)?)) }
}

/// Lists records by page: {"data":[...],"meta":{"page":1,"page_size":50,"page_count":1,"item_count":2}}.
///
/// `query_json` has `page`, `page_size`, `sort` ("nickname-desc"), `filter`
/// ("eq(store,amazon):like(nickname,*games*)"), `expand`, `created_at_from` and the like, and any indexed field; NULL
/// is the first page of 50 by id. Fails with TILLROLL_NOT_FOUND for an unknown collection and TILLROLL_VALIDATION for a
/// wrong query. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_list(
    db: *mut Db,
    collection: *const c_char,
    query_json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            answer(db, collection, out_json, |found| Ok(found.list(&json("query_json", query_json)?)?.into()))
        })
    }
}

/// Counts the records of a collection. `out` must not be NULL.
///
/// Fails with TILLROLL_NOT_FOUND for an unknown collection. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_count(
    db: *mut Db,
    collection: *const c_char,
    out: *mut u64,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            writable("out", out)?;
            out.write(0);
            out.write(named(db, collection)?.len()?);
            Ok(())
        })
    }
}

/// Runs any verb of a collection by its Python name, with its arguments as a JSON object: "create_many" with
/// {"records":[...]}, "update" with {"id":1,"nickname":"..."}; NULL is no arguments. It reaches the verbs that have no
/// function of their own. What the verb gives comes as JSON, `null` where it gives nothing.
///
/// Fails as the verb does, and with TILLROLL_VALIDATION for an unknown one; the message lists those there are.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_record_call(
    db: *mut Db,
    collection: *const c_char,
    verb: *const c_char,
    args_json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let call = |found: &dyn AnyCollection| {
                Ok(found.call(text("verb", verb)?, &json("args_json", args_json)?)?)
            };
            answer(db, collection, out_json, call)
        })
    }
}

/// What the verbs with a JSON answer have in common.
///
/// # Safety
/// The pointers are what the header asks for.
unsafe fn answer(
    db: *mut Db,
    collection: *const c_char,
    out_json: *mut *mut c_char,
    verb: impl FnOnce(&dyn AnyCollection) -> Result<Value>,
) -> Result<()> {
    // SAFETY: as promised by the caller.
    unsafe {
        clear(out_json);
        give_json(out_json, &verb(&*named(db, collection)?)?);
    }
    Ok(())
}

/// # Safety
/// The pointers are what the header asks for.
unsafe fn named(db: *mut Db, collection: *const c_char) -> Result<Arc<dyn AnyCollection>> {
    // SAFETY: as promised by the caller.
    let (db, name) = unsafe { (required("db", db)?, text("collection", collection)?) };
    Ok(db.core.records(name)?)
}

/// The fields of a record, which must be there: a program whose text could not be made must not write an empty one.
///
/// # Safety
/// As [`text`].
unsafe fn fields(json: *const c_char) -> Result<serde_json::Value> {
    // SAFETY: as promised by the caller.
    crate::json::parse("json", unsafe { text("json", json) }?)
}
