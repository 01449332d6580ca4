//! What is left of a store that may not open: locked and read, and not changed yet.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Image;
use super::directory::{self, INDEX, JOURNAL, MARK, ROLLS};
use super::index::{Verdict, inspect, open_sled};
use super::lock::{self, Whole};
use super::open::{draw_id, find_journal, journals};
use crate::file::Disk;
use crate::journal::{FileHeader, Gap, Reader, Salvaged, Scan, is_readable, salvage};
use crate::{Error, Result};

/// What the index may cache while it is compared.
const CACHE_BYTES: u64 = 32 << 20;

/// Told of every change that the journal holds, before it is made to the state so far.
pub type Observe<'a> = &'a mut dyn FnMut(&Image, &[u8], Option<&[u8]>);

/// Takes an operation with the sequence of its frame.
type EachOp<'a> = &'a mut dyn FnMut(u64, &[u8], Option<&[u8]>);

/// A store that nobody else has open, and what it still says.
pub struct Salvage {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    /// What the journal still holds.
    image: Image,
    pub(super) database: u128,
    /// No commit has a higher sequence.
    pub(super) last: u64,
    /// The newest journal there is, or was.
    pub(super) number: u64,
    pub(super) journals: Vec<PathBuf>,
    pub(super) has_mark: bool,
    pub(super) is_whole: bool,
    pub(super) index_is_good: bool,
    /// Commits are missing, or may be.
    has_gaps: bool,
    notes: Vec<String>,
    _held: Option<File>,
}

impl Salvage {
    /// Locks a database that nobody has open and reads what is left of it. Writes nothing but a missing `LOCK`, and to
    /// the index, which is derived.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no database, [`Error::Locked`], [`Error::Format`] for a newer format or a backup
    /// that is not finished, [`Error::Io`]. Damage is none.
    pub fn take(disk: &Arc<dyn Disk>, dir: &Path, observe: Observe<'_>) -> Result<Self> {
        let dir = &std::path::absolute(dir).map_err(Error::io("find", dir))?;
        refuse_missing(&**disk, dir)?;
        let held = lock::acquire(&**disk, dir, false)?;
        refuse_missing(&**disk, dir)?;
        let mark = directory::read(&**disk, dir).or_else(unless_damaged)?;
        let mut salvage = Self {
            disk: Arc::clone(disk),
            dir: dir.clone(),
            image: Image::default(),
            database: 0,
            last: 0,
            number: 0,
            journals: Vec::new(),
            has_mark: mark.is_some(),
            is_whole: false,
            index_is_good: true,
            has_gaps: false,
            notes: Vec::new(),
            _held: held,
        };
        salvage.read(mark, observe)?;
        Ok(salvage)
    }

    /// What the journal still holds.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether commits are missing, or may be.
    pub fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    /// What was found wrong, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether nothing of the store itself needs to be put right.
    pub fn is_sound(&self) -> bool {
        self.has_mark && self.is_whole && self.index_is_good && !self.has_gaps && self.has_folders()
    }

    pub(super) fn has_folders(&self) -> bool {
        self.disk.list(&self.dir.join(ROLLS)).is_ok()
    }

    fn read(&mut self, mark: Option<u128>, observe: Observe<'_>) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let mut all = journals(&*disk, &self.dir)?;
        all.reverse();
        let whole = lock::read(&*disk, &self.dir).whole;
        self.journals = all.iter().map(|(_, path)| path.clone()).collect();
        self.number = all.last().map_or(0, |(number, _)| *number).max(whole.map_or(0, |whole| whole.number));
        if mark.is_none() {
            self.notes.push(format!("{MARK} was missing or damaged and is written anew"));
        }
        let told = all.last().and_then(|(_, path)| Reader::open(&*disk, path, 0).ok());
        let told = told.map(|reader| reader.header().database);
        if let (Some(mark), Some(told)) = (mark, told)
            && mark != told
        {
            self.notes.push(format!("{MARK} is another database's; what the journal holds counts"));
            self.has_mark = false;
        }
        if let Some(database) = told {
            self.database = database;
            match find_journal(&*disk, &self.dir, database, whole) {
                Ok(found) => return self.replay(found.reader.path(), &found.scan, whole, observe),
                Err(Error::Corruption { path, detail }) => {
                    self.notes.push(format!("{}: {detail}", self.relative(&path)));
                }
                Err(error) => return Err(error),
            }
        }
        self.salvage(mark, &all, whole, observe)
    }

