//! Values on their way in: what Python programs pass as fields and query arguments, as the engine's JSON.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyType,
    PyTzInfo,
};
use serde_json::{Map, Number, Value};

use crate::record::Record;
use crate::value::decimal;

/// How deep lists and dicts may nest; the records need three.
const DEPTH_MAX: usize = 32;

/// A dict of fields as a JSON object.
pub fn object(dict: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    dict.map_or_else(|| Ok(Map::new()), |dict| members(dict, 0))
}

/// Any value as JSON. Decimals travel as text, which loses nothing; a record stands for its id.
pub fn value(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    nested(any, 0)
}

fn nested(any: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > DEPTH_MAX {
        return Err(PyValueError::new_err("the value nests too deeply"));
    }
    if any.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(text) = any.cast::<PyString>() {
        return Ok(Value::String(text.extract()?));
    }
    // A bool is an int to Python, and a datetime is a date: the narrower one is asked for first.
    if let Ok(flag) = any.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if any.is_instance_of::<PyInt>() {
        return integer(any);
    }
    if let Ok(number) = any.cast::<PyFloat>() {
        return float(number);
    }
    if let Ok(time) = any.cast::<PyDateTime>() {
        return instant(time);
    }
    if any.is_instance(decimal_type(any.py())?)? {
        return plain_decimal(any);
    }
    if any.is_instance_of::<PyDate>() {
        return Ok(Value::String(any.str()?.extract()?));
    }
    if let Ok(record) = any.cast::<Record>() {
        return Ok(record.get().id());
    }
    if let Ok(dict) = any.cast::<PyDict>() {
        return Ok(Value::Object(members(dict, depth + 1)?));
    }
    list(any, depth + 1)
}

/// A row that a verb takes: a dict, or a record that a verb gave.
pub fn row(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    match any.cast::<Record>() {
        Ok(record) => Ok(Value::Object(record.get().fields().clone())),
        Err(_) => Ok(Value::Object(members(any.cast::<PyDict>()?, 0)?)),
    }
}

/// Rows that a verb takes.
pub fn rows(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    any.try_iter()?.map(|item| row(&item?)).collect()
}

fn members(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Map<String, Value>> {
    let member = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let key = key.extract::<String>().map_err(|_| PyTypeError::new_err("names of fields must be str"))?;
        Ok((key, nested(&value, depth)?))
    };
    dict.iter().map(member).collect()
}

fn list(any: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let bytes = any.is_instance_of::<PyBytes>() || any.is_instance_of::<PyByteArray>();
    match any.try_iter() {
        Ok(items) if !bytes => {
            items.map(|item| nested(&item?, depth)).collect::<PyResult<Vec<_>>>().map(Value::Array)
        }
        // What only quacks like an int, as the scalars of numpy do.
        _ if any.hasattr("__index__")? => integer(&any.call_method0("__index__")?),
        _ => Err(PyTypeError::new_err(format!("cannot take a value of type {}", any.get_type().name()?))),
    }
}

fn integer(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(number) = any.extract::<i64>() {
        return Ok(number.into());
    }
    let wide = any.extract::<u64>().map_err(|_| PyOverflowError::new_err("the number is too large"))?;
    Ok(wide.into())
}

/// A float by its shortest digits, without an exponent.
fn float(number: &Bound<'_, PyFloat>) -> PyResult<Value> {
    let value = number.value();
    if !value.is_finite() {
        return Err(PyValueError::new_err("the number is not finite"));
    }
    // Whole floats keep their point: what must be a whole number is one by its type.
    let digits = format!("{value:?}");
    let digits = if digits.contains('e') { format!("{value}") } else { digits };
    digits.parse::<Number>().map(Value::Number).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// A `Decimal` without an exponent, which its own text may have: `Decimal("50").normalize()` is `5E+1`.
fn plain_decimal(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    const DIGITS_MAX: i64 = 100;
    let exponent = any.call_method0("adjusted")?.extract::<i64>()?;
    let is_finite = any.call_method0("is_finite")?.extract::<bool>()?;
    // What is beyond any amount stays as it is, and is refused as that.
    let text = if is_finite && exponent.abs() <= DIGITS_MAX {
        any.call_method1("__format__", ("f",))?
    } else {
        any.str()?.into_any()
    };
    Ok(Value::String(text.extract()?))
}

/// An instant as ISO text; an aware one is brought to UTC, a naive one stays without a zone.
fn instant(time: &Bound<'_, PyDateTime>) -> PyResult<Value> {
    let py = time.py();
    if time.call_method0("utcoffset")?.is_none() {
        return Ok(Value::String(time.call_method0("isoformat")?.extract()?));
    }
    let utc = time.call_method1("astimezone", (PyTzInfo::utc(py)?,))?;
    let text: String = utc.call_method0("isoformat")?.extract()?;
    Ok(Value::String(text.replace("+00:00", "Z")))
}

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

/// JSON as plain Python data: what `to_dict()` gives.
pub fn to_python<'py>(py: Python<'py>, json: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match json {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            (None, None) => fraction(py, &number.to_string())?,
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(members) => dict(py, members)?.into_any(),
    })
}

/// A number with a fraction, or one too large for 64 bits: as a float where that has the very same digits, so that a
/// record's dict goes through `json.dumps`, else as a `Decimal`.
fn fraction<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let shortest = |text: &str| match text.split_once('.') {
        Some((_, fraction)) if !fraction.contains(['e', 'E']) => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.to_owned(),
    };
    match text.parse::<f64>() {
        Ok(float) if shortest(&float.to_string()) == shortest(text) => {
            Ok(float.into_pyobject(py)?.into_any())
        }
        _ => decimal(py, text),
    }
}

/// A JSON object as a dict.
pub fn dict<'py>(py: Python<'py>, members: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    members.iter().try_for_each(|(name, value)| dict.set_item(name, to_python(py, value)?))?;
    Ok(dict)
}

/// One field of a record: as [`to_python`], but an amount is a `Decimal` of exactly the text that JSON has.
pub fn attribute<'py>(py: Python<'py>, json: &Value) -> PyResult<Bound<'py, PyAny>> {
    match json {
        Value::Number(number) if number.is_f64() => decimal(py, &number.to_string()),
        other => to_python(py, other),
    }
}
