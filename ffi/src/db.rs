//! # Databases

use std::ffi::c_char;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tillroll_core as core;

use crate::boundary::{
    self, Result, clear, give_json, optional_text, plain, required, status, text, writable,
};
use crate::options::{self, Options};
use crate::status::{Error, Failure};

/// An open database.
///
/// Threads: any number may use one at once. tillroll_close() alone must be the last call on it, and not be made from a
/// progress callback.
///
/// Lifetime: from tillroll_open() to tillroll_close(). Streams and texts that came of it may outlive it.
///
/// Processes: it belongs to the one that opened it. In a child that was forked from that, calls with it and reads from
/// its streams fail with TILLROLL_CLOSED; closing and releasing are allowed there, and leave everything to the parent.
/// Nor can such a child open a database of its own, unless for reading only: fork before, or call exec.
///
/// Since 0.1.0.
pub struct Db {
    pub(crate) core: core::Db,
    /// The one that opened it.
    pub(crate) process: core::Process,
    /// How often the imports that run were cancelled.
    cancels: Arc<AtomicU64>,
}

impl Db {
    fn new(core: core::Db) -> Self {
        Self { core, process: core::Process::this(), cancels: Arc::default() }
    }

    /// For an import that begins now: stops it after a cancellation, which is meant for it when it comes after this.
    pub(crate) fn wanted(&self) -> impl Fn() -> ControlFlow<()> + Send + Sync + 'static {
        let (cancels, before) = (Arc::clone(&self.cancels), self.cancels.load(Ordering::Relaxed));
        move || match cancels.load(Ordering::Relaxed) == before {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

/// How a database is opened. Set it with TILLROLL_OPEN_OPTIONS_INIT, then change fields.
///
/// Threads: it is read during the call only.
///
/// Lifetime: the caller's, like the text that it points to; neither is needed after the call.
///
/// Since 0.1.0.
#[repr(C)]
#[derive(Debug)]
pub struct OpenOptions {
    /// sizeof(tillroll_open_options).
    pub size: usize,
    /// Not 0: the database is made where there is none. 1 unless changed.
    pub create: i32,
    /// Not 0: nothing at all is written, and nothing is made.
    pub read_only: i32,
    /// What the stored secrets are sealed with. NULL: without it; everything but sealed secrets works.
    pub passphrase: *const c_char,
    /// How many bytes of the stored rows are kept in memory. 0: a quarter of the memory, at most 1 GiB.
    pub cache_bytes: u64,
    /// How many threads imports use, and how many reports, scans and lookups of many ids use; with 1, scans read nothing
    /// ahead. 0: as many as there are processors.
    pub threads: u64,
}

// SAFETY: words and pairs of half words, without padding; integers and pointers may be any bytes.
unsafe impl Options for OpenOptions {
    const FIRST: usize = std::mem::offset_of!(Self, threads) + size_of::<u64>();

    fn defaults() -> Self {
        let size = size_of::<Self>();
        Self { size, create: 1, read_only: 0, passphrase: std::ptr::null(), cache_bytes: 0, threads: 0 }
    }
}

/// Opens a database, or makes one.
///
/// `options` may be NULL for the defaults. The result is closed with tillroll_close(); it is NULL where the call
/// fails: TILLROLL_LOCKED while another process, or another handle of this one, has it open; TILLROLL_NOT_FOUND where
/// there is none and it must not be made; TILLROLL_FORMAT for a directory that holds something else or a newer format;
/// TILLROLL_VAULT for a wrong passphrase; TILLROLL_CORRUPTION for damage; TILLROLL_IO for what the system refuses.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_open(
    path: *const c_char,
    options: *const OpenOptions,
    err: *mut *mut Error,
) -> *mut Db {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        boundary::handle(err, || {
            let path = text("path", path)?;
            let core = core::Db::open_with(path, &open_options(options)?)?;
            Ok(Db::new(core))
        })
    }
}

