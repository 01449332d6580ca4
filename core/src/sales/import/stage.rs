//! The open roll of an import: rows are appended report by report, each report in one run of rows a roll.

use std::path::PathBuf;
use std::sync::Arc;

use crate::column::{Batch, Column, Field, Strings, Type};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::Reject;
use crate::roll::{BYTES_MAX, ROWS_MAX, TableSpec, Writer};
use crate::sales::Engine;
use crate::sales::manifest::{Manifest, Report, RowRange};
use crate::sales::rolls::Rolls;
use crate::sales::schema::{LOOKUP_COLUMN, REJECTS, ROWS};
use crate::sales::segment::{SegmentIdentity, SegmentMeta};
use crate::sales::totals::{Totals, TotalsBuilder};
use crate::store::Transaction;

const ROWS_TABLE: usize = 0;
const REJECTS_TABLE: usize = 1;

/// One member of a report file on its way into rolls.
#[derive(Debug, Default)]
pub(in crate::sales) struct Run {
    /// The import's number and the member's place in its file.
    pub(in crate::sales) sequence: u64,
    pub(in crate::sales) member: u32,
    pub(in crate::sales) ranges: Vec<RowRange>,
    pub(in crate::sales) reject_ranges: Vec<RowRange>,
    /// One for each of `ranges`.
    pub(in crate::sales) totals: Vec<Totals>,
    /// Where the run began in the open roll: the first row of each table.
    begun: Option<[u32; 2]>,
    part: u32,
    builder: TotalsBuilder,
}

impl Run {
    pub(in crate::sales) fn new(sequence: u64, member: u32) -> Self {
        Self { sequence, member, ..Self::default() }
    }
}

/// The rolls an import writes.
pub(in crate::sales) struct Stage {
    rolls: Arc<Rolls>,
    open: Option<Open>,
    /// Finished rolls whose reports are not committed yet.
    closed: Vec<u32>,
    /// Rolls that could not be finished: whatever lies in them is lost.
    lost: Vec<u32>,
    /// Every roll begun: none of them is removed as dropped before the import has ended.
    all: Vec<u32>,
    fields: Arc<[Field]>,
}

struct Open {
    number: u32,
    writer: Writer,
}

impl Stage {
    pub(in crate::sales) fn new(rolls: &Arc<Rolls>) -> Self {
        let fields =
            [("line", Type::Int), ("offset", Type::Int), ("reason", Type::Text), ("text", Type::Text)];
        let fields = fields.map(|(name, ty)| Field::new(name, ty));
        Self {
            rolls: Arc::clone(rolls),
            open: None,
            closed: Vec::new(),
            lost: Vec::new(),
            all: Vec::new(),
            fields: fields.into(),
        }
    }

