//! Alertmanager's time intervals: within a field any element, across fields all of them, read off the clock on the wall
//! of their location. Routes name them to be muted during some, or outside others.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

/// A field that is not written holds always, one that is written as an empty list never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeInterval {
    /// Minutes of the day, [start, end).
    pub(crate) times: Option<Vec<(u32, u32)>>,
    /// From Sunday, 0.
    pub(crate) weekdays: Option<Vec<Range>>,
    /// From 1, or back from the month's end: -1 is its last day.
    pub(crate) days_of_month: Option<Vec<Range>>,
    pub(crate) months: Option<Vec<Range>>,
    pub(crate) years: Option<Vec<Range>>,
    pub(crate) zone: Tz,
}

/// Inclusive on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// By name, as the file defines them.
#[derive(Debug, Default)]
pub(crate) struct TimeIntervals(pub(crate) BTreeMap<String, Vec<TimeInterval>>);

/// Why a route says nothing at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Muted {
    /// The intervals that do it, as the API's `mutedBy` lists them.
    pub(crate) by: Vec<String>,
    pub(crate) reason: String,
}

impl Range {
    fn holds(self, value: i64) -> bool {
        (self.first..=self.last).contains(&value)
    }
}

impl TimeIntervals {
    /// Outside of all `active` ones, or else inside one of `mute`.
    pub(crate) fn muted(&self, active: &[String], mute: &[String], now: Timestamp) -> Option<Muted> {
        if !active.is_empty() && !active.iter().any(|name| self.contains(name, now)) {
            let reason = format!("outside active time interval {}", active.join(", "));
            return Some(Muted { by: active.to_vec(), reason });
        }
        let by: Vec<String> = mute.iter().filter(|name| self.contains(name, now)).cloned().collect();
        let reason = format!("muted by time interval {}", by.join(", "));
        (!by.is_empty()).then_some(Muted { by, reason })
    }

    fn contains(&self, name: &str, now: Timestamp) -> bool {
        self.0.get(name).is_some_and(|intervals| intervals.iter().any(|interval| interval.contains(now)))
    }
}

impl TimeInterval {
    pub(crate) fn contains(&self, time: Timestamp) -> bool {
        let local = time.to_utc().with_timezone(&self.zone);
        let any = |ranges: &Option<Vec<Range>>, value: i64| {
            ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.holds(value)))
        };
        self.holds_minute(local.hour() * 60 + local.minute())
            && any(&self.years, local.year().into())
            && any(&self.months, local.month().into())
            && any(&self.weekdays, local.weekday().num_days_from_sunday().into())
            && self.holds_day(&local)
    }

    fn holds_minute(&self, minute: u32) -> bool {
        let Some(times) = &self.times else {
            return true;
        };
        times.iter().any(|(start, end)| (*start..*end).contains(&minute))
    }

    /// What begins after the month's end is not in it; what ends there ends with it.
    fn holds_day(&self, local: &DateTime<Tz>) -> bool {
        let Some(days) = &self.days_of_month else {
            return true;
        };
        let length = i64::from(local.date_naive().num_days_in_month());
        let from_start = |day: i64| if day < 0 { length + day + 1 } else { day };
        days.iter().any(|range| {
            let (first, last) = (from_start(range.first), from_start(range.last));
            first <= length && (first..=last.min(length)).contains(&i64::from(local.day()))
        })
    }
}

#[cfg(test)]
mod tests;
