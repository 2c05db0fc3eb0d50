//! A moment in UTC with nanoseconds, as OTLP and Arrow carry it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Nanoseconds since the Unix epoch. Arithmetic saturates: a far-future timestamp must not bring the process down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// RFC 3339 with whatever offset; what lies beyond the year 2262 has no `Timestamp`.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Self)
    }

    /// RFC 3339, with what lies before or beyond all `Timestamp`s at the end that it is nearer to: Go's zero time, which means
    /// "none", is [`Self::MIN`], and the year 9999 is [`Self::MAX`].
    #[must_use]
    pub fn parse_rfc3339_saturating(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        let out_of_range = if moment.timestamp() < 0 { Self::MIN } else { Self::MAX };
        Some(moment.timestamp_nanos_opt().map_or(out_of_range, Self))
    }

    /// `2026-11-21T10:17:08.123Z`: milliseconds are what people compare.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }

    /// The start of the `step`-wide interval that holds this moment; also right before 1970.
    #[must_use]
    pub fn floor_to(self, step: Duration) -> Self {
        let step = nanos_of(step).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(step)))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_nanos(nanos.unsigned_abs())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flooring_goes_down_on_both_sides_of_the_epoch() {
        let ten = Duration::from_secs(10);
        assert_eq!(Timestamp::from_secs(19).floor_to(ten), Timestamp::from_secs(10));
        assert_eq!(Timestamp::from_secs(-1).floor_to(ten), Timestamp::from_secs(-10));
        assert_eq!(Timestamp::from_secs(20).floor_to(ten), Timestamp::from_secs(20));
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
    }

    #[test]
    fn rfc3339_is_read_with_offsets_and_written_in_utc() {
        let read = Timestamp::parse_rfc3339("2026-11-21T11:00:00.5+01:00").expect("valid");
        assert_eq!(read.to_rfc3339(), "2026-11-21T10:00:00.500Z");
        assert_eq!(Timestamp::parse_rfc3339("9999-01-01T00:00:00Z"), None);
        let saturated = Timestamp::parse_rfc3339_saturating;
        assert_eq!(saturated("9999-01-01T00:00:00Z"), Some(Timestamp::MAX));
        assert_eq!(saturated("0001-01-01T00:00:00.000Z"), Some(Timestamp::MIN));
        assert_eq!(saturated("2026-11-21T11:00:00.5+01:00"), Some(read));
        assert_eq!(saturated("yesterday"), None);
    }
}
