//! When requests are sent. An open loop has its moments fixed beforehand, whatever the receiver does: a receiver that
//! stalls makes requests late, and the lateness is part of their latency. A closed loop sends when an answer is there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::oneshot;

/// How fast, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Open loop with so many requests a second; `None`: closed loop, as fast as it goes.
    pub requests_per_second: Option<f64>,
    pub end: End,
    /// Spreads event times evenly over so long before the start; `None`: telemetry of the moment it is sent at.
    pub history: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
pub enum End {
    After(Duration),
    Requests(u64),
}

#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    started: Instant,
    next: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) request: u64,
    /// When it is to be sent; `None`: now.
    pub(super) due: Option<Instant>,
}

impl Schedule {
    pub(super) fn starting(pace: Pace, started: Instant) -> Self {
        Self { pace, started, next: AtomicU64::new(0) }
    }

    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// How long before the start the events of a request happened; `None` when they happen now.
    pub(super) fn age(&self, request: u64) -> Option<Duration> {
        let (history, End::Requests(count)) = (self.pace.history?, self.pace.end) else { return None };
        Some(history.mul_f64(1.0 - request as f64 / count as f64))
    }

    /// `None` at the end.
    pub(super) fn next(&self) -> Option<Turn> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let offset = self.pace.requests_per_second.map(|rate| Duration::from_secs_f64(request as f64 / rate));
        let over = match self.pace.end {
            End::Requests(count) => request >= count,
            End::After(duration) => offset.unwrap_or_else(|| self.started.elapsed()) >= duration,
        };
        (!over).then(|| Turn { request, due: offset.map(|offset| self.started + offset) })
    }
}

/// Wakes senders at their moment. The runtime's own timer counts in milliseconds, which is more than an answer takes, so
/// this one is a thread that waits in the kernel.
#[derive(Debug)]
pub(super) struct Alarm {
    calls: SyncSender<Call>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Call {
    due: Instant,
    wake: oneshot::Sender<()>,
}

impl Alarm {
    /// For so many senders, each of which waits for one moment at a time.
    pub(super) fn start(senders: usize) -> anyhow::Result<Self> {
        let (calls, received) = sync_channel(senders);
        let thread = std::thread::Builder::new().name("load-alarm".to_owned()).spawn(move || ring(&received));
        Ok(Self { calls, thread: thread.context("the alarm's thread can't start")? })
    }

    pub(super) async fn at(&self, due: Instant) {
        if due <= Instant::now() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        // The queue has room for every sender, and the thread lives as long as we do.
        if self.calls.send(Call { due, wake }).is_ok() {
            woken.await.ok();
        }
    }

    pub(super) fn stop(self) {
        drop(self.calls);
        // A panic of it would have been a panic of ours.
        self.thread.join().ok();
    }
}

fn ring(calls: &Receiver<Call>) {
    let mut waiting = BinaryHeap::new();
    loop {
        let call = match waiting.peek() {
            None => calls.recv().map_err(RecvTimeoutError::from),
            Some(Reverse(Call { due, .. })) => {
                calls.recv_timeout(due.saturating_duration_since(Instant::now()))
            }
        };
        match call {
            Ok(call) => waiting.push(Reverse(call)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(call)| call.due <= now) {
            if let Some(Reverse(call)) = waiting.pop() {
                // Whoever no longer waits has stopped.
                call.wake.send(()).ok();
            }
        }
    }
}

impl Ord for Call {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Call {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Call {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_has_its_moments_fixed_beforehand() {
        let started = Instant::now();
        let end = End::After(Duration::from_secs(1));
        let schedule =
            Schedule::starting(Pace { requests_per_second: Some(4.0), end, history: None }, started);
        let due: Vec<_> = std::iter::from_fn(|| schedule.next()).filter_map(|turn| turn.due).collect();
        assert_eq!(due, [0, 250, 500, 750].map(|ms| started + Duration::from_millis(ms)));
    }

    #[test]
    fn a_history_is_spread_evenly_and_ends_at_the_start() {
        let history = Some(Duration::from_secs(40));
        let pace = Pace { requests_per_second: None, end: End::Requests(4), history };
        let schedule = Schedule::starting(pace, Instant::now());
        let ages: Vec<_> = (0..4).filter_map(|request| schedule.age(request)).collect();
        assert_eq!(ages, [40, 30, 20, 10].map(Duration::from_secs));
    }

    #[test]
    fn a_closed_loop_ends_after_its_count() {
        let pace = Pace { requests_per_second: None, end: End::Requests(3), history: None };
        let schedule = Schedule::starting(pace, Instant::now());
        let turns: Vec<_> = std::iter::from_fn(|| schedule.next()).map(|turn| turn.request).collect();
        assert_eq!(turns, [0, 1, 2]);
    }

    #[tokio::test]
    async fn an_alarm_never_rings_early() {
        let alarm = Alarm::start(2).expect("a thread");
        let due = Instant::now() + Duration::from_millis(3);
        alarm.at(due).await;
        assert!(Instant::now() >= due);
        alarm.at(due).await;
        alarm.stop();
    }
}
