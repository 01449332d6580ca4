use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::file::OsDisk;

/// What the system says of a bad medium.
const BAD: i32 = if cfg!(windows) { 1117 } else { 5 };

/// How often opening, asking for a length and reading fail, before they work.
#[derive(Debug, Clone, Default)]
struct Moody(Arc<[AtomicU32; 3]>);

impl Moody {
    fn fail(&self, opens: u32, lens: u32, reads: u32) {
        for (left, times) in self.0.iter().zip([opens, lens, reads]) {
            left.store(times, Ordering::Relaxed);
        }
    }

    fn tick(&self, which: usize) -> io::Result<()> {
        let left = self.0[which].load(Ordering::Relaxed);
        self.0[which].store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 0 { Err(io::Error::from_raw_os_error(BAD)) } else { Ok(()) }
    }
}

impl Disk for Moody {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.create(path)
    }
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        self.tick(0)?;
        Ok(Arc::new(MoodyFile(self.clone(), OsDisk.open(path, write)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        OsDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
}

#[derive(Debug)]
struct MoodyFile(Moody, Arc<dyn DiskFile>);

impl DiskFile for MoodyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.tick(2)?;
        self.1.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.1.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.tick(1)?;
        self.1.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.1.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.1.sync()
    }
}

/// A file of three blocks of sevens, as a repair sees it on a disk that fails so often.
fn seen(opens: u32, lens: u32, reads: u32) -> [Vec<u8>; 3] {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("000001.roll");
    fs::write(&path, [7; 3 * 4096]).unwrap();
    let moody = Moody::default();
    moody.fail(opens, lens, reads);
    let lenient = Lenient::new(&(Arc::new(moody) as Arc<dyn Disk>));
    let pass = || {
        let file = lenient.open(&path, false).unwrap();
        let mut bytes = vec![1; usize::try_from(file.len().unwrap()).unwrap()];
        let read = file.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(read);
        bytes
    };
    [pass(), pass(), pass()]
}

#[test]
fn what_fails_once_is_not_lost() {
    let whole = vec![7; 3 * 4096];
    for (opens, lens, reads) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)] {
        assert!(seen(opens, lens, reads).iter().all(|bytes| *bytes == whole), "{opens} {lens} {reads}");
    }
}

/// Also where the disk would read it by then.
#[test]
fn every_pass_sees_the_same() {
    for (opens, lens) in [(2, 0), (3, 0), (0, 2), (0, 3), (1, 2)] {
        let passes = seen(opens, lens, 0);
        assert!(passes.iter().all(Vec::is_empty), "{opens} {lens}: {:?}", passes.map(|bytes| bytes.len()));
    }
    for reads in 2..8 {
        let [first, second, third] = seen(0, 0, reads);
        assert!(first.len() == 3 * 4096 && first == second && second == third, "{reads}");
    }
}

/// A file that fails as a whole while it is open is closed for its reader, too.
#[test]
fn an_open_file_can_be_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("000001.roll");
    fs::write(&path, [7; 100]).unwrap();
    let moody = Moody::default();
    let lenient = Lenient::new(&(Arc::new(moody.clone()) as Arc<dyn Disk>));
    let file = lenient.open(&path, false).unwrap();
    let mut buffer = [1; 10];
    assert_eq!((file.read_at(&mut buffer, 0).unwrap(), buffer), (10, [7; 10]));
    moody.fail(0, 2, 0);
    assert_eq!((file.len().unwrap(), file.read_at(&mut buffer, 0).unwrap()), (0, 0));
    assert!(lenient.is_hurt(&path));
}
