//! PagerDuty Events v2: one PagerDuty incident per group, triggered, updated and resolved under one key.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::{Retry, SendError};
use crate::config::{PagerDutyConfig, Secret};
use crate::dispatch::hash_of;
use crate::message::{self, Message};
use crate::notification::Notification;

const MAX_SUMMARY_CHARS: usize = 1024;
/// The whole event may have 512 kB; these two leave room for the rest.
const MAX_TEXT_CHARS: usize = 32 << 10;
const MAX_LABEL_CHARS: usize = 1024;
/// "Some minutes", says PagerDuty, when it doesn't say how many.
const THROTTLED: Duration = Duration::from_secs(60);

pub(super) async fn send(
    http: &Http,
    config: &PagerDutyConfig,
    notification: &Notification,
    message: &Message,
    public_url: &str,
) -> Result<String, SendError> {
    let key = config.routing_key.read().await.map_err(SendError::retry)?;
    let event = event(&key, config, notification, message, public_url);
    let body = event.to_string().into_bytes();
    let answer = http.post(&Secret::new(config.url.clone()), HeaderMap::new(), body).await?;
    let answer = judge(answer)?;
    Ok(format!("HTTP {}: {}", answer.status.as_u16(), answer.body))
}

/// 429 is asked again, when PagerDuty says; everything else as usual.
fn judge(answer: Answer) -> Result<Answer, SendError> {
    if answer.status != StatusCode::TOO_MANY_REQUESTS {
        return answer.judge();
    }
    let retry = Retry::After(answer.retry_after.unwrap_or(THROTTLED));
    Err(SendError { retry, ..SendError::retry(format!("HTTP 429: {}", answer.body)) })
}

fn event(
    key: &Secret,
    config: &PagerDutyConfig,
    notification: &Notification,
    message: &Message,
    public_url: &str,
) -> Value {
    let dedup_key = hash_of(&[&notification.group_key]);
    if !notification.is_firing() {
        return json!({"routing_key": key.expose(), "event_action": "resolve", "dedup_key": dedup_key});
    }
    let lead = notification.alerts.first();
    let label = |name: &str| -> String {
        let value = lead.map(|alert| alert.labels.get(name)).unwrap_or_default();
        value.chars().take(MAX_LABEL_CHARS).collect()
    };
    let severity = config.severity.clone().unwrap_or_else(|| severity_of(&label("severity")).to_owned());
    let incident = message::incident_url(public_url, &notification.incident_id);
    let summary = lead.map(message::headline).unwrap_or_default();
    json!({
        "routing_key": key.expose(),
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Plimsoll",
        "client_url": incident,
        "links": links(notification, &incident),
        "payload": {
            "summary": cut(&summary, MAX_SUMMARY_CHARS),
            "source": public_url,
            "severity": severity,
            "timestamp": notification.alerts.iter().map(|alert| alert.starts_at).min().map(|start| start.to_rfc3339()),
            "component": label("service"),
            "group": cut(&notification.group_labels.to_string(), MAX_LABEL_CHARS),
            "class": label("alertname"),
            "custom_details": {
                "incident": notification.incident_id,
                "firing": notification.firing().count(),
                "reason": notification.reason,
                "text": cut(&message.text, MAX_TEXT_CHARS),
            },
        },
    })
}

fn links(notification: &Notification, incident: &str) -> Vec<Value> {
    let lead = notification.alerts.first();
    let runbook = lead.and_then(|alert| alert.annotations.get("runbook_url"));
    let rule = lead.map(|alert| &alert.generator_url);
    let named = [("Runbook", runbook), ("Alert", rule)];
    let others = named.into_iter().filter_map(|(text, url)| Some((text, url?.as_str())));
    std::iter::once(("Incident", incident))
        .chain(others.filter(|(_, url)| message::is_web_address(url)))
        .map(|(text, href)| json!({"href": cut(href, MAX_LABEL_CHARS * 2), "text": text}))
        .collect()
}

fn severity_of(label: &str) -> &'static str {
    match label {
        "page" | "critical" => "critical",
        "error" => "error",
        "info" => "info",
        _ => "warning",
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretSource;
    use crate::message::samples;

    fn event_of(notification: &Notification) -> Value {
        let key = Secret::new("R".repeat(32));
        let config = PagerDutyConfig {
            routing_key: SecretSource::Inline(key.clone()),
            url: String::new(),
            severity: None,
        };
        let url = "http://127.0.0.1:8088";
        event(&key, &config, notification, &message::render(notification, url), url)
    }

    #[test]
    fn a_page_is_a_critical_trigger_with_links() {
        let event = event_of(&samples::firing());
        assert_eq!(event["event_action"], "trigger");
        assert_eq!(event["payload"]["severity"], "critical");
        assert_eq!(event["payload"]["component"], "sales");
        assert_eq!(
            event["payload"]["summary"],
            "PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk)"
        );
        assert_eq!(event["payload"]["timestamp"], "2026-11-21T10:02:00.000Z");
        assert_eq!(event["links"][1]["href"], "https://wiki.example.org/late-orders");
        assert_eq!(event["client_url"], "http://127.0.0.1:8088/incidents/INC-20261121-7f3a");
    }

    #[test]
    fn the_resolve_has_the_key_of_its_trigger_and_nothing_else() {
        let (trigger, resolve) = (event_of(&samples::firing()), event_of(&samples::resolved()));
        assert_eq!(resolve["event_action"], "resolve");
        assert_eq!(resolve["dedup_key"], trigger["dedup_key"]);
        assert_eq!(resolve["dedup_key"].as_str().map(str::len), Some(64));
        assert_eq!(resolve.as_object().map(serde_json::Map::len), Some(3));
    }

    #[test]
    fn the_longest_summary_fits() {
        let mut notification = samples::firing();
        notification.alerts[0].annotations.insert("summary".to_owned(), "ü".repeat(5000));
        let event = event_of(&notification);
        assert!(event["payload"]["summary"].as_str().expect("text").chars().count() <= 1024);
        assert!(event.to_string().len() < 512 << 10);
    }
}
