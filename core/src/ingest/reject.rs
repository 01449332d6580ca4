//! Rows that cannot be read exactly: kept with their place and text, never dropped.

/// How much of a rejected row's text is kept, in bytes.
const TEXT_MAX: usize = 4 << 10;
/// A file may have so many rejects whatever its length.
const REJECTS_FREE: u64 = 1_000;
/// A chunk of text with more rejects than this is no report: bounds what they cost in memory.
pub(super) const REJECTS_PER_CHUNK: usize = 100_000;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The row's first line, 1-based in the decoded text; the header is line 1.
    pub line: u64,
    /// Where the row begins, in bytes of the decoded text without its byte order mark.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The row as written, its first 4 KiB; what is not UTF-8 is shown as U+FFFD.
    pub text: String,
}

/// The text of a row as a reject keeps it.
pub(super) fn shown(text: &[u8]) -> String {
    let cut = text.get(..TEXT_MAX).unwrap_or(text);
    // A character that the cut goes through is left out, not shown as damage.
    let whole = match std::str::from_utf8(cut) {
        Err(error) if cut.len() < text.len() && error.error_len().is_none() => cut.get(..error.valid_up_to()),
        _ => None,
    };
    String::from_utf8_lossy(whole.unwrap_or(cut)).into_owned()
}

/// Whether so many rejects mean that this is another kind of file.
pub(super) fn too_many(rejects: u64, rows: u64) -> bool {
    rejects > REJECTS_FREE && rejects > rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let long = format!("{}é tail", "a".repeat(TEXT_MAX - 1));
        assert_eq!(shown(long.as_bytes()), "a".repeat(TEXT_MAX - 1));
        assert_eq!(shown(b"a\xFFb"), "a\u{FFFD}b");
        let bad = [b"\xFF".as_slice(), long.as_bytes()].concat();
        assert_eq!(shown(&bad).chars().count(), TEXT_MAX);
        assert_eq!(shown("é".as_bytes()), "é");
    }

    #[test]
    fn half_of_the_rows_is_too_many() {
        assert!(!too_many(1_000, 0));
        assert!(too_many(1_001, 1_000));
        assert!(!too_many(1_001, 1_001));
    }
}
