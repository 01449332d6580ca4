//! The bytes of a journal; drawn in `journal/mod.rs`.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

/// Length of the file header in bytes.
pub const FILE_HEADER_LEN: u64 = 64;
/// Length of a frame header in bytes.
pub const FRAME_HEADER_LEN: u64 = 48;
/// The version this code writes and reads.
pub const VERSION: u32 = 1;
/// Bytes of an operation beside its key and value.
pub const OP_LEN: usize = 9;
/// What every frame starts with.
pub const FRAME_MAGIC: [u8; 4] = *b"TFRM";

const FILE_MAGIC: [u8; 8] = *b"TILLJRNL";
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// Why a file header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum BadHeader {
    /// Not what was written.
    Damaged,
    /// Whole, but of a version this code does not read.
    Newer(u32),
}

/// The header of a journal file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    pub database: u128,
    pub number: u64,
    pub covered: u64,
    pub base_end: u64,
}

impl FileHeader {
    /// That of a database's first journal, with nothing behind it.
    pub fn first(database: u128) -> Self {
        Self { database, number: 1, covered: 0, base_end: FILE_HEADER_LEN }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&FILE_MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.database.to_le_bytes());
        for value in [self.number, self.covered, self.base_end] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8; 64]) -> Result<Self, BadHeader> {
        let (content, check) = bytes.split_at(56);
        if xxh3_64(content).to_le_bytes() != check || !content.starts_with(&FILE_MAGIC) {
            return Err(BadHeader::Damaged);
        }
        let mut fields = Fields(content.get(8..).unwrap_or_default());
        let version = fields.u32().ok_or(BadHeader::Damaged)?;
        if version != VERSION {
            return Err(BadHeader::Newer(version));
        }
        let mut read = || {
            fields.take::<4>()?;
            let database = u128::from_le_bytes(*fields.take()?);
            Some(Self { database, number: fields.u64()?, covered: fields.u64()?, base_end: fields.u64()? })
        };
        read().ok_or(BadHeader::Damaged)
    }

    /// What checksums of a frame at `offset` of this file are seeded with.
    pub fn seed(&self, offset: u64) -> u64 {
        let mut hash = Xxh3::new();
        hash.update(&self.database.to_le_bytes());
        hash.update(&self.number.to_le_bytes());
        hash.update(&offset.to_le_bytes());
        hash.digest()
    }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The changes of commits that went together.
    Commit = 1,
    /// Says up to where the index on disk has everything.
    Checkpoint = 2,
    /// Part of the state a rewritten journal starts from.
    Base = 3,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub kind: Kind,
    pub first: u64,
    pub last: u64,
    pub body_len: u64,
    pub body_check: u64,
}

impl FrameHeader {
    /// A whole frame, header and body, as it stands in the file.
    pub fn frame<B: AsRef<[u8]>>(kind: Kind, first: u64, last: u64, seed: u64, bodies: &[B]) -> Vec<u8> {
        let body_len: usize = bodies.iter().map(|body| body.as_ref().len()).sum();
        let mut hash = Xxh3::with_seed(seed);
        bodies.iter().for_each(|body| hash.update(body.as_ref()));
        let mut bytes = Vec::with_capacity(48 + body_len);
        bytes.extend_from_slice(&FRAME_MAGIC);
        bytes.extend_from_slice(&[kind as u8, 0, 0, 0]);
        for value in [first, last, body_len as u64, hash.digest()] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh3_64_with_seed(&bytes, seed).to_le_bytes());
        bodies.iter().for_each(|body| bytes.extend_from_slice(body.as_ref()));
        bytes
    }

    /// `None` where these are not the bytes of a frame header at the place the seed is of.
    pub fn decode(bytes: &[u8], seed: u64) -> Option<Self> {
        let bytes: &[u8; 48] = bytes.first_chunk()?;
        let (content, check) = bytes.split_at(40);
        if !content.starts_with(&FRAME_MAGIC) || xxh3_64_with_seed(content, seed).to_le_bytes() != check {
            return None;
        }
        let kind = match content.get(4)? {
            1 => Kind::Commit,
            2 => Kind::Checkpoint,
            3 => Kind::Base,
            _ => return None,
        };
        let mut fields = Fields(content.get(8..)?);
        let (first, last, body_len) = (fields.u64()?, fields.u64()?, fields.u64()?);
        Some(Self { kind, first, last, body_len, body_check: fields.u64()? })
    }

    pub fn body_is_whole(&self, body: &[u8], seed: u64) -> bool {
        body.len() as u64 == self.body_len && xxh3_64_with_seed(body, seed) == self.body_check
    }
}

