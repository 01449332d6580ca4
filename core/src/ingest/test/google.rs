//! What the columns of Google's two reports mean, row by row, with expectations written by hand.

use super::*;

const M: i64 = 1_000_000;

const SALES_2013: &str = "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model,\
    Product Title,Product ID,Product Type,SKU ID,Currency of Sale,Item Price,Taxes Collected,Charged Amount,\
    City of Buyer,State of Buyer,Postal Code of Buyer,Country of Buyer";

const SALES_TODAY: &str = "Order Number,Order Charged Date,Order Charged Timestamp,Financial Status,Device Model,\
    Product Title,Package ID,Product Type,SKU ID,Currency of Sale,Item Price,Taxes Collected,Charged Amount,\
    City of Buyer,State of Buyer,Postcode of Buyer,Country of Buyer,Base Plan or Purchase Option ID,Offer ID,Group ID,\
    First USD 1M Eligible,Promotion ID,Coupon Value,Discount Rate,Featured Product ID,Price Experiment ID,Sales Channel";

const EARNINGS: &str = "Description,Transaction Date,Transaction Time,Tax Type,Transaction Type,Refund Type,\
    Product Title,Product id,Product Type,Sku Id,Hardware,Buyer Country,Buyer State,Buyer Postal Code,Buyer Currency,\
    Amount (Buyer Currency),Currency Conversion Rate,Merchant Currency,Amount (Merchant Currency)";

const EARNINGS_TODAY: &str = "Description,Transaction Date,Transaction Time,Tax Type,Transaction Type,Refund Type,\
    Product Title,Package ID,Product Type,SKU ID,Hardware,Buyer Country,Buyer State,Buyer Postcode,Buyer Currency,\
    Amount (Buyer Currency),Currency Conversion Rate,Merchant Currency,Amount (Merchant Currency),\
    Base Plan or Purchase Option ID,Offer ID,Group ID,First USD 1M Eligible,Service Fee %,Fee Description,Promotion ID";

/// A row of the sales report of 2013: date, timestamp, status, SKU, price, tax, charged.
fn sale(fields: [&str; 7]) -> String {
    let [date, stamp, status, sku, price, tax, charged] = fields;
    format!(
        "GPA.1-2..3,{date},{stamp},{status},pixel,Title,com.app,inapp,{sku},USD,{price},{tax},{charged},City,ST,00001,US"
    )
}

/// A row of the earnings report: date, time, type, SKU, buyer's amount, merchant's amount.
fn earning(fields: [&str; 6]) -> String {
    let [date, time, kind, sku, buyer, merchant] = fields;
    format!(
        "GPA.1,\"{date}\",{time},,{kind},,Title,com.app,1,{sku},pixel,US,ST,00001,USD,{buyer},0.8,EUR,{merchant}"
    )
}

fn read_lines(header: &str, lines: &[String]) -> Collected {
    read_text(&format!("{header}\n{}\n", lines.join("\n")))
}

fn read_sale(fields: [&str; 7]) -> Collected {
    let read = read_lines(SALES_2013, &[sale(fields)]);
    assert_eq!(read.rejects, [], "{fields:?}");
    read
}

fn read_earning(fields: [&str; 6]) -> Collected {
    let read = read_lines(EARNINGS, &[earning(fields)]);
    assert_eq!(read.rejects, [], "{fields:?}");
    read
}

fn reason(header: &str, line: String) -> String {
    let read = read_lines(header, &[line]);
    assert_eq!((read.rows(), read.rejects.len()), (0, 1));
    read.rejects[0].reason.clone()
}

fn figures(read: &Collected) -> (String, [Option<i64>; 3]) {
    (read.text("type").unwrap(), ["units", "sales", "earnings"].map(|column| read.int(column)))
}

fn of_status(status: &str, price: &str, charged: &str) -> (String, [Option<i64>; 3]) {
    figures(&read_sale(["2021-11-04", "1636057608", status, "gold", price, "0.00", charged]))
}

