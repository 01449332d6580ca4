//! Unsigned integers in a fixed number of bits each.
//!
//! ```text
//! value i stands in bits i·w .. (i+1)·w of the bytes, taken as one little-endian number
//! w ∈ {0, 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 64}
//! ```
//!
//! With these widths no value straddles more bytes than it needs, so one value is one short read and a whole page is
//! a loop the compiler can turn into vector code.

/// The widths in use, ascending.
const WIDTHS: [u8; 13] = [0, 1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 64];

/// The narrowest width that holds values up to `max`.
pub(crate) fn width(max: u64) -> u8 {
    let needed = 64 - max.leading_zeros();
    WIDTHS.into_iter().find(|&width| u32::from(width) >= needed).unwrap_or(64)
}

/// The bytes that `count` values of this width take.
pub(crate) fn len(count: usize, width: u8) -> usize {
    count.saturating_mul(usize::from(width)).div_ceil(8)
}

/// Appends values, each of which must fit the width.
pub(crate) fn pack(values: impl Iterator<Item = u64>, width: u8, out: &mut Vec<u8>) {
    match width {
        0 => {}
        8 => pack_bytes::<1>(values, out),
        16 => pack_bytes::<2>(values, out),
        24 => pack_bytes::<3>(values, out),
        32 => pack_bytes::<4>(values, out),
        40 => pack_bytes::<5>(values, out),
        48 => pack_bytes::<6>(values, out),
        56 => pack_bytes::<7>(values, out),
        64 => pack_bytes::<8>(values, out),
        _ => pack_bits(values, u32::from(width), out),
    }
}

fn pack_bytes<const N: usize>(values: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    for value in values {
        if let Some(bytes) = value.to_le_bytes().first_chunk::<N>() {
            out.extend_from_slice(bytes);
        }
    }
}

fn pack_bits(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0_u64, 0);
    for value in values {
        word |= value << filled;
        filled += width;
        while filled >= 8 {
            out.push(low_byte(word));
            word >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(low_byte(word));
    }
}

/// The value at `index`; `None` where the bytes end before it.
pub(crate) fn get(data: &[u8], width: u8, index: usize) -> Option<u64> {
    let bit = index.checked_mul(usize::from(width))?;
    // Nearly always there are eight bytes from there on, which are one read.
    let word = data.get(bit / 8..).and_then(<[u8]>::first_chunk);
    if let Some(word) = word.filter(|_| bit % 8 + usize::from(width) <= 64) {
        return Some((u64::from_le_bytes(*word) >> (bit % 8)) & mask(width));
    }
    let bytes = data.get(bit / 8..(bit + usize::from(width)).div_ceil(8))?;
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some((u64::from_le_bytes(word) >> (bit % 8)) & mask(width))
}

/// Appends `count` values, each through `map`; `None` where the bytes are too few.
pub(crate) fn unpack<T: Copy>(
    data: &[u8],
    width: u8,
    count: usize,
    out: &mut Vec<T>,
    map: impl Fn(u64) -> T + Copy,
) -> Option<()> {
    let data = data.get(..len(count, width))?;
    let end = out.len() + count;
    out.reserve(count);
    match width {
        0 => out.extend(std::iter::repeat_n(map(0), count)),
        1 => unpack_bits::<T, 8>(data, count, out, map),
        2 => unpack_bits::<T, 4>(data, count, out, map),
        4 => unpack_bits::<T, 2>(data, count, out, map),
        12 => unpack_pairs(data, count, out, map),
        8 => unpack_bytes::<T, 1>(data, out, map),
        16 => unpack_bytes::<T, 2>(data, out, map),
        24 => unpack_bytes::<T, 3>(data, out, map),
        32 => unpack_bytes::<T, 4>(data, out, map),
        40 => unpack_bytes::<T, 5>(data, out, map),
        48 => unpack_bytes::<T, 6>(data, out, map),
        56 => unpack_bytes::<T, 7>(data, out, map),
        64 => unpack_bytes::<T, 8>(data, out, map),
        _ => return None,
    }
    (out.len() == end).then_some(())
}

fn unpack_bytes<T, const N: usize>(data: &[u8], out: &mut Vec<T>, map: impl Fn(u64) -> T) {
    let (values, _) = data.as_chunks::<N>();
    out.extend(values.iter().map(|bytes| {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        map(u64::from_le_bytes(word))
    }));
}

