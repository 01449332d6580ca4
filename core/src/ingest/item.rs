//! What a report sells: each item with what its newest row says of it. Gathered while rows are staged, from the codes of
//! their dictionaries, so that it costs next to nothing a row.

use std::mem;

use hashbrown::{Equivalent, HashMap};

use super::item_key::{APPLE_IDENTIFIER, says};
use super::{ItemCodes, ItemKey, StoreKind, is_mark};
use crate::column::{Batch, Column};

/// Items of one report that are taken note of. The rows of any further ones are stored like all others but get no
/// product: no catalogue is that large, but a file may be.
const ITEMS_MAX: usize = 200_000;

/// An item of some reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// As it stands in the rows.
    pub sku: String,
    /// The day of the newest row, since 1970; none where no row has a date. What follows is as that row has it.
    pub date: Option<i64>,
    /// The app that an in-app item belongs to, by its SKU.
    pub parent_sku: Option<String>,
    /// The title of the app.
    pub title: Option<String>,
    /// The name of the in-app item.
    pub item_name: Option<String>,
    /// The store's own text for what was sold.
    pub item_type: Option<String>,
    /// The store's own identifier (ASIN, Apple Identifier) of the newest row that has one.
    pub store_id: Option<String>,
}

/// The text columns of an item beside its SKU, in the order of [`Item`]'s fields.
const TEXTS: [&str; 4] = ["parent_sku", "title", "item_name", "item_type"];

/// The column of the store's own identifier.
fn store_id_column(batch: &Batch, store: StoreKind) -> Option<&Column> {
    let wanted = match store {
        StoreKind::Amazon => "asin",
        StoreKind::Apple => APPLE_IDENTIFIER,
        // Google's own identifier is the SKU.
        StoreKind::GooglePlay => return None,
    };
    column_where(batch, |name| says(name, wanted))
}

fn column_where(batch: &Batch, is_wanted: impl Fn(&str) -> bool) -> Option<&Column> {
    let place = batch.fields.iter().position(|field| is_wanted(&field.name))?;
    batch.columns.get(place)
}

/// An [`ItemKey`] that is kept.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    sku: String,
    mark: Option<String>,
}

impl Key {
    fn as_key(&self) -> ItemKey<'_> {
        ItemKey { sku: &self.sku, mark: self.mark.as_deref() }
    }
}

/// Both hash alike: their fields are the same texts in the same order.
impl Equivalent<Key> for ItemKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.as_key()
    }
}

/// The items met so far.
#[derive(Debug, Default)]
pub struct Items {
    by_key: HashMap<Key, Item>,
}

impl Items {
    /// Notes what the rows of a batch sell.
    pub fn add<'a>(&mut self, batch: &'a Batch, store: StoreKind) {
        let (Some(skus), Some(dates)) = (batch.column("sku"), batch.column("date")) else { return };
        let texts = TEXTS.map(|name| batch.column(name));
        let store_id = store_id_column(batch, store);
        let marks = column_where(batch, |name| is_mark(store, name));
        let rows = if store.has_unique_skus() {
            newest_rows(skus, dates)
        } else {
            let items = ItemCodes::new(store, skus, marks);
            newest_by_code(items.keys.len(), dated(items.codes.iter(), dates))
        };
        for row in rows {
            let Some(sku) = skus.text(row) else { continue };
            let key = ItemKey::of(store, sku, marks.and_then(|marks| marks.text(row)));
            // Some stores write a blank for nothing.
            let text = |column: Option<&'a Column>| {
                column.and_then(|column| column.text(row)).filter(|text| !text.trim().is_empty())
            };
            // Only a number is a number of Apple's.
            let own = if store == StoreKind::Apple { key.mark } else { text(store_id) };
            self.note(key, dates.int(row), texts.map(text), own);
        }
    }

    fn note(
        &mut self,
        key: ItemKey<'_>,
        date: Option<i64>,
        texts: [Option<&str>; 4],
        store_id: Option<&str>,
    ) {
        let Some(item) = self.by_key.get_mut(&key) else {
            if self.by_key.len() < ITEMS_MAX {
                let kept = Key { sku: key.sku.to_owned(), mark: key.mark.map(str::to_owned) };
                self.by_key.insert(kept, Item::new(key.sku, date, texts, store_id));
            }
            return;
        };
        let is_newer = date >= item.date;
        if is_newer {
            item.date = date;
            item.fields().into_iter().zip(texts).for_each(|(field, text)| keep(field, text));
        }
        if store_id.is_some() && (is_newer || item.store_id.is_none()) {
            keep(&mut item.store_id, store_id);
        }
    }

    /// Takes in the items of a later report, or of a later part of this one.
    pub fn merge(&mut self, other: Self) {
        if self.by_key.is_empty() {
            *self = other;
            return;
        }
        for (key, item) in other.by_key {
            let Item { date, parent_sku, title, item_name, item_type, store_id, .. } = &item;
            let texts = [parent_sku, title, item_name, item_type].map(|text| text.as_deref());
            self.note(key.as_key(), *date, texts, store_id.as_deref());
        }
    }

    /// All items by key, leaving none.
    pub fn take(&mut self) -> Vec<Item> {
        let mut items: Vec<(Key, Item)> = mem::take(&mut self.by_key).into_iter().collect();
        items.sort_unstable_by(|(a, _), (b, _)| a.as_key().cmp(&b.as_key()));
        items.into_iter().map(|(_, item)| item).collect()
    }
}

