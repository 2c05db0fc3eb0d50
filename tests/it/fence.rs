//! `POST /api/v1/sql` turns away what does not read, with a problem document that says why.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Event, Plimsoll, Sender, finish};

#[tokio::test(flavor = "multi_thread")]
async fn sql_that_writes_is_refused_with_a_problem_document() {
    let mut plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "1")]).await;
    for statement in [
        "INSERT INTO logs (body) VALUES ('forged')",
        "DELETE FROM business_events",
        "DROP TABLE business_events",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY logs TO '/tmp/plimsoll-copy.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT 1; SELECT 2",
        "EXPLAIN ANALYZE DELETE FROM logs",
    ] {
        let (status, problem) = plimsoll.ask(statement).await;
        assert!(status.is_client_error(), "{statement}: {status} {problem}");
        assert_eq!(problem["status"], status.as_u16(), "{statement}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{statement}: {problem}");
        assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:plimsoll:")), "{problem}");
    }
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 1);
    plimsoll.assert_alive();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_with_a_mistake_is_told_where() {
    let plimsoll = Plimsoll::start().await;
    let (status, problem) = plimsoll.ask("SELECT time,\n  FROM logs WHERE").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert!(problem["position"]["line"].as_u64().is_some(), "{problem}");

    let (status, problem) = plimsoll.ask("SELECT wearhouse FROM business_events").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("wearhouse")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_question_is_a_problem_too() {
    let plimsoll = Plimsoll::start().await;
    let url = plimsoll.console("/api/v1/sql");
    let not_json = plimsoll.client().post(&url).body("SELECT 1").send().await.expect("an answer");
    assert_eq!(not_json.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let question = json!({"sql": "SELECT 1", "sqll": "SELECT 2"});
    let unknown_key = plimsoll.client().post(&url).json(&question).send().await.expect("an answer");
    assert_eq!(unknown_key.status(), StatusCode::BAD_REQUEST);
    let problem = unknown_key.text().await.expect("a body");
    assert!(problem.contains("sqll"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_is_a_value_and_never_sql() {
    let plimsoll = Plimsoll::start().await;
    let event = Event::new("odoo.stock.picking.done", "1' OR '1'='1");
    Sender::to(&plimsoll.grpc()).send(vec![event, Event::new("odoo.stock.picking.done", "2")]).await;
    let question = json!({
        "sql": "SELECT count(*) AS n FROM business_events WHERE event_id = $1",
        "params": ["1' OR '1'='1"],
    });
    let url = plimsoll.console("/api/v1/sql");
    let answer = plimsoll.client().post(&url).json(&question).send().await.expect("an answer");
    let rows: serde_json::Value = answer.json().await.expect("rows");
    assert_eq!(rows, json!([{"n": 1}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn plimsoll_sql_prints_what_the_server_answers() {
    let plimsoll = Plimsoll::start().await;
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "WH/OUT/7")]).await;
    for (format, expected) in
        [("table", "(1 row)"), ("csv", "event_id\nWH/OUT/7\n"), ("json", "[{\"event_id\":\"WH/OUT/7\"}]")]
    {
        let mut sql = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        sql.args(["sql", "--url", &plimsoll.console(""), "--format", format]);
        sql.arg("SELECT event_id FROM business_events");
        let printed = finish(sql).await;
        assert!(printed.contains(expected), "{format}: {printed}");
        assert!(printed.contains("WH/OUT/7"), "{format}: {printed}");
    }
}
