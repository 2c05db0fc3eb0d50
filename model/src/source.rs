//! Where signals come from, and whether they still do: what the table `sources` shows and a rule calls blind.

use std::fmt::Debug;
use std::time::Duration;

use crate::Timestamp;

/// One source as of now. What fetches or receives states it; the table is made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceStatus {
    /// As configured, or the `service.name` that sends.
    pub name: String,
    pub kind: SourceKind,
    /// What comes from it: `traces`, `logs`, `metrics`, `business_events`, `changes`; empty when it is not one of them.
    pub signal: &'static str,
    pub state: SourceState,
    /// When it came into this state.
    pub since: Timestamp,
    /// Everything up to this event time has arrived.
    pub watermark: Option<Timestamp>,
    /// By our clock.
    pub last_success: Option<Timestamp>,
    /// How often something is due; `None` when nobody said.
    pub expected_every: Option<Duration>,
    /// Since the start of the process.
    pub items: u64,
    pub errors: u64,
    /// Without secrets and without values out of the source's data.
    pub last_error: Option<String>,
    /// What it would need to say more: a right, a table, a module, a setting; each with its cure.
    pub lacks: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    Otlp,
    Heartbeat,
    Postgres,
    Odoo,
    Redis,
    Scrape,
    Logs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// Nothing has come from it yet, and nothing is overdue.
    Starting,
    Ok,
    /// It answers, but what it says is older than it should be.
    Late,
    /// It can't be reached or refuses us.
    Failing,
}

/// Whoever knows of sources.
pub trait SourceBook: Debug + Send + Sync {
    /// As of `now`; must not block.
    fn sources(&self, now: Timestamp) -> Vec<SourceStatus>;
}

impl SourceKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Heartbeat => "heartbeat",
            Self::Postgres => "postgres",
            Self::Odoo => "odoo",
            Self::Redis => "redis",
            Self::Scrape => "scrape",
            Self::Logs => "logs",
        }
    }
}

impl SourceState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Late => "late",
            Self::Failing => "failing",
        }
    }

    /// What can't be seen must not be taken for healthy.
    #[must_use]
    pub const fn is_blind(self) -> bool {
        matches!(self, Self::Late | Self::Failing)
    }
}
