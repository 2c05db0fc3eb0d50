//! The clocks of the real world: the wall's, and one that runs faster for the demo.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plimsoll_model::{Clock, Sleep, Timestamp};

/// The machine's own time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(0) + since_epoch
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(wall_sleep(duration))
    }
}

/// Starts at the wall's time and runs `factor` times as fast from there.
#[derive(Clone, Copy, Debug)]
pub struct FastClock {
    start: Timestamp,
    started: Instant,
    factor: u32,
}

impl FastClock {
    #[must_use]
    pub fn new(factor: u32) -> Self {
        Self { start: SystemClock.now(), started: Instant::now(), factor: factor.max(1) }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.start + self.started.elapsed() * self.factor
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(wall_sleep(duration / self.factor))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall is waited for")]
async fn wall_sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_never_runs_behind_the_wall() {
        let clock = FastClock::new(20);
        let first = clock.now();
        let wall = Instant::now();
        while wall.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        assert!(clock.now().since(first) >= Duration::from_millis(40));
    }
}
