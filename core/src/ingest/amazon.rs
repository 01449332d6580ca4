//! Amazon's transactional sales report: what its columns mean.
//!
//! * A charge counts +|x|, a refund (any text with `refund`, `chargeback` or `reversal`) −|x|, so that refunds written
//!   with positive and with negative figures read the same. Any other type keeps one sign for units, sales and
//!   earnings: that of Estimated Earnings as written, else of Sales Price, else +.
//! * Transaction Time is the marketplace's local time unless a zone stands behind it. `date` is the day on the
//!   marketplace's clock, `time` the instant. Of a marketplace whose clock is not known the date is the date as
//!   written, and there is no time unless a zone gives it.
//! * Sales Price and Estimated Earnings are totals of the row; both are in the marketplace's currency.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::{Binding, Keep, Known, Reads, Slots, name};
use super::columns::{CodedBuilder, IntBuilder, PlainBuilder, TextBuilder, all_null, is_blank};
use super::dates::{Dates, MonthCounter};
use super::number::{amount, count, lossy};
use super::pipeline::{Row, RowBuilder};
use super::stamp::StampReader;
use super::written::{self, Interpreted};
use super::zone::{self, Clock, Market, Token};
use crate::column::{Batch, Column, NULL_CODE, Strings};
use crate::day::Day;

/// Columns of the report that Tillroll knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Marketplace,
    Country,
    InvoiceId,
    TransactionId,
    Time,
    Kind,
    Sku,
    Title,
    ItemName,
    ItemType,
    Term,
    Units,
    UsageTime,
    Currency,
    Sales,
    Earnings,
}

impl Slots for Slot {
    const KNOWN: &'static [Known] = &[
        Known::verbatim("Marketplace", &["marketplace"]).required(),
        Known::verbatim("Country/Region Code", &["countryregioncode", "countrycode"]),
        Known::verbatim("Invoice ID", &["invoiceid"]),
        Known::verbatim("Transaction ID", &["transactionid"]),
        interpreted("Transaction Time", &["transactiontime"], Interpreted::Time),
        interpreted("Transaction Type", &["transactiontype"], Interpreted::Type),
        Known::verbatim("Vendor SKU", &["vendorsku"]).required(),
        Known::verbatim("Title", &["title"]),
        Known::verbatim("Item Name", &["itemname"]),
        Known::verbatim("Item Type", &["itemtype"]),
        Known::verbatim("In-App Subscription Term", &["inappsubscriptionterm"]),
        interpreted("Units", &["units"], Interpreted::Units),
        Known::verbatim("Usage Time", &[]).beginning("usagetime"),
        Known::verbatim("Marketplace Currency", &["marketplacecurrency"]).required(),
        interpreted(
            "Sales Price (Marketplace Currency)",
            &["salespricemarketplacecurrency", "salesprice"],
            Interpreted::Sales,
        ),
        interpreted(
            "Estimated Earnings (Marketplace Currency)",
            &["estimatedearningsmarketplacecurrency", "estimatedearnings"],
            Interpreted::Earnings,
        ),
    ];

    fn number(self) -> usize {
        self as usize
    }
}

const fn interpreted(name: &'static str, keys: &'static [&'static str], what: Interpreted) -> Known {
    Known::interpreted(name, keys, Keep::Difference(what)).required()
}

impl Reads for Slot {
    fn builder(layout: &Binding<Self>, rows: usize) -> Box<dyn RowBuilder + '_> {
        Box::new(Builder::new(layout, rows))
    }
}

/// What a transaction type does to signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Charge = 0,
    Refund = 1,
    Other = 2,
}

/// The texts of [`Meaning`] in its order, as the `type` column has them.
const TYPES: [&str; 3] = ["charge", "refund", "other"];

impl Meaning {
    fn of(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        if ["refund", "chargeback", "reversal"].iter().any(|word| text.contains(word)) {
            Self::Refund
        } else if text == "charge" {
            Self::Charge
        } else {
            Self::Other
        }
    }

