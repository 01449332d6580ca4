//! Builders of the columns of one chunk: text by code while values repeat, plain where they do not, and integers.

use std::sync::Arc;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::column::{Column, NULL_CODE, Strings};

/// More distinct values than this in one chunk are not worth a dictionary.
const DISTINCT_MAX: usize = 32 << 10;
/// From so many distinct values on, a column must repeat each at least twice to stay coded.
const DISTINCT_TRIAL: usize = 2_048;

/// Whether there is nothing but blanks.
pub(super) fn is_blank(value: &[u8]) -> bool {
    // Most fields begin with a letter or digit, which settles it.
    value.first().is_none_or(|&first| first <= b' ' && value.trim_ascii().is_empty())
}

/// Distinct strings and their codes.
#[derive(Debug, Default)]
pub(super) struct Interner {
    strings: Strings,
    codes: HashTable<u32>,
    last: Option<u32>,
}

impl Interner {
    /// The code of a string; new ones get the next. The bytes must be UTF-8.
    pub(super) fn code(&mut self, value: &[u8]) -> u32 {
        if let Some(last) = self.last
            && self.strings.bytes(last as usize) == value
        {
            return last;
        }
        let strings = &mut self.strings;
        let found = self.codes.find(xxh3_64(value), |&code| strings.bytes(code as usize) == value);
        let code = match found {
            Some(&code) => code,
            None => {
                let code = u32::try_from(strings.len()).unwrap_or(NULL_CODE);
                // A chunk whose text is not UTF-8 had its bad records refused before.
                strings.push(std::str::from_utf8(value).unwrap_or_default());
                self.codes.insert_unique(xxh3_64(value), code, |&code| xxh3_64(strings.bytes(code as usize)));
                code
            }
        };
        self.last = Some(code);
        code
    }

    /// The code of a string that is not empty, tried first with what `guesses` has for `key`: saves hashing where columns move together.
    pub(super) fn guessed(&mut self, value: &[u8], guesses: &mut Vec<u32>, key: u32) -> u32 {
        let key = key as usize;
        if let Some(&code) = guesses.get(key)
            && self.strings.bytes(code as usize) == value
        {
            return code;
        }
        let code = self.code(value);
        if key < DISTINCT_MAX {
            if guesses.len() <= key {
                guesses.resize(key + 1, NULL_CODE);
            }
            if let Some(guess) = guesses.get_mut(key) {
                *guess = code;
            }
        }
        code
    }

    pub(super) fn get(&self, code: u32) -> &str {
        self.strings.get(code as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.strings.len()
    }
}

/// A text column of few values, whose codes the caller also uses to remember what a value means.
#[derive(Debug, Default)]
pub(super) struct CodedBuilder {
    pub(super) interner: Interner,
    codes: Vec<u32>,
}

impl CodedBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { interner: Interner::default(), codes: Vec::with_capacity(rows) }
    }

    /// Appends a code that the interner gave, or [`NULL_CODE`].
    pub(super) fn push(&mut self, code: u32) {
        self.codes.push(code);
    }

    pub(super) fn finish(self) -> Column {
        Column::Coded { dictionary: Arc::new(self.interner.strings), codes: self.codes }
    }
}

/// A text column of any kind: coded until it turns out that its values hardly repeat.
#[derive(Debug)]
pub(super) struct TextBuilder {
    coded: CodedBuilder,
    plain: Option<PlainBuilder>,
    present: usize,
    /// By the code of a column that this one moves with: the code that last stood beside it.
    guesses: Vec<u32>,
}

impl TextBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { coded: CodedBuilder::with_capacity(rows), plain: None, present: 0, guesses: Vec::new() }
    }

    /// Appends a value; a blank one is null. The bytes must be UTF-8.
    pub(super) fn push(&mut self, value: &[u8]) {
        if is_blank(value) { self.push_null() } else { self.push_present(value) }
    }

    pub(super) fn push_null(&mut self) {
        match &mut self.plain {
            Some(plain) => plain.push_null(),
            None => self.coded.push(NULL_CODE),
        }
    }

    /// Appends a value that is text even if it looks blank.
    pub(super) fn push_text(&mut self, value: &[u8]) {
        self.push_present(value);
    }

    /// Appends a value of a column that moves with another, whose code in this row is `key`.
    pub(super) fn push_beside(&mut self, value: &[u8], key: u32) {
        match &mut self.plain {
            None if !is_blank(value) => {
                let code = self.coded.interner.guessed(value, &mut self.guesses, key);
                self.push_code(code);
            }
            _ => self.push(value),
        }
    }

    /// The code of the row appended last; [`NULL_CODE`] where it has none.
    pub(super) fn last_code(&self) -> u32 {
        self.coded.codes.last().copied().unwrap_or(NULL_CODE)
    }

    fn push_present(&mut self, value: &[u8]) {
        if let Some(plain) = &mut self.plain {
            return plain.push_present(value);
        }
        let code = self.coded.interner.code(value);
        self.push_code(code);
    }

    fn push_code(&mut self, code: u32) {
        self.coded.push(code);
        self.present += 1;
        let distinct = self.coded.interner.len();
        if distinct > DISTINCT_MAX || (distinct >= DISTINCT_TRIAL && distinct * 2 > self.present) {
            self.plain = Some(PlainBuilder::from_coded(std::mem::take(&mut self.coded)));
        }
    }

    pub(super) fn finish(self) -> Column {
        match self.plain {
            Some(plain) => plain.finish(),
            None => self.coded.finish(),
        }
    }
}

