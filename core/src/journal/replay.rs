//! Reading a journal back, checked frame by frame; telling a torn tail from damage.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::frame::{
    BadHeader, FILE_HEADER_LEN, FRAME_HEADER_LEN, FRAME_MAGIC, Fields, FileHeader, FrameHeader, Kind, Ops,
};
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

/// What is read from the file at once.
const BUFFER: usize = 1 << 20;

/// A checked frame.
#[derive(Debug)]
pub struct Frame {
    pub offset: u64,
    pub header: FrameHeader,
    pub body: Vec<u8>,
}

/// Reads frames in order and checks everything that can be checked about them.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    header: FileHeader,
    bytes: Buffered,
    offset: u64,
    /// Where to stop: the file's length, or the length its writer stands by.
    end: u64,
    /// Below this everything has been synced once, so nothing there can be a torn tail.
    whole_to: u64,
    /// The last sequence read.
    last: u64,
    torn: bool,
}

impl Reader {
    /// Opens a journal file for reading from its first frame to its end. Everything below `whole_to` is known to have
    /// been synced.
    ///
    /// # Errors
    /// [`Error::Corruption`] for a bad header, one of another file, or a file shorter than `whole_to`.
    pub fn open(disk: &dyn Disk, path: &Path, whole_to: u64) -> Result<Self> {
        let file = disk.open(path, false).map_err(Error::io("open", path))?;
        let len = file.len().map_err(Error::io("read", path))?;
        Self::new(file, path, len, whole_to)
    }

    /// Reads the first `len` bytes of an open journal, all of which have been synced.
    pub fn of(file: Arc<dyn DiskFile>, path: &Path, len: u64) -> Result<Self> {
        Self::new(file, path, len, len)
    }

    pub(super) fn new(file: Arc<dyn DiskFile>, path: &Path, end: u64, whole_to: u64) -> Result<Self> {
        let mut bytes = Buffered { file, buffer: Vec::new(), start: 0, end };
        let header = read_header(&mut bytes, path)?;
        let whole_to = whole_to.max(header.base_end);
        if end < whole_to {
            return Err(Error::corrupt(path, format!("ends at {end}, expected at least {whole_to}")));
        }
        let last = header.covered;
        Ok(Self {
            path: path.to_owned(),
            header,
            bytes,
            offset: FILE_HEADER_LEN,
            end,
            whole_to,
            last,
            torn: false,
        })
    }

    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where reading stops.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Writes the bytes up to where reading stops into a folder, under the same name, and gives the copy's path. The
    /// copy is neither checked nor synced.
    pub fn copy(&self, disk: &dyn Disk, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(self.path.file_name().unwrap_or_default());
        let copy = disk.create(&path).map_err(Error::io("create", &path))?;
        let (mut buffer, mut at) = (vec![0; BUFFER], 0);
        while at < self.end {
            let room = usize::try_from(self.end - at).map_or(BUFFER, |left| left.min(BUFFER));
            let bytes = buffer.get_mut(..room).unwrap_or_default();
            self.bytes.file.read_exact_at(bytes, at).map_err(Error::io("read", &self.path))?;
            copy.write_all_at(bytes, at).map_err(Error::io("write", &path))?;
            at += room as u64;
        }
        Ok(path)
    }

    /// Goes on up to a new end, behind which the writer has meanwhile put and synced more.
    pub fn extend(&mut self, end: u64) {
        self.end = end;
        self.whole_to = end;
        self.bytes.forget(end);
    }

    /// Skips to a place where a frame is known to start, behind a frame whose last sequence is `last`.
    pub fn seek(&mut self, offset: u64, last: u64) {
        self.offset = offset;
        self.last = last;
    }

    /// The next frame; `None` at the end, and at a torn tail, which then is `end - offset()` bytes long.
    ///
    /// # Errors
    /// [`Error::Corruption`] for a frame that was whole once and is not now.
    pub fn next(&mut self) -> Result<Option<Frame>> {
        if self.torn || self.offset >= self.end {
            return Ok(None);
        }
        let Some(frame) = self.frame_at(self.offset)? else {
            self.refuse_damage()?;
            self.torn = true;
            return Ok(None);
        };
        self.follow(&frame)?;
        self.offset += FRAME_HEADER_LEN + frame.header.body_len;
        self.last = frame.header.last;
        Ok(Some(frame))
    }

