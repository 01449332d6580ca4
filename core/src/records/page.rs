//! What a listing asks for, and what it gives: one page.

use serde_json::{Map, Value};

use crate::error::quoted;
use crate::{Error, FieldErrors, Result};

use super::filter::{self, Condition};
use super::index::index_of;
use super::input::as_object;
use super::{Record, expansion};

/// The most records on a page.
pub const PAGE_SIZE_MAX: u64 = 1000;
const PAGE_SIZE: u64 = 50;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The records of this page; none where the page lies beyond the last.
    pub data: Vec<T>,
    /// Which page it is, from 1 on.
    pub page: u64,
    /// How many records a full page has.
    pub page_size: u64,
    /// How many pages there are; 0 where nothing matches.
    pub page_count: u64,
    /// How many records match on all pages together.
    pub item_count: u64,
}

impl<T> Page<T> {
    pub(super) fn new(data: Vec<T>, page: u64, page_size: u64, item_count: u64) -> Self {
        Self { data, page, page_size, page_count: item_count.div_ceil(page_size.max(1)), item_count }
    }

    /// The same page with its records in another form.
    pub(super) fn try_map<U>(self, f: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let Self { data, page, page_size, page_count, item_count } = self;
        Ok(Page {
            data: data.into_iter().map(f).collect::<Result<_>>()?,
            page,
            page_size,
            page_count,
            item_count,
        })
    }
}

/// Which records to list, in which order, and which page of them. The default is the first page of 50 by id.
///
/// What is wrong with it is told by the listing, all at once, under the names of the Python arguments.
///
/// ```
/// use tillroll_core::ListQuery;
///
/// let query = ListQuery::new()
///     .filter("like(nickname,*apps*):eq(store,amazon)")
///     .sort("nickname-desc")
///     .field("created_at_from", "2018-01-01")
///     .page_size(10);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    page: u64,
    page_size: u64,
    sort: String,
    filter: Option<String>,
    expand: Vec<String>,
    fields: Vec<(String, Value)>,
}

impl Default for ListQuery {
    fn default() -> Self {
        let sort = "id-asc".to_owned();
        Self { page: 1, page_size: PAGE_SIZE, sort, filter: None, expand: Vec::new(), fields: Vec::new() }
    }
}

impl ListQuery {
    /// The first page of 50 by id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which page, from 1 on.
    #[must_use]
    pub fn page(mut self, page: u64) -> Self {
        self.page = page;
        self
    }

    /// Records on a page, 1 to [`PAGE_SIZE_MAX`].
    #[must_use]
    pub fn page_size(mut self, page_size: u64) -> Self {
        self.page_size = page_size;
        self
    }

    /// `FIELD-asc` or `FIELD-desc`, by `id` or any indexed field; equal values go by id.
    #[must_use]
    pub fn sort(mut self, sort: impl Into<String>) -> Self {
        self.sort = sort.into();
        self
    }

