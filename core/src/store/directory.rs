//! The database directory: what may stand in it, how it is begun, and `TILLROLL`, which says that it was.
//!
//! ```text
//! shop.till/
//!   TILLROLL            format version and database id; written last when a database is begun
//!   LOCK                see lock.rs
//!   BACKUP              only in the copy of a database that is not finished, see target.rs
//!   journal/NNNNNN.log  see journal/mod.rs
//!   index/              derived, may be deleted at any time
//!   index.aside/        an index that failed, for the moment in which another is made
//!   rolls/              the rows of reports
//!   damaged/            copies of what a repair has taken away
//!   vault.key           the key file, where there is one
//! ```
//!
//! `TILLROLL` is text of three lines. All versions to come keep its first and last line, so that a newer database can
//! be told from a damaged one:
//!
//! ```text
//! tillroll 1
//! 4f0c2a…                         database id, 32 hexadecimal digits
//! 9f86d081884c7d65                XXH3-64 of the lines before
//! ```

use std::ffi::{OsStr, OsString};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::file::{Disk, read_all, read_start, write_atomically};
use crate::journal::Journal;
use crate::{Error, Result};

/// The format version this code writes and reads.
pub const FORMAT: u32 = 1;
pub const MARK: &str = "TILLROLL";
pub const JOURNAL: &str = "journal";
pub const INDEX: &str = "index";
pub const DAMAGED: &str = "damaged";
pub const ROLLS: &str = "rolls";
/// Stands in the copy of a database before anything else of it, until `TILLROLL` does.
const UNFINISHED: &str = "BACKUP";
const UNFINISHED_PART: &str = "BACKUP.tmp";
/// What it holds: a file of the user's that happens to have its name says nothing.
const UNFINISHED_TEXT: &[u8] = b"A Tillroll backup that is not finished.\n";
const KEY_FILE: &str = "vault.key";
/// What a roll begins with, see roll/mod.rs.
const ROLL: &[u8] = b"tillroll";
/// Names that may stand in a directory in which a database was not begun to the end, and `TILLROLL`, which somebody may
/// have written since it was missed.
const OURS: [&str; 12] = [
    MARK,
    "TILLROLL.tmp",
    super::lock::NAME,
    UNFINISHED,
    UNFINISHED_PART,
    JOURNAL,
    INDEX,
    "index.aside",
    ROLLS,
    DAMAGED,
    KEY_FILE,
    "vault.key.tmp",
];
const MARK_LEN_MAX: u64 = 4096;

