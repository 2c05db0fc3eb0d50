//! When to flush: a table that is full enough or old enough, everything when memory runs short, and at the end. And when
//! to keep house: after a pause, whatever is due.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Clock, Table, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::state::Shared;
use crate::{Config, Lake};

/// After a failed flush.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct FlushPolicy {
    rows: usize,
    age: Duration,
}

impl FlushPolicy {
    pub(crate) fn of(config: &Config) -> Self {
        Self { rows: config.flush_rows, age: config.flush_age }
    }

    /// How long a table with this many rows, the oldest here since `since`, may still wait.
    fn patience(&self, rows: usize, since: Timestamp, now: Timestamp) -> Duration {
        if rows >= self.rows { Duration::ZERO } else { self.age.saturating_sub(now.since(since)) }
    }

    /// The tables that are due, and when to look again if nothing comes.
    fn look(&self, shared: &Shared, now: Timestamp) -> (Vec<Table>, Duration) {
        let is_pressed = shared.is_pressed();
        let mut due = Vec::new();
        let mut next = self.age;
        for table in Table::ALL {
            let Some((rows, since)) = shared.waiting(table) else { continue };
            match self.patience(rows, since, now) {
                patience if patience.is_zero() || is_pressed => due.push(table),
                patience => next = next.min(patience),
            }
        }
        (due, next)
    }
}

pub(crate) async fn maintain(
    lake: &Lake,
    policy: FlushPolicy,
    shared: &Arc<Shared>,
    clock: &dyn Clock,
    stop: CancellationToken,
) {
    let mut is_failing = false;
    while !stop.is_cancelled() {
        // Registered before looking, so that rows which come in between wake us.
        let appended = shared.appended.notified();
        let (due, next) = policy.look(shared, clock.now());
        if due.is_empty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = appended => {}
                () = clock.sleep(next) => {}
            }
            continue;
        }
        match lake.flush_tables(due).await {
            Ok(()) => is_failing = false,
            Err(error) => {
                if !is_failing {
                    tracing::error!(%error, "rows can't be flushed to their Delta table, trying again until they can");
                }
                is_failing = true;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = clock.sleep(RETRY_AFTER) => {}
                }
            }
        }
    }
    if let Err(error) = lake.flush().await {
        tracing::error!(%error, "the last flush failed, the rows stay in the log until the next start");
    }
}

/// While the log fails, looks whether it still does, so that it is known to work again before anybody sends.
pub(crate) async fn probe_log(lake: &Lake, clock: &dyn Clock, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(RETRY_AFTER) => {}
        }
        // A writer that is gone is for the owner of the process to see.
        if lake.stats().is_log_failing && lake.probe_log().await.is_err() {
            return;
        }
    }
}

/// One pass of upkeep after the other, with a pause that is the budget.
pub(crate) async fn keep_up(lake: &Lake, clock: &dyn Clock, stop: &CancellationToken) {
    let pause = lake.upkeep_pause().await;
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(pause) => {}
        }
        match lake.keep_house(stop).await {
            Ok(()) => is_failing = false,
            Err(_) if stop.is_cancelled() => return,
            Err(error) => {
                if !is_failing {
                    tracing::error!(%error, "the lake's upkeep is held up, trying again");
                }
                is_failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_waits_until_it_is_full_or_old() {
        let policy = FlushPolicy { rows: 100, age: Duration::from_secs(30) };
        let at = Timestamp::from_secs;
        assert_eq!(policy.patience(5, at(10), at(20)), Duration::from_secs(20));
        assert_eq!(policy.patience(100, at(10), at(10)), Duration::ZERO);
        assert_eq!(policy.patience(5, at(10), at(41)), Duration::ZERO);
        assert_eq!(policy.patience(5, at(10), at(3)), Duration::from_secs(30), "the clock stepped back");
    }
}
