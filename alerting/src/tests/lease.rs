//! Two processes on one PostgreSQL: one decides and sends, the other stands by, takes over, and pages nobody twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plimsoll_model::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::postgres::{Postgres, database, eventually};
use super::support::{Sink, alert, open_on, read_request};
use crate::{Alerting, Connecting, Database, DatabaseServer};

const NOW: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";
const NOTHING: [&str; 0] = [];

struct Pair {
    postgres: Postgres,
    sink: Sink,
    folder: TempDir,
    now: Timestamp,
}

impl Pair {
    async fn begin() -> Self {
        let now = Timestamp::parse_rfc3339("2026-11-21T10:00:00Z").expect("a moment");
        let folder = tempfile::tempdir().expect("temporary folder");
        Self { postgres: Postgres::start().await, sink: Sink::start().await, folder, now }
    }

    fn database(&self) -> Database {
        database(self.postgres.port, self.folder.path())
    }

    fn process(&self) -> Alerting {
        open_on(&self.database(), NOW, &self.sink)
    }

    async fn told(&self, process: &Alerting, labels: &str) -> Vec<String> {
        process.receive(vec![alert(labels, self.now, None)], self.now).await.expect("taken");
        self.passes(process).await
    }

    async fn passes(&self, process: &Alerting) -> Vec<String> {
        process.dispatch(self.now).await.expect("dispatched");
        process.deliver(self.now).await.expect("delivered");
        self.sink.said()
    }

