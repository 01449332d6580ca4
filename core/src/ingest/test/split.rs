//! Records and fields against the csv crate, and chunks cut at every place.

use proptest::prelude::*;

use super::super::fields::{Dialect, Record, Splitter, last_record_end};
use super::super::pipeline::Limits;
use super::*;

type Records = Vec<Vec<Vec<u8>>>;

fn split(text: &[u8], dialect: Dialect) -> Records {
    let (mut splitter, mut record, mut records) =
        (Splitter::new(text, dialect), Record::default(), Vec::new());
    while splitter.next(&mut record) {
        if !record.is_empty_line() {
            records
                .push((0..record.len()).map(|field| record.field(text, field).unwrap().to_vec()).collect());
        }
    }
    assert_eq!(splitter.position(), text.len());
    records
}

fn by_csv(text: &[u8], dialect: Dialect) -> Records {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.delimiter)
        .quoting(dialect.quotes)
        .terminator(::csv::Terminator::Any(b'\n'))
        .from_reader(text);
    let records = reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect());
    records.collect()
}

/// Cuts a text as a file that comes in small pieces is cut.
fn split_in_pieces(text: &[u8], size: usize, dialect: Dialect) -> Records {
    let (mut records, mut start, mut end) = (Vec::new(), 0, size.min(text.len()));
    loop {
        let piece = &text[start..end];
        match last_record_end(piece, dialect) {
            Some(cut) => {
                records.extend(split(&piece[..cut], dialect));
                start += cut;
            }
            None if end == text.len() => {
                records.extend(split(piece, dialect));
                return records;
            }
            None => {}
        }
        end = (end + size).min(text.len());
    }
}

fn fields(text: &str) -> Vec<Vec<String>> {
    let own = |field: &Vec<u8>| String::from_utf8(field.clone()).unwrap();
    split(text.as_bytes(), Dialect::CSV).iter().map(|record| record.iter().map(own).collect()).collect()
}

#[test]
fn splits_by_rfc_4180() {
    assert_eq!(fields("a,b\nc,d\n"), [["a", "b"], ["c", "d"]]);
    assert_eq!(fields("a,\"b, c\"\r\nd,\"e \"\"f\"\"\"\r\n"), [["a", "b, c"], ["d", "e \"f\""]]);
    assert_eq!(fields("\"a\nb\",c"), [["a\nb", "c"]]);
    assert_eq!(fields("a,\n,\n"), [["a", ""], ["", ""]]);
    assert_eq!(fields("\n\r\na\n\n"), [["a"]]);
    assert_eq!(fields("5\" disk,a\"b\n"), [["5\" disk", "a\"b"]], "a quote inside a field is data");
    assert_eq!(
        fields("\"a\"b\"c,d\n"),
        [["ab\"c", "d"]],
        "what follows a closing quote belongs to the field"
    );
    assert_eq!(fields("\"\",\"\"\"\"\n"), [["", "\""]]);
    assert_eq!(fields("a\rb,c\r\n"), [["a\rb", "c"]], "a lone return is data");
}

#[test]
fn tabs_have_no_quotes() {
    let records = split(b"\"a\tb\"\"\n", Dialect::TSV);
    assert_eq!(records, [[b"\"a".to_vec(), b"b\"\"".to_vec()]]);
}

#[test]
fn counts_lines_within_quotes() {
    let text = b"a,\"x\ny\nz\"\nb\n";
    let (mut splitter, mut record) = (Splitter::new(text, Dialect::CSV), Record::default());
    assert!(splitter.next(&mut record));
    assert_eq!((record.inner_lines, record.unclosed), (2, false));
    assert!(splitter.next(&mut record));
    assert_eq!((record.start, record.end, record.inner_lines), (10, 11, 0));
    let (mut splitter, mut record) = (Splitter::new(b"a,\"b", Dialect::CSV), Record::default());
    assert!(splitter.next(&mut record) && record.unclosed);
}

