//! What the columns of an Amazon report mean, row by row, with expectations written by hand.

use proptest::prelude::*;

use super::*;

const M: i64 = 1_000_000;

/// Seconds since 1970 of an ISO instant, by another library than the reader's own calendar.
fn utc(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn date(text: &str) -> Option<i64> {
    Some(i64::from(text.parse::<crate::day::Day>().unwrap().0))
}

fn at(marketplace: &str, time: &str) -> (Option<i64>, Option<i64>) {
    let read = read_row([marketplace, time, "Charge", "1", "USD", "1.99", "1.39"]);
    assert_eq!(read.written("Transaction Time"), [Some(time.to_owned())], "{marketplace} {time}");
    (read.int("time"), read.int("date"))
}

fn figures(kind: &str, units: &str, price: &str, earnings: &str) -> (String, [Option<i64>; 3]) {
    let read = read_row(["Amazon.com", "2018-03-05 10:00:00", kind, units, "USD", price, earnings]);
    assert_eq!(read.written("Transaction Type"), [Some(kind.to_owned())]);
    assert_eq!(read.written("Units"), [Some(units.to_owned())]);
    let kept = |text: &str| [Some(text.to_owned()).filter(|text| !text.trim().is_empty())];
    assert_eq!(read.written("Sales Price (Marketplace Currency)"), kept(price));
    assert_eq!(read.written("Estimated Earnings (Marketplace Currency)"), kept(earnings));
    (read.text("type").unwrap(), ["units", "sales", "earnings"].map(|column| read.int(column)))
}

fn typed(kind: &str, values: [i64; 3]) -> (String, [Option<i64>; 3]) {
    (kind.to_owned(), values.map(Some))
}

#[test]
fn a_row_lands_in_its_columns() {
    let line = "Amazon.de,AT,inv1,tx1,2018-03-05 10:00:00,Charge, sku.1 ,\"Title, the\",Item,Subscription,1 Month,2,17,EUR,3.98,2.79";
    let read = read_text(&report(&[line.to_owned()]));
    let names: Vec<_> = read.batches[0].fields.iter().map(|field| field.name.as_str()).collect();
    let standard: Vec<_> = standard_fields().iter().map(|field| field.name.clone()).collect();
    assert_eq!(names[..19], standard);
    assert_eq!(
        names[19..],
        [
            "Transaction Time",
            "Transaction Type",
            "Units",
            "Sales Price (Marketplace Currency)",
            "Estimated Earnings (Marketplace Currency)"
        ]
    );
    for (column, text) in [
        ("marketplace", "Amazon.de"),
        ("country", "AT"),
        ("invoice_id", "inv1"),
        ("transaction_id", "tx1"),
        ("type", "charge"),
        ("sku", "sku.1"),
        ("title", "Title, the"),
        ("item_name", "Item"),
        ("item_type", "Subscription"),
        ("term", "1 Month"),
        ("usage_time", "17"),
        ("currency", "EUR"),
        ("earnings_currency", "EUR"),
        ("Transaction Type", "Charge"),
    ] {
        assert_eq!(read.text(column).as_deref(), Some(text), "{column}");
    }
    assert_eq!(read.text("parent_sku"), None);
    assert_eq!(read.int("units"), Some(2));
    assert_eq!(read.int("sales"), Some(3_980_000));
    assert_eq!(read.int("earnings"), Some(2_790_000));
    assert_eq!(read.int("time"), utc("2018-03-05T09:00:00Z"));
    assert_eq!(read.int("date"), date("2018-03-05"));
    // Canonical texts cost nothing.
    for column in ["Transaction Time", "Units", "Sales Price (Marketplace Currency)"] {
        assert_eq!(read.text(column), None, "{column}");
    }
}

#[test]
fn charges_are_positive() {
    assert_eq!(figures("Charge", "1", "1.99", "1.39"), typed("charge", [1, 1_990_000, 1_390_000]));
    assert_eq!(figures("charge", "-2", "-1.99", "-1.39"), typed("charge", [2, 1_990_000, 1_390_000]));
    assert_eq!(figures("Charge", "1", "0.00", "0"), typed("charge", [1, 0, 0]));
    assert_eq!(figures("Charge", "12.00", "1.99", "1.39"), typed("charge", [12, 1_990_000, 1_390_000]));
    assert_eq!(figures("Charge", "0", "1.99", "1.39"), typed("charge", [0, 1_990_000, 1_390_000]));
}

#[test]
fn both_spellings_of_refunds_read_the_same() {
    let refund = typed("refund", [-1, -1_990_000, -1_390_000]);
    assert_eq!(figures("Refund", "1", "1.99", "-1.39"), refund);
    assert_eq!(figures("Refund", "-1", "-1.99", "-1.39"), refund);
    assert_eq!(figures("Refund", "1", "1.99", "1.39"), refund);
    for kind in ["REFUND", "Customer refund", "Chargeback", "chargeback fee", "Charge Reversal", "reversal"] {
        assert_eq!(figures(kind, "1", "1.99", "1.39"), refund, "{kind}");
    }
}

#[test]
fn other_types_keep_the_sign_of_the_earnings() {
    assert_eq!(figures("Adjustment", "1", "1.99", "-1.39"), typed("other", [-1, -1_990_000, -1_390_000]));
    assert_eq!(figures("Adjustment", "-1", "-1.99", "1.39"), typed("other", [1, 1_990_000, 1_390_000]));
    assert_eq!(figures("Adjustment", "1", "-1.99", "0.00"), typed("other", [-1, -1_990_000, 0]));
    assert_eq!(figures("Adjustment", "-1", "0", "0"), typed("other", [1, 0, 0]));
    assert_eq!(figures("Charges", "1", "1.99", "1.39"), typed("other", [1, 1_990_000, 1_390_000]));
    let (_, values) = figures("Adjustment", "1", "-1.99", "");
    assert_eq!(values, [Some(-1), Some(-1_990_000), None]);
}

#[test]
fn blank_money_is_null() {
    assert_eq!(figures("Charge", "1", "", "1.39").1, [Some(1), None, Some(1_390_000)]);
    assert_eq!(figures("Refund", "1", "1.99", " ").1, [Some(-1), Some(-1_990_000), None]);
}

#[test]
fn blank_text_is_null() {
    let line = "Amazon.com,,,,2018-03-05 10:00:00,Charge,,,,,,1,,,1.99,1.39";
    let read = read_text(&report(&[line.to_owned()]));
    assert_eq!(read.rejects, []);
    for column in ["country", "invoice_id", "transaction_id", "sku", "title", "currency", "earnings_currency"]
    {
        assert_eq!(read.text(column), None, "{column}");
    }
}

#[test]
fn local_times_by_marketplace() {
    for (marketplace, instant) in [
        ("Amazon.com", "2018-07-01T06:30:00Z"),
        ("amazon.COM", "2018-07-01T06:30:00Z"),
        ("Amazon.de", "2018-06-30T21:30:00Z"),
        ("Amazon.es", "2018-06-30T21:30:00Z"),
        ("Amazon.fr", "2018-06-30T21:30:00Z"),
        ("Amazon.it", "2018-06-30T21:30:00Z"),
        ("Amazon.co.uk", "2018-06-30T22:30:00Z"),
        ("Amazon.in", "2018-06-30T18:00:00Z"),
        ("Amazon.co.jp", "2018-06-30T14:30:00Z"),
        ("Amazon.com.au", "2018-06-30T13:30:00Z"),
        ("Amazon.com.br", "2018-07-01T02:30:00Z"),
    ] {
        assert_eq!(
            at(marketplace, "2018-06-30 23:30:00"),
            (utc(instant), date("2018-06-30")),
            "{marketplace}"
        );
    }
    assert_eq!(at("Amazon.co.jp", "2018-04-01 00:30:00"), (utc("2018-03-31T15:30:00Z"), date("2018-04-01")));
    assert_eq!(at("Amazon.com", "2018-01-31 23:30:00"), (utc("2018-02-01T07:30:00Z"), date("2018-01-31")));
}

#[test]
fn skipped_and_repeated_times() {
    // 2018-03-11: 02:00 to 03:00 does not exist in Los Angeles; the offset before the change reads it.
    assert_eq!(at("Amazon.com", "2018-03-11 01:59:59"), (utc("2018-03-11T09:59:59Z"), date("2018-03-11")));
    assert_eq!(at("Amazon.com", "2018-03-11 02:30:00"), (utc("2018-03-11T10:30:00Z"), date("2018-03-11")));
    assert_eq!(at("Amazon.com", "2018-03-11 03:00:00"), (utc("2018-03-11T10:00:00Z"), date("2018-03-11")));
    // 2018-11-04: 01:00 to 02:00 comes twice; the earlier offset, unless the token decides.
    assert_eq!(at("Amazon.com", "2018-11-04 01:30:00").0, utc("2018-11-04T08:30:00Z"));
    assert_eq!(at("Amazon.com", "2018-11-04 01:30:00 PDT").0, utc("2018-11-04T08:30:00Z"));
    assert_eq!(at("Amazon.com", "2018-11-04 01:30:00 PST").0, utc("2018-11-04T09:30:00Z"));
    assert_eq!(at("Amazon.com", "2018-11-04 02:00:00").0, utc("2018-11-04T10:00:00Z"));
    // Midnight itself is skipped and repeated in São Paulo.
    assert_eq!(at("Amazon.com.br", "2017-10-15 00:30:00"), (utc("2017-10-15T03:30:00Z"), date("2017-10-15")));
    assert_eq!(at("Amazon.com.br", "2018-02-17 23:30:00"), (utc("2018-02-18T01:30:00Z"), date("2018-02-17")));
    assert_eq!(at("Amazon.de", "2018-10-28 02:30:00 CET").0, utc("2018-10-28T01:30:00Z"));
    assert_eq!(at("Amazon.de", "2018-10-28 02:30:00 CEST").0, utc("2018-10-28T00:30:00Z"));
    assert_eq!(at("Amazon.co.uk", "2018-10-28 01:30:00 GMT").0, utc("2018-10-28T01:30:00Z"));
}

#[test]
fn zone_tokens() {
    assert_eq!(
        at("Amazon.de", "2018-07-01 00:30:00 CEST"),
        (utc("2018-06-30T22:30:00Z"), date("2018-07-01"))
    );
    assert_eq!(at("Amazon.in", "2018-07-01 00:30:00 IST"), (utc("2018-06-30T19:00:00Z"), date("2018-07-01")));
    assert_eq!(
        at("Amazon.co.uk", "2018-07-01 00:30:00 BST"),
        (utc("2018-06-30T23:30:00Z"), date("2018-07-01"))
    );
    // The marketplace decides what an ambiguous token means.
    assert_eq!(at("Amazon.co.uk", "2018-07-01 00:30:00 IST").0, utc("2018-06-30T23:30:00Z"));
    assert_eq!(at("Amazon.in", "2018-07-01 00:30:00 BST").0, utc("2018-06-30T19:00:00Z"));
    // The date is the day on the marketplace's clock.
    assert_eq!(
        at("Amazon.com", "2018-04-01 03:30:00 UTC"),
        (utc("2018-04-01T03:30:00Z"), date("2018-03-31"))
    );
    assert_eq!(at("Amazon.co.jp", "2018-03-31T16:00:00Z"), (utc("2018-03-31T16:00:00Z"), date("2018-04-01")));
    assert_eq!(at("Amazon.co.jp", "2018-03-31T16:00:00").0, utc("2018-03-31T07:00:00Z"));
    assert_eq!(at("Amazon.de", "2018-03-31T16:00:00.25+05:30").0, utc("2018-03-31T10:30:00.25Z"));
    // Blanks around it are no part of the time, and come back.
    assert_eq!(at("Amazon.com", " 2018-03-05 10:00:00 ").0, utc("2018-03-05T18:00:00Z"));
    let suffix = read_row(["Amazon.de", "2018-07-01 00:30:00 CEST", "Charge", "1", "EUR", "1", "1"]);
    assert_eq!(suffix.text("Transaction Time").as_deref(), Some("\u{1} CEST"));
}

#[test]
fn other_marketplaces_have_a_date_but_no_time() {
    assert_eq!(at("Amazon.ca", "2018-03-31 23:30:00"), (None, date("2018-03-31")));
    assert_eq!(at("", "2018-03-31 23:30:00"), (None, date("2018-03-31")));
    assert_eq!(at("Amazon.ca", "2018-03-31 23:30:00 UTC"), (utc("2018-03-31T23:30:00Z"), date("2018-03-31")));
    assert_eq!(
        at("Amazon.ca", "2018-03-31T23:30:00-05:00"),
        (utc("2018-04-01T04:30:00Z"), date("2018-03-31"))
    );
    assert_eq!(at("Amazon.ca", "2018-03-31 23:30:00 IST"), (None, date("2018-03-31")));
    assert_eq!(at("Amazon.ca", "2018-03-31 23:30:00 XYZ"), (None, date("2018-03-31")));
}

#[test]
fn amounts_are_exact() {
    for (text, micros) in [
        ("0.1", 100_000),
        ("0.000001", 1),
        ("1.9900000000", 1_990_000),
        (".70", 700_000),
        ("999999999999.999999", 999_999_999_999_999_999),
        (" 1.99 ", 1_990_000),
    ] {
        assert_eq!(figures("Charge", "1", text, "1.00").1[1], Some(micros), "{text}");
    }
    let yen = read_row(["Amazon.co.jp", "2018-03-05 10:00:00", "Charge", "1", "JPY", "300", "210"]);
    assert_eq!((yen.int("sales"), yen.int("earnings")), (Some(300 * M), Some(210 * M)));
    assert_eq!(yen.text("Sales Price (Marketplace Currency)"), None, "yen are written without decimals");
}

#[test]
fn what_cannot_be_read_exactly_is_refused_with_the_reason() {
    let with = |at: usize, text: &str| {
        let mut fields = ["Amazon.com", "2018-03-05 10:00:00", "Charge", "1", "USD", "1.99", "1.39"];
        fields[at] = text;
        refused(row(fields))
    };
    for (at, text, reason) in [
        (1, "", "Transaction Time is blank"),
        (1, "05/03/2018", "Transaction Time \"05/03/2018\" is not a time YYYY-MM-DD HH:MM:SS"),
        (
            1,
            "2018-02-30 10:00:00",
            "Transaction Time \"2018-02-30 10:00:00\" is not a time YYYY-MM-DD HH:MM:SS",
        ),
        (1, "2018-03-05 10:00:00 XYZ", "Transaction Time has an unknown zone: \"2018-03-05 10:00:00 XYZ\""),
        (2, " ", "Transaction Type is blank"),
        (3, "", "Units is blank"),
        (3, "1.5", "Units \"1.5\" is not a whole number"),
        (3, "one", "Units \"one\" is not a plain decimal number"),
        (5, "\"1,99\"", "Sales Price (Marketplace Currency) \"1,99\" is not a plain decimal number"),
        (
            5,
            "\"17,500.00\"",
            "Sales Price (Marketplace Currency) \"17,500.00\" is not a plain decimal number",
        ),
        (5, "0.0000001", "Sales Price (Marketplace Currency) \"0.0000001\" has more than 6 fraction digits"),
        (5, "1000000000000", "Sales Price (Marketplace Currency) \"1000000000000\" is too large"),
        (
            6,
            "9999999999999.00",
            "Estimated Earnings (Marketplace Currency) \"9999999999999.00\" is too large",
        ),
        (6, "$1", "Estimated Earnings (Marketplace Currency) \"$1\" is not a plain decimal number"),
    ] {
        assert_eq!(with(at, text), reason);
    }
}

#[test]
fn short_and_long_rows() {
    let header = format!("{HEADER_2018},Sales Channel");
    let read = read_text(&format!("{header}\n{0}\n{0},Appstore,, \n", charge()));
    assert_eq!(read.rejects, []);
    assert_eq!(read.texts("Sales Channel"), [None, Some("Appstore".to_owned())]);
    let cut = charge().rsplit_once(',').unwrap().0.to_owned();
    assert_eq!(refused(cut), "the row ends before Estimated Earnings (Marketplace Currency)");
    assert_eq!(refused(charge() + ",more"), "the row has 17 fields where the header has 16");
}

#[test]
fn todays_header_keeps_its_columns() {
    let header = std::fs::read_to_string("../../shared/samples/amazon/header_2024.csv").unwrap_or_else(|_| {
        "Marketplace,Country/Region Code,Invoice ID,Transaction ID,Transaction Time,Transaction Type,Adjustment,ASIN,\
         Vendor SKU,Title,Item Name,Item Type,In-App Subscription Term,In-App Subscription Status,Units,\
         Usage Time for Underground Apps (Seconds),Marketplace Currency,Sales Price (Marketplace Currency),\
         Estimated Earnings (Marketplace Currency),Digital Order ID,App User ID,Receipt ID,Sales Channel,Device Type,\
         Device OS"
            .to_owned()
    });
    let line = "Amazon.com,US,i,t,2024-03-05 10:00:00,Charge,adj,B00A,sku,T,N,App,,Paid,1,9,USD,1.99,1.39,D01,user,r,ch,tv,os";
    let text = format!("{}\n{line}\n", header.trim());
    let read = read_text(&text);
    assert_eq!(read.rejects, []);
    for (column, value) in [
        ("Adjustment", "adj"),
        ("ASIN", "B00A"),
        ("In-App Subscription Status", "Paid"),
        ("Digital Order ID", "D01"),
        ("Receipt ID", "r"),
        ("Device OS", "os"),
        ("usage_time", "9"),
    ] {
        assert_eq!(read.text(column).as_deref(), Some(value), "{column}");
    }
    assert!(read.batches[0].column("App User ID").is_none());
    let options = ReadOptions { keep_personal: true, ..ReadOptions::default() };
    let (read, summary) = read_bytes("s.csv", text.as_bytes(), options).unwrap();
    assert_eq!(read.text("App User ID").as_deref(), Some("user"));
    assert_eq!(summary.header.len(), 25);
}

#[test]
fn headers_bind_by_name_and_columns_never_collide() {
    let text = "\"ESTIMATED EARNINGS (marketplace currency)\",Sales Price (Marketplace Currency),units,Marketplace Currency,\
                Vendor-SKU,transaction_type,Transaction Time,MARKETPLACE,title,store,Title,,date\n\
                1.39,1.99,1,USD,s,Charge,2018-03-05 10:00:00,Amazon.com,T,x,T2,y,z\n";
    let (read, summary) = read_bytes("s.csv", text.as_bytes(), ReadOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.rejects), (1, 0));
    assert_eq!(read.int("earnings"), Some(1_390_000));
    assert_eq!(read.text("title").as_deref(), Some("T"));
    let names: Vec<_> = read.batches[0].fields[19..].iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ESTIMATED EARNINGS (marketplace currency)",
            "Sales Price (Marketplace Currency)",
            "units (2)",
            "transaction_type",
            "Transaction Time",
            "store (2)",
            "Title",
            "Column 12",
            "date (2)"
        ]
    );
    assert_eq!(read.text("store (2)").as_deref(), Some("x"));
    assert_eq!(read.text("Column 12").as_deref(), Some("y"));
}

