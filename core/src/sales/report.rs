//! Reports: rows grouped by their axes, counted and summed. Answered from the totals of each report where they
//! suffice, else by all cores over the rows. Currencies are never added.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Decimal128Array, Int64Array};
use arrow_schema::Field;
use rayon::prelude::*;

use super::axis::{Axis, in_totals};
use super::catalogue::Products;
use super::group::{Currencies, GroupSums, Groups};
use super::manifest::{LiveRoll, Manifest, Report, ReportKey};
use super::numbering::Numbering;
use super::query::{By, Dimension, Edge, Measure, Order, Query, Where};
use super::schema::{Meaning, counts_as_unit};
use super::select::{Chosen, Piece, RowFilter, pieces, report_matches};
use super::summary::{self, line_matches};
use super::table::Table;
use super::tally::{Figures, Ints, Sums, Tally};
use crate::column::Column;
use crate::day::{Day, PeriodUnit};
use crate::error::{Error, Result, quoted};
use crate::ingest::Kind;
use crate::roll::Zone;

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
        if plan.totals_suffice() { plan.sum_totals(manifest, pool)? } else { plan.sum_rows(manifest, pool)? };
    answer.table(&plan, pool)
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

    fn sum_totals(&self, manifest: &Manifest, pool: &rayon::ThreadPool) -> Result<Answer> {
        if !self.query.filter.names_reports() {
            read_totals(manifest, pool);
        }
        let (axes, Groups { numbering, sums, currencies }) =
            summary::sum(manifest, self.query, self.watches_currency)?;
        let ranks: Vec<Vec<u32>> = axes.iter().map(Axis::ranks).collect();
        let mut order: Vec<u32> = (0..).take(numbering.len()).collect();
        order.sort_by_cached_key(|&group| {
            let codes = numbering.codes(group as usize).iter().zip(&ranks);
            codes.map(|(&code, ranks)| ranks.get(code as usize).copied()).collect::<Vec<_>>()
        });
        let measure = |measure: &Measure| Sums::of(sums.iter().map(|sums| measured(*measure, sums)));
        let sums = self.measures.iter().map(measure).collect();
        Ok(Answer { axes, numbering, order, sums, currencies })
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
        let rows: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let scan = Scan { plan: self, pieces: &pieces, filter: &filter, axes: &axes, currency, counting };
        let next = AtomicUsize::new(0);
        let threads = pool.current_num_threads().min(pieces.len()).max(1);
        // All of their tables live at once.
        let tally = || Tally::new(Numbering::new(&sizes, rows / threads as u64), &self.measures);
        let parts: Vec<Result<Tally>> = pool.install(|| {
            (0..threads).into_par_iter().with_max_len(1).map(|_| scan.work(&next, tally())).collect()
        });
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_else(|| Ok(tally()))?;
        for part in parts {
            all.merge(&part?);
        }
        let (numbering, sums, currencies) = all.finish();
        let order = numbering.order();
        Ok(Answer { axes, numbering, order, sums, currencies })
    }
}

/// Reads the totals that no report has read yet, several rolls at once: a first report waits for little else. What cannot
/// be read is told where it is asked for.
fn read_totals(manifest: &Manifest, pool: &rayon::ThreadPool) {
    let unread: Vec<&LiveRoll> = manifest.rolls().filter(|live| !live.has_totals()).collect();
    if unread.len() > 1 {
        pool.install(|| unread.into_par_iter().for_each(|live| drop(live.totals())));
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
        let within = |zone: Zone| {
            let (first, last) = (usize::try_from(zone.min).ok()?, usize::try_from(zone.max).ok()?);
            counts.get(first..=last)
        };
        if piece.zone("type").and_then(within).is_some_and(|all| all.iter().all(|&counts| counts)) {
            return Ok(None);
        }
        let Some(Column::Coded { codes, .. }) = piece.read("type")? else { return Ok(None) };
        Ok(Some(codes.iter().map(|&code| counts.get(code as usize).copied().unwrap_or(true)).collect()))
    }
}

/// Rows are read alone where they are fewer than one of so many: a page is unpacked faster than searched.
const READ_ALONE: usize = if cfg!(test) { 3 } else { 64 };

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
    fn work(&self, next: &AtomicUsize, mut tally: Tally) -> Result<Tally> {
        while let Some(piece) = self.pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            self.add(piece, &mut tally)?;
        }
        Ok(tally)
    }

    fn add(&self, piece: &Piece, tally: &mut Tally) -> Result<()> {
        let chosen = self.filter.choose(piece)?;
        match &chosen {
            Chosen::Some(rows) if rows.is_empty() => Ok(()),
            // Few rows are read alone, of many the others are dropped.
            Chosen::Some(rows) if rows.len() < piece.len() / READ_ALONE => {
                let picked = piece.pick(rows);
                self.add_rows(&picked, &Chosen::All(rows.len()), tally)
            }
            _ => self.add_rows(piece, &chosen, tally),
        }
    }

    fn add_rows(&self, piece: &Piece, chosen: &Chosen, tally: &mut Tally) -> Result<()> {
        let codes = |axis: &Axis| Ok(axis.codes(piece)?.of(chosen));
        let ints = |wanted: &[Measure], column: &str| match self.plan.measures_any(wanted) {
            true => Ok(piece.read(column)?.and_then(|column| Ints::of(column, chosen))),
            false => Ok::<_, Error>(None),
        };
        let units = [Measure::Units, Measure::GrossUnits, Measure::RefundUnits, Measure::AllUnits];
        let axes = self.axes.iter().map(codes).collect::<Result<Vec<_>>>()?;
        let figures = Figures {
            units: ints(&units, "units")?,
            sales: ints(&[Measure::Sales], "sales")?,
            earnings: ints(&[Measure::Earnings], "earnings")?,
            counts: self.counting.of(piece)?.map(|counts| chosen.of(counts)),
            currencies: self.currency.as_ref().map(codes).transpose()?,
        };
        tally.add(&axes, chosen.len(), &figures);
        Ok(())
    }
}

