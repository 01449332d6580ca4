//! Which reports are stored and where their rows lie: kept in memory, made from the commit log, swapped in the same
//! instant in which a commit becomes visible. Whoever holds a manifest reads exactly one commit.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use super::lookup::SaleColumns;
use super::roll_totals::RollTotals;
use super::rolls::{RollFile, Rolls};
use super::segment::SegmentMeta;
use super::series_totals::SeriesTotals;
use super::shadow::{Told, shadows};
use super::totals::MoneyTotal;
use crate::day::{Period, PeriodUnit};
use crate::error::{Error, Result};
use crate::ingest::{Kind, StoreKind};
use crate::kv::key::{Key, KeyReader};
use crate::kv::{Op, value};
use crate::roll::Roll;
use crate::store::View;

/// The namespace of the keys under which reports are stored.
pub(crate) const REPORTS: u8 = b'r';

/// What makes a report the same report: importing it again replaces it. Parts that are numbers are ordered as such, as
/// they are read and lie in rolls.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ReportKey {
    pub(crate) account: u64,
    pub(crate) kind: Kind,
    pub(crate) period: Period,
    pub(crate) part: String,
}

impl Ord for ReportKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for ReportKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl ReportKey {
    fn place(&self) -> (u64, Kind, Period, u64, &str) {
        // Numbers come before names.
        let number = self.part.parse().unwrap_or(u64::MAX);
        (self.account, self.kind, self.period, number, &self.part)
    }

    /// The key under which the report stands in the store.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        Key::new(REPORTS)
            .u64(self.account)
            .text(&self.kind.to_string())
            .text(&self.period.to_string())
            .text(&self.part)
            .build()
    }

    /// Reads such a key back.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut key = KeyReader::new(bytes, REPORTS)?;
        let (account, kind, period) = (key.u64()?, key.text()?.parse()?, key.text()?.parse()?);
        Ok(Self { account, kind, period, part: key.text()? })
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

/// One version of a report that is stored, or was before it was restated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: u64,
    /// The file as it was named by the caller; empty for a period marked empty by hand.
    pub(crate) path: String,
    pub(crate) sha256: [u8; 32],
    /// Microseconds since 1970, UTC.
    pub(crate) imported_at: i64,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) totals: Vec<MoneyTotal>,
    /// The totals less those of what it replaced, only where they moved; none where it replaced nothing.
    pub(crate) change: Option<Vec<MoneyTotal>>,
}

/// One stored report: the version that stands, and those before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) key: ReportKey,
    /// Whether it stands for all parts of its period, as a container does.
    pub(crate) whole: bool,
    /// How many reports that file gave: only when all of them still stand is the file unchanged.
    pub(crate) siblings: u32,
    pub(crate) flags: ReadFlags,
    pub(crate) ranges: Vec<RowRange>,
    pub(crate) reject_ranges: Vec<RowRange>,
    pub(crate) version: Version,
    /// Oldest first.
    pub(crate) earlier: Vec<Version>,
}

impl Deref for Report {
    type Target = Version;

    /// What is asked of a report is asked of the version that stands.
    fn deref(&self) -> &Version {
        &self.version
    }
}

impl Report {
    /// Whether it only says that nothing was sold.
    pub(crate) fn is_marker(&self) -> bool {
        self.path.is_empty()
    }

    pub(crate) fn store(&self) -> StoreKind {
        self.key.kind.store()
    }

    /// The rolls that hold its rows and rejects.
    pub(crate) fn rolls(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().chain(&self.reject_ranges).map(|range| range.roll)
    }
}

/// Live rows, or rejects, of one report in one roll.
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
    /// The reports that have rejects here, in their order: a roll that holds nothing else must stay as well.
    rejects: Vec<Slice>,
}

impl LiveRoll {
    fn empty(file: Arc<RollFile>) -> Self {
        Self { file, slices: Vec::new(), rejects: Vec::new() }
    }

    /// The opened roll.
    ///
    /// # Errors
    /// [`Error::Corruption`] for a file that is damaged or missing, and for a whole one that is another roll.
    pub(crate) fn open(&self) -> Result<Arc<Roll>> {
        self.file.open(|roll, path| self.recognise(roll, path))
    }

