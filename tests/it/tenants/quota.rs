//! Whoever uses up what he may send waits, and nobody else does.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::estate::{ACME, Estate, NORDWIND};
use crate::harness::{eventually, now_unix_nanos};

fn records(count: usize) -> Value {
    let record = json!({"timeUnixNano": now_unix_nanos().to_string(), "body": {"stringValue": "x"}});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": vec![record; count]}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_rate_one_waits_and_the_others_do_not() {
    let estate = Estate::start("http://127.0.0.1:9/", "items_per_second = 100").await;
    let send = async |party: super::Party, count| {
        estate.post("/v1/logs", party.ingest_token, &records(count)).send().await.expect("an answer")
    };
    // Ten seconds are saved up, and a request is never cut in two.
    assert_eq!(send(ACME, 1_200).await.status(), StatusCode::OK);
    let refused = send(ACME, 1).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
    assert!((1..=2).contains(&wait), "{wait}");
    let told: Value = refused.json().await.expect("a Status");
    assert_eq!(told["code"], 14, "{told}");
    assert!(told["message"].as_str().expect("text").contains("100 items a second"), "{told}");
    assert!(told["details"].to_string().contains("RetryInfo"), "{told}");

    assert_eq!(send(NORDWIND, 5_000).await.status(), StatusCode::OK);
    eventually("the debt is paid", Duration::from_secs(30), async || {
        (send(ACME, 1).await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let refused = "SELECT count(*) AS n FROM logs";
    assert_eq!(estate.sql(ACME, refused).await, json!([{"n": 1_201}]), "nothing that was refused is there");
    let metrics =
        estate.plimsoll.client().get(estate.plimsoll.console("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let of = |tenant: &str| {
        let line = format!("plimsoll_collector_tenant_over_quota_total{{tenant=\"{tenant}\"}} ");
        let value = metrics.lines().find_map(|metric| metric.strip_prefix(&line)).expect("a sample");
        value.parse::<f64>().expect("a number")
    };
    assert!(of("acme") >= 1.0 && of("nordwind") < 1.0 && of("default") < 1.0, "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_series_a_tenant_keeps_those_it_has() {
    let estate = Estate::start("http://127.0.0.1:9/", "series_per_hour = 3").await;
    let gauges = |hosts: std::ops::Range<usize>| {
        let point = |host: usize| {
            let host = json!({"key": "host", "value": {"stringValue": format!("host-{host}")}});
            json!({"asDouble": 1, "timeUnixNano": now_unix_nanos().to_string(), "attributes": [host]})
        };
        let points: Vec<_> = hosts.map(point).collect();
        json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "up", "gauge": {"dataPoints": points}}]}]}]})
    };
    let send = async |party: super::Party, hosts| -> Value {
        let answer =
            estate.post("/v1/metrics", party.ingest_token, &gauges(hosts)).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    };
    assert_eq!(send(ACME, 0..3).await, json!({}));
    let partly = send(ACME, 2..6).await;
    assert_eq!(partly["partialSuccess"]["rejectedDataPoints"], "3", "{partly}");
    assert!(partly["partialSuccess"]["errorMessage"].to_string().contains("series_per_hour"), "{partly}");
    assert_eq!(send(ACME, 0..3).await, json!({}), "known ones stay welcome");
    assert_eq!(send(NORDWIND, 0..100).await, json!({}));

    assert_eq!(estate.sql(ACME, "SELECT count(*) AS n FROM metrics").await, json!([{"n": 7}]));
    let books = "SELECT sum(received) AS received, sum(stored) AS stored, sum(refused_by['series_limit']) AS refused FROM ingest_ledger";
    assert_eq!(estate.sql(ACME, books).await, json!([{"received": 10, "stored": 7, "refused": 3}]));
}
