//! `plimsoll incident`: a client of `/api/v1/incidents`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::Response;
use serde_json::{Value, json};

use super::door::Door;

#[derive(Debug, Subcommand)]
pub(super) enum IncidentVerb {
    /// Those that are open, then the latest.
    List(List),
    /// One, with its alerts, who was told, and who did what.
    Show(Show),
    /// Somebody works on it: nobody else is woken.
    Ack(Act),
    /// Nobody works on it after all: whoever was told last is told again.
    Unack(Act),
    /// Close it, though alerts of it may fire on.
    Resolve(Act),
    /// Write something down.
    Note(Note),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    door: Door,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// As it stands in the message: INC-20261122-7f3a.
    incident: String,
    #[command(flatten)]
    door: Door,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Act {
    /// As it stands in the message: INC-20261122-7f3a.
    incident: String,
    /// Who acts, as others shall read it.
    #[arg(long, default_value = "somebody", value_name = "NAME")]
    by: String,
    #[command(flatten)]
    door: Door,
}

#[derive(Debug, Args)]
pub(super) struct Note {
    #[command(flatten)]
    act: Act,
    text: String,
}

impl IncidentVerb {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run().await?,
            Self::Show(show) => show.run().await?,
            Self::Ack(act) => act.run("ack", None).await?,
            Self::Unack(act) => act.run("unack", None).await?,
            Self::Resolve(act) => act.run("resolve", None).await?,
            Self::Note(note) => note.act.run("note", Some(&note.text)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let incidents = body(self.door.open()?.get("/api/v1/incidents", &[]).await?).await?;
        if self.json {
            super::say(&serde_json::to_string_pretty(&incidents)?);
            return Ok(());
        }
        for incident in incidents.as_array().into_iter().flatten() {
            super::say(&line(incident));
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let path = format!("/api/v1/incidents/{}", self.incident);
        let incident = body(self.door.open()?.get(&path, &[]).await?).await?;
        if self.json {
            super::say(&serde_json::to_string_pretty(&incident)?);
            return Ok(());
        }
        super::say(&line(&incident));
        for told in incident["told"].as_array().into_iter().flatten() {
            super::say(&format!(
                "  told      {} {} by the {}",
                word(&told["at"]),
                word(&told["receiver"]),
                word(&told["by"])
            ));
        }
        for done in incident["audit"].as_array().into_iter().flatten() {
            let note = done["details"]["note"].as_str().map(|note| format!(": {note}")).unwrap_or_default();
            let (at, actor, way) = (word(&done["at"]), word(&done["actor"]), word(&done["way"]));
            super::say(&format!("  {:<9} {at} {actor} ({way}){note}", word(&done["action"])));
        }
        for alert in incident["alerts"].as_array().into_iter().flatten() {
            super::say(&format!(
                "  {:<9} {} {}",
                word(&alert["state"]),
                word(&alert["starts_at"]),
                alert["labels"]
            ));
        }
        Ok(())
    }
}

impl Act {
    async fn run(self, verb: &str, note: Option<&str>) -> anyhow::Result<()> {
        let path = format!("/api/v1/incidents/{}/{verb}", self.incident);
        let said = match note {
            Some(note) => json!({"by": self.by, "note": note}),
            None => json!({"by": self.by}),
        };
        let incident = body(self.door.open()?.post(&path, &said).await?).await?;
        super::say(&line(&incident));
        Ok(())
    }
}

/// What the server answered; its refusal, in its own words.
pub(super) async fn body(answer: Response) -> anyhow::Result<Value> {
    let is_good = answer.status().is_success();
    let body: Value = answer.json().await.context("the answer is no JSON")?;
    if !is_good {
        bail!("{}", body["detail"].as_str().unwrap_or("the server refused the question"));
    }
    Ok(body)
}

fn line(incident: &Value) -> String {
    let by = incident["acknowledged_by"].as_str().map(|by| format!(" by {by}")).unwrap_or_default();
    format!(
        "{} {}{by} since {}: {}",
        word(&incident["incident_id"]),
        word(&incident["state"]),
        word(&incident["opened_at"]),
        word(&incident["summary"])
    )
}

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
