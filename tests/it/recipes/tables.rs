//! The tables of a recipe that say what a sender calls its things, as if it had sent them: names in backticks, `key=value` where the
//! value matters.

use serde_json::{Value, json};

use crate::harness::{Plimsoll, now_unix_nanos};
use crate::pack::runbooks::post;

const MINUTE: u64 = 60_000_000_000;

/// Sends one of each row; how many there were.
pub(super) async fn send(plimsoll: &Plimsoll, page: &str) -> usize {
    let now = now_unix_nanos();
    let metrics: Vec<Value> = rows(page, "metric").iter().map(|row| metric(row, now)).collect();
    let logs: Vec<Value> = rows(page, "log record").iter().map(|row| record(row, now)).collect();
    let sent = metrics.len() + logs.len();
    if !metrics.is_empty() {
        post(plimsoll, "/v1/metrics", &json!({"resourceMetrics": metrics})).await;
    }
    if !logs.is_empty() {
        post(plimsoll, "/v1/logs", &json!({"resourceLogs": logs})).await;
    }
    sent
}

/// What is in backticks in each of the first three cells of a table that begins with `| HEAD | resource | attributes |`.
fn rows(page: &str, head: &str) -> Vec<[Vec<String>; 3]> {
    let begins = format!("| {head} | resource | attributes |");
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with(&begins) {
            continue;
        }
        for row in lines.by_ref().skip(1).take_while(|line| line.starts_with('|')) {
            let mut cells = row.split('|').skip(1).map(quoted);
            let mut cell = || cells.next().unwrap_or_default();
            let cells = [cell(), cell(), cell()];
            assert_eq!(cells[0].len(), 1, "{row}");
            found.push(cells);
        }
    }
    found
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn attributes(keys: &[String]) -> Vec<Value> {
    let attribute = |key: &String| {
        let (key, value) = key.split_once('=').unwrap_or((key, "some"));
        json!({"key": key, "value": {"stringValue": value}})
    };
    keys.iter().map(attribute).collect()
}

fn metric([name, resource, by]: &[Vec<String>; 3], now: u64) -> Value {
    let point = |ago: u64, value: u64| json!({"timeUnixNano": (now - ago * MINUTE).to_string(), "asDouble": value, "attributes": attributes(by)});
    json!({"resource": {"attributes": attributes(resource)}, "scopeMetrics": [{"metrics": [
        {"name": name[0], "gauge": {"dataPoints": [point(9, 40), point(1, 90)]}}]}]})
}

fn record([body, resource, by]: &[Vec<String>; 3], now: u64) -> Value {
    let mut record = json!({"timeUnixNano": (now - MINUTE).to_string(), "severityNumber": 13, "attributes": attributes(by),
                            "body": {"stringValue": body[0]}});
    if body[0] == "change.recorded" {
        record["eventName"] = json!(body[0]);
    }
    json!({"resource": {"attributes": attributes(resource)}, "scopeLogs": [{"logRecords": [record]}]})
}
