//! Sales reports of the Amazon Appstore with known contents.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, DateTime, date};

use crate::decimal::{self, UNIT};
use crate::packing::Packing;
use crate::rng::Rng;
use crate::world::{MARKETS, Market, Product, catalogue};

/// What a column of a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the report's columns")]
pub enum Field {
    Marketplace,
    Country,
    InvoiceId,
    TransactionId,
    Time,
    Type,
    Adjustment,
    Asin,
    Sku,
    Title,
    ItemName,
    ItemType,
    Term,
    Status,
    Units,
    UsageTime,
    Currency,
    Sales,
    Earnings,
    OrderId,
    AppUserId,
    ReceiptId,
    Channel,
    Device,
    DeviceOs,
    /// The same text in every row.
    Constant(&'static str),
}

/// A report's columns, each with its name in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(pub Vec<(Field, &'static str)>);

impl Layout {
    /// The 16 columns of the launch in 2018.
    pub fn of_2018() -> Self {
        use Field::*;
        Self(vec![
            (Marketplace, "Marketplace"),
            (Country, "Country/Region Code"),
            (InvoiceId, "Invoice ID"),
            (TransactionId, "Transaction ID"),
            (Time, "Transaction Time"),
            (Type, "Transaction Type"),
            (Sku, "Vendor SKU"),
            (Title, "Title"),
            (ItemName, "Item Name"),
            (ItemType, "Item Type"),
            (Term, "In-App Subscription Term"),
            (Units, "Units"),
            (UsageTime, "Usage Time for Underground Apps"),
            (Currency, "Marketplace Currency"),
            (Sales, "Sales Price (Marketplace Currency)"),
            (Earnings, "Estimated Earnings (Marketplace Currency)"),
        ])
    }

    /// Today's 25 columns.
    pub fn today() -> Self {
        use Field::*;
        let mut layout = Self::of_2018().renamed(UsageTime, "Usage Time for Underground Apps (Seconds)").0;
        layout.insert(6, (Adjustment, "Adjustment"));
        layout.insert(7, (Asin, "ASIN"));
        layout.insert(13, (Status, "In-App Subscription Status"));
        layout.extend([
            (OrderId, "Digital Order ID"),
            (AppUserId, "App User ID"),
            (ReceiptId, "Receipt ID"),
            (Channel, "Sales Channel"),
            (Device, "Device Type"),
            (DeviceOs, "Device OS"),
        ]);
        Self(layout)
    }

    /// Without this column.
    pub fn without(mut self, field: Field) -> Self {
        self.0.retain(|(kept, _)| *kept != field);
        self
    }

    /// With another name for this column.
    pub fn renamed(mut self, field: Field, name: &'static str) -> Self {
        self.0.iter_mut().filter(|(found, _)| *found == field).for_each(|column| column.1 = name);
        self
    }

    /// With one more column at the end.
    pub fn with(mut self, field: Field, name: &'static str) -> Self {
        self.0.push((field, name));
        self
    }

    /// The header line, without its end.
    pub fn header(&self) -> String {
        self.0.iter().map(|column| column.1).collect::<Vec<_>>().join(",")
    }
}

/// An invoice's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceId {
    /// 40 hexadecimal digits.
    Hex([u8; 20]),
    /// `D01-1234567-1234567`.
    Numbered(u64),
}

/// A transaction's id. A charge and its refund share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionId {
    /// Decimal digits.
    Number(u64),
    /// Lower case with hyphens.
    Uuid(u128),
}

impl std::fmt::Display for TransactionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// One row, as it is written. Money is at 10⁻⁶ of the marketplace's currency.
#[derive(Debug, Clone)]
pub struct Row {
    /// Where it was sold.
    pub market: &'static Market,
    /// The buyer's country.
    pub country: &'static str,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The transaction.
    pub transaction: TransactionId,
    /// The time as written.
    pub time: DateTime,
    /// What stands behind the time; empty for nothing.
    pub token: &'static str,
    /// The transaction's type as written.
    pub type_text: &'static str,
    /// What was sold.
    pub product: &'static Product,
    /// Units with the sign that is written.
    pub units: i64,
    /// Row total with the sign that is written.
    pub sales: i64,
    /// Row total with the sign that is written.
    pub earnings: i64,
    /// What the columns that Tillroll does not interpret are made from.
    pub extra: u32,
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The same seed gives the same report.
    pub seed: u64,
    /// The report's month.
    pub month: Date,
    /// How many rows.
    pub rows: usize,
    /// Which columns.
    pub layout: Layout,
    /// The share of invoices with 40 hexadecimal digits, in percent. The others are numbered.
    pub hex_invoices: u64,
    /// The share of transactions with UUIDs, in percent. The others are numbered.
    pub uuids: u64,
}

