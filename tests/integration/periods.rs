//! Which report a file is: its period and part, what one period's files are to one another, and what is known of periods
//! without rows.

use std::path::{Path, PathBuf};

use jiff::civil::date;
use serde_json::json;
use tillroll_core::{Error, ErrorKind, ImportOptions, Kind, OnReject, PeriodState};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Report, packing};

use crate::dsl::Shop;

const KIND: Kind = Kind::AmazonSales;

/// So many rows of a month of 2018, all with one transaction's id.
fn month(month: i8, rows: usize) -> Vec<u8> {
    let month = date(2018, month, 1);
    let rows = vec![plain_charge(market_of("Amazon.de"), month.at(12, 0, 0, 0), rows as u64); rows];
    Report { month, layout: Layout::of_2018(), rows }.csv()
}

fn gzip(month: i8, rows: usize) -> Vec<u8> {
    packing::gzip(&self::month(month, rows))
}

/// Files of these names and contents.
fn files(shop: &Shop, files: &[(&str, Vec<u8>)]) -> Vec<PathBuf> {
    files.iter().map(|(name, bytes)| shop.file(name, bytes)).collect()
}

/// `period: rows` of everything that is stored.
fn stored(shop: &Shop) -> Vec<String> {
    let rows = shop.report(json!({"by": ["period"], "measures": ["rows"]}));
    rows.iter().map(|row| row.join(": ")).collect()
}

/// `period/part: rows` of every report.
fn reports(shop: &Shop) -> Vec<String> {
    let imports = shop.db.sales().imports(None).unwrap();
    let mut found: Vec<_> =
        imports.iter().map(|one| format!("{}/{}: {}", one.period, one.part, one.rows)).collect();
    found.sort();
    found
}

fn state(shop: &Shop, period: &str) -> PeriodState {
    shop.db.sales().period_state(shop.account, KIND, period).unwrap()
}

fn mark_empty(shop: &Shop, period: &str) -> Result<(), Error> {
    shop.db.sales().mark_empty(shop.account, KIND, period)
}

fn conflicts(error: &Error, with: &str) {
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains(with), "{error}");
}

fn failures(shop: &Shop, paths: &[PathBuf]) -> Vec<String> {
    let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let options = ImportOptions::default().threads(1);
    let failed = shop.db.sales().import(&paths, shop.account, &options).unwrap_err();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = failed.failures.iter().map(|(path, _)| name(path)).collect();
    names.sort();
    names
}

#[test]
fn members_of_one_period_are_one_report() {
    let shop = Shop::new();
    let zip = packing::zip(&[
        ("sales-2018-03-00000.csv", &month(3, 10)),
        ("sales-2018-03-00001.csv", &month(3, 7)),
    ]);
    let path = shop.file("reports.zip", zip);
    assert_eq!(shop.import(std::slice::from_ref(&path)).rows, 17);
    assert_eq!((reports(&shop), stored(&shop)), (vec!["2018-03/0: 17".into()], vec!["2018-03: 17".into()]));
    let again = shop.import(&[path]);
    assert_eq!((again.rows, again.unchanged), (0, 1));
}

#[test]
fn members_of_two_months_are_two_reports() {
    let shop = Shop::new();
    let members = [("sales-2018-03-00000.csv", month(3, 10)), ("sales-2018-04-00000.csv", month(4, 7))];
    let members = members.each_ref().map(|(name, text)| (*name, text.as_slice()));
    let path = shop.file("reports.zip", packing::zip(&members));
    assert_eq!(shop.import(std::slice::from_ref(&path)).rows, 17);
    assert_eq!(reports(&shop), ["2018-03/0: 10", "2018-04/0: 7"]);
    let again = shop.import(std::slice::from_ref(&path));
    assert_eq!((again.rows, again.unchanged), (0, 1));
    // With one of the two restated, the zip is news again.
    shop.import(&[shop.file("sales_2018_04.gz", gzip(4, 9))]);
    assert_eq!(reports(&shop), ["2018-03/0: 10", "2018-04/0: 9"]);
    shop.import(&[path]);
    assert_eq!(reports(&shop), ["2018-03/0: 10", "2018-04/0: 7"]);
}