impl Item {
    /// What it is known by at its store.
    pub fn key(&self, store: StoreKind) -> ItemKey<'_> {
        let mark = match store {
            StoreKind::Apple => &self.store_id,
            StoreKind::GooglePlay | StoreKind::Amazon => &self.parent_sku,
        };
        ItemKey::of(store, &self.sku, mark.as_deref())
    }

    fn new(sku: &str, date: Option<i64>, texts: [Option<&str>; 4], store_id: Option<&str>) -> Self {
        let [parent_sku, title, item_name, item_type] = texts.map(|text| text.map(str::to_owned));
        let store_id = store_id.map(str::to_owned);
        Self { sku: sku.to_owned(), date, parent_sku, title, item_name, item_type, store_id }
    }

    fn fields(&mut self) -> [&mut Option<String>; 4] {
        [&mut self.parent_sku, &mut self.title, &mut self.item_name, &mut self.item_type]
    }
}

/// Mostly a text is what it was.
fn keep(field: &mut Option<String>, text: Option<&str>) {
    if field.as_deref() != text {
        *field = text.map(str::to_owned);
    }
}

/// One row of each SKU: the one of the latest date, of equals the last.
fn newest_rows(skus: &Column, dates: &Column) -> Vec<usize> {
    let date = |row: usize| dates.int(row).unwrap_or(i64::MIN);
    match (skus, dates) {
        (Column::Coded { dictionary, codes }, Column::Int { values, nulls: None }) => {
            newest_by_code(dictionary.len(), codes.iter().zip(values).map(|(&code, &date)| (code, date)))
        }
        (Column::Coded { dictionary, codes }, _) => {
            newest_by_code(dictionary.len(), dated(codes.iter(), dates))
        }
        (skus, _) => {
            let mut newest: HashMap<&str, (i64, usize)> = HashMap::new();
            for row in 0..skus.len() {
                let Some(sku) = skus.text(row) else { continue };
                let place = newest.entry(sku).or_insert((i64::MIN, row));
                *place = (*place).max((date(row), row));
            }
            newest.into_values().map(|(_, row)| row).collect()
        }
    }
}

/// Each row's code with its date.
fn dated<'a>(codes: impl Iterator<Item = &'a u32>, dates: &Column) -> impl Iterator<Item = (u32, i64)> {
    codes.enumerate().map(|(row, &code)| (code, dates.int(row).unwrap_or(i64::MIN)))
}

