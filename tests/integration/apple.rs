//! Apple's sales reports: what is written reads back, whatever the header, the period and the spelling.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, date};
use serde_json::json;
use tillroll_core::{ErrorKind, ImportOptions, Kind, PeriodState, Query};
use tillroll_tests::apple::{Columns, Fact, Field, Report, Row, Span, Spec, columns_today, generations};
use tillroll_tests::{Packing, packing};

use crate::dsl::{Shop, money};

fn shop() -> Shop {
    Shop::of_store("apple")
}

fn day() -> Date {
    date(2020, 10, 5)
}

fn or_none(sum: Option<i128>) -> String {
    sum.map_or("-".to_owned(), money)
}

/// A cell as the engine gives it back: blank is null.
fn cell(text: &str) -> String {
    if text.trim().is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// The name that the columns give a field.
fn name(columns: &Columns, field: Field) -> Option<&'static str> {
    columns.iter().find(|column| column.0 == field).map(|column| column.1)
}

/// What stands beside the standard columns as it was written.
const RAW: [Field; 8] = [
    Field::Units,
    Field::Price,
    Field::Proceeds,
    Field::Begin,
    Field::End,
    Field::AppleId,
    Field::Promo,
    Field::Developer,
];

fn scanned(shop: &Shop, columns: &Columns) -> Vec<Vec<String>> {
    let standard = ["date", "period", "type", "sku", "parent_sku", "title", "item_type", "term", "country"];
    let numbers = ["units", "currency", "sales", "earnings", "earnings_currency"];
    let null = ["time", "transaction_id", "marketplace", "invoice_id", "item_name"];
    let raw = RAW.map(|field| name(columns, field).unwrap());
    let asked = [&standard[..], &numbers, &null, &raw].concat();
    shop.scan(json!({"columns": asked}))
}

fn expected(report: &Report) -> Vec<Vec<String>> {
    let row = |row: &Row| {
        let text = |field| cell(&row.text(field, report.span));
        let term = name(&report.columns, Field::Term).map_or("-".to_owned(), |_| text(Field::Term));
        let fact = row.fact();
        let standard = [
            report.span.first().to_string(),
            report.span.period(),
            fact.kind.to_owned(),
            row.item.sku.to_owned(),
            cell(row.item.parent),
            row.item.title.to_owned(),
            row.code.to_owned(),
            term,
            row.country().to_owned(),
            fact.units.to_string(),
            fact.currency.to_owned(),
            or_none(fact.sales),
            or_none(fact.earnings),
            fact.earnings_currency.unwrap_or("-").to_owned(),
        ];
        let null = std::iter::repeat_n("-".to_owned(), 5);
        standard.into_iter().chain(null).chain(RAW.map(text)).collect()
    };
    report.rows.iter().map(row).collect()
}

#[test]
fn every_generation_and_period_reads_back() {
    let spans = [Span::Day(day()), Span::Week(day()), Span::Month(day()), Span::Year(day())];
    for (number, columns) in generations().into_iter().enumerate() {
        for (seed, span) in spans.into_iter().enumerate() {
            let seed = (number * 10 + seed) as u64;
            let report = Spec::new(seed, span, 400).columns(columns.clone()).generate();
            let shop = shop();
            let done = shop.import(&[report.write(&shop.folder(), Packing::Gzip)]);
            assert_eq!((done.rows, done.rejected), (400, 0), "seed {seed}");
            assert_eq!(scanned(&shop, &columns), expected(&report), "seed {seed}");
            assert_eq!(shop.report(json!({"by": ["kind"], "measures": ["rows"]})), [["apple-sales", "400"]]);
        }
    }
}

#[test]
fn containers_and_encodings_read_alike() {
    let report = Spec::new(1, Span::Day(day()), 300).generate();
    let text = String::from_utf8(report.tsv()).unwrap();
    let wide: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [
        text.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        text.trim_end_matches('\n').into(),
        packing::gzip(text.as_bytes()),
        packing::gzip(&wide),
        packing::zip(&[("S_D_85000000_20201005.txt", text.as_bytes())]),
        wide,
    ] {
        let shop = shop();
        shop.import(&[shop.file("report", bytes)]);
        assert_eq!(scanned(&shop, &report.columns), expected(&report));
    }
}

