//! Ways in for hostile bytes: what `tests/fuzz` feeds, and the corpus in `tests/fuzz/corpus` is replayed through. Part of
//! no interface, and compiled only with the feature `fuzzing`.
//!
//! Checksums keep mutated bytes out of the code behind them, so that every way in that has some mends them first.
//! Whatever is fed, nothing may panic; an error is a fine answer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::Result;
use crate::file::DiskFile;
pub use crate::ingest::fuzzing::report;
pub use crate::journal::fuzzing::{journal, reseal as reseal_journal};
pub use crate::kv::value::fuzzing::reseal as reseal_value;
pub use crate::roll::fuzzing::{reseal as reseal_roll, roll};

/// Which types [`value`] decodes.
pub const VALUES: usize = 2 + crate::records::fuzzing::TYPES;

/// Bytes as the value that is stored under a key: a report, the vault's header, or a record of a collection.
///
/// # Errors
/// `Corruption` where they are no such value.
pub fn value(which: usize, bytes: &[u8]) -> Result<()> {
    let bytes = &reseal_value(bytes.to_vec(), 0);
    match which % VALUES {
        0 => crate::sales::fuzzing::report(bytes),
        1 => crate::vault::fuzzing::header(bytes),
        which => crate::records::fuzzing::record(which - 2, bytes),
    }
}

/// A file in memory that is only read.
#[derive(Debug)]
pub(crate) struct Bytes(pub Vec<u8>);

impl Bytes {
    pub(crate) fn file(bytes: Vec<u8>) -> Arc<dyn DiskFile> {
        Arc::new(Self(bytes))
    }
}

impl DiskFile for Bytes {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// What errors call the bytes.
pub(crate) fn name() -> &'static Path {
    Path::new("fuzzed")
}
