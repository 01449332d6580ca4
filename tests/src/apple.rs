//! Apple's summary sales reports with known contents.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use crate::decimal;
use crate::packing::Packing;
use crate::rng::Rng;

/// What a column of a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the report's columns")]
pub enum Field {
    Sku,
    Developer,
    Title,
    Version,
    Code,
    Units,
    Proceeds,
    Begin,
    End,
    Currency,
    Country,
    ProceedsCurrency,
    AppleId,
    Price,
    Promo,
    Parent,
    Subscription,
    Term,
    Category,
    Device,
    /// The same text in every row.
    Constant(&'static str),
}

/// A report's columns, each with its name in the header.
pub type Columns = Vec<(Field, &'static str)>;

/// The 27 columns of 2009.
pub fn columns_of_2009() -> Columns {
    use Field::*;
    let blank = Constant(" ");
    vec![
        (Constant("APPLE"), "Provider"),
        (Constant("US"), "Provider Country"),
        (Sku, "Vendor Identifier"),
        (blank, "UPC"),
        (blank, "ISRC"),
        (Developer, "Artist / Show"),
        (Title, "Title / Episode / Season"),
        (blank, "Label/Studio/Network"),
        (Code, "Product Type Identifier"),
        (Units, "Units"),
        (Proceeds, "Royalty Price"),
        (Begin, "Begin Date"),
        (End, "End Date"),
        (Currency, "Customer Currency"),
        (Country, "Country Code"),
        (ProceedsCurrency, "Royalty Currency"),
        (blank, "Preorder"),
        (blank, "Season Pass"),
        (blank, "ISAN"),
        (AppleId, "Apple Identifier"),
        (Price, "Customer Price"),
        (blank, "CMA"),
        (blank, "Asset/Content Flavor"),
        (blank, "Vendor Offer Code"),
        (blank, "Grid"),
        (Promo, "Promo Code"),
        (Parent, "Parent Identifier"),
    ]
}

/// Today's 28 columns.
pub fn columns_today() -> Columns {
    use Field::*;
    let blank = Constant(" ");
    vec![
        (Constant("APPLE"), "Provider"),
        (Constant("US"), "Provider Country"),
        (Sku, "SKU"),
        (Developer, "Developer"),
        (Title, "Title"),
        (Version, "Version"),
        (Code, "Product Type Identifier"),
        (Units, "Units"),
        (Proceeds, "Developer Proceeds"),
        (Begin, "Begin Date"),
        (End, "End Date"),
        (Currency, "Customer Currency"),
        (Country, "Country Code"),
        (ProceedsCurrency, "Currency of Proceeds"),
        (AppleId, "Apple Identifier"),
        (Price, "Customer Price"),
        (Promo, "Promo Code"),
        (Parent, "Parent Identifier"),
        (Subscription, "Subscription"),
        (Term, "Period"),
        (Category, "Category"),
        (Constant(""), "CMB"),
        (Device, "Device"),
        (Constant("iOS"), "Supported Platforms"),
        (blank, "Proceeds Reason"),
        (blank, "Preserved Pricing"),
        (blank, "Client"),
        (blank, "Order Type"),
    ]
}

/// The four generations: 27, 20, 22 and 28 columns.
pub fn generations() -> [Columns; 4] {
    let first = |count| columns_today().into_iter().take(count).collect();
    [columns_of_2009(), first(20), first(22), columns_today()]
}

/// What a report covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One day.
    Day(Date),
    /// The week of a day, Monday to Sunday.
    Week(Date),
    /// The month of a day.
    Month(Date),
    /// The year of a day.
    Year(Date),
}

impl Span {
    /// Its first day.
    pub fn first(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Week(day) => day.tomorrow().unwrap().nth_weekday(-1, Weekday::Monday).unwrap(),
            Self::Month(day) => day.first_of_month(),
            Self::Year(day) => day.first_of_year(),
        }
    }

