//! From a header to the columns of a kind of report: which column has which standard place, what stays beside it as
//! text, what is withheld.

use std::path::Path;
use std::sync::Arc;

use super::header::{Header, Names, personal};
use super::pipeline::{Layout, Row, RowBuilder};
use super::sniff::Looks;
use super::written::Interpreted;
use super::{Kind, RESERVED, standard_fields};
use crate::column::{Field, Type};
use crate::{Error, Result};

/// The columns of a kind of report that Tillroll knows, by number.
pub(super) trait Slots: Copy + 'static {
    /// How each is found, in the order of the numbers.
    const KNOWN: &'static [Known];

    /// Its number.
    fn number(self) -> usize;
}

/// Columns that some builder takes the rows of.
pub(super) trait Reads: Slots + Sync {
    /// A builder for a file with this header that expects about so many rows.
    fn builder(layout: &Binding<Self>, rows: usize) -> Box<dyn RowBuilder + '_>;
}

/// How a column is found in a header, and what becomes of its text.
#[derive(Debug)]
pub(super) struct Known {
    /// What errors call it.
    pub name: &'static str,
    /// Normalised names it goes by.
    keys: &'static [&'static str],
    /// The normalised beginning of its name; empty where its names are all known.
    beginning: &'static str,
    /// Whether a report without it cannot be read.
    required: bool,
    keep: Keep,
}

/// What stays of a column's text beside the standard columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing: the standard column holds it as it stands.
    Nothing,
    /// All of it, under the header's own name.
    Text,
    /// What the value does not give back (see [`super::written`]).
    Difference(Interpreted),
}

impl Known {
    /// A column whose text goes into a standard column as it stands.
    pub(super) const fn verbatim(name: &'static str, keys: &'static [&'static str]) -> Self {
        Self { name, keys, beginning: "", required: false, keep: Keep::Nothing }
    }

    /// A column that is read into something else.
    pub(super) const fn interpreted(name: &'static str, keys: &'static [&'static str], keep: Keep) -> Self {
        Self { name, keys, beginning: "", required: false, keep }
    }

    /// It is found by how its name begins.
    pub(super) const fn beginning(mut self, beginning: &'static str) -> Self {
        self.beginning = beginning;
        self
    }

    /// A report without it cannot be read.
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn places(&self, header: &Header) -> Vec<usize> {
        if self.beginning.is_empty() { header.named(self.keys) } else { header.starting(self.beginning) }
    }
}

/// A column beside the standard ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extra {
    /// Its place in the rows.
    pub place: usize,
    /// The interpreted column whose text it keeps in short; `None`: all its text is kept.
    pub of: Option<Interpreted>,
}

/// A header, bound.
#[derive(Debug)]
pub(super) struct Binding<S> {
    /// The batch's fields: the standard ones, then those of `extras`.
    pub fields: Arc<[Field]>,
    /// What else the file has, under its own names and in its order.
    pub extras: Vec<Extra>,
    /// Personal columns that are dropped.
    pub withheld: Vec<usize>,
    /// Columns of the header.
    pub width: usize,
    places: Vec<Option<usize>>,
    slots: std::marker::PhantomData<S>,
}

/// Columns of a header at most; today's largest has 28.
const COLUMNS_MAX: usize = 1_000;

impl<S: Slots> Binding<S> {
    /// Binds a header's columns.
    ///
    /// # Errors
    /// `Format` naming the required columns that are missing or stand twice.
    pub(super) fn new(
        kind: Kind,
        (path, line): (&Path, u64),
        header: &Header,
        looks: Looks,
        keep_personal: bool,
    ) -> Result<Self> {
        if header.len() > COLUMNS_MAX {
            let detail = format!("{} columns are more than any report has", header.len());
            return Err(Error::format(path, Some(line), detail));
        }
        let (mut places, mut faults) = (Vec::with_capacity(S::KNOWN.len()), Vec::new());
        for known in S::KNOWN {
            let found = known.places(header);
            match found.as_slice() {
                [] if known.required => faults.push(format!("no column {}", known.name)),
                [_, _, ..] if known.required => faults.push(format!("more than one column {}", known.name)),
                _ => {}
            }
            places.push(found.first().copied());
        }
        if !faults.is_empty() {
            return Err(Error::format(path, Some(line), misfit(kind, &faults, looks)));
        }
        let (fields, extras) = lay_out::<S>(header, &places, keep_personal);
        let is_withheld =
            |(place, name): (usize, &String)| (personal(name) && !keep_personal).then_some(place);
        let withheld = header.names.iter().enumerate().filter_map(is_withheld).collect();
        let (width, slots) = (header.len(), std::marker::PhantomData);
        Ok(Self { fields, extras, withheld, width, places, slots })
    }

    /// The text of a column; `None` where the file has none, or the row ends before it.
    pub(super) fn get<'a>(&self, row: &Row<'a>, slot: S) -> Option<&'a [u8]> {
        let place = *self.places.get(slot.number())?;
        row.get(place?)
    }

    /// The text of a column that every row must have, perhaps blank.
    pub(super) fn require<'a>(&self, row: &Row<'a>, slot: S) -> Result<&'a [u8], String> {
        self.get(row, slot).ok_or_else(|| format!("the row ends before {}", name(slot)))
    }
}

impl<S: Reads> Layout for Binding<S> {
    fn width(&self) -> usize {
        self.width
    }

    fn withheld(&self) -> &[usize] {
        &self.withheld
    }

    fn builder(&self, rows: usize) -> Box<dyn RowBuilder + '_> {
        S::builder(self, rows)
    }
}

/// What errors call a column.
pub(super) fn name<S: Slots>(slot: S) -> &'static str {
    S::KNOWN.get(slot.number()).map_or("", |known| known.name)
}

fn misfit(kind: Kind, faults: &[String], looks: Looks) -> String {
    let faults = faults.join(", ");
    if looks == Looks::Kind(kind) {
        return format!("{faults}: not a whole {kind} report");
    }
    let expected = Looks::Kind(kind).describe();
    format!("not {expected} but {} ({faults})", looks.describe())
}

/// The batch's fields: the standard ones, then what else the file has, under its own names and in its order.
fn lay_out<S: Slots>(
    header: &Header,
    places: &[Option<usize>],
    keep_personal: bool,
) -> (Arc<[Field]>, Vec<Extra>) {
    let mut fields = standard_fields().to_vec();
    let mut names =
        Names::taken(RESERVED.iter().copied().chain(standard_fields().iter().map(|f| f.name.as_str())));
    let mut extras = Vec::new();
    for (place, name) in header.names.iter().enumerate() {
        let bound = S::KNOWN.iter().zip(places).find(|(_, bound)| **bound == Some(place));
        let of = match bound.map(|(known, _)| known.keep) {
            Some(Keep::Nothing) => continue,
            None if personal(name) && !keep_personal => continue,
            Some(Keep::Difference(interpreted)) => Some(interpreted),
            Some(Keep::Text) | None => None,
        };
        fields.push(Field::new(names.give(name, place), Type::Text));
        extras.push(Extra { place, of });
    }
    (fields.into(), extras)
}
