//! All integration tests in one binary, which links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "test code: a panic is how it fails, what it could not try it prints, and its numbers are its own"
)]

#[path = "integration/apple.rs"]
mod apple;
#[path = "integration/apple_items.rs"]
mod apple_items;
#[path = "integration/apple_periods.rs"]
mod apple_periods;
#[path = "integration/backup.rs"]
mod backup;
#[path = "integration/bad_input.rs"]
mod bad_input;
#[path = "integration/builders.rs"]
mod builders;
#[path = "integration/corpus.rs"]
mod corpus;
#[path = "integration/damage.rs"]
mod damage;
#[path = "integration/docs.rs"]
mod docs;
#[path = "integration/dsl.rs"]
mod dsl;
#[path = "integration/examples.rs"]
mod examples;
#[path = "integration/failing.rs"]
mod failing;
#[path = "integration/failing_disk.rs"]
mod failing_disk;
#[path = "integration/fault_loops.rs"]
mod fault_loops;
#[path = "integration/google.rs"]
mod google;
#[path = "integration/google_items.rs"]
mod google_items;
#[path = "integration/google_samples.rs"]
mod google_samples;
#[path = "integration/groups.rs"]
mod groups;
#[path = "integration/guide.rs"]
mod guide;
#[path = "integration/handles.rs"]
mod handles;
#[path = "integration/header.rs"]
mod header;
#[path = "integration/history.rs"]
mod history;
#[path = "integration/hostile.rs"]
mod hostile;
#[path = "integration/import.rs"]
mod import;
#[path = "integration/media.rs"]
mod media;
#[path = "integration/overlaps.rs"]
mod overlaps;
#[path = "integration/periods.rs"]
mod periods;
#[path = "integration/products.rs"]
mod products;
#[path = "integration/readers.rs"]
mod readers;
#[path = "integration/readme.rs"]
mod readme;
#[path = "integration/repair.rs"]
mod repair;
#[path = "integration/repair_disk.rs"]
mod repair_disk;
#[path = "integration/sales.rs"]
mod sales;
#[path = "integration/scopes.rs"]
mod scopes;
#[path = "integration/secrets.rs"]
mod secrets;
#[path = "power/state.rs"]
mod state;
#[path = "integration/sync.rs"]
mod sync;
#[path = "integration/tidy.rs"]
mod tidy;
