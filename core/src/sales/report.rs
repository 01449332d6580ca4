//! Reports: rows grouped by their axes, counted and summed. Answered from the totals of each report where they
//! suffice, else by all cores over the rows. Currencies are never added.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Decimal128Array, Int64Array};
use arrow_schema::Field;
use rayon::prelude::*;

use super::axis::{Axis, Codes, in_totals};
use super::catalogue::Products;
use super::group::{GroupSums, Groups};
use super::manifest::{Manifest, Report, ReportKey};
use super::query::{By, Dimension, Edge, Measure, Query, Where};
use super::schema::{Meaning, counts_as_unit};
use super::select::{Piece, RowFilter, pieces, report_matches};
use super::summary::{self, line_matches};
use super::table::Table;
use crate::column::Column;
use crate::day::{Day, PeriodUnit};
use crate::error::{Error, Result, quoted};
use crate::ingest::Kind;

/// Answers a report from one commit's manifest.
pub(crate) fn report(
    manifest: &Manifest,
    products: Arc<Products>,
    query: &Query,
    pool: &rayon::ThreadPool,
) -> Result<Table> {
    let plan = Plan::new(query, products)?;
    check_kinds(manifest, query)?;
    check_periods(manifest, query)?;
    let answer =
        if plan.totals_suffice() { plan.sum_totals(manifest)? } else { plan.sum_rows(manifest, pool)? };
    answer.table(&plan)
}

/// A checked report.
struct Plan<'a> {
    query: &'a Query,
    products: Arc<Products>,
    measures: Vec<Measure>,
    /// Earnings are summed without their own currency among the groups: each group must prove to have only one.
    watches_currency: bool,
}

impl<'a> Plan<'a> {
    fn new(query: &'a Query, products: Arc<Products>) -> Result<Self> {
        let measures = query.measures.clone().unwrap_or_else(|| vec![Measure::Units]);
        if query.binary_ids {
            return Err(Error::invalid("binary_ids", "is a scan's; a report has no ids"));
        }
        if query.columns.is_some() {
            return Err(Error::invalid("columns", "are a scan's; a report has `by` and `measures`"));
        }
        if measures.is_empty() && query.by.is_empty() {
            return Err(Error::invalid("measures", "a report needs a group or a measure"));
        }
        let names = query.by.iter().map(|by| by.name()).chain(measures.iter().map(|measure| measure.name()));
        check_once(names)?;
        check_currencies(query, &measures)?;
        check_combined(query)?;
        let held = |by, dimension| query.by.contains(&by) || query.filter.pins(dimension);
        let watches_currency =
            measures.contains(&Measure::Earnings) && !held(By::EarningsCurrency, Dimension::EarningsCurrency);
        let plan = Self { query, products, measures, watches_currency };
        plan.check_order()?;
        Ok(plan)
    }

    fn measures_any(&self, wanted: &[Measure]) -> bool {
        self.measures.iter().any(|measure| wanted.contains(measure))
    }

    fn check_order(&self) -> Result<()> {
        for order in &self.query.order {
            if self.column(&order.column).is_none() {
                let message = format!("{} is not a column of this report", quoted(&order.column));
                return Err(Error::invalid("order_by", message));
            }
        }
        Ok(())
    }

    fn column(&self, name: &str) -> Option<SortColumn> {
        let axis = self.query.by.iter().position(|by| by.name() == name).map(SortColumn::Axis);
        let measure = || self.measures.iter().copied().find(|measure| measure.name() == name);
        axis.or_else(|| measure().map(SortColumn::Measure))
    }

    /// Whether the totals of each report tell everything asked.
    fn totals_suffice(&self) -> bool {
        let filter = &self.query.filter;
        let of_totals = [Dimension::Currency, Dimension::EarningsCurrency, Dimension::Type];
        self.query.by.iter().all(|&by| in_totals(by))
            && !filter.names_products()
            && filter.texts.iter().all(|(dimension, _)| of_totals.contains(dimension))
            && !matches!(filter.start, Some(Edge::Instant(_)))
            && !matches!(filter.end, Some(Edge::Instant(_)))
    }

