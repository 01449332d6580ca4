//! The same app in several stores as one thing: products linked to groups, and items counted among their apps.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tillroll_core::{By, Error, ErrorKind, Measure, Product, Query};
use tillroll_tests::Spec;

use crate::dsl::{Shop, read_only};

const HEADER: &str = "Marketplace,Transaction ID,Transaction Time,Transaction Type,ASIN,Vendor SKU,Title,Item Name,\
    Units,Marketplace Currency,Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)";

/// Two apps with items, an item whose app is not known, and a row without a SKU.
const SALES: [(&str, &str, &str, u32); 6] = [
    ("chess", "Chess", "", 1),
    ("chess.gold", "Chess", "Gold", 2),
    ("go", "Go", "", 4),
    ("go.stones", "Go", "Stones", 8),
    ("skin", "Rdio", "Skin", 16),
    ("", "Nameless", "", 32),
];

impl Shop {
    fn with_apps() -> Self {
        let shop = Self::new();
        let mut text = HEADER.to_owned();
        for (place, (sku, title, item, units)) in SALES.iter().enumerate() {
            text += &format!(
                "\nAmazon.de,t{place},2018-03-05 12:00:00,Charge,,{sku},{title},{item},{units},EUR,1.00,0.70"
            );
        }
        shop.import(&[shop.file("sales_2018_03.csv", text)]);
        shop
    }

    fn ids<const N: usize>(&self, skus: [&str; N]) -> [u64; N] {
        skus.map(|sku| self.db.products().get_by_store("amazon", sku).unwrap().id)
    }

    /// Units by one column and what else is asked.
    fn units_by(&self, by: &str, with: Json) -> BTreeMap<String, i64> {
        let mut query = json!({"by": [by]});
        query.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let row = |row: Vec<String>| (row[0].clone(), row[1].parse().unwrap());
        self.report(query).into_iter().map(row).collect()
    }

    fn units(&self, query: Json) -> String {
        self.report(query).concat().concat()
    }
}

fn map<const N: usize>(pairs: [(u64, i64); N], nameless: i64) -> BTreeMap<String, i64> {
    let known = pairs.into_iter().map(|(id, units)| (id.to_string(), units));
    known.chain([("-".to_owned(), nameless)]).collect()
}

#[test]
fn a_report_by_group_follows_every_link_at_once() {
    let mut shop = Shop::with_apps();
    let [chess, gold, go, stones, skin] = shop.ids(["chess", "chess.gold", "go", "go.stones", "skin"]);
    let alone = map([(chess, 1), (gold, 2), (go, 4), (stones, 8), (skin, 16)], 32);
    let by_group = |shop: &Shop| shop.units_by("product_group", json!({}));
    assert_eq!(by_group(&shop), alone);
    shop.db.products().link([go, skin]).unwrap();
    let pair = map([(chess, 1), (gold, 2), (go.min(skin), 20), (stones, 8)], 32);
    assert_eq!(by_group(&shop), pair);
    shop.reopen();
    assert_eq!((by_group(&shop), shop.units_by("product", json!({}))), (pair, alone.clone()));
    shop.db.products().link([skin, stones, chess]).unwrap();
    let first = [chess, go, stones, skin].into_iter().min().unwrap();
    assert_eq!(by_group(&shop), map([(first, 29), (gold, 2)], 32));
    shop.db.products().unlink(go).unwrap();
    let first = [chess, stones, skin].into_iter().min().unwrap();
    assert_eq!(by_group(&shop), map([(first, 25), (gold, 2), (go, 4)], 32));
    shop.db.products().delete(skin).unwrap();
    assert_eq!(by_group(&shop), map([(chess.min(stones), 9), (gold, 2), (go, 4)], 48));
    shop.db.products().unlink(stones).unwrap();
    assert_eq!(by_group(&shop), map([(chess, 1), (gold, 2), (go, 4), (stones, 8)], 48));
    assert_eq!(shop.db.check().unwrap().problems, Vec::<String>::new());
}

#[test]
fn items_count_among_their_app_where_asked() {
    let shop = Shop::with_apps();
    let [chess, gold, go, stones, skin] = shop.ids(["chess", "chess.gold", "go", "go.stones", "skin"]);
    let combined = |by: &str| shop.units_by(by, json!({"combine_inapps": true}));
    let apps = map([(chess, 3), (go, 12), (skin, 16)], 32);
    assert_eq!((combined("product"), combined("product_group")), (apps.clone(), apps.clone()));
    assert_eq!(
        shop.units_by("product", json!({"combine_inapps": false})),
        shop.units_by("product", json!({}))
    );
    // An item's own group counts only where its app is not asked for.
    shop.db.products().link([gold, stones]).unwrap();
    assert_eq!(combined("product_group"), apps);
    let own = shop.units_by("product_group", json!({}));
    assert_eq!(own, map([(chess, 1), (go, 4), (gold.min(stones), 10), (skin, 16)], 32));
    shop.db.products().link([chess, go]).unwrap();
    assert_eq!(combined("product_group"), map([(chess.min(go), 15), (skin, 16)], 32));
    assert_eq!(combined("product"), apps);
    // The rows are chosen before they are put together.
    let query = json!({"by": "product", "combine_inapps": true, "sku": ["chess.gold", "go"]});
    assert_eq!(shop.report(query).concat().len(), 4);
    let rust = Query::new().by([By::ProductGroup]).measures([Measure::Rows]).combine_inapps(true);
    assert_eq!(shop.db.sales().report(&rust.product_groups([go]).include_inapps(true)).unwrap().len(), 1);
}