fn of_type(kind: &str) -> (String, [Option<i64>; 3]) {
    figures(&read_earning(["Jun 1, 2021", "12:15:21 PM PDT", kind, "gold", "-2.49", "-2.04"]))
}

fn typed(ty: &str, values: [Option<i64>; 3]) -> (String, [Option<i64>; 3]) {
    (ty.to_owned(), values)
}

fn texts<const N: usize>(read: &Collected, columns: [&str; N]) -> [Option<String>; N] {
    columns.map(|column| read.text(column))
}

fn some<const N: usize>(values: [&str; N]) -> [Option<String>; N] {
    values.map(|value| (!value.is_empty()).then(|| value.to_owned()))
}

fn day(text: &str) -> Option<i64> {
    Some(i64::from(text.parse::<crate::day::Day>().unwrap().0))
}

#[test]
fn a_sale_as_a_whole() {
    let read = read_sale(["2021-11-04", "1636057608", "Charged", "gold", "4.99", "1.00", "5.99"]);
    let standard = ["transaction_id", "sku", "parent_sku", "title", "item_type", "currency", "country"];
    assert_eq!(
        texts(&read, standard),
        some(["GPA.1-2..3", "gold", "com.app", "Title", "inapp", "USD", "US"])
    );
    assert_eq!(figures(&read), typed("charge", [Some(1), Some(4_990_000), None]));
    assert_eq!((read.int("time"), read.int("date")), (Some(1_636_057_608 * M), day("2021-11-04")));
    let further = ["Financial Status", "Order Charged Date", "Order Charged Timestamp", "Item Price"];
    assert_eq!(texts(&read, further), some(["Charged", "2021-11-04", "1636057608", "4.99"]));
    let further = ["Taxes Collected", "Charged Amount", "Device Model"];
    assert_eq!(texts(&read, further), some(["1.00", "5.99", "pixel"]));
    let nulls = ["marketplace", "invoice_id", "item_name", "term", "usage_time", "earnings_currency"];
    assert_eq!(texts(&read, nulls), some([""; 6]));
}

#[test]
fn an_app_without_item_is_its_own_sku() {
    for blank in ["", " "] {
        let read = read_sale(["2021-11-04", "1636057608", "Charged", blank, "4.99", "0", "4.99"]);
        assert_eq!(texts(&read, ["sku", "parent_sku"]), some(["com.app", ""]));
    }
    let read = read_sale(["2021-11-04", "1636057608", "Charged", " gold ", "4.99", "0", "4.99"]);
    assert_eq!(texts(&read, ["sku", "parent_sku"]), some(["gold", "com.app"]), "blanks are no part of a SKU");
}

#[test]
fn the_status_gives_the_sign() {
    for status in ["Charged", "charged", "CHARGED "] {
        assert_eq!(of_status(status, "4.99", "5.99"), typed("charge", [Some(1), Some(4_990_000), None]));
    }
    for status in ["Refund", "refund", "Refunded", "Partial refund", "PARTIAL REFUND"] {
        let refund = typed("refund", [Some(-1), Some(-4_990_000), None]);
        assert_eq!(of_status(status, "4.99", "-5.99"), refund, "{status}");
        assert_eq!(of_status(status, "-4.99", "-5.99"), refund, "{status}");
    }
    assert_eq!(of_status("Chargeback", "4.99", "-5.99"), typed("other", [Some(-1), Some(-4_990_000), None]));
    assert_eq!(of_status("Adjusted", "-4.99", "5.99"), typed("other", [Some(1), Some(4_990_000), None]));
    assert_eq!(of_status("Adjusted", "4.99", ""), typed("other", [Some(1), Some(4_990_000), None]));
    assert_eq!(of_status("Adjusted", "4.99", "0.00"), typed("other", [Some(1), Some(4_990_000), None]));
    assert_eq!(of_status("Charged", "", "5.99"), typed("charge", [Some(1), None, None]));
}

