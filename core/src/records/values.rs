//! The values of one field of many records, close together in memory, so that a test is put to a hundred thousand of
//! them in less than a millisecond. Which record a value is of, its slot tells.

use std::collections::BTreeSet;

use memchr::memmem;

use super::Datum;
use super::filter::Packed;

/// The fewest bytes of dropped values that are worth moving all others.
const DEAD_MIN: usize = 1 << 16;
/// The fewest late slots that are worth it.
const LATE_MIN: usize = if cfg!(test) { 4 } else { 1 << 10 };

/// Values by their slots: each its kind and bytes ([`Datum::pack`]), one behind another.
#[derive(Debug, Default)]
pub(super) struct Values {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// The slots whose values do not lie between those of the slots before and behind.
    late: BTreeSet<u32>,
    /// How many of the bytes are no value's any more.
    dead: usize,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn len(self) -> usize {
        self.len as usize
    }
}

impl Values {
    /// What a slot has, as it is packed; nothing where it has none.
    pub(super) fn get(&self, slot: u32) -> &[u8] {
        self.at(self.spans.get(slot as usize).copied().unwrap_or_default())
    }

    fn at(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..).and_then(|bytes| bytes.get(..span.len())).unwrap_or_default()
    }

    /// Puts a value in place of what the slot has. False where there is no room: values have 4 GiB.
    pub(super) fn put(&mut self, slot: u32, value: &Datum) -> bool {
        let is_last = slot as usize + 1 >= self.spans.len();
        self.drop(slot);
        if !is_last {
            self.late.insert(slot);
        }
        let start = self.bytes.len();
        value.pack(&mut self.bytes);
        let (Ok(start), Ok(len)) = (u32::try_from(start), u32::try_from(self.bytes.len() - start)) else {
            return false;
        };
        if let Some(span) = self.spans.get_mut(slot as usize) {
            *span = Span { start, len };
        }
        true
    }

    /// Leaves the slot, which there is afterwards, without a value.
    pub(super) fn drop(&mut self, slot: u32) {
        if slot as usize >= self.spans.len() {
            self.spans.resize(slot as usize + 1, Span::default());
        }
        if let Some(span) = self.spans.get_mut(slot as usize) {
            self.dead += std::mem::take(span).len();
            self.late.remove(&slot);
        }
        if self.dead > DEAD_MIN.max(self.bytes.len() / 2)
            || self.late.len() > LATE_MIN.max(self.spans.len() / 16)
        {
            self.pack();
        }
    }

    /// Moves all values together, in the order of their slots.
    fn pack(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.dead);
        for number in 0..self.spans.len() {
            let Some(span) = self.spans.get(number).copied() else { break };
            let start = bytes.len();
            bytes.extend_from_slice(self.at(span));
            // Less than what lay there before, so it fits as that did.
            if let (Some(span), Ok(start)) = (self.spans.get_mut(number), u32::try_from(start)) {
                span.start = start;
            }
        }
        (self.bytes, self.dead) = (bytes, 0);
        self.late.clear();
    }

    /// Strikes out the slots whose value the test does not hold for.
    pub(super) fn test(&self, test: &Packed<'_>, matching: &mut [bool]) {
        let is_done = match test.within_text() {
            Some((part, is_all)) => {
                self.keep_with(part, matching);
                is_all
            }
            None => false,
        };
        if is_done {
            return;
        }
        for (matching, span) in matching.iter_mut().zip(&self.spans) {
            *matching = *matching && test.matches(self.at(*span));
        }
    }

    /// Strikes out the slots whose value is no text with this part. Looking through all bytes at once takes a tenth of
    /// the time that looking at each value does.
    fn keep_with(&self, part: &memmem::Finder<'_>, matching: &mut [bool]) {
        // Where the next place of the part is; none behind the end.
        let find = |from: usize| {
            let rest = self.bytes.get(from..).unwrap_or_default();
            part.find(rest).map_or(usize::MAX, |place| from + place)
        };
        let mut next = find(0);
        for (slot, (matching, span)) in (0_u32..).zip(matching.iter_mut().zip(&self.spans)) {
            let text = Datum::packed_text(self.at(*span)).unwrap_or_default();
            if self.late.contains(&slot) {
                *matching = *matching && part.find(text).is_some();
                continue;
            }
            let end = span.start as usize + span.len();
            let start = end - text.len();
            if next < start {
                next = find(start);
            }
            *matching = *matching && next.checked_add(part.needle().len()).is_some_and(|after| after <= end);
        }
    }

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.spans.len()
    }

    /// What it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::filter::{Pattern, Test};
    use super::*;

    #[test]
    fn what_was_dropped_takes_no_room() {
        let mut values = Values::default();
        let text = |number: u32| Datum::Text(format!("{number}{}", "x".repeat(1000)));
        for round in 0..100 {
            (0..100).for_each(|slot| assert!(values.put(slot, &text(slot + round))));
        }
        assert!(values.size() < 1 << 20, "{}", values.size());
        (0..100).for_each(|slot| assert_eq!(Datum::unpack(values.get(slot)), Some(text(slot + 99))));
    }

    fn is_like(pattern: &str) -> Test {
        Test::Like(Pattern::new(pattern))
    }

    proptest! {
        #[test]
        fn tests_of_all_values_hold_for_those_they_hold_for_alone(
            steps in prop::collection::vec((0..40u32, prop::option::of(prop::option::of("[ab\u{2}-\u{9}]{0,4}"))), 0..120),
            pattern in "[ab*\u{2}-\u{9}]{0,5}",
        ) {
            let (mut values, mut model) = (Values::default(), BTreeMap::new());
            for (slot, value) in steps {
                let value = value.map(|text| text.map_or(Datum::Null, Datum::Text));
                match &value {
                    Some(value) => prop_assert!(values.put(slot, value)),
                    None => values.drop(slot),
                }
                model.insert(slot, value);
            }
            let test = is_like(&pattern);
            let mut matching = vec![true; values.slots()];
            values.test(&test.packed(), &mut matching);
            let alone = |slot: usize| {
                let value = u32::try_from(slot).ok().and_then(|slot| model.get(&slot)?.as_ref());
                value.is_some_and(|value| test.matches(value))
            };
            prop_assert_eq!(matching, (0..values.slots()).map(alone).collect::<Vec<_>>());
        }

        #[test]
        fn slots_have_what_was_put_last(
            steps in prop::collection::vec((0..20u32, prop::option::of("[a-c]{0,3000}")), 0..200),
        ) {
            let (mut values, mut model) = (Values::default(), BTreeMap::new());
            for (slot, text) in steps {
                match text.map(Datum::Text) {
                    Some(value) => {
                        prop_assert!(values.put(slot, &value));
                        model.insert(slot, value);
                    }
                    None => {
                        values.drop(slot);
                        model.remove(&slot);
                    }
                }
            }
            for slot in 0..25 {
                prop_assert_eq!(Datum::unpack(values.get(slot)), model.get(&slot).cloned());
            }
        }
    }
}
