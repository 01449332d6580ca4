//! Reports of several lengths over the same days: which of them count, and what the others still are. And what a report
//! was before it was restated.

use std::path::PathBuf;

use jiff::civil::Date;
use serde_json::json;
use tillroll_core::{Error, ErrorKind, Import, ImportOptions, Kind, PeriodState};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Report};

use crate::dsl::{Shop, rows_of};

const KIND: Kind = Kind::AmazonSales;

/// A file with so many rows of one day, all with one transaction's id, which names the file.
fn file(shop: &Shop, id: u64, day: &str, rows: usize) -> PathBuf {
    let day: Date = day.parse().unwrap();
    let rows = vec![plain_charge(market_of("Amazon.de"), day.at(12, 0, 0, 0), id); rows];
    let report = Report { month: day.first_of_month(), layout: Layout::of_2018(), rows };
    shop.file(&format!("{id}.csv"), report.csv())
}

/// Imports such a file as the report of a period.
fn import(shop: &Shop, period: &str, id: u64, day: &str, rows: usize) {
    let path = file(shop, id, day, rows);
    shop.import_with(&[path], &ImportOptions::default().period(period)).unwrap();
}

fn imports(shop: &Shop) -> Vec<Import> {
    shop.db.sales().imports(None).unwrap()
}

/// `period: rows`, and behind it the period that counts in its place.
fn stored(shop: &Shop) -> Vec<String> {
    let imports = imports(shop);
    let period = |id: u64| imports.iter().find(|one| one.id == id).map_or("?", |one| &one.period);
    let line = |one: &Import| match one.shadowed_by {
        Some(by) => format!("{}: {} < {}", one.period, one.rows, period(by)),
        None => format!("{}: {}", one.period, one.rows),
    };
    imports.iter().map(line).collect()
}

/// How many rows each way of asking sees.
fn seen(shop: &Shop) -> Vec<u64> {
    let sales = shop.db.sales();
    let totals: u64 = shop.report(json!({"measures": ["rows"]}))[0][0].parse().unwrap();
    let rows = shop.report(json!({"by": ["country"], "measures": ["rows"]}));
    let rows = rows.iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    let scanned = shop.scan(json!({"columns": ["units"]})).len() as u64;
    let found: usize = (0..40).map(|id| sales.get(&id_of(id)).unwrap().len()).sum();
    vec![sales.len().unwrap(), totals, rows, scanned, found as u64]
}

fn id_of(id: u64) -> String {
    plain_charge(market_of("Amazon.de"), Date::constant(2018, 1, 1).at(12, 0, 0, 0), id)
        .transaction
        .to_string()
}

fn gaps(shop: &Shop, start: &str, end: &str) -> Vec<String> {
    shop.db.sales().gaps(shop.account, KIND, start, end).unwrap()
}

#[test]
fn only_reports_that_count_are_seen() {
    let mut shop = Shop::new();
    import(&shop, "2018-03-02", 1, "2018-03-02", 1);
    import(&shop, "2018-W10", 2, "2018-03-07", 2);
    assert_eq!(seen(&shop), [3; 5]);
    import(&shop, "2018-03", 3, "2018-03-07", 4);
    assert_eq!(stored(&shop), ["2018-03: 4", "2018-03-02: 1 < 2018-03", "2018-W10: 2 < 2018-03"]);
    assert_eq!(seen(&shop), [4; 5]);
    let state = shop.db.sales().period_state(shop.account, KIND, "2018-W10").unwrap();
    assert_eq!(state, PeriodState::Rows, "it is stored, even so");
    assert!(shop.db.check().unwrap().problems.is_empty());
    shop.reopen();
    assert_eq!(seen(&shop), [4; 5]);
    shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap();
    assert_eq!(seen(&shop), [3; 5], "deleting uncovers what it stood before");
}

#[test]
fn days_marked_empty_help_to_cover_a_month() {
    let shop = Shop::new();
    import(&shop, "2018-02", 1, "2018-02-10", 5);
    import(&shop, "2018-02-10", 2, "2018-02-10", 3);
    assert_eq!(seen(&shop), [5; 5]);
    let mark = |period: &str| shop.db.sales().mark_empty(shop.account, KIND, period).unwrap();
    for day in (1..=28).filter(|&day| day != 10 && day != 20) {
        mark(&format!("2018-02-{day:02}"));
    }
    assert_eq!(seen(&shop), [5; 5], "a day is missing");
    mark("2018-02-20");
    assert_eq!(seen(&shop), [3; 5]);
    let month = imports(&shop).into_iter().find(|one| one.period == "2018-02").unwrap();
    let first = imports(&shop).into_iter().find(|one| one.period == "2018-02-01").unwrap();
    assert_eq!(month.shadowed_by, Some(first.id));
    assert_eq!(gaps(&shop, "2018-01", "2018-04"), ["2018-01", "2018-03"]);
    shop.db.sales().delete(shop.account, KIND, "2018-02-20").unwrap();
    assert_eq!(seen(&shop), [5; 5]);
}

