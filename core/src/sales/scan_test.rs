//! Scans give rows report by report, however these lie in their rolls.

use std::fmt::Write as _;
use std::fs;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, StringArray};
use serde_json::json;

use super::test::{HEADER, Shop};
use super::*;

/// Writes a part of March with so many rows, called by the part and their number. Files are read by their paths: later
/// parts lie in earlier folders, if they are to be mixed.
fn write(shop: &Shop, (part, rows): (u32, u32), is_mixed: bool) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        let sku = if row % 3 == 0 { "a" } else { "b" };
        let line = "DE,,{id},2018-03-05 12:00:00,Charge,,{sku},Title,,App,1,EUR,1.00,0.70";
        let line = line.replace("{id}", &format!("{part}-{row}")).replace("{sku}", sku);
        write!(text, "\nAmazon.de,{line}").unwrap();
    }
    let folder = shop.path(if is_mixed && part.is_multiple_of(3) { "a" } else { "b" });
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("sales-2018-03-{part:05}.csv"));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn import(shop: &Shop, parts: &[(u32, u32)], are_mixed: bool) {
    let paths: Vec<String> = parts.iter().map(|&part| write(shop, part, are_mixed)).collect();
    // A shop has one thread, so that they lie as they are read.
    shop.sales.import(&paths, 7, &ImportOptions::default()).unwrap();
}

/// The ids of these parts' rows.
fn ids(parts: &[(u32, u32)]) -> Vec<String> {
    parts.iter().flat_map(|&(part, rows)| (0..rows).map(move |row| format!("{part}-{row}"))).collect()
}

/// The transaction ids that a query chooses.
fn scanned(shop: &Shop, mut query: serde_json::Value) -> Vec<String> {
    query["columns"] = json!(["transaction_id"]);
    let batches = shop.sales.scan(&Query::from_json(&query).unwrap()).unwrap();
    batches.flat_map(|batch| texts(batch.unwrap().column(0))).collect()
}

