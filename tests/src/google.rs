//! Google Play's sales and earnings reports with known contents. A row is made from what happened: its cells are how the
//! store would write that, its [`Fact`] is what the engine must answer.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::amazon::write_text;
use crate::decimal::{self, UNIT};
use crate::packing;
use crate::rng::Rng;

/// The headers of the sales report, by the number of their columns.
pub const SALES_GENERATIONS: [usize; 4] = [17, 19, 25, 27];

const SALES: [&str; 27] = [
    "Order Number",
    "Order Charged Date",
    "Order Charged Timestamp",
    "Financial Status",
    "Device Model",
    "Product Title",
    "Product ID",
    "Product Type",
    "SKU ID",
    "Currency of Sale",
    "Item Price",
    "Taxes Collected",
    "Charged Amount",
    "City of Buyer",
    "State of Buyer",
    "Postal Code of Buyer",
    "Country of Buyer",
    "Base Plan ID",
    "Offer ID",
    "Group ID",
    "First USD 1M Eligible",
    "Promotion ID",
    "Coupon Value",
    "Discount Rate",
    "Featured Product ID",
    "Price Experiment ID",
    "Sales Channel",
];

/// What columns are called in the newest reports.
const RENAMED: [(&str, &str); 6] = [
    ("Product ID", "Package ID"),
    ("Product id", "Package ID"),
    ("Sku Id", "SKU ID"),
    ("Postal Code of Buyer", "Postcode of Buyer"),
    ("Buyer Postal Code", "Buyer Postcode"),
    ("Base Plan ID", "Base Plan or Purchase Option ID"),
];

/// The headers of the earnings report, by the number of their columns.
pub const EARNINGS_GENERATIONS: [usize; 2] = [19, 26];

const EARNINGS: [&str; 26] = [
    "Description",
    "Transaction Date",
    "Transaction Time",
    "Tax Type",
    "Transaction Type",
    "Refund Type",
    "Product Title",
    "Product id",
    "Product Type",
    "Sku Id",
    "Hardware",
    "Buyer Country",
    "Buyer State",
    "Buyer Postal Code",
    "Buyer Currency",
    "Amount (Buyer Currency)",
    "Currency Conversion Rate",
    "Merchant Currency",
    "Amount (Merchant Currency)",
    "Base Plan ID",
    "Offer ID",
    "Group ID",
    "First USD 1M Eligible",
    "Service Fee %",
    "Fee Description",
    "Promotion ID",
];

/// Where something is bought.
#[derive(Debug)]
struct Land {
    country: &'static str,
    currency: &'static str,
    /// Decimals that amounts are written with.
    decimals: usize,
    /// How many times a dollar's price its prices are.
    rate: i64,
}

const fn land(country: &'static str, currency: &'static str, decimals: usize, rate: i64) -> Land {
    Land { country, currency, decimals, rate }
}

static LANDS: [Land; 9] = [
    land("US", "USD", 2, 1),
    land("DE", "EUR", 2, 1),
    land("JP", "JPY", 0, 110),
    land("GB", "GBP", 2, 1),
    land("KR", "KRW", 0, 1_200),
    land("ID", "IDR", 2, 14_000),
    land("CO", "COP", 2, 3_900),
    land("BR", "BRL", 2, 5),
    land("IN", "INR", 2, 75),
];

/// What is sold.
#[derive(Debug)]
struct Item {
    app: &'static str,
    /// Empty where the app itself is sold.
    sku: &'static str,
    title: &'static str,
    item_type: &'static str,
    cents: i64,
}

const fn item(app: &'static str, sku: &'static str, title: &'static str, cents: i64) -> Item {
    let item_type = if sku.is_empty() { "paidapp" } else { "inapp" };
    Item { app, sku, title, item_type, cents }
}

