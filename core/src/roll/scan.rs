//! From pages to columns: whole blocks, parts of them, and single rows.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_buffer::NullBuffer;

use super::derive;
use super::footer::{Chunk, Place, TableMeta, block_rows};
use super::int::{self, Lane};
use super::reader::Roll;
use super::text;
use super::validity::Validity;
use super::{BLOCK_ROWS, PAGE_ROWS};
use crate::column::{Column, NULL_CODE, Strings, Type};
use crate::{Error, Result};

const PAGE: usize = PAGE_ROWS as usize;

/// A part of a page of at most this many rows is read row by row instead of as a whole.
const SINGLE_ROWS: usize = 16;

/// A column of a table that exist, for the way down to its pages.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) table: &'a TableMeta,
    pub(super) column: usize,
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.table.fields.get(self.column).map_or("", |field| field.name.as_str());
        write!(f, "table {:?} column {name:?}", self.table.name)
    }
}

impl<'a> At<'a> {
    fn ty(&self) -> Type {
        self.table.fields.get(self.column).map_or(Type::Text, |field| field.ty)
    }

    pub(super) fn chunk(&self, block: u32) -> &'a Chunk {
        let column = self.table.columns.get(self.column);
        column.and_then(|column| column.chunks.get(block as usize)).unwrap_or(&Chunk::Null)
    }

    /// The dictionary, where it stays with its roll and has been read.
    fn pinned(&self) -> Option<&Strings> {
        self.table.columns.get(self.column)?.pinned.get().map(AsRef::as_ref)
    }

    fn is_plain(&self, row: u32) -> bool {
        matches!(self.chunk(row / BLOCK_ROWS), Chunk::Plain { .. })
    }

    pub(super) fn with(self, column: u32) -> Self {
        Self { column: column as usize, ..self }
    }
}

/// The pages of one block of a column.
#[derive(Clone, Copy)]
pub(super) struct Pages<'a> {
    pub(super) at: At<'a>,
    pub(super) block: u32,
    pub(super) places: &'a [Place],
}

impl Pages<'_> {
    pub(super) fn what(&self, page: usize) -> String {
        format!("{} block {} page {page}", self.at, self.block)
    }

    /// The rows of a page.
    fn rows(&self, page: usize) -> usize {
        (block_rows(self.at.table.rows, self.block) as usize).saturating_sub(page * PAGE).min(PAGE)
    }
}

