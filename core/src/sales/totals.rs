//! Each report's sums by date, currency, earnings currency and type. They stand in the roll beside the rows, so that
//! `imports()`, `period_state` and every report over just these keys need not read a row.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::schema::counts_as_unit;
use crate::column::{Batch, Column, NULL_CODE, Strings};
use crate::error::{Error, Result};

/// What stands for a null text.
const NONE: u32 = u32::MAX;

/// Sums over some rows. Units are split by sign and money is summed whatever the row's type, so that every measure
/// can be told from the sums of a (date, currency, earnings currency, type).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) rows: u64,
    /// Units of rows whose units are positive, and of the others with the sign turned.
    pub(crate) units_in: i128,
    pub(crate) units_out: i128,
    /// In millionths; meaningful only where the count of values beside it is not 0.
    pub(crate) sales: i128,
    pub(crate) sales_values: u64,
    pub(crate) earnings: i128,
    pub(crate) earnings_values: u64,
    /// How many earnings are neither null nor 0: only these tie a group to one earnings currency.
    pub(crate) earnings_nonzero: u64,
}

impl Sums {
    /// Adds a row. Sums of 64-bit values cannot leave 128 bits before 2⁶³ rows.
    pub(crate) fn add_row(&mut self, units: i64, sales: Option<i64>, earnings: Option<i64>) {
        self.rows += 1;
        self.units_in += i128::from(units.max(0));
        self.units_out -= i128::from(units.min(0));
        if let Some(sales) = sales {
            self.sales += i128::from(sales);
            self.sales_values += 1;
        }
        if let Some(earnings) = earnings {
            self.earnings += i128::from(earnings);
            self.earnings_values += 1;
            self.earnings_nonzero += u64::from(earnings != 0);
        }
    }

    /// Whether as many rows as a roll can have come to these sums. Of sums that do, no number of rolls can have so many that
    /// adding them up leaves 128 bits; others are made up.
    fn are_possible(&self) -> bool {
        let within = |sum: i128, values: u64| sum.unsigned_abs() <= u128::from(values) << 63;
        self.rows <= u64::from(u32::MAX)
            && self.sales_values <= self.rows
            && self.earnings_values <= self.rows
            && self.earnings_nonzero <= self.earnings_values
            && self.units_in >= 0
            && self.units_out >= 0
            && within(self.units_in, self.rows)
            && within(self.units_out, self.rows)
            && within(self.sales, self.sales_values)
            && within(self.earnings, self.earnings_values)
    }

    /// Adds other rows' sums.
    pub(crate) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.units_in += other.units_in;
        self.units_out += other.units_out;
        self.sales += other.sales;
        self.sales_values += other.sales_values;
        self.earnings += other.earnings;
        self.earnings_values += other.earnings_values;
        self.earnings_nonzero += other.earnings_nonzero;
    }
}

/// What rows are summed by; texts are indexes into [`Totals::texts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct TotalsKey {
    date: Option<i64>,
    currency: u32,
    earnings_currency: u32,
    ty: u32,
}

/// The sums of one report, or of one part of it in one roll.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    texts: Vec<String>,
    lines: Vec<(TotalsKey, Sums)>,
}

/// One line of a report's totals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TotalsLine<'a> {
    pub(crate) date: Option<i64>,
    pub(crate) currency: Option<&'a str>,
    pub(crate) earnings_currency: Option<&'a str>,
    pub(crate) ty: Option<&'a str>,
    pub(crate) sums: Sums,
}

impl Totals {
    /// Whether rows can come to these sums.
    pub(crate) fn are_possible(&self) -> bool {
        self.lines.iter().all(|(_, sums)| sums.are_possible())
    }

    /// Changes what they say, as no rows would.
    #[cfg(test)]
    pub(crate) fn forge(&mut self, change: fn(&mut Sums)) {
        self.lines.iter_mut().for_each(|(_, sums)| change(sums));
    }