#[test]
fn thousands_are_read_exactly() {
    let charge = of_status("Charged", "\"17,500.00\"", "\"17,500.00\"");
    assert_eq!(charge, typed("charge", [Some(1), Some(17_500 * M), None]));
    let refund = of_status("Refund", "\"17,500.00\"", "\"-17,500.00\"");
    assert_eq!(refund, typed("refund", [Some(-1), Some(-17_500 * M), None]));
    let read = read_sale(["2021-11-04", "1", "Refund", "gold", "\"1,234,567.89\"", "0", "\"-1,234,567.89\""]);
    assert_eq!(read.int("sales"), Some(-1_234_567_890_000));
    assert_eq!(read.text("Item Price").as_deref(), Some("1,234,567.89"));
    let earned = read_earning(["Jun 1, 2021", "", "Charge", "gold", "\"17,500.00\"", "\"3,000.10\""]);
    assert_eq!(figures(&earned), typed("charge", [Some(1), Some(17_500 * M), Some(3_000_100_000)]));
}

#[test]
fn the_timestamp_gives_the_day() {
    let when = |date: &str, stamp: &str| {
        let read = read_sale([date, stamp, "Charged", "gold", "1", "0", "1"]);
        assert_eq!(read.text("Order Charged Date").as_deref(), Some(date).filter(|date| !date.is_empty()));
        (read.int("time"), read.int("date"))
    };
    assert_eq!(when("2021-11-30", "1638316799"), (Some(1_638_316_799 * M), day("2021-11-30")));
    assert_eq!(when("2021-12-01", "1638316800"), (Some(1_638_316_800 * M), day("2021-12-01")));
    // Where the two disagree, or the date cannot be read, the timestamp counts and the text is kept.
    assert_eq!(when("2021-11-30", "1638316800"), (Some(1_638_316_800 * M), day("2021-12-01")));
    assert_eq!(when("", "1638316800"), (Some(1_638_316_800 * M), day("2021-12-01")));
    assert_eq!(when("30.11.2021", "1638316799"), (Some(1_638_316_799 * M), day("2021-11-30")));
    assert_eq!(when("2021-11-30", ""), (None, day("2021-11-30")));
}

#[test]
fn sales_that_cannot_be_read_exactly_are_refused() {
    let good = ["2021-11-04", "1636057608", "Charged", "gold", "4.99", "1.00", "5.99"];
    let with = |at: usize, text: &str| {
        let mut fields = good;
        fields[at] = text;
        sale(fields)
    };
    for (at, text, expected) in [
        (1, "soon", "Order Charged Timestamp \"soon\" is not a plain decimal number"),
        (1, "1636057608.5", "Order Charged Timestamp \"1636057608.5\" is not a whole number"),
        (1, "1636057608000", "Order Charged Timestamp \"1636057608000\" is too large"),
        (1, "-1", "Order Charged Timestamp \"-1\" is too large"),
        (2, " ", "Financial Status is blank"),
        (4, "\"1,75.00\"", "Item Price \"1,75.00\" has misplaced thousands separators"),
        (4, "free", "Item Price \"free\" is not a plain decimal number"),
        (6, "\"5,99\"", "Charged Amount \"5,99\" has misplaced thousands separators"),
    ] {
        assert_eq!(reason(SALES_2013, with(at, text)), expected);
    }
    let undated = ["4.11.2021", "", "Charged", "gold", "4.99", "1.00", "5.99"];
    assert_eq!(
        reason(SALES_2013, sale(undated)),
        "Order Charged Date \"4.11.2021\" is not a date YYYY-MM-DD"
    );
    let short = sale(good).rsplitn(6, ',').last().unwrap().to_owned();
    assert_eq!(reason(SALES_2013, short), "the row ends before Charged Amount");
    assert_eq!(reason(SALES_2013, sale(good) + ",more"), "the row has 18 fields where the header has 17");
}

#[test]
fn short_rows_and_trailing_delimiters() {
    let good = sale(["2021-11-04", "1636057608", "Charged", "gold", "4.99", "1.00", "5.99"]);
    let short = good.rsplitn(5, ',').last().unwrap().to_owned();
    let read = read_lines(&format!("{SALES_2013},"), &[short, format!("{good}, ,"), good]);
    assert_eq!(read.rejects, []);
    assert_eq!(read.texts("country"), [None, Some("US".to_owned()), Some("US".to_owned())]);
}

