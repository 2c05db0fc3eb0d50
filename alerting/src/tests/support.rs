//! A pipeline on a temporary store with an HTTP sink as its receivers, and time that the test moves.

use std::path::Path;
use std::sync::{Arc, Mutex};

use plimsoll_model::{Alert, Decision, DecisionLedger, Labels, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::postgres;
use crate::{Alerting, Config, Database, Delivery, Routing};

#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Vec<Decision>>);

impl DecisionLedger for Ledger {
    fn record(&self, decision: Decision) {
        self.0.lock().expect("unpoisoned").push(decision);
    }
}

/// In place of an answer: none, and none with the connection closed.
pub(super) const HANG: &str = "hang";
pub(super) const CUT: &str = "cut";

/// One request as the sink saw it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) delivery_id: String,
    pub(super) body: Value,
    /// What it was answered, from the status on.
    pub(super) answer: &'static str,
}

/// An HTTP server that answers the next requests with what it is told to, and everything else with 200.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<Vec<&'static str>>>,
    has_come: Arc<Notify>,
    failing: Arc<Mutex<Vec<&'static str>>>,
}

impl Sink {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let sink = Self {
            port,
            requests: Arc::default(),
            answers: Arc::default(),
            failing: Arc::default(),
            has_come: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        sink
    }

    pub(super) fn answer_next(&self, answers: &[&'static str]) {
        self.answers.lock().expect("unpoisoned").extend(answers);
    }

    /// Answers 500 on that path from now on.
    pub(super) fn fail(&self, path: &'static str) {
        self.failing.lock().expect("unpoisoned").push(path);
    }

    pub(super) fn recover(&self, path: &'static str) {
        self.failing.lock().expect("unpoisoned").retain(|failing| *failing != path);
    }

    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().expect("unpoisoned"))
    }

    pub(super) fn forget_answers(&self) {
        self.answers.lock().expect("unpoisoned").clear();
    }

    /// Until so many arrived that nobody has taken yet.
    pub(super) async fn has_received(&self, count: usize) {
        while self.requests.lock().expect("unpoisoned").len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// What arrived since the last call, as `path status alerts reason`.
    pub(super) fn said(&self) -> Vec<String> {
        let word = |body: &Value, key: &str| body[key].as_str().unwrap_or("?").to_owned();
        let said = |request: Request| {
            let alerts = request.body["alerts"].as_array().map_or(0, Vec::len);
            let (status, reason) =
                (word(&request.body, "status"), word(&request.body, "notification_reason"));
            format!("{} {status} {alerts} {reason}", request.path)
        };
        self.take().into_iter().map(said).collect()
    }

    /// Everything that has come once a request for each of the paths has.
    pub(super) async fn until(&self, paths: &[String]) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        let waiting = async {
            while !paths.iter().all(|path| requests.iter().any(|request| request.path == *path)) {
                self.has_come.notified().await;
                requests.extend(self.take());
            }
        };
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not all came of {paths:?}"));
        requests
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(mut request) = read_request(&mut stream).await {
            let fails = self.failing.lock().expect("unpoisoned").iter().any(|path| *path == request.path);
            let answer = {
                let mut answers = self.answers.lock().expect("unpoisoned");
                match (fails, answers.is_empty()) {
                    (true, _) => "500 Oops",
                    (_, true) => "200 OK",
                    _ => answers.remove(0),
                }
            };
            request.answer = answer;
            self.requests.lock().expect("unpoisoned").push(request);
            self.has_come.notify_one();
            match answer {
                HANG => std::future::pending().await,
                CUT => return,
                _ => {}
            }
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

pub(super) async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let found = head.iter().filter_map(|line| line.split_once(": "));
        found.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        path: head.first()?.split(' ').nth(1)?.to_owned(),
        delivery_id: header("x-plimsoll-delivery").unwrap_or_default(),
        body: serde_json::from_slice(&body).ok()?,
        answer: "",
    })
}