impl Spec {
    /// So many rows of this month, with today's columns.
    pub fn new(seed: u64, (year, month): (i16, i8), rows: usize) -> Self {
        Self { seed, month: date(year, month, 1), rows, layout: Layout::today(), hex_invoices: 80, uuids: 70 }
    }

    /// With these columns.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// The report of this spec.
    pub fn generate(&self) -> Report {
        let month = i64::from(self.month.year()) * 12 + i64::from(self.month.month());
        let mut rng = Rng::new(self.seed.wrapping_mul(0x1_0000_0001).wrapping_add(month as u64));
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows);
        while rows.len() < self.rows {
            let row = match rows.len() {
                n if n > 0 && rng.chance(4) => self.refund(&rows[rng.below(n as u64) as usize], &mut rng),
                _ => self.charge(&mut rng),
            };
            rows.push(row);
        }
        Report { month: self.month, layout: self.layout.clone(), rows }
    }

    fn charge(&self, rng: &mut Rng) -> Row {
        let market = rng.pick_skewed(&MARKETS);
        let product = rng.pick_skewed(catalogue());
        let units = if rng.chance(97) { 1 } else { 2 + rng.below(4) as i64 };
        let sales = product.price * market.rate * units;
        let (time, token) = time_of(market, self.month, rng);
        let adjusted = rng.below(500) == 0;
        Row {
            market,
            country: rng.pick_skewed::<&str>(market.countries),
            invoice: self.invoice(rng),
            transaction: self.transaction(rng),
            time,
            token,
            type_text: if adjusted { "Adjustment" } else { "Charge" },
            product,
            units,
            sales,
            // An adjustment's sign is that of its earnings alone.
            earnings: if adjusted && rng.chance(50) { -sales / 10 * 7 } else { sales / 10 * 7 },
            extra: rng.bits() as u32,
        }
    }

    /// A refund in one of the spellings that have been seen: with positive units and price and negative earnings, or all
    /// negative; and under one of several names.
    fn refund(&self, of: &Row, rng: &mut Rng) -> Row {
        let (time, token) = time_of(of.market, self.month, rng);
        let sign = if rng.chance(50) { 1 } else { -1 };
        let type_text = *rng.pick_skewed(&[
            "Refund",
            "Refund",
            "refund",
            "Chargeback",
            "Partial Refund",
            "Payment Reversal",
        ]);
        let units = of.units.abs() * sign;
        let (sales, earnings) = (of.sales.abs() * sign, -of.earnings.abs());
        Row { time, token, type_text, units, sales, earnings, invoice: self.invoice(rng), ..of.clone() }
    }

    fn invoice(&self, rng: &mut Rng) -> InvoiceId {
        if !rng.chance(self.hex_invoices) {
            return InvoiceId::Numbered(rng.below(100_000_000_000_000));
        }
        let mut bytes = [0; 20];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&rng.bits().to_le_bytes()[..chunk.len()]));
        InvoiceId::Hex(bytes)
    }

    fn transaction(&self, rng: &mut Rng) -> TransactionId {
        if !rng.chance(self.uuids) {
            return TransactionId::Number(1_000_000_000_000 + rng.below(999_000_000_000_000));
        }
        // Version and variant bits as random UUIDs have them.
        let bits = (u128::from(rng.bits()) << 64) | u128::from(rng.bits());
        TransactionId::Uuid(bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62))
    }
}

