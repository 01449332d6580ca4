//! Listings of the random world that are asked for again and again: what they remember must never be stale.

use serde_json::{Value, json};

use super::bench::Bench;
use super::world_test::{COLLECTIONS, Dice, Twin, id_of};

/// A listing that is asked for again and again, so that what was found last time is remembered when records change.
pub(super) struct Question {
    pub(super) collection: &'static str,
    /// What it is filtered by, if it is.
    only: Option<(&'static str, Value)>,
    /// What it is sorted by, and whether from the end.
    pub(super) by: &'static str,
    reverse: bool,
    pub(super) page_size: usize,
}

/// As values sort: numbers and texts in their order, nulls last.
fn place(value: &Value) -> (u8, u64, String) {
    let rank = match value {
        Value::Null => 2,
        Value::String(_) => 1,
        _ => 0,
    };
    let number = value.as_u64().or(value.as_bool().map(u64::from)).unwrap_or(0);
    (rank, number, value.as_str().unwrap_or_default().to_owned())
}

impl Question {
    pub(super) fn new(dice: &mut Dice, twin: &Twin) -> Self {
        let (collection, fields) = *dice.pick(&COLLECTIONS);
        let field = *dice.pick(fields);
        // As an argument this one says by what to sort; and few products have these, so that no order is kept.
        let unfit = |field: &str| matches!(field, "sort" | "sku" | "parent_id");
        let value = twin.of(collection).next().map_or(Value::Null, |record| record[field].clone());
        let only = (!dice.one_in(4) && !unfit(field)).then_some((field, value));
        let sorts: Vec<_> =
            fields.iter().copied().filter(|field| !unfit(field) && *field != "code").collect();
        let by = if sorts.is_empty() || dice.one_in(3) { "id" } else { *dice.pick(&sorts) };
        Self { collection, only, by, reverse: dice.one_in(2), page_size: 1 + dice.below(4) }
    }

    /// The ids of what is to be found, in order.
    pub(super) fn wanted(&self, twin: &Twin) -> Vec<Value> {
        let is_meant =
            |record: &&Value| self.only.as_ref().is_none_or(|(field, value)| record[*field] == *value);
        let mut found: Vec<_> = twin.of(self.collection).filter(is_meant).collect();
        let id = |record: &Value| id_of(self.collection, record);
        let key = |record: &Value| if self.by == "id" { id(record) } else { record[self.by].clone() };
        found.sort_by_key(|record| (place(&key(record)), place(&id(record))));
        if self.reverse {
            found.reverse();
        }
        found.into_iter().map(id).collect()
    }

    pub(super) fn page(&self, bench: &Bench, page: usize) -> Value {
        let order = if self.reverse { "desc" } else { "asc" };
        let mut query =
            json!({"page": page, "page_size": self.page_size, "sort": format!("{}-{order}", self.by)});
        if let Some((field, value)) = &self.only {
            query[*field] = value.clone();
        }
        bench.call(self.collection, "list", query).unwrap()
    }
}
