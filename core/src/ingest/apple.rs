//! Apple's summary sales report: what its columns mean.
//!
//! * A row stands for all sales of a product that look alike. Customer Price and Developer Proceeds are those of one
//!   unit, so `sales` is Units × |Customer Price| and `earnings` is Units × Developer Proceeds. A refund is written with
//!   negative units, a negative price and positive proceeds: Units alone carry the sign. A product that does not fit is
//!   a reject; nothing is rounded.
//! * A blank price or blank proceeds are null. Of a row with 0 units (a partial credit: 0 units, price −85.43, proceeds
//!   59.80) both sums are 0.00, for that is what Units × each says; what it wrote of one unit stays readable beside it.
//! * `type` follows the Product Type Identifier, unless Units < 0 make the row a refund. A code that is not known counts
//!   like a sale where price or proceeds are not 0 (`other`), else like an update.
//! * `date` is the Begin Date. Begin and End Date together name the period, see [`super::span`].
//!
//! Units, both amounts and both dates stay readable as written, under the header's own names.

use super::binding::{Binding, Keep, Known, Reads, Slots, name};
use super::columns::{TextBuilder, is_blank};
use super::dates::{Dates, MonthCounter, SpanCounter};
use super::number::{amount, count, lossy, times};
use super::pipeline::{Row, RowBuilder};
use super::standard::{RowType, Standard};
use super::written::{self, Interpreted};
use crate::column::Batch;
use crate::day::{Day, digits};

/// Columns of the report that Tillroll knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Sku,
    Title,
    ItemType,
    Units,
    Proceeds,
    Begin,
    End,
    Currency,
    Country,
    EarningsCurrency,
    Price,
    Parent,
    Term,
}

impl Slots for Slot {
    const KNOWN: &'static [Known] = &[
        Known::verbatim("SKU", &["sku", "vendoridentifier"]).required(),
        Known::verbatim("Title", &["title", "titleepisodeseason"]),
        Known::verbatim("Product Type Identifier", &["producttypeidentifier"]).required(),
        Known::interpreted("Units", &["units"], Keep::Difference(Interpreted::Units)).required(),
        Known::interpreted("Developer Proceeds", &["developerproceeds", "royaltyprice"], Keep::Text)
            .required(),
        Known::interpreted("Begin Date", &["begindate"], Keep::Text).required(),
        Known::interpreted("End Date", &["enddate"], Keep::Text).required(),
        Known::verbatim("Customer Currency", &["customercurrency"]).required(),
        Known::verbatim("Country Code", &["countrycode"]),
        Known::verbatim("Currency of Proceeds", &["currencyofproceeds", "royaltycurrency"]),
        Known::interpreted("Customer Price", &["customerprice"], Keep::Text).required(),
        Known::verbatim("Parent Identifier", &["parentidentifier"]),
        Known::verbatim("Period", &["period"]),
    ];

    fn number(self) -> usize {
        self as usize
    }
}

impl Reads for Slot {
    fn builder(layout: &Binding<Self>, rows: usize) -> Box<dyn RowBuilder + '_> {
        Box::new(Builder::new(layout, rows))
    }
}

/// What a Product Type Identifier stands for; `None` for a code that is not known.
fn meaning(code: &[u8]) -> Option<RowType> {
    let mut upper = [0; 8];
    let upper = upper.get_mut(..code.len())?;
    upper.copy_from_slice(code);
    upper.make_ascii_uppercase();
    Some(match &*upper {
        b"1" | b"1F" | b"1T" | b"F1" | b"1E" | b"1EP" | b"1EU" | b"1-B" | b"F1-B" => RowType::Charge,
        b"IA1" | b"IA1-M" | b"FI1" | b"IA9" | b"IA9-M" | b"IAY" | b"IAY-M" | b"IAC" => RowType::Charge,
        b"3" | b"3F" => RowType::Redownload,
        b"7" | b"7F" | b"7T" | b"F7" => RowType::Update,
        b"IA3" => RowType::Restore,
        _ => return None,
    })
}

/// Reads `MM/DD/YYYY` and `M/D/YY`, remembering the last: all rows of a report have the same.
#[derive(Debug, Default)]
struct DateReader {
    text: [u8; 10],
    len: usize,
    day: Option<Day>,
}

impl DateReader {
    fn read(&mut self, text: &[u8]) -> Option<Day> {
        let text = text.trim_ascii();
        if self.day.is_some() && self.text.get(..self.len) == Some(text) {
            return self.day;
        }
        let day = us_date(text)?;
        self.text.get_mut(..text.len())?.copy_from_slice(text);
        (self.len, self.day) = (text.len(), Some(day));
        self.day
    }
}

/// A year of two digits is one of this century: the App Store opened in 2008.
fn us_date(text: &[u8]) -> Option<Day> {
    let mut parts = text.split(|&byte| byte == b'/');
    let [month, day, year] = [parts.next()?, parts.next()?, parts.next()?];
    let century = match (parts.next(), month.len(), day.len(), year.len()) {
        (None, 1..=2, 1..=2, 4) => 0,
        (None, 1..=2, 1..=2, 2) => 2000,
        _ => return None,
    };
    let year = century + i32::try_from(digits(year)?).ok()?;
    Day::new(year, u8::try_from(digits(month)?).ok()?, u8::try_from(digits(day)?).ok()?)
}

