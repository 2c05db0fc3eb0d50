//! The Odoo module: its own tests in the shapes of four series, what it may say against the catalogue, and what it says
//! as rows.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Sent};
use crate::harness::{Plimsoll, finish, output, python, root};

/// In a process of its own, with the stub in the shape of `series`.
async fn check(series: &str, modules: &[&str]) {
    let mut tests = Command::new(root().join(".venv/bin/python"));
    tests
        .args(["-m", "unittest"])
        .args(modules)
        .env("STUB_SERIES", series)
        .current_dir(root().join("odoo/tests"));
    let output = output(tests).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{series}: {}\n{said}", output.status);
    assert!(said.contains("Ran ") && !said.contains("Ran 0 tests"), "{series}: nothing ran\n{said}");
}

const WHAT_IT_TELLS: &[&str] = &[
    "test_sale",
    "test_stock",
    "test_background",
    "test_requests",
    "test_attempts",
    "test_faults",
    "test_vocabulary",
];

#[tokio::test]
async fn the_module_tells_what_happens_in_odoo_16() {
    check("16.0", WHAT_IT_TELLS).await;
}

#[tokio::test]
async fn the_module_tells_what_happens_in_odoo_17() {
    check("17.0", WHAT_IT_TELLS).await;
}

#[tokio::test]
async fn the_module_tells_what_happens_in_odoo_18() {
    check("18.0", WHAT_IT_TELLS).await;
}

#[tokio::test]
async fn the_module_tells_what_happens_in_odoo_19() {
    check("19.0", WHAT_IT_TELLS).await;
}

#[tokio::test]
async fn the_sender_survives_its_sink_forks_and_the_end_and_needs_nothing_that_odoo_lacks() {
    check("17.0", &["test_sending", "test_source"]).await;
}

fn by_module(from: &[String]) -> bool {
    from.iter().any(|sender| sender == "module")
}

async fn play(argument: &str) -> Value {
    let script = root().join("odoo/tests/play.py");
    let mut player = python(script.to_str().expect("the tree lies at a path in UTF-8"));
    player.arg(argument);
    serde_json::from_str(&finish(player).await).expect("it prints JSON")
}

#[tokio::test]
async fn the_module_and_the_catalogue_promise_the_same() {
    let catalogue = Catalogue::read();
    let said = play("--vocabulary").await;

    let others: Vec<&str> = catalogue
        .attributes
        .iter()
        .filter(|attribute| !attribute.from.is_empty() && !by_module(&attribute.from))
        .map(|attribute| &*attribute.name)
        .collect();
    let told = |event| {
        let (name, mut also) = sorted(event);
        also.retain(|attribute| !others.contains(attribute));
        (name, also)
    };
    let events: BTreeMap<&str, Vec<&str>> =
        catalogue.events.iter().filter(|event| by_module(&event.from)).map(told).collect();
    assert!(events.len() > 30, "the catalogue was read");
    assert_eq!(said["events"], json!(events), "events and what they carry");

    let types: BTreeMap<&str, &str> =
        catalogue.attributes.iter().map(|attribute| (&*attribute.name, &*attribute.kind)).collect();
    for (name, kind) in said["types"].as_object().expect("types by name") {
        assert_eq!(types.get(&**name).copied(), kind.as_str(), "the type of {name}");
    }

    let metrics = catalogue.metrics.iter().filter(|metric| by_module(&metric.from));
    let metrics: BTreeMap<&str, Value> =
        metrics.map(|metric| (&*metric.name, json!([metric.kind, metric.unit, metric.by]))).collect();
    assert_eq!(said["metrics"], json!(metrics), "what it counts about itself");

    let server =
        catalogue.spans.iter().find(|span| span.name.starts_with("{http")).expect("requests are listed");
    assert_eq!(said["server_span"], json!(sorted(server).1));
}

fn sorted(sent: &Sent) -> (&str, Vec<&str>) {
    let mut also: Vec<&str> = sent.also.iter().map(String::as_str).collect();
    also.sort_unstable();
    (&sent.name, also)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_module_tells_is_rows_and_what_was_rolled_back_is_none() {
    let plimsoll = Plimsoll::start().await;
    let played = play(&plimsoll.otlp_http("")).await;
    assert_eq!(played["counts"]["plimsoll.odoo.events.dropped/refused"], 0, "{played}");

    let orders = "SELECT process_id, outcome, error_type, company, warehouse, channel, amount, currency, workload, \
        user_group, odoo_db, odoo_model, odoo_method, trace_id, service_name, service_version, attributes['odoo.retries'] AS \
        retries, duration_ms > 0 AND duration_ms < 60000 AS timed FROM business_events \
        WHERE event_name = 'odoo.sale.order.confirmed' ORDER BY process_id";
    let row = |process: &str, outcome: &str, error: Value, retries: Value| {
        json!({"process_id": process, "outcome": outcome, "error_type": error, "company": null, "warehouse": null,
            "channel": "backend", "amount": 10.0, "currency": null, "workload": "interactive", "user_group": "sales",
            "odoo_db": "shop", "odoo_model": "sale.order", "odoo_method": "action_confirm", "trace_id": played["trace"],
            "service_name": "odoo-shop", "service_version": "17.0", "retries": retries, "timed": true})
    };
    let mut kept = row("S00042", "ok", Value::Null, Value::Null);
    kept["company"] = json!("Nordic Parts");
    kept["warehouse"] = json!("OSL");
    kept["amount"] = json!(1250.5);
    kept["currency"] = json!("EUR");
    let refused = row("REFUSED", "failed", json!("validation"), Value::Null);
    let retried = row("RETRIED", "ok", Value::Null, json!("1"));
    // ROLLED is no order: it isn't there.
    assert_eq!(plimsoll.sql(orders).await, [refused, retried, kept]);

    let shipped = "SELECT attributes['odoo.picking.step'] AS step, carrier, due, user_group FROM business_events \
        WHERE event_name = 'odoo.stock.picking.done' ORDER BY step";
    let due = "2026-11-21T16:30:00";
    let rows = plimsoll.sql(shipped).await;
    let steps: Vec<&Value> = rows.iter().map(|row| &row["step"]).collect();
    assert_eq!(steps, [&json!("pick"), &json!("ship")], "{rows:?}");
    assert!(rows[1]["due"].as_str().is_some_and(|found| found.starts_with(due)), "{rows:?}");
    assert_eq!((&rows[1]["carrier"], &rows[1]["user_group"]), (&json!("Post"), &json!("warehouse")));

    let joined = "SELECT count(*) AS n FROM business_events e JOIN spans s ON s.trace_id = e.trace_id AND s.span_id = e.span_id \
        WHERE e.event_name = 'odoo.sale.order.confirmed' AND s.name = 'sale.order.action_confirm'";
    assert_eq!(plimsoll.number(joined).await, 3, "each belongs to the span of its method");
    let ids = "SELECT count(*) - count(DISTINCT event_id) AS n FROM business_events";
    assert_eq!(plimsoll.number(ids).await, 0);
}
