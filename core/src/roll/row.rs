//! Single rows of all columns: what a lookup reads. The pages that the same rows of all columns stand in are held
//! together, so that a row costs one question to the cache and not one for each column.

use std::sync::Arc;

use super::cache::Entry;
use super::footer::{Chunk, Place, TableMeta};
use super::int::{self, Lane as _};
use super::reader::Roll;
use super::scan::{At, Cell, Pages, table_name};
use super::{BLOCK_ROWS, PAGE_ROWS, text};
use crate::column::NULL_CODE;
use crate::{Error, Result};

/// The verified pages of some rows, by column: where a column follows from another one in their block, the table by
/// which it does; none where all rows of the block are null.
#[derive(Debug)]
pub(crate) struct Slice {
    pages: Box<[Option<Arc<[u8]>>]>,
    bytes: usize,
}

impl Slice {
    /// The bytes that are held by it alone.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// One row of a table.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    roll: &'a Roll,
    table: &'a TableMeta,
    slice: Arc<Slice>,
    row: u32,
}

impl Roll {
    /// A row of a table, whose cells are then read from memory.
    pub(crate) fn cells(&self, table: usize, row: u32) -> Result<Row<'_>> {
        let found = self.footer.tables.get(table).filter(|table| row < table.rows);
        let table = found
            .ok_or_else(|| Error::invalid("row", format!("there is no row {row} in a table {table}")))?;
        let row = Row { roll: self, table, slice: self.slice(table, row / PAGE_ROWS)?, row };
        row.touch();
        Ok(row)
    }

    /// The pages of rows `number * PAGE_ROWS` and so on.
    fn slice(&self, table: &TableMeta, number: u32) -> Result<Arc<Slice>> {
        let page = (number % (BLOCK_ROWS / PAGE_ROWS)) as usize;
        let block = number / (BLOCK_ROWS / PAGE_ROWS);
        let place_of = |at: At<'_>| match at.chunk(block) {
            Chunk::Int { pages, .. } | Chunk::Coded { pages, .. } | Chunk::Plain { pages, .. } => {
                pages.get(page).copied()
            }
            Chunk::Null | Chunk::Derived { .. } => None,
        };
        let columns = || (0..table.columns.len()).map(|column| At { table, column });
        // No page begins one byte behind the beginning of another, so that this is a name that no page has.
        let name = columns().find_map(place_of).map(|place| place.offset.saturating_add(1));
        if let Some(Entry::Slice(slice)) = name.and_then(|name| self.held(name)) {
            return Ok(slice);
        }
        let mut bytes = 0;
        let page_of = |at: At<'_>| match (at.chunk(block), place_of(at)) {
            (_, Some(place)) => {
                bytes += place.len as usize;
                let pages = Pages { at, block, places: &[] };
                self.page_unheld(place, || pages.what(page)).map(Some)
            }
            (Chunk::Derived { page, .. }, _) => self.page(*page, || table_name(at, block)).map(Some),
            (Chunk::Null, _) => Ok(None),
            _ => Err(self.senseless(&Pages { at, block, places: &[] }.what(page))),
        };
        let pages = columns().map(page_of).collect::<Result<_>>()?;
        let slice = Arc::new(Slice { pages, bytes });
        if let Some(name) = name {
            self.hold(name, Entry::Slice(Arc::clone(&slice)));
        }
        Ok(slice)
    }
}

impl Row<'_> {
    /// Reads a byte where each page begins and about where the row stands in it. Cells are read one after the other, and
    /// each would wait twice for memory; these reads wait for nothing, so that memory serves many of them at once.
    fn touch(&self) {
        let (place, rows) = (self.place(), self.page_rows());
        let near = |page: &[u8]| Some(page.first()? ^ page.get(page.len() * place / rows)?);
        let pages = self.slice.pages.iter().flatten();
        std::hint::black_box(pages.fold(0, |all, page| all ^ near(page).unwrap_or_default()));
    }

    /// The value of a column.
    pub(crate) fn cell(&self, column: usize) -> Result<Cell> {
        let at = self.roll.of(self.table, column)?;
        let block = self.row / BLOCK_ROWS;
        Ok(match at.chunk(block) {
            Chunk::Null => Cell::Null,
            Chunk::Int { .. } => self.int(at)?.map_or(Cell::Null, Cell::Int),
            Chunk::Plain { .. } => {
                let text = text::get(self.page(at)?, self.page_rows(), self.place());
                text.ok_or_else(|| self.senseless(at))?.map_or(Cell::Null, Cell::Text)
            }
            Chunk::Coded { .. } => self.text(at, self.int(at)?)?,
            Chunk::Derived { key, base, span, .. } => {
                let (key, _) = self.roll.key(at, *key, block)?;
                let key = self.int(key)?.unwrap_or(0);
                let place = usize::try_from(key.wrapping_sub(i64::from(*base))).unwrap_or(usize::MAX);
                let code = int::get(self.page(at)?, *span as usize, place);
                let code = code.ok_or_else(|| self.roll.senseless(&table_name(at, block)))?;
                self.text(at, code)?
            }
        })
    }

    fn page(&self, at: At<'_>) -> Result<&[u8]> {
        let page = self.slice.pages.get(at.column).and_then(Option::as_deref);
        page.ok_or_else(|| self.senseless(at))
    }

    /// The number of the row in its page.
    fn place(&self) -> usize {
        (self.row % PAGE_ROWS) as usize
    }

    fn page_rows(&self) -> usize {
        let first = self.row - self.row % PAGE_ROWS;
        (self.table.rows - first).min(PAGE_ROWS) as usize
    }

    fn senseless(&self, at: At<'_>) -> Error {
        let pages = Pages { at, block: self.row / BLOCK_ROWS, places: &[] };
        self.roll.senseless(&pages.what((self.row % BLOCK_ROWS / PAGE_ROWS) as usize))
    }

    fn int(&self, at: At<'_>) -> Result<Option<i64>> {
        int::get(self.page(at)?, self.page_rows(), self.place()).ok_or_else(|| self.senseless(at))
    }

    fn text(&self, at: At<'_>, stored: Option<i64>) -> Result<Cell> {
        match stored.map(u32::of).filter(|&code| code != NULL_CODE) {
            Some(code) => self.roll.meaning(at, code).map(Cell::Text),
            None => Ok(Cell::Null),
        }
    }
}

/// What the cache knows of this roll, for its rows.
impl Roll {
    /// The verified bytes of a page, which are held by whoever asks for them.
    fn page_unheld(&self, place: Place, what: impl Fn() -> String) -> Result<Arc<[u8]>> {
        if let Some(Entry::Page(page)) = self.held(place.offset) {
            return Ok(page);
        }
        let bytes = self.load(place.offset.into(), place.len.into(), "a page")?;
        Ok(self.verified(place, &bytes, what)?.into())
    }
}