    /// A path as it stands below the database directory.
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir).unwrap_or(path).display().to_string()
    }

    /// Takes in a journal that is whole, and compares the index with it.
    fn replay(&mut self, path: &Path, scan: &Scan, whole: Option<Whole>, observe: Observe<'_>) -> Result<()> {
        let whole_to = whole.filter(|whole| whole.number == scan.header.number).map_or(0, |whole| whole.len);
        let disk = Arc::clone(&self.disk);
        each_op(&*disk, path, whole_to, &mut |_, key, value| change(&mut self.image, observe, key, value))?;
        (self.last, self.is_whole) = (scan.last, true);
        let index = self.dir.join(INDEX);
        if directory::folder_names(&*disk, &index)?.is_empty() {
            return Ok(());
        }
        let touched = |from: u64| {
            let mut keys = BTreeSet::new();
            each_op(&*disk, path, whole_to, &mut |sequence, key, _| {
                if sequence > from {
                    keys.insert(key.to_vec());
                }
            })?;
            Ok(keys)
        };
        let open = || open_sled(&index, CACHE_BYTES);
        match inspect(&open, &self.image, (self.database, scan.applied, scan.last), touched)? {
            Verdict::Good => {}
            Verdict::Bad(why) => {
                self.index_is_good = false;
                self.notes.push(format!("index/ is removed and made again at the next opening: {why}"));
            }
            Verdict::Ahead(sequence) => {
                self.index_is_good = false;
                let name = self.relative(path);
                self.miss(format!("{name} was cut: commits {} to {sequence}", scan.last + 1));
                self.last = sequence;
            }
        }
        Ok(())
    }

    /// Notes commits that cannot be read.
    fn miss(&mut self, what: String) {
        self.has_gaps = true;
        self.notes.push(format!(
            "{what} could not be read: changes to records made in them are lost, and what was deleted in them may stand \
             again"
        ));
    }

    /// Takes in what is left of damaged journals, the oldest first.
    fn salvage(
        &mut self,
        mark: Option<u128>,
        all: &[(u64, PathBuf)],
        whole: Option<Whole>,
        observe: Observe<'_>,
    ) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let mut newest = None;
        for (number, path) in all {
            let Some(guess) = self.guess(mark, *number, path)? else {
                newest = Some((*number, path, None));
                continue;
            };
            let known = match &newest {
                Some((_, _, Some(Salvaged { gaps, last, .. }))) if gaps.is_empty() => *last,
                _ => 0,
            };
            let mut each = |key: &[u8], value: Option<&[u8]>| change(&mut self.image, observe, key, value);
            let found = salvage(&*disk, path, guess, known, &mut each)?;
            self.database = found.header.database;
            self.last = self.last.max(found.last);
            newest = Some((*number, path, Some(found)));
        }
        if self.database == 0 {
            self.database = mark.map_or_else(|| draw_id(&self.dir), Ok)?;
        }
        match newest {
            Some((number, path, Some(found))) => self.note_gaps((number, path), &found, whole),
            Some((_, path, None)) => self.miss(format!("all commits in {}", self.relative(path))),
            None => self.miss(format!("all commits: there is no journal in {JOURNAL}/, and they")),
        }
        self.last = self.last.max(whole.map_or(0, |whole| whole.last));
        Ok(())
    }

    fn note_gaps(&mut self, (number, path): (u64, &Path), found: &Salvaged, whole: Option<Whole>) {
        let name = self.relative(path);
        let own = whole.filter(|whole| whole.number == number);
        for Gap { at, after, before, in_base } in &found.gaps {
            match before {
                _ if *in_base => {
                    self.miss(format!("part of the state that {name} begins with, and commits in it,"))
                }
                Some(before) => self.miss(format!("frames between sequence {after} and {before} of {name}")),
                // A write that never was acknowledged, or the note that the database was closed.
                None if own.is_none_or(|own| *at >= own.len || *after >= own.last) => {}
                None => self.miss(format!("frames behind sequence {after} of {name}")),
            }
        }
        if !self.has_gaps && own.is_some_and(|own| found.last < own.last) {
            self.miss(format!("frames behind sequence {} of {name}", found.last));
        }
        if whole.is_some_and(|whole| whole.number > number) {
            self.miss(format!("{JOURNAL}/ lacks its newest file, whose frames"));
        }
    }

    /// What to read a journal with whose header may be damaged; `None` where nothing fits.
    fn guess(&self, mark: Option<u128>, number: u64, path: &Path) -> Result<Option<FileHeader>> {
        let raw = crate::file::read_start(&*self.disk, path, 32).map_err(Error::io("read", path))?;
        let raw = raw.get(16..32).and_then(|id| id.first_chunk()).map(|id| u128::from_le_bytes(*id));
        let told = Some(self.database).filter(|&database| database != 0);
        let ids = [told, mark, directory::guess(&*self.disk, &self.dir), raw];
        for database in ids.into_iter().flatten() {
            let guess = FileHeader { number, ..FileHeader::first(database) };
            if is_readable(&*self.disk, path, guess)? {
                return Ok(Some(guess));
            }
        }
        Ok(None)
    }
}

fn unless_damaged(error: Error) -> Result<Option<u128>> {
    if matches!(error, Error::Corruption { .. }) { Ok(None) } else { Err(error) }
}

/// Refuses a directory that is no database and never was.
fn refuse_missing(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let marked = directory::read(disk, dir);
    if matches!(marked, Ok(Some(_))) || directory::has_data(disk, dir)? {
        if matches!(marked, Ok(None)) {
            directory::refuse_unfinished(disk, dir)?;
        }
        return Ok(());
    }
    directory::refuse_unfinished(disk, dir)?;
    match marked {
        // A journal without commits and a mark that cannot be read: an empty database.
        Err(Error::Corruption { .. }) if !journals(disk, dir)?.is_empty() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(Error::NotFound { what: format!("database {}", dir.display()) }),
    }
}

fn change(image: &mut Image, observe: Observe<'_>, key: &[u8], value: Option<&[u8]>) {
    observe(image, key, value);
    match value {
        Some(value) => image.0.insert(key.to_vec(), value.into()),
        None => image.0.remove(key),
    };
}

/// Gives every operation of a journal that is whole, with the sequence of its frame.
fn each_op(disk: &dyn Disk, path: &Path, whole_to: u64, each: EachOp<'_>) -> Result<()> {
    let mut reader = Reader::open(disk, path, whole_to)?;
    while let Some(frame) = reader.next()? {
        for op in reader.ops(&frame) {
            let (key, value) = op?;
            each(frame.header.last, key, value);
        }
    }
    Ok(())
}