    /// What the magnitudes of a row are multiplied by.
    fn sign(self, sales: Option<i64>, earnings: Option<i64>) -> i64 {
        match self {
            Self::Charge => 1,
            Self::Refund => -1,
            Self::Other => {
                [earnings, sales].into_iter().flatten().map(i64::signum).find(|&sign| sign != 0).unwrap_or(1)
            }
        }
    }
}

/// When a transaction happened.
#[derive(Debug, Clone, Copy)]
struct When {
    /// Microseconds UTC.
    time: Option<i64>,
    date: Day,
    /// Whether the marketplace's clock showed what is written, in the form that Tillroll writes.
    as_written: bool,
}

/// A row's figures, checked.
struct Figures {
    meaning: Meaning,
    units: i64,
    sales: Option<i64>,
    earnings: Option<i64>,
    when: When,
}

struct Builder<'l> {
    layout: &'l Binding<Slot>,
    markets: Vec<Option<Market>>,
    clocks: [Option<Clock>; Market::COUNT],
    meanings: Vec<Meaning>,
    /// By currency code: whether amounts have no decimals.
    whole: Vec<bool>,
    /// By marketplace code: the currency code that last stood beside it.
    currencies: Vec<u32>,
    stamps: StampReader,
    months: MonthCounter,
    marketplace: CodedBuilder,
    raw_type: CodedBuilder,
    currency: CodedBuilder,
    types: Vec<u32>,
    country: TextBuilder,
    invoice_id: PlainBuilder,
    transaction_id: PlainBuilder,
    sku: TextBuilder,
    title: TextBuilder,
    item_name: TextBuilder,
    item_type: TextBuilder,
    term: TextBuilder,
    usage_time: TextBuilder,
    time: IntBuilder,
    date: IntBuilder,
    units: IntBuilder,
    sales: IntBuilder,
    earnings: IntBuilder,
    extras: Vec<TextBuilder>,
    suffix: Vec<u8>,
}

impl<'l> Builder<'l> {
    fn new(layout: &'l Binding<Slot>, rows: usize) -> Self {
        let (text, int) = (|| TextBuilder::with_capacity(rows), || IntBuilder::with_capacity(rows));
        let coded = || CodedBuilder::with_capacity(rows);
        Self {
            layout,
            markets: Vec::new(),
            clocks: Default::default(),
            meanings: Vec::new(),
            whole: Vec::new(),
            currencies: Vec::new(),
            stamps: StampReader::default(),
            months: MonthCounter::default(),
            marketplace: coded(),
            raw_type: coded(),
            currency: coded(),
            types: Vec::with_capacity(rows),
            country: text(),
            invoice_id: PlainBuilder::with_capacity(rows),
            transaction_id: PlainBuilder::with_capacity(rows),
            sku: text(),
            title: text(),
            item_name: text(),
            item_type: text(),
            term: text(),
            usage_time: text(),
            time: int(),
            date: int(),
            units: int(),
            sales: int(),
            earnings: int(),
            extras: layout.extras.iter().map(|_| text()).collect(),
            suffix: Vec::new(),
        }
    }

    /// The code of a marketplace, whose clock is looked up once.
    fn marketplace_code(&mut self, text: &[u8]) -> u32 {
        let text = text.trim_ascii();
        if text.is_empty() {
            return NULL_CODE;
        }
        let code = self.marketplace.interner.code(text);
        while self.markets.len() < self.marketplace.interner.len() {
            let new = u32::try_from(self.markets.len()).unwrap_or(NULL_CODE);
            self.markets.push(Market::of(self.marketplace.interner.get(new)));
        }
        code
    }