static ITEMS: [Item; 7] = [
    item("com.example.chess", "gold", "100 Coins, shiny (Chess)", 199),
    item("com.example.chess", "premium", "The \"Best\" Chess", 549),
    item("com.example.sudoku", "premium", "数独 Premium", 349),
    item("com.example.sudoku", "", "数独パズル", 99),
    Item {
        app: "com.example.notes",
        sku: "pass.monthly",
        title: "Müllers Notizen: Pass",
        item_type: "subscription",
        cents: 499,
    },
    item("com.example.notes", "", "Müllers Notizen", 2_999),
    item("com.example.notes", "gift", "Gift for a team (Notes)", 99_999),
];

/// What the engine must know of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The order's number.
    pub transaction_id: String,
    /// The instant; none where the report has no time.
    pub time: Option<Timestamp>,
    /// The day at the store.
    pub date: Date,
    /// `charge`, `refund`, `fee`, `tax` or `other`.
    pub kind: &'static str,
    /// The item's, else the app's.
    pub sku: &'static str,
    /// The app's, of an item.
    pub parent_sku: Option<&'static str>,
    /// As written.
    pub title: &'static str,
    /// As written.
    pub item_type: &'static str,
    /// As written.
    pub country: &'static str,
    /// Net.
    pub units: i64,
    /// What the buyer paid in.
    pub currency: &'static str,
    /// Net at 10⁻⁶.
    pub sales: Option<i64>,
    /// What the publisher is paid in.
    pub earnings_currency: Option<&'static str>,
    /// Net at 10⁻⁶.
    pub earnings: Option<i64>,
}

impl Fact {
    /// The columns of [`Self::texts`].
    pub const COLUMNS: [&'static str; 14] = [
        "transaction_id",
        "time",
        "date",
        "type",
        "sku",
        "parent_sku",
        "title",
        "item_type",
        "country",
        "units",
        "currency",
        "sales",
        "earnings_currency",
        "earnings",
    ];

    /// Each column as text; null is `-`.
    pub fn texts(&self) -> Vec<String> {
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let plain = |text: Option<&str>| or_null(text.map(str::to_owned));
        vec![
            self.transaction_id.clone(),
            or_null(self.time.map(|time| time.to_string())),
            self.date.to_string(),
            self.kind.to_owned(),
            self.sku.to_owned(),
            plain(self.parent_sku),
            self.title.to_owned(),
            self.item_type.to_owned(),
            self.country.to_owned(),
            self.units.to_string(),
            self.currency.to_owned(),
            or_null(self.sales.map(decimal::text)),
            plain(self.earnings_currency),
            or_null(self.earnings.map(decimal::text)),
        ]
    }
}

/// A row: what stands in the file, and what it means.
#[derive(Debug, Clone)]
pub struct Row {
    /// In the order of the newest header; a report of fewer columns leaves the last ones out.
    cells: Vec<String>,
    /// What it means.
    pub fact: Fact,
}

/// A report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The first of its month.
    pub month: Date,
    /// The header's columns.
    pub header: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Report {
    fn new(month: Date, names: &'static [&'static str], columns: usize, rows: Vec<Row>) -> Self {
        let is_newest = columns == names.len();
        let renamed = |name: &&'static str| RENAMED.iter().find(|(old, _)| is_newest && old == name);
        let named = |name| renamed(name).map_or(*name, |(_, new)| *new);
        Self { month, header: names.iter().take(columns).map(named).collect(), rows }
    }

    /// The period as file names have it: `202111`.
    pub fn period(&self) -> String {
        format!("{:04}{:02}", self.month.year(), self.month.month())
    }

    /// UTF-8, commas, line feeds, quotes only where needed.
    pub fn csv(&self) -> Vec<u8> {
        let mut out = self.header.join(",").into_bytes();
        out.push(b'\n');
        for row in &self.rows {
            for (index, cell) in row.cells.iter().take(self.header.len()).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(&mut out, cell);
            }
            out.push(b'\n');
        }
        out
    }

    /// As UTF-16LE with a byte order mark and CRLF, in the manner of the store's other reports.
    pub fn wide_csv(&self) -> Vec<u8> {
        let text = String::from_utf8(self.csv()).unwrap().replace('\n', "\r\n");
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// A zip in which the text lies under this name, cut into so many members that all have the header.
    pub fn zip(&self, name: &str, members: usize) -> Vec<u8> {
        let share = self.rows.len().div_ceil(members).max(1);
        let parts = self.rows.chunks(share).map(|rows| Self { rows: rows.to_vec(), ..self.clone() }.csv());
        let named: Vec<_> = parts.enumerate().map(|(at, text)| (format!("{at}/{name}"), text)).collect();
        let named: Vec<_> = named.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
        packing::zip(&named)
    }

    /// What the engine must answer to [`Fact::COLUMNS`], row by row.
    pub fn texts(&self) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| row.fact.texts()).collect()
    }
}

