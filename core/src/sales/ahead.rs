//! Work that is done ahead of whoever asks for its results, in order: while one batch of a scan is used, threads of the
//! pool read the next ones.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// Jobs whose results are still to be taken, the oldest first.
pub(crate) struct Ahead<T> {
    pool: Arc<ThreadPool>,
    slots: VecDeque<Arc<Slot<T>>>,
}

struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Waiting(Job<T>),
    Running,
    /// What a job has panicked with is handed on to whoever takes its result.
    Done(Result<T, Box<dyn Any + Send>>),
    Taken,
}

impl<T> fmt::Debug for Ahead<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("jobs", &self.slots.len()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Ahead<T> {
    /// Nothing yet.
    pub(crate) fn new(pool: Arc<ThreadPool>) -> Self {
        Self { pool, slots: VecDeque::new() }
    }

    /// How many jobs there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The threads that work ahead.
    pub(crate) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Begins a job as soon as a thread is free.
    pub(crate) fn push(&mut self, job: impl FnOnce() -> T + Send + 'static) {
        let slot =
            Arc::new(Slot { state: Mutex::new(State::Waiting(Box::new(job))), changed: Condvar::new() });
        self.slots.push_back(Arc::clone(&slot));
        self.pool.spawn(move || slot.run());
    }

    /// The result of the oldest job; `None` where there is none. A job that no thread has begun is done here, so that
    /// other work of the pool can keep nobody waiting.
    pub(crate) fn next(&mut self) -> Option<T> {
        let slot = self.slots.pop_front()?;
        slot.run();
        match slot.finished()? {
            Ok(value) => Some(value),
            Err(payload) => panic::resume_unwind(payload),
        }
    }
}

/// What no thread has begun is never begun; what runs is waited for, so that nothing it holds outlives this.
impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        for slot in &self.slots {
            let mut state = slot.lock();
            if matches!(*state, State::Waiting(_)) {
                *state = State::Taken;
            }
        }
        self.slots.iter().for_each(|slot| drop(slot.finished()));
    }
}

impl<T> Slot<T> {
    /// No job runs under this lock, so that its state is whole even after a panic.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the job, unless it is begun already or no longer wanted.
    fn run(&self) {
        let mut state = self.lock();
        if !matches!(*state, State::Waiting(_)) {
            return;
        }
        let State::Waiting(job) = std::mem::replace(&mut *state, State::Running) else { return };
        drop(state);
        // The job and what it holds are gone before its result can be seen.
        let result = panic::catch_unwind(AssertUnwindSafe(job));
        *self.lock() = State::Done(result);
        self.changed.notify_all();
    }

    /// The result, waited for while the job runs; `None` where it is taken already.
    fn finished(&self) -> Option<Result<T, Box<dyn Any + Send>>> {
        let is_running = |state: &mut State<T>| matches!(state, State::Running);
        let state = self.changed.wait_while(self.lock(), is_running);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Some(result),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn ahead<T: Send + 'static>() -> Ahead<T> {
        Ahead::new(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()))
    }

    #[test]
    fn results_come_in_the_order_of_their_jobs() {
        let mut ahead = ahead();
        // Each job waits for the one behind it, so that they end in reverse.
        let (mut senders, mut receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::channel::<()>()).unzip();
        let (last, first) = (receivers.pop().unwrap(), receivers.pop().unwrap());
        drop(last);
        let sender = senders.remove(0);
        ahead.push(move || first.recv().map(|()| 1).unwrap());
        ahead.push(move || sender.send(()).map(|()| 2).unwrap());
        assert_eq!((ahead.next(), ahead.next(), ahead.next()), (Some(1), Some(2), None));
    }

    #[test]
    fn a_job_that_no_thread_is_free_for_is_done_by_who_asks() {
        let mut ahead = ahead();
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        for _ in 0..2 {
            let held = Arc::clone(&held);
            ahead.pool.spawn(move || held.lock().unwrap().recv().unwrap_or_default());
        }
        let here = std::thread::current().id();
        ahead.push(move || std::thread::current().id() == here);
        assert_eq!(ahead.next(), Some(true));
        drop(release);
    }

    #[test]
    fn what_is_dropped_holds_nothing_any_more() {
        let held = Arc::new(());
        let mut ahead = ahead();
        let (begun, begins) = mpsc::channel();
        let slow = Arc::clone(&held);
        ahead.push(|| ());
        ahead.push(move || {
            begun.send(()).unwrap();
            (0..10_000).for_each(|_| std::thread::yield_now());
            drop(slow);
        });
        for _ in 0..100 {
            let held = Arc::clone(&held);
            ahead.push(move || drop(held));
        }
        ahead.next();
        begins.recv().unwrap();
        drop(ahead);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_panic_reaches_who_asks() {
        let mut ahead = ahead::<()>();
        ahead.push(|| panic!("on purpose"));
        let payload = panic::catch_unwind(AssertUnwindSafe(|| ahead.next())).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    }
}
