//! The wall's clock, which is the only one that a real process has. Nothing else in the tests reads it or waits on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plimsoll_model::Timestamp;

const POLL: Duration = Duration::from_millis(20);

/// Polls until `probe` has an answer; past `limit` the test fails with what it waited for.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = tokio::time::Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        pause().await;
    }
}

/// A moment, for loops that [`eventually`] does not fit.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at another process, which has no clock of ours"
)]
pub(crate) async fn pause() {
    tokio::time::sleep(POLL).await;
}

/// Event time for rows that must be recent.
#[expect(clippy::disallowed_methods, reason = "the process under test runs on the wall's clock")]
pub(crate) fn now_unix_nanos() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since_epoch.as_nanos()).expect("before 2554")
}

/// The moments of a timeline that two real processes live through side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    instant: tokio::time::Instant,
    unix_nanos: u64,
}

impl Beginning {
    /// `after` from now.
    pub(crate) fn in_a(after: Duration) -> Self {
        let nanos = u64::try_from(after.as_nanos()).expect("a few seconds");
        Self { instant: tokio::time::Instant::now() + after, unix_nanos: now_unix_nanos() + nanos }
    }

    /// Returns that long after the beginning, and how much too late it is then.
    #[expect(
        clippy::disallowed_methods,
        reason = "the processes compared have timers of their own, on the wall's clock"
    )]
    pub(crate) async fn reach(self, after: Duration) -> Duration {
        let moment = self.instant + after;
        tokio::time::sleep_until(moment).await;
        moment.elapsed()
    }

    /// Seconds since the beginning; negative before it.
    pub(crate) fn elapsed_secs(self) -> f64 {
        let now = tokio::time::Instant::now();
        match now.checked_duration_since(self.instant) {
            Some(since) => since.as_secs_f64(),
            None => -self.instant.duration_since(now).as_secs_f64(),
        }
    }

    /// How many seconds after `other` this one is.
    pub(crate) fn secs_after(self, other: Self) -> f64 {
        match self.instant.checked_duration_since(other.instant) {
            Some(after) => after.as_secs_f64(),
            None => -other.instant.duration_since(self.instant).as_secs_f64(),
        }
    }

    /// As in RFC 3339, with milliseconds.
    pub(crate) fn rfc3339(self, after_secs: f64) -> String {
        let began = Timestamp::from_nanos(i64::try_from(self.unix_nanos).expect("before 2262"));
        let apart = Duration::from_secs_f64(after_secs.abs());
        if after_secs < 0.0 { (began - apart).to_rfc3339() } else { (began + apart).to_rfc3339() }
    }

    /// Seconds from the beginning to a moment in RFC 3339.
    pub(crate) fn secs_until(self, moment: &str) -> f64 {
        let moment = Timestamp::parse_rfc3339(moment).expect("RFC 3339");
        let nanos = moment.nanos() - i64::try_from(self.unix_nanos).expect("before 2262");
        nanos as f64 / 1e9
    }
}
