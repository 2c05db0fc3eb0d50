//! Every way in, with every kind of wrong token.

use http::Request;
use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::estate::{ACME, Estate, HOUSE, NORDWIND};
use crate::harness::{Event, Http2, framed, request};

const SIGNALS: [(&str, &str, &str); 3] = [
    ("/v1/traces", "resourceSpans", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    ("/v1/logs", "resourceLogs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
    ("/v1/metrics", "resourceMetrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
];

const WRONG: [&str; 6] = [
    "Bearer wrong-0123456789abcdef",
    "Bearer acme-ingest-0123456789abcde",
    "Bearer acme-query-0123456789abcdef",
    "Basic YWNtZTphY21lLWluZ2VzdC0wMTIzNDU2Nzg5YWJjZGVm",
    "acme-ingest-0123456789abcdef",
    "Bearer ",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_opens_no_way_in() {
    let estate = Estate::start("http://127.0.0.1:9/", "").await;
    let grpc = Http2::to(&estate.plimsoll.grpc());
    for (path, list, method) in SIGNALS {
        for wrong in WRONG {
            let empty = json!({list: []});
            let answer =
                estate.post(path, "", &empty).header("authorization", wrong).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {wrong}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let status: Value = answer.json().await.expect("a Status");
            assert_eq!(status["code"], 16, "{path} {wrong}: {status}");
            assert_eq!(call(&grpc, method, Some(wrong)).await, "16", "{method} {wrong}");
        }
        assert_eq!(call(&grpc, method, Some("Bearer acme-ingest-0123456789abcdef")).await, "0");
        assert_eq!(call(&grpc, method, None).await, "0", "the default tenant is open");
    }
    let both = estate.post("/v1/logs", ACME.ingest_token, &json!({}));
    let both = both.header("authorization", format!("Bearer {}", NORDWIND.ingest_token));
    assert_eq!(
        both.send().await.expect("an answer").status(),
        StatusCode::UNAUTHORIZED,
        "two tenants at once"
    );
    assert_no_secret_told(&estate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_learns_not_even_who_is_there() {
    let estate = Estate::start("http://127.0.0.1:9/", "").await;
    let nobody = "nobody-here";
    for token in [None, Some("wrong-0123456789abcdef"), NORDWIND.query_token(), Some(ACME.ingest_token)] {
        let (status, refusal) = estate.ask(ACME.tenant, token, "SELECT 1").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
        assert_eq!(estate.ask(nobody, token, "SELECT 1").await, (status, refusal), "{token:?}");
    }
    for name in ["..", "../acme", "%2e%2e", "ACME", "acme/", "acme\0", ""] {
        let (status, _) = estate.ask(name, ACME.query_token(), "SELECT 1").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name:?}");
    }
    for view in ["slos", "incidents", "alerts", "notifications"] {
        let address = estate.plimsoll.console(&format!("/api/v1/{view}?tenant=acme"));
        let answer = estate.plimsoll.client().get(address).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{view}");
        assert!(
            answer.headers()["www-authenticate"].to_str().expect("ASCII").starts_with("Basic"),
            "a browser asks"
        );
    }

    let acme = ACME.query_token().expect("it has one");
    assert_eq!(estate.psql(ACME, "SELECT 1").await.trim(), "1");
    assert_eq!(estate.psql(HOUSE, "SELECT 1").await.trim(), "1");
    assert_eq!(estate.try_psql("plimsoll", "", "SELECT 1").await.expect("the usual name").trim(), "1");
    let refusal = |database: &str, error: &str| error.replace(database, "DATABASE");
    let of_acme = estate.try_psql("acme", "wrong", "SELECT 1").await.expect_err("a wrong password");
    assert!(of_acme.contains("opens with this password"), "{of_acme}");
    let of_nobody = estate.try_psql(nobody, "wrong", "SELECT 1").await.expect_err("nobody");
    assert_eq!(refusal("acme", &of_acme), refusal(nobody, &of_nobody));
    assert!(estate.try_psql("nordwind", acme, "SELECT 1").await.is_err(), "another tenant's token");

    // A session stays where it logged in, whatever it says afterwards.
    let escape = "SET database = 'nordwind'; SET \"user\" = 'nordwind'; SELECT count(*) FROM spans";
    estate.send_everything(NORDWIND).await;
    assert_eq!(estate.psql(ACME, escape).await.lines().last(), Some("0"));
    assert_no_secret_told(&estate).await;
}

async fn call(grpc: &Http2, method: &str, authorization: Option<&str>) -> String {
    let mut call = Request::post(method).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(value) = authorization {
        call = call.header("authorization", value);
    }
    let body = if method.contains("Logs") {
        request(vec![Event::new("odoo.x.done", method)]).encode_to_vec()
    } else {
        Vec::new()
    };
    let answer = grpc.send(call.body(framed(0, &body).into()).expect("valid")).await.expect("an answer");
    answer.header("grpc-status").to_owned()
}

/// In no log line and no metric.
async fn assert_no_secret_told(estate: &Estate) {
    let address = estate.plimsoll.console("/metrics");
    let metrics =
        estate.plimsoll.client().get(address).send().await.expect("an answer").text().await.expect("text");
    for text in [metrics, estate.plimsoll.log()] {
        for secret in ["0123456789abcde", "wrong-"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
