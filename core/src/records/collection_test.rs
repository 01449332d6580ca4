//! The collections over a real store: commits, reopening, read-only handles, and the vault beside them.

use std::any::Any;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::ErrorKind;
use crate::ingest::StoreKind;
use crate::kv::Op;
use crate::records::{AnyCollection, ExternalAccount, ExternalAccountUpdate, NewExternalAccount, Records};
use crate::store::{StoreOptions, Transaction, View};
use crate::vault::KEY_FILE;

const PLANTED: &str = "ipl4yallth3timexx";

/// The records keep no state in memory.
struct Nothing;

impl View for Nothing {
    fn apply(&self, _ops: &[Op]) -> Result<Arc<dyn View>> {
        Ok(Arc::new(Self))
    }
}

struct Open {
    store: Arc<Store>,
    vault: Arc<Vault>,
    records: Records,
}

fn open_with(dir: &Path, read_only: bool, passphrase: Option<&str>) -> Result<Open> {
    let mut options = StoreOptions::new(1, Arc::new(Nothing));
    options.read_only = read_only;
    let store = Arc::new(Store::open(dir, options)?);
    let vault = Arc::new(Vault::open(&store, passphrase)?);
    let clock = Clock::fixed("2018-03-01T00:00:00Z".parse().unwrap());
    let records = Records::new(Arc::clone(&store), Arc::clone(&vault), clock);
    Ok(Open { store, vault, records })
}

fn open(dir: &Path) -> Open {
    open_with(dir, false, None).unwrap()
}

impl Open {
    fn accounts(&self) -> Collection<ExternalAccount> {
        self.records.collection()
    }

    fn dynamic(&self) -> Arc<dyn AnyCollection> {
        self.records.by_name("external_accounts").unwrap()
    }

    fn password(&self, id: u64) -> Result<Option<String>> {
        Ok(self.accounts().password(id)?.map(|text| text.to_string()))
    }
}

fn amazon() -> NewExternalAccount {
    NewExternalAccount::new("Amazon apps", StoreKind::Amazon)
}

#[test]
fn records_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    let one = {
        let db = open(&path);
        let one = db.accounts().create(amazon().username("me").auto_import(true).password(PLANTED)).unwrap();
        let many = db.accounts().create_many([amazon(), amazon().account_id(7)]).unwrap();
        assert_eq!(many.iter().map(|account| account.id).collect::<Vec<_>>(), [2, 3]);
        db.accounts().update(2, ExternalAccountUpdate::new().nickname("renamed")).unwrap();
        db.accounts().delete(3).unwrap();
        one
    };
    std::fs::remove_dir_all(path.join("index")).unwrap();
    let db = open(&path);
    assert_eq!(db.accounts().get(one.id).unwrap(), one);
    assert_eq!(db.password(1).unwrap().as_deref(), Some(PLANTED));
    assert_eq!(db.accounts().get(2).unwrap().nickname, "renamed");
    assert!(!db.accounts().contains(3).unwrap());
    assert_eq!((db.accounts().len().unwrap(), db.accounts().create(amazon()).unwrap().id), (2, 4));
    assert_eq!(db.records.check().unwrap(), Vec::<String>::new());
}

