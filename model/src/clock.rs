//! Time is handed down from `src/`, so that a test can move it and the demo can run it faster.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::Timestamp;

/// A sleep on a [`Clock`]; dropping it cancels it.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The only source of "now" that rooms may use.
pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> Timestamp;

    /// Ready once `duration` has passed on this clock, which need not be the wall's.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// A clock that stands still until it is told to move.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<ManualState>>,
}

#[derive(Debug)]
struct ManualState {
    now: Timestamp,
    sleepers: Vec<Waker>,
}

impl ManualClock {
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let state = ManualState { now, sleepers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    pub fn advance(&self, duration: Duration) {
        let sleepers = {
            let mut state = self.lock();
            state.now = state.now + duration;
            std::mem::take(&mut state.sleepers)
        };
        for sleeper in sleepers {
            sleeper.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let until = clock.now() + duration;
        Box::pin(std::future::poll_fn(move |context: &mut Context<'_>| {
            let mut state = clock.lock();
            if state.now >= until {
                return Poll::Ready(());
            }
            state.sleepers.push(context.waker().clone());
            Poll::Pending
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_when_the_clock_has_passed_it_and_not_before() {
        let clock = ManualClock::at(Timestamp::from_secs(0));
        let mut sleep = clock.sleep(Duration::from_secs(10));
        let mut context = Context::from_waker(Waker::noop());

        clock.advance(Duration::from_secs(9));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
    }
}
