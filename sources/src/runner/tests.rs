//! The loop against a source and a door that fail as told, on a clock that stands still.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use plimsoll_model::{ManualClock, SourceKind, Taken, Taking, TenantName};
use prost::Message;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::otlp::Record;

/// Takes what it is told to take.
#[derive(Debug, Default)]
struct Door {
    answers: Mutex<VecDeque<Result<Taken, IntakeError>>>,
    bodies: Mutex<Vec<String>>,
}

impl Intake for Door {
    fn take(&self, _signal: Signal, request: Bytes) -> Taking<'_> {
        let answer = self.answers.lock().expect("not poisoned").pop_front().unwrap_or(Ok(Taken::default()));
        if answer.is_ok() {
            let request = ExportLogsServiceRequest::decode(request).expect("OTLP");
            let records = &request.resource_logs[0].scope_logs[0].log_records;
            let names = records.iter().map(|record| record.event_name.clone());
            self.bodies.lock().expect("not poisoned").extend(names);
        }
        Box::pin(async move { answer })
    }
}

/// Brings one record a look, named after its number, from a cursor on.
#[derive(Debug)]
struct Counting {
    next: u64,
    fails: u32,
    looks: Arc<Mutex<Vec<Timestamp>>>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Source for Counting {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        self.looks.lock().expect("not poisoned").push(self.clock.now());
        if self.fails > 0 {
            self.fails -= 1;
            return Err(FetchError::new("it is down"));
        }
        let record = Record::at(self.clock.now(), self.clock.now()).named(&format!("n{}", self.next)).build();
        Ok(Fetched {
            batches: vec![Batch::Events(vec![record])],
            cursor: Some(json!(self.next + 1)),
            ..Fetched::default()
        })
    }

    fn taken(&mut self) {
        self.next += 1;
    }
}

struct Bench {
    clock: ManualClock,
    door: Arc<Door>,
    looks: Arc<Mutex<Vec<Timestamp>>>,
    line: Arc<Line>,
    folder: TempDir,
    stop: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_secs(1_000));
        let tenant = TenantName::default();
        let line = Line::new("s", SourceKind::Odoo, &tenant, &["business_events"], secs(5), clock.now());
        Self {
            door: Arc::default(),
            looks: Arc::default(),
            line: Arc::new(line),
            folder: tempfile::tempdir().expect("a folder"),
            stop: CancellationToken::new(),
            clock,
        }
    }

    fn runner(&self, fails: u32) -> Runner {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let cursor = CursorFile::at(self.folder.path().join("s.json"));
        let next = cursor.load().expect("readable").and_then(|cursor| cursor.as_u64()).unwrap_or(0);
        let source = Counting { next, fails, looks: Arc::clone(&self.looks), clock: Arc::clone(&clock) };
        Runner {
            source: Box::new(source),
            origin: Origin { service: "s".into(), kind: SourceKind::Odoo },
            intake: Arc::<Door>::clone(&self.door),
            cursor,
            line: Arc::clone(&self.line),
            clock,
            interval: secs(5),
            jitter: Jitter::seeded(7, "s"),
        }
    }

    /// Lets the loop run until `done`, moving time by a second whenever it waits.
    async fn run_until(&self, runner: Runner, done: impl Fn(&Self) -> bool) {
        let task = tokio::spawn(runner.run(self.stop.clone()));
        for _ in 0..100_000 {
            if done(self) {
                break;
            }
            tokio::task::yield_now().await;
            self.clock.advance(Duration::from_millis(100));
        }
        assert!(done(self), "it never came so far");
        self.stop.cancel();
        task.await.expect("the loop ends when it is told to");
    }

    fn taken(&self) -> Vec<String> {
        self.door.bodies.lock().expect("not poisoned").clone()
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test]
async fn looks_are_never_closer_than_the_interval_and_a_failure_backs_off() {
    let bench = Bench::new();
    bench.run_until(bench.runner(4), |bench| bench.taken().len() >= 3).await;
    let looks = bench.looks.lock().expect("not poisoned").clone();
    let gaps: Vec<u64> = looks.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert!(gaps.iter().all(|gap| *gap >= 5), "{gaps:?}");
    assert!(gaps[3] > 25, "the fourth failure in a row waits: {gaps:?}");
    assert_eq!(bench.line.stats(bench.clock.now()).polls.failed, 4);
}

#[tokio::test]
async fn the_cursor_moves_only_after_the_door_took_it() {
    let bench = Bench::new();
    let later = IntakeError { message: "full".into(), retry_after: Some(secs(1)) };
    bench.door.answers.lock().expect("not poisoned").extend([Err(later.clone()), Err(later)]);
    bench.run_until(bench.runner(0), |bench| bench.taken().len() >= 2).await;
    assert_eq!(bench.taken()[..2], ["n0", "n1"]);
    assert_eq!(bench.line.stats(bench.clock.now()).polls.deferred, 2);

    // A new process goes on where the file stands.
    let taken = bench.taken().len();
    let again = Bench { stop: CancellationToken::new(), ..bench };
    let expected = format!("n{taken}");
    again.run_until(again.runner(0), |bench| bench.taken().len() > taken).await;
    assert_eq!(again.taken()[taken], expected);
}

#[tokio::test]
async fn what_will_never_be_taken_is_counted_and_stops_nothing_behind_it() {
    let bench = Bench::new();
    let never = IntakeError { message: "too large".into(), retry_after: None };
    bench.door.answers.lock().expect("not poisoned").push_back(Err(never));
    bench.run_until(bench.runner(0), |bench| !bench.taken().is_empty()).await;
    assert_eq!(bench.taken()[0], "n1");
    assert_eq!(bench.line.stats(bench.clock.now()).polls.refused, 1);
}

#[test]
fn a_retry_is_spread_by_a_quarter_and_bounded() {
    let mut jitter = Jitter::seeded(1, "a");
    let spread: Vec<u128> = (0..100).map(|_| jitter.spread(secs(8)).as_millis()).collect();
    assert!(spread.iter().all(|wait| (6_000..=10_000).contains(wait)), "{spread:?}");
    assert!(spread.iter().any(|wait| *wait < 7_000) && spread.iter().any(|wait| *wait > 9_000));
    assert_eq!(back_off(secs(5), 1), secs(5));
    assert_eq!(back_off(secs(5), 40), secs(60));
    assert_eq!(back_off(secs(300), 3), secs(300), "never faster than it was configured");
}
