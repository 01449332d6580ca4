//! Lookups by transaction id: each roll's own index leads to the rows, of which only those of stored reports count.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::interleave::interleave;
use rayon::ThreadPool;
use rayon::prelude::*;

use super::arrow;
use super::catalogue::Products;
use super::manifest::{LiveRoll, Manifest, Report};
use super::scan::all_columns;
use super::schema::{Meaning, Origin, SKU, SalesColumn};
use super::select::{Chosen, Owner, Piece, rows_table};
use super::table::{Table, arrow_fault};
use super::value::{Sale, Value};
use crate::error::Result;
use crate::ingest::StoreKind;
use crate::money::Money;
use crate::roll::{Cell, Key, Roll};

/// For fewer ids or hits no other threads are asked to help.
const MANY: usize = if cfg!(test) { 8 } else { 500 };

/// The columns of a sale at one commit: looked up once, since a lookup is faster than finding them.
#[derive(Debug)]
pub(crate) struct SaleColumns {
    columns: Vec<SalesColumn>,
    names: Arc<[String]>,
    /// Where each roll has each of them, by the number of the roll.
    places: BTreeMap<u32, Vec<Option<usize>>>,
    sku: Option<usize>,
}

impl SaleColumns {
    pub(crate) fn new(manifest: &Manifest) -> Result<Self> {
        let columns = all_columns(manifest)?;
        let mut places = BTreeMap::new();
        for live in manifest.rolls() {
            let roll = live.open()?;
            let table = rows_table(&roll, &live.file.path())?;
            let place = |column: &SalesColumn| roll.field(table, &column.name);
            places.insert(live.file.number(), columns.iter().map(place).collect());
        }
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let sku = columns.iter().position(|column| column.name == SKU);
        Ok(Self { columns, names, places, sku })
    }

    fn places(&self, roll: u32) -> &[Option<usize>] {
        self.places.get(&roll).map_or(&[], Vec::as_slice)
    }
}

/// A live row with one of the ids.
struct Hit {
    /// Which of the ids.
    id: usize,
    number: u32,
    roll: Arc<Roll>,
    table: usize,
    row: u32,
    report: Arc<Report>,
}

impl Hit {
    fn store(&self) -> StoreKind {
        self.report.store()
    }

    fn piece(&self) -> Piece {
        Piece {
            number: self.number,
            roll: Arc::clone(&self.roll),
            table: self.table,
            store: self.store(),
            rows: self.row..self.row + 1,
            picked: None,
            owners: vec![Owner { report: Arc::clone(&self.report), first: 0 }],
        }
    }

    /// Where it stands in an answer: by id, then by report, so that answers do not depend on which roll holds a report.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |hit: &Self| (hit.number, hit.row);
        let report = || self.report.key.cmp(&other.report.key);
        self.id.cmp(&other.id).then_with(report).then_with(|| place(self).cmp(&place(other)))
    }
}

/// How a roll finds the rows that have some keys, each with the place of its key.
type RowsOf = fn(&Roll, usize, &[Key<'_>]) -> Result<Vec<(u32, usize)>>;

/// Ids in the order in which rolls are asked for them.
struct Search<'a> {
    /// Which of the ids each key is.
    asked: Vec<usize>,
    keys: Vec<Key<'a>>,
    manifest: &'a Manifest,
    rows_of: RowsOf,
}

impl<'a> Search<'a> {
    fn new<S: AsRef<str>>(manifest: &'a Manifest, ids: &'a [S], rows_of: RowsOf) -> Self {
        let mut keys: Vec<_> = ids.iter().map(|id| Key::new(id.as_ref())).enumerate().collect();
        keys.sort_by_key(|(_, key)| key.hash);
        let (asked, keys) = keys.into_iter().unzip();
        Self { asked, keys, manifest, rows_of }
    }

    /// The live rows of a roll, in their order.
    fn roll(&self, live: &LiveRoll) -> Result<Vec<Hit>> {
        let roll = live.open()?;
        let table = rows_table(&roll, &live.file.path())?;
        let rows = (self.rows_of)(&roll, table, &self.keys)?;
        let hit = |(row, key): (u32, usize)| {
            let report = live.report_of(row).filter(|report| self.manifest.counts(report))?;
            let (number, roll, report) = (live.file.number(), Arc::clone(&roll), Arc::clone(report));
            Some(Hit { id: *self.asked.get(key)?, number, roll, table, row, report })
        };
        Ok(rows.into_iter().filter_map(hit).collect())
    }

    /// The live rows, roll by roll.
    fn all(&self) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        for live in self.manifest.rolls() {
            hits.append(&mut self.roll(live)?);
        }
        Ok(hits)
    }

    /// The same, by as many threads as there are.
    fn all_at_once(&self, pool: &ThreadPool) -> Result<Vec<Hit>> {
        let rolls: Vec<&LiveRoll> = self.manifest.rolls().collect();
        let hits = rolls.into_par_iter().map(|live| self.roll(live));
        Ok(pool.install(|| hits.collect::<Result<Vec<_>>>())?.into_iter().flatten().collect())
    }
}

/// All sales with this transaction id: none, one, or a charge and its refund …
pub(crate) fn get(manifest: &Manifest, products: &Products, id: &str) -> Result<Vec<Sale>> {
    let mut hits = Search::new(manifest, &[id], Roll::find_whole).all()?;
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    hits.sort_by(Hit::cmp);
    let columns = manifest.columns()?;
    hits.iter().map(|hit| sale(columns, products, hit)).collect()
}

