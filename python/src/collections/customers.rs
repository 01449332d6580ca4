//! Customers: their finders and addresses.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Map, Value};

use crate::argument::Given;
use crate::collection::{Collection, id_text, records};
use crate::json;
use crate::record::Record;

/// The customers.
///
/// Examples
/// --------
/// >>> address = {"street_address": "1 Analytical Row", "postal_code": "W1U", "city": "London", "country": "GB"}
/// >>> person = {"first_name": "Charles", "last_name": "Babbage", "email": "charles@example.com"}
/// >>> db.customers.create(**person, **address, login_allowed=True).id
/// 2
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Customers;

#[pymethods]
impl Customers {
    /// Gets a customer by the e-mail address.
    ///
    /// Parameters
    /// ----------
    /// email : str
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer.
    ///
    /// Examples
    /// --------
    /// >>> db.customers.get_by_email("ada@example.com").first_name
    /// 'Ada'
    fn get_by_email(slf: &Bound<'_, Self>, email: Given<String>) -> PyResult<Record> {
        let collection = slf.as_super().get();
        let email = email.named(slf.py(), "email")?;
        collection.call(slf.py(), "get_by_email", [("email", email.into())]).map(Record::new)
    }

    /// Gets a customer by the id that another system gave.
    ///
    /// Parameters
    /// ----------
    /// external_id : int or str
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer.
    ///
    /// Examples
    /// --------
    /// >>> db.customers.get_by_external_id("c-7").email
    /// 'ada@example.com'
    fn get_by_external_id(slf: &Bound<'_, Self>, external_id: &Bound<'_, PyAny>) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "get_by_external_id",
                [("external_id", json::argument("external_id", external_id)?)],
            )
            .map(Record::new)
    }

    /// Gives the addresses of a customer.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The customer.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     In the order in which they were added.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer.
    ///
    /// Examples
    /// --------
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> address = db.customers.add_address(ada, city="London")
    /// >>> [address.city for address in db.customers.addresses(ada)]
    /// ['London']
    fn addresses(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "addresses", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// Adds an address to a customer.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The customer.
    /// **fields
    ///     Those of an address; what only the engine sets is ignored.
    ///
    /// Returns
    /// -------
    /// Record
    ///     The address, with an id of its own.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer.
    ///
    /// Examples
    /// --------
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> db.customers.add_address(ada, city="London").city
    /// 'London'
    #[pyo3(signature = (id, /, **fields))]
    fn add_address(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Record> {
        let mut arguments = address_fields(fields)?;
        arguments.insert("id".to_owned(), id_text("id", id)?.into());
        slf.as_super().get().call_with(slf.py(), "add_address", arguments).map(Record::new)
    }

    /// Changes the fields of an address that are named, and no others.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The customer.
    /// address_id : int or Record
    ///     The address.
    /// **fields
    ///     What changes.
    ///
    /// Returns
    /// -------
    /// Record
    ///     The address.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer or address.
    ///
    /// Examples
    /// --------
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> address = db.customers.add_address(ada, city="London")
    /// >>> db.customers.update_address(ada, address, city="Paris").city
    /// 'Paris'
    #[pyo3(signature = (id, address_id, /, **fields))]
    fn update_address(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        address_id: &Bound<'_, PyAny>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Record> {
        let mut arguments = address_fields(fields)?;
        arguments.insert("id".to_owned(), id_text("id", id)?.into());
        arguments.insert("address_id".to_owned(), id_text("address_id", address_id)?.into());
        slf.as_super().get().call_with(slf.py(), "update_address", arguments).map(Record::new)
    }

    /// Removes an address of a customer.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The customer.
    /// address_id : int or Record
    ///     The address.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such customer or address.
    ///
    /// Examples
    /// --------
    /// >>> ada = db.customers.get_by_email("ada@example.com")
    /// >>> address = db.customers.add_address(ada, city="London")
    /// >>> db.customers.remove_address(ada, address)
    /// >>> db.customers.addresses(ada)
    /// []
    fn remove_address(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        address_id: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "remove_address",
                [
                    ("id", id_text("id", id)?.into()),
                    ("address_id", id_text("address_id", address_id)?.into()),
                ],
            )
            .map(drop)
    }
}

/// The fields of an address, without the ids that name it and its customer: those are arguments of their own.
fn address_fields(fields: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    let mut fields = json::object(fields)?;
    fields.retain(|name, _| !matches!(name.as_str(), "id" | "customer_id" | "address_id"));
    Ok(fields)
}
