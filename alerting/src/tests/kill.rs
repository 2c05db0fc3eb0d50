//! `kill -9` at every named step, on SQLite and on PostgreSQL: each receiver is told in the end, firing before resolved,
//! and nothing that the store knows to be sent is sent again.
//!
//! A process of its own (this test binary) plays a day of alerts, one tick after the other, and dies at the step that it
//! is told; the next one goes on at the tick after, as a source that restates what it sees does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use plimsoll_model::Timestamp;

use super::postgres::{PORT, Postgres, database};
use super::support::{Request, Sink, alert, open_at, write_routing};
use crate::steps;

const STEPS: [&str; 9] = [
    steps::RECEIVE_MERGED,
    steps::RECEIVE_STORED,
    steps::DISPATCH_DECIDED,
    steps::DISPATCH_QUEUED,
    steps::DELIVER_CLAIMED,
    steps::DELIVER_SENDING,
    steps::DELIVER_SENT,
    steps::DELIVER_MARKING,
    steps::DELIVER_MARKED,
];
const FOLDER: &str = "PLIMSOLL_KILL_FOLDER";
const STEP: &str = "PLIMSOLL_KILL_STEP";
const TIME: &str = "PLIMSOLL_KILL_TIME";

const ROUTES: &str = "
route:
  receiver: hook
  group_by: [service]
  group_wait: 10s
  group_interval: 20s
  routes: [{matchers: [severity=page], receiver: pager, continue: true}, {receiver: hook}]
receivers:
  - {name: hook, webhook_configs: [{url: 'SINK/hook'}]}
  - {name: pager, webhook_configs: [{url: 'SINK/pager'}]}
";
const TICKS: u32 = 19;
const TICK_SECS: i64 = 10;
/// Labels, first tick, and the tick at which it resolved.
const DAY: [(&str, u32, u32); 4] = [
    ("service=sales,severity=page,n=1", 0, 7),
    ("service=sales,severity=page,n=2", 3, 10),
    ("service=stock,severity=ticket", 2, 5),
    // Comes back: another incident.
    ("service=stock,severity=ticket", 12, 15),
];

#[expect(clippy::disallowed_methods, reason = "which step is for the test that starts this process to say")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Dies without a word when this is the step, for the time that was told.
pub(crate) fn reached(step: &'static str) {
    static TIMES: AtomicU32 = AtomicU32::new(0);
    if told(STEP).as_deref() != Some(step) {
        return;
    }
    let time = TIMES.fetch_add(1, Ordering::SeqCst) + 1;
    if told(TIME).is_some_and(|wanted| wanted == time.to_string()) {
        // Not `abort`, which would let handlers run.
        Command::new("kill").args(["-9", &std::process::id().to_string()]).status().expect("kill");
    }
}

/// Does nothing unless another test starts it with a folder.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(folder) = told(FOLDER) else { return };
    let folder = Path::new(&folder);
    let alerting = open_at(folder);
    while !alerting.lead().await.expect("answers") {
        tokio::task::yield_now().await;
    }
    let progress = folder.join("tick");
    let first = std::fs::read_to_string(&progress).map_or(0, |text| text.parse().expect("a number"));
    for tick in first..TICKS {
        std::fs::write(&progress, (tick + 1).to_string()).expect("written");
        let at = |tick: u32| Timestamp::from_secs(1_795_255_200 + i64::from(tick) * TICK_SECS);
        let now = at(tick);
        let stated = DAY
            .iter()
            .filter(|(_, from, _)| *from <= tick)
            .map(|&(labels, from, to)| alert(labels, at(from), (to <= tick).then(|| at(to))));
        // What came back is stated as it is now.
        let stated: BTreeMap<_, _> =
            stated.map(|alert| (alert.labels.fingerprint().to_string(), alert)).collect();
        alerting.receive(stated.into_values().collect(), now).await.expect("stored");
        alerting.dispatch(now).await.expect("dispatched");
        alerting.deliver(now).await.expect("delivered");
    }
}

/// One day with its deaths.
struct Day {
    folder: tempfile::TempDir,
    sink: Sink,
    port: Option<u16>,
    arrived: Vec<Request>,
    /// Ids that the store knew to be sent when a process died.
    marked: BTreeSet<String>,
    /// How often each had arrived by then.
    before: BTreeMap<String, usize>,
}

