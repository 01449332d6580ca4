//! Identifiers by shape: what all values of a page share is written once, only what varies is kept.
//!
//! ```text
//! template   len u8 (1..=255), holes ⌈len/8⌉ bitmap, literal bytes × len (0 in a hole)
//! digits     template, integer page     the holes of a row, read as one number of at most 18 digits
//! hex        template, case u8 (0 lower, 1 upper), ⌈holes/2⌉ bytes a row, the first hole in the high half of the first byte
//! decimal    integer page               numbers of at most 18 digits without sign or leading zero
//! ```
//!
//! A UUID is a template with four literal dashes and 32 hex holes, `D01-1234567-1234567` one with digit holes. Lengths,
//! leading zeros and the case of letters are part of the template, so a page is encoded this way only where every value
//! comes back as it was.

use super::bits;
use super::int;
use super::uuid::Shape;
use super::validity::{Validity, bitmap};
use super::wire::Take;
use crate::column::Strings;

/// A number of this many digits always fits an i64.
const DIGITS_MAX: usize = 18;

/// How a hex page says that its letters are small.
const LOWER_CASE: u8 = 0;

const DIGIT: u8 = 1;
const LOWER: u8 = 2;
const UPPER: u8 = 4;
const OTHER: u8 = 8;

/// What a byte may be in a hole: without a branch or a table, so that many bytes are looked at in one step.
fn class(byte: u8) -> u8 {
    let within = |first: u8, count: u8| u8::from(byte.wrapping_sub(first) < count);
    let class = (within(b'0', 10) * DIGIT) | (within(b'a', 6) * LOWER) | (within(b'A', 6) * UPPER);
    class | (u8::from(class == 0) * OTHER)
}

/// What varies in the holes of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    Digits,
    HexLower,
    HexUpper,
}

/// What all values share.
#[derive(Debug)]
pub(super) struct Template {
    /// The shared bytes, `0` (the character) in a hole.
    literal: Vec<u8>,
    /// The places that vary, ascending.
    holes: Vec<u8>,
}

impl Template {
    /// The template of these values, where they have one.
    pub(super) fn of(values: &[&str]) -> Option<(Self, Holes)> {
        let first = values.first()?.as_bytes();
        let len = u8::try_from(first.len()).ok().filter(|&len| len > 0)?;
        let (mut seen, mut differs) = ([0_u8; 255], [0_u8; 255]);
        for value in values {
            if value.len() != first.len() {
                return None;
            }
            let columns = seen.iter_mut().zip(differs.iter_mut());
            for ((&byte, &first), (seen, differs)) in value.as_bytes().iter().zip(first).zip(columns) {
                *seen |= class(byte);
                *differs |= byte ^ first;
            }
        }
        let place = |(place, &differs): (u8, &u8)| (differs != 0).then_some(place);
        let holes: Vec<u8> = (0..len).zip(&differs).filter_map(place).collect();
        let kinds =
            holes.iter().filter_map(|&hole| seen.get(usize::from(hole))).fold(0, |all, seen| all | seen);
        let kind = match kinds {
            0 | DIGIT if holes.len() <= DIGITS_MAX => Holes::Digits,
            kinds if kinds & !(DIGIT | LOWER) == 0 => Holes::HexLower,
            kinds if kinds & !(DIGIT | UPPER) == 0 => Holes::HexUpper,
            _ => return None,
        };
        let mut literal = first.to_vec();
        holes.iter().filter_map(|&hole| literal.get_mut(usize::from(hole)).map(|byte| *byte = b'0')).count();
        Some((Self { literal, holes }, kind))
    }

