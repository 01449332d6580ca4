//! Records and fields of delimited text: RFC 4180 quoting for CSV, none at all for tab-separated files.
//!
//! A quote opens a quoted field only where a field begins; elsewhere it is data. Text behind a closing quote belongs
//! to the field. Records end at `\n`, and one `\r` before it is dropped; a lone `\r` is data. Empty lines are no
//! records.
//!
//! Two readers walk the same grammar: [`Splitter`] takes records apart, [`last_record_end`] finds where a buffer can
//! be cut. They must agree on what opens a quoted field, or a chunk would begin in the middle of a record.

use memchr::{memchr, memchr_iter, memrchr};

use super::marks::Marks;

/// How a text is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The byte between fields.
    pub delimiter: u8,
    /// Whether `"` quotes; without it a `"` is data.
    pub quotes: bool,
}

impl Dialect {
    /// Comma-separated with quotes.
    pub(crate) const CSV: Self = Self { delimiter: b',', quotes: true };
    /// Tab-separated without quotes.
    pub(crate) const TSV: Self = Self { delimiter: b'\t', quotes: false };

    /// The third byte to stop at; the delimiter again where nothing quotes.
    fn quote(self) -> u8 {
        if self.quotes { b'"' } else { self.delimiter }
    }
}

/// Where a field's bytes stand.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Whether they stand in the record's scratch, because quotes had to be taken out, and not in the text.
    rewritten: bool,
}

/// One record of a text, reused from record to record.
#[derive(Debug, Default)]
pub(crate) struct Record {
    spans: Vec<Span>,
    scratch: Vec<u8>,
    /// Where the record begins and where its last field ends, without the line end.
    pub start: usize,
    pub end: usize,
    /// Line ends inside quoted fields.
    pub inner_lines: u64,
    /// Whether a quoted field runs to the end of the text.
    pub unclosed: bool,
}

impl Record {
    fn clear(&mut self, start: usize) {
        self.spans.clear();
        self.scratch.clear();
        self.start = start;
        self.inner_lines = 0;
        self.unclosed = false;
    }

    fn push(&mut self, start: usize, end: usize) {
        self.spans.push(Span { start, end, rewritten: false });
    }

    /// The number of fields.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether this is an empty line.
    pub(crate) fn is_empty_line(&self) -> bool {
        self.start == self.end
    }

    /// The bytes of a field; `None` past the last.
    pub(crate) fn field<'a>(&'a self, text: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let span = self.spans.get(index)?;
        let source = if span.rewritten { &self.scratch } else { text };
        source.get(span.start..span.end)
    }

    /// The record with `…` in place of the text of some fields, of a header of so many columns. Where there is any, the
    /// other fields stand without their quotes. A record of another number of fields may have them in other places: of
    /// that nothing is shown from the first place on where one of them may stand.
    pub(crate) fn text_without(
        &self,
        text: &[u8],
        withheld: &[usize],
        (delimiter, width): (u8, usize),
    ) -> Vec<u8> {
        let first =
            withheld.iter().min().map(|&first| first.saturating_sub(width.saturating_sub(self.len())));
        let in_place = |place: usize| match first {
            Some(first) if self.len() != width => place >= first,
            _ => withheld.contains(&place),
        };
        let is_withheld = |place: usize| in_place(place) && self.field(text, place) != Some(b"");
        if !(0..self.len()).any(is_withheld) {
            return self.text(text).to_vec();
        }
        let mut out = Vec::with_capacity(self.end - self.start);
        for place in 0..self.len() {
            if place > 0 {
                out.push(delimiter);
            }
            match is_withheld(place) {
                true => out.extend_from_slice("…".as_bytes()),
                false => out.extend_from_slice(self.field(text, place).unwrap_or_default()),
            }
        }
        out
    }

    /// The record as it stands in the text.
    pub(crate) fn text<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Takes a text that begins at a record apart.
pub(crate) struct Splitter<'t> {
    text: &'t [u8],
    dialect: Dialect,
    at: usize,
    /// Delimiters, line ends and quotes.
    marks: Marks<'t>,
}

impl<'t> Splitter<'t> {
    pub(crate) fn new(text: &'t [u8], dialect: Dialect) -> Self {
        let marks = Marks::new(text, [dialect.delimiter, b'\n', dialect.quote()]);
        Self { text, dialect, at: 0, marks }
    }

