//! Posting: no redirects, bounded times and answers, only to addresses that the fence lets through, and neither an
//! address nor a credential in an error (for a webhook the address is the password).

mod clients;
mod identity;
mod resolver;
mod scrub;

use std::time::Duration;

use plimsoll_model::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use url::Url;

use super::SendError;
use crate::config::{Environment, HttpConfig, Secret};
use crate::fence::{Fence, Refused, Unresolved};

use clients::Clients;
use identity::Tokens;
pub(super) use identity::{base64, from_base64};
pub(super) use scrub::Scrub;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// Whoever asks for more than this is asked again anyway.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// "Come back later", from somebody who doesn't say when.
const THROTTLED: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Http {
    fence: Fence,
    clients: Clients,
    tokens: Tokens,
}

/// One POST.
#[derive(Debug)]
pub(super) struct Post<'a> {
    pub(super) config: &'a HttpConfig,
    pub(super) url: &'a Secret,
    pub(super) headers: HeaderMap,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Option<Duration>,
    pub(super) now: Timestamp,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// As it came: it may repeat what nobody may read.
    pub(super) body: String,
}

impl<'a> Post<'a> {
    pub(super) fn json(config: &'a HttpConfig, url: &'a Secret, body: Vec<u8>, now: Timestamp) -> Self {
        Self {
            config,
            url,
            headers: HeaderMap::new(),
            content_type: "application/json",
            body,
            timeout: None,
            now,
        }
    }
}

impl Http {
    pub(super) fn new(fence: Fence, environment: Environment) -> Self {
        Self { clients: Clients::new(fence.clone(), environment), fence, tokens: Tokens::default() }
    }

    pub(super) async fn post(&self, post: Post<'_>, scrub: &mut Scrub) -> Result<Answer, SendError> {
        scrub.address(post.url);
        let url = Url::parse(post.url.expose())
            .map_err(|_| SendError::give_up("the receiver's address is not valid".to_owned()))?;
        self.admit(&url)?;
        let mut headers = identity::headers(post.config, scrub).await?;
        if let Some(authorization) = self.authorization(&post, scrub).await? {
            headers.insert(reqwest::header::AUTHORIZATION, authorization);
        }
        headers.extend(post.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(post.content_type));
        let (client, url) = self.clients.get(url, &post.config.tls, &post.config.proxy, scrub).await?;
        let host = post.config.tls.server_name.is_some().then(|| clients::host_of(post.url)).flatten();
        if let Some(host) = host {
            headers.insert(reqwest::header::HOST, host);
        }
        let request = client.post(url).headers(headers).timeout(post.timeout.unwrap_or(REQUEST_TIMEOUT));
        let response = request.body(post.body).send().await;
        let response = response.map_err(|error| unreachable(&error, scrub))?;
        let answer = read(response, post.now).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.tokens.forget(post.config);
        }
        Ok(answer)
    }

    /// A literal address is judged here, since nothing resolves it; a name is judged by the resolver.
    fn admit(&self, url: &Url) -> Result<(), SendError> {
        let address = match url.host() {
            Some(url::Host::Ipv4(v4)) => v4.into(),
            Some(url::Host::Ipv6(v6)) => v6.into(),
            _ => return Ok(()),
        };
        self.fence.check(address).map_err(|refused| fenced(&refused))
    }

    async fn authorization(
        &self,
        post: &Post<'_>,
        scrub: &mut Scrub,
    ) -> Result<Option<HeaderValue>, SendError> {
        match &post.config.auth {
            None => Ok(None),
            Some(crate::config::HttpAuth::OAuth2(flow)) => {
                self.tokens.authorization(self, flow, post.now, scrub).await.map(Some)
            }
            Some(auth) => identity::authorization(auth, scrub).await.map(Some),
        }
    }
}

impl Answer {
    pub(super) fn said(&self, scrub: &Scrub) -> String {
        format!("HTTP {}: {}", self.status.as_u16(), scrub.text(&self.body))
    }

    /// 2xx is taken; 5xx, 408 and 429 may work later; anything else never will.
    pub(super) fn judge(self, scrub: &Scrub) -> Result<Self, SendError> {
        let said = self.said(scrub);
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(SendError::retry_after(said, self.retry_after.unwrap_or(THROTTLED)))
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Err(SendError::retry_after(said, self.retry_after.unwrap_or_default()))
            }
            status if status.is_redirection() => Err(SendError::give_up(format!(
                "HTTP {}: redirects are not followed, set the final address",
                status.as_u16()
            ))),
            _ => Err(SendError::give_up(said)),
        }
    }
}

/// The status decides; an answer that breaks off or never ends only loses its words.
async fn read(mut response: Response, now: Timestamp) -> Answer {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value, now));
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    Answer { status: response.status(), retry_after, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Seconds or a date (RFC 9110, 10.2.3), within an hour.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(text)?.since(now),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// `Sat, 21 Nov 2026 10:30:00 GMT`, which a mail's date is as well.
fn http_date(text: &str) -> Option<Timestamp> {
    let date: lettre::message::header::Date = lettre::message::header::Header::parse(text).ok()?;
    let since_1970 = std::time::SystemTime::from(date).duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_nanos(i64::try_from(since_1970.as_nanos()).ok()?))
}

fn fenced(refused: &Refused) -> SendError {
    SendError::give_up(format!("not sent: {refused}"))
}

impl SendError {
    /// A name that could not be used.
    pub(super) fn unresolved(error: Unresolved) -> Self {
        match error {
            Unresolved::Refused(refused) => fenced(&refused),
            Unresolved::Unknown(error) => {
                Self::retry(format!("the name of the server cannot be resolved: {error}"))
            }
        }
    }
}

fn unreachable(error: &reqwest::Error, scrub: &Scrub) -> SendError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    let mut deepest = None;
    while let Some(deeper) = cause {
        if let Some(refused) = deeper.downcast_ref::<Refused>() {
            return fenced(refused);
        }
        deepest = Some(deeper);
        cause = deeper.source();
    }
    let what = match () {
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "cannot connect",
        () if error.is_builder() => {
            return SendError::give_up("the receiver's address is not valid".to_owned());
        }
        () => "the connection broke",
    };
    let said = deepest.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"));
    SendError::retry(scrub.text(&said))
}

#[cfg(test)]
mod tests;
