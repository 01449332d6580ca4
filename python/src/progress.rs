//! Imports while they run: Ctrl-C, the bar, and the caller's own progress function.
//!
//! The engine works on a thread of its own and reports from any thread. What it reports is handed to the calling
//! thread, which alone touches Python, and the engine waits for the answer: an exception in a progress function stops
//! the import right there.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use tillroll_core::{ImportError, ImportProgress as Progress, ImportSummary as Summary};

use crate::error::raise_import;
use crate::imports::ImportProgress;
use crate::wait::{POLL, panicked};

/// How often progress is shown; the first and the last state, and every finished file, always are.
const STEP: Duration = Duration::from_millis(100);

/// The function through which the engine reports.
pub type Report = dyn Fn(&Progress) -> ControlFlow<()> + Send + Sync;

type Outcome = Result<Summary, Box<ImportError>>;

/// Runs an import and watches it. `work` is given the function through which the engine reports.
pub fn import(
    py: Python<'_>,
    mut watcher: Watcher,
    work: impl FnOnce(Box<Report>) -> Outcome + Send + 'static,
) -> PyResult<Summary> {
    let (sender, events) = mpsc::channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let worker = start(sender, Arc::clone(&cancelled), watcher.listens(), work)?;
    let mut failure = None;
    let outcome = attend(py, worker, events, |event| {
        let answered = match event {
            Some(progress) => watcher.show(py, progress),
            None => py.check_signals(),
        };
        let Err(error) = answered else { return ControlFlow::Continue(()) };
        // What cancelled first is what is raised; the engine then stops at its next step.
        failure.get_or_insert(error);
        cancelled.store(true, Ordering::Relaxed);
        ControlFlow::Break(())
    })?;
    watcher.finish(py, outcome.is_ok() && failure.is_none())?;
    match (outcome, failure) {
        (Ok(summary), None) => Ok(summary),
        // Too late to cancel: everything is imported, and the exception is still the caller's.
        (Ok(_), Some(failure)) => Err(failure),
        (Err(failed), failure) => Err(raise_import(py, *failed, failure)),
    }
}

enum Event {
    Progress(Progress, SyncSender<ControlFlow<()>>),
    Done(Outcome),
}

fn start(
    sender: Sender<Event>,
    cancelled: Arc<AtomicBool>,
    listens: bool,
    work: impl FnOnce(Box<Report>) -> Outcome + Send + 'static,
) -> PyResult<JoinHandle<()>> {
    let reporter = Mutex::new(Reporter { sender: sender.clone(), shown: None });
    let report: Box<Report> = Box::new(move |progress| match cancelled.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false if !listens => ControlFlow::Continue(()),
        false => reporter.lock().unwrap_or_else(PoisonError::into_inner).report(progress),
    });
    let run = move || {
        let outcome = work(report);
        // The receiver lives until it has seen this.
        let _ = sender.send(Event::Done(outcome));
    };
    Ok(thread::Builder::new().name("tillroll-import".to_owned()).spawn(run)?)
}

/// The engine's end of the wire: passes on what is worth showing and waits for the answer.
struct Reporter {
    sender: Sender<Event>,
    shown: Option<(Instant, u64)>,
}

impl Reporter {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        let due = self.shown.is_none_or(|(at, files)| at.elapsed() >= STEP || files != progress.files_done);
        if !due {
            return ControlFlow::Continue(());
        }
        let (reply, answer) = mpsc::sync_channel(1);
        if self.sender.send(Event::Progress(*progress, reply)).is_err() {
            return ControlFlow::Break(());
        }
        let answer = answer.recv().unwrap_or(ControlFlow::Break(()));
        self.shown = Some((Instant::now(), progress.files_done));
        answer
    }
}

