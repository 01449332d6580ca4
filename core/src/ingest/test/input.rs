//! What files may look like, and what happens to those that are no reports: an error that names file and line.

use proptest::prelude::*;

use super::*;

const SAMPLES: &str = "../../shared/samples";

fn fault(name: &str, bytes: &[u8]) -> String {
    let error = read_bytes(name, bytes, ReadOptions::default()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Format, "{error}");
    let message = error.to_string();
    assert!(message.contains(name), "{message}");
    message
}

/// A report of so many rows that differ.
fn long_report(rows: usize) -> String {
    let one = |at: usize| {
        let time = format!("2018-03-{:02} 10:{:02}:00", at % 28 + 1, at % 60);
        row(["Amazon.com", &time, "Charge", "1", "USD", "1.99", "1.39"]).replace("tx", &format!("tx{at}"))
    };
    report(&(0..rows).map(one).collect::<Vec<_>>())
}

fn same_rows(name: &str, bytes: &[u8], text: &str) {
    let (expected, expected_summary) = read_bytes("s.csv", text.as_bytes(), ReadOptions::default()).unwrap();
    let (read, summary) = read_bytes(name, bytes, ReadOptions::default()).unwrap();
    assert_eq!(summary, expected_summary);
    for column in ["transaction_id", "title", "Transaction Time"] {
        assert_eq!(read.texts(column), expected.texts(column));
    }
    assert_eq!(read.ints("time"), expected.ints("time"));
    assert_eq!(read.bytes, bytes.len() as u64);
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn containers_and_encodings_read_the_same() {
    let text = long_report(50).replace("Title", "Größe 漢字 😀");
    let bytes = text.as_bytes();
    same_rows("s.csv", bytes, &text);
    same_rows("s.gz", &gzip(bytes), &text);
    same_rows("s.csv", text.replace('\n', "\r\n").as_bytes(), &text);
    same_rows("s.csv", text.trim_end().as_bytes(), &text);
    same_rows("s.csv", &[b"\xEF\xBB\xBF", bytes].concat(), &text);
    same_rows("s.csv", &utf16(&format!("\u{FEFF}{text}"), u16::to_le_bytes), &text);
    same_rows("s.gz", &gzip(&utf16(&format!("\u{FEFF}{text}"), u16::to_be_bytes)), &text);
    same_rows("s.csv", &utf16(&text, u16::to_le_bytes), &text);
}

#[test]
fn gzip_members_follow_each_other() {
    let text = long_report(50);
    let (one, two) = text.split_at(text.len() / 3);
    let joined = [gzip(one.as_bytes()), gzip(b""), gzip(two.as_bytes())].concat();
    same_rows("s.gz", &joined, &text);
    same_rows("s.gz", &[gzip(text.as_bytes()), vec![0; 700]].concat(), &text);
    let message = fault("s.gz", &[gzip(text.as_bytes()), b"trailing".to_vec()].concat());
    assert!(message.contains("something else follows the gzip data"), "{message}");
}

#[test]
fn zips_hold_members_in_folders() {
    let (text, other) = (long_report(5), long_report(6));
    let bytes = zip(&[
        ("folder/", b""),
        ("folder/sales-2018-03-00000.csv", text.as_bytes()),
        ("__MACOSX/folder/._sales-2018-03-00000.csv", b"junk"),
        ("folder/.DS_Store", b"junk"),
        ("sales-2018-03-00001.csv", other.as_bytes()),
    ]);
    let (_dir, path) = super::file("s.zip", &bytes);
    let file = File::open(&path).unwrap();
    let names: Vec<_> = file.members().iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["folder/sales-2018-03-00000.csv", "sales-2018-03-00001.csv"]);
    assert!(file.is_container());
    let (read, _) = read_bytes("s.zip", &bytes, ReadOptions::default()).unwrap();
    assert_eq!(read.rows(), 11);
    assert_eq!(sniff_member(&file, 1).unwrap(), Kind::AmazonSales);
    assert_eq!(sniff(&path).unwrap(), Kind::AmazonSales);
}

#[test]
fn a_file_knows_its_hash() {
    let (_dir, path) = super::file("abc.csv", b"abc");
    let file = File::open(&path).unwrap();
    let hex: String = file.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((file.len(), file.is_container()), (3, false));
}

