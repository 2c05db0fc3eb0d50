//! What pipelines and jobs tell with a `curl`: changes, and signs of life; and the table of all sources.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Plimsoll, eventually, finish, tool};

/// As a pipeline would: the real curl.
async fn curl(plimsoll: &Plimsoll, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut curl = tool("curl");
    curl.args(["-s", "-X", "POST", "-w", "\n%{http_code}", &plimsoll.otlp_http(path)]);
    if let Some(body) = body {
        curl.args(["-d", &body.to_string()]);
    }
    let text = finish(curl).await;
    let (answer, status) = text.rsplit_once('\n').expect("a status line");
    (status.parse().expect("a status"), serde_json::from_str(answer).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_when_it_begins_and_again_when_it_is_over_and_is_one_row() {
    let mut plimsoll = Plimsoll::start().await;
    let begun = json!({"id": "deploy-7", "kind": "deployment", "entity": "odoo", "version": "18.0.4", "author": "ci",
                       "started": "2026-11-21T09:00:00Z", "attributes": {"pipeline": 812}});
    let mut over = begun.clone();
    over["ended"] = json!("2026-11-21T09:04:00Z");
    over["outcome"] = json!("failed");
    for told in [&begun, &over, &over] {
        let (status, answer) = curl(&plimsoll, "/v1/changes", Some(told)).await;
        assert_eq!((status, answer), (200, json!({"changes": [{"id": "deploy-7"}]})));
    }
    let sql = "SELECT kind, entity, version, author, outcome, attributes['pipeline'] AS pipeline, \
               date_part('minute', ended - started) AS minutes FROM changes";
    let row = json!({"kind": "deployment", "entity": "odoo", "version": "18.0.4", "author": "ci", "outcome": "failed",
                     "pipeline": "812", "minutes": 4});
    assert_eq!(plimsoll.sql(sql).await, std::slice::from_ref(&row));

    plimsoll.kill();
    plimsoll.resume().await;
    assert_eq!(plimsoll.sql(sql).await, [row]);
    let listed = plimsoll
        .client()
        .get(plimsoll.console("/api/v1/changes?id=deploy-7"))
        .send()
        .await
        .expect("an answer");
    let listed: Value = listed.json().await.expect("JSON");
    assert_eq!(listed[0]["kind"], "deployment");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_send_otlp_can_tell_of_a_change() {
    let plimsoll = Plimsoll::start().await;
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let record = json!({"eventName": "change.recorded", "timeUnixNano": "1795249927173712746", "attributes": [
        attribute("change.id", "m-1"), attribute("change.kind", "module_upgrade"), attribute("change.entity", "sale_stock"),
    ]});
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    let answer = plimsoll
        .client()
        .post(plimsoll.otlp_http("/v1/logs"))
        .json(&request)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let rows =
        plimsoll.sql("SELECT change_id, kind, entity, started = time AS began_when_told FROM changes").await;
    assert_eq!(
        rows,
        [
            json!({"change_id": "m-1", "kind": "module_upgrade", "entity": "sale_stock", "began_when_told": true})
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_stops_saying_that_it_lives_is_blind_also_after_a_restart() {
    let mut plimsoll = Plimsoll::start().await;
    let (status, answer) = curl(&plimsoll, "/v1/heartbeats/nightly-backup?every=1d", None).await;
    assert_eq!((status, answer["name"].as_str()), (200, Some("nightly-backup")));
    let long_ago = json!({"every": "1h", "time": "2026-01-01T00:00:00Z"});
    curl(&plimsoll, "/v1/heartbeats/bank-import", Some(&long_ago)).await;
    let failed = json!({"every": "1h", "outcome": "failed", "message": "no space left"});
    curl(&plimsoll, "/v1/heartbeats/restore-test", Some(&failed)).await;

    let sql = "SELECT name, state, blind, last_error FROM sources WHERE kind = 'heartbeat' ORDER BY name";
    let known = |name: &str, state: &str, blind: bool, error: Option<&str>| json!({"name": name, "state": state, "blind": blind, "last_error": error});
    let all = [
        known("bank-import", "late", true, None),
        known("nightly-backup", "ok", false, None),
        known("restore-test", "failing", true, Some("no space left")),
    ];
    assert_eq!(plimsoll.sql(sql).await, all);
    plimsoll.kill();
    plimsoll.resume().await;
    // The oldest is older than what a start looks back for; the others are known again.
    assert_eq!(plimsoll.sql(sql).await, all[1..]);
    let events = "SELECT count(*) AS n FROM business_events WHERE event_name = 'heartbeat.received'";
    assert_eq!(plimsoll.number(events).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_is_a_source_with_its_watermark_and_its_lag() {
    let plimsoll = Plimsoll::start().await;
    let sent = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "odoo"}}]},
        "scopeLogs": [{"logRecords": [{"timeUnixNano": "1795249927173712746", "body": {"stringValue": "x"}}]}],
    }]});
    let answer =
        plimsoll.client().post(plimsoll.otlp_http("/v1/logs")).json(&sent).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let sql = "SELECT kind, signal, state, items, CAST(watermark AS BIGINT) AS watermark, lag_ms >= 0 AS has_lag \
               FROM sources WHERE name = 'odoo'";
    let row = eventually("the source is known", std::time::Duration::from_secs(10), async || {
        plimsoll.sql(sql).await.into_iter().next()
    })
    .await;
    assert_eq!(
        row,
        json!({"kind": "otlp", "signal": "logs", "state": "ok", "items": 1,
                           "watermark": 1_795_249_927_173_712_746_i64, "has_lag": true})
    );
    let listed =
        plimsoll.client().get(plimsoll.console("/api/v1/sources?name=odoo")).send().await.expect("an answer");
    assert_eq!(listed.json::<Value>().await.expect("JSON")[0]["signal"], "logs");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_badly_is_refused_with_the_cure() {
    let plimsoll = Plimsoll::start().await;
    let (status, answer) = curl(&plimsoll, "/v1/changes", Some(&json!({"entity": "odoo"}))).await;
    assert_eq!((status, answer["code"].as_i64()), (400, Some(3)));
    assert!(answer["message"].as_str().is_some_and(|text| text.contains("kind must be a word")), "{answer}");
    let (status, _) = curl(&plimsoll, "/v1/heartbeats/a%20b", None).await;
    assert_eq!(status, 400);
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM change_records").await, 0);
}
