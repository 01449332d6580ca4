//! Collections that do more than the common verbs, a file each.

mod accounts;
mod banners;
mod campaigns;
mod categories;
mod customer_groups;
mod customers;
mod external_accounts;
mod products;

use pyo3::prelude::*;
use tillroll_core as core;

pub use self::accounts::Accounts;
pub use self::banners::Banners;
pub use self::campaigns::Campaigns;
pub use self::categories::Categories;
pub use self::customer_groups::CustomerGroups;
pub use self::customers::Customers;
pub use self::external_accounts::ExternalAccounts;
pub use self::products::Products;
use crate::collection::Collection;
use crate::local::Local;
use crate::wait::short;

/// The collection of a name, of the class that has its verbs.
pub fn open(py: Python<'_>, db: &core::Db, name: &'static str) -> PyResult<Py<PyAny>> {
    let inner = short(py, || db.records(name))?;
    let base = PyClassInitializer::from(Collection::new(name, inner));
    Ok(match name {
        "accounts" => Py::new(py, base.add_subclass(Accounts))?.into_any(),
        "banners" => Py::new(py, base.add_subclass(Banners))?.into_any(),
        "campaigns" => Py::new(py, base.add_subclass(Campaigns))?.into_any(),
        "categories" => Py::new(py, base.add_subclass(Categories))?.into_any(),
        "customer_groups" => Py::new(py, base.add_subclass(CustomerGroups))?.into_any(),
        "customers" => Py::new(py, base.add_subclass(Customers))?.into_any(),
        "external_accounts" => Py::new(py, base.add_subclass(ExternalAccounts))?.into_any(),
        "products" => {
            Py::new(py, base.add_subclass(Products { products: Local::new(db.products()) }))?.into_any()
        }
        _ => Py::new(py, base)?.into_any(),
    })
}
