//! Whole rolls: written, read back in every way, damaged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_buffer::NullBuffer;
use proptest::prelude::*;

use super::dictionary::Limits;
use super::*;
use crate::ErrorKind;
use crate::column::{Batch, Column, Field, NULL_CODE, Strings, Type};
use crate::file::{Disk, OsDisk};

const SALT: u64 = 0x5EED;

pub(super) fn disk() -> Arc<dyn Disk> {
    Arc::new(OsDisk)
}

fn cache() -> Arc<Cache> {
    Arc::new(Cache::new(16 << 20))
}

use Cell::{Int, Null, Text};

fn text(value: impl Into<String>) -> Cell {
    Text(value.into())
}

fn ints(cells: &[Cell]) -> Column {
    let values = cells.iter().map(|cell| if let Int(value) = cell { *value } else { -77 }).collect();
    Column::Int { values, nulls: nulls(cells) }
}

fn plain(cells: &[Cell]) -> Column {
    Column::Plain { values: strings(cells), nulls: nulls(cells) }
}

fn strings(cells: &[Cell]) -> Strings {
    cells.iter().map(|cell| if let Text(value) = cell { value } else { "" }).collect()
}

fn coded(cells: &[Cell]) -> Column {
    // A string that no row uses comes first, as the contract allows.
    let mut strings = vec!["unused"];
    let mut codes = Vec::new();
    for cell in cells {
        codes.push(match cell {
            Text(value) => match strings.iter().position(|string| string == value) {
                Some(code) => bits::count(code),
                None => {
                    strings.push(value);
                    bits::count(strings.len()) - 1
                }
            },
            _ => NULL_CODE,
        });
    }
    Column::Coded { dictionary: Arc::new(strings.into_iter().collect()), codes }
}

fn nulls(cells: &[Cell]) -> Option<NullBuffer> {
    let valid: Vec<bool> = cells.iter().map(|cell| *cell != Null).collect();
    valid.contains(&false).then(|| NullBuffer::from(valid))
}

fn batch(columns: Vec<(&str, Column)>) -> Batch {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let field = |(name, column): &(&str, Column)| Field::new(*name, column.ty());
    Batch {
        rows,
        fields: columns.iter().map(field).collect(),
        columns: columns.into_iter().map(|(_, c)| c).collect(),
    }
}

fn cells(column: &Column) -> Vec<Cell> {
    if let Column::Coded { dictionary, codes } = column {
        assert!(
            codes.iter().all(|&code| code == NULL_CODE || (code as usize) < dictionary.len()),
            "a stray code"
        );
    }
    let cell = |row| match column.ty() {
        Type::Int => column.int(row).map_or(Null, Int),
        Type::Text => column.text(row).map_or(Null, text),
    };
    (0..column.len()).map(cell).collect()
}

fn specs(indexed: Option<&str>) -> Vec<TableSpec> {
    vec![TableSpec { name: "t".into(), indexed: indexed.map(Into::into) }]
}

pub(super) struct Dir {
    dir: tempfile::TempDir,
}

impl Dir {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("a.roll")
    }

    fn writer(&self, indexed: Option<&str>, limits: Limits) -> Writer {
        Writer::create_with(disk(), &self.path(), specs(indexed), SALT, limits).unwrap()
    }

    fn open(&self) -> Arc<Roll> {
        Roll::open(&disk(), &self.path(), cache()).unwrap()
    }

    /// A roll of these batches in one table.
    pub(super) fn roll(&self, indexed: Option<&str>, batches: &[Batch]) -> Arc<Roll> {
        let mut writer = self.writer(indexed, Limits::default());
        batches.iter().for_each(|batch| writer.append(0, batch).unwrap());
        let summary = writer.finish().unwrap();
        assert_eq!(summary.bytes, std::fs::metadata(self.path()).unwrap().len());
        let roll = self.open();
        roll.verify().unwrap();
        assert_eq!((roll.bytes(), vec![roll.rows(0)]), (summary.bytes, summary.rows));
        roll
    }
}

fn read_all(roll: &Roll, column: usize) -> Vec<Cell> {
    let rows = roll.rows(0);
    let block = |start: u32| cells(&roll.read(0, column, start..rows.min(start + BLOCK_ROWS)).unwrap());
    (0..rows).step_by(BLOCK_ROWS as usize).flat_map(block).collect()
}

