//! Which reports are stored and where their rows lie: kept in memory, made from the commit log, swapped in the same
//! instant in which a commit becomes visible. Whoever holds a manifest reads exactly one commit.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rolls::{RollFile, Rolls};
use super::totals::{MoneyTotal, RollTotals};
use crate::day::Period;
use crate::error::{Error, Result};
use crate::ingest::{Kind, StoreKind};
use crate::kv::key::Key;
use crate::kv::{Op, value};
use crate::store::View;

/// The namespace of the keys under which reports are stored.
pub(crate) const REPORTS: u8 = b'r';

/// What makes a report the same report: importing it again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct ReportKey {
    pub(crate) account: u64,
    pub(crate) kind: Kind,
    pub(crate) period: Period,
    pub(crate) part: String,
}

impl ReportKey {
    /// The key under which the report stands in the store.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        Key::new(REPORTS)
            .u64(self.account)
            .text(&self.kind.to_string())
            .text(&self.period.to_string())
            .text(&self.part)
            .build()
    }

    /// Whether the other is of the same account, kind and period, whatever its part.
    pub(crate) fn same_period(&self, other: &Self) -> bool {
        (self.account, self.kind, self.period) == (other.account, other.kind, other.period)
    }
}

/// Rows of one table of one roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct RowRange {
    pub(crate) roll: u32,
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// How a report was read; other options read other rows from the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadFlags {
    /// The version of the reader's rules.
    pub(crate) reader: u32,
    /// Whether buyers' personal fields were kept.
    pub(crate) personal: bool,
}

/// One stored version of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) id: u64,
    pub(crate) key: ReportKey,
    /// The file as it was named by the caller; empty for a period marked empty by hand.
    pub(crate) path: String,
    pub(crate) sha256: [u8; 32],
    /// Whether it stands for all parts of its period, as a container does.
    pub(crate) whole: bool,
    /// How many reports that file gave: only when all of them still stand is the file unchanged.
    pub(crate) siblings: u32,
    pub(crate) flags: ReadFlags,
    /// Microseconds since 1970, UTC.
    pub(crate) imported_at: i64,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) ranges: Vec<RowRange>,
    pub(crate) reject_ranges: Vec<RowRange>,
    pub(crate) totals: Vec<MoneyTotal>,
    /// The totals of the version this one replaced, where there was one.
    pub(crate) replaced: Option<Vec<MoneyTotal>>,
}

impl Report {
    /// Whether it only says that nothing was sold.
    pub(crate) fn is_marker(&self) -> bool {
        self.path.is_empty()
    }

    pub(crate) fn store(&self) -> StoreKind {
        self.key.kind.store()
    }
}

/// Live rows of one report in one roll.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) report: Arc<Report>,
}

/// A roll with live rows.
#[derive(Debug, Clone)]
pub(crate) struct LiveRoll {
    pub(crate) file: Arc<RollFile>,
    /// In row order, never overlapping.
    pub(crate) slices: Vec<Slice>,
}

impl LiveRoll {
    /// The report that a row belongs to; `None` for a row that has been replaced.
    pub(crate) fn report_of(&self, row: u32) -> Option<&Arc<Report>> {
        let after = self.slices.partition_point(|slice| slice.first <= row);
        let slice = self.slices.get(after.checked_sub(1)?)?;
        (row - slice.first < slice.count).then_some(&slice.report)
    }
}

/// All stored reports at one commit.
#[derive(Debug)]
pub(crate) struct Manifest {
    registry: Arc<Rolls>,
    reports: BTreeMap<ReportKey, Arc<Report>>,
    rolls: BTreeMap<u32, LiveRoll>,
}

impl Manifest {
    pub(crate) fn empty(registry: Arc<Rolls>) -> Self {
        Self { registry, reports: BTreeMap::new(), rolls: BTreeMap::new() }
    }

