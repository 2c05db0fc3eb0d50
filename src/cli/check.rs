//! `plimsoll check`: every finding of every file at once, each with its place and cure.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::config::Config;

pub(super) async fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    let findings = crate::app::check(config, Arc::new(SystemClock)).await?;
    let errors = findings.iter().filter(|(is_error, _)| *is_error).count();
    for (is_error, finding) in &findings {
        super::complain(&format!("{}: {finding}", if *is_error { "error" } else { "warning" }));
    }
    if errors > 0 {
        super::complain(&format!("{errors} error(s), {} warning(s)", findings.len() - errors));
        return Ok(ExitCode::FAILURE);
    }
    super::say(&format!("{} is good: {} warning(s)", file.display(), findings.len()));
    Ok(ExitCode::SUCCESS)
}