impl Day {
    async fn begin(port: Option<u16>) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let sink = Sink::start().await;
        write_routing(folder.path(), ROUTES, &sink);
        let (arrived, marked, before) = Default::default();
        Self { folder, sink, port, arrived, marked, before }
    }

    fn process(&self, death: Option<(&str, u32)>) -> ExitStatus {
        let mut process = Command::new(std::env::current_exe().expect("the tests themselves"));
        process.args(["--exact", "tests::kill::the_process_that_is_killed"]);
        process.env(FOLDER, self.folder.path()).env_remove(PORT);
        if let Some(port) = self.port {
            process.env(PORT, port.to_string());
        }
        if let Some((step, time)) = death {
            process.env(STEP, step).env(TIME, time.to_string());
        }
        let run = process.output().expect("it runs");
        assert!(
            death.is_some() || run.status.success(),
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        );
        run.status
    }

    async fn note_what_is_known(&mut self) {
        self.arrived.extend(self.sink.take());
        self.marked = self.ids_marked_as_sent().await;
        self.before = count(&self.arrived);
    }

    async fn ids_marked_as_sent(&self) -> BTreeSet<String> {
        let query = "SELECT id FROM outbox WHERE outcome = 'sent'";
        let Some(port) = self.port else {
            let store =
                rusqlite::Connection::open(self.folder.path().join("data/alerting.db")).expect("opens");
            let mut statement = store.prepare(query).expect("valid");
            let ids = statement.query_map([], |row| row.get(0)).expect("answered");
            return ids.collect::<rusqlite::Result<_>>().expect("text");
        };
        let schema = database(port, self.folder.path()).schema;
        let address = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
        let (client, connection) =
            tokio_postgres::connect(&address, tokio_postgres::NoTls).await.expect("answers");
        let connection = tokio::spawn(connection);
        let query = query.replace("outbox", &format!("\"{schema}\".outbox"));
        let rows = client.query(&query, &[]).await.expect("answered");
        connection.abort();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Nothing that was marked arrives again.
    fn check_repeats(&self, death: &str) {
        let now = count(&self.arrived);
        for id in &self.marked {
            assert_eq!(now[id], self.before[id], "{death}: {id} was marked as sent and came again");
        }
    }

    /// Per receiver and service: each incident begins with firing, ends with resolved, and each alert is told both ways.
    fn check_story(&self, death: &str) {
        let mut lanes: BTreeMap<(String, String), Vec<&Request>> = BTreeMap::new();
        for request in &self.arrived {
            let service = request.body["groupLabels"]["service"].as_str().expect("a service").to_owned();
            lanes.entry((request.path.clone(), service)).or_default().push(request);
        }
        let names: Vec<_> = lanes.keys().map(|(path, service)| format!("{path} {service}")).collect();
        assert_eq!(names, ["/hook sales", "/hook stock", "/pager sales"], "{death}");
        for ((path, service), requests) in lanes {
            let mut seen = BTreeSet::new();
            let said: Vec<&str> = requests
                .iter()
                .filter(|request| seen.insert(&request.delivery_id))
                .map(|request| request.body["status"].as_str().expect("a status"))
                .collect();
            let text = format!("{death}: {path} {service} heard {said:?}");
            assert_eq!(said.first(), Some(&"firing"), "{text}");
            assert_eq!(said.last(), Some(&"resolved"), "{text}");
            let incidents = said.iter().filter(|status| **status == "resolved").count();
            assert_eq!(incidents, if service == "stock" { 2 } else { 1 }, "{text}");
            let firsts = requests.iter().filter(|request| {
                request.body["notification_reason"] == "first notification"
                    && request.body["status"] == "firing"
            });
            let firsts: BTreeSet<_> = firsts.map(|request| &request.delivery_id).collect();
            // Two deaths within a delivery: what was sent and not marked may be said again, with what came since.
            let repeats = if death.contains("\"deliver: ") { 2 } else { 0 };
            let range = incidents..=incidents + repeats;
            assert!(
                range.contains(&firsts.len()),
                "{text}: one page for each incident, not {}",
                firsts.len()
            );
        }
    }
}

fn count(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.delivery_id.clone()).or_default() += 1;
    }
    counts
}

/// Dies twice at the step and then lives through the day.
async fn check(step: &str, time: u32, port: Option<u16>) {
    let death = format!("killed at \"{step}\", time {time}");
    let mut day = Day::begin(port).await;
    // The first message of all is refused once, so that retries are among what dies.
    day.sink.answer_next(&["500 Oops"]);
    for _ in 0..2 {
        let status = day.process(Some((step, time)));
        assert!(!status.success(), "{death}: the step was never reached");
        day.note_what_is_known().await;
    }
    assert!(day.process(None).success(), "{death}");
    day.arrived.extend(day.sink.take());
    day.check_repeats(&death);
    // The one that was refused told nobody anything.
    day.arrived.retain(|request| request.answer.starts_with("200"));
    day.check_story(&death);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_on_sqlite() {
    for step in STEPS {
        for time in [1, 2] {
            check(step, time, None).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_on_a_database_server() {
    let postgres = Postgres::start().await;
    for step in STEPS {
        check(step, 1, Some(postgres.port)).await;
    }
}