    /// The server makes as if it had been so long.
    async fn lease_runs_out(&self) {
        let client = self.postgres.connect("postgres").await;
        let update = format!(
            "UPDATE \"{}\".lease SET expires_at = clock_timestamp() - interval '1 second'",
            self.database().schema
        );
        client.batch_execute(&update).await.expect("updated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_leads_and_the_other_takes_over_when_it_is_gone() {
    let pair = Pair::begin().await;
    let (first, second) = (pair.process(), pair.process());
    assert!(first.lead().await.expect("answers"));
    assert!(!second.lead().await.expect("answers"));
    assert_eq!(pair.told(&first, "service=sales").await, ["/hook firing 1 first notification"]);
    assert_eq!(pair.told(&second, "service=sales").await, NOTHING, "both evaluate, one tells");
    assert_eq!((first.leadership(), second.leadership()), ((true, 1), (false, 0)));

    drop(first);
    let gone = Instant::now();
    eventually("the second leads", async || second.lead().await.expect("answers").then_some(())).await;
    assert!(gone.elapsed() < Duration::from_secs(10), "{:?}", gone.elapsed());
    assert_eq!(second.leadership(), (true, 1));
    assert_eq!(pair.told(&second, "service=sales").await, NOTHING, "it was told");
    assert_eq!(pair.told(&second, "service=stock").await, ["/hook firing 1 first notification"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_decided_and_did_not_send_the_second_sends() {
    let pair = Pair::begin().await;
    let (first, second) = (pair.process(), pair.process());
    assert!(first.lead().await.expect("answers"));
    first.receive(vec![alert("service=sales", pair.now, None)], pair.now).await.expect("taken");
    first.dispatch(pair.now).await.expect("dispatched");
    drop(first);
    eventually("the second leads", async || second.lead().await.expect("answers").then_some(())).await;
    assert_eq!(pair.passes(&second).await, ["/hook firing 1 first notification"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_paused_and_lost_its_lease_neither_writes_nor_sends() {
    let pair = Pair::begin().await;
    let (first, second) = (pair.process(), pair.process());
    assert!(first.lead().await.expect("answers"));
    first.receive(vec![alert("service=sales", pair.now, None)], pair.now).await.expect("taken");
    first.dispatch(pair.now).await.expect("dispatched");
    assert!(!second.lead().await.expect("answers"), "the first is silent, and has its lease");

    pair.lease_runs_out().await;
    assert!(second.lead().await.expect("answers"));
    // The first still believes that it leads, and finds the fence.
    assert_eq!(first.leadership(), (true, 1));
    let refused = first.deliver(pair.now).await.expect_err("fenced");
    assert!(refused.to_string().contains("stands by"), "{refused}");
    let refused = first.receive(vec![alert("service=stock", pair.now, None)], pair.now).await;
    assert!(refused.is_err(), "fenced");
    assert_eq!(pair.sink.said(), NOTHING);
    assert!(!first.lead().await.expect("answers"));
    assert!(second.lead().await.expect("answers"), "the lease is renewed");
    assert!(!first.lead().await.expect("answers"), "it doesn't come back by itself");
    assert_eq!(pair.passes(&second).await, ["/hook firing 1 first notification"]);
    assert_eq!(pair.passes(&first).await, NOTHING);
}

/// Between the fence of its last transaction and the send itself, a process was paused.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_does_not_begin_under_a_lease_that_may_end_before_it() {
    let pair = Pair::begin().await;
    let (first, second) = (pair.process(), pair.process());
    assert!(first.lead().await.expect("answers"));
    assert!(first.inner.store.covers_a_send().await.expect("answers"));
    pair.lease_runs_out().await;
    assert!(first.inner.store.covers_a_send().await.expect("answers"), "nobody took it, and it is renewed");
    pair.lease_runs_out().await;
    assert!(second.lead().await.expect("answers"));
    assert!(!first.inner.store.covers_a_send().await.expect("answers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_and_came_back_costs_nothing_but_the_time() {
    let mut pair = Pair::begin().await;
    let (first, second) = (pair.process(), pair.process());
    assert!(first.lead().await.expect("answers"));
    assert_eq!(pair.told(&first, "service=sales").await, ["/hook firing 1 first notification"]);

    pair.postgres.stop();
    let lost = first.receive(vec![alert("service=stock", pair.now, None)], pair.now).await;
    let error = lost.expect_err("there is no server").to_string();
    assert!(error.starts_with("the alert store's database: "), "{error}");
    assert!(second.lead().await.is_err());
    pair.postgres.resume().await;

    // The lock of the first is free as everything is after a start, and says nothing: its lease still holds.
    eventually("the second reaches the server", async || second.lead().await.ok()).await;
    assert!(!second.lead().await.expect("answers"));
    eventually("the first reaches the server", async || first.lead().await.ok()).await;
    assert_eq!(first.leadership(), (true, 1));
    assert_eq!(pair.told(&first, "service=stock").await, ["/hook firing 1 first notification"]);
    assert!(!second.lead().await.expect("answers"));
}

/// Reads one request, and answers it once it is told to.
async fn answers_when_told(listener: TcpListener, arrived: Arc<Notify>, go_on: Arc<Notify>) -> TcpListener {
    let (stream, _) = listener.accept().await.expect("accepted");
    let mut stream = BufReader::new(stream);
    read_request(&mut stream).await.expect("a request");
    arrived.notify_one();
    go_on.notified().await;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("answered");
    listener
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_came_while_the_server_was_away_is_not_forgotten() {
    let mut pair = Pair::begin().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    pair.sink.port = listener.local_addr().expect("bound").port();
    let process = pair.process();
    assert!(process.lead().await.expect("answers"));
    process.receive(vec![alert("service=sales", pair.now, None)], pair.now).await.expect("taken");
    process.dispatch(pair.now).await.expect("dispatched");

    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let receiver = tokio::spawn(answers_when_told(listener, Arc::clone(&arrived), Arc::clone(&go_on)));
    let (sending, now) = (process.clone(), pair.now);
    let sending = tokio::spawn(async move { sending.deliver(now).await.map(|_| ()) });
    arrived.notified().await;
    pair.postgres.stop();
    go_on.notify_one();
    assert!(sending.await.expect("joined").is_err(), "it could not be marked");
    let listener = receiver.await.expect("joined");

    pair.postgres.resume().await;
    eventually("the server is reached again", async || process.lead().await.ok()).await;
    let (deliveries, _) = process.deliver(pair.now).await.expect("marked");
    assert_eq!(deliveries.len(), 0, "{deliveries:?}");
    assert_eq!(process.waiting_notifications().expect("answers"), 0);
    let again = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(again.is_err(), "it was sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_on_one_server_share_nothing() {
    let pair = Pair::begin().await;
    let other = Database { schema: "plimsoll_nordwind".to_owned(), ..pair.database() };
    let (ours, theirs) = (pair.process(), open_on(&other, NOW, &pair.sink));
    assert!(ours.lead().await.expect("answers"));
    assert!(theirs.lead().await.expect("answers"), "each has a lease of its own");
    assert_eq!(pair.told(&ours, "service=sales").await, ["/hook firing 1 first notification"]);
    assert_eq!(pair.told(&theirs, "service=sales").await, ["/hook firing 1 first notification"]);
    let alerts = |process: &Alerting| {
        let tables = process.state_tables();
        tables
            .iter()
            .find(|table| table.name() == "alerts")
            .expect("a table")
            .rows()
            .expect("rows")
            .num_rows()
    };
    assert_eq!((alerts(&ours), alerts(&theirs)), (1, 1));
}

/// Nobody's address: connecting hangs or is refused.
#[derive(Debug)]
struct Away;

impl DatabaseServer for Away {
    fn connect(&self) -> Connecting {
        Box::pin(async { Err("the server doesn't answer".to_owned()) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_stops_nobody_and_is_told() {
    let sink = Sink::start().await;
    let database = Database { server: Arc::new(Away), schema: "anybody".to_owned() };
    let process = open_on(&database, NOW, &sink);
    let error = process.dispatch(Timestamp::from_secs(0)).await.expect_err("nothing answers");
    assert_eq!(error.to_string(), "the alert store's database: the server doesn't answer");
    let error = process.waiting_notifications().expect_err("nothing answers");
    assert!(error.to_string().contains("doesn't answer"), "{error}");
    assert_eq!(process.leadership(), (false, 0));
}
