//! The standard columns of one chunk, for readers that have no better arrangement of their own.

use std::sync::Arc;

use super::columns::{IntBuilder, PlainBuilder, TextBuilder, all_null};
use crate::column::{Column, Strings};

/// The texts of the `type` column; a row's code is its place here.
pub(super) const TYPES: [&str; 8] =
    ["charge", "refund", "redownload", "update", "restore", "fee", "tax", "other"];

/// What a row is, as `type` tells it. The numbers are places in [`TYPES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowType {
    Charge,
    Refund,
    Redownload,
    Update,
    Restore,
    Fee,
    Tax,
    Other,
}

/// Builders of the standard columns. A row goes into every column that the kind of report has, and into none of the
/// others: these are null throughout.
#[derive(Debug)]
pub(super) struct Standard {
    pub country: TextBuilder,
    pub transaction_id: PlainBuilder,
    pub time: IntBuilder,
    pub date: IntBuilder,
    pub sku: TextBuilder,
    pub parent_sku: TextBuilder,
    pub title: TextBuilder,
    pub item_type: TextBuilder,
    pub term: TextBuilder,
    pub units: IntBuilder,
    pub currency: TextBuilder,
    pub sales: IntBuilder,
    pub earnings: IntBuilder,
    pub earnings_currency: TextBuilder,
    types: Vec<u32>,
}

impl Standard {
    /// Builders that expect about so many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        let (text, int) = (|| TextBuilder::with_capacity(rows), || IntBuilder::with_capacity(rows));
        Self {
            country: text(),
            transaction_id: PlainBuilder::default(),
            time: int(),
            date: int(),
            sku: text(),
            parent_sku: text(),
            title: text(),
            item_type: text(),
            term: text(),
            units: int(),
            currency: text(),
            sales: int(),
            earnings: int(),
            earnings_currency: text(),
            types: Vec::with_capacity(rows),
        }
    }

    /// Appends the row's type: every kind of report has it, so that this counts the rows.
    pub(super) fn push_type(&mut self, row: RowType) {
        self.types.push(row as u32);
    }

    /// The rows, and their columns in the order of [`super::standard_fields`].
    pub(super) fn finish(self) -> (usize, Vec<Column>) {
        let rows = self.types.len();
        let whole = |column: Column| if column.len() == rows { column } else { all_null(rows) };
        let ints = |column: IntBuilder| match column.len() == rows {
            true => column.finish(),
            false => no_ints(rows),
        };
        let types = Column::Coded { dictionary: Arc::new(Strings::from_iter(TYPES)), codes: self.types };
        let columns = vec![
            all_null(rows),
            whole(self.country.finish()),
            all_null(rows),
            whole(self.transaction_id.finish()),
            ints(self.time),
            ints(self.date),
            types,
            whole(self.sku.finish()),
            whole(self.parent_sku.finish()),
            whole(self.title.finish()),
            all_null(rows),
            whole(self.item_type.finish()),
            whole(self.term.finish()),
            ints(self.units),
            all_null(rows),
            whole(self.currency.finish()),
            ints(self.sales),
            ints(self.earnings),
            whole(self.earnings_currency.finish()),
        ];
        (rows, columns)
    }
}

fn no_ints(rows: usize) -> Column {
    let mut column = IntBuilder::with_capacity(rows);
    (0..rows).for_each(|_| column.push(None));
    column.finish()
}
