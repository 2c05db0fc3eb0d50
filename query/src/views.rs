//! Questions that many ask, under a name of their own: views over the tables of the same session. A view is planned when a
//! statement names it, and costs nothing otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::ViewTable;
use datafusion::execution::context::SessionState;
use plimsoll_lake::Lake;
use plimsoll_model::{StateTable, Table, Timestamp, batch_from_rows};
use serde_json::json;

use crate::session;

/// A question under a name: `SELECT * FROM name` asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub name: String,
    /// One SELECT, which may name other views. `now()` is that of the statement that names the view.
    pub sql: String,
}

/// Our own, and those that were configured.
#[derive(Clone, Debug)]
pub(crate) struct Views(Arc<BTreeMap<String, String>>);

impl Views {
    /// A configured view of one of our names takes its place.
    pub(crate) fn new(configured: Vec<View>) -> Self {
        let own = [("changes", CHANGES), ("source_costs", SOURCE_COSTS)];
        let own = own.map(|(name, sql)| (name.to_owned(), sql.to_owned()));
        let configured = configured.into_iter().map(|view| (view.name, view.sql));
        Self(Arc::new(own.into_iter().chain(configured).collect()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.keys().cloned()
    }

    /// What a view may see: every other one. So none can name itself, however far round.
    fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(other, _)| *other != name);
        Self(Arc::new(others.map(|(name, sql)| (name.clone(), sql.clone())).collect()))
    }
}

/// Each change once, as it was told last. One that never said when it began began when it was first told.
const CHANGES: &str = "
    SELECT time, ingest_time, change_id, kind, entity, version, summary, url, author, coalesce(started, first_told) AS started,
           ended, outcome, odoo_db, trace_id, span_id, service_name, service_version, resource, attributes
    FROM (
        SELECT *, min(time) OVER (PARTITION BY change_id) AS first_told,
               row_number() OVER (PARTITION BY change_id ORDER BY ingest_time DESC, ended DESC NULLS LAST) AS telling
        FROM change_records
    ) AS told
    WHERE telling = 1";

/// What each source costs a day. Its rows are taken to be as large on the disk as those of its signal are now, in proportion
/// to what it sent: who sends long records pays for them. A business event lies in two tables.
const SOURCE_COSTS: &str = "
    WITH daily AS (
        SELECT date_trunc('day', time) AS day, source, signal, sum(requests) AS requests,
               sum(bytes) AS received_bytes, sum(stored) AS stored_rows, sum(refused) AS refused_rows
        FROM ingest_ledger GROUP BY date_trunc('day', time), source, signal
    ), sizes AS (
        SELECT CASE table_name WHEN 'spans' THEN 'traces' WHEN 'metrics' THEN 'metrics' ELSE 'logs' END AS signal,
               CAST(sum(bytes) AS DOUBLE)
                   / nullif(sum(CASE WHEN table_name = 'business_events' THEN 0 ELSE rows END), 0) AS bytes_per_row
        FROM lake_tables WHERE table_name IN ('spans', 'logs', 'metrics', 'business_events') GROUP BY 1
    ), totals AS (
        SELECT day, signal, sum(stored_rows) AS rows, sum(received_bytes) AS bytes FROM daily GROUP BY day, signal
    ), days AS (
        SELECT day, sum(received_bytes) AS bytes FROM daily GROUP BY day
    )
    SELECT daily.day, daily.source, daily.signal, daily.requests, daily.received_bytes, daily.stored_rows,
           daily.refused_rows,
           CAST(round(totals.rows * sizes.bytes_per_row * daily.received_bytes / nullif(totals.bytes, 0)) AS BIGINT)
               AS stored_bytes,
           CAST(daily.received_bytes AS DOUBLE) / nullif(days.bytes, 0) AS share
    FROM daily
    JOIN totals ON totals.day = daily.day AND totals.signal = daily.signal
    JOIN days ON days.day = daily.day
    LEFT JOIN sizes ON sizes.signal = daily.signal";

