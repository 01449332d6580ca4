//! E-mail addresses.
//!
//! Decided: an address has one `@` with something on both sides and no blanks; no more is asked, since what a mail
//! server takes only it can tell. It is kept as it was written, and the case of A to Z does not count when it is looked
//! for, filtered or sorted by.

use crate::records::Datum;
use crate::records::datum::folded;
use crate::records::input::Input;

/// An address that must be there.
pub(in crate::records) fn required(input: &mut Input<'_>, name: &'static str, target: &mut String) {
    let before = std::mem::take(target);
    input.required_text(name, target);
    if target.is_empty() {
        *target = before;
    } else {
        check(input, name, target);
    }
}

/// An address that may be missing.
pub(in crate::records) fn optional(input: &mut Input<'_>, name: &'static str, target: &mut Option<String>) {
    input.optional_text(name, target);
    if let Some(text) = target {
        check(input, name, text);
    }
}

fn check(input: &mut Input<'_>, name: &'static str, text: &str) {
    let parts: Vec<&str> = text.splitn(3, '@').collect();
    let sound = matches!(parts[..], [local, domain] if !local.is_empty() && !domain.is_empty());
    if !sound || text.contains(char::is_whitespace) {
        input.fault(name, "must be an e-mail address, as mail@example.com");
    }
}

/// What filters and indexes compare.
pub(in crate::records) fn datum(text: &str) -> Datum {
    Datum::Text(folded(text))
}
