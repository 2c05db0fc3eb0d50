//! Time as templates show it: Go's layouts, its way to write a time and a duration, and humane durations.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::print::general;

const NANOS: i64 = 1_000_000_000;
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment with the zone it is shown in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) at: DateTime<Utc>,
    pub(super) zone: Tz,
}

impl Moment {
    pub(super) fn utc(at: DateTime<Utc>) -> Self {
        Self { at, zone: Tz::UTC }
    }

    /// Go's zero time, which `EndsAt` holds while an alert fires.
    pub(super) fn zero() -> Self {
        let year_one = chrono::NaiveDate::from_ymd_opt(1, 1, 1).expect("a day of the calendar");
        Self::utc(year_one.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    pub(super) fn is_zero(self) -> bool {
        self.at == Self::zero().at
    }

    pub(super) fn local(self) -> NaiveDateTime {
        let offset = self.zone.offset_from_utc_datetime(&self.at.naive_utc()).fix();
        self.at.naive_utc().checked_add_offset(offset).unwrap_or(self.at.naive_utc())
    }

    fn offset_secs(self) -> i32 {
        self.zone.offset_from_utc_datetime(&self.at.naive_utc()).fix().local_minus_utc()
    }

    fn zone_name(self) -> String {
        if self.zone == Tz::UTC {
            return "UTC".to_owned();
        }
        self.at.with_timezone(&self.zone).format("%Z").to_string()
    }

    /// Nanoseconds from `earlier`, saturating as Go's `Sub` does.
    pub(super) fn since(self, earlier: Self) -> i64 {
        let gap = self.at.signed_duration_since(earlier.at);
        gap.num_nanoseconds().unwrap_or(if gap.num_seconds() < 0 { i64::MIN } else { i64::MAX })
    }

    pub(super) fn plus(self, nanos: i64) -> Self {
        let sum = self.at.checked_add_signed(chrono::TimeDelta::nanoseconds(nanos));
        Self { at: sum.unwrap_or(self.at), ..self }
    }

    /// Go's `String()`: `2026-11-21 10:02:00 +0000 UTC`.
    pub(super) fn shown(self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// Written by a layout of Go's: what Monday, 2 January 2006, 15:04:05 at -07:00 would look like.
    pub(super) fn format(self, layout: &str) -> String {
        let mut out = String::new();
        let mut rest = layout;
        while let Some(c) = rest.chars().next() {
            let found = LAYOUT.iter().find(|(pattern, _)| stands(rest, pattern));
            if let Some((pattern, part)) = found {
                rest = rest.strip_prefix(pattern).unwrap_or_default();
                self.write(&mut out, *part, pattern);
            } else if let Some(digits) = fraction(rest) {
                let (mark, after) = rest.split_at_checked(digits + 1).unwrap_or((rest, ""));
                self.write_fraction(&mut out, mark);
                rest = after;
            } else {
                out.push(c);
                rest = rest.strip_prefix(c).unwrap_or_default();
            }
        }
        out
    }

    fn write(self, out: &mut String, part: Part, pattern: &str) {
        let local = self.local();
        let hour12 = match local.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let month = MONTHS[local.month0() as usize];
        let weekday = WEEKDAYS[local.weekday().num_days_from_sunday() as usize];
        let short = |name: &'static str| name.get(..3).unwrap_or(name);
        let text = match part {
            Part::Year => format!("{:04}", local.year()),
            Part::Year2 => format!("{:02}", local.year().rem_euclid(100)),
            Part::Month => month.to_owned(),
            Part::Mon => short(month).to_owned(),
            Part::Weekday => weekday.to_owned(),
            Part::Wkd => short(weekday).to_owned(),
            Part::Number(Field::Month) => padded(local.month(), pattern),
            Part::Number(Field::Day) => padded(local.day(), pattern),
            Part::Number(Field::Hour) => padded(local.hour(), pattern),
            Part::Number(Field::Hour12) => padded(hour12, pattern),
            Part::Number(Field::Minute) => padded(local.minute(), pattern),
            Part::Number(Field::Second) => padded(local.second(), pattern),
            Part::DayOfYear => format!("{:03}", local.ordinal()),
            Part::SpacedDay => format!("{:>2}", local.day()),
            Part::Pm => (if local.hour() < 12 { "AM" } else { "PM" }).to_owned(),
            Part::SmallPm => (if local.hour() < 12 { "am" } else { "pm" }).to_owned(),
            Part::Zone => self.zone_name(),
            Part::Offset => self.offset(pattern),
        };
        out.push_str(&text);
    }

    fn offset(self, pattern: &str) -> String {
        let secs = self.offset_secs();
        if pattern.starts_with('Z') && secs == 0 {
            return "Z".to_owned();
        }
        let sign = if secs < 0 { '-' } else { '+' };
        let (hours, minutes) = (secs.abs() / 3600, secs.abs() / 60 % 60);
        match pattern.get(1..).unwrap_or_default() {
            "07" => format!("{sign}{hours:02}"),
            "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
            _ => format!("{sign}{hours:02}{minutes:02}"),
        }
    }

    /// `.000` always has its digits, `.999` drops the zeros at its end.
    fn write_fraction(self, out: &mut String, mark: &str) {
        let digits = mark.len() - 1;
        let nanos = format!("{:09}", self.at.nanosecond() % 1_000_000_000);
        let mut shown = nanos.get(..digits.min(9)).unwrap_or(&nanos).to_owned();
        if mark.ends_with('9') {
            shown.truncate(shown.trim_end_matches('0').len());
            if shown.is_empty() {
                return;
            }
        }
        out.extend(mark.chars().next());
        out.push_str(&shown);
    }
}

#[derive(Clone, Copy)]
enum Field {
    Month,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
}

#[derive(Clone, Copy)]
enum Part {
    Year,
    Year2,
    Month,
    Mon,
    Weekday,
    Wkd,
    /// With a leading zero where the pattern has one.
    Number(Field),
    DayOfYear,
    SpacedDay,
    Pm,
    SmallPm,
    Zone,
    Offset,
}

/// Longer patterns before those they begin with.
const LAYOUT: [(&str, Part); 28] = [
    ("January", Part::Month),
    ("Jan", Part::Mon),
    ("Monday", Part::Weekday),
    ("Mon", Part::Wkd),
    ("MST", Part::Zone),
    ("2006", Part::Year),
    ("002", Part::DayOfYear),
    ("01", Part::Number(Field::Month)),
    ("02", Part::Number(Field::Day)),
    ("03", Part::Number(Field::Hour12)),
    ("04", Part::Number(Field::Minute)),
    ("05", Part::Number(Field::Second)),
    ("06", Part::Year2),
    ("15", Part::Number(Field::Hour)),
    ("_2", Part::SpacedDay),
    ("1", Part::Number(Field::Month)),
    ("2", Part::Number(Field::Day)),
    ("3", Part::Number(Field::Hour12)),
    ("4", Part::Number(Field::Minute)),
    ("5", Part::Number(Field::Second)),
    ("PM", Part::Pm),
    ("pm", Part::SmallPm),
    ("-07:00", Part::Offset),
    ("-0700", Part::Offset),
    ("-07", Part::Offset),
    ("Z07:00", Part::Offset),
    ("Z0700", Part::Offset),
    ("Z07", Part::Offset),
];

fn stands(rest: &str, pattern: &str) -> bool {
    let Some(after) = rest.strip_prefix(pattern) else {
        return false;
    };
    match pattern {
        // "Month" is a word, not "Mon" and "th".
        "Jan" | "Mon" => !after.starts_with(|c: char| c.is_ascii_lowercase()),
        // An underscore and a year.
        "_2" => !after.starts_with("006"),
        _ => true,
    }
}

/// How many digits of a second's fraction begin here: a point or comma, zeros or nines, and no digit after them.
fn fraction(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['.', ','])?;
    let first = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = digits.chars().take_while(|c| *c == first).count();
    let ends = !digits.chars().nth(count).is_some_and(|c| c.is_ascii_digit());
    ends.then_some(count)
}

fn padded(number: u32, pattern: &str) -> String {
    if pattern.len() == 2 && (pattern.starts_with('0') || pattern == "15") {
        return format!("{number:02}");
    }
    number.to_string()
}

/// Go's `Duration.String()`: `1h2m3.5s`, `250ms`, `0s`.
pub(super) fn duration(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let shown = |whole: u64, unit: u64| -> String {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", whole % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() || digits == 0 { "" } else { "." };
        format!("{}{point}{}", whole / unit, if digits == 0 { "" } else { fraction })
    };
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", shown(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", shown(size, 1_000_000)),
        _ => {
            let second = NANOS.unsigned_abs();
            let (minutes, rest) = (size / second / 60, size % (60 * second));
            let mut out = sign.to_owned();
            if minutes >= 60 {
                out.push_str(&format!("{}h", minutes / 60));
            }
            if minutes > 0 {
                out.push_str(&format!("{}m", minutes % 60));
            }
            out + &shown(rest, second) + "s"
        }
    }
}

