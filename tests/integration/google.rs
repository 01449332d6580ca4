//! Google Play's reports: whatever is generated is read back exactly, archives are parts or stand for their month, and
//! the two kinds of report are never added up.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tillroll_core::{ErrorKind, ImportOptions};
use tillroll_tests::google::{EARNINGS_GENERATIONS, Fact, Report, SALES_GENERATIONS, earnings, sales};
use tillroll_tests::packing;

use crate::dsl::{Shop, money, store_account};

fn shop() -> Shop {
    Shop::of_store("google_play")
}

fn all_rows(shop: &Shop) -> Vec<Vec<String>> {
    shop.scan(json!({"columns": Fact::COLUMNS}))
}

/// `kind period/part: rows` of every report.
fn reports(shop: &Shop) -> Vec<String> {
    let imports = shop.db.sales().imports(None).unwrap();
    let one = |one: &tillroll_core::Import| format!("{} {}/{}: {}", one.kind, one.period, one.part, one.rows);
    let mut found: Vec<_> = imports.iter().map(one).collect();
    found.sort();
    found
}

/// Imports a file into an empty shop and compares every row.
fn reads_back(name: &str, bytes: &[u8], report: &Report) {
    let shop = shop();
    let done = shop.import(&[shop.file(name, bytes)]);
    assert_eq!((done.rows, done.rejected), (report.rows.len() as u64, 0), "{name}");
    for (row, (found, expected)) in all_rows(&shop).iter().zip(report.texts()).enumerate() {
        assert_eq!(found, &expected, "{name}, row {row}");
    }
}

#[test]
fn generated_sales_read_back() {
    for (seed, columns) in (1..).zip(SALES_GENERATIONS) {
        for month in [(2013, 5), (2021, 11), (2024, 2), (2025, 12)] {
            let report = sales(seed, month, 150, columns);
            let inner = format!("salesreport_{}.csv", report.period());
            reads_back(&inner, &report.csv(), &report);
            reads_back(&format!("salesreport_{}.zip", report.period()), &report.zip(&inner, 3), &report);
        }
    }
}

#[test]
fn generated_earnings_read_back() {
    for (seed, columns) in (1..).zip(EARNINGS_GENERATIONS) {
        // The clocks of California go forward in March and back in November.
        for month in [(2021, 3), (2021, 6), (2021, 11), (2024, 12)] {
            let report = earnings(seed, month, 100, columns);
            let inner = format!("PlayApps_{}.csv", report.period());
            reads_back(&inner, &report.csv(), &report);
            reads_back(&inner, &report.wide_csv(), &report);
            let name = format!("earnings_{}_4711-1.zip", report.period());
            reads_back(&name, &report.zip(&inner, 2), &report);
        }
    }
}

#[test]
fn every_archive_of_earnings_is_a_part() {
    let shop = shop();
    let (one, two) = (earnings(1, (2021, 6), 40, 19), earnings(2, (2021, 6), 30, 19));
    let inner = "PlayApps_202106.csv";
    let rows = |report: &Report| report.rows.len();
    let first = shop.file("earnings_202106_123-4.zip", one.zip(inner, 1));
    let second = shop.file("earnings_202106_123-5.zip", two.zip(inner, 1));
    let done = shop.import(&[first.clone(), second.clone()]);
    assert_eq!((done.rows, done.replaced), ((rows(&one) + rows(&two)) as u64, 0));
    let stored = |first: usize, second: usize| {
        vec![
            format!("google-earnings 2021-06/earnings_202106_123-4: {first}"),
            format!("google-earnings 2021-06/earnings_202106_123-5: {second}"),
        ]
    };
    assert_eq!(reports(&shop), stored(rows(&one), rows(&two)));
    assert_eq!(shop.import(&[first, second]).unchanged, 2);
    // A copy that a browser named is the same part, with other bytes a later version of it.
    let three = earnings(3, (2021, 6), 20, 19);
    let copy = shop.file("earnings_202106_123-4 (1).zip", three.zip(inner, 1));
    assert_eq!(shop.import(&[copy]).replaced, 1);
    assert_eq!(reports(&shop), stored(rows(&three), rows(&two)));
    let expected = [three.texts(), two.texts()].concat();
    let sorted = |mut rows: Vec<Vec<String>>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(all_rows(&shop)), sorted(expected));
}

