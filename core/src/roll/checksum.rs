//! Checksums that know where their bytes belong.
//!
//! A plain checksum finds flipped bits but not a good page at the wrong place: a misdirected write, or another roll
//! under this name. So the sum of the bytes is mixed with the place and the roll's random salt.

use xxhash_rust::xxh3::xxh3_64;

/// The size of a checksum in bytes.
pub(crate) const LEN: usize = 8;

/// The checksum of `bytes` standing at `offset` in the roll with this salt.
pub(crate) fn of(salt: u64, offset: u64, bytes: &[u8]) -> u64 {
    xxh3_64(bytes) ^ mix(salt.wrapping_add(offset.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Splits off and checks the checksum at the end of `bytes`; `None` where it does not fit.
pub(crate) fn verified(salt: u64, offset: u64, bytes: &[u8]) -> Option<&[u8]> {
    let (body, sum) = bytes.split_last_chunk::<LEN>()?;
    (of(salt, offset, body) == u64::from_le_bytes(*sum)).then_some(body)
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_holds_for_its_bytes_place_and_roll_only() {
        let mut bytes = b"a page".to_vec();
        bytes.extend(of(7, 32, b"a page").to_le_bytes());
        assert_eq!(verified(7, 32, &bytes), Some(b"a page".as_slice()));
        assert_eq!(verified(7, 33, &bytes), None);
        assert_eq!(verified(8, 32, &bytes), None);
        bytes[0] ^= 1;
        assert_eq!(verified(7, 32, &bytes), None);
        assert_eq!(verified(7, 32, &bytes[..4]), None);
    }
}