    /// Its last day.
    pub fn last(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Week(_) => self.first() + 6.days(),
            Self::Month(day) => day.last_of_month(),
            Self::Year(day) => day.last_of_year(),
        }
    }

    /// The period as Tillroll writes it.
    pub fn period(self) -> String {
        let (first, week) = (self.first(), self.first().iso_week_date());
        match self {
            Self::Day(day) => day.to_string(),
            Self::Week(_) => format!("{:04}-W{:02}", week.year(), week.week()),
            Self::Month(_) => format!("{:04}-{:02}", first.year(), first.month()),
            Self::Year(_) => format!("{:04}", first.year()),
        }
    }

    /// The name such a report comes under, without what stands for its container.
    pub fn file_name(self) -> String {
        let (letter, day) = match self {
            Self::Day(day) => ('D', day.strftime("%Y%m%d").to_string()),
            Self::Week(_) => ('W', self.last().strftime("%Y%m%d").to_string()),
            Self::Month(day) => ('M', day.strftime("%Y%m").to_string()),
            Self::Year(day) => ('Y', day.strftime("%Y").to_string()),
        };
        format!("S_{letter}_85000000_{day}.txt")
    }
}

/// Something that is sold, at the price of one unit in dollars and 10⁻⁶.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// The vendor's key.
    pub sku: &'static str,
    /// The app's SKU, of an in-app item.
    pub parent: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Product Type Identifiers it is sold under.
    pub codes: &'static [&'static str],
    /// A subscription's.
    pub term: &'static str,
    /// The price of one unit.
    pub price: i64,
}

const APP_CODES: &[&str] = &["1", "1F", "1T", "F1", "1E"];

static ITEMS: [Item; 9] = [
    Item { sku: "chess", parent: "", title: "Chess \"Pro\"", codes: APP_CODES, term: "", price: 0 },
    Item { sku: "notes.1", parent: "", title: "\"Notes", codes: APP_CODES, term: "", price: 990_000 },
    Item {
        sku: "numbers",
        parent: "",
        title: "数独, パズル",
        codes: &["1-B", "F1-B"],
        term: "",
        price: 4_990_000,
    },
    Item {
        sku: "chess.coins",
        parent: "chess",
        title: "100 Coins",
        codes: &["IA1", "FI1", "IA1-M"],
        term: "",
        price: 1_990_000,
    },
    Item { sku: "chess.pass", parent: "chess", title: "Pass", codes: &["IA9"], term: "", price: 9_990_000 },
    Item {
        sku: "chess.week",
        parent: "chess",
        title: "Weekly",
        codes: &["IAY"],
        term: "7 Days",
        price: 2_990_000,
    },
    Item {
        sku: "notes.year",
        parent: "notes.1",
        title: "Yearly",
        codes: &["IAY", "IAY-M"],
        term: "1 Year",
        price: 29_990_000,
    },
    Item {
        sku: "notes.month",
        parent: "notes.1",
        title: "Monthly",
        codes: &["IAC"],
        term: "1 Month",
        price: 3_000_000,
    },
    Item { sku: "notes.old", parent: "notes.1", title: "Was bought", codes: &["IA3"], term: "", price: 0 },
];

/// Country, currency, the currency of the proceeds and how many times a dollar's price its prices are.
static STORES: [(&str, &str, &str, i64); 7] = [
    ("US", "USD", "USD", 1),
    ("DE", "EUR", "EUR", 1),
    ("RU", "RUB", "RUB", 100),
    ("JP", "JPY", "JPY", 100),
    ("KE", "USD", "USD", 1),
    ("GB", "GBP", "GBP", 1),
    ("AM", "USD", "EUR", 1),
];

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `0.70`.
    Usual,
    /// `.70`.
    Bare,
    /// `.700`.
    Long,
    /// `0`, `.7`.
    Short,
}

