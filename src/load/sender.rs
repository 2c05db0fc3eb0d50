//! One connection's work: take a turn, make its body, wait for its moment, send it until it is settled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plimsoll_model::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::bodies::{Bodies, Body};
use super::client::{Answer, Compression, Connection};
use super::ids::mix;
use super::outcomes::{Outcome, Outcomes};
use super::pace::{Alarm, Schedule, Turn};
use super::tally::Tally;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the senders of a run share.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) bodies: Bodies,
    pub(super) compression: Compression,
    pub(super) schedule: Schedule,
    pub(super) alarm: Alarm,
    /// The moment at which the schedule started, as the wall's clock has it.
    pub(super) epoch: Timestamp,
    /// A request is tried for so long.
    pub(super) give_up_after: Duration,
    pub(super) stop: CancellationToken,
    pub(super) clock: Arc<dyn Clock>,
    books: Mutex<Books>,
}

/// What happened, kept together so that it agrees.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) tally: Tally,
    pub(super) outcomes: Outcomes,
}

/// A request whose moment has come.
#[derive(Debug)]
struct Parcel {
    request: u64,
    body: Body,
    wire: bytes::Bytes,
    due: Instant,
    answer_was_lost: bool,
}

impl Books {
    pub(super) fn new(outcomes: Outcomes) -> Mutex<Self> {
        Mutex::new(Self { tally: Tally::default(), outcomes })
    }
}

impl Sending {
    #[expect(clippy::too_many_arguments, reason = "each is a different thing, named by its field")]
    pub(super) fn new(
        bodies: Bodies,
        compression: Compression,
        schedule: Schedule,
        alarm: Alarm,
        give_up_after: Duration,
        stop: CancellationToken,
        clock: Arc<dyn Clock>,
        outcomes: Outcomes,
    ) -> Self {
        let epoch = clock.now();
        let books = Books::new(outcomes);
        Self { bodies, compression, schedule, alarm, epoch, give_up_after, stop, clock, books }
    }

    /// Until the schedule ends or the run is stopped.
    pub(super) async fn run(&self, mut connection: Connection) -> anyhow::Result<()> {
        while !self.stop.is_cancelled() {
            let Some(turn) = self.schedule.next() else { break };
            let parcel = self.pack(turn)?;
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = self.alarm.at(parcel.due) => {}
            }
            self.deliver(&mut connection, parcel).await?;
        }
        Ok(())
    }

    /// Made and compressed before its moment, so that the answer's time is all that is measured.
    fn pack(&self, turn: Turn) -> anyhow::Result<Parcel> {
        let body = self.bodies.make(turn.request, self.happened(turn));
        // A gRPC client compresses what it frames.
        let wire = self.compression.of(&body.bytes)?;
        let due = turn.due.unwrap_or_else(Instant::now);
        Ok(Parcel { request: turn.request, body, wire, due, answer_was_lost: false })
    }

    /// Event time: the moment it is sent at, unless a history is made up.
    fn happened(&self, turn: Turn) -> Timestamp {
        if let Some(age) = self.schedule.age(turn.request) {
            let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
            return Timestamp::from_nanos(self.epoch.nanos().saturating_sub(age));
        }
        let at = turn.due.unwrap_or_else(Instant::now);
        self.epoch + at.saturating_duration_since(self.schedule.started())
    }

    async fn deliver(&self, connection: &mut Connection, mut parcel: Parcel) -> anyhow::Result<()> {
        self.books().outcomes.sending(parcel.request, &parcel.body);
        let mut attempt = 0;
        loop {
            let answer = connection.send(parcel.body.signal, parcel.wire.clone()).await;
            let (code, after) = match answer {
                Answer::Later { code, after } => (code, after),
                Answer::Lost { code } => {
                    parcel.answer_was_lost = true;
                    (code, None)
                }
                settled => return self.settle(&parcel, &settled),
            };
            self.books().tally.retry(&code);
            let pause = after.unwrap_or_else(|| backoff(parcel.request, attempt));
            attempt += 1;
            let given_up = parcel.due.elapsed() + pause > self.give_up_after;
            let stopped = given_up
                || tokio::select! {
                    () = self.stop.cancelled() => true,
                    () = self.clock.sleep(pause) => false,
                };
            if stopped {
                let message = "given up".to_owned();
                return self.settle(&parcel, &Answer::Refused { code, message });
            }
        }
    }

    fn settle(&self, parcel: &Parcel, answer: &Answer) -> anyhow::Result<()> {
        let latency = parcel.due.elapsed();
        let (signal, count) = (parcel.body.signal, self.bodies.contents().items_per_request);
        let books = &mut *self.books();
        let items = books.tally.items(signal);
        items.requests += 1;
        items.sent += count;
        let mut rejected_items = 0;
        let outcome = match answer {
            Answer::Acknowledged { rejected } => {
                rejected_items = (*rejected).min(count);
                items.acknowledged += count - rejected_items;
                items.rejected += rejected_items;
                books.tally.acknowledged(latency, parcel.body.bytes.len(), parcel.wire.len());
                match (parcel.answer_was_lost, rejected_items) {
                    (true, _) => Outcome::Repeated,
                    (false, 0) => Outcome::Acknowledged,
                    (false, _) => Outcome::Partly,
                }
            }
            Answer::Refused { code, message } => {
                let unknown = parcel.answer_was_lost;
                *(if unknown { &mut items.unknown } else { &mut items.refused }) += count;
                books.tally.refusal(code, message);
                if unknown { Outcome::Unknown } else { Outcome::Absent }
            }
            Answer::Later { .. } | Answer::Lost { .. } => unreachable!("these are tried again"),
        };
        books.outcomes.settle(parcel.request, signal, count, outcome, rejected_items)?;
        Ok(())
    }

    /// Held for a moment only: never while something is awaited.
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the alarm and hands out what happened.
    pub(super) fn finish(self) -> Books {
        self.alarm.stop();
        self.books.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Doubles with each attempt, up to half shorter so that senders that were turned away together come back apart.
fn backoff(request: u64, attempt: u32) -> Duration {
    let whole = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(attempt.min(10)));
    let spread = mix(request + 1) % 1_000;
    whole.mul_f64(1.0 - spread as f64 / 2_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_their_limit() {
        for attempt in 0..40 {
            let pause = backoff(7, attempt);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE, "{attempt}: {pause:?}");
        }
        assert!(backoff(7, 5) > backoff(7, 1));
        assert_ne!(backoff(7, 3), backoff(8, 3));
    }
}