    fn type_code(&mut self, text: &[u8]) -> Result<u32, String> {
        if is_blank(text) {
            return Err(format!("{} is blank", name(Slot::Kind)));
        }
        let code = self.raw_type.interner.code(text);
        while self.meanings.len() < self.raw_type.interner.len() {
            let new = u32::try_from(self.meanings.len()).unwrap_or(NULL_CODE);
            self.meanings.push(Meaning::of(self.raw_type.interner.get(new)));
        }
        Ok(code)
    }

    fn currency_code(&mut self, text: &[u8], marketplace: u32) -> u32 {
        let text = text.trim_ascii();
        if text.is_empty() {
            return NULL_CODE;
        }
        let code = self.currency.interner.guessed(text, &mut self.currencies, marketplace);
        while self.whole.len() < self.currency.interner.len() {
            let new = u32::try_from(self.whole.len()).unwrap_or(NULL_CODE);
            self.whole.push(written::has_no_decimals(self.currency.interner.get(new)));
        }
        code
    }

    /// Reads a Transaction Time on the clock of its marketplace.
    fn when(&mut self, text: &[u8], market: Option<Market>) -> Result<When, String> {
        let trimmed = text.trim_ascii();
        let Some(stamp) = self.stamps.read(trimmed) else { return Err(bad_time(text)) };
        let said = if stamp.zone.is_empty() { Some(Token::Local) } else { zone::token(stamp.zone, market) };
        let local = stamp.local();
        let clock = market.and_then(|market| {
            let clock = self.clocks.get_mut(market as usize)?;
            if clock.is_none() {
                *clock = Clock::new(market);
            }
            clock.as_mut()
        });
        let (offset, shown) = match (clock, said) {
            (None, Some(Token::Offset(offset))) => (offset, None),
            // The date as written is all that can be told; that is no fault of the row.
            (None, _) => return Ok(When { time: None, date: stamp.day, as_written: false }),
            (Some(_), None) => {
                return Err(format!("{} has an unknown zone: {:?}", name(Slot::Time), lossy(text)));
            }
            (Some(clock), Some(said)) => {
                let offset = match said {
                    Token::Offset(offset) => Some(offset),
                    Token::Local => clock.offset_of_local(local),
                };
                let offset = offset.ok_or_else(|| bad_time(text))?;
                let instant = local - i64::from(offset);
                let shown = clock.offset_at(instant).ok_or_else(|| bad_time(text))?;
                (offset, Some(instant + i64::from(shown)))
            }
        };
        let micros = (local - i64::from(offset)) * 1_000_000 + stamp.micros;
        let as_written = stamp.plain && shown == Some(local) && trimmed.len() == text.len();
        Ok(When { time: Some(micros), date: shown.map_or(stamp.day, zone::day_of), as_written })
    }

    fn figures(&mut self, row: &Row<'_>, marketplace: u32, kind: u32) -> Result<Figures, String> {
        let layout = self.layout;
        let units = count(layout.require(row, Slot::Units)?, name(Slot::Units))?;
        let sales = amount(layout.require(row, Slot::Sales)?, name(Slot::Sales))?;
        let earnings = amount(layout.require(row, Slot::Earnings)?, name(Slot::Earnings))?;
        let market = self.markets.get(marketplace as usize).copied().flatten();
        let when = self.when(layout.require(row, Slot::Time)?, market)?;
        let meaning = self.meanings.get(kind as usize).copied().unwrap_or(Meaning::Other);
        let sign = meaning.sign(sales, earnings);
        // Magnitudes are at most i64::MAX, so neither abs nor the sign can overflow.
        let signed = |value: i64| value.saturating_abs() * sign;
        Ok(Figures {
            meaning,
            units: signed(units),
            sales: sales.map(signed),
            earnings: earnings.map(signed),
            when,
        })
    }