#[test]
fn large_files_are_read_in_pieces_and_watched() {
    // Ids that do not compress, so that there are several pieces.
    let text = long_report(20_000).replace("inv", "4dc81891-67af-40a2-a2df-0719a7b90fe8");
    let stored =
        ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("s.csv", stored).unwrap();
    std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    let zipped = writer.finish().unwrap().into_inner();
    let mut level = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut level, text.as_bytes()).unwrap();
    for (name, bytes) in
        [("s.csv", text.clone().into_bytes()), ("s.gz", level.finish().unwrap()), ("s.zip", zipped)]
    {
        assert!(bytes.len() > 2 << 20);
        let (_dir, path) = super::file(name, &bytes);
        let file = File::open_holding(&path, 0).unwrap();
        assert_eq!(file.sha256(), File::open(&path).unwrap().sha256());
        let mut sink = Collected::default();
        let summary = read(&file, 0, &ReadOptions::default(), &pool(), &mut sink).unwrap();
        assert_eq!((summary.rows, summary.rejects), (20_000, 0), "{name}");
        assert_eq!(sink.texts("transaction_id")[19_999].as_deref(), Some("tx19999"));
        // Other bytes of the same length under the open file.
        let at = bytes.windows(7).rposition(|seven| seven == b"tx19999");
        let mut other = bytes.clone();
        other[at.unwrap() + 2] = b'2';
        std::fs::write(&path, &other).unwrap();
        let error = read(&file, 0, &ReadOptions::default(), &pool(), &mut sink).unwrap_err().to_string();
        assert!(error.contains("changed while it was read") || error.contains("damaged"), "{name}: {error}");
        assert!(name != "s.csv" || error.contains("changed while it was read"));
    }
}

#[test]
fn a_header_alone_is_no_rows() {
    for text in [HEADER_2018.to_owned(), report(&[]), report(&[]) + "\n\r\n"] {
        let (read, summary) = read_bytes("s.gz", &gzip(text.as_bytes()), ReadOptions::default()).unwrap();
        assert_eq!((read.rows(), summary.rows, summary.rejects), (0, 0, 0));
        assert_eq!(summary.header.len(), 16);
        assert!(summary.dates.months.is_empty());
    }
}

#[test]
fn empty_files_directories_and_missing_files() {
    assert!(fault("s.csv", b"").contains("the file is empty"));
    assert!(fault("s.csv", b"\xEF\xBB\xBF\r\n\n").contains("the file is empty"));
    assert!(fault("s.gz", &gzip(b"")).contains("the file is empty"));
    assert!(fault("s.zip", &zip(&[])).contains("the zip holds no files"));
    assert!(fault("s.zip", &zip(&[("d/", b"")])).contains("the zip holds no files"));
    let dir = tempfile::tempdir().unwrap();
    let error = File::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
    let error = File::open(&dir.path().join("none.gz")).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Io);
    assert!(error.to_string().contains("none.gz"));
}

#[test]
fn missing_and_doubled_columns_are_named() {
    for column in
        ["Marketplace", "Transaction Time", "Transaction Type", "Vendor SKU", "Units", "Marketplace Currency"]
    {
        let renamed = HEADER_2018.replacen(column, "Other", 1);
        for options in
            [ReadOptions::default(), ReadOptions { kind: Some(Kind::AmazonSales), keep_personal: false }]
        {
            let error = read_bytes("s.csv", renamed.as_bytes(), options).unwrap_err().to_string();
            assert!(error.contains(&format!("line 1: no column {column}")), "{error}");
        }
    }
    let bare = fault("s.csv", HEADER_2018.replace(",Sales Price (Marketplace Currency)", "").as_bytes());
    assert!(bare.contains("no column Sales Price (Marketplace Currency)"), "{bare}");
    let doubled = fault("s.csv", format!("{HEADER_2018},UNITS\n").as_bytes());
    assert!(doubled.contains("line 1: more than one column Units"), "{doubled}");
}

#[test]
fn other_files_are_named() {
    assert!(fault("s.csv", b"<html>404</html>").contains("HTML"));
    assert!(fault("s.csv", b"a,b,c\n1,2,3\n").contains("no sales report known"));
    assert!(fault("s.gz", &gzip(&gzip(b"x"))).contains("container within a container"));
    let as_amazon = ReadOptions { kind: Some(Kind::AmazonSales), keep_personal: false };
    let finance =
        b"Start Date\tEnd Date\tUPC\tQuantity\tPartner Share\tExtended Partner Share\tSales or Return\n";
    let error = read_bytes("s.txt", finance, as_amazon).unwrap_err().to_string();
    assert!(error.contains("not an amazon-sales report but an Apple finance report"), "{error}");
}

