//! Whole files through the reader: what rows mean, and what bad input does.

mod apple;
mod google;
mod input;
mod meaning;
mod split;

use std::io::Write as _;
use std::path::PathBuf;

use super::*;
use crate::column::Column;

pub(super) const HEADER_2018: &str = "Marketplace,Country/Region Code,Invoice ID,Transaction ID,Transaction Time,\
    Transaction Type,Vendor SKU,Title,Item Name,Item Type,In-App Subscription Term,Units,\
    Usage Time for Underground Apps,Marketplace Currency,Sales Price (Marketplace Currency),\
    Estimated Earnings (Marketplace Currency)";

/// One row of the header above: marketplace, time, type, units, currency, price, earnings.
pub(super) fn row(fields: [&str; 7]) -> String {
    let [marketplace, time, kind, units, currency, price, earnings] = fields;
    format!(
        "{marketplace},US,inv,tx,{time},{kind},sku.1,Title,Item,App,1 Month,{units},,{currency},{price},{earnings}"
    )
}

pub(super) fn charge() -> String {
    row(["Amazon.com", "2018-03-05 10:00:00", "Charge", "1", "USD", "1.99", "1.39"])
}

pub(super) fn report(rows: &[String]) -> String {
    let lines = std::iter::once(HEADER_2018.to_owned()).chain(rows.iter().cloned());
    lines.map(|line| line + "\n").collect()
}

/// Everything that came out of a file.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) batches: Vec<Batch>,
    pub(super) rejects: Vec<Reject>,
    pub(super) bytes: u64,
    pub(super) calls: u64,
    pub(super) stop_after: Option<u64>,
}

impl Collected {
    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows).sum()
    }

    fn each<T>(&self, column: &str, get: impl Fn(&Column, usize) -> T) -> Vec<T> {
        let rows = |batch: &Batch| {
            let column = batch.column(column).unwrap_or_else(|| panic!("no column {column}"));
            assert_eq!(column.len(), batch.rows);
            (0..batch.rows).map(|row| get(column, row)).collect::<Vec<_>>()
        };
        self.batches.iter().flat_map(rows).collect()
    }

    pub(super) fn ints(&self, column: &str) -> Vec<Option<i64>> {
        self.each(column, Column::int)
    }

    pub(super) fn texts(&self, column: &str) -> Vec<Option<String>> {
        self.each(column, |column, row| column.text(row).map(str::to_owned))
    }

    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.texts(column).remove(0)
    }

    pub(super) fn int(&self, column: &str) -> Option<i64> {
        self.ints(column)[0]
    }

    /// The texts of an interpreted column as they stood in the file.
    pub(super) fn written(&self, column: &str) -> Vec<Option<String>> {
        let interpreted = Interpreted::of(column).unwrap();
        let (markets, currencies) = (self.texts("marketplace"), self.texts("currency"));
        let (times, units) = (self.ints("time"), self.ints("units"));
        let (sales, earnings) = (self.ints("sales"), self.ints("earnings"));
        let kept = self.texts(column);
        let one = |row: usize| {
            let values = RowValues {
                marketplace: markets[row].as_deref(),
                currency: currencies[row].as_deref(),
                time: times[row],
                units: units[row],
                sales: sales[row],
                earnings: earnings[row],
            };
            written(interpreted, kept[row].as_deref(), &values)
        };
        (0..kept.len()).map(one).collect()
    }
}

impl Sink for Collected {
    fn progress(&mut self, bytes: u64) -> Result<()> {
        self.bytes += bytes;
        self.calls += 1;
        if self.stop_after.is_some_and(|calls| self.calls > calls) { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn batch(&mut self, batch: Batch, rejects: Vec<Reject>) -> Result<()> {
        assert_eq!(batch.columns.len(), batch.fields.len());
        assert!(batch.columns.iter().zip(&*batch.fields).all(|(column, field)| column.ty() == field.ty));
        self.batches.push(batch);
        self.rejects.extend(rejects);
        Ok(())
    }
}

pub(super) fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

/// A temporary directory with one file in it.
pub(super) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

pub(super) fn read_bytes(
    name: &str,
    bytes: &[u8],
    options: ReadOptions,
) -> Result<(Collected, MemberSummary)> {
    read_small(name, bytes, options, Limits::STANDARD)
}

pub(super) fn read_small(
    name: &str,
    bytes: &[u8],
    options: ReadOptions,
    limits: Limits,
) -> Result<(Collected, MemberSummary)> {
    let (_dir, path) = file(name, bytes);
    let file = File::open(&path)?;
    let mut sink = Collected::default();
    let mut summary = None;
    for member in 0..file.members().len() {
        summary = Some(read_with(&file, member, &options, limits, &pool(), &mut sink)?);
    }
    let summary = summary.unwrap();
    Ok((sink, summary))
}

/// Reads a plain report.
pub(super) fn read_text(text: &str) -> Collected {
    let (sink, summary) = read_bytes("sales_2018_03.csv", text.as_bytes(), ReadOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.rejects), (sink.rows() as u64, sink.rejects.len() as u64));
    sink
}

/// Reads one row.
pub(super) fn read_row(fields: [&str; 7]) -> Collected {
    let read = read_text(&report(&[row(fields)]));
    assert_eq!(read.rejects, [], "{fields:?}");
    read
}

/// The reason one row is refused for.
pub(super) fn refused(line: String) -> String {
    let read = read_text(&report(&[line]));
    assert_eq!((read.rows(), read.rejects.len()), (0, 1));
    read.rejects[0].reason.clone()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options =
            ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Deflated);
        match name.strip_suffix('/') {
            Some(dir) => writer.add_directory(dir, options).unwrap(),
            None => writer.start_file(*name, options).unwrap(),
        }
        if !name.ends_with('/') {
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}
