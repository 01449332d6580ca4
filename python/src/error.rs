//! The engine's errors as Python exceptions: one class per kind, made once when the module is loaded. The text comes
//! from the error, the class and the attributes from its kind.

use std::io;
use std::path::Path;

use pyo3::exceptions::{
    PyException, PyKeyError, PyKeyboardInterrupt, PyOSError, PyPermissionError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use tillroll_core::{Error, ErrorKind, ImportError};

use crate::imports::ImportSummary;

/// One exception class: what it is called, what it is for, and which built-in class it also is.
struct Class {
    kind: ErrorKind,
    name: &'static str,
    doc: &'static str,
    builtin: Option<fn(Python<'_>) -> Bound<'_, PyType>>,
}

static CLASSES: [Class; 10] = [
    Class {
        kind: ErrorKind::NotFound,
        name: "NotFoundError",
        doc: "There is no such record, report or file. Also a `KeyError`.",
        builtin: Some(|py| py.get_type::<PyKeyError>()),
    },
    Class {
        kind: ErrorKind::Conflict,
        name: "ConflictError",
        doc: "The change contradicts what is stored; `field` names the unique field, where it is about one.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Validation,
        name: "ValidationError",
        doc: "The input breaks a rule; `errors` is `{field: [message, ...]}`. Also a `ValueError`.",
        builtin: Some(|py| py.get_type::<PyValueError>()),
    },
    Class {
        kind: ErrorKind::Access,
        name: "AccessError",
        doc: "The handle may not do this: it is read-only or its scopes do not cover it. Also a `PermissionError`.",
        builtin: Some(|py| py.get_type::<PyPermissionError>()),
    },
    Class {
        kind: ErrorKind::Pending,
        name: "PendingError",
        doc: "The answer is still being fetched: ask again later.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Vault,
        name: "VaultError",
        doc: "A secret cannot be read or written: open the database with the right passphrase.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Locked,
        name: "LockedError",
        doc: "Another process holds the database; `pid` is its id, where it is known.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Corruption,
        name: "CorruptionError",
        doc: "Bytes on disk are not what was written; `path` is the damaged file.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Format,
        name: "FormatError",
        doc: "A file is not a report that can be read exactly; `path` and `line` say where.",
        builtin: None,
    },
    Class {
        kind: ErrorKind::Closed,
        name: "ClosedError",
        doc: "The database was closed: open it again.",
        builtin: None,
    },
];

const BASE_DOC: &str = "The base of all exceptions of Tillroll, apart from `OSError`.\n\n\
    One that ends an import also carries `summary` (what was imported all the same) and `failures` (a list of \
    path and error).";

/// The class objects: the base, then one for each of [`CLASSES`].
static OBJECTS: PyOnceLock<(Py<PyType>, Vec<Py<PyType>>)> = PyOnceLock::new();

/// Adds the exception classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let (base, classes) = objects(py)?;
    module.add("Error", base)?;
    CLASSES.iter().zip(classes).try_for_each(|(class, object)| module.add(class.name, object))
}

fn objects(py: Python<'_>) -> PyResult<&'static (Py<PyType>, Vec<Py<PyType>>)> {
    OBJECTS.get_or_try_init(py, || {
        let parent = py.get_type::<PyException>();
        let base = make(py, "Error", BASE_DOC, &[&parent])?;
        let attributes = [("summary", py.None()), ("failures", PyTuple::empty(py).into_any().unbind())];
        attributes.into_iter().try_for_each(|(name, value)| base.setattr(name, value))?;
        let classes = CLASSES.iter().map(|class| make_class(&base, class)).collect::<PyResult<_>>()?;
        Ok((base.unbind(), classes))
    })
}

fn make_class(base: &Bound<'_, PyType>, class: &Class) -> PyResult<Py<PyType>> {
    let py = base.py();
    let made = match class.builtin {
        Some(builtin) => make(py, class.name, class.doc, &[base, &builtin(py)])?,
        None => make(py, class.name, class.doc, &[base])?,
    };
    // What an instance may carry is there on the class too, so that handlers need no hasattr().
    match class.kind {
        ErrorKind::Validation => made.setattr("errors", PyDict::new(py))?,
        ErrorKind::Conflict => made.setattr("field", py.None())?,
        ErrorKind::Locked => ["path", "pid"].iter().try_for_each(|name| made.setattr(name, py.None()))?,
        ErrorKind::Format => ["path", "line"].iter().try_for_each(|name| made.setattr(name, py.None()))?,
        ErrorKind::Corruption => made.setattr("path", py.None())?,
        _ => {}
    }
    Ok(made.unbind())
}

/// Makes a class as a `class` statement would: `create_exception!` knows only one base.
fn make<'py>(
    py: Python<'py>,
    name: &str,
    doc: &str,
    bases: &[&Bound<'py, PyType>],
) -> PyResult<Bound<'py, PyType>> {
    let members = PyDict::new(py);
    members.set_item("__module__", "tillroll")?;
    members.set_item("__doc__", doc)?;
    // KeyError prints the repr of its argument; all of ours print the message.
    members.set_item("__str__", py.get_type::<PyException>().getattr("__str__")?)?;
    let made = py.get_type::<PyType>().call1((name, PyTuple::new(py, bases)?, members))?;
    Ok(made.cast_into()?)
}

/// The exception for an engine error.
pub fn raise(py: Python<'_>, error: Error) -> PyErr {
    let made = match &error {
        Error::Io { action, path, source } => return os_error(py, action, path, source),
        Error::Cancelled => return PyKeyboardInterrupt::new_err(()),
        _ => instance(py, &error),
    };
    made.map_or_else(|failure| failure, PyErr::from_value)
}

fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let (base, classes) = objects(py)?;
    let index = CLASSES.iter().position(|class| class.kind == error.kind());
    let class = index.and_then(|index| classes.get(index)).unwrap_or(base);
    let made = class.bind(py).call1((error.to_string(),))?;
    match error {
        Error::Validation { fields } => made.setattr("errors", fields.clone())?,
        Error::Conflict { field, .. } if !field.is_empty() => made.setattr("field", field)?,
        Error::Corruption { path, .. } => made.setattr("path", text(path))?,
        Error::Locked { path, pid } => {
            made.setattr("path", text(path))?;
            made.setattr("pid", pid)?;
        }
        Error::Format { path, line, .. } => {
            made.setattr("path", text(path))?;
            made.setattr("line", line)?;
        }
        _ => {}
    }
    Ok(made)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// An `OSError` with errno and file name, so that Python picks `FileNotFoundError` and its like itself.
fn os_error(py: Python<'_>, action: &str, path: &Path, source: &io::Error) -> PyErr {
    let reason = source.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let message = format!("cannot {action}: {reason}");
    match (source.raw_os_error(), cfg!(windows)) {
        // On Windows the code is not an errno; Python translates it when it stands in the fourth place.
        (Some(code), true) => PyOSError::new_err((0, message, text(path), code)),
        (Some(code), false) => PyOSError::new_err((code, message, text(path))),
        (None, _) => match errno(py, source.kind()) {
            Some(code) => PyOSError::new_err((code, message, text(path))),
            None => PyOSError::new_err(format!("cannot {action} {}: {reason}", path.display())),
        },
    }
}

/// The errno of a failure that the engine found itself.
fn errno(py: Python<'_>, kind: io::ErrorKind) -> Option<i32> {
    let name = match kind {
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::AlreadyExists => "EEXIST",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::DirectoryNotEmpty => "ENOTEMPTY",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::FileTooLarge => "EFBIG",
        _ => return None,
    };
    py.import("errno").and_then(|errno| errno.getattr(name)?.extract()).ok()
}

/// The exception that ends an import, with what was done before it. `cause` is what made the engine stop, where that
/// came from Python: Ctrl-C, or an exception in the progress callable.
pub fn raise_import(py: Python<'_>, failed: ImportError, cause: Option<PyErr>) -> PyErr {
    let ImportError { error, summary, failures, .. } = failed;
    let raised = cause.unwrap_or_else(|| raise(py, error));
    let attached = (|| {
        let pairs = failures.into_iter().map(|(path, error)| (text(&path), raise(py, error).into_value(py)));
        let failures = PyList::new(py, pairs.collect::<Vec<_>>())?;
        raised.value(py).setattr("summary", ImportSummary::from(summary).into_pyobject(py)?)?;
        raised.value(py).setattr("failures", failures)
    })();
    // An exception class of the caller's may refuse attributes; it is raised all the same.
    drop(attached);
    raised
}