/// Begins a database in a directory that is not there, is empty, or holds what an interrupted beginning has left.
///
/// # Errors
/// [`Error::Format`] for any other directory, [`Error::Corruption`] where there is data but no `TILLROLL`.
pub fn make(disk: &dyn Disk, dir: &Path) -> Result<()> {
    disk.create_dir(dir).map_err(Error::io("create", dir))?;
    sync(disk, dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    refuse_foreign(disk, dir)
}

/// Refuses a directory that holds anything but our names.
pub fn refuse_foreign(disk: &dyn Disk, dir: &Path) -> Result<()> {
    for name in disk.list(dir).map_err(Error::io("list", dir))? {
        if !OURS.iter().any(|ours| name == *ours) {
            return Err(foreign(dir, &name.to_string_lossy()));
        }
    }
    Ok(())
}

fn foreign(dir: &Path, name: &str) -> Error {
    Error::format(dir, None, format!("is not a database and not empty ({name} stands in it)"))
}

/// Puts everything in place and `TILLROLL` last. The lock is held.
pub fn begin(disk: &dyn Disk, dir: &Path, database: u128) -> Result<()> {
    make_folders(disk, dir)?;
    remove(disk, &dir.join(UNFINISHED_PART))?;
    Journal::create(disk, &dir.join(JOURNAL), database)?;
    mark(disk, dir, database)
}

/// Whether the copy of a database was begun here and not finished.
pub fn is_unfinished(disk: &dyn Disk, dir: &Path) -> Result<bool> {
    use std::io::ErrorKind::{FileTooLarge, IsADirectory, NotFound};
    let path = dir.join(UNFINISHED);
    match read_all(disk, &path, UNFINISHED_TEXT.len() as u64) {
        Err(error) if matches!(error.kind(), NotFound | FileTooLarge | IsADirectory) => Ok(false),
        bytes => Ok(bytes.map_err(Error::io("read", &path))? == UNFINISHED_TEXT),
    }
}

/// Says, for good until [`set_finished`], that what is put here is the copy of a database that is not finished: all of
/// it may be removed. So nothing may stand here that was not put here for the copy.
pub fn set_unfinished(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let names = disk.list(dir).map_err(Error::io("list", dir))?;
    if names.iter().any(|name| name == KEY_FILE) {
        return lost(dir, "a key file stands there");
    }
    if names.iter().any(|name| name == UNFINISHED) {
        return Err(foreign(dir, UNFINISHED));
    }
    let path = dir.join(UNFINISHED);
    write_atomically(disk, &path, UNFINISHED_TEXT).map_err(Error::io("write", &path))
}

/// The copy is finished: `TILLROLL` stands. A power cut may bring the file back, which does no harm then.
pub fn set_finished(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if is_unfinished(disk, dir)? { remove(disk, &dir.join(UNFINISHED)) } else { Ok(()) }
}

/// Refuses to take the copy of a database that is not finished for a place to begin one.
pub fn refuse_unfinished(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if is_unfinished(disk, dir)? {
        let detail = "is a backup that is not finished: make it again, or delete the directory";
        return Err(Error::format(dir, None, detail));
    }
    Ok(())
}

/// Takes [`mark`] back, for good: what is removed afterwards leaves no damaged database.
pub fn unmark(disk: &dyn Disk, dir: &Path) -> Result<()> {
    remove(disk, &dir.join(MARK))?;
    sync(disk, dir)
}

/// Removes what an unfinished copy has put here.
pub fn empty(disk: &dyn Disk, dir: &Path) -> Result<()> {
    for folder in [ROLLS, JOURNAL].map(|name| dir.join(name)) {
        folder_names(disk, &folder)?.iter().try_for_each(|name| remove(disk, &folder.join(name)))?;
    }
    ["TILLROLL.tmp", KEY_FILE, "vault.key.tmp"].iter().try_for_each(|name| remove(disk, &dir.join(name)))
}

/// Refuses a directory of ours that has data but no `TILLROLL`, where none is to be begun: it is no missing database
/// but a damaged one.
pub fn refuse_unmarked(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let is_ours = folder_names(disk, dir)?.iter().all(|name| OURS.iter().any(|ours| name == *ours));
    if is_ours { refuse_data(disk, dir) } else { Ok(()) }
}

/// Removes a file; one that is not there is fine.
pub fn remove(disk: &dyn Disk, path: &Path) -> Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io("remove", path)),
    }
}

/// A folder of the database; one that stands already is fine.
pub fn make_folder(disk: &dyn Disk, dir: &Path, name: &str) -> Result<()> {
    let path = dir.join(name);
    disk.create_dir(&path).map_err(Error::io("create", &path))
}

/// The folders, without what an interrupted beginning has left in them.
pub fn make_folders(disk: &dyn Disk, dir: &Path) -> Result<()> {
    [JOURNAL, INDEX, ROLLS].iter().try_for_each(|name| make_folder(disk, dir, name))?;
    refuse_data(disk, dir)?;
    for (_, path) in Journal::list(disk, &dir.join(JOURNAL))? {
        disk.remove(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// Says that the directory is a database: the last step of making one.
pub fn mark(disk: &dyn Disk, dir: &Path, database: u128) -> Result<()> {
    sync(disk, dir)?;
    let path = dir.join(MARK);
    write_atomically(disk, &path, encode(database).as_bytes()).map_err(Error::io("write", &path))
}

/// The names in a folder; none without it.
pub fn folder_names(disk: &dyn Disk, folder: &Path) -> Result<Vec<OsString>> {
    match disk.list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(Error::io("list", folder)),
    }
}

/// The database id that a damaged `TILLROLL` may still tell.
pub fn guess(disk: &dyn Disk, dir: &Path) -> Option<u128> {
    let bytes = read_all(disk, &dir.join(MARK), MARK_LEN_MAX).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let id = text.lines().find(|line| line.len() == 32)?;
    u128::from_str_radix(id, 16).ok()
}

/// A beginning that was interrupted has written no rows and no commits. Where there are some, `TILLROLL` was lost, and
/// beginning anew would lose the rest.
fn refuse_data(disk: &dyn Disk, dir: &Path) -> Result<()> {
    data(disk, dir)?.map_or(Ok(()), |what| lost(dir, what))
}

/// Whether there are rolls or commits: a folder of somebody else's may have one called `rolls` as well.
pub fn has_data(disk: &dyn Disk, dir: &Path) -> Result<bool> {
    let folder = dir.join(ROLLS);
    for name in folder_names(disk, &folder)? {
        if is_roll(disk, &folder.join(name))? {
            return Ok(true);
        }
    }
    has_commits(disk, dir)
}

/// Whether a file is a roll, by its name and first bytes.
fn is_roll(disk: &dyn Disk, path: &Path) -> Result<bool> {
    let number = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_suffix(".roll"));
    if !number.is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Ok(false);
    }
    let start = read_start(disk, path, ROLL.len()).map_err(Error::io("read", path))?;
    Ok(start == ROLL)
}

