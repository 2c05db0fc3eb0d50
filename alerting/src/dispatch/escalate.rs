//! What an escalation does in a pass: the first step goes with the group's first notification, the others follow when
//! they are due. Who was told this way hears in the end that it is over.

mod tell;

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use serde_json::json;

use super::{Group, Pass};
use crate::AlertingError;
use crate::dedup::NotifyReason;
use crate::escalation::{Due, Policy, Progress, Urgency};
use crate::incident::{Actor, IncidentState, Way, about, put_on_record, tell_pagers};
use crate::merge::StoredAlert;
use crate::store::{Told, Work};

/// Steps that nobody is on call for are passed over at once; more than this many things a pass are a mistake of ours.
const MAX_ACTS: usize = 200;

/// One incident whose escalation goes on.
struct Course<'c> {
    incident_id: &'c str,
    /// Those that fire and are neither inhibited nor silenced.
    firing: Vec<&'c StoredAlert>,
    policy: &'c Policy,
    progress: Progress,
    /// What the next message of a step says.
    reason: NotifyReason,
}

impl Pass<'_> {
    /// The route has told the receiver, or had nothing new to say; the steps begin with the first time.
    pub(super) fn begin_escalation(
        &mut self,
        group: &Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        let Some(incident_id) = &group.row.incident_id else { return Ok(()) };
        let Some(policy) = self.routing.escalations.policy(&group.row.receiver) else { return Ok(()) };
        let firing = audible(group, alerts);
        if firing.is_empty() {
            return Ok(());
        }
        let spoke = self.spoke_now(group)?;
        let urgency = Urgency::of(&policy.urgency, &firing, self.clocks, self.now);
        let Some(work) = self.work.get_mut(incident_id) else { return Ok(()) };
        let begins = work.progress.is_none() && work.state != IncidentState::Resolved;
        if begins || spoke {
            let told = Told { receiver: group.row.receiver.clone(), at: self.now, by_route: true };
            self.store.note_told(incident_id, &told)?;
        }
        if begins {
            let mut progress = Progress::begun(policy, urgency, self.now);
            if work.state == IncidentState::Acknowledged {
                // Within group_wait, or before there was a policy: the steps wait, and the time-out runs.
                progress.acknowledged(Some(policy), self.now);
            }
            self.store.put_progress(incident_id, &progress)?;
            work.progress = Some(progress);
        }
        Ok(())
    }

    /// Whether the route told its receiver in this very pass.
    fn spoke_now(&self, group: &Group) -> Result<bool, AlertingError> {
        let receiver = self.routing.receivers.get(&group.row.receiver);
        for integration in receiver.into_iter().flat_map(|receiver| &receiver.integrations) {
            let told = self.store.last_told(&group.row.group_key, &group.row.receiver, &integration.name)?;
            if told.is_some_and(|told| told.at == self.now.nanos()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does what is due, and says when something will be. While nothing of the group is to be heard, nothing is done.
    pub(super) fn escalate(
        &mut self,
        group: &Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<Option<Timestamp>, AlertingError> {
        let Some(incident_id) = &group.row.incident_id else { return Ok(None) };
        let routing = self.routing;
        let Some(policy) = routing.escalations.policy(&group.row.receiver) else { return Ok(None) };
        let work = self.work.get(incident_id).filter(|work| work.state != IncidentState::Resolved);
        let Some(before) = work.and_then(|work| work.progress.clone()) else { return Ok(None) };
        let firing = audible(group, alerts);
        if firing.is_empty() || group.muted.is_some() {
            return Ok(None);
        }
        let mut progress = before.clone();
        progress.hold_to(policy, self.now);
        let reason = NotifyReason::Escalated;
        let mut course = Course { incident_id, firing, policy, progress, reason };
        self.heed_urgency(&mut course)?;
        for _ in 0..MAX_ACTS {
            let Some(due) = course.progress.due(self.now) else { break };
            self.act(&mut course, due)?;
        }
        let Course { progress, .. } = course;
        if progress != before {
            self.store.put_progress(incident_id, &progress)?;
        }
        let next = progress.next();
        if let Some(work) = self.work.get_mut(incident_id) {
            work.progress = Some(progress);
        }
        Ok(next)
    }

    /// It has become another thing than was told, or acknowledged. It never becomes less.
    fn heed_urgency(&mut self, course: &mut Course<'_>) -> Result<(), AlertingError> {
        let urgency = Urgency::of(&course.policy.urgency, &course.firing, self.clocks, self.now);
        if urgency <= course.progress.urgency {
            return Ok(());
        }
        course.progress.became_urgent(course.policy, self.now);
        self.trigger_again(course, "urgency rose from low to high")
    }

    fn act(&mut self, course: &mut Course<'_>, due: Due) -> Result<(), AlertingError> {
        match due {
            Due::Resolve => self.auto_resolve(course),
            Due::AckTimeout => {
                course.progress.triggered_again(course.policy, self.now);
                course.reason = NotifyReason::AckTimeout;
                self.trigger_again(course, "the acknowledgement timed out")
            }
            Due::Step => {
                let Some(step) = course.progress.go_on(course.policy, self.now) else {
                    course.progress.next_step_at = None;
                    return Ok(());
                };
                if !self.tell_step(course, step)? {
                    course.progress.hurry(course.policy, self.now);
                }
                course.reason = NotifyReason::Escalated;
                Ok(())
            }
            Due::Renotify => {
                course.progress.renotified(course.policy, self.now);
                course.reason = NotifyReason::NotAcknowledged;
                let last = course.progress.step.checked_sub(1).and_then(|step| usize::try_from(step).ok());
                if let Some(last) = last {
                    self.tell_step(course, last)?;
                }
                course.reason = NotifyReason::Escalated;
                Ok(())
            }
        }
    }

    fn trigger_again(&mut self, course: &Course<'_>, reason: &str) -> Result<(), AlertingError> {
        let incident_id = course.incident_id;
        self.store.trigger_again(incident_id)?;
        if let Some(work) = self.work.get_mut(incident_id) {
            *work = Work { state: IncidentState::Triggered, acknowledged_by: None, progress: None };
        }
        let nobody = Actor::new("plimsoll", Way::Escalation);
        put_on_record(self.store, incident_id, &nobody, "trigger", json!({"reason": reason}), self.now)?;
        self.decisions.extend(about(
            course.firing.iter().copied(),
            incident_id,
            "triggered",
            reason,
            self.now,
        ));
        Ok(())
    }

    /// It was open for as long as the file lets it.
    fn auto_resolve(&mut self, course: &mut Course<'_>) -> Result<(), AlertingError> {
        let (incident_id, now) = (course.incident_id, self.now);
        let progress = &mut course.progress;
        (progress.next_step_at, progress.renotify_at) = (None, None);
        (progress.ack_until, progress.resolve_at) = (None, None);
        self.store.close_incident(incident_id, now)?;
        if let Some(work) = self.work.get_mut(incident_id) {
            work.state = IncidentState::Resolved;
        }
        let reason = "auto_resolve: it was open for as long as it may";
        let nobody = Actor::new("plimsoll", Way::Escalation);
        put_on_record(self.store, incident_id, &nobody, "resolve", json!({"reason": reason}), now)?;
        let firing: Vec<StoredAlert> = course.firing.iter().map(|alert| (*alert).clone()).collect();
        self.decisions.extend(about(&firing, incident_id, "resolved", reason, now));
        if let Some(incident) = self.store.incident(incident_id)? {
            let reason = NotifyReason::IncidentResolved;
            let told = tell_pagers(self.store, self.routing, &incident, &firing, reason, now)?;
            self.decisions.extend(told);
        }
        Ok(())
    }

    /// Whether somebody said that he works on it, where it is known what follows when he doesn't.
    pub(super) fn is_in_hand(&self, group: &Group) -> Option<&str> {
        self.routing.escalations.policy(&group.row.receiver)?;
        let work = self.work.get(group.row.incident_id.as_ref()?)?;
        (work.state == IncidentState::Acknowledged)
            .then(|| work.acknowledged_by.as_deref().unwrap_or_default())
    }
}

/// Those that fire and are neither inhibited nor silenced.
fn audible<'a>(group: &Group, alerts: &'a BTreeMap<String, StoredAlert>) -> Vec<&'a StoredAlert> {
    let members = group.members.iter().filter_map(|fingerprint| alerts.get(fingerprint));
    members.filter(|alert| !alert.is_resolved && !alert.is_suppressed()).collect()
}
