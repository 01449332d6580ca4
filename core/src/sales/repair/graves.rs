//! Reports that were seen being deleted: what the rolls still have of them must not come back.

use std::collections::{BTreeSet, HashMap};

use crate::kv::value;
use crate::sales::manifest::{Report, ReportKey};
use crate::sales::{COUNTER_KEY, REPORTS};
use crate::store::{Image, Read};

/// By the key of the report: no version up to this number stands any more.
#[derive(Debug, Default)]
pub(crate) struct Graves {
    last: HashMap<Vec<u8>, u64>,
    /// The frame that deleted last, and what it deleted.
    open: (u64, Vec<Vec<u8>>),
    base: Option<Base>,
}

/// The state that the journal begins with, all of which was read.
#[derive(Debug)]
struct Base {
    reports: BTreeSet<Vec<u8>>,
    /// The number of the import that was next.
    next: u64,
}

impl Graves {
    /// Takes in a change that the journal tells in the frame of a sequence, and that is not made to the image yet.
    pub(crate) fn note(&mut self, image: &Image, sequence: u64, key: &[u8], value: Option<&[u8]>) {
        if key == COUNTER_KEY {
            self.bury(sequence, value);
        }
        if key.first() != Some(&REPORTS) {
            return;
        }
        if value.is_some() {
            self.last.remove(key);
            return;
        }
        // Where the version that was deleted stood in a commit that is lost, its number is below the counter all the same.
        let known = image.0.get(key).and_then(|bytes| value::decode::<Report>(bytes).ok());
        let known = known.map_or(0, |report| report.id);
        self.last.insert(key.to_vec(), known.max(counter(image).saturating_sub(1)));
        if self.open.0 != sequence {
            self.open = (sequence, Vec::new());
        }
        self.open.1.push(key.to_vec());
    }

    /// A frame that deletes tells the number of the next import as well: the commit that told it before may be lost.
    fn bury(&mut self, sequence: u64, next: Option<&[u8]>) {
        let next = next.and_then(|bytes| value::decode::<u64>(bytes).ok()).unwrap_or(0);
        for key in self.open.1.iter().filter(|_| self.open.0 == sequence) {
            if let Some(last) = self.last.get_mut(key) {
                *last = (*last).max(next.saturating_sub(1));
            }
        }
    }

    /// Takes in that the image is all there was when the journal began.
    pub(crate) fn base(&mut self, image: &Image) {
        let reports = image.0.range(vec![REPORTS]..vec![REPORTS + 1]).map(|(key, _)| key.clone()).collect();
        self.base = Some(Base { reports, next: counter(image) });
    }

    /// The accounts of the reports that the journal began with.
    pub(crate) fn owners(&self) -> impl Iterator<Item = u64> {
        let reports = self.base.iter().flat_map(|base| &base.reports);
        reports.filter_map(|key| ReportKey::read(key).ok()).map(|key| key.account)
    }

    /// Whether a version of the report under a key was deleted.
    pub(super) fn holds(&self, key: &[u8], sequence: u64) -> bool {
        self.last.get(key).is_some_and(|&last| sequence <= last)
    }

    /// Whether a version of the report under a key was not there when the journal began, though its import had begun: it
    /// was deleted before, or committed after.
    pub(super) fn doubts(&self, key: &[u8], sequence: u64) -> bool {
        self.base.as_ref().is_some_and(|base| sequence < base.next && !base.reports.contains(key))
    }
}

/// The number of the next import.
fn counter(image: &Image) -> u64 {
    let counter = image.get(COUNTER_KEY).ok().flatten();
    counter.and_then(|bytes| value::decode::<u64>(&bytes).ok()).unwrap_or(0)
}
