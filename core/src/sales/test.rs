//! Rows by product, over a catalogue that is a map: every SKU of a store that was registered is a product of its own,
//! the one without an item name the parent of those that share its title.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::schema::Meaning;
use super::*;
use crate::OsDisk;
use crate::ingest::{Item, ItemKey};
use crate::store::{StoreOptions, Write};

pub(super) const HEADER: &str = "Marketplace,Country/Region Code,Invoice ID,Transaction ID,Transaction Time,Transaction Type,\
    ASIN,Vendor SKU,Title,Item Name,Item Type,Units,Marketplace Currency,Sales Price (Marketplace Currency),\
    Estimated Earnings (Marketplace Currency)";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    account: u64,
    item: Item,
}

/// Products by SKU, numbered from 1.
#[derive(Debug, Default)]
struct Shelf(Mutex<BTreeMap<u64, Thing>>);

impl Shelf {
    fn things(&self) -> MutexGuard<'_, BTreeMap<u64, Thing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, sku: &str) -> u64 {
        *self.things().iter().find(|(_, thing)| thing.item.sku == sku).unwrap().0
    }
}

impl Catalogue for Shelf {
    fn register(&self, _: &mut dyn Write, account: u64, _: StoreKind, items: &[Item]) -> Result<Tell> {
        let mut things = self.things();
        for item in items {
            let known = things.iter().find(|(_, thing)| thing.item.sku == item.sku).map(|(id, _)| *id);
            let next = things.keys().next_back().copied().unwrap_or_default() + 1;
            things.insert(known.unwrap_or(next), Thing { account, item: item.clone() });
        }
        Ok(Box::new(|| {}))
    }

    fn products(&self) -> Result<Arc<Products>> {
        let things = self.things();
        let mut products = Products::default();
        for (&id, Thing { item, .. }) in things.iter() {
            products.insert(StoreKind::Amazon, ItemKey::alone(&item.sku), Some(id));
            let is_parent = |other: &Item| {
                item.item_name.is_some() && other.item_name.is_none() && other.title == item.title
            };
            for (&parent, _) in things.iter().filter(|(_, thing)| is_parent(&thing.item)) {
                products.insert_child(parent, id);
            }
        }
        Ok(Arc::new(products))
    }

    fn contains(&self, product: u64) -> Result<bool> {
        Ok(self.things().contains_key(&product))
    }
}

pub(super) struct Shop {
    dir: TempDir,
    shelf: Arc<Shelf>,
    pub(super) sales: Sales,
}

/// One charge: day of March 2018, SKU, title, item name.
pub(super) type Row<'a> = (u8, &'a str, &'a str, &'a str);

impl Shop {
    pub(super) fn new() -> Self {
        Self::with_threads(1)
    }

    pub(super) fn with_threads(threads: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("shop.till");
        let (rolls, view) = prepare(&database, Arc::new(OsDisk), 1 << 20);
        let store = Arc::new(Store::open(&database, StoreOptions::new(REPORTS, view)).unwrap());
        let shelf = Arc::new(Shelf::default());
        let catalogue: Arc<dyn Catalogue> = shelf.clone();
        let engine = Engine::open(store, rolls, catalogue, threads, Arc::new(|| 0)).unwrap();
        let store_of: StoreOf = Arc::new(|_| Ok(StoreKind::Amazon));
        let sales = Sales::new(Arc::new(engine), store_of, Grant::default());
        Self { dir, shelf, sales }
    }

    pub(super) fn import(&self, account: u64, rows: &[Row<'_>]) {
        let mut text = HEADER.to_owned();
        for (number, (day, sku, title, item)) in rows.iter().enumerate() {
            let time = format!("2018-03-{day:02} 12:00:00");
            text +=
                &format!("\nAmazon.de,DE,,t{number},{time},Charge,,{sku},{title},{item},App,1,EUR,1.00,0.70");
        }
        let path = self.path(&format!("sales_2018_03_{}.csv", rows.len()));
        fs::write(&path, text).unwrap();
        self.sales.import(&[path.to_str().unwrap()], account, &ImportOptions::default()).unwrap();
    }

    /// Where a file of this name may be written.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn report(&self, query: Json) -> Vec<Vec<String>> {
        texts(&self.sales.report(&Query::from_json(&query).unwrap()).unwrap())
    }

    fn scan(&self, query: Json) -> Vec<Vec<String>> {
        let batches = self.sales.scan(&Query::from_json(&query).unwrap()).unwrap();
        let table = |batch: arrow_array::RecordBatch| {
            let fields =
                batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect::<Vec<_>>();
            Table::new(fields.into_iter().zip(batch.columns().to_vec()).collect(), batch.num_rows()).unwrap()
        };
        batches.flat_map(|batch| texts(&table(batch.unwrap()))).collect()
    }
}

/// Every cell as text; null is `-`.
fn texts(table: &Table) -> Vec<Vec<String>> {
    let text = |value: &Value| if *value == Value::Null { "-".to_owned() } else { value.to_string() };
    table.rows().map(|row| row.iter().map(text).collect()).collect()
}

fn two_apps() -> Shop {
    let shop = Shop::new();
    shop.import(
        7,
        &[
            (1, "chess", "Chess", ""),
            (2, "chess.hints", "Chess", "Hints"),
            (3, "rdio", "Rdio", ""),
            (4, "chess", "Chess", ""),
            (5, "", "Nameless", ""),
        ],
    );
    shop
}

