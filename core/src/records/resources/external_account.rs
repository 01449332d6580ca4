//! External accounts: links to the app stores whose reports are imported.
//!
//! Decided where the store's own API is silent: the nickname need not be unique and may not be blank; `auto_import` is
//! false unless said; `metadata` is replaced as a whole, and is `{}` for what is no Apple account or has no vendor id;
//! an update with `password` null removes it; accounts that are deleted take their password along and nothing else.
//! The times are kept and can be filtered by, but the API's form of the resource does not show them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
#[cfg(test)]
use zeroize::Zeroizing;

use super::credentials::{self, CREDENTIALS};
use crate::Result;
use crate::ingest::StoreKind;
#[cfg(test)]
use crate::records::Collection;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::{Fields, Input, WHOLE_NUMBER, unknown_name, whole_number};
use crate::records::verb::Verb;
use crate::records::{Context, Datum, DatumKind, Record, Times};
use crate::scope::Scope;

/// An account at an app store. Its password is no part of it: it can be set, and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExternalAccount {
    /// Given by the engine.
    pub id: u64,
    /// The number of the account it belongs to, as the caller has it.
    pub account_id: Option<u64>,
    /// A friendly name.
    pub nickname: String,
    /// The user name at the store.
    pub username: Option<String>,
    /// Whether its reports are to be imported without being asked for.
    pub auto_import: bool,
    /// The store; it never changes.
    pub store: StoreKind,
    /// The vendor number at App Store Connect; Apple only.
    pub vendor_id: Option<u64>,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed, the password included.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

/// The field whose value lives in the vault.
pub(in crate::records) const PASSWORD: &str = "password";

impl Record for ExternalAccount {
    type Id = u64;

