//! Walks: an index, or the records themselves, and the parts of it that a listing goes along.

use std::ops::Bound;
use std::sync::Arc;

use crate::Result;
use crate::kv::{Key, prefix_end};
use crate::store::Read;

use super::datum::Datum;
use super::filter::{Condition, Interval, Test, within_both};
use super::index::{self, damaged, field, over, prefix};
use super::page::Plan;
use super::{Record, RecordId, stored};

/// A way of so many records is walked in about a millisecond. The few things of a test are to be many.
const SHORT: usize = if cfg!(test) { 8 } else { 250 };

/// An index to walk (`id`: the records themselves), and the parts of it, in order.
pub(super) struct Path {
    field: String,
    intervals: Vec<Interval>,
}

impl Path {
    /// The index of the field that is sorted by where a condition bounds it, else one that another condition bounds,
    /// else that of the field that is sorted by as a whole.
    pub(super) fn choose<R: Record>(plan: &Plan<R>) -> Self {
        let bounded = |name: &str| bounds(plan, name).map(|intervals| (name.to_owned(), intervals));
        let walkable = |path: &(String, Vec<Interval>)| {
            let (field, intervals) = path;
            let index = over::<R>(&[field]);
            field == "id" || index.is_some_and(|index| !index.sparse || !intervals.iter().any(has_null))
        };
        let others =
            || plan.conditions.iter().filter_map(|condition| bounded(&condition.field)).find(walkable);
        match bounded(&plan.field).or_else(others) {
            Some((field, intervals)) => Self { field, intervals },
            None => Self::sorted(plan),
        }
    }

    /// The index of the field that is sorted by.
    pub(super) fn sorted<R: Record>(plan: &Plan<R>) -> Self {
        let whole = || vec![(Bound::Unbounded, Bound::Unbounded)];
        Self { field: plan.field.clone(), intervals: bounds(plan, &plan.field).unwrap_or_else(whole) }
    }

    /// All records behind one.
    pub(super) fn after<R: Record>(id: Option<&R::Id>) -> Self {
        let low = id.map_or(Bound::Unbounded, |id| Bound::Excluded(R::id_datum(id)));
        Self { field: "id".to_owned(), intervals: vec![(low, Bound::Unbounded)] }
    }

    /// Whether the walk goes in the order that is asked for: records with one value lie in id order.
    pub(super) fn is_ordered<R: Record>(&self, plan: &Plan<R>) -> bool {
        let one_value = matches!(self.intervals.as_slice(), [(Bound::Included(low), Bound::Included(high))] if low == high);
        self.field == plan.field || (plan.field == "id" && one_value)
    }

    /// Whether every entry on the way is one of a record that matches.
    pub(super) fn tells_all<R: Record>(&self, plan: &Plan<R>) -> bool {
        let told = |condition: &Condition<R>| {
            condition.field == self.field && matches!(condition.test, Test::Within(_))
        };
        plan.conditions.iter().all(told)
    }

    /// Whether so few entries lie on the way that looking at each one's record is quick.
    pub(super) fn is_short<R: Record>(&self, read: &dyn Read) -> Result<bool> {
        let mut walk = self.walk::<R>(read, false).take(SHORT + 1);
        Ok(walk.try_fold(0, |count, hit| hit.map(|_| count + 1))? <= SHORT)
    }

    /// The number of entries on the way.
    pub(super) fn count<R: Record>(&self, read: &dyn Read) -> Result<u64> {
        let counted = over::<R>(&[&self.field]).filter(|index| index.counted);
        let count = |interval: &Interval| match (interval, counted) {
            ((Bound::Included(low), Bound::Included(high)), Some(index)) if low == high => {
                index::count_of::<R>(read, index, std::slice::from_ref(low))
            }
            _ => {
                self.key_range::<R>(interval).map_or(Ok(0), |(start, end)| read.count(&start, end.as_deref()))
            }
        };
        self.intervals.iter().map(count).sum()
    }

