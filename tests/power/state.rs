//! What a database shows, as text: two states are equal exactly where their texts are.

use std::fmt::Write;

use serde_json::{Value as Json, json};
use tillroll_core::{Db, Query, Result, Table, Value};

/// Every report's totals, every sum that can be asked for, every reject and every record.
pub fn state(db: &Db) -> Result<String> {
    let mut text = String::new();
    let by = ["month", "country", "currency", "sku", "type"];
    let all = json!({"by": by, "measures": ["rows", "units", "sales", "earnings"]});
    table(&mut text, &db.sales().report(&Query::from_json(&all)?)?);
    for import in db.sales().imports(None)? {
        let (id, rows, rejected) = (import.id, import.rows, import.rejected);
        let versions = import.versions.len();
        let _ =
            writeln!(text, "import {id} {} {rows} {rejected} {versions} {}", import.period, import.sha256);
        table(&mut text, &import.totals);
    }
    table(&mut text, &db.sales().rejects(None)?);
    for name in ["external_accounts", "brands", "products"] {
        records(&mut text, db, name)?;
    }
    Ok(text)
}

fn table(text: &mut String, table: &Table) {
    for row in 0..table.len() {
        for column in 0..table.columns().len() {
            let _ = match table.value(row, column) {
                Value::Text(value) => write!(text, "{value}|"),
                value => write!(text, "{value:?}|"),
            };
        }
        text.push('\n');
    }
}

fn records(text: &mut String, db: &Db, name: &str) -> Result<()> {
    let collection = db.records(name)?;
    let _ = writeln!(text, "{name} {}", collection.len()?);
    let mut after = None;
    loop {
        let ids = collection.ids_after(after.as_deref(), 100)?;
        let Some(last) = ids.last() else { return Ok(()) };
        for id in &ids {
            let _ = writeln!(text, "{}", collection.get(&id_text(id))?);
        }
        after = Some(id_text(last));
    }
}

fn id_text(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The first line in which two texts differ.
pub fn difference(found: &str, expected: &str) -> String {
    let mut lines = expected.lines();
    for line in found.lines() {
        let other = lines.next().unwrap_or("nothing");
        if line != other {
            return format!("found    {line}\nexpected {other}");
        }
    }
    format!("found    nothing\nexpected {}", lines.next().unwrap_or("nothing"))
}
