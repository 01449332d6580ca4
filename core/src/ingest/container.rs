//! A report file as it lies on disk: plain, gzip or zip, told by its first bytes. Everything that comes out of it is
//! streamed, so that no declared size is ever believed.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::Xxh3;
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::file::{Disk, DiskFile, OsDisk};
use crate::{Error, Result};

/// Files up to this many bytes are held in memory while they are read; an import reads several at once.
const MEMORY_MAX: u64 = 16 << 20;
/// Larger ones are read in pieces of this size.
const PIECE: usize = 1 << 20;
const GZIP: &[u8] = &[0x1F, 0x8B];

/// A report file, opened and hashed.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    content: Content,
    len: u64,
    sha256: [u8; 32],
    container: Container,
    members: Vec<Member>,
}

/// One text within a [`File`]; a plain or gzip file is its own only member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's path within a zip, otherwise the file's name (without `.gz`).
    pub name: String,
    /// Its place in the zip's directory.
    index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Plain,
    Gzip,
    Zip,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    /// Read anew whenever it is asked for. The checksum is of what the SHA-256 is of: it tells a file that was changed
    /// since, for a tenth of what hashing it again would take.
    Disk(Arc<dyn DiskFile>, u128),
}

impl File {
    /// Opens a report file and reads what it takes to know its SHA-256 and its members.
    ///
    /// # Errors
    /// `Io` where the file cannot be read; `Format` for a directory and for a zip that is damaged, encrypted or holds
    /// no files.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_holding(path, MEMORY_MAX)
    }

    /// Opens a file that is held in memory if it has at most so many bytes.
    pub(super) fn open_holding(path: &Path, most: u64) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "is a directory" } else { "is not a regular file" };
            return Err(Error::format(path, None, format!("{what}, not a report file")));
        }
        let file = OsDisk.open(path, false).map_err(Error::io("read", path))?;
        let len = file.len().map_err(Error::io("read", path))?;
        let (content, sha256) = load(file, len, most).map_err(Error::io("read", path))?;
        let mut file = Self {
            path: path.to_owned(),
            content,
            len,
            sha256,
            container: Container::Plain,
            members: Vec::new(),
        };
        (file.container, file.members) = file.look_inside()?;
        Ok(file)
    }

    /// A file that was never on disk.
    #[cfg(feature = "fuzzing")]
    pub(super) fn in_memory(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let (path, len, sha256) = (path.to_owned(), bytes.len() as u64, Sha256::digest(&bytes).into());
        let content = Content::Memory(bytes);
        let mut file = Self { path, content, len, sha256, container: Container::Plain, members: Vec::new() };
        (file.container, file.members) = file.look_inside()?;
        Ok(file)
    }

    /// The SHA-256 of its bytes as they lie on disk.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Its length on disk in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is a gzip or zip file.
    pub fn is_container(&self) -> bool {
        self.container != Container::Plain
    }

    /// The texts it holds, at least one.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What errors about a member call it: `archive.zip/member.csv`, or the file's own path.
    pub(super) fn member_path(&self, member: usize) -> PathBuf {
        match (self.container, self.members.get(member)) {
            (Container::Zip, Some(member)) => self.path.join(&member.name),
            _ => self.path.clone(),
        }
    }

    fn look_inside(&self) -> Result<(Container, Vec<Member>)> {
        let none = Cell::new(0);
        let mut raw = Raw::new(self, &none);
        let magic = raw.fill_buf().map_err(Error::io("read", &self.path))?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let only = |name: &str| vec![Member { name: name.to_owned(), index: 0 }];
        if magic.starts_with(GZIP) {
            let inner = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".GZ")).unwrap_or(&name);
            return Ok((Container::Gzip, only(inner)));
        }
        if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
            return Ok((Container::Zip, self.zip_members()?));
        }
        Ok((Container::Plain, only(&name)))
    }

    fn zip_members(&self) -> Result<Vec<Member>> {
        let none = Cell::new(0);
        let fault = |error| zip_fault(&self.path, error);
        let mut archive = ZipArchive::new(Raw::new(self, &none)).map_err(fault)?;
        let (mut members, mut contents) = (Vec::new(), HashMap::new());
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(fault)?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if entry.is_dir() || is_litter(&name) {
                continue;
            }
            if entry.encrypted() {
                let detail = format!("{name} in the zip is encrypted: unpack it first");
                return Err(Error::format(&self.path, None, detail));
            }
            // An archive's directory has a checksum of each content: the same one twice would be counted twice.
            let content = (entry.crc32(), entry.size());
            if let Some(twin) = contents.insert(content, name.clone()).filter(|_| entry.size() > 0) {
                let detail = format!("the zip holds the same content twice, as {twin} and {name}");
                return Err(Error::format(&self.path, None, detail));
            }
            members.push(Member { name, index });
        }
        if members.is_empty() {
            return Err(Error::format(&self.path, None, "the zip holds no files"));
        }
        Ok(members)
    }

    /// Gives the bytes of a member to `work`, unpacked as they are asked for. `consumed` counts the bytes of the file
    /// that went into it.
    pub(super) fn unpack<T>(
        &self,
        member: usize,
        consumed: &Cell<u64>,
        work: impl FnOnce(&mut Stream<'_>) -> Result<T>,
    ) -> Result<T> {
        let raw = Raw::new(self, consumed);
        let path = self.member_path(member);
        let stream = |from| Stream { file: self, path: path.clone(), unpacked: 0, from };
        match self.container {
            Container::Plain => work(&mut stream(Packed::Plain(raw))),
            Container::Gzip => work(&mut stream(Packed::Gzip(Box::new(GzDecoder::new(raw))))),
            Container::Zip => {
                let index = self.members.get(member).map_or(usize::MAX, |member| member.index);
                let mut archive = ZipArchive::new(raw).map_err(|error| zip_fault(&path, error))?;
                let entry = archive.by_index(index).map_err(|error| zip_fault(&path, error))?;
                let size = entry.size();
                let from = Packed::Zip { entry: Box::new(entry), size };
                work(&mut Stream { file: self, path: path.clone(), unpacked: 0, from })
            }
        }
    }

    /// Refuses a file that is not the one that was hashed; those in memory cannot change.
    fn check_unchanged(&self, found: Option<u128>) -> Result<()> {
        let Content::Disk(disk, hashed) = &self.content else { return Ok(()) };
        let found = match found {
            Some(found) => found,
            None => checksum(disk.as_ref(), self.len).map_err(Error::io("read", &self.path))?,
        };
        if found == *hashed {
            return Ok(());
        }
        Err(Error::format(&self.path, None, "the file changed while it was read: import it again"))
    }
}

