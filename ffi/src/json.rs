//! JSON on its way in and out, without loss: money never passes through a float.

use serde_json::{Map, Number, Value};
use tillroll_core as core;

use crate::boundary::Result;
use crate::status::Failure;

/// Reads JSON. A number that a float would round comes in as text with all its digits, which money fields take and
/// others refuse.
pub(crate) fn parse(name: &str, text: &str) -> Result<Value> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|error| Failure::invalid(name, &format!("is not JSON: {error}")))
    };
    let value = read(text)?;
    match with_inexact_numbers_quoted(text) {
        Some(quoted) => read(&quoted),
        None => Ok(value),
    }
}

/// Valid JSON with quotes around each number that a float would change; `None` where there is none.
fn with_inexact_numbers_quoted(json: &str) -> Option<String> {
    let (mut quoted, mut copied, mut at) = (String::new(), 0, 0);
    let bytes = json.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = match byte {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        let token = json.get(at..at + length).unwrap_or_default();
        if byte != b'"' && length > 0 && is_of_number(byte) && !is_exact(token) {
            quoted.push_str(json.get(copied..at).unwrap_or_default());
            quoted.extend(["\"", token, "\""]);
            copied = at + length;
        }
        at += length;
    }
    (copied > 0).then(|| quoted + json.get(copied..).unwrap_or_default())
}

/// The bytes of a string with its quotes.
fn string_length(from: &[u8]) -> usize {
    let mut escaped = false;
    for (i, &byte) in from.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    from.len()
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Whether the number that was read prints the digits that were written.
fn is_exact(token: &str) -> bool {
    match serde_json::from_str::<Number>(token) {
        Ok(number) => decimal(&number.to_string()) == decimal(token),
        Err(_) => true,
    }
}

/// A number as (negative, digits without zeros at the ends, power of ten), so that `1.50` and `15e-1` are the same.
fn decimal(number: &str) -> (bool, String, i64) {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{}{fraction}", whole.trim_start_matches('-'));
    let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    let behind = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let zeros = i64::try_from(all.len() - all.trim_end_matches('0').len()).unwrap_or(i64::MAX);
    let power = power.parse::<i64>().unwrap_or(i64::MAX);
    (whole.starts_with('-'), digits, power.saturating_sub(behind).saturating_add(zeros))
}

/// One value of the sales: money, times and days as text, counts as numbers.
fn of_value(value: &core::Value) -> Value {
    match value {
        core::Value::Null => Value::Null,
        core::Value::Int(number) => (*number).into(),
        other => other.to_string().into(),
    }
}

/// A sale as an object with all its columns.
pub(crate) fn of_sale(sale: &core::Sale) -> Value {
    sale.iter().map(|(column, value)| (column.to_owned(), of_value(value))).collect()
}

/// A table as a list of objects.
fn of_table(table: &core::Table) -> Value {
    let row = |values: Vec<core::Value>| -> Value {
        let columns = table.columns().into_iter().map(str::to_owned);
        columns.zip(values.iter().map(of_value)).collect::<Map<_, _>>().into()
    };
    table.rows().map(row).collect()
}

/// A stored report, with the attributes that Python gives it.
pub(crate) fn of_import(import: &core::Import) -> Value {
    serde_json::json!({
        "id": import.id,
        "account": import.account,
        "path": import.path,
        "sha256": import.sha256,
        "kind": import.kind.to_string(),
        "period": import.period,
        "part": import.part,
        "rows": import.rows,
        "rejected": import.rejected,
        "imported_at": import.imported_at.to_string(),
        "totals": of_table(&import.totals),
        "change": import.change.as_ref().map(of_table),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let written = r#"{"a": 0.1, "b": 1234567890123.456789, "c": [-9223372036854.775807], "d": 1e2, "e": 12.50,
            "f": 123456789012345678901234, "g": "0.10000000000000000001", "h\"1.23456789012345678901": 18446744073709551615,
            "i": 1.00000000000000000001, "j": -0.0, "k": true}"#;
        let read = parse("json", written).unwrap();
        let expected = json!({
            "a": 0.1, "b": "1234567890123.456789", "c": ["-9223372036854.775807"], "d": 1e2, "e": 12.5,
            "f": "123456789012345678901234", "g": "0.10000000000000000001",
            "h\"1.23456789012345678901": 18_446_744_073_709_551_615_u64,
            "i": "1.00000000000000000001", "j": -0.0, "k": true,
        });
        assert_eq!(read, expected);
        assert_eq!(parse("json", "1.000").unwrap(), json!(1.0));
        assert_eq!(parse("json", "1234567890123.456789").unwrap(), "1234567890123.456789");
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        let failure = parse("query_json", "{\"by\":\n [\"month\",]}").unwrap_err();
        assert_eq!(failure.code, crate::status::TILLROLL_VALIDATION);
        assert_eq!(failure.message, "query_json: is not JSON: trailing comma at line 2 column 11");
        assert!(parse("json", "").unwrap_err().message.contains("line 1 column 0"));
        assert!(parse("json", "{} {}").unwrap_err().message.contains("column 4"));
        assert!(parse("json", &"[".repeat(100_000)).unwrap_err().message.contains("recursion limit"));
        for json in ["1e999999999", "[1e400]", "-", "1.", "\"", "\"\\"] {
            assert!(parse("json", json).is_err(), "{json}");
        }
    }
}
