//! Values on their way in: what Python programs pass as fields and query arguments, as the engine's JSON.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyType,
    PyTzInfo,
};
use serde_json::{Map, Number, Value};

use crate::argument::{SURROGATE, fault};
use crate::record::Record;
use crate::value::decimal;

/// How deep lists and dicts may nest; the records need three.
const DEPTH_MAX: usize = 32;

/// Why a value cannot travel: for what it is, which its field is told for, or for what Python raised on the way.
enum Refusal {
    Fault(String),
    Raised(PyErr),
}

impl From<PyErr> for Refusal {
    fn from(raised: PyErr) -> Self {
        Self::Raised(raised)
    }
}

impl Refusal {
    fn fault<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Fault(message.into()))
    }

    /// As the engine tells what is wrong with a field.
    fn of(self, py: Python<'_>, field: String) -> PyErr {
        match self {
            Self::Fault(message) => fault(py, &field, message),
            Self::Raised(raised) => raised,
        }
    }
}

/// A dict of fields as a JSON object.
pub fn object(dict: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    dict.map_or_else(|| Ok(Map::new()), |dict| object_at("", dict))
}

/// One of several dicts; faults are told for what stands at its place.
pub fn object_at(place: &str, dict: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    let member = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let key = name(&key)?;
        let value = nested(&value, 0).map_err(|refusal| refusal.of(dict.py(), format!("{place}{key}")))?;
        Ok((key, value))
    };
    // Over a copy: what a value does when it is asked may change the dict.
    dict.items().iter().map(|item| member(item.extract()?)).collect()
}

/// The value of an argument as JSON. Decimals travel as text, which loses nothing; a record stands for its id.
pub fn argument(name: &str, any: &Bound<'_, PyAny>) -> PyResult<Value> {
    nested(any, 0).map_err(|refusal| refusal.of(any.py(), name.to_owned()))
}

fn name(key: &Bound<'_, PyAny>) -> PyResult<String> {
    key.extract().map_err(|_| PyTypeError::new_err("names of fields must be str"))
}

fn nested(any: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Refusal> {
    if depth > DEPTH_MAX {
        return Refusal::fault("nests too deeply");
    }
    if any.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(text) = any.cast::<PyString>() {
        let text = text.to_str().or_else(|_| Refusal::fault(SURROGATE))?;
        return Ok(Value::String(text.to_owned()));
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
        return Ok(instant(time)?);
    }
    if any.is_instance(decimal_type(any.py())?)? {
        return Ok(plain_decimal(any)?);
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
pub fn row(place: &str, any: &Bound<'_, PyAny>) -> PyResult<Value> {
    match any.cast::<Record>() {
        Ok(record) => Ok(Value::Object(record.get().fields().clone())),
        Err(_) => object_at(place, any.cast::<PyDict>()?).map(Value::Object),
    }
}

/// Rows that a verb takes.
pub fn rows(any: &Bound<'_, PyAny>) -> PyResult<Value> {
    any.try_iter()?.enumerate().map(|(place, item)| row(&format!("rows[{place}]."), &item?)).collect()
}

fn members(dict: &Bound<'_, PyDict>, depth: usize) -> Result<Map<String, Value>, Refusal> {
    // Over a copy: what a value does when it is asked may change the dict.
    let member = |item: Bound<'_, PyAny>| {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        Ok((name(&key)?, nested(&value, depth)?))
    };
    dict.items().iter().map(member).collect()
}

fn list(any: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Refusal> {
    let bytes = any.is_instance_of::<PyBytes>() || any.is_instance_of::<PyByteArray>();
    match any.try_iter() {
        Ok(items) if !bytes => {
            items.map(|item| nested(&item?, depth)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        // What only quacks like an int, as the scalars of numpy do.
        _ if any.hasattr("__index__")? => integer(&any.call_method0("__index__")?),
        _ => Refusal::fault(format!("cannot be of type {}", any.get_type().name()?)),
    }
}

/// An int of any size: the engine says which fields take how large a number.
fn integer(any: &Bound<'_, PyAny>) -> Result<Value, Refusal> {
    const BITS_MAX: u64 = 1024;
    if let Ok(number) = any.extract::<i64>() {
        return Ok(number.into());
    }
    if any.call_method0("bit_length")?.extract::<u64>()? > BITS_MAX {
        return Refusal::fault("is too large a number");
    }
    // A subclass may have a text of its own.
    let digits: String = any.py().get_type::<PyInt>().call_method1("__repr__", (any,))?.extract()?;
    digits.parse().map(Value::Number).or_else(|_| Refusal::fault("is too large a number"))
}

/// A float by its shortest digits, without an exponent.
fn float(number: &Bound<'_, PyFloat>) -> Result<Value, Refusal> {
    let value = number.value();
    if !value.is_finite() {
        return Refusal::fault("must be a finite number");
    }
    // Whole floats keep their point: what must be a whole number is one by its type.
    let digits = format!("{value:?}");
    let digits = if digits.contains('e') { format!("{value}") } else { digits };
    let number = digits.parse::<Number>().map(Value::Number);
    number.map_err(|error| PyValueError::new_err(error.to_string()).into())
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

/// What records call an amount that stands by itself.
const AMOUNTS: [&str; 2] = ["balance", "price"];

/// One field of a record: as [`to_python`], but an amount is a `Decimal` of exactly the text that JSON has.
pub fn attribute<'py>(py: Python<'py>, name: &str, json: &Value) -> PyResult<Bound<'py, PyAny>> {
    match json {
        Value::Number(number) if number.is_f64() || AMOUNTS.contains(&name) => {
            decimal(py, &number.to_string())
        }
        other => to_python(py, other),
    }
}
