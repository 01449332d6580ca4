//! A journal of any bytes, with the checksums they should have.

use super::frame::{FILE_HEADER_LEN, FRAME_HEADER_LEN, FileHeader, FrameHeader, Kind};
use super::{Reader, Scan};
use crate::Result;
use crate::fuzzing::{Bytes, name};

/// What a value becomes, by its key and its bytes.
type Change<'a> = &'a dyn Fn(&[u8], &[u8]) -> Vec<u8>;

/// Reads a journal to its end, twice: as the open does, and operation by operation.
///
/// # Errors
/// `Corruption` for what is none.
pub fn journal(bytes: &[u8], whole_to: u64) -> Result<()> {
    let file = Bytes::file(bytes.to_vec());
    let mut reader = Reader::new(file, name(), bytes.len() as u64, whole_to)?;
    let scan = Scan::run(&mut reader)?;
    reader.seek(scan.resume.0, scan.resume.1);
    while let Some(frame) = reader.next()? {
        for op in reader.ops(&frame) {
            op?;
        }
    }
    Ok(())
}

/// The same bytes with the checksums of the header and of each frame put right, as far as the frames' lengths lead.
/// `value` may change the value of an operation; it keeps its length.
pub fn reseal(mut bytes: Vec<u8>, value: Change<'_>) -> Vec<u8> {
    let Some(header) = reseal_header(&mut bytes) else { return bytes };
    let mut out: Vec<u8> = bytes.get(..64).unwrap_or_default().to_vec();
    loop {
        let at = out.len() as u64;
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let Some((frame, len)) = reseal_frame(rest, header.seed(at), value) else {
            out.extend_from_slice(rest);
            return out;
        };
        if len == 0 {
            return out;
        }
        out.extend(frame);
    }
}

fn reseal_header(bytes: &mut [u8]) -> Option<FileHeader> {
    let mut fields = super::frame::Fields(bytes.get(16..usize::try_from(FILE_HEADER_LEN).ok()?)?);
    let database = u128::from_le_bytes(*fields.take()?);
    let (number, covered, base_end) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let header = FileHeader { database, number, covered, base_end };
    bytes.get_mut(..64)?.copy_from_slice(&header.encode());
    Some(header)
}

fn reseal_frame(bytes: &[u8], seed: u64, value: Change<'_>) -> Option<(Vec<u8>, usize)> {
    let header_len = usize::try_from(FRAME_HEADER_LEN).ok()?;
    let mut fields = super::frame::Fields(bytes.get(8..header_len)?);
    let (first, last, body_len) = (fields.u64()?, fields.u64()?, usize::try_from(fields.u64()?).ok()?);
    let body = bytes.get(header_len..)?.get(..body_len)?;
    let kind = match bytes.get(4)? {
        2 => Kind::Checkpoint,
        3 => Kind::Base,
        _ => Kind::Commit,
    };
    let body = if kind == Kind::Checkpoint { body.to_vec() } else { reseal_values(body, value) };
    Some((FrameHeader::frame(kind, first, last, seed, &[&body]), header_len + body_len))
}

fn reseal_values(body: &[u8], value: Change<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for op in super::frame::Ops::new(body) {
        let Ok((key, old)) = op else { break };
        super::push_op(&mut out, key, old.map(|old| value(key, old)).as_deref());
    }
    out.extend_from_slice(body.get(out.len()..).unwrap_or_default());
    out
}
