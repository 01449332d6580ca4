//! The dictionary of a text column: the distinct strings of the whole roll, in order of first appearance.
//!
//! ```text
//! dictionary   integer page of n string lengths (in pieces of 65,536: count varint, len varint, page), then all bytes
//! ```
//!
//! A column with more distinct strings than [`Limits`] allow stops being coded; what is in the dictionary by then stays
//! valid for the blocks before.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::bits;
use super::int;
use super::validity::Validity;
use super::wire::{Put, Take};
use crate::column::Strings;
use std::hash::BuildHasher;

/// How much text a column may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Distinct strings of a dictionary.
    pub strings: usize,
    /// Bytes of all of them.
    pub bytes: usize,
    /// Bytes of all rows of a block, each counted in full, so that places in them fit 32 bits however they are stored.
    pub block: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { strings: 1 << 20, bytes: 32 << 20, block: 1 << 30 }
    }
}

/// String lengths in one integer page.
const PIECE: usize = 65_536;

/// Gives each distinct string a code.
#[derive(Debug)]
pub(crate) struct Dictionary {
    strings: Strings,
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
    limits: Limits,
    full: bool,
    longest: usize,
}

impl Dictionary {
    /// An empty one.
    pub(crate) fn new(limits: Limits) -> Self {
        let (strings, codes) = (Strings::default(), HashTable::new());
        Self { strings, codes, hasher: DefaultHashBuilder::default(), limits, full: false, longest: 0 }
    }

    /// How much text the column may hold.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Bytes of the longest string.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The strings so far.
    pub(crate) fn strings(&self) -> &Strings {
        &self.strings
    }

    /// The strings, once all are in.
    pub(crate) fn into_strings(self) -> Strings {
        self.strings
    }

    /// Whether no further string is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// The code of a string, which is new if need be; `None` once there is no room, from then on for ever.
    pub(crate) fn intern(&mut self, value: &str) -> Option<u32> {
        if self.full {
            return None;
        }
        let hash = self.hasher.hash_one(value);
        if let Some(&code) = self.codes.find(hash, |&code| self.strings.get(code as usize) == value) {
            return Some(code);
        }
        if self.strings.len() >= self.limits.strings
            || self.strings.text_len() + value.len() > self.limits.bytes
        {
            self.full = true;
            self.codes = HashTable::new();
            return None;
        }
        let code = bits::count(self.strings.len());
        self.strings.push(value);
        self.longest = self.longest.max(value.len());
        let (strings, hasher) = (&self.strings, &self.hasher);
        self.codes.insert_unique(hash, code, |&code| hasher.hash_one(strings.get(code as usize)));
        Some(code)
    }
}

/// Appends the bytes of a dictionary.
pub(crate) fn encode(strings: &Strings, out: &mut Vec<u8>) {
    let lengths: Vec<i64> = strings.iter().map(|value| i64::from(bits::count(value.len()))).collect();
    for piece in lengths.chunks(PIECE) {
        let mut page = Vec::new();
        int::encode(piece, None, &mut page);
        out.put_varint(piece.len() as u64);
        out.put_bytes(&page);
    }
    out.extend_from_slice(strings.text().as_bytes());
}

/// Reads the bytes of a dictionary of `count` strings; `None` where they make no sense.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Strings> {
    // Strings are distinct, so all but one take a byte: no count can ask for more memory than the bytes justify.
    if count > bytes.len() + 1 {
        return None;
    }
    let mut take = Take(bytes);
    let mut lengths = Vec::<i64>::new();
    while lengths.len() < count {
        let piece = usize::try_from(take.varint()?).ok()?.min(PIECE);
        if piece == 0 {
            return None;
        }
        int::decode(take.bytes()?, piece, &mut lengths, &mut Validity::default())?;
    }
    let text = std::str::from_utf8(take.0).ok()?;
    let mut strings = Strings::with_capacity(lengths.len(), text.len());
    let mut start = 0_usize;
    for length in lengths {
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        strings.push(text.get(start..end)?);
        start = end;
    }
    (start == text.len() && strings.len() == count).then_some(strings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_dictionary_takes_nothing_more() {
        let mut dictionary = Dictionary::new(Limits { strings: 2, bytes: 100, ..Limits::default() });
        assert_eq!(dictionary.intern("a"), Some(0));
        assert_eq!(dictionary.intern(""), Some(1));
        assert_eq!(dictionary.intern("a"), Some(0));
        assert_eq!(dictionary.intern("c"), None);
        assert_eq!(dictionary.intern("a"), None);
        let mut dictionary = Dictionary::new(Limits { strings: 9, bytes: 3, ..Limits::default() });
        assert_eq!(dictionary.intern("ab"), Some(0));
        assert_eq!(dictionary.intern("cd"), None);
    }

    #[test]
    fn more_strings_than_a_piece_come_back() {
        let strings: Strings = std::iter::repeat_n(["a", "bcd"], 40_000).flatten().collect();
        let mut bytes = Vec::new();
        encode(&strings, &mut bytes);
        assert_eq!(decode(&bytes, 80_000), Some(strings));
        assert_eq!(decode(&bytes, 80_001), None);
        assert_eq!(decode(&bytes, 79_999), None);
    }

    proptest! {
        #[test]
        fn strings_come_back(values in prop::collection::btree_set(any::<String>(), 0..50)) {
            let strings: Strings = values.iter().map(String::as_str).collect();
            let mut bytes = Vec::new();
            encode(&strings, &mut bytes);
            prop_assert_eq!(decode(&bytes, values.len()), Some(strings));
        }

        #[test]
        fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..50), count in any::<u32>()) {
            if let Some(strings) = decode(&bytes, count as usize) {
                prop_assert_eq!(strings.len(), count as usize);
            }
        }
    }
}
