//! The builders of records set what their resources take, field by field.

use serde_json::{Value, json};
use tillroll_core::{
    AccountFields, AppStore, BannerFields, BannerGroupFields, BrandFields, CampaignFields, CategoryFields,
    CustomerAddressFields, CustomerFields, CustomerGroupFields, Db, GiftCardFields, ProductFields,
    SubscriberFields,
};

/// A record shows what was set, and nothing else but what the engine gives it and what lies deeper (`rest`).
fn shows(shown: &Value, set: &Value, rest: &[&str]) {
    let (shown, set) = (shown.as_object().unwrap(), set.as_object().unwrap());
    for (name, value) in set {
        assert_eq!(shown.get(name), Some(value), "{name}");
    }
    let engine = ["id", "created_at", "updated_at"];
    let others = shown.keys().filter(|name| !set.contains_key(*name) && !engine.contains(&name.as_str()));
    assert_eq!(others.collect::<Vec<_>>(), rest);
}

fn shown(db: &Db, collection: &str, id: impl ToString) -> Value {
    db.records(collection).unwrap().get(&id.to_string()).unwrap()
}

fn open() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path().join("shop.till")).unwrap();
    (folder, db)
}

#[test]
fn what_is_sold() {
    let (_folder, db) = open();
    let app = ProductFields::new().name("Chess").store(AppStore::Apple).vendor_identifier("1");
    let app = db.products().create(app).unwrap();
    let coins = ProductFields::new()
        .name("Coins")
        .developer("Acme")
        .icon("https://example.com/icon.png")
        .vendor_identifier("2")
        .ref_no(7)
        .sku("chess.coins")
        .package_name("com.example.chess")
        .store(AppStore::Apple)
        .release_date("2018-03-05T12:00:00Z")
        .version("1.2")
        .kind("inapp")
        .devices(["Handheld"])
        .active(false)
        .parent_id(app.id)
        .features(["iads"]);
    let coins = db.products().create(coins).unwrap();
    let set = json!({
        "name": "Coins", "developer": "Acme", "icon": "https://example.com/icon.png", "vendor_identifier": "2",
        "ref_no": 7, "sku": "chess.coins", "package_name": "com.example.chess", "store": "apple",
        "release_date": "2018-03-05T12:00:00Z", "version": "1.2", "type": "inapp", "devices": ["Handheld"],
        "active": false, "parent_id": app.id, "features": ["iads"],
    });
    let rest = ["store_id", "added_date", "updated_date", "source", "children", "price"];
    shows(&shown(&db, "products", coins.id), &set, &rest);

    let brand = BrandFields::new()
        .name("Acme")
        .description("<p>Old</p>")
        .seo_title("a")
        .seo_page_title("b")
        .seo_meta_description("c");
    let brand = db.brands().create(brand).unwrap();
    let set = json!({"name": "Acme", "description": "<p>Old</p>", "seo_title": "a", "seo_page_title": "b",
        "seo_meta_description": "c"});
    shows(&shown(&db, "brands", brand.id), &set, &["translations", "visibilities"]);

    let top = db.categories().create(CategoryFields::new().name("Top")).unwrap();
    let category = CategoryFields::new()
        .parent_id(top.id)
        .parent_sort(-2)
        .name("Games")
        .description("<p>All</p>")
        .default_template("product-list")
        .external_id(12);
    let category = db.categories().create(category).unwrap();
    let set = json!({"parent_id": top.id, "parent_sort": -2, "name": "Games", "description": "<p>All</p>",
        "default_template": "product-list", "external_id": 12});
    shows(&shown(&db, "categories", category.id), &set, &["translations", "visibilities"]);
}

#[test]
fn how_it_is_shown() {
    let (_folder, db) = open();
    let group = db.banner_groups().create(BannerGroupFields::new().code("start").title("Start")).unwrap();
    let set = json!({"code": "start", "title": "Start"});
    shows(&shown(&db, "banner_groups", group.id), &set, &["translations"]);

    let banner = BannerFields::new()
        .group_id(group.id)
        .sort(3)
        .code("sale")
        .title("Sale")
        .content("<p>Now</p>")
        .visible_from("2018-03-05T12:00:00Z")
        .visible_to("2018-03-06T12:00:00Z")
        .file("sale.png")
        .link("/sale");
    let banner = db.banners().create(banner).unwrap();
    let set = json!({"group_id": group.id, "sort": 3, "code": "sale", "title": "Sale", "content": "<p>Now</p>",
        "visible_from": "2018-03-05T12:00:00Z", "visible_to": "2018-03-06T12:00:00Z", "file": "sale.png",
        "link": "/sale"});
    shows(&shown(&db, "banners", banner.id), &set, &["translations", "visibilities"]);

    let campaign = db.campaigns().create(CampaignFields::new().published(true)).unwrap();
    let rest = ["conditions", "discounts", "page", "translations", "visibilities"];
    shows(&shown(&db, "campaigns", campaign.id), &json!({"published": true}), &rest);
}

