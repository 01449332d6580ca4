//! What a damaged journal still holds: every whole frame, wherever it stands, and which sequences lie between them.

use std::path::Path;

use super::frame::{FILE_HEADER_LEN, FileHeader, FrameHeader, Kind};
use super::replay::{Frame, Reader};
use crate::Result;
use crate::file::Disk;

/// Takes an operation with the header of its frame: key, and value or `None` for a delete.
pub type EachOp<'a> = &'a mut dyn FnMut(&FrameHeader, &[u8], Option<&[u8]>);

/// The id of no database.
const NOBODY: u128 = 0;

/// Commits that cannot be read, between two that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The offset of the first byte that is part of no frame, or of the frame before which others are missing.
    pub at: u64,
    /// The last sequence before them.
    pub after: u64,
    /// The first sequence behind them; none where nothing readable follows.
    pub before: Option<u64>,
    /// Whether part of the state that a rewritten journal starts from is among them.
    pub in_base: bool,
}

/// What was read of a damaged journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    pub header: FileHeader,
    /// The last sequence that is read or known.
    pub last: u64,
    /// In order.
    pub gaps: Vec<Gap>,
    /// The sequence of the state that it begins with, where all of that can be read.
    pub base: Option<u64>,
}

/// The database that a journal is of, as its header says; none where that is not whole.
///
/// # Errors
/// As of [`salvage`].
pub fn database_of(disk: &dyn Disk, path: &Path) -> Result<Option<u128>> {
    let told = Reader::lenient(disk, path, FileHeader::first(NOBODY))?.header().database;
    Ok(Some(told).filter(|&database| database != NOBODY))
}

/// Whether a journal has a whole frame when it is read with this header, unless its own is whole.
///
/// # Errors
/// As of [`salvage`].
pub fn is_readable(disk: &dyn Disk, path: &Path, guess: FileHeader) -> Result<bool> {
    Ok(Reader::lenient(disk, path, guess)?.next_whole()?.1.is_some())
}

/// Gives the operations of every whole frame to `each`, in order. `guess` stands in for a header that is not whole; `known`
/// is the sequence up to which the caller has everything from elsewhere, which is not given again.
///
/// # Errors
/// [`crate::Error::Format`] for a journal of a newer version, [`crate::Error::Io`]; damage is none.
pub fn salvage(
    disk: &dyn Disk,
    path: &Path,
    guess: FileHeader,
    known: u64,
    each: EachOp<'_>,
) -> Result<Salvaged> {
    let mut reader = Reader::lenient(disk, path, guess)?;
    let header = *reader.header();
    let mut state = Progress::new(header, known);
    loop {
        let from = reader.offset();
        let (passed, frame) = reader.next_whole()?;
        state.step(from, passed, frame.as_ref());
        let Some(frame) = frame else { break };
        if frame.header.last <= known {
            continue;
        }
        for op in reader.ops(&frame) {
            let (key, value) = op?;
            each(&frame.header, key, value);
        }
    }
    Ok(Salvaged { header, last: state.reached, base: state.base(), gaps: state.gaps })
}

struct Progress {
    header: FileHeader,
    known: u64,
    /// Everything up to here is read, known or in a gap.
    reached: u64,
    /// The sequence of the base, where there is one.
    covered: u64,
    saw_base: bool,
    /// A frame was met that only stands behind the base.
    is_behind: bool,
    gaps: Vec<Gap>,
}

impl Progress {
    fn new(header: FileHeader, known: u64) -> Self {
        let reached = header.covered.max(known);
        let covered = header.covered;
        Self { header, known, reached, covered, saw_base: false, is_behind: false, gaps: Vec::new() }
    }

    /// Takes in the next whole frame, or the end, before which so many bytes from an offset on could not be read.
    fn step(&mut self, from: u64, passed: u64, frame: Option<&Frame>) {
        let header = frame.map(|frame| &frame.header);
        let is_base = header.is_some_and(|header| header.kind == Kind::Base);
        let in_base = passed > 0 && self.may_be_base(from, is_base) && self.known < self.reached.max(1);
        // A checkpoint repeats the sequence before it.
        let next = header.filter(|_| !is_base).map(|header| match header.kind {
            Kind::Commit => header.first,
            _ => header.first.saturating_add(1),
        });
        let skips = next.is_some_and(|next| next > self.reached.saturating_add(1));
        let ends = header.is_none() && passed > 0;
        if in_base || skips || ends {
            let before = header.map(|header| header.first);
            self.gaps.push(Gap { at: from, after: self.reached, before, in_base });
        }
        self.reached = header.map_or(self.reached, |header| self.reached.max(header.last));
        self.saw_base |= is_base;
        self.covered = header.filter(|_| is_base).map_or(self.covered, |header| header.last);
        self.is_behind |= next.is_some();
    }

    fn base(&self) -> Option<u64> {
        let is_whole = self.covered > 0 && self.gaps.iter().all(|gap| !gap.in_base);
        Some(self.covered).filter(|_| is_whole)
    }

