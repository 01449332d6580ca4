//! How a report's text comes: plain, gzip or zip.

use std::io::{Cursor, Write};

/// A container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// The text itself.
    Plain,
    /// One gzip member.
    Gzip,
    /// A zip with one member.
    Zip,
}

impl Packing {
    /// The container's bytes around `text`; `member` is the name inside a zip.
    pub fn pack(self, text: &[u8], member: &str) -> Vec<u8> {
        match self {
            Self::Plain => text.to_vec(),
            Self::Gzip => gzip(text),
            Self::Zip => zip(&[(member, text)]),
        }
    }
}

/// One gzip member, at the level that costs least.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let out = Vec::with_capacity(text.len() / 3);
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A zip of these members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
