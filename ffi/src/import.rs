//! # Importing reports

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::ptr;

use tillroll_core as core;

use crate::boundary::{Result, clear, give_text, optional_text, required, status, text, texts};
use crate::db::{Db, thread_count};
use crate::options::{self, Options};
use crate::status::{Error, Failure};

/// How far an import is.
///
/// Threads: it is the callback's alone while it runs.
///
/// Lifetime: it is gone when the callback returns; copy what is needed. Later versions may append fields: copy fields,
/// not the whole.
///
/// Since 0.1.0.
#[repr(C)]
#[derive(Debug)]
pub struct Progress {
    /// Bytes of the files read so far, as they lie on disk.
    pub bytes_done: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// Rows read so far, whether they will be stored or not.
    pub rows: u64,
    /// Files done with, whatever came of them.
    pub files_done: u64,
    /// All files.
    pub files_total: u64,
}

/// Told how far an import is; anything but 0 cancels it.
///
/// Threads: it is called from the thread that called tillroll_sales_import() or from others that read files, one call at
/// a time, at most every 50 ms and once more when all is done, and never after tillroll_sales_import() has returned; it
/// may be called again after it has cancelled, and what it answers when all is done changes nothing. What `user_data`
/// points to must bear that. It may ask the database, but must neither import nor close.
///
/// Lifetime: `progress` is gone when it returns; `user_data` is the caller's, and as it was given.
///
/// Since 0.1.0.
pub type ProgressFn = Option<unsafe extern "C" fn(progress: *const Progress, user_data: *mut c_void) -> i32>;

/// How reports are imported. Set it with TILLROLL_IMPORT_OPTIONS_INIT, then change fields.
///
/// Threads: it is read during the call only.
///
/// Lifetime: the caller's, like the texts that it points to; none is needed after the call.
///
/// Since 0.1.0.
#[repr(C)]
#[derive(Debug)]
pub struct ImportOptions {
    /// sizeof(tillroll_import_options).
    pub size: usize,
    /// The kind of all files: "amazon-sales". NULL: told from the content.
    pub kind: *const c_char,
    /// The period of all files: "2018-03". NULL: told from names and rows.
    pub period: *const c_char,
    /// "keep" (or NULL): rows that cannot be read are kept as rejects. "fail": with one of them nothing is imported.
    pub on_reject: *const c_char,
    /// Not 0: files whose bytes are stored already are read again.
    pub force: i32,
    /// Not 0: the buyers' city, state, postal code and user id are kept; otherwise they are dropped.
    pub keep_personal: i32,
    /// How many threads read. 0: as many as the database was opened with.
    pub threads: u64,
}

// SAFETY: words and a pair of half words, without padding; integers and pointers may be any bytes.
unsafe impl Options for ImportOptions {
    const FIRST: usize = std::mem::offset_of!(Self, threads) + size_of::<u64>();

    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            kind: ptr::null(),
            period: ptr::null(),
            on_reject: ptr::null(),
            force: 0,
            keep_personal: 0,
            threads: 0,
        }
    }
}

/// What an import did.
///
/// Threads: the caller's.
///
/// Lifetime: the caller's; it points to nothing.
///
/// Since 0.1.0.
#[repr(C)]
#[derive(Debug, Default)]
pub struct ImportSummary {
    /// Files that are stored now: read, or found unchanged.
    pub files: u64,
    /// Rows written by this call.
    pub rows: u64,
    /// Rows of this call that could not be read and are kept as rejects.
    pub rejected: u64,
    /// Files whose bytes were stored already: nothing was written for them.
    pub unchanged: u64,
    /// Files that replaced a stored report.
    pub replaced: u64,
    /// Wall time of the call.
    pub seconds: f64,
    /// 0, for later versions.
    pub reserved: [u64; 8],
}

impl From<core::ImportSummary> for ImportSummary {
    fn from(done: core::ImportSummary) -> Self {
        let core::ImportSummary { files, rows, rejected, unchanged, replaced, seconds } = done;
        Self { files, rows, rejected, unchanged, replaced, seconds, reserved: [0; 8] }
    }
}

