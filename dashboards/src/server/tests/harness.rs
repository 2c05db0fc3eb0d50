//! A console over a real engine whose lake is empty and whose only state table is `incidents`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode, header};
use plimsoll_alerting::{Alerting, Config as AlertingConfig, Routing};
use plimsoll_lake::Lake;
use plimsoll_model::{
    Clock, Decision, DecisionLedger, ManualClock, RowsOnly, StateTable, TenantName, Timestamp, TokenHash,
    batch_from_rows,
};
use plimsoll_query::{Database, Databases, QueryEngine};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{Faces, Health, MetricKind, MetricsSource, Reload, Runbook, Sample};

pub(super) const HOST: &str = "127.0.0.1:8088";
pub(super) const SCRIPT: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>";
pub(super) const MAX_ROWS: usize = 100;

const ROUTING: &str = "\
route:
  receiver: everybody
  group_by: [alertname]
  routes:
    - matchers: [team=\"sales\"]
      receiver: sales
      continue: true
    - matchers: [team=~\"sales|stock\"]
      receiver: warehouse
inhibit_rules:
  - source_matchers: [severity=\"page\"]
    target_matchers: [severity=\"ticket\"]
    equal: [alertname]
receivers:
  - name: everybody
  - name: sales
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
  - name: warehouse
    webhook_configs:
      - url: http://127.0.0.1:9/hook/s3cret
";

pub(super) struct Console {
    router: Router,
    pub(super) health: Arc<Parts>,
    pub(super) lake: Lake,
    alerting: Alerting,
    now: Timestamp,
    _folder: tempfile::TempDir,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Console {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let health = Arc::new(Parts::default());
        let clock = ManualClock::at(Timestamp::parse_rfc3339("2026-11-21T11:00:00Z").expect("valid"));
        let (faces, lake) = faces(&folder, Arc::clone(&health), Arc::new(clock)).await;
        Self::over(faces, health, lake, folder)
    }

    /// Beside the default tenant, which is open, one whose token opens it.
    pub(super) async fn with_token(tenant: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let health = Arc::new(Parts::default());
        let clock = ManualClock::at(Timestamp::parse_rfc3339("2026-11-21T11:00:00Z").expect("valid"));
        let (mut faces, lake) = faces(&folder, Arc::clone(&health), Arc::new(clock)).await;
        let name: TenantName = tenant.parse().expect("a name");
        let engine = faces.databases.default_engine().clone();
        let locked = Database { engine: engine.clone(), tokens: vec![TokenHash::of(token)] };
        let open = Database { engine, tokens: Vec::new() };
        faces.databases = Databases::new(open, BTreeMap::from([(name.clone(), locked)]));
        faces.alerting.insert(name, alerting(&folder.path().join(tenant)));
        Self::over(faces, health, lake, folder)
    }

    fn over(faces: Faces, health: Arc<Parts>, lake: Lake, folder: tempfile::TempDir) -> Self {
        let alerting = faces.alerting[&TenantName::default()].clone();
        let now = faces.clock.now();
        let router = crate::server::router(faces, CancellationToken::new());
        Self { router, health, lake, alerting, now, _folder: folder }
    }

    /// One pass of the default tenant's pipeline.
    pub(super) async fn dispatch(&self) {
        self.alerting.dispatch(self.now).await.expect("dispatched");
    }

    /// The only incident there is.
    pub(super) fn incident_id(&self) -> String {
        let tables = self.alerting.state_tables();
        let incidents =
            tables.iter().find(|table| table.name() == "incidents").expect("a table").rows().expect("rows");
        let ids = incidents.column_by_name("incident_id").expect("a column");
        let ids = ids.as_any().downcast_ref::<arrow::array::StringArray>().expect("text");
        ids.value(0).to_owned()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, HOST).body(Body::empty());
        self.send(request.expect("valid")).await
    }

    pub(super) async fn post(&self, path: &str, content_type: &str, body: Body) -> Answer {
        let request =
            Request::post(path).header(header::HOST, HOST).header(header::CONTENT_TYPE, content_type);
        self.send(request.body(body).expect("valid")).await
    }

    pub(super) async fn sql(&self, question: Value) -> Answer {
        self.post("/api/v1/sql", "application/json; charset=utf-8", Body::from(question.to_string())).await
    }

    pub(super) async fn sql_as(&self, accept: &str, question: Value) -> Answer {
        let request = Request::post("/api/v1/sql")
            .header(header::HOST, HOST)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept)
            .body(Body::from(question.to_string()));
        self.send(request.expect("valid")).await
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Status (the same in the line and in the document) and type.
    pub(super) fn problem(&self) -> (u16, String) {
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        assert!(document["title"].is_string() && document["detail"].is_string(), "{document}");
        (self.status.as_u16(), document["type"].as_str().expect("a type").to_owned())
    }
}

/// A whole server, a client that is connected and has said nothing more, and the stop.
pub(super) async fn stops_under_an_open_connection() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Its sleeps end at once, so patience does too.
    let (faces, _lake) = faces(&folder, Arc::default(), Arc::new(Hurried)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let server = tokio::spawn(crate::serve(faces, listener, stop.clone()));

    let mut client = TcpStream::connect(address).await.expect("connects");
    let request = format!("GET /-/ready HTTP/1.1\r\nHost: {address}\r\n\r\n");
    client.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = [0; 15];
    client.read_exact(&mut answer).await.expect("reads");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    client.write_all(b"GET / HTTP/1.1\r\nHos").await.expect("writes");

    stop.cancel();
    server.await.expect("no panic").expect("a clean end");
}

async fn faces(folder: &tempfile::TempDir, health: Arc<Parts>, clock: Arc<dyn Clock>) -> (Faces, Lake) {
    let lake = plimsoll_lake::Config { data_dir: folder.path().to_owned(), ..Default::default() };
    let lake = Lake::open(lake, Arc::clone(&clock), Arc::new(RowsOnly)).await.expect("an empty lake");
    let config = plimsoll_query::Config {
        spill_dir: folder.path().join("spill"),
        max_rows: MAX_ROWS,
        ..Default::default()
    };
    let state: Vec<Arc<dyn StateTable>> = vec![Arc::new(Incidents)];
    let engine = QueryEngine::new(config, lake.clone(), state, Arc::clone(&clock)).expect("an engine");
    let public_url = "http://127.0.0.1:8088".to_owned();
    let faces = Faces {
        databases: Databases::open(engine),
        alerting: BTreeMap::from([(TenantName::default(), alerting(folder.path()))]),
        health,
        metrics: Arc::new(Up),
        started_at: clock.now(),
        reload: Arc::new(Files),
        clock,
        public_url,
        runbooks: runbooks(),
        version: "0.0.0",
    };
    (faces, lake)
}

/// With a routing that has a tree, muted targets, and a secret.
fn alerting(folder: &std::path::Path) -> Alerting {
    std::fs::create_dir_all(folder).expect("a folder");
    let config = AlertingConfig {
        file: folder.join("alertmanager.yml"),
        data_dir: folder.join("alerting"),
        ..AlertingConfig::default()
    };
    std::fs::write(&config.file, ROUTING).expect("written");
    let (routing, findings) = Routing::load(&config);
    assert_eq!(findings, []);
    Alerting::open(config, routing.expect("valid"), Arc::new(NoLedger)).expect("opens")
}

#[derive(Debug)]
struct NoLedger;

impl DecisionLedger for NoLedger {
    fn record(&self, _decision: Decision) {}
}

fn runbooks() -> Vec<Runbook> {
    let runbook = |name: &str, text: &str| Runbook { name: name.to_owned(), text: text.to_owned() };
    vec![
        runbook("order-posting", "# Orders post late\n\n**Do** see [the locks](stock-locks.md).\n"),
        runbook("stock-locks", "# Stock is locked\n\n<script>alert(1)</script>\n"),
    ]
}

#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<BTreeMap<&'static str, &'static str>>);

impl Parts {
    pub(super) fn fail(&self, name: &'static str, trouble: &'static str) {
        self.0.lock().expect("not poisoned").insert(name, trouble);
    }
}

impl Health for Parts {
    fn parts(&self) -> Vec<(String, Option<String>)> {
        let failed = self.0.lock().expect("not poisoned").clone();
        let part = |name: &str| (name.to_owned(), failed.get(name).map(|trouble| (*trouble).to_owned()));
        vec![part("delivery"), part("evaluation")]
    }
}

#[derive(Debug)]
struct Up;

impl MetricsSource for Up {
    fn samples(&self) -> Vec<Sample> {
        let (name, help) = ("plimsoll_up", "Always one.");
        vec![Sample { name, help, kind: MetricKind::Gauge, labels: Vec::new(), value: 1.0 }]
    }
}

#[derive(Debug)]
struct Files;

#[async_trait]
impl Reload for Files {
    async fn reload(&self) -> Result<Vec<String>, String> {
        Err("rules/late.yaml:7: no such column".to_owned())
    }
}

#[derive(Debug)]
struct Hurried;

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0)
    }

    fn sleep(&self, _duration: std::time::Duration) -> plimsoll_model::Sleep {
        Box::pin(std::future::ready(()))
    }
}

#[derive(Debug)]
struct Incidents;

impl StateTable for Incidents {
    fn name(&self) -> &'static str {
        "incidents"
    }

    fn schema(&self) -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let time = |name: &str| {
            Field::new(name, plimsoll_model::Table::Spans.schema().field(0).data_type().clone(), true)
        };
        let columns =
            vec![text("incident_id"), text("state"), time("opened_at"), time("resolved_at"), text("summary")];
        Arc::new(Schema::new(columns))
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let rows = [
            json!({"incident_id": "older", "state": "resolved", "opened_at": 1, "resolved_at": 2, "summary": ""}),
            json!({"incident_id": "newer", "state": "resolved", "opened_at": 5, "resolved_at": 6, "summary": ""}),
            json!({"incident_id": "open", "state": "open", "opened_at": 3, "summary": SCRIPT}),
        ];
        Ok(batch_from_rows(&self.schema(), &rows)?)
    }
}
