//! `[alerting]`, the part about delivery: where receivers may be, and what alertmanager.yml has no word for.

use anyhow::bail;
use plimsoll_alerting::{
    Environment, Fence, HeartbeatConfig, Network, Outbound, PagerDutyIncidents, RateLimit, RateLimits,
    SecondChannels,
};
use serde::de::{Deserialize, Deserializer, Error};

use super::alerting::Alerting;
use super::{Config, secrets};

/// `"10.0.0.0/8"`.
#[derive(Clone, Debug)]
pub(super) struct NetworkText(Network);

impl<'de> Deserialize<'de> for NetworkText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PagerDutyText {
    #[default]
    Group,
    Alert,
}

/// Kinds that aren't named keep their default.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LimitTexts {
    email: Option<LimitText>,
    pagerduty: Option<LimitText>,
    webhook: Option<LimitText>,
    slack: Option<LimitText>,
    msteamsv2: Option<LimitText>,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitText {
    burst: std::num::NonZeroU32,
    per_minute: std::num::NonZeroU32,
}

impl LimitTexts {
    fn limits(self) -> RateLimits {
        let usual = RateLimits::default();
        let limit = |text: Option<LimitText>, usual: RateLimit| {
            text.map_or(usual, |text| RateLimit {
                burst: text.burst.get(),
                per_minute: text.per_minute.get(),
            })
        };
        RateLimits {
            email: limit(self.email, usual.email),
            pagerduty: limit(self.pagerduty, usual.pagerduty),
            webhook: limit(self.webhook, usual.webhook),
            slack: limit(self.slack, usual.slack),
            msteamsv2: limit(self.msteamsv2, usual.msteamsv2),
        }
    }
}

impl Alerting {
    pub(super) fn outbound(&self) -> Outbound {
        let networks = |texts: &[NetworkText]| texts.iter().map(|text| text.0).collect();
        Outbound {
            fence: Fence { allow: networks(&self.allow_networks), deny: networks(&self.deny_networks) },
            pagerduty_incidents: match self.pagerduty_incidents {
                PagerDutyText::Group => PagerDutyIncidents::Group,
                PagerDutyText::Alert => PagerDutyIncidents::Alert,
            },
            rate_limits: self.rate_limits.limits(),
            second_channels: SecondChannels {
                by_receiver: self.second_channels.clone(),
                after: self.second_channel_after.0,
            },
            proxies: environment(),
        }
    }
}

impl Config {
    /// Who is told each minute that we are alive, read for each start; the address may be a secret.
    pub(crate) fn dead_mans_switch(&self) -> anyhow::Result<Option<HeartbeatConfig>> {
        let delivery = &self.alerting;
        let (env, file) =
            (delivery.dead_mans_switch_env.as_deref(), delivery.dead_mans_switch_file.as_deref());
        let named = secrets::read("alerting.dead_mans_switch", env, file, &self.base)?;
        let url = match (&delivery.dead_mans_switch, named) {
            (Some(_), Some(_)) => {
                bail!("alerting.dead_mans_switch is written out and named in a file or variable: keep one")
            }
            (url, named) => url.clone().or(named.map(|named| named.text.trim().to_owned())),
        };
        let Some(url) = url else { return Ok(None) };
        let is_address =
            url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_address {
            bail!(
                "alerting.dead_mans_switch is not a web address: it starts with https:// or http:// and a host"
            );
        }
        Ok(Some(HeartbeatConfig {
            url,
            interval: delivery.dead_mans_switch_interval.0,
            outbound: delivery.outbound(),
            public_url: self.public_url(),
        }))
    }
}

/// As every program has it: lower case first.
fn environment() -> Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "where proxies are is the environment's to say, if a file asks it"
    )]
    let named = |name: &str| std::env::var(name).or_else(|_| std::env::var(name.to_uppercase())).ok();
    let named = |name: &str| named(name).filter(|value| !value.is_empty());
    Environment {
        https_proxy: named("https_proxy"),
        http_proxy: named("http_proxy"),
        no_proxy: named("no_proxy"),
    }
}
