//! The stories that decisions tell.

use plimsoll_model::{SignalBatch, Table, batch_from_rows};
use serde_json::{Value, json};

use super::harness::Console;

const ROT: &str = "00000000000000aa";
const UTR: &str = "00000000000000bb";

fn rule(time: &str, print: &str, outcome: &str, reason: &str) -> Value {
    let warehouse = if print == ROT { "ROT" } else { "UTR" };
    let details = json!({
        "rule": "alert/orders/OrdersFail", "labels": {"alertname": "OrdersFail", "warehouse": warehouse}, "annotations": {},
        "facts": {"value": 4.0, "sql": "SELECT 1 AS value FROM logs WHERE time <= now()", "at": "2026-11-21T10:03:00.000Z"},
    });
    row(time, print, ("rule", outcome, reason), None, &details)
}

fn row(time: &str, print: &str, said: (&str, &str, &str), receiver: Option<&str>, details: &Value) -> Value {
    let (stage, outcome, reason) = said;
    let time = format!("2026-11-21T{time}Z");
    json!({
        "time": time, "ingest_time": time, "stage": stage, "fingerprint": print, "outcome": outcome, "reason": reason,
        "receiver": receiver, "details": details.to_string(),
    })
}

async fn console(rows: &[Value]) -> Console {
    let console = Console::start().await;
    let table = Table::Decisions;
    let batch = batch_from_rows(&table.schema(), rows).expect("fits");
    console.lake.append(vec![SignalBatch { table, batch }]).await.expect("appended");
    console
}

