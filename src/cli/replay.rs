//! `plimsoll replay`: what rules would have done over stored history.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use plimsoll_model::{Clock, Timestamp};

use crate::clock::SystemClock;
use crate::config::{Config, duration};
use crate::replay::{History, Report, Stretch, Zone, compare, replay};
use crate::server::Server;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// From when on: so long ago (`7d`), or a moment in RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: String,
    /// Until when; now, unless said otherwise.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How far the clock moves between two evaluations.
    #[arg(long, default_value = "1m", value_name = "DURATION", value_parser = duration)]
    step: Duration,
    /// The configuration that runs: whose lake is read, and whose rules are replayed.
    #[arg(long, default_value = "plimsoll.toml", value_name = "FILE")]
    running: PathBuf,
    /// Another configuration, whose rules and routing are replayed as well, and compared.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read the history from the server whose console answers here. Needed while a server uses the lake.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Whose tables, with --url.
    #[arg(long, default_value = "default", value_name = "NAME")]
    tenant: String,
    /// The file with the tenant's query token, where it has one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What night is: the zone's name, as in `Europe/Amsterdam`.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: chrono_tz::Tz,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Replay {
    pub(super) async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        crate::telemetry::Telemetry::logs(if log == "info" { "error" } else { log })?;
        let began = Instant::now();
        let now = SystemClock.now();
        let until = self.until.as_deref().map_or(Ok(now), |text| moment(text, now)).context("--until")?;
        let stretch = Stretch { since: moment(&self.since, now).context("--since")?, until, step: self.step };
        let running = Config::read(&self.running)?;
        let history = match &self.url {
            Some(url) => History::Server(Server::at(url, &self.tenant, self.token_file.as_deref())?),
            None => Box::pin(History::of_lake(&running)).await.with_context(|| {
                format!(
                    "the lake of {} can't be read; if a server uses it, name its console: --url {}",
                    self.running.display(),
                    running.public_url()
                )
            })?,
        };
        let run = Box::pin(replay(&running, &history, stretch)).await?;
        let new = match &self.config {
            Some(file) => {
                let new = Box::pin(replay(&Config::read(file)?, &history, stretch)).await?;
                let differences = compare(&run.episodes, &new.episodes, stretch.step);
                Some((new, differences))
            }
            None => None,
        };
        let report = Report { run, new, zone: Zone(self.timezone), took: began.elapsed() };
        super::say(&match self.format {
            Format::Table => report.to_text(),
            Format::Json => serde_json::to_string_pretty(&report.to_json())?,
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// So long before `now`, or RFC 3339.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Ok(ago) = duration(text) {
        return Ok(now - ago);
    }
    let Some(moment) = Timestamp::parse_rfc3339(text) else {
        bail!("\"{text}\" is no moment: write 7d (so long ago) or 2026-11-21T08:00:00Z");
    };
    Ok(moment)
}