impl Roll {
    /// A column that exists.
    pub(super) fn at(&self, table: usize, column: usize) -> Result<At<'_>> {
        let found = self.footer.tables.get(table).filter(|table| column < table.columns.len());
        let missing = || Error::invalid("column", format!("there is no column {column} in a table {table}"));
        Ok(At { table: found.ok_or_else(missing)?, column })
    }

    /// A column of a table, which must exist.
    pub(super) fn of<'a>(&self, table: &'a TableMeta, column: usize) -> Result<At<'a>> {
        match table.columns.get(column) {
            Some(_) => Ok(At { table, column }),
            None => Err(Error::invalid("column", format!("there is no column {column}"))),
        }
    }

    /// Rows of a column, all within one block. Text is coded by the roll's dictionary, or plain, block by block.
    pub fn read(&self, table: usize, column: usize, rows: Range<u32>) -> Result<Column> {
        let at = self.at(table, column)?;
        if rows.start > rows.end || rows.end > at.table.rows {
            return Err(Error::invalid("rows", format!("{rows:?} of {} rows", at.table.rows)));
        }
        let block = rows.start / BLOCK_ROWS;
        let first = block * BLOCK_ROWS;
        if rows.end - first > BLOCK_ROWS {
            return Err(Error::invalid("rows", format!("{rows:?} are not within one block")));
        }
        self.read_block(at, block, (rows.start - first) as usize..(rows.end - first) as usize)
    }

    /// Rows of a text column, all within one block, as UUIDs; `None` where not all of them are written as such in small
    /// letters, or where this is not how their block has them. What is damaged is told by [`Self::read`].
    pub(crate) fn read_uuids(&self, table: usize, column: usize, rows: Range<u32>) -> Result<Option<Uuids>> {
        let at = self.at(table, column)?;
        let block = rows.start / BLOCK_ROWS;
        let first = block * BLOCK_ROWS;
        let Chunk::Plain { pages: places, .. } = at.chunk(block) else { return Ok(None) };
        if rows.end > at.table.rows.min(first.saturating_add(BLOCK_ROWS)) {
            return Ok(None);
        }
        let (mut values, mut nulls) = (Vec::with_capacity(rows.len()), Validity::default());
        let mut are_uuids = true;
        let rows = (rows.start - first) as usize..(rows.end - first) as usize;
        // A column of other texts shows in its first page, so that the others are not fetched for nothing.
        let head = rows.end.min((rows.start / PAGE + 1) * PAGE);
        for rows in [rows.start..head, head..rows.end] {
            if !are_uuids || rows.is_empty() {
                break;
            }
            self.each_page(Pages { at, block, places }, rows, |bytes, count, wanted| {
                are_uuids =
                    are_uuids && uuids_of_page(bytes, count, wanted, &mut values, &mut nulls).is_some();
                Some(())
            })?;
        }
        Ok(are_uuids.then(|| Uuids { values, nulls: nulls.finish() }))
    }

    /// One row of a column, as a column of one row. Touches one page (two for a column that follows from another).
    pub fn row(&self, table: usize, column: usize, row: u32) -> Result<Column> {
        self.gather(table, column, &[row])
    }

    /// Any rows of a column, in the order given. Each page is fetched once for rows that follow each other in it, so
    /// sorted rows are cheapest. Text is coded if all of the rows are.
    pub fn gather(&self, table: usize, column: usize, rows: &[u32]) -> Result<Column> {
        let at = self.at(table, column)?;
        if let Some(row) = rows.iter().find(|&&row| row >= at.table.rows) {
            return Err(Error::invalid("rows", format!("row {row} of {} rows", at.table.rows)));
        }
        match at.ty() {
            Type::Int => self.gather_ints(at, rows),
            Type::Text if rows.iter().any(|&row| at.is_plain(row)) => self.gather_text(at, rows),
            Type::Text => {
                let codes = self.gather_codes(at, rows)?;
                self.coded(at, codes)
            }
        }
    }

    /// The text that a code stands for.
    pub(super) fn meaning(&self, at: At<'_>, code: u32) -> Result<String> {
        let text = |strings: &Strings| {
            let code = code as usize;
            if code < strings.len() { Ok(strings.get(code).to_owned()) } else { Err(self.stray_code(at)) }
        };
        match at.pinned() {
            Some(strings) => text(strings),
            None => text(&*self.strings(at)?),
        }
    }

    fn stray_code(&self, at: At<'_>) -> Error {
        self.corrupt(format!("{at} has a code that is not in its dictionary"))
    }

    fn read_block(&self, at: At<'_>, block: u32, rows: Range<usize>) -> Result<Column> {
        let pages = |places| Pages { at, block, places };
        match at.chunk(block) {
            Chunk::Null if at.ty() == Type::Int => {
                let mut nulls = Validity::default();
                nulls.extend(rows.len(), false);
                Ok(Column::Int { values: vec![0; rows.len()], nulls: nulls.finish() })
            }
            Chunk::Null => self.coded(at, vec![NULL_CODE; rows.len()]),
            Chunk::Int { pages: places, .. } => {
                let (mut values, mut nulls) = (Vec::with_capacity(rows.len()), Validity::default());
                self.decode_ints(pages(places), rows, &mut values, &mut nulls)?;
                Ok(Column::Int { values, nulls: nulls.finish() })
            }
            Chunk::Coded { pages: places, .. } => self.coded(at, self.decode_codes(pages(places), rows)?),
            Chunk::Derived { key, base, span, page, .. } => {
                let codes = self.derived(at, block, rows, (*key, *base, *span, *page))?;
                self.coded(at, codes)
            }
            Chunk::Plain { pages: places, .. } => self.decode_texts(pages(places), rows),
        }
    }

    /// Text by the roll's dictionary. Codes that are not in it would point nowhere.
    fn coded(&self, at: At<'_>, codes: Vec<u32>) -> Result<Column> {
        let dictionary = self.strings(at)?;
        // Null wraps to 0, every other code to its place counted from 1.
        let last = codes.iter().fold(0, |last, code| last.max(code.wrapping_add(1)));
        if last as usize > dictionary.len() {
            return Err(self.stray_code(at));
        }
        Ok(Column::Coded { dictionary, codes })
    }

    fn decode_codes(&self, pages: Pages<'_>, rows: Range<usize>) -> Result<Vec<u32>> {
        let mut codes = Vec::with_capacity(rows.len());
        self.decode_ints(pages, rows, &mut codes, &mut Validity::default())?;
        Ok(codes)
    }

    fn derived(
        &self,
        at: At<'_>,
        block: u32,
        rows: Range<usize>,
        (key, base, span, page): (u32, u32, u32, Place),
    ) -> Result<Vec<u32>> {
        let table = self.table_page(at, block, page)?;
        let mut values = Vec::<u32>::new();
        let decoded = int::decode(&table, span as usize, &mut values, &mut Validity::default());
        decoded.ok_or_else(|| self.senseless(&table_name(at, block)))?;
        let (key, places) = self.key(at, key, block)?;
        let mut codes = self.decode_codes(Pages { at: key, block, places }, rows)?;
        derive::apply(&mut codes, base, &mut values).ok_or_else(|| self.senseless(&table_name(at, block)))?;
        Ok(codes)
    }

    /// The column that another one follows from in a block, and its pages.
    pub(super) fn key<'a>(&self, at: At<'a>, key: u32, block: u32) -> Result<(At<'a>, &'a [Place])> {
        let key = at.with(key);
        match key.chunk(block) {
            Chunk::Coded { pages, .. } => Ok((key, pages)),
            _ => Err(self.corrupt(format!("{at} follows from a column that is not coded"))),
        }
    }

    fn table_page(&self, at: At<'_>, block: u32, page: Place) -> Result<Arc<[u8]>> {
        self.page(page, || table_name(at, block))
    }

    pub(super) fn senseless(&self, what: &str) -> Error {
        self.corrupt(format!("{what} makes no sense"))
    }

    fn decode_ints<T: Lane>(
        &self,
        pages: Pages<'_>,
        rows: Range<usize>,
        out: &mut Vec<T>,
        nulls: &mut Validity,
    ) -> Result<()> {
        self.each_page(pages, rows, |bytes, count, wanted| {
            if wanted.len() == count {
                return int::decode(bytes, count, out, nulls);
            }
            if wanted.len() <= SINGLE_ROWS {
                return wanted.into_iter().try_for_each(|row| {
                    let value = int::get(bytes, count, row)?;
                    nulls.extend(1, value.is_some());
                    out.push(value.map_or(T::NULL, T::of));
                    Some(())
                });
            }
            let (mut values, mut some) = (Vec::new(), Validity::default());
            int::decode(bytes, count, &mut values, &mut some)?;
            out.extend_from_slice(values.get(wanted.clone())?);
            nulls.extend_from(some.finish().as_ref(), wanted);
            Some(())
        })
    }

    fn decode_texts(&self, pages: Pages<'_>, rows: Range<usize>) -> Result<Column> {
        let (mut values, mut nulls) = (Strings::with_capacity(rows.len(), 0), Validity::default());
        self.each_page(pages, rows, |bytes, count, wanted| {
            if wanted.len() == count {
                return text::decode(bytes, count, &mut values, &mut nulls);
            }
            if wanted.len() <= SINGLE_ROWS {
                return wanted.into_iter().try_for_each(|row| {
                    let value = text::get(bytes, count, row)?;
                    nulls.extend(1, value.is_some());
                    values.push(value.as_deref().unwrap_or_default());
                    Some(())
                });
            }
            let (mut page, mut some) = (Strings::default(), Validity::default());
            text::decode(bytes, count, &mut page, &mut some)?;
            values.extend_from(&page, wanted.clone());
            nulls.extend_from(some.finish().as_ref(), wanted);
            Some(())
        })?;
        Ok(Column::Plain { values, nulls: nulls.finish() })
    }

    /// Calls `decode` with the bytes of each page that has some of the rows, its row count, and the rows wanted of it.
    fn each_page(
        &self,
        pages: Pages<'_>,
        rows: Range<usize>,
        mut decode: impl FnMut(&[u8], usize, Range<usize>) -> Option<()>,
    ) -> Result<()> {
        let first = rows.start / PAGE;
        let places = pages.places.get(first..rows.end.div_ceil(PAGE)).unwrap_or_default();
        let bytes = self.pages(places, |page| pages.what(first + page))?;
        for (page, bytes) in (first..).zip(&bytes) {
            let wanted =
                rows.start.max(page * PAGE) - page * PAGE..rows.end.min((page + 1) * PAGE) - page * PAGE;
            decode(bytes, pages.rows(page), wanted).ok_or_else(|| self.senseless(&pages.what(page)))?;
        }
        Ok(())
    }

    fn gather_ints(&self, at: At<'_>, rows: &[u32]) -> Result<Column> {
        let (mut values, mut nulls) = (Vec::with_capacity(rows.len()), Validity::default());
        self.each_row(at, rows, |near, row| {
            let value = near.int(self, row)?;
            nulls.extend(1, value.is_some());
            values.push(value.unwrap_or_default());
            Ok(())
        })?;
        Ok(Column::Int { values, nulls: nulls.finish() })
    }

    fn gather_codes(&self, at: At<'_>, rows: &[u32]) -> Result<Vec<u32>> {
        let (mut codes, mut last_table) = (Vec::with_capacity(rows.len()), LastPage::default());
        self.each_row(at, rows, |near, row| {
            codes.push(self.code(at, (near, row), &mut last_table)?.unwrap_or(NULL_CODE));
            Ok(())
        })?;
        Ok(codes)
    }

    /// The code of a row whose text is coded or follows from another column; `None` for null.
    fn code(
        &self,
        at: At<'_>,
        (near, row): (&Near<'_>, u32),
        last_table: &mut LastPage,
    ) -> Result<Option<u32>> {
        let block = near.pages.block;
        let stored = match at.chunk(block) {
            Chunk::Coded { .. } => near.int(self, row)?,
            Chunk::Derived { base, span, page, .. } => {
                let key = near.int(self, row)?.unwrap_or(0);
                let bytes = last_table.get(*page, || self.table_page(at, block, *page))?;
                let place = usize::try_from(key.wrapping_sub(i64::from(*base))).unwrap_or(usize::MAX);
                int::get(bytes, *span as usize, place)
                    .ok_or_else(|| self.senseless(&table_name(at, block)))?
            }
            _ => None,
        };
        Ok(stored.map(u32::of).filter(|&code| code != NULL_CODE))
    }

    /// Text of rows of which some are plain; the coded ones are looked up.
    fn gather_text(&self, at: At<'_>, rows: &[u32]) -> Result<Column> {
        let (mut values, mut nulls) = (Strings::default(), Validity::default());
        let mut last_table = LastPage::default();
        let mut push = |value: Option<&str>| {
            values.push(value.unwrap_or_default());
            nulls.extend(1, value.is_some());
        };
        self.each_row(at, rows, |near, row| {
            match at.chunk(near.pages.block) {
                Chunk::Plain { .. } => push(near.text(self, row)?.as_deref()),
                _ => {
                    let code = self.code(at, (near, row), &mut last_table)?;
                    push(self.coded(at, vec![code.unwrap_or(NULL_CODE)])?.text(0));
                }
            }
            Ok(())
        })?;
        Ok(Column::Plain { values, nulls: nulls.finish() })
    }

    /// Calls `take` with each of some rows and the page that has it. Pages that lie far apart in memory are waited for
    /// together: of some at a time a byte is read where each begins and about where each row stands in it, which waits
    /// for nothing that was read before.
    fn each_row<'a>(
        &self,
        at: At<'a>,
        rows: &[u32],
        mut take: impl FnMut(&Near<'a>, u32) -> Result<()>,
    ) -> Result<()> {
        let pages = rows.chunk_by(|one, next| one / PAGE_ROWS == next / PAGE_ROWS);
        let mut pages = pages.filter_map(|rows| Some((*rows.first()?, rows)));
        let mut near = Vec::with_capacity(rows.len().min(AHEAD));
        loop {
            near.clear();
            for (first, rows) in pages.by_ref().take(AHEAD) {
                near.push((self.near(at, first)?, rows));
            }
            let touched = near.iter().flat_map(|(near, rows)| rows.iter().map(|&row| near.touch(row)));
            std::hint::black_box(touched.fold(0, |all, byte| all ^ byte));
            for (near, rows) in &near {
                rows.iter().try_for_each(|&row| take(near, row))?;
            }
            if near.len() < AHEAD {
                return Ok(());
            }
        }
    }

    /// The page that has a row; of a column that follows from another, that of the other.
    fn near<'a>(&self, at: At<'a>, row: u32) -> Result<Near<'a>> {
        let (block, page) = (row / BLOCK_ROWS, (row % BLOCK_ROWS) as usize / PAGE);
        let (at, places) = match at.chunk(block) {
            Chunk::Int { pages, .. } | Chunk::Coded { pages, .. } | Chunk::Plain { pages, .. } => {
                (at, &**pages)
            }
            Chunk::Derived { key, .. } => self.key(at, *key, block)?,
            Chunk::Null => {
                return Ok(Near { pages: Pages { at, block, places: &[] }, page, count: 0, bytes: None });
            }
        };
        let pages = Pages { at, block, places };
        let place = places.get(page).ok_or_else(|| self.senseless(&pages.what(page)))?;
        let bytes = self.page(*place, || pages.what(page))?;
        Ok(Near { pages, page, count: pages.rows(page), bytes: Some(bytes) })
    }
}

