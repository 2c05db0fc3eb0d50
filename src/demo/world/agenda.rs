//! What is planned, in the order of time; what is planned for the same moment happens in the order of planning.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use plimsoll_model::Timestamp;

#[derive(Debug)]
pub(super) struct Agenda<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub(super) fn add(&mut self, at: Timestamp, what: T) {
        self.planned += 1;
        self.entries.push(Reverse(Entry { at, number: self.planned, what }));
    }

    /// The earliest entry, if its time has come at `now`.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        if self.entries.peek()?.0.at > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), planned: 0 }
    }
}

#[derive(Debug)]
struct Entry<T> {
    at: Timestamp,
    number: u64,
    what: T,
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}
