//! Subscribers of newsletters.
//!
//! Decided where the store's own API is silent: an e-mail address may subscribe more than once, say in two versions of
//! a shop; `subscribed_at` is the time of creation where none is given; a language or country is any text that the
//! caller gives, in its spelling; `unsubscribed_at` null means that the subscription runs, and the engine sets it never.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::{Context, Datum, DatumKind, Moment, Record, RecordId, Times};

use super::email;

/// Someone who takes a newsletter, or took it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subscriber {
    /// Given by the engine.
    pub id: u64,
    /// The address that the letters go to.
    pub email: String,
    /// The version of the shop that was subscribed in.
    pub version_id: Option<u64>,
    /// The language code.
    pub language: Option<String>,
    /// The country code.
    pub country: Option<String>,
    /// Since when.
    pub subscribed_at: Option<Moment>,
    /// Until when; none while it runs.
    pub unsubscribed_at: Option<Moment>,
    /// When the record was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const SUBSCRIBED_AT: &str = "subscribed_at";
const UNSUBSCRIBED_AT: &str = "unsubscribed_at";

impl Record for Subscriber {
    type Id = u64;

    const COLLECTION: &'static str = "subscribers";
    const NOUN: &'static str = "subscriber";
    const TAG: u8 = 5;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "email", kind: DatumKind::Folded, value: |one| email::datum(&one.email) },
        Field {
            name: "version_id",
            kind: DatumKind::Int,
            value: |one| one.version_id.map_or(Datum::Null, |id| id.to_datum()),
        },
        Field { name: "language", kind: DatumKind::Text, value: |one| Datum::text(one.language.as_deref()) },
        Field { name: "country", kind: DatumKind::Text, value: |one| Datum::text(one.country.as_deref()) },
        Field {
            name: SUBSCRIBED_AT,
            kind: DatumKind::Time,
            value: |one| Moment::datum(one.subscribed_at.as_ref()),
        },
        Field {
            name: UNSUBSCRIBED_AT,
            kind: DatumKind::Time,
            value: |one| Moment::datum(one.unsubscribed_at.as_ref()),
        },
    ];
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &["email"]),
        Index::plain(3, &["version_id"]),
        Index::plain(4, &["language"]),
        Index::plain(5, &["country"]),
        Index::plain(6, &[SUBSCRIBED_AT]),
        Index::plain(7, &[UNSUBSCRIBED_AT]),
    ];

    fn blank() -> Self {
        Self {
            id: 0,
            email: String::new(),
            version_id: None,
            language: None,
            country: None,
            subscribed_at: None,
            unsubscribed_at: None,
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

    fn stamp(&mut self, id: u64, times: Times) {
        (self.id, self.created_at, self.updated_at) = (id, times.created_at, times.updated_at);
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        email::required(input, "email", &mut self.email);
        input.optional_number("version_id", &mut self.version_id);
        input.optional_text("language", &mut self.language);
        input.optional_text("country", &mut self.country);
        input.moment(SUBSCRIBED_AT, &mut self.subscribed_at);
        input.moment(UNSUBSCRIBED_AT, &mut self.unsubscribed_at);
        if self.subscribed_at.is_none() && input.creating() && !input.restoring() {
            self.subscribed_at = Some(Moment::at(context.now()));
        }
        Ok(())
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(object([
            ("id", self.id.into()),
            ("created_at", self.created_at.to_string().into()),
            ("updated_at", self.updated_at.to_string().into()),
            ("email", self.email.as_str().into()),
            ("version_id", self.version_id.into()),
            ("language", self.language.as_deref().into()),
            ("country", self.country.as_deref().into()),
            (SUBSCRIBED_AT, self.subscribed_at.as_ref().map(Moment::as_str).into()),
            (UNSUBSCRIBED_AT, self.unsubscribed_at.as_ref().map(Moment::as_str).into()),
        ]))
    }
}

#[cfg(test)]
#[path = "subscriber_test.rs"]
mod test;