/// What tells that there are rows or commits.
fn data(disk: &dyn Disk, dir: &Path) -> Result<Option<&'static str>> {
    if !folder_names(disk, &dir.join(ROLLS))?.is_empty() {
        return Ok(Some("rolls/ is not empty"));
    }
    Ok(has_commits(disk, dir)?.then_some("journal/ holds commits"))
}

fn has_commits(disk: &dyn Disk, dir: &Path) -> Result<bool> {
    for (_, path) in super::open::journals(disk, dir)? {
        let len = disk.open(&path, false).and_then(|file| file.len()).map_err(Error::io("read", &path))?;
        if len > crate::journal::FILE_HEADER_LEN {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lost(dir: &Path, what: &str) -> Result<()> {
    let detail = format!("it is missing, and {what}: restore it from a backup, or repair the database");
    Err(Error::corrupt(&dir.join(MARK), detail))
}

pub fn sync(disk: &dyn Disk, dir: &Path) -> Result<()> {
    disk.sync_dir(dir).map_err(Error::io("sync", dir))
}

fn encode(database: u128) -> String {
    let text = format!("tillroll {FORMAT}\n{database:032x}\n");
    let check = xxh3_64(text.as_bytes());
    text + &format!("{check:016x}\n")
}

/// The id of the database in a directory; `None` where none was begun to the end.
///
/// # Errors
/// [`Error::Format`] for a format that is newer than this code, [`Error::Corruption`] for anything unreadable.
pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<u128>> {
    let path = dir.join(MARK);
    let bytes = match read_all(disk, &path, MARK_LEN_MAX) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            return Err(Error::corrupt(&path, error.to_string()));
        }
        bytes => bytes.map_err(Error::io("read", &path))?,
    };
    decode(&bytes).map(Some).map_err(|bad| match bad {
        Bad::Damaged => Error::corrupt(&path, "it does not match its checksum"),
        Bad::Newer(version) => Error::format(
            &path,
            None,
            format!(
                "the database has format {version}; this Tillroll reads format {FORMAT}: use a newer one"
            ),
        ),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Damaged,
    Newer(u32),
}

fn decode(bytes: &[u8]) -> Result<u128, Bad> {
    let text = std::str::from_utf8(bytes).map_err(|_| Bad::Damaged)?;
    let (lines, check) =
        text.strip_suffix('\n').and_then(|text| text.rsplit_once('\n')).ok_or(Bad::Damaged)?;
    if format!("{:016x}", xxh3_64(format!("{lines}\n").as_bytes())) != check {
        return Err(Bad::Damaged);
    }
    let mut lines = lines.lines();
    let version =
        lines.next().and_then(|line| line.strip_prefix("tillroll ")).and_then(|text| text.parse().ok());
    match version {
        None => Err(Bad::Damaged),
        Some(FORMAT) => lines.next().and_then(|id| u128::from_str_radix(id, 16).ok()).ok_or(Bad::Damaged),
        Some(version) => Err(Bad::Newer(version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_damage_and_a_newer_format_is_not() {
        let text = encode(0xAB << 100).into_bytes();
        assert_eq!(decode(&text), Ok(0xAB << 100));
        for bit in 0..text.len() * 8 {
            let mut bad = text.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), Err(Bad::Damaged), "bit {bit}");
        }
        let lines = "tillroll 2\nanything\n";
        let newer = format!("{lines}{:016x}\n", xxh3_64(lines.as_bytes()));
        assert_eq!(decode(newer.as_bytes()), Err(Bad::Newer(2)));
    }
}
