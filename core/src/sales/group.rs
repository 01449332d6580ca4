//! Groups of a report that is answered from totals, and what both kinds of reports note of their groups' earnings.

use super::numbering::Numbering;
use super::totals::Sums;

/// Nothing of the group has earnings yet.
const NO_CURRENCY: u32 = 0;
/// The group's earnings are in several currencies.
const SEVERAL_CURRENCIES: u32 = u32::MAX;

/// The currency of each group's earnings: its code plus one, where earnings are neither null nor 0.
#[derive(Debug, Default)]
pub(crate) struct Currencies(Vec<u32>);

impl Currencies {
    pub(crate) fn grow(&mut self, groups: usize) {
        self.0.resize(groups, NO_CURRENCY);
    }

    /// Notes the currency of an amount that is not 0.
    pub(crate) fn meet(&mut self, group: u32, code: u32) {
        self.note(group, code.saturating_add(1));
    }

    fn note(&mut self, group: u32, currency: u32) {
        let Some(noted) = self.0.get_mut(group as usize) else { return };
        if currency != NO_CURRENCY && currency != *noted {
            *noted = if *noted == NO_CURRENCY { currency } else { SEVERAL_CURRENCIES };
        }
    }

    /// Takes in those of other groups, which have these numbers here.
    pub(crate) fn merge(&mut self, numbers: &[u32], other: &Self) {
        for (&number, &currency) in numbers.iter().zip(&other.0) {
            self.note(number, currency);
        }
    }

    /// Whether the earnings of any group are in several.
    pub(crate) fn any_has_several(&self) -> bool {
        self.0.contains(&SEVERAL_CURRENCIES)
    }
}

/// The sums of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GroupSums {
    pub(crate) rows: u64,
    /// Of the types that count as units, by sign.
    pub(crate) units_in: i128,
    pub(crate) units_out: i128,
    /// Net, of all types.
    pub(crate) all_units: i128,
    /// In millionths, with the number of values that are not null.
    pub(crate) sales: i128,
    pub(crate) sales_values: u64,
    pub(crate) earnings: i128,
    pub(crate) earnings_values: u64,
}

impl GroupSums {
    /// Adds a line of a report's totals.
    fn add_line(&mut self, sums: &Sums, counts: bool) {
        self.rows += sums.rows;
        self.all_units += sums.units_in - sums.units_out;
        if counts {
            self.units_in += sums.units_in;
            self.units_out += sums.units_out;
        }
        self.sales += sums.sales;
        self.sales_values += sums.sales_values;
        self.earnings += sums.earnings;
        self.earnings_values += sums.earnings_values;
    }
}

/// Groups met so far.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) numbering: Numbering,
    pub(crate) sums: Vec<GroupSums>,
    pub(crate) currencies: Currencies,
}

impl Groups {
    /// Groups over axes with so many codes each, null included.
    pub(crate) fn new(sizes: &[u64], lines: u64) -> Self {
        let numbering = Numbering::new(sizes, lines);
        Self { numbering, sums: Vec::new(), currencies: Currencies::default() }
    }

    /// Adds a line of a report's totals to the group with these codes; `currency` is the code of its earnings currency.
    pub(crate) fn add_line(&mut self, codes: &[u32], sums: &Sums, counts: bool, currency: u32) {
        let number = self.numbering.number(codes);
        if self.sums.len() < self.numbering.len() {
            self.sums.resize(self.numbering.len(), GroupSums::default());
            self.currencies.grow(self.numbering.len());
        }
        if let Some(group) = self.sums.get_mut(number as usize) {
            group.add_line(sums, counts);
        }
        if sums.earnings_nonzero > 0 {
            self.currencies.meet(number, currency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_knows_whether_its_earnings_mix() {
        let currencies = |codes: &[u32]| {
            let mut currencies = Currencies::default();
            currencies.grow(1);
            codes.iter().for_each(|&code| currencies.meet(0, code));
            currencies
        };
        assert!(!currencies(&[0, 0]).any_has_several());
        assert!(currencies(&[0, 1]).any_has_several());
        for (one, other, several) in [(&[][..], &[0][..], false), (&[0], &[0], false), (&[1], &[0], true)] {
            let mut all = currencies(one);
            all.merge(&[0], &currencies(other));
            assert_eq!(all.any_has_several(), several, "{one:?} {other:?}");
        }
    }
}
