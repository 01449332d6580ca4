//! From the codes of a row's axes to the number of its group. Groups are numbered as they are met, so that what is summed
//! for them lies together however sparse they are among all that the axes could have.

use hashbrown::HashMap;

use super::axis::Codes;

/// The most cells of a table that is indexed by key directly.
const DENSE_CELLS_MAX: u64 = 1 << 22;
/// So many cells are a table that costs next to nothing; a larger one must be worth its rows.
const DENSE_CELLS_FREE: u64 = 1 << 16;
/// Of a table with fewer groups than one in so many cells, sorting the groups is faster than walking the cells.
const SPARSE: usize = 32;

/// From keys, which sort as the values of the axes do with nulls last, to numbers.
#[derive(Debug)]
enum Numbers {
    /// The mixed-radix key is an index: cells hold a group's number plus one.
    Dense(Vec<u32>),
    /// The mixed-radix key fits 64 bits.
    Hashed(HashMap<u64, u32>),
    /// The codes themselves are the key.
    Wide(HashMap<Box<[u32]>, u32>),
}

/// The groups met so far.
#[derive(Debug)]
pub(crate) struct Numbering {
    /// The number of codes of each axis, null included.
    radixes: Vec<u64>,
    numbers: Numbers,
    /// The codes of all groups, as many a group as there are axes.
    codes: Vec<u32>,
    groups: usize,
}

impl Numbering {
    /// Groups over axes with so many codes each, null included; about so many rows are to come.
    pub(crate) fn new(sizes: &[u64], rows: u64) -> Self {
        let radixes: Vec<u64> = sizes.iter().map(|&size| size.max(1)).collect();
        let product = radixes.iter().try_fold(1u64, |product, &radix| product.checked_mul(radix));
        let dense_max = DENSE_CELLS_MAX.min(rows.max(DENSE_CELLS_FREE));
        let numbers = match product {
            Some(cells) if cells <= dense_max => {
                Numbers::Dense(vec![0; usize::try_from(cells).unwrap_or_default()])
            }
            Some(_) => Numbers::Hashed(HashMap::new()),
            None => Numbers::Wide(HashMap::new()),
        };
        Self { radixes, numbers, codes: Vec::new(), groups: 0 }
    }

    /// The number of groups.
    pub(crate) fn len(&self) -> usize {
        self.groups
    }

    /// The codes of a group.
    pub(crate) fn codes(&self, group: usize) -> &[u32] {
        let axes = self.radixes.len();
        self.codes.get(group * axes..(group + 1) * axes).unwrap_or_default()
    }

    /// The number of the group with these codes, which may be new.
    pub(crate) fn number(&mut self, codes: &[u32]) -> u32 {
        let next = next_number(self.groups);
        let number = match &mut self.numbers {
            Numbers::Dense(cells) => {
                let key = mixed(&self.radixes, codes.iter().copied());
                usize::try_from(key)
                    .ok()
                    .and_then(|key| cells.get_mut(key))
                    .map_or(next, |cell| numbered(cell, next))
            }
            Numbers::Hashed(numbers) => {
                *numbers.entry(mixed(&self.radixes, codes.iter().copied())).or_insert(next)
            }
            Numbers::Wide(numbers) => match numbers.get(codes) {
                Some(&number) => number,
                None => *numbers.entry(codes.into()).or_insert(next),
            },
        };
        if number == next {
            self.codes.extend_from_slice(codes);
            self.groups += 1;
        }
        number
    }

    /// The numbers of so many rows' groups.
    pub(crate) fn numbers(&mut self, axes: &[Codes], rows: usize) -> Vec<u32> {
        debug_assert!(axes.iter().zip(&self.radixes).all(|(axis, &radix)| axis.are_of(rows, radix)));
        match &mut self.numbers {
            Numbers::Dense(cells) => {
                let mut numbers: Vec<u32> = keys(&self.radixes, axes, rows);
                for (row, number) in numbers.iter_mut().enumerate() {
                    let Some(cell) = cells.get_mut(*number as usize) else { continue };
                    let next = next_number(self.groups);
                    *number = numbered(cell, next);
                    if *number == next {
                        self.codes.extend(axes.iter().map(|axis| axis.get(row)));
                        self.groups += 1;
                    }
                }
                numbers
            }
            Numbers::Hashed(numbers) => {
                let keys: Vec<u64> = keys(&self.radixes, axes, rows);
                let number = |(row, key): (usize, u64)| {
                    let next = next_number(self.groups);
                    let number = *numbers.entry(key).or_insert(next);
                    if number == next {
                        self.codes.extend(axes.iter().map(|axis| axis.get(row)));
                        self.groups += 1;
                    }
                    number
                };
                keys.into_iter().enumerate().map(number).collect()
            }
            Numbers::Wide(_) => {
                let mut codes = vec![0; axes.len()];
                let number = |row| {
                    codes.iter_mut().zip(axes).for_each(|(code, axis)| *code = axis.get(row));
                    self.number(&codes)
                };
                (0..rows).map(number).collect()
            }
        }
    }

