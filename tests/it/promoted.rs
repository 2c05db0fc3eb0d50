//! What `plimsoll_model::Promoted` says of columns and map entries is true of what the collector stores.

use plimsoll_model::{Promoted, Table};
use serde_json::{Value, json};

use crate::harness::{Plimsoll, now_unix_nanos};

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_column_holds_the_text_of_its_map_entry() {
    let plimsoll = Plimsoll::start().await;
    let now = now_unix_nanos().to_string();
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "GET /shop",
        "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": entries(Table::Spans, "attributes"),
    });
    let spans = json!({"resourceSpans": [{
        "resource": resource(Table::Spans), "scopeSpans": [{"spans": [span]}],
    }]});
    send(&plimsoll, "/v1/traces", &spans).await;
    let log = json!({"timeUnixNano": now, "attributes": entries(Table::Logs, "attributes")});
    let event = json!({
        "timeUnixNano": now, "eventName": "odoo.sale.order.confirmed",
        "attributes": entries(Table::BusinessEvents, "attributes"),
    });
    let logs = json!({"resourceLogs": [{
        "resource": resource(Table::Logs), "scopeLogs": [{"logRecords": [log, event]}],
    }]});
    send(&plimsoll, "/v1/logs", &logs).await;

    for table in [Table::Spans, Table::Logs, Table::BusinessEvents] {
        for Promoted { map, key, column } in Promoted::of(table) {
            let event = if table == Table::Logs { "event_name IS NULL" } else { "TRUE" };
            let same = format!(
                "SELECT count(*) AS n FROM {table} WHERE {map}['{key}'] = {column} \
                 AND {column} = '{key} as text' AND {event}"
            );
            assert_eq!(plimsoll.number(&same).await, 1, "{same}");
        }
    }
}

fn entries(table: Table, map: &str) -> Value {
    let promoted = Promoted::of(table).filter(|promoted| promoted.map == map);
    let entry =
        |Promoted { key, .. }| json!({"key": key, "value": {"stringValue": format!("{key} as text")}});
    promoted.map(entry).collect()
}

fn resource(table: Table) -> Value {
    json!({"attributes": entries(table, "resource")})
}

async fn send(plimsoll: &Plimsoll, path: &str, body: &Value) {
    let answer = plimsoll.client().post(plimsoll.otlp_http(path)).json(body).send().await.expect("answers");
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert!(status.is_success() && !text.contains("partialSuccess"), "{status} {text}");
}
