//! Bad files are clear errors or rejects that name file and line, and what was stored stays as it was.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use tillroll_core::{Error, ErrorKind, ImportOptions};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::decimal::UNIT;
use tillroll_tests::world::market_of;
use tillroll_tests::{Field, Layout, Packing, Report, Row, Spec, packing};

use crate::dsl::{Shop, everything_of, rows_of};

fn stored() -> Report {
    Spec::new(3, (2018, 1), 200).generate()
}

fn shop() -> Shop {
    Shop::with(&[stored()])
}

fn march() -> Report {
    Spec::new(3, (2018, 3), 2_000).generate()
}

/// A format error that names the file.
fn is_format_error(error: &Error, path: &Path) {
    assert_eq!(error.kind(), ErrorKind::Format, "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(name), "{error}");
}

fn refused(name: &str, bytes: impl AsRef<[u8]>) -> Error {
    let shop = shop();
    let path = shop.file(name, bytes);
    let error = shop.refuses(&path);
    is_format_error(&error, &path);
    error
}

#[test]
fn truncated_gzip() {
    let whole = packing::gzip(&march().csv());
    for len in [11, whole.len() / 2, whole.len() - 1] {
        refused("sales_2018_03.gz", &whole[..len]);
    }
}

#[test]
fn gzip_with_a_flipped_byte() {
    let mut bytes = packing::gzip(&march().csv());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    refused("sales_2018_03.gz", bytes);
}

#[test]
fn corrupt_zip() {
    let whole = packing::zip(&[("sales-2018-03-00000.csv", &march().csv())]);
    refused("sales_2018_03.zip", &whole[..whole.len() - 30]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    refused("sales_2018_03.zip", flipped);
}

/// 1 GB of zeros behind a file of 1 MB.
#[test]
fn gzip_bomb() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(march().csv().as_slice()).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| encoder.write_all(&zeros).unwrap());
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    refused("sales_2018_03.gz", bomb);
}

#[test]
fn a_line_of_100_megabytes() {
    let mut text = march().csv();
    text.extend(std::iter::repeat_n(b'x', 100_000_000));
    refused("sales_2018_03.gz", packing::gzip(&text));
}

#[test]
fn a_missing_column() {
    for (field, name) in
        [(Field::Units, "Units"), (Field::Earnings, "Estimated Earnings"), (Field::Sku, "Vendor SKU")]
    {
        let report = Report { layout: Layout::today().without(field), ..march() };
        let error = refused("sales_2018_03.csv", report.csv());
        assert!(error.to_string().contains(name), "{error}");
    }
}

fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples").join(name);
    if !path.exists() {
        println!("not tried: {name} does not lie beside this checkout");
    }
    path.exists().then_some(path)
}

#[test]
fn the_wrong_file_altogether() {
    let own = "Provider\tProvider Country\tSKU\tDeveloper\tTitle\tVersion\tProduct Type Identifier\tUnits\tDeveloper \
               Proceeds\tBegin Date\tEnd Date\nAPPLE\tUS\tchess\tMe\tChess\t1.0\t1\t1\t0.70\t10/05/2020\t10/05/2020\n";
    let error = refused("S_D_85000000_20201005.txt", own);
    assert!(error.to_string().to_lowercase().contains("apple"), "{error}");
    refused("notes_2018_03.csv", "name,colour\nA,red\n");
    refused("picture_2018_03.csv", [0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13]);
}

#[test]
fn the_stores_other_samples() {
    for name in ["apple/kachit_sales_summary_20201005.tsv", "apple/matisiekpl_financial.tsv"] {
        let Some(path) = sample(name) else { continue };
        let error = shop().refuses(&path);
        is_format_error(&error, &path);
        assert!(error.to_string().to_lowercase().contains("apple"), "{error}");
    }
}

/// 5,000 columns are more than any store's file has; the good files of the call are stored.
#[test]
fn too_many_columns() {
    let shop = shop();
    let wide: String = String::from_utf8(Spec::new(3, (2018, 4), 5).generate().csv())
        .unwrap()
        .lines()
        .enumerate()
        .map(|(line, text)| {
            let more = (0..5_000).map(|n| if line == 0 { format!(",column {n}") } else { ",".into() });
            format!("{text}{}\n", more.collect::<String>())
        })
        .collect();
    let good: Vec<Report> = [2, 3, 5].map(|month| Spec::new(3, (2018, month), 20).generate()).to_vec();
    for threads in [1, 2] {
        let mut paths: Vec<PathBuf> = good.iter().map(|report| shop.write(report)).collect();
        paths.push(shop.file("sales_2018_04.csv", &wide));
        let names: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        let options = ImportOptions::default().threads(threads).force(true);
        let failed = shop.db.sales().import(&names, shop.account, &options).unwrap_err();
        assert_eq!(failed.failures.len(), 1, "{:?}", failed.failures);
        is_format_error(&failed.failures[0].1, &paths[3]);
        let stored = stored();
        let rows = good.iter().flat_map(|report| &report.rows).chain(&stored.rows);
        assert_eq!(shop.everything(), everything_of(rows));
    }
}

#[test]
fn an_empty_file() {
    refused("sales_2018_03.csv", "");
    refused("sales_2018_03.gz", packing::gzip(b""));
    refused("sales_2018_03.zip", packing::zip(&[]));
}

#[test]
fn a_directory_and_a_missing_file_are_refused_before_anything_is_read() {
    let shop = shop();
    let good = shop.write(&march());
    for bad in [shop.folder(), shop.folder().join("missing.gz"), shop.folder().join("none-*.gz")] {
        let before = shop.everything();
        let error = shop.import_with(&[good.clone(), bad.clone()], &Default::default()).unwrap_err();
        let kinds = [ErrorKind::Io, ErrorKind::NotFound, ErrorKind::Validation, ErrorKind::Format];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert!(error.to_string().contains(bad.file_name().unwrap().to_str().unwrap()), "{error}");
        assert_eq!(shop.everything(), before);
    }
}

