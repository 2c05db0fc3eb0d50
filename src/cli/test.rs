//! `plimsoll test`: one line a test, a difference for each that fails.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use plimsoll_rules::Pack;

use crate::rule_test::{self, Selection};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Files as `docs/testing-rules.md` describes them, named `*.test.yml` by custom.
    #[arg(required_unless_present = "pack", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The tests that come with a pack, as well.
    #[arg(long, value_name = "NAME")]
    pack: Option<String>,
    /// Only tests with this in their name.
    #[arg(long, value_name = "TEXT")]
    run: Option<String>,
}

impl Test {
    pub(super) async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        // What a server says at a start is of no interest here, unless somebody asks.
        crate::telemetry::Telemetry::logs(if log == "info" { "error" } else { log })?;
        let selection = Selection { containing: self.run, ..Selection::default() };
        let (mut passed, mut failed) = (0, 0);
        let mut files = self.files;
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        if let Some(name) = &self.pack {
            let pack = Pack::named(name).with_context(|| format!("there is no pack {name}"))?;
            files.extend(unpacked(pack, folder.path())?);
        }
        for file in &files {
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

/// The tests name their rules by paths.
fn unpacked(pack: &Pack, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for (path, text) in pack.files() {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
        std::fs::write(&file, text)?;
        tests.extend(path.ends_with(".test.yml").then_some(file));
    }
    Ok(tests)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}
