//! Kernels one at a time, on one thread: `make bench`, or `cargo bench -p tillroll-benches -- inflate`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

use std::hint::black_box;
use std::io::Read;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tillroll_benches::report;
use tillroll_tests::{Spec, packing};

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

criterion_group!(kernels, inflate, generate);
criterion_main!(kernels);
