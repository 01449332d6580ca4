//! Exact money: whole millionths of a currency unit. One row's amount is an `i64` (up to about nine trillion units),
//! a sum is a [`Money`] of 128 bits. There is no float anywhere, and what does not fit is an error, never a wrap.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Millionths in one currency unit: the scale of every stored amount.
pub const MICROS: i64 = 1_000_000;

/// The digits behind the point that an amount keeps.
const SCALE: usize = 6;

/// Powers of ten from 10⁰ to 10⁶, to bring a number with some fraction digits to millionths.
const POWERS: [u64; SCALE + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Why a text is no amount. The messages are what a reject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    /// Other than an optional sign, digits and at most one point: thousands separators, exponents, currency signs.
    #[error("is not a plain decimal number")]
    NotDecimal,
    /// The amount does not fit 64 bits at six decimals.
    #[error("is too large")]
    TooLarge,
    /// A digit other than 0 stands behind the sixth decimal.
    #[error("has more than 6 fraction digits")]
    TooPrecise,
    /// A count with a fraction.
    #[error("is not a whole number")]
    NotWhole,
}

/// An exact amount or sum of amounts, without its currency. Prints with two to six decimals.
///
/// ```
/// use tillroll_core::Money;
///
/// let price: Money = "4.49".parse().unwrap();
/// assert_eq!(price.to_string(), "4.49");
/// assert_eq!(price.checked_add(price).unwrap().to_string(), "8.98");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// So many millionths of a currency unit.
    pub const fn from_micros(micros: i128) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a currency unit.
    pub const fn micros(self) -> i128 {
        self.0
    }

    /// The sum; `None` past 128 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let fraction = format!("{:06}", magnitude % 1_000_000);
        let shown = fraction.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{}", magnitude / 1_000_000, fraction.get(..shown).unwrap_or_default());
        f.pad(&text)
    }
}

impl FromStr for Money {
    type Err = AmountFault;

    /// Reads a plain decimal: `12`, `-0.70`, `.70`.
    fn from_str(text: &str) -> Result<Self, AmountFault> {
        parse(text.as_bytes()).map(|micros| Self(i128::from(micros)))
    }
}

impl Serialize for Money {
    /// As text: JSON numbers are floats to most readers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|fault| de::Error::custom(format!("amount {fault}")))
    }
}

/// Reads a plain decimal (`12`, `-0.70`, `.70`, `+5.`) into millionths. Surrounding blanks are the caller's to trim.
///
/// # Errors
/// Whatever is not exactly an amount of millionths within ±`i64::MAX`: see [`AmountFault`].
pub fn parse(text: &[u8]) -> Result<i64, AmountFault> {
    let (negative, number) = split_sign(text);
    let magnitude = parse_short(number).map_or_else(|| parse_long(number), Ok)?;
    let micros = i64::try_from(magnitude).map_err(|_| AmountFault::TooLarge)?;
    Ok(if negative { -micros } else { micros })
}

/// Reads a count: a plain decimal without a fraction (`3`, `-1`, `12.00`).
///
/// # Errors
/// As [`parse`], and [`AmountFault::NotWhole`] for `1.5`.
pub fn parse_whole(text: &[u8]) -> Result<i64, AmountFault> {
    let (micros, unit) = (parse(text), MICROS);
    match micros {
        Ok(micros) if micros % unit == 0 => Ok(micros / unit),
        Ok(_) | Err(AmountFault::TooPrecise) => Err(AmountFault::NotWhole),
        Err(fault) => Err(fault),
    }
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The common case without a check a digit: 18 bytes cannot overflow 64 bits. `None` leaves the case to
/// [`parse_long`], which also finds out what is wrong.
fn parse_short(number: &[u8]) -> Option<u64> {
    if number.len() > 18 {
        return None;
    }
    let (mut value, mut point, mut digits) = (0u64, None, 0usize);
    for &byte in number {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() => point = Some(digits),
            _ => return None,
        }
    }
    let fraction = digits - point.unwrap_or(digits);
    let power = POWERS.get(SCALE.checked_sub(fraction)?)?;
    if digits == 0 { None } else { value.checked_mul(*power) }
}

