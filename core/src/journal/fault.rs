//! A disk that fails when told to, and that can lose what was not synced. For tests.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::file::{Disk, DiskFile, OsDisk};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails; those after it work.
    Once,
    /// A write does half of its work before it fails; those after it work.
    Short,
    /// It fails like a process that was killed: nothing after it happens either.
    Dead,
}

#[derive(Debug, Default)]
struct Plan {
    done: u64,
    fault: Option<(u64, Fault)>,
    dead: bool,
    /// Content that was synced, of files that were changed since.
    before: HashMap<PathBuf, Vec<u8>>,
    /// How to undo changes of names that were not synced, in order.
    names: Vec<(PathBuf, Undo)>,
    log: Vec<String>,
    /// Writes wait until they are let go.
    held: bool,
    waiting: usize,
}

#[derive(Debug)]
enum Undo {
    Create(PathBuf),
    Rename(PathBuf, PathBuf, Option<Vec<u8>>),
    Remove(PathBuf, Vec<u8>),
}

/// Counts every operation that changes something, and fails the one it was told to.
#[derive(Debug, Clone, Default)]
pub struct FaultDisk(Arc<Mutex<Plan>>);

impl FaultDisk {
    /// Fails the operation that comes after `after` others.
    pub fn fail(&self, after: u64, fault: Fault) {
        let mut plan = self.0.lock().unwrap();
        plan.fault = Some((plan.done + after, fault));
    }

    /// Operations so far.
    pub fn done(&self) -> u64 {
        self.0.lock().unwrap().done
    }

    /// Names of operations so far.
    pub fn log(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    /// Holds every write back until [`FaultDisk::release`].
    pub fn hold(&self) {
        self.0.lock().unwrap().held = true;
    }

    /// Lets writes go.
    pub fn release(&self) {
        self.0.lock().unwrap().held = false;
    }

    /// Writes that are being held back.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap().waiting
    }

    fn wait_while_held(&self) {
        self.0.lock().unwrap().waiting += 1;
        while self.0.lock().unwrap().held {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.0.lock().unwrap().waiting -= 1;
    }

    /// Works again.
    pub fn heal(&self) {
        let mut plan = self.0.lock().unwrap();
        (plan.fault, plan.dead) = (None, false);
    }

    /// Takes back everything that was not synced.
    pub fn cut_power(&self) {
        let mut plan = self.0.lock().unwrap();
        for (path, content) in std::mem::take(&mut plan.before) {
            if path.exists() {
                fs::write(path, content).unwrap();
            }
        }
        for (_, undo) in std::mem::take(&mut plan.names).into_iter().rev() {
            match undo {
                Undo::Create(path) => drop(fs::remove_file(path)),
                Undo::Rename(from, to, old) => {
                    fs::rename(&to, from).unwrap();
                    old.into_iter().for_each(|old| fs::write(&to, old).unwrap());
                }
                Undo::Remove(path, content) => fs::write(path, content).unwrap(),
            }
        }
    }

    /// Counts an operation; `Ok(true)` is a short write.
    fn step(&self, what: &str, path: &Path) -> io::Result<bool> {
        let mut plan = self.0.lock().unwrap();
        let number = plan.done;
        plan.done += 1;
        plan.log.push(format!("{what} {}", path.file_name().unwrap_or_default().to_string_lossy()));
        let chosen = plan.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        plan.dead |= chosen == Some(Fault::Dead);
        match chosen {
            _ if plan.dead => Err(io::Error::other("the process is dead")),
            Some(Fault::Short) if what == "write" => Ok(true),
            Some(_) => Err(io::Error::from(io::ErrorKind::StorageFull)),
            None => Ok(false),
        }
    }

    fn remember(&self, path: &Path) {
        let mut plan = self.0.lock().unwrap();
        if !plan.before.contains_key(path) {
            plan.before.insert(path.to_owned(), fs::read(path).unwrap_or_default());
        }
    }

    fn renamed(&self, path: &Path, undo: Undo) {
        self.0.lock().unwrap().names.push((path.parent().unwrap().to_owned(), undo));
    }

    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultFile { disk: self.clone(), path: path.to_owned(), file })
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.step("create", path)?;
        let file = OsDisk.create(path)?;
        self.renamed(path, Undo::Create(path.to_owned()));
        Ok(self.file(path, file))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, OsDisk.open(path, write)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", from)?;
        let old = fs::read(to).ok();
        OsDisk.rename(from, to)?;
        self.renamed(to, Undo::Rename(from.to_owned(), to.to_owned(), old));
        let mut plan = self.0.lock().unwrap();
        if let Some(content) = plan.before.remove(from) {
            plan.before.insert(to.to_owned(), content);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path)?;
        let content = fs::read(path);
        OsDisk.remove(path)?;
        self.renamed(path, Undo::Remove(path.to_owned(), content.unwrap()));
        self.0.lock().unwrap().before.remove(path);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step("mkdir", path)?;
        OsDisk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step("syncdir", path)?;
        self.0.lock().unwrap().names.retain(|(dir, _)| dir != path);
        Ok(())
    }
}

#[derive(Debug)]
struct FaultFile {
    disk: FaultDisk,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl DiskFile for FaultFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.wait_while_held();
        let short = self.disk.step("write", &self.path)?;
        self.disk.remember(&self.path);
        if short {
            // What follows the short write, in write_all_at, fails.
            self.disk.fail(0, Fault::Once);
            return self.file.write_at(&bytes[..bytes.len() / 2], offset);
        }
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.step("setlen", &self.path)?;
        self.disk.remember(&self.path);
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.step("sync", &self.path)?;
        self.disk.0.lock().unwrap().before.remove(&self.path);
        Ok(())
    }
}
