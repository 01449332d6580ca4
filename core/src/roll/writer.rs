//! Writing a roll, front to back. Memory holds the block being filled, the dictionaries, the zones and eight bytes a row
//! of an indexed table.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::column::{ColumnWriter, PageSink};
use super::dictionary::{self, Limits};
use super::footer::{ColumnMeta, Footer, IndexMeta, Place, TableMeta};
use super::{
    BLOCK_ROWS, HEADER_LEN, MAGIC, MAGIC_END, ROWS_MAX, Segment, Summary, TableSpec, VERSION, bits, checksum,
    derive, index,
};
use crate::column::{Batch, Column, Field, NULL_CODE, Type};
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

const BLOCK: usize = BLOCK_ROWS as usize;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Columns of a table at most.
const COLUMNS_MAX: usize = 4096;

/// Writes one roll. Dropping it before [`Writer::finish`] removes the file.
#[derive(Debug)]
pub struct Writer {
    disk: Arc<dyn Disk>,
    out: Output,
    tables: Vec<TableWriter>,
    segments: Vec<Segment>,
    /// A failed write leaves a hole in the file and rows half appended.
    failed: bool,
    finished: bool,
}

/// The file with what is not written yet.
#[derive(Debug)]
struct Output {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    salt: u64,
    written: u64,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct TableWriter {
    spec: TableSpec,
    limits: Limits,
    fields: Vec<Field>,
    columns: Vec<ColumnWriter>,
    rows: u32,
    /// One a row that has an identifier; see [`index::entry`].
    entries: Vec<u64>,
}

impl Writer {
    /// Begins a roll in a new file. Fails where the file exists.
    pub fn create(disk: Arc<dyn Disk>, path: &Path, tables: Vec<TableSpec>) -> Result<Self> {
        let salt = getrandom::u64()
            .map_err(|error| Error::io("draw a random salt for", path)(std::io::Error::other(error)))?;
        Self::create_with(disk, path, tables, salt, Limits::default())
    }

    /// As [`Writer::create`], with the random salt given and other limits of dictionaries.
    pub(crate) fn create_with(
        disk: Arc<dyn Disk>,
        path: &Path,
        tables: Vec<TableSpec>,
        salt: u64,
        limits: Limits,
    ) -> Result<Self> {
        let file = disk.create(path).map_err(Error::io("create", path))?;
        let out = Output { file, path: path.to_owned(), salt, written: 0, buffer: header(salt) };
        let table = |spec| TableWriter {
            spec,
            limits,
            fields: Vec::new(),
            columns: Vec::new(),
            rows: 0,
            entries: Vec::new(),
        };
        let tables = tables.into_iter().map(table).collect();
        Ok(Self { disk, out, tables, segments: Vec::new(), failed: false, finished: false })
    }

    /// Appends rows to a table. Fields are matched by name; a field not seen before is null for all rows before it, one
    /// not in this batch is null for this batch. A batch may not take a table over [`ROWS_MAX`].
    ///
    /// # Errors
    /// `Validation` where the batch contradicts itself, a type that stands, or a limit (rows, columns, 1 GiB of text a
    /// column and block); nothing is appended then. After any other error the writer is of no more use.
    pub fn append(&mut self, table: usize, batch: &Batch) -> Result<()> {
        self.check_usable()?;
        let Some(table) = self.tables.get_mut(table) else {
            return Err(Error::invalid("table", format!("there is no table {table}")));
        };
        table.check(batch)?;
        let result = table.append(batch, &mut self.out);
        self.failed = result.is_err();
        result
    }

    /// The rows of a table so far.
    pub fn rows(&self, table: usize) -> u32 {
        self.tables.get(table).map_or(0, |table| table.rows)
    }

