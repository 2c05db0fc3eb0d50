//! An alert: one rule on one label set. What `rules` states and `alerting` routes.

use std::collections::BTreeMap;

use crate::{Fingerprint, Labels, Timestamp};

/// One statement about one label set. Alerts are level-triggered: every tick restates each active one, so a lost
/// message costs one tick, and a resolved one is restated for a while with its `ends_at`.
///
/// Columns `impact_*`, `evidence_*` and `example_*` of a rule arrive as annotations under their own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: Timestamp,
    /// In the past: resolved. In the future: how long the statement holds if it isn't repeated.
    pub ends_at: Option<Timestamp>,
    pub generator_url: String,
}

/// What happens to a person: woken, or found in the morning (Sloth's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Page,
    Ticket,
}

impl Severity {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl Alert {
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.labels.fingerprint()
    }

    #[must_use]
    pub fn is_resolved_at(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }
}