#[test]
fn the_samples_of_other_stores_are_told_apart() {
    let Ok(folder) = std::fs::read_dir(SAMPLES) else {
        println!("{SAMPLES} is not there: nothing to tell apart");
        return;
    };
    assert!(folder.count() > 0);
    let name = "apple/matisiekpl_financial.tsv";
    let looks = "this is an Apple finance report; Tillroll reads amazon-sales, apple-sales,";
    let file = File::open(&std::path::Path::new(SAMPLES).join(name)).unwrap();
    let read = |kind| {
        let options = ReadOptions { kind, keep_personal: false };
        read(&file, 0, &options, &pool(), &mut Collected::default()).unwrap_err().to_string()
    };
    assert!(read(None).contains(looks), "{}", read(None));
    let message = read(Some(Kind::AmazonSales));
    assert!(
        message.contains("not an amazon-sales report but a") && message.contains("no column"),
        "{message}"
    );
}

#[test]
fn truncated_gzip_anywhere() {
    let text = long_report(200);
    let bytes = gzip(text.as_bytes());
    for len in (2..bytes.len()).step_by(7) {
        let message = fault("cut.gz", &bytes[..len]);
        assert!(message.contains("cut off") || message.contains("damaged"), "{len}: {message}");
    }
    let message = fault("cut.gz", &bytes[..bytes.len() - 1]);
    assert!(message.contains("line 202: the gzip data is cut off"), "{message}");
}

#[test]
fn flipped_bits_of_gzip_and_zip_are_found() {
    let text = long_report(100);
    for (name, bytes) in [("s.gz", gzip(text.as_bytes())), ("s.zip", zip(&[("s.csv", text.as_bytes())]))] {
        let body = bytes.len() * 3 / 4;
        for at in (30..body).step_by(11) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            // A flag or name in a header may change without harm; the text may not.
            if let Ok((read, _)) = read_bytes(name, &damaged, ReadOptions::default()) {
                assert_eq!(read.rows(), 100, "{name} {at}");
            }
        }
        let mut crc = bytes.clone();
        let at = if name == "s.gz" { bytes.len() - 8 } else { 14 };
        crc[at] ^= 1;
        let read = read_bytes(name, &crc, ReadOptions::default());
        assert!(name == "s.zip" || read.is_err());
    }
}

#[test]
fn corrupt_zips() {
    let text = long_report(100);
    let bytes = zip(&[("s.csv", text.as_bytes())]);
    for len in (4..bytes.len()).step_by(13) {
        assert!(fault("cut.zip", &bytes[..len]).contains("zip"), "{len}");
    }
    // The central directory holds checksum (16), packed (20) and unpacked size (24) behind its signature.
    let directory = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    for (field, what) in [(16, "checksum"), (24, "zip")] {
        let mut lying = bytes.clone();
        lying[directory + field] ^= 1;
        let message = fault("lying.zip", &lying).to_lowercase();
        assert!(message.contains(what), "{message}");
    }
    let mut encrypted = bytes.clone();
    encrypted[directory + 8] |= 1;
    assert!(fault("secret.zip", &encrypted).contains("encrypted"));
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        std::io::Write::write_all(&mut encoder, &zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let message = fault("bomb.gz", &bomb);
    assert!(message.contains("binary data"), "{message}");
    // The same behind a good header and row.
    let bomb = [gzip(report(&[charge()]).as_bytes()), bomb].concat();
    let message = fault("bomb.gz", &bomb);
    assert!(message.contains("line 3: a row is longer than 1048576 bytes"), "{message}");
}

#[test]
fn a_long_line_is_refused() {
    let text = format!("{}{}\n{}\n", report(&[charge()]), "x".repeat(100 << 20), charge());
    let message = fault("long.csv", text.as_bytes());
    assert!(message.contains("line 3: a row is longer than 1048576 bytes"), "{message}");
    let long = charge().replace("Title", &"x".repeat((1 << 20) - 200));
    assert_eq!(read_text(&report(&[long])).rows(), 1);
    let longer = charge().replace("Title", &"x".repeat(1 << 20));
    let message = fault("long.csv", report(&[charge(), longer]).as_bytes());
    assert!(message.contains("line 3: a row is longer"), "{message}");
    let header = fault("long.csv", format!("{HEADER_2018},{}\n", "x".repeat(2 << 20)).as_bytes());
    assert!(header.contains("header line is too long"), "{header}");
}

#[test]
fn an_unclosed_quote_is_refused() {
    let text = report(&[charge(), charge().replace("Title", "\"Title"), charge()]);
    let message = fault("s.csv", text.as_bytes());
    assert!(message.contains("line 3: a quoted field is never closed"), "{message}");
}

#[test]
fn rows_that_are_not_text_are_rejects() {
    let good = charge();
    let mut bytes = report(std::slice::from_ref(&good)).into_bytes();
    bytes.extend_from_slice(good.replace("Title", "Ti").as_bytes());
    bytes.extend_from_slice(b"\n");
    let bad = [b"Amazon.com,US,\xFF\xFEinv".as_slice(), good.as_bytes(), b"\n"].concat();
    bytes.extend_from_slice(&bad);
    bytes.extend_from_slice(good.replace("Title", "Ti\0tle").as_bytes());
    let (read, summary) = read_bytes("s.csv", &bytes, ReadOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.rejects), (2, 2));
    assert_eq!(read.rejects[0].reason, "the row is not UTF-8 text");
    assert!(read.rejects[0].text.starts_with("Amazon.com,US,\u{FFFD}\u{FFFD}inv"));
    assert_eq!(read.rejects[0].line, 4);
    assert_eq!((read.rejects[1].reason.as_str(), read.rejects[1].line), ("the row holds a NUL byte", 5));
    // Half a UTF-16 character makes its row a reject, not another text.
    let mut wide = utf16(&format!("\u{FEFF}{}", report(&[good.clone(), good])), u16::to_le_bytes);
    let title = wide.windows(4).rposition(|four| four == b"T\0i\0").unwrap();
    wide[title..title + 2].copy_from_slice(&0xD800u16.to_le_bytes());
    let (read, summary) = read_bytes("s.csv", &wide, ReadOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.rejects, read.rejects[0].line), (1, 1, 3));
}

