//! What is known of fetching beyond what is stored: that a period was looked at once more and had not changed, or that
//! its store has lost it.

use serde::{Deserialize, Serialize};

use super::Engine;
use super::due::{Known, schedule};
use super::manifest::Manifest;
use super::period::{PeriodState, state};
use crate::day::Period;
use crate::error::{Error, Result};
use crate::ingest::Kind;
use crate::kv::key::Key;
use crate::kv::value;
use crate::store::{Read, Write};

/// The namespace of the keys under which it is kept.
const FETCHED: u8 = b'f';

/// What is noted of one period of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// When it was fetched, in microseconds since 1970, UTC.
    pub(super) at: i64,
    /// Whether the store said that it will never give it out any more.
    pub(super) is_lost: bool,
}

/// The key under which a note stands.
pub(super) fn note_key(account: u64, kind: Kind, period: Period) -> Vec<u8> {
    Key::new(FETCHED).u64(account).text(kind.as_str()).text(&period.to_string()).build()
}

/// What is noted of a period.
pub(super) fn note(read: &dyn Read, account: u64, kind: Kind, period: Period) -> Result<Option<Note>> {
    read.get(&note_key(account, kind, period))?.map(|bytes| value::decode(&bytes)).transpose()
}

/// Notes that what is stored of a period is what its store gave at a time; written only where that settles the period.
pub(super) fn mark_fetched(engine: &Engine, account: u64, kind: Kind, period: Period, at: i64) -> Result<()> {
    let Some(schedule) = schedule(kind, period) else { return Ok(()) };
    engine.store.write(|transaction| {
        let manifest = Manifest::of(transaction.view()?)?;
        if state(&manifest, account, kind, period) == PeriodState::Absent {
            return Err(Error::NotFound {
                what: format!("a {kind} report of account {account} for {period}"),
            });
        }
        let noted = note(transaction, account, kind, period)?;
        let known = Known::of(&manifest, noted, (account, kind, period));
        if at >= schedule.final_at && !known.is_final(&schedule, at) {
            let bytes = value::encode(&Note { at, is_lost: false })?;
            transaction.put(note_key(account, kind, period), bytes);
        }
        Ok(())
    })
}

/// Notes that the store will not give out a period any more; nothing where something is stored for it.
pub(super) fn mark_lost(engine: &Engine, account: u64, kind: Kind, period: Period) -> Result<()> {
    engine.store.write(|transaction| {
        let manifest = Manifest::of(transaction.view()?)?;
        if state(&manifest, account, kind, period) == PeriodState::Absent {
            let bytes = value::encode(&Note { at: engine.now(), is_lost: true })?;
            transaction.put(note_key(account, kind, period), bytes);
        }
        Ok(())
    })
}