/// What desktop tools leave in zips beside what was packed.
fn is_litter(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.starts_with("__MACOSX/") || base.starts_with('.') || base.eq_ignore_ascii_case("thumbs.db")
}

fn load(file: Arc<dyn DiskFile>, len: u64, most: u64) -> io::Result<(Content, [u8; 32])> {
    if len > most {
        let (mut sha256, mut sum) = (Sha256::new(), Xxh3::new());
        in_pieces(file.as_ref(), len, |piece| {
            sha256.update(piece);
            sum.update(piece);
        })?;
        return Ok((Content::Disk(file, sum.digest128()), sha256.finalize().into()));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    file.read_exact_at(&mut bytes, 0)?;
    let sha256 = Sha256::digest(&bytes).into();
    Ok((Content::Memory(bytes), sha256))
}

fn checksum(file: &dyn DiskFile, len: u64) -> io::Result<u128> {
    let mut sum = Xxh3::new();
    in_pieces(file, len, |piece| sum.update(piece))?;
    Ok(sum.digest128())
}

fn in_pieces(file: &dyn DiskFile, len: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < len {
        let want = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
        let piece = piece.get_mut(..want).unwrap_or_default();
        file.read_exact_at(piece, at)?;
        take(piece);
        at += want as u64;
    }
    Ok(())
}

/// The file's bytes as a reader.
struct Raw<'f> {
    content: &'f Content,
    len: u64,
    position: u64,
    consumed: &'f Cell<u64>,
    /// What was read ahead of `position` from a file that is not in memory.
    piece: Vec<u8>,
    piece_at: u64,
    /// The checksum of everything up to `summed`, for files that are not in memory and read once from end to end.
    sum: Box<Xxh3>,
    summed: u64,
}

impl<'f> Raw<'f> {
    fn new(file: &'f File, consumed: &'f Cell<u64>) -> Self {
        let (sum, piece) = (Box::default(), Vec::new());
        Self {
            content: &file.content,
            len: file.len,
            position: 0,
            consumed,
            piece,
            piece_at: 0,
            sum,
            summed: 0,
        }
    }

    /// The checksum of the whole file, where this reader saw every byte of it once.
    fn whole_sum(&self) -> Option<u128> {
        (self.summed == self.len).then(|| self.sum.digest128())
    }

    fn load_piece(&mut self, disk: &dyn DiskFile) -> io::Result<()> {
        let want = usize::try_from(self.len.saturating_sub(self.position)).unwrap_or(PIECE).min(PIECE);
        self.piece.resize(want, 0);
        self.piece_at = self.position;
        disk.read_exact_at(&mut self.piece, self.position)?;
        if self.summed == self.position {
            self.sum.update(&self.piece);
            self.summed += want as u64;
        }
        Ok(())
    }
}

