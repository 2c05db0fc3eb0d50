//! What a calendar is made of: hours by the clock on the wall, or spans with a beginning, perhaps recurring; and whom
//! they concern.

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use plimsoll_model::{Labels, Timestamp};

use super::interval::Interval;
use super::recurrence::Recurrence;
use super::span::Span;
use super::zone::{self, days};

/// One line of a calendar, for one set of labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) hours: Hours,
    /// Whom it concerns: what has all of these labels. Empty is everybody.
    pub(crate) scope: Labels,
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hours {
    Interval(Interval),
    Occurrences(Occurrences),
}

/// A span, once or recurring.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Occurrences {
    pub(crate) first: NaiveDateTime,
    pub(crate) length: Length,
    pub(crate) recurrence: Option<Recurrence>,
    pub(crate) zone: Tz,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// Until so much later on the wall clock: 22:00 to 06:00 ends at 06:00, also in the night that has an hour more.
    WallClock(TimeDelta),
    /// Days on the wall clock, then seconds as they pass (RFC 5545, 3.3.6).
    Lasting { days: i64, secs: i64 },
}

impl Entry {
    pub(crate) fn zone(&self) -> Tz {
        match &self.hours {
            Hours::Interval(interval) => interval.zone,
            Hours::Occurrences(occurrences) => occurrences.zone,
        }
    }

    pub(crate) fn spans(&self, within: (Timestamp, Timestamp), found: &mut Vec<Span>) {
        match &self.hours {
            Hours::Interval(interval) => interval.spans(within, found),
            Hours::Occurrences(occurrences) => occurrences.spans(within, found),
        }
    }
}

impl Occurrences {
    fn spans(&self, (from, to): (Timestamp, Timestamp), found: &mut Vec<Span>) {
        let starts = match &self.recurrence {
            None => vec![self.first],
            Some(recurrence) => {
                // Two days more than it lasts: no zone is further from itself than that.
                let earliest = zone::local(self.zone, from) - self.longest() - days(2);
                let latest = zone::local(self.zone, to) + days(2);
                recurrence.starts(self.first, self.zone, (earliest, latest))
            }
        };
        found.extend(starts.into_iter().filter_map(|start| self.span(start).within(from, to)));
    }

    fn span(&self, start: NaiveDateTime) -> Span {
        let from = zone::moment(self.zone, start);
        let to = match self.length {
            Length::WallClock(length) => zone::moment(self.zone, start + length),
            Length::Lasting { days: count, secs } => {
                let day = if count == 0 { from } else { zone::moment(self.zone, start + days(count)) };
                day + std::time::Duration::from_secs(secs.unsigned_abs())
            }
        };
        Span::new(from, to)
    }

    fn longest(&self) -> TimeDelta {
        match self.length {
            Length::WallClock(length) => length,
            Length::Lasting { days: count, secs } => {
                days(count) + TimeDelta::try_seconds(secs).unwrap_or_default()
            }
        }
    }
}
