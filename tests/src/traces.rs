//! The forms in which a secret could be written down by mistake.

/// Looks for a secret in bytes: as it is, in hexadecimal digits, base64 and UTF-16, escaped, and backwards.
#[derive(Debug)]
pub struct Traces(Vec<(&'static str, Vec<u8>)>);

impl Traces {
    /// Of a secret, which should be long enough not to stand anywhere by chance.
    pub fn of(secret: &str) -> Self {
        assert!(secret.len() >= 12 && secret.is_ascii(), "too short, or not the same in all forms");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let utf_16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let list = format!("{:?}", secret.as_bytes());
        let mut forms = vec![
            ("as it is", secret.as_bytes().to_vec()),
            ("in hexadecimal digits", hex.to_uppercase().into_bytes()),
            ("in hexadecimal digits", hex.into_bytes()),
            // Without the last zero this is also part of the other byte order.
            ("in UTF-16", utf_16[..utf_16.len() - 1].to_vec()),
            ("in percent escapes", percent.into_bytes()),
            ("as a list of bytes", list.trim_matches(['[', ']']).as_bytes().to_vec()),
            ("backwards", secret.bytes().rev().collect()),
        ];
        forms.extend((0..3).map(|shift| ("in base64", base64(secret, shift))));
        Self(forms)
    }

    /// The form in which it stands in the bytes, if it does.
    pub fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        let stands = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        self.0.iter().find(|(_, form)| stands(form)).map(|(name, _)| *name)
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The digits of base64 that depend on the secret alone where `shift` bytes stand before it, modulo 3.
fn base64(secret: &str, shift: usize) -> Vec<u8> {
    let bytes = [vec![0; shift].as_slice(), secret.as_bytes()].concat();
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let first = (shift * 8).div_ceil(6);
    let digits = bits.as_chunks::<6>().0.iter().skip(first);
    digits.map(|six| DIGITS[six.iter().fold(0, |sum, bit| sum << 1 | usize::from(*bit))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "correct horse";

    #[test]
    fn every_form_is_found() {
        let traces = Traces::of(SECRET);
        for text in [
            "the correct horse.",
            "2d636f727265637420686f7273652d",
            "636F727265637420686F727365",
            "Y29ycmVjdCBob3JzZQ==",
            "eGNvcnJlY3QgaG9yc2V5",
            "eHhjb3JyZWN0IGhvcnNleQ==",
            "esroh tcerroc",
            "[99, 111, 114, 114, 101, 99, 116, 32, 104, 111, 114, 115, 101]",
        ] {
            assert!(traces.find(text.as_bytes()).is_some(), "{text}");
        }
        let utf_16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(traces.find(&utf_16), Some("in UTF-16"));
        assert_eq!(traces.find(b"a battery staple, and a corrected house"), None);
    }
}
