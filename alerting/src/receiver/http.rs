//! Posting JSON: no redirects, no proxies from the environment, bounded times and answers, and no address in an error
//! (for a webhook the address is the password).

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, StatusCode};

use super::SendError;
use crate::AlertingError;
use crate::config::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// Whoever asks for more than this is asked again anyway.
const LONGEST_RETRY_AFTER: u64 = 3600;

#[derive(Debug)]
pub(super) struct Http {
    /// For plain http: needs no certificates, so that it works on a machine that has none installed.
    plain: Client,
    /// For https, built at its first use with the system's certificates.
    secure: OnceLock<Client>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: String,
}

impl Http {
    pub(super) fn new() -> Result<Self, AlertingError> {
        let plain = builder().tls_certs_only(std::iter::empty()).build();
        let plain = plain.map_err(|error| AlertingError::Client(error.to_string()))?;
        Ok(Self { plain, secure: OnceLock::new() })
    }

    pub(super) async fn post(
        &self,
        url: &Secret,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, SendError> {
        let client = self.client(url)?;
        let request = client.post(url.expose()).header(CONTENT_TYPE, "application/json").headers(headers);
        let mut response = request.body(body).send().await.map_err(|error| unreachable(&error))?;
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(|secs| Duration::from_secs(secs.min(LONGEST_RETRY_AFTER)));
        let mut body = Vec::new();
        // The status decides; an answer that breaks off or never ends only loses its words.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ANSWER_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MAX_ANSWER_BYTES {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status(), retry_after, body })
    }

    fn client(&self, url: &Secret) -> Result<&Client, SendError> {
        if url.expose().starts_with("http://") {
            return Ok(&self.plain);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let built = builder().build().map_err(|error| {
            SendError::retry(format!(
                "cannot set up https ({error}): are the system's CA certificates installed?"
            ))
        })?;
        Ok(self.secure.get_or_init(|| built))
    }
}

impl Answer {
    /// The usual reading: 2xx is taken, 5xx may work later, anything else never will.
    pub(super) fn judge(self) -> Result<Self, SendError> {
        let said = format!("HTTP {}: {}", self.status.as_u16(), self.body);
        match self.status {
            status if status.is_success() => Ok(self),
            status if status.is_server_error() => Err(SendError::retry(said)),
            status if status.is_redirection() => Err(SendError::give_up(format!(
                "HTTP {}: redirects are not followed, set the final address",
                status.as_u16()
            ))),
            _ => Err(SendError::give_up(said)),
        }
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
}

fn unreachable(error: &reqwest::Error) -> SendError {
    let what = match () {
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "cannot connect",
        () if error.is_builder() => {
            return SendError::give_up("the receiver's address is not valid".to_owned());
        }
        () => "the connection broke",
    };
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    SendError::retry(cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}")))
}
