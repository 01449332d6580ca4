//! Answers as Arrow C streams. Arrow's callbacks call a reader of ours outside of any function of ours, so the guard
//! stands in the reader.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use tillroll_core::{self as core, ErrorKind};

use crate::boundary::{Result, panic_text, plain, writable};
use crate::status::Failure;

type Batches = Box<dyn RecordBatchReader + Send>;

/// Marks the stream released, before anything can fail.
///
/// # Safety
/// `out` is null or may be written to; what stands there is not looked at.
pub(crate) unsafe fn clear(out: *mut FFI_ArrowArrayStream) -> Result<()> {
    writable("out", out)?;
    // SAFETY: not null, and the caller promises that it may be written to. `write` drops nothing.
    unsafe { out.write(FFI_ArrowArrayStream::empty()) };
    Ok(())
}

/// Gives out a table, which is in memory and needs the database no more.
///
/// # Safety
/// `out` was cleared.
pub(crate) unsafe fn give_table(out: *mut FFI_ArrowArrayStream, table: &core::Table) {
    let batches = RecordBatchIterator::new([Ok(table.batch().clone())], table.schema());
    // SAFETY: as promised by the caller.
    unsafe { give(out, Box::new(batches), None) };
}

/// Gives out a scan, which reads while it is read and keeps the database open.
///
/// # Safety
/// `out` was cleared.
pub(crate) unsafe fn give_scan(out: *mut FFI_ArrowArrayStream, scan: core::Scan, open: core::Db) {
    // SAFETY: as promised by the caller.
    unsafe { give(out, scan.into_reader(), Some(open)) };
}

unsafe fn give(out: *mut FFI_ArrowArrayStream, batches: Batches, open: Option<core::Db>) {
    let process = core::Process::this();
    let guarded = Guarded { schema: batches.schema(), batches: Some(batches), failed: None, open, process };
    // SAFETY: the caller promises a cleared stream, which owns nothing that would have to be dropped.
    unsafe { out.write(FFI_ArrowArrayStream::new(Box::new(guarded))) };
}

/// A reader that does not panic, neither when it reads nor when it goes.
struct Guarded {
    schema: SchemaRef,
    /// Gone once it has panicked.
    batches: Option<Batches>,
    /// What reading failed of: told to every further call, so that none takes the end of what it got for the end.
    failed: Option<ArrowError>,
    open: Option<core::Db>,
    /// The one that asked for it.
    process: core::Process,
}

impl Iterator for Guarded {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failed) = &self.failed {
            return Some(Err(clean(failed)));
        }
        // A table is in memory, and any process may read its copy.
        if let (Some(_), Err(error)) = (&self.open, self.process.check()) {
            return Some(Err(external(&error.to_string())));
        }
        let batches = self.batches.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| batches.next())) {
            Ok(Some(Err(error))) => {
                self.failed = Some(clean(&error));
                Some(Err(clean(&error)))
            }
            Ok(next) => next,
            Err(panic) => {
                let batches = self.batches.take();
                plain((), || drop(batches));
                let failed = fault(&Failure::panic(&panic_text(&*panic)).message);
                self.failed = Some(clean(&failed));
                Some(Err(failed))
            }
        }
    }
}

impl RecordBatchReader for Guarded {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let (batches, open) = (self.batches.take(), self.open.take());
        if open.is_some() && !self.process.is_this() {
            // Its threads are not here to be waited for, and its files are the parent's.
            mem::forget((batches, open));
            return;
        }
        plain((), || drop(batches));
        // The last handle closes the database.
        plain((), || drop(open));
    }
}

/// The error as Arrow's callbacks take it: they panic at a NUL in its text, and tell its number only from its variant.
/// What is clean stays as it is.
fn clean(error: &ArrowError) -> ArrowError {
    let source = match error {
        ArrowError::NotYetImplemented(text) => return fault(text),
        ArrowError::ExternalError(source) => source,
        ArrowError::IoError(text, _) => return unreadable(text),
        other => return external(&other.to_string()),
    };
    match source.downcast_ref::<core::Error>().map(core::Error::kind) {
        Some(ErrorKind::Io | ErrorKind::Corruption) => unreadable(&source.to_string()),
        _ => external(&source.to_string()),
    }
}

