//! Two sequences of webhooks, compared by receiver and group: what they say, of which alerts, and when.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scripted_sink::Taken;
use super::timeline::{Case, Secs};
use crate::harness::Beginning;

/// A webhook in which times are seconds from the timeline's beginning.
#[derive(Clone, Debug)]
pub(super) struct Message {
    receiver: String,
    at: Secs,
    /// What has to be the same to the letter.
    said: Value,
    /// By fingerprint; start and end apart, since each side says "now" by itself.
    alerts: BTreeMap<String, (Value, Secs, Option<Secs>)>,
    /// Fingerprints, as they stood.
    order: Vec<String>,
}

/// What came of a comparison.
#[derive(Debug)]
pub(super) enum Outcome {
    Same { alerts_stand_alike: bool },
    Different { ours: Vec<String>, theirs: Vec<String>, why: String },
}

impl Message {
    pub(super) fn read(taken: &Taken, began: Beginning, case: &Case) -> Self {
        let body = &taken.body;
        let mut said = serde_json::Map::new();
        for name in [
            "version",
            "groupKey",
            "truncatedAlerts",
            "receiver",
            "status",
            "groupLabels",
            "commonLabels",
            "commonAnnotations",
        ] {
            said.insert(name.to_owned(), body[name].clone());
        }
        let (mut alerts, mut order) = (BTreeMap::new(), Vec::new());
        for alert in body["alerts"].as_array().expect("a list") {
            let text = |name: &str| alert[name].as_str().unwrap_or_else(|| panic!("no {name} in {alert}"));
            let mut rest = alert.clone();
            rest["startsAt"] = Value::Null;
            rest["endsAt"] = Value::Null;
            let ends = Some(text("endsAt")).filter(|end| !end.starts_with("0001-"));
            let times = (began.secs_until(text("startsAt")), ends.map(|end| began.secs_until(end)));
            order.push(text("fingerprint").to_owned());
            alerts.insert(text("fingerprint").to_owned(), (rest, times.0, times.1));
        }
        let receiver = taken.receiver.strip_prefix(&case.receiver("")).expect("of this case").to_owned();
        Self { receiver, at: taken.at, said: said.into(), alerts, order }
    }

    /// `main firing +A +B -C`: what fires and what has ended.
    fn line(&self) -> String {
        let mut names: Vec<String> = self
            .alerts
            .values()
            .map(|(alert, _, _)| {
                let sign = if alert["status"] == "firing" { '+' } else { '-' };
                let mut name = format!("{sign}{}", alert["labels"]["alertname"].as_str().unwrap_or("?"));
                for (label, value) in alert["labels"].as_object().into_iter().flatten() {
                    if !["alertname", "case"].contains(&label.as_str()) {
                        name += &format!(",{label}={}", value.as_str().unwrap_or("?"));
                    }
                }
                name
            })
            .collect();
        names.sort();
        format!("{} {} {}", self.receiver, self.said["status"].as_str().unwrap_or("?"), names.join(" "))
    }

    /// Why the two are not the same.
    fn differs_from(&self, other: &Self, tolerance: Secs) -> Option<String> {
        let apart = |ours: Secs, theirs: Secs| (ours - theirs).abs() > tolerance;
        if self.said != other.said {
            return Some(format!("{} against {}", self.said, other.said));
        }
        if self.alerts.keys().ne(other.alerts.keys()) {
            return Some(format!("alerts {} against {}", self.line(), other.line()));
        }
        for (fingerprint, ours) in &self.alerts {
            let theirs = &other.alerts[fingerprint];
            let ends_apart = match (ours.2, theirs.2) {
                (Some(ours), Some(theirs)) => apart(ours, theirs),
                (ours, theirs) => ours.is_some() != theirs.is_some(),
            };
            if ours.0 != theirs.0 || apart(ours.1, theirs.1) || ends_apart {
                return Some(format!("{ours:?} against {theirs:?}"));
            }
        }
        apart(self.at, other.at).then(|| format!("{} at {:.2} against {:.2}", self.line(), self.at, other.at))
    }
}

pub(super) fn compare(ours: &[Message], theirs: &[Message], tolerance: Secs) -> Outcome {
    let (our_groups, their_groups) = (by_group(ours), by_group(theirs));
    let mut alerts_stand_alike = true;
    let mut why = None;
    for key in our_groups.keys().chain(their_groups.keys()) {
        let none = Vec::new();
        let (ours, theirs) = (our_groups.get(key).unwrap_or(&none), their_groups.get(key).unwrap_or(&none));
        if ours.len() != theirs.len() {
            why = why.or_else(|| Some(format!("{key:?}: {} messages against {}", ours.len(), theirs.len())));
        }
        for (ours, theirs) in ours.iter().zip(theirs) {
            why = why.or_else(|| ours.differs_from(theirs, tolerance));
            alerts_stand_alike &= ours.order == theirs.order;
        }
    }
    match why {
        None => Outcome::Same { alerts_stand_alike },
        Some(why) => Outcome::Different { ours: lines(ours), theirs: lines(theirs), why },
    }
}

fn by_group(messages: &[Message]) -> BTreeMap<(String, String), Vec<&Message>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let key = (message.receiver.clone(), message.said["groupKey"].as_str().unwrap_or("?").to_owned());
        groups.entry(key).or_default().push(message);
    }
    groups
}

/// Those of one group keep their order, groups stand one after the other.
fn lines(messages: &[Message]) -> Vec<String> {
    by_group(messages)
        .into_values()
        .flatten()
        .map(|message| format!("{:.0}s {}", message.at, message.line()))
        .collect()
}
