//! Amazon's transactional sales report: what its columns mean.
//!
//! * A charge counts +|x|, a refund (any text with `refund`, `chargeback` or `reversal`) −|x|, so that refunds written
//!   with positive and with negative figures read the same. Any other type keeps one sign for units, sales and
//!   earnings: that of Estimated Earnings as written, else of Sales Price, else +.
//! * Transaction Time is the marketplace's local time unless a zone stands behind it. `date` is the day on the
//!   marketplace's clock, `time` the instant. Of a marketplace whose clock is not known the date is the date as
//!   written, and there is no time unless a zone gives it.
//! * Sales Price and Estimated Earnings are totals of the row; both are in the marketplace's currency.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::columns::{CodedBuilder, IntBuilder, PlainBuilder, TextBuilder, all_null, is_blank};
use super::header::{Header, Names, personal};
use super::pipeline::{Layout, MonthCounter, Row, RowBuilder};
use super::sniff::Looks;
use super::stamp::StampReader;
use super::written::{self, Interpreted};
use super::zone::{self, Clock, Market, Token};
use super::{Kind, Months, RESERVED, standard_fields};
use crate::column::{Batch, Column, Field, NULL_CODE, Strings, Type};
use crate::day::Day;
use crate::money::{self, AmountFault};
use crate::{Error, Result};

/// Columns of the report that have a standard place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
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

/// How a slot is found in a header.
struct Known {
    slot: Slot,
    /// What errors call it.
    name: &'static str,
    /// Normalised names it goes by.
    keys: &'static [&'static str],
    /// Whether a report without it cannot be read.
    required: bool,
    /// Which interpreted column's text is kept beside its value.
    raw: Option<Interpreted>,
}

const fn known(slot: Slot, name: &'static str, keys: &'static [&'static str], required: bool) -> Known {
    Known { slot, name, keys, required, raw: None }
}

const fn interpreted(
    slot: Slot,
    name: &'static str,
    keys: &'static [&'static str],
    raw: Interpreted,
) -> Known {
    Known { slot, name, keys, required: true, raw: Some(raw) }
}

const SLOTS: usize = 16;

/// In the order of [`Slot`].
const KNOWN: [Known; SLOTS] = [
    known(Slot::Marketplace, "Marketplace", &["marketplace"], true),
    known(Slot::Country, "Country/Region Code", &["countryregioncode", "countrycode"], false),
    known(Slot::InvoiceId, "Invoice ID", &["invoiceid"], false),
    known(Slot::TransactionId, "Transaction ID", &["transactionid"], false),
    interpreted(Slot::Time, "Transaction Time", &["transactiontime"], Interpreted::Time),
    interpreted(Slot::Kind, "Transaction Type", &["transactiontype"], Interpreted::Type),
    known(Slot::Sku, "Vendor SKU", &["vendorsku"], true),
    known(Slot::Title, "Title", &["title"], false),
    known(Slot::ItemName, "Item Name", &["itemname"], false),
    known(Slot::ItemType, "Item Type", &["itemtype"], false),
    known(Slot::Term, "In-App Subscription Term", &["inappsubscriptionterm"], false),
    interpreted(Slot::Units, "Units", &["units"], Interpreted::Units),
    known(Slot::UsageTime, "Usage Time", &[], false),
    known(Slot::Currency, "Marketplace Currency", &["marketplacecurrency"], true),
    interpreted(
        Slot::Sales,
        "Sales Price (Marketplace Currency)",
        &["salespricemarketplacecurrency", "salesprice"],
        Interpreted::Sales,
    ),
    interpreted(
        Slot::Earnings,
        "Estimated Earnings (Marketplace Currency)",
        &["estimatedearningsmarketplacecurrency", "estimatedearnings"],
        Interpreted::Earnings,
    ),
];

/// A column beside the standard ones.
#[derive(Debug, Clone, Copy)]
struct Extra {
    place: usize,
    /// The interpreted column whose text it keeps; `None`: a column of the file's own.
    raw: Option<Interpreted>,
}

/// A header, bound.
#[derive(Debug)]
pub(super) struct AmazonLayout {
    fields: Arc<[Field]>,
    places: [Option<usize>; SLOTS],
    extras: Vec<Extra>,
    /// Personal columns that are dropped.
    withheld: Vec<usize>,
    width: usize,
}

/// Columns of a header at most; today's has 25.
const COLUMNS_MAX: usize = 1_000;

impl AmazonLayout {
    /// Binds a header's columns.
    ///
    /// # Errors
    /// `Format` naming the required columns that are missing or stand twice.
    pub(super) fn bind(
        path: &Path,
        line: u64,
        header: &Header,
        looks: Looks,
        keep_personal: bool,
    ) -> Result<Self> {
        if header.len() > COLUMNS_MAX {
            let detail = format!("{} columns are more than any report has", header.len());
            return Err(Error::format(path, Some(line), detail));
        }
        let mut places = [None; SLOTS];
        let mut faults = Vec::new();
        for known in &KNOWN {
            let found = match known.slot {
                Slot::UsageTime => header.starting("usagetime"),
                _ => header.named(known.keys),
            };
            match found.as_slice() {
                [] if known.required => faults.push(format!("no column {}", known.name)),
                [_, _, ..] if known.required => faults.push(format!("more than one column {}", known.name)),
                found => {
                    if let Some(place) = places.get_mut(known.slot as usize) {
                        *place = found.first().copied();
                    }
                }
            }
        }
        if !faults.is_empty() {
            return Err(Error::format(path, Some(line), misfit(&faults, looks)));
        }
        let (fields, extras) = lay_out(header, &places, keep_personal);
        let is_withheld =
            |(place, name): (usize, &String)| (personal(name) && !keep_personal).then_some(place);
        let withheld = header.names.iter().enumerate().filter_map(is_withheld).collect();
        Ok(Self { fields, places, extras, withheld, width: header.len() })
    }

