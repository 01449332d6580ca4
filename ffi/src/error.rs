//! # Reading errors
//!
//! All of these take NULL for "no error", so that an `err` may be asked without looking first. The texts belong to the
//! error: they are never freed by themselves, and go with it.

use std::ffi::{CString, c_char};
use std::ptr;

use crate::boundary::plain;
use crate::status::{Error, TILLROLL_OK};

/// The code that the failed call gave; TILLROLL_OK for NULL. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_code(error: *const Error) -> i32 {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(TILLROLL_OK, || unsafe { error.as_ref() }.map_or(TILLROLL_OK, |error| error.code))
}

/// What went wrong, in English, for people: programs look at the code. Never NULL; "" for NULL. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_message(error: *const Error) -> *const c_char {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(c"".as_ptr(), || unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.message.as_ptr()))
}

/// The file or directory it is about; NULL where it is about none. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_path(error: *const Error) -> *const c_char {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(ptr::null(), || pointer(unsafe { error.as_ref() }.and_then(|error| error.path.as_ref())))
}

/// The line of the file that could not be read, from 1 on in the decoded text; 0 where the fault has none.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_line(error: *const Error) -> u64 {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(0, || unsafe { error.as_ref() }.map_or(0, |error| error.line))
}

/// All faults of an input by field, as JSON: {"store":["is required"]}; NULL where it is not about fields.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_fields(error: *const Error) -> *const c_char {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(ptr::null(), || pointer(unsafe { error.as_ref() }.and_then(|error| error.fields.as_ref())))
}

/// The files of an import that were not stored, as JSON, in the order in which they failed:
/// [{"path":"a.csv","code":180,"message":"...","line":3}], `line` null where the fault has none. NULL where no file
/// failed. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_failures(error: *const Error) -> *const c_char {
    // SAFETY: null, or an error that was given out and not yet freed.
    plain(ptr::null(), || pointer(unsafe { error.as_ref() }.and_then(|error| error.failures.as_ref())))
}

/// Frees an error. NULL is fine. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_error_free(error: *mut Error) {
    plain((), || {
        if !error.is_null() {
            // SAFETY: made by `Box::into_raw` here, and given back once, as the caller promises.
            drop(unsafe { Box::from_raw(error) });
        }
    })
}

/// Frees a text that a function gave through a `char **`. NULL is fine. Texts given as `const char *` are not freed.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tillroll_string_free(text: *mut c_char) {
    plain((), || {
        if !text.is_null() {
            // SAFETY: made by `CString::into_raw` here, and given back once, as the caller promises.
            drop(unsafe { CString::from_raw(text) });
        }
    })
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}
