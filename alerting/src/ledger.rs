//! How decisions about notifications are written down: one row an alert, because people ask about alerts.

use plimsoll_model::{Decision, Stage, Timestamp};
use serde_json::json;

use crate::merge::StoredAlert;
use crate::notification::Notification;

/// A group of hundreds is one notification; its first alerts stand for the rest.
const MAX_ALERTS: usize = 50;

pub(crate) fn record_of(
    notification: &Notification,
    integration: &str,
    outcome: &str,
    reason: &str,
    now: Timestamp,
) -> Vec<Decision> {
    let details = json!({
        "notification_id": notification.id,
        "integration": integration,
        "group_key": notification.group_key,
        "notification_reason": notification.reason,
        "alerts": notification.alerts.len(),
    });
    let decision = |fingerprint: &str| Decision {
        time: now,
        stage: Stage::Send,
        fingerprint: fingerprint.to_owned(),
        incident_id: Some(notification.incident_id.clone()),
        receiver: Some(notification.receiver.clone()),
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        details: details.to_string(),
    };
    if notification.alerts.is_empty() {
        return vec![decision("")];
    }
    notification.alerts.iter().take(MAX_ALERTS).map(|alert| decision(&alert.fingerprint)).collect()
}

pub(crate) fn suppressed(alert: &StoredAlert, receiver: &str, reason: &str, now: Timestamp) -> Decision {
    Decision {
        time: now,
        stage: Stage::Send,
        fingerprint: alert.fingerprint.clone(),
        incident_id: alert.incident_id.clone(),
        receiver: Some(receiver.to_owned()),
        outcome: "suppressed".to_owned(),
        reason: reason.to_owned(),
        details: json!({"labels": alert.alert.labels}).to_string(),
    }
}
