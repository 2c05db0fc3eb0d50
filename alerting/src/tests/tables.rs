//! The state as SQL sees it.

use serde_json::json;

use super::support::Story;

const NOW: &str = "
route: {receiver: hook, group_by: [service], group_wait: 0s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'SINK/hook'}]}]
";

#[tokio::test]
async fn one_incident_has_every_alert_of_its_group_from_the_first_to_the_last() {
    let mut story = Story::begin(NOW).await;
    story.fire("alertname=Late,service=sales,severity=page,n=1").await;
    story.run().await;
    story.fire("alertname=Late,service=sales,severity=page,n=2").await;
    story.run().await;
    let incident = story.table("incidents").remove(0);
    let id = incident["incident_id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("INC-20261121-") && id.len() == 17, "{id}");
    assert_eq!((&incident["state"], &incident["alerts"]), (&json!("triggered"), &json!(2)));
    assert_eq!(incident["group_labels"], json!({"service": "sales"}));
    assert_eq!(incident["summary"], "PAGE sales: orders posted late since 10:00 UTC");

    let alerts = story.table("alerts");
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|alert| alert["incident_id"] == id.as_str() && alert["state"] == "firing"));
    assert_eq!(alerts[0]["alertname"], "Late");
    assert_eq!(alerts[0]["labels"]["service"], "sales");
    let notification = story.table("notifications").remove(0);
    assert_eq!(notification["receipt"], "HTTP 200");
    assert_eq!(notification["incident_id"], id.as_str());

    story.advance(60);
    story.resolve("alertname=Late,service=sales,severity=page,n=1").await;
    story.resolve("alertname=Late,service=sales,severity=page,n=2").await;
    story.run().await;
    let incident = story.table("incidents").remove(0);
    assert_eq!(
        (&incident["state"], incident["resolved_at"].as_str()),
        (&json!("resolved"), Some("2026-11-21T10:01:00Z"))
    );

    story.fire("alertname=Late,service=sales,severity=page,n=1").await;
    story.run().await;
    let again = story.table("incidents").remove(0);
    assert_ne!(again["incident_id"], id.as_str());
    assert_eq!(again["state"], "triggered");
}

#[tokio::test]
async fn an_empty_store_has_tables_without_rows() {
    let story = Story::begin(NOW).await;
    for name in ["alerts", "incidents", "notifications", "silences"] {
        assert!(story.table(name).is_empty(), "{name}");
    }
}
