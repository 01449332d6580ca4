//! Business accounts, and the tree they form.
//!
//! Decided where the store's own API is silent: `name` is required, none of the names need be unique; an account keeps
//! nothing but its parent, so that moving one moves all below it; an account that others stand under cannot be deleted
//! before they are moved or deleted themselves. `parent` is an id or null; what `to_dict()` gives under `relationships`
//! is taken as well, but `parent` counts where both are given. Ids are UUIDs, and one UUID is one account whatever case its
//! letters are given in: they are kept and shown small. An import may bring ids of other forms; those stay as they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Result;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::tree::{self, Tree};
use crate::records::uuid::{canonical, new_uuid};
use crate::records::verb::{Verb, to_json_list};
use crate::records::{Collection, Context, Datum, DatumKind, Others, Record, Times};
use crate::store::{Read, Write};

/// The most characters of a registration id.
const REGISTRATION_ID_MAX: usize = 63;

/// A business account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// A UUID given by the engine, with small letters.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its name in law.
    pub legal_name: Option<String>,
    /// Its number in a register, at most 63 characters.
    pub registration_id: Option<String>,
    /// The id of the account it stands under; none for one at the top.
    pub parent: Option<String>,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed; a move of an account above it is no change of it.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const PARENT: &str = "parent";

impl Record for Account {
    type Id = String;

    const COLLECTION: &'static str = "accounts";
    const NOUN: &'static str = "account";
    const ID_KIND: DatumKind = DatumKind::Uuid;
    const TAG: u8 = 2;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "name", kind: DatumKind::Text, value: |account| Datum::Text(account.name.clone()) },
        Field {
            name: "legal_name",
            kind: DatumKind::Text,
            value: |account| Datum::text(account.legal_name.as_deref()),
        },
        Field {
            name: "registration_id",
            kind: DatumKind::Text,
            value: |account| Datum::text(account.registration_id.as_deref()),
        },
        Field {
            name: PARENT,
            kind: DatumKind::Uuid,
            value: |account| Datum::text(account.parent.as_deref()),
        },
    ];
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &["name"]),
        Index::plain(3, &["legal_name"]),
        Index::plain(4, &["registration_id"]),
        Index::plain(5, &[PARENT]),
    ];
    const VERBS: &'static [Verb<Self>] = &[
        Verb {
            name: "ancestors",
            changes: false,
            run: |accounts, arguments| {
                let id = arguments.id_of::<Self>("id")?;
                arguments.done()?;
                accounts.read_inline(|context| to_json_list(&ancestors_of(context.read, &id)?, context))
            },
        },
        Verb {
            name: "children",
            changes: false,
            run: |accounts, arguments| {
                let id = arguments.id_of::<Self>("id")?;
                arguments.done()?;
                accounts.read_inline(|context| to_json_list(&children_of(context.read, &id)?, context))
            },
        },
    ];

    fn blank() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            legal_name: None,
            registration_id: None,
            parent: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn times(&self) -> Times {
        Times { created_at: self.created_at, updated_at: self.updated_at }
    }

    fn stamp(&mut self, id: String, Times { created_at, updated_at }: Times) {
        *self = Self { id: canonical(&id), created_at, updated_at, ..self.clone() };
    }

    fn id_datum(id: &String) -> Datum {
        Datum::Text(canonical(id))
    }

    fn assign_id(&self, _next: &mut dyn FnMut() -> Result<u64>) -> Result<String> {
        new_uuid()
    }

    fn before_delete(&self, write: &mut dyn Write, _env: &Env<'_>) -> Result<()> {
        tree::refuse_with_children(self, write)
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        input.ignore(&["type", "meta", "links"]);
        input.required_text("name", &mut self.name);
        input.optional_text("legal_name", &mut self.legal_name);
        input.optional_text("registration_id", &mut self.registration_id);
        let length = self.registration_id.as_ref().map_or(0, |text| text.chars().count());
        if length > REGISTRATION_ID_MAX {
            input.fault("registration_id", format!("is longer than {REGISTRATION_ID_MAX} characters"));
        }
        let before = self.parent.clone();
        self.apply_parent(input);
        if self.parent == before || input.restoring() {
            return Ok(());
        }
        tree::check_parent(self, input, context)
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        others.must_stand(self)
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut relationships = Map::new();
        if let Some(parent) = &self.parent {
            let ancestors = ancestors_of(context.read, &self.id)?;
            let ancestors: Vec<Value> = ancestors.iter().map(|account| reference(&account.id)).collect();
            relationships.insert(PARENT.to_owned(), reference(parent));
            relationships.insert("ancestors".to_owned(), ancestors.into());
        }
        let timestamps = json!({
            "created_at": self.created_at.to_string(),
            "updated_at": self.updated_at.to_string(),
        });
        let fields = [
            ("id", self.id.as_str().into()),
            ("type", "account".into()),
            ("name", self.name.as_str().into()),
            ("legal_name", self.legal_name.as_deref().into()),
            ("registration_id", self.registration_id.as_deref().into()),
            ("relationships", relationships.into()),
            ("meta", json!({ "timestamps": timestamps })),
            ("links", json!({ "self": format!("/accounts/{}", self.id) })),
        ];
        Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl Tree for Account {
    const PARENT: &'static str = PARENT;

    fn parent(&self) -> Option<String> {
        self.parent.clone()
    }
}

impl Account {
    fn apply_parent(&mut self, input: &mut Input<'_>) {
        let related = input.object("relationships").and_then(|related| related.get(PARENT));
        let given = match input.value(PARENT) {
            None => match related {
                Some(Value::Null) => Some(None),
                Some(related) => Some(related.pointer("/data/id")),
                None => None,
            },
            Some(value) => Some(Some(value)),
        };
        match given {
            None => {}
            Some(None | Some(Value::Null)) => self.parent = None,
            Some(Some(Value::String(parent))) => self.parent = Some(canonical(parent)),
            Some(Some(_)) => input.fault(PARENT, "must be the id of an account, or null"),
        }
    }
}

fn reference(id: &str) -> Value {
    json!({"data": {"id": id, "type": "account"}})
}

fn ancestors_of(read: &dyn Read, id: &str) -> Result<Vec<Account>> {
    let mut found = tree::lineage::<Account>(read, &id.to_owned())?.split_off(1);
    found.reverse();
    Ok(found)
}

fn children_of(read: &dyn Read, id: &str) -> Result<Vec<Account>> {
    let id = machine::get::<Account>(read, &id.to_owned())?.id;
    let mut children: Vec<Account> = machine::find_all(read, &[PARENT], &[Datum::Text(id)])?;
    children.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(children)
}

impl Collection<Account> {
    /// The accounts above one, from the top down; none for one at the top.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Fields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let named = |name: &str| Fields::default().with("name", name).with("legal_name", name);
    /// let top = db.accounts().create(named("Publisher"))?;
    /// let studio = db.accounts().create(named("Studio").with("parent", top.id.as_str()))?;
    /// assert_eq!(db.accounts().ancestors(&studio.id)?, [top.clone()]);
    /// assert_eq!(db.accounts().children(&top.id)?, [studio]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ancestors(&self, id: &str) -> Result<Vec<Account>> {
        self.read(|context| ancestors_of(context.read, id))
    }

    /// The accounts directly under one, in the order in which they were made.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    pub fn children(&self, id: &str) -> Result<Vec<Account>> {
        self.read(|context| children_of(context.read, id))
    }
}

#[cfg(test)]
#[path = "account_test.rs"]
mod test;