    /// The manifest inside a store's view.
    pub(crate) fn of(view: Arc<dyn View>) -> Result<Arc<Self>> {
        let any: Arc<dyn Any + Send + Sync> = view;
        any.downcast().map_err(|_| Error::Closed { detail: "the store holds no manifest".to_owned() })
    }

    /// All reports, by account, kind, period and part.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Arc<Report>> {
        self.reports.values()
    }

    pub(crate) fn get(&self, key: &ReportKey) -> Option<&Arc<Report>> {
        self.reports.get(key)
    }

    /// The reports of one account, kind and period.
    pub(crate) fn parts(
        &self,
        account: u64,
        kind: Kind,
        period: Period,
    ) -> impl Iterator<Item = &Arc<Report>> {
        let of_period = move |report: &&Arc<Report>| {
            report.key.account == account && report.key.kind == kind && report.key.period == period
        };
        self.reports.values().filter(of_period)
    }

    /// The rolls with live rows, by number.
    pub(crate) fn rolls(&self) -> impl Iterator<Item = &LiveRoll> {
        self.rolls.values()
    }

    pub(crate) fn roll(&self, number: u32) -> Option<&LiveRoll> {
        self.rolls.get(&number)
    }

    /// The totals of the roll that these rows lie in; the rows' own are among them.
    pub(crate) fn totals(&self, rows: &RowRange) -> Result<Arc<RollTotals>> {
        let live = self.rolls.get(&rows.roll);
        let file = &live.ok_or_else(|| Error::NotFound { what: format!("roll {}", rows.roll) })?.file;
        let totals = file.totals()?;
        if totals.of(rows).is_none() {
            return Err(Error::corrupt(&file.path(), format!("no totals for the rows from {}", rows.first)));
        }
        Ok(totals)
    }

    /// Whether a roll holds anything of a stored report.
    pub(crate) fn names(&self, roll: u32) -> bool {
        self.rolls.contains_key(&roll)
    }

    /// All live rows.
    pub(crate) fn rows(&self) -> u64 {
        self.reports.values().map(|report| report.rows).sum()
    }

    fn place_rows(&mut self) -> Result<()> {
        let mut rolls = BTreeMap::new();
        for report in self.reports.values() {
            // A roll that holds only a report's rejects, or nothing but its footer, must stay as well.
            for range in report.ranges.iter().chain(&report.reject_ranges) {
                rolls.entry(range.roll).or_insert_with(|| self.live_roll(range.roll));
            }
            for range in &report.ranges {
                if let Some(roll) = rolls.get_mut(&range.roll) {
                    let (first, count) = (range.first, range.count);
                    roll.slices.push(Slice { first, count, report: Arc::clone(report) });
                }
            }
        }
        for roll in rolls.values_mut() {
            roll.slices.sort_by_key(|slice| slice.first);
            check_apart(roll)?;
        }
        self.rolls = rolls;
        Ok(())
    }

    fn live_roll(&self, number: u32) -> LiveRoll {
        LiveRoll { file: self.registry.file(number), slices: Vec::new() }
    }
}

/// Two reports that claim one row would count it twice.
fn check_apart(roll: &LiveRoll) -> Result<()> {
    let overlap = |pair: &[Slice]| match pair {
        [a, b] => u64::from(a.first) + u64::from(a.count) > u64::from(b.first),
        _ => false,
    };
    if roll.slices.windows(2).any(overlap) {
        return Err(Error::corrupt(&roll.file.path(), "two reports name the same rows"));
    }
    Ok(())
}

impl View for Manifest {
    fn apply(&self, ops: &[Op]) -> Result<Arc<dyn View>> {
        let mut reports = self.reports.clone();
        for op in ops {
            match &op.value {
                Some(bytes) => {
                    let report: Report = value::decode(bytes)?;
                    reports.insert(report.key.clone(), Arc::new(report));
                }
                None => reports.retain(|key, _| key.bytes() != op.key),
            }
        }
        let mut next = Self { registry: Arc::clone(&self.registry), reports, rolls: BTreeMap::new() };
        next.place_rows()?;
        Ok(Arc::new(next))
    }
}
