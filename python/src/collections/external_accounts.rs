//! External accounts: what signs in at their stores.

use pyo3::prelude::*;
use serde_json::Value;

use crate::collection::{Collection, id_text};
use crate::credentials::Credentials;
use crate::json;

/// The links to app stores.
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct ExternalAccounts;

#[pymethods]
impl ExternalAccounts {
    /// Seals what signs in at the account's store, in the place of what stood there.
    ///
    /// They are never shown, logged or exported, and are no part of the record.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    /// credentials : dict or None
    ///     Of Amazon `client_id` and `client_secret`, as the security profile shows them. Of Apple `key_id`,
    ///     `issuer_id`, `private_key` (the text of the .p8 file) and `vendor_number`, which may be missing where the
    ///     account has a `vendor_id`. `None` removes what there is.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    /// ValidationError
    ///     One is missing or wrong; `errors` names it and does not show it.
    /// VaultError
    ///     The database was opened without its passphrase.
    #[pyo3(signature = (id, credentials))]
    fn set_credentials(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        credentials: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let collection = slf.as_super().get();
        let credentials = match credentials.cast::<Credentials>() {
            Ok(revealed) => revealed.get().fields(),
            Err(_) => json::argument("credentials", credentials)?,
        };
        let arguments = [("id", id_text("id", id)?.into()), ("credentials", credentials)];
        collection.call(slf.py(), "set_credentials", arguments).map(drop)
    }

    /// Whether credentials are sealed for an account. Needs no passphrase.
    ///
    /// Returns
    /// -------
    /// bool
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    fn has_credentials(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let collection = slf.as_super().get();
        let has = collection.call(slf.py(), "has_credentials", [("id", id_text("id", id)?.into())])?;
        Ok(has == Value::Bool(true))
    }

    /// The credentials in the clear, for a program that fetches reports itself. Nothing else gives them out.
    ///
    /// Returns
    /// -------
    /// Credentials or None
    ///     Its `repr` shows names only; `credentials["client_secret"]` is the text.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    /// AccessError
    ///     The handle is restricted in any way.
    /// VaultError
    ///     The database was opened without its passphrase, or its key file is missing.
    fn reveal_credentials(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Option<Credentials>> {
        let collection = slf.as_super().get();
        let found = collection.call(slf.py(), "reveal_credentials", [("id", id_text("id", id)?.into())])?;
        Ok(Credentials::new(found))
    }
}
