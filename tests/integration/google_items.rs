//! Google's SKUs are unique only within an app: two apps that sell a `premium` each have their own figures, and the same
//! app in three stores is still one thing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tillroll_core::{ImportOptions, Value};
use tillroll_tests::google::{Fact, Report, earnings, sales};
use tillroll_tests::rng::Rng;

use crate::dsl::{Shop, money, store_account, text};

/// Units, rows and sales.
type Sums = (i64, i64, i64);

/// What rows are sold as: the app, where it is not sold itself, and the SKU.
type Name = (Option<&'static str>, &'static str);

fn name(fact: &Fact) -> Name {
    (fact.parent_sku, fact.sku)
}

impl Shop {
    /// The product of a Google item, `-` where there is none.
    fn google(&self, (app, sku): (Option<&str>, &str)) -> String {
        let id = app.map_or(sku.to_owned(), |app| format!("{app}:{sku}"));
        let found = self.db.products().get_by_store("google_play", &id);
        found.map_or("-".to_owned(), |product| product.id.to_string())
    }

    /// Units, rows and sales by product and currency, or by group.
    fn sums(&self, by: &str, with: Json) -> BTreeMap<[String; 2], Sums> {
        let mut query = json!({"by": [by, "currency"], "measures": ["units", "rows", "sales"]});
        query.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let number = |text: &str| text.parse().unwrap();
        let row = |row: Vec<String>| {
            let sums = (number(&row[2]), number(&row[3]), micros(&row[4]));
            ([row[0].clone(), row[1].clone()], sums)
        };
        self.report(query).into_iter().map(row).collect()
    }
}

/// Millionths of an amount as reports show it; nothing for none.
fn micros(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let number: i64 = digits.parse().unwrap_or_default();
    number * 10i64.pow(6 - decimals as u32) * if text.starts_with('-') { -1 } else { 1 }
}

/// The sums that rows come to, each under what `of` gives and its currency.
fn expected(facts: &[&Fact], of: impl Fn(&Fact) -> String) -> BTreeMap<[String; 2], Sums> {
    let mut sums = BTreeMap::<_, Sums>::new();
    for fact in facts {
        let sum = sums.entry([of(fact), fact.currency.to_owned()]).or_default();
        *sum = (sum.0 + fact.units, sum.1 + 1, sum.2 + fact.sales.unwrap_or_default());
    }
    sums
}

/// Sales and earnings of three apps, two of which sell a `premium`; one of these has no row of its own.
fn with_three_apps() -> (Shop, [Report; 2]) {
    let shop = Shop::of_store("google_play");
    let reports = [sales(3, (2021, 11), 400, 19), earnings(4, (2021, 11), 200, 19)];
    let names = ["salesreport_202111.csv", "PlayApps_202111.csv"];
    let paths: Vec<PathBuf> =
        names.iter().zip(&reports).map(|(name, report)| shop.file(name, report.csv())).collect();
    shop.import(&paths);
    (shop, reports)
}

const KINDS: [&str; 2] = ["google-sales", "google-earnings"];

#[test]
fn figures_by_product_are_those_of_app_and_sku() {
    let (mut shop, reports) = with_three_apps();
    let [chess, sudoku] = ["com.example.chess", "com.example.sudoku"].map(|app| (Some(app), "premium"));
    assert_ne!(shop.google(chess), shop.google(sudoku));
    assert_eq!(shop.google((None, "com.example.chess")), "-", "an app without a row is no product");
    for _ in 0..2 {
        for (kind, report) in KINDS.iter().zip(&reports) {
            let facts: Vec<&Fact> = report.rows.iter().map(|row| &row.fact).collect();
            let own = |fact: &Fact| shop.google(name(fact));
            let app = |fact: &Fact| match fact.parent_sku.map(|app| shop.google((None, app))) {
                Some(app) if app != "-" => app,
                _ => own(fact),
            };
            let sums = |by, combine| shop.sums(by, json!({"kind": kind, "combine_inapps": combine}));
            assert_eq!(sums("product", false), expected(&facts, own), "{kind}");
            assert_eq!(sums("product_group", false), expected(&facts, own), "{kind}");
            assert_eq!(sums("product", true), expected(&facts, app), "{kind}");
            assert_eq!(sums("product_group", true), expected(&facts, app), "{kind}");
        }
        shop.reopen();
    }
    assert_eq!(shop.db.check().unwrap().problems, [""; 0]);
}