#[test]
fn an_archive_of_sales_stands_for_its_month() {
    let shop = shop();
    for (seed, rows) in [(1, 50), (2, 80), (3, 20)] {
        let report = sales(seed, (2021, 11), rows, 19);
        let name = "salesreport_202111.zip";
        shop.import(&[shop.file(name, report.zip("salesreport_202111.csv", 1))]);
        assert_eq!(reports(&shop), [format!("google-sales 2021-11/0: {rows}")]);
        assert_eq!(all_rows(&shop), report.texts());
    }
}

#[test]
fn two_files_of_one_month_of_sales_are_a_dispute() {
    let shop = shop();
    let paths = [(1, "salesreport_202111.zip"), (2, "salesreport_202111 (1).zip")].map(|(seed, name)| {
        shop.file(name, sales(seed, (2021, 11), 20, 19).zip("salesreport_202111.csv", 1))
    });
    let error = shop.import_with(&paths, &ImportOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("salesreport_202111"), "{error}");
    assert_eq!(shop.db.sales().len().unwrap(), 0);
}

#[test]
fn a_name_must_fit_the_dates() {
    let shop = shop();
    let text = sales(1, (2021, 11), 20, 19).csv();
    let error = shop.refuses(&shop.file("salesreport_202109.csv", &text));
    assert!(error.to_string().contains("2021-09") && error.to_string().contains("2021-11"), "{error}");
    shop.import(&[shop.file("report.csv", &text)]);
    assert_eq!(reports(&shop), ["google-sales 2021-11/0: 20"]);
}

type Money = Option<i64>;

/// Rows, units, sales and earnings by two keys.
#[derive(Default)]
pub struct Sums(BTreeMap<[String; 2], (u64, i64, [Money; 2])>);

impl Sums {
    pub const MEASURES: [&str; 4] = ["rows", "units", "sales", "earnings"];

    pub fn add(&mut self, key: [&str; 2], units: i64, money: [Money; 2]) {
        let sum = self.0.entry(key.map(str::to_owned)).or_default();
        (sum.0, sum.1) = (sum.0 + 1, sum.1 + units);
        for (sum, value) in sum.2.iter_mut().zip(money) {
            *sum = value.map(|value| sum.unwrap_or(0) + value).or(*sum);
        }
    }

    /// The rows of a report by both keys with these measures.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let text = |sum: &Money| sum.map_or("-".to_owned(), |sum| money(i128::from(sum)));
        let row = |([a, b], (rows, units, sums)): (&[String; 2], &(u64, i64, [Money; 2]))| {
            let counts = [a.clone(), b.clone(), rows.to_string(), units.to_string()];
            counts.into_iter().chain(sums.iter().map(text)).collect()
        };
        self.0.iter().map(row).collect()
    }
}

#[test]
fn fees_and_taxes_are_earnings_and_nothing_else() {
    let report = earnings(5, (2021, 6), 400, 19);
    let shop = shop();
    shop.import(&[shop.file("PlayApps_202106.csv", report.csv())]);
    let facts: Vec<&Fact> = report.rows.iter().map(|row| &row.fact).collect();
    let mut sums = Sums::default();
    for fact in &facts {
        sums.add([fact.kind, fact.currency], fact.units, [fact.sales, fact.earnings]);
    }
    let found = shop.report(json!({"by": ["type", "currency"], "measures": Sums::MEASURES}));
    assert_eq!(found, sums.rows());
    assert!(
        found
            .iter()
            .filter(|row| row[0] == "fee" || row[0] == "tax")
            .all(|row| row[3] == "0" && row[4] == "-")
    );
    // From the totals of the report as from its rows, which a SKU in the question makes necessary.
    let sum = |kind: &str| facts.iter().filter(|fact| fact.kind == kind).map(|fact| fact.units).sum::<i64>();
    let (sold, back) = (sum("charge"), -sum("refund"));
    assert!(sold > 0 && back > 0);
    let counts = [sold - back, sold, back, sold - back].map(|count| count.to_string());
    let measures = json!(["units", "gross_units", "refund_units", "all_units"]);
    assert_eq!(shop.report(json!({"measures": measures})), std::slice::from_ref(&counts));
    let skus: Vec<&str> = facts.iter().map(|fact| fact.sku).collect();
    assert_eq!(shop.report(json!({"measures": measures, "sku": skus})), [counts]);
    let none = json!({"measures": measures, "type": ["fee", "tax", "other"]});
    assert_eq!(shop.report(none), [["0"; 4]]);
}

