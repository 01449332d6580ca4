//! Rows that are read wholly.

use std::sync::Arc;

use super::footer::Chunk;
use super::test::{Dir, as_batch, sales_like};
use crate::ErrorKind;

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
