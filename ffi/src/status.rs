//! # What came of a call
//!
//! A function that answers with `int32_t` gives TILLROLL_OK or one of the codes below; one that makes a handle gives
//! NULL where it fails. With a code comes, where `err` is not NULL, a tillroll_error. The codes never change their
//! numbers; later versions may add some, which a program takes for a failure like any other. Those without a version
//! are there since 0.1.0.

use std::ffi::CString;

use serde_json::{Value, json};
use tillroll_core::{self as core, ErrorKind, ImportError};

use crate::boundary::without_nul;

/// It is done.
pub const TILLROLL_OK: i32 = 0;
/// An argument cannot be what was meant: NULL, not UTF-8, or options with a `size` that no version has.
pub const TILLROLL_MISUSE: i32 = 10;
/// A fault of Tillroll's own was caught. What is stored is safe; whether the call took effect, the next read tells.
pub const TILLROLL_PANIC: i32 = 20;
/// There is no such record, report, file or collection: ask for another.
pub const TILLROLL_NOT_FOUND: i32 = 100;
/// The change contradicts what is stored: resolve it first.
pub const TILLROLL_CONFLICT: i32 = 110;
/// The input breaks a rule or is not JSON: mend what tillroll_error_fields() names.
pub const TILLROLL_VALIDATION: i32 = 120;
/// The handle may not do this: it is open for reading only, or was restricted to other scopes.
pub const TILLROLL_ACCESS: i32 = 130;
/// The answer is still being fetched: ask again later.
pub const TILLROLL_PENDING: i32 = 140;
/// A secret cannot be read or written: open with the right passphrase.
pub const TILLROLL_VAULT: i32 = 150;
/// Another process, or another handle of this one, holds the database: wait for it or close it.
pub const TILLROLL_LOCKED: i32 = 160;
/// Bytes on disk are not what was written: tillroll_error_path() is the damaged file.
pub const TILLROLL_CORRUPTION: i32 = 170;
/// A file is not a report that can be read exactly: tillroll_error_path() and tillroll_error_line() say where.
pub const TILLROLL_FORMAT: i32 = 180;
/// Nothing more is accepted on this handle, since it is being closed or a write failed: open the database again.
pub const TILLROLL_CLOSED: i32 = 190;
/// The operating system refused: mend the cause (space, permissions, path) and try again.
pub const TILLROLL_IO: i32 = 200;
/// The caller cancelled.
pub const TILLROLL_CANCELLED: i32 = 210;

/// The engine's kinds of errors by number.
const CODES: [(ErrorKind, i32); 12] = [
    (ErrorKind::NotFound, TILLROLL_NOT_FOUND),
    (ErrorKind::Conflict, TILLROLL_CONFLICT),
    (ErrorKind::Validation, TILLROLL_VALIDATION),
    (ErrorKind::Access, TILLROLL_ACCESS),
    (ErrorKind::Pending, TILLROLL_PENDING),
    (ErrorKind::Vault, TILLROLL_VAULT),
    (ErrorKind::Locked, TILLROLL_LOCKED),
    (ErrorKind::Corruption, TILLROLL_CORRUPTION),
    (ErrorKind::Format, TILLROLL_FORMAT),
    (ErrorKind::Closed, TILLROLL_CLOSED),
    (ErrorKind::Io, TILLROLL_IO),
    (ErrorKind::Cancelled, TILLROLL_CANCELLED),
];

/// Why a call failed. It is asked with the functions at the end of this file.
///
/// Threads: it never changes, so that any number may read it at once.
///
/// Lifetime: from the failed call to tillroll_error_free(); it refers to nothing else and may outlive the database.
///
/// Since 0.1.0.
pub struct Error {
    pub(crate) code: i32,
    pub(crate) message: CString,
    pub(crate) path: Option<CString>,
    pub(crate) line: u64,
    pub(crate) fields: Option<CString>,
    pub(crate) failures: Option<CString>,
}

/// The same before it is given out.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub code: i32,
    pub message: String,
    pub path: Option<String>,
    pub line: u64,
    /// As JSON text, like the next.
    pub fields: Option<String>,
    pub failures: Option<String>,
}

impl Error {
    pub(crate) fn new(failure: Failure) -> Self {
        let Failure { code, message, path, line, fields, failures } = failure;
        Self {
            code,
            message: without_nul(message),
            path: path.map(without_nul),
            line,
            fields: fields.map(without_nul),
            failures: failures.map(without_nul),
        }
    }
}

impl Failure {
    /// An argument that cannot be what was meant.
    pub fn misuse(message: String) -> Self {
        Self { code: TILLROLL_MISUSE, message, ..Self::default() }
    }

    /// A panic that was caught.
    pub fn panic(reason: &str) -> Self {
        let message = format!("a fault of Tillroll's own, please report it: {reason}");
        Self { code: TILLROLL_PANIC, message, ..Self::default() }
    }

