//! What runs: listeners, evaluation, alerting, delivery, the ledger and the lake's upkeep. Each task is awaited here;
//! one that ends before it was told to ends the process.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{anyhow, bail};
use plimsoll_model::{Alert, Clock, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::pace::Pace;
use super::rooms::Rooms;
use super::{App, Listeners, heartbeat, ingest_ledger};
use crate::health::{HealthBoard, part_of};
use crate::ledger;

/// Alerts are level-triggered, so a few ticks are all that is worth keeping.
const ALERT_TICKS: usize = 4;
/// A loop that is silent for longer is reported as unwell.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest a loop sleeps without being woken: timers that others moved are seen at the latest then.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// More than this beyond it, and the clock jumped or the process was stopped.
const JUMP: Duration = Duration::from_secs(30);
const LEASE_INTERVAL: Duration = Duration::from_secs(1);

type Outcome = (&'static str, anyhow::Result<()>);

pub(super) async fn run(app: Arc<App>, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tasks: JoinSet<Outcome> = JoinSet::new();
    serve(&mut tasks, &app, listeners, &stop);
    fetch(&mut tasks, &app, &stop);
    if let Some(heartbeat) = &app.heartbeat {
        let task = heartbeat::beat(Arc::clone(&app), Arc::clone(heartbeat), stop.clone());
        tasks.spawn(async move {
            task.await;
            ("dead-man's switch", Ok(()))
        });
    }
    for rooms in &app.rooms {
        judge_and_tell(&mut tasks, &app, rooms, &stop);
        write_and_keep(&mut tasks, rooms, &stop);
    }

    let ended = await_end(&mut tasks, &stop).await;
    stop.cancel();
    while let Some(task) = tasks.join_next().await {
        if let Ok((name, Err(error))) = task {
            tracing::error!(part = name, error = format!("{error:#}"), "a part failed while stopping");
        }
    }
    // Every request has been answered by now, so what this minute counted is final.
    for rooms in &app.rooms {
        ingest_ledger::write(&rooms.arrivals, &rooms.lake, true).await;
    }
    ended
}

fn serve(tasks: &mut JoinSet<Outcome>, app: &Arc<App>, listeners: Listeners, stop: &CancellationToken) {
    let Listeners { grpc, http, postgres, console } = listeners;
    let (collector, until) = (app.collector.clone(), stop.clone());
    tasks.spawn(async move { ("OTLP/gRPC", collector.serve_grpc(grpc, until).await.map_err(Into::into)) });

    let (collector, until) = (app.collector.clone(), stop.clone());
    tasks.spawn(async move { ("OTLP/HTTP", collector.serve_http(http, until).await.map_err(Into::into)) });

    let (databases, until) = (app.databases.clone(), stop.clone());
    tasks.spawn(async move {
        (
            "PostgreSQL wire",
            plimsoll_query::serve_postgres(databases, postgres, until).await.map_err(Into::into),
        )
    });

    let (faces, until) = (app.faces(), stop.clone());
    tasks.spawn(async move {
        ("console", plimsoll_dashboards::serve(faces, console, until).await.map_err(Into::into))
    });
}

/// Awaited like everything else: what a reader took is durable and remembered before the process ends.
fn fetch(tasks: &mut JoinSet<Outcome>, app: &Arc<App>, stop: &CancellationToken) {
    let (sources, until) = (Arc::clone(&app.sources), stop.clone());
    tasks.spawn(async move { ("sources", sources.run(until).await.map_err(Into::into)) });
}

fn judge_and_tell(
    tasks: &mut JoinSet<Outcome>,
    app: &Arc<App>,
    rooms: &Arc<Rooms>,
    stop: &CancellationToken,
) {
    let (alerts, stated) = mpsc::channel(ALERT_TICKS);
    let outbox = Arc::new(Notify::new());
    let pulse = |name: &str| {
        let part = part_of(name, &rooms.tenant);
        app.health.expect(&part, SILENCE);
        Pulse { board: Arc::clone(&app.health), part }
    };
    if app.config.shares_alerts() {
        let task = hold_lease(Arc::clone(rooms), Arc::clone(&app.health), stop.clone());
        tasks.spawn(async move { ("lease", task.await) });
    }
    let interval = app.config.evaluation_interval();
    let task = evaluate(Arc::clone(rooms), alerts, interval, pulse("evaluation"), stop.clone());
    tasks.spawn(async move { ("evaluation", task.await) });
    let task = alert(Arc::clone(rooms), stated, Arc::clone(&outbox), pulse("alerting"), stop.clone());
    tasks.spawn(async move { ("alerting", task.await) });
    let task = deliver(Arc::clone(rooms), outbox, pulse("delivery"), stop.clone());
    tasks.spawn(async move { ("delivery", task.await) });
}

/// A loop's sign of life.
struct Pulse {
    board: Arc<HealthBoard>,
    part: String,
}

impl Pulse {
    fn beat(&self, trouble: Option<String>) {
        self.board.beat(&self.part, trouble);
    }
}

fn write_and_keep(tasks: &mut JoinSet<Outcome>, rooms: &Arc<Rooms>, stop: &CancellationToken) {
    let (owner, until) = (Arc::clone(rooms), stop.clone());
    tasks.spawn(async move {
        let mut decisions = owner.decisions.lock().await;
        let (lake, clock) = (owner.lake.clone(), Arc::clone(&owner.clock));
        ledger::write_decisions(&mut decisions, lake, clock, until).await;
        ("ledger", Ok(()))
    });
    let (ledger, lake, until) = (rooms.arrivals.clone(), rooms.lake.clone(), stop.clone());
    let clock = Arc::clone(&rooms.clock);
    tasks.spawn(async move {
        ingest_ledger::keep(ledger, lake, clock, until).await;
        ("ingest ledger", Ok(()))
    });
    let (lake, until) = (rooms.lake.clone(), stop.clone());
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
    rooms: Arc<Rooms>,
    alerts: mpsc::Sender<Vec<Alert>>,
    interval: Duration,
    pulse: Pulse,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut pace = Pace::new(interval);
    while !stop.is_cancelled() {
        let pass = info_span!("evaluation pass", alerts = Empty);
        let began = rooms.clock.now();
        let stated = rooms.evaluator.lock().await.tick(began).instrument(pass.clone()).await;
        pass.record("alerts", stated.len());
        if pace.is_worth_saying(&stated, began) && alerts.try_send(stated).is_err() {
            pace.was_not_heard();
            rooms.dropped_ticks.fetch_add(1, Relaxed);
            tracing::warn!("alerting is busy: one tick's alerts are left to the next");
        }
        pulse.beat(None);
        let took = rooms.clock.now().since(began);
        rooms.passes.fetch_add(1, Relaxed);
        rooms.passes_took.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        let rest = pace.rest(took);
        pause(rooms.clock.as_ref(), rest, &stop).await;
    }
    Ok(())
}

/// Two processes on one database: one of them decides and sends. What came of it is told by `/-/ready`.
async fn hold_lease(
    rooms: Arc<Rooms>,
    health: Arc<HealthBoard>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let part = part_of("alerting", &rooms.tenant);
    while !stop.is_cancelled() {
        let note = match rooms.alerting.lead().await {
            Ok(true) => "leads".to_owned(),
            Ok(false) => "stands by, another process leads".to_owned(),
            Err(error) => error.to_string(),
        };
        health.note(&part, note);
        pause(rooms.clock.as_ref(), LEASE_INTERVAL, &stop).await;
    }
    Ok(())
}

async fn alert(
    rooms: Arc<Rooms>,
    mut stated: mpsc::Receiver<Vec<Alert>>,
    outbox: Arc<Notify>,
    pulse: Pulse,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut next = None;
    let mut woke = rooms.clock.now();
    loop {
        let wait = time_until(next, rooms.clock.now());
        let alerts = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            alerts = stated.recv() => alerts,
            () = rooms.alerting.news() => None,
            () = rooms.clock.sleep(wait) => None,
        };
        let slept_since = std::mem::replace(&mut woke, rooms.clock.now());
        if woke.since(slept_since) > LONGEST_SLEEP + JUMP {
            tracing::warn!(
                from = slept_since.to_rfc3339(),
                to = woke.to_rfc3339(),
                "the clock jumped or the process was stopped"
            );
            rooms.alerting.clock_jumped();
        }
        let pass = info_span!("alerting pass");
        match rooms.receive_and_dispatch(alerts).instrument(pass).await {
            Ok(deadline) => {
                next = deadline;
                pulse.beat(None);
            }
            Err(error) => {
                tracing::error!(%error, "alerting could not write its store; the next tick tries again");
                pulse.beat(Some(error.to_string()));
            }
        }
        outbox.notify_one();
    }
}

async fn deliver(
    rooms: Arc<Rooms>,
    outbox: Arc<Notify>,
    pulse: Pulse,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut next = None;
    while !stop.is_cancelled() {
        let pass = info_span!("delivery pass", sent = Empty);
        match rooms.alerting.deliver(rooms.clock.now()).instrument(pass.clone()).await {
            Ok((deliveries, deadline)) => {
                pass.record("sent", deliveries.len());
                next = deadline;
                pulse.beat(None);
            }
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read; it is tried again");
                pulse.beat(Some(error.to_string()));
            }
        }
        let wait = time_until(next, rooms.clock.now());
        tokio::select! {
            () = stop.cancelled() => {}
            () = outbox.notified() => {}
            () = rooms.clock.sleep(wait) => {}
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
