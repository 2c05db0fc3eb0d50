//! Receivers: how a notification reaches a person. Each says whether trying again makes sense.

mod email;
mod http;
mod pagerduty;
mod slack;
mod teams;
mod webhook;

use std::time::Duration;

use plimsoll_model::Timestamp;

use crate::config::{HttpConfig, Integration, IntegrationKind, Outbound, Secret, Sending, Wording};
use crate::fence::Fence;
use crate::message::Message;
use crate::notification::Notification;
use crate::template::Data;

use http::{Http, Post, Scrub};

/// Longer words of a receiver's are cut.
const MAX_ANSWER_CHARS: usize = 300;
/// For a whole delivery, its connection included, and whatever the file says: no longer than a lease on the store.
const LONGEST: Duration = Duration::from_secs(15);

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
        Self::retry_after(message, Duration::ZERO)
    }

    pub(crate) fn retry_after(message: String, wait: Duration) -> Self {
        Self { message: shown(&message), retry: Retry::After(wait) }
    }

    pub(crate) fn give_up(message: String) -> Self {
        Self { message: shown(&message), retry: Retry::Never }
    }
}

/// Posts that are no notifications, over the same fence.
#[derive(Debug)]
pub(crate) struct Outside(Http);

impl Outside {
    pub(crate) fn new(outbound: &Outbound) -> Self {
        Self(Http::new(outbound.fence.clone(), outbound.proxies.clone()))
    }

    /// `Err` is what is to be said about it, without what nobody may read.
    pub(crate) async fn post(
        &self,
        config: &HttpConfig,
        url: &Secret,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), String> {
        let scrub = &mut Scrub::default();
        let answer = self.0.post(Post::json(config, url, body, now), scrub).await;
        answer.and_then(|answer| answer.judge(scrub)).map(drop).map_err(|error| error.message)
    }
}

/// One notification on its way to one integration, in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel<'a> {
    pub(crate) notification: &'a Notification,
    pub(crate) message: &'a Message,
    pub(crate) public_url: &'a str,
    /// What the file allows for one delivery.
    pub(crate) timeout: Option<Duration>,
    pub(crate) now: Timestamp,
}

impl Parcel<'_> {
    /// A text of the file for this notification. When the alerts lead its template astray, what we would say without it
    /// is better than nothing: `None`, and a line in the log.
    fn say(self, wording: &Wording) -> Option<String> {
        let said = wording.say(|| Data::new(self.notification, self.public_url));
        let receiver = &self.notification.receiver;
        said.map_err(|error| tracing::warn!(receiver, %error, "a template failed: our own words are sent"))
            .ok()
    }
}

/// Every way out of the process that alerting has.
#[derive(Debug)]
pub(crate) struct Senders {
    http: Http,
    fence: Fence,
    outbound: Outbound,
    sending: Sending,
}

impl Senders {
    pub(crate) fn new(sending: Sending, outbound: Outbound) -> Self {
        let http = Http::new(outbound.fence.clone(), outbound.proxies.clone());
        Self { http, fence: outbound.fence.clone(), outbound, sending }
    }

    pub(crate) fn are_captured(&self) -> bool {
        self.sending == Sending::Captured
    }

    /// A receipt: what the receiver said when it took the notification.
    pub(crate) async fn send(
        &self,
        integration: &Integration,
        parcel: Parcel<'_>,
    ) -> Result<String, SendError> {
        if self.are_captured() {
            return Ok("captured, not sent".to_owned());
        }
        let timeout = integration.timeout.unwrap_or(LONGEST).min(LONGEST);
        let parcel = Parcel { timeout: Some(timeout), ..parcel };
        match tokio::time::timeout(timeout, self.send_by_kind(&integration.kind, parcel)).await {
            Ok(receipt) => receipt.map(|receipt| shown(&receipt)),
            Err(_) => Err(SendError::retry(format!("no answer within {} s", timeout.as_secs_f64()))),
        }
    }

    async fn send_by_kind(&self, kind: &IntegrationKind, parcel: Parcel<'_>) -> Result<String, SendError> {
        let scrub = &mut Scrub::default();
        match kind {
            IntegrationKind::Email(config) => email::send(&self.fence, config, parcel, scrub).await,
            IntegrationKind::PagerDuty(config) => {
                let incidents = self.outbound.pagerduty_incidents;
                pagerduty::send(&self.http, config, incidents, parcel, scrub).await
            }
            IntegrationKind::Webhook(config) => webhook::send(&self.http, config, parcel, scrub).await,
            IntegrationKind::Slack(config) => slack::send(&self.http, config, parcel, scrub).await,
            IntegrationKind::Teams(config) => teams::send(&self.http, config, parcel, scrub).await,
        }
    }
}

/// One bounded line of what somebody else wrote.
fn shown(text: &str) -> String {
    let line: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    line.join(" ").chars().take(MAX_ANSWER_CHARS).collect()
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
