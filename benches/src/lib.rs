//! What the benchmarks share: the report they all measure on, and what a process has used.

pub mod process;

use tillroll_tests::{Layout, Spec};

/// One month of a mid-sized publisher: 100,000 rows with the 16 columns of 2018, about 20 MB of text.
pub fn report() -> Vec<u8> {
    Spec::new(1, (2018, 3), 100_000).layout(Layout::of_2018()).generate().csv()
}
