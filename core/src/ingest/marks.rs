//! Where the bytes that delimit fields stand. Fields are short, so that a search from one to the next would mostly begin
//! and end: the text is looked at in blocks of 64 bytes instead, one bit a byte, and the bits are taken one by one.

/// Bytes in a block, as many as a word has bits.
const BLOCK: usize = 64;

/// The places of three bytes in a text, ascending.
#[derive(Debug)]
pub(super) struct Marks<'t> {
    text: &'t [u8],
    bytes: [u8; 3],
    /// Where the block begins that `left` is of.
    base: usize,
    /// The places in the block that were not given yet, one bit each.
    left: u64,
}

impl<'t> Marks<'t> {
    /// The places of any of `bytes`. A NUL cannot be looked for.
    pub(super) fn new(text: &'t [u8], bytes: [u8; 3]) -> Self {
        let mut marks = Self { text, bytes, base: 0, left: 0 };
        marks.left = marks.block();
        marks
    }

    /// The next place; `None` behind the last.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.base += BLOCK;
            if self.base >= self.text.len() {
                return None;
            }
            self.left = self.block();
        }
        let place = self.base + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(place)
    }

    fn block(&self) -> u64 {
        let rest = self.text.get(self.base..).unwrap_or_default();
        match rest.first_chunk::<BLOCK>() {
            Some(block) => places(block, self.bytes),
            None => {
                let mut block = [0; BLOCK];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                places(&block, self.bytes)
            }
        }
    }
}

/// One bit for each byte that is one of three. Written so that the compiler compares many bytes at once.
fn places(block: &[u8; BLOCK], [a, b, c]: [u8; 3]) -> u64 {
    /// Brings the lowest bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut found = [0; BLOCK];
    for (found, &byte) in found.iter_mut().zip(block) {
        *found = u8::from(byte == a) | u8::from(byte == b) | u8::from(byte == c);
    }
    let (words, _) = found.as_chunks::<8>();
    let bits = words.iter().map(|word| u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56);
    bits.rev().fold(0, |places, bits| places << 8 | bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES: [u8; 3] = *b",\n\"";

    #[test]
    fn every_place_of_a_block_is_told() {
        for place in 0..BLOCK {
            for byte in BYTES {
                let mut block = [b'.'; BLOCK];
                block[place] = byte;
                assert_eq!(places(&block, BYTES), 1 << place, "{place}");
            }
        }
        assert_eq!(places(&[b','; BLOCK], BYTES), u64::MAX);
    }

    proptest! {
        #[test]
        fn marks_are_those_of_a_search(text in "[a,\n\"]{0,300}") {
            let mut marks = Marks::new(text.as_bytes(), BYTES);
            let found: Vec<usize> = std::iter::from_fn(|| marks.next()).collect();
            let is_mark = |(_, byte): &(usize, u8)| BYTES.contains(byte);
            let expected: Vec<usize> = text.bytes().enumerate().filter(is_mark).map(|(place, _)| place).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(marks.next(), None);
        }
    }
}
