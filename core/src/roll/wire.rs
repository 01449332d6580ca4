//! The small integers and strings of footers and page heads, written and read without trust.
//!
//! ```text
//! varint  7 bits a byte, least significant first, high bit set on all but the last; at most 10 bytes
//! zigzag  a signed number n as varint (n << 1) ^ (n >> 63)
//! bytes   varint length, then that many bytes
//! fixed   little-endian
//! ```

/// Appends numbers and strings to a buffer.
pub(crate) trait Put {
    /// Appends a varint.
    fn put_varint(&mut self, value: u64);
    /// Appends a zigzag number.
    fn put_zigzag(&mut self, value: i64);
    /// Appends a length and bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
}

impl Put for Vec<u8> {
    fn put_varint(&mut self, mut value: u64) {
        while value > 0x7F {
            self.extend((value & 0x7F | 0x80).to_le_bytes().first());
            value >>= 7;
        }
        self.extend(value.to_le_bytes().first());
    }

    fn put_zigzag(&mut self, value: i64) {
        self.put_varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Takes numbers and strings from bytes; every method gives `None` where they end too early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    /// Takes `len` bytes as they are.
    pub(crate) fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes `N` bytes as they are.
    pub(crate) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Takes one byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    /// Takes a little-endian u16.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.fixed().map(u16::from_le_bytes)
    }

    /// Takes a little-endian i64.
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.fixed().map(i64::from_le_bytes)
    }

    /// Takes a varint.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.byte()?);
            let bits = byte & 0x7F;
            if (bits << shift) >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Takes a varint that must fit 32 bits.
    pub(crate) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// Takes a zigzag number.
    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Takes a length and as many bytes.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.raw(len)
    }

    /// Takes a count of things that take at least one byte each, so that no count can ask for more memory than the
    /// bytes at hand justify.
    pub(crate) fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn overlong_and_cut_numbers_are_refused() {
        assert_eq!(Take(&[0x80]).varint(), None);
        assert_eq!(Take(&[0xFF; 11]).varint(), None);
        assert_eq!(Take(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]).varint(), None);
        assert_eq!(Take(&[200, 1]).count(), None);
        assert_eq!(Take(&[5, 1, 2]).bytes(), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>(), shift in 0_u32..64, signed in any::<i64>()) {
            let mut bytes = Vec::new();
            bytes.put_varint(value >> shift);
            bytes.put_zigzag(signed);
            bytes.put_bytes(b"xyz");
            let mut take = Take(&bytes);
            prop_assert_eq!(take.varint(), Some(value >> shift));
            prop_assert_eq!(take.zigzag(), Some(signed));
            prop_assert_eq!(take.bytes(), Some(b"xyz".as_slice()));
            prop_assert!(take.0.is_empty());
        }
    }
}