    /// The totals of the roll's reports.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn totals(&self) -> Result<Arc<RollTotals>> {
        self.file.totals(self.open()?.as_ref())
    }

    /// Whether its totals were read before.
    pub(crate) fn has_totals(&self) -> bool {
        self.file.has_totals()
    }

    /// Refuses a roll that was written by another database or under another number: its checksums fit, and its rows
    /// would be taken for those of the reports here. A roll never changes, so that one report is witness enough.
    fn recognise(&self, roll: &Roll, path: &Path) -> Result<()> {
        let mut is_known = self.slices.is_empty() && self.rejects.is_empty();
        for segment in roll.segments() {
            let of_rows = || slice_of(&self.slices, segment.ranges.first()?);
            let of_rejects = || slice_of(&self.rejects, segment.ranges.get(1)?);
            let Some(slice) = of_rows().or_else(of_rejects) else { continue };
            is_known = true;
            // Where a report goes on in the next roll, that one has its name.
            if let Some(identity) = SegmentMeta::decode(&segment.meta, path)?.identity {
                return if identity.sha256 == slice.report.sha256 { Ok(()) } else { Err(strange(path)) };
            }
        }
        if is_known { Ok(()) } else { Err(strange(path)) }
    }

    /// Drops what reports with these ids have here.
    fn forget(&mut self, ids: &HashSet<u64>) {
        self.slices.retain(|slice| !ids.contains(&slice.report.id));
        self.rejects.retain(|slice| !ids.contains(&slice.report.id));
    }

    /// The report that a row belongs to; `None` for a row that has been replaced.
    pub(crate) fn report_of(&self, row: u32) -> Option<&Arc<Report>> {
        let after = self.slices.partition_point(|slice| slice.first <= row);
        let slice = self.slices.get(after.checked_sub(1)?)?;
        (row - slice.first < slice.count).then_some(&slice.report)
    }
}

/// The reports of one period, by part.
type Parts = Arc<[Arc<Report>]>;

/// The reports of one account and kind.
#[derive(Debug, Clone, Default)]
struct Series {
    periods: RedBlackTreeMapSync<Period, Parts>,
    /// The periods that do not count, each with the earliest that counts in its place.
    shadowed: BTreeMap<Period, Period>,
    /// The periods of more than a day that count, in order.
    longer: Vec<Period>,
    /// Rows that count.
    rows: u64,
    /// Those of the reports that count; found when first asked for.
    totals: OnceLock<Arc<SeriesTotals>>,
}

impl Series {
    fn parts(&self, period: Period) -> &[Arc<Report>] {
        self.periods.get(&period).map_or(&[], AsRef::as_ref)
    }

    /// Puts a report in its place, or clears that; gives what stood there.
    fn replace(&mut self, key: &ReportKey, new: Option<Arc<Report>>) -> Option<Arc<Report>> {
        let (old, mut parts): (Vec<_>, Vec<_>) =
            self.parts(key.period).iter().cloned().partition(|report| report.key == *key);
        parts.extend(new);
        parts.sort_by(|a, b| a.key.cmp(&b.key));
        if parts.is_empty() {
            self.periods.remove_mut(&key.period);
        } else {
            self.periods.insert_mut(key.period, parts.into());
        }
        old.into_iter().next()
    }

    /// Decides anew which periods count.
    fn settle(&mut self) {
        let has_rows = |parts: &[Arc<Report>]| parts.iter().any(|report| report.rows + report.rejected > 0);
        let told: Vec<Told> = self.periods.iter().map(|(period, parts)| (*period, has_rows(parts))).collect();
        let shadows = told.iter().zip(shadows(&told));
        self.shadowed = shadows.filter_map(|((period, _), by)| Some((*period, by?))).collect();
        let longer = self.counting_periods().map(|(period, _)| period);
        self.longer = longer.filter(|period| period.unit() > PeriodUnit::Day).collect();
        self.rows = self.counting().map(|report| report.rows).sum();
        self.totals = OnceLock::new();
    }

