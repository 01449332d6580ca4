//! The index of a table's identifiers: from the hash of a text to the rows that may hold it.
//!
//! ```text
//! entry    one u64 a row that has a value: the top 42 bits of the text's XXH3-64, then the row in 22 bits
//! pages    ⌈entries/4,096⌉; entry hash h (42 bits) belongs to page ⌊h · pages / 2⁴²⌋; within it, from the remainder
//!          r = h · pages mod 2⁴², bucket ⌊r / 2³³⌋ (512 of them) and fingerprint ⌊r / 2²⁵⌋ mod 256; sorted by hash, then row
//!
//! page     width of starts u8, width of rows u8, starts × 513, fingerprints u8 × n, rows × n
//!          bucket b has the entries starts[b] .. starts[b+1]
//! ```
//!
//! Fingerprints are the filter: of the eight entries in a mean bucket, a text that is not there meets an equal
//! fingerprint in three of a hundred lookups, and only then is a column page touched. A hit is always compared with
//! the column's text by the caller, so a collision can cost time but never give a wrong row.

use xxhash_rust::xxh3::xxh3_64;

use super::bits;
use super::wire::Take;

/// Rows are stored in this many bits of an entry.
pub(crate) const ROW_BITS: u32 = 22;

const HASH_BITS: u32 = 64 - ROW_BITS;
const PAGE_ENTRIES: usize = 4096;
const BUCKETS: usize = 512;

/// Where a hash belongs.
struct Slot {
    page: usize,
    bucket: usize,
    fingerprint: u8,
}

/// The entry of a row; `row` is less than 2²².
pub(crate) fn entry(text: &str, row: u32) -> u64 {
    hash(text) << ROW_BITS | u64::from(row)
}

fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes()) >> ROW_BITS
}

/// The number of pages that hold this many entries.
pub(crate) fn page_count(entries: usize) -> usize {
    entries.div_ceil(PAGE_ENTRIES)
}

/// A hash has 42 bits and there are at most 2¹⁰ pages, so the product fits.
fn slot(hash: u64, pages: usize) -> Slot {
    let product = hash.wrapping_mul(pages as u64);
    let rest = product & ((1 << HASH_BITS) - 1);
    Slot {
        page: bits::low_half(product >> HASH_BITS) as usize,
        bucket: bits::low_half(rest >> (HASH_BITS - 9)) as usize,
        fingerprint: bits::low_byte(rest >> (HASH_BITS - 17)),
    }
}

/// Sorts the entries and makes the pages, one call of `page` each, in order.
pub(crate) fn build<E>(entries: &mut [u64], mut page: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    entries.sort_unstable();
    let pages = page_count(entries.len());
    let page_of = |entry: &u64| slot(entry >> ROW_BITS, pages).page;
    let mut rest = &*entries;
    let mut bytes = Vec::new();
    for number in 0..pages {
        let (here, after) = rest.split_at(rest.partition_point(|entry| page_of(entry) <= number));
        rest = after;
        bytes.clear();
        encode(here, pages, &mut bytes);
        page(&bytes)?;
    }
    Ok(())
}

fn encode(entries: &[u64], pages: usize, out: &mut Vec<u8>) {
    let slots = || entries.iter().map(|entry| slot(entry >> ROW_BITS, pages));
    let rows = || entries.iter().map(|entry| entry & ((1 << ROW_BITS) - 1));
    let mut starts = [0_u64; BUCKETS + 1];
    for slot in slots() {
        if let Some(count) = starts.get_mut(slot.bucket + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    let start_width = bits::width(total).max(8);
    let row_width = bits::width(rows().max().unwrap_or(0)).max(8);
    out.extend([start_width, row_width]);
    bits::pack(starts.into_iter(), start_width, out);
    out.extend(slots().map(|slot| slot.fingerprint));
    bits::pack(rows(), row_width, out);
}

/// A text that is looked for. In the order of their hashes, many keys ask for each page once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) text: &'a str,
    pub(crate) hash: u64,
}

impl<'a> Key<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, hash: hash(text) }
    }

    /// Which page may have it.
    pub(crate) fn page(&self, pages: usize) -> usize {
        slot(self.hash, pages).page
    }
}

