//! The files are read again while the process runs: rules, calendars and routing of every tenant, or of none.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use anyhow::bail;
use async_trait::async_trait;
use plimsoll_dashboards::Reload;
use plimsoll_model::Timestamp;

use super::{App, about};

/// How it went, for `/metrics`; a start that succeeds is the first.
#[derive(Debug)]
pub(super) struct Reloads {
    turn: tokio::sync::Mutex<()>,
    is_last_good: AtomicBool,
    last_good_at: AtomicI64,
}

impl Reloads {
    pub(super) fn since(start: Timestamp) -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            is_last_good: AtomicBool::new(true),
            last_good_at: AtomicI64::new(start.nanos()),
        }
    }

    pub(super) fn is_last_good(&self) -> bool {
        self.is_last_good.load(Relaxed)
    }

    pub(super) fn last_good_at(&self) -> Timestamp {
        Timestamp::from_nanos(self.last_good_at.load(Relaxed))
    }
}

impl App {
    /// Reads every file again. While one of them is wrong all that was in force stays, and the error names each finding with
    /// its place. Comes back with the keys of `plimsoll.toml` that changed and wait for a restart.
    pub async fn reload(&self) -> anyhow::Result<Vec<String>> {
        let _turn = self.reloads.turn.lock().await;
        let outcome = Box::pin(self.read_again()).await;
        self.reloads.is_last_good.store(outcome.is_ok(), Relaxed);
        match &outcome {
            Ok(left_alone) => {
                self.reloads.last_good_at.store(self.clock.now().nanos(), Relaxed);
                tracing::info!(needs_restart = left_alone.join(", "), "rules and routing were read again");
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "rules and routing stay as they were");
            }
        }
        outcome
    }

    async fn read_again(&self) -> anyhow::Result<Vec<String>> {
        let (config, left_alone) = self.config.reread()?;
        let (mut prepared, mut refused) = (Vec::new(), Vec::new());
        for (tenant, rooms) in config.tenants().iter().zip(&self.rooms) {
            match Box::pin(rooms.prepare(&config, tenant)).await {
                Ok(next) => prepared.push((rooms, next)),
                Err(error) if tenant.name.is_default() => refused.push(format!("{error:#}")),
                Err(error) => refused.push(format!("{}: {error:#}", about(tenant))),
            }
        }
        if !refused.is_empty() {
            bail!("{}", refused.join("\n"));
        }
        for (rooms, next) in prepared {
            Box::pin(rooms.follow(next)).await;
        }
        Ok(left_alone)
    }
}

/// For the console, which must not keep alive what it looks at.
#[derive(Debug)]
pub(super) struct AppReload(pub(super) Weak<App>);

#[async_trait]
impl Reload for AppReload {
    async fn reload(&self) -> Result<Vec<String>, String> {
        let app = self.0.upgrade().ok_or("the process is stopping")?;
        app.reload().await.map_err(|error| format!("{error:#}"))
    }
}
