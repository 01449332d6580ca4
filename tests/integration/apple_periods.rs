//! What cannot be told from reports whose rows have no date of their own, and files that contradict themselves.

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tillroll_core::{ErrorKind, ImportOptions, Kind};
use tillroll_tests::packing;

use crate::dsl::Shop;

const HEADER: &str = "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t\
    Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\tApple Identifier\t\
    Customer Price\tPromo Code\tParent Identifier\tSubscription\tPeriod\tCategory\tCMB";

/// A report of one row: so many units at 1.00 from one day to another.
fn text(units: i64, begin: &str, end: &str) -> String {
    format!(
        "{HEADER}\nAPPLE\tUS\tapp\tWe\tApp\t1.0\t1\t{units}\t0.70\t{begin}\t{end}\tUSD\tUS\tUSD\t7\t1.00\t \t \t \t \tGames\t\n"
    )
}

fn file(shop: &Shop, name: &str, units: i64, begin: &str, end: &str) -> PathBuf {
    shop.file(name, text(units, begin, end))
}

fn refused(shop: &Shop, query: Json) -> String {
    let error = shop.report_error(query);
    assert_eq!(error.kind(), ErrorKind::Validation, "{error}");
    error.to_string()
}

#[test]
fn a_month_is_not_cut() {
    let shop = Shop::of_store("apple");
    shop.import(&[file(&shop, "S_M_1_20180301.txt", 31, "03/01/2018", "03/31/2018")]);
    let units = |query: Json| shop.report(query);
    for query in [
        json!({"by": ["day"]}),
        json!({"by": ["week"]}),
        json!({"by": ["day"], "start": "2018-03-15", "end": "2018-04-01"}),
        json!({"by": ["month"], "start": "2018-03-15"}),
        json!({"end": "2018-03-15"}),
        json!({"start": "2018-03-01", "end": "2018-03-02"}),
    ] {
        let message = refused(&shop, query.clone());
        assert!(message.contains("apple-sales report of 2018-03 of account 1"), "{query}: {message}");
    }
    assert_eq!(units(json!({"by": ["month"]})), [["2018-03-01", "31"]]);
    assert_eq!(units(json!({"start": "2018-03-01", "end": "2018-04-01"})), [["31"]]);
    assert_eq!(units(json!({"by": ["quarter", "year"]})), [["2018-01-01", "2018-01-01", "31"]]);
    // What is left out by other conditions is in nobody's way.
    assert_eq!(units(json!({"by": ["day"], "currency": "EUR"})), Vec::<Vec<String>>::new());
    assert_eq!(units(json!({"by": ["day"], "start": "2018-04-01"})), Vec::<Vec<String>>::new());
    assert_eq!(units(json!({"by": ["day"], "end": "2018-03-01"})), Vec::<Vec<String>>::new());
}

#[test]
fn a_week_across_an_edge_belongs_to_no_side() {
    let shop = Shop::of_store("apple");
    shop.import(&[
        file(&shop, "a.txt", 7, "02/26/2018", "03/04/2018"),
        file(&shop, "b.txt", 5, "12/31/2018", "01/06/2019"),
        file(&shop, "c.txt", 3, "03/05/2018", "03/11/2018"),
    ]);
    for (by, week) in [("month", "2018-W09"), ("quarter", "2019-W01"), ("year", "2019-W01")] {
        let message = refused(&shop, json!({"by": [by]}));
        assert!(message.contains(week), "{by}: {message}");
    }
    let inside = json!({"by": ["month"], "start": "2018-03-05", "end": "2018-12-31"});
    assert_eq!(shop.report(inside), [["2018-03-01", "3"]]);
    assert_eq!(shop.report(json!({"by": ["week"]})).len(), 3);
}

#[test]
fn a_period_that_the_rows_contradict_is_refused() {
    let shop = Shop::of_store("apple");
    let day = file(&shop, "day.txt", 5, "03/05/2018", "03/05/2018");
    let given = |period: &str| ImportOptions::default().period(period);
    let error = shop.import_with(std::slice::from_ref(&day), &given("2018-04-07")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("2018-04-07") && error.to_string().contains("2018-03-05"), "{error}");
    assert_eq!(shop.import_with(&[day], &given("2018-03-05")).unwrap().rows, 1);
}

#[test]
fn a_period_stands_once_in_an_archive() {
    let shop = Shop::of_store("apple");
    let (five, six) = (text(5, "03/05/2018", "03/05/2018"), text(6, "03/05/2018", "03/05/2018"));
    for (name, other, told) in
        [("same.zip", &five, "the same content twice"), ("two.zip", &six, "are both of")]
    {
        let members = [("S_D_1_20180305.txt", five.as_bytes()), ("old/S_D_1_20180305.txt", other.as_bytes())];
        let error = shop.refuses(&shop.file(name, packing::zip(&members)));
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.to_string().contains(told), "{error}");
    }
    assert_eq!(shop.db.sales().imports(None).unwrap().len(), 0);
}

#[test]
fn an_empty_month_hides_no_day() {
    let shop = Shop::of_store("apple");
    shop.import(&[file(&shop, "day.txt", 5, "03/05/2018", "03/05/2018")]);
    shop.db.sales().mark_empty(shop.account, Kind::AppleSales, "2018-03").unwrap();
    shop.import(&[shop.file("S_Y_1_2018.txt", format!("{HEADER}\n"))]);
    assert_eq!(shop.report(json!({})), [["5"]]);
    assert_eq!(shop.db.sales().len().unwrap(), 1);
    let gaps = shop.db.sales().gaps(shop.account, Kind::AppleSales, "2018-03-04", "2018-03-07").unwrap();
    assert_eq!(gaps, ["2018-03-04", "2018-03-06"]);
}
