//! Importing report files: several at once, each report wholly in or wholly out.
//!
//! File threads take files from a queue. Each inflates its file and cuts it up; the chunks are parsed on the import
//! pool; the rows of a report go into the open roll in one run (`stage`), and whole reports are committed when their
//! rolls are closed (`commit`). File threads may wait for each other, pool threads never wait.

mod commit;
mod file;
mod options;
mod paths;
mod progress;
mod stage;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use options::{ImportError, ImportOptions, ImportProgress, ImportSummary, OnReject, ProgressFn};

use self::commit::Ledger;
pub(super) use self::commit::{mixes_parts, stands_for_period};
use self::file::FileReader;
use self::progress::Progress;
pub(super) use self::stage::{Run, Stage};
use super::{Engine, compact};
use crate::day::Period;
use crate::error::{Error, Result};
use crate::ingest::StoreKind;

/// Files read at once, whatever the number of threads that parse: each takes up to about 100 MB of memory, and two that
/// inflate keep several cores busy with parsing.
const FILES_MAX: usize = 3;

/// So many files that are this small on the average are read one after the other: their rows then lie in their order, so
/// that scans read by the block what belongs to hundreds of reports.
const SMALL_FILES_MIN: usize = 64;
const SMALL_FILE_BYTES: u64 = 16 << 10;

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Unchanged,
    Read,
}

/// One call of `import`.
pub(crate) struct Import<'a> {
    engine: &'a Engine,
    account: u64,
    store: StoreKind,
    options: &'a ImportOptions,
    /// The period given by the caller.
    period: Option<Period>,
    pool: &'a rayon::ThreadPool,
    progress: Progress,
    /// Microseconds since 1970: the same for all reports of the call.
    now: i64,
    state: Mutex<State>,
}

/// What the file threads share.
struct State {
    stage: Stage,
    ledger: Ledger,
}

impl Import<'_> {
    /// Imports files for an account of a store.
    pub(crate) fn run(
        engine: &Engine,
        paths: &[String],
        (account, store): (u64, StoreKind),
        options: &ImportOptions,
    ) -> Result<ImportSummary, ImportError> {
        let started = Instant::now();
        let files = check(paths, store, options).map_err(ImportError::before)?;
        let pool = engine.import_pool(options.threads).map_err(ImportError::before)?;
        // One import at a time: its rolls and the reports they replace are told apart by this order.
        let _turn = engine.importing.lock().unwrap_or_else(PoisonError::into_inner);
        let period = files.period;
        let import = Import {
            engine,
            account,
            store,
            options,
            period,
            pool: &pool,
            progress: Progress::new(
                options.progress.clone(),
                &engine.closing,
                (files.bytes, files.paths.len()),
            ),
            now: engine.now(),
            state: Mutex::new(State {
                stage: Stage::new(&engine.rolls),
                ledger: Ledger::new((account, store), files.claims(store), options.on_reject),
            }),
        };
        import.all(&files.paths, started)
    }

    fn all(&self, paths: &[PathBuf], started: Instant) -> Result<ImportSummary, ImportError> {
        let next = AtomicUsize::new(0);
        let are_small = self.progress.bytes_total() < SMALL_FILE_BYTES * paths.len() as u64;
        let threads = match are_small && paths.len() >= SMALL_FILES_MIN {
            true => 1,
            false => self.pool.current_num_threads().min(FILES_MAX).min(paths.len()).max(1),
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.take_files(paths, &next));
            }
            self.take_files(paths, &next);
        });
        let mut state = self.state();
        let ended = self.end(&mut state);
        let mut summary = state.ledger.summary();
        summary.seconds = started.elapsed().as_secs_f64();
        let mut failures = state.ledger.take_failures();
        if let Err(error) = ended {
            return Err(ImportError { error, summary, failures });
        }
        self.progress.end();
        if self.progress.is_cancelled() && state.ledger.is_cut_short() {
            return Err(ImportError { error: self.progress.reason(), summary, failures });
        }
        match failures.is_empty() {
            true => Ok(summary),
            false => {
                let error = failures.first_mut().map_or(Error::Cancelled, |(_, error)| error.told_again());
                Err(ImportError { error, summary, failures })
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads file after file until none is left or the caller has cancelled.
    fn take_files(&self, paths: &[PathBuf], next: &AtomicUsize) {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.progress.is_cancelled() || self.state().ledger.gave_up() {
                return;
            }
            let result = self.file(path);
            self.progress.file_done();
            self.state().ledger.note(path, result);
        }
    }

    /// Reads one file. A panic in a reader is a fault of ours: the file fails, the others go on.
    fn file(&self, path: &Path) -> Result<Outcome> {
        let read = std::panic::AssertUnwindSafe(|| FileReader::new(self, path).read());
        std::panic::catch_unwind(read)
            .unwrap_or_else(|_| Err(Error::format(path, None, "the reader failed; please report this file")))
    }

    /// Closes the last roll and commits what is whole.
    fn end(&self, state: &mut State) -> Result<()> {
        let State { stage, ledger } = state;
        let all_or_none = self.options.on_reject == OnReject::Fail;
        if ledger.gave_up() || (all_or_none && self.progress.is_cancelled() && ledger.is_cut_short()) {
            return ledger.take_fatal().map_or(Ok(()), Err);
        }
        let closed = stage.close();
        if all_or_none {
            closed?;
            return ledger.commit(self.engine, stage);
        }
        ledger.drop_lost(stage);
        let committed = ledger.commit(self.engine, stage);
        closed.and(committed)?;
        if self.progress.is_cancelled() {
            return Ok(());
        }
        // The reports are stored: that rolls could not be put together is no failure of the import.
        if let Err(error) = compact::run(self.engine) {
            tracing::warn!(%error, "rolls could not be put together");
        }
        Ok(())
    }
}

/// What is refused before anything is read.
fn check(paths: &[String], store: StoreKind, options: &ImportOptions) -> Result<paths::Files> {
    let mut files = paths::resolve(paths)?;
    if let Some(kind) = options.kind.filter(|kind| kind.store() != store) {
        let message = format!("{kind} reports are {}'s, the account is {store}'s", kind.store());
        return Err(Error::invalid("kind", message));
    }
    files.period = options.period.as_deref().map(str::parse).transpose()?;
    files.sort(store);
    Ok(files)
}
