//! The bodies of answers, with the names that Alertmanager's clients read. Moments are RFC 3339 with milliseconds.

use std::collections::BTreeMap;

use plimsoll_alerting::{AlertView, GroupView};
use plimsoll_model::Labels;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    annotations: BTreeMap<String, String>,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<Named>,
    starts_at: String,
    status: AlertStatus,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    labels: Labels,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    inhibited_by: Vec<String>,
    muted_by: Vec<String>,
    silenced_by: Vec<String>,
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    alerts: Vec<Alert>,
    labels: Labels,
    receiver: Named,
    route_labels: BTreeMap<String, String>,
}

impl From<AlertView> for Alert {
    fn from(alert: AlertView) -> Self {
        let state = if alert.is_suppressed() { "suppressed" } else { "active" };
        Self {
            annotations: alert.annotations,
            ends_at: alert.ends_at.to_rfc3339(),
            fingerprint: alert.fingerprint,
            receivers: alert.receivers.into_iter().map(|name| Named { name }).collect(),
            starts_at: alert.starts_at.to_rfc3339(),
            status: AlertStatus {
                inhibited_by: alert.inhibited_by,
                muted_by: alert.muted_by,
                silenced_by: alert.silenced_by,
                state,
            },
            updated_at: alert.updated_at.to_rfc3339(),
            generator_url: alert.generator_url,
            labels: alert.labels,
        }
    }
}

impl From<GroupView> for Group {
    fn from(group: GroupView) -> Self {
        Self {
            alerts: group.alerts.into_iter().map(Alert::from).collect(),
            labels: group.labels,
            receiver: Named { name: group.receiver },
            route_labels: BTreeMap::new(),
        }
    }
}
