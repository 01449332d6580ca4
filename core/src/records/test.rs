//! The machine against a model, on a resource that has what the real ones have: unique and shared indexes, over one
//! field and two, values that may be missing, and content of several pieces.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::store::Write;
use crate::vault::Vault;
use crate::{Error, ErrorKind, Result};

use super::machine::{self, Env};
use super::resources::product_memory::{Touched, Watched};
use super::*;
use crate::store::Image as Twin;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Thing {
    pub id: u64,
    code: Option<String>,
    group: String,
    rank: Option<u64>,
    flag: bool,
    body: String,
    #[serde(with = "clock::micros")]
    created_at: Timestamp,
    #[serde(with = "clock::micros")]
    updated_at: Timestamp,
}

fn int(value: Option<u64>) -> Datum {
    Datum::int(value.map(|value| i64::try_from(value).unwrap()))
}

impl Record for Thing {
    type Id = u64;

    const COLLECTION: &'static str = "things";
    const NOUN: &'static str = "thing";
    const TAG: u8 = 200;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: "code", kind: DatumKind::Text, value: |thing| Datum::text(thing.code.as_deref()) },
        Field { name: "group", kind: DatumKind::Text, value: |thing| Datum::Text(thing.group.clone()) },
        Field { name: "rank", kind: DatumKind::Int, value: |thing| int(thing.rank) },
        Field { name: "flag", kind: DatumKind::Bool, value: |thing| Datum::Bool(thing.flag) },
    ];
    const INDEXES: &'static [Index] = &[
        Index::unique(2, &["code"]),
        Index::counted(3, &["group"]),
        Index::plain(4, &["rank"]),
        Index::unique(5, &["group", "rank"]),
    ];

    fn blank() -> Self {
        let (created_at, updated_at) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let (group, body) = (String::new(), String::new());
        Self { id: 0, code: None, group, rank: None, flag: false, body, created_at, updated_at }
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn times(&self) -> Times {
        Times { created_at: self.created_at, updated_at: self.updated_at }
    }

    fn stamp(&mut self, id: u64, times: Times) {
        (self.id, self.created_at, self.updated_at) = (id, times.created_at, times.updated_at);
    }

    fn apply(&mut self, input: &mut Input<'_>, _context: &Context<'_>) -> Result<()> {
        input.optional_text("code", &mut self.code);
        input.required_text("group", &mut self.group);
        input.optional_number("rank", &mut self.rank);
        input.boolean("flag", &mut self.flag);
        if let Some(body) = input.value("body").and_then(Value::as_str) {
            body.clone_into(&mut self.body);
        }
        Ok(())
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        let json = json!({"id": self.id, "code": self.code, "group": self.group, "rank": self.rank, "flag": self.flag});
        Ok(json.as_object().cloned().unwrap_or_default())
    }
}

