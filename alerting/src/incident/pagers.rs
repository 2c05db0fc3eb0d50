//! Pagers that keep incidents of their own are told what became of ours: PagerDuty's `acknowledge` and `resolve`.

use std::collections::BTreeSet;

use plimsoll_model::{Decision, Timestamp};

use super::Draft;
use crate::AlertingError;
use crate::config::{Integration, IntegrationKind, Routing};
use crate::dedup::NotifyReason;
use crate::ledger::record_of;
use crate::merge::StoredAlert;
use crate::notification::{Handling, Purpose};
use crate::store::{IncidentRow, StoreTransaction};

/// Through the outbox, behind the page in its lane; only those that were paged.
pub(crate) fn tell_pagers(
    store: &StoreTransaction<'_>,
    routing: &Routing,
    incident: &IncidentRow,
    alerts: &[StoredAlert],
    reason: NotifyReason,
    now: Timestamp,
) -> Result<Vec<Decision>, AlertingError> {
    let purpose = if reason == NotifyReason::Acknowledged { Purpose::Acknowledge } else { Purpose::Resolve };
    let told = store.told(&incident.incident_id)?;
    let mut receivers: BTreeSet<&str> = told.iter().map(|told| told.receiver.as_str()).collect();
    receivers.insert(&incident.receiver);
    let mut decisions = Vec::new();
    for receiver in receivers {
        for integration in pagers(routing, receiver) {
            if !store.was_paged(&incident.group_key, receiver, &integration.name)? {
                continue;
            }
            let draft = Draft {
                incident,
                receiver,
                integration: &integration.name,
                reason,
                purpose: purpose.clone(),
                handling: Handling::default(),
                now,
            };
            let notification = draft.write(alerts.iter().filter(|alert| !alert.is_resolved));
            store.post(&notification, &integration.name, None)?;
            let words = reason.as_str();
            decisions.extend(record_of(&notification, &integration.name, "queued", words, now));
        }
    }
    Ok(decisions)
}

fn pagers<'r>(routing: &'r Routing, receiver: &str) -> impl Iterator<Item = &'r Integration> {
    let integrations = routing.receivers.get(receiver).into_iter().flat_map(|found| &found.integrations);
    integrations.filter(|integration| matches!(integration.kind, IntegrationKind::PagerDuty(_)))
}