/// Pages that are waited for together.
const AHEAD: usize = if cfg!(test) { 3 } else { 32 };

/// A page with some of the rows that are asked for.
struct Near<'a> {
    pages: Pages<'a>,
    page: usize,
    /// Its rows.
    count: usize,
    /// None where its block has no values.
    bytes: Option<Arc<[u8]>>,
}

impl Near<'_> {
    /// Reads a byte where the page begins and about where a row stands in it.
    fn touch(&self, row: u32) -> u8 {
        let byte = |bytes: &[u8]| {
            let near = bytes.len().checked_div(self.count)? * place(row);
            Some(bytes.first()? ^ bytes.get(near)?)
        };
        self.bytes.as_deref().and_then(byte).unwrap_or_default()
    }

    /// The integer stored for a row.
    fn int(&self, roll: &Roll, row: u32) -> Result<Option<i64>> {
        let Some(bytes) = &self.bytes else { return Ok(None) };
        int::get(bytes, self.count, place(row)).ok_or_else(|| self.senseless(roll))
    }

    /// The text of a row, which stands as it is.
    fn text(&self, roll: &Roll, row: u32) -> Result<Option<String>> {
        let Some(bytes) = &self.bytes else { return Ok(None) };
        text::get(bytes, self.count, place(row)).ok_or_else(|| self.senseless(roll))
    }

    fn senseless(&self, roll: &Roll) -> Error {
        roll.senseless(&self.pages.what(self.page))
    }
}

