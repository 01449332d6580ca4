//! The footer: what describes a roll, so that everything else can be found and checked.
//!
//! ```text
//! footer      tables varint, table*, segments varint, segment*
//! table       name bytes, rows varint, index, columns varint, column*
//! index       column varint (0: none, else column + 1), and where there is one: entries varint, pages varint, place*
//! column      name bytes, type u8 (0 text, 1 integer), dictionary strings varint, dictionary place (where there are strings), chunk × ⌈rows/65,536⌉
//! chunk       kind u8: 0 null      every row of the block is null; nothing follows
//!                      1 integers  zone, place × pages
//!                      2 coded     zone, place × pages      integer pages of code + 1, 0 is null
//!                      3 plain     nulls varint, place × pages     text pages
//!                      4 derived   zone, key column varint, base varint, span varint, place     integer page of `span` codes + 1
//! zone        min zigzag, (max - min) varint, nulls varint      min i64::MAX and max i64::MIN, which is stored as difference 1, where all are null
//! place       offset zigzag against the end of the place before, length varint (checksum included)
//! segment     per table: start varint, rows varint; meta bytes
//! ```

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::wire::{Put, Take};
use super::{BLOCK_ROWS, PAGE_ROWS, ROWS_MAX, Segment, Zone};
use crate::column::{Field, Strings, Type};

/// Where bytes with their checksum stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub offset: u32,
    pub len: u32,
}

impl Place {
    /// Where the next place most likely begins.
    pub(crate) fn end(self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }
}

/// How a column's rows of one block are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chunk {
    Null,
    Int { zone: Zone, pages: Box<[Place]> },
    Coded { zone: Zone, pages: Box<[Place]> },
    Plain { nulls: u32, pages: Box<[Place]> },
    Derived { zone: Zone, key: u32, base: u32, span: u32, page: Place },
}

impl Chunk {
    /// Every place of the chunk.
    pub(crate) fn places(&self) -> &[Place] {
        match self {
            Self::Null => &[],
            Self::Int { pages, .. } | Self::Coded { pages, .. } | Self::Plain { pages, .. } => pages,
            Self::Derived { page, .. } => std::slice::from_ref(page),
        }
    }
}

/// A column as the footer describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ColumnMeta {
    /// Strings in the dictionary.
    pub strings: u32,
    /// Where the dictionary stands, if it has strings.
    pub dictionary: Place,
    /// One a block.
    pub chunks: Vec<Chunk>,
    /// The dictionary itself, where it is small and was asked for. Not part of the footer.
    pub pinned: OnceLock<Arc<Strings>>,
}

/// The id index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexMeta {
    /// The indexed column.
    pub column: u32,
    /// Rows that have a value.
    pub entries: u32,
    /// Pages in the order of hashes.
    pub pages: Vec<Place>,
}

/// A table as the footer describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableMeta {
    pub name: String,
    pub rows: u32,
    pub index: Option<IndexMeta>,
    pub fields: Vec<Field>,
    pub columns: Vec<ColumnMeta>,
}

/// Everything about a roll.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Footer {
    pub tables: Vec<TableMeta>,
    pub segments: Vec<Segment>,
}

/// The number of blocks that hold this many rows.
pub(crate) fn blocks(rows: u32) -> u32 {
    rows.div_ceil(BLOCK_ROWS)
}

/// The rows of a block.
pub(crate) fn block_rows(rows: u32, block: u32) -> u32 {
    block.checked_mul(BLOCK_ROWS).map_or(0, |start| rows.saturating_sub(start).min(BLOCK_ROWS))
}

impl Footer {
    /// The footer as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.bytes.put_varint(self.tables.len() as u64);
        self.tables.iter().for_each(|table| out.table(table));
        out.bytes.put_varint(self.segments.len() as u64);
        for segment in &self.segments {
            for range in &segment.ranges {
                out.bytes.put_varint(range.start.into());
                out.bytes.put_varint(range.end.saturating_sub(range.start).into());
            }
            out.bytes.put_bytes(&segment.meta);
        }
        out.bytes
    }

    /// Reads a footer whose checksum is right; `None` where it makes no sense all the same. `data` is where pages may
    /// stand in the file.
    pub(crate) fn decode(bytes: &[u8], data: Range<u64>) -> Option<Self> {
        let mut decoder = Decoder { take: Take(bytes), last: 0, data };
        let tables = decoder.take.count()?;
        let tables = (0..tables).map(|_| decoder.table()).collect::<Option<Vec<_>>>()?;
        let segments = decoder.take.count()?;
        let segments = (0..segments).map(|_| decoder.segment(&tables)).collect::<Option<Vec<_>>>()?;
        decoder.take.0.is_empty().then_some(Self { tables, segments })
    }
}

