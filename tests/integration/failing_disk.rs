//! A disk that fails once, at any moment of an import: after the next opening every report is its old or its new version,
//! wholly.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::date;
use serde_json::json;
use tillroll_core::{Db, ImportOptions, OnReject, OpenOptions};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Report, Row, packing};

use crate::dsl::Shop;
use crate::failing::{Countdown, FailingDisk};

const MONTHS: usize = 4;
const OLD: usize = 30;
const NEW: usize = 40;

/// Each month of a version has so many rows of so many units, and a row that cannot be read where they are kept.
fn version(shop: &Shop, rows: usize, on_reject: OnReject) -> Vec<PathBuf> {
    let report = |month| {
        let month = date(2018, month, 1);
        let charge = plain_charge(market_of("Amazon.de"), month.at(12, 0, 0, 0), 1);
        let rows = vec![Row { units: rows as i64, ..charge }; rows];
        let mut text = Report { month, layout: Layout::of_2018(), rows }.csv();
        if on_reject == OnReject::Keep {
            text.extend_from_slice(b"a bad row\n");
        }
        shop.file(&format!("sales_2018_{:02}.gz", month.month()), packing::gzip(&text))
    };
    (1..=MONTHS as i8).map(report).collect()
}

/// The version that each month shows: by the sums that are kept and by its rows, which must agree.
fn versions(shop: &Shop) -> Vec<usize> {
    let measures = ["rows", "units"];
    let kept = shop.report(json!({"by": ["period"], "measures": measures}));
    let rows = shop.report(json!({"by": ["period"], "measures": measures, "country": ["DE"]}));
    assert_eq!(kept, rows);
    let number = |text: &String| text.parse::<usize>().unwrap();
    let version = |row: &Vec<String>| {
        let (rows, units) = (number(&row[1]), number(&row[2]));
        assert_eq!(units, rows * rows, "{row:?}");
        rows
    };
    kept.iter().map(version).collect()
}

/// A call imports so many files.
type Calls = [usize];

/// Imports new versions, of which the `n`th write fails. Gives whether there was one, and what is there afterwards.
fn import_with_failure(n: i64, calls: &Calls, on_reject: OnReject) -> (bool, Vec<usize>) {
    let options = ImportOptions::default().threads(1).on_reject(on_reject);
    let mut shop = Shop::new();
    shop.import(&version(&shop, OLD, on_reject));
    shop.db.close().unwrap();
    let countdown = Countdown::never();
    let disk = Arc::new(FailingDisk(countdown.clone()));
    shop.db = Db::open_with(shop.database(), &OpenOptions::new().disk(disk)).unwrap();
    let paths = version(&shop, NEW, on_reject);
    countdown.start(n);
    let (mut rest, mut failures) = (paths.as_slice(), 0);
    for &files in calls {
        let (now, later) = rest.split_at(files);
        failures += usize::from(shop.import_with(now, &options).is_err());
        rest = later;
    }
    let failed = countdown.has_failed();
    countdown.start(i64::MAX);
    // A handle whose journal failed may have nothing more to say.
    let _ = shop.db.close();
    shop.db = Db::open(shop.database()).unwrap();
    let found = versions(&shop);
    is_whole(&shop, on_reject, n);
    if failures == 0 {
        assert_eq!(found, [NEW; MONTHS], "write {n} failed, no import did");
    }
    shop.import_with(&paths, &options).unwrap();
    assert_eq!(versions(&shop), [NEW; MONTHS], "imported again after write {n} failed");
    is_whole(&shop, on_reject, n);
    (failed, found)
}

fn is_whole(shop: &Shop, on_reject: OnReject, n: i64) {
    let rejects = if on_reject == OnReject::Keep { MONTHS } else { 0 };
    assert_eq!(shop.db.sales().rejects(None).unwrap().len(), rejects, "write {n} failed");
    assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new(), "write {n} failed");
}

/// Every write of these calls fails once.
fn each_write_fails(calls: &Calls, on_reject: OnReject, is_fine: impl Fn(&[usize]) -> bool) {
    for n in 0.. {
        let (failed, found) = import_with_failure(n, calls, on_reject);
        assert!(found.len() == MONTHS && is_fine(&found), "write {n} failed: {found:?}");
        if !failed {
            assert!(n >= 5 * calls.len() as i64, "{n} writes for {} imports", calls.len());
            break;
        }
    }
}

#[test]
fn a_failed_write_leaves_each_report_old_or_new() {
    let old_or_new = |found: &[usize]| found.iter().all(|rows| [OLD, NEW].contains(rows));
    each_write_fails(&[2, 1, 1], OnReject::Keep, old_or_new);
}

#[test]
fn a_failed_write_leaves_a_strict_import_old_or_new() {
    each_write_fails(&[MONTHS], OnReject::Fail, |found| found == [OLD; MONTHS] || found == [NEW; MONTHS]);
}
