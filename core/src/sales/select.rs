//! Which rows a question is about: first whole reports, then blocks by their zone maps, then single rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use super::catalogue::Products;
use super::manifest::{Manifest, Report, RowRange};
use super::query::{Edge, Where};
use super::schema::{ROWS, SKU};
use crate::column::{Column, Strings};
use crate::day::Period;
use crate::error::{Error, Result};
use crate::ingest::{ItemCodes, ItemKey, Kind, StoreKind, is_mark};
use crate::roll::{BLOCK_ROWS, Roll, Uuids, Zone};

/// Rows that follow each other within one block of a roll, of one report or of several of one store: small reports are
/// read by the block as large ones are.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) number: u32,
    pub(crate) roll: Arc<Roll>,
    pub(crate) table: usize,
    pub(crate) store: StoreKind,
    pub(crate) rows: Range<u32>,
    /// Only these of them, ascending: the few that a report has chosen, or, anywhere in the roll, what a lookup has found.
    pub(crate) picked: Option<Vec<u32>>,
    /// Whose rows they are, in row order; at least one.
    pub(crate) owners: Vec<Owner>,
}

/// A report with rows in a piece.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) report: Arc<Report>,
    /// Its rows begin here and go on to the next owner's, counted from the piece's first.
    pub(crate) first: usize,
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        self.picked.as_ref().map_or(self.rows.len(), Vec::len)
    }

    /// What makes codes of SKUs stand for the same products.
    pub(crate) fn roll_and_store(&self) -> (u32, StoreKind) {
        (self.number, self.store)
    }

    /// The owners with their rows, counted from the piece's first.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (&Arc<Report>, Range<usize>)> {
        let ends = self.owners.iter().skip(1).map(|next| next.first).chain([self.len()]);
        self.owners.iter().zip(ends).map(|(owner, end)| (&owner.report, owner.first..end))
    }

    /// Takes in rows of a report that follow in the same block, if they do.
    fn join(&mut self, number: u32, rows: &Range<u32>, report: &Arc<Report>) -> bool {
        let follows = (self.number, self.rows.end, self.store) == (number, rows.start, report.store())
            && self.rows.start / BLOCK_ROWS == rows.start / BLOCK_ROWS;
        if follows {
            if self.owners.last().is_none_or(|last| !Arc::ptr_eq(&last.report, report)) {
                self.owners.push(Owner { report: Arc::clone(report), first: self.len() });
            }
            self.rows.end = rows.end;
        }
        follows
    }

    /// Some of its rows, counted from its first, at least one.
    pub(crate) fn part(&self, rows: &Range<usize>) -> Self {
        let place = |row: usize| self.rows.start.saturating_add(u32::try_from(row).unwrap_or(u32::MAX));
        let within = self.owned().filter(|(_, owned)| owned.start < rows.end && rows.start < owned.end);
        let owner = |(report, owned): (&Arc<Report>, Range<usize>)| Owner {
            report: Arc::clone(report),
            first: owned.start.saturating_sub(rows.start),
        };
        Self {
            rows: place(rows.start)..place(rows.end).min(self.rows.end),
            picked: self.picked.as_ref().map(|all| all.get(rows.clone()).unwrap_or_default().to_vec()),
            owners: within.map(owner).collect(),
            roll: Arc::clone(&self.roll),
            ..*self
        }
    }

    /// Some of its rows alone, ascending, counted from its first.
    pub(crate) fn pick(&self, rows: &[u32]) -> Self {
        let place = |row: &u32| match &self.picked {
            None => Some(self.rows.start.saturating_add(*row)),
            Some(picked) => picked.get(*row as usize).copied(),
        };
        let before = |first: usize| rows.partition_point(|&row| (row as usize) < first);
        let owners = self.owned().filter(|(_, owned)| before(owned.start) < before(owned.end));
        let owner = |(report, owned): (&Arc<Report>, Range<usize>)| Owner {
            report: Arc::clone(report),
            first: before(owned.start),
        };
        Self {
            owners: owners.map(owner).collect(),
            picked: Some(rows.iter().filter_map(place).collect()),
            rows: self.rows.clone(),
            roll: Arc::clone(&self.roll),
            ..*self
        }
    }

    /// The bounds of a column in the block that the piece is of, as [`Roll::zone`] has them. What a lookup has found may be
    /// of many blocks, and has none.
    pub(crate) fn zone(&self, column: &str) -> Option<Zone> {
        let (block, index) = (self.rows.start / BLOCK_ROWS, self.roll.field(self.table, column)?);
        let mut picked = self.picked.iter().flat_map(|rows| [rows.first(), rows.last()]).flatten();
        let is_of_block = picked.all(|row| row / BLOCK_ROWS == block);
        self.roll.zone(self.table, index, block).filter(|_| is_of_block)
    }

    /// The values of a column; `None` where the roll has no such column, so that all of them are null.
    pub(crate) fn read(&self, column: &str) -> Result<Option<Column>> {
        let Some(index) = self.roll.field(self.table, column) else { return Ok(None) };
        let values = match &self.picked {
            Some(rows) => self.roll.gather(self.table, index, rows),
            None if self.len() == 1 => self.roll.row(self.table, index, self.rows.start),
            None => self.roll.read(self.table, index, self.rows.clone()),
        };
        values.map(Some)
    }

    /// The values of a text column whose texts are all UUIDs, where the roll has them so; see [`Roll::read_uuids`].
    pub(crate) fn read_uuids(&self, column: &str) -> Result<Option<Uuids>> {
        match self.roll.field(self.table, column).filter(|_| self.picked.is_none()) {
            Some(index) => self.roll.read_uuids(self.table, index, self.rows.clone()),
            None => Ok(None),
        }
    }

    /// What tells items of one SKU apart.
    fn marks(&self) -> Result<Option<Column>> {
        let mut found: Option<Column> = None;
        let names = self.roll.fields(self.table).iter().map(|field| field.name.as_str());
        for name in names.filter(|name| is_mark(self.store, name)) {
            let Some(column) = self.read(name)? else { continue };
            // Files whose headers are not spelt alike may share a roll.
            found = Some(match found {
                Some(first) => first_of(&first, &column),
                None => column,
            });
        }
        Ok(found)
    }

    /// What `of` gives for what each row is sold as, where a SKU alone does not tell: it is asked once for each item.
    pub(crate) fn by_item<T: Copy>(&self, of: impl Fn(Option<ItemKey<'_>>) -> T) -> Result<Vec<T>> {
        let none = of(None);
        let Some(skus) = self.read(SKU)? else { return Ok(vec![none; self.len()]) };
        let marks = self.marks()?;
        let items = ItemCodes::new(self.store, &skus, marks.as_ref());
        let values: Vec<T> = items.keys.iter().map(|&key| of(Some(key))).collect();
        // NULL_CODE is no item's number.
        Ok(items.codes.iter().map(|&code| values.get(code as usize).copied().unwrap_or(none)).collect())
    }
}

