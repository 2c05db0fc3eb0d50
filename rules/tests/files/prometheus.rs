//! Rule groups beside Prometheus' own tool: the shape of the files, and when a rule is pending and when it fires.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use plimsoll_model::Table;
use serde_json::json;

use super::fixture::{House, at};

/// Runs and must succeed. `make test` installs it with `prometheus`.
fn promtool(dir: &Path, args: &[&str]) {
    let output =
        Command::new("promtool").current_dir(dir).args(args).output().expect("promtool is installed");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {args:?}: {said}");
}

/// The file with a PromQL condition wherever it has an SQL one.
fn with_expr(text: &str) -> String {
    let (mut prom, mut block) = (String::new(), None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if block.is_some_and(|block| line.trim().is_empty() || indent > block) {
            continue;
        }
        block = None;
        let line = match line.split_once("sql:") {
            Some((before, _)) if before.trim().is_empty() || before.trim() == "-" => {
                block = Some(before.len());
                format!("{before}expr: vector(1)")
            }
            _ => line.replace("$row.", "$labels."),
        };
        prom.push_str(&line);
        prom.push('\n');
    }
    prom
}

#[test]
fn our_rule_files_have_the_shape_that_prometheus_knows() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = super::fixture::files_of("../packs/odoo-distribution/rules", "yaml");
    let files = [files, super::fixture::files_of("../packs/odoo-distribution/rules", "yml")].concat();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("reads");
        std::fs::write(dir.path().join("rules.yml"), with_expr(&text)).expect("written");
        promtool(dir.path(), &["check", "rules", "rules.yml"]);
    }
}

const MINUTES: usize = 90;

/// Whether the condition holds, minute by minute: stretches of every length around the two durations.
fn holds(minute: usize) -> bool {
    // A fixed sequence that looks random: what matters is that runs of one to six of either come up.
    (minute * minute / 7 + minute / 3).is_multiple_of(3) || minute % 17 > 11
}

const GROUP: &str = "\
groups:
  - name: queue
    interval: 1m
    rules:
      - alert: QueueWaits
        CONDITION
        for: 3m
        keep_firing_for: 2m
        labels: {severity: page}
        annotations: {summary: 'waits {{ $value }} in {{ $labels.service_name }}', runbook_url: https://wiki.example/q}
";

const SQL: &str = "sql: |
          SELECT service_name, value FROM metrics
          WHERE name = 'queue_wait' AND time > now() - INTERVAL '1 minute' AND time <= now() AND value > 0";

/// Our state after each minute.
async fn our_timeline() -> Vec<&'static str> {
    let house = House::open("08:00:00").await;
    let point = |minute: usize| {
        let time = (at("08:00:00") + Duration::from_secs(60 * minute as u64)).nanos();
        let value = if holds(minute) { 1.0 } else { 0.0 };
        json!({"time": time, "ingest_time": time, "service_name": "odoo", "name": "queue_wait", "value": value})
    };
    house.append(Table::Metrics, &(0..MINUTES).map(point).collect::<Vec<_>>()).await;
    let files = house.write(&[("rules.yaml", &GROUP.replace("CONDITION", SQL))]);
    let mut evaluator = house.evaluator(files).await;
    let (mut states, mut state) = (Vec::new(), "");
    for _ in 0..MINUTES {
        house.tick(&mut evaluator).await;
        for decision in house.decisions() {
            state = match decision.outcome.as_str() {
                "still pending" | "still firing" => continue,
                "pending" => "pending",
                "firing" => "firing",
                "resolved" | "inactive" => "",
                other => panic!("{other}: {}", decision.reason),
            };
        }
        states.push(state);
        house.clock.advance(Duration::from_secs(60));
    }
    states
}

#[tokio::test]
async fn a_rule_is_pending_and_fires_at_the_same_minutes_as_in_prometheus() {
    let states = our_timeline().await;
    for wanted in ["", "pending", "firing"] {
        let count = states.iter().filter(|state| **state == wanted).count();
        assert!(count > 5, "{count} minutes of `{wanted}` prove nothing: {states:?}");
    }
    let dir = tempfile::tempdir().expect("a folder");
    let values: Vec<&str> = (0..MINUTES).map(|minute| if holds(minute) { "1" } else { "0" }).collect();
    let rules = GROUP.replace("CONDITION", "expr: queue_wait > 0");
    std::fs::write(dir.path().join("rules.yml"), rules).expect("written");
    let mut test = format!(
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n      \
         - {{series: 'queue_wait{{service_name=\"odoo\"}}', values: '{}'}}\n    promql_expr_test:\n",
        values.join(" ")
    );
    for (minute, state) in states.iter().enumerate() {
        let samples = match *state {
            "" => "[]".to_owned(),
            state => format!("[{{labels: '{{alertstate=\"{state}\"}}', value: 1}}]"),
        };
        writeln!(
            test,
            "      - {{expr: 'count by (alertstate) (ALERTS)', eval_time: {minute}m, exp_samples: {samples}}}"
        )
        .expect("a text");
    }
    std::fs::write(dir.path().join("test.yml"), test).expect("written");
    promtool(dir.path(), &["test", "rules", "test.yml"]);
}

/// A moment ago everything has arrived; now, not yet.
#[tokio::test]
async fn an_offset_moves_what_now_is() {
    let house = House::open("08:10:00").await;
    house.ten_minutes().await;
    let rules = |offset: &str| {
        format!(
            "groups:\n  - name: a\n    {offset}\n    rules:\n      - alert: Orders\n        sql: |\n          \
             SELECT count(*) AS value FROM business_events WHERE time <= now()\n        annotations: \
             {{summary: '{{{{ $value }}}}'}}\n"
        )
    };
    for (offset, orders) in [("interval: 10s", "10"), ("query_offset: 5m", "5")] {
        let mut evaluator = house.evaluator(house.write(&[("rules.yaml", &rules(offset))])).await;
        let alerts = house.tick(&mut evaluator).await;
        let said: Vec<_> = alerts.iter().filter_map(|alert| alert.annotations.get("summary")).collect();
        assert_eq!(said, [orders]);
    }
}
