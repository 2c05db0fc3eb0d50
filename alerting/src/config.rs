//! alertmanager.yml, parsed and checked. The file stays one that Alertmanager itself would take: what we do not
//! support is refused with its line and a cure, and nothing of ours is added to it.

mod check;
mod duration;
mod file;
mod http;
mod outbound;
mod receivers;
mod routes;
mod secret;
mod shown;
mod time_intervals;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_model::{TenantName, Timestamp};
use serde_saphyr::Error as YamlError;

pub(crate) use duration::parse_duration;
pub(crate) use http::{HttpAuth, HttpConfig, OAuth2, ProxyConfig, TlsConfig};
pub use outbound::{Environment, Outbound, PagerDutyIncidents};
pub(crate) use receivers::{
    Action, EmailAuth, EmailConfig, Integration, IntegrationKind, PAGERDUTY_SEVERITIES, PagerDutyConfig,
    Receiver, SlackAddress, SlackConfig, Smarthost, TeamsConfig, Threading, WebhookConfig,
};
#[cfg(test)]
pub(crate) use receivers::{Field, Image, Link};
pub(crate) use secret::{Secret, SecretSource};
pub(crate) use wording::Wording;

use crate::escalation::{Escalations, Known};
use crate::incident::{LinkKey, WebhookSecret};
use crate::inhibit::InhibitRule;
use crate::route::Route;
use crate::store::Database;
use crate::time_interval::TimeIntervals;

/// A larger file is a mistake, not a configuration.
const MAX_FILE_BYTES: usize = 4 << 20;

/// `[alerting]` in `plimsoll.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    pub file: PathBuf,
    /// `escalation.yml`, when there is one.
    pub escalation: Option<PathBuf>,
    /// Folder of the SQLite store.
    pub data_dir: PathBuf,
    /// PostgreSQL in its place.
    pub database: Option<Database>,
    /// What links in messages start with.
    pub public_url: String,
    pub sending: Sending,
    /// What `location: Local` means, a name of the IANA database; UTC, unless it is said.
    pub local_time_zone: Option<String>,
    pub outbound: Outbound,
    /// For a store that has none yet.
    pub link_key: LinkKey,
    /// Whose webhooks are believed.
    pub pagerduty_secrets: Vec<WebhookSecret>,
}

/// What becomes of a notification that is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sending {
    #[default]
    ToReceivers,
    /// It is worded, written down as sent, and leaves the process by no way: for tests of rules and for replays.
    Captured,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: "alertmanager.yml".into(),
            escalation: None,
            data_dir: "data".into(),
            database: None,
            public_url: "http://127.0.0.1:8088".into(),
            sending: Sending::default(),
            local_time_zone: None,
            outbound: Outbound::default(),
            link_key: LinkKey::new([0; 32]),
            pagerduty_secrets: Vec::new(),
        }
    }
}

/// One thing wrong with the file: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct Finding {
    pub file: PathBuf,
    pub line: u64,
    pub message: String,
    pub is_error: bool,
}

/// alertmanager.yml, parsed and checked.
#[derive(Debug)]
pub struct Routing {
    pub(crate) root: Route,
    pub(crate) inhibit_rules: Vec<InhibitRule>,
    pub(crate) receivers: BTreeMap<String, Receiver>,
    pub(crate) time_intervals: TimeIntervals,
    /// How long a statement without an end holds.
    pub(crate) resolve_timeout: Duration,
    /// The file as the API may show it.
    pub(crate) shown: String,
    pub(crate) escalations: Escalations,
}

/// A receiver without integrations: Alertmanager's own way to tell nobody.
const NOBODY: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

impl Routing {
    /// For a site without a routing file: alerts are kept and shown, and nobody is told.
    #[must_use]
    pub fn nobody() -> Self {
        let parsed = serde_saphyr::from_str::<file::File>(NOBODY).expect("the constant is valid YAML");
        let routing = check::check(parsed, &Config::default()).0.expect("the constant is a valid routing");
        Self { shown: shown::shown(NOBODY), ..routing }
    }

    /// The same tree for one of several tenants: its groups, and what pagers know them by, are not those of others.
    #[must_use]
    pub fn for_tenant(mut self, tenant: &TenantName) -> Self {
        if !tenant.is_default() {
            self.root.below_tenant(tenant);
        }
        self
    }

    /// Reads and checks the file, and the escalations beside it. A `Routing` comes back only when no finding is an error;
    /// warnings come with it.
    #[must_use]
    pub fn load(config: &Config) -> (Option<Self>, Vec<Finding>) {
        let (routing, mut findings) = Self::load_routes(config);
        let Some(path) = &config.escalation else { return (routing, findings) };
        let Some(mut routing) = routing else { return (None, findings) };
        let known = Known {
            receivers: routing.receivers.keys().cloned().collect(),
            time_intervals: routing.time_interval_names(),
        };
        let (escalations, found) = Escalations::load(path, &known);
        findings.extend(found);
        let Some(escalations) = escalations else { return (None, findings) };
        routing.escalations = escalations;
        (Some(routing), findings)
    }

    /// Calendars that urgency rules ask: names that are no time intervals. Whoever knows the calendars checks them.
    #[must_use]
    pub fn calendars(&self) -> BTreeSet<String> {
        self.escalations.calendars(&self.time_interval_names()).map(ToOwned::to_owned).collect()
    }

    fn time_interval_names(&self) -> BTreeSet<String> {
        self.time_intervals.0.keys().cloned().collect()
    }

    /// Whether the time interval of this name holds the moment; none when there is no such interval.
    pub(crate) fn time_interval_holds(&self, name: &str, at: Timestamp) -> Option<bool> {
        let intervals = self.time_intervals.0.get(name)?;
        Some(intervals.iter().any(|interval| interval.contains(at)))
    }

    fn load_routes(config: &Config) -> (Option<Self>, Vec<Finding>) {
        let refused = |line, message| {
            let finding = Finding { file: config.file.clone(), line, message, is_error: true };
            (None, vec![finding])
        };
        let text = match std::fs::read_to_string(&config.file) {
            Ok(text) if text.len() > MAX_FILE_BYTES => {
                return refused(
                    1,
                    format!("the file is larger than {MAX_FILE_BYTES} bytes: split or shorten it"),
                );
            }
            Ok(text) => text,
            Err(error) => {
                return refused(
                    0,
                    format!("cannot read the routing file: {error}; set `config` in [alerting]"),
                );
            }
        };
        match serde_saphyr::from_str::<file::File>(&text) {
            Ok(parsed) => {
                let (routing, findings) = check::check(parsed, config);
                (routing.map(|routing| Self { shown: shown::shown(&text), ..routing }), findings)
            }
            Err(error) => {
                let line = error.location().map_or(1, |location| location.line());
                refused(line, cure(&error))
            }
        }
    }
}

/// The parser's words, or better ones where Alertmanager knows a key that we don't. Never the line itself: it may
/// hold a password.
fn cure(error: &YamlError) -> String {
    let YamlError::SerdeUnknownField { field, expected, .. } = error.without_snippet() else {
        return format!("{}", error.without_snippet());
    };
    let field = field.as_str();
    match field {
        _ if let Some(cure) = receivers::cure(field) => cure,
        _ => format!("unknown key `{field}`: remove it, or use one of {}", expected.join(", ")),
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
