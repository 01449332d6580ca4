//! Lookups by transaction id: each roll's own index leads to the rows, of which only those of stored reports count.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use arrow_select::concat::concat_batches;

use super::arrow;
use super::catalogue::Products;
use super::manifest::Manifest;
use super::scan::all_columns;
use super::schema::{Meaning, Origin, SalesColumn};
use super::select::{Chosen, Owner, Piece, rows_table};
use super::table::{Table, arrow_fault};
use super::value::{Sale, Value};
use crate::error::Result;
use crate::money::Money;

/// Where a row stands: report order first, so that answers do not depend on which roll holds a report.
fn sort(pieces: &mut [Piece]) {
    let key = |piece: &Piece| piece.owners.first().map(|owner| owner.report.key.clone());
    let place = |piece: &Piece| (key(piece), piece.number, piece.rows.start);
    pieces.sort_by_cached_key(place);
}

/// The live rows with this id, each as a piece of one row.
fn find(manifest: &Manifest, id: &str) -> Result<Vec<Piece>> {
    let mut found = Vec::new();
    for live in manifest.rolls() {
        let roll = live.open()?;
        let table = rows_table(&roll, &live.file.path())?;
        for row in roll.find(table, id)? {
            if let Some(report) = live.report_of(row).filter(|report| manifest.counts(report)) {
                let owners = vec![Owner { report: Arc::clone(report), first: 0 }];
                let (number, roll, store) = (live.file.number(), Arc::clone(&roll), report.store());
                found.push(Piece { number, roll, table, store, rows: row..row + 1, owners });
            }
        }
    }
    sort(&mut found);
    Ok(found)
}

/// All sales with this transaction id: none, one, or a charge and its refund …
pub(crate) fn get(manifest: &Manifest, products: &Products, id: &str) -> Result<Vec<Sale>> {
    let found = find(manifest, id)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let columns = all_columns(manifest)?;
    let names: Arc<[String]> = columns.iter().map(|column| column.name.clone()).collect();
    let sale = |row: &Piece| {
        let values = columns.iter().map(|column| value(column, products, row)).collect::<Result<_>>()?;
        Ok(Sale::new(Arc::clone(&names), values))
    };
    found.iter().map(sale).collect()
}

/// The value of a column in a piece of one row.
fn value(column: &SalesColumn, products: &Products, row: &Piece) -> Result<Value> {
    let Some(key) = row.owners.first().map(|owner| &owner.report.key) else { return Ok(Value::Null) };
    match column.origin {
        Origin::Account => return Ok(Value::Int(i64::try_from(key.account).unwrap_or(i64::MAX))),
        Origin::Store => return Ok(Value::Text(row.store.to_string())),
        Origin::Kind => return Ok(Value::Text(key.kind.to_string())),
        Origin::Period => return Ok(Value::Text(key.period.to_string())),
        Origin::Product => {
            let products = products.of_store(row.store);
            let product = row.by_item(|key| products.of(key))?.first().copied().flatten();
            return Ok(product.map_or(Value::Null, Value::Int));
        }
        Origin::Roll => {}
    }
    let Some(stored) = row.read(&column.name)? else { return Ok(Value::Null) };
    let int = stored.int(0);
    let value = match column.meaning {
        Meaning::Text => stored.text(0).map(|text| Value::Text(text.to_owned())),
        Meaning::Count => int.map(Value::Int),
        Meaning::Money | Meaning::MoneySum => {
            int.map(|micros| Value::Money(Money::from_micros(micros.into())))
        }
        Meaning::Time => int.map(Value::Time),
        Meaning::Date => int.and_then(|day| i32::try_from(day).ok()).map(Value::Date),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// All sales with these transaction ids, in the order of the ids.
pub(crate) fn get_many<S: AsRef<str>>(manifest: &Manifest, products: &Products, ids: &[S]) -> Result<Table> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(find(manifest, id.as_ref())?);
    }
    table(&all_columns(manifest)?, products, &found)
}

/// Single rows as a table.
fn table(columns: &[SalesColumn], products: &Products, rows: &[Piece]) -> Result<Table> {
    let fields: Vec<Field> = columns.iter().map(|column| column.arrow(false)).collect();
    let schema = Arc::new(Schema::new(fields.clone()));
    let batch = |piece: &Piece| {
        let arrays =
            columns.iter().map(|column| arrow::array(column, piece, &Chosen::All(1), products, None));
        RecordBatch::try_new(Arc::clone(&schema), arrays.collect::<Result<_>>()?).map_err(arrow_fault)
    };
    let batches = rows.iter().map(batch).collect::<Result<Vec<_>>>()?;
    let all = concat_batches(&schema, &batches).map_err(arrow_fault)?;
    Table::new(fields.into_iter().zip(all.columns().iter().cloned()).collect(), rows.len())
}
