//! Products from sales: what reports sell becomes products, and rows are asked for by them.

use std::path::PathBuf;

use serde_json::json;
use tillroll_core::{Error, ImportOptions, Kind, OnReject, Product, ProductSearch, Value};
use tillroll_tests::{Packing, Spec};

use crate::dsl::{Shop, new_account};

const HEADER: &str = "Marketplace,Transaction ID,Transaction Time,Transaction Type,ASIN,Vendor SKU,Title,Item Name,\
    Units,Marketplace Currency,Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)";

/// A charge: its day, SKU, ASIN, title and item name.
type Charge<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

impl Shop {
    /// A month's report of these charges.
    fn charges(&self, month: &str, charges: &[Charge<'_>]) -> PathBuf {
        let mut text = HEADER.to_owned();
        for (day, sku, asin, title, item) in charges {
            let id = format!("{month}-{day}-{sku}");
            text += &format!(
                "\nAmazon.de,\"{id}\",{month}-{day} 12:00:00,Charge,{asin},\"{sku}\",\"{title}\",{item},1,EUR,1.00,0.70"
            );
        }
        self.file(&format!("sales_{}.csv", month.replace('-', "_")), text)
    }

    fn sells(&self, month: &str, charges: &[Charge<'_>]) {
        self.import(&[self.charges(month, charges)]);
    }

    /// All products, by id.
    fn products(&self) -> Vec<Product> {
        self.db.products().iter().map(Result::unwrap).collect()
    }

    fn product(&self, sku: &str) -> Product {
        self.db.products().get_by_store("amazon", sku).unwrap()
    }

    fn name(&self, sku: &str) -> String {
        self.product(sku).name
    }

    fn by_product(&self) -> Vec<Vec<String>> {
        self.report(json!({"by": ["product"]}))
    }
}

#[test]
fn figures_by_product_are_the_figures_by_sku() {
    let months = [(2018, 2), (2018, 3), (2018, 4)];
    let reports: Vec<_> = months.iter().map(|&month| Spec::new(5, month, 3_000).generate()).collect();
    let mut shop = Shop::with(&reports);
    let measures = json!(["units", "refund_units", "rows", "sales", "earnings"]);
    let mut by_sku = shop.report(json!({"by": ["sku", "currency"], "measures": measures}));
    by_sku
        .iter_mut()
        .filter(|row| row[0] != "-")
        .for_each(|row| row[0] = shop.product(&row[0]).id.to_string());
    let id = |row: &Vec<String>| row[0].parse::<u64>().unwrap_or(u64::MAX);
    by_sku.sort_by(|a, b| (id(a), &a[1]).cmp(&(id(b), &b[1])));
    let by_product = json!({"by": ["product", "currency"], "measures": measures});
    assert!(by_sku.len() > 100);
    assert_eq!(shop.report(by_product.clone()), by_sku);
    let known = shop.products();
    assert!(by_sku.iter().all(|row| row[0] == "-" || known.iter().any(|product| product.id == id(row))));
    shop.reopen();
    assert_eq!(shop.report(by_product), by_sku);
    assert_eq!(shop.db.check().unwrap().problems, [""; 0]);
}

#[test]
fn a_new_sku_is_an_owned_product() {
    let shop = Shop::new();
    shop.sells(
        "2018-03",
        &[("02", "chess", "B001", "Chess", ""), ("03", "go", "", "Go", ""), ("04", "", "B002", "No", "")],
    );
    let [chess, go] = [shop.product("chess"), shop.product("go")];
    assert_eq!(shop.products(), [chess.clone(), go.clone()]);
    assert_eq!((chess.vendor_identifier.as_str(), chess.sku.as_deref()), ("B001", Some("chess")));
    assert_eq!((go.vendor_identifier.as_str(), go.sku.as_deref()), ("go", Some("go")));
    assert_eq!((chess.name.as_str(), chess.kind.as_deref(), chess.parent_id), ("Chess", Some("app"), None));
    let source = chess.source.as_ref().unwrap();
    assert_eq!((source.external_account_id, source.active, source.hidden), (Some(shop.account), true, false));
    assert_eq!(shop.product("B001"), chess);
    assert_eq!(shop.db.products().mine(Some("amazon"), false).unwrap(), [chess.clone(), go.clone()]);
    let rows = [
        [chess.id.to_string(), "1".to_owned()],
        [go.id.to_string(), "1".to_owned()],
        ["-".into(), "1".into()],
    ];
    assert_eq!(shop.by_product(), rows);
}

#[test]
fn an_item_belongs_to_the_app_of_its_title() {
    let shop = Shop::new();
    let other = new_account(&shop.db, "Another publisher");
    // The first app comes with its item, the second one later, the third one is somebody else's.
    shop.sells(
        "2018-03",
        &[
            ("01", "gold", "", "Chess", "Gold"),
            ("02", "chess", "", "Chess", ""),
            ("03", "stones", "", "Go", "Stones"),
            ("04", "skin", "", "Rdio", "Skin"),
        ],
    );
    let theirs = shop.charges("2018-05", &[("01", "rdio", "", "Rdio", "")]);
    shop.db.sales().import(&[theirs.to_str().unwrap()], other, &ImportOptions::default()).unwrap();
    let chess = shop.product("chess");
    assert_eq!(shop.product("gold").parent_id, Some(chess.id));
    assert_eq!((shop.name("gold").as_str(), shop.product("gold").kind.as_deref()), ("Gold", Some("inapp")));
    assert_eq!([shop.product("stones").parent_id, shop.product("skin").parent_id], [None; 2]);
    // An older report brings the app of a title that it has no more.
    shop.sells("2018-02", &[("01", "go", "", "Go", "")]);
    let go = shop.product("go").id;
    assert_eq!([shop.product("stones").parent_id, shop.product("skin").parent_id], [Some(go), None]);
    assert_eq!(shop.report(json!({"product": go})), [["1"]]);
    assert_eq!(shop.report(json!({"product": [go, chess.id], "include_inapps": true})), [["4"]]);
}

#[test]
fn titles_follow_the_newest_report_whatever_comes_first() {
    let shop = Shop::new();
    shop.sells("2018-03", &[("09", "chess", "", "Chess 3", ""), ("08", "chess", "", "Chess 2", "")]);
    shop.sells("2018-05", &[("01", "chess", "", "Chess 5", "")]);
    assert_eq!(shop.name("chess"), "Chess 5");
    shop.sells("2018-04", &[("30", "chess", "", "Chess 4", "")]);
    assert_eq!(shop.name("chess"), "Chess 5", "an older report came later");
    shop.sells("2018-05", &[("01", "chess", "", "Chess V", "")]);
    assert_eq!(shop.name("chess"), "Chess V", "the newest one was restated");
    shop.sells("2018-06", &[("01", "chess", "", "Chess V", "")]);
    shop.sells("2018-05", &[("31", "chess", "", "Chess again", "")]);
    assert_eq!(
        shop.name("chess"),
        "Chess V",
        "an older one was restated after a newer one with the same title"
    );
    assert_eq!(shop.products().len(), 1);
}

#[test]
fn nothing_makes_a_product_twice_and_no_report_takes_one_along() {
    let shop = Shop::new();
    let march = shop.charges("2018-03", &[("01", "chess", "B001", "Chess", ""), ("02", "go", "", "Go", "")]);
    let april = shop.charges("2018-04", &[("01", "chess", "B001", "Chess", "")]);
    shop.import(&[march.clone(), april.clone()]);
    let products = shop.products();
    assert_eq!(products.len(), 2);
    shop.import_with(&[march, april.clone()], &ImportOptions::default().force(true)).unwrap();
    shop.sells("2018-03", &[("01", "chess", "B001", "Chess", "")]);
    shop.db.sales().delete(shop.account, Kind::AmazonSales, "2018-04").unwrap();
    shop.import(&[april]);
    let other = new_account(&shop.db, "The same shop once more");
    let again = shop.charges("2018-06", &[("01", "go", "", "Go", "")]);
    shop.db.sales().import(&[again.to_str().unwrap()], other, &ImportOptions::default()).unwrap();
    assert_eq!(shop.products(), products);
    assert_eq!(shop.by_product().len(), 2);
}

#[test]
fn a_deleted_product_leaves_its_rows_and_comes_again_with_the_next_report() {
    let shop = Shop::new();
    shop.sells("2018-03", &[("01", "chess", "B001", "Chess", ""), ("02", "go", "", "Go", "")]);
    let (chess, go) = (shop.product("chess").id, shop.product("go").id);
    shop.db.products().delete(chess).unwrap();
    assert_eq!(shop.by_product(), [[go.to_string(), "1".to_owned()], ["-".into(), "1".into()]]);
    let sale = &shop.db.sales().get("2018-03-01-chess").unwrap()[0];
    assert_eq!((sale.get("product"), sale.get("units")), (Some(&Value::Null), Some(&Value::Int(1))));
    let gone = shop.report_error(json!({"product": chess}));
    assert!(matches!(&gone, Error::NotFound { what } if *what == format!("product {chess}")), "{gone}");
    shop.sells("2018-04", &[("01", "chess", "B001", "Chess", "")]);
    let back = shop.product("chess").id;
    assert_ne!(back, chess);
    assert_eq!(shop.by_product(), [[go.to_string(), "1".to_owned()], [back.to_string(), "2".to_owned()]]);
}

#[test]
fn a_product_that_is_there_is_taken_for_its_own() {
    let shop = Shop::new();
    let create = |fields: serde_json::Value| shop.db.records("products").unwrap().create(&fields).unwrap();
    let looked_up = json!({"store": "amazon", "vendor_identifier": "B001", "name": "Chess (Store)"});
    let by_asin = create(looked_up)["id"].as_u64().unwrap();
    let by_sku = create(json!({"store": "amazon", "sku": "go", "name": "Go"}))["id"].as_u64().unwrap();
    shop.sells("2018-03", &[("01", "chess", "B001", "Chess", ""), ("02", "go", "B002", "Go", "")]);
    // The SKU changes, the ASIN stays: still the same product.
    shop.sells("2018-04", &[("01", "chess.v2", "B001", "Chess", "")]);
    let [chess, go] = shop.products().try_into().unwrap();
    assert_eq!((chess.id, go.id), (by_asin, by_sku));
    assert_eq!((chess.name.as_str(), chess.sku.as_deref()), ("Chess", Some("chess")));
    assert_eq!(chess.source.as_ref().and_then(|source| source.external_account_id), Some(shop.account));
    assert_eq!(
        (go.vendor_identifier.as_str(), go.sku.as_deref()),
        ("B002", Some("go")),
        "its ASIN is known now"
    );
    assert_eq!(
        shop.by_product(),
        [[by_asin.to_string(), "2".to_owned()], [by_sku.to_string(), "1".to_owned()]]
    );
}

#[test]
fn what_can_be_no_product_is_stored_without_one() {
    let shop = Shop::new();
    let long = "x".repeat(300);
    shop.sells(
        "2018-03",
        &[
            ("01", &long, "", "Chess", ""),
            ("02", "go", &long, &"G".repeat(5_000), ""),
            ("03", "\u{7}", "", "A", ""),
        ],
    );
    let [go] = shop.products().try_into().unwrap();
    assert_eq!((go.name.chars().count(), go.vendor_identifier.as_str()), (255, "go"));
    assert_eq!(shop.by_product(), [[go.id.to_string(), "1".to_owned()], ["-".into(), "2".into()]]);
}

#[test]
fn more_skus_than_one_commit_takes_are_all_products() {
    let shop = Shop::new();
    let skus: Vec<String> = (0..10_500).map(|number| format!("sku{number:05}")).collect();
    // The items stand before their app, and in another commit.
    let charge = |sku: &'static str| ("02", sku, "", "Chess", if sku == "sku10499" { "" } else { "Item" });
    let skus: Vec<&'static str> = skus.into_iter().map(|sku| &*Box::leak(sku.into_boxed_str())).collect();
    let charges: Vec<Charge<'_>> = skus.iter().map(|sku| charge(sku)).collect();
    shop.sells("2018-03", &charges);
    let app = shop.product("sku10499").id;
    assert_eq!(shop.by_product().len(), 10_500);
    assert_eq!(shop.report(json!({"product": app, "include_inapps": true})), [["10500"]]);
}

#[test]
fn an_import_is_found_by_searches_and_is_whole() {
    let shop = Shop::new();
    let found = |term: &str| shop.db.products().search(&ProductSearch::new(term)).unwrap().item_count;
    assert_eq!(found("chess"), 0);
    shop.sells("2018-03", &[("01", "chess", "", "Chess", "")]);
    assert_eq!(found("chess"), 1);
    let report = Spec::new(3, (2018, 4), 500).generate();
    let path = report.write(&shop.folder(), Packing::Gzip);
    let (broken, before) =
        (shop.file("sales_2018_05.csv", format!("{HEADER}\nAmazon.de,x")), shop.products());
    let options = ImportOptions::default().on_reject(OnReject::Fail);
    shop.import_with(&[path, broken], &options).unwrap_err();
    assert_eq!(shop.products(), before);
}
