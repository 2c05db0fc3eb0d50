//! Objectives, slices, burn rates and alert rules: decides THAT something is wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_lake::Lake;
use plimsoll_model::{Alert, DecisionLedger, StateTable, Timestamp};
use plimsoll_query::QueryEngine;

/// `[rules]` in `plimsoll.toml`, globs expanded by `src/`.
#[derive(Clone, Debug)]
pub struct Config {
    pub files: Vec<PathBuf>,
    /// How often the evaluator looks at what arrived; groups with an `interval` of their own keep it.
    pub interval: Duration,
    /// What links in annotations start with.
    pub public_url: String,
    pub tenant: String,
}

/// One thing wrong with a file: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct Finding {
    pub file: PathBuf,
    pub line: u64,
    /// What is wrong and the cure, in one sentence each.
    pub message: String,
    pub is_error: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(pub String);

/// Everything the rule files say, parsed and checked (also against the SQL engine's schemas).
#[derive(Debug)]
pub struct RuleSet {}

impl RuleSet {
    /// Reads every file; all findings at once rather than the first. A set comes back only when none is an error.
    pub async fn load(_config: &Config, _engine: &QueryEngine) -> (Option<Self>, Vec<Finding>) {
        todo!()
    }
}

/// Short form (or OpenSLO) in, OpenSLO v1 YAML out: what `plimsoll rules expand` prints.
pub fn expand(_yaml: &str, _file: &std::path::Path) -> Result<String, Vec<Finding>> {
    todo!()
}

#[derive(Debug)]
pub struct Evaluator {}

impl Evaluator {
    /// Restores slices and alert state from the lake, so that a restart neither forgets a Pending nor resolves a Firing.
    pub async fn start(
        _config: Config,
        _rules: RuleSet,
        _engine: QueryEngine,
        _lake: Lake,
        _ledger: Arc<dyn DecisionLedger>,
    ) -> Result<Self, RulesError> {
        todo!()
    }

    /// One pass at `now`: every active alert restated, resolved ones for 15 minutes more.
    pub async fn tick(&mut self, _now: Timestamp) -> Vec<Alert> {
        todo!()
    }

    /// `slos` (name, service, objective, window, budget left, burn per window, state, groups, good, total) as SQL sees it.
    #[must_use]
    pub fn state_tables(&self) -> Vec<Arc<dyn StateTable>> {
        todo!()
    }
}