    /// Conditions in text form, e.g. `eq(store,apple):like(nickname,*games*)`.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Sub-resources to show.
    #[must_use]
    pub fn expand<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.expand.extend(names.into_iter().map(Into::into));
        self
    }

    /// An indexed field must have this value or, for a list, one of these; null asks for records without one.
    /// `FIELD_from` and `FIELD_to` bound a field, both inclusive.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Reads the JSON form: the arguments of Python's `list` by name. What is null, or not there, has its default.
    ///
    /// # Errors
    /// [`Error::Validation`] for an argument of the wrong type.
    pub fn from_json(query: &Value) -> Result<Self> {
        let mut faults = FieldErrors::new();
        let mut read = Self::default();
        if !query.is_null() {
            for (name, value) in as_object(query)? {
                if let Err(message) = read.argument(name, value) {
                    faults.insert(name.clone(), vec![message]);
                }
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(Error::Validation { fields: faults }) }
    }

    fn argument(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match (name, value) {
            ("page" | "page_size" | "sort" | "filter" | "expand", Value::Null) => {}
            // What is no number is no page, like 0: the listing tells so together with its other faults.
            ("page", _) => self.page = value.as_u64().unwrap_or(0),
            ("page_size", _) => self.page_size = value.as_u64().unwrap_or(0),
            ("sort", Value::String(text)) => self.sort.clone_from(text),
            ("filter", Value::String(text)) => self.filter = Some(text.clone()),
            ("expand", _) => self.expand = expansion::names(value).ok_or("must be names")?,
            ("sort" | "filter", _) => return Err("must be text".to_owned()),
            _ => self.fields.push((name.to_owned(), value.clone())),
        }
        Ok(())
    }

    /// What the listing of a resource will do.
    ///
    /// # Errors
    /// [`Error::Validation`] with all faults of the query.
    pub(super) fn plan<R: Record>(&self) -> Result<Plan<R>> {
        let mut faults = FieldErrors::new();
        let mut fault =
            |name: &str, message: String| faults.entry(name.to_owned()).or_default().push(message);
        if self.page == 0 {
            fault("page", "must be a whole number from 1 on".to_owned());
        }
        if !(1..=PAGE_SIZE_MAX).contains(&self.page_size) {
            fault("page_size", page_size_rule());
        }
        let sort = sort::<R>(&self.sort).map_err(|message| fault("sort", message)).ok();
        for message in self.expand.iter().filter_map(|name| expansion::find::<R>(name).err()) {
            fault("expand", message);
        }
        let conditions = self.conditions::<R>(&mut fault);
        match sort {
            Some((field, reverse)) if faults.is_empty() => {
                Ok(Plan { page: self.page, page_size: self.page_size, field, reverse, conditions })
            }
            _ => Err(Error::Validation { fields: faults }),
        }
    }

    fn conditions<R: Record>(&self, fault: &mut impl FnMut(&str, String)) -> Vec<Condition<R>> {
        let mut conditions = Vec::new();
        match self.filter.as_deref().map(filter::parse::<R>) {
            None => {}
            Some(Ok(parsed)) => conditions = parsed,
            Some(Err(messages)) => messages.into_iter().for_each(|message| fault("filter", message)),
        }
        for (name, value) in &self.fields {
            if !expansion::of_flag::<R>(name).is_empty() {
                if expansion::is_on(value).is_none() {
                    fault(name, expansion::NO_FLAG.to_owned());
                }
                continue;
            }
            match filter::by_field(name, value) {
                Ok(condition) => conditions.push(condition),
                Err(message) => fault(&name.chars().take(64).collect::<String>(), message),
            }
        }
        conditions
    }

    /// The names of the sub-resources to show, as they were given or asked for by an argument of their own.
    pub(super) fn expansions<R: Record>(&self) -> Vec<&str> {
        let flagged = self.fields.iter().filter(|(_, value)| expansion::is_on(value) == Some(true));
        let flagged = flagged.flat_map(|(name, _)| expansion::of_flag::<R>(name));
        self.expand.iter().map(String::as_str).chain(flagged).collect()
    }
}

/// A query that was found sound.
pub(super) struct Plan<R> {
    pub page: u64,
    pub page_size: u64,
    /// The field to sort by.
    pub field: String,
    pub reverse: bool,
    pub conditions: Vec<Condition<R>>,
}

impl<R> Plan<R> {
    /// The part of all that matches, in order, which lies on the page.
    pub(super) fn on_page<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let start = (self.page - 1).saturating_mul(self.page_size);
        let [start, end] = [start, start.saturating_add(self.page_size)]
            .map(|place| usize::try_from(place).map_or(all.len(), |place| place.min(all.len())));
        all.get(start..end).unwrap_or_default()
    }
}

fn page_size_rule() -> String {
    format!("must be a whole number, 1 to {PAGE_SIZE_MAX}")
}

fn sort<R: Record>(text: &str) -> Result<(String, bool), String> {
    let (field, reverse) = match text.rsplit_once('-') {
        Some((field, "asc")) => (field, false),
        Some((field, "desc")) => (field, true),
        _ => return Err(format!("{} is not FIELD-asc or FIELD-desc", quoted(text))),
    };
    if field == "id" || index_of::<R>(field).is_some() {
        return Ok((field.to_owned(), reverse));
    }
    Err(format!("{} cannot be sorted by", quoted(field)))
}

/// The envelope of a list, as the C face gives it.
impl From<Page<Value>> for Value {
    fn from(page: Page<Value>) -> Self {
        let meta = [
            ("page", page.page),
            ("page_size", page.page_size),
            ("page_count", page.page_count),
            ("item_count", page.item_count),
        ];
        let meta: Map<_, _> = meta.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        let fields = [("data".to_owned(), Value::Array(page.data)), ("meta".to_owned(), Value::Object(meta))];
        Value::Object(Map::from_iter(fields))
    }
}
