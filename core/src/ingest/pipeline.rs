//! From text to batches: the calling thread unpacks, decodes and cuts the text into chunks of whole records; the pool
//! takes the chunks apart; the caller's sink gets them in the order of the file.
//!
//! ```text
//! caller:  unpack ─ decode ─ cut ──┬─ chunk 0 ─┐                     ┌─ batch 0, 1, 2 … ─ sink
//! pool:                            ├─ chunk 1 ─┼─ records ─ columns ─┤
//!                                  └─ chunk 2 ─┘                     └─ buffers go back to be filled
//! ```
//!
//! At most two chunks more than the pool has threads are under way, so memory does not grow with the input. Pool
//! threads never wait for anything.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::fields::{Dialect, Record, Splitter, last_record_end};
use super::reject::{REJECTS_PER_CHUNK, Reject, shown, too_many};
use super::text::Text;
use super::{Dates, Sink};
use crate::column::Batch;
use crate::{Error, Result};

/// Chunks of one file under way at most. One thread inflates at about the speed at which another parses, so that more
/// would only take memory.
const CHUNKS_MAX: usize = 6;

/// Sizes that tests make small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of text in a chunk.
    pub chunk: usize,
    /// Bytes of a record.
    pub record: usize,
}

impl Limits {
    pub(super) const STANDARD: Self = Self { chunk: 4 << 20, record: 1 << 20 };
}

/// Bytes unpacked at a time: few enough to be still in the cache when their checksum is taken.
const STEP: usize = 256 << 10;

/// What a bound header gives: builders for the chunks of one file.
pub(super) trait Layout: Sync {
    /// The number of columns in the header.
    fn width(&self) -> usize;
    /// Columns of which rejects show nothing: buyers' personal fields that nobody asked to keep.
    fn withheld(&self) -> &[usize];
    /// A builder that expects about so many rows.
    fn builder(&self, rows: usize) -> Box<dyn RowBuilder + '_>;
}

/// Takes the rows of one chunk.
pub(super) trait RowBuilder {
    /// Takes a row as a whole, or refuses it with the reason and takes nothing.
    fn row(&mut self, row: &Row<'_>) -> Result<(), String>;
    /// The rows so far, and their dates.
    fn finish(self: Box<Self>) -> (Batch, Dates);
}

/// The fields of one row. They are UTF-8 and hold no NUL.
pub(super) struct Row<'a> {
    text: &'a [u8],
    record: &'a Record,
}

impl<'a> Row<'a> {
    /// A field by place; `None` where the row is too short to have it.
    pub(super) fn get(&self, place: usize) -> Option<&'a [u8]> {
        self.record.field(self.text, place)
    }
}

/// A piece of text that begins and ends with a record.
pub(super) struct Chunk {
    buffer: Vec<u8>,
    /// The records stand in `buffer[start..end]`.
    pub start: usize,
    end: usize,
    /// Where `buffer` begins in the decoded text.
    offset: u64,
}

impl Chunk {
    pub(super) fn text(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

/// Cuts a text into chunks.
pub(super) struct Cutter<'t, 's, 'f> {
    text: &'t mut Text<'s, 'f>,
    limits: Limits,
    /// What follows the last chunk, at the start of a buffer.
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
    /// Why the text cannot be read on: told only after what was read before it.
    failed: Option<Error>,
    offset: u64,
    free: Vec<Vec<u8>>,
}

impl<'t, 's, 'f> Cutter<'t, 's, 'f> {
    pub(super) fn new(text: &'t mut Text<'s, 'f>, limits: Limits) -> Self {
        let buffer = vec![0; limits.chunk];
        Self { text, limits, buffer, filled: 0, ended: false, failed: None, offset: 0, free: Vec::new() }
    }

