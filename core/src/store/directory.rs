//! The database directory: what may stand in it, how it is begun, and `TILLROLL`, which says that it was.
//!
//! ```text
//! shop.till/
//!   TILLROLL            format version and database id; written last when a database is begun
//!   LOCK                see lock.rs
//!   journal/NNNNNN.log  see journal/mod.rs
//!   index/              derived, may be deleted at any time
//!   index.aside/        an index that failed, for the moment in which another is made
//!   rolls/              the rows of reports
//!   damaged/            what a repair has moved away
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

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::file::{Disk, read_all, write_atomically};
use crate::journal::Journal;
use crate::{Error, Result};

/// The format version this code writes and reads.
pub const FORMAT: u32 = 1;
pub const MARK: &str = "TILLROLL";
pub const JOURNAL: &str = "journal";
pub const INDEX: &str = "index";
const ROLLS: &str = "rolls";
/// Names that may stand in a directory in which a database was not begun to the end.
const OURS: [&str; 9] = [
    "TILLROLL.tmp",
    super::lock::NAME,
    JOURNAL,
    INDEX,
    "index.aside",
    ROLLS,
    "damaged",
    "vault.key",
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
            let found = name.to_string_lossy();
            return Err(Error::format(
                dir,
                None,
                format!("is not a database and not empty ({found} stands in it)"),
            ));
        }
    }
    Ok(())
}

/// Puts everything in place and `TILLROLL` last. The lock is held.
pub fn begin(disk: &dyn Disk, dir: &Path, database: u128) -> Result<()> {
    make_folders(disk, dir)?;
    Journal::create(disk, &dir.join(JOURNAL), database)?;
    mark(disk, dir, database)
}

/// Makes a directory ready to take the copy of a database, which [`mark`] then makes one.
///
/// # Errors
/// As [`make`]; [`Error::Conflict`] where a database stands already.
pub fn prepare(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if read(disk, dir)?.is_some() {
        let detail = format!("{} is a database already: name a new directory", dir.display());
        return Err(Error::Conflict { field: "path".to_owned(), detail });
    }
    make(disk, dir)?;
    make_folders(disk, dir)
}

/// Removes what a copy that failed has put into a directory that [`prepare`] made.
pub fn abandon(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let remove = |path: &Path| disk.remove(path).map_err(Error::io("remove", path));
    let folder = dir.join(JOURNAL);
    for name in disk.list(&folder).map_err(Error::io("list", &folder))? {
        remove(&folder.join(name))?;
    }
    let left = disk.list(dir).map_err(Error::io("list", dir))?;
    let files = [super::lock::NAME, "TILLROLL.tmp", "vault.key", "vault.key.tmp"];
    left.iter()
        .filter(|name| files.iter().any(|file| *name == file))
        .try_for_each(|name| remove(&dir.join(name)))
}

/// The folders, without what an interrupted beginning has left in them.
fn make_folders(disk: &dyn Disk, dir: &Path) -> Result<()> {
    for folder in [JOURNAL, INDEX, ROLLS] {
        let path = dir.join(folder);
        disk.create_dir(&path).map_err(Error::io("create", &path))?;
    }
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

/// A beginning that was interrupted has written no rows and no commits. Where there are some, `TILLROLL` was lost, and
/// beginning anew would lose the rest.
fn refuse_data(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let lost = |what: &str| {
        let detail = format!("it is missing, and {what}: restore it from a backup, or repair the database");
        Err(Error::corrupt(&dir.join(MARK), detail))
    };
    let rolls = dir.join(ROLLS);
    if !disk.list(&rolls).map_err(Error::io("list", &rolls))?.is_empty() {
        return lost("rolls/ is not empty");
    }
    for (_, path) in Journal::list(disk, &dir.join(JOURNAL))? {
        let len = disk.open(&path, false).and_then(|file| file.len()).map_err(Error::io("read", &path))?;
        if len > crate::journal::FILE_HEADER_LEN {
            return lost("journal/ holds commits");
        }
    }
    Ok(())
}

fn sync(disk: &dyn Disk, dir: &Path) -> Result<()> {
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