    /// All lines.
    pub(crate) fn lines(&self) -> impl Iterator<Item = TotalsLine<'_>> {
        let text = |code: u32| self.texts.get(code as usize).map(String::as_str);
        self.lines.iter().map(move |(key, sums)| TotalsLine {
            date: key.date,
            currency: text(key.currency),
            earnings_currency: text(key.earnings_currency),
            ty: text(key.ty),
            sums: *sums,
        })
    }

    /// The sums by currency and earnings currency, as `imports()` shows them.
    pub(crate) fn by_currency<'a>(all: impl IntoIterator<Item = &'a Self>) -> Vec<MoneyTotal> {
        let mut totals = BTreeMap::<_, MoneyTotal>::new();
        for line in all.into_iter().flat_map(Self::lines) {
            let key = (line.currency.map(str::to_owned), line.earnings_currency.map(str::to_owned));
            let total = totals.entry(key.clone()).or_insert_with(|| MoneyTotal::new(key.0, key.1));
            total.add(&line);
        }
        totals.into_values().collect()
    }
}

/// A report's sums in one currency and earnings currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoneyTotal {
    pub(crate) currency: Option<String>,
    pub(crate) earnings_currency: Option<String>,
    /// Net units of the rows that count as units.
    pub(crate) units: i128,
    /// In millionths; `None` where no row has a value.
    pub(crate) sales: Option<i128>,
    pub(crate) earnings: Option<i128>,
}

impl MoneyTotal {
    fn new(currency: Option<String>, earnings_currency: Option<String>) -> Self {
        Self { currency, earnings_currency, units: 0, sales: None, earnings: None }
    }

    fn add(&mut self, line: &TotalsLine<'_>) {
        if line.ty.is_none_or(counts_as_unit) {
            self.units += line.sums.units_in - line.sums.units_out;
        }
        let add = |sum: &mut Option<i128>, value: i128, values: u64| {
            if values > 0 {
                *sum = Some(sum.unwrap_or_default() + value);
            }
        };
        add(&mut self.sales, line.sums.sales, line.sums.sales_values);
        add(&mut self.earnings, line.sums.earnings, line.sums.earnings_values);
    }

    /// Totals of several reports as those of one.
    pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut sums = BTreeMap::new();
        for total in all {
            let key = (total.currency.clone(), total.earnings_currency.clone());
            let sum = sums.entry(key).or_insert_with_key(|(a, b)| Self::new(a.clone(), b.clone()));
            sum.units += total.units;
            sum.sales = add(sum.sales, total.sales);
            sum.earnings = add(sum.earnings, total.earnings);
        }
        sums.into_values().collect()
    }

    /// What changed from `before` to `after`, by currency; currencies without a change are left out.
    pub(crate) fn change(before: &[Self], after: &[Self]) -> Vec<Self> {
        let mut changes = BTreeMap::new();
        let key = |total: &Self| (total.currency.clone(), total.earnings_currency.clone());
        for (sign, total) in before.iter().map(|t| (-1, t)).chain(after.iter().map(|t| (1, t))) {
            let change =
                changes.entry(key(total)).or_insert_with_key(|(a, b)| Self::new(a.clone(), b.clone()));
            change.units += sign * total.units;
            change.sales = add(change.sales, total.sales.map(|sales| sign * sales));
            change.earnings = add(change.earnings, total.earnings.map(|earnings| sign * earnings));
        }
        let moved = |change: &Self| {
            change.units != 0
                || change.sales.is_some_and(|sales| sales != 0)
                || change.earnings.is_some_and(|earnings| earnings != 0)
        };
        changes.into_values().filter(moved).collect()
    }
}

/// A sum without any value is none.
fn add(sum: Option<i128>, value: Option<i128>) -> Option<i128> {
    value.map(|value| sum.unwrap_or_default() + value).or(sum)
}

/// Sums up rows as they are staged.
#[derive(Debug, Default)]
pub(crate) struct TotalsBuilder {
    texts: HashMap<String, u32>,
    lines: HashMap<TotalsKey, Sums>,
}

impl TotalsBuilder {
    /// The sums of a batch.
    pub(crate) fn of(batch: &Batch) -> Result<Totals> {
        let mut builder = Self::default();
        builder.add(batch)?;
        Ok(builder.take())
    }

    /// Adds sums that were taken before.
    pub(crate) fn add_totals(&mut self, totals: &Totals) {
        let codes: Vec<u32> = totals.texts.iter().map(|text| self.code(text)).collect();
        let code = |old: u32| codes.get(old as usize).copied().unwrap_or(NONE);
        for (key, sums) in &totals.lines {
            let key = TotalsKey {
                date: key.date,
                currency: code(key.currency),
                earnings_currency: code(key.earnings_currency),
                ty: code(key.ty),
            };
            self.lines.entry(key).or_default().add(sums);
        }
    }

