//! From stored columns to Arrow arrays.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_buffer::NullBuffer;

use super::catalogue::{Products, StoreProducts};
use super::distinct::Distinct;
use super::manifest::Report;
use super::schema::{Meaning, Origin, SKU, SalesColumn};
use super::select::{Chosen, Piece};
use super::table::arrow_fault;
use super::whole;
use crate::column::{Column, NULL_CODE, Strings};
use crate::error::{Error, Result, quoted};
use crate::ingest::{Interpreted, RowValues, written};
use crate::roll::{Uuids, uuid};

/// The most bytes of dictionaries that a scan keeps.
const DICTIONARY_BYTES_MAX: usize = 16 << 20;

/// The dictionaries of rolls as Arrow has them: what lies in many pieces is made once.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries {
    /// By the number of the roll and the name of the column.
    made: HashMap<u32, HashMap<String, ArrayRef>>,
    bytes: usize,
}

impl Dictionaries {
    fn of(&mut self, number: u32, column: &str, dictionary: &Strings) -> ArrayRef {
        if let Some(made) = self.made.get(&number).and_then(|made| made.get(column)) {
            return Arc::clone(made);
        }
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(dictionary.iter()));
        let bytes = array.get_array_memory_size();
        if self.bytes.saturating_add(bytes) > DICTIONARY_BYTES_MAX {
            self.made.clear();
            self.bytes = 0;
        }
        if bytes <= DICTIONARY_BYTES_MAX {
            self.bytes += bytes;
            self.made.entry(number).or_default().insert(column.to_owned(), Arc::clone(&array));
        }
        array
    }
}

/// Locks dictionaries, which are whole after each single step.
fn lock(dictionaries: &Mutex<Dictionaries>) -> MutexGuard<'_, Dictionaries> {
    dictionaries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a scan's column, without a dictionary that it has in common with others.
pub(crate) fn own_bytes(column: &ArrayRef) -> usize {
    match column.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
        Some(coded) if coded.values().len() > coded.len() => coded.keys().get_array_memory_size(),
        _ => column.get_array_memory_size(),
    }
}

/// The chosen values of a column, text as codes of dictionaries if there is a place for these.
pub(crate) fn array(
    column: &SalesColumn,
    piece: &Piece,
    chosen: &Chosen,
    products: &Products,
    dictionaries: Option<&Mutex<Dictionaries>>,
) -> Result<ArrayRef> {
    let text = match column.origin {
        Origin::Account => {
            let id = |report: &Report| i64::try_from(report.key.account).unwrap_or(i64::MAX);
            let (ids, runs) = of_reports(piece, chosen, id);
            return Ok(Arc::new(Int64Array::from(repeated(&ids, &runs))));
        }
        Origin::Product => {
            return products_of(piece, chosen, products.of_store(piece.store));
        }
        Origin::Roll => return stored(column, piece, chosen, dictionaries),
        Origin::Store => |report: &Report| report.store().to_string(),
        Origin::Kind => |report: &Report| report.key.kind.to_string(),
        Origin::Period => |report: &Report| report.key.period.to_string(),
    };
    let (texts, runs) = of_reports(piece, chosen, text);
    if dictionaries.is_some() {
        let mut distinct = Distinct::with_capacity(texts.len());
        let places: Vec<i32> = texts.iter().map(|text| distinct.place(text.as_str())).collect();
        let (keys, texts) = (Int32Array::from(repeated(&places, &runs)), text_array(distinct.values()));
        return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts).map_err(arrow_fault)?));
    }
    let texts = texts.iter().zip(runs).flat_map(|(text, rows)| std::iter::repeat_n(text, rows));
    Ok(Arc::new(StringArray::from_iter_values(texts)))
}

/// What the chosen rows have of their reports: the values, each with how many rows in a row have it.
fn of_reports<T: PartialEq>(
    piece: &Piece,
    chosen: &Chosen,
    value: impl Fn(&Report) -> T,
) -> (Vec<T>, Vec<usize>) {
    let (mut values, mut runs) = (Vec::new(), Vec::<usize>::new());
    for (report, rows) in piece.owned() {
        let (value, rows) = (value(report), chosen.within(rows));
        match runs.last_mut().filter(|_| values.last() == Some(&value)) {
            Some(run) => *run += rows,
            None => {
                values.push(value);
                runs.push(rows);
            }
        }
    }
    (values, runs)
}

