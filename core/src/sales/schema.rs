//! The columns of a sale: which are known, what their values mean, and how they leave as Arrow.

use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

/// Digits after the decimal point of every amount.
pub const MONEY_SCALE: i8 = 6;

/// The name of the table in a roll that holds the rows.
pub(crate) const ROWS: &str = "rows";
/// The name of the table in a roll that holds what could not be read.
pub(crate) const REJECTS: &str = "rejects";
/// The column that rolls index for lookups.
pub(crate) const LOOKUP_COLUMN: &str = "transaction_id";

/// The column that is not stored: which product a row is of.
pub(crate) const PRODUCT: &str = "product";
/// The column that a row's product follows from.
pub(crate) const SKU: &str = "sku";

/// What a value stands for; physically there are only text and 64-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Meaning {
    Text,
    /// A whole number.
    Count,
    /// An amount in millionths.
    Money,
    /// A sum of amounts, in millionths.
    MoneySum,
    /// An instant in microseconds since 1970, UTC.
    Time,
    /// A calendar day since 1970-01-01.
    Date,
    /// Text that is a UUID, as its bytes.
    Uuid,
}

impl Meaning {
    /// The Arrow type in a report or table, where text is plain.
    pub(crate) fn plain(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Count => DataType::Int64,
            Self::Money => DataType::Decimal128(18, MONEY_SCALE),
            Self::MoneySum => DataType::Decimal128(38, MONEY_SCALE),
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Uuid => DataType::FixedSizeBinary(16),
        }
    }

    /// The Arrow type in a scan, where text is dictionary coded.
    pub(crate) fn coded(self) -> DataType {
        match self {
            Self::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            other => other.plain(),
        }
    }
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// The same for all rows of a report: kept in the manifest, not in the roll.
    Account,
    Store,
    Kind,
    Period,
    /// The product that the row's SKU is of when the question is asked.
    Product,
    /// A column of the roll with this name.
    Roll,
}

/// A column of `db.sales`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SalesColumn {
    pub(crate) name: String,
    pub(crate) meaning: Meaning,
    pub(crate) origin: Origin,
}

impl SalesColumn {
    fn new(name: &str, meaning: Meaning, origin: Origin) -> Self {
        Self { name: name.to_owned(), meaning, origin }
    }

    /// A further column of a file, under its own header name.
    pub(crate) fn further(name: &str) -> Self {
        Self::new(name, Meaning::Text, Origin::Roll)
    }

    /// The field in a scan's or a table's schema.
    pub(crate) fn arrow(&self, coded: bool) -> ArrowField {
        let ty = if coded { self.meaning.coded() } else { self.meaning.plain() };
        ArrowField::new(&self.name, ty, !matches!(self.origin, Origin::Account))
    }
}

/// The columns that every sale has, in their order. A file's further columns follow them.
pub(crate) fn standard_columns() -> Vec<SalesColumn> {
    use Meaning::{Count, Date, Money, Text, Time};
    let of_report = [
        SalesColumn::new("account", Count, Origin::Account),
        SalesColumn::new("store", Text, Origin::Store),
        SalesColumn::new("kind", Text, Origin::Kind),
        SalesColumn::new("period", Text, Origin::Period),
    ];
    let of_row = [
        ("marketplace", Text),
        ("country", Text),
        ("invoice_id", Text),
        (LOOKUP_COLUMN, Text),
        ("time", Time),
        ("date", Date),
        ("type", Text),
        (SKU, Text),
        ("parent_sku", Text),
        ("title", Text),
        ("item_name", Text),
        ("item_type", Text),
        ("term", Text),
        ("units", Count),
        ("usage_time", Text),
        ("currency", Text),
        ("sales", Money),
        ("earnings", Money),
        ("earnings_currency", Text),
    ];
    let of_row = of_row.map(|(name, meaning)| SalesColumn::new(name, meaning, Origin::Roll));
    let product = SalesColumn::new(PRODUCT, Count, Origin::Product);
    of_report.into_iter().chain(of_row).chain([product]).collect()
}

/// The values `type` can have, in every store.
pub(crate) const TYPES: [&str; 8] =
    ["charge", "refund", "redownload", "update", "restore", "fee", "tax", "other"];

/// Whether rows of this type count in `units`: a re-download, an update or a restore moves no sale.
pub(crate) fn counts_as_unit(ty: &str) -> bool {
    !matches!(ty, "redownload" | "update" | "restore")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Type;
    use crate::ingest;

    #[test]
    fn the_reader_and_the_schema_agree() {
        let stored: Vec<_> = standard_columns()
            .into_iter()
            .filter(|column| column.origin == Origin::Roll)
            .map(|column| (column.name, if column.meaning == Meaning::Text { Type::Text } else { Type::Int }))
            .collect();
        let read: Vec<_> =
            ingest::standard_fields().iter().map(|field| (field.name.clone(), field.ty)).collect();
        assert_eq!(stored, read);
    }
}
