//! Columns that move together: within a block, a column that is a function of another one needs no codes of its own.
//!
//! A SKU decides title, item name, item type and term, a marketplace its currency. Such a column keeps one table a
//! block, from the codes of the deciding column (its *key*) to its own, and its rows cost nothing. A key is never itself
//! derived, so one row is two reads at most.

use super::bits;

/// A key may span this many codes, so that a table is at most one page.
pub(crate) const SPAN_MAX: u32 = 65_536;

/// Keys tried for one column in one block.
const KEYS_MAX: usize = 12;

/// A column derived from another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Derivation {
    /// The index of the key column.
    pub key: usize,
    /// The key's smallest stored code.
    pub base: u32,
    /// The stored code for each stored key code from `base` on; 0 where the block has no such key.
    pub table: Vec<u32>,
}

/// What one column of the block looks like.
struct Shape {
    column: usize,
    min: u32,
    span: u32,
    distinct: usize,
}

/// Finds which columns follow from which. Columns that are not coded are `None`; codes are as stored (0 is null).
pub(crate) fn plan(columns: &[Option<&[u32]>]) -> Vec<Option<Derivation>> {
    let mut plan: Vec<Option<Derivation>> = columns.iter().map(|_| None).collect();
    let mut shapes: Vec<Shape> =
        columns.iter().enumerate().filter_map(|(column, codes)| shape(column, (*codes)?)).collect();
    // The most varied first: whoever follows from anything follows from one that varies more.
    shapes.sort_by_key(|shape| std::cmp::Reverse(shape.distinct));
    let mut keys: Vec<&Shape> = Vec::new();
    for shape in &shapes {
        let Some(codes) = columns.get(shape.column).copied().flatten() else { continue };
        let derived = keys.iter().take(KEYS_MAX).find_map(|key| {
            let key_codes = columns.get(key.column).copied().flatten()?;
            let table = table(key_codes, key, codes)?;
            Some(Derivation { key: key.column, base: key.min, table })
        });
        match (derived, plan.get_mut(shape.column)) {
            (Some(derivation), Some(slot)) => *slot = Some(derivation),
            // A table longer than a quarter of the rows would not pay.
            _ if shape.span <= SPAN_MAX && shape.span as usize <= codes.len() / 4 => keys.push(shape),
            _ => {}
        }
    }
    plan
}

/// The shape of a column; `None` for a constant one, which needs no help.
fn shape(column: usize, codes: &[u32]) -> Option<Shape> {
    let (min, max) = codes.iter().fold((u32::MAX, 0), |(min, max), &code| (min.min(code), max.max(code)));
    let span = max.checked_sub(min)?.checked_add(1).filter(|&span| span > 1)?;
    if span > SPAN_MAX * 4 {
        return Some(Shape { column, min, span, distinct: span as usize });
    }
    let mut seen = vec![false; span as usize];
    for code in codes {
        if let Some(seen) = seen.get_mut((code - min) as usize) {
            *seen = true;
        }
    }
    Some(Shape { column, min, span, distinct: seen.into_iter().filter(|&seen| seen).count() })
}

/// The table from key to value, if every key has one value.
fn table(keys: &[u32], key: &Shape, values: &[u32]) -> Option<Vec<u32>> {
    const UNSET: u32 = u32::MAX;
    let mut table = vec![UNSET; key.span as usize];
    for (&code, &value) in keys.iter().zip(values) {
        let slot = table.get_mut((code - key.min) as usize)?;
        if *slot == UNSET {
            *slot = value;
        } else if *slot != value {
            return None;
        }
    }
    table.iter_mut().filter(|slot| **slot == UNSET).for_each(|slot| *slot = 0);
    Some(table)
}

/// Looks up codes of the key in a table; `None` where one is not in it. Keys come as they leave their column, one less
/// than stored, and the table gives codes of the same form.
pub(crate) fn apply(keys: &mut [u32], base: u32, table: &mut Vec<u32>) -> Option<()> {
    let place = |key: u32| key.wrapping_add(1).wrapping_sub(base);
    let last = keys.iter().fold(0, |last, &key| last.max(place(key)));
    if !keys.is_empty() && last as usize >= table.len() {
        return None;
    }
    // A table as long as a power of two and masked places: the compiler sees that none can be outside.
    table.resize(table.len().next_power_of_two(), 0);
    let mask = table.len() - 1;
    for key in keys {
        *key = table.get(place(*key) as usize & mask).copied().unwrap_or_default();
    }
    Some(())
}

/// The number of rows of a table as stored.
pub(crate) fn span(derivation: &Derivation) -> u32 {
    bits::count(derivation.table.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_the_key_is_found_and_a_near_miss_is_not() {
        let rows = 1000;
        let sku: Vec<u32> = (0..rows).map(|i| i * 7 % 50 + 10).collect();
        let title: Vec<u32> = sku.iter().map(|sku| sku % 9).collect();
        let mut almost = title.clone();
        almost[999] += 1;
        let constant = vec![3; rows as usize];
        let plan = plan(&[Some(&title), Some(&sku), None, Some(&almost), Some(&constant)]);
        let derivation = plan[0].as_ref().unwrap();
        assert_eq!((derivation.key, derivation.base, derivation.table.len()), (1, 10, 50));
        assert_eq!(derivation.table[3], 13 % 9);
        assert!(plan[1..].iter().all(Option::is_none), "{plan:?}");
    }

    #[test]
    fn a_key_is_never_derived_itself() {
        let a: Vec<u32> = (0..1000).map(|i| i % 40).collect();
        let b: Vec<u32> = a.iter().map(|a| a / 2).collect();
        let c: Vec<u32> = b.iter().map(|b| b / 2).collect();
        let plan = plan(&[Some(&c), Some(&b), Some(&a)]);
        assert_eq!(plan[0].as_ref().map(|derivation| derivation.key), Some(2));
        assert_eq!(plan[1].as_ref().map(|derivation| derivation.key), Some(2));
        assert_eq!(plan[2], None);
    }

    #[test]
    fn a_key_outside_the_table_is_damage() {
        // Stored keys 5, 6 and 7 arrive as codes 4, 5 and 6.
        let mut keys = [4, 5, 6];
        assert_eq!(apply(&mut keys, 5, &mut vec![10, 20, 30]), Some(()));
        assert_eq!(keys, [10, 20, 30]);
        assert_eq!(apply(&mut [3], 5, &mut vec![10, 20, 30]), None);
        assert_eq!(apply(&mut [7], 5, &mut vec![10, 20, 30]), None);
        let mut nulls = [crate::column::NULL_CODE];
        assert_eq!(apply(&mut nulls, 0, &mut vec![9]), Some(()));
        assert_eq!(nulls, [9]);
    }
}
