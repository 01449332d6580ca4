use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ErrorKind;
use crate::records::bench::Bench;

fn bench() -> Bench {
    Bench::new("2026-03-01T00:00:00Z")
}

/// So many products, from id 1 on.
fn stocked(count: usize) -> Bench {
    let bench = bench();
    (0..count).for_each(|_| assert_ne!(add(&bench, "apple"), 0));
    bench
}

fn add(bench: &Bench, store: &str) -> u64 {
    let is_taken = |name: &String| bench.of::<Product>().get_by_store(store, name).is_ok();
    let name = (0..).map(|number| format!("app{number}")).find(|name| !is_taken(name));
    let made = bench.create("products", json!({"store": store, "vendor_identifier": name, "name": "App"}));
    made["id"].as_u64().unwrap()
}

fn ids(products: &[Product]) -> Vec<u64> {
    products.iter().map(|product| product.id).collect()
}

fn group_of(bench: &Bench, id: u64) -> Vec<u64> {
    ids(&bench.of::<Product>().group(id).unwrap())
}

/// All groups, as reports learn of them.
fn all_groups(bench: &Bench) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    let mut note = |members: &BTreeSet<u64>| all.push(members.iter().copied().collect());
    bench.of::<Product>().read(|context| groups(context.read, &mut note)).unwrap();
    all
}

#[test]
fn linking_makes_one_group_of_all_that_meet() {
    let bench = stocked(6);
    let products = bench.of::<Product>();
    assert_eq!(group_of(&bench, 4), [4]);
    assert_eq!(ids(&products.link([6, 4]).unwrap()), [4, 6]);
    assert_eq!(ids(&products.link([2, 3]).unwrap()), [2, 3]);
    assert_eq!(all_groups(&bench), [[2, 3], [4, 6]]);
    assert_eq!(ids(&products.link([6, 3, 1]).unwrap()), [1, 2, 3, 4, 6]);
    assert_eq!(all_groups(&bench), [[1, 2, 3, 4, 6]]);
    assert_eq!((group_of(&bench, 3), group_of(&bench, 5)), (vec![1, 2, 3, 4, 6], vec![5]));
    bench.check();
}

#[test]
fn a_group_is_called_by_its_lowest_product_as_long_as_that_is_in_it() {
    let bench = stocked(3);
    let products = bench.of::<Product>();
    products.link([1, 2, 3]).unwrap();
    let heads = || bench.of::<ProductLink>().iter().map(|link| link.unwrap().group_id).collect::<Vec<_>>();
    assert_eq!(heads(), [1, 1, 1]);
    products.unlink(1).unwrap();
    assert_eq!((heads(), group_of(&bench, 1)), (vec![2, 2], vec![1]));
    products.unlink(1).unwrap();
    products.delete(3).unwrap();
    assert_eq!((heads(), group_of(&bench, 2)), (vec![], vec![2]), "a group of one is none");
    bench.check();
}

