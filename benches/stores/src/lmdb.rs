//! LMDB through heed: batches are commits without a sync, and a sync is asked for.

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{Database, Env, EnvFlags, EnvOpenOptions};

use crate::{Op, Outcome, Store};

/// The file can never be larger; the address space is taken at once.
const MAP_BYTES: usize = 16 << 30;

pub struct Lmdb {
    env: Env,
    map: Database<Bytes, Bytes>,
}

impl Lmdb {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_BYTES);
        // SAFETY: nothing else has the file open or changes it while it is mapped. Without syncs a power cut may leave
        // it damaged, which an index that can be made again may be.
        let env = unsafe { options.flags(EnvFlags::NO_SYNC).open(dir) }?;
        let mut write = env.write_txn()?;
        let map = env.create_database(&mut write, None)?;
        write.commit()?;
        Ok(Self { env, map })
    }
}

impl Store for Lmdb {
    fn apply(&self, batch: &[Op]) -> Outcome<()> {
        let mut write = self.env.write_txn()?;
        for (key, value) in batch {
            self.map.put(&mut write, key, value)?;
        }
        Ok(write.commit()?)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.env.force_sync()?)
    }

    fn get(&self, key: &[u8]) -> Outcome<Option<usize>> {
        let read = self.env.read_txn()?;
        Ok(self.map.get(&read, key)?.map(<[u8]>::len))
    }

    fn first(&self, start: &[u8], end: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let read = self.env.read_txn()?;
        let range = (Bound::Included(start), Bound::Excluded(end));
        let first = self.map.range(&read, &range)?.next().transpose()?;
        Ok(first.map(|(key, _)| key.to_vec()))
    }

    fn scan(&self, start: &[u8], end: &[u8]) -> Outcome<(u64, usize)> {
        let read = self.env.read_txn()?;
        let range = (Bound::Included(start), Bound::Excluded(end));
        let mut sum = (0, 0);
        for entry in self.map.range(&read, &range)? {
            let (key, value) = entry?;
            sum = (sum.0 + 1, sum.1 + key.len() + value.len());
        }
        Ok(sum)
    }
}
