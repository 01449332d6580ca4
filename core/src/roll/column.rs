//! A column while it is written: the rows of the block being filled, and the dictionary of all blocks.

use std::ops::Range;

use hashbrown::HashSet;

use super::derive::{self, Derivation};
use super::dictionary::{Dictionary, Limits};
use super::footer::{Chunk, Place};
use super::validity::Presence;
use super::{PAGE_ROWS, Zone, bits, int, text};
use crate::Result;
use crate::column::{Column, NULL_CODE, Strings, Type};

const PAGE: usize = PAGE_ROWS as usize;

/// Plain text waiting in a block beyond this many bytes is written page by page before the block is full.
const WAITING_MAX: usize = 8 << 20;

/// Rows looked at to tell identifiers from repeating text.
const SAMPLE: usize = 512;

/// Takes the bytes of a page and tells where they will stand.
pub(crate) trait PageSink {
    /// Appends a page.
    fn put_page(&mut self, bytes: &[u8]) -> Result<Place>;
}

/// The values of the block being filled.
#[derive(Debug)]
enum Values {
    Int {
        values: Vec<i64>,
        present: Presence,
    },
    /// Codes as stored: the dictionary's code + 1, 0 for null.
    Coded(Vec<u32>),
    Plain {
        values: Strings,
        present: Presence,
    },
}

/// One column being written.
#[derive(Debug)]
pub(crate) struct ColumnWriter {
    values: Values,
    dictionary: Dictionary,
    chunks: Vec<Chunk>,
    /// Pages of the current block that are written already, and their nulls. Such a block stays plain.
    flushed: Vec<Place>,
    flushed_nulls: usize,
    flushed_text: usize,
    /// The page being encoded.
    page: Vec<u8>,
    /// Where the text of an earlier block stood, empty: filling the same memory again spares the system from giving new.
    spare: Strings,
}

impl ColumnWriter {
    /// A column that is null in the blocks and rows before.
    pub(crate) fn new(ty: Type, limits: Limits, blocks: usize, rows: usize) -> Self {
        let values = match ty {
            Type::Int => Values::Int { values: Vec::new(), present: Presence::default() },
            Type::Text => Values::Coded(Vec::new()),
        };
        let mut column = Self {
            values,
            dictionary: Dictionary::new(limits),
            chunks: vec![Chunk::Null; blocks],
            flushed: Vec::new(),
            flushed_nulls: 0,
            flushed_text: 0,
            page: Vec::new(),
            spare: Strings::default(),
        };
        column.extend_null(rows);
        column
    }

    /// The dictionary and the finished blocks. A dictionary whose blocks all turned plain is of no use any more.
    pub(crate) fn into_parts(self) -> (Strings, Vec<Chunk>) {
        let coded = |chunk: &Chunk| matches!(chunk, Chunk::Coded { .. } | Chunk::Derived { .. });
        let used = self.chunks.iter().any(coded);
        (if used { self.dictionary.into_strings() } else { Strings::default() }, self.chunks)
    }

    /// About how many bytes the waiting rows and the dictionary will take.
    pub(crate) fn pending_bytes(&self) -> u64 {
        let waiting = match &self.values {
            Values::Int { values, .. } => values.len() * 3,
            Values::Coded(codes) => codes.len(),
            Values::Plain { values, .. } => values.text_len() / 2 + values.len(),
        };
        (waiting + self.dictionary.strings().text_len() + self.dictionary.strings().len()) as u64
    }

    /// Whether the block being filled can take some rows of a batch's column, whatever it is stored as in the end.
    /// They are within one block.
    pub(crate) fn has_room(&self, from: &Column, rows: Range<usize>) -> bool {
        let max = self.dictionary.limits().block;
        // Mostly a bound that costs nothing will do.
        let bound = self.text_bound().saturating_add(text_bound(from, rows.len()));
        bound <= max || self.text_len().saturating_add(text_len(from, rows)) <= max
    }

