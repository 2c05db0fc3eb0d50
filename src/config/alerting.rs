//! `[alerting]`: whom to tell, and how what is told leaves the house.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use plimsoll_alerting::{LinkKey, SecondChannels, Sending, WebhookSecret};
use plimsoll_model::TenantName;
use rand::RngExt as _;
use serde::Deserialize;

use super::outbound::{LimitTexts, NetworkText, PagerDutyText};
use super::units::Span;
use super::{Config, secrets};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Alerting {
    pub(super) config: PathBuf,
    pub(super) escalation: PathBuf,
    /// Where the state lies, in place of a file beside the data.
    pub(super) database: Option<String>,
    pub(super) database_env: Option<String>,
    pub(super) database_file: Option<PathBuf>,
    pub(super) allow_networks: Vec<NetworkText>,
    pub(super) deny_networks: Vec<NetworkText>,
    pub(super) pagerduty_incidents: PagerDutyText,
    /// What PagerDuty's webhooks are signed with, one a line.
    pub(super) pagerduty_webhook_secret_env: Option<String>,
    pub(super) pagerduty_webhook_secret_file: Option<PathBuf>,
    pub(super) rate_limits: LimitTexts,
    /// By receiver, or `*`.
    pub(super) second_channels: BTreeMap<String, String>,
    pub(super) second_channel_after: Span,
    pub(super) dead_mans_switch: Option<String>,
    pub(super) dead_mans_switch_file: Option<PathBuf>,
    pub(super) dead_mans_switch_env: Option<String>,
    pub(super) dead_mans_switch_interval: Span,
}

impl Default for Alerting {
    fn default() -> Self {
        Self {
            config: "alertmanager.yml".into(),
            escalation: "escalation.yml".into(),
            database: None,
            database_env: None,
            database_file: None,
            allow_networks: Vec::new(),
            deny_networks: Vec::new(),
            pagerduty_incidents: PagerDutyText::default(),
            pagerduty_webhook_secret_env: None,
            pagerduty_webhook_secret_file: None,
            rate_limits: LimitTexts::default(),
            second_channels: BTreeMap::new(),
            second_channel_after: Span(SecondChannels::default().after),
            dead_mans_switch: None,
            dead_mans_switch_file: None,
            dead_mans_switch_env: None,
            dead_mans_switch_interval: Span(Duration::from_mins(1)),
        }
    }
}

impl Config {
    /// Whether other processes may have the same alerts, so that one of them must lead.
    #[must_use]
    pub(crate) const fn shares_alerts(&self) -> bool {
        self.alert_database.is_some()
    }

    #[must_use]
    pub fn alerting(&self, tenant: &TenantName) -> plimsoll_alerting::Config {
        let own = || self.data_dir().join("lake").join(tenant.as_str());
        plimsoll_alerting::Config {
            file: self.base.join(&self.alerting.config),
            escalation: self.escalation_file(),
            data_dir: if tenant.is_default() { self.data_dir() } else { own() },
            database: self.alert_database.as_ref().map(|database| database.of_tenant(tenant)),
            public_url: self.public_url_of(tenant),
            sending: self.sending,
            local_time_zone: local_time_zone(),
            outbound: self.alerting.outbound(),
            link_key: self.link_key(),
            pagerduty_secrets: self.pagerduty_secrets.clone(),
        }
    }

    /// The usual one may be missing; another that is named has to be there, and an empty name is none.
    fn escalation_file(&self) -> Option<PathBuf> {
        let written = &self.alerting.escalation;
        let file = self.base.join(written);
        let is_named = *written != Alerting::default().escalation && !written.as_os_str().is_empty();
        (is_named || file.is_file()).then_some(file)
    }

    /// A simulation says the same each time.
    fn link_key(&self) -> LinkKey {
        match self.sending {
            Sending::ToReceivers => LinkKey::new(rand::rng().random()),
            Sending::Captured => LinkKey::new([0; 32]),
        }
    }

    pub(super) fn read_pagerduty_secrets(&self) -> anyhow::Result<Vec<WebhookSecret>> {
        let Alerting { pagerduty_webhook_secret_env: env, pagerduty_webhook_secret_file: file, .. } =
            &self.alerting;
        let key = "alerting.pagerduty_webhook_secret";
        let named = secrets::read(key, env.as_deref(), file.as_deref(), &self.base)?;
        let lines = named.iter().flat_map(|named| named.text.lines()).map(str::trim);
        let secrets: Vec<_> = lines.filter(|line| !line.is_empty()).map(WebhookSecret::new).collect();
        if let Some(named) = named.as_ref().filter(|_| secrets.is_empty()) {
            bail!("{} is empty", named.place);
        }
        Ok(secrets)
    }
}

/// As the C library finds it: `TZ`, or where `/etc/localtime` points. `None` is UTC.
fn local_time_zone() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    let named = std::env::var("TZ").ok();
    let linked = || {
        let link = std::fs::read_link("/etc/localtime").ok()?;
        let (_, name) = link.to_str()?.split_once("/zoneinfo/")?;
        Some(name.to_owned())
    };
    match named.as_deref().map(|name| name.trim_start_matches(':')) {
        Some("") => None,
        Some(name) => Some(name.to_owned()),
        None => linked(),
    }
}