/// One row, as it is written. Amounts are of one unit, at 10⁻⁶; `None` is written blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What was sold.
    pub item: &'static Item,
    /// Under which code.
    pub code: &'static str,
    /// How many.
    pub units: i64,
    /// The buyer's price.
    pub price: Option<i64>,
    /// What is left of it.
    pub proceeds: Option<i64>,
    /// How both are written.
    pub style: Style,
    /// Where: a place in the list of stores.
    store: usize,
    /// What the columns that Tillroll does not interpret are made from, and how the row ends.
    extra: u64,
}

/// A row as it is to be understood, in the plainest arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// `type`.
    pub kind: &'static str,
    /// Units, whatever the type.
    pub units: i128,
    /// At 10⁻⁶.
    pub sales: Option<i128>,
    /// At 10⁻⁶.
    pub earnings: Option<i128>,
    /// The buyer's currency.
    pub currency: &'static str,
    /// The currency of the proceeds.
    pub earnings_currency: Option<&'static str>,
}

impl Row {
    /// Reads the row by the store's rules.
    pub fn fact(&self) -> Fact {
        let units = i128::from(self.units);
        let has_money = [self.price, self.proceeds].into_iter().flatten().any(|each| each != 0);
        let kind = match self.code {
            _ if units < 0 => "refund",
            "3" | "3F" => "redownload",
            "7" | "7F" | "7T" | "F7" => "update",
            "IA3" => "restore",
            "X1" if has_money => "other",
            "X1" => "update",
            _ => "charge",
        };
        Fact {
            kind,
            units,
            sales: self.price.map(|each| units * i128::from(each.abs())),
            earnings: self.proceeds.map(|each| units * i128::from(each)),
            currency: STORES[self.store].1,
            earnings_currency: self.earnings_currency(),
        }
    }

    fn earnings_currency(&self) -> Option<&'static str> {
        let is_blank = self.proceeds == Some(0) && self.extra.is_multiple_of(3);
        (!is_blank).then_some(STORES[self.store].2)
    }

    /// The buyer's country.
    pub fn country(&self) -> &'static str {
        STORES[self.store].0
    }

    /// The text of a field as it is written.
    pub fn text(&self, field: Field, span: Span) -> String {
        let pick = |texts: &[&str]| texts[self.extra as usize % texts.len()].to_owned();
        let or_blank = |text: &str| if text.is_empty() { " ".to_owned() } else { text.to_owned() };
        match field {
            Field::Sku => pick(&[self.item.sku, self.item.sku, &format!("{} ", self.item.sku)]),
            Field::Developer => or_blank(if self.item.parent.is_empty() { "Some, \"Dev\"" } else { "" }),
            Field::Title => self.item.title.to_owned(),
            Field::Version => pick(&["2.2.2", "2.0", " "]),
            Field::Code => self.code.to_owned(),
            Field::Units if self.extra % 5 == 1 => format!("{}.00", self.units),
            Field::Units => self.units.to_string(),
            Field::Proceeds => amount(self.proceeds, self.style),
            Field::Begin => self.date(span.first()),
            Field::End => self.date(span.last()),
            Field::Currency => STORES[self.store].1.to_owned(),
            Field::Country => self.country().to_owned(),
            Field::ProceedsCurrency => or_blank(self.earnings_currency().unwrap_or_default()),
            Field::AppleId => (335_060_000 + u64::from(self.item.price as u32 / 10_000)).to_string(),
            Field::Price => amount(self.price, self.style),
            Field::Promo => pick(&[" ", " ", " ", "EDU", "GP", "CR-RW"]),
            Field::Parent => or_blank(self.item.parent),
            Field::Subscription => or_blank(if self.item.term.is_empty() { "" } else { "Renewal" }),
            Field::Term => or_blank(self.item.term),
            Field::Category => pick(&["Games", "Lifestyle", "Social Networking"]),
            Field::Device => pick(&["iPhone", "iPad", "Desktop"]),
            Field::Constant(text) => text.to_owned(),
        }
    }

    fn date(&self, day: Date) -> String {
        let short = format!("{}/{}/{:02}", day.month(), day.day(), day.year() % 100);
        if self.extra.is_multiple_of(7) { short } else { day.strftime("%m/%d/%Y").to_string() }
    }
}

