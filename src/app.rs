//! The whole product, composed: every room is built here, and `rules` and `alerting` meet here only, through one
//! bounded channel of alerts.

mod ingest_ledger;
mod listeners;
mod loops;
mod metrics;

use std::sync::Arc;

use anyhow::{Context, bail};
use plimsoll_alerting::{Alerting, Delivery, Routing};
use plimsoll_collector::{Collector, OtlpReader};
use plimsoll_dashboards::{Faces, MetricsSource};
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, Decision, ReadOriginal};
use plimsoll_query::QueryEngine;
use plimsoll_rules::{Evaluator, RuleSet};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::health::HealthBoard;
use crate::ledger::{self, Ledger};

pub use listeners::{Addresses, Listeners};

/// Every room, built and joined, but not yet running.
#[derive(Debug)]
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    lake: Lake,
    engine: QueryEngine,
    collector: Collector,
    evaluator: Mutex<Evaluator>,
    alerting: Alerting,
    ledger: Arc<Ledger>,
    decisions: Mutex<mpsc::Receiver<Decision>>,
    health: Arc<HealthBoard>,
}

impl App {
    /// Opens the lake (replaying its log), reads rules and routing, and restores what was firing.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let lake = Lake::open(config.lake(), Arc::clone(&clock), originals())
            .await
            .context("the lake can't be opened")?;
        let (ledger, decisions) = Ledger::new();

        let routing = load_routing(&config)?;
        let alerting = Alerting::open(config.alerting(), routing, Arc::<Ledger>::clone(&ledger))
            .context("alerting's store can't be opened")?;

        let collector = Collector::new(config.collector(), lake.clone(), Arc::clone(&clock));
        ingest_ledger::resume(collector.ledger(), &lake);
        let slos = plimsoll_rules::SloTable::default();
        let mut state = alerting.state_tables();
        state.push(Arc::new(slos.clone()));
        state.push(Arc::new(collector.ledger().clone()));
        let engine = QueryEngine::new(config.query(), lake.clone(), state, Arc::clone(&clock))?;

        let rules = load_rules(&config, &engine).await?;
        let evaluator = Evaluator::start(
            config.rules()?,
            rules,
            engine.clone(),
            lake.clone(),
            Arc::<Ledger>::clone(&ledger),
            slos,
        )
        .await
        .context("the evaluator can't restore its state")?;

        Ok(Self {
            health: HealthBoard::new(Arc::clone(&clock), lake.clone(), config.lake().flush_age),
            config,
            clock,
            lake,
            engine,
            collector,
            evaluator: Mutex::new(evaluator),
            alerting,
            ledger,
            decisions: Mutex::new(decisions),
        })
    }

    #[must_use]
    pub fn engine(&self) -> &QueryEngine {
        &self.engine
    }

    #[must_use]
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    #[must_use]
    pub fn collector(&self) -> &Collector {
        &self.collector
    }

    /// What the rooms count, read when it is asked for. Holds the app weakly.
    #[must_use]
    pub fn metrics(self: &Arc<Self>) -> Arc<dyn MetricsSource> {
        Arc::new(metrics::AppMetrics(Arc::downgrade(self)))
    }

    fn faces(self: &Arc<Self>) -> Faces {
        Faces {
            engine: self.engine.clone(),
            health: Arc::<HealthBoard>::clone(&self.health),
            metrics: self.metrics(),
            clock: Arc::clone(&self.clock),
            public_url: self.config.public_url(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// One whole pass at the clock's now: evaluate, receive, dispatch, deliver, and write the decisions down. What the
    /// loops do side by side, in sequence, for whoever moves time by hand.
    pub async fn step(&self) -> anyhow::Result<Vec<Delivery>> {
        let now = self.clock.now();
        let alerts = self.evaluator.lock().await.tick(now).await;
        self.alerting.receive(alerts, now).await?;
        self.alerting.dispatch(now).await?;
        let (deliveries, _) = self.alerting.deliver(now).await?;

        let mut decisions = Vec::new();
        let mut waiting = self.decisions.lock().await;
        while let Ok(decision) = waiting.try_recv() {
            decisions.push(decision);
        }
        if !decisions.is_empty() {
            ledger::append(&self.lake, self.clock.as_ref(), &decisions).await;
        }
        Ok(deliveries)
    }

    /// Runs until `stop`, or until a part of it dies: a pager that is half dead must be restarted, not trusted.
    pub async fn run(self: Arc<Self>, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
        loops::run(self, listeners, stop).await
    }
}

/// What reads the requests that the log holds as they were sent.
pub(crate) fn originals() -> Arc<dyn ReadOriginal> {
    Arc::new(OtlpReader)
}

fn load_routing(config: &Config) -> anyhow::Result<Routing> {
    let config = config.alerting();
    if !config.file.exists() {
        tracing::warn!(file = %config.file.display(), "there is no routing file: alerts are kept and shown, but nobody is told");
        return Ok(Routing::nobody());
    }
    let (routing, findings) = Routing::load(&config);
    report(findings.iter().map(|finding| (finding.is_error, finding.to_string())));
    let Some(routing) = routing else {
        bail!("{}", errors(findings.iter().map(|finding| (finding.is_error, finding.to_string()))));
    };
    Ok(routing)
}

async fn load_rules(config: &Config, engine: &QueryEngine) -> anyhow::Result<RuleSet> {
    let (rules, findings) = RuleSet::load(&config.rules()?, engine).await;
    report(findings.iter().map(|finding| (finding.is_error, finding.to_string())));
    let Some(rules) = rules else {
        bail!("{}", errors(findings.iter().map(|finding| (finding.is_error, finding.to_string()))));
    };
    Ok(rules)
}

fn report(findings: impl Iterator<Item = (bool, String)>) {
    for (_, finding) in findings.filter(|(is_error, _)| !is_error) {
        tracing::warn!("{finding}");
    }
}

fn errors(findings: impl Iterator<Item = (bool, String)>) -> String {
    let lines: Vec<String> = findings.filter(|(is_error, _)| *is_error).map(|(_, finding)| finding).collect();
    lines.join("\n")
}

/// Everything wrong with the files, errors and warnings, without running anything.
pub async fn check(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Vec<(bool, String)>> {
    let scratch = tempfile::tempdir().context("no temporary folder can be made")?;
    let config = config.with_data_dir(scratch.path().to_owned());
    let mut found = Vec::new();

    let alerting = config.alerting();
    if alerting.file.exists() {
        let (_, findings) = Routing::load(&alerting);
        found.extend(findings.into_iter().map(|finding| (finding.is_error, finding.to_string())));
    } else {
        found.push((false, format!("{}: no such file, so nobody will be told", alerting.file.display())));
    }

    let lake = Lake::open(config.lake(), Arc::clone(&clock), originals()).await?;
    let (ledger, _decisions) = Ledger::new();
    let store = Alerting::open(alerting, Routing::nobody(), ledger)?;
    let mut state = store.state_tables();
    state.push(Arc::new(plimsoll_rules::SloTable::default()));
    let engine = QueryEngine::new(config.query(), lake, state, clock)?;
    let (_, findings) = RuleSet::load(&config.rules()?, &engine).await;
    found.extend(findings.into_iter().map(|finding| (finding.is_error, finding.to_string())));
    Ok(found)
}
