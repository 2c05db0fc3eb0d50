//! Questions that many ask, under a name of their own: views over the tables of the same session. A view is planned when a
//! statement names it, and costs nothing otherwise.

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

pub(crate) const NAMES: [&str; 2] = ["changes", "source_costs"];

fn text_of(view: &str) -> Option<&'static str> {
    match view {
        "changes" => Some(CHANGES),
        "source_costs" => Some(SOURCE_COSTS),
        _ => None,
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
    /// Plans the views; a template that nothing is registered in.
    pub(crate) planner: Arc<SessionState>,
}

#[async_trait]
impl SchemaProvider for WithViews {
    fn table_names(&self) -> Vec<String> {
        let views = NAMES.map(str::to_owned);
        self.tables.table_names().into_iter().chain(views).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(text) = text_of(name) else { return self.tables.table(name).await };
        let catalog = session::catalog(Arc::clone(&self.tables));
        let catalog = catalog.map_err(|error| DataFusionError::External(error.into()))?;
        // No view reads `now()`: the statement that names it does.
        let state = session::open(&self.planner, catalog, Timestamp::from_nanos(0));
        let plan = state.create_logical_plan(text).await?;
        Ok(Some(Arc::new(ViewTable::new(plan, Some(text.to_owned())))))
    }

    fn table_exist(&self, name: &str) -> bool {
        NAMES.contains(&name) || self.tables.table_exist(name)
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
}