#[test]
fn the_order_of_imports_does_not_matter() {
    let reports = [
        ("2018-02", "2018-02-27", 1),
        ("2018-W09", "2018-02-27", 2),
        ("2018-03-01", "2018-03-01", 4),
        ("2018-03-05", "2018-03-05", 8),
        ("2018-W10", "2018-03-06", 16),
        ("2019", "2019-05-06", 32),
    ];
    let mut told = Vec::new();
    for turn in 0..reports.len() {
        let shop = Shop::new();
        for index in 0..reports.len() {
            let (period, day, rows) = reports[(index * 5 + turn) % reports.len()];
            import(&shop, period, rows as u64, day, rows);
        }
        assert_eq!(seen(&shop), [1 + 4 + 16 + 32; 5], "turn {turn}");
        let mut all = stored(&shop);
        all.sort();
        told.push(all);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]));
    let expected = [
        "2018-02: 1",
        "2018-03-01: 4",
        "2018-03-05: 8 < 2018-W10",
        "2018-W09: 2 < 2018-02",
        "2018-W10: 16",
        "2019: 32",
    ];
    assert_eq!(told[0], expected);
}

#[test]
fn a_year_of_gaps_is_covered_by_what_counts() {
    let shop = Shop::new();
    import(&shop, "2018", 1, "2018-05-01", 1);
    assert_eq!(gaps(&shop, "2017-12", "2019-02"), ["2017-12", "2019-01"]);
    import(&shop, "2019-W01", 2, "2019-01-02", 1);
    assert_eq!(gaps(&shop, "2018-12", "2019-02"), ["2019-01"], "its first days are the year's");
}

#[test]
fn what_is_asked_of_an_unknown_account_is_not_found() {
    let shop = Shop::new();
    let sales = shop.db.sales();
    let errors: [Error; 3] = [
        sales.period_state(99, KIND, "2018-03").unwrap_err(),
        sales.gaps(99, KIND, "2018-03", "2018-04").unwrap_err(),
        sales.mark_empty(99, KIND, "2018-03").unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::NotFound), "{errors:?}");
}

/// `rows: change of units` of every version, oldest first.
fn versions(shop: &Shop) -> Vec<String> {
    let imports = imports(shop);
    let change = |table: &tillroll_core::Table| {
        rows_of(table).iter().map(|row| row[..2].join(" ")).collect::<Vec<_>>().join(",")
    };
    let versions = imports.iter().flat_map(|one| &one.versions);
    versions
        .map(|one| format!("{}: {}", one.rows, one.change.as_ref().map_or("-".to_owned(), change)))
        .collect()
}

#[test]
fn a_restated_report_remembers_what_it_was() {
    let mut shop = Shop::new();
    for rows in [3, 5, 4] {
        import(&shop, "2018-03", rows, "2018-03-05", rows as usize);
    }
    let expected = ["3: -", "5: EUR 2", "4: EUR -1"];
    assert_eq!(versions(&shop), expected);
    let one = &imports(&shop)[0];
    assert_eq!(one.versions.last().map(|last| (last.id, last.rows)), Some((one.id, 4)));
    assert!(one.versions[0].path.ends_with("3.csv") && one.versions[0].sha256 != one.sha256);
    shop.reopen();
    assert_eq!(versions(&shop), expected);
    // Read again from the same bytes it is the same version.
    let path = shop.folder().join("4.csv");
    let again = ImportOptions::default().period("2018-03").force(true);
    assert_eq!(shop.import_with(std::slice::from_ref(&path), &again).unwrap().replaced, 1);
    assert_eq!(versions(&shop), expected);
    shop.db.sales().delete(shop.account, KIND, "2018-03").unwrap();
    shop.import_with(&[path], &ImportOptions::default().period("2018-03")).unwrap();
    assert_eq!(versions(&shop), ["4: -"], "deleting forgets them");
}

#[test]
fn a_container_remembers_the_parts_it_replaced() {
    let shop = Shop::new();
    import(&shop, "2018-03", 1, "2018-03-05", 1);
    let part = shop.folder().join("sales-2018-03-00001.csv");
    std::fs::copy(file(&shop, 2, "2018-03-06", 2), &part).unwrap();
    shop.import(&[part]);
    let whole = std::fs::read(file(&shop, 3, "2018-03-07", 7)).unwrap();
    shop.import(&[shop.file("sales_2018_03.gz", tillroll_tests::packing::gzip(&whole))]);
    assert_eq!(versions(&shop), ["1: -", "2: -", "7: EUR 4"]);
}

#[test]
fn the_newest_64_earlier_versions_are_kept() {
    let shop = Shop::new();
    for rows in 1..=67 {
        import(&shop, "2018-03", rows, "2018-03-05", rows as usize);
    }
    let found = versions(&shop);
    assert_eq!((found.len(), found[0].as_str(), found[64].as_str()), (65, "3: EUR 1", "67: EUR 1"));
}