#[test]
fn rows_are_chosen_by_the_product_of_app_and_sku() {
    let (shop, [report, _]) = with_three_apps();
    let rows = |with: Json| {
        let mut query = json!({"measures": "rows", "kind": "google-sales"});
        query.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        shop.report(query).concat().concat()
    };
    let count =
        |test: &dyn Fn(&Fact) -> bool| report.rows.iter().filter(|row| test(&row.fact)).count().to_string();
    let id = |name| shop.google(name).parse::<u64>().unwrap();
    let [chess, sudoku] = [Some("com.example.chess"), Some("com.example.sudoku")];
    for app in [chess, sudoku] {
        let product = id((app, "premium"));
        let expected = count(&|fact| name(fact) == (app, "premium"));
        assert_eq!(rows(json!({"product": product})), expected);
        assert_eq!(rows(json!({"product_group": product, "include_inapps": true})), expected);
    }
    let app = id((None, "com.example.sudoku"));
    let whole = count(&|fact| fact.parent_sku == sudoku || fact.sku == "com.example.sudoku");
    assert_eq!(rows(json!({"product": app, "include_inapps": true})), whole);
    assert_eq!(rows(json!({"product": [app, id((sudoku, "premium"))]})), whole);
    assert_eq!(rows(json!({"product": id((chess, "premium")), "parent_sku": "com.example.sudoku"})), "0");
    assert_eq!(rows(json!({"product": [null]})), "0");
    let group = [id((chess, "premium")), id((chess, "gold"))];
    shop.db.products().link(group).unwrap();
    assert_eq!(rows(json!({"product_group": group[1]})), count(&|fact| fact.parent_sku == chess));
}

#[test]
fn every_row_shows_the_product_of_app_and_sku() {
    let (shop, reports) = with_three_apps();
    for (kind, report) in KINDS.iter().zip(&reports) {
        let products: Vec<String> = report.rows.iter().map(|row| shop.google(name(&row.fact))).collect();
        let found = shop.scan(json!({"columns": ["product"], "kind": kind})).concat();
        assert_eq!(found, products, "{kind}");
        let some = shop.scan(json!({"columns": ["product"], "kind": kind, "sku": "premium"})).concat();
        assert!(some.iter().collect::<std::collections::BTreeSet<_>>().len() == 2, "{kind}: {some:?}");
    }
    let row = &reports[0].rows.iter().find(|row| name(&row.fact) == (Some("com.example.sudoku"), "premium"));
    let fact = &row.unwrap().fact;
    let expected = shop.google(name(fact));
    let sales = shop.db.sales().get(&fact.transaction_id).unwrap();
    assert!(!sales.is_empty() && sales.iter().all(|sale| text(sale.get("product").unwrap()) == expected));
    let many = shop.db.sales().get_many(&[&fact.transaction_id]).unwrap();
    let place = many.columns().iter().position(|column| *column == "product").unwrap();
    assert_eq!(many.value(0, place), Value::Int(expected.parse().unwrap()));
}

const SALES: &str = "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model,Product Title,\
    Product ID,Product Type,SKU ID,Currency of Sale,Item Price,Taxes Collected,Charged Amount,City of Buyer,\
    State of Buyer,Postal Code of Buyer,Country of Buyer";

/// A month's google-sales with one row for each name.
fn google_sales(month: u8, names: &[(&str, &str)]) -> String {
    let row = |(place, (app, sku)): (usize, &(&str, &str))| {
        let kind = if sku.is_empty() { "paidapp" } else { "inapp" };
        format!(
            "\nGPA.{month}-{place},2021-{month:02}-05,,Charged,,{sku} ({app}),{app},{kind},{sku},EUR,2.00,0.00,2.00,,,,DE"
        )
    };
    SALES.to_owned() + &names.iter().enumerate().map(row).collect::<String>()
}

