//! What a report was before it was restated: its earlier versions, and how each changed the totals.

use std::sync::Arc;

use super::manifest::{Report, Version};
use super::totals::MoneyTotal;

/// So many earlier versions of a report are kept, the newest.
const EARLIER_MAX: usize = 64;

/// And no more than so many bytes of them: a stored value has a largest size.
const EARLIER_BYTES_MAX: usize = 512 << 10;

/// Lets a report that is about to stand remember those it replaces, and tells how it changes their totals. One that was
/// only read again, from the same bytes to the same end, is no version of its own: it stands in the place of the other.
pub(super) fn follow(report: &mut Report, old: &[Arc<Report>]) {
    let mut old: Vec<&Report> =
        old.iter().map(AsRef::as_ref).filter(|stored: &&Report| !stored.is_marker()).collect();
    match old.as_slice() {
        [] => {}
        [same] if is_same(same, &report.version) => {
            report.version.change.clone_from(&same.version.change);
            report.earlier.clone_from(&same.earlier);
        }
        _ => {
            let before = MoneyTotal::sum(old.iter().flat_map(|stored| &stored.totals));
            report.version.change = Some(MoneyTotal::change(&before, &report.totals));
            old.sort_by_key(|stored| stored.id);
            let earlier = old.iter().flat_map(|stored| stored.earlier.iter().chain([&stored.version]));
            report.earlier = earlier.cloned().collect();
            report.earlier.sort_by_key(|version| version.id);
            forget_oldest(&mut report.earlier);
        }
    }
}

fn is_same(a: &Version, b: &Version) -> bool {
    (a.sha256, a.rows, a.rejected, &a.totals) == (b.sha256, b.rows, b.rejected, &b.totals)
}

fn forget_oldest(versions: &mut Vec<Version>) {
    let mut bytes = 0;
    let kept = versions.iter().rev().take(EARLIER_MAX).take_while(|version| {
        bytes += version.weight();
        bytes <= EARLIER_BYTES_MAX
    });
    let kept = kept.count();
    versions.drain(..versions.len() - kept);
}

impl Version {
    /// About how many bytes it takes in a commit.
    fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_deref().map_or(0, str::len);
        let total = |total: &MoneyTotal| 64 + text(&total.currency) + text(&total.earnings_currency);
        let totals = self.totals.iter().chain(self.change.iter().flatten());
        128 + self.path.len() + totals.map(total).sum::<usize>()
    }
}

impl Report {
    /// About how many bytes it takes in a commit.
    pub(super) fn weight(&self) -> usize {
        let ranges = self.ranges.len() + self.reject_ranges.len();
        let versions = self.earlier.iter().chain([&self.version]);
        128 + 16 * ranges + versions.map(Version::weight).sum::<usize>()
    }
}
