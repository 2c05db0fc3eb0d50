//! The router as clients meet it, over a real engine and an empty lake.

mod alertmanager;
mod explain;
mod harness;
mod incidents;

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use harness::{Console, HOST, SCRIPT};

#[tokio::test]
async fn a_statement_is_answered_with_rows() {
    let console = Console::start().await;
    let answer = console.sql(json!({"sql": "SELECT 1 AS one, 'x' AS text, NULL AS nothing"})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!([{"one": 1, "text": "x", "nothing": null}]));
}

#[tokio::test]
async fn parameters_keep_their_types_and_their_places() {
    let console = Console::start().await;
    let question = json!({
        "sql": "SELECT $1 AS number, $2 AS text, $3 AS yes, $4 AS share",
        "params": [41, "it's; DROP TABLE spans", true, 0.5],
        "tenant": "default",
    });
    let answer = console.sql(question).await;
    assert_eq!(
        answer.json(),
        json!([{"number": 41, "text": "it's; DROP TABLE spans", "yes": true, "share": 0.5}])
    );
}

#[tokio::test]
async fn rows_leave_as_csv_or_as_an_arrow_stream_when_asked() {
    let console = Console::start().await;
    let question = json!({"sql": "SELECT 1 AS one"});

    let csv = console.sql_as("text/csv", question.clone()).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.text(), "one\n1\n");

    let stream = console.sql_as("application/vnd.apache.arrow.stream", question.clone()).await;
    let reader = arrow::ipc::reader::StreamReader::try_new(stream.body.as_slice(), None).expect("a stream");
    assert_eq!(reader.map(|batch| batch.expect("a batch").num_rows()).sum::<usize>(), 1);

    let refused = console.sql_as("image/png", question).await;
    assert_eq!(refused.problem(), (406, "urn:plimsoll:not-acceptable".to_owned()));
}

#[tokio::test]
async fn an_error_in_the_statement_names_its_place() {
    let console = Console::start().await;
    let answer = console.sql(json!({"sql": "SELECT 1,\n  nothing FROM spans"})).await;
    assert_eq!(answer.problem(), (400, "urn:plimsoll:sql-invalid".to_owned()));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["position"], json!({"line": 2, "column": 3}), "{}", answer.text());
}

#[tokio::test]
async fn what_writes_is_refused() {
    let console = Console::start().await;
    let answer = console.sql(json!({"sql": "DELETE FROM spans"})).await;
    assert_eq!(answer.problem(), (403, "urn:plimsoll:sql-refused".to_owned()));
}

#[tokio::test]
async fn more_rows_than_the_limit_are_an_error_and_no_silent_cut() {
    let console = Console::start().await;
    let rows = vec!["(1)"; harness::MAX_ROWS + 1].join(",");
    let answer = console.sql(json!({"sql": format!("SELECT * FROM (VALUES {rows}) AS t(x)")})).await;
    assert_eq!(answer.problem(), (422, "urn:plimsoll:sql-limit".to_owned()));
}

#[tokio::test]
async fn a_request_that_is_not_as_documented_is_refused_with_the_reason() {
    let console = Console::start().await;
    let unknown = console.sql(json!({"sql": "SELECT 1", "format": "csv"})).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.text().contains("unknown field `format`"), "{}", unknown.text());

    for params in [json!([[1]]), json!([{}]), json!([18_446_744_073_709_551_615_u64])] {
        let answer = console.sql(json!({"sql": "SELECT $1", "params": params})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text().contains("parameter $1"), "{}", answer.text());
    }

    let broken = console.post("/api/v1/sql", "application/json", Body::from("{\"sql\": ")).await;
    assert_eq!(broken.problem(), (400, "urn:plimsoll:bad-request".to_owned()));
    let form = console.post("/api/v1/sql", "text/plain", Body::from("{\"sql\":\"SELECT 1\"}")).await;
    assert_eq!(form.problem(), (415, "urn:plimsoll:unsupported-media-type".to_owned()));
}

#[tokio::test]
async fn another_tenant_is_not_there() {
    let console = Console::start().await;
    let answer = console.sql(json!({"sql": "SELECT 1", "tenant": "../acme"})).await;
    assert_eq!(answer.problem(), (404, "urn:plimsoll:not-found".to_owned()));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let console = Console::start().await;
    let body = Body::from(vec![b' '; crate::sql::BODY_LIMIT_BYTES + 1]);
    let answer = console.post("/api/v1/sql", "application/json", body).await;
    assert_eq!(answer.problem(), (413, "urn:plimsoll:too-large".to_owned()));
}

