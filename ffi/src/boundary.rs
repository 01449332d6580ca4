//! What stands between C and the engine: no panic leaves, no pointer is believed before it is checked.
//!
//! The body of every exported function is one call of [`status`], [`handle`] or [`plain`]; a test holds that.

use std::any::Any;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use serde_json::Value;

use crate::db::Db;
use crate::json;
use crate::status::{Error, Failure, TILLROLL_OK};

/// What a function gives inside: the value, or what `*err` will hold.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Runs the body of a function that answers with a status.
///
/// # Safety
/// `err` is null or may be written to.
pub(crate) unsafe fn status(err: *mut *mut Error, run: impl FnOnce() -> Result<()>) -> i32 {
    let outcome = caught(run);
    let code = outcome.as_ref().err().map_or(TILLROLL_OK, |failure| failure.code);
    // SAFETY: as promised by the caller.
    unsafe { tell(err, outcome.err()) };
    code
}

/// Runs the body of a function that answers with a new handle, null on failure.
///
/// # Safety
/// `err` is null or may be written to.
pub(crate) unsafe fn handle<T>(err: *mut *mut Error, run: impl FnOnce() -> Result<T>) -> *mut T {
    let (made, failure) = match caught(run) {
        Ok(made) => (Box::into_raw(Box::new(made)), None),
        Err(failure) => (ptr::null_mut(), Some(failure)),
    };
    // SAFETY: as promised by the caller.
    unsafe { tell(err, failure) };
    made
}

/// Runs the body of a function that has no way to tell an error, and gives `otherwise` where it panics.
pub(crate) fn plain<T>(otherwise: T, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(otherwise)
}

/// What was half done when a panic came is not looked at again: the engine keeps its locks usable by itself.
fn caught<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Failure::panic(&panic_text(&*panic))))
}

/// The text that a panic came with, where it has one.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

/// Writes the error, or that there is none.
///
/// # Safety
/// `err` is null or may be written to.
unsafe fn tell(err: *mut *mut Error, failure: Option<Failure>) {
    if err.is_null() {
        return;
    }
    let told = failure.map_or(ptr::null_mut(), |failure| Box::into_raw(Box::new(Error::new(failure))));
    // SAFETY: not null, and the caller promises that it may be written to.
    unsafe { err.write(told) };
}

/// What a pointer of C points to.
///
/// # Safety
/// `pointer` is null or points to a `T` that lives and is not changed for `'a`.
pub(crate) unsafe fn pointed<'a, T>(name: &str, pointer: *const T) -> Result<&'a T> {
    // SAFETY: as promised by the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::misuse(format!("{name} must not be NULL")))
}

/// The database that a pointer of C points to, where it is this process's.
///
/// # Safety
/// `pointer` is null or points to a database that lives and is not changed for `'a`.
pub(crate) unsafe fn required<'a>(name: &str, pointer: *const Db) -> Result<&'a Db> {
    // SAFETY: as promised by the caller.
    let db = unsafe { pointed(name, pointer) }?;
    db.process.check()?;
    Ok(db)
}

/// Whether a result can be written at all: asked before anything is done.
pub(crate) fn writable<T>(name: &str, out: *mut T) -> Result<()> {
    if out.is_null() { Err(Failure::misuse(format!("{name} must not be NULL"))) } else { Ok(()) }
}

/// A text that must be there.
///
/// # Safety
/// `text` is null or a NUL-terminated string that lives and is not changed for `'a`.
pub(crate) unsafe fn text<'a>(name: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    unsafe { optional_text(name, text) }?.ok_or_else(|| Failure::misuse(format!("{name} must not be NULL")))
}

/// A text that may be null.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the caller promises that it is NUL-terminated and lives for `'a`.
    let bytes = unsafe { CStr::from_ptr(text) };
    match bytes.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(Failure::misuse(format!("{name} is not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

/// Several texts, each of which must be there.
///
/// # Safety
/// `texts` is null or points to `count` pointers, each as in [`text`].
pub(crate) unsafe fn texts<'a>(
    name: &str,
    texts: *const *const c_char,
    count: usize,
) -> Result<Vec<&'a str>> {
    // Of an empty list the pointer says nothing, and need not.
    if count == 0 {
        return Ok(Vec::new());
    }
    if texts.is_null() || count > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Failure::misuse(format!("{name} must point to {count} strings")));
    }
    // SAFETY: not null, not longer than an object can be, and the caller promises `count` pointers.
    let pointers = unsafe { std::slice::from_raw_parts(texts, count) };
    // SAFETY: each is null or a string, as promised by the caller.
    let one = |(i, pointer): (usize, &*const c_char)| unsafe { text(&format!("{name}[{i}]"), *pointer) };
    pointers.iter().enumerate().map(one).collect()
}

/// A JSON text; one that is null stands for an empty object.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn json(name: &str, json: *const c_char) -> Result<Value> {
    // SAFETY: as promised by the caller.
    match unsafe { optional_text(name, json) }? {
        Some(text) => json::parse(name, text),
        None => Ok(Value::Object(serde_json::Map::new())),
    }
}

/// Gives out a JSON text, or nothing where it is not wanted.
///
/// # Safety
/// `out` is null or may be written to.
pub(crate) unsafe fn give_json(out: *mut *mut c_char, value: &Value) {
    if !out.is_null() {
        // JSON text has no NUL: it escapes control characters.
        // SAFETY: as promised by the caller.
        unsafe { give_text(out, value.to_string()) };
    }
}