fn unreadable(text: &str) -> ArrowError {
    let text = visible(text);
    ArrowError::IoError(text.clone(), std::io::Error::other(text))
}

/// A fault of Tillroll's own, caught. Of the numbers that Arrow can give, ENOSYS is the one that nothing else has.
fn fault(text: &str) -> ArrowError {
    ArrowError::NotYetImplemented(visible(text))
}

fn external(text: &str) -> ArrowError {
    ArrowError::ExternalError(visible(text).into())
}

fn visible(text: &str) -> String {
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::sync::Arc;

    use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
    use arrow_schema::Schema;

    use super::*;

    /// Gives what it is told to, panics included.
    struct Faulty(Vec<Fault>);

    #[derive(Clone, Copy)]
    enum Fault {
        Panic,
        Nul,
        Io,
        PanicInDrop,
    }

    impl Iterator for Faulty {
        type Item = std::result::Result<RecordBatch, ArrowError>;

        fn next(&mut self) -> Option<Self::Item> {
            match self.0.first()? {
                Fault::Panic => panic!("inside"),
                Fault::Nul => Some(Err(ArrowError::ParseError("a\0b".to_owned()))),
                Fault::Io => {
                    let error = core::Error::Corruption { path: "7.roll".into(), detail: "page 3".into() };
                    Some(Err(ArrowError::ExternalError(Box::new(error))))
                }
                Fault::PanicInDrop => None,
            }
        }
    }

    impl RecordBatchReader for Faulty {
        fn schema(&self) -> SchemaRef {
            Arc::new(Schema::empty())
        }
    }

    impl Drop for Faulty {
        fn drop(&mut self) {
            if matches!(self.0.first(), Some(Fault::Panic | Fault::PanicInDrop)) {
                panic!("while it went");
            }
        }
    }

    /// Reads the stream as a C program does: what `get_next` answers, and the text of the error. It is told to every
    /// further call.
    fn ask(fault: Fault) -> (i32, Option<String>) {
        let mut stream = FFI_ArrowArrayStream::empty();
        let mut schema = FFI_ArrowSchema::empty();
        let (get_schema, get_next, get_last_error);
        // SAFETY: the stream is empty, and its callbacks are called as the C stream interface says.
        unsafe {
            give(&raw mut stream, Box::new(Faulty(vec![fault])), None);
            (get_schema, get_next) = (stream.get_schema().unwrap(), stream.get_next().unwrap());
            get_last_error = stream.get_last_error().unwrap();
            assert_eq!(get_schema(&raw mut stream, &raw mut schema), 0);
        }
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: as above; the text lives until the next call.
        let mut next = || unsafe {
            let code = get_next(&raw mut stream, &raw mut array);
            let text = get_last_error(&raw mut stream);
            let text = (!text.is_null()).then(|| CStr::from_ptr(text).to_str().unwrap().to_owned());
            (code, text)
        };
        let told = next();
        assert_eq!(next(), told);
        told
    }

    #[test]
    fn a_panic_in_a_stream_does_not_cross() {
        let (code, text) = ask(Fault::Panic);
        assert_eq!(code, if cfg!(target_os = "macos") { 78 } else { 38 });
        let own = "a fault of Tillroll's own, please report it: inside";
        assert_eq!(text.unwrap(), format!("Not yet implemented: {own}"));
        assert_eq!(ask(Fault::PanicInDrop), (0, None));
    }

    #[test]
    fn errors_come_without_nul_and_with_their_number() {
        assert_eq!(ask(Fault::Nul), (22, Some("External error: Parser error: ab".to_owned())));
        let (code, text) = ask(Fault::Io);
        assert_eq!(code, 5);
        assert!(text.unwrap().contains("7.roll is damaged: page 3"));
    }
}
