//! What runs: listeners, evaluation, alerting, delivery, the ledger and the lake's upkeep. Each task is awaited here;
//! one that ends before it was told to ends the process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use plimsoll_model::{Alert, Clock, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::{App, Listeners, ingest_ledger};
use crate::ledger;

/// Alerts are level-triggered, so a few ticks are all that is worth keeping.
const ALERT_TICKS: usize = 4;
/// A loop that is silent for longer is reported as unwell.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest a loop sleeps without being woken: timers that others moved are seen at the latest then.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

type Outcome = (&'static str, anyhow::Result<()>);

pub(super) async fn run(app: Arc<App>, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tasks: JoinSet<Outcome> = JoinSet::new();
    serve(&mut tasks, &app, listeners, &stop);
    judge_and_tell(&mut tasks, &app, &stop);
    write_and_keep(&mut tasks, &app, &stop);

    let ended = await_end(&mut tasks, &stop).await;
    stop.cancel();
    while let Some(task) = tasks.join_next().await {
        if let Ok((name, Err(error))) = task {
            tracing::error!(part = name, error = format!("{error:#}"), "a part failed while stopping");
        }
    }
    // Every request has been answered by now, so what this minute counted is final.
    ingest_ledger::write(app.collector.ledger(), &app.lake, true).await;
    ended
}

fn serve(tasks: &mut JoinSet<Outcome>, app: &Arc<App>, listeners: Listeners, stop: &CancellationToken) {
    let Listeners { grpc, http, postgres, console } = listeners;
    let (collector, until) = (app.collector.clone(), stop.clone());
    tasks.spawn(async move { ("OTLP/gRPC", collector.serve_grpc(grpc, until).await.map_err(Into::into)) });

    let (collector, until) = (app.collector.clone(), stop.clone());
    tasks.spawn(async move { ("OTLP/HTTP", collector.serve_http(http, until).await.map_err(Into::into)) });

    let (engine, until) = (app.engine.clone(), stop.clone());
    tasks.spawn(async move {
        ("PostgreSQL wire", plimsoll_query::serve_postgres(engine, postgres, until).await.map_err(Into::into))
    });

    let (faces, until) = (app.faces(), stop.clone());
    tasks.spawn(async move {
        ("console", plimsoll_dashboards::serve(faces, console, until).await.map_err(Into::into))
    });
}

fn judge_and_tell(tasks: &mut JoinSet<Outcome>, app: &Arc<App>, stop: &CancellationToken) {
    let (alerts, stated) = mpsc::channel(ALERT_TICKS);
    let outbox = Arc::new(Notify::new());
    for part in ["evaluation", "alerting", "delivery"] {
        app.health.expect(part, SILENCE);
    }
    let task = evaluate(Arc::clone(app), alerts, stop.clone());
    tasks.spawn(async move { ("evaluation", task.await) });
    let task = alert(Arc::clone(app), stated, Arc::clone(&outbox), stop.clone());
    tasks.spawn(async move { ("alerting", task.await) });
    let task = deliver(Arc::clone(app), outbox, stop.clone());
    tasks.spawn(async move { ("delivery", task.await) });
}

fn write_and_keep(tasks: &mut JoinSet<Outcome>, app: &Arc<App>, stop: &CancellationToken) {
    let (owner, until) = (Arc::clone(app), stop.clone());
    tasks.spawn(async move {
        let mut decisions = owner.decisions.lock().await;
        let (lake, clock) = (owner.lake.clone(), Arc::clone(&owner.clock));
        ledger::write_decisions(&mut decisions, lake, clock, until).await;
        ("ledger", Ok(()))
    });
    let (ledger, lake, until) = (app.collector.ledger().clone(), app.lake.clone(), stop.clone());
    let clock = Arc::clone(&app.clock);
    tasks.spawn(async move {
        ingest_ledger::keep(ledger, lake, clock, until).await;
        ("ingest ledger", Ok(()))
    });
    let (lake, until) = (app.lake.clone(), stop.clone());
    tasks.spawn(async move {
        lake.maintain(until).await;
        ("lake", Ok(()))
    });
}

/// `Ok` when told to stop; the reason when a task ended by itself.
async fn await_end(tasks: &mut JoinSet<Outcome>, stop: &CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(task) = tasks.join_next() => match task {
            Ok((name, Err(error))) => Err(error.context(format!("{name} failed"))),
            Ok((_, Ok(()))) if stop.is_cancelled() => Ok(()),
            Ok((name, Ok(()))) => bail!("{name} ended without being told to"),
            Err(panicked) => Err(anyhow!(panicked).context("a part of the process panicked")),
        },
    }
}

async fn evaluate(
    app: Arc<App>,
    alerts: mpsc::Sender<Vec<Alert>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let interval = app.config.evaluation_interval();
    while !stop.is_cancelled() {
        let pass = info_span!("evaluation pass", alerts = Empty);
        let stated = app.evaluator.lock().await.tick(app.clock.now()).instrument(pass.clone()).await;
        pass.record("alerts", stated.len());
        if alerts.try_send(stated).is_err() {
            tracing::warn!("alerting is busy: one tick's alerts are left to the next");
        }
        app.health.beat("evaluation", None);
        pause(app.clock.as_ref(), interval, &stop).await;
    }
    Ok(())
}

async fn alert(
    app: Arc<App>,
    mut stated: mpsc::Receiver<Vec<Alert>>,
    outbox: Arc<Notify>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut next = None;
    loop {
        let wait = time_until(next, app.clock.now());
        let alerts = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            alerts = stated.recv() => alerts,
            () = app.clock.sleep(wait) => None,
        };
        let pass = info_span!("alerting pass");
        match receive_and_dispatch(&app, alerts).instrument(pass).await {
            Ok(deadline) => {
                next = deadline;
                app.health.beat("alerting", None);
            }
            Err(error) => {
                tracing::error!(%error, "alerting could not write its store; the next tick tries again");
                app.health.beat("alerting", Some(error.to_string()));
            }
        }
        outbox.notify_one();
    }
}

async fn receive_and_dispatch(
    app: &App,
    alerts: Option<Vec<Alert>>,
) -> Result<Option<Timestamp>, plimsoll_alerting::AlertingError> {
    if let Some(alerts) = alerts {
        app.alerting.receive(alerts, app.clock.now()).await?;
    }
    app.alerting.dispatch(app.clock.now()).await
}

async fn deliver(app: Arc<App>, outbox: Arc<Notify>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut next = None;
    while !stop.is_cancelled() {
        let pass = info_span!("delivery pass", sent = Empty);
        match app.alerting.deliver(app.clock.now()).instrument(pass.clone()).await {
            Ok((deliveries, deadline)) => {
                pass.record("sent", deliveries.len());
                next = deadline;
                app.health.beat("delivery", None);
            }
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read; it is tried again");
                app.health.beat("delivery", Some(error.to_string()));
            }
        }
        let wait = time_until(next, app.clock.now());
        tokio::select! {
            () = stop.cancelled() => {}
            () = outbox.notified() => {}
            () = app.clock.sleep(wait) => {}
        }
    }
    Ok(())
}

fn time_until(deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    deadline.map_or(LONGEST_SLEEP, |deadline| deadline.since(now).min(LONGEST_SLEEP))
}

async fn pause(clock: &dyn Clock, duration: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = clock.sleep(duration) => {}
    }
}
