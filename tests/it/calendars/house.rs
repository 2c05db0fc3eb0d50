//! The rooms in a folder that outlives them, so that files may change between two starts, and a clock of ours.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use plimsoll::app::App;
use plimsoll::config::Config;
use plimsoll_model::{Clock, ManualClock, Signal, TenantName, Timestamp};
use prost::Message;
use serde_json::{Value, json};
use tempfile::TempDir;

const SETTINGS: &str = "[telemetry]\nenabled = false\n";
pub(super) const WITH_THE_PACK: &str =
    "[telemetry]\nenabled = false\n[rules]\npacks = [\"odoo-distribution\"]\n";

pub(super) struct House {
    clock: ManualClock,
    app: App,
    folder: TempDir,
    sent: u64,
}

fn write(folder: &TempDir, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, text).expect("writable");
    }
}

async fn start(folder: &TempDir, clock: &ManualClock) -> App {
    let config = Config::read(&folder.path().join("plimsoll.toml")).expect("a good configuration");
    App::open(config, Arc::new(clock.clone())).await.expect("the rooms open")
}

/// What `plimsoll check` says of these files.
pub(super) async fn check(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, &[("plimsoll.toml", SETTINGS)]);
    write(&folder, files);
    let config = Config::read(&folder.path().join("plimsoll.toml")).expect("a good configuration");
    let found =
        plimsoll::app::check(config, Arc::new(ManualClock::at(Timestamp::from_secs(1_795_000_000)))).await;
    let errors = found.expect("it checks").into_iter().filter(|(is_error, _)| *is_error);
    errors.map(|(_, message)| message).collect()
}

impl House {
    pub(super) async fn open(now: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, &[("plimsoll.toml", SETTINGS)]);
        write(&folder, files);
        let clock = ManualClock::at(Timestamp::parse_rfc3339(now).expect("a moment"));
        Self { app: start(&folder, &clock).await, clock, folder, sent: 0 }
    }

    /// A new start, with other files beside those that are there.
    pub(super) async fn reopen(self, files: &[(&str, &str)]) -> Self {
        let Self { clock, app, folder, sent } = self;
        drop(app);
        write(&folder, files);
        Self { app: start(&folder, &clock).await, clock, folder, sent }
    }

    /// So many minutes, each with four orders that took so long, and a pass; what fired in any of them.
    pub(super) async fn minutes(&mut self, minutes: u32, took: f64) -> Vec<String> {
        let mut fired: Vec<String> = Vec::new();
        for _ in 0..minutes {
            self.clock.advance(Duration::from_secs(60));
            self.orders(took).await;
            self.app.step().await.expect("a pass succeeds");
            let sql = "SELECT labels['severity'] AS severity FROM alerts WHERE alertname = 'orders' AND state = 'firing'";
            fired.extend(
                self.ask(sql).await.iter().map(|row| row["severity"].as_str().unwrap_or_default().to_owned()),
            );
        }
        fired.sort_unstable();
        fired.dedup();
        fired
    }

    /// So long nobody orders anything; a pass at the end of it.
    pub(super) async fn quiet(&mut self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3_600));
        for _ in 0..2 {
            self.clock.advance(Duration::from_secs(60));
            self.app.step().await.expect("a pass succeeds");
        }
    }

    async fn orders(&mut self, took: f64) {
        let time = (self.clock.now() - Duration::from_secs(1)).nanos().to_string();
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let record = |number: u64| {
            let attributes = json!([
                text("event.id", &format!("order:{number}")),
                text("business.outcome", "ok"),
                text("business.warehouse", "HAM"),
                {"key": "business.duration", "value": {"doubleValue": took}},
            ]);
            json!({"timeUnixNano": time, "eventName": "odoo.sale.order.confirmed", "attributes": attributes})
        };
        let records: Vec<Value> = (self.sent..self.sent + 4).map(record).collect();
        self.sent += 4;
        let service = json!({"attributes": [text("service.name", "odoo")]});
        let request =
            json!({"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": records}]}]});
        let message: ExportLogsServiceRequest = serde_json::from_value(request).expect("OTLP");
        let intake = self.app.collector().intake(&TenantName::default()).expect("the default tenant");
        let taken = intake.take(Signal::Logs, message.encode_to_vec().into()).await.expect("taken");
        assert_eq!(taken.refused, 0, "{}", taken.complaint);
    }

    pub(super) async fn ask(&self, sql: &str) -> Vec<Value> {
        let answer = self.app.engine().sql(sql, &[]).await.unwrap_or_else(|error| panic!("{error}:\n{sql}"));
        serde_json::from_slice(&answer.to_json().expect("rows have a JSON form")).expect("an array")
    }
}
