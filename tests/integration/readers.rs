//! Readers during an import see one commit or the next, never part of one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jiff::civil::date;
use serde_json::json;
use tillroll_core::{Db, Kind, Query};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Packing, Report, Row};

use crate::dsl::{Shop, rows_of};

/// Version `n` of the month has 500 + n rows, each of n units: rows, units and the version determine one another.
fn version(n: usize) -> Report {
    let charge = plain_charge(market_of("Amazon.de"), date(2018, 3, 5).at(12, 0, 0, 0), 77);
    let rows = vec![Row { units: n as i64, ..charge }; 500 + n];
    Report { month: date(2018, 3, 1), layout: Layout::of_2018(), rows }
}

/// The version that a report shows, which must be whole.
fn version_of_report(db: &Db) -> usize {
    let query = Query::from_json(&json!({"measures": ["rows", "units"]})).unwrap();
    let found = rows_of(&db.sales().report(&query).unwrap());
    let (rows, units): (usize, usize) = (found[0][0].parse().unwrap(), found[0][1].parse().unwrap());
    assert_eq!(units, (rows - 500) * rows, "{rows} rows");
    rows - 500
}

/// As [`version_of_report`], of the rows instead of the totals: no sum by SKU is kept.
fn version_of_rows(db: &Db) -> usize {
    let query = json!({"by": ["sku"], "measures": ["rows", "units"]});
    let found = rows_of(&db.sales().report(&Query::from_json(&query).unwrap()).unwrap());
    let (rows, units): (usize, usize) = (found[0][1].parse().unwrap(), found[0][2].parse().unwrap());
    assert_eq!((found.len(), units), (1, (rows - 500) * rows), "{rows} rows");
    rows - 500
}

fn version_of_scan(db: &Db) -> usize {
    let scan = db.sales().scan(&Query::from_json(&json!({"columns": ["units"]})).unwrap()).unwrap();
    let rows: usize = scan.map(|batch| batch.unwrap().num_rows()).sum();
    rows - 500
}

fn version_of_lookup(db: &Db) -> usize {
    db.sales().get("77").unwrap().len() - 500
}

#[test]
fn readers_see_whole_commits() {
    let mut shop = Shop::with(&[version(1)]);
    let versions: Vec<_> = (2..=25)
        .map(|n| {
            let folder = shop.folder().join(n.to_string());
            std::fs::create_dir(&folder).unwrap();
            version(n).write(&folder, Packing::Gzip)
        })
        .collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = [version_of_report, version_of_rows, version_of_scan, version_of_lookup].map(|read| {
            let (db, done) = (shop.db.clone(), &done);
            scope.spawn(move || {
                let (mut newest, mut seen) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    let now = read(&db);
                    assert!(now >= newest, "version {now} after {newest}");
                    seen += usize::from(now > newest);
                    newest = now;
                }
                seen
            })
        });
        let (db, account, done_ref) = (shop.db.clone(), shop.account, &done);
        let other = scope.spawn(move || mark_and_delete(&db, account, done_ref));
        versions.into_iter().for_each(|path| {
            shop.import(&[path]);
        });
        done.store(true, Ordering::Relaxed);
        assert!(other.join().unwrap() > 1);
        let seen: Vec<usize> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(seen.iter().all(|&seen| seen > 1), "readers saw only {seen:?} versions: nothing was tested");
    });
    for _ in 0..2 {
        assert_eq!([version_of_report(&shop.db), version_of_rows(&shop.db)], [25; 2]);
        assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new());
        shop.reopen();
    }
}

/// Marks other periods empty and deletes them; gives how often.
fn mark_and_delete(db: &Db, account: u64, done: &AtomicBool) -> usize {
    let mut times = 0;
    while !done.load(Ordering::Relaxed) {
        let period = format!("2010-{:02}", times % 12 + 1);
        db.sales().mark_empty(account, Kind::AmazonSales, &period).unwrap();
        db.sales().delete(account, Kind::AmazonSales, &period).unwrap();
        times += 1;
    }
    times
}

/// A scan goes on with the rows it began with, whatever is replaced or deleted meanwhile.
#[test]
fn a_scan_keeps_what_it_began_with() {
    let shop = Shop::with(&[version(1)]);
    let scan = shop.db.sales().scan(&Query::from_json(&json!({"columns": ["units"]})).unwrap()).unwrap();
    shop.import(&[shop.write(&version(9))]);
    shop.db.sales().delete(shop.account, Kind::AmazonSales, "2018-03").unwrap();
    assert_eq!(scan.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 501);
    assert_eq!(shop.db.sales().len().unwrap(), 0);
}
