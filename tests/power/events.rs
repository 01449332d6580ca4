//! What a run did to its disk, in order: a disk that writes down every change before it passes it on.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tillroll_core::{Disk, DiskFile, OsDisk};

use crate::platter::Platter;

/// One change, or a word of the run about how far it is. Paths are below the recorded folder; a file is known by a
/// number, since its name may change.
#[derive(Debug, Clone)]
pub enum Event {
    MakeDir(PathBuf),
    Create(PathBuf, u64),
    Write(u64, u64, Arc<[u8]>),
    SetLen(u64, u64),
    Sync(u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncDir(PathBuf),
    /// A step of the run begins.
    Began(usize),
    /// It has returned: what it did was acknowledged.
    Ended(usize),
}

#[derive(Debug, Default)]
struct Recording {
    root: PathBuf,
    events: Vec<Event>,
    files: HashMap<PathBuf, u64>,
    next: u64,
    sync_takes: Duration,
}

impl Recording {
    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or_else(|_| panic!("{} is not recorded", path.display())).into()
    }

    fn create(&mut self, path: &Path) -> u64 {
        let path = self.relative(path);
        self.next += 1;
        self.files.insert(path.clone(), self.next);
        self.events.push(Event::Create(path, self.next));
        self.next
    }

    /// The number of a file; one that the disk has never heard of was made beside it, as `LOCK` is.
    fn number(&mut self, path: &Path) -> io::Result<u64> {
        if let Some(number) = self.files.get(&self.relative(path)) {
            return Ok(*number);
        }
        let bytes = std::fs::read(path)?;
        let number = self.create(path);
        self.events.push(Event::Write(number, 0, bytes.into()));
        Ok(number)
    }
}

/// The recording disk.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Recording>>);

impl Recorder {
    /// Records below a folder, in which stands what a platter shows, if anything.
    pub fn new(root: &Path, stands: &Platter) -> Self {
        let files = stands.files();
        let next = files.values().copied().max().unwrap_or(0);
        let recording = Recording { root: root.to_owned(), files, next, ..Recording::default() };
        Self(Arc::new(Mutex::new(recording)))
    }

    pub fn with_slow_syncs(self, sync_takes: Duration) -> Self {
        self.0.lock().unwrap().sync_takes = sync_takes;
        self
    }

    pub fn note(&self, event: Event) {
        self.0.lock().unwrap().events.push(event);
    }

    /// Changes so far.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().events.len()
    }

    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap().events)
    }

    /// Does something and writes it down, as one.
    fn record(
        &self,
        path: &Path,
        run: impl FnOnce() -> io::Result<()>,
        event: fn(PathBuf) -> Event,
    ) -> io::Result<()> {
        let mut recording = self.0.lock().unwrap();
        run()?;
        let path = recording.relative(path);
        recording.events.push(event(path));
        Ok(())
    }

    fn file(&self, number: u64, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(RecordedFile { recorder: self.clone(), number, file })
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut recording = self.0.lock().unwrap();
        let file = OsDisk.create(path)?;
        let number = recording.create(path);
        Ok(self.file(number, file))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut recording = self.0.lock().unwrap();
        let file = OsDisk.open(path, write)?;
        Ok(if write { self.file(recording.number(path)?, file) } else { file })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut recording = self.0.lock().unwrap();
        OsDisk.rename(from, to)?;
        let (from, to) = (recording.relative(from), recording.relative(to));
        if let Some(number) = recording.files.remove(&from) {
            recording.files.insert(to.clone(), number);
        }
        recording.events.push(Event::Rename(from, to));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut recording = self.0.lock().unwrap();
        OsDisk.remove(path)?;
        let path = recording.relative(path);
        recording.files.remove(&path);
        recording.events.push(Event::Remove(path));
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.record(path, || OsDisk.create_dir(path), Event::MakeDir)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }

    // The images are made from what is recorded: that the real disk syncs as well would only take time.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.record(path, || Ok(()), Event::SyncDir)
    }
}

#[derive(Debug)]
struct RecordedFile {
    recorder: Recorder,
    number: u64,
    file: Arc<dyn DiskFile>,
}

impl DiskFile for RecordedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut recording = self.recorder.0.lock().unwrap();
        let written = self.file.write_at(bytes, offset)?;
        recording.events.push(Event::Write(self.number, offset, bytes[..written].into()));
        Ok(written)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut recording = self.recorder.0.lock().unwrap();
        self.file.set_len(len)?;
        recording.events.push(Event::SetLen(self.number, len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let takes = self.recorder.0.lock().unwrap().sync_takes;
        std::thread::sleep(takes);
        self.recorder.note(Event::Sync(self.number));
        Ok(())
    }
}