#[test]
fn who_buys_it() {
    let (_folder, db) = open();
    let ada = CustomerFields::new()
        .first_name("Ada")
        .last_name("Lovelace")
        .login_allowed(true)
        .company("Engines")
        .vat_code("FR1")
        .street_address("Rue 5")
        .postal_code("75001")
        .city("Paris")
        .country("FR")
        .phone("+33 1")
        .email("ada@example.com")
        .version_id(2)
        .language("fr")
        .email_subscription(true)
        .sms_subscription(true)
        .external_id("a-7")
        .last_login_at("2018-03-05T12:00:00Z");
    let ada = db.customers().create(ada).unwrap();
    let set = json!({"first_name": "Ada", "last_name": "Lovelace", "login_allowed": true, "company": "Engines",
        "vat_code": "FR1", "street_address": "Rue 5", "postal_code": "75001", "city": "Paris", "country": "FR",
        "phone": "+33 1", "email": "ada@example.com", "version_id": 2, "language": "fr",
        "email_subscription": true, "sms_subscription": true, "external_id": "a-7",
        "last_login_at": "2018-03-05T12:00:00Z"});
    shows(&shown(&db, "customers", ada.id), &set, &["einvoice_address", "customer_groups"]);

    let office = CustomerAddressFields::new()
        .primary(true)
        .email("office@example.com")
        .company("Engines")
        .first_name("Ada")
        .last_name("Lovelace")
        .street_address("Quai 7")
        .street_name("Quai")
        .street_number("7")
        .house_extension("B")
        .postal_code("69001")
        .city("Lyon")
        .country("FR")
        .phone("+33 2");
    db.customers().add_address(ada.id, office).unwrap();
    let addresses = db.records("customers").unwrap().call("addresses", &json!({"id": ada.id})).unwrap();
    let set = json!({"primary": true, "email": "office@example.com", "company": "Engines", "first_name": "Ada",
        "last_name": "Lovelace", "street_address": "Quai 7", "street_name": "Quai", "street_number": "7",
        "house_extension": "B", "postal_code": "69001", "city": "Lyon", "country": "FR", "phone": "+33 2"});
    shows(&addresses[0], &set, &["customer_id"]);

    let group = db.customer_groups().create(CustomerGroupFields::new().name("Friends")).unwrap();
    shows(&shown(&db, "customer_groups", group.id), &json!({"name": "Friends"}), &["translations"]);

    let subscriber = SubscriberFields::new()
        .email("ada@example.com")
        .version_id(2)
        .language("fr")
        .country("FR")
        .subscribed_at("2018-03-05T12:00:00Z")
        .unsubscribed_at("2018-03-06T12:00:00Z");
    let subscriber = db.subscribers().create(subscriber).unwrap();
    let set = json!({"email": "ada@example.com", "version_id": 2, "language": "fr", "country": "FR",
        "subscribed_at": "2018-03-05T12:00:00Z", "unsubscribed_at": "2018-03-06T12:00:00Z"});
    shows(&shown(&db, "subscribers", subscriber.id), &set, &[]);
}

#[test]
fn what_is_owed_and_who_owns() {
    let (_folder, db) = open();
    let card = GiftCardFields::new()
        .code("DTGZRVGGYPS2YMNC")
        .expires_at("9999-10-20".parse().unwrap())
        .notes("for Ada")
        .balance("49.90".parse().unwrap());
    let card = db.gift_cards().create(card).unwrap();
    let card = shown(&db, "gift_cards", &card.code);
    assert_eq!(card["balance"].to_string().trim_matches('"').trim_end_matches('0'), "49.9");
    let set = json!({"code": "DTGZRVGGYPS2YMNC", "expires_at": "9999-10-20", "notes": "for Ada",
        "balance": card["balance"]});
    shows(&card, &set, &[]);

    let top = db.accounts().create(AccountFields::new().name("Publisher")).unwrap();
    let studio =
        AccountFields::new().name("Studio").legal_name("Studio Ltd").registration_id("FI1").parent(&top.id);
    let studio = db.accounts().create(studio).unwrap();
    assert_eq!((studio.name.as_str(), studio.legal_name.as_deref()), ("Studio", Some("Studio Ltd")));
    assert_eq!((studio.registration_id.as_deref(), studio.parent), (Some("FI1"), Some(top.id)));
    // An update changes what is set, and null takes away.
    let update = AccountFields::new().name("Workshop").with("registration_id", Value::Null);
    let changed = db.accounts().update(&studio.id, update).unwrap();
    assert_eq!((changed.name.as_str(), changed.registration_id), ("Workshop", None));
    assert_eq!(changed.legal_name.as_deref(), Some("Studio Ltd"));
}