fn sale(columns: &SaleColumns, products: &Products, hit: &Hit) -> Result<Sale> {
    let places = columns.places(hit.number);
    let cells = hit.roll.cells(hit.table, hit.row)?;
    let cell = |column: usize| match places.get(column).copied().flatten() {
        Some(place) => cells.cell(place),
        None => Ok(Cell::Null),
    };
    let value = |(place, column): (usize, &SalesColumn)| {
        Ok(match column.origin {
            Origin::Account => Value::Int(i64::try_from(hit.report.key.account).unwrap_or(i64::MAX)),
            Origin::Store => Value::Text(hit.store().to_string()),
            Origin::Kind => Value::Text(hit.report.key.kind.to_string()),
            Origin::Period => Value::Text(hit.report.key.period.to_string()),
            Origin::Product => {
                let sku = columns.sku.map_or(Ok(Cell::Null), cell)?;
                product(products, hit, &sku)?.map_or(Value::Null, Value::Int)
            }
            Origin::Roll => meant(column.meaning, cell(place)?),
        })
    };
    let values = columns.columns.iter().enumerate().map(value).collect::<Result<_>>()?;
    Ok(Sale::new(Arc::clone(&columns.names), values))
}

/// The product that a row is of.
fn product(products: &Products, hit: &Hit, sku: &Cell) -> Result<Option<i64>> {
    let products = products.of_store(hit.store());
    match sku {
        Cell::Text(sku) if products.sku_tells(sku) => Ok(products.of_sku(Some(sku))),
        Cell::Text(_) => Ok(hit.piece().by_item(|key| products.of(key))?.first().copied().flatten()),
        _ => Ok(None),
    }
}

/// What a stored value means in its column.
fn meant(meaning: Meaning, stored: Cell) -> Value {
    match (meaning, stored) {
        (Meaning::Text, Cell::Text(text)) => Value::Text(text),
        (Meaning::Count, Cell::Int(count)) => Value::Int(count),
        (Meaning::Money | Meaning::MoneySum, Cell::Int(micros)) => {
            Value::Money(Money::from_micros(micros.into()))
        }
        (Meaning::Time, Cell::Int(micros)) => Value::Time(micros),
        (Meaning::Date, Cell::Int(day)) => i32::try_from(day).map_or(Value::Null, Value::Date),
        _ => Value::Null,
    }
}

/// All sales with these transaction ids, in the order of the ids.
pub(crate) fn get_many<S: AsRef<str>>(
    manifest: &Manifest,
    products: &Products,
    ids: &[S],
    pool: impl Fn() -> Result<Arc<ThreadPool>>,
) -> Result<Table> {
    let search = Search::new(manifest, ids, Roll::find_many);
    let hits = if ids.len() < MANY { search.all()? } else { search.all_at_once(&*pool()?)? };
    let (pieces, places) = pieces(&hits);
    let mut order: Vec<(&Hit, (usize, usize))> = hits.iter().zip(places).collect();
    order.sort_by(|(left, _), (right, _)| left.cmp(right));
    let order: Vec<(usize, usize)> = order.into_iter().map(|(_, place)| place).collect();
    let column =
        |column: &SalesColumn| Ok((column.arrow(false), gathered(column, products, &pieces, &order)?));
    let all = &manifest.columns()?.columns;
    let columns = match hits.len() < MANY {
        true => all.iter().map(column).collect::<Result<_>>()?,
        false => pool()?.install(|| all.par_iter().map(column).collect::<Result<_>>())?,
    };
    Table::new(columns, hits.len())
}

/// The hits of each roll and store as one piece, and where each hit stands: its piece, and its place in that.
fn pieces(hits: &[Hit]) -> (Vec<Piece>, Vec<(usize, usize)>) {
    let (mut pieces, mut places) = (Vec::<Piece>::new(), Vec::with_capacity(hits.len()));
    for hit in hits {
        if pieces.last().is_none_or(|last| last.roll_and_store() != (hit.number, hit.store())) {
            pieces.push(Piece { picked: Some(Vec::new()), owners: Vec::new(), ..hit.piece() });
        }
        let number = pieces.len() - 1;
        let Some(piece) = pieces.last_mut() else { continue };
        let place = piece.len();
        places.push((number, place));
        if piece.owners.last().is_none_or(|last| !Arc::ptr_eq(&last.report, &hit.report)) {
            piece.owners.push(Owner { report: Arc::clone(&hit.report), first: place });
        }
        piece.picked.get_or_insert_default().push(hit.row);
    }
    (pieces, places)
}

/// A column of the hits, in their order.
fn gathered(
    column: &SalesColumn,
    products: &Products,
    pieces: &[Piece],
    order: &[(usize, usize)],
) -> Result<ArrayRef> {
    let array = |piece: &Piece| arrow::array(column, piece, &Chosen::All(piece.len()), products, None);
    let arrays = pieces.iter().map(array).collect::<Result<Vec<_>>>()?;
    if arrays.is_empty() {
        return Ok(new_null_array(&column.meaning.plain(), 0));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    interleave(&arrays, order).map_err(arrow_fault)
}