#[test]
fn months_are_counted_by_date() {
    let days = ["2018-03-05", "2018-03-31", "2018-02-28", "2018-03-01"];
    let rows: Vec<_> = days
        .iter()
        .map(|day| row(["Amazon.com", &format!("{day} 23:00:00"), "Charge", "1", "USD", "1.99", "1.39"]))
        .collect();
    let (_, summary) = read_bytes("s.csv", report(&rows).as_bytes(), ReadOptions::default()).unwrap();
    assert_eq!(summary.dates.months, [((2018, 2), 1), ((2018, 3), 3)].into_iter().collect());
}

/// Any text that some column reads, in any spelling, must be shown again as it was.
fn spelled_amount() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,4}\\.[0-9]{2}",
        "[-+]?0{0,2}[0-9]{1,6}(\\.[0-9]{0,6}0{0,3})?",
        Just("0".to_owned()),
        Just("-0.00".to_owned()),
        Just(String::new()),
        " {0,2}[0-9]{1,3}\\.[0-9]{1,2} {0,2}",
    ]
}

/// Marketplace, time, type, units, price, earnings.
type Spelled = (usize, String, usize, String, String, String);

fn spelled_time() -> impl Strategy<Value = String> {
    let zone = prop_oneof![
        Just(""),
        Just(""),
        Just(" UTC"),
        Just(" CET"),
        Just(" CEST"),
        Just(" IST"),
        Just(" BST"),
        Just("Z"),
        Just(" PDT"),
        Just("+01:00"),
        Just("  PST "),
        Just(".5"),
        Just(" ")
    ];
    let separator = prop_oneof![Just(" "), Just(" "), Just("T")];
    (17_500i32..18_500, 0u32..86_400, separator, zone).prop_map(|(day, second, separator, zone)| {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{}{separator}{hour:02}:{minute:02}:{second:02}{zone}", crate::day::Day(day))
    })
}

