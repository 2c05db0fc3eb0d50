//! Incidents and schedules as the API shows them.

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::schedule::{By, preview};
use crate::{Alerting, AlertingError};

/// The longest stretch that a preview covers.
pub(crate) const LONGEST_PREVIEW: Duration = Duration::from_secs(100 * 86_400);

/// One incident with everything that is known of it. Moments are RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentDetail {
    /// The columns of the table `incidents`.
    #[serde(flatten)]
    pub incident: Value,
    /// Its alerts, those that fire first: labels, annotations, since when, until when.
    pub alerts: Vec<Value>,
    /// Who was told, when the last time, and whether the route or the escalation told them.
    pub told: Vec<Value>,
    /// Who did what, the earliest first.
    pub audit: Vec<Value>,
}

/// A stretch of time in which the same one is on call; `from` and `to` in RFC 3339, `to` exclusive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnCallShift {
    pub schedule: String,
    pub from: String,
    pub to: String,
    /// The receiver; null when nobody is.
    pub participant: Option<String>,
    /// `override`, or `layer 1` from the bottom; null when nobody is.
    pub by: Option<String>,
}

impl Alerting {
    pub fn incident(&self, incident_id: &str) -> Result<Option<IncidentDetail>, AlertingError> {
        self.inner.store.incident_detail(incident_id)
    }

    /// Who is on call between two moments, by schedule; at most 100 days of it. An unknown schedule has no shifts.
    #[must_use]
    pub fn on_call(&self, schedule: Option<&str>, from: Timestamp, to: Timestamp) -> Vec<OnCallShift> {
        let to = to.min(from + LONGEST_PREVIEW);
        let clocks = self.clocks();
        let schedules = clocks.routing.escalations.schedules();
        let wanted = schedules.filter(|(name, _)| schedule.is_none_or(|wanted| wanted == *name));
        let shifts = wanted.flat_map(|(name, schedule)| {
            let shifts = preview(schedule, from, to, &clocks);
            shifts.into_iter().map(|shift| OnCallShift {
                schedule: name.to_owned(),
                from: shift.from.to_rfc3339(),
                to: shift.to.to_rfc3339(),
                by: shift.on_call.as_ref().map(|(_, by)| said(*by)),
                participant: shift.on_call.map(|(name, _)| name),
            })
        });
        shifts.collect()
    }

    /// The schedules that there are.
    #[must_use]
    pub fn schedules(&self) -> BTreeSet<String> {
        self.routing().escalations.schedules().map(|(name, _)| name.to_owned()).collect()
    }
}

fn said(by: By) -> String {
    match by {
        By::Override => "override".to_owned(),
        By::Layer(number) => format!("layer {}", number + 1),
    }
}
