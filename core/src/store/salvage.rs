//! What is left of a store that may not open: locked and read, and not changed yet.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Image;
use super::directory::{self, DAMAGED, INDEX, JOURNAL, MARK, ROLLS};
use super::index::{Verdict, inspect, open_sled};
use super::lenient::Lenient;
use super::lock::{self, Whole};
use super::open::{draw_id, find_journal, journals};
use crate::file::Disk;
use crate::journal::{
    EachOp, FileHeader, FrameHeader, Gap, Kind, Reader, Salvaged, Scan, database_of, is_readable, salvage,
};
use crate::{Error, Result};

/// What the index may cache while it is compared.
const CACHE_BYTES: u64 = 32 << 20;

/// Told of what the journal holds while it is read.
pub trait Observe {
    /// A change, before it is made to the state so far. Those of one frame have the frame's sequence.
    fn change(&mut self, image: &Image, sequence: u64, key: &[u8], value: Option<&[u8]>);
    /// The state so far is all that there was at one moment: what is not in it was not there then.
    fn base(&mut self, image: &Image);
}

/// Makes the changes of one journal to the state so far, and tells of them.
struct Changes<'a> {
    image: &'a mut Image,
    observe: &'a mut dyn Observe,
    /// What is read is the state that the journal begins with, all of which can be read.
    in_base: bool,
}

impl Changes<'_> {
    fn take(&mut self, header: &FrameHeader, key: &[u8], value: Option<&[u8]>) {
        if header.kind != Kind::Base {
            self.end_base();
        }
        self.observe.change(self.image, header.last, key, value);
        match value {
            Some(value) => self.image.0.insert(key.to_vec(), value.into()),
            None => self.image.0.remove(key),
        };
    }

    fn end_base(&mut self) {
        if std::mem::take(&mut self.in_base) {
            self.observe.base(self.image);
        }
    }
}

/// A store that nobody else has open, and what it still says.
pub struct Salvage {
    pub(super) disk: Arc<dyn Disk>,
    /// The same, and what it failed to read.
    pub(super) lenient: Arc<Lenient>,
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
    /// that is not finished, [`Error::Io`]. Damage is none, nor is a file that the disk fails to read.
    pub fn take(disk: &Arc<dyn Disk>, dir: &Path, observe: &mut dyn Observe) -> Result<Self> {
        let dir = &std::path::absolute(dir).map_err(Error::io("find", dir))?;
        let lenient = Arc::new(Lenient::new(disk));
        refuse_missing(&*lenient, dir)?;
        let held = lock::acquire(&*lenient, dir, false)?;
        refuse_missing(&*lenient, dir)?;
        let mark = directory::read(&*lenient, dir).or_else(unless_damaged)?;
        let mut salvage = Self {
            disk: Arc::clone(&lenient) as Arc<dyn Disk>,
            lenient,
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
        if salvage.has_kept_index()? {
            salvage
                .notes
                .push(format!("{INDEX}/ is moved to {DAMAGED}/: it may hold what the journal has lost"));
        }
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

    /// Whether there is an index that may hold what the journal has lost.
    pub(super) fn has_kept_index(&self) -> Result<bool> {
        Ok(self.has_gaps && !directory::folder_names(&*self.disk, &self.dir.join(INDEX))?.is_empty())
    }

    /// What was found wrong, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the disk failed to read so far, for people.
    pub fn unread(&self) -> Vec<String> {
        self.lenient.hurt().iter().map(|(path, what)| format!("{}: {what}", self.relative(path))).collect()
    }

    /// The disk that everything is read by: what it fails to read are zeros.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Refuses a disk that reads nothing at all of journal and rolls.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn refuse_blind(&self) -> Result<()> {
        self.lenient.refuse_blind(&[JOURNAL, ROLLS].map(|name| self.dir.join(name)))
    }

    /// Whether nothing of the store itself needs to be put right.
    pub fn is_sound(&self) -> bool {
        self.has_mark && self.is_whole && self.index_is_good && !self.has_gaps && self.has_folders()
    }

    pub(super) fn has_folders(&self) -> bool {
        self.disk.list(&self.dir.join(ROLLS)).is_ok()
    }

    fn read(&mut self, mark: Option<u128>, observe: &mut dyn Observe) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let mut all = journals(&*disk, &self.dir)?;
        all.reverse();
        let whole = lock::read(&*disk, &self.dir).whole;
        self.journals = all.iter().map(|(_, path)| path.clone()).collect();
        self.number = all.last().map_or(0, |(number, _)| *number).max(whole.map_or(0, |whole| whole.number));
        if mark.is_none() {
            self.notes.push(format!("{MARK} was missing or damaged and is written anew"));
        }
        let own = self.own(mark, all)?;
        if !own.is_empty() && own.len() == self.journals.len() {
            match find_journal(&*disk, &self.dir, self.database, whole) {
                // What cannot be read at its end looks as if it had never been written.
                Ok(_) if own.iter().any(|(_, path)| self.lenient.is_hurt(path)) => {}
                Ok(found) => return self.replay(found.reader.path(), &found.scan, whole, observe),
                Err(Error::Corruption { path, detail }) => {
                    self.notes.push(format!("{}: {detail}", self.relative(&path)));
                }
                Err(error) => return Err(error),
            }
        }
        self.salvage(&own, whole, observe)
    }

