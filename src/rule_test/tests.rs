//! Test files about two rules and a routing file, right and wrong.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use parquet::arrow::ArrowWriter;

use super::*;

const RULES: &str = "\
groups:
  - name: orders
    interval: 1m
    rules:
      - alert: OrdersFail
        for: 1m
        keep_firing_for: 1m
        sql: |
          SELECT warehouse, CAST(count(*) AS DOUBLE) AS value, max(amount) AS impact_amount FROM business_events
          WHERE outcome = 'failed' AND time > now() - INTERVAL '5 minutes' AND time <= now()
          GROUP BY 1 HAVING count(*) >= 3
        labels: {severity: page}
        annotations: {summary: '{{ $value }} orders fail in {{ $labels.warehouse }}', runbook_url: https://wiki.example/orders}
      - alert: Other
        sql: SELECT warehouse FROM business_events WHERE outcome = 'odd'
        labels: {severity: ticket}
        annotations: {summary: odd, runbook_url: https://wiki.example/odd}
";

const ROUTES: &str = "\
route:
  receiver: office
  group_by: [alertname]
  group_wait: 90s
  group_interval: 5m
  repeat_interval: 1h
  routes: [{matchers: ['severity=\"page\"'], receiver: duty}]
receivers:
  - {name: office, webhook_configs: [{url: 'http://127.0.0.1:9/office'}]}
  - {name: duty, webhook_configs: [{url: 'http://127.0.0.1:9/duty'}]}
";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("rules.yaml", RULES);
        folder.write("alertmanager.yml", ROUTES);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// The failures of the one test whose body this is.
    async fn failures(&self, body: &str) -> String {
        let head =
            "rule_files: [rules.yaml]\nalertmanager: alertmanager.yml\nstart: 2026-11-23T08:00:00Z\ntests:\n";
        self.write("a.test.yml", &format!("{head}  - name: the test\n{body}"));
        let outcomes = run(&self.path("a.test.yml"), &Selection::default()).await;
        let outcomes = outcomes.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(outcomes.len(), 1);
        outcomes[0].failures.join("\n")
    }
}

const FOUR_FAIL: &str = "    input:
      - table: business_events
        every: 1m from 08:01 to 08:05
        rows: {event_name: odoo.sale.order.confirmed, warehouse: ROT, outcome: failed, amount: 5}
";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_notifications_are_held_against_what_is_expected() {
    let folder = Folder::new();
    let checks = "    exactly: true
    alert_rule_test:
      - {eval_time: 2m, alertname: OrdersFail, exp_alerts: [{state: inactive}]}
      - {eval_time: 3m, alertname: OrdersFail, exp_alerts: [{exp_labels: {warehouse: ROT}, state: pending}]}
      - {eval_time: 08:05, alertname: OrdersFail, exp_alerts: [{exp_labels: {severity: page}, exp_annotations: {summary: 4 orders fail in ROT}}]}
      - {eval_time: 9m, alertname: OrdersFail, exp_alerts: [{state: resolved}]}
    notification_test:
      - {eval_time: 5m29s}
      - eval_time: 5m30s
        exp_notifications:
          - {receiver: duty, status: firing, reason: first notification, group: {alertname: OrdersFail}, alerts: [{warehouse: ROT}]}
      - {eval_time: 15m, exp_notifications: [{receiver: duty, status: resolved, reason: all alerts resolved}]}
";
    assert_eq!(folder.failures(&format!("{FOUR_FAIL}{checks}")).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_next_is_tried_too() {
    let folder = Folder::new();
    folder.write(
        "escalation.yml",
        "receivers: {duty: {steps: [{receivers: [duty]}, {receivers: [office], delay: 2m}]}}\n",
    );
    let head = "rule_files: [rules.yaml]\nalertmanager: alertmanager.yml\nescalation: escalation.yml\n\
                start: 2026-11-23T08:00:00Z\ntests:\n  - name: the test\n";
    let checks = "    exactly: true
    alert_rule_test:
      - {eval_time: 5m, alertname: OrdersFail, exp_alerts: [{exp_labels: {severity: page}}]}
    notification_test:
      - {eval_time: 5m30s, exp_notifications: [{receiver: duty, status: firing, reason: first notification}]}
      - {eval_time: 7m29s}
      - {eval_time: 7m30s, exp_notifications: [{receiver: office, status: firing, reason: escalated}]}
      - eval_time: 15m
        exp_notifications:
          - {receiver: duty, status: resolved, reason: all alerts resolved}
          - {receiver: office, status: resolved, reason: all alerts resolved}
";
    folder.write("a.test.yml", &format!("{head}{FOUR_FAIL}{checks}"));
    let outcomes = run(&folder.path("a.test.yml"), &Selection::default()).await.expect("it runs");
    assert_eq!(outcomes[0].failures, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_says_what_came_and_why() {
    let folder = Folder::new();
    let checks = "    exactly: true
    alert_rule_test:
      - {eval_time: 5m, alertname: OrdersFail, exp_alerts: [{exp_labels: {warehouse: UTR}}]}
      - {eval_time: 5m, alertname: Other, exp_alerts: [{}]}
    notification_test: [{eval_time: 5m30s}]
";
    let failures = folder.failures(&format!("{FOUR_FAIL}{checks}")).await;
    for part in [
        "at 5m (2026-11-23T08:05:00.000Z): OrdersFail",
        "- expected: firing {warehouse=\"UTR\"}",
        "+ got:      {alertname=\"OrdersFail\", severity=\"page\", tenant=\"default\", warehouse=\"ROT\"} firing since 2026-11-23T08:03",
        "why:      2026-11-23T08:03:00Z rule pending: the query gives this row",
        "+ got:      nothing of that name",
        "why:      no decision was ever made about it",
        "+ got:      2026-11-23T08:05:30.000Z to duty (webhook[0]), firing, first notification",
        "exactly: nothing expects {alertname=\"OrdersFail\"",
    ] {
        assert!(failures.contains(part), "{part}\n--\n{failures}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_is_seen_late() {
    let folder = Folder::new();
    let checks = "    alert_rule_test:
      - {eval_time: 4m, alertname: OrdersFail, exp_alerts: [{state: inactive}]}
      - {eval_time: 5m, alertname: OrdersFail, exp_alerts: [{state: pending}]}
";
    let late = FOUR_FAIL.replace("        rows:", "        late: 2m\n        rows:");
    assert_eq!(folder.failures(&format!("{late}{checks}")).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_may_lie_in_files() {
    let folder = Folder::new();
    let check = "    alert_rule_test: [{eval_time: 2m, alertname: OrdersFail, exp_alerts: [{exp_annotations: {impact_amount: '7.5'}}]}]\n";
    let lines = "2026-11-23T07:59:00Z,odoo.sale.order.confirmed,ROT,failed,7.5\n".repeat(3);
    folder.write("rows.csv", &format!("time,event_name,warehouse,outcome,amount\n{lines}"));
    let line =
        r#"{"time": "-1m", "event_name": "e", "warehouse": "ROT", "outcome": "failed", "amount": 7.5}"#;
    folder.write("rows.jsonl", &[line; 3].join("\n"));
    parquet(&folder.path("rows.parquet"));
    for file in ["rows.csv", "rows.jsonl", "rows.parquet"] {
        let input = format!("    input: [{{table: business_events, file: {file}}}]\n");
        assert_eq!(folder.failures(&format!("{input}{check}")).await, "", "{file}");
    }
}

fn parquet(path: &Path) {
    let texts = |text: &str| Arc::new(StringArray::from(vec![text; 3])) as ArrayRef;
    let before = Timestamp::parse_rfc3339("2026-11-23T07:59:00Z").expect("valid").nanos();
    let batch = RecordBatch::try_from_iter([
        ("time", Arc::new(TimestampNanosecondArray::from(vec![before; 3]).with_timezone("UTC")) as ArrayRef),
        ("event_name", texts("e")),
        ("warehouse", texts("ROT")),
        ("outcome", texts("failed")),
        ("amount", Arc::new(Float64Array::from(vec![7.5; 3]))),
    ])
    .expect("a batch");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_file_is_said_with_its_cure() {
    let folder = Folder::new();
    let check = "    alert_rule_test: [{eval_time: 1m, alertname: OrdersFail}]\n";
    for (input, complaint) in [
        ("{table: orders, rows: {time: 0s}}", "there is no table orders: there are spans"),
        ("{table: logs, rows: {colour: red}}", "logs has no column colour: it has time"),
        ("{table: logs, every: 0s, rows: {body: a}}", "would never end"),
        ("{series: 'up{', values: '1'}", "is no series"),
        ("{table: logs, rows: {time: noon}}", "\"noon\" is no moment"),
        ("{table: logs, file: rows.xml}", "rows are read from .parquet, .csv and .jsonl"),
    ] {
        let failures = folder.failures(&format!("    input: [{input}]\n{check}")).await;
        assert!(failures.contains(complaint), "{input}: {failures}");
    }
    let failures = folder.failures(&format!("    rules: [OrderFails]\n{check}")).await;
    assert!(
        failures.contains("no objective and no alert of these files has the name `OrderFails`"),
        "{failures}"
    );
    folder.write("b.test.yml", "rule_files: [rules.yaml]\ntests:\n  - name: a\n    inputs: []\n");
    let error = run(&folder.path("b.test.yml"), &Selection::default()).await.expect_err("an unknown key");
    assert!(error.to_string().contains("b.test.yml:4"), "{error:#}");
}
