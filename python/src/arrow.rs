//! Tables for other libraries, by the Arrow PyCapsule protocol: no copy, and no dependency on any of them.
//!
//! A capsule owns the C struct it points to. A consumer moves the struct out and marks it released; dropping a capsule
//! nobody took from releases it. Both are what the structs' own `Drop` does, so nothing here needs `unsafe`.

use std::thread::{self, ThreadId};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use pyo3::exceptions::{PyImportError, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

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
    let stream =
        FFI_ArrowArrayStream::new(Box::new(Interruptible { batches, caller: thread::current().id() }));
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
/// Only the thread that asked for the stream is ever attached to the interpreter: it may wait for the lock, since
/// nothing that holds the lock waits for it. A consumer's own threads might wait for each other.
struct Interruptible {
    batches: Batches,
    caller: ThreadId,
}

impl Iterator for Interruptible {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if thread::current().id() != self.caller {
            return self.batches.next();
        }
        let batches = &mut self.batches;
        let attached = Python::try_attach(|py| match py.check_signals() {
            Ok(()) => py.detach(|| batches.next()),
            Err(error) => Some(Err(interrupted(py, error))),
        });
        attached.unwrap_or_else(|| self.batches.next())
    }
}

impl RecordBatchReader for Interruptible {
    fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }
}

/// Tells the consumer to stop. It will raise an exception of its own; Ctrl-C is put back, so that it arrives as soon
/// as the interpreter runs again.
fn interrupted(py: Python<'_>, error: PyErr) -> ArrowError {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        // Nothing can be done where even this fails; the consumer's exception tells what happened.
        let _ = py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main"));
    }
    ArrowError::ExternalError(format!("interrupted: {error}").into())
}

/// Hands an object to another library's constructor; the library is imported only now.
pub fn convert<'py>(
    object: &Bound<'py, PyAny>,
    library: &str,
    constructor: &[&str],
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let imported = py.import(library).map_err(|error| {
        let missing = PyImportError::new_err(format!("this needs {library}: pip install {library}"));
        missing.set_cause(py, Some(error));
        missing
    })?;
    let start = Ok(imported.into_any());
    constructor.iter().fold(start, |found, name| found?.getattr(*name))?.call1((object,))
}
