//! The instances of one rule, and the ledger's word about each change: what a restart needs to go on stands there.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::{Alert, Decision, DecisionLedger, Labels, Stage, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::instance::{Change, Instance, State, Timing};

#[derive(Debug)]
pub(crate) struct Instances {
    /// `slo/NAME` or `alert/GROUP/NAME{LABELS}`: to whom instances belong after a restart.
    pub(crate) rule: String,
    pub(crate) interval: Duration,
    pub(crate) generator_url: String,
    by_labels: BTreeMap<Labels, Instance>,
    /// What the latest look at each said in numbers.
    facts: BTreeMap<Labels, Value>,
    /// When something was last written down about each.
    written_at: BTreeMap<Labels, Timestamp>,
}

/// While an alert is pending or fires, its numbers are written down this often.
const EVERY: Duration = Duration::from_secs(60);

/// An instance as `details` of a decision keep it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) rule: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    active_at: i64,
    began: i64,
    resolved_at: Option<i64>,
    generator_url: String,
    /// The numbers of the moment, for whoever asks why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<Value>,
}

impl Instances {
    pub(crate) fn new(rule: String, interval: Duration, generator_url: String) -> Self {
        let (by_labels, facts, written_at) = Default::default();
        Self { rule, interval, generator_url, by_labels, facts, written_at }
    }

    pub(crate) fn restore(&mut self, instance: Instance) {
        self.by_labels.insert(instance.labels.clone(), instance);
    }

    /// Takes over what is left of a rule of the same name.
    pub(crate) fn inherit(&mut self, left: &mut BTreeMap<String, Self>) {
        if let Some(former) = left.remove(&self.rule) {
            self.by_labels = former.by_labels;
            self.facts = former.facts;
            self.written_at = former.written_at;
        }
    }

    pub(crate) fn get(&self, labels: &Labels) -> Option<&Instance> {
        self.by_labels.get(labels)
    }

