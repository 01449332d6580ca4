//! The plan of what to fetch: by the database and the clock alone.

use jiff::Timestamp;
use serde_json::json;
use tillroll_core::{
    Clock, Credentials, Db, Error, ErrorKind, ExternalAccountUpdate, ImportOptions, Kind, NewExternalAccount,
    OpenOptions, PlannedFetch, Query, Scope, StoreKind, SyncOptions, SyncReason,
};

use crate::dsl::Shop;

const AMAZON: Kind = Kind::AmazonSales;
const APPLE: Kind = Kind::AppleSales;
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A shop whose account imports by itself, and whose clock stands.
fn shop(store: &str, now: &str) -> Shop {
    let mut shop = Shop::of_store(store);
    at(&mut shop, now);
    let update = ExternalAccountUpdate::new().auto_import(true);
    shop.db.external_accounts().update(shop.account, update).unwrap();
    let credentials = match store {
        "apple" => Credentials::apple("K", "I", KEY).vendor_number("85261205"),
        _ => Credentials::amazon("id", "secret"),
    };
    shop.db.external_accounts().set_credentials(shop.account, Some(&credentials)).unwrap();
    shop
}

/// Opens it at another time.
fn at(shop: &mut Shop, now: &str) {
    shop.db.close().unwrap();
    let options = OpenOptions::new().clock(Clock::fixed(time(now)));
    shop.db = Db::open_with(shop.database(), &options).unwrap();
}

fn plan(shop: &Shop, options: SyncOptions) -> Vec<PlannedFetch> {
    shop.db.sync_plan(&options).unwrap()
}

/// The periods of a plan; `+` behind those that may have been restated.
fn texts(plan: &[PlannedFetch]) -> Vec<String> {
    let text = |one: &PlannedFetch| match one.reason {
        SyncReason::Absent => one.period.to_string(),
        SyncReason::Restated => format!("{}+", one.period),
    };
    plan.iter().map(text).collect()
}

fn due(shop: &Shop) -> Vec<String> {
    texts(&plan(shop, SyncOptions::new()))
}

fn due_since(shop: &Shop, since: &str) -> Vec<String> {
    texts(&plan(shop, SyncOptions::new().since(since.parse().unwrap())))
}

fn store_month(shop: &Shop, month: &str) {
    let line = format!("Amazon.de,{month}-05 12:00:00,Charge,app,1,EUR,1.99,1.39");
    let header = "Marketplace,Transaction Time,Transaction Type,Vendor SKU,Units,Marketplace Currency,\
        Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)";
    let path = shop.file(&format!("sales_{month}.csv"), format!("{header}\n{line}\n"));
    shop.import_with(&[path], &ImportOptions::default().period(month).force(true)).unwrap();
}

fn store_day(shop: &Shop, day: &str) {
    let us = format!("{}/{}/{}", &day[5..7], &day[8..], &day[..4]);
    let header = "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t\
        Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\t\
        Apple Identifier\tCustomer Price\tPromo Code\tParent Identifier\tSubscription\tPeriod\tCategory\tCMB";
    let start = "APPLE\tUS\tapp\tWe\tApp\t1.0\t1\t3\t1.40";
    let line = format!("{start}\t{us}\t{us}\tUSD\tUS\tUSD\t7\t1.99\t \t \t \t \tGames\t ");
    let path = shop.file(&format!("day_{day}.txt"), format!("{header}\n{line}\n"));
    shop.import_with(&[path], &ImportOptions::default().period(day)).unwrap();
}

fn empty(shop: &Shop, kind: Kind, periods: &[&str]) {
    periods.iter().for_each(|period| shop.db.sales().mark_empty(shop.account, kind, period).unwrap());
}

/// Marks all days from one to another as empty, except those.
fn empty_days(shop: &Shop, start: &str, end: &str, except: &[&str]) {
    for day in shop.db.sales().gaps(shop.account, APPLE, start, end).unwrap() {
        if !except.contains(&day.as_str()) {
            shop.db.sales().mark_empty(shop.account, APPLE, &day).unwrap();
        }
    }
}

