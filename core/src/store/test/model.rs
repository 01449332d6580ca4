//! Random steps beside a map.

use std::fs;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, Option<u16>)>),
    Checkpoint,
    Compact,
    Reopen,
    Kill,
    DeleteIndex,
    SaveIndex,
    RollBackIndex,
    ReadOnly,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..40_u8, prop::option::weighted(0.7, any::<u16>()));
    let step = prop_oneof![
        12 => prop::collection::vec(change, 1..150).prop_map(Step::Commit),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        1 => Just(Step::DeleteIndex),
        1 => Just(Step::SaveIndex),
        1 => Just(Step::RollBackIndex),
        1 => Just(Step::ReadOnly),
    ];
    prop::collection::vec(step, 1..30)
}

fn model_key(n: u8) -> Vec<u8> {
    if n < 4 { vec![VIEW, n] } else { vec![b'k', n] }
}

fn take_step(place: &Place, mut store: Store, model: &mut Model, step: &Step) -> Store {
    let saved = place.dir.with_extension("saved-index");
    match step {
        Step::Commit(changes) => {
            let write = |t: &mut Transaction<'_>| {
                for (key, value) in changes {
                    match value {
                        Some(value) => t.put(model_key(*key), value.to_string().into()),
                        None => t.delete(&model_key(*key)),
                    }
                }
                Ok(())
            };
            store.write(write).unwrap();
            for (key, value) in changes {
                match value {
                    Some(value) => model.insert(model_key(*key), value.to_string().into()),
                    None => model.remove(&model_key(*key)),
                };
            }
        }
        Step::Checkpoint => store.checkpoint().unwrap(),
        Step::Compact => store.compact().unwrap(),
        Step::SaveIndex | Step::Reopen | Step::ReadOnly | Step::DeleteIndex | Step::RollBackIndex => {
            store.close().unwrap();
            match step {
                Step::SaveIndex => copy_dir(&place.index(), &saved),
                Step::DeleteIndex => fs::remove_dir_all(place.index()).unwrap(),
                Step::RollBackIndex if saved.exists() => copy_dir(&saved, &place.index()),
                Step::ReadOnly => assert_sound(&place.read_only().unwrap(), model),
                _ => {}
            }
            store = place.open();
        }
        Step::Kill => {
            store.kill();
            store = place.open();
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_map(steps in steps()) {
        let place = Place::new();
        let (mut store, mut model) = (place.open(), Model::new());
        for step in &steps {
            store = take_step(&place, store, &mut model, step);
            assert_sound(&store, &model);
        }
        assert_eq!(store.check().unwrap(), []);
        assert_eq!(store.stats().recovered_bytes, 0);
    }
}
