//! Kernels one at a time, on one thread: `make bench`, or `cargo bench -p tillroll-benches -- inflate`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

use std::hint::black_box;
use std::io::Read;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tillroll_benches::report;
use tillroll_core::kernels::{self, Page};
use tillroll_core::{By, Db, ImportOptions, Measure, NewExternalAccount, OpenOptions, Query, StoreKind};
use tillroll_tests::{Spec, packing};

/// Rows of a page.
const PAGE: usize = 4096;

/// The floor of every import: inflating alone, in bytes of text.
fn inflate(criterion: &mut Criterion) {
    let text = report();
    let packed = packing::gzip(&text);
    let mut group = criterion.benchmark_group("inflate");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function(BenchmarkId::new("stream", text.len()), |bencher| {
        let mut buffer = vec![0; text.len()];
        bencher.iter(|| {
            flate2::read::MultiGzDecoder::new(packed.as_slice()).read_exact(black_box(&mut buffer)).unwrap()
        });
    });
    group.finish();
}

/// How fast reports are made: what a benchmark waits for before it begins.
fn generate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generate");
    group.throughput(Throughput::Elements(100_000));
    group.bench_function("rows", |bencher| {
        bencher.iter(|| Spec::new(1, (2018, 3), 100_000).generate().rows.len())
    });
    group.bench_function("text", |bencher| bencher.iter(|| report().len()));
    group.finish();
}

/// The values of a column of the report.
fn column(place: usize) -> Vec<String> {
    let text = String::from_utf8(report()).unwrap();
    // None of the columns that are asked for is behind one with commas, or has any.
    let lines = text.lines().skip(1).take(PAGE);
    let field = |line: &str| -> String {
        let mut fields: Vec<&str> = line.split(',').collect();
        if place > 6 {
            fields.reverse();
            return fields[15 - place].to_owned();
        }
        fields[place].to_owned()
    };
    lines.map(field).collect()
}

fn bench<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    throughput: Throughput,
    mut work: impl FnMut() -> T,
) {
    group.throughput(throughput);
    group.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
}

/// Text to values: fields, then what stands in them.
fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let text = report();
    bench(&mut group, "fields", Throughput::Bytes(text.len() as u64), || kernels::fields(black_box(&text)));
    let rows = Throughput::Elements(PAGE as u64);
    let (amounts, counts, times) = (column(15), column(11), column(4));
    let [amounts, counts, times] = [&amounts, &counts, &times].map(|texts| texts_of(texts));
    bench(&mut group, "amounts", rows.clone(), || kernels::amounts(black_box(&amounts)));
    bench(&mut group, "counts", rows.clone(), || kernels::counts(black_box(&counts)));
    bench(&mut group, "times", rows, || kernels::stamps(black_box(&times)));
    group.finish();
}

fn texts_of(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Values to pages and back.
fn pages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("page");
    let rows = || Throughput::Elements(PAGE as u64);
    let ids = [("uuids", column(3)), ("invoices", column(2))];
    for (name, ids) in &ids {
        let ids = texts_of(ids);
        bench(&mut group, &format!("{name}, encode"), rows(), || kernels::texts(black_box(&ids)));
        let page = kernels::texts(&ids);
        bench(&mut group, &format!("{name}, decode"), rows(), || black_box(&page).text_len());
        bench(&mut group, &format!("{name}, index"), rows(), || kernels::entries(black_box(&ids)));
    }
    let uuids = kernels::texts(&texts_of(&ids[0].1));
    bench(&mut group, "uuids, decode as numbers", rows(), || black_box(&uuids).uuids());
    let few: Vec<i64> = (0..4096).map(|row| row * 7919 % 61).collect();
    let many: Vec<i64> = (0..4096_i64).map(|row| row.wrapping_mul(0x1E37_79B9_7F4A_7C15) >> 20).collect();
    for (name, values) in [("codes", few), ("wide integers", many)] {
        bench(&mut group, &format!("{name}, encode"), rows(), || kernels::ints(black_box(&values)));
        let page: Page = kernels::ints(&values);
        bench(&mut group, &format!("{name}, decode"), rows(), || black_box(&page).ints());
        bench(&mut group, &format!("{name}, one by one"), rows(), || black_box(&page).rows_of_ints());
    }
    let bytes = uuids.bytes();
    bench(&mut group, "checksum", Throughput::Bytes(bytes.len() as u64), || {
        kernels::checksum(black_box(bytes))
    });
    group.finish();
}

/// What is asked of a database of 100,000 rows, on one thread.
fn ask(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales_2018_03.csv");
    std::fs::write(&path, report()).unwrap();
    let db = Db::open_with(dir.path().join("shop.till"), &OpenOptions::new().threads(1)).unwrap();
    let account = db.external_accounts().create(NewExternalAccount::new("bench", StoreKind::Amazon)).unwrap();
    db.sales().import(&[path.to_str().unwrap()], account.id, &ImportOptions::default()).unwrap();
    let sales = db.sales();
    let mut group = criterion.benchmark_group("ask");
    let rows = || Throughput::Elements(100_000);
    let sums = [Measure::Units, Measure::Earnings];
    for (name, by) in [
        ("sums by country and currency", vec![By::Country, By::Currency]),
        ("sums by day, product and currency", vec![By::Day, By::Sku, By::Currency]),
    ] {
        let query = Query::new().by(by).measures(sums);
        bench(&mut group, name, rows(), || sales.report(&query).unwrap().len());
    }
    for (name, query) in [
        ("all rows as Arrow", Query::new()),
        ("all rows as Arrow, binary ids", Query::new().binary_ids(true)),
    ] {
        bench(&mut group, name, rows(), || {
            sales.scan(&query).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>()
        });
    }
    let ids = column(3);
    bench(&mut group, "lookups", Throughput::Elements(PAGE as u64), || {
        ids.iter().map(|id| sales.get(id).unwrap().len()).sum::<usize>()
    });
    bench(&mut group, "lookups in one call", Throughput::Elements(PAGE as u64), || {
        sales.get_many(&ids).unwrap().len()
    });
    group.finish();
}

criterion_group!(all, inflate, generate, parse, pages, ask);
criterion_main!(all);