#[test]
fn of_amazon_every_month_since_january_2018() {
    let shop = shop("amazon", "2018-04-02T03:00:00Z");
    assert_eq!(due(&shop), ["2018-01", "2018-02", "2018-03", "2018-04"]);
    assert_eq!(due_since(&shop, "2018-03-31"), ["2018-03", "2018-04"]);
    assert_eq!(due_since(&shop, "2001-01-01"), ["2018-01", "2018-02", "2018-03", "2018-04"]);
    assert_eq!(due_since(&shop, "2018-05-01"), Vec::<String>::new());
    let over: Vec<_> = plan(&shop, SyncOptions::new()).iter().map(|one| one.is_over).collect();
    assert_eq!(over, [true, true, true, false]);
    let before = plan(&shop, SyncOptions::new().now(time("2017-12-31T23:59:59Z")));
    assert_eq!(texts(&before), Vec::<String>::new());
    let first = &plan(&shop, SyncOptions::new())[0];
    let shown = json!({"account": 1, "store": "amazon", "kind": "amazon-sales", "period": "2018-01",
        "first_day": "2018-01-01", "last_day": "2018-01-31", "reason": "absent", "is_over": true});
    assert_eq!(first.to_json(), shown);
}

#[test]
fn of_amazon_the_last_two_months_again() {
    let mut shop = shop("amazon", "2018-04-02T03:00:00Z");
    ["2018-01", "2018-02", "2018-03", "2018-04"].iter().for_each(|month| store_month(&shop, month));
    assert_eq!(due(&shop), ["2018-03+", "2018-04+"]);
    at(&mut shop, "2018-04-30T23:59:59Z");
    assert_eq!(due(&shop), ["2018-03+", "2018-04+"]);
    // March was fetched last when it could still change: once more, and never again.
    at(&mut shop, "2018-05-01T00:00:00Z");
    assert_eq!(due(&shop), ["2018-03+", "2018-04+", "2018-05"]);
    store_month(&shop, "2018-03");
    assert_eq!(due(&shop), ["2018-04+", "2018-05"]);
    // A database that nobody kept up for years asks for what it has in part, and for what it has not.
    at(&mut shop, "2018-09-10T00:00:00Z");
    assert_eq!(due(&shop), ["2018-04+", "2018-05", "2018-06", "2018-07", "2018-08", "2018-09"]);
}

#[test]
fn a_fetch_that_changed_nothing_settles_a_month_as_well() {
    let mut shop = shop("amazon", "2018-04-02T03:00:00Z");
    empty(&shop, AMAZON, &["2018-01", "2018-02"]);
    store_month(&shop, "2018-03");
    let mark = |shop: &Shop, period: &str, at: Option<&str>| {
        shop.db.sales().mark_fetched(shop.account, AMAZON, period, at)
    };
    // Still in its time of restating: a note would say nothing.
    let sequence = |shop: &Shop| shop.db.stats().unwrap()["sequence"].clone();
    let before = sequence(&shop);
    mark(&shop, "2018-03", None).unwrap();
    mark(&shop, "2018-01", None).unwrap();
    assert_eq!(sequence(&shop), before);
    assert_eq!(due(&shop), ["2018-03+", "2018-04"]);
    at(&mut shop, "2018-05-03T00:00:00Z");
    assert_eq!(due(&shop), ["2018-03+", "2018-04", "2018-05"]);
    mark(&shop, "2018-03", Some("2018-05-01T02:00:00+02:00")).unwrap();
    assert_eq!(due(&shop), ["2018-04", "2018-05"]);
    let refused = mark(&shop, "2018-04", None).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    // Deleted, it is absent, and its note is gone with it.
    shop.db.sales().delete(shop.account, AMAZON, "2018-03").unwrap();
    assert_eq!(due(&shop), ["2018-03", "2018-04", "2018-05"]);
    at(&mut shop, "2018-04-10T00:00:00Z");
    store_month(&shop, "2018-03");
    at(&mut shop, "2018-05-03T00:00:00Z");
    assert_eq!(due(&shop), ["2018-03+", "2018-04", "2018-05"]);
    assert_eq!(mark(&shop, "2018-03", Some("2018-05-01")).unwrap_err().kind(), ErrorKind::Validation);
    assert!(shop.db.check().unwrap().ok());
}