/// A store, a vault and a clock that moves on by itself.
pub(super) struct Bench {
    pub twin: Twin,
    pub known: known::Known,
    /// A commit that is heard of after the next one.
    late: Option<Touched>,
    vault: Vault,
    ticks: i64,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let twin = Twin::default();
        let vault = Vault::for_tests(&twin, dir.path(), None).unwrap();
        Self { twin, known: known::Known::default(), late: None, vault, ticks: 0, _dir: dir }
    }

    /// As a transaction: an error leaves nothing.
    pub fn write<T>(&mut self, f: impl FnOnce(&mut dyn Write, &Env<'_>) -> Result<T>) -> Result<T> {
        self.ticks += 1_000_000;
        let now = Timestamp::from_microsecond(self.ticks).unwrap();
        let mut changed = self.twin.clone();
        let mut watched = Watched::new(&mut changed);
        let value = f(&mut watched, &Env { vault: &self.vault, now })?;
        let touched = watched.touched()?;
        self.twin = changed;
        // Of some commits nothing is heard, and of some late, as of several that end at once.
        match self.ticks / 1_000_000 % 7 {
            3 => {}
            5 => self.late = Some(touched),
            _ => {
                self.known.hear(&touched);
                self.late.take().into_iter().for_each(|late| self.known.hear(&late));
            }
        }
        Ok(value)
    }

    pub fn create(&mut self, fields: Value) -> Result<Thing> {
        self.write(|write, env| machine::create(write, env, fields.as_object().unwrap()))
    }

    pub fn update(&mut self, id: u64, fields: Value) -> Result<Thing> {
        self.write(|write, env| machine::update(write, env, &id, fields.as_object().unwrap()))
    }

    pub fn list(&self, query: Value) -> Result<Page<Thing>> {
        self.list_at(&self.twin, query)
    }

    /// As a reader of another commit, with what the readers of all commits know.
    pub fn list_at(&self, twin: &Twin, query: Value) -> Result<Page<Thing>> {
        list::list(twin, &self.known, &ListQuery::from_json(&query)?)
    }

    pub fn ids(&self, query: Value) -> Vec<u64> {
        self.list(query).unwrap().data.iter().map(|thing| thing.id).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Create(Value),
    CreateMany(Vec<Value>),
    Update(usize, Value),
    Delete(usize),
}

fn fields() -> impl Strategy<Value = Value> {
    let code = prop_oneof![Just(Value::Null), "[ab]{1,2}".prop_map(Value::String)];
    let rank = prop_oneof![Just(Value::Null), (0..4u64).prop_map(Value::from)];
    let body = prop_oneof![Just(0usize), Just(5900), Just(6100), Just(13_000)]
        .prop_map(|len| json!("b".repeat(len)));
    (prop::option::of(code), "[xyz]", prop::option::of(rank), any::<bool>(), prop::option::of(body)).prop_map(
        |(code, group, rank, flag, body)| {
            let mut fields = json!({"group": group, "flag": flag});
            for (name, value) in [("code", code), ("rank", rank), ("body", body)] {
                value.into_iter().for_each(|value| fields[name] = value);
            }
            fields
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => fields().prop_map(Step::Create),
        1 => prop::collection::vec(fields(), 0..4).prop_map(Step::CreateMany),
        3 => (any::<usize>(), fields()).prop_map(|(which, fields)| Step::Update(which, fields)),
        1 => any::<usize>().prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 1..40)
}

type Model = BTreeMap<u64, Thing>;

fn change(thing: &Thing, fields: &Value) -> Thing {
    let mut thing = thing.clone();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    for (name, value) in fields.as_object().unwrap() {
        match name.as_str() {
            "code" => thing.code = text(value),
            "group" => thing.group = text(value).unwrap(),
            "rank" => thing.rank = value.as_u64(),
            "flag" => thing.flag = value.as_bool().unwrap(),
            _ => thing.body = text(value).unwrap(),
        }
    }
    thing
}

/// Whether the model may hold the thing: the two unique rules, spelled out.
fn fits(model: &Model, new: &Thing) -> bool {
    model.values().filter(|old| old.id != new.id).all(|old| {
        let same_code = new.code.is_some() && old.code == new.code;
        let same_place = new.rank.is_some() && old.rank == new.rank && old.group == new.group;
        !same_code && !same_place
    })
}

fn add(model: &Model, last: u64, fields: &[Value]) -> Option<(Model, u64)> {
    let (mut model, mut last) = (model.clone(), last);
    for fields in fields {
        last += 1;
        let thing = change(&Thing { id: last, ..Thing::blank() }, fields);
        if !fits(&model, &thing) {
            return None;
        }
        model.insert(last, thing);
    }
    Some((model, last))
}

/// The index entries of the model, made from nothing but the drawing in `mod.rs`.
fn expected_entries(model: &Model) -> BTreeSet<Vec<u8>> {
    let mut entries = BTreeSet::new();
    for thing in model.values() {
        let id = Datum::Int(i64::try_from(thing.id).unwrap());
        let code = thing.code.clone().map_or(Datum::Null, Datum::Text);
        let (group, rank) = (Datum::Text(thing.group.clone()), int(thing.rank));
        let time = |time: Timestamp| Datum::Int(time.as_microsecond());
        let indexes = [
            (0, vec![time(thing.created_at)]),
            (1, vec![time(thing.updated_at)]),
            (2, vec![code]),
            (3, vec![group.clone()]),
            (4, vec![rank.clone()]),
            (5, vec![group, rank]),
        ];
        for (number, values) in indexes {
            let key = crate::kv::Key::new(INDEX).raw(&[200, number]);
            entries.insert(values.iter().chain([&id]).fold(key, |key, value| value.write(key)).build());
        }
    }
    entries
}

fn assert_same(bench: &Bench, model: &Model) {
    let entries = bench.twin.0.keys().filter(|key| key[0] == INDEX).cloned().collect::<BTreeSet<_>>();
    assert_eq!(entries, expected_entries(model));
    assert_eq!(machine::check::<Thing>(&bench.twin).unwrap(), Vec::<String>::new());
    assert_eq!(stored::count::<Thing>(&bench.twin).unwrap(), model.len() as u64);
    let ids = list::ids_after::<Thing>(&bench.twin, None, usize::MAX).unwrap();
    assert_eq!(ids, model.keys().copied().collect::<Vec<_>>());
    let pieces = bench.twin.0.keys().filter(|key| key[0] == REST).count();
    let expected = |thing: &Thing| crate::kv::value::encode(thing).unwrap().len().saturating_sub(1) / 6000;
    assert_eq!(pieces, model.values().map(expected).sum::<usize>());
}

fn run(bench: &mut Bench, model: &mut Model, last: &mut u64, step: &Step) {
    let before = bench.twin.clone();
    let pick = |which: usize| model.keys().nth(which % model.len().max(1)).copied().unwrap_or(*last + 1);
    let outcome = match step {
        Step::Create(fields) => {
            let result = bench.create(fields.clone()).map(|thing| vec![thing]);
            (result, add(model, *last, std::slice::from_ref(fields)))
        }
        Step::CreateMany(all) => {
            let inputs = all.iter().map(|fields| Fields::from_json(fields.clone()).unwrap()).collect();
            (bench.write(|write, env| machine::create_many(write, env, inputs)), add(model, *last, all))
        }
        Step::Update(which, fields) => {
            let id = pick(*which);
            let expected = model.get(&id).map(|thing| change(thing, fields)).filter(|new| fits(model, new));
            let result = bench.update(id, fields.clone()).map(|thing| vec![thing]);
            (
                result,
                expected.map(|thing| {
                    (
                        model.iter().map(|(id, thing)| (*id, thing.clone())).chain([(id, thing)]).collect(),
                        *last,
                    )
                }),
            )
        }
        Step::Delete(which) => {
            let id = pick(*which);
            let mut after = model.clone();
            let expected = after.remove(&id).map(|_| (after, *last));
            (bench.write(|write, env| machine::delete::<Thing>(write, env, &id)).map(|()| vec![]), expected)
        }
    };
    match outcome {
        (Ok(changed), Some((after, newest))) => {
            (*model, *last) = (after, newest);
            for thing in changed {
                let expected = model.get_mut(&thing.id).unwrap();
                // The times are the engine's to give; they are checked on their own.
                (expected.created_at, expected.updated_at) = (thing.created_at, thing.updated_at);
                assert_eq!(thing, *expected);
                assert_eq!(stored::get(&bench.twin, &thing.id).unwrap(), Some(thing));
            }
        }
        (Err(error), None) => {
            assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound), "{error}");
            assert_eq!(bench.twin, before);
        }
        (result, expected) => panic!("{step:?}: {result:?} against {:?}", expected.map(|_| "success")),
    }
}

