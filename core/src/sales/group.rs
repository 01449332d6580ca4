//! Groups of rows: from the codes of a row's axes to the number of its group, and the sums of each group.

use hashbrown::HashMap;

use super::totals::Sums;

/// The most cells of a table that is indexed by key directly.
const DENSE_CELLS_MAX: u64 = 1 << 20;

/// Nothing of the group has earnings yet.
const NO_CURRENCY: u32 = 0;
/// The group's earnings are in several currencies.
const SEVERAL_CURRENCIES: u32 = u32::MAX;

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
    /// The earnings currency's code plus one, where earnings are neither null nor 0.
    currency: u32,
}

impl GroupSums {
    pub(crate) fn add_units(&mut self, units: i64, counts: bool) {
        let units = i128::from(units);
        self.all_units += units;
        if counts {
            self.units_in += units.max(0);
            self.units_out -= units.min(0);
        }
    }

    pub(crate) fn add_sales(&mut self, sales: i64) {
        self.sales += i128::from(sales);
        self.sales_values += 1;
    }

    pub(crate) fn add_earnings(&mut self, earnings: i64) {
        self.earnings += i128::from(earnings);
        self.earnings_values += 1;
    }

    /// Notes the currency of an amount that is not 0.
    pub(crate) fn add_currency(&mut self, code: u32) {
        self.meet(code.saturating_add(1));
    }

    fn meet(&mut self, currency: u32) {
        if currency == NO_CURRENCY || currency == self.currency {
            return;
        }
        self.currency = if self.currency == NO_CURRENCY { currency } else { SEVERAL_CURRENCIES };
    }

    pub(crate) fn has_several_currencies(&self) -> bool {
        self.currency == SEVERAL_CURRENCIES
    }

    /// Adds a line of a report's totals; `currency` is the code of its earnings currency.
    pub(crate) fn add_line(&mut self, sums: &Sums, counts: bool, currency: u32) {
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
        if sums.earnings_nonzero > 0 {
            self.add_currency(currency);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.units_in += other.units_in;
        self.units_out += other.units_out;
        self.all_units += other.all_units;
        self.sales += other.sales;
        self.sales_values += other.sales_values;
        self.earnings += other.earnings;
        self.earnings_values += other.earnings_values;
        self.meet(other.currency);
    }
}

/// From a row's codes, one an axis, to the number of its group.
#[derive(Debug)]
enum Numbering {
    /// The mixed-radix key is an index: cells hold a group's number plus one.
    Dense { radixes: Vec<u64>, cells: Vec<u32> },
    /// The mixed-radix key fits 64 bits.
    Hashed { radixes: Vec<u64>, numbers: HashMap<u64, u32> },
    /// The codes themselves are the key.
    Wide { numbers: HashMap<Box<[u32]>, u32> },
}

/// Groups met so far, in the order of their first row.
#[derive(Debug)]
pub(crate) struct Groups {
    numbering: Numbering,
    axes: usize,
    /// The codes of all groups, `axes` of them a group.
    codes: Vec<u32>,
    sums: Vec<GroupSums>,
}

impl Groups {
    /// Groups over axes with so many codes each, null included.
    pub(crate) fn new(sizes: &[u64]) -> Self {
        let product = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size.max(1)));
        let radixes = sizes.iter().map(|&size| size.max(1)).collect();
        let numbering = match product {
            Some(cells) if cells <= DENSE_CELLS_MAX => {
                Numbering::Dense { radixes, cells: vec![0; usize::try_from(cells).unwrap_or_default()] }
            }
            Some(_) => Numbering::Hashed { radixes, numbers: HashMap::new() },
            None => Numbering::Wide { numbers: HashMap::new() },
        };
        Self { numbering, axes: sizes.len(), codes: Vec::new(), sums: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.sums.len()
    }

    /// The codes of a group.
    pub(crate) fn codes(&self, group: usize) -> &[u32] {
        self.codes.get(group * self.axes..(group + 1) * self.axes).unwrap_or_default()
    }

    /// One code of every group.
    pub(crate) fn codes_of_axis(&self, axis: usize) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(move |group| self.codes(group).get(axis).copied().unwrap_or_default())
    }

    pub(crate) fn sums(&self) -> &[GroupSums] {
        &self.sums
    }

    /// The sums of the group with these codes.
    pub(crate) fn entry(&mut self, codes: &[u32]) -> &mut GroupSums {
        let next = u32::try_from(self.sums.len()).unwrap_or(u32::MAX);
        let number = match &mut self.numbering {
            Numbering::Dense { radixes, cells } => {
                let cell = usize::try_from(mixed(radixes, codes)).ok().and_then(|key| cells.get_mut(key));
                cell.map_or(next, |cell| match cell.checked_sub(1) {
                    Some(number) => number,
                    None => {
                        *cell = next + 1;
                        next
                    }
                })
            }
            Numbering::Hashed { radixes, numbers } => *numbers.entry(mixed(radixes, codes)).or_insert(next),
            Numbering::Wide { numbers } => match numbers.get(codes) {
                Some(&number) => number,
                None => *numbers.entry(codes.into()).or_insert(next),
            },
        };
        if number == next {
            self.codes.extend_from_slice(codes);
            self.sums.push(GroupSums::default());
        }
        let last = self.sums.len() - 1;
        let index = (number as usize).min(last);
        &mut self.sums[index]
    }

    /// Takes in the groups of another thread.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (group, sums) in other.sums.iter().enumerate() {
            self.entry(other.codes(group)).merge(sums);
        }
    }
}

/// The mixed-radix number of some codes, each below its radix.
fn mixed(radixes: &[u64], codes: &[u32]) -> u64 {
    radixes.iter().zip(codes).fold(0, |key, (radix, &code)| key * radix + u64::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(sizes: &[u64]) -> Vec<(Vec<u32>, u64)> {
        let (mut groups, mut other) = (Groups::new(sizes), Groups::new(sizes));
        for row in 0..100u32 {
            let half = if row % 2 == 0 { &mut groups } else { &mut other };
            half.entry(&[row % 3, row % 5]).rows += 1;
        }
        groups.merge(&other);
        let mut all: Vec<_> =
            (0..groups.len()).map(|i| (groups.codes(i).to_vec(), groups.sums()[i].rows)).collect();
        all.sort();
        all
    }

    #[test]
    fn every_numbering_gives_the_same_groups() {
        let dense = counted(&[3, 5]);
        assert_eq!(dense.len(), 15);
        assert_eq!(dense.iter().map(|(_, rows)| rows).sum::<u64>(), 100);
        assert_eq!(dense, counted(&[1 << 30, 1 << 20]));
        assert_eq!(dense, counted(&[1 << 40, 1 << 40]));
    }

    #[test]
    fn a_group_knows_whether_its_earnings_mix() {
        let mut a = GroupSums::default();
        a.add_currency(0);
        a.add_currency(0);
        assert!(!a.has_several_currencies());
        let mut b = GroupSums::default();
        b.merge(&a);
        assert!(!b.has_several_currencies());
        let mut c = GroupSums::default();
        c.add_currency(1);
        c.merge(&a);
        assert!(c.has_several_currencies());
    }
}
