//! The bytes of a member as UTF-8 text: a byte order mark is dropped, UTF-16 is decoded. What is not valid stays
//! invalid in the output, so that the rows it stands in are refused and not quietly changed.

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

use super::container::Stream;
use crate::Result;

/// Bytes of UTF-16 decoded at a time.
const PIECE: usize = 64 << 10;
/// Never part of UTF-8: stands for what could not be decoded.
const INVALID: u8 = 0xFF;

/// A reader of decoded text.
pub(super) struct Text<'s, 'f> {
    stream: &'s mut Stream<'f>,
    /// Bytes read to tell the encoding that belong to the text.
    head: Vec<u8>,
    wide: Option<Wide>,
}

/// The state of decoding UTF-16.
struct Wide {
    decoder: Decoder,
    raw: Vec<u8>,
    /// Where the bytes not yet decoded begin.
    at: usize,
    ended: bool,
    done: bool,
}

impl<'s, 'f> Text<'s, 'f> {
    /// Reads enough to tell the encoding.
    pub(super) fn new(stream: &'s mut Stream<'f>) -> Result<Self> {
        let mut head = vec![0; 4];
        let mut len = 0;
        while let Some(rest) = head.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match stream.read(rest)? {
                0 => break,
                read => len += read,
            }
        }
        head.truncate(len);
        let (skip, decoder) = match *head.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => (3, None),
            [0xFF, 0xFE, ..] => (2, Some(UTF_16LE.new_decoder_without_bom_handling())),
            [0xFE, 0xFF, ..] => (2, Some(UTF_16BE.new_decoder_without_bom_handling())),
            // Without a mark: a header begins with letters, whose other half is zero in UTF-16.
            [low, 0, ..] if low != 0 => (0, Some(UTF_16LE.new_decoder_without_bom_handling())),
            [0, low, ..] if low != 0 => (0, Some(UTF_16BE.new_decoder_without_bom_handling())),
            _ => (0, None),
        };
        head.drain(..skip);
        let wide = decoder.map(|decoder| Wide {
            decoder,
            raw: std::mem::take(&mut head),
            at: 0,
            ended: false,
            done: false,
        });
        Ok(Self { stream, head, wide })
    }

    /// Fills a buffer of at least 16 bytes as far as it goes in one step; 0 only at the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if let Some(wide) = &mut self.wide {
            return wide.read(self.stream, out);
        }
        if self.head.is_empty() {
            return self.stream.read(out);
        }
        let len = self.head.len().min(out.len());
        out.iter_mut().zip(self.head.drain(..len)).for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl Wide {
    fn read(&mut self, stream: &mut Stream<'_>, out: &mut [u8]) -> Result<usize> {
        let mut written = 0;
        while !self.done {
            let raw = self.raw.get(self.at..).unwrap_or_default();
            // One byte is kept free for the mark of what could not be decoded.
            let end = out.len().saturating_sub(1);
            let room = out.get_mut(written..end).unwrap_or_default();
            let (result, read, len) = self.decoder.decode_to_utf8_without_replacement(raw, room, self.ended);
            self.at += read;
            written += len;
            match result {
                DecoderResult::OutputFull => return Ok(written),
                DecoderResult::Malformed(..) => {
                    if let Some(byte) = out.get_mut(written) {
                        *byte = INVALID;
                        written += 1;
                    }
                    if written >= end {
                        return Ok(written);
                    }
                }
                DecoderResult::InputEmpty if self.ended => self.done = true,
                DecoderResult::InputEmpty if written > 0 => return Ok(written),
                DecoderResult::InputEmpty => self.refill(stream)?,
            }
        }
        Ok(written)
    }

    fn refill(&mut self, stream: &mut Stream<'_>) -> Result<()> {
        self.at = 0;
        self.raw.resize(PIECE, 0);
        let len = stream.read(&mut self.raw)?;
        self.raw.truncate(len);
        self.ended = len == 0;
        Ok(())
    }
}
