//! All rolls of a directory, read to their last byte.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::roll::Roll;
use crate::sales::check;
use crate::sales::compact::read_columns;
use crate::sales::listing::read_rejects;
use crate::sales::manifest::RowRange;
use crate::sales::rolls::Rolls;
use crate::sales::schema::{REJECTS, ROWS};
use crate::sales::segment::{SegmentIdentity, SegmentMeta};
use crate::sales::select::split_at_blocks;

/// A run of rows in one roll, and its rejects.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) rows: RowRange,
    pub(super) rejects: RowRange,
    pub(super) meta: SegmentMeta,
    /// Whose it is; told by the last piece of a run that spans rolls.
    pub(super) identity: Option<SegmentIdentity>,
    /// Whether all of it can be read.
    pub(super) is_readable: bool,
}

/// A roll file.
pub(super) struct Found {
    /// None where nothing of it can be read.
    roll: Option<Arc<Roll>>,
    /// What is wrong with it.
    fault: Option<String>,
    pub(super) pieces: Vec<Piece>,
}

/// Every finished roll, by number.
pub(super) struct Survey(BTreeMap<u32, Found>);

impl Survey {
    /// Reads all rolls.
    pub(super) fn read(rolls: &Arc<Rolls>) -> Result<Self> {
        let mut found = BTreeMap::new();
        for number in rolls.numbers()? {
            found.insert(number, Found::read(rolls, number)?);
        }
        let mut survey = Self(found);
        survey.name_heads();
        Ok(survey)
    }

    /// Of rolls that hold these pieces, by roll.
    #[cfg(test)]
    pub(super) fn of(pieces: Vec<Piece>) -> Self {
        let mut found = BTreeMap::new();
        for piece in pieces {
            let roll = found.entry(piece.rows.roll);
            let roll = roll.or_insert_with(|| Found { roll: None, fault: None, pieces: Vec::new() });
            roll.pieces.push(piece);
        }
        let mut survey = Self(found);
        survey.name_heads();
        survey
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Every piece, by roll.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.0.values().flat_map(|found| &found.pieces)
    }

    /// What is wrong with a roll; none where all is well, or there is no such roll.
    pub(super) fn fault(&self, number: u32) -> Option<&str> {
        self.0.get(&number)?.fault.as_deref()
    }

    /// Whether a roll must not stay as it is.
    pub(super) fn is_hurt(&self, number: u32) -> bool {
        self.fault(number).is_some()
    }

    /// Whether there is a file of this number.
    pub(super) fn is_there(&self, number: u32) -> bool {
        self.0.contains_key(&number)
    }

    /// The piece with just these rows.
    pub(super) fn of_rows(&self, range: &RowRange) -> Option<&Piece> {
        self.0.get(&range.roll)?.pieces.iter().find(|piece| piece.rows == *range)
    }

    /// The piece with just these rejects.
    pub(super) fn of_rejects(&self, range: &RowRange) -> Option<&Piece> {
        self.0.get(&range.roll)?.pieces.iter().find(|piece| piece.rejects == *range)
    }

    /// The table of this name in the roll of a range.
    pub(super) fn table(&self, range: &RowRange, name: &str) -> Option<(Arc<Roll>, usize)> {
        let roll = self.0.get(&range.roll)?.roll.as_ref()?;
        Some((Arc::clone(roll), roll.table(name)?))
    }

    /// A run that did not fit a roll goes on as the first of the next one, and only its last piece says whose it is.
    fn name_heads(&mut self) {
        let numbers: Vec<u32> = self.numbers().collect();
        for number in numbers.into_iter().rev() {
            let next = number.checked_add(1).and_then(|next| self.0.get(&next));
            let tail = next.and_then(|next| next.pieces.first()).cloned();
            let head = self.0.get_mut(&number).and_then(|found| found.pieces.last_mut());
            if let (Some(head), Some(tail)) = (head, tail)
                && head.identity.is_none()
                && head.goes_on_in(&tail)
            {
                head.identity = tail.identity;
            }
        }
    }
}

impl Piece {
    /// Whether another piece, the first of the next roll, is of the same run.
    pub(super) fn goes_on_in(&self, next: &Self) -> bool {
        let (own, next) = (&self.meta, &next.meta);
        own.identity.is_none()
            && (own.sequence, own.member, own.part.checked_add(1))
                == (next.sequence, next.member, Some(next.part))
    }
}

impl Found {
    fn read(rolls: &Arc<Rolls>, number: u32) -> Result<Self> {
        let path = rolls.path(number);
        let opened = Roll::open(rolls.disk(), &path, Arc::clone(rolls.cache())).and_then(|roll| {
            let pieces = pieces(number, &roll, &path)?;
            Ok((roll, pieces))
        });
        let (roll, mut pieces) = match opened {
            Err(Error::Corruption { detail, .. }) => {
                return Ok(Self { roll: None, fault: Some(detail), pieces: Vec::new() });
            }
            opened => opened?,
        };
        let fault = match roll.verify() {
            Err(Error::Corruption { detail, .. }) => Some(detail),
            verified => verified.map(|()| None)?,
        };
        if fault.is_some() {
            for piece in &mut pieces {
                piece.is_readable = is_readable(&roll, piece, &path)?;
            }
        }
        Ok(Self { roll: Some(roll), fault, pieces })
    }
}

fn pieces(number: u32, roll: &Roll, path: &Path) -> Result<Vec<Piece>> {
    let piece = |segment: &crate::roll::Segment| {
        let meta = SegmentMeta::decode(&segment.meta, path)?;
        let range = |place: usize| {
            let range = segment.ranges.get(place).cloned().unwrap_or_default();
            RowRange { roll: number, first: range.start, count: range.end.saturating_sub(range.start) }
        };
        let identity = meta.identity.clone();
        Ok(Piece { rows: range(0), rejects: range(1), meta, identity, is_readable: true })
    };
    roll.segments().iter().map(piece).collect()
}

/// Whether all columns of the rows can be read and add up, and the rejects.
fn is_readable(roll: &Arc<Roll>, piece: &Piece, path: &Path) -> Result<bool> {
    match try_read(roll, piece, path) {
        Err(Error::Corruption { .. }) => Ok(false),
        read => read,
    }
}

fn try_read(roll: &Arc<Roll>, piece: &Piece, path: &Path) -> Result<bool> {
    let table = |name: &str| {
        roll.table(name).ok_or_else(|| Error::corrupt(path, format!("the roll has no table {name:?}")))
    };
    let blocks = |range: &RowRange| split_at_blocks(range.first..range.first.saturating_add(range.count));
    if piece.rows.count > 0 {
        let table = table(ROWS)?;
        for rows in blocks(&piece.rows) {
            read_columns(roll, table, &rows)?;
        }
        let counted = check::count(roll, table, &piece.rows)?;
        if check::by_key(counted.lines()) != check::by_key(piece.meta.totals.lines()) {
            return Ok(false);
        }
    }
    if piece.rejects.count > 0 {
        let table = table(REJECTS)?;
        for rows in blocks(&piece.rejects) {
            read_rejects(roll, table, rows)?;
        }
    }
    Ok(true)
}
