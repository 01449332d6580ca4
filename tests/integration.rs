//! All integration tests in one binary, which links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a panic is how it fails"
)]

#[path = "integration/tidy.rs"]
mod tidy;
