//! # The version

use std::ffi::{CStr, c_char};

use crate::boundary::plain;

/// The version as a C string, made while compiling, so that it cannot fail or need freeing.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// The version of the library that is linked, as text: "0.1.0". Never NULL.
///
/// The text is static: it is never freed. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn tillroll_version() -> *const c_char {
    plain(c"".as_ptr(), || VERSION.as_ptr())
}

/// The version of the library that is linked, as a number: major x 1,000,000 + minor x 1,000 + patch, so that versions
/// compare as numbers do. It equals TILLROLL_VERSION_NUMBER of the header that belongs to the library. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn tillroll_version_number() -> u32 {
    plain(0, || number_of(env!("CARGO_PKG_VERSION")))
}

/// `"1.2.3"` as 1,002,003. A pre-release suffix does not count.
fn number_of(version: &str) -> u32 {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    release.split('.').fold(0, |number, part| number * 1000 + part.parse::<u32>().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(number_of("0.1.0"), 1_000);
        assert_eq!(number_of("1.2.3"), 1_002_003);
        assert_eq!(number_of("1.2.3-rc.1"), 1_002_003);
    }

    #[test]
    fn both_forms_are_of_this_package() {
        // SAFETY: the function gives a static, NUL-terminated string.
        let text = unsafe { CStr::from_ptr(tillroll_version()) }.to_str().unwrap();
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(tillroll_version_number(), number_of(text));
    }
}
