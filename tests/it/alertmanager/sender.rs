//! Debian's Prometheus, with rules of its own, sends its alerts to us: they are routed, told, make an incident, and end.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{HttpSink, Plimsoll, Setup, eventually, tool};

const WITHIN: Duration = Duration::from_secs(60);
const RULES: &str = "\
groups:
  - name: orders
    rules:
      - alert: OrdersLate
        expr: orders_late > 0
        labels: {severity: page, team: sales}
        annotations: {summary: '{{ $value }} orders are late', runbook_url: https://wiki.example.com/late}
";

/// An exporter of one gauge that the test sets.
async fn exporter(orders_late: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let show = async |State(orders): State<Arc<AtomicU64>>| {
        format!("orders_late {}\n", orders.load(Ordering::Relaxed))
    };
    let app = Router::new().route("/metrics", get(show)).with_state(orders_late);
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

struct Prometheus {
    child: Child,
    _folder: TempDir,
}

impl Prometheus {
    fn start(exporter: &str, alertmanager: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let targets = |address: &str| json!([{"targets": [address]}]);
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "external_labels": {"region": "west"}},
            "rule_files": [path("rules.yml")],
            "scrape_configs": [{"job_name": "odoo", "static_configs": targets(exporter)}],
            "alerting": {"alertmanagers": [{"static_configs": targets(alertmanager)}]},
        });
        fs::write(path("prometheus.yml"), config.to_string()).expect("writable");
        fs::write(path("rules.yml"), RULES).expect("writable");
        let mut command = tool("prometheus");
        command
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--rules.alert.resend-delay=1s")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(path("log")).expect("writable"));
        Self { child: command.spawn().expect("prometheus: make test installs it"), _folder: folder }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn routing(sink: &HttpSink) -> String {
    format!(
        "route:\n  receiver: on-call\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n\
         receivers:\n  - name: on-call\n    webhook_configs:\n      - url: '{}'\n",
        sink.url("/hook")
    )
}

async fn told(sink: &HttpSink, status: &str) -> Value {
    eventually(&format!("it is told that it is {status}"), WITHIN, async || {
        sink.received("/hook").into_iter().map(|received| received.body).find(|body| body["status"] == status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_prometheus_fires_and_resolves_and_is_an_incident_of_ours() {
    let sink = HttpSink::start().await;
    let plimsoll = Plimsoll::start_with(Setup::default().file("alertmanager.yml", &routing(&sink))).await;
    let late = Arc::new(AtomicU64::new(3));
    let console = plimsoll.console("").replace("http://", "");
    let _prometheus = Prometheus::start(&exporter(Arc::clone(&late)).await, &console);

    let firing = told(&sink, "firing").await;
    let alert = &firing["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "OrdersLate");
    assert_eq!(alert["labels"]["region"], "west", "what Prometheus adds is there");
    assert_eq!(alert["annotations"]["summary"], "3 orders are late");
    let url = alert["generatorURL"].as_str().expect("text");
    assert!(url.starts_with("http://") && url.contains("orders_late"), "{url}");

    let shown: Value = plimsoll
        .client()
        .get(plimsoll.console("/api/v2/alerts"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(shown[0]["fingerprint"], alert["fingerprint"]);
    assert_eq!(shown[0]["generatorURL"], url);
    let open = "SELECT count(*) AS n FROM incidents i JOIN alerts a ON a.incident_id = i.incident_id \
                WHERE i.state = 'triggered' AND a.alertname = 'OrdersLate' AND a.state = 'firing'";
    assert_eq!(plimsoll.number(open).await, 1);

    late.store(0, Ordering::Relaxed);
    let resolved = told(&sink, "resolved").await;
    assert_eq!(resolved["groupKey"], firing["groupKey"]);
    assert_eq!(resolved["alerts"][0]["startsAt"], alert["startsAt"]);
    let over = "SELECT count(*) AS n FROM incidents WHERE state = 'resolved' AND resolved_at IS NOT NULL";
    eventually("the incident is over", WITHIN, async || (plimsoll.number(over).await == 1).then_some(()))
        .await;
    assert_eq!(sink.received("/hook").len(), 2, "restated each second, told once each");
}
