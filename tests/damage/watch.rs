//! Sees what a case may not do: panic, take too long, ask for too much memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No case takes a hundredth of this.
const LIMIT: Duration = Duration::from_secs(60);
/// What nothing in a database of a few hundred kilobytes has a reason to ask for in one piece. The index asks for its
/// buffers of 8 MiB, a report of a million groups is not among the questions.
const ALLOCATION_MAX: usize = 128 << 20;

struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Panics that are ours, and how many were the index store's, which are caught and turned into a new index.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static OF_THE_INDEX: AtomicU64 = AtomicU64::new(0);
/// What runs, and since when; a place for each thread.
static RUNNING: Mutex<Vec<Option<(String, Instant)>>> = Mutex::new(Vec::new());

thread_local! {
    static PLACE: RefCell<Option<usize>> = const { RefCell::new(None) };
}

/// Begins to watch the process.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if place.contains("/sled-") {
            OF_THE_INDEX.fetch_add(1, Ordering::Relaxed);
            return;
        }
        eprintln!("{panic}");
        lock(&PANICS).push(panic.to_string());
    }));
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let late = |running: &&(String, Instant)| running.1.elapsed() > LIMIT;
            if let Some((case, _)) = lock(&RUNNING).iter().flatten().find(late) {
                eprintln!("{case} hangs");
                std::process::exit(1);
            }
        }
    });
}

/// Runs a case under watch.
pub fn case<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let place = PLACE.with_borrow_mut(|place| {
        *place.get_or_insert_with(|| {
            let mut running = lock(&RUNNING);
            running.push(None);
            running.len() - 1
        })
    });
    lock(&RUNNING)[place] = Some((name.to_owned(), Instant::now()));
    let result = work();
    lock(&RUNNING)[place] = None;
    let panics = std::mem::take(&mut *lock(&PANICS));
    assert!(panics.is_empty(), "{name}: {panics:?}");
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < ALLOCATION_MAX, "{name}: {largest} bytes were asked for in one piece");
    result
}

/// What was seen.
pub fn summary() -> String {
    let (largest, index) = (LARGEST.load(Ordering::Relaxed), OF_THE_INDEX.load(Ordering::Relaxed));
    format!("no panic of ours, {index} of the index store; largest allocation {} kB", largest / 1000)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