/// As [`newest_rows`]; a null's code lies outside the dictionary.
fn newest_by_code(codes: usize, rows: impl Iterator<Item = (u32, i64)>) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let mut newest = vec![(i64::MIN, NONE); codes];
    for (row, (code, date)) in rows.enumerate() {
        if let Some(place) = newest.get_mut(code as usize)
            && date >= place.0
        {
            *place = (date, row);
        }
    }
    newest.into_iter().map(|(_, row)| row).filter(|&row| row != NONE).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::column::{Field, Type};
    use crate::ingest::item_key::tests::{coded, plain};

    type Rows<'a> = [(Option<&'a str>, i64, &'a str, Option<&'a str>)];

    /// Rows of SKU, date, title and ASIN.
    fn batch(rows: &Rows<'_>, text: fn(&[Option<&str>]) -> Column) -> Batch {
        let fields = ["sku", "title", "ASIN"].map(|name| Field::new(name, Type::Text));
        let fields: Arc<[Field]> = fields.into_iter().chain([Field::new("date", Type::Int)]).collect();
        let skus: Vec<_> = rows.iter().map(|row| row.0).collect();
        let titles: Vec<_> = rows.iter().map(|row| Some(row.2)).collect();
        let asins: Vec<_> = rows.iter().map(|row| row.3).collect();
        let dates = Column::Int { values: rows.iter().map(|row| row.1).collect(), nulls: None };
        let columns = vec![text(&skus), text(&titles), text(&asins), dates];
        Batch { rows: rows.len(), fields, columns }
    }

    /// SKU, date, title and ASIN.
    type Told = (String, Option<i64>, Option<String>, Option<String>);

    fn told(items: &mut Items) -> Vec<Told> {
        items.take().into_iter().map(|item| (item.sku, item.date, item.title, item.store_id)).collect()
    }

    fn item(sku: &str, date: i64, title: &str, asin: Option<&str>) -> Told {
        (sku.to_owned(), Some(date), Some(title.to_owned()), asin.map(str::to_owned))
    }

    #[test]
    fn the_newest_row_of_a_sku_counts() {
        let rows: &Rows<'_> = &[
            (Some("a"), 5, "A five", Some("B1")),
            (Some("b"), 5, "B first", None),
            (Some("a"), 4, "A four", None),
            (None, 9, "nothing", None),
            (Some("b"), 5, "B last", None),
        ];
        for text in [coded, plain] {
            let mut items = Items::default();
            items.add(&batch(rows, text), StoreKind::Amazon);
            assert_eq!(told(&mut items), [item("a", 5, "A five", Some("B1")), item("b", 5, "B last", None)]);
        }
    }

    #[test]
    fn batches_and_reports_merge_by_date() {
        let mut items = Items::default();
        items.add(&batch(&[(Some("a"), 5, "five", Some("B1"))], coded), StoreKind::Amazon);
        items.add(&batch(&[(Some("a"), 3, "three", Some("B0"))], coded), StoreKind::Amazon);
        let mut later = Items::default();
        later.add(
            &batch(&[(Some("a"), 7, "seven", None), (Some("c"), 1, "C", None)], coded),
            StoreKind::Amazon,
        );
        items.merge(later);
        assert_eq!(told(&mut items), [item("a", 7, "seven", Some("B1")), item("c", 1, "C", None)]);
        assert_eq!(items.take(), []);
    }

    #[test]
    fn an_identifier_is_its_own_stores() {
        let mut items = Items::default();
        items.add(&batch(&[(Some("a"), 5, "five", Some("B1"))], coded), StoreKind::Apple);
        assert_eq!(told(&mut items), [item("a", 5, "five", None)]);
    }

    /// Rows of one day with these columns.
    fn of_columns(columns: &[(&str, &[Option<&str>])], text: fn(&[Option<&str>]) -> Column) -> Batch {
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        let names = columns.iter().map(|(name, _)| Field::new(*name, Type::Text));
        let fields = names.chain([Field::new("date", Type::Int)]).collect();
        let dates = Column::Int { values: vec![5; rows], nulls: None };
        let columns = columns.iter().map(|(_, values)| text(values)).chain([dates]).collect();
        Batch { rows, fields, columns }
    }

    #[test]
    fn an_apple_item_has_its_number_and_its_parent() {
        let columns: &[(&str, &[Option<&str>])] = &[
            ("sku", &[Some("fob"), Some("gold")]),
            ("parent_sku", &[Some(" "), Some("fob")]),
            ("title", &[Some("Fob Finder"), Some("Gold")]),
            ("item_name", &[None, Some("")]),
            ("item_type", &[Some("1F"), Some("IA1")]),
            ("Apple Identifier", &[Some("300101010"), Some(" ")]),
        ];
        for text in [coded, plain] {
            let mut items = Items::default();
            items.add(&of_columns(columns, text), StoreKind::Apple);
            let [fob, gold] = items.take().try_into().unwrap();
            assert_eq!((fob.parent_sku, fob.store_id.as_deref()), (None, Some("300101010")));
            assert_eq!(
                (gold.parent_sku.as_deref(), gold.store_id, gold.item_name),
                (Some("fob"), None, None)
            );
            assert_eq!([fob.item_type, gold.item_type].map(Option::unwrap), ["1F", "IA1"]);
        }
    }

    #[test]
    fn a_google_item_is_called_by_its_sku_alone() {
        let columns: &[(&str, &[Option<&str>])] = &[
            ("sku", &[Some("com.rdio"), Some("monthly")]),
            ("parent_sku", &[None, Some("com.rdio")]),
            ("title", &[Some("Rdio"), Some("Monthly (Rdio)")]),
            ("item_type", &[Some("paidapp"), Some("subscription")]),
            ("ASIN", &[Some("B001"), None]),
        ];
        let mut items = Items::default();
        items.add(&of_columns(columns, coded), StoreKind::GooglePlay);
        let [app, monthly] = items.take().try_into().unwrap();
        assert_eq!((app.parent_sku, app.store_id), (None, None));
        assert_eq!((monthly.parent_sku.as_deref(), monthly.store_id), (Some("com.rdio"), None));
    }

    #[test]
    fn two_apps_items_of_one_sku_are_two() {
        let columns: &[(&str, &[Option<&str>])] = &[
            ("sku", &[Some("premium"), Some("premium"), Some("premium"), None]),
            ("parent_sku", &[Some("com.b"), Some("com.a"), Some("com.b"), Some("com.a")]),
            ("title", &[Some("Old B"), Some("A"), Some("B"), Some("none")]),
        ];
        let told = |items: &mut Items| -> Vec<_> {
            items.take().into_iter().map(|item| (item.parent_sku.unwrap(), item.title.unwrap())).collect()
        };
        for text in [coded, plain] {
            let batch = of_columns(columns, text);
            let mut items = Items::default();
            items.add(&batch, StoreKind::GooglePlay);
            let mut all = Items::default();
            all.add(&of_columns(&[("sku", &[Some("com.a")])], text), StoreKind::GooglePlay);
            all.merge(items);
            let mut all = all.take();
            all.retain(|item| item.sku == "premium");
            let of_item = |item: Item| (item.parent_sku.unwrap(), item.title.unwrap());
            let found: Vec<_> = all.into_iter().map(of_item).collect();
            assert_eq!(found, [("com.a", "A"), ("com.b", "B")].map(|(a, b)| (a.to_owned(), b.to_owned())));
            // Elsewhere a parent names nothing.
            let mut apples = Items::default();
            apples.add(&batch, StoreKind::Apple);
            assert_eq!(told(&mut apples), [("com.b".to_owned(), "B".to_owned())]);
        }
    }

    #[test]
    fn apples_items_of_one_sku_are_told_by_their_numbers() {
        let columns: &[(&str, &[Option<&str>])] = &[
            ("sku", &[Some("fob"); 5]),
            ("title", &[Some("Old"), Some("Theirs"), Some("Ours"), Some("None"), Some("Stars")]),
            ("Apple Identifier", &[Some("300"), Some("301"), Some("300 "), None, Some("***")]),
        ];
        for text in [coded, plain] {
            let mut items = Items::default();
            items.add(&of_columns(columns, text), StoreKind::Apple);
            let told = |item: Item| (item.store_id, item.title.unwrap());
            let found: Vec<_> = items.take().into_iter().map(told).collect();
            let item = |id: Option<&str>, title: &str| (id.map(str::to_owned), title.to_owned());
            let expected = [item(None, "Stars"), item(Some("300"), "Ours"), item(Some("301"), "Theirs")];
            assert_eq!(found, expected);
        }
    }
}
