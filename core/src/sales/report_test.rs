//! Reports over several blocks of a roll, and over several reports within one, beside the same rows summed one by one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::{Value as Json, json};

use super::test::{HEADER, Shop};
use super::*;

/// Rows of each month: the first block of the roll is full, and the second begins within a month.
const MONTHS: [(u8, usize); 4] = [(3, 65_500), (4, 24), (5, 4_000), (6, 300)];

/// A row as it is summed.
struct Sold {
    month: u8,
    day: u8,
    sku: String,
    country: Option<&'static str>,
    ty: &'static str,
    units: i64,
    cents: Option<i64>,
}

impl Sold {
    /// Types and countries come in stretches, so that some blocks lack some of them; a few rows are of a rare product.
    fn new(month: u8, row: usize) -> Self {
        let stretch = row / 10_000;
        Self {
            month,
            day: u8::try_from(row * 28 / 65_500 + 1).unwrap(),
            sku: if row % 1_009 == 7 { "rare".to_owned() } else { format!("app {}", row * 7 % 40) },
            country: [Some("DE"), Some("AT"), None][(usize::from(month) + row % 2 * stretch) % 3],
            ty: match month {
                3 => ["charge", "refund"][usize::from(row.is_multiple_of(50))],
                4 => "charge",
                _ => ["charge", "refund", "other"][row % 3],
            },
            units: i64::try_from(row % 3 + 1).unwrap(),
            cents: (!row.is_multiple_of(11)).then(|| i64::try_from(row % 1_000).unwrap()),
        }
    }

    fn line(&self, number: usize) -> String {
        let Self { month, day, sku, units, .. } = self;
        let ty = ["Charge", "Refund", "Update"]
            [["charge", "refund", "other"].iter().position(|ty| *ty == self.ty).unwrap()];
        let price = self.cents.map(|cents| format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or_default();
        let country = self.country.unwrap_or_default();
        let id = usize::from(*month) * 100_000 + number;
        format!(
            "\nAmazon.de,{country},,t{id},2018-{month:02}-{day:02} 12:00:00,{ty},,{sku},Title,,App,{units},EUR,{price},0.70"
        )
    }

    /// What an axis says of it.
    fn on(&self, by: &str) -> String {
        match by {
            "day" => format!("2018-{:02}-{:02}", self.month, self.day),
            "month" => format!("2018-{:02}-01", self.month),
            "period" => format!("2018-{:02}", self.month),
            "sku" => self.sku.clone(),
            "country" => self.country.unwrap_or("-").to_owned(),
            _ => self.ty.to_owned(),
        }
    }

    fn signed_units(&self) -> i64 {
        if self.ty == "refund" { -self.units } else { self.units }
    }
}

fn sold() -> Vec<Sold> {
    MONTHS.iter().flat_map(|&(month, rows)| (0..rows).map(move |row| Sold::new(month, row))).collect()
}

fn shop(rows: &[Sold]) -> Shop {
    let shop = Shop::with_threads(2);
    let file = |&(month, _): &(u8, usize)| {
        let mut text = HEADER.to_owned();
        let of_month = rows.iter().filter(|row| row.month == month).enumerate();
        of_month.for_each(|(number, row)| write!(text, "{}", row.line(number)).unwrap());
        let path = shop.path(&format!("sales_2018_{month:02}.csv"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files: Vec<String> = MONTHS.iter().map(file).collect();
    shop.sales.import(&files, 1, &ImportOptions::default().threads(1)).unwrap();
    shop
}

/// The values of a group on its axes, nulls behind all others.
type On = Vec<(bool, String)>;
/// Units and rows, as they are told, and the cents of sales.
type Sums = ([i64; 5], Option<i64>);

/// Net, gross, refunded and all units, rows, and sales, by the axes' values.
fn summed(rows: &[Sold], by: &[&str], wanted: impl Fn(&Sold) -> bool) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<On, Sums> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        let on = |by: &&str| (row.on(by) == "-", row.on(by));
        let (counts, sales) = groups.entry(by.iter().map(on).collect()).or_default();
        let units = row.signed_units();
        let parts = [units, units.max(0), -units.min(0), units, 1];
        counts.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        if let Some(cents) = row.cents {
            *sales = Some(sales.unwrap_or_default() + if row.ty == "refund" { -cents } else { cents });
        }
    }
    let money = |cents: i64| crate::Money::from_micros(i128::from(cents) * 10_000).to_string();
    let texts = |(on, (counts, sales)): (On, Sums)| {
        let on = on.into_iter().map(|(_, text)| text);
        on.chain(counts.map(|sum| sum.to_string())).chain([sales.map_or("-".to_owned(), money)]).collect()
    };
    groups.into_iter().map(texts).collect()
}

fn told(shop: &Shop, by: &[&str], filter: Json) -> Vec<Vec<String>> {
    let mut query = filter;
    query["by"] = json!(by);
    query["measures"] = json!(["units", "gross_units", "refund_units", "all_units", "rows", "sales"]);
    query["currency"] = json!("EUR");
    shop.report(query)
}

#[test]
fn rows_of_many_blocks_and_reports_sum_up_to_what_they_are() {
    let rows = sold();
    let shop = shop(&rows);
    let axes: [&[&str]; 8] = [
        &["country"],
        &["type"],
        &["sku", "month"],
        &["country", "sku", "month"],
        &["period", "country"],
        &["day", "country"],
        &["sku", "day", "country", "type"],
        &["country", "type", "period"],
    ];
    type Wanted = fn(&Sold) -> bool;
    let filters: [(Json, Wanted); 9] = [
        (json!({}), |_| true),
        (json!({"sku": "rare"}), |row| row.sku == "rare"),
        (json!({"sku": ["rare", "app 3"]}), |row| ["rare", "app 3"].contains(&row.sku.as_str())),
        (json!({"country": "AT"}), |row| row.country == Some("AT")),
        (json!({"country": [null]}), |row| row.country.is_none()),
        (json!({"type": "other", "sku": "rare"}), |row| row.ty == "other" && row.sku == "rare"),
        (json!({"start": "2018-03-05", "end": "2018-03-06"}), |row| row.month == 3 && row.day == 5),
        // The last block ends on the day that is not asked for any more.
        (json!({"start": "2018-05-01", "end": "2018-06-01"}), |row| row.month == 5),
        (json!({"start": "2018-03-28", "end": "2018-05-02", "country": "DE"}), |row| {
            let day = (row.month, row.day);
            ((3, 28)..(5, 2)).contains(&day) && row.country == Some("DE")
        }),
    ];
    for by in axes {
        for (filter, wanted) in &filters {
            assert_eq!(told(&shop, by, filter.clone()), summed(&rows, by, wanted), "{by:?} {filter}");
        }
    }
}

#[test]
fn an_order_with_a_limit_gives_the_first_of_all() {
    let rows = sold();
    let shop = shop(&rows);
    let by = ["sku", "country"];
    let mut all = summed(&rows, &by, |_| true);
    // What is equal stays in the order of the axes.
    all.sort_by_key(|row| std::cmp::Reverse(row[2].parse::<i64>().unwrap()));
    for limit in [1_000, 7, 1, 0] {
        all.truncate(limit);
        assert_eq!(told(&shop, &by, json!({"order_by": ["-units"], "limit": limit})), all, "{limit}");
    }
}