    /// About how long the file would be if it were finished now, to know when it is full.
    pub fn bytes(&self) -> u64 {
        let pending = |table: &TableWriter| -> u64 {
            let columns: u64 = table.columns.iter().map(ColumnWriter::pending_bytes).sum();
            columns + table.entries.len() as u64 * 9 / 2
        };
        let meta: usize = self.segments.iter().map(|segment| segment.meta.len()).sum();
        self.out.end() + self.tables.iter().map(pending).sum::<u64>() + meta as u64
    }

    /// Names what has been appended since the last segment, with bytes that the caller understands: one range of rows
    /// a table.
    pub fn segment(&mut self, ranges: Vec<Range<u32>>, meta: Vec<u8>) {
        self.segments.push(Segment { ranges, meta });
    }

    /// Writes what is waiting, the indexes, dictionaries and the footer, and makes the file durable. The caller
    /// renames it.
    pub fn finish(mut self) -> Result<Summary> {
        self.check_usable()?;
        self.check_segments()?;
        let rows = self.tables.iter().map(|table| table.rows).collect();
        let mut footer = Footer { tables: Vec::new(), segments: std::mem::take(&mut self.segments) };
        for table in std::mem::take(&mut self.tables) {
            footer.tables.push(table.finish(&mut self.out)?);
        }
        let bytes = self.out.finish(&footer.encode())?;
        self.finished = true;
        Ok(Summary { bytes, rows })
    }

    fn check_usable(&self) -> Result<()> {
        if self.failed {
            let detail = format!("{} could not be written earlier", self.out.path.display());
            return Err(Error::Closed { detail });
        }
        Ok(())
    }