#[test]
fn what_cannot_be_linked_is_told() {
    let bench = stocked(2);
    let products = bench.of::<Product>();
    for few in [vec![], vec![1], vec![2, 2]] {
        let Err(Error::Validation { fields }) = products.link(few.clone()) else { panic!("{few:?}") };
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["ids"]);
    }
    for (verb, arguments, field) in [
        ("link", json!({}), "ids"),
        ("link", json!({"ids": 1}), "ids"),
        ("link", json!({"ids": [1, "x"]}), "ids[1]"),
        ("link", json!({"ids": [1, 2], "name": "x"}), "name"),
        ("unlink", json!({}), "id"),
        ("group", json!({"id": 1, "page": 2}), "page"),
    ] {
        let faults = bench.faults("products", verb, arguments);
        assert_eq!(faults.keys().collect::<Vec<_>>(), [field], "{verb}");
    }
    assert_eq!(products.link([1, 9]).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(products.unlink(9).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(products.group(9).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(bench.records.by_name("product_links").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(all_groups(&bench), Vec::<Vec<u64>>::new());
}

#[test]
fn the_verbs_take_ids_in_any_spelling_and_give_products() {
    let bench = stocked(2);
    let given = bench.call("products", "link", json!({"ids": ["2", 1, 2]})).unwrap();
    let shown = |id: u64| bench.get("products", &json!(id));
    assert_eq!(given, json!([shown(1), shown(2)]));
    let group = |id| bench.call("products", "group", json!({"id": id, "meta": true})).unwrap();
    assert_eq!(group(2)[1]["meta"], json!({}));
    assert_eq!(bench.call("products", "unlink", json!({"id": 2})).unwrap(), json!(null));
    assert_eq!(group(2).as_array().unwrap().len(), 1);
}

#[test]
fn groups_leave_and_come_back_with_the_records() {
    let (bench, other) = (stocked(4), bench());
    bench.of::<Product>().link([2, 4]).unwrap();
    bench.of::<Product>().link([1, 3]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (file, again) = (dir.path().join("records.jsonl"), dir.path().join("again.jsonl"));
    assert_eq!(bench.records.export(&file).unwrap(), 8);
    assert_eq!(other.records.import(&file).unwrap(), 8);
    assert_eq!(other.records.import(&file).unwrap(), 0);
    assert_eq!(all_groups(&other), [[1, 3], [2, 4]]);
    other.check();
    other.records.export(&again).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), std::fs::read_to_string(&again).unwrap());
    // Both have changed since: what a file says of a product that is in another group now is refused.
    other.of::<Product>().link([1, 2]).unwrap();
    assert_eq!(other.records.import(&file).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(all_groups(&other), [[1, 2, 3, 4]]);
}

#[test]
fn a_link_without_its_product_links_nothing() {
    let bench = stocked(2);
    let link = |id: u64| {
        let fields = object([(PRODUCT, id.into()), (GROUP, 1.into())]);
        bench.of::<Product>().write(|write, env| machine::create::<ProductLink>(write, env, &fields)).unwrap()
    };
    assert_eq!([1, 7].map(link).map(|link| link.id), [1, 7]);
    assert_eq!((group_of(&bench, 1), all_groups(&bench)), (vec![1], vec![]));
    bench.of::<Product>().link([1, 2]).unwrap();
    assert_eq!((group_of(&bench, 2), all_groups(&bench)), (vec![1, 2], vec![vec![1, 2]]));
}

/// Lines of links, by product and group.
fn lines(links: &[(u64, u64)]) -> String {
    let line = |(id, group): &(u64, u64)| {
        json!({"collection": "product_links", "id": id, "created_at": "2026-01-01T00:00:00Z",
               "updated_at": "2026-01-01T00:00:00Z", "fields": {"group_id": group}})
    };
    links.iter().map(|link| line(link).to_string() + "\n").collect()
}

#[test]
fn a_link_without_its_product_leaves_and_comes_back_and_can_be_undone() {
    let (bench, other) = (stocked(2), bench());
    let dir = tempfile::tempdir().unwrap();
    let (file, again) = (dir.path().join("records.jsonl"), dir.path().join("again.jsonl"));
    std::fs::write(&file, lines(&[(1, 1), (2, 1), (9, 1)])).unwrap();
    assert_eq!(bench.records.import(&file).unwrap(), 3);
    assert_eq!((group_of(&bench, 2), all_groups(&bench)), (vec![1, 2], vec![vec![1, 2]]));
    assert_eq!(add(&bench, "apple"), 10, "the number of a product that may still come");
    assert_eq!(bench.records.export(&file).unwrap(), 6);
    assert_eq!(other.records.import(&file).unwrap(), 6);
    other.records.export(&again).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), std::fs::read_to_string(&again).unwrap());
    bench.check();

    let products = other.of::<Product>();
    products.unlink(1).unwrap();
    assert_eq!(all_groups(&other), Vec::<Vec<u64>>::new());
    products.unlink(9).unwrap();
    assert_eq!(products.unlink(9).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(other.of::<ProductLink>().is_empty().unwrap());
    assert_eq!(products.group(9).unwrap_err().kind(), ErrorKind::NotFound);
    other.check();
}

#[test]
fn what_a_group_is_called_by_is_in_it_also_without_a_link() {
    let bench = stocked(5);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.jsonl");
    std::fs::write(&file, lines(&[(2, 1), (4, 1)])).unwrap();
    assert_eq!(bench.records.import(&file).unwrap(), 2);
    assert_eq!(all_groups(&bench), [[1, 2, 4]]);
    assert_eq!([1, 4].map(|id| group_of(&bench, id)), [[1, 2, 4], [1, 2, 4]]);
    bench.of::<Product>().unlink(1).unwrap();
    assert_eq!((all_groups(&bench), group_of(&bench, 1)), (vec![vec![2, 4]], vec![1]));
    std::fs::write(&file, lines(&[(5, 3)])).unwrap();
    assert_eq!(bench.records.import(&file).unwrap(), 1);
    bench.of::<Product>().link([1, 3]).unwrap();
    assert_eq!(all_groups(&bench), [vec![1, 3, 5], vec![2, 4]]);
    bench.check();
}

#[test]
fn links_that_come_in_are_such_as_linking_makes() {
    let told = |links: &[(u64, u64)]| {
        let bench = stocked(4);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("records.jsonl");
        std::fs::write(&file, lines(links)).unwrap();
        let outcome = bench.records.import(&file).map_err(|error| error.to_string());
        assert_eq!(all_groups(&bench).is_empty(), outcome.is_err());
        outcome.map_err(|text| text.split_once("records.jsonl, ").unwrap().1.to_owned())
    };
    assert_eq!(told(&[(4, 1), (1, 1), (3, 2), (2, 2)]), Ok(4));
    assert_eq!(told(&[(3, 2)]), Ok(1), "product 2 is what the group is called by");
    let higher = "line 1: group_id: is above 1: a group is called by the lowest of its products";
    assert_eq!(told(&[(1, 2), (2, 2)]).unwrap_err(), higher);
    let chain = told(&[(1, 1), (2, 1), (3, 2)]).unwrap_err();
    assert_eq!(chain, "line 3: group_id: no group is called by product 2");
}

#[derive(Debug, Clone)]
enum Step {
    Create,
    Link(Vec<u64>),
    Unlink(u64),
    Delete(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 1..10_u64;
    let step = prop_oneof![
        2 => Just(Step::Create),
        6 => prop::collection::vec(id(), 0..4).prop_map(Step::Link),
        3 => id().prop_map(Step::Unlink),
        2 => id().prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ];
    let beginning = std::iter::repeat_n(Step::Create, 6);
    prop::collection::vec(step, 10..40).prop_map(move |steps| beginning.clone().chain(steps).collect())
}

/// The living products in sets, each in one.
#[derive(Debug, Default)]
struct Twin(Vec<BTreeSet<u64>>);

impl Twin {
    fn has(&self, id: u64) -> bool {
        self.0.iter().any(|set| set.contains(&id))
    }

    /// Takes a product out of its set; whether it was there.
    fn take(&mut self, id: u64) -> bool {
        let found = self.0.iter_mut().any(|set| set.remove(&id));
        self.0.retain(|set| !set.is_empty());
        found
    }

    fn link(&mut self, ids: &[u64]) -> Result<(), ErrorKind> {
        if ids.iter().collect::<BTreeSet<_>>().len() < 2 {
            return Err(ErrorKind::Validation);
        }
        if !ids.iter().all(|id| self.has(*id)) {
            return Err(ErrorKind::NotFound);
        }
        let (meet, rest): (Vec<_>, Vec<_>) =
            self.0.drain(..).partition(|set| ids.iter().any(|id| set.contains(id)));
        self.0 = rest;
        self.0.push(meet.into_iter().flatten().collect());
        Ok(())
    }

    fn run(&mut self, step: &Step) -> Result<(), ErrorKind> {
        let found = match step {
            Step::Create | Step::Reopen => true,
            Step::Link(ids) => return self.link(ids),
            Step::Unlink(id) => {
                let found = self.take(*id);
                self.0.extend(found.then(|| BTreeSet::from([*id])));
                found
            }
            Step::Delete(id) => self.take(*id),
        };
        if found { Ok(()) } else { Err(ErrorKind::NotFound) }
    }

    fn groups(&self) -> Vec<Vec<u64>> {
        let groups = self.0.iter().filter(|set| set.len() > 1);
        let mut groups: Vec<Vec<u64>> = groups.map(|set| set.iter().copied().collect()).collect();
        groups.sort();
        groups
    }
}

fn run(bench: &Bench, twin: &mut Twin, step: &Step) -> Result<(), ErrorKind> {
    let products = bench.of::<Product>();
    let done = match step {
        Step::Create => {
            twin.0.push(BTreeSet::from([add(bench, "amazon")]));
            Ok(())
        }
        Step::Link(ids) => products.link(ids.iter().copied()).map(drop),
        Step::Unlink(id) => products.unlink(*id),
        Step::Delete(id) => products.delete(*id),
        Step::Reopen => Ok(()),
    };
    done.map_err(|error| error.kind())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_what_sets_say(steps in steps()) {
        let (mut bench, mut twin) = (bench(), Twin::default());
        for step in steps {
            let done = run(&bench, &mut twin, &step);
            prop_assert_eq!(done, twin.run(&step), "{:?}", step);
            if matches!(step, Step::Reopen) {
                bench = bench.reopen();
            }
            prop_assert_eq!(all_groups(&bench), twin.groups(), "{:?}", step);
            let links = bench.of::<ProductLink>().len().unwrap();
            prop_assert_eq!(links, twin.groups().concat().len() as u64, "{:?}", step);
            for set in &twin.0 {
                let all: Vec<u64> = set.iter().copied().collect();
                prop_assert_eq!(group_of(&bench, all[all.len() / 2]), all);
            }
        }
        bench.check();
    }
}
