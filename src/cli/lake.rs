//! `plimsoll lake`: what a running Plimsoll does with its files by itself, by hand, while none is running.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use plimsoll_lake::{CheckReport, ColumnPath, Lake, LakeStats, Needle};
use plimsoll_model::TenantName;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum LakeVerb {
    /// List tables, files, rows, bytes and times, and whatever is damaged; exit 1 if something is. Changes nothing.
    Check {
        #[command(flatten)]
        options: Options,
        /// Read every page of every file, not only what they say about themselves.
        #[arg(long)]
        deep: bool,
    },
    /// Merge small files now, whatever the budget.
    Compact {
        #[command(flatten)]
        options: Options,
    },
    /// Let go of rows that were kept long enough, and delete at once every file that no table refers to. Other engines that
    /// still read an older version lose it.
    Vacuum {
        #[command(flatten)]
        options: Options,
    },
    /// Remove one person's rows from every file, of old versions too, and from the log; then read everything again to prove
    /// it. Exit 1 if that could not be proven.
    Erase(Erase),
}

#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(long, default_value = "plimsoll.toml", value_name = "FILE")]
    config: PathBuf,
    /// Whose lake.
    #[arg(long, default_value = "default", value_name = "NAME")]
    tenant: TenantName,
    /// Print JSON for a program.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Erase {
    #[command(flatten)]
    options: Options,
    /// The whole value that the rows have, such as the customer's pseudonym.
    #[arg(long)]
    value: String,
    /// Only rows that have it here: customer, business_events.customer, logs.attributes['enduser.id']. May be repeated.
    /// Without it, rows that have the value in any column, map or list.
    #[arg(long, value_name = "COLUMN")]
    column: Vec<String>,
}

impl LakeVerb {
    pub(super) async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check { options, deep } => check(&options, deep).await,
            Self::Compact { options } => compact(&options, log).await,
            Self::Vacuum { options } => vacuum(&options, log).await,
            Self::Erase(erase) => erase.run(log).await,
        }
    }
}

async fn check(options: &Options, is_deep: bool) -> anyhow::Result<ExitCode> {
    let config = Config::read(&options.config)?;
    let report = plimsoll_lake::check(&config.lake(&options.tenant), is_deep)
        .await
        .context("the lake can't be checked")?;
    if options.json {
        super::say(&serde_json::to_string_pretty(&report)?);
    } else {
        tables(&report);
    }
    for damage in &report.damage {
        super::complain(&format!("damage: {damage}"));
    }
    Ok(if report.damage.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tables(report: &CheckReport) {
    let line = |cells: [&str; 8]| {
        let [table, version, files, rows, bytes, orphans, oldest, newest] = cells;
        super::say(&format!(
            "{table:<16} {version:>8} {files:>7} {rows:>12} {bytes:>14} {orphans:>8}  {oldest:<24}  {newest:<24}"
        ));
    };
    line(["table", "version", "files", "rows", "bytes", "orphans", "oldest", "newest"]);
    for table in &report.tables {
        let numbers = [table.version, table.files, table.rows, table.bytes, table.orphans];
        let [version, files, rows, bytes, orphans] = numbers.map(|number| number.to_string());
        let [oldest, newest] = [&table.oldest, &table.newest].map(|time| time.as_deref().unwrap_or("-"));
        line([&table.table, &version, &files, &rows, &bytes, &orphans, oldest, newest]);
    }
    super::say(&format!("log: {} files, {} bytes", report.log_files, report.log_bytes));
}

async fn compact(options: &Options, log: &str) -> anyhow::Result<ExitCode> {
    let lake = open(options, log).await?;
    lake.flush().await?;
    lake.compact(&CancellationToken::new()).await?;
    let LakeStats { upkeep, .. } = lake.stats();
    let (merges, files, bytes) = (upkeep.compactions, upkeep.compacted_files, upkeep.compacted_bytes);
    let done = json!({"merges": merges, "merged_files": files, "written_bytes": bytes});
    tell(options, &done, &format!("{merges} merges: {files} files are now fewer, {bytes} bytes written"));
    Ok(ExitCode::SUCCESS)
}

async fn vacuum(options: &Options, log: &str) -> anyhow::Result<ExitCode> {
    let lake = open(options, log).await?;
    lake.vacuum(Duration::ZERO).await?;
    let LakeStats { upkeep, .. } = lake.stats();
    let (expired, rows) = (upkeep.expired_files, upkeep.expired_rows);
    let (files, bytes) = (upkeep.vacuumed_files, upkeep.vacuumed_bytes);
    let done = json!({
        "expired_files": expired, "expired_rows": rows, "deleted_files": files, "deleted_bytes": bytes,
    });
    let sentence = format!(
        "{expired} files with {rows} rows were kept long enough; {files} files, {bytes} bytes deleted"
    );
    tell(options, &done, &sentence);
    Ok(ExitCode::SUCCESS)
}

impl Erase {
    async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        let columns = self.column.iter().map(|column| ColumnPath::parse(column)).collect::<Result<_, _>>()?;
        let needle = Needle { value: self.value, columns };
        let lake = open(&self.options, log).await?;
        let erased =
            lake.erase(&needle).await.context("the erasure could not be finished; it may be repeated")?;
        let mut done = serde_json::to_value(&erased)?;
        done["is_proven"] = erased.is_proven().into();
        let (rows, files) = (erased.rows, erased.files);
        tell(
            &self.options,
            &done,
            &format!("{rows} rows erased from {files} files; every file was read again"),
        );
        if erased.elsewhere > 0 {
            super::complain(&format!(
                "warning: {} rows have the value in other columns: without --column those go too",
                erased.elsewhere
            ));
        }
        for path in &erased.unsearched {
            super::complain(&format!(
                "error: {} can't be searched: look at it, and delete it",
                path.display()
            ));
        }
        if erased.left > 0 {
            super::complain(&format!("error: {} rows were found again", erased.left));
        }
        Ok(if erased.is_proven() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn open(options: &Options, log: &str) -> anyhow::Result<Lake> {
    crate::telemetry::Telemetry::logs(log)?;
    let config = Config::read(&options.config)?;
    let originals = crate::app::originals();
    let lake = Lake::open(config.lake(&options.tenant), Arc::new(SystemClock), originals).await;
    lake.context("the lake can't be opened")
}

fn tell(options: &Options, done: &Value, sentence: &str) {
    super::say(&if options.json { done.to_string() } else { sentence.to_owned() });
}
