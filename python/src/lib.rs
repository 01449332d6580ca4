//! The Python face of Tillroll: the native module `tillroll._tillroll`, whose names the package `tillroll` re-exports.
//!
//! A file here is a noun of the face. Engine work runs without the interpreter lock ([`wait`]); what can take long is
//! stopped by Ctrl-C. Values cross in [`value`] (out), [`json`] and [`argument`] (in), tables in
//! [`arrow`].

#![deny(unsafe_code)]
#![allow(
    clippy::doc_lazy_continuation,
    reason = "the documentation is Python's: `>>>` begins an example, no quotation"
)]

mod argument;
mod arrow;
mod collection;
mod collections;
mod credentials;
mod db;
mod error;
mod html;
mod imports;
mod json;
mod local;
mod page;
mod pickle;
mod plan;
mod progress;
mod record;
mod repair;
mod sale;
mod sales;
mod scan;
mod table;
mod value;
mod wait;

/// The native half of `tillroll`. Import `tillroll` instead.
#[pyo3::pymodule]
mod _tillroll {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::collection::{Collection, RecordIterator};
    #[pymodule_export]
    use crate::collections::{
        Accounts, Banners, Campaigns, Categories, CustomerGroups, Customers, ExternalAccounts, Products,
    };
    #[pymodule_export]
    use crate::credentials::Credentials;
    #[pymodule_export]
    use crate::db::{CheckReport, Db, check, open, restore};
    #[pymodule_export]
    use crate::imports::{Import, ImportProgress, ImportSummary, ImportVersion, sniff};
    #[pymodule_export]
    use crate::page::Page;
    #[pymodule_export]
    use crate::plan::PlannedFetch;
    #[pymodule_export]
    use crate::record::Record;
    #[pymodule_export]
    use crate::repair::{RepairReport, ReportFile, repair};
    #[pymodule_export]
    use crate::sale::Sale;
    #[pymodule_export]
    use crate::sales::Sales;
    #[pymodule_export]
    use crate::scan::{Batch, BatchIterator, Scan};
    #[pymodule_export]
    use crate::table::{RowIterator, Table};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // Not among the names that the module exports: only `pickle` looks for it.
        module.setattr("_rebuild", wrap_pyfunction!(crate::pickle::rebuild, module)?)?;
        crate::error::register(module)
    }
}
