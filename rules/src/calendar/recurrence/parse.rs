//! `FREQ=WEEKLY;BYDAY=MO,WE` as a rule, or what is wrong with it.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, Weekday};

use super::{ByDay, End, Frequency, MOST_OCCURRENCES, Recurrence};

const NOT_HERE: [&str; 5] = ["BYHOUR", "BYMINUTE", "BYSECOND", "BYWEEKNO", "BYYEARDAY"];
const LONGEST_INTERVAL: u32 = 1_000;

impl FromStr for Recurrence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut rule = Self {
            frequency: Frequency::Daily,
            interval: 1,
            end: End::Never,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_month: Vec::new(),
            by_set_pos: Vec::new(),
            week_start: Weekday::Mon,
        };
        let mut seen: Vec<String> = Vec::new();
        for part in text.strip_prefix("RRULE:").unwrap_or(text).split(';') {
            let Some((key, value)) = part.split_once('=') else {
                return Err(format!("`{part}` is not a part of a rule: write `FREQ=WEEKLY;BYDAY=MO`"));
            };
            let key = key.trim().to_uppercase();
            if seen.contains(&key) {
                return Err(format!("{key} stands there twice: keep one"));
            }
            rule.take(&key, value.trim().to_uppercase().as_str())?;
            seen.push(key);
        }
        if !seen.iter().any(|key| key == "FREQ") {
            return Err("the rule has no FREQ: begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY".to_owned());
        }
        if seen.iter().any(|key| key == "COUNT") && seen.iter().any(|key| key == "UNTIL") {
            return Err("a rule ends by COUNT or by UNTIL: keep one".to_owned());
        }
        rule.agrees()?;
        Ok(rule)
    }
}

impl Recurrence {
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "FREQ" => self.frequency = frequency(value)?,
            "INTERVAL" => self.interval = whole(key, value, 1, LONGEST_INTERVAL)?,
            "COUNT" => self.end = End::Count(whole(key, value, 1, MOST_OCCURRENCES)?),
            "UNTIL" => self.end = until(value)?,
            "BYDAY" => self.by_day = list(value, by_day)?,
            "BYMONTHDAY" => self.by_month_day = list(value, |day| signed(key, day, 31))?,
            "BYMONTH" => self.by_month = list(value, |month| whole(key, month, 1, 12))?,
            "BYSETPOS" => self.by_set_pos = list(value, |position| signed(key, position, 366))?,
            "WKST" => self.week_start = weekday(value)?,
            other if NOT_HERE.contains(&other) => {
                return Err(format!(
                    "{other} is not read: say the time of day with `start`, days with BYDAY, BYMONTHDAY and BYMONTH"
                ));
            }
            other => {
                return Err(format!(
                    "`{other}` is not a part of a rule: there are FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, \
                     BYMONTH, BYSETPOS and WKST"
                ));
            }
        }
        Ok(())
    }

    /// What the RFC forbids to be combined.
    fn agrees(&self) -> Result<(), String> {
        let has_nth = self.by_day.iter().any(|by| by.nth.is_some());
        if has_nth && matches!(self.frequency, Frequency::Daily | Frequency::Weekly) {
            return Err(
                "BYDAY with a number, such as 2MO, is for FREQ=MONTHLY and YEARLY: write the weekday alone"
                    .to_owned(),
            );
        }
        if has_nth && !self.by_month_day.is_empty() {
            return Err("BYDAY with a number does not go with BYMONTHDAY: write the weekday alone".to_owned());
        }
        if !self.by_month_day.is_empty() && self.frequency == Frequency::Weekly {
            return Err("BYMONTHDAY does not go with FREQ=WEEKLY: use FREQ=MONTHLY".to_owned());
        }
        if !self.by_set_pos.is_empty()
            && self.by_day.is_empty()
            && self.by_month_day.is_empty()
            && self.by_month.is_empty()
        {
            return Err(
                "BYSETPOS chooses among days that BYDAY, BYMONTHDAY or BYMONTH name: add one of them"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

fn frequency(value: &str) -> Result<Frequency, String> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        other => Err(format!(
            "FREQ={other} is not read: a calendar's spans recur DAILY, WEEKLY, MONTHLY or YEARLY"
        )),
    }
}

fn list<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(|item| read(item.trim())).collect()
}

fn whole(key: &str, value: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{key}={value} is not a whole number from {least} to {most}"))
}

fn signed(key: &str, value: &str, most: i32) -> Result<i32, String> {
    let number = value.parse().ok().filter(|number: &i32| *number != 0 && number.abs() <= most);
    number.ok_or_else(|| format!("{key}={value} is not a number from 1 to {most} or from -1 to -{most}"))
}

fn by_day(value: &str) -> Result<ByDay, String> {
    let at = value.len().saturating_sub(2);
    let (nth, day) = value.split_at_checked(at).unwrap_or(("", value));
    let weekday = weekday(day)?;
    let nth = if nth.is_empty() { None } else { Some(signed("BYDAY", nth.trim_start_matches('+'), 53)?) };
    Ok(ByDay { nth, weekday })
}

fn weekday(value: &str) -> Result<Weekday, String> {
    let known = [
        ("MO", Weekday::Mon),
        ("TU", Weekday::Tue),
        ("WE", Weekday::Wed),
        ("TH", Weekday::Thu),
        ("FR", Weekday::Fri),
        ("SA", Weekday::Sat),
        ("SU", Weekday::Sun),
    ];
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, weekday)| *weekday);
    found.ok_or_else(|| format!("`{value}` is not a weekday: there are MO, TU, WE, TH, FR, SA and SU"))
}

fn until(value: &str) -> Result<End, String> {
    let moment = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
    let end = match value.strip_suffix('Z') {
        Some(utc) => moment(utc).map(End::Utc),
        None => moment(value).map(End::Local),
    };
    let day = || NaiveDate::parse_from_str(value, "%Y%m%d").ok().map(End::Day);
    end.or_else(day).ok_or_else(|| {
        format!("UNTIL={value} is not a moment: write 20261231, 20261231T180000 or, in UTC, 20261231T170000Z")
    })
}
