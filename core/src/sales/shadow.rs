//! Which reports count where those of several lengths tell of the same days.
//!
//! Of one account and kind, the reports that count never overlap. A coarser report counts unless finer ones cover every
//! one of its days; while it counts, finer ones do not, and neither does a week that it shares only some days with. Such
//! a week cannot help to cover the month on its other side: that one then counts as well. So, by unit year > month >
//! week > day, starting where nothing counts:
//!
//! > a period counts iff no counting coarser period overlaps it and the finer periods that no counting coarser period
//! > overlaps do not cover all its days.
//!
//! A period of which only is known that nothing was sold gives way to finer ones with rows, which know better: it counts
//! only where none of what then counts overlaps it. So no row is hidden by an empty report.
//!
//! A year or month that begins to count only ever takes finer periods away from its neighbours, so that the order of
//! looking does not matter. Each is looked at again only when a neighbour has begun to count.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::day::{Day, Period, PeriodUnit};

/// A period, and whether there are rows for it.
pub(crate) type Told = (Period, bool);

/// Of each of these periods, in order and each once: the earliest period that counts in its place; `None` if it counts.
pub(crate) fn shadows(periods: &[Told]) -> Vec<Option<Period>> {
    let with_rows: HashSet<Period> = periods.iter().filter(|(_, rows)| *rows).map(|(one, _)| *one).collect();
    let gives_way = |(period, rows): &Told| !rows && has_finer_rows(*period, &with_rows);
    let (void, firm): (Vec<Told>, Vec<Told>) = periods.iter().partition(|told| gives_way(told));
    let firm: Vec<Period> = firm.into_iter().map(|(period, _)| period).collect();
    let mut found: HashMap<Period, Option<Period>> = firm.iter().copied().zip(settled(&firm)).collect();
    let mut counting: BTreeSet<Period> =
        found.iter().filter(|(_, by)| by.is_none()).map(|(period, _)| *period).collect();
    let mut void: Vec<Period> = void.into_iter().map(|(period, _)| period).collect();
    void.sort_by_key(|period| Reverse(period.unit()));
    for period in void {
        let by = first_overlapping(period, &counting);
        if by.is_none() {
            counting.insert(period);
        }
        found.insert(period, by);
    }
    periods.iter().map(|(period, _)| found.get(period).copied().flatten()).collect()
}

/// Whether a finer period with rows has a day of this one.
fn has_finer_rows(period: Period, with_rows: &HashSet<Period>) -> bool {
    let finer = |unit: &PeriodUnit| *unit < period.unit();
    let units = || [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month].into_iter().filter(finer);
    period.days().any(|day| units().any(|unit| with_rows.contains(&Period::containing(Day(day), unit))))
}

/// The earliest of some periods, none of which overlap, that has a day of this one.
fn first_overlapping(period: Period, counting: &BTreeSet<Period>) -> Option<Period> {
    let overlaps =
        |other: &&Period| other.days().start < period.days().end && period.days().start < other.days().end;
    counting.iter().filter(overlaps).min_by_key(|other| other.days().start).copied()
}

/// As [`shadows`], of periods that are all taken at their word.
fn settled(periods: &[Period]) -> Vec<Option<Period>> {
    let mut units = periods.iter().map(|period| period.unit());
    let first = units.next();
    if units.all(|unit| Some(unit) == first) {
        return vec![None; periods.len()];
    }
    let mut levels = Levels::new(periods);
    levels.settle_coarse();
    levels.settle_weeks();
    levels.settle_days();
    let counting: Vec<Period> = periods.iter().copied().filter(|period| levels.counts(*period)).collect();
    let shadow = |period: &Period| {
        let after = counting.partition_point(|other| other.days().end <= period.first().0);
        counting.get(after).copied().filter(|first| first != period)
    };
    periods.iter().map(shadow).collect()
}

/// Periods of one length.
struct Level {
    unit: PeriodUnit,
    /// In order.
    periods: Vec<Period>,
    counts: Vec<bool>,
}

impl Level {
    fn new(unit: PeriodUnit, all: &[Period]) -> Self {
        let periods: Vec<Period> = all.iter().copied().filter(|period| period.unit() == unit).collect();
        Self { unit, counts: vec![false; periods.len()], periods }
    }

    /// The period that a day lies in, and whether it counts.
    fn at(&self, day: i32) -> Option<(Period, bool)> {
        if self.periods.is_empty() {
            return None;
        }
        let period = Period::containing(Day(day), self.unit);
        let index = self.periods.binary_search(&period).ok()?;
        Some((period, self.counts.get(index).copied().unwrap_or_default()))
    }

