//! `plimsoll receivers`: a client of `POST /api/v1/receivers/NAME/test`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::Value;

use super::door::Door;

#[derive(Debug, Subcommand)]
pub(super) enum Receivers {
    /// Send a test notification and say whether it was taken; exit 1 when it was not.
    Test {
        /// As alertmanager.yml names it.
        name: String,
        #[command(flatten)]
        door: Door,
    },
}

impl Receivers {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Test { name, door } = self;
        let answer = door.open()?.post(&path(&name)?, &Value::Null).await?;
        let body: Value = answer.json().await.context("the answer is no JSON")?;
        let Some(integrations) = body["integrations"].as_array() else {
            bail!("{}", body["detail"].as_str().unwrap_or("the server refused the question"));
        };
        if integrations.is_empty() {
            super::say(&format!("{name} has nobody to tell: it has no integrations"));
        }
        for tried in integrations {
            let word = |key: &str| tried[key].as_str().unwrap_or_default();
            let said = format!("{}{}", word("receipt"), word("error"));
            super::say(&format!("{name} {}: {}: {said}", word("integration"), word("outcome")));
        }
        let is_good = integrations.iter().all(|tried| tried["outcome"] == "sent");
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A receiver may be called anything.
fn path(name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse("http://console/api/v1/receivers")?;
    url.path_segments_mut().ok().context("the address has a path")?.extend([name, "test"]);
    Ok(url.path().to_owned())
}
