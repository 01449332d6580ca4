//! Running the engine without the interpreter lock.

use std::ops::ControlFlow;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    attend(py, work, Err)
}

/// Engine work that may take long and changes something. Ctrl-C asks it to stop, by what `work` is given, and is raised
/// when it has: nothing is changed after that.
pub fn stoppable<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&dyn Fn() -> ControlFlow<()>) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let stopped = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stopped);
    let wanted = move || match heard.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let mut failure = None;
    let outcome = attend(
        py,
        move || work(&wanted),
        |raised| {
            failure.get_or_insert(raised);
            stopped.store(true, Ordering::Relaxed);
            Ok(())
        },
    );
    // Where it came too late everything is done, and the exception is still the caller's.
    failure.map_or(outcome, Err)
}

/// Waits for work on a thread of its own; `interrupted` is told what a signal raised, and may end the waiting by it.
fn attend<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
    mut interrupted: impl FnMut(PyErr) -> PyResult<()>,
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
            Err(RecvTimeoutError::Timeout) => py.check_signals().or_else(&mut interrupted)?,
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
