//! Values as checked bytes. Nothing else names bincode.
//!
//! ```text
//! offset size
//!   0     1   version, 1
//!   1     4   length of the payload, little endian
//!   5     4   low half of XXH3-64 over version, length and payload, little endian
//!   9     n   payload: bincode 1.3, variable-length integers, little endian, no trailing bytes
//! ```
//!
//! Never used for keys: its bytes do not sort.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::path::Path;

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3;

use crate::{Error, Result};

const VERSION: u8 = 1;
const FRAME_LEN: usize = 9;
/// The largest payload in bytes, also what a hostile length inside may make the decoder allocate.
const PAYLOAD_MAX: u64 = 64 << 20;

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_limit(PAYLOAD_MAX).reject_trailing_bytes()
}

/// Serialises a value into its frame.
///
/// # Errors
/// [`Error::Validation`] where the value is over 64 MiB or cannot be serialised.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let refuse = |error: bincode::Error| Error::invalid("value", error.to_string());
    let payload = options().serialize(value).map_err(refuse)?;
    let len = u32::try_from(payload.len()).map_err(|_| Error::invalid("value", "is too large"))?;
    let mut bytes = Vec::with_capacity(FRAME_LEN + payload.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&checksum(len, &payload));
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Takes a value out of its frame.
///
/// # Errors
/// [`Error::Corruption`] where the frame is not whole, the checksum differs, or the payload is not such a value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let (&version, rest) = bytes.split_first().ok_or_else(|| bad("is empty"))?;
    if version != VERSION {
        return Err(bad(format!("has version {version}, expected {VERSION}")));
    }
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(|| bad("is cut short"))?;
    let (check, payload) = rest.split_first_chunk::<4>().ok_or_else(|| bad("is cut short"))?;
    let len = u32::from_le_bytes(*len);
    if usize::try_from(len) != Ok(payload.len()) {
        return Err(bad(format!("holds {} bytes, expected {len}", payload.len())));
    }
    if checksum(len, payload) != *check {
        return Err(bad("does not match its checksum"));
    }
    options().deserialize(payload).map_err(|error| bad(format!("cannot be read: {error}")))
}

fn checksum(len: u32, payload: &[u8]) -> [u8; 4] {
    let mut hash = Xxh3::new();
    hash.update(&[VERSION]);
    hash.update(&len.to_le_bytes());
    hash.update(payload);
    let [a, b, c, d, ..] = hash.digest().to_le_bytes();
    [a, b, c, d]
}

fn bad(what: impl AsRef<str>) -> Error {
    Error::corrupt(Path::new("index"), format!("a value {}", what.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::ErrorKind;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Sample {
        id: u64,
        name: String,
        parent: Option<i32>,
        tags: BTreeMap<String, Vec<u8>>,
    }

    fn sample() -> Sample {
        let tags = BTreeMap::from([("k".to_owned(), vec![1, 2, 3])]);
        Sample { id: 300, name: "Till".to_owned(), parent: Some(-2), tags }
    }

    #[test]
    fn the_bytes_of_version_1_stay() {
        let golden = [
            1, 17, 0, 0, 0, 0x8D, 0x0F, 0xD3, 0x86, 251, 44, 1, 4, b'T', b'i', b'l', b'l', 1, 3, 1, 1, b'k',
            3, 1, 2, 3,
        ];
        assert_eq!(encode(&sample()).unwrap(), golden);
        assert_eq!(decode::<Sample>(&golden).unwrap(), sample());
    }

    #[test]
    fn a_flipped_bit_is_corruption() {
        let bytes = encode(&sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode::<Sample>(&bad).unwrap_err().kind(), ErrorKind::Corruption, "bit {bit}");
        }
    }

    #[test]
    fn a_hostile_length_allocates_nothing() {
        // A checksum that fits around a text that claims 2^60 bytes.
        let payload = [253, 0, 0, 0, 0, 0, 0, 0, 16];
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&9_u32.to_le_bytes());
        bytes.extend_from_slice(&checksum(9, &payload));
        bytes.extend_from_slice(&payload);
        assert_eq!(decode::<String>(&bytes).unwrap_err().kind(), ErrorKind::Corruption);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(value: (u64, i64, String, Vec<Option<u16>>)) {
            prop_assert_eq!(decode::<(u64, i64, String, Vec<Option<u16>>)>(&encode(&value).unwrap()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_an_error(mut bytes: Vec<u8>) {
            prop_assert!(decode::<(u64, String)>(&bytes).is_err());
            bytes.insert(0, VERSION);
            prop_assert!(decode::<(u64, String)>(&bytes).is_err());
        }
    }
}