/// The pipeline under test, `now` included.
pub(super) struct Story {
    pub(super) alerting: Alerting,
    pub(super) sink: Sink,
    pub(super) now: Timestamp,
    ledger: Arc<Ledger>,
    folder: TempDir,
}

impl Story {
    /// `SINK` in the file stands for the sink's address.
    pub(super) async fn begin(yaml: &str) -> Self {
        let sink = Sink::start().await;
        let folder = tempfile::tempdir().expect("temporary folder");
        write_routing(folder.path(), yaml, &sink);
        let ledger = Arc::new(Ledger::default());
        let alerting = open(folder.path(), &ledger);
        let now = Timestamp::parse_rfc3339("2026-11-21T10:00:00Z").expect("a moment");
        Self { alerting, sink, now, ledger, folder }
    }

    /// With an `escalation.yml` beside it.
    pub(super) async fn begin_escalated(yaml: &str, escalation: &str) -> Self {
        let mut story = Self::begin(yaml).await;
        story.change_escalation(escalation);
        story
    }

    pub(super) fn change_escalation(&mut self, escalation: &str) {
        std::fs::write(self.folder.path().join("escalation.yml"), escalation).expect("written");
        self.restart();
    }

    /// With settings for delivery.
    pub(super) async fn begin_with(yaml: &str, outbound: crate::Outbound) -> Self {
        let story = Self::begin(yaml).await;
        let config = Config { outbound, ..config(story.folder.path()) };
        let routing = load(&config);
        let ledger = Arc::clone(&story.ledger) as Arc<dyn DecisionLedger>;
        let alerting = Alerting::open(config, routing, ledger).expect("opens");
        let story = Self { alerting, ..story };
        while !story.alerting.lead().await.expect("answers") {
            tokio::task::yield_now().await;
        }
        story
    }

    /// The process dies and another starts on the same store.
    pub(super) fn restart(&mut self) {
        self.alerting = open(self.folder.path(), &self.ledger);
        // On PostgreSQL the server must first see that the old one is gone.
        // In a thread of its own: within this task the runtime would count the questions and stop answering.
        let (alerting, runtime) = (self.alerting.clone(), tokio::runtime::Handle::current());
        let leads = std::thread::spawn(move || {
            let _runtime = runtime.enter();
            while !futures::executor::block_on(alerting.lead()).expect("answers") {}
        });
        leads.join().expect("it leads");
    }

    /// The process begins on an empty folder with what `write` leaves in its file.
    pub(super) fn replace_store(&mut self, write: impl FnOnce(&Path)) {
        let store = self.folder.path().join("data/alerting.db");
        std::fs::remove_dir_all(self.folder.path().join("data")).expect("removed");
        std::fs::create_dir(self.folder.path().join("data")).expect("made");
        write(&store);
        self.restart();
    }

    pub(super) fn change_routing(&mut self, yaml: &str) {
        write_routing(self.folder.path(), yaml, &self.sink);
        self.restart();
    }

    /// The process goes on with another file.
    pub(super) fn reload_routing(&self, yaml: &str) {
        write_routing(self.folder.path(), yaml, &self.sink);
        self.alerting.reload(load(&config(self.folder.path())));
    }

    pub(super) fn advance(&mut self, secs: u64) {
        self.now = self.now + std::time::Duration::from_secs(secs);
    }

    /// `service=sales,severity=page`
    pub(super) async fn fire(&self, labels: &str) {
        self.state(labels, None).await;
    }

    pub(super) async fn resolve(&self, labels: &str) {
        self.state(labels, Some(self.now)).await;
    }

    async fn state(&self, labels: &str, ends_at: Option<Timestamp>) {
        let alert = alert(labels, self.now, ends_at);
        self.alerting.receive(vec![alert], self.now).await.expect("stored");
    }

    pub(super) async fn dispatch(&self) -> Option<Timestamp> {
        self.alerting.dispatch(self.now).await.expect("dispatched")
    }

    pub(super) async fn deliver(&self) -> (Vec<Delivery>, Option<Timestamp>) {
        self.alerting.deliver(self.now).await.expect("delivered")
    }

