//! A running Plimsoll, asked by the HTTP API that everybody uses.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::json;

/// A question of a person may take this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// One tenant's data behind the address of a console.
#[derive(Clone, Debug)]
pub struct Server {
    client: Client,
    url: String,
    tenant: String,
    token: Option<String>,
}

impl Server {
    pub(crate) fn at(url: &str, tenant: &str, token_file: Option<&Path>) -> anyhow::Result<Self> {
        let token = token_file.map(|file| {
            let token = std::fs::read_to_string(file);
            token.with_context(|| format!("--token-file {} can't be read", file.display()))
        });
        Ok(Self {
            client: Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?,
            url: url.trim_end_matches('/').to_owned(),
            tenant: tenant.to_owned(),
            token: token.transpose()?.map(|token| token.trim().to_owned()),
        })
    }

    /// The answer to a statement, in the form of this media type.
    pub(crate) async fn sql(&self, statement: &str, media_type: &str) -> anyhow::Result<Response> {
        let request = self.client.post(format!("{}/api/v1/sql", self.url));
        let question = json!({"sql": statement, "tenant": self.tenant});
        self.send(request.header(reqwest::header::ACCEPT, media_type).json(&question)).await
    }

    pub(crate) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.url);
        let mut url = url::Url::parse(&url).with_context(|| format!("--url {}", self.url))?;
        url.query_pairs_mut().extend_pairs(parameters).append_pair("tenant", &self.tenant);
        self.send(self.client.get(url)).await
    }

    /// As one of our own programs, which no page in a browser is.
    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.url);
        let mut url = url::Url::parse(&url).with_context(|| format!("--url {}", self.url))?;
        url.query_pairs_mut().append_pair("tenant", &self.tenant);
        self.send(self.client.post(url).header("plimsoll-client", "cli").json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let url = &self.url;
        request.send().await.with_context(|| {
            format!("nobody answers at {url}: is `plimsoll serve` running, and is --url its console?")
        })
    }
}
