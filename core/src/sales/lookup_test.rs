//! Many ids at once say what they say one by one, and that is what a scan of all rows says.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::Field;
use arrow_select::take::take;
use proptest::prelude::*;

use super::Value;
use super::test::{Row, Shop};
use crate::{Query, Result};

const ACCOUNTS: u64 = 4;

fn rows(count: usize) -> Vec<Row<'static>> {
    const SKUS: [&str; 3] = ["chess", "rdio", ""];
    let day = |row: usize| u8::try_from(row % 28 + 1).unwrap();
    (0..count).map(|row| (day(row), SKUS[row % 3], "Title", "")).collect()
}

/// Texts without their dictionary.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.as_dictionary_opt::<Int32Type>() {
        Some(coded) => take(coded.values(), coded.keys(), None).unwrap(),
        None => Arc::clone(column),
    }
}

/// All rows, in the order of a scan, which is that of accounts and lines here.
fn scanned(shop: &Shop) -> Vec<Vec<Value>> {
    let batches: Vec<_> = shop.sales.scan(&Query::new()).unwrap().collect::<Result<_, _>>().unwrap();
    let table = |batch: &arrow_array::RecordBatch| {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            let plain = plain(column);
            (Field::new(field.name(), plain.data_type().clone(), true), plain)
        });
        super::Table::new(columns.collect(), batch.num_rows()).unwrap().rows().collect::<Vec<_>>()
    };
    batches.iter().flat_map(table).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn many_ids_are_each_of_them(
        imports in prop::collection::vec((1..=ACCOUNTS, 1_usize..40), 1..8),
        asked in prop::collection::vec(0_usize..45, 0..60),
    ) {
        let shop = Shop::new();
        for (account, count) in imports {
            shop.import(account, &rows(count));
        }
        let ids: Vec<String> = asked.iter().map(|number| format!("t{number}")).collect();
        let place = shop.sales.columns().unwrap().iter().position(|name| name == "transaction_id").unwrap();
        let all = scanned(&shop);
        let with = |id: &String| all.iter().filter(|row| row[place] == Value::Text(id.clone())).cloned().collect();
        let expected: Vec<Vec<Vec<Value>>> = ids.iter().map(with).collect();
        let single = |id: &String| {
            let sales = shop.sales.get(id).unwrap();
            sales.iter().map(|sale| sale.iter().map(|(_, value)| value.clone()).collect()).collect()
        };
        let singles: Vec<Vec<Vec<Value>>> = ids.iter().map(single).collect();
        prop_assert_eq!(&singles, &expected);
        let many: Vec<Vec<Value>> = shop.sales.get_many(&ids).unwrap().rows().collect();
        prop_assert_eq!(many, expected.concat());
    }
}
