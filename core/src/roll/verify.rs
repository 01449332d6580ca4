//! Reading a whole roll to see that it is whole.

use super::cache::Cache;
use super::footer::{Chunk, Place, TableMeta, block_rows, blocks};
use super::reader::Roll;
use super::{BLOCK_ROWS, Zone, index};
use crate::Result;
use crate::column::{Column, NULL_CODE};

/// What verification holds of the roll at once.
const CACHE_BYTES: u64 = 64 << 20;

impl Roll {
    /// Reads every byte from disk and checks every checksum, that pages, indexes and dictionaries fill the file without
    /// a gap, that values lie in their zones, and that each index has exactly the entries of its column.
    ///
    /// # Errors
    /// `Corruption` naming the first fault found.
    pub fn verify(&self) -> Result<()> {
        let fresh = self.reopened(Cache::new(CACHE_BYTES))?;
        fresh.verify_places()?;
        let tables = fresh.footer.tables.iter().enumerate();
        tables.into_iter().try_for_each(|(number, table)| fresh.verify_table(number, table))
    }

    fn verify_places(&self) -> Result<()> {
        let mut places: Vec<Place> = self.footer.tables.iter().flat_map(places).collect();
        places.sort_unstable_by_key(|place| place.offset);
        let mut end = self.data.start;
        for place in places {
            if u64::from(place.offset) != end {
                return Err(
                    self.corrupt(format!("nothing is known of the bytes between {end} and {}", place.offset))
                );
            }
            end = place.end();
            let bytes = self.load(place.offset.into(), place.len.into(), "a page")?;
            self.verified(place, &bytes, || "a page".into())?;
        }
        if end != self.data.end {
            return Err(self.corrupt(format!("nothing is known of the bytes from {end} on")));
        }
        Ok(())
    }

    fn verify_table(&self, number: usize, table: &TableMeta) -> Result<()> {
        let indexed = table.index.as_ref().map(|index| index.column as usize);
        let mut entries = Vec::new();
        for column in 0..table.columns.len() {
            for block in 0..blocks(table.rows) {
                let first = block * BLOCK_ROWS;
                let values = self.read(number, column, first..first + block_rows(table.rows, block))?;
                if self.zone(number, column, block).is_some_and(|zone| zone != found_zone(&values)) {
                    return Err(
                        self.corrupt(format!("{} block {block} exceeds its zone", self.at(number, column)?))
                    );
                }
                if indexed == Some(column) {
                    let entry = |(row, number)| values.text(row).map(|text| index::entry(text, number));
                    entries.extend((0..values.len()).zip(first..).filter_map(entry));
                }
            }
        }
        self.verify_index(table, entries)
    }

    /// Builds the index again and compares it page by page.
    fn verify_index(&self, table: &TableMeta, mut entries: Vec<u64>) -> Result<()> {
        let Some(index) = &table.index else { return Ok(()) };
        let wrong = || self.corrupt(format!("the index of table {:?} is not that of its rows", table.name));
        if entries.len() != index.entries as usize || index::page_count(entries.len()) != index.pages.len() {
            return Err(wrong());
        }
        let mut places = index.pages.iter();
        index::build(&mut entries, |expected| {
            let page = self.page(*places.next().ok_or_else(wrong)?, || "the index".into())?;
            if *page == *expected { Ok(()) } else { Err(wrong()) }
        })
    }
}

/// Every place of a table.
pub(super) fn places(table: &TableMeta) -> impl Iterator<Item = Place> {
    let index = table.index.iter().flat_map(|index| &index.pages);
    let chunks = table.columns.iter().flat_map(|column| &column.chunks).flat_map(Chunk::places);
    let dictionaries =
        table.columns.iter().filter(|column| column.strings > 0).map(|column| &column.dictionary);
    index.chain(chunks).chain(dictionaries).copied()
}

/// The zone of values as they are.
fn found_zone(values: &Column) -> Zone {
    let value = |row| match values {
        Column::Coded { codes, .. } => {
            codes.get(row).filter(|&&code| code != NULL_CODE).map(|&code| i64::from(code))
        }
        _ => values.int(row),
    };
    Zone::of((0..values.len()).map(value))
}
