//! What the engine must answer, computed from the rows that were written by the rules of the stores and in the plainest
//! way: one row at a time, 128-bit sums, ordered maps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::amazon::Row;

/// A row as it is to be understood.
#[derive(Debug, Clone, Copy)]
pub struct Fact<'a> {
    /// The row it came from.
    pub row: &'a Row,
    /// The day at the store.
    pub date: Date,
    /// The instant, where the marketplace or the token tells it.
    pub time: Option<Timestamp>,
    /// `charge`, `refund` or `other`.
    pub kind: &'static str,
    /// Net units.
    pub units: i64,
    /// Net money at 10⁻⁶.
    pub sales: i64,
    /// Net money at 10⁻⁶.
    pub earnings: i64,
}

impl Fact<'_> {
    /// The first day of the date's month.
    pub fn month(&self) -> Date {
        self.date.first_of_month()
    }
}

/// Reads a row by the store's rules.
pub fn fact(row: &Row) -> Fact<'_> {
    let text = row.type_text.to_ascii_lowercase();
    let takes_back = ["refund", "chargeback", "reversal"].iter().any(|word| text.contains(word));
    let (kind, sign) = match text.as_str() {
        _ if takes_back => ("refund", -1),
        "charge" => ("charge", 1),
        _ => (
            "other",
            [row.earnings, row.sales].iter().map(|money| money.signum()).find(|&sign| sign != 0).unwrap_or(1),
        ),
    };
    let signed = |value: i64| value.abs() * sign;
    Fact {
        row,
        date: row.time.date(),
        time: instant(row),
        kind,
        units: signed(row.units),
        sales: signed(row.sales),
        earnings: signed(row.earnings),
    }
}

/// All rows read.
pub fn facts(rows: &[Row]) -> Vec<Fact<'_>> {
    rows.iter().map(fact).collect()
}

/// A local time that a clock change skips has the offset before the change; one that occurs twice the earlier offset,
/// unless the token says otherwise.
fn instant(row: &Row) -> Option<Timestamp> {
    if row.token == "UTC" {
        return TimeZone::UTC.to_timestamp(row.time).ok();
    }
    let zone = row.market.zone()?;
    let ambiguous = zone.to_ambiguous_timestamp(row.time);
    let first = ambiguous.compatible().ok()?;
    if row.token.is_empty() || zone.to_offset_info(first).abbreviation() == row.token {
        return Some(first);
    }
    zone.to_ambiguous_timestamp(row.time).later().ok()
}

/// Sums of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Rows.
    pub rows: i128,
    /// Units that were sold.
    pub gross_units: i128,
    /// Units that were taken back, as a positive number.
    pub refund_units: i128,
    /// Money at 10⁻⁶.
    pub sales: i128,
    /// Money at 10⁻⁶.
    pub earnings: i128,
}

impl Sum {
    /// What was sold less what was taken back.
    pub fn units(&self) -> i128 {
        self.gross_units - self.refund_units
    }

    fn add(&mut self, fact: &Fact<'_>) {
        self.rows += 1;
        self.gross_units += i128::from(fact.units.max(0));
        self.refund_units += i128::from(fact.units.min(0).abs());
        self.sales += i128::from(fact.sales);
        self.earnings += i128::from(fact.earnings);
    }
}

/// Sums by any key.
pub fn sums<'a, K: Ord>(
    facts: impl IntoIterator<Item = &'a Fact<'a>>,
    key: impl Fn(&Fact<'a>) -> K,
) -> BTreeMap<K, Sum> {
    let mut sums = BTreeMap::<K, Sum>::new();
    facts.into_iter().for_each(|fact| sums.entry(key(fact)).or_default().add(fact));
    sums
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::amazon::plain_charge;
    use crate::world::market_of;

    #[test]
    fn both_spellings_of_a_refund_are_one() {
        let charge = plain_charge(market_of("Amazon.de"), date(2018, 3, 1).at(1, 2, 3, 0), 1);
        let a = Row { type_text: "Refund", earnings: -charge.earnings, ..charge.clone() };
        let b = Row { units: -1, sales: -charge.sales, ..a.clone() };
        for row in [a, b] {
            let fact = fact(&row);
            assert_eq!(
                (fact.kind, fact.units, fact.sales, fact.earnings),
                ("refund", -1, -1_000_000, -700_000)
            );
        }
    }

    #[test]
    fn clocks_decide_the_instant() {
        let instant_of = |market, at, token| {
            let row = Row { token, ..plain_charge(market_of(market), at, 1) };
            instant(&row).map(|instant| instant.to_string())
        };
        let utc = |text: &str| Some(text.to_owned());
        // From the zones' tables: Los Angeles is 8 hours behind before 11 March 2018, Tokyo always 9 ahead.
        assert_eq!(
            instant_of("Amazon.com", date(2018, 2, 28).at(23, 30, 0, 0), ""),
            utc("2018-03-01T07:30:00Z")
        );
        assert_eq!(
            instant_of("Amazon.co.jp", date(2018, 3, 1).at(0, 30, 0, 0), ""),
            utc("2018-02-28T15:30:00Z")
        );
        // Skipped: 02:30 on 25 March 2018 is read with +01:00. Twice: 02:30 on 28 October is first +02:00, then +01:00.
        assert_eq!(
            instant_of("Amazon.de", date(2018, 3, 25).at(2, 30, 0, 0), ""),
            utc("2018-03-25T01:30:00Z")
        );
        assert_eq!(
            instant_of("Amazon.de", date(2018, 10, 28).at(2, 30, 0, 0), ""),
            utc("2018-10-28T00:30:00Z")
        );
        assert_eq!(
            instant_of("Amazon.de", date(2018, 10, 28).at(2, 30, 0, 0), "CET"),
            utc("2018-10-28T01:30:00Z")
        );
        assert_eq!(instant_of("Amazon.ca", date(2018, 3, 1).at(0, 30, 0, 0), ""), None);
    }
}