    fn has(&self, day: i32) -> bool {
        self.at(day).is_some()
    }

    fn counts_at(&self, day: i32) -> bool {
        self.at(day).is_some_and(|(_, counts)| counts)
    }

    fn set(&mut self, period: Period, counts: bool) {
        if let Ok(index) = self.periods.binary_search(&period)
            && let Some(slot) = self.counts.get_mut(index)
        {
            *slot = counts;
        }
    }
}

struct Levels {
    years: Level,
    months: Level,
    weeks: Level,
    days: Level,
}

impl Levels {
    fn new(periods: &[Period]) -> Self {
        let level = |unit| Level::new(unit, periods);
        Self {
            years: level(PeriodUnit::Year),
            months: level(PeriodUnit::Month),
            weeks: level(PeriodUnit::Week),
            days: level(PeriodUnit::Day),
        }
    }

    fn of(&mut self, unit: PeriodUnit) -> &mut Level {
        match unit {
            PeriodUnit::Year => &mut self.years,
            PeriodUnit::Month => &mut self.months,
            PeriodUnit::Week => &mut self.weeks,
            PeriodUnit::Day => &mut self.days,
        }
    }

    fn counts(&self, period: Period) -> bool {
        let day = period.first().0;
        match period.unit() {
            PeriodUnit::Year => self.years.counts_at(day),
            PeriodUnit::Month => self.months.counts_at(day),
            PeriodUnit::Week => self.weeks.counts_at(day),
            PeriodUnit::Day => self.days.counts_at(day),
        }
    }

    /// Whether a counting year or month has this day.
    fn is_taken(&self, day: i32) -> bool {
        self.years.counts_at(day) || self.months.counts_at(day)
    }

    /// Whether no counting year or month overlaps a week: no month lies within one, so its ends tell.
    fn is_free(&self, week: Period) -> bool {
        !self.is_taken(week.days().start) && !self.is_taken(week.days().end - 1)
    }

    /// Years and months, until none more begins to count.
    fn settle_coarse(&mut self) {
        let mut queue: VecDeque<Period> =
            self.years.periods.iter().chain(&self.months.periods).copied().collect();
        while let Some(period) = queue.pop_front() {
            let is_blocked = period.unit() == PeriodUnit::Month && self.years.counts_at(period.first().0);
            if self.counts(period) || is_blocked || self.is_covered(period) {
                continue;
            }
            self.of(period.unit()).set(period, true);
            if period.unit() == PeriodUnit::Year {
                self.silence_months(period);
            }
            // What may have lost a week to it.
            for day in [period.days().start - 1, period.days().end] {
                let neighbours = [self.years.at(day), self.months.at(day)];
                queue.extend(neighbours.into_iter().flatten().map(|(neighbour, _)| neighbour));
            }
            if period.unit() == PeriodUnit::Month {
                queue.extend(self.years.at(period.first().0).map(|(year, _)| year));
            }
        }
    }

    /// Months of a year that counts no longer do; it takes from others all that they took.
    fn silence_months(&mut self, year: Period) {
        let days = year.days();
        let months = self.months.periods.iter().zip(&mut self.months.counts);
        let first = self.months.periods.partition_point(|month| month.first().0 < days.start);
        months
            .skip(first)
            .take_while(|(month, _)| month.first().0 < days.end)
            .for_each(|(_, counts)| *counts = false);
    }

    fn settle_weeks(&mut self) {
        for index in 0..self.weeks.periods.len() {
            let Some(&week) = self.weeks.periods.get(index) else { continue };
            let counts = self.is_free(week) && !self.is_covered(week);
            self.weeks.set(week, counts);
        }
    }

    fn settle_days(&mut self) {
        for index in 0..self.days.periods.len() {
            let Some(&day) = self.days.periods.get(index) else { continue };
            let is_free = !self.is_taken(day.first().0) && !self.weeks.counts_at(day.first().0);
            self.days.set(day, is_free);
        }
    }

