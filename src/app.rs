//! The whole product, composed: every room is built here, once for each tenant, and `rules` and `alerting` meet here
//! only, through one bounded channel of alerts.

mod delivery;
mod heard;
mod heartbeat;
mod ingest_ledger;
mod listeners;
mod loops;
mod metrics;
mod pace;
mod reload;
mod rooms;
mod simulation;
mod source_table;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, bail};
use plimsoll_alerting::{Alerting, Delivery, Heartbeat, Routing};
use plimsoll_collector::{Collector, OtlpReader};
use plimsoll_dashboards::{Faces, MetricsSource, Runbook};
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, ReadOriginal, TenantName};
use plimsoll_query::{Databases, QueryEngine};
use plimsoll_rules::{CalendarBook, Pack, RuleSet, SloTable};
use plimsoll_sources::Sources;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Tenant};
use crate::health::HealthBoard;
use crate::ledger::Ledger;
use rooms::Rooms;

pub use listeners::{Addresses, Listeners};
pub(crate) use simulation::Simulation;

/// Every room, built and joined, but not yet running.
#[derive(Debug)]
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    collector: Collector,
    /// Of each tenant; the default one's come first.
    rooms: Vec<Arc<Rooms>>,
    databases: Databases,
    sources: Arc<Sources>,
    health: Arc<HealthBoard>,
    reloads: reload::Reloads,
    heartbeat: Option<Arc<Heartbeat>>,
}

impl App {
    /// Opens the lakes (replaying their logs), reads rules and routing, and restores what was firing.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let tenants = config.tenants();
        let mut lakes = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            lakes.push(open_lake(&config, tenant, &clock).await.with_context(|| about(tenant))?);
        }
        let senders = tenants.iter().zip(&lakes).map(|(tenant, lake)| sender(tenant, lake.clone()));
        let collector = Collector::new(config.collector(), senders.collect(), Arc::clone(&clock));

        let sources = sources::open(&config, &collector, &clock)?;
        let mut rooms: Vec<Arc<Rooms>> = Vec::with_capacity(tenants.len());
        for (tenant, lake) in tenants.iter().zip(lakes) {
            let first = rooms.first().map(|rooms| rooms.database.engine.clone());
            let opened = Box::pin(Rooms::open(
                &config,
                tenant,
                lake,
                &collector,
                sources.book(&tenant.name),
                first.as_ref(),
                &clock,
            ))
            .await;
            rooms.push(Arc::new(opened.with_context(|| about(tenant))?));
        }
        let databases = databases(&rooms)?;
        let lakes = rooms.iter().map(|rooms| (rooms.tenant.clone(), rooms.lake.clone())).collect();
        let health = HealthBoard::new(Arc::clone(&clock), lakes, config.flush_age());
        let heartbeat = config.dead_mans_switch()?.map(|config| Arc::new(Heartbeat::new(config)));
        let reloads = reload::Reloads::since(clock.now());
        Ok(Self { health, heartbeat, config, clock, collector, rooms, databases, sources, reloads })
    }

    /// Of the default tenant.
    #[must_use]
    pub fn engine(&self) -> &QueryEngine {
        self.databases.default_engine()
    }

    /// What is fetched; [`Self::run`] runs it, and so may whoever moves time by hand.
    #[must_use]
    pub fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources)
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
            databases: self.databases.clone(),
            alerting: self.alerting(),
            health: Arc::<HealthBoard>::clone(&self.health),
            metrics: self.metrics(),
            reload: Arc::new(reload::AppReload(Arc::downgrade(self))),
            clock: Arc::clone(&self.clock),
            started_at: self.clock.now(),
            public_url: self.config.public_url(),
            runbooks: runbooks(&self.config),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn alerting(&self) -> BTreeMap<TenantName, Alerting> {
        self.rooms.iter().map(|rooms| (rooms.tenant.clone(), rooms.alerting.clone())).collect()
    }

    /// One whole pass at the clock's now: evaluate, receive, dispatch, deliver, and write the decisions down. What the
    /// loops do side by side, in sequence, for whoever moves time by hand.
    pub async fn step(&self) -> anyhow::Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        for rooms in &self.rooms {
            deliveries.extend(rooms.step().await?);
        }
        Ok(deliveries)
    }

    #[cfg(test)]
    pub(crate) async fn append_for_tests(&self, batches: Vec<plimsoll_model::SignalBatch>) {
        let rooms = self.rooms.first().expect("there is always a default tenant");
        rooms.lake.append(batches).await.expect("appended");
    }

    /// Runs until `stop`, or until a part of it dies: a pager that is half dead must be restarted, not trusted.
    pub async fn run(self: Arc<Self>, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
        loops::run(self, listeners, stop).await
    }
}