    /// The text of the block being filled, each row counted in full.
    fn text_len(&self) -> usize {
        let strings = self.dictionary.strings();
        match &self.values {
            Values::Int { .. } => 0,
            Values::Coded(codes) => codes
                .iter()
                .filter_map(|code| code.checked_sub(1))
                .map(|code| strings.get(code as usize).len())
                .sum(),
            Values::Plain { values, .. } => self.flushed_text + values.text_len(),
        }
    }

    fn text_bound(&self) -> usize {
        match &self.values {
            Values::Coded(codes) => codes.len().saturating_mul(self.dictionary.longest()),
            _ => self.text_len(),
        }
    }

    /// Appends rows without a value.
    pub(crate) fn extend_null(&mut self, rows: usize) {
        match &mut self.values {
            Values::Int { values, present } => {
                values.resize(values.len() + rows, 0);
                present.extend(rows, false);
            }
            Values::Coded(codes) => codes.resize(codes.len() + rows, 0),
            Values::Plain { values, present } => {
                (0..rows).for_each(|_| values.push(""));
                present.extend(rows, false);
            }
        }
    }

    /// Appends some rows of a batch's column, which has this column's type. `remap` belongs to the batch's column: it
    /// keeps, over several calls, which stored code each of the batch's codes became (0: not met yet). The caller has
    /// asked for room.
    pub(crate) fn extend(&mut self, from: &Column, rows: Range<usize>, remap: &mut Vec<u32>) {
        match from {
            Column::Int { values: from, nulls } => {
                let Values::Int { values, present } = &mut self.values else { return };
                values.extend_from_slice(from.get(rows.clone()).unwrap_or_default());
                extend_presence(present, nulls.as_ref(), rows);
            }
            Column::Coded { dictionary, codes } => {
                remap.resize(dictionary.len(), 0);
                self.extend_coded(dictionary, codes.get(rows).unwrap_or_default(), remap);
            }
            Column::Plain { values: from, nulls } => {
                let coded = matches!(self.values, Values::Coded(_));
                if coded && !self.dictionary.is_full() && !looks_unique(from, rows.clone()) {
                    let valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                    return rows.into_iter().for_each(|row| self.push(valid(row).then(|| from.get(row))));
                }
                self.make_plain();
                let Values::Plain { values, present } = &mut self.values else { return };
                values.extend_from(from, rows.clone());
                extend_presence(present, nulls.as_ref(), rows);
            }
        }
    }

    fn extend_coded(&mut self, strings: &Strings, codes: &[u32], remap: &mut [u32]) {
        let mut rest = codes;
        if let Values::Coded(stored) = &mut self.values {
            stored.reserve(codes.len());
            while let Some((&code, after)) = rest.split_first() {
                let known = remap.get(code as usize).copied().unwrap_or(0);
                if known != 0 {
                    stored.push(known);
                } else if code == NULL_CODE {
                    stored.push(0);
                } else if let Some(new) = self.dictionary.intern(strings.get(code as usize)) {
                    stored.push(new + 1);
                    if let Some(slot) = remap.get_mut(code as usize) {
                        *slot = new + 1;
                    }
                } else {
                    break;
                }
                rest = after;
            }
        }
        rest.iter().for_each(|&code| self.push((code != NULL_CODE).then(|| strings.get(code as usize))));
    }

    /// Appends one text, coded as long as the block and the dictionary allow.
    fn push(&mut self, value: Option<&str>) {
        if let Values::Coded(codes) = &mut self.values {
            let stored = value.map_or(Some(0), |value| self.dictionary.intern(value).map(|code| code + 1));
            if let Some(stored) = stored {
                codes.push(stored);
                return;
            }
            self.make_plain();
        }
        let Values::Plain { values, present } = &mut self.values else { return };
        values.push(value.unwrap_or_default());
        present.extend(1, value.is_some());
    }

