//! Keys made of several parts whose bytes sort like the tuples of the parts.
//!
//! ```text
//! key   := namespace part*
//! namespace  1 byte, never 0 (0 is the store's own)
//! u64        8 bytes, big endian
//! i64        8 bytes, big endian, sign bit flipped
//! text       UTF-8 with every 00 written as 00 FF, then 00 01
//! raw        bytes as they are; only as the last part
//! ```
//!
//! Text ends in `00 01`, which sorts below every byte pair that can continue a longer text (`00 FF`, or any byte
//! from 01 on), so `("a", …)` stands before `("a\0", …)` and `("ab", …)` whatever follows.

use std::path::Path;

use crate::{Error, Result};

const TEXT_ESCAPE: u8 = 0xFF;
const TEXT_END: u8 = 0x01;
const SIGN: u64 = 1 << 63;

/// Builds a key part by part.
///
/// ```text
/// let key = Key::new(7).text("amazon").u64(12).build();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Key(Vec<u8>);

impl Key {
    /// Starts a key in a namespace. Namespace 0 belongs to the store and is refused when written.
    pub fn new(namespace: u8) -> Self {
        Self(vec![namespace])
    }

    /// Appends an unsigned number.
    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Appends a signed number; negative ones sort first.
    pub fn i64(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&(value.cast_unsigned() ^ SIGN).to_be_bytes());
        self
    }

    /// Appends a text and its end.
    pub fn text(self, value: &str) -> Self {
        let mut key = self.text_prefix(value);
        key.0.extend_from_slice(&[0, TEXT_END]);
        key
    }

    /// Appends a text without its end: a prefix of the keys of all texts that start so.
    pub fn text_prefix(mut self, value: &str) -> Self {
        for &byte in value.as_bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(TEXT_ESCAPE);
            }
        }
        self
    }

    /// Appends bytes as they are. Nothing can be told from them where they end, so they are the last part.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The finished key.
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Takes a key apart, in the order in which it was built.
#[derive(Debug, Clone)]
pub struct KeyReader<'a> {
    rest: &'a [u8],
}

impl<'a> KeyReader<'a> {
    /// Starts behind the namespace, which must be the given one.
    ///
    /// # Errors
    /// [`Error::Corruption`] for an empty key or another namespace.
    pub fn new(key: &'a [u8], namespace: u8) -> Result<Self> {
        match key.split_first() {
            Some((&first, rest)) if first == namespace => Ok(Self { rest }),
            _ => Err(bad("is of another namespace")),
        }
    }

    /// The next part, an unsigned number.
    pub fn u64(&mut self) -> Result<u64> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| bad("ends within a number"))?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    /// The next part, a signed number.
    pub fn i64(&mut self) -> Result<i64> {
        Ok((self.u64()? ^ SIGN).cast_signed())
    }

    /// The next part, a text.
    pub fn text(&mut self) -> Result<String> {
        let mut text = Vec::new();
        loop {
            let zero = memchr::memchr(0, self.rest).ok_or_else(|| bad("ends within a text"))?;
            let (part, rest) = self.rest.split_at(zero);
            text.extend_from_slice(part);
            let (mark, rest) = rest.split_first_chunk::<2>().ok_or_else(|| bad("ends within a text"))?;
            self.rest = rest;
            match mark[1] {
                TEXT_ESCAPE => text.push(0),
                TEXT_END => return String::from_utf8(text).map_err(|_| bad("holds text that is not UTF-8")),
                _ => return Err(bad("holds an unknown mark in a text")),
            }
        }
    }

    /// All that is left, as bytes.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    #[cfg(test)]
    pub fn finish(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(bad("is too long")) }
    }
}

/// The smallest key above all keys that start with `prefix`; `None` where there is none.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xFF)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

fn bad(what: &str) -> Error {
    Error::corrupt(Path::new("index"), format!("a key {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Tuple(i64, String, u64, String);

    fn tuples() -> impl Strategy<Value = Tuple> {
        // Short texts over few letters, NUL and the escape bytes among them, so that prefixes are common.
        let text = "[\u{0}\u{1}a\u{ff}z]{0,4}";
        (prop_oneof![any::<i64>(), -2..2_i64], text, any::<u64>(), text)
            .prop_map(|(a, b, c, d)| Tuple(a, b, c, d))
    }

    fn build(t: &Tuple) -> Vec<u8> {
        Key::new(9).i64(t.0).text(&t.1).u64(t.2).text(&t.3).build()
    }

    proptest! {
        #[test]
        fn keys_sort_like_tuples(a in tuples(), b in tuples()) {
            prop_assert_eq!(build(&a).cmp(&build(&b)), a.cmp(&b));
        }

        #[test]
        fn texts_sort_like_texts(a in "[\u{0}\u{1}a\u{ff}]{0,5}", b in "[\u{0}\u{1}a\u{ff}]{0,5}", n: u64, m: u64) {
            let order = Key::new(1).text(&a).u64(n).build().cmp(&Key::new(1).text(&b).u64(m).build());
            prop_assert_eq!(order, (a, n).cmp(&(b, m)));
        }

        #[test]
        fn keys_come_apart_again(t in tuples()) {
            let key = build(&t);
            let mut reader = KeyReader::new(&key, 9).unwrap();
            let back = Tuple(reader.i64().unwrap(), reader.text().unwrap(), reader.u64().unwrap(), reader.text().unwrap());
            reader.finish().unwrap();
            prop_assert_eq!(back, t);
        }

        #[test]
        fn any_bytes_are_an_error_not_a_panic(bytes: Vec<u8>) {
            if let Ok(mut reader) = KeyReader::new(&bytes, 9) {
                let _ = reader.clone().u64();
                while reader.text().is_ok() {}
            }
        }

        #[test]
        fn a_prefix_ends_above_its_keys(prefix in prop::collection::vec(prop_oneof![Just(0xFF_u8), any::<u8>()], 0..4), more: Vec<u8>) {
            let key = [prefix.clone(), more].concat();
            match prefix_end(&prefix) {
                Some(end) => prop_assert!(prefix < end && key < end && !end.starts_with(&prefix)),
                None => prop_assert!(prefix.iter().all(|&byte| byte == 0xFF)),
            }
        }
    }

    #[test]
    fn a_text_prefix_is_a_prefix() {
        let key = Key::new(1).text("amazon").build();
        assert!(key.starts_with(Key::new(1).text_prefix("ama").as_ref()));
    }
}
