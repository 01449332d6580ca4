//! What the tests and benchmarks share: reports with known contents, and an oracle that computes from the rows that
//! were written what the engine must answer. Nothing here calls the engine, so the two can only agree by both being right.
//!
//! ```text
//! Spec ── generate ──► Report { rows } ── csv, write ──► a file for the engine
//!                         └── oracle::facts, sums ─────► what must come back
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "test code: a panic is how it fails, and its numbers are its own"
)]

pub mod amazon;
pub mod apple;
pub mod decimal;
pub mod google;
pub mod oracle;
pub mod packing;
pub mod register;
pub mod rng;
pub mod traces;
pub mod world;

pub use amazon::{Field, Layout, Report, Row, Spec};
pub use packing::Packing;
