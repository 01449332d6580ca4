//! Pages of text that is not in a dictionary: identifiers, and whatever has too many distinct values.
//!
//! ```text
//! page      tag u8, then by tag
//! 0 raw       prefix len u8, prefix, width u8, ends (width × n), bytes      row = prefix + bytes[ends[row-1]..ends[row]]
//! 1 decimal   integer page                                                  see `ident`
//! 2 digits    template, integer page
//! 3 hex       template, case, data
//! 4 select    bitmap ⌈n/8⌉, ranks u16 × ⌈n/512⌉, len u32, page A (len bytes), page B
//!             rows with a 1 stand in A, the others in B, or are null where B is empty; a rank counts the ones before its 512 rows
//! 5 sparse    count u16, positions u16 × count, page                        all other rows are null; no page where count = 0
//! ```
//!
//! A page in which two shapes meet (numeric ids and UUIDs, or one odd row) is a select of one page for each.

use super::bits;
use super::ident::{self, Holes, Template};
use super::int;
use super::validity::{Validity, bitmap};
use super::wire::Take;
use crate::column::Strings;

const RAW: u8 = 0;
const DECIMAL: u8 = 1;
const DIGITS: u8 = 2;
const HEX: u8 = 3;
const SELECT: u8 = 4;
const SPARSE: u8 = 5;

/// Selects stand in each other at most this deep: one for nulls, and one for each shape set apart.
const DEPTH_MAX: u8 = 5;

/// How many shapes may be set apart in one page before the rest is kept raw.
const SHAPES_MAX: u8 = 3;

/// Rows between two ranks of a bitmap.
const RANK_ROWS: usize = 512;

/// Appends a page of these values; `None` is null.
pub(crate) fn encode(values: &[Option<&str>], out: &mut Vec<u8>) {
    let held: Vec<&str> = values.iter().flatten().copied().collect();
    if held.len() == values.len() {
        return encode_full(&held, 0, out);
    }
    if held.len() * 8 < values.len() || held.is_empty() {
        out.push(SPARSE);
        let rows = values.iter().enumerate().filter(|(_, value)| value.is_some()).map(|(row, _)| row);
        int::put_positions(rows, held.len(), out);
        if !held.is_empty() {
            encode_full(&held, 0, out);
        }
        return;
    }
    let mut page = Vec::new();
    encode_full(&held, 0, &mut page);
    put_select(values.iter().map(Option::is_some), &page, &[], out);
}

fn encode_full(values: &[&str], shapes: u8, out: &mut Vec<u8>) {
    if encode_shape(values, out) || shapes < SHAPES_MAX && encode_shapes(values, shapes, out) {
        return;
    }
    encode_raw(values, out);
}

/// Appends a page of one shape, if all values have it.
fn encode_shape(values: &[&str], out: &mut Vec<u8>) -> bool {
    if let Some(numbers) = values.iter().map(|value| ident::decimal(value)).collect::<Option<Vec<i64>>>() {
        out.push(DECIMAL);
        int::encode(&numbers, None, out);
        return true;
    }
    let Some((template, kind)) = Template::of(values) else { return false };
    out.push(if kind == Holes::Digits { DIGITS } else { HEX });
    template.put(out);
    template.encode(kind, values, out);
    true
}