/// Waits for the end of the import; `answer` is asked about every report, and with `None` now and then.
fn attend(
    py: Python<'_>,
    worker: JoinHandle<()>,
    mut events: Receiver<Event>,
    mut answer: impl FnMut(Option<&Progress>) -> ControlFlow<()>,
) -> PyResult<Outcome> {
    let mut polled = Instant::now();
    loop {
        let (event, back) = py.detach(move || (events.recv_timeout(POLL), events));
        events = back;
        match event {
            Ok(Event::Done(outcome)) => return Ok(outcome),
            Ok(Event::Progress(progress, reply)) => {
                let _ = reply.send(answer(Some(&progress)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(panicked(worker.join())),
        }
        if polled.elapsed() >= POLL {
            polled = Instant::now();
            let _ = answer(None);
        }
    }
}

/// What `progress=` asks for.
pub enum Watcher {
    /// Nobody looks.
    Nobody,
    /// A bar on the error stream.
    Bar(Bar),
    /// A Python callable.
    Callable(Py<PyAny>),
}

impl Watcher {
    /// Reads the argument: `None` and `False` are nobody, `True` a bar where the error stream is a terminal.
    pub fn new(argument: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(argument) = argument else { return Ok(Self::Nobody) };
        match argument.extract::<bool>() {
            Ok(true) => Bar::new(argument.py()).map(|bar| bar.map_or(Self::Nobody, Self::Bar)),
            Ok(false) => Ok(Self::Nobody),
            Err(_) if argument.is_callable() => Ok(Self::Callable(argument.clone().unbind())),
            Err(_) => Err(PyTypeError::new_err("progress must be True, False, None or a callable")),
        }
    }

    fn listens(&self) -> bool {
        !matches!(self, Self::Nobody)
    }

    fn show(&mut self, py: Python<'_>, progress: &Progress) -> PyResult<()> {
        match self {
            Self::Nobody => Ok(()),
            Self::Bar(bar) => bar.draw(py, progress),
            Self::Callable(callable) => callable.call1(py, (ImportProgress::from(progress),)).map(drop),
        }
    }

    fn finish(&mut self, py: Python<'_>, complete: bool) -> PyResult<()> {
        match self {
            Self::Bar(bar) => bar.finish(py, complete),
            Self::Nobody | Self::Callable(_) => Ok(()),
        }
    }
}

/// A plain bar of one line.
pub struct Bar {
    stream: Py<PyAny>,
    started: Instant,
    drawn: bool,
}

impl Bar {
    const WIDTH: u64 = 24;

    fn new(py: Python<'_>) -> PyResult<Option<Self>> {
        let stream = py.import("sys")?.getattr("stderr")?;
        // Without a console there is no error stream at all; not every stand-in knows isatty().
        let terminal = stream.call_method0("isatty").and_then(|answer| answer.is_truthy()).unwrap_or(false);
        let bar = || Self { stream: stream.clone().unbind(), started: Instant::now(), drawn: false };
        Ok(terminal.then(bar))
    }

    fn draw(&mut self, py: Python<'_>, progress: &Progress) -> PyResult<()> {
        self.drawn = true;
        let line = render(progress, self.started.elapsed());
        self.write(py, &format!("\r{line:<78}"))
    }

    fn finish(&self, py: Python<'_>, complete: bool) -> PyResult<()> {
        match (self.drawn, complete) {
            (false, _) => Ok(()),
            (true, true) => self.write(py, "\n"),
            (true, false) => self.write(py, " stopped\n"),
        }
    }

    fn write(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        self.stream.call_method1(py, "write", (text,))?;
        self.stream.call_method0(py, "flush").map(drop)
    }
}

fn render(progress: &Progress, elapsed: Duration) -> String {
    let total = progress.bytes_total.max(1);
    let done = progress.bytes_done.min(total);
    let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total)).unwrap_or(of);
    let filled = share(Bar::WIDTH);
    let bar: String = (0..Bar::WIDTH).map(|cell| if cell < filled { '#' } else { '.' }).collect();
    format!(
        "[{bar}] {:3} %  {}/{} files  {} rows  {:.1} s",
        share(100),
        progress.files_done,
        progress.files_total,
        grouped(progress.rows),
        elapsed.as_secs_f64()
    )
}

/// A count with thousands apart: `1 234 567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_shows_how_far_it_is() {
        let progress =
            Progress { bytes_done: 50, bytes_total: 200, rows: 1_234_567, files_done: 1, files_total: 4 };
        let line = render(&progress, Duration::from_millis(1500));
        assert_eq!(line, "[######..................]  25 %  1/4 files  1 234 567 rows  1.5 s");
        assert!(line.len() <= 78);
    }

    #[test]
    fn bar_of_nothing_is_empty_and_counts_are_grouped() {
        let progress = Progress { bytes_done: 0, bytes_total: 0, rows: 0, files_done: 0, files_total: 0 };
        assert!(render(&progress, Duration::ZERO).starts_with("[........................]   0 %"));
        assert_eq!([0, 999, 1000, 1_000_000].map(grouped), ["0", "999", "1 000", "1 000 000"]);
    }
}
