//! `time_intervals`, and `mute_time_intervals` as they were called first: read as strictly as Alertmanager reads them.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::Deserialize;

use super::check::{Report, line};
use super::file::Text;
use crate::time_interval::{Range, TimeInterval, TimeIntervals};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedIntervalsNode {
    pub name: Text,
    #[serde(default)]
    pub time_intervals: Option<Vec<IntervalNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IntervalNode {
    pub times: Option<Vec<TimesNode>>,
    pub weekdays: Option<Vec<Text>>,
    pub days_of_month: Option<Vec<Text>>,
    pub months: Option<Vec<Text>>,
    pub years: Option<Vec<Text>>,
    pub location: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimesNode {
    pub start_time: Text,
    pub end_time: Text,
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Of the shortest month: what is out of order there is out of order in every month.
const SHORTEST_MONTH: i64 = 28;

/// `local` is the zone that `location: Local` means.
pub(super) fn check_time_intervals(
    nodes: &[NamedIntervalsNode],
    local: Tz,
    report: &mut Report,
) -> TimeIntervals {
    let mut intervals = TimeIntervals::default();
    for node in nodes {
        if node.name.value.is_empty() {
            report.error(line(&node.name), "a time interval has no name: give it one that routes can name");
        }
        let read =
            node.time_intervals.iter().flatten().map(|interval| interval.read(local, report)).collect();
        if intervals.0.insert(node.name.value.clone(), read).is_some() {
            let message = format!("time interval `{}` is defined twice: rename one", node.name.value);
            report.error(line(&node.name), message);
        }
    }
    intervals
}

/// Whether every name that a route uses is defined.
pub(super) fn check_names(names: &[Text], defined: &BTreeSet<String>, report: &mut Report) -> Vec<String> {
    for name in names.iter().filter(|name| !defined.contains(&name.value)) {
        let message = format!("undefined time interval `{}`: define it in time_intervals", name.value);
        report.error(line(name), message);
    }
    names.iter().map(|name| name.value.clone()).collect()
}

impl IntervalNode {
    fn read(&self, local: Tz, report: &mut Report) -> TimeInterval {
        let times =
            self.times.as_ref().map(|times| times.iter().filter_map(|node| node.read(report)).collect());
        TimeInterval {
            times,
            weekdays: read_all(self.weekdays.as_ref(), report, weekdays),
            days_of_month: read_all(self.days_of_month.as_ref(), report, days_of_month),
            months: read_all(self.months.as_ref(), report, months),
            years: read_all(self.years.as_ref(), report, years),
            zone: self.location.as_ref().map_or(Tz::UTC, |name| zone(name, local, report)),
        }
    }
}

impl TimesNode {
    fn read(&self, report: &mut Report) -> Option<(u32, u32)> {
        let minutes = |text: &Text, report: &mut Report| {
            let found = minute_of_day(&text.value);
            if found.is_none() {
                let message = format!("`{}` is not a time of day: write it as 08:30 or 24:00", text.value);
                report.error(line(text), message);
            }
            found
        };
        let (start, end) = (minutes(&self.start_time, report), minutes(&self.end_time, report));
        let (start, end) = (start?, end?);
        if start >= end {
            let cure = "end_time must be later than start_time: over midnight, write two entries (22:00 to 24:00, 00:00 to 06:00)";
            report.error(line(&self.end_time), cure);
            return None;
        }
        Some((start, end))
    }
}

/// `00:00` to `24:00`, two digits each.
fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let fits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    ((hour < 24 && minute < 60) || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

fn read_all(
    texts: Option<&Vec<Text>>,
    report: &mut Report,
    read: impl Fn(&str) -> Result<Range, String>,
) -> Option<Vec<Range>> {
    let mut ranges = Vec::new();
    for text in texts? {
        match read(&text.value.to_lowercase()) {
            Ok(range) => ranges.push(range),
            Err(message) => report.error(line(text), message),
        }
    }
    Some(ranges)
}

/// `monday` or `monday:friday`.
fn range(text: &str, member: impl Fn(&str) -> Result<i64, String>) -> Result<Range, String> {
    let mut parts = text.split(':');
    let first = member(parts.next().unwrap_or_default())?;
    let last = parts.next().map_or(Ok(first), &member)?;
    if parts.next().is_some() {
        return Err(format!("`{text}` is not a range: write one colon between two ends"));
    }
    Ok(Range { first, last })
}

fn number(text: &str) -> Option<i64> {
    text.parse::<i32>().ok().map(i64::from)
}

fn ordered(range: Range, text: &str) -> Result<Range, String> {
    if range.first > range.last {
        return Err(format!("`{text}` ends before it begins: split it in two"));
    }
    Ok(range)
}

fn weekdays(text: &str) -> Result<Range, String> {
    let member = |name: &str| {
        let place = WEEKDAYS.iter().position(|day| *day == name).and_then(|place| i64::try_from(place).ok());
        place.ok_or_else(|| format!("`{name}` is not a weekday: write sunday to saturday, in this order"))
    };
    ordered(range(text, member)?, text)
}

fn months(text: &str) -> Result<Range, String> {
    let member = |name: &str| {
        let place =
            MONTHS.iter().position(|month| *month == name).and_then(|place| i64::try_from(place + 1).ok());
        place
            .or_else(|| number(name))
            .ok_or_else(|| format!("`{name}` is not a month: write january, or 1 to 12"))
    };
    ordered(range(text, member)?, text)
}

fn years(text: &str) -> Result<Range, String> {
    let member = |name: &str| number(name).ok_or_else(|| format!("`{name}` is not a year"));
    ordered(range(text, member)?, text)
}

fn days_of_month(text: &str) -> Result<Range, String> {
    let member = |name: &str| {
        let day = number(name).filter(|day| *day != 0 && (-31..=31).contains(day));
        day.ok_or_else(|| {
            format!("`{name}` is not a day of the month: write 1 to 31, or -1 to -31 from its end")
        })
    };
    let range = range(text, member)?;
    if range.first < 0 && range.last > 0 {
        return Err(format!("`{text}` begins at the month's end: let it end there too, as in -3:-1"));
    }
    let in_shortest = |day: i64| if day < 0 { SHORTEST_MONTH + day } else { day };
    if in_shortest(range.first) > in_shortest(range.last) {
        return Err(format!("`{text}` ends before it begins in every month: turn it around"));
    }
    Ok(range)
}

fn zone(name: &Text, local: Tz, report: &mut Report) -> Tz {
    match name.value.as_str() {
        "" => Tz::UTC,
        "Local" => local,
        named => named.parse().unwrap_or_else(|_| {
            let message = format!(
                "`{named}` is not a time zone: write a name of the IANA database such as Europe/Berlin, or UTC"
            );
            report.error(line(name), message);
            Tz::UTC
        }),
    }
}