    fn get<'a>(&self, row: &Row<'a>, slot: Slot) -> Option<&'a [u8]> {
        let place = *self.places.get(slot as usize)?;
        row.get(place?)
    }

    /// The text of a column that every row must have, perhaps blank.
    fn require<'a>(&self, row: &Row<'a>, slot: Slot) -> Result<&'a [u8], String> {
        self.get(row, slot).ok_or_else(|| format!("the row ends before {}", name(slot)))
    }
}

fn name(slot: Slot) -> &'static str {
    KNOWN.get(slot as usize).map_or("", |known| known.name)
}

fn misfit(faults: &[String], looks: Looks) -> String {
    let faults = faults.join(", ");
    match looks {
        Looks::Kind(Kind::AmazonSales) => format!("{faults}: not a whole {} report", Kind::AmazonSales),
        other => format!("not an {} report but {} ({faults})", Kind::AmazonSales, other.describe()),
    }
}

/// The batch's fields: the standard ones, then what else the file has, under its own names and in its order.
fn lay_out(
    header: &Header,
    places: &[Option<usize>; SLOTS],
    keep_personal: bool,
) -> (Arc<[Field]>, Vec<Extra>) {
    let mut fields = standard_fields().to_vec();
    let mut names =
        Names::taken(RESERVED.iter().copied().chain(standard_fields().iter().map(|f| f.name.as_str())));
    let mut extras = Vec::new();
    for (place, name) in header.names.iter().enumerate() {
        let slot = KNOWN.iter().zip(places).find(|(_, bound)| **bound == Some(place)).map(|(known, _)| known);
        let verbatim = slot.is_some_and(|known| known.raw.is_none());
        if verbatim || (slot.is_none() && personal(name) && !keep_personal) {
            continue;
        }
        fields.push(Field::new(names.give(name, place), Type::Text));
        extras.push(Extra { place, raw: slot.and_then(|known| known.raw) });
    }
    (fields.into(), extras)
}

impl Layout for AmazonLayout {
    fn width(&self) -> usize {
        self.width
    }

    fn withheld(&self) -> &[usize] {
        &self.withheld
    }

    fn builder(&self, rows: usize) -> Box<dyn RowBuilder + '_> {
        Box::new(Builder::new(self, rows))
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
    layout: &'l AmazonLayout,
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
    fn new(layout: &'l AmazonLayout, rows: usize) -> Self {
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
            invoice_id: PlainBuilder::default(),
            transaction_id: PlainBuilder::default(),
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
        let units = count(layout.require(row, Slot::Units)?)?;
        let sales = amount(layout.require(row, Slot::Sales)?, Slot::Sales)?;
        let earnings = amount(layout.require(row, Slot::Earnings)?, Slot::Earnings)?;
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
            let same = match extra.raw {
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

    fn finish(self: Box<Self>) -> (Batch, Months) {
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
        (Batch { rows, fields: self.layout.fields.clone(), columns }, self.months.finish())
    }
}

fn bad_time(text: &[u8]) -> String {
    if is_blank(text) {
        return format!("{} is blank", name(Slot::Time));
    }
    format!("{} {:?} is not a time YYYY-MM-DD HH:MM:SS", name(Slot::Time), lossy(text))
}

fn count(text: &[u8]) -> Result<i64, String> {
    // The commonest count of all.
    if text == b"1" {
        return Ok(1);
    }
    if is_blank(text) {
        return Err(format!("{} is blank", name(Slot::Units)));
    }
    money::parse_whole(text.trim_ascii()).map_err(|fault| bad_number(Slot::Units, text, fault))
}

/// A row's amount leaves as a decimal of 18 digits, six of them behind the point.
const AMOUNT_LIMIT: u64 = 10u64.pow(18);

fn amount(text: &[u8], slot: Slot) -> Result<Option<i64>, String> {
    if is_blank(text) {
        return Ok(None);
    }
    let amount = money::parse(text.trim_ascii()).and_then(|micros| match micros.unsigned_abs() {
        0..AMOUNT_LIMIT => Ok(Some(micros)),
        _ => Err(AmountFault::TooLarge),
    });
    amount.map_err(|fault| bad_number(slot, text, fault))
}

fn bad_number(slot: Slot, text: &[u8], fault: AmountFault) -> String {
    format!("{} {:?} {fault}", name(slot), lossy(text))
}

/// A field as a reason shows it: short.
fn lossy(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(text.get(..60).unwrap_or(text))
}
