//! Listings: which index to walk, and which part of it.
//!
//! The walk goes over the index of the field that is sorted by, bounded by the conditions on that field, and needs no
//! sorting. Only where there is no such bound, but another indexed field has one, that field's index is walked and what
//! it finds is sorted in memory. Records are loaded where a condition cannot be told from the entry, and for the page.

use std::ops::Bound;
use std::sync::Arc;

use crate::Result;
use crate::kv::{Key, prefix_end};
use crate::store::Read;

use super::datum::Datum;
use super::filter::{Condition, Interval, Test};
use super::index::{damaged, field, over, prefix};
use super::page::{ListQuery, Page, Plan};
use super::{Record, RecordId, stored};

/// The page of records that a query asks for.
///
/// # Errors
/// [`crate::Error::Validation`] with all faults of the query.
pub(super) fn list<R: Record>(read: &dyn Read, query: &ListQuery) -> Result<Page<R>> {
    let plan = query.plan::<R>()?;
    let (ids, item_count) = select(read, &plan)?;
    let load = |id: R::Id| stored::get(read, &id)?.ok_or_else(|| damaged::<R>("an entry names no record"));
    let data = ids.into_iter().map(load).collect::<Result<Vec<R>>>()?;
    Ok(Page::new(data, plan.page, plan.page_size, item_count))
}

/// Ids in order, after one, for iteration in bounded steps.
pub(super) fn ids_after<R: Record>(
    read: &dyn Read,
    after: Option<&R::Id>,
    limit: usize,
) -> Result<Vec<R::Id>> {
    let low = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.to_datum()));
    let path = Path { field: "id".to_owned(), intervals: vec![(low, Bound::Unbounded)] };
    walk::<R>(read, &path, false).map(|hit| Ok(hit?.id)).take(limit).collect()
}

/// The ids on the page, and how many records match altogether.
fn select<R: Record>(read: &dyn Read, plan: &Plan<R>) -> Result<(Vec<R::Id>, u64)> {
    let path = Path::choose(plan);
    if plan.conditions.is_empty() {
        return unfiltered(read, plan, &path);
    }
    let start = (plan.page - 1).saturating_mul(plan.page_size);
    let page = start..start.saturating_add(plan.page_size);
    if path.is_ordered(plan) {
        let (mut ids, mut count) = (Vec::new(), 0);
        for hit in matching(read, plan, &path, plan.reverse) {
            let hit = hit?;
            if page.contains(&count) {
                ids.push(hit.id);
            }
            count += 1;
        }
        return Ok((ids, count));
    }
    let sorted = sorted(read, plan, &path)?;
    let count = sorted.len() as u64;
    let on_page = |(place, id): (u64, R::Id)| page.contains(&place).then_some(id);
    Ok(((0..).zip(sorted).filter_map(on_page).collect(), count))
}

/// Every record matches and their number is known: walk to the page from the nearer end, and no further.
fn unfiltered<R: Record>(read: &dyn Read, plan: &Plan<R>, path: &Path) -> Result<(Vec<R::Id>, u64)> {
    let count = stored::count::<R>(read)?;
    let start = (plan.page - 1).saturating_mul(plan.page_size).min(count);
    let end = start.saturating_add(plan.page_size).min(count);
    let from_back = start > count / 2;
    let skip = if from_back { count - end } else { start };
    let [skip, take] = [skip, end - start].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let hits = walk::<R>(read, path, plan.reverse != from_back).skip(skip).take(take);
    let mut ids = hits.map(|hit| Ok(hit?.id)).collect::<Result<Vec<_>>>()?;
    if from_back {
        ids.reverse();
    }
    Ok((ids, count))
}

