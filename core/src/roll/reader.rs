//! Reading a roll: any block of a column, any one row, the rows of an identifier.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::{Cache, Entry};
use super::footer::{Chunk, Footer, IndexMeta, Place, block_rows};
use super::index::Key;
use super::scan::{At, Cell};
use super::wire::Take;
use super::{HEADER_LEN, MAGIC, MAGIC_END, Segment, TRAILER_LEN, VERSION, Zone, checksum, dictionary, index};
use crate::column::{Field, Strings};
use crate::file::{Disk, DiskFile};
use crate::{Error, Result};

/// Dictionaries of at most this many bytes stay in memory with their roll.
const PINNED_MAX: u32 = 16 << 10;

/// Rows that a lookup finds are so few where it was for one identifier.
const FEW: usize = 4;

/// An open roll. It can be read from any number of threads; its file must stand under its name as long as it lives.
#[derive(Debug)]
pub struct Roll {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    cache: Arc<Cache>,
    /// The roll's name in the cache.
    id: u32,
    salt: u64,
    /// Where pages stand in the file: between header and footer.
    pub(super) data: Range<u64>,
    bytes: u64,
    pub(super) footer: Footer,
}

impl Roll {
    /// Opens a roll. Reads and verifies header and footer; everything else is read and verified when it is asked for.
    ///
    /// # Errors
    /// `Corruption` where the file is not a whole roll, `Format` where it was written by a newer version.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path, cache: Arc<Cache>) -> Result<Arc<Self>> {
        let id = cache.register();
        let file = cache.file(id, || disk.open(path, false)).map_err(Error::io("open", path))?;
        let mut roll = Self {
            disk: disk.clone(),
            path: path.to_owned(),
            cache,
            id,
            salt: 0,
            data: 0..0,
            bytes: 0,
            footer: Footer::default(),
        };
        roll.read_header(&*file)?;
        roll.read_footer(&*file)?;
        Ok(Arc::new(roll))
    }

    /// The place of a table among the roll's tables.
    pub fn table(&self, name: &str) -> Option<usize> {
        self.footer.tables.iter().position(|table| table.name == name)
    }

    /// The columns of a table, in the order of their first appearance; none where there is no such table.
    pub fn fields(&self, table: usize) -> &[Field] {
        self.footer.tables.get(table).map_or(&[], |table| &table.fields)
    }

    /// The place of a column among the columns of its table.
    pub fn field(&self, table: usize, name: &str) -> Option<usize> {
        self.fields(table).iter().position(|field| field.name == name)
    }

    /// The rows of a table; 0 where there is no such table.
    pub fn rows(&self, table: usize) -> u32 {
        self.footer.tables.get(table).map_or(0, |table| table.rows)
    }

    /// What was appended together, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.footer.segments
    }

    /// The file's length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bounds of a column in a block: of integers, or of codes of the roll's dictionary. `None` where nothing is
    /// known: text that is not coded in this block, or no such block.
    pub fn zone(&self, table: usize, column: usize, block: u32) -> Option<Zone> {
        let table = self.footer.tables.get(table)?;
        match table.columns.get(column)?.chunks.get(block as usize)? {
            Chunk::Null => Some(Zone { nulls: block_rows(table.rows, block), ..Zone::EMPTY }),
            Chunk::Int { zone, .. } | Chunk::Coded { zone, .. } | Chunk::Derived { zone, .. } => Some(*zone),
            Chunk::Plain { .. } => None,
        }
    }

    /// The strings that a text column's codes mean, for the whole roll. Empty where no block of it is coded.
    pub fn dictionary(&self, table: usize, column: usize) -> Result<Arc<Strings>> {
        self.strings(self.at(table, column)?)
    }

    /// The rows, ascending, whose indexed text is exactly `key`.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn find(&self, table: usize, key: &str) -> Result<Vec<u32>> {
        let found = self.find_whole(table, &[Key::new(key)])?;
        Ok(found.into_iter().map(|(row, _)| row).collect())
    }

    /// The rows, ascending, whose indexed text is exactly one of the keys, each with the place of that key. Keys in the
    /// order of their hashes are cheapest: those of one page follow each other. Of the rows, only the indexed column is
    /// read.
    pub fn find_many(&self, table: usize, keys: &[Key<'_>]) -> Result<Vec<(u32, usize)>> {
        let (column, found) = self.named(table, keys)?;
        self.confirmed(table, column, keys, found)
    }

    /// As [`Self::find_many`], for one who reads all columns of what is found by [`Self::cells`] next: where there are few
    /// rows, they are read that way already.
    pub(crate) fn find_whole(&self, table: usize, keys: &[Key<'_>]) -> Result<Vec<(u32, usize)>> {
        let (column, found) = self.named(table, keys)?;
        match found.len() <= FEW {
            true => self.confirmed_whole(table, column, keys, found),
            false => self.confirmed(table, column, keys, found),
        }
    }

    /// The indexed column, and the rows that may have the keys, ascending.
    fn named(&self, table: usize, keys: &[Key<'_>]) -> Result<(usize, Vec<(u32, usize)>)> {
        let indexed = self.footer.tables.get(table).and_then(|table| table.index.as_ref());
        let Some(index) = indexed.filter(|index| !index.pages.is_empty()) else { return Ok((0, Vec::new())) };
        let mut found = self.candidates(index, keys)?;
        if let Some((row, _)) = found.iter().find(|(row, _)| *row >= self.rows(table)) {
            return Err(self.corrupt(format!("the index names a row {row}")));
        }
        found.sort_unstable();
        Ok((index.column as usize, found))
    }

    /// Those of some rows that have their keys.
    fn confirmed(
        &self,
        table: usize,
        column: usize,
        keys: &[Key<'_>],
        mut found: Vec<(u32, usize)>,
    ) -> Result<Vec<(u32, usize)>> {
        if found.is_empty() {
            return Ok(found);
        }
        let rows: Vec<u32> = found.iter().map(|&(row, _)| row).collect();
        let texts = self.gather(table, column, &rows)?;
        let mut place = 0..;
        let is_it = |key: usize, place| texts.text(place) == keys.get(key).map(|key| key.text);
        found.retain(|&(_, key)| place.next().is_some_and(|place| is_it(key, place)));
        Ok(found)
    }

    /// The same from the rows' slices, which are held for whoever reads the rows wholly next.
    fn confirmed_whole(
        &self,
        table: usize,
        column: usize,
        keys: &[Key<'_>],
        found: Vec<(u32, usize)>,
    ) -> Result<Vec<(u32, usize)>> {
        let mut confirmed = Vec::with_capacity(found.len());
        for (row, key) in found {
            let is_it = |text: &str| keys.get(key).is_some_and(|key| key.text == text);
            if matches!(self.cells(table, row)?.cell(column)?, Cell::Text(text) if is_it(&text)) {
                confirmed.push((row, key));
            }
        }
        Ok(confirmed)
    }

    /// The rows that may have the keys, as their fingerprints say.
    fn candidates(&self, index: &IndexMeta, keys: &[Key<'_>]) -> Result<Vec<(u32, usize)>> {
        let (pages, mut found) = (index.pages.len(), Vec::new());
        let mut next = 0;
        while let Some(number) = keys.get(next).map(|key| key.page(pages)) {
            let what = || format!("index page {number}");
            let place = index.pages.get(number).ok_or_else(|| self.senseless(&what()))?;
            let bytes = self.page(*place, what)?;
            let page = index::Page::of(&bytes).ok_or_else(|| self.senseless(&what()))?;
            let rest = keys.iter().enumerate().skip(next);
            for (key, text) in rest.take_while(|(_, key)| key.page(pages) == number) {
                let candidates = page.candidates(text, pages, |row| found.push((row, key)));
                candidates.ok_or_else(|| self.senseless(&what()))?;
                next = key + 1;
            }
        }
        Ok(found)
    }

    fn read_header(&mut self, file: &dyn DiskFile) -> Result<()> {
        let len = file.len().map_err(Error::io("measure", &self.path))?;
        if len < (HEADER_LEN + TRAILER_LEN) as u64 {
            return Err(self.corrupt(format!("{len} bytes are too few for a roll")));
        }
        self.bytes = len;
        self.data = HEADER_LEN as u64..len - TRAILER_LEN as u64;
        let mut header = [0; HEADER_LEN];
        self.fill(file, &mut header, 0, "the header")?;
        let mut take = Take(&header);
        let magic = take.fixed::<8>();
        let (Some(version), Some(_), Some(salt)) = (take.fixed(), take.fixed::<4>(), take.fixed()) else {
            return Err(self.corrupt("no header"));
        };
        self.salt = u64::from_le_bytes(salt);
        if magic != Some(MAGIC) {
            return Err(self.corrupt("it does not begin like a roll"));
        }
        if checksum::verified(self.salt, 0, &header).is_none() {
            return Err(self.corrupt("the header's checksum does not fit"));
        }
        match u32::from_le_bytes(version) {
            VERSION => Ok(()),
            newer => {
                let detail = format!("is of roll format {newer}; this version of Tillroll reads {VERSION}");
                Err(Error::format(&self.path, None, detail))
            }
        }
    }

    /// The roll again, on its own: nothing of it is held by a cache yet, so that all is read from disk.
    pub(super) fn reopened(&self, cache: Cache) -> Result<Arc<Self>> {
        Self::open(&self.disk, &self.path, Arc::new(cache))
    }

    /// The dictionary of a column. Small ones stay with the roll, so that reading a row of many columns does not ask
    /// the cache for each; the others are decoded once for as long as the cache keeps them.
    pub(super) fn strings(&self, at: At<'_>) -> Result<Arc<Strings>> {
        let Some(meta) = at.table.columns.get(at.column).filter(|meta| meta.strings > 0) else {
            return Ok(Arc::default());
        };
        let place = meta.dictionary;
        if let Some(strings) = meta.pinned.get() {
            return Ok(strings.clone());
        }
        if let Some(Entry::Dictionary(strings)) = self.cache.get(self.id, place.offset) {
            return Ok(strings);
        }
        let what = || format!("the dictionary of {at}");
        let bytes = self.load(place.offset.into(), place.len.into(), "a dictionary")?;
        let strings = dictionary::decode(self.verified(place, &bytes, what)?, meta.strings as usize);
        let strings = Arc::new(strings.ok_or_else(|| self.corrupt(format!("{} makes no sense", what())))?);
        if place.len <= PINNED_MAX {
            return Ok(meta.pinned.get_or_init(|| strings).clone());
        }
        self.cache.put(self.id, place.offset, Entry::Dictionary(strings.clone()));
        Ok(strings)
    }

    fn read_footer(&mut self, file: &dyn DiskFile) -> Result<()> {
        let mut trailer = [0; TRAILER_LEN];
        self.fill(file, &mut trailer, self.data.end, "the trailer")?;
        let mut take = Take(&trailer);
        let mut number = || take.fixed().map(u64::from_le_bytes);
        let (Some(offset), Some(len), Some(sum)) = (number(), number(), number()) else {
            return Err(self.corrupt("no trailer"));
        };
        if take.0 != MAGIC_END {
            return Err(self.corrupt("it does not end like a roll"));
        }
        if offset < self.data.start || offset.checked_add(len) != Some(self.data.end) {
            return Err(self.corrupt(format!("no footer of {len} bytes can stand at {offset}")));
        }
        let mut footer = vec![0; usize::try_from(len).map_err(|_| self.corrupt("the footer is too long"))?];
        self.fill(file, &mut footer, offset, "the footer")?;
        if checksum::of(self.salt, offset, &footer) != sum {
            return Err(self.corrupt("the footer's checksum does not fit"));
        }
        self.data.end = offset;
        let decoded = Footer::decode(&footer, self.data.clone());
        self.footer = decoded.ok_or_else(|| self.corrupt("the footer makes no sense"))?;
        Ok(())
    }

    pub(super) fn corrupt(&self, detail: impl Into<String>) -> Error {
        Error::corrupt(&self.path, detail)
    }

    /// Reads bytes whose place was checked against the file's length: that they are missing is damage too.
    fn fill(&self, file: &dyn DiskFile, buffer: &mut [u8], offset: u64, what: &str) -> Result<()> {
        match file.read_exact_at(buffer, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.corrupt(format!("the file ends before the end of {what}")))
            }
            result => result.map_err(Error::io("read", &self.path)),
        }
    }

    pub(super) fn load(&self, offset: u64, len: u64, what: &str) -> Result<Vec<u8>> {
        let open = || self.disk.open(&self.path, false);
        let file = self.cache.file(self.id, open).map_err(Error::io("open", &self.path))?;
        let len = usize::try_from(len).map_err(|_| self.corrupt(format!("{what} is too long")))?;
        let mut bytes = vec![0; len];
        self.fill(&*file, &mut bytes, offset, what)?;
        Ok(bytes)
    }

    pub(super) fn verified<'a>(
        &self,
        place: Place,
        bytes: &'a [u8],
        what: impl FnOnce() -> String,
    ) -> Result<&'a [u8]> {
        checksum::verified(self.salt, place.offset.into(), bytes).ok_or_else(|| {
            self.corrupt(format!("the checksum of {} at {} does not fit", what(), place.offset))
        })
    }

    /// What the cache holds of this roll under a name, for pages their place.
    pub(super) fn held(&self, name: u32) -> Option<Entry> {
        self.cache.get(self.id, name)
    }

    /// Gives the cache something to hold.
    pub(super) fn hold(&self, name: u32, entry: Entry) {
        self.cache.put(self.id, name, entry);
    }

    /// The verified bytes of one page.
    pub(super) fn page(&self, place: Place, what: impl Fn() -> String) -> Result<Arc<[u8]>> {
        if let Some(Entry::Page(page)) = self.cache.get(self.id, place.offset) {
            return Ok(page);
        }
        let bytes = self.load(place.offset.into(), place.len.into(), "a page")?;
        let page: Arc<[u8]> = self.verified(place, &bytes, what)?.into();
        self.cache.put(self.id, place.offset, Entry::Page(page.clone()));
        Ok(page)
    }

    /// The verified bytes of several pages. Those that are missing and stand side by side are fetched by one read.
    pub(super) fn pages(&self, places: &[Place], what: impl Fn(usize) -> String) -> Result<Vec<Arc<[u8]>>> {
        let held = |place: &Place| match self.cache.get(self.id, place.offset) {
            Some(Entry::Page(page)) => Some(page),
            _ => None,
        };
        let mut pages = Vec::with_capacity(places.len());
        while let Some(place) = places.get(pages.len()) {
            if let Some(page) = held(place) {
                pages.push(page);
                continue;
            }
            let rest = places.get(pages.len()..).unwrap_or_default();
            let joins = |pair: &&[Place]| match pair {
                [left, right] => left.end() == u64::from(right.offset) && held(right).is_none(),
                _ => false,
            };
            let count = 1 + rest.windows(2).take_while(joins).count();
            self.load_run(rest.get(..count).unwrap_or_default(), &mut pages, &what)?;
        }
        Ok(pages)
    }

    fn load_run(
        &self,
        run: &[Place],
        pages: &mut Vec<Arc<[u8]>>,
        what: impl Fn(usize) -> String,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
        let bytes = self.load(first.offset.into(), last.end() - u64::from(first.offset), "a page")?;
        let mut rest = bytes.as_slice();
        for &place in run {
            let (page, after) = rest.split_at_checked(place.len as usize).unwrap_or((rest, &[]));
            rest = after;
            let number = pages.len();
            let page: Arc<[u8]> = self.verified(place, page, || what(number))?.into();
            self.cache.put(self.id, place.offset, Entry::Page(page.clone()));
            pages.push(page);
        }
        Ok(())
    }
}

/// Frees the roll's share of the cache and its descriptor.
impl Drop for Roll {
    fn drop(&mut self) {
        self.cache.forget(self.id);
    }
}