/// A sales report of so many columns.
pub fn sales(seed: u64, (year, month): (i16, i8), rows: usize, columns: usize) -> Report {
    let (month, mut rng) = begin(seed, year, month);
    let mut made: Vec<(Row, Sale)> = Vec::with_capacity(rows);
    while made.len() < rows {
        let sale = match made.len() {
            n if n > 0 && rng.chance(8) => made[rng.below(n as u64) as usize].1.taken_back(month, &mut rng),
            _ => Sale::charge(month, &mut rng),
        };
        made.push((sale.row(&mut rng), sale));
    }
    Report::new(month, &SALES, columns, made.into_iter().map(|(row, _)| row).collect())
}

fn begin(seed: u64, year: i16, month: i8) -> (Date, Rng) {
    let number = u64::from(year.unsigned_abs()) * 12 + month as u64;
    (date(year, month, 1), Rng::new(seed.wrapping_mul(0x1_0000_0001).wrapping_add(number)))
}

/// What happened, as the sales report tells it.
#[derive(Debug, Clone)]
struct Sale {
    order: String,
    at: Timestamp,
    item: &'static Item,
    land: &'static Land,
    /// Positive, at 10⁻⁶.
    price: i64,
    tax: i64,
    status: &'static str,
    kind: &'static str,
    sign: i64,
}

impl Sale {
    fn charge(month: Date, rng: &mut Rng) -> Self {
        let (item, land) = (rng.pick(&ITEMS), rng.pick_skewed(&LANDS));
        let price = priced(item, land);
        let (status, kind) = match rng.below(50) {
            0 => ("Adjusted", "other"),
            1 => ("charged", "charge"),
            _ => ("Charged", "charge"),
        };
        let tax = if rng.chance(60) { price / 5 / 10_000 * 10_000 } else { 0 };
        let at = instant_in(month, &TimeZone::UTC, rng);
        Self { order: order(item, month, rng), at, item, land, price, tax, status, kind, sign: 1 }
    }

    fn taken_back(&self, month: Date, rng: &mut Rng) -> Self {
        let status = *rng.pick(&["Refund", "Refund", "Refunded", "Partial refund", "REFUND", "Chargeback"]);
        let kind = if status == "Chargeback" { "other" } else { "refund" };
        Self { at: instant_in(month, &TimeZone::UTC, rng), status, kind, sign: -1, ..self.clone() }
    }