#[test]
fn the_dynamic_face() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("shop.till"));
    let accounts = db.dynamic();
    assert_eq!(db.records.by_name("nothings").unwrap_err().to_string(), "collection \"nothings\" not found");
    let made = accounts.create(&json!({"nickname": "a", "store": "itunes", "password": PLANTED})).unwrap();
    assert_eq!(made["store"], "apple");
    assert_eq!(accounts.get("1").unwrap(), made);
    assert_eq!(accounts.update("1", &json!({"auto_import": "true"})).unwrap()["auto_import"], true);
    let many: Vec<_> = (0..600).map(|n| json!({"nickname": format!("n{n}"), "store": "amazon"})).collect();
    assert_eq!(accounts.create_many(many).unwrap().len(), 600);
    for id in ["0", "602", "", "x", "-1", "1 ", "01x", "99999999999999999999", "18446744073709551615"] {
        assert_eq!(accounts.get(id).unwrap_err().kind(), ErrorKind::NotFound, "{id}");
        assert_eq!(accounts.delete(id).unwrap_err().kind(), ErrorKind::NotFound, "{id}");
        assert_eq!(accounts.update(id, &json!({})).unwrap_err().kind(), ErrorKind::NotFound, "{id}");
    }
    assert_eq!(accounts.get("602").unwrap_err().to_string(), "external account 602 not found");
    for fields in [json!(null), json!([]), json!("a")] {
        assert_eq!(accounts.create(&fields).unwrap_err().kind(), ErrorKind::Validation);
    }
    let page =
        accounts.list(&json!({"store": "amazon", "sort": "id-desc", "page": 2, "page_size": 250})).unwrap();
    assert_eq!((page.data[0]["id"].clone(), page.page_count, page.item_count), (json!(351), 3, 600));
    let envelope = Value::from(accounts.list(&json!({"page_size": 1})).unwrap());
    assert_eq!(envelope["meta"], json!({"page": 1, "page_size": 1, "page_count": 601, "item_count": 601}));
    assert_eq!(envelope["data"][0]["id"], 1);
    assert_eq!(accounts.ids_after(None, 2).unwrap(), [1, 2]);
    assert_eq!(accounts.ids_after(Some("600"), 9).unwrap(), [601]);
    assert_eq!(accounts.ids_after(Some("x"), 9).unwrap_err().kind(), ErrorKind::Validation);
    let ids: Vec<_> = db.accounts().iter().map(|account| account.unwrap().id).collect();
    assert_eq!(ids, (1..=601).collect::<Vec<_>>());
    let shown = format!("{accounts:?} {envelope} {:?}", db.records);
    assert!(!shown.contains(PLANTED) && shown.starts_with("Collection(\"external_accounts\")"), "{shown}");
}

#[test]
fn check_tells_an_index_that_lacks_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("shop.till"));
    let account = db.accounts().create(amazon()).unwrap();
    let entry = crate::records::index::entries(&account).remove(3).unwrap();
    let remove = |transaction: &mut Transaction<'_>| {
        transaction.delete(&entry);
        Ok(())
    };
    db.store.write(remove).unwrap();
    let problems = db.records.check().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("external account 1 is missing in the index of nickname"), "{problems:?}");
}

#[test]
fn a_read_only_handle_reads_and_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    open(&path).accounts().create(amazon().password(PLANTED)).unwrap();
    let db = open_with(&path, true, None).unwrap();
    assert_eq!(db.accounts().len().unwrap(), 1);
    assert_eq!(db.password(1).unwrap().as_deref(), Some(PLANTED));
    let refused = [
        db.accounts().create(amazon()).map(drop),
        db.accounts().create_many([amazon()]).map(drop),
        db.accounts().update(1, ExternalAccountUpdate::new()).map(drop),
        db.accounts().delete(1),
        db.vault.set_passphrase(&db.store, Some("one")),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Access);
    }
}

#[test]
fn the_passphrase_of_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    open(&path).accounts().create(amazon().password(PLANTED)).unwrap();
    assert!(path.join(KEY_FILE).exists());
    {
        let db = open(&path);
        db.vault.set_passphrase(&db.store, Some("open sesame")).unwrap();
        assert!(!path.join(KEY_FILE).exists());
        assert_eq!(db.password(1).unwrap().as_deref(), Some(PLANTED));
    }
    assert_eq!(open_with(&path, false, Some("open barley")).map(drop).unwrap_err().kind(), ErrorKind::Vault);
    {
        let db = open(&path);
        assert_eq!(db.accounts().len().unwrap(), 1);
        assert_eq!(db.password(1).unwrap_err().kind(), ErrorKind::Vault);
        let error = db.accounts().create(amazon().password("x")).unwrap_err();
        assert_eq!((error.kind(), db.accounts().len().unwrap()), (ErrorKind::Vault, 1));
        assert_eq!(db.vault.set_passphrase(&db.store, None).unwrap_err().kind(), ErrorKind::Vault);
    }
    {
        let db = open_with(&path, false, Some("open sesame")).unwrap();
        assert_eq!(db.password(1).unwrap().as_deref(), Some(PLANTED));
        db.vault.set_passphrase(&db.store, None).unwrap();
    }
    assert_eq!(open(&path).password(1).unwrap().as_deref(), Some(PLANTED));
}

