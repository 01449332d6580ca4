//! Reports answered from totals: each roll's codes are brought to those of the report once, so that a line of them costs
//! a few look-ups and no text is hashed or compared.

use std::sync::Arc;

use hashbrown::HashMap;

use super::axis::Axis;
use super::group::Groups;
use super::manifest::{Manifest, RowRange};
use super::query::{By, Dimension, Edge, Query, Where};
use super::roll_totals::{LineCodes, Part, RollTotals, Run};
use super::schema::counts_as_unit;
use super::select::report_matches;
use super::totals::TotalsLine;
use crate::error::Result;

/// The groups of a report, and its axes. With `watches_currency` groups note whether their earnings are in several.
pub(crate) fn sum(manifest: &Manifest, query: &Query, watches_currency: bool) -> Result<(Vec<Axis>, Groups)> {
    let mut axes: Vec<Axis> = query.by.iter().map(|&by| Axis::new(by)).collect();
    let currency = watches_currency.then(|| Axis::new(By::EarningsCurrency));
    let mut rolls = RollList { list: Vec::new(), places: HashMap::new(), currency };
    let (mut runs, mut codes) = (Vec::new(), Vec::new());
    for report in manifest.counting().filter(|report| report_matches(&query.filter, report)) {
        for range in &report.ranges {
            let place = rolls.place(manifest, range, &mut axes, &query.filter)?;
            if let Some(roll) = rolls.list.get(place) {
                runs.push((place, roll.totals.run(range)?.clone()));
                let of_report =
                    |axis: &mut Axis| if axis.part().is_none() { axis.learn_report(report) } else { 0 };
                codes.extend(axes.iter_mut().map(of_report));
            }
        }
    }
    let sizes: Vec<u64> = axes.iter().map(Axis::size).collect();
    let mut groups = Groups::new(&sizes);
    for (index, (place, run)) in runs.iter().enumerate() {
        let of_run = codes.get_mut(index * axes.len()..(index + 1) * axes.len()).unwrap_or_default();
        if let Some(roll) = rolls.list.get(*place) {
            roll.add(run, of_run, &mut groups);
        }
    }
    Ok((axes, groups))
}

/// The rolls met so far.
struct RollList {
    list: Vec<RollCodes>,
    /// By a roll's number.
    places: HashMap<u32, usize>,
    currency: Option<Axis>,
}

impl RollList {
    /// The place of the roll that some rows lie in. The axes learn the values of a new one.
    fn place(
        &mut self,
        manifest: &Manifest,
        rows: &RowRange,
        axes: &mut [Axis],
        filter: &Where,
    ) -> Result<usize> {
        if let Some(&place) = self.places.get(&rows.roll) {
            return Ok(place);
        }
        let roll = RollCodes::new(manifest.totals(rows)?, axes, self.currency.as_mut(), filter);
        self.list.push(roll);
        self.places.insert(rows.roll, self.list.len() - 1);
        Ok(self.list.len() - 1)
    }
}

/// What the codes of one roll's totals stand for.
struct RollCodes {
    totals: Arc<RollTotals>,
    /// For each axis what of a line it is told by and its codes for that; none where it is told by the report.
    axes: Vec<Option<(Part, Vec<u32>)>>,
    /// The codes of earnings currencies, where groups note them.
    currency: Vec<u32>,
    /// Which types count as units.
    counts: Vec<bool>,
    /// Which codes pass the filter, for what it asks about.
    tests: Vec<(Part, Vec<bool>)>,
}

impl RollCodes {
    fn new(totals: Arc<RollTotals>, axes: &mut [Axis], currency: Option<&mut Axis>, filter: &Where) -> Self {
        let learn = |axis: &mut Axis| axis.part().map(|part| (part, axis.learn_totals(&totals)));
        Self {
            axes: axes.iter_mut().map(learn).collect(),
            currency: currency.map(|axis| axis.learn_totals(&totals)).unwrap_or_default(),
            counts: totals.by_text(|ty| ty.is_none_or(counts_as_unit)),
            tests: tests(&totals, filter),
            totals,
        }
    }

    /// Adds the lines of a run; `codes` has those of its report, and takes those of each line.
    fn add(&self, run: &Run, codes: &mut [u32], groups: &mut Groups) {
        self.totals.for_each(run, |line, sums| {
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
            groups.entry(codes).add_line(sums, counts, currency);
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

fn tests(totals: &RollTotals, filter: &Where) -> Vec<(Part, Vec<bool>)> {
    let mut tests = Vec::new();
    if filter.start.is_some() || filter.end.is_some() {
        tests.push((Part::Day, totals.by_day(|day| day_matches(filter, day))));
    }
    for (dimension, part) in DIMENSIONS {
        if filter.texts_of(dimension).is_some() {
            tests.push((part, totals.by_text(|text| text_matches(filter, dimension, text))));
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