/// A condition in both forms: as text, and as code that owes nothing to the filter's.
#[derive(Debug, Clone)]
enum Condition {
    Rank(&'static str, u64),
    RankIn(Vec<u64>),
    Group(String),
    Flag(bool),
    CodeLike(String),
    IdBelow(u64),
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Self::Rank(operator, rank) => format!("{operator}(rank,{rank})"),
            Self::RankIn(ranks) => {
                format!("in(rank,{})", ranks.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
            }
            Self::Group(group) => format!("eq(group,\"{group}\")"),
            Self::Flag(flag) => format!("eq(flag,{flag})"),
            Self::CodeLike(pattern) => format!("like(code,{pattern})"),
            Self::IdBelow(id) => format!("lt(id,{id})"),
        }
    }

    fn holds(&self, thing: &Thing) -> bool {
        match self {
            Self::Rank(operator, wanted) => thing.rank.is_some_and(|rank| match *operator {
                "eq" => rank == *wanted,
                "gt" => rank > *wanted,
                "ge" => rank >= *wanted,
                "lt" => rank < *wanted,
                _ => rank <= *wanted,
            }),
            Self::RankIn(ranks) => thing.rank.is_some_and(|rank| ranks.contains(&rank)),
            Self::Group(group) => thing.group == *group,
            Self::Flag(flag) => thing.flag == *flag,
            Self::CodeLike(pattern) => {
                thing.code.as_ref().is_some_and(|code| is_like(pattern.as_bytes(), code.as_bytes()))
            }
            Self::IdBelow(id) => thing.id < *id,
        }
    }
}