/// Prometheus' `humanizeDuration` of seconds: `1d 3h 0m 5s`, `2.5s`, `12ms`.
pub(super) fn humane(seconds: f64) -> String {
    if !seconds.is_finite() || seconds == 0.0 {
        return general(seconds, 4) + if seconds == 0.0 { "s" } else { "" };
    }
    if seconds.abs() < 1.0 {
        let (mut value, mut unit) = (seconds, "");
        for prefix in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if value.abs() >= 1.0 {
                break;
            }
            value *= 1000.0;
            unit = prefix;
        }
        return general(value, 4) + unit + "s";
    }
    let size = seconds.abs();
    if size < 60.0 {
        return general(seconds, 4) + "s";
    }
    let part = |unit: f64, of: f64| (size / unit).floor() % of;
    let (days, hours, minutes) = ((size / 86_400.0).floor(), part(3600.0, 24.0), part(60.0, 60.0));
    let mut out = String::from(if seconds < 0.0 { "-" } else { "" });
    for (number, unit, is_said) in [(days, "d ", days > 0.0), (hours, "h ", days + hours > 0.0)] {
        if is_said {
            write!(out, "{number}{unit}").expect("a string takes everything");
        }
    }
    write!(out, "{minutes}m {}s", part(1.0, 60.0)).expect("a string takes everything");
    out
}