    fn check_segments(&self) -> Result<()> {
        let fits =
            |(range, table): (&Range<u32>, &TableWriter)| range.start <= range.end && range.end <= table.rows;
        let whole = |segment: &Segment| {
            segment.ranges.len() == self.tables.len() && segment.ranges.iter().zip(&self.tables).all(fits)
        };
        if self.segments.iter().all(whole) {
            return Ok(());
        }
        Err(Error::invalid("ranges", "a segment names rows that were not appended"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = self.disk.remove(&self.out.path)
        {
            tracing::warn!(path = %self.out.path.display(), %error, "an unfinished roll could not be removed");
        }
    }
}

impl TableWriter {
    /// Whether a batch can be appended as a whole.
    fn check(&self, batch: &Batch) -> Result<()> {
        let rows_max = (ROWS_MAX - self.rows) as usize;
        if batch.rows > rows_max {
            return Err(Error::invalid("rows", format!("{} rows, room for {rows_max}", batch.rows)));
        }
        if batch.fields.len() != batch.columns.len() {
            return Err(Error::invalid("fields", "as many fields as columns are needed"));
        }
        let mut columns = self.columns.len();
        for (position, (field, column)) in batch.fields.iter().zip(&batch.columns).enumerate() {
            check_column(field, column, batch.rows)?;
            if batch.fields.iter().take(position).any(|other| other.name == field.name) {
                return Err(Error::invalid(&field.name, "stands twice"));
            }
            if self.spec.indexed.as_ref() == Some(&field.name) && field.ty != Type::Text {
                return Err(Error::invalid(&field.name, "only text can be indexed"));
            }
            columns += usize::from(!self.check_field(field, column)?);
        }
        if columns > COLUMNS_MAX {
            return Err(Error::invalid("fields", format!("more than {COLUMNS_MAX} columns")));
        }
        Ok(())
    }

    /// Whether a batch's column can go behind the one of its name; false where there is none yet.
    fn check_field(&self, field: &Field, column: &Column) -> Result<bool> {
        let stands = self.fields.iter().zip(&self.columns).find(|(other, _)| other.name == field.name);
        if stands.is_some_and(|(stands, _)| stands.ty != field.ty) {
            return Err(Error::invalid(&field.name, "its type differs from earlier rows"));
        }
        let empty = ColumnWriter::new(field.ty, self.limits, 0, 0);
        let first = BLOCK - self.rows as usize % BLOCK;
        let mut writer = stands.map_or(&empty, |(_, writer)| writer);
        let mut rows = 0..column.len().min(first);
        while !rows.is_empty() {
            if !writer.has_room(column, rows.clone()) {
                let max = self.limits.block >> 20;
                let fault = format!("more than {max} MiB of text in {BLOCK_ROWS} rows");
                return Err(Error::invalid(&field.name, fault));
            }
            rows = rows.end..column.len().min(rows.end + BLOCK);
            writer = &empty;
        }
        Ok(stands.is_some())
    }

    fn append(&mut self, batch: &Batch, out: &mut Output) -> Result<()> {
        self.index(batch);
        let sources = self.bind(batch);
        let mut remaps: Vec<Vec<u32>> = batch.columns.iter().map(|_| Vec::new()).collect();
        let mut start = 0;
        while start < batch.rows {
            let room = BLOCK - self.rows as usize % BLOCK;
            let end = batch.rows.min(start + room);
            for (column, source) in self.columns.iter_mut().zip(&sources) {
                let from =
                    source.and_then(|source| Some((batch.columns.get(source)?, remaps.get_mut(source)?)));
                match from {
                    Some((from, remap)) => column.extend(from, start..end, remap),
                    None => column.extend_null(end - start),
                }
                column.relieve(out)?;
            }
            self.rows += bits::count(end - start);
            start = end;
            if self.rows.is_multiple_of(BLOCK_ROWS) {
                self.close_block(out)?;
            }
        }
        Ok(())
    }

    /// The place in the batch of each column of the table; columns that are new are added.
    fn bind(&mut self, batch: &Batch) -> Vec<Option<usize>> {
        let (blocks, rows) = (self.rows as usize / BLOCK, self.rows as usize % BLOCK);
        for field in &*batch.fields {
            if self.fields.iter().all(|other| other.name != field.name) {
                self.fields.push(field.clone());
                self.columns.push(ColumnWriter::new(field.ty, self.limits, blocks, rows));
            }
        }
        let source = |field: &Field| batch.fields.iter().position(|other| other.name == field.name);
        self.fields.iter().map(source).collect()
    }

    fn index(&mut self, batch: &Batch) {
        let Some(column) = self.spec.indexed.as_ref().and_then(|name| batch.column(name)) else { return };
        let entry = |(row, number)| column.text(row).map(|text| index::entry(text, number));
        self.entries.extend((0..batch.rows).zip(self.rows..).filter_map(entry));
    }

    fn close_block(&mut self, out: &mut Output) -> Result<()> {
        self.columns.iter_mut().for_each(ColumnWriter::settle);
        let codes: Vec<Option<&[u32]>> = self.columns.iter().map(ColumnWriter::codes).collect();
        let plan = derive::plan(&codes);
        self.columns.iter_mut().zip(plan).try_for_each(|(column, derived)| column.close_block(derived, out))
    }

    fn finish(mut self, out: &mut Output) -> Result<TableMeta> {
        if !self.rows.is_multiple_of(BLOCK_ROWS) {
            self.close_block(out)?;
        }
        let index = self.finish_index(out)?;
        let mut columns = Vec::new();
        for column in self.columns {
            let (strings, chunks) = column.into_parts();
            let mut meta =
                ColumnMeta { strings: bits::count(strings.len()), chunks, ..ColumnMeta::default() };
            if !strings.is_empty() {
                let mut bytes = Vec::new();
                dictionary::encode(&strings, &mut bytes);
                meta.dictionary = out.put_page(&bytes)?;
            }
            columns.push(meta);
        }
        Ok(TableMeta { name: self.spec.name, rows: self.rows, index, fields: self.fields, columns })
    }

    fn finish_index(&mut self, out: &mut Output) -> Result<Option<IndexMeta>> {
        let Some(name) = &self.spec.indexed else { return Ok(None) };
        let Some(column) = self.fields.iter().position(|field| field.name == *name) else { return Ok(None) };
        let mut entries = std::mem::take(&mut self.entries);
        let mut pages = Vec::new();
        index::build(&mut entries, |page| {
            pages.push(out.put_page(page)?);
            Ok::<(), Error>(())
        })?;
        Ok(Some(IndexMeta { column: bits::count(column), entries: bits::count(entries.len()), pages }))
    }
}

fn check_column(field: &Field, column: &Column, rows: usize) -> Result<()> {
    let nulls = match column {
        Column::Int { nulls, .. } | Column::Plain { nulls, .. } => nulls.as_ref(),
        Column::Coded { .. } => None,
    };
    if column.len() != rows || nulls.is_some_and(|nulls| nulls.len() != rows) {
        return Err(Error::invalid(&field.name, format!("has other than {rows} rows")));
    }
    if column.ty() != field.ty {
        return Err(Error::invalid(&field.name, "its values are not of its type"));
    }
    let texts = match column {
        Column::Int { .. } => None,
        Column::Coded { dictionary, .. } => Some(&**dictionary),
        Column::Plain { values, .. } => Some(values),
    };
    if texts.is_some_and(|texts| u32::try_from(texts.text_len()).is_err()) {
        return Err(Error::invalid(&field.name, "has more than 4 GiB of text"));
    }
    if let Column::Coded { dictionary, codes } = column
        && codes.iter().any(|&code| code != NULL_CODE && code as usize >= dictionary.len())
    {
        return Err(Error::invalid(&field.name, "has a code that is not in its dictionary"));
    }
    Ok(())
}

fn header(salt: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_LEN);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(0_u32.to_le_bytes());
    header.extend(salt.to_le_bytes());
    header.extend(checksum::of(salt, 0, &header).to_le_bytes());
    header
}

impl Output {
    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all_at(&self.buffer, self.written).map_err(Error::io("write", &self.path))?;
        self.written = self.end();
        self.buffer.clear();
        Ok(())
    }

