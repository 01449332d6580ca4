//! Which version of each report stands, and which are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::ReportFile;
use super::graves::Graves;
use super::groups::{Group, groups};
use super::survey::{Piece, Survey};
use crate::error::Result;
use crate::kv::value;
use crate::sales::import::{mixes_parts, stands_for_period};
use crate::sales::manifest::{Report, ReportKey, RowRange, Version};
use crate::sales::period::ONLY_PART;
use crate::sales::totals::Totals;
use crate::sales::{COUNTER_KEY, REPORTS};
use crate::store::Image;

/// What the names of report files end in that are not packed.
const BARE: [&str; 3] = ["csv", "txt", "tsv"];

/// A report that stands.
#[derive(Debug)]
struct Standing {
    report: Report,
    /// It is not in the image as it is.
    is_changed: bool,
    /// The journal does not tell of it.
    is_restored: bool,
}

impl Standing {
    /// Whether this, the newer, cannot stand beside another: see the rules of imports. What the journal tells of is right.
    fn excludes(&self, older: &Self) -> bool {
        let (own, other) = (&self.report, &older.report);
        let is_alone = |report: &Report| report.whole || report.is_marker();
        (self.is_restored || older.is_restored)
            && own.key.same_period(&other.key)
            && (is_alone(own) || is_alone(other) || mixes_parts(&own.key, &other.key))
    }
}

/// What is decided about the reports.
#[derive(Debug, Default)]
pub(super) struct Plan {
    standing: BTreeMap<Vec<u8>, Standing>,
    /// The numbers of versions that the journal tells of and that cannot be read.
    fallen: BTreeMap<Vec<u8>, u64>,
    /// Keys that go from the image.
    pub(super) dropped: Vec<Vec<u8>>,
    pub(super) lost: Vec<ReportFile>,
    pub(super) notes: Vec<String>,
    /// Numbers of rolls that go.
    pub(super) gone: BTreeSet<u32>,
    /// The next import's number, where the stored one may be too low.
    pub(super) next_import: Option<u64>,
}

impl Plan {
    pub(super) fn make(image: &Image, survey: &Survey, graves: &Graves, has_gaps: bool) -> Result<Self> {
        let mut plan = Self::default();
        let (groups, nameless) = if has_gaps { groups(survey) } else { (Vec::new(), 0) };
        let named = plan.take_stored(image, survey, &groups);
        if has_gaps {
            plan.restore(image, graves, groups)?;
            plan.tell_what_rolls_lack(nameless);
        }
        plan.note_rolls(survey, &named);
        let standing: BTreeSet<u32> = plan.reports().flat_map(Report::rolls).collect();
        let goes = |number: &u32| {
            let is_needless = (has_gaps || named.contains(number)) && !standing.contains(number);
            survey.is_hurt(*number) || is_needless
        };
        plan.gone = survey.numbers().filter(goes).collect();
        plan.lost.sort_by(|a, b| (a.account, &a.period, &a.path).cmp(&(b.account, &b.period, &b.path)));
        Ok(plan)
    }