    fn counting_periods(&self) -> impl Iterator<Item = (Period, &[Arc<Report>])> {
        let counting = self.periods.iter().filter(|(period, _)| !self.shadowed.contains_key(period));
        counting.map(|(period, parts)| (*period, parts.as_ref()))
    }

    fn counting(&self) -> impl Iterator<Item = &Arc<Report>> {
        self.counting_periods().flat_map(|(_, parts)| parts)
    }
}

/// All stored reports at one commit.
#[derive(Debug)]
pub(crate) struct Manifest {
    registry: Arc<Rolls>,
    series: BTreeMap<(u64, Kind), Arc<Series>>,
    rolls: BTreeMap<u32, Arc<LiveRoll>>,
    /// Made when first asked for.
    by_hash: OnceLock<HashMap<[u8; 32], Vec<Arc<Report>>>>,
    /// The same, for lookups.
    columns: OnceLock<Arc<SaleColumns>>,
}

impl Manifest {
    pub(crate) fn empty(registry: Arc<Rolls>) -> Self {
        Self::new(registry, BTreeMap::new(), BTreeMap::new())
    }

    fn new(
        registry: Arc<Rolls>,
        series: BTreeMap<(u64, Kind), Arc<Series>>,
        rolls: BTreeMap<u32, Arc<LiveRoll>>,
    ) -> Self {
        Self { registry, series, rolls, by_hash: OnceLock::new(), columns: OnceLock::new() }
    }

