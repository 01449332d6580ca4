//! The store as a whole: what a caller may rely on, with faults on the way.

mod damage;
mod doubles;
mod faults;
mod index;
mod model;
mod opening;
mod rewrite;
mod threads;
mod transactions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::Error;
use crate::journal::fault::FaultDisk;
use crate::kv::Kv;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const VIEW: u8 = 200;

/// A view that counts the entries it is made of and adds their values up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sum(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for Sum {
    fn apply(&self, ops: &[Op]) -> Result<Arc<dyn View>> {
        let mut entries = self.0.clone();
        for op in ops {
            assert_eq!(op.key[0], VIEW);
            match &op.value {
                Some(value) if value == b"refused" => return Err(Error::invalid("view", "refused")),
                Some(value) => entries.insert(op.key.clone(), value.clone()),
                None => entries.remove(&op.key),
            };
        }
        Ok(Arc::new(Self(entries)))
    }
}

fn sum(view: &Arc<dyn View>) -> Sum {
    (&**view as &dyn Any).downcast_ref::<Sum>().unwrap().clone()
}

struct Place {
    _temp: TempDir,
    dir: PathBuf,
    options: StoreOptions,
}

impl Place {
    fn new() -> Self {
        let temp = TempDir::new().unwrap();
        let mut options = StoreOptions::new(VIEW, Arc::new(Sum::default()));
        options.index_cache_bytes = 1 << 20;
        Self { dir: temp.path().join("shop.till"), _temp: temp, options }
    }

    fn faulty() -> (Self, FaultDisk) {
        let (mut place, disk) = (Self::new(), FaultDisk::default());
        place.options.disk = Arc::new(disk.clone());
        (place, disk)
    }

    fn with_index(mut self, open: impl Fn(&Path) -> Result<Box<dyn Kv>> + Send + Sync + 'static) -> Self {
        self.options.index = Arc::new(move |path, _| open(path));
        self
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Store> {
        Store::open(&self.dir, self.options.clone())
    }

    fn read_only(&self) -> Result<Store> {
        Store::open(&self.dir, StoreOptions { read_only: true, ..self.options.clone() })
    }

    fn journal(&self) -> PathBuf {
        let mut all: Vec<_> =
            fs::read_dir(self.dir.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn index(&self) -> PathBuf {
        self.dir.join("index")
    }
}

fn put(store: &Store, key: &str, value: &str) -> Result<()> {
    store.write(|t| {
        t.put(key.into(), value.into());
        Ok(())
    })
}

fn value(store: &Store, key: &str) -> Option<String> {
    store.get(key.as_bytes()).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn all(read: &dyn Read) -> Model {
    let forward: Vec<_> = read.range(&[], None, false).map(|entry| entry.unwrap()).collect();
    let mut backward: Vec<_> = read.range(&[], None, true).map(|entry| entry.unwrap()).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let (low, high) =
        (forward.first().map_or([].as_slice(), |(key, _)| key), forward.last().map(|(key, _)| &**key));
    assert_eq!(read.count(&[], None).unwrap(), forward.len() as u64);
    assert_eq!(read.count(low, high).unwrap(), forward.len().saturating_sub(1) as u64);
    forward.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn content(store: &Store) -> Model {
    store.read(|snapshot| Ok(all(snapshot))).unwrap()
}

fn assert_sound(store: &Store, model: &Model) {
    assert_eq!(content(store), *model);
    let view: Model = model.range(vec![VIEW]..vec![VIEW + 1]).map(|(k, v)| (k.clone(), v.clone())).collect();
    assert_eq!(sum(&store.view()).0, view);
}

fn copy_dir(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
