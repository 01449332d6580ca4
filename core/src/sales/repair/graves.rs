//! Reports that were seen being deleted: what the rolls still have of them must not come back.

use std::collections::HashMap;

use crate::kv::value;
use crate::sales::manifest::Report;
use crate::sales::{COUNTER_KEY, REPORTS};
use crate::store::{Image, Read};

/// By the key of the report: no version up to this number stands any more.
#[derive(Debug, Default)]
pub(crate) struct Graves(HashMap<Vec<u8>, u64>);

impl Graves {
    /// Takes in a change that the journal tells, and that is not made to the image yet.
    pub(crate) fn note(&mut self, image: &Image, key: &[u8], value: Option<&[u8]>) {
        if key.first() != Some(&REPORTS) {
            return;
        }
        if value.is_some() {
            self.0.remove(key);
            return;
        }
        // Where the version that was deleted stood in a commit that is lost, its number is below the counter all the same.
        let known = image.0.get(key).and_then(|bytes| value::decode::<Report>(bytes).ok());
        let known = known.map_or(0, |report| report.id);
        let counter = image.get(COUNTER_KEY).ok().flatten();
        let counter = counter.and_then(|bytes| value::decode::<u64>(&bytes).ok()).unwrap_or(0);
        self.0.insert(key.to_vec(), known.max(counter.saturating_sub(1)));
    }

    /// Whether a version of the report under a key was deleted.
    pub(super) fn holds(&self, key: &[u8], sequence: u64) -> bool {
        self.0.get(key).is_some_and(|&last| sequence <= last)
    }
}
