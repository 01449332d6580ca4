//! What is sold at Apple is told by its number, the Apple Identifier: publishers that share a SKU have their own figures,
//! and an app whose SKU has changed is one product.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use tillroll_core::ImportOptions;
use tillroll_tests::rng::Rng;

use crate::dsl::{Shop, store_account};

/// What one of two publishers sells: its SKU, number, and the SKU of its app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sold {
    account: usize,
    sku: &'static str,
    number: &'static str,
    app: &'static str,
}

const fn sold(account: usize, sku: &'static str, number: &'static str, app: &'static str) -> Sold {
    Sold { account, sku, number, app }
}

/// Both have a `fob` with a `gold`, and one has changed its app's SKU. An item is called like its app, and one thing has
/// no number.
const ALL: [Sold; 12] = [
    sold(0, "fob", "300", ""),
    sold(0, "fob.2026", "300", ""),
    sold(0, "gold", "301", "fob"),
    sold(0, "pass", "302", "fob.2026"),
    sold(0, "fob", "303", "fob"),
    sold(0, "go", "304", ""),
    sold(1, "fob", "400", ""),
    sold(1, "gold", "401", "FOB"),
    sold(1, "fob", "402", "fob"),
    sold(1, "stones", "403", "go"),
    sold(1, "GO", "404", ""),
    sold(1, "plain", " ", ""),
];

const HEADER: &str = "Provider|Provider Country|SKU|Developer|Title|Version|Product Type Identifier|Units|\
    Developer Proceeds|Begin Date|End Date|Customer Currency|Country Code|Currency of Proceeds|Apple Identifier|\
    Customer Price|Promo Code|Parent Identifier|Subscription|Period";

/// A day's report with one row for each.
fn report(day: u8, all: &[Sold], header: &str) -> String {
    let row = |Sold { sku, number, app, .. }: &Sold| {
        let (kind, app) = if app.is_empty() { ("1F", " ") } else { ("IA1", *app) };
        let date = format!("03/{day:02}/2021");
        format!(
            "\nAPPLE|US|{sku}|We|{sku}|1|{kind}|1|0.70|{date}|{date}|EUR|DE|EUR|{number}|1.00| |{app}| | "
        )
    };
    (header.to_owned() + &all.iter().map(row).collect::<String>()).replace('|', "\t")
}

/// Two publishers' reports.
struct Pair {
    shop: Shop,
    accounts: [u64; 2],
}

impl Pair {
    fn new() -> Self {
        let shop = Shop::of_store("apple");
        let accounts = [shop.account, store_account(&shop.db, "Others", "apple")];
        Self { shop, accounts }
    }

    fn import(&self, account: usize, day: u8, text: String) {
        let path = self.shop.file(&format!("S_D_8500000{account}_202103{day:02}.txt"), text);
        let sales = self.shop.db.sales();
        sales.import(&[path.to_str().unwrap()], self.accounts[account], &ImportOptions::default()).unwrap();
    }

    /// The product of something sold.
    fn id(&self, sold: &Sold) -> String {
        let id = if sold.number == " " { sold.sku } else { sold.number };
        self.shop.db.products().get_by_store("apple", id).unwrap().id.to_string()
    }

    /// Rows by product, or by group.
    fn rows(&self, by: &str, with: Json) -> BTreeMap<String, usize> {
        let mut query = json!({"by": by, "measures": "rows"});
        query.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        self.shop.report(query).into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
    }
}

/// How often each key occurs.
fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

/// The app that something counts among: its own account's of the SKU that it names, else the other's, else itself.
fn app_of(sold: &Sold, all: &BTreeSet<Sold>) -> Sold {
    let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
    let mut apps: Vec<&Sold> =
        all.iter().filter(|app| app.app.is_empty() && same(app.sku, sold.app)).collect();
    apps.sort_by_key(|app| app.account != sold.account);
    *apps.first().filter(|_| !sold.app.is_empty()).copied().unwrap_or(sold)
}

/// Whatever comes first, all questions agree that every number has the figures of its own rows.
#[test]
fn figures_by_product_are_those_of_the_numbers_in_any_order() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut days: Vec<(usize, u8, Vec<Sold>)> = Vec::new();
        for day in 1..=6 {
            let account = usize::from(day % 2);
            let own: Vec<Sold> = ALL.into_iter().filter(|sold| sold.account == account).collect();
            days.push((account, day, (0..=rng.below(8)).map(|_| *rng.pick(&own)).collect()));
        }
        let rows: Vec<Sold> = days.iter().flat_map(|(_, _, rows)| rows).copied().collect();
        let all: BTreeSet<Sold> = rows.iter().copied().collect();
        for _ in 0..2 {
            days.sort_by_cached_key(|_| rng.below(1 << 20));
            let mut pair = Pair::new();
            for (account, day, rows) in &days {
                pair.import(*account, *day, report(*day, rows, HEADER));
            }
            pair.shop.reopen();
            let own = counted(rows.iter().map(|sold| pair.id(sold)));
            let told = format!("seed {seed}, {days:?}");
            let numbers: BTreeSet<&str> = all.iter().map(|sold| sold.number).collect();
            assert_eq!(own.len(), numbers.len(), "{told}");
            assert_eq!(pair.rows("product", json!({})), own, "{told}");
            assert_eq!(pair.rows("product_group", json!({})), own, "{told}");
            let shown = pair.shop.scan(json!({"columns": ["product"]})).concat().into_iter();
            assert_eq!(counted(shown), own, "{told}");
            let apps = counted(rows.iter().map(|sold| pair.id(&app_of(sold, &all))));
            assert_eq!(pair.rows("product", json!({"combine_inapps": true})), apps, "{told}");
            for (id, rows) in &own {
                let id: u64 = id.parse().unwrap();
                let some = BTreeMap::from([(id.to_string(), *rows)]);
                assert_eq!(pair.rows("product", json!({"product": id})), some, "{told}");
                let scanned = pair.shop.scan(json!({"columns": ["sku"], "product_group": id})).len();
                assert_eq!(scanned, *rows, "{told}");
            }
            for sold in all.iter().filter(|sold| sold.app.is_empty()) {
                let whole = json!({"product": pair.id(sold).parse::<u64>().unwrap(), "include_inapps": true});
                let sum = pair.rows("product", whole).values().sum::<usize>();
                assert_eq!(sum, apps[&pair.id(sold)], "{sold:?} {told}");
            }
            assert_eq!(pair.shop.db.check().unwrap().problems, [""; 0]);
        }
    }
}

/// Headers that are not spelt alike lie in one roll.
#[test]
fn a_number_is_found_under_any_spelling() {
    let pair = Pair::new();
    let headers = [HEADER.to_owned(), HEADER.replace("Apple Identifier", "apple identifier")];
    let texts = [report(1, &ALL[..1], &headers[0]), report(2, &ALL[4..5], &headers[1])];
    let files =
        [(1, &texts[0]), (2, &texts[1])].map(|(day, text)| pair.shop.file(&format!("{day}.txt"), text));
    pair.shop.import(&files);
    let rolls = std::fs::read_dir(pair.shop.database().join("rolls")).unwrap().count();
    let each = [&ALL[0], &ALL[4]].map(|sold| (pair.id(sold), 1));
    assert_eq!((rolls, pair.rows("product", json!({}))), (1, BTreeMap::from(each)));
}
