//! Values, each once: a dictionary that has one twice is refused by pandas.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct values in the order of their first appearance.
pub(crate) struct Distinct<T> {
    values: Vec<T>,
    /// The places of the values, by their hashes.
    places: HashTable<i32>,
    hasher: DefaultHashBuilder,
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    /// With room for this many values, so that no place is ever moved.
    pub(crate) fn with_capacity(values: usize) -> Self {
        Self {
            values: Vec::with_capacity(values),
            places: HashTable::with_capacity(values),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// The place of a value, which may be new. No batch has so many rows that places would not fit.
    pub(crate) fn place(&mut self, value: T) -> i32 {
        let next = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        let (values, hasher) = (&self.values, &self.hasher);
        let value_at =
            |place: &i32| usize::try_from(*place).ok().and_then(|place| values.get(place)).copied();
        let is_same = |place: &i32| value_at(place) == Some(value);
        let hash_at = |place: &i32| value_at(place).map_or(0, |value| hasher.hash_one(value));
        let place = *self.places.entry(hasher.hash_one(value), is_same, hash_at).or_insert(next).get();
        if place == next {
            self.values.push(value);
        }
        place
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// All of them.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}
