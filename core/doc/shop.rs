// What the examples of the documentation begin with, unseen: a shop with one report, in a folder that goes with it.

#[allow(dead_code, reason = "an example needs some of it")]
struct Shop {
    db: tillroll_core::Db,
    account: u64,
    folder: tempfile::TempDir,
}

fn shop() -> Result<Shop, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let report = "Marketplace,Transaction ID,Transaction Time,Transaction Type,Vendor SKU,Title,Units,\
        Marketplace Currency,Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n\
        Amazon.de,t1,2018-03-05 12:00:00,Charge,chess,Chess,1,EUR,1.99,1.39\n\
        Amazon.de,t1,2018-03-06 12:00:00,Refund,chess,Chess,1,EUR,1.99,-1.39\n\
        Amazon.com,t2,2018-03-06 12:00:00,Charge,coins,Coins,2,USD,9.98,6.98\n\
        Amazon.com,t3,2018-03-06 12:00:00,Charge,coins,Coins,many,USD,9.98,6.98\n";
    let file = folder.path().join("sales_2018_03.csv");
    std::fs::write(&file, report)?;
    let db = tillroll_core::Db::open(folder.path().join("shop.till"))?;
    let account = tillroll_core::NewExternalAccount::new("Amazon apps", tillroll_core::StoreKind::Amazon);
    let account = db.external_accounts().create(account)?.id;
    let options = tillroll_core::ImportOptions::default();
    db.sales().import(&[file.to_string_lossy()], account, &options)?;
    Ok(Shop { db, account, folder })
}
