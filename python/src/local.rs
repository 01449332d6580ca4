//! What only the process that made it may use.

use std::mem;

use pyo3::prelude::*;
use tillroll_core::Process;

use crate::error::raise;

/// Something of the engine's. In a process that was forked from this one it answers nothing, and is forgotten rather
/// than dropped: there are none of the engine's threads to wait for, and its files are the parent's.
pub struct Local<T> {
    inner: Option<T>,
    process: Process,
}

impl<T> Local<T> {
    /// This process's.
    pub fn new(inner: T) -> Self {
        Self { inner: Some(inner), process: Process::this() }
    }

    /// The thing itself, or `ClosedError` in another process.
    pub fn get(&self, py: Python<'_>) -> PyResult<&T> {
        self.process.check().map_err(|error| raise(py, error))?;
        // It is gone only when this is.
        self.inner.as_ref().ok_or_else(|| raise(py, gone()))
    }

    /// Takes it out to be dropped here; nothing in another process.
    pub fn take(&mut self) -> Option<T> {
        let inner = self.inner.take()?;
        if self.process.is_this() {
            return Some(inner);
        }
        mem::forget(inner);
        None
    }
}

impl<T: Send> Local<T> {
    /// Drops it without the interpreter lock: for what waits or writes when it goes.
    pub fn release(&mut self) {
        // Where there is no interpreter any more, it goes without.
        if let Some(mut inner) = self.take().map(Some) {
            Python::try_attach(|py| py.detach(|| drop(inner.take())));
        }
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

fn gone() -> tillroll_core::Error {
    tillroll_core::Error::Closed { detail: "the object is gone".to_owned() }
}
