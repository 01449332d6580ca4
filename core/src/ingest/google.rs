//! What Google Play's two reports have in common: how they name what is sold, and how their rows become columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::{Binding, Keep, Known, Slots};
use super::columns::{TextBuilder, is_blank};
use super::dates::{Dates, MonthCounter};
use super::pipeline::Row;
use super::standard::Standard;
use crate::column::{Batch, Field};
use crate::day::Day;

/// A column that is read into something else and of which the text is kept as well.
pub(super) const fn kept(name: &'static str, keys: &'static [&'static str]) -> Known {
    Known::interpreted(name, keys, Keep::Text).required()
}

/// What both reports tell of a row in the same words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub order: &'a [u8],
    /// The app's package.
    pub app: &'a [u8],
    /// The in-app item or subscription; blank where the app itself is sold.
    pub sku: &'a [u8],
    pub title: &'a [u8],
    pub item_type: &'a [u8],
    pub country: &'a [u8],
    pub currency: &'a [u8],
}

/// The columns of one chunk.
#[derive(Debug)]
pub(super) struct Columns {
    pub standard: Standard,
    months: MonthCounter,
    extras: Vec<TextBuilder>,
}

impl Columns {
    /// Columns for about so many rows of a file.
    pub(super) fn new<S: Slots>(layout: &Binding<S>, rows: usize) -> Self {
        Self {
            standard: Standard::with_capacity(rows),
            months: MonthCounter::default(),
            extras: layout.extras.iter().map(|_| TextBuilder::with_capacity(rows)).collect(),
        }
    }

    /// Appends a row's instant in microseconds UTC, and its day at the store.
    pub(super) fn push_when(&mut self, time: Option<i64>, date: Day) {
        self.standard.time.push(time);
        self.standard.date.push(Some(i64::from(date.0)));
        self.months.add(date);
    }

    /// Appends what a row sells, the item in an app or the app, and to whom.
    pub(super) fn push_texts(&mut self, texts: Texts<'_>) {
        let (app, sku) = (texts.app.trim_ascii(), texts.sku.trim_ascii());
        let standard = &mut self.standard;
        standard.transaction_id.push(texts.order.trim_ascii());
        standard.country.push(texts.country.trim_ascii());
        standard.currency.push(texts.currency.trim_ascii());
        if is_blank(sku) {
            standard.sku.push(app);
            standard.parent_sku.push_null();
        } else {
            standard.sku.push(sku);
            standard.parent_sku.push_beside(app, standard.sku.last_code());
        }
        let beside = standard.sku.last_code();
        standard.title.push_beside(texts.title, beside);
        standard.item_type.push_beside(texts.item_type.trim_ascii(), beside);
    }

    /// Appends the columns beside the standard ones.
    pub(super) fn push_extras<S: Slots>(&mut self, layout: &Binding<S>, row: &Row<'_>) {
        for (extra, column) in layout.extras.iter().zip(&mut self.extras) {
            column.push(row.get(extra.place).unwrap_or_default());
        }
    }

    /// The rows, and their dates.
    pub(super) fn finish(self, fields: &Arc<[Field]>) -> (Batch, Dates) {
        let (rows, mut columns) = self.standard.finish();
        columns.extend(self.extras.into_iter().map(TextBuilder::finish));
        let dates = Dates { months: self.months.finish(), spans: BTreeMap::new() };
        (Batch { rows, fields: fields.clone(), columns }, dates)
    }
}