/// Of each row the first text that is not blank.
fn first_of(one: &Column, other: &Column) -> Column {
    let has_text = |column: &Column, row| column.text(row).is_some_and(|text| !text.trim().is_empty());
    let (mut values, mut valid) = (Strings::default(), Vec::with_capacity(one.len()));
    for row in 0..one.len() {
        let from = if has_text(one, row) { one } else { other };
        valid.push(from.text(row).is_some());
        values.push(from.text(row).unwrap_or_default());
    }
    Column::Plain { values, nulls: Some(valid.into()) }
}

/// Rows that are tested together.
const FEW: usize = 64;

/// The chosen rows of a piece, counted from its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    All(usize),
    Some(Vec<u32>),
}

impl Chosen {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Some(rows) => rows.len(),
        }
    }

    /// The values of the chosen rows alone, of values of all.
    pub(crate) fn of<T: Copy + Default>(&self, mut values: Vec<T>) -> Vec<T> {
        match self {
            Self::All(rows) => {
                values.truncate(*rows);
                values
            }
            Self::Some(rows) => {
                let value = |&row: &u32| values.get(row as usize).copied().unwrap_or_default();
                rows.iter().map(value).collect()
            }
        }
    }

    /// How many rows of a range are chosen.
    pub(crate) fn within(&self, range: Range<usize>) -> usize {
        self.places(range).len()
    }

    /// Where the rows of a range stand among the chosen ones.
    pub(crate) fn places(&self, range: Range<usize>) -> Range<usize> {
        let before = |end: usize| match self {
            Self::All(rows) => end.min(*rows),
            Self::Some(rows) => rows.partition_point(|&row| (row as usize) < end),
        };
        before(range.start)..before(range.end)
    }

    /// Keeps the rows that pass a test.
    fn keep(&mut self, test: impl Fn(usize) -> bool) {
        match self {
            Self::All(rows) => {
                let kept: Vec<u32> =
                    (0..*rows).filter(|&row| test(row)).filter_map(|row| u32::try_from(row).ok()).collect();
                if kept.len() < *rows {
                    *self = Self::Some(kept);
                }
            }
            Self::Some(rows) => rows.retain(|&row| test(row as usize)),
        }
    }

    /// Keeps the rows whose value, of those of all rows, passes a test.
    fn keep_values<T>(&mut self, values: &[T], test: impl Fn(&T) -> bool) {
        match self {
            Self::All(rows) => {
                let mut kept = Vec::new();
                let values = values.get(..*rows).unwrap_or(values);
                // Mostly none or all of some rows that follow each other pass, and counting takes many of them at once.
                for (few, first) in values.chunks(FEW).zip((0..).step_by(FEW)) {
                    match few.iter().filter(|value| test(value)).count() {
                        0 => {}
                        all if all == few.len() => kept.extend((first..).take(all)),
                        _ => keep_some(few, first, &test, &mut kept),
                    }
                }
                if kept.len() < *rows {
                    *self = Self::Some(kept);
                }
            }
            Self::Some(rows) => rows.retain(|&row| values.get(row as usize).is_some_and(&test)),
        }
    }

    /// Whether all chosen rows pass a test.
    pub(crate) fn all(&self, mut test: impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::All(rows) => (0..*rows).all(test),
            Self::Some(rows) => rows.iter().all(|&row| test(row as usize)),
        }
    }

    /// At most the first `rows`.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::All(all) => *all = rows.min(*all),
            Self::Some(some) => some.truncate(rows),
        }
    }

    /// Keeps of the chosen rows those at these places among them, which ascend.
    pub(crate) fn keep_places(&mut self, places: impl Iterator<Item = usize>) {
        *self = Self::Some(match self {
            Self::All(_) => places.filter_map(|row| u32::try_from(row).ok()).collect(),
            Self::Some(rows) => places.filter_map(|place| rows.get(place).copied()).collect(),
        });
    }

    /// The rows from the first chosen one to the last, and the chosen ones as counted from there.
    pub(crate) fn trimmed(&self) -> (Range<usize>, Self) {
        match self {
            Self::All(rows) => (0..*rows, Self::All(*rows)),
            Self::Some(rows) => {
                let (first, last) = rows.first().zip(rows.last()).unwrap_or((&0, &0));
                let range = *first as usize..*last as usize + 1;
                let is_whole = rows.len() == range.len();
                let rows = || rows.iter().map(|row| row - first).collect();
                let chosen = if is_whole { Self::All(range.len()) } else { Self::Some(rows()) };
                (range, chosen)
            }
        }
    }

    /// Calls `f` with every chosen row.
    pub(crate) fn for_each(&self, mut f: impl FnMut(usize)) {
        match self {
            Self::All(rows) => (0..*rows).for_each(f),
            Self::Some(rows) => rows.iter().for_each(|&row| f(row as usize)),
        }
    }
}

