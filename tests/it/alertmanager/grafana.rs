//! What Grafana's Alertmanager data source asks, of the kind "Prometheus": its requests, written down from its source, and
//! what its pages read of the answers.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Plimsoll, Setup, eventually, now_unix_nanos};
use plimsoll_model::Timestamp;

const ROUTING: &str = "\
route: {receiver: sales, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers: [{name: sales}]
";

/// Grafana's backend passes requests on with its own name and the organisation's.
async fn ask(
    plimsoll: &Plimsoll,
    method: reqwest::Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = plimsoll.client().request(method, plimsoll.console(path));
    let request = request
        .header("user-agent", "Grafana/12.1.0")
        .header("x-grafana-org-id", "1")
        .header("accept", "application/json, text/plain, */*")
        .header("x-forwarded-for", "127.0.0.1");
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.expect("text")).unwrap_or_default())
}

fn in_hours(hours: i64) -> String {
    let now = i64::try_from(now_unix_nanos()).expect("before 2262");
    Timestamp::from_nanos(now + hours * 3_600_000_000_000).to_rfc3339()
}

#[tokio::test(flavor = "multi_thread")]
async fn grafanas_alertmanager_data_source_works_with_us() {
    use reqwest::Method;
    let plimsoll = Plimsoll::start_with(Setup::default().file("alertmanager.yml", ROUTING)).await;
    let get = async |path: &str| ask(&plimsoll, Method::GET, path, None).await;

    // "Save & test" first tries Mimir's address, which must not be there, and then Alertmanager's own.
    assert_eq!(get("/alertmanager/api/v2/status").await.0, StatusCode::NOT_FOUND);
    let (status, answer) = get("/api/v2/status").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        answer["config"]["original"].as_str().is_some_and(|config| config.contains("receiver: sales")),
        "{answer}"
    );
    assert!(answer["versionInfo"]["version"].is_string() && answer["uptime"].is_string(), "{answer}");

    // The contact point's test sends an alert.
    let alert = json!([{
        "labels": {"alertname": "TestAlert", "instance": "Grafana"},
        "annotations": {"summary": "Notification test"},
        "startsAt": in_hours(-1),
        "endsAt": in_hours(1),
        "generatorURL": "http://grafana.example/alerting/grafana/1/view",
    }]);
    assert_eq!(ask(&plimsoll, Method::POST, "/api/v2/alerts", Some(alert)).await.0, StatusCode::OK);

    // The page of groups.
    let groups = eventually("the alert is in its group", std::time::Duration::from_secs(30), async || {
        let (status, groups) = get("/api/v2/alerts/groups?silenced=true&active=true&inhibited=true").await;
        assert_eq!(status, StatusCode::OK);
        groups.as_array().is_some_and(|groups| !groups.is_empty()).then_some(groups)
    })
    .await;
    assert_eq!(groups[0]["receiver"], json!({"name": "sales"}));
    assert_eq!(groups[0]["labels"], json!({"alertname": "TestAlert"}));
    assert_eq!(groups[0]["alerts"][0]["status"]["state"], "active");

    // The form of a new silence, with the matchers that its page wrote, and the preview of what it would silence.
    let (_, preview) =
        get("/api/v2/alerts?filter=alertname%3D~%22Test.*%22&filter=instance%3D%22Grafana%22").await;
    assert_eq!(preview.as_array().map(Vec::len), Some(1));
    let silence = json!({
        "matchers": [
            {"name": "alertname", "value": "Test.*", "isRegex": true, "isEqual": true},
            {"name": "instance", "value": "", "isRegex": false, "isEqual": false},
        ],
        "startsAt": in_hours(0),
        "endsAt": in_hours(2),
        "comment": "created 2026-11-22 04:00",
        "createdBy": "admin",
    });
    let (status, made) = ask(&plimsoll, Method::POST, "/api/v2/silences", Some(silence.clone())).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let id = made["silenceID"].as_str().expect("an id").to_owned();

    let (_, listed) = get("/api/v2/silences?ruleMetadata=true&accesscontrol=true").await;
    assert_eq!(listed[0]["id"], id);
    assert_eq!(listed[0]["status"], json!({"state": "active"}));
    assert_eq!(listed[0]["matchers"], silence["matchers"]);
    let (_, alerts) = get("/api/v2/alerts?silenced=true&active=false&inhibited=false").await;
    assert_eq!(alerts[0]["status"]["silencedBy"], json!([id]));

    // Edited: what was shown comes back with its id, and with members that only Grafana knows.
    let mut edited = listed[0].clone();
    edited["endsAt"] = in_hours(5).into();
    edited["accessControl"] = json!({"write": true});
    let (status, answer) = ask(&plimsoll, Method::POST, "/api/v2/silences", Some(edited)).await;
    assert_eq!((status, &answer["silenceID"]), (StatusCode::OK, &json!(id)));

    assert_eq!(
        ask(&plimsoll, Method::DELETE, &format!("/api/v2/silence/{id}"), None).await.0,
        StatusCode::OK
    );
    assert_eq!(get(&format!("/api/v2/silence/{id}")).await.1["status"]["state"], "expired");
}
