//! sled, used as `core/src/kv/sled.rs` does.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::{CACHE_BYTES, Op, Outcome, Store};

pub struct Sled {
    db: sled::Db,
    path: PathBuf,
}

impl Sled {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let path = dir.join("index");
        let db =
            sled::Config::new().path(&path).cache_capacity(CACHE_BYTES).flush_every_ms(Some(400)).open()?;
        Ok(Self { db, path })
    }
}

impl Store for Sled {
    fn apply(&self, batch: &[Op]) -> Outcome<()> {
        let mut all = sled::Batch::default();
        batch.iter().for_each(|(key, value)| all.insert(key.as_slice(), value.as_slice()));
        Ok(self.db.apply_batch(all)?)
    }

    fn sync(&self) -> Outcome<()> {
        self.db.flush()?;
        Ok(File::open(self.path.join("db"))?.sync_all()?)
    }

    fn get(&self, key: &[u8]) -> Outcome<Option<usize>> {
        Ok(self.db.get(key)?.map(|value| value.len()))
    }

    fn first(&self, start: &[u8], end: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.db.range(start..end).next().transpose()?.map(|(key, _)| key.to_vec()))
    }

    fn scan(&self, start: &[u8], end: &[u8]) -> Outcome<(u64, usize)> {
        let mut sum = (0, 0);
        for entry in self.db.range(start..end) {
            let (key, value) = entry?;
            sum = (sum.0 + 1, sum.1 + key.len() + value.len());
        }
        Ok(sum)
    }
}