/// Reads a column in every way and compares with what was appended.
fn check(roll: &Roll, name: &str, expected: &[Cell]) {
    let column = roll.field(0, name).unwrap();
    assert_eq!(roll.rows(0) as usize, expected.len());
    assert!(read_all(roll, column) == expected, "{name} as blocks");
    let rows = roll.rows(0);
    let some: Vec<u32> = (0..rows).step_by((rows as usize / 50).max(1)).chain(rows.checked_sub(1)).collect();
    let gathered = cells(&roll.gather(0, column, &some).unwrap());
    for (&row, gathered) in some.iter().zip(gathered) {
        assert_eq!(gathered, expected[row as usize], "{name} row {row}");
        assert_eq!(roll.cells(0, row).unwrap().cell(column).unwrap(), gathered, "{name} row {row}");
        assert_eq!(cells(&roll.row(0, column, row).unwrap()), [gathered], "{name} row {row}");
        for len in [3, 100, 5000] {
            let end = rows.min(row + len).min((row / BLOCK_ROWS + 1) * BLOCK_ROWS);
            let part = cells(&roll.read(0, column, row..end).unwrap());
            assert!(part == expected[row as usize..end as usize], "{name} rows {row}..{end}");
            check_uuids(roll.read_uuids(0, column, row..end).unwrap(), &part);
        }
    }
}

/// Where texts are read as UUIDs, they are these.
fn check_uuids(uuids: Option<Uuids>, expected: &[Cell]) {
    let Some(Uuids { values, nulls }) = uuids else { return };
    let number = |cell: &Cell| if let Text(text) = cell { uuid::parse(text) } else { None };
    let valid = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let read: Vec<_> = values.iter().enumerate().map(|(row, uuid)| valid(row).then_some(*uuid)).collect();
    assert!(read == expected.iter().map(number).collect::<Vec<_>>());
}

