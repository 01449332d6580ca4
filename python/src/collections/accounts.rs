//! Business accounts: the tree they form.

use pyo3::prelude::*;

use crate::collection::{Collection, id_text, records};
use crate::record::Record;

/// The business accounts, which form a tree.
///
/// Examples
/// --------
/// >>> group = db.accounts.create(name="Group")
/// >>> studio = db.accounts.create(name="Studio", parent=group.id)
/// >>> len(db.accounts)
/// 2
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Accounts;

#[pymethods]
impl Accounts {
    /// The accounts above one, from the top down.
    ///
    /// Parameters
    /// ----------
    /// id : str or Record
    ///     The account.
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
    ///
    /// Examples
    /// --------
    /// >>> group = db.accounts.create(name="Group")
    /// >>> studio = db.accounts.create(name="Studio", parent=group.id)
    /// >>> [account.name for account in db.accounts.ancestors(studio)]
    /// ['Group']
    fn ancestors(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "ancestors", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// The accounts directly under one, in the order in which they were made.
    ///
    /// Parameters
    /// ----------
    /// id : str or Record
    ///     The account.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no account of this id.
    ///
    /// Examples
    /// --------
    /// >>> group = db.accounts.create(name="Group")
    /// >>> studio = db.accounts.create(name="Studio", parent=group.id)
    /// >>> [account.name for account in db.accounts.children(group)]
    /// ['Studio']
    fn children(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "children", [("id", id_text("id", id)?.into())]).map(records)
    }
}