    /// Whether frames of the base may have stood at an offset. A header that was guessed does not tell where it ends.
    fn may_be_base(&self, from: u64, is_base: bool) -> bool {
        if self.header.base_end > FILE_HEADER_LEN {
            return from < self.header.base_end;
        }
        !self.is_behind && (is_base || self.saw_base)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::file::OsDisk;
    use crate::journal::writer::{Journal, file_name};
    use crate::journal::{Scan, write_state};

    type Entries = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    /// A journal of five commits, a put each, and where its frames begin.
    fn journal(dir: &Path) -> (PathBuf, Vec<u64>) {
        fs::create_dir_all(dir).unwrap();
        Journal::create(&OsDisk, dir, 7).unwrap();
        let path = dir.join(file_name(1));
        let scan = Scan::run(&mut Reader::open(&OsDisk, &path, 0).unwrap()).unwrap();
        let mut journal = Journal::resume(&OsDisk, &path, &scan, true).unwrap();
        let mut starts = Vec::new();
        for sequence in 1..=5 {
            starts.push(journal.len());
            let mut body = Vec::new();
            crate::journal::push_op(&mut body, &[b'k', sequence], Some(&[sequence]));
            journal.commit(sequence.into(), sequence.into(), &[body]).unwrap();
        }
        starts.push(journal.len());
        journal.checkpoint(0, true).unwrap();
        (path, starts)
    }

    fn read(path: &Path, known: u64) -> (Salvaged, Entries) {
        let mut entries = Vec::new();
        let mut each = |_: &FrameHeader, key: &[u8], value: Option<&[u8]>| {
            entries.push((key.to_vec(), value.map(<[u8]>::to_vec)));
        };
        let salvaged = salvage(&OsDisk, path, FileHeader::first(7), known, &mut each).unwrap();
        (salvaged, entries)
    }

    fn flip(path: &Path, at: u64) {
        let mut bytes = fs::read(path).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn frames_behind_a_damaged_one_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (path, starts) = journal(dir.path());
        assert_eq!(read(&path, 0).0.gaps, []);
        // The body of one and the header of another.
        flip(&path, starts[1] + 50);
        flip(&path, starts[3] + 9);
        let (found, entries) = read(&path, 0);
        let gap = |after: u64, before| Gap {
            at: starts[usize::try_from(after).unwrap()],
            after,
            before: Some(before),
            in_base: false,
        };
        assert_eq!((found.last, found.gaps), (5, vec![gap(1, 3), gap(3, 5)]));
        assert_eq!(entries.iter().map(|(key, _)| key[1]).collect::<Vec<_>>(), [1, 3, 5]);
    }

    #[test]
    fn a_lost_header_loses_no_frame() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = journal(dir.path());
        flip(&path, 20);
        let (found, entries) = read(&path, 0);
        assert_eq!((found.last, found.gaps.len(), entries.len()), (5, 0, 5));
        assert!(!is_readable(&OsDisk, &path, FileHeader::first(8)).unwrap(), "of another database");
    }

    #[test]
    fn a_damaged_end_is_a_gap_without_an_end_and_a_checkpoint_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (path, starts) = journal(dir.path());
        flip(&path, starts[5] + 50);
        let (found, _) = read(&path, 0);
        let gap = |after: u64| Gap {
            at: starts[usize::try_from(after).unwrap()],
            after,
            before: None,
            in_base: false,
        };
        assert_eq!(found.gaps, [gap(5)]);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(starts[4] + 30).unwrap();
        assert_eq!(read(&path, 0).0.gaps, [gap(4)]);
    }

    #[test]
    fn a_damaged_base_is_lost_unless_it_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let state = [(b"a".as_slice(), b"1".as_slice()), (b"b", b"2")];
        write_state(&OsDisk, dir.path(), (7, 3), 9, state.into_iter()).unwrap();
        let path = dir.path().join(file_name(3));
        assert_eq!(read(&path, 0).1.len(), 2);
        flip(&path, FILE_HEADER_LEN + 50);
        let (found, entries) = read(&path, 0);
        let gap = Gap { at: FILE_HEADER_LEN, after: 9, before: Some(9), in_base: true };
        assert_eq!((found.gaps, found.base, entries.len()), (vec![gap], None, 0));
        assert_eq!(read(&path, 9).0.gaps, []);
    }

    #[test]
    fn what_is_known_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        write_state(&OsDisk, dir.path(), (7, 3), 9, [(b"a".as_slice(), b"1".as_slice())].into_iter())
            .unwrap();
        let path = dir.path().join(file_name(3));
        assert_eq!((read(&path, 8).1.len(), read(&path, 9).1.len()), (1, 0));
        assert_eq!(read(&path, 0).0.base, Some(9));
        let (path, _) = journal(&dir.path().join("first"));
        let (found, entries) = read(&path, 3);
        assert_eq!((found.base, found.last, found.gaps), (None, 5, vec![]));
        assert_eq!(entries.iter().map(|(key, _)| key[1]).collect::<Vec<_>>(), [4, 5]);
    }
}