#[test]
fn a_plan_is_asked_for_in_json() {
    let shop = shop("amazon", "2018-01-02T00:00:00Z");
    let asked = |options: serde_json::Value| shop.db.sync_plan(&SyncOptions::from_json(&options)?);
    let given = json!({"now": "2018-05-31T23:00:00-02:00", "since": "2018-05", "accounts": [1]});
    assert_eq!(texts(&asked(given).unwrap()), ["2018-05", "2018-06"]);
    assert_eq!(texts(&asked(json!({"now": null})).unwrap()), ["2018-01"]);
    for (wrong, told) in [
        (json!({"now": "2018-05-01"}), "now"),
        (json!({"since": "soon"}), "since"),
        (json!({"since": 2018}), "since"),
        (json!({"accounts": 1}), "accounts"),
        (json!({"account": 1}), "account"),
        (json!([]), "options"),
    ] {
        let error = asked(wrong).unwrap_err();
        assert!(matches!(&error, Error::Validation { fields } if fields.contains_key(told)), "{error}");
    }
}

#[test]
fn a_clock_that_was_wrong_makes_nothing_final() {
    let mut shop = shop("amazon", "2030-01-01T00:00:00Z");
    store_month(&shop, "2018-01");
    at(&mut shop, "2018-04-02T03:00:00Z");
    assert_eq!(due(&shop)[0], "2018-01+");
    shop.db.sales().mark_fetched(shop.account, AMAZON, "2018-01", None).unwrap();
    assert_eq!(due(&shop)[0], "2018-02");
}

#[test]
fn of_apple_the_days_of_a_year() {
    let shop = shop("apple", "2021-06-10T05:00:00Z");
    let days = due(&shop);
    assert_eq!((days.len(), &*days[0], &*days[364]), (365, "2020-06-10", "2021-06-09"));
    empty_days(&shop, "2020-06-10", "2021-06-10", &["2021-01-05"]);
    assert_eq!(due(&shop), ["2021-01-05", "2021-06-07+", "2021-06-08+", "2021-06-09+"]);
    assert_eq!(due_since(&shop, "2021-06-09"), ["2021-06-09+"]);
}

#[test]
fn of_apple_a_month_for_days_that_are_too_old() {
    let mut shop = shop("apple", "2021-06-10T05:00:00Z");
    empty_days(&shop, "2020-06-10", "2021-06-10", &[]);
    // Forty days later the edge has moved over nothing; then a time that nobody synced.
    at(&mut shop, "2022-06-20T05:00:00Z");
    let found = due(&shop);
    // Days from the 10th to the 19th of June 2021 are gone; the month stands in, and its other days come as well.
    assert_eq!(&found[..3], ["2021-06", "2021-06-20", "2021-06-21"]);
    assert_eq!(found.len(), 366);
    empty(&shop, APPLE, &["2021-06"]);
    assert_eq!(&due(&shop)[..2], ["2021-06-20", "2021-06-21"]);
    // Months are kept for a year as well: of what is longer ago there are years, for whom asks for them.
    assert!(!due(&shop).contains(&"2020-06".to_owned()));
    let long_ago = due_since(&shop, "2019-12-31");
    assert_eq!(&long_ago[..3], ["2019", "2020", "2021-06-20"]);
    assert_eq!(due_since(&shop, "0001-01-01")[0], "2012");
}

#[test]
fn of_apple_a_week_for_a_day_that_is_lost() {
    let mut shop = shop("apple", "2021-06-10T05:00:00Z");
    empty_days(&shop, "2020-06-10", "2021-06-10", &["2021-01-05"]);
    let lose = |shop: &Shop, period: &str| shop.db.sales().mark_lost(shop.account, APPLE, period).unwrap();
    lose(&shop, "2021-01-05");
    assert_eq!(due(&shop)[..2], ["2021-W01", "2021-06-07+"]);
    lose(&shop, "2021-W01");
    assert_eq!(due(&shop)[0], "2021-01");
    lose(&shop, "2021-01");
    assert_eq!(due(&shop)[0], "2021-06-07+");
    assert_eq!(
        shop.db.sales().gaps(shop.account, APPLE, "2021-01-01", "2021-02-01").unwrap(),
        ["2021-01-05"]
    );
    // What is stored is not lost.
    lose(&shop, "2021-06-09");
    assert!(due(&shop).contains(&"2021-06-09+".to_owned()));
    // The last days are asked for until they are final, and once more behind that.
    at(&mut shop, "2021-06-13T00:00:00Z");
    assert_eq!(due(&shop)[..2], ["2021-06-07+", "2021-06-08+"]);
    shop.db.sales().mark_fetched(shop.account, APPLE, "2021-06-07", None).unwrap();
    assert_eq!(due(&shop)[0], "2021-06-08+");
}

