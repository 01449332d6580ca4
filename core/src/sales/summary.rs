//! Reports answered from totals: the codes of each table of lines are brought to those of the report once, so that a line
//! costs a few look-ups and no text is hashed or compared.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::axis::Axis;
use super::group::Groups;
use super::line_table::{LineCodes, LineTable, Part};
use super::manifest::Manifest;
use super::query::{By, Dimension, Edge, Query, Where};
use super::schema::counts_as_unit;
use super::select::{period_matches, series_matches};
use super::series_totals::{Detail, SeriesTotals};
use super::totals::TotalsLine;
use crate::day::{Day, Period};
use crate::error::Result;
use crate::ingest::Kind;

/// The groups of a report, and its axes. With `watches_currency` groups note whether their earnings are in several.
pub(crate) fn sum(manifest: &Manifest, query: &Query, watches_currency: bool) -> Result<(Vec<Axis>, Groups)> {
    let mut walk = Walk::new(query, watches_currency);
    let wanted = |(account, kind): &(u64, Kind)| series_matches(&query.filter, *account, *kind);
    for (account, kind) in manifest.all_series().filter(wanted) {
        let totals = match query.filter.periods {
            None => manifest.series_totals(account, kind)?,
            Some(_) => {
                manifest.some_totals(account, kind, |period| period_matches(&query.filter, Some(period)))?
            }
        };
        walk.plan((account, kind), &totals);
    }
    let groups = walk.groups();
    Ok((walk.axes, groups))
}

/// How much of the lines a report tells apart.
fn detail(query: &Query) -> Detail {
    let (start, end) = (query.filter.start, query.filter.end);
    let is_month = |edge: Option<Edge>| match edge {
        Some(Edge::Day(day)) => i32::try_from(day).is_ok_and(|day| Day(day).month_start() == Day(day)),
        _ => true,
    };
    let tells = |any: &[By]| query.by.iter().any(|by| any.contains(by));
    let cuts_months = !is_month(start) || !is_month(end);
    let tells_months = tells(&[By::Month, By::Quarter, By::Year]) || start.is_some() || end.is_some();
    let tells_periods = tells(&[By::Period]);
    if query.filter.periods.is_some() || tells(&[By::Day, By::Week]) || cuts_months {
        Detail::Lines
    } else if tells_months {
        if tells_periods { Detail::Lines } else { Detail::Months }
    } else if tells_periods {
        Detail::Periods
    } else {
        Detail::Sums
    }
}

/// Lines that are to be added to groups.
struct Step {
    /// Places among the tables of the walk.
    table: usize,
    lines: Range<usize>,
    /// Where the codes begin that they have of their reports.
    codes: usize,
}

/// A walk over lines: first which ones, and what the axes can have, then the sums.
struct Walk<'a> {
    filter: &'a Where,
    detail: Detail,
    tells_periods: bool,
    axes: Vec<Axis>,
    currency: Option<Axis>,
    tables: Vec<TableCodes>,
    /// By the address of the table, which is held.
    places: HashMap<*const LineTable, usize>,
    steps: Vec<Step>,
    /// A code for each axis, as often as the reports' codes change.
    codes: Vec<u32>,
}

