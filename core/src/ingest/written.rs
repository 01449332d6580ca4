//! The text of what was interpreted, kept compactly. Beside a count, an amount or a time stands the text it was read
//! from, but only where it differs from the canonical form, which the value itself gives back:
//!
//! * a count: its digits, with a `-` before a negative one;
//! * an amount: at least two decimals and no more than it takes (`1.99`, `-0.125`), or, in currencies without a minor
//!   unit, none where it is whole (`300`);
//! * a time: `YYYY-MM-DD HH:MM:SS` on the marketplace's clock. A kept text that begins with [`SUFFIX`] goes behind
//!   that form, so that zone tokens cost one dictionary entry and not a text a row.
//!
//! A blank cell is null like its value. Google's readers keep such texts whole: they have no marketplace whose clock
//! would give a time back.

use super::stamp::DAY;
use super::zone::{Clock, Market, day_of};
use crate::money::Money;

/// The first character of a kept text that stands behind the canonical form instead of in its place.
pub const SUFFIX: char = '\u{1}';

/// The length of `YYYY-MM-DD HH:MM:SS`.
const STAMP_LEN: usize = 19;

/// A column whose text is read into something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpreted {
    /// Transaction Time, which becomes `time` and `date`.
    Time,
    /// Transaction Type, which becomes `type`; its text is always kept.
    Type,
    /// Units, which becomes `units`.
    Units,
    /// Sales Price, which becomes `sales`.
    Sales,
    /// Estimated Earnings, which becomes `earnings`.
    Earnings,
}

impl Interpreted {
    /// Which interpreted column a batch's column of this name keeps the text of; `None` for all others.
    pub fn of(column: &str) -> Option<Self> {
        match super::header::normalise(column).as_str() {
            // The standard column of that name is an integer, not a text.
            "units" if column != "units" => Some(Self::Units),
            "transactiontime" => Some(Self::Time),
            "transactiontype" => Some(Self::Type),
            "salesprice" | "salespricemarketplacecurrency" => Some(Self::Sales),
            "estimatedearnings" | "estimatedearningsmarketplacecurrency" => Some(Self::Earnings),
            _ => None,
        }
    }
}

/// What a row's canonical texts are made from.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowValues<'a> {
    /// `marketplace`.
    pub marketplace: Option<&'a str>,
    /// `currency`.
    pub currency: Option<&'a str>,
    /// `time`, in microseconds UTC.
    pub time: Option<i64>,
    /// `units`.
    pub units: Option<i64>,
    /// `sales`, in millionths.
    pub sales: Option<i64>,
    /// `earnings`, in millionths.
    pub earnings: Option<i64>,
}

/// The text of an interpreted column as it stood in the file, from what is kept of it and the row's values; `None`
/// where the file had none.
pub fn written(column: Interpreted, kept: Option<&str>, row: &RowValues<'_>) -> Option<String> {
    match kept.map(|kept| kept.strip_prefix(SUFFIX).ok_or(kept)) {
        Some(Err(kept)) => Some(kept.to_owned()),
        Some(Ok(suffix)) => Some(canonical(column, row)? + suffix),
        None => canonical(column, row),
    }
}

fn canonical(column: Interpreted, row: &RowValues<'_>) -> Option<String> {
    let whole = row.currency.is_some_and(has_no_decimals);
    match column {
        Interpreted::Type => None,
        Interpreted::Units => row.units.map(|units| units.to_string()),
        Interpreted::Sales => row.sales.map(|amount| amount_text(amount, whole)),
        Interpreted::Earnings => row.earnings.map(|amount| amount_text(amount, whole)),
        Interpreted::Time => time_text(row.time?, Market::of(row.marketplace?)?),
    }
}

fn amount_text(micros: i64, whole: bool) -> String {
    let text = Money::from_micros(i128::from(micros)).to_string();
    match text.strip_suffix(".00") {
        Some(short) if whole => short.to_owned(),
        _ => text,
    }
}

fn time_text(micros: i64, market: Market) -> Option<String> {
    let instant = micros.div_euclid(1_000_000);
    let local = instant + i64::from(Clock::new(market)?.offset_at(instant)?);
    let (day, second) = (day_of(local), local.rem_euclid(DAY));
    Some(format!("{day} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60))
}

/// Whether a currency has no minor unit, so that its amounts are written without decimals.
pub(super) fn has_no_decimals(currency: &str) -> bool {
    matches!(currency, "CLP" | "JPY" | "KRW" | "PYG" | "VND")
}

/// Whether a text is the canonical form of the count it was read as.
pub(super) fn is_count(text: &[u8], value: i64) -> bool {
    match (text, value) {
        (b"1", 1) => true,
        _ => unsigned(text, value < 0).is_some_and(is_integer),
    }
}

/// Whether a text is the canonical form of the amount it was read as (up to its sign).
pub(super) fn is_amount(text: &[u8], value: Option<i64>, whole: bool) -> bool {
    let Some(number) = value.and_then(|value| unsigned(text, value < 0)) else { return false };
    let (digits, fraction) = match memchr::memchr(b'.', number) {
        Some(at) => (number.get(..at).unwrap_or_default(), number.get(at + 1..).unwrap_or_default()),
        None => return whole && is_integer(number),
    };
    let decimals = match fraction.len() {
        2 => !whole || fraction != b"00",
        3..=6 => fraction.last() != Some(&b'0'),
        _ => false,
    };
    decimals && is_integer(digits) && fraction.iter().all(u8::is_ascii_digit)
}

/// The text without its `-`, where it has one exactly if the value is negative.
fn unsigned(text: &[u8], negative: bool) -> Option<&[u8]> {
    if negative { text.strip_prefix(b"-") } else { Some(text) }
}

/// Digits without superfluous zeros.
fn is_integer(digits: &[u8]) -> bool {
    let canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
    canonical && digits.iter().all(u8::is_ascii_digit)
}

/// Puts what stands behind the canonical form of a time into `kept`, ready to be kept; false where nothing does.
pub(super) fn time_suffix(text: &[u8], kept: &mut Vec<u8>) -> bool {
    let behind = text.get(STAMP_LEN..).unwrap_or_default();
    kept.clear();
    kept.push(SUFFIX as u8);
    kept.extend_from_slice(behind);
    !behind.is_empty()
}