/// Each value as often as its run says.
fn repeated<T: Copy>(values: &[T], runs: &[usize]) -> Vec<T> {
    let mut all = Vec::with_capacity(runs.iter().sum());
    values.iter().zip(runs).for_each(|(value, &rows)| all.extend(std::iter::repeat_n(*value, rows)));
    all
}

/// The products of a piece's rows.
fn products_of(piece: &Piece, chosen: &Chosen, products: StoreProducts<'_>) -> Result<ArrayRef> {
    let mut ids: Vec<Option<i64>> = Vec::with_capacity(chosen.len());
    match piece.read(SKU)? {
        // With many rows each SKU is looked up once.
        Some(Column::Coded { dictionary, codes })
            if dictionary.len() < chosen.len() && dictionary.iter().all(|sku| products.sku_tells(sku)) =>
        {
            let of_code: Vec<_> = dictionary.iter().map(|sku| products.of_sku(Some(sku))).collect();
            let of = |&code: &u32| of_code.get(code as usize).copied().flatten();
            if is_all(chosen, piece) && codes.iter().all(|code| of(code).is_some()) {
                let ids: Vec<i64> = codes.iter().map(|code| of(code).unwrap_or_default()).collect();
                return Ok(Arc::new(Int64Array::from(ids)));
            }
            chosen.for_each(|row| ids.push(codes.get(row).and_then(of)));
        }
        Some(skus) if chosen.all(|row| skus.text(row).is_none_or(|sku| products.sku_tells(sku))) => {
            chosen.for_each(|row| ids.push(products.of_sku(skus.text(row))));
        }
        _ => {
            let of_row = piece.by_item(|key| products.of(key))?;
            chosen.for_each(|row| ids.push(of_row.get(row).copied().flatten()));
        }
    }
    Ok(Arc::new(Int64Array::from(ids)))
}

/// Texts one behind the other.
pub(crate) fn text_array(texts: &[&str]) -> ArrayRef {
    let mut array = StringBuilder::with_capacity(texts.len(), texts.iter().map(|text| text.len()).sum());
    texts.iter().for_each(|text| array.append_value(text));
    Arc::new(array.finish())
}

/// A column whose dictionary has each text once. Those of several pieces together may have one more often.
pub(crate) fn each_text_once(column: &ArrayRef) -> Result<ArrayRef> {
    let Some(coded) = column.as_any().downcast_ref::<DictionaryArray<Int32Type>>() else {
        return Ok(Arc::clone(column));
    };
    let Some(texts) = coded.values().as_any().downcast_ref::<StringArray>() else {
        return Ok(Arc::clone(column));
    };
    let mut distinct = Distinct::with_capacity(texts.len());
    let places: Vec<Option<i32>> = texts.iter().map(|text| Some(distinct.place(text?))).collect();
    if distinct.len() == texts.len() {
        return Ok(Arc::clone(column));
    }
    let place = |key: Option<i32>| places.get(usize::try_from(key?).ok()?).copied().flatten();
    let keys: Int32Array = coded.keys().iter().map(place).collect();
    Ok(Arc::new(
        DictionaryArray::<Int32Type>::try_new(keys, text_array(distinct.values())).map_err(arrow_fault)?,
    ))
}

/// Whether all rows of a piece are chosen, so that its columns can be taken as they are.
fn is_all(chosen: &Chosen, piece: &Piece) -> bool {
    *chosen == Chosen::All(piece.len())
}

fn stored(
    column: &SalesColumn,
    piece: &Piece,
    chosen: &Chosen,
    dictionaries: Option<&Mutex<Dictionaries>>,
) -> Result<ArrayRef> {
    let interpreted = Interpreted::of(&column.name);
    let is_coded = column.meaning == Meaning::Text && dictionaries.is_some();
    if (is_coded || column.meaning == Meaning::Uuid) && interpreted.is_none() && is_all(chosen, piece) {
        // Identifiers are told apart as numbers; their text is only written.
        if let Some(uuids) = piece.read_uuids(&column.name)? {
            return if is_coded { whole::uuid_codes(uuids) } else { whole::uuid_bytes(uuids) };
        }
    }
    let values = match interpreted {
        Some(interpreted) => Some(written_texts(interpreted, &column.name, piece)?),
        None => piece.read(&column.name)?,
    };
    let Some(values) = values else {
        let ty = if dictionaries.is_some() { column.meaning.coded() } else { column.meaning.plain() };
        return Ok(new_null_array(&ty, chosen.len()));
    };
    let dictionary_of = dictionaries
        .map(|dictionaries| |texts: &Strings| lock(dictionaries).of(piece.number, &column.name, texts));
    let is_whole = is_all(chosen, piece) && values.len() == piece.len();
    given(values, chosen, is_whole, column.meaning, dictionary_of)
}

