//! What a roll says of the rows of one report: enough to rebuild the manifest from the rolls alone.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::manifest::{ReadFlags, Report, ReportKey};
use super::totals::Totals;
use crate::error::{Error, Result};
use crate::kv::value;

/// The rows of one member of a report file in one roll, in one run. A member that spans several rolls has one in
/// each; only the last names the report's identity, since it may follow from the rows themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    /// Grows with every file imported: of two versions of a report the higher is the newer.
    pub(crate) sequence: u64,
    /// The member of the file, and which run of it this is, both from 0.
    pub(crate) member: u32,
    pub(crate) part: u32,
    pub(crate) totals: Totals,
    /// Given with the last run.
    pub(crate) identity: Option<SegmentIdentity>,
}

/// Whose rows they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SegmentIdentity {
    pub(crate) key: ReportKey,
    pub(crate) path: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) flags: ReadFlags,
    pub(crate) imported_at: i64,
}

impl SegmentIdentity {
    /// That of a stored report.
    pub(crate) fn of(report: &Report) -> Self {
        Self {
            key: report.key.clone(),
            path: report.path.clone(),
            sha256: report.sha256,
            flags: report.flags,
            imported_at: report.imported_at,
        }
    }
}

impl SegmentMeta {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        value::encode(self)
    }

    /// # Errors
    /// [`Error::Corruption`] for bytes that are no segment, and where no rows come to its totals.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let segment: Self =
            value::decode(bytes).map_err(|error| Error::corrupt(path, format!("segment: {error}")))?;
        if segment.totals.are_possible() {
            Ok(segment)
        } else {
            Err(Error::corrupt(path, "segment: no rows come to its totals"))
        }
    }
}
