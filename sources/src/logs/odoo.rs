//! Odoo's log lines, versions 16 to 19: who says it, how bad it is, and what it means where it means something.
//!
//! Times are local and carry no zone, so the zone is the source's to state. Logins and the values in failed statements are
//! left out here already.

use std::sync::LazyLock;

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;
use regex::Regex;

use crate::statement::normalised;

mod meaning;

pub(crate) use meaning::{Meaning, Request, meaning};

/// A record whose head was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) time: Timestamp,
    pub(crate) pid: i64,
    pub(crate) level: &'a str,
    /// `None` outside a request.
    pub(crate) database: Option<&'a str>,
    pub(crate) logger: &'a str,
    /// With the lines that follow the head.
    pub(crate) message: &'a str,
}

static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (\d+) (DEBUG|INFO|WARNING|ERROR|CRITICAL|RUNBOT) (\S+) ([^\s:]+): ?",
    )
});

/// The pattern is ours, so it is one.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours is valid, which the tests of this room see")
}

pub(crate) fn is_head(line: &str) -> bool {
    HEAD.is_match(line)
}

impl<'a> Line<'a> {
    pub(crate) fn parse(text: &'a str, zone: Tz) -> Option<Self> {
        let head = HEAD.captures(text)?;
        let part = |i: usize| head.get(i).map_or("", |part| part.as_str());
        let message = text.get(head.get(0)?.end()..)?;
        Some(Self {
            time: local_time(part(1), zone)?,
            pid: part(2).parse().ok()?,
            level: part(3),
            database: Some(part(4)).filter(|database| !matches!(*database, "?" | "None")),
            logger: part(5),
            message: message.trim_end(),
        })
    }

    pub(crate) fn severity(&self) -> (i32, &'static str) {
        match self.level {
            "DEBUG" => (5, "DEBUG"),
            "WARNING" => (13, "WARN"),
            "ERROR" => (17, "ERROR"),
            "CRITICAL" => (21, "FATAL"),
            _ => (9, "INFO"),
        }
    }

    /// What is kept of the message: without logins, and without the values of statements.
    pub(crate) fn body(&self) -> String {
        if let Some(failed) = self.message.strip_prefix("bad query: ") {
            let (sql, error) = failed.rsplit_once("\nERROR: ").unwrap_or((failed, ""));
            let error = error.lines().next().unwrap_or_default();
            return format!("bad query: {}\nERROR: {error}", normalised(bytes_literal(sql)));
        }
        static LOGIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"login:\S+"));
        if self.message.starts_with("Login ") {
            return LOGIN.replace(self.message, "login:?").into_owned();
        }
        self.message.to_owned()
    }
}

/// 18 and later print a statement as Python prints bytes.
fn bytes_literal(sql: &str) -> &str {
    let inner = sql.strip_prefix("b'").and_then(|sql| sql.strip_suffix('\''));
    inner.or_else(|| sql.strip_prefix("b\"").and_then(|sql| sql.strip_suffix('"'))).unwrap_or(sql)
}

/// In the hour that a clock shows twice, the first; in the hour that it skips, as if it hadn't.
pub(crate) fn local_time(text: &str, zone: Tz) -> Option<Timestamp> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S,%3f").ok()?;
    let at = zone.from_local_datetime(&local);
    let at = at.earliest().or_else(|| {
        let before = zone.from_local_datetime(&(local - chrono::TimeDelta::hours(1))).earliest()?;
        Some(before + chrono::TimeDelta::hours(1))
    })?;
    at.timestamp_nanos_opt().map(Timestamp::from_nanos)
}

#[cfg(test)]
#[path = "odoo/tests.rs"]
mod tests;
