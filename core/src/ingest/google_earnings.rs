//! Google Play's earnings report: what its columns mean.
//!
//! * An order has several rows: `Charge`, `Google fee`, `Tax`, and what gives each of them back. Every amount has its sign
//!   as written. Earnings are Amount (Merchant Currency) of every row. Sales are Amount (Buyer Currency) of charges and
//!   charge refunds alone, and these alone move a unit.
//! * Transaction Date and Transaction Time are shown by a clock in California: `date` is the date as written. `PDT` and
//!   `PST` decide the offset; without a zone the clock does. Without a time there is no instant.

use super::binding::{Binding, Known, Reads, Slots, name};
use super::columns::is_blank;
use super::dates::Dates;
use super::google::{Columns, Texts, kept};
use super::number::{grouped_amount, lossy};
use super::pacific::{PacificReader, WrittenTime};
use super::pipeline::{Row, RowBuilder};
use super::standard::RowType;
use crate::column::Batch;
use crate::day::Day;

/// Columns of the report that Tillroll knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Order,
    Date,
    Time,
    Kind,
    Title,
    App,
    ItemType,
    Sku,
    Country,
    Currency,
    Sales,
    EarningsCurrency,
    Earnings,
}

impl Slots for Slot {
    const KNOWN: &'static [Known] = &[
        Known::verbatim("Description", &["description"]).required(),
        kept("Transaction Date", &["transactiondate"]),
        kept("Transaction Time", &["transactiontime"]),
        kept("Transaction Type", &["transactiontype"]),
        Known::verbatim("Product Title", &["producttitle"]),
        Known::verbatim("Product id", &["productid", "packageid"]).required(),
        Known::verbatim("Product Type", &["producttype"]),
        Known::verbatim("Sku Id", &["skuid"]).required(),
        Known::verbatim("Buyer Country", &["buyercountry"]),
        Known::verbatim("Buyer Currency", &["buyercurrency"]).required(),
        kept("Amount (Buyer Currency)", &["amountbuyercurrency"]),
        Known::verbatim("Merchant Currency", &["merchantcurrency"]).required(),
        kept("Amount (Merchant Currency)", &["amountmerchantcurrency"]),
    ];

    fn number(self) -> usize {
        self as usize
    }
}

impl Reads for Slot {
    fn builder(layout: &Binding<Self>, rows: usize) -> Box<dyn RowBuilder + '_> {
        Box::new(Builder { layout, columns: Columns::new(layout, rows), clock: PacificReader::default() })
    }
}

struct Builder<'l> {
    layout: &'l Binding<Slot>,
    columns: Columns,
    clock: PacificReader,
}

impl Builder<'_> {
    /// A row's instant in microseconds UTC, and its day in California.
    fn when(&mut self, row: &Row<'_>) -> Result<(Option<i64>, Day), String> {
        let date = self.layout.require(row, Slot::Date)?;
        let time = self.layout.require(row, Slot::Time)?;
        let bad = |slot, text, form| format!("{} {:?} is not {form}", name::<Slot>(slot), lossy(text));
        let day = self.clock.day(date).ok_or_else(|| bad(Slot::Date, date, "a date such as Jun 1, 2021"))?;
        if is_blank(time) {
            return Ok((None, day));
        }
        let written = WrittenTime::read(time);
        let written = written.ok_or_else(|| bad(Slot::Time, time, "a time such as 12:15:21 PM PDT"))?;
        let second = self.clock.instant(day, written);
        let second =
            second.ok_or_else(|| format!("{} has an unknown zone: {:?}", name(Slot::Time), lossy(time)))?;
        Ok((Some(second * 1_000_000), day))
    }
}

/// A row's type, and the units that it moves.
fn meaning(text: &[u8]) -> Result<(RowType, i64), String> {
    let text = text.trim_ascii();
    let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
    if text.is_empty() {
        Err(format!("{} is blank", name(Slot::Kind)))
    } else if is("charge") {
        Ok((RowType::Charge, 1))
    } else if is("google fee") || is("google fee refund") {
        Ok((RowType::Fee, 0))
    } else if is("charge refund") {
        Ok((RowType::Refund, -1))
    } else if is("tax") || is("tax refund") {
        Ok((RowType::Tax, 0))
    } else {
        Ok((RowType::Other, 0))
    }
}

impl RowBuilder for Builder<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), String> {
        let layout = self.layout;
        let (kind, units) = meaning(layout.require(row, Slot::Kind)?)?;
        let (time, date) = self.when(row)?;
        let sales = grouped_amount(layout.require(row, Slot::Sales)?, name(Slot::Sales))?;
        let earnings = grouped_amount(layout.require(row, Slot::Earnings)?, name(Slot::Earnings))?;
        let get = |slot| layout.get(row, slot).unwrap_or_default();
        // From here on nothing can fail: the row goes into every column.
        self.columns.push_when(time, date);
        self.columns.push_texts(Texts {
            order: get(Slot::Order),
            app: get(Slot::App),
            sku: get(Slot::Sku),
            title: get(Slot::Title),
            item_type: get(Slot::ItemType),
            country: get(Slot::Country),
            currency: get(Slot::Currency),
        });
        let standard = &mut self.columns.standard;
        standard.push_type(kind);
        standard.units.push(Some(units));
        standard.sales.push(sales.filter(|_| units != 0));
        standard.earnings.push(earnings);
        standard.earnings_currency.push(get(Slot::EarningsCurrency).trim_ascii());
        self.columns.push_extras(layout, row);
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Batch, Dates) {
        self.columns.finish(&self.layout.fields)
    }
}