#[test]
fn combining_needs_groups_that_it_can_put_together() {
    let shop = Shop::with_apps();
    for by in ["sku", "title"] {
        for by in [vec![by], vec!["product", by]] {
            let error = shop.report_error(json!({"by": by, "combine_inapps": true}));
            let Error::Validation { fields } = &error else { panic!("{error}") };
            assert!(fields["combine_inapps"][0].contains("group by `product`"), "{error}");
        }
    }
    for by in [vec![], vec!["month"], vec!["currency", "store"], vec!["item_type"]] {
        let plain = shop.report(json!({"by": by}));
        assert_eq!(shop.report(json!({"by": by, "combine_inapps": true})), plain, "{by:?}");
    }
    let scan = Query::new().combine_inapps(true);
    assert_eq!(shop.db.sales().scan(&scan).unwrap_err().kind(), ErrorKind::Validation);
}

#[test]
fn rows_are_chosen_by_any_product_of_a_group() {
    let shop = Shop::with_apps();
    let [chess, gold, go, skin] = shop.ids(["chess", "chess.gold", "go", "skin"]);
    assert_eq!(shop.units(json!({"product_group": chess})), "1", "a product in no group is meant alone");
    shop.db.products().link([chess, go]).unwrap();
    for member in [chess, go] {
        assert_eq!(shop.units(json!({"product_group": member})), "5");
        assert_eq!(shop.units(json!({"product_group": member, "include_inapps": true})), "15");
    }
    assert_eq!(shop.units(json!({"product_group": [go, skin, null]})), "53");
    assert_eq!(shop.units(json!({"product_group": go, "product": [go, gold]})), "4", "both must be so");
    assert_eq!(shop.units(json!({"product_group": []})), "0");
    assert_eq!(shop.units(json!({"product": [chess, go], "include_inapps": true})), "15");
    let skus = shop.scan(json!({"columns": ["sku"], "product_group": go}));
    assert_eq!(skus, [["chess"], ["go"]]);
    let missing = shop.report_error(json!({"product_group": [go, 99]}));
    assert!(matches!(&missing, Error::NotFound { what } if what == "product 99"), "{missing}");
}

/// What the rows of a report by product come to, each under the product that `of` gives.
fn folded(rows: &[Vec<String>], of: impl Fn(u64) -> u64) -> Vec<[i64; 3]> {
    let mut sums: BTreeMap<i64, [i64; 2]> = BTreeMap::new();
    for row in rows {
        let product = row[0].parse().map_or(i64::MAX, |id| i64::try_from(of(id)).unwrap());
        let sum = sums.entry(product).or_default();
        sum.iter_mut().zip(&row[1..]).for_each(|(sum, cell)| *sum += cell.parse::<i64>().unwrap());
    }
    sums.into_iter().map(|(product, [units, rows])| [product, units, rows]).collect()
}

#[test]
fn figures_by_group_and_app_are_the_sums_of_those_by_product() {
    let months = [(2018, 2), (2018, 3)];
    let reports: Vec<_> = months.iter().map(|&month| Spec::new(11, month, 4_000).generate()).collect();
    let shop = Shop::with(&reports);
    let all: BTreeMap<u64, Product> =
        shop.db.products().iter().map(Result::unwrap).map(|product| (product.id, product)).collect();
    let apps: Vec<u64> = all.values().filter(|one| one.parent_id.is_none()).map(|one| one.id).collect();
    assert!(apps.len() > 3 && apps.len() < all.len());
    for some in apps.chunks(3).filter(|some| some.len() > 1) {
        shop.db.products().link(some.iter().copied()).unwrap();
    }
    let group = |id: u64| shop.db.products().group(id).unwrap()[0].id;
    let app = |id: u64| all[&id].parent_id.unwrap_or(id);
    let report = |by: &str, combine: bool| {
        shop.report(json!({"by": by, "measures": ["units", "rows"], "combine_inapps": combine}))
    };
    let products = report("product", false);
    let same = |by, combine, of: &dyn Fn(u64) -> u64| {
        assert_eq!(folded(&report(by, combine), |id| id), folded(&products, of), "{by} {combine}");
    };
    same("product", true, &app);
    same("product_group", false, &group);
    same("product_group", true, &|id| group(app(id)));
}

#[test]
fn groups_go_where_the_records_go() {
    let mut shop = Shop::with_apps();
    let [chess, go, skin] = shop.ids(["chess", "go", "skin"]);
    shop.db.products().link([chess, go, skin]).unwrap();
    let file = shop.folder().join("records.jsonl");
    shop.db.export_records(&file).unwrap();
    let path = shop.folder().join("other.till");
    let other = tillroll_core::Db::open(&path).unwrap();
    assert!(other.import_records(&file).unwrap() > 5);
    let ids = |group: Vec<Product>| group.into_iter().map(|product| product.id).collect::<Vec<_>>();
    let mut expected = vec![chess, go, skin];
    expected.sort_unstable();
    assert_eq!(ids(other.products().group(go).unwrap()), expected);
    shop.db.close().unwrap();
    std::fs::remove_dir_all(shop.database().join("index")).unwrap();
    let reader = read_only(&shop.database());
    assert_eq!(ids(reader.products().group(skin).unwrap()), expected);
    assert_eq!(reader.products().link([chess, go]).unwrap_err().kind(), ErrorKind::Access);
    drop(reader);
    shop.db = tillroll_core::Db::open(shop.database()).unwrap();
    assert_eq!(ids(shop.db.products().group(chess).unwrap()), expected);
}