/// Mostly within the month; a few of the month before, since reports are cut by the invoice's date.
fn time_of(market: &Market, month: Date, rng: &mut Rng) -> (DateTime, &'static str) {
    let first = if rng.chance(2) { month.yesterday().unwrap().first_of_month() } else { month };
    let day = 1 + rng.below(first.days_in_month() as u64) as i8;
    let second = rng.below(86_400);
    let at = date(first.year(), first.month(), day).at(
        (second / 3600) as i8,
        (second / 60 % 60) as i8,
        (second % 60) as i8,
        0,
    );
    let token = match rng.below(20) {
        0 => market.token(at).unwrap_or_default(),
        // Near noon in UTC it is the same day at every marketplace but the easternmost.
        1 if (12..13).contains(&at.hour()) && !market.name.ends_with(".au") => "UTC",
        _ => "",
    };
    (at, token)
}

/// A report: its rows and how they are written.
#[derive(Debug, Clone)]
pub struct Report {
    /// The first of its month.
    pub month: Date,
    /// Its columns.
    pub layout: Layout,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Report {
    /// The period as text: `2018-03`.
    pub fn period(&self) -> String {
        format!("{:04}-{:02}", self.month.year(), self.month.month())
    }

    /// The report's text: UTF-8, commas, line feeds, quotes only where needed.
    pub fn csv(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.rows.len() * 280);
        out.extend_from_slice(self.layout.header().as_bytes());
        out.push(b'\n');
        for row in &self.rows {
            for (index, (field, _)) in self.layout.0.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                row.write(*field, &mut out);
            }
            out.push(b'\n');
        }
        out
    }

    /// The name such a report comes under.
    pub fn file_name(&self, packing: Packing) -> String {
        let (year, month) = (self.month.year(), self.month.month());
        match packing {
            Packing::Plain => format!("sales-{year:04}-{month:02}-00000.csv"),
            Packing::Gzip => format!("sales_{year:04}_{month:02}.gz"),
            Packing::Zip => format!("sales_{year:04}_{month:02}.zip"),
        }
    }

    /// Writes it into a directory under its usual name and gives the path.
    pub fn write(&self, dir: &Path, packing: Packing) -> PathBuf {
        let path = dir.join(self.file_name(packing));
        fs::write(&path, packing.pack(&self.csv(), &self.file_name(Packing::Plain))).unwrap();
        path
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl TransactionId {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => decimal::write_integer(out, number),
            Self::Uuid(uuid) => {
                for (index, byte) in uuid.to_be_bytes().into_iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        out.push(b'-');
                    }
                    write_hex(out, byte);
                }
            }
        }
    }
}

impl InvoiceId {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Hex(bytes) => bytes.into_iter().for_each(|byte| write_hex(out, byte)),
            Self::Numbered(number) => {
                out.extend_from_slice(b"D01-");
                write_padded(out, number / 10_000_000, 7);
                out.push(b'-');
                write_padded(out, number % 10_000_000, 7);
            }
        }
    }
}

