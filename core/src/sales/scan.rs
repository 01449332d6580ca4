//! Scans: the rows themselves, block by block, as they are asked for.

use std::collections::BTreeSet;
use std::iter;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, UInt32Array};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use rayon::ThreadPool;

use super::ahead::Ahead;
use super::arrow;
use super::catalogue::Products;
use super::manifest::Manifest;
use super::query::Query;
use super::schema::{LOOKUP_COLUMN, Meaning, SalesColumn, standard_columns};
use super::select::{Chosen, Piece, RowFilter};
use super::table::arrow_fault;
use super::window::{Window, windows};
use crate::error::{Error, Result, quoted};
use crate::ingest::Interpreted;

/// The columns of all stored reports: the standard ones, then whatever further ones the files had, by name.
pub(crate) fn all_columns(manifest: &Manifest) -> Result<Vec<SalesColumn>> {
    let mut columns = readable_columns(manifest)?;
    columns.retain(|column| Interpreted::of(&column.name).is_none());
    Ok(columns)
}

/// As [`all_columns`], with those that hold the text of what became a standard column: they are made anew row by row
/// and so given only where they are asked for.
fn readable_columns(manifest: &Manifest) -> Result<Vec<SalesColumn>> {
    let mut columns = standard_columns();
    let mut further = BTreeSet::new();
    for live in manifest.rolls() {
        let roll = live.open()?;
        let table = super::select::rows_table(&roll, &live.file.path())?;
        let unknown = |name: &&str| !columns.iter().any(|column| column.name == **name);
        let names = roll.fields(table).iter().map(|field| field.name.as_str());
        further.extend(names.filter(unknown).map(str::to_owned));
    }
    columns.extend(further.iter().map(|name| SalesColumn::further(name)));
    Ok(columns)
}

/// The columns that a scan asks for.
fn asked_columns(manifest: &Manifest, query: &Query) -> Result<Vec<SalesColumn>> {
    let Some(names) = &query.columns else { return all_columns(manifest) };
    let standard = standard_columns();
    let is_standard = |name: &String| standard.iter().any(|column| &column.name == name);
    // Further columns are known only to the rolls: these are opened only where one is asked for.
    let known = if names.iter().all(is_standard) { standard } else { readable_columns(manifest)? };
    let mut asked: Vec<SalesColumn> = Vec::with_capacity(names.len());
    for name in names {
        let column = known.iter().find(|column| &column.name == name);
        let column = column.ok_or_else(|| {
            Error::invalid("columns", format!("{} is not a column of the sales", quoted(name)))
        })?;
        if asked.contains(column) {
            return Err(Error::invalid("columns", format!("{} is asked for twice", quoted(name))));
        }
        asked.push(column.clone());
    }
    Ok(asked)
}

/// The chosen rows of one commit, in the order of account, kind, period, part and line. Nothing is read before the first
/// batch is asked for; imports and deletions meanwhile change nothing of what it gives. From the second batch on, threads
/// of the database read a few batches ahead of whoever asks for them, where all rows are wanted and the database has more
/// than one thread. The first error is the last that it gives.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::Query;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let scan = db.sales().scan(&Query::new().columns(["time", "earnings"]).limit(2))?;
/// assert_eq!(scan.schema().field(0).name(), "time");
/// // Arrow's readers take it as it is.
/// let reader = scan.into_reader();
/// assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Scan {
    reading: Arc<Reading>,
    windows: std::vec::IntoIter<Window>,
    ahead: Ahead<Result<Option<RecordBatch>>>,
    /// How many windows are read ahead.
    depth: usize,
    left: u64,
}

/// The most batches that are read ahead.
const AHEAD_MAX: usize = 8;

/// The most bytes of batches that are read ahead, as far as the ones before tell.
const AHEAD_BYTES_MAX: usize = 64 << 20;

impl Scan {
    pub(crate) fn new(
        manifest: Arc<Manifest>,
        products: Arc<Products>,
        query: &Query,
        pool: Arc<ThreadPool>,
    ) -> Result<Self> {
        let is_report = !query.by.is_empty() || query.measures.is_some() || !query.order.is_empty();
        if is_report || query.combine_inapps {
            return Err(Error::invalid(
                "query",
                "a scan has `columns`; `by`, `measures`, `order_by` and `combine_inapps` are a report's",
            ));
        }
        let mut columns = asked_columns(&manifest, query)?;
        if query.binary_ids {
            let ids = columns.iter_mut().filter(|column| column.name == LOOKUP_COLUMN);
            ids.for_each(|column| column.meaning = Meaning::Uuid);
        }
        let schema = Schema::new(columns.iter().map(|column| column.arrow(true)).collect::<Vec<_>>());
        let mut windows = windows(&manifest, &query.filter)?;
        let pieces = windows.iter().flat_map(|window| &window.pieces);
        let filter = RowFilter::new(&query.filter, pieces, &products)?;
        windows.retain(|window| window.pieces.iter().any(|piece| filter.may_match(piece)));
        let reading = Reading {
            columns,
            schema: Arc::new(schema),
            filter,
            products,
            dictionaries: Mutex::default(),
            _manifest: manifest,
        };
        Ok(Self {
            reading: Arc::new(reading),
            windows: windows.into_iter(),
            ahead: Ahead::new(pool),
            depth: 0,
            left: query.limit.unwrap_or(u64::MAX),
        })
    }

