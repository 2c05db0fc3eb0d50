//! A lake, an engine and an evaluator in a folder of their own; time stands still until the test moves it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_lake::Lake;
use plimsoll_model::{
    Alert, Clock, Decision, DecisionLedger, ManualClock, RowsOnly, SignalBatch, Table, Timestamp,
    batch_from_rows,
};
use plimsoll_query::QueryEngine;
use plimsoll_rules::{Config, Evaluator, Finding, RuleSet, SloTable, Succession};
use serde_json::{Value, json};

/// Appends decisions to the lake when the test says so, as `src/` does in the background.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Decision>>);

impl DecisionLedger for Ledger {
    fn record(&self, decision: Decision) {
        self.0.lock().expect("not poisoned").push(decision);
    }
}

pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) lake: Lake,
    pub(crate) engine: QueryEngine,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) slos: SloTable,
    pub(crate) evaluator: Evaluator,
    pub(crate) orders: u32,
}

pub(crate) fn start_of_day() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").expect("valid")
}

pub(crate) async fn open_lake(dir: &Path, clock: &ManualClock) -> Lake {
    let config = plimsoll_lake::Config { data_dir: dir.join("data"), ..plimsoll_lake::Config::default() };
    Lake::open(config, Arc::new(clock.clone()), Arc::new(RowsOnly)).await.expect("the lake opens")
}

pub(crate) fn engine(dir: &Path, lake: &Lake, slos: &SloTable, clock: &ManualClock) -> QueryEngine {
    let config = plimsoll_query::Config { spill_dir: dir.join("spill"), ..plimsoll_query::Config::default() };
    QueryEngine::new(config, lake.clone(), vec![Arc::new(slos.clone())], Arc::new(clock.clone()))
        .expect("an engine")
}

pub(crate) async fn load(
    dir: &Path,
    files: &[(&str, &str)],
    engine: &QueryEngine,
) -> (Config, Option<RuleSet>, Vec<Finding>) {
    let mut config = Config::default();
    for (name, text) in files {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        config.files.push(path);
    }
    let (rules, findings) = RuleSet::load(&config, engine).await;
    (config, rules, findings)
}

impl House {
    pub(crate) async fn open(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self::open_in(dir, ManualClock::at(start_of_day()), files).await
    }

    pub(crate) async fn open_in(dir: tempfile::TempDir, clock: ManualClock, files: &[(&str, &str)]) -> Self {
        let lake = open_lake(dir.path(), &clock).await;
        let (slos, ledger) = (SloTable::default(), Arc::new(Ledger::default()));
        let engine = engine(dir.path(), &lake, &slos, &clock);
        let (config, rules, findings) = load(dir.path(), files, &engine).await;
        let rules = rules.unwrap_or_else(|| panic!("{findings:#?}"));
        let evaluator = Evaluator::start(
            config,
            rules,
            engine.clone(),
            lake.clone(),
            Arc::<Ledger>::clone(&ledger),
            slos.clone(),
        );
        let evaluator = evaluator.await.expect("starts");
        Self { dir, clock, lake, engine, ledger, slos, evaluator, orders: 0 }
    }

    /// Everything in memory is gone; the folder and the time stay.
    pub(crate) async fn restart(self, files: &[(&str, &str)]) -> Self {
        let Self { dir, clock, lake, engine, evaluator, ledger, slos, .. } = self;
        drop((lake, engine, evaluator, ledger, slos));
        Self::open_in(dir, clock, files).await
    }

    /// Other files take the place of those in force.
    pub(crate) async fn reload(&mut self, files: &[(&str, &str)]) {
        let (_, rules, findings) = load(self.dir.path(), files, &self.engine).await;
        let rules = rules.unwrap_or_else(|| panic!("{findings:#?}"));
        let next = Succession::prepare(rules, &self.evaluator.known(), &self.engine).await;
        self.evaluator.follow(next).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn order(&mut self, warehouse: &str, outcome: &str, time: Timestamp) -> Value {
        self.orders += 1;
        json!({
            "time": time.nanos(), "ingest_time": self.now().nanos(), "event_name": "odoo.sale.order.confirmed",
            "warehouse": warehouse, "outcome": outcome, "duration_ms": 100.0, "amount": 250.5,
            "trace_id": format!("{:032x}", self.orders),
        })
    }

    pub(crate) async fn append(&self, table: Table, rows: &[Value]) {
        let batch = batch_from_rows(&table.schema(), rows).expect("rows fit");
        self.lake.append(vec![SignalBatch { table, batch }]).await.expect("appended");
    }

    /// Ten seconds: one order in each warehouse, and a pass.
    pub(crate) async fn step(&mut self, wh1: &str) -> Vec<Alert> {
        self.clock.advance(Duration::from_secs(10));
        let time = self.now() - Duration::from_secs(1);
        let rows = [self.order("WH1", wh1, time), self.order("WH2", "ok", time)];
        self.append(Table::BusinessEvents, &rows).await;
        self.tick().await
    }

    pub(crate) async fn tick(&mut self) -> Vec<Alert> {
        let alerts = self.evaluator.tick(self.now()).await;
        let decisions = std::mem::take(&mut *self.ledger.0.lock().expect("not poisoned"));
        let rows: Vec<Value> = decisions.iter().map(|decision| json!({
            "time": decision.time.nanos(), "ingest_time": decision.time.nanos(), "stage": "rule",
            "fingerprint": decision.fingerprint, "outcome": decision.outcome, "reason": decision.reason,
            "details": decision.details,
        })).collect();
        if !rows.is_empty() {
            self.append(Table::Decisions, &rows).await;
        }
        alerts
    }

    /// Good orders in both warehouses until now, as if the house had been open that long.
    pub(crate) async fn fill(&mut self, past: Duration) {
        let (mut time, now) = (self.now() - past, self.now());
        let mut rows = Vec::new();
        while time < now {
            rows.extend(["WH1", "WH2"].map(|warehouse| self.order(warehouse, "ok", time)));
            time = time + Duration::from_secs(10);
        }
        self.append(Table::BusinessEvents, &rows).await;
    }

    pub(crate) async fn run(&mut self, steps: usize, wh1: &str) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for _ in 0..steps {
            alerts = self.step(wh1).await;
        }
        alerts
    }

    /// How many steps until WH1's alert fires.
    pub(crate) async fn steps_until(
        &mut self,
        wh1: &str,
        wanted: impl Fn(&[Alert], Timestamp) -> bool,
    ) -> usize {
        for steps in 1..400 {
            let alerts = self.step(wh1).await;
            if wanted(&alerts, self.now()) {
                return steps;
            }
        }
        panic!("it never happened");
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let output = self.engine.sql(sql, &[]).await.expect("answers");
        arrow::util::pretty::pretty_format_batches(&output.batches).expect("prints").to_string()
    }
}

pub(crate) fn fires(alerts: &[Alert], now: Timestamp) -> bool {
    alerts.iter().any(|alert| !alert.is_resolved_at(now))
}

pub(crate) fn said<'a>(alerts: &'a [Alert], alertname: &str, annotation: &str) -> Option<&'a str> {
    let alert = alerts.iter().find(|alert| alert.labels.get("alertname") == alertname)?;
    alert.annotations.get(annotation).map(String::as_str)
}
