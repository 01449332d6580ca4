//! The Rust of the README: what stands between the marks is what it shows.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

fn main() -> tillroll_core::Result<()> {
    // README
    use tillroll_core::{By, Db, ImportOptions, Measure, NewExternalAccount, Query, StoreKind};

    let db = Db::open("shop.till")?;
    let amazon = db.external_accounts().create(NewExternalAccount::new("Amazon apps", StoreKind::Amazon))?;
    let done = db.sales().import(&["reports/*.gz"], amazon.id, &ImportOptions::default())?;
    println!("{} {} {}", done.files, done.rows, done.rejected);

    let query = Query::new().by([By::Month, By::Currency]).measures([Measure::Units, Measure::Earnings]);
    println!("{}", db.sales().report(&query)?);
    for sale in db.sales().get("4dc81891-67af-40a2-a2df-0719a7b90fe8")? {
        println!("{:?} {:?} {:?}", sale.get("type"), sale.get("title"), sale.get("earnings"));
    }
    // README
    Ok(())
}
