//! # Asking the sales
//!
//! Answers with rows are Arrow C streams: batches of columns, which other libraries take without a copy. The caller
//! releases a stream and each batch by its own `release`. Threads: a stream is used by one thread at a time, by any.
//! Lifetime: answers of tillroll_sales_scan() are read as they are asked for, from the commit that stood at the call;
//! all others are whole in memory. Either may be read after tillroll_close().
//!
//! Money is decimal128 at six decimals, times are timestamp[us, UTC], days date32, counts int64.

use std::ffi::c_char;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use serde_json::Value;
use tillroll_core as core;

use crate::boundary::{Result, clear, give_json, json, required, status, text, texts, writable};
use crate::db::Db;
use crate::json::{of_import, of_sale};
use crate::status::Error;
use crate::stream::{self, give_scan, give_table};

/// Nothing is known of a period: it was not imported, or has been deleted.
pub const TILLROLL_PERIOD_ABSENT: i32 = 0;
/// A period is known to have no sales.
pub const TILLROLL_PERIOD_EMPTY: i32 = 10;
/// A report with rows is stored for a period.
pub const TILLROLL_PERIOD_ROWS: i32 = 20;

/// Sums by groups, exact: the columns are `by`, then `measures`, in the order asked.
///
/// `query_json` has `by` (day week month quarter year account store kind period product product_group sku title country
/// marketplace currency earnings_currency type item_type term), `measures` (units gross_units refund_units all_units
/// sales earnings rows), `order_by` ("-units"), `limit`, `combine_inapps` (true: items count among their app, by product
/// and product_group), and which rows count: account store kind period start end product product_group include_inapps
/// sku parent_sku title item_name country marketplace currency earnings_currency type item_type term, each one value or
/// a list.
/// Fails with TILLROLL_VALIDATION for a name that does not exist, where currencies would be added together, where a
/// step of by, start or end parts the days of an Apple report whose rows have no date of their own, or where
/// google-sales and google-earnings, which tell of the same orders, would be added together; with
/// TILLROLL_NOT_FOUND for a product that does not exist; with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_report(
    db: *mut Db,
    query_json: *const c_char,
    out: *mut FFI_ArrowArrayStream,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            stream::clear(out)?;
            let sales = required("db", db)?.core.sales();
            give_table(out, &sales.report(&query(query_json)?)?);
            Ok(())
        })
    }
}

/// The rows as they stand in the reports, by account, kind, period, part and line; texts are dictionaries.
///
/// `query_json` has `columns` (all, unless named), `limit`, `binary_ids` (true: transaction ids, which must all be
/// UUIDs in small letters, as fixed_size_binary(16)), and which rows count, as for a report; NULL is everything.
/// The stream keeps the database open and locked until it is released, beyond tillroll_close(). Fails with
/// TILLROLL_VALIDATION; while it is read, with EIO where the stored rows cannot be read, with EINVAL where
/// `binary_ids` meets an id that is no such UUID, and with ENOSYS where a fault of Tillroll's own was caught. What
/// failed once is told again by every further call. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_scan(
    db: *mut Db,
    query_json: *const c_char,
    out: *mut FFI_ArrowArrayStream,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            stream::clear(out)?;
            let core = &required("db", db)?.core;
            give_scan(out, core.sales().scan(&query(query_json)?)?, core.clone());
            Ok(())
        })
    }
}

/// The rows of a transaction, as a JSON list of objects with all columns: a charge and its refund share the id. The
/// list is empty where there is none.
///
/// Fails with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_get(
    db: *mut Db,
    transaction_id: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let db = required("db", db)?;
            let found = db.core.sales().get(text("transaction_id", transaction_id)?)?;
            give_json(out_json, &found.iter().map(of_sale).collect());
            Ok(())
        })
    }
}

/// The rows of `count` transactions, in the order of the ids; those that are not there have no row.
///
/// Fails as tillroll_sales_get() does. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_get_many(
    db: *mut Db,
    ids: *const *const c_char,
    count: usize,
    out: *mut FFI_ArrowArrayStream,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            stream::clear(out)?;
            let db = required("db", db)?;
            give_table(out, &db.core.sales().get_many(&texts("ids", ids, count)?)?);
            Ok(())
        })
    }
}

/// Counts the stored rows. `out` must not be NULL. Fails with TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_count(db: *mut Db, out: *mut u64, err: *mut *mut Error) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            writable("out", out)?;
            out.write(0);
            out.write(required("db", db)?.core.sales().len()?);
            Ok(())
        })
    }
}

/// The names of all columns of a scan, as a JSON list: those that every store has, then the files' own.
///
/// Fails with TILLROLL_IO or TILLROLL_CORRUPTION. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_columns(
    db: *mut Db,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            give_json(out_json, &required("db", db)?.core.sales().columns()?.into());
            Ok(())
        })
    }
}

