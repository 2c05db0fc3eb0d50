//! `[alerting]`, the part about delivery: where receivers may be, and what alertmanager.yml has no word for.

use plimsoll_alerting::{Environment, Fence, Network, Outbound, PagerDutyIncidents};
use serde::de::{Deserialize, Deserializer, Error};

use super::alerting::Alerting;

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

impl Alerting {
    pub(super) fn outbound(&self) -> Outbound {
        let networks = |texts: &[NetworkText]| texts.iter().map(|text| text.0).collect();
        Outbound {
            fence: Fence { allow: networks(&self.allow_networks), deny: networks(&self.deny_networks) },
            pagerduty_incidents: match self.pagerduty_incidents {
                PagerDutyText::Group => PagerDutyIncidents::Group,
                PagerDutyText::Alert => PagerDutyIncidents::Alert,
            },
            proxies: environment(),
        }
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