/// The tables of a session, and the views over them.
#[derive(Debug)]
pub(crate) struct WithViews {
    pub(crate) tables: Arc<dyn SchemaProvider>,
    pub(crate) views: Views,
    /// Plans the views; a template that nothing is registered in.
    pub(crate) planner: Arc<SessionState>,
}

#[async_trait]
impl SchemaProvider for WithViews {
    fn table_names(&self) -> Vec<String> {
        self.tables.table_names().into_iter().chain(self.views.names()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(sql) = self.views.0.get(name) else { return self.tables.table(name).await };
        let seen: Arc<dyn SchemaProvider> = Arc::new(Self {
            tables: Arc::clone(&self.tables),
            views: self.views.without(name),
            planner: Arc::clone(&self.planner),
        });
        let catalog = session::catalog(seen);
        let catalog = catalog.map_err(|error| DataFusionError::External(error.into()))?;
        // `now()` stays a call in this plan; the statement that names the view gives it its moment.
        let state = session::open(&self.planner, catalog, Timestamp::from_nanos(0));
        let plan = state.create_logical_plan(sql).await;
        let plan = plan.map_err(|error| error.context(format!("the view {name}")))?;
        Ok(Some(Arc::new(ViewTable::new(plan, Some(sql.clone())))))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.views.0.contains_key(name) || self.tables.table_exist(name)
    }
}

/// What each table of the lake holds: rows and bytes of its files, and rows in memory.
#[derive(Debug)]
pub(crate) struct LakeTables(pub(crate) Lake);

impl StateTable for LakeTables {
    fn name(&self) -> &'static str {
        "lake_tables"
    }

