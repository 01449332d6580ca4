//! Report files in, columns out: containers, encodings, records, headers, and what each store means by its columns.
//! Knows no storage.

mod kind;

pub use kind::{Kind, StoreKind};