    /// Decides and delivers until nothing is left to send.
    pub(super) async fn run_to_the_end(&self) {
        self.dispatch().await;
        while !self.deliver().await.0.is_empty() {}
    }

    /// How long the log of SQLite has become; on a server always 0.
    pub(super) fn written(&self) -> u64 {
        let wal = self.folder.path().join("data/alerting.db-wal");
        std::fs::metadata(wal).map_or(0, |file| file.len())
    }

    /// Decides and delivers; what arrived, as `path status alerts reason`.
    pub(super) async fn run(&self) -> Vec<String> {
        self.dispatch().await;
        self.deliver().await;
        self.arrived()
    }

    pub(super) fn arrived(&self) -> Vec<String> {
        self.sink.said()
    }

    /// `stage outcome: reason` of every decision since the last call.
    pub(super) fn decisions(&self) -> Vec<String> {
        let decisions = std::mem::take(&mut *self.ledger.0.lock().expect("unpoisoned"));
        let said =
            |decision: Decision| format!("{:?} {}: {}", decision.stage, decision.outcome, decision.reason);
        decisions.into_iter().map(said).collect()
    }

    /// One state table as rows of JSON.
    pub(super) fn table(&self, name: &str) -> Vec<Value> {
        let tables = self.alerting.state_tables();
        let table = tables.iter().find(|table| table.name() == name).expect("a table");
        let batch = table.rows().expect("rows");
        assert_eq!(batch.schema(), table.schema());
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        writer.write(&batch).expect("written");
        writer.finish().expect("finished");
        let json = writer.into_inner();
        if json.is_empty() { Vec::new() } else { serde_json::from_slice(&json).expect("JSON") }
    }
}

/// `service=sales,severity=page`
pub(super) fn alert(labels: &str, starts_at: Timestamp, ends_at: Option<Timestamp>) -> Alert {
    let labels: Labels = labels.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let annotations = [("summary".to_owned(), "orders posted late".to_owned())].into();
    Alert { labels, annotations, starts_at, ends_at, generator_url: String::new() }
}

/// On whatever lies in the folder.
pub(super) fn open_at(folder: &Path) -> Alerting {
    open(folder, &Arc::new(Ledger::default()))
}

/// A process of several on one database.
pub(super) fn open_on(database: &Database, yaml: &str, sink: &Sink) -> Alerting {
    let folder = tempfile::tempdir().expect("temporary folder");
    write_routing(folder.path(), yaml, sink);
    let config = Config { database: Some(database.clone()), ..config(folder.path()) };
    let routing = load(&config);
    Alerting::open(config, routing, Arc::new(Ledger::default())).expect("opens")
}

pub(super) fn write_routing(folder: &Path, yaml: &str, sink: &Sink) {
    let yaml = yaml.replace("SINK", &format!("http://127.0.0.1:{}", sink.port));
    std::fs::write(folder.join("alertmanager.yml"), yaml).expect("written");
}

fn config(folder: &Path) -> Config {
    Config {
        file: folder.join("alertmanager.yml"),
        data_dir: folder.join("data"),
        database: postgres::port().map(|port| postgres::database(port, folder)),
        public_url: "http://127.0.0.1:8088".to_owned(),
        sending: crate::Sending::default(),
        escalation: Some(folder.join("escalation.yml")).filter(|path| path.exists()),
        pagerduty_secrets: vec![crate::WebhookSecret::new("s3cret")],
        ..Config::default()
    }
}

fn load(config: &Config) -> Routing {
    let (routing, findings) = Routing::load(config);
    assert_eq!(findings, []);
    routing.expect("valid")
}

fn open(folder: &Path, ledger: &Arc<Ledger>) -> Alerting {
    let config = config(folder);
    let routing = load(&config);
    let ledger = Arc::clone(ledger) as Arc<dyn DecisionLedger>;
    Alerting::open(config, routing, ledger).expect("opens")
}
