//! Importing is replacing a report, wholly or not at all, and never twice.

use std::ops::ControlFlow;
use std::path::PathBuf;

use jiff::civil::date;
use serde_json::json;
use tillroll_core::{ErrorKind, ImportOptions, Kind, OnReject, PeriodState};
use tillroll_tests::{Field, Layout, Packing, Report, Spec};

use crate::dsl::{Shop, everything_of, new_account};

fn year() -> Vec<Report> {
    (1..=12).map(|month| Spec::new(3, (2018, month), 300).generate()).collect()
}

fn rows(reports: &[Report]) -> impl Iterator<Item = &tillroll_tests::Row> {
    reports.iter().flat_map(|report| &report.rows)
}

#[test]
fn the_same_bytes_change_nothing() {
    let shop = Shop::new();
    let paths: Vec<PathBuf> = year().iter().map(|report| shop.write(report)).collect();
    let first = shop.import(&paths);
    assert_eq!((first.files, first.rows, first.rejected, first.unchanged), (12, 3_600, 0, 0));
    let (before, sequence) = (shop.everything(), shop.db.sales().imports(None).unwrap());
    let again = shop.import(&paths);
    assert_eq!((again.files, again.rows, again.unchanged, again.replaced), (12, 0, 12, 0));
    assert_eq!(shop.everything(), before);
    let after = shop.db.sales().imports(None).unwrap();
    let key = |import: &tillroll_core::Import| (import.id, import.imported_at, import.sha256.clone());
    assert_eq!(after.iter().map(key).collect::<Vec<_>>(), sequence.iter().map(key).collect::<Vec<_>>());
}

#[test]
fn a_forced_import_reads_again_and_changes_no_figure() {
    let reports = year();
    let shop = Shop::with(&reports);
    let path = shop.write(&reports[4]);
    let done = shop.import_with(&[path], &ImportOptions::default().force(true)).unwrap();
    assert_eq!((done.rows, done.replaced, done.unchanged), (300, 1, 0));
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
}

/// All twelve lie in one roll; only the middle of it is replaced.
#[test]
fn a_restated_file_replaces_exactly_its_own_rows() {
    let mut reports = year();
    let mut shop = Shop::with(&reports);
    for (version, rows) in [(90, 250), (91, 10), (92, 900)] {
        reports[6] = Spec::new(version, (2018, 7), rows).generate();
        let done = shop.import(&[shop.write(&reports[6])]);
        assert_eq!((done.rows, done.replaced), (rows as u64, 1));
        assert_eq!(shop.everything(), everything_of(self::rows(&reports)), "version {version}");
        shop.reopen();
        assert_eq!(shop.everything(), everything_of(self::rows(&reports)), "version {version}, reopened");
    }
    assert_eq!(shop.db.sales().len().unwrap(), rows(&reports).count() as u64);
    assert!(shop.db.check().unwrap().problems.is_empty());
}

#[test]
fn a_restated_file_is_found_by_id_and_the_old_rows_are_not() {
    let reports = year();
    let shop = Shop::with(&reports);
    let restated = Spec::new(90, (2018, 7), 300).generate();
    shop.import(&[shop.write(&restated)]);
    let found =
        |report: &Report| shop.db.sales().get(&report.rows[17].transaction.to_string()).unwrap().len();
    assert_eq!((found(&reports[6]), found(&restated), found(&reports[5])), (0, 1, 1));
}

#[test]
fn accounts_do_not_share_reports() {
    let report = Spec::new(3, (2018, 3), 100).generate();
    let shop = Shop::with(std::slice::from_ref(&report));
    let other = new_account(&shop.db, "Other");
    let path = shop.write(&report);
    let done = shop.db.sales().import(&[path.to_str().unwrap()], other, &ImportOptions::default()).unwrap();
    assert_eq!((done.rows, done.unchanged), (100, 0));
    let found = shop.report(json!({"by": ["account"], "measures": ["rows"]}));
    assert_eq!(found, [[shop.account.to_string(), "100".into()], [other.to_string(), "100".into()]]);
}

