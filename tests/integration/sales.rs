//! What is answered from imported reports is exactly what the oracle computes from the rows that were written.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, date};
use serde_json::json;
use tillroll_core::{ErrorKind, ImportOptions};
use tillroll_tests::amazon::{TransactionId, plain_charge, product_for_test};
use tillroll_tests::oracle::{Fact, Sum, facts, sums};
use tillroll_tests::world::{Product, catalogue, market_of};
use tillroll_tests::{Field, Layout, Packing, Report, Row, Spec};

use crate::dsl::{Shop, money, rows_of, text};

fn spring() -> Vec<Report> {
    let layouts = [Layout::of_2018(), Layout::today(), Layout::today().without(Field::UsageTime)];
    let months = [(2018, 2), (2018, 3), (2018, 4)];
    months
        .iter()
        .zip(layouts)
        .map(|(&month, layout)| Spec::new(11, month, 4_000).layout(layout).generate())
        .collect()
}

fn all_facts(reports: &[Report]) -> Vec<Fact<'_>> {
    reports.iter().flat_map(|report| facts(&report.rows)).collect()
}

fn measures_of(sum: &Sum) -> Vec<String> {
    vec![
        sum.units().to_string(),
        sum.gross_units.to_string(),
        sum.refund_units.to_string(),
        sum.rows.to_string(),
        money(sum.sales),
        money(sum.earnings),
    ]
}

