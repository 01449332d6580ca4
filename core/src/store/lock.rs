//! `LOCK`: one writer, or many readers; who holds it, and how long the journal was when it was last known whole.
//!
//! ```text
//! pid 4711                        only while a writer has the database open, or after it was killed
//! whole 000002 1834 17            journal number, length, last sequence
//! 9f86d081884c7d65                XXH3-64 of the lines before
//! ```
//!
//! The operating system's lock on the file is what counts; the text is for people and for telling damage: the journal's
//! first `whole` bytes have been synced, so if they cannot be read they are damaged, even at the very end, where a torn
//! tail would look the same. The text is not synced. It needs not be: an older one promises less, and one that does not
//! match its checksum promises nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::file::{Disk, read_all};
use crate::journal::Journal;
use crate::{Error, Result};

/// The file's name in the database directory.
pub const NAME: &str = "LOCK";
const LEN_MAX: u64 = 4096;

/// A journal's length that has been synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole {
    pub number: u64,
    pub len: u64,
    pub last: u64,
}

impl Whole {
    /// What a journal says of itself; nothing where a failed write has made that doubtful.
    pub fn of(journal: &Journal, last: u64) -> Option<Self> {
        let sound = journal.poison().is_none();
        sound.then(|| Self { number: journal.header().number, len: journal.len(), last })
    }
}

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub pid: Option<u32>,
    pub whole: Option<Whole>,
}

impl Content {
    fn encode(&self) -> String {
        let mut text = String::new();
        if let Some(pid) = self.pid {
            text += &format!("pid {pid}\n");
        }
        if let Some(Whole { number, len, last }) = self.whole {
            text += &format!("whole {number:06} {len} {last}\n");
        }
        let check = xxh3_64(text.as_bytes());
        text + &format!("{check:016x}\n")
    }

    fn decode(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n')?;
        let (lines, check) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        if format!("{:016x}", xxh3_64(lines.as_bytes())) != check {
            return None;
        }
        let mut content = Self::default();
        for line in lines.lines() {
            let mut words = line.split(' ');
            match words.next()? {
                "pid" => content.pid = words.next()?.parse().ok(),
                "whole" => {
                    let mut number = || words.next()?.parse().ok();
                    content.whole = Some(Whole { number: number()?, len: number()?, last: number()? });
                }
                _ => {}
            }
        }
        Some(content)
    }
}

/// The text of the file; nothing where it cannot be read.
pub fn read(disk: &dyn Disk, dir: &Path) -> Content {
    let bytes = read_all(disk, &dir.join(NAME), LEN_MAX).unwrap_or_default();
    std::str::from_utf8(&bytes).ok().and_then(Content::decode).unwrap_or_default()
}

/// Puts the text in place. The file is not replaced, or the lock on it would be lost.
pub fn write(disk: &dyn Disk, dir: &Path, content: &Content) -> Result<()> {
    let path = dir.join(NAME);
    let put = || {
        let file = disk.open(&path, true)?;
        let text = content.encode();
        file.write_all_at(text.as_bytes(), 0)?;
        file.set_len(text.len() as u64)
    };
    match put() {
        // There the lock keeps everybody from the text, its holder included.
        Err(_) if cfg!(windows) => Ok(()),
        result => result.map_err(Error::io("write", &path)),
    }
}

/// Takes the lock, making the file where it must. A reader of a directory without the file goes without.
///
/// # Errors
/// [`Error::Locked`] with the holder's process, where that can be told.
pub fn acquire(disk: &dyn Disk, dir: &Path, read_only: bool) -> Result<Option<File>> {
    let path = dir.join(NAME);
    let opened = if read_only {
        OpenOptions::new().read(true).open(&path)
    } else {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
    };
    let file = match opened {
        Err(error) if read_only && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(Error::io("open", &path))?,
    };
    let locked = if read_only { file.try_lock_shared() } else { file.try_lock() };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let pid = read(disk, dir).pid.filter(|pid| may_be_alive(*pid));
            Err(Error::Locked { path: dir.to_owned(), pid })
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

/// A killed writer leaves its pid behind, and a reader may hold the lock now.
fn may_be_alive(pid: u32) -> bool {
    !cfg!(target_os = "linux") || Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let whole = Some(Whole { number: 2, len: 1834, last: 17 });
        for content in [Content::default(), Content { pid: Some(7), whole }, Content { pid: None, whole }] {
            let text = content.encode();
            assert_eq!(Content::decode(&text), Some(content));
            for end in 0..text.len() {
                assert_eq!(Content::decode(&text[..end]), None, "{end}");
            }
        }
    }
}
