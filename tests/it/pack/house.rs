//! The rooms with the pack in them, and a clock of ours. What is sent goes through the collector as OTLP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plimsoll::app::App;
use plimsoll::config::Config;
use plimsoll_model::{Clock, Intake, ManualClock, Signal, TenantName, Timestamp};
use plimsoll_rules::Pack;
use plimsoll_sources::Sources;
use prost::Message;
use serde_json::{Value, json};
use tempfile::TempDir;

const STEP: Duration = Duration::from_secs(60);

pub(super) struct House {
    clock: ManualClock,
    app: App,
    intake: Arc<dyn Intake>,
    sent: u64,
    _folder: TempDir,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_with(&[], &[]).await
    }

    pub(super) async fn open_with(files: &[(&str, &str)], skip: &[&str]) -> Self {
        let skip = serde_json::to_string(skip).expect("a list");
        let settings = format!(
            "[rules]\npacks = [\"odoo-distribution\"]\nskip = {skip}\n[telemetry]\nenabled = false\n"
        );
        Self::open_on(&settings, files).await
    }

    /// On a whole `plimsoll.toml`.
    pub(super) async fn open_on(settings: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("plimsoll.toml", settings)].iter().chain(files) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            std::fs::write(path, text).expect("writable");
        }
        let clock = ManualClock::at(Timestamp::parse_rfc3339("2026-11-23T08:00:00Z").expect("valid"));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let config = Config::read(&folder.path().join("plimsoll.toml")).expect("a good configuration");
        let app = App::open(config, shared).await.expect("the rooms open");
        let intake = app.collector().intake(&TenantName::default()).expect("the default tenant");
        Self { clock, app, intake, sent: 0, _folder: folder }
    }

    /// A moment before now, as text.
    pub(super) fn ago(&self, minutes: u64) -> String {
        (self.clock.now() - Duration::from_secs(60 * minutes)).to_rfc3339()
    }

    /// A new trace's id.
    pub(super) fn trace(&mut self) -> String {
        self.sent += 1;
        format!("{:032x}", self.sent + 1)
    }

    pub(super) async fn event(&mut self, name: &str, attributes: &Value) {
        let trace = self.trace();
        self.traced_event(name, attributes, &trace).await;
    }

    pub(super) async fn traced_event(&mut self, name: &str, attributes: &Value, trace: &str) {
        self.sent += 1;
        let mut attributes = keyed(attributes);
        attributes
            .push(json!({"key": "event.id", "value": {"stringValue": format!("{name}:{}", self.sent)}}));
        let record = json!({"timeUnixNano": self.now().nanos().to_string(), "eventName": name, "traceId": trace, "attributes": attributes});
        let request =
            json!({"resourceLogs": [{"resource": service(), "scopeLogs": [{"logRecords": [record]}]}]});
        self.send::<ExportLogsServiceRequest>(Signal::Logs, request).await;
    }

    pub(super) async fn heartbeat_failed(&mut self, name: &str, message: &str) {
        let sources = self.app.collector().sources(&TenantName::default()).expect("the default tenant");
        sources.remember_heartbeat(plimsoll_collector::Beat {
            name: name.to_owned(),
            time: self.clock.now(),
            every: Some(Duration::from_hours(24)),
            failure: Some(message.to_owned()),
        });
    }

    /// A person's request that took so many seconds.
    pub(super) async fn request(&mut self, route: &str, seconds: f64) {
        let trace = self.trace();
        let ends = self.clock.now();
        let begins = ends - Duration::from_secs_f64(seconds);
        let span = json!({
            "traceId": trace, "spanId": "00f067aa0ba902b7", "name": format!("POST {route}"), "kind": 2,
            "startTimeUnixNano": begins.nanos().to_string(), "endTimeUnixNano": ends.nanos().to_string(),
            "attributes": keyed(&json!({"http.route": route, "odoo.db": "o18", "odoo.http.sql_duration": seconds / 2.0,
                                        "odoo.http.queries": 40})),
        });
        let request = json!({"resourceSpans": [{"resource": service(), "scopeSpans": [{"spans": [span]}]}]});
        self.send::<ExportTraceServiceRequest>(Signal::Traces, request).await;
    }

    pub(super) async fn levels(&mut self, levels: &[(&str, f64, Value)]) {
        let metric = |(name, value, by): &(&str, f64, Value)| {
            let point = json!({"timeUnixNano": self.now().nanos().to_string(), "asDouble": value, "attributes": keyed(by)});
            json!({"name": name, "gauge": {"dataPoints": [point]}})
        };
        let metrics: Vec<Value> = levels.iter().map(metric).collect();
        let request =
            json!({"resourceMetrics": [{"resource": service(), "scopeMetrics": [{"metrics": metrics}]}]});
        self.send::<ExportMetricsServiceRequest>(Signal::Metrics, request).await;
    }

    async fn send<M: Message + serde::de::DeserializeOwned>(&self, signal: Signal, request: Value) {
        let message: M = serde_json::from_value(request).expect("OTLP");
        let taken = self.intake.take(signal, message.encode_to_vec().into()).await.expect("taken");
        assert_eq!(taken.refused, 0, "{}", taken.complaint);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn sources(&self) -> Arc<Sources> {
        self.app.sources()
    }

    pub(super) async fn pass(&mut self, duration: Duration) {
        let until = self.clock.now() + duration;
        while self.clock.now() < until {
            self.advance(STEP);
            self.step().await;
        }
    }

    /// For whoever sleeps on the clock.
    pub(super) fn advance(&self, step: Duration) {
        self.clock.advance(step);
    }

    pub(super) async fn step(&self) {
        self.app.step().await.expect("a pass succeeds");
    }

    pub(super) async fn ask(&self, sql: &str) -> Vec<Value> {
        let answer = self.app.engine().sql(sql, &[]).await.unwrap_or_else(|error| panic!("{error}:\n{sql}"));
        serde_json::from_slice(&answer.to_json().expect("rows have a JSON form")).expect("an array")
    }

    /// What each view of the pack says.
    pub(super) async fn views(&self) -> Vec<(&'static str, Value)> {
        let mut answers = Vec::new();
        for (view, _) in Pack::named("odoo-distribution").expect("it is embedded").views() {
            answers.push((view, self.ask(&format!("SELECT * FROM {view}")).await.into()));
        }
        answers
    }

    /// Rules that fire, and what they say.
    pub(super) async fn firing(&self) -> BTreeMap<String, String> {
        let sql = "SELECT alertname, annotations['summary'] AS summary FROM alerts \
                   WHERE state = 'firing' AND labels['slo'] IS NULL";
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.ask(sql).await.iter().map(|row| (text(&row["alertname"]), text(&row["summary"]))).collect()
    }
}

fn service() -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": "odoo"}}]})
}

fn keyed(attributes: &Value) -> Vec<Value> {
    let attributes = attributes.as_object().expect("an object");
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        number => json!({"doubleValue": number}),
    };
    attributes.iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}
