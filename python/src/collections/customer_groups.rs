//! Customer groups: who is in them.

use pyo3::prelude::*;

use crate::collection::{Collection, id_text, records};
use crate::record::Record;

/// The groups of customers.
///
/// Examples
/// --------
/// >>> group = db.customer_groups.create(name="Testers")
/// >>> ada = db.customers.get_by_email("ada@example.com")
/// >>> link = db.customer_groups.add(group, ada)
/// >>> [customer.email for customer in db.customer_groups.members(group)]
/// ['ada@example.com']
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct CustomerGroups;

#[pymethods]
impl CustomerGroups {
    /// Puts a customer into a group.
    ///
    /// Parameters
    /// ----------
    /// group_id : int or Record
    ///     The group.
    /// customer_id : int or Record
    ///     The customer.
    ///
    /// Returns
    /// -------
    /// Record
    ///     With `customer_id` and `customer_group_id`. A customer who is in the group already stays in it.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such group or customer.
    ///
    /// Examples
    /// --------
    /// >>> group = db.customer_groups.create(name="Testers")
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> db.customer_groups.add(group, ada).customer_id == ada.id
    /// True
    fn add(
        slf: &Bound<'_, Self>,
        group_id: &Bound<'_, PyAny>,
        customer_id: &Bound<'_, PyAny>,
    ) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "add",
                [
                    ("group_id", id_text("group_id", group_id)?.into()),
                    ("customer_id", id_text("customer_id", customer_id)?.into()),
                ],
            )
            .map(Record::new)
    }

    /// Takes a customer out of a group.
    ///
    /// Parameters
    /// ----------
    /// group_id : int or Record
    ///     The group.
    /// customer_id : int or Record
    ///     The customer.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such group, or the customer is not in it.
    ///
    /// Examples
    /// --------
    /// >>> group = db.customer_groups.create(name="Testers")
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> link = db.customer_groups.add(group, ada)
    /// >>> db.customer_groups.remove(group, ada)
    /// >>> db.customer_groups.members(group)
    /// []
    fn remove(
        slf: &Bound<'_, Self>,
        group_id: &Bound<'_, PyAny>,
        customer_id: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "remove",
                [
                    ("group_id", id_text("group_id", group_id)?.into()),
                    ("customer_id", id_text("customer_id", customer_id)?.into()),
                ],
            )
            .map(drop)
    }

    /// The customers of a group, by id.
    ///
    /// Parameters
    /// ----------
    /// group_id : int or Record
    ///     The group.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     Customers, each with `customer_id` and `customer_group_id` beside its own fields.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such group.
    ///
    /// Examples
    /// --------
    /// >>> group = db.customer_groups.create(name="Testers")
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> link = db.customer_groups.add(group, ada)
    /// >>> [customer.email for customer in db.customer_groups.members(group)]
    /// ['ada@example.com']
    fn members(slf: &Bound<'_, Self>, group_id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection
            .call(slf.py(), "members", [("group_id", id_text("group_id", group_id)?.into())])
            .map(records)
    }
}