    /// Adds the rows of a batch. All columns it needs are standard ones, which every batch has.
    pub(crate) fn add(&mut self, batch: &Batch) -> Result<()> {
        let date = column(batch, "date")?;
        let [units, sales, earnings] =
            [column(batch, "units")?, column(batch, "sales")?, column(batch, "earnings")?];
        let currency = self.codes(column(batch, "currency")?);
        let earnings_currency = self.codes(column(batch, "earnings_currency")?);
        let ty = self.codes(column(batch, "type")?);
        let mut memo: Option<(TotalsKey, Sums)> = None;
        for row in 0..batch.rows {
            let code = |codes: &[u32]| codes.get(row).copied().unwrap_or(NONE);
            let key = TotalsKey {
                date: date.int(row),
                currency: code(&currency),
                earnings_currency: code(&earnings_currency),
                ty: code(&ty),
            };
            // Neighbours mostly share their key; the map is touched only when it changes.
            let sums = match &mut memo {
                Some((last, sums)) if *last == key => sums,
                _ => {
                    self.flush(memo.take());
                    &mut memo.insert((key, Sums::default())).1
                }
            };
            sums.add_row(units.int(row).unwrap_or_default(), sales.int(row), earnings.int(row));
        }
        self.flush(memo);
        Ok(())
    }

    fn flush(&mut self, memo: Option<(TotalsKey, Sums)>) {
        if let Some((key, sums)) = memo {
            self.lines.entry(key).or_default().add(&sums);
        }
    }

    /// A column's texts as codes of this builder.
    fn codes(&mut self, column: &Column) -> Vec<u32> {
        match column {
            Column::Coded { dictionary, codes } => {
                let map = self.map(dictionary);
                let known = |&code: &u32| map.get(code as usize).copied().filter(|_| code != NULL_CODE);
                codes.iter().map(|code| known(code).unwrap_or(NONE)).collect()
            }
            other => {
                (0..other.len()).map(|row| other.text(row).map_or(NONE, |text| self.code(text))).collect()
            }
        }
    }

    fn map(&mut self, dictionary: &Strings) -> Vec<u32> {
        dictionary.iter().map(|text| self.code(text)).collect()
    }

    fn code(&mut self, text: &str) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(NONE);
        *self.texts.entry_ref(text).or_insert(next)
    }

    /// The sums so far, leaving none.
    pub(crate) fn take(&mut self) -> Totals {
        let mut texts = vec![String::new(); self.texts.len()];
        for (text, code) in self.texts.drain() {
            if let Some(slot) = texts.get_mut(code as usize) {
                *slot = text;
            }
        }
        let mut lines: Vec<_> = self.lines.drain().collect();
        lines.sort_unstable_by_key(|(key, _)| *key);
        Totals { texts, lines }
    }
}

fn column<'a>(batch: &'a Batch, name: &str) -> Result<&'a Column> {
    batch.column(name).ok_or_else(|| Error::invalid(name, "the reader gave no such column"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(currency: &str, units: i128, sales: Option<i128>) -> MoneyTotal {
        let currency = Some(currency.to_owned());
        MoneyTotal { earnings_currency: currency.clone(), currency, units, sales, earnings: None }
    }

    #[test]
    fn change_names_only_currencies_that_moved() {
        let before = [total("EUR", 3, Some(10)), total("USD", 1, Some(5))];
        let after = [total("EUR", 3, Some(10)), total("JPY", 2, None), total("USD", 1, Some(7))];
        assert_eq!(MoneyTotal::change(&before, &after), [total("JPY", 2, None), total("USD", 0, Some(2))]);
        assert_eq!(MoneyTotal::change(&before, &before), []);
    }

    #[test]
    fn a_vanished_currency_is_a_change() {
        assert_eq!(MoneyTotal::change(&[total("EUR", 3, Some(10))], &[]), [total("EUR", -3, Some(-10))]);
    }

    #[test]
    fn units_are_split_by_sign() {
        let mut sums = Sums::default();
        sums.add_row(3, Some(1), Some(0));
        sums.add_row(-1, None, Some(-4));
        assert_eq!((sums.units_in, sums.units_out), (3, 1));
        assert_eq!((sums.sales, sums.sales_values), (1, 1));
        assert_eq!((sums.earnings, sums.earnings_values, sums.earnings_nonzero), (-4, 2, 1));
    }
}
