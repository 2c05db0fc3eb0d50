//! Who we are to a server: headers, passwords and tokens, read for each delivery so that they can be rotated.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plimsoll_model::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;

use super::{Http, Post, Scrub, SendError};
use crate::config::{HttpAuth, HttpConfig, OAuth2, Secret, SecretSource};

/// A token is asked for anew this long before it ends.
const BEFORE_ITS_END: Duration = Duration::from_secs(10);
/// For servers that don't say how long a token holds.
const USUAL_LIFE: Duration = Duration::from_secs(300);
const MAX_TOKENS: usize = 64;

pub(super) async fn headers(config: &HttpConfig, scrub: &mut Scrub) -> Result<HeaderMap, SendError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let value = read(value, scrub).await?;
        headers.append(name.clone(), sensitive(value.expose())?);
    }
    Ok(headers)
}

pub(super) async fn authorization(auth: &HttpAuth, scrub: &mut Scrub) -> Result<HeaderValue, SendError> {
    match auth {
        HttpAuth::Basic { user, password } => {
            let user = user.read().await.map_err(SendError::retry)?;
            let password = match password {
                Some(password) => read(password, scrub).await?,
                None => Secret::new(""),
            };
            let encoded = base64(format!("{}:{}", user.expose(), password.expose()).as_bytes());
            scrub.word(&encoded);
            sensitive(&format!("Basic {encoded}"))
        }
        HttpAuth::Authorization { scheme, credentials } => {
            let credentials = read(credentials, scrub).await?;
            sensitive(&format!("{scheme} {}", credentials.expose()))
        }
        HttpAuth::OAuth2(_) => Err(SendError::give_up("a token has to be asked for".to_owned())),
    }
}

async fn read(source: &SecretSource, scrub: &mut Scrub) -> Result<Secret, SendError> {
    let secret = source.read().await.map_err(SendError::retry)?;
    scrub.secret(&secret);
    Ok(secret)
}

fn sensitive(text: &str) -> Result<HeaderValue, SendError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        SendError::give_up("the credentials hold characters a header cannot carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(in crate::receiver) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(in crate::receiver) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

/// OAuth2 tokens that still hold, by who asks whom for what.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<String, Token>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

#[derive(Clone)]
struct Token {
    text: String,
    until: Timestamp,
}

/// RFC 6749, 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

impl Tokens {
    pub(super) async fn authorization(
        &self,
        http: &Http,
        flow: &OAuth2,
        now: Timestamp,
        scrub: &mut Scrub,
    ) -> Result<HeaderValue, SendError> {
        let key = key(flow);
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let token = match held.filter(|token| now < token.until) {
            Some(token) => token,
            None => {
                let token = Box::pin(ask(http, flow, now, scrub)).await?;
                let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if tokens.len() >= MAX_TOKENS {
                    tokens.clear();
                }
                tokens.insert(key, token.clone());
                token
            }
        };
        scrub.word(&token.text);
        sensitive(&format!("Bearer {}", token.text))
    }

    /// After a 401: the token was withdrawn before its end.
    pub(super) fn forget(&self, config: &HttpConfig) {
        if let Some(HttpAuth::OAuth2(flow)) = &config.auth {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(flow));
        }
    }
}

fn key(flow: &OAuth2) -> String {
    format!("{} {} {:?} {:?}", flow.token_url, flow.client_id, flow.scopes, flow.endpoint_params)
}

/// RFC 6749, 4.4: the client's name and secret in the header, as Go's library tries first.
async fn ask(http: &Http, flow: &OAuth2, now: Timestamp, scrub: &mut Scrub) -> Result<Token, SendError> {
    let config = HttpConfig {
        auth: Some(HttpAuth::Basic {
            user: SecretSource::Inline(Secret::new(flow.client_id.clone())),
            password: Some(flow.client_secret.clone()),
        }),
        tls: flow.tls.clone(),
        proxy: flow.proxy.clone(),
        headers: Vec::new(),
    };
    let url = Secret::new(flow.token_url.clone());
    let post = Post {
        content_type: "application/x-www-form-urlencoded",
        ..Post::json(&config, &url, form(flow).into_bytes(), now)
    };
    let answer = http.post(post, scrub).await.map_err(|error| about_token(&error))?;
    let answer = answer.judge(scrub).map_err(|error| about_token(&error))?;
    let granted: Granted = serde_json::from_str(&answer.body)
        .map_err(|_| SendError::retry("the token server's answer holds no token".to_owned()))?;
    if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(SendError::give_up("the token server gave a token that is no bearer token".to_owned()));
    }
    let life = granted.expires_in.map_or(USUAL_LIFE, Duration::from_secs);
    Ok(Token { text: granted.access_token, until: now + life.saturating_sub(BEFORE_ITS_END) })
}

fn form(flow: &OAuth2) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !flow.scopes.is_empty() {
        form.append_pair("scope", &flow.scopes.join(" "));
    }
    form.extend_pairs(&flow.endpoint_params);
    form.finish()
}

fn about_token(error: &SendError) -> SendError {
    SendError { message: format!("the token server: {}", error.message), retry: error.retry }
}