/// Numbers that look drawn by lot.
fn noise(i: u64) -> u64 {
    let x = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

fn noise_below(i: u64, limit: u64) -> usize {
    bits::low_half(noise(i) % limit) as usize
}

pub(super) fn sales_like(from: u64, rows: u64) -> Vec<(&'static str, Vec<Cell>)> {
    let rows = from..from + rows;
    let each = |of: &dyn Fn(u64) -> Cell| rows.clone().map(of).collect::<Vec<_>>();
    let sku = |i: u64| noise(i) % 40;
    vec![
        ("sku", each(&|i| text(format!("com.example.{}", sku(i))))),
        ("title", each(&|i| text(format!("Título {}", sku(i) / 4)))),
        ("id", each(&|i| text((noise(i) >> 20).to_string()))),
        ("invoice", each(&|i| text(format!("D01-{:07}", noise(i) % 10_000_000)))),
        ("time", each(&|i| Int((1_500_000_000 + (noise(i) % 2_600_000).cast_signed()) * 1_000_000))),
        ("price", each(&|i| Int([990_000, 1_990_000, -4_990_000][noise_below(i, 3)]))),
        ("note", each(&|i| if i % 200 == 7 { text("x") } else { Null })),
        ("same", each(&|_| text("same"))),
    ]
}

pub(super) fn as_batch(columns: &[(&'static str, Vec<Cell>)]) -> Batch {
    let column = |(name, cells): &(&'static str, Vec<Cell>)| {
        let column = match *name {
            "time" | "price" => ints(cells),
            "id" | "invoice" => plain(cells),
            _ => coded(cells),
        };
        (*name, column)
    };
    batch(columns.iter().map(column).collect())
}

#[test]
fn rows_at_the_edges_of_pages_and_blocks_come_back() {
    for rows in [1, 2, 4095, 4096, 4097, 65_535, 65_536, 65_537] {
        let columns = sales_like(0, rows);
        let dir = Dir::new();
        let roll = dir.roll(Some("id"), &[as_batch(&columns)]);
        for (name, expected) in &columns {
            check(&roll, name, expected);
        }
    }
}

#[test]
fn many_batches_make_the_same_columns_as_one() {
    let columns = sales_like(0, 70_000);
    let mut batches = Vec::new();
    let mut from = 0;
    for rows in [1, 7, 30_000, 40, 39_952] {
        batches.push(as_batch(&sales_like(from, rows)));
        from += rows;
    }
    let dir = Dir::new();
    let roll = dir.roll(Some("id"), &batches);
    for (name, expected) in &columns {
        check(&roll, name, expected);
    }
    let bytes = roll.bytes() / 70_000;
    // Of each row: sku 1, id 6, invoice 3, time 3, price ½, index 3½.
    assert!(bytes <= 17, "{bytes} bytes a row");
}

#[test]
fn a_column_that_follows_from_another_costs_nothing() {
    let columns = sales_like(0, 65_536);
    let (dir, other) = (Dir::new(), Dir::new());
    let with = dir.roll(None, &[as_batch(&columns)]).bytes();
    let without: Vec<_> = columns.into_iter().filter(|(name, _)| *name != "title").collect();
    let without = other.roll(None, &[as_batch(&without)]).bytes();
    assert!(with - without < 1000, "{} bytes", with - without);
}

#[test]
fn fields_may_come_late_and_stay_away() {
    let first: Vec<Cell> = (0..66_000).map(Int).collect();
    let late: Vec<Cell> = (0..10).map(|i| text(format!("v{i}"))).collect();
    let dir = Dir::new();
    let batches = [
        batch(vec![("a", ints(&first))]),
        batch(vec![("b", coded(&late)), ("c", plain(&late)), ("d", ints(&first[..10]))]),
        batch(vec![("a", ints(&first[..5]))]),
    ];
    let roll = dir.roll(Some("c"), &batches);
    let join = |parts: &[&[Cell]]| parts.concat();
    let (none, ten, five) = (vec![Null; 66_000], vec![Null; 10], vec![Null; 5]);
    check(&roll, "a", &join(&[&first, &ten, &first[..5]]));
    check(&roll, "b", &join(&[&none, &late, &five]));
    check(&roll, "c", &join(&[&none, &late, &five]));
    check(&roll, "d", &join(&[&none, &first[..10], &five]));
    assert_eq!(roll.find(0, "v3").unwrap(), [66_003]);
    assert_eq!(roll.zone(0, 1, 0), Some(Zone { nulls: 65_536, ..Zone::EMPTY }));
    assert_eq!(roll.zone(0, 0, 1), Some(Zone { min: 0, max: 65_999, nulls: 10 }));
}

#[test]
fn zones_bound_integers_and_codes() {
    let dir = Dir::new();
    let numbers = [Int(5), Null, Int(-3)];
    let words = [text("b"), text("a"), Null];
    let roll = dir.roll(None, &[batch(vec![("n", ints(&numbers)), ("w", coded(&words))])]);
    assert_eq!(roll.zone(0, 0, 0), Some(Zone { min: -3, max: 5, nulls: 1 }));
    assert_eq!(roll.zone(0, 1, 0), Some(Zone { min: 0, max: 1, nulls: 1 }));
    assert_eq!(roll.zone(0, 1, 1), None);
    assert_eq!(roll.dictionary(0, 1).unwrap().iter().collect::<Vec<_>>(), ["b", "a"]);
    assert!(roll.dictionary(0, 0).unwrap().is_empty());
}

#[test]
fn dictionaries_grow_past_every_width() {
    let cells: Vec<Cell> =
        (0..70_000).map(|i| text(format!("string {i}"))).chain([text("string 0")]).collect();
    let many: Strings = cells.iter().map(|cell| if let Text(value) = cell { value } else { "" }).collect();
    let codes: Vec<u32> = (0..70_001).collect();
    let column = Column::Coded { dictionary: Arc::new(many), codes };
    let dir = Dir::new();
    let roll = dir.roll(None, &[batch(vec![("s", column)])]);
    assert_eq!(roll.dictionary(0, 0).unwrap().len(), 70_000);
    check(&roll, "s", &cells);
}

/// Pairs of equal texts, with nulls.
fn pairs(rows: u32) -> Vec<Cell> {
    (0..rows).map(|i| if i % 9 == 0 { Null } else { text((i / 2).to_string()) }).collect()
}

#[test]
fn a_dictionary_that_is_full_gives_way_to_plain_text() {
    let cells = pairs(140_000);
    let dir = Dir::new();
    let mut writer = dir.writer(Some("s"), Limits { strings: 40_000, bytes: 1 << 20, ..Limits::default() });
    for part in cells.chunks(10_000) {
        writer.append(0, &batch(vec![("s", coded_sorted(part))])).unwrap();
    }
    writer.finish().unwrap();
    let roll = dir.open();
    roll.verify().unwrap();
    check(&roll, "s", &cells);
    assert_eq!(roll.dictionary(0, 0).unwrap().len(), 40_000);
    assert!(roll.zone(0, 0, 0).is_some() && roll.zone(0, 0, 1).is_none() && roll.zone(0, 0, 2).is_none());
    assert_eq!(roll.find(0, "50000").unwrap(), [100_000, 100_001]);
}

#[test]
fn coded_and_plain_batches_mix() {
    let cells = pairs(140_000);
    let dir = Dir::new();
    let part = |(number, part): (usize, &[Cell])| {
        batch(vec![("s", if number % 2 == 0 { coded_sorted(part) } else { plain(part) })])
    };
    let batches: Vec<Batch> = cells.chunks(10_000).enumerate().map(part).collect();
    let roll = dir.roll(Some("s"), &batches);
    check(&roll, "s", &cells);
    assert!(roll.dictionary(0, 0).unwrap().is_empty());
}

/// As [`coded`] for texts whose repeats stand side by side.
fn coded_sorted(cells: &[Cell]) -> Column {
    let (mut strings, mut codes) = (Strings::default(), Vec::new());
    for cell in cells {
        let Text(value) = cell else {
            codes.push(NULL_CODE);
            continue;
        };
        if strings.is_empty() || strings.get(strings.len() - 1) != value {
            strings.push(value);
        }
        codes.push(bits::count(strings.len()) - 1);
    }
    Column::Coded { dictionary: Arc::new(strings), codes }
}

#[test]
fn long_texts_are_written_before_their_block_is_full() {
    let cells: Vec<Cell> = (0..12_000).map(|i| text(format!("{i}{}", "x".repeat(2000)))).collect();
    let dir = Dir::new();
    let batches: Vec<Batch> = cells.chunks(1500).map(|part| batch(vec![("s", plain(part))])).collect();
    let mut writer = dir.writer(None, Limits::default());
    for batch in &batches {
        writer.append(0, batch).unwrap();
    }
    assert!(std::fs::metadata(dir.path()).unwrap().len() > 15_000_000);
    writer.finish().unwrap();
    let roll = dir.open();
    roll.verify().unwrap();
    check(&roll, "s", &cells);
}

#[test]
fn find_gives_exactly_the_rows_of_a_text() {
    let mut cells: Vec<Cell> = (0..70_000).map(|i| text(format!("id-{i}"))).collect();
    for row in [3, 4096, 65_536, 69_999] {
        cells[row] = text("twice or more");
    }
    cells[9] = Null;
    cells[10] = text("");
    let dir = Dir::new();
    let roll = dir.roll(Some("id"), &[batch(vec![("id", plain(&cells))])]);
    assert_eq!(roll.find(0, "twice or more").unwrap(), [3, 4096, 65_536, 69_999]);
    assert_eq!(roll.find(0, "").unwrap(), [10]);
    for row in (11..65_000).step_by(997) {
        assert_eq!(roll.find(0, &format!("id-{row}")).unwrap(), [row]);
    }
    for miss in 0..2000 {
        assert!(roll.find(0, &format!("no-{miss}")).unwrap().is_empty());
    }
    assert!(roll.find(0, "id-9").unwrap().is_empty());
    assert!(roll.find(0, "ID-20").unwrap().is_empty());
    assert!(roll.find(7, "id-20").unwrap().is_empty());
}

#[test]
fn segments_and_tables_keep_apart() {
    let dir = Dir::new();
    let specs = vec![
        TableSpec { name: "sales".into(), indexed: Some("id".into()) },
        TableSpec { name: "rejects".into(), indexed: None },
        TableSpec { name: "empty".into(), indexed: Some("id".into()) },
    ];
    let mut writer = Writer::create(disk(), &dir.path(), specs).unwrap();
    let sales = [text("a"), text("b")];
    writer.append(0, &batch(vec![("id", plain(&sales))])).unwrap();
    writer.append(1, &batch(vec![("line", ints(&[Int(7)]))])).unwrap();
    writer.segment(vec![0..2, 0..1, 0..0], b"first".to_vec());
    writer.append(0, &batch(vec![("id", plain(&sales))])).unwrap();
    writer.segment(vec![2..4, 1..1, 0..0], Vec::new());
    assert_eq!((writer.rows(0), writer.rows(1), writer.rows(2), writer.rows(3)), (4, 1, 0, 0));
    writer.finish().unwrap();
    let roll = dir.open();
    roll.verify().unwrap();
    assert_eq!((roll.table("sales"), roll.table("empty"), roll.table("none")), (Some(0), Some(2), None));
    let segments: Vec<(&[std::ops::Range<u32>], &[u8])> =
        roll.segments().iter().map(|segment| (&*segment.ranges, &*segment.meta)).collect();
    assert_eq!(segments, [([0..2, 0..1, 0..0].as_slice(), b"first".as_slice()), (&[2..4, 1..1, 0..0], b"")]);
    assert_eq!(roll.find(0, "b").unwrap(), [1, 3]);
    assert_eq!(cells(&roll.row(1, 0, 0).unwrap()), [Int(7)]);
    assert!(roll.fields(2).is_empty());
    assert!(roll.find(2, "b").unwrap().is_empty());
}

#[test]
fn batches_that_contradict_are_refused_and_change_nothing() {
    let dir = Dir::new();
    let mut writer = dir.writer(Some("id"), Limits::default());
    let good = batch(vec![("id", plain(&[text("a")])), ("n", ints(&[Int(1)]))]);
    writer.append(0, &good).unwrap();
    let mut bad = vec![
        batch(vec![("n", plain(&[text("a")]))]),
        batch(vec![("x", ints(&[Int(1)])), ("x", ints(&[Int(1)]))]),
        batch(vec![("id", ints(&[Int(1)]))]),
        batch(vec![("x", ints(&[Int(1)])), ("y", ints(&[Int(1), Int(2)]))]),
        batch(vec![("x", Column::Coded { dictionary: Arc::default(), codes: vec![0] })]),
    ];
    bad.push(Batch { columns: Vec::new(), ..good.clone() });
    bad.push(Batch { rows: ROWS_MAX as usize, fields: Arc::default(), columns: Vec::new() });
    bad.push(Batch {
        fields: vec![Field::new("z", Type::Int)].into(),
        columns: vec![plain(&[Null])],
        rows: 1,
    });
    for (number, batch) in bad.iter().enumerate() {
        let error = writer.append(0, batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation, "batch {number}: {error}");
    }
    assert_eq!(writer.append(1, &good).unwrap_err().kind(), ErrorKind::Validation);
    writer.append(0, &good).unwrap();
    writer.finish().unwrap();
    let roll = dir.open();
    assert_eq!(roll.fields(0).len(), 2);
    assert_eq!(read_all(&roll, 1), [Int(1), Int(1)]);
}

/// A batch of one row with so many columns, from a number on.
fn wide(from: usize, columns: usize) -> Batch {
    let names: Vec<String> = (from..from + columns).map(|n| format!("c{n}")).collect();
    batch(names.iter().map(|name| (name.as_str(), ints(&[Int(7)]))).collect())
}

#[test]
fn columns_are_counted_once_however_often_they_come() {
    let dir = Dir::new();
    let mut writer = dir.writer(None, Limits::default());
    for _ in 0..3 {
        writer.append(0, &wide(0, 2_100)).unwrap();
    }
    assert_eq!(writer.append(0, &wide(2_000, 2_097)).unwrap_err().kind(), ErrorKind::Validation);
    writer.append(0, &wide(2_000, 2_096)).unwrap();
    writer.finish().unwrap();
    assert_eq!(dir.open().fields(0).len(), 4_096);
}

#[test]
fn a_block_takes_only_so_much_text_and_a_refusal_leaves_no_trace() {
    let limits = Limits { strings: 3, block: 1_000, ..Limits::default() };
    let long = text("x".repeat(90));
    let short: Vec<Cell> = (0..70).map(|n| text(format!("{n:05}"))).collect();
    let with = |n: usize| batch(vec![("n", ints(&vec![Int(1); n])), ("s", coded(&vec![long.clone(); n]))]);
    let write = |refused: bool| {
        let dir = Dir::new();
        let mut writer = dir.writer(Some("s"), limits);
        let refuse = |writer: &mut Writer, batch: &Batch| {
            if refused {
                let error = writer.append(0, batch).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Validation, "{error}");
            }
        };
        refuse(&mut writer, &with(12));
        writer.append(0, &with(6)).unwrap();
        // Six more would be too much if the dictionary became full and all of them plain.
        refuse(&mut writer, &with(6));
        // The dictionary is full now, and the block plain: 540 + 350 bytes.
        writer.append(0, &batch(vec![("s", plain(&short))])).unwrap();
        refuse(&mut writer, &batch(vec![("late", ints(&vec![Int(1); 30])), ("s", plain(&short[..30]))]));
        // The next block has room of its own; in the one after it is too much again.
        let rest = 65_536 - 76;
        let edge = |more: usize| {
            let cells = [vec![Null; rest], vec![long.clone(); more]].concat();
            batch(vec![("s", plain(&cells))])
        };
        refuse(&mut writer, &edge(12));
        writer.append(0, &edge(11)).unwrap();
        assert_eq!(writer.rows(0), 65_547);
        writer.finish().unwrap();
        dir.open().verify().unwrap();
        std::fs::read(dir.path()).unwrap()
    };
    assert!(write(true) == write(false), "a refused batch has left something behind");
}

#[test]
fn reading_outside_the_roll_is_an_error() {
    let dir = Dir::new();
    let roll = dir.roll(None, &[as_batch(&sales_like(0, 70_000))]);
    let kinds = [
        roll.read(0, 0, 0..70_001).unwrap_err(),
        roll.read(0, 0, 65_535..65_537).unwrap_err(),
        roll.read(0, 99, 0..1).unwrap_err(),
        roll.read(1, 0, 0..1).unwrap_err(),
        roll.row(0, 0, 70_000).unwrap_err(),
        roll.dictionary(0, 99).unwrap_err(),
    ];
    assert!(kinds.iter().all(|error| error.kind() == ErrorKind::Validation), "{kinds:?}");
    assert_eq!(roll.read(0, 0, 5..5).unwrap().len(), 0);
    assert_eq!(roll.read(0, 2, 70_000..70_000).unwrap().len(), 0);
}

#[test]
fn an_unfinished_roll_leaves_no_file() {
    let dir = Dir::new();
    let mut writer = dir.writer(None, Limits::default());
    writer.append(0, &as_batch(&sales_like(0, 10))).unwrap();
    assert!(dir.path().exists());
    drop(writer);
    assert!(!dir.path().exists());
    let mut writer = dir.writer(None, Limits::default());
    writer.segment(std::iter::once(0..1).collect(), Vec::new());
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Validation);
    assert!(!dir.path().exists());
}

#[test]
fn the_estimate_of_bytes_is_near() {
    let dir = Dir::new();
    let mut writer = dir.writer(Some("id"), Limits::default());
    writer.append(0, &as_batch(&sales_like(0, 150_000))).unwrap();
    let estimate = writer.bytes();
    let bytes = writer.finish().unwrap().bytes;
    assert!(estimate * 3 > bytes * 2 && estimate * 2 < bytes * 3, "{estimate} for {bytes}");
}

#[test]
fn the_cache_keeps_its_bound_and_few_files_stay_open() {
    let dir = Dir::new();
    dir.roll(Some("id"), &[as_batch(&sales_like(0, 20_000))]);
    let cache = Arc::new(Cache::with_files(100_000, 4));
    let mut rolls = Vec::new();
    for number in 0..300 {
        let path = dir.dir.path().join(format!("{number}.roll"));
        std::fs::copy(dir.path(), &path).unwrap();
        rolls.push(Roll::open(&disk(), &path, cache.clone()).unwrap());
        assert!(cache.files() <= 4);
    }
    let expected = sales_like(0, 20_000);
    for roll in rolls.iter().chain(&rolls[..3]) {
        for (column, (name, expected)) in expected.iter().enumerate() {
            assert_eq!(cells(&roll.row(0, column, 12_345).unwrap()), [expected[12_345].clone()], "{name}");
        }
        assert!(cache.bytes() <= 100_000 && cache.files() <= 4);
    }
    check(&rolls[0], "id", &expected[2].1);
    assert!(cache.bytes() <= 100_000);
    drop(rolls);
    assert_eq!((cache.bytes(), cache.files()), (0, 0));
}

#[test]
fn nothing_is_cached_by_a_cache_of_no_bytes() {
    let dir = Dir::new();
    dir.roll(None, &[as_batch(&sales_like(0, 5000))]);
    let cache = Arc::new(Cache::new(0));
    let roll = Roll::open(&disk(), &dir.path(), cache.clone()).unwrap();
    check(&roll, "sku", &sales_like(0, 5000)[0].1);
    assert_eq!(cache.bytes(), 0);
}

// --- damage --------------------------------------------------------------------------------------------------------

/// Everything a roll says, or the first error.
fn everything(path: &Path) -> crate::Result<Vec<Vec<Cell>>> {
    let roll = Roll::open(&disk(), path, cache())?;
    let mut all = Vec::new();
    for table in 0..2 {
        for column in 0..roll.fields(table).len() {
            let rows = roll.rows(table);
            all.push(cells(&roll.read(table, column, 0..rows)?));
            all.push(cells(&roll.row(table, column, rows / 2)?));
        }
        for key in ["1", "D01-5", "none"] {
            all.push(roll.find(table, key)?.into_iter().map(|row| Int(row.into())).collect());
        }
    }
    all.push(roll.segments().iter().map(|segment| text(format!("{segment:?}"))).collect());
    Ok(all)
}

/// A roll of a few hundred bytes that has every kind of chunk, two tables and segments.
fn small_roll(path: &Path) {
    let specs = ["t", "u"].map(|name| TableSpec { name: name.into(), indexed: Some("id".into()) });
    let mut writer = Writer::create_with(disk(), path, specs.to_vec(), SALT, Limits::default()).unwrap();
    let keys: Vec<Cell> = (0..40).map(|i| text(["a", "b", "c", "é"][i * 7 % 4])).collect();
    let derived: Vec<Cell> =
        (0..40).map(|i| [text("x"), Null, text("x"), text("y")][i * 7 % 4].clone()).collect();
    let ids: Vec<Cell> = (0..40).map(|i| text((i * 37 + 1).to_string())).collect();
    let invoices: Vec<Cell> = (0..40).map(|i| text(format!("D01-{i:03}"))).collect();
    let numbers: Vec<Cell> = (0..40).map(|i| if i % 3 == 0 { Null } else { Int(i * 1_000_000) }).collect();
    let sparse: Vec<Cell> = (0..40).map(|i| if i == 20 { Int(i64::MIN) } else { Null }).collect();
    let columns = vec![
        ("key", coded(&keys)),
        ("derived", coded(&derived)),
        ("id", plain(&ids)),
        ("invoice", plain(&invoices)),
        ("number", ints(&numbers)),
        ("sparse", ints(&sparse)),
        ("null", coded(&vec![Null; 40])),
    ];
    writer.append(0, &batch(columns)).unwrap();
    writer.segment(vec![0..40, 0..0], b"meta".to_vec());
    writer
        .append(1, &batch(vec![("line", ints(&[Int(1), Int(i64::MAX)])), ("why", plain(&keys[..2]))]))
        .unwrap();
    writer.segment(vec![40..40, 0..2], Vec::new());
    writer.finish().unwrap();
}

#[test]
fn every_flipped_byte_is_found() {
    let dir = Dir::new();
    small_roll(&dir.path());
    let bytes = std::fs::read(dir.path()).unwrap();
    let expected = everything(&dir.path()).unwrap();
    let flipped = dir.dir.path().join("flipped.roll");
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            std::fs::write(&flipped, &bytes).unwrap();
            match everything(&flipped) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corruption, "byte {at}: {error}"),
                Ok(found) => assert_eq!(found, expected, "byte {at} of {}", bytes.len()),
            }
            let verified = Roll::open(&disk(), &flipped, cache()).and_then(|roll| roll.verify());
            assert_eq!(verified.unwrap_err().kind(), ErrorKind::Corruption, "byte {at}");
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_found() {
    let dir = Dir::new();
    small_roll(&dir.path());
    let bytes = std::fs::read(dir.path()).unwrap();
    let cut = dir.dir.path().join("cut.roll");
    for len in 0..bytes.len() {
        std::fs::write(&cut, &bytes[..len]).unwrap();
        let error = Roll::open(&disk(), &cut, cache()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corruption, "{len}: {error}");
    }
    for extra in [1, 32, 100] {
        std::fs::write(&cut, [bytes.as_slice(), &vec![0; extra]].concat()).unwrap();
        assert_eq!(Roll::open(&disk(), &cut, cache()).unwrap_err().kind(), ErrorKind::Corruption);
    }
}