/// From so many groups on, the columns of an answer are made by all threads.
const MANY_GROUPS: usize = if cfg!(test) { 4 } else { 10_000 };

/// The groups of a report.
struct Answer {
    axes: Vec<Axis>,
    numbering: Numbering,
    /// The groups in the order of their axes' values, nulls last.
    order: Vec<u32>,
    /// One a measure.
    sums: Vec<Sums>,
    currencies: Currencies,
}

impl Answer {
    fn table(mut self, plan: &Plan<'_>, pool: &rayon::ThreadPool) -> Result<Table> {
        if self.axes.is_empty() && self.order.is_empty() {
            // A report over everything has its one row even where there is nothing to count.
            self.order = vec![self.numbering.number(&[])];
            self.sums =
                plan.measures.iter().map(|&measure| Sums::of([nothing(measure)].into_iter())).collect();
        }
        if plan.watches_currency && self.currencies.any_has_several() {
            let message =
                "needs `earnings_currency` in `by`, or held to one value: a group's earnings are in several";
            return Err(Error::invalid("earnings", message));
        }
        self.sort(plan);
        let axis = |number: usize, axis: &Axis| {
            let code = |&group: &u32| self.numbering.codes(group as usize).get(number).copied();
            Ok(axis.array(self.order.iter().map(code).map(Option::unwrap_or_default)))
        };
        let measure = |measure: Measure, sums: &Sums| column(measure, sums, &self.order);
        let measures = || plan.measures.iter().zip(&self.sums);
        let columns: Vec<(Field, ArrayRef)> = if self.order.len() < MANY_GROUPS {
            let axes = self.axes.iter().enumerate().map(|(number, one)| axis(number, one));
            axes.chain(measures().map(|(&one, sums)| measure(one, sums))).collect::<Result<_>>()?
        } else {
            let axes = self.axes.par_iter().enumerate().map(|(number, one)| axis(number, one));
            let measures: Vec<_> = measures().collect();
            let measures = measures.into_par_iter().map(|(&one, sums)| measure(one, sums));
            pool.install(|| axes.chain(measures).collect::<Result<_>>())?
        };
        Table::new(columns, self.order.len())
    }

    /// Brings the groups into the order asked, and leaves as many as asked.
    fn sort(&mut self, plan: &Plan<'_>) {
        let limit = plan.query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let keys: Vec<Vec<i128>> =
            plan.query.order.iter().filter_map(|order| self.sort_keys(plan, order)).collect();
        if !keys.is_empty() {
            // What the keys do not tell apart stays in the order of the axes, which is the order of the places.
            let mut places: Vec<usize> = (0..self.order.len()).collect();
            let compare = |one: &usize, other: &usize| {
                let keys = keys.iter().map(|key| key.get(*one).cmp(&key.get(*other)));
                keys.chain([one.cmp(other)]).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
            };
            if limit < places.len() {
                places.select_nth_unstable_by(limit, compare);
                places.truncate(limit);
            }
            places.sort_unstable_by(compare);
            self.order = places.into_iter().filter_map(|place| self.order.get(place).copied()).collect();
        }
        self.order.truncate(limit);
    }

    /// For each group in its place a number that sorts as its value does; nulls come last either way.
    fn sort_keys(&self, plan: &Plan<'_>, order: &Order) -> Option<Vec<i128>> {
        let key = |value: Option<i128>| match value {
            Some(value) if order.descending => value.saturating_neg(),
            Some(value) => value,
            None => i128::MAX,
        };
        let groups = self.order.iter();
        Some(match plan.column(&order.column)? {
            SortColumn::Axis(index) => {
                let ranks = self.axes.get(index).map(Axis::ranks).unwrap_or_default();
                let rank = |group: &u32| {
                    let code = self.numbering.codes(*group as usize).get(index).filter(|&&code| code != 0)?;
                    ranks.get(*code as usize).map(|&rank| i128::from(rank))
                };
                groups.map(|group| key(rank(group))).collect()
            }
            SortColumn::Measure(measure) => {
                let place = plan.measures.iter().position(|&own| own == measure)?;
                let sums = self.sums.get(place)?;
                groups.map(|&group| key(shown(measure, sums, group))).collect()
            }
        })
    }
}

/// What a measure says where there is nothing.
fn nothing(measure: Measure) -> Option<i128> {
    (!matches!(measure, Measure::Sales | Measure::Earnings)).then_some(0)
}

/// A measure of a group. Refunded units are summed as they are, and told without their sign.
fn shown(measure: Measure, sums: &Sums, group: u32) -> Option<i128> {
    let sum = sums.get(group)?;
    Some(if measure == Measure::RefundUnits { -sum } else { sum })
}

/// The column of a measure for these groups.
fn column(measure: Measure, sums: &Sums, order: &[u32]) -> Result<(Field, ArrayRef)> {
    let values = order.iter().map(|&group| shown(measure, sums, group));
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

/// A measure of a group, as it is summed; a sum without any value is null.
fn measured(measure: Measure, sums: &GroupSums) -> Option<i128> {
    match measure {
        Measure::Units => Some(sums.units_in - sums.units_out),
        Measure::GrossUnits => Some(sums.units_in),
        Measure::RefundUnits => Some(-sums.units_out),
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
