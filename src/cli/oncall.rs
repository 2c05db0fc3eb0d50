//! `plimsoll oncall`: a client of `GET /api/v1/oncall`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::door::Door;
use super::incident::{body, word};

#[derive(Debug, Subcommand)]
pub(super) enum OnCallVerb {
    /// Who is on call when.
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Only this schedule.
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// In RFC 3339; now, unless said otherwise.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// In RFC 3339; a week after, unless said otherwise.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    door: Door,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

impl OnCallVerb {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Show(show) = self;
        let named = [("schedule", &show.schedule), ("from", &show.from), ("to", &show.to)];
        let question: Vec<(&str, &str)> =
            named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        let shifts = body(show.door.open()?.get("/api/v1/oncall", &question).await?).await?;
        if show.json {
            super::say(&serde_json::to_string_pretty(&shifts)?);
            return Ok(ExitCode::SUCCESS);
        }
        for shift in shifts.as_array().into_iter().flatten() {
            let who = shift["participant"].as_str().unwrap_or("nobody");
            let (from, to) = (word(&shift["from"]), word(&shift["to"]));
            super::say(&format!("{} {from} {to} {who}", word(&shift["schedule"])));
        }
        Ok(ExitCode::SUCCESS)
    }
}
