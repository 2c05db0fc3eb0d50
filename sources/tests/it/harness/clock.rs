//! The wall's time: real servers have no other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plimsoll_model::{Clock, Sleep, Timestamp};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "servers of a test run by the wall's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(0) + SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
    }

    #[expect(clippy::disallowed_methods, reason = "servers of a test run by the wall's clock")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Generous: two cores that are busy with other tests.
const LIMIT: Duration = Duration::from_secs(40);

/// Until it is true, or the test fails.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        loop {
            if let Some(found) = check().await {
                return found;
            }
            assert!(began.elapsed() < LIMIT, "{place}: it never came to this: {what}");
            WallClock.sleep(Duration::from_millis(50)).await;
        }
    }
}