/// The stored reports of an account, or of all where `account_id` is 0, as a JSON list of objects: `id`, `account`,
/// `path`, `sha256`, `kind`, `period`, `part`, `rows`, `rejected`, `imported_at`, `totals` by currency, `change` against
/// the version it replaced, null for a first one; `shadowed_by`, the id of the import that counts in its place, null
/// while it counts; and `versions`, oldest first and this one last, each with `id`, `path`, `sha256`, `imported_at`,
/// `rows`, `rejected`, `totals` and `change`. Of those before this one the newest 64 are kept.
///
/// Fails with TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_imports(
    db: *mut Db,
    account_id: u64,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let found = required("db", db)?.core.sales().imports(unless_zero(account_id))?;
            give_json(out_json, &found.iter().map(of_import).collect());
            Ok(())
        })
    }
}

/// The rows that could not be read, of one import, or of all where `import_id` is 0: `path`, `line` (from 1 on, the
/// header's), `reason` and `text`.
///
/// Fails with TILLROLL_NOT_FOUND for an id that is no stored import's, TILLROLL_IO or TILLROLL_CORRUPTION.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_rejects(
    db: *mut Db,
    import_id: u64,
    out: *mut FFI_ArrowArrayStream,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            stream::clear(out)?;
            let db = required("db", db)?;
            give_table(out, &db.core.sales().rejects(unless_zero(import_id))?);
            Ok(())
        })
    }
}

/// Deletes a report with all its parts, and forgets its bytes, so that the same file imports again.
///
/// Fails with TILLROLL_NOT_FOUND where none is stored, TILLROLL_VALIDATION for what is no kind or no period,
/// TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_delete(
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
            Ok(sales.delete(account_id, text("kind", kind)?.parse()?, text("period", period)?)?)
        })
    }
}

/// What is known of a period: `out` becomes one of the TILLROLL_PERIOD_ numbers. It must not be NULL.
///
/// Fails with TILLROLL_VALIDATION for what is no kind or no period, TILLROLL_NOT_FOUND for an unknown account.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_period_state(
    db: *mut Db,
    account_id: u64,
    kind: *const c_char,
    period: *const c_char,
    out: *mut i32,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            writable("out", out)?;
            out.write(TILLROLL_PERIOD_ABSENT);
            let sales = required("db", db)?.core.sales();
            let (kind, period) = (text("kind", kind)?.parse()?, text("period", period)?);
            out.write(number_of(sales.period_state(account_id, kind, period)?));
            Ok(())
        })
    }
}

/// Notes that a day, week, month or year is known to have no sales, where the store gives out no file for it. It stands
/// like a report without rows: with others of its length it can cover a longer report, which then no longer counts, and
/// where it is the longer one it gives way to shorter reports with rows.
///
/// Fails with TILLROLL_CONFLICT where rows are stored for it, TILLROLL_NOT_FOUND for an unknown account,
/// TILLROLL_VALIDATION, TILLROLL_ACCESS or TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_mark_empty(
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
            Ok(sales.mark_empty(account_id, text("kind", kind)?.parse()?, text("period", period)?)?)
        })
    }
}

/// The months from `start` to `end`, the latter excluded, for Apple the days, that reports which count do not cover
/// wholly, as a JSON list of texts.
///
/// Fails with TILLROLL_VALIDATION for what is no kind, day or period, TILLROLL_NOT_FOUND for an unknown account.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_gaps(
    db: *mut Db,
    account_id: u64,
    kind: *const c_char,
    start: *const c_char,
    end: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let sales = required("db", db)?.core.sales();
            let (kind, start) = (text("kind", kind)?.parse()?, text("start", start)?);
            give_json(out_json, &sales.gaps(account_id, kind, start, text("end", end)?)?.into());
            Ok(())
        })
    }
}

/// # Safety
/// `query_json` is null or a string.
unsafe fn query(query_json: *const c_char) -> Result<core::Query> {
    // SAFETY: as promised by the caller.
    let query: Value = unsafe { json("query_json", query_json) }?;
    Ok(core::Query::from_json(&query)?)
}

/// Ids are given from 1 on, so that 0 can mean all.
fn unless_zero(id: u64) -> Option<u64> {
    (id != 0).then_some(id)
}

fn number_of(state: core::PeriodState) -> i32 {
    match state {
        core::PeriodState::Absent => TILLROLL_PERIOD_ABSENT,
        core::PeriodState::Empty => TILLROLL_PERIOD_EMPTY,
        core::PeriodState::Rows => TILLROLL_PERIOD_ROWS,
    }
}
