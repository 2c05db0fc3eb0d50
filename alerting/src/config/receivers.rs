//! Receivers and their integrations, with global defaults applied.

mod cure;
mod email;
mod nodes;
mod pagerduty;
mod slack;
mod teams;
mod webhook;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::check::{Report, line};
use super::file::Text;
use super::wording::Wording;
use crate::template::Mode;

pub(super) use cure::cure;
pub(crate) use email::{EmailAuth, EmailConfig, Smarthost, Threading};
pub(super) use nodes::{Global, ReceiverNode};
#[cfg(test)]
pub(crate) use pagerduty::{Image, Link};
pub(crate) use pagerduty::{PagerDutyConfig, SEVERITIES as PAGERDUTY_SEVERITIES};
#[cfg(test)]
pub(crate) use slack::Field;
pub(crate) use slack::{Action, SlackAddress, SlackConfig};
pub(crate) use teams::TeamsConfig;
pub(crate) use webhook::WebhookConfig;

/// Who is told: a name in the route tree, and every way to reach them.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) integrations: Vec<Integration>,
}

#[derive(Debug)]
pub(crate) struct Integration {
    /// `email[0]`: type and position, which the notification log and the outbox remember it by.
    pub(crate) name: String,
    pub(crate) send_resolved: bool,
    /// What the file allows for one delivery, where it says so.
    pub(crate) timeout: Option<Duration>,
    pub(crate) kind: IntegrationKind,
}

#[derive(Debug)]
pub(crate) enum IntegrationKind {
    Email(Box<EmailConfig>),
    PagerDuty(Box<PagerDutyConfig>),
    Webhook(WebhookConfig),
    Slack(Box<SlackConfig>),
    Teams(TeamsConfig),
}

impl IntegrationKind {
    /// As in the name of an integration and in Alertmanager's metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::PagerDuty(_) => "pagerduty",
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::Teams(_) => "msteamsv2",
        }
    }

    /// Whether the file is silent about `send_resolved`: Alertmanager's own defaults.
    const fn sends_resolved(&self) -> bool {
        matches!(self, Self::PagerDuty(_) | Self::Webhook(_) | Self::Teams(_))
    }
}

pub(super) fn check_receivers(
    nodes: Vec<ReceiverNode>,
    global: &Global,
    report: &mut Report,
) -> BTreeMap<String, Receiver> {
    let mut receivers = BTreeMap::new();
    for node in nodes {
        let (name, at) = (node.name.value.clone(), line(&node.name));
        if name.is_empty() {
            report.error(at, "a receiver has an empty name: give it one that routes can use");
        }
        let receiver = Reader { global, report }.receiver(&node);
        if receivers.insert(name.clone(), receiver).is_some() {
            report.error(at, format!("receiver `{name}` is defined twice: rename or merge one of them"));
        }
    }
    receivers
}

/// Reads one receiver: the defaults it may take, and where findings go.
struct Reader<'a> {
    global: &'a Global,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn receiver(&mut self, node: &ReceiverNode) -> Receiver {
        let mut integrations = self.each(&node.email_configs, |reader, email, at| {
            let config = email::read(email, at, reader.global, reader.report)?;
            Some((email.send_resolved, None, IntegrationKind::Email(Box::new(config))))
        });
        integrations.extend(self.each(&node.pagerduty_configs, |reader, pager, at| {
            let config = pagerduty::read(pager, at, reader.global, reader.report)?;
            Some((pager.send_resolved, pager.timeout.as_ref(), IntegrationKind::PagerDuty(Box::new(config))))
        }));
        integrations.extend(self.each(&node.webhook_configs, |reader, webhook, at| {
            let config = webhook::read(webhook, at, reader.global, reader.report)?;
            Some((webhook.send_resolved, webhook.timeout.as_ref(), IntegrationKind::Webhook(config)))
        }));
        integrations.extend(self.each(&node.slack_configs, |reader, slack, at| {
            let config = slack::read(slack, at, reader.global, reader.report)?;
            Some((slack.send_resolved, slack.timeout.as_ref(), IntegrationKind::Slack(Box::new(config))))
        }));
        integrations.extend(self.each(&node.msteamsv2_configs, |reader, teams, at| {
            let config = teams::read(teams, at, reader.global, reader.report)?;
            Some((teams.send_resolved, None, IntegrationKind::Teams(config)))
        }));
        if !node.labels.is_empty() {
            let at = line(&node.name);
            self.report.warn(
                at,
                "a receiver's `labels` have no effect here: receiver_matchers find nothing by them",
            );
        }
        Receiver { integrations }
    }

    fn each<'n, N>(
        &mut self,
        nodes: &'n [Spanned<N>],
        read: impl Fn(&mut Self, &'n N, u64) -> Option<(Option<bool>, Option<&'n Text>, IntegrationKind)>,
    ) -> Vec<Integration> {
        let mut integrations = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let Some((send_resolved, timeout, kind)) = read(self, &node.value, line(node)) else { continue };
            // Alertmanager's 0 is "no limit"; ours is our own limit.
            let timeout = self.report.duration(timeout).filter(|timeout| !timeout.is_zero());
            integrations.push(Integration {
                name: format!("{}[{index}]", kind.name()),
                send_resolved: send_resolved.unwrap_or(kind.sends_resolved()),
                timeout,
                kind,
            });
        }
        integrations
    }
}

/// A key that is a text, and the finding when it cannot be one.
fn wording(text: &Option<Text>, key: &str, report: &mut Report) -> Option<Wording> {
    Wording::read(text.as_ref(), key, Mode::Text, report)
}
