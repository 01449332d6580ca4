//! Tables for other libraries, by the Arrow PyCapsule protocol: no copy, and no dependency on any of them.
//!
//! A capsule owns the C struct it points to. A consumer moves the struct out and marks it released; dropping a capsule
//! nobody took from releases it. Both are what the structs' own `Drop` does, so this needs no `unsafe`; the lock below
//! does.

use std::marker::PhantomData;
use std::mem;
use std::thread::{self, ThreadId};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use pyo3::exceptions::{PyKeyboardInterrupt, PyModuleNotFoundError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tillroll_core::Process;

type Batches = Box<dyn RecordBatchReader + Send>;

/// A schema as `arrow_schema`.
pub fn schema<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(unsuitable)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// A batch as the pair of `arrow_schema` and `arrow_array`.
pub fn array<'py>(
    py: Python<'py>,
    batch: &RecordBatch,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let array = FFI_ArrowArray::new(&StructArray::from(batch.clone()).to_data());
    Ok((schema(py, batch.schema_ref())?, PyCapsule::new_with_value(py, array, c"arrow_array")?))
}

/// Batches as `arrow_array_stream`.
pub fn stream(py: Python<'_>, batches: Batches) -> PyResult<Bound<'_, PyCapsule>> {
    let (schema, caller) = (batches.schema(), thread::current().id());
    let batches = Interruptible { batches: Some(batches), schema, caller, process: Process::this() };
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// One batch as `arrow_array_stream`.
pub fn stream_of<'py>(py: Python<'py>, batch: &RecordBatch) -> PyResult<Bound<'py, PyCapsule>> {
    let batches = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

fn unsuitable(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A reader that ends with an error on Ctrl-C and keeps the interpreter free while it reads.
///
/// Only the thread that asked for the stream ever takes the interpreter lock: it may wait for it, since nothing that
/// holds the lock waits for that thread. A consumer's own threads might wait for each other.
struct Interruptible {
    /// Gone when this goes.
    batches: Option<Batches>,
    schema: SchemaRef,
    caller: ThreadId,
    process: Process,
}

impl Interruptible {
    fn lock(&self) -> Option<Lock> {
        if thread::current().id() == self.caller { Lock::take() } else { None }
    }
}

impl Iterator for Interruptible {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.process.check() {
            return Some(Err(ArrowError::ExternalError(Box::new(error))));
        }
        let lock = self.lock();
        let batches = self.batches.as_mut()?;
        if lock.is_none() {
            return batches.next();
        }
        Python::attach(|py| match py.check_signals() {
            Ok(()) => py.detach(|| batches.next()),
            Err(error) => Some(Err(interrupted(py, error))),
        })
    }
}

/// Batches that are read ahead are waited for, with the interpreter free; in a forked process there is nobody to wait
/// for.
impl Drop for Interruptible {
    fn drop(&mut self) {
        let mut batches = self.batches.take();
        if !self.process.is_this() {
            mem::forget(batches);
        } else if let Some(_lock) = self.lock() {
            Python::attach(|py| py.detach(|| drop(batches.take())));
        }
    }
}

/// The interpreter lock, held for certain.
///
/// PyO3 alone does not do: it counts attachments by extension and thread, so below a call of ours its count says
/// "attached" even when the consumer, another extension, has released the lock before it asks for the next batch. The
/// interpreter itself knows.
struct Lock {
    state: ffi::PyGILState_STATE,
    // The lock belongs to the thread that took it.
    _thread: PhantomData<*const ()>,
}

#[expect(unsafe_code, reason = "PyO3 has no safe call that asks the interpreter itself")]
impl Lock {
    /// Takes the lock, or nothing where there is no interpreter any more.
    fn take() -> Option<Self> {
        // SAFETY: this may be called at any time, with or without the lock.
        if unsafe { ffi::Py_IsInitialized() } == 0 {
            return None;
        }
        // SAFETY: there is an interpreter; the call may be nested, and `drop` undoes it on the same thread.
        let state = unsafe { ffi::PyGILState_Ensure() };
        Some(Self { state, _thread: PhantomData })
    }
}

#[expect(unsafe_code, reason = "it undoes what `take` did")]
impl Drop for Lock {
    fn drop(&mut self) {
        // SAFETY: `take` gave this state on this thread, which the type cannot leave.
        unsafe { ffi::PyGILState_Release(self.state) };
    }
}

impl RecordBatchReader for Interruptible {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// Tells the consumer to stop. It will raise an exception of its own; Ctrl-C is put back, so that it arrives as soon
/// as the interpreter runs again. Nothing of Python's may run in between, or it would arrive there and be lost.
fn interrupted(py: Python<'_>, error: PyErr) -> ArrowError {
    let reason = error.to_string();
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        // Nothing can be done where even this fails; the consumer's exception tells what happened.
        let _ = py.import("_thread").and_then(|thread| thread.getattr("interrupt_main")?.call0());
    }
    ArrowError::ExternalError(format!("interrupted: {reason}").into())
}

/// Hands an object to another library's constructor; the library is imported only now.
pub fn convert<'py>(
    object: &Bound<'py, PyAny>,
    library: &str,
    constructor: &[&str],
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let imported = py.import(library).map_err(|error| missing(py, library, error))?;
    let start = Ok(imported.into_any());
    let made = constructor.iter().fold(start, |found, name| found?.getattr(*name))?.call1((object,));
    // A stream that Ctrl-C ended made the library fail in its own way: here the cause is still to be told.
    made.or_else(|error| py.check_signals().and(Err(error)))
}

/// Says how to get a library that is not there. What else can end an import, Ctrl-C above all, stays as it is.
fn missing(py: Python<'_>, library: &str, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyModuleNotFoundError>(py) {
        return error;
    }
    let advice = PyModuleNotFoundError::new_err(format!("this needs {library}: pip install {library}"));
    advice.set_cause(py, Some(error));
    advice
}