    /// Fills the buffer and gives what is in it, to look at before anything is cut. A fault of the file is kept back
    /// until the next chunk is asked for.
    pub(super) fn peek(&mut self) -> &[u8] {
        // A decoder needs room for a character and its fault.
        while !self.ended && self.failed.is_none() && self.filled + 16 <= self.buffer.len() {
            let end = self.buffer.len().min(self.filled + STEP);
            match self.text.read(self.buffer.get_mut(self.filled..end).unwrap_or_default()) {
                Ok(read) => {
                    self.filled += read;
                    self.ended = read == 0;
                }
                Err(error) => self.failed = Some(error),
            }
        }
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The fault that was kept back, with the number of whole lines before it in the buffer.
    pub(super) fn take_failure(&mut self) -> Option<(Error, u64)> {
        let error = self.failed.take()?;
        let lines = memchr::memchr_iter(b'\n', self.buffer.get(..self.filled).unwrap_or_default()).count();
        Some((error, lines as u64))
    }

    /// The next chunk; `None` at the end.
    pub(super) fn next(&mut self, dialect: Dialect) -> Result<Option<Chunk>, Stop> {
        self.peek();
        if let Some((error, lines)) = self.take_failure() {
            return Err(Stop::Reading(error, lines));
        }
        let text = self.buffer.get(..self.filled).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let cut = last_record_end(text, dialect);
        let end = if self.ended { self.filled } else { cut.ok_or(Stop::TooLong)? };
        let mut next = self.free.pop().unwrap_or_else(|| vec![0; self.limits.chunk]);
        let rest = self.buffer.get(end..self.filled).unwrap_or_default();
        if let Some(room) = next.get_mut(..rest.len()) {
            room.copy_from_slice(rest);
        }
        self.filled -= end;
        let chunk =
            Chunk { buffer: std::mem::replace(&mut self.buffer, next), start: 0, end, offset: self.offset };
        self.offset += end as u64;
        Ok(Some(chunk))
    }

    /// Takes a used buffer back.
    fn reuse(&mut self, buffer: Vec<u8>) {
        self.free.push(buffer);
    }
}

/// Why there is no next chunk.
pub(super) enum Stop {
    /// The file cannot be read on, so many lines further.
    Reading(Error, u64),
    /// A record does not fit a chunk.
    TooLong,
}

/// A chunk taken apart. Lines are counted from its start.
struct Parsed {
    batch: Batch,
    dates: Dates,
    rejects: Vec<Reject>,
    lines: u64,
    /// What ends the file's reading, and on which line.
    fault: Option<(u64, String)>,
    buffer: Vec<u8>,
}

/// Takes a chunk apart; `given_up` says that nobody waits for it any more.
fn parse(
    chunk: Chunk,
    dialect: Dialect,
    layout: &dyn Layout,
    limits: Limits,
    given_up: &AtomicBool,
) -> Parsed {
    let text = chunk.text();
    let offset = chunk.offset + chunk.start as u64;
    let all_text = std::str::from_utf8(text).is_ok() && memchr::memchr(0, text).is_none();
    let mut builder = layout.builder(text.len() / 160 + 16);
    let (mut rejects, mut lines, mut fault) = (Vec::new(), 0, None);
    let (mut splitter, mut record) = (Splitter::new(text, dialect), Record::default());
    while splitter.next(&mut record) && !given_up.load(Ordering::Relaxed) {
        let line = lines;
        lines += 1 + record.inner_lines;
        if record.is_empty_line() {
            continue;
        }
        fault = fatal(&record, limits).or_else(|| excess(rejects.len())).map(|what| (line, what));
        if fault.is_some() {
            break;
        }
        let row = Row { text, record: &record };
        let checked = if all_text { Ok(()) } else { check_text(record.text(text)) };
        let taken = checked.and_then(|()| check_width(&row, layout.width())).and_then(|()| builder.row(&row));
        if let Err(reason) = taken {
            let offset = offset + record.start as u64;
            let text =
                shown(&record.text_without(text, layout.withheld(), (dialect.delimiter, layout.width())));
            rejects.push(Reject { line, offset, reason, text });
        }
    }
    let (batch, dates) = builder.finish();
    Parsed { batch, dates, rejects, lines, fault, buffer: chunk.buffer }
}

/// What is wrong with a record that no row of a report could be.
fn fatal(record: &Record, limits: Limits) -> Option<String> {
    if record.unclosed {
        return Some("a quoted field is never closed: the file is cut off or damaged".to_owned());
    }
    (record.end - record.start > limits.record).then(|| too_long(limits))
}

fn too_long(limits: Limits) -> String {
    format!("a row is longer than {} bytes (a quote that is never closed?)", limits.record)
}

fn excess(rejects: usize) -> Option<String> {
    (rejects >= REJECTS_PER_CHUNK)
        .then(|| "hardly a row can be read: this is another kind of file".to_owned())
}

fn check_text(text: &[u8]) -> Result<(), String> {
    if std::str::from_utf8(text).is_err() {
        return Err("the row is not UTF-8 text".to_owned());
    }
    if memchr::memchr(0, text).is_some() { Err("the row holds a NUL byte".to_owned()) } else { Ok(()) }
}

/// Fields past the header's may only be blank, as a trailing delimiter leaves them.
fn check_width(row: &Row<'_>, width: usize) -> Result<(), String> {
    let have = row.record.len();
    let blank = |place| row.get(place).is_none_or(|field| field.trim_ascii().is_empty());
    if have <= width || (width..have).all(blank) {
        return Ok(());
    }
    Err(format!("the row has {have} fields where the header has {width}"))
}

/// What reading a text came to.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub rows: u64,
    pub rejects: u64,
    /// Line and reason.
    pub first_reject: Option<(u64, String)>,
    pub dates: Dates,
}

/// Hands parsed chunks on in order and keeps the count.
struct Delivery<'a> {
    path: &'a Path,
    sink: &'a mut dyn Sink,
    /// The line before the next chunk's first.
    line: u64,
    totals: Totals,
}

