//! `plimsoll explain`: a client of `GET /api/v1/explain`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::door::Door;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The alert's name, its SLO, its fingerprint, or matchers: `alertname="X",warehouse="ROT"`.
    alert: String,
    /// The moment in question, in RFC 3339; now, unless said otherwise.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    door: Door,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut question = vec![("alert", self.alert.as_str())];
        question.extend(self.at.as_deref().map(|at| ("at", at)));
        let answer = self.door.open()?.get("/api/v1/explain", &question).await?;
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
