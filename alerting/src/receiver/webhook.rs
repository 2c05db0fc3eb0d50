//! The generic webhook: Alertmanager's JSON, version 4, which dozens of tools read.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Serialize;

use super::http::{Http, Post, Scrub};
use super::{Parcel, SendError};
use crate::config::WebhookConfig;
use crate::notification::{Notification, NotifiedAlert, Purpose};

/// What a receiver can recognise a repetition by, under our name and under the one that many tools know.
const DELIVERY: &str = "x-plimsoll-delivery";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// `second-channel` or `test`, where it is one.
const PURPOSE: &str = "x-plimsoll-purpose";
/// Go's zero time, which the field holds while an alert fires.
const NO_END: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    receiver: &'a str,
    status: &'static str,
    alerts: Vec<PayloadAlert<'a>>,
    #[serde(rename = "notification_reason")]
    notification_reason: &'static str,
    group_labels: &'a Labels,
    common_labels: Labels,
    common_annotations: BTreeMap<&'a str, &'a str>,
    route_labels: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadAlert<'a> {
    status: &'static str,
    labels: &'a Labels,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: &'a str,
}

pub(super) async fn send(
    http: &Http,
    config: &WebhookConfig,
    parcel: Parcel<'_>,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let notification = parcel.notification;
    let url = config.url.read().await.map_err(SendError::retry)?;
    let body = serde_json::to_vec(&payload(notification, config.max_alerts, parcel.public_url))
        .map_err(|error| SendError::give_up(error.to_string()))?;
    let post = Post {
        headers: headers(notification)?,
        timeout: parcel.timeout,
        ..Post::json(&config.http, &url, body, parcel.now)
    };
    let answer = http.post(post, scrub).await?.judge(scrub)?;
    Ok(format!("HTTP {}", answer.status.as_u16()))
}

/// The same for every try, so that a receiver can drop what it has had; and why it comes this way.
fn headers(notification: &Notification) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).map_err(|error| SendError::give_up(error.to_string()))?;
        headers.insert(name, value);
        Ok::<(), SendError>(())
    };
    set(DELIVERY, &notification.id)?;
    set(IDEMPOTENCY_KEY, &notification.id)?;
    match &notification.purpose {
        Purpose::InsteadOf { .. } => set(PURPOSE, "second-channel")?,
        Purpose::Test => set(PURPOSE, "test")?,
        Purpose::Tell | Purpose::Acknowledge | Purpose::Resolve => {}
    }
    Ok(headers)
}

/// `max_alerts` of 0 is no limit.
fn payload<'a>(notification: &'a Notification, max_alerts: usize, public_url: &'a str) -> Payload<'a> {
    let shown = if max_alerts == 0 { notification.alerts.len() } else { max_alerts };
    Payload {
        receiver: &notification.receiver,
        status: status(notification.is_firing()),
        alerts: notification.alerts.iter().take(shown).map(payload_alert).collect(),
        notification_reason: notification.reason.as_str(),
        group_labels: &notification.group_labels,
        common_labels: notification.common_labels(),
        common_annotations: notification.common_annotations(),
        route_labels: BTreeMap::new(),
        external_url: public_url,
        version: "4",
        group_key: &notification.group_key,
        truncated_alerts: notification.alerts.len().saturating_sub(shown),
    }
}

fn payload_alert(alert: &NotifiedAlert) -> PayloadAlert<'_> {
    PayloadAlert {
        status: status(alert.is_firing()),
        labels: &alert.labels,
        annotations: &alert.annotations,
        starts_at: alert.starts_at.to_rfc3339(),
        ends_at: alert.resolved_at.map_or_else(|| NO_END.to_owned(), Timestamp::to_rfc3339),
        generator_url: &alert.generator_url,
        fingerprint: &alert.fingerprint,
    }
}

const fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::samples;

    #[test]
    fn the_payload_is_alertmanagers() {
        let notification = samples::firing();
        let payload = payload(&notification, 0, "http://127.0.0.1:8088");
        let mut value = serde_json::to_value(payload).expect("serializes");
        let annotations = value["alerts"][0]["annotations"].take();
        assert_eq!(annotations["summary"], "41 orders posted late");
        assert_eq!(value["commonAnnotations"].take(), annotations);
        let labels = json!({
            "alertname": "OrdersPostedLate", "service": "sales", "severity": "page", "warehouse": "WH1",
        });
        let expected = json!({
            "version": "4",
            "groupKey": "{}/{severity=\"page\"}:{service=\"sales\"}",
            "truncatedAlerts": 0,
            "receiver": "on-call",
            "status": "firing",
            "notification_reason": "first notification",
            "groupLabels": {"service": "sales"},
            "commonLabels": labels,
            "commonAnnotations": null,
            "routeLabels": {},
            "externalURL": "http://127.0.0.1:8088",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": null,
                "startsAt": "2026-11-21T10:02:00.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://127.0.0.1:8088/rules/OrdersPostedLate",
                "fingerprint": "a1",
            }],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn max_alerts_cuts_and_says_how_many() {
        let notification = samples::three_firing();
        let payload = payload(&notification, 2, "");
        assert_eq!((payload.alerts.len(), payload.truncated_alerts), (2, 1));
    }
}