    /// The groups in the order of their codes, axis by axis, nulls last.
    pub(crate) fn order(&self) -> Vec<u32> {
        match &self.numbers {
            Numbers::Dense(cells) if cells.len() / SPARSE < self.groups => {
                cells.iter().filter_map(|cell| cell.checked_sub(1)).collect()
            }
            Numbers::Dense(_) | Numbers::Hashed(_) => {
                let key = |group: u32| mixed(&self.radixes, self.codes(group as usize).iter().copied());
                let groups = (0..).take(self.groups);
                let mut order: Vec<(u64, u32)> = groups.map(|group| (key(group), group)).collect();
                order.sort_unstable();
                order.into_iter().map(|(_, group)| group).collect()
            }
            Numbers::Wide(_) => {
                let digits =
                    |group: &u32| self.codes(*group as usize).iter().map(|code| code.wrapping_sub(1));
                let mut order: Vec<u32> = (0..next_number(self.groups)).collect();
                order.sort_unstable_by(|one, other| digits(one).cmp(digits(other)));
                order
            }
        }
    }
}

/// Groups of 2³² rows and more do not fit any memory that a report may take.
fn next_number(groups: usize) -> u32 {
    u32::try_from(groups).unwrap_or(u32::MAX)
}

/// The number in a cell; an empty one gets the next.
fn numbered(cell: &mut u32, next: u32) -> u32 {
    if *cell == 0 {
        *cell = next.saturating_add(1);
    }
    *cell - 1
}

/// A code's place on its axis: null, code 0, comes last.
fn digit(code: u32, radix: u64) -> u64 {
    u64::from(code.wrapping_sub(1)).min(radix - 1)
}

/// The mixed-radix number of some codes, each below its radix.
fn mixed(radixes: &[u64], codes: impl Iterator<Item = u32>) -> u64 {
    radixes.iter().zip(codes).fold(0, |key, (&radix, code)| key * radix + digit(code, radix))
}

/// The keys of so many rows, axis by axis.
fn keys<K: Key>(radixes: &[u64], axes: &[Codes], rows: usize) -> Vec<K> {
    let mut keys = vec![K::default(); rows];
    for (axis, &radix) in axes.iter().zip(radixes) {
        match axis {
            Codes::Same(code) => keys.iter_mut().for_each(|key| *key = key.then(*code, radix)),
            Codes::Each(codes) => {
                keys.iter_mut().zip(codes).for_each(|(key, &code)| *key = key.then(code, radix));
            }
        }
    }
    keys
}

/// A mixed-radix number that has room for all of a report's.
trait Key: Copy + Default {
    /// One more digit.
    fn then(self, code: u32, radix: u64) -> Self;
}

impl Key for u32 {
    /// Only for keys of tables, which are far below 2³².
    fn then(self, code: u32, radix: u64) -> Self {
        let radix = u32::try_from(radix).unwrap_or(u32::MAX);
        self.wrapping_mul(radix).wrapping_add(code.wrapping_sub(1).min(radix - 1))
    }
}

impl Key for u64 {
    fn then(self, code: u32, radix: u64) -> Self {
        self.wrapping_mul(radix).wrapping_add(digit(code, radix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The groups of a hundred rows in their order, numbered row by row and all at once.
    fn grouped(sizes: &[u64], rows: u64) -> Vec<Vec<u32>> {
        let (mut one, mut all) = (Numbering::new(sizes, rows), Numbering::new(sizes, rows));
        let code = |row: u32| [row % 3, row * 7 % 5];
        let numbers: Vec<u32> = (0..100).map(|row| one.number(&code(row))).collect();
        let axis = |axis: usize| Codes::Each((0..100).map(|row| code(row)[axis]).collect());
        assert_eq!(all.numbers(&[axis(0), axis(1)], 100), numbers);
        assert_eq!((one.len(), one.order()), (all.len(), all.order()));
        all.order().iter().map(|&group| all.codes(group as usize).to_vec()).collect()
    }

    #[test]
    fn every_numbering_gives_the_same_groups_in_their_order_with_nulls_last() {
        let dense = grouped(&[3, 5], 100);
        assert_eq!(dense.len(), 15);
        assert_eq!(dense[..5], [[1, 1], [1, 2], [1, 3], [1, 4], [1, 0]]);
        assert_eq!(dense[14], [0, 0]);
        assert_eq!(dense, grouped(&[1 << 30, 1 << 20], 100));
        assert_eq!(dense, grouped(&[1 << 40, 1 << 40], 100));
    }

    #[test]
    fn what_all_rows_share_is_a_digit_too() {
        let mut numbering = Numbering::new(&[4, 2, 3], 3);
        let numbers = numbering.numbers(&[Codes::Same(2), Codes::Same(0), Codes::Each(vec![2, 1, 2])], 3);
        assert_eq!(numbers, [0, 1, 0]);
        assert_eq!((numbering.codes(0), numbering.codes(1)), (&[2, 0, 2][..], &[2, 0, 1][..]));
        assert_eq!(numbering.order(), [1, 0]);
    }

    #[test]
    fn few_groups_of_a_large_table_are_in_order_too() {
        let mut numbering = Numbering::new(&[1 << 16], 9);
        assert!(matches!(numbering.numbers, Numbers::Dense(_)));
        numbering.numbers(&[Codes::Each(vec![900, 0, 7, 900])], 4);
        let codes = numbering.order().into_iter().map(|group| numbering.codes(group as usize)[0]);
        assert_eq!(codes.collect::<Vec<_>>(), [7, 900, 0]);
    }

    #[test]
    fn a_large_table_must_be_worth_its_rows() {
        let is_dense = |rows| matches!(Numbering::new(&[1 << 20], rows).numbers, Numbers::Dense(_));
        assert!(is_dense(1 << 20) && !is_dense(1 << 10));
        assert!(matches!(Numbering::new(&[1 << 23], 1 << 30).numbers, Numbers::Hashed(_)));
    }
}