fn both_kinds() -> Shop {
    let shop = shop();
    shop.import(&[
        shop.file("salesreport_202111.csv", sales(1, (2021, 11), 60, 19).csv()),
        shop.file("PlayApps_202106.csv", earnings(1, (2021, 6), 40, 19).csv()),
    ]);
    shop
}

fn is_refused(shop: &Shop, query: Json) {
    let error = shop.report_error(query.clone());
    assert_eq!(error.kind(), ErrorKind::Validation, "{query}: {error}");
    assert!(error.to_string().starts_with("kind: google-sales and google-earnings"), "{query}: {error}");
}

#[test]
fn sales_and_earnings_of_one_order_are_never_added() {
    let shop = both_kinds();
    for query in [
        json!({}),
        json!({"by": ["month", "currency"], "measures": ["units", "sales"]}),
        json!({"by": "sku"}),
        json!({"store": "google_play", "measures": "rows"}),
        json!({"sku": "gold"}),
        json!({"type": "charge"}),
        json!({"start": "2021-06-01", "end": "2021-12-01"}),
        json!({"kind": ["google-sales", "google-earnings"]}),
    ] {
        is_refused(&shop, query);
    }
    let by_kind = shop.report(json!({"by": "kind", "measures": "rows"}));
    assert_eq!(by_kind[0][0], "google-earnings");
    assert_eq!(by_kind[1], ["google-sales", "60"]);
    assert_eq!(shop.report(json!({"kind": "google-sales", "measures": "rows"})), [["60"]]);
    // Where only one of the two has rows that are meant, there is nothing to choose.
    for query in [
        json!({"period": "2021-11", "measures": "rows"}),
        json!({"start": "2021-11-01", "measures": "rows"}),
        json!({"end": "2021-12-01", "start": "2021-07-01", "measures": "rows"}),
    ] {
        assert_eq!(shop.report(query.clone()), [["60"]], "{query}");
    }
    shop.report(json!({"type": ["fee", "tax"], "by": "currency", "measures": "earnings"}));
    assert_eq!(shop.report(json!({"store": "amazon", "measures": "rows"})), [["0"]]);
}

#[test]
fn a_month_without_rows_is_no_second_kind() {
    let shop = shop();
    let empty = Report { rows: Vec::new(), ..earnings(1, (2021, 11), 1, 19) };
    shop.import(&[
        shop.file("salesreport_202111.csv", sales(1, (2021, 11), 60, 19).csv()),
        shop.file("PlayApps_202111.csv", empty.csv()),
    ]);
    assert_eq!(shop.report(json!({"measures": "rows"})), [["60"]]);
}

#[test]
fn the_account_must_be_googles() {
    let shop = Shop::new();
    let path = shop.file("salesreport_202111.csv", sales(1, (2021, 11), 10, 19).csv());
    let error = shop.refuses(&path);
    assert!(error.to_string().contains("is a report of google-sales; the account is amazon's"), "{error}");
    let google = store_account(&shop.db, "Play", "google");
    let done = shop.db.sales().import(&[path.to_str().unwrap()], google, &ImportOptions::default()).unwrap();
    assert_eq!(done.rows, 10);
}

#[test]
fn apps_are_the_parents_of_their_items() {
    let shop = shop();
    shop.import(&[shop.file("salesreport_202111.csv", sales(1, (2021, 11), 300, 27).csv())]);
    let product = |sku: &str| shop.db.products().get_by_store("google", sku).unwrap();
    assert_eq!(product("pass.monthly").parent_id, Some(product("com.example.notes").id));
    assert_eq!(product("com.example.notes").parent_id, None);
}

#[test]
fn zips_that_hold_something_else_beside_are_refused() {
    let shop = shop();
    let zip = packing::zip(&[
        ("salesreport_202111.csv", &sales(1, (2021, 11), 10, 19).csv()),
        ("installs_202111.csv", b"Date,Package Name,Daily Device Installs\n2021-11-01,com.example.chess,3\n"),
    ]);
    let error = shop.refuses(&shop.file("all_202111.zip", zip));
    assert!(error.to_string().contains("this is a Google Play statistics report"), "{error}");
}
