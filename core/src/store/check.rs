//! Verifying what the store holds: every frame of the journal, and the index against the journal.

use std::fmt;
use std::path::PathBuf;

use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::directory::INDEX;
use super::shared::{Shared, lock};
use crate::journal::Reader;
use crate::kv::Kv;
use crate::{Error, Result};

/// Differences between index and journal that are told one by one; the rest is only counted.
const TOLD_MAX: usize = 10;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or directory it is in.
    pub path: PathBuf,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.detail)
    }
}

/// 128-bit hash of a key → hash of its value. Holds 10^6 keys in about 40 MB.
type Expected = HashMap<u128, u64>;

impl Shared {
    /// Verifies journal and index; see [`super::Store::check`].
    pub fn check(&self) -> Vec<Problem> {
        // The drain holds still, so that the index stays where it is compared.
        let mut drain = lock(&self.drain);
        let mut problems = Vec::new();
        if !self.read_only
            && let Err(error) = self.drain(&mut drain)
        {
            problems.push(self.problem(&error));
        }
        match self.expected(drain.drained) {
            Err(error) => problems.push(self.problem(&error)),
            Ok(expected) => match self.index.with(|kv| self.compare(kv, expected)) {
                Ok(found) => problems.extend(found),
                Err(failed) => problems.push(self.problem(&failed.error)),
            },
        }
        problems
    }

    fn problem(&self, error: &Error) -> Problem {
        match error {
            Error::Corruption { path, detail } => Problem { path: path.clone(), detail: detail.clone() },
            error => Problem { path: self.dir.clone(), detail: error.to_string() },
        }
    }

    /// What the index should hold; reads the journal to its end, and so verifies all of it.
    fn expected(&self, drained: u64) -> Result<Expected> {
        let mut reader: Reader = lock(&self.journal).reader()?;
        let mut expected = Expected::new();
        while let Some(frame) = reader.next()? {
            if frame.header.last > drained {
                continue;
            }
            for op in reader.ops(&frame) {
                match op? {
                    (key, Some(value)) => expected.insert(xxh3_128(key), xxh3_64(value)),
                    (key, None) => expected.remove(&xxh3_128(key)),
                };
            }
        }
        Ok(expected)
    }

    fn compare(&self, kv: &dyn Kv, mut expected: Expected) -> Result<Vec<Problem>> {
        let mut details = Vec::new();
        for entry in kv.range(&[1], None, false) {
            let (key, value) = entry?;
            match expected.remove(&xxh3_128(&key)) {
                None => details.push(format!("holds the key {}, which the journal has not", hex(&key))),
                Some(hash) if hash != xxh3_64(&value) => {
                    details.push(format!("holds another value than the journal under {}", hex(&key)));
                }
                Some(_) => {}
            }
        }
        if !expected.is_empty() {
            details.push(format!("lacks {} keys that the journal has", expected.len()));
        }
        let more = details.len().saturating_sub(TOLD_MAX);
        details.truncate(TOLD_MAX);
        if more > 0 {
            details.push(format!("differs from the journal under {more} more keys"));
        }
        let path = self.dir.join(INDEX);
        Ok(details.into_iter().map(|detail| Problem { path: path.clone(), detail }).collect())
    }
}

fn hex(key: &[u8]) -> String {
    key.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
}
