//! Reports from totals say what reports from rows say, whatever was replaced, deleted or put in the place of what.

use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::manifest::Report;
use super::test::{HEADER, Shop};
use super::*;
use crate::day::{Day, Period, PeriodUnit};
use crate::kv::value;
use crate::store::Write;

const ACCOUNTS: [u64; 2] = [7, 8];
const MARKETS: [(&str, &str); 3] = [("Amazon.de", "EUR"), ("Amazon.com", "USD"), ("Amazon.co.jp", "JPY")];
const UNITS: [PeriodUnit; 4] = [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month, PeriodUnit::Year];

/// Day of the month, market, whether it is a refund, units, cents.
type Sold = (u8, usize, bool, u8, u32);

/// What is done to one part of a month of an account.
#[derive(Debug, Clone)]
enum Change {
    Import(Vec<Sold>),
    Delete,
    MarkEmpty,
    /// It becomes Apple's, of the period of this length that its month begins with.
    BecomeApples(PeriodUnit),
    Compact,
}

/// An account, a month of early 2018 and a part.
type Place = (usize, u8, u8);

fn change() -> impl Strategy<Value = (Place, Change)> {
    let sold = (1..=28_u8, 0..MARKETS.len(), any::<bool>(), 1..4_u8, 0..500_u32);
    // Of the long ones the sums by month are kept.
    let rows = prop_oneof![3 => proptest::collection::vec(sold.clone(), 1..8), 1 => proptest::collection::vec(sold, 60..90)];
    let import = rows.prop_map(Change::Import);
    let apples = (0..UNITS.len()).prop_map(|unit| Change::BecomeApples(UNITS[unit]));
    let change = prop_oneof![
        8 => import,
        1 => Just(Change::Delete),
        1 => Just(Change::MarkEmpty),
        4 => apples,
        1 => Just(Change::Compact),
    ];
    ((0..ACCOUNTS.len(), 1..=4_u8, 1..=2_u8), change)
}

fn csv(month: u8, rows: &[Sold]) -> String {
    let mut text = HEADER.to_owned();
    for (number, &(day, market, refunds, units, cents)) in rows.iter().enumerate() {
        let ((market, currency), sign) = (MARKETS[market], if refunds { "-" } else { "" });
        let (ty, euros) =
            (if refunds { "Refund" } else { "Charge" }, format!("{}.{:02}", cents / 100, cents % 100));
        write!(text, "\n{market},DE,,t{number},2018-{month:02}-{day:02} 12:00:00,{ty},,sku,Title,,App,{sign}{units},{currency},{sign}{euros},{sign}{euros}").unwrap();
    }
    text
}

/// Does it; what cannot be done is refused and changes nothing.
fn apply(shop: &Shop, (account, month, part): Place, change: &Change) {
    let (account, period) = (ACCOUNTS[account], format!("2018-{month:02}"));
    let kind = Kind::AmazonSales;
    match change {
        Change::Import(rows) => {
            let path = shop.path(&format!("sales-{period}-{part:05}.csv"));
            fs::write(&path, csv(month, rows)).unwrap();
            shop.sales.import(&[path.to_str().unwrap()], account, &ImportOptions::default()).unwrap();
        }
        Change::Delete => drop(shop.sales.delete(account, kind, &period)),
        Change::MarkEmpty => drop(shop.sales.mark_empty(account, kind, &period)),
        Change::BecomeApples(unit) => become_apples(shop, account, &period, *unit),
        Change::Compact => shop.sales.engine.compact().unwrap(),
    }
}

fn become_apples(shop: &Shop, account: u64, month: &str, unit: PeriodUnit) {
    let month: Period = month.parse().unwrap();
    let moved = shop.sales.engine.commit(|transaction, manifest| {
        for report in manifest.parts(account, Kind::AmazonSales, month) {
            let mut report = Report::clone(report);
            transaction.delete(&report.key.bytes());
            report.key.kind = Kind::AppleSales;
            report.key.period = Period::containing(Day(month.days().start), unit);
            transaction.put(report.key.bytes(), value::encode(&report)?);
        }
        Ok(())
    });
    moved.unwrap();
}

fn queries() -> Vec<Json> {
    let counts = ["units", "gross_units", "refund_units", "all_units", "rows"];
    let sums = ["rows", "units", "sales", "earnings"];
    vec![
        json!({"measures": counts}),
        json!({"by": ["day"], "measures": counts}),
        json!({"by": ["week", "currency"], "measures": sums}),
        json!({"by": ["month", "currency"], "measures": sums}),
        json!({"by": ["quarter", "kind"], "measures": counts}),
        json!({"by": ["year", "type", "currency"], "measures": sums}),
        json!({"by": ["period", "account"], "measures": counts}),
        json!({"by": ["period", "month"], "measures": counts}),
        json!({"by": ["period", "currency"], "measures": sums, "start": "2018-02-01"}),
        json!({"by": ["earnings_currency", "store"], "measures": ["earnings"]}),
        json!({"by": ["type"], "measures": ["sales"], "currency": "EUR"}),
        json!({"by": ["month"], "measures": counts, "start": "2018-02-01", "end": "2018-04-01"}),
        json!({"by": ["currency"], "measures": sums, "start": "2018-02-01"}),
        json!({"by": ["month"], "measures": counts, "start": "2018-01-15", "end": "2018-03-20"}),
        json!({"measures": counts, "period": ["2018-02", "2018-01-01", "2018"], "account": 7}),
        json!({"by": ["month", "kind"], "measures": counts, "kind": "apple-sales", "type": "refund"}),
    ]
}

/// The answer, or why there is none.
fn answer(shop: &Shop, query: &Json) -> String {
    let answer = shop.sales.report(&Query::from_json(query).unwrap());
    answer.map_or_else(|error| error.to_string(), |table| format!("{:?}", table.rows().collect::<Vec<_>>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn totals_say_what_rows_say(changes in proptest::collection::vec(change(), 1..14)) {
        let shop = Shop::new();
        for (place, change) in &changes {
            apply(&shop, *place, change);
            for query in queries() {
                // Only the rows know the term, which none of them has.
                let mut of_rows = query.clone();
                of_rows["term"] = json!([null]);
                prop_assert_eq!(answer(&shop, &query), answer(&shop, &of_rows), "{} after {:?}", query, change);
            }
        }
    }
}
