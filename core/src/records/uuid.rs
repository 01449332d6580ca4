//! Random ids: UUIDs, for the records that are named so, and the randomness for others.

use crate::{Error, Result};

/// A new version 4 UUID in its usual text form.
///
/// # Errors
/// [`Error::Io`] where the operating system gives no randomness.
pub(super) fn new_uuid() -> Result<String> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    let number = u128::from_be_bytes(bytes);
    // The version and variant bits of RFC 9562.
    let number = number & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

/// The one spelling of a UUID: its letters are small ones. Any other text stays as it is.
pub(super) fn canonical(text: &str) -> String {
    if is_uuid(text.as_bytes()) { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// Whether a text is a UUID, in either case.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    let parts = text.split(|&byte| byte == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12]);
    parts && text.iter().all(|byte| *byte == b'-' || byte.is_ascii_hexdigit())
}

/// Fills with randomness.
///
/// # Errors
/// [`Error::Io`] where the operating system gives none.
pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::io("read randomness for", "a new id".as_ref())(std::io::Error::other(error.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uuid_has_one_spelling_and_other_texts_have_their_own() {
        let small = "6e46b042-cb5a-45bf-a6c2-9991bcd7260e";
        assert_eq!([canonical(small), canonical(&small.to_uppercase())], [small, small]);
        let others =
            ["", "HQ", "ABCDEF", "6E46B042CB5A45BFA6C29991BCD7260E", "6E46B042-CB5A-45BF-A6C2-9991BCD7260G"];
        assert_eq!(others.map(canonical), others);
    }

    #[test]
    fn the_form_is_that_of_version_4() {
        let one = new_uuid().unwrap();
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_bytes()[19]), "{one}");
        assert_ne!(one, new_uuid().unwrap());
    }
}