#[derive(Default)]
struct Encoder {
    bytes: Vec<u8>,
    last: u64,
}

impl Encoder {
    fn table(&mut self, table: &TableMeta) {
        self.bytes.put_bytes(table.name.as_bytes());
        self.bytes.put_varint(table.rows.into());
        match &table.index {
            None => self.bytes.put_varint(0),
            Some(index) => {
                self.bytes.put_varint(u64::from(index.column) + 1);
                self.bytes.put_varint(index.entries.into());
                self.bytes.put_varint(index.pages.len() as u64);
                index.pages.iter().for_each(|&place| self.place(place));
            }
        }
        self.bytes.put_varint(table.fields.len() as u64);
        for (field, column) in table.fields.iter().zip(&table.columns) {
            self.bytes.put_bytes(field.name.as_bytes());
            self.bytes.push(u8::from(field.ty == Type::Int));
            self.bytes.put_varint(column.strings.into());
            if column.strings > 0 {
                self.place(column.dictionary);
            }
            column.chunks.iter().for_each(|chunk| self.chunk(chunk));
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Null => self.bytes.push(0),
            Chunk::Int { zone, .. } => self.zone(1, *zone),
            Chunk::Coded { zone, .. } => self.zone(2, *zone),
            Chunk::Plain { nulls, .. } => {
                self.bytes.push(3);
                self.bytes.put_varint((*nulls).into());
            }
            Chunk::Derived { zone, key, base, span, .. } => {
                self.zone(4, *zone);
                self.bytes.put_varint((*key).into());
                self.bytes.put_varint((*base).into());
                self.bytes.put_varint((*span).into());
            }
        }
        chunk.places().iter().for_each(|&place| self.place(place));
    }

    fn zone(&mut self, kind: u8, zone: Zone) {
        self.bytes.push(kind);
        self.bytes.put_zigzag(zone.min);
        self.bytes.put_varint(zone.max.wrapping_sub(zone.min).cast_unsigned());
        self.bytes.put_varint(zone.nulls.into());
    }

    fn place(&mut self, place: Place) {
        self.bytes.put_zigzag(u64::from(place.offset).wrapping_sub(self.last).cast_signed());
        self.bytes.put_varint(place.len.into());
        self.last = place.end();
    }
}

struct Decoder<'a> {
    take: Take<'a>,
    last: u64,
    data: Range<u64>,
}

impl Decoder<'_> {
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.take.bytes()?.to_vec()).ok()
    }

    fn table(&mut self) -> Option<TableMeta> {
        let (name, rows) = (self.text()?, self.take.small().filter(|&rows| rows <= ROWS_MAX)?);
        let index = match self.take.small()? {
            0 => None,
            column => {
                let (entries, pages) = (self.take.small()?, self.take.count()?);
                Some(IndexMeta { column: column - 1, entries, pages: self.places(pages)? })
            }
        };
        let count = self.take.count()?;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let name = self.text()?;
            let ty = match self.take.byte()? {
                0 => Type::Text,
                1 => Type::Int,
                _ => return None,
            };
            columns.push(self.column(ty, rows)?);
            fields.push(Field { name, ty });
        }
        let table = TableMeta { name, rows, index, fields, columns };
        table.is_consistent().then_some(table)
    }

    fn column(&mut self, ty: Type, rows: u32) -> Option<ColumnMeta> {
        let strings = self.take.small()?;
        let dictionary = if strings > 0 { self.place()? } else { Place::default() };
        let mut chunks = Vec::new();
        for block in 0..blocks(rows) {
            chunks.push(self.chunk(ty, block_rows(rows, block))?);
        }
        Some(ColumnMeta { strings, dictionary, chunks, pinned: OnceLock::new() })
    }

    fn chunk(&mut self, ty: Type, rows: u32) -> Option<Chunk> {
        let pages = rows.div_ceil(PAGE_ROWS) as usize;
        match (self.take.byte()?, ty) {
            (0, _) => Some(Chunk::Null),
            (1, Type::Int) => Some(Chunk::Int { zone: self.zone()?, pages: self.places(pages)?.into() }),
            (2, Type::Text) => Some(Chunk::Coded { zone: self.zone()?, pages: self.places(pages)?.into() }),
            (3, Type::Text) => {
                Some(Chunk::Plain { nulls: self.take.small()?, pages: self.places(pages)?.into() })
            }
            (4, Type::Text) => {
                let zone = self.zone()?;
                let (key, base, span) = (self.take.small()?, self.take.small()?, self.take.small()?);
                let page = self.place()?;
                (span <= super::derive::SPAN_MAX).then_some(Chunk::Derived { zone, key, base, span, page })
            }
            _ => None,
        }
    }

    fn zone(&mut self) -> Option<Zone> {
        let min = self.take.zigzag()?;
        let max = min.wrapping_add(self.take.varint()?.cast_signed());
        Some(Zone { min, max, nulls: self.take.small()? })
    }

    fn places(&mut self, count: usize) -> Option<Vec<Place>> {
        (0..count).map(|_| self.place()).collect()
    }

    fn place(&mut self) -> Option<Place> {
        let offset = self.last.wrapping_add(self.take.zigzag()?.cast_unsigned());
        let place = Place { offset: u32::try_from(offset).ok()?, len: self.take.small()? };
        self.last = place.end();
        (offset >= self.data.start && place.end() <= self.data.end).then_some(place)
    }

    fn segment(&mut self, tables: &[TableMeta]) -> Option<Segment> {
        let range = |table: &TableMeta| {
            let start = self.take.small()?;
            let end = start.checked_add(self.take.small()?)?;
            (end <= table.rows).then_some(start..end)
        };
        let ranges = tables.iter().map(range).collect::<Option<Vec<_>>>()?;
        Some(Segment { ranges, meta: self.take.bytes()?.to_vec() })
    }
}

