//! What happens to the files of a database between two openings: the index is nobody's loss, damage is told.

use std::fs;
use std::path::{Path, PathBuf};

use tillroll_core::{Db, Error, ErrorKind, ImportOptions, OnReject, Query, check, repair};
use tillroll_tests::rng::Rng;
use tillroll_tests::{Layout, Report, Spec, packing};

use crate::dsl::{Shop, everything_of, new_account, read_only, rows_of};

pub fn quarter() -> Vec<Report> {
    (1..=3).map(|month| Spec::new(3, (2018, month), 2_000).generate()).collect()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).map(|_| ()).unwrap()
        }
    }
}

#[test]
fn deleting_the_index_loses_nothing() {
    let reports = quarter();
    let mut shop = Shop::with(&reports);
    let accounts: Vec<u64> = (0..50).map(|n| new_account(&shop.db, &format!("account {n}"))).collect();
    shop.db.close().unwrap();
    fs::remove_dir_all(shop.database().join("index")).unwrap();
    shop.db = Db::open(shop.database()).unwrap();
    assert_eq!(shop.everything(), everything_of(reports.iter().flat_map(|report| &report.rows)));
    let records = shop.db.records("external_accounts").unwrap();
    assert_eq!(records.len().unwrap(), 51);
    assert!(accounts.iter().all(|id| records.get(&id.to_string()).is_ok()));
    assert!(shop.db.check().unwrap().problems.is_empty());
}

#[test]
fn an_index_of_yesterday_is_caught_up() {
    let reports = quarter();
    let mut shop = Shop::with(&reports[..1]);
    let old = new_account(&shop.db, "old");
    shop.db.close().unwrap();
    let saved = shop.dir.path().join("index-of-yesterday");
    copy(&shop.database().join("index"), &saved);
    shop.db = Db::open(shop.database()).unwrap();
    shop.import(&reports[1..].iter().map(|report| shop.write(report)).collect::<Vec<_>>());
    shop.db.records("external_accounts").unwrap().delete(&old.to_string()).unwrap();
    let new = new_account(&shop.db, "new");
    shop.db.close().unwrap();
    fs::remove_dir_all(shop.database().join("index")).unwrap();
    copy(&saved, &shop.database().join("index"));
    shop.db = Db::open(shop.database()).unwrap();
    assert_eq!(shop.everything(), everything_of(reports.iter().flat_map(|report| &report.rows)));
    let records = shop.db.records("external_accounts").unwrap();
    assert!(records.get(&new.to_string()).is_ok());
    assert_eq!(records.get(&old.to_string()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(records.len().unwrap(), 2);
}

pub fn file_in(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap()
}

/// Everything that reads rows: totals, rows, and a lookup.
fn read_all(db: &Db, id: &str) -> Result<Vec<Vec<String>>, Error> {
    let by =
        serde_json::json!({"by": ["month", "currency", "country", "sku"], "measures": ["rows", "sales"]});
    let rows = rows_of(&db.sales().report(&Query::from_json(&by)?)?);
    db.sales().scan(&Query::new())?.try_for_each(|batch| batch.map(|_| ()))?;
    db.sales().get(id)?;
    Ok(rows)
}

/// A flipped byte anywhere gives the answer from before or an error that names the file; some of them must give errors.
fn flipping_bytes_is_told(folder: &str) {
    let reports = quarter();
    let shop = Shop::with(&reports);
    let id = reports[1].rows[5].transaction.to_string();
    let expected = read_all(&shop.db, &id).unwrap();
    shop.db.close().unwrap();
    let path = file_in(&shop.database().join(folder));
    let bytes = fs::read(&path).unwrap();
    let (mut rng, mut told) = (Rng::new(8), 0);
    for _ in 0..60 {
        let at = rng.below(bytes.len() as u64) as usize;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << rng.below(8);
        fs::write(&path, damaged).unwrap();
        match Db::open(shop.database()).and_then(|db| read_all(&db, &id)) {
            Ok(found) => assert_eq!(found, expected, "byte {at} of {}", bytes.len()),
            Err(error) => {
                told += 1;
                assert_eq!(error.kind(), ErrorKind::Corruption, "byte {at}: {error}");
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(error.to_string().contains(name), "byte {at}: {error}");
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(told > 20, "only {told} of 60 were noticed");
    assert_eq!(read_all(&Db::open(shop.database()).unwrap(), &id).unwrap(), expected);
}

#[test]
fn a_flipped_byte_in_a_roll_is_told() {
    flipping_bytes_is_told("rolls");
}

#[test]
fn a_flipped_byte_in_a_cleanly_closed_journal_is_told() {
    flipping_bytes_is_told("journal");
}

/// A roll in which no row lies but a reject, as of a file whose rows are all bad.
#[test]
fn a_roll_of_rejects_alone_is_told_from_another() {
    let of_text = |text: &str| {
        let shop = Shop::new();
        let month = jiff::civil::date(2018, 3, 1);
        let header = Report { month, layout: Layout::of_2018(), rows: Vec::new() }.csv();
        let file =
            shop.file("sales_2018_03.gz", packing::gzip(&[header.as_slice(), text.as_bytes()].concat()));
        let keep = ImportOptions::default().on_reject(OnReject::Keep);
        let done = shop.import_with(&[file], &keep).unwrap();
        assert_eq!((done.rows, done.rejected), (0, 1));
        shop.db.close().unwrap();
        (file_in(&shop.database().join("rolls")), shop)
    };
    let ((own, shop), (other, _stranger)) = (of_text("a bad row\n"), of_text("one more row\n"));
    assert!(read_only(&shop.database()).sales().rejects(None).unwrap().to_string().contains("a bad row"));
    fs::copy(other, &own).unwrap();
    let error = read_only(&shop.database()).sales().rejects(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corruption, "{error}");
    assert!(error.to_string().contains("000001.roll"), "{error}");
    assert!(!check(shop.database()).unwrap().problems.is_empty());
    let report = repair(shop.database()).unwrap();
    assert_eq!(report.lost.len(), 1, "{report:?}");
    assert_eq!(read_only(&shop.database()).sales().rejects(None).unwrap().len(), 0);
}

#[test]
fn reading_only_writes_nothing() {
    let reports = quarter();
    let shop = Shop::with(&reports);
    shop.db.close().unwrap();
    let state = |path: &Path| {
        let mut found = Vec::new();
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let meta = entry.metadata().unwrap();
                found.push((entry.path(), meta.len(), meta.modified().unwrap()));
                folders.extend(meta.is_dir().then(|| entry.path()));
            }
        }
        found.sort();
        found
    };
    let before = state(&shop.database());
    let db = read_only(&shop.database());
    assert_eq!(db.sales().len().unwrap(), 6_000);
    let error = db.records("external_accounts").unwrap().delete("1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    db.close().unwrap();
    assert_eq!(state(&shop.database()), before);
}