#[test]
fn every_container_and_encoding_reads_alike() {
    let report = Spec::new(3, (2018, 3), 500).generate();
    let expected = everything_of(&report.rows);
    let text = String::from_utf8(report.csv()).unwrap();
    let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    let files: [(&str, Vec<u8>); 7] = [
        ("sales_2018_03.gz", tillroll_tests::packing::gzip(text.as_bytes())),
        ("sales_2018_03.zip", tillroll_tests::packing::zip(&[("sales-2018-03-00000.csv", text.as_bytes())])),
        ("sales-2018-03-00000.csv", text.clone().into_bytes()),
        ("bom_2018_03.csv", format!("\u{feff}{text}").into_bytes()),
        ("crlf_2018_03.csv", text.replace('\n', "\r\n").into_bytes()),
        ("utf16le_2018_03.csv", wide(u16::to_le_bytes)),
        ("utf16be_2018_03.csv", wide(u16::to_be_bytes)),
    ];
    for (name, bytes) in files {
        let shop = Shop::new();
        let done = shop.import(&[shop.file(name, bytes)]);
        assert_eq!((done.rows, done.rejected), (500, 0), "{name}");
        assert_eq!(shop.everything(), expected, "{name}");
    }
}

#[test]
fn a_container_replaces_the_bare_file_of_its_period() {
    let report = Spec::new(3, (2018, 3), 50).generate();
    let shop = Shop::new();
    shop.import(&[report.write(&shop.folder(), Packing::Plain)]);
    let restated = Spec::new(4, (2018, 3), 70).generate();
    shop.import(&[restated.write(&shop.folder(), Packing::Gzip)]);
    assert_eq!(shop.everything(), everything_of(&restated.rows));
}

#[test]
fn columns_are_bound_by_name() {
    let mut layout = Layout::today()
        .renamed(Field::Status, "In-App Subscription Status (Trial / Paid)")
        .renamed(Field::Country, "country/region CODE")
        .without(Field::Adjustment);
    layout.0.reverse();
    let report = Spec::new(3, (2018, 3), 500).layout(layout).generate();
    let shop = Shop::with(std::slice::from_ref(&report));
    assert_eq!(shop.everything(), everything_of(&report.rows));
}

#[test]
fn a_header_alone_is_an_empty_period() {
    let shop = Shop::new();
    let sales = shop.db.sales();
    let state = |period: &str| sales.period_state(shop.account, Kind::AmazonSales, period).unwrap();
    let report = Report { month: date(2018, 5, 1), layout: Layout::today(), rows: Vec::new() };
    let done = shop.import(&[shop.write(&report)]);
    assert_eq!((done.files, done.rows, done.rejected), (1, 0, 0));
    assert!(matches!(state("2018-05"), PeriodState::Empty));
    assert!(matches!(state("2018-06"), PeriodState::Absent));
    shop.import(&[shop.write(&Spec::new(1, (2018, 7), 5).generate())]);
    assert!(matches!(state("2018-07"), PeriodState::Rows));
    assert_eq!(
        sales.gaps(shop.account, Kind::AmazonSales, "2018-04", "2018-07").unwrap(),
        ["2018-04", "2018-06"]
    );
}

#[test]
fn what_was_deleted_imports_again() {
    let reports = year();
    let shop = Shop::with(&reports);
    shop.db.sales().delete(shop.account, Kind::AmazonSales, "2018-07").unwrap();
    assert_eq!(shop.everything(), everything_of(rows(&[&reports[..6], &reports[7..]].concat())));
    let done = shop.import(&[shop.write(&reports[6])]);
    assert_eq!((done.rows, done.unchanged), (300, 0));
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
}

#[test]
fn cancelling_leaves_each_report_whole() {
    let reports: Vec<Report> = (1..=6).map(|month| Spec::new(3, (2018, month), 20_000).generate()).collect();
    let shop = Shop::new();
    let paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    let half = ImportOptions::default().progress(|progress| {
        if progress.bytes_done * 2 > progress.bytes_total {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let error = shop.import_with(&paths, &half).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let periods = shop.report(json!({"by": ["period"], "measures": ["rows"]}));
    assert!(periods.iter().all(|row| row[1] == "20000"), "{periods:?}");
    shop.import(&paths);
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
}

/// What was read when the caller has had enough is kept, and the file that was being read is not.
#[test]
fn cancelling_late_keeps_what_was_read() {
    let mut reports = year();
    reports.truncate(8);
    reports.push(Spec::new(3, (2018, 9), 100_000).generate());
    let shop = Shop::new();
    let paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    let late = ImportOptions::default().threads(1).progress(|progress| match progress.files_done {
        8 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let error = shop.import_with(&paths, &late).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(shop.everything(), everything_of(rows(&reports[..8])));
    assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new());
    let done = shop.import(&paths);
    assert_eq!((done.rows, done.unchanged), (100_000, 8));
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
}

#[test]
fn progress_only_rises_and_ends_at_all() {
    let shop = Shop::new();
    let paths: Vec<PathBuf> = year().iter().map(|report| shop.write(report)).collect();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&seen);
    let options = ImportOptions::default().progress(move |progress| {
        keep.lock().unwrap().push((
            progress.bytes_done,
            progress.bytes_total,
            progress.rows,
            progress.files_done,
        ));
        ControlFlow::Continue(())
    });
    shop.import_with(&paths, &options).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].3 <= pair[1].3));
    let (bytes, total, rows, files) = *seen.last().unwrap();
    assert_eq!((bytes, rows, files), (total, 3_600, 12));
}