    /// Turns the codes of the current block back into text.
    fn make_plain(&mut self) {
        let Values::Coded(codes) = &self.values else { return };
        let (mut values, mut present) = (std::mem::take(&mut self.spare), Presence::default());
        for code in codes {
            let value = code.checked_sub(1).map(|code| self.dictionary.strings().get(code as usize));
            values.push(value.unwrap_or_default());
            present.extend(1, value.is_some());
        }
        self.values = Values::Plain { values, present };
    }

    /// Writes whole pages of plain text ahead of the block's end where much is waiting, so that memory stays bounded
    /// however long the texts are.
    pub(crate) fn relieve(&mut self, sink: &mut dyn PageSink) -> Result<()> {
        let Values::Plain { values, present } = &mut self.values else { return Ok(()) };
        if values.text_len() < WAITING_MAX {
            return Ok(());
        }
        let rows = values.len() / PAGE * PAGE;
        self.flushed_nulls += put_text(values, present, 0..rows, &mut self.page, &mut self.flushed, sink)?;
        let mut rest = Strings::default();
        rest.extend_from(values, rows..values.len());
        self.flushed_text += values.text_len() - rest.text_len();
        *values = rest;
        present.drain(rows);
        Ok(())
    }

    /// Decides how the block, which is complete, is stored: text that was taken for unique but repeats is coded.
    pub(crate) fn settle(&mut self) {
        let Values::Plain { values, present } = &self.values else { return };
        if !self.flushed.is_empty() || self.dictionary.is_full() || looks_unique(values, 0..values.len()) {
            return;
        }
        let mut codes = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            match present.get(row).then(|| self.dictionary.intern(value)) {
                None => codes.push(0),
                Some(Some(code)) => codes.push(code + 1),
                Some(None) => return,
            }
        }
        self.values = Values::Coded(codes);
    }

    /// The stored codes of the settled block, if it is coded.
    pub(crate) fn codes(&self) -> Option<&[u32]> {
        match &self.values {
            Values::Coded(codes) => Some(codes),
            _ => None,
        }
    }

    /// Writes the settled block and begins the next.
    pub(crate) fn close_block(
        &mut self,
        derivation: Option<Derivation>,
        sink: &mut dyn PageSink,
    ) -> Result<()> {
        let mut pages = std::mem::take(&mut self.flushed);
        let page = &mut self.page;
        let chunk = match &mut self.values {
            Values::Int { values, present } => {
                let zone = Zone::of(
                    values.iter().enumerate().map(|(row, &value)| present.get(row).then_some(value)),
                );
                for (number, rows) in values.chunks(PAGE).enumerate().filter(|_| zone.min <= zone.max) {
                    let present = present.slice(number * PAGE, rows.len());
                    pages.push(put_ints(rows, present, page, sink)?);
                }
                if zone.min > zone.max { Chunk::Null } else { Chunk::Int { zone, pages: pages.into() } }
            }
            Values::Coded(codes) => {
                let zone = Zone::of(codes.iter().map(|&code| code.checked_sub(1).map(i64::from)));
                match derivation {
                    _ if zone.min > zone.max => Chunk::Null,
                    Some(derivation) => put_table(&derivation, zone, page, sink)?,
                    None => Chunk::Coded { zone, pages: put_codes(codes, page, sink)?.into() },
                }
            }
            Values::Plain { values, present } => {
                let rows = 0..values.len();
                let nulls = self.flushed_nulls + put_text(values, present, rows, page, &mut pages, sink)?;
                Chunk::Plain { nulls: bits::count(nulls), pages: pages.into() }
            }
        };
        self.chunks.push(chunk);
        self.begin_block();
        Ok(())
    }

    fn begin_block(&mut self) {
        (self.flushed_nulls, self.flushed_text) = (0, 0);
        match &mut self.values {
            Values::Int { values, present } => {
                values.clear();
                *present = Presence::default();
            }
            Values::Coded(codes) => codes.clear(),
            Values::Plain { values, .. } if !self.dictionary.is_full() => {
                values.clear();
                self.spare = std::mem::take(values);
                self.values = Values::Coded(Vec::new());
            }
            Values::Plain { values, present } => {
                values.clear();
                *present = Presence::default();
            }
        }
    }
}