    /// Keeps the columns beside the standard ones; the text of what was interpreted only where it is not what
    /// [`written::written`] would give.
    fn push_extras(&mut self, row: &Row<'_>, figures: &Figures, currency: u32) {
        let whole = self.whole.get(currency as usize).copied().unwrap_or(false);
        for (extra, column) in self.layout.extras.iter().zip(&mut self.extras) {
            let text = row.get(extra.place).unwrap_or_default();
            let same = match extra.of {
                None | Some(Interpreted::Type) => false,
                Some(Interpreted::Units) => written::is_count(text, figures.units),
                Some(Interpreted::Sales) => written::is_amount(text, figures.sales, whole),
                Some(Interpreted::Earnings) => written::is_amount(text, figures.earnings, whole),
                Some(Interpreted::Time) if figures.when.as_written => {
                    match written::time_suffix(text, &mut self.suffix) {
                        true => column.push_text(&self.suffix),
                        false => column.push_null(),
                    }
                    continue;
                }
                Some(Interpreted::Time) => false,
            };
            if same { column.push_null() } else { column.push(text) }
        }
    }

    fn push_texts(&mut self, row: &Row<'_>, marketplace: u32) {
        let layout = self.layout;
        let get = |slot| layout.get(row, slot).unwrap_or_default();
        self.country.push_beside(get(Slot::Country).trim_ascii(), marketplace);
        self.invoice_id.push(get(Slot::InvoiceId).trim_ascii());
        self.transaction_id.push(get(Slot::TransactionId).trim_ascii());
        self.sku.push(get(Slot::Sku).trim_ascii());
        let sku = self.sku.last_code();
        self.title.push_beside(get(Slot::Title), sku);
        self.item_name.push_beside(get(Slot::ItemName), sku);
        self.item_type.push_beside(get(Slot::ItemType), sku);
        self.term.push_beside(get(Slot::Term), sku);
        self.usage_time.push(get(Slot::UsageTime));
    }
}

impl RowBuilder for Builder<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), String> {
        let layout = self.layout;
        layout.require(row, Slot::Sku)?;
        let marketplace = self.marketplace_code(layout.require(row, Slot::Marketplace)?);
        let currency = self.currency_code(layout.require(row, Slot::Currency)?, marketplace);
        let kind = self.type_code(layout.require(row, Slot::Kind)?)?;
        let figures = self.figures(row, marketplace, kind)?;
        // From here on nothing can fail: the row goes into every column.
        self.marketplace.push(marketplace);
        self.currency.push(currency);
        self.types.push(figures.meaning as u32);
        self.time.push(figures.when.time);
        self.date.push(Some(i64::from(figures.when.date.0)));
        self.units.push(Some(figures.units));
        self.sales.push(figures.sales);
        self.earnings.push(figures.earnings);
        self.months.add(figures.when.date);
        self.push_texts(row, marketplace);
        self.push_extras(row, &figures, currency);
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Batch, Dates) {
        let rows = self.date.len();
        let currency = self.currency.finish();
        let types = Column::Coded { dictionary: Arc::new(Strings::from_iter(TYPES)), codes: self.types };
        // In the order of `standard_fields`.
        let mut columns = vec![
            self.marketplace.finish(),
            self.country.finish(),
            self.invoice_id.finish(),
            self.transaction_id.finish(),
            self.time.finish(),
            self.date.finish(),
            types,
            self.sku.finish(),
            all_null(rows),
            self.title.finish(),
            self.item_name.finish(),
            self.item_type.finish(),
            self.term.finish(),
            self.units.finish(),
            self.usage_time.finish(),
            currency.clone(),
            self.sales.finish(),
            self.earnings.finish(),
            currency,
        ];
        columns.extend(self.extras.into_iter().map(TextBuilder::finish));
        let dates = Dates { months: self.months.finish(), spans: BTreeMap::new() };
        (Batch { rows, fields: self.layout.fields.clone(), columns }, dates)
    }
}

fn bad_time(text: &[u8]) -> String {
    if is_blank(text) {
        return format!("{} is blank", name(Slot::Time));
    }
    format!("{} {:?} is not a time YYYY-MM-DD HH:MM:SS", name(Slot::Time), lossy(text))
}