#[test]
fn a_new_database_with_a_passphrase_needs_it_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    open_with(&path, false, Some("open sesame")).unwrap();
    assert_eq!(open_with(&path, false, Some("open barley")).map(drop).unwrap_err().kind(), ErrorKind::Vault);
    open_with(&path, false, Some("open sesame"))
        .unwrap()
        .accounts()
        .create(amazon().password(PLANTED))
        .unwrap();
    assert!(!path.join(KEY_FILE).exists());
}

#[test]
fn no_file_of_the_database_holds_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.till");
    {
        let db = open(&path);
        db.accounts().create(amazon().password(PLANTED)).unwrap();
        db.store.checkpoint().unwrap();
    }
    let mut files = 0;
    let mut todo = vec![path];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(memchr::memmem::find(&bytes, PLANTED.as_bytes()), None, "{}", path.display());
        }
    }
    assert!(files >= 4, "journal, index, TILLROLL and the key file");
}

#[test]
fn threads_create_and_list_whole_commits() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("shop.till"));
    let accounts = db.accounts();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10 {
                    accounts.create_many([amazon(), amazon(), amazon()]).unwrap();
                }
            });
        }
        for _ in 0..50 {
            let page = accounts.list(&ListQuery::new().filter("eq(store,amazon)").page_size(1000)).unwrap();
            assert_eq!((page.item_count % 3, page.data.len() as u64), (0, page.item_count));
        }
    });
    assert_eq!(accounts.len().unwrap(), 90);
    assert_eq!(db.records.check().unwrap(), Vec::<String>::new());
    assert!((&*db.store.view() as &dyn Any).is::<Nothing>());
}

#[test]
fn verbs_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("shop.till"));
    let accounts = db.dynamic();
    let call = |verb, arguments| accounts.call(verb, &arguments);
    let new = json!({"nickname": "one", "store": "amazon"});
    let one = call("create", new.clone()).unwrap();
    assert_eq!(one["id"], json!(1));
    assert_eq!(call("create_many", json!({"records": [new, new]})).unwrap()[1]["id"], json!(3));
    assert_eq!(call("update", json!({"id": 1, "nickname": "uno"})).unwrap()["nickname"], json!("uno"));
    assert_eq!(call("get", json!({"id": "1"})).unwrap()["nickname"], json!("uno"));
    assert_eq!(call("get", json!({"id": 1, "expand": []})).unwrap()["nickname"], json!("uno"));
    assert_eq!(call("delete", json!({"id": 2})).unwrap(), json!(null));
    assert_eq!(call("contains", json!({"id": 2})).unwrap(), json!(false));
    assert_eq!(call("contains", json!({"id": "x"})).unwrap(), json!(false));
    assert_eq!(call("list", json!({"page_size": 1})).unwrap()["meta"]["page_count"], json!(2));
    assert_eq!(call("count", json!(null)).unwrap(), json!(2));
    for (verb, arguments, message) in [
        (
            "rename",
            json!({}),
            "verb: \"rename\" is none of create, create_many, get, contains, update, delete, list, count, len, \
             set_credentials, has_credentials, reveal_credentials",
        ),
        ("get", json!({}), "id: is required"),
        ("get", json!({"id": [1]}), "id: must be an id: a whole number or text"),
        ("get", json!({"id": 9}), "external account 9 not found"),
        ("get", json!({"id": 1, "expand": "parent"}), "expand: \"parent\" is not a sub-resource"),
        ("delete", json!({"id": 1, "force": true}), "force: is not an argument"),
        ("create_many", json!({"records": 1}), "records: must be a list"),
        ("create_many", json!({}), "records: is required"),
        ("count", json!([]), "fields: must be an object, not a list"),
    ] {
        assert_eq!(call(verb, arguments).unwrap_err().to_string(), message, "{verb}");
    }
}
