//! The wall's clock, which is the only one that a real process has. Nothing else in the tests reads it or waits on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
