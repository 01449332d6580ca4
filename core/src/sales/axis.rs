//! One `by` of a report: how rows get a code on it, and which value each code stands for. Code 0 is null.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, StringArray};

use super::catalogue::{Fold, Products, StoreProducts};
use super::line_table::{LineTable, Part};
use super::manifest::Report;
use super::query::By;
use super::schema::{Meaning, SKU};
use super::select::{Chosen, Piece};
use crate::column::Column;
use crate::day::{Day, Period};
use crate::error::{Error, Result};
use crate::ingest::{Kind, StoreKind};
use crate::roll::BLOCK_ROWS;

/// Where an axis takes its values from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The date, brought to the first day of a stretch of time.
    Date(fn(Day) -> Day),
    /// A text column of the roll.
    Text(&'static str),
    /// The product that the row of a SKU counts among.
    Product(Fold),
    /// What all rows of a report share.
    Account,
    Store,
    Kind,
    Period,
}

fn source(by: By, combine_inapps: bool) -> Source {
    let product = |to_group| Source::Product(Fold { to_parent: combine_inapps, to_group });
    match by {
        By::Day => Source::Date(|day| day),
        By::Week => Source::Date(Day::week_start),
        By::Month => Source::Date(Day::month_start),
        By::Quarter => Source::Date(Day::quarter_start),
        By::Year => Source::Date(Day::year_start),
        By::Account => Source::Account,
        By::Store => Source::Store,
        By::Kind => Source::Kind,
        By::Period => Source::Period,
        By::Product => product(false),
        By::ProductGroup => product(true),
        By::Sku
        | By::Title
        | By::Country
        | By::Marketplace
        | By::Currency
        | By::EarningsCurrency
        | By::Type
        | By::ItemType
        | By::Term => Source::Text(by.name()),
    }
}

/// The values met on an axis, in the order in which they were met.
#[derive(Debug)]
enum Values {
    Texts { list: Vec<Arc<str>>, codes: HashMap<Arc<str>, u32> },
    Ints { list: Vec<i64>, codes: HashMap<i64, u32> },
}

impl Values {
    fn text(&mut self, text: &str) -> u32 {
        let Self::Texts { list, codes } = self else { return 0 };
        if let Some(&code) = codes.get(text) {
            return code;
        }
        let text: Arc<str> = text.into();
        list.push(Arc::clone(&text));
        let code = u32::try_from(list.len()).unwrap_or(u32::MAX);
        codes.insert(text, code);
        code
    }

    fn int(&mut self, int: i64) -> u32 {
        let Self::Ints { list, codes } = self else { return 0 };
        let next = u32::try_from(list.len() + 1).unwrap_or(u32::MAX);
        *codes.entry(int).or_insert_with(|| {
            list.push(int);
            next
        })
    }

    /// The code of a text, or of the product whose SKU it is; where the SKU may be several, all of them are met.
    fn learn(&mut self, text: &str, products: Option<StoreProducts<'_>>) -> u32 {
        match products {
            Some(products) => products.all_of(text).fold(0, |_, product| self.int(product)),
            None => self.text(text),
        }
    }

    /// As [`Self::learn`] of what was met before.
    fn known(&self, text: &str, products: Option<StoreProducts<'_>>) -> u32 {
        let code = match self {
            Self::Texts { codes, .. } => codes.get(text),
            Self::Ints { .. } => {
                return self.known_int(products.and_then(|products| products.of_sku(Some(text))));
            }
        };
        code.copied().unwrap_or_default()
    }

    fn known_int(&self, int: Option<i64>) -> u32 {
        let Self::Ints { codes, .. } = self else { return 0 };
        int.and_then(|int| codes.get(&int)).copied().unwrap_or_default()
    }

    fn len(&self) -> usize {
        match self {
            Self::Texts { list, .. } => list.len(),
            Self::Ints { list, .. } => list.len(),
        }
    }
}

/// The codes of a piece's rows on an axis.
#[derive(Debug)]
pub(crate) enum Codes {
    Same(u32),
    Each(Vec<u32>),
}

impl Codes {
    pub(crate) fn get(&self, row: usize) -> u32 {
        match self {
            Self::Same(code) => *code,
            Self::Each(codes) => codes.get(row).copied().unwrap_or_default(),
        }
    }

    /// Whether there is a code below `radix` for each of so many rows.
    pub(crate) fn are_of(&self, rows: usize, radix: u64) -> bool {
        match self {
            Self::Same(code) => u64::from(*code) < radix,
            Self::Each(codes) => codes.len() == rows && codes.iter().all(|&code| u64::from(code) < radix),
        }
    }