/// Closes a database: the lock is given back and the handle freed. NULL is fine.
///
/// What was acknowledged is on disk before this is called; nothing is lost where a process ends without it, the next
/// open only takes longer. A stream of tillroll_sales_scan() that is not released yet keeps the database open and
/// locked until it is. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_close(db: *mut Db) {
    plain((), || {
        if !db.is_null() {
            // SAFETY: made by `Box::into_raw` here, and given back once, as the caller promises.
            let db = unsafe { Box::from_raw(db) };
            if db.process.is_this() {
                drop(db);
            } else {
                // Its files and its lock are the parent's, and its threads are not here.
                mem::forget(db);
            }
        }
    });
}

/// Cancels every import that runs or waits on this handle, of reports or of records, from any thread; without one it
/// does nothing.
///
/// It returns at once. The import stops within about a tenth of a second, unless its files are all read already, and
/// answers with TILLROLL_CANCELLED; one that waits for another does so when its turn comes. Every report is then either
/// wholly in or wholly out. It only adds to an atomic number, and so may be called from a signal handler. NULL is fine.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_cancel(db: *mut Db) {
    plain((), || {
        // SAFETY: null, or a database that is not closed yet.
        if let Some(db) = unsafe { db.as_ref() } {
            db.cancels.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Opens another handle on the same database that may do less: what `scopes` names, and nothing else. Anything else on
/// it fails with TILLROLL_ACCESS.
///
/// `scopes` are `count` names of account:read, account:write (external accounts), products:read, products:write,
/// public:read (searching products), sales:read, sales:write, records:read and records:write (all other records). The
/// handle is closed with tillroll_close(), which leaves the database open while another handle has it. NULL where the
/// call fails: TILLROLL_VALIDATION for a name that is none, TILLROLL_ACCESS for a scope that `db` has not itself.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_restrict(
    db: *mut Db,
    scopes: *const *const c_char,
    count: usize,
    err: *mut *mut Error,
) -> *mut Db {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        boundary::handle(err, || {
            let db = required("db", db)?;
            let names = boundary::texts("scopes", scopes, count)?;
            let scopes: core::Result<Vec<_>> = names.into_iter().map(core::Scope::parse).collect();
            Ok(Db::new(db.core.restrict(&scopes?)?))
        })
    }
}

/// Verifies every byte that is stored, and the indexes and totals against it. Takes as long as reading all of it.
///
/// `out_json` becomes {"ok":true,"problems":[]}, or false and one text for each fault, naming its file. Faults that
/// are found are an answer, not a failure: the code is TILLROLL_OK then too. Fails with TILLROLL_IO or
/// TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_check(
    db: *mut Db,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let found = required("db", db)?.core.check()?;
            give_json(out_json, &json!({"ok": found.ok(), "problems": found.problems}));
            Ok(())
        })
    }
}

/// Verifies a database that nobody has open, as tillroll_check() does, and writes nothing: what keeps it from opening
/// is a problem among the others.
///
/// `out_json` as of tillroll_check(). Fails with TILLROLL_NOT_FOUND where there is none, with TILLROLL_LOCKED while
/// somebody has it open for writing, or with TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_check_path(
    path: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            let found = core::check(text("path", path)?)?;
            give_json(out_json, &json!({"ok": found.ok(), "problems": found.problems}));
            Ok(())
        })
    }
}

/// Repairs a database that nobody has open, also one that will not open: rebuilds what can be rebuilt, and names what
/// cannot. Afterwards it opens, and tillroll_check_path() finds nothing.
///
/// `out_json` becomes an object. `lost` lists the reports whose files are to be imported again, `uncertain` those that
/// stand because their rows do and may have been deleted: objects with `path`, `sha256`, `account`, `kind`, `period`,
/// `part` and `rows`. `incomplete` says whether commits, records or secrets are lost, or may be, and `ok` that it is
/// false and both lists are empty; `changed` says whether anything was done. `notes` has a text for each fault, and
/// `moved` what stands in the database's folder damaged/ now: copies of all files that were damaged or replaced, and
/// the index where commits are missing.
///
/// Fails with TILLROLL_NOT_FOUND where there is none, with TILLROLL_LOCKED while somebody has it open, with
/// TILLROLL_FORMAT for a newer format or a backup that is not finished, or with TILLROLL_IO, after which it can be
/// repaired again. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_repair(
    path: *const c_char,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            give_json(out_json, &core::repair(text("path", path)?)?.to_json());
            Ok(())
        })
    }
}

