//! Whom a step reaches now, and what they are told.

use std::collections::BTreeMap;

use plimsoll_model::{Decision, Timestamp};

use super::super::{Group, Pass};
use super::Course;
use crate::AlertingError;
use crate::config::Integration;
use crate::dedup::NotifyReason;
use crate::escalation::Target;
use crate::incident::{Draft, about};
use crate::ledger::record_of;
use crate::merge::StoredAlert;
use crate::notification::{Escalated, Handling, Notification, Purpose, ToldBefore};
use crate::store::{IncidentRow, LogRow, Told};

impl Pass<'_> {
    /// False when there was nobody to tell.
    pub(super) fn tell_step(&mut self, course: &Course<'_>, step: usize) -> Result<bool, AlertingError> {
        let Some(incident) = self.store.incident(course.incident_id)? else { return Ok(false) };
        let told = self.store.told(course.incident_id)?;
        let receivers = self.receivers_of(course, step);
        let handling = handling(course, step, &told, incident.opened_at, self.now);
        for receiver in &receivers {
            let by_route = told.iter().find(|told| told.receiver == *receiver && told.by_route);
            if by_route.is_some_and(|told| told.at == self.now) {
                self.decide(
                    course,
                    receiver,
                    "duplicate_suppressed",
                    "its route tells it the same at this moment",
                );
                continue;
            }
            self.tell_receiver_of_step(course, &incident, receiver, &handling)?;
            let told = Told { receiver: receiver.clone(), at: self.now, by_route: false };
            self.store.note_told(course.incident_id, &told)?;
        }
        Ok(!receivers.is_empty())
    }

    /// Each once, in the order of the file.
    fn receivers_of(&mut self, course: &Course<'_>, step: usize) -> Vec<String> {
        let routing = self.routing;
        let steps = course.policy.steps(course.progress.urgency);
        let mut receivers: Vec<String> = Vec::new();
        for target in steps.get(step).into_iter().flat_map(|step| &step.targets) {
            let receiver = match target {
                Target::Receiver(name) => Some(name.as_str()),
                Target::Schedule(name) => {
                    let schedule = routing.escalations.schedule(name);
                    let found = schedule.and_then(|schedule| schedule.on_call(self.now, self.clocks));
                    if found.is_none() {
                        tracing::warn!(
                            incident_id = course.incident_id,
                            schedule = name,
                            "nobody is on call"
                        );
                        let reason = format!("step {}: nobody is on call in schedule {name}", step + 1);
                        self.decide(course, "", "no_notification_sent", &reason);
                    }
                    found.map(|(participant, _)| participant)
                }
            };
            let known = receiver.filter(|name| !receivers.iter().any(|other| other == name));
            receivers.extend(known.map(ToOwned::to_owned));
        }
        receivers
    }

    fn tell_receiver_of_step(
        &mut self,
        course: &Course<'_>,
        incident: &IncidentRow,
        receiver: &str,
        handling: &Handling,
    ) -> Result<(), AlertingError> {
        let found = self.routing.receivers.get(receiver);
        let integrations = found.map(|found| found.integrations.as_slice()).unwrap_or_default();
        if integrations.is_empty() {
            let reason = "the receiver has no integration, or is no longer configured";
            self.decide(course, receiver, "no_notification_sent", reason);
        }
        let is_first = handling.escalated.is_none();
        let reason = if is_first { NotifyReason::First } else { course.reason };
        for integration in integrations {
            let draft = Draft {
                incident,
                receiver,
                integration: &integration.name,
                reason,
                purpose: Purpose::Tell,
                handling: handling.clone(),
                now: self.now,
            };
            let notification = draft.write(course.firing.iter().copied());
            self.post_step(&notification, integration, course)?;
        }
        Ok(())
    }

    /// Where the route keeps a log of what it told, this is the last it was told: when nobody takes the message, the log
    /// goes back to what it said before.
    fn post_step(
        &mut self,
        notification: &Notification,
        integration: &Integration,
        course: &Course<'_>,
    ) -> Result<(), AlertingError> {
        let (key, receiver, name) = (&notification.group_key, &notification.receiver, &integration.name);
        let before = self.store.last_told(key, receiver, name)?;
        self.store.post(notification, name, before.as_ref())?;
        if let Some(before) = before {
            let log = LogRow {
                firing: course.firing.iter().map(|alert| alert.fingerprint.clone()).collect(),
                resolved: before.resolved,
                at: self.now.nanos(),
                notification_id: notification.id.clone(),
            };
            self.store.remember_told(key, receiver, name, &log)?;
        }
        let (outcome, reason) = match &notification.handling.escalated {
            Some(to) => ("escalated", format!("{}: {}", notification.reason.as_str(), said(to))),
            None => ("queued", notification.reason.as_str().to_owned()),
        };
        self.decisions.extend(record_of(notification, name, outcome, &reason, self.now));
        Ok(())
    }

    fn decide(&mut self, course: &Course<'_>, receiver: &str, outcome: &str, reason: &str) {
        let firing = course.firing.iter().copied();
        let decisions = about(firing, course.incident_id, outcome, reason, self.now).into_iter();
        let receiver = Some(receiver.to_owned()).filter(|receiver| !receiver.is_empty());
        self.decisions.extend(decisions.map(|decision| Decision { receiver: receiver.clone(), ..decision }));
    }

    /// The incident is over: whom the escalation told, and no route will, hears of it.
    pub(in crate::dispatch) fn end_escalation(
        &mut self,
        incident_id: &str,
        group: &Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        self.store.stop_progress(incident_id)?;
        let told = self.store.told(incident_id)?;
        let Some(incident) = self.store.incident(incident_id)? else { return Ok(()) };
        for told in told.iter().filter(|told| !told.by_route) {
            let integrations = self.routing.receivers.get(&told.receiver).map(|found| &found.integrations);
            for integration in integrations.into_iter().flatten().filter(|found| found.send_resolved) {
                if !self.store.was_paged(&incident.group_key, &told.receiver, &integration.name)? {
                    continue;
                }
                let draft = Draft {
                    incident: &incident,
                    receiver: &told.receiver,
                    integration: &integration.name,
                    reason: NotifyReason::AllResolved,
                    purpose: Purpose::Tell,
                    handling: Handling::default(),
                    now: self.now,
                };
                let over = group.members(alerts).filter(|alert| alert.is_resolved);
                let notification = draft.write(over);
                self.store.post(&notification, &integration.name, None)?;
                let reason = notification.reason.as_str();
                self.decisions.extend(record_of(
                    &notification,
                    &integration.name,
                    "queued",
                    reason,
                    self.now,
                ));
            }
        }
        Ok(())
    }
}

fn handling(
    course: &Course<'_>,
    step: usize,
    told: &[Told],
    opened_at: Timestamp,
    now: Timestamp,
) -> Handling {
    let before: Vec<ToldBefore> = told
        .iter()
        .filter(|told| (opened_at..now).contains(&told.at))
        .map(|told| ToldBefore { receiver: told.receiver.clone(), at: told.at })
        .collect();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let escalated = Escalated {
        step: count(step + 1),
        steps: count(course.policy.steps(course.progress.urgency).len()),
        round: course.progress.round + 1,
        unanswered_since: course.progress.triggered_at,
        told: before,
    };
    let is_first = escalated.told.is_empty() && course.progress.round == 0;
    Handling { escalated: (!is_first).then_some(escalated), ack_url: None }
}

fn said(to: &Escalated) -> String {
    let round = if to.round > 1 { format!(", round {}", to.round) } else { String::new() };
    format!("step {} of {}{round}, nobody acknowledged since {}", to.step, to.steps, to.unanswered_since)
}
