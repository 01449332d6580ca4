use std::fs;

use super::*;
use crate::ingest::StoreKind;
use crate::journal::fault::{Fault, FaultDisk};
use crate::records::NewExternalAccount;
use crate::sales::ImportOptions;
use crate::{Db, check};

const HEADER: &str = "Marketplace,Transaction Time,Transaction ID,Transaction Type,Vendor SKU,Units,Marketplace Currency,\
                      Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n";

/// A closed database with a month in each of two rolls, without `TILLROLL`, and a frame of its journal spoilt that made
/// some accounts.
fn damaged(dir: &Path) -> PathBuf {
    let path = dir.join("shop.till");
    let db = Db::open(&path).unwrap();
    let accounts = db.external_accounts();
    let account = accounts.create(NewExternalAccount::new("Amazon", StoreKind::Amazon)).unwrap();
    for month in 1..=2 {
        let file = dir.join(format!("sales_2018_{month:02}.csv"));
        let row = |n: u32| {
            format!("Amazon.de,2018-{month:02}-05 12:00:{n:02},id-{month}-{n},Charge,app,1,EUR,1.99,1.39\n")
        };
        fs::write(&file, (0..20).map(row).fold(HEADER.to_owned(), |text, row| text + &row)).unwrap();
        db.sales().import(&[file.to_str().unwrap()], account.id, &ImportOptions::default()).unwrap();
        accounts.create(NewExternalAccount::new(format!("other {month}"), StoreKind::Apple)).unwrap();
    }
    db.close().unwrap();
    fs::remove_file(path.join("TILLROLL")).unwrap();
    let journal = path.join("journal/000001.log");
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(7).position(|window| window == b"other 1").unwrap();
    bytes[at] ^= 1;
    fs::write(&journal, bytes).unwrap();
    path
}

/// The power goes at every operation of a repair, and with it what was not synced: what stands can be repaired again.
#[test]
fn a_repair_that_loses_power_can_be_repeated() {
    for n in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = damaged(dir.path());
        let disk = FaultDisk::default();
        disk.fail(n, Fault::Dead);
        let tried = repair_with(&path, &OpenOptions::new().disk(std::sync::Arc::new(disk.clone())));
        let is_done = disk.done() <= n;
        assert_eq!(tried.is_ok(), is_done, "operation {n}: {tried:?}");
        disk.heal();
        disk.cut_power();
        let report = repair(&path).unwrap();
        assert_eq!(check(&path).unwrap().problems, Vec::<String>::new(), "operation {n}: {report:?}");
        let db = Db::open(&path).unwrap();
        assert_eq!(db.sales().len().unwrap(), 40, "operation {n}: {report:?}");
        let names: Vec<_> = db.external_accounts().iter().map(|account| account.unwrap().nickname).collect();
        assert_eq!(names, ["Amazon", "other 2"], "operation {n}: {report:?}");
        if is_done {
            assert!(n > 15, "only {n} operations");
            break;
        }
    }
}

/// What is copied to `damaged/` stands there before anything else is changed.
#[test]
fn nothing_goes_before_its_copy_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = damaged(dir.path());
    let disk = FaultDisk::default();
    repair_with(&path, &OpenOptions::new().disk(std::sync::Arc::new(disk.clone()))).unwrap();
    let log = disk.log();
    let place =
        |what: &str| log.iter().position(|done| done == what).unwrap_or_else(|| panic!("{what} in {log:?}"));
    assert!(place("rename 000001.log.tmp") < place("syncdir damaged"), "{log:?}");
    assert!(place("syncdir damaged") < place("rename 000002.log.tmp"), "{log:?}");
    assert!(place("rename 000002.log.tmp") < place("rename TILLROLL.tmp"), "{log:?}");
    assert!(place("rename TILLROLL.tmp") < place("remove 000001.log"), "{log:?}");
}
