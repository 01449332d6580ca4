//! Google Play's estimated sales report: what its columns mean.
//!
//! * `Charged` is a charge, `Refund`, `Refunded` and `Partial refund` are refunds, whatever their case. A refund is a
//!   row of its own under the order's number, in which Item Price stays positive. So signs come from the status: a charge
//!   is one unit and +|Item Price|, a refund one unit less and −|Item Price|. Any other status has the sign of Charged
//!   Amount as written, else +.
//! * Sales are without tax, which is a column of its own. What the publisher gets is not in this report.
//! * Order Charged Timestamp is in seconds UTC and decides: `date` is its UTC day, even where Order Charged Date says
//!   another (whose text is kept). Where it is blank, the date is the date as written and there is no time.

use super::binding::{Binding, Known, Reads, Slots, name};
use super::columns::is_blank;
use super::dates::Dates;
use super::google::{Columns, Texts, kept};
use super::number::{bad_number, count, grouped_amount, lossy};
use super::pipeline::{Row, RowBuilder};
use super::standard::RowType;
use super::zone;
use crate::column::Batch;
use crate::day::{Day, parse_day};
use crate::money::AmountFault;

/// Columns of the report that Tillroll knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Order,
    Date,
    Time,
    Status,
    Title,
    App,
    ItemType,
    Sku,
    Currency,
    Price,
    Charged,
    Country,
}

impl Slots for Slot {
    const KNOWN: &'static [Known] = &[
        Known::verbatim("Order Number", &["ordernumber"]).required(),
        kept("Order Charged Date", &["orderchargeddate"]),
        kept("Order Charged Timestamp", &["orderchargedtimestamp"]),
        kept("Financial Status", &["financialstatus"]),
        Known::verbatim("Product Title", &["producttitle"]),
        Known::verbatim("Product ID", &["productid", "packageid"]).required(),
        Known::verbatim("Product Type", &["producttype"]),
        Known::verbatim("SKU ID", &["skuid"]).required(),
        Known::verbatim("Currency of Sale", &["currencyofsale"]).required(),
        kept("Item Price", &["itemprice"]),
        kept("Charged Amount", &["chargedamount"]),
        Known::verbatim("Country of Buyer", &["countryofbuyer"]),
    ];

    fn number(self) -> usize {
        self as usize
    }
}

impl Reads for Slot {
    fn builder(layout: &Binding<Self>, rows: usize) -> Box<dyn RowBuilder + '_> {
        Box::new(Builder { layout, columns: Columns::new(layout, rows) })
    }
}

/// The last second of the year 9999.
const SECOND_MAX: i64 = 253_402_300_799;

struct Builder<'l> {
    layout: &'l Binding<Slot>,
    columns: Columns,
}

impl Builder<'_> {
    /// A row's instant in microseconds UTC, and its day.
    fn when(&self, row: &Row<'_>) -> Result<(Option<i64>, Day), String> {
        let written = self.layout.require(row, Slot::Date)?;
        let stamp = self.layout.require(row, Slot::Time)?;
        if is_blank(stamp) {
            let bad = || format!("{} {:?} is not a date YYYY-MM-DD", name(Slot::Date), lossy(written));
            return Ok((None, parse_day(written.trim_ascii()).ok_or_else(bad)?));
        }
        let second = count(stamp, name(Slot::Time))?;
        if !(0..=SECOND_MAX).contains(&second) {
            return Err(bad_number(name(Slot::Time), stamp, AmountFault::TooLarge));
        }
        Ok((Some(second * 1_000_000), zone::day_of(second)))
    }

    /// A row's type, and the sign of its unit and price.
    fn meaning(&self, row: &Row<'_>) -> Result<(RowType, i64), String> {
        let status = self.layout.require(row, Slot::Status)?.trim_ascii();
        let charged = grouped_amount(self.layout.require(row, Slot::Charged)?, name(Slot::Charged))?;
        let is = |text: &str| status.eq_ignore_ascii_case(text.as_bytes());
        if status.is_empty() {
            Err(format!("{} is blank", name(Slot::Status)))
        } else if is("charged") {
            Ok((RowType::Charge, 1))
        } else if is("refund") || is("refunded") || is("partial refund") {
            Ok((RowType::Refund, -1))
        } else {
            Ok((RowType::Other, if charged.unwrap_or_default() < 0 { -1 } else { 1 }))
        }
    }
}

impl RowBuilder for Builder<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), String> {
        let layout = self.layout;
        let (kind, sign) = self.meaning(row)?;
        let (time, date) = self.when(row)?;
        let price = grouped_amount(layout.require(row, Slot::Price)?, name(Slot::Price))?;
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
        standard.units.push(Some(sign));
        // Amounts are below 10¹⁸, so that neither abs nor the sign can overflow.
        standard.sales.push(price.map(|price| price.saturating_abs() * sign));
        self.columns.push_extras(layout, row);
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Batch, Dates) {
        self.columns.finish(&self.layout.fields)
    }
}
