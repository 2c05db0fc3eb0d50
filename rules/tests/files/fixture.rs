//! A lake with ten known minutes in it, and the evaluator over whatever files a test writes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use plimsoll_lake::Lake;
use plimsoll_model::{
    Alert, Clock, Decision, DecisionLedger, ManualClock, RowsOnly, SignalBatch, StateTable, Table, Timestamp,
    batch_from_rows,
};
use plimsoll_query::QueryEngine;
use plimsoll_rules::{Config, Evaluator, Finding, RuleSet, SloTable};
use serde_json::{Value, json};

#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<Decision>>);

impl DecisionLedger for Ledger {
    fn record(&self, decision: Decision) {
        self.0.lock().expect("not poisoned").push(decision);
    }
}

/// One that sends and one that has stopped, as the binary's own table shows them.
#[derive(Debug)]
struct Sources;

impl StateTable for Sources {
    fn name(&self) -> &'static str {
        "sources"
    }

    fn schema(&self) -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        Arc::new(Schema::new(vec![
            text("name"),
            text("signal"),
            Field::new("blind", DataType::Boolean, false),
        ]))
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let row = |name: &str, blind: bool| json!({"name": name, "signal": "logs", "blind": blind});
        Ok(batch_from_rows(&self.schema(), &[row("odoo", false), row("traefik", true)])?)
    }
}

pub(crate) struct House {
    pub(crate) clock: ManualClock,
    pub(crate) engine: QueryEngine,
    pub(crate) dir: tempfile::TempDir,
    lake: Lake,
    slos: SloTable,
    ledger: Arc<Ledger>,
}

pub(crate) fn at(time: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("2026-11-21T{time}Z")).expect("a time of that day")
}

impl House {
    pub(crate) async fn open(now: &str) -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a folder"), ManualClock::at(at(now)));
        let config =
            plimsoll_lake::Config { data_dir: dir.path().join("data"), ..plimsoll_lake::Config::default() };
        let lake =
            Lake::open(config, Arc::new(clock.clone()), Arc::new(RowsOnly)).await.expect("the lake opens");
        let config = plimsoll_query::Config {
            spill_dir: dir.path().join("spill"),
            ..plimsoll_query::Config::default()
        };
        let slos = SloTable::default();
        let engine = QueryEngine::new(
            config,
            lake.clone(),
            vec![Arc::new(slos.clone()), Arc::new(Sources)],
            Arc::new(clock.clone()),
        );
        Self { clock, engine: engine.expect("an engine"), dir, lake, slos, ledger: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn append(&self, table: Table, rows: &[Value]) {
        let batch = batch_from_rows(&table.schema(), rows).expect("rows fit");
        self.lake.append(vec![SignalBatch { table, batch }]).await.expect("appended");
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) -> Vec<PathBuf> {
        let write = |(name, text): &(&str, &str)| {
            let path = self.dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        files.iter().map(write).collect()
    }

    pub(crate) async fn check(&self, files: Vec<PathBuf>) -> (Config, Option<RuleSet>, Vec<Finding>) {
        let config = Config { files, ..Config::default() };
        let (rules, findings) = RuleSet::load(&config, &self.engine).await;
        (config, rules, findings)
    }

    pub(crate) async fn evaluator(&self, files: Vec<PathBuf>) -> Evaluator {
        let (config, rules, findings) = self.check(files.clone()).await;
        let rules = rules.unwrap_or_else(|| panic!("{files:?}: {findings:#?}"));
        let (engine, lake, slos) = (self.engine.clone(), self.lake.clone(), self.slos.clone());
        let ledger = Arc::<Ledger>::clone(&self.ledger);
        Evaluator::start(config, rules, engine, lake, ledger, slos).await.expect("starts")
    }

    /// What became of rules since this was asked last.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        std::mem::take(&mut *self.ledger.0.lock().expect("not poisoned"))
    }

    pub(crate) async fn tick(&self, evaluator: &mut Evaluator) -> Vec<Alert> {
        evaluator.tick(self.now()).await
    }

    pub(crate) async fn json(&self, sql: &str) -> Value {
        let output = self.engine.sql(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        serde_json::from_slice(&output.to_json().expect("writes")).expect("is JSON")
    }

    /// From 08:00 to 08:10, each minute: an order (the fourth and the eighth fail, the sixth is slow), a queue's wait (0.5
    /// in the fifth minute, 0.1 otherwise), two counters that begin anew in the sixth, and two ready-made ratios.
    pub(crate) async fn ten_minutes(&self) {
        let (mut orders, mut points) = (Vec::new(), Vec::new());
        for minute in 0..10_i64 {
            let time = at("08:00:05").nanos() + minute * 60_000_000_000;
            orders.push(json!({
                "time": time, "ingest_time": time, "event_name": "odoo.sale.order.confirmed", "service_name": "odoo",
                "warehouse": if minute % 2 == 0 { "WH1" } else { "WH2" }, "amount": 100.0,
                "outcome": if minute == 3 || minute == 7 { "failed" } else { "ok" },
                "duration_ms": if minute == 5 { 3_000.0 } else { 100.0 }, "trace_id": format!("{minute:032x}"),
            }));
            let turns = if minute < 5 { minute + 1 } else { minute - 4 };
            let values = [
                ("queue.wait", if minute == 4 { 0.5 } else { 0.1 }),
                ("shop.requests", (turns * 10) as f64),
                ("shop.requests.ok", (turns * 9) as f64),
                ("shop.requests.failed", turns as f64),
                ("search.success", 0.9),
                ("search.failure", 0.1),
            ];
            points.extend(values.map(|(name, value)| {
                json!({"time": time, "ingest_time": time, "service_name": "shop", "name": name, "value": value})
            }));
        }
        self.append(Table::BusinessEvents, &orders).await;
        self.append(Table::Metrics, &points).await;
    }
}

/// The files of a folder with this ending, by name.
pub(crate) fn files_of(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files
}