/// Sums in the plainest way, by currency, earnings currency and type: rows, units, all units, sales, earnings.
fn sums<'a>(facts: impl IntoIterator<Item = (&'a str, &'a str, Fact)>) -> Vec<Vec<String>> {
    type Sum = (i128, i128, Option<i128>, Option<i128>);
    let mut sums = BTreeMap::<[&str; 3], Sum>::new();
    for (currency, earnings_currency, fact) in facts {
        let sum = sums.entry([currency, earnings_currency, fact.kind]).or_default();
        sum.0 += 1;
        sum.1 += fact.units;
        let add =
            |sum: Option<i128>, value: Option<i128>| value.map(|value| sum.unwrap_or(0) + value).or(sum);
        sum.2 = add(sum.2, fact.sales);
        sum.3 = add(sum.3, fact.earnings);
    }
    let row = |([currency, earnings_currency, kind], (rows, units, sales, earnings)): ([&str; 3], Sum)| {
        let moves_no_sale = ["redownload", "update", "restore"].contains(&kind);
        let counted = if moves_no_sale { 0 } else { units };
        let measures = [rows, counted, units].map(|number| number.to_string());
        let key = [currency, earnings_currency, kind].map(str::to_owned);
        key.into_iter().chain(measures).chain([or_none(sales), or_none(earnings)]).collect()
    };
    let mut rows: Vec<Vec<String>> = sums.into_iter().map(row).collect();
    rows.sort();
    rows
}

fn reported(shop: &Shop) -> Vec<Vec<String>> {
    let measures = ["rows", "units", "all_units", "sales", "earnings"];
    let mut rows =
        shop.report(json!({"by": ["currency", "earnings_currency", "type"], "measures": measures}));
    rows.sort();
    rows
}

#[test]
fn totals_are_those_of_the_rows() {
    let reports: Vec<Report> =
        (1..=9).map(|day| Spec::new(7, Span::Day(date(2020, 10, day)), 2_000).generate()).collect();
    let mut shop = shop();
    let paths: Vec<PathBuf> =
        reports.iter().map(|report| report.write(&shop.folder(), Packing::Gzip)).collect();
    assert_eq!(shop.import(&paths).rows, 18_000);
    let fact = |row: &Row| {
        let fact = row.fact();
        (fact.currency, fact.earnings_currency.unwrap_or("-"), fact)
    };
    let expected = sums(reports.iter().flat_map(|report| &report.rows).map(fact));
    assert_eq!(reported(&shop), expected);
    let again = shop.import(&paths);
    assert_eq!((again.unchanged, again.rows), (9, 0));
    shop.reopen();
    assert_eq!(reported(&shop), expected);
    let restated = Spec::new(8, Span::Day(date(2020, 10, 4)), 100).generate();
    let done = shop.import(&[restated.write(&shop.folder(), Packing::Gzip)]);
    assert_eq!((done.rows, done.replaced), (100, 1));
    let kept = reports.iter().filter(|report| report.span != restated.span).chain([&restated]);
    assert_eq!(reported(&shop), sums(kept.flat_map(|report| &report.rows).map(fact)));
}

const COUNTRIES: [&str; 7] = ["US", "DE", "RU", "JP", "KE", "GB", "AM"];

/// Forty days, each of two countries, imported by calls so that they lie in several rolls: currencies and types differ
/// from report to report, and so do the codes that they have in each roll.
fn days_of_two_countries() -> Shop {
    let shop = shop();
    let day_of = |number: usize| {
        let span = Span::Day(day() + jiff::Span::new().days(i64::try_from(number).unwrap()));
        let mut report = Spec::new(5, span, 80).generate();
        let countries = [COUNTRIES[number * 3 % 7], COUNTRIES[number * 5 % 7]];
        report.rows.retain(|row| countries.contains(&row.country()));
        report.write(&shop.folder(), Packing::Plain)
    };
    let paths: Vec<PathBuf> = (0..40).map(day_of).collect();
    for paths in paths.chunks(15) {
        shop.import(paths);
    }
    shop
}

