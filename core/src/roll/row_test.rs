//! Rows that are read wholly, and the finding of those.

use std::sync::Arc;

use super::footer::Chunk;
use super::test::{Dir, as_batch, disk, sales_like};
use super::{Cache, Key, Roll};
use crate::ErrorKind;

/// Either way to find rows by their keys.
type Find = fn(&Roll, usize, &[Key<'_>]) -> crate::Result<Vec<(u32, usize)>>;

#[test]
fn finding_many_reads_the_indexed_column_alone() {
    let columns = sales_like(0, 5_000);
    let dir = Dir::new();
    let _ = dir.roll(Some("id"), &[as_batch(&columns)]);
    let id = columns.iter().find_map(|(name, cells)| (*name == "id").then(|| &cells[4_321])).unwrap();
    let super::Cell::Text(id) = id else { panic!("{id:?}") };
    let bytes_of = |find: Find| {
        let cache = Arc::new(Cache::new(16 << 20));
        let roll = Roll::open(&disk(), &dir.path(), Arc::clone(&cache)).unwrap();
        assert_eq!(find(&roll, 0, &[Key::new(id)]).unwrap(), [(4_321, 0)]);
        let found = cache.bytes();
        roll.gather(0, roll.field(0, "id").unwrap(), &[4_321]).unwrap();
        (found, cache.bytes())
    };
    let ((many, gathered), (whole, _)) = (bytes_of(Roll::find_many), bytes_of(Roll::find_whole));
    assert!(many < whole, "{many} bytes, {whole}");
    assert_eq!(many, gathered, "the page that is read next is there already");
}

#[test]
fn a_key_that_is_not_coded_is_damage() {
    let dir = Dir::new();
    let mut roll = dir.roll(None, &[as_batch(&sales_like(0, 5_000))]);
    let column = roll.field(0, "title").unwrap();
    let chunk = &roll.footer.tables[0].columns[column].chunks[0];
    let &Chunk::Derived { key, .. } = chunk else { panic!("{chunk:?}") };
    let of_key = &mut Arc::get_mut(&mut roll).unwrap().footer.tables[0].columns[key as usize].chunks[0];
    let Chunk::Coded { pages, .. } = of_key else { panic!("{of_key:?}") };
    *of_key = Chunk::Plain { nulls: 0, pages: pages.clone() };
    let errors = [
        roll.cells(0, 7).unwrap().cell(column).unwrap_err(),
        roll.gather(0, column, &[7]).unwrap_err(),
        roll.read(0, column, 0..9).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Corruption);
        assert!(error.to_string().contains("a column that is not coded"), "{error}");
    }
}