/// A pattern, letter by letter.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skip| is_like(rest, &text[skip..])),
        Some((letter, rest)) => {
            text.split_first().is_some_and(|(first, text)| first == letter && is_like(rest, text))
        }
    }
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let operator = prop::sample::select(vec!["eq", "gt", "ge", "lt", "le"]);
    let one = prop_oneof![
        (operator, 0..5u64).prop_map(|(operator, rank)| Condition::Rank(operator, rank)),
        prop::collection::vec(0..5u64, 1..4).prop_map(Condition::RankIn),
        "[wxyz]".prop_map(Condition::Group),
        any::<bool>().prop_map(Condition::Flag),
        "[ab*]{0,4}".prop_map(Condition::CodeLike),
        (0..20u64).prop_map(Condition::IdBelow),
    ];
    prop::collection::vec(one, 0..4)
}

#[derive(Debug, Clone)]
struct Listing {
    conditions: Vec<Condition>,
    sort: &'static str,
    reverse: bool,
    page: u64,
    page_size: u64,
}

fn listings() -> impl Strategy<Value = Vec<Listing>> {
    let sort = prop::sample::select(vec!["id", "rank", "group", "code", "created_at", "updated_at"]);
    let one = (conditions(), sort, any::<bool>(), 1..5u64, 1..8u64).prop_map(
        |(conditions, sort, reverse, page, page_size)| Listing { conditions, sort, reverse, page, page_size },
    );
    prop::collection::vec(one, 1..12)
}

