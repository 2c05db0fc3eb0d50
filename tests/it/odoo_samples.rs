//! What real Odoo servers sent, byte for byte: two of them driven over JSON-RPC with an addon that told OTLP, one under
//! zero-code instrumentation. Captured from 17.0, 18.0 and 19.0; the names in the first are a prototype's.

use std::collections::BTreeMap;
use std::fs;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Plimsoll, root};

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/data/odoo").join(name)).expect("it is part of the tree")
}

async fn send(plimsoll: &Plimsoll, path: &str, media_type: &str, body: Vec<u8>) {
    let request =
        plimsoll.client().post(plimsoll.otlp_http(path)).header("content-type", media_type).body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = answer.bytes().await.expect("a body");
    assert!(answer.is_empty() || &answer[..] == b"{}", "nothing was refused: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addons_spans_and_events_are_kept_as_they_were_sent() {
    let plimsoll = Plimsoll::start().await;
    send(&plimsoll, "/v1/traces", "application/x-protobuf", sample("otlp-probe-traces.pb")).await;
    send(&plimsoll, "/v1/logs", "application/x-protobuf", sample("otlp-probe-logs.pb")).await;

    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM spans").await, 273);
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 119);
    let sql = "SELECT attributes['db.namespace'] AS db, event_name, count(*) AS n FROM business_events \
               WHERE attributes['outcome'] = 'ok' AND event_name IN ('odoo.sale.order.confirmed', 'odoo.stock.picking.done', \
               'odoo.account.move.posted', 'odoo.transaction.retried') GROUP BY 1, 2";
    let counts: BTreeMap<(String, String), i64> = plimsoll
        .sql(sql)
        .await
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().expect("text").to_owned();
            ((text("db"), text("event_name")), row["n"].as_i64().expect("a count"))
        })
        .collect();
    let count = |db: &str, event: &str| counts.get(&(db.to_owned(), event.to_owned())).copied();
    for (db, retried) in [("o17", 2), ("o19", 3)] {
        assert_eq!(count(db, "odoo.sale.order.confirmed"), Some(9), "{db}");
        assert_eq!(count(db, "odoo.stock.picking.done"), Some(6), "{db}");
        assert_eq!(count(db, "odoo.account.move.posted"), Some(2), "{db}");
        assert_eq!(count(db, "odoo.transaction.retried"), Some(retried), "{db}");
    }
    // An order's event finds the span under which it happened, and that one its request.
    let joined = "SELECT count(*) AS n FROM business_events AS e JOIN spans AS s ON s.span_id = e.span_id AND s.trace_id = e.trace_id";
    assert!(plimsoll.number(joined).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_code_instrumentation_is_found_under_todays_names() {
    let plimsoll = Plimsoll::start().await;
    send(&plimsoll, "/v1/traces", "application/json", sample("otlp-auto-traces.json")).await;
    let records: Vec<Value> = serde_json::from_slice(&sample("otlp-auto-logs.json")).expect("a list");
    let total = i64::try_from(records.len()).expect("a few");
    let groups: Vec<Value> = records
        .into_iter()
        .map(|one| {
            json!({"resource": one["resource"], "scopeLogs": [{"scope": one["scope"], "logRecords": [one["logRecord"]]}]})
        })
        .collect();
    send(&plimsoll, "/v1/logs", "application/json", json!({"resourceLogs": groups}).to_string().into_bytes())
        .await;

    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM logs WHERE service_name = 'odoo'").await, total);
    // It says db.system and db.statement; both are found under the names that came after.
    let sql = "SELECT count(*) AS n FROM spans WHERE db_system_name = 'postgresql' AND attributes['db.query.text'] IS NOT NULL \
               AND attributes['db.statement'] IS NOT NULL";
    let spans = plimsoll.number("SELECT count(*) AS n FROM spans").await;
    assert!(spans > 0 && plimsoll.number(sql).await == spans, "{spans} spans");
}