#[test]
fn failing_on_rejects_stores_all_or_nothing() {
    let reports = year();
    let shop = Shop::new();
    let mut paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    let bad = String::from_utf8(Spec::new(3, (2019, 1), 20).generate().csv())
        .unwrap()
        .replacen(",USD,", ",USD,x", 1);
    paths.push(shop.file("sales_2019_01.csv", bad));
    let strict = ImportOptions::default().on_reject(OnReject::Fail);
    let error = shop.import_with(&paths, &strict).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("sales_2019_01.csv"), "{error}");
    assert_eq!(shop.db.sales().len().unwrap(), 0);
    assert_eq!(shop.import_with(&paths[..12], &strict).unwrap().rows, 3_600);
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let reports = year();
    let shop = Shop::new();
    let mut paths: Vec<PathBuf> = reports.iter().map(|report| shop.write(report)).collect();
    paths.insert(3, shop.file("sales_2019_01.gz", b"\x1f\x8b\x08\x00 and no more"));
    let names: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let failed = shop.db.sales().import(&names, shop.account, &ImportOptions::default()).unwrap_err();
    assert_eq!(failed.summary.rows, 3_600);
    assert_eq!(failed.failures.len(), 1);
    assert!(failed.failures[0].0.ends_with("sales_2019_01.gz"));
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
}

fn rolls(shop: &Shop) -> u64 {
    shop.db.stats().unwrap()["rolls"].as_u64().unwrap()
}

fn files_of_rolls(shop: &Shop) -> u64 {
    std::fs::read_dir(shop.database().join("rolls")).unwrap().count() as u64
}

/// Each import makes a roll of its own: when there are too many they are put together, rows and rejects alike.
#[test]
fn many_small_imports_end_in_few_rolls() {
    let mut shop = Shop::new();
    let months = (0..80).map(|month| (2015 + month / 12, i8::try_from(month % 12 + 1).unwrap()));
    let reports: Vec<Report> = months.map(|month| Spec::new(3, month, 20).generate()).collect();
    for (i, report) in reports.iter().enumerate() {
        let path = report.write(&shop.folder(), Packing::Plain);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + &"a bad row\n".repeat(i % 3)).unwrap();
        shop.import(&[path]);
        assert!(rolls(&shop) <= 64, "{} rolls after {} imports", rolls(&shop), i + 1);
    }
    let rejects: usize = (0..80).map(|i| i % 3).sum();
    for _ in 0..2 {
        assert_eq!(shop.everything(), everything_of(rows(&reports)));
        assert_eq!(shop.db.sales().rejects(None).unwrap().len(), rejects);
        for report in reports.iter().step_by(7) {
            let found = shop.db.sales().get(&report.rows[3].transaction.to_string()).unwrap();
            assert!(!found.is_empty());
        }
        assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new());
        assert_eq!(files_of_rolls(&shop), rolls(&shop));
        shop.reopen();
    }
}

/// A roll that is mostly dead is written anew, and its file goes.
#[test]
fn a_roll_that_is_mostly_dead_shrinks() {
    let mut reports = year();
    let shop = Shop::with(&reports);
    for (i, report) in reports.iter_mut().enumerate().take(8) {
        *report = Spec::new(50, (2018, report.month.month()), 30 + i).generate();
        shop.import(&[shop.write(report)]);
    }
    assert_eq!(shop.everything(), everything_of(rows(&reports)));
    assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new());
    assert_eq!(files_of_rolls(&shop), rolls(&shop));
    let first = shop.database().join("rolls/000001.roll");
    assert!(!first.exists(), "the first roll holds 12 reports of which 8 were replaced");
}

/// A month that is alone in its roll leaves a roll without rows behind each time it is restated.
#[test]
fn files_of_replaced_rolls_go_while_the_database_is_open() {
    let shop = Shop::new();
    for version in 1..=6 {
        let report = Spec::new(version, (2018, 3), 50).generate();
        shop.import(&[shop.write(&report)]);
        assert_eq!(shop.everything(), everything_of(&report.rows));
        assert!(files_of_rolls(&shop) <= rolls(&shop), "{} files", files_of_rolls(&shop));
    }
    shop.db.sales().delete(shop.account, Kind::AmazonSales, "2018-03").unwrap();
    assert_eq!((files_of_rolls(&shop), rolls(&shop)), (0, 0));
}
