use serde_json::{Value, json};

use crate::records::bench::{Bench, assert_shows};
use crate::records::{Campaign, CampaignPrice, PriceKey, PriceRow};
use crate::{ErrorKind, Money};

const CAMPAIGNS: &str = "campaigns";

/// A database with the customer groups 1 to 5.
fn bench() -> Bench {
    let bench = Bench::new("2013-06-19T17:41:47Z");
    let groups: Vec<Value> = (1..=5).map(|n| json!({"name": format!("group {n}")})).collect();
    bench.call("customer_groups", "create_many", json!({"records": groups})).unwrap();
    bench
}

/// The example of the API.
fn example() -> Value {
    json!({
        "published": true,
        "conditions": {
            "time": {"from": null, "to": "2020-11-30T23:59:59+02:00"},
            "code": "ALE123",
            "customers": {"group_ids": [1, 4, 5]}
        },
        "discounts": {
            "products": {"enabled": true, "quantity_discounts": true},
            "free_shipping": {"enabled": true},
            "discount_row": {"enabled": false}
        },
        "page": {
            "description": "<p>All product -25 % for the summer. Act now, don't miss out!</p>",
            "enabled": true,
            "image": "image.png",
            "link": "/category/6",
            "pinned": false,
            "template": "campaign/campaign-alternative"
        },
        "translations": [
            {
                "language": "fi",
                "name": "Macbook-ale",
                "description": "Kaikki Macbookit nyt -50 %",
                "seo_title": "Päivin putiikin Macbook-ale",
                "seo_page_title": "Kaikki Macbookit nyt -50 %",
                "seo_meta_description": "Osta Macbook puoleen hintaan"
            },
            {
                "language": "en",
                "name": "Macbook sale!",
                "description": "All Macbooks now at -50 %",
                "seo_title": "Macbook sale at Päivi's boutique",
                "seo_page_title": "All Macbooks now -50 %",
                "seo_meta_description": "Get your Macbook at half the price."
            }
        ]
    })
}

/// The example of the API's price rows.
fn example_prices() -> Value {
    json!([
        {"product_id": 4, "price": 39.99},
        {"product_id": 5, "variation_id": 3, "price": 39.99, "order_limit": 3},
        {"product_id": 4, "download_id": 2, "quantity": 3, "price": 39.99}
    ])
}

fn set(bench: &Bench, rows: Value) -> Value {
    bench.call(CAMPAIGNS, "set_prices", json!({"id": 1, "rows": rows})).unwrap()
}

#[test]
fn the_example_of_the_api() {
    let bench = bench();
    let made = bench.create(CAMPAIGNS, example());
    assert_shows(&made, &example(), &[]);
    assert_eq!(made["visibilities"], json!([]));
    assert_eq!(bench.call(CAMPAIGNS, "update", made.clone()).unwrap(), made);
    // The update of the example names two fields; the others stay.
    let fields = json!({"id": 1, "published": false, "translations": [example()["translations"][1]]});
    let changed = bench.call(CAMPAIGNS, "update", fields).unwrap();
    assert_shows(&changed, &example(), &["published", "translations"]);
    assert_shows(&changed, &json!({"published": false, "translations": [example()["translations"][1]]}), &[]);
    let bench = bench.reopen();
    assert_eq!(bench.get(CAMPAIGNS, &json!(1)), changed);
    let found = bench.call(CAMPAIGNS, "list", json!({"published": false, "code": "ALE123"})).unwrap();
    assert_eq!(found["meta"]["item_count"], json!(1));
    bench.check();
}

