//! `plimsoll serve`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Weak};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Listeners};
use crate::clock::SystemClock;
use crate::config::{Config, Tenant};
use crate::telemetry::Telemetry;

pub(super) async fn serve(file: &Path, log: &str) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    // Before anything takes long: a hangup that comes meanwhile must not end the process.
    let hangup = signal(SignalKind::hangup()).context("SIGHUP can't be handled")?;
    let listeners = Listeners::bind(&config).await?;
    let addresses = listeners.addresses()?;
    let mut telemetry = match config.telemetry_interval() {
        Some(interval) => {
            let token = config.tenants().first().and_then(Tenant::own_token);
            Telemetry::to_ourselves(log, &format!("http://{}", addresses.grpc), token, interval)?
        }
        None => Telemetry::logs(log)?,
    };
    let app = Arc::new(App::open(config, Arc::new(SystemClock)).await?);
    telemetry.count(&app.metrics())?;
    tracing::info!(
        otlp_grpc = %addresses.grpc, otlp_http = %addresses.http, postgres = %addresses.postgres,
        console = %addresses.console, "ready"
    );

    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    reload_on(hangup, Arc::downgrade(&app));
    let outcome = app.run(listeners, stop).await;
    telemetry.finish();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// SIGINT and SIGTERM stop in order; a second one ends at once.
pub(super) fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be handled")?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(130);
            }
            tracing::info!("stopping: what was accepted is written first; a second signal ends at once");
            stop.cancel();
        }
    });
    Ok(())
}

/// How it went is logged, and shown in `/metrics`.
fn reload_on(mut hangup: Signal, app: Weak<App>) {
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(app) = app.upgrade() else { return };
            drop(app.reload().await);
        }
    });
}