/// Appends the places of those of a few values that pass, the first of which stands at `first`. Every place is written and
/// then counted or not: which ones pass is not to be guessed by the processor.
fn keep_some<T>(few: &[T], first: u32, test: impl Fn(&T) -> bool, kept: &mut Vec<u32>) {
    let (mut places, mut count) = ([0; FEW], 0);
    for (place, value) in (first..).zip(few) {
        if let Some(next) = places.get_mut(count) {
            *next = place;
        }
        count += usize::from(test(value));
    }
    kept.extend_from_slice(places.get(..count).unwrap_or_default());
}

/// Whether a report can hold chosen rows.
pub(crate) fn report_matches(filter: &Where, report: &Report) -> bool {
    series_matches(filter, report.key.account, report.key.kind)
        && period_matches(filter, Some(report.key.period))
}

/// Whether reports of an account and kind can.
pub(crate) fn series_matches(filter: &Where, account: u64, kind: Kind) -> bool {
    is_among(filter.accounts.as_ref(), &account)
        && is_among(filter.stores.as_ref(), &kind.store())
        && is_among(filter.kinds.as_ref(), &kind)
}

/// Whether a report of a period can; one of no period only where no period is asked for.
pub(crate) fn period_matches(filter: &Where, period: Option<Period>) -> bool {
    filter.periods.as_ref().is_none_or(|periods| period.is_some_and(|period| periods.contains(&period)))
}

