//! The vault's header of any bytes.

use super::{Cost, Header, Lock, derive};
use crate::Result;
use crate::kv::value;

/// Decodes a header, and derives a key by it where that does not take long.
///
/// # Errors
/// `Corruption` for what is none, `Vault` for parameters that no passphrase has.
pub fn header(bytes: &[u8]) -> Result<()> {
    let header: Header = value::decode(bytes)?;
    match header.lock {
        Lock::Passphrase { cost: Cost { memory_kib: 65.., .. } | Cost { passes: 3.., .. }, .. } => Ok(()),
        lock => derive("any", lock).map(drop),
    }
}
