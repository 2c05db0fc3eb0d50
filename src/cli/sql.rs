//! `plimsoll sql`: a client of `POST /api/v1/sql`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use arrow::ipc::reader::StreamReader;
use arrow::util::pretty::pretty_format_batches;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::door::Door;

#[derive(Debug, Args)]
pub(super) struct Sql {
    #[command(flatten)]
    door: Door,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// One statement that reads.
    statement: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Arrow,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Table | Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

impl Sql {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let body = self.ask().await?;
        match self.format {
            Format::Table => super::say(&table(&body)?),
            Format::Json | Format::Csv | Format::Arrow => {
                std::io::stdout().write_all(&body).context("the answer can't be written to stdout")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn ask(&self) -> anyhow::Result<Vec<u8>> {
        let answer = self.door.open()?.sql(&self.statement, self.format.media_type()).await?;
        let status = answer.status();
        let body = answer.bytes().await.context("the answer broke off")?;
        if !status.is_success() {
            bail!("{}", problem(&body).unwrap_or_else(|| format!("the server answered {status}")));
        }
        Ok(body.to_vec())
    }
}

/// What an RFC 9457 problem document says, with the position when it knows one.
fn problem(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    let detail = problem.get("detail").or_else(|| problem.get("title"))?.as_str()?;
    let place =
        problem.get("position").and_then(|at| Some((at.get("line")?.as_u64()?, at.get("column")?.as_u64()?)));
    Some(place.map_or_else(
        || detail.to_owned(),
        |(line, column)| format!("line {line}, column {column}: {detail}"),
    ))
}

fn table(body: &[u8]) -> anyhow::Result<String> {
    let reader = StreamReader::try_new(body, None).context("the answer is no Arrow stream")?;
    let batches = reader.collect::<Result<Vec<_>, _>>().context("the answer's Arrow stream is broken")?;
    let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    let plural = if rows == 1 { "" } else { "s" };
    Ok(format!("{}\n({rows} row{plural})", pretty_format_batches(&batches)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_position() {
        let body =
            br#"{"title":"Invalid","detail":"no such column: wearhouse","position":{"line":1,"column":8}}"#;
        assert_eq!(problem(body).expect("a problem"), "line 1, column 8: no such column: wearhouse");
        assert_eq!(problem(b"<html>"), None);
    }
}