/// Copies the database of this moment to a new directory, while others read and write. The copy is checked while it is
/// made, is a database itself, and has the key file beside the data where there is one: whoever has it can read the
/// secrets as well.
///
/// Fails with TILLROLL_CONFLICT where a database stands already, with TILLROLL_LOCKED while another backup fills the
/// directory, with TILLROLL_FORMAT for one that holds something else, with TILLROLL_CORRUPTION naming the damaged file
/// of this database, with TILLROLL_IO, TILLROLL_ACCESS or TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_backup(db: *mut Db, path: *const c_char, err: *mut *mut Error) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let db = required("db", db)?;
            Ok(db.core.backup(text("path", path)?)?)
        })
    }
}

/// Makes a new database in `path` from a backup, which stays as it is and is checked on the way.
///
/// Fails with TILLROLL_NOT_FOUND where `backup` is no database, with TILLROLL_LOCKED while somebody has it open for
/// writing, and as tillroll_backup() does. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_restore(
    backup: *const c_char,
    path: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe { status(err, || Ok(core::restore(text("backup", backup)?, text("path", path)?)?)) }
}

/// Makes the database as small as it can be. Takes about as long as writing all of it anew, and as much room meanwhile;
/// nobody has to call this, since files that are more than half dead are written anew by themselves. Waits for an
/// import that runs.
///
/// Fails with TILLROLL_ACCESS on a read-only or narrowed handle, with TILLROLL_IO or TILLROLL_CLOSED: what was stored
/// stays then. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_compact(db: *mut Db, err: *mut *mut Error) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe { status(err, || Ok(required("db", db)?.core.compact()?)) }
}

/// Sizes and counts of what is stored, as a JSON object: `rows`, `reports`, `roll_bytes`, `journal_bytes` ...
///
/// Fails with TILLROLL_IO, TILLROLL_CORRUPTION or TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_stats(
    db: *mut Db,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            give_json(out_json, &required("db", db)?.core.stats()?);
            Ok(())
        })
    }
}

/// Seals the stored secrets with another passphrase, in one write. NULL keeps the key in a file beside the data
/// instead, readable by its owner only.
///
/// Fails with TILLROLL_VAULT where the present passphrase was not given at open, TILLROLL_ACCESS, TILLROLL_IO or
/// TILLROLL_CLOSED. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_set_passphrase(
    db: *mut Db,
    passphrase: *const c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            let db = required("db", db)?;
            Ok(db.core.set_passphrase(optional_text("passphrase", passphrase)?)?)
        })
    }
}

/// The stores that products are sold in, as a JSON list of objects with `id`, `name` and `storefronts`, what searches
/// can be narrowed to. It cannot fail but with TILLROLL_MISUSE. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_stores(
    db: *mut Db,
    out_json: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_json);
            give_json(out_json, &json!(required("db", db)?.core.stores()));
            Ok(())
        })
    }
}

/// Writes all records of this moment to a file, a line of JSON each. Secrets and sales are not in it; the file appears
/// when it is whole.
///
/// `out` becomes the number of records; it must not be NULL. Fails with TILLROLL_IO or TILLROLL_ACCESS, and with
/// TILLROLL_VALIDATION that names a record whose line would be longer than what is read back, 8 MiB. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_export_records(
    db: *mut Db,
    path: *const c_char,
    out: *mut u64,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            writable("out", out)?;
            out.write(0);
            out.write(required("db", db)?.core.export_records(text("path", path)?)?);
            Ok(())
        })
    }
}