#[test]
fn too_many_rejects_are_another_kind_of_file() {
    let bad = charge().replace("1.99", "x");
    let few: Vec<_> = (0..1_000).map(|_| bad.clone()).collect();
    assert_eq!(read_text(&report(&few)).rejects.len(), 1_000);
    let many: Vec<_> = (0..1_001).map(|_| bad.clone()).collect();
    let message = fault("s.csv", report(&many).as_bytes());
    assert!(message.contains("line 2: 1001 of the first 1001 rows cannot be read"), "{message}");
    let half: Vec<_> = (0..3_000).map(|at| if at % 2 == 0 { charge() } else { bad.clone() }).collect();
    assert_eq!(read_text(&report(&half)).rejects.len(), 1_500);
    let junk = format!("{}{}", report(&[]), "x\n".repeat(2 << 20));
    assert!(fault("s.csv", junk.as_bytes()).contains("another kind of file"));
}

#[test]
fn the_sink_can_stop_the_reading() {
    let text = long_report(2_000);
    let (_dir, path) = super::file("s.csv", text.as_bytes());
    let file = File::open(&path).unwrap();
    let mut sink = Collected { stop_after: Some(3), ..Collected::default() };
    let limits = Limits { chunk: 4_096, ..Limits::STANDARD };
    let result = read_with(&file, 0, &ReadOptions::default(), limits, &pool(), &mut sink);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!(sink.calls, 4);
    assert!(sink.rows() < 2_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Whatever the bytes: an answer, never a panic.
    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0usize..4) {
        let body = match kind {
            0 => bytes,
            1 => [report(&[charge()]).as_bytes(), &bytes].concat(),
            2 => [b"\x1F\x8B".as_slice(), &bytes].concat(),
            _ => [b"PK\x03\x04".as_slice(), &bytes].concat(),
        };
        let _ = read_bytes("s.csv", &body, ReadOptions::default());
    }
}

#[test]
fn rejects_do_not_tell_what_is_dropped() {
    let header = format!("{HEADER_2018},App User ID,Postal Code");
    let bad = row(["Amazon.com", "2018-03-05 10:00:00", "Charge", "one", "USD", "1.99", "1.39"]);
    let text = format!("{header}\n{bad},secret-buyer,\"12,34\"\n{bad},,\n");
    let kept = ReadOptions { keep_personal: true, ..ReadOptions::default() };
    let read = |options| read_bytes("sales_2018_03.csv", text.as_bytes(), options).unwrap().0;
    let shown = |collected: Collected| collected.rejects.into_iter().map(|r| r.text).collect::<Vec<_>>();
    assert_eq!(shown(read(ReadOptions::default())), [format!("{bad},…,…"), format!("{bad},,")]);
    assert_eq!(shown(read(kept)), [format!("{bad},secret-buyer,\"12,34\""), format!("{bad},,")]);
}