/// Whatever comes first, every app has the figures of its own rows.
#[test]
fn the_order_of_imports_moves_no_figure() {
    let (apps, skus) = (["com.a", "com.b", "com.c"], ["", "p", "q", "com.a", "com.b"]);
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let mut twin = BTreeMap::<(Option<&str>, &str), i64>::new();
        let mut months: Vec<(u8, String)> = Vec::new();
        for month in 1..=4 {
            let names: Vec<_> = (0..=rng.below(12)).map(|_| (*rng.pick(&apps), *rng.pick(&skus))).collect();
            for &(app, sku) in &names {
                let name = if sku.is_empty() { (None, app) } else { (Some(app), sku) };
                *twin.entry(name).or_default() += 1;
            }
            months.push((month, google_sales(month, &names)));
        }
        let mut by_app = BTreeMap::<&str, i64>::new();
        for ((app, sku), units) in &twin {
            *by_app.entry(app.unwrap_or(sku)).or_default() += units;
        }
        for _ in 0..2 {
            months.sort_by_cached_key(|_| rng.below(1 << 20));
            let shop = Shop::of_store("google_play");
            for (month, text) in &months {
                shop.import(&[shop.file(&format!("salesreport_2021{month:02}.csv"), text)]);
            }
            let units = |query: Json| -> BTreeMap<String, i64> {
                let rows = shop.report(query).into_iter();
                rows.map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
            };
            let ids: BTreeMap<_, _> = twin.keys().map(|&name| (name, shop.google(name))).collect();
            let expected: BTreeMap<_, _> =
                twin.iter().map(|(name, units)| (ids[name].clone(), *units)).collect();
            assert_eq!(expected.len(), twin.len(), "seed {seed}: {ids:?}");
            assert_eq!(units(json!({"by": "product"})), expected, "seed {seed}: {ids:?}");
            let combined = units(json!({"by": "product", "combine_inapps": true}));
            for (app, units) in by_app.iter().filter(|(app, _)| ids.contains_key(&(None, **app))) {
                assert_eq!(combined[&ids[&(None, *app)]], *units, "seed {seed}: {app}");
            }
            assert_eq!(combined.values().sum::<i64>(), twin.values().sum::<i64>());
            assert_eq!(shop.db.check().unwrap().problems, [""; 0]);
        }
    }
}

const AMAZON: &str =
    "Marketplace,Transaction ID,Transaction Time,Transaction Type,ASIN,Vendor SKU,Title,Item Name,\
    Units,Marketplace Currency,Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)
Amazon.de,t0,2021-03-05 12:00:00,Charge,B001,chess,Chess,,1,EUR,1.00,0.70
Amazon.de,t1,2021-03-05 12:00:00,Charge,B002,gold,Chess,Gold,2,EUR,4.00,2.80
Amazon.com,t2,2021-03-05 12:00:00,Charge,B003,go,Go,,4,USD,9.00,6.30
";

const APPLE: &str = "Provider|Provider Country|SKU|Developer|Title|Version|Product Type Identifier|Units|\
    Developer Proceeds|Begin Date|End Date|Customer Currency|Country Code|Currency of Proceeds|Apple Identifier|\
    Customer Price|Promo Code|Parent Identifier|Subscription|Period
APPLE|US|chess.ios|We|Chess|1|1F|8|0.70|03/05/2021|03/05/2021|EUR|DE|EUR|300|1.00| | | | 
APPLE|US|gold.ios|We|Gold| |IA1|16|1.40|03/05/2021|03/05/2021|USD|US|USD|301|2.00| |chess.ios| | 
APPLE|US|go.ios|We|Go|1|1F|32|0.70|03/05/2021|03/05/2021|EUR|DE|EUR|302|1.00| | | | 
";

