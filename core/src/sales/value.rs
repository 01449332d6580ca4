//! Single values as people use them: of a table, or of one sale.

use std::fmt;
use std::sync::Arc;

use crate::day::Day;
use crate::money::Money;

/// One value of a [`Table`](super::Table) or a [`Sale`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A count or an id.
    Int(i64),
    /// An exact amount or sum, in the currency that stands beside it.
    Money(Money),
    /// An instant: microseconds since 1970, UTC.
    Time(i64),
    /// The store's own calendar day: days since 1970-01-01.
    Date(i32),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.pad(""),
            Self::Text(text) => f.pad(text),
            Self::Int(number) => f.pad(&number.to_string()),
            Self::Money(money) => f.pad(&money.to_string()),
            Self::Time(micros) => match jiff::Timestamp::from_microsecond(*micros) {
                Ok(time) => f.pad(&time.to_string()),
                Err(_) => f.pad(&format!("{micros} µs")),
            },
            Self::Date(days) => f.pad(&Day(*days).to_string()),
        }
    }
}

/// One row of a report file: a charge, a refund …
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::Value;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let [charge, refund] = &db.sales().get("t1")?[..] else { panic!("a charge and its refund share the id") };
/// assert_eq!(charge.get("type"), Some(&Value::Text("charge".to_owned())));
/// assert_eq!(refund.get("units"), Some(&Value::Int(-1)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// A sale of these columns, in this order.
impl FromIterator<(String, Value)> for Sale {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(columns: T) -> Self {
        let (columns, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        Self { columns: columns.into(), values }
    }
}

impl Sale {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The names of its columns: the same for every sale of one answer.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The value of a column; `None` where there is no such column.
    pub fn get(&self, column: &str) -> Option<&Value> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.values.get(index)
    }

    /// Every column with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.columns.iter().map(String::as_str).zip(&self.values)
    }
}
