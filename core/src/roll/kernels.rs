//! Pages written and read, for benchmarks.

use super::validity::Validity;
use super::{checksum, index, int, text};
use crate::column::Strings;

/// A page as it is stored.
#[derive(Debug, Clone)]
pub struct Page {
    bytes: Vec<u8>,
    rows: usize,
}

/// A page of integers.
pub fn ints(values: &[i64]) -> Page {
    let mut bytes = Vec::new();
    int::encode(values, None, &mut bytes);
    Page { bytes, rows: values.len() }
}

/// A page of texts that stand as they are.
pub fn texts(values: &[&str]) -> Page {
    let mut bytes = Vec::new();
    let values: Vec<Option<&str>> = values.iter().copied().map(Some).collect();
    text::encode(&values, &mut bytes);
    Page { bytes, rows: values.len() }
}

impl Page {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its integers; empty where it has none.
    pub fn ints(&self) -> Vec<i64> {
        let mut values = Vec::with_capacity(self.rows);
        let _ = int::decode(&self.bytes, self.rows, &mut values, &mut Validity::default());
        values
    }

    /// How much text its texts have.
    pub fn text_len(&self) -> usize {
        let mut values = Strings::with_capacity(self.rows, 0);
        let _ = text::decode(&self.bytes, self.rows, &mut values, &mut Validity::default());
        values.text_len()
    }

    /// Its texts as UUIDs; fewer where they are none.
    pub fn uuids(&self) -> Vec<u128> {
        let mut values = Vec::with_capacity(self.rows);
        let _ = text::decode_uuids(&self.bytes, self.rows, &mut values, &mut Validity::default());
        values
    }

    /// Reads the integer of each row by itself, and counts those that are there.
    pub fn rows_of_ints(&self) -> usize {
        (0..self.rows).filter(|&row| int::get(&self.bytes, self.rows, row).flatten().is_some()).count()
    }
}

/// The checksum of bytes.
pub fn checksum(bytes: &[u8]) -> u64 {
    checksum::of(1, 2, bytes)
}

/// Makes the index of some identifiers, and counts its pages.
pub fn entries(texts: &[&str]) -> usize {
    let mut entries: Vec<u64> = (0..).zip(texts).map(|(row, text)| index::entry(text, row)).collect();
    let mut pages = 0;
    let _ = index::build::<()>(&mut entries, |_| {
        pages += 1;
        Ok(())
    });
    pages
}
