//! Banner groups: places of the store's pages that show banners.
//!
//! Decided where the store's own API is silent: neither field is required; a code is one group's alone, since themes
//! find the group by it, and an empty one is none; a title of the group itself is that of the store's own language and
//! no translation replaces it; a group that banners belong to cannot be deleted before they are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::machine::{self, Env};
use crate::records::translation::{self, Translatable, Translations};
use crate::records::{Context, Datum, DatumKind, Expansion, Record, RecordId, Times, shown};
use crate::store::Write;
use crate::{Error, Result};

use super::banner::{self, Banner};

/// A group of banners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BannerGroup {
    /// Given by the engine.
    pub id: u64,
    /// What theme files name it by.
    pub code: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The title in other languages.
    pub translations: Translations,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const TRANSLATED: &[Translatable] = &[Translatable::short("title")];

impl Record for BannerGroup {
    type Id = u64;

    const COLLECTION: &'static str = "banner_groups";
    const NOUN: &'static str = "banner group";
    const TAG: u8 = 11;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "code", kind: DatumKind::Text, value: |group| Datum::text(group.code.as_deref()) },
        Field { name: "title", kind: DatumKind::Text, value: |group| Datum::text(group.title.as_deref()) },
    ];
    const INDEXES: &'static [Index] = &[Index::unique(2, &["code"]), Index::plain(3, &["title"])];
    const EXPANSIONS: &'static [Expansion] = &[translation::EXPANSION];

    fn blank() -> Self {
        Self {
            id: 0,
            code: None,
            title: None,
            translations: Translations::default(),
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

    fn before_delete(&self, write: &mut dyn Write, _env: &Env<'_>) -> Result<()> {
        let banners = machine::ids_of::<Banner>(write, &[banner::GROUP], &[self.id.to_datum()])?.len();
        if banners == 0 {
            return Ok(());
        }
        let id = self.id;
        let detail = format!("{banners} banners belong to banner group {id}: move or delete them first");
        Err(Error::Conflict { field: banner::GROUP.to_owned(), detail })
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        input.code("code", &mut self.code);
        input.optional_text("title", &mut self.title);
        self.translations.apply(input, TRANSLATED);
        Ok(())
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let fields = [("code", self.code.as_deref().into()), ("title", self.title.as_deref().into())];
        let mut record = shown(self, fields);
        self.translations.show(&mut record, context);
        Ok(record)
    }
}

#[cfg(test)]
#[path = "banner_group_test.rs"]
mod test;
