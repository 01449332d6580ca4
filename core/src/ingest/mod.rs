//! Report files in, columns out: containers, encodings, records, headers, and what each store means by its columns.
//! Knows no storage.
//!
//! ```text
//! file ─ container (gzip | zip | plain) ─ text (UTF-8, UTF-16) ─ fields (records) ─ header (bound by name)
//!      ─ amazon, apple, google_sales, google_earnings (meaning) ─ columns ─ sink
//! ```
//!
//! A store's kind of report is one file: the columns that a header is bound to, and a builder that takes rows.

mod amazon;
mod apple;
mod binding;
mod columns;
mod container;
mod dates;
mod fields;
mod foreign;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod google;
mod google_earnings;
mod google_sales;
mod header;
mod identity;
mod item;
mod item_key;
#[cfg(feature = "kernels")]
pub(crate) mod kernels;
mod kind;
mod marks;
mod number;
mod pacific;
mod pipeline;
mod reject;
mod sniff;
mod span;
mod stamp;
mod standard;
#[cfg(test)]
mod test;
mod text;
mod written;
mod zone;

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, LazyLock};

pub use container::File;
pub use dates::{Dates, Months};
pub use identity::{month_names, part, period};
pub use item::{Item, Items};
pub use item_key::{ItemCodes, ItemKey, is_mark};
pub use kind::{Kind, StoreKind};
pub use reject::Reject;
pub use span::named_period;
pub use written::{Interpreted, RowValues, written};

use crate::column::{Batch, Field, Type};
use crate::{Error, Result};
use binding::{Binding, Reads};
use pipeline::{Cutter, Job, Layout, Limits};
use sniff::{Head, Looks};
use text::Text;

/// Raised whenever the same bytes would be read into other rows, so that unchanged files are read again.
pub const READER_VERSION: u32 = 1;

/// Columns that the engine adds to a report's; files cannot take their names.
const RESERVED: [&str; 5] = ["account", "store", "kind", "period", "product"];

/// The columns that every batch begins with, whatever the store.
///
/// `time` is in microseconds UTC, `date` in days since 1970, `sales` and `earnings` in millionths. Columns of the file
/// follow under their own header names, as text: those that have no standard place, and the text of those that were
/// interpreted (see [`written`]).
pub fn standard_fields() -> Arc<[Field]> {
    static FIELDS: LazyLock<Arc<[Field]>> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, Type::Text);
        let int = |name: &str| Field::new(name, Type::Int);
        Arc::new([
            text("marketplace"),
            text("country"),
            text("invoice_id"),
            text("transaction_id"),
            int("time"),
            int("date"),
            text("type"),
            text("sku"),
            text("parent_sku"),
            text("title"),
            text("item_name"),
            text("item_type"),
            text("term"),
            int("units"),
            text("usage_time"),
            text("currency"),
            int("sales"),
            int("earnings"),
            text("earnings_currency"),
        ])
    });
    FIELDS.clone()
}

/// Takes what [`read`] reads, in the order of the file. An error stops the reading at once.
pub trait Sink {
    /// So many more bytes of the file (as it lies on disk) were used since the last call.
    fn progress(&mut self, bytes: u64) -> Result<()>;
    /// The next rows and the rejects among them.
    fn batch(&mut self, batch: Batch, rejects: Vec<Reject>) -> Result<()>;
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// What the file holds; `None`: what its header says.
    pub kind: Option<Kind>,
    /// Whether buyers' personal fields are kept.
    pub keep_personal: bool,
}

/// What one member of a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSummary {
    /// What it holds.
    pub kind: Kind,
    /// Rows read.
    pub rows: u64,
    /// Rows refused.
    pub rejects: u64,
    /// Line and reason of the first of these.
    pub first_reject: Option<(u64, String)>,
    /// The header's names as written.
    pub header: Vec<String>,
    /// The rows' dates.
    pub dates: Dates,
}

/// What kind of report a file holds, told by its content: the header line, in gzip or zip as well as plain. Of a zip
/// with several files the first counts.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read, [`Error::Format`] that says what it looks like where it is no report
/// that Tillroll knows.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{Kind, sniff};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// assert_eq!(sniff(folder.path().join("sales_2018_03.csv"))?, Kind::AmazonSales);
/// # Ok(())
/// # }
/// ```
pub fn sniff(path: impl AsRef<Path>) -> Result<Kind> {
    sniff_member(&File::open(path.as_ref())?, 0)
}

