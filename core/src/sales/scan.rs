//! Scans: the rows themselves, block by block, as they are asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, UInt32Array};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;

use super::arrow;
use super::catalogue::Products;
use super::manifest::Manifest;
use super::query::Query;
use super::schema::{SalesColumn, standard_columns};
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

/// The chosen rows of one commit, in the order of account, kind, period, part and line. Nothing is read before it is
/// asked for; imports and deletions meanwhile change nothing of what it gives.
#[derive(Debug)]
pub struct Scan {
    columns: Vec<SalesColumn>,
    schema: SchemaRef,
    windows: std::vec::IntoIter<Window>,
    filter: RowFilter,
    products: Arc<Products>,
    dictionaries: arrow::Dictionaries,
    left: u64,
    /// Keeps the files of rolls that are replaced meanwhile.
    _manifest: Arc<Manifest>,
}

impl Scan {
    pub(crate) fn new(manifest: Arc<Manifest>, products: Arc<Products>, query: &Query) -> Result<Self> {
        let is_report = !query.by.is_empty() || query.measures.is_some() || !query.order.is_empty();
        if is_report || query.combine_inapps {
            return Err(Error::invalid(
                "query",
                "a scan has `columns`; `by`, `measures`, `order_by` and `combine_inapps` are a report's",
            ));
        }
        let columns = asked_columns(&manifest, query)?;
        let schema = Schema::new(columns.iter().map(|column| column.arrow(true)).collect::<Vec<_>>());
        let mut windows = windows(&manifest, &query.filter)?;
        let pieces = windows.iter().flat_map(|window| &window.pieces);
        let filter = RowFilter::new(&query.filter, pieces, &products)?;
        windows.retain(|window| window.pieces.iter().any(|piece| filter.may_match(piece)));
        let left = query.limit.unwrap_or(u64::MAX);
        Ok(Self {
            columns,
            schema: Arc::new(schema),
            windows: windows.into_iter(),
            filter,
            products,
            dictionaries: arrow::Dictionaries::default(),
            left,
            _manifest: manifest,
        })
    }

    /// The columns' names and Arrow types.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The scan as Arrow's own reader, e.g. for its C stream interface.
    pub fn into_reader(self) -> Box<dyn RecordBatchReader + Send> {
        Box::new(Reader(self))
    }

    /// The rows of a window that are wanted, in pieces that reach from the first of them to the last, and their order
    /// where that is another than as they lie. Of a window that is larger than what is left, no more is read.
    fn parts(&self, window: &Window) -> Result<Parts> {
        let chosen = window.pieces.iter().map(|piece| match self.filter.may_match(piece) {
            true => self.filter.choose(piece),
            false => Ok(Chosen::Some(Vec::new())),
        });
        let mut chosen = chosen.collect::<Result<Vec<_>>>()?;
        let order = window.limit(&mut chosen, usize::try_from(self.left).unwrap_or(usize::MAX));
        let some = window.pieces.iter().zip(&chosen).filter(|(_, chosen)| chosen.len() > 0);
        let part = |(piece, chosen): (&Piece, &Chosen)| {
            let (rows, chosen) = chosen.trimmed();
            (piece.part(&rows), chosen)
        };
        Ok(Parts { pieces: some.map(part).collect(), order })
    }

    /// How many rows the first window reads.
    #[cfg(test)]
    pub(super) fn first_reads(&self) -> usize {
        let parts = self.parts(&self.windows.as_slice()[0]).unwrap();
        parts.pieces.iter().map(|(piece, _)| piece.len()).sum()
    }

    /// The chosen rows of a window; `None` where there are none.
    fn batch(&mut self, window: &Window) -> Result<Option<RecordBatch>> {
        let Parts { pieces, order } = self.parts(window)?;
        let batches = pieces.iter().map(|(piece, chosen)| self.lying(piece, chosen));
        let batches = batches.collect::<Result<Vec<_>>>()?;
        if batches.is_empty() {
            return Ok(None);
        }
        let mut batch = self.together(&batches)?;
        if let Some(order) = order {
            batch = in_order(&batch, order)?;
        }
        self.left -= batch.num_rows() as u64;
        Ok(Some(batch))
    }

    /// Some batches as one; each has a text once in each of its dictionaries, and so has the whole.
    fn together(&self, batches: &[RecordBatch]) -> Result<RecordBatch> {
        if let [only] = batches {
            return Ok(only.clone());
        }
        let batch = concat_batches(&self.schema, batches).map_err(arrow_fault)?;
        let columns = batch.columns().iter().map(arrow::each_text_once).collect::<Result<_>>()?;
        with_rows(self.schema(), columns, batch.num_rows())
    }

    /// The chosen rows of a piece, as they lie.
    fn lying(&mut self, piece: &Piece, chosen: &Chosen) -> Result<RecordBatch> {
        let (products, dictionaries) = (&self.products, &mut self.dictionaries);
        let array = |column| arrow::array(column, piece, chosen, products, Some(&mut *dictionaries));
        let arrays = self.columns.iter().map(array).collect::<Result<_>>()?;
        with_rows(self.schema(), arrays, chosen.len())
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
        while self.left > 0 {
            let window = self.windows.next()?;
            if let Some(batch) = self.batch(&window).transpose() {
                return Some(batch);
            }
        }
        None
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
