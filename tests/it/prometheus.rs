//! The real Prometheus writes to us: what it scrapes can be asked for in SQL, and what it could not deliver comes later.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Plimsoll, eventually, tool};

const WITHIN: Duration = Duration::from_secs(60);

/// Scrapes us every second and writes to us at once.
struct Prometheus {
    child: Child,
    folder: TempDir,
}

impl Prometheus {
    fn watching(plimsoll: &Plimsoll) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let exporter = plimsoll.console("").replace("http://", "").replace('/', "");
        let config = json!({
            "global": {"scrape_interval": "1s", "external_labels": {"region": "west"}},
            "scrape_configs": [{"job_name": "plimsoll", "static_configs": [{"targets": [exporter]}]}],
            "remote_write": [{
                "url": plimsoll.otlp_http("/api/v1/write"),
                "queue_config": {"batch_send_deadline": "500ms", "min_backoff": "100ms", "max_backoff": "500ms"},
                "metadata_config": {"send_interval": "1s"},
            }],
        });
        // JSON is YAML.
        fs::write(folder.path().join("prometheus.yml"), config.to_string()).expect("writable");
        let log = File::create(folder.path().join("log")).expect("writable");
        let mut command = tool("prometheus");
        command
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command.spawn().expect("prometheus: make test installs it");
        Self { child, folder }
    }

    /// By its own word.
    async fn sees_us_down(&self, client: &reqwest::Client) -> bool {
        let log = self.log();
        let address =
            log.split("msg=\"Listening on\" address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let Some(address) = address else { return false };
        let answer = client.get(format!("http://{address}/api/v1/query?query=up")).send().await;
        let Ok(answer) = answer else { return false };
        let answer: Value = answer.json().await.unwrap_or_default();
        answer["data"]["result"][0]["value"][1] == "0"
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprint_log(&self.log());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows what the other side said")]
fn eprint_log(log: &str) {
    eprintln!("{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prometheus_scrapes_is_a_row_and_an_outage_of_ours_loses_no_sample() {
    let mut plimsoll = Plimsoll::start().await;
    let prometheus = Prometheus::watching(&plimsoll);
    let up = "SELECT count(*) AS n FROM metrics WHERE name = 'up' AND value = 1 AND service_name = 'plimsoll' \
              AND attributes['region'] = 'west' AND resource['service.instance.id'] IS NOT NULL";
    eventually("samples arrive", WITHIN, async || (plimsoll.number(up).await >= 3).then_some(())).await;

    // What Prometheus knows of a metric came with it: a counter is a monotonic sum.
    let counter = "SELECT kind, monotonic, description <> '' AS described FROM metrics \
                   WHERE name = 'plimsoll_collector_requests_total' ORDER BY time DESC LIMIT 1";
    let sum = json!({"kind": "sum", "monotonic": true, "described": true});
    eventually("metadata arrives", WITHIN, async || {
        (plimsoll.sql(counter).await.first() == Some(&sum)).then_some(())
    })
    .await;

    // It goes on scraping while its own log of samples waits for us; `up` is 0 then, and comes all the same.
    plimsoll.kill();
    eventually("it notices", WITHIN, async || prometheus.sees_us_down(plimsoll.client()).await.then_some(()))
        .await;
    plimsoll.resume().await;
    let down = "SELECT count(*) AS n FROM metrics WHERE name = 'up' AND value = 0";
    eventually("what waited arrives", WITHIN, async || (plimsoll.number(down).await >= 1).then_some(()))
        .await;
    let twice = "SELECT count(*) AS n FROM (SELECT time FROM metrics WHERE name = 'up' GROUP BY time HAVING count(*) > 1) AS t";
    assert_eq!(plimsoll.number(twice).await, 0);
    assert!(!prometheus.log().contains("non-recoverable"), "nothing was refused for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_at_its_address_is_told_so() {
    let plimsoll = Plimsoll::start().await;
    let send = async |headers: &[(&str, &str)]| {
        let request = plimsoll.client().post(plimsoll.otlp_http("/api/v1/write")).body("x");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let (status, text) = send(&[("content-type", "application/x-protobuf")]).await;
    assert!(status == 415 && text.contains("must be snappy"), "{status} {text}");
    let second = [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
    ];
    let (status, text) = send(&second).await;
    assert!(status == 415 && text.contains("remote write 1.0"), "{status} {text}");
    let (status, text) =
        send(&[("content-encoding", "snappy"), ("content-type", "application/x-protobuf")]).await;
    assert!(status == 400 && text.contains("snappy's block format"), "{status} {text}");
    let rows: Vec<Value> = plimsoll.sql("SELECT name FROM metrics").await;
    assert_eq!(rows, Vec::<Value>::new());
}