    /// The reports that stand.
    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.standing.values().map(|standing| &standing.report)
    }

    /// Those with rows in these rolls, which are about to move.
    pub(super) fn moving(&mut self, is_left: impl Fn(u32) -> bool) -> impl Iterator<Item = &mut Report> {
        let standing = self.standing.values_mut();
        standing.filter(move |one| one.report.rolls().any(&is_left)).map(|one| {
            one.is_changed = true;
            &mut one.report
        })
    }

    /// Those that the journal does not tell of.
    pub(super) fn restored(&self) -> impl Iterator<Item = &Report> {
        self.standing.values().filter(|standing| standing.is_restored).map(|standing| &standing.report)
    }

    /// Those that are to be stored.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Report> {
        self.standing.values().filter(|standing| standing.is_changed).map(|standing| &standing.report)
    }

    /// Takes in the reports that the journal tells of; gives the rolls that they name.
    fn take_stored(&mut self, image: &Image, survey: &Survey, groups: &[Group]) -> BTreeSet<u32> {
        let mut named = BTreeSet::new();
        for (key, bytes) in image.0.range(vec![REPORTS]..vec![REPORTS + 1]) {
            let Ok(mut report) = value::decode::<Report>(bytes) else {
                self.dropped.push(key.clone());
                if let Ok(key) = ReportKey::read(key) {
                    self.lost.push(ReportFile::new(&key, ("", None), 0));
                }
                continue;
            };
            named.extend(report.rolls());
            let mut is_changed = false;
            if !is_readable(survey, &report) {
                let Some(moved) = groups.iter().find(|group| is_same(group, &report)) else {
                    self.lost.push(ReportFile::of(&report));
                    self.dropped.push(key.clone());
                    self.fallen.insert(key.clone(), report.id);
                    continue;
                };
                report.ranges = moved.ranges(|piece| piece.rows);
                report.reject_ranges = moved.ranges(|piece| piece.rejects);
                is_changed = true;
            }
            self.standing.insert(key.clone(), Standing { report, is_changed, is_restored: false });
        }
        named
    }

    /// Takes in reports that the rolls tell of and the journal does not.
    fn restore(&mut self, image: &Image, graves: &Graves, mut groups: Vec<Group>) -> Result<()> {
        groups.sort_by_key(|group| std::cmp::Reverse(group.sequence));
        let highest = groups.first().map_or(0, |group| group.sequence);
        let ids = self.reports().flat_map(|report| report.earlier.iter().chain([&report.version]));
        let highest = ids.map(|version| version.id).max().unwrap_or(0).max(highest);
        let stored = image.0.get(COUNTER_KEY).and_then(|bytes| value::decode::<u64>(bytes).ok()).unwrap_or(1);
        let mut next = stored.max(highest.saturating_add(1));
        let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut used: BTreeSet<u64> = self.reports().map(|report| report.id).collect();
        for group in &groups {
            let key = group.identity.key.bytes();
            let told = self.standing.get(&key).map(|standing| &standing.report);
            let told = told.map(|report| report.id).or_else(|| self.fallen.get(&key).copied());
            let is_old = told.is_some_and(|id| group.sequence <= id) || graves.holds(&key, group.sequence);
            if is_old || !seen.insert(key.clone()) {
                continue;
            }
            if graves.doubts(&key, group.sequence) {
                self.doubt(group);
                continue;
            }
            // Whatever the journal told of it, this is newer.
            self.lost.retain(|lost| !self.fallen.contains_key(&key) || !lost.is_of(&group.identity.key));
            if !(group.is_closed && group.is_readable()) {
                self.lost.push(file_of(group));
                continue;
            }
            let id = if used.insert(group.sequence) { group.sequence } else { next };
            next += u64::from(id == next);
            used.insert(id);
            let report = report_of(group, id, siblings(group, &groups));
            self.standing.insert(key, Standing { report, is_changed: true, is_restored: true });
        }
        self.next_import = Some(next).filter(|&next| next != stored);
        self.settle_parts();
        Ok(())
    }

    /// Leaves a version out that was not there when the journal began. Where its import was under way then, its commit is
    /// lost: so it is told, unless what stands has taken its place.
    fn doubt(&mut self, group: &Group) {
        let (key, is_whole) = (&group.identity.key, is_whole(group));
        let is_replaced = self.reports().any(|report| {
            report.key.same_period(key)
                && report.id > group.sequence
                && (report.whole || is_whole || mixes_parts(&report.key, key))
        });
        if is_replaced {
            return;
        }
        let file = file_of(group);
        self.notes.push(format!(
            "the {} report of {} of account {} ({}) is left out: it was deleted long ago, unless its import was under way \
             when the journal was begun",
            file.kind, file.period, file.account, file.path
        ));
        self.lost.push(file);
    }

    /// Of reports of one period that never stand beside each other the newest stays.
    fn settle_parts(&mut self) {
        let mut newest: Vec<(&Vec<u8>, &Standing)> = self.standing.iter().collect();
        newest.sort_by_key(|(_, one)| std::cmp::Reverse(one.report.id));
        let (mut kept, mut dropped) = (Vec::<&Standing>::new(), Vec::new());
        for (key, one) in newest {
            if kept.iter().any(|newer| newer.excludes(one)) {
                dropped.push(key.clone());
            } else {
                kept.push(one);
            }
        }
        dropped.iter().for_each(|key| drop(self.standing.remove(key)));
        self.dropped.extend(dropped);
    }

    fn tell_what_rolls_lack(&mut self, nameless: u64) {
        if nameless > 0 {
            self.notes.push(format!("{nameless} rows are of reports whose names are lost with another roll"));
        }
        if self.restored().next().is_some() {
            self.notes.push(
                "reports without rows, periods marked empty and earlier versions of reports are in no roll: those that \
                 lost commits told of are lost"
                    .to_owned(),
            );
        }
    }

    fn note_rolls(&mut self, survey: &Survey, named: &BTreeSet<u32>) {
        for number in survey.numbers() {
            if let Some(fault) = survey.fault(number) {
                self.notes.push(format!("rolls/{number:06}.roll: {fault}"));
            }
        }
        for number in named.iter().filter(|number| !survey.is_there(**number)) {
            self.notes.push(format!("rolls/{number:06}.roll is missing"));
        }
    }
}

