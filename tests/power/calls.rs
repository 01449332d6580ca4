//! A run recorded at the calls of the operating system, the index store's included: the whole directory is torn then, and
//! what is assumed of the disk is held against what the engine really asks of it.
//!
//! The run is that of a child with `calls.c` loaded before the C library. Its marks are lines that it writes to a file in
//! the recorded folder.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use tillroll_core::OpenOptions;

use crate::cut::{Run, scratch};
use crate::events::Event;
use crate::work::{Copied, DATABASE, Marks, Work};

/// Names the folder of a child, and that of its reports.
pub const CHILD: &str = "TILLROLL_TEST_CALLS";
const MARKS: &str = "MARKS";
const STATES: &str = "STATES";

/// Where a child's marks go.
struct Lines {
    marks: Mutex<fs::File>,
    states: Mutex<fs::File>,
}

impl Marks for Lines {
    fn began(&self, step: usize) {
        self.marks.lock().unwrap().write_all(format!("began {step}").as_bytes()).unwrap();
    }

    fn ended(&self, step: usize, state: &str) {
        self.marks.lock().unwrap().write_all(format!("ended {step}").as_bytes()).unwrap();
        let mut states = self.states.lock().unwrap();
        states.write_all(&(state.len() as u64).to_le_bytes()).unwrap();
        states.write_all(state.as_bytes()).unwrap();
    }
}

/// The life of the child; what it copied it says on its standard output.
pub fn child(folder: &str) {
    let folder = Path::new(folder);
    let root = folder.join("root");
    let marks = Mutex::new(fs::File::create(root.join(MARKS)).unwrap());
    let states = Mutex::new(fs::File::create(folder.join(STATES)).unwrap());
    let lines = Lines { marks, states };
    let mut work = Work::new(&root, &folder.join("reports"), OpenOptions::new(), &lines);
    work.short();
    work.copies.iter().for_each(|copy| println!("{} {}", copy.step, copy.name));
}

/// Records a run; the reason where this machine cannot.
pub fn record() -> Result<Run, String> {
    let folder = scratch();
    let shim = build(folder.path())?;
    let (root, log) = (folder.path().join("root"), folder.path().join("log"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(folder.path().join("reports")).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env("LD_PRELOAD", shim).env("TILLROLL_CALLS_ROOT", &root).env("TILLROLL_CALLS_LOG", &log);
    let done = child.env(CHILD, folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).unwrap();
    let copy = |line: &str| {
        let (step, name) = line.split_once(' ').unwrap();
        Copied { step: step.parse().unwrap(), name: name.to_owned() }
    };
    let copies = said.lines().map(copy).collect();
    let events = Calls::default().read(&fs::read(log).unwrap(), &root);
    Ok(Run {
        events,
        states: states(&fs::read(folder.path().join(STATES)).unwrap()),
        copies,
        indexes: Vec::new(),
    })
}

fn build(folder: &Path) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power/calls.c");
    let shim = folder.join("calls.so");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-o"])
        .arg(&shim)
        .arg(source);
    match cc.arg("-ldl").output() {
        Err(error) => Err(format!("no C compiler: {error}")),
        Ok(done) if !done.status.success() => panic!("{}", String::from_utf8_lossy(&done.stderr)),
        Ok(_) => Ok(shim),
    }
}

fn states(mut bytes: &[u8]) -> Vec<String> {
    let mut states = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (state, rest) = rest.split_at(u64::from_le_bytes(*len) as usize);
        states.push(String::from_utf8(state.to_vec()).unwrap());
        bytes = rest;
    }
    states
}

/// What descriptors and paths stand for while a log is read.
#[derive(Default)]
struct Calls {
    events: Vec<Event>,
    open: HashMap<i32, Open>,
    files: HashMap<PathBuf, u64>,
    next: u64,
}

#[derive(Clone)]
enum Open {
    File(u64),
    Dir(PathBuf),
    Marks,
}

struct Call<'a> {
    call: u8,
    descriptor: i32,
    offset: u64,
    path: PathBuf,
    other: PathBuf,
    data: &'a [u8],
}