    /// Writes footer and trailer, and makes everything durable.
    fn finish(&mut self, footer: &[u8]) -> Result<u64> {
        let offset = self.end();
        let mut trailer = Vec::new();
        trailer.extend(offset.to_le_bytes());
        trailer.extend((footer.len() as u64).to_le_bytes());
        trailer.extend(checksum::of(self.salt, offset, footer).to_le_bytes());
        trailer.extend(MAGIC_END);
        self.buffer.extend_from_slice(footer);
        self.buffer.append(&mut trailer);
        self.flush()?;
        self.file.sync().map_err(Error::io("sync", &self.path))?;
        Ok(self.written)
    }
}

impl PageSink for Output {
    fn put_page(&mut self, bytes: &[u8]) -> Result<Place> {
        let offset = self.end();
        let sum = checksum::of(self.salt, offset, bytes);
        let len = u32::try_from(bytes.len() + checksum::LEN).ok();
        let place = u32::try_from(offset).ok().zip(len).map(|(offset, len)| Place { offset, len });
        let Some(place) = place.filter(|place| place.end() <= u64::from(u32::MAX)) else {
            // Places are 32 bits wide. Who writes closes a roll long before.
            return Err(Error::io("write", &self.path)(std::io::ErrorKind::FileTooLarge.into()));
        };
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend(sum.to_le_bytes());
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::file::OsDisk;

    #[test]
    fn a_roll_that_would_pass_4_gib_cannot_be_used_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let spec = TableSpec { name: "t".into(), indexed: None };
        let mut writer = Writer::create(Arc::new(OsDisk), &dir.path().join("a.roll"), vec![spec]).unwrap();
        writer.out.written = u64::from(u32::MAX) - 60;
        let column = Column::Int { values: (0..i64::from(BLOCK_ROWS)).collect(), nulls: None };
        let fields = vec![Field::new("n", Type::Int)].into();
        let batch = Batch { rows: BLOCK, fields, columns: vec![column] };
        let error = writer.append(0, &batch).unwrap_err();
        let Error::Io { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
        assert_eq!(writer.append(0, &batch).unwrap_err().kind(), ErrorKind::Closed);
    }
}
