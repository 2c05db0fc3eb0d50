//! `plimsoll demo`: the whole product on loopback, in a temporary folder, on a clock that runs 20 times faster.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use plimsoll_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Listeners};
use crate::clock::FastClock;
use crate::config::Config;
use crate::demo::{self, Mailbox};
use crate::telemetry::Telemetry;

const TIMES_FASTER: u32 = 20;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after the page; the exit code says whether it came.
    #[arg(long)]
    once: bool,
}

impl Demo {
    /// Our own spans stay at home here: their SDK reads the wall's clock, and this process has another.
    pub(super) async fn run(self, log: &str) -> anyhow::Result<ExitCode> {
        let _telemetry = Telemetry::logs(if log == "info" { "warn" } else { log })?;
        let clock: Arc<dyn Clock> = Arc::new(FastClock::new(TIMES_FASTER));
        let stop = CancellationToken::new();
        super::serve::stop_on_signal(stop.clone())?;

        let folder = tempfile::Builder::new().prefix("plimsoll-demo-").tempdir()?;
        let mailbox = Mailbox::open(stop.clone()).await?;
        let listeners = Listeners::bind_or_any(&Config::default()).await?;
        let doors = listeners.addresses()?;
        write_files(folder.path(), &demo::files(&doors, &mailbox))?;
        let config = Config::read(&folder.path().join("plimsoll.toml"))?;

        let app = Arc::new(App::open(config, Arc::clone(&clock)).await?);
        let product = tokio::spawn(app.run(listeners, stop.clone()));
        let options = demo::Options { once: self.once, program: program(), ..demo::Options::default() };
        let told = demo::run(options, doors, clock, mailbox, super::say, stop.clone()).await;
        stop.cancel();
        product.await.context("the product panicked")??;
        told.map(|()| ExitCode::SUCCESS)
    }
}

fn write_files(folder: &Path, files: &[(&'static str, String)]) -> anyhow::Result<()> {
    for (name, contents) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
        }
        std::fs::write(&path, contents).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// How the person called us, for commands to copy.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "plimsoll".to_owned())
}