#[tokio::test]
async fn open_incidents_come_first_and_one_can_be_picked() {
    let console = Console::start().await;
    let ids = |rows: Value| -> Vec<String> {
        let rows = rows.as_array().expect("rows").clone();
        rows.iter().map(|row| row["incident_id"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(ids(console.get("/api/v1/incidents").await.json()), ["open", "newer", "older"]);
    assert_eq!(ids(console.get("/api/v1/incidents?incident=older").await.json()), ["older"]);
    assert_eq!(console.get("/api/v1/incidents?incident=%27%20OR%201%3D1").await.json(), json!([]));
}

#[tokio::test]
async fn a_filter_that_a_view_does_not_know_is_refused() {
    let console = Console::start().await;
    for path in ["/api/v1/incidents?id=1", "/api/v1/incidents?slo=x", "/api/v1/slos?incident=x"] {
        assert_eq!(console.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_table_that_is_missing_is_told_by_name() {
    let console = Console::start().await;
    let answer = console.get("/api/v1/slos").await;
    assert_eq!(answer.problem(), (404, "urn:plimsoll:not-found".to_owned()));
    assert!(answer.text().contains("the table slos can't be shown"), "{}", answer.text());
}

#[tokio::test]
async fn markup_in_a_summary_stays_text() {
    let console = Console::start().await;
    let answer = console.get("/api/v1/incidents").await;
    assert_eq!(answer.json()[0]["summary"], SCRIPT);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn health_is_503_as_soon_as_one_part_is_unwell() {
    let console = Console::start().await;
    let well = console.get("/-/healthy").await;
    assert_eq!(well.status, StatusCode::OK);
    assert_eq!(well.json()["now"], "2026-11-21T11:00:00.000Z");

    console.health.fail("delivery", "no sign of life for 61 s");
    let unwell = console.get("/-/healthy").await;
    assert_eq!(unwell.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        unwell.json()["parts"],
        json!([
            {"name": "delivery", "healthy": false, "trouble": "no sign of life for 61 s"},
            {"name": "evaluation", "healthy": true},
        ])
    );
    assert_eq!(console.get("/-/ready").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_in_prometheus_text_format() {
    let answer = Console::start().await.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.text(), "# HELP plimsoll_up Always one.\n# TYPE plimsoll_up gauge\nplimsoll_up 1\n");
}

#[tokio::test]
async fn links_in_messages_lead_to_the_page() {
    let console = Console::start().await;
    for path in ["/", "/incidents/7f3a", "/slos/order-posting", "/rules/OrdersLate", "/traces/4bf92f35"] {
        let answer = console.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text().contains("<title>Plimsoll</title>"), "{path}");
    }
    assert_eq!(console.get("/assets/app.js").await.header("content-type"), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn every_response_carries_the_strict_headers_also_refusals() {
    let console = Console::start().await;
    let foreign = Request::get("/").header(header::HOST, "evil.example").body(Body::empty()).expect("valid");
    let answers = [
        console.get("/").await,
        console.get("/assets/app.css").await,
        console.get("/api/v1/incidents").await,
        console.get("/nowhere").await,
        console.get("/api/v1/sql").await,
        console.get("/metrics").await,
        console.sql(json!({"sql": "SELEC"})).await,
        console.send(foreign).await,
    ];
    let expected = [200, 200, 200, 404, 405, 200, 400, 421];
    assert_eq!(answers.each_ref().map(|answer| answer.status.as_u16()), expected);
    for answer in &answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn another_sites_page_can_neither_ask_nor_rebind() {
    let console = Console::start().await;
    let ask = |host: &str, origin: &str| {
        Request::post("/api/v1/sql")
            .header(header::HOST, host)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{\"sql\":\"SELECT 1\"}"))
            .expect("valid")
    };
    assert_eq!(console.send(ask(HOST, "http://127.0.0.1:8088")).await.status, StatusCode::OK);
    assert_eq!(console.send(ask(HOST, "http://evil.example")).await.status, StatusCode::FORBIDDEN);
    let rebound = console.send(ask("evil.example:8088", "http://evil.example:8088")).await;
    assert_eq!(rebound.problem(), (421, "urn:plimsoll:foreign-host".to_owned()));
}

#[tokio::test]
async fn a_client_that_stays_connected_does_not_hold_up_the_stop() {
    harness::stops_under_an_open_connection().await;
}

#[tokio::test]
async fn a_runbook_is_a_page_of_its_own_also_under_a_tenant_and_by_its_file_name() {
    let console = Console::start().await;
    for path in ["/runbooks/order-posting", "/runbooks/order-posting.md", "/t/berlin/runbooks/order-posting"]
    {
        let answer = console.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let page = answer.text();
        for part in [
            "<title>Orders post late · Plimsoll</title>",
            "width=device-width",
            "<a href=\"stock-locks.md\">",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
    let answer = console.get("/runbooks/stock-locks").await;
    let hostile = answer.text();
    assert!(hostile.contains("&lt;script&gt;alert(1)") && !hostile.contains("<script"), "{hostile}");
}

#[tokio::test]
async fn a_runbook_that_is_not_there_is_answered_with_those_that_are() {
    let console = Console::start().await;
    let answer = console.get("/runbooks/%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let page = answer.text();
    assert!(page.contains("There is no runbook &lt;script&gt;"), "{page}");
    for name in ["order-posting", "stock-locks"] {
        assert!(page.contains(&format!("href=\"/runbooks/{name}\"")), "{page}");
    }
    assert_eq!(console.get("/runbooks").await.status, StatusCode::OK);
}
