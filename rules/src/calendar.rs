//! The business clock: named calendars (shifts, holidays, the close, maintenance) and cut-offs, read from
//! `calendars.yml`. A calendar is a pure function from a stretch of time to the spans that lie in it; nothing is unrolled
//! beforehand, so a calendar has no end and costs nothing while nobody asks.
//!
//! Hours (`time_intervals`) are read off the clock on the wall, as Alertmanager does; spans have a beginning, which RFC 5545
//! turns into a moment where clocks are changed (`zone`).

use std::sync::Arc;

use plimsoll_model::{Labels, Timestamp};

mod book;
mod cut_off;
mod entry;
mod file;
mod interval;
mod kind;
mod period;
mod recurrence;
mod span;
mod table;
mod zone;

pub use book::CalendarBook;
pub use kind::Kind;
pub use period::Period;
pub use span::Span;
pub use table::CalendarTable;

use cut_off::CutOff;
use entry::Entry;
pub(crate) use file::{CalendarFile, day_or_moment};
pub(crate) use period::follows_the_calendar;
pub(crate) use span::{holds, minus, union};
pub(crate) use zone::named as zone_named;

/// Everything that `calendars.yml` says, and what the packs say besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendars {
    calendars: Vec<Arc<Calendar>>,
    cut_offs: Vec<CutOff>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) reason: Option<String>,
    entries: Vec<Entry>,
    minus: Vec<Arc<Calendar>>,
}

impl Calendars {
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Calendar>> {
        self.calendars.iter().find(|calendar| calendar.name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.calendars.iter().map(|calendar| calendar.name.as_str())
    }

    /// The next cut-off after the moment: the carrier's own in this warehouse, else the warehouse's, else everybody's.
    #[must_use]
    pub fn next_cut_off(&self, warehouse: &str, carrier: Option<&str>, time: Timestamp) -> Option<Timestamp> {
        self.cut_off_of(warehouse, carrier)?.after(time)
    }

    fn cut_off_of(&self, warehouse: &str, carrier: Option<&str>) -> Option<&CutOff> {
        let ranked = self.cut_offs.iter().filter_map(|it| it.rank(warehouse, carrier).map(|rank| (rank, it)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, cut_off)| cut_off)
    }

    /// What these define stands; of the others, what these don't.
    #[must_use]
    pub(crate) fn over(mut self, others: Self) -> Self {
        let own: Vec<String> = self.names().map(str::to_owned).collect();
        self.calendars.extend(others.calendars.into_iter().filter(|other| !own.contains(&other.name)));
        if self.cut_offs.is_empty() {
            self.cut_offs = others.cut_offs;
        }
        self
    }
}

impl Calendar {
    /// What of it lies in [from, to) for what has these labels: sorted and disjoint.
    #[must_use]
    pub fn spans_for(&self, groups: &Labels, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| concerns(&entry.scope, groups)) {
            entry.spans((from, to), &mut found);
        }
        self.less(found, groups, (from, to))
    }

    /// For anybody: each entry counts, less what is taken from those whom it concerns.
    #[must_use]
    pub fn spans(&self, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let mut all = Vec::new();
        for entry in &self.entries {
            all.extend(self.spans_of(entry, from, to));
        }
        union(all)
    }

    fn spans_of(&self, entry: &Entry, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let mut found = Vec::new();
        entry.spans((from, to), &mut found);
        self.less(found, &entry.scope, (from, to))
    }

    fn less(&self, found: Vec<Span>, groups: &Labels, (from, to): (Timestamp, Timestamp)) -> Vec<Span> {
        let mut spans = union(found);
        for calendar in &self.minus {
            let (Some(first), Some(last)) = (spans.first(), spans.last()) else { break };
            let others = calendar.spans_for(groups, first.from.max(from), last.to.min(to));
            spans = minus(&spans, &others);
        }
        spans
    }

    /// Whether the moment lies in it for what has these labels.
    #[must_use]
    pub fn holds_for(&self, groups: &Labels, time: Timestamp) -> bool {
        !self.spans_for(groups, time, Timestamp::from_nanos(time.nanos().saturating_add(1))).is_empty()
    }

    /// Whether any of its entries concerns what has these labels.
    #[must_use]
    pub fn concerns(&self, groups: &Labels) -> bool {
        self.entries.iter().any(|entry| concerns(&entry.scope, groups))
    }
}

/// A scope that names a label which the groups do not have concerns others.
fn concerns(scope: &Labels, groups: &Labels) -> bool {
    scope.iter().all(|(name, value)| groups.get(name) == value)
}

#[cfg(test)]
mod tests;