fn is_among<T: PartialEq>(list: Option<&Vec<T>>, value: &T) -> bool {
    list.is_none_or(|list| list.contains(value))
}

/// The rows of the reports that a question is about, by account, kind, period, part and line.
pub(crate) fn ranges<'a>(
    manifest: &'a Manifest,
    filter: &Where,
) -> impl Iterator<Item = (&'a RowRange, &'a Arc<Report>)> {
    let matching = manifest.counting().filter(|report| report_matches(filter, report));
    matching.flat_map(|report| report.ranges.iter().map(move |range| (range, report)))
}

/// The pieces that a question is about as they lie in their rolls, where most of them follow each other.
pub(crate) fn pieces(manifest: &Manifest, filter: &Where) -> Result<Vec<Piece>> {
    let mut ranges: Vec<_> = ranges(manifest, filter).collect();
    ranges.sort_unstable_by_key(|(range, _)| (range.roll, range.first));
    let mut pieces = Pieces::new(manifest);
    ranges.iter().try_for_each(|(range, report)| pieces.push(range, report))?;
    Ok(pieces.list)
}

/// Pieces that grow as long as rows follow each other.
pub(crate) struct Pieces<'a> {
    manifest: &'a Manifest,
    pub(crate) list: Vec<Piece>,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(manifest: &'a Manifest) -> Self {
        Self { manifest, list: Vec::new() }
    }

    /// Adds rows of a report.
    pub(crate) fn push(&mut self, range: &RowRange, report: &Arc<Report>) -> Result<()> {
        let number = range.roll;
        let (roll, table) = match self.list.last().filter(|last| last.number == number) {
            Some(last) => (Arc::clone(&last.roll), last.table),
            None => open(self.manifest, number)?,
        };
        let end = range.first.saturating_add(range.count);
        if end > roll.rows(table) {
            let path = self.manifest.roll(number).map(|live| live.file.path()).unwrap_or_default();
            return Err(Error::corrupt(&path, format!("a report names rows up to {end}")));
        }
        for rows in split_at_blocks(range.first..end) {
            if self.list.last_mut().is_some_and(|last| last.join(number, &rows, report)) {
                continue;
            }
            let owners = vec![Owner { report: Arc::clone(report), first: 0 }];
            let (roll, store) = (Arc::clone(&roll), report.store());
            self.list.push(Piece { number, roll, table, store, rows, picked: None, owners });
        }
        Ok(())
    }
}

/// A roll that a report names, and its table of rows.
fn open(manifest: &Manifest, number: u32) -> Result<(Arc<Roll>, usize)> {
    let live = manifest.roll(number);
    let live = live.ok_or_else(|| Error::NotFound { what: format!("roll {number}") })?;
    let roll = live.open()?;
    let table = rows_table(&roll, live.file.path().as_path())?;
    Ok((roll, table))
}

/// The table of a roll that holds the rows.
pub(crate) fn rows_table(roll: &Roll, path: &std::path::Path) -> Result<usize> {
    roll.table(ROWS).ok_or_else(|| Error::corrupt(path, "the roll has no table of rows"))
}

