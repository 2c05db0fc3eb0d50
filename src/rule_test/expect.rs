//! What a test expects, held against what happened. A difference says what was expected, what came, and why: the latest
//! decisions about the alert.

use std::collections::BTreeMap;

use anyhow::Context;
use plimsoll_alerting::{DeliveredAlert, Delivery};
use plimsoll_model::{Labels, Timestamp};
use plimsoll_query::{Param, QueryEngine};
use plimsoll_rules::instance::{Instance, State};
use serde_json::Value;

use super::Seen;
use super::file::{
    AlertCheck, Case, ExpectedAlert, ExpectedNotification, ExpectedState, ExpectedStatus, NotificationCheck,
};
use super::moments::moment;

/// Decisions that a failure quotes.
const QUOTED: usize = 5;

/// A test's checks in the order of their moments.
#[derive(Debug)]
pub(super) struct Checks<'a> {
    alerts: Vec<(Timestamp, &'a AlertCheck)>,
    notifications: Vec<(Timestamp, &'a NotificationCheck)>,
    /// Deliveries that an earlier check has looked at.
    looked_at: usize,
    end: Timestamp,
}

/// The state of things at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed<'a> {
    pub(super) instances: &'a [Instance],
    /// Since the start.
    pub(super) deliveries: &'a [Delivery],
    pub(super) now: Timestamp,
}

impl<'a> Checks<'a> {
    pub(super) fn of(case: &'a Case, start: Timestamp) -> anyhow::Result<Self> {
        let at = |text: &str| -> anyhow::Result<Timestamp> {
            let at = moment(text, start).context("`eval_time`")?;
            anyhow::ensure!(at >= start, "`eval_time: {text}` lies before the start");
            Ok(at)
        };
        let alerts = case.alert_rule_test.iter().map(|check| Ok((at(&check.eval_time)?, check)));
        let mut alerts = alerts.collect::<anyhow::Result<Vec<_>>>()?;
        let notifications = case.notification_test.iter().map(|check| Ok((at(&check.eval_time)?, check)));
        let mut notifications = notifications.collect::<anyhow::Result<Vec<_>>>()?;
        alerts.sort_by_key(|(at, _)| *at);
        notifications.sort_by_key(|(at, _)| *at);
        let ends = [alerts.last().map(|(at, _)| *at), notifications.last().map(|(at, _)| *at)];
        let end = ends.into_iter().flatten().max();
        let end = end.context("it expects nothing: write `alert_rule_test` or `notification_test`")?;
        Ok(Self { alerts, notifications, looked_at: 0, end })
    }

    /// When the last check is.
    pub(super) fn end(&self) -> Timestamp {
        self.end
    }

    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let of_alerts = self.alerts.iter().map(|(at, _)| *at);
        of_alerts.chain(self.notifications.iter().map(|(at, _)| *at))
    }

    /// What differs at this moment.
    pub(super) async fn at(&mut self, observed: &Observed<'_>, engine: &QueryEngine) -> Vec<String> {
        let mut failures = Vec::new();
        for (_, check) in self.alerts.iter().filter(|(at, _)| *at == observed.now) {
            if let Some(mut failure) = alerts_differ(check, observed) {
                why(&mut failure, &check.alertname, engine).await;
                failures.push(failure);
            }
        }
        for (_, check) in self.notifications.iter().filter(|(at, _)| *at == observed.now) {
            let looked_at = std::mem::replace(&mut self.looked_at, observed.deliveries.len());
            let since = observed.deliveries.get(looked_at..).unwrap_or_default();
            failures.extend(notifications_differ(check, since, observed.now));
        }
        failures
    }

    /// For `exactly`: alerts that fired and notifications that left without being expected anywhere.
    pub(super) async fn nothing_else(&self, seen: &Seen, engine: &QueryEngine) -> Vec<String> {
        let mut failures = Vec::new();
        let expected = |labels: &Labels| {
            let checks = self.alerts.iter().filter(|(_, check)| check.alertname == labels.get("alertname"));
            checks.flat_map(|(_, check)| &check.exp_alerts).any(|alert| has(labels, &alert.exp_labels))
        };
        for (labels, at) in seen.fired.iter().filter(|(labels, _)| !expected(labels)) {
            let mut failure = format!("exactly: nothing expects {labels}, which fired at {at}");
            why(&mut failure, labels.get("alertname"), engine).await;
            failures.push(failure);
        }
        if !self.notifications.is_empty() {
            let after = seen.deliveries.get(self.looked_at..).unwrap_or_default();
            failures.extend(after.iter().map(|sent| format!("exactly: nothing expects {}", told(sent))));
        }
        failures
    }
}