#[test]
fn of_apple_nothing_that_hides_days_with_rows() {
    let mut shop = shop("apple", "2021-06-10T05:00:00Z");
    empty_days(&shop, "2020-06-10", "2021-06-10", &["2021-01-05", "2021-01-06", "2021-01-20"]);
    store_day(&shop, "2021-01-06");
    store_day(&shop, "2021-01-20");
    shop.db.sales().mark_lost(shop.account, APPLE, "2021-01-05").unwrap();
    // Neither the week nor the month: the day stays a gap.
    assert_eq!(due(&shop)[0], "2021-06-07+");
    let gaps = |start, end| shop.db.sales().gaps(shop.account, APPLE, start, end).unwrap();
    assert_eq!(gaps("2021-01-01", "2021-02-01"), ["2021-01-05"]);
    let days = json!({"by": ["day"], "measures": ["units"]});
    assert_eq!(shop.db.sales().report(&Query::from_json(&days).unwrap()).unwrap().len(), 2);
    shop.db.sales().delete(shop.account, APPLE, "2021-01-06").unwrap();
    shop.db.sales().mark_lost(shop.account, APPLE, "2021-01-06").unwrap();
    assert_eq!(due(&shop)[0], "2021-W01");
    // Years and months that days too old for them lie in.
    assert_eq!(due_since(&shop, "2019-06-01")[..2], ["2019", "2020"]);
    at(&mut shop, "2022-01-25T05:00:00Z");
    assert!(!due(&shop).contains(&"2021-01".to_owned()));
    assert!(!due_since(&shop, "2019-06-01").contains(&"2021".to_owned()));
}

#[test]
fn accounts_that_are_not_to_be_fetched() {
    let shop = shop("amazon", "2018-01-02T00:00:00Z");
    let accounts = shop.db.external_accounts();
    let new = |store| NewExternalAccount::new("other", store).auto_import(true);
    let google = accounts.create(new(StoreKind::GooglePlay)).unwrap().id;
    let without = accounts.create(new(StoreKind::Amazon)).unwrap().id;
    let other = accounts.create(new(StoreKind::Amazon)).unwrap().id;
    accounts.set_credentials(other, Some(&Credentials::amazon("a", "b"))).unwrap();
    let of = |plan: Vec<PlannedFetch>| plan.iter().map(|one| one.account).collect::<Vec<_>>();
    assert_eq!(of(plan(&shop, SyncOptions::new())), [shop.account, other]);
    assert_eq!(of(plan(&shop, SyncOptions::new().accounts([other, without, google, other]))), [other]);
    accounts.update(other, ExternalAccountUpdate::new().auto_import(false)).unwrap();
    assert_eq!(of(plan(&shop, SyncOptions::new())), [shop.account]);
    let missing = shop.db.sync_plan(&SyncOptions::new().accounts([99])).unwrap_err();
    assert_eq!(missing.to_string(), "external account 99 not found");
    let narrowed = shop.db.restrict(&[Scope::AccountRead]).unwrap();
    assert_eq!(narrowed.sync_plan(&SyncOptions::new()).unwrap_err().kind(), ErrorKind::Access);
}

