//! Alertmanager's API over a pipeline whose clock stands still.

mod silences;

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::harness::{Answer, Console, HOST};

async fn post(console: &Console, alerts: Value) -> Answer {
    console.post("/api/v2/alerts", "application/json", Body::from(alerts.to_string())).await
}

fn fingerprints(answer: &Answer) -> Vec<String> {
    let alerts = answer.json();
    let alerts = alerts.as_array().unwrap_or_else(|| panic!("{alerts}"));
    alerts.iter().map(|alert| alert["fingerprint"].as_str().expect("text").to_owned()).collect()
}

async fn names(console: &Console, query: &str) -> Vec<String> {
    let answer = console.get(&format!("/api/v2/alerts?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    let alerts = answer.json();
    let mut names: Vec<String> = alerts
        .as_array()
        .expect("a list")
        .iter()
        .map(|alert| {
            format!("{} {}", alert["labels"]["alertname"], alert["labels"]["severity"]).replace('"', "")
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_posted_alert_is_shown_with_every_member_that_clients_require() {
    let console = Console::start().await;
    let posted = json!([{
        "labels": {"alertname": "OrdersLate", "team": "sales", "empty": ""},
        "annotations": {"summary": "41 orders posted late"},
        "startsAt": "2026-11-21T11:58:00.5+01:00",
        "generatorURL": "http://prometheus.example/graph?g0.expr=1",
    }]);
    let answer = post(&console, posted).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, ""));
    let alerts = console.get("/api/v2/alerts").await;
    assert_eq!(alerts.header("content-type"), "application/json");
    // The fingerprint was given by Debian's prometheus-alertmanager 0.25 for these labels.
    assert_eq!(
        alerts.json(),
        json!([{
            "annotations": {"summary": "41 orders posted late"},
            "endsAt": "2026-11-21T11:05:00.000Z",
            "fingerprint": "8466d30a11e184f2",
            "receivers": [{"name": "sales"}, {"name": "warehouse"}],
            "startsAt": "2026-11-21T10:58:00.500Z",
            "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
            "updatedAt": "2026-11-21T11:00:00.000Z",
            "generatorURL": "http://prometheus.example/graph?g0.expr=1",
            "labels": {"alertname": "OrdersLate", "team": "sales"},
        }])
    );
}

#[tokio::test]
async fn what_is_valid_in_a_batch_is_taken_and_the_rest_is_named() {
    let console = Console::start().await;
    let answer = post(&console, json!([
        {"labels": {"alertname": "Good"}},
        {"labels": {"alertname": "Backwards"}, "startsAt": "2026-11-21T11:00:00Z", "endsAt": "2026-11-21T10:00:00Z"},
        {"labels": {"": "nameless"}},
        {"labels": {"alertname": ""}},
        {"labels": {"alertname": "Heavy", "text": "x".repeat(5000)}},
        {"labels": {"alertname": "Wordy"}, "annotations": {"": "nameless"}},
    ])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.json(),
        "start time must be before end time; invalid label set: invalid name \"\"; at least one label pair required; \
         invalid label set: the value of \"text\" has more than 4096 bytes; invalid annotations: invalid name \"\""
    );
    assert_eq!(names(&console, "").await, ["Good null"]);
}

#[tokio::test]
async fn what_can_t_be_read_is_refused_as_a_whole() {
    let console = Console::start().await;
    let valid = json!({"labels": {"alertname": "Good"}});
    for (body, status, code) in [
        (json!({"labels": {"alertname": "NoList"}}).to_string(), 400, 400),
        (json!([valid, {"labels": {"alertname": 3}}]).to_string(), 400, 400),
        ("[{".to_owned(), 400, 400),
        (json!([valid, {"annotations": {}}]).to_string(), 422, 602),
        (json!([valid, {"labels": {"a": "b"}, "startsAt": "yesterday"}]).to_string(), 400, 400),
        (json!([valid, {"labels": {"a": "b"}, "generatorURL": "not a url"}]).to_string(), 422, 601),
        (json!([valid, null]).to_string(), 400, 400),
    ] {
        let answer = console.post("/api/v2/alerts", "application/json", Body::from(body.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_u64()), (status, Some(code)), "{body}");
    }
    let form = console.post("/api/v2/alerts", "text/plain", Body::from("[]")).await;
    assert_eq!((form.status.as_u16(), form.json()["code"].as_u64()), (415, Some(415)));
    assert_eq!(names(&console, "").await, [""; 0]);
    let large = Body::from(vec![b' '; crate::alertmanager::post::BODY_LIMIT_BYTES + 1]);
    assert_eq!(console.post("/api/v2/alerts", "application/json", large).await.status.as_u16(), 413);
    let many = Value::from(vec![json!({"labels": {"a": "b"}}); 10_001]);
    assert_eq!(post(&console, many).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_resolved_alert_is_shown_no_more_and_go_s_zero_time_is_no_time() {
    let console = Console::start().await;
    let labels = json!({"alertname": "Gone"});
    post(
        &console,
        json!([{"labels": labels, "startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00.000Z"}]),
    )
    .await;
    assert_eq!(names(&console, "").await, ["Gone null"]);
    post(&console, json!([{"labels": labels, "endsAt": "2026-11-21T11:00:00Z"}])).await;
    assert_eq!(names(&console, "").await, [""; 0]);
    post(&console, json!([{"labels": labels, "endsAt": "9999-01-01T00:00:00Z"}])).await;
    assert_eq!(names(&console, "").await, ["Gone null"]);
}

#[tokio::test]
async fn every_parameter_of_a_question_narrows_it() {
    let console = Console::start().await;
    let labels = |name: &str, severity: &str, team: &str| json!({"labels": {"alertname": name, "severity": severity, "team": team}});
    let alerts = json!([
        labels("Locks", "page", "sales"),
        labels("Locks", "ticket", "sales"),
        labels("Disk", "ticket", "stock"),
        labels("Mail", "ticket", "office"),
    ]);
    assert_eq!(post(&console, alerts).await.status, StatusCode::OK);
    let all = ["Disk ticket", "Locks page", "Locks ticket", "Mail ticket"];
    for (query, expected) in [
        ("", &all[..]),
        ("active=true&silenced=true&inhibited=true&unprocessed=true", &all),
        ("active=false", &["Locks ticket"]),
        ("inhibited=false", &["Disk ticket", "Locks page", "Mail ticket"]),
        ("active=false&inhibited=false", &[]),
        ("filter=alertname%3D%22Locks%22", &["Locks page", "Locks ticket"]),
        ("filter=alertname%3D~%22Lo.*%7CMa%22", &["Locks page", "Locks ticket"]),
        ("filter=alertname%3D%22Locks%22&filter=severity!%3D%22ticket%22", &["Locks page"]),
        ("filter=nothing%3D%22%22&filter=team%3Dstock", &["Disk ticket"]),
        ("filter=%22team%22%3Dstock", &["Disk ticket"]),
        ("receiver=sales", &["Locks page", "Locks ticket"]),
        ("receiver=ware.*", &["Disk ticket", "Locks page", "Locks ticket"]),
        ("receiver=ware", &[]),
        ("receiver=.*body", &["Mail ticket"]),
        ("something=else", &all),
    ] {
        assert_eq!(names(&console, query).await, expected, "{query}");
    }
    for bad in ["filter=", "filter=a", "filter=a%3Db,c%3Dd", "filter=a%3D~%22(%22", "receiver=("] {
        let answer = console.get(&format!("/api/v2/alerts?{bad}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {}", answer.text());
        assert!(answer.json().is_string(), "{bad}: {}", answer.text());
        assert_eq!(
            console.get(&format!("/api/v2/alerts/groups?{bad}")).await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn an_inhibited_alert_names_its_inhibitor() {
    let console = Console::start().await;
    let alert = |severity: &str| json!({"labels": {"alertname": "Locks", "severity": severity}});
    post(&console, json!([alert("page"), alert("ticket")])).await;
    let page = fingerprints(&console.get("/api/v2/alerts?filter=severity%3Dpage").await);
    let ticket = console.get("/api/v2/alerts?filter=severity%3Dticket").await.json();
    assert_eq!(
        ticket[0]["status"],
        json!({"state": "suppressed", "inhibitedBy": page, "silencedBy": [], "mutedBy": []})
    );
}

#[tokio::test]
async fn groups_are_those_of_the_routes() {
    let console = Console::start().await;
    let alert = |name: &str, severity: &str, team: &str| json!({"labels": {"alertname": name, "severity": severity, "team": team}});
    post(
        &console,
        json!([alert("B", "page", "sales"), alert("B", "x", "sales"), alert("A", "page", "office")]),
    )
    .await;
    console.dispatch().await;
    let groups = async |query: &str| {
        let answer = console.get(&format!("/api/v2/alerts/groups?{query}")).await.json();
        let show = |group: &Value| {
            let alerts = group["alerts"].as_array().expect("a list");
            let severities: Vec<&str> =
                alerts.iter().map(|alert| alert["labels"]["severity"].as_str().expect("text")).collect();
            format!("{} {} {}", group["labels"]["alertname"], group["receiver"]["name"], severities.join(","))
                .replace('"', "")
        };
        answer.as_array().expect("a list").iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(groups("").await, ["A everybody page", "B sales page,x", "B warehouse page,x"]);
    assert_eq!(groups("receiver=sales").await, ["B sales page,x"]);
    assert_eq!(groups("filter=severity%3Dx").await, ["B sales x", "B warehouse x"]);
    assert_eq!(groups("active=false").await, [""; 0]);
}

#[tokio::test]
async fn status_has_all_that_is_required_and_hides_secrets() {
    let console = Console::start().await;
    let status = console.get("/api/v2/status").await.json();
    assert_eq!(status["cluster"], json!({"status": "disabled", "peers": []}));
    assert_eq!(status["uptime"], "2026-11-21T11:00:00.000Z");
    for member in ["version", "revision", "branch", "buildUser", "buildDate", "goVersion"] {
        assert!(status["versionInfo"][member].is_string(), "{member} in {status}");
    }
    let config = status["config"]["original"].as_str().expect("text");
    assert!(config.contains("http://127.0.0.1:9/<secret>"), "{config}");
    assert!(config.contains("continue: true"), "{config}");
    for secret in ["s3cret", "0123456789abcdef"] {
        assert!(!config.contains(secret), "{config}");
    }
    let receivers = console.get("/api/v2/receivers").await.json();
    assert_eq!(receivers, json!([{"name": "everybody"}, {"name": "sales"}, {"name": "warehouse"}]));
}

#[tokio::test]
async fn a_tenant_has_an_address_of_its_own_and_its_token_opens_it() {
    let console = Console::with_token("acme", "acme-token-0123456789").await;
    let ask = async |path: &str, token: &str| {
        let request = Request::get(path).header(header::HOST, HOST).header(header::AUTHORIZATION, token);
        console.send(request.body(Body::empty()).expect("valid")).await.status.as_u16()
    };
    let paths = ["status", "receivers", "alerts", "alerts/groups"];
    for path in paths {
        let path = format!("/t/acme/api/v2/{path}");
        assert_eq!(ask(&path, "Bearer acme-token-0123456789").await, 200, "{path}");
        assert_eq!(ask(&path, "Bearer another").await, 401, "{path}");
        assert_eq!(ask(&path, "").await, 401, "{path}");
        assert_eq!(ask(&path.replace("acme", "nobody"), "Bearer acme-token-0123456789").await, 401);
    }
    let posted = console.post("/t/acme/api/v2/alerts", "application/json", Body::from("[]")).await;
    assert_eq!(posted.status.as_u16(), 401);
    assert_eq!(ask("/api/v2/alerts", "").await, 200, "the default tenant is open");
}