/// What kind of report a member holds, by its header line.
///
/// # Errors
/// `Format` that says what the file looks like, where that is no report Tillroll knows.
pub fn sniff_member(file: &File, member: usize) -> Result<Kind> {
    let path = file.member_path(member);
    file.unpack(member, &Cell::new(0), |stream| {
        let mut text = Text::new(stream)?;
        let limits = Limits { chunk: 64 << 10, ..Limits::STANDARD };
        let mut cutter = Cutter::new(&mut text, limits);
        let head = read_head(&path, &mut cutter)?;
        match head.looks {
            Looks::Kind(kind) => Ok(kind),
            other => Err(unknown(&path, &head, other)),
        }
    })
}

/// Reads a member's rows into `sink`, on the calling thread and those of `pool`. Call it from a thread that is not one
/// of the pool's: it waits for them.
///
/// # Errors
/// `Format` naming file and line where this is no report, or cannot be read to its end; whatever `sink` gives.
pub fn read(
    file: &File,
    member: usize,
    options: &ReadOptions,
    pool: &rayon::ThreadPool,
    sink: &mut dyn Sink,
) -> Result<MemberSummary> {
    read_with(file, member, options, Limits::STANDARD, pool, sink)
}

fn read_with(
    file: &File,
    member: usize,
    options: &ReadOptions,
    limits: Limits,
    pool: &rayon::ThreadPool,
    sink: &mut dyn Sink,
) -> Result<MemberSummary> {
    let path = file.member_path(member);
    let consumed = Cell::new(0);
    file.unpack(member, &consumed, |stream| {
        let mut text = Text::new(stream)?;
        let mut cutter = Cutter::new(&mut text, limits);
        let (head, kind) = open_head(&path, &mut cutter, options, limits)?;
        let line = head.rows_line;
        let layout = bind(kind, (&path, line), &head, options.keep_personal)?;
        let consumed = &|| consumed.get();
        let job = Job { path: &path, dialect: head.dialect, layout: &*layout, limits, consumed };
        let totals = pipeline::run(&job, &mut cutter, (head.rows_at, line), pool, sink)?;
        let header = head.header.names;
        let pipeline::Totals { rows, rejects, first_reject, dates } = totals;
        Ok(MemberSummary { kind, rows, rejects, first_reject, header, dates })
    })
}

/// Binds the header as the kind of report has it.
fn bind(kind: Kind, place: (&Path, u64), head: &Head, keep_personal: bool) -> Result<Box<dyn Layout>> {
    fn layout<S: Reads>(
        kind: Kind,
        place: (&Path, u64),
        head: &Head,
        keep_personal: bool,
    ) -> Result<Box<dyn Layout>> {
        Ok(Box::new(Binding::<S>::new(kind, place, &head.header, head.looks, keep_personal)?))
    }
    match kind {
        Kind::AmazonSales => layout::<amazon::Slot>(kind, place, head, keep_personal),
        Kind::GoogleSales => layout::<google_sales::Slot>(kind, place, head, keep_personal),
        Kind::GoogleEarnings => layout::<google_earnings::Slot>(kind, place, head, keep_personal),
        Kind::AppleSales => layout::<apple::Slot>(kind, place, head, keep_personal),
    }
}

/// Reads the header line, all of which must be there.
fn read_head(path: &Path, cutter: &mut Cutter<'_, '_, '_>) -> Result<Head> {
    let text = cutter.peek();
    let len = text.len();
    let head = sniff::read_head(text).map_err(|(line, detail)| Error::format(path, line, detail));
    let whole = head.as_ref().is_ok_and(|head| head.rows_at < len);
    if !whole && let Some((error, lines)) = cutter.take_failure() {
        return Err(pipeline::on_line(error, lines + 1));
    }
    head
}

/// Reads the header and settles what the file holds.
fn open_head(
    path: &Path,
    cutter: &mut Cutter<'_, '_, '_>,
    options: &ReadOptions,
    limits: Limits,
) -> Result<(Head, Kind)> {
    let head = read_head(path, cutter)?;
    if head.rows_at > limits.record {
        return Err(Error::format(path, Some(head.rows_line), "the header line is too long for a report's"));
    }
    let kind = match (options.kind, head.looks) {
        (Some(kind), _) | (None, Looks::Kind(kind)) => kind,
        (None, other) => return Err(unknown(path, &head, other)),
    };
    Ok((head, kind))
}

fn unknown(path: &Path, head: &Head, looks: Looks) -> Error {
    let known = Kind::ALL.map(Kind::as_str);
    let (last, others) = known.split_last().unwrap_or((&"", &[]));
    let detail =
        format!("this is {}; Tillroll reads {} and {last} reports", looks.describe(), others.join(", "));
    Error::format(path, Some(head.rows_line), detail)
}