#[test]
fn what_is_not_set_is_shown_empty() {
    let bench = bench();
    let made = bench.create(CAMPAIGNS, json!({}));
    let empty = json!({
        "published": false,
        "conditions": {"time": {"from": null, "to": null}, "code": null, "customers": {"group_ids": []}},
        "discounts": {
            "products": {"enabled": false, "quantity_discounts": false},
            "free_shipping": {"enabled": false},
            "discount_row": {"enabled": false}
        },
        "page": {
            "description": null, "enabled": false, "image": null, "link": null, "pinned": false, "template": null
        },
        "translations": [],
        "visibilities": []
    });
    assert_shows(&made, &empty, &[]);
    // A part keeps what an update does not name in it; null empties it.
    bench
        .call(
            CAMPAIGNS,
            "update",
            json!({"id": 1, "conditions": example()["conditions"], "page": example()["page"]}),
        )
        .unwrap();
    let fields =
        json!({"id": 1, "conditions": {"code": "", "time": {"from": "2020-11-30T21:59:59Z"}}, "page": null});
    let changed = bench.call(CAMPAIGNS, "update", fields).unwrap();
    let conditions = json!({
        "time": {"from": "2020-11-30T21:59:59Z", "to": "2020-11-30T23:59:59+02:00"},
        "code": null,
        "customers": {"group_ids": [1, 4, 5]}
    });
    assert_eq!((&changed["conditions"], &changed["page"]), (&conditions, &empty["page"]));
    let changed =
        bench.call(CAMPAIGNS, "update", json!({"id": 1, "conditions": {"customers": null}})).unwrap();
    assert_eq!(changed["conditions"]["customers"], json!({"group_ids": []}));
    assert_eq!(changed["conditions"]["time"], conditions["time"]);
}

