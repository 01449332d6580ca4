//! All file access of journal and rolls, behind one small trait so that tests can inject faults: short writes, full
//! disks, failed syncs, and power cuts that lose what was not synced.
//!
//! What is assumed of the real disk stands in `docs/FORMAT.md`.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file system, or something that behaves like one.
pub trait Disk: Debug + Send + Sync {
    /// Makes a new, empty file for reading and writing. Fails with `AlreadyExists` where one stands.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// As [`Disk::create`], but only the owner may read or write the file, from its first instant on, where the system
    /// has such permissions. A disk without them need not know the difference.
    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.create(path)
    }
    /// Opens an existing file for reading and, where asked, writing.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, replacing what stood there. Durable only after [`Disk::sync_dir`] of its directory.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Copies a file to a new name, where no file may stand, and makes the content durable. The file system may let
    /// both share their blocks until one is changed.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        copy_bytes(self, from, to)
    }
    /// Gives a file a second name, at which nothing may stand. A disk that cannot need not.
    fn link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Makes a directory; one that stands already is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file. All reads and writes are positioned, so one handle serves any number of threads.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a file of a database whether it is empty")]
pub trait DiskFile: Debug + Send + Sync {
    /// Reads up to `buffer.len()` bytes; 0 only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes up to `bytes.len()` bytes, growing the file.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or grows the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes content and length durable. After an error nothing may be assumed of what was written before.
    fn sync(&self) -> io::Result<()>;

    /// Fills the whole buffer, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buffer = buffer.get_mut(n..).unwrap_or_default();
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all bytes, however many calls that takes.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    bytes = bytes.get(n..).unwrap_or_default();
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a copy reads at a time.
const COPY_BYTES: usize = 1 << 20;

/// As [`Disk::copy`], byte by byte.
pub(crate) fn copy_bytes<D: Disk + ?Sized>(disk: &D, from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (disk.open(from, false)?, disk.create(to)?);
    let (mut buffer, mut at) = (vec![0; COPY_BYTES], 0);
    loop {
        let read = from.read_at(&mut buffer, at)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return to.sync();
        }
        to.write_all_at(bytes, at)?;
        at += read as u64;
    }
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(OsFile(file)))
    }

    #[cfg(unix)]
    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Arc::new(OsFile(file)))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OsFile(OpenOptions::new().read(true).write(write).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        // The standard library's copy would write over what stands there.
        let mut target = OpenOptions::new().write(true).create_new(true).open(to)?;
        // On Linux this is copy_file_range, which shares blocks where the file system can.
        io::copy(&mut File::open(from)?, &mut target)?;
        target.sync_all()
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    // Windows has no handle to sync a directory through; NTFS journals its metadata.
    #[cfg(not(unix))]
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    // sync_all, not sync_data: a grown file's length is metadata.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Reads a whole file that is at most `limit` bytes long.
pub(crate) fn read_all(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path, false)?;
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{len} bytes, at most {limit}")));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The first bytes of a file, at most so many.
pub(crate) fn read_start(disk: &dyn Disk, path: &Path, len: usize) -> io::Result<Vec<u8>> {
    let file = disk.open(path, false)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).map_or(len, |whole| whole.min(len))];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Puts a small file in place so that after a crash either the old or the new content stands, whole and durable.
pub(crate) fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(disk, path, bytes, |disk, path| disk.create(path))
}

/// As [`write_atomically`], for the owner's eyes only.
pub(crate) fn write_private(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(disk, path, bytes, |disk, path| disk.create_private(path))
}

type Create = fn(&dyn Disk, &Path) -> io::Result<Arc<dyn DiskFile>>;

fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], create: Create) -> io::Result<()> {
    let temporary = path.with_added_extension("tmp");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = create(disk, &temporary)?;
    file.write_all_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))
}