    /// A reader of a journal that may be damaged anywhere, for [`Reader::next_whole`] alone. `guess` stands in for a
    /// header that is not whole.
    ///
    /// # Errors
    /// [`Error::Format`] for a journal of a newer version, [`Error::Io`].
    pub fn lenient(disk: &dyn Disk, path: &Path, guess: FileHeader) -> Result<Self> {
        let file = disk.open(path, false).map_err(Error::io("open", path))?;
        let end = file.len().map_err(Error::io("read", path))?;
        let mut bytes = Buffered { file, buffer: Vec::new(), start: 0, end };
        let header = match read_header(&mut bytes, path) {
            Err(Error::Corruption { .. }) => guess,
            header => header?,
        };
        let (path, offset, last) = (path.to_owned(), FILE_HEADER_LEN, header.covered);
        Ok(Self { path, header, bytes, offset, end, whole_to: 0, last, torn: false })
    }

    /// The next whole frame, wherever it stands, and how many bytes were passed over on the way to it or to the end.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn next_whole(&mut self) -> Result<(u64, Option<Frame>)> {
        let from = self.offset;
        while self.offset < self.end {
            if let Some(frame) = self.frame_at(self.offset)?
                && self.refuse_malformed(&frame).is_ok()
            {
                let passed = self.offset - from;
                self.offset += FRAME_HEADER_LEN + frame.header.body_len;
                return Ok((passed, Some(frame)));
            }
            self.offset = self.good_header_behind(self.offset)?.unwrap_or(self.end);
        }
        Ok((self.end.saturating_sub(from), None))
    }

    /// Where the next frame stands, or should.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn frame_at(&mut self, offset: u64) -> Result<Option<Frame>> {
        let Some(header) = self.header_at(offset)? else { return Ok(None) };
        let start = offset + FRAME_HEADER_LEN;
        if header.body_len > self.end - start {
            return Ok(None);
        }
        let body = self.bytes.get(start, header.body_len).map_err(Error::io("read", &self.path))?.to_vec();
        let whole = header.body_is_whole(&body, self.header.seed(offset));
        Ok(whole.then_some(Frame { offset, header, body }))
    }

    fn header_at(&mut self, offset: u64) -> Result<Option<FrameHeader>> {
        if self.end.saturating_sub(offset) < FRAME_HEADER_LEN {
            return Ok(None);
        }
        let bytes = self.bytes.get(offset, FRAME_HEADER_LEN).map_err(Error::io("read", &self.path))?;
        Ok(FrameHeader::decode(bytes, self.header.seed(offset)))
    }

    /// Decides what a bad frame at the current offset is.
    fn refuse_damage(&mut self) -> Result<()> {
        let at = self.offset;
        if at < self.whole_to {
            return Err(self
                .damaged(format_args!("the frame at {at} is not whole, expected up to {}", self.whole_to)));
        }
        match self.good_header_behind(at)? {
            Some(good) => Err(self
                .damaged(format_args!("the frame at {at} is not whole, but a good one follows at {good}"))),
            None => Ok(()),
        }
    }

    fn good_header_behind(&mut self, at: u64) -> Result<Option<u64>> {
        let mut from = at + 1;
        while from + FRAME_HEADER_LEN <= self.end {
            let len = (self.end - from).min(BUFFER as u64);
            let window = self.bytes.get(from, len).map_err(Error::io("read", &self.path))?;
            let candidates: Vec<u64> =
                memmem::find_iter(window, &FRAME_MAGIC).map(|i| from + i as u64).collect();
            for offset in candidates {
                if self.header_at(offset)?.is_some() {
                    return Ok(Some(offset));
                }
            }
            // A magic may lie across two windows.
            from += len.saturating_sub(3).max(1);
        }
        Ok(None)
    }

    /// Checks that a whole frame follows the one before it: one that was lost in between is damage too.
    fn follow(&self, frame: &Frame) -> Result<()> {
        let FrameHeader { kind, first, last, .. } = frame.header;
        let in_base = frame.offset < self.header.base_end;
        let follows = match kind {
            Kind::Commit => !in_base && Some(first) == self.last.checked_add(1) && last >= first,
            Kind::Checkpoint => !in_base && first == self.last && last == self.last,
            Kind::Base => in_base && first == self.header.covered && last == first,
        };
        if !follows {
            return Err(self.damaged(format_args!(
                "the frame at {} holds sequence {first} to {last}, which does not follow {}",
                frame.offset, self.last
            )));
        }
        self.refuse_malformed(frame)
    }

    fn refuse_malformed(&self, frame: &Frame) -> Result<()> {
        match frame.header.kind {
            Kind::Checkpoint => self.checkpoint(frame).map(|_| ()),
            Kind::Commit | Kind::Base => self.ops(frame).try_for_each(|op| op.map(|_| ())),
        }
    }

    /// The operations of a frame.
    pub fn ops<'a>(
        &'a self,
        frame: &'a Frame,
    ) -> impl Iterator<Item = Result<(&'a [u8], Option<&'a [u8]>)>> + 'a {
        let malformed = || self.damaged(format_args!("the frame at {} holds no operations", frame.offset));
        let body = if frame.header.kind == Kind::Checkpoint { &[] } else { frame.body.as_slice() };
        Ops::new(body).map(move |op| op.map_err(|_| malformed()))
    }

    /// What a checkpoint frame says: the sequence applied, and whether the database was closed behind it.
    pub fn checkpoint(&self, frame: &Frame) -> Result<(u64, bool)> {
        let mut fields = Fields(&frame.body);
        match (fields.u64(), fields.take(), fields.0) {
            (Some(applied), Some([closed @ (0 | 1)]), []) if applied <= frame.header.last => {
                Ok((applied, *closed == 1))
            }
            _ => Err(self.damaged(format_args!("the frame at {} is no checkpoint", frame.offset))),
        }
    }

    fn damaged(&self, detail: impl Display) -> Error {
        Error::corrupt(&self.path, detail.to_string())
    }
}

