//! What can go wrong, in two tiers: precise variants that carry what is needed to find the fault, and a few
//! [`ErrorKind`]s that tell the caller what to do. The C code and the Python class follow from the kind, the text
//! from the variant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Faults of a record or a query by field: `{field: [message, …]}`.
pub type FieldErrors = BTreeMap<String, Vec<String>>;

/// What a caller can do about an [`Error`].
///
/// ```
/// use tillroll_core::{Error, ErrorKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let db = tillroll_core::Db::open(folder.path().join("shop.till"))?;
/// match db.brands().get(7) {
///     Ok(brand) => println!("{}", brand.name),
///     Err(error) if error.kind() == ErrorKind::NotFound => println!("there is none: ask for another"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such record, report or file name in the database: ask for another.
    NotFound,
    /// The change contradicts what is stored (a unique field, bytes of another period): resolve it first.
    Conflict,
    /// The input breaks a rule: mend the named fields.
    Validation,
    /// The handle may not do this: it is read-only or its scopes do not cover it.
    Access,
    /// The answer is still being fetched: ask again later.
    Pending,
    /// A secret cannot be read or written: open with the right passphrase.
    Vault,
    /// Another process holds the database: wait for it or end it.
    Locked,
    /// Bytes on disk are not what was written: run `check`, then `repair` or restore a backup.
    Corruption,
    /// An input file is not a report that can be read exactly: the message names file and line.
    Format,
    /// The handle was closed: open the database again.
    Closed,
    /// The operating system refused: mend the cause (space, permissions, path) and try again.
    Io,
    /// The caller cancelled the operation.
    Cancelled,
}

/// Every error of this crate.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{Error, ErrorKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let error = db.products().get(77).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "product 77 not found");
/// assert!(matches!(error, Error::NotFound { what } if what == "product 77"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such record, report or collection.
    #[error("{what} not found")]
    NotFound {
        /// What was asked for, e.g. `external account 7`.
        what: String,
    },
    /// The change contradicts what is stored.
    #[error("{detail}")]
    Conflict {
        /// The unique field in question, empty where it is not about a field.
        field: String,
        /// What it collides with.
        detail: String,
    },
    /// The input breaks a rule.
    #[error("{}", display_fields(.fields))]
    Validation {
        /// All faults of the input at once.
        fields: FieldErrors,
    },
    /// The handle may not do this.
    #[error("{detail}")]
    Access {
        /// Which scope is missing, or that the database is read-only.
        detail: String,
    },
    /// The answer is still on its way.
    #[error("{detail}")]
    Pending {
        /// What is being waited for.
        detail: String,
    },
    /// A secret cannot be read or written.
    #[error("{detail}")]
    Vault {
        /// Why; never the secret.
        detail: String,
    },
    /// Another process has the database open for writing.
    #[error("{} is in use{}", .path.display(), display_pid(*.pid))]
    Locked {
        /// The database directory.
        path: PathBuf,
        /// The process that holds it, where it can be told.
        pid: Option<u32>,
    },
    /// Bytes on disk are not what was written.
    #[error("{} is damaged: {detail}", .path.display())]
    Corruption {
        /// The damaged file.
        path: PathBuf,
        /// Block or offset, with what was expected and what was found.
        detail: String,
    },
    /// A file that cannot be read as what it should be.
    #[error("{}{}: {detail}", .path.display(), display_line(*.line))]
    Format {
        /// The file; a member of a container stands behind it as `archive.zip/member.csv`.
        path: PathBuf,
        /// 1-based line in the decoded text, where the fault has one.
        line: Option<u64>,
        /// What is wrong and, where that is known, what to do.
        detail: String,
    },
    /// The handle was closed, or poisoned by a failed write.
    #[error("{detail}")]
    Closed {
        /// Why nothing more is accepted on this handle.
        detail: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", .path.display(), advice(.source))]
    Io {
        /// A verb phrase: `read`, `write`, `sync` …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's own error.
        source: std::io::Error,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Validation { .. } => ErrorKind::Validation,
            Self::Access { .. } => ErrorKind::Access,
            Self::Pending { .. } => ErrorKind::Pending,
            Self::Vault { .. } => ErrorKind::Vault,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Corruption { .. } => ErrorKind::Corruption,
            Self::Format { .. } => ErrorKind::Format,
            Self::Closed { .. } => ErrorKind::Closed,
            Self::Io { .. } => ErrorKind::Io,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// The same error once more, for a second place that has to tell it. Only an operating system error is changed:
    /// it keeps its code, or its kind and text.
    pub(crate) fn told_again(&self) -> Self {
        match self {
            Self::NotFound { what } => Self::NotFound { what: what.clone() },
            Self::Conflict { field, detail } => {
                Self::Conflict { field: field.clone(), detail: detail.clone() }
            }
            Self::Validation { fields } => Self::Validation { fields: fields.clone() },
            Self::Access { detail } => Self::Access { detail: detail.clone() },
            Self::Pending { detail } => Self::Pending { detail: detail.clone() },
            Self::Vault { detail } => Self::Vault { detail: detail.clone() },
            Self::Locked { path, pid } => Self::Locked { path: path.clone(), pid: *pid },
            Self::Corruption { path, detail } => {
                Self::Corruption { path: path.clone(), detail: detail.clone() }
            }
            Self::Format { path, line, detail } => {
                Self::Format { path: path.clone(), line: *line, detail: detail.clone() }
            }
            Self::Closed { detail } => Self::Closed { detail: detail.clone() },
            Self::Io { action, path, source } => {
                Self::Io { action, path: path.clone(), source: same_io_error(source) }
            }
            Self::Cancelled => Self::Cancelled,
        }
    }

    /// A fault of one field.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation { fields: FieldErrors::from([(field.into(), vec![message.into()])]) }
    }

    /// Damage found in `path`.
    pub(crate) fn corrupt(path: &Path, detail: impl Into<String>) -> Self {
        Self::Corruption { path: path.to_owned(), detail: detail.into() }
    }

    /// An unreadable input file.
    pub(crate) fn format(path: &Path, line: Option<u64>, detail: impl Into<String>) -> Self {
        Self::Format { path: path.to_owned(), line, detail: detail.into() }
    }

    /// Wraps an operating system error with what was being done, for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

fn same_io_error(error: &std::io::Error) -> std::io::Error {
    match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => std::io::Error::new(error.kind(), error.to_string()),
    }
}