    /// Hands over the finished rolls: they stay from now on.
    pub(in crate::sales) fn keep(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.closed)
    }

    /// Whether a roll is lost.
    pub(in crate::sales) fn is_lost(&self, roll: u32) -> bool {
        self.lost.contains(&roll)
    }

    /// Whether all rows of a report lie in finished rolls.
    pub(in crate::sales) fn has_finished(&self, report: &Report) -> bool {
        let open = self.open.as_ref().map(|open| open.number);
        report.ranges.iter().chain(&report.reject_ranges).all(|range| Some(range.roll) != open)
    }

    /// Commits what points to finished rolls, which are the stored reports' from then on. After a failure that leaves
    /// open whether the commit stands, the rolls stay: the next open sets aside those that no report names.
    pub(in crate::sales) fn commit<T>(
        &mut self,
        engine: &Engine,
        change: impl FnOnce(&mut Transaction<'_>, &Manifest) -> Result<T>,
    ) -> Result<T> {
        let committed = engine.commit(change);
        if committed.is_err() && engine.store.is_poisoned() {
            self.closed.clear();
        }
        let (value, manifest) = committed?;
        self.closed.retain(|&roll| !manifest.names(roll));
        Ok(value)
    }

    /// Appends rows and rejects of a run. Between a run's first append and its end no other run may append.
    /// Gives whether a roll was closed on the way.
    pub(in crate::sales) fn append(
        &mut self,
        run: &mut Run,
        rows: &Batch,
        totals: &Totals,
        rejects: &[Reject],
    ) -> Result<bool> {
        let full = self.open.as_ref().is_some_and(|open| {
            let more = u32::try_from(rows.rows).unwrap_or(u32::MAX);
            open.writer.rows(ROWS_TABLE).saturating_add(more) > ROWS_MAX || open.writer.bytes() >= BYTES_MAX
        });
        if full {
            self.interrupt(run)?;
            self.close()?;
        }
        let result = self.append_to_open(run, rows, totals, rejects);
        // What a rule refuses was not appended; anything else leaves the roll in an unknown state.
        if result.as_ref().is_err_and(|error| error.kind() != ErrorKind::Validation) {
            self.lose_open();
        }
        result.map(|()| full)
    }

    fn append_to_open(
        &mut self,
        run: &mut Run,
        rows: &Batch,
        totals: &Totals,
        rejects: &[Reject],
    ) -> Result<()> {
        let rejects = self.reject_batch(rejects);
        let open = self.open()?;
        run.begun.get_or_insert([open.writer.rows(ROWS_TABLE), open.writer.rows(REJECTS_TABLE)]);
        if rows.rows > 0 {
            open.writer.append(ROWS_TABLE, rows)?;
        }
        if rejects.rows > 0 {
            open.writer.append(REJECTS_TABLE, &rejects)?;
        }
        run.builder.add_totals(totals);
        Ok(())
    }

    /// Ends a run: the roll now says whose rows these are.
    pub(in crate::sales) fn end(&mut self, run: &mut Run, identity: SegmentIdentity) -> Result<()> {
        self.segment(run, Some(identity))
    }

    /// Ends the part of a run in this roll; it goes on in the next.
    fn interrupt(&mut self, run: &mut Run) -> Result<()> {
        self.segment(run, None)
    }

    fn segment(&mut self, run: &mut Run, identity: Option<SegmentIdentity>) -> Result<()> {
        let (Some(open), Some([row, reject])) = (&mut self.open, run.begun.take()) else { return Ok(()) };
        let ranges = [row..open.writer.rows(ROWS_TABLE), reject..open.writer.rows(REJECTS_TABLE)];
        let totals = run.builder.take();
        let (sequence, member, part) = (run.sequence, run.member, run.part);
        let meta = SegmentMeta { sequence, member, part, totals: totals.clone(), identity };
        open.writer.segment(ranges.to_vec(), meta.encode()?);
        let [rows, rejects] = ranges.map(|range| RowRange {
            roll: open.number,
            first: range.start,
            count: range.end - range.start,
        });
        run.part += 1;
        if rows.count > 0 {
            run.ranges.push(rows);
            run.totals.push(totals);
        }
        if rejects.count > 0 {
            run.reject_ranges.push(rejects);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<&mut Open> {
        if self.open.is_none() {
            let number = self.rolls.allocate();
            self.all.push(number);
            let rows = TableSpec { name: ROWS.to_owned(), indexed: Some(LOOKUP_COLUMN.to_owned()) };
            let rejects = TableSpec { name: REJECTS.to_owned(), indexed: None };
            let path = self.rolls.unfinished_path(number);
            let writer = Writer::create(Arc::clone(self.rolls.disk()), &path, vec![rows, rejects])?;
            self.open = Some(Open { number, writer });
        }
        self.open.as_mut().ok_or(Error::Cancelled)
    }

    /// Finishes the open roll and puts it in place, durably.
    pub(in crate::sales) fn close(&mut self) -> Result<()> {
        let Some(Open { number, writer }) = self.open.take() else { return Ok(()) };
        match self.put_in_place(number, writer) {
            Ok(()) => {
                self.closed.push(number);
                Ok(())
            }
            Err(error) => {
                self.lost.push(number);
                Err(error)
            }
        }
    }

    fn put_in_place(&self, number: u32, writer: Writer) -> Result<()> {
        writer.finish()?;
        let (from, to) = (self.rolls.unfinished_path(number), self.rolls.path(number));
        let disk = self.rolls.disk();
        disk.rename(&from, &to).map_err(Error::io("rename", &from))?;
        disk.sync_dir(self.rolls.dir()).map_err(Error::io("sync", self.rolls.dir()))
    }

    fn lose_open(&mut self) {
        self.lost.extend(self.open.take().map(|open| open.number));
    }

    fn reject_batch(&self, rejects: &[Reject]) -> Batch {
        let int = |value: fn(&Reject) -> u64| Column::Int {
            values: rejects.iter().map(|reject| i64::try_from(value(reject)).unwrap_or(i64::MAX)).collect(),
            nulls: None,
        };
        let text = |value: fn(&Reject) -> &str| Column::Plain {
            values: rejects.iter().map(value).collect::<Strings>(),
            nulls: None,
        };
        let columns = vec![
            int(|reject| reject.line),
            int(|reject| reject.offset),
            text(|reject| &reject.reason),
            text(|reject| &reject.text),
        ];
        Batch { rows: rejects.len(), fields: Arc::clone(&self.fields), columns }
    }
}

impl Drop for Stage {
    /// Rolls that were finished but not committed belong to nobody.
    fn drop(&mut self) {
        drop(self.open.take());
        let paths: Vec<PathBuf> = self.closed.iter().map(|&number| self.rolls.path(number)).collect();
        self.all.iter().for_each(|&number| self.rolls.release(number));
        if self.rolls.is_retired() {
            return;
        }
        for path in paths {
            if let Err(error) = self.rolls.disk().remove(&path) {
                tracing::warn!(%error, path = %path.display(), "an unused roll could not be removed");
            }
        }
    }
}
