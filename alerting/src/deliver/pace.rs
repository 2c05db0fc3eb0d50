//! How fast a destination is told: a bucket of tokens for each integration. What finds none waits in the outbox, where
//! a newer word of the same group takes its place, and the most urgent goes first when there is one again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use plimsoll_model::Timestamp;

/// So many at once, and so many a minute after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub burst: u32,
    pub per_minute: u32,
}

/// For each kind of integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    pub email: RateLimit,
    pub pagerduty: RateLimit,
    pub webhook: RateLimit,
    pub slack: RateLimit,
    pub msteamsv2: RateLimit,
}

impl Default for RateLimits {
    /// People: what one can bear. Services: below what they refuse. Programs: what they can take.
    fn default() -> Self {
        Self {
            email: RateLimit { burst: 30, per_minute: 6 },
            pagerduty: RateLimit { burst: 60, per_minute: 100 },
            webhook: RateLimit { burst: 20_000, per_minute: 60_000 },
            slack: RateLimit { burst: 20, per_minute: 30 },
            msteamsv2: RateLimit { burst: 20, per_minute: 30 },
        }
    }
}

impl RateLimits {
    fn of(&self, kind: &str) -> RateLimit {
        match kind {
            "email" => self.email,
            "pagerduty" => self.pagerduty,
            "slack" => self.slack,
            "msteamsv2" => self.msteamsv2,
            _ => self.webhook,
        }
    }
}

/// Receiver and integration.
type Destination = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Pace {
    limits: RateLimits,
    buckets: Mutex<BTreeMap<Destination, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In millionths of a token: whole numbers, so that replays agree.
    tokens: u64,
    at: Timestamp,
}

const TOKEN: u64 = 1_000_000;

impl Pace {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// A token, or how long until there is one.
    pub(crate) fn take(&self, receiver: &str, integration: &str, now: Timestamp) -> Result<(), Duration> {
        let limit = self.limits.of(kind_of(integration));
        let full = u64::from(limit.burst.max(1)) * TOKEN;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let destination = (receiver.to_owned(), integration.to_owned());
        let bucket = buckets.entry(destination).or_insert(Bucket { tokens: full, at: now });
        let passed = u64::try_from(now.since(bucket.at).as_micros()).unwrap_or(u64::MAX);
        let per_minute = u64::from(limit.per_minute.max(1));
        bucket.tokens = bucket.tokens.saturating_add(passed.saturating_mul(per_minute) / 60).min(full);
        bucket.at = bucket.at.max(now);
        if bucket.tokens >= TOKEN {
            bucket.tokens -= TOKEN;
            return Ok(());
        }
        Err(Duration::from_micros((TOKEN - bucket.tokens) * 60 / per_minute))
    }
}

/// `email[0]` is of the kind `email`.
pub(crate) fn kind_of(integration: &str) -> &str {
    integration.split('[').next().unwrap_or(integration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_so_many_a_minute_after_that() {
        let slow = RateLimit { burst: 3, per_minute: 6 };
        let pace = Pace::new(RateLimits { email: slow, ..RateLimits::default() });
        let start = Timestamp::from_nanos(0);
        let take = |seconds: u64| pace.take("team", "email[0]", start + Duration::from_secs(seconds));
        for _ in 0..3 {
            assert_eq!(take(0), Ok(()));
        }
        assert_eq!(take(0), Err(Duration::from_secs(10)));
        assert_eq!(take(4), Err(Duration::from_secs(6)));
        assert_eq!(take(10), Ok(()));
        assert_eq!(take(10), Err(Duration::from_secs(10)));
        // An hour saves up no more than a burst, and others have buckets of their own.
        let taken = (0..10).filter(|_| take(3600).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(pace.take("team", "email[1]", start), Ok(()));
        assert_eq!(pace.take("other", "email[0]", start), Ok(()));
    }
}
