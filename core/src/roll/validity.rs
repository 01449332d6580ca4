//! Which rows have a value, gathered page by page while a block is read.

use std::ops::Range;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

/// Collects validity bits; allocates nothing until the first null.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    rows: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Validity {
    /// Appends rows that all have a value, or all have none.
    pub(crate) fn extend(&mut self, rows: usize, valid: bool) {
        if !valid && rows > 0 {
            self.bits();
        }
        if let Some(bits) = &mut self.bits {
            bits.append_n(rows, valid);
        }
        self.rows += rows;
    }

    /// Appends rows by a bitmap, least significant bit first; `None` where it is too short.
    pub(crate) fn extend_packed(&mut self, bitmap: &[u8], rows: usize) -> Option<()> {
        let bitmap = bitmap.get(..rows.div_ceil(8))?;
        self.bits().append_packed_range(0..rows, bitmap);
        self.rows += rows;
        Some(())
    }

    /// Appends some rows of another bitmap; `None` is all valid.
    pub(crate) fn extend_from(&mut self, nulls: Option<&NullBuffer>, rows: Range<usize>) {
        match nulls {
            None => self.extend(rows.len(), true),
            Some(nulls) => rows.for_each(|row| self.extend(1, row < nulls.len() && nulls.is_valid(row))),
        }
    }

    /// Says that a row appended earlier has a value after all.
    pub(crate) fn set(&mut self, row: usize) -> Option<()> {
        if row >= self.rows {
            return None;
        }
        self.bits().set_bit(row, true);
        Some(())
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The bitmap, where there was a null at all.
    pub(crate) fn finish(self) -> Option<NullBuffer> {
        let nulls = NullBuffer::new(self.bits?.build());
        (nulls.null_count() > 0).then_some(nulls)
    }

    fn bits(&mut self) -> &mut BooleanBufferBuilder {
        let rows = self.rows;
        self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(rows.max(4096));
            bits.append_n(rows, true);
            bits
        })
    }
}

/// The rows of a block that is being filled that have a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence {
    /// One flag a row; empty while every row has a value.
    flags: Vec<bool>,
    rows: usize,
}

impl Presence {
    /// Appends rows.
    pub(crate) fn extend(&mut self, rows: usize, present: bool) {
        if !present && rows > 0 {
            self.flags.resize(self.rows, true);
        }
        self.rows += rows;
        if !present || !self.flags.is_empty() {
            self.flags.resize(self.rows, present);
        }
    }

    /// Whether a row has a value.
    pub(crate) fn get(&self, row: usize) -> bool {
        self.flags.get(row).is_none_or(|&present| present)
    }

    /// The flags of some rows; `None` where all have a value.
    pub(crate) fn slice(&self, start: usize, len: usize) -> Option<&[bool]> {
        self.flags.get(start..start + len).filter(|flags| flags.contains(&false))
    }

    /// The number of rows without a value.
    #[cfg(test)]
    pub(crate) fn nulls(&self) -> usize {
        self.flags.iter().filter(|&&present| !present).count()
    }

    /// Forgets the first rows.
    pub(crate) fn drain(&mut self, rows: usize) {
        self.flags.drain(..rows.min(self.flags.len()));
        self.rows = self.rows.saturating_sub(rows);
    }
}

/// A bitmap of flags, least significant bit first.
pub(crate) fn bitmap(flags: impl Iterator<Item = bool>, out: &mut Vec<u8>) {
    super::bits::pack(flags.map(u64::from), 1, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_seen_wherever_they_begin() {
        let mut validity = Validity::default();
        validity.extend(3, true);
        validity.extend_packed(&[0b10], 2).unwrap();
        validity.extend(2, false);
        validity.set(6).unwrap();
        assert_eq!(validity.set(7), None);
        let nulls = validity.finish().unwrap();
        let rows: Vec<bool> = nulls.iter().collect();
        assert_eq!(rows, [true, true, true, false, true, false, true]);
        let mut full = Validity::default();
        full.extend(9, true);
        assert!(full.finish().is_none());
    }

    #[test]
    fn presence_counts_from_the_first_row() {
        let mut presence = Presence::default();
        presence.extend(2, true);
        assert_eq!(presence.slice(0, 2), None);
        presence.extend(1, false);
        presence.extend(2, true);
        assert_eq!(presence.slice(1, 3), Some([true, false, true].as_slice()));
        assert_eq!(presence.slice(3, 2), None);
        assert_eq!((presence.nulls(), presence.get(2), presence.get(4)), (1, false, true));
        presence.drain(2);
        assert_eq!((presence.get(0), presence.get(1)), (false, true));
    }
}
