//! Pages of integers, and of dictionary codes, which are integers too (code + 1, so that 0 is null).
//!
//! ```text
//! page       tag u8, then by tag
//! 0 constant    value i64                                       every row
//! 1 packed      width u8, exponent u8, base i64, data           row = (base + data[row]) · 10^exponent
//! 2 dictionary  count u16, width u8, len u32, page, data        row = page[data[row]], page has `count` rows in `len` bytes
//! 3 default     value i64, count u16, positions u16 × count, page   the rows at `positions` (ascending) stand in `page`, all others are `value`
//! 4 nullable    bitmap ⌈n/8⌉, page                              null where the bit is 0; `page` has all n rows, those unspecified
//! 5 sparse      count u16, positions u16 × count, page          all other rows are null; no page where count = 0
//! ```
//!
//! Every page of at most 4,096 rows chooses for itself what is smallest, so a base is as near as its neighbours allow
//! and a column that changes its manner half way costs nothing. One row is a few reads in all of them (a binary search
//! where there are positions).

use std::cell::Cell;

use super::bits;
use super::validity::{Validity, bitmap};
use super::wire::Take;

const CONSTANT: u8 = 0;
const PACKED: u8 = 1;
const DICTIONARY: u8 = 2;
const DEFAULT: u8 = 3;
const NULLABLE: u8 = 4;
const SPARSE: u8 = 5;

/// Pages stand in pages at most this deep: the writer makes nullable → default → dictionary → packed. A deeper nest is
/// not ours and would let hostile bytes eat the stack.
const DEPTH_MAX: u8 = 5;

/// More distinct values than this are never cheaper as a page's own dictionary.
const DISTINCT_MAX: usize = 1024;

/// The largest power of ten in an i64.
const EXPONENT_MAX: u8 = 18;

/// What integers are decoded into: themselves, or codes.
pub(crate) trait Lane: Copy {
    /// What stands where there is no value.
    const NULL: Self;
    /// From the stored number.
    fn of(value: i64) -> Self;
    /// From the difference to a base. The same as `of` of their sum, in the lane's own width: vector code wants that.
    fn above(base: i64) -> impl Fn(u64) -> Self + Copy;
}

impl Lane for i64 {
    const NULL: Self = 0;

    fn of(value: i64) -> Self {
        value
    }

    fn above(base: i64) -> impl Fn(u64) -> Self + Copy {
        move |value| base.wrapping_add(value.cast_signed())
    }
}

impl Lane for u32 {
    const NULL: Self = crate::column::NULL_CODE;

    // Stored 0 becomes NULL_CODE by wrapping.
    fn of(value: i64) -> Self {
        bits::low_half(value.cast_unsigned()).wrapping_sub(1)
    }

    fn above(base: i64) -> impl Fn(u64) -> Self + Copy {
        let base = Self::of(base);
        move |value| bits::low_half(value).wrapping_add(base)
    }
}

/// Appends a page of these values; `present` is `None` where all rows have one. The value of an absent row is ignored.
pub(crate) fn encode(values: &[i64], present: Option<&[bool]>, out: &mut Vec<u8>) {
    let Some(present) = present else { return encode_full(values, out) };
    let rows = || values.iter().zip(present);
    let held: Vec<i64> = rows().filter(|&(_, &present)| present).map(|(&value, _)| value).collect();
    if held.len() * 8 < values.len() || held.is_empty() {
        out.push(SPARSE);
        let positions = present.iter().enumerate().filter(|&(_, &present)| present);
        put_positions(positions.map(|(row, _)| row), held.len(), out);
        if !held.is_empty() {
            encode_full(&held, out);
        }
        return;
    }
    out.push(NULLABLE);
    bitmap(present.iter().copied(), out);
    let filler = held.first().copied().unwrap_or_default();
    let filled: Vec<i64> = rows().map(|(&value, &present)| if present { value } else { filler }).collect();
    encode_full(&filled, out);
}

/// A page in which every row has a value: by default and exceptions where one value rules, else dense.
fn encode_full(values: &[i64], out: &mut Vec<u8>) {
    let start = out.len();
    encode_dense(values, out);
    let dense = out.len() - start;
    let (value, others) = majority(values);
    if others == 0 || others * 8 >= values.len() || 11 + others * 2 >= dense {
        return;
    }
    let mut page = vec![DEFAULT];
    page.extend(value.to_le_bytes());
    let exceptions = || values.iter().enumerate().filter(|&(_, &other)| other != value);
    put_positions(exceptions().map(|(row, _)| row), others, &mut page);
    encode_dense(&exceptions().map(|(_, &other)| other).collect::<Vec<_>>(), &mut page);
    if page.len() < dense {
        out.truncate(start);
        out.append(&mut page);
    }
}

