//! What rows of Apple's sales reports mean.

use proptest::prelude::*;

use super::*;
use crate::day::Day;

const HEADER: &str = "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\t\
    Developer Proceeds\tBegin Date\tEnd Date\tCustomer Currency\tCountry Code\tCurrency of Proceeds\tApple Identifier\t\
    Customer Price\tPromo Code\tParent Identifier\tSubscription\tPeriod\tCategory\tCMB\tDevice\tSupported Platforms\t\
    Proceeds Reason\tPreserved Pricing\tClient\tOrder Type";

/// One row: code, units, proceeds, customer price.
fn sale([code, units, proceeds, price]: [&str; 4]) -> String {
    format!(
        "APPLE\tUS\tapp.item\tDev\tThe \"Best\" Notes\t1.0\t{code}\t{units}\t{proceeds}\t10/05/2020\t10/05/2020\tUSD\tKE\tEUR\t\
         335060889\t{price}\t \tapp\tRenewal\t7 Days\tLifestyle\t\tiPhone\tiOS\t \tYes\t \t "
    )
}

fn report(rows: &[String]) -> String {
    let lines = std::iter::once(HEADER.to_owned()).chain(rows.iter().cloned());
    lines.map(|line| line + "\n").collect()
}

fn read_apple(text: &str) -> (Collected, MemberSummary) {
    read_bytes("S_D_1_20201005.txt", text.as_bytes(), ReadOptions::default()).unwrap()
}

fn read_sale(fields: [&str; 4]) -> Collected {
    let (read, summary) = read_apple(&report(&[sale(fields)]));
    assert_eq!((summary.kind, read.rejects.as_slice()), (Kind::AppleSales, &[][..]), "{fields:?}");
    read
}

fn reason(line: &str) -> String {
    let (read, _) = read_apple(&report(&[line.to_owned()]));
    assert_eq!((read.rows(), read.rejects.len()), (0, 1), "{line}");
    read.rejects[0].reason.clone()
}

/// Type, units, sales and earnings of one row.
fn figures(fields: [&str; 4]) -> (String, Option<i64>, Option<i64>, Option<i64>) {
    let read = read_sale(fields);
    (read.text("type").unwrap(), read.int("units"), read.int("sales"), read.int("earnings"))
}

fn date(text: &str) -> Option<i64> {
    text.parse::<Day>().ok().map(|day| i64::from(day.0))
}

#[test]
fn columns_have_their_places() {
    let read = read_sale(["IAY", "12.00", "209.30", "299.00"]);
    for (column, text) in [
        ("sku", "app.item"),
        ("parent_sku", "app"),
        ("title", "The \"Best\" Notes"),
        ("item_type", "IAY"),
        ("term", "7 Days"),
        ("country", "KE"),
        ("currency", "USD"),
        ("earnings_currency", "EUR"),
        ("type", "charge"),
        ("Provider", "APPLE"),
        ("Apple Identifier", "335060889"),
        ("Subscription", "Renewal"),
        ("Preserved Pricing", "Yes"),
        ("Developer Proceeds", "209.30"),
        ("Customer Price", "299.00"),
        ("Begin Date", "10/05/2020"),
        ("End Date", "10/05/2020"),
    ] {
        assert_eq!(read.text(column).as_deref(), Some(text), "{column}");
    }
    for column in
        ["marketplace", "invoice_id", "transaction_id", "item_name", "usage_time", "Promo Code", "Client"]
    {
        assert_eq!(read.text(column), None, "{column}");
    }
    assert_eq!((read.int("time"), read.int("date")), (None, date("2020-10-05")));
    assert_eq!(
        (read.int("units"), read.int("sales"), read.int("earnings")),
        (Some(12), Some(3_588_000_000), Some(2_511_600_000))
    );
    assert_eq!(read.written("Units"), [Some("12.00".to_owned())]);
    assert_eq!(read_sale(["1", "-3", "0", "0"]).written("Units"), [Some("-3".to_owned())]);
}