    fn row(&self, rng: &mut Rng) -> Row {
        let amount = |micros: i64| grouped(micros, self.land.decimals);
        let at = self.at.to_zoned(TimeZone::UTC);
        let has_time = !rng.chance(2);
        let fact = Fact {
            time: has_time.then_some(self.at),
            date: at.date(),
            kind: self.kind,
            units: self.sign,
            sales: Some(self.price * self.sign),
            ..fact(&self.order, self.item, self.land)
        };
        let stamp = if has_time { self.at.as_second().to_string() } else { String::new() };
        let plan = if self.item.item_type == "subscription" { "p1m" } else { "" };
        let cells: [&str; 27] = [
            &self.order,
            &at.date().to_string(),
            &stamp,
            self.status,
            *rng.pick(&["pixel", "C6603", ""]),
            self.item.title,
            self.item.app,
            self.item.item_type,
            self.item.sku,
            self.land.currency,
            &amount(self.price),
            &amount(self.tax * self.sign),
            &amount((self.price + self.tax) * self.sign),
            "Springfield, North",
            "ST",
            "00001",
            self.land.country,
            plan,
            "",
            "4994392072746424206",
            "Yes",
            "",
            "",
            "",
            "",
            "",
            *rng.pick(&["", "PLAY"]),
        ];
        Row { cells: cells.map(str::to_owned).to_vec(), fact }
    }
}

/// An earnings report of so many columns.
pub fn earnings(seed: u64, (year, month): (i16, i8), orders: usize, columns: usize) -> Report {
    let (month, mut rng) = begin(seed, year, month);
    let mut rows = Vec::with_capacity(orders * 3);
    let is_newest = columns == EARNINGS.len();
    for _ in 0..orders {
        let order = Order::new(month, is_newest, &mut rng);
        order.rows(&mut rng, &mut rows);
    }
    Report::new(month, &EARNINGS, columns, rows)
}

/// What happened, as the earnings report tells it.
#[derive(Debug)]
struct Order {
    number: String,
    at: Zoned,
    item: &'static Item,
    land: &'static Land,
    item_type: &'static str,
    /// What the buyer paid and what that is in the merchant's currency, at 10⁻⁶.
    paid: i64,
    earned: i64,
    month: Date,
}

impl Order {
    fn new(month: Date, is_newest: bool, rng: &mut Rng) -> Self {
        let (item, land) = (rng.pick(&ITEMS), rng.pick_skewed(&LANDS));
        let paid = priced(item, land);
        let item_type = match (is_newest, item.item_type) {
            (true, other) => other,
            (false, "paidapp") => "0",
            (false, _) => "1",
        };
        let pacific = TimeZone::get("America/Los_Angeles").unwrap();
        Self {
            number: order(item, month, rng),
            at: instant_in(month, &pacific, rng).to_zoned(pacific),
            item,
            land,
            item_type,
            paid,
            earned: item.cents * (8_000 + rng.below(500) as i64) / 10_000 * (UNIT / 100),
            month,
        }
    }

    /// A charge and its fee; now and then taxes withheld, or all of it given back.
    fn rows(&self, rng: &mut Rng, rows: &mut Vec<Row>) {
        rows.push(self.row("Charge", self.paid, self.earned, rng));
        let fee = |amount: i64| amount * 15 / 100 / 10_000 * 10_000;
        if rng.chance(90) {
            rows.push(self.row("Google fee", -fee(self.paid), -fee(self.earned), rng));
        }
        if rng.chance(10) {
            // The same order, type and time twice, and then given back in part.
            for part in [30, 20] {
                let tax = |amount: i64| amount / part / 10_000 * 10_000;
                rows.push(self.row("Tax", -tax(self.paid), -tax(self.earned), rng));
                rows.push(self.row("Tax", -tax(self.paid), -tax(self.earned), rng));
                rows.push(self.row("Tax refund", tax(self.paid), tax(self.earned), rng));
            }
        }
        if rng.chance(3) {
            rows.push(self.row("Adjustment", -self.paid, -self.earned, rng));
        }
        if rng.chance(6) {
            let at = instant_in(self.month, self.at.time_zone(), rng).to_zoned(self.at.time_zone().clone());
            let back = Self { at, number: self.number.clone(), ..*self };
            rows.push(back.row("Charge refund", -self.paid, -self.earned, rng));
            rows.push(back.row("Google fee refund", fee(self.paid), fee(self.earned), rng));
        }
    }

