//! The fields of Alertmanager's time intervals: `monday:friday`, `-3:-1`, `09:00`.

use std::path::Path;

use serde_saphyr::Spanned;

use crate::calendar::interval::{Days, Range};
use crate::finding::{Finding, Place};

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

/// The days of an interval as they are written.
#[derive(Debug)]
pub(super) struct DaysText<'a> {
    pub(super) weekdays: &'a [Spanned<String>],
    pub(super) days_of_month: &'a [Spanned<String>],
    pub(super) months: &'a [Spanned<String>],
    pub(super) years: &'a [Spanned<String>],
}

pub(super) fn read_days(text: &DaysText<'_>, file: &Path, findings: &mut Vec<Finding>) -> Days {
    let mut read = |texts: &[Spanned<String>], read: fn(&str) -> Result<Range, String>| {
        let mut ranges = Vec::new();
        for text in texts {
            match read(&text.value) {
                Ok(range) => ranges.push(range),
                Err(message) => findings.push(Place::of(file, text).error(message)),
            }
        }
        ranges
    };
    Days {
        weekdays: read(text.weekdays, weekdays),
        days_of_month: read(text.days_of_month, days_of_month),
        months: read(text.months, months),
        years: read(text.years, years),
    }
}

fn weekdays(text: &str) -> Result<Range, String> {
    let day = |name: &str| {
        let known = WEEKDAYS.iter().position(|known| *known == name.to_lowercase());
        known
            .and_then(|day| i32::try_from(day).ok())
            .ok_or_else(|| format!("`{name}` is not a weekday: write monday or monday:friday"))
    };
    range(text, day, "a week begins on Sunday; write two elements, such as [friday:saturday, sunday]")
}

fn months(text: &str) -> Result<Range, String> {
    let month = |name: &str| {
        let named = MONTHS.iter().position(|known| *known == name.to_lowercase()).map(|month| month + 1);
        let number = named.or_else(|| name.parse().ok()).filter(|month| (1..=12).contains(month));
        number
            .and_then(|month| i32::try_from(month).ok())
            .ok_or_else(|| format!("`{name}` is not a month: write november, 11 or november:december"))
    };
    range(text, month, "a year begins in January; write two elements, such as ['11:12', '1']")
}

fn years(text: &str) -> Result<Range, String> {
    let year = |year: &str| {
        let number = year.parse().ok().filter(|year| (1970..=2200).contains(year));
        number.ok_or_else(|| format!("`{year}` is not a year: write 2026 or 2026:2028"))
    };
    range(text, year, "write the earlier year first")
}

fn days_of_month(text: &str) -> Result<Range, String> {
    let day = |day: &str| {
        let number = day.parse().ok().filter(|day: &i32| *day != 0 && day.abs() <= 31);
        number.ok_or_else(|| {
            format!("`{day}` is not a day of a month: write 1 to 31, or -1 to -31 back from its end")
        })
    };
    let (first, last) = ends(text);
    let range = Range { first: day(first)?, last: day(last)? };
    if range.first < 0 && range.last > 0 {
        return Err(format!(
            "`{text}` counts back and then forth: write two elements, such as ['-3:-1', '1:3']"
        ));
    }
    // As Alertmanager: only what no month could hold is refused.
    let place = |day: i32| if day < 0 { 32 + day } else { day };
    if place(range.first) > place(range.last) {
        return Err(format!("`{text}` ends before it begins: write the earlier day first"));
    }
    Ok(range)
}

fn range(text: &str, read: impl Fn(&str) -> Result<i32, String>, cure: &str) -> Result<Range, String> {
    let (first, last) = ends(text);
    let range = Range { first: read(first)?, last: read(last)? };
    if range.first > range.last {
        return Err(format!("`{text}` ends before it begins: {cure}"));
    }
    Ok(range)
}

fn ends(text: &str) -> (&str, &str) {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    (first.trim(), last.trim())
}

/// In minutes of the day, [start, end).
pub(super) fn times_of_day<'a>(
    times: impl Iterator<Item = (&'a Spanned<String>, &'a Spanned<String>)>,
    file: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<(u32, u32)> {
    let mut read = Vec::new();
    for (start, end) in times {
        match (minutes(&start.value), minutes(&end.value)) {
            (Ok(from), Ok(to)) if from < to => read.push((from, to)),
            (Ok(_), Ok(_)) => {
                let message = format!(
                    "{} to {} passes midnight, where an interval's day ends: write two (22:00 to 24:00 and 00:00 to \
                     06:00), or a span with start, duration and rrule",
                    start.value, end.value
                );
                findings.push(Place::of(file, start).error(message));
            }
            (Err(message), _) => findings.push(Place::of(file, start).error(message)),
            (_, Err(message)) => findings.push(Place::of(file, end).error(message)),
        }
    }
    read
}

/// `17:00`; `24:00` is the day's end.
pub(super) fn minutes(text: &str) -> Result<u32, String> {
    let complaint =
        || format!("`{text}` is not a time of day: write two digits each, such as 08:30, at most 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(complaint)?;
    if hours.len() != 2 || minutes.len() != 2 {
        return Err(complaint());
    }
    let (Ok(hours), Ok(minutes)) = (hours.parse::<u32>(), minutes.parse::<u32>()) else {
        return Err(complaint());
    };
    let total = hours * 60 + minutes;
    if minutes < 60 && total <= 1_440 { Ok(total) } else { Err(complaint()) }
}