#[test]
fn amounts_are_of_one_unit() {
    let all = |kind: &str, units, sales, earnings| (kind.to_owned(), Some(units), sales, earnings);
    for (fields, expected) in [
        (["1F", "3", "209.30", "299.00"], all("charge", 3, Some(897_000_000), Some(627_900_000))),
        (["1F", "2", ".70", ".99"], all("charge", 2, Some(1_980_000), Some(1_400_000))),
        (["1", "1", "0", "0"], all("charge", 1, Some(0), Some(0))),
        // A refund: the units alone carry the sign.
        (["1F", "-1", "59.80", "-85.43"], all("refund", -1, Some(-85_430_000), Some(-59_800_000))),
        (["IA1", "-2", "0.7", "0.99"], all("refund", -2, Some(-1_980_000), Some(-1_400_000))),
        // Proceeds that were written negative: as computed.
        (["IA1", "2", "-.660", "-.99"], all("charge", 2, Some(1_980_000), Some(-1_320_000))),
        // A partial credit.
        (["IAY", "0", "59.80", "-85.43"], all("charge", 0, Some(0), Some(0))),
        (["IAY", "4", " ", "5"], all("charge", 4, Some(20_000_000), None)),
        (["IAY", "4", "5", " "], all("charge", 4, None, Some(20_000_000))),
        (["1", "-0.00", "5", "6"], all("charge", 0, Some(0), Some(0))),
        (
            ["1", "1", "0.000001", "999999999999.999999"],
            all("charge", 1, Some(999_999_999_999_999_999), Some(1)),
        ),
    ] {
        assert_eq!(figures(fields), expected, "{fields:?}");
    }
}

#[test]
fn codes_tell_the_type() {
    let kind = |code: &str, units: &str, money: &str| figures([code, units, money, money]).0;
    for (codes, expected) in [
        ("1 1F 1T F1 1E 1EP 1EU 1-B F1-B IA1 IA1-M FI1 IA9 IA9-M IAY IAY-M IAC", "charge"),
        ("3 3F", "redownload"),
        ("7 7F 7T F7", "update"),
        ("IA3", "restore"),
    ] {
        for code in codes.split(' ') {
            for code in [code.to_owned(), code.to_lowercase(), format!(" {code} ")] {
                assert_eq!(kind(&code, "1", "0.00"), expected, "{code}");
                assert_eq!(kind(&code, "1", "0.99"), expected, "{code}");
                assert_eq!(kind(&code, "0", "0.99"), expected, "{code}");
                assert_eq!(kind(&code, "-1", "0.99"), "refund", "{code}");
            }
            assert_eq!(
                read_sale([&format!(" {code} "), "1", "0", "0"]).text("item_type").as_deref(),
                Some(code)
            );
        }
    }
    for code in ["X9", "11F", "IAYIAYIAY", "ſ", " "] {
        assert_eq!(kind(code, "1", "0.99"), "other", "{code}");
        assert_eq!(kind(code, "1", "0.00"), "update", "{code}");
        assert_eq!(kind(code, "1", " "), "update", "{code}");
        assert_eq!(kind(code, "-1", "0.00"), "refund", "{code}");
        assert_eq!(figures([code, "1", "0", "-0.01"]).0, "other", "{code}");
    }
}

