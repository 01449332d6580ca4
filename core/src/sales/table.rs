//! A small result in memory: what reports, lookups and listings of imports answer with.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::value::Value;
use crate::error::{Error, Result};
use crate::money::Money;

/// Rows shown by `Display` before and after the cut.
const SHOWN_ROWS: usize = 20;
/// The widest a shown value may be, in characters.
const SHOWN_WIDTH: usize = 40;

/// Rows and columns, as one Arrow record batch.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::{By, Query};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let table = db.sales().report(&Query::new().by([By::Sku]))?;
/// for row in table.rows() {
///     println!("{} {}", row[0], row[1]);
/// }
/// // To Arrow it is one batch.
/// assert_eq!(table.batch().num_rows(), table.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    batch: RecordBatch,
}

/// Any batch is a table; [`Table::value`] knows the types that the engine gives.
impl From<RecordBatch> for Table {
    fn from(batch: RecordBatch) -> Self {
        Self { batch }
    }
}

impl Table {
    pub(crate) fn new(columns: Vec<(Field, ArrayRef)>, rows: usize) -> Result<Self> {
        let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        Self::with_schema(Arc::new(Schema::new(fields)), arrays, rows)
    }

    /// As [`Self::new`], for many tables of the same columns.
    pub(crate) fn with_schema(schema: SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<Self> {
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow_fault)?;
        Ok(Self { batch })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        self.batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// The columns' names and Arrow types.
    pub fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }

    /// The whole as Arrow.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// One value; `Null` where there is no such row or column.
    pub fn value(&self, row: usize, column: usize) -> Value {
        match self.batch.columns().get(column) {
            Some(array) if row < array.len() => value_of(array, row),
            _ => Value::Null,
        }
    }

    /// The rows as lists of values in column order.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Value>> + '_ {
        (0..self.len())
            .map(|row| (0..self.batch.num_columns()).map(|column| self.value(row, column)).collect())
    }
}

/// Arrow refused what this crate built: a fault of ours, told as an error rather than a panic.
pub(crate) fn arrow_fault(error: arrow_schema::ArrowError) -> Error {
    Error::invalid("arrow", error.to_string())
}

fn value_of(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().map(|texts| Value::Text(texts.value(row).to_owned())),
        DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(|ints| Value::Int(ints.value(row))),
        DataType::Decimal128(_, _) => array
            .as_primitive_opt::<Decimal128Type>()
            .map(|sums| Value::Money(Money::from_micros(sums.value(row)))),
        DataType::Timestamp(_, _) => {
            array.as_primitive_opt::<TimestampMicrosecondType>().map(|times| Value::Time(times.value(row)))
        }
        DataType::Date32 => array.as_primitive_opt::<Date32Type>().map(|days| Value::Date(days.value(row))),
        _ => None,
    }
    .unwrap_or(Value::Null)
}

impl fmt::Display for Table {
    /// Aligned text: numbers to the right, long texts and tables cut with `…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns();
        let cut = self.len() > 2 * SHOWN_ROWS;
        let last = if cut { self.len() - SHOWN_ROWS..self.len() } else { 0..0 };
        let first = 0..if cut { SHOWN_ROWS } else { self.len() };
        let shown: Vec<Vec<String>> = first.clone().chain(last).map(|row| self.shown_row(row)).collect();
        let widths: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                shown
                    .iter()
                    .filter_map(|row| row.get(i))
                    .map(|text| width(text))
                    .max()
                    .unwrap_or(0)
                    .max(width(name))
            })
            .collect();
        write_row(f, names.iter().map(|name| (*name).to_owned()), &widths, |i| self.is_number(i))?;
        write_row(f, widths.iter().map(|&width| "─".repeat(width)), &widths, |_| false)?;
        for (i, row) in shown.into_iter().enumerate() {
            if cut && i == first.end {
                writeln!(f, "… {} more rows …", self.len() - 2 * SHOWN_ROWS)?;
            }
            write_row(f, row.into_iter(), &widths, |i| self.is_number(i))?;
        }
        write!(f, "{} {}", self.len(), if self.len() == 1 { "row" } else { "rows" })
    }
}

impl Table {
    fn shown_row(&self, row: usize) -> Vec<String> {
        (0..self.batch.num_columns()).map(|column| shortened(&self.value(row, column).to_string())).collect()
    }

    fn is_number(&self, column: usize) -> bool {
        let ty = self.batch.columns().get(column).map(|array| array.data_type().clone());
        matches!(ty, Some(DataType::Int64 | DataType::Decimal128(_, _)))
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// One line of at most [`SHOWN_WIDTH`] characters; control characters would break the table.
fn shortened(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if width(&clean) <= SHOWN_WIDTH {
        return clean;
    }
    clean.chars().take(SHOWN_WIDTH - 1).chain(['…']).collect()
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    texts: impl Iterator<Item = String>,
    widths: &[usize],
    right: impl Fn(usize) -> bool,
) -> fmt::Result {
    let cells: Vec<String> = texts
        .zip(widths)
        .enumerate()
        .map(
            |(i, (text, &width))| {
                if right(i) { format!("{text:>width$}") } else { format!("{text:<width$}") }
            },
        )
        .collect();
    writeln!(f, "{}", cells.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use arrow_array::{Decimal128Array, Int64Array, StringArray};

    use super::*;
    use crate::sales::schema::Meaning;

    fn table(rows: i64) -> Table {
        let texts: StringArray = (0..rows).map(|i| (i % 2 == 0).then(|| format!("sku {i}"))).collect();
        let money: Decimal128Array = (0..rows).map(|i| Some(i128::from(i) * 1_500_000)).collect();
        let money = money.with_data_type(Meaning::MoneySum.plain());
        let units: Int64Array = (0..rows).map(Some).collect();
        let field = |name: &str, ty: DataType| Field::new(name, ty, true);
        let columns: Vec<(Field, ArrayRef)> = vec![
            (field("sku", DataType::Utf8), Arc::new(texts)),
            (field("sales", Meaning::MoneySum.plain()), Arc::new(money)),
            (field("units", DataType::Int64), Arc::new(units)),
        ];
        Table::new(columns, usize::try_from(rows).unwrap()).unwrap()
    }

    #[test]
    fn shows_numbers_to_the_right() {
        let text = table(3).to_string();
        assert_eq!(
            text,
            "sku    sales  units\n─────  ─────  ─────\nsku 0   0.00      0\n        1.50      1\nsku 2   3.00      2\n3 rows"
        );
    }

    #[test]
    fn cuts_long_tables() {
        let text = table(100).to_string();
        assert!(text.contains("… 60 more rows …"), "{text}");
        assert_eq!(text.lines().count(), 2 + 40 + 1 + 1);
    }

    #[test]
    fn values_outside_are_null() {
        assert_eq!(table(1).value(5, 0), Value::Null);
        assert_eq!(table(1).value(0, 9), Value::Null);
        assert_eq!(table(2).value(1, 1), Value::Money(Money::from_micros(1_500_000)));
    }
}