/// The chosen values of a column, which are all of it where it `is_whole`. Their type is that of the meaning, whatever
/// stands in the roll.
fn given(
    values: Column,
    chosen: &Chosen,
    is_whole: bool,
    meaning: Meaning,
    dictionary_of: Option<impl FnOnce(&Strings) -> ArrayRef>,
) -> Result<ArrayRef> {
    match (meaning, values, dictionary_of) {
        (Meaning::Text, values, Some(dictionary_of)) if is_whole => whole::codes(values, dictionary_of),
        (Meaning::Text | Meaning::Uuid, values, dictionary_of) => {
            by_row(&values, chosen, meaning, dictionary_of)
        }
        (meaning, Column::Int { values, nulls }, _) if is_whole => whole::ints(values, nulls, meaning),
        (meaning, values, dictionary_of) => by_row(&values, chosen, meaning, dictionary_of),
    }
}

/// The chosen values of a column, one by one.
pub(crate) fn by_row(
    values: &Column,
    chosen: &Chosen,
    meaning: Meaning,
    dictionary_of: Option<impl FnOnce(&Strings) -> ArrayRef>,
) -> Result<ArrayRef> {
    match (meaning, dictionary_of) {
        (Meaning::Text, Some(dictionary_of)) => coded_texts(values, chosen, dictionary_of),
        (Meaning::Text, None) => Ok(plain_texts(values, chosen)),
        (Meaning::Uuid, _) => whole::uuid_bytes(uuids(values, chosen)?),
        (meaning, _) => Ok(ints(values, chosen, meaning)),
    }
}

/// The text of an interpreted column as the file had it. Only what differs from the canonical form is stored; the
/// rest is made from the values it was read into.
fn written_texts(interpreted: Interpreted, name: &str, piece: &Piece) -> Result<Column> {
    let kept = piece.read(name)?;
    let marketplace = piece.read("marketplace")?;
    let currency = piece.read("currency")?;
    let time = piece.read("time")?;
    let [units, sales, earnings] = [piece.read("units")?, piece.read("sales")?, piece.read("earnings")?];
    fn text(column: Option<&Column>, row: usize) -> Option<&str> {
        column.and_then(|column| column.text(row))
    }
    let int = |column: &Option<Column>, row| column.as_ref().and_then(|column| column.int(row));
    let (mut values, mut valid) = (Strings::default(), Vec::with_capacity(piece.len()));
    for row in 0..piece.len() {
        let read = RowValues {
            marketplace: text(marketplace.as_ref(), row),
            currency: text(currency.as_ref(), row),
            time: int(&time, row),
            units: int(&units, row),
            sales: int(&sales, row),
            earnings: int(&earnings, row),
        };
        let whole = written(interpreted, text(kept.as_ref(), row), &read);
        valid.push(whole.is_some());
        values.push(whole.as_deref().unwrap_or_default());
    }
    Ok(Column::Plain { values, nulls: Some(NullBuffer::from(valid)) })
}

fn ints(values: &Column, chosen: &Chosen, meaning: Meaning) -> ArrayRef {
    fn each<T>(chosen: &Chosen, mut value: impl FnMut(usize) -> T) -> Vec<T> {
        let mut list = Vec::with_capacity(chosen.len());
        chosen.for_each(|row| list.push(value(row)));
        list
    }
    match meaning {
        Meaning::Money | Meaning::MoneySum => {
            let array = Decimal128Array::from(each(chosen, |row| values.int(row).map(i128::from)));
            Arc::new(array.with_data_type(meaning.plain()))
        }
        Meaning::Time => {
            let array = TimestampMicrosecondArray::from(each(chosen, |row| values.int(row)));
            Arc::new(array.with_data_type(meaning.plain()))
        }
        Meaning::Date => {
            let day = |row| values.int(row).and_then(|day| i32::try_from(day).ok());
            Arc::new(Date32Array::from(each(chosen, day)))
        }
        Meaning::Count | Meaning::Text | Meaning::Uuid => {
            Arc::new(Int64Array::from(each(chosen, |row| values.int(row))))
        }
    }
}

