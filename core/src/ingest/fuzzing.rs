//! A report file of any bytes.

use super::{File, Kind, Limits, ReadOptions, Reject, Sink, read_with, sniff_member};
use crate::Result;
use crate::column::Batch;

/// Opens a file of these bytes and reads its members: sniffs them, then reads them as what they look like, or as
/// `kind` says. Chunks of `chunk` bytes, so that small files have several.
///
/// # Errors
/// `Format` for what is no report.
pub fn report(
    bytes: &[u8],
    kind: Option<Kind>,
    keep_personal: bool,
    chunk: usize,
    pool: &rayon::ThreadPool,
) -> Result<u64> {
    let file = File::in_memory(crate::fuzzing::name(), bytes.to_vec())?;
    let mut rows = 0;
    for member in 0..file.members().len().min(4) {
        let sniffed = sniff_member(&file, member);
        let limits = Limits { chunk, record: chunk / 2 };
        let options = ReadOptions { kind: kind.or(sniffed.ok()), keep_personal };
        rows += read_with(&file, member, &options, limits, pool, &mut Counting)?.rows;
    }
    Ok(rows)
}

/// Checks that what comes is as long as it says.
struct Counting;

impl Sink for Counting {
    fn progress(&mut self, _bytes: u64) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: Batch, _rejects: Vec<Reject>) -> Result<()> {
        debug_assert!(batch.columns.iter().all(|column| column.len() == batch.rows));
        Ok(())
    }
}
