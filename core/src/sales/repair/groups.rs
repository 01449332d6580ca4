//! The pieces that together are one version of one report, told from the rolls alone.

use std::collections::BTreeMap;

use super::survey::{Piece, Survey};
use crate::sales::check::by_key;
use crate::sales::manifest::{ReportKey, RowRange};
use crate::sales::segment::SegmentIdentity;
use crate::sales::totals::{Totals, TotalsBuilder};

/// One import of one report.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) identity: SegmentIdentity,
    /// Of two versions of a report the higher is the newer.
    pub(super) sequence: u64,
    pub(super) pieces: Vec<Piece>,
    /// Whether no piece is known to be missing.
    pub(super) is_closed: bool,
}

impl Group {
    /// Whether every piece that is known can be read.
    pub(super) fn is_readable(&self) -> bool {
        self.pieces.iter().all(|piece| piece.is_readable)
    }

    pub(super) fn ranges(&self, range: fn(&Piece) -> RowRange) -> Vec<RowRange> {
        self.pieces.iter().map(range).filter(|range| range.count > 0).collect()
    }

    pub(super) fn count(&self, range: fn(&Piece) -> RowRange) -> u64 {
        self.pieces.iter().map(|piece| u64::from(range(piece).count)).sum()
    }
}

/// What one import of a report has in common. The times of its call tell it from the next import of the same bytes.
type Import = (ReportKey, [u8; 32], i64, u32, bool);

fn import(identity: &SegmentIdentity) -> Import {
    let SegmentIdentity { key, sha256, imported_at, flags, .. } = identity;
    (key.clone(), *sha256, *imported_at, flags.reader, flags.personal)
}

/// Rows that were appended in one go, in one roll or from one into the next.
struct Run(Vec<Piece>);

impl Run {
    fn number(&self) -> u32 {
        self.0.first().map_or(0, |piece| piece.rows.roll)
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|piece| u64::from(piece.rows.count)).sum()
    }

    fn rejects(&self) -> u64 {
        self.0.iter().map(|piece| u64::from(piece.rejects.count)).sum()
    }

    fn totals(&self) -> Totals {
        let mut totals = TotalsBuilder::default();
        self.0.iter().for_each(|piece| totals.add_totals(&piece.meta.totals));
        totals.take()
    }
}

/// All imports that the rolls have something of, and how many rows nothing tells the report of.
pub(super) fn groups(survey: &Survey) -> (Vec<Group>, u64) {
    let mut runs = BTreeMap::<Import, (SegmentIdentity, Vec<Run>)>::new();
    let (mut nameless, mut rows) = (Vec::new(), 0);
    let mut pieces = survey.pieces().peekable();
    while let Some(piece) = pieces.next() {
        let mut run = vec![piece.clone()];
        while let (Some(last), Some(next)) = (run.last(), pieces.peek())
            && last.goes_on_in(next)
            && last.rows.roll.checked_add(1) == Some(next.rows.roll)
        {
            run.extend(pieces.next().cloned());
        }
        match &piece.identity {
            Some(identity) => {
                let (_, of_import) =
                    runs.entry(import(identity)).or_insert_with(|| (identity.clone(), Vec::new()));
                of_import.push(Run(run));
            }
            None => {
                nameless.push(piece.meta.sequence);
                rows += Run(run).rows();
            }
        }
    }
    let group = |(identity, runs): (SegmentIdentity, Vec<Run>)| group(identity, runs, &nameless);
    (runs.into_values().map(group).collect(), rows)
}

fn group(identity: SegmentIdentity, runs: Vec<Run>, nameless: &[u64]) -> Group {
    let sequence = |run: &Run| run.0.first().map_or(0, |piece| piece.meta.sequence);
    // Rows that nothing names may be of any report of the same file.
    let is_apart = runs.iter().all(|run| !nameless.contains(&sequence(run)));
    let highest = runs.iter().map(sequence).max().unwrap_or(0);
    let mut pieces = without_copies(runs);
    // A run whose beginning lies nowhere has lost it, or had it moved: that cannot be told.
    let begins = |piece: &Piece| {
        piece.meta.part == 0
            || pieces.iter().any(|before| {
                before.goes_on_in(piece) && before.rows.roll.checked_add(1) == Some(piece.rows.roll)
            })
    };
    let is_closed = is_apart && pieces.iter().all(begins);
    pieces.sort_by_key(|piece| (piece.meta.member, piece.meta.part, piece.rows.roll));
    Group { identity, sequence: highest, pieces, is_closed }
}

/// The pieces, each once. Rolls that were put together are written anew range by range, and a crash may leave a range
/// beside the run that was made of it.
fn without_copies(mut runs: Vec<Run>) -> Vec<Piece> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.number()));
    let mut copies: Vec<(u32, u64, u64, Totals)> = Vec::new();
    let mut kept = Vec::new();
    for run in runs {
        let whole = (run.number(), run.rows(), run.rejects(), run.totals());
        for mut piece in run.0 {
            let of_rows = |(number, rows, _, totals): &(u32, u64, u64, Totals)| {
                *number > piece.rows.roll
                    && piece.rows.count > 0
                    && *rows == u64::from(piece.rows.count)
                    && by_key(totals.lines()) == by_key(piece.meta.totals.lines())
            };
            let of_rejects = |(number, rows, rejects, _): &(u32, u64, u64, Totals)| {
                *number > piece.rows.roll
                    && piece.rejects.count > 0
                    && *rows == 0
                    && *rejects == u64::from(piece.rejects.count)
            };
            let (rows, rejects) = (copies.iter().position(of_rows), copies.iter().position(of_rejects));
            // Each run is the copy of one range.
            let mut taken: Vec<usize> = rows.into_iter().chain(rejects).collect();
            taken.sort_unstable();
            taken.dedup();
            taken.into_iter().rev().for_each(|place| drop(copies.swap_remove(place)));
            piece.rows.count = if rows.is_some() { 0 } else { piece.rows.count };
            piece.rejects.count = if rejects.is_some() { 0 } else { piece.rejects.count };
            if piece.rows.count > 0 || piece.rejects.count > 0 {
                kept.push(piece);
            }
        }
        copies.push(whole);
    }
    kept
}

#[cfg(test)]
#[path = "groups_test.rs"]
mod test;