    fn sum_totals(&self, manifest: &Manifest) -> Result<Answer> {
        let (axes, groups) = summary::sum(manifest, self.query, self.watches_currency)?;
        Ok(Answer { axes, groups })
    }

    fn sum_rows(&self, manifest: &Manifest, pool: &rayon::ThreadPool) -> Result<Answer> {
        let mut pieces = pieces(manifest, &self.query.filter)?;
        let filter = RowFilter::new(&self.query.filter, &pieces, &self.products)?;
        pieces.retain(|piece| filter.may_match(piece));
        let axes = self
            .query
            .by
            .iter()
            .map(|&by| Axis::over(by, self.query.combine_inapps, &pieces, &self.products))
            .collect::<Result<Vec<_>>>()?;
        let currency = if self.watches_currency {
            Some(Axis::over(By::EarningsCurrency, false, &pieces, &self.products)?)
        } else {
            None
        };
        let counting = CountingTypes::new(self, &pieces)?;
        let sizes: Vec<u64> = axes.iter().map(Axis::size).collect();
        let scan = Scan { plan: self, pieces: &pieces, filter: &filter, axes: &axes, currency, counting };
        let next = AtomicUsize::new(0);
        let threads = pool.current_num_threads().min(pieces.len()).max(1);
        let parts: Vec<Result<Groups>> = pool.install(|| {
            (0..threads)
                .into_par_iter()
                .with_max_len(1)
                .map(|_| scan.work(&next, Groups::new(&sizes)))
                .collect()
        });
        let mut parts = parts.into_iter();
        let mut groups = parts.next().unwrap_or_else(|| Ok(Groups::new(&sizes)))?;
        for part in parts {
            groups.merge(&part?);
        }
        Ok(Answer { axes, groups })
    }
}

#[derive(Clone, Copy)]
enum SortColumn {
    Axis(usize),
    Measure(Measure),
}

fn check_once<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(Error::invalid(name, "is asked for twice"));
        }
        seen.push(name);
    }
    Ok(())
}

/// Sums of money need one currency a group.
fn check_currencies(query: &Query, measures: &[Measure]) -> Result<()> {
    let held = |by, dimension| query.by.contains(&by) || query.filter.pins(dimension);
    let currency = held(By::Currency, Dimension::Currency);
    let earnings_currency = held(By::EarningsCurrency, Dimension::EarningsCurrency);
    if measures.contains(&Measure::Sales) && !currency {
        let message = "needs `currency` in `by`, or held to one value: currencies are never added";
        return Err(Error::invalid("sales", message));
    }
    if measures.contains(&Measure::Earnings) && !currency && !earnings_currency {
        let message = "needs `earnings_currency` (or `currency`) in `by`, or held to one value: currencies are never added";
        return Err(Error::invalid("earnings", message));
    }
    Ok(())
}

/// Items that count among their app cannot be told apart by what is the item's own.
fn check_combined(query: &Query) -> Result<()> {
    let own = [By::Sku, By::Title].into_iter().find(|by| query.combine_inapps && query.by.contains(by));
    own.map_or(Ok(()), |by| {
        let message = format!("counts items among their app: group by `product` instead of `{by}`");
        Err(Error::invalid("combine_inapps", message))
    })
}

/// Google's sales and earnings reports tell of the same orders: together they would count them twice.
fn check_kinds(manifest: &Manifest, query: &Query) -> Result<()> {
    let held =
        query.by.contains(&By::Kind) || query.filter.kinds.as_ref().is_some_and(|kinds| kinds.len() == 1);
    if !held
        && any_may_match(manifest, query, Kind::GoogleSales)?
        && any_may_match(manifest, query, Kind::GoogleEarnings)?
    {
        let message =
            "google-sales and google-earnings tell of the same orders: group by `kind` or choose one";
        return Err(Error::invalid("kind", message));
    }
    Ok(())
}