#[test]
fn damage_is_named_by_file_column_and_block() {
    let dir = Dir::new();
    dir.roll(None, &[as_batch(&sales_like(0, 5000))]);
    let mut bytes = std::fs::read(dir.path()).unwrap();
    bytes[40] ^= 1;
    std::fs::write(dir.path(), &bytes).unwrap();
    let message = dir.open().read(0, 0, 0..5000).unwrap_err().to_string();
    assert!(
        message.contains("a.roll is damaged") && message.contains("column \"sku\" block 0 page 0"),
        "{message}"
    );
}

#[test]
fn a_page_of_another_roll_is_damage() {
    let (one, other) = (Dir::new(), Dir::new());
    let columns = as_batch(&sales_like(0, 5000));
    one.roll(None, std::slice::from_ref(&columns));
    let mut writer =
        Writer::create_with(disk(), &other.path(), specs(None), SALT + 1, Limits::default()).unwrap();
    writer.append(0, &columns).unwrap();
    writer.finish().unwrap();
    let (mut bytes, from) = (std::fs::read(one.path()).unwrap(), std::fs::read(other.path()).unwrap());
    bytes[32..9000].copy_from_slice(&from[32..9000]);
    std::fs::write(one.path(), &bytes).unwrap();
    assert_eq!(one.open().read(0, 0, 0..5000).unwrap_err().kind(), ErrorKind::Corruption);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let dir = Dir::new();
    small_roll(&dir.path());
    let mut bytes = std::fs::read(dir.path()).unwrap();
    bytes[8] = 2;
    let sum = checksum::of(SALT, 0, &bytes[..24]);
    bytes[24..32].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(dir.path(), &bytes).unwrap();
    let error = Roll::open(&disk(), &dir.path(), cache()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn lies_with_a_right_checksum_never_panic() {
    let dir = Dir::new();
    small_roll(&dir.path());
    let whole = std::fs::read(dir.path()).unwrap();
    let roll = dir.open();
    let places: Vec<_> = roll.footer.tables.iter().flat_map(verify::places).collect();
    let lie = dir.dir.path().join("lie.roll");
    for place in places {
        let (start, end) = (place.offset as usize, (place.offset + place.len) as usize - checksum::LEN);
        for at in start..end {
            for flip in [0x01, 0x10, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let sum = checksum::of(SALT, place.offset.into(), &bytes[start..end]);
                bytes[end..end + checksum::LEN].copy_from_slice(&sum.to_le_bytes());
                std::fs::write(&lie, &bytes).unwrap();
                // What it says may be anything by now; that it answers is what counts.
                let _ = everything(&lie);
                let _ = Roll::open(&disk(), &lie, cache()).and_then(|roll| roll.verify());
            }
        }
    }
}

// --- the format ----------------------------------------------------------------------------------------------------

fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/roll-v1.roll")
}

/// Makes the golden file anew. Only for a new format version, under a new name:
/// `TILLROLL_GOLDEN=1 cargo test -p tillroll-core --lib roll::test::version_1`.
fn generate_golden() {
    let _ = std::fs::remove_file(golden_path());
    std::fs::create_dir_all(golden_path().parent().unwrap()).unwrap();
    small_roll(&golden_path());
}

#[test]
fn version_1_is_read_and_written_as_ever() {
    if std::env::var_os("TILLROLL_GOLDEN").is_some() {
        generate_golden();
    }
    let dir = Dir::new();
    small_roll(&dir.path());
    assert_eq!(everything(&golden_path()).unwrap(), everything(&dir.path()).unwrap());
    let roll = Roll::open(&disk(), &golden_path(), cache()).unwrap();
    roll.verify().unwrap();
    assert_eq!(cells(&roll.row(0, 5, 20).unwrap()), [Int(i64::MIN)]);
    assert_eq!(cells(&roll.row(0, 1, 1).unwrap()), [text("y")]);
    assert_eq!(roll.find(0, "38").unwrap(), [1]);
    assert!(std::fs::read(golden_path()).unwrap() == std::fs::read(dir.path()).unwrap(), "the bytes changed");
}

fn cell_columns() -> impl Strategy<Value = (Vec<Cell>, Vec<Cell>, Vec<Cell>)> {
    let int =
        prop_oneof![Just(Null), any::<i64>().prop_map(Int), (-9_i64..9).prop_map(|v| Int(v * 1_000_000))];
    let word = prop_oneof![Just(Null), "[a-c]{0,2}".prop_map(Text), any::<String>().prop_map(Text)];
    let id = prop_oneof![1 => Just(Null), 9 => "[0-9a-f]{8}-[0-9a-f]{4}".prop_map(Text), 2 => "[0-9]{1,18}".prop_map(Text)];
    let row = (int, word, id);
    prop::collection::vec(row, 1..60).prop_map(|rows| {
        let mut columns = (Vec::new(), Vec::new(), Vec::new());
        columns.extend(rows);
        columns
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_rows_come_back((numbers, words, ids) in cell_columns(), cut in 0_usize..60) {
        let part = |cells: &[Cell]| [cells[..cut.min(cells.len())].to_vec(), cells[cut.min(cells.len())..].to_vec()];
        let (n, w, i) = (part(&numbers), part(&words), part(&ids));
        let batches: Vec<Batch> = (0..2)
            .map(|k| batch(vec![("n", ints(&n[k])), ("w", coded(&w[k])), ("i", plain(&i[k])), ("p", plain(&w[k]))]))
            .collect();
        let dir = Dir::new();
        let roll = dir.roll(Some("i"), &batches);
        check(&roll, "n", &numbers);
        check(&roll, "w", &words);
        check(&roll, "p", &words);
        check(&roll, "i", &ids);
        for (row, id) in ids.iter().enumerate() {
            if let Text(id) = id {
                prop_assert!(roll.find(0, id).unwrap().contains(&bits::count(row)));
            }
        }
    }
}