/// A text column whose values hardly repeat.
#[derive(Debug, Default)]
pub(super) struct PlainBuilder {
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<u32>,
    valid: Valid,
}

impl PlainBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * 24), ends: Vec::with_capacity(rows), valid: Valid::default() }
    }

    /// Appends a value; a blank one is null. The bytes must be UTF-8.
    pub(super) fn push(&mut self, value: &[u8]) {
        if is_blank(value) { self.push_null() } else { self.push_present(value) }
    }

    pub(super) fn push_null(&mut self) {
        self.valid.push(self.ends.len(), false);
        self.end_value();
    }

    fn push_present(&mut self, value: &[u8]) {
        self.valid.push(self.ends.len(), true);
        self.bytes.extend_from_slice(value);
        self.end_value();
    }

    /// A chunk is far from 4 GiB.
    fn end_value(&mut self) {
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn from_coded(coded: CodedBuilder) -> Self {
        let mut plain = Self::with_capacity(coded.codes.capacity());
        for code in coded.codes {
            match code {
                NULL_CODE => plain.push_null(),
                code => plain.push_present(coded.interner.get(code).as_bytes()),
            }
        }
        plain
    }

    pub(super) fn finish(self) -> Column {
        let rows = self.ends.len();
        // Looked at as a whole, not value by value. Bad records of a chunk that is not UTF-8 were refused before.
        let text = String::from_utf8(self.bytes).unwrap_or_default();
        Column::Plain { values: Strings::from_parts(text, self.ends), nulls: self.valid.finish(rows) }
    }
}

/// A column of integers.
#[derive(Debug, Default)]
pub(super) struct IntBuilder {
    values: Vec<i64>,
    valid: Valid,
}

impl IntBuilder {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), valid: Valid::default() }
    }

    pub(super) fn push(&mut self, value: Option<i64>) {
        self.valid.push(self.values.len(), value.is_some());
        self.values.push(value.unwrap_or_default());
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn finish(self) -> Column {
        let rows = self.values.len();
        Column::Int { values: self.values, nulls: self.valid.finish(rows) }
    }
}

/// Which rows have a value; holds nothing until the first null.
#[derive(Debug, Default)]
struct Valid(Option<BooleanBufferBuilder>);

impl Valid {
    /// Tells of row `row`; every row up to the first null must have been told or valid.
    fn push(&mut self, row: usize, valid: bool) {
        if let Some(bits) = &mut self.0 {
            bits.append(valid);
        } else if !valid {
            let mut bits = BooleanBufferBuilder::new(row + 1);
            bits.append_n(row, true);
            bits.append(false);
            self.0 = Some(bits);
        }
    }

    fn finish(self, rows: usize) -> Option<NullBuffer> {
        self.0.map(|mut bits| bits.finish()).filter(|bits| bits.len() == rows).map(NullBuffer::new)
    }
}

/// A column that is null in every row.
pub(super) fn all_null(rows: usize) -> Column {
    Column::Coded { dictionary: Arc::default(), codes: vec![NULL_CODE; rows] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blanks_are_null() {
        let mut text = TextBuilder::with_capacity(4);
        [&b"a"[..], b"", b"  ", b" b "].into_iter().for_each(|value| text.push(value));
        let column = text.finish();
        let values: Vec<_> = (0..4).map(|row| column.text(row)).collect();
        assert_eq!(values, [Some("a"), None, None, Some(" b ")]);
    }

    #[test]
    fn columns_without_repeats_turn_plain() {
        let mut ids = TextBuilder::with_capacity(0);
        let mut few = TextBuilder::with_capacity(0);
        for row in 0..5_000 {
            ids.push(format!("id {row}").as_bytes());
            few.push(format!("title {}", row % 600).as_bytes());
        }
        let (ids, few) = (ids.finish(), few.finish());
        assert!(matches!(ids, Column::Plain { .. }));
        assert!(matches!(few, Column::Coded { .. }));
        assert_eq!(ids.text(4_999), Some("id 4999"));
        assert_eq!(few.text(4_999), Some("title 199"));
    }

    proptest! {
        #[test]
        fn text_reads_back(values in proptest::collection::vec("[a-z]{0,2}", 0..2_000)) {
            let (mut text, mut plain) = (TextBuilder::with_capacity(0), PlainBuilder::with_capacity(0));
            for value in &values {
                text.push(value.as_bytes());
                plain.push(value.as_bytes());
            }
            let (text, plain) = (text.finish(), plain.finish());
            for (row, value) in values.iter().enumerate() {
                let expected = Some(value.as_str()).filter(|value| !value.is_empty());
                prop_assert_eq!(text.text(row), expected);
                prop_assert_eq!(plain.text(row), expected);
            }
        }

        #[test]
        fn integers_read_back(values in proptest::collection::vec(any::<Option<i64>>(), 0..200)) {
            let mut column = IntBuilder::with_capacity(0);
            values.iter().for_each(|value| column.push(*value));
            let column = column.finish();
            let back: Vec<_> = (0..values.len()).map(|row| column.int(row)).collect();
            prop_assert_eq!(back, values);
        }
    }
}
