use super::*;
use crate::day::Period;
use crate::ingest::Kind;
use crate::sales::manifest::ReadFlags;
use crate::sales::segment::SegmentMeta;

fn identity(month: &str) -> SegmentIdentity {
    let period: Period = month.parse().unwrap();
    SegmentIdentity {
        key: ReportKey { account: 1, kind: Kind::AmazonSales, period, part: "0".to_owned() },
        path: format!("sales_{month}.zip"),
        sha256: [7; 32],
        flags: ReadFlags { reader: 1, personal: false },
        imported_at: 5,
    }
}

/// A piece of a roll: so many rows and rejects, as the part of a member of an import.
fn piece(
    roll: u32,
    (sequence, member, part): (u64, u32, u32),
    (rows, rejects): (u32, u32),
    month: Option<&str>,
) -> Piece {
    let range = |count| RowRange { roll, first: 0, count };
    let identity = month.map(identity);
    let meta = SegmentMeta { sequence, member, part, totals: totals(rows), identity: identity.clone() };
    Piece { rows: range(rows), rejects: range(rejects), meta, identity, is_readable: true }
}

/// Totals of so many rows, a unit each.
fn totals(rows: u32) -> Totals {
    use crate::column::{Batch, Column, Field, Type};
    let rows = rows as usize;
    let int = |name: &str| (Field::new(name, Type::Int), Column::Int { values: vec![1; rows], nulls: None });
    let text = |name: &str| {
        let values = std::iter::repeat_n("x", rows).collect();
        (Field::new(name, Type::Text), Column::Plain { values, nulls: None })
    };
    let columns = ["date", "units", "sales", "earnings"].map(int).into_iter();
    let columns = columns.chain(["currency", "earnings_currency", "type"].map(text));
    let (fields, columns): (Vec<_>, Vec<_>) = columns.unzip();
    TotalsBuilder::of(&Batch { rows, fields: fields.into(), columns }).unwrap()
}

/// Month, sequence, rows and rejects, and whether all of it is there.
type Told = (String, u64, u64, u64, bool);

fn told(pieces: Vec<Piece>) -> (Vec<Told>, u64) {
    let (groups, nameless) = groups(&Survey::of(pieces));
    let tell = |group: &Group| {
        let (rows, rejects) = (group.count(|piece| piece.rows), group.count(|piece| piece.rejects));
        (group.identity.key.period.to_string(), group.sequence, rows, rejects, group.is_closed)
    };
    (groups.iter().map(tell).collect(), nameless)
}

fn one(rows: u64, rejects: u64, is_closed: bool) -> Told {
    ("2018-03".to_owned(), 4, rows, rejects, is_closed)
}

const MARCH: Option<&str> = Some("2018-03");

#[test]
fn a_run_over_several_rolls_is_one() {
    let run = || {
        vec![
            piece(1, (4, 0, 0), (10, 1), None),
            piece(2, (4, 0, 1), (20, 0), None),
            piece(3, (4, 0, 2), (5, 2), MARCH),
        ]
    };
    assert_eq!(told(run()), (vec![one(35, 3, true)], 0));
    // Without its end nothing tells whose it is; without its beginning it is not all there.
    assert_eq!(told(run().into_iter().take(2).collect()), (vec![], 30));
    assert_eq!(told(run().into_iter().skip(1).collect()), (vec![one(25, 2, false)], 0));
    // A gap in the middle leaves both.
    let broken = vec![run().remove(0), run().remove(2)];
    assert_eq!(told(broken), (vec![one(5, 2, false)], 10));
}

#[test]
fn members_of_one_file_are_told_apart() {
    let both = vec![piece(1, (4, 0, 0), (10, 0), MARCH), piece(1, (4, 1, 0), (10, 0), MARCH)];
    assert_eq!(told(both), (vec![one(20, 0, true)], 0), "alike, and yet two");
    // Rows of the same file that nothing names may be of this report.
    let nameless = vec![piece(1, (4, 0, 0), (10, 0), MARCH), piece(1, (4, 1, 0), (3, 0), None)];
    assert_eq!(told(nameless), (vec![one(10, 0, false)], 3));
    let apart = vec![piece(1, (4, 0, 0), (10, 0), MARCH), piece(1, (5, 0, 0), (3, 0), None)];
    assert_eq!(told(apart), (vec![one(10, 0, true)], 3));
}

#[test]
fn what_was_written_anew_counts_once() {
    // A range with rejects becomes a run of rows and one of rejects.
    let old = || piece(1, (4, 0, 0), (10, 2), MARCH);
    let anew = || vec![piece(2, (4, 0, 0), (10, 0), MARCH), piece(2, (4, 1, 0), (0, 2), MARCH)];
    assert_eq!(told([vec![old()], anew()].concat()), (vec![one(10, 2, true)], 0));
    // A crash between the two leaves the rejects where they were.
    assert_eq!(told(vec![old(), anew().remove(0)]), (vec![one(10, 2, true)], 0));
    // Rows of another number are others.
    let other = piece(2, (4, 1, 0), (11, 0), MARCH);
    assert_eq!(told(vec![old(), other]), (vec![one(21, 2, true)], 0));
    // One copy stands for one range.
    let twice = vec![old(), piece(1, (4, 1, 0), (10, 0), MARCH), anew().remove(0)];
    assert_eq!(told(twice), (vec![one(20, 2, true)], 0));
}

#[test]
fn imports_are_told_apart() {
    let mut later = piece(2, (9, 0, 0), (10, 0), MARCH);
    later.identity.as_mut().unwrap().imported_at = 6;
    let april = piece(1, (4, 1, 0), (3, 0), Some("2018-04"));
    let (groups, _) = told(vec![piece(1, (4, 0, 0), (10, 0), MARCH), april, later]);
    let sequences: Vec<_> = groups.iter().map(|(month, sequence, ..)| (month.as_str(), *sequence)).collect();
    assert_eq!(sequences, [("2018-03", 4), ("2018-03", 9), ("2018-04", 4)]);
}