/// Gives out a text, or nothing where it is not wanted.
///
/// # Safety
/// `out` is null or may be written to.
pub(crate) unsafe fn give_text(out: *mut *mut c_char, text: String) {
    if !out.is_null() {
        // SAFETY: not null, and the caller promises that it may be written to.
        unsafe { out.write(without_nul(text).into_raw()) };
    }
}

/// Says that there is no text yet, before anything can fail.
///
/// # Safety
/// `out` is null or may be written to.
pub(crate) unsafe fn clear(out: *mut *mut c_char) {
    if !out.is_null() {
        // SAFETY: not null, and the caller promises that it may be written to.
        unsafe { out.write(ptr::null_mut()) };
    }
}

/// A text for C. It ends at the first NUL there, so NULs are taken out rather than anything behind them lost.
pub(crate) fn without_nul(text: String) -> std::ffi::CString {
    let mut bytes = text.into_bytes();
    bytes.retain(|&byte| byte != 0);
    std::ffi::CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{TILLROLL_MISUSE, TILLROLL_PANIC};

    fn message(err: *mut Error) -> String {
        // SAFETY: an error that `tell` made, taken back once.
        unsafe { Box::from_raw(err) }.message.to_str().unwrap().to_owned()
    }

    /// The same calls that the body of every exported function is.
    #[test]
    fn a_panic_does_not_cross() {
        let mut err = ptr::null_mut();
        // SAFETY: `err` may be written to.
        let code = unsafe { status(&raw mut err, || panic!("inside")) };
        assert_eq!(code, TILLROLL_PANIC);
        assert_eq!(message(err), "a fault of Tillroll's own, please report it: inside");
        // SAFETY: as above.
        let made = unsafe { handle::<i32>(&raw mut err, || panic!("{}", "of a String")) };
        assert!(made.is_null());
        assert!(message(err).ends_with("of a String"));
        assert_eq!(plain(7, || panic!("inside")), 7);
        // SAFETY: null is allowed.
        assert_eq!(unsafe { status(ptr::null_mut(), || panic!("inside")) }, TILLROLL_PANIC);
    }

    #[test]
    fn success_sets_err_to_null() {
        let mut err = ptr::dangling_mut();
        // SAFETY: `err` may be written to.
        assert_eq!(unsafe { status(&raw mut err, || Ok(())) }, TILLROLL_OK);
        assert!(err.is_null());
    }

    #[test]
    fn arguments_are_checked_before_they_are_believed() {
        let told = |failure: Failure| {
            assert_eq!(failure.code, TILLROLL_MISUSE);
            failure.message
        };
        let pointers = [c"a".as_ptr(), ptr::null()];
        // SAFETY: null, or strings that live longer than the test.
        unsafe {
            assert_eq!(text("id", c"a".as_ptr()).unwrap(), "a");
            assert_eq!(told(text("id", ptr::null()).unwrap_err()), "id must not be NULL");
            assert_eq!(told(text("id", c"ab\xff".as_ptr()).unwrap_err()), "id is not UTF-8 at byte 2");
            assert_eq!(told(required("db", ptr::null()).err().unwrap()), "db must not be NULL");
            assert_eq!(texts("ids", ptr::null(), 0).unwrap(), Vec::<&str>::new());
            assert_eq!(texts("ids", pointers.as_ptr(), 1).unwrap(), ["a"]);
            assert_eq!(told(texts("ids", pointers.as_ptr(), 2).unwrap_err()), "ids[1] must not be NULL");
            assert_eq!(told(texts("ids", ptr::null(), 2).unwrap_err()), "ids must point to 2 strings");
            assert!(told(texts("ids", pointers.as_ptr(), usize::MAX).unwrap_err()).contains("must point"));
            assert_eq!(json("query", ptr::null()).unwrap(), serde_json::json!({}));
        }
        assert_eq!(without_nul("a\0b".to_owned()).to_str().unwrap(), "ab");
    }

    /// A function without the guard would end the host's process at the first panic.
    #[test]
    fn the_body_of_every_exported_function_is_a_guard() {
        let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
        let mut seen = 0;
        for source in sources {
            let code = std::fs::read_to_string(source.unwrap().path()).unwrap();
            let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
            let without_comment = |line: &str| line.split("//").next().unwrap_or_default().trim().to_owned();
            let code = code.lines().map(without_comment).collect::<Vec<_>>().join(" ");
            // In halves, so that this is no such function itself.
            for function in code.split(concat!("extern \"C\" ", "fn tillroll_")).skip(1) {
                let (signature, rest) = function.split_once('{').unwrap();
                let body = rest.split("#[unsafe(no_mangle)]").next().unwrap().trim_start();
                let body = body.strip_prefix("unsafe {").unwrap_or(body).trim_start();
                let guard = ["status(err, ||", "boundary::handle(err, ||", "plain("];
                assert!(guard.iter().any(|guard| body.starts_with(guard)), "{signature} is not guarded");
                let name = signature.split('(').next().unwrap();
                assert_eq!(depth_after_guard(body), 0, "{name} does something beside its guard");
                seen += 1;
            }
        }
        let exported = include_str!("../../include/tillroll.h").matches(" tillroll_").count();
        assert!(seen > 30 && exported > seen, "{seen} functions seen");
    }

    /// How much stands between the end of the guard's call and the end of the function.
    fn depth_after_guard(body: &str) -> usize {
        let (mut depth, mut end) = (0_i32, 0);
        for (at, c) in body.char_indices() {
            match c {
                '(' => depth += 1,
                ')' if depth == 1 => {
                    end = at + 1;
                    break;
                }
                ')' => depth -= 1,
                _ => {}
            }
        }
        let after = body[end..].trim_start_matches([';', ' ']);
        after.find('}').unwrap()
    }
}
