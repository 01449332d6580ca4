//! Values on their way out: money as `Decimal`, instants as aware `datetime` in UTC, days as `date`.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyType};
use tillroll_core::{Money, Value};

/// The day that Python's `date.toordinal` calls 719163.
const EPOCH_ORDINAL: i64 = 719_163;

/// Money prints with cents, whatever its scale.
const DECIMALS_MIN: usize = 2;

/// The Python value of one of the engine's.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Text(text) => Ok(text.into_pyobject(py)?.into_any()),
        Value::Int(number) => Ok(number.into_pyobject(py)?.into_any()),
        Value::Money(money) => decimal(py, &money.to_string()),
        Value::Time(micros) => time(py, *micros),
        Value::Date(days) => date(py, i64::from(*days)),
        other => Err(PyTypeError::new_err(format!("no Python value for {other:?}"))),
    }
}

/// A value of the engine's as plain data, with what tells it from others.
pub fn tagged<'py>(py: Python<'py>, value: &Value) -> PyResult<(&'static str, Bound<'py, PyAny>)> {
    Ok(match value {
        Value::Money(money) => ("money", money.micros().into_pyobject(py)?.into_any()),
        Value::Time(micros) => ("time", micros.into_pyobject(py)?.into_any()),
        Value::Date(days) => ("date", days.into_pyobject(py)?.into_any()),
        Value::Int(number) => ("int", number.into_pyobject(py)?.into_any()),
        other => ("text", to_python(py, other)?),
    })
}

/// What [`tagged`] was given.
pub fn untagged(tag: &str, found: &Bound<'_, PyAny>) -> PyResult<Value> {
    Ok(match tag {
        "money" => Value::Money(Money::from_micros(found.extract()?)),
        "time" => Value::Time(found.extract()?),
        "date" => Value::Date(found.extract()?),
        "int" => Value::Int(found.extract()?),
        _ => found.extract::<Option<String>>()?.map_or(Value::Null, Value::Text),
    })
}

/// A `Decimal` of this text.
pub fn decimal<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")?.call1((text,))
}

/// An instant, given in microseconds since 1970 in UTC. Python's own arithmetic makes it, so that no calendar is
/// computed here.
pub fn time(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static DELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        datetime.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc)).map(Bound::unbind)
    })?;
    let delta = DELTA.import(py, "datetime", "timedelta")?.call1((0, 0, micros))?;
    epoch.bind(py).add(delta)
}

/// A day, given in days since 1970.
pub fn date(py: Python<'_>, days: i64) -> PyResult<Bound<'_, PyAny>> {
    static DATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DATE.import(py, "datetime", "date")?.call_method1("fromordinal", (EPOCH_ORDINAL + days,))
}

/// One row of a batch as a dict.
pub fn row<'py>(py: Python<'py>, batch: &RecordBatch, row: usize) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        dict.set_item(field.name(), cell(py, column.as_ref(), row)?)?;
    }
    Ok(dict)
}

/// One cell of an Arrow column. `row` must lie within it.
fn cell<'py>(py: Python<'py>, column: &dyn Array, row: usize) -> PyResult<Bound<'py, PyAny>> {
    if column.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    let made = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into_pyobject(py)?.into_any(),
        DataType::FixedSizeBinary(_) => PyBytes::new(py, column.as_fixed_size_binary().value(row)).into_any(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Decimal128(_, scale) => {
            let unscaled = column.as_primitive::<Decimal128Type>().value(row);
            return decimal(py, &plain(unscaled, usize::try_from(*scale).unwrap_or(0)));
        }
        DataType::Date32 => return date(py, i64::from(column.as_primitive::<Date32Type>().value(row))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            return time(py, column.as_primitive::<TimestampMicrosecondType>().value(row));
        }
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            let dictionary = column.as_dictionary::<Int32Type>();
            let Some(key) = dictionary.key(row) else { return Ok(py.None().into_bound(py)) };
            return cell(py, dictionary.values().as_ref(), key);
        }
        other => return Err(PyTypeError::new_err(format!("no Python value for Arrow type {other}"))),
    };
    Ok(made)
}

/// The text of a decimal without needless zeros, but with cents: 12500000 at scale 6 is `12.50`.
fn plain(unscaled: i128, scale: usize) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let kept = fraction.trim_end_matches('0').len().max(DECIMALS_MIN.min(scale));
    match fraction.get(..kept) {
        Some(fraction) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_and_at_least_cents() {
        let cases =
            [(0, "0.00"), (12_500_000, "12.50"), (-1, "-0.000001"), (990_000, "0.99"), (7_000_000, "7.00")];
        for (unscaled, text) in cases {
            assert_eq!(plain(unscaled, 6), text);
        }
        assert_eq!(plain(i128::MIN, 6), "-170141183460469231731687303715884.105728");
        assert_eq!(plain(-12, 0), "-12");
        assert_eq!(plain(5, 1), "0.5");
    }
}
