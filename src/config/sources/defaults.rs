//! What holds where an entry is silent.

use std::time::Duration;

use super::Span;

pub(super) const fn postgres_port() -> u16 {
    5432
}

pub(super) fn postgres() -> String {
    "postgres".to_owned()
}

pub(super) fn reader() -> String {
    "plimsoll".to_owned()
}

pub(super) const fn a_moment() -> Span {
    Span(Duration::from_millis(200))
}

pub(super) const fn a_second() -> Span {
    Span(Duration::from_secs(1))
}

pub(super) const fn fifteen_seconds() -> Span {
    Span(Duration::from_secs(15))
}

pub(super) const fn five_seconds() -> Span {
    Span(Duration::from_secs(5))
}

pub(super) const fn ten_seconds() -> Span {
    Span(Duration::from_secs(10))
}

pub(super) const fn a_minute() -> Span {
    Span(Duration::from_secs(60))
}

pub(super) const fn a_quarter() -> Span {
    Span(Duration::from_mins(15))
}

pub(super) const fn an_hour() -> Span {
    Span(Duration::from_hours(1))
}