fn sorted<R: Record>(read: &dyn Read, plan: &Plan<R>, path: &Path) -> Result<Vec<R::Id>> {
    let mut found = Vec::new();
    for hit in matching(read, plan, path, false) {
        let mut hit = hit?;
        let key = if plan.field == "id" { hit.id.to_datum() } else { hit.value_of(read, &plan.field)? };
        found.push((key, hit.id));
    }
    found.sort_unstable();
    if plan.reverse {
        found.reverse();
    }
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// An index to walk (`id`: the records themselves), and the parts of it, in order.
struct Path {
    field: String,
    intervals: Vec<Interval>,
}

impl Path {
    fn choose<R: Record>(plan: &Plan<R>) -> Self {
        let within = |condition: &Condition<R>| match &condition.test {
            Test::Within(intervals) => Some((condition.field.clone(), intervals.clone())),
            Test::Like(_) => None,
        };
        let walkable = |path: &(String, Vec<Interval>)| {
            let (field, intervals) = path;
            let index = over::<R>(&[field]);
            field == "id" || index.is_some_and(|index| !index.sparse || !intervals.iter().any(has_null))
        };
        let sorted_by =
            plan.conditions.iter().filter(|condition| condition.field == plan.field).find_map(within);
        let other = || plan.conditions.iter().filter_map(within).find(walkable);
        let whole = || (plan.field.clone(), vec![(Bound::Unbounded, Bound::Unbounded)]);
        let (field, intervals) = sorted_by.or_else(other).unwrap_or_else(whole);
        Self { field, intervals }
    }

    /// Whether the walk goes in the order that is asked for: records with one value lie in id order.
    fn is_ordered<R: Record>(&self, plan: &Plan<R>) -> bool {
        let one_value = matches!(self.intervals.as_slice(), [(Bound::Included(low), Bound::Included(high))] if low == high);
        self.field == plan.field || (plan.field == "id" && one_value)
    }

    fn prefix<R: Record>(&self) -> Key {
        over::<R>(&[&self.field]).map_or_else(stored::records::<R>, prefix::<R>)
    }
}

/// Whether records without a value are among those of an interval: nulls sort last.
fn has_null((_, high): &Interval) -> bool {
    matches!(high, Bound::Unbounded | Bound::Included(Datum::Null))
}

/// What a walk comes across: an index entry, or a record's first piece.
struct Hit<R: Record> {
    id: R::Id,
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

    fn value_of(&mut self, read: &dyn Read, name: &str) -> Result<Datum> {
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

fn matching<'a, R: Record>(
    read: &'a dyn Read,
    plan: &'a Plan<R>,
    path: &'a Path,
    reverse: bool,
) -> impl Iterator<Item = Result<Hit<R>>> + 'a {
    walk::<R>(read, path, reverse).filter_map(move |hit| match hit {
        Ok(mut hit) => match hit.matches(read, plan, &path.field) {
            Ok(true) => Some(Ok(hit)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        },
        Err(error) => Some(Err(error)),
    })
}

fn walk<'a, R: Record>(
    read: &'a dyn Read,
    path: &Path,
    reverse: bool,
) -> impl Iterator<Item = Result<Hit<R>>> + 'a {
    let mut ranges: Vec<_> = path.intervals.iter().map(|interval| key_range::<R>(path, interval)).collect();
    if reverse {
        ranges.reverse();
    }
    let by_id = path.field == "id";
    let skip = path.prefix::<R>().build().len();
    ranges.into_iter().flatten().flat_map(move |(start, end)| {
        read.range(&start, end.as_deref(), reverse).map(move |entry| {
            let (key, value) = entry?;
            hit::<R>(key.get(skip..).unwrap_or_default(), value, by_id)
        })
    })
}

fn hit<R: Record>(key: &[u8], found: Arc<[u8]>, by_id: bool) -> Result<Hit<R>> {
    let (value, rest) = Datum::read(key)?;
    let (id, first) = if by_id { (value.clone(), Some(found)) } else { (Datum::read(rest)?.0, None) };
    let id = R::Id::from_datum(&id).ok_or_else(|| damaged::<R>("an entry has no id"))?;
    Ok(Hit { id, value, first, record: None })
}

/// The keys of an interval; `None` for one that holds none.
fn key_range<R: Record>(path: &Path, (low, high): &Interval) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let at = |value: &Datum| value.write(path.prefix::<R>()).build();
    let whole = path.prefix::<R>().build();
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
