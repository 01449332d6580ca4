//! Whole columns as Arrow arrays: what a scan of all rows gives. Values go by the column and not by the row; where the
//! memory they are decoded into is as Arrow wants it, it is handed on.

use std::hash::Hash;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, DictionaryArray, FixedSizeBinaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::arrow::text_array;
use super::distinct::Distinct;
use super::schema::Meaning;
use super::table::arrow_fault;
use crate::column::{Column, NULL_CODE, Strings};
use crate::error::{Error, Result};
use crate::roll::{Uuids, uuid};

/// Integers of this meaning.
pub(crate) fn ints(values: Vec<i64>, nulls: Option<NullBuffer>, meaning: Meaning) -> Result<ArrayRef> {
    Ok(match meaning {
        Meaning::Money | Meaning::MoneySum => {
            let wide: Vec<i128> = values.iter().map(|&micros| i128::from(micros)).collect();
            Arc::new(primitive::<Decimal128Type>(wide.into(), nulls)?.with_data_type(meaning.plain()))
        }
        Meaning::Time => {
            let array = primitive::<TimestampMicrosecondType>(values.into(), nulls)?;
            Arc::new(array.with_data_type(meaning.plain()))
        }
        Meaning::Date => {
            let is_day = |&day: &i64| i32::try_from(day).is_ok();
            let days: Vec<i32> = values.iter().map(|&day| i32::try_from(day).unwrap_or_default()).collect();
            let exist = if values.iter().all(is_day) { None } else { Some(bitmap(&values, is_day)) };
            let nulls = NullBuffer::union(nulls.as_ref(), exist.as_ref());
            Arc::new(primitive::<Date32Type>(days.into(), nulls)?)
        }
        Meaning::Count | Meaning::Text | Meaning::Uuid => {
            Arc::new(primitive::<Int64Type>(values.into(), nulls)?)
        }
    })
}

fn primitive<T: ArrowPrimitiveType>(
    values: ScalarBuffer<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>> {
    PrimitiveArray::try_new(values, nulls).map_err(arrow_fault)
}

/// Texts as codes: of the roll's own dictionary, or of one that is made of the texts that stand as they are.
pub(crate) fn codes(values: Column, dictionary_of: impl FnOnce(&Strings) -> ArrayRef) -> Result<ArrayRef> {
    match values {
        Column::Coded { dictionary, codes } => coded(keys(codes)?, dictionary_of(&dictionary)),
        Column::Plain { values, nulls } => distinct_texts(values, nulls),
        Column::Int { values, .. } => {
            coded(PrimitiveArray::new_null(values.len()), Arc::new(StringArray::new_null(0)))
        }
    }
}

/// Codes as keys: the same 32 bits, where none is null.
fn keys(mut codes: Vec<u32>) -> Result<PrimitiveArray<Int32Type>> {
    let nulls = codes.contains(&NULL_CODE).then(|| {
        let nulls = bitmap(&codes, |&code| code != NULL_CODE);
        // The value under a null is read by nobody, but should lie in the dictionary all the same.
        codes.iter_mut().filter(|code| **code == NULL_CODE).for_each(|code| *code = 0);
        nulls
    });
    let len = codes.len();
    primitive(ScalarBuffer::new(Buffer::from_vec(codes), 0, len), nulls)
}

/// Which values pass a test, a word at a time.
pub(crate) fn bitmap<T>(values: &[T], test: impl Fn(&T) -> bool) -> NullBuffer {
    let word =
        |values: &[T]| values.iter().rev().fold(0_u64, |word, value| word << 1 | u64::from(test(value)));
    let words: Vec<u64> = values.chunks(64).map(word).collect();
    NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, values.len()))
}

/// Where all texts are there and different they are their own dictionary.
fn distinct_texts(values: Strings, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let mut distinct = Distinct::with_capacity(values.len());
    let keys = places(values.iter(), nulls.as_ref(), &mut distinct);
    let texts = if distinct.len() < values.len() {
        text_array(distinct.values())
    } else {
        drop(distinct);
        let (text, ends) = values.into_parts();
        let ends = ends.into_iter().map(|end| i32::try_from(end).unwrap_or(i32::MAX));
        let offsets: Vec<i32> = [0].into_iter().chain(ends).collect();
        let texts = StringArray::try_new(OffsetBuffer::new(offsets.into()), text.into_bytes().into(), None);
        Arc::new(texts.map_err(arrow_fault)?)
    };
    coded(primitive(keys.into(), nulls)?, texts)
}

/// The places of values among the distinct ones; 0 under a null.
fn places<T: Copy + Eq + Hash>(
    values: impl Iterator<Item = T>,
    nulls: Option<&NullBuffer>,
    distinct: &mut Distinct<T>,
) -> Vec<i32> {
    match nulls {
        None => values.map(|value| distinct.place(value)).collect(),
        Some(nulls) => {
            let place = |(value, valid)| if valid { distinct.place(value) } else { 0 };
            values.zip(nulls).map(place).collect()
        }
    }
}

/// Texts as codes, of a column of UUIDs.
pub(crate) fn uuid_codes(uuids: Uuids) -> Result<ArrayRef> {
    let mut distinct = Distinct::with_capacity(uuids.values.len());
    let keys = places(uuids.values.iter().copied(), uuids.nulls.as_ref(), &mut distinct);
    let mut text = Vec::with_capacity(distinct.len() * uuid::TEXT_LEN);
    distinct.values().iter().for_each(|&uuid| text.extend_from_slice(&uuid::text(uuid)));
    let offsets = OffsetBuffer::try_from_repeated_length(uuid::TEXT_LEN, distinct.len())
        .map_err(|error| Error::invalid("arrow", error.to_string()))?;
    let texts = StringArray::try_new(offsets, text.into(), None).map_err(arrow_fault)?;
    coded(primitive(keys.into(), uuids.nulls)?, Arc::new(texts))
}

/// UUIDs as their bytes, which are 0 under a null.
pub(crate) fn uuid_bytes(uuids: Uuids) -> Result<ArrayRef> {
    let Uuids { mut values, nulls } = uuids;
    if let Some(nulls) = &nulls {
        values.iter_mut().zip(nulls).filter(|(_, valid)| !valid).for_each(|(uuid, _)| *uuid = 0);
    }
    let bytes: Vec<[u8; 16]> = values.iter().map(|uuid| uuid.to_be_bytes()).collect();
    let array = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes.into_flattened()), nulls);
    Ok(Arc::new(array.map_err(arrow_fault)?))
}

fn coded(keys: PrimitiveArray<Int32Type>, texts: ArrayRef) -> Result<ArrayRef> {
    Ok(Arc::new(DictionaryArray::try_new(keys, texts).map_err(arrow_fault)?))
}
