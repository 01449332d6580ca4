//! Measures the reports of the table that Tillroll is judged by: `answers [--rounds N] [--only WORD] DIR` asks the
//! database that `import` has left in `DIR`, and prints medians of the rounds.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use tillroll_benches::{Arguments, measure};
use tillroll_core::{By, Db, Dimension, Measure, Query};

fn main() {
    let Arguments { rounds, only, dir } = Arguments::read(7);
    let db = Db::open(dir.join("measured.till")).unwrap();
    let sales = db.sales();
    for (name, query) in questions() {
        if only.as_deref().is_none_or(|only| name.contains(only)) {
            measure(name, rounds, || sales.report(&query).unwrap().len());
        }
    }
}

fn questions() -> [(&'static str, Query); 6] {
    let (month, country, sku, currency, day) = (By::Month, By::Country, By::Sku, By::Currency, By::Day);
    [
        ("earnings by month and currency", Query::new().by([month, currency]).measures([Measure::Earnings])),
        (
            "all rows by currency",
            Query::new().by([currency]).measures([Measure::Units, Measure::Sales, Measure::Earnings]),
        ),
        (
            "units by country, product and month of an account",
            Query::new().by([country, sku, month]).measures([Measure::Units]).accounts([1]),
        ),
        (
            "units by country and product of an account",
            Query::new().by([country, sku]).measures([Measure::Units]).accounts([1]),
        ),
        (
            "top 20 products of 90 days",
            Query::new()
                .by([sku])
                .measures([Measure::Earnings])
                .only(Dimension::Currency, ["USD"])
                .start("2019-07-01")
                .end("2019-09-29")
                .order_by(["-earnings"])
                .limit(20),
        ),
        (
            "one product by day",
            Query::new().by([day]).measures([Measure::Units]).only(Dimension::Sku, ["com.example.app03"]),
        ),
    ]
}
