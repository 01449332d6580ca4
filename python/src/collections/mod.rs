//! Collections that do more than the common verbs, a file each.

mod accounts;

use std::sync::Arc;

use pyo3::prelude::*;
use tillroll_core::AnyCollection;

pub use self::accounts::Accounts;
use crate::collection::Collection;

/// The collection of a name, of the class that has its verbs.
pub fn wrap(py: Python<'_>, name: &'static str, inner: Arc<dyn AnyCollection>) -> PyResult<Py<PyAny>> {
    let base = PyClassInitializer::from(Collection::new(name, inner));
    Ok(match name {
        "accounts" => Py::new(py, base.add_subclass(Accounts))?.into_any(),
        _ => Py::new(py, base)?.into_any(),
    })
}