fn assert_listed(bench: &Bench, (twin, model): (&Twin, &Model), listing: &Listing) {
    let Listing { conditions, sort, reverse, page, page_size } = listing;
    let holds = |thing: &&Thing| conditions.iter().all(|condition| condition.holds(thing));
    let mut all: Vec<&Thing> = model.values().filter(holds).collect();
    // Things without a value come last, so first where the order is turned round.
    all.sort_by(|a, b| match *sort {
        "rank" => (a.rank.is_none(), a.rank).cmp(&(b.rank.is_none(), b.rank)),
        "code" => (a.code.is_none(), &a.code).cmp(&(b.code.is_none(), &b.code)),
        "group" => a.group.cmp(&b.group),
        "created_at" => a.created_at.cmp(&b.created_at),
        "updated_at" => a.updated_at.cmp(&b.updated_at),
        _ => a.id.cmp(&b.id),
    });
    // The sort is stable and the model is in id order, so equal values are too; turned round, ids are as well.
    if *reverse {
        all.reverse();
    }
    let filter = conditions.iter().map(Condition::text).collect::<Vec<_>>().join(":");
    let mut query = json!({"sort": format!("{sort}-{}", if *reverse { "desc" } else { "asc" }), "page": page, "page_size": page_size});
    if !filter.is_empty() {
        query["filter"] = filter.into();
    }
    let found = bench.list_at(twin, query.clone()).unwrap();
    let start = usize::try_from((page - 1) * page_size).unwrap();
    let expected: Vec<_> =
        all.iter().skip(start).take(usize::try_from(*page_size).unwrap()).map(|thing| thing.id).collect();
    assert_eq!(found.data.iter().map(|thing| thing.id).collect::<Vec<_>>(), expected, "{query}");
    assert_eq!(found.item_count, all.len() as u64, "{query}");
    assert_eq!(found.page_count, (all.len() as u64).div_ceil(*page_size), "{query}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_machine_does_what_the_model_does(steps in steps(), listings in listings()) {
        let (mut bench, mut model, mut last) = (Bench::new(), Model::new(), 0);
        for step in &steps {
            run(&mut bench, &mut model, &mut last, step);
            assert_same(&bench, &model);
        }
        for listing in &listings {
            assert_listed(&bench, (&bench.twin, &model), listing);
        }
    }

    /// Whatever was listed before, by readers of this commit or of the one before it.
    #[test]
    fn listings_are_exact_while_things_change(
        first in prop::collection::vec(fields(), 20..40), steps in steps(), listings in listings(),
    ) {
        let (mut bench, mut model, mut last) = (Bench::new(), Model::new(), 0);
        for fields in first {
            run(&mut bench, &mut model, &mut last, &Step::Create(fields));
        }
        for step in &steps {
            let (old_twin, old_model) = (bench.twin.clone(), model.clone());
            run(&mut bench, &mut model, &mut last, step);
            for listing in &listings {
                assert_listed(&bench, (&bench.twin, &model), listing);
                assert_listed(&bench, (&old_twin, &old_model), listing);
                assert_listed(&bench, (&bench.twin, &model), listing);
            }
        }
    }

    #[test]
    fn any_filter_text_is_an_error_or_a_filter(text in "(eq|in|like|[a-z]{2}|)[(),:\"\\\\*a-c]{0,12}|.{0,20}") {
        match filter::parse::<Thing>(&text) {
            Ok(conditions) => prop_assert!(!conditions.is_empty()),
            Err(messages) => prop_assert!(!messages.is_empty() && messages.iter().all(|message| message.len() < 400)),
        }
    }
}

/// Some things to list: groups x y x y …, ranks 0 1 2 …, codes c0 c1 …, every third without a rank.
pub(super) fn some(count: u64) -> Bench {
    let mut bench = Bench::new();
    for number in 0..count {
        let rank = (number % 3 != 2).then_some(number);
        let group = if number % 2 == 0 { "x" } else { "y" };
        bench.create(json!({"code": format!("c{number}"), "group": group, "rank": rank})).unwrap();
    }
    bench
}

#[test]
fn listings_are_exact_behind_very_many_changes() {
    let mut bench = some(200);
    let like = || json!({"filter": "like(code,c1*)", "page_size": 1000});
    assert_eq!(bench.ids(like()).len(), 111);
    for id in 1..=100 {
        bench.update(id, json!({"code": format!("d{id}")})).unwrap();
    }
    assert_eq!(bench.ids(like()), (101..=200).collect::<Vec<_>>());
}