    pub(crate) fn get_mut(&mut self, labels: &Labels) -> Option<&mut Instance> {
        self.by_labels.get_mut(labels)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instance> {
        self.by_labels.values()
    }

    /// The condition holds for these labels.
    pub(crate) fn met(&mut self, labels: &Labels, timing: Timing, now: Timestamp) -> Option<Change> {
        if let Some(instance) = self.by_labels.get_mut(labels) {
            return instance.met(timing, now);
        }
        let mut instance = Instance::begin(labels.clone(), now);
        let change = instance.met(timing, now).unwrap_or(Change::Pending);
        self.by_labels.insert(labels.clone(), instance);
        Some(change)
    }

    /// The condition holds for these only; whatever else is active has cleared. Changes are written down.
    pub(crate) fn clear_others(
        &mut self,
        held: &[Labels],
        timing: Timing,
        reason: &str,
        ledger: &dyn DecisionLedger,
        now: Timestamp,
    ) {
        let others: Vec<Labels> =
            self.by_labels.keys().filter(|labels| !held.contains(labels)).cloned().collect();
        for labels in others {
            let change = self.by_labels.get_mut(&labels).and_then(|instance| instance.cleared(timing, now));
            if let Some(change) = change {
                self.record(&labels, change, reason, ledger, now);
            }
            if change == Some(Change::Dropped) {
                self.by_labels.remove(&labels);
            }
        }
        self.by_labels.retain(|_, instance| !instance.is_forgotten(now));
        self.facts.retain(|labels, _| self.by_labels.contains_key(labels));
        self.written_at.retain(|labels, _| self.by_labels.contains_key(labels));
    }

    /// What is known of these labels now, for the decisions about them.
    pub(crate) fn know(&mut self, labels: &Labels, facts: Value) {
        self.facts.insert(labels.clone(), facts);
    }

    /// Writes down what goes on without a change, once a minute.
    pub(crate) fn remind(
        &mut self,
        labels: &Labels,
        reason: &str,
        ledger: &dyn DecisionLedger,
        now: Timestamp,
    ) {
        let outcome = match self.by_labels.get(labels).map(|instance| instance.state) {
            Some(State::Pending) => "still pending",
            Some(State::Firing) => "still firing",
            Some(State::Resolved { .. }) | None => return,
        };
        if self.written_at.get(labels).is_none_or(|at| now.since(*at) >= EVERY) {
            self.write(labels, outcome, reason, ledger, now);
        }
    }

    pub(crate) fn record(
        &mut self,
        labels: &Labels,
        change: Change,
        reason: &str,
        ledger: &dyn DecisionLedger,
        now: Timestamp,
    ) {
        tracing::info!(rule = %self.rule, fingerprint = %labels.fingerprint(), state = change.as_str(), "alert changed state");
        self.write(labels, change.as_str(), reason, ledger, now);
    }

    fn write(
        &mut self,
        labels: &Labels,
        outcome: &str,
        reason: &str,
        ledger: &dyn DecisionLedger,
        now: Timestamp,
    ) {
        let Some(instance) = self.by_labels.get(labels) else { return };
        let details = serde_json::to_string(&self.remember(instance)).unwrap_or_default();
        self.written_at.insert(labels.clone(), now);
        ledger.record(decision(labels, outcome, reason, details, now));
    }

    pub(crate) fn alerts(&self, now: Timestamp) -> impl Iterator<Item = Alert> {
        self.by_labels
            .values()
            .filter(move |instance| !instance.is_forgotten(now))
            .filter_map(move |instance| instance.alert(now, self.interval, &self.generator_url))
    }

    fn remember(&self, instance: &Instance) -> Remembered {
        let resolved_at = match instance.state {
            State::Resolved { at } => Some(at.nanos()),
            State::Pending | State::Firing => None,
        };
        Remembered {
            rule: self.rule.clone(),
            labels: instance.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            annotations: instance.annotations.clone(),
            active_at: instance.active_at.nanos(),
            began: instance.began.nanos(),
            resolved_at,
            generator_url: self.generator_url.clone(),
            facts: self.facts.get(&instance.labels).cloned(),
        }
    }
}

/// What burns and is no alert, with the guard that holds it back.
pub(crate) fn near_miss(
    rule: &str,
    labels: &Labels,
    reason: &str,
    facts: &Value,
    now: Timestamp,
) -> Decision {
    let details = json!({"rule": rule, "labels": labels, "facts": facts}).to_string();
    decision(labels, "waiting", reason, details, now)
}

fn decision(labels: &Labels, outcome: &str, reason: &str, details: String, now: Timestamp) -> Decision {
    Decision {
        time: now,
        stage: Stage::Rule,
        fingerprint: labels.fingerprint().to_string(),
        incident_id: None,
        receiver: None,
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        details,
    }
}

impl Remembered {
    /// The instance in the state that the decision's outcome named; `None` for an outcome that leaves nothing.
    pub(crate) fn instance(self, outcome: &str) -> Option<(String, String, Instance)> {
        let state = match (outcome, self.resolved_at) {
            ("pending", _) => State::Pending,
            ("firing", _) => State::Firing,
            ("resolved", Some(at)) => State::Resolved { at: Timestamp::from_nanos(at) },
            _ => return None,
        };
        let instance = Instance {
            labels: self.labels.into_iter().collect(),
            annotations: self.annotations,
            state,
            active_at: Timestamp::from_nanos(self.active_at),
            began: Timestamp::from_nanos(self.began),
            keep_firing_since: None,
            former: None,
        };
        Some((self.rule, self.generator_url, instance))
    }
}

/// Says once that a rule can't be evaluated, and once that it can again.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<String>);

impl Trouble {
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(crate) fn set(
        &mut self,
        rule: &str,
        error: Option<String>,
        ledger: &dyn DecisionLedger,
        now: Timestamp,
    ) {
        let outcome = match (&self.0, &error) {
            (None, Some(_)) => "error",
            (Some(_), None) => "recovered",
            _ => return self.0 = error,
        };
        let reason = error.clone().unwrap_or_else(|| "the query answers again".to_owned());
        if error.is_some() {
            tracing::warn!(rule, error = %reason, "rule can't be evaluated, its alerts are held as they are");
        } else {
            tracing::info!(rule, "rule is evaluated again");
        }
        ledger.record(Decision {
            time: now,
            stage: Stage::Rule,
            fingerprint: rule.to_owned(),
            incident_id: None,
            receiver: None,
            outcome: outcome.to_owned(),
            reason,
            details: serde_json::json!({ "rule": rule }).to_string(),
        });
        self.0 = error;
    }
}
