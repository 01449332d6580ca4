//! External accounts: what signs in at their stores.

use pyo3::prelude::*;
use serde_json::Value;

use crate::collection::{Collection, id_text};
use crate::credentials::Credentials;
use crate::json;

/// The links to app stores.
///
/// Examples
/// --------
/// >>> apple = db.external_accounts.create(nickname="Apple apps", store="apple")
/// >>> [account.nickname for account in db.external_accounts]
/// ['Amazon apps', 'Apple apps']
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
    ///
    /// Examples
    /// --------
    /// >>> keys = {"client_id": "amzn1.application-oa2-client.1a2b", "client_secret": "s3cret"}
    /// >>> db.external_accounts.set_credentials(account, keys)
    /// >>> db.external_accounts.set_credentials(account, None)
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
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The account.
    ///
    /// Returns
    /// -------
    /// bool
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such account.
    ///
    /// Examples
    /// --------
    /// >>> db.external_accounts.has_credentials(account)
    /// False
    fn has_credentials(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let collection = slf.as_super().get();
        let has = collection.call(slf.py(), "has_credentials", [("id", id_text("id", id)?.into())])?;
        Ok(has == Value::Bool(true))
    }

    /// The credentials in the clear, for a program that fetches reports itself. Nothing else gives them out.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The account.
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
    ///
    /// Examples
    /// --------
    /// >>> keys = {"client_id": "amzn1.application-oa2-client.1a2b", "client_secret": "s3cret"}
    /// >>> db.external_accounts.set_credentials(account, keys)
    /// >>> found = db.external_accounts.reveal_credentials(account)
    /// >>> assert found is not None
    /// >>> found["client_secret"]
    /// 's3cret'
    fn reveal_credentials(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Option<Credentials>> {
        let collection = slf.as_super().get();
        let found = collection.call(slf.py(), "reveal_credentials", [("id", id_text("id", id)?.into())])?;
        Ok(Credentials::new(found))
    }
}
