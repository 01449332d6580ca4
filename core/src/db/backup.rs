//! Copies of a database: taken while it is in use, and put back.

use std::path::Path;
use std::sync::Arc;

use super::{CheckReport, Db, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::file::Disk;
use crate::sales::{self, Engine, RollPaths};
use crate::store::{Moment, Target};
use crate::vault::Vault;

impl Db {
    /// Copies the database of this moment to a new directory, while others read and write. The copy is a database: it
    /// is checked while it is made, can be opened where it lies, and has the key file beside the data where there is
    /// one, so that whoever has the copy can read the secrets as well. Its index is made at its first opening.
    ///
    /// Files are copied, never linked: damage to one copy is not damage to the other. Where the file system can share
    /// blocks until they change, it may.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a database stands already, [`Error::Locked`] while another backup fills the directory,
    /// [`Error::Format`] for a directory of something else or one inside the database, [`Error::Corruption`] naming the
    /// damaged file of this database, [`Error::Io`]. What was begun is no database then, also where the process was
    /// killed, and the next backup to the same place begins it anew.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::Db;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let copy = folder.path().join("copy");
    /// db.backup(&copy)?;
    /// assert_eq!(Db::open(&copy)?.sales().len()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        self.grant.allow_all()?;
        let path = path.as_ref();
        self.refuse_inside(path)?;
        let dir = &std::path::absolute(path).map_err(Error::io("find", path))?;
        let target = Target::take(self.inner.store.disk(), dir)?;
        match self.fill(&target) {
            Ok(()) => target.finish(),
            Err(error) => {
                target.clear();
                return Err(error);
            }
        }
        Ok(())
    }

    fn fill(&self, target: &Target) -> Result<()> {
        let (moment, key_file) = self.inner.vault.with_key_file(|| self.inner.store.moment())?;
        let rolls = Engine::roll_paths(Arc::clone(&moment.view))?;
        let key_file = key_file.as_deref().map(Vec::as_slice);
        write(self.inner.store.disk(), target.dir(), &moment, &rolls, key_file)
    }

    /// Makes the database as small as it can be: the journal without what was replaced or deleted, rolls without dead
    /// rows, and small rolls put together. Takes about as long as writing everything anew, and as much room meanwhile;
    /// nobody has to call this, since both happen by themselves when half is dead. Waits for an import that runs.
    ///
    /// # Errors
    /// [`Error::Access`] on a read-only or narrowed handle, [`Error::Io`] for a full disk: what was stored stays then.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// db.compact()?;
    /// assert!(db.check()?.ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact(&self) -> Result<()> {
        self.grant.allow_all()?;
        if self.is_read_only() {
            return Err(Error::Access { detail: "the database is open read-only".to_owned() });
        }
        self.inner.engine.compact()?;
        self.inner.store.compact()
    }
}

fn write(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    moment: &Moment,
    rolls: &RollPaths,
    key_file: Option<&[u8]>,
) -> Result<()> {
    let folder = dir.join(sales::ROLLS);
    for from in &rolls.paths {
        let to = folder.join(from.file_name().unwrap_or_default());
        disk.copy(from, &to).map_err(Error::io("copy", from))?;
        sales::verify_roll(disk, &to).map_err(|error| at_source(error, from))?;
    }
    disk.sync_dir(&folder).map_err(Error::io("sync", &folder))?;
    if let Some(bytes) = key_file {
        Vault::write_key_file(&**disk, dir, bytes)?;
    }
    moment.write(&**disk, dir)
}

/// What is damaged in a copy was damaged before.
fn at_source(error: Error, from: &Path) -> Error {
    match error {
        Error::Corruption { detail, .. } => Error::corrupt(from, detail),
        other => other,
    }
}

/// Makes a new database from a backup, which stays as it is. It is checked while it is copied.
///
/// # Errors
/// As [`Db::backup`], of the backup; [`Error::NotFound`] where it is no database, [`Error::Locked`] while somebody has it
/// open for writing.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{Db, restore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let (copy, restored) = (folder.path().join("copy"), folder.path().join("restored.till"));
/// db.backup(&copy)?;
/// restore(&copy, &restored)?;
/// assert!(Db::open(&restored)?.check()?.ok());
/// # Ok(())
/// # }
/// ```
pub fn restore(backup: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
    Db::open_with(backup, &OpenOptions::new().read_only(true))?.backup(path)
}

/// Verifies a database that is not open, writing nothing: as [`Db::check`], but what keeps it from opening is a line of
/// the answer, beside what is wrong with each roll.
///
/// # Errors
/// [`Error::NotFound`] where there is none, [`Error::Locked`] while somebody has it open for writing, [`Error::Io`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::check;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let path = db.path().to_owned();
/// db.close()?;
/// assert!(check(&path)?.ok());
/// # Ok(())
/// # }
/// ```
pub fn check(path: impl AsRef<Path>) -> Result<CheckReport> {
    let path = path.as_ref();
    match Db::open_with(path, &OpenOptions::new().read_only(true)) {
        Ok(db) => db.check(),
        Err(error) if matches!(error.kind(), ErrorKind::Corruption | ErrorKind::Format) => {
            let mut problems = vec![error.to_string()];
            problems.extend(damaged_rolls(path)?);
            Ok(CheckReport { problems })
        }
        Err(error) => Err(error),
    }
}

fn damaged_rolls(path: &Path) -> Result<Vec<String>> {
    let disk: Arc<dyn Disk> = Arc::new(crate::file::OsDisk);
    let folder = path.join(sales::ROLLS);
    let mut names = disk.list(&folder).map_err(Error::io("list", &folder))?;
    names.sort();
    let rolls = names.iter().map(|name| folder.join(name)).filter(|path| sales::is_roll(path));
    Ok(rolls
        .filter_map(|path| sales::verify_roll(&disk, &path).err())
        .map(|error| error.to_string())
        .collect())
}
