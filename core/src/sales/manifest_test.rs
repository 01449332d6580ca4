//! A manifest that took in one commit after another is the manifest of what is left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::manifest::{Manifest, ReadFlags, Report, ReportKey, RowRange, Version};
use super::rolls::Rolls;
use crate::OsDisk;
use crate::day::{Day, Period, PeriodUnit};
use crate::ingest::Kind;
use crate::kv::{Op, value};
use crate::roll::Cache;
use crate::store::View;

fn report(id: u64, key: ReportKey, roll: u32) -> Report {
    let first = u32::try_from(id).unwrap() * 10;
    let rows = id % 4;
    let ranges = [RowRange { roll, first, count: u32::try_from(rows).unwrap() }];
    let rejects = [RowRange { roll: roll + 1, first, count: 1 }];
    Report {
        key,
        whole: false,
        siblings: 1,
        flags: ReadFlags { reader: 1, personal: false },
        ranges: ranges.into_iter().filter(|range| range.count > 0).collect(),
        reject_ranges: rejects.into_iter().filter(|_| id.is_multiple_of(3)).collect(),
        version: Version {
            id,
            path: format!("{id}.csv"),
            sha256: [0; 32],
            imported_at: 0,
            rows,
            rejected: 0,
            totals: Vec::new(),
            change: None,
        },
        earlier: Vec::new(),
    }
}

/// All that a manifest tells.
fn told(manifest: &Manifest) -> String {
    let reports: Vec<_> = manifest.reports().map(|r| (&r.key, r.id, manifest.counts(r))).collect();
    let counting: Vec<_> = manifest.counting().map(|r| r.id).collect();
    let shadows: Vec<_> = manifest.reports().map(|r| manifest.shadow_of(r).map(|by| by.id)).collect();
    let slices = |live: &super::manifest::LiveRoll| {
        live.slices.iter().map(|s| (s.first, s.count, s.report.id)).collect::<Vec<_>>()
    };
    let rolls: Vec<_> = manifest.rolls().map(|live| (live.file.number(), slices(live))).collect();
    format!("{reports:?} {counting:?} {shadows:?} {rolls:?} {}", manifest.rows())
}

fn apply(manifest: &Arc<Manifest>, ops: &[Op]) -> Arc<Manifest> {
    Manifest::of(manifest.apply(ops).unwrap()).unwrap()
}

/// A put with this roll, or a delete, of the report of an account, day, length and part.
type Change = (Option<u32>, u64, i32, u8, u8);

fn key((_, account, day, unit, part): &Change) -> ReportKey {
    let unit = match unit {
        0 => PeriodUnit::Day,
        1 => PeriodUnit::Week,
        2 => PeriodUnit::Month,
        _ => PeriodUnit::Year,
    };
    let period = Period::containing(Day(17_890 + day), unit);
    ReportKey { account: *account, kind: Kind::AppleSales, period, part: part.to_string() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn commits_add_up(
        commits in proptest::collection::vec(
            proptest::collection::vec((proptest::option::weighted(0.7, 1u32..5), 1u64..3, 0i32..12, 0u8..4, 0u8..2), 1..8),
            1..20,
        )
    ) {
        let rolls = Rolls::new(PathBuf::from("rolls"), Arc::new(OsDisk), Arc::new(Cache::new(0)));
        let empty = Arc::new(Manifest::empty(rolls));
        let (mut manifest, mut left, mut id) = (Arc::clone(&empty), BTreeMap::new(), 0);
        for commit in &commits {
            let ops: Vec<Op> = commit.iter().map(|change| {
                let key = key(change);
                let Some(roll) = change.0 else {
                    left.remove(&key);
                    return Op::delete(key.bytes());
                };
                id += 1;
                let op = Op::put(key.bytes(), value::encode(&report(id, key.clone(), roll)).unwrap());
                left.insert(key, op.clone());
                op
            }).collect();
            manifest = apply(&manifest, &ops);
            let afresh: Vec<Op> = left.values().cloned().collect();
            prop_assert_eq!(told(&manifest), told(&apply(&empty, &afresh)));
        }
    }
}
