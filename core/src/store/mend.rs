//! Puts what a repair has made of a store in its place.
//!
//! Steps, each of which may be the last one before a crash:
//!
//! 1. [`Salvage::set_aside`] copies what is about to go to `damaged/`, durably, and takes nothing away.
//! 2. [`Salvage::commit`] writes the new journal under the next number: from its rename on it counts. Then `TILLROLL`,
//!    where that was missing or damaged, and the text of `LOCK`.
//! 3. [`Salvage::clean`] removes what has its copy in `damaged/`, and the index; where that may hold what the journal has
//!    lost, it is moved to `damaged/` instead. So is a file that the disk fails to read, for its copy may lack that.
//!
//! Until the second step all is as it was found and can be repaired again; behind it the database opens.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::directory::{self, DAMAGED, INDEX, JOURNAL, MARK, ROLLS, folder_names};
use super::index::remove_dir;
use super::lock::{self, Content, Whole};
use super::{Image, Salvage};
use crate::file::{Disk, DiskFile, read_start, write_atomically};
use crate::journal::write_state;
use crate::{Error, Result};

/// A file that goes.
pub struct Aside {
    path: PathBuf,
    /// Where it stands in `damaged/`.
    pub copy: PathBuf,
}

impl Salvage {
    /// Whether a state must be written that is not that of the journal.
    fn needs_journal(&self, image: &Image) -> bool {
        !self.is_whole || image != self.image()
    }

    /// The store's own files that a repair with this outcome replaces.
    pub fn replaced(&self, image: &Image) -> Vec<PathBuf> {
        let mut paths = if self.needs_journal(image) { self.journals.clone() } else { Vec::new() };
        let mark = self.dir.join(MARK);
        // What the system cannot even tell may stand there.
        let may_stand = !matches!(mark.try_exists(), Ok(false));
        paths.extend((!self.has_mark && may_stand).then_some(mark));
        paths
    }

