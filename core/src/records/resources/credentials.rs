//! What signs in at a store's reporting API for an external account. Sealed in the vault as one secret, and a part of no
//! record: it can be set, removed and asked for, and leaves the engine through [`Collection::reveal_credentials`] alone.
//!
//! Decided: what is set replaces all that was there; a vendor number may be missing where the account itself has one;
//! a fault names what is wrong with which credential and never shows what was given, not even a name that is unknown, for
//! it may be a secret that slipped.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::external_account::ExternalAccount;
use crate::ingest::StoreKind;
use crate::records::input::{Input, SecretChange};
use crate::records::machine;
use crate::records::verb::Verb;
use crate::records::{Collection, Context};
use crate::{Error, FieldErrors, Result};

/// The field of the vault.
pub(in crate::records) const CREDENTIALS: &str = "credentials";

/// The most bytes of one credential: a private key has some hundred.
const VALUE_BYTES_MAX: usize = 4096;

/// What Amazon's security profile shows.
const AMAZON: &[&str] = &["client_id", "client_secret"];
/// What App Store Connect shows of a key for its API, and the file of the key.
const APPLE: &[&str] = &["key_id", "issuer_id", "private_key", VENDOR_NUMBER];
/// The one that may stand at the account instead.
const VENDOR_NUMBER: &str = "vendor_number";
/// Where the text of a private key begins.
const KEY_MARK: &str = "-----BEGIN PRIVATE KEY-----";

/// What signs in at a store's reporting API. `Debug` shows names, never a value; what it holds is overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, Zeroizing<String>>);

impl Credentials {
    /// The two texts of an Amazon security profile that is attached to the Reporting API.
    pub fn amazon(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self::default().with("client_id", client_id).with("client_secret", client_secret)
    }

    /// A key for the App Store Connect API: its id, the issuer's, and the text of its `.p8` file.
    pub fn apple(
        key_id: impl Into<String>,
        issuer_id: impl Into<String>,
        private_key: impl Into<String>,
    ) -> Self {
        Self::default().with("key_id", key_id).with("issuer_id", issuer_id).with("private_key", private_key)
    }

    /// The vendor number at App Store Connect, where the account itself has none.
    #[must_use]
    pub fn vendor_number(self, vendor_number: impl Into<String>) -> Self {
        self.with(VENDOR_NUMBER, vendor_number)
    }

