//! How an import is asked for and what it tells.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::ingest::Kind;

/// What a row that cannot be read exactly does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReject {
    /// It is kept as a reject, and the other rows count.
    #[default]
    Keep,
    /// The whole call is refused: all its files are stored in one step, or none.
    Fail,
}

/// Called now and then while files are read, from any thread; `Break` cancels the import.
pub type ProgressFn = Arc<dyn Fn(&ImportProgress) -> ControlFlow<()> + Send + Sync>;

/// How reports are imported.
///
/// ```
/// use tillroll_core::{ImportOptions, Kind, OnReject};
///
/// let options = ImportOptions::new().kind(Kind::AmazonSales).period("2018-03").on_reject(OnReject::Fail);
/// ```
#[derive(Clone, Default)]
pub struct ImportOptions {
    pub(crate) kind: Option<Kind>,
    pub(crate) period: Option<String>,
    pub(crate) on_reject: OnReject,
    pub(crate) force: bool,
    pub(crate) keep_personal: bool,
    pub(crate) threads: Option<usize>,
    pub(crate) progress: Option<ProgressFn>,
}

impl ImportOptions {
    /// The defaults: kind and period told from the files, rejects kept, unchanged files skipped.
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind of all files, instead of telling it from their headers.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The period of all files, e.g. `2018-03`, instead of telling it from their names and rows.
    #[must_use]
    pub fn period(mut self, period: impl Into<String>) -> Self {
        self.period = Some(period.into());
        self
    }

    /// What a row that cannot be read does.
    #[must_use]
    pub fn on_reject(mut self, on_reject: OnReject) -> Self {
        self.on_reject = on_reject;
        self
    }

    /// Reads files again whose bytes are stored already.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Keeps buyers' personal fields (city, postal code …), which are dropped otherwise.
    #[must_use]
    pub fn keep_personal(mut self, keep: bool) -> Self {
        self.keep_personal = keep;
        self
    }

    /// How many threads parse; as many as the database was opened with unless told.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Who is told how far the import is.
    ///
    /// ```
    /// use tillroll_core::{Db, ImportOptions};
    ///
    /// use std::ops::ControlFlow;
    ///
    /// let watched = ImportOptions::new().progress(|far| {
    ///     eprintln!("{} of {} files, {} rows", far.files_done, far.files_total, far.rows);
    ///     ControlFlow::Continue(())
    /// });
    /// ```
    #[must_use]
    pub fn progress(
        mut self,
        progress: impl Fn(&ImportProgress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }
}

impl fmt::Debug for ImportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportOptions")
            .field("kind", &self.kind)
            .field("period", &self.period)
            .field("on_reject", &self.on_reject)
            .field("force", &self.force)
            .field("keep_personal", &self.keep_personal)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// Bytes of the files as they lie on disk, read so far and in all.
    pub bytes_done: u64,
    /// All bytes to read.
    pub bytes_total: u64,
    /// Rows read so far, whether they will be committed or not.
    pub rows: u64,
    /// Files done with, whatever came of them.
    pub files_done: u64,
    /// All files.
    pub files_total: u64,
}

/// What an import did.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::ImportOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let file = folder.path().join("sales_2018_03.csv");
/// let again = db.sales().import(&[file.to_string_lossy()], account, &ImportOptions::new())?;
/// assert_eq!((again.files, again.unchanged, again.rows), (1, 1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ImportSummary {
    /// Files that are stored now: read, or found unchanged.
    pub files: u64,
    /// Rows written by this call.
    pub rows: u64,
    /// Rows of this call that could not be read and are kept as rejects.
    pub rejected: u64,
    /// Files whose bytes were stored already.
    pub unchanged: u64,
    /// Files that replaced a stored report.
    pub replaced: u64,
    /// Wall time of the call.
    pub seconds: f64,
}

/// An import of which something failed. What `summary` counts is stored all the same.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::ImportOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let broken = folder.path().join("broken.csv");
/// std::fs::write(&broken, "these,are\nnot,sales\n")?;
/// let failed = db.sales().import(&[broken.to_string_lossy()], account, &ImportOptions::new()).unwrap_err();
/// assert_eq!(failed.failures[0].0, broken);
/// assert_eq!(failed.summary.files, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ImportError {
    /// The first failure.
    pub error: Error,
    /// What was stored.
    pub summary: ImportSummary,
    /// Each file that was not stored, with its error.
    pub failures: Vec<(PathBuf, Error)>,
}

impl ImportError {
    /// A call that was refused before anything was read.
    pub(crate) fn before(error: Error) -> Self {
        Self { error, summary: ImportSummary::default(), failures: Vec::new() }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.len() {
            0 | 1 => self.error.fmt(f),
            more => write!(f, "{} (and {} more files failed)", self.error, more - 1),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        error.error
    }
}