fn amount(micros: Option<i64>, style: Style) -> String {
    let Some(micros) = micros else { return " ".to_owned() };
    let mut out = Vec::new();
    let decimals = match style {
        Style::Usual | Style::Bare => 2,
        Style::Long => 3,
        Style::Short => 0,
    };
    decimal::write(&mut out, micros, decimals);
    let text = String::from_utf8(out).unwrap();
    let is_small = style != Style::Usual && micros.abs() < decimal::UNIT && text.contains('.');
    if is_small { text.replacen("0.", ".", 1) } else { text }
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The same seed gives the same report.
    pub seed: u64,
    /// What the report covers.
    pub span: Span,
    /// How many rows.
    pub rows: usize,
    /// Which columns.
    pub columns: Columns,
}

impl Spec {
    /// So many rows with today's columns.
    pub fn new(seed: u64, span: Span, rows: usize) -> Self {
        Self { seed, span, rows, columns: columns_today() }
    }

    /// With these columns.
    pub fn columns(mut self, columns: Columns) -> Self {
        self.columns = columns;
        self
    }

    /// The report of this spec.
    pub fn generate(&self) -> Report {
        let days = (self.span.first() - date(2000, 1, 1)).get_days();
        let mut rng = Rng::new(self.seed.wrapping_mul(0x1_0000_0001).wrapping_add(days as u64));
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows);
        while rows.len() < self.rows {
            let row = match rows.len() {
                n if n > 0 && rng.chance(4) => taken_back(rows[rng.below(n as u64) as usize], &mut rng),
                // The same row again: rows may repeat on every key.
                n if n > 0 && rng.chance(2) => rows[rng.below(n as u64) as usize],
                _ => sale(&mut rng),
            };
            rows.push(row);
        }
        Report { span: self.span, columns: self.columns.clone(), rows }
    }
}

fn sale(rng: &mut Rng) -> Row {
    let item = rng.pick_skewed(&ITEMS);
    let store = rng.below(STORES.len() as u64) as usize;
    let price = item.price * STORES[store].3;
    let units = if rng.chance(60) { 1 } else { 2 + rng.below(400) as i64 };
    let style = *rng.pick(&[Style::Usual, Style::Usual, Style::Bare, Style::Long, Style::Short]);
    let extra = rng.bits();
    let (proceeds, code) = (price / 10 * 7, *rng.pick(item.codes));
    let row = Row { item, code, units, price: Some(price), proceeds: Some(proceeds), style, store, extra };
    let free = |code| Row { code, price: Some(0), proceeds: Some(0), ..row };
    match rng.below(100) {
        0..35 if item.parent.is_empty() => free(*rng.pick(&["3", "3F", "7", "7F", "7T", "F7"])),
        // An update that was paid for: Apple has had none, but its money would count.
        35 => Row { code: "7", ..row },
        36 => Row { code: "X1", ..row },
        37 => free("X1"),
        38 => Row { price: None, ..row },
        39 => Row { proceeds: None, ..row },
        _ => row,
    }
}

/// A refund, or a credit of part of the price, which takes no unit back.
fn taken_back(of: Row, rng: &mut Rng) -> Row {
    let price = of.price.map(|price| -price.abs());
    let units = if rng.chance(80) { -of.units.abs() } else { 0 };
    Row { units, price, extra: rng.bits(), ..of }
}