/// Imports report files for an external account, each of them wholly or not at all. What is stored when the call
/// returns stays, also where it fails.
///
/// `paths` are `count` files or globs. `options` may be NULL for the defaults, `progress` where nobody looks, and `out`
/// where the summary is not wanted. The call returns when all is done; imports on one database run one after the other.
///
/// A file that cannot be read does not stop the others: the call fails in the end with the first one's code (mostly
/// TILLROLL_FORMAT or TILLROLL_CONFLICT), tillroll_error_failures() lists them, and `out` says what was stored. Refused
/// before anything is read: an unknown account or a glob without a match (TILLROLL_NOT_FOUND), a missing file
/// (TILLROLL_IO), a directory (TILLROLL_FORMAT), no path or wrong options (TILLROLL_VALIDATION), a database opened for
/// reading (TILLROLL_ACCESS). TILLROLL_CANCELLED after a progress callback or tillroll_cancel() said so. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sales_import(
    db: *mut Db,
    paths: *const *const c_char,
    count: usize,
    account_id: u64,
    options: *const ImportOptions,
    progress: ProgressFn,
    user_data: *mut c_void,
    out: *mut ImportSummary,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            give(out, core::ImportSummary::default());
            let db = required("db", db)?;
            let paths = texts("paths", paths, count)?;
            let watcher = Watcher { call: progress, user_data, wanted: db.wanted() };
            let options = import_options(options)?.progress(move |so_far| watcher.tell(so_far));
            let imported = db.core.sales().import(&paths, account_id, &options);
            give(out, imported.as_ref().map_or_else(|failed| failed.summary, |done| *done));
            Ok(imported.map(drop)?)
        })
    }
}

/// Tells what kind of report a file holds, by its header line: "amazon-sales". Neither its name nor a database counts.
///
/// `out_kind` becomes a text, which the caller frees with tillroll_string_free(). Fails with TILLROLL_FORMAT, which says
/// what the file looks like, where it is no report that can be read, and with TILLROLL_IO. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_sniff(
    path: *const c_char,
    out_kind: *mut *mut c_char,
    err: *mut *mut Error,
) -> i32 {
    // SAFETY: the pointers are what the header asks for.
    unsafe {
        status(err, || {
            clear(out_kind);
            let kind = core::sniff(text("path", path)?)?;
            give_text(out_kind, kind.to_string());
            Ok(())
        })
    }
}

/// # Safety
/// `out` is null or may be written to.
unsafe fn give(out: *mut ImportSummary, done: core::ImportSummary) {
    if !out.is_null() {
        // SAFETY: not null, and the caller promises that it may be written to.
        unsafe { out.write(done.into()) };
    }
}

/// # Safety
/// As [`options::read`], and the texts are null or strings.
unsafe fn import_options(given: *const ImportOptions) -> Result<core::ImportOptions> {
    // SAFETY: as promised by the caller.
    let (given, kind, period, on_reject) = unsafe {
        let given = options::read(given)?;
        let kind = optional_text("options.kind", given.kind)?;
        let period = optional_text("options.period", given.period)?;
        let on_reject = optional_text("options.on_reject", given.on_reject)?;
        (given, kind, period, on_reject)
    };
    let mut options =
        core::ImportOptions::new().force(given.force != 0).keep_personal(given.keep_personal != 0);
    options = match on_reject {
        None | Some("keep") => options,
        Some("fail") => options.on_reject(core::OnReject::Fail),
        Some(_) => return Err(Failure::invalid("on_reject", "must be \"keep\" or \"fail\"")),
    };
    if let Some(kind) = kind {
        options = options.kind(kind.parse()?);
    }
    if let Some(period) = period {
        options = options.period(period);
    }
    if given.threads > 0 {
        options = options.threads(thread_count(given.threads)?);
    }
    Ok(options)
}

/// Who is told how far an import is, and who may stop it.
struct Watcher<W> {
    call: ProgressFn,
    user_data: *mut c_void,
    /// Whether nobody has cancelled.
    wanted: W,
}

// SAFETY: the pointer is only handed back to the callback, which by the header must bear being called from any thread.
unsafe impl<W: Send> Send for Watcher<W> {}
// SAFETY: as above, and the engine tells one thing at a time.
unsafe impl<W: Sync> Sync for Watcher<W> {}

impl<W: Fn() -> ControlFlow<()>> Watcher<W> {
    fn tell(&self, so_far: &core::ImportProgress) -> ControlFlow<()> {
        (self.wanted)()?;
        if self.call(so_far) != 0 {
            return ControlFlow::Break(());
        }
        (self.wanted)()
    }

    fn call(&self, so_far: &core::ImportProgress) -> i32 {
        let Some(call) = self.call else { return 0 };
        let core::ImportProgress { bytes_done, bytes_total, rows, files_done, files_total } = *so_far;
        let progress = Progress { bytes_done, bytes_total, rows, files_done, files_total };
        // SAFETY: the program gave this function for this data; `progress` lives until it returns.
        unsafe { call(&raw const progress, self.user_data) }
    }
}
