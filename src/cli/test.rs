//! `plimsoll test`: one line a test, a difference for each that fails.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::rule_test::{self, Selection};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Files as `docs/testing-rules.md` describes them, named `*.test.yml` by custom.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only tests with this in their name.
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,
}

impl Test {
    pub(super) async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        // What a server says at a start is of no interest here, unless somebody asks.
        crate::telemetry::Telemetry::logs(if log == "info" { "error" } else { log })?;
        let selection = Selection { containing: self.run, rule: None };
        let (mut passed, mut failed) = (0, 0);
        for file in &self.files {
            let outcomes = match rule_test::run(file, &selection).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    super::complain(&format!("error: {error:#}"));
                    failed += 1;
                    continue;
                }
            };
            for outcome in outcomes {
                let place = format!("{}: {}", outcome.file.display(), outcome.name);
                if outcome.failures.is_empty() {
                    passed += 1;
                    super::say(&format!("ok    {place}"));
                    continue;
                }
                failed += 1;
                super::say(&format!("FAIL  {place}"));
                for failure in &outcome.failures {
                    super::say(&indented(failure));
                }
            }
        }
        super::say(&format!("{passed} passed, {failed} failed"));
        let is_good = failed == 0 && passed > 0;
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
