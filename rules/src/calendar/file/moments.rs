//! The spans of a calendar: when they begin, how long they last, how they recur.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::OneOrMany;
use crate::calendar::entry::{Length, Occurrences};
use crate::calendar::recurrence::Recurrence;
use crate::durations;
use crate::finding::{Finding, Place};

const LONGEST_DAYS: i64 = 366;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanText {
    pub(super) start: Spanned<String>,
    end: Option<Spanned<String>>,
    duration: Option<Spanned<String>>,
    rrule: Option<Spanned<String>>,
    pub(super) time_zone: Option<Spanned<String>>,
    pub(super) warehouse: Option<OneOrMany>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) reason: Option<String>,
}

/// A date is its midnight; what has an offset says its moment whatever the zone.
enum Written {
    Local(NaiveDateTime),
    Utc(NaiveDateTime),
}

/// `2026-12-24`, `2026-12-24 18:00` or `2026-12-24 18:00:00`, with a `T` between if one likes.
pub(crate) fn day_or_moment(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().replacen('T', " ", 1);
    let of_day = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let moment = |format| NaiveDateTime::parse_from_str(&text, format).ok();
    moment("%Y-%m-%d %H:%M:%S").or_else(|| moment("%Y-%m-%d %H:%M")).or_else(of_day)
}

fn written(text: &str) -> Result<Written, String> {
    if let Some(local) = day_or_moment(text) {
        return Ok(Written::Local(local));
    }
    let with_offset = DateTime::parse_from_rfc3339(&text.trim().replacen(' ', "T", 1));
    with_offset.map(|moment| Written::Utc(moment.naive_utc())).map_err(|_| {
        format!("`{text}` is not a moment: write 2026-12-24, 2026-12-24 18:00 or 2026-12-24T18:00:00+01:00")
    })
}

impl SpanText {
    /// `None` when something is wrong with it.
    pub(super) fn occurrences(
        &self,
        zone: Tz,
        file: &Path,
        findings: &mut Vec<Finding>,
    ) -> Option<Occurrences> {
        let mut refuse = |at: &Spanned<String>, message: String| {
            findings.push(Place::of(file, at).error(message));
        };
        let start = written(&self.start.value).map_err(|message| refuse(&self.start, message)).ok()?;
        let recurrence = match &self.rrule {
            None => None,
            Some(rule) => {
                Some(rule.value.parse::<Recurrence>().map_err(|message| refuse(rule, message)).ok()?)
            }
        };
        let (first, zone) = match start {
            Written::Local(local) => (local, zone),
            Written::Utc(moment) if recurrence.is_none() => (moment, Tz::UTC),
            Written::Utc(_) => {
                let message = "what recurs begins by the clock on the wall: write the start without an offset, and time_zone";
                refuse(&self.start, message.to_owned());
                return None;
            }
        };
        let length = match (&self.end, &self.duration) {
            (Some(end), None) => self.until(&start, end).map_err(|message| refuse(end, message)).ok()?,
            (None, Some(duration)) => {
                lasting(&duration.value).map_err(|message| refuse(duration, message)).ok()?
            }
            _ => {
                refuse(&self.start, "a span has `end` or `duration`: write exactly one of them".to_owned());
                return None;
            }
        };
        Some(Occurrences { first, length, recurrence, zone })
    }

    fn until(&self, start: &Written, end: &Spanned<String>) -> Result<Length, String> {
        let length = match (start, written(&end.value)?) {
            (Written::Local(start), Written::Local(end)) | (Written::Utc(start), Written::Utc(end)) => {
                end - *start
            }
            _ => return Err("start and end both have an offset, or neither: write them alike".to_owned()),
        };
        if length.num_seconds() <= 0 {
            return Err(format!(
                "{} is not after {}: write the end after the start",
                end.value, self.start.value
            ));
        }
        if length.num_days() > LONGEST_DAYS {
            return Err(format!("a span lasts {LONGEST_DAYS} days at most: use rrule for what comes again"));
        }
        Ok(Length::WallClock(length))
    }
}

fn lasting(text: &str) -> Result<Length, String> {
    let total = i64::try_from(durations::parse(text)?.as_secs()).unwrap_or(i64::MAX);
    if total == 0 || total > LONGEST_DAYS * 86_400 {
        return Err(format!("a span lasts from 1s to {LONGEST_DAYS}d: {text} is not within that"));
    }
    let days = days_in(text);
    Ok(Length::Lasting { days, secs: total - days * 86_400 })
}

/// The days that it names as such, for those end at the same time of day whatever clocks do.
fn days_in(text: &str) -> i64 {
    let mut days = 0;
    let mut number = 0_i64;
    for letter in text.chars() {
        match letter.to_digit(10) {
            Some(digit) => number = number * 10 + i64::from(digit),
            None => {
                days += match letter {
                    'd' => number,
                    'w' => number * 7,
                    'y' => number * 365,
                    _ => 0,
                };
                number = 0;
            }
        }
    }
    days
}
