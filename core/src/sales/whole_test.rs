//! Whole columns are what their rows are one by one.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::NullBuffer;
use arrow_select::take::take;
use proptest::prelude::*;

use super::arrow::{by_row, text_array};
use super::schema::Meaning;
use super::select::Chosen;
use super::whole;
use crate::column::{Column, NULL_CODE, Strings};
use crate::roll::{Uuids, uuid};

/// The values of a column row by row: the reference.
fn rows(values: &Column, meaning: Meaning) -> ArrayRef {
    let chosen = Chosen::Some((0..u32::try_from(values.len()).unwrap()).collect());
    by_row(values, &chosen, meaning, Some(dictionary)).unwrap()
}

fn dictionary(texts: &Strings) -> ArrayRef {
    text_array(&texts.iter().collect::<Vec<_>>())
}

/// Texts without their dictionary, which has none twice.
fn plain(column: &ArrayRef) -> ArrayRef {
    let coded = column.as_dictionary::<Int32Type>();
    let texts: &StringArray = coded.values().as_string();
    let mut each: Vec<_> = texts.iter().collect();
    each.sort_unstable();
    assert!(each.windows(2).all(|pair| pair[0] != pair[1]), "{each:?}");
    take(texts, coded.keys(), None).unwrap()
}

fn nulls(valid: &[bool], are_there: bool) -> Option<NullBuffer> {
    are_there.then(|| NullBuffer::from(valid.to_vec()))
}

proptest! {
    #[test]
    fn integers(
        rows_of in prop::collection::vec((prop_oneof![any::<i64>(), -50_000_i64..50_000], any::<bool>()), 0..200),
        has_nulls in any::<bool>(),
    ) {
        let (values, valid): (Vec<i64>, Vec<bool>) = rows_of.into_iter().unzip();
        let nulls = nulls(&valid, has_nulls);
        for meaning in [Meaning::Count, Meaning::Money, Meaning::MoneySum, Meaning::Time, Meaning::Date] {
            let expected = rows(&Column::Int { values: values.clone(), nulls: nulls.clone() }, meaning);
            let whole = whole::ints(values.clone(), nulls.clone(), meaning).unwrap();
            prop_assert_eq!(&whole, &expected);
            prop_assert_eq!(whole.data_type(), &meaning.plain());
        }
    }

    #[test]
    fn codes(
        texts in prop::collection::btree_set("[a-zé]{0,3}", 1..20),
        codes in prop::collection::vec(any::<Option<u8>>(), 0..200),
    ) {
        let dictionary_of: Strings = texts.iter().map(String::as_str).collect();
        let code = |code: Option<u8>| code.map_or(NULL_CODE, |code| u32::from(code) % u32::try_from(dictionary_of.len()).unwrap());
        let codes: Vec<u32> = codes.into_iter().map(code).collect();
        let values = Column::Coded { dictionary: Arc::new(dictionary_of), codes };
        let expected = rows(&values, Meaning::Text);
        let whole = whole::codes(values, dictionary).unwrap();
        prop_assert_eq!(&whole, &expected);
        let keys = whole.as_dictionary::<Int32Type>().keys();
        prop_assert!(keys.values().iter().all(|&key| key >= 0), "what stands under a null lies in the dictionary");
    }

    #[test]
    fn texts_that_stand_as_they_are(
        rows_of in prop::collection::vec(("[ab]{0,2}|.{0,9}", any::<bool>()), 0..100),
        has_nulls in any::<bool>(),
    ) {
        let valid: Vec<bool> = rows_of.iter().map(|(_, valid)| *valid).collect();
        let text = |(text, valid): &(String, bool)| if *valid || !has_nulls { text.clone() } else { String::new() };
        let texts: Vec<String> = rows_of.iter().map(text).collect();
        let values: Strings = texts.iter().map(String::as_str).collect();
        let values = Column::Plain { values, nulls: nulls(&valid, has_nulls) };
        let expected = plain(&rows(&values, Meaning::Text));
        prop_assert_eq!(&plain(&whole::codes(values, dictionary).unwrap()), &expected);
    }

    #[test]
    fn uuids(
        rows_of in prop::collection::vec((prop_oneof![any::<u128>(), 0_u128..3], any::<bool>()), 0..100),
        has_nulls in any::<bool>(),
    ) {
        let (values, valid): (Vec<u128>, Vec<bool>) = rows_of.into_iter().unzip();
        let nulls = nulls(&valid, has_nulls);
        let texts: Vec<_> = values.iter().map(|&uuid| uuid::text(uuid)).collect();
        let texts = texts.iter().map(|text| std::str::from_utf8(text).unwrap()).collect();
        let column = Column::Plain { values: texts, nulls: nulls.clone() };
        let expected = plain(&rows(&column, Meaning::Text));
        let bytes = whole::uuid_bytes(Uuids { values: values.clone(), nulls: nulls.clone() }).unwrap();
        prop_assert_eq!(&bytes, &rows(&column, Meaning::Uuid));
        prop_assert_eq!(bytes.data_type(), &Meaning::Uuid.plain());
        let whole = whole::uuid_codes(Uuids { values, nulls }).unwrap();
        prop_assert_eq!(&plain(&whole), &expected);
    }
}