    /// The columns' names and Arrow types.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.reading.schema)
    }

    /// The scan as Arrow's own reader, e.g. for its C stream interface.
    pub fn into_reader(self) -> Box<dyn RecordBatchReader + Send> {
        Box::new(Reader(self))
    }

    /// How many rows the first window reads.
    #[cfg(test)]
    pub(super) fn first_reads(&self) -> usize {
        let parts = self.reading.parts(&self.windows.as_slice()[0], self.left).unwrap();
        parts.pieces.iter().map(|(piece, _)| piece.len()).sum()
    }

    /// What the next window gives; `None` behind the last.
    fn next_window(&mut self, left: u64) -> Option<Result<Option<RecordBatch>>> {
        let batch = match self.ahead.next() {
            Some(batch) => batch,
            None => self.reading.batch(&self.windows.next()?, left),
        };
        if let Ok(Some(batch)) = &batch {
            self.depth = self.depth_for(batch, left);
        }
        while self.ahead.len() < self.depth {
            let Some(window) = self.windows.next() else { break };
            let reading = Arc::clone(&self.reading);
            self.ahead.push(move || reading.batch(&window, u64::MAX));
        }
        Some(batch)
    }

    /// How many windows to read ahead if they are as large as this one. Where a limit is given, what is to be read
    /// depends on what was found before.
    fn depth_for(&self, batch: &RecordBatch, left: u64) -> usize {
        let threads = self.ahead.threads();
        if threads < 2 || left < u64::MAX {
            return 0;
        }
        let bytes: usize = batch.columns().iter().map(arrow::own_bytes).sum();
        (AHEAD_BYTES_MAX / bytes.max(1)).min(threads + 1).min(AHEAD_MAX)
    }
}

/// What reading takes beside the window that is read.
#[derive(Debug)]
struct Reading {
    columns: Vec<SalesColumn>,
    schema: SchemaRef,
    filter: RowFilter,
    products: Arc<Products>,
    dictionaries: Mutex<arrow::Dictionaries>,
    /// Keeps the files of rolls that are replaced meanwhile.
    _manifest: Arc<Manifest>,
}

impl Reading {
    /// The rows of a window that are wanted, in pieces that reach from the first of them to the last, and their order
    /// where that is another than as they lie. Of a window that is larger than what is left, no more is read.
    fn parts(&self, window: &Window, left: u64) -> Result<Parts> {
        let chosen = window.pieces.iter().map(|piece| match self.filter.may_match(piece) {
            true => self.filter.choose(piece),
            false => Ok(Chosen::Some(Vec::new())),
        });
        let mut chosen = chosen.collect::<Result<Vec<_>>>()?;
        let order = window.limit(&mut chosen, usize::try_from(left).unwrap_or(usize::MAX));
        let some = window.pieces.iter().zip(&chosen).filter(|(_, chosen)| chosen.len() > 0);
        let part = |(piece, chosen): (&Piece, &Chosen)| {
            let (rows, chosen) = chosen.trimmed();
            (piece.part(&rows), chosen)
        };
        Ok(Parts { pieces: some.map(part).collect(), order })
    }

    /// The chosen rows of a window, at most as many as are left; `None` where there are none.
    fn batch(&self, window: &Window, left: u64) -> Result<Option<RecordBatch>> {
        let Parts { pieces, order } = self.parts(window, left)?;
        let batches = pieces.iter().map(|(piece, chosen)| self.lying(piece, chosen));
        let batches = batches.collect::<Result<Vec<_>>>()?;
        if batches.is_empty() {
            return Ok(None);
        }
        let mut batch = self.together(&batches)?;
        if let Some(order) = order {
            batch = in_order(&batch, order)?;
        }
        Ok(Some(batch))
    }

    /// Some batches as one; each has a text once in each of its dictionaries, and so has the whole.
    fn together(&self, batches: &[RecordBatch]) -> Result<RecordBatch> {
        if let [only] = batches {
            return Ok(only.clone());
        }
        let batch = concat_batches(&self.schema, batches).map_err(arrow_fault)?;
        let columns = batch.columns().iter().map(arrow::each_text_once).collect::<Result<_>>()?;
        with_rows(Arc::clone(&self.schema), columns, batch.num_rows())
    }

    /// The chosen rows of a piece, as they lie.
    fn lying(&self, piece: &Piece, chosen: &Chosen) -> Result<RecordBatch> {
        let array = |column| arrow::array(column, piece, chosen, &self.products, Some(&self.dictionaries));
        let arrays = self.columns.iter().map(array).collect::<Result<_>>()?;
        with_rows(Arc::clone(&self.schema), arrays, chosen.len())
    }
}

/// The rows of a window that are given.
struct Parts {
    pieces: Vec<(Piece, Chosen)>,
    /// Counted through all chosen rows; none where they are given as they lie.
    order: Option<Vec<u32>>,
}

/// Some rows of a batch.
fn in_order(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch> {
    let count = rows.len();
    let rows = UInt32Array::from(rows);
    let arrays = batch.columns().iter().map(|column| take(column, &rows, None));
    let arrays = arrays.collect::<std::result::Result<_, _>>().map_err(arrow_fault)?;
    with_rows(batch.schema(), arrays, count)
}

/// A batch, which may be one without columns.
fn with_rows(schema: SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow_fault)
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        // Nothing is left unless a batch is given: behind rows that could not be read, none are given as if these did
        // not exist.
        let left = std::mem::take(&mut self.left);
        if left == 0 {
            return None;
        }
        let batch = iter::from_fn(|| self.next_window(left)).find_map(Result::transpose)?;
        if let Ok(batch) = &batch {
            self.left = if left < u64::MAX { left - batch.num_rows() as u64 } else { left };
        }
        Some(batch)
    }
}

struct Reader(Scan);

impl Iterator for Reader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.next()?;
        Some(batch.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}