impl Delivery<'_> {
    /// Gives the chunk's buffer back.
    fn deliver(&mut self, mut parsed: Parsed) -> Result<Vec<u8>> {
        for reject in &mut parsed.rejects {
            reject.line += self.line + 1;
        }
        if self.totals.first_reject.is_none() {
            self.totals.first_reject =
                parsed.rejects.first().map(|reject| (reject.line, reject.reason.clone()));
        }
        self.totals.rows += parsed.batch.rows as u64;
        self.totals.rejects += parsed.rejects.len() as u64;
        self.check(&parsed)?;
        self.totals.dates.merge(parsed.dates);
        self.line += parsed.lines;
        if parsed.batch.rows > 0 || !parsed.rejects.is_empty() {
            self.sink.batch(parsed.batch, parsed.rejects)?;
        }
        Ok(parsed.buffer)
    }

    fn check(&self, parsed: &Parsed) -> Result<()> {
        let Totals { rows, rejects, .. } = &self.totals;
        if too_many(*rejects, *rows) {
            let (line, reason) = self.totals.first_reject.clone().unwrap_or_default();
            let detail = format!(
                "{rejects} of the first {} rows cannot be read, so this is another kind of file; the first: {reason}",
                rows + rejects
            );
            return Err(Error::format(self.path, Some(line), detail));
        }
        match &parsed.fault {
            Some((line, what)) => Err(Error::format(self.path, Some(self.line + line + 1), what.as_str())),
            None => Ok(()),
        }
    }
}

/// What stays the same from chunk to chunk.
pub(super) struct Job<'a> {
    pub path: &'a Path,
    pub dialect: Dialect,
    pub layout: &'a dyn Layout,
    pub limits: Limits,
    /// Reads how many bytes of the file have been used so far.
    pub consumed: &'a dyn Fn() -> u64,
}