#[test]
fn credentials_of_each_store() {
    let shop = shop("amazon", "2018-01-02T00:00:00Z");
    let records = shop.db.records("external_accounts").unwrap();
    let apple = NewExternalAccount::new("apple", StoreKind::Apple).vendor_id(7);
    let apple = shop.db.external_accounts().create(apple).unwrap().id;
    let google = NewExternalAccount::new("google", StoreKind::GooglePlay);
    let google = shop.db.external_accounts().create(google).unwrap().id;
    let set = |id: u64, credentials: serde_json::Value| {
        records.call("set_credentials", &json!({"id": id, "credentials": credentials}))
    };
    let reveal = |id: u64| records.call("reveal_credentials", &json!({"id": id})).unwrap();
    let key = json!({"key_id": "K", "issuer_id": " I ", "private_key": KEY});
    set(apple, key.clone()).unwrap();
    assert_eq!(reveal(apple), json!({"key_id": "K", "issuer_id": "I", "private_key": KEY.trim()}));
    let before = shop.db.external_accounts().get(apple).unwrap();
    set(apple, json!({"key_id": "L", "issuer_id": "I", "private_key": KEY, "vendor_number": 85_261_205}))
        .unwrap();
    assert_eq!(reveal(apple)["vendor_number"], "85261205");
    assert!(shop.db.external_accounts().get(apple).unwrap().updated_at > before.updated_at);
    let faults = |result: Result<serde_json::Value, Error>| match result.unwrap_err() {
        Error::Validation { fields } => {
            fields.into_iter().map(|(name, told)| (name, told.join("; "))).collect()
        }
        other => vec![(String::new(), other.to_string())],
    };
    let fault = |name: &str, told: &str| (name.to_owned(), told.to_owned());
    assert_eq!(
        faults(set(shop.account, json!({"client_id": "", "client": "x"}))),
        [
            fault("credentials", "has a name that is none of client_id, client_secret"),
            fault("credentials.client_id", "must not be empty"),
            fault("credentials.client_secret", "is required"),
        ]
    );
    let wrong = json!({"key_id": "K\u{7}", "issuer_id": "x".repeat(5000), "private_key": "key.p8", "vendor_number": "8x"});
    assert_eq!(
        faults(set(apple, wrong)),
        [
            fault("credentials.issuer_id", "is longer than 4096 bytes"),
            fault("credentials.key_id", "must not contain control characters"),
            fault(
                "credentials.private_key",
                "must be the text of the .p8 file, which begins with -----BEGIN PRIVATE KEY-----"
            ),
            fault("credentials.vendor_number", "must be digits"),
        ]
    );
    assert!(faults(set(google, json!({"client_id": "a"})))[0].1.contains("mirror the bucket"));
    assert_eq!(faults(set(apple, json!([1])))[0], fault("credentials", "must be an object"));
    assert_eq!(
        faults(set(apple, json!({"key_id": {}})))[0],
        fault("credentials", "every one of them must be text")
    );
    assert_eq!(reveal(google), json!(null));
    assert_eq!(records.call("has_credentials", &json!({"id": apple})).unwrap(), json!(true));
    set(apple, json!(null)).unwrap();
    assert_eq!(records.call("has_credentials", &json!({"id": apple})).unwrap(), json!(false));
    assert_eq!(set(99, json!(null)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn credentials_need_the_key_and_a_whole_handle() {
    let dir = tempfile::tempdir().unwrap();
    let open = |passphrase: Option<&str>| {
        let options = passphrase.into_iter().fold(OpenOptions::new(), OpenOptions::passphrase);
        Db::open_with(dir.path().join("shop.till"), &options).unwrap()
    };
    let amazon = Credentials::amazon("id", "s\"e\\c\nret".replace('\n', ""));
    let db = open(Some("open sesame"));
    let id = db.external_accounts().create(NewExternalAccount::new("a", StoreKind::Amazon)).unwrap().id;
    db.external_accounts().set_credentials(id, Some(&amazon)).unwrap();
    assert_eq!(db.external_accounts().reveal_credentials(id).unwrap().as_ref(), Some(&amazon));
    for scopes in [&Scope::ALL[..], &[Scope::AccountRead, Scope::AccountWrite]] {
        let narrowed = db.restrict(scopes).unwrap().external_accounts();
        assert!(narrowed.has_credentials(id).unwrap());
        assert_eq!(narrowed.reveal_credentials(id).unwrap_err().kind(), ErrorKind::Access);
    }
    let reader = db.restrict(&[Scope::AccountRead]).unwrap().external_accounts();
    assert_eq!(reader.set_credentials(id, None).unwrap_err().kind(), ErrorKind::Access);
    db.close().unwrap();
    let db = open(None);
    let accounts = db.external_accounts();
    assert!(accounts.has_credentials(id).unwrap());
    assert_eq!(accounts.reveal_credentials(id).unwrap_err().kind(), ErrorKind::Vault);
    assert_eq!(accounts.set_credentials(id, Some(&amazon)).unwrap_err().kind(), ErrorKind::Vault);
    accounts.set_credentials(id, None).unwrap();
    assert_eq!(accounts.reveal_credentials(id).unwrap(), None);
}
