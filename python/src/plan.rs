//! What there is to fetch from the stores.

use pyo3::prelude::*;
use tillroll_core as core;

use crate::value;

/// One report to fetch from its store.
///
/// Examples
/// --------
/// >>> app = db.external_accounts.create(nickname="Apple apps", store="apple", auto_import=True)
/// >>> keys = {"key_id": "2X9R4HXF34", "issuer_id": "57246542-96fe", "vendor_number": "85012345"}
/// >>> db.external_accounts.set_credentials(app, keys | {"private_key": pem})
/// >>> fetch = db.sync_plan(now="2026-03-10T12:00:00Z", since="2026-03-08")[0]
/// >>> fetch.store, fetch.period, fetch.reason
/// ('apple', '2026-03-08', 'absent')
#[pyclass(module = "tillroll", frozen, eq)]
#[derive(PartialEq)]
pub struct PlannedFetch {
    inner: core::PlannedFetch,
}

impl From<core::PlannedFetch> for PlannedFetch {
    fn from(inner: core::PlannedFetch) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl PlannedFetch {
    /// The id of the external account.
    #[getter]
    fn account(&self) -> u64 {
        self.inner.account
    }

    /// Its store: `amazon` or `apple`.
    #[getter]
    fn store(&self) -> &'static str {
        self.inner.store.as_str()
    }

    /// The kind of report: `amazon-sales` or `apple-sales`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.inner.kind.as_str()
    }

    /// What the report covers: `2018-03`, `2018-03-05`, `2018-W10` or `2018`.
    #[getter]
    fn period(&self) -> String {
        self.inner.period.to_string()
    }

    /// Its first day.
    #[getter]
    fn first_day<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value::date(py, self.inner.period.first().0.into())
    }

    /// Its last day; App Store Connect calls a week by it.
    #[getter]
    fn last_day<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value::date(py, self.inner.last_day().0.into())
    }

    /// `absent`: nothing is stored. `restated`: what is stored was fetched while the store could still change it.
    #[getter]
    fn reason(&self) -> &'static str {
        self.inner.reason.as_str()
    }

    /// Whether all of its days are over: where the store then has nothing, nothing was sold.
    #[getter]
    fn is_over(&self) -> bool {
        self.inner.is_over
    }

    fn __repr__(&self) -> String {
        let core::PlannedFetch { account, kind, period, reason, .. } = &self.inner;
        format!("<PlannedFetch: {kind} {period} of account {account}, {}>", reason.as_str())
    }
}
