//! Listings: which index to walk, and which part of it.
//!
//! The walk goes over the index of the field that is sorted by, bounded by the conditions on that field, and needs no
//! sorting. Where there is no such bound, but another indexed field has one, that field's index may be walked and what
//! it finds sorted in memory. Records are loaded where a condition cannot be told from the entry, and for the page.
//!
//! A page says how many records match. Where the entries alone tell, they are counted as keys, which is quick; with the
//! number known, a walk begins at the nearer end and stops behind the page. Where records must be looked at, the fields
//! that are asked for are looked up in memory instead (`table.rs`), and what was found is remembered (`known.rs`).

use std::collections::BTreeSet;

use crate::Result;
use crate::store::Read;

use super::index::{damaged, field};
use super::known::{Asked, Known, ORDER_MAX};
use super::page::{ListQuery, Page, Plan};
use super::path::Path;
use super::table::Found;
use super::{Datum, Record, RecordId, stored};

/// The page of records that a query asks for, from a snapshot.
///
/// # Errors
/// [`crate::Error::Validation`] with all faults of the query.
pub(super) fn list<R: Record>(read: &dyn Read, known: &Known, query: &ListQuery) -> Result<Page<R>> {
    let plan = query.plan::<R>()?;
    let (ids, item_count) = select(read, known, &plan)?;
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
    Path::after::<R>(after).walk::<R>(read, false).map(|hit| Ok(hit?.id)).take(limit).collect()
}

/// The ids on the page, and how many records match altogether.
fn select<R: Record>(read: &dyn Read, known: &Known, plan: &Plan<R>) -> Result<(Vec<R::Id>, u64)> {
    let total = stored::count::<R>(read)?;
    if plan.conditions.is_empty() {
        return window(read, plan, &Path::sorted(plan), total);
    }
    let asked = known.of(read, plan)?;
    if let Some(order) = asked.order() {
        return Ok((on_page::<R>(plan, &order)?, order.len() as u64));
    }
    if let Some((order, changed)) = asked.earlier_order() {
        return keep(plan, &asked, caught_up(read, plan, &order, changed)?);
    }
    let path = Path::choose(plan);
    if !path.tells_all(plan)
        && !path.is_short::<R>(read)?
        && let Some(found) = asked.find(read, plan)?
    {
        return told(read, plan, &asked, found);
    }
    let Some(count) = count(read, plan, &path, &asked)? else { return gather(read, plan, &path, &asked) };
    if path.is_ordered(plan) {
        return window(read, plan, &path, count);
    }
    // Records are loaded either way: those that match to be sorted, or in order until the page is full, which is to be
    // expected after as many as the matches lie apart.
    let reach = Window::new(plan, count).reach();
    let apart = total.checked_div(count).unwrap_or(0).saturating_add(1);
    if reach.saturating_mul(apart) < count {
        window(read, plan, &Path::sorted(plan), count)
    } else {
        gather(read, plan, &path, &asked)
    }
}

/// The page of what a table has found.
fn told<R: Record>(
    read: &dyn Read,
    plan: &Plan<R>,
    asked: &Asked<'_>,
    found: Found,
) -> Result<(Vec<R::Id>, u64)> {
    match found {
        Found::Order(order) => keep(plan, asked, order),
        Found::Page(ids, count) => Ok((typed::<R>(&ids)?, count)),
        Found::Near(order, changed) => keep(plan, asked, caught_up(read, plan, &order, changed)?),
    }
}

/// How many records match, where that is known or can be told without looking at them.
fn count<R: Record>(read: &dyn Read, plan: &Plan<R>, path: &Path, asked: &Asked<'_>) -> Result<Option<u64>> {
    if let Some(count) = asked.count() {
        return Ok(Some(count));
    }
    if !path.tells_all(plan) {
        return Ok(None);
    }
    let count = path.count::<R>(read)?;
    asked.note(count, None);
    Ok(Some(count))
}

/// Where a page lies among so many records, seen from the nearer end.
struct Window {
    from_back: bool,
    skip: u64,
    take: u64,
}

impl Window {
    fn new<R>(plan: &Plan<R>, count: u64) -> Self {
        let start = (plan.page - 1).saturating_mul(plan.page_size).min(count);
        let end = start.saturating_add(plan.page_size).min(count);
        let from_back = start > count / 2;
        Self { from_back, skip: if from_back { count - end } else { start }, take: end - start }
    }

    /// How many matches a walk comes across.
    fn reach(&self) -> u64 {
        self.skip + self.take
    }
}

