//! What is stored, report by report, and what of it could not be read.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use arrow_schema::{Field, Schema, SchemaRef};

use super::manifest::{Manifest, Report, Version};
use super::schema::{Meaning, REJECTS};
use super::select::split_at_blocks;
use super::table::Table;
use super::totals::MoneyTotal;
use crate::column::Column;
use crate::error::{Error, Result};
use crate::ingest::{Kind, Reject};
use crate::roll::Roll;

/// One stored report.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Import {
    /// Its number: a restated report gets a new one.
    pub id: u64,
    /// The external account.
    pub account: u64,
    /// The file as it was named; empty for a period marked empty by hand.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The kind of report.
    pub kind: Kind,
    /// The period, e.g. `2018-03`.
    pub period: String,
    /// Which part of the period; `0` where there is only one.
    pub part: String,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// When it was imported.
    pub imported_at: jiff::Timestamp,
    /// `currency`, `units`, `sales`, `earnings_currency`, `earnings`.
    pub totals: Table,
    /// The same, against the version it replaced: only currencies that changed. `None` for a first version.
    pub change: Option<Table>,
    /// The import that counts in its place, the earliest that has a day in common with it; `None` while it counts.
    pub shadowed_by: Option<u64>,
    /// Every version of the report, oldest first; this one is the last. Of those before it the newest 64 are kept.
    pub versions: Vec<ImportVersion>,
}

/// A report as it was read at one time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImportVersion {
    /// The number its import had.
    pub id: u64,
    /// The file as it was named.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// When it was imported.
    pub imported_at: jiff::Timestamp,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// `currency`, `units`, `sales`, `earnings_currency`, `earnings`.
    pub totals: Table,
    /// The same, against the version it replaced: only currencies that changed. `None` for a first version.
    pub change: Option<Table>,
}

impl ImportVersion {
    fn new(version: &Version) -> Result<Self> {
        Ok(Self {
            id: version.id,
            path: version.path.clone(),
            sha256: hex(&version.sha256),
            imported_at: jiff::Timestamp::from_microsecond(version.imported_at).unwrap_or_default(),
            rows: version.rows,
            rejected: version.rejected,
            totals: totals_table(&version.totals)?,
            change: version.change.as_deref().map(totals_table).transpose()?,
        })
    }
}

impl Import {
    fn new(manifest: &Manifest, report: &Report) -> Result<Self> {
        let standing = ImportVersion::new(&report.version)?;
        let mut versions = report.earlier.iter().map(ImportVersion::new).collect::<Result<Vec<_>>>()?;
        versions.push(standing.clone());
        let ImportVersion { id, path, sha256, imported_at, rows, rejected, totals, change } = standing;
        Ok(Self {
            id,
            account: report.key.account,
            path,
            sha256,
            kind: report.key.kind,
            period: report.key.period.to_string(),
            part: report.key.part.clone(),
            rows,
            rejected,
            imported_at,
            totals,
            change,
            shadowed_by: manifest.shadow_of(report).map(|counting| counting.id),
            versions,
        })
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

pub(crate) fn imports(manifest: &Manifest, account: Option<u64>) -> Result<Vec<Import>> {
    let of_account = |report: &&Arc<Report>| account.is_none_or(|account| account == report.key.account);
    manifest.reports().filter(of_account).map(|report| Import::new(manifest, report)).collect()
}

/// The columns of all tables of totals: there are two of them for each import.
static TOTALS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let columns = [
        ("currency", Meaning::Text),
        ("units", Meaning::Count),
        ("sales", Meaning::MoneySum),
        ("earnings_currency", Meaning::Text),
        ("earnings", Meaning::MoneySum),
    ];
    let fields = columns.map(|(name, meaning)| Field::new(name, meaning.plain(), true));
    Arc::new(Schema::new(fields.to_vec()))
});