#[test]
fn bare_parts_stand_beside_each_other() {
    let shop = Shop::new();
    shop.import(&[shop.file("sales-2018-03-00000.csv", month(3, 10))]);
    shop.import(&[shop.file("sales-2018-03-00001.csv", month(3, 7))]);
    assert_eq!(reports(&shop), ["2018-03/0: 10", "2018-03/1: 7"]);
    assert_eq!(shop.import(&[shop.file("sales-2018-03-00001.csv", month(3, 8))]).replaced, 1);
    assert_eq!(reports(&shop), ["2018-03/0: 10", "2018-03/1: 8"]);
    shop.import(&[shop.file("sales_2018_03.gz", gzip(3, 20))]);
    assert_eq!(reports(&shop), ["2018-03/0: 20"], "a container stands for all parts");
}

#[test]
fn a_part_over_a_container_of_its_period_conflicts() {
    let shop = Shop::new();
    shop.import(&[shop.file("sales_2018_03.gz", gzip(3, 20))]);
    conflicts(&shop.refuses(&shop.file("sales-2018-03-00001.csv", month(3, 7))), "2018-03");
    assert_eq!(reports(&shop), ["2018-03/0: 20"]);
}

#[test]
fn the_period_that_is_given_overrides_the_name() {
    let shop = Shop::new();
    let path = shop.file("sales_2018_03.gz", gzip(3, 10));
    shop.import_with(&[path], &ImportOptions::default().period("2017-11")).unwrap();
    assert_eq!(reports(&shop), ["2017-11/0: 10"]);
    // The name of a month that the rows contradict is no obstacle, either.
    let path = shop.file("sales_2019_07.gz", gzip(3, 5));
    shop.import_with(&[path], &ImportOptions::default().period("2018-03")).unwrap();
    assert_eq!(reports(&shop), ["2017-11/0: 10", "2018-03/0: 5"]);
}

#[test]
fn the_same_bytes_are_not_two_periods() {
    let shop = Shop::new();
    shop.import(&[shop.file("sales_2018_03.gz", gzip(3, 10))]);
    conflicts(&shop.refuses(&shop.file("sales_2018_04.gz", gzip(3, 10))), "2018-03");
    shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap();
    shop.import(&[shop.file("sales_2018_04.gz", gzip(3, 10))]);
    assert_eq!(reports(&shop), ["2018-04/0: 10"], "deleting forgets the bytes");
}

#[test]
fn the_same_bytes_are_not_two_periods_of_one_call() {
    let shop = Shop::new();
    let paths = files(&shop, &[("sales_2018_03.gz", gzip(3, 10)), ("sales_2018_04.gz", gzip(3, 10))]);
    conflicts(&shop.import_with(&paths, &ImportOptions::default().threads(1)).unwrap_err(), "2018-03");
    assert_eq!(reports(&shop), ["2018-03/0: 10"]);
}

#[test]
fn the_same_bytes_as_two_parts_count_once() {
    for threads in [1, 4] {
        let shop = Shop::new();
        let parts = [("sales-2018-03-00000.csv", month(3, 10)), ("sales-2018-03-00001.csv", month(3, 10))];
        let paths = files(&shop, &parts);
        let options = ImportOptions::default().threads(threads);
        for (rows, unchanged) in [(10, 1), (0, 2)] {
            let done = shop.import_with(&paths, &options).unwrap();
            assert_eq!((done.files, done.rows, done.unchanged), (2, rows, unchanged), "{threads} threads");
            assert_eq!(stored(&shop), ["2018-03: 10"]);
        }
    }
}

#[test]
fn empty_months_may_share_their_bytes() {
    let empty = || month(5, 0);
    let named = [("sales-2018-05-00000.csv", empty()), ("sales-2018-06-00000.csv", empty())];
    for in_one_call in [true, false] {
        let shop = Shop::new();
        let paths = files(&shop, &named);
        let calls: Vec<_> = if in_one_call { vec![&paths[..]] } else { paths.chunks(1).collect() };
        calls.iter().for_each(|paths| assert_eq!(shop.import(paths).unchanged, 0));
        assert_eq!(reports(&shop), ["2018-05/0: 0", "2018-06/0: 0"]);
        assert_eq!([state(&shop, "2018-05"), state(&shop, "2018-06")], [PeriodState::Empty; 2]);
        let unchanged: u64 = calls.iter().map(|paths| shop.import(paths).unchanged).sum();
        assert_eq!(unchanged, 2);
    }
}

