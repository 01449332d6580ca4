//! What signs in at a store, in the clear.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use serde_json::{Map, Value};

/// What signs in at a store, as a mapping of names to texts.
///
/// It shows its names and never its values; it cannot be pickled or turned into JSON by accident.
///
/// Examples
/// --------
/// >>> keys = {"client_id": "amzn1.application-oa2-client.1a2b", "client_secret": "s3cret"}
/// >>> db.external_accounts.set_credentials(account, keys)
/// >>> found = db.external_accounts.reveal_credentials(account)
/// >>> found
/// <Credentials: client_id, client_secret>
/// >>> assert found is not None
/// >>> found["client_secret"]
/// 's3cret'
#[pyclass(module = "tillroll", frozen, mapping)]
pub struct Credentials {
    fields: Map<String, Value>,
}

impl Credentials {
    /// Wraps what the engine revealed; `None` where there is nothing.
    pub fn new(revealed: Value) -> Option<Self> {
        match revealed {
            Value::Object(fields) => Some(Self { fields }),
            _ => None,
        }
    }

    /// As the engine takes them.
    pub fn fields(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

#[pymethods]
impl Credentials {
    /// The names that there are.
    ///
    /// Returns
    /// -------
    /// list of str
    ///
    /// Examples
    /// --------
    /// >>> keys = {"client_id": "amzn1.application-oa2-client.1a2b", "client_secret": "s3cret"}
    /// >>> db.external_accounts.set_credentials(account, keys)
    /// >>> found = db.external_accounts.reveal_credentials(account)
    /// >>> assert found is not None
    /// >>> found.keys()
    /// ['client_id', 'client_secret']
    fn keys(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    fn __getitem__(&self, key: &str) -> PyResult<String> {
        let value = self.fields.get(key).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| PyKeyError::new_err(key.to_owned()))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<String>().is_ok_and(|key| self.fields.contains_key(&key))
    }

    fn __len__(&self) -> usize {
        self.fields.len()
    }

    fn __repr__(&self) -> String {
        format!("<Credentials: {}>", self.keys().join(", "))
    }
}
