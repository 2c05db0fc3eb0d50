//! Between moments and the clock on the wall, where clocks are changed.

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use plimsoll_model::Timestamp;

/// The widest gap there was is a day: Apia left out 30 December 2011.
const AROUND_A_GAP: TimeDelta = TimeDelta::days(2);

pub(crate) fn zone_named(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        format!("`{name}` is not a time zone: write a name of the IANA database such as Europe/Berlin or UTC")
    })
}

/// What the clock on the wall shows, in whole seconds.
pub(super) fn local(zone: Tz, at: Timestamp) -> NaiveDateTime {
    let utc = chrono::DateTime::from_timestamp(at.nanos().div_euclid(1_000_000_000), 0);
    zone.from_utc_datetime(&utc.unwrap_or_default().naive_utc()).naive_local()
}

/// The first moment at which the wall shows `wanted` or later: of a time that exists twice the first, and of one that
/// doesn't exist the end of the gap. So a later time on the wall never comes at an earlier moment.
pub(crate) fn first_moment(zone: Tz, wanted: NaiveDateTime) -> Timestamp {
    if let Some(found) = zone.from_local_datetime(&wanted).earliest() {
        return Timestamp::from_secs(found.timestamp());
    }
    let mut before = (wanted - AROUND_A_GAP).and_utc().timestamp();
    let mut after = (wanted + AROUND_A_GAP).and_utc().timestamp();
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if local(zone, Timestamp::from_secs(middle)) < wanted { before = middle } else { after = middle }
    }
    Timestamp::from_secs(after)
}
