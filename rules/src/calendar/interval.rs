//! Alertmanager's time interval: within a field any element, across fields all of them, read off the clock on the wall. An
//! hour that exists twice is inside twice, one that does not exist is never inside.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

use super::span::Span;
use super::zone::{self, naive, seconds};

const DAY_SECS: i64 = 86_400;

/// Inclusive on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i32,
    pub(crate) last: i32,
}

impl Range {
    fn holds(self, value: i32) -> bool {
        (self.first..=self.last).contains(&value)
    }
}

/// The days it speaks of; an empty list is every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    /// From Sunday, 0.
    pub(crate) weekdays: Vec<Range>,
    /// From 1, or back from the month's end: -1 is its last day.
    pub(crate) days_of_month: Vec<Range>,
    pub(crate) months: Vec<Range>,
    pub(crate) years: Vec<Range>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) days: Days,
    /// Minutes of the day, [start, end); none is the whole day.
    pub(crate) times: Vec<(u32, u32)>,
    pub(crate) zone: Tz,
}

impl Days {
    pub(crate) fn hold(&self, date: NaiveDate) -> bool {
        let any =
            |ranges: &[Range], value: i32| ranges.is_empty() || ranges.iter().any(|range| range.holds(value));
        any(&self.years, date.year())
            && any(&self.months, small(date.month()))
            && any(&self.weekdays, small(date.weekday().num_days_from_sunday()))
            && self.holds_day_of_month(date)
    }

    /// What begins after the month's end is not in it; what ends there ends with it.
    fn holds_day_of_month(&self, date: NaiveDate) -> bool {
        let length = small(u32::from(date.num_days_in_month()));
        let from_start = |day: i32| if day < 0 { length + day + 1 } else { day };
        let within = |range: &Range| {
            let (first, last) = (from_start(range.first), from_start(range.last));
            first <= length && (first.max(1)..=last.min(length)).contains(&small(date.day()))
        };
        self.days_of_month.is_empty() || self.days_of_month.iter().any(within)
    }
}

impl Interval {
    /// Adds what of it lies in [from, to), in no order.
    pub(crate) fn spans(&self, (from, to): (Timestamp, Timestamp), found: &mut Vec<Span>) {
        for stretch in zone::stretches(self.zone, seconds(from), seconds(to).saturating_add(1)) {
            let local = (stretch.from + stretch.offset, stretch.to + stretch.offset);
            let mut midnight = local.0.div_euclid(DAY_SECS) * DAY_SECS;
            while midnight < local.1 {
                if self.days.hold(naive(midnight).date()) {
                    let cut = self.times_of(midnight).filter_map(|(start, end)| {
                        let (start, end) =
                            (start.max(local.0) - stretch.offset, end.min(local.1) - stretch.offset);
                        Span::new(Timestamp::from_secs(start), Timestamp::from_secs(end)).within(from, to)
                    });
                    found.extend(cut);
                }
                midnight += DAY_SECS;
            }
        }
    }

    fn times_of(&self, midnight: i64) -> impl Iterator<Item = (i64, i64)> {
        let whole = self.times.is_empty().then_some((0, 1_440));
        let times = whole.into_iter().chain(self.times.iter().copied());
        times.map(move |(start, end)| (midnight + i64::from(start) * 60, midnight + i64::from(end) * 60))
    }
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
