//! Route, group, dedup, outbox and receivers: decides WHO hears of it.

use std::path::PathBuf;
use std::sync::Arc;

use plimsoll_model::{Alert, DecisionLedger, StateTable, Timestamp};

/// `[alerting]` in `plimsoll.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    pub file: PathBuf,
    /// Folder of the SQLite store.
    pub data_dir: PathBuf,
    pub public_url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct Finding {
    pub file: PathBuf,
    pub line: u64,
    pub message: String,
    pub is_error: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AlertingError(pub String);

/// alertmanager.yml, parsed and checked.
#[derive(Debug)]
pub struct Routing {}

impl Routing {
    pub fn load(_config: &Config) -> (Option<Self>, Vec<Finding>) {
        todo!()
    }
}

/// What left, for whoever shows it (the demo prints the page as the person gets it).
#[derive(Clone, Debug)]
pub struct Delivery {
    pub receiver: String,
    pub integration: String,
    pub incident_id: String,
    pub firing: bool,
    pub subject: String,
    /// The plain text as the person reads it.
    pub text: String,
    pub at: Timestamp,
    /// `Ok(receipt)` or what the receiver said.
    pub outcome: Result<String, String>,
}

/// The pipeline; clones share it.
#[derive(Clone, Debug)]
pub struct Alerting {}

impl Alerting {
    pub fn open(
        _config: Config,
        _routing: Routing,
        _ledger: Arc<dyn DecisionLedger>,
    ) -> Result<Self, AlertingError> {
        todo!()
    }

    /// Takes one tick's alerts. True when it returns: they are in the store.
    pub async fn receive(&self, _alerts: Vec<Alert>, _now: Timestamp) -> Result<(), AlertingError> {
        todo!()
    }

    /// Flushes every group that is due into the outbox (decision and outbox row in one transaction) and says when it
    /// wants to be called next at the latest.
    pub async fn dispatch(&self, _now: Timestamp) -> Result<Option<Timestamp>, AlertingError> {
        todo!()
    }

    /// Sends what the outbox holds and is due; failures stay with a later `not_before`. Says when to come back.
    pub async fn deliver(
        &self,
        _now: Timestamp,
    ) -> Result<(Vec<Delivery>, Option<Timestamp>), AlertingError> {
        todo!()
    }

    /// `alerts`, `incidents`, `notifications`, `silences`.
    #[must_use]
    pub fn state_tables(&self) -> Vec<Arc<dyn StateTable>> {
        todo!()
    }
}
