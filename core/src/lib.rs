//! Tillroll: an embedded store for what an app or game publisher sells.

#![forbid(unsafe_code)]

mod column;
mod day;
mod db;
mod error;
mod file;
mod ingest;
mod journal;
mod kv;
mod money;
mod records;
mod roll;
mod sales;
mod store;
mod vault;

pub use error::{Error, ErrorKind, FieldErrors, Result};
