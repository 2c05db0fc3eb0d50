//! PagerDuty Events v2: triggered, updated, acknowledged and resolved under keys that don't change, one for each group
//! or one for each alert of it, as the operator asks.

mod details;
mod event;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::http::{Answer, Http, Post, Scrub};
use super::{Parcel, SendError};
use crate::config::{PagerDutyConfig, PagerDutyIncidents, Secret};

/// "Some minutes", says PagerDuty, when it doesn't say how many.
const THROTTLED: Duration = Duration::from_secs(60);

/// All events of one notification. One that fails ends the attempt; the next begins anew, which PagerDuty takes for
/// what it is, since the keys are the same.
pub(super) async fn send(
    http: &Http,
    config: &PagerDutyConfig,
    incidents: PagerDutyIncidents,
    parcel: Parcel<'_>,
    scrub: &mut Scrub,
) -> Result<String, SendError> {
    let key = config.routing_key.read().await.map_err(SendError::retry)?;
    scrub.secret(&key);
    let url = Secret::new(config.url.clone());
    let mut said = Vec::new();
    for event in event::events(config, incidents, parcel) {
        let body = with_key(event, &key).to_string().into_bytes();
        let post = Post { timeout: parcel.timeout, ..Post::json(&config.http, &url, body, parcel.now) };
        let answer = judge(http.post(post, scrub).await?, scrub)?;
        said.push(answer.said(scrub));
    }
    let first = said.first().cloned().unwrap_or_else(|| "nothing to say".to_owned());
    Ok(if said.len() > 1 { format!("{} events, the first: {first}", said.len()) } else { first })
}

/// The key goes in last, so that nothing else ever holds it.
fn with_key(mut event: Value, key: &Secret) -> Value {
    event["routing_key"] = key.expose().into();
    event
}

/// 429 is asked again, when PagerDuty says; everything else as usual.
fn judge(mut answer: Answer, scrub: &Scrub) -> Result<Answer, SendError> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        answer.retry_after.get_or_insert(THROTTLED);
    }
    answer.judge(scrub)
}

#[cfg(test)]
mod tests;
