//! Banners: what the store shows in a banner group for a while.
//!
//! Decided where the store's own API is silent: no field is required; a code is one banner's alone, since a banner is
//! found by it, and an empty one is none; a banner without a place in its group comes after those that have one; a
//! banner is visible from a moment to a later one or the same; title, content and link of the banner itself are those
//! of the store's own language and no translation replaces them; `file` is a name without a path.
//!
//! `update_by_code(code, fields)` finds by `code` and takes what changes in the object `fields`, so that a new code can
//! stand there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::records::clock::micros;
use crate::records::index::{Field, Index};
use crate::records::input::{Fields, Input};
use crate::records::machine;
use crate::records::translation::{self, Translatable, Translations};
use crate::records::verb::{Verb, expanded, update_found};
use crate::records::visibility::{self, Visibilities};
use crate::records::{
    Collection, Context, Datum, DatumKind, Expansion, Moment, Others, Record, Times, shown,
};
use crate::store::Read;

use super::banner_group::BannerGroup;

/// A banner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Banner {
    /// Given by the engine.
    pub id: u64,
    /// The banner group it belongs to.
    pub group_id: Option<u64>,
    /// Its place among the banners of the group.
    pub sort: Option<i64>,
    /// Its own code.
    pub code: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// What it shows, as HTML.
    pub content: Option<String>,
    /// When it becomes visible.
    pub visible_from: Option<Moment>,
    /// When it is hidden.
    pub visible_to: Option<Moment>,
    /// The name of its image file.
    pub file: Option<String>,
    /// Where it leads to.
    pub link: Option<String>,
    /// Title, content and link in other languages.
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

/// The field that names the group.
pub(in crate::records) const GROUP: &str = "group_id";
const CODE: &str = "code";
const FILE: &str = "file";
const VISIBLE_TO: &str = "visible_to";

const TRANSLATED: &[Translatable] =
    &[Translatable::short("title"), Translatable::long("content"), Translatable::long("link")];

impl Record for Banner {
    type Id = u64;

    const COLLECTION: &'static str = "banners";
    const NOUN: &'static str = "banner";
    const TAG: u8 = 12;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: GROUP, kind: DatumKind::Int, value: |banner| Datum::number(banner.group_id) },
        Field { name: "sort", kind: DatumKind::Int, value: |banner| Datum::int(banner.sort) },
        Field { name: CODE, kind: DatumKind::Text, value: |banner| Datum::text(banner.code.as_deref()) },
        Field { name: "title", kind: DatumKind::Text, value: |banner| Datum::text(banner.title.as_deref()) },
        Field {
            name: "visible_from",
            kind: DatumKind::Time,
            value: |banner| Moment::datum(banner.visible_from.as_ref()),
        },
        Field {
            name: VISIBLE_TO,
            kind: DatumKind::Time,
            value: |banner| Moment::datum(banner.visible_to.as_ref()),
        },
    ];
    const INDEXES: &'static [Index] = &[
        Index::plain(2, &[GROUP]),
        Index::plain(3, &["sort"]),
        Index::unique(4, &[CODE]),
        Index::plain(5, &["title"]),
        Index::plain(6, &["visible_from"]),
        Index::plain(7, &[VISIBLE_TO]),
    ];
    const EXPANSIONS: &'static [Expansion] = &[translation::EXPANSION, visibility::EXPANSION];
    const VERBS: &'static [Verb<Self>] = &[
        Verb {
            name: "get_by_code",
            changes: false,
            run: |banners, arguments| {
                let code = arguments.id_text(CODE)?;
                let expand = expanded::<Self>(arguments)?;
                arguments.done()?;
                banners.read_with(&expand, |context| {
                    by_code(context.read, &code)?.to_json(context).map(Value::Object)
                })
            },
        },
        Verb {
            name: "update_by_code",
            changes: true,
            run: |banners, arguments| {
                let (code, fields) = (arguments.id_text(CODE)?, arguments.required_object("fields")?);
                arguments.done()?;
                update_found(banners, fields, |read| by_code(read, &code))
            },
        },
    ];

    fn blank() -> Self {
        Self {
            id: 0,
            group_id: None,
            sort: None,
            code: None,
            title: None,
            content: None,
            visible_from: None,
            visible_to: None,
            file: None,
            link: None,
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

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        let group_before = self.group_id;
        input.optional_id(GROUP, &mut self.group_id);
        input.optional_integer("sort", &mut self.sort);
        input.code(CODE, &mut self.code);
        input.optional_text("title", &mut self.title);
        input.long_text("content", &mut self.content);
        input.moment("visible_from", &mut self.visible_from);
        input.moment(VISIBLE_TO, &mut self.visible_to);
        input.optional_text(FILE, &mut self.file);
        input.long_text("link", &mut self.link);
        self.translations.apply(input, TRANSLATED);
        self.visibilities.apply(input);
        if self.file.as_ref().is_some_and(|file| file.contains(['/', '\\'])) {
            input.fault(FILE, "must be the name of a file, without a path");
        }
        Moment::fault_order(self.visible_from.as_ref(), self.visible_to.as_ref(), input, VISIBLE_TO);
        match self.group_id {
            Some(group) if self.group_id != group_before => {
                input.must_exist::<BannerGroup>(GROUP, &group, context)
            }
            _ => Ok(()),
        }
    }

    fn check_references(&self, others: &mut Others<'_>) -> Result<()> {
        match &self.group_id {
            Some(group) => others.must_exist::<BannerGroup>(GROUP, group),
            None => Ok(()),
        }
    }

    fn to_json(&self, context: &Context<'_>) -> Result<Map<String, Value>> {
        let mut record = shown(
            self,
            [
                (GROUP, self.group_id.into()),
                ("sort", self.sort.into()),
                (CODE, self.code.as_deref().into()),
                ("title", self.title.as_deref().into()),
                ("content", self.content.as_deref().into()),
                ("visible_from", Moment::to_json(self.visible_from.as_ref())),
                (VISIBLE_TO, Moment::to_json(self.visible_to.as_ref())),
                (FILE, self.file.as_deref().into()),
                ("link", self.link.as_deref().into()),
            ],
        );
        self.translations.show(&mut record, context);
        self.visibilities.show(&mut record, context);
        Ok(record)
    }
}

fn by_code(read: &dyn Read, code: &str) -> Result<Banner> {
    let found = machine::find(read, &[CODE], &[Datum::text(Some(code))])?;
    found.ok_or_else(|| machine::not_found::<Banner>(code))
}

impl Collection<Banner> {
    /// The banner of a code.
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
    /// let group = db.banner_groups().create(Fields::default().with("code", "start"))?;
    /// let banner = Fields::default().with("code", "sale").with("group_id", group.id);
    /// let banner = db.banners().create(banner)?;
    /// assert_eq!(db.banners().get_by_code("sale")?, banner);
    ///
    /// let renamed = db.banners().update_by_code("sale", Fields::default().with("code", "summer"))?;
    /// assert_eq!(renamed.id, banner.id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_by_code(&self, code: &str) -> Result<Banner> {
        self.read(|context| by_code(context.read, code))
    }

    /// Changes what the fields name in the banner of a code; a new code may be among them.
    ///
    /// # Errors
    /// As of [`Collection::update`].
    pub fn update_by_code(&self, code: &str, fields: impl Into<Fields>) -> Result<Banner> {
        let fields = fields.into();
        self.write(|write, env| {
            let found = by_code(write, code)?;
            machine::update(write, env, &found.id, fields.as_map())
        })
    }
}

#[cfg(test)]
#[path = "banner_test.rs"]
mod test;