fn has(labels: &Labels, expected: &BTreeMap<String, String>) -> bool {
    expected.iter().all(|(name, value)| labels.get(name) == value)
}

fn is_in(state: State, expected: ExpectedState) -> bool {
    match expected {
        ExpectedState::Pending => state == State::Pending,
        ExpectedState::Firing => state == State::Firing,
        ExpectedState::Resolved => matches!(state, State::Resolved { .. }),
        ExpectedState::Inactive => false,
    }
}

/// Every expected alert is there, and nothing of its name fires besides. Pending and resolved ones may be there unasked.
fn alerts_differ(check: &AlertCheck, observed: &Observed<'_>) -> Option<String> {
    let named = |instance: &&Instance| {
        instance.labels.get("alertname") == check.alertname && has(&instance.labels, &check.labels)
    };
    let mut there: Vec<&Instance> = observed.instances.iter().filter(named).collect();
    let all = there.clone();
    let mut missing = Vec::new();
    for expected in check.exp_alerts.iter().filter(|expected| expected.state == ExpectedState::Inactive) {
        let is_active = |it: &&Instance| it.is_active() && has(&it.labels, &expected.exp_labels);
        missing.extend(there.iter().any(is_active).then_some(expected));
    }
    for expected in check.exp_alerts.iter().filter(|expected| expected.state != ExpectedState::Inactive) {
        match there.iter().position(|instance| fits(instance, expected)) {
            Some(found) => drop(there.swap_remove(found)),
            None => missing.push(expected),
        }
    }
    there.retain(|instance| instance.state == State::Firing);
    if missing.is_empty() && there.is_empty() {
        return None;
    }
    let mut failure = format!("at {} ({}): {}", check.eval_time, observed.now, check.alertname);
    if check.exp_alerts.is_empty() {
        failure.push_str("\n  expected: nothing fires");
    }
    for expected in &check.exp_alerts {
        let sign = if missing.iter().any(|one| std::ptr::eq(*one, expected)) { "-" } else { " " };
        line(&mut failure, &format!("{sign} expected: {}", asked(expected)));
    }
    for instance in &all {
        let sign = if there.iter().any(|one| std::ptr::eq(*one, *instance)) { "+" } else { " " };
        line(&mut failure, &format!("{sign} got:      {}", stated(instance)));
        for annotation in annotations_in_question(check, instance) {
            line(&mut failure, &format!("              {annotation}"));
        }
    }
    if all.is_empty() {
        line(&mut failure, "+ got:      nothing of that name");
    }
    Some(failure)
}

fn fits(instance: &Instance, expected: &ExpectedAlert) -> bool {
    let says = |(name, part): (&String, &String)| {
        instance.annotations.get(name).is_some_and(|text| text.contains(part.as_str()))
    };
    is_in(instance.state, expected.state)
        && has(&instance.labels, &expected.exp_labels)
        && expected.exp_annotations.iter().all(says)
}

fn annotations_in_question(check: &AlertCheck, instance: &Instance) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> =
        check.exp_alerts.iter().flat_map(|alert| alert.exp_annotations.keys()).collect();
    let says =
        |name: &&String| format!("{name}: {:?}", instance.annotations.get(*name).map_or("", String::as_str));
    names.iter().map(says).collect()
}

fn asked(expected: &ExpectedAlert) -> String {
    let state = match expected.state {
        ExpectedState::Pending => "pending",
        ExpectedState::Firing => "firing",
        ExpectedState::Resolved => "resolved",
        ExpectedState::Inactive => "neither pending nor firing",
    };
    let labels: Labels =
        expected.exp_labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut text = format!("{state} {labels}");
    for (name, part) in &expected.exp_annotations {
        text.push_str(&format!(", {name} contains {part:?}"));
    }
    text
}