#[test]
fn totals_and_rows_answer_alike() {
    let shop = days_of_two_countries();
    let measures = json!(["rows", "units", "gross_units", "refund_units", "all_units", "sales", "earnings"]);
    let axes: [&[&str]; 5] = [
        &["currency", "earnings_currency"],
        &["type", "month", "earnings_currency", "currency"],
        &["period", "currency", "earnings_currency", "kind"],
        &["week", "currency", "day", "account", "earnings_currency", "store", "quarter", "year"],
        &["currency", "type"],
    ];
    let filters = [
        json!({}),
        json!({"start": "2020-10-09", "end": "2020-11-03"}),
        json!({"currency": ["EUR", "USD"], "earnings_currency": ["EUR", null]}),
        json!({"type": ["refund", "update", "restore"]}),
        json!({"earnings_currency": "JPY", "period": ["2020-10-06", "2020-10-10", "2020-11-01"]}),
    ];
    for (by, filter) in axes.iter().flat_map(|by| filters.iter().map(move |filter| (by, filter))) {
        let mut query = json!({"by": by, "measures": measures});
        query.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        // Totals know no countries: that every row passes is told by the rows.
        let mut of_rows = query.clone();
        of_rows["country"] = json!(COUNTRIES);
        let ask = |query| shop.db.sales().report(&Query::from_json(query).unwrap());
        match (ask(&query), ask(&of_rows)) {
            (Ok(totals), Ok(rows)) => assert_eq!(totals, rows, "{query}"),
            (totals, rows) => {
                assert_eq!(by.len(), 2, "{query}");
                assert_eq!(totals.unwrap_err().to_string(), rows.unwrap_err().to_string(), "{query}");
            }
        }
    }
    assert_eq!(shop.report(json!({"by": ["period"], "measures": ["rows"]})).len(), 40);
}

fn periods(shop: &Shop) -> Vec<String> {
    let mut found: Vec<_> = shop
        .db
        .sales()
        .imports(None)
        .unwrap()
        .into_iter()
        .map(|one| format!("{}/{}", one.period, one.part))
        .collect();
    found.sort();
    found
}

/// The rows name their period; the name is neither needed nor believed.
#[test]
fn rows_tell_the_period_whatever_the_name() {
    let shop = shop();
    let bytes = |span| Spec::new(1, span, 20).generate().tsv();
    shop.import(&[
        shop.file("S_D_85000000_20180101.txt", bytes(Span::Day(day()))),
        shop.file("sales_2018_03.txt", bytes(Span::Week(day()))),
        shop.file("x-00001.txt", bytes(Span::Month(day()))),
        shop.file("y", bytes(Span::Year(day()))),
    ]);
    assert_eq!(periods(&shop), ["2020-10-05/0", "2020-10/0", "2020-W41/0", "2020/0"]);
    // The same bytes under another name are the same report.
    let renamed = shop.file("S_M_85000000_201803.txt.gz", bytes(Span::Day(day())));
    assert_eq!(shop.import(&[renamed]).unchanged, 1);
    let other = shop.file("z.txt", Spec::new(2, Span::Day(day()), 5).generate().tsv());
    assert_eq!(shop.import(&[other]).replaced, 1);
    assert_eq!(periods(&shop).len(), 4);
}

#[test]
fn a_name_serves_a_file_without_rows() {
    let shop = shop();
    let header = Report { span: Span::Day(day()), columns: columns_today(), rows: Vec::new() }.tsv();
    let state = |period: &str| shop.db.sales().period_state(shop.account, Kind::AppleSales, period).unwrap();
    for (name, period) in [
        ("S_D_85000000_20201005.txt", "2020-10-05"),
        ("S_D_85000000_20201006.txt", "2020-10-06"),
        ("S_W_85000000_20201011.txt", "2020-W41"),
        ("S_M_85000000_20201001.txt", "2020-10"),
        ("S_Y_85000000_2020.txt", "2020"),
    ] {
        assert!(matches!(state(period), PeriodState::Absent));
        let done = shop.import(&[shop.file(name, &header)]);
        assert_eq!((done.files, done.rows, done.unchanged), (1, 0, 0), "{name}");
        assert!(matches!(state(period), PeriodState::Empty), "{name}");
        assert_eq!(shop.import(&[shop.file(name, &header)]).unchanged, 1);
    }
    let error = shop.refuses(&shop.file("sales_20201007.txt", &header));
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("period="), "{error}");
    // One whose rows cannot be read is no file without rows.
    let bad = String::from_utf8(Spec::new(1, Span::Day(day()), 3).generate().tsv()).unwrap();
    let bad = bad.replace("10/05/2020", "soon").replace("10/5/20", "soon");
    let error = shop.refuses(&shop.file("sales_20201007.txt", bad));
    assert!(error.to_string().contains("all 3 rows were rejected"), "{error}");
    let gaps = || shop.db.sales().gaps(shop.account, Kind::AppleSales, "2020-10-04", "2020-10-08").unwrap();
    // Of the whole year it is said that nothing was sold.
    assert!(gaps().is_empty());
    // The day's report comes after all.
    let late = Spec::new(1, Span::Day(day()), 3).generate();
    assert_eq!(shop.import(&[late.write(&shop.folder(), Packing::Gzip)]).rows, 3);
    assert!(matches!(state("2020-10-05"), PeriodState::Rows));
    // It has rows, so that nothing is known of the other days but what is said of each.
    assert_eq!(shop.db.sales().len().unwrap(), 3);
    assert_eq!(gaps(), ["2020-10-04", "2020-10-07"]);
}

