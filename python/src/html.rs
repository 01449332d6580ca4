//! Results as HTML, for notebooks: tables that are never long, and in which no text of a store's is markup.

use std::fmt::Write;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use pyo3::prelude::*;
use serde_json::Value;

use crate::record::Record;
use crate::{json, value};

/// How many rows of a long table are shown at either end.
const SHOWN: usize = 30;
/// The longest that a field of a record may be, in characters: lists and texts have no end.
const WIDTH: usize = 80;

/// One cell.
struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: false }
    }

    /// What Python's `str()` gives; nothing for `None`.
    fn of(any: &Bound<'_, PyAny>, is_number: bool) -> PyResult<Self> {
        let text = if any.is_none() { String::new() } else { any.str()?.extract()? };
        Ok(Self { text, is_number })
    }
}

/// The rows of a batch, those in the middle of many left out.
pub fn rows(py: Python<'_>, batch: &RecordBatch) -> PyResult<String> {
    let fields = batch.schema_ref().fields();
    let numeric: Vec<bool> = fields.iter().map(|field| is_numeric(field.data_type())).collect();
    let head = fields.iter().zip(&numeric);
    let head = head.map(|(field, &is_number)| Cell { text: field.name().clone(), is_number }).collect();
    let row = |row| {
        let cells = value::row(py, batch, row)?.values();
        cells.iter().zip(&numeric).map(|(cell, &is_number)| Cell::of(&cell, is_number)).collect()
    };
    let count = batch.num_rows();
    table(head, count, row, &format!("{count} {}", if count == 1 { "row" } else { "rows" }))
}

/// Records under the fields that any of them has.
pub fn records(py: Python<'_>, records: &[PyRef<'_, Record>], foot: &str) -> PyResult<String> {
    let mut names: Vec<&String> = Vec::new();
    for record in records {
        let further: Vec<_> = record.fields().keys().filter(|name| !names.contains(name)).collect();
        names.extend(further);
    }
    let is_numeric = |name: &&String| {
        let mut given = records.iter().filter_map(|record| record.fields().get(*name));
        given.clone().any(Value::is_number) && given.all(|value| value.is_number() || value.is_null())
    };
    let head = names.iter().map(|name| Cell { text: (*name).clone(), is_number: is_numeric(name) });
    let row = |row: usize| {
        let fields = records.get(row).map(|record| record.fields());
        names.iter().map(|name| field(py, name, fields.and_then(|fields| fields.get(*name)))).collect()
    };
    table(head.collect(), records.len(), row, foot)
}

/// One thing with its fields, a row each.
pub fn fields<'py>(
    fields: impl IntoIterator<Item = PyResult<(String, Bound<'py, PyAny>, bool)>>,
) -> PyResult<String> {
    let mut text = String::from("<table><tbody>");
    for field in fields {
        let (name, value, is_number) = field?;
        let value = shortened(Cell::of(&value, is_number)?);
        let _ = write!(
            text,
            "<tr><th style=\"text-align: left\">{}</th>{}</tr>",
            escape(&name),
            cell("td", &value)
        );
    }
    text.push_str("</tbody></table>");
    Ok(text)
}

/// The fields of one record.
pub fn record(py: Python<'_>, record: &Record) -> PyResult<String> {
    let field = |(name, value): (&String, &Value)| {
        Ok((name.clone(), json::attribute(py, name, value)?, value.is_number()))
    };
    fields(record.fields().iter().map(field))
}

fn field(py: Python<'_>, name: &str, value: Option<&Value>) -> PyResult<Cell> {
    match value {
        None => Ok(Cell::text("")),
        Some(value) => Cell::of(&json::attribute(py, name, value)?, value.is_number()).map(shortened),
    }
}

fn shortened(cell: Cell) -> Cell {
    match cell.text.char_indices().nth(WIDTH) {
        Some((end, _)) => Cell { text: format!("{}…", cell.text.get(..end).unwrap_or_default()), ..cell },
        None => cell,
    }
}

fn table(
    head: Vec<Cell>,
    rows: usize,
    row: impl Fn(usize) -> PyResult<Vec<Cell>>,
    foot: &str,
) -> PyResult<String> {
    let mut text = String::from("<table><thead><tr>");
    head.iter().for_each(|name| text.push_str(&cell("th", name)));
    text.push_str("</tr></thead><tbody>");
    for index in 0..rows {
        if rows > 2 * SHOWN && index == SHOWN {
            let _ = write!(text, "<tr><td colspan=\"{}\">&hellip;</td></tr>", head.len());
        }
        if rows > 2 * SHOWN && (SHOWN..rows - SHOWN).contains(&index) {
            continue;
        }
        text.push_str("<tr>");
        row(index)?.iter().for_each(|found| text.push_str(&cell("td", found)));
        text.push_str("</tr>");
    }
    let _ = write!(text, "</tbody></table><p>{}</p>", escape(foot));
    Ok(text)
}

fn cell(tag: &str, Cell { text, is_number }: &Cell) -> String {
    let align = if *is_number { " style=\"text-align: right\"" } else { "" };
    format!("<{tag}{align}>{}</{tag}>", escape(text))
}

fn is_numeric(ty: &DataType) -> bool {
    matches!(ty, DataType::Int64 | DataType::Decimal128(..))
}

fn escape(text: &str) -> String {
    let entity = |char: char| match char {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(entity).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_cannot_bring_markup_into_a_notebook() {
        assert_eq!(escape("<b>\"R&D\"</b>"), "&lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt;");
    }
}
