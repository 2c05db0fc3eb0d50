//! What an action does to the incident, within one transaction.

use plimsoll_model::{Decision, Stage, Timestamp};
use serde_json::json;

use super::{Acted, Actor, IncidentAction, IncidentState, MAX_NOTE_CHARS, Way, tell_pagers};
use crate::AlertingError;
use crate::config::Routing;
use crate::dedup::NotifyReason;
use crate::merge::StoredAlert;
use crate::store::{AuditRow, IncidentRow, StoreTransaction, Work};

/// Of the alerts of one incident, this many have their decisions written down.
const MAX_ALERTS: usize = 50;

type Outcome = Result<(Acted, Vec<Decision>), AlertingError>;

pub(super) fn act(
    store: &StoreTransaction<'_>,
    routing: &Routing,
    incident_id: &str,
    action: &IncidentAction,
    actor: &Actor,
    now: Timestamp,
) -> Outcome {
    let (Some(incident), Some(work)) = (store.incident(incident_id)?, store.work_of(incident_id)?) else {
        return Ok((Acted::NotFound, Vec::new()));
    };
    if let Some(refusal) = refusal(action, &work) {
        return Ok((Acted::Refused(refusal), Vec::new()));
    }
    let hand = Hand { store, routing, incident: &incident, work, actor, now };
    let decisions = match action {
        IncidentAction::Acknowledge => hand.acknowledge()?,
        IncidentAction::Unacknowledge => hand.unacknowledge()?,
        IncidentAction::Resolve => hand.resolve()?,
        IncidentAction::Note(_) => Vec::new(),
    };
    let note = match action {
        IncidentAction::Note(text) => json!({"note": clean(text)}),
        _ => json!({}),
    };
    put_on_record(store, &incident.incident_id, actor, action.as_str(), note, now)?;
    Ok((Acted::Done, decisions))
}

fn refusal(action: &IncidentAction, work: &Work) -> Option<String> {
    match (action, work.state) {
        (IncidentAction::Note(text), _) if clean(text).is_empty() => Some("the note is empty".to_owned()),
        (IncidentAction::Note(_), _) => None,
        (_, IncidentState::Resolved) => Some("the incident is resolved".to_owned()),
        (IncidentAction::Unacknowledge, IncidentState::Triggered) => {
            Some("nobody has acknowledged the incident".to_owned())
        }
        _ => None,
    }
}

/// Line ends stay; other control characters go.
fn clean(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_control() || *c == '\n').take(MAX_NOTE_CHARS);
    kept.collect::<String>().trim().to_owned()
}

pub(crate) fn put_on_record(
    store: &StoreTransaction<'_>,
    incident_id: &str,
    actor: &Actor,
    action: &'static str,
    details: serde_json::Value,
    now: Timestamp,
) -> Result<(), AlertingError> {
    tracing::info!(incident_id, action, way = actor.way.as_str(), "incident acted on");
    store.audit(&AuditRow {
        at: now,
        actor: actor.name.clone(),
        way: actor.way,
        action,
        incident_id: incident_id.to_owned(),
        details,
    })
}

/// Somebody at work on one incident.
struct Hand<'h> {
    store: &'h StoreTransaction<'h>,
    routing: &'h Routing,
    incident: &'h IncidentRow,
    work: Work,
    actor: &'h Actor,
    now: Timestamp,
}

impl Hand<'_> {
    fn acknowledge(mut self) -> Result<Vec<Decision>, AlertingError> {
        let incident_id = &self.incident.incident_id;
        self.store.acknowledge(incident_id, &self.actor.name, self.now)?;
        if let Some(progress) = &mut self.work.progress {
            let policy = self.routing.escalations.policy(&self.incident.receiver);
            progress.acknowledged(policy, self.now);
            self.store.put_progress(incident_id, progress)?;
        }
        let reason = format!("acknowledged by {} ({})", self.actor.name, self.actor.way.as_str());
        self.decide("acknowledged", &reason, NotifyReason::Acknowledged)
    }

    fn unacknowledge(mut self) -> Result<Vec<Decision>, AlertingError> {
        let incident_id = &self.incident.incident_id;
        self.store.trigger_again(incident_id)?;
        let policy = self.routing.escalations.policy(&self.incident.receiver);
        if let (Some(progress), Some(policy)) = (&mut self.work.progress, policy) {
            progress.triggered_again(policy, self.now);
            self.store.put_progress(incident_id, progress)?;
        }
        let reason = format!("{} took the acknowledgement back", self.actor.name);
        let alerts = self.store.incident_alerts(incident_id)?;
        Ok(about(&alerts, &self.incident.incident_id, "triggered", &reason, self.now))
    }

    fn resolve(self) -> Result<Vec<Decision>, AlertingError> {
        let incident_id = &self.incident.incident_id;
        self.store.close_incident(incident_id, self.now)?;
        self.store.stop_progress(incident_id)?;
        let reason = format!("resolved by {} ({})", self.actor.name, self.actor.way.as_str());
        self.decide("resolved", &reason, NotifyReason::IncidentResolved)
    }

    /// Decisions about each alert, and the same for pagers that keep incidents of their own. What PagerDuty said is not
    /// said back to it.
    fn decide(
        &self,
        outcome: &str,
        reason: &str,
        to_pagers: NotifyReason,
    ) -> Result<Vec<Decision>, AlertingError> {
        let alerts = self.store.incident_alerts(&self.incident.incident_id)?;
        let mut decisions = about(&alerts, &self.incident.incident_id, outcome, reason, self.now);
        if self.actor.way != Way::PagerDuty {
            decisions.extend(tell_pagers(
                self.store,
                self.routing,
                self.incident,
                &alerts,
                to_pagers,
                self.now,
            )?);
        }
        Ok(decisions)
    }
}

/// A decision about the incident, at each of its alerts that fires, because people ask about alerts.
pub(crate) fn about<'a>(
    alerts: impl IntoIterator<Item = &'a StoredAlert>,
    incident_id: &str,
    outcome: &str,
    reason: &str,
    now: Timestamp,
) -> Vec<Decision> {
    let firing = alerts.into_iter().filter(|alert| !alert.is_resolved).take(MAX_ALERTS);
    let decision = |alert: &StoredAlert| Decision {
        time: now,
        stage: Stage::Route,
        fingerprint: alert.fingerprint.clone(),
        incident_id: Some(incident_id.to_owned()),
        receiver: None,
        outcome: outcome.to_owned(),
        reason: reason.to_owned(),
        details: json!({"labels": alert.alert.labels}).to_string(),
    };
    firing.map(decision).collect()
}