    /// The folders that a database has, and that for what is damaged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn make_folders(&self) -> Result<()> {
        let folders = [JOURNAL, ROLLS, DAMAGED];
        folders.iter().try_for_each(|name| directory::make_folder(&*self.disk, &self.dir, name))?;
        directory::sync(&*self.disk, &self.dir)
    }

    /// Copies files to `damaged/`, under names that are free there. A copy that stands there already, as after a repair
    /// that found the disk full, serves again, unless the disk fails to read it: then it may be of another file. What is
    /// not there any more is passed over.
    ///
    /// # Errors
    /// [`Error::Io`]; the files stand where they stood in any case.
    pub fn set_aside(&self, paths: &[PathBuf]) -> Result<Vec<Aside>> {
        let folder = self.dir.join(DAMAGED);
        let mut moved = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default();
            let serves = |copy: &Path| Ok(is_same(&*self.disk, path, copy)? && !self.lenient.is_hurt(copy));
            let copy = self.standing(name, serves)?;
            match copy.map_or_else(|| self.copy_aside(path), Ok) {
                Ok(copy) => moved.push(Aside { path: path.clone(), copy }),
                // Somebody else has taken it away meanwhile: there is nothing to keep.
                Err(_) if self.is_gone(path)? => {}
                Err(error) => return Err(error),
            }
        }
        directory::sync(&*self.disk, &folder)?;
        Ok(moved)
    }

    fn is_gone(&self, path: &Path) -> Result<bool> {
        let folder = path.parent().unwrap_or(&self.dir);
        Ok(!folder_names(&*self.disk, folder)?.iter().any(|name| Some(name.as_os_str()) == path.file_name()))
    }

    fn copy_aside(&self, path: &Path) -> Result<PathBuf> {
        let target = self.free_name(path.file_name().unwrap_or_default())?;
        let temporary = target.with_added_extension("tmp");
        directory::remove(&*self.disk, &temporary)?;
        self.disk.copy(path, &temporary).map_err(Error::io("copy", path))?;
        self.disk.rename(&temporary, &target).map_err(Error::io("rename", &temporary))?;
        Ok(target)
    }

    /// Puts a file of these bytes into `damaged/`, durably, and gives its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn leave(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let has_them = |path: &Path| {
            let held = read_start(&*self.disk, path, bytes.len() + 1).map_err(Error::io("read", path))?;
            Ok(held == bytes)
        };
        let target = match self.standing(name.as_ref(), has_them)? {
            Some(target) => target,
            None => self.free_name(name.as_ref())?,
        };
        write_atomically(&*self.disk, &target, bytes).map_err(Error::io("write", &target))?;
        Ok(self.relative(&target))
    }

    /// The file in `damaged/` that was made of one of this name and is as asked.
    fn standing(&self, name: &OsStr, is_asked: impl Fn(&Path) -> Result<bool>) -> Result<Option<PathBuf>> {
        let folder = self.dir.join(DAMAGED);
        for taken in folder_names(&*self.disk, &folder)? {
            let path = folder.join(&taken);
            let is_numbered = || path.extension().is_some_and(is_number) && path.file_stem() == Some(name);
            if (taken == name || is_numbered()) && is_asked(&path).unwrap_or(false) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Where in `damaged/` the index is to stand; none where it only says what the journal does.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn place_of_index(&self) -> Result<Option<String>> {
        let place = self.has_kept_index()?.then(|| self.free_name(INDEX.as_ref())).transpose()?;
        Ok(place.map(|place| self.relative(&place)))
    }

    /// A path in `damaged/` at which nothing stands.
    fn free_name(&self, name: &OsStr) -> Result<PathBuf> {
        let folder = self.dir.join(DAMAGED);
        let taken = folder_names(&*self.disk, &folder)?;
        let numbered = |number: u32| {
            let mut name = name.to_owned();
            if number > 1 {
                name.push(format!(".{number}"));
            }
            name
        };
        let free = |name: &OsString| !taken.contains(name);
        // One of more names than there are is free.
        let name = (1..=u32::MAX).map(numbered).find(free).unwrap_or_else(|| name.to_owned());
        Ok(folder.join(name))
    }

    /// Makes `image` what the database holds. `asides` are the files that go.
    ///
    /// # Errors
    /// [`Error::Io`]; then either the old state or the new one stands.
    pub fn commit(&self, image: &Image, asides: &[Aside]) -> Result<()> {
        let disk = &*self.disk;
        let mut written = None;
        if self.needs_journal(image) {
            let (number, last) = (self.number + 1, self.last + 1);
            let entries = image.0.iter().map(|(key, value)| (key.as_slice(), &**value));
            let len = write_state(disk, &self.dir.join(JOURNAL), (self.database, number), last, entries)?;
            written = Some(Whole { number, len, last });
        }
        if !self.has_mark {
            asides.iter().filter(|one| self.is_mark(one)).try_for_each(|mark| self.move_hurt(mark))?;
            directory::mark(disk, &self.dir, self.database)?;
        }
        match written {
            Some(whole) => lock::write(disk, &self.dir, &Content { pid: None, whole: Some(whole) }),
            None => Ok(()),
        }
    }

    /// Removes files that were set aside, and the index where it is not that of `image`, or moves it to its place.
    ///
    /// # Errors
    /// [`Error::Io`]; what is left goes at the next opening.
    pub fn clean(&self, image: &Image, asides: &[Aside], place: Option<&str>) -> Result<()> {
        for aside in asides.iter().filter(|one| !self.is_mark(one)) {
            self.move_hurt(aside)?;
            directory::remove(&*self.disk, &aside.path)?;
        }
        let folders = [JOURNAL, ROLLS].map(|name| self.dir.join(name));
        folders.iter().try_for_each(|folder| directory::sync(&*self.disk, folder))?;
        if self.needs_journal(image) || !self.index_is_good {
            self.clear_index(place)?;
        }
        Ok(())
    }

    /// `TILLROLL` is not removed but written anew.
    fn is_mark(&self, aside: &Aside) -> bool {
        aside.path == self.dir.join(MARK)
    }

    /// Puts a file that cannot be read whole in the place of its copy, which lacks what was not read. Where the copy is a
    /// second name of the same file, both names stay.
    fn move_hurt(&self, Aside { path, copy }: &Aside) -> Result<()> {
        if !self.lenient.is_hurt(path) {
            return Ok(());
        }
        self.disk.rename(path, copy).map_err(Error::io("rename", path))?;
        directory::sync(&*self.disk, &self.dir.join(DAMAGED))
    }

    fn clear_index(&self, place: Option<&str>) -> Result<()> {
        let index = self.dir.join(INDEX);
        let Some(place) = place else { return remove_dir(&index).map_err(Error::io("remove", &index)) };
        std::fs::rename(&index, self.dir.join(place)).map_err(Error::io("rename", &index))?;
        directory::sync(&*self.disk, &self.dir.join(DAMAGED))?;
        directory::sync(&*self.disk, &self.dir)
    }

    /// The database directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn is_number(text: &OsStr) -> bool {
    text.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

/// Whether two files hold the same bytes.
fn is_same(disk: &dyn Disk, one: &Path, other: &Path) -> Result<bool> {
    const PIECE: u64 = 1 << 20;
    let open = |path: &Path| disk.open(path, false).map_err(Error::io("read", path));
    let len = |file: &dyn DiskFile, path: &Path| file.len().map_err(Error::io("read", path));
    let (left, right) = (open(one)?, open(other)?);
    let end = len(&*left, one)?;
    if end != len(&*right, other)? {
        return Ok(false);
    }
    let mut at = 0;
    while at < end {
        let piece = usize::try_from(PIECE.min(end - at)).unwrap_or_default();
        let (mut own, mut its) = (vec![0; piece], vec![0; piece]);
        left.read_exact_at(&mut own, at).map_err(Error::io("read", one))?;
        right.read_exact_at(&mut its, at).map_err(Error::io("read", other))?;
        if own != its {
            return Ok(false);
        }
        at += PIECE;
    }
    Ok(true)
}