impl TableMeta {
    /// Whether columns that name others name the right kind.
    fn is_consistent(&self) -> bool {
        let is_text =
            |column: u32| self.fields.get(column as usize).is_some_and(|field| field.ty == Type::Text);
        let key_is_coded = |block: usize, chunk: &Chunk| match chunk {
            Chunk::Derived { key, .. } => {
                let key = self.columns.get(*key as usize).and_then(|column| column.chunks.get(block));
                matches!(key, Some(Chunk::Coded { .. }))
            }
            _ => true,
        };
        let columns = &self.columns;
        self.index.as_ref().is_none_or(|index| is_text(index.column) && index.entries <= self.rows)
            && columns.iter().all(|column| column.chunks.iter().enumerate().all(|(i, c)| key_is_coded(i, c)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Footer {
        let place = |offset, len| Place { offset, len };
        let pages = |n: u32| (0..n).map(|i| place(100 + i * 10, 10)).collect::<Vec<_>>();
        let zone = Zone { min: -5, max: i64::MAX, nulls: 3 };
        let key = Chunk::Coded { zone: Zone::EMPTY, pages: pages(16).into() };
        let derived = Chunk::Derived { zone, key: 0, base: 1, span: 9, page: place(40, 8) };
        let columns = vec![
            ColumnMeta {
                strings: 2,
                dictionary: place(32, 9),
                chunks: vec![key, Chunk::Null],
                ..ColumnMeta::default()
            },
            ColumnMeta {
                chunks: vec![derived, Chunk::Plain { nulls: 1, pages: pages(1).into() }],
                ..ColumnMeta::default()
            },
            ColumnMeta {
                chunks: vec![Chunk::Int { zone, pages: pages(16).into() }, Chunk::Null],
                ..ColumnMeta::default()
            },
        ];
        let fields =
            vec![Field::new("é", Type::Text), Field::new("", Type::Text), Field::new("i", Type::Int)];
        let index = Some(IndexMeta { column: 1, entries: 7, pages: pages(2) });
        let table = TableMeta { name: "t".into(), rows: BLOCK_ROWS + 1, index, fields, columns };
        let empty =
            TableMeta { name: "e".into(), rows: 0, index: None, fields: Vec::new(), columns: Vec::new() };
        let segment = Segment { ranges: vec![1..5, 0..0], meta: b"meta".to_vec() };
        Footer { tables: vec![table, empty], segments: vec![segment] }
    }

    #[test]
    fn a_footer_comes_back() {
        let footer = sample();
        assert_eq!(Footer::decode(&footer.encode(), 32..1000), Some(footer));
    }

    #[test]
    fn places_outside_the_file_and_wrong_keys_are_refused() {
        let mut footer = sample();
        assert_eq!(Footer::decode(&footer.encode(), 33..1000), None);
        assert_eq!(Footer::decode(&footer.encode(), 32..200), None);
        footer.segments[0].ranges[1] = 0..1;
        assert_eq!(Footer::decode(&footer.encode(), 32..1000), None);
        let mut footer = sample();
        footer.tables[0].columns[0].chunks[0] = Chunk::Null;
        assert_eq!(Footer::decode(&footer.encode(), 32..1000), None);
        let mut footer = sample();
        footer.tables[0].index.as_mut().unwrap().column = 2;
        assert_eq!(Footer::decode(&footer.encode(), 32..1000), None);
    }

    #[test]
    fn no_flip_and_no_cut_panics() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            assert_eq!(Footer::decode(&bytes[..at], 32..1000), None);
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                Footer::decode(&bytes, 32..1000);
            }
        }
    }
}
