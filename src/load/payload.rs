//! What is sent: spans of a web shop's server, log lines, stock levels and business events of an Odoo, in every variant.
//! Variants are drawn with the dice of an item, as likely as each other.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::ids::Run;
use super::template::{
    END, NUMBER, PAGE, PARENT_SPAN_ID, SPAN_ID, START, TRACE_ID, Template, USER, amount, duration, value,
};

pub(super) const HOSTS: u64 = 8;
/// `SpanKind::Server`.
const SERVER: i32 = 2;

const ROUTES: [(&str, &str); 12] = [
    ("GET", "/web"),
    ("POST", "/web/dataset/call_kw"),
    ("POST", "/jsonrpc"),
    ("GET", "/shop"),
    ("GET", "/shop/product"),
    ("POST", "/shop/cart/update"),
    ("POST", "/shop/confirm"),
    ("GET", "/my/orders"),
    ("POST", "/stock/picking/validate"),
    ("POST", "/stock/barcode/scan"),
    ("GET", "/web/image"),
    ("POST", "/mail/thread/data"),
];
const MODELS: [&str; 3] = ["sale.order", "stock.move", "account.move"];
/// Status and HTTP code: one in five a 404, one in ten an error.
const OUTCOMES: [(i32, i64); 10] =
    [(0, 200), (0, 200), (0, 200), (0, 200), (1, 200), (1, 200), (1, 200), (0, 404), (0, 404), (2, 500)];
const WAREHOUSES: [&str; 4] = ["AMS", "RTM", "ANR", "LGG"];
const EVENTS: [(&str, &str); 5] = [
    ("odoo.sale.order.confirmed", "sale.order"),
    ("odoo.stock.picking.done", "stock.picking"),
    ("odoo.stock.picking.assigned", "stock.picking"),
    ("odoo.account.move.posted", "account.move"),
    ("odoo.queue.job.done", "queue.job"),
];
const LINES: [(i32, &str, &str); 4] = [
    (9, "INFO", "order confirmed"),
    (9, "INFO", "picking reserved"),
    (13, "WARN", "slow query"),
    (17, "ERROR", "could not serialize access due to concurrent update"),
];
const METERS: [(&str, &str); 4] = [
    ("odoo.stock.quantity", "{unit}"),
    ("odoo.queue.jobs", "{job}"),
    ("system.cpu.utilization", "1"),
    ("process.memory.usage", "By"),
];

/// Spans of about 250 bytes with six attributes, as a server of HTTP makes them.
pub(super) fn spans() -> Vec<Template> {
    let mut spans = Vec::new();
    for (method, route) in ROUTES {
        for model in MODELS {
            for (status, code) in OUTCOMES {
                spans.push(Template::of(&span(method, route, model, status, code)));
            }
        }
    }
    spans
}

fn span(method: &str, route: &str, model: &str, status: i32, code: i64) -> Span {
    Span {
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        parent_span_id: PARENT_SPAN_ID.to_vec(),
        name: format!("{method} {route}"),
        kind: SERVER,
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        attributes: vec![
            text("http.request.method", method),
            text("http.route", route),
            text("url.path", &format!("{route}/{PAGE}")),
            text("user.id", &format!("u{USER}")),
            text("odoo.model", model),
            attribute("http.response.status_code", Value::IntValue(code)),
        ],
        status: Some(Status { code: status, ..Status::default() }),
        ..Span::default()
    }
}

pub(super) fn logs() -> Vec<Template> {
    let mut logs = Vec::new();
    for (severity, severity_text, line) in LINES {
        for model in MODELS {
            logs.push(Template::of(&LogRecord {
                severity_number: severity,
                severity_text: severity_text.to_owned(),
                body: Some(AnyValue {
                    value: Some(Value::StringValue(format!("{model}: {line} ({NUMBER})"))),
                }),
                attributes: vec![text("odoo.model", model), text("user.id", &format!("u{USER}"))],
                ..record()
            }));
        }
    }
    logs
}

pub(super) fn metrics() -> Vec<Template> {
    let mut metrics = Vec::new();
    for (name, unit) in METERS {
        for warehouse in WAREHOUSES {
            let point = NumberDataPoint {
                attributes: vec![text("warehouse", warehouse)],
                time_unix_nano: START,
                value: Some(number_data_point::Value::AsDouble(value())),
                ..NumberDataPoint::default()
            };
            metrics.push(Template::of(&Metric {
                name: name.to_owned(),
                unit: unit.to_owned(),
                data: Some(Data::Gauge(Gauge { data_points: vec![point] })),
                ..Metric::default()
            }));
        }
    }
    metrics
}

pub(super) fn events(run: Run) -> Vec<Template> {
    let mut events = Vec::new();
    for (name, model) in EVENTS {
        for warehouse in WAREHOUSES {
            for channel in ["b2b", "webshop"] {
                for outcome in ["ok", "ok", "ok", "ok", "failed"] {
                    events.push(Template::of(&event(run, name, model, [warehouse, channel, outcome])));
                }
            }
        }
    }
    events
}

fn event(run: Run, name: &str, model: &str, [warehouse, channel, outcome]: [&str; 3]) -> LogRecord {
    LogRecord {
        event_name: name.to_owned(),
        severity_number: 9,
        attributes: vec![
            text("event.id", &format!("{run}-{NUMBER}")),
            text("business.outcome", outcome),
            attribute("business.duration", Value::DoubleValue(duration())),
            text("business.process_id", &format!("S{NUMBER}")),
            text("business.warehouse", warehouse),
            text("business.channel", channel),
            attribute("business.amount", Value::DoubleValue(amount())),
            text("business.currency", "EUR"),
            text("odoo.model", model),
        ],
        ..record()
    }
}

fn record() -> LogRecord {
    LogRecord {
        time_unix_nano: START,
        observed_time_unix_nano: START,
        trace_id: TRACE_ID.to_vec(),
        span_id: SPAN_ID.to_vec(),
        ..LogRecord::default()
    }
}

/// Eight hosts of one service.
pub(super) fn resource(host: u64) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "odoo"),
            text("service.version", "17.0"),
            text("service.instance.id", &format!("odoo-{host}")),
            text("host.name", &format!("h{host}")),
            text("deployment.environment.name", "production"),
            text("telemetry.sdk.language", "python"),
        ],
        ..Resource::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
