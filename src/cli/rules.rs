//! `plimsoll rules ...`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Rules {
    /// Print the OpenSLO v1 that a short form stands for.
    Expand { file: PathBuf },
}

impl Rules {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Expand { file } = self;
        let yaml =
            std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        match plimsoll_rules::expand(&yaml, &file) {
            Ok(expanded) => {
                super::say(expanded.trim_end());
                Ok(ExitCode::SUCCESS)
            }
            Err(findings) => {
                for finding in findings {
                    super::complain(&format!("error: {finding}"));
                }
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
