//! The verbs. Each prints for people on stdout; logs go to stderr; the exit code says how it went.

mod check;
mod demo;
mod door;
mod explain;
mod heaps;
mod incident;
mod lake;
mod load;
mod oncall;
mod receivers;
mod replay;
mod routes;
mod rules;
mod serve;
mod sql;
mod test;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// How deep a distribution business on Odoo may lie: business and technical signals, SLOs, and the right page.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about)]
struct Cli {
    /// What to log: a level, or `target=level` pairs with commas.
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    log: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run: collect, judge, tell.
    Serve {
        #[arg(long, default_value = "plimsoll.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// A simulated distributor's day with a real fault in it, on loopback, 20 times faster than the wall's clock.
    Demo(demo::Demo),
    /// Read every file and say what is wrong with it; exit 1 on an error.
    Check {
        #[arg(long, default_value = "plimsoll.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Look after the files of a lake that is not running.
    Lake {
        #[command(subcommand)]
        verb: lake::LakeVerb,
    },
    /// Ask a running Plimsoll in SQL.
    Sql(sql::Sql),
    /// Send OTLP at a rate, or as fast as it goes, and verify that what was acknowledged can be queried.
    Load(Box<load::Load>),
    /// Why an alert was, or was not, sent.
    Explain(explain::Explain),
    /// Look at incidents and act on them.
    Incident {
        #[command(subcommand)]
        verb: incident::IncidentVerb,
    },
    /// Schedules.
    Oncall {
        #[command(subcommand)]
        verb: oncall::OnCallVerb,
    },
    /// Play stored history to the rules: what would have fired and who would have been paged, when.
    Replay(Box<replay::Replay>),
    /// Try whom alertmanager.yml names.
    Receivers {
        #[command(subcommand)]
        verb: receivers::Receivers,
    },
    /// Run test files of rules: fixtures in, expected alerts and notifications out; exit 1 when one fails.
    Test(test::Test),
    /// Show the tree by which alerts find their receivers, or ask it of one alert.
    Routes(routes::Routes),
    /// Work with rule files.
    Rules {
        #[command(subcommand)]
        verb: rules::Rules,
    },
}

#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.verb, Verb::Serve { .. } | Verb::Demo(_)) {
        heaps::keep_few();
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 * 1024 * 1024)
        .build()
        .context("the async runtime can't start")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.verb {
        Verb::Serve { config } => serve::serve(&config, &cli.log).await,
        Verb::Demo(demo) => demo.run(&cli.log).await,
        Verb::Check { config } => check::check(&config).await,
        Verb::Lake { verb } => verb.run(&cli.log).await,
        Verb::Sql(sql) => sql.run().await,
        Verb::Load(load) => load.run().await,
        Verb::Explain(explain) => explain.run().await,
        Verb::Incident { verb } => verb.run().await,
        Verb::Oncall { verb } => verb.run().await,
        Verb::Replay(replay) => Box::pin(replay.run(&cli.log)).await,
        Verb::Receivers { verb } => verb.run().await,
        Verb::Test(test) => Box::pin(test.run(&cli.log)).await,
        Verb::Routes(routes) => routes.run(),
        Verb::Rules { verb } => verb.run(),
    }
}

/// Prints a line for the person; a closed pipe (`| head`) is not an error.
fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

fn complain(line: &str) {
    // Nothing is left to be told to if stderr is gone.
    drop(writeln!(std::io::stderr(), "{line}"));
}
