//! Campaigns: their prices.

use crate::collection::{Collection, id_text, records};
use crate::json;
use crate::record::Record;
use pyo3::prelude::*;

/// The campaigns.
///
/// Examples
/// --------
/// >>> campaign = db.campaigns.create(published=True)
/// >>> campaign.published
/// True
#[pyclass(module = "tillroll", frozen, extends = Collection)]
pub struct Campaigns;

#[pymethods]
impl Campaigns {
    /// The prices of a campaign.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    ///     The campaign.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such campaign.
    ///
    /// Examples
    /// --------
    /// >>> campaign = db.campaigns.create(published=True)
    /// >>> db.campaigns.prices(campaign)
    /// []
    fn prices(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection.call(slf.py(), "prices", [("id", id_text("id", id)?.into())]).map(records)
    }

    /// Adds prices to a campaign or replaces those of the same product, variation or download, and quantity. Others stay.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    /// rows : iterable of dict
    ///     Each with `product_id` and `price`, and where it applies `variation_id` or `download_id`, `quantity`, `order_limit`.
    ///
    /// Returns
    /// -------
    /// list of Record
    ///     All of its prices.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such campaign.
    ///
    /// Examples
    /// --------
    /// >>> campaign = db.campaigns.create(published=True)
    /// >>> (row,) = db.campaigns.set_prices(campaign, [{"product_id": 1, "price": "0.99"}])
    /// >>> row.product_id, row.price
    /// (1, Decimal('0.99'))
    fn set_prices(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        rows: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Record>> {
        let collection = slf.as_super().get();
        collection
            .call(slf.py(), "set_prices", [("id", id_text("id", id)?.into()), ("rows", json::rows(rows)?)])
            .map(records)
    }

    /// Removes a price from a campaign.
    ///
    /// Parameters
    /// ----------
    /// id : int or Record
    /// row : dict
    ///     With what tells it from others: `product_id`, `variation_id` or `download_id`, `quantity`.
    ///
    /// Raises
    /// ------
    /// NotFoundError
    ///     There is no such campaign or price.
    ///
    /// Examples
    /// --------
    /// >>> campaign = db.campaigns.create(published=True)
    /// >>> (row,) = db.campaigns.set_prices(campaign, [{"product_id": 1, "price": "0.99"}])
    /// >>> db.campaigns.remove_price(campaign, row)
    /// >>> db.campaigns.prices(campaign)
    /// []
    fn remove_price(slf: &Bound<'_, Self>, id: &Bound<'_, PyAny>, row: &Bound<'_, PyAny>) -> PyResult<()> {
        let collection = slf.as_super().get();
        collection
            .call(
                slf.py(),
                "remove_price",
                [("id", id_text("id", id)?.into()), ("row", json::row("row.", row)?)],
            )
            .map(drop)
    }
}
