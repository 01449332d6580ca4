//! Counts and amounts of a row, with reasons that name the column.

use std::borrow::Cow;

use super::columns::is_blank;
use crate::money::{self, AmountFault};

/// A row's amount leaves as a decimal of 18 digits, six of them behind the point.
const AMOUNT_LIMIT: u64 = 10u64.pow(18);

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
    let amount = money::parse(text.trim_ascii()).and_then(|micros| match micros.unsigned_abs() {
        0..AMOUNT_LIMIT => Ok(Some(micros)),
        _ => Err(AmountFault::TooLarge),
    });
    amount.map_err(|fault| bad_number(name, text, fault))
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
