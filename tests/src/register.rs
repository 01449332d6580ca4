//! Whether what threads wrote to one value and read of it could have happened one after another, each operation at some
//! instant between its begin and its end (linearizability), by the zones of Gibbons and Korach ("Testing shared
//! memories", 1997): where every write writes another value, that is decided by sorting.
//!
//! All that is known of a value is when its write and the reads that gave it began and ended. It must have stood from the
//! first end to the last begin, where that is later (its zone points forward), and may have been passed in an instant
//! between the last begin and the first end otherwise (its zone points back). Two forward zones must not overlap, and no
//! forward zone may enclose a backward one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives each begin and end a number of its own, in the order in which they happened.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// The next number.
    pub fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Does something, and gives when it began and ended.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> (T, u64, u64) {
        let begin = self.tick();
        let done = work();
        (done, begin, self.tick())
    }
}

/// A write that was acknowledged, or a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Whether it wrote.
    pub wrote: bool,
    /// What was written or read.
    pub value: u64,
    /// When it began.
    pub begin: u64,
    /// When it ended.
    pub end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Zone {
    value: u64,
    /// The write's begin; nothing where no write is known.
    written: Option<u64>,
    first_end: u64,
    last_begin: u64,
}

/// Says what could not have happened. `initial` stood before the first event; every write writes another value.
///
/// # Errors
/// A value that was read and never written, written twice, read before it was written, or seen out of order.
pub fn check(initial: u64, events: &[Event]) -> Result<(), String> {
    let first = Event { wrote: true, value: initial, begin: 0, end: 0 };
    let mut zones = BTreeMap::<u64, Zone>::new();
    for event in events.iter().chain([&first]) {
        let zone = zones.entry(event.value).or_insert(Zone {
            value: event.value,
            written: None,
            first_end: u64::MAX,
            last_begin: 0,
        });
        if event.wrote && zone.written.replace(event.begin).is_some() {
            return Err(format!("{} was written twice", event.value));
        }
        zone.first_end = zone.first_end.min(event.end);
        zone.last_begin = zone.last_begin.max(event.begin);
    }
    for zone in zones.values() {
        match zone.written {
            None => return Err(format!("{} was read and never written", zone.value)),
            Some(begin) if zone.first_end < begin => {
                return Err(format!("{} was read before it was written", zone.value));
            }
            Some(_) => {}
        }
    }
    in_order(zones.into_values().collect())
}

fn in_order(zones: Vec<Zone>) -> Result<(), String> {
    let (mut forward, backward): (Vec<_>, Vec<_>) =
        zones.into_iter().partition(|zone| zone.first_end < zone.last_begin);
    forward.sort_by_key(|zone| zone.first_end);
    for pair in forward.windows(2) {
        if pair[1].first_end < pair[0].last_begin {
            return Err(format!("{} and {} were seen in turns: {pair:?}", pair[0].value, pair[1].value));
        }
    }
    for inner in backward {
        let place = forward.partition_point(|zone| zone.first_end < inner.last_begin);
        let outer = place.checked_sub(1).map(|place| forward[place]);
        if let Some(outer) = outer.filter(|outer| inner.first_end < outer.last_begin) {
            return Err(format!(
                "{} was written while {} stood: {inner:?} {outer:?}",
                inner.value, outer.value
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn write(value: u64, begin: u64, end: u64) -> Event {
        Event { wrote: true, value, begin, end }
    }

    fn read(value: u64, begin: u64, end: u64) -> Event {
        Event { wrote: false, value, begin, end }
    }

    #[test]
    fn one_after_another() {
        check(0, &[read(0, 1, 2), write(5, 3, 4), read(5, 5, 6)]).unwrap();
        let concurrent = [write(5, 1, 10), read(0, 2, 3), read(5, 4, 5), write(6, 4, 9), read(6, 11, 12)];
        check(0, &concurrent).unwrap();
    }

    #[test]
    fn what_cannot_have_happened() {
        let wrong: [(&[Event], &str); 7] = [
            (&[write(5, 1, 2), read(0, 3, 4)], "was written while"),
            (&[write(5, 1, 10), read(5, 2, 3), read(0, 4, 5)], "was written while"),
            (&[write(5, 1, 2), write(6, 3, 4), read(6, 7, 8), read(5, 9, 10)], "in turns"),
            (&[read(5, 1, 2), write(5, 3, 4)], "before"),
            (&[read(5, 1, 2)], "never"),
            (&[write(5, 1, 2), write(5, 3, 4)], "twice"),
            (&[write(5, 1, 2), write(6, 3, 4), read(5, 5, 6)], "was written while"),
        ];
        for (events, text) in wrong {
            let told = check(0, events).unwrap_err();
            assert!(told.contains(text), "{events:?}: {told}");
        }
    }

    /// Whether some order of the events, each within its time, explains all reads.
    fn can_happen(now: u64, left: &[Event]) -> bool {
        let first_end = left.iter().map(|event| event.end).min().unwrap_or(0);
        left.is_empty()
            || (0..left.len()).any(|place| {
                let event = left[place];
                let mut rest = left.to_vec();
                rest.remove(place);
                event.begin < first_end
                    && (event.wrote || event.value == now)
                    && can_happen(event.value, &rest)
            })
    }

    /// Thousands of small histories, against trying every order.
    #[test]
    fn it_agrees_with_trying_every_order() {
        let (mut rng, mut fine) = (Rng::new(4), 0);
        for _ in 0..5_000 {
            let mut times: Vec<u64> = (1..=10).collect();
            (0..times.len()).for_each(|place| times.swap(place, rng.below(10) as usize));
            let event = |(place, pair): (usize, &[u64])| {
                let (begin, end) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                if place < 2 { write(place as u64 + 1, begin, end) } else { read(rng.below(3), begin, end) }
            };
            let events: Vec<Event> = times.chunks(2).enumerate().map(event).collect();
            let found = check(0, &events).is_ok();
            assert_eq!(found, can_happen(0, &events), "{events:?}");
            fine += usize::from(found);
        }
        assert!((500..4_500).contains(&fine), "{fine} of 5,000 could happen: a poor sample");
    }
}