/// An app with an item in three stores, and another one beside it, whose item at Google has the same SKU.
fn with_three_stores() -> (Shop, [u64; 3]) {
    let shop = Shop::new();
    let google = google_sales(
        3,
        &[
            ("com.chess", ""),
            ("com.chess", "gold"),
            ("com.chess", "gold"),
            ("com.go", "gold"),
            ("com.go", ""),
        ],
    );
    for (store, name, text) in [
        ("amazon", "sales_2021_03.csv", AMAZON.to_owned()),
        ("apple", "S_D_85000000_20210305.txt", APPLE.replace('|', "\t")),
        ("google_play", "salesreport_202103.csv", google),
    ] {
        let (path, account) = (shop.file(name, text), store_account(&shop.db, store, store));
        shop.db.sales().import(&[path.to_str().unwrap()], account, &ImportOptions::default()).unwrap();
    }
    let of = |store, sku| shop.db.products().get_by_store(store, sku).unwrap().id;
    let ids = [of("amazon", "chess"), of("apple", "chess.ios"), of("google_play", "com.chess")];
    (shop, ids)
}

#[test]
fn an_app_with_items_in_three_stores_is_one_group() {
    let (shop, chess) = with_three_stores();
    shop.db.products().link(chess).unwrap();
    let group = *chess.iter().min().unwrap();
    let all = json!({
        "by": ["product_group", "currency"],
        "measures": ["units", "sales"],
        "combine_inapps": true,
        "product_group": chess[2],
        "include_inapps": true,
    });
    // 1 + 2 at Amazon, 8 at Apple, 3 at Google; 16 for dollars at Apple.
    let row = |currency: &str, units: i64, sales: i128| {
        vec![group.to_string(), currency.to_owned(), units.to_string(), money(sales * 1_000_000)]
    };
    let expected = [row("EUR", 1 + 2 + 8 + 3, 1 + 4 + 8 + 6), row("USD", 16, 32)];
    assert_eq!(shop.report(all), expected);
    let mut rows = shop.report(json!({
        "by": ["product_group", "currency"], "measures": ["units", "sales"], "combine_inapps": true
    }));
    rows.retain(|row| row[0] == group.to_string());
    assert_eq!(rows, expected);
    let by_store = shop.report(json!({
        "by": ["store", "product_group"], "combine_inapps": true, "product_group": chess[0], "include_inapps": true
    }));
    let units = ["amazon 3", "apple 24", "google_play 3"];
    assert_eq!(by_store.iter().map(|row| format!("{} {}", row[0], row[2])).collect::<Vec<_>>(), units);
}

#[test]
fn rows_of_several_stores_are_chosen_by_product() {
    let (shop, chess) = with_three_stores();
    let units = |query: Json| shop.report(query).concat().concat();
    assert_eq!(units(json!({"product": chess})), "10");
    assert_eq!(units(json!({"product": chess, "include_inapps": true})), "30");
    let each = chess.map(|id| units(json!({"product": id, "include_inapps": true})));
    assert_eq!(each, ["3", "24", "3"]);
    assert_eq!(units(json!({"product_group": chess[1], "include_inapps": true})), "24");
    shop.db.products().link(chess).unwrap();
    for id in chess {
        assert_eq!(units(json!({"product_group": id})), "10");
        assert_eq!(units(json!({"product_group": id, "include_inapps": true})), "30");
        assert_eq!(
            units(json!({"product": id, "product_group": id, "include_inapps": true})),
            units(json!({"product": id, "include_inapps": true}))
        );
    }
    let stores = shop.scan(json!({"columns": ["store", "product"], "product_group": chess[1]}));
    let expected = ["amazon", "apple", "google_play"].into_iter().zip(chess);
    let mut stores: Vec<String> = stores.iter().map(|row| row.join(" ")).collect();
    stores.sort();
    assert_eq!(stores, expected.map(|(store, id)| format!("{store} {id}")).collect::<Vec<_>>());
    assert_eq!(shop.db.check().unwrap().problems, [""; 0]);
}