/// Appends a select of the most common shape and the rest, if that is smaller than raw.
fn encode_shapes(values: &[&str], shapes: u8, out: &mut Vec<u8>) -> bool {
    let kinds: Vec<u8> = values.iter().map(|value| shape(value)).collect();
    let mut counts = [0_usize; 256];
    for &kind in &kinds {
        if let Some(count) = counts.get_mut(usize::from(kind)) {
            *count += 1;
        }
    }
    let Some((common, &count)) = (0_u8..=255).zip(&counts).max_by_key(|&(_, count)| count) else {
        return false;
    };
    if count == values.len() || count * 8 < values.len() {
        return false;
    }
    let of = |common_wanted: bool| -> Vec<&str> {
        let both = values.iter().zip(&kinds);
        both.filter(|&(_, &kind)| (kind == common) == common_wanted).map(|(value, _)| *value).collect()
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    if !encode_shape(&of(true), &mut first) {
        return false;
    }
    encode_full(&of(false), shapes + 1, &mut second);
    let bytes: usize = values.iter().map(|value| value.len()).sum();
    if first.len() + second.len() + values.len() / 4 >= bytes {
        return false;
    }
    put_select(kinds.iter().map(|&kind| kind == common), &first, &second, out);
    true
}

/// What is likely to share a template: numbers, or else the same length.
fn shape(value: &str) -> u8 {
    match ident::decimal(value) {
        Some(_) => 0,
        None => u8::try_from(value.len().clamp(1, 255)).unwrap_or(u8::MAX),
    }
}

fn put_select(flags: impl Iterator<Item = bool>, first: &[u8], second: &[u8], out: &mut Vec<u8>) {
    out.push(SELECT);
    let start = out.len();
    bitmap(flags, out);
    let map = out.get(start..).unwrap_or_default().to_vec();
    let mut rank = 0_u32;
    for group in map.chunks(RANK_ROWS / 8) {
        out.extend(u16::try_from(rank).unwrap_or(u16::MAX).to_le_bytes());
        rank += group.iter().map(|byte| byte.count_ones()).sum::<u32>();
    }
    out.extend(bits::count(first.len()).to_le_bytes());
    out.extend_from_slice(first);
    out.extend_from_slice(second);
}

fn encode_raw(values: &[&str], out: &mut Vec<u8>) {
    let prefix = common_prefix(values);
    out.push(RAW);
    out.push(u8::try_from(prefix.len()).unwrap_or_default());
    out.extend_from_slice(prefix.as_bytes());
    let total: usize = values.iter().map(|value| value.len() - prefix.len()).sum();
    let width = bits::width(total as u64);
    out.push(width);
    let ends = values.iter().scan(0_u64, |end, value| {
        *end += (value.len() - prefix.len()) as u64;
        Some(*end)
    });
    bits::pack(ends, width, out);
    values.iter().for_each(|value| out.extend(&value.as_bytes()[prefix.len()..]));
}

/// What all values begin with, at most 255 bytes and whole characters.
fn common_prefix<'a>(values: &[&'a str]) -> &'a str {
    let Some((first, rest)) = values.split_first() else { return "" };
    let mut len = first.len().min(255);
    for value in rest {
        len = value.bytes().zip(first.bytes()).take(len).take_while(|(a, b)| a == b).count();
    }
    first.get(..first.floor_char_boundary(len)).unwrap_or_default()
}

/// Appends the `rows` strings of a page; `None` where its bytes make no sense.
pub(crate) fn decode(page: &[u8], rows: usize, out: &mut Strings, nulls: &mut Validity) -> Option<()> {
    decode_nested(page, rows, out, nulls, 0)
}

fn decode_nested(page: &[u8], rows: usize, out: &mut Strings, nulls: &mut Validity, depth: u8) -> Option<()> {
    let mut take = Take(page);
    match take.byte().filter(|_| depth < DEPTH_MAX)? {
        SELECT => decode_select(take, rows, out, nulls, depth),
        SPARSE => decode_sparse(take, rows, out, nulls, depth),
        tag => {
            nulls.extend(rows, true);
            match tag {
                RAW => decode_raw(take, rows, out),
                DECIMAL => decode_decimal(take.0, rows, out),
                DIGITS => Template::take(&mut take)?.decode_digits(take.0, rows, out),
                HEX => Template::take(&mut take)?.decode_hex(take, rows, out),
                _ => None,
            }
        }
    }
}

