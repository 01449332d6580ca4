//! The totals of all reports of one account and kind that count: found once for each change to them, so that a report
//! walks over lines and not over thousands of small reports. Beside the lines themselves there are their sums by period,
//! by month and over all days, where these are much fewer.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::line_table::{Condenser, LineTable};
use super::manifest::Report;
use super::roll_totals::RollTotals;
use crate::day::{Day, Period};
use crate::error::Result;

/// Sums are kept where they are so many times fewer than what they sum.
const FEWER: usize = 4;

/// How much of the lines a report needs to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Reports and days.
    Lines,
    /// Only reports.
    Periods,
    /// Only months.
    Months,
    /// Neither reports nor days.
    Sums,
}

/// Lines that stand together in a table, all of one period.
#[derive(Debug, Clone)]
pub(crate) struct LineRun {
    /// The place of the table.
    pub(crate) table: usize,
    pub(crate) lines: Range<usize>,
    /// The period of their reports; none for sums over several.
    pub(crate) period: Option<Period>,
}

/// Lines in some tables.
#[derive(Debug, Default)]
pub(crate) struct LineRuns {
    pub(crate) tables: Vec<Arc<LineTable>>,
    pub(crate) runs: Vec<LineRun>,
}

impl LineRuns {
    fn len(&self) -> usize {
        self.runs.iter().map(|run| run.lines.len()).sum()
    }

    /// Their sums, with days brought to others, by period where `by_period`; none where these are hardly fewer.
    fn condensed(&self, to: fn(Option<i64>) -> Option<i64>, by_period: bool) -> Option<Self> {
        let mut condenser = Condenser::new(to);
        let tables: Vec<_> = self.tables.iter().map(|table| (table, condenser.learn(table))).collect();
        let mut runs = Vec::new();
        for same in self.runs.chunk_by(|one, next| !by_period || one.period == next.period) {
            for run in same {
                if let Some((table, map)) = tables.get(run.table) {
                    condenser.add(table, map, run.lines.clone());
                }
            }
            let period = same.first().and_then(|run| run.period).filter(|_| by_period);
            runs.push(LineRun { table: 0, lines: condenser.flush(), period });
        }
        let sums = Self { tables: vec![Arc::new(condenser.finish())], runs };
        (sums.len().saturating_mul(FEWER) <= self.len()).then_some(sums)
    }
}

/// As few runs of the same lines as there can be. The parts of a month are imported by several threads, and lie in its rolls
/// in no order of their own: sums ask for none.
fn joined(mut runs: Vec<LineRun>) -> Vec<LineRun> {
    runs.retain(|run| !run.lines.is_empty());
    runs.sort_unstable_by_key(|run| (run.period, run.table, run.lines.start));
    runs.dedup_by(|next, last| {
        let follows =
            (last.table, last.lines.end, last.period) == (next.table, next.lines.start, next.period);
        if follows {
            last.lines.end = next.lines.end;
        }
        follows
    });
    runs
}

fn month(day: Option<i64>) -> Option<i64> {
    // What is no day of the calendar stays what it is.
    day.map(|day| i32::try_from(day).map_or(day, |day| i64::from(Day(day).month_start().0)))
}

/// The totals of the reports of one account and kind that count.
#[derive(Debug, Default)]
pub(crate) struct SeriesTotals {
    lines: LineRuns,
    periods: OnceLock<Option<LineRuns>>,
    months: OnceLock<Option<LineRuns>>,
    sums: OnceLock<Option<LineRuns>>,
}

