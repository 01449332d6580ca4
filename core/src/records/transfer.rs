//! All records as lines of JSON, out of one database and into another.
//!
//! ```text
//! {"collection": "accounts", "id": "6e46…", "created_at": "2021-04-16T15:39:06.884Z", "updated_at": …, "fields": {…}}
//! ```
//!
//! `fields` is the resource as the faces show it, with all its sub-resources; secrets are not in it. Reading a line is
//! creating its record once more with the id and times it had, without the rules about "now" that it met then.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::store::{Read, Write};
use crate::{Error, FieldErrors, Result};

use super::incoming::{self, Incoming};
use super::machine::{self, Env};
use super::uuid::new_uuid;
use super::{Context, Record, RecordId, Times, clock, list};

/// How many records are read, or committed, in one step.
const STEP: usize = 10_000;
/// The longest line; a record is at most 1 MiB, and JSON may write a character as six.
const LINE_MAX: u64 = 8 << 20;

/// Seconds since 1970 of the times that records can have, a day from either end of what is written with four digits.
const YEARS: std::ops::Range<i64> = -62_135_510_400..253_402_214_400;

/// One record of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub collection: String,
    pub id: Value,
    #[serde(with = "clock::text")]
    pub created_at: Timestamp,
    #[serde(with = "clock::text")]
    pub updated_at: Timestamp,
    pub fields: Map<String, Value>,
}

impl Line {
    /// When the record was made and last changed, as the engine keeps it: to the microsecond.
    fn times(&self) -> Result<Times> {
        let kept = |name: &str, time: Timestamp| {
            let kept = Timestamp::from_microsecond(time.as_microsecond()).ok();
            kept.filter(|kept| (YEARS).contains(&kept.as_second()))
                .ok_or_else(|| Error::invalid(name, "is no time of the years 1 to 9999"))
        };
        let times = Times {
            created_at: kept("created_at", self.created_at)?,
            updated_at: kept("updated_at", self.updated_at)?,
        };
        if times.updated_at < times.created_at {
            return Err(Error::invalid("updated_at", "lies before created_at"));
        }
        Ok(times)
    }

    /// The record it tells, not stored yet.
    ///
    /// # Errors
    /// [`Error::Validation`] with all faults.
    pub(super) fn record<R: Record>(&self, read: &dyn Read, now: Timestamp) -> Result<R> {
        let mut record: R = machine::restored(&self.fields, &Context { read, now, expand: &[] })?;
        let text = self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned);
        let id =
            R::Id::parse(&text).ok_or_else(|| Error::invalid("id", "cannot be an id of the collection"))?;
        record.stamp(id, self.times()?);
        Ok(record)
    }
}

/// Gives every record of a collection to `line`, in id order.
pub(super) fn export<R: Record>(
    read: &dyn Read,
    now: Timestamp,
    line: &mut dyn FnMut(Line) -> Result<()>,
) -> Result<()> {
    // What is shown only where it is asked for by name has lines of its own, and may be of any length.
    let stored = R::EXPANSIONS.iter().filter(|expansion| expansion.inline || expansion.flag.is_some());
    let expand: Vec<&str> = stored.map(|expansion| expansion.name).collect();
    let context = Context { read, now, expand: &expand };
    let mut last = None;
    loop {
        let ids = list::ids_after::<R>(read, last.as_ref(), STEP)?;
        for id in &ids {
            let record: R = machine::get(read, id)?;
            let Times { created_at, updated_at } = record.times();
            let (collection, fields) = (R::COLLECTION.to_owned(), record.to_json(&context)?);
            line(Line { collection, id: id.to_json(), created_at, updated_at, fields })?;
        }
        match ids.last() {
            Some(id) if ids.len() == STEP => last = Some(id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Stores the record of a line; false where the very same is stored already.
///
/// # Errors
/// As of [`incoming::check`], since what is stored may have changed meanwhile.
pub(super) fn import<R: Record>(
    write: &mut dyn Write,
    env: &Env<'_>,
    line: &Line,
    incoming: &mut Incoming,
) -> Result<bool> {
    let record: R = line.record(write, env.now)?;
    incoming::check_references(write, env.now, &record, incoming)?;
    machine::restore(write, record)
}

/// A file of lines that is being written: it takes its name only when it is whole.
pub(super) struct Writer {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    pub count: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let path = target(path)?;
        // A name of its own: what lies beside the file is not ours.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", new_uuid()?));
        let partial = path.with_file_name(name);
        let file = File::create_new(&partial).map_err(Error::io("create", &partial))?;
        Ok(Self { path, partial, file: BufWriter::new(file), count: 0 })
    }

    /// # Errors
    /// [`Error::Validation`] for a record whose line could not be read back.
    pub(super) fn line(&mut self, line: &Line) -> Result<()> {
        let bytes = serde_json::to_vec(line).map_err(io::Error::from);
        let mut bytes = bytes.map_err(Error::io("write", &self.partial))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > LINE_MAX {
            let record = format!("{} {}", line.collection, line.id);
            return Err(Error::invalid(&record, format!("would be a line of more than {LINE_MAX} bytes")));
        }
        self.file.write_all(&bytes).map_err(Error::io("write", &self.partial))?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<u64> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let written = synced
            .map_err(Error::io("write", &self.partial))
            .and_then(|()| fs::rename(&self.partial, &self.path).map_err(Error::io("rename to", &self.path)));
        let count = self.count;
        match written {
            Ok(()) => Ok(count),
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
    }

    /// Removes what was written of a file that will not be whole.
    pub(super) fn abandon(self) {
        drop(self.file);
        if let Err(error) = fs::remove_file(&self.partial) {
            tracing::warn!(%error, path = %self.partial.display(), "a part of an export stays behind");
        }
    }
}

/// The file to write: where a link leads, and nothing that is no file, since it would be replaced by one.
fn target(path: &Path) -> Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(found) if found.is_file() => Ok(found),
        Ok(found) => Err(Error::format(&found, None, "is no file that could be written anew")),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
            Ok(path.to_owned())
        }
        Err(error) => Err(Error::io("write", path)(error)),
    }
}

/// Where a line stands in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// From 1 on.
    pub number: u64,
    offset: u64,
}