/// As [`decode`] where all strings of the page are UUIDs in small letters, which are appended as numbers. `None` where
/// they are not, whatever was appended until then; also where the bytes make no sense, as [`decode`] would tell.
pub(crate) fn decode_uuids(
    page: &[u8],
    rows: usize,
    out: &mut Vec<u128>,
    nulls: &mut Validity,
) -> Option<()> {
    let mut take = Take(page);
    match take.byte()? {
        HEX => {
            nulls.extend(rows, true);
            Template::take(&mut take)?.decode_uuids(take, rows, out)
        }
        SELECT => {
            let select = Select::take(take, rows).filter(|select| select.second.is_empty())?;
            let ones = select.count(rows);
            let mut held = Vec::with_capacity(ones);
            decode_uuids_full(select.first, ones, &mut held)?;
            nulls.extend_packed(select.bitmap, rows)?;
            let mut held = held.into_iter();
            (0..rows).try_for_each(|row| {
                out.push(if select.bit(row)? == 1 { held.next()? } else { 0 });
                Some(())
            })
        }
        _ => None,
    }
}

fn decode_uuids_full(page: &[u8], rows: usize, out: &mut Vec<u128>) -> Option<()> {
    let mut take = Take(page);
    take.byte().filter(|&tag| tag == HEX)?;
    Template::take(&mut take)?.decode_uuids(take, rows, out)
}

fn decode_select(
    take: Take<'_>,
    rows: usize,
    out: &mut Strings,
    nulls: &mut Validity,
    depth: u8,
) -> Option<()> {
    let select = Select::take(take, rows)?;
    let ones = select.count(rows);
    let (mut first, mut second) = (Strings::default(), Strings::default());
    decode_nested(select.first, ones, &mut first, &mut Validity::default(), depth + 1)?;
    if select.second.is_empty() {
        nulls.extend_packed(select.bitmap, rows)?;
    } else {
        decode_nested(select.second, rows - ones, &mut second, &mut Validity::default(), depth + 1)?;
        nulls.extend(rows, true);
    }
    let (mut at_first, mut at_second) = (0.., 0..);
    for row in 0..rows {
        out.push(match select.bit(row)? {
            1 => first.get(at_first.next()?),
            _ => second.get(at_second.next()?),
        });
    }
    Some(())
}

fn decode_sparse(
    mut take: Take<'_>,
    rows: usize,
    out: &mut Strings,
    nulls: &mut Validity,
    depth: u8,
) -> Option<()> {
    let start = nulls.rows();
    nulls.extend(rows, false);
    let (packed, count) = int::take_positions(&mut take)?;
    let mut held = Strings::default();
    if count > 0 {
        decode_nested(take.0, count, &mut held, &mut Validity::default(), depth + 1)?;
    }
    let mut next = 0;
    for (index, row) in int::positions(packed).enumerate() {
        if row < next || row >= rows {
            return None;
        }
        (next..row).for_each(|_| out.push(""));
        out.push(held.get(index));
        nulls.set(start + row)?;
        next = row + 1;
    }
    (next..rows).for_each(|_| out.push(""));
    Some(())
}

fn decode_decimal(page: &[u8], rows: usize, out: &mut Strings) -> Option<()> {
    let mut numbers = Vec::<i64>::with_capacity(rows);
    int::decode(page, rows, &mut numbers, &mut Validity::default())?;
    let mut text = String::with_capacity(20);
    for number in numbers {
        text.clear();
        ident::put_decimal(number, &mut text)?;
        out.push(&text);
    }
    Some(())
}

fn decode_raw(take: Take<'_>, rows: usize, out: &mut Strings) -> Option<()> {
    let raw = Raw::take(take, rows)?;
    let mut ends = Vec::with_capacity(rows);
    bits::unpack(raw.ends, raw.width, rows, &mut ends, |end| end)?;
    let text = std::str::from_utf8(raw.bytes).ok()?;
    let (mut value, mut start) = (String::from(raw.prefix), 0);
    for end in ends {
        let end = usize::try_from(end).ok()?;
        let rest = text.get(start..end)?;
        start = end;
        if raw.prefix.is_empty() {
            out.push(rest);
        } else {
            value.truncate(raw.prefix.len());
            value.push_str(rest);
            out.push(&value);
        }
    }
    Some(())
}