#[test]
fn cuts_only_between_records() {
    assert_eq!(last_record_end(b"a,b\nc", Dialect::CSV), Some(4));
    assert_eq!(last_record_end(b"a,\"b\nc", Dialect::CSV), None);
    assert_eq!(last_record_end(b"a\n\"b\nc", Dialect::CSV), Some(2));
    assert_eq!(last_record_end(b"a\n\"b\"\nc\"\nd", Dialect::CSV), Some(9));
    assert_eq!(last_record_end(b"a\n\"b\nc", Dialect::TSV), Some(5));
    assert_eq!(last_record_end(b"a\"b\nc\"d", Dialect::CSV), Some(4));
    assert_eq!(last_record_end(b"", Dialect::CSV), None);
}

/// Text in which everything that matters to a splitter is frequent.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'a'), Just(b' '), Just(b'\t')];
    proptest::collection::vec(byte, 0..200)
}

/// Records whose fields are quoted where they must be, and sometimes where they need not.
fn well_formed() -> impl Strategy<Value = (Records, Vec<u8>)> {
    let field = ("[ab\",\n\r]{0,6}", any::<bool>());
    let record = proptest::collection::vec(field, 1..5);
    (proptest::collection::vec(record, 0..12), any::<bool>()).prop_map(|(records, crlf)| {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = String::new();
        for record in &records {
            let quote = |(value, quote): &(String, bool)| {
                let must = value.is_empty() || value.contains(['"', ',', '\n', '\r']);
                if must || *quote { format!("\"{}\"", value.replace('"', "\"\"")) } else { value.clone() }
            };
            text += &record.iter().map(quote).collect::<Vec<_>>().join(",");
            text += end;
        }
        let values = |record: &Vec<(String, bool)>| {
            record.iter().map(|(value, _)| value.clone().into_bytes()).collect()
        };
        (records.iter().map(values).collect(), text.into_bytes())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_csv(text in tricky()) {
        for dialect in [Dialect::CSV, Dialect::TSV] {
            prop_assert_eq!(split(&text, dialect), by_csv(&text, dialect));
        }
    }

    #[test]
    fn every_cut_gives_the_same_records(text in tricky()) {
        for dialect in [Dialect::CSV, Dialect::TSV] {
            let whole = split(&text, dialect);
            for size in 1..=text.len().max(1) {
                prop_assert_eq!(split_in_pieces(&text, size, dialect), whole.clone(), "pieces of {}", size);
            }
        }
    }

    #[test]
    fn what_is_quoted_reads_back((records, text) in well_formed()) {
        prop_assert_eq!(split(&text, Dialect::CSV), records);
    }
}

/// Rows with quoted line ends, rejects among them, in chunks of every small size: always the same rows, lines and
/// offsets.
#[test]
fn chunks_of_any_size_give_the_same() {
    let mut rows: Vec<String> = (0..40)
        .map(|at| {
            let title = ["Plain", "\"With, comma\"", "\"Two\nlines\"", "\"A \"\"b\"\"\"", "Größe"][at % 5];
            let units = if at % 7 == 3 { "x" } else { "1" };
            row(["Amazon.de", "2018-03-05 10:00:00", "Charge", units, "EUR", "1.99", "1.39"])
                .replace("Title", title)
        })
        .collect();
    rows.insert(5, String::new());
    let text = report(&rows);
    let options = ReadOptions::default();
    let (whole, whole_summary) = read_bytes("s.csv", text.as_bytes(), options).unwrap();
    assert_eq!((whole.rows(), whole.rejects.len()), (34, 6));
    for reject in &whole.rejects {
        let at = usize::try_from(reject.offset).unwrap();
        assert!(text[at..].starts_with(&reject.text));
        let line = text[..at].bytes().filter(|&byte| byte == b'\n').count() + 1;
        assert_eq!(reject.line, line as u64);
    }
    for chunk in (512..700).step_by(7) {
        let limits = Limits { chunk, ..Limits::STANDARD };
        let (read, summary) = read_small("s.csv", text.as_bytes(), options, limits).unwrap();
        assert!(read.batches.len() > 5);
        assert_eq!(read.rejects, whole.rejects, "chunks of {chunk}");
        assert_eq!(read.texts("title"), whole.texts("title"));
        assert_eq!(summary, whole_summary);
    }
}
