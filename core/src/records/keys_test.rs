//! The keys of the random world: what is stored beside the records is what follows from them, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::kv::{Key, prefix_end, value};
use crate::store::Read;

use super::bench::Bench;
use super::world_test::Twin;
use super::*;

/// Products are counted by store: there is a number for each store that one is of, and no other.
pub(super) fn assert_tallies(bench: &Bench, twin: &Twin) {
    const TALLY: u8 = 3;
    let stores: BTreeMap<_, u64> = twin.of("products").fold(BTreeMap::new(), |mut stores, product| {
        *stores.entry(product["store"].as_str().unwrap().to_owned()).or_default() += 1;
        stores
    });
    let tallies = |read: &dyn Read| -> Result<Vec<Vec<u8>>> {
        let counters = under(read, COUNTER, Product::TAG);
        Ok(counters.into_iter().filter(|(key, _)| key[2] == TALLY).map(|(_, count)| count).collect())
    };
    let mut tallies = bench.of::<Product>().shared.store.read(|snapshot| tallies(snapshot)).unwrap();
    let mut wanted: Vec<Vec<u8>> = stores.values().map(|count| value::encode(count).unwrap()).collect();
    tallies.sort();
    wanted.sort();
    assert_eq!(tallies, wanted);
}

fn under(read: &dyn Read, namespace: u8, tag: u8) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let start = Key::new(namespace).raw(&[tag]).build();
    let entries = read.range(&start, prefix_end(&start).as_deref(), false);
    entries.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

/// Index entries and further pieces of records are those that follow from the records, and no others.
fn assert_keys_of<R: Record>(bench: &Bench) {
    let read = |read: &dyn Read| {
        let ids = list::ids_after::<R>(read, None, usize::MAX)?;
        let mut entries = BTreeSet::new();
        for id in &ids {
            entries.extend(index::entries(&machine::get::<R>(read, id)?).into_iter().flatten());
        }
        let stored: BTreeSet<Vec<u8>> = under(read, INDEX, R::TAG).into_keys().collect();
        assert_eq!(stored, entries, "{}", R::COLLECTION);
        let pieces = under(read, RECORD, R::TAG).values().map(|first| usize::from(first[0])).sum::<usize>();
        assert_eq!(under(read, REST, R::TAG).len(), pieces, "{}", R::COLLECTION);
        Ok(())
    };
    bench.of::<R>().shared.store.read(|snapshot| read(snapshot)).unwrap();
}

pub(super) fn assert_keys(bench: &Bench) {
    assert_keys_of::<ExternalAccount>(bench);
    assert_keys_of::<Account>(bench);
    assert_keys_of::<Product>(bench);
    assert_keys_of::<ProductLink>(bench);
    assert_keys_of::<Customer>(bench);
    assert_keys_of::<CustomerGroup>(bench);
    assert_keys_of::<Subscriber>(bench);
    assert_keys_of::<GiftCard>(bench);
    assert_keys_of::<CustomerLink>(bench);
    assert_keys_of::<CustomerAddress>(bench);
    assert_keys_of::<Brand>(bench);
    assert_keys_of::<Category>(bench);
    assert_keys_of::<CategoryProduct>(bench);
    assert_keys_of::<Campaign>(bench);
    assert_keys_of::<CampaignPrice>(bench);
    assert_keys_of::<BannerGroup>(bench);
    assert_keys_of::<Banner>(bench);
}