fn any_may_match(manifest: &Manifest, query: &Query, kind: Kind) -> Result<bool> {
    let reports = manifest.counting_of(kind).flat_map(|(_, parts)| parts);
    for report in reports.filter(|report| report_matches(&query.filter, report)) {
        if may_have_rows(manifest, &query.filter, report)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The rows of some kinds have no date but their report's first day: a step of time, or an edge, that parts the days of
/// such a report cannot be answered from it.
fn check_periods(manifest: &Manifest, query: &Query) -> Result<()> {
    let steps = || query.by.iter().filter_map(|&by| Some((by.name(), step_of(by)?)));
    let edges = [("start", query.filter.start), ("end", query.filter.end)];
    // A day is never parted.
    for (period, parts) in manifest.counting_longer_of(WITHOUT_DATES) {
        let days = period.days();
        let is_parted = |(_, step): &(&str, Step)| step(Day(days.start)) != step(Day(days.end - 1));
        let cuts = |(_, edge): &&(&str, Option<Edge>)| match edge {
            Some(Edge::Day(day)) => i64::from(days.start) < *day && *day < i64::from(days.end),
            _ => false,
        };
        let by = steps().find(is_parted).map(|(by, _)| ("by", by));
        let edge = edges.iter().find(cuts).map(|(edge, _)| (*edge, *edge));
        let Some((field, name)) = by.or(edge) else { continue };
        for report in parts.iter().filter(|report| report_matches(&query.filter, report)) {
            if may_have_rows_within(manifest, &query.filter, report)? {
                return Err(Error::invalid(field, undated(&report.key, name)));
            }
        }
    }
    Ok(())
}

fn undated(ReportKey { account, kind, period, .. }: &ReportKey, name: &str) -> String {
    format!(
        "the {kind} report of {period} of account {account} is one of a whole {}: its rows have no date of their own to \
         tell by {name}; choose a longer step or other edges, or leave the report out",
        unit_name(period.unit())
    )
}

/// Brings a day to the first one of its step.
type Step = fn(Day) -> Day;

/// What an axis of time brings days to.
fn step_of(by: By) -> Option<Step> {
    match by {
        By::Day => Some(|day| day),
        By::Week => Some(Day::week_start),
        By::Month => Some(Day::month_start),
        By::Quarter => Some(Day::quarter_start),
        By::Year => Some(Day::year_start),
        _ => None,
    }
}

/// Whether a report whose rows have no date of their own may have rows between the edges that are asked for. What has
/// no date has no time, either.
fn may_have_rows_within(manifest: &Manifest, filter: &Where, report: &Report) -> Result<bool> {
    let days = report.key.period.days();
    let within = |edge: Option<Edge>, lies: fn(i64, &Range<i32>) -> bool| match edge {
        None => true,
        Some(Edge::Day(day)) => lies(day, &days),
        Some(Edge::Instant(_)) => false,
    };
    let before_end = |start: i64, days: &Range<i32>| start < i64::from(days.end);
    let behind_start = |end: i64, days: &Range<i32>| i64::from(days.start) < end;
    if !within(filter.start, before_end) || !within(filter.end, behind_start) {
        return Ok(false);
    }
    let any_day = Where { start: None, end: None, ..filter.clone() };
    may_have_rows(manifest, &any_day, report)
}

/// The kind whose rows have no date other than the first day of their period.
const WITHOUT_DATES: Kind = Kind::AppleSales;

fn unit_name(unit: PeriodUnit) -> &'static str {
    match unit {
        PeriodUnit::Day => "day",
        PeriodUnit::Week => "week",
        PeriodUnit::Month => "month",
        PeriodUnit::Year => "year",
    }
}

/// Whether the totals of a report leave it a row that is asked for.
fn may_have_rows(manifest: &Manifest, filter: &Where, report: &Report) -> Result<bool> {
    for range in &report.ranges {
        let totals = manifest.totals(range)?;
        if totals.lines(range)?.iter().any(|line| line_matches(filter, line)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which codes of each roll's `type` count as units; empty where no measure looks at the type.
struct CountingTypes {
    by_roll: HashMap<u32, Vec<bool>>,
}

impl CountingTypes {
    fn new(plan: &Plan<'_>, pieces: &[Piece]) -> Result<Self> {
        let mut by_roll = HashMap::new();
        if !plan.measures_any(&[Measure::Units, Measure::GrossUnits, Measure::RefundUnits]) {
            return Ok(Self { by_roll });
        }
        for piece in pieces {
            if by_roll.contains_key(&piece.number) {
                continue;
            }
            if let Some(column) = piece.roll.field(piece.table, "type") {
                let dictionary = piece.roll.dictionary(piece.table, column)?;
                by_roll.insert(piece.number, dictionary.iter().map(counts_as_unit).collect());
            }
        }
        by_roll.retain(|_, counts: &mut Vec<bool>| counts.iter().any(|counts| !counts));
        Ok(Self { by_roll })
    }

    /// Which rows of a piece count; `None`: all of them.
    fn of(&self, piece: &Piece) -> Result<Option<Vec<bool>>> {
        let Some(counts) = self.by_roll.get(&piece.number) else { return Ok(None) };
        let Some(Column::Coded { codes, .. }) = piece.read("type")? else { return Ok(None) };
        Ok(Some(codes.iter().map(|&code| counts.get(code as usize).copied().unwrap_or(true)).collect()))
    }
}

/// A pass over rows, shared by the threads that make it.
struct Scan<'a> {
    plan: &'a Plan<'a>,
    pieces: &'a [Piece],
    filter: &'a RowFilter,
    axes: &'a [Axis],
    currency: Option<Axis>,
    counting: CountingTypes,
}

impl Scan<'_> {
    /// Takes piece after piece until none is left.
    fn work(&self, next: &AtomicUsize, mut groups: Groups) -> Result<Groups> {
        while let Some(piece) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.add(piece, &mut groups)?;
        }
        Ok(groups)
    }

    fn add(&self, piece: &Piece, groups: &mut Groups) -> Result<()> {
        let chosen = self.filter.choose(piece)?;
        if chosen.len() == 0 {
            return Ok(());
        }
        let axes = self.axes.iter().map(|axis| axis.codes(piece)).collect::<Result<Vec<_>>>()?;
        let units = [Measure::Units, Measure::GrossUnits, Measure::RefundUnits, Measure::AllUnits];
        let units = self.measured(piece, &units, "units")?;
        let sales = self.measured(piece, &[Measure::Sales], "sales")?;
        let earnings = self.measured(piece, &[Measure::Earnings], "earnings")?;
        let counts = self.counting.of(piece)?;
        let currency = self.currency.as_ref().map(|axis| axis.codes(piece)).transpose()?;
        let mut codes = vec![0; axes.len()];
        chosen.for_each(|row| {
            codes.iter_mut().zip(&axes).for_each(|(code, axis)| *code = axis.get(row));
            let sums = groups.entry(&codes);
            sums.rows += 1;
            if let Some(units) = units.as_ref().and_then(|units| units.int(row)) {
                sums.add_units(units, counts.as_ref().is_none_or(|counts| counts.get(row) == Some(&true)));
            }
            if let Some(sales) = sales.as_ref().and_then(|sales| sales.int(row)) {
                sums.add_sales(sales);
            }
            if let Some(earnings) = earnings.as_ref().and_then(|earnings| earnings.int(row)) {
                add_earnings(sums, earnings, currency.as_ref(), row);
            }
        });
        Ok(())
    }

    /// The column that some measures sum, if one of them is asked for.
    fn measured(&self, piece: &Piece, measures: &[Measure], column: &str) -> Result<Option<Column>> {
        if self.plan.measures_any(measures) { piece.read(column) } else { Ok(None) }
    }
}

fn add_earnings(sums: &mut GroupSums, earnings: i64, currency: Option<&Codes>, row: usize) {
    sums.add_earnings(earnings);
    if let Some(currency) = currency.filter(|_| earnings != 0) {
        sums.add_currency(currency.get(row));
    }
}

/// The groups of a report, unsorted.
struct Answer {
    axes: Vec<Axis>,
    groups: Groups,
}

impl Answer {
    fn table(mut self, plan: &Plan<'_>) -> Result<Table> {
        if self.axes.is_empty() {
            // A report over everything has its one row even where there is nothing to count.
            self.groups.entry(&[]);
        }
        if plan.watches_currency && self.groups.sums().iter().any(GroupSums::has_several_currencies) {
            let message =
                "needs `earnings_currency` in `by`, or held to one value: a group's earnings are in several";
            return Err(Error::invalid("earnings", message));
        }
        let order = self.order(plan);
        let axes = self.axes.iter().enumerate().map(|(i, axis)| {
            let codes: Vec<u32> = self.groups.codes_of_axis(i).collect();
            axis.array(order.iter().map(|&group| codes.get(group).copied().unwrap_or_default()))
        });
        let axes: Vec<_> = axes.collect();
        let measures = plan.measures.iter().map(|&measure| self.measure(measure, &order));
        let columns = axes.into_iter().map(Ok).chain(measures).collect::<Result<Vec<_>>>()?;
        Table::new(columns, order.len())
    }

    /// The numbers of the groups in the order asked, at most as many as asked.
    fn order(&self, plan: &Plan<'_>) -> Vec<usize> {
        let mut keys: Vec<(Vec<i128>, bool)> = Vec::new();
        let asked =
            plan.query.order.iter().filter_map(|order| Some((plan.column(&order.column)?, order.descending)));
        // Groups are told apart by their axes: these last make every order total.
        let last = (0..self.axes.len()).map(|axis| (SortColumn::Axis(axis), false));
        for (column, descending) in asked.chain(last) {
            keys.push((self.sort_keys(column, descending), descending));
        }
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            keys.iter()
                .map(|(key, _)| key.get(a).cmp(&key.get(b)))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        if let Some(limit) = plan.query.limit {
            order.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        order
    }

    /// A number for each group that sorts as its value does; nulls come last either way.
    fn sort_keys(&self, column: SortColumn, descending: bool) -> Vec<i128> {
        let key = |value: Option<i128>| match value {
            Some(value) if descending => value.saturating_neg(),
            Some(value) => value,
            None => i128::MAX,
        };
        match column {
            SortColumn::Axis(index) => {
                let ranks = self.axes.get(index).map(Axis::ranks).unwrap_or_default();
                let rank =
                    |code: u32| ranks.get(code as usize).filter(|_| code != 0).map(|&rank| i128::from(rank));
                self.groups.codes_of_axis(index).map(|code| key(rank(code))).collect()
            }
            SortColumn::Measure(measure) => {
                self.groups.sums().iter().map(|sums| key(measured(measure, sums))).collect()
            }
        }
    }

    fn measure(&self, measure: Measure, order: &[usize]) -> Result<(Field, ArrayRef)> {
        let values =
            order.iter().map(|&group| self.groups.sums().get(group).and_then(|sums| measured(measure, sums)));
        let meaning = match measure {
            Measure::Sales | Measure::Earnings => Meaning::MoneySum,
            _ => Meaning::Count,
        };
        let array: ArrayRef = match meaning {
            Meaning::MoneySum => {
                let sums = values.map(|sum| sum.map(|sum| fitting_sum(measure, sum)).transpose());
                let sums = sums.collect::<Result<Decimal128Array>>()?;
                Arc::new(sums.with_data_type(meaning.plain()))
            }
            _ => {
                let counts = values.map(|count| count.map(|count| fitting_count(measure, count)).transpose());
                Arc::new(counts.collect::<Result<Int64Array>>()?)
            }
        };
        Ok((Field::new(measure.name(), meaning.plain(), meaning == Meaning::MoneySum), array))
    }
}

/// A measure of a group; a sum without any value is null.
fn measured(measure: Measure, sums: &GroupSums) -> Option<i128> {
    match measure {
        Measure::Units => Some(sums.units_in - sums.units_out),
        Measure::GrossUnits => Some(sums.units_in),
        Measure::RefundUnits => Some(sums.units_out),
        Measure::AllUnits => Some(sums.all_units),
        Measure::Rows => Some(i128::from(sums.rows)),
        Measure::Sales => (sums.sales_values > 0).then_some(sums.sales),
        Measure::Earnings => (sums.earnings_values > 0).then_some(sums.earnings),
    }
}

fn fitting_count(measure: Measure, count: i128) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::invalid(measure.name(), "the sum does not fit 64 bits"))
}

/// Sums leave as decimals of 38 digits.
fn fitting_sum(measure: Measure, sum: i128) -> Result<i128> {
    const LIMIT: u128 = 10u128.pow(38);
    let fits = sum.unsigned_abs() < LIMIT;
    fits.then_some(sum).ok_or_else(|| Error::invalid(measure.name(), "the sum does not fit 38 digits"))
}
