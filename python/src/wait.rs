//! Running the engine without the interpreter lock.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tillroll_core::Result;

use crate::error::raise;

/// How often a waiting call looks for Ctrl-C.
pub const POLL: Duration = Duration::from_millis(50);

/// Engine work that is over at once.
pub fn short<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| raise(py, error))
}

/// Engine work that may take long and changes nothing: it runs on a thread of its own, and Ctrl-C leaves it to finish
/// there alone, unheard.
pub fn long<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::Builder::new().name("tillroll".to_owned()).spawn(move || {
        // Nobody listens any more after Ctrl-C.
        let _ = sender.send(work());
    })?;
    // The channel goes into the unlocked part and comes back: a receiver cannot be shared between threads.
    let mut channel = receiver;
    loop {
        let (answer, back) = py.detach(move || (channel.recv_timeout(POLL), channel));
        channel = back;
        match answer {
            Ok(result) => return result.map_err(|error| raise(py, error)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(panicked(worker.join())),
        }
    }
}

/// Carries a panic of a worker over to this thread, where it becomes a `PanicException`.
pub fn panicked<T>(joined: thread::Result<T>) -> PyErr {
    match joined {
        Err(payload) => panic::resume_unwind(payload),
        Ok(_) => PyRuntimeError::new_err("the engine ended without an answer"),
    }
}