    /// The journals of this database, as far as their headers tell. One that was put in place of another says nothing of
    /// the rolls beside it.
    fn own(&mut self, mark: Option<u128>, all: Vec<(u64, PathBuf)>) -> Result<Vec<(u64, PathBuf)>> {
        let mut told = Vec::new();
        for (_, path) in &all {
            told.push(database_of(&*self.disk, path)?);
        }
        self.database = mark.or(told.iter().rev().flatten().next().copied()).unwrap_or(0);
        let mut own = Vec::new();
        for (journal, told) in all.into_iter().zip(told) {
            if told.is_none_or(|told| told == self.database) {
                own.push(journal);
                continue;
            }
            let name = self.relative(&journal.1);
            self.notes.push(format!("{name} is another database's and does not count"));
        }
        Ok(own)
    }

    /// A path as it stands below the database directory.
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir).unwrap_or(path).display().to_string()
    }

    /// Takes in a journal that is whole, and compares the index with it.
    fn replay(
        &mut self,
        path: &Path,
        scan: &Scan,
        whole: Option<Whole>,
        observe: &mut dyn Observe,
    ) -> Result<()> {
        let whole_to = whole.filter(|whole| whole.number == scan.header.number).map_or(0, |whole| whole.len);
        let disk = Arc::clone(&self.disk);
        let in_base = scan.header.covered > 0;
        let mut changes = Changes { image: &mut self.image, observe, in_base };
        each_op(&*disk, path, whole_to, &mut |header, key, value| changes.take(header, key, value))?;
        changes.end_base();
        (self.last, self.is_whole) = (scan.last, true);
        let index = self.dir.join(INDEX);
        if directory::folder_names(&*disk, &index)?.is_empty() {
            return Ok(());
        }
        let touched = |from: u64| {
            let mut keys = BTreeSet::new();
            each_op(&*disk, path, whole_to, &mut |header, key, _| {
                if header.last > from {
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
        own: &[(u64, PathBuf)],
        whole: Option<Whole>,
        observe: &mut dyn Observe,
    ) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let mut newest = None;
        for (number, path) in own {
            let Some(guess) = self.guess(*number, path)? else {
                newest = Some((*number, path, None));
                continue;
            };
            let known = match &newest {
                Some((_, _, Some(Salvaged { gaps, last, .. }))) if gaps.is_empty() => *last,
                _ => 0,
            };
            // What is kept of older journals may be newer than a base and must not be overwritten by it, or older and
            // deleted since.
            let base = salvage(&*disk, path, guess, known, &mut |_, _, _| {})?.base;
            let in_base = base.is_some_and(|covered| covered > known);
            if in_base {
                self.image = Image::default();
            }
            let mut changes = Changes { image: &mut self.image, observe, in_base };
            let mut each =
                |header: &FrameHeader, key: &[u8], value: Option<&[u8]>| changes.take(header, key, value);
            let found = salvage(&*disk, path, guess, known, &mut each)?;
            changes.end_base();
            self.database = found.header.database;
            self.last = self.last.max(found.last);
            newest = Some((*number, path, Some(found)));
        }
        if self.database == 0 {
            self.database = draw_id(&self.dir)?;
        }
        match newest {
            Some((number, path, Some(found))) => self.note_gaps((number, path), &found, whole),
            Some((_, path, None)) => self.miss(format!("all commits in {}", self.relative(path))),
            None => self.miss(format!("all commits: {JOURNAL}/ holds no journal of this database, and they")),
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
        if !self.has_gaps && self.lenient.is_hurt(path) {
            self.miss(format!("part of {name}, and commits in it,"));
        }
        if whole.is_some_and(|whole| whole.number > number) {
            self.miss(format!("{JOURNAL}/ lacks its newest file, whose frames"));
        }
    }

    /// What to read a journal with whose header may be damaged; `None` where nothing fits.
    fn guess(&self, number: u64, path: &Path) -> Result<Option<FileHeader>> {
        let raw = crate::file::read_start(&*self.disk, path, 32).map_err(Error::io("read", path))?;
        let raw = raw.get(16..32).and_then(|id| id.first_chunk()).map(|id| u128::from_le_bytes(*id));
        let told = Some(self.database).filter(|&database| database != 0);
        let guessed = [directory::guess(&*self.disk, &self.dir), raw].into_iter().flatten();
        for database in told.map_or_else(|| guessed.collect(), |told| vec![told]) {
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

/// Gives every operation of a journal that is whole, with the header of its frame.
fn each_op(disk: &dyn Disk, path: &Path, whole_to: u64, each: EachOp<'_>) -> Result<()> {
    let mut reader = Reader::open(disk, path, whole_to)?;
    while let Some(frame) = reader.next()? {
        for op in reader.ops(&frame) {
            let (key, value) = op?;
            each(&frame.header, key, value);
        }
    }
    Ok(())
}