/// `PER` values a byte; the last byte may hold fewer.
fn unpack_bits<T: Copy, const PER: usize>(
    data: &[u8],
    count: usize,
    out: &mut Vec<T>,
    map: impl Fn(u64) -> T,
) {
    let width = 8 / PER;
    let value = |byte: u8, i: usize| map((u64::from(byte) >> (i * width)) & ((1 << width) - 1));
    let (groups, rest) = fresh(count, out, map(0)).as_chunks_mut::<PER>();
    for (group, &byte) in groups.iter_mut().zip(data) {
        for (i, slot) in group.iter_mut().enumerate() {
            *slot = value(byte, i);
        }
    }
    for (i, slot) in rest.iter_mut().enumerate() {
        *slot = value(data.last().copied().unwrap_or(0), i);
    }
}

/// Two values of 12 bits in three bytes.
fn unpack_pairs<T: Copy>(data: &[u8], count: usize, out: &mut Vec<T>, map: impl Fn(u64) -> T) {
    let (pairs, last) = data.as_chunks::<3>();
    let (groups, rest) = fresh(count, out, map(0)).as_chunks_mut::<2>();
    for ([first, second], &[a, b, c]) in groups.iter_mut().zip(pairs) {
        let word = u64::from(u32::from_le_bytes([a, b, c, 0]));
        (*first, *second) = (map(word & 0xFFF), map(word >> 12));
    }
    if let (Some(slot), &[a, b]) = (rest.first_mut(), last) {
        *slot = map(u64::from(u16::from_le_bytes([a, b])) & 0xFFF);
    }
}

/// Room for `count` more values. Filling it first is cheap, for pages fit the nearest cache, and lets the loops above
/// write without checks.
fn fresh<T: Copy>(count: usize, out: &mut Vec<T>, filler: T) -> &mut [T] {
    let start = out.len();
    out.resize(start + count, filler);
    out.get_mut(start..).unwrap_or_default()
}

fn mask(width: u8) -> u64 {
    1_u64.checked_shl(u32::from(width)).map_or(u64::MAX, |bit| bit - 1)
}

/// The low byte of a word.
#[expect(clippy::cast_possible_truncation, reason = "the low byte is what is wanted")]
pub(crate) fn low_byte(word: u64) -> u8 {
    word as u8
}

/// The low half of a word.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(crate) fn low_half(word: u64) -> u32 {
    word as u32
}

/// A count as it is stored. Counts of rows and strings are bounded far below; a larger one would be caught by the
/// bounds checks of whoever reads it.
pub(crate) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_the_narrowest() {
        let narrow =
            [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (15, 4), (16, 8), (255, 8), (256, 12), (4095, 12)];
        let wide = [(4096, 16), (65_536, 24), (1 << 24, 32), (1 << 55, 56), (1 << 56, 64), (u64::MAX, 64)];
        for (max, expected) in narrow.into_iter().chain(wide) {
            assert_eq!(width(max), expected, "for {max}");
        }
    }

    #[test]
    fn too_few_bytes_give_nothing() {
        assert_eq!(get(&[1], 12, 0), None);
        assert_eq!(unpack(&[1], 12, 1, &mut Vec::new(), |v| v), None);
        assert_eq!(unpack(&[1, 2, 3], 5, 1, &mut Vec::new(), |v| v), None);
        assert_eq!(get(&[1], 64, usize::MAX), None);
    }

    proptest! {
        #[test]
        fn values_come_back_all_together_and_one_by_one(
            values in prop::collection::vec(any::<u64>(), 0..70), shift in 0_u32..64,
        ) {
            let values: Vec<u64> = values.into_iter().map(|value| value >> shift).collect();
            let width = width(values.iter().copied().max().unwrap_or(0));
            let mut data = Vec::new();
            pack(values.iter().copied(), width, &mut data);
            prop_assert_eq!(data.len(), len(values.len(), width));
            let mut out = vec![99];
            unpack(&data, width, values.len(), &mut out, |value| value).unwrap();
            prop_assert_eq!(&out[1..], &values[..]);
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(get(&data, width, index), Some(*value));
            }
        }
    }
}