fn texts(column: &ArrayRef) -> Vec<String> {
    let coded = column.as_dictionary::<Int32Type>();
    let coded = coded.downcast_dict::<StringArray>().unwrap();
    coded.into_iter().map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn parts_that_lie_in_another_order_are_given_in_theirs() {
    let shop = Shop::new();
    let mut parts: Vec<(u32, u32)> = (1..=23).map(|part| (part, part % 4 + 1)).collect();
    import(&shop, &parts, true);
    assert_eq!(scanned(&shop, json!({})), ids(&parts));
    // One that was restated lies elsewhere, and leaves a gap.
    import(&shop, &[(5, 7)], true);
    parts[4] = (5, 7);
    let expected = ids(&parts);
    assert_eq!(scanned(&shop, json!({})), expected);
    for limit in 0..=expected.len() {
        assert_eq!(scanned(&shop, json!({"limit": limit})), expected[..limit], "the first {limit}");
    }
    let is_a = |id: &&String| id.split('-').nth(1).unwrap().parse::<u32>().unwrap() % 3 == 0;
    let chosen: Vec<String> = expected.iter().filter(is_a).cloned().collect();
    assert_eq!(scanned(&shop, json!({"sku": "a"})), chosen);
    let rows: usize =
        shop.sales.scan(&Query::new().columns([""; 0])).unwrap().map(|b| b.unwrap().num_rows()).sum();
    assert_eq!(rows, expected.len(), "without columns there are as many rows");
    let everything = shop.sales.scan(&Query::new()).unwrap().map(|batch| batch.unwrap());
    let of_all = everything.flat_map(|batch| texts(batch.column_by_name("transaction_id").unwrap()));
    assert_eq!(of_all.collect::<Vec<_>>(), expected);
}

#[test]
fn small_parts_are_given_together() {
    for are_mixed in [false, true] {
        let shop = Shop::new();
        let parts: Vec<(u32, u32)> = (1..=23).map(|part| (part, 2)).collect();
        import(&shop, &parts, are_mixed);
        assert_eq!(shop.sales.scan(&Query::new()).unwrap().count(), 1);
        assert_eq!(scanned(&shop, json!({})), ids(&parts));
        let listed: Vec<_> = shop.sales.imports(None).unwrap().into_iter().map(|one| one.part).collect();
        assert_eq!(listed, (1..=23).map(|part: u32| part.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn parts_across_blocks_keep_their_order() {
    let shop = Shop::new();
    let parts: Vec<(u32, u32)> = (1..=11).map(|part| (part, 6_100)).collect();
    assert!(parts.iter().map(|(_, rows)| rows).sum::<u32>() > crate::roll::BLOCK_ROWS);
    import(&shop, &parts, true);
    assert!(scanned(&shop, json!({})) == ids(&parts));
}

#[test]
fn what_threads_read_ahead_comes_in_the_order_of_the_rows() {
    let (alone, shop) = (Shop::new(), Shop::with_threads(3));
    // Shared between accounts, so that there are several windows.
    let parts: Vec<(u32, u32)> = (1..=40).map(|part| (part, 100 + part)).collect();
    for shop in [&alone, &shop] {
        for account in 1..=9 {
            let paths: Vec<String> = parts.iter().map(|&part| write(shop, part, false)).collect();
            shop.sales.import(&paths, account, &ImportOptions::default()).unwrap();
        }
    }
    let batches = |shop: &Shop| -> Vec<_> {
        shop.sales.scan(&Query::new()).unwrap().map(|batch| batch.unwrap()).collect()
    };
    let expected = scanned(&alone, json!({}));
    assert!(batches(&shop).len() > 5, "too few to read ahead");
    let accounts = |batch: &arrow_array::RecordBatch| -> Vec<i64> {
        batch.column_by_name("account").unwrap().as_primitive::<Int64Type>().values().to_vec()
    };
    assert!(batches(&shop).iter().flat_map(accounts).is_sorted());
    assert_eq!(expected.len(), 9 * ids(&parts).len());
    for limit in [None, Some(5), Some(20_000)] {
        let rows = limit.unwrap_or(expected.len());
        assert!(scanned(&shop, json!({"limit": limit})) == expected[..rows.min(expected.len())], "{limit:?}");
    }
    // One that is given up half way leaves nothing running.
    let mut scan = shop.sales.scan(&Query::new()).unwrap();
    scan.next().unwrap().unwrap();
    scan.next().unwrap().unwrap();
    drop(scan);
}

/// A shop with rows that have these ids.
fn with_ids(ids: &[&str]) -> Shop {
    let shop = Shop::new();
    import_ids(&shop, 3, ids);
    shop
}

/// Imports a month with rows that have these ids.
fn import_ids(shop: &Shop, month: u32, ids: &[&str]) {
    let mut text = HEADER.to_owned();
    for (row, id) in ids.iter().enumerate() {
        let time = format!("2018-{month:02}-05 12:00:00");
        write!(text, "\nAmazon.de,DE,,{id},{time},Charge,,sku{row},T,,App,1,EUR,1.00,0.70").unwrap();
    }
    let path = shop.path(&format!("sales-2018-{month:02}.csv"));
    fs::write(&path, text).unwrap();
    shop.sales.import(&[path.to_str().unwrap()], 7, &ImportOptions::default()).unwrap();
}

fn binary_ids(shop: &Shop, mut query: serde_json::Value) -> Result<Vec<Option<u128>>> {
    query["columns"] = json!(["sku", "transaction_id"]);
    query["binary_ids"] = json!(true);
    let mut ids = Vec::new();
    for batch in shop.sales.scan(&Query::from_json(&query)?)? {
        let batch = batch?;
        assert_eq!(batch.schema().field(1).data_type(), &schema::Meaning::Uuid.plain());
        let bytes = batch.column(1).as_fixed_size_binary();
        ids.extend(bytes.iter().map(|id| id.map(|id| u128::from_be_bytes(id.try_into().unwrap()))));
    }
    Ok(ids)
}

#[test]
fn ids_are_given_as_bytes_where_they_are_uuids() {
    let ids: Vec<u128> = (0..9).map(|row| 0x8a45_9668_e12c_42da_8781_f760_e075_2f5b ^ (row << 64)).collect();
    let texts: Vec<_> = ids.iter().map(|&id| crate::roll::uuid::text(id)).collect();
    let mut texts: Vec<&str> = texts.iter().map(|text| std::str::from_utf8(text).unwrap()).collect();
    let given = |ids: &[u128]| ids.iter().map(|&id| Some(id)).collect::<Vec<_>>();
    let shop = with_ids(&texts);
    assert_eq!(binary_ids(&shop, json!({})).unwrap(), given(&ids));
    assert_eq!(binary_ids(&shop, json!({"sku": ["sku2", "sku5"]})).unwrap(), given(&[ids[2], ids[5]]));
    assert_eq!(binary_ids(&shop, json!({"limit": 4})).unwrap(), given(&ids[..4]));
    texts[3] = "";
    let some = binary_ids(&with_ids(&texts), json!({})).unwrap();
    assert_eq!((some[2], some[3], some[4]), (Some(ids[2]), None, Some(ids[4])));
    texts[3] = "8A459668-e12c-42da-8781-f760e0752f5b";
    let other = with_ids(&texts);
    let refused = binary_ids(&other, json!({})).unwrap_err().to_string();
    assert!(refused.contains("binary_ids") && refused.contains(texts[3]), "{refused}");
    assert_eq!(binary_ids(&other, json!({"sku": "sku2"})).unwrap(), given(&[ids[2]]));
    let report = shop.sales.report(&Query::new().binary_ids(true)).unwrap_err();
    assert!(report.to_string().contains("binary_ids"), "{report}");
}

#[test]
fn behind_an_error_nothing_is_given() {
    let query = Query::from_json(&json!({"columns": ["transaction_id"], "binary_ids": true})).unwrap();
    for threads in [1, 3] {
        let shop = Shop::with_threads(threads);
        let id = "8a459668-e12c-42da-8781-f760e0752f5b";
        for (month, id) in [(3, id), (4, "no uuid"), (5, id)] {
            import_ids(&shop, month, &[id]);
        }
        assert_eq!(shop.sales.scan(&Query::new()).unwrap().count(), 3);
        let given: Vec<bool> = shop.sales.scan(&query).unwrap().map(|batch| batch.is_ok()).collect();
        assert_eq!(given, [true, false], "{threads} threads");
    }
}

fn read_rows(shop: &Shop, query: serde_json::Value) -> usize {
    shop.sales.scan(&Query::from_json(&query).unwrap()).unwrap().first_reads()
}

#[test]
fn no_more_is_read_than_is_asked_for() {
    for are_mixed in [false, true] {
        let shop = Shop::new();
        let parts: Vec<(u32, u32)> = (1..=23).map(|part| (part, 200)).collect();
        import(&shop, &parts, are_mixed);
        assert_eq!(read_rows(&shop, json!({})), 4_600);
        for limit in [1, 10, 200, 201, 1_000] {
            assert_eq!(scanned(&shop, json!({"limit": limit})), ids(&parts)[..limit]);
            let read = read_rows(&shop, json!({"limit": limit}));
            // Parts between those that are wanted may lie in between them.
            assert!(read == limit || are_mixed && limit > 200 && read < 4_600, "{read} rows for {limit}");
        }
        // Every third row has the SKU.
        assert_eq!(read_rows(&shop, json!({"limit": 10, "sku": "a"})), 28);
        assert_eq!(scanned(&shop, json!({"limit": 3, "sku": "a"})), ["1-0", "1-3", "1-6"]);
    }
}