pub(crate) fn split_at_blocks(rows: Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let mut first = rows.start;
    std::iter::from_fn(move || {
        let end = (first / BLOCK_ROWS + 1).saturating_mul(BLOCK_ROWS).min(rows.end);
        let piece = first..end;
        first = end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A filter made ready for the rolls of some pieces.
#[derive(Debug)]
pub(crate) struct RowFilter {
    by_roll: HashMap<(u32, StoreKind), RollFilter>,
}

/// The tests on the rows of one roll and store.
#[derive(Debug, Default)]
struct RollFilter {
    windows: Vec<Window>,
    texts: Vec<TextTest>,
}

/// A half-open range of integers in a column.
#[derive(Debug)]
struct Window {
    column: Option<usize>,
    from: i64,
    to: i64,
}

/// The texts that a column may have.
#[derive(Debug)]
struct TextTest {
    column: Option<usize>,
    /// Which codes of the roll's dictionary pass, by code and as a list.
    codes: Vec<bool>,
    passing: Vec<u32>,
    /// Whether a null does.
    null: bool,
    /// Whether a text of the dictionary does not tell by itself.
    by_item: bool,
    wanted: Wanted,
}

/// What a text must be, or stand for.
#[derive(Debug)]
enum Wanted {
    /// One of these; sorted, `None` passes nulls.
    Texts(Vec<Option<String>>),
    /// What one of these products is sold as; sorted, `None` passes what is of no product.
    Products { ids: Vec<Option<i64>>, products: Arc<Products>, store: StoreKind },
}

impl Wanted {
    /// What a filter asks of products, with their children where it says so: a test for those it names, and one for
    /// those of the groups it names.
    fn products(filter: &Where, products: &Arc<Products>, store: StoreKind) -> Vec<Self> {
        let listed = |ids: &Vec<Option<u64>>| Self::listed(ids.clone(), filter, products, store);
        let grouped = |ids: &Vec<Option<u64>>| {
            let members = ids.iter().flatten().flat_map(|&id| products.members(id)).map(|&id| Some(id));
            Self::listed(ids.iter().copied().chain(members).collect(), filter, products, store)
        };
        let tests = [filter.products.as_ref().map(listed), filter.product_groups.as_ref().map(grouped)];
        tests.into_iter().flatten().collect()
    }

    fn listed(wanted: Vec<Option<u64>>, filter: &Where, products: &Arc<Products>, store: StoreKind) -> Self {
        let children = |id: &Option<u64>| id.map_or(&[][..], |id| products.children(id)).iter().copied();
        let inapps = wanted.iter().filter(|_| filter.include_inapps).flat_map(children);
        let ids = wanted.iter().copied().chain(inapps.map(Some));
        // An id that does not fit is no product's and must not stand for rows without one.
        let mut ids: Vec<_> = ids.map(|id| id.map(|id| i64::try_from(id).unwrap_or(i64::MAX))).collect();
        ids.sort_unstable();
        Self::Products { ids, products: Arc::clone(products), store }
    }

    fn has(&self, text: Option<&str>) -> bool {
        match self {
            Self::Texts(texts) => texts.binary_search_by(|value| value.as_deref().cmp(&text)).is_ok(),
            Self::Products { .. } => self.has_item(text.map(ItemKey::alone)),
        }
    }

    /// Whether a text tells by itself that it is wanted.
    fn is_told(&self, text: &str) -> bool {
        match self {
            Self::Texts(_) => true,
            Self::Products { products, store, .. } => products.of_store(*store).sku_tells(text),
        }
    }

    fn has_item(&self, key: Option<ItemKey<'_>>) -> bool {
        match self {
            Self::Texts(_) => self.has(key.map(|key| key.sku)),
            Self::Products { ids, products, store } => {
                ids.binary_search(&products.of_store(*store).of(key)).is_ok()
            }
        }
    }
}

impl RowFilter {
    pub(crate) fn new<'a>(
        filter: &Where,
        pieces: impl IntoIterator<Item = &'a Piece>,
        products: &Arc<Products>,
    ) -> Result<Self> {
        let mut by_roll = HashMap::new();
        for piece in pieces {
            if let Entry::Vacant(entry) = by_roll.entry(piece.roll_and_store()) {
                let mut roll_filter = RollFilter::new(filter, &piece.roll, piece.table)?;
                for wanted in Wanted::products(filter, products, piece.store) {
                    roll_filter.texts.push(TextTest::new(&piece.roll, piece.table, SKU, wanted)?);
                }
                entry.insert(roll_filter);
            }
        }
        Ok(Self { by_roll })
    }

    /// Whether zone maps leave the piece a chance.
    pub(crate) fn may_match(&self, piece: &Piece) -> bool {
        let block = piece.rows.start / BLOCK_ROWS;
        self.by_roll.get(&piece.roll_and_store()).is_none_or(|filter| filter.may_match(piece, block))
    }

    /// The rows of a piece that pass every test.
    pub(crate) fn choose(&self, piece: &Piece) -> Result<Chosen> {
        let mut chosen = Chosen::All(piece.len());
        let Some(filter) = self.by_roll.get(&piece.roll_and_store()) else { return Ok(chosen) };
        for window in &filter.windows {
            if chosen.len() > 0 {
                window.apply(piece, &mut chosen)?;
            }
        }
        for test in &filter.texts {
            if chosen.len() > 0 {
                test.apply(piece, &mut chosen)?;
            }
        }
        Ok(chosen)
    }
}

impl RollFilter {
    fn new(filter: &Where, roll: &Roll, table: usize) -> Result<Self> {
        let (mut days, mut instants) = ((i64::MIN, i64::MAX), (i64::MIN, i64::MAX));
        match filter.start {
            Some(Edge::Day(day)) => days.0 = day,
            Some(Edge::Instant(instant)) => instants.0 = instant,
            None => {}
        }
        match filter.end {
            Some(Edge::Day(day)) => days.1 = day,
            Some(Edge::Instant(instant)) => instants.1 = instant,
            None => {}
        }
        let window = |name, (from, to)| Window { column: roll.field(table, name), from, to };
        let windows = [("date", days), ("time", instants)]
            .into_iter()
            .filter(|(_, range)| *range != (i64::MIN, i64::MAX))
            .map(|(name, range)| window(name, range))
            .collect();
        let texts = filter
            .texts
            .iter()
            .map(|(dimension, values)| {
                TextTest::new(roll, table, dimension.name(), Wanted::Texts(values.clone()))
            })
            .collect::<Result<_>>()?;
        Ok(Self { windows, texts })
    }

    fn may_match(&self, piece: &Piece, block: u32) -> bool {
        self.windows.iter().all(|window| {
            let zone = window.column.and_then(|column| piece.roll.zone(piece.table, column, block));
            zone.is_none_or(|zone| zone.min < window.to && zone.max >= window.from)
        }) && self.texts.iter().all(|test| test.may_match(piece, block))
    }
}

impl Window {
    fn apply(&self, piece: &Piece, chosen: &mut Chosen) -> Result<()> {
        let block = piece.rows.start / BLOCK_ROWS;
        let zone = self.column.and_then(|column| piece.roll.zone(piece.table, column, block));
        // Most blocks between the edges lie there wholly.
        if zone.is_some_and(|zone| zone.nulls == 0 && zone.min >= self.from && zone.max < self.to) {
            return Ok(());
        }
        let column = self.column.map(|column| piece.roll.read(piece.table, column, piece.rows.clone()));
        match column.transpose()? {
            Some(Column::Int { values, nulls: None }) => {
                chosen.keep_values(&values, |value| (self.from..self.to).contains(value));
            }
            Some(column) => {
                chosen.keep(|row| column.int(row).is_some_and(|value| (self.from..self.to).contains(&value)));
            }
            None => chosen.keep(|_| false),
        }
        Ok(())
    }
}

impl TextTest {
    fn new(roll: &Roll, table: usize, name: &str, wanted: Wanted) -> Result<Self> {
        let column = roll.field(table, name);
        let (mut codes, mut by_item) = (Vec::<bool>::new(), false);
        if let Some(column) = column {
            let dictionary = roll.dictionary(table, column)?;
            codes = dictionary.iter().map(|text| wanted.has(Some(text))).collect();
            by_item = !dictionary.iter().all(|text| wanted.is_told(text));
        }
        let passing = (0..).zip(&codes).filter(|(_, passes)| **passes).map(|(code, _)| code).collect();
        Ok(Self { column, null: wanted.has(None), codes, passing, by_item, wanted })
    }

    fn apply(&self, piece: &Piece, chosen: &mut Chosen) -> Result<()> {
        let null = self.null;
        if self.by_item {
            return self.apply_by_item(piece, chosen);
        }
        let column = self.column.map(|column| piece.roll.read(piece.table, column, piece.rows.clone()));
        match column.transpose()? {
            // NULL_CODE lies outside every dictionary, so that a null takes the default.
            Some(Column::Coded { codes, .. }) => match self.passing.as_slice() {
                &[only] if !null => chosen.keep_values(&codes, |&code| code == only),
                _ => {
                    let passes = |&code: &u32| self.codes.get(code as usize).copied().unwrap_or(null);
                    chosen.keep_values(&codes, passes);
                }
            },
            // What is in no dictionary was not asked whether it tells by itself.
            Some(_) if matches!(self.wanted, Wanted::Products { .. }) => self.apply_by_item(piece, chosen)?,
            Some(column) => chosen.keep(|row| self.wanted.has(column.text(row))),
            None => chosen.keep(|_| null),
        }
        Ok(())
    }

    /// Whether the bounds of the codes in a block leave it a row that passes.
    fn may_match(&self, piece: &Piece, block: u32) -> bool {
        let zone = self.column.and_then(|column| piece.roll.zone(piece.table, column, block));
        let Some(zone) = zone.filter(|_| !self.by_item) else { return true };
        let place = |code: i64| u32::try_from(code).ok();
        let bounds = place(zone.min).zip(place(zone.max)).filter(|(first, last)| first <= last);
        let has_value = |(first, last): (u32, u32)| {
            let next = self.passing.get(self.passing.partition_point(|&code| code < first));
            // Codes outside the dictionary are for the reader to complain of.
            next.is_some_and(|&code| code <= last) || last as usize >= self.codes.len()
        };
        bounds.is_some_and(has_value) || (zone.nulls > 0 && self.null)
    }

    fn apply_by_item(&self, piece: &Piece, chosen: &mut Chosen) -> Result<()> {
        let passes = piece.by_item(|key| self.wanted.has_item(key))?;
        chosen.keep(|row| passes.get(row) == Some(&true));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_blocks() {
        let cut = |rows| split_at_blocks(rows).collect::<Vec<_>>();
        assert_eq!(cut(0..0), []);
        assert_eq!(cut(5..9), vec![5..9]);
        assert_eq!(cut(65_530..131_080), [65_530..65_536, 65_536..131_072, 131_072..131_080]);
    }

    #[test]
    fn values_are_kept_by_many_and_one_by_one() {
        let values: Vec<usize> = (0..FEW * 3 + 6).collect();
        let rows = |range: Range<u32>| Chosen::Some(range.collect());
        let kept = |mut chosen: Chosen, test: fn(&usize) -> bool| {
            chosen.keep_values(&values, test);
            chosen
        };
        let all = || Chosen::All(values.len());
        assert_eq!(kept(all(), |_| true), all());
        assert_eq!(kept(all(), |_| false), rows(0..0));
        assert_eq!(kept(all(), |value| (64..130).contains(value)), rows(64..130));
        assert_eq!(kept(all(), |&value| value >= 192), rows(192..198));
        assert_eq!(kept(rows(10..20), |&value| value > 17), rows(18..20));
        assert_eq!(Chosen::Some(vec![1, 3]).of(vec!['a', 'b', 'c', 'd']), ['b', 'd']);
        assert_eq!(Chosen::All(2).of(vec!['a', 'b', 'c']), ['a', 'b']);
    }

    #[test]
    fn choosing_twice_keeps_what_passes_both() {
        let mut chosen = Chosen::All(10);
        chosen.keep(|_| true);
        assert_eq!(chosen, Chosen::All(10));
        chosen.keep(|row| row % 2 == 0);
        chosen.keep(|row| row > 3);
        assert_eq!(chosen, Chosen::Some(vec![4, 6, 8]));
        assert_eq!((chosen.within(0..4), chosen.within(4..8), chosen.within(5..100)), (0, 2, 2));
        assert_eq!(chosen.trimmed(), (4..9, Chosen::Some(vec![0, 2, 4])));
        chosen.keep_places([0, 2].into_iter());
        assert_eq!(chosen, Chosen::Some(vec![4, 8]));
        chosen.truncate(1);
        assert_eq!((&chosen, chosen.trimmed()), (&Chosen::Some(vec![4]), (4..5, Chosen::All(1))));
        assert_eq!(
            (Chosen::All(10).within(3..7), Chosen::All(5).within(3..7), Chosen::All(2).within(3..7)),
            (4, 2, 0)
        );
    }
}