/// Their number is known: walks to the page in order, from the nearer end, and no further.
fn window<R: Record>(read: &dyn Read, plan: &Plan<R>, path: &Path, count: u64) -> Result<(Vec<R::Id>, u64)> {
    let window = Window::new(plan, count);
    let [skip, take] = [window.skip, window.take].map(as_usize);
    let hits = path.matching(read, plan, plan.reverse != window.from_back).skip(skip).take(take);
    let mut ids = hits.map(|hit| Ok(hit?.id)).collect::<Result<Vec<_>>>()?;
    if window.from_back {
        ids.reverse();
    }
    Ok((ids, count))
}

/// Looks at all that may match, and remembers what it finds.
fn gather<R: Record>(
    read: &dyn Read,
    plan: &Plan<R>,
    path: &Path,
    asked: &Asked<'_>,
) -> Result<(Vec<R::Id>, u64)> {
    if !path.is_ordered(plan) {
        return keep(plan, asked, sorted(read, plan, path)?);
    }
    let start = (plan.page - 1).saturating_mul(plan.page_size);
    let page = start..start.saturating_add(plan.page_size);
    let (mut ids, mut order, mut count) = (Vec::new(), Some(Vec::new()), 0);
    for hit in path.matching(read, plan, plan.reverse) {
        let id = hit?.id;
        order = order.filter(|order| order.len() < ORDER_MAX);
        order.iter_mut().for_each(|order| order.push(id.to_datum()));
        if page.contains(&count) {
            ids.push(id);
        }
        count += 1;
    }
    asked.note(count, order);
    Ok((ids, count))
}

/// Remembers an order, and gives its page.
fn keep<R: Record>(plan: &Plan<R>, asked: &Asked<'_>, order: Vec<Datum>) -> Result<(Vec<R::Id>, u64)> {
    let (ids, count) = (on_page::<R>(plan, &order)?, order.len() as u64);
    asked.note(count, Some(order));
    Ok((ids, count))
}

/// An order that was found some changes ago, as it is now that these records are not what they were.
fn caught_up<R: Record>(
    read: &dyn Read,
    plan: &Plan<R>,
    order: &[Datum],
    changed: Vec<Datum>,
) -> Result<Vec<Datum>> {
    let changed: BTreeSet<Datum> = changed.into_iter().collect();
    let mut order: Vec<Datum> = order.iter().filter(|id| !changed.contains(*id)).cloned().collect();
    for id in changed {
        let Some(record) = record_of::<R>(read, &id)? else { continue };
        if plan.conditions.iter().all(|condition| condition.test.matches(&(condition.value)(&record))) {
            let place = place(read, plan, &order, &(value(plan, &record), id.clone()))?;
            order.insert(place, id);
        }
    }
    Ok(order)
}

/// Where a record belongs in an order, by its value of the field that is sorted by and its id.
fn place<R: Record>(read: &dyn Read, plan: &Plan<R>, order: &[Datum], key: &(Datum, Datum)) -> Result<usize> {
    let (mut low, mut high) = (0, order.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let Some(id) = order.get(middle) else { break };
        let record =
            record_of::<R>(read, id)?.ok_or_else(|| damaged::<R>("a record that was listed is gone"))?;
        if ((value(plan, &record), id.clone()) < *key) != plan.reverse {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn record_of<R: Record>(read: &dyn Read, id: &Datum) -> Result<Option<R>> {
    let id = R::Id::from_datum(id).ok_or_else(|| damaged::<R>("an entry has no id"))?;
    stored::get(read, &id)
}

/// A record's value of the field that is sorted by.
fn value<R: Record>(plan: &Plan<R>, record: &R) -> Datum {
    field::<R>(&plan.field).map_or(Datum::Null, |field| (field.value)(record))
}

fn sorted<R: Record>(read: &dyn Read, plan: &Plan<R>, path: &Path) -> Result<Vec<Datum>> {
    let mut found = Vec::new();
    for hit in path.matching(read, plan, false) {
        let mut hit = hit?;
        let id = hit.id.to_datum();
        let key = if plan.field == "id" { id.clone() } else { hit.value_of(read, &plan.field)? };
        found.push((key, id));
    }
    found.sort_unstable();
    if plan.reverse {
        found.reverse();
    }
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

fn on_page<R: Record>(plan: &Plan<R>, order: &[Datum]) -> Result<Vec<R::Id>> {
    typed::<R>(plan.on_page(order))
}

fn typed<R: Record>(ids: &[Datum]) -> Result<Vec<R::Id>> {
    ids.iter().map(|id| R::Id::from_datum(id).ok_or_else(|| damaged::<R>("an entry has no id"))).collect()
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
