//! Measures handing over: `handover [--rounds N] [--only WHAT] DIR` reads the database that `import` has left in `DIR`:
//! all rows as Arrow, kept until the last has come as a table keeps them (`report`, `binary`, `every`), then single rows by their
//! transaction ids (`get`, `many`). Prints medians of the rounds. `--only columns` scans one column after the other.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use std::hint::black_box;
use tillroll_benches::{Arguments, measure};
use tillroll_core::{Db, Query, Sales};

/// What the file of a report has: what other engines are asked for.
const COLUMNS: [&str; 16] = [
    "marketplace",
    "country",
    "invoice_id",
    "transaction_id",
    "time",
    "type",
    "sku",
    "title",
    "item_name",
    "item_type",
    "term",
    "units",
    "usage_time",
    "currency",
    "sales",
    "earnings",
];

/// Ids of one call.
const MANY: usize = 10_000;

fn main() {
    let Arguments { rounds, only, dir } = Arguments::read(5);
    let db = Db::open(dir.join("measured.till")).unwrap();
    let sales = db.sales();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let report = || Query::new().columns(COLUMNS);
    if wanted("report") {
        measure("a report's columns as Arrow", rounds, || scan(&sales, &report()));
    }
    if wanted("binary") {
        measure("the same with binary ids", rounds, || scan(&sales, &report().binary_ids(true)));
    }
    if wanted("every") {
        measure("every column as Arrow", rounds, || scan(&sales, &Query::new()));
    }
    for column in COLUMNS.iter().filter(|_| only.as_deref() == Some("columns")) {
        measure(column, rounds, || scan(&sales, &Query::new().columns([*column])));
    }
    let ids = some_ids(&sales);
    if wanted("get") {
        measure("get of one id, 10,000 times", rounds, || {
            ids.iter().map(|id| black_box(sales.get(id).unwrap()).len()).sum()
        });
    }
    if wanted("many") {
        measure("get_many of 10,000 ids", rounds, || sales.get_many(&ids).unwrap().len());
    }
}

fn scan(sales: &Sales, query: &Query) -> usize {
    let batches: Vec<_> = sales.scan(query).unwrap().map(|batch| batch.unwrap()).collect();
    batches.iter().map(|batch| batch.num_rows()).sum()
}

/// Ids from all over the rows.
fn some_ids(sales: &Sales) -> Vec<String> {
    let rows = sales.len().unwrap();
    let step = (rows / MANY as u64).max(1);
    let (mut ids, mut at) = (Vec::with_capacity(MANY), 0);
    for batch in sales.scan(&Query::new().columns(["transaction_id"])).unwrap() {
        let batch = batch.unwrap();
        let column = batch.column(0).as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
        let end = at + batch.num_rows() as u64;
        let places = (at.next_multiple_of(step)..end).step_by(usize::try_from(step).unwrap());
        let text = |place: u64| column.into_iter().nth(usize::try_from(place - at).unwrap()).unwrap();
        ids.extend(places.filter_map(text).map(str::to_owned));
        at = end;
    }
    // A step through all of them that meets each once, so that neighbours are asked for far apart.
    ids.truncate(MANY);
    (0..ids.len()).map(|place| ids[place * 7919 % ids.len()].clone()).collect()
}