#[test]
fn every_generation_of_headers_binds() {
    let good = sale(["2021-11-04", "1636057608", "Charged", "gold", "4.99", "1.00", "5.99"]);
    let of_2021 = format!("{SALES_2013},Base Plan ID,Offer ID");
    let of_2024 = format!(
        "{of_2021},Group ID,First USD 1M Eligible,Promotion ID,Coupon Value,Discount Rate,Featured Product ID"
    );
    for (header, more) in [(SALES_2013, 0), (&of_2021, 2), (&of_2024, 8), (SALES_TODAY, 10)] {
        assert_eq!(header.split(',').count(), 17 + more);
        let read = read_lines(header, &[good.clone() + &",x".repeat(more)]);
        assert_eq!(read.rejects, []);
        assert_eq!(texts(&read, ["sku", "parent_sku", "country"]), some(["gold", "com.app", "US"]));
        assert_eq!(figures(&read), typed("charge", [Some(1), Some(4_990_000), None]));
        let names: Vec<_> = read.batches[0].fields.iter().map(|field| field.name.as_str()).collect();
        let personal = ["City of Buyer", "State of Buyer", "Postal Code of Buyer", "Postcode of Buyer"];
        assert!(!names.iter().any(|name| personal.contains(name)), "{names:?}");
        assert!(header.split(',').skip(17).all(|name| names.contains(&name)), "{names:?}");
    }
}

#[test]
fn an_earnings_row_as_a_whole() {
    let read = read_earning(["Jun 1, 2021", "12:15:21 PM PDT", "Charge", "gold", "2.49", "2.04"]);
    let standard = ["transaction_id", "sku", "parent_sku", "title", "item_type", "country"];
    assert_eq!(texts(&read, standard), some(["GPA.1", "gold", "com.app", "Title", "1", "US"]));
    assert_eq!(texts(&read, ["currency", "earnings_currency"]), some(["USD", "EUR"]));
    assert_eq!(figures(&read), typed("charge", [Some(1), Some(2_490_000), Some(2_040_000)]));
    assert_eq!((read.int("time"), read.int("date")), (Some(1_622_574_921 * M), day("2021-06-01")));
    let further = ["Transaction Date", "Transaction Time", "Transaction Type"];
    assert_eq!(texts(&read, further), some(["Jun 1, 2021", "12:15:21 PM PDT", "Charge"]));
    let further = ["Amount (Buyer Currency)", "Amount (Merchant Currency)", "Currency Conversion Rate"];
    assert_eq!(texts(&read, further), some(["2.49", "2.04", "0.8"]));
    assert_eq!(read.written("Transaction Time"), [Some("12:15:21 PM PDT".to_owned())]);
    assert_eq!(read.written("Transaction Type"), [Some("Charge".to_owned())]);
    for dropped in ["Buyer State", "Buyer Postal Code"] {
        assert!(read.batches[0].column(dropped).is_none());
    }
}

#[test]
fn only_charges_and_their_refunds_are_sales() {
    let (sales, earnings) = (Some(-2_490_000), Some(-2_040_000));
    assert_eq!(of_type("Charge"), typed("charge", [Some(1), sales, earnings]));
    assert_eq!(of_type("Charge refund"), typed("refund", [Some(-1), sales, earnings]));
    assert_eq!(of_type("CHARGE REFUND "), typed("refund", [Some(-1), sales, earnings]));
    for (kind, ty) in [
        ("Google fee", "fee"),
        ("Google fee refund", "fee"),
        ("google fee", "fee"),
        ("Tax", "tax"),
        ("Tax refund", "tax"),
        ("Adjustment", "other"),
        ("Charges", "other"),
    ] {
        assert_eq!(of_type(kind), typed(ty, [Some(0), None, earnings]), "{kind}");
    }
    let unpaid = read_earning(["Jun 1, 2021", "12:15:21 PM PDT", "Charge", "gold", "2.49", ""]);
    assert_eq!(figures(&unpaid), typed("charge", [Some(1), Some(2_490_000), None]));
}

