//! JSON on its way in and out, without loss: money never passes through a float.

use serde_json::{Map, Value};
use tillroll_core as core;

use crate::boundary::Result;
use crate::status::Failure;

/// Reads JSON. Numbers keep the digits they were written with.
pub(crate) fn parse(name: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Failure::invalid(name, &format!("is not JSON: {error}")))
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
        "shadowed_by": import.shadowed_by,
        "versions": import.versions.iter().map(of_version).collect::<Value>(),
    })
}

/// One version of a stored report.
fn of_version(version: &core::ImportVersion) -> Value {
    serde_json::json!({
        "id": version.id,
        "path": version.path,
        "sha256": version.sha256,
        "imported_at": version.imported_at.to_string(),
        "rows": version.rows,
        "rejected": version.rejected,
        "totals": of_table(&version.totals),
        "change": version.change.as_ref().map(of_table),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let written = r#"{"a":0.1,"b":1234567890123.456789,"c":[-9223372036854.775807],"d":12.50,
            "e":123456789012345678901234,"f":0.10000000000000000001,"g":18446744073709551615,"h":1.000}"#;
        let read = parse("json", written).unwrap();
        assert_eq!(read.to_string(), written.replace([' ', '\n'], ""));
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        let failure = parse("query_json", "{\"by\":\n [\"month\",]}").unwrap_err();
        assert_eq!(failure.code, crate::status::TILLROLL_VALIDATION);
        assert_eq!(failure.message, "query_json: is not JSON: trailing comma at line 2 column 11");
        assert!(parse("json", "").unwrap_err().message.contains("line 1 column 0"));
        assert!(parse("json", "{} {}").unwrap_err().message.contains("column 4"));
        assert!(parse("json", &"[".repeat(100_000)).unwrap_err().message.contains("recursion limit"));
        for json in ["-", "1.", "01", "\"", "\"\\"] {
            assert!(parse("json", json).is_err(), "{json}");
        }
    }
}
