//! The Rust of `docs/guide.md`: what stands between the marks of a task is what the guide shows of it.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

/// Does one of the tasks, whose number is given, in the present folder.
fn main() -> Result<(), Box<dyn Error>> {
    let tasks = [one, two, three, four, five, six, seven, eight, nine, ten];
    let number: usize = std::env::args().nth(1).ok_or("which task?")?.parse()?;
    let task = tasks.get(number.wrapping_sub(1)).ok_or("there is no such task")?;
    task(tillroll_core::Db::open("shop.till")?)
}

fn one(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 1
    use tillroll_core::{NewExternalAccount, StoreKind};

    let account = db.external_accounts().create(NewExternalAccount::new("Amazon apps", StoreKind::Amazon))?;
    println!("account {}", account.id);
    // guide 1
    Ok(())
}

fn two(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 2
    use tillroll_core::ImportOptions;

    let done = db.sales().import(&["reports/*.gz"], 1, &ImportOptions::new())?;
    println!("{} files, {} rows, {} rejected", done.files, done.rows, done.rejected);
    let rejects = db.sales().rejects(None)?;
    for row in 0..rejects.len() {
        println!("line {} {}", rejects.value(row, 1), rejects.value(row, 2));
    }
    // guide 2
    Ok(())
}

fn three(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 3
    use tillroll_core::{By, Measure, Query};

    let query = Query::new().by([By::Month, By::Currency]).measures([Measure::Units, Measure::Earnings]);
    for row in db.sales().report(&query)?.rows() {
        println!("{} {} {} {}", row[0], row[1], row[2], row[3]);
    }
    // guide 3
    Ok(())
}

fn four(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 4
    use tillroll_core::{By, Dimension, Measure, Query};

    let query = Query::new().by([By::Sku, By::Title]).measures([Measure::Units, Measure::Sales]);
    let query = query.only(Dimension::Currency, ["USD"]).order_by(["-units"]).limit(2);
    for row in db.sales().report(&query)?.rows() {
        println!("{} {} {} {}", row[2], row[0], row[3], row[1]);
    }
    // guide 4
    Ok(())
}

fn five(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 5
    for sale in db.sales().get("t1")? {
        let told = |name| sale.get(name).map(ToString::to_string).unwrap_or_default();
        println!(
            "{} {} {} {} {}",
            told("date"),
            told("type"),
            told("title"),
            told("earnings"),
            told("currency")
        );
    }
    // guide 5
    Ok(())
}

fn six(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 6
    use tillroll_core::ImportOptions;

    let done = db.sales().import(&["restated/sales_2018_03.csv.gz"], 1, &ImportOptions::new())?;
    println!("replaced {} rejected {}", done.replaced, done.rejected);
    let done = db.sales().import(&["restated/sales_2018_03.csv.gz"], 1, &ImportOptions::new())?;
    println!("unchanged {}", done.unchanged);
    for report in db.sales().imports(None)? {
        for row in report.change.iter().flat_map(|change| change.rows()) {
            println!("{} {} {} {}", report.period, row[0], row[1], row[4]);
        }
    }
    // guide 6
    Ok(())
}

fn seven(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 7
    use tillroll_core::Query;

    let rows = db.sales().scan(&Query::new().columns(["sku", "units", "sales"]))?;
    let mut count = 0;
    for batch in rows {
        count += batch?.num_rows(); // a RecordBatch of arrow-array
    }
    println!("{count} rows");
    // guide 7
    Ok(())
}

fn eight(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 8
    use tillroll_core::{CampaignFields, PriceKey, PriceRow};

    let chess = db.products().get_by_store("amazon", "chess")?;
    let items =
        db.products().iter().filter(|item| item.as_ref().is_ok_and(|item| item.parent_id == Some(chess.id)));
    println!("{} has {} item", chess.name, items.count());
    let campaign = db.campaigns().create(CampaignFields::new().published(true))?;
    let price = PriceRow::new(PriceKey::new(chess.id), "0.99".parse()?);
    for row in db.campaigns().set_prices(campaign.id, &[price])? {
        println!("product {} costs {}", row.key.product_id, row.price);
    }
    // guide 8
    Ok(())
}

fn nine(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 9
    use tillroll_core::{Credentials, ExternalAccountUpdate, Kind, SyncOptions};

    println!("missing {}", db.sales().gaps(1, Kind::AmazonSales, "2018-01", "2018-06")?.join(" "));
    db.sales().mark_empty(1, Kind::AmazonSales, "2018-01")?;
    db.external_accounts().update(1, ExternalAccountUpdate::new().auto_import(true))?;
    db.external_accounts().set_credentials(1, Some(&Credentials::amazon("amzn1.app", "s3cret")))?;
    let options = SyncOptions::new().since("2018-01-01".parse()?).now("2018-06-02T03:00:00Z".parse()?);
    for fetch in db.sync_plan(&options)? {
        println!("{} {}", fetch.period, fetch.reason.as_str());
    }
    // guide 9
    Ok(())
}

fn ten(db: tillroll_core::Db) -> Result<(), Box<dyn Error>> {
    // guide 10
    use tillroll_core::{Db, ErrorKind, OpenOptions};

    db.set_passphrase(Some("correct horse battery staple"))?;
    db.backup("backup.till")?;
    println!("{}", if db.check()?.ok() { "whole" } else { "damaged" });
    tillroll_core::restore("backup.till", "again.till")?;
    let repaired = tillroll_core::repair("again.till")?;
    println!("{}", if repaired.ok() { "nothing lost" } else { "some is lost" });
    let again = Db::open("again.till")?;
    if again.external_accounts().reveal_credentials(1).is_err_and(|error| error.kind() == ErrorKind::Vault) {
        println!("sealed");
    }
    again.close()?;
    let options = OpenOptions::new().passphrase("correct horse battery staple");
    let again = Db::open_with("again.till", &options)?;
    assert!(again.external_accounts().reveal_credentials(1)?.is_some());
    // guide 10
    Ok(())
}