    /// Those of the chosen rows alone.
    pub(crate) fn of(self, chosen: &Chosen) -> Self {
        match self {
            Self::Same(code) => Self::Same(code),
            Self::Each(codes) => Self::Each(chosen.of(codes)),
        }
    }
}

/// The account, kind and period of a report.
type ReportOf = (u64, Kind, Option<Period>);

/// One axis of a report.
#[derive(Debug)]
pub(crate) struct Axis {
    by: By,
    source: Source,
    values: Values,
    products: Arc<Products>,
    /// For an axis of texts or products: from the codes of each roll's dictionary to those of this axis. Reports of
    /// several stores may share a roll, and a SKU is of its own store.
    rolls: HashMap<(u32, StoreKind), Vec<u32>>,
    /// For an axis of products: the rolls in which a SKU alone does not always tell.
    by_item: HashSet<(u32, StoreKind)>,
    /// For an axis of time: the code of each day from `first_day` on.
    first_day: i64,
    days: Vec<u32>,
    /// For an axis of reports: the code of each report's id.
    reports: HashMap<u64, u32>,
    /// The account, kind and period that were met last, and their code.
    last: Option<(ReportOf, u32)>,
}

impl Axis {
    pub(crate) fn new(by: By) -> Self {
        Self::of(by, false)
    }

    fn of(by: By, combine_inapps: bool) -> Self {
        let source = source(by, combine_inapps);
        let values = match source {
            Source::Date(_) | Source::Account | Source::Product(_) => {
                Values::Ints { list: Vec::new(), codes: HashMap::new() }
            }
            Source::Text(_) | Source::Store | Source::Kind | Source::Period => {
                Values::Texts { list: Vec::new(), codes: HashMap::new() }
            }
        };
        let (rolls, by_item, reports, products) = Default::default();
        Self {
            by,
            source,
            values,
            products,
            rolls,
            by_item,
            first_day: 0,
            days: Vec::new(),
            reports,
            last: None,
        }
    }

    /// An axis that gives codes for every row of these pieces; of products, the items' to their apps where asked.
    pub(crate) fn over(
        by: By,
        combine_inapps: bool,
        pieces: &[Piece],
        products: &Arc<Products>,
    ) -> Result<Self> {
        let mut axis = Self { products: Arc::clone(products), ..Self::of(by, combine_inapps) };
        match axis.source {
            Source::Date(start) => axis.learn_days(start, pieces)?,
            Source::Text(column) => axis.learn_texts(column, pieces)?,
            Source::Product(_) => axis.learn_texts(SKU, pieces)?,
            Source::Account | Source::Store | Source::Kind | Source::Period => {
                for owner in pieces.iter().flat_map(|piece| &piece.owners) {
                    let key = &owner.report.key;
                    let code = axis.learn_report(key.account, key.kind, Some(key.period));
                    axis.reports.insert(owner.report.id, code);
                }
            }
        }
        axis.sort();
        Ok(axis)
    }

    /// Brings the codes into the order of their values, so that groups sort by them.
    fn sort(&mut self) {
        // Null stays what it is.
        let new: Vec<u32> = self.ranks().into_iter().map(|rank| rank.wrapping_add(1)).collect();
        let renew = |code: &mut u32| *code = new.get(*code as usize).copied().unwrap_or_default();
        self.rolls.values_mut().flatten().for_each(renew);
        self.days.iter_mut().for_each(renew);
        self.reports.values_mut().for_each(renew);
        match &mut self.values {
            Values::Texts { list, codes } => {
                list.sort_unstable();
                codes.values_mut().for_each(renew);
            }
            Values::Ints { list, codes } => {
                list.sort_unstable();
                codes.values_mut().for_each(renew);
            }
        }
        self.last = None;
    }

    /// The number of codes, null included.
    pub(crate) fn size(&self) -> u64 {
        self.values.len() as u64 + 1
    }

    fn learn_days(&mut self, start: fn(Day) -> Day, pieces: &[Piece]) -> Result<()> {
        let spans = pieces.iter().filter_map(|piece| piece.zone("date")).filter(|zone| zone.min <= zone.max);
        let Some((first, last)) = spans
            .map(|zone| (zone.min, zone.max))
            .reduce(|(first, last), (min, max)| (first.min(min), last.max(max)))
        else {
            return Ok(());
        };
        // A day is a 32-bit number of days within the years 1 to 9999: about 3.7 million of them.
        let day = |days: i64| i32::try_from(days).ok().filter(|days| days.unsigned_abs() < 4_000_000);
        let (Some(first), Some(last)) = (day(first), day(last)) else {
            return Err(Error::invalid("by", "the stored dates span more than the calendar"));
        };
        self.first_day = i64::from(first);
        self.days = (first..=last).map(|day| self.values.int(i64::from(start(Day(day)).0))).collect();
        Ok(())
    }