fn encode_dense(values: &[i64], out: &mut Vec<u8>) {
    let (min, max) = values.iter().fold((i64::MAX, i64::MIN), |(min, max), &v| (min.min(v), max.max(v)));
    if min >= max {
        out.push(CONSTANT);
        out.extend(min.to_le_bytes());
        return;
    }
    let scale = PowerOfTen::dividing(values);
    let base = scale.quotient(min);
    // The difference of two i64 fits a u64, and wrapping subtraction gives exactly that.
    let width = bits::width(scale.quotient(max).wrapping_sub(base).cast_unsigned());
    if width >= 12 && encode_dictionary(values, bits::len(values.len(), width) + 11, out) {
        return;
    }
    out.extend([PACKED, width, scale.exponent]);
    out.extend(base.to_le_bytes());
    if scale.exponent == 0 {
        bits::pack(values.iter().map(|value| value.wrapping_sub(base).cast_unsigned()), width, out);
    } else {
        let above = |&value: &i64| scale.quotient(value).wrapping_sub(base).cast_unsigned();
        bits::pack(values.iter().map(above), width, out);
    }
}

/// Appends a dictionary page if it is smaller than `limit` bytes.
fn encode_dictionary(values: &[i64], limit: usize, out: &mut Vec<u8>) -> bool {
    let distinct_max = DISTINCT_MAX.min(values.len() / 4);
    let Some((keys, codes)) = distinct(values, distinct_max) else { return false };
    let mut page = Vec::new();
    encode_dense(&keys, &mut page);
    let width = bits::width(keys.len() as u64 - 1);
    if 8 + page.len() + bits::len(values.len(), width) >= limit {
        return false;
    }
    out.push(DICTIONARY);
    out.extend(u16::try_from(keys.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.push(width);
    out.extend(bits::count(page.len()).to_le_bytes());
    out.append(&mut page);
    bits::pack(codes.into_iter().map(u64::from), width, out);
    true
}

/// The distinct values in order of appearance, and each row's index among them; `None` if there are more than `limit`.
fn distinct(values: &[i64], limit: usize) -> Option<(Vec<i64>, Vec<u16>)> {
    const SLOTS: usize = 4 * DISTINCT_MAX;
    let mut slots = vec![0_u16; SLOTS];
    let (mut keys, mut codes) = (Vec::<i64>::new(), Vec::with_capacity(values.len()));
    for &value in values {
        let hash = value.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let mut at = bits::low_half(hash) as usize % SLOTS;
        let code = loop {
            let slot = slots.get_mut(at)?;
            match slot.checked_sub(1) {
                Some(code) if keys.get(usize::from(code)) == Some(&value) => break code,
                Some(_) => at = (at + 1) % SLOTS,
                None if keys.len() >= limit => return None,
                None => {
                    keys.push(value);
                    *slot = u16::try_from(keys.len()).ok()?;
                    break *slot - 1;
                }
            }
        };
        codes.push(code);
    }
    Some((keys, codes))
}

/// A power of ten to divide multiples of it by. That takes a shift and a multiplication with the inverse of the power of
/// five, modulo 2⁶⁴; a division takes ten times as long.
#[derive(Debug, Clone, Copy)]
struct PowerOfTen {
    exponent: u8,
    inverse: u64,
    /// The largest quotient by the power of five: whatever is no multiple gives a larger one.
    last: u64,
}

impl PowerOfTen {
    /// 10^`exponent`, of at most [`EXPONENT_MAX`].
    fn new(exponent: u8) -> Self {
        /// Five times this is 1 modulo 2⁶⁴.
        const FIFTH: u64 = 0xCCCC_CCCC_CCCC_CCCD;
        let power = u32::from(exponent);
        Self { exponent, inverse: FIFTH.wrapping_pow(power), last: u64::MAX / 5_u64.pow(power) }
    }

    /// The largest power of ten that divides every value; there are at least two distinct ones, so not all are 0.
    fn dividing(values: &[i64]) -> Self {
        // Who ends in so many zeros as a decimal number does as a binary one, too.
        let zeros = values.iter().fold(0, |all, value| all | value).trailing_zeros();
        let mut power = Self::new(u8::try_from(zeros).map_or(EXPONENT_MAX, |zeros| zeros.min(EXPONENT_MAX)));
        for &value in values {
            while !power.divides(value) {
                power = Self::new(power.exponent.saturating_sub(1));
            }
            if power.exponent == 0 {
                break;
            }
        }
        power
    }

    /// Whether it divides a multiple of 2^`exponent`.
    fn divides(self, value: i64) -> bool {
        value.unsigned_abs().wrapping_mul(self.inverse) <= self.last
    }

    /// The quotient of a multiple.
    fn quotient(self, multiple: i64) -> i64 {
        (multiple >> self.exponent).cast_unsigned().wrapping_mul(self.inverse).cast_signed()
    }
}

/// The value that stands in more than half of the rows, if there is one, and the number of rows with another.
fn majority(values: &[i64]) -> (i64, usize) {
    let (mut candidate, mut votes) = (0, 0_usize);
    for &value in values {
        if votes == 0 {
            candidate = value;
        }
        votes = if value == candidate { votes + 1 } else { votes - 1 };
    }
    (candidate, values.iter().filter(|&&value| value != candidate).count())
}

/// Appends a count and the positions of rows in their page.
pub(super) fn put_positions(rows: impl Iterator<Item = usize>, count: usize, out: &mut Vec<u8>) {
    out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
    for row in rows {
        out.extend(u16::try_from(row).unwrap_or(u16::MAX).to_le_bytes());
    }
}

/// Takes what [`put_positions`] put: the positions as packed 16-bit numbers, and their count.
pub(super) fn take_positions<'a>(take: &mut Take<'a>) -> Option<(&'a [u8], usize)> {
    let count = usize::from(take.u16()?);
    Some((take.raw(count * 2)?, count))
}

/// Where `row` stands among packed positions.
pub(super) fn find_position(positions: &[u8], row: usize) -> Option<usize> {
    let row = u16::try_from(row).ok()?;
    let (positions, _) = positions.as_chunks::<2>();
    positions.binary_search_by_key(&row, |bytes| u16::from_le_bytes(*bytes)).ok()
}

/// Packed positions as row numbers.
pub(super) fn positions(packed: &[u8]) -> impl Iterator<Item = usize> {
    packed.as_chunks::<2>().0.iter().map(|bytes| usize::from(u16::from_le_bytes(*bytes)))
}

/// Appends the `rows` values of a page; `None` where its bytes make no sense.
pub(crate) fn decode<T: Lane>(
    page: &[u8],
    rows: usize,
    out: &mut Vec<T>,
    nulls: &mut Validity,
) -> Option<()> {
    decode_nested(page, rows, out, nulls, 0)
}

fn decode_nested<T: Lane>(
    page: &[u8],
    rows: usize,
    out: &mut Vec<T>,
    nulls: &mut Validity,
    depth: u8,
) -> Option<()> {
    let mut take = Take(page);
    match take.byte().filter(|_| depth < DEPTH_MAX)? {
        NULLABLE => {
            let bitmap = take.raw(rows.div_ceil(8))?;
            decode_nested(take.0, rows, out, &mut Validity::default(), depth + 1)?;
            nulls.extend_packed(bitmap, rows)
        }
        SPARSE => {
            let first = nulls.rows();
            let (packed, count) = take_positions(&mut take)?;
            nulls.extend(rows, false);
            positions(packed).try_for_each(|row| (row < rows).then(|| nulls.set(first + row))?)?;
            scatter(take.0, (packed, count), T::NULL, rows, out, depth)
        }
        tag => {
            nulls.extend(rows, true);
            decode_full(tag, take, rows, out, depth)
        }
    }
}

fn decode_full<T: Lane>(tag: u8, mut take: Take<'_>, rows: usize, out: &mut Vec<T>, depth: u8) -> Option<()> {
    match tag {
        CONSTANT => {
            out.extend(std::iter::repeat_n(T::of(take.i64()?), rows));
            Some(())
        }
        PACKED => {
            let (width, scale, base) = take_packed(&mut take)?;
            if scale == 1 {
                return bits::unpack(take.0, width, rows, out, T::above(base));
            }
            let map = |value: u64| T::of(base.wrapping_add(value.cast_signed()).wrapping_mul(scale));
            bits::unpack(take.0, width, rows, out, map)
        }
        DICTIONARY => {
            let (count, width, page) = take_dictionary(&mut take)?;
            let mut keys = Vec::new();
            decode_nested(page, count, &mut keys, &mut Validity::default(), depth + 1)?;
            let strayed = Cell::new(false);
            let map = |code: u64| {
                keys.get(bits::low_half(code) as usize).copied().unwrap_or_else(|| {
                    strayed.set(true);
                    T::NULL
                })
            };
            bits::unpack(take.0, width, rows, out, map)?;
            (!strayed.get()).then_some(())
        }
        DEFAULT => {
            let value = T::of(take.i64()?);
            let positions = take_positions(&mut take)?;
            scatter(take.0, positions, value, rows, out, depth)
        }
        _ => None,
    }
}

/// Appends `rows` times `value`, then puts the values of `page` at their positions.
fn scatter<T: Lane>(
    page: &[u8],
    (packed, count): (&[u8], usize),
    value: T,
    rows: usize,
    out: &mut Vec<T>,
    depth: u8,
) -> Option<()> {
    let start = out.len();
    out.extend(std::iter::repeat_n(value, rows));
    if count == 0 {
        return Some(());
    }
    let mut exceptions = Vec::new();
    decode_nested(page, count, &mut exceptions, &mut Validity::default(), depth + 1)?;
    let out = out.get_mut(start..)?;
    positions(packed).zip(exceptions).try_for_each(|(row, value)| out.get_mut(row).map(|slot| *slot = value))
}

fn take_packed(take: &mut Take<'_>) -> Option<(u8, i64, i64)> {
    let [width, exponent] = take.fixed()?;
    let scale = 10_i64.checked_pow(u32::from(exponent))?;
    Some((width, scale, take.i64()?))
}

fn take_dictionary<'a>(take: &mut Take<'a>) -> Option<(usize, u8, &'a [u8])> {
    let count = usize::from(take.u16()?);
    let width = take.byte()?;
    let len = u32::from_le_bytes(take.fixed()?);
    Some((count, width, take.raw(len as usize)?))
}

