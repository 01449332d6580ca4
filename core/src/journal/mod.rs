//! The journal: an append-only file that is the truth for everything but the rows of reports. It carries changes to an
//! ordered byte map and knows neither what they mean nor who reads the map.
//!
//! ```text
//! journal/NNNNNN.log   the highest number is the journal; a name that ends in .tmp is a rewrite that was not finished
//!
//! file   := header frame*
//! header (64 bytes, little endian throughout)
//!   0  8  magic "TILLJRNL"
//!   8  4  version, 1
//!  12  4  zero
//!  16 16  database id
//!  32  8  number, as in the name
//!  40  8  covered: the sequence whose state the base frames hold, 0 without any
//!  48  8  base end: offset behind the last base frame; everything before it was synced before the file got its name
//!  56  8  XXH3-64 of bytes 0..56
//!
//! frame  := frame header (48 bytes) body
//!   0  4  magic "TFRM"
//!   4  1  kind: 1 commit, 2 checkpoint, 3 base
//!   5  3  zero
//!   8  8  first sequence in the frame
//!  16  8  last sequence in the frame
//!  24  8  length of the body
//!  32  8  XXH3-64 of the body, seeded
//!  40  8  XXH3-64 of bytes 0..40, seeded
//!
//! body of commit, base := op*
//!   0  1  1 put, 2 delete
//!   1  4  length of the key
//!   5  4  length of the value, 0 for a delete
//!   9     key, value
//! body of checkpoint (9 bytes)
//!   0  8  applied: every change up to this sequence was in the index, and the index on disk, before this was written
//!   8  1  1 where the database was closed behind it, else 0
//! ```
//!
//! The seed is XXH3-64 of database id, number and the frame's offset, so bytes that only look like a frame (of another
//! file, of another place, inside a value) are none. A commit frame's `first` is one above the last sequence before it;
//! checkpoint frames repeat that last sequence in both fields, base frames say `covered` in both.
//!
//! A frame is written only when the one before it is synced. So a bad frame with any good frame header behind it is
//! damage, and one with none is a torn tail: a write that never was acknowledged. Damage below the base end, or below
//! a length that is known to have been synced (the store keeps one, see `store/lock.rs`), is never taken for a tail.
//!
//! | file | what stands there |
//! |---|---|
//! | `frame.rs` | the bytes above |
//! | `replay.rs` | reading them back, checked; torn tail against damage |
//! | `writer.rs` | appending, cutting back, poison |
//! | `rewrite.rs` | a shorter journal from the old one, when more than half of it is dead; one from a state alone |
//! | `salvage.rs` | what a damaged one still holds |

#[cfg(test)]
pub(crate) mod fault;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod replay;
mod rewrite;
mod salvage;
mod writer;

pub(crate) use frame::{FILE_HEADER_LEN, FileHeader, FrameHeader, Kind, OP_LEN, push_op};
pub(crate) use replay::{Reader, Scan};
pub(crate) use rewrite::{Draft, Live, write_state};
pub(crate) use salvage::{EachOp, Gap, Salvaged, database_of, is_readable, salvage};
pub(crate) use writer::Journal;
