//! Arguments on their way in that Rust has a type for: text, numbers, paths.

use pyo3::exceptions::{PyOverflowError, PyUnicodeError};
use pyo3::prelude::*;
use tillroll_core::{Error, FieldErrors};

use crate::error::raise;

/// What is said of text that has half of a pair alone, for which UTF-8 has no place.
pub const SURROGATE: &str = "must be Unicode text, without a lone surrogate";

/// An argument whose type is right and whose value may still be none: a number beyond all bounds, text that is no Unicode.
///
/// Python's own words for that, `OverflowError` and `UnicodeEncodeError`, name no argument and are not what callers
/// expect. So the fault is kept until [`Given::named`] tells it with the argument's name. A wrong type is a
/// `TypeError` at once.
pub struct Given<T>(Result<T, &'static str>);

impl<'a, 'py, T> FromPyObject<'a, 'py> for Given<T>
where
    T: FromPyObject<'a, 'py>,
{
    type Error = PyErr;

    fn extract(any: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let raised = match any.extract::<T>() {
            Ok(value) => return Ok(Self(Ok(value))),
            Err(raised) => raised.into(),
        };
        if raised.is_instance_of::<PyUnicodeError>(any.py()) {
            Ok(Self(Err(SURROGATE)))
        } else if raised.is_instance_of::<PyOverflowError>(any.py()) {
            Ok(Self(Err("is out of range")))
        } else {
            Err(raised)
        }
    }
}

impl<T> From<T> for Given<T> {
    fn from(value: T) -> Self {
        Self(Ok(value))
    }
}

impl<T> Given<T> {
    /// The value, or the `ValidationError` that has this name.
    pub fn named(self, py: Python<'_>, name: &str) -> PyResult<T> {
        self.0.map_err(|message| fault(py, name, message))
    }

    /// The value where it is one, for those whose faults Python tells in another way.
    pub fn fits(self) -> Option<T> {
        self.0.ok()
    }
}

/// As [`Given::named`], of an argument that may be missing.
pub fn optional<T>(py: Python<'_>, name: &str, given: Option<Given<T>>) -> PyResult<Option<T>> {
    given.map(|given| given.named(py, name)).transpose()
}

/// As the engine tells what is wrong with an argument.
pub fn fault(py: Python<'_>, name: &str, message: impl Into<String>) -> PyErr {
    raise(py, Error::Validation { fields: FieldErrors::from([(name.to_owned(), vec![message.into()])]) })
}