    /// Appends the template itself.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.literal.len()).unwrap_or(u8::MAX));
        let hole = |place: usize| self.holes.iter().any(|&hole| usize::from(hole) == place);
        bitmap((0..self.literal.len()).map(hole), out);
        let byte = |(place, &byte): (usize, &u8)| if hole(place) { 0 } else { byte };
        out.extend(self.literal.iter().enumerate().map(byte));
    }

    /// Takes a template. Its literals are UTF-8 on their own, so that filling the holes cannot break that.
    pub(super) fn take(take: &mut Take<'_>) -> Option<Self> {
        let (map, literal) = take_parts(take)?;
        let (len, mut literal) = (u8::try_from(literal.len()).ok()?, literal.to_vec());
        let holes: Vec<u8> =
            (0..len).filter(|&place| bits::get(map, 1, usize::from(place)) == Some(1)).collect();
        for &hole in &holes {
            *literal.get_mut(usize::from(hole))? = b'0';
        }
        std::str::from_utf8(&literal).ok()?;
        Some(Self { literal, holes })
    }

    /// The bytes of every value.
    pub(super) fn len(&self) -> usize {
        self.literal.len()
    }

    /// The places of a value, each with the byte that all values share; `None` where they differ.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (usize, Option<u8>)> {
        let mut holes = self.holes.iter().map(|&hole| usize::from(hole)).peekable();
        self.literal.iter().enumerate().map(move |(place, &byte)| {
            let is_hole = holes.next_if_eq(&place).is_some();
            (place, (!is_hole).then_some(byte))
        })
    }

    /// Appends the values of a hex page as UUIDs; `None` where they are none, or where its bytes make no sense.
    pub(super) fn decode_uuids(&self, mut page: Take<'_>, rows: usize, out: &mut Vec<u128>) -> Option<()> {
        let shape = Shape::of(self).filter(|_| page.byte() == Some(LOWER_CASE))?;
        let stride = self.holes.len().div_ceil(2);
        shape.decode(page.raw(rows.checked_mul(stride)?)?, stride, rows, out);
        Some(())
    }

    /// Appends the holes of every value.
    pub(super) fn encode(&self, kind: Holes, values: &[&str], out: &mut Vec<u8>) {
        match kind {
            Holes::Digits => {
                let numbers: Vec<i64> = values.iter().map(|value| self.number(value.as_bytes())).collect();
                int::encode(&numbers, None, out);
            }
            Holes::HexLower | Holes::HexUpper => {
                out.push(u8::from(kind == Holes::HexUpper));
                values.iter().for_each(|value| self.put_nibbles(value.as_bytes(), out));
            }
        }
    }

    fn number(&self, value: &[u8]) -> i64 {
        let digit = |&hole: &u8| value.get(usize::from(hole)).map_or(0, |&byte| i64::from(byte & 15));
        self.holes.iter().fold(0, |number, hole| number * 10 + digit(hole))
    }

    fn put_nibbles(&self, value: &[u8], out: &mut Vec<u8>) {
        let nibble = |hole: &u8| value.get(usize::from(*hole)).map_or(0, |&byte| nibble(byte));
        let (pairs, rest) = self.holes.as_chunks::<2>();
        out.extend(pairs.iter().map(|[high, low]| nibble(high) << 4 | nibble(low)));
        out.extend(rest.iter().map(|high| nibble(high) << 4));
    }

    /// Appends the strings of a digits page.
    pub(super) fn decode_digits(&self, page: &[u8], rows: usize, out: &mut Strings) -> Option<()> {
        let mut numbers = Vec::<i64>::with_capacity(rows);
        int::decode(page, rows, &mut numbers, &mut Validity::default())?;
        let mut text = self.literal.repeat(rows);
        for (value, number) in text.chunks_exact_mut(self.literal.len()).zip(numbers) {
            self.fill_digits(value, number)?;
        }
        out.extend_fixed(std::str::from_utf8(&text).ok()?, self.literal.len());
        Some(())
    }

    fn fill_digits(&self, value: &mut [u8], number: i64) -> Option<()> {
        let mut number = u64::try_from(number).ok()?;
        for &hole in self.holes.iter().rev() {
            *value.get_mut(usize::from(hole))? = b'0' | bits::low_byte(number % 10);
            number /= 10;
        }
        (number == 0).then_some(())
    }

    /// Appends the strings of a hex page.
    pub(super) fn decode_hex(&self, mut page: Take<'_>, rows: usize, out: &mut Strings) -> Option<()> {
        let alphabet = alphabet(page.byte()?)?;
        let stride = self.holes.len().div_ceil(2);
        let data = page.raw(rows.checked_mul(stride)?)?;
        let mut text = self.literal.repeat(rows);
        let values = text.chunks_exact_mut(self.literal.len());
        for (value, nibbles) in values.zip(data.chunks_exact(stride.max(1))) {
            self.fill_hex(value, nibbles, alphabet)?;
        }
        out.extend_fixed(std::str::from_utf8(&text).ok()?, self.literal.len());
        Some(())
    }

    fn fill_hex(&self, value: &mut [u8], nibbles: &[u8], alphabet: &[u8; 16]) -> Option<()> {
        let (pairs, rest) = self.holes.as_chunks::<2>();
        for (&[first, second], &byte) in pairs.iter().zip(nibbles) {
            *value.get_mut(usize::from(first))? = *alphabet.get(usize::from(byte >> 4))?;
            *value.get_mut(usize::from(second))? = *alphabet.get(usize::from(byte & 15))?;
        }
        if let (&[hole], Some(&byte)) = (rest, nibbles.last()) {
            *value.get_mut(usize::from(hole))? = *alphabet.get(usize::from(byte >> 4))?;
        }
        Some(())
    }
}

