//! How far an import is, and whether the caller wants it to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::options::{ImportProgress, ProgressFn};
use crate::error::{Error, Result};

/// The callback is called at most this often.
const INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct Progress {
    call: Option<ProgressFn>,
    cancelled: AtomicBool,
    closing: Arc<AtomicBool>,
    bytes: AtomicU64,
    rows: AtomicU64,
    files: AtomicU64,
    bytes_total: u64,
    files_total: u64,
    last: Mutex<Option<Instant>>,
}

impl Progress {
    /// `closing` becomes true when the database is closed meanwhile.
    pub(super) fn new(
        call: Option<ProgressFn>,
        closing: &Arc<AtomicBool>,
        (bytes_total, files_total): (u64, usize),
    ) -> Self {
        Self {
            call,
            cancelled: AtomicBool::new(false),
            closing: Arc::clone(closing),
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes_total,
            files_total: files_total as u64,
            last: Mutex::new(None),
        }
    }

    pub(super) fn bytes_total(&self) -> u64 {
        self.bytes_total
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.is_closing()
    }

    /// Why it is cancelled.
    pub(super) fn reason(&self) -> Error {
        if self.is_closing() {
            return Error::Closed { detail: "the database was closed during the import".to_owned() };
        }
        Error::Cancelled
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// More bytes and rows were read.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the caller wants no more.
    pub(super) fn read(&self, bytes: u64, rows: u64) -> Result<()> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.tell(false);
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    pub(super) fn file_done(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.tell(false);
    }

    /// Tells the caller the last figures.
    pub(super) fn end(&self) {
        self.tell(true);
    }

    fn tell(&self, last: bool) {
        let Some(call) = &self.call else { return };
        // Whoever finds the lock taken goes on: another thread is telling right now.
        let Ok(mut told) = self.last.try_lock() else { return };
        if !last && told.is_some_and(|told| told.elapsed() < INTERVAL) {
            return;
        }
        let so_far = ImportProgress {
            bytes_done: self.bytes.load(Ordering::Relaxed).min(self.bytes_total),
            bytes_total: self.bytes_total,
            rows: self.rows.load(Ordering::Relaxed),
            files_done: self.files.load(Ordering::Relaxed),
            files_total: self.files_total,
        };
        // What is committed at the end cannot be cancelled any more.
        if call(&so_far).is_break() && !last {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        *told = Some(Instant::now());
    }
}