/// Stores the records of a file that tillroll_export_records() wrote, with the ids and times they had. Rules about
/// "now", such as an expiry in the future, are not applied again.
///
/// `out` becomes the number of records that were not stored already; it must not be NULL. Fails with TILLROLL_FORMAT
/// for lines that cannot be read or refer to a record that is neither in the file nor stored, with TILLROLL_CONFLICT
/// where an id or a unique value is another record's, with TILLROLL_IO or TILLROLL_ACCESS. The message names the lines,
/// and nothing is stored then. TILLROLL_CANCELLED after tillroll_cancel(): of a file of more than 10,000 lines, the
/// beginning may be stored then. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_import_records(
    db: *mut Db,
    path: *const c_char,
    out: *mut u64,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            writable("out", out)?;
            out.write(0);
            let db = required("db", db)?;
            out.write(db.core.import_records_while(text("path", path)?, db.wanted())?);
            Ok(())
        })
    }
}

/// # Safety
/// As [`options::read`], and `passphrase` is null or a string.
unsafe fn open_options(given: *const OpenOptions) -> Result<core::OpenOptions> {
    // SAFETY: as promised by the caller.
    let (given, passphrase) = unsafe {
        let given = options::read(given)?;
        let passphrase = optional_text("options.passphrase", given.passphrase)?;
        (given, passphrase)
    };
    let mut options = core::OpenOptions::new().create(given.create != 0).read_only(given.read_only != 0);
    if let Some(passphrase) = passphrase {
        options = options.passphrase(passphrase);
    }
    if given.cache_bytes > 0 {
        options = options.cache_bytes(given.cache_bytes);
    }
    if given.threads > 0 {
        options = options.threads(thread_count(given.threads)?);
    }
    Ok(options)
}

/// A number of threads. A machine of 32 bits does not have more than it can count.
pub(crate) fn thread_count(threads: u64) -> Result<usize> {
    usize::try_from(threads).map_err(|_| Failure::misuse(format!("options.threads is {threads}")))
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;
    use std::{fs, ptr, thread};

    use super::*;
    use crate::status::TILLROLL_CANCELLED;

    #[test]
    fn a_cancellation_stops_the_import_of_records_that_runs_and_no_later_one() {
        let dir = tempfile::tempdir().unwrap();
        let core = core::Db::open(dir.path().join("shop.till")).unwrap();
        let db = Db::new(core);
        let pointer = |db: &Db| ptr::from_ref(db).cast_mut();
        let import = |count: u64| {
            let time = "2021-04-16T15:39:06Z";
            let line = |id: u64| {
                json!({"collection": "brands", "id": id, "created_at": time, "updated_at": time,
                       "fields": {"name": "x"}})
            };
            let file = dir.path().join("records.jsonl");
            fs::write(&file, (1..=count).map(|id| format!("{}\n", line(id))).collect::<String>()).unwrap();
            let path = CString::new(file.to_str().unwrap()).unwrap();
            let mut stored = 7;
            // SAFETY: all of them live until the call returns, and an error may be asked for or not.
            let code = unsafe {
                tillroll_import_records(pointer(&db), path.as_ptr(), &raw mut stored, ptr::null_mut())
            };
            (code, stored)
        };
        let (begun, over) = (Barrier::new(2), AtomicBool::new(false));
        let stopped = thread::scope(|scope| {
            scope.spawn(|| {
                begun.wait();
                while !over.load(Ordering::Relaxed) {
                    // SAFETY: the database lives until the end of the test.
                    unsafe { tillroll_cancel(pointer(&db)) };
                }
            });
            begun.wait();
            let stopped = import(2_000);
            over.store(true, Ordering::Relaxed);
            stopped
        });
        assert_eq!(stopped, (TILLROLL_CANCELLED, 0));
        assert_eq!(import(3), (0, 3));
    }
}