/// The value of one row, `Some(None)` for null; `None` where the bytes make no sense.
pub(crate) fn get(page: &[u8], rows: usize, row: usize) -> Option<Option<i64>> {
    get_nested(page, rows, row, 0)
}

fn get_nested(page: &[u8], rows: usize, row: usize, depth: u8) -> Option<Option<i64>> {
    let mut take = Take(page);
    let tag = take.byte().filter(|_| depth < DEPTH_MAX && row < rows)?;
    match tag {
        CONSTANT => take.i64().map(Some),
        PACKED => {
            let (width, scale, base) = take_packed(&mut take)?;
            let value = bits::get(take.0, width, row)?.cast_signed();
            Some(Some(base.wrapping_add(value).wrapping_mul(scale)))
        }
        DICTIONARY => {
            let (count, width, keys) = take_dictionary(&mut take)?;
            let code = usize::try_from(bits::get(take.0, width, row)?).ok()?;
            get_nested(keys, count, code, depth + 1)
        }
        NULLABLE => {
            let bitmap = take.raw(rows.div_ceil(8))?;
            match bits::get(bitmap, 1, row)? {
                0 => Some(None),
                _ => get_nested(take.0, rows, row, depth + 1),
            }
        }
        DEFAULT | SPARSE => {
            let value = if tag == DEFAULT { Some(take.i64()?) } else { None };
            let (packed, count) = take_positions(&mut take)?;
            match find_position(packed, row) {
                Some(place) => get_nested(take.0, count, place, depth + 1),
                None => Some(value),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(values: &[i64], present: Option<&[bool]>) -> Vec<u8> {
        let mut page = Vec::new();
        encode(values, present, &mut page);
        page
    }

    fn check(values: &[i64], present: Option<&[bool]>) -> Vec<u8> {
        let page = encoded(values, present);
        let (mut out, mut nulls) = (Vec::<i64>::new(), Validity::default());
        decode(&page, values.len(), &mut out, &mut nulls).unwrap();
        let nulls = nulls.finish();
        assert_eq!(out.len(), values.len());
        for (row, &value) in values.iter().enumerate() {
            let expected = present.is_none_or(|present| present[row]).then_some(value);
            assert_eq!(get(&page, values.len(), row), Some(expected), "row {row}");
            let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            assert_eq!(valid.then_some(out[row]), expected, "row {row}");
        }
        page
    }

    #[test]
    fn each_kind_of_page_is_chosen_where_it_is_smallest() {
        assert_eq!(check(&[7; 100], None)[0], CONSTANT);
        assert_eq!(check(&[5], None)[0], CONSTANT);
        let times: Vec<i64> =
            (0..4096).map(|i| 1_500_000_000_000_000 + (i * 7919 % 100_000) * 1_000_000).collect();
        let page = check(&times, None);
        assert_eq!(page[..3], [PACKED, 24, 6]);
        assert_eq!(page.len(), 11 + 4096 * 3);
        let prices: Vec<i64> = (0..4096).map(|i| [990_000, 1_990_000, 123_450_000][i % 3]).collect();
        assert_eq!(check(&prices, None)[0], DICTIONARY);
        let counts: Vec<i64> = (0..4096).map(|i| if i % 100 == 0 { i } else { 1 }).collect();
        assert_eq!(check(&counts, None)[0], DEFAULT);
        let some: Vec<bool> = (0..4096).map(|i| i % 2 == 0).collect();
        assert_eq!(check(&counts, Some(&some))[0], NULLABLE);
        let few: Vec<bool> = (0..4096).map(|i| i % 100 == 3).collect();
        assert_eq!(check(&counts, Some(&few))[0], SPARSE);
        assert_eq!(check(&counts, Some(&[false; 4096])), [SPARSE, 0, 0]);
    }

    #[test]
    fn extremes_keep_their_values() {
        check(&[i64::MIN, i64::MAX], None);
        check(&[i64::MIN, 0, i64::MAX, -1, 1], None);
        check(&[i64::MIN], None);
        check(&[0, i64::MIN], Some(&[false, true]));
        check(&[-1_000_000_000_000_000_000, 9_000_000_000_000_000_000], None);
    }

    #[test]
    fn codes_count_from_one_and_null_is_zero() {
        let page = encoded(&[0, 1, 5], None);
        let mut codes = Vec::<u32>::new();
        decode(&page, 3, &mut codes, &mut Validity::default()).unwrap();
        assert_eq!(codes, [crate::column::NULL_CODE, 0, 4]);
    }

    #[test]
    fn a_deep_nest_is_refused() {
        let page = vec![NULLABLE; 100_000];
        assert_eq!(decode(&page, 3, &mut Vec::<i64>::new(), &mut Validity::default()), None);
        // The tag, read as a bitmap, says that row 2 has a value.
        assert_eq!(get(&page, 3, 2), None);
    }

    /// Values like those of real columns: narrow, scaled, few distinct, ruled by one, or anything.
    fn columns() -> impl Strategy<Value = Vec<i64>> {
        prop_oneof![
            prop::collection::vec(any::<i64>(), 1..300),
            prop::collection::vec(-100_i64..100, 1..300),
            prop::collection::vec((-100_i64..100_000).prop_map(|v| v * 10_000), 1..300),
            prop::collection::vec(prop::sample::select(vec![i64::MIN, -5, 0, 1, 1 << 40, i64::MAX]), 1..300),
            prop::collection::vec(prop_oneof![30 => Just(1_i64), 1 => any::<i64>()], 1..300),
        ]
    }

    #[test]
    fn powers_of_ten_divide_what_they_should() {
        for exponent in 0..=EXPONENT_MAX {
            let scale = 10_i64.pow(u32::from(exponent));
            let most = i64::MAX / scale;
            for factor in [1, -1, 3, -7, most, -most].into_iter().filter(|factor| factor.abs() <= most) {
                let power = PowerOfTen::new(exponent);
                assert!(power.divides(factor * scale));
                assert_eq!(power.quotient(factor * scale), factor, "{factor} · 10^{exponent}");
            }
            for values in [[scale, 3 * (scale / 10).max(1)], [0, scale], [-scale, i64::MIN]] {
                let by_division = (0..=EXPONENT_MAX).rev().find(|&exponent| {
                    values.iter().all(|value| value % 10_i64.pow(u32::from(exponent)) == 0)
                });
                assert_eq!(Some(PowerOfTen::dividing(&values).exponent), by_division, "{values:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn values_come_back(values in columns(), seed in any::<u64>(), keep in 0_u64..33) {
            check(&values, None);
            let flag = |i: usize| (seed.rotate_left(bits::count(i)) ^ i as u64).wrapping_mul(0x9E37_79B9) >> 20 & 31 < keep;
            let present: Vec<bool> = (0..values.len()).map(flag).collect();
            check(&values, Some(&present));
        }

        #[test]
        fn hostile_pages_give_nothing_or_exactly_the_rows(
            page in prop::collection::vec(any::<u8>(), 0..60), tag in 0_u8..7, rows in 0_usize..40,
        ) {
            let page: Vec<u8> = std::iter::once(tag).chain(page).collect();
            let (mut out, mut nulls) = (Vec::<i64>::new(), Validity::default());
            if decode(&page, rows, &mut out, &mut nulls).is_some() {
                prop_assert_eq!((out.len(), nulls.rows()), (rows, rows));
            }
            for row in 0..rows + 2 {
                get(&page, rows, row);
            }
        }
    }
}