async fn told(console: &Console, question: &str) -> (Value, String) {
    let answer = console.get(&format!("/api/v1/explain?{question}")).await;
    let body = answer.json();
    let sentences: Vec<&str> =
        body["sentences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let said = format!("{}\n{}", sentences.join("\n"), body["detail"].as_str().unwrap_or_default());
    (body, said)
}

/// Two episodes of one alert, told and recovered; and another that was kept back.
fn day() -> Vec<Value> {
    let message = json!({"notification_id": "n1", "integration": "webhook[0]"});
    let labels = json!({"labels": {}});
    vec![
        rule("07:00:00", ROT, "firing", "an earlier one"),
        rule("07:10:00", ROT, "resolved", "an earlier one"),
        rule("10:00:00", ROT, "pending", "the query gives this row"),
        rule("10:01:00", ROT, "still pending", "the query still gives this row"),
        rule("10:02:00", ROT, "firing", "the query gives this row"),
        row("10:02:01", ROT, ("route", "routed", "route {} groups it as {}:{}"), Some("duty"), &labels),
        row("10:02:31", ROT, ("send", "queued", "first notification"), Some("duty"), &message),
        row("10:02:32", ROT, ("send", "retrying", "503 Service Unavailable"), Some("duty"), &message),
        row("10:02:34", ROT, ("send", "sent", "202 Accepted"), Some("duty"), &message),
        rule("10:30:00", ROT, "resolved", "the query no longer gives this row"),
        rule("10:05:00", UTR, "firing", "the query gives this row"),
        row("10:05:01", UTR, ("route", "suppressed", "inhibited by {alertname=\"All\"}"), None, &labels),
    ]
}

#[tokio::test]
async fn a_page_is_explained_from_its_condition_to_its_receipt() {
    let console = console(&day()).await;
    let (body, said) = told(&console, &format!("alert={ROT}")).await;
    for part in [
        "{alertname=\"OrdersFail\", warehouse=\"ROT\"} was pending from 2026-11-21T10:00:00Z and fired at 2026-11-21T10:02:00Z: the query gives",
        "it was routed to duty: route {} groups it as {}:{}.",
        "duty could not be told by webhook[0] and is tried again: 503",
        "duty was told at 2026-11-21T10:02:34Z by webhook[0] (first notification); the answer was: 202 Accepted.",
        "It resolved at 2026-11-21T10:30:00Z",
        "time <= arrow_cast('2026-11-21T10:03:00.000Z', 'Timestamp(Nanosecond, Some(\"UTC\"))')",
        "FROM decisions WHERE fingerprint = '00000000000000aa'",
    ] {
        assert!(said.contains(part), "{part}\n--\n{said}");
    }
    assert!(!said.contains("an earlier one") && !said.contains("Nobody"), "{said}");
    assert_eq!(body["decisions"].as_array().map(Vec::len), Some(8));
    assert_eq!(body["facts"]["value"], 4.0);
    // The statement that it names is one that runs.
    let answer = console.sql(json!({"sql": body["sql"]})).await;
    assert_eq!(answer.json(), json!([]), "{}", answer.text());

    let (_, said) = told(&console, &format!("alert={ROT}&at=2026-11-21T07:05:00Z")).await;
    assert!(
        said.contains("fired at 2026-11-21T07:00:00Z: an earlier one") && !said.contains("duty"),
        "{said}"
    );
    assert!(said.contains("Nobody was told: it was not routed yet."), "{said}");
}

#[tokio::test]
async fn who_was_not_told_hears_why() {
    let mut rows = day();
    rows.push(rule(
        "10:40:00",
        ROT,
        "waiting",
        "it burns 20 times too fast over 5 min, but only 3 of 9 were bad",
    ));
    let console = console(&rows).await;
    let (_, said) = told(&console, "alert=alertname%3D%22OrdersFail%22%2Cwarehouse!%3DROT").await;
    assert!(said.contains("it was kept back: inhibited by {alertname=\"All\"}."), "{said}");
    assert!(said.contains("Nobody was told: inhibited by {alertname=\"All\"}."), "{said}");
    let (_, said) = told(&console, &format!("alert={ROT}")).await;
    assert!(said.contains("did not fire. At 2026-11-21T10:40:00Z: it burns 20 times too fast"), "{said}");
    assert!(!said.contains("Nobody was told"), "{said}");
}

#[tokio::test]
async fn a_name_of_several_lists_them_and_one_of_none_says_what_there_is() {
    let console = console(&day()).await;
    let (body, said) = told(&console, "alert=OrdersFail").await;
    assert_eq!(body["candidates"].as_array().map(Vec::len), Some(2));
    assert!(said.contains("OrdersFail is the name of 2 alerts") && said.contains(UTR), "{said}");
    let (_, said) = told(&console, "alert=OrdersFall").await;
    assert!(
        said.contains("nothing was decided about OrdersFall") && said.contains("about OrdersFail"),
        "{said}"
    );
    for wrong in ["", "alert=a&at=noon", "alert=a&when=now", "alert=a%3D~%28"] {
        assert_eq!(console.get(&format!("/api/v1/explain?{wrong}")).await.problem().0, 400, "{wrong}");
    }
}

fn route(time: &str, print: &str, outcome: &str, reason: &str, receiver: Option<&str>) -> Value {
    let details = json!({"labels": {"alertname": "Disk", "team": "ops"}});
    row(time, print, ("route", outcome, reason), receiver, &details)
}

/// An alert of Prometheus, silenced, muted and told, twice.
fn from_outside() -> Vec<Value> {
    const DISK: &str = "00000000000000cc";
    let message = json!({"notification_id": "n7", "integration": "webhook[0]"});
    let join = "route {} groups it as {}:{}";
    vec![
        route("08:00:00", DISK, "suppressed", "silenced by 5a (Anna: the disk is replaced)", None),
        route("08:00:00", DISK, "routed", join, Some("ops")),
        route("08:20:00", DISK, "suppressed", "muted by time interval stocktaking", Some("ops")),
        route("08:30:00", DISK, "routed", "no longer silenced", None),
        route("08:40:00", DISK, "routed", "no longer muted by time interval stocktaking", Some("ops")),
        route("10:00:00", DISK, "routed", join, Some("ops")),
        row("10:00:30", DISK, ("send", "queued", "first notification"), Some("ops"), &message),
        row("10:00:31", DISK, ("send", "sent", "HTTP 200"), Some("ops"), &message),
    ]
}

#[tokio::test]
async fn silences_and_intervals_are_named_for_the_moment_that_is_asked_about() {
    let mut rows = day();
    rows.extend(from_outside());
    let console = console(&rows).await;
    let (_, said) = told(&console, "alert=Disk&at=2026-11-21T08:25:00Z").await;
    for part in [
        "{alertname=\"Disk\", team=\"ops\"} was stated from outside, and dealt with from 2026-11-21T08:00:00Z on.",
        "it was kept back: silenced by 5a (Anna: the disk is replaced), since 2026-11-21T08:00:00Z.",
        "it was kept back from ops: muted by time interval stocktaking, since 2026-11-21T08:20:00Z.",
        "Nobody was told: it was no longer muted by time interval stocktaking at 2026-11-21T08:40:00Z, and its group",
    ] {
        assert!(said.contains(part), "{part}\n--\n{said}");
    }
    assert!(!said.contains("10:00"), "{said}");

    let (_, said) = told(&console, "alert=Disk&at=2026-11-21T08:35:00Z").await;
    assert!(!said.contains("(Anna: the disk is replaced), since"), "{said}");
    assert!(said.contains("kept back from ops: muted by time interval stocktaking, since"), "{said}");

    let (_, said) = told(&console, "alert=Disk").await;
    assert!(
        said.contains("ops was told at 2026-11-21T10:00:31Z by webhook[0] (first notification)"),
        "{said}"
    );
    assert!(!said.contains("kept back") && !said.contains("Nobody"), "{said}");
}

#[tokio::test]
async fn an_alert_is_chosen_by_any_matcher() {
    let mut rows = day();
    rows.extend(from_outside());
    let console = console(&rows).await;
    for question in ["team%3D~%22o.s%22", "%7Balertname!~%22Orders.*%22%7D", "team!%3D%22%22"] {
        let (body, said) = told(&console, &format!("alert={question}")).await;
        assert_eq!(body["labels"]["alertname"], "Disk", "{question}: {said}");
    }
    let (body, _) = told(&console, "alert=alertname%3D~%22Ord.*%22").await;
    assert_eq!(body["candidates"].as_array().map(Vec::len), Some(2));
}