fn totals_table(totals: &[MoneyTotal]) -> Result<Table> {
    let text = |value: fn(&MoneyTotal) -> &Option<String>| {
        let array: StringArray = totals.iter().map(|total| value(total).as_deref()).collect();
        Arc::new(array) as ArrayRef
    };
    let money = |value: fn(&MoneyTotal) -> Option<i128>| {
        let array = totals.iter().map(value).collect::<Decimal128Array>();
        Arc::new(array.with_data_type(Meaning::MoneySum.plain())) as ArrayRef
    };
    let units: Int64Array = totals.iter().map(|total| i64::try_from(total.units).ok()).collect();
    let arrays = vec![
        text(|total| &total.currency),
        Arc::new(units) as ArrayRef,
        money(|total| total.sales),
        text(|total| &total.earnings_currency),
        money(|total| total.earnings),
    ];
    Table::with_schema(Arc::clone(&TOTALS), arrays, totals.len())
}

/// The rejects of one import or all, in the order of reports and lines.
pub(crate) fn rejects(manifest: &Manifest, import_id: Option<u64>) -> Result<Table> {
    let of_import = |report: &&Arc<Report>| import_id.is_none_or(|id| id == report.id);
    let mut reports = manifest.reports().filter(of_import).peekable();
    if let (Some(id), None) = (import_id, reports.peek()) {
        return Err(Error::NotFound { what: format!("import {id}") });
    }
    let mut rows = RejectRows::default();
    for report in reports {
        rows.read(manifest, report)?;
    }
    rows.table()
}

/// Rows of a roll's table of rejects, within one block.
pub(crate) fn read_rejects(roll: &Roll, table: usize, rows: Range<u32>) -> Result<Vec<Reject>> {
    let column = |name: &str| {
        let column = roll.field(table, name);
        let column = column.ok_or_else(|| Error::invalid(name, "the roll has no such column of rejects"))?;
        roll.read(table, column, rows.clone())
    };
    let [line, offset, reason, text] =
        [column("line")?, column("offset")?, column("reason")?, column("text")?];
    let number =
        |column: &Column, row| column.int(row).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
    let owned = |column: &Column, row| column.text(row).unwrap_or_default().to_owned();
    let reject = |row| Reject {
        line: number(&line, row),
        offset: number(&offset, row),
        reason: owned(&reason, row),
        text: owned(&text, row),
    };
    Ok((0..rows.len()).map(reject).collect())
}

#[derive(Default)]
struct RejectRows {
    paths: Vec<String>,
    lines: Vec<Option<i64>>,
    reasons: Vec<String>,
    texts: Vec<String>,
}

impl RejectRows {
    fn read(&mut self, manifest: &Manifest, report: &Report) -> Result<()> {
        for range in &report.reject_ranges {
            let live = manifest.roll(range.roll);
            let live = live.ok_or_else(|| Error::NotFound { what: format!("roll {}", range.roll) })?;
            let (roll, path) = (live.open()?, live.file.path());
            let table = roll.table(REJECTS);
            let table = table.ok_or_else(|| Error::corrupt(&path, "the roll has no table of rejects"))?;
            for rows in split_at_blocks(range.first..range.first.saturating_add(range.count)) {
                for reject in read_rejects(&roll, table, rows)? {
                    self.paths.push(report.path.clone());
                    self.lines.push(i64::try_from(reject.line).ok());
                    self.reasons.push(reject.reason);
                    self.texts.push(reject.text);
                }
            }
        }
        Ok(())
    }

    fn table(self) -> Result<Table> {
        let rows = self.paths.len();
        let text = |name: &str, array: StringArray| {
            (Field::new(name, Meaning::Text.plain(), true), Arc::new(array) as ArrayRef)
        };
        let lines = Arc::new(Int64Array::from(self.lines)) as ArrayRef;
        let columns = vec![
            text("path", StringArray::from(self.paths)),
            (Field::new("line", Meaning::Count.plain(), true), lines),
            text("reason", StringArray::from(self.reasons)),
            text("text", StringArray::from(self.texts)),
        ];
        Table::new(columns, rows)
    }
}
