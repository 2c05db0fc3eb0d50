//! What is kept about people, and the books about what came in.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::Plimsoll;

/// Five logs of two services, one of which can't be kept: its time lies beyond 2262.
fn request(message: &str) -> Value {
    let at = |time: &str| json!({"timeUnixNano": time, "body": {"stringValue": message}});
    let of = |service: &str, records: Vec<Value>| {
        let name = json!({"key": "service.name", "value": {"stringValue": service}});
        json!({"resource": {"attributes": [name]}, "scopeLogs": [{"logRecords": records}]})
    };
    let (good, bad) = ("1800000000000000000", "18000000000000000000");
    json!({"resourceLogs": [of("odoo", vec![at(good), at(bad), at(good)]), of("traefik", vec![at(good), at(good)])]})
}

async fn post(plimsoll: &Plimsoll, path: &str, body: &Value) {
    let answer = plimsoll.client().post(plimsoll.otlp_http(path)).json(body).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// The books of each source, added up over the minutes.
async fn books(plimsoll: &Plimsoll) -> Vec<Value> {
    let unbalanced = "SELECT count(*) AS n FROM ingest_ledger WHERE received <> stored + refused + in_flight";
    assert_eq!(plimsoll.number(unbalanced).await, 0);
    let sums = "SELECT source, sum(received) AS received, sum(stored) AS stored, \
                sum(refused_by['time_out_of_range']) AS too_late, sum(in_flight) AS in_flight \
                FROM ingest_ledger WHERE signal = 'logs' AND source IN ('odoo', 'traefik') GROUP BY source ORDER BY source";
    plimsoll.sql(sums).await
}

fn book(source: &str, received: i64, too_late: Option<i64>) -> Value {
    let stored = received - too_late.unwrap_or(0);
    json!({"source": source, "received": received, "stored": stored, "too_late": too_late, "in_flight": 0})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ingest_ledger_balances_and_outlives_a_restart() {
    let mut plimsoll = Plimsoll::start().await;
    post(&plimsoll, "/v1/logs", &request("one")).await;
    assert_eq!(books(&plimsoll).await, [book("odoo", 3, Some(1)), book("traefik", 2, None)]);

    plimsoll.stop().await;
    plimsoll.resume().await;
    assert_eq!(books(&plimsoll).await, [book("odoo", 3, Some(1)), book("traefik", 2, None)]);
    post(&plimsoll, "/v1/logs", &request("two")).await;
    assert_eq!(books(&plimsoll).await, [book("odoo", 6, Some(2)), book("traefik", 4, None)]);

    // Written twice and looked for again: by the books, everything is there.
    plimsoll.stop().await;
    plimsoll.resume().await;
    assert_eq!(books(&plimsoll).await, [book("odoo", 6, Some(2)), book("traefik", 4, None)]);
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM logs WHERE body IN ('one', 'two')").await, 8);
}

/// What a person asks of the books: who costs the most, and how much more than last week.
#[tokio::test(flavor = "multi_thread")]
async fn who_costs_the_most_is_a_question_in_sql() {
    let mut plimsoll = Plimsoll::start().await;
    post(&plimsoll, "/v1/logs", &request(&"long ".repeat(1_000))).await;
    plimsoll.stop().await;
    plimsoll.resume().await;
    let costs = plimsoll
        .sql("SELECT source, signal, requests, stored_rows, refused_rows, received_bytes, stored_bytes, share FROM source_costs ORDER BY share DESC")
        .await;
    let row = |row: &Value| {
        (
            row["source"].clone(),
            row["requests"].clone(),
            row["stored_rows"].clone(),
            row["refused_rows"].clone(),
        )
    };
    let expected =
        [(json!("odoo"), json!(1), json!(2), json!(1)), (json!("traefik"), json!(1), json!(2), json!(0))];
    assert_eq!(costs.iter().map(row).collect::<Vec<_>>(), expected);
    let sum = |column: &str| costs.iter().filter_map(|row| row[column].as_f64()).sum::<f64>();
    assert!((sum("share") - 1.0).abs() < 1e-9, "{costs:?}");
    assert!(sum("received_bytes") > 25_000.0, "{costs:?}");
    let on_disk = plimsoll.number("SELECT bytes AS n FROM lake_tables WHERE table_name = 'logs'").await;
    assert!((sum("stored_bytes") - on_disk as f64).abs() <= 1.0, "{costs:?}, {on_disk} bytes on the disk");

    let page = std::fs::read_to_string(crate::harness::root().join("docs/operating.md"))
        .expect("it is part of the tree");
    let example =
        page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    // Its week ends yesterday.
    let today = example.replace("AND day < date_trunc('day', now())", "");
    let answer = plimsoll.sql(&today).await;
    assert_eq!(answer[0]["source"], "odoo", "{answer:?}");
    assert_eq!(answer[0]["last_week"], Value::Null);
    assert_eq!(plimsoll.sql(example).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_taken_out_before_it_is_written() {
    let mut plimsoll = Plimsoll::start().await;
    let query =
        "bad query: UPDATE res_partner SET email='ann@example.com' WHERE id = 7\nERROR: deadlock detected";
    post(&plimsoll, "/v1/logs", &request(query)).await;
    post(&plimsoll, "/v1/logs", &request("Login failed for db:prod login:ann@example.com from 10.0.0.7"))
        .await;
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = [
        attribute("db.query.text", "SELECT id FROM res_partner WHERE email = 'ann@example.com' LIMIT 80"),
        attribute("user.email", "ann@example.com"),
        attribute("http.route", "/web/ann"),
    ];
    let ids =
        json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "query"});
    let mut span = ids.clone();
    span["attributes"] = json!(attributes);
    span["startTimeUnixNano"] = json!("1800000000000000000");
    post(&plimsoll, "/v1/traces", &json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})).await;

    // Once from memory, and once from the log, which holds what was kept and not what was sent.
    for _ in 0..2 {
        let bodies = plimsoll.sql("SELECT DISTINCT body FROM logs ORDER BY body").await;
        let login = "Login failed for db:prod login:? from 10.0.0.7";
        let query = "bad query: UPDATE res_partner SET email=? WHERE id = ?\nERROR: deadlock detected";
        assert_eq!(bodies, [json!({"body": login}), json!({"body": query})]);
        let attributes = "SELECT attributes['db.query.text'] AS query, attributes['user.email'] AS email, \
                          attributes['http.route'] AS route FROM spans WHERE name = 'query'";
        let query = "SELECT id FROM res_partner WHERE email = ? LIMIT ?";
        let kept = json!({"query": query, "email": "[redacted]", "route": "/web/ann"});
        assert_eq!(plimsoll.sql(attributes).await, [kept]);
        plimsoll.kill();
        plimsoll.resume().await;
    }
}