/// The chosen texts as UUIDs, which all of them must be.
fn uuids(values: &Column, chosen: &Chosen) -> Result<Uuids> {
    let (mut uuids, mut valid) = (Vec::with_capacity(chosen.len()), Vec::with_capacity(chosen.len()));
    let mut other = None;
    chosen.for_each(|row| {
        let text = values.text(row);
        let uuid = text.and_then(uuid::parse);
        other = other.or(text.filter(|_| uuid.is_none()));
        valid.push(uuid.is_some());
        uuids.push(uuid.unwrap_or_default());
    });
    match other {
        None => Ok(Uuids { values: uuids, nulls: Some(valid.into()) }),
        Some(text) => {
            let detail = format!("the transaction id {} is no UUID in small letters", quoted(text));
            Err(Error::invalid("binary_ids", detail))
        }
    }
}

fn plain_texts(values: &Column, chosen: &Chosen) -> ArrayRef {
    let mut texts = StringBuilder::with_capacity(chosen.len(), 16 * chosen.len());
    chosen.for_each(|row| texts.append_option(values.text(row)));
    Arc::new(texts.finish())
}

/// Codes point into the roll's own dictionary, or into one that is made of the texts that stand as they are.
fn coded_texts(
    values: &Column,
    chosen: &Chosen,
    dictionary_of: impl FnOnce(&Strings) -> ArrayRef,
) -> Result<ArrayRef> {
    let mut keys: Vec<Option<i32>> = Vec::with_capacity(chosen.len());
    let texts: ArrayRef = match values {
        Column::Coded { dictionary, codes } => {
            chosen.for_each(|row| {
                let code = codes.get(row).copied().filter(|&code| code != NULL_CODE);
                keys.push(code.and_then(|code| i32::try_from(code).ok()));
            });
            dictionary_of(dictionary)
        }
        other => {
            let mut distinct = Distinct::with_capacity(chosen.len());
            chosen.for_each(|row| keys.push(other.text(row).map(|text| distinct.place(text))));
            text_array(distinct.values())
        }
    };
    let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), texts);
    Ok(Arc::new(array.map_err(arrow_fault)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_stand_as_they_are_get_a_dictionary_with_each_once() {
        let values = Column::Plain { values: ["b", "a", "b", "", "c"].into_iter().collect(), nulls: None };
        let no_other = |_: &Strings| -> ArrayRef { Arc::new(StringArray::new_null(0)) };
        let made = coded_texts(&values, &Chosen::Some(vec![0, 1, 2, 3]), no_other).unwrap();
        let made = made.as_any().downcast_ref::<DictionaryArray<Int32Type>>().unwrap();
        assert_eq!(made.values().as_ref(), &StringArray::from(vec!["b", "a", ""]) as &dyn Array);
        assert_eq!(made.keys().values().as_ref(), [0, 1, 0, 2]);
    }

    #[test]
    fn numbers_where_texts_should_be_are_texts_that_are_not_there() {
        let none = None::<fn(&Strings) -> ArrayRef>;
        let of = |_: &Strings| -> ArrayRef { Arc::new(StringArray::new_null(0)) };
        let values = || Column::Int { values: vec![1, 2], nulls: None };
        for is_whole in [true, false] {
            let given = |meaning| given(values(), &Chosen::All(2), is_whole, meaning, none).unwrap();
            for meaning in [Meaning::Text, Meaning::Uuid] {
                assert_eq!((given(meaning).data_type(), given(meaning).null_count()), (&meaning.plain(), 2));
            }
            let coded = super::given(values(), &Chosen::All(2), is_whole, Meaning::Text, Some(of)).unwrap();
            assert_eq!((coded.data_type(), coded.logical_null_count()), (&Meaning::Text.coded(), 2));
        }
    }

    #[test]
    fn a_dictionary_has_each_text_once() {
        let texts = Arc::new(StringArray::from(vec!["EUR", "USD", "EUR"]));
        let keys = Int32Array::from(vec![Some(2), None, Some(1), Some(0)]);
        let twice: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts).unwrap());
        let once = each_text_once(&twice).unwrap();
        let once = once.as_any().downcast_ref::<DictionaryArray<Int32Type>>().unwrap();
        assert_eq!(once.values().as_ref(), &StringArray::from(vec!["EUR", "USD"]) as &dyn Array);
        assert_eq!(once.keys(), &Int32Array::from(vec![Some(0), None, Some(1), Some(0)]));
    }
}