proptest! {
    #[test]
    fn interpreted_texts_come_back(
        rows in proptest::collection::vec(
            (0usize..6, spelled_time(), 0usize..4, "-?0?[1-9]{1,3}(\\.0{0,2})?", spelled_amount(), spelled_amount()),
            1..20,
        )
    ) {
        let markets = ["Amazon.com", "Amazon.de", "Amazon.co.jp", "Amazon.in", "Amazon.co.uk", "Amazon.ca"];
        let currencies = ["USD", "EUR", "JPY", "INR", "GBP", "CAD"];
        let kinds = ["Charge", "Refund", "Adjustment", "Chargeback"];
        let lines: Vec<_> = rows
            .iter()
            .map(|(market, time, kind, units, price, earnings)| {
                row([markets[*market], time, kinds[*kind], units, currencies[*market], price, earnings])
            })
            .collect();
        let read = read_text(&report(&lines));
        prop_assert_eq!(&read.rejects, &[]);
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        let texts = |get: fn(&Spelled) -> &String| {
            rows.iter().map(|row| some(get(row))).collect::<Vec<_>>()
        };
        prop_assert_eq!(read.written("Transaction Time"), texts(|row| &row.1));
        prop_assert_eq!(read.written("Units"), texts(|row| &row.3));
        prop_assert_eq!(read.written("Sales Price (Marketplace Currency)"), texts(|row| &row.4));
        prop_assert_eq!(read.written("Estimated Earnings (Marketplace Currency)"), texts(|row| &row.5));
    }
}