impl<'a> Call<'a> {
    fn take(bytes: &mut &'a [u8], root: &Path) -> Option<Self> {
        let (head, mut rest) = bytes.split_first_chunk::<40>()?;
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let mut part = |at| {
            let (part, left) = rest.split_at(number(at) as usize);
            rest = left;
            part
        };
        let path = |bytes: &[u8]| {
            let path = Path::new(OsStr::from_bytes(bytes));
            path.strip_prefix(root).unwrap_or(path).to_owned()
        };
        let (first, second, data) = (path(part(16)), path(part(24)), part(32));
        *bytes = rest;
        let descriptor = i32::from_le_bytes(head[4..8].try_into().unwrap());
        Some(Self { call: head[0], descriptor, offset: number(8), path: first, other: second, data })
    }
}

impl Calls {
    fn read(mut self, mut log: &[u8], root: &Path) -> Vec<Event> {
        while let Some(call) = Call::take(&mut log, root) {
            self.apply(call);
        }
        assert!(log.is_empty(), "the log ends within a record");
        self.sees_the_index_and_syncs();
        self.events
    }

    /// A call that was missed would look like a disk that keeps everything.
    fn sees_the_index_and_syncs(&self) {
        let index = self.files[&Path::new(DATABASE).join("index/db")];
        let written = |event: &&Event| matches!(event, Event::Write(file, ..) if *file == index);
        let synced = |event: &&Event| matches!(event, Event::Sync(_));
        let (written, synced) =
            (self.events.iter().filter(written).count(), self.events.iter().filter(synced).count());
        assert!(written > 5 && synced > 30, "{written} writes of the index, {synced} syncs");
    }

    fn apply(&mut self, call: Call<'_>) {
        match call.call {
            b'C' if call.path == Path::new(MARKS) => drop(self.open.insert(call.descriptor, Open::Marks)),
            b'C' => {
                self.next += 1;
                self.files.insert(call.path.clone(), self.next);
                self.open.insert(call.descriptor, Open::File(self.next));
                self.events.push(Event::Create(call.path, self.next));
            }
            b'O' => {
                let file = self.files.get(&call.path).map(|file| Open::File(*file));
                self.open.insert(call.descriptor, file.unwrap_or(Open::Dir(call.path)));
            }
            b'c' => drop(self.open.remove(&call.descriptor)),
            b'M' => self.events.push(Event::MakeDir(call.path)),
            b'U' => {
                self.files.remove(&call.path);
                self.events.push(Event::Remove(call.path));
            }
            b'R' => self.rename(call.path, call.other),
            b'W' | b'T' | b'S' => self.change(&call),
            other => panic!("call {other}"),
        }
    }

    /// A file, or a folder with what stands in it.
    fn rename(&mut self, from: PathBuf, to: PathBuf) {
        let moved: Vec<_> = self.files.keys().filter(|path| path.starts_with(&from)).cloned().collect();
        for path in moved {
            let file = self.files.remove(&path).unwrap();
            let rest = path.strip_prefix(&from).unwrap();
            self.files.insert(if rest == Path::new("") { to.clone() } else { to.join(rest) }, file);
        }
        self.events.push(Event::Rename(from, to));
    }

    fn change(&mut self, call: &Call<'_>) {
        let open = self.open.get(&call.descriptor).cloned().expect("an open file");
        self.events.push(match (call.call, open) {
            (b'W', Open::Marks) => mark(call.data),
            (b'W', Open::File(file)) => Event::Write(file, call.offset, call.data.into()),
            (b'T', Open::File(file)) => Event::SetLen(file, call.offset),
            (b'S', Open::File(file)) => Event::Sync(file),
            (b'S', Open::Dir(path)) => Event::SyncDir(path),
            _ => return,
        });
    }
}

fn mark(line: &[u8]) -> Event {
    let line = str::from_utf8(line).unwrap();
    let (word, step) = line.split_once(' ').unwrap();
    let step = step.parse().unwrap();
    if word == "began" { Event::Began(step) } else { Event::Ended(step) }
}