#[test]
fn all_faults_at_once() {
    let bench = bench();
    let fields = json!({
        "published": "perhaps",
        "conditions": {
            "time": {"from": "2020-12-01T00:00:00+02:00", "to": "2020-11-30T23:59:59+02:00"},
            "code": 7,
            "customers": {"group_ids": [1, 0, "a", 1]},
            "weather": "rain"
        },
        "discounts": {"products": {"enabled": 1}, "free_shipping": true},
        "page": {"image": "i".repeat(256), "template": "a\u{7}"},
        "translations": [{"language": "fi", "title": "a"}],
    });
    let faults = bench.faults(CAMPAIGNS, "create", fields);
    let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
    let expected = [
        "conditions.code must be text",
        "conditions.customers.group_ids[1] must be an id: a whole number from 1 on",
        "conditions.customers.group_ids[2] must be an id: a whole number from 1 on",
        "conditions.customers.group_ids[3] stands twice",
        "conditions.time.to lies before 2020-12-01T00:00:00+02:00, where it begins",
        "conditions.weather is not a field of this record",
        "discounts.free_shipping must be an object",
        "discounts.products.enabled must be true or false",
        "page.image is longer than 255 characters",
        "page.template must not contain control characters",
        "published must be true or false",
        "translations[0].title is not a field of this record",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn only_groups_that_are_new_are_looked_for() {
    let bench = bench();
    let of_groups = |groups: &[u64]| json!({"id": 1, "conditions": {"customers": {"group_ids": groups}}});
    bench.create(CAMPAIGNS, of_groups(&[4, 5]));
    bench.call("customer_groups", "delete", json!({"id": 5})).unwrap();
    bench.call(CAMPAIGNS, "update", of_groups(&[5, 1])).unwrap();
    let faults = bench.faults(CAMPAIGNS, "update", of_groups(&[1, 5, 9]));
    assert_eq!(faults["conditions.customers.group_ids[2]"], ["customer group 9 not found"]);
    assert_eq!(faults.len(), 1);
    bench.call(CAMPAIGNS, "update", of_groups(&[1])).unwrap();
    let faults = bench.faults(CAMPAIGNS, "update", of_groups(&[5]));
    assert_eq!(faults["conditions.customers.group_ids[0]"], ["customer group 5 not found"]);
}

#[test]
fn the_prices_of_the_example() {
    let bench = bench();
    bench.create(CAMPAIGNS, example());
    let rows = set(&bench, example_prices());
    let whole = json!([
        {"product_id": 4, "variation_id": null, "download_id": null, "quantity": 1, "price": 39.99, "order_limit": null},
        {"product_id": 4, "variation_id": null, "download_id": 2, "quantity": 3, "price": 39.99, "order_limit": null},
        {"product_id": 5, "variation_id": 3, "download_id": null, "quantity": 1, "price": 39.99, "order_limit": 3}
    ]);
    assert_eq!(rows.to_string(), whole.to_string());
    let bench = bench.reopen();
    assert_eq!(bench.call(CAMPAIGNS, "prices", json!({"id": 1})).unwrap(), whole);
    // Prices show where they are asked for; writing such a campaign back leaves them alone.
    assert!(bench.get(CAMPAIGNS, &json!(1)).get("prices").is_none());
    let asked = bench.call(CAMPAIGNS, "get", json!({"id": 1, "expand": ["prices"]})).unwrap();
    assert_eq!(asked["prices"], whole);
    let listed = bench.call(CAMPAIGNS, "list", json!({"expand": "prices"})).unwrap();
    assert_eq!(listed["data"][0], asked);
    bench.call(CAMPAIGNS, "update", asked).unwrap();
    // Rows that were read can be set again and change nothing.
    assert_eq!(set(&bench, whole.clone()), whole);
    assert_eq!(bench.of::<CampaignPrice>().len().unwrap(), 3);
    bench.check();
}

#[test]
fn rows_are_added_and_replaced_and_the_others_stay() {
    let bench = bench();
    bench.create(CAMPAIGNS, json!({}));
    bench.create(CAMPAIGNS, json!({}));
    set(&bench, example_prices());
    let rows = json!([
        {"product_id": 5, "variation_id": "3", "quantity": "1", "price": "12.50"},
        {"product_id": 5, "price": 50},
        {"product_id": 4, "variation_id": 9, "price": 0, "order_limit": 2},
        {"product_id": 4, "quantity": 10, "price": "0.000001"},
    ]);
    let shown: Vec<String> = set(&bench, rows)
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].to_string();
            ["product_id", "variation_id", "download_id", "quantity", "price", "order_limit"]
                .map(text)
                .join(" ")
        })
        .collect();
    let expected = [
        "4 null null 1 39.99 null",
        "4 null null 10 0.000001 null",
        "4 9 null 1 0 2",
        "4 null 2 3 39.99 null",
        "5 null null 1 50 null",
        "5 3 null 1 12.5 null",
    ];
    assert_eq!(shown, expected);
    assert_eq!(bench.call(CAMPAIGNS, "prices", json!({"id": 2})).unwrap(), json!([]));
    bench.check();
}