fn faults(result: Result<Page<Thing>>) -> Vec<(String, Vec<String>)> {
    match result {
        Err(Error::Validation { fields }) => fields.into_iter().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_count_right_also_beyond_the_end() {
    let bench = some(7);
    let page = |page: u64, page_size: u64| {
        let found = bench.list(json!({"page": page, "page_size": page_size})).unwrap();
        (found.data.iter().map(|thing| thing.id).collect::<Vec<_>>(), found.page_count, found.item_count)
    };
    assert_eq!(page(1, 3), (vec![1, 2, 3], 3, 7));
    assert_eq!(page(3, 3), (vec![7], 3, 7));
    assert_eq!(page(4, 3), (vec![], 3, 7));
    assert_eq!(page(u64::MAX, 1000), (vec![], 1, 7));
    assert_eq!(page(1, 7), (vec![1, 2, 3, 4, 5, 6, 7], 1, 7));
    let beyond = bench.list(json!({"page": u64::MAX, "filter": "eq(group,x)"})).unwrap();
    assert_eq!((beyond.data.len(), beyond.item_count, beyond.page_count), (0, 4, 1));
    let none = Bench::new().list(Value::Null).unwrap();
    assert_eq!((none.page, none.page_size, none.page_count, none.item_count), (1, 50, 0, 0));
}

#[test]
fn all_faults_of_a_query_at_once() {
    let bench = some(1);
    let query = json!({"page": 0, "page_size": 1001, "sort": "body-asc", "filter": "eq(nope,1):gt(rank,x)",
        "expand": ["sky"], "flag": true, "rank_from": "x", "colour": "red"});
    let found = faults(bench.list(query));
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["colour", "expand", "filter", "flag", "page", "page_size", "rank_from", "sort"]);
    for query in [
        json!({"page": -1}),
        json!({"page": "1"}),
        json!({"page_size": 0}),
        json!({"page_size": 1e300}),
        json!({"sort": 1}),
        json!({"filter": []}),
        json!({"expand": 1}),
        json!({"sort": "id"}),
        json!({"sort": "id-up"}),
        json!({"sort": "-asc"}),
        json!([1]),
    ] {
        assert_eq!(faults(bench.list(query.clone())).len(), 1, "{query}");
    }
}

#[test]
fn malformed_filters_are_faults_of_the_filter() {
    let bench = some(1);
    for text in [
        "",
        " ",
        "eq",
        "eq(",
        "eq)",
        "eq()",
        "eq(code)",
        "eq(code,",
        "eq(code,a",
        "eq(code,a))",
        "eq(code,a)x",
        "eq(code,a):",
        ":eq(code,a)",
        "eq(code,a)eq(code,b)",
        "eq(code,a)::eq(code,b)",
        "eq(code,a,b)",
        "gt(rank,1,2)",
        "eq(code,\"a)",
        "eq(code,\"a\\",
        "eq(code,\"a\\n\")",
        "eq(code,\"a\"b)",
        "eq(code,a\"b\")",
        "eq(code,a(b))",
        "is(code,a)",
        "EQ(code,a)",
        "eq(body,a)",
        "eq(,a)",
        "eq(rank,a)",
        "eq(rank,)",
        "eq(rank,1.5)",
        "eq(rank,9223372036854775808)",
        "eq(flag,maybe)",
        "like(rank,1*)",
        "gt(created_at,yesterday)",
        "gt(created_at,2021-02-30)",
        "in(rank)",
        "in(rank,1,x)",
        "eq(code\0,a)",
        "eq(password,a)",
        "like(code,*(*)",
        "like(code,*,*)",
    ] {
        let found = faults(bench.list(json!({"filter": text})));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].0, "filter", "{text}");
    }
    let long = format!("eq(code,{})", "a".repeat(2 << 20));
    let found = faults(bench.list(json!({"filter": long})));
    assert!(found[0].1[0].len() < 100);
}

