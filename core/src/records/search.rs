//! Full text search in memory: which records hold words that begin with these, best first. Knows no products: a record
//! is a number, two texts (the first weighs more) and marks as bits.
//!
//! A record matches where every word of the term begins a word of one of its texts; a run of a script without blanks
//! (see `words.rs`) matches where it stands anywhere. The [`Rank`] orders what matches; equals go by number.
//!
//! The index maps each word, and each pair of neighbours of a run, to its places: slot of the record, text, and whether
//! the text begins there. A question adds up bits per slot, one pass over all slots a word, and sorts only the ranks that
//! lie on the page: its time does not depend on how many match.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range};

use super::words::{fold, is_unspaced};

/// How well a record matches, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Rank {
    /// The first text is the term, word by word.
    Exact,
    /// The first text begins with the term.
    Begins,
    /// Every word of the term is a word of the first text.
    WholeFirst,
    /// Every word of the term is a word of the second text.
    WholeSecond,
    /// Every word of the term is a word of one of the texts.
    Whole,
    /// Every word of the term begins a word of the first text.
    PrefixFirst,
    /// Every word of the term begins a word of the second text.
    PrefixSecond,
    /// Every word of the term begins a word of one of the texts.
    Prefix,
}

const RANKS: [Rank; 8] = [
    Rank::Exact,
    Rank::Begins,
    Rank::WholeFirst,
    Rank::WholeSecond,
    Rank::Whole,
    Rank::PrefixFirst,
    Rank::PrefixSecond,
    Rank::Prefix,
];

/// What is asked for: the words of a text, in both texts of the records or in one alone. Within one alone that one ranks
/// as the first.
#[derive(Debug, Clone)]
pub(super) struct Term {
    folded: String,
    words: Vec<String>,
    only: Option<usize>,
}

// Bits of a slot while a question is answered. What holds for a text is 4 bits further for the second.
const PREFIX: u8 = 1;
const WHOLE: u8 = 2;
/// The text begins there; only for the text that ranks first.
const LEADS: u8 = 4;
const SECOND: u32 = 4;
/// The word is in either text: what words that are spread over both have in common.
const ANY_PREFIX: u8 = 8;
const ANY_WHOLE: u8 = 0x80;

impl Term {
    /// The term of a text; `None` where it has no word.
    pub(super) fn new(text: &str, only: Option<usize>) -> Option<Self> {
        let folded = fold(text);
        let mut words: Vec<String> = Vec::new();
        for word in folded.split(' ').filter(|word| !word.is_empty()) {
            if words.iter().all(|known| known != word) {
                words.push(word.to_owned());
            }
        }
        (!words.is_empty()).then_some(Self { folded, words, only })
    }

    /// The text that ranks first.
    fn first(&self) -> usize {
        self.only.unwrap_or(0)
    }

    fn asks(&self, text: usize) -> bool {
        self.only.is_none_or(|only| only == text)
    }

    /// How two texts match, without an index.
    pub(super) fn rank(&self, texts: [&str; 2]) -> Option<Rank> {
        let folded = texts.map(fold);
        let mut bits = u8::MAX;
        for word in &self.words {
            let mut own = LEADS;
            for (text, folded) in (0..).zip(&folded).filter(|(text, _)| self.asks(*text)) {
                own |= word_bits(word, folded) << shift(text);
            }
            bits &= with_any(own);
        }
        let first = folded.get(self.first()).map_or("", String::as_str);
        self.rank_of(bits, first)
    }

    fn rank_of(&self, bits: u8, first: &str) -> Option<Rank> {
        if bits & ANY_PREFIX == 0 {
            return None;
        }
        let [own, other] = [self.first(), 1 - self.first()].map(shift);
        if bits & LEADS != 0 && bits & (PREFIX << own) != 0 {
            if bits & (WHOLE << own) != 0 && first == self.folded {
                return Some(Rank::Exact);
            }
            if first.starts_with(&self.folded) {
                return Some(Rank::Begins);
            }
        }
        Some(match bits {
            _ if bits & (WHOLE << own) != 0 => Rank::WholeFirst,
            _ if bits & (WHOLE << other) != 0 => Rank::WholeSecond,
            _ if bits & ANY_WHOLE != 0 => Rank::Whole,
            _ if bits & (PREFIX << own) != 0 => Rank::PrefixFirst,
            _ if bits & (PREFIX << other) != 0 => Rank::PrefixSecond,
            _ => Rank::Prefix,
        })
    }
}

const fn shift(text: usize) -> u32 {
    if text == 0 { 0 } else { SECOND }
}

fn with_any(bits: u8) -> u8 {
    let both = bits | bits >> SECOND;
    let any = |bit: u8, to: u8| if both & bit != 0 { to } else { 0 };
    (bits & !(ANY_PREFIX | ANY_WHOLE)) | any(PREFIX, ANY_PREFIX) | any(WHOLE, ANY_WHOLE)
}