type Key = fn(&Fact<'_>) -> String;
type Keeps = fn(&Fact<'_>) -> bool;

const MEASURES: [&str; 6] = ["units", "gross_units", "refund_units", "rows", "sales", "earnings"];

#[test]
fn every_sum_is_exact() {
    let reports = spring();
    let shop = Shop::with(&reports);
    let found =
        shop.report(json!({"by": ["month", "currency", "country", "sku", "type"], "measures": MEASURES}));
    let facts = all_facts(&reports);
    let expected = sums(&facts, |fact| {
        let row = fact.row;
        [&fact.month().to_string(), row.market.currency, row.country, &row.product.sku, fact.kind]
            .map(str::to_owned)
    });
    let expected: Vec<Vec<String>> =
        expected.iter().map(|(key, sum)| [key.to_vec(), measures_of(sum)].concat()).collect();
    assert!(expected.len() > 3_000);
    assert_eq!(found.len(), expected.len());
    found.iter().zip(&expected).for_each(|pair| assert_eq!(pair.0, pair.1));
}

#[test]
fn every_column_groups_as_the_oracle_does() {
    let reports = spring();
    let shop = Shop::with(&reports);
    let facts = all_facts(&reports);
    let keys: [(&str, Key); 8] = [
        ("day", |fact| fact.date.to_string()),
        ("quarter", |fact| date(fact.date.year(), (fact.date.month() - 1) / 3 * 3 + 1, 1).to_string()),
        ("year", |fact| date(fact.date.year(), 1, 1).to_string()),
        ("marketplace", |fact| fact.row.market.name.to_owned()),
        ("title", |fact| fact.row.product.title.clone()),
        ("item_type", |fact| fact.row.product.item_type.to_owned()),
        ("country", |fact| fact.row.country.to_owned()),
        ("sku", |fact| fact.row.product.sku.clone()),
    ];
    for (name, key) in keys {
        let found = shop.report(json!({"by": [name, "currency"], "measures": MEASURES}));
        let expected = sums(&facts, |fact| [key(fact), fact.row.market.currency.to_owned()]);
        let expected: Vec<_> =
            expected.iter().map(|(key, sum)| [key.to_vec(), measures_of(sum)].concat()).collect();
        assert_eq!(found, expected, "by {name}");
    }
}

#[test]
fn every_filter_keeps_what_the_oracle_keeps() {
    let reports = spring();
    let shop = Shop::with(&reports);
    let facts = all_facts(&reports);
    let filters: [(serde_json::Value, Keeps); 7] = [
        (json!({"country": "AT"}), |fact| fact.row.country == "AT"),
        (json!({"country": ["AT", "JP"], "type": "refund"}), |fact| {
            ["AT", "JP"].contains(&fact.row.country) && fact.kind == "refund"
        }),
        (json!({"start": "2018-03-01", "end": "2018-03-04"}), |fact| {
            fact.date >= date(2018, 3, 1) && fact.date < date(2018, 3, 4)
        }),
        (json!({"title": "Piano, Drums, \"Bass\""}), |fact| fact.row.product.title.starts_with("Piano")),
        (json!({"term": "1 Month", "currency": "EUR"}), |fact| {
            fact.row.product.term == "1 Month" && fact.row.market.currency == "EUR"
        }),
        (json!({"period": "2018-03"}), |fact| fact.row.time.date() >= date(2018, 2, 1)),
        (json!({"sku": "no such"}), |_| false),
    ];
    for (filter, keeps) in filters {
        let mut query = json!({"by": ["currency"], "measures": MEASURES});
        query.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let of_report: Vec<Fact<'_>> = match filter.get("period") {
            Some(_) => tillroll_tests::oracle::facts(&reports[1].rows),
            None => facts.clone(),
        };
        let expected = sums(of_report.iter().filter(|fact| keeps(fact)), |fact| fact.row.market.currency);
        let expected: Vec<_> =
            expected.iter().map(|(key, sum)| [vec![(*key).to_owned()], measures_of(sum)].concat()).collect();
        assert_eq!(shop.report(query), expected, "{filter}");
    }
}

/// `date`, `time` of one charge at this local time.
fn clock(market: &str, at: DateTime, token: &'static str) -> (String, String) {
    let rows = vec![Row { token, ..plain_charge(market_of(market), at, 1) }];
    let month = at.date().first_of_month();
    let shop = Shop::with(&[Report { month, layout: Layout::of_2018(), rows }]);
    let rows = shop.scan(json!({"columns": ["date", "time"]}));
    (rows[0][0].clone(), rows[0][1].clone())
}

#[test]
fn days_are_the_stores_and_instants_are_utc() {
    let is = |found: (String, String), day: &str, instant: &str| {
        assert_eq!((found.0.as_str(), found.1.as_str()), (day, instant));
    };
    // The last half hour of a month in Los Angeles is already the next day in UTC, the first in Tokyo still the day before.
    is(clock("Amazon.com", date(2018, 3, 31).at(23, 30, 0, 0), ""), "2018-03-31", "2018-04-01T06:30:00Z");
    is(clock("Amazon.co.jp", date(2018, 4, 1).at(0, 30, 0, 0), ""), "2018-04-01", "2018-03-31T15:30:00Z");
    // Los Angeles sets its clocks on 11 March and 4 November 2018, Paris on 25 March and 28 October.
    is(clock("Amazon.com", date(2018, 3, 11).at(1, 59, 59, 0), ""), "2018-03-11", "2018-03-11T09:59:59Z");
    is(clock("Amazon.com", date(2018, 3, 11).at(2, 30, 0, 0), ""), "2018-03-11", "2018-03-11T10:30:00Z");
    is(clock("Amazon.com", date(2018, 3, 11).at(3, 0, 0, 0), ""), "2018-03-11", "2018-03-11T10:00:00Z");
    is(clock("Amazon.com", date(2018, 11, 4).at(1, 30, 0, 0), ""), "2018-11-04", "2018-11-04T08:30:00Z");
    is(clock("Amazon.com", date(2018, 11, 4).at(1, 30, 0, 0), "PST"), "2018-11-04", "2018-11-04T09:30:00Z");
    is(clock("Amazon.de", date(2018, 10, 28).at(2, 30, 0, 0), "CEST"), "2018-10-28", "2018-10-28T00:30:00Z");
    is(clock("Amazon.de", date(2018, 10, 28).at(2, 30, 0, 0), "CET"), "2018-10-28", "2018-10-28T01:30:00Z");
    is(clock("Amazon.in", date(2018, 7, 1).at(0, 0, 0, 0), "IST"), "2018-07-01", "2018-06-30T18:30:00Z");
    // No zone is known of this one: the date as written, and no instant.
    is(clock("Amazon.ca", date(2018, 7, 1).at(0, 0, 0, 0), ""), "2018-07-01", "-");
}

#[test]
fn months_are_told_by_the_stores_day() {
    let last = plain_charge(market_of("Amazon.com"), date(2018, 3, 31).at(23, 30, 0, 0), 1);
    let first = plain_charge(market_of("Amazon.co.jp"), date(2018, 4, 1).at(0, 30, 0, 0), 2);
    let rows = vec![last, first];
    let shop = Shop::with(&[Report { month: date(2018, 4, 1), layout: Layout::of_2018(), rows }]);
    let found = shop.report(json!({"by": ["month", "currency"], "measures": ["rows"]}));
    assert_eq!(found, [["2018-03-01", "USD", "1"], ["2018-04-01", "JPY", "1"]]);
}

#[test]
fn both_spellings_of_a_refund_are_taken_back() {
    let charge = plain_charge(market_of("Amazon.de"), date(2018, 3, 5).at(12, 0, 0, 0), 7);
    let positive = Row { type_text: "Refund", earnings: -charge.earnings, ..charge.clone() };
    let negative = Row { units: -1, sales: -charge.sales, ..positive.clone() };
    let reversal = Row { type_text: "Payment Reversal", ..negative.clone() };
    let rows = vec![charge, positive, negative, reversal];
    let shop = Shop::with(&[Report { month: date(2018, 3, 1), layout: Layout::today(), rows }]);
    let found = shop.report(json!({"by": ["type", "currency"], "measures": MEASURES}));
    assert_eq!(found[0], ["charge", "EUR", "1", "1", "0", "1", "1.00", "0.70"]);
    assert_eq!(found[1], ["refund", "EUR", "-3", "0", "3", "3", "-3.00", "-2.10"]);
}

#[test]
fn a_charge_and_its_refund_are_found_under_one_id() {
    let reports = spring();
    let shop = Shop::with(&reports);
    let rows: Vec<&Row> = reports.iter().flat_map(|report| &report.rows).collect();
    let refunded = rows.iter().filter(|row| row.type_text == "Refund").take(20);
    for id in refunded.chain(rows.iter().step_by(911)).map(|row| row.transaction) {
        let mut expected: Vec<_> =
            rows.iter().filter(|row| row.transaction == id).map(|row| row.text(Field::InvoiceId)).collect();
        let found = shop.db.sales().get(&id.to_string()).unwrap();
        let mut found: Vec<_> = found.iter().map(|sale| text(sale.get("invoice_id").unwrap())).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{id}");
    }
    let absent = TransactionId::Uuid(1).to_string();
    assert!(shop.db.sales().get(&absent).unwrap().is_empty());
}

#[test]
fn every_row_scans_back_as_it_was_written() {
    let report = Spec::new(5, (2018, 3), 3_000).generate();
    let shop = Shop::with(std::slice::from_ref(&report));
    let columns = [
        "transaction_id",
        "invoice_id",
        "title",
        "item_name",
        "date",
        "time",
        "units",
        "sales",
        "earnings",
        "type",
    ];
    let found = shop.scan(json!({"columns": columns}));
    assert_eq!(found.len(), report.rows.len());
    for (found, fact) in found.iter().zip(facts(&report.rows)) {
        let blank = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let row = fact.row;
        let expected = [
            row.text(Field::TransactionId),
            row.text(Field::InvoiceId),
            row.text(Field::Title),
            blank(row.text(Field::ItemName)),
            fact.date.to_string(),
            fact.time.map_or_else(|| "-".to_owned(), |time| time.to_string()),
            fact.units.to_string(),
            money(fact.sales.into()),
            money(fact.earnings.into()),
            fact.kind.to_owned(),
        ];
        assert_eq!(found.as_slice(), expected);
    }
}

#[test]
fn columns_that_are_not_known_stay_readable() {
    let layout = Layout::today().with(Field::Constant("gold, \"old\""), "Promotion Tier");
    let report = Spec::new(5, (2018, 3), 200).layout(layout).generate();
    let shop = Shop::with(std::slice::from_ref(&report));
    let found = shop.scan(json!({"columns": ["Promotion Tier", "Device Type", "Transaction Type"]}));
    for (found, row) in found.iter().zip(&report.rows) {
        let device =
            Some(row.text(Field::Device)).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
        assert_eq!(found.as_slice(), ["gold, \"old\"", &device, row.type_text]);
    }
    let columns = shop.db.sales().columns().unwrap();
    assert!(columns.iter().any(|column| column == "Promotion Tier"), "{columns:?}");
}

#[test]
fn buyers_fields_are_kept_only_where_asked() {
    let report = Spec::new(5, (2018, 3), 200).generate();
    let has_it =
        |shop: &Shop| shop.db.sales().columns().unwrap().iter().any(|column| column == "App User ID");
    let shop = Shop::new();
    let path = report.write(&shop.folder(), Packing::Zip);
    shop.import(std::slice::from_ref(&path));
    assert!(!has_it(&shop));
    let done = shop.import_with(&[path], &ImportOptions::default().keep_personal(true)).unwrap();
    assert_eq!((done.unchanged, done.replaced), (0, 1), "other options make another reading");
    assert!(has_it(&shop));
    assert_eq!(shop.scan(json!({"columns": ["App User ID"]}))[0], [report.rows[0].text(Field::AppUserId)]);
}

#[test]
fn currencies_are_never_added() {
    let shop = Shop::with(&spring());
    for query in [json!({"measures": ["sales"]}), json!({"by": ["country"], "measures": ["earnings"]})] {
        let error = shop.report_error(query);
        assert_eq!(error.kind(), ErrorKind::Validation);
        assert!(error.to_string().contains("currency"), "{error}");
    }
    assert_eq!(shop.report(json!({"measures": ["sales"], "currency": "USD"})).len(), 1);
}

#[test]
fn two_currencies_are_not_one() {
    let shop = Shop::with(&spring());
    for (measure, held, named) in [
        ("sales", json!({"currency": ["EUR", "USD"]}), "`currency`"),
        ("sales", json!({"earnings_currency": "EUR"}), "`currency`"),
        ("earnings", json!({"currency": ["EUR", "USD"]}), "`earnings_currency`"),
        ("earnings", json!({"earnings_currency": ["EUR", "USD"]}), "`earnings_currency`"),
    ] {
        let mut query = json!({"by": ["title"], "measures": [measure]});
        query.as_object_mut().unwrap().extend(held.as_object().unwrap().clone());
        let error = shop.report_error(query);
        assert_eq!(error.kind(), ErrorKind::Validation, "{measure} of {held}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let grouped = json!({"by": ["earnings_currency"], "measures": ["earnings"], "currency": ["EUR", "USD"]});
    assert_eq!(shop.report(grouped).len(), 2);
}

/// A charge of 5 March 2018 in Germany.
fn charge(id: u64, hour: i8, minute: i8, second: i8) -> Row {
    plain_charge(market_of("Amazon.de"), date(2018, 3, 5).at(hour, minute, second, 0), id)
}

fn march(rows: Vec<Row>) -> Report {
    Report { month: date(2018, 3, 1), layout: Layout::of_2018(), rows }
}

#[test]
fn nulls_come_last_whichever_way_rows_are_sorted() {
    let of_term = |term, id| {
        let product = product_for_test(Product { term, ..catalogue()[1].clone() });
        Row { product, ..charge(id, 12, 0, 0) }
    };
    let terms = ["1 Year", "", "1 Month", "", "3 Months"];
    let shop = Shop::with(&[march(terms.into_iter().zip(1..).map(|(term, id)| of_term(term, id)).collect())]);
    let terms = |query: serde_json::Value| -> Vec<String> {
        shop.report(query).into_iter().map(|mut row| row.swap_remove(0)).collect()
    };
    let rising = ["1 Month", "1 Year", "3 Months", "-"];
    assert_eq!(terms(json!({"by": ["term"]})), rising);
    assert_eq!(terms(json!({"by": ["term"], "order_by": "term"})), rising);
    assert_eq!(terms(json!({"by": ["term"], "order_by": "-term"})), ["3 Months", "1 Year", "1 Month", "-"]);
    assert_eq!(terms(json!({"by": ["term"], "order_by": ["-units", "term"]}))[0], "-", "two units");
}

/// Noon in Berlin is 11:00 in UTC. Of Canada only the date is known.
#[test]
fn a_window_of_instants_is_half_open_and_wants_a_time() {
    let canada = Row { market: market_of("Amazon.ca"), ..charge(4, 12, 0, 0) };
    let rows = vec![charge(1, 11, 59, 59), charge(2, 12, 0, 0), charge(3, 12, 0, 1), canada];
    let shop = Shop::with(&[march(rows)]);
    let found = |window: serde_json::Value| -> String {
        let mut query = json!({"columns": ["transaction_id"]});
        query.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        let scanned = shop.scan(query).concat().concat();
        let mut query = json!({"measures": ["rows"]});
        query.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
        assert_eq!(shop.report(query), [[scanned.len().to_string()]], "{window}");
        scanned
    };
    for noon in ["2018-03-05T11:00:00Z", "2018-03-05T12:00:00+01:00", "2018-03-05T11:00:00"] {
        assert_eq!(found(json!({"start": noon})), "23", "from {noon}");
        assert_eq!(found(json!({"end": noon})), "1", "before {noon}");
        assert_eq!(found(json!({"start": noon, "end": "2018-03-05T11:00:01Z"})), "2");
        assert_eq!(found(json!({"start": noon, "end": noon})), "");
        assert_eq!(found(json!({"start": noon, "end": "2018-03-06"})), "23", "a day and an instant");
    }
    assert_eq!(found(json!({"start": "2018-03-05", "end": "2018-03-06"})), "1234");
    assert_eq!(found(json!({"end": "2018-03-05"})), "");
}

/// A table's totals as `imports()` gives them, of the sums by currency of these rows.
fn totals_of<'a>(rows: impl IntoIterator<Item = (i128, &'a Report)>) -> Vec<Vec<String>> {
    let mut totals = BTreeMap::<&str, [i128; 3]>::new();
    for (sign, report) in rows {
        for (currency, sum) in sums(&facts(&report.rows), |fact| fact.row.market.currency) {
            let figures = [sum.units(), sum.sales, sum.earnings];
            let total = totals.entry(currency).or_default();
            total.iter_mut().zip(figures).for_each(|(total, figure)| *total += sign * figure);
        }
    }
    let row = |(currency, [units, sales, earnings]): (&str, [i128; 3])| {
        [currency.to_owned(), units.to_string(), money(sales), currency.to_owned(), money(earnings)].to_vec()
    };
    totals.into_iter().filter(|(_, figures)| *figures != [0; 3]).map(row).collect()
}

#[test]
fn imports_tell_their_totals_and_what_changed() {
    let reports = spring();
    let shop = Shop::with(&reports);
    let imports = shop.db.sales().imports(Some(shop.account)).unwrap();
    assert_eq!(imports.len(), 3);
    for (import, report) in imports.iter().zip(&reports) {
        assert_eq!((&import.period, import.rows), (&report.period(), 4_000));
        assert_eq!(rows_of(&import.totals), totals_of([(1, report)]));
        assert!(import.change.is_none(), "the first version replaced none");
    }
    // Euros as before, one dollar more, no other currency any more.
    let mut restated = Report { rows: reports[1].rows.clone(), ..reports[1].clone() };
    restated.rows.retain(|row| ["EUR", "USD"].contains(&row.market.currency));
    restated.rows.push(plain_charge(market_of("Amazon.com"), date(2018, 3, 5).at(12, 0, 0, 0), 1));
    shop.import(&[shop.write(&restated)]);
    let import = &shop.db.sales().imports(None).unwrap()[1];
    assert_eq!(rows_of(&import.totals), totals_of([(1, &restated)]));
    let change = rows_of(import.change.as_ref().unwrap());
    assert_eq!(change, totals_of([(-1, &reports[1]), (1, &restated)]));
    assert_eq!(change.last().unwrap(), &["USD", "1", "1.00", "USD", "0.70"]);
    assert!(change.iter().all(|row| row[0] != "EUR"), "{change:?}");
}