    fn row(&self, kind: &'static str, paid: i64, earned: i64, rng: &mut Rng) -> Row {
        let (ty, units) = match kind {
            "Charge" => ("charge", 1),
            "Charge refund" => ("refund", -1),
            "Google fee" | "Google fee refund" => ("fee", 0),
            "Adjustment" => ("other", 0),
            _ => ("tax", 0),
        };
        let time = self.time(rng);
        let fact = Fact {
            time: (!time.is_empty()).then(|| self.at.timestamp()),
            date: self.at.date(),
            kind: ty,
            item_type: self.item_type,
            units,
            sales: (units != 0).then_some(paid),
            earnings_currency: Some("EUR"),
            earnings: Some(earned),
            ..fact(&self.number, self.item, self.land)
        };
        let cells: [&str; 26] = [
            &self.number,
            &self.at.strftime("%b %-d, %Y").to_string(),
            &time,
            if ty == "tax" { "Brazil IRRF Withholding Tax" } else { "" },
            kind,
            if kind.ends_with("refund") { "Full" } else { "" },
            self.item.title,
            self.item.app,
            self.item_type,
            self.item.sku,
            "device",
            self.land.country,
            "ST",
            "00001",
            self.land.currency,
            &grouped(paid, self.land.decimals),
            "0.817650",
            "EUR",
            &grouped(earned, 2),
            "",
            "",
            "4994392072746424206",
            "Yes",
            "15",
            if ty == "fee" { "SUBSCRIPTIONS" } else { "" },
            "",
        ];
        Row { cells: cells.map(str::to_owned).to_vec(), fact }
    }

    /// The time as written: mostly with its zone, which may be left out where the clock leaves no doubt.
    fn time(&self, rng: &mut Rng) -> String {
        let local = self.at.datetime();
        let is_sure = !self.at.time_zone().to_ambiguous_timestamp(local).is_ambiguous();
        match rng.below(20) {
            0 => String::new(),
            1 if is_sure => self.at.strftime("%-I:%M:%S %p").to_string(),
            2 => self.at.strftime("%-I:%M:%S\u{202f}%p %Z").to_string(),
            3 => self.at.strftime("%H:%M:%S %Z").to_string(),
            _ => self.at.strftime("%-I:%M:%S %p %Z").to_string(),
        }
    }
}

/// What does not depend on a row's type.
fn fact(order: &str, item: &'static Item, land: &'static Land) -> Fact {
    let is_app = item.sku.is_empty();
    Fact {
        transaction_id: order.to_owned(),
        time: None,
        date: Date::ZERO,
        kind: "",
        sku: if is_app { item.app } else { item.sku },
        parent_sku: (!is_app).then_some(item.app),
        title: item.title,
        item_type: item.item_type,
        country: land.country,
        units: 0,
        currency: land.currency,
        sales: None,
        earnings_currency: None,
        earnings: None,
    }
}

fn priced(item: &Item, land: &Land) -> i64 {
    let price = item.cents * (UNIT / 100) * land.rate;
    if land.decimals == 0 { price / UNIT * UNIT } else { price }
}

/// An order's number: 16 digits before 2015, the number of the renewal behind a subscription's.
fn order(item: &Item, month: Date, rng: &mut Rng) -> String {
    let mut digits = |bound: u64| rng.below(bound);
    if month.year() < 2015 {
        return format!("{:016}", digits(10_000_000_000_000_000));
    }
    let [a, b, c] = [digits(10_000), digits(10_000), digits(10_000)];
    let number = format!("GPA.{a:04}-{b:04}-{c:04}-{:05}", digits(100_000));
    if item.item_type == "subscription" { format!("{number}..{}", digits(24)) } else { number }
}

