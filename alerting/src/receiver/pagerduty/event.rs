//! A notification as events: what PagerDuty shows of it, cut to what it takes.

use plimsoll_model::Labels;
use serde_json::{Value, json};

use super::details::details;
use crate::config::{PAGERDUTY_SEVERITIES, PagerDutyConfig, PagerDutyIncidents, Wording};
use crate::dispatch::hash_of;
use crate::message;
use crate::notification::{Notification, NotifiedAlert, Purpose};
use crate::receiver::{Parcel, cut};

const MAX_SUMMARY_CHARS: usize = 1024;
const MAX_LABEL_CHARS: usize = 1024;
const MAX_URL_CHARS: usize = 2048;
/// With one incident for each alert, a group of thousands is these and one more for the rest: nobody reads thousands,
/// and PagerDuty takes 120 a minute.
const MAX_SINGLE: usize = 50;

#[derive(Clone, Copy)]
enum Verb {
    Trigger,
    Acknowledge,
    Resolve,
}

pub(super) fn events(
    config: &PagerDutyConfig,
    incidents: PagerDutyIncidents,
    parcel: Parcel<'_>,
) -> Vec<Value> {
    match incidents {
        PagerDutyIncidents::Group => vec![of_group(config, parcel)],
        PagerDutyIncidents::Alert => of_alerts(config, parcel),
    }
}

/// The most urgent alerts each have theirs; whatever is more shares the group's.
fn of_alerts(config: &PagerDutyConfig, parcel: Parcel<'_>) -> Vec<Value> {
    let notification = parcel.notification;
    let single = notification.alerts.iter().filter(|alert| alert.is_firing()).take(MAX_SINGLE);
    let over = notification.alerts.iter().filter(|alert| !alert.is_firing());
    let mut events: Vec<Value> =
        single.chain(over.take(MAX_SINGLE)).map(|alert| of_alert(config, alert, parcel)).collect();
    let rest: Vec<NotifiedAlert> = notification.firing().skip(MAX_SINGLE).cloned().collect();
    if rest.is_empty() {
        // Whatever the group's key may stand for is over; without an incident under it this is dropped.
        if notification.purpose != Purpose::Acknowledge {
            events.push(short(&group_key(notification), Verb::Resolve));
        }
        return events;
    }
    let remainder = Notification { alerts: rest, ..notification.clone() };
    events.push(of_group(config, Parcel { notification: &remainder, ..parcel }));
    events
}

fn of_alert(config: &PagerDutyConfig, alert: &NotifiedAlert, parcel: Parcel<'_>) -> Value {
    let key = hash_of(&[&parcel.notification.group_key, &alert.fingerprint]);
    match verb(parcel.notification, alert.is_firing()) {
        Verb::Trigger => {
            let alone = Notification { alerts: vec![alert.clone()], ..parcel.notification.clone() };
            trigger(config, &key, Parcel { notification: &alone, ..parcel })
        }
        verb => short(&key, verb),
    }
}

fn of_group(config: &PagerDutyConfig, parcel: Parcel<'_>) -> Value {
    let key = group_key(parcel.notification);
    match verb(parcel.notification, parcel.notification.is_firing()) {
        Verb::Trigger => trigger(config, &key, parcel),
        verb => short(&key, verb),
    }
}

/// Alertmanager's own, so that an incident which it opened is resolved by us when a site moves over.
fn group_key(notification: &Notification) -> String {
    hash_of(&[&notification.group_key])
}

fn verb(notification: &Notification, is_firing: bool) -> Verb {
    match (&notification.purpose, is_firing) {
        (_, false) | (Purpose::Resolve, _) => Verb::Resolve,
        (Purpose::Acknowledge, true) => Verb::Acknowledge,
        (_, true) => Verb::Trigger,
    }
}

fn short(key: &str, verb: Verb) -> Value {
    let action = match verb {
        Verb::Trigger => "trigger",
        Verb::Acknowledge => "acknowledge",
        Verb::Resolve => "resolve",
    };
    json!({"event_action": action, "dedup_key": key})
}