impl Row {
    /// The text of a field, without quotes.
    pub fn text(&self, field: Field) -> String {
        let mut out = Vec::new();
        self.write(field, &mut out);
        let text = String::from_utf8(out).unwrap();
        match text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => text,
        }
    }

    fn write(&self, field: Field, out: &mut Vec<u8>) {
        match field {
            Field::Marketplace => write_text(out, self.market.name),
            Field::Country => write_text(out, self.country),
            Field::InvoiceId => self.invoice.write(out),
            Field::TransactionId => self.transaction.write(out),
            Field::Time => self.write_time(out),
            Field::Type => write_text(out, self.type_text),
            Field::Adjustment => write_text(out, if self.type_text == "Adjustment" { "Yes" } else { "No" }),
            Field::Asin => write_text(out, &self.product.asin),
            Field::Sku => write_text(out, &self.product.sku),
            Field::Title => write_text(out, &self.product.title),
            Field::ItemName => write_text(out, &self.product.item_name),
            Field::ItemType => write_text(out, self.product.item_type),
            Field::Term => write_text(out, self.product.term),
            Field::Status => write_text(out, self.status()),
            Field::Units => self.write_units(out),
            Field::UsageTime => {}
            Field::Currency => write_text(out, self.market.currency),
            Field::Sales => decimal::write(out, self.sales, self.market.decimals),
            Field::Earnings => decimal::write(out, self.earnings, self.market.decimals),
            Field::OrderId => self.write_padded_pair(b"D02-", out),
            Field::AppUserId => self.write_padded_pair(b"amzn1.account.", out),
            Field::ReceiptId => self.write_padded_pair(b"r", out),
            Field::Channel => write_text(out, ["Appstore", "Fire TV", "Website"][self.extra as usize % 3]),
            Field::Device => {
                write_text(out, ["Fire Tablet", "Fire TV", "Android Phone", ""][self.extra as usize / 3 % 4])
            }
            Field::DeviceOs => {
                write_text(out, ["Fire OS 7", "Fire OS 8", "Android 13", ""][self.extra as usize / 3 % 4])
            }
            Field::Constant(text) => write_text(out, text),
        }
    }

    fn status(&self) -> &'static str {
        if self.product.term.is_empty() { "" } else { ["Paid", "Paid", "Trial"][self.extra as usize % 3] }
    }

    fn write_units(&self, out: &mut Vec<u8>) {
        if self.units < 0 {
            out.push(b'-');
        }
        decimal::write_integer(out, self.units.unsigned_abs());
    }

    fn write_padded_pair(&self, prefix: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(prefix);
        write_padded(out, u64::from(self.extra), 10);
    }

    fn write_time(&self, out: &mut Vec<u8>) {
        let at = self.time;
        let parts = [
            (at.month(), b'-'),
            (at.day(), b'-'),
            (at.hour(), b' '),
            (at.minute(), b':'),
            (at.second(), b':'),
        ];
        write_padded(out, at.year() as u64, 4);
        for (number, before) in parts {
            out.push(before);
            write_padded(out, number as u64, 2);
        }
        if !self.token.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.token.as_bytes());
        }
    }
}

fn write_hex(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

fn write_padded(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A field, in quotes only where it must be.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// A product for one test: it lives as long as the test's process.
pub fn product_for_test(product: Product) -> &'static Product {
    Box::leak(Box::new(product))
}

/// A charge of one unit of the first paid product, for tests that then set what they are about.
pub fn plain_charge(market: &'static Market, time: DateTime, transaction: u64) -> Row {
    let product = catalogue().iter().find(|product| product.price > 0).unwrap();
    Row {
        market,
        country: market.countries[0],
        invoice: InvoiceId::Numbered(transaction),
        transaction: TransactionId::Number(transaction),
        time,
        token: "",
        type_text: "Charge",
        product,
        units: 1,
        sales: UNIT,
        earnings: UNIT / 10 * 7,
        extra: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_report() {
        let spec = Spec::new(3, (2018, 3), 500);
        assert_eq!(spec.generate().csv(), spec.generate().csv());
        assert_ne!(spec.generate().csv(), Spec { seed: 4, ..spec }.generate().csv());
    }

    #[test]
    fn rows_have_as_many_fields_as_the_header() {
        // A row's only commas outside quotes are the separators.
        let report = Spec::new(3, (2018, 3), 2_000).generate();
        let text = String::from_utf8(report.csv()).unwrap();
        let separators =
            |line: &str| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>();
        assert_eq!(text.lines().count(), 2_001);
        assert!(text.lines().all(|line| separators(line) == 24));
    }

    #[test]
    fn everything_a_report_can_hold_occurs() {
        let rows = Spec::new(1, (2024, 5), 20_000).generate().rows;
        let any = |test: &dyn Fn(&Row) -> bool| rows.iter().any(test);
        assert!(MARKETS.iter().all(|market| any(&|row| row.market.name == market.name)));
        assert!(
            any(&|row| row.type_text == "Refund" && row.units > 0)
                && any(&|row| row.type_text == "Refund" && row.units < 0)
        );
        assert!(any(&|row| row.product.price == 0 && row.type_text == "Charge"));
        assert!(any(&|row| row.token == "UTC") && any(&|row| row.token == "CEST"));
        assert!(any(&|row| row.type_text == "Adjustment" && row.earnings < 0));
        assert!(any(&|row| !row.product.term.is_empty()));
        assert!(any(&|row| row.time.date() < date(2024, 5, 1)));
    }
}
