//! Business accounts: the tree they form.

use pyo3::prelude::*;

use crate::collection::{Collection, id_text, records};
use crate::record::Record;

/// The business accounts, which form a tree.
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Accounts;

#[pymethods]
impl Accounts {
    /// The accounts above one, from the top down.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     Empty for one at the top.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no account of this id.
    fn ancestors(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "ancestors", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// The accounts directly under one, in the order in which they were made.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no account of this id.
    fn children(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "children", [("id", id_text("id", id)?.into())]).map(records)
    }
}
