//! Real reports of Google Play, where they lie beside the checkout: nothing is refused, and every sum is that of the raw
//! text, read here by other means than the engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tillroll_tests::decimal::UNIT;
use tillroll_tests::google::{earnings, sales};

use crate::dsl::Shop;
use crate::google::Sums;

const SALES_2013: &str = "gogoluxecs_salesreport_201305.csv";
const SALES_2021: &str = "phibeee_salesreport_202111_scrubbed.csv";
const EARNINGS: [&str; 2] = ["phibeee_earnings_202106_scrubbed.csv", "phibeee_earnings_202107_scrubbed.csv"];

fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/google").join(name);
    if !path.exists() {
        println!("not tried: {name} does not lie beside this checkout");
    }
    path.exists().then_some(path)
}

type RawRow = BTreeMap<String, String>;

/// The rows of a file by the names in its header. A line break never stands within quotes here.
fn raw(path: &Path) -> Vec<RawRow> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap();
    lines
        .map(|cells| {
            assert_eq!(cells.len(), header.len());
            header.iter().cloned().zip(cells).collect()
        })
        .collect()
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

/// Millionths of an amount with two decimals, perhaps with separators.
fn micros(text: &str) -> i64 {
    let plain = text.replace(',', "");
    let (whole, cents) = plain.split_once('.').unwrap();
    assert_eq!(cents.len(), 2, "{text}");
    let number: i64 = format!("{whole}{cents}").parse().unwrap();
    number * (UNIT / 100)
}

fn imported(paths: &[PathBuf]) -> Shop {
    let shop = Shop::of_store("google_play");
    let rows: usize = paths.iter().map(|path| raw(path).len()).sum();
    let done = shop.import(paths);
    assert_eq!((done.rows, done.rejected), (rows as u64, 0));
    shop
}

/// The generator writes what the store does.
#[test]
fn generated_headers_are_the_stores() {
    let earned = |columns| earnings(1, (2021, 6), 1, columns).header.join(",");
    let sold = |columns| sales(1, (2021, 11), 1, columns).header.join(",");
    for (name, header) in [(SALES_2013, sold(17)), (SALES_2021, sold(19)), (EARNINGS[0], earned(19))] {
        let Some(path) = sample(name) else { return };
        assert_eq!(fs::read_to_string(path).unwrap().lines().next(), Some(header.as_str()), "{name}");
    }
}

#[test]
fn sums_of_sales_are_those_of_the_text() {
    for (name, rows) in [(SALES_2013, 2), (SALES_2021, 344)] {
        let Some(path) = sample(name) else { return };
        let shop = imported(std::slice::from_ref(&path));
        let (mut by_type, mut by_day) = (Sums::default(), Sums::default());
        for row in raw(&path) {
            let (kind, sign) =
                if row["Financial Status"] == "Charged" { ("charge", 1) } else { ("refund", -1) };
            let sales = Some(micros(&row["Item Price"]) * sign);
            by_type.add([kind, &row["Currency of Sale"]], sign, [sales, None]);
            by_day.add([&row["Order Charged Date"], &row["Currency of Sale"]], sign, [sales, None]);
        }
        assert_eq!(
            shop.report(json!({"by": ["type", "currency"], "measures": Sums::MEASURES})),
            by_type.rows()
        );
        assert_eq!(
            shop.report(json!({"by": ["day", "currency"], "measures": Sums::MEASURES})),
            by_day.rows()
        );
        assert_eq!(shop.db.sales().len().unwrap(), rows);
    }
}

#[test]
fn sums_of_earnings_are_those_of_the_text() {
    let Some(paths) = EARNINGS.iter().map(|name| sample(name)).collect::<Option<Vec<_>>>() else { return };
    let shop = imported(&paths);
    let (mut by_type, mut by_sku) = (Sums::default(), Sums::default());
    for row in paths.iter().flat_map(|path| raw(path)) {
        let (kind, units) = match row["Transaction Type"].as_str() {
            "Charge" => ("charge", 1),
            "Charge refund" => ("refund", -1),
            "Google fee" | "Google fee refund" => ("fee", 0),
            "Tax" => ("tax", 0),
            other => panic!("a type that the samples did not have: {other}"),
        };
        let sales = (units != 0).then(|| micros(&row["Amount (Buyer Currency)"]));
        let earnings = Some(micros(&row["Amount (Merchant Currency)"]));
        let sku = if row["Sku Id"].is_empty() { &row["Product id"] } else { &row["Sku Id"] };
        by_type.add([kind, &row["Buyer Currency"]], units, [sales, earnings]);
        by_sku.add([sku, &row["Buyer Currency"]], units, [sales, earnings]);
    }
    assert_eq!(shop.report(json!({"by": ["type", "currency"], "measures": Sums::MEASURES})), by_type.rows());
    assert_eq!(shop.report(json!({"by": ["sku", "currency"], "measures": Sums::MEASURES})), by_sku.rows());
    let months = shop.report(json!({"by": ["period", "earnings_currency"], "measures": ["rows", "units"]}));
    assert_eq!(months, [["2021-06", "EUR", "551", "277"], ["2021-07", "EUR", "626", "329"]]);
}

