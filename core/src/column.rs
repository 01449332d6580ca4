//! Columns in memory: what a report's rows are parsed into, and what a roll takes and gives. There are two physical
//! types, text and 64-bit integers; money, times, dates and counts are integers whose meaning the sales schema knows.

use std::ops::Range;
use std::sync::Arc;

use arrow_buffer::NullBuffer;

/// The code of a null in a dictionary-coded column.
pub const NULL_CODE: u32 = u32::MAX;

/// The physical type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// UTF-8 text.
    Text,
    /// A signed 64-bit integer.
    Int,
}

/// A column's name and type. Names are unique within a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// Its physical type.
    pub ty: Type,
}

impl Field {
    /// A field of this name and type.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), ty }
    }
}

/// Many strings in one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<u32>,
}

impl Strings {
    /// The number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all strings together.
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The string at `index`; empty where there is none, so that a wrong index can never panic.
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends.get(index - 1).map_or(0, |&end| end as usize) };
        self.ends.get(index).and_then(|&end| self.text.get(start..end as usize)).unwrap_or_default()
    }

    /// The bytes of the string at `index`: [`Self::get`] without a look at where characters begin.
    pub(crate) fn bytes(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends.get(index - 1).map_or(0, |&end| end as usize) };
        self.ends
            .get(index)
            .and_then(|&end| self.text.as_bytes().get(start..end as usize))
            .unwrap_or_default()
    }

    /// Appends a string. The whole may hold at most 4 GiB; callers bound their chunks far below that.
    pub fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// All strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Whole runs of strings at once, for roll pages and Arrow.
impl Strings {
    /// No strings yet, with room for this many and their bytes.
    pub fn with_capacity(strings: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(strings) }
    }

    /// Forgets all strings but keeps their room.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Strings that stand one behind the other, each up to its end. An end that is not between characters gives empty
    /// strings.
    pub(crate) fn from_parts(text: String, ends: Vec<u32>) -> Self {
        Self { text, ends }
    }

    /// What [`Self::from_parts`] takes.
    pub(crate) fn into_parts(self) -> (String, Vec<u32>) {
        (self.text, self.ends)
    }

    /// All strings one behind the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends some strings of another run; rows it does not have are left out.
    pub fn extend_from(&mut self, other: &Self, rows: Range<usize>) {
        let Some(ends) = other.ends.get(rows.clone()) else { return };
        let start = rows.start.checked_sub(1).and_then(|row| other.ends.get(row)).copied().unwrap_or(0);
        let end = ends.last().copied().unwrap_or(start);
        let base = self.text.len();
        self.text.push_str(other.text.get(start as usize..end as usize).unwrap_or_default());
        let place = |&end: &u32| u32::try_from(base + (end - start) as usize).unwrap_or(u32::MAX);
        self.ends.extend(ends.iter().map(place));
    }

    /// Appends `text` cut into strings of `len` bytes each. Cuts that are not between characters give empty strings.
    pub fn extend_fixed(&mut self, text: &str, len: usize) {
        let base = self.text.len();
        self.text.push_str(text);
        let place = |row: usize| u32::try_from(base + (row + 1) * len).unwrap_or(u32::MAX);
        self.ends.extend((0..text.len().checked_div(len).unwrap_or(0)).map(place));
    }
}

impl<'a> FromIterator<&'a str> for Strings {
    fn from_iter<I: IntoIterator<Item = &'a str>>(values: I) -> Self {
        let mut strings = Self::default();
        values.into_iter().for_each(|value| strings.push(value));
        strings
    }
}

/// The values of one column for some rows.
#[derive(Debug, Clone)]
pub enum Column {
    /// Integers; the value under a null is unspecified.
    Int {
        /// One value a row.
        values: Vec<i64>,
        /// Which rows have a value; `None`: all.
        nulls: Option<NullBuffer>,
    },
    /// Text as indexes into a dictionary of distinct strings; [`NULL_CODE`] is null.
    Coded {
        /// The strings that codes point to. Not every string need be used.
        dictionary: Arc<Strings>,
        /// One code a row.
        codes: Vec<u32>,
    },
    /// Text as it is, for columns with few repeats; the string under a null is empty.
    Plain {
        /// One string a row.
        values: Strings,
        /// Which rows have a value; `None`: all.
        nulls: Option<NullBuffer>,
    },
}

impl Column {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Int { values, .. } => values.len(),
            Self::Coded { codes, .. } => codes.len(),
            Self::Plain { values, .. } => values.len(),
        }
    }

    /// The physical type.
    pub fn ty(&self) -> Type {
        match self {
            Self::Int { .. } => Type::Int,
            Self::Coded { .. } | Self::Plain { .. } => Type::Text,
        }
    }

    /// About how much memory the values take, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Int { values, .. } => values.len() * 8,
            Self::Coded { dictionary, codes } => dictionary.text_len() + codes.len() * 4,
            Self::Plain { values, .. } => values.text_len() + values.len() * 4,
        }
    }

    /// Some of its rows.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        let cut =
            |nulls: &Option<NullBuffer>| nulls.as_ref().map(|nulls| nulls.slice(rows.start, rows.len()));
        match self {
            Self::Int { values, nulls } => {
                let values = values.get(rows.clone()).unwrap_or_default().to_vec();
                Self::Int { values, nulls: cut(nulls) }
            }
            Self::Coded { dictionary, codes } => {
                let codes = codes.get(rows).unwrap_or_default().to_vec();
                Self::Coded { dictionary: Arc::clone(dictionary), codes }
            }
            Self::Plain { values: all, nulls } => {
                let mut values = Strings::default();
                values.extend_from(all, rows.clone());
                Self::Plain { values, nulls: cut(nulls) }
            }
        }
    }

    /// The integer of a row; `None` for null, another type or no such row.
    pub fn int(&self, row: usize) -> Option<i64> {
        match self {
            Self::Int { values, nulls } => {
                let valid = nulls.as_ref().is_none_or(|nulls| row < nulls.len() && nulls.is_valid(row));
                values.get(row).copied().filter(|_| valid)
            }
            _ => None,
        }
    }

    /// The text of a row; `None` for null, another type or no such row.
    pub fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Int { .. } => None,
            Self::Coded { dictionary, codes } => {
                codes.get(row).filter(|&&code| code != NULL_CODE).map(|&code| dictionary.get(code as usize))
            }
            Self::Plain { values, nulls } => {
                let valid = nulls.as_ref().is_none_or(|nulls| row < nulls.len() && nulls.is_valid(row));
                (valid && row < values.len()).then(|| values.get(row))
            }
        }
    }
}

/// Rows as columns: what a report reader hands on and a roll appends.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The number of rows, which every column has.
    pub rows: usize,
    /// The columns' names and types.
    pub fields: Arc<[Field]>,
    /// The columns, in the order of `fields`.
    pub columns: Vec<Column>,
}

impl Batch {
    /// About how much memory the rows take, in bytes.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        self.columns.get(index)
    }
}