/// The report of March with one row's text changed: all other rows are stored, this one is a reject.
fn rejects_one(change: impl Fn(&str) -> Vec<u8>, reason: &str) {
    let shop = shop();
    let report = march();
    let mut lines: Vec<Vec<u8>> =
        String::from_utf8(report.csv()).unwrap().lines().map(|line| line.into()).collect();
    let line = 1_234;
    lines[line - 1] = change(std::str::from_utf8(&lines[line - 1]).unwrap());
    let path = shop.file("sales_2018_03.csv", lines.join(&b'\n'));
    let done = shop.import(std::slice::from_ref(&path));
    assert_eq!((done.rows, done.rejected), (1_999, 1));
    let kept = report.rows.iter().enumerate().filter(|(index, _)| index + 2 != line).map(|(_, row)| row);
    let stored = stored();
    assert_eq!(shop.everything(), everything_of(stored.rows.iter().chain(kept)));
    let rejects = rows_of(&shop.db.sales().rejects(None).unwrap());
    assert_eq!(rejects.len(), 1);
    assert!(rejects[0][0].ends_with("sales_2018_03.csv"), "{rejects:?}");
    assert_eq!(rejects[0][1], line.to_string());
    assert!(rejects[0][2].contains(reason), "{rejects:?}");
}

/// `line` with the field of the last column, the earnings, replaced. It is the 19th of today's 25, and no field after
/// the title has a comma.
fn with_earnings(line: &str, earnings: &str) -> Vec<u8> {
    let mut fields: Vec<&str> = line.rsplit(',').collect();
    fields[6] = earnings;
    fields.reverse();
    fields.join(",").into_bytes()
}

#[test]
fn a_title_that_is_not_utf8() {
    // The title follows the SKU, perhaps in quotes.
    let spoil = |line: &str| {
        let sku = line.find(",com.example.").unwrap() + 1;
        let title = sku + line[sku..].find(',').unwrap() + 2;
        [&line.as_bytes()[..title], b"\xff\xfe", &line.as_bytes()[title..]].concat()
    };
    rejects_one(spoil, "UTF-8");
}

#[test]
fn a_number_too_large() {
    rejects_one(|line| with_earnings(line, "99999999999999999999.00"), "Estimated Earnings");
}

/// Money is decimal128(18, 6): twelve digits before the point.
#[test]
fn an_amount_of_thirteen_digits() {
    for text in ["1000000000000", "1000000000000.00", "-1000000000000", "9000000000000.5"] {
        rejects_one(|line| with_earnings(line, text), "Estimated Earnings");
    }
}

#[test]
fn the_largest_amount() {
    let largest = 1_000_000_000_000 * UNIT - 1;
    let row = plain_charge(market_of("Amazon.de"), date(2018, 3, 5).at(12, 0, 0, 0), 1);
    let rows = [largest, -largest].map(|earnings| Row { sales: largest, earnings, ..row.clone() });
    let report = Report { month: date(2018, 3, 1), layout: Layout::today(), rows: rows.to_vec() };
    let shop = Shop::with(&[report]);
    let found = shop.scan(serde_json::json!({"columns": ["sales"]}));
    assert_eq!(found[0], ["999999999999.999999"]);
    assert!(shop.db.sales().rejects(None).unwrap().is_empty());
}

#[test]
fn more_fraction_digits_than_fit() {
    rejects_one(|line| with_earnings(line, "0.1234567"), "Estimated Earnings");
}

#[test]
fn a_number_of_another_locale() {
    rejects_one(|line| with_earnings(line, "1.234.567"), "Estimated Earnings");
}

#[test]
fn a_row_cut_short() {
    rejects_one(|line| line.as_bytes()[..line.find(',').unwrap()].to_vec(), "");
}

/// The name says one month, the rows another.
#[test]
fn a_period_that_contradicts_the_rows() {
    let shop = shop();
    let path = shop.file("sales_2019_07.csv", march().csv());
    let error = shop.refuses(&path);
    is_format_error(&error, &path);
    assert!(error.to_string().contains("2018-03"), "{error}");
}

#[test]
fn two_files_of_one_report_in_one_call() {
    let shop = shop();
    let a = march().write(&shop.folder(), Packing::Gzip);
    let b = Spec::new(9, (2018, 3), 50).generate().write(&shop.folder(), Packing::Zip);
    let before = shop.everything();
    let error = shop.import_with(&[a, b], &Default::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    let text = error.to_string();
    assert!(text.contains("sales_2018_03.gz") && text.contains("sales_2018_03.zip"), "{text}");
    assert_eq!(shop.everything(), before);
}

#[test]
fn a_sum_beyond_64_bits_is_exact() {
    let huge = 900_000_000_000_000_000;
    let row = plain_charge(market_of("Amazon.de"), date(2018, 3, 5).at(12, 0, 0, 0), 1);
    let rows = vec![Row { sales: huge, earnings: huge, ..row }; 20];
    let shop = Shop::with(&[Report { month: date(2018, 3, 1), layout: Layout::today(), rows }]);
    let found = shop.report(serde_json::json!({"by": ["currency"], "measures": ["sales"]}));
    assert_eq!(found, [["EUR", "18000000000000.00"]], "20 times 900 billion, beyond 64 bits at six decimals");
    assert!(fs::metadata(shop.database()).unwrap().is_dir());
}