fn runbooks(config: &Config) -> Vec<Runbook> {
    let texts = config.packs().flat_map(Pack::runbooks);
    texts.map(|(name, text)| Runbook { name: name.to_owned(), text: text.to_owned() }).collect()
}

/// What reads the requests that the log holds as they were sent.
pub(crate) fn originals() -> Arc<dyn ReadOriginal> {
    Arc::new(OtlpReader)
}

async fn open_lake(config: &Config, tenant: &Tenant, clock: &Arc<dyn Clock>) -> anyhow::Result<Lake> {
    let lake = Lake::open(config.lake(&tenant.name), Arc::clone(clock), originals()).await;
    lake.context("the lake can't be opened")
}

fn sender(tenant: &Tenant, lake: Lake) -> plimsoll_collector::Tenant {
    plimsoll_collector::Tenant {
        name: tenant.name.clone(),
        lake,
        tokens: tenant.ingest_tokens.clone(),
        quota: tenant.quota,
    }
}

fn databases(rooms: &[Arc<Rooms>]) -> anyhow::Result<Databases> {
    let (default, others) = rooms.split_first().context("there is always a default tenant")?;
    let others: BTreeMap<_, _> =
        others.iter().map(|rooms| (rooms.tenant.clone(), rooms.database.clone())).collect();
    Ok(Databases::new(default.database.clone(), others))
}

fn about(tenant: &Tenant) -> String {
    format!("tenant \"{}\"", tenant.name)
}

/// Warnings are logged; with an error among the findings there is nothing to go on with.
fn report_or_bail<T>(loaded: Option<T>, findings: impl Iterator<Item = (bool, String)>) -> anyhow::Result<T> {
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.partition(|(is_error, _)| *is_error);
    for (_, warning) in warnings {
        tracing::warn!("{warning}");
    }
    let Some(loaded) = loaded else {
        let lines: Vec<String> = errors.into_iter().map(|(_, error)| error).collect();
        bail!("{}", lines.join("\n"));
    };
    Ok(loaded)
}

/// Everything wrong with the files, errors and warnings, without running anything.
pub async fn check(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Vec<(bool, String)>> {
    let scratch = tempfile::tempdir().context("no temporary folder can be made")?;
    let config = config.with_data_dir(scratch.path().to_owned());
    let mut found: Vec<_> = config.warnings().into_iter().map(|warning| (false, warning)).collect();

    let default = Tenant::default();
    let alerting = config.alerting(&default.name);
    let mut asked = BTreeSet::new();
    if alerting.file.exists() {
        let (routing, findings) = Routing::load(&alerting);
        asked.extend(routing.iter().flat_map(Routing::calendars));
        found.extend(findings.into_iter().map(|finding| (finding.is_error, finding.to_string())));
    } else {
        found.push((false, format!("{}: no such file, so nobody will be told", alerting.file.display())));
    }

    let lake = open_lake(&config, &default, &clock).await?;
    let (ledger, _decisions) = Ledger::new();
    let store = Alerting::open(alerting, Routing::nobody(), ledger)?;
    let mut state = store.state_tables();
    state.push(Arc::new(SloTable::default()));
    state.push(Arc::new(source_table::SourceTable::new(Arc::clone(&clock))));
    let engine = rooms::engine(&config, lake, state, None, &clock, &CalendarBook::default())?;
    for tenant in config.tenants() {
        let (rules, findings) = RuleSet::load(&config.rules(tenant)?, &engine).await;
        let calendars = CalendarBook::default();
        let unknown = rules.and_then(|rules| {
            calendars.show(rules.calendars);
            rooms::unknown_calendar(&asked, &calendars)
        });
        let findings = findings.into_iter().map(|finding| (finding.is_error, finding.to_string()));
        for finding in findings.chain(unknown.map(|unknown| (true, unknown))) {
            // Most tenants share their files.
            if !found.contains(&finding) {
                found.push(finding);
            }
        }
    }
    Ok(found)
}
