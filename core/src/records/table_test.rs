//! What tables hold and what they do not. That listings are exact with them, the model tells (`test.rs`).

use serde_json::json;

use super::*;
use crate::records::test::{Bench, Thing, some};
use crate::records::{ListQuery, RECORD, machine};

/// The fields in memory.
fn held(bench: &Bench) -> Vec<String> {
    let held = bench.known.tables.0.read().unwrap();
    held.tables.get(&Thing::TAG).map_or_else(Vec::new, |table| table.columns.keys().cloned().collect())
}

/// The things that match, where the records of all others are damaged.
fn ids_alone(bench: &Bench, filter: &str, sort: &str, ids: &[u64]) -> Vec<u64> {
    let mut twin = bench.twin.clone();
    let kept: Vec<_> = ids.iter().map(stored::record_key::<Thing>).collect();
    let others = twin.0.iter_mut().filter(|(key, _)| key[0] == RECORD && !kept.contains(key));
    others.for_each(|(_, record)| *record = vec![0, 1, 2].into());
    let query = ListQuery::new().filter(filter).sort(sort);
    let page: crate::records::Page<Thing> = crate::records::list::list(&twin, &bench.known, &query).unwrap();
    page.data.iter().map(|thing| thing.id).collect()
}

#[test]
fn a_new_pattern_over_a_known_field_looks_at_no_record() {
    let bench = some(100);
    assert_eq!(bench.ids(json!({"filter": "like(code,*7)"})).len(), 10);
    assert_eq!(held(&bench), ["code"]);
    assert_eq!(ids_alone(&bench, "like(code,*99)", "id-asc", &[100]), [100]);
    assert_eq!(ids_alone(&bench, "like(code,c1*2):lt(id,50)", "id-desc", &[13]), [13]);
    assert_eq!(bench.ids(json!({"filter": "like(code,*8):eq(flag,false)", "sort": "rank-desc"})).len(), 10);
    assert_eq!(held(&bench), ["code", "flag", "rank"]);
    assert_eq!(ids_alone(&bench, "like(code,*5*5):eq(flag,false)", "rank-desc", &[56]), [56]);
}

#[test]
fn a_change_is_read_alone() {
    // The next commits are heard of.
    let mut bench = some(104);
    let like = |pattern: &str| format!("like(code,{pattern})");
    assert_eq!(bench.ids(json!({"filter": like("*7"), "sort": "rank-asc"})).len(), 10);
    bench.update(3, json!({"code": "new"})).unwrap();
    bench.create(json!({"code": "newer", "group": "z"})).unwrap();
    assert_eq!(ids_alone(&bench, &like("n*"), "rank-asc", &[3, 105]), [3, 105]);
}

#[test]
fn what_takes_too_much_is_not_held() {
    let mut bench = some(20);
    assert_eq!(bench.ids(json!({"filter": "eq(flag,false)"})).len(), 20);
    assert_eq!(held(&bench), ["flag"]);
    for number in 0..300 {
        bench.create(json!({"code": format!("{number}{}", "x".repeat(240)), "group": "z"})).unwrap();
    }
    assert_eq!(bench.ids(json!({"filter": "like(code,7*):eq(flag,false)"})).len(), 11);
    assert!(held(&bench).is_empty());
    assert_eq!(bench.ids(json!({"filter": "eq(flag,false)", "page_size": 1000})).len(), 320);
    assert_eq!(held(&bench), ["flag"]);
    // Fewer things may fit again.
    (30..=320).for_each(|id| bench.write(|write, env| machine::delete::<Thing>(write, env, &id)).unwrap());
    assert_eq!(bench.ids(json!({"filter": "like(code,7*):eq(flag,false)"})).len(), 1);
    assert_eq!(held(&bench), ["code", "flag"]);
}

#[test]
fn damage_leaves_no_table_behind() {
    let mut bench = some(50);
    assert_eq!(bench.ids(json!({"filter": "like(code,*7)"})).len(), 5);
    bench.update(4, json!({"flag": true})).unwrap();
    let mut damaged = bench.twin.clone();
    damaged.0.insert(stored::record_key::<Thing>(&4), vec![0, 1, 2].into());
    let query = json!({"filter": "like(code,*8)"});
    assert!(bench.list_at(&damaged, query.clone()).is_err());
    assert!(held(&bench).is_empty());
    assert_eq!(bench.ids(query).len(), 5);
}
