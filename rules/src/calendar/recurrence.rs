//! RFC 5545's recurrence rule, as far as spans of hours and days need it: every so many days, weeks, months or years, with
//! BYDAY, BYMONTHDAY, BYMONTH and BYSETPOS. What recurs within a day is refused by name: a span that begins each second is
//! no calendar. An expansion visits no more periods than lie between the first occurrence and the end of what is asked.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;

use super::zone::{self, days};

mod days_of;
mod parse;

/// Occurrences that a rule with COUNT may have.
const MOST_OCCURRENCES: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Never,
    Count(u32),
    /// The last day, whole.
    Day(NaiveDate),
    /// The last moment on the wall clock.
    Local(NaiveDateTime),
    /// The last moment in UTC.
    Utc(NaiveDateTime),
}

/// `2MO`: the second Monday; without a number, each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByDay {
    pub(crate) nth: Option<i32>,
    pub(crate) weekday: Weekday,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recurrence {
    pub(crate) frequency: Frequency,
    pub(crate) interval: u32,
    pub(crate) end: End,
    pub(crate) by_day: Vec<ByDay>,
    pub(crate) by_month_day: Vec<i32>,
    pub(crate) by_month: Vec<u32>,
    pub(crate) by_set_pos: Vec<i32>,
    pub(crate) week_start: Weekday,
}

impl Recurrence {
    /// When occurrences begin on the wall clock, from `from` to `to`, both included, ascending. The first is `first` or
    /// after it; `first` itself is one only when the rule names its day.
    pub(crate) fn starts(
        &self,
        first: NaiveDateTime,
        zone: Tz,
        (from, to): (NaiveDateTime, NaiveDateTime),
    ) -> Vec<NaiveDateTime> {
        let until = self.until(zone);
        let mut left = match self.end {
            End::Count(count) => count,
            _ => u32::MAX,
        };
        let mut starts = Vec::new();
        // A rule that counts has to be counted from its beginning.
        let mut period = if left == u32::MAX { self.period_before(first.date(), from.date()) } else { 0 };
        while let Some(begins) = self.period(first.date(), period).filter(|begins| *begins <= to.date()) {
            let dates = self.dates(begins, first.date());
            for start in dates.into_iter().map(|date| date.and_time(first.time())).filter(|it| *it >= first) {
                if left == 0 || start > to || until.is_some_and(|until| start > until) {
                    return starts;
                }
                left -= 1;
                if start >= from {
                    starts.push(start);
                }
            }
            period += 1;
        }
        starts
    }

    /// On the wall clock.
    fn until(&self, zone: Tz) -> Option<NaiveDateTime> {
        match self.end {
            End::Never | End::Count(_) => None,
            End::Day(day) => day.and_hms_opt(23, 59, 59),
            End::Local(last) => Some(last),
            End::Utc(last) => {
                let moment = plimsoll_model::Timestamp::from_secs(zone::naive_seconds(last));
                Some(zone::local(zone, moment))
            }
        }
    }

    /// A period that begins before `from`, so that nothing before it matters; 0 is that of the first occurrence.
    fn period_before(&self, first: NaiveDate, from: NaiveDate) -> u32 {
        let months = || {
            i64::from(from.year() - first.year()) * 12 + i64::from(from.month0()) - i64::from(first.month0())
        };
        let periods = match self.frequency {
            Frequency::Daily => (from - first).num_days(),
            Frequency::Weekly => (from - first).num_days() / 7,
            Frequency::Monthly => months(),
            Frequency::Yearly => months() / 12,
        };
        let whole = periods / i64::from(self.interval) - 1;
        u32::try_from(whole.max(0)).unwrap_or_default()
    }

    /// The first day of the period.
    fn period(&self, first: NaiveDate, period: u32) -> Option<NaiveDate> {
        let steps = period.checked_mul(self.interval)?;
        match self.frequency {
            Frequency::Daily => first.checked_add_signed(days(steps.into())),
            Frequency::Weekly => {
                let back = first.weekday().days_since(self.week_start);
                (first - days(back.into())).checked_add_signed(days(i64::from(steps) * 7))
            }
            Frequency::Monthly => first.with_day(1)?.checked_add_months(Months::new(steps)),
            Frequency::Yearly => {
                first.with_day(1)?.with_month(1)?.checked_add_months(Months::new(steps.checked_mul(12)?))
            }
        }
    }
}

#[cfg(test)]
mod tests;
