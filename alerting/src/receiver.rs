//! Receivers: how a notification reaches a person. Each says whether trying again makes sense.

mod email;
mod http;
mod pagerduty;
mod webhook;

use std::time::Duration;

use crate::AlertingError;
use crate::config::{Integration, IntegrationKind, Sending};
use crate::message::Message;
use crate::notification::Notification;

use http::Http;

/// Longer words of a receiver's are cut.
const MAX_ANSWER_CHARS: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not before this long.
    After(Duration),
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendError {
    pub(crate) message: String,
    pub(crate) retry: Retry,
}

impl SendError {
    pub(crate) fn retry(message: String) -> Self {
        Self { message: shown(&message), retry: Retry::After(Duration::ZERO) }
    }

    pub(crate) fn give_up(message: String) -> Self {
        Self { message: shown(&message), retry: Retry::Never }
    }
}

/// Every way out of the process that alerting has.
#[derive(Debug)]
pub(crate) struct Senders {
    http: Http,
    sending: Sending,
}

impl Senders {
    pub(crate) fn new(sending: Sending) -> Result<Self, AlertingError> {
        Ok(Self { http: Http::new()?, sending })
    }

    /// A receipt: what the receiver said when it took the notification.
    pub(crate) async fn send(
        &self,
        integration: &Integration,
        notification: &Notification,
        message: &Message,
        public_url: &str,
    ) -> Result<String, SendError> {
        if self.sending == Sending::Captured {
            return Ok("captured, not sent".to_owned());
        }
        let receipt = match &integration.kind {
            IntegrationKind::Email(config) => email::send(config, notification, message).await,
            IntegrationKind::PagerDuty(config) => {
                pagerduty::send(&self.http, config, notification, message, public_url).await
            }
            IntegrationKind::Webhook(config) => {
                webhook::send(&self.http, config, notification, public_url).await
            }
        };
        receipt.map(|receipt| shown(&receipt))
    }
}

/// One bounded line of what somebody else wrote.
fn shown(text: &str) -> String {
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    line.join(" ").chars().take(MAX_ANSWER_CHARS).collect()
}
