//! Categories with their products, and campaigns with their prices, against maps in memory: whatever is done to them in
//! whichever order, and however often the database is closed between.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::records::bench::Bench;
use crate::records::{Campaign, CampaignPrice, Category, CategoryProduct};
use crate::{ErrorKind, Result};

const CASES: u32 = 48;
const STEPS: usize = 40;

fn cases() -> ProptestConfig {
    ProptestConfig { cases: CASES, ..ProptestConfig::default() }
}

fn bench() -> Bench {
    Bench::new("2013-06-19T17:41:47Z")
}

/// An id that may be of a record that is there, was there or never was.
fn id() -> impl Strategy<Value = u64> {
    1..9_u64
}

/// A place in an order, or none.
fn place() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(-1..2_i64)
}

/// Places sort as they do in an index: none comes last.
fn rank(place: Option<i64>) -> (bool, Option<i64>) {
    (place.is_none(), place)
}

fn refusal(outcome: Result<Value>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[derive(Debug, Clone)]
enum TreeStep {
    Create { parent: Option<u64>, sort: Option<i64>, external_id: Option<i64> },
    Move { id: u64, parent: Option<u64>, sort: Option<i64> },
    Delete(u64),
    Link { id: u64, product: u64, category_sort: Option<i64>, product_sort: Option<i64> },
    Unlink { id: u64, product: u64 },
    Reopen,
}

fn tree_step() -> impl Strategy<Value = TreeStep> {
    let some_id = || proptest::option::of(id());
    let external_id = proptest::option::of(0..4_i64);
    let product = 1..4_u64;
    prop_oneof![
        4 => (some_id(), place(), external_id)
            .prop_map(|(parent, sort, external_id)| TreeStep::Create { parent, sort, external_id }),
        3 => (id(), some_id(), place()).prop_map(|(id, parent, sort)| TreeStep::Move { id, parent, sort }),
        2 => id().prop_map(TreeStep::Delete),
        4 => (id(), product.clone(), place(), place()).prop_map(|(id, product, category_sort, product_sort)| {
            TreeStep::Link { id, product, category_sort, product_sort }
        }),
        2 => (id(), product).prop_map(|(id, product)| TreeStep::Unlink { id, product }),
        1 => Just(TreeStep::Reopen),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: Option<u64>,
    sort: Option<i64>,
    external_id: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    category_sort: Option<i64>,
    product_sort: Option<i64>,
    /// Which of all links ever made it is.
    number: u64,
}

#[derive(Debug, Default)]
struct Forest {
    nodes: BTreeMap<u64, Node>,
    links: BTreeMap<(u64, u64), Link>,
    last_id: u64,
    last_link: u64,
}

impl Forest {
    fn stands_under(&self, id: u64, above: u64) -> bool {
        id == above || self.nodes[&id].parent.is_some_and(|parent| self.stands_under(parent, above))
    }

    fn children(&self, id: u64) -> Vec<u64> {
        let children = self.nodes.iter().filter(|(_, node)| node.parent == Some(id));
        let mut children: Vec<_> = children.map(|(id, node)| (rank(node.sort), *id)).collect();
        children.sort_unstable();
        children.into_iter().map(|(_, id)| id).collect()
    }

    fn products(&self, id: u64) -> Vec<(u64, Option<i64>, Option<i64>)> {
        let links = self.links.iter().filter(|((category, _), _)| *category == id);
        let mut links: Vec<_> = links
            .map(|((_, product), link)| (rank(link.product_sort), link.number, *product, *link))
            .collect();
        links.sort_unstable_by_key(|(rank, number, ..)| (*rank, *number));
        links
            .into_iter()
            .map(|(_, _, product, link)| (product, link.category_sort, link.product_sort))
            .collect()
    }

    /// Does what the step asks for, or tells why it is refused.
    fn take(&mut self, step: &TreeStep) -> Option<ErrorKind> {
        match *step {
            TreeStep::Create { parent, sort, external_id } => {
                if parent.is_some_and(|parent| !self.nodes.contains_key(&parent)) {
                    return Some(ErrorKind::Validation);
                }
                let taken = |node: &Node| external_id.is_some() && node.external_id == external_id;
                if self.nodes.values().any(taken) {
                    return Some(ErrorKind::Conflict);
                }
                self.last_id += 1;
                self.nodes.insert(self.last_id, Node { parent, sort, external_id });
            }
            TreeStep::Move { id, parent, sort } => {
                let Some(node) = self.nodes.get(&id).copied() else { return Some(ErrorKind::NotFound) };
                let wrong = |parent: u64| !self.nodes.contains_key(&parent) || self.stands_under(parent, id);
                if parent.is_some_and(wrong) {
                    return Some(ErrorKind::Validation);
                }
                self.nodes.insert(id, Node { parent, sort, ..node });
            }
            TreeStep::Delete(id) => {
                if !self.nodes.contains_key(&id) {
                    return Some(ErrorKind::NotFound);
                }
                if !self.children(id).is_empty() {
                    return Some(ErrorKind::Conflict);
                }
                self.nodes.remove(&id);
                self.links.retain(|(category, _), _| *category != id);
            }
            TreeStep::Link { id, product, category_sort, product_sort } => {
                if !self.nodes.contains_key(&id) {
                    return Some(ErrorKind::NotFound);
                }
                self.last_link += u64::from(!self.links.contains_key(&(id, product)));
                let new = Link { category_sort: None, product_sort: None, number: self.last_link };
                let link = self.links.entry((id, product)).or_insert(new);
                link.category_sort = category_sort.or(link.category_sort);
                link.product_sort = product_sort.or(link.product_sort);
            }
            TreeStep::Unlink { id, product } => {
                let found = self.links.remove(&(id, product));
                return found.is_none().then_some(ErrorKind::NotFound);
            }
            TreeStep::Reopen => {}
        }
        None
    }

    fn check(&self, bench: &Bench) {
        let categories = bench.of::<Category>();
        let all: Vec<Category> = categories.iter().collect::<Result<_>>().unwrap();
        assert_eq!(
            all.iter().map(|one| one.id).collect::<Vec<_>>(),
            self.nodes.keys().copied().collect::<Vec<_>>()
        );
        for one in all {
            let node = self.nodes[&one.id];
            assert_eq!(
                (one.parent_id, one.parent_sort, one.external_id),
                (node.parent, node.sort, node.external_id)
            );
            let children: Vec<u64> =
                categories.children(one.id).unwrap().iter().map(|child| child.id).collect();
            assert_eq!(children, self.children(one.id), "children of {}", one.id);
            let products = categories.products(one.id).unwrap();
            let products: Vec<_> = products
                .iter()
                .map(|link| (link.product_id, link.category_sort, link.product_sort))
                .collect();
            assert_eq!(products, self.products(one.id), "products of {}", one.id);
            if let Some(external_id) = node.external_id {
                assert_eq!(categories.get_by_external_id(external_id).unwrap().id, one.id);
            }
        }
        assert_eq!(bench.of::<CategoryProduct>().len().unwrap(), self.links.len() as u64);
        bench.check();
    }
}

fn take_tree_step(bench: Bench, step: &TreeStep) -> (Bench, Option<ErrorKind>) {
    let call = |verb: &str, arguments: Value| refusal(bench.call("categories", verb, arguments));
    let refusal = match step {
        TreeStep::Create { parent, sort, external_id } => {
            let fields =
                json!({"name": "a", "parent_id": parent, "parent_sort": sort, "external_id": external_id});
            call("create", fields)
        }
        TreeStep::Move { id, parent, sort } => {
            call("update", json!({"id": id, "parent_id": parent, "parent_sort": sort}))
        }
        TreeStep::Delete(id) => call("delete", json!({"id": id})),
        TreeStep::Link { id, product, category_sort, product_sort } => {
            let arguments = json!({
                "id": id, "product_id": product, "category_sort": category_sort, "product_sort": product_sort
            });
            call("link_product", arguments)
        }
        TreeStep::Unlink { id, product } => call("unlink_product", json!({"id": id, "product_id": product})),
        TreeStep::Reopen => return (bench.reopen(), None),
    };
    (bench, refusal)
}

#[derive(Debug, Clone)]
enum PriceStep {
    Create,
    Delete(u64),
    Set { id: u64, rows: Vec<Row> },
    Remove { id: u64, row: Row },
    Reopen,
}

/// What stands in a row: product, variation, download, quantity; price in hundredths, order limit.
#[derive(Debug, Clone, Copy)]
struct Row {
    key: (u64, Option<u64>, Option<u64>, Option<u64>),
    cents: u32,
    order_limit: Option<u64>,
}

/// Product, download or 0, variation or 0, quantity: as rows are sorted.
type RowKey = (u64, u64, u64, u64);

impl Row {
    fn key(&self) -> RowKey {
        let (product, variation, download, quantity) = self.key;
        (product, download.unwrap_or(0), variation.unwrap_or(0), quantity.unwrap_or(1))
    }

    fn is_sound(&self) -> bool {
        self.key.1.is_none() || self.key.2.is_none()
    }

    fn to_json(self) -> Value {
        let (product, variation, download, quantity) = self.key;
        json!({
            "product_id": product, "variation_id": variation, "download_id": download, "quantity": quantity,
            "price": format!("{}.{:02}", self.cents / 100, self.cents % 100), "order_limit": self.order_limit,
        })
    }
}

fn row() -> impl Strategy<Value = Row> {
    let some = || proptest::option::weighted(0.3, 1..3_u64);
    let key = (1..4_u64, some(), some(), proptest::option::of(1..3_u64));
    (key, 0..500_u32, some()).prop_map(|(key, cents, order_limit)| Row { key, cents, order_limit })
}

fn price_step() -> impl Strategy<Value = PriceStep> {
    let id = || 1..5_u64;
    prop_oneof![
        2 => Just(PriceStep::Create),
        1 => id().prop_map(PriceStep::Delete),
        5 => (id(), prop::collection::vec(row(), 0..4)).prop_map(|(id, rows)| PriceStep::Set { id, rows }),
        3 => (id(), row()).prop_map(|(id, row)| PriceStep::Remove { id, row }),
        1 => Just(PriceStep::Reopen),
    ]
}

#[derive(Debug, Default)]
struct Prices {
    campaigns: BTreeMap<u64, BTreeMap<RowKey, (u32, Option<u64>)>>,
    last_id: u64,
}

impl Prices {
    /// Does what the step asks for, or tells why it is refused.
    fn take(&mut self, step: &PriceStep) -> Option<ErrorKind> {
        match step {
            PriceStep::Create => {
                self.last_id += 1;
                self.campaigns.insert(self.last_id, BTreeMap::new());
            }
            PriceStep::Delete(id) => {
                return self.campaigns.remove(id).is_none().then_some(ErrorKind::NotFound);
            }
            PriceStep::Set { id, rows } => {
                if !rows.iter().all(Row::is_sound) {
                    return Some(ErrorKind::Validation);
                }
                let Some(prices) = self.campaigns.get_mut(id) else { return Some(ErrorKind::NotFound) };
                let new: BTreeMap<_, _> =
                    rows.iter().map(|row| (row.key(), (row.cents, row.order_limit))).collect();
                if new.len() < rows.len() {
                    return Some(ErrorKind::Validation);
                }
                prices.extend(new);
            }
            PriceStep::Remove { id, row } => {
                if !row.is_sound() {
                    return Some(ErrorKind::Validation);
                }
                let found = self.campaigns.get_mut(id).and_then(|prices| prices.remove(&row.key()));
                return found.is_none().then_some(ErrorKind::NotFound);
            }
            PriceStep::Reopen => {}
        }
        None
    }

    fn check(&self, bench: &Bench) {
        let campaigns = bench.of::<Campaign>();
        assert_eq!(campaigns.len().unwrap(), self.campaigns.len() as u64);
        for (id, prices) in &self.campaigns {
            let found = campaigns.prices(*id).unwrap();
            let found = found.iter().map(|row| {
                let key = (
                    row.key.product_id,
                    row.key.download_id.unwrap_or(0),
                    row.key.variation_id.unwrap_or(0),
                    row.key.quantity,
                );
                (key, (u32::try_from(row.price.micros() / 10_000).unwrap(), row.order_limit))
            });
            assert_eq!(found.collect::<Vec<_>>(), prices.clone().into_iter().collect::<Vec<_>>());
        }
        let count: usize = self.campaigns.values().map(BTreeMap::len).sum();
        assert_eq!(bench.of::<CampaignPrice>().len().unwrap(), count as u64);
        bench.check();
    }
}

fn take_price_step(bench: Bench, step: &PriceStep) -> (Bench, Option<ErrorKind>) {
    let call = |verb: &str, arguments: Value| refusal(bench.call("campaigns", verb, arguments));
    let refusal = match step {
        PriceStep::Create => call("create", json!({})),
        PriceStep::Delete(id) => call("delete", json!({"id": id})),
        PriceStep::Set { id, rows } => {
            let rows: Value = rows.iter().map(|row| row.to_json()).collect();
            call("set_prices", json!({"id": id, "rows": rows}))
        }
        PriceStep::Remove { id, row } => call("remove_price", json!({"id": id, "row": row.to_json()})),
        PriceStep::Reopen => return (bench.reopen(), None),
    };
    (bench, refusal)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn categories_do_what_the_model_does(steps in prop::collection::vec(tree_step(), 1..STEPS)) {
        let (mut bench, mut model) = (bench(), Forest::default());
        for step in &steps {
            let refusal;
            (bench, refusal) = take_tree_step(bench, step);
            prop_assert_eq!(refusal, model.take(step), "{:?}", step);
            model.check(&bench);
        }
    }

    #[test]
    fn prices_do_what_the_model_does(steps in prop::collection::vec(price_step(), 1..STEPS)) {
        let (mut bench, mut model) = (bench(), Prices::default());
        for step in &steps {
            let refusal;
            (bench, refusal) = take_price_step(bench, step);
            prop_assert_eq!(refusal, model.take(step), "{:?}", step);
            model.check(&bench);
        }
    }
}
