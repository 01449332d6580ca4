//! Stored reports of any bytes.

use super::manifest::Report;
use crate::Result;
use crate::kv::value;

/// Decodes a report as it stands in the journal.
///
/// # Errors
/// `Corruption` for what is none.
pub fn report(bytes: &[u8]) -> Result<()> {
    value::decode::<Report>(bytes).map(drop)
}