/// Two apps of this publisher sell a `premium` and an `unlockcharactermanager` each.
#[test]
fn units_of_products_are_those_of_app_and_sku() {
    let Some(paths) = EARNINGS.iter().map(|name| sample(name)).collect::<Option<Vec<_>>>() else { return };
    let shop = imported(&paths);
    let product = |app: &str, sku: &str| {
        let id = if sku.is_empty() { app.to_owned() } else { format!("{app}:{sku}") };
        shop.db.products().get_by_store("google_play", &id).unwrap().id
    };
    let (mut units, mut apps) = (BTreeMap::<u64, i64>::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for row in paths.iter().flat_map(|path| raw(path)) {
        let (app, sku) = (&row["Product id"], &row["Sku Id"]);
        let of_row = match row["Transaction Type"].as_str() {
            "Charge" => 1,
            "Charge refund" => -1,
            _ => 0,
        };
        *units.entry(product(app, sku)).or_default() += of_row;
        apps.entry(sku.clone()).or_default().insert(app.clone());
    }
    assert!(apps["premium"].len() > 1, "{apps:?}");
    let rows = |units: &BTreeMap<u64, i64>| -> Vec<Vec<String>> {
        units.iter().map(|(id, units)| vec![id.to_string(), units.to_string()]).collect()
    };
    assert_eq!(shop.report(json!({"by": "product"})), rows(&units));
    let names = apps.iter().filter(|(sku, _)| !sku.is_empty()).map(|(_, apps)| apps.len()).sum::<usize>();
    assert_eq!(units.len(), names + apps.get("").map_or(0, BTreeSet::len));
}

/// Every order of one number, each row as these columns.
fn order(shop: &Shop, number: &str, columns: &[&str]) -> Vec<String> {
    let columns = [&["transaction_id"], columns].concat();
    let rows = shop.scan(json!({"columns": columns}));
    rows.iter().filter(|row| row[0] == number).map(|row| row[1..].join(" | ")).collect()
}

#[test]
fn awkward_sales() {
    let Some(path) = sample(SALES_2021) else { return };
    let shop = imported(&[path]);
    let columns = ["type", "units", "sales", "currency", "time", "date", "Item Price", "Charged Amount"];
    // Thousands, and a refund whose price is written as that of the charge.
    assert_eq!(
        order(&shop, "GPA.3105-7812-3960-94386", &columns),
        [
            "charge | 1 | 17500.00 | COP | 2021-11-03T22:35:40Z | 2021-11-03 | 17,500.00 | 17,500.00",
            "refund | -1 | -17500.00 | COP | 2021-11-04T20:26:48Z | 2021-11-04 | 17,500.00 | -17,500.00",
        ]
    );
    // Charged and taken back within one second; the tax is no part of the sales.
    let columns = ["type", "units", "sales", "time", "Taxes Collected", "sku", "parent_sku", "item_type"];
    assert_eq!(
        order(&shop, "GPA.3113-5463-9859-43513", &columns),
        [
            "charge | 1 | 5.00 | 2021-11-02T09:46:33Z | 0.88 | com.droidbs.apps.ekapp2012 | - | paidapp",
            "refund | -1 | -5.00 | 2021-11-02T09:46:33Z | -0.88 | com.droidbs.apps.ekapp2012 | - | paidapp",
        ]
    );
    let found = shop.db.sales().get("GPA.3105-7812-3960-94386").unwrap();
    assert_eq!(found.len(), 2);
    let all = shop.db.sales().columns().unwrap();
    assert!(!all.iter().any(|name| name.ends_with("of Buyer")), "{all:?}");
}

#[test]
fn awkward_earnings() {
    let Some(path) = sample(EARNINGS[0]) else { return };
    let shop = imported(&[path]);
    let columns = ["type", "units", "sales", "currency", "earnings", "time", "Transaction Type", "Tax Type"];
    // A charge, its fee, and taxes: order, type, tax and time are the same twice.
    let cide = "2021-06-28T00:24:52Z | Tax | Brazil CIDE Withholding Tax";
    let irrf = "2021-06-28T00:24:52Z | Tax | Brazil IRRF Withholding Tax";
    let mut rows = order(&shop, "GPA.3233-0124-8366-62253", &columns);
    assert_eq!(
        rows.split_off(2),
        [
            format!("tax | 0 | - | EUR | 0.03 | {cide}"),
            format!("tax | 0 | - | EUR | -0.09 | {cide}"),
            format!("tax | 0 | - | EUR | -0.14 | {irrf}"),
            format!("tax | 0 | - | EUR | 0.04 | {irrf}"),
        ]
    );
    let columns =
        ["type", "units", "sales", "currency", "earnings", "date", "Transaction Time", "Refund Type"];
    assert_eq!(
        order(&shop, "GPA.3937-4042-5900-99241", &columns)[2..],
        [
            "refund | -1 | -1.05 | AUD | -0.67 | 2021-06-06 | 8:37:48 PM PDT | Full",
            "fee | 0 | - | AUD | 0.20 | 2021-06-06 | 8:37:48 PM PDT | Full",
        ]
    );
}