#[test]
fn earnings_have_the_date_as_written() {
    let when = |date: &str, time: &str| {
        let read = read_earning([date, time, "Charge", "gold", "2.49", "2.04"]);
        assert_eq!(
            read.written("Transaction Time")[0].as_deref(),
            Some(time).filter(|time| !time.is_empty())
        );
        (read.int("time"), read.int("date"))
    };
    // Late on 30 June in California it is July in UTC.
    assert_eq!(when("Jun 30, 2021", "11:59:59 PM PDT"), (Some(1_625_122_799 * M), day("2021-06-30")));
    assert_eq!(when("Jun 30, 2021", ""), (None, day("2021-06-30")));
    assert_eq!(when("2021-06-30", "23:59:59"), (Some(1_625_122_799 * M), day("2021-06-30")));
}

#[test]
fn earnings_that_cannot_be_read_exactly_are_refused() {
    let with = |at: usize, text: &str| {
        let mut fields = ["Jun 1, 2021", "12:15:21 PM PDT", "Charge", "gold", "2.49", "2.04"];
        fields[at] = text;
        reason(EARNINGS, earning(fields))
    };
    for (at, text, expected) in [
        (0, "", "Transaction Date \"\" is not a date such as Jun 1, 2021"),
        (0, "1 Juin 2021", "Transaction Date \"1 Juin 2021\" is not a date such as Jun 1, 2021"),
        (1, "noon", "Transaction Time \"noon\" is not a time such as 12:15:21 PM PDT"),
        (1, "1:00:00 PM XYZ", "Transaction Time has an unknown zone: \"1:00:00 PM XYZ\""),
        (2, "", "Transaction Type is blank"),
        (4, "\"2,49\"", "Amount (Buyer Currency) \"2,49\" has misplaced thousands separators"),
        (5, "2.04 EUR", "Amount (Merchant Currency) \"2.04 EUR\" is not a plain decimal number"),
    ] {
        assert_eq!(with(at, text), expected);
    }
}

#[test]
fn todays_earnings_header_binds() {
    let row = "GPA.1,\"Dec 23, 2024\",1:20:34 PM PST,,Google fee,,Title,com.app,Subscription,gold,a15,FR,,49130,EUR,\
        -4.00,1.000000,EUR,-4.00,monthly,,499,Yes,15,SUBSCRIPTIONS,";
    let read = read_lines(EARNINGS_TODAY, &[row.to_owned()]);
    assert_eq!(read.rejects, []);
    assert_eq!(figures(&read), typed("fee", [Some(0), None, Some(-4 * M)]));
    assert_eq!(texts(&read, ["sku", "parent_sku", "item_type"]), some(["gold", "com.app", "Subscription"]));
    let further = ["Base Plan or Purchase Option ID", "Service Fee %", "Fee Description"];
    assert_eq!(texts(&read, further), some(["monthly", "15", "SUBSCRIPTIONS"]));
    assert!(read.batches[0].column("Buyer Postcode").is_none());
}

#[test]
fn personal_fields_are_kept_only_where_asked() {
    let options = ReadOptions { keep_personal: true, ..ReadOptions::default() };
    let text = format!(
        "{SALES_2013}\n{}\n",
        sale(["2021-11-04", "1636057608", "Charged", "gold", "4.99", "1.00", "5.99"])
    );
    let (read, _) = read_bytes("s.csv", text.as_bytes(), options).unwrap();
    let personal = ["City of Buyer", "State of Buyer", "Postal Code of Buyer"];
    assert_eq!(texts(&read, personal), some(["City", "ST", "00001"]));
    // Nor are they in what a reject shows.
    let bad = sale(["2021-11-04", "soon", "Charged", "gold", "4.99", "1.00", "5.99"]);
    let read = read_lines(SALES_2013, &[bad]);
    assert!(!read.rejects[0].text.contains("City") && !read.rejects[0].text.contains("00001"));
    assert!(read.rejects[0].text.contains("soon"));
}

