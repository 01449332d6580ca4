//! Identifiers that are UUIDs as numbers: what a hex page holds of them, without their text.

use super::ident::Template;

/// Bytes of a UUID's text.
pub(crate) const TEXT_LEN: usize = 36;

/// Hex digits of a UUID.
const DIGITS: u32 = 32;

/// How the digits of a page's rows stand in those of a UUID: the digits that all rows share, and the runs of those that
/// vary, which move by as many places as shared digits stand before them.
#[derive(Debug)]
pub(super) struct Shape {
    shared: u128,
    /// The bits of a run as it is stored, and how far they move to the right.
    runs: Vec<(u128, u32)>,
}

impl Shape {
    /// The shape of a template; `None` where its values are no UUIDs with lower-case letters.
    pub(super) fn of(template: &Template) -> Option<Self> {
        if template.len() != TEXT_LEN {
            return None;
        }
        let mut shape = Self { shared: 0, runs: Vec::new() };
        let (mut digit, mut stored) = (0, 0);
        for (place, varying) in template.bytes() {
            match (place, varying) {
                (8 | 13 | 18 | 23, Some(b'-')) => continue,
                (8 | 13 | 18 | 23, _) => return None,
                (_, Some(byte)) => shape.shared |= u128::from(value(byte)?) << (4 * (DIGITS - 1 - digit)),
                (_, None) => {
                    shape.add(stored, digit - stored);
                    stored += 1;
                }
            }
            digit += 1;
        }
        Some(shape)
    }

    fn add(&mut self, stored: u32, moved: u32) {
        let bits = 0xF << (4 * (DIGITS - 1 - stored));
        match self.runs.last_mut().filter(|(_, by)| *by == 4 * moved) {
            Some((run, _)) => *run |= bits,
            None => self.runs.push((bits, 4 * moved)),
        }
    }

    /// Appends the UUIDs of rows of `stride` bytes each.
    pub(super) fn decode(&self, data: &[u8], stride: usize, rows: usize, out: &mut Vec<u128>) {
        if stride == 0 {
            return out.extend(std::iter::repeat_n(self.shared, rows));
        }
        let whole = |stored: u128| {
            self.runs.iter().fold(self.shared, |all, &(bits, moved)| all | ((stored & bits) >> moved))
        };
        out.extend(data.chunks_exact(stride).map(|row| {
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(row) {
                *to = *from;
            }
            whole(u128::from_be_bytes(bytes))
        }));
    }
}

/// The value of a lower-case hex digit.
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The UUID of a text; `None` where writing that would give another text.
pub(crate) fn parse(text: &str) -> Option<u128> {
    let bytes: &[u8; TEXT_LEN] = text.as_bytes().try_into().ok()?;
    bytes.iter().enumerate().try_fold(0, |uuid: u128, (place, &byte)| match place {
        8 | 13 | 18 | 23 => (byte == b'-').then_some(uuid),
        _ => Some(uuid << 4 | u128::from(value(byte)?)),
    })
}

/// The text of a UUID.
pub(crate) fn text(uuid: u128) -> [u8; TEXT_LEN] {
    let mut digits = [0; 32];
    let (words, _) = digits.as_chunks_mut::<8>();
    for (word, bytes) in words.iter_mut().zip(uuid.to_be_bytes().as_chunks::<4>().0) {
        *word = eight_digits(u32::from_be_bytes(*bytes)).to_be_bytes();
    }
    let mut text = [b'-'; TEXT_LEN];
    for (to, from) in [(0, 0..8), (9, 8..12), (14, 12..16), (19, 16..20), (24, 20..32)] {
        let to = to..to + from.len();
        if let (Some(to), Some(from)) = (text.get_mut(to), digits.get(from)) {
            to.copy_from_slice(from);
        }
    }
    text
}

/// The hex digits of a number, one a byte, the first in the highest.
fn eight_digits(number: u32) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let spread = u64::from(number);
    let spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF;
    let spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF;
    let values = (spread | spread << 4) & (0x0F * ONES);
    // Six more than a value above nine has a fifth bit.
    let letters = (values + 0x06 * ONES) >> 4 & ONES;
    values + u64::from(b'0') * ONES + letters * u64::from(b'a' - b'9' - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_is_written_the_same_is_a_uuid() {
        let text_of = |uuid| String::from_utf8(text(uuid).to_vec()).unwrap();
        assert_eq!(
            text_of(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            "01234567-89ab-cdef-0123-456789abcdef"
        );
        assert_eq!(
            parse("4dc81891-67af-40a2-a2df-0719a7b90fe8"),
            Some(0x4dc8_1891_67af_40a2_a2df_0719_a7b9_0fe8)
        );
        for other in [
            "4DC81891-67af-40a2-a2df-0719a7b90fe8",
            "4dc8189167af40a2a2df0719a7b90fe8",
            "4dc81891-67af-40a2-a2df-0719a7b90fe",
            "4dc81891-67af-40a2-a2df-0719a7b90fe8 ",
            "4dc81891067af-40a2-a2df-0719a7b90fe8",
            "4dc81891-67af-40a2-a2df-0719a7b90fg8",
            "{4dc81891-67af-40a2-a2df-0719a7b90f}",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn uuids_come_back(uuid in any::<u128>()) {
            let text = text(uuid);
            let written = std::str::from_utf8(&text).unwrap();
            prop_assert_eq!(written.replace('-', ""), format!("{uuid:032x}"));
            prop_assert_eq!(parse(written), Some(uuid));
        }
    }
}