    /// What lies on the way.
    pub(super) fn walk<'a, R: Record>(
        &self,
        read: &'a dyn Read,
        reverse: bool,
    ) -> impl Iterator<Item = Result<Hit<R>>> + use<'a, R> {
        let mut ranges: Vec<_> =
            self.intervals.iter().map(|interval| self.key_range::<R>(interval)).collect();
        if reverse {
            ranges.reverse();
        }
        let by_id = self.field == "id";
        let skip = self.prefix::<R>().build().len();
        ranges.into_iter().flatten().flat_map(move |(start, end)| {
            read.range(&start, end.as_deref(), reverse).map(move |entry| {
                let (key, value) = entry?;
                hit::<R>(key.get(skip..).unwrap_or_default(), value, by_id)
            })
        })
    }

    /// What lies on the way and matches.
    pub(super) fn matching<'a, R: Record>(
        &'a self,
        read: &'a dyn Read,
        plan: &'a Plan<R>,
        reverse: bool,
    ) -> impl Iterator<Item = Result<Hit<R>>> + 'a {
        self.walk::<R>(read, reverse).filter_map(move |hit| match hit {
            Ok(mut hit) => match hit.matches(read, plan, &self.field) {
                Ok(true) => Some(Ok(hit)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error)),
        })
    }

    fn prefix<R: Record>(&self) -> Key {
        over::<R>(&[&self.field]).map_or_else(stored::records::<R>, prefix::<R>)
    }

    /// The keys of an interval; `None` for one that holds none.
    fn key_range<R: Record>(&self, (low, high): &Interval) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let at = |value: &Datum| value.write(self.prefix::<R>()).build();
        let whole = self.prefix::<R>().build();
        let start = match low {
            Bound::Included(value) => at(value),
            Bound::Excluded(value) => prefix_end(&at(value))?,
            Bound::Unbounded => whole.clone(),
        };
        let end = match high {
            Bound::Included(value) => prefix_end(&at(value)),
            Bound::Excluded(value) => Some(at(value)),
            Bound::Unbounded => prefix_end(&whole),
        };
        // An interval like "from Tuesday to Monday" is empty, not a fault.
        end.as_ref().is_none_or(|end| start < *end).then_some((start, end))
    }
}

/// What all conditions on a field together leave of it, but for patterns; `None` where none bounds it.
fn bounds<R: Record>(plan: &Plan<R>, name: &str) -> Option<Vec<Interval>> {
    let on_field = plan.conditions.iter().filter(|condition| condition.field == name);
    let within = on_field.filter_map(|condition| match &condition.test {
        Test::Within(intervals) => Some(intervals.clone()),
        Test::Like(_) => None,
    });
    within.reduce(|all, more| within_both(&all, &more))
}

/// Whether records without a value are among those of an interval: nulls sort last.
fn has_null((_, high): &Interval) -> bool {
    matches!(high, Bound::Unbounded | Bound::Included(Datum::Null))
}

/// What a walk comes across: an index entry, or a record's first piece.
pub(super) struct Hit<R: Record> {
    pub id: R::Id,
    /// The value of the walked field.
    value: Datum,
    first: Option<Arc<[u8]>>,
    record: Option<R>,
}

impl<R: Record> Hit<R> {
    fn record(&mut self, read: &dyn Read) -> Result<&R> {
        if self.record.is_none() {
            let found = match &self.first {
                Some(first) => Some(stored::assemble(read, &self.id, first)?),
                None => stored::get(read, &self.id)?,
            };
            self.record = found;
        }
        self.record.as_ref().ok_or_else(|| damaged::<R>("an entry names no record"))
    }

    /// The record's value of a field.
    pub(super) fn value_of(&mut self, read: &dyn Read, name: &str) -> Result<Datum> {
        let value = field::<R>(name).map(|field| field.value);
        let record = self.record(read)?;
        Ok(value.map_or(Datum::Null, |value| value(record)))
    }

    fn matches(&mut self, read: &dyn Read, plan: &Plan<R>, walked: &str) -> Result<bool> {
        for condition in &plan.conditions {
            let holds = match condition.field.as_str() {
                name if name == walked => condition.test.matches(&self.value),
                "id" => condition.test.matches(&self.id.to_datum()),
                _ => condition.test.matches(&(condition.value)(self.record(read)?)),
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn hit<R: Record>(key: &[u8], found: Arc<[u8]>, by_id: bool) -> Result<Hit<R>> {
    let (value, rest) = Datum::read(key)?;
    let (id, first) = if by_id { (value.clone(), Some(found)) } else { (Datum::read(rest)?.0, None) };
    let id = R::Id::from_datum(&id).ok_or_else(|| damaged::<R>("an entry has no id"))?;
    Ok(Hit { id, value, first, record: None })
}