/// A page taken apart.
pub(crate) struct Page<'a> {
    starts: &'a [u8],
    start_width: u8,
    fingerprints: &'a [u8],
    rows: &'a [u8],
    row_width: u8,
}

impl<'a> Page<'a> {
    /// `None` where the bytes make no sense.
    pub(crate) fn of(page: &'a [u8]) -> Option<Self> {
        let mut take = Take(page);
        let [start_width, row_width] = take.fixed()?;
        let starts = take.raw(bits::len(BUCKETS + 1, start_width))?;
        let total = usize::try_from(bits::get(starts, start_width, BUCKETS)?).ok()?;
        let fingerprints = take.raw(total)?;
        Some(Self { starts, start_width, fingerprints, rows: take.0, row_width })
    }

    /// Calls `found` with the rows that may have a text, ascending for equal hashes; `None` where the bytes make no
    /// sense.
    pub(crate) fn candidates(&self, key: &Key<'_>, pages: usize, mut found: impl FnMut(u32)) -> Option<()> {
        let slot = slot(key.hash, pages);
        let start = |bucket| usize::try_from(bits::get(self.starts, self.start_width, bucket)?).ok();
        let (from, to) = (start(slot.bucket)?, start(slot.bucket + 1)?);
        for (index, fingerprint) in (from..to).zip(self.fingerprints.get(from..to)?) {
            if *fingerprint == slot.fingerprint {
                found(u32::try_from(bits::get(self.rows, self.row_width, index)?).ok()?);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(texts: &[String]) -> Vec<Vec<u8>> {
        let mut entries: Vec<u64> = (0..).zip(texts).map(|(row, text)| entry(text, row)).collect();
        let mut pages = Vec::new();
        build::<()>(&mut entries, |page| {
            pages.push(page.to_vec());
            Ok(())
        })
        .unwrap();
        pages
    }

    fn candidates(page: &[u8], text: &str, pages: usize) -> Option<Vec<u32>> {
        let mut rows = Vec::new();
        Page::of(page)?.candidates(&Key::new(text), pages, |row| rows.push(row))?;
        Some(rows)
    }

    fn find(pages: &[Vec<u8>], text: &str) -> Vec<u32> {
        candidates(&pages[Key::new(text).page(pages.len())], text, pages.len()).unwrap()
    }

    #[test]
    fn every_text_is_found_and_few_others() {
        let texts: Vec<String> = (0..20_000).map(|i| format!("id-{i}")).collect();
        let pages = pages(&texts);
        assert_eq!(pages.len(), 5);
        for (row, text) in (0..).zip(&texts) {
            assert!(find(&pages, text).contains(&row), "{text}");
        }
        let strays: usize = (0..10_000).map(|i| find(&pages, &format!("no-{i}")).len()).sum();
        assert!(strays < 1000, "{strays} strays of 10,000 misses");
        let bytes: usize = pages.iter().map(Vec::len).sum();
        assert!(bytes < 20_000 * 34 / 10, "{bytes} bytes");
    }

    #[test]
    fn one_text_in_every_row_is_found_in_order() {
        let texts = vec!["same".to_owned(); 100_000];
        let pages = pages(&texts);
        assert_eq!(find(&pages, "same"), (0..100_000).collect::<Vec<u32>>());
    }

    #[test]
    fn the_largest_index_stays_within_its_bits() {
        let pages = page_count(1 << ROW_BITS);
        let last = slot((1 << HASH_BITS) - 1, pages);
        assert_eq!((last.page, last.bucket), (pages - 1, BUCKETS - 1));
        assert_eq!(slot(0, pages).page, 0);
    }

    #[test]
    fn cut_pages_give_nothing() {
        let texts: Vec<String> = (0..300).map(|i| i.to_string()).collect();
        let page = pages(&texts).remove(0);
        for len in 0..page.len() {
            let found = texts.iter().map(|text| candidates(&page[..len], text, 1));
            assert!(found.into_iter().any(|rows| rows.is_none()), "cut at {len}");
        }
    }
}