#[test]
fn a_report_is_of_one_period() {
    let shop = shop();
    let text = |span| String::from_utf8(Spec::new(1, span, 5).generate().tsv()).unwrap();
    let (one, other) = (text(Span::Day(day())), text(Span::Day(date(2020, 10, 6))));
    let both = one.clone() + other.split_once('\n').unwrap().1;
    let path = shop.file("both.txt", &both);
    let error = shop.refuses(&path).to_string();
    assert!(
        error.contains("2020-10-05") && error.contains("2020-10-06") && error.contains("both.txt"),
        "{error}"
    );
    let odd = one.replace("10/05/2020\t10/05/2020", "10/05/2020\t10/07/2020");
    let odd = odd.replace("10/5/20\t10/5/20", "10/05/2020\t10/07/2020");
    let error = shop.refuses(&shop.file("odd.txt", odd)).to_string();
    assert!(error.contains("2020-10-05 to 2020-10-07, which is no day, week, month or year"), "{error}");
    let given = ImportOptions::default().period("2020-W41");
    assert_eq!(shop.import_with(&[path], &given).unwrap().rows, 10);
    assert_eq!(periods(&shop), ["2020-W41/0"]);
}

/// Two files of one call are never taken for one another's report by their names.
#[test]
fn files_of_one_call_that_dispute_a_report() {
    let shop = shop();
    let one = shop.file("S_D_85000000_20201005.txt", Spec::new(1, Span::Day(day()), 5).generate().tsv());
    let two = shop.file("S_D_85000000_20201006.txt", Spec::new(2, Span::Day(day()), 5).generate().tsv());
    let error = shop.import_with(&[one, two], &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("20201005.txt") && error.contains("20201006.txt"), "{error}");
    assert_eq!(periods(&shop), [""; 0]);
}

#[test]
fn in_app_items_have_their_app_for_parent() {
    let shop = shop();
    let report = Spec::new(5, Span::Day(day()), 2_000).generate();
    shop.import(&[report.write(&shop.folder(), Packing::Gzip)]);
    let rows = shop.report(json!({"by": ["sku"], "measures": ["rows"], "parent_sku": "chess"}));
    let skus: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(skus, ["chess.coins", "chess.pass", "chess.week"]);
    let terms = shop.report(json!({"by": ["term"], "measures": ["rows"], "item_type": "IAY"}));
    assert_eq!(terms.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["1 Year", "7 Days"]);
}

// Real files.

fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/apple").join(name);
    if !path.exists() {
        println!("not tried: {name} does not lie beside this checkout");
    }
    path.exists().then_some(path)
}

