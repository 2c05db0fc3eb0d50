//! One of everything that `docs/signals.yaml` names, with every value that it lists, well and failed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Metric, Sent};
use crate::harness::{Plimsoll, now_unix_nanos};

/// Enough for every listed value of an attribute, and as often failed as not.
const VARIANTS: u64 = 24;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

/// What every event of Odoo carries.
const OF_ALL: [&str; 5] =
    ["event.id", "business.outcome", "business.workload", "odoo.db", "business.company"];

impl Catalogue {
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let records = self.events.iter().chain(&self.logs);
        let carried = records.clone().flat_map(|record| &record.also);
        let carried = carried.chain(self.metrics.iter().flat_map(|metric| &metric.by));
        let carried = carried.chain(self.spans.iter().flat_map(|span| &span.also));
        let metrics = self.metrics.iter().map(|metric| &metric.name);
        let attributes = self.attributes.iter().map(|attribute| &attribute.name);
        let all = records.map(|record| &record.name).chain(carried).chain(metrics).chain(attributes);
        // A model of Odoo, and OpenTelemetry's own.
        all.map(String::as_str).chain(["sale.order", "service.instance.id"]).collect()
    }

    pub(crate) async fn send(&self, plimsoll: &Plimsoll) {
        let now = now_unix_nanos();
        let records = self.events.iter().chain(&self.logs);
        let records: Vec<Value> =
            records.flat_map(|record| (0..VARIANTS).map(|n| self.record(record, n, now))).collect();
        let spans: Vec<Value> =
            self.spans.iter().flat_map(|span| (0..VARIANTS).map(|n| self.span(span, n, now))).collect();
        let statements = (0..VARIANTS).map(|n| statement(n, now));
        let spans: Vec<Value> = spans.into_iter().chain(statements).collect();
        let resource =
            json!({"attributes": [text("service.name", "odoo"), text("service.instance.id", "odoo-1-4711")]});
        let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]});
        let traces = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
        let metrics: Vec<Value> = self.metrics.iter().map(|metric| self.metric(metric, now)).collect();
        let metrics =
            json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]});
        for (path, body) in [("/v1/logs", logs), ("/v1/traces", traces), ("/v1/metrics", metrics)] {
            post(plimsoll, path, &body).await;
        }
    }

    fn record(&self, record: &Sent, n: u64, now: u64) -> Value {
        // Whatever began last has not ended yet.
        let ended = if record.name.ends_with(".done") { SECOND } else { 0 };
        let keys: BTreeSet<&str> = OF_ALL.into_iter().chain(record.also.iter().map(String::as_str)).collect();
        let attributes: Vec<Value> = keys
            .into_iter()
            .map(|key| json!({"key": key, "value": self.value(&record.name, key, n, now)}))
            .collect();
        json!({"eventName": record.name, "timeUnixNano": (moment(n, now) - ended).to_string(), "severityNumber": 9,
               "traceId": trace_id(n), "spanId": format!("{:016x}", n + 1), "attributes": attributes,
               "body": {"stringValue": format!("{} {n}", record.name)}})
    }

    fn span(&self, span: &Sent, n: u64, now: u64) -> Value {
        let kind = match span.kind.as_str() {
            "server" => 2,
            "consumer" => 5,
            _ => 1,
        };
        let attributes: Vec<Value> = span
            .also
            .iter()
            .map(|key| json!({"key": key, "value": self.value("span", key, n, now)}))
            .collect();
        json!({"name": format!("{} {n}", span.kind), "kind": kind, "traceId": trace_id(n), "spanId": format!("{:016x}", n + 1),
               "startTimeUnixNano": moment(n, now).to_string(), "endTimeUnixNano": (moment(n, now) + 9 * SECOND).to_string(),
               "attributes": attributes})
    }

    /// A level that is above zero, or a count that has grown, a quarter of an hour apart.
    pub(crate) fn metric(&self, metric: &Metric, now: u64) -> Value {
        let points: Vec<Value> = (0..VARIANTS)
            .flat_map(|n| [(n, 14 * MINUTE, 10), (n, MINUTE, 3000)])
            .map(|(n, ago, value)| {
                let attributes: Vec<Value> = metric
                    .by
                    .iter()
                    .map(|key| json!({"key": key, "value": self.value(&metric.name, key, n, now)}))
                    .collect();
                json!({"startTimeUnixNano": (now - 60 * MINUTE).to_string(), "timeUnixNano": (now - ago).to_string(),
                       "asDouble": value + n, "attributes": attributes})
            })
            .collect();
        let mut said = json!({"name": metric.name, "unit": metric.unit});
        said[&metric.kind] = match metric.kind.as_str() {
            "sum" => json!({"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true}),
            _ => json!({"dataPoints": points}),
        };
        said
    }

    fn value(&self, signal: &str, key: &str, n: u64, now: u64) -> Value {
        match key {
            "event.id" => return said(&format!("{signal}:{n}")),
            "business.outcome" => return said(if n < VARIANTS / 2 { "ok" } else { "failed" }),
            "odoo.model" => return said("sale.order"),
            _ => {}
        }
        let Some(attribute) = self.attributes.iter().find(|attribute| attribute.name == key) else {
            return unlisted(key, n);
        };
        if let Some(place) = usize::try_from(n).expect("small").checked_rem(attribute.values.len()) {
            return said(&attribute.values[place]);
        }
        match (attribute.kind.as_str(), attribute.unit.as_deref()) {
            ("int", _) => json!({"intValue": (1000 + n).to_string()}),
            ("double", _) => json!({"doubleValue": 60 + n}),
            ("boolean", _) => json!({"boolValue": n.is_multiple_of(2)}),
            (_, Some("RFC 3339")) => said(&an_hour_before(moment(n, now))),
            _ => said(&format!("{key} {n}")),
        }
    }
}

/// What only records of a database or a log carry.
fn unlisted(key: &str, n: u64) -> Value {
    match key {
        "db.namespace" | "postgresql.database.name" => said("odoo"),
        "postgresql.pid" | "postgresql.blocking.pid" => json!({"intValue": (4000 + n).to_string()}),
        "postgresql.calls" | "postgresql.rows" | "postgresql.total_exec_time" => {
            json!({"doubleValue": 100 + n})
        }
        "http.route" => said("/web/dataset/call_button/sale.order/action_confirm"),
        key if key.ends_with("_ms") => json!({"doubleValue": 2500 + n}),
        key => said(&format!("{key} {n}")),
    }
}

/// As the zero-code instrumentation of a database driver has it.
fn statement(n: u64, now: u64) -> Value {
    json!({"name": "UPDATE stock_quant", "kind": 3, "traceId": trace_id(n), "spanId": format!("{:016x}", 1000 + n),
           "parentSpanId": format!("{:016x}", n + 1), "startTimeUnixNano": moment(n, now).to_string(),
           "endTimeUnixNano": (moment(n, now) + 8 * SECOND).to_string()})
}

/// All of them within the last eight minutes.
fn moment(n: u64, now: u64) -> u64 {
    now - (n + 1) * 20 * SECOND
}

fn an_hour_before(nanos: u64) -> String {
    let nanos = i64::try_from(nanos - 60 * MINUTE).expect("before 2262");
    plimsoll_model::Timestamp::from_nanos(nanos).to_utc().to_rfc3339()
}

fn trace_id(n: u64) -> String {
    format!("{:032x}", 0xfeed_0000 + n)
}

fn said(value: &str) -> Value {
    json!({"stringValue": value})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": said(value)})
}

/// All of it is taken, or the test fails with what was refused.
pub(crate) async fn post(plimsoll: &Plimsoll, path: &str, body: &Value) {
    let answer = plimsoll.client().post(plimsoll.otlp_http(path)).json(body).send().await.expect("an answer");
    let status = answer.status();
    let refused: BTreeMap<String, Value> = answer.json().await.expect("JSON");
    assert!(
        status.is_success() && refused.values().all(|part| *part == json!({})),
        "{path}: {status} {refused:?}"
    );
}