    /// Where the next record begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads the next record; false at the end of the text.
    pub(crate) fn next(&mut self, record: &mut Record) -> bool {
        record.clear(self.at);
        if self.at >= self.text.len() {
            return false;
        }
        let mut field = self.at;
        while let Some(hit) = self.marks.next() {
            match self.text.get(hit) {
                Some(b'\n') => {
                    let end = self.without_return(field, hit);
                    record.push(field, end);
                    return self.end_record(record, end, hit + 1);
                }
                Some(&byte) if byte == self.dialect.delimiter => {
                    record.push(field, hit);
                    field = hit + 1;
                }
                // A quote; one inside an unquoted field is data.
                _ if hit == field => match self.quoted(record, hit) {
                    Some(next) => field = next,
                    None => return true,
                },
                _ => {}
            }
        }
        let end = self.without_return(field, self.text.len());
        record.push(field, end);
        self.end_record(record, end, self.text.len())
    }

    fn end_record(&mut self, record: &mut Record, end: usize, next: usize) -> bool {
        record.end = end;
        self.at = next;
        true
    }

    /// `end` without a `\r` before it.
    fn without_return(&self, start: usize, end: usize) -> usize {
        let line_end = end < self.text.len();
        if line_end && end > start && self.text.get(end - 1) == Some(&b'\r') { end - 1 } else { end }
    }

    /// Reads a quoted field whose quote stands at `open`. Gives where the next field begins, or `None` after the
    /// record's last field.
    fn quoted(&mut self, record: &mut Record, open: usize) -> Option<usize> {
        let (close, doubled) = self.close(record);
        let end = close.unwrap_or(self.text.len());
        let inside = self.text.get(open + 1..end).unwrap_or_default();
        record.unclosed |= close.is_none();
        let behind = (end + 1).min(self.text.len());
        let stop = self.field_end();
        let tail_end = match self.text.get(stop) {
            Some(b'\n') => self.without_return(behind, stop),
            _ => stop,
        };
        if doubled || tail_end > behind {
            let start = record.scratch.len();
            unquote(inside, &mut record.scratch);
            record.scratch.extend_from_slice(self.text.get(behind..tail_end).unwrap_or_default());
            record.spans.push(Span { start, end: record.scratch.len(), rewritten: true });
        } else {
            record.push(open + 1, end);
        }
        if self.text.get(stop) == Some(&self.dialect.delimiter) {
            return Some(stop + 1);
        }
        self.end_record(record, tail_end, (stop + 1).min(self.text.len()));
        None
    }

    /// Where the quote stands that closes the field that was opened, and whether doubled quotes came before it.
    fn close(&mut self, record: &mut Record) -> (Option<usize>, bool) {
        let mut doubled = false;
        while let Some(mark) = self.marks.next() {
            match self.text.get(mark) {
                Some(b'\n') => record.inner_lines += 1,
                Some(b'"') if self.text.get(mark + 1) == Some(&b'"') => {
                    self.marks.next();
                    doubled = true;
                }
                Some(b'"') => return (Some(mark), doubled),
                _ => {}
            }
        }
        (None, doubled)
    }

    /// Where the text behind a closing quote ends.
    fn field_end(&mut self) -> usize {
        while let Some(mark) = self.marks.next() {
            if self.text.get(mark) != Some(&b'"') {
                return mark;
            }
        }
        self.text.len()
    }
}

/// Where the quote that closes a field stands, and whether doubled quotes came before it.
fn closing_quote(text: &[u8], mut from: usize) -> (Option<usize>, bool) {
    let mut doubled = false;
    while let Some(at) = text.get(from..).and_then(|rest| memchr(b'"', rest)) {
        if text.get(from + at + 1) != Some(&b'"') {
            return (Some(from + at), doubled);
        }
        doubled = true;
        from += at + 2;
    }
    (None, doubled)
}

/// Copies the inside of a quoted field, each doubled quote once.
fn unquote(mut inside: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr(b'"', inside) {
        out.extend_from_slice(inside.get(..=at).unwrap_or_default());
        inside = inside.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(inside);
}

/// Where the last whole record of a text that begins at a record ends, behind its line end. `None` where no record is
/// whole. Only quotes are looked at one by one, so it runs at the speed of memory.
pub(crate) fn last_record_end(text: &[u8], dialect: Dialect) -> Option<usize> {
    let (mut last, mut from) = (None, 0);
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let open = if dialect.quotes { opening_quote(text, from, dialect.delimiter) } else { None };
        let outside = open.map_or(rest, |open| text.get(from..open).unwrap_or_default());
        if let Some(at) = memrchr(b'\n', outside) {
            last = Some(from + at + 1);
        }
        match open.map(|open| closing_quote(text, open + 1)) {
            Some((Some(close), _)) => from = close + 1,
            // In a quoted field that is still open, or past the last quote.
            Some((None, _)) | None => return last,
        }
    }
}

/// The next quote at or behind `from` that begins a field.
fn opening_quote(text: &[u8], from: usize, delimiter: u8) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr_iter(b'"', rest).map(|at| from + at).find(|&at| {
        match at.checked_sub(1).and_then(|at| text.get(at)) {
            None => true,
            Some(&before) => at > from && (before == delimiter || before == b'\n'),
        }
    })
}
