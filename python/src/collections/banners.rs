//! Banners: their codes.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::argument::Given;
use crate::collection::Collection;
use crate::json;
use crate::record::Record;

/// The banners.
///
/// Examples
/// --------
/// >>> db.banners.create(code="spring").code
/// 'spring'
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Banners;

#[pymethods]
impl Banners {
    /// Gets a banner by its code.
    ///
    /// Parameters
    /// ----------
    /// code : str
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such banner.
    ///
    /// Examples
    /// --------
    /// >>> banner = db.banners.create(code="spring")
    /// >>> db.banners.get_by_code("spring") == banner
    /// True
    fn get_by_code(slf: &Bound<'_, Self>, code: Given<String>) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(slf.py(), "get_by_code", [("code", code.named(slf.py(), "code")?.into())])
            .map(Record::new)
    }

    /// Changes the fields that are named of the banner with this code; the code itself may be among them.
    ///
    /// Parameters
    /// ----------
    /// code : str
    /// **fields
    ///     What changes.
    ///
    /// Returns
    /// -------
    /// Record
    ///     As it is stored now.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such banner.
    ///
    /// Examples
    /// --------
    /// >>> banner = db.banners.create(code="spring")
    /// >>> db.banners.update_by_code("spring", code="summer").code
    /// 'summer'
    #[pyo3(signature = (code, /, **fields))]
    fn update_by_code(
        slf: &Bound<'_, Self>,
        code: Given<String>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "update_by_code",
                [("code", code.named(slf.py(), "code")?.into()), ("fields", json::object(fields)?.into())],
            )
            .map(Record::new)
    }
}