/// Appends an operation to a body. Key and value are bounded by the store's limits, far below 4 GiB.
pub fn push_op(body: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    body.push(if value.is_some() { PUT } else { DELETE });
    body.extend_from_slice(&len(key));
    body.extend_from_slice(&len(value.unwrap_or_default()));
    body.extend_from_slice(key);
    body.extend_from_slice(value.unwrap_or_default());
}

/// The operations of a body, in order: key, and value or `None` for a delete. `Err` once where the body is malformed.
#[derive(Debug, Clone)]
pub struct Ops<'a>(&'a [u8]);

/// A body that is not a row of operations.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Ops<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    fn step(&mut self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let mut fields = Fields(self.0);
        let [tag] = *fields.take()?;
        let (key_len, value_len) = (fields.u32()?, fields.u32()?);
        let key = fields.bytes(key_len)?;
        let value = fields.bytes(value_len)?;
        self.0 = fields.0;
        match tag {
            PUT => Some((key, Some(value))),
            DELETE if value.is_empty() => Some((key, None)),
            _ => None,
        }
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Result<(&'a [u8], Option<&'a [u8]>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let op = self.step();
        if op.is_none() {
            self.0 = &[];
        }
        Some(op.ok_or(Malformed))
    }
}

/// Takes little-endian fields off the front of a slice.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(head)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn bytes(&mut self, len: u32) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: FileHeader = FileHeader { database: 7, number: 3, covered: 40, base_end: 64 };

    #[test]
    fn a_flipped_bit_spoils_the_file_header() {
        let bytes: [u8; 64] = HEADER.encode().try_into().unwrap();
        assert_eq!(FileHeader::decode(&bytes), Ok(HEADER));
        for bit in 0..512 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FileHeader::decode(&bad), Err(BadHeader::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_told_apart_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let check = xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(FileHeader::decode(&bytes.try_into().unwrap()), Err(BadHeader::Newer(2)));
    }

    #[test]
    fn the_bytes_of_version_1_stay() {
        let mut body = Vec::new();
        push_op(&mut body, b"k", Some(b"vw"));
        push_op(&mut body, b"d", None);
        assert_eq!(body, *b"\x01\x01\0\0\0\x02\0\0\0kvw\x02\x01\0\0\0\0\0\0\0d");
        let frame = FrameHeader::frame(Kind::Commit, 5, 6, HEADER.seed(64), &[&body]);
        assert_eq!(xxh3_64(&frame), GOLDEN_FRAME);
        assert_eq!(xxh3_64(&HEADER.encode()), GOLDEN_HEADER);
    }

    const GOLDEN_FRAME: u64 = 18_332_356_356_608_650_979;
    const GOLDEN_HEADER: u64 = 15_985_534_916_682_604_227;

    #[test]
    fn a_frame_is_one_only_at_its_place() {
        let frame = FrameHeader::frame(Kind::Base, 9, 9, HEADER.seed(64), &[b"ab".as_slice(), b"c"]);
        let header = FrameHeader::decode(&frame, HEADER.seed(64)).unwrap();
        assert_eq!((header.kind, header.first, header.last, header.body_len), (Kind::Base, 9, 9, 3));
        assert!(header.body_is_whole(b"abc", HEADER.seed(64)));
        assert!(!header.body_is_whole(b"abd", HEADER.seed(64)));
        assert_eq!(FrameHeader::decode(&frame, HEADER.seed(65)), None);
        assert_eq!(FrameHeader::decode(&frame, FileHeader { number: 4, ..HEADER }.seed(64)), None);
    }

    proptest! {
        #[test]
        fn operations_come_back(ops: Vec<(Vec<u8>, Option<Vec<u8>>)>) {
            let mut body = Vec::new();
            ops.iter().for_each(|(key, value)| push_op(&mut body, key, value.as_deref()));
            let back: Vec<_> = Ops::new(&body).map(|op| op.unwrap()).map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(back, ops);
        }

        #[test]
        fn any_bytes_end(body: Vec<u8>) {
            // Malformed at most once, and at most as many operations as there are bytes.
            prop_assert!(Ops::new(&body).count() <= body.len());
            prop_assert!(Ops::new(&body).filter(Result::is_err).count() <= 1);
            prop_assert_eq!(FrameHeader::decode(&body, 1), None);
        }
    }
}
