//! Moments and durations as a test file spells them.

use std::time::Duration;

use anyhow::{Context, bail};
use plimsoll_model::Timestamp;

/// Where a test begins that doesn't say: a Monday morning.
pub(super) const DEFAULT_START: &str = "2026-01-05T08:00:00Z";

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// `90s`, `1h30m`, `0`.
pub(super) fn duration(text: &str) -> anyhow::Result<Duration> {
    let wrong = || format!("\"{text}\" is not a duration: write it like 90s, 5m or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut millis: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).with_context(wrong)?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        let part =
            number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        millis = part.and_then(|part| millis.checked_add(part)).with_context(wrong)?;
        rest = after;
    }
    if text.is_empty() {
        bail!(wrong());
    }
    Ok(Duration::from_millis(millis))
}

/// So long after or before `base`: `5m`, `+5m`, `-5m`; `None` when it is spelt otherwise.
pub(super) fn offset(text: &str, base: Timestamp) -> Option<Timestamp> {
    match text.strip_prefix('-') {
        Some(before) => duration(before).ok().map(|before| base - before),
        None => duration(text.strip_prefix('+').unwrap_or(text)).ok().map(|after| base + after),
    }
}

/// An offset from `base`, a clock's time on its day (UTC), or RFC 3339.
pub(super) fn moment(text: &str, base: Timestamp) -> anyhow::Result<Timestamp> {
    let found = offset(text, base).or_else(|| clock(text, base)).or_else(|| Timestamp::parse_rfc3339(text));
    found.with_context(|| {
        format!("\"{text}\" is no moment: write 5m (after the start), 08:30 (UTC, on its day) or 2026-01-05T08:30:00Z")
    })
}

fn clock(text: &str, base: Timestamp) -> Option<Timestamp> {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().ok().filter(|_| part.len() == 2));
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    let is_time = parts.next().is_none() && hours <= 24 && minutes < 60 && seconds < 60;
    let midnight = base.floor_to(Duration::from_hours(24));
    is_time.then(|| midnight + Duration::from_secs(hours * 3_600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_offset_a_clocks_time_or_a_date() {
        let start = Timestamp::parse_rfc3339(DEFAULT_START).expect("valid");
        let says = |text: &str| moment(text, start).expect(text).to_rfc3339();
        assert_eq!(says("0"), "2026-01-05T08:00:00.000Z");
        assert_eq!(says("1h30m"), "2026-01-05T09:30:00.000Z");
        assert_eq!(says("-10m"), "2026-01-05T07:50:00.000Z");
        assert_eq!(says("09:15"), "2026-01-05T09:15:00.000Z");
        assert_eq!(says("07:15:30"), "2026-01-05T07:15:30.000Z");
        assert_eq!(says("2026-01-06T00:00:00+01:00"), "2026-01-05T23:00:00.000Z");
        for wrong in ["", "5", "5 m", "25:00", "8:00", "tomorrow", "1x"] {
            assert!(moment(wrong, start).is_err(), "{wrong}");
        }
    }
}