/// The parts of a raw page.
struct Raw<'a> {
    prefix: &'a str,
    width: u8,
    ends: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Raw<'a> {
    fn take(mut take: Take<'a>, rows: usize) -> Option<Self> {
        let prefix_len = usize::from(take.byte()?);
        let prefix = std::str::from_utf8(take.raw(prefix_len)?).ok()?;
        let width = take.byte()?;
        let ends = take.raw(bits::len(rows, width))?;
        Some(Self { prefix, width, ends, bytes: take.0 })
    }

    fn get(&self, row: usize) -> Option<String> {
        let end = |row| usize::try_from(bits::get(self.ends, self.width, row)?).ok();
        let start = row.checked_sub(1).map_or(Some(0), end)?;
        let rest = std::str::from_utf8(self.bytes.get(start..end(row)?)?).ok()?;
        Some([self.prefix, rest].concat())
    }
}

/// The parts of a select.
struct Select<'a> {
    bitmap: &'a [u8],
    ranks: &'a [u8],
    first: &'a [u8],
    second: &'a [u8],
}

impl<'a> Select<'a> {
    fn take(mut take: Take<'a>, rows: usize) -> Option<Self> {
        let bitmap = take.raw(rows.div_ceil(8))?;
        let ranks = take.raw(rows.div_ceil(RANK_ROWS) * 2)?;
        let len = u32::from_le_bytes(take.fixed()?) as usize;
        Some(Self { bitmap, ranks, first: take.raw(len)?, second: take.0 })
    }

    fn bit(&self, row: usize) -> Option<u64> {
        bits::get(self.bitmap, 1, row)
    }

    /// The ones of all rows, by the bitmap alone.
    fn count(&self, rows: usize) -> usize {
        (0..rows).filter(|&row| self.bit(row) == Some(1)).count()
    }

    /// The ones of all rows.
    fn ones(&self, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?;
        Some(self.rank(last)? + usize::try_from(self.bit(last)?).ok()?)
    }

    /// The ones before a row.
    fn rank(&self, row: usize) -> Option<usize> {
        let group = row / RANK_ROWS;
        let before = usize::try_from(bits::get(self.ranks, 16, group)?).ok()?;
        let bytes = self.bitmap.get(group * RANK_ROWS / 8..row / 8)?;
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        let last = self.bitmap.get(row / 8)? & ((1 << (row % 8)) - 1);
        Some(before + (ones + last.count_ones()) as usize)
    }
}

/// The string of one row, `Some(None)` for null; `None` where the bytes make no sense.
pub(crate) fn get(page: &[u8], rows: usize, row: usize) -> Option<Option<String>> {
    get_nested(page, rows, row, 0)
}

fn get_nested(page: &[u8], rows: usize, row: usize, depth: u8) -> Option<Option<String>> {
    let mut take = Take(page);
    let text = match take.byte().filter(|_| depth < DEPTH_MAX && row < rows)? {
        RAW => Raw::take(take, rows)?.get(row)?,
        DECIMAL => {
            let mut text = String::with_capacity(20);
            ident::put_decimal(int::get(take.0, rows, row)??, &mut text)?;
            text
        }
        DIGITS => ident::get_digits(take, rows, row)?,
        HEX => ident::get_hex(take, row)?,
        SELECT => {
            let select = Select::take(take, rows)?;
            let (rank, ones) = (select.rank(row)?, select.ones(rows)?);
            return match select.bit(row)? {
                1 => get_nested(select.first, ones, rank, depth + 1),
                _ if select.second.is_empty() => Some(None),
                _ => get_nested(select.second, rows.checked_sub(ones)?, row.checked_sub(rank)?, depth + 1),
            };
        }
        SPARSE => {
            let (packed, count) = int::take_positions(&mut take)?;
            return match int::find_position(packed, row) {
                Some(place) => get_nested(take.0, count, place, depth + 1),
                None => Some(None),
            };
        }
        _ => return None,
    };
    Some(Some(text))
}

#[cfg(test)]
#[path = "text_test.rs"]
mod tests;