/// The string of one row of a digits page, without taking the template apart.
pub(super) fn get_digits(mut page: Take<'_>, rows: usize, row: usize) -> Option<String> {
    let (map, literal) = take_parts(&mut page)?;
    let holes: usize = map.iter().map(|byte| byte.count_ones() as usize).sum();
    let mut number = u64::try_from(int::get(page.0, rows, row)??).ok()?;
    let mut digits = [0; DIGITS_MAX];
    let digits = digits.get_mut(..holes)?;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' | bits::low_byte(number % 10);
        number /= 10;
    }
    fill(map, literal, digits.iter().copied()).filter(|_| number == 0)
}

/// The string of one row of a hex page, without taking the template apart.
pub(super) fn get_hex(mut page: Take<'_>, row: usize) -> Option<String> {
    let (map, literal) = take_parts(&mut page)?;
    let alphabet = alphabet(page.byte()?)?;
    let holes: usize = map.iter().map(|byte| byte.count_ones() as usize).sum();
    let stride = holes.div_ceil(2);
    page.raw(row.checked_mul(stride)?)?;
    let nibbles = page.raw(stride)?.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    fill(map, literal, nibbles.filter_map(|nibble| alphabet.get(usize::from(nibble)).copied()))
}

fn take_parts<'a>(take: &mut Take<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let len = usize::from(take.byte().filter(|&len| len > 0)?);
    Some((take.raw(len.div_ceil(8))?, take.raw(len)?))
}

fn fill(map: &[u8], literal: &[u8], mut holes: impl Iterator<Item = u8>) -> Option<String> {
    let mut value = literal.to_vec();
    for (group, &flags) in value.chunks_mut(8).zip(map) {
        let mut flags = flags;
        for byte in group {
            if flags & 1 == 1 {
                *byte = holes.next()?;
            }
            flags >>= 1;
        }
    }
    String::from_utf8(value).ok()
}

fn alphabet(case: u8) -> Option<&'static [u8; 16]> {
    match case {
        LOWER_CASE => Some(b"0123456789abcdef"),
        1 => Some(b"0123456789ABCDEF"),
        _ => None,
    }
}

/// The value of a hex digit of either case.
fn nibble(byte: u8) -> u8 {
    (byte & 15) + 9 * (byte >> 6)
}

/// The number a text is the only decimal form of: no sign, no leading zero, at most 18 digits.
pub(super) fn decimal(value: &str) -> Option<i64> {
    let bytes = value.as_bytes();
    let canonical = !bytes.is_empty() && bytes.len() <= DIGITS_MAX && (bytes.len() == 1 || bytes[0] != b'0');
    if !canonical || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(bytes.iter().fold(0, |number, byte| number * 10 + i64::from(byte & 15)))
}

/// Appends the decimal form of a number that [`decimal`] gave.
pub(super) fn put_decimal(number: i64, text: &mut String) -> Option<()> {
    let mut number = u64::try_from(number).ok()?;
    let mut digits = [0_u8; 20];
    let mut len = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' | bits::low_byte(number % 10);
        number /= 10;
        len += 1;
        if number == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(digits.get(digits.len() - len..)?).ok()?);
    Some(())
}