    const COLLECTION: &'static str = "external_accounts";
    const NOUN: &'static str = "external account";
    const TAG: u8 = 1;
    const READ: Scope = Scope::AccountRead;
    const WRITE: Scope = Scope::AccountWrite;
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "account_id",
            kind: DatumKind::Int,
            value: |account| Datum::number(account.account_id),
        },
        Field {
            name: "nickname",
            kind: DatumKind::Text,
            value: |account| Datum::Text(account.nickname.clone()),
        },
        Field {
            name: "username",
            kind: DatumKind::Text,
            value: |account| Datum::text(account.username.as_deref()),
        },
        Field {
            name: "auto_import",
            kind: DatumKind::Bool,
            value: |account| Datum::Bool(account.auto_import),
        },
        Field {
            name: "store_id",
            kind: DatumKind::Int,
            value: |account| Datum::Int(account.store.id().into()),
        },
        Field {
            name: "store",
            kind: DatumKind::Name(canonical),
            value: |account| Datum::text(Some(account.store.as_str())),
        },
        Field { name: "vendor_id", kind: DatumKind::Int, value: |account| Datum::number(account.vendor_id) },
    ];
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &["account_id"]),
        Index::plain(3, &["nickname"]),
        Index::plain(4, &["username"]),
        Index::plain(5, &["auto_import"]),
        Index::plain(6, &["store_id"]),
        Index::plain(7, &["store"]),
    ];
    const SECRETS: &'static [&'static str] = &[PASSWORD, CREDENTIALS];
    const VERBS: &'static [Verb<Self>] = credentials::VERBS;

    fn blank() -> Self {
        Self {
            id: 0,
            account_id: None,
            nickname: String::new(),
            username: None,
            auto_import: false,
            store: StoreKind::Apple,
            vendor_id: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn times(&self) -> Times {
        Times { created_at: self.created_at, updated_at: self.updated_at }
    }

    fn stamp(&mut self, id: u64, Times { created_at, updated_at }: Times) {
        *self = Self { id, created_at, updated_at, ..self.clone() };
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        input.ignore(&["store_id"]);
        input.optional_number("account_id", &mut self.account_id);
        input.required_text("nickname", &mut self.nickname);
        input.optional_text("username", &mut self.username);
        input.boolean("auto_import", &mut self.auto_import);
        input.secret(PASSWORD);
        let store_is_known = self.apply_store(input);
        self.apply_metadata(input, store_is_known);
        Ok(())
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        let metadata = self.vendor_id.map_or_else(|| json!({}), |vendor_id| json!({"vendor_id": vendor_id}));
        let fields = [
            ("id", self.id.into()),
            ("account_id", self.account_id.into()),
            ("nickname", self.nickname.as_str().into()),
            ("username", self.username.as_deref().into()),
            ("auto_import", self.auto_import.into()),
            ("store_id", self.store.id().into()),
            ("store", self.store.as_str().into()),
            ("metadata", metadata),
        ];
        Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl ExternalAccount {
    /// A new account takes its store; a stored one may only be told the store it has. False where the store is not
    /// known for certain, so that what depends on it is not judged by a guess.
    fn apply_store(&mut self, input: &mut Input<'_>) -> bool {
        let creating = input.creating();
        let fault = match input.value("store") {
            None if creating => "is required".to_owned(),
            None => return true,
            Some(Value::Null) if creating => "is required".to_owned(),
            Some(Value::String(text)) => match StoreKind::parse(text) {
                Some(store) if creating || store == self.store => {
                    self.store = store;
                    return true;
                }
                Some(_) => format!("cannot be changed; it is {}", self.store),
                None => unknown_name(text, &StoreKind::ALL.map(StoreKind::as_str)),
            },
            Some(_) => "must be text".to_owned(),
        };
        input.fault("store", fault);
        false
    }

    fn apply_metadata(&mut self, input: &mut Input<'_>, store_is_known: bool) {
        const METADATA: &str = "metadata";
        let Some(fields) = input.object(METADATA) else { return };
        for name in fields.keys().filter(|name| *name != "vendor_id") {
            let shown: String = name.chars().take(64).collect();
            input.fault(METADATA, format!("{shown:?} is not known; vendor_id is"));
        }
        let given = fields.get("vendor_id").filter(|value| !value.is_null());
        let vendor_id = given.and_then(whole_number);
        if given.is_some() && vendor_id.is_none() {
            input.fault(METADATA, format!("vendor_id {WHOLE_NUMBER}"));
        }
        if given.is_some() && store_is_known && self.store != StoreKind::Apple {
            input.fault(METADATA, "vendor_id is for apple accounts only");
        }
        self.vendor_id = vendor_id;
    }
}

#[cfg(test)]
impl Collection<ExternalAccount> {
    /// The password in the clear: tests ask for it, and nothing else.
    pub(crate) fn password(&self, id: u64) -> Result<Option<Zeroizing<String>>> {
        self.secret(&id, PASSWORD)
    }
}

fn canonical(text: &str) -> Option<&'static str> {
    StoreKind::parse(text).map(StoreKind::as_str)
}

/// An external account to create. `Debug` shows the names of what is set, never the password.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{NewExternalAccount, StoreKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let new = NewExternalAccount::new("Apple apps", StoreKind::Apple).username("me@example.com").vendor_id(85261205);
/// assert_eq!(db.external_accounts().create(new)?.store, StoreKind::Apple);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewExternalAccount(Fields);

impl NewExternalAccount {
    /// An account of this nickname at this store.
    pub fn new(nickname: impl Into<String>, store: StoreKind) -> Self {
        Self(Fields::default().with("nickname", nickname.into()).with("store", store.as_str()))
    }

    /// The number of the account it belongs to.
    #[must_use]
    pub fn account_id(self, account_id: u64) -> Self {
        Self(self.0.with("account_id", account_id))
    }

    /// The user name at the store.
    #[must_use]
    pub fn username(self, username: impl Into<String>) -> Self {
        Self(self.0.with("username", username.into()))
    }

    /// The password at the store: sealed, and never shown again.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        Self(self.0.with(PASSWORD, password.into()))
    }

    /// Whether its reports are to be imported without being asked for.
    #[must_use]
    pub fn auto_import(self, auto_import: bool) -> Self {
        Self(self.0.with("auto_import", auto_import))
    }

    /// The vendor number at App Store Connect; Apple only.
    #[must_use]
    pub fn vendor_id(self, vendor_id: u64) -> Self {
        Self(self.0.with("metadata", json!({"vendor_id": vendor_id})))
    }
}

impl From<NewExternalAccount> for Fields {
    fn from(new: NewExternalAccount) -> Self {
        new.0
    }
}

/// A change of an external account: only what is set changes. `Debug` shows names, never the password.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::ExternalAccountUpdate;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let before = db.external_accounts().get(account)?;
/// let update = ExternalAccountUpdate::new().nickname("Games").if_updated_at(before.updated_at);
/// assert_eq!(db.external_accounts().update(account, update.clone())?.nickname, "Games");
/// // It has been changed since `before` was read.
/// assert!(db.external_accounts().update(account, update.auto_import(true)).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExternalAccountUpdate(Fields);

impl ExternalAccountUpdate {
    /// A change of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of the account it belongs to; `None` removes it.
    #[must_use]
    pub fn account_id(self, account_id: Option<u64>) -> Self {
        Self(self.0.with("account_id", account_id))
    }

    /// A friendly name.
    #[must_use]
    pub fn nickname(self, nickname: impl Into<String>) -> Self {
        Self(self.0.with("nickname", nickname.into()))
    }

    /// The user name at the store; `None` removes it.
    #[must_use]
    pub fn username(self, username: Option<&str>) -> Self {
        Self(self.0.with("username", username))
    }

    /// The password at the store; `None` removes it.
    #[must_use]
    pub fn password(self, password: Option<&str>) -> Self {
        Self(self.0.with(PASSWORD, password))
    }

    /// Whether its reports are to be imported without being asked for.
    #[must_use]
    pub fn auto_import(self, auto_import: bool) -> Self {
        Self(self.0.with("auto_import", auto_import))
    }

    /// The vendor number at App Store Connect; `None` removes it.
    #[must_use]
    pub fn vendor_id(self, vendor_id: Option<u64>) -> Self {
        Self(self.0.with("metadata", json!({"vendor_id": vendor_id})))
    }

    /// Refuses the change where the account was changed after this time, its `updated_at` when it was read.
    #[must_use]
    pub fn if_updated_at(self, updated_at: Timestamp) -> Self {
        Self(self.0.with("if_updated_at", updated_at.to_string()))
    }
}

impl From<ExternalAccountUpdate> for Fields {
    fn from(update: ExternalAccountUpdate) -> Self {
        update.0
    }
}

#[cfg(test)]
#[path = "external_account_test.rs"]
mod test;