fn trigger(config: &PagerDutyConfig, key: &str, parcel: Parcel<'_>) -> Value {
    let notification = parcel.notification;
    let none = Labels::default();
    let labels = notification.alerts.first().map_or(&none, |alert| &alert.labels);
    let said = |wording: &Option<Wording>, otherwise: &dyn Fn() -> String| {
        let text = wording.as_ref().and_then(|text| parcel.say(text));
        text.filter(|text| !text.is_empty()).unwrap_or_else(otherwise)
    };
    let incident = message::incident_url(parcel.public_url, &notification.incident_id);
    let summary = said(&config.description, &|| summary(notification));
    let severity = said(&config.severity, &String::new);
    let severity = PAGERDUTY_SEVERITIES.iter().find(|known| **known == severity.to_lowercase());
    let severity = severity.copied().unwrap_or_else(|| severity_of(labels.get("severity")));
    let first = notification.alerts.iter().map(|alert| alert.starts_at).min();
    let label = |name: &str| labels.get(name).to_owned();
    let short = |text: String| cut(&text, MAX_LABEL_CHARS);
    json!({
        "event_action": "trigger",
        "dedup_key": key,
        "client": short(said(&config.client, &|| "Plimsoll".to_owned())),
        "client_url": cut(&said(&config.client_url, &|| incident.clone()), MAX_URL_CHARS),
        "links": links(config, parcel, &incident),
        "images": images(config, parcel),
        "payload": {
            "summary": cut(&summary, MAX_SUMMARY_CHARS),
            "source": short(said(&config.source, &|| parcel.public_url.to_owned())),
            "severity": severity,
            "timestamp": first.map(|start| start.to_rfc3339()),
            "component": short(said(&config.component, &|| label("service"))),
            "group": short(said(&config.group, &|| notification.group_labels.to_string())),
            "class": short(said(&config.class, &|| label("alertname"))),
            "custom_details": details(config, parcel),
        },
    })
}

fn summary(notification: &Notification) -> String {
    let headline = notification.alerts.first().map(message::headline).unwrap_or_default();
    match &notification.purpose {
        Purpose::InsteadOf { receiver, .. } => format!("{headline} [{receiver} could not be reached]"),
        _ => headline,
    }
}

/// The file's first, then ours: the incident, the runbook, the rule.
fn links(config: &PagerDutyConfig, parcel: Parcel<'_>, incident: &str) -> Vec<Value> {
    let theirs = config.links.iter().filter_map(|link| {
        let href = parcel.say(&link.href)?;
        let text = link.text.as_ref().and_then(|text| parcel.say(text));
        Some((text.unwrap_or_else(|| href.clone()), href))
    });
    let lead = parcel.notification.alerts.first();
    let runbook = lead.and_then(|alert| alert.annotations.get("runbook_url").cloned());
    let rule = lead.map(|alert| alert.generator_url.clone());
    let ours = [("Incident", Some(incident.to_owned())), ("Runbook", runbook), ("Alert", rule)];
    let ours = ours.into_iter().filter_map(|(text, url)| Some((text.to_owned(), url?)));
    theirs
        .chain(ours)
        .filter(|(_, url)| message::is_web_address(url))
        .map(|(text, href)| json!({"href": cut(&href, MAX_URL_CHARS), "text": cut(&text, MAX_LABEL_CHARS)}))
        .collect()
}

fn images(config: &PagerDutyConfig, parcel: Parcel<'_>) -> Vec<Value> {
    let shown = config.images.iter().map(|image| {
        let said = |wording: &Option<Wording>| wording.as_ref().and_then(|text| parcel.say(text));
        let mut shown = json!({"src": parcel.say(&image.src)});
        for (key, text) in [("alt", said(&image.alt)), ("href", said(&image.href))] {
            if let Some(text) = text {
                shown[key] = text.into();
            }
        }
        shown
    });
    shown.filter(|image| image["src"].as_str().is_some_and(message::is_web_address)).collect()
}

fn severity_of(label: &str) -> &'static str {
    match label {
        "page" | "critical" => "critical",
        "error" => "error",
        "info" => "info",
        _ => "warning",
    }
}