fn put_ints(
    rows: &[i64],
    present: Option<&[bool]>,
    page: &mut Vec<u8>,
    sink: &mut dyn PageSink,
) -> Result<Place> {
    page.clear();
    int::encode(rows, present, page);
    sink.put_page(page)
}

fn put_codes(codes: &[u32], page: &mut Vec<u8>, sink: &mut dyn PageSink) -> Result<Vec<Place>> {
    let mut numbers = Vec::with_capacity(PAGE);
    let put = |rows: &[u32]| {
        numbers.clear();
        numbers.extend(rows.iter().map(|&code| i64::from(code)));
        put_ints(&numbers, None, page, sink)
    };
    codes.chunks(PAGE).map(put).collect()
}

fn put_table(
    derivation: &Derivation,
    zone: Zone,
    page: &mut Vec<u8>,
    sink: &mut dyn PageSink,
) -> Result<Chunk> {
    let table: Vec<i64> = derivation.table.iter().map(|&code| i64::from(code)).collect();
    let page = put_ints(&table, None, page, sink)?;
    let (key, base, span) = (bits::count(derivation.key), derivation.base, derive::span(derivation));
    Ok(Chunk::Derived { zone, key, base, span, page })
}

/// Writes some rows of plain text, a multiple of a page or the rest, and tells how many of them are null.
fn put_text(
    values: &Strings,
    present: &Presence,
    rows: Range<usize>,
    page: &mut Vec<u8>,
    pages: &mut Vec<Place>,
    sink: &mut dyn PageSink,
) -> Result<usize> {
    let mut nulls = 0;
    for start in rows.clone().step_by(PAGE) {
        let rows = start..(start + PAGE).min(rows.end);
        let texts: Vec<Option<&str>> = rows.map(|row| present.get(row).then(|| values.get(row))).collect();
        nulls += texts.iter().filter(|text| text.is_none()).count();
        page.clear();
        text::encode(&texts, page);
        pages.push(sink.put_page(page)?);
    }
    Ok(nulls)
}

fn extend_presence(present: &mut Presence, nulls: Option<&arrow_buffer::NullBuffer>, rows: Range<usize>) {
    match nulls {
        None => present.extend(rows.len(), true),
        Some(nulls) => rows.for_each(|row| present.extend(1, nulls.is_valid(row))),
    }
}

/// Whether most of a sample of texts are different.
fn looks_unique(values: &Strings, rows: Range<usize>) -> bool {
    let step = (rows.len() / SAMPLE).max(1);
    let sample = rows.step_by(step).take(SAMPLE);
    let count = sample.len();
    let distinct: HashSet<&str> = sample.map(|row| values.get(row)).collect();
    count >= 16 && distinct.len() * 2 > count
}

/// The text of some rows of a batch's column, each counted in full.
fn text_len(column: &Column, rows: Range<usize>) -> usize {
    match column {
        Column::Int { .. } => 0,
        Column::Coded { dictionary, codes } => {
            let codes = codes.get(rows).unwrap_or_default();
            codes.iter().map(|&code| dictionary.get(code as usize).len()).sum()
        }
        Column::Plain { values, .. } => rows.map(|row| values.get(row).len()).sum(),
    }
}

/// At least the text of any so many rows.
fn text_bound(column: &Column, rows: usize) -> usize {
    match column {
        Column::Int { .. } => 0,
        Column::Coded { dictionary, .. } => dictionary.text_len().saturating_mul(rows),
        Column::Plain { values, .. } => values.text_len(),
    }
}
