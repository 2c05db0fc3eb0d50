//! Silences through Alertmanager's API.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::super::harness::{Answer, Console, HOST};

async fn post(console: &Console, silence: &Value) -> Answer {
    console.post("/api/v2/silences", "application/json", Body::from(silence.to_string())).await
}

async fn delete(console: &Console, id: &str) -> Answer {
    let request = Request::delete(format!("/api/v2/silence/{id}")).header(header::HOST, HOST);
    console.send(request.body(Body::empty()).expect("valid")).await
}

/// The clock of the console stands at 11:00.
fn silence() -> Value {
    json!({
        "matchers": [
            {"name": "alertname", "value": "Locks", "isRegex": false},
            {"name": "team", "value": "sa.*", "isRegex": true, "isEqual": true},
        ],
        "startsAt": "2026-11-21T10:00:00Z",
        "endsAt": "2026-11-21T12:00:00Z",
        "createdBy": "anna",
        "comment": "the conveyor is serviced",
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut silence = silence();
    silence[member] = value;
    silence
}

async fn made(console: &Console, silence: &Value) -> String {
    let answer = post(console, silence).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["silenceID"].as_str().expect("an id").to_owned()
}

async fn listed(console: &Console, query: &str) -> Vec<String> {
    let answer = console.get(&format!("/api/v2/silences?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let silences = answer.json();
    let silences = silences.as_array().expect("a list");
    silences.iter().map(|silence| silence["comment"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn a_silence_is_shown_as_clients_require_and_suppresses() {
    let console = Console::start().await;
    let alert = json!([{"labels": {"alertname": "Locks", "team": "sales"}}]);
    console.post("/api/v2/alerts", "application/json", Body::from(alert.to_string())).await;
    let id = made(&console, &silence()).await;

    let shown = console.get(&format!("/api/v2/silence/{id}")).await;
    let expected = json!({
        "id": id,
        "status": {"state": "active"},
        "updatedAt": "2026-11-21T11:00:00.000Z",
        "comment": "the conveyor is serviced",
        "createdBy": "anna",
        "endsAt": "2026-11-21T12:00:00.000Z",
        "matchers": [
            {"name": "alertname", "value": "Locks", "isRegex": false, "isEqual": true},
            {"name": "team", "value": "sa.*", "isRegex": true, "isEqual": true},
        ],
        "startsAt": "2026-11-21T11:00:00.000Z",
    });
    assert_eq!(shown.json(), expected);
    assert_eq!(console.get("/api/v2/silences").await.json(), json!([expected]));
    let alerts = console.get("/api/v2/alerts").await.json();
    assert_eq!(alerts[0]["status"]["state"], "suppressed");
    assert_eq!(alerts[0]["status"]["silencedBy"], json!([id]));
    for (query, count) in [("silenced=false", 0), ("active=false", 1), ("active=false&silenced=true", 1)] {
        let alerts = console.get(&format!("/api/v2/alerts?{query}")).await.json();
        assert_eq!(alerts.as_array().map(Vec::len), Some(count), "{query}");
    }

    assert_eq!(delete(&console, &id).await.status, StatusCode::OK);
    assert_eq!(console.get(&format!("/api/v2/silence/{id}")).await.json()["status"]["state"], "expired");
    assert_eq!(console.get("/api/v2/alerts").await.json()[0]["status"]["state"], "active");
}

#[tokio::test]
async fn silences_are_listed_by_state_and_filtered_by_their_matchers() {
    let console = Console::start().await;
    let named = |comment: &str, starts: &str, ends: &str, value: &str| {
        json!({
            "matchers": [{"name": "team", "value": value, "isRegex": value.contains('*')}],
            "startsAt": starts, "endsAt": ends, "createdBy": "anna", "comment": comment,
        })
    };
    let (now, one, two, three) =
        ("2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z", "2026-11-21T14:00:00Z");
    made(&console, &named("later", two, three, "a")).await;
    made(&console, &named("long", now, three, "a.*")).await;
    made(&console, &named("sooner", one, two, "a")).await;
    made(&console, &named("short", now, one, "b")).await;
    let over = made(&console, &named("over", now, one, "b")).await;
    delete(&console, &over).await;
    let all = ["short", "long", "sooner", "later", "over"];
    for (query, expected) in [
        ("", &all[..]),
        ("filter=team%3Da", &["sooner", "later"]),
        ("filter=team%3D~a.*", &["long"]),
        ("filter=team%3D~b", &[]),
        ("filter=team%3Db&filter=team%3Da", &[]),
        ("expired=false", &["short", "long", "sooner", "later"]),
        ("active=false&expired=false", &["sooner", "later"]),
    ] {
        assert_eq!(listed(&console, query).await, expected, "{query}");
    }
    let bad = console.get("/api/v2/silences?filter=team").await;
    assert!(bad.status == StatusCode::BAD_REQUEST && bad.json().is_string(), "{}", bad.text());
}

#[tokio::test]
async fn what_is_no_silence_is_refused_in_alertmanagers_words() {
    let console = Console::start().await;
    let matchers = |value: Value| with("matchers", value);
    let refused = |silence: Value, status: u16, words: &'static str| (silence, status, words);
    for (silence, status, words) in [
        refused(matchers(json!([])), 422, "matchers in body should have at least 1 items"),
        refused(matchers(Value::Null), 422, "matchers in body is required"),
        refused(
            matchers(json!([{"name": "a", "value": "b"}])),
            422,
            "matchers.0.isRegex in body is required",
        ),
        refused(with("startsAt", Value::Null), 422, "startsAt in body is required"),
        refused(with("createdBy", Value::Null), 422, "createdBy in body is required"),
        refused(with("comment", Value::Null), 422, "comment in body is required"),
        refused(with("endsAt", json!("2026-11-21T10:00:00Z")), 400, "start time must be before end time"),
        refused(
            matchers(json!([{"name": "a", "value": "", "isRegex": false}])),
            400,
            "must not match the empty string",
        ),
        refused(
            matchers(json!([{"name": "a", "value": "(", "isRegex": true}])),
            400,
            "invalid regular expression",
        ),
        refused(with("id", json!("6a2b1b10-0000-4000-8000-000000000000")), 404, "silence not found"),
        refused(with("id", json!("nouuid")), 404, "silence not found"),
    ] {
        let answer = post(&console, &silence).await;
        assert_eq!(answer.status.as_u16(), status, "{silence}: {}", answer.text());
        assert!(answer.text().contains(words), "{silence}: {}", answer.text());
        assert_eq!(answer.json().is_string(), status != 422, "{}", answer.text());
    }
    assert_eq!(listed(&console, "").await, [""; 0]);
    assert_eq!(console.get("/api/v2/silence/x").await.json()["code"], 601);
    let unknown = "6a2b1b10-0000-4000-8000-000000000000";
    assert_eq!(console.get(&format!("/api/v2/silence/{unknown}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&console, unknown).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_shown_may_be_sent_back_with_another_end() {
    let console = Console::start().await;
    let id = made(&console, &silence()).await;
    let mut shown = console.get(&format!("/api/v2/silence/{id}")).await.json();
    shown["endsAt"] = json!("2026-11-21T18:00:00Z");
    assert_eq!(made(&console, &shown).await, id);
    assert_eq!(
        console.get(&format!("/api/v2/silence/{id}")).await.json()["endsAt"],
        "2026-11-21T18:00:00.000Z"
    );
    shown["matchers"][0]["value"] = json!("Other");
    assert_ne!(made(&console, &shown).await, id, "what was silenced stays what it was");
}
