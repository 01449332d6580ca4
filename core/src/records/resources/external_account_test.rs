use serde_json::{Value, json};

use crate::records::known::Known;
use crate::records::machine::{self, Env};
use crate::records::{ListQuery, Page, list};
use crate::store::Image as Twin;

use super::*;
use crate::store::Write;
use crate::vault::{Label, Vault};
use crate::{Error, ErrorKind, FieldErrors};

const PLANTED: &str = "ipl4yallth3timexx";

struct Bench {
    twin: Twin,
    vault: Vault,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let twin = Twin::default();
        let vault = Vault::for_tests(&twin, dir.path(), None).unwrap();
        Self { twin, vault, _dir: dir }
    }

    fn write<T>(&mut self, f: impl FnOnce(&mut dyn Write, &Env<'_>) -> Result<T>) -> Result<T> {
        let mut changed = self.twin.clone();
        let now = "2018-03-01T00:00:00Z".parse().unwrap();
        let value = f(&mut changed, &Env { vault: &self.vault, now })?;
        self.twin = changed;
        Ok(value)
    }

    fn create(&mut self, fields: Value) -> Result<ExternalAccount> {
        self.write(|write, env| machine::create(write, env, fields.as_object().unwrap()))
    }

    fn update(&mut self, id: u64, fields: Value) -> Result<ExternalAccount> {
        self.write(|write, env| machine::update(write, env, &id, fields.as_object().unwrap()))
    }

    fn list(&self, query: &ListQuery) -> Result<Page<ExternalAccount>> {
        list::list(&self.twin, &Known::default(), query)
    }

    fn json(&self, account: &ExternalAccount) -> Value {
        let context = Context { read: &self.twin, now: Timestamp::UNIX_EPOCH, expand: &[] };
        Value::Object(account.to_json(&context).unwrap())
    }

    fn password(&self, id: u64) -> Option<String> {
        let text = id.to_string();
        let label = Label { collection: "external_accounts", id: &text, field: PASSWORD };
        let bytes = crate::records::stored::id_bytes::<ExternalAccount>(&id);
        self.vault
            .reveal(&self.twin, ExternalAccount::TAG, &bytes, label)
            .unwrap()
            .map(|text| text.to_string())
    }
}