#[test]
fn bad_rows_say_what_is_wrong() {
    for (fields, expected) in [
        (["1", "1.5", "0", "0"], "Units \"1.5\" is not a whole number"),
        (["1", " ", "0", "0"], "Units is blank"),
        (["1", "one", "0", "0"], "Units \"one\" is not a plain decimal number"),
        (["1", "1", "1,50", "0"], "Developer Proceeds \"1,50\" is not a plain decimal number"),
        (["1", "1", "0", "0.0000001"], "Customer Price \"0.0000001\" has more than 6 fraction digits"),
        (["1", "1", "0", "1000000000000"], "Customer Price \"1000000000000\" is too large"),
        (["1", "2", "0", "500000000000"], "Units × Customer Price is too large"),
        (["1", "-1000000000", "1000", "0"], "Units × Developer Proceeds is too large"),
        (["1", "9223372036854", "999999999999", "0"], "Units × Developer Proceeds is too large"),
    ] {
        assert_eq!(reason(&sale(fields)), expected);
    }
    let with_date = |begin: &str, end: &str| {
        reason(&sale(["1", "1", "0", "0"]).replace("10/05/2020\t10/05/2020", &format!("{begin}\t{end}")))
    };
    assert_eq!(with_date(" ", "10/05/2020"), "Begin Date is blank");
    assert_eq!(with_date("10/05/2020", ""), "End Date is blank");
    for bad in [
        "2020-10-05",
        "13/05/2020",
        "02/30/2020",
        "10/05/020",
        "10/05/20201",
        "/05/2020",
        "10/5",
        "+1/05/2020",
        "1/1/1/20",
    ] {
        assert_eq!(with_date(bad, "10/05/2020"), format!("Begin Date {bad:?} is not a date MM/DD/YYYY"));
        assert_eq!(with_date("10/05/2020", bad), format!("End Date {bad:?} is not a date MM/DD/YYYY"));
    }
    let whole = sale(["1", "1", "0", "0"]);
    let up_to = |column: usize| whole.split('\t').take(column).collect::<Vec<_>>().join("\t");
    assert_eq!(reason(&up_to(2)), "the row ends before SKU");
    assert_eq!(reason(&up_to(15)), "the row ends before Customer Price");
    assert_eq!(reason(&format!("{whole}\tmore")), "the row has 29 fields where the header has 28");
}

#[test]
fn short_rows_and_trailing_delimiters() {
    let whole = sale(["1F", "2", "0.70", "0.99"]);
    let cut: String = whole.split('\t').take(16).collect::<Vec<_>>().join("\t");
    let (read, _) =
        read_apple(&report(&[whole.clone(), format!("{whole}\t "), format!("{whole}\t \t"), cut]));
    assert_eq!(read.rejects, []);
    assert_eq!(read.ints("earnings"), [Some(1_400_000); 4]);
    let app = Some("app".to_owned());
    assert_eq!(read.texts("parent_sku"), [app.clone(), app.clone(), app, None]);
}

#[test]
fn a_quote_is_data() {
    let quoted = sale(["1", "1", "0", "0"]).replace("The \"Best\" Notes", "\"Best\tDev");
    let text = report(&[
        sale(["1", "1", "0", "0"]).replace("The \"Best\" Notes", "\"Notes"),
        sale(["3", "1", "0", "0"]),
    ]);
    let (read, _) = read_apple(&text);
    assert_eq!(read.texts("title")[0].as_deref(), Some("\"Notes"));
    assert_eq!(read.rows(), 2);
    // A tab ends a field, whatever stands before it.
    assert_eq!(reason(&quoted), "Begin Date \"0\" is not a date MM/DD/YYYY");
}

#[test]
fn skus_are_trimmed() {
    let spaced = sale(["1", "1", "0", "0"]).replace("app.item", " app.item  ").replace("\tapp\t", "\tapp \t");
    let (read, _) = read_apple(&report(&[spaced]));
    assert_eq!(
        (read.text("sku").as_deref(), read.text("parent_sku").as_deref()),
        (Some("app.item"), Some("app"))
    );
}