    fn schema(&self) -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
            let numbers = ["files", "rows", "bytes", "rows_in_memory"];
            let numbers = numbers.map(|name| Field::new(name, DataType::Int64, false));
            let name = [Field::new("table_name", DataType::Utf8, false)];
            Arc::new(Schema::new(name.into_iter().chain(numbers).collect::<Vec<_>>()))
        });
        Arc::clone(&SCHEMA)
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let row = |table: Table| {
            let snapshot = self.0.snapshot(table);
            json!({
                "table_name": table.name(),
                "files": snapshot.cold.len(),
                "rows": snapshot.cold.iter().map(|file| file.rows).sum::<u64>(),
                "bytes": snapshot.cold.iter().map(|file| file.size_bytes).sum::<u64>(),
                "rows_in_memory": snapshot.hot.iter().map(RecordBatch::num_rows).sum::<usize>(),
            })
        };
        Ok(batch_from_rows(&self.schema(), &Table::ALL.map(row))?)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    use super::*;

    fn minute(day: i64, source: &str, signal: &str, bytes: i64, stored: i64) -> serde_json::Value {
        let time = 1_800_000_000_000_000_000 + day * 86_400_000_000_000;
        json!({
            "time": time, "ingest_time": time, "tenant": "default", "source": source, "signal": signal, "requests": 1,
            "bytes": bytes, "received": stored, "stored": stored, "refused": 0, "refused_by": {}, "in_flight": 0,
        })
    }

    #[tokio::test]
    async fn what_is_on_the_disk_is_split_by_who_sent_how_much() {
        let world = World::new().await;
        let rows: Vec<_> =
            (0..40).map(|n| json!({"time": n, "ingest_time": 0, "body": format!("line {n}")})).collect();
        world.append(Table::Logs, &rows).await;
        world.lake.flush().await.expect("flushes");
        let on_disk = world.lake.stats().files[&Table::Logs].bytes;
        let minutes = [
            minute(0, "odoo", "logs", 300, 20),
            minute(0, "odoo", "logs", 300, 10),
            minute(0, "traefik", "logs", 200, 10),
            minute(1, "odoo", "logs", 100, 10),
            minute(1, "odoo", "traces", 300, 5),
        ];
        world.append(Table::IngestLedger, &minutes).await;
        let sql = "SELECT CAST(date_part('day', day) AS BIGINT) AS day, source, signal, requests, received_bytes, stored_rows, \
                   refused_rows, stored_bytes, share FROM source_costs ORDER BY day, source, signal";
        let answer = world.engine.sql(sql, &[]).await.expect("an answer").to_json().expect("JSON");
        let answer: Vec<serde_json::Value> = serde_json::from_slice(&answer).expect("rows");
        let row = |day: i64,
                   source: &str,
                   signal: &str,
                   numbers: [i64; 4],
                   stored: Option<u64>,
                   share: f64| {
            let [requests, bytes, rows, refused] = numbers;
            json!({"day": day, "source": source, "signal": signal, "requests": requests, "received_bytes": bytes,
                   "stored_rows": rows, "refused_rows": refused, "stored_bytes": stored, "share": share})
        };
        let part = |quarters: u64| Some((on_disk * quarters + 2) / 4);
        let expected = [
            row(15, "odoo", "logs", [2, 600, 30, 0], part(3), 0.75),
            row(15, "traefik", "logs", [1, 200, 10, 0], part(1), 0.25),
            row(16, "odoo", "logs", [1, 100, 10, 0], part(1), 0.25),
            // No span is in a file yet: nobody knows how large they are.
            row(16, "odoo", "traces", [1, 300, 5, 0], None, 0.75),
        ];
        assert_eq!(answer, expected);
    }

    #[tokio::test]
    async fn a_view_is_described_like_a_table_and_is_driven_by_what_it_reads() {
        let world = World::new().await;
        let columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'source_costs'";
        assert_eq!(world.engine.sql(columns, &[]).await.expect("an answer").num_rows(), 9);
        let description = world.engine.describe("SELECT day FROM source_costs").await.expect("a plan");
        assert_eq!(description.tables, [Table::IngestLedger]);
        let none = world.engine.sql("SELECT * FROM source_costs", &[]).await.expect("an answer");
        assert_eq!(none.num_rows(), 0);
    }

    fn view(name: &str, sql: &str) -> View {
        View { name: name.to_owned(), sql: sql.to_owned() }
    }

    #[tokio::test]
    async fn a_configured_view_may_name_another_one_and_the_statements_now_is_its_now() {
        let world = World::with(|config| {
            config.views = vec![
                view("recent", "SELECT * FROM business_events WHERE time > now() - INTERVAL '3 seconds'"),
                view("recent_orders", "SELECT count(*) AS orders FROM recent"),
            ];
        })
        .await;
        world.morning().await;
        assert_eq!(world.json("SELECT orders FROM recent_orders").await, json!([{"orders": 3}]));
        world.clock.advance(std::time::Duration::from_secs(2));
        assert_eq!(world.json("SELECT orders FROM recent_orders").await, json!([{"orders": 1}]));
        let description = world.engine.describe("SELECT orders FROM recent_orders").await.expect("a plan");
        assert!(description.reads_now, "an indicator over it would be refused");
    }

    #[tokio::test]
    async fn a_view_that_names_itself_is_an_error_and_not_an_endless_descent() {
        let world = World::with(|config| {
            config.views = vec![view("chicken", "SELECT * FROM egg"), view("egg", "SELECT * FROM chicken")];
        })
        .await;
        let error = world.sql("SELECT * FROM chicken").await.expect_err("no table at the bottom").to_string();
        assert!(error.contains("chicken"), "{error}");
    }

    #[tokio::test]
    async fn a_change_is_shown_as_it_was_told_last() {
        let world = World::new().await;
        let told = |change_id: &str, ingest_time: i64, version: &str, started: Option<i64>| json!({"time": ingest_time, "ingest_time": ingest_time, "change_id": change_id, "version": version, "started": started});
        let second = 1_000_000_000;
        let rows = [
            told("a", second, "1", None),
            told("a", 3 * second, "2", None),
            told("b", 2 * second, "1", Some(second)),
        ];
        world.append(Table::ChangeRecords, &rows).await;
        let shown = world
            .json("SELECT change_id, version, CAST(started AS BIGINT) AS started FROM changes ORDER BY 1")
            .await;
        let expected = json!([{"change_id": "a", "version": "2", "started": second},
                              {"change_id": "b", "version": "1", "started": second}]);
        assert_eq!(shown, expected);
    }
}
