//! Ways in for benchmarks (`benches/kernels.rs`): the inner loops one at a time, each over all that it is given. Part of no
//! interface, and compiled only with the feature `kernels`. What they give back is there to be used up.

pub use crate::ingest::kernels::{amounts, counts, fields, stamps};
pub use crate::roll::kernels::{Page, checksum, entries, ints, texts};