#[test]
fn faults_of_rows_name_their_place_and_nothing_is_written() {
    let bench = bench();
    bench.create(CAMPAIGNS, json!({}));
    let rows = json!([
        {"product_id": 4, "price": 1},
        {"price": -1},
        {"product_id": 0, "price": "a"},
        {"product_id": 4, "variation_id": 1, "download_id": 1},
        {"product_id": 4, "quantity": 0, "price": 0.0000001, "colour": 1},
        7,
    ]);
    let faults = bench.faults(CAMPAIGNS, "set_prices", json!({"id": 1, "rows": rows}));
    let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
    let expected = [
        "rows[1].price must not be negative",
        "rows[1].product_id is required",
        "rows[2].price is not a plain decimal number",
        "rows[2].product_id must be an id: a whole number from 1 on",
        "rows[3].download_id stands beside a variation_id: a row is for one of the two",
        "rows[3].price is required",
        "rows[4].colour is not a field of this record",
        "rows[4].price is not a plain decimal number",
        "rows[4].quantity must be a whole number from 1 on",
        "rows[5] must be an object",
    ];
    assert_eq!(faults, expected);
    // A quantity that is not given is 1.
    let twice = json!([{"product_id": 4, "price": 1}, {"product_id": 4, "price": 1, "quantity": 1}]);
    let faults = bench.faults(CAMPAIGNS, "set_prices", json!({"id": 1, "rows": twice}));
    assert_eq!(faults["rows[1]"], ["is the same row as rows[0]"]);
    assert_eq!(bench.faults(CAMPAIGNS, "set_prices", json!({"id": 1}))["rows"], ["is required"]);
    let missing = bench.call(CAMPAIGNS, "set_prices", json!({"id": 2, "rows": []})).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    // What the typed face lets through is refused as well, with what stands before it.
    let campaigns = bench.of::<Campaign>();
    let rows = [PriceRow::new(PriceKey::new(4), Money::ZERO), PriceRow::new(PriceKey::new(0), Money::ZERO)];
    assert_eq!(campaigns.set_prices(1, &rows).unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!(campaigns.prices(1).unwrap(), []);
    assert_eq!(bench.of::<CampaignPrice>().len().unwrap(), 0);
    bench.check();
}

#[test]
fn a_price_is_removed_by_what_names_it() {
    let bench = bench();
    bench.create(CAMPAIGNS, json!({}));
    let rows = set(&bench, example_prices());
    let remove = |row: Value| bench.call(CAMPAIGNS, "remove_price", json!({"id": 1, "row": row}));
    for row in [
        json!({"product_id": 4, "quantity": 2}),
        json!({"product_id": 5}),
        json!({"product_id": 4, "download_id": 2}),
    ] {
        assert_eq!(remove(row).unwrap_err().kind(), ErrorKind::NotFound);
    }
    let missing = remove(json!({"product_id": 5, "variation_id": 4, "quantity": 2})).unwrap_err();
    let told = "price of a campaign 1: product 5, variation 4, quantity 2";
    assert!(missing.to_string().contains(told), "{missing}");
    assert_eq!(remove(json!({"product_id": 4})).unwrap(), Value::Null);
    assert_eq!(remove(rows[1].clone()).unwrap(), Value::Null);
    let left = bench.call(CAMPAIGNS, "prices", json!({"id": 1})).unwrap();
    assert_eq!(left, json!([rows[2]]));
    assert_eq!(bench.faults(CAMPAIGNS, "remove_price", json!({"id": 1}))["row"], ["is required"]);
    let faults = bench.faults(CAMPAIGNS, "remove_price", json!({"id": 1, "row": {"variation_id": "a"}}));
    assert_eq!(faults.keys().collect::<Vec<_>>(), ["row.product_id", "row.variation_id"]);
    let campaigns = bench.of::<Campaign>();
    campaigns.remove_price(1, &PriceKey::new(5).variation(3)).unwrap();
    assert_eq!(
        campaigns.remove_price(1, &PriceKey::new(5).variation(3)).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(campaigns.remove_price(2, &PriceKey::new(5)).unwrap_err().kind(), ErrorKind::NotFound);
    bench.check();
}

#[test]
fn ten_thousand_rows() {
    let bench = bench();
    let campaigns = bench.of::<Campaign>();
    bench.create(CAMPAIGNS, json!({}));
    let row =
        |product: u64| PriceRow::new(PriceKey::new(product).quantity(2), Money::from_micros(product.into()));
    let rows: Vec<PriceRow> = (1..=10_000).rev().map(row).collect();
    let all = campaigns.set_prices(1, &rows).unwrap();
    assert!(all.iter().copied().eq((1..=10_000).map(row)));
    let changed = campaigns.set_prices(1, &[row(10_001), row(5).order_limit(3)]).unwrap();
    assert_eq!((changed.len(), changed[4].order_limit), (10_001, Some(3)));
    campaigns.delete(1).unwrap();
    assert_eq!(bench.of::<CampaignPrice>().len().unwrap(), 0);
    bench.check();
}
