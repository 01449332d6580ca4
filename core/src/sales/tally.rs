//! What a report sums of rows: each measure column by column, in 64 bits as long as no group's sum can leave them.

use arrow_buffer::NullBuffer;

use super::axis::Codes;
use super::group::Currencies;
use super::numbering::Numbering;
use super::query::Measure;
use super::select::Chosen;
use crate::column::Column;

/// The integers of some rows, 0 where there is none.
#[derive(Debug, Default)]
pub(crate) struct Ints {
    pub(crate) values: Vec<i64>,
    /// Which rows have one; `None`: all.
    pub(crate) valid: Option<NullBuffer>,
}

impl Ints {
    /// The chosen rows of a column; `None` where it is not one of integers.
    pub(crate) fn of(column: Column, chosen: &Chosen) -> Option<Self> {
        let Column::Int { mut values, nulls } = column else { return None };
        let Some(nulls) = nulls else { return Some(Self { values: chosen.of(values), valid: None }) };
        let valid: Vec<bool> = nulls.iter().collect();
        for (value, _) in values.iter_mut().zip(&valid).filter(|(_, valid)| !**valid) {
            *value = 0;
        }
        Some(Self { values: chosen.of(values), valid: Some(chosen.of(valid).into()) })
    }
}

/// What a report reads of some rows, beside the codes of its axes.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) units: Option<Ints>,
    pub(crate) sales: Option<Ints>,
    pub(crate) earnings: Option<Ints>,
    /// Which rows are of a type that counts as units; `None`: all.
    pub(crate) counts: Option<Vec<bool>>,
    /// The codes of their earnings currencies, where groups note them.
    pub(crate) currencies: Option<Codes>,
}

/// The groups that one thread has met, and their sums.
#[derive(Debug)]
pub(crate) struct Tally {
    numbering: Numbering,
    sums: Vec<(Measure, Sums)>,
    currencies: Currencies,
}

impl Tally {
    pub(crate) fn new(numbering: Numbering, measures: &[Measure]) -> Self {
        let sums = measures.iter().map(|&measure| (measure, Sums::default())).collect();
        Self { numbering, sums, currencies: Currencies::default() }
    }

    /// Takes in so many rows.
    pub(crate) fn add(&mut self, axes: &[Codes], rows: usize, figures: &Figures) {
        let numbers = self.numbering.numbers(axes, rows);
        for (measure, sums) in &mut self.sums {
            sums.grow(self.numbering.len());
            add_measure(*measure, sums, &numbers, figures);
        }
        if let (Some(codes), Some(earnings)) = (&figures.currencies, &figures.earnings) {
            self.currencies.grow(self.numbering.len());
            for (row, (&number, &earned)) in numbers.iter().zip(&earnings.values).enumerate() {
                if earned != 0 {
                    self.currencies.meet(number, codes.get(row));
                }
            }
        }
    }

    /// Takes in what another thread has met.
    pub(crate) fn merge(&mut self, other: &Self) {
        let groups = 0..other.numbering.len();
        let numbers: Vec<u32> =
            groups.map(|group| self.numbering.number(other.numbering.codes(group))).collect();
        for ((_, sums), (_, others)) in self.sums.iter_mut().zip(&other.sums) {
            sums.grow(self.numbering.len());
            sums.merge(&numbers, others);
        }
        self.currencies.grow(self.numbering.len());
        self.currencies.merge(&numbers, &other.currencies);
    }

    /// The groups, their sums in the order of the measures, and the currencies of their earnings.
    pub(crate) fn finish(self) -> (Numbering, Vec<Sums>, Currencies) {
        (self.numbering, self.sums.into_iter().map(|(_, sums)| sums).collect(), self.currencies)
    }
}

fn add_measure(measure: Measure, sums: &mut Sums, numbers: &[u32], figures: &Figures) {
    let counted = |part: fn(i64) -> i64| {
        let units = figures.units.as_ref().map_or(&[][..], |units| &units.values);
        match &figures.counts {
            None => units.iter().map(|&units| part(units)).collect(),
            Some(counts) => units
                .iter()
                .zip(counts)
                .map(|(&units, &counts)| if counts { part(units) } else { 0 })
                .collect::<Vec<i64>>(),
        }
    };
    match measure {
        Measure::Rows => sums.add(numbers, &vec![1; numbers.len()]),
        Measure::Units => match (&figures.units, &figures.counts) {
            (Some(units), None) => sums.add(numbers, &units.values),
            _ => sums.add(numbers, &counted(|units| units)),
        },
        Measure::GrossUnits => sums.add(numbers, &counted(|units| units.max(0))),
        // Kept as the negative number it is: its magnitude may be one more than 64 bits hold.
        Measure::RefundUnits => sums.add(numbers, &counted(|units| units.min(0))),
        Measure::AllUnits => sums.add_ints(numbers, figures.units.as_ref(), false),
        Measure::Sales => sums.add_ints(numbers, figures.sales.as_ref(), true),
        Measure::Earnings => sums.add_ints(numbers, figures.earnings.as_ref(), true),
    }
}

