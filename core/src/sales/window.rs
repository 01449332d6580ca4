//! What a scan reads together. Rows are wanted report by report. Where small reports lie in another order in their roll,
//! many of them are read as they lie, by the block, and put in order afterwards.

use std::ops::Range;
use std::sync::Arc;

use super::manifest::{Manifest, Report, RowRange};
use super::query::Where;
use super::select::{Chosen, Piece, Pieces, ranges, split_at_blocks};
use crate::error::Result;
use crate::roll::BLOCK_ROWS;

/// Rows that are given together.
#[derive(Debug)]
pub(crate) struct Window {
    /// As they lie.
    pub(crate) pieces: Vec<Piece>,
    /// Which rows are wanted one after the other; none where that is how they lie.
    shares: Vec<Share>,
}

/// Rows of a piece that follow each other, counted from its first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    piece: usize,
    rows: Range<usize>,
}

/// The rows that a question is about, by account, kind, period, part and line.
pub(crate) fn windows(manifest: &Manifest, filter: &Where) -> Result<Vec<Window>> {
    let all: Vec<_> = ranges(manifest, filter).collect();
    let lie_together = |a: &Rows<'_>, b: &Rows<'_>| (a.0.roll, a.1.store()) == (b.0.roll, b.1.store());
    let mut windows = Vec::new();
    for group in all.chunk_by(lie_together) {
        if lie_in_order(group) {
            windows.extend(one_by_one(manifest, group)?);
            continue;
        }
        let mut rest = group;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            match lie_in_order(now) {
                true => windows.extend(one_by_one(manifest, now)?),
                false => windows.push(Window::mixed(manifest, now)?),
            }
            rest = later;
        }
    }
    Ok(windows)
}

/// Some rows, and whose they are.
type Rows<'a> = (&'a RowRange, &'a Arc<Report>);

fn lie_in_order(ranges: &[Rows<'_>]) -> bool {
    ranges.is_sorted_by_key(|(range, _)| range.first)
}

/// How many of some ranges have at most a block's rows together; at least one.
fn fitting(ranges: &[Rows<'_>]) -> usize {
    let mut rows = 0_u64;
    let fits = |(range, _): &&Rows<'_>| {
        rows += u64::from(range.count);
        rows <= u64::from(BLOCK_ROWS)
    };
    ranges.iter().take_while(fits).count().max(1)
}

fn one_by_one(manifest: &Manifest, ranges: &[Rows<'_>]) -> Result<impl Iterator<Item = Window>> {
    let mut pieces = Pieces::new(manifest);
    ranges.iter().try_for_each(|(range, report)| pieces.push(range, report))?;
    let alone = |piece| Window { pieces: vec![piece], shares: Vec::new() };
    Ok(pieces.list.into_iter().map(alone))
}

impl Window {
    fn mixed(manifest: &Manifest, ranges: &[Rows<'_>]) -> Result<Self> {
        let mut lying = ranges.to_vec();
        lying.sort_unstable_by_key(|(range, _)| range.first);
        let mut pieces = Pieces::new(manifest);
        lying.iter().try_for_each(|(range, report)| pieces.push(range, report))?;
        let mut window = Self { pieces: pieces.list, shares: Vec::new() };
        for (range, _) in ranges {
            split_at_blocks(range.first..range.first.saturating_add(range.count))
                .for_each(|rows| window.share(&rows));
        }
        Ok(window)
    }

    /// Wants these rows next.
    fn share(&mut self, rows: &Range<u32>) {
        let after = self.pieces.partition_point(|piece| piece.rows.start <= rows.start);
        let Some((piece, first)) =
            after.checked_sub(1).and_then(|piece| Some((piece, self.pieces.get(piece)?.rows.start)))
        else {
            return;
        };
        let rows = (rows.start - first) as usize..(rows.end - first) as usize;
        match self.shares.last_mut() {
            Some(last) if (last.piece, last.rows.end) == (piece, rows.start) => last.rows.end = rows.end,
            _ => self.shares.push(Share { piece, rows }),
        }
    }

    /// Keeps at most so many of the chosen rows, the ones that are wanted first, and gives the order in which they are
    /// wanted, counted through all pieces; `None` for as they come.
    pub(crate) fn limit(&self, chosen: &mut [Chosen], rows: usize) -> Option<Vec<u32>> {
        if self.shares.is_empty() {
            let mut left = rows;
            for chosen in chosen {
                chosen.truncate(left);
                left -= chosen.len();
            }
            return None;
        }
        let firsts: Vec<usize> = firsts(chosen).collect();
        let places = self.shares.iter().filter_map(|share| {
            let (first, places) =
                (firsts.get(share.piece)?, chosen.get(share.piece)?.places(share.rows.clone()));
            Some(first + places.start..first + places.end)
        });
        // A window has at most as many rows as a block.
        let order: Vec<u32> =
            places.flatten().take(rows).filter_map(|place| u32::try_from(place).ok()).collect();
        let is_whole = order.len() == chosen.iter().map(Chosen::len).sum::<usize>();
        Some(if is_whole { order } else { keep_only(order, chosen) })
    }
}

/// The places of the first chosen row of each piece, counted through all of them.
fn firsts(chosen: &[Chosen]) -> impl Iterator<Item = usize> {
    chosen.iter().scan(0, |end, chosen| {
        let first = *end;
        *end += chosen.len();
        Some(first)
    })
}

/// Keeps of the chosen rows those at these places, and counts the places anew.
fn keep_only(order: Vec<u32>, chosen: &mut [Chosen]) -> Vec<u32> {
    let mut kept = order.clone();
    kept.sort_unstable();
    let firsts: Vec<usize> = firsts(chosen).collect();
    for (chosen, first) in chosen.iter_mut().zip(firsts) {
        let end = first + chosen.len();
        let from = kept.partition_point(|&place| (place as usize) < first);
        let to = kept.partition_point(|&place| (place as usize) < end);
        let own = kept.get(from..to).unwrap_or_default();
        if own.len() < chosen.len() {
            chosen.keep_places(own.iter().map(|&place| place as usize - first));
        }
    }
    let anew = |place: u32| u32::try_from(kept.partition_point(|&other| other < place)).unwrap_or(u32::MAX);
    order.into_iter().map(anew).collect()
}