/// An instant of the month by this clock; often close to midnight or, in months that have one, to a clock change.
fn instant_in(month: Date, zone: &TimeZone, rng: &mut Rng) -> Timestamp {
    let first = month.to_zoned(zone.clone()).unwrap().timestamp().as_second();
    let next = month.checked_add(1.month()).unwrap().to_zoned(zone.clone()).unwrap().timestamp().as_second();
    let within = |rng: &mut Rng, around: i64, seconds: u64| {
        (around - seconds as i64 + rng.below(2 * seconds) as i64).clamp(first, next - 1)
    };
    let change = zone.following(Timestamp::from_second(first).unwrap()).next();
    let change = change.map(|change| change.timestamp().as_second()).filter(|&change| change < next);
    let second = match (rng.below(10), change) {
        (0, _) => within(rng, first, 3),
        (1, _) => within(rng, next, 3),
        (2, _) => {
            let day = 1 + rng.below(month.days_in_month() as u64 - 1) as i64;
            let midnight = month.checked_add(day.days()).unwrap().to_zoned(zone.clone()).unwrap();
            within(rng, midnight.timestamp().as_second(), 60)
        }
        (3 | 4, Some(change)) => within(rng, change, 7_200),
        _ => first + rng.below((next - first) as u64) as i64,
    };
    Timestamp::from_second(second).unwrap()
}

/// An amount with its thousands separated: `-17,500.00`.
fn grouped(micros: i64, decimals: usize) -> String {
    let mut plain = Vec::new();
    decimal::write(&mut plain, micros, decimals);
    let plain = String::from_utf8(plain).unwrap();
    let (sign, number) = plain.strip_prefix('-').map_or(("", plain.as_str()), |number| ("-", number));
    let (whole, fraction) = number.find('.').map_or((number, ""), |at| number.split_at(at));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_report() {
        assert_eq!(sales(3, (2021, 11), 200, 19).csv(), sales(3, (2021, 11), 200, 19).csv());
        assert_ne!(sales(3, (2021, 11), 200, 19).csv(), sales(4, (2021, 11), 200, 19).csv());
        assert_eq!(earnings(3, (2021, 11), 200, 19).csv(), earnings(3, (2021, 11), 200, 19).csv());
    }

    #[test]
    fn thousands_are_separated() {
        for (micros, decimals, text) in [
            (17_500 * UNIT, 2, "17,500.00"),
            (-17_500 * UNIT, 2, "-17,500.00"),
            (-500 * UNIT, 0, "-500"),
            (1_234_567 * UNIT, 0, "1,234,567"),
            (0, 2, "0.00"),
        ] {
            assert_eq!(grouped(micros, decimals), text);
        }
    }

    #[test]
    fn everything_a_report_can_hold_occurs() {
        let facts = |report: Report| report.rows.into_iter().map(|row| row.fact).collect::<Vec<_>>();
        let sold = facts(sales(1, (2021, 11), 5_000, 27));
        let any = |facts: &[Fact], test: &dyn Fn(&Fact) -> bool| facts.iter().any(test);
        assert!(any(&sold, &|fact| fact.kind == "refund" && fact.sales < Some(-17_000 * UNIT)));
        assert!(any(&sold, &|fact| fact.kind == "other" && fact.units == -1));
        assert!(
            any(&sold, &|fact| fact.transaction_id.contains("..")) && any(&sold, &|fact| fact.time.is_none())
        );
        assert!(any(&sold, &|fact| fact.parent_sku.is_none()) && any(&sold, &|fact| fact.currency == "IDR"));
        let earned = facts(earnings(1, (2021, 11), 5_000, 26));
        for kind in ["charge", "refund", "fee", "tax", "other"] {
            assert!(any(&earned, &|fact| fact.kind == kind), "{kind}");
        }
        // The clocks go back at 2021-11-07 09:00 UTC: both 01:30s of that night occur.
        let at = |fact: &Fact| fact.time.map_or(0, |time| time.as_second());
        let change = "2021-11-07T09:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert!(any(&earned, &|fact| (change - 3_600..change).contains(&at(fact))));
        assert!(any(&earned, &|fact| (change..change + 3_600).contains(&at(fact))));
    }
}