    /// One of them in the clear.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// Which there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn default() -> Self {
        Self(BTreeMap::new())
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Zeroizing::new(value.into()));
        self
    }

    /// Takes what a JSON object holds; digits may be a number.
    fn from_json(given: &Map<String, Value>) -> Result<Self> {
        let mut credentials = Self::default();
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            credentials = match value {
                Value::String(text) => credentials.with(name, text.trim()),
                Value::Number(number) => credentials.with(name, number.to_string()),
                _ => return Err(invalid("every one of them must be text")),
            };
        }
        Ok(credentials)
    }

    fn to_json(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }

    /// The text that is sealed, in a buffer that has room for it from the start: none is left behind by growing.
    fn sealed_text(&self) -> Result<Zeroizing<String>> {
        let room: usize = self.0.iter().map(|(name, value)| name.len() + 6 * value.len() + 8).sum();
        let mut text = Zeroizing::new(Vec::with_capacity(room + 2));
        let plain: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        serde_json::to_writer(&mut *text, &plain).map_err(|_| invalid("cannot be written as JSON"))?;
        let text = std::str::from_utf8(&text).map_err(|_| invalid("cannot be written as JSON"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn unsealed(text: &str) -> Result<Self> {
        let plain: BTreeMap<String, Zeroizing<String>> =
            serde_json::from_str::<BTreeMap<String, String>>(text)
                .map_err(|_| Error::Vault { detail: "the sealed credentials are damaged".to_owned() })?
                .into_iter()
                .map(|(name, value)| (name, Zeroizing::new(value)))
                .collect();
        Ok(Self(plain))
    }

    /// Refuses what cannot sign in at the account's store.
    fn check(&self, account: &ExternalAccount) -> Result<()> {
        let known = known(account.store)?;
        let mut faults = FieldErrors::new();
        let mut fault = |field: String, message: String| faults.entry(field).or_default().push(message);
        if self.0.keys().any(|name| !known.contains(&name.as_str())) {
            let message = format!("has a name that is none of {}", known.join(", "));
            fault(CREDENTIALS.to_owned(), message);
        }
        for name in known {
            let message = match self.get(name) {
                None if *name == VENDOR_NUMBER && account.vendor_id.is_some() => continue,
                None => "is required".to_owned(),
                Some(value) => match value_fault(name, value) {
                    Some(message) => message,
                    None => continue,
                },
            };
            fault(format!("{CREDENTIALS}.{name}"), message);
        }
        machine::refuse(faults)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is wrong with one of them, in words that do not show it.
fn value_fault(name: &str, value: &str) -> Option<String> {
    let is_key = name == "private_key";
    let is_bad = |c: char| c.is_control() && !(is_key && matches!(c, '\n' | '\r' | '\t'));
    match value {
        "" => Some("must not be empty".to_owned()),
        _ if value.len() > VALUE_BYTES_MAX => Some(format!("is longer than {VALUE_BYTES_MAX} bytes")),
        _ if value.contains(is_bad) => Some("must not contain control characters".to_owned()),
        _ if is_key && !value.starts_with(KEY_MARK) => {
            Some(format!("must be the text of the .p8 file, which begins with {KEY_MARK}"))
        }
        _ if name == VENDOR_NUMBER && !value.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some("must be digits".to_owned())
        }
        _ => None,
    }
}

/// The names of a store's credentials.
fn known(store: StoreKind) -> Result<&'static [&'static str]> {
    match store {
        StoreKind::Amazon => Ok(AMAZON),
        StoreKind::Apple => Ok(APPLE),
        StoreKind::GooglePlay => Err(invalid(
            "google_play accounts have none: mirror the bucket, and import or sync the folder it is mirrored to",
        )),
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid(CREDENTIALS, message)
}

/// The verbs that external accounts have beyond those of all collections.
pub(super) const VERBS: &[Verb<ExternalAccount>] = &[
    Verb {
        name: "set_credentials",
        changes: true,
        run: |accounts, arguments| {
            let (id, credentials) = arguments_of_set(arguments)?;
            accounts.set_credentials(id, credentials.as_ref()).map(|()| Value::Null)
        },
    },
    Verb {
        name: "has_credentials",
        changes: false,
        run: |accounts, arguments| {
            let id = arguments.id_of::<ExternalAccount>("id")?;
            arguments.done()?;
            accounts.has_credentials(id).map(Value::Bool)
        },
    },
    Verb {
        name: "reveal_credentials",
        changes: false,
        run: |accounts, arguments| {
            let id = arguments.id_of::<ExternalAccount>("id")?;
            arguments.done()?;
            let found = accounts.reveal_credentials(id)?;
            Ok(found.map_or_else(|| json!(null), |credentials| credentials.to_json()))
        },
    },
];

fn arguments_of_set(arguments: &mut Input<'_>) -> Result<(u64, Option<Credentials>)> {
    let id = arguments.id_of::<ExternalAccount>("id")?;
    let credentials = match arguments.value(CREDENTIALS) {
        Some(Value::Null) => None,
        _ => Some(Credentials::from_json(arguments.required_object(CREDENTIALS)?)?),
    };
    arguments.done()?;
    Ok((id, credentials))
}

impl Collection<ExternalAccount> {
    /// Seals what signs in at the account's store, in the place of what stood there; `None` removes it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Validation`] with all that is missing or wrong, which never shows a value;
    /// [`Error::Vault`] where the database's passphrase or key file is missing; [`Error::Access`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Credentials;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let accounts = db.external_accounts();
    /// accounts.set_credentials(account, Some(&Credentials::amazon("amzn1.app", "s3cret")))?;
    /// assert!(accounts.has_credentials(account)?);
    ///
    /// let credentials = accounts.reveal_credentials(account)?.unwrap();
    /// assert_eq!(credentials.get("client_id"), Some("amzn1.app"));
    /// assert!(!format!("{credentials:?}").contains("s3cret"));
    ///
    /// accounts.set_credentials(account, None)?;
    /// assert!(accounts.reveal_credentials(account)?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_credentials(&self, id: u64, credentials: Option<&Credentials>) -> Result<()> {
        self.write(|write, env| {
            let account: ExternalAccount = machine::get(write, &id)?;
            let secret = match credentials {
                Some(credentials) => {
                    credentials.check(&account)?;
                    Some(credentials.sealed_text()?)
                }
                None => None,
            };
            machine::change_secret::<ExternalAccount>(
                write,
                env,
                &id,
                SecretChange { field: CREDENTIALS, secret },
            )
        })
    }

    /// Whether credentials are sealed for an account. Needs no passphrase.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn has_credentials(&self, id: u64) -> Result<bool> {
        self.read(|context: &Context<'_>| {
            machine::get::<ExternalAccount>(context.read, &id)?;
            self.holds_secret(context.read, &id, CREDENTIALS)
        })
    }

    /// The credentials in the clear, for what fetches reports; `None` where there are none. Beside this nothing gives
    /// them out: no record, export, error, log or `Debug`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Access`] on a handle that is restricted in any way; [`Error::Vault`] where the
    /// database was opened without its passphrase, or its key file is missing.
    pub fn reveal_credentials(&self, id: u64) -> Result<Option<Credentials>> {
        self.shared.grant.allow_all()?;
        self.secret(&id, CREDENTIALS)?.map(|text| Credentials::unsealed(&text)).transpose()
    }
}