/// The lines of a file, in order, each with its number from 1 on.
pub(super) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    next: Place,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let next = Place { number: 1, offset: 0 };
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), next })
    }

    /// The next lines, at most a step of them, each with what is wrong with it; none at the end. Each is asked for before
    /// it is read.
    ///
    /// # Errors
    /// Those of reading, and of `wanted`.
    pub(super) fn step(&mut self, wanted: &dyn Fn() -> Result<()>) -> Result<Vec<(Place, Result<Line>)>> {
        let mut lines = Vec::new();
        while lines.len() < STEP {
            wanted()?;
            let Some((place, bytes)) = self.next()? else { break };
            if !bytes.trim_ascii().is_empty() {
                lines.push((place, self.parsed(place.number, &bytes)));
            }
        }
        Ok(lines)
    }

    /// The line of a place, wherever the last one stood.
    pub(super) fn at(&mut self, place: &Place) -> Result<Line> {
        self.file.seek(SeekFrom::Start(place.offset)).map_err(Error::io("read", &self.path))?;
        self.next = *place;
        match self.next()? {
            Some((place, bytes)) => self.parsed(place.number, &bytes),
            None => Err(self.fault(place.number, "was changed while it was read")),
        }
    }

    /// The next line, which may be blank.
    fn next(&mut self) -> Result<Option<(Place, Vec<u8>)>> {
        let (place, mut bytes) = (self.next, Vec::new());
        let limited = &mut (&mut self.file).take(LINE_MAX);
        let read = limited.read_until(b'\n', &mut bytes).map_err(Error::io("read", &self.path))?;
        if read == 0 {
            return Ok(None);
        }
        self.next = Place { number: place.number + 1, offset: place.offset + read as u64 };
        if bytes.len() as u64 == LINE_MAX && !bytes.ends_with(b"\n") {
            return Err(self.fault(place.number, format!("is longer than {LINE_MAX} bytes")));
        }
        Ok(Some((place, bytes)))
    }

    fn parsed(&self, number: u64, bytes: &[u8]) -> Result<Line> {
        serde_json::from_slice(bytes).map_err(|error| self.fault(number, error.to_string()))
    }

    /// A fault with its place. What concerns no line keeps its kind.
    pub(super) fn fault(&self, number: u64, detail: impl Into<String>) -> Error {
        Error::format(&self.path, Some(number), detail)
    }

    /// The same error with the place in the file.
    pub(super) fn place(&self, number: u64, error: Error) -> Error {
        match error {
            Error::Validation { fields } => self.fault(number, told(&fields)),
            Error::NotFound { what } => self.fault(number, format!("{what} not found")),
            Error::Conflict { field, detail } => {
                let detail = format!("{}, line {number}: {detail}", self.path.display());
                Error::Conflict { field, detail }
            }
            other => other,
        }
    }
}

fn told(fields: &FieldErrors) -> String {
    Error::Validation { fields: fields.clone() }.to_string()
}

#[cfg(test)]
#[path = "transfer_test.rs"]
mod test;