fn stated(instance: &Instance) -> String {
    let state = match instance.state {
        State::Pending => format!("pending since {}", instance.active_at),
        State::Firing => format!("firing since {}", instance.active_at),
        State::Resolved { at } => format!("resolved at {at}"),
    };
    format!("{} {state}", instance.labels)
}

fn notifications_differ(check: &NotificationCheck, sent: &[Delivery], now: Timestamp) -> Option<String> {
    let mut there: Vec<&Delivery> = sent.iter().collect();
    let mut missing = Vec::new();
    for expected in &check.exp_notifications {
        match there.iter().position(|sent| tells(sent, expected)) {
            Some(found) => drop(there.swap_remove(found)),
            None => missing.push(expected),
        }
    }
    if missing.is_empty() && there.is_empty() {
        return None;
    }
    let mut failure = format!("notifications up to {} ({now})", check.eval_time);
    for expected in missing {
        line(&mut failure, &format!("- expected: {expected:?}"));
    }
    for sent in there {
        line(&mut failure, &format!("+ got:      {}", told(sent)));
    }
    if sent.is_empty() {
        line(&mut failure, "+ got:      none");
    }
    Some(failure)
}

fn tells(sent: &Delivery, expected: &ExpectedNotification) -> bool {
    let status = if sent.firing { ExpectedStatus::Firing } else { ExpectedStatus::Resolved };
    sent.receiver == expected.receiver
        && expected.status.is_none_or(|expected| expected == status)
        && expected.reason.as_ref().is_none_or(|reason| reason == sent.reason)
        && expected.text.as_ref().is_none_or(|part| sent.text.contains(part.as_str()))
        && has(&sent.group_labels, &expected.group)
        && alerts_fit(&sent.alerts, &expected.alerts)
}

fn alerts_fit(alerts: &[DeliveredAlert], expected: &[BTreeMap<String, String>]) -> bool {
    if expected.is_empty() {
        return true;
    }
    let mut rest: Vec<&DeliveredAlert> = alerts.iter().collect();
    let found = expected.iter().all(|labels| {
        let at = rest.iter().position(|alert| has(&alert.labels, labels));
        at.map(|at| rest.swap_remove(at)).is_some()
    });
    found && rest.is_empty()
}

fn told(sent: &Delivery) -> String {
    let status = if sent.firing { "firing" } else { "resolved" };
    let alerts: Vec<String> = sent.alerts.iter().map(|alert| alert.labels.to_string()).collect();
    format!(
        "{} to {} ({}), {status}, {}, group {}: {}",
        sent.at,
        sent.receiver,
        sent.integration,
        sent.reason,
        sent.group_labels,
        alerts.join("; ")
    )
}

fn line(text: &mut String, line: &str) {
    text.push_str("\n  ");
    text.push_str(line);
}

/// The latest decisions about alerts of this name, in the ledger's words.
async fn why(failure: &mut String, alertname: &str, engine: &QueryEngine) {
    let sql = format!(
        "SELECT time, stage, outcome, reason FROM decisions \
         WHERE details LIKE $1 OR fingerprint LIKE $2 ORDER BY time DESC LIMIT {QUOTED}"
    );
    let needle = format!("%\"alertname\":\"{alertname}\"%");
    let params = [Param::Text(needle), Param::Text(format!("%/{alertname}%"))];
    let Ok(answer) = engine.sql(&sql, &params).await else { return };
    let rows = answer.to_json().ok().and_then(|json| serde_json::from_slice::<Vec<Value>>(&json).ok());
    let rows = rows.unwrap_or_default();
    if rows.is_empty() {
        line(failure, "  why:      no decision was ever made about it: its condition never held");
    }
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    for row in rows.iter().rev() {
        let [time, stage, outcome, reason] = ["time", "stage", "outcome", "reason"].map(|key| text(row, key));
        line(failure, &format!("  why:      {time} {stage} {outcome}: {reason}"));
    }
}
