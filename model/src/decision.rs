//! Why somebody was, or was not, told: one row of the `decisions` table.

use serde::Serialize;

use crate::Timestamp;

/// Where in the pipeline a decision fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Rule,
    Route,
    Send,
}

/// Written when the outcome changes, and once a minute while an alert is pending or fires; never for each tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub time: Timestamp,
    pub stage: Stage,
    pub fingerprint: String,
    pub incident_id: Option<String>,
    pub receiver: Option<String>,
    pub outcome: String,
    pub reason: String,
    /// A JSON object.
    pub details: String,
}

/// Takes decisions without waiting for the disk: a pager must not depend on the ledger. What it can't keep it counts.
pub trait DecisionLedger: std::fmt::Debug + Send + Sync {
    fn record(&self, decision: Decision);
}
