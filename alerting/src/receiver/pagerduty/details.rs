//! `custom_details`: the four that Alertmanager's users know, ours, and the file's. An event may have 512 kB; longer
//! texts are cut, and never dropped as a whole.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::PagerDutyConfig;
use crate::notification::{NotifiedAlert, Purpose};
use crate::receiver::Parcel;

/// As JSON; the rest of an event is some ten kB.
const MAX_BYTES: usize = 400 << 10;
const CUT: &str = "... (cut)";

pub(super) fn details(config: &PagerDutyConfig, parcel: Parcel<'_>) -> Value {
    let notification = parcel.notification;
    let firing: Vec<_> = notification.firing().collect();
    let resolved: Vec<_> = notification.alerts.iter().filter(|alert| !alert.is_firing()).collect();
    let mut texts = BTreeMap::from([
        ("firing".to_owned(), instances(&firing)),
        ("resolved".to_owned(), instances(&resolved)),
        ("num_firing".to_owned(), firing.len().to_string()),
        ("num_resolved".to_owned(), resolved.len().to_string()),
        ("incident".to_owned(), notification.incident_id.clone()),
        ("reason".to_owned(), notification.reason.as_str().to_owned()),
        ("text".to_owned(), parcel.message.text.clone()),
    ]);
    if let Purpose::InsteadOf { receiver, integration, why, .. } = &notification.purpose {
        texts.insert("instead_of".to_owned(), format!("{receiver}, {integration}: {why}"));
    }
    let theirs = config.details.iter();
    texts.extend(theirs.filter_map(|(name, text)| Some((name.clone(), parcel.say(text)?))));
    json!(bounded(texts))
}

/// As the template `pagerduty.default.instances` has it.
fn instances(alerts: &[&NotifiedAlert]) -> String {
    let mut out = String::new();
    for alert in alerts {
        out.push_str("Labels:\n");
        for (name, value) in alert.labels.iter() {
            writeln!(out, " - {name} = {value}").expect("a string takes everything");
        }
        out.push_str("Annotations:\n");
        for (name, value) in &alert.annotations {
            writeln!(out, " - {name} = {value}").expect("a string takes everything");
        }
        writeln!(out, "Source: {}", alert.generator_url).expect("a string takes everything");
        if out.len() > MAX_BYTES {
            break;
        }
    }
    out
}

/// The longest is halved until all fit.
fn bounded(mut texts: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let size = |text: &str| Value::from(text).to_string().len() + 4;
    loop {
        let total: usize = texts.iter().map(|(name, text)| size(name) + size(text)).sum();
        let Some(longest) = texts.values_mut().max_by_key(|text| size(text)) else { return texts };
        if total <= MAX_BYTES || longest.len() <= CUT.len() {
            return texts;
        }
        let half = longest.chars().count() / 2;
        *longest = longest.chars().take(half).chain(CUT.chars()).collect();
    }
}