/// Reads everything that `cutter` cuts; `rows_at` and `line` say where the rows begin in the first chunk.
pub(super) fn run(
    job: &Job<'_>,
    cutter: &mut Cutter<'_, '_, '_>,
    (rows_at, line): (usize, u64),
    pool: &rayon::ThreadPool,
    sink: &mut dyn Sink,
) -> Result<Totals> {
    let mut delivery = Delivery { path: job.path, sink, line, totals: Totals::default() };
    let most = (pool.current_num_threads() + 2).min(CHUNKS_MAX);
    let (dialect, layout, limits) = (job.dialect, job.layout, job.limits);
    let (mut skip, mut told) = (rows_at, 0);
    // The scope ends with its last chunk: those that are under way when reading is given up must not keep it.
    let given_up = AtomicBool::new(false);
    pool.in_place_scope(|scope| {
        let given_up = GiveUp(&given_up);
        let mut under_way: VecDeque<Receiver<Parsed>> = VecDeque::new();
        loop {
            let next = cutter.next(dialect);
            let now = (job.consumed)();
            delivery.sink.progress(now - std::mem::replace(&mut told, now))?;
            if next.is_err() && skip > 0 {
                // The header still stands in the buffer and is counted with it.
                delivery.line = 0;
            }
            let Some(mut chunk) = next.map_err(|stop| stopped(stop, job, &mut delivery, &under_way))? else {
                break;
            };
            chunk.start = std::mem::take(&mut skip).min(chunk.end);
            let (sender, receiver) = sync_channel(1);
            let given_up = given_up.0;
            scope.spawn(move |_| {
                // The receiver is gone where reading was given up.
                let _ = sender.send(parse(chunk, dialect, layout, limits, given_up));
            });
            under_way.push_back(receiver);
            loop {
                let wait = under_way.len() >= most;
                if !take_next(&mut under_way, wait, &mut delivery, cutter)? {
                    break;
                }
            }
        }
        while take_next(&mut under_way, true, &mut delivery, cutter)? {}
        Ok(delivery.totals)
    })
}

/// Says so when reading ends, in whatever way.
struct GiveUp<'a>(&'a AtomicBool);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Hands on the next chunk in order, if there is one: waits for it where `wait` says so, else takes it if it is ready.
fn take_next(
    under_way: &mut VecDeque<Receiver<Parsed>>,
    wait: bool,
    delivery: &mut Delivery<'_>,
    cutter: &mut Cutter<'_, '_, '_>,
) -> Result<bool> {
    let Some(receiver) = under_way.front() else { return Ok(false) };
    let parsed = match receiver.try_recv() {
        Err(TryRecvError::Empty) if !wait => return Ok(false),
        Err(TryRecvError::Empty) => receiver.recv().ok(),
        taken => taken.ok(),
    };
    under_way.pop_front();
    let parsed =
        parsed.ok_or_else(|| Error::format(delivery.path, None, "a chunk was lost while it was read"))?;
    cutter.reuse(delivery.deliver(parsed)?);
    Ok(true)
}

/// The error for a text that ends too early, with the line where that is.
fn stopped(
    stop: Stop,
    job: &Job<'_>,
    delivery: &mut Delivery<'_>,
    under_way: &VecDeque<Receiver<Parsed>>,
) -> Error {
    // The earlier fault counts, and the lines before this one must be known.
    for receiver in under_way {
        let Ok(parsed) = receiver.recv() else { break };
        if let Err(error) = delivery.deliver(parsed) {
            return error;
        }
    }
    match stop {
        Stop::TooLong => Error::format(job.path, Some(delivery.line + 1), too_long(job.limits)),
        Stop::Reading(error, lines) => on_line(error, delivery.line + lines + 1),
    }
}

/// The error with the line where it struck, where it is a fault of the file.
pub(super) fn on_line(error: Error, line: u64) -> Error {
    match error {
        Error::Format { path, line: None, detail } => Error::Format { path, line: Some(line), detail },
        other => other,
    }
}