impl SeriesTotals {
    /// Finds the lines of these reports.
    ///
    /// # Errors
    /// Those of reading the totals of a roll, and [`crate::Error::Corruption`] where it has none of a report.
    pub(crate) fn of<'a>(
        reports: impl Iterator<Item = &'a Arc<Report>>,
        totals_of: impl Fn(u32) -> Result<Arc<RollTotals>>,
    ) -> Result<Self> {
        let mut rolls = Vec::<Arc<RollTotals>>::new();
        let (mut places, mut runs) = (HashMap::new(), Vec::new());
        for report in reports {
            for rows in &report.ranges {
                let place = match places.get(&rows.roll) {
                    Some(&place) => place,
                    None => {
                        rolls.push(totals_of(rows.roll)?);
                        places.insert(rows.roll, rolls.len() - 1);
                        rolls.len() - 1
                    }
                };
                let Some(roll) = rolls.get(place) else { continue };
                let period = Some(report.key.period);
                runs.push(LineRun { table: place, lines: roll.run(rows)?, period });
            }
        }
        let tables = rolls.iter().map(|roll| Arc::clone(roll.table())).collect();
        Ok(Self { lines: LineRuns { tables, runs: joined(runs) }, ..Self::default() })
    }

    /// The fewest lines that tell so much.
    pub(crate) fn lines(&self, detail: Detail) -> &LineRuns {
        let lines = &self.lines;
        let months = || self.months.get_or_init(|| lines.condensed(month, false)).as_ref().unwrap_or(lines);
        match detail {
            Detail::Lines => lines,
            Detail::Periods => {
                self.periods.get_or_init(|| lines.condensed(|_| None, true)).as_ref().unwrap_or(lines)
            }
            Detail::Months => months(),
            Detail::Sums => {
                let from = months();
                self.sums.get_or_init(|| from.condensed(|_| None, false)).as_ref().unwrap_or(from)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sales::line_table::LineTableBuilder;
    use crate::sales::totals::{Sums, TotalsLine};

    /// Totals of reports of a day each, with this much sold on every day, and a line without a date.
    fn daily(days: i64, sales: i64) -> SeriesTotals {
        let mut builder = LineTableBuilder::default();
        let mut runs = Vec::new();
        for date in (0..days).map(Some).chain([None]) {
            let mut sums = Sums::default();
            sums.add_row(1, Some(sales), None);
            let first = builder.len();
            for currency in ["EUR", "USD"] {
                let currency = Some(currency);
                builder.add(&TotalsLine { date, currency, earnings_currency: None, ty: None, sums });
            }
            runs.push(LineRun { table: 0, lines: first..builder.len(), period: None });
        }
        let lines = LineRuns { tables: vec![Arc::new(builder.finish())], runs };
        SeriesTotals { lines, ..SeriesTotals::default() }
    }

    /// Date, currency, rows and sales of each line.
    fn told(totals: &SeriesTotals, detail: Detail) -> Vec<(Option<i64>, String, u64, i128)> {
        let runs = totals.lines(detail);
        let lines = runs.runs.iter().flat_map(|run| runs.tables[run.table].lines(run.lines.clone()));
        let told =
            lines.map(|line| (line.date, line.currency.unwrap().to_owned(), line.sums.rows, line.sums.sales));
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }

    #[test]
    fn months_and_all_days_are_summed() {
        let totals = daily(365, i64::MAX);
        let euros = |date, rows: u64| (date, "EUR".to_owned(), rows, i128::from(rows) * i128::from(i64::MAX));
        let months = told(&totals, Detail::Months);
        assert_eq!(months.len(), 26);
        let [none, january, february] = [&months[0], &months[2], &months[4]];
        assert_eq!([none, january, february], [&euros(None, 1), &euros(Some(0), 31), &euros(Some(31), 28)]);
        let sums = told(&totals, Detail::Sums);
        assert_eq!((sums.len(), &sums[0]), (2, &euros(None, 366)));
        assert_eq!(told(&totals, Detail::Lines).len(), 732);
    }

    #[test]
    fn periods_are_summed_apart() {
        let mut totals = daily(90, 5);
        let of_day = |day: usize| if day < 40 { "2018-01" } else { "2018-02" };
        for (day, run) in totals.lines.runs.iter_mut().enumerate() {
            run.period = Some(of_day(day).parse().unwrap());
        }
        let runs = totals.lines(Detail::Periods);
        let lines = |run: &LineRun| runs.tables[run.table].lines(run.lines.clone());
        let told = |run: &LineRun| -> Vec<(Option<i64>, u64)> {
            lines(run).iter().map(|line| (line.date, line.sums.rows)).collect()
        };
        let periods: Vec<_> =
            runs.runs.iter().map(|run| (run.period.unwrap().to_string(), told(run))).collect();
        let of = |rows| vec![(None, rows), (None, rows)];
        assert_eq!(periods, [("2018-01".to_owned(), of(40)), ("2018-02".to_owned(), of(51))]);
    }

    #[test]
    fn runs_of_a_period_are_joined_in_whatever_order_they_come() {
        let run =
            |period: &str, table, lines| LineRun { table, lines, period: Some(period.parse().unwrap()) };
        let told = |runs: Vec<LineRun>| -> Vec<String> {
            runs.iter().map(|run| format!("{} {} {:?}", run.period.unwrap(), run.table, run.lines)).collect()
        };
        let runs = vec![
            run("2018-04", 0, 9..12),
            run("2018-03", 0, 6..9),
            run("2018-03", 1, 3..5),
            run("2018-03", 0, 0..3),
            run("2018-03", 0, 3..3),
            run("2018-03", 1, 7..8),
            run("2018-03", 0, 3..6),
        ];
        let expected = ["2018-03 0 0..9", "2018-03 1 3..5", "2018-03 1 7..8", "2018-04 0 9..12"];
        assert_eq!(told(joined(runs)), expected);
    }

    #[test]
    fn sums_that_are_hardly_fewer_are_not_kept() {
        let totals = daily(3, 1);
        assert_eq!(told(&totals, Detail::Months), told(&totals, Detail::Lines));
        assert_eq!(told(&totals, Detail::Sums).len(), 2, "a fourth of the lines");
    }
}