/// Whether all of a report can be read, wherever it lies now.
fn is_readable(survey: &Survey, report: &Report) -> bool {
    let is_own = |piece: &Piece| {
        let is_named = piece
            .identity
            .as_ref()
            .is_none_or(|identity| identity.key == report.key && identity.sha256 == report.sha256);
        piece.is_readable && is_named && piece.meta.sequence <= report.id
    };
    let rows = report.ranges.iter().map(|range| survey.of_rows(range));
    let rejects = report.reject_ranges.iter().map(|range| survey.of_rejects(range));
    rows.chain(rejects).all(|piece| piece.is_some_and(is_own))
}

/// Whether a group has all of a report that is not where it should be.
fn is_same(group: &Group, report: &Report) -> bool {
    let identity = &group.identity;
    identity.key == report.key
        && (identity.sha256, identity.imported_at, identity.flags)
            == (report.sha256, report.imported_at, report.flags)
        && group.is_readable()
        && group.count(|piece| piece.rows) == report.rows
        && group.count(|piece| piece.rejects) == report.rejected
}

/// How many reports the file of a group gave, as far as the rolls tell.
fn siblings(group: &Group, all: &[Group]) -> u32 {
    let own = (group.identity.sha256, group.identity.imported_at, group.identity.key.account);
    let of_file = |other: &&Group| {
        own == (other.identity.sha256, other.identity.imported_at, other.identity.key.account)
    };
    u32::try_from(all.iter().filter(of_file).count()).unwrap_or(u32::MAX)
}

fn file_of(group: &Group) -> ReportFile {
    let identity = &group.identity;
    let rows = group.count(|piece| piece.rows);
    ReportFile::new(&identity.key, (&identity.path, Some(&identity.sha256)), rows)
}

/// Whether a group is of a container that stands for its period. Rolls do not tell what their files were packed in, but
/// only bare files have numbers of parts, and are named as what they are.
fn is_whole(group: &Group) -> bool {
    let identity = &group.identity;
    let is_bare = Path::new(&identity.path)
        .extension()
        .is_some_and(|extension| BARE.iter().any(|bare| extension.eq_ignore_ascii_case(bare)));
    stands_for_period(identity.key.kind, identity.key.part == ONLY_PART && !is_bare)
}

fn report_of(group: &Group, id: u64, siblings: u32) -> Report {
    let identity = group.identity.clone();
    let totals = group.pieces.iter().filter(|piece| piece.rows.count > 0).map(|piece| &piece.meta.totals);
    let range = |range: fn(&Piece) -> RowRange| group.ranges(range);
    Report {
        whole: is_whole(group),
        siblings,
        flags: identity.flags,
        ranges: range(|piece| piece.rows),
        reject_ranges: range(|piece| piece.rejects),
        version: Version {
            id,
            path: identity.path,
            sha256: identity.sha256,
            imported_at: identity.imported_at,
            rows: group.count(|piece| piece.rows),
            rejected: group.count(|piece| piece.rejects),
            totals: Totals::by_currency(totals),
            change: None,
        },
        earlier: Vec::new(),
        key: identity.key,
    }
}
