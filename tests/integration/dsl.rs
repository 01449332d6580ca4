//! A shop with one account, and answers as rows of text, so that a test reads as a few lines.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tillroll_core::{Db, Error, ImportOptions, ImportSummary, OpenOptions, Query, Table, Value};
use tillroll_tests::oracle::{Fact, Sum, fact};
use tillroll_tests::{Packing, Report, Row, decimal};

/// A database in a directory of its own, a folder for reports beside it.
pub struct Shop {
    pub dir: TempDir,
    pub db: Db,
    pub account: u64,
}

impl Shop {
    pub fn new() -> Self {
        Self::of_store("amazon")
    }

    /// With an account of this store.
    pub fn of_store(store: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path().join("shop.till")).unwrap();
        let account = store_account(&db, "Our apps", store);
        fs::create_dir(dir.path().join("reports")).unwrap();
        Self { dir, db, account }
    }

    /// With these reports imported.
    pub fn with(reports: &[Report]) -> Self {
        let shop = Self::new();
        shop.import(&reports.iter().map(|report| shop.write(report)).collect::<Vec<_>>());
        shop
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("shop.till")
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("reports")
    }

    pub fn write(&self, report: &Report) -> PathBuf {
        report.write(&self.folder(), Packing::Gzip)
    }

    /// A file of these bytes.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn import(&self, paths: &[PathBuf]) -> ImportSummary {
        self.import_with(paths, &ImportOptions::default()).unwrap()
    }

    pub fn import_with(&self, paths: &[PathBuf], options: &ImportOptions) -> Result<ImportSummary, Error> {
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        self.db.sales().import(&paths, self.account, options).map_err(Error::from)
    }

    /// The error of importing this file, after which what was stored must still be there.
    pub fn refuses(&self, path: &Path) -> Error {
        let before = self.everything();
        let error = self.import_with(&[path.to_owned()], &ImportOptions::default()).unwrap_err();
        assert_eq!(self.everything(), before, "after {error}");
        error
    }

    /// Closes and opens again.
    pub fn reopen(&mut self) {
        self.db.close().unwrap();
        self.db = Db::open(self.database()).unwrap();
    }

    /// A report's rows, the query in the names of the Python face.
    pub fn report(&self, query: Json) -> Vec<Vec<String>> {
        rows_of(&self.db.sales().report(&Query::from_json(&query).unwrap()).unwrap())
    }

    pub fn report_error(&self, query: Json) -> Error {
        let answer = Query::from_json(&query).and_then(|query| self.db.sales().report(&query).map(|_| ()));
        answer.unwrap_err()
    }

    /// A scan's rows, in order.
    pub fn scan(&self, query: Json) -> Vec<Vec<String>> {
        let query = Query::from_json(&query).unwrap();
        let batches: Result<Vec<_>, _> = self.db.sales().scan(&query).unwrap().collect();
        batches.unwrap().iter().flat_map(rows_of_batch).collect()
    }

    /// One number a month and currency for all there is: enough to notice any lost or doubled row.
    pub fn everything(&self) -> Vec<Vec<String>> {
        self.report(
            json!({"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]}),
        )
    }
}

/// What [`Shop::everything`] must give for these rows.
pub fn everything_of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Vec<String>> {
    let facts: Vec<Fact<'_>> = rows.into_iter().map(fact).collect();
    let sums = tillroll_tests::oracle::sums(&facts, |fact| {
        [fact.month().to_string(), fact.row.market.currency.to_owned(), fact.kind.to_owned()]
    });
    let row = |(key, sum): (&[String; 3], &Sum)| {
        let measures = [sum.rows.to_string(), sum.units().to_string(), money(sum.sales), money(sum.earnings)];
        key.iter().cloned().chain(measures).collect()
    };
    sums.iter().map(row).collect()
}

pub fn new_account(db: &Db, nickname: &str) -> u64 {
    store_account(db, nickname, "amazon")
}

/// A new account at this store.
pub fn store_account(db: &Db, nickname: &str, store: &str) -> u64 {
    let accounts = db.records("external_accounts").unwrap();
    accounts.create(&json!({"nickname": nickname, "store": store})).unwrap()["id"].as_u64().unwrap()
}

pub fn read_only(path: &Path) -> Db {
    Db::open_with(path, &OpenOptions::new().read_only(true)).unwrap()
}

/// A sum at 10⁻⁶ as the engine writes money.
pub fn money(sum: i128) -> String {
    decimal::text(i64::try_from(sum).unwrap())
}

/// Every cell as text; null is `-`.
pub fn rows_of(table: &Table) -> Vec<Vec<String>> {
    let columns = table.columns().len();
    (0..table.len()).map(|row| (0..columns).map(|column| text(&table.value(row, column))).collect()).collect()
}

pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Money(money) => money.to_string(),
        Value::Time(micros) => jiff::Timestamp::from_microsecond(*micros).unwrap().to_string(),
        Value::Date(days) => date_of(*days).to_string(),
        _ => panic!("a kind of value that the tests do not know"),
    }
}

fn date_of(days: i32) -> Date {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

/// A scanned batch's cells as text.
fn rows_of_batch(batch: &arrow_array::RecordBatch) -> Vec<Vec<String>> {
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|column| cell(column, row)).collect())
        .collect()
}

fn cell(column: &arrow_array::ArrayRef, row: usize) -> String {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
    use arrow_schema::DataType;
    if column.is_null(row) {
        return "-".to_owned();
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_dictionary::<Int32Type>();
            let key = dictionary.keys().value(row);
            cell(dictionary.values(), usize::try_from(key).unwrap())
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Decimal128(_, 6) => money(column.as_primitive::<Decimal128Type>().value(row)),
        DataType::Date32 => date_of(column.as_primitive::<Date32Type>().value(row)).to_string(),
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            jiff::Timestamp::from_microsecond(micros).unwrap().to_string()
        }
        other => panic!("a scanned column of type {other}"),
    }
}