    /// A fault of one argument, told as the engine tells those of fields.
    pub fn invalid(field: &str, message: &str) -> Self {
        let fields = core::FieldErrors::from([(field.to_owned(), vec![message.to_owned()])]);
        core::Error::Validation { fields }.into()
    }

    /// As JSON, for the list of failures.
    fn to_json(&self) -> Value {
        let line = (self.line > 0).then_some(self.line);
        json!({"path": self.path, "code": self.code, "message": self.message, "line": line})
    }
}

fn code_of(kind: ErrorKind) -> i32 {
    // A kind that this face does not know yet is a fault of its own.
    CODES.iter().find(|(known, _)| *known == kind).map_or(TILLROLL_PANIC, |(_, code)| *code)
}

impl From<core::Error> for Failure {
    fn from(error: core::Error) -> Self {
        let (code, message) = (code_of(error.kind()), error.to_string());
        let mut failure = Self { code, message, ..Self::default() };
        match error {
            core::Error::Validation { fields } => failure.fields = Some(json!(fields).to_string()),
            core::Error::Conflict { field, detail } if !field.is_empty() => {
                failure.fields = Some(json!({field: [detail]}).to_string());
            }
            core::Error::Locked { path, .. }
            | core::Error::Corruption { path, .. }
            | core::Error::Io { path, .. } => failure.path = Some(path.to_string_lossy().into_owned()),
            core::Error::Format { path, line, .. } => {
                failure.path = Some(path.to_string_lossy().into_owned());
                failure.line = line.unwrap_or_default();
            }
            _ => {}
        }
        failure
    }
}

impl From<ImportError> for Failure {
    fn from(failed: ImportError) -> Self {
        let message = failed.to_string();
        let one = |(path, error): (std::path::PathBuf, core::Error)| {
            let path = Some(path.to_string_lossy().into_owned());
            Self { path, ..Self::from(error) }.to_json()
        };
        let failures: Vec<Value> = failed.failures.into_iter().map(one).collect();
        let failures = (!failures.is_empty()).then(|| Value::Array(failures).to_string());
        Self { message, failures, ..Self::from(failed.error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs are compiled with these numbers.
    #[test]
    fn the_numbers_never_change() {
        let numbers = [
            (TILLROLL_OK, 0),
            (TILLROLL_MISUSE, 10),
            (TILLROLL_PANIC, 20),
            (TILLROLL_NOT_FOUND, 100),
            (TILLROLL_CONFLICT, 110),
            (TILLROLL_VALIDATION, 120),
            (TILLROLL_ACCESS, 130),
            (TILLROLL_PENDING, 140),
            (TILLROLL_VAULT, 150),
            (TILLROLL_LOCKED, 160),
            (TILLROLL_CORRUPTION, 170),
            (TILLROLL_FORMAT, 180),
            (TILLROLL_CLOSED, 190),
            (TILLROLL_IO, 200),
            (TILLROLL_CANCELLED, 210),
        ];
        for (code, number) in numbers {
            assert_eq!(code, number);
        }
    }

    /// The engine's enum may grow, and the compiler does not tell: its source does.
    #[test]
    fn every_kind_of_the_engine_has_a_code() {
        let source = include_str!("../../core/src/error.rs");
        let body = source.split("pub enum ErrorKind {").nth(1).unwrap().split('}').next().unwrap();
        let kinds = body.lines().filter_map(|line| line.trim().strip_suffix(','));
        let kinds: Vec<&str> = kinds.filter(|line| !line.starts_with("//")).collect();
        let known: Vec<String> = CODES.iter().map(|(kind, _)| format!("{kind:?}")).collect();
        assert_eq!(known, kinds);
    }

    #[test]
    fn errors_keep_what_the_engine_knows() {
        let path = std::path::PathBuf::from("a.csv");
        let error = core::Error::Format { path: path.clone(), line: Some(3), detail: "no\0 Units".into() };
        let told = Error::new(error.into());
        assert_eq!((told.code, told.line), (TILLROLL_FORMAT, 3));
        assert_eq!(told.message.to_str().unwrap(), "a.csv, line 3: no Units");
        assert_eq!(told.path.unwrap().to_str().unwrap(), "a.csv");
        let conflict = core::Error::Conflict { field: "sku".into(), detail: "is taken".into() };
        assert_eq!(Failure::from(conflict).fields, Some(json!({"sku": ["is taken"]}).to_string()));
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        let missing = core::Error::Io { action: "read", path: path.clone(), source };
        let summary = core::ImportSummary::default();
        let failures = vec![(path, core::Error::Cancelled)];
        let failure = Failure::from(ImportError { error: missing, summary, failures });
        assert_eq!(failure.code, TILLROLL_IO);
        let line = Value::Null;
        let listed =
            json!([{"path": "a.csv", "code": TILLROLL_CANCELLED, "message": "cancelled", "line": line}]);
        assert_eq!(failure.failures, Some(listed.to_string()));
    }
}
