//! A roll of any bytes, with the checksums they should have.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::footer::{Footer, block_rows, blocks};
use super::{BLOCK_ROWS, Cache, HEADER_LEN, Roll, TRAILER_LEN, checksum, verify};
use crate::Result;
use crate::file::{Disk, DiskFile};
use crate::fuzzing::{Bytes, name};

/// Opens a roll and reads all of it in every way there is.
///
/// # Errors
/// `Corruption` for what is none.
pub fn roll(bytes: &[u8]) -> Result<()> {
    let disk: Arc<dyn Disk> = Arc::new(One(Arc::new(Bytes(bytes.to_vec()))));
    let roll = Roll::open(&disk, name(), Arc::new(Cache::new(1 << 20)))?;
    let verified = roll.verify();
    for table in 0..roll.footer.tables.len() {
        for column in 0..roll.fields(table).len() {
            // An error in one column is no reason not to try the next.
            let _ = read(&roll, table, column);
        }
    }
    verified
}

fn read(roll: &Roll, table: usize, column: usize) -> Result<()> {
    let rows = roll.rows(table);
    let _ = roll.dictionary(table, column)?;
    for block in 0..blocks(rows) {
        let first = block * BLOCK_ROWS;
        let last = first + block_rows(rows, block);
        let _ = roll.zone(table, column, block);
        let values = roll.read(table, column, first..last)?;
        let _ = roll.read(table, column, first + (last - first) / 3..last);
        let some: Vec<u32> = (first..last).step_by(97).collect();
        let _ = roll.gather(table, column, &some);
        let _ = roll.row(table, column, last.saturating_sub(1));
        for row in [0, values.len() / 2] {
            let place = first.saturating_add(u32::try_from(row).unwrap_or(u32::MAX));
            let _ = roll.cells(table, place).and_then(|cells| cells.cell(column));
            if let Some(text) = values.text(row) {
                let _ = roll.find(table, text);
            }
        }
    }
    Ok(())
}

/// The same bytes with every checksum put right that can be found: of the header, of the footer, and of each page that
/// the footer names.
pub fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let _ = reseal_all(&mut bytes);
    bytes
}

fn reseal_all(bytes: &mut [u8]) -> Option<()> {
    let salt = u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?);
    seal(bytes, salt, 0, HEADER_LEN)?;
    let trailer = bytes.len().checked_sub(TRAILER_LEN)?;
    let offset = u64::from_le_bytes(*bytes.get(trailer..)?.first_chunk()?);
    let footer = bytes.get(usize::try_from(offset).ok()?..trailer)?;
    let sum = checksum::of(salt, offset, footer).to_le_bytes();
    let decoded = Footer::decode(footer, HEADER_LEN as u64..offset);
    let length = (footer.len() as u64).to_le_bytes();
    bytes.get_mut(trailer + 8..trailer + 16)?.copy_from_slice(&length);
    bytes.get_mut(trailer + 16..trailer + 24)?.copy_from_slice(&sum);
    for place in decoded?.tables.iter().flat_map(verify::places) {
        let _ = seal(bytes, salt, place.offset as usize, place.len as usize);
    }
    Some(())
}

/// Puts the checksum of bytes behind them, within the `len` bytes from `at`.
fn seal(bytes: &mut [u8], salt: u64, at: usize, len: usize) -> Option<()> {
    let (body, sum) = bytes.get_mut(at..)?.get_mut(..len)?.split_last_chunk_mut()?;
    *sum = checksum::of(salt, at as u64, body).to_le_bytes();
    Some(())
}

/// A disk with one file, whatever its name.
#[derive(Debug)]
struct One(Arc<Bytes>);

impl Disk for One {
    fn create(&self, _path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn open(&self, _path: &Path, _write: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file: Arc<Bytes> = Arc::clone(&self.0);
        Ok(file)
    }
    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn list(&self, _path: &Path) -> io::Result<Vec<OsString>> {
        Ok(Vec::new())
    }
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}