    /// The columns of a sale, and where the rolls have them.
    ///
    /// # Errors
    /// Those of opening a roll.
    pub(crate) fn columns(&self) -> Result<&Arc<SaleColumns>> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns);
        }
        let columns = SaleColumns::new(self)?;
        Ok(self.columns.get_or_init(|| Arc::new(columns)))
    }

    /// The manifest inside a store's view.
    pub(crate) fn of(view: Arc<dyn View>) -> Result<Arc<Self>> {
        let any: Arc<dyn Any + Send + Sync> = view;
        any.downcast().map_err(|_| Error::Closed { detail: "the store holds no manifest".to_owned() })
    }

    /// All reports, by account, kind, period and part, whether they count or not.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Arc<Report>> {
        self.series.values().flat_map(|series| series.periods.values()).flat_map(|parts| parts.iter())
    }

    /// The reports that count: no two of an account and kind have a day in common. In the same order.
    pub(crate) fn counting(&self) -> impl Iterator<Item = &Arc<Report>> {
        self.series.values().flat_map(|series| series.counting())
    }

    /// The periods of a kind that count, with their reports.
    pub(crate) fn counting_of(&self, kind: Kind) -> impl Iterator<Item = (Period, &[Arc<Report>])> {
        let series = self.series.iter().filter(move |((_, of), _)| *of == kind);
        series.flat_map(|(_, series)| series.counting_periods())
    }

    /// As [`Self::counting_of`], only periods of more than a day.
    pub(crate) fn counting_longer_of(&self, kind: Kind) -> impl Iterator<Item = (Period, &[Arc<Report>])> {
        let series = self.series.iter().filter(move |((_, of), _)| *of == kind);
        series.flat_map(|(_, series)| series.longer.iter().map(|&period| (period, series.parts(period))))
    }

    /// The accounts and kinds that there are reports of.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = (u64, Kind)> {
        self.series.keys().copied()
    }

    /// The totals of the reports of an account and kind that count.
    ///
    /// # Errors
    /// [`Error::Corruption`] and [`Error::Io`] where they cannot be read from a roll.
    pub(crate) fn series_totals(&self, account: u64, kind: Kind) -> Result<Arc<SeriesTotals>> {
        let Some(series) = self.series(account, kind) else { return Ok(Arc::default()) };
        if let Some(totals) = series.totals.get() {
            return Ok(Arc::clone(totals));
        }
        let totals = Arc::new(SeriesTotals::of(series.counting(), |roll| self.roll_totals(roll))?);
        Ok(Arc::clone(series.totals.get_or_init(|| totals)))
    }

    /// As [`Self::series_totals`], where only some periods are wanted: of others no roll is read.
    ///
    /// # Errors
    /// As of [`Self::series_totals`].
    pub(crate) fn some_totals(
        &self,
        account: u64,
        kind: Kind,
        wanted: impl Fn(Period) -> bool,
    ) -> Result<Arc<SeriesTotals>> {
        let Some(series) = self.series(account, kind) else { return Ok(Arc::default()) };
        if let Some(totals) = series.totals.get() {
            return Ok(Arc::clone(totals));
        }
        let reports = series.counting().filter(|report| wanted(report.key.period));
        Ok(Arc::new(SeriesTotals::of(reports, |roll| self.roll_totals(roll))?))
    }

    /// Whether a report counts.
    pub(crate) fn counts(&self, report: &Report) -> bool {
        let series = self.series(report.key.account, report.key.kind);
        series.is_some_and(|series| !series.shadowed.contains_key(&report.key.period))
    }

    /// The report that counts in the place of one that does not: the earliest of those it overlaps.
    pub(crate) fn shadow_of(&self, report: &Report) -> Option<&Arc<Report>> {
        let series = self.series(report.key.account, report.key.kind)?;
        series.parts(*series.shadowed.get(&report.key.period)?).first()
    }

    /// The counting periods of an account and kind, in order.
    pub(crate) fn counting_periods(&self, account: u64, kind: Kind) -> impl Iterator<Item = Period> {
        let series = self.series(account, kind);
        series.into_iter().flat_map(Series::counting_periods).map(|(period, _)| period)
    }

    /// All periods that reports of an account and kind are stored for, whether they count or not, in order.
    pub(crate) fn periods(&self, account: u64, kind: Kind) -> impl Iterator<Item = Period> {
        self.series(account, kind).into_iter().flat_map(|series| series.periods.keys().copied())
    }

    pub(crate) fn get(&self, key: &ReportKey) -> Option<&Arc<Report>> {
        self.parts(key.account, key.kind, key.period).find(|report| report.key == *key)
    }

    /// The reports of one account, kind and period.
    pub(crate) fn parts(
        &self,
        account: u64,
        kind: Kind,
        period: Period,
    ) -> impl Iterator<Item = &Arc<Report>> {
        self.series(account, kind).into_iter().flat_map(move |series| series.parts(period))
    }

    /// The reports that were read from these bytes.
    pub(crate) fn of_bytes(&self, sha256: &[u8; 32]) -> &[Arc<Report>] {
        let by_hash = self.by_hash.get_or_init(|| {
            let mut by_hash = HashMap::<_, Vec<_>>::new();
            self.reports()
                .for_each(|report| by_hash.entry(report.sha256).or_default().push(Arc::clone(report)));
            by_hash
        });
        by_hash.get(sha256).map_or(&[], Vec::as_slice)
    }

    /// The rolls with live rows, by number.
    pub(crate) fn rolls(&self) -> impl Iterator<Item = &LiveRoll> {
        self.rolls.values().map(AsRef::as_ref)
    }

    pub(crate) fn roll(&self, number: u32) -> Option<&LiveRoll> {
        self.rolls.get(&number).map(AsRef::as_ref)
    }

    /// The totals of the roll that these rows lie in.
    pub(crate) fn totals(&self, rows: &RowRange) -> Result<Arc<RollTotals>> {
        self.roll_totals(rows.roll)
    }

    fn roll_totals(&self, roll: u32) -> Result<Arc<RollTotals>> {
        let live = self.rolls.get(&roll);
        live.ok_or_else(|| Error::NotFound { what: format!("roll {roll}") })?.totals()
    }

    /// Whether a roll holds anything of a stored report.
    pub(crate) fn names(&self, roll: u32) -> bool {
        self.rolls.contains_key(&roll)
    }

    /// All rows that count.
    pub(crate) fn rows(&self) -> u64 {
        self.series.values().map(|series| series.rows).sum()
    }

    fn series(&self, account: u64, kind: Kind) -> Option<&Series> {
        self.series.get(&(account, kind)).map(AsRef::as_ref)
    }

    /// Takes in the changes of a commit; gives the reports that go and those that come.
    fn replace(&mut self, ops: &[Op]) -> Result<Replaced> {
        let (mut replaced, mut touched) = (Replaced::default(), BTreeSet::new());
        for op in ops {
            let new: Option<Report> = op.value.as_deref().map(value::decode).transpose()?;
            let key = new.as_ref().map_or_else(|| ReportKey::read(&op.key), |new| Ok(new.key.clone()))?;
            let new = new.map(Arc::new);
            let series = Arc::make_mut(self.series.entry((key.account, key.kind)).or_default());
            if let Some(old) = series.replace(&key, new.clone()) {
                // What a commit put and took away again never was in a roll's list.
                replaced.come.retain(|come| !Arc::ptr_eq(come, &old));
                replaced.gone.push(old);
            }
            replaced.come.extend(new);
            touched.insert((key.account, key.kind));
        }
        for key in touched {
            match self.series.get_mut(&key).map(Arc::make_mut) {
                Some(series) if !series.periods.is_empty() => series.settle(),
                _ => drop(self.series.remove(&key)),
            }
        }
        Ok(replaced)
    }

    /// Brings the lists of the rolls that the changed reports name in step.
    fn place_rows(&mut self, replaced: &Replaced) -> Result<()> {
        let both = replaced.gone.iter().chain(&replaced.come);
        let touched: BTreeSet<u32> = both.flat_map(|report| report.rolls()).collect();
        let gone: HashSet<u64> = replaced.gone.iter().map(|report| report.id).collect();
        for &number in &touched {
            let live = self.rolls.entry(number);
            let live = live.or_insert_with(|| Arc::new(LiveRoll::empty(self.registry.file(number))));
            Arc::make_mut(live).forget(&gone);
        }
        for report in &replaced.come {
            self.place(report);
        }
        for number in touched {
            let Some(live) = self.rolls.get_mut(&number).map(Arc::make_mut) else { continue };
            if live.slices.is_empty() && live.rejects.is_empty() {
                self.rolls.remove(&number);
                continue;
            }
            live.slices.sort_by_key(|slice| slice.first);
            live.rejects.sort_by_key(|slice| slice.first);
            check_apart(live)?;
        }
        Ok(())
    }

    fn place(&mut self, report: &Arc<Report>) {
        for range in &report.ranges {
            if let Some(live) = self.rolls.get_mut(&range.roll) {
                let (first, count) = (range.first, range.count);
                Arc::make_mut(live).slices.push(Slice { first, count, report: Arc::clone(report) });
            }
        }
        for range in &report.reject_ranges {
            if let Some(live) = self.rolls.get_mut(&range.roll) {
                let (first, count) = (range.first, range.count);
                Arc::make_mut(live).rejects.push(Slice { first, count, report: Arc::clone(report) });
            }
        }
    }
}

/// What a commit does to the stored reports.
#[derive(Debug, Default)]
struct Replaced {
    gone: Vec<Arc<Report>>,
    come: Vec<Arc<Report>>,
}

/// The report that has just these rows, of slices in order.
fn slice_of<'a>(slices: &'a [Slice], rows: &Range<u32>) -> Option<&'a Slice> {
    let place = slices.binary_search_by_key(&rows.start, |slice| slice.first).ok()?;
    slices.get(place).filter(|slice| rows.end.checked_sub(rows.start) == Some(slice.count))
}

fn strange(path: &Path) -> Error {
    Error::corrupt(
        path,
        "it holds the rows of other reports: it belongs to another database or under another name",
    )
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
    /// Shares with the manifest before all series and rolls that the changes do not name.
    fn apply(&self, ops: &[Op]) -> Result<Arc<dyn View>> {
        let (series, rolls) = (self.series.clone(), self.rolls.clone());
        let mut next = Self::new(Arc::clone(&self.registry), series, rolls);
        let replaced = next.replace(ops)?;
        next.place_rows(&replaced)?;
        Ok(Arc::new(next))
    }
}