#[test]
fn filters_in_text_form() {
    let mut bench = some(6);
    bench.create(json!({"code": "a,(b): \"c\" \\", "group": "z"})).unwrap();
    bench.create(json!({"code": "C1", "group": "z"})).unwrap();
    for (filter, ids) in [
        ("eq(code,c1)", vec![2]),
        (" eq( code , c1 ) : eq(group,y)", vec![2]),
        (r#"eq(code,"a,(b): \"c\" \\")"#, vec![7]),
        (r#"eq(code,"c1 ")"#, vec![]),
        ("like(code,c*)", vec![1, 2, 3, 4, 5, 6]),
        ("like(code,*1)", vec![2, 8]),
        (r#"like(code,"*(*)*")"#, vec![7]),
        ("like(code,c1)", vec![2]),
        ("like(code,c1*1)", vec![]),
        ("like(code,c**1)", vec![2]),
        ("in(id,3,1,3,99)", vec![1, 3]),
        ("gt(rank,1)", vec![4, 5]),
        ("le(rank,1):gt(id,1)", vec![2]),
        ("ge(rank,4):lt(rank,1)", vec![]),
        ("gt(created_at,1970-01-01T00:00:06Z)", vec![7, 8]),
        ("eq(created_at,1970-01-01)", vec![1, 2, 3, 4, 5, 6, 7, 8]),
        ("gt(created_at,1970-01-01)", vec![]),
        ("in(created_at,1970-01-01T00:00:03Z,1970-01-01,1970-01-01T00:00:04Z)", vec![1, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        assert_eq!(bench.ids(json!({"filter": filter})), ids, "{filter}");
    }
}

#[test]
fn field_filters() {
    let bench = some(6);
    assert_eq!(bench.ids(json!({"group": "x"})), [1, 3, 5]);
    assert_eq!(bench.ids(json!({"rank": null})), [3, 6]);
    assert_eq!(bench.ids(json!({"rank": [0, 4, null]})), [1, 3, 5, 6]);
    assert_eq!(bench.ids(json!({"rank": []})), [0u64; 0]);
    assert_eq!(bench.ids(json!({"id": [2, "3"], "group": "x"})), [3]);
    assert_eq!(bench.ids(json!({"rank_from": 1, "rank_to": 4})), [2, 4, 5]);
    assert_eq!(
        bench.ids(
            json!({"created_at_from": "1970-01-01T00:00:03", "created_at_to": "1970-01-01T02:00:05+02:00"})
        ),
        [3, 4, 5]
    );
    assert_eq!(bench.ids(json!({"created_at_from": "1970-01-02"})), [0u64; 0]);
    assert_eq!(bench.ids(json!({"created_at_to": "1970-01-01"})).len(), 6);
    assert_eq!(bench.ids(json!({"sort": "rank-desc"})), [6, 3, 5, 4, 2, 1]);
    assert_eq!(faults(bench.list(json!({"rank_to": null}))).len(), 1);
}

#[test]
fn faults_of_many_name_their_place_and_nothing_is_written() {
    let mut bench = some(1);
    let before = bench.twin.clone();
    let all = [json!({"group": "x", "code": "n"}), json!({"flag": 2, "spin": 1}), json!({"group": 1})];
    let inputs = all.iter().map(|fields| Fields::from_json(fields.clone()).unwrap()).collect();
    let result = bench.write(|write, env| machine::create_many::<Thing>(write, env, inputs));
    let Err(Error::Validation { fields }) = result else { panic!("{result:?}") };
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["[1].flag", "[1].group", "[1].spin", "[2].group"]);
    let twice = [json!({"group": "x", "code": "n"}), json!({"group": "y", "code": "n"})];
    let inputs = twice.iter().map(|fields| Fields::from_json(fields.clone()).unwrap()).collect();
    let result = bench.write(|write, env| machine::create_many::<Thing>(write, env, inputs));
    assert!(matches!(result, Err(Error::Conflict { ref field, .. }) if field == "code"), "{result:?}");
    assert_eq!(bench.twin, before);
}

#[test]
fn a_lost_update_is_refused_and_an_empty_one_is_none() {
    let mut bench = some(1);
    let read = bench.update(1, json!({"flag": true})).unwrap();
    assert!(read.updated_at > read.created_at);
    let before = bench.twin.clone();
    assert_eq!(bench.update(1, json!({"flag": true, "id": 9})).unwrap(), read);
    assert_eq!(bench.twin, before);
    let seen = json!(read.updated_at.to_string());
    let changed = bench.update(1, json!({"flag": false, "if_updated_at": seen})).unwrap();
    let lost = bench.update(1, json!({"flag": true, "if_updated_at": seen}));
    assert!(matches!(lost, Err(Error::Conflict { ref field, .. }) if field == "updated_at"), "{lost:?}");
    bench.ticks = 0;
    let back = bench.update(1, json!({"flag": true})).unwrap();
    assert!(back.updated_at > changed.updated_at, "a clock that runs back");
    let bad = bench.update(1, json!({"if_updated_at": "soon"}));
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::Validation);
}

#[test]
fn damage_is_an_error_and_check_names_it() {
    let bench = {
        let mut bench = some(2);
        bench.update(1, json!({"body": "b".repeat(7000)})).unwrap();
        bench
    };
    let key = |namespace: u8| bench.twin.0.keys().find(|key| key[0] == namespace).unwrap().clone();
    let damaged = |change: &dyn Fn(&mut Twin)| {
        let mut twin = bench.twin.clone();
        change(&mut twin);
        (
            stored::get::<Thing>(&twin, &1).map_err(|error| error.kind()),
            machine::check::<Thing>(&twin).unwrap(),
        )
    };
    let gone = damaged(&|twin| twin.delete(&key(REST)));
    assert_eq!(gone.0, Err(ErrorKind::Corruption));
    assert!(gone.1[0].contains("thing 1"), "{:?}", gone.1);
    for bytes in [vec![], vec![0], vec![0, 1], vec![255, 1, 2], vec![0, 77, 1], vec![0, 1, 1, 2, 3, 4]] {
        let flipped = damaged(&|twin| twin.put(key(RECORD), bytes.clone()));
        assert_eq!(flipped.0, Err(ErrorKind::Corruption), "{bytes:?}");
        assert!(!flipped.1.is_empty());
    }
    let unindexed = damaged(&|twin| twin.delete(&key(INDEX)));
    assert!(unindexed.0.is_ok());
    assert_eq!(unindexed.1.len(), 2, "{:?}", unindexed.1);
    let miscounted = damaged(&|twin| stored::change_count::<Thing>(twin, 1).unwrap());
    assert_eq!(miscounted.1, ["things: counts 3 records, has 2"]);
    let five = crate::kv::value::encode(&5_u64).unwrap();
    let tally = damaged(&|twin| twin.put(tallies(&bench)[0].clone(), five.clone()));
    assert_eq!(tally.1, ["things: counts 5 records of one value of group, has 1"]);
}

/// The keys under which the things of each group are counted.
fn tallies(bench: &Bench) -> Vec<Vec<u8>> {
    bench.twin.0.keys().filter(|key| key[0] == COUNTER && key[2] == 3).cloned().collect()
}

#[test]
fn things_that_are_older_than_the_counts_of_their_groups_are_counted() {
    let mut bench = some(5);
    let keys = tallies(&bench);
    assert_eq!(keys.len(), 2);
    keys.iter().for_each(|key| bench.twin.delete(key));
    assert_eq!(bench.list(json!({"group": "x"})).unwrap().item_count, 3);
    bench.create(json!({"group": "x"})).unwrap();
    bench.update(1, json!({"group": "y"})).unwrap();
    assert_eq!(tallies(&bench), keys);
    let count = |group: &str| bench.list(json!({"group": group})).unwrap().item_count;
    assert_eq!((count("x"), count("y"), count("z")), (3, 3, 0));
    assert_eq!(machine::check::<Thing>(&bench.twin).unwrap(), Vec::<String>::new());
}

#[test]
fn a_record_over_a_mebibyte_is_refused() {
    let mut bench = some(1);
    let before = bench.twin.clone();
    let error = bench.update(1, json!({"body": "b".repeat(1 << 20)})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(bench.twin, before);
    let large = bench.update(1, json!({"body": "b".repeat((1 << 20) - 200)})).unwrap();
    assert_eq!(stored::get(&bench.twin, &1).unwrap(), Some(large));
    bench.write(|write, env| machine::delete::<Thing>(write, env, &1)).unwrap();
    assert_eq!(bench.twin.0.keys().map(|key| key[0]).collect::<Vec<_>>(), [COUNTER; 3]);
}

#[test]
fn ids_end_before_keys_cannot_carry_them() {
    let mut bench = some(1);
    let value = crate::kv::value::encode(&(i64::MAX as u64)).unwrap();
    bench.twin.put(crate::kv::Key::new(COUNTER).raw(&[Thing::TAG, 0]).build(), value);
    assert_eq!(bench.create(json!({"group": "x"})).unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!(machine::get::<Thing>(&bench.twin, &u64::MAX).unwrap_err().kind(), ErrorKind::NotFound);
}