#[test]
fn rows_by_product_are_the_rows_by_sku() {
    let shop = two_apps();
    let [chess, hints, rdio] = ["chess", "chess.hints", "rdio"].map(|sku| shop.shelf.id(sku).to_string());
    let by = shop.report(json!({"by": ["product"], "measures": ["units", "rows"]}));
    assert_eq!(by, [[&chess, "2", "2"], [&hints, "1", "1"], [&rdio, "1", "1"], ["-", "1", "1"]]);
    let top = shop.report(json!({"by": ["product", "sku"], "order_by": ["-product"]}));
    assert_eq!(
        top,
        [[&rdio, "rdio", "1"], [&hints, "chess.hints", "1"], [&chess, "chess", "2"], ["-", "-", "1"]]
    );
    let schema = shop.sales.report(&Query::new().by([By::Product])).unwrap().schema();
    assert_eq!(schema.field(0).data_type(), &Meaning::Count.plain());
}

#[test]
fn a_product_is_chosen_alone_or_with_its_items() {
    let shop = two_apps();
    let (chess, rdio) = (shop.shelf.id("chess"), shop.shelf.id("rdio"));
    let units = |query: Json| shop.report(query).concat().concat();
    assert_eq!(units(json!({"product": chess})), "2");
    assert_eq!(units(json!({"product": chess, "include_inapps": false})), "2");
    assert_eq!(units(json!({"product": chess, "include_inapps": true})), "3");
    assert_eq!(units(json!({"product": [chess, rdio, null]})), "4");
    assert_eq!(units(json!({"product": [null]})), "1");
    assert_eq!(units(json!({"product": [], "include_inapps": true})), "0");
    assert_eq!(units(json!({"product": rdio, "sku": "chess"})), "0");
    assert_eq!(
        shop.scan(json!({"columns": ["product", "units"], "product": rdio})),
        [[rdio.to_string(), "1".to_owned()]]
    );
}

#[test]
fn a_product_that_is_not_there_is_not_found() {
    let shop = two_apps();
    for id in [99, u64::MAX] {
        let query = Query::new().products([shop.shelf.id("rdio"), id]);
        for error in [shop.sales.report(&query).unwrap_err(), shop.sales.scan(&query).unwrap_err()] {
            assert!(
                matches!(&error, Error::NotFound { what } if *what == format!("product {id}")),
                "{error}"
            );
        }
    }
}

#[test]
fn every_row_shows_its_product() {
    let shop = two_apps();
    let chess = Value::Int(i64::try_from(shop.shelf.id("chess")).unwrap());
    let sale = &shop.sales.get("t0").unwrap()[0];
    assert_eq!(sale.get("product"), Some(&chess));
    assert_eq!(shop.sales.get("t4").unwrap()[0].get("product"), Some(&Value::Null));
    let columns = shop.sales.columns().unwrap();
    let place = columns.iter().position(|column| column == "product").unwrap();
    assert_eq!(columns[place - 1], "earnings_currency");
    let many = shop.sales.get_many(&["t4", "t3", "t0"]).unwrap();
    assert_eq!(
        (0..3).map(|row| many.value(row, place)).collect::<Vec<_>>(),
        [Value::Null, chess.clone(), chess]
    );
    let all: Vec<_> = shop.scan(json!({"columns": ["product"]})).concat();
    let named: Vec<_> = shop.scan(json!({})).into_iter().map(|row| row[place].clone()).collect();
    assert_eq!(all, named);
    assert_eq!(all.iter().filter(|id| *id != "-").count(), 4);
}

#[test]
fn a_product_that_goes_leaves_its_rows_without_one() {
    let shop = two_apps();
    let chess = shop.shelf.id("chess");
    shop.shelf.things().remove(&chess);
    let by = shop.report(json!({"by": ["sku", "product"], "sku": "chess"}));
    assert_eq!(by, [["chess", "-", "2"]]);
    assert_eq!(shop.sales.get("t0").unwrap()[0].get("product"), Some(&Value::Null));
}

#[test]
fn an_import_registers_each_sku_once_with_its_newest_row() {
    let shop = Shop::new();
    shop.import(7, &[(9, "a", "Newest", "x"), (2, "a", "Oldest", ""), (3, "b", "B", "")]);
    let told: Vec<_> = shop
        .shelf
        .things()
        .values()
        .map(|thing| {
            let Item { sku, title, item_name, .. } = thing.item.clone();
            (thing.account, sku, title.unwrap(), item_name)
        })
        .collect();
    let expected = [
        (7, "a".to_owned(), "Newest".to_owned(), Some("x".to_owned())),
        (7, "b".to_owned(), "B".to_owned(), None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_file_of_rejects_that_tells_no_period_says_so() {
    let shop = Shop::new();
    let line = "Amazon.de,DE,,t1,yesterday,Charge,,a,A,,App,1,EUR,1.00,0.70";
    let refusal = |rows: usize| {
        let path = shop.path("sold.csv");
        fs::write(&path, format!("{HEADER}{}", format!("\n{line}").repeat(rows))).unwrap();
        let refused = shop.sales.import(&[path.to_str().unwrap()], 7, &ImportOptions::default());
        refused.unwrap_err().error.to_string()
    };
    let (three, one, none) = (refusal(3), refusal(1), refusal(0));
    for part in ["all 3 rows were rejected", "yesterday", "sold.csv", "line 2", "period="] {
        assert!(three.contains(part), "{three}");
    }
    assert!(one.contains("its only row was rejected"), "{one}");
    assert!(!none.contains("rejected") && none.contains("period="), "{none}");
}
