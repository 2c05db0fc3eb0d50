//! A lake with a known morning in it, and an engine over it.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use plimsoll_lake::Lake;
use plimsoll_model::{
    Clock, ManualClock, RowsOnly, SignalBatch, StateTable, Table, Timestamp, batch_from_rows,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Config, QueryEngine, QueryError, QueryOutput};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) engine: QueryEngine,
    pub(crate) lake: Lake,
    pub(crate) clock: ManualClock,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at(NOW);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let config =
            plimsoll_lake::Config { data_dir: dir.path().to_owned(), ..plimsoll_lake::Config::default() };
        let lake = Lake::open(config, Arc::clone(&shared), Arc::new(RowsOnly)).await.expect("the lake opens");
        let mut config = Config {
            spill_dir: dir.path().join("spill"),
            memory_limit_bytes: 64 * 1024 * 1024,
            // The tests share two cores with whatever else is built.
            timeout: Duration::from_secs(120),
            ..Config::default()
        };
        change(&mut config);
        let engine = QueryEngine::new(config, lake.clone(), vec![Arc::new(Objectives)], shared)
            .expect("the engine starts");
        Self { engine, lake, clock, _dir: dir }
    }

    pub(crate) async fn append(&self, table: Table, rows: &[Value]) {
        let batch = batch_from_rows(&table.schema(), rows).expect("rows fit");
        self.lake.append(vec![SignalBatch { table, batch }]).await.expect("appended");
    }

    /// Orders confirmed, one a second before now, with what a span and a lock wait say about them.
    pub(crate) async fn morning(&self) {
        let orders: Vec<Value> = (1..=5).map(order).collect();
        self.append(Table::BusinessEvents, &orders).await;
        let spans: Vec<Value> = (1..=5).map(span).collect();
        self.append(Table::Spans, &spans).await;
        self.append(Table::Metrics, &[histogram()]).await;
    }

    pub(crate) async fn sql(&self, sql: &str) -> Result<QueryOutput, QueryError> {
        self.engine.sql(sql, &[]).await
    }

    pub(crate) async fn json(&self, sql: &str) -> Value {
        let output = self.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        serde_json::from_slice(&output.to_json().expect("writes")).expect("is JSON")
    }
}

/// Whole microseconds, but for `time`: Delta keeps the nanoseconds of no other column.
fn base(age: i64) -> serde_json::Map<String, Value> {
    let time = NOW.nanos() - age * 1_000_000_000 + age;
    let row = json!({"time": time, "ingest_time": NOW.nanos(), "service_name": "odoo"});
    row.as_object().expect("an object").clone()
}

fn order(age: i64) -> Value {
    let mut row = base(age);
    row.insert("event_name".into(), json!("odoo.sale.order.confirmed"));
    row.insert("warehouse".into(), json!(if age % 2 == 0 { "WH2" } else { "WH1" }));
    row.insert("trace_id".into(), json!(format!("{age:032x}")));
    row.insert("outcome".into(), json!(if age == 3 { "failed" } else { "ok" }));
    row.insert("amount".into(), json!(100.5 * age as f64));
    row.insert("attributes".into(), json!({"odoo.user": format!("user-{age}")}));
    row.into()
}

fn span(age: i64) -> Value {
    let mut row = base(age);
    row.insert("trace_id".into(), json!(format!("{age:032x}")));
    row.insert("span_id".into(), json!(format!("{age:016x}")));
    row.insert("name".into(), json!("POST /orders"));
    row.insert("duration_ms".into(), json!(age * 250));
    row.insert("attributes".into(), json!({"http.route": format!("/orders/{age}"), "empty": null}));
    row.insert(
        "events".into(),
        json!([{"time_unix_nano": 7, "name": "lock wait", "attributes": {"pid": "42"}}]),
    );
    row.into()
}

fn histogram() -> Value {
    let mut row = base(1);
    row.insert("name".into(), json!("db.client.operation.duration"));
    row.insert("bucket_bounds".into(), json!([0.1, 1.0]));
    row.insert("bucket_counts".into(), json!([3, 2, 1]));
    row.into()
}

#[derive(Debug)]
struct Objectives;

impl StateTable for Objectives {
    fn name(&self) -> &'static str {
        "slos"
    }

    fn schema(&self) -> SchemaRef {
        let fields =
            vec![Field::new("slo", DataType::Utf8, false), Field::new("objective", DataType::Float64, true)];
        Arc::new(Schema::new(fields))
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        Ok(batch_from_rows(&self.schema(), &[json!({"slo": "order-posting", "objective": 99.5})])?)
    }
}
