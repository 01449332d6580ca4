use serde_json::json;

use super::*;
use crate::ErrorKind;
use crate::kv::Key;
use crate::records::{Product, account_key};
use crate::store::Image;
use crate::vault::Vault;

/// Three external accounts and two products, one of them long.
fn world() -> Image {
    let dir = tempfile::tempdir().unwrap();
    let mut image = Image::default();
    let vault = Vault::for_tests(&image, dir.path(), None).unwrap();
    let env = machine::Env { vault: &vault, now: "2018-03-05T12:00:00Z".parse().unwrap() };
    for nickname in ["a", "b", "c"] {
        let fields = json!({"nickname": nickname, "store": "apple"});
        machine::create::<ExternalAccount>(&mut image, &env, fields.as_object().unwrap()).unwrap();
    }
    for (sku, name) in [("x", "short".to_owned()), ("y", "long ".repeat(40))] {
        let mut fields =
            json!({"name": name, "store": "apple", "vendor_identifier": sku, "sku": sku, "type": "app"});
        if sku == "y" {
            fields["meta"] = json!({"en": [{"key": "description", "value": "many words ".repeat(2000)}]});
        }
        machine::create::<Product>(&mut image, &env, fields.as_object().unwrap()).unwrap();
    }
    image
}

fn all(image: &mut Image) -> Vec<String> {
    crate::records::mend(image, true).unwrap()
}

#[track_caller]
fn is_sound(image: &Image) {
    assert_eq!(machine::check::<ExternalAccount>(image).unwrap(), Vec::<String>::new());
    assert_eq!(machine::check::<Product>(image).unwrap(), Vec::<String>::new());
}

#[test]
fn what_is_sound_is_left_alone() {
    let mut image = world();
    let before = image.clone();
    assert_eq!(all(&mut image), Vec::<String>::new());
    assert_eq!(image, before);
}

#[test]
fn entries_and_counts_follow_the_records() {
    let whole = world();
    // Every key that is no record's, one at a time: gone, and another one too many.
    for key in whole.0.keys().filter(|key| ![super::super::RECORD, REST].contains(&key[0])) {
        let mut image = whole.clone();
        image.0.remove(key);
        assert_eq!(all(&mut image), Vec::<String>::new());
        is_sound(&image);
    }
    let mut image = whole.clone();
    let stray = index::entries(&stored::get::<ExternalAccount>(&image, &2).unwrap().unwrap());
    image.0.remove(&account_key(2));
    assert_eq!(all(&mut image), Vec::<String>::new());
    is_sound(&image);
    assert!(stray.into_iter().flatten().all(|key| !image.0.contains_key(&key)));
    assert_eq!(stored::count::<ExternalAccount>(&image).unwrap(), 2);
}

#[test]
fn a_record_that_cannot_be_read_is_told_and_goes() {
    let mut image = world();
    let piece = image.0.keys().find(|key| key[0] == REST).unwrap().clone();
    image.0.remove(&piece);
    let notes = all(&mut image);
    assert!(notes.len() == 1 && notes[0].starts_with("product 2 is lost"), "{notes:?}");
    is_sound(&image);
    assert!(!image.0.keys().any(|key| key[0] == REST), "no piece is left");
    assert_eq!(stored::next_number::<Product>(&mut image).unwrap(), 3);
}

#[test]
fn numbers_that_were_given_are_given_to_nobody_else() {
    let mut image = world();
    image.0.retain(|key, _| key[0] != super::super::COUNTER);
    all(&mut image);
    assert_eq!(stored::next_number::<ExternalAccount>(&mut image).unwrap(), 4);
}

#[test]
fn a_record_of_a_newer_version_is_no_damage() {
    let mut image = world();
    let mut bytes = image.0[&account_key(1)].to_vec();
    bytes[1] = ExternalAccount::VERSION + 1;
    image.0.insert(account_key(1), bytes.into());
    assert_eq!(crate::records::mend(&mut image, true).unwrap_err().kind(), ErrorKind::Format);
}

#[test]
fn an_account_that_reports_are_of_gets_a_stand_in() {
    let mut image = world();
    let now = "2018-03-05T12:00:00Z".parse().unwrap();
    assert!(!stand_in(&mut image, (2, StoreKind::Apple), now).unwrap());
    assert!(stand_in(&mut image, (9, StoreKind::Amazon), now).unwrap());
    is_sound(&image);
    let account: ExternalAccount = stored::get(&image, &9).unwrap().unwrap();
    assert_eq!((account.nickname.as_str(), account.store), ("Recovered account 9", StoreKind::Amazon));
    assert!(is_account_key(&account_key(9)) && !is_account_key(&Key::new(INDEX).build()));
}
