//! Narrowed handles: each thing a database does needs its scope, and nothing else is reached through one.

use serde_json::{Value, json};
use tillroll_core::{Db, Error, ErrorKind, ImportOptions, Kind, Query, Scope};

use crate::dsl::Shop;

/// What a handle is asked to do, by the scope that it needs; none: an unrestricted handle.
type Deed = (&'static str, Option<Scope>, fn(&Db) -> Result<(), Error>);

fn call(db: &Db, collection: &str, verb: &str, arguments: Value) -> Result<(), Error> {
    db.records(collection)?.call(verb, &arguments).map(drop)
}

const DEEDS: &[Deed] = &[
    ("list accounts", Some(Scope::AccountRead), |db| call(db, "external_accounts", "list", json!({}))),
    ("get an account", Some(Scope::AccountRead), |db| db.external_accounts().get(1).map(drop)),
    ("create an account", Some(Scope::AccountWrite), |db| {
        call(db, "external_accounts", "create", json!({"nickname": "more", "store": "apple"}))
    }),
    ("count business accounts", Some(Scope::RecordsRead), |db| db.accounts().len().map(drop)),
    ("children of nobody", Some(Scope::RecordsRead), |db| {
        match call(db, "accounts", "children", json!({"id": "nobody"})) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }),
    ("create a business account", Some(Scope::RecordsWrite), |db| {
        call(db, "accounts", "create", json!({"name": "Ltd"}))
    }),
    ("list products", Some(Scope::ProductsRead), |db| call(db, "products", "list", json!({}))),
    ("count products", Some(Scope::ProductsRead), |db| db.products().len().map(drop)),
    ("search products", Some(Scope::PublicRead), |db| call(db, "products", "search", json!({"term": "a"}))),
    ("create a product", Some(Scope::ProductsWrite), |db| {
        match call(db, "products", "create", json!({"name": "a", "store": "apple", "vendor_identifier": "1"}))
        {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            other => other,
        }
    }),
    ("group products", Some(Scope::ProductsRead), |db| {
        match call(db, "products", "group", json!({"id": 999})) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }),
    ("link products", Some(Scope::ProductsWrite), |db| {
        match call(db, "products", "link", json!({"ids": [998, 999]})) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }),
    ("unlink a product", Some(Scope::ProductsWrite), |db| {
        match call(db, "products", "unlink", json!({"id": 999})) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }),
    ("count customers", Some(Scope::RecordsRead), |db| db.customers().len().map(drop)),
    ("count groups", Some(Scope::RecordsRead), |db| db.customer_groups().len().map(drop)),
    ("count subscribers", Some(Scope::RecordsRead), |db| db.subscribers().len().map(drop)),
    ("count gift cards", Some(Scope::RecordsRead), |db| db.gift_cards().len().map(drop)),
    ("count brands", Some(Scope::RecordsRead), |db| db.brands().len().map(drop)),
    ("count categories", Some(Scope::RecordsRead), |db| db.categories().len().map(drop)),
    ("count campaigns", Some(Scope::RecordsRead), |db| db.campaigns().len().map(drop)),
    ("count banner groups", Some(Scope::RecordsRead), |db| db.banner_groups().len().map(drop)),
    ("count banners", Some(Scope::RecordsRead), |db| db.banners().len().map(drop)),
    ("create a brand", Some(Scope::RecordsWrite), |db| call(db, "brands", "create", json!({"name": "a"}))),
    ("export records", None, |db| {
        let file = tempfile::NamedTempFile::new().map_err(|source| Error::Io {
            action: "create",
            path: "an export".into(),
            source,
        })?;
        db.export_records(file.path()).map(drop)
    }),
    ("report", Some(Scope::SalesRead), |db| db.sales().report(&Query::new()).map(drop)),
    ("scan", Some(Scope::SalesRead), |db| db.sales().scan(&Query::new()).map(drop)),
    ("look up", Some(Scope::SalesRead), |db| db.sales().get("x").map(drop)),
    ("look up many", Some(Scope::SalesRead), |db| db.sales().get_many(&["x"]).map(drop)),
    ("imports", Some(Scope::SalesRead), |db| db.sales().imports(None).map(drop)),
    ("rejects", Some(Scope::SalesRead), |db| db.sales().rejects(None).map(drop)),
    ("count rows", Some(Scope::SalesRead), |db| db.sales().len().map(drop)),
    ("columns", Some(Scope::SalesRead), |db| db.sales().columns().map(drop)),
    ("state", Some(Scope::SalesRead), |db| {
        db.sales().period_state(1, Kind::AmazonSales, "2018-03").map(drop)
    }),
    ("gaps", Some(Scope::SalesRead), |db| {
        db.sales().gaps(1, Kind::AmazonSales, "2018-01", "2018-02").map(drop)
    }),
    ("mark empty", Some(Scope::SalesWrite), |db| db.sales().mark_empty(1, Kind::AmazonSales, "2018-03")),
    ("delete", Some(Scope::SalesWrite), |db| match db.sales().delete(1, Kind::AmazonSales, "2017-03") {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }),
    ("check", None, |db| db.check().map(drop)),
    ("stats", None, |db| db.stats().map(drop)),
    ("change the passphrase", None, |db| db.set_passphrase(None)),
];

#[test]
fn a_handle_does_what_its_scopes_say_and_nothing_else() {
    let shop = Shop::new();
    for scope in Scope::ALL {
        let narrow = shop.db.restrict(&[scope]).unwrap();
        for (name, needed, deed) in DEEDS {
            match deed(&narrow) {
                Ok(()) => assert_eq!(*needed, Some(scope), "{name} with {}", scope.as_str()),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Access, "{name}: {error}");
                    assert_ne!(*needed, Some(scope), "{name} with {}: {error}", scope.as_str());
                }
            }
        }
    }
    let all = shop.db.restrict(&Scope::ALL).unwrap();
    for (name, needed, deed) in DEEDS {
        assert_eq!(deed(&all).is_ok(), needed.is_some(), "{name}");
        assert!(deed(&shop.db).is_ok(), "{name}");
    }
}

#[test]
fn importing_needs_no_more_than_its_own_scope() {
    let shop = Shop::new();
    let path = shop.file(
        "sales_2018_03.csv",
        "Marketplace,Transaction Time,Transaction Type,Vendor SKU,Units,Marketplace Currency,\
         Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n\
         Amazon.de,2018-03-05 12:00:00,Charge,app,1,EUR,1.99,1.39\n",
    );
    let path = [path.to_str().unwrap()];
    let import = |scope| {
        let narrow = shop.db.restrict(&[scope]).unwrap();
        narrow.sales().import(&path, shop.account, &ImportOptions::default()).map_err(Error::from)
    };
    assert_eq!(import(Scope::SalesRead).unwrap_err().kind(), ErrorKind::Access);
    assert_eq!(import(Scope::SalesWrite).unwrap().rows, 1);
}

#[test]
fn closing_a_narrowed_handle_leaves_the_database_open() {
    let shop = Shop::new();
    let narrow = shop.db.restrict(&[Scope::SalesRead]).unwrap();
    let (sales, clone) = (narrow.sales(), narrow.clone());
    narrow.close().unwrap();
    assert!(narrow.is_closed() && clone.is_closed() && !shop.db.is_closed());
    assert_eq!(sales.len().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(clone.sales().len().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(shop.db.sales().len().unwrap(), 0);
    let other = shop.db.restrict(&[Scope::SalesRead]).unwrap();
    shop.db.close().unwrap();
    assert_eq!(other.sales().len().unwrap_err().kind(), ErrorKind::Closed);
}