/// How a word of a term stands in a folded text. In scripts without blanks any place is that of a whole word.
fn word_bits(word: &str, folded: &str) -> u8 {
    if word.starts_with(is_unspaced) {
        return if folded.contains(word) { PREFIX | WHOLE } else { 0 };
    }
    folded.split(' ').fold(0, |bits, other| match other.strip_prefix(word) {
        Some("") => bits | PREFIX | WHOLE,
        Some(_) => bits | PREFIX,
        None => bits,
    })
}

/// What a question found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The records of the page, best first.
    pub ids: Vec<u64>,
    /// How many match altogether.
    pub count: u64,
}

/// The words of many records.
#[derive(Debug, Default)]
pub(super) struct SearchIndex {
    words: BTreeMap<Box<str>, Vec<Place>>,
    slots: HashMap<u64, usize>,
    free: Vec<usize>,
    // By slot.
    ids: Vec<u64>,
    marks: Vec<u32>,
    texts: Vec<[Box<str>; 2]>,
}

/// Where a word stands: slot, text and whether the text begins there, in one number that sorts so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(usize);

impl Place {
    fn new(slot: usize, text: usize, leads: bool) -> Self {
        Self(slot << 2 | (text & 1) << 1 | usize::from(leads))
    }

    fn slot(self) -> usize {
        self.0 >> 2
    }

    fn text(self) -> usize {
        self.0 >> 1 & 1
    }

    fn leads(self) -> bool {
        self.0 & 1 != 0
    }
}

impl SearchIndex {
    /// Puts a record, in place of what stood under its number.
    pub(super) fn put(&mut self, id: u64, texts: [&str; 2], marks: u32) {
        let texts = texts.map(|text| fold(text).into_boxed_str());
        let slot = match self.slots.get(&id) {
            Some(&slot) if self.texts.get(slot) == Some(&texts) => return self.set(slot, id, marks, texts),
            Some(&slot) => {
                self.forget_places(slot);
                slot
            }
            None => self.free.pop().unwrap_or(self.ids.len()),
        };
        self.slots.insert(id, slot);
        for (text, folded) in texts.iter().enumerate() {
            for (token, leads) in tokens(folded) {
                let place = Place::new(slot, text, leads);
                match self.words.get_mut(token) {
                    Some(places) => insert(places, place),
                    None => {
                        self.words.insert(token.into(), vec![place]);
                    }
                }
            }
        }
        self.set(slot, id, marks, texts);
    }

    /// Forgets a record; one that is not there is fine.
    pub(super) fn remove(&mut self, id: u64) {
        if let Some(slot) = self.slots.remove(&id) {
            self.forget_places(slot);
            self.set(slot, 0, 0, Default::default());
            self.free.push(slot);
        }
    }

    fn set(&mut self, slot: usize, id: u64, marks: u32, texts: [Box<str>; 2]) {
        if slot >= self.ids.len() {
            self.ids.resize(slot + 1, 0);
            self.marks.resize(slot + 1, 0);
            self.texts.resize(slot + 1, Default::default());
        }
        if let (Some(old_id), Some(old_marks), Some(old_texts)) =
            (self.ids.get_mut(slot), self.marks.get_mut(slot), self.texts.get_mut(slot))
        {
            (*old_id, *old_marks, *old_texts) = (id, marks, texts);
        }
    }

    fn forget_places(&mut self, slot: usize) {
        let Some(texts) = self.texts.get_mut(slot).map(std::mem::take) else { return };
        for (text, folded) in texts.iter().enumerate() {
            for (token, leads) in tokens(folded) {
                let Some(places) = self.words.get_mut(token) else { continue };
                if let Ok(at) = places.binary_search(&Place::new(slot, text, leads)) {
                    places.remove(at);
                }
                if places.is_empty() {
                    self.words.remove(token);
                }
            }
        }
    }

    /// The records that match and have one of the marks, best first: those in `page`, and how many there are.
    pub(super) fn find(&self, term: &Term, marks: u32, page: Range<u64>) -> Found {
        let mut bits = vec![u8::MAX; self.ids.len()];
        for (number, word) in term.words.iter().enumerate() {
            let mut own = self.word_bits(term, word);
            // Only the first word says whether the text begins with the term.
            let lead = if number == 0 { 0 } else { LEADS };
            own.iter_mut().for_each(|own| *own = with_any(*own | lead));
            and(&mut bits, &own);
        }
        let mut counts = [0_u64; RANKS.len()];
        for (slot, bits) in bits.iter_mut().enumerate() {
            let rank = self.rank(term, slot, *bits, marks);
            *bits = rank.map_or(u8::MAX, |rank| rank as u8);
            if let Some(count) = counts.get_mut(usize::from(*bits)) {
                *count += 1;
            }
        }
        Found { ids: self.on_page(&bits, &counts, page), count: counts.iter().sum() }
    }

