//! Incidents through the API, and who may act on them.

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use super::harness::{Answer, Console, HOST};

const JSON: &str = "application/json";

/// With one incident.
async fn console() -> (Console, String) {
    let console = Console::start().await;
    let alerts = json!([{"labels": {"alertname": "Late", "severity": "page", "x": super::SCRIPT}}]);
    console.post("/api/v2/alerts", JSON, Body::from(alerts.to_string())).await;
    console.dispatch().await;
    let path = format!("/api/v1/incidents/{}", console.incident_id());
    (console, path)
}

async fn act(console: &Console, path: &str, verb: &str, said: Value) -> Answer {
    console.post(&format!("{path}/{verb}"), JSON, Body::from(said.to_string())).await
}

#[tokio::test]
async fn an_incident_is_shown_and_acted_on_and_says_who_did_what() {
    let (console, path) = console().await;
    let shown = console.get(&path).await.json();
    assert_eq!(
        (&shown["state"], &shown["alerts"][0]["labels"]["alertname"]),
        (&json!("triggered"), &json!("Late"))
    );

    let acknowledged = act(&console, &path, "ack", json!({"by": "anna"})).await.json();
    assert_eq!(
        (&acknowledged["state"], &acknowledged["acknowledged_by"]),
        (&json!("acknowledged"), &json!("anna"))
    );
    assert_eq!(acknowledged["acknowledged_at"], "2026-11-21T11:00:00.000Z");
    act(&console, &path, "note", json!({"by": "anna", "note": "called the carrier"})).await;
    assert_eq!(act(&console, &path, "unack", json!({})).await.json()["state"], "triggered");
    // An empty body says nothing of who acts.
    let resolved = console.post(&format!("{path}/resolve"), JSON, Body::empty()).await.json();
    assert_eq!(
        (&resolved["state"], &resolved["resolved_at"]),
        (&json!("resolved"), &json!("2026-11-21T11:00:00.000Z"))
    );
    let audit: Vec<String> = resolved["audit"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| format!("{} {} {}", row["actor"], row["way"], row["action"]).replace('"', ""))
        .collect();
    assert_eq!(
        audit,
        ["anna api acknowledge", "anna api note", "somebody api unacknowledge", "somebody api resolve"]
    );
    assert_eq!(resolved["notes"], "2026-11-21T11:00:00.000Z anna: called the carrier");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_that_says_why() {
    let (console, path) = console().await;
    let kind = |answer: Answer| answer.problem();
    assert_eq!(
        kind(act(&console, &path, "unack", json!({})).await),
        (409, "urn:plimsoll:incident-state".to_owned())
    );
    assert_eq!(kind(act(&console, &path, "note", json!({"note": " "})).await).0, 409);
    assert_eq!(kind(act(&console, &path, "escalate", json!({})).await).0, 404);
    assert_eq!(kind(act(&console, &path, "ack", json!({"who": "anna"})).await).0, 400);
    assert_eq!(kind(act(&console, "/api/v1/incidents/INC-1", "ack", json!({})).await).0, 404);
    assert_eq!(kind(console.get("/api/v1/incidents/INC-1").await).0, 404);
    assert_eq!(kind(console.get(&format!("{path}?tenant=nobody")).await).0, 404);
    assert_eq!(console.get(&path).await.json()["state"], "triggered");
}

#[tokio::test]
async fn a_browser_acts_only_with_a_token_that_no_page_can_make_it_send() {
    let (console, path) = console().await;
    let ack = |name: &'static str, value: &'static str, token: Option<&'static str>| {
        let mut request = Request::post(format!("{path}/ack")).header(header::HOST, HOST).header(name, value);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.body(Body::empty()).expect("valid")
    };
    let refused = "urn:plimsoll:browser-without-token";
    for (name, value) in [("origin", "http://127.0.0.1:8088"), ("sec-fetch-site", "same-origin")] {
        assert_eq!(console.send(ack(name, value, None)).await.problem(), (403, refused.to_owned()));
        // What a browser adds by itself is no proof.
        assert_eq!(
            console.send(ack(name, value, Some("Basic eDp5"))).await.problem(),
            (403, refused.to_owned())
        );
    }
    let foreign = console.send(ack("origin", "http://evil.example", Some("Bearer x"))).await;
    assert_eq!(foreign.problem().0, 403);
    assert_eq!(console.get(&path).await.json()["state"], "triggered");
    let own = console.send(ack("origin", "http://127.0.0.1:8088", Some("Bearer x"))).await;
    assert_eq!(own.json()["state"], "acknowledged");
}

#[tokio::test]
async fn a_link_that_is_none_of_ours_leads_to_a_page_that_says_so_and_can_send_its_form() {
    let console = Console::start().await;
    let token = "0".repeat(64);
    for path in [format!("/i/{token}"), format!("/t/default/i/{token}"), "/t/nobody/i/x".to_owned()] {
        let page = console.get(&path).await;
        assert_eq!(page.status.as_u16(), 404, "{path}");
        assert!(page.text().contains("This link leads nowhere"), "{}", page.text());
        assert!(page.header("content-security-policy").contains("form-action 'self'"));
        // With a stricter one browsers say of a form's POST that it comes from nowhere, and the fence refuses it.
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
    let confirm = |origin: &str| {
        let request =
            Request::post(format!("/i/{token}")).header(header::HOST, HOST).header(header::ORIGIN, origin);
        request.body(Body::empty()).expect("valid")
    };
    assert_eq!(console.send(confirm("http://127.0.0.1:8088")).await.status.as_u16(), 404);
    assert_eq!(console.send(confirm("http://evil.example")).await.status.as_u16(), 403);
}

#[tokio::test]
async fn pagerduty_is_believed_only_with_a_signature_and_schedules_are_asked_for_with_moments() {
    let console = Console::start().await;
    let webhook = console.post("/api/v1/pagerduty/webhook", JSON, Body::from("{}")).await;
    assert_eq!(webhook.problem(), (403, "urn:plimsoll:not-signed".to_owned()));
    assert_eq!(console.get("/api/v1/oncall").await.json(), json!([]));
    assert_eq!(console.get("/api/v1/oncall?schedule=night").await.problem().0, 404);
    assert_eq!(console.get("/api/v1/oncall?from=tomorrow").await.problem().0, 400);
}