/// One sum a group.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    narrow: Vec<i64>,
    /// What was moved out of `narrow`; empty while nothing was.
    wide: Vec<i128>,
    /// No magnitude in `narrow` is larger than this.
    bound: u64,
    /// Which groups have a value at all; empty where every group has.
    valued: Vec<bool>,
}

impl Sums {
    /// So many groups as they are.
    pub(crate) fn of(sums: impl Iterator<Item = Option<i128>>) -> Self {
        let (valued, wide): (Vec<bool>, Vec<i128>) =
            sums.map(|sum| (sum.is_some(), sum.unwrap_or_default())).unzip();
        Self { narrow: vec![0; wide.len()], wide, bound: 0, valued }
    }

    /// The sum of a group; `None` where it has no value.
    pub(crate) fn get(&self, group: u32) -> Option<i128> {
        let group = group as usize;
        let narrow = self.narrow.get(group).copied().map(i128::from)?;
        let is_valued = self.valued.is_empty() || self.valued.get(group) == Some(&true);
        is_valued.then(|| narrow + self.wide.get(group).copied().unwrap_or_default())
    }

    fn grow(&mut self, groups: usize) {
        self.narrow.resize(groups, 0);
    }

    /// Adds a column whose nulls, if they matter, leave groups without a value.
    fn add_ints(&mut self, numbers: &[u32], ints: Option<&Ints>, nulls_matter: bool) {
        if nulls_matter {
            self.note_valued(numbers, ints);
        }
        if let Some(ints) = ints {
            self.add(numbers, &ints.values);
        }
    }

    fn note_valued(&mut self, numbers: &[u32], ints: Option<&Ints>) {
        self.valued.resize(self.narrow.len(), false);
        let mut note = |number: u32| {
            if let Some(valued) = self.valued.get_mut(number as usize) {
                *valued = true;
            }
        };
        match ints {
            None => {}
            Some(Ints { valid: None, .. }) => numbers.iter().for_each(|&number| note(number)),
            Some(Ints { valid: Some(valid), .. }) => {
                let valued = numbers.iter().zip(valid).filter(|(_, valid)| *valid);
                valued.for_each(|(&number, _)| note(number));
            }
        }
    }

    /// Adds a value to the group of each row. What stands under a null must be 0.
    fn add(&mut self, numbers: &[u32], values: &[i64]) {
        debug_assert_eq!(numbers.len(), values.len(), "a value for each row");
        let largest = values.iter().fold(0, |largest, value| value.unsigned_abs().max(largest));
        let added = u128::from(largest) * values.len() as u128;
        if u128::from(self.bound) + added > i64::MAX.unsigned_abs().into() {
            self.widen();
        }
        match u64::try_from(added).ok().filter(|&added| added <= i64::MAX.unsigned_abs()) {
            Some(added) => {
                self.bound += added;
                for (&number, &value) in numbers.iter().zip(values) {
                    if let Some(sum) = self.narrow.get_mut(number as usize) {
                        // The bound says that this cannot wrap.
                        *sum = sum.wrapping_add(value);
                    }
                }
            }
            None => {
                for (&number, &value) in numbers.iter().zip(values) {
                    if let Some(sum) = self.wide.get_mut(number as usize) {
                        *sum += i128::from(value);
                    }
                }
            }
        }
    }

    /// Moves all sums to where there is room.
    fn widen(&mut self) {
        self.wide.resize(self.narrow.len(), 0);
        if self.bound == 0 {
            return;
        }
        for (wide, narrow) in self.wide.iter_mut().zip(&mut self.narrow) {
            *wide += i128::from(std::mem::take(narrow));
        }
        self.bound = 0;
    }

