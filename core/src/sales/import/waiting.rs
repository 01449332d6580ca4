//! Reports that are read and wait for their commit, found by period and by bytes: a call may bring thousands.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::commit::Pending;
use crate::day::Period;
use crate::ingest::Kind;

/// All reports of a call are of one account: kind and period tell the rest.
type Place = (Kind, Period);

#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_period: BTreeMap<Place, Vec<Pending>>,
    /// Where reports of these bytes are, or were before they were taken.
    of_bytes: HashMap<[u8; 32], BTreeSet<Place>>,
}

impl Waiting {
    pub(super) fn extend(&mut self, reports: Vec<Pending>) {
        for pending in reports {
            let place = (pending.report.key.kind, pending.report.key.period);
            self.of_bytes.entry(pending.report.sha256).or_default().insert(place);
            self.by_period.entry(place).or_default().push(pending);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Pending> {
        self.by_period.values().flatten()
    }

    /// Those of the same kind and period as another.
    pub(super) fn beside(&self, other: &Pending) -> &[Pending] {
        self.at((other.report.key.kind, other.report.key.period))
    }

    /// Those read from the same bytes as another.
    pub(super) fn of_bytes_of(&self, other: &Pending) -> impl Iterator<Item = &Pending> {
        let places = self.of_bytes.get(&other.report.sha256).into_iter().flatten();
        let sha256 = other.report.sha256;
        places.flat_map(|&place| self.at(place)).filter(move |pending| pending.report.sha256 == sha256)
    }

    fn at(&self, place: Place) -> &[Pending] {
        self.by_period.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Takes out those that pass a test, in the order of kinds and periods.
    pub(super) fn take(&mut self, mut test: impl FnMut(&Pending) -> bool) -> Vec<Pending> {
        let mut taken = Vec::new();
        self.by_period.retain(|_, reports| {
            taken.extend(reports.extract_if(.., |pending| test(pending)));
            !reports.is_empty()
        });
        taken
    }
}
