//! How what is told leaves the house: what alertmanager.yml has no word for.

use crate::deliver::{RateLimits, SecondChannels};
use crate::fence::Fence;

/// `[alerting]` in `plimsoll.toml`, the part about delivery.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    pub fence: Fence,
    pub pagerduty_incidents: PagerDutyIncidents,
    pub rate_limits: RateLimits,
    pub second_channels: SecondChannels,
    /// For `proxy_from_environment`.
    pub proxies: Environment,
}

/// What one incident at PagerDuty stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PagerDutyIncidents {
    /// As with Alertmanager, and as our own incidents are: a page is one page, and taking it takes it on both sides.
    #[default]
    Group,
    /// Each alert is triggered and resolved by itself.
    Alert,
}

/// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` as they were when the process began.
#[derive(Clone, Default)]
pub struct Environment {
    pub https_proxy: Option<String>,
    pub http_proxy: Option<String>,
    pub no_proxy: Option<String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}
