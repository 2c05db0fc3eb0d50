//! The rooms of one tenant: its lake, the engine over it, what judges and what tells. Two tenants share threads, limits
//! and listeners, and no table, store or file.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use anyhow::{Context, bail};
use plimsoll_alerting::{Alerting, Delivery, Routing};
use plimsoll_collector::{Collector, IngestLedger};
use plimsoll_lake::Lake;
use plimsoll_model::{Alert, BusinessClock, Clock, Decision, SourceBook, StateTable, TenantName, Timestamp};
use plimsoll_query::{Database, QueryEngine};
use plimsoll_rules::{CalendarBook, CalendarTable, Calendars, Evaluator, RuleSet, SloTable, Succession};
use tokio::sync::{Mutex, mpsc};

use super::source_table::{self, SourceTable};
use super::{ingest_ledger, report_or_bail};
use crate::config::{Config, Tenant};
use crate::ledger::{self, Ledger};

#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) tenant: TenantName,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lake: Lake,
    pub(super) database: Database,
    pub(super) arrivals: IngestLedger,
    calendars: CalendarBook,
    /// Whether there was a routing file when one was last read.
    has_routing: AtomicBool,
    pub(super) evaluator: Mutex<Evaluator>,
    pub(super) alerting: Alerting,
    pub(super) ledger: Arc<Ledger>,
    pub(super) decisions: Mutex<mpsc::Receiver<Decision>>,
    /// Ticks whose alerts found alerting busy; the next one states them again.
    pub(super) dropped_ticks: AtomicU64,
    pub(super) passes: AtomicU64,
    /// Microseconds that they took, all together.
    pub(super) passes_took: AtomicU64,
}

/// Rules, calendars and routing that are to take the place of those in force.
#[derive(Debug)]
pub(super) struct Next {
    routing: Routing,
    has_routing: bool,
    calendars: Arc<Calendars>,
    rules: Succession,
}

impl Rooms {
    /// Reads rules and routing, and restores what was firing. `first` is the engine of the rooms that were opened first.
    pub(super) async fn open(
        config: &Config,
        tenant: &Tenant,
        lake: Lake,
        collector: &Collector,
        fetched: Arc<dyn SourceBook>,
        first: Option<&QueryEngine>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let (ledger, decisions) = Ledger::new();
        let routing = load_routing(config, &tenant.name)?;
        let asked = routing.calendars();
        let alerting = Alerting::open(config.alerting(&tenant.name), routing, Arc::<Ledger>::clone(&ledger))
            .context("alerting's store can't be opened")?;

        let arrivals = collector.ledger(&tenant.name).context("the collector doesn't know the tenant")?;
        ingest_ledger::resume(&arrivals, &lake);
        let slos = SloTable::default();
        let mut state = alerting.state_tables();
        state.push(Arc::new(slos.clone()));
        state.push(Arc::new(arrivals.clone()));
        let sent = collector.sources(&tenant.name).context("the collector doesn't know the tenant")?;
        let sources = SourceTable::new(Arc::clone(clock));
        sources.list(Arc::new(sent.clone()));
        sources.list(fetched);
        state.push(Arc::new(sources.clone()));
        let calendars = CalendarBook::default();
        let engine = engine(config, lake.clone(), state, first, clock, &calendars)?;

        source_table::remember(&engine, &sent, clock.now()).await;
        let rules = load_rules(config, tenant, &engine).await?;
        calendars.show(Arc::clone(&rules.calendars));
        if let Some(unknown) = unknown_calendar(&asked, &calendars) {
            bail!("{unknown}");
        }
        alerting.set_business_clock(Arc::new(calendars.clone()));
        let evaluator = Evaluator::start(
            config.rules(tenant)?,
            rules,
            engine.clone(),
            lake.clone(),
            Arc::<Ledger>::clone(&ledger),
            slos,
        )
        .await
        .context("the evaluator can't restore its state")?
        .with_sources(Arc::new(sources));

        Ok(Self {
            tenant: tenant.name.clone(),
            clock: Arc::clone(clock),
            lake,
            database: Database { engine, tokens: tenant.query_tokens.clone() },
            arrivals,
            calendars,
            has_routing: AtomicBool::new(config.alerting(&tenant.name).file.exists()),
            evaluator: Mutex::new(evaluator),
            alerting,
            ledger,
            decisions: Mutex::new(decisions),
            dropped_ticks: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            passes_took: AtomicU64::new(0),
        })
    }