#[test]
fn wide_text_and_line_ends_read_the_same() {
    let lines = [
        sale(["2021-11-04", "1636057608", "Charged", "gold", "\"17,500.00\"", "0", "\"17,500.00\""]),
        sale(["2021-11-05", "1636144008", "Refund", "größe", "4.99", "-1.00", "-5.99"]),
    ];
    let text = format!("{SALES_2013}\n{}\n", lines.join("\n"));
    let expected = read_text(&text);
    let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
    };
    let crlf = text.replace('\n', "\r\n");
    for bytes in [
        wide(&text, u16::to_le_bytes),
        wide(&crlf, u16::to_le_bytes),
        wide(&text, u16::to_be_bytes),
        crlf.clone().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        text.replace('\n', ",\n").into_bytes(),
        zip(&[("salesreport_202111.csv", text.as_bytes())]),
    ] {
        let (read, summary) = read_bytes("s", &bytes, ReadOptions::default()).unwrap();
        assert_eq!((summary.kind, summary.rows, summary.rejects), (Kind::GoogleSales, 2, 0));
        for column in ["sku", "type", "Item Price", "Charged Amount", "country"] {
            assert_eq!(read.texts(column), expected.texts(column), "{column}");
        }
        assert_eq!(read.ints("sales"), [Some(17_500 * M), Some(-4_990_000)]);
    }
}

#[test]
fn reports_that_lack_columns_are_refused_by_name() {
    let fault = |header: &str| {
        let error =
            read_bytes("s.csv", format!("{header}\n").as_bytes(), ReadOptions::default()).unwrap_err();
        error.to_string()
    };
    for column in ["Order Number", "Order Charged Timestamp", "Product ID", "SKU ID", "Item Price"] {
        let message = fault(&SALES_2013.replacen(column, "Other", 1));
        assert!(
            message.contains(&format!("line 1: no column {column}: not a whole google-sales report")),
            "{message}"
        );
    }
    for column in
        ["Description", "Transaction Type", "Sku Id", "Merchant Currency", "Amount (Merchant Currency)"]
    {
        let message = fault(&EARNINGS.replacen(column, "Other", 1));
        assert!(
            message.contains(&format!("no column {column}: not a whole google-earnings report")),
            "{message}"
        );
    }
    let message = fault(&format!("{SALES_2013},Package ID"));
    assert!(message.contains("more than one column Product ID"), "{message}");
    let message = fault("Date,Package Name,Daily Crashes,Daily ANRs");
    assert!(
        message.ends_with(
            "this is a Google Play statistics report; Tillroll reads amazon-sales, apple-sales, google-sales and \
             google-earnings reports"
        ),
        "{message}"
    );
    let wide: Vec<u8> =
        "\u{feff}Date,Package Name,Daily Crashes\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = read_bytes("crashes.csv", &wide, ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("this is a Google Play statistics report"), "{error}");
    let as_sales = ReadOptions { kind: Some(Kind::GoogleSales), keep_personal: false };
    let error = read_bytes("s.csv", format!("{EARNINGS}\n").as_bytes(), as_sales).unwrap_err().to_string();
    assert!(error.contains("not a google-sales report but a google-earnings report"), "{error}");
}

#[test]
fn a_shifted_row_shows_no_buyer() {
    // A comma that nobody quoted moves every field behind it, the buyer's places among them.
    for (title, seen) in [("Game, the", false), ("Game", true)] {
        let line = format!(
            "GPA.1,2021-11-01,x,Charged,phone,{title},com.game,inapp,coin,EUR,1.00,0.00,1.00,City,ST,S3CRET,DE"
        );
        let read = read_lines(SALES_2013, &[line]);
        let text = &read.rejects[0].text;
        assert!(!["City", "S3CRET"].iter().any(|secret| text.contains(secret)), "{text}");
        assert_eq!(text.ends_with("DE"), seen, "{text}");
    }
}
