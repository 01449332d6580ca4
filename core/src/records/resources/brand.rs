//! Brands of what is sold.
//!
//! Decided where the store's own API is silent: names need not be unique; `name` is not translated, so that it stands in
//! the brand itself; nothing refers to a brand, so that one can be deleted at any time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::Input;
use crate::records::translation::{self, Translatable, Translations};
use crate::records::visibility::{self, Visibilities};
use crate::records::{Context, Datum, DatumKind, Expansion, Record, Times, shown};

/// A brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Brand {
    /// Given by the engine.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What is told of it, as HTML.
    pub description: Option<String>,
    /// The title of its document.
    pub seo_title: Option<String>,
    /// The title on its page.
    pub seo_page_title: Option<String>,
    /// The description of its page for search engines.
    pub seo_meta_description: Option<String>,
    /// All but the name in other languages.
    pub translations: Translations,
    /// In which versions of the store it is seen.
    pub visibilities: Visibilities,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const TRANSLATED: &[Translatable] = &[
    Translatable::long("description"),
    Translatable::short("seo_title"),
    Translatable::short("seo_page_title"),
    Translatable::long("seo_meta_description"),
];

impl Record for Brand {
    type Id = u64;

    const COLLECTION: &'static str = "brands";
    const NOUN: &'static str = "brand";
    const TAG: u8 = 8;
    const FIELDS: &'static [Field<Self>] =
        &[Field { name: "name", kind: DatumKind::Text, value: |brand| Datum::Text(brand.name.clone()) }];
    const INDEXES: &'static [Index] = &[Index::plain(2, &["name"])];
    const EXPANSIONS: &'static [Expansion] = &[translation::EXPANSION, visibility::EXPANSION];

    fn blank() -> Self {
        Self {
            id: 0,
            name: String::new(),
            description: None,
            seo_title: None,
            seo_page_title: None,
            seo_meta_description: None,
            translations: Translations::default(),
            visibilities: Visibilities::default(),
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
        input.required_text("name", &mut self.name);
        input.long_text("description", &mut self.description);
        input.optional_text("seo_title", &mut self.seo_title);
        input.optional_text("seo_page_title", &mut self.seo_page_title);
        input.long_text("seo_meta_description", &mut self.seo_meta_description);
        self.translations.apply(input, TRANSLATED);
        self.visibilities.apply(input);
        Ok(())
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut record = shown(
            self,
            [
                ("name", self.name.as_str().into()),
                ("description", self.description.as_deref().into()),
                ("seo_title", self.seo_title.as_deref().into()),
                ("seo_page_title", self.seo_page_title.as_deref().into()),
                ("seo_meta_description", self.seo_meta_description.as_deref().into()),
            ],
        );
        self.translations.show(&mut record, context);
        self.visibilities.show(&mut record, context);
        Ok(record)
    }
}

#[cfg(test)]
#[path = "brand_test.rs"]
mod test;