/// A file's rows as its header names their cells, with the names of 2009 as today's.
fn cells(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines().map(|line| line.split('\t').map(|cell| cell.trim().to_owned()));
    let today = |name: String| match name.as_str() {
        "Vendor Identifier" => "SKU".to_owned(),
        "Royalty Price" => "Developer Proceeds".to_owned(),
        "Royalty Currency" => "Currency of Proceeds".to_owned(),
        _ => name,
    };
    let names: Vec<String> = lines.next().unwrap().map(today).collect();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

/// Millionths of a plain decimal.
fn micros(text: &str) -> Option<i128> {
    let digits = text.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{whole}{fraction:0<6}").parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}

fn fact_of(cells: &BTreeMap<String, String>) -> Fact {
    let units: i128 = cells["Units"].parse().unwrap();
    let kind = match cells["Product Type Identifier"].as_str() {
        "1" | "IAY" => "charge",
        "3" => "redownload",
        "7" => "update",
        other => panic!("{other} is in no sample"),
    };
    Fact {
        kind,
        units,
        sales: micros(&cells["Customer Price"]).map(|each| units * each.abs()),
        earnings: micros(&cells["Developer Proceeds"]).map(|each| units * each),
        currency: "",
        earnings_currency: None,
    }
}

#[test]
fn real_files_are_read_to_the_last_row() {
    for (name, rows, period) in [
        ("kachit_sales_summary_20201005.tsv", 46, "2020-10-05"),
        ("mizor_sales_daily_20150228.tsv", 2, "2015-02-28"),
        ("alexvollmer_sales_daily_20090831.txt", 4, "2009-08-31"),
    ] {
        let Some(path) = sample(name) else { continue };
        let shop = shop();
        let done = shop.import(std::slice::from_ref(&path));
        assert_eq!((done.rows, done.rejected), (rows, 0), "{name}");
        assert_eq!(periods(&shop), [format!("{period}/0")]);
        let rows = cells(&std::fs::read_to_string(&path).unwrap());
        let keyed: Vec<_> = rows
            .iter()
            .map(|row| (row["Customer Currency"].clone(), cell(&row["Currency of Proceeds"]), fact_of(row)))
            .collect();
        let expected = sums(keyed.iter().map(|(one, other, fact)| (one.as_str(), other.as_str(), *fact)));
        assert_eq!(reported(&shop), expected, "{name}");
        let titles = shop.scan(json!({"columns": ["title"]}));
        let title = if rows[0].contains_key("Title") { "Title" } else { "Title / Episode / Season" };
        assert_eq!(titles, rows.iter().map(|row| [row[title].clone()]).collect::<Vec<_>>());
    }
}

#[test]
fn the_odd_rows_of_the_real_files() {
    let Some(path) = sample("kachit_sales_summary_20201005.tsv") else { return };
    let shop = shop();
    shop.import(&[path]);
    let columns = [
        "Customer Price",
        "Developer Proceeds",
        "type",
        "units",
        "sales",
        "earnings",
        "currency",
        "earnings_currency",
        "parent_sku",
        "term",
        "Order Type",
        "Begin Date",
        "sku",
        "country",
        "item_type",
    ];
    let rows = shop.scan(json!({"columns": columns}));
    // No unit, but a price below zero: a credit of part of the price, which Units × each leaves at nothing.
    let credit: Vec<_> = rows.iter().filter(|row| row[0] == "-85.43").collect();
    assert_eq!(credit.len(), 1);
    assert_eq!(
        credit[0][..12],
        [
            "-85.43",
            "59.80",
            "charge",
            "0",
            "0.00",
            "0.00",
            "RUB",
            "RUB",
            "foo.bar.baz",
            "7 Days",
            "Pay As You Go Intro Offer",
            "10/05/2020"
        ]
    );
    // Per unit: 45 units at 299.00, of which 209.30 are left.
    let week = rows.iter().find(|row| row[3] == "45").unwrap();
    assert_eq!(week[4..6], ["13455.00", "9418.50"]);
    // Free downloads tell no currency of their proceeds.
    let blank: Vec<_> = rows.iter().filter(|row| row[7] == "-").collect();
    assert_eq!(blank.len(), 9);
    assert!(blank.iter().all(|row| row[2] == "charge" && row[5] == "0.00"));
    // Rows that nothing tells apart are rows all the same.
    let keys: BTreeSet<_> = rows.iter().map(|row| [&row[12], &row[13], &row[14], &row[0], &row[9]]).collect();
    assert!(keys.len() < rows.len(), "{}", keys.len());
}

#[test]
fn a_finance_report_is_called_by_its_name() {
    let Some(path) = sample("matisiekpl_financial.tsv") else { return };
    let error = shop().refuses(&path).to_string();
    assert!(error.contains("this is an Apple finance report"), "{error}");
    for kind in Kind::ALL {
        assert!(error.contains(kind.as_str()), "{error}");
    }
}
