//! Windows that follow the calendar: the budget of this month, this quarter, the fiscal year that begins in April. A
//! period begins where the one before it ends, at the same local time, whatever clocks did in between.

use std::time::Duration;

use chrono::{Datelike, Months, NaiveDateTime};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

use super::span::Span;
use super::zone::{self, days};

const LONGEST_DAYS: u32 = 366;

/// How long a period is, by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Days(u32),
    Months(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    step: Step,
    first: NaiveDateTime,
    zone: Tz,
}

/// A number and OpenSLO's unit `d`, `w`, `M`, `Q` or `Y`; nothing when it is not one of those.
fn step(text: &str) -> Option<Step> {
    let unit = text.chars().last()?;
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    match unit {
        'd' => Some(Step::Days(count)),
        'w' => Some(Step::Days(count.checked_mul(7)?)),
        'M' => Some(Step::Months(count)),
        'Q' => Some(Step::Months(count.checked_mul(3)?)),
        'Y' => Some(Step::Months(count.checked_mul(12)?)),
        _ => None,
    }
}

/// Whether a window of this length can only be one of the calendar's: nobody knows how long a month is.
pub(crate) fn follows_the_calendar(text: &str) -> bool {
    matches!(step(text), Some(Step::Months(_)))
}

impl Period {
    /// Of `text` (`1M`), counted from `first`.
    pub(crate) fn new(text: &str, first: NaiveDateTime, zone: Tz) -> Result<Self, String> {
        let step = step(text).ok_or_else(|| {
            format!("`{text}` is not the length of a window of the calendar: write a whole number with d, w, M, Q or Y, such as 1M")
        })?;
        let longest = match step {
            Step::Days(days) => days,
            Step::Months(months) => months.saturating_mul(31).min(LONGEST_DAYS + u32::from(months > 12)),
        };
        if longest == 0 || longest > LONGEST_DAYS {
            return Err(format!("a window of {text} is out of range: 1d to 1Y"));
        }
        Ok(Self { step, first, zone })
    }

    /// The period that holds the moment.
    #[must_use]
    pub fn holding(&self, time: Timestamp) -> Span {
        let mut number = self.about(zone::local(self.zone, time));
        while self.start(number) > time {
            number -= 1;
        }
        while self.start(number + 1) <= time {
            number += 1;
        }
        Span::new(self.start(number), self.start(number + 1))
    }

    /// The longest that one can be.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let days = match self.step {
            Step::Days(days) => days,
            Step::Months(months) => (months * 31).min(LONGEST_DAYS),
        };
        // Clocks that are set back add an hour.
        Duration::from_secs(u64::from(days) * 86_400 + 3_600)
    }

    /// `1w`, `1M`: as it is written.
    #[must_use]
    pub fn spelt(&self) -> String {
        match self.step {
            Step::Days(days) if days % 7 == 0 => format!("{}w", days / 7),
            Step::Days(days) => format!("{days}d"),
            Step::Months(months) if months % 12 == 0 => format!("{}Y", months / 12),
            Step::Months(months) if months % 3 == 0 => format!("{}Q", months / 3),
            Step::Months(months) => format!("{months}M"),
        }
    }

    /// As OpenSLO writes it.
    #[must_use]
    pub fn start_time(&self) -> String {
        self.first.format("%Y-%m-%d %H:%M:%S").to_string()
    }

    #[must_use]
    pub fn time_zone(&self) -> &'static str {
        self.zone.name()
    }

    /// What people call it.
    #[must_use]
    pub fn said(&self) -> String {
        let named = match self.step {
            Step::Days(1) => "this day",
            Step::Days(7) => "this week",
            Step::Months(1) => "this month",
            Step::Months(3) => "this quarter",
            Step::Months(12) => "this year",
            Step::Days(_) | Step::Months(_) => return format!("this period of {}", self.spelt()),
        };
        named.to_owned()
    }

    /// One off at most.
    fn about(&self, local: NaiveDateTime) -> i64 {
        match self.step {
            Step::Days(days) => (local - self.first).num_days().div_euclid(days.into()),
            Step::Months(months) => {
                let apart = i64::from(local.year() - self.first.year()) * 12 + i64::from(local.month0())
                    - i64::from(self.first.month0());
                apart.div_euclid(months.into())
            }
        }
    }

    /// Always from the first, so that 31 January, 28 February, 31 March follow each other.
    fn start(&self, number: i64) -> Timestamp {
        let local = match self.step {
            Step::Days(count) => self.first.checked_add_signed(days(i64::from(count) * number)),
            Step::Months(count) => {
                let months =
                    u32::try_from(number.unsigned_abs()).ok().and_then(|number| number.checked_mul(count));
                let months = Months::new(months.unwrap_or_default());
                if number < 0 {
                    self.first.checked_sub_months(months)
                } else {
                    self.first.checked_add_months(months)
                }
            }
        };
        zone::moment(self.zone, local.unwrap_or(self.first))
    }
}

#[cfg(test)]
mod tests;