    fn rank(&self, term: &Term, slot: usize, bits: u8, marks: u32) -> Option<Rank> {
        if bits & ANY_PREFIX == 0 || self.marks.get(slot).is_none_or(|own| own & marks == 0) {
            return None;
        }
        let whole = bits & (WHOLE << shift(term.first())) != 0;
        // What begins with the only word of the term begins with the term: the text need not be looked at.
        let is_one_word = term.words.first() == Some(&term.folded);
        if is_one_word && !whole && bits & LEADS != 0 {
            return Some(Rank::Begins);
        }
        term.rank_of(bits, self.text(slot, term.first()))
    }

    fn text(&self, slot: usize, text: usize) -> &str {
        self.texts.get(slot).and_then(|texts| texts.get(text)).map_or("", |text| text)
    }

    /// For every slot how one word of the term stands in its texts.
    fn word_bits(&self, term: &Term, word: &str) -> Vec<u8> {
        let mut bits = vec![0; self.ids.len()];
        if !word.starts_with(is_unspaced) {
            self.note(term, word, None, &mut bits);
            return bits;
        }
        for (number, (token, _)) in tokens(word).enumerate() {
            let single = token.chars().nth(1).is_none();
            match number {
                0 => self.note(term, token, Some(WHOLE), &mut bits),
                // The last letter alone stands in the pair before it.
                _ if single => {}
                _ => {
                    let mut pair = vec![LEADS; self.ids.len()];
                    self.note(term, token, Some(WHOLE), &mut pair);
                    and(&mut bits, &pair);
                }
            }
        }
        if word.chars().nth(2).is_some() {
            self.verify_run(term, word, &mut bits);
        }
        bits
    }

    /// All pairs of a run may stand in a text, and the run not; and a text may begin with the first pair alone.
    fn verify_run(&self, term: &Term, run: &str, bits: &mut [u8]) {
        for (slot, bits) in bits.iter_mut().enumerate() {
            for text in 0..2 {
                let found = (PREFIX | WHOLE) << shift(text);
                if *bits & found != 0 && !self.text(slot, text).contains(run) {
                    *bits &= !found;
                }
            }
            if *bits & LEADS != 0 && !self.text(slot, term.first()).starts_with(run) {
                *bits &= !LEADS;
            }
        }
    }

    /// Adds the bits of all words that begin with this; `always` are added for each of them.
    fn note(&self, term: &Term, beginning: &str, always: Option<u8>, bits: &mut [u8]) {
        let from = (Bound::Included(beginning), Bound::Unbounded);
        for (word, places) in self.words.range::<str, _>(from) {
            let Some(rest) = word.strip_prefix(beginning) else { break };
            let whole = if rest.is_empty() { WHOLE } else { always.unwrap_or(0) };
            for place in places.iter().filter(|place| term.asks(place.text())) {
                let leads = place.leads() && place.text() == term.first();
                let own = (PREFIX | whole) << shift(place.text()) | if leads { LEADS } else { 0 };
                if let Some(bits) = bits.get_mut(place.slot()) {
                    *bits |= own;
                }
            }
        }
    }

    /// The numbers on a page: only ranks that reach into it are gathered and sorted.
    fn on_page(&self, ranks: &[u8], counts: &[u64], page: Range<u64>) -> Vec<u64> {
        let (mut ids, mut before) = (Vec::new(), 0);
        for (rank, &count) in (0_u8..).zip(counts) {
            let range = before..before + count;
            before = range.end;
            let [from, to] =
                [page.start, page.end].map(|place| place.clamp(range.start, range.end) - range.start);
            if from >= to {
                continue;
            }
            let mut own: Vec<u64> =
                ranks.iter().zip(&self.ids).filter(|(other, _)| **other == rank).map(|(_, id)| *id).collect();
            own.sort_unstable();
            let [from, to] = [from, to].map(|place| usize::try_from(place).unwrap_or(usize::MAX));
            ids.extend_from_slice(own.get(from..to).unwrap_or_default());
        }
        ids
    }
}

fn insert(places: &mut Vec<Place>, place: Place) {
    match places.last() {
        // Records mostly come in order.
        Some(last) if *last < place => places.push(place),
        None => places.push(place),
        _ => {
            if let Err(at) = places.binary_search(&place) {
                places.insert(at, place);
            }
        }
    }
}

fn and(bits: &mut [u8], own: &[u8]) {
    bits.iter_mut().zip(own).for_each(|(bits, own)| *bits &= own);
}

/// What a folded text is indexed by, each with whether the text begins with it: its words, and of a run each letter with
/// the one behind it.
fn tokens(folded: &str) -> impl Iterator<Item = (&str, bool)> {
    let words = folded.split(' ').filter(|word| !word.is_empty()).enumerate();
    words.flat_map(|(number, word)| {
        let unspaced = word.starts_with(is_unspaced);
        let count = if unspaced { word.chars().count() } else { 1 };
        word.char_indices().take(count).enumerate().map(move |(letter, (start, _))| {
            let rest = word.get(start..).unwrap_or_default();
            let end = rest.char_indices().nth(2).filter(|_| unspaced).map_or(rest.len(), |(end, _)| end);
            (rest.get(..end).unwrap_or_default(), number == 0 && letter == 0)
        })
    })
}

#[cfg(test)]
#[path = "search_test.rs"]
mod test;
