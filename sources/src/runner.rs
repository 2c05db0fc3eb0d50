//! One source's loop: look, hand in, remember, wait.
//!
//! The order is what makes reading exactly-once: records are durable before the cursor that accounts for them is, and a
//! reader begins from its cursor. What is read twice after a crash carries the same `event.id` and is stored once. A look
//! may be abandoned at any moment; handing in may not, once it has begun, so a stop waits for it.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Clock, Intake, IntakeError, Signal, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::board::Line;
use crate::cursor::CursorFile;
use crate::otlp::Origin;
use crate::source::{Batch, FetchError, Fetched, Source};

/// However broken a source or a door is, it is tried this often.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const SHORTEST_WAIT: Duration = Duration::from_millis(500);

/// What a source's loop runs on.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) source: Box<dyn Source>,
    pub(crate) origin: Origin,
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) cursor: CursorFile,
    pub(crate) line: Arc<Line>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Looks begin this far apart, never closer.
    pub(crate) interval: Duration,
    pub(crate) jitter: Jitter,
}

/// Told to stop while it was waiting.
struct Stopped;

impl Runner {
    /// Until `stop`. Nothing that the source does ends it.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let began = self.clock.now();
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = self.source.fetch() => fetched,
            };
            self.line.looked(self.clock.now().since(began));
            let wait = match self.settle(fetched, &stop).await {
                Ok(Next::Now) => continue,
                Ok(Next::Later) => {
                    failures = 0;
                    self.interval.saturating_sub(self.clock.now().since(began))
                }
                Ok(Next::AfterFailure) => {
                    failures = failures.saturating_add(1);
                    self.jitter
                        .spread(back_off(self.interval.max(SHORTEST_WAIT), failures))
                        .max(self.interval)
                }
                Err(Stopped) => return,
            };
            if self.pause(wait, &stop).await.is_err() {
                return;
            }
        }
    }

    async fn settle(
        &mut self,
        fetched: Result<Fetched, FetchError>,
        stop: &CancellationToken,
    ) -> Result<Next, Stopped> {
        let name = &self.origin.service;
        let mut fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return Ok(self.failed(&error)),
        };
        for batch in std::mem::take(&mut fetched.batches) {
            self.hand_in(batch, stop).await?;
        }
        if let Some(cursor) = fetched.cursor.take()
            && let Err(error) = self.remember(cursor).await
        {
            let error = format!("the cursor can't be written: {error}");
            if self.line.failed(error.clone(), self.clock.now()) {
                tracing::error!(source = %name, error, "a source is read again from where its cursor stands");
            }
            return Ok(Next::AfterFailure);
        }
        self.source.taken();
        if let Some(error) = fetched.failed.take() {
            return Ok(self.failed(&error));
        }
        self.line.succeeded(&fetched, self.clock.now());
        Ok(if fetched.more { Next::Now } else { Next::Later })
    }

    fn failed(&self, error: &FetchError) -> Next {
        if self.line.failed(error.to_string(), self.clock.now()) {
            tracing::warn!(source = %self.origin.service, %error, "a source can't be read; it is tried again");
        }
        Next::AfterFailure
    }

    async fn hand_in(&self, batch: Batch, stop: &CancellationToken) -> Result<(), Stopped> {
        let (name, signal) = (batch.name(), batch.signal());
        for (request, items) in self.origin.requests(batch) {
            let mut attempts = 0_u32;
            loop {
                match self.take(signal, request.clone()).await {
                    Ok((refused, complaint)) => {
                        self.line.took(name, items.saturating_sub(refused), refused);
                        complaint.into_iter().for_each(|complaint| self.line.complain(complaint));
                        break;
                    }
                    Err(error) => {
                        attempts = attempts.saturating_add(1);
                        let Some(asked) = error.retry_after else {
                            // The same bytes will never be taken, and nothing behind them must wait for that.
                            tracing::error!(source = %self.origin.service, signal = name, items, %error, "fetched records were refused");
                            self.line.took(name, 0, items);
                            self.line.complain(error.message);
                            break;
                        };
                        self.line.deferred();
                        self.pause(asked.max(back_off(SHORTEST_WAIT, attempts)), stop).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many were refused for good, and why.
    async fn take(
        &self,
        signal: Signal,
        request: bytes::Bytes,
    ) -> Result<(u64, Option<String>), IntakeError> {
        let taken = self.intake.take(signal, request).await?;
        Ok((taken.refused, (taken.refused > 0).then_some(taken.complaint)))
    }

    async fn remember(&self, cursor: serde_json::Value) -> std::io::Result<()> {
        let file = self.cursor.clone();
        let saved = tokio::task::spawn_blocking(move || file.save(&cursor)).await;
        saved.map_err(std::io::Error::other)?
    }

    async fn pause(&self, wait: Duration, stop: &CancellationToken) -> Result<(), Stopped> {
        if wait.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => Err(Stopped),
            () = self.clock.sleep(wait) => Ok(()),
        }
    }
}

enum Next {
    Now,
    Later,
    AfterFailure,
}

/// Doubles with each failure in a row.
fn back_off(first: Duration, failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1).min(10)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(LONGEST_WAIT.max(first))
}

/// Spreads retries, so that what failed together isn't tried together. Seeded from `src/`.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn seeded(seed: u64, name: &str) -> Self {
        Self(
            name.bytes().fold(seed | 1, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// Between three quarters and five quarters of it.
    fn spread(&mut self, wait: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = u32::try_from(self.0 >> 33 & 0xff).unwrap_or_default();
        wait * (192 + share / 2) / 256
    }
}

/// As of now by a clock, rounded to what a status needs.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    let secs = now.since(then).as_secs();
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        _ => format!("{} h", secs / 3_600),
    }
}

#[cfg(test)]
mod tests;
