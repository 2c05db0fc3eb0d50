//! PagerDuty keeps incidents of its own: it hears what became of ours, and we of its.

use serde_json::{Value, json};

use super::{NOTHING, Story};
use crate::{IncidentAction, PagerDutyAnswer};

const PAGER: &str = "
route: {receiver: pager, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers:
  - name: pager
    pagerduty_configs: [{url: 'SINK/v2/enqueue', routing_key: 0123456789abcdef0123456789abcdef}]
    webhook_configs: [{url: 'SINK/hook'}]
";
const ONE: &str = "service=sales,severity=page,n=1";

/// What PagerDuty got since the last time: actions with their keys.
async fn events(story: &Story) -> Vec<(String, String)> {
    story.dispatch().await;
    story.deliver().await;
    let requests = story.sink.take().into_iter().filter(|request| request.path == "/v2/enqueue");
    let word = |body: &Value, key: &str| body[key].as_str().expect(key).to_owned();
    requests.map(|request| (word(&request.body, "event_action"), word(&request.body, "dedup_key"))).collect()
}

fn actions(events: &[(String, String)]) -> Vec<&str> {
    events.iter().map(|(action, _)| action.as_str()).collect()
}

#[tokio::test]
async fn our_acknowledgement_and_resolution_are_pagerdutys_too() {
    let mut story = Story::begin(PAGER).await;
    story.fire(ONE).await;
    let triggered = events(&story).await;
    story.act(IncidentAction::Acknowledge).await;
    let acknowledged = events(&story).await;
    assert_eq!((actions(&triggered), actions(&acknowledged)), (vec!["trigger"], vec!["acknowledge"]));
    assert_eq!(acknowledged[0].1, triggered[0].1);
    story.advance(60);
    story.act(IncidentAction::Resolve).await;
    assert_eq!(events(&story).await, [("resolve".to_owned(), triggered[0].1.clone())]);
}

async fn webhook(story: &Story, kind: &str, key: &str, id: &str) -> PagerDutyAnswer {
    let body = json!({"event": {
        "id": id, "event_type": kind, "resource_type": "incident",
        "occurred_at": story.now.to_rfc3339(),
        "agent": {"id": "PLH1HKV", "type": "user_reference", "summary": "Tenex Engineer"},
        "client": null,
        "data": {
            "id": "PGR0VU2", "type": "incident", "status": "acknowledged", "incident_key": key,
            "title": "A little bump in the road", "urgency": "high",
            "assignees": [{"id": "PTUXL6G", "type": "user_reference", "summary": "User 123"}],
        },
    }});
    let body = body.to_string();
    let signature = crate::incident::signature_for_tests("s3cret", body.as_bytes());
    story.alerting.pagerduty_webhook(body.as_bytes(), &signature, story.now).await.expect("answers")
}

#[tokio::test]
async fn whoever_acknowledges_in_pagerduty_has_acknowledged_here_once_and_is_not_told_so() {
    let mut story = Story::begin(PAGER).await;
    story.fire(ONE).await;
    let key = events(&story).await.remove(0).1;
    assert_eq!(webhook(&story, "incident.acknowledged", &key, "01A").await, PagerDutyAnswer::Done);
    let incident = story.incident();
    assert_eq!(
        (&incident["state"], &incident["acknowledged_by"]),
        (&"acknowledged".into(), &"Tenex Engineer".into())
    );
    assert!(events(&story).await.is_empty(), "it knows");

    assert_eq!(webhook(&story, "incident.unacknowledged", &key, "01B").await, PagerDutyAnswer::Done);
    let replayed = webhook(&story, "incident.acknowledged", &key, "01A").await;
    assert_eq!(replayed, PagerDutyAnswer::Ignored("the event was told before"));
    assert_eq!(story.incident()["state"], "triggered");
    assert_eq!(webhook(&story, "incident.reassigned", &key, "01C").await, PagerDutyAnswer::Done);
    assert_eq!(story.table("audit")[0]["details"], r#"{"to":"User 123"}"#);
    assert_eq!(webhook(&story, "incident.resolved", &key, "01D").await, PagerDutyAnswer::Done);
    assert_eq!(story.incident()["state"], "resolved");
    assert!(events(&story).await.is_empty(), "it knows");
    for (kind, key) in
        [("incident.acknowledged", "of another"), ("pagey.ping", ""), ("incident.resolved", "")]
    {
        let answer = webhook(&story, kind, key, kind).await;
        assert!(matches!(answer, PagerDutyAnswer::Ignored(_)), "{kind}: {answer:?}");
    }
    story.advance(1);
}

#[tokio::test]
async fn what_is_not_signed_or_too_old_changes_nothing() {
    let story = Story::begin(PAGER).await;
    story.fire(ONE).await;
    let key = events(&story).await.remove(0).1;
    let body = |occurred_at: &str| {
        let event = json!({"id": "x", "event_type": "incident.acknowledged", "occurred_at": occurred_at, "data": {"incident_key": key}});
        json!({"event": event}).to_string()
    };
    let now = story.now;
    let told = async |body: &str, signature: &str| {
        story.alerting.pagerduty_webhook(body.as_bytes(), signature, now).await.expect("answers")
    };
    let signed = |body: &str| crate::incident::signature_for_tests("s3cret", body.as_bytes());
    let fresh = body("2026-11-21T10:00:00Z");
    assert_eq!(told(&fresh, "").await, PagerDutyAnswer::NotSigned);
    assert_eq!(told(&fresh, &signed("another body")).await, PagerDutyAnswer::NotSigned);
    for time in ["2026-11-20T09:59:59Z", "2026-11-22T10:00:01Z"] {
        let old = body(time);
        assert!(matches!(told(&old, &signed(&old)).await, PagerDutyAnswer::Ignored(_)), "{time}");
    }
    for text in ["{}", "no JSON", r#"{"event": {"id": "y", "event_type": "z", "occurred_at": "yesterday"}}"#]
    {
        assert!(matches!(told(text, &signed(text)).await, PagerDutyAnswer::Malformed(_)), "{text}");
    }
    assert_eq!(story.incident()["state"], "triggered");
    assert_eq!(story.arrived(), NOTHING);
}