impl BufRead for Raw<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.content {
            Content::Memory(bytes) => {
                let at = usize::try_from(self.position).unwrap_or(usize::MAX);
                // In pieces, so that `consumed` moves as the reading does.
                let rest = bytes.get(at..).unwrap_or_default();
                Ok(rest.get(..PIECE).unwrap_or(rest))
            }
            Content::Disk(disk, _) => {
                let behind = self.position.checked_sub(self.piece_at).and_then(|at| usize::try_from(at).ok());
                if behind.is_none_or(|at| at >= self.piece.len()) {
                    self.load_piece(disk.as_ref())?;
                }
                let at = usize::try_from(self.position - self.piece_at).unwrap_or(usize::MAX);
                Ok(self.piece.get(at..).unwrap_or_default())
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        self.consumed.set(self.consumed.get() + amount as u64);
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let len = available.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), available.get(..len)) {
            to.copy_from_slice(from);
        }
        self.consume(len);
        Ok(len)
    }
}

impl Seek for Raw<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The unpacked bytes of one member.
pub(super) struct Stream<'f> {
    file: &'f File,
    /// What errors call it.
    path: PathBuf,
    unpacked: u64,
    from: Packed<'f>,
}

enum Packed<'f> {
    Plain(Raw<'f>),
    Gzip(Box<GzDecoder<Raw<'f>>>),
    Zip { entry: Box<ZipFile<'f, Raw<'f>>>, size: u64 },
    Done,
}

impl<'f> Stream<'f> {
    /// Reads more bytes; 0 only at the end, after everything that can be checked was.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let read = match &mut self.from {
                Packed::Plain(raw) => raw.read(buffer),
                Packed::Gzip(decoder) => decoder.read(buffer),
                Packed::Zip { entry, .. } => entry.read(buffer),
                Packed::Done => return Ok(0),
            };
            match read {
                Ok(0) if buffer.is_empty() => return Ok(0),
                Ok(0) => self.end()?,
                Ok(len) => {
                    self.unpacked += len as u64;
                    return self.check_size().map(|()| len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(error)),
            }
        }
    }

    /// Goes on to the next gzip member, or checks that this was the whole file.
    fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.from, Packed::Done) {
            Packed::Plain(raw) => self.file.check_unchanged(raw.whole_sum()),
            Packed::Gzip(decoder) => self.end_gzip(decoder.into_inner()),
            Packed::Zip { size, .. } if self.unpacked != size => Err(self.wrong_size(size)),
            Packed::Zip { .. } => self.file.check_unchanged(None),
            Packed::Done => Ok(()),
        }
    }

    /// Behind a gzip member may come another, or zeros as tapes and block devices pad with; nothing else.
    fn end_gzip(&mut self, mut raw: Raw<'f>) -> Result<()> {
        let path = &self.path;
        if raw.fill_buf().map_err(Error::io("read", path))?.starts_with(&GZIP[..1]) {
            self.from = Packed::Gzip(Box::new(GzDecoder::new(raw)));
            return Ok(());
        }
        loop {
            let rest = raw.fill_buf().map_err(Error::io("read", path))?;
            if rest.iter().any(|&byte| byte != 0) {
                let detail = format!("something else follows the gzip data at byte {}", raw.position);
                return Err(Error::format(path, None, detail));
            }
            match rest.len() {
                0 => return self.file.check_unchanged(raw.whole_sum()),
                len => raw.consume(len),
            }
        }
    }

    fn check_size(&self) -> Result<()> {
        match self.from {
            Packed::Zip { size, .. } if self.unpacked > size => Err(self.wrong_size(size)),
            _ => Ok(()),
        }
    }

    fn wrong_size(&self, size: u64) -> Error {
        let detail = format!("damaged zip: {} bytes where its directory says {size}", self.unpacked);
        Error::format(&self.path, None, detail)
    }

    /// The operating system's errors stay such; a decoder's mean that the file is damaged.
    fn fault(&self, error: io::Error) -> Error {
        let path = &self.path;
        if error.raw_os_error().is_some() {
            return Error::io("read", path)(error);
        }
        let what = if matches!(self.from, Packed::Gzip(_)) { "gzip" } else { "zip" };
        let after = self.unpacked;
        let detail = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("the {what} data is cut off after {after} bytes of text: get the file again")
            }
            _ => format!("damaged {what} data after {after} bytes of text ({error}): get the file again"),
        };
        Error::format(path, None, detail)
    }
}

fn zip_fault(path: &Path, error: ZipError) -> Error {
    match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => Error::io("read", path)(error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            Error::format(path, None, "the zip is encrypted: unpack it first")
        }
        other => {
            Error::format(path, None, format!("damaged or unreadable zip ({other}): get the file again"))
        }
    }
}
