//! # Products by their id in a store
//!
//! Imports make a product of everything that is sold. Where another one is asked for, the program can ask its store.

use std::ffi::{CString, c_char, c_void};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tillroll_core as core;

use crate::boundary::{clear, give_json, pointed, required, status, text, without_nul};
use crate::db::Db;
use crate::status::{Error, Failure};

/// Where a lookup says what it has found, by tillroll_lookup_found().
///
/// Threads: it is the callback's, and used by one thread at a time.
///
/// Lifetime: it is gone when the callback returns.
///
/// Since 0.1.0.
#[derive(Debug, Default)]
pub struct Lookup {
    found: Mutex<Option<core::Fields>>,
}

/// Asks a store for a product. `store` is its name as products show it ("amazon_appstore"), `id_in_store` as it was
/// asked for. It hands what it finds to tillroll_lookup_found(), or nothing where there is no such product, and gives 0;
/// anything else says that it could not ask.
///
/// Threads: it is called once, on a thread of its own, and may go on when the call that wanted it has stopped waiting.
/// What `user_data` points to must bear both. It may use the database, which must then stay open until
/// tillroll_release_fn is called: tillroll_close() does not wait for lookups, and the callback must not call it. Asking
/// for the product that it looks up, by a lookup again, is refused with TILLROLL_VALIDATION: it would wait for itself.
///
/// Lifetime: the texts and `lookup` are gone when it returns; `user_data` is the caller's, and needed until
/// tillroll_release_fn says otherwise.
///
/// Since 0.1.0.
pub type LookupFn = Option<
    unsafe extern "C" fn(
        store: *const c_char,
        id_in_store: *const c_char,
        lookup: *mut Lookup,
        user_data: *mut c_void,
    ) -> i32,
>;

/// Told that `user_data` is not needed any more: the callback has returned or is not called. What it has found may be
/// stored only after that.
///
/// Threads: it is called once, by whichever thread is done last.
///
/// Lifetime: `user_data` is as it was given, and the program's to free.
///
/// Since 0.1.0.
pub type ReleaseFn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Gets a product by its id in a store, as `get_by_store` of tillroll_record_call() does; where there is none, asks
/// `lookup` for it, and stores what it gives.
///
/// `store` in any spelling. `lookup` may be NULL. While one runs, others who ask for the same product wait for it and
/// theirs is not called. `timeout_ms` is how long to wait; 0 does not wait: the answer is stored when it comes, unless
/// the database is closed before. `release` may be NULL; otherwise it is called once with `user_data`, also where the
/// call fails or no lookup was needed. `out_json` becomes the product, as of tillroll_record_get().
///
/// Fails with TILLROLL_NOT_FOUND, also where the lookup finds nothing; TILLROLL_PENDING where it has not ended in time;
/// TILLROLL_IO where it gave anything but 0; TILLROLL_VALIDATION for a store that is none and for fields that cannot be
/// stored or are those of another product; TILLROLL_CONFLICT or TILLROLL_ACCESS. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_products_get_by_store(
    db: *mut Db,
    store: *const c_char,
    id_in_store: *const c_char,
    lookup: LookupFn,
    user_data: *mut c_void,
    release: ReleaseFn,
    timeout_ms: u64,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            // Made before anything can fail, since it is what calls `release`.
            let asker = Asker { call: lookup, user_data, release };
            clear(out_json);
            let db = &required("db", db)?.core;
            let (store, id) = (text("store", store)?, text("id_in_store", id_in_store)?);
            let found = match lookup {
                None => db.products().get_by_store(store, id)?,
                Some(_) => {
                    let ask = move |store: &str, id: &str| asker.ask(store, id);
                    let timeout = Duration::from_millis(timeout_ms);
                    db.products().get_by_store_with(store, id, ask, timeout)?
                }
            };
            give_json(out_json, &db.records("products")?.get(&found.id.to_string())?);
            Ok(())
        })
    }
}

/// Says what a lookup has found: the fields of a product as a JSON object. A store or an identifier that it does not
/// name is the one that was asked for. What is said last counts.
///
/// Fails with TILLROLL_VALIDATION for what is no JSON object. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_lookup_found(
    lookup: *mut Lookup,
    json: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let lookup = pointed("lookup", lookup)?;
            let fields = crate::json::parse("json", text("json", json)?)?;
            let fields = core::Fields::from_json(fields).map_err(Failure::from)?;
            *lookup.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(fields);
            Ok(())
        })
    }
}

/// What a program asks with, and what it gets its data back by.
struct Asker {
    call: LookupFn,
    user_data: *mut c_void,
    release: ReleaseFn,
}

// SAFETY: the pointer is only handed back to the callbacks, which by the header must bear being called from any thread.
unsafe impl Send for Asker {}

impl Asker {
    fn ask(&self, store: &str, id: &str) -> core::Result<Option<core::Fields>> {
        let Some(call) = self.call else { return Ok(None) };
        let [c_store, c_id]: [CString; 2] = [store, id].map(|text| without_nul(text.to_owned()));
        let mut lookup = Lookup::default();
        // SAFETY: the program gave this function for this data; the texts and `lookup` live until it returns.
        let code = unsafe { call(c_store.as_ptr(), c_id.as_ptr(), &raw mut lookup, self.user_data) };
        if code == 0 {
            return Ok(lookup.found.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        let source = io::Error::other(format!("the lookup gave {code}"));
        Err(core::Error::Io { action: "look up", path: format!("{store}/{id}").into(), source })
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the program gave this function for this data, which is handed back here alone.
            unsafe { release(self.user_data) }
        }
    }
}