/// Any length, digit by digit with checks.
fn parse_long(number: &[u8]) -> Result<u64, AmountFault> {
    let (whole, fraction) = match memchr::memchr(b'.', number) {
        Some(at) => (number.get(..at).unwrap_or_default(), number.get(at + 1..).unwrap_or_default()),
        None => (number, &[][..]),
    };
    let all_digits = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !all_digits || (whole.is_empty() && fraction.is_empty()) {
        return Err(AmountFault::NotDecimal);
    }
    let kept = fraction.get(..SCALE).unwrap_or(fraction);
    if fraction.iter().skip(SCALE).any(|&digit| digit != b'0') {
        return Err(AmountFault::TooPrecise);
    }
    let padding = [b'0'; SCALE];
    let mut scaled = whole.iter().chain(kept).chain(padding.iter().take(SCALE - kept.len()));
    scaled
        .try_fold(0u64, |value, &digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(AmountFault::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_forms_the_stores_write() {
        let cases: &[(&str, i64)] = &[
            ("0", 0),
            ("0.00", 0),
            ("-0.00", 0),
            ("1.99", 1_990_000),
            ("-3.49", -3_490_000),
            ("209.30", 209_300_000),
            (".70", 700_000),
            ("-.660", -660_000),
            ("+5", 5_000_000),
            ("5.", 5_000_000),
            ("0.000001", 1),
            ("1.000000000000000000000", 1_000_000),
            ("0000000000000000000000001.5", 1_500_000),
            ("9223372036854.775807", i64::MAX),
            ("-9223372036854.775807", -i64::MAX),
        ];
        for (text, micros) in cases {
            assert_eq!(parse(text.as_bytes()), Ok(*micros), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_exact() {
        use AmountFault::*;
        let cases = [
            ("", NotDecimal),
            ("-", NotDecimal),
            (".", NotDecimal),
            ("--1", NotDecimal),
            ("1.2.3", NotDecimal),
            ("17,500.00", NotDecimal),
            ("1,99", NotDecimal),
            ("1e3", NotDecimal),
            ("€1", NotDecimal),
            ("(1.00)", NotDecimal),
            (" 1", NotDecimal),
            ("\u{2212}1", NotDecimal),
            ("0x10", NotDecimal),
            ("NaN", NotDecimal),
            ("0.0000001", TooPrecise),
            ("1.0000000000000000001", TooPrecise),
            ("9223372036854.775808", TooLarge),
            ("-9223372036854.775808", TooLarge),
            ("99999999999999999999999999", TooLarge),
            ("999999999999999999", TooLarge),
        ];
        for (text, fault) in cases {
            assert_eq!(parse(text.as_bytes()), Err(fault), "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(parse_whole(b"12.00"), Ok(12));
        assert_eq!(parse_whole(b"-1"), Ok(-1));
        assert_eq!(parse_whole(b"1.5"), Err(AmountFault::NotWhole));
        assert_eq!(parse_whole(b"1.0000000001"), Err(AmountFault::NotWhole));
        assert_eq!(parse_whole(b"one"), Err(AmountFault::NotDecimal));
    }

    #[test]
    fn prints_two_to_six_decimals() {
        for (micros, text) in [
            (12_500_000, "12.50"),
            (0, "0.00"),
            (-1, "-0.000001"),
            (1_990_100, "1.9901"),
            (i128::MAX, "170141183460469231731687303715884.105727"),
            (i128::MIN, "-170141183460469231731687303715884.105728"),
        ] {
            assert_eq!(Money::from_micros(micros).to_string(), text);
        }
        assert_eq!(format!("{:>6}|", Money::from_micros(1_000_000)), "  1.00|");
    }

    #[test]
    fn sums_do_not_wrap() {
        let one = Money::from_micros(1);
        assert_eq!(one.checked_add(one), Some(Money::from_micros(2)));
        assert_eq!(Money::from_micros(i128::MAX).checked_add(one), None);
    }

    #[test]
    fn json_is_text_without_loss() {
        let json = serde_json::to_string(&Money::from_micros(1_990_000)).unwrap();
        assert_eq!(json, "\"1.99\"");
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), Money::from_micros(1_990_000));
        assert!(serde_json::from_str::<Money>("\"1,99\"").is_err());
    }

    proptest! {
        #[test]
        fn printed_amounts_read_back(micros in any::<i64>().prop_filter("symmetric", |v| *v != i64::MIN)) {
            let text = Money::from_micros(i128::from(micros)).to_string();
            prop_assert_eq!(parse(text.as_bytes()), Ok(micros));
        }

        // The two readers split by length only; on short texts they must agree with an independent reading.
        #[test]
        fn short_and_long_reading_agree(text in "[-+]?[0-9]{0,9}(\\.[0-9]{0,8})?") {
            let expected = by_parts(&text);
            prop_assert_eq!(parse(text.as_bytes()), expected);
            let digits = text.trim_start_matches(['-', '+']);
            let long = format!("{}{}{digits}", text.get(..text.len() - digits.len()).unwrap_or(""), "0".repeat(20));
            let blank = digits.is_empty() || digits == ".";
            prop_assert_eq!(parse(long.as_bytes()), if blank { Ok(0) } else { expected });
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
            let _ = parse_whole(&bytes);
        }
    }

    /// An independent reading: integer and fraction parsed by the standard library.
    fn by_parts(text: &str) -> Result<i64, AmountFault> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(AmountFault::NotDecimal);
        }
        let padded = format!("{fraction:0<6}");
        let (kept, lost) = padded.split_at(6);
        if lost.chars().any(|digit| digit != '0') {
            return Err(AmountFault::TooPrecise);
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().unwrap() };
        Ok(sign * (whole * 1_000_000 + kept.parse::<i64>().unwrap()))
    }
}
