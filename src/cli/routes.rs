//! `plimsoll routes show` and `plimsoll routes test`, which print what `amtool config routes` prints.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use plimsoll_alerting::{Routing, labels_of};
use plimsoll_model::TenantName;

use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Routes {
    #[command(subcommand)]
    verb: Verb,
    /// Plimsoll's configuration, which names the routing file; or a routing file itself (.yml).
    #[arg(long, global = true, alias = "config.file", default_value = "plimsoll.toml", value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the whole tree.
    Show,
    /// Say who would hear of an alert with these labels; exit 1 when others than those expected would.
    Test {
        /// LABEL=VALUE, as many as the alert has.
        #[arg(value_name = "LABEL=VALUE")]
        labels: Vec<String>,
        /// Receivers that must be the ones, in the tree's order, with commas between them.
        #[arg(long = "verify.receivers", value_name = "RECEIVERS")]
        verify_receivers: Option<String>,
        /// Print the routes on the way, too.
        #[arg(long)]
        tree: bool,
    },
}

impl Routes {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let routing = routing(&self.config)?;
        match self.verb {
            Verb::Show => {
                super::say("Routing tree:");
                super::say(&routing.show());
                Ok(ExitCode::SUCCESS)
            }
            Verb::Test { labels, verify_receivers, tree } => {
                let labels = labels_of(&labels).context("Failed to parse labels")?;
                if tree {
                    super::say("Matching routes:");
                    super::say(&format!("{}\n", routing.show_way_of(&labels)));
                }
                let receivers = routing.receivers_of(&labels).join(",");
                super::say(&receivers);
                if verify_receivers.is_some_and(|expected| !expected.is_empty() && expected != receivers) {
                    super::say("WARNING: Expected receivers did not match resolved receivers.");
                    return Ok(ExitCode::FAILURE);
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn routing(file: &Path) -> anyhow::Result<Routing> {
    let is_routing_file = file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    let config = if is_routing_file {
        plimsoll_alerting::Config { file: file.to_owned(), ..plimsoll_alerting::Config::default() }
    } else {
        Config::read(file)?.alerting(&TenantName::default())
    };
    let (routing, findings) = Routing::load(&config);
    for finding in &findings {
        super::complain(&format!("{}: {finding}", if finding.is_error { "error" } else { "warning" }));
    }
    match routing {
        Some(routing) => Ok(routing),
        None => bail!("{} can't be used", config.file.display()),
    }
}
