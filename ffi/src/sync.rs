//! # Keeping up with the stores
//!
//! Which reports there are to fetch. Nothing here touches the network: the program fetches with what it has, imports
//! what it got by tillroll_sales_import(), and tells here and with tillroll_sales_mark_empty() what else the store
//! said.
//!
//! What signs in at a store is sealed by tillroll_record_call() of "external_accounts": "set_credentials" with
//! {"id":1,"credentials":{...}} or null for them, "has_credentials" and "reveal_credentials" with {"id":1}. The last
//! gives them in the clear and is the only way to them; it needs the passphrase, as the password does, and a handle
//! that is not restricted. Such a text is best overwritten before it is freed.

use std::ffi::c_char;

use serde_json::Value;
use tillroll_core as core;

use crate::boundary::{clear, give_json, json, optional_text, required, status, text};
use crate::db::Db;
use crate::status::Error;

/// What to fetch, as a JSON list of objects by account and first day: of every external account with `auto_import`
/// and credentials, each report that its store can give and that is absent, or that was fetched while the store
/// could still change it. Each has `account`, `store`, `kind`, `period`, `first_day`, `last_day` (App Store Connect
/// calls a week by it), `reason` ("absent" or "restated") and `is_over`: where the store has nothing for a period
/// that is over, nothing was sold.
///
/// `options_json` has `now` ("2018-04-02T03:00:00Z"), `since` ("2018-03") and `accounts`, a list of ids; NULL is
/// everything, now. It follows from the database and that time alone. Fails with TILLROLL_VALIDATION,
/// TILLROLL_NOT_FOUND for an account that is named and not there, or TILLROLL_ACCESS. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sync_plan(
    db: *mut Db,
    options_json: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let options = core::SyncOptions::from_json(&json("options_json", options_json)?)?;
            let plan = required("db", db)?.core.sync_plan(&options)?;
            give_json(out_json, &plan.iter().map(core::PlannedFetch::to_json).collect::<Value>());
            Ok(())
        })
    }
}

/// Notes that what is stored for a period, or that it is empty, is what its store gave at a time
/// ("2018-04-02T03:00:00Z", NULL for now). A plan lists the period no more once it was fetched when its store could
/// not change it any more. An import notes its own time by itself: this tells of a fetch whose bytes were stored
/// already.
///
/// Fails with TILLROLL_NOT_FOUND for an unknown account and where nothing is stored for the period, with
/// TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_mark_fetched(
    db: *mut Db,
    account_id: u64,
    kind: *const c_char,
    period: *const c_char,
    at: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let sales = required("db", db)?.core.sales();
            let (kind, period) = (text("kind", kind)?.parse()?, text("period", period)?);
            Ok(sales.mark_fetched(account_id, kind, period, optional_text("at", at)?)?)
        })
    }
}

/// Notes that the store will never give out a period any more. It stays absent, and a plan lists it no more; it may
/// list a longer report in its stead. Does nothing where a report is stored.
///
/// Fails with TILLROLL_NOT_FOUND for an unknown account, TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_mark_lost(
    db: *mut Db,
    account_id: u64,
    kind: *const c_char,
    period: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let sales = required("db", db)?.core.sales();
            Ok(sales.mark_lost(account_id, text("kind", kind)?.parse()?, text("period", period)?)?)
        })
    }
}