    /// What a piece's SKUs stand for on an axis of products; `None` on one of texts.
    fn products_of<'a>(&self, products: &'a Products, piece: &Piece) -> Option<StoreProducts<'a>> {
        match self.source {
            Source::Product(fold) => Some(products.folded(piece.store, fold)),
            _ => None,
        }
    }

    fn learn_texts(&mut self, column: &'static str, pieces: &[Piece]) -> Result<()> {
        let all = Arc::clone(&self.products);
        for piece in pieces {
            let Some(index) = piece.roll.field(piece.table, column) else { continue };
            let products = self.products_of(&all, piece);
            let mut is_told = true;
            let mut note = |text: &str| is_told &= products.is_none_or(|products| products.sku_tells(text));
            if !self.rolls.contains_key(&piece.roll_and_store()) {
                let dictionary = piece.roll.dictionary(piece.table, index)?;
                dictionary.iter().for_each(&mut note);
                let map = dictionary.iter().map(|text| self.values.learn(text, products)).collect();
                self.rolls.insert(piece.roll_and_store(), map);
            }
            // A column with too many distinct texts for a dictionary is rare on an axis: its texts are met first.
            let zone = piece.roll.zone(piece.table, index, piece.rows.start / BLOCK_ROWS);
            if zone.is_none()
                && let Some(values) = piece.read(column)?
            {
                (0..values.len()).filter_map(|row| values.text(row)).for_each(|text| {
                    note(text);
                    self.values.learn(text, products);
                });
            }
            if !is_told {
                self.by_item.insert(piece.roll_and_store());
            }
        }
        Ok(())
    }

    /// The codes of a piece's rows.
    pub(crate) fn codes(&self, piece: &Piece) -> Result<Codes> {
        match self.source {
            Source::Date(_) => self.codes_of_days(piece),
            Source::Text(column) => self.codes_of_texts(column, piece),
            Source::Product(fold) if self.by_item.contains(&piece.roll_and_store()) => {
                let products = self.products.folded(piece.store, fold);
                Ok(Codes::Each(piece.by_item(|key| self.values.known_int(products.of(key)))?))
            }
            Source::Product(_) => self.codes_of_texts(SKU, piece),
            Source::Account | Source::Store | Source::Kind | Source::Period => {
                Ok(self.codes_of_reports(piece))
            }
        }
    }

    fn codes_of_reports(&self, piece: &Piece) -> Codes {
        let code = |report: &Report| self.reports.get(&report.id).copied().unwrap_or_default();
        let first = piece.owners.first().map_or(0, |owner| code(&owner.report));
        if piece.owners.iter().all(|owner| code(&owner.report) == first) {
            return Codes::Same(first);
        }
        let each = piece.owned().flat_map(|(report, rows)| std::iter::repeat_n(code(report), rows.len()));
        Codes::Each(each.collect())
    }

    fn codes_of_days(&self, piece: &Piece) -> Result<Codes> {
        let code = |day: i64| {
            let index = usize::try_from(day.wrapping_sub(self.first_day)).ok();
            index.and_then(|index| self.days.get(index)).copied().unwrap_or_default()
        };
        // Most reports are of one month, and so are most blocks.
        if let Some(zone) = piece.zone("date").filter(|zone| zone.nulls == 0 && zone.min <= zone.max)
            && code(zone.min) == code(zone.max)
        {
            return Ok(Codes::Same(code(zone.min)));
        }
        let Some(column) = piece.read("date")? else { return Ok(Codes::Same(0)) };
        let codes = match &column {
            Column::Int { values, nulls: None } => values.iter().map(|&day| code(day)).collect(),
            column => (0..column.len()).map(|row| column.int(row).map_or(0, code)).collect(),
        };
        Ok(Codes::Each(codes))
    }

    fn codes_of_texts(&self, column: &str, piece: &Piece) -> Result<Codes> {
        let Some(column) = piece.read(column)? else { return Ok(Codes::Same(0)) };
        let products = self.products_of(&self.products, piece);
        let codes = match &column {
            // NULL_CODE lies outside every dictionary and so becomes 0.
            Column::Coded { codes, .. } => {
                let map = self.rolls.get(&piece.roll_and_store()).map_or(&[][..], Vec::as_slice);
                codes.iter().map(|&code| map.get(code as usize).copied().unwrap_or_default()).collect()
            }
            column => {
                let code = |row| column.text(row).map_or(0, |text| self.values.known(text, products));
                (0..column.len()).map(code).collect()
            }
        };
        Ok(Codes::Each(codes))
    }

    /// What of a line of totals the axis is told by; `None` where it is told by the report.
    pub(crate) fn part(&self) -> Option<Part> {
        match self.source {
            Source::Date(_) => Some(Part::Day),
            Source::Text(column) => part_of(column),
            Source::Product(_) | Source::Account | Source::Store | Source::Kind | Source::Period => None,
        }
    }

    /// From the codes of totals to those of this axis, which may be new.
    pub(crate) fn learn_totals(&mut self, totals: &LineTable) -> Vec<u32> {
        match self.source {
            Source::Date(start) => totals.by_day(|day| {
                let day = day.and_then(|day| i32::try_from(day).ok());
                day.map_or(0, |day| self.values.int(i64::from(start(Day(day)).0)))
            }),
            _ => totals.by_text(|text| text.map_or(0, |text| self.values.text(text))),
        }
    }

    /// The code of the reports of an account, kind and period, which may be new; the period counts only on an axis of
    /// periods. Those of one period come one after the other.
    pub(crate) fn learn_report(&mut self, account: u64, kind: Kind, period: Option<Period>) -> u32 {
        let of = (account, kind, period);
        if let Some((_, code)) = self.last.filter(|(last, _)| *last == of) {
            return code;
        }
        let code = match self.source {
            Source::Store => self.values.text(&kind.store().to_string()),
            Source::Kind => self.values.text(&kind.to_string()),
            Source::Period => period.map_or(0, |period| self.values.text(&period.to_string())),
            _ => self.values.int(i64::try_from(account).unwrap_or(i64::MAX)),
        };
        self.last = Some((of, code));
        code
    }

    /// The place of each code among the sorted values: texts by bytes, nulls last.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (1..).take(self.values.len()).collect();
        match &self.values {
            Values::Texts { list, .. } => order.sort_by_key(|&code| list.get(code as usize - 1)),
            Values::Ints { list, .. } => order.sort_by_key(|&code| list.get(code as usize - 1)),
        }
        let mut ranks = vec![u32::MAX; self.values.len() + 1];
        for (rank, code) in (0..).zip(order) {
            if let Some(slot) = ranks.get_mut(code as usize) {
                *slot = rank;
            }
        }
        ranks
    }

    /// The column of a report with these codes.
    pub(crate) fn array(&self, codes: impl Iterator<Item = u32>) -> (arrow_schema::Field, ArrayRef) {
        let index = |code: u32| (code as usize).wrapping_sub(1);
        let array: ArrayRef = match &self.values {
            Values::Texts { list, .. } => Arc::new(
                codes.map(|code| list.get(index(code)).map(AsRef::<str>::as_ref)).collect::<StringArray>(),
            ),
            Values::Ints { list, .. } => {
                let ints = codes.map(|code| list.get(index(code)).copied());
                match self.source {
                    Source::Account | Source::Product(_) => Arc::new(ints.collect::<Int64Array>()),
                    _ => Arc::new(
                        ints.map(|day| day.and_then(|day| i32::try_from(day).ok())).collect::<Date32Array>(),
                    ),
                }
            }
        };
        let meaning = match self.source {
            Source::Date(_) => Meaning::Date,
            Source::Account | Source::Product(_) => Meaning::Count,
            Source::Text(_) | Source::Store | Source::Kind | Source::Period => Meaning::Text,
        };
        (arrow_schema::Field::new(self.by.name(), meaning.plain(), true), array)
    }
}

/// The part of a line of totals that a column of texts is.
fn part_of(column: &str) -> Option<Part> {
    match column {
        "currency" => Some(Part::Currency),
        "earnings_currency" => Some(Part::EarningsCurrency),
        "type" => Some(Part::Type),
        _ => None,
    }
}

/// Whether an axis can be told from a report's totals alone.
pub(crate) fn in_totals(by: By) -> bool {
    match source(by, false) {
        Source::Date(_) | Source::Account | Source::Store | Source::Kind | Source::Period => true,
        Source::Text(column) => part_of(column).is_some(),
        Source::Product(_) => false,
    }
}
