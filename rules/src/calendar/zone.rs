//! Wall clocks. A moment has one local time; a local time has one moment, or two, or none, where clocks are changed.
//!
//! RFC 5545 (3.3.5) decides, as it does for every calendar that people share: a local time that exists twice is the
//! first of the two, one that does not exist is read with the offset that held before the gap (02:30 on the night on which
//! 02:00 becomes 03:00 is the moment that clocks show as 03:30).

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

const DAY_SECS: i64 = 86_400;

/// What is asked lies between 1900 and 2200: `Timestamp` reaches to 2262, and no shift of a local time leaves that.
const EARLIEST: i64 = -2_208_988_800;
const LATEST: i64 = 7_258_118_400;

pub(crate) fn named(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        format!("`{name}` is not a time zone: write a name of the IANA database such as Europe/Berlin or UTC")
    })
}

/// Whole seconds since 1970, within what calendars answer for.
pub(crate) fn seconds(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000_000).clamp(EARLIEST, LATEST)
}

pub(crate) fn local(zone: Tz, time: Timestamp) -> NaiveDateTime {
    naive(seconds(time) + offset(zone, seconds(time)))
}

/// The moment of a local time.
pub(crate) fn moment(zone: Tz, local: NaiveDateTime) -> Timestamp {
    let wanted = local.and_utc().timestamp().clamp(EARLIEST, LATEST);
    if let Some(found) = zone.from_local_datetime(&naive(wanted)).earliest() {
        return Timestamp::from_secs(found.timestamp());
    }
    // In a gap: the widest there was is a day (Apia left out 30 December 2011).
    let around = stretches(zone, wanted - 2 * DAY_SECS, wanted + 2 * DAY_SECS);
    let before = around.iter().rev().find(|stretch| wanted - stretch.offset >= stretch.to);
    let offset = before.map_or_else(|| offset(zone, wanted), |stretch| stretch.offset);
    Timestamp::from_secs(wanted - offset)
}

/// Seconds in which the zone's offset stays the same: [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Seconds east of UTC.
    pub(crate) offset: i64,
}

/// [from, to) in stretches of one offset each. No zone has changed its clocks twice within a day.
pub(crate) fn stretches(zone: Tz, from: i64, to: i64) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut at = from;
    let mut current = Stretch { from, to: from, offset: offset(zone, from) };
    while at < to {
        let next = (at + DAY_SECS).min(to);
        let then = offset(zone, next);
        if then != current.offset {
            let change = change_between(zone, at, next, current.offset);
            found.push(Stretch { to: change, ..current });
            current = Stretch { from: change, to: change, offset: then };
        }
        at = next;
    }
    found.push(Stretch { to: to.max(from), ..current });
    found.retain(|stretch| stretch.from < stretch.to);
    found
}

/// The first second after `before` that no longer has the offset.
fn change_between(zone: Tz, mut before: i64, mut after: i64, held: i64) -> i64 {
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(zone, middle) == held { before = middle } else { after = middle }
    }
    after
}

fn offset(zone: Tz, secs: i64) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&naive(secs)).fix().local_minus_utc())
}

/// Seconds since 1970 on a clock without a zone.
pub(crate) fn naive(secs: i64) -> NaiveDateTime {
    DateTime::from_timestamp(secs, 0).map(|time| time.naive_utc()).unwrap_or_default()
}

/// The other way round.
pub(crate) fn naive_seconds(local: NaiveDateTime) -> i64 {
    local.and_utc().timestamp()
}

pub(crate) fn days(count: i64) -> TimeDelta {
    TimeDelta::try_days(count).unwrap_or_default()
}
