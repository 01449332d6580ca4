//! Reading text, for benchmarks.

use super::fields::{Dialect, Record, Splitter};
use super::number;
use super::stamp::StampReader;

/// Takes comma-separated text apart into fields, and counts these.
pub fn fields(text: &[u8]) -> usize {
    let (mut splitter, mut record, mut count) = (Splitter::new(text, Dialect::CSV), Record::default(), 0);
    while splitter.next(&mut record) {
        count += record.len();
    }
    count
}

/// Reads amounts of money, and sums what there are.
pub fn amounts(texts: &[&str]) -> i64 {
    texts.iter().filter_map(|text| number::amount(text.as_bytes(), "amount").ok().flatten()).sum()
}

/// Reads counts, and sums what there are.
pub fn counts(texts: &[&str]) -> i64 {
    texts.iter().filter_map(|text| number::count(text.as_bytes(), "count").ok()).sum()
}

/// Reads dates with times of day, and counts what there are.
pub fn stamps(texts: &[&str]) -> usize {
    let mut reader = StampReader::default();
    texts.iter().filter(|text| reader.read(text.as_bytes()).is_some()).count()
}
