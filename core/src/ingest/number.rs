//! Counts and amounts of a row, with reasons that name the column.

use std::borrow::Cow;

use super::columns::is_blank;
use crate::money::{self, AmountFault};

/// A row's amount leaves as a decimal of 18 digits, six of them behind the point.
const AMOUNT_LIMIT: u64 = 10u64.pow(18);

/// Characters of a grouped amount: a longer one is no sum of money.
const PLAIN_MAX: usize = 40;

/// A count that every row has.
pub(super) fn count(text: &[u8], name: &str) -> Result<i64, String> {
    // The commonest count of all.
    if text == b"1" {
        return Ok(1);
    }
    if is_blank(text) {
        return Err(format!("{name} is blank"));
    }
    money::parse_whole(text.trim_ascii()).map_err(|fault| bad_number(name, text, fault))
}

/// An amount in millionths; blank is none.
pub(super) fn amount(text: &[u8], name: &str) -> Result<Option<i64>, String> {
    if is_blank(text) {
        return Ok(None);
    }
    fitting(text.trim_ascii()).map(Some).map_err(|fault| bad_number(name, text, fault))
}

fn fitting(number: &[u8]) -> Result<i64, AmountFault> {
    let micros = money::parse(number)?;
    if micros.unsigned_abs() < AMOUNT_LIMIT { Ok(micros) } else { Err(AmountFault::TooLarge) }
}

/// An amount in millionths whose digits may be grouped by commas (`17,500.00`); blank is none. Commas anywhere but
/// before every third digit from the point are refused: they may as well have been decimal ones.
pub(super) fn grouped_amount(text: &[u8], name: &str) -> Result<Option<i64>, String> {
    if memchr::memchr(b',', text).is_none() {
        return amount(text, name);
    }
    let number = text.trim_ascii();
    if !well_grouped(number) {
        return Err(format!("{name} {:?} has misplaced thousands separators", lossy(text)));
    }
    let (mut plain, mut len) = ([0; PLAIN_MAX], 0);
    for (place, &byte) in plain.iter_mut().zip(number.iter().filter(|&&byte| byte != b',')) {
        *place = byte;
        len += 1;
    }
    let is_whole = number.len() <= PLAIN_MAX;
    let plain = plain.get(..len).filter(|_| is_whole).ok_or(AmountFault::TooLarge);
    plain.and_then(fitting).map(Some).map_err(|fault| bad_number(name, text, fault))
}

/// Whether commas stand before every third digit of the whole part, and nowhere else.
fn well_grouped(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"-").or_else(|| number.strip_prefix(b"+")).unwrap_or(number);
    let whole = number.split(|&byte| byte == b'.').next().unwrap_or_default();
    let fraction = number.get(whole.len()..).unwrap_or_default();
    let mut groups = whole.split(|&byte| byte == b',');
    let first = groups.next().unwrap_or_default();
    matches!(first, [b'1'..=b'9', ..] if first.len() <= 3)
        && groups.all(|group| group.len() == 3)
        && !fraction.contains(&b',')
}

/// So many units of an amount each; none where there is no amount.
pub(super) fn times(units: i64, each: Option<i64>, name: &str) -> Result<Option<i64>, String> {
    let Some(each) = each else { return Ok(None) };
    let whole = i128::from(units) * i128::from(each);
    let fits = i64::try_from(whole).ok().filter(|whole| whole.unsigned_abs() < AMOUNT_LIMIT);
    fits.map(Some).ok_or_else(|| format!("Units × {name} {}", AmountFault::TooLarge))
}

/// The reason for a number that cannot be read.
pub(super) fn bad_number(name: &str, text: &[u8], fault: AmountFault) -> String {
    format!("{name} {:?} {fault}", lossy(text))
}

/// A field as a reason shows it: short.
pub(super) fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text.get(..60).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_group_thousands() {
        for (text, micros) in [
            ("17,500.00", 17_500_000_000),
            ("-17,500.00", -17_500_000_000),
            ("1,234,567", 1_234_567_000_000),
            ("+1,000.5", 1_000_500_000),
            (" 1,000 ", 1_000_000_000),
            ("999.99", 999_990_000),
            ("17500.00", 17_500_000_000),
            ("999,999,999,999.999999", 999_999_999_999_999_999),
        ] {
            assert_eq!(grouped_amount(text.as_bytes(), "Price"), Ok(Some(micros)), "{text}");
        }
        assert_eq!(grouped_amount(b" ", "Price"), Ok(None));
    }

    #[test]
    fn misplaced_commas_are_no_guess() {
        for text in [
            "1,75.00", "1,99", "17,5000", ",500", "0,500", "1,,500", "1000,000", "1.000,50", "1,000,",
            "-,100", ",",
        ] {
            let reason = format!("Price {text:?} has misplaced thousands separators");
            assert_eq!(grouped_amount(text.as_bytes(), "Price"), Err(reason), "{text}");
        }
        for (text, fault) in [
            ("1,00a.00", "is not a plain decimal number"),
            ("1,000.00.00", "is not a plain decimal number"),
            ("1,000,000,000,000", "is too large"),
            ("1,000.0000001", "has more than 6 fraction digits"),
        ] {
            let reason = format!("Price {text:?} {fault}");
            assert_eq!(grouped_amount(text.as_bytes(), "Price"), Err(reason), "{text}");
        }
        let long = format!("1,000.{}", "0".repeat(60));
        assert!(grouped_amount(long.as_bytes(), "Price").unwrap_err().ends_with("is too large"));
    }
}