/// A row's figures, checked.
struct Figures {
    row: RowType,
    units: i64,
    sales: Option<i64>,
    earnings: Option<i64>,
    begin: Day,
    end: Day,
}

struct Builder<'l> {
    layout: &'l Binding<Slot>,
    columns: Standard,
    extras: Vec<TextBuilder>,
    begin: DateReader,
    end: DateReader,
    months: MonthCounter,
    spans: SpanCounter,
}

impl<'l> Builder<'l> {
    fn new(layout: &'l Binding<Slot>, rows: usize) -> Self {
        Self {
            layout,
            columns: Standard::with_capacity(rows),
            extras: layout.extras.iter().map(|_| TextBuilder::with_capacity(rows)).collect(),
            begin: DateReader::default(),
            end: DateReader::default(),
            months: MonthCounter::default(),
            spans: SpanCounter::default(),
        }
    }

    fn figures(&mut self, row: &Row<'_>) -> Result<Figures, String> {
        let layout = self.layout;
        let code = layout.require(row, Slot::ItemType)?.trim_ascii();
        let units = count(layout.require(row, Slot::Units)?, name(Slot::Units))?;
        let proceeds = amount(layout.require(row, Slot::Proceeds)?, name(Slot::Proceeds))?;
        let price = amount(layout.require(row, Slot::Price)?, name(Slot::Price))?;
        let has_money = proceeds.is_some_and(|each| each != 0) || price.is_some_and(|each| each != 0);
        let kind = match meaning(code) {
            _ if units < 0 => RowType::Refund,
            Some(kind) => kind,
            None if has_money => RowType::Other,
            None => RowType::Update,
        };
        let begin = layout.require(row, Slot::Begin)?;
        let end = layout.require(row, Slot::End)?;
        Ok(Figures {
            row: kind,
            units,
            // An amount has at most 18 digits, so that abs cannot overflow.
            sales: times(units, price.map(i64::saturating_abs), name(Slot::Price))?,
            earnings: times(units, proceeds, name(Slot::Proceeds))?,
            begin: self.begin.read(begin).ok_or_else(|| bad_date(begin, Slot::Begin))?,
            end: self.end.read(end).ok_or_else(|| bad_date(end, Slot::End))?,
        })
    }

    fn push_texts(&mut self, row: &Row<'_>) {
        let layout = self.layout;
        let get = |slot| layout.get(row, slot).unwrap_or_default().trim_ascii();
        let columns = &mut self.columns;
        columns.sku.push(get(Slot::Sku));
        let sku = columns.sku.last_code();
        columns.title.push_beside(layout.get(row, Slot::Title).unwrap_or_default(), sku);
        columns.parent_sku.push_beside(get(Slot::Parent), sku);
        columns.item_type.push_beside(get(Slot::ItemType), sku);
        columns.term.push_beside(get(Slot::Term), sku);
        columns.country.push(get(Slot::Country));
        let country = columns.country.last_code();
        columns.currency.push_beside(get(Slot::Currency), country);
        columns.earnings_currency.push_beside(get(Slot::EarningsCurrency), country);
    }

    fn push_extras(&mut self, row: &Row<'_>, units: i64) {
        let sku = self.columns.sku.last_code();
        for (extra, column) in self.layout.extras.iter().zip(&mut self.extras) {
            let text = row.get(extra.place).unwrap_or_default();
            match extra.of {
                Some(Interpreted::Units) if written::is_count(text, units) => column.push_null(),
                _ => column.push_beside(text, sku),
            }
        }
    }
}

impl RowBuilder for Builder<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), String> {
        self.layout.require(row, Slot::Sku)?;
        self.layout.require(row, Slot::Currency)?;
        let figures = self.figures(row)?;
        // From here on nothing can fail: the row goes into every column.
        self.columns.push_type(figures.row);
        self.columns.date.push(Some(i64::from(figures.begin.0)));
        self.columns.units.push(Some(figures.units));
        self.columns.sales.push(figures.sales);
        self.columns.earnings.push(figures.earnings);
        self.months.add(figures.begin);
        self.spans.add((figures.begin, figures.end));
        self.push_texts(row);
        self.push_extras(row, figures.units);
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Batch, Dates) {
        let (rows, mut columns) = self.columns.finish();
        columns.extend(self.extras.into_iter().map(TextBuilder::finish));
        let dates = Dates { months: self.months.finish(), spans: self.spans.finish() };
        (Batch { rows, fields: self.layout.fields.clone(), columns }, dates)
    }
}

fn bad_date(text: &[u8], slot: Slot) -> String {
    if is_blank(text) {
        return format!("{} is blank", name(slot));
    }
    format!("{} {:?} is not a date MM/DD/YYYY", name(slot), lossy(text))
}