#[test]
fn old_names_and_other_orders() {
    let old = "Provider\tProvider Country\tVendor Identifier\tUPC\tISRC\tArtist / Show\tTitle / Episode / Season\t\
        Label/Studio/Network\tProduct Type Identifier\tUnits\tRoyalty Price\tBegin Date\tEnd Date\tCustomer Currency\t\
        Country Code\tRoyalty Currency\tPreorder\tSeason Pass\tISAN\tApple Identifier\tCustomer Price\tCMA\t\
        Asset/Content Flavor\tVendor Offer Code\tGrid\tPromo Code\tParent Identifier";
    let row = "APPLE\tUS\t1234\t \t \tEvri\tEvriVerse\t \t7\t3\t.7\t8/3/09\t08/03/2009\tGBP\tGB\tEUR\t \t \t \t312716560\t.99\t\
        \t\t\t\tCR-RW\tapp";
    let (read, summary) = read_apple(&format!("{old}\r\n{row}\r\n"));
    assert_eq!((read.rejects.as_slice(), summary.header.len()), (&[][..], 27));
    for (column, text) in [
        ("sku", "1234"),
        ("title", "EvriVerse"),
        ("currency", "GBP"),
        ("earnings_currency", "EUR"),
        ("parent_sku", "app"),
        ("type", "update"),
        ("Artist / Show", "Evri"),
        ("Royalty Price", ".7"),
        ("Begin Date", "8/3/09"),
        ("Promo Code", "CR-RW"),
    ] {
        assert_eq!(read.text(column).as_deref(), Some(text), "{column}");
    }
    assert_eq!((read.int("date"), read.int("earnings")), (date("2009-08-03"), Some(2_100_000)));
    let span = (Day::new(2009, 8, 3).unwrap(), Day::new(2009, 8, 3).unwrap());
    assert_eq!(summary.dates.spans.into_iter().collect::<Vec<_>>(), [(span, 1)]);
    let turned = |line: &str| line.split('\t').rev().collect::<Vec<_>>().join("\t");
    let (other, _) = read_apple(&format!("{}\n{}\n", turned(old).to_uppercase(), turned(row)));
    assert_eq!(other.int("earnings"), Some(2_100_000));
}

#[test]
fn missing_columns_are_named() {
    for column in [
        "SKU",
        "Product Type Identifier",
        "Units",
        "Developer Proceeds",
        "Begin Date",
        "End Date",
        "Customer Currency",
        "Customer Price",
    ] {
        let text = report(&[sale(["1", "1", "0", "0"])]).replacen(&format!("\t{column}\t"), "\tOther\t", 1);
        let error = read_bytes("S_D_1_20201005.txt", text.as_bytes(), ReadOptions::default()).unwrap_err();
        let expected = format!("line 1: no column {column}: not a whole apple-sales report");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn rows_tell_their_spans() {
    let of = |begin: &str, end: &str| {
        sale(["1", "1", "0", "0"]).replace("10/05/2020\t10/05/2020", &format!("{begin}\t{end}"))
    };
    let week = || of("10/5/20", "10/11/2020");
    let bad = of("10/05/2020", "10/32/2020");
    let (read, summary) = read_apple(&report(&[week(), bad, of("10/06/2020", "10/06/2020"), week()]));
    assert_eq!(read.rejects.len(), 1);
    let spans: Vec<_> =
        summary.dates.spans.iter().map(|((first, last), rows)| format!("{first} {last} {rows}")).collect();
    assert_eq!(spans, ["2020-10-05 2020-10-11 2", "2020-10-06 2020-10-06 1"]);
    assert_eq!(summary.dates.months.into_iter().collect::<Vec<_>>(), [((2020, 10), 3)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // The product of units and amount, each of any size, is the exact one or a reject.
    #[test]
    fn products_are_exact(units in any::<i32>(), micros in -999_999_999_999_999_999i64..=999_999_999_999_999_999) {
        let price = crate::money::Money::from_micros(i128::from(micros)).to_string();
        let (read, _) = read_apple(&report(&[sale(["IA1", &units.to_string(), &price, "0"])]));
        let exact = i128::from(units) * i128::from(micros);
        if exact.unsigned_abs() < 10u128.pow(18) {
            prop_assert_eq!(read.int("earnings").map(i128::from), Some(exact));
        } else {
            prop_assert_eq!(&read.rejects[0].reason, "Units × Developer Proceeds is too large");
        }
    }

    #[test]
    fn any_fields_never_panic(fields in proptest::collection::vec("[ -~]{0,12}", 28)) {
        let _ = read_apple(&report(&[fields.join("\t")]));
    }
}