fn faults<T: std::fmt::Debug>(result: Result<T>) -> FieldErrors {
    match result {
        Err(Error::Validation { fields }) => fields,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_examples_of_the_api() {
    let mut bench = Bench::new();
    let itunes = json!({"id": 50956, "account_id": 100101, "nickname": "Main iTunes", "username": "johnny@me.com",
        "auto_import": true, "store_id": 1, "store": "apple", "metadata": {"vendor_id": 85261205}});
    let android = json!({"id": 31174, "account_id": 100101, "nickname": "Android apps", "username": "coolapps@gmail.com",
        "auto_import": true, "store_id": 2, "store": "google_play", "metadata": {}});
    for (id, mut example) in [(1, itunes), (2, android)] {
        let account = bench.create(example.clone()).unwrap();
        example["id"] = id.into();
        assert_eq!(bench.json(&account), example);
        let names: Vec<_> = example.as_object().unwrap().keys().cloned().collect();
        let shown: Vec<_> = bench.json(&account).as_object().unwrap().keys().cloned().collect();
        assert_eq!(shown, names, "also in this order");
        assert_eq!(bench.update(id, example).unwrap(), account, "what was read can be written back");
    }
    let new = bench
        .create(json!({"nickname": "A new account", "username": "myusername", "password": "p455w0rd!",
        "auto_import": true, "store": "apple"}))
        .unwrap();
    assert_eq!(
        bench.json(&new),
        json!({"id": 3, "account_id": null, "nickname": "A new account",
        "username": "myusername", "auto_import": true, "store_id": 1, "store": "apple", "metadata": {}})
    );
    let put = bench
        .update(
            3,
            json!({"nickname": "A new Nickname(Games Account)", "username": "awesomegames+edited@me.com",
        "password": PLANTED, "auto_import": "false", "store": "apple"}),
        )
        .unwrap();
    assert_eq!((put.nickname.as_str(), put.auto_import), ("A new Nickname(Games Account)", false));
    assert_eq!(bench.password(3).as_deref(), Some(PLANTED));
}

#[test]
fn the_store_is_canonical_and_never_changes() {
    let mut bench = Bench::new();
    let account = bench.create(json!({"nickname": "a", "store": "amazon_appstore"})).unwrap();
    assert_eq!(account.store, StoreKind::Amazon);
    for same in ["amazon", "Amazon Appstore", "AMAZON_APPSTORE"] {
        assert_eq!(bench.update(1, json!({"store": same})).unwrap(), account);
    }
    for (other, message) in [
        (json!("apple"), "cannot be changed; it is amazon"),
        (json!("steam"), "\"steam\" is none of apple, google_play, amazon"),
        (json!(3), "must be text"),
        (json!(null), "must be text"),
    ] {
        assert_eq!(faults(bench.update(1, json!({"store": other})))["store"], [message]);
    }
    assert_eq!(faults(bench.create(json!({"nickname": "a", "store": null})))["store"], ["is required"]);
    // store_id is told, not taken.
    assert_eq!(bench.update(1, json!({"store_id": 1})).unwrap(), account);
    assert_eq!(faults(bench.create(json!({"nickname": "a", "store_id": 1})))["store"], ["is required"]);
}

#[test]
fn metadata_is_for_apple() {
    let mut bench = Bench::new();
    let mut create = |store: &str, metadata: Value| {
        bench
            .create(json!({"nickname": "a", "store": store, "metadata": metadata}))
            .map(|account| account.vendor_id)
    };
    assert_eq!(create("apple", json!({"vendor_id": "85261205"})).unwrap(), Some(85_261_205));
    assert_eq!(create("apple", json!({"vendor_id": null})).unwrap(), None);
    assert_eq!(create("apple", json!(null)).unwrap(), None);
    assert_eq!(create("amazon", json!({})).unwrap(), None);
    for (store, metadata, messages) in [
        ("amazon", json!({"vendor_id": 1}), vec!["vendor_id is for apple accounts only"]),
        (
            "apple",
            json!({"vendor_id": "x1"}),
            vec!["vendor_id must be a whole number, 0 to 9223372036854775807"],
        ),
        ("apple", json!({"vendor": 1}), vec!["\"vendor\" is not known; vendor_id is"]),
        ("apple", json!([1]), vec!["must be an object"]),
        ("nowhere", json!({"vendor_id": 1, "a": 1}), vec!["\"a\" is not known; vendor_id is"]),
    ] {
        let found = faults(create(store, metadata));
        assert_eq!(
            found.get("metadata"),
            Some(&messages.iter().map(|text| (*text).to_owned()).collect()),
            "{store}"
        );
    }
    assert_eq!(bench.update(1, json!({"nickname": "b"})).unwrap().vendor_id, Some(85_261_205));
    assert_eq!(bench.update(1, json!({"metadata": {}})).unwrap().vendor_id, None);
    assert_eq!(faults(bench.update(4, json!({"metadata": {"vendor_id": 1}}))).len(), 1);
}

#[test]
fn all_faults_at_once() {
    let mut bench = Bench::new();
    let found = faults(
        bench.create(json!({"account_id": -1, "nickname": " ", "username": 7, "auto_import": "maybe",
        "password": "", "store": "steam", "metadata": {"x": 1}, "passwort": PLANTED})),
    );
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["account_id", "auto_import", "metadata", "nickname", "password", "passwort", "store", "username"]
    );
    assert_eq!(faults(bench.create(json!({}))).keys().collect::<Vec<_>>(), ["nickname", "store"]);
    assert!(bench.twin.0.is_empty());
}

#[test]
fn a_password_is_kept_replaced_removed_and_goes_with_its_account() {
    let mut bench = Bench::new();
    bench.create(json!({"nickname": "a", "store": "apple", "password": "one"})).unwrap();
    bench.create(json!({"nickname": "b", "store": "apple", "password": "two"})).unwrap();
    bench.create(json!({"nickname": "c", "store": "apple", "password": null})).unwrap();
    assert_eq!(bench.password(3), None);
    let before = bench.update(1, json!({"username": "u"})).unwrap();
    assert_eq!(bench.password(1).as_deref(), Some("one"));
    let after = bench.update(1, json!({"password": "three"})).unwrap();
    assert_eq!(bench.password(1).as_deref(), Some("three"));
    assert!(after.updated_at > before.updated_at);
    bench.update(1, json!({"password": null})).unwrap();
    assert_eq!(bench.password(1), None);
    let secrets = |bench: &Bench| bench.twin.0.keys().filter(|key| key[0] == crate::vault::SECRET).count();
    assert_eq!(secrets(&bench), 1);
    bench.write(|write, env| machine::delete::<ExternalAccount>(write, env, &2)).unwrap();
    assert_eq!(secrets(&bench), 0);
    assert_eq!(
        bench.create(json!({"nickname": "d", "store": "apple"})).unwrap().id,
        4,
        "ids never come again"
    );
}

#[test]
fn a_password_shows_nowhere() {
    let mut bench = Bench::new();
    let mut shown = vec![
        format!("{:?}", NewExternalAccount::new("a", StoreKind::Apple).password(PLANTED)),
        format!("{:?}", ExternalAccountUpdate::new().password(Some(PLANTED))),
    ];
    let account = bench.create(json!({"nickname": "a", "store": "apple", "password": PLANTED})).unwrap();
    assert_eq!(bench.password(1).as_deref(), Some(PLANTED));
    shown.push(format!("{account:?} {} {:?}", bench.json(&account), bench.vault));
    let page = bench.list(&ListQuery::new()).unwrap();
    shown.push(format!("{page:?}"));
    let errors = [
        bench.create(json!({"nickname": "a", "store": "steam", "password": PLANTED})).unwrap_err(),
        bench.create(json!({"store": "apple", "password": [PLANTED]})).unwrap_err(),
        bench.create(json!({"store": "apple", "password": {PLANTED: 1}})).unwrap_err(),
        bench.create(json!({"store": "apple", "password": format!("\0{PLANTED}")})).unwrap_err(),
        bench.create(json!({"store": "apple", "password": PLANTED.repeat(1000)})).unwrap_err(),
        bench.update(1, json!({"password": PLANTED, "nickname": null})).unwrap_err(),
        bench.update(99, json!({"password": PLANTED})).unwrap_err(),
        bench.update(1, json!({"password": PLANTED, "if_updated_at": "2000-01-01T00:00:00Z"})).unwrap_err(),
        bench.list(&ListQuery::new().filter(format!("eq(password,{PLANTED})"))).unwrap_err(),
        bench.list(&ListQuery::new().field("password", PLANTED)).unwrap_err(),
        bench.list(&ListQuery::new().sort("password-asc")).unwrap_err(),
    ];
    shown.extend(errors.iter().flat_map(|error| [format!("{error:?}"), error.to_string()]));
    for text in shown {
        assert!(!text.contains(PLANTED), "{text}");
    }
    for (key, value) in &bench.twin.0 {
        assert_eq!(memchr::memmem::find(&[key.as_slice(), value].concat(), PLANTED.as_bytes()), None);
    }
}

#[test]
fn without_the_key_all_but_the_password_works() {
    let mut bench = Bench::new();
    bench.create(json!({"nickname": "a", "store": "apple", "password": PLANTED})).unwrap();
    std::fs::remove_file(bench._dir.path().join(crate::vault::KEY_FILE)).unwrap();
    bench.vault = Vault::for_tests(&bench.twin, bench._dir.path(), None).unwrap();
    bench.create(json!({"nickname": "b", "store": "apple"})).unwrap();
    bench.update(1, json!({"nickname": "c", "password": null})).unwrap();
    let before = bench.twin.clone();
    assert_eq!(
        bench.create(json!({"nickname": "d", "store": "apple", "password": "x"})).unwrap_err().kind(),
        ErrorKind::Vault
    );
    assert_eq!(
        bench.update(2, json!({"nickname": "d", "password": "x"})).unwrap_err().kind(),
        ErrorKind::Vault
    );
    assert_eq!(bench.twin, before);
}

#[test]
fn accounts_by_store_in_any_spelling() {
    let mut bench = Bench::new();
    for (nickname, store) in [("b", "google_play"), ("a", "amazon"), ("c", "google_play")] {
        bench.create(json!({"nickname": nickname, "store": store})).unwrap();
    }
    let ids = |query: ListQuery| -> Vec<_> {
        bench.list(&query).unwrap().data.iter().map(|account| account.id).collect()
    };
    assert_eq!(ids(ListQuery::new().field("store", "Google Play").sort("nickname-desc")), [3, 1]);
    assert_eq!(ids(ListQuery::new().filter("in(store,amazon_appstore,apple)")), [2]);
    assert_eq!(ids(ListQuery::new().sort("nickname-asc")), [2, 1, 3]);
    assert_eq!(ids(ListQuery::new().field("store_id", 2).field("created_at_to", "2018-03-01")), [1, 3]);
    assert!(bench.list(&ListQuery::new().filter("eq(store,steam)")).is_err());
}