#[test]
fn files_that_dispute_a_period_are_none_of_them_stored() {
    let third = |name: &'static str| (name, packing::zip(&[("sales-2018-03-00000.csv", &month(3, 30))]));
    let disputes = [
        [("a_2018_03.gz", gzip(3, 10)), ("b_2018_03.gz", gzip(3, 20)), third("c_2018_03.zip")],
        [
            ("sales-2018-03-00001.csv", month(3, 10)),
            ("sales-2018-03-00002.csv", month(3, 20)),
            third("x.zip"),
        ],
        [
            ("a_2018_03.gz", gzip(3, 10)),
            ("sales-2018-03-00001.csv", month(3, 20)),
            ("sales-2018-03-00002.csv", month(3, 30)),
        ],
    ];
    for dispute in disputes {
        let shop = Shop::new();
        let mut paths = files(&shop, &dispute);
        paths.push(shop.file("sales_2018_04.gz", gzip(4, 5)));
        assert_eq!(failures(&shop, &paths), dispute.map(|(name, _)| name));
        assert_eq!(stored(&shop), ["2018-04: 5"]);
    }
}

#[test]
fn failing_on_rejects_keeps_the_old_versions() {
    let shop = Shop::new();
    let named = |month: usize| format!("sales_2018_{month:02}.gz");
    let version = |rows: usize| -> Vec<PathBuf> {
        (1..=4).map(|month| shop.file(&named(month), gzip(month as i8, month + rows))).collect()
    };
    shop.import(&version(10));
    let before = reports(&shop);
    let mut paths = version(20);
    let bad = String::from_utf8(month(2, 30)).unwrap().replacen("1.00", "one", 1);
    paths[1] = shop.file(&named(2), packing::gzip(bad.as_bytes()));
    let strict = ImportOptions::default().on_reject(OnReject::Fail);
    assert_eq!(shop.import_with(&paths, &strict).unwrap_err().kind(), ErrorKind::Format);
    assert_eq!(reports(&shop), before);
    assert_eq!(shop.import_with(&version(20), &strict).unwrap().replaced, 4);
    assert_eq!(stored(&shop), ["2018-01: 21", "2018-02: 22", "2018-03: 23", "2018-04: 24"]);
}

#[test]
fn a_period_is_absent_empty_or_has_rows() {
    let shop = Shop::new();
    assert_eq!(state(&shop, "2018-03"), PeriodState::Absent);
    mark_empty(&shop, "2018-03").unwrap();
    mark_empty(&shop, "2018-03").unwrap();
    assert_eq!((state(&shop, "2018-03"), reports(&shop)), (PeriodState::Empty, vec!["2018-03/0: 0".into()]));
    shop.import(&[shop.file("sales_2018_03.gz", gzip(3, 10))]);
    assert_eq!((state(&shop, "2018-03"), reports(&shop)), (PeriodState::Rows, vec!["2018-03/0: 10".into()]));
    conflicts(&mark_empty(&shop, "2018-03").unwrap_err(), "2018-03");
    assert_eq!(stored(&shop), ["2018-03: 10"], "rows are never marked away");
    shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap();
    assert_eq!((state(&shop, "2018-03"), reports(&shop)), (PeriodState::Absent, vec![]));
    let again = shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
}

#[test]
fn a_report_of_nothing_but_rejects_is_not_empty() {
    let shop = Shop::new();
    let bad = String::from_utf8(month(3, 1)).unwrap().replace("1.00", "one");
    let done = shop.import(&[shop.file("sales_2018_03.csv", bad)]);
    assert_eq!((done.rows, done.rejected), (0, 1));
    assert_eq!(state(&shop, "2018-03"), PeriodState::Rows);
    conflicts(&mark_empty(&shop, "2018-03").unwrap_err(), "2018-03");
}

#[test]
fn deleting_takes_every_part_of_one_period() {
    let shop = Shop::new();
    let parts = [("sales-2018-03-00000.csv", month(3, 10)), ("sales-2018-03-00001.csv", month(3, 7))];
    shop.import(&files(&shop, &parts));
    shop.import(&[shop.file("sales_2018_04.gz", gzip(4, 5))]);
    shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap();
    assert_eq!(reports(&shop), ["2018-04/0: 5"]);
}

#[test]
fn gaps_are_the_months_of_which_nothing_is_known() {
    let shop = Shop::new();
    shop.import(&[shop.file("sales_2018_03.gz", gzip(3, 10))]);
    mark_empty(&shop, "2018-05").unwrap();
    let gaps = |start, end| shop.db.sales().gaps(shop.account, KIND, start, end).unwrap();
    assert_eq!(gaps("2018-02", "2018-07"), ["2018-02", "2018-04", "2018-06"]);
    assert_eq!(gaps("2018-03", "2018-04"), [""; 0], "half-open");
    shop.db.sales().delete(shop.account, KIND, "2018-05").unwrap();
    assert_eq!(gaps("2018-05", "2018-06"), ["2018-05"]);
}
