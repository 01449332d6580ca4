//! Categories: their tree, where they show, and the products in them.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::argument::{Given, optional};
use crate::collection::{Collection, id_text, records};
use crate::json;
use crate::record::Record;

/// The categories, which form a tree.
///
/// Examples
/// --------
/// >>> games = db.categories.create(name="Games")
/// >>> board = db.categories.create(name="Board games", parent_id=games.id)
/// >>> [category.name for category in db.categories.children(games)]
/// ['Board games']
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Categories;

#[pymethods]
impl Categories {
    /// Gets a category by the id that another system gave.
    ///
    /// Parameters
    /// ----------
    /// external_id : int or str
    ///
    /// Returns
    /// -------
    /// Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> db.categories.get_by_external_id(71).name
    /// 'Games'
    fn get_by_external_id(slf: &Bound<'_, Self>, external_id: &Bound<'_, PyAny>) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "get_by_external_id",
                [("external_id", json::argument("external_id", external_id)?)],
            )
            .map(Record::new)
    }

    /// Changes the fields that are named of the category with this external id.
    ///
    /// Parameters
    /// ----------
    /// external_id : int or str
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
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> db.categories.update_by_external_id(71, name="Play").name
    /// 'Play'
    #[pyo3(signature = (external_id, /, **fields))]
    fn update_by_external_id(
        slf: &Bound<'_, Self>,
        external_id: &Bound<'_, PyAny>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "update_by_external_id",
                [
                    ("external_id", json::argument("external_id", external_id)?),
                    ("fields", json::object(fields)?.into()),
                ],
            )
            .map(Record::new)
    }

    /// The categories directly under one, by `parent_sort`.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The category.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games")
    /// >>> board = db.categories.create(name="Board games", parent_id=games.id)
    /// >>> [category.name for category in db.categories.children(games)]
    /// ['Board games']
    fn children(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "children", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// In which versions of the store a category shows.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The category.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     Each with `version_id` and `is_visible`.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> rows = db.categories.set_visibilities(games, [{"version_id": 1, "is_visible": True}])
    /// >>> [(row.version_id, row.is_visible) for row in db.categories.visibilities(games)]
    /// [(1, True)]
    fn visibilities(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "visibilities", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// Sets in which versions of the store a category shows. Versions that are not named stay as they are.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    /// rows : iterable of dict
    ///     Each with `version_id` and `is_visible`.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     All of its visibilities.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> rows = db.categories.set_visibilities(games, [{"version_id": 1, "is_visible": True}])
    /// >>> [(row.version_id, row.is_visible) for row in rows]
    /// [(1, True)]
    fn set_visibilities(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        rows: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "set_visibilities",
                [("id", id_text("id", id)?.into()), ("rows", json::rows(rows)?)],
            )
            .map(records)
    }

    /// The links of a category to products, by `product_sort`.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The category.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> link = db.categories.link_product(games, 1)
    /// >>> [link.product_id for link in db.categories.products(games)]
    /// [1]
    fn products(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "products", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// Puts a product into a category, or changes where it stands in it.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The category.
    /// product_id : int
    ///     Not checked: the products of a category need not be stored here.
    /// category_sort : int, optional
    ///     Where the category stands among those of the product.
    /// product_sort : int, optional
    ///     Where the product stands in the category.
    ///
    /// Returns
    /// -------
    /// Record
    ///     The link.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> link = db.categories.link_product(games, 1, product_sort=3)
    /// >>> link.product_id, link.product_sort
    /// (1, 3)
    #[pyo3(signature = (id, product_id, *, category_sort=None, product_sort=None))]
    fn link_product(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        product_id: &Bound<'_, PyAny>,
        category_sort: Option<Given<i64>>,
        product_sort: Option<Given<i64>>,
    ) -> PyResult<Record> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "link_product",
                [
                    ("id", id_text("id", id)?.into()),
                    ("product_id", id_text("product_id", product_id)?.into()),
                    ("category_sort", optional(slf.py(), "category_sort", category_sort)?.into()),
                    ("product_sort", optional(slf.py(), "product_sort", product_sort)?.into()),
                ],
            )
            .map(Record::new)
    }

    /// Takes a product out of a category.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The category.
    /// product_id : int or Record
    ///     The product.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such category, or the product is not in it.
    ///
    /// Examples
    /// --------
    /// >>> games = db.categories.create(name="Games", external_id=71)
    /// >>> link = db.categories.link_product(games, 1)
    /// >>> db.categories.unlink_product(games, 1)
    /// >>> db.categories.products(games)
    /// []
    fn unlink_product(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        product_id: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "unlink_product",
                [
                    ("id", id_text("id", id)?.into()),
                    ("product_id", id_text("product_id", product_id)?.into()),
                ],
            )
            .map(drop)
    }
}