    /// Whether finer periods that may count cover every day of one that does not. Of these a month covers its days
    /// whether it counts or is itself covered, and so does a week; a day in such a week or month is covered anyway.
    fn is_covered(&self, period: Period) -> bool {
        let (mut day, end) = (period.days().start, period.days().end);
        while day < end {
            let month = || (period.unit() == PeriodUnit::Year).then(|| self.months.at(day)).flatten();
            let week = || (period.unit() != PeriodUnit::Week).then(|| self.weeks.at(day)).flatten();
            let free_week = || week().filter(|(week, _)| self.is_free(*week));
            day = match month().or_else(free_week) {
                Some((finer, _)) => finer.days().end,
                None if self.days.has(day) => day + 1,
                None => return false,
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    /// `period < what counts in its place`, or the period alone where it counts.
    fn told(texts: &[&str]) -> Vec<String> {
        let periods: BTreeSet<Period> = texts.iter().map(|text| period(text)).collect();
        let periods: Vec<Period> = periods.into_iter().collect();
        let line = |(period, shadow): (&Period, Option<Period>)| match shadow {
            Some(by) => format!("{period} < {by}"),
            None => period.to_string(),
        };
        periods.iter().zip(settled(&periods)).map(line).collect()
    }

    /// All days of a month but one.
    fn days_but(month: &str, missing: u8) -> Vec<String> {
        let all = period(month).days().map(|day| Day(day).to_string());
        all.filter(|day| !day.ends_with(&format!("-{missing:02}"))).collect()
    }

    #[test]
    fn a_month_counts_until_its_last_day_is_there() {
        let mut days = days_but("2018-02", 17);
        days.push("2018-02".to_owned());
        let texts: Vec<&str> = days.iter().map(String::as_str).collect();
        let told_with = told(&texts);
        assert!(told_with.contains(&"2018-02".to_owned()));
        assert!(told_with.contains(&"2018-02-16 < 2018-02".to_owned()));
        let all: Vec<&str> = texts.iter().copied().chain(["2018-02-17"]).collect();
        let told_with = told(&all);
        assert!(told_with.contains(&"2018-02 < 2018-02-01".to_owned()));
        assert!(told_with.contains(&"2018-02-17".to_owned()));
    }

    #[test]
    fn a_week_across_two_months_falls_to_either() {
        assert_eq!(
            told(&["2018-W09", "2018-03", "2018-02-27"]),
            ["2018-W09 < 2018-02-27", "2018-02-27", "2018-03"]
        );
        assert_eq!(told(&["2018-W09", "2018-04"]), ["2018-W09", "2018-04"]);
    }

    #[test]
    fn two_months_covered_by_weeks_fall_together() {
        let weeks: Vec<String> = (5..=13).map(|week| format!("2018-W{week:02}")).collect();
        let mut texts: Vec<&str> = weeks.iter().map(String::as_str).chain(["2018-02", "2018-03"]).collect();
        assert!(told(&texts).contains(&"2018-03 < 2018-W09".to_owned()));
        assert!(told(&texts).contains(&"2018-02 < 2018-W05".to_owned()));
        // A third month that counts takes the last week, and with it the months before it.
        texts.push("2018-04");
        let told = told(&texts);
        assert!(
            ["2018-02", "2018-03", "2018-04"].iter().all(|month| told.contains(&(*month).to_owned())),
            "{told:?}"
        );
    }

    #[test]
    fn a_year_falls_to_its_months() {
        let months: Vec<String> = (1..=12).map(|month| format!("2018-{month:02}")).collect();
        let mut texts: Vec<&str> = months.iter().map(String::as_str).chain(["2018"]).collect();
        assert_eq!(told(&texts)[1], "2018 < 2018-01");
        texts.remove(6);
        assert_eq!(told(&texts)[0], "2018-01 < 2018");
    }

    /// As [`told`], of periods of which those with a `!` have rows.
    fn told_of(texts: &[&str]) -> Vec<String> {
        let told = |text: &&str| (period(text.trim_end_matches('!')), text.ends_with('!'));
        let periods: Vec<Told> = texts.iter().map(told).collect::<BTreeSet<_>>().into_iter().collect();
        let line = |((period, _), shadow): (&Told, Option<Period>)| match shadow {
            Some(by) => format!("{period} < {by}"),
            None => period.to_string(),
        };
        periods.iter().zip(shadows(&periods)).map(line).collect()
    }

    #[test]
    fn an_empty_report_hides_no_row() {
        assert_eq!(told_of(&["2020", "2020-10-05!"]), ["2020 < 2020-10-05", "2020-10-05"]);
        assert_eq!(told_of(&["2020", "2020-10-05"]), ["2020", "2020-10-05 < 2020"]);
        assert_eq!(told_of(&["2020!", "2020-10-05!"]), ["2020", "2020-10-05 < 2020"]);
        // What hides the rows hides the empty month, too.
        assert_eq!(
            told_of(&["2020!", "2020-10", "2020-10-05!"]),
            ["2020", "2020-10 < 2020", "2020-10-05 < 2020"]
        );
        // The week counts for nothing, so that nothing speaks against the empty month.
        assert_eq!(
            told_of(&["2018-02!", "2018-W09!", "2018-03"]),
            ["2018-02", "2018-W09 < 2018-02", "2018-03"]
        );
        assert_eq!(
            told_of(&["2020", "2020-10", "2020-10-05!"]),
            ["2020 < 2020-10-05", "2020-10 < 2020-10-05", "2020-10-05"]
        );
    }

    /// The rule as it is written, by sets of days. Years and months come to rest before a week or day is asked: one that
    /// counts only for now would hide days from a month, and a month that counts is not asked again.
    fn model(periods: &[Period], order: &[usize]) -> Vec<Option<Period>> {
        let overlap = |a: &Period, b: &Period| a.days().start < b.days().end && b.days().start < a.days().end;
        let mut counting = BTreeSet::<Period>::new();
        let blocked = |counting: &BTreeSet<Period>, p: &Period| {
            counting.iter().any(|c| c.unit() > p.unit() && overlap(c, p))
        };
        let (coarse, fine): (Vec<usize>, Vec<usize>) =
            order.iter().partition(|&&index| periods[index].unit() > PeriodUnit::Week);
        for stage in [coarse, fine] {
            loop {
                let before = counting.clone();
                for &index in &stage {
                    let p = &periods[index];
                    let finer = periods.iter().filter(|f| f.unit() < p.unit() && !blocked(&counting, f));
                    let days: BTreeSet<i32> = finer.flat_map(|f| f.days()).collect();
                    // A period that counts leaves nothing below it: it is not asked again.
                    let covered = !counting.contains(p) && p.days().all(|day| days.contains(&day));
                    match !blocked(&counting, p) && !covered {
                        true => counting.insert(*p),
                        false => counting.remove(p),
                    };
                }
                if before == counting {
                    break;
                }
            }
        }
        let shadow = |p: &Period| counting.iter().find(|c| overlap(c, p)).copied().filter(|c| c != p);
        periods.iter().map(shadow).collect()
    }

    fn some_periods() -> impl Strategy<Value = BTreeSet<Period>> {
        // Two years' worth around a turn of the year, mostly whole so that much is covered.
        let first = Day::new(2019, 11, 1).unwrap().0;
        let unit = prop_oneof![
            2 => Just(PeriodUnit::Year), 4 => Just(PeriodUnit::Month), 8 => Just(PeriodUnit::Week), 8 => Just(PeriodUnit::Day)
        ];
        let run = (unit, 0..130i32, 1..120i32).prop_map(move |(unit, start, length)| {
            (start..start + length)
                .map(move |day| Period::containing(Day(first + day), unit))
                .collect::<Vec<_>>()
        });
        let runs = proptest::collection::vec(run, 1..8);
        let holes = proptest::collection::vec(any::<prop::sample::Index>(), 0..6);
        (runs, holes).prop_map(|(runs, holes)| {
            let mut all: BTreeSet<Period> = runs.into_iter().flatten().collect();
            for hole in holes {
                let gone = all.iter().nth(hole.index(all.len().max(1))).copied();
                gone.map(|gone| all.remove(&gone));
            }
            all
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn follows_the_rule(periods in some_periods(), seed in any::<u64>()) {
            let periods: Vec<Period> = periods.into_iter().collect();
            let mut coarse_first: Vec<usize> = (0..periods.len()).collect();
            coarse_first.sort_by_key(|&index| std::cmp::Reverse(periods[index].unit()));
            let found = settled(&periods);
            prop_assert_eq!(&found, &model(&periods, &coarse_first));
            let counting: Vec<&Period> = periods.iter().zip(&found).filter(|(_, by)| by.is_none()).map(|(p, _)| p).collect();
            prop_assert!(counting.windows(2).all(|pair| pair[0].days().end <= pair[1].days().start));
            // Within a length the order of looking changes nothing.
            let mut shuffled = coarse_first.clone();
            let turns = |index: usize| u32::try_from(index % 64).unwrap();
            shuffled.sort_by_key(|&index| (Reverse(periods[index].unit()), seed.rotate_left(turns(index))));
            prop_assert_eq!(&found, &model(&periods, &shuffled));
            let days = |all: &[&Period]| all.iter().flat_map(|p| p.days()).collect::<BTreeSet<i32>>();
            let lost: Vec<&Period> = periods.iter().filter(|p| p.unit() > PeriodUnit::Week).collect();
            prop_assert!(days(&lost).is_subset(&days(&counting)), "days of a month or year are never lost");
        }
    }
}
