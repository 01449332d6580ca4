//! redb: batches are commits that are not durable, and every sync is an empty one that is.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use crate::{CACHE_BYTES, Op, Outcome, Store};

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("index");

pub struct Redb(Database);

impl Redb {
    pub fn open(dir: &Path) -> Outcome<Self> {
        let cache = usize::try_from(CACHE_BYTES)?;
        Ok(Self(Database::builder().set_cache_size(cache).create(dir.join("index.redb"))?))
    }
}

impl Store for Redb {
    fn apply(&self, batch: &[Op]) -> Outcome<()> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::None)?;
        {
            let mut table = write.open_table(TABLE)?;
            for (key, value) in batch {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.0.begin_write()?.commit()?)
    }

    fn get(&self, key: &[u8]) -> Outcome<Option<usize>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().len()))
    }

    fn first(&self, start: &[u8], end: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let first = table.range::<&[u8]>(start..end)?.next().transpose()?;
        Ok(first.map(|(key, _)| key.value().to_vec()))
    }

    fn scan(&self, start: &[u8], end: &[u8]) -> Outcome<(u64, usize)> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut sum = (0, 0);
        for entry in table.range::<&[u8]>(start..end)? {
            let (key, value) = entry?;
            sum = (sum.0 + 1, sum.1 + key.value().len() + value.value().len());
        }
        Ok(sum)
    }
}
