//! The days of one period that a rule names (the table of RFC 5545, 3.3.10), ascending.

use chrono::{Datelike, NaiveDate, Weekday};

use super::{ByDay, Frequency, Recurrence};
use crate::calendar::zone::days;

impl Recurrence {
    pub(super) fn dates(&self, begins: NaiveDate, first: NaiveDate) -> Vec<NaiveDate> {
        let mut dates = match self.frequency {
            Frequency::Daily => self.limited(vec![begins]),
            Frequency::Weekly => self.dates_of_week(begins, first),
            Frequency::Monthly => self.dates_of_month(begins, first),
            Frequency::Yearly => self.dates_of_year(begins, first),
        };
        dates.sort_unstable();
        dates.dedup();
        if self.by_set_pos.is_empty() { dates } else { self.positions(&dates) }
    }

    /// A day's filters: all that are given must hold.
    fn limited(&self, dates: Vec<NaiveDate>) -> Vec<NaiveDate> {
        let holds = |date: &NaiveDate| {
            self.is_in_month(*date)
                && (self.by_month_day.is_empty() || self.by_month_day.iter().any(|day| is_day(*date, *day)))
                && (self.by_day.is_empty() || self.by_day.iter().any(|by| by.weekday == date.weekday()))
        };
        dates.into_iter().filter(holds).collect()
    }

    fn dates_of_week(&self, begins: NaiveDate, first: NaiveDate) -> Vec<NaiveDate> {
        let week = (0..7).map(|day| begins + days(day));
        let named = week.filter(|date| match self.by_day.as_slice() {
            [] => date.weekday() == first.weekday(),
            named => named.iter().any(|by| by.weekday == date.weekday()),
        });
        named.filter(|date| self.is_in_month(*date)).collect()
    }

    fn dates_of_month(&self, begins: NaiveDate, first: NaiveDate) -> Vec<NaiveDate> {
        let month: Vec<NaiveDate> = span_of(begins, u32::from(begins.num_days_in_month()));
        if !self.is_in_month(begins) {
            return Vec::new();
        }
        if self.by_day.is_empty() && self.by_month_day.is_empty() {
            return month.into_iter().filter(|date| date.day() == first.day()).collect();
        }
        if self.by_month_day.is_empty() {
            return nth_days(&month, &self.by_day);
        }
        let named = month.iter().filter(|date| self.by_month_day.iter().any(|day| is_day(**date, *day)));
        let of_days = nth_days(&month, &self.by_day);
        named.filter(|date| self.by_day.is_empty() || of_days.contains(date)).copied().collect()
    }

    fn dates_of_year(&self, begins: NaiveDate, first: NaiveDate) -> Vec<NaiveDate> {
        let months = (1..=12).filter(|month| self.by_month.is_empty() || self.by_month.contains(month));
        if self.by_day.is_empty() && self.by_month_day.is_empty() && self.by_month.is_empty() {
            return first.with_year(begins.year()).into_iter().collect();
        }
        // The second Monday of the year, but of each month when months are named.
        if self.by_month_day.is_empty() && self.by_month.is_empty() {
            let year = span_of(begins, if begins.leap_year() { 366 } else { 365 });
            return nth_days(&year, &self.by_day);
        }
        let begin = months.filter_map(|month| begins.with_month(month));
        begin.flat_map(|month| self.dates_of_month(month, first)).collect()
    }

    fn is_in_month(&self, date: NaiveDate) -> bool {
        self.by_month.is_empty() || self.by_month.contains(&date.month())
    }

    fn positions(&self, dates: &[NaiveDate]) -> Vec<NaiveDate> {
        let wanted = |at: usize| {
            let (from_start, from_end) = (at + 1, dates.len() - at);
            self.by_set_pos.iter().any(|position| {
                let size = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
                if *position > 0 { size == from_start } else { size == from_end }
            })
        };
        dates.iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, date)| *date).collect()
    }
}

fn span_of(begins: NaiveDate, length: u32) -> Vec<NaiveDate> {
    (0..i64::from(length)).map(|day| begins + days(day)).collect()
}

/// `-1` is the last day of the month.
fn is_day(date: NaiveDate, day: i32) -> bool {
    let length = i32::from(date.num_days_in_month());
    let wanted = if day < 0 { length + day + 1 } else { day };
    u32::try_from(wanted).is_ok_and(|wanted| wanted == date.day())
}

/// Of a month's or a year's days, those that are named, as each or as the nth of their weekday.
fn nth_days(of: &[NaiveDate], named: &[ByDay]) -> Vec<NaiveDate> {
    let all = |weekday: Weekday| of.iter().copied().filter(move |date| date.weekday() == weekday);
    let mut dates = Vec::new();
    for by in named {
        let place = |nth: i32| usize::try_from(nth.unsigned_abs()).unwrap_or_default().wrapping_sub(1);
        match by.nth {
            None => dates.extend(all(by.weekday)),
            Some(nth) if nth > 0 => dates.extend(all(by.weekday).nth(place(nth))),
            Some(nth) => dates.extend(all(by.weekday).collect::<Vec<_>>().iter().rev().nth(place(nth))),
        }
    }
    dates
}