    /// What the files say now, read and checked; nothing changes yet.
    pub(super) async fn prepare(&self, config: &Config, tenant: &Tenant) -> anyhow::Result<Next> {
        let engine = &self.database.engine;
        let (routing, rules) =
            match (self.load_routing_again(config), load_rules(config, tenant, engine).await) {
                (Ok(routing), Ok(rules)) => (routing, rules),
                (Err(one), Err(other)) => anyhow::bail!("{one:#}\n{other:#}"),
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
        let calendars = Arc::clone(&rules.calendars);
        let book = CalendarBook::default();
        book.show(Arc::clone(&calendars));
        if let Some(unknown) = unknown_calendar(&routing.calendars(), &book) {
            bail!("{unknown}");
        }
        let known = self.evaluator.lock().await.known();
        let has_routing = config.alerting(&tenant.name).file.exists();
        let rules = Succession::prepare(rules, &known, engine).await;
        Ok(Next { routing, has_routing, calendars, rules })
    }

    /// A file that is gone since is a mistake: nobody may stop being told because of it.
    fn load_routing_again(&self, config: &Config) -> anyhow::Result<Routing> {
        let file = config.alerting(&self.tenant).file;
        if self.has_routing.load(Relaxed) && !file.exists() {
            anyhow::bail!(
                "{}: the routing file is gone, and nobody would be told: put it back, or route to a receiver without \
                 integrations if that is what you want",
                file.display()
            );
        }
        load_routing(config, &self.tenant)
    }

    /// Puts in force what was prepared, between two passes.
    pub(super) async fn follow(&self, next: Next) {
        let mut evaluator = self.evaluator.lock().await;
        self.calendars.show(next.calendars);
        evaluator.follow(next.rules).await;
        self.has_routing.store(next.has_routing, Relaxed);
        self.alerting.reload(next.routing);
    }

    pub(super) async fn receive_and_dispatch(
        &self,
        alerts: Option<Vec<Alert>>,
    ) -> Result<Option<Timestamp>, plimsoll_alerting::AlertingError> {
        if let Some(alerts) = alerts {
            self.alerting.receive(alerts, self.clock.now()).await?;
        }
        self.alerting.dispatch(self.clock.now()).await
    }

    /// What the loops do side by side, in sequence.
    pub(super) async fn step(&self) -> anyhow::Result<Vec<Delivery>> {
        let now = self.clock.now();
        let alerts = self.evaluator.lock().await.tick(now).await;
        self.receive_and_dispatch(Some(alerts)).await?;
        self.deliver_now().await
    }

    /// Sends what is due, and writes down what was decided.
    pub(super) async fn deliver_now(&self) -> anyhow::Result<Vec<Delivery>> {
        let (deliveries, _) = self.alerting.deliver(self.clock.now()).await?;
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
}

/// Sessions of all tenants run in the same threads, within the same limits. Calendars are asked whenever a statement is.
pub(super) fn engine(
    config: &Config,
    lake: Lake,
    mut state: Vec<Arc<dyn StateTable>>,
    first: Option<&QueryEngine>,
    clock: &Arc<dyn Clock>,
    calendars: &CalendarBook,
) -> anyhow::Result<QueryEngine> {
    state.push(Arc::new(CalendarTable::new(calendars.clone(), Arc::clone(clock))));
    let engine = match first {
        Some(first) => first.for_tenant(lake, state),
        None => QueryEngine::new(config.query(), lake, state, Arc::clone(clock))?,
    };
    let asked: Arc<dyn BusinessClock> = Arc::new(calendars.clone());
    Ok(engine.with_business_clock(&asked)?)
}

/// What an urgency rule names must be a time interval of the routing file, or a calendar.
pub(super) fn unknown_calendar(asked: &BTreeSet<String>, calendars: &CalendarBook) -> Option<String> {
    let known = calendars.names();
    let unknown = asked.iter().find(|name| !known.contains(name))?;
    Some(format!(
        "alerting.escalation: an urgency rule names `{unknown}`, which is neither a time interval of the routing file nor a \
         calendar: the calendars are {}",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    ))
}

fn load_routing(config: &Config, tenant: &TenantName) -> anyhow::Result<Routing> {
    let config = config.alerting(tenant);
    if !config.file.exists() {
        tracing::warn!(file = %config.file.display(), "there is no routing file: alerts are kept and shown, but nobody is told");
        return Ok(Routing::nobody());
    }
    let (routing, findings) = Routing::load(&config);
    let findings = findings.iter().map(|finding| (finding.is_error, finding.to_string()));
    Ok(report_or_bail(routing, findings)?.for_tenant(tenant))
}

async fn load_rules(config: &Config, tenant: &Tenant, engine: &QueryEngine) -> anyhow::Result<RuleSet> {
    let (rules, findings) = RuleSet::load(&config.rules(tenant)?, engine).await;
    report_or_bail(rules, findings.iter().map(|finding| (finding.is_error, finding.to_string())))
}