/// A value for a message: cut, and with its control characters visible.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn display_fields(fields: &FieldErrors) -> String {
    let one = |(field, messages): (&String, &Vec<String>)| format!("{field}: {}", messages.join(", "));
    fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Whether a disk fails to read or write what stands on it. The standard library has no kind for that.
pub(crate) fn is_bad_medium(error: &std::io::Error) -> bool {
    /// EIO on every Unix; Linux also has EBADMSG and EUCLEAN, for what a file system keeps of a file and finds damaged.
    /// Windows tells ERROR_CRC and ERROR_IO_DEVICE apart.
    const FAILURES: &[i32] = if cfg!(windows) {
        &[23, 1117]
    } else if cfg!(target_os = "linux") {
        &[5, 74, 117]
    } else {
        &[5]
    };
    error.raw_os_error().is_some_and(|code| FAILURES.contains(&code))
}

/// What to do about an operating system error that does not say it itself.
fn advice(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => "; make room there, then try again",
        ReadOnlyFilesystem => "; a database there can only be opened read-only",
        _ if is_bad_medium(error) => {
            "; the disk may be failing: see the system's log, and copy what can still be read"
        }
        _ => "",
    }
}

fn display_pid(pid: Option<u32>) -> String {
    pid.map_or_else(|| " by another process".to_owned(), |pid| format!(" by process {pid}"))
}

fn display_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_place() {
        let path = Path::new("a.csv");
        assert_eq!(Error::format(path, Some(3), "no Units").to_string(), "a.csv, line 3: no Units");
        assert_eq!(Error::format(path, None, "empty").to_string(), "a.csv: empty");
        assert_eq!(Error::invalid("store", "is required").to_string(), "store: is required");
        let locked = Error::Locked { path: path.to_owned(), pid: Some(7) };
        assert_eq!(locked.to_string(), "a.csv is in use by process 7");
        let full = Error::io("write", path)(std::io::ErrorKind::StorageFull.into());
        assert_eq!(full.to_string(), "cannot write a.csv: no storage space; make room there, then try again");
    }

    /// As ext4 and XFS tell of an inode or a block of their own that is damaged.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_damaged_file_system_is_a_bad_medium() {
        for code in [5, 74, 117] {
            let error = std::io::Error::from_raw_os_error(code);
            assert!(is_bad_medium(&error), "{code}");
            let told = Error::io("read", Path::new("a.roll"))(error).to_string();
            assert!(told.contains("the disk may be failing"), "{told}");
        }
        assert!(!is_bad_medium(&std::io::Error::from_raw_os_error(2)), "a file that is not there");
    }
}