fn read_header(bytes: &mut Buffered, path: &Path) -> Result<FileHeader> {
    let end = bytes.end;
    if end < FILE_HEADER_LEN {
        return Err(Error::corrupt(path, format!("ends within its header, at {end}")));
    }
    let head = bytes.get(0, FILE_HEADER_LEN).map_err(Error::io("read", path))?;
    let head = head.first_chunk().ok_or_else(|| Error::corrupt(path, "ends within its header"))?;
    FileHeader::decode(head).map_err(|bad| match bad {
        BadHeader::Damaged => Error::corrupt(path, "the header does not match its checksum"),
        BadHeader::Newer(version) => Error::format(
            path,
            None,
            format!("written in journal version {version}, which is newer than this Tillroll"),
        ),
    })
}

/// What a pass over a whole journal finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub header: FileHeader,
    /// Behind the last good frame.
    pub end: u64,
    /// Bytes behind it that belong to a write that never was acknowledged.
    pub torn: u64,
    /// The last sequence.
    pub last: u64,
    /// The index on disk has had everything up to here; the index must say at least this.
    pub applied: u64,
    /// The last frame says that the database was closed behind it.
    pub closed: bool,
    /// Where the first frame beyond `applied` stands, and the last sequence before it.
    pub resume: (u64, u64),
    /// Bytes of frames from there on.
    pub beyond: u64,
}

impl Scan {
    /// Reads and checks every frame.
    ///
    /// # Errors
    /// [`Error::Corruption`] for damage; a torn tail is none.
    pub fn run(reader: &mut Reader) -> Result<Self> {
        let header = reader.header;
        let (mut applied, mut closed) = (header.covered, false);
        // Offset and sequence before each frame that is not known to be applied.
        let mut open: Vec<(u64, u64, u64)> = Vec::new();
        while let Some(frame) = reader.next()? {
            closed = false;
            match frame.header.kind {
                Kind::Base => {}
                Kind::Commit => open.push((frame.offset, frame.header.first - 1, frame.header.last)),
                Kind::Checkpoint => {
                    let (sequence, closing) = reader.checkpoint(&frame)?;
                    applied = applied.max(sequence);
                    closed = closing;
                    open.retain(|(_, _, last)| *last > applied);
                }
            }
        }
        let end = reader.offset;
        let resume = open.first().map_or((end, reader.last), |(offset, before, _)| (*offset, *before));
        let torn = reader.end - end;
        Ok(Self { header, end, torn, last: reader.last, applied, closed, resume, beyond: end - resume.0 })
    }
}

/// A window over a file, so that small frames do not cost two system calls each.
#[derive(Debug)]
struct Buffered {
    file: Arc<dyn DiskFile>,
    buffer: Vec<u8>,
    start: u64,
    end: u64,
}

impl Buffered {
    /// Bytes that the caller knows to be there.
    fn get(&mut self, offset: u64, len: u64) -> std::io::Result<&[u8]> {
        let cached = offset >= self.start && offset + len <= self.start + self.buffer.len() as u64;
        if !cached {
            let fill = len.max(BUFFER as u64).min(self.end.saturating_sub(offset)).max(len);
            let fill = usize::try_from(fill).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
            self.buffer.clear();
            self.buffer.resize(fill, 0);
            self.start = offset;
            if let Err(error) = self.file.read_exact_at(&mut self.buffer, offset) {
                self.buffer.clear();
                return Err(error);
            }
        }
        let from = usize::try_from(offset - self.start).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        let len = usize::try_from(len).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        self.buffer.get(from..from + len).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    fn forget(&mut self, end: u64) {
        self.end = end;
        self.buffer.clear();
    }
}