/// Where a row stands in its page.
fn place(row: u32) -> usize {
    (row % PAGE_ROWS) as usize
}

/// Identifiers as numbers. What stands under a null is unspecified.
#[derive(Debug, Clone)]
pub(crate) struct Uuids {
    pub(crate) values: Vec<u128>,
    pub(crate) nulls: Option<NullBuffer>,
}

/// Appends the wanted rows of a page of UUIDs.
fn uuids_of_page(
    bytes: &[u8],
    count: usize,
    wanted: Range<usize>,
    values: &mut Vec<u128>,
    nulls: &mut Validity,
) -> Option<()> {
    if wanted.len() == count {
        return text::decode_uuids(bytes, count, values, nulls);
    }
    let (mut page, mut some) = (Vec::with_capacity(count), Validity::default());
    text::decode_uuids(bytes, count, &mut page, &mut some)?;
    values.extend_from_slice(page.get(wanted.clone())?);
    nulls.extend_from(some.finish().as_ref(), wanted);
    Some(())
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

pub(super) fn table_name(at: At<'_>, block: u32) -> String {
    format!("{at} block {block} table")
}

/// The page used last, so that rows that follow each other fetch it once.
#[derive(Default)]
struct LastPage(Option<(Place, Arc<[u8]>)>);

impl LastPage {
    fn get(&mut self, place: Place, fetch: impl FnOnce() -> Result<Arc<[u8]>>) -> Result<&[u8]> {
        if self.0.as_ref().is_none_or(|(last, _)| *last != place) {
            self.0 = Some((place, fetch()?));
        }
        Ok(self.0.as_ref().map_or(&[], |(_, page)| page))
    }
}
