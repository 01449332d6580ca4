//! Reports whose rows have no date but their period's first day: by which steps of time they can be told apart.

use serde_json::json;

use super::manifest::Report;
use super::test::{Row, Shop};
use super::*;
use crate::kv::value;
use crate::store::Write;

/// A row of the third of March.
const ROW: Row<'static> = (3, "chess", "Chess", "");

/// Turns a report of March into Apple's of another period. Each has one row more than the one before it.
fn stand_for(shop: &Shop, account: u64, period: &str) {
    let before = shop.sales.imports(None).unwrap().len();
    shop.import(account, &vec![ROW; before + 1]);
    let moved = shop.sales.engine.commit(|transaction, manifest| {
        let is_new =
            |report: &&Arc<Report>| report.key.account == account && report.key.kind == Kind::AmazonSales;
        let mut report = Report::clone(manifest.reports().find(is_new).unwrap());
        transaction.delete(&report.key.bytes());
        (report.key.kind, report.key.period) = (Kind::AppleSales, period.parse()?);
        transaction.put(report.key.bytes(), value::encode(&report)?);
        Ok(())
    });
    moved.unwrap();
}

/// What a report by this step says; `None` where it answers.
fn refusal(shop: &Shop, query: serde_json::Value) -> Option<String> {
    let error = shop.sales.report(&Query::from_json(&query).unwrap()).err()?;
    assert_eq!(error.kind(), crate::ErrorKind::Validation, "{error}");
    Some(error.to_string())
}

#[test]
fn a_longer_report_is_not_told_by_shorter_steps() {
    for (period, refused) in [
        ("2018-03-03", &[][..]),
        ("2018-W10", &["day"]),
        ("2018-W09", &["day", "month"]),
        ("2018-03", &["day", "week"]),
        ("2018", &["day", "week", "month", "quarter"]),
    ] {
        let shop = Shop::new();
        stand_for(&shop, 7, period);
        for by in ["day", "week", "month", "quarter", "year", "period"] {
            let told = refusal(&shop, json!({"by": [by]}));
            assert_eq!(told.is_some(), refused.contains(&by), "{by} of {period}: {told:?}");
            let names = |text: &String| {
                ["apple-sales", period, "account 7", by].iter().all(|part| text.contains(part))
            };
            assert!(told.as_ref().is_none_or(names), "{told:?}");
        }
        assert_eq!(refusal(&shop, json!({"by": ["country"]})), None);
    }
}

#[test]
fn a_longer_report_that_is_not_asked_for_is_no_obstacle() {
    let shop = Shop::new();
    stand_for(&shop, 7, "2018-03");
    stand_for(&shop, 8, "2018-03-03");
    assert!(refusal(&shop, json!({"by": ["day"]})).is_some());
    for left_out in [
        json!({"by": ["day"], "account": 8}),
        json!({"by": ["day"], "kind": "amazon-sales"}),
        json!({"by": ["day"], "period": "2018-03-03"}),
        json!({"by": ["day"], "start": "2018-04-01"}),
        json!({"by": ["day"], "end": "2018-03-01"}),
        json!({"by": ["day"], "currency": "JPY"}),
        json!({"by": ["day"], "start": "2018-03-03T12:00:00Z"}),
    ] {
        assert_eq!(refusal(&shop, left_out.clone()), None, "{left_out}");
    }
    for there in [
        json!({"by": ["day"], "account": 7}),
        json!({"by": ["day"], "start": "2018-03-03", "sku": "x"}),
        json!({"by": ["day"], "start": "2018-03-04"}),
        json!({"start": "2018-03-04"}),
        json!({"end": "2018-03-03"}),
    ] {
        assert!(refusal(&shop, there.clone()).is_some(), "{there}");
    }
}

#[test]
fn a_longer_report_that_does_not_count_is_no_obstacle() {
    let shop = Shop::new();
    stand_for(&shop, 7, "2018-W09");
    stand_for(&shop, 7, "2018-03");
    assert!(refusal(&shop, json!({"by": ["month"]})).is_none());
    stand_for(&shop, 7, "2018");
    assert!(
        refusal(&shop, json!({"by": ["month"]})).unwrap().contains(" of 2018 of"),
        "only the year counts"
    );
    assert_eq!(shop.sales.len().unwrap(), 3);
}

#[test]
fn gaps_of_apple_are_days() {
    let shop = Shop::new();
    stand_for(&shop, 7, "2018-03");
    stand_for(&shop, 7, "2018-W09");
    let gaps = |start, end| shop.sales.gaps(7, Kind::AppleSales, start, end).unwrap();
    assert_eq!(
        gaps("2018-02-27", "2018-03-05"),
        ["2018-02-27", "2018-02-28"],
        "the week gives way to the month"
    );
    shop.sales.delete(7, Kind::AppleSales, "2018-03").unwrap();
    assert_eq!(gaps("2018-02-25", "2018-03-06"), ["2018-02-25", "2018-03-05"]);
}