/// A report: its rows and how they are written.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it covers.
    pub span: Span,
    /// Its columns.
    pub columns: Columns,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Report {
    /// The report's text: UTF-8, tabs, line feeds, no quotes; some rows cut short, some with a tab too many.
    pub fn tsv(&self) -> Vec<u8> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.1).collect();
        let needed = 1 + names.iter().rposition(|name| *name == "Customer Price").unwrap();
        let mut out = names.join("\t") + "\n";
        for row in &self.rows {
            let mut cells: Vec<String> =
                self.columns.iter().map(|column| row.text(column.0, self.span)).collect();
            match row.extra % 11 {
                1 => cells.push(" ".to_owned()),
                2 => {
                    while cells.len() > needed && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
                        cells.pop();
                    }
                }
                _ => {}
            }
            out.push_str(&cells.join("\t"));
            out.push('\n');
        }
        out.into_bytes()
    }

    /// Writes it into a directory under its usual name and gives the path.
    pub fn write(&self, dir: &Path, packing: Packing) -> PathBuf {
        let name = self.span.file_name();
        let path = dir.join(match packing {
            Packing::Plain => name.clone(),
            Packing::Gzip => format!("{name}.gz"),
            Packing::Zip => format!("{name}.zip"),
        });
        fs::write(&path, packing.pack(&self.tsv(), &name)).unwrap();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Spec::new(3, Span::Day(date(2020, 10, 5)), 20_000).generate()
    }

    #[test]
    fn a_seed_gives_one_report() {
        let spec = Spec::new(3, Span::Day(date(2020, 10, 5)), 300);
        assert_eq!(spec.generate().tsv(), spec.generate().tsv());
        assert_ne!(spec.generate().tsv(), Spec { seed: 4, ..spec }.generate().tsv());
    }

    #[test]
    fn spans_have_their_days_and_names() {
        let day = date(2020, 12, 31);
        for (span, first, last, period, name) in [
            (Span::Day(day), day, day, "2020-12-31", "S_D_85000000_20201231.txt"),
            (Span::Week(day), date(2020, 12, 28), date(2021, 1, 3), "2020-W53", "S_W_85000000_20210103.txt"),
            (Span::Month(day), date(2020, 12, 1), day, "2020-12", "S_M_85000000_202012.txt"),
            (Span::Year(day), date(2020, 1, 1), day, "2020", "S_Y_85000000_2020.txt"),
        ] {
            assert_eq!((span.first(), span.last()), (first, last));
            assert_eq!((span.period().as_str(), span.file_name().as_str()), (period, name));
        }
        assert_eq!(Span::Week(date(2020, 12, 28)).first(), date(2020, 12, 28));
    }

    #[test]
    fn headers_have_their_width() {
        assert_eq!(generations().map(|columns| columns.len()), [27, 20, 22, 28]);
    }

    #[test]
    fn everything_a_report_can_hold_occurs() {
        let report = report();
        let facts: Vec<Fact> = report.rows.iter().map(Row::fact).collect();
        for kind in ["charge", "refund", "redownload", "update", "restore", "other"] {
            assert!(facts.iter().any(|fact| fact.kind == kind), "{kind}");
        }
        let any = |test: &dyn Fn(&Row) -> bool| assert!(report.rows.iter().any(test));
        any(&|row| row.units == 0 && row.price.is_some_and(|price| price < 0));
        any(&|row| row.price.is_none() && row.proceeds.is_some());
        any(&|row| row.earnings_currency().is_none());
        any(&|row| row.earnings_currency().is_some_and(|currency| currency != STORES[row.store].1));
        let text = String::from_utf8(report.tsv()).unwrap();
        for cell in ["209.30", ".693", "-.99", "-.990", "CR-RW", "10/05/2020", "10/5/20", "1.00", "notes.1 "]
        {
            assert!(text.lines().any(|line| line.split('\t').any(|found| found == cell)), "{cell}");
        }
        let widths: std::collections::BTreeSet<_> =
            text.lines().map(|line| line.split('\t').count()).collect();
        assert_eq!(widths.into_iter().collect::<Vec<_>>(), [24, 28, 29]);
    }
}