    /// Adds the sums of other groups, which have these numbers here.
    fn merge(&mut self, numbers: &[u32], other: &Self) {
        self.add(numbers, &other.narrow);
        if !other.wide.is_empty() {
            self.widen();
            for (&number, &value) in numbers.iter().zip(&other.wide) {
                if let Some(sum) = self.wide.get_mut(number as usize) {
                    *sum += value;
                }
            }
        }
        if !self.valued.is_empty() || !other.valued.is_empty() {
            self.valued.resize(self.narrow.len(), false);
            for (&number, &valued) in numbers.iter().zip(&other.valued) {
                if let Some(has) = self.valued.get_mut(number as usize) {
                    *has |= valued;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ints(values: &[Option<i64>]) -> Ints {
        let valid = values.iter().any(Option::is_none);
        Ints {
            values: values.iter().map(|value| value.unwrap_or_default()).collect(),
            valid: valid.then(|| values.iter().map(Option::is_some).collect::<Vec<bool>>().into()),
        }
    }

    /// Any amount, and often one at the end of 64 bits.
    fn amount() -> impl Strategy<Value = Option<i64>> {
        let large = prop_oneof![Just(i64::MAX), Just(i64::MIN), any::<i64>(), -9..9i64];
        proptest::option::of(large)
    }

    proptest! {
        #[test]
        fn sums_are_those_of_128_bits(
            blocks in proptest::collection::vec(proptest::collection::vec((0..4u32, amount()), 0..20), 0..8),
            others in proptest::collection::vec((0..6u32, amount()), 0..20),
        ) {
            let rows: Vec<(u32, Option<i64>)> = blocks.iter().flatten().chain(&others).copied().collect();
            let mut expected = [None; 6];
            for &(group, value) in &rows {
                let sum = &mut expected[group as usize];
                *sum = value.map(i128::from).or(*sum).map(|_| sum.unwrap_or(0) + i128::from(value.unwrap_or(0)));
            }
            let add = |sums: &mut Sums, rows: &[(u32, Option<i64>)]| {
                let (numbers, values): (Vec<u32>, Vec<Option<i64>>) = rows.iter().copied().unzip();
                sums.grow(6);
                sums.add_ints(&numbers, Some(&ints(&values)), true);
            };
            let (mut one, mut other) = (Sums::default(), Sums::default());
            one.grow(6);
            blocks.iter().for_each(|rows| add(&mut one, rows));
            // The other thread has met the groups in another order.
            let numbers = [3, 1, 5, 0, 2, 4];
            let placed = |&(group, value): &(u32, Option<i64>)| {
                ((0..).zip(numbers).find(|&(_, number)| number == group).unwrap().0, value)
            };
            add(&mut other, &others.iter().map(placed).collect::<Vec<_>>());
            one.merge(&numbers, &other);
            let sums: Vec<_> = (0..6).map(|group| one.get(group)).collect();
            prop_assert_eq!(sums, expected);
        }
    }

    #[test]
    fn units_count_by_their_type_and_sign() {
        let figures = || Figures {
            units: Some(ints(&[Some(3), Some(-2), Some(5), None, Some(-7)])),
            counts: Some(vec![true, true, false, true, false]),
            ..Figures::default()
        };
        let sums = |measure, figures: &Figures| {
            let mut sums = Sums::default();
            sums.grow(1);
            add_measure(measure, &mut sums, &[0; 5], figures);
            sums.get(0)
        };
        let all = || Figures { counts: None, ..figures() };
        for (measure, counted, uncounted) in [
            (Measure::Units, 1, -1),
            (Measure::GrossUnits, 3, 8),
            (Measure::RefundUnits, -2, -9),
            (Measure::AllUnits, -1, -1),
            (Measure::Rows, 5, 5),
        ] {
            assert_eq!(sums(measure, &figures()), Some(counted), "{measure}");
            assert_eq!(sums(measure, &all()), Some(uncounted), "{measure}");
        }
        assert_eq!(sums(Measure::Sales, &figures()), None);
    }

    #[test]
    fn what_stands_under_a_null_is_not_summed() {
        let column = || Column::Int { values: vec![5, 5, 7], nulls: Some(vec![true, false, true].into()) };
        let sum = |chosen: &Chosen| {
            let mut sums = Sums::default();
            sums.grow(1);
            sums.add_ints(&vec![0; chosen.len()], Ints::of(column(), chosen).as_ref(), true);
            sums.get(0)
        };
        assert_eq!(sum(&Chosen::All(3)), Some(12));
        assert_eq!(sum(&Chosen::Some(vec![1, 2])), Some(7));
        assert_eq!(sum(&Chosen::Some(vec![1])), None);
        let text = Column::Coded { dictionary: std::sync::Arc::default(), codes: vec![] };
        assert!(Ints::of(text, &Chosen::All(0)).is_none());
    }

    #[test]
    fn another_threads_groups_keep_their_sums() {
        let tally = |codes: &[u32]| {
            let mut tally = Tally::new(Numbering::new(&[5], 9), &[Measure::Rows]);
            tally.add(&[Codes::Each(codes.to_vec())], codes.len(), &Figures::default());
            tally
        };
        let mut one = tally(&[1, 2, 2]);
        one.merge(&tally(&[4, 2, 0]));
        let (numbering, sums, _) = one.finish();
        let rows = numbering
            .order()
            .into_iter()
            .map(|group| (numbering.codes(group as usize)[0], sums[0].get(group)));
        assert_eq!(rows.collect::<Vec<_>>(), [(1, Some(1)), (2, Some(3)), (4, Some(1)), (0, Some(1))]);
    }
}
