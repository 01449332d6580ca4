//! Results as plain Python data and back: what `pickle` and `copy` take them through.
//!
//! A result's `__reduce__` names [`rebuild`] and what to call it with. Handles have none, and Python refuses them.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use tillroll_core as core;

use crate::db::CheckReport;
use crate::imports::{Import, ImportProgress, ImportSummary, ImportVersion};
use crate::page::Page;
use crate::record::Record;
use crate::repair::ReportFile;
use crate::sale::Sale;
use crate::scan::Batch;
use crate::table::Table;

/// What `__reduce__` gives.
pub type Reduced<'py> = (Bound<'py, PyAny>, (&'static str, Bound<'py, PyAny>));

/// Names the function that makes such a thing again, and what it takes.
pub fn reduced<'py>(
    py: Python<'py>,
    kind: &'static str,
    state: impl IntoPyObject<'py>,
) -> PyResult<Reduced<'py>> {
    let state = state.into_bound_py_any(py)?;
    Ok((py.import("tillroll._tillroll")?.getattr("_rebuild")?, (kind, state)))
}

/// Makes a result again of what its `__reduce__` gave.
#[pyfunction(name = "_rebuild")]
pub fn rebuild<'py>(kind: &str, state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = state.py();
    Ok(match kind {
        "Batch" => Bound::new(py, Batch::from(unpacked(state)?))?.into_any(),
        "CheckReport" => Bound::new(py, CheckReport::again(state)?)?.into_any(),
        "Import" => Bound::new(py, Import::again(state)?)?.into_any(),
        "ImportProgress" => Bound::new(py, ImportProgress::again(state)?)?.into_any(),
        "ImportSummary" => Bound::new(py, ImportSummary::again(state)?)?.into_any(),
        "ImportVersion" => Bound::new(py, ImportVersion::again(state)?)?.into_any(),
        "Page" => Bound::new(py, Page::again(state)?)?.into_any(),
        "Record" => Bound::new(py, Record::again(state)?)?.into_any(),
        "ReportFile" => Bound::new(py, ReportFile::again(state)?)?.into_any(),
        "Sale" => Bound::new(py, Sale::again(state)?)?.into_any(),
        "Table" => Bound::new(py, Table::from(core::Table::from(unpacked(state)?)))?.into_any(),
        other => return Err(PyValueError::new_err(format!("there is no result called {other:?}"))),
    })
}

/// A column: its name and type, whether it may have nulls, and its data.
type Column<'py> = (String, String, bool, Packed<'py>);

/// Arrow data: the length, which values there are, the buffers, and the values of a dictionary.
type Packed<'py> = (usize, Option<Bound<'py, PyBytes>>, Vec<Bound<'py, PyBytes>>, Vec<Bound<'py, PyTuple>>);

/// Rows as plain data, with the bytes as they lie in memory.
pub fn packed<'py>(py: Python<'py>, batch: &RecordBatch) -> PyResult<(usize, Vec<Column<'py>>)> {
    let column = |(field, array): (&std::sync::Arc<Field>, &ArrayRef)| {
        let data = pack(py, &own(&array.to_data()).map_err(unsuitable)?)?;
        Ok((field.name().clone(), field.data_type().to_string(), field.is_nullable(), data))
    };
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(column);
    Ok((batch.num_rows(), columns.collect::<PyResult<_>>()?))
}

/// The same without what lies around it in shared buffers.
fn own(data: &ArrayData) -> Result<ArrayData, ArrowError> {
    let mut copy = MutableArrayData::new(vec![data], false, data.len());
    copy.try_extend(0, 0, data.len())?;
    Ok(copy.freeze())
}

fn pack<'py>(py: Python<'py>, data: &ArrayData) -> PyResult<Packed<'py>> {
    let bytes = |buffer: &Buffer| PyBytes::new(py, buffer.as_slice());
    let valid = data.nulls().map(|nulls| bytes(&nulls.inner().sliced()));
    let children = data.child_data().iter().map(|child| pack(py, child)?.into_pyobject(py));
    let children = children.collect::<PyResult<_>>()?;
    Ok((data.len(), valid, data.buffers().iter().map(bytes).collect(), children))
}

/// What [`packed`] was made of. All of it is checked: bytes that are no such data are an error.
fn unpacked(state: &Bound<'_, PyAny>) -> PyResult<RecordBatch> {
    let (rows, columns): (usize, Vec<Column<'_>>) = state.extract()?;
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (name, kind, nullable, data) in columns {
        let kind: DataType = kind.parse().map_err(unsuitable)?;
        arrays.push(make_array(unpack(&kind, data)?));
        fields.push(Field::new(name, kind, nullable));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options).map_err(unsuitable)
}

fn unpack(kind: &DataType, (len, valid, buffers, children): Packed<'_>) -> PyResult<ArrayData> {
    let buffer = |bytes: Bound<'_, PyBytes>| Buffer::from(bytes.as_bytes());
    let mut data = ArrayData::builder(kind.clone())
        .len(len)
        .null_bit_buffer(valid.map(buffer))
        .buffers(buffers.into_iter().map(buffer).collect())
        .align_buffers(true);
    if let DataType::Dictionary(_, values) = kind {
        let child = |child: Bound<'_, PyTuple>| unpack(values, child.extract()?);
        data = data.child_data(children.into_iter().map(child).collect::<PyResult<_>>()?);
    }
    data.build().map_err(unsuitable)
}

fn unsuitable(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Gives a class of plain fields its way out and back: a dict of its attributes.
macro_rules! by_fields {
    ($class:ident { $($field:ident),* $(,)? }) => {
        impl $class {
            /// The fields by their names.
            pub fn reduced<'py>(&self, py: Python<'py>) -> PyResult<$crate::pickle::Reduced<'py>> {
                let state = pyo3::types::PyDict::new(py);
                $(state.set_item(stringify!($field), &self.$field)?;)*
                $crate::pickle::reduced(py, stringify!($class), state)
            }

            /// What they were.
            pub fn again(state: &Bound<'_, PyAny>) -> PyResult<Self> {
                Ok(Self { $($field: state.get_item(stringify!($field))?.extract()?),* })
            }
        }
    };
}
pub(crate) use by_fields;
