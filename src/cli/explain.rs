//! `plimsoll explain`: a client of `GET /api/v1/explain`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The alert's name, its SLO, its fingerprint, or matchers: `alertname="X",warehouse="ROT"`.
    alert: String,
    /// The moment in question, in RFC 3339; now, unless said otherwise.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The console's address of the Plimsoll to ask.
    #[arg(long, default_value = "http://127.0.0.1:8088", value_name = "URL")]
    url: String,
    /// Whose alert.
    #[arg(long, default_value = "default", value_name = "NAME")]
    tenant: String,
    /// The file with the tenant's query token, where it has one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(120)).build()?;
        let mut url = url::Url::parse(&format!("{}/api/v1/explain", self.url.trim_end_matches('/')))
            .with_context(|| format!("--url {}", self.url))?;
        url.query_pairs_mut().append_pair("alert", &self.alert).append_pair("tenant", &self.tenant);
        if let Some(at) = &self.at {
            url.query_pairs_mut().append_pair("at", at);
        }
        let mut request = client.get(url.clone());
        if let Some(file) = &self.token_file {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("--token-file {} can't be read", file.display()))?;
            request = request.bearer_auth(token.trim());
        }
        let answer = request.send().await.with_context(|| {
            format!("nobody answers at {url}: is `plimsoll serve` running, and is --url its console?")
        })?;
        let is_good = answer.status().is_success();
        let body: Value = answer.json().await.context("the answer is no JSON")?;
        if !is_good {
            bail!("{}", body["detail"].as_str().unwrap_or("the server refused the question"));
        }
        if self.json {
            super::say(&serde_json::to_string_pretty(&body)?);
        } else {
            let sentences = body["sentences"].as_array().into_iter().flatten();
            sentences.filter_map(Value::as_str).for_each(super::say);
        }
        // A question that means several alerts is not answered.
        Ok(if body.get("candidates").is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
