//! The roll: an immutable file of named, typed columns.
//!
//! ```text
//! roll     header | block* | index page* | dictionary* | footer | trailer
//! header   magic "tillroll" (8) | version u32 = 1 | 0 u32 | salt u64 | checksum u64
//! block    of up to 65,536 rows: for each column its pages, one behind the other
//! page     of up to 4,096 rows of one column, or of the index: bytes | checksum u64
//! footer   where everything stands: tables, columns, zones, segments          (see `footer`)
//! trailer  footer offset u64 | footer length u64 | footer checksum u64 | magic "llorllit" (8)
//! ```
//!
//! All numbers are little-endian. A checksum is the XXH3-64 of its bytes, mixed with their offset and the roll's random
//! salt, and is verified whenever bytes come from disk. Everything is written once, front to back; a roll without its
//! trailer is not a roll.
//!
//! Nothing here knows what the columns mean. `docs/FORMAT.md` has the same layout byte by byte.

mod bits;
mod cache;
mod checksum;
mod column;
mod derive;
mod dictionary;
mod footer;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod ident;
mod index;
mod int;
#[cfg(feature = "kernels")]
pub(crate) mod kernels;
mod reader;
mod row;
#[cfg(test)]
mod row_test;
mod scan;
mod text;
pub(crate) mod uuid;
mod validity;
mod verify;
mod wire;
mod writer;

use std::ops::Range;

pub use cache::Cache;
pub(crate) use index::Key;
pub use reader::Roll;
pub(crate) use scan::{Cell, Uuids};
pub use writer::Writer;

/// Rows in a page, the unit of checksums and of the cache.
pub const PAGE_ROWS: u32 = 4096;
/// Rows in a block, the unit of zone maps and of reading.
pub const BLOCK_ROWS: u32 = 65_536;
/// Rows of one table in a roll at most.
pub const ROWS_MAX: u32 = 4 << 20;
/// Bytes at which a roll should be closed.
pub const BYTES_MAX: u64 = 256 << 20;

const HEADER_LEN: usize = 32;
const TRAILER_LEN: usize = 32;
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"tillroll";
const MAGIC_END: [u8; 8] = *b"llorllit";

/// A table to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name, unique in the roll.
    pub name: String,
    /// The text column that [`Roll::find`] looks up.
    pub indexed: Option<String>,
}

/// Rows that were appended together, and what the appender says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The rows of each table.
    pub ranges: Vec<Range<u32>>,
    /// Bytes that the appender understands.
    pub meta: Vec<u8>,
}

/// The bounds of a column's values in one block: of integers, or of dictionary codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// The smallest value; `i64::MAX` where there is none, or nothing is known (text without a dictionary).
    pub min: i64,
    /// The largest value; `i64::MIN` where there is none.
    pub max: i64,
    /// Rows without a value.
    pub nulls: u32,
}

impl Zone {
    /// The zone of no values, which no value lies in.
    pub(crate) const EMPTY: Self = Self { min: i64::MAX, max: i64::MIN, nulls: 0 };

    /// The zone of these values.
    pub(crate) fn of(values: impl Iterator<Item = Option<i64>>) -> Self {
        values.fold(Self::EMPTY, |zone, value| match value {
            Some(value) => Self { min: zone.min.min(value), max: zone.max.max(value), ..zone },
            None => Self { nulls: zone.nulls + 1, ..zone },
        })
    }
}

/// What [`Writer::finish`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The file's length in bytes.
    pub bytes: u64,
    /// The rows of each table.
    pub rows: Vec<u32>,
}

#[cfg(test)]
mod test;