impl<'a> Walk<'a> {
    fn new(query: &'a Query, watches_currency: bool) -> Self {
        Self {
            filter: &query.filter,
            detail: detail(query),
            tells_periods: query.by.contains(&By::Period),
            axes: query.by.iter().map(|&by| Axis::new(by)).collect(),
            currency: watches_currency.then(|| Axis::new(By::EarningsCurrency)),
            tables: Vec::new(),
            places: HashMap::new(),
            steps: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Takes up the lines of an account and kind.
    fn plan(&mut self, (account, kind): (u64, Kind), totals: &SeriesTotals) {
        let lines = totals.lines(self.detail);
        let places: Vec<usize> = lines.tables.iter().map(|table| self.place(table)).collect();
        let mut of_reports = None;
        for run in lines.runs.iter().filter(|run| period_matches(self.filter, run.period)) {
            let period = run.period.filter(|_| self.tells_periods);
            let codes = match of_reports {
                Some((last, codes)) if last == period => codes,
                _ => self.learn_report(account, kind, period),
            };
            of_reports = Some((period, codes));
            let table = places.get(run.table).copied().unwrap_or_default();
            self.step(Step { table, lines: run.lines.clone(), codes });
        }
    }

    /// The place of a table. The axes learn the values of a new one.
    fn place(&mut self, table: &Arc<LineTable>) -> usize {
        let (tables, axes, currency) = (&mut self.tables, &mut self.axes, self.currency.as_mut());
        *self.places.entry(Arc::as_ptr(table)).or_insert_with(|| {
            tables.push(TableCodes::new(Arc::clone(table), axes, currency, self.filter));
            tables.len() - 1
        })
    }

    /// Where the codes begin that lines have of their reports.
    fn learn_report(&mut self, account: u64, kind: Kind, period: Option<Period>) -> usize {
        let first = self.codes.len();
        let learn = |axis: &mut Axis| match axis.part() {
            None => axis.learn_report(account, kind, period),
            Some(_) => 0,
        };
        self.codes.extend(self.axes.iter_mut().map(learn));
        first
    }

    /// Goes on with the step before where it can.
    fn step(&mut self, step: Step) {
        match self.steps.last_mut() {
            Some(last)
                if (last.table, last.codes, last.lines.end) == (step.table, step.codes, step.lines.start) =>
            {
                last.lines.end = step.lines.end;
            }
            _ => self.steps.push(step),
        }
    }

    /// Sums up.
    fn groups(&mut self) -> Groups {
        let sizes: Vec<u64> = self.axes.iter().map(Axis::size).collect();
        let lines = self.steps.iter().map(|step| step.lines.len() as u64).sum();
        let mut groups = Groups::new(&sizes, lines);
        for step in &self.steps {
            let codes = self.codes.get_mut(step.codes..step.codes + sizes.len()).unwrap_or_default();
            if let Some(table) = self.tables.get(step.table) {
                table.add(step.lines.clone(), codes, &mut groups);
            }
        }
        groups
    }
}

/// What the codes of a table stand for.
struct TableCodes {
    table: Arc<LineTable>,
    /// For each axis what of a line it is told by and its codes for that; none where it is told by the report.
    axes: Vec<Option<(Part, Vec<u32>)>>,
    /// The codes of earnings currencies, where groups note them.
    currency: Vec<u32>,
    /// Which types count as units.
    counts: Vec<bool>,
    /// Which codes pass the filter, for what it asks about.
    tests: Vec<(Part, Vec<bool>)>,
}

impl TableCodes {
    fn new(table: Arc<LineTable>, axes: &mut [Axis], currency: Option<&mut Axis>, filter: &Where) -> Self {
        let learn = |axis: &mut Axis| axis.part().map(|part| (part, axis.learn_totals(&table)));
        Self {
            axes: axes.iter_mut().map(learn).collect(),
            currency: currency.map(|axis| axis.learn_totals(&table)).unwrap_or_default(),
            counts: table.by_text(|ty| ty.is_none_or(counts_as_unit)),
            tests: tests(&table, filter),
            table,
        }
    }

    /// Adds some lines; `codes` has those of their reports, and takes those of each line.
    fn add(&self, lines: Range<usize>, codes: &mut [u32], groups: &mut Groups) {
        self.table.for_each(lines, |line, sums| {
            if !self.passes(line) {
                return;
            }
            for (code, axis) in codes.iter_mut().zip(&self.axes) {
                if let Some((part, axis_codes)) = axis {
                    *code = axis_codes.get(line.of(*part)).copied().unwrap_or_default();
                }
            }
            let counts = self.counts.get(line.of(Part::Type)).copied().unwrap_or(true);
            let currency = self.currency.get(line.of(Part::EarningsCurrency)).copied().unwrap_or_default();
            groups.add_line(codes, sums, counts, currency);
        });
    }

    fn passes(&self, line: &LineCodes) -> bool {
        self.tests.iter().all(|(part, passing)| passing.get(line.of(*part)).copied().unwrap_or_default())
    }
}

/// The dimensions that totals have, each with the part it is in them.
const DIMENSIONS: [(Dimension, Part); 3] = [
    (Dimension::Currency, Part::Currency),
    (Dimension::EarningsCurrency, Part::EarningsCurrency),
    (Dimension::Type, Part::Type),
];

fn tests(table: &LineTable, filter: &Where) -> Vec<(Part, Vec<bool>)> {
    let mut tests = Vec::new();
    if filter.start.is_some() || filter.end.is_some() {
        tests.push((Part::Day, table.by_day(|day| day_matches(filter, day))));
    }
    for (dimension, part) in DIMENSIONS {
        if filter.texts_of(dimension).is_some() {
            tests.push((part, table.by_text(|text| text_matches(filter, dimension, text))));
        }
    }
    tests
}

/// Whether a line of a report's totals is asked for.
pub(crate) fn line_matches(filter: &Where, line: &TotalsLine<'_>) -> bool {
    day_matches(filter, line.date)
        && text_matches(filter, Dimension::Currency, line.currency)
        && text_matches(filter, Dimension::EarningsCurrency, line.earnings_currency)
        && text_matches(filter, Dimension::Type, line.ty)
}

fn day_matches(filter: &Where, date: Option<i64>) -> bool {
    let after = match filter.start {
        Some(Edge::Day(start)) => date.is_some_and(|date| date >= start),
        _ => true,
    };
    let before = match filter.end {
        Some(Edge::Day(end)) => date.is_some_and(|date| date < end),
        _ => true,
    };
    after && before
}

fn text_matches(filter: &Where, dimension: Dimension, text: Option<&str>) -> bool {
    filter.texts_of(dimension).is_none_or(|values| values.iter().any(|value| value.as_deref() == text))
}
